"""A text notebook and parameters -> an executed page (jupytext, papermill).

Names and types are checked before anything runs, a failing cell never replaces a good page, and equal runs give
equal bytes.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import places
from .spec import nearest, read_numbers, value

try:
    import jupytext
    import papermill
    from nbclient.exceptions import DeadKernelError
    from nbformat import NotebookNode, read, reads, v4, write, writes
    from papermill.exceptions import PapermillExecutionError
    from zmq import ZMQError
except ModuleNotFoundError as error:
    raise ImportError(f"pages need {error.name}, which isn't installed: pip install 'geomlib[pages]'") from None

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: 'a list, as JSON ["name", 1],',
    dict: 'a dictionary, as JSON {"name": 1},',
}
NOTICES = r"^\s*geomlib: .*\n?"  # what the library says while it works, on stderr: not for the page
REFUSALS = ("ValueError", "FileNotFoundError")  # what a wrong parameter ends in, before anything is shown
STARTS = 5  # a kernel started beside others can lose the race for a free port


def page(notebook: str | Path, output: str | Path, parameters: Mapping[str, Any] = {}, banner: str = "") -> Path:
    """Run a text notebook with parameters and write the executed page; returns its path.

    parameters   name -> plain value, for names assigned in the notebook's cell tagged `parameters`
    banner       a warning to show under the title, in Markdown
    raises       ValueError for a parameter that doesn't fit; RuntimeError where a cell fails: the page as it was stays,
                 and the failed one lies beside it as NAME.failed.ipynb if it shows anything yet
    """
    notebook, output = Path(notebook), Path(output)
    try:
        source = jupytext.read(notebook)
    except Exception as error:  # its readers raise errors of every kind
        why = str(error).partition("\n")[0]
        raise ValueError(f"{notebook} is no text notebook that jupytext can read ({why})") from None
    allowed = defaults(source, notebook)
    given = check(parameters, allowed, notebook)
    fill(source, allowed | given)
    if banner:
        add_banner(source, banner)
    add_command(source, notebook, given)
    output.parent.mkdir(parents=True, exist_ok=True)
    places.writable(output, ".ipynb")
    if output.exists() and notebook.resolve() == output.resolve():
        raise ValueError(f"{output} is the notebook itself: name another file for the page, with -o")
    shown = ", ".join(f"{name} = {str(x)[:60]}" for name, x in given.items()) or "its own parameters"
    print(f"running {notebook} with {shown}", file=sys.stderr)
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    partial = output.with_name(f".{output.stem}.{os.getpid()}.ipynb")
    try:
        done = execute(source, partial, given, output.stem)
        write(tidy(done, {"notebook": notebook.name, "parameters": given}), partial)
        partial.replace(output)
        failed.unlink(missing_ok=True)
    except PapermillExecutionError as error:
        outputs = [shown for cell in read(partial, 4).cells for shown in cell.get("outputs", [])]
        if error.ename in REFUSALS and all(shown.get("name", "stderr") == "stderr" for shown in outputs):
            raise ValueError(f"{notebook.name}: {error.evalue.strip()}") from None
        partial.replace(failed)
        raise RuntimeError(f"{notebook.name}, {failing(error)}\nThe page so far: {failed}") from None
    except DeadKernelError:
        raise RuntimeError(f"{notebook.name}: the kernel died while a cell ran; is there enough memory?") from None
    finally:
        partial.unlink(missing_ok=True)
    return output


def failing(error: PapermillExecutionError) -> str:
    """The cell and the line that failed, and why."""
    arrow = re.search(r"^-+> \d+ (.*)", re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback)), re.M)
    line = arrow[1].strip() if arrow else error.source.strip().split("\n")[0]
    reason = ": ".join([error.ename, *error.evalue.strip().split("\n")[-1:]])
    return f"cell [{error.exec_count}] `{line}` failed: {reason}"


def execute(
    source: NotebookNode, output: Path, parameters: dict[str, Any], name: str, starts: int = STARTS
) -> NotebookNode:
    """One papermill run; only the start of the kernel is tried again. What cells say on stderr shows at once."""
    os.environ["GEOMLIB_PAGE"] = name  # progress of training is text there, which `tidy` takes away
    try:
        return papermill.execute_notebook(
            source,
            output,
            parameters,
            kernel_name="python3",
            language="python",
            request_save_on_cell_execute=False,
            progress_bar={"file": sys.stderr, "disable": None, "leave": False, "desc": name},
            stderr_file=sys.stderr,
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=CRITICAL"],
        )
    except (RuntimeError, ZMQError) as error:
        if starts == 1 or not (isinstance(error, ZMQError) or "before replying to kernel_info" in str(error)):
            raise
    return execute(source, output, parameters, name, starts - 1)


def html_path(page: Path) -> Path:
    """Where `html` puts a page; raises what stands in its way, before the page is run."""
    home = places.needed_repository("the book's settings lie")
    if importlib.util.find_spec("jupyter_book") is None:
        raise ImportError("HTML needs jupyter-book, which isn't installed: pip install 'geomlib[book]'")
    if not page.resolve().is_relative_to(home):
        raise ValueError(f"HTML is made of pages in {home}, got {page}; choose another --output")
    return home / "_build/page/_build/html" / page.resolve().relative_to(home).with_suffix(".html")


def html(page: Path) -> Path:
    """Make HTML of an executed page, as it looks in the book, but alone: links to other pages lead nowhere."""
    made, home = html_path(page), places.needed_repository("the book's settings lie")
    toc = home / "_build/page/toc.yml"
    toc.parent.mkdir(parents=True, exist_ok=True)
    toc.write_text(f"format: jb-book\nroot: {page.resolve().relative_to(home).with_suffix('')}\n")
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", home, "--toc", toc]
    done = subprocess.run([*command, "--path-output", toc.parent, "-q"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"no HTML of {page}: {done.stderr.strip()[-500:]}")
    return made


def find(name: str | Path, folder: str | Path = "notebooks") -> Path:
    """`geometry`, `geometry.md` or a path -> the text notebook, in a folder here, else in the repository's."""
    home = places.repository()
    folder = home / folder if home and not Path(folder).is_dir() else folder
    for path in Path(name), Path(folder, name), Path(folder, f"{name}.md"):
        if path.is_file():
            return path
    known = sorted(path.stem for path in Path(folder).glob("*.md"))
    if not known:
        raise ValueError(f"no notebook {name!r}, and no folder {folder}/ here; go to the repository, or give a path")
    raise ValueError(f"no notebook {name!r}; in {folder}/ are: {', '.join(known)}{nearest(name, known)}")


