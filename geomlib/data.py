"""Worlds, counts and tasks (paper, figure 2): what images show, how often, and what is asked. All are tables."""

from __future__ import annotations

import functools
import logging
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SIDE, WIDTH = 13, 1.2  # positions of a corridor; width of its noise in columns
PAIRS = np.argwhere(np.ones((SIDE, SIDE)))  # (169, 2) columns x_uc, x_lc, x_uc slowest: all pairs of positions
MOST = 5_000_000  # images a set may hold (3.4 GB of float32)
IMAGES = 200_000  # that frequencies are scaled to
logger = logging.getLogger(__name__)

_apart = np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE)))
PROFILE = np.exp(-(_apart**2) / (2 * WIDTH**2))  # (13, 13) P(open), axes: position x, column
RING = np.exp(-(np.minimum(_apart, SIDE - _apart) ** 2) / (2 * WIDTH**2))  # the same, column 12 next to column 0
BLOB = np.exp(-(_apart**2) / (2 * 2**2))  # a row or column of a round blob


class Corridors(NamedTuple):
    """N images of a world and the positions they were drawn with."""

    images: np.ndarray  # (N, 1, 13, 13) float32, 0 = open, 1 = wall
    factors: np.ndarray  # (N, 2) int64 in 0..12, columns x_uc, x_lc


class Task(NamedTuple):
    """A classification task."""

    table: np.ndarray  # (13, 13) int64 labels 0..K-1, axes x_uc, x_lc
    words: str = ""  # for readers: of two classes what class 1 is, of more the rule

    @property
    def n_classes(self) -> int:
        """K, the largest label + 1."""
        return int(self.table.max()) + 1

    def labels(self, factors: np.ndarray) -> np.ndarray:
        """Classes (N,) int64 of positions (N, 2); a ValueError for what is no whole number in 0..12."""
        at = np.asarray(factors)
        if (bad := (at < 0) | (at >= SIDE) | (at != np.floor(at))).any():
            raise ValueError(f"factors must be whole numbers in 0..{SIDE - 1}, got {at[bad][0]}")
        uc, lc = at.T.astype(np.int64)
        return self.table[uc, lc]


def _two_bands(profile: np.ndarray) -> np.ndarray:
    """P(wall): rows 0-5 are open as x_uc says, rows 7-12 as x_lc does, row 6 is open. profile (13, 13): P(open)"""
    world = np.zeros((SIDE,) * 4)
    world[:, :, :6] = (1 - profile)[:, None, None, :]
    world[:, :, 7:] = (1 - profile)[None, :, None, :]
    return world


