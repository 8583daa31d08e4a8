"""The paper: its eight models, their settings, the published numbers and the scorecard."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from . import data, measures, runs, theory, train
from .spec import Spec, change, digest, file_sha256
from .train import Run

ROOT = Path(__file__).parents[1]  # the repository
OWN = ROOT / "runs"  # where what a user trains is kept
CAPACITIES = (0.3, 1, 3, 6, 10)  # nats
MODELS: dict[str, dict] = {  # what differs from Spec's defaults
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
CLASSIFIERS = {  # a model's task on the frozen codes of another (figure 6, A and D)
    f"{task}-on-{source}": (task, source) for source in ("baseline", *ONE_HEAD) for task in ONE_HEAD if task != source
}
KNOWN = {  # (model, capacity): gamma and T, as far as the original's files tell
    ("baseline", 1): (200, 2500),
    ("baseline", 6): (100, 2500),
    ("E1M2", 10): (300, 2500),
    ("E2M5", 1): (5000, 2500),
    **{(model, 0.3): (1000, 1000) for model in ONE_HEAD},
    **{(model, capacity): (300, 3000) for model in ONE_HEAD for capacity in (6, 10)},
}
GAMMAS = (100, 200, 300, 1000, 3000, 10_000)  # tried in this order where the known one is unknown or doesn't hold
ANNOTATED = (  # pairs (x_uc, x_lc) that are marked in the embeddings
    (0, 12),
    (2, 10),
    (4, 8),
    (6, 6),
    (8, 4),
    (10, 2),
    (12, 0),
    (0, 0),
    (2, 2),
    (10, 10),
    (12, 12),
    (2, 4),
    (4, 2),
    (8, 10),
    (10, 8),
    (6, 12),
    (6, 0),
    (12, 6),
    (0, 6),
    (1, 5),
    (5, 1),
    (7, 11),
    (11, 7),
)
CLASS_NAMES = {  # of the two classes that a model's geometry is judged by: 0, 1
    "E1M1": ("x_LC > 6, seldom", "x_LC ≤ 6, frequent"),
    "E1M2": ("x_UC ≠ x_LC, seldom", "x_UC = x_LC, frequent"),
    "E2M1": ("x_UC > x_LC", "x_UC ≤ x_LC"),
    "E2M2": ("x_UC ≥ 6 and x_LC < 6", "the rest"),
    "E2M3": ("x_UC ≠ x_LC", "x_UC = x_LC"),
}
TOLERANCE = {"reconstruction_loss": 0.004, "f1": 0.05, "class_distortion": 0.1}  # of the scorecard, by kind of measure
ALTERNATIVES = {  # fields of Spec that the original set run by run, with values it had or may have had
    "gamma": (*GAMMAS, 5000),
    "ramp": (1000, 2000, 2500, 3000),
    "task_rule": ("early", "late", "constant"),
    "late_factor": (1, 10),
}
TRY = ["model", "capacity", *ALTERNATIVES]
HELD = 0.05  # the rate is held when it ends within 5 % of the capacity


def check(model: str, capacity: float) -> None:
    """Raise ValueError where the paper has no such model or capacity."""
    if model not in MODELS and model not in CLASSIFIERS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, or one like E2M1-on-baseline, got {model!r}")
    if capacity not in CAPACITIES:
        raise ValueError(
            f"capacity must be one of the paper's {', '.join(map(str, CAPACITIES))} nats, got {capacity!r}; of another, "
            "train in Python: g.runs.train([g.change(g.paper.spec(MODEL, 3), capacity=2)], [FOLDER])"
        )


def seed_of(seed: int | None, changes: dict) -> int:
    """The seed, taken out of the changes where it is given by name (None: 0); ValueError where they hold what names the run."""
    if seed is None:
        seed = changes.pop("seed", 0)
    if name := next((name for name in ("capacity", "seed") if name in changes), None):
        raise ValueError(
            f"{name} = {changes[name]!r} can't be among the changes: a run is named by its model, capacity and seed; "
            f"give another {name} in its own place, as a parameter of the page or --{name}"
        )
    return seed


def candidates(model: str, capacity: float) -> list[tuple[int, int]]:
    """(gamma, T) in the order they are tried: the known pair, then `GAMMAS`."""
    known = KNOWN.get((model, capacity))
    if known and model == "E2M5":
        return [known]
    ramp = known[1] if known else 2500
    return list(dict.fromkeys([known] * bool(known) + [(gamma, ramp) for gamma in GAMMAS]))


def alternatives(model: str, capacity: float) -> list[Spec]:
    """The specs of seed 0 that differ from the paper's in one field of `ALTERNATIVES`, where that field has an effect."""
    plain = spec(model, capacity)
    names = ["gamma", "ramp"] + ["task_rule"] * bool(plain.tasks)
    names += ["late_factor"] * (plain.task_rule == "late" and "region" in plain.tasks)
    others = [change(plain, **{name: value}) for name in names for value in ALTERNATIVES[name]]
    return [other for other in others if other != plain]


