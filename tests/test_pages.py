"""The page runner: what a reader gives is what the page shows, and a failure never costs a good page."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from geomlib import cli, pages, paper

NOTEBOOK = """\
---
kernelspec:
  name: python3
  display_name: Python 3
  language: python
---
# A small page

```{code-cell}
:tags: [parameters]
model = "baseline"  # a name
capacity = 10.0     # nats
flag = True
changes = {}
```

```{code-cell}
print(repr((model, capacity, flag, changes)))
```

```{code-cell}
if model == "slow":
    import os, pathlib, time
    pathlib.Path("kernel").write_text(str(os.getpid()))
    time.sleep(60)
if model == "dead":
    import os
    os._exit(9)
assert model != "bad", "first line\\nthis model is bad"
```
"""


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "with blanks" / "small.md"
    path.parent.mkdir()
    path.write_text(NOTEBOOK)
    return path


def printed(page):
    """The text that the page's cells printed."""
    cells = json.loads(page.read_text())["cells"]
    return "".join(line for cell in cells for output in cell.get("outputs", []) for line in output.get("text", []))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"---\nkernelspec: {name: python3}\n---\n# A\n", b"---\n: [\n---\n", b"PK\x03\x04" * 99],
)
def test_of_any_file_as_a_notebook_a_sentence_says_what_it_lacks(tmp_path, content):
    path = tmp_path / "some.md"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="some.md (is no text notebook|must have one cell tagged 'parameters')"):
        pages.page(path, tmp_path / "a.ipynb")


def test_parameters_reach_the_page_with_their_types(notebook):
    given = {"model": "E1M1", "capacity": 3, "flag": False, "changes": {"steps": 40, "rate": 1e-3, "none": None}}
    page = pages.page(notebook, notebook.with_suffix(".ipynb"), given)
    assert printed(page) == "('E1M1', 3, False, {'steps': 40, 'rate': 0.001, 'none': None})\n"
    assert json.loads(page.read_text())["metadata"]["geomlib"] == {"notebook": "small.md", "parameters": given}


def test_a_page_ends_with_the_command_that_makes_it_again(notebook, monkeypatch):
    given = {"model": "3", "capacity": 3, "changes": {"steps": 40, "none": None}}
    page = pages.page(notebook, notebook.with_suffix(".ipynb"), given)
    command = "".join(json.loads(page.read_text())["cells"][-1]["source"]).split("```")[1].removeprefix("bash\n")
    seen = []
    monkeypatch.setattr(
        pages, "page", lambda notebook, output, parameters, banner: seen.append((str(notebook), parameters))
    )
    cli.main(shlex.split(command)[1:])
    cli.main(
        ["page", str(notebook), "-p", 'model="3"', "-p", "capacity=3", "-p", "changes", json.dumps(given["changes"])]
    )
    assert seen == [(str(notebook), given)] * 2


def test_notices_of_training_show_at_once_and_stay_out_of_the_page(notebook, capfd):
    told = r"geomlib: training 5 network(s):   1%, 9 s left  \ngeomlib: 90 images to train on: few"
    says = f'print("{told}", file=sys.stderr)'
    notebook.write_text(NOTEBOOK.replace("print(repr(", f"import sys; {says}\nprint(repr(", 1))
    page = pages.page(notebook, notebook.with_suffix(".ipynb"))
    assert "1%, 9 s left" in capfd.readouterr().err
    assert not any(
        output.get("name") == "stderr"
        for cell in json.loads(page.read_text())["cells"]
        for output in cell.get("outputs", [])
    )
    notebook.write_text(NOTEBOOK.replace("print(repr(", "import sys; print('odd', file=sys.stderr)\nprint(repr(", 1))
    page = pages.page(notebook, notebook.with_suffix(".ipynb"))
    assert any(
        output.get("text") == ["odd\n"]
        for cell in json.loads(page.read_text())["cells"]
        for output in cell.get("outputs", [])
    )


def test_a_text_with_nothing_to_say_leaves_nothing(notebook):
    says = "from IPython.display import Markdown\nMarkdown('' if flag else 'no flag')"
    notebook.write_text(NOTEBOOK + f"\n```{{code-cell}}\n{says}\n```\n")
    last = lambda given: [
        cell
        for cell in json.loads(pages.page(notebook, notebook.with_name("p.ipynb"), given).read_text())["cells"]
        if cell["cell_type"] == "code"
    ][-1]["outputs"]
    assert last({}) == [] and last({"flag": False})[0]["data"]["text/markdown"] == ["no flag"]


