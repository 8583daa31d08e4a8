"""The objective: what a network is trained to minimize, and the feedback that holds its rate (paper, Methods).

    loss = reconstruction + lambda * rate + sum over tasks of cross entropy

`loss="held"`: lambda, the price of a nat, follows the rate. It rises while the rate lies above C(t) and falls while it
lies below, so that the rate ends at the capacity C. This is a dual ascent on "least distortion at rate C" (GECO,
Rezende and Viola 2018) with a controller's proportional term (ControlVAE, Shao et al. 2020). A price is positive: it
presses the rate down and never pushes it up, so a network can't meet its rate with a code that is the same for all
images.

    loss = reconstruction + gamma * 0.0003 * |rate - C(t)| + sum over tasks of w(t) * cross entropy

`loss="B"`: the original's penalty, with its clock and its rules for a task's weight w. `loss="H"`: beta * 0.0003 *
rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from .model import Output, rate
from .spec import Spec

FIRST_PRICE = 1.0  # lambda before the first step: a task's nat is worth about 1, so that at first nothing is coded
RISE = 0.5  # share of the steps in which C(t) rises to C ...
POWER = 1.5  # ... with this power of the step: slowly at first, so that latents settle one after the other
GAIN = 0.9  # over the root of the number of steps: how fast log lambda follows the error
PROPORTION = 0.3  # of the error that is added to log lambda at once
MEMORY = 0.1  # share of a new batch in the running mean of the rate
PRICES = (1e-5, 1e3)  # between which lambda stays


def new_hold(networks: int, device: torch.device | None = None) -> dict[str, Tensor]:
    """The feedback's state before the first step: log lambda and the running mean of the rate in nats, (M,) each."""
    price = torch.full((networks,), math.log(FIRST_PRICE), device=device)
    return {"log_price": price, "mean_rate": torch.zeros(networks, device=device)}


def hold(state: Mapping[str, Tensor], mu: Tensor, logvar: Tensor, capacity: Tensor, spec: Spec) -> Tensor:
    """One step of the feedback, which changes its state in place; returns lambda (M,).

    mu, logvar (M, N, D) of the batch     capacity (M,) C(t)     The error is log(rate / C(t)), cut at -1 and 1.
    """
    state["mean_rate"].lerp_(rate(mu, logvar).mean(1), MEMORY)
    error = (state["mean_rate"].clamp_min(1e-6) / capacity.clamp_min(1e-6)).log().clamp(-1, 1)
    state["log_price"].add_(GAIN / math.sqrt(spec.steps) * error).clamp_(*map(math.log, PRICES))
    return (state["log_price"] + PROPORTION * error).exp()


def capacity_at(step: int, spec: Spec) -> float:
    """C(t) in nats at training step 1, 2, ..."""
    if spec.loss == "held":
        return spec.capacity * min(step / (RISE * spec.steps), 1.0) ** POWER
    return spec.capacity * _original_ramp(clock_at(step, spec), spec)


def learning_rate_at(step: int, spec: Spec) -> float:
    """Adam's learning rate at a training step; a held network's falls to 0 at the end, so that its rate comes to
    rest."""
    falling = (spec.steps - step + 1) / max(spec.cooldown * spec.steps, 1e-9)
    return spec.learning_rate * spec.decay ** ((step - 1) // spec.steps_per_epoch) * min(falling, 1.0)


def task_weight_at(step: int, spec: Spec, task: str) -> float:
    """Weight of a task's cross entropy in the loss."""
    if spec.task_rule == "constant":
        return spec.task_weight
    t = clock_at(step, spec)
    if spec.task_rule == "early":
        return _original_ramp(t, spec)
    factor = spec.late_factor if task in ("region", "identity") else 1.0
    return factor * min(max((t - spec.ramp) / spec.ramp, 0.0), 1.0)


def clock_at(step: int, spec: Spec) -> int:
    """The reading t of the original's clock at a training step, in ticks: it counts validation batches of 32, too."""
    if spec.clock == "steps":
        return step
    on_one_gpu = math.ceil((spec.validation_end - spec.train_end) / 2)
    return step + 2 + math.ceil(on_one_gpu / 32) * ((step - 1) // spec.steps_per_epoch)


def _original_ramp(t: int, spec: Spec) -> float:
    return min(t / spec.ramp, 1.0) / (spec.slow_divisor if t < spec.slow_until else 1.0)


def loss_terms(
    output: Output, images: Tensor, labels: Mapping[str, Tensor], step: int, spec: Spec, price: float | None = None
) -> dict[str, Tensor]:
    """The terms whose sum is the loss at a step: "reconstruction", "rate" and each task, as scalars.

    output  of N images     images  (N, 1, 13, 13)     labels  task -> (N,) int64     price  lambda; None: the first one
    """

    def stacked(value):
        return {key: x[None] for key, x in value.items()} if isinstance(value, dict) else value[None]

    def number(value: float) -> Tensor:
        return torch.tensor([value], device=images.device)

    weights = {task: number(task_weight_at(step, spec, task)) for task in spec.tasks}
    factor = number(FIRST_PRICE if price is None else price) if spec.loss == "held" else number(rate_factor_of(spec))
    terms = stack_terms(
        Output(*map(stacked, output)),
        images[None],
        stacked(dict(labels)),
        number(capacity_at(step, spec)),
        factor,
        weights,
        spec,
    )
    return {name: term[0] for name, term in terms.items()}


def stack_terms(
    output: Output,
    images: Tensor,
    labels: Mapping[str, Tensor],
    capacity: Tensor,
    factor: Tensor,
    task_weight: Mapping[str, Tensor],
    spec: Spec,
) -> dict[str, Tensor]:
    """The loss terms of M networks, (M,) each; every argument but spec has a leading axis M, factor is lambda (M,)."""
    terms = {}
    if not spec.source:
        terms["reconstruction"] = pixel_errors(output.reconstruction, images, spec).flatten(1).mean(1)
        nats = rate(output.mu, output.logvar)  # (M, N)
        if spec.loss == "B":
            parts = torch.stack([part.mean(1) for part in nats.chunk(spec.rate_groups, 1)], 1)
            terms["rate"] = factor * (parts - capacity[:, None]).abs().mean(1)
        else:
            terms["rate"] = factor * nats.mean(1)
    for task in spec.tasks:
        terms[task] = task_weight[task] * cross_entropy(output.classes[task], labels[task], spec.softmax_twice)
    return terms


def pixel_errors(reconstruction: Tensor, images: Tensor, spec: Spec) -> Tensor:
    """The error of each pixel, of any shape: squared, or with the Bernoulli likelihood its cross entropy in nats."""
    if spec.likelihood == "bernoulli":
        return F.binary_cross_entropy(reconstruction, images, reduction="none")
    return (reconstruction - images).square()


def rate_factor_of(spec: Spec) -> float:
    """What the rate's term of the original's losses is multiplied by."""
    return spec.rate_weight * (spec.beta if spec.loss == "H" else spec.gamma)


def cross_entropy(probabilities: Tensor, labels: Tensor, softmax_twice: bool) -> Tensor:
    """Mean cross entropy in nats: (..., N) or (..., N, K) and (..., N) -> (...)."""
    if probabilities.ndim == labels.ndim:
        return F.binary_cross_entropy(probabilities, labels.to(probabilities), reduction="none").mean(-1)
    logs = probabilities.log_softmax(-1) if softmax_twice else probabilities.clamp_min(1e-12).log()
    return -logs.gather(-1, labels[..., None]).squeeze(-1).mean(-1)
