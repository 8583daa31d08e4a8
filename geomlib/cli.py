"""The `geomlib` command."""

from __future__ import annotations

import argparse
import logging
import platform
import signal
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from . import data, measures, model, paper, runs, train
from .spec import Spec, check_fields

DURATIONS = "durations.csv"  # in a folder of runs: how long its jobs took, for `geomlib plan`


def main(arguments: list[str] | None = None) -> None:
    """Run a command. Errors are one or two lines on stderr and exit status 1 (2 where the command line is wrong)."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is Ctrl-C, too
    try:
        options.command(options)
    except OSError as error:
        sys.exit(f"geomlib: {error.filename}: {error.strerror}" if error.filename else f"geomlib: {error}")
    except (ValueError, RuntimeError, ArithmeticError) as error:
        sys.exit(f"geomlib: {error}")
    except KeyboardInterrupt:
        logging.disable()  # asyncio would add the traces of a page's unfinished tasks
        sys.exit(
            "geomlib: stopped; whole runs are kept, the same command goes on from the last whole epoch of the others"
        )


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="geomlib",
        description="Train the networks of the paper, run its pages, score its checkpoints. COMMAND --help tells more.",
    )
    top.add_argument(
        "--version",
        action="version",
        version=f"geomlib {metadata.version('geomlib')}, Python "
        f"{platform.python_version()}, torch {metadata.version('torch')}, {platform.platform()}",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(command, words: str, help: str, example: str) -> argparse.ArgumentParser:
        name = words.split()[0]
        sub = commands.add_parser(
            name,
            usage=f"geomlib {words} [options]",
            help=help,
            description=help,
            epilog=f"Example: geomlib {name} {example}",
        )
        sub.set_defaults(command=command)
        return sub

    def add_runs(sub: argparse.ArgumentParser, models: str) -> None:
        sub.add_argument(
            "models",
            nargs=models,
            default=[*paper.MODELS, *paper.CLASSIFIERS],
            metavar="MODEL",
            help=", ".join(paper.MODELS) + ", a classifier: E2M1-on-baseline",
        )
        sub.add_argument(
            "--capacity",
            nargs="+",
            type=float,
            default=list(paper.CAPACITIES),
            metavar="C",
            help="nats; default: all of " + ", ".join(map(str, paper.CAPACITIES)),
        )

    def add_seeds_and_folder(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--seed", nargs="+", type=int, default=[0], metavar="S", help="default: 0")
        sub.add_argument("--folder", type=Path, help="of runs, one that is there; default: data/runs, then runs")

    def add_changes(sub: argparse.ArgumentParser) -> None:
        fields = [name for name in Spec.__dataclass_fields__ if name not in ("capacity", "seed")]
        sub.add_argument(
            "--set",
            nargs="+",
            default=[],
            metavar="FIELD=VALUE",
            help="change fields of Spec (geomlib/spec.py): "
            + ", ".join(fields)
            + "; values as in JSON: 'tasks=[\"order\"]'",
        )

    sub = add(
        do_train,
        "train MODEL ...",
        "train networks, or find them trained",
        "E1M1 --capacity 10 --seed 0 --set gamma=200",
    )
    add_runs(sub, "+")
    add_seeds_and_folder(sub)
    add_changes(sub)
    sub.add_argument("--device", default="auto", help="auto, cpu or cuda")

    sub = add(
        do_plan, "plan [MODEL ...]", "what of the paper is trained, what is missing, and its cost", "--seed 0 1 2 3 4"
    )
    add_runs(sub, "*")
    add_seeds_and_folder(sub)

    sub = add(
        do_page,
        "page NOTEBOOK",
        "run a notebook with parameters; networks that are missing are trained",
        "capacity -p capacity 3",
    )
    sub.add_argument("notebook", help="a name in notebooks/, or a path")
    sub.add_argument(
        "-p",
        nargs="+",
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        dest="parameters",
        help="a parameter of the notebook, NAME=VALUE as well; a wrong name lists those it has",
    )
    sub.add_argument("-o", type=Path, metavar="FILE", dest="output", help="default: book/pages/NOTEBOOK-VALUES.ipynb")
    sub.add_argument("--banner", default="", help="a warning under the page's title")

    sub = add(do_original, "original FILE", "score a checkpoint of the original code", "epoch=5.ckpt --task order")
    sub.add_argument("file", type=Path)
    sub.add_argument("--task", choices=list(data.TASKS), help="which task a single binary head was trained on")
    sub.add_argument("--csv", type=Path, help="images in the original's form; default: ours, drawn as --counts says")
    sub.add_argument("--counts", default="uniform", choices=list(data.COUNTS))
    sub.add_argument("--reference", type=Path, help="another checkpoint or a run's folder: gives the distortion matrix")
    sub.add_argument("--classes", choices=list(paper.MODELS), help="by this model's classes; default: the head's task")

    sub = add(
        do_choose,
        "choose MODEL ...",
        "find the first gamma of a list that holds the rate within 5 percent of the capacity, with seed 0",
        "E1M1 --capacity 3",
    )
    add_runs(sub, "+")
    sub.add_argument("--release", action="store_true", help="store the chosen networks in data/runs, as float16")

    add(
        do_causes,
        "causes",
        "where a published number is missed, try with seed 0 each setting that the original changed from run to run",
        "",
    )

    sub = add(
        do_results,
        "results [MODEL ...]",
        "compute the numbers of trained networks; without -o they are added to data/results.csv",
        "--seed 0",
    )
    add_runs(sub, "*")
    add_seeds_and_folder(sub)
    add_changes(sub)
    sub.add_argument(
        "-o", type=Path, metavar="FILE", dest="output", help="write them into this file alone; every run must be there"
    )

    sub = add(
        do_compare,
        "compare FILE",
        "compare numbers with data/results.csv and the published ones",
        "reproduce/results.csv",
    )
    sub.add_argument("file", type=Path, help="made by geomlib results -o")
    return top


def chosen(options) -> list[tuple[str, float, int]]:
    """The (model, capacity, seed) that the command line names."""
    return [
        (m, int(c) if float(c).is_integer() else c, s)
        for m in options.models
        for c in options.capacity
        for s in getattr(options, "seed", [0])
    ]


def changed(options) -> dict:
    """The fields that --set changes."""
    if not options.set:
        return {}
    from . import pages  # jupytext and papermill take a second to import

    changes = pages.parse(pair("--set", text) for text in options.set)
    check_fields(list(changes))
    return changes


def pair(option: str, *words: str) -> Sequence[str]:
    """NAME and VALUE, from these two words or from NAME=VALUE."""
    found = words if len(words) != 1 else words[0].split("=", 1)
    if len(found) != 2:
        raise ValueError(f"{option} takes NAME=VALUE, got {' '.join(words)!r}")
    return found


def do_train(options) -> None:
    wanted, changes = chosen(options), changed(options)
    places = [paper.place(*key, folder=options.folder, **changes) for key in wanted]
    read = [paper.place(*key, folder=options.folder, **changes) for key in paper.sources(wanted)]
    fresh = all(source.exists() for source in read) and not any(
        place.exists() or runs.checkpoint_file(place).exists() for place in places
    )
    began = time.monotonic()
    trained = paper.train_all(wanted, options.folder, options.device, **changes)
    device, specs = train.pick_device(options.device), [run.spec for run in trained]
    one_job = device.type == "cuda" or len(train.stacks(specs, device, [None] * len(specs))) == 1
    if fresh and one_job and not changes:
        record(places[0].parent, specs, device.type, time.monotonic() - began)
    for key, run in zip(wanted, trained):
        scores = ", ".join(f"{name} {value:.4f}" for name, value in run.final.items() if not name.startswith("rate_"))
        print(f"{paper.slug(*key, **changes)}: {scores}, gamma {run.spec.gamma:g}")


def do_plan(options) -> None:
    rows = []
    for key in chosen(options):
        spec, folder = paper.spec(*key), paper.place(*key, folder=options.folder)
        state = "trained" if folder.exists() else "begun" if runs.checkpoint_file(folder).exists() else "missing"
        rows.append((*key, state, spec.steps * spec.batch_size, kind(spec)))
    table = pd.DataFrame(rows, columns=["model", "capacity", "seed", "state", "images", "kind"])
    missing = table[table.state != "trained"]
    shown = lambda states: ", ".join(
        f"{n} {state}" if n < len(states) else state for state, n in states.value_counts().items()
    )
    print(f"Runs in {options.folder or 'data/runs or runs'}, by capacity in nats:")
    print(table.groupby(["model", "capacity"], sort=False).state.agg(shown).unstack(sort=False).to_string())
    if missing.empty:
        print(f"All {len(table)} are trained")
        return
    device, kinds = train.pick_device("auto").type, set(missing.kind)
    known = recorded(options.folder or paper.OWN, device)
    if unknown := kinds - known.keys():
        print(f"Timing {len(unknown)} kinds of network, a second or two each", file=sys.stderr)
    speeds = known | {kind: train.speed(*kind) for kind in unknown}
    minutes = sum(row.images / speeds[row.kind] for row in missing.itertuples()) / 60
    place = "one core" if device == "cpu" else "the GPU"
    megabytes = sum(0.03 if frozen else 1.45 for _, frozen in missing.kind)
    print(
        f"{len(missing)} of {len(table)} to train: {missing.images.sum():,} images, about {minutes:.0f} minutes of "
        f"{place} (speed of {len(kinds) - len(unknown)} of {len(kinds)} kinds of network as recorded there, of the "
        f"others timed just now on a core), {megabytes:.0f} MB"
    )


def record(folder: Path, specs: Sequence[Spec], device: str, seconds: float) -> None:
    """Add how long one job took to a folder's durations.csv: a row for each kind of network in it."""
    path, images = folder / DURATIONS, sum(spec.steps * spec.batch_size for spec in specs)
    kinds = {kind(spec) for spec in specs}
    rows = [(device, " ".join(tasks), frozen, images, round(seconds, 1)) for tasks, frozen in kinds]
    paper.add_rows(path, pd.DataFrame(rows, columns=["device", "tasks", "frozen", "images", "seconds"]))


