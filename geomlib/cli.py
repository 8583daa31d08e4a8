"""The `geomlib` command."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import signal
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from . import data, evaluate, measures, original, paper, results, runs
from .spec import Spec, check_fields


def main(arguments: list[str] | None = None) -> None:
    """Run a command. Errors are one or two lines on stderr and exit status 1 (2 where the command line is wrong)."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is Ctrl-C, too
    try:
        options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads, as `| head` does, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python's last words go to the closed pipe
        sys.exit(141)
    except OSError as error:
        sys.exit(f"geomlib: {error.filename}: {error.strerror}" if error.filename else f"geomlib: {error}")
    except (ValueError, RuntimeError, ArithmeticError, ImportError) as error:
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
        do_plan,
        "plan [MODEL ...]",
        "which networks of the paper are trained, and which are missing",
        "--seed 0 1 2 3 4",
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
    for key, run in zip(wanted, paper.train_all(wanted, options.folder, options.device, **changes)):
        scores = ", ".join(f"{name} {value:.4f}" for name, value in run.final.items() if not name.startswith("rate_"))
        print(f"{paper.slug(*key, **changes)}: {scores}")


def do_plan(options) -> None:
    rows = []
    for key in chosen(options):
        spec, folder = paper.spec(*key), paper.place(*key, folder=options.folder)
        state = "trained" if folder.exists() else "begun" if runs.checkpoint_file(folder).exists() else "missing"
        rows.append((*key, state, spec.steps * spec.batch_size))
    table = pd.DataFrame(rows, columns=["model", "capacity", "seed", "state", "images"])

    def shown(states: pd.Series) -> str:
        return ", ".join(f"{n} {state}" if n < len(states) else state for state, n in states.value_counts().items())

    print(f"Runs in {options.folder or 'data/runs or runs'}, by capacity in nats:")
    print(table.groupby(["model", "capacity"], sort=False).state.agg(shown).unstack(sort=False).to_string())
    missing = table[table.state != "trained"]
    images = f": {missing.images.sum():,} images" if len(missing) else ""
    print(f"{len(missing)} of {len(table)} to train{images}")


def do_page(options) -> None:
    from . import pages

    notebook, parameters = pages.find(options.notebook), pages.parse(pair("-p", *words) for words in options.parameters)
    print(pages.page(notebook, options.output or pages.output_path(notebook, parameters), parameters, options.banner))


def do_original(options) -> None:
    if options.csv and options.csv.suffix != ".csv":
        raise ValueError(f"the name of a file of images must end in .csv, got {options.csv}")
    network = original.load_original(options.file, options.task)
    spec = Spec(counts=options.csv or options.counts)
    images, factors = evaluate.load_data(spec)
    validation = slice(spec.train_end, spec.validation_end)
    scores = evaluate.scores(network, images[validation], factors[validation], seed=0)
    print(f"{options.file}: {network.latent_dim} latents, heads: {', '.join(network.heads) or 'none'}")
    print(pd.Series(scores).to_string(float_format="{:.4f}".format))
    if options.reference:
        other = (
            runs.load(options.reference).model
            if options.reference.is_dir()
            else original.load_original(options.reference, options.task)
        )
        rows = results.geometry_rows(factors)
        labels = (
            paper.classes(options.classes, factors[rows])
            if options.classes
            else data.TASKS[next(iter(network.heads), "identity")].labels(factors[rows])
        )
        codes, reference = (evaluate.encode(net, images[rows]) for net in (network, other))
        for measure in (measures.distortion, measures.distortion_robust):
            print(f"{measure.__name__} against {options.reference}\n{np.round(measure(codes, reference, labels), 3)}")


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
    ours = pd.concat([results.numbers(m, c, run, stored("baseline", c, s)) for (m, c, s), run in found.items()])
    path = options.output or paper.ROOT / "data/results.csv"
    if options.output:
        ours.to_csv(path, index=False, float_format="%.6g")
    else:
        results.add_rows(path, ours, ["model", "capacity", "seed", "measure"], "%.6g")
    rest = f"; {len(missing)} are missing: {', '.join(missing)}" if missing else ""
    print(f"{path}: numbers of {len(found)} run{'s'[len(found) == 1 :]}{rest}")


def do_compare(options) -> None:
    new, columns = pd.read_csv(options.file), list(paper.results().columns)
    if missing := set(columns) - set(new.columns):
        raise ValueError(
            f"{options.file} has no column {', '.join(sorted(missing))}; geomlib results -o makes such a file"
        )
    table = results.compare(new)
    print(table.to_string(index=False, float_format="{:.4f}".format, na_rep="-"))
    lost = table[table.ours.isna()]
    print(
        f"\n{len(table)} numbers. In data/results.csv but not here: {len(lost)}; here but not there: "
        f"{table.released.isna().sum()}."
    )
    for measure in ("reconstruction_loss", "f1_"):
        largest = table[table.measure.str.startswith(measure)].difference.abs().max()
        print(f"Largest difference of {measure.strip('_')} from data/results.csv: {largest:.4f}")
