"""The `geomlib` command. Each command below parses, makes one call, and prints."""

from __future__ import annotations

import logging
import os
import platform
import signal
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from cyclopts import App, CycloptsError, Group, Parameter

import geomlib as g  # what a command needs is imported when it asks for it

from . import paper, places
from .settings import LAWS
from .spec import Spec, read_changes, value


def version() -> str:
    """What a report of a fault should name."""
    ours, torch = metadata.version("geomlib"), metadata.version("torch")
    return f"geomlib {ours}, Python {platform.python_version()}, torch {torch}, {platform.platform()}"


app = App(
    name="geomlib",
    help="Train the networks of the paper, run its pages, score its checkpoints. COMMAND --help tells more.",
    version=version,
    suppress_keyboard_interrupt=False,
)
app.register_install_completion_command()

TRAIN, PAGES, MEASURE = map(Group.create_ordered, ("Train networks", "Run pages", "Measure and compare"))
Models = Annotated[
    list[str],
    Parameter(
        help=f"Any of {', '.join(paper.MODELS)}; a classifier: E2M1-on-baseline; beyond the paper one of a law, 'rings "
        f"E1M1', or a whole law: {', '.join(LAWS)}."
    ),
]
Capacities = Annotated[list[float], Parameter(consume_multiple=1, negative="", help="Nats.")]


def _seed(word: str) -> int:
    """A seed from its word; cyclopts' own would round 1.5."""
    if not word.isdigit():
        raise ValueError(f"seeds must be whole numbers >= 0, got {word!r}")
    return int(word)


Seeds = Annotated[
    list[int],
    Parameter(
        consume_multiple=1,
        negative="",
        help="Of weights, order and noise.",
        converter=lambda _, tokens: [_seed(token.value) for token in tokens],
    ),
]
Folder = Annotated[Path | None, Parameter(help="Of runs, one that is there; default: data/runs, then runs.")]
Changes = Annotated[
    list[str],
    Parameter(
        name="--set",
        consume_multiple=1,
        negative="",
        help="Fields of Spec (geomlib/spec.py) as NAME=VALUE, values as in JSON: 'tasks=[\"order\"]' schedule=sketch.",
    ),
]
Table = Annotated[
    str,
    Parameter(
        help="Data set: uniform, bottom, bottom_small, diagonal, or a file: a table of 13 x 13 counts, CSV or .npy, "
        "one line for each x_UC; or CSV of images, 171 columns."
    ),
]
Tasks = Annotated[
    list[str],
    Parameter(
        consume_multiple=1,
        negative="",
        help="Tasks: order, quadrant, aligned, region, identity, or files with a table of 13 x 13 labels from 0, CSV "
        "or .npy; the file's name becomes the task's.",
    ),
]
ALL = [*paper.MODELS, *paper.CLASSIFIERS]


OUTPUT = Parameter(name=["-o", "--output"], validator=lambda _, path: places.writable(path))