def output_path(notebook: str | Path, parameters: Mapping[str, Any]) -> Path:
    """Where a page goes by default: book/pages/geometry-E1M1.ipynb, capacity-3.ipynb, capacity-3-seed1.ipynb.

    The values given follow the notebook's name. Texts stand alone; others keep their name, unless it is the notebook's
    own, so that a capacity of 1 and a seed of 1 don't share a file; long ones, as a table of counts, become a hash.
    """
    stem = Path(notebook).stem
    parts = [
        str(x).replace("-", "_") if isinstance(x, str) or name == stem else f"{name}{x}"
        for name, x in parameters.items()
    ]
    parts = [part if len(part) < 60 else hashlib.sha256(part.encode()).hexdigest()[:8] for part in parts]
    parts = [re.sub(r"[^\w.+-]+", "_", part).strip("_") for part in parts]
    return Path("book/pages", "-".join([stem, *parts]) + ".ipynb")


def defaults(source: NotebookNode, notebook: Path) -> dict[str, Any]:
    """Names and values of the cell tagged `parameters`, which holds literal assignments only."""
    cells = [cell.source for cell in source.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"{notebook.name} must have one cell tagged 'parameters', it has {len(cells)}")
    try:
        return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(cells[0]).body}
    except (AttributeError, ValueError, SyntaxError) as error:
        raise ValueError(
            f"{notebook.name}: the cell tagged 'parameters' may hold only lines like `seed = 0`: {error}"
        ) from None


