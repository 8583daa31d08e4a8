"""The corridors (paper, figure 2): images of two corridors, drawn from a table of counts, and tasks on them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

SIDE, WIDTH = 13, 1.2  # positions of a corridor; width of its noise in columns
PAIRS = np.argwhere(np.ones((SIDE, SIDE)))  # (169, 2) columns x_uc, x_lc, x_uc slowest: all pairs of positions
MOST = 5_000_000  # images a set may hold (3.4 GB of float32)

_column = np.arange(SIDE)
PROFILE = np.exp(-((_column - _column[:, None]) ** 2) / (2 * WIDTH**2))  # (13, 13) P(open), axes: position x, column


class Corridors(NamedTuple):
    """N images of two corridors and the positions they were drawn with."""

    images: np.ndarray  # (N, 1, 13, 13) float32, 0 = open, 1 = wall
    factors: np.ndarray  # (N, 2) int64 in 0..12, columns x_uc, x_lc


class Task(NamedTuple):
    """A classification task."""

    n_classes: int
    labels: Callable[[np.ndarray], np.ndarray]  # factors (N, 2) -> (N,) int64 in 0..n_classes - 1
    words: str = ""  # for readers: of two classes what class 1 is, of more the label


def _task(n_classes: int, words: str, rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Task:
    return Task(n_classes, lambda factors: rule(factors[:, 0], factors[:, 1]).astype(np.int64), words)


def _table(frequent: np.ndarray, often: int, seldom: int) -> np.ndarray:
    return np.where(frequent, often, seldom).astype(np.int64)


_uc, _lc = np.indices((SIDE, SIDE))
COUNTS: dict[str, np.ndarray] = {  # images of each pair, axes: x_uc, x_lc
    "uniform": np.random.default_rng(0).multinomial(200_000, np.full(169, 1 / 169)).reshape(SIDE, SIDE),
    "bottom": _table(_lc <= 6, 2000, 260),
    "bottom_small": _table(_lc <= 6, 1000, 100),
    "diagonal": _table(_uc == _lc, 3000, 300),
}
SPLITS = {  # rows where the training part and the validation part end
    "uniform": (170_000, 185_000),
    "bottom": (170_000, 185_000),
    "bottom_small": (75_000, 82_000),
    "diagonal": (75_000, 82_000),
}
TASKS: dict[str, Task] = {
    "order": _task(2, "x_UC ≤ x_LC", lambda uc, lc: uc <= lc),
    "quadrant": _task(2, "x_UC < 6 or x_LC ≥ 6", lambda uc, lc: (uc < 6) | (lc >= 6)),
    "aligned": _task(2, "x_UC = x_LC", lambda uc, lc: uc == lc),
    "region": _task(
        25, "5 · bin(x_UC) + bin(x_LC), bin(x) = ⌊(x + 1) / 3⌋", lambda uc, lc: (uc + 1) // 3 * 5 + (lc + 1) // 3
    ),
    "identity": _task(169, "13 · x_UC + x_LC", lambda uc, lc: uc * SIDE + lc),
}


def counts_table(counts) -> np.ndarray:
    """A name of `COUNTS`, or any 13 x 13 table of whole numbers >= 0, as an int64 array; else a ValueError."""
    if isinstance(counts, str):
        if counts not in COUNTS:
            raise ValueError(f"counts must be one of {', '.join(COUNTS)} or a 13 x 13 table, got {counts!r}")
        counts = COUNTS[counts]
    try:
        table = np.asarray(counts, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"counts must be a 13 x 13 table of whole numbers, got {str(counts)[:60]!r}") from None
    if table.shape != (SIDE, SIDE):
        raise ValueError(f"counts must have shape (13, 13) (x_uc, x_lc), got {table.shape}")
    bad = ~(np.isfinite(table) & (table >= 0) & (table == np.floor(table)))
    if bad.any():
        uc, lc = np.argwhere(bad)[0]
        raise ValueError(f"counts must be whole numbers >= 0, got {table[uc, lc]:g} at x_uc={uc}, x_lc={lc}")
    if not 0 < table.sum() <= MOST:
        raise ValueError(f"counts must sum to 1..{MOST:,} images, got {table.sum():,.0f}")
    return table.astype(np.int64)


def corridors(counts="uniform", seed: int = 0) -> Corridors:
    """Draw a data set: each pixel of a corridor's six rows is open with probability PROFILE[x, column].

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    seed     whole number >= 0; the same seed gives the same images in the same (shuffled) order
    returns  images (N, 1, 13, 13), factors (N, 2); row 6 of an image is open
    """
    rng = np.random.default_rng(seed)
    pairs = np.repeat(PAIRS, counts_table(counts).ravel(), axis=0)
    factors = rng.permutation(pairs)  # (N, 2)
    images = np.zeros((len(factors), 1, SIDE, SIDE), np.float32)
    for rows, x in ((slice(0, 6), factors[:, 0]), (slice(7, 13), factors[:, 1])):
        p_open = PROFILE.astype(np.float32)[x][:, None, None]  # (N, 1, 1, 13)
        images[:, :, rows] = rng.random((len(x), 1, 6, SIDE), dtype=np.float32) >= p_open
    return Corridors(images, factors)


def write_csv(path: str | Path, data: Corridors) -> None:
    """Write a set in the original's form: no header, 169 pixels row by row, then x_uc and x_lc.

    Raises FileExistsError where the file exists, ValueError for a pixel that is not 0 or 1 or factors that don't fit.
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

    Raises ValueError, naming the line, where the file isn't that: other columns, a pixel that is not 0 or 1, a
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