def main(arguments: list[str] | None = None) -> None:
    """Run a command. Errors are one or two lines on stderr and exit status 1 (2 if the command line is wrong)."""
    logging.basicConfig(format="geomlib: %(message)s")
    logging.getLogger("geomlib").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is Ctrl-C, too
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        print(f"geomlib: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # who reads, as `| head` does, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python's last words go to the closed pipe
        sys.exit(141)
    except OSError as error:
        sys.exit(f"geomlib: {error.filename}: {error.strerror}" if error.filename else f"geomlib: {error}")
    except (ValueError, RuntimeError, ArithmeticError, ImportError) as error:
        sys.exit(f"geomlib: {error}")
    except KeyboardInterrupt:
        logging.disable()  # asyncio would add the traces of a page's unfinished tasks
        kept = "what is complete is kept, the same command goes on with the rest, networks after their last whole epoch"
        lost = (sys.argv[1:] if arguments is None else arguments)[:2] == ["data", "film"]
        sys.exit(f"geomlib: stopped; {'nothing is kept, the same command starts anew' if lost else kept}")


@app.command(group=TRAIN)
def train(
    models: Models = [],
    /,
    *,
    capacity: Capacities = list(paper.CAPACITIES),
    seed: Seeds = [0],
    counts: Table = "",
    tasks: Tasks = [],
    folder: Folder = None,
    changes: Changes = [],
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Train networks, or find them trained.

    With --counts or --tasks no model needs a name: it is the baseline, with this data set and these tasks.

    Examples: geomlib train E1M1 --capacity 10 --seed 0 --set schedule=sketch

    geomlib train --counts mine.csv --tasks near.csv --capacity 2
    """
    own = ({"counts": counts} if counts else {}) | ({"tasks": tasks} if tasks else {})
    if not models and not own:
        raise ValueError(f"say which models to train, of {', '.join(paper.MODELS)}, or give --counts or --tasks")
    wanted, changed = keys(models or ["baseline"], capacity, seed), fields(changes) | own
    for key, run in zip(wanted, paper.train_all(wanted, folder, device, **changed)):
        print(f"{paper.slug(*key, **changed)}: {run.summary}")


@app.command(group=TRAIN)
def plan(
    models: Models = ALL,
    /,
    *,
    capacity: Capacities = list(paper.CAPACITIES),
    seed: Seeds = [0],
    folder: Folder = None,
    changes: Changes = [],
    minutes: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List which networks are trained, which are missing, and what these cost.

    Example: geomlib plan --seed 0 1 2 3 4

    Parameters
    ----------
    minutes
        Train one of the missing networks for a few seconds, and say how long all would take on the cores here.
    """
    rows, specs, changed = [], [], fields(changes)
    for key in keys(models, capacity, seed):
        spec, place = paper.spec(*key, **changed), paper.place(*key, folder=folder, **changed)
        state = "trained" if place.exists() else "begun" if g.runs.checkpoint_file(place).exists() else "missing"
        rows.append((*key, state, spec.steps * spec.batch_size))
        specs += [spec] if state != "trained" and not spec.source else []
    table = pd.DataFrame(rows, columns=["model", "capacity", "seed", "state", "images"])

    def shown(states: pd.Series) -> str:
        counts = states.value_counts()
        return ", ".join(f"{n} {state}" for state, n in counts.items()) if len(counts) > 1 else str(counts.index[0])

    print(f"Runs in {folder or 'data/runs or runs'}, by capacity in nats:")
    print(table.groupby(["model", "capacity"], sort=False).state.agg(shown).unstack(sort=False).to_string())
    missing = table[table.state != "trained"]
    images = f": {missing.images.sum():,} images" if len(missing) else ""
    print(f"{len(missing)} of {len(table)} to train{images}")
    if minutes and specs:
        import joblib

        cores = min(joblib.cpu_count(), len(specs))
        needed = sum(spec.steps for spec in specs) / g.train.pace(specs[0]) / cores / 60
        print(f"{len(specs)} networks: about {needed:.0f} minutes on {cores} core(s); classifiers need far less")


@app.command(group=PAGES)
def page(
    notebook: str,
    /,
    *,
    parameters: Annotated[list[str], Parameter(name="-p", consume_multiple=1, negative="")] = [],
    output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None,
    banner: str = "",
    html: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run a notebook with parameters; networks that are missing are trained.

    Example: geomlib page capacity -p model=E1M1

    Parameters
    ----------
    notebook
        A name in notebooks/, or a path.
    parameters
        NAME=VALUE, or NAME VALUE, of the notebook; a wrong name lists those it has.
    output
        Default: book/pages/NOTEBOOK-VALUES.ipynb.
    banner
        A warning under the page's title.
    html
        Make HTML of it, too, to look at in a browser: as in the book, but alone.
    """
    from . import pages  # jupytext and papermill take a second to import

    found, values = pages.find(notebook), pairs("-p", parameters)
    output = output or pages.output_path(found, values)
    if html:
        pages.html_path(output)
    print(pages.page(found, output, values, banner))
    if html:
        print(pages.html(output))


@app.command(name="original", group=MEASURE)
def score_original(
    file: Path,
    /,
    *,
    task: str | None = None,
    counts: Table = "uniform",
    reference: Path | None = None,
    classes: str | None = None,
) -> None:
    """Score a checkpoint of the original code.

    Example: geomlib original epoch=5.ckpt --task order

    Parameters
    ----------
    task
        Which task a single binary head was trained on: order, quadrant or aligned.
    reference
        Another checkpoint or a run's folder: gives the distortion matrix.
    classes
        By this model's classes; default: the head's task.
    """
    network, spec = g.original.load_original(file, task), Spec(counts=counts)
    other = None
    if reference:
        other = g.runs.load(reference).model if reference.is_dir() else g.original.load_original(reference, task)
    images, factors = g.evaluate.load_data(spec)
    by_head = g.data.TASKS[next(iter(network.heads), "identity")].labels
    labels = paper.classes(classes, factors) if classes else by_head(factors)
    held_out = slice(spec.train_end, spec.validation_end)
    scores = g.evaluate.scores(network, images[held_out], factors[held_out], seed=0)
    print(f"{file}: {network.latent_dim} latents, heads: {', '.join(network.heads) or 'none'}")
    print(f"on images {spec.train_end:,} to {spec.validation_end:,} of {counts}")
    print(pd.Series(scores).to_string(float_format="{:.4f}".format))
    if other:
        rows = g.results.geometry_rows(factors)
        codes, others = (g.evaluate.encode(net, images[rows]) for net in (network, other))
        for measure in (g.measures.distortion, g.measures.distortion_robust):
            print(f"{measure.__name__} against {reference}\n{np.round(measure(codes, others, labels[rows]), 3)}")


@app.command(name="results", group=MEASURE)
def measure(
    models: Models = ALL,
    /,
    *,
    capacity: Capacities = list(paper.CAPACITIES),
    seed: Seeds = [0],
    folder: Folder = None,
    changes: Changes = [],
    output: Annotated[Path | None, OUTPUT] = None,
) -> None:
    """Measure trained networks: each one's numbers are kept beside it, in numbers.csv.

    Example: geomlib results --seed 1 --folder reproduce/runs -o seed1.csv

    Parameters
    ----------
    output
        Write all of them into this table, and the networks' mean codes beside it (.npz); then every run must be there.
    """
    wanted, changed = keys(models, capacity, seed), fields(changes)
    missing = [place.name for key in wanted if not (place := paper.place(*key, folder=folder, **changed)).exists()]
    if missing and (output or len(missing) == len(wanted)):
        more = f", {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f"{len(missing)} of {len(wanted)} runs are not in {folder or 'data/runs or runs'}: "
            f"{', '.join(missing[:3])}{more}; geomlib train makes them"
        )
    there = [key for key in wanted if paper.place(*key, folder=folder, **changed).exists()]
    table = g.results.table(there, folder, output, **changed)
    rest = f"; {len(missing)} are missing: {', '.join(missing)}" if missing else ""
    print(f"{len(table)} numbers of {len(there)} run(s){f' in {output}' if output else ', kept beside them'}{rest}")


@app.command(group=MEASURE)
def data(what: Literal["readings", "film", "gaussians"], /, *, output: Annotated[Path, OUTPUT]) -> None:
    """Make one of the tables of data/ anew that `geomlib results` can't make.

    Example: geomlib data film -o data/laws/film-full.csv

    Parameters
    ----------
    what
        readings: published networks at the rate or by the recipe they are known to have, trained and measured.
        film: two networks whose capacity rises slowly, in corridors and in rings, with their codes on the way.
        gaussians: the best Gaussian codes of the models.
    """
    make = {"readings": g.results.readings, "film": g.laws.film, "gaussians": g.laws.gaussians}
    make[what](output)
    print(f"{what} in {output}")


@app.command(group=MEASURE)
def compare(file: Path, /) -> None:
    """Compare a table of numbers with data/results.csv and the published ones.

    Example: geomlib compare reproduce/results.csv
    """
    both = g.results.compare(paper.results(file))
    here = both[both.ours.notna()]
    print(here.to_string(index=False, float_format="{:.4f}".format, na_rep="-"))
    print(
        f"\n{len(here)} numbers. In data/results.csv but not here: {both.ours.isna().sum()}; here but not there: "
        f"{here.released.isna().sum()}."
    )
    for measure in ("reconstruction_loss", "f1_"):
        largest = here[here.measure.str.startswith(measure)].difference.abs().max()
        if pd.notna(largest):
            print(f"Largest difference of {measure.strip('_')} from data/results.csv: {largest:.4f}")


def keys(models: Sequence[str], capacities: Sequence[float], seeds: Sequence[int]) -> list[g.results.Key]:
    """The (model, capacity, seed) that the command line names; a law stands for all its settings."""
    names = [name for model in models for name in LAWS.get(model, [model])]
    return [(m, int(c) if float(c).is_integer() else c, s) for m in names for c in capacities for s in seeds]


def fields(changes: Sequence[str]) -> dict:
    """The fields of Spec that --set changes."""
    return read_changes(pairs("--set", changes))


def pairs(option: str, words: Sequence[str]) -> dict[str, Any]:
    """Names and values of words NAME=VALUE; of -p also of a word that is a name, and the next one its value.

    >>> pairs("-p", ["model=E1M1", "capacity", "3"])
    {'model': 'E1M1', 'capacity': 3}
    """
    found, rest = {}, list(words)
    while rest:
        word = rest.pop(0)
        name, equals, text = word.partition("=")
        if equals:
            found[name] = value(text)
        elif rest and option == "-p":
            found[word] = value(rest.pop(0))
        else:
            raise ValueError(f"{option} takes NAME=VALUE, got {word!r}")
    return found