_uc, _lc = np.indices((SIDE, SIDE))
WORLDS: dict[str, np.ndarray] = {  # P(wall), axes x_uc, x_lc, row, column
    "corridors": _two_bands(PROFILE),
    "rings": _two_bands(RING),  # two corridors without an end: all positions are alike
    "blob": 1 - np.einsum("ur,lc->ulrc", BLOB, BLOB),  # one blob at row x_uc and column x_lc: both share their pixels
}
COUNTS: dict[str, np.ndarray] = {  # images of each pair, axes x_uc, x_lc
    "uniform": np.random.default_rng(0).multinomial(200_000, np.full(169, 1 / 169)).reshape(SIDE, SIDE),
    "bottom": np.where(_lc <= 6, 2000, 260),
    "bottom_small": np.where(_lc <= 6, 1000, 100),
    "diagonal": np.where(_uc == _lc, 3000, 300),
}
SPLITS = {  # rows where the training part and the validation part end
    "uniform": (170_000, 185_000),
    "bottom": (170_000, 185_000),
    "bottom_small": (75_000, 82_000),
    "diagonal": (75_000, 82_000),
}
TASKS: dict[str, Task] = {
    "order": Task((_uc <= _lc).astype(np.int64), "x_UC ≤ x_LC"),
    "quadrant": Task(((_uc < 6) | (_lc >= 6)).astype(np.int64), "x_UC < 6 or x_LC ≥ 6"),
    "aligned": Task((_uc == _lc).astype(np.int64), "x_UC = x_LC"),
    "region": Task((_uc + 1) // 3 * 5 + (_lc + 1) // 3, "5 · bin(x_UC) + bin(x_LC), bin(x) = ⌊(x + 1) / 3⌋"),
    "identity": Task(SIDE * _uc + _lc, "13 · x_UC + x_LC"),
}


def is_file(table: Any) -> bool:
    """Whether a table is given by the name of a file, .npy or .csv, that holds it.

    >>> is_file("mine.csv"), is_file("uniform"), is_file([[0, 1]])
    (True, False, False)
    """
    return isinstance(table, str | Path) and str(table).endswith((".npy", ".csv"))


def existing(path: str | Path) -> Path:
    """The path of a file that is there; else a FileNotFoundError that says where it was looked for."""
    if Path(path).is_file():
        return Path(path)
    where = "" if Path(path).is_absolute() else f" in {Path.cwd()}"
    raise FileNotFoundError(f"there is no file {path}{where}{': it is a folder' if Path(path).is_dir() else ''}")


def read_table(path: str | Path) -> np.ndarray:
    """The numbers in a file: a .npy array, or a CSV file without a header, one line for each x_uc."""
    path = existing(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # of an empty file, whose shape is refused
            return np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",", encoding="utf-8-sig")
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path} must hold a table of numbers: a .npy array, or CSV, 13 lines of 13 numbers without a header "
            f"({error})"
        ) from None


def world_table(world: Any = "corridors") -> np.ndarray:
    """A name of `WORLDS`, or any (13, 13, 13, 13) table of P(wall), axes x_uc, x_lc, row, column, or a .npy file of
    one; else a ValueError."""
    world = read_table(world) if is_file(world) else world
    if isinstance(world, str):
        if world not in WORLDS:
            known = ", ".join(WORLDS)
            raise ValueError(f"world must be one of {known} or a (13, 13, 13, 13) table or file, got {world!r}")
        return WORLDS[world].copy()
    table = _numbers("world", world, (SIDE,) * 4)
    if not ((table >= 0) & (table <= 1)).all():
        place = np.argwhere(~((table >= 0) & (table <= 1)))[0]
        raise ValueError(
            f"world must hold probabilities of wall, 0..1, got {table[tuple(place)]:g} at {place.tolist()}"
        )
    return table


def of_images(counts: Any) -> bool:
    """Whether counts is a CSV file of images, 171 columns: one of fewer is meant as a table of counts."""
    if not is_file(counts) or str(counts).endswith(".npy"):
        return False
    with open(existing(counts), "rb") as file:
        return file.readline().count(b",") > SIDE


