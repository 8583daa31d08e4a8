"""The best Gaussian code of a world: the least loss of any beta-VAE whose encoder knows the stimulus, and its geometry.

A network's encoder writes a mean and a variance, and its rate is counted against a standard normal prior. The limit of
`theory` knows neither. Here both are kept, and all else is ideal: the codes of the 169 stimuli are free, the decoder
and the heads answer each point of the code with the mean of what lies there.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import theory
from .data import PAIRS, counts_table
from .theory import PIXELS

END = 4.6  # of the grid of a latent
SHARE = 0.6  # of the narrowest Gaussian, that its points lie apart
MOST = 0.6  # between its points, before a code is known
PRIORS = {"normal": 0.04, "best": 0.2}  # with the least step of its grid: against the best, codes narrow without end
STARTS = 4
MAP = 2  # the start that is a map of the positions, at the whole rate at once
FINE = {"maxiter": 1500, "maxcor": 20, "ftol": 1e-10, "gtol": 1e-7}  # of one minimization
HELD = 1e-3  # how far a code's rate may lie from the one that is asked for, as a share of it


class Gaussian(NamedTuple):
    """The best Gaussian code at one rate, in D latents."""

    means: np.ndarray  # (169, D) of the stimuli's codes, x_uc slowest; NaN for one without images
    variances: np.ndarray  # (169, D)
    rate: float  # nats
    loss: float  # mean error of a pixel, + weight * cross entropy (nats) of the labels
    price: float  # lambda: what one more nat is worth, in loss


def best(
    counts: Any,
    rate: float,
    labels: Any = None,
    world: Any = "corridors",
    prior: str = "normal",
    latents: int = 2,
    **loss: Any,
) -> Gaussian:
    """The code with the least loss at a rate, of all that have a Gaussian in some latents for each stimulus.

    The problem is not convex: the best of several starts is taken. RuntimeError where no start reaches the rate, as the
    best prior's above 1 nat.

    counts, labels, world   as of `theory.limit`     rate   nats, in 0.01 to 5     loss   fields of `theory.Loss`
    prior     what the rate is counted against: "normal", as in a network, or "best", the mean density of the codes: the
              rate is then what the code tells of the stimulus, in whatever shape its codes lie
    latents   2 to 4; integrals are sums over a grid, so that four take minutes at 0.3 nats and hours
              at 1, where two take seconds
    """
    if not 0.01 <= rate <= 5:
        raise ValueError(f"rate must be a number in 0.01 to 5 (nats): the grid grows too fine for more, got {rate}")
    if latents not in (2, 3, 4):
        raise ValueError(f"latents must be 2, 3 or 4, got {latents!r}")
    if prior not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}, got {prior!r}")
    table = counts_table(counts)
    there = np.flatnonzero(table)
    states, _, floor = theory.states_asked(table, theory.classes_of(labels), world, theory.Loss(**loss))
    parts = states.known, states.unit, states.probability, PAIRS.T[:, there].astype(float)
    problem = _Problem(states, *map(torch.tensor, parts), prior)
    if len(states.unit) == 0:
        raise ValueError("all stimuli that have images have the same mean image: there is nothing to tell apart")
    rise = np.geomspace(min(rate, 1), rate, 1 + int(np.ceil(max(rate - 1, 0) * 3)))  # as a network's capacity rises
    found = []
    for seed in range(STARTS):
        way = rise[-1:] if seed == MAP else rise
        code = _start(problem, latents, way[0], seed)
        for target in way:
            least, reached, price, code = _held(problem, code, target)
        if abs(reached / rate - 1) < HELD:
            found.append((least, reached, price, code))
    if not found:
        raise RuntimeError(f"no start reached a rate of {rate} with the {prior} prior; ask for a smaller rate")
    least, reached, price, code = min(found, key=lambda one: one[0])
    mean, log_sd = _standard(code, problem).numpy()
    whole = np.full((2, PIXELS, latents), np.nan)
    whole[:, there] = mean.T, np.exp(2 * log_sd.T)
    return Gaussian(*whole, reached, floor + least, price)


class _Problem(NamedTuple):
    states: theory.States
    known: Tensor  # (S, C + K + 1) and
    unit: Tensor  # (C,) of the states
    p: Tensor  # (S,) probability of each stimulus
    positions: Tensor  # (2, S) x_uc and x_lc
    prior: str


def _start(problem: _Problem, latents: int, rate: float, seed: int) -> Tensor:
    """Means and logs of standard deviations, (2, D, S), of about this rate: first along the leading coordinates of the
    images, next with two of these turned by half a right angle, then along the stimuli's positions, then anywhere."""
    code = torch.tensor(np.random.default_rng(seed).normal(size=(latents, len(problem.p))))
    if seed < 2:
        x = problem.known[:, : len(problem.unit)]
        leading = (x - problem.p @ x).T
        order = torch.argsort(-(leading**2 @ problem.p), stable=True)[:latents]
        code[: len(order)] = leading[order]
    elif seed == MAP:
        code[:2] = problem.positions - (problem.positions @ problem.p)[:, None]
    code = code / ((code**2 @ problem.p).sqrt() + 1e-12)[:, None]
    if seed == 1:
        code[:2] = torch.stack([code[0] + code[1], code[0] - code[1]]) / np.sqrt(2)
    log_sd = -rate / latents
    return torch.stack([code * np.sqrt(1 - np.exp(2 * log_sd)), torch.full_like(code, log_sd)])


