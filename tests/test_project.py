"""The project's own files agree with each other."""

import ast
import hashlib
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import jupytext
import library
import pytest
import yaml
from packaging.requirements import Requirement

from geomlib.spec import Spec

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, SETUPTOOLS = PYPROJECT["project"], PYPROJECT["tool"]["setuptools"]
EXTRAS = {name: [Requirement(text) for text in listed] for name, listed in PROJECT["optional-dependencies"].items()}
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
DIRECT = [
    need for need in [*CORE, *(need for listed in EXTRAS.values() for need in listed)] if need.name != PROJECT["name"]
]
COLAB = {  # what a notebook there has, so that an install changes none of it; torch as it was in 2026
    "scikit-learn": "1.6",
    "torch": "2.11", "numpy": "2.1", "scipy": "1.15", "pandas": "2.2.2", "matplotlib": "3.10",
    "ipykernel": "6.17", "ipywidgets": "7.7", "traitlets": "5.7", "nbclient": "0.10", "safetensors": "0.5.3",
}  # fmt: skip
CONSTRAINTS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().lower().splitlines()
    if line and not line.startswith("#")
)
CONDA_NAMES = {
    "torch": "pytorch-cpu",
    "matplotlib": "matplotlib-base",
    "snakemake": "snakemake-minimal",
    "playwright": "playwright-python",
}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.md"))
PAGES = re.findall(r"\bbook/pages/(\S+)", (ROOT / "_toc.yml").read_text())


def test_environment_yml_pins_what_constraints_txt_pins():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    lines = [line.replace("==", "=") for x in listed for line in ([x] if isinstance(x, str) else x["pip"])]
    pins = dict(line.split("=") for line in lines if "=" in line)
    assert pins.pop("python") == "3.11"
    assert pins == {CONDA_NAMES.get(need.name, need.name): CONSTRAINTS[need.name] for need in DIRECT}


@pytest.mark.parametrize("need", DIRECT, ids=str)
def test_an_exact_version_lies_in_its_range(need):
    assert CONSTRAINTS[need.name] in need.specifier


@pytest.mark.parametrize("name", COLAB)
def test_an_install_in_a_hosted_notebook_replaces_none_of_its_packages(name):
    needs = [need for need in [*CORE, *EXTRAS["pages"], *EXTRAS["widgets"]] if need.name == name]
    assert needs and all(COLAB[name] in need.specifier for need in needs)


def test_the_core_asks_for_no_notebook_and_no_widget():
    assert not {need.name for need in CORE} & {need.name for need in [*EXTRAS["pages"], *EXTRAS["widgets"]]}


def test_a_wheel_holds_every_folder_of_the_library():
    folders = {"geomlib"} | {f"geomlib.{path.parent.name}" for path in ROOT.glob("geomlib/*/__init__.py")}
    assert set(SETUPTOOLS["packages"]) == folders | {"geomlib.tables"}


def test_the_versions_agree():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
    described = json.loads((ROOT / "codemeta.json").read_text())["version"]
    logged = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[1]
    assert PROJECT["version"] == cited == described == logged


def test_the_book_says_how_to_cite_as_the_citation_file_does():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    told = (ROOT / "book/references.md").read_text()
    assert f"title   = {{{cited['title']}}}" in told and f"version = {{{cited['version']}}}" in told
    paper = (ROOT / "book/references.bib").read_text().split("@")[1]  # its first entry, which the page shows
    assert cited["references"][0]["doi"] in paper and paper.count("\n") == 10


def test_every_field_of_spec_says_what_it_means():
    meaning = library.comments(Spec)
    assert set(meaning) == set(Spec.__dataclass_fields__) and all(meaning.values())
    assert all("..." not in words for words in meaning.values()), "a meaning stands alone"


def test_a_docstring_becomes_prose_and_tables_as_they_are_written():
    blocks = list(library.as_rst("A `name` of x_uc * 2.\n\ncodes  (N, D)  means\nx      (N,)    more\n"))
    assert blocks[0] == r"A ``name`` of x_uc \* 2."
    assert blocks[1] == ".. code-block:: none\n\n   codes  (N, D)  means\n   x      (N,)    more"


