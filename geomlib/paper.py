"""The paper: its eight models, five capacities and published numbers. The only file that knows them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from . import data, runs, train
from .train import Run, Spec

ROOT = Path(__file__).parents[1]             # the repository
RELEASED, OWN = Path("data/runs"), Path("runs")
CAPACITIES = (0.3, 1, 3, 6, 10)              # nats
MODELS: dict[str, dict] = {                  # what differs from Spec's defaults
    "baseline": {},
    "E1M1": {"counts": "bottom", "steps": 7974},
    "E1M2": {"counts": "diagonal", "steps": 3516},
    "E2M1": {"tasks": ("order",), "steps": 7974},
    "E2M2": {"tasks": ("quadrant",), "steps": 7974},
    "E2M3": {"tasks": ("aligned",), "steps": 7974},
    "E2M4": {"tasks": ("region",), "steps": 7974},
    "E2M5": {"tasks": ("region", "aligned", "order", "quadrant"), "steps": 7974, "task_rule": "late"},
}
ONE_HEAD = ("E2M1", "E2M2", "E2M3", "E2M4")
KNOWN = {                                    # (model, capacity): gamma and T, as far as the original's files tell
    ("baseline", 1): (200, 2500), ("baseline", 6): (100, 2500), ("E1M2", 10): (300, 2500), ("E2M5", 1): (5000, 2500),
    **{(model, 0.3): (1000, 1000) for model in ONE_HEAD},
    **{(model, capacity): (300, 3000) for model in ONE_HEAD for capacity in (6, 10)},
}
GAMMAS = (100, 200, 300, 1000, 3000, 10_000)  # tried in this order where the known one is unknown or doesn't hold
ANNOTATED = (                                # pairs (x_uc, x_lc) that are marked in the embeddings
    (0, 12), (2, 10), (4, 8), (6, 6), (8, 4), (10, 2), (12, 0), (0, 0), (2, 2), (10, 10), (12, 12), (2, 4), (4, 2),
    (8, 10), (10, 8), (6, 12), (6, 0), (12, 6), (0, 6), (1, 5), (5, 1), (7, 11), (11, 7))
HELD = 0.05                                  # the rate is held when it ends within 5 % of the capacity


def check(model: str, capacity: float) -> None:
    """Raise ValueError where the paper has no such model or capacity."""
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
    if capacity not in CAPACITIES:
        raise ValueError(f"capacity must be one of the paper's {', '.join(map(str, CAPACITIES))} nats, got {capacity!r}; "
                         "for another one, change the spec: geomlib train MODEL --set capacity=2")


def candidates(model: str, capacity: float) -> list[tuple[int, int]]:
    """(gamma, T) in the order they are tried: the known pair, then `GAMMAS`."""
    known = KNOWN.get((model, capacity))
    if known and model == "E2M5":
        return [known]
    ramp = known[1] if known else 2500
    return list(dict.fromkeys([known] * bool(known) + [(gamma, ramp) for gamma in GAMMAS]))


def tries() -> pd.DataFrame:
    """Every (gamma, T) tried with seed 0: columns model, capacity, gamma, ramp, rate, reconstruction (data/tries.csv)."""
    return pd.read_csv(ROOT / "data/tries.csv")


def tried(model: str, capacity: float) -> dict[tuple[int, int], float]:
    """(gamma, T) -> the rate it ended with, of the tries so far."""
    table = tries()
    here = table[(table.model == model) & (table.capacity == capacity)]
    return {(row.gamma, row.ramp): row.rate for row in here.itertuples()}


def settle(model: str, capacity: float) -> tuple[int, int]:
    """The pair (gamma, T) of a released run: the first of `candidates` whose rate is held, or that is not tried yet."""
    rates = tried(model, capacity)
    pairs = candidates(model, capacity)
    good = [pair for pair in pairs if abs(rates.get(pair, capacity) / capacity - 1) <= HELD]
    return pairs[0] if len(pairs) == 1 else good[0] if good else pairs[-1]


def spec(model: str, capacity: float, seed: int = 0, **changes) -> Spec:
    """The spec of a run of the paper, with any fields changed.

    model  a name of `MODELS`     capacity  one of `CAPACITIES`, nats     changes  fields of Spec
    """
    check(model, capacity)
    gamma, ramp = settle(model, capacity)
    return train.change(Spec(**MODELS[model], capacity=capacity, gamma=gamma, ramp=ramp, seed=seed), **changes)


def slug(model: str, capacity: float, seed: int = 0, **changes) -> str:
    """The name of a run's folder: E1M1-c0.3-s0, and a short hash of what is changed."""
    plain, changed = spec(model, capacity, seed), spec(model, capacity, seed, **changes)
    differs = {f.name: getattr(changed, f.name) for f in dataclasses.fields(Spec)
               if getattr(changed, f.name) != getattr(plain, f.name)}
    digest = "-" + hashlib.sha256(json.dumps(differs).encode()).hexdigest()[:8] if differs else ""
    return f"{model}-c{capacity:g}-s{seed}{digest}"