def test_a_page_without_parameters_keeps_the_defaults(notebook):
    assert printed(pages.page(notebook, notebook.with_suffix(".ipynb"))) == "('baseline', 10.0, True, {})\n"


def test_a_parameter_named_in_a_text_or_a_caption_is_put_there_and_other_braces_stay(notebook):
    text = "# A page of {model}, $x_{UC}$ {cite:p}`someone`"
    figure = "---\nmystnb:\n  figure: {caption: 'of {model}', name: fig-one}\n---\nprint(repr("
    notebook.write_text(NOTEBOOK.replace("# A small page", text).replace("print(repr(", figure))
    page = pages.page(notebook, notebook.with_suffix(".ipynb"), {"model": "E1M1"})
    title, _, cell = json.loads(page.read_text())["cells"][0], *json.loads(page.read_text())["cells"][-4:-2]
    assert "".join(title["source"]) == text.replace("{model}", "E1M1")
    assert cell["metadata"]["mystnb"]["figure"] == {"caption": "of E1M1", "name": "fig-one"}


def test_equal_runs_give_equal_bytes(notebook):
    one, two = (pages.page(notebook, notebook.with_name(f"{name}.ipynb"), {"capacity": 3}) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_widget_stays_alive_in_the_page_and_its_bytes_are_equal_too(notebook):
    notebook.write_text(
        NOTEBOOK.replace("print(repr(", "import ipywidgets\ndisplay(ipywidgets.IntSlider(7))\nprint(repr(", 1)
    )
    one, two = (pages.page(notebook, notebook.with_name(f"{name}.ipynb")) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    page = json.loads(one.read_text())
    (shown,) = (output["data"] for cell in page["cells"] for output in cell.get("outputs", []) if "data" in output)
    state = page["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert state[shown["application/vnd.jupyter.widget-view+json"]["model_id"]]["state"]["value"] == 7


def test_a_text_that_means_a_value_is_that_value(notebook):
    given = {"model": "3", "capacity": "1e-1", "flag": "false", "changes": '{"gamma": 1000}'}
    page = pages.page(notebook, notebook.with_suffix(".ipynb"), given)
    assert printed(page) == "('3', 0.1, False, {'gamma': 1000})\n"


def test_numpy_numbers_and_tuples_become_plain(notebook):
    given = {"capacity": np.float32(0.5), "changes": {"a": np.int64(3), "b": (1, 2)}}
    page = pages.page(notebook, notebook.with_suffix(".ipynb"), given)
    assert printed(page) == "('baseline', 0.5, True, {'a': 3, 'b': [1, 2]})\n"


@pytest.mark.parametrize(
    "given, message",
    [
        ({"modle": "E1M1"}, "no parameter 'modle'; did you mean model?\nIt has model='baseline', capacity=10.0"),
        ({"capacity": "ten"}, "capacity must be a number like 10.0, got 'ten'"),
        ({"capacity": True}, "capacity must be a number"),
        ({"flag": "no"}, "flag must be true or false like True, got 'no'"),
        ({"changes": "gamma=3"}, "changes must be a dictionary, as JSON {\"name\": 1}, like {}, got 'gamma=3'"),
        ({"model": 1}, "model must be a text like 'baseline', got 1"),
        ({"changes": [1]}, 'changes must be a dictionary, as JSON {"name": 1}, like {}, got [1]'),
        ({"changes": {"a": {1}}}, "changes must be a number, text, list or dictionary of these"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_before_launch(notebook, given, message, monkeypatch):
    monkeypatch.setattr(pages, "execute", lambda *_: pytest.fail("launched"))
    with pytest.raises(ValueError) as error:
        pages.page(notebook, notebook.with_suffix(".ipynb"), given)
    assert message in str(error.value)
    assert list(notebook.parent.iterdir()) == [notebook]


@pytest.mark.parametrize(
    "change, message",
    [
        ((":tags: [parameters]\n", ""), "must have one cell tagged 'parameters', it has 0"),
        (("capacity = 10.0", "capacity = 5 * 2.0"), "may hold only lines like `seed = 0`"),
    ],
)
def test_a_notebook_must_declare_its_parameters(notebook, change, message):
    notebook.write_text(NOTEBOOK.replace(*change))
    with pytest.raises(ValueError, match=message):
        pages.page(notebook, notebook.with_suffix(".ipynb"))


def test_a_failing_cell_is_named_and_the_good_page_stays(notebook):
    page = pages.page(notebook, notebook.with_suffix(".ipynb"))
    good = page.read_bytes()
    message = r'cell \[4\] `assert model != "bad", .*` failed: AssertionError: this model is bad\n'
    with pytest.raises(RuntimeError, match=message):
        pages.page(notebook, page, {"model": "bad"})
    assert page.read_bytes() == good
    failed = page.with_name("small.failed.ipynb")
    assert "this model is bad" in failed.read_text()
    pages.page(notebook, page)
    assert sorted(notebook.parent.iterdir()) == [page, notebook]


def test_a_parameter_that_a_first_cell_refuses_is_an_error_alone(notebook):
    notebook.write_text(NOTEBOOK.replace("print(repr(", "import geomlib\ngeomlib.Spec(capacity=capacity)\nprint(repr("))
    with pytest.raises(ValueError, match=r"^small.md: capacity must be a number in 0.0..1,000,000.0 .*, got -1$"):
        pages.page(notebook, notebook.with_suffix(".ipynb"), {"capacity": -1})
    assert list(notebook.parent.iterdir()) == [notebook]


def test_a_kernel_that_dies_is_an_error_and_the_good_page_stays(notebook):
    page = pages.page(notebook, notebook.with_suffix(".ipynb"))
    with pytest.raises(RuntimeError, match="the kernel died"):
        pages.page(notebook, page, {"model": "dead"})
    assert sorted(notebook.parent.iterdir()) == [page, notebook]


def test_an_interrupt_ends_the_kernel_and_leaves_no_file(notebook):
    call = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's & would have it ignored
        f"from geomlib import pages; pages.page({notebook.name!r}, 'small.ipynb', {{'model': 'slow'}})"
    )
    env = os.environ | {"PYTHONPATH": str(Path(pages.__file__).parents[1])}
    runner = subprocess.Popen([sys.executable, "-c", call], cwd=notebook.parent, stderr=subprocess.DEVNULL, env=env)
    kernel = notebook.with_name("kernel")
    until(lambda: kernel.exists() and kernel.read_text(), 60)
    runner.send_signal(signal.SIGINT)
    assert runner.wait(20) != 0
    until(lambda: not running(int(kernel.read_text())), 10)
    assert sorted(notebook.parent.iterdir()) == [kernel, notebook]


def until(happened, seconds):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"still waiting after {seconds} s"
        time.sleep(0.05)


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_page_says_what_it_does_and_keeps_no_bar(notebook, capfd):
    bar = "from tqdm import tqdm\nwith tqdm(total=9, desc='geomlib: training 1') as bar: bar.update(4); bar.update(5)\n"
    notebook.write_text(NOTEBOOK.replace("print(repr(", bar + "print(repr("))
    page = pages.page(notebook, notebook.with_suffix(".ipynb"), {"capacity": 3})
    said = capfd.readouterr().err
    assert f"running {notebook} with capacity = 3" in said and "training 1: 100%" in said
    assert [output["name"] for cell in json.loads(page.read_text())["cells"] for output in cell.get("outputs", [])] == [
        "stdout"
    ]


def test_pages_rendered_at_once_do_not_disturb_each_other(notebook):
    call = "import sys; from geomlib import pages; pages.page(sys.argv[1], sys.argv[2], {'model': sys.argv[3]})"
    env = os.environ | {"PYTHONPATH": str(Path(pages.__file__).parents[1])}
    outputs = [notebook.with_name(f"{name}.ipynb") for name in "abc"]
    commands = [[sys.executable, "-c", call, notebook, path, path.stem] for path in outputs]
    for runner in [subprocess.Popen(command, env=env) for command in commands]:
        assert runner.wait(60) == 0
    assert [printed(path)[:4] for path in outputs] == ["('a'", "('b'", "('c'"]


def test_a_banner_stands_under_the_title(notebook):
    page = pages.page(notebook, notebook.with_suffix(".ipynb"), banner="smoke run: not results")
    first = "".join(json.loads(page.read_text())["cells"][0]["source"])
    assert first.startswith("# A small page\n") and "smoke run: not results" in first


@pytest.mark.parametrize("option", ["-p changes '{\"gamma\": 40}'", "-y 'changes: {gamma: 40}'", "-f changes.yml"])
def test_changes_by_plain_papermill_are_read_in_every_form(notebook, option):
    notebook.write_text(
        NOTEBOOK.replace("print(repr(", "import geomlib as g\nchanges = g.spec.read_changes(changes)\nprint(repr(")
    )
    notebook.with_name("changes.yml").write_text("changes: {gamma: 40}")
    folder = Path(sys.executable).parent
    command = f'"$0/jupytext" --to ipynb -o - small.md | "$0/papermill" - plain.ipynb {option}'
    env = os.environ | {"PYTHONPATH": str(Path(pages.__file__).parents[1])}
    subprocess.run(["bash", "-c", command, folder], cwd=notebook.parent, check=True, capture_output=True, env=env)
    assert printed(notebook.with_name("plain.ipynb")) == "('baseline', 10.0, True, {'gamma': 40})\n"


def test_plain_jupytext_and_papermill_run_the_same_notebook(notebook):
    folder = Path(sys.executable).parent
    command = '"$0/jupytext" --to ipynb -o - small.md | "$0/papermill" - plain.ipynb -p model E1M1 -p capacity 3'
    subprocess.run(["bash", "-c", command, folder], cwd=notebook.parent, check=True, capture_output=True)
    ours = pages.page(notebook, notebook.with_name("ours.ipynb"), {"model": "E1M1", "capacity": 3})
    assert printed(notebook.with_name("plain.ipynb")) == printed(ours)


@pytest.mark.parametrize(
    "text, value",
    [
        ("E1M1", "E1M1"),
        ("3", 3),
        ("1e-3", 1e-3),
        ("false", False),
        ("False", False),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ('{"steps": 40}', {"steps": 40}),
        ("{'steps': 40}", {"steps": 40}),
        ('"3"', "3"),
        ("{steps: 40}", "{steps: 40}"),
    ],
)
def test_texts_of_the_command_line_become_values(text, value):
    parsed = cli.pairs("-p", [f"name={text}"])["name"]
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize(
    "given, name",
    [
        ({}, "capacity"),
        ({"capacity": 3}, "capacity-3"),
        ({"model": "E1M1"}, "capacity-E1M1"),
        ({"capacity": 0.3, "seed": 1}, "capacity-0.3-seed1"),
        ({"runs": "../my runs"}, "capacity-.._my_runs"),
        ({"changes": {"counts": [[6] * 13] * 13}}, "capacity-2bf34a8c"),
    ],
)
def test_a_page_is_named_by_what_was_given(given, name):
    assert pages.output_path("notebooks/capacity.md", given) == Path(f"book/pages/{name}.ipynb")


def test_a_page_never_takes_the_place_of_its_notebook(notebook):
    text = notebook.read_text()
    with pytest.raises(ValueError, match="must end in .ipynb"):
        pages.page(notebook, notebook)
    assert notebook.read_text() == text


def test_a_page_that_can_not_be_written_is_refused_before_a_cell_runs(notebook, monkeypatch):
    monkeypatch.setattr(pages, "execute", lambda *_: pytest.fail("ran"))
    with pytest.raises(ValueError, match=r"can't write /proc/x.ipynb \(.*\): choose a file in a folder that is there"):
        pages.page(notebook, "/proc/x.ipynb")


def test_a_page_does_not_replace_the_notebook_that_it_is_made_from(notebook, tmp_path):
    made = pages.page(notebook, tmp_path / "made.ipynb")
    before = made.read_bytes()
    with pytest.raises(ValueError, match="made.ipynb is the notebook itself: name another file for the page, with -o"):
        pages.page(made, tmp_path / "made.ipynb")
    assert made.read_bytes() == before


def test_an_unknown_notebook_is_answered_with_the_known(notebook):
    assert pages.find("small", notebook.parent) == pages.find(notebook) == notebook
    with pytest.raises(ValueError, match="no notebook 'smal'; .*small; did you mean small?"):
        pages.find("smal", notebook.parent)


def test_a_page_of_the_repository_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert pages.find("recipes").samefile(paper.ROOT / "notebooks/recipes.md")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/mine.md").touch()
    assert pages.find("mine") == Path("notebooks/mine.md")
