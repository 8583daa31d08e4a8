"""What a trained network makes of images: codes, reconstructions, scores. Needs no trainer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from . import data, measures, original
from .model import BetaVAE, Output
from .objective import cross_entropy
from .spec import Spec, file_sha256


def load_data(spec: Spec) -> data.Corridors:
    """The spec's images and factors, in their fixed order; ValueError if a CSV file is not the one trained on."""
    if not spec.from_csv:
        return drawn(data.counts_name(spec.counts) or spec.counts, spec.data_seed, spec.world)
    if file_sha256(str(spec.counts)) != spec.csv_sha256:
        raise ValueError(f"{spec.counts} has changed: its sha256 is no longer {spec.csv_sha256[:12]}...")
    found = original.read_csv(str(spec.counts))
    if len(found.images) < spec.validation_end:
        raise ValueError(f"validation_end is {spec.validation_end}, but {spec.counts} has {len(found.images)} images")
    return found


@functools.lru_cache(maxsize=3)
def drawn(counts: str | tuple, seed: int = 0, world: str | tuple = "corridors") -> data.Corridors:
    """`data.corridors`, kept, since many networks see the same images; the arrays can't be written to."""
    found = data.corridors(counts, seed, world)
    for array in found:
        array.flags.writeable = False
    return found


def encode(model: BetaVAE, images: np.ndarray) -> np.ndarray:
    """Posterior means (N, D) float32 of images (N, 1, 13, 13); one image may be (13, 13)."""
    return posterior(model, images)[0]


def posterior(model: BetaVAE, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and log-variances, (N, D) float32 each, of images (N, 1, 13, 13); one image may be (13, 13)."""
    images = _images(model, images)
    mu, logvar = _in_parts(model.encode, model, images)
    return mu.cpu().numpy(), logvar.cpu().numpy()


def _images(model: BetaVAE, images: np.ndarray) -> np.ndarray:
    """Images (N, 1, 13, 13) that a network can read, of one or of many; else an error."""
    _check_network(model)
    if isinstance(images, data.Corridors):
        raise TypeError(
            "images must be an array (N, 1, 13, 13), got corridors with their factors: give .images of them"
        )
    images = np.asarray(images)
    images = images[None, None] if images.shape == (data.SIDE, data.SIDE) else images
    if images.shape[1:] != (1, data.SIDE, data.SIDE):
        raise ValueError(f"images must be (N, 1, 13, 13), 0 = open and 1 = wall, got shape {images.shape}")
    low, high = images.min(initial=0), images.max(initial=0)
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"images must hold numbers from 0 (open) to 1 (wall), got {low:g}..{high:g}; divide 0..255 by 255"
        )
    return images


def sample(model: BetaVAE, images: np.ndarray, seed: Sequence[int]) -> Tensor:
    """One sampled code z an image, (N, D), on the model's device; the noise follows from the seed."""
    images = _images(model, images)
    mu, logvar = _in_parts(model.encode, model, images)
    return mu + (logvar / 2).exp() * torch.from_numpy(_noise(seed, len(images), model)).to(mu.device)


def decode(model: BetaVAE, codes: np.ndarray) -> np.ndarray:
    """Probability of wall (N, 1, 13, 13) float32 that codes (N, D) decode to."""
    _check_network(model)
    if np.shape(codes)[1:] != (model.latent_dim,):
        raise ValueError(f"codes must be (N, {model.latent_dim}), got shape {np.shape(codes)}")
    return _in_parts(lambda z: (model.decode(z),), model, codes)[0].cpu().numpy()


def scores(
    model: BetaVAE,
    images: np.ndarray,
    factors: np.ndarray,
    seed: int,
    tasks: Mapping[str, data.Task] = {},
    forward: Callable[..., Output] = BetaVAE.__call__,
) -> dict[str, float]:
    """Scores of a network on images (N, 1, 13, 13), as the paper's validation: codes are sampled, no dropout.

    tasks           of the heads; those that are missing are built-in ones
    forward         how the network is computed: as it is written, or `engine.fast.forward_one`
    reconstruction  mean squared pixel error       rate, rate_0, ...  nats, in total and by latent
    active_latents  latents above 0.01 nats        and of each head its `head_scores`
    """
    _check_network(model)

    def outputs(x: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        out = forward(model, x, noise)
        return (out.reconstruction - x).square().flatten(1).mean(1), out.mu, out.logvar, *out.classes.values()

    errors, mu, logvar, *classes = _in_parts(outputs, model, images, _noise([seed, 0], len(images), model))
    mu, logvar = mu.cpu().numpy(), logvar.cpu().numpy()
    by_latent = measures.latent_rates(mu, logvar).tolist()
    found = {"reconstruction": errors.double().mean().item(), "rate": sum(by_latent)}
    found |= {f"rate_{i}": value for i, value in enumerate(by_latent)}
    found["active_latents"] = measures.active_latents(mu, logvar)
    return found | head_scores(dict(zip(model.heads, classes)), factors, tasks)


def head_scores(
    classes: Mapping[str, Tensor], factors: np.ndarray, tasks: Mapping[str, data.Task] = {}
) -> dict[str, float]:
    """Scores of heads' probabilities, task -> (N,) or (N, K), on images with factors (N, 2); of each TASK

    TASK           cross entropy, nats
    f1_TASK        mean over batches of 32, as published     whole_f1_TASK    over all images at once
    """
    found = {}
    for name, p in classes.items():
        p, task = p.cpu(), tasks[name] if name in tasks else data.task_of(name)
        labels, predicted = task.labels(factors), answer(p)
        found[name] = cross_entropy(p, torch.from_numpy(labels), softmax_twice=False).item()
        found[f"f1_{name}"] = measures.f1_batchwise(labels, predicted, task.n_classes)
        found[f"whole_f1_{name}"] = measures.f1(labels, predicted, task.n_classes)
    return found


def answer(p: Tensor) -> np.ndarray:
    """The class that a head names, (N,) int64: probabilities (N,) of class 1, or (N, K)."""
    return (p.argmax(1) if p.ndim > 1 else p > 0.5).numpy().astype(np.int64)


def _check_network(model: BetaVAE) -> None:
    if not isinstance(model, BetaVAE):
        raise TypeError(f"model must be a network (BetaVAE), as .model of a run is, got {type(model).__name__}")


def _noise(seed: Sequence[int], n: int, model: BetaVAE) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, model.latent_dim), dtype=np.float32)


def _in_parts(function: Callable, model: BetaVAE, *arrays: np.ndarray) -> list[Tensor]:
    """The tensors that a function gives for arrays (N, ...), on the model's device, 1,000 rows at a time.

    More at once would leave a CPU's cache.
    """
    device = model.mu.weight.device
    size = 1000 if device.type == "cpu" else 50_000
    with torch.inference_mode():
        parts = [
            function(*(torch.from_numpy(np.array(a[i : i + size], np.float32)).to(device) for a in arrays))
            for i in range(0, max(len(arrays[0]), 1), size)
        ]
    return [torch.cat(part) for part in zip(*parts)]