def place(model: str, capacity: float, seed: int = 0, folder: str | Path | None = None, **changes) -> Path:
    """The folder of a run: in `folder`, or where None in the released runs if it is there, else in runs/."""
    name = slug(model, capacity, seed, **changes)
    return Path(folder or ROOT / (RELEASED if (ROOT / RELEASED / name).exists() else OWN)) / name


def run(model: str, capacity: float, seed: int = 0, folder: str | Path | None = None, device: str = "auto", **changes) -> Run:
    """Load a run, or train it where it is missing; `place` says where.

    Raises ValueError where the stored run has another spec than is asked for, naming the field.
    """
    return train_all([(model, capacity, seed)], folder, device, **changes)[0]


def train_all(keys: Sequence[tuple[str, float, int]], folder: str | Path | None = None, device: str = "auto",
              **changes) -> list[Run]:
    """`run` for many (model, capacity, seed); those that are missing train side by side."""
    specs = [spec(*key, **changes) for key in keys]
    return runs.train(specs, [place(*key, folder=folder, **changes) for key in keys], device)


def try_all(pairs: Sequence[tuple[str, float, int, int]]) -> None:
    """Train (model, capacity, gamma, T) with seed 0 into runs/tries and add a row for each to data/tries.csv."""
    specs = [spec(m, c, gamma=gamma, ramp=ramp) for m, c, gamma, ramp in pairs]
    folders = [ROOT / OWN / "tries" / f"{m}-c{c:g}-g{gamma:g}-T{ramp}" for m, c, gamma, ramp in pairs]
    trained = runs.train(specs, folders)
    rows = []
    for pair, run in zip(pairs, trained):
        last = run.history[(run.history.split == "validation") & (run.history.step == run.spec.steps)].set_index("term").value
        rows.append((*pair, round(last["rate"], 4), round(last["reconstruction"], 5)))
    table = pd.concat([tries(), pd.DataFrame(rows, columns=tries().columns)])
    table.drop_duplicates(["model", "capacity", "gamma", "ramp"]).to_csv(ROOT / "data/tries.csv", index=False)


def published() -> pd.DataFrame:
    """The published numbers: columns figure, panel, model, measure, capacity, value."""
    return pd.read_csv(ROOT / "data/published.csv")


def results() -> pd.DataFrame:
    """Ours: columns model, capacity, seed, measure, value."""
    return pd.read_csv(ROOT / "data/results.csv")


def numbers(model: str, capacity: float, run: Run) -> pd.DataFrame:
    """The rows of data/results.csv that one run gives, from its weights as they are stored."""
    images, factors = train.load_data(run.spec)
    validation = slice(run.spec.train_end, run.spec.validation_end)
    scores = train.evaluate(run.model, images[validation], factors[validation], run.spec.seed)
    values = {"reconstruction_loss": scores.pop("reconstruction"), **scores, "gamma": run.spec.gamma, "ramp": run.spec.ramp}
    return pd.DataFrame([(model, capacity, run.spec.seed, name, value) for name, value in values.items()],
                        columns=["model", "capacity", "seed", "measure", "value"])


def classes(model: str, factors: np.ndarray) -> np.ndarray:
    """The classes by which a model's geometry is judged (figures 4-11): factors (N, 2) -> (N,) int64."""
    if model == "E1M1":
        return (factors[:, 1] <= 6).astype(np.int64)                             # 1: the frequent half
    task = {"E1M2": "aligned", "E2M5": "region"}.get(model) or (MODELS[model].get("tasks") or ("identity",))[0]
    return data.TASKS[task].labels(factors)


def geometry_rows(factors: np.ndarray, draw: int = 0) -> np.ndarray:
    """Rows of `uniform` that the geometry figures use: 1,500 drawn from the last 20,000 and the annotated pairs' first."""
    last = np.arange(max(0, len(factors) - 20_000), len(factors))
    drawn = np.random.default_rng(draw).choice(last, min(1500, len(last)), replace=False)
    marked = [last[(factors[last] == pair).all(1)][:1] for pair in ANNOTATED]
    return np.concatenate([drawn, *marked])


def provenance(used: Sequence[Run]):
    """A table of what made a page, as Markdown for a notebook's last cell: each run's settings and checksums, versions."""
    from IPython.display import Markdown

    head = "| seed | C (nats) | gamma | T | steps | data | tasks | weights |\n|---|---|---|---|---|---|---|---|\n"
    rows = "".join(f"| {r.spec.seed} | {r.spec.capacity:g} | {r.spec.gamma:g} | {r.spec.ramp} | {r.spec.steps} | {data_name(r.spec)} | "
                   f"{', '.join(r.spec.tasks) or 'none'} | `{weights_digest(r)}` |\n" for r in used)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("geomlib", "torch", "numpy", "scikit-learn"))
    return Markdown(f"{head}{rows}\nMade with Python {platform.python_version()}, {versions}. "
                    "*weights*: the first 12 digits of the sha256 of all weights as float32.")


def data_name(spec: Spec) -> str:
    return spec.counts if isinstance(spec.counts, str) else "own table"


def weights_digest(run: Run) -> str:
    """The first 12 digits of the sha256 of a network's weights, as float32 in the order of its state_dict."""
    digest = hashlib.sha256()
    for value in run.model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()[:12]
