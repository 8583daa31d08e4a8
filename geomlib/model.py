"""The network: a convolutional beta-VAE with optional classification heads (paper, figure 2 and Methods)."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

DROPOUT = 0.25  # in the hidden layer of a head of more than two classes
ORIGINAL_TASKS = {"0": "region", "1": "aligned", "2": "order", "3": "quadrant", "4": "identity"}
ORIGINAL_NAMES = {"fc_mu": "mu", "fc_var": "logvar", "decoder_input": "expand"}


class Output(NamedTuple):
    """What `BetaVAE.forward` returns for N images, D latents."""

    reconstruction: Tensor  # (N, 1, 13, 13) probability that a pixel is wall
    mu: Tensor  # (N, D) posterior means
    logvar: Tensor  # (N, D) log of the posterior variances
    z: Tensor  # (N, D) the sampled code
    classes: dict[str, Tensor]  # task -> (N,) or (N, K) probabilities


class BetaVAE(nn.Module):
    """Encoder, decoder and heads; 349,643 parameters with 5 latents and no head.

    latent_dim   number of latents D
    heads        task -> number of classes K; 2 gives a linear classifier with one sigmoid output, more a hidden
                 layer and a softmax. Heads read the sampled code.
    """

    def __init__(self, latent_dim: int = 5, heads: Mapping[str, int] = {}):
        super().__init__()
        act = nn.LeakyReLU(0.01)
        self.latent_dim, self.heads = latent_dim, dict(heads)
        self.encoder = nn.Sequential(  # (N, 1, 13, 13)
            nn.Conv2d(1, 32, 4, stride=2, padding=1),
            act,  # (N, 32, 6, 6)
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            act,  # (N, 64, 3, 3)
            nn.Conv2d(64, 256, 3, stride=2, padding=1),
            act,
        )  # (N, 256, 2, 2)
        self.mu = nn.Linear(1024, latent_dim)
        self.logvar = nn.Linear(1024, latent_dim)
        self.expand = nn.Linear(latent_dim, 1024)
        self.decoder = nn.Sequential(  # (N, 256, 2, 2)
            nn.ConvTranspose2d(256, 64, 3, stride=2, padding=1),
            act,  # (N, 64, 3, 3)
            nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),
            act,  # (N, 32, 6, 6)
            nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )
        self.classifiers = Heads(latent_dim, heads)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (N, 1, 13, 13) -> posterior means and log-variances, (N, D) each."""
        features = self.encoder(images).flatten(1)  # (N, 1024)
        return self.mu(features), self.logvar(features)

    def decode(self, z: Tensor) -> Tensor:
        """Codes (N, D) -> probability of wall (N, 1, 13, 13)."""
        return self.decoder(self.expand(z).view(-1, 256, 2, 2))

    def classify(self, z: Tensor, masks: Mapping[str, Tensor] = {}) -> dict[str, Tensor]:
        """Codes (N, D) -> task -> probabilities: (N,) of class 1 for two classes, else (N, K).

        masks   task -> (N, hidden units), 0 or 1 / (1 - DROPOUT): the dropout of a training step; none elsewhere
        """
        return self.classifiers(z, masks)

    def forward(self, images: Tensor, noise: Tensor, masks: Mapping[str, Tensor] = {}) -> Output:
        """images (N, 1, 13, 13), noise (N, D) standard normal; zero noise decodes the posterior means."""
        mu, logvar = self.encode(images)
        z = mu + (logvar / 2).exp() * noise
        return Output(self.decode(z), mu, logvar, z, self.classify(z, masks))


class Heads(nn.ModuleDict):
    """Task -> classifier of codes, as in the original: linear for two classes, else with one hidden layer."""

    def __init__(self, latent_dim: int, heads: Mapping[str, int]):
        super().__init__()
        for task, k in heads.items():
            hidden = hidden_units(k)
            act, last = ([], 1) if k == 2 else ([nn.LeakyReLU(0.2)], k)
            self[task] = nn.Sequential(nn.Linear(latent_dim, hidden), *act, nn.Linear(hidden, last))

    def forward(self, z: Tensor, masks: Mapping[str, Tensor] = {}) -> dict[str, Tensor]:
        """As `BetaVAE.classify`."""
        classes = {}
        for task, net in self.items():
            hidden = net[:-1](z)  # (N, hidden units)
            logits = net[-1](hidden * masks[task] if task in masks else hidden)
            classes[task] = logits.softmax(-1) if logits.shape[-1] > 1 else logits.squeeze(-1).sigmoid()
        return classes


