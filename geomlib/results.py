"""Our numbers: what is measured of a run, the tables of all runs, and the scorecard beside the published numbers."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import data, evaluate, measures, paper, runs
from .engine.jobs import bar
from .evaluate import drawn
from .paper import CLASS_NAMES, CLASSIFIERS, MODELS, ONE_HEAD, classes, place, published, results, run
from .places import data_file, needed_repository, repository, writable
from .settings import settled
from .spec import Spec, file_sha256
from .train import Run

TOLERANCE = {"reconstruction_loss": 0.004, "f1": 0.05, "class_distortion": 0.1}  # of the scorecard, by kind of measure
LAST = slice(-20_000, None)  # the images of `uniform` that geometry is measured on
Key = tuple[str, float, int]  # model, capacity, seed
Codes = tuple[np.ndarray, np.ndarray]  # mean codes and their variances, (169, D) each


def numbers(model: str, capacity: float, run: Run, baseline: Run | None = None) -> pd.DataFrame:
    """What one run gives: its scores in the last validation; columns model, capacity, seed, measure, value.

    baseline   of the same capacity and seed: gives the class distortions of a model with two classes
    """
    spec, scores = run.spec, dict(run.final)
    rows = []
    for task in spec.tasks:  # the paper names a head by the model of its task
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
        scores |= class_distortions(model, run, baseline) if baseline and model != "baseline" else {}
        rows += [(model, name, value) for name, value in scores.items()]
    return pd.DataFrame([(row, capacity, spec.seed, *rest) for row, *rest in rows], columns=paper.COLUMNS)


def class_distortions(model: str, run: Run, baseline: Run) -> dict[str, float]:
    """The distortions of a model's two classes against the baseline (figures 4-9, E and J), in three draws of
    images."""
    images, factors = drawn("uniform", 0, run.spec.world)
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
    marked = [last[(factors[last] == pair).all(1)][:1] for pair in paper.ANNOTATED]
    return np.concatenate([drawn, *marked])


def stimulus_codes(run: Run) -> Codes:
    """Mean codes of the 169 pairs and their variances, (169, D) each, over the last 20,000 images of `uniform`, drawn
    in the run's own world."""
    images, factors = drawn("uniform", 0, run.spec.world)
    return measures.stimulus_codes(*evaluate.posterior(run.model, images[LAST]), factors[LAST])


def measured(key: Key, folder: str | Path | None = None, **changes) -> pd.DataFrame:
    """A stored run's numbers: those kept beside it in numbers.csv, or else computed, and kept if they are complete.
    Those of a setting of a law bear its name in place of the model's."""
    name, capacity, seed = key
    model, changes = settled(name, changes)
    kept, paired = place(model, capacity, seed, folder, **changes) / "numbers.csv", ("baseline", capacity, seed)
    if not kept.exists():
        beside = model in CLASS_NAMES and place(*paired, folder=folder, **changes).exists()
        baseline = run(*paired, folder, **changes) if beside else None
        rows = numbers(model, capacity, run(model, capacity, seed, folder, **changes), baseline)
        if model in CLASS_NAMES and not beside:  # without their baseline, distortions are missing
            return rows.assign(**{} if model == name else {"model": name})
        new = kept.with_suffix(f".{os.getpid()}")
        rows.to_csv(new, index=False, float_format="%.6g")
        new.replace(kept)
    rows = results(kept)
    return rows if model == name else rows.assign(model=name)


def table(
    keys: Sequence[Key], folder: str | Path | None = None, output: str | Path | None = None, **changes
) -> pd.DataFrame:
    """The numbers of many stored runs, one after the other, and if `output` is given in this file; beside it then, as
    .npz, the stimulus codes of the networks among them."""
    output = writable(output)
    shown = bar("measuring", iterable=keys, unit=" runs")
    rows = pd.concat([measured(key, folder, **changes) for key in shown], ignore_index=True)
    if output:
        networks = {key: stimulus_codes(run(*key, folder, **changes)) for key in keys if key[0] not in CLASSIFIERS}
        write(rows, networks, output)
    return rows


def write(numbers: pd.DataFrame, codes: Mapping[Key, Codes], output: Path) -> None:
    """A table of numbers as CSV, and beside it, as .npz in half precision, the stimulus codes of the networks."""
    numbers.to_csv(output, index=False, float_format="%.6g")
    halves: dict[str, Any] = {f"{m}-c{c:g}-s{s}": np.float16(np.stack(both)) for (m, c, s), both in codes.items()}
    np.savez_compressed(output.with_suffix(".npz"), **halves)


def codes(path: str | Path | None = None) -> dict[Key, Codes]:
    """Mean codes of the 169 pairs and their variances, (169, 5) each, of each (model, capacity, seed) in a file of
    `geomlib results -o`; None: of all networks whose numbers are released. Of seeds above 0 the weights are not."""
    found = {}
    for file in [path] if path else sorted((_released_data() / "codes").glob("*.npz")):
        with np.load(data.existing(file)) as arrays:
            for name, both in arrays.items():
                model, _, rest = name.rpartition("-c")
                capacity, _, seed = rest.rpartition("-s")
                found[model, float(capacity), int(seed)] = tuple(both.astype(np.float32))
    return found


