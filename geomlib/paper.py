"""The paper: its eight models, what differs between them, its published numbers; and the spec and the run of each."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import data, places
from .settings import LAWS, SETTINGS, settled
from .spec import Spec, change, digest, nearest, read_numbers

if TYPE_CHECKING:
    from .train import Run

ROOT = places.repository() or Path.cwd()
logger = logging.getLogger(__name__)
COLUMNS = ["model", "capacity", "seed", "measure", "value"]  # of a table of numbers
CAPACITIES = (0.3, 1, 3, 6, 10)  # nats
MODELS: dict[str, dict[str, Any]] = {  # a model differs from the baseline in its data or in its tasks, in nothing else
    "baseline": {},
    "E1M1": {"counts": "bottom"},
    "E1M2": {"counts": "diagonal"},
    "E2M1": {"tasks": ("order",)},
    "E2M2": {"tasks": ("quadrant",)},
    "E2M3": {"tasks": ("aligned",)},
    "E2M4": {"tasks": ("region",)},
    "E2M5": {"tasks": ("region", "aligned", "order", "quadrant")},
}
ONE_HEAD = ("E2M1", "E2M2", "E2M3", "E2M4")
CLASSIFIERS = {  # a model's task on the frozen codes of another (figure 6, A and D)
    f"{task}-on-{source}": (task, source) for source in ("baseline", *ONE_HEAD) for task in ONE_HEAD if task != source
}
ANNOTATED = list(  # pairs (x_uc, x_lc) that are marked in the embeddings
    zip(
        (0, 2, 4, 6, 8, 10, 12, 0, 2, 10, 12, 2, 4, 8, 10, 6, 6, 12, 0, 1, 5, 7, 11),
        (12, 10, 8, 6, 4, 2, 0, 0, 2, 10, 12, 4, 2, 10, 8, 12, 0, 6, 6, 5, 1, 11, 7),
    )
)
CLASS_NAMES = {  # of the two classes that a model's geometry is judged by: 0, 1
    "E1M1": ("x_LC > 6, rare", "x_LC ≤ 6, frequent"),
    "E1M2": ("x_UC ≠ x_LC, rare", "x_UC = x_LC, frequent"),
    "E2M1": ("x_UC > x_LC", "x_UC ≤ x_LC"),
    "E2M2": ("x_UC ≥ 6 and x_LC < 6", "the rest"),
    "E2M3": ("x_UC ≠ x_LC", "x_UC = x_LC"),
}
PENALTY = {"loss": "B", "task_rule": "early"}  # the original's objective
READINGS: tuple[
    tuple[str, float, str, float, dict[str, Any]], ...
] = (  # of published networks that are not where their label says: model, label, then what is trained instead
    ("E2M4", 0.3, "held at its rate", 0.43, {}),  # at least; by an estimate from the published codes
    ("E2M4", 0.3, "its own penalty", 0.3, PENALTY | {"gamma": 1000.0, "ramp": 1000}),  # in the history of the original
    ("E2M5", 0.3, "held at its rate", 0.325, {}),
    ("E2M5", 1, "held at its rate", 1.22, {"task_rule": "late"}),  # region counts ten times
    ("E2M5", 1, "its own penalty", 1, {"loss": "B", "task_rule": "late", "gamma": 5000.0}),
)


def check(model: str) -> None:
    """Raise ValueError if there is no such model, in the paper or beyond."""
    names = [*MODELS, *CLASSIFIERS, *SETTINGS]
    if model not in names:
        raise ValueError(
            f"model must be one of {', '.join(MODELS)}, one like E2M1-on-baseline, or one like 'rings E1M1' "
            f"(geomlib plan {' '.join(LAWS)} lists these), got {model!r}{nearest(model, names)}"
        )


def model(given: Any, among: Iterable[str] = tuple(MODELS)) -> str:
    """One of the paper's models, for a page about one; else a ValueError."""
    if given not in among:
        raise ValueError(f"model must be one of {', '.join(among)}, got {given!r}")
    return given


def capacity(given: Any) -> float:
    """One of the paper's five capacities, in nats, from a number or the text of one; else a ValueError."""
    (found,) = read_numbers(given)
    if found not in CAPACITIES:
        raise ValueError(f"capacity must be one of {', '.join(map(str, CAPACITIES))} (nats), got {given!r}")
    return found