def test_the_workflow_tries_every_python_that_is_named():
    for name in (".pre-commit-config.yaml", ".github/workflows/ci.yml"):
        settings = yaml.safe_load((ROOT / name).read_text())
    pythons = settings["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert pythons[0] == PROJECT["requires-python"].removeprefix(">=") and all(isinstance(one, str) for one in pythons)


def test_every_package_that_the_library_imports_is_declared():
    nodes = [node for path in ROOT.glob("geomlib/**/*.py") for node in ast.walk(ast.parse(path.read_text()))]
    imported = {
        name.split(".")[0]
        for node in nodes
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    owners = metadata.packages_distributions()
    declared = {need.name for need in DIRECT} | {"ipython", "matplotlib-inline"}  # the two come with ipykernel
    assert [
        name
        for name in sorted(imported - set(sys.stdlib_module_names) - {"geomlib"})
        if not declared & {owner.lower() for owner in owners.get(name, [])}
    ] == []


def test_what_pandas_needs_besides_for_a_table_in_markdown_comes_with_the_pages():
    asked = [path.name for path in NOTEBOOKS if ".to_markdown(" in path.read_text()]
    assert asked and "tabulate" in {need.name for need in EXTRAS["pages"]}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_ready_for_plain_papermill(notebook):
    source = jupytext.read(notebook)
    tagged = [cell.source for cell in source.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1 and source.metadata.kernelspec.language == "python"
    code = "".join(cell.source for cell in source.cells if cell.cell_type == "code" and cell.source not in tagged)
    for node in ast.parse(tagged[0]).body:
        assert re.search(rf"\b{node.targets[0].id}\b", code), "a parameter that changes nothing"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_has_more_than_12_lines_of_code_and_a_parameters_comment_is_not_cut_off(notebook):
    for cell in jupytext.read(notebook).cells:
        code = [line for line in cell.source.splitlines() if line.strip() and not line.startswith("#")]
        assert cell.cell_type != "code" or len(code) <= 12, code[0]
        if "parameters" in cell.metadata.get("tags", []):
            assert max(map(len, code)) <= 76, "wider than the book's column"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_about_a_model_refuses_other_names_before_it_trains(notebook):
    """Settings and classifiers can be trained, too, and would be, before a figure has no colour for them."""
    code = "\n".join(cell.source for cell in jupytext.read(notebook).cells if cell.cell_type == "code")
    trains = re.search(r"paper\.(train_all|run)\(.*runs or", code)
    if re.search(r"^models? = \"", code, re.M) and trains:
        assert 0 < code.find("g.paper.model") < trains.start()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_asks_theory_about_the_world_that_its_networks_saw(notebook):
    """Its parameter changes may name another world or another loss of the pixels."""
    text = notebook.read_text()
    lines = text.splitlines() if "\nchanges = {}" in text else []
    asked = [line for line in lines if re.search(r"(rate_distortion|theory\.\w+)\(\w*\.?spec\.counts", line)]
    assert all(re.search(r"spec\.(world|theory)", line) for line in asked)
    own = [line for line in lines if re.search(r"(claims\.(effects|limit_map)|laws\.prices)\(", line)]
    assert all("**changes" in line or "laws.released" in line for line in own)


def test_every_notebook_is_a_page_of_the_book():
    assert NOTEBOOKS and {path.stem for path in NOTEBOOKS} <= {page.split("-")[0] for page in PAGES}


def test_vendored_files_are_the_listed_ones_and_carry_their_licence():
    vendor = ROOT / "book/_static/vendor"
    sums = dict(reversed(line.split()) for line in (vendor / "SHA256SUMS").read_text().splitlines())
    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.glob("*/**/*")
        if path.is_file()
    }
    assert {name: found[name] for name in found if name != "widgets/config.js"} == sums  # config.js is ours
    assert all(any(folder.glob("LICENSE*")) for folder in vendor.iterdir() if folder.is_dir())


def test_the_published_numbers_are_118_and_none_is_given_twice():
    rows = [line.rsplit(",", 1) for line in (ROOT / "data/published.csv").read_text().splitlines()[1:]]
    assert len(rows) == len({key for key, _ in rows}) == 118


def test_the_readmes_numbers_are_those_of_results_csv():
    sys.path.insert(0, str(ROOT / "book"))
    import picture

    assert picture.table() in (ROOT / "README.md").read_text(), "make picture writes them anew"


ROOMS = dict(
    re.findall(
        r"^\| `(\S+)` \| .* \| ([^|]*) \|$", (ROOT / "book/architecture.md").read_text().split("## The graph")[0], re.M
    )
)


@pytest.mark.parametrize(
    "room", [path for path in sorted((ROOT / "geomlib").rglob("*.py")) if path.stem[0] != "_"], ids=str
)
def test_a_room_imports_those_that_the_table_of_rooms_allows(room):
    name = str(room.relative_to(ROOT / "geomlib"))
    allowed = ROOMS.get(name, "all" if name.startswith("explorer/") else "")
    tree = ast.parse(room.read_text())
    found = [
        (node.module or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    ]
    assert allowed, f"{name} is not in the table of book/architecture.md"
    if allowed != "all":
        assert set(found) == set(re.findall(r"`(\w+)`", allowed))


def test_imports_go_one_way():
    order = [name.removesuffix(".py").removesuffix("/") for name in ROOMS]
    for i, (name, allowed) in enumerate(ROOMS.items()):
        known = {earlier.split("/")[0] for earlier in order[:i]}
        assert set(re.findall(r"`(\w+)`", allowed)) <= known, name