def _released_data() -> Path:
    return needed_repository("the codes of the released networks lie") / "data"


def released(scale: str = "full") -> tuple[dict[Key, Codes], pd.DataFrame]:
    """The codes and the numbers of all networks whose numbers are released.

    scale   "full"; "sketch" for those of 500 steps; "capacities" for seed 0 alone, at ten more capacities besides
    """
    if scale not in ("full", "sketch", "capacities"):
        raise ValueError(f"scale must be full, sketch or capacities, got {scale!r}")
    home = _released_data()
    if scale == "sketch":
        return codes(home / "sketch/codes.npz"), results(home / "sketch/results.csv")
    if scale == "full":
        return codes(), results()
    more, ours = (home / f"capacities.{ending}" for ending in ("npz", "csv"))
    first = {key: both for key, both in codes().items() if key[2] == 0}
    return first | codes(more), pd.concat([results().query("seed == 0"), results(ours)], ignore_index=True)


def shown(
    keys: Sequence[Key], file: str = "", folder: str = "", changes: dict = {}
) -> tuple[dict[Key, Codes], pd.DataFrame]:
    """What a page shows of networks: their stimulus codes, and their numbers.

    keys     the networks that are meant where the page has parameters of its own; without any, all that are released
    file     of `geomlib results`; empty: measured here      folder, changes  as of `paper.run`
    """
    here = repository() or not keys
    if here and not (file or folder or changes) and (known := codes()).keys() >= set(keys):
        return known, results()
    trained = paper.train_all(keys, folder or None, **changes)  # side by side
    ours = results(file) if file else table(keys, folder or None, **changes)
    return {key: stimulus_codes(run) for key, run in zip(keys, trained)}, ours


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """A table of numbers with a row for each (model, capacity, seed), and a column for each measure."""
    return table.pivot_table(index=paper.COLUMNS[:3], columns="measure", values="value")


def by_seed(table: pd.DataFrame, model: str, measure: str) -> pd.DataFrame:
    """A measure of a model from `results` or `published`: a row a seed, a column a capacity; NaN if there is none."""
    rows = table[(table.model == model) & (table.measure == measure)].assign(**{} if "seed" in table else {"seed": 0})
    wide = rows.pivot(index="seed", columns="capacity", values="value").reindex(columns=list(paper.CAPACITIES))
    return wide if len(wide) else wide.reindex([0])


def head(table: pd.DataFrame, network: str, task: str, whole: bool = False) -> pd.DataFrame:
    """F1 of the task of a model, read from a network's codes, `by_seed`: as in the paper, or of the whole set."""
    own = {"baseline": (task, "f1_disjoint"), task: (task, "f1_joint"), "E2M5": (task, "f1_simultaneous")}
    model, measure = own.get(network, (network, f"f1_on_{task}"))
    return by_seed(table, model, "whole_" * whole + measure)