def recorded(folder: Path, device: str) -> dict[tuple, float]:
    """Kind of network -> images a second, the median of the jobs recorded on such a device."""
    if not (folder / DURATIONS).exists():
        return {}
    table = pd.read_csv(folder / DURATIONS, keep_default_na=False)
    speeds = (table.images / table.seconds)[table.device == device].groupby([table.tasks, table.frozen]).median()
    return {(tuple(tasks.split()), frozen): speed for (tasks, frozen), speed in speeds.items()}


def kind(spec: Spec) -> tuple[tuple[str, ...], bool]:
    """What a network's speed depends on: its heads, and whether they read frozen codes."""
    return spec.tasks, bool(spec.source)


def do_page(options) -> None:
    from . import pages

    notebook, parameters = pages.find(options.notebook), pages.parse(pair("-p", *words) for words in options.parameters)
    print(pages.page(notebook, options.output or pages.output_path(notebook, parameters), parameters, options.banner))


def do_original(options) -> None:
    if options.csv and options.csv.suffix != ".csv":
        raise ValueError(f"the name of a file of images must end in .csv, got {options.csv}")
    network = model.load_original(options.file, options.task)
    spec = Spec(counts=options.csv or options.counts)
    images, factors = train.load_data(spec)
    validation = slice(spec.train_end, spec.validation_end)
    scores = train.evaluate(network, images[validation], factors[validation], seed=0)
    print(f"{options.file}: {network.latent_dim} latents, heads: {', '.join(network.heads) or 'none'}")
    print(pd.Series(scores).to_string(float_format="{:.4f}".format))
    if options.reference:
        other = (
            runs.load(options.reference).model
            if options.reference.is_dir()
            else model.load_original(options.reference, options.task)
        )
        rows = paper.geometry_rows(factors)
        labels = (
            paper.classes(options.classes, factors[rows])
            if options.classes
            else data.TASKS[next(iter(network.heads), "identity")].labels(factors[rows])
        )
        codes, reference = (train.encode(net, images[rows]) for net in (network, other))
        for measure in (measures.distortion, measures.distortion_robust):
            print(f"{measure.__name__} against {options.reference}\n{np.round(measure(codes, reference, labels), 3)}")


