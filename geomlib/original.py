"""The authors' own files: their checkpoints and their data sets as CSV."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import Tensor

from .data import SIDE, Corridors, existing
from .model import BetaVAE, plain_weights

TASKS = {"0": "region", "1": "aligned", "2": "order", "3": "quadrant", "4": "identity"}  # by their numbers
NAMES = {"fc_mu": "mu", "fc_var": "logvar", "decoder_input": "expand"}  # of layers, theirs -> ours
HEAD = re.compile(r"classifiers\.(\w+)\.[12]\.bias")  # of a head's last layer
HOLDERS = ("state_dict", "model_state_dict", "model")  # what people call the weights in a file that holds more


def load_original(path: str | Path, task: str | None = None) -> BetaVAE:
    """Load a checkpoint of the original code: a Lightning file, its bare weights, or these as safetensors.

    task     which binary task `model.clf` is; needed if the file has one binary head, since its shape can't tell
    raises   ValueError if the file is no such checkpoint, holds other objects, or names, shapes or values don't fit
    """
    state = _read(path)
    state = next((state[name] for name in HOLDERS if isinstance(state, dict) and name in state), state)
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise ValueError(f"{path}: expected a dict with a 'state_dict' of named tensors, as Lightning saves it")
    try:
        weights = _renamed(plain_weights(state, path), path, task)
        heads = {m[1]: max(2, len(w)) for name, w in weights.items() if (m := HEAD.fullmatch(name))}
        network = BetaVAE(len(weights["mu.bias"]), heads)
        network.load_state_dict(weights)
    except (RuntimeError, KeyError, MemoryError) as error:
        why = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise ValueError(f"{path}: keys or shapes are not those of the original: {why or error}") from None
    return network


def _read(path: str | Path) -> Any:
    """What a file of tensors holds, whatever its bytes; nothing in it is run."""
    with open(existing(path), "rb") as file, warnings.catch_warnings(action="ignore"):
        zipped = file.read(2) == b"PK"
        file.seek(0)
        try:
            if str(path).endswith(".safetensors"):
                return safetensors.torch.load(file.read())
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # the unpickler of a file of any other kind raises errors of every kind
            if isinstance(error, pickle.UnpicklingError) and "weights_only" in str(error) and zipped:
                raise ValueError(
                    f"{path}: holds objects other than tensors, which are not loaded since they can run code; if you "
                    "trust it, save its weights alone: c = torch.load(FILE, weights_only=False); torch.save("
                    "c['state_dict'], 'weights.pt'), or c.state_dict() where c is a whole network"
                ) from None
            raise ValueError(f"{path}: not a checkpoint of torch.save, or cut short ({type(error).__name__})") from None


def _renamed(state: Mapping[str, Tensor], path: str | Path, task: str | None) -> dict[str, Tensor]:
    """Weights under our names in place of the original's; errors as in `load_original`."""
    weights = {}
    for key, value in state.items():
        part, _, rest = key.partition(".")
        if part in ("clf", "clf_dict"):
            if part == "clf":
                head = _single_task(state, path, task)
            else:
                number, _, rest = rest.partition(".")
                head = TASKS.get(number)
            if not head:
                raise ValueError(f"{path}: task number {number!r} of {key} is none of {', '.join(TASKS)}")
            part, rest = f"classifiers.{head}", re.sub("^3", "2", rest)  # the original counts its dropout as a layer
        weights[f"{NAMES.get(part, part)}.{rest}"] = value
    if "mu.bias" not in weights:
        raise ValueError(f"{path}: no fc_mu.bias among its {len(state)} keys: not a beta-VAE of the original")
    return weights


def _single_task(state: Mapping[str, Tensor], path: str | Path, task: str | None) -> str:
    last = state.get("clf.3.bias", state.get("clf.1.bias"))
    if many := {25: "region", 169: "identity"}.get(0 if last is None else len(last)):
        return many
    binary = [name for name in TASKS.values() if name not in ("region", "identity")]
    if task in binary:
        return task
    raise ValueError(f"{path}: has one binary head; say which task it is (one of {', '.join(binary)}), got {task!r}")


def write_csv(path: str | Path, data: Corridors) -> None:
    """Write a set in the original's form: no header, 169 pixels row by row, then x_uc and x_lc.

    Raises FileExistsError if the file exists, ValueError for a pixel that is not 0 or 1 or factors that don't fit.
    """
    images, factors = np.reshape(data.images, (-1, 169)), np.asarray(data.factors)
    if not np.isin(images, (0, 1)).all():
        raise ValueError(f"images must hold 0 (open) and 1 (wall) alone, got {images[~np.isin(images, (0, 1))][0]:g}")
    if factors.shape != (len(images), 2) or not np.isin(factors, range(SIDE)).all():
        raise ValueError(
            f"factors must be ({len(images)}, 2) whole numbers in 0..{SIDE - 1}, a pair an image, got shape "
            f"{factors.shape}, {factors.min(initial=0)} to {factors.max(initial=0)}"
        )
    rows = np.column_stack([images, factors]).astype(np.uint8)
    pd.DataFrame(rows).to_csv(path, header=False, index=False, mode="x")


def read_csv(path: str | Path) -> Corridors:
    """Read a set in the original's form (171 columns), keeping its order.

    Raises ValueError, naming the line, if the file isn't that: other columns, a pixel that is not 0 or 1, a
    position outside 0..12, something that is not a number, an empty file or one cut short.
    """
    with open(existing(path), "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 1, 0))
        if size and file.read(1) != b"\n":
            raise ValueError(f"{path}: the last line has no line end: the file is cut short, or add one")
    try:
        table = pd.read_csv(path, header=None, skip_blank_lines=False, low_memory=False)
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: the file is empty; 171 columns are expected") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: every line must have the same 171 columns ({error})") from None
    if table.shape[1] != 171:
        raise ValueError(f"{path}: 171 columns are expected (169 pixels, x_uc, x_lc), got {table.shape[1]}")
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    allowed = np.r_[np.ones(169), 12, 12]
    bad = ~((values >= 0) & (values <= allowed) & (values == np.floor(values)))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        what = "a pixel, 0 or 1" if column < 169 else "a position, a whole number in 0..12"
        raise ValueError(f"{path}, line {row + 1}, column {column + 1}: must be {what}, got {table.iat[row, column]}")
    return Corridors(values[:, :169].astype(np.float32).reshape(-1, 1, SIDE, SIDE), values[:, 169:].astype(np.int64))