def hidden_units(n_classes: int) -> int:
    """Units of a head's hidden layer; for more than two classes dropout acts on them."""
    return {2: 1024, 169: 2500}.get(n_classes, 1500)


def rate(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(q(z|x) || N(0, I)) of each image in nats: (N, D), (N, D) -> (N,)."""
    return (mu**2 + logvar.exp() - 1 - logvar).sum(-1) / 2


def load_original(path: str | Path, task: str | None = None) -> BetaVAE:
    """Load a checkpoint of the original code: a Lightning file, read with weights only.

    task     which binary task `model.clf` is; needed where the file has one binary head, since its shape can't tell
    raises   ValueError where the file is no such checkpoint, holds other objects, or keys or shapes don't fit
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights_only" not in str(error) or not zipfile.is_zipfile(path):  # torch says so of any other file, too
            raise ValueError(f"{path}: not a checkpoint of torch.save") from None
        raise ValueError(
            f"{path}: holds objects other than tensors, which are not loaded since they can run code; where you trust "
            "it, save its weights alone: c = torch.load(FILE, weights_only=False); "
            "torch.save({'state_dict': c['state_dict']}, 'weights.ckpt')"
        ) from None
    except FileNotFoundError:
        raise
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise ValueError(f"{path}: not a checkpoint of torch.save, or cut short ({type(error).__name__})") from None
    state = loaded.get("state_dict") if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) and value.ndim for key, value in state.items()
    ):
        raise ValueError(f"{path}: expected a dict with a 'state_dict' of named tensors, as Lightning saves it")
    return _from_original(state, path, task)


def _from_original(state: Mapping[str, Tensor], path: str | Path, task: str | None) -> BetaVAE:
    """The network of an original state_dict (names in `ORIGINAL_NAMES`); errors as in `load_original`."""
    weights, heads = {}, {}
    for key, value in state.items():
        name = key.removeprefix("model.")
        part, _, rest = name.partition(".")
        if part == "clf_dict":
            number, _, rest = rest.partition(".")
            if number not in ORIGINAL_TASKS:
                raise ValueError(f"{path}: task number {number!r} of {key} is none of {', '.join(ORIGINAL_TASKS)}")
            part, head_task = "clf", ORIGINAL_TASKS[number]
        elif part == "clf":
            head_task = _single_task(state, path, task)
        if part == "clf":
            layer, _, kind = rest.partition(".")
            layer = "2" if layer == "3" else layer  # the original counts its dropout as a layer
            weights[f"classifiers.{head_task}.{layer}.{kind}"] = value
            if layer != "0" and kind == "bias":
                heads[head_task] = max(2, len(value))
        else:
            weights[f"{ORIGINAL_NAMES.get(part, part)}.{rest}"] = value
    if "mu.bias" not in weights:
        raise ValueError(f"{path}: no model.fc_mu.bias among its {len(state)} keys: not a beta-VAE of the original")
    network = BetaVAE(len(weights["mu.bias"]), heads)
    try:
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise ValueError(
            f"{path}: keys or shapes are not those of the original: "
            + "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        ) from None
    return network


def _single_task(state: Mapping[str, Tensor], path: str | Path, task: str | None) -> str:
    last = state.get("model.clf.3.bias", state.get("model.clf.1.bias"))
    many = {25: "region", 169: "identity"}.get(0 if last is None else len(last))
    binary = [name for name in ORIGINAL_TASKS.values() if name not in ("region", "identity")]
    if many or task in binary:
        return many or task
    raise ValueError(f"{path}: has one binary head; say which task it is (one of {', '.join(binary)}), got {task!r}")