def check(parameters: Mapping[str, Any], allowed: Mapping[str, Any], notebook: Path) -> dict[str, Any]:
    """The parameters as plain values, each with a name of the notebook and the type of its default."""
    given = {}
    for name, x in parameters.items():
        if name not in allowed:
            listed = ", ".join(f"{key}={default!r}" for key, default in allowed.items())
            raise ValueError(f"{notebook.name} has no parameter {name!r}{nearest(name, allowed)}\nIt has {listed}")
        kind = type(allowed[name])
        try:  # numpy's numbers and arrays and tuples become plain; all else is refused
            plain = json.loads(json.dumps(x, default=lambda other: other.tolist()))
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"{name} must be a number, text, list or dictionary of these, got {x!r}") from None
        given[name] = plain if kind is str else value(plain)  # a text may say a number or a dictionary
        if kind is list and all(isinstance(number, int | float) for number in allowed[name]):
            given[name] = read_numbers(plain)
        if kind in KINDS and type(given[name]) not in ((float, int) if kind is float else (kind,)):
            raise ValueError(f"{name} must be {KINDS[kind]} like {allowed[name]!r}, got {x!r}")
    return given


def fill(source: NotebookNode, parameters: Mapping[str, Any]) -> None:
    """Put a parameter's value where a text, or a figure's caption, says {its name}; other braces stay."""

    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda name: str(parameters.get(name[1], name[0])), text)

    for cell in source.cells:
        if cell.cell_type == "markdown":
            cell.source = filled(cell.source)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            figure["caption"] = filled(figure["caption"])


def add_banner(source: NotebookNode, banner: str) -> None:
    """Put the banner under the title, which the book needs as the page's first line."""
    title, _, rest = source.cells[0].source.partition("\n")
    source.cells[0].source = f"{title}\n\n:::{{warning}}\n{banner}\n:::\n{rest}"


def add_command(source: NotebookNode, notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Say at the page's end how to make it again."""
    words = ["geomlib", "page", notebook.stem if notebook.parent == Path("notebooks") else str(notebook)]
    for name, x in parameters.items():
        words += ["-p", name, x if isinstance(x, str) and value(x) == x else json.dumps(x)]
    source.cells.append(v4.new_markdown_cell(f"This page again:\n\n```bash\n{shlex.join(words)}\n```"))


def tidy(done: NotebookNode, ours: dict[str, Any]) -> NotebookNode:
    """The page without times, random ids and notices of training; what made it stands in metadata.geomlib."""

    def says(output: NotebookNode) -> bool:
        """Whether anything is left of an output without what is different in each run."""
        if output.get("name") == "stderr":
            output.text = re.sub(NOTICES, "", output.text, flags=re.M)
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            output.data.pop("text/plain", None)  # has its address in memory
        return "" not in (output.get("text"), output.get("data", {}).get("text/markdown"))

    for number, cell in enumerate(done.cells):
        if "outputs" in cell:
            cell.outputs = list(filter(says, cell.outputs))
        cell.id = f"cell-{number}"
        dropped = {"papermill", "execution", *({"tags"} if not cell.metadata.get("tags") else ())}
        cell.metadata = {key: x for key, x in cell.metadata.items() if key not in dropped}
    kept = {key: x for key, x in done.metadata.items() if key not in ("papermill", "jupytext")}
    text = writes(v4.new_notebook(cells=done.cells, metadata=kept | {"geomlib": ours}))
    for states in kept.get("widgets", {}).values():
        for number, name in enumerate(states["state"]):
            text = text.replace(name, f"widget-{number}")
    return reads(text, 4)
