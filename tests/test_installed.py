"""From a wheel, in a folder where the repository is not."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from geomlib import places

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A Python that has the wheel's geomlib alone, in an empty folder: code -> what it prints."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "geomlib", source / "geomlib", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "data").mkdir()
    for path in [*ROOT.glob("data/*.csv"), *(ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE"))]:
        shutil.copy(path, source / path.relative_to(ROOT))
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", wheel], check=True)
    (folder / "empty").mkdir()

    def run(code):
        env = os.environ | {"PYTHONPATH": str(folder / "site")}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder / "empty", env=env, capture_output=True, text=True
        )
        return (done.stdout + done.stderr).strip()

    return run


def test_the_small_tables_come_with_the_package(elsewhere):
    names = ["capacities.csv", "published.csv", "results.csv"]
    code = f"""import hashlib; from geomlib import places; print(places.__file__, places.repository())
for name in {names}: print(hashlib.sha256(places.data_file(name).read_bytes()).hexdigest())"""
    first, *sums = elsewhere(code).splitlines()
    assert "/site/geomlib/places.py" in first and first.endswith(" None")
    assert sums == [hashlib.sha256((ROOT / "data" / name).read_bytes()).hexdigest() for name in names]


def test_the_published_numbers_are_read(elsewhere):
    if "places" not in (ROOT / "geomlib/paper.py").read_text():
        pytest.skip("geomlib/paper.py does not ask places.py yet")
    assert elsewhere("import geomlib as g; print(len(g.paper.published()))") == "118"


def test_a_network_is_trained_into_a_folder_there(elsewhere):
    code = "import geomlib as g; s = g.Spec(steps=1, capacity=3, train_end=2000, validation_end=2500, batch_size=64); "
    code += "g.runs.train([s], ['new'], 'cpu'); print(g.runs.load('new').spec == s)"
    assert elsewhere(code).splitlines()[0] == "True"


def test_what_only_the_repository_has_says_so(elsewhere):
    code = """from geomlib import places
print(places.released_runs().exists(), places.user_runs())
places.needed_repository('the notebooks lie')"""
    first, *_, said = elsewhere(code).splitlines()
    assert first.startswith("False ") and first.endswith("/empty/runs")
    assert said.startswith("FileNotFoundError: the notebooks lie in the repository") and "a clone" in said


def test_the_repository_is_the_one_at_hand_when_its_codes_are_asked_for(elsewhere):
    code = f"""import os, geomlib as g; from geomlib.paper import find
os.chdir("{ROOT}")
print(len(g.results.released("sketch")[0]) > 100, len(g.results.codes()) > 100, find("a") == find("a", "{ROOT}/runs"))
os.chdir("/")
g.results.codes()"""
    first, *_, said = elsewhere(code).splitlines()
    assert first == "True True True" and said.startswith("FileNotFoundError: the codes of the released networks lie in")


def test_a_table_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(FileNotFoundError, match="no table 'publisht.csv'; there are capacities.csv, published.csv"):
        places.data_file("publisht.csv")


RUN_NOTEBOOK = f"""import jupytext, matplotlib
matplotlib.use("Agg")
cells = [cell.source for cell in jupytext.read("{ROOT}/notebooks/NAME.md").cells if cell.cell_type == "code"]
cells.insert(1, "CHANGES")
namespace = dict(display=print)
for cell in cells:
    exec(cell, namespace)
print("whole")"""


@pytest.mark.slow
def test_a_notebook_alone_runs_on_what_the_package_brings(elsewhere):
    assert elsewhere(RUN_NOTEBOOK.replace("NAME", "scorecard").replace("CHANGES", "")).splitlines()[-1] == "whole"


@pytest.mark.slow
def test_a_notebook_that_needs_released_networks_says_where_they_are_and_trains(elsewhere):
    changes = "changes, capacities = dict(steps=2), [3]"
    printed = elsewhere(RUN_NOTEBOOK.replace("NAME", "capacity").replace("CHANGES", changes))
    assert "the released networks lie in the repository" in printed and "whole" in printed


def test_a_notebook_of_the_claims_asks_for_the_repository(elsewhere):
    last = elsewhere(RUN_NOTEBOOK.replace("NAME", "claims").replace("CHANGES", "")).splitlines()[-1]
    assert last.startswith("FileNotFoundError: the codes of the released networks lie in the repository")