def tries() -> pd.DataFrame:
    """Every setting tried with seed 0: columns `TRY`, rate, reconstruction, and f1_TASK of each task there is."""
    return pd.read_csv(ROOT / "data/tries.csv")


def tried(model: str, capacity: float) -> dict[tuple, float]:
    """Setting, the values of the fields in `ALTERNATIVES` -> the rate it ended with, of the tries so far."""
    here = tries().query("model == @model and capacity == @capacity")
    return dict(zip(here[list(ALTERNATIVES)].itertuples(index=False, name=None), here.rate))


def untried(wanted: Iterable[tuple[str, float, Spec]]) -> list[tuple[str, float, Spec]]:
    """Those of (model, capacity, spec) whose setting is none of the tries so far."""
    return [(model, capacity, spec) for model, capacity, spec in wanted if setting(spec) not in tried(model, capacity)]


def setting(spec: Spec) -> tuple:
    """The values of the fields in `ALTERNATIVES`."""
    return tuple(getattr(spec, name) for name in ALTERNATIVES)


def settle(model: str, capacity: float) -> tuple[int, int]:
    """The pair (gamma, T) of a released run: the first of `candidates` whose rate is held, or that is not tried yet."""
    rule = (MODELS[model].get("task_rule", Spec.task_rule), Spec.late_factor)
    rates = {key[:2]: rate for key, rate in tried(model, capacity).items() if key[2:] == rule}
    pairs = candidates(model, capacity)
    good = [pair for pair in pairs if abs(rates.get(pair, capacity) / capacity - 1) <= HELD]
    return pairs[0] if len(pairs) == 1 else good[0] if good else pairs[-1]


def spec(model: str, capacity: float, seed: int | None = None, /, **changes) -> Spec:
    """The spec of a run of the paper, with any fields changed.

    model  a name of `MODELS` or `CLASSIFIERS`     capacity  one of `CAPACITIES`, nats     seed  also by name; default 0
    changes  fields of Spec
    """
    check(model, capacity)
    seed = seed_of(seed, changes)
    if model in CLASSIFIERS:
        if fixed := {"tasks", "source"} & changes.keys():
            raise ValueError(
                f"{model} says which task is read from whose codes; {' and '.join(sorted(fixed))} can't be changed"
            )
        task, source = CLASSIFIERS[model]
        shared = Spec(**MODELS[task], task_rule="constant", capacity=capacity, seed=seed)
        return change(shared, **{"source": slug(source, capacity, seed, **changes)} | changes)
    gamma, ramp = settle(model, capacity)
    return change(Spec(**MODELS[model], capacity=capacity, gamma=gamma, ramp=ramp, seed=seed), **changes)


def slug(model: str, capacity: float, seed: int | None = None, /, **changes) -> str:
    """The name of a run's folder: E1M1-c0.3-s0, and a short hash of what is changed."""
    seed = seed_of(seed, changes)
    plain, changed = spec(model, capacity, seed), spec(model, capacity, seed, **changes)
    return "-".join(filter(None, (f"{model}-c{capacity:g}-s{seed}", digest(changed, plain))))