@functools.lru_cache(maxsize=8)
def _counted(path: Path, changed: int) -> np.ndarray:
    """How often a CSV file of images, last changed then, shows each pair: (13, 13)."""
    columns = SIDE**2, SIDE**2 + 1
    try:
        factors = np.loadtxt(path, int, delimiter=",", usecols=columns, encoding="utf-8-sig", ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: x_UC and x_LC, its last two columns, must be whole numbers ({error})") from None
    if (bad := (factors < 0) | (factors >= SIDE)).any():
        raise ValueError(
            f"{path}: x_UC and x_LC, its last two columns, must lie in 0..{SIDE - 1}, got {factors[bad][0]}"
        )
    return np.bincount(factors @ [SIDE, 1], minlength=SIDE**2).reshape(SIDE, SIDE)


def counts_table(counts: Any) -> np.ndarray:
    """A name of `COUNTS`, or any 13 x 13 table of numbers >= 0, or a file of one, as an int64 array; else a ValueError.
    Of a CSV file of images: how often it shows each pair.

    Whole numbers are counts of images. Other numbers are frequencies: they are scaled to 200,000 images.
    """
    if of_images(counts):
        counts = _counted(Path(counts).resolve(), Path(counts).stat().st_mtime_ns)
    elif is_file(counts):
        counts = read_table(counts)
    if isinstance(counts, str):
        if counts not in COUNTS:
            known = ", ".join(COUNTS)
            raise ValueError(f"counts must be one of {known} or a 13 x 13 table or file (.csv, .npy), got {counts!r}")
        return COUNTS[counts].copy()
    table = _numbers("counts", counts, (SIDE, SIDE))
    if (table < 0).any():
        uc, lc = np.argwhere(table < 0)[0]
        raise ValueError(f"counts must be numbers >= 0, got {table[uc, lc]:g} at x_uc={uc}, x_lc={lc}")
    with np.errstate(over="ignore"):
        total = table.sum()
    if np.isfinite(total) and (table != np.floor(table)).any():
        logger.warning("counts hold frequencies: they are scaled to %s images", f"{IMAGES:,}")
        exact = (table / table.sum() * IMAGES).ravel()
        table = np.floor(exact)
        table[np.argsort(table - exact, kind="stable")[: round(IMAGES - table.sum())]] += 1  # largest remainders
        table, total = table.reshape(SIDE, SIDE), IMAGES
    if not 0 < total <= MOST:
        raise ValueError(f"counts must sum to 1..{MOST:,} images, got {total:,.15g}")
    return table.astype(np.int64)


def task_of(name: str, table: Any = None) -> Task:
    """A built-in task by its name, or a task of one's own from a (13, 13) table of labels 0..K-1, or a file of one;
    else a ValueError."""
    table = read_table(table) if is_file(table) else table
    if table is None:
        if name not in TASKS:
            raise ValueError(
                f"tasks must be among {', '.join(TASKS)}, got {name!r}; one of your own is given by its table of "
                f"labels: tasks={{{name!r}: table}}, (13, 13) whole numbers"
            )
        return TASKS[name]
    labels = _numbers(f"task {name!r}", table, (SIDE, SIDE))
    if (labels < 0).any() or (labels != np.floor(labels)).any() or not 1 <= labels.max() < SIDE**2:
        raise ValueError(
            f"task {name!r} must hold whole labels 0..K-1 of 2 to 169 classes, got {np.unique(labels)[:5].tolist()}"
        )
    words = TASKS[name].words if name in TASKS and np.array_equal(TASKS[name].table, labels) else ""
    return Task(labels.astype(np.int64), words)


def counts_name(counts: Any) -> str:
    """The name in `COUNTS` of a table; "" if it has none."""
    return next((name for name, table in COUNTS.items() if np.array_equal(table, counts)), "")


def corridors(counts: Any = "uniform", seed: int = 0, world: Any = "corridors") -> Corridors:
    """Draw a data set: each pixel is wall with the probability that the world gives it.

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    seed     whole number >= 0; the same seed gives the same images in the same (shuffled) order
    world    a name of `WORLDS`, or a (13, 13, 13, 13) table of P(wall)
    returns  images (N, 1, 13, 13), factors (N, 2)
    """
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed must be a whole number >= 0, got {seed!r}")
    rng = np.random.default_rng(seed)
    factors = rng.permutation(np.repeat(PAIRS, counts_table(counts).ravel(), axis=0))  # (N, 2)
    images = np.zeros((len(factors), 1, SIDE, SIDE), np.float32)
    wall = world_table(world)
    for start in range(0, len(factors), 10_000):  # in double precision, some at a time
        uc, lc = factors[start : start + 10_000].T
        images[start : start + 10_000, 0] = rng.random((len(uc), SIDE, SIDE)) < wall[uc, lc]
    return Corridors(images, factors)


def _numbers(name: str, table: Any, shape: tuple[int, ...]) -> np.ndarray:
    try:
        found = np.asarray(table)
        found = found.astype(float, casting="same_kind" if found.dtype.kind == "c" else "unsafe")
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a table of numbers, shape {shape}, got {str(table)[:60]!r}") from None
    if found.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {found.shape}")
    if not np.isfinite(found).all():
        place = np.argwhere(~np.isfinite(found))[0].tolist()
        raise ValueError(f"{name} must hold finite numbers, got {found[tuple(place)]} at {place}")
    return found
