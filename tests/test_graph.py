"""The graph does what it says: what it would run, as `snakemake -n` tells."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from geomlib import paper

ROOT = Path(__file__).parents[1]


def plan(*words, folder):
    """The commands that would run."""
    command = [sys.executable, "-m", "snakemake", "-n", "-p", "--cores", "2", "--nolock", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return re.findall("^Shell command: (.*)", done.stdout + done.stderr, re.M)


def trains(commands):
    """(model, capacity, seed) of every run that the commands train."""
    train = r"LOKY_MAX_CPU_COUNT=\d+ geomlib train (.+) --capacity (.+) --seed ([\d ]+) --folder reproduce/runs .*"
    words = [re.fullmatch(train, command) for command in commands]
    return [
        (model, float(c), int(seed))
        for found in words
        if found
        for model in found[1].split()
        for c in found[2].split()
        for seed in found[3].split()
    ]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The repository without anything that the graph has made."""
    folder = tmp_path_factory.mktemp("tree")
    for path in ROOT.iterdir():
        if path.name in ("Snakefile", "_config.yml", "_toc.yml", "geomlib", "notebooks", "data", "book"):
            (folder / path.name).symlink_to(path)
    return folder


def test_the_book_runs_its_pages_and_trains_nothing(tree):
    commands = plan("--forceall", "book", folder=tree)
    assert not any("geomlib train" in command for command in commands)
    pages = re.findall(r"\bbook/pages/(\S+)", (ROOT / "_toc.yml").read_text())
    assert len(pages) == sum(command.startswith("geomlib page") for command in commands) > 0


def test_the_sketch_runs_the_pages_that_show_its_networks_and_takes_the_others_from_the_book(tree):
    commands = plan("--forceall", "sketch", folder=tree)
    own = {
        name for command in commands for name in re.findall(r"^geomlib page .* -o sketch/book/pages/(\S+)\.", command)
    }
    taken = {name for command in commands for name in re.findall(r"^cp book/pages/(\S+)\.ipynb", command)}
    assert own | taken == set(re.findall(r"\bbook/pages/(\S+)", (ROOT / "_toc.yml").read_text())) and not own & taken
    assert {"claims", "recipes"} <= taken and {"scorecard", "geometry-E1M1", "limit"} <= own
    assert all("--banner" in command for command in commands if "-o sketch/book/pages" in command)


def test_a_page_depends_on_the_modules_that_it_names_and_on_theirs_but_not_on_every_file(tree):
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--nolock", "--forceall", "book"]
    shown = subprocess.run(command, cwd=tree, capture_output=True, text=True).stdout
    inputs = dict(re.findall(r"rule page:\n +input: (.*)\n +output: book/pages/(\S+)\.sum", shown))
    inputs = {page: set(files.split(", ")) for files, page in inputs.items()}
    assert {"geomlib/data.py", "geomlib/figures.py", "geomlib/pages.py"} <= inputs["corridors"]
    assert "geomlib/engine/fast.py" in inputs["capacity"]  # through paper, runs and train
    holders = {page for page, files in inputs.items() if "geomlib/explorer/explorer.js" in files}
    assert holders == {"extend"}  # its widget holds the scripts
    assert all("geomlib/cli.py" not in files for page, files in inputs.items() if page not in holders)


@pytest.mark.parametrize(
    "page, words",
    [
        ("clams", "names book/pages/clams, but there is no notebooks/clams.md"),
        (
            "scorecard",
            "notebooks/scorecard.md names a figure fig-agreement, as notebooks/scorecard.md does; "
            "give it a name of its own",
        ),
    ],
)
def test_a_page_without_a_notebook_and_a_figure_of_a_name_that_is_taken_are_named(tmp_path, page, words):
    for path in ROOT.iterdir():
        if path.name in ("Snakefile", "_config.yml", "geomlib", "notebooks", "data", "book"):
            (tmp_path / path.name).symlink_to(path)
    text = (ROOT / "_toc.yml").read_text()
    (tmp_path / "_toc.yml").write_text(text.replace("book/pages/claims", f"book/pages/{page}"))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--nolock", "book"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode and words in done.stdout + done.stderr


@pytest.mark.parametrize("gpu, jobs", [(0, 2 * (40 + 4)), (1, 2)])
def test_two_seeds_are_80_networks_and_160_classifiers_each_trained_once(tree, gpu, jobs):
    commands = plan("--forceall", "reproduce", "--config", "seeds=2", f"gpu={gpu}", folder=tree)
    models = [*paper.MODELS, *paper.CLASSIFIERS]
    wanted = {(model, float(c), s) for model in models for c in paper.CAPACITIES for s in (0, 1)}
    assert len(wanted) == 240 and sorted(trains(commands)) == sorted(wanted)
    assert sum("geomlib train" in command for command in commands) == jobs
    assert sum("geomlib results" in command for command in commands) == 10


def test_what_is_trained_stays_whatever_the_code_and_only_the_rest_is_trained(tree):
    for seed in range(2):
        for model in paper.MODELS:
            for capacity in paper.CAPACITIES:
                made = tree / "reproduce/runs" / f"{model}-c{capacity:g}-s{seed}.txt"
                made.parent.mkdir(parents=True, exist_ok=True)
                made.touch()
    made.unlink()  # E2M5 at 10 nats; all others are older than the code from here on
    (tree / "geomlib").unlink()
    shutil.copytree(ROOT / "geomlib", tree / "geomlib", copy_function=shutil.copyfile)
    commands = plan("reproduce", "--config", "seeds=2", folder=tree)
    assert [run for run in trains(commands) if "-on-" not in run[0]] == [("E2M5", 10, 1)]
    assert any("geomlib results" in command for command in commands)
