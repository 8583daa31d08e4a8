"""The best Gaussian code of a world: the least loss of any beta-VAE whose encoder knows the stimulus, and its geometry.

A network's encoder writes a mean and a variance, and its rate is counted against a standard normal prior. The limit of
`theory` knows neither. Here both are kept, and all else is ideal: the codes of the 169 stimuli are free, the decoder
and the heads answer each point of the code with the mean of what lies there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from . import theory
from .data import counts_table
from .theory import PIXELS

LATENTS = 2
GRID = torch.arange(-4.6, 4.61, 0.2, dtype=torch.float64)  # of one latent
PRIORS = "normal", "best"
STARTS = 4
FINE = {"maxiter": 1500, "maxcor": 20, "ftol": 1e-10, "gtol": 1e-7}  # of one minimization
HELD = 1e-3  # how far a code's rate may lie from the one that is asked for, as a share of it


class Gaussian(NamedTuple):
    """The best Gaussian code at one rate."""

    means: np.ndarray  # (169, 2) of the stimuli's codes, x_uc slowest; NaN for one without images
    variances: np.ndarray  # (169, 2)
    rate: float  # nats
    loss: float  # squared error, mean of a pixel, + weight * cross entropy (nats) of the labels
    price: float  # lambda: what one more nat is worth, in loss


def best(
    counts: Any, rate: float, labels: Any = None, world: Any = "corridors", weight: float = 1, prior: str = "normal"
) -> Gaussian:
    """The code with the least loss at a rate, of all that have a Gaussian in two latents for each stimulus.

    The problem is not convex: the best of several starts is taken. Integrals are sums over a grid, which is fine
    enough up to about 3 nats. RuntimeError where no start reaches the rate, as the best prior's above 1 nat.

    counts, labels, world, weight   as of `theory.limit`     rate  nats, in 0.01 to 3.5
    prior   what the rate is counted against: "normal", as in a network, or "best", the mean density of the codes: the
            rate is then what the code tells of the stimulus, in whatever shape its codes lie
    """
    if not 0.01 <= rate <= 3.5:
        raise ValueError(f"rate must be a number in 0.01 to 3.5 (nats): the grid is too coarse for more, got {rate}")
    if prior not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}, got {prior!r}")
    table = counts_table(counts)
    there, classes = np.flatnonzero(table), theory.classes_of(table, labels, weight)
    means, probability, floor = theory.source(table, world)
    x, truth = (torch.tensor(part) for part in theory.coordinates(means, classes))
    p = torch.tensor(probability)
    if x.shape[1] == 0:
        raise ValueError("all stimuli that have images have the same mean image: there is nothing to tell apart")

    def terms(code: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return _terms(code, x, truth, p, weight, prior)

    rise = np.geomspace(min(rate, 1), rate, 1 + int(np.ceil(max(rate - 1, 0) * 3)))  # as a network's capacity rises
    found = []
    for seed in range(STARTS):
        code = _start(x, p, rise[0], seed)
        for target in rise:
            loss, reached, price, code = _held(terms, code, target)
        if abs(reached / rate - 1) < HELD:
            found.append((loss, reached, price, code))
    if not found:
        raise RuntimeError(f"no start reached a rate of {rate} with the {prior} prior; ask for a smaller rate")
    loss, reached, price, code = min(found, key=lambda one: one[0])
    mean, log_sd = _standard(code, p, prior).numpy()
    whole = np.full((2, PIXELS, LATENTS), np.nan)
    whole[:, there] = mean.T, np.exp(2 * log_sd.T)
    return Gaussian(*whole, reached, floor + loss, price)


def _start(x, p, rate: float, seed: int) -> torch.Tensor:
    """Means and logs of standard deviations, (2, D, S), of about this rate: first along the two leading coordinates of
    the images, next turned by half a right angle, then anywhere."""
    code = torch.tensor(np.random.default_rng(seed).normal(size=(LATENTS, len(p))))
    if seed < 2:
        code[: x.shape[1]] = x[:, :LATENTS].T
    code = code / (code**2 @ p).sqrt()[:, None]
    if seed == 1:
        code = torch.stack([code[0] + code[1], code[0] - code[1]]) / np.sqrt(2)
    log_sd = -rate / LATENTS
    return torch.stack([code * np.sqrt(1 - np.exp(2 * log_sd)), torch.full_like(code, log_sd)])


def _standard(code, p, prior: str) -> torch.Tensor:
    """The code (2, D, S) as it is; for the best prior, which follows any shift and stretch, with mean 0 and variance 1
    of each latent."""
    mean, log_sd = code
    if prior == "best":
        mean = mean - (mean @ p)[:, None]
        sd = ((mean**2 + (2 * log_sd).exp()) @ p).sqrt()[:, None]
        mean, log_sd = mean / sd, log_sd - sd.log()
    return torch.stack([mean, log_sd])


def _terms(code, x, truth, p, weight: float, prior: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss above the floor, and rate, of a code (2, D, S): images x (S, C) and classes truth (S, K) of S stimuli."""
    mean, log_sd = _standard(code, p, prior)
    each = [torch.softmax(-(((GRID - m[:, None]) / s[:, None]) ** 2) / 2, 1) for m, s in zip(mean, log_sd.exp())]
    density = torch.einsum("sa,sb->sab", *each).flatten(1)  # (S, grid)
    mixed = p @ density + 1e-30
    image, classes = ((part * p[:, None]).T @ density for part in (x, truth))
    error = (p @ x**2).sum() - (image**2 / mixed).sum()  # images are means of what lies at a point: Pythagoras
    loss = error / PIXELS - weight * torch.special.xlogy(classes, classes / mixed).sum()
    if prior == "normal":
        return loss, (p * (mean**2 + (2 * log_sd).exp() - 1 - 2 * log_sd)).sum() / 2
    return loss, sum(p @ torch.xlogy(one, one).sum(1) for one in each) - torch.xlogy(mixed, mixed).sum()


def _held(terms: Callable, start: torch.Tensor, rate: float) -> tuple[float, float, float, torch.Tensor]:
    """Loss, rate, price and code of the least loss at a rate that can be reached from a start.

    The price of a nat follows the rate, as that of a network does, in steps between minimizations; a square of the
    distance holds the rate where the loss has no convex curve (an augmented Lagrangian).
    """
    from scipy.optimize import minimize

    stiff = float(terms(torch.zeros_like(start))[0])  # at first the loss without a code, per nat
    price, code, most = 0.1 * stiff, start, 10 * stiff
    for _ in range(40):

        def cost(flat, price=price, stiff=stiff):
            free = torch.tensor(flat.reshape(start.shape), requires_grad=True)
            loss, nats = terms(free)
            total = (loss + price * (nats - rate) + stiff / 2 * (nats - rate) ** 2) / stiff
            (slope,) = torch.autograd.grad(total, free)
            return total.item(), slope.numpy().ravel()

        done = minimize(cost, code.numpy().ravel(), jac=True, method="L-BFGS-B", options=FINE)
        code = torch.tensor(done.x.reshape(start.shape))
        loss, nats = (float(term) for term in terms(code))
        price, stiff = max(price + stiff * (nats - rate), 0.0), min(1.3 * stiff, most)
        if abs(nats / rate - 1) < HELD:
            break
    return loss, nats, price, code