def _standard(code: Tensor, problem: _Problem) -> Tensor:
    """The code (2, D, S) as it is; for the best prior, which follows any shift and stretch, with mean 0 and variance 1
    of each latent."""
    mean, log_sd = code
    if problem.prior == "best":
        mean = mean - (mean @ problem.p)[:, None]
        sd = ((mean**2 + (2 * log_sd).exp()) @ problem.p).sqrt()[:, None]
        mean, log_sd = mean / sd, log_sd - sd.log()
    return torch.stack([mean, log_sd])


def _steps(code: Tensor, problem: _Problem, old: list[float]) -> list[float]:
    """The step of the grid in each latent that suits a code: a SHARE of its narrowest Gaussian, since a code would
    narrow between points that lie further apart. No less than half of the old step: a code that is not settled yet may
    be narrow for a while."""
    narrow = _standard(code, problem)[1].exp().amin(1).tolist()
    return [min(max(SHARE * sd, step / 2, PRIORS[problem.prior]), MOST) for sd, step in zip(narrow, old)]


def _terms(code: Tensor, problem: _Problem, steps: list[float]) -> tuple[Tensor, Tensor]:
    """Loss above the floor, and rate, of a code (2, D, S); steps: of the grid, of each latent."""
    states, known, unit, p, _, prior = problem
    mean, log_sd = _standard(code, problem)
    grids = [torch.linspace(-END, END, 1 + int(np.ceil(2 * END / step)), dtype=torch.float64) for step in steps]
    apart = [(grid - m[:, None]) / s[:, None] for grid, m, s in zip(grids, mean, log_sd.exp())]
    each = [torch.softmax(-(distance**2) / 2, 1) for distance in apart]  # (S, points)
    half = len(each) // 2
    one, other = (functools.reduce(_pairs, some) for some in (each[:half], each[half:]))  # (S, points)
    sums = (((known * p[:, None]).T[:, None] * one.T) @ other).flatten(1).T  # (points, C + K + 1)
    mixed = sums[:, -1:] + 1e-30  # density
    wrong, least = (_spread(x[:, : len(unit)] / unit, states.loss.likelihood) @ unit**2 for x in (sums / mixed, known))
    classes = sums[:, len(unit) : -1]
    judged = theory.scores((classes / mixed).detach().numpy(), states)  # of the best answers, so without a slope
    gained = (classes * torch.from_numpy(judged)).sum()
    loss = (mixed[:, 0] @ wrong - p @ least) / PIXELS - states.loss.weight * gained
    if prior == "normal":
        return loss, (p * (mean**2 + (2 * log_sd).exp() - 1 - 2 * log_sd)).sum() / 2
    return loss, _entropy(mixed).sum() - sum(p @ _entropy(one).sum(1) for one in each)


def _pairs(one: Tensor, other: Tensor) -> Tensor:
    """Products of each two of (S, A) and (S, B): (S, A * B)."""
    return (one[:, :, None] * other[:, None]).flatten(1)


def _spread(pixels: Tensor, likelihood: str) -> Tensor:
    """`theory.spread`, of tensors. For squared error any coordinates will do: what is linear in them cancels."""
    if likelihood == "gaussian":
        return pixels * (1 - pixels)
    return _entropy(pixels) + _entropy(1 - pixels)


def _entropy(p: Tensor) -> Tensor:
    """-p log p, of a finite slope at 0."""
    return torch.special.entr(p.clamp_min(1e-15))


def _held(problem: _Problem, start: Tensor, rate: float) -> tuple[float, float, float, Tensor]:
    """Loss, rate, price and code of the least loss at a rate that can be reached from a start.

    The price of a nat follows the rate, as that of a network does, in steps between minimizations; a square of the
    distance holds the rate where the loss has no convex curve (an augmented Lagrangian).
    """
    from scipy.optimize import minimize

    steps = [MOST] * len(start[0])
    stiff = float(_terms(torch.zeros_like(start), problem, steps)[0])  # at first the loss without a code, per nat
    price, code, most = 0.1 * stiff, start, 10 * stiff
    for _ in range(40):

        def cost(flat, price=price, stiff=stiff, steps=steps):
            free = torch.tensor(flat.reshape(start.shape), requires_grad=True)
            loss, nats = _terms(free, problem, steps)
            total = (loss + price * (nats - rate) + stiff / 2 * (nats - rate) ** 2) / stiff
            (slope,) = torch.autograd.grad(total, free)
            return total.item(), slope.numpy().ravel()

        done = minimize(cost, code.numpy().ravel(), jac=True, method="L-BFGS-B", options=FINE)
        code, used = torch.tensor(done.x.reshape(start.shape)), steps
        steps = _steps(code, problem, used)
        loss, nats = (float(term) for term in _terms(code, problem, steps))
        price, stiff = max(price + stiff * (nats - rate), 0.0), min(1.3 * stiff, most)
        if abs(nats / rate - 1) < HELD and all(step > 0.9 * old for step, old in zip(steps, used)):
            break
    return loss, nats, price, code