def scorecard(ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each published number beside ours (None: of `results`), with a verdict.

    returns  the rows of `published`, value now named published, and
             kind                   loss, F1, F1 published as 0, distortion
             t                      the tolerance, of `TOLERANCE`
             seeds, mean, low, high of ours over the seeds; of a distortion over seeds and draws of images
             difference             mean - published
             verdict                "reproduced": the mean comes within t; "in range": not the mean, but the published
                                    number lies in [low - t, high + t]; "missed"; "none yet"
             network, words         `in_words`
    """
    keys = ["model", "measure", "capacity"]
    ours = (results() if ours is None else ours).dropna(subset="value").astype({"capacity": float})
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
    in_range = (table.low - table.t <= table.published) & (table.published <= table.high + table.t)
    states = [table.seeds == 0, table.difference.abs() <= table.t, in_range]
    table["verdict"] = np.select(states, ["none yet", "reproduced", "in range"], "missed")
    table["network"], table["words"] = zip(*map(in_words, table.model, table.measure))
    return table


def readings(output: str | Path) -> None:
    """A table of the numbers of `paper.READINGS`, trained where they are missing, in a file: columns network, capacity
    (as published), reading, model, measure, value."""
    writable(output)
    tables = []
    for network, label, reading, capacity, changes in paper.READINGS:
        paper.train_all([(network, capacity, 0)], **changes)
        found = measured((network, capacity, 0), **changes)
        tables.append(found.assign(network=network, capacity=label, reading=reading))
    columns = ["network", "capacity", "reading", "model", "measure", "value"]
    pd.concat(tables, ignore_index=True)[columns].to_csv(output, index=False, float_format="%.6g")


def second_readings(card: pd.DataFrame, found: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of a `scorecard` whose network has second readings, once for each of them.

    found    of `readings`; None: of data/readings.csv
    returns  columns network, words, capacity, published, mean (ours, as labelled), reading, value, verdict of the value
    """
    found = pd.read_csv(data_file("readings.csv")) if found is None else found
    both = card.merge(found, on=["network", "model", "measure", "capacity"])
    near = (both.value - both.published).abs() <= both.t
    columns = ["network", "words", "capacity", "published", "mean", "reading", "value", "verdict"]
    return both.assign(verdict=np.where(near, "reproduced", "missed"))[columns]


def summary(card: pd.DataFrame) -> pd.DataFrame:
    """What a `scorecard` comes to: a row a kind of number and one for all; how many are published, and how many have
    each verdict."""
    counts = pd.crosstab(card.kind, card.verdict).reindex(columns=["reproduced", "in range", "missed", "none yet"])
    counts.insert(0, "published", card.kind.value_counts())
    counts = counts.reindex(card.kind.unique()).fillna(0).astype(int).rename_axis(None, axis=1)
    return pd.concat([counts, counts.sum().rename("all").to_frame().T])


def in_words(model: str, measure: str) -> tuple[str, str]:
    """A published number's network and what was measured of it, for readers; figure 6 names heads by their tasks'
    models."""
    kind, _, rest = measure.partition("_")
    if kind == "f1":
        task = MODELS[model]["tasks"][0]
        network, way = {
            "disjoint": ("baseline", "no task"),
            "joint": (model, "its own task"),
            "simultaneous": ("E2M5", "four tasks"),
        }[rest]
        return network, f"F1 of {task}, {way}"
    if measure == "reconstruction_loss":
        return model, "loss"
    a, b = (CLASS_NAMES[model][int(digit)].split(", ")[-1] for digit in measure[-2:])
    return model, f"distortion within {a}" if a == b else "distortion between classes"


def chance() -> pd.DataFrame:
    """The chance level of F1 on `uniform`'s validation part: the best score of answers that never saw the image.

    One such answer is always the same class: 1, or of more than two the most frequent. The other names each class as
    often as it occurs. A row a task, by its model; columns batches, the paper's mean, and whole set, ours.
    """
    rows, spec = {}, Spec()
    factors = drawn("uniform")[1][spec.train_end : spec.validation_end]
    for model in ONE_HEAD:
        labels, k = classes(model, factors), data.TASKS[MODELS[model]["tasks"][0]].n_classes
        one = np.full_like(labels, 1 if k == 2 else np.bincount(labels).argmax())
        by_frequency = np.random.default_rng(0).permutation(labels)
        scores = measures.f1_batchwise, measures.f1
        rows[model] = [max(score(labels, answer, k) for answer in (one, by_frequency)) for score in scores]
    return pd.DataFrame.from_dict(rows, "index", columns=["batches", "whole set"]).rename_axis("task of")


def compare(new: pd.DataFrame) -> pd.DataFrame:
    """Numbers made anew beside those of data/results.csv for the same seeds, and the published ones.

    new      columns model, capacity, seed, measure, value
    returns  columns model, capacity, measure, ours (mean of the seeds), low, high, released (mean), difference,
             published; NaN if there is none
    """
    keys = ["model", "capacity", "measure"]
    old = results()
    mean = lambda table: table.groupby(keys, sort=False).value.mean()
    ours = new.groupby(keys, sort=False).value.agg(ours="mean", low="min", high="max")
    table = ours.join(mean(old[old.seed.isin(new.seed)]).rename("released"), how="outer", sort=False)
    table["difference"] = table.ours - table.released
    return table.join(mean(published()).rename("published")).reset_index()


def provenance(used: Sequence[Run] = (), tables: Sequence[str] = ()):
    """What made a page, as Markdown for its last cell: each run's settings and the checksum of its weights, the files
    of numbers (paths, of data/results.csv and the like) with theirs, versions."""
    from IPython.display import Markdown

    columns = ["seed", "C (nats)", "steps", "data", "tasks", "weights"]
    rows = [
        (
            r.spec.seed,
            f"{r.spec.capacity:g}",
            r.spec.steps,
            r.spec.counts_name,
            ", ".join(r.spec.tasks) or "none",
            f"`{runs.weights_digest(r.model.state_dict())}`",
        )
        for r in used
    ]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (columns, ["---"] * len(columns), *rows)]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("geomlib", "torch", "numpy", "scikit-learn"))
    sums = {
        path: file_sha256(path if Path(path).exists() else data_file(path.removeprefix("data/")))[:12]
        for path in tables
    }
    about = ["\n".join(lines)] if used else []
    if tables:
        about.append(f"Numbers: {', '.join(f'`{path}` `{digits}`' for path, digits in sums.items())}.")
    if about:
        about.append(
            "Checksums: the first 12 digits of the sha256 of a network's weights as float32, of a file's bytes."
        )
    about.append(f"Python {platform.python_version()}, {versions}.")
    return Markdown("\n\n".join(about))
