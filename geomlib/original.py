"""The authors' own files: their checkpoints and their data sets as CSV."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from .data import SIDE, Corridors
from .model import BetaVAE

TASKS = {"0": "region", "1": "aligned", "2": "order", "3": "quadrant", "4": "identity"}  # by their numbers
NAMES = {"fc_mu": "mu", "fc_var": "logvar", "decoder_input": "expand"}  # of layers, theirs -> ours
WRAPPERS = ("module.", "_orig_mod.", "model.")  # put before a key by DataParallel, torch.compile and Lightning


def load_original(path: str | Path, task: str | None = None) -> BetaVAE:
    """Load a checkpoint of the original code: a Lightning file or its bare state_dict, read with weights only.

    task     which binary task `model.clf` is; needed if the file has one binary head, since its shape can't tell
    raises   ValueError if the file is no such checkpoint, holds other objects, or names, shapes or values don't fit
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler of a file of any other kind raises errors of every kind
        if isinstance(error, pickle.UnpicklingError) and "weights_only" in str(error) and zipfile.is_zipfile(path):
            raise ValueError(
                f"{path}: holds objects other than tensors, which are not loaded since they can run code; if you trust "
                "it, save its weights alone: c = torch.load(FILE, weights_only=False); "
                "torch.save({'state_dict': c['state_dict']}, 'weights.ckpt')"
            ) from None
        raise ValueError(f"{path}: not a checkpoint of torch.save, or cut short ({type(error).__name__})") from None
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise ValueError(f"{path}: expected a dict with a 'state_dict' of named tensors, as Lightning saves it")
    state = {_unwrapped(name): value for name, value in state.items()}
    for name, value in state.items():
        if not value.is_floating_point() or not value.ndim or not torch.isfinite(value).all():
            raise ValueError(f"{path}: {name} must hold finite numbers of a float type, got {value.dtype}")
    return _from_original(state, path, task)


def _unwrapped(name: str) -> str:
    while wrapper := next((w for w in WRAPPERS if name.startswith(w)), ""):
        name = name.removeprefix(wrapper)
    return name


def _from_original(state: Mapping[str, Tensor], path: str | Path, task: str | None) -> BetaVAE:
    """The network of an original state_dict (names in `NAMES`); errors as in `load_original`."""
    weights, heads = {}, {}
    for key, value in state.items():
        part, _, rest = key.partition(".")
        if part == "clf_dict":
            number, _, rest = rest.partition(".")
            if number not in TASKS:
                raise ValueError(f"{path}: task number {number!r} of {key} is none of {', '.join(TASKS)}")
            part, head_task = "clf", TASKS[number]
        elif part == "clf":
            head_task = _single_task(state, path, task)
        if part == "clf":
            layer, _, kind = rest.partition(".")
            layer = "2" if layer == "3" else layer  # the original counts its dropout as a layer
            weights[f"classifiers.{head_task}.{layer}.{kind}"] = value
            if layer != "0" and kind == "bias":
                heads[head_task] = max(2, len(value))
        else:
            weights[f"{NAMES.get(part, part)}.{rest}"] = value
    if "mu.bias" not in weights:
        raise ValueError(f"{path}: no fc_mu.bias among its {len(state)} keys: not a beta-VAE of the original")
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
    last = state.get("clf.3.bias", state.get("clf.1.bias"))
    many = {25: "region", 169: "identity"}.get(0 if last is None else len(last))
    binary = [name for name in TASKS.values() if name not in ("region", "identity")]
    if many or task in binary:
        return many or task
    raise ValueError(f"{path}: has one binary head; say which task it is (one of {', '.join(binary)}), got {task!r}")


def write_csv(path: str | Path, data: Corridors) -> None:
    """Write a set in the original's form: no header, 169 pixels row by row, then x_uc and x_lc.

    Raises FileExistsError if the file exists, ValueError for a pixel that is not 0 or 1 or factors that don't fit.
    """
    path, images, factors = Path(path), np.asarray(data.images), np.asarray(data.factors)
    if path.exists():
        raise FileExistsError(f"{path} exists; move it away, or choose another name")
    if not np.isin(images, (0, 1)).all():
        raise ValueError(f"images must hold 0 (open) and 1 (wall) alone, got {images[~np.isin(images, (0, 1))][0]:g}")
    if factors.shape != (len(images), 2) or not np.isin(factors, range(SIDE)).all():
        raise ValueError(
            f"factors must be ({len(images)}, 2) whole numbers in 0..{SIDE - 1}, a pair an image, got shape "
            f"{factors.shape}, {factors.min(initial=0)} to {factors.max(initial=0)}"
        )
    cells = np.full((len(images), 338), ord(","), np.uint8)
    cells[:, ::2] = images.reshape(-1, 169) + ord("0")
    partial = path.with_name(f".{path.name}.{os.getpid()}")  # a full disk leaves no shorter set
    try:
        with open(partial, "wb") as file:
            file.writelines(row.tobytes() + b"%d,%d\n" % (uc, lc) for row, (uc, lc) in zip(cells, factors))
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def read_csv(path: str | Path) -> Corridors:
    """Read a set in the original's form (171 columns), keeping its order.

    Raises ValueError, naming the line, if the file isn't that: other columns, a pixel that is not 0 or 1, a
    position outside 0..12, something that is not a number, an empty file or one cut short.
    """
    with open(path, "rb") as file:
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
