"""Our numbers: what is measured of a run, the tables of all runs, and the scorecard beside the published numbers."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from . import data, evaluate, measures, runs, theory
from .claims import claim_measures
from .evaluate import drawn
from .paper import ANNOTATED, CAPACITIES, CLASSIFIERS, MODELS, ONE_HEAD, ROOT, classes, published, results, run, spec
from .spec import Spec, file_sha256
from .train import Run

TOLERANCE = {"reconstruction_loss": 0.004, "f1": 0.05, "class_distortion": 0.1}  # of the scorecard, by kind of measure
HELD = 0.05  # the rate counts as held if it ends within 5 % of the capacity


def add_rows(
    path: Path, rows: pd.DataFrame, keys: Sequence[str] | None = None, float_format: str | None = None
) -> None:
    """Add rows to a CSV file: where one has the same values in `keys` (None: in all columns), in its place, else at the
    end.

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


def codes() -> dict[tuple[str, float, int], np.ndarray]:
    """Mean codes (N, 5) of the geometry figures' images, of each (model, capacity, seed) whose weights are not
    released."""
    found = {}
    for path in (ROOT / "data/codes").glob("codes-s*.npz"):
        with np.load(path) as file:
            for name in file:
                model, capacity = name.rsplit("-c", 1)
                found[model, float(capacity), int(path.stem.rpartition("-s")[2])] = file[name].astype(np.float32)
    return found


def pair_codes() -> dict[tuple[str, float, int], np.ndarray]:
    """Mean codes (169, 5) of the pairs in the geometry figures' images, of all our networks: (model, capacity, seed) of
    each."""
    images, factors = drawn("uniform", 0)
    rows = geometry_rows(factors)
    released = {(m, c, 0): evaluate.encode(run(m, c).model, images[rows]) for m in MODELS for c in CAPACITIES}
    return {key: measures.pair_means(mu, factors[rows]) for key, mu in (released | codes()).items()}


def by_seed(table: pd.DataFrame, model: str, measure: str) -> pd.DataFrame:
    """A measure of a model from `results` or `published`: a row a seed, a column a capacity; NaN where there is
    none."""
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
             checkpoint             the same number from the authors' own network, of data/original.csv; NaN if not
                                    there
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
    original = pd.read_csv(ROOT / "data/original.csv", dtype={"capacity": float})
    if (twice := original[original.duplicated(keys)]).size:
        raise ValueError(
            "data/original.csv must have one line for each model, measure and capacity; again there: "
            f"{', '.join(map(str, twice[keys].iloc[0]))}"
        )
    return table.join(original.set_index(keys).set_axis(["checkpoint"], axis=1), on=keys)


def network_of(model: str, measure: str) -> str:
    """The model whose network a published number is of: figure 6 C names the heads of E2M5 by the models of their
    tasks."""
    return "E2M5" if measure == "f1_simultaneous" else model


def guesses() -> pd.DataFrame:
    """F1, on `uniform`'s validation part, of answers that never saw the image: what a head scores by chance.

    A row a task, by its model; columns (always one class, batches), ... The one class is 1, or of more than two the
    most frequent; "drawn by frequency" names each class as often as it occurs; "batches" is the paper's mean, "whole
    set" ours.
    """
    rows, spec = {}, Spec()
    factors = drawn("uniform", 0)[1][spec.train_end : spec.validation_end]
    for model in ONE_HEAD:
        labels, k = classes(model, factors), data.TASKS[MODELS[model]["tasks"][0]].n_classes
        one = np.full_like(labels, 1 if k == 2 else np.bincount(labels).argmax())
        by_frequency = np.random.default_rng(0).permutation(labels)
        rows[model] = [
            score(labels, answer, k) for answer in (one, by_frequency) for score in (measures.f1_batchwise, measures.f1)
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
    returns  columns model, capacity, measure, ours (mean of the seeds), low, high, released (mean), difference,
             published; NaN where there is none
    """
    keys = ["model", "capacity", "measure"]
    old = results()
    mean = lambda table: table.groupby(keys, sort=False).value.mean()
    ours = new.groupby(keys, sort=False).value.agg(ours="mean", low="min", high="max")
    table = ours.join(mean(old[old.seed.isin(new.seed)]).rename("released"), how="outer", sort=False)
    table["difference"] = table.ours - table.released
    return table.join(mean(published()).rename("published")).reset_index()


def numbers(model: str, capacity: float, run: Run, baseline: Run | None = None) -> pd.DataFrame:
    """The rows of data/results.csv that one run gives, from its weights as they are stored.

    baseline   of the same capacity and seed: gives the class distortions of a model with two classes
    """
    images, factors = (
        evaluate.load_data(run.spec) if run.spec.from_csv else drawn(run.spec.counts_name, run.spec.data_seed)
    )
    validation = slice(run.spec.train_end, run.spec.validation_end)
    scores = evaluate.scores(
        run.model, images[validation], factors[validation], run.spec.seed, {t: run.spec.task(t) for t in run.spec.tasks}
    )
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


def class_distortions(model: str, run: Run, baseline: Run) -> dict[str, float]:
    """The distortions of a model's two classes against the baseline (figures 4-9, E and J), in three draws of
    images."""
    images, factors = drawn("uniform", 0)
    values = {}
    for draw in range(3):
        rows = geometry_rows(factors, draw)
        labels = classes(model, factors[rows])
        if labels.max() > 1:
            return {}  # matrices of more classes are no single numbers
        codes, reference = (evaluate.encode(r.model, images[rows]) for r in (run, baseline))
        matrix = measures.distortion(codes, reference, labels)
        for pair in ((0, 0), (0, 1), (1, 1)):
            values[f"class_distortion_{pair[0]}{pair[1]}" + (f"_draw{draw}" if draw else "")] = matrix[pair]
        if draw == 0:
            values["class_distortion_robust_01"] = measures.distortion_robust(codes, reference, labels)[0, 1]
    return values


def geometry_rows(factors: np.ndarray, draw: int = 0) -> np.ndarray:
    """Rows of the geometry figures' images: 1,500 drawn from the last 20,000, and the first there of `ANNOTATED`."""
    last = np.arange(max(0, len(factors) - 20_000), len(factors))
    drawn = np.random.default_rng(draw).choice(last, min(1500, len(last)), replace=False)
    marked = [last[(factors[last] == pair).all(1)][:1] for pair in ANNOTATED]
    return np.concatenate([drawn, *marked])


def provenance(used: Sequence = (), tables: Sequence[str] = ()):
    """What made a page, as Markdown for its last cell: each run's settings and the checksum of its weights, the files
    of numbers (paths, of data/results.csv and the like) with theirs, versions."""
    from IPython.display import Markdown

    columns = ["seed", "C (nats)", "gamma", "T", "steps", "data", "tasks", "weights"]
    rows = [
        (
            r.spec.seed,
            f"{r.spec.capacity:g}",
            f"{r.spec.gamma:g}",
            r.spec.ramp,
            r.spec.steps,
            r.spec.counts_name,
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
        f"Python {platform.python_version()}, {versions}. How long the page takes: "
        "[What it costs](../cost.md#a-page-again)."
    )
    return Markdown("\n\n".join(about))
