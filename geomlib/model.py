"""The network: a convolutional beta-VAE with optional classification heads (paper, figure 2 and Methods)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

DROPOUT = 0.25  # in the hidden layer of a head of more than two classes
WRAPPERS = {"model", "module", "_orig_mod", "_fsdp_wrapped_module", "_forward_module"}  # in the names of stored weights


class Output(NamedTuple):
    """What `BetaVAE.forward` returns for N images, D latents."""

    reconstruction: Tensor  # (N, 1, 13, 13) probability that a pixel is wall
    mu: Tensor  # (N, D) posterior means
    logvar: Tensor  # (N, D) log of the posterior variances
    z: Tensor  # (N, D) the sampled code
    classes: dict[str, Tensor]  # task -> (N,) or (N, K) probabilities


class BetaVAE(nn.Module):
    """Encoder, decoder and heads; 349,643 parameters with 5 latents, the paper's layers and no head.

    latent_dim   number of latents D
    heads        task -> number of classes K; 2 gives a linear classifier with one sigmoid output, more a hidden
                 layer and a softmax. Heads read the sampled code.
    layers       "convolutions", or "perceptron": two hidden layers each in encoder and decoder
    channels     C of the last convolution, and of a hidden layer; the paper's is 256
    """

    def __init__(
        self, latent_dim: int = 5, heads: Mapping[str, int] = {}, layers: str = "convolutions", channels: int = 256
    ):
        super().__init__()
        self.latent_dim, self.heads, self.layers, self.channels = latent_dim, dict(heads), layers, channels
        self.features = (channels,) if layers == "perceptron" else (channels, 2, 2)
        size = math.prod(self.features)
        self.encoder = encoder(layers, channels)  # (N, 1, 13, 13) -> (N, *features)
        self.mu, self.logvar = nn.Linear(size, latent_dim), nn.Linear(size, latent_dim)
        self.expand = nn.Linear(latent_dim, size)
        self.decoder = decoder(layers, channels)  # (N, *features) -> (N, 1, 13, 13), or (N, 169)
        self.classifiers = nn.ModuleDict({task: head(latent_dim, k) for task, k in heads.items()})

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (N, 1, 13, 13) -> posterior means and log-variances, (N, D) each."""
        features = self.encoder(images).flatten(1)  # (N, size)
        return self.mu(features), self.logvar(features)

    def decode(self, z: Tensor) -> Tensor:
        """Codes (N, D) -> probability of wall (N, 1, 13, 13)."""
        return self.decoder(self.expand(z).view(-1, *self.features)).view(-1, 1, 13, 13)

    def classify(self, z: Tensor, masks: Mapping[str, Tensor] = {}) -> dict[str, Tensor]:
        """Codes (N, D) -> task -> probabilities: (N,) of class 1 for two classes, else (N, K).

        masks   task -> (N, hidden units), 0 or 1 / (1 - DROPOUT): the dropout of a training step; none elsewhere
        """
        classes = {}
        for task, net in self.classifiers.items():
            hidden = net[:-1](z)  # ty: ignore[not-subscriptable]  # (N, hidden units)
            logits = net[-1](hidden * masks[task] if task in masks else hidden)  # ty: ignore[not-subscriptable]
            classes[task] = logits.softmax(-1) if logits.shape[-1] > 1 else logits.squeeze(-1).sigmoid()
        return classes

    def forward(self, images: Tensor, noise: Tensor, masks: Mapping[str, Tensor] = {}) -> Output:
        """images (N, 1, 13, 13), noise (N, D) standard normal; zero noise decodes the posterior means."""
        mu, logvar = self.encode(images)
        z = mu + (logvar / 2).exp() * noise
        return Output(self.decode(z), mu, logvar, z, self.classify(z, masks))


def encoder(layers: str, c: int) -> nn.Sequential:
    """Images (N, 1, 13, 13) -> features, the paper's with c = 256."""
    act = nn.LeakyReLU(0.01)
    if layers == "perceptron":
        return nn.Sequential(nn.Flatten(), nn.Linear(169, c), act, nn.Linear(c, c), act)
    return nn.Sequential(
        nn.Conv2d(1, c // 8, 4, stride=2, padding=1),
        act,  # (N, c / 8, 6, 6)
        nn.Conv2d(c // 8, c // 4, 3, stride=2, padding=1),
        act,  # (N, c / 4, 3, 3)
        nn.Conv2d(c // 4, c, 3, stride=2, padding=1),
        act,  # (N, c, 2, 2)
    )


def decoder(layers: str, c: int) -> nn.Sequential:
    """Features -> probability of wall of each pixel, the paper's with c = 256."""
    act = nn.LeakyReLU(0.01)
    if layers == "perceptron":
        return nn.Sequential(act, nn.Linear(c, c), act, nn.Linear(c, 169), nn.Sigmoid())
    return nn.Sequential(  # (N, c, 2, 2)
        nn.ConvTranspose2d(c, c // 4, 3, stride=2, padding=1),
        act,  # (N, c / 4, 3, 3)
        nn.ConvTranspose2d(c // 4, c // 8, 3, stride=2, padding=1, output_padding=1),
        act,  # (N, c / 8, 6, 6)
        nn.ConvTranspose2d(c // 8, 1, 4, stride=2, padding=1, output_padding=1),
        nn.Sigmoid(),
    )


def head(latent_dim: int, k: int) -> nn.Sequential:
    """A classifier of codes, as in the original: linear for two classes, else with one hidden layer."""
    hidden = hidden_units(k)
    act, last = ([], 1) if k == 2 else ([nn.LeakyReLU(0.2)], k)
    return nn.Sequential(nn.Linear(latent_dim, hidden), *act, nn.Linear(hidden, last))


def hidden_units(n_classes: int) -> int:
    """Units of a head's hidden layer; for more than two classes dropout acts on them."""
    return {2: 1024, 169: 2500}.get(n_classes, 1500)


def rate(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(q(z|x) || N(0, I)) of each image in nats: (N, D), (N, D) -> (N,)."""
    return (mu**2 + logvar.exp() - 1 - logvar).sum(-1) / 2


def plain_weights(state: Mapping[str, Any], place: str | Path) -> dict[str, Tensor]:
    """Stored weights as float32, under the names that they had before DataParallel, torch.compile or Lightning.

    Raises ValueError that names the tensor if one holds no finite numbers of a float type, or if two have one name.

    >>> plain_weights({"model.module.fc_mu.bias": torch.ones(5, dtype=torch.float16)}, "a.ckpt")
    {'fc_mu.bias': tensor([1., 1., 1., 1., 1.])}
    """
    weights: dict[str, Tensor] = {}
    for key, value in state.items():
        name = ".".join(part for part in key.split(".") if part not in WRAPPERS)
        if value.layout != torch.strided or value.is_meta or not value.is_floating_point() or not value.ndim:
            raise ValueError(f"{place}: {key} must be an array of a float type, got {value.dtype}, {list(value.shape)}")
        if name in weights:
            raise ValueError(f"{place}: {key} is a second {name}; keep the weights of one network")
        weights[name] = value.detach().float()
        if not torch.isfinite(weights[name]).all():
            raise ValueError(f"{place}: {key} holds a value that is no finite number in float32")
    return weights