def place(model: str, capacity: float, seed: int | None = None, /, folder: str | Path | None = None, **changes) -> Path:
    """The folder of a run: in `folder`, or where None as `find` says."""
    return find(slug(model, capacity, seed, **changes), folder)


def find(name: str, folder: str | Path | None = None) -> Path:
    """Where a run of this name is kept: in `folder`, or where None in the released runs if it is there, else in runs/."""
    return Path(folder or (runs.RELEASED if (runs.RELEASED / name).exists() else OWN)) / name


def run(
    model: str,
    capacity: float,
    seed: int | None = None,
    /,
    folder: str | Path | None = None,
    device: str = "auto",
    **changes,
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
    if needed := sources(keys):
        train_all(needed, folder, device, **changes)
    specs = [spec(*key, **changes) for key in keys]
    return runs.train(specs, [place(*key, folder=folder, **changes) for key in keys], device)


def sources(keys: Sequence[tuple[str, float, int]]) -> list[tuple[str, float, int]]:
    """The networks whose codes the classifiers among (model, capacity, seed) read, each once."""
    return list(dict.fromkeys((CLASSIFIERS[model][1], *rest) for model, *rest in keys if model in CLASSIFIERS))


def release(model: str, capacity: float) -> Path:
    """Store the try of seed 0 that the rule settled on, in half precision, with the released runs."""
    target = place(model, capacity, folder=runs.RELEASED)
    if not target.exists():
        (run,) = runs.train([spec(model, capacity)], [try_folder(model, capacity, spec(model, capacity))])
        runs.save(run, target, "float16")
    return target


def try_folder(model: str, capacity: float, spec: Spec) -> Path:
    """The folder of one try of `try_all`."""
    return OWN / "tries" / f"{model}-c{capacity:g}-{digest(spec) or 'plain'}"


def try_all(wanted: Sequence[tuple[str, float, Spec]]) -> None:
    """Train (model, capacity, spec of seed 0) into runs/tries and add a row for each to data/tries.csv."""
    trained = runs.train([spec for *_, spec in wanted], [try_folder(*one) for one in wanted])
    rows = [
        dict(zip(TRY, (model, capacity, *setting(spec))))
        | {name: run.final.get(name) for name in tries().columns[len(TRY) :]}
        for (model, capacity, spec), run in zip(wanted, trained)
    ]
    add_rows(ROOT / "data/tries.csv", pd.DataFrame(rows), TRY, "%.5g")


def add_rows(
    path: Path, rows: pd.DataFrame, keys: Sequence[str] | None = None, float_format: str | None = None
) -> None:
    """Add rows to a CSV file: where one has the same values in `keys` (None: in all columns), in its place, else at the end.

    Processes that do so at once take turns; one that is stopped leaves the file whole.
    """
    with FileLock(path.with_suffix(".lock")):
        old = [pd.read_csv(path, keep_default_na=keys is not None)] if path.exists() else []
        new = path.with_suffix(".new")
        table = pd.concat([*old, rows], ignore_index=True)
        places = table.groupby(keys or list(table), sort=False, dropna=False).ngroup()
        table = table.drop_duplicates(keys, keep="last")
        table.iloc[places[table.index].argsort()].to_csv(new, index=False, float_format=float_format)
        new.replace(path)


def published() -> pd.DataFrame:
    """The published numbers: columns figure, panel, model, measure, capacity, value."""
    return pd.read_csv(ROOT / "data/published.csv")


def results(path: str | Path = "") -> pd.DataFrame:
    """Ours, of data/results.csv or another file of `geomlib results`: columns model, capacity, seed, measure, value."""
    return pd.read_csv(path or ROOT / "data/results.csv")


def codes() -> dict[tuple[str, float, int], np.ndarray]:
    """Mean codes (N, 5) of the geometry figures' images, of each (model, capacity, seed) whose weights are not released."""
    found = {}
    for path in (ROOT / "data/codes").glob("codes-s*.npz"):
        with np.load(path) as file:
            for name in file:
                model, capacity = name.rsplit("-c", 1)
                found[model, float(capacity), int(path.stem.rpartition("-s")[2])] = file[name].astype(np.float32)
    return found


def pair_codes() -> dict[tuple[str, float, int], np.ndarray]:
    """Mean codes (169, 5) of the pairs in the geometry figures' images, of all our networks: (model, capacity, seed) of each."""
    images, factors = _drawn("uniform", 0)
    rows = geometry_rows(factors)
    released = {(m, c, 0): train.encode(run(m, c).model, images[rows]) for m in MODELS for c in CAPACITIES}
    return {key: measures.pair_means(mu, factors[rows]) for key, mu in (released | codes()).items()}


def by_seed(table: pd.DataFrame, model: str, measure: str) -> pd.DataFrame:
    """A measure of a model from `results` or `published`: a row a seed, a column a capacity; NaN where there is none."""
    rows = table[(table.model == model) & (table.measure == measure)].assign(**{} if "seed" in table else {"seed": 0})
    wide = rows.pivot(index="seed", columns="capacity", values="value").reindex(columns=list(CAPACITIES))
    return wide if len(wide) else wide.reindex([0])


def scorecard(ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each published number beside ours (None: of `results`), with a verdict.

    returns  the rows of `published`, value now named published, and
             kind                   loss, F1, F1 published as 0, distortion
             t                      the tolerance, of `TOLERANCE`
             seeds, mean, low, high of ours over the seeds; of a distortion over seeds and draws of images
             difference             mean - published
             verdict                reproduced: published lies in [low - t, high + t]; missed; none yet
             strict                 |difference| <= t
             inside                 published lies in [low, high]
             near                   the seeds with a value within t of the published one, as "0, 3"
             checkpoint             the same number from the authors' own network, of data/original.csv; NaN if not there
             cause                  of a miss: of data/causes.csv, or else what `cause` finds
    """
    keys = ["model", "measure", "capacity"]
    ours = results() if ours is None else ours
    ours = ours.dropna(subset="value").astype({"capacity": float})
    ours = ours.assign(measure=ours.measure.str.replace(r"_draw\d$", "", regex=True))
    found = ours.groupby(keys).agg(
        seeds=("seed", "nunique"), mean=("value", "mean"), low=("value", "min"), high=("value", "max")
    )
    table = published().rename(columns={"value": "published"}).join(found, on=keys)
    table["seeds"] = table.seeds.fillna(0).astype(int)
    start = table.measure.str.extract(f"({'|'.join(TOLERANCE)})", expand=False)
    names = dict(zip(TOLERANCE, ("loss", "F1", "distortion")))
    table["kind"] = start.map(names).mask((start == "f1") & (table.published == 0), "F1 published as 0")
    table["difference"], table["t"] = table["mean"] - table.published, start.map(TOLERANCE)
    near = (table.low - table.t <= table.published) & (table.published <= table.high + table.t)
    table["verdict"] = np.select([table.seeds == 0, near], ["none yet", "reproduced"], "missed")
    table["strict"] = table.difference.abs() <= table.t
    table["inside"] = table.published.between(table.low, table.high)
    each = table[[*keys, "published", "t"]].merge(ours, on=keys)
    each = each[(each.value - each.published).abs() <= each.t].groupby(keys).seed
    table = table.join(each.agg(lambda seeds: ", ".join(map(str, sorted(set(seeds))))).rename("near"), on=keys)
    table["near"] = table.near.astype(object).fillna("")
    for name, column in (("original", "checkpoint"), ("causes", "cause")):
        extra = pd.read_csv(ROOT / f"data/{name}.csv", dtype={"capacity": float})
        if (twice := extra[extra.duplicated(keys)]).size:
            raise ValueError(
                f"data/{name}.csv must have one line for each model, measure and capacity; again there: "
                f"{', '.join(map(str, twice[keys].iloc[0]))}"
            )
        table = table.join(extra.set_index(keys).set_axis([column], axis=1), on=keys)
    for row in table[(table.verdict == "missed") & table.cause.isna()].itertuples():
        table.loc[row.Index, "cause"] = cause(row.model, row.measure, row.capacity)
    table["cause"] = table.cause.where(table.verdict == "missed", "")
    return table


def network_of(model: str, measure: str) -> str:
    """The model whose network a published number is of: figure 6 C names the heads of E2M5 by the models of their tasks."""
    return "E2M5" if measure == "f1_simultaneous" else model


def cause(model: str, measure: str, capacity: float) -> str:
    """Whether another setting gives a published number, by the tries of seed 0, in words that begin with the answer.

    "gamma", "T", ...     the settings with which a try gives this number and the others of its network, within the tolerance
    "chance"              most other settings do, so none of them is the cause: the network of seed 0 is an odd one
    "partly gamma", ...   with these it gives this number, but not all others of its network
    "unknown"             no try gives it, or no such number is kept of the tries
    """
    of, column = network_of(model, measure), _column_of_tries(model, measure)
    here, own = tries().query("model == @of and capacity == @capacity"), setting(spec(of, capacity))
    here = here[(here[list(ALTERNATIVES)] != list(own)).any(axis=1)]
    if column not in here or here.empty:
        return "unknown; not measured with another setting"
    near = pd.DataFrame(
        {
            name: (here[name] - row.value).abs() <= TOLERANCE["f1" if name.startswith("f1") else "reconstruction_loss"]
            for row in published().query("capacity == @capacity").itertuples()
            if network_of(row.model, row.measure) == of and (name := _column_of_tries(row.model, row.measure))
        }
    )
    if not near[column].any():
        return f"unknown; {len(here)} other settings tried, {here[column].min():.3f} to {here[column].max():.3f}"
    most = near.sum(axis=1)[near[column]].max()
    giving = here[near[column] & (near.sum(axis=1) == most)]
    whole, count = most == near.shape[1], f"{most} of {near.shape[1]} numbers"
    if whole and len(giving) > len(here) / 2:
        return f"chance: {len(giving)} of {len(here)} other settings give {count}"
    words = dict(zip(ALTERNATIVES, ("gamma", "T", "task weight", "task factor")))
    told = []
    for _, row in giving.loc[(giving.rate - capacity).abs().sort_values(kind="stable").index].iterrows():
        name = next(name for name, mine in zip(ALTERNATIVES, own) if row[name] != mine)  # the one that differs
        value = row[name] if isinstance(row[name], str) else f"{row[name]:,.0f}"
        known = name in ("gamma", "ramp") and KNOWN.get((of, capacity)) == (row.gamma, row.ramp)
        about = f"{row[column]:.3f}, rate {row.rate:.2f}" + ", the original's" * known
        told.insert(0 if known else len(told), f"{words[name]} {value} ({about})")
    return f"{'' if whole else 'partly '}{', '.join(told[:3])}{f', {len(told) - 3} more' * (len(told) > 3)}: {count}"


def _column_of_tries(model: str, measure: str) -> str | None:
    if measure in ("f1_joint", "f1_simultaneous"):
        return f"f1_{MODELS[model]['tasks'][0]}"
    return "reconstruction" if measure == "reconstruction_loss" else None


def guesses() -> pd.DataFrame:
    """F1, on `uniform`'s validation part, of answers that never saw the image: what a head scores by chance.

    A row a task, by its model; columns (always one class, batches), ... The one class is 1, or of more than two the most
    frequent; "drawn by frequency" names each class as often as it occurs; "batches" is the paper's mean, "whole set" ours.
    """
    rows, spec = {}, Spec()
    factors = _drawn("uniform", 0)[1][spec.train_end : spec.validation_end]
    for model in ONE_HEAD:
        labels, k = classes(model, factors), data.TASKS[MODELS[model]["tasks"][0]].n_classes
        one = np.full_like(labels, 1 if k == 2 else np.bincount(labels).argmax())
        drawn = np.random.default_rng(0).permutation(labels)
        rows[model] = [
            score(labels, answer, k) for answer in (one, drawn) for score in (measures.f1_batchwise, measures.f1)
        ]
    columns = pd.MultiIndex.from_product([["always one class", "drawn by frequency"], ["batches", "whole set"]])
    return pd.DataFrame.from_dict(rows, "index", columns=columns).rename_axis("task of")


def ignoring(ours: pd.DataFrame | None = None) -> pd.MultiIndex:
    """The networks that ignore their images, by their loss (`theory.ignores`): (model, capacity, seed) of each."""
    ours = results() if ours is None else ours
    loss = ours[(ours.measure == "reconstruction_loss") & ours.model.isin(MODELS)]
    some = [
        part[theory.ignores(part.value, spec(model, 10).counts)] for model, part in loss.groupby("model", sort=False)
    ]
    return pd.MultiIndex.from_frame(pd.concat([loss[:0], *some])[["model", "capacity", "seed"]])


def summary(card: pd.DataFrame) -> pd.DataFrame:
    """What a `scorecard` comes to: a row a kind of number and one for all; counts of the columns' names."""
    counts = pd.DataFrame(
        {
            "kind": card.kind,
            "published": 1,
            "ours": card.seeds > 0,
            "reproduced": card.verdict == "reproduced",
            "strict": card.strict,
            "inside": card.inside,
        }
    )
    by_kind = counts.groupby("kind", sort=False).sum().astype(int)
    return pd.concat([by_kind, by_kind.sum().rename("all").to_frame().T])


def compare(new: pd.DataFrame) -> pd.DataFrame:
    """Numbers made anew beside those of data/results.csv for the same seeds, and the published ones.

    new      columns model, capacity, seed, measure, value
    returns  columns model, capacity, measure, ours (mean of the seeds), low, high, released (mean), difference, published;
             NaN where there is none
    """
    keys = ["model", "capacity", "measure"]
    old = results()
    mean = lambda table: table.groupby(keys, sort=False).value.mean()
    ours = new.groupby(keys, sort=False).value.agg(ours="mean", low="min", high="max")
    table = ours.join(mean(old[old.seed.isin(new.seed)]).rename("released"), how="outer", sort=False)
    table["difference"] = table.ours - table.released
    return table.join(mean(published()).rename("published")).reset_index()


_drawn = functools.lru_cache(maxsize=3)(data.corridors)  # many runs are measured on the same images


def numbers(model: str, capacity: float, run: Run, baseline: Run | None = None) -> pd.DataFrame:
    """The rows of data/results.csv that one run gives, from its weights as they are stored.

    baseline   of the same capacity and seed: gives the class distortions of a model with two classes
    """
    images, factors = train.load_data(run.spec) if run.spec.from_csv else _drawn(run.spec.counts, run.spec.data_seed)
    validation = slice(run.spec.train_end, run.spec.validation_end)
    scores = train.evaluate(run.model, images[validation], factors[validation], run.spec.seed)
    rows = []
    for task in run.spec.tasks:  # where a score belongs: the paper names a head by the model of its task
        of_task = next((name for name in ONE_HEAD if MODELS[name]["tasks"] == (task,)), task)
        if model in CLASSIFIERS and CLASSIFIERS[model][1] != "baseline":
            row, measure = CLASSIFIERS[model][1], f"f1_on_{of_task}"
        else:
            row = of_task
            measure = "f1_disjoint" if model in CLASSIFIERS else "f1_joint" if model == of_task else "f1_simultaneous"
        rows += [
            (row, measure, scores.pop(f"f1_{task}")),
            (row, f"whole_{measure}", scores.pop(f"whole_f1_{task}")),
            (row, measure.replace("f1", "cross_entropy"), scores.pop(task)),
        ]
    if model in MODELS:
        scores["reconstruction_loss"] = scores.pop("reconstruction")
        scores |= {"gamma": run.spec.gamma, "ramp": run.spec.ramp}
        rows += [(model, name, value) for name, value in scores.items()]
        if baseline and model != "baseline":
            rows += [(model, name, value) for name, value in class_distortions(model, run, baseline).items()]
        rows += [(model, name, value) for name, value in claim_measures(model, run).items()]
    return pd.DataFrame(
        [(row, capacity, run.spec.seed, *rest) for row, *rest in rows],
        columns=["model", "capacity", "seed", "measure", "value"],
    )


def claim_measures(model: str, run: Run) -> dict[str, float]:
    """What the claims are judged by, from the mean codes of the 169 pairs over `uniform`'s last 20,000 images.

    The baseline is measured by the classes of each model that is compared with it.
    """
    images, factors = (part[-20_000:] for part in _drawn("uniform", 0))
    means, pairs = measures.pair_means(train.encode(run.model, images), factors), data.PAIRS
    values = {"unevenness": measures.unevenness(means)}
    for other in ("E1M1", "E1M2", "E2M1", "E2M2", "E2M3"):
        if model in (other, "baseline"):
            labels = classes(other, pairs)
            biased = "tasks" not in MODELS[other]
            values[("share_of_space_" if biased else "own_direction_") + other] = (
                measures.share_of_space(means, labels) if biased else measures.own_direction(means, labels, pairs)
            )
    return values


def claims(ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """The four claims, each as one number a seed that is positive where the claim holds.

    prototypization    unevenness of the baseline at 0.3 nats minus that at 10
    specialization     log of E1M1's share of space for the frequent half over the baseline's, mean over capacities
    orthogonalization  own direction of the classes minus the baseline's, mean over E2M1 to E2M3 and capacities
    more latents       active latents of E1M1 and E1M2 minus the baseline's, mean over both and capacities

    ours     numbers as of `results`; default: those
    returns  columns claim, seed, effect; only seeds whose numbers are complete
    """
    each, rows = claims_by_capacity(ours), []
    counted = each[each.capacity.isin(CAPACITIES) & ((each.claim != "specialization") | (each.model == "E1M1"))]
    models = {"specialization": 1, "orthogonalization": 3, "more latents": 2}
    for seed, some in counted.groupby("seed"):
        ends = some[some.claim == "prototypization"].set_index("capacity").effect.reindex([0.3, 10])
        rows += [("prototypization", seed, ends[0.3] - ends[10])]
        for claim, n in models.items():
            effects = some[some.claim == claim].effect
            rows += [(claim, seed, effects.mean() if len(effects) == n * len(CAPACITIES) else np.nan)]
    return pd.DataFrame(rows, columns=["claim", "seed", "effect"]).dropna(ignore_index=True)


def claims_by_capacity(ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the claims average: a row a claim, model, capacity and seed that there is a number for.

    The effects that `claims` averages, and E1M2's for specialization, which that leaves out. Prototypization is a
    difference between capacities; here it's the baseline's unevenness itself.

    returns  columns claim, model, capacity, seed, effect
    """
    ours = results() if ours is None else ours
    wide = ours.pivot_table(index=["model", "capacity", "seed"], columns="measure", values="value")
    parts = [
        ("prototypization", "baseline", "unevenness"),
        *(("specialization", model, f"share_of_space_{model}") for model in ("E1M1", "E1M2")),
        *(("orthogonalization", model, f"own_direction_{model}") for model in ("E2M1", "E2M2", "E2M3")),
        *(("more latents", model, "active_latents") for model in ("E1M1", "E1M2")),
    ]
    tables = []
    for claim, model, measure in parts:
        values = wide[measure] if measure in wide else pd.Series(dtype=float, index=wide.index)
        of = lambda name: values[values.index.get_level_values("model") == name].droplevel("model")
        effect = (
            of(model)
            if model == "baseline"
            else np.log(of(model) / of("baseline"))
            if claim == "specialization"
            else of(model) - of("baseline")
        )
        tables.append(effect.dropna().rename("effect").reset_index().assign(claim=claim, model=model))
    return pd.concat(tables)[["claim", "model", "capacity", "seed", "effect"]].reset_index(drop=True)


def class_distortions(model: str, run: Run, baseline: Run) -> dict[str, float]:
    """The distortions of a model's two classes against the baseline (figures 4-9, E and J), in three draws of images."""
    images, factors = _drawn("uniform", 0)
    values = {}
    for draw in range(3):
        rows = geometry_rows(factors, draw)
        labels = classes(model, factors[rows])
        if labels.max() > 1:
            return {}  # matrices of more classes are no single numbers
        codes, reference = (train.encode(r.model, images[rows]) for r in (run, baseline))
        matrix = measures.distortion(codes, reference, labels)
        for pair in ((0, 0), (0, 1), (1, 1)):
            values[f"class_distortion_{pair[0]}{pair[1]}" + (f"_draw{draw}" if draw else "")] = matrix[pair]
        if draw == 0:
            values["class_distortion_robust_01"] = measures.distortion_robust(codes, reference, labels)[0, 1]
    return values


def classes(model: str, factors: np.ndarray) -> np.ndarray:
    """The classes by which a model's geometry is judged (figures 4-11): factors (N, 2) -> (N,) int64."""
    if model == "E1M1":
        return (factors[:, 1] <= 6).astype(np.int64)  # 1: the frequent half
    task = {"E1M2": "aligned", "E2M5": "region"}.get(model) or (MODELS[model].get("tasks") or ("identity",))[0]
    return data.TASKS[task].labels(factors)


def geometry_rows(factors: np.ndarray, draw: int = 0) -> np.ndarray:
    """Rows of the geometry figures' images: 1,500 drawn from the last 20,000, and the first there of `ANNOTATED`."""
    last = np.arange(max(0, len(factors) - 20_000), len(factors))
    drawn = np.random.default_rng(draw).choice(last, min(1500, len(last)), replace=False)
    marked = [last[(factors[last] == pair).all(1)][:1] for pair in ANNOTATED]
    return np.concatenate([drawn, *marked])


def provenance(used: Sequence[Run] = (), tables: Sequence[str] = ()):
    """What made a page, as Markdown for its last cell: each run's settings and the checksum of its weights, the files of
    numbers (paths, of data/results.csv and the like) with theirs, versions."""
    from IPython.display import Markdown

    columns = ["seed", "C (nats)", "gamma", "T", "steps", "data", "tasks", "weights"]
    rows = [
        (
            r.spec.seed,
            f"{r.spec.capacity:g}",
            f"{r.spec.gamma:g}",
            r.spec.ramp,
            r.spec.steps,
            data_name(r.spec),
            ", ".join(r.spec.tasks) or "none",
            f"`{runs.weights_digest(r.model.state_dict())}`",
        )
        for r in used
    ]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (columns, ["---"] * len(columns), *rows)]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("geomlib", "torch", "numpy", "scikit-learn"))
    sums = {path: file_sha256(path if Path(path).exists() else ROOT / path)[:12] for path in tables}
    files = ", ".join(f"`{path}` `{digits}`" for path, digits in sums.items())
    about = []
    if used:
        about.append("\n".join(lines))
    if tables:
        about.append(f"Numbers: {files}.")
    if about:
        about.append(
            "Checksums: the first 12 digits of the sha256 of a network's weights as float32, of a file's bytes."
        )
    about.append(
        f"Python {platform.python_version()}, {versions}. How long the page takes: [What it costs](../cost.md#a-page-again)."
    )
    return Markdown("\n\n".join(about))


def data_name(spec: Spec) -> str:
    """A word for a run's data: a name of `data.COUNTS`, a path, or "own table"."""
    return spec.counts if isinstance(spec.counts, str) else "own table"