def spec(model: str, capacity: float, seed: int = 0, **changes: Any) -> Spec:
    """The spec of a run of the paper or beyond, with any fields changed.

    model  a name of `MODELS`, `CLASSIFIERS` or `settings.SETTINGS`     capacity  nats     changes  fields of Spec
    """
    check(model)
    model, changes = settled(model, changes)
    if model in CLASSIFIERS:
        if fixed := {"tasks", "source"} & changes.keys():
            raise ValueError(
                f"{model} says which task is read from whose codes; {' and '.join(sorted(fixed))} can't be changed"
            )
        task, source = CLASSIFIERS[model]
        shared = Spec(**MODELS[task], capacity=capacity, seed=seed)
        return change(shared, **{"source": slug(source, capacity, seed, **changes)} | changes)
    return change(Spec(**MODELS[model], capacity=capacity, seed=seed), **changes)


def slug(model: str, capacity: float, seed: int = 0, **changes) -> str:
    """The name of a run's folder: E1M1-c0.3-s0, and a short hash of what is changed."""
    model, changes = settled(model, changes)
    plain, changed = spec(model, capacity, seed), spec(model, capacity, seed, **changes)
    return "-".join(filter(None, (f"{model}-c{capacity:g}-s{seed}", digest(changed, plain))))


def place(model: str, capacity: float, seed: int = 0, folder: str | Path | None = None, **changes) -> Path:
    """The folder of a run: in `folder`, or where None as `find` says."""
    return find(slug(model, capacity, seed, **changes), folder)


def find(name: str, folder: str | Path | None = None) -> Path:
    """Where a run of this name is kept: in `folder`, or where None in the released runs if it is there, else in
    runs/."""
    released = places.released_runs()
    return Path(folder or (released if (released / name).exists() else places.user_runs())) / name


def run(
    model: str, capacity: float, seed: int = 0, folder: str | Path | None = None, device: str = "auto", **changes
) -> Run:
    """Load a run, or train it where it is missing; `place` says where.

    Raises ValueError where the stored run has another spec than is asked for, naming the field.
    """
    return train_all([(model, capacity, seed)], folder, device, **changes)[0]


def train_all(
    keys: Sequence[tuple[str, float, int]], folder: str | Path | None = None, device: str = "auto", **changes
) -> list[Run]:
    """`run` for many (model, capacity, seed); those that are missing train side by side, sources before classifiers.

    Raises FileNotFoundError where the folder isn't there: a misspelt one would be trained into.
    """
    if folder and not Path(folder).is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder} of runs; to train into a new one make it first, or name none: the released "
            "runs and runs/ are looked through"
        )
    from . import runs  # here: torch takes seconds to import

    specs = [spec(*key, **changes) for key in keys]  # what is wrong is refused before anything trains
    folders = [place(*key, folder=folder, **changes) for key in keys]
    if not places.repository() and not all(one.exists() for one in folders):
        logger.warning(
            "the released networks lie in the repository, which is not here, so networks are trained, minutes each; "
            'changes = {"schedule": "sketch"} takes a sixteenth of the time'
        )
    if needed := sources(keys):
        train_all(needed, folder, device, **changes)
    return runs.train(specs, folders, device)


def sources(keys: Sequence[tuple[str, float, int]]) -> list[tuple[str, float, int]]:
    """The networks whose codes the classifiers among (model, capacity, seed) read, each once."""
    return list(dict.fromkeys((CLASSIFIERS[m][1], capacity, s) for m, capacity, s in keys if m in CLASSIFIERS))


def published() -> pd.DataFrame:
    """The published numbers: columns figure, panel, model, measure, capacity, value."""
    return pd.read_csv(places.data_file("published.csv"))


def results(path: str | Path = "") -> pd.DataFrame:
    """Ours, of data/results.csv or another file of `geomlib results`: columns model, capacity, seed, measure, value."""
    try:
        table = pd.read_csv(data.existing(path) if path else places.data_file("results.csv"))
    except ValueError as error:
        raise ValueError(f"{path} is no table of numbers ({error}); geomlib results -o makes one") from None
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"{path} has no column {', '.join(missing)}; geomlib results -o makes such a file")
    return table


def classes(model: str, factors: np.ndarray) -> np.ndarray:
    """The classes by which a model's geometry is judged (figures 4-11): factors (N, 2) -> (N,) int64."""
    if model not in MODELS:
        raise ValueError(f"classes are those of a model, one of {', '.join(MODELS)}, got {model!r}")
    if model == "E1M1":
        return (np.asarray(factors)[:, 1] <= 6).astype(np.int64)  # 1: the frequent half
    task = {"E1M2": "aligned", "E2M5": "region"}.get(model) or (MODELS[model].get("tasks") or ("identity",))[0]
    return data.TASKS[task].labels(factors)