def do_choose(options) -> None:
    if frozen := paper.CLASSIFIERS.keys() & {*options.models}:
        raise ValueError(
            f"{', '.join(sorted(frozen))} reads frozen codes and has no rate to hold; choose takes {', '.join(paper.MODELS)}"
        )
    while True:
        settled = [(m, c, paper.spec(m, c)) for m, c, _ in chosen(options)]
        untried = paper.untried(settled)
        if not untried:
            break
        paper.try_all(untried)
    for m, c, spec in settled:
        where = f", released as {paper.release(m, c)}" if options.release else ""
        print(f"{m} at {c:g} nats: gamma {spec.gamma:g}, T {spec.ramp}{where}")


def do_causes(options) -> None:
    card = paper.scorecard()
    missed = card[card.verdict == "missed"]
    networks = dict.fromkeys((paper.network_of(row.model, row.measure), row.capacity) for row in missed.itertuples())
    paper.try_all(paper.untried((*network, spec) for network in networks for spec in paper.alternatives(*network)))
    print(
        paper.scorecard()
        .query("verdict == 'missed'")[["model", "measure", "capacity", "published", "cause"]]
        .to_string(index=False)
    )


def do_results(options) -> None:
    changes = changed(options)
    if changes and not options.output:
        raise ValueError(
            "networks with changed fields have no place in data/results.csv; write their numbers elsewhere with -o FILE"
        )
    places = {key: paper.place(*key, folder=options.folder, **changes) for key in chosen(options)}
    missing = [place.name for place in places.values() if not place.exists()]
    if missing and (options.output or len(missing) == len(places)):
        more = f", {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f"{len(missing)} of {len(places)} runs are not in {options.folder or 'data/runs or runs'}: "
            f"{', '.join(missing[:3])}{more}; geomlib train makes them"
        )

    def stored(*key):
        place = paper.place(*key, folder=options.folder, **changes)
        return paper.run(*key, options.folder, **changes) if place.exists() else None

    found = {key: run for key in places if (run := stored(*key))}
    ours = pd.concat([paper.numbers(m, c, run, stored("baseline", c, s)) for (m, c, s), run in found.items()])
    path = options.output or paper.ROOT / "data/results.csv"
    if options.output:
        ours.to_csv(path, index=False, float_format="%.6g")
    else:
        paper.add_rows(path, ours, ["model", "capacity", "seed", "measure"], "%.6g")
    rest = f"; {len(missing)} are missing: {', '.join(missing)}" if missing else ""
    print(f"{path}: numbers of {len(found)} run{'s'[len(found) == 1 :]}{rest}")


def do_compare(options) -> None:
    new, columns = pd.read_csv(options.file), list(paper.results().columns)
    if missing := set(columns) - set(new.columns):
        raise ValueError(
            f"{options.file} has no column {', '.join(sorted(missing))}; geomlib results -o makes such a file"
        )
    table = paper.compare(new)
    print(table.to_string(index=False, float_format="{:.4f}".format, na_rep="-"))
    lost = table[table.ours.isna()]
    print(
        f"\n{len(table)} numbers. In data/results.csv but not here: {len(lost)}; here but not there: "
        f"{table.released.isna().sum()}."
    )
    for measure in ("reconstruction_loss", "f1_"):
        largest = table[table.measure.str.startswith(measure)].difference.abs().max()
        print(f"Largest difference of {measure.strip('_')} from data/results.csv: {largest:.4f}")
