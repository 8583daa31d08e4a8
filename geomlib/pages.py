"""A text notebook and parameters -> an executed page (jupytext, papermill).

Names and types are checked before anything runs, a failing cell never replaces a good page, and equal runs give
equal bytes.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jupytext
import papermill
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode, reads, v4, write, writes
from papermill.exceptions import PapermillExecutionError
from zmq import ZMQError

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: 'a list, as JSON ["name", 1],',
    dict: 'a dictionary, as JSON {"name": 1},',
}
NOTICES = (  # on stderr, not for the page
    r"^(training \d+ network|The capacity rises to|counts hold frequencies|\d+ images to train on|"
    r".*: waiting for the process that trains it).*\n"
)
STARTS = 5  # a kernel started beside others can lose the race for a free port


def page(notebook: str | Path, output: str | Path, parameters: Mapping[str, Any] = {}, banner: str = "") -> Path:
    """Run a text notebook with parameters and write the executed page; returns its path.

    parameters   name -> plain value, for names assigned in the notebook's cell tagged `parameters`
    banner       a warning to show under the title, in Markdown
    raises       ValueError for a parameter that doesn't fit, before the launch; RuntimeError where a cell fails: the
                 page as it was stays, the failed one lies beside it as NAME.failed.ipynb
    """
    notebook, output = Path(notebook), Path(output)
    if output.suffix != ".ipynb":
        raise ValueError(f"a page is a notebook: its name must end in .ipynb, got {output}")
    source = jupytext.read(notebook)
    allowed = defaults(source, notebook)
    given = check(parameters, allowed, notebook)
    fill(source, allowed | given)
    if banner:
        add_banner(source, banner)
    add_command(source, notebook, given)
    output.parent.mkdir(parents=True, exist_ok=True)
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    partial = output.with_name(f".{output.stem}.{os.getpid()}.ipynb")
    try:
        done = execute(source, partial, given, output.stem)
        write(tidy(done, {"notebook": notebook.name, "parameters": given}), partial)
        partial.replace(output)
        failed.unlink(missing_ok=True)
    except PapermillExecutionError as error:
        partial.replace(failed)
        arrow = re.search(r"^-+> \d+ (.*)", re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback)), re.M)
        line = arrow[1].strip() if arrow else error.source.strip().split("\n")[0]
        reason = ": ".join([error.ename, *error.evalue.strip().split("\n")[-1:]])
        raise RuntimeError(
            f"{notebook.name}, cell [{error.exec_count}] `{line}` failed: {reason}\nThe page so far: {failed}"
        ) from None
    except DeadKernelError:
        raise RuntimeError(f"{notebook.name}: the kernel died while a cell ran; is there enough memory?") from None
    finally:
        partial.unlink(missing_ok=True)
    return output


def execute(source: NotebookNode, output: Path, parameters: dict[str, Any], name: str) -> NotebookNode:
    """One papermill run; only the start of the kernel is tried again. What cells say on stderr shows at once."""
    for start in range(1, STARTS + 1):
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
            lost = isinstance(error, ZMQError) or "before replying to kernel_info" in str(error)
            if not lost or start == STARTS:
                raise


def parse(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Names and texts from the command line -> names and values.

    A text is JSON (`false`, `1e-3`, `{"steps": 40}`), else a Python literal (`False`, `{'steps': 40}`), else itself.
    """
    return {name: value(text) for name, text in pairs}


def value(text: str) -> Any:
    """One text as `parse` reads it."""
    for read in json.loads, ast.literal_eval:
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            pass
    return text


def find(name: str, folder: str | Path = "notebooks") -> Path:
    """`geometry`, `geometry.md` or a path -> the text notebook."""
    for path in Path(name), Path(folder, name), Path(folder, f"{name}.md"):
        if path.is_file():
            return path
    known = sorted(path.stem for path in Path(folder).glob("*.md"))
    if not known:
        raise ValueError(
            f"no notebook {name!r}, and no folder {folder}/ of notebooks here; go to the repository's folder, "
            "or give a path"
        )
    raise ValueError(f"no notebook {name!r}; in {folder}/ are: {', '.join(known)}{nearest(name, known)}")


def output_path(notebook: str | Path, parameters: Mapping[str, Any], folder: str | Path = "book/pages") -> Path:
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
    return Path(folder, "-".join([stem, *(re.sub(r"[^\w.+-]+", "_", part).strip("_") for part in parts)]) + ".ipynb")


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
        try:  # numpy's numbers and arrays and tuples become plain; all else is refused
            given[name] = json.loads(json.dumps(x, default=lambda other: other.tolist()))
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"{name} must be a number, text, list or dictionary of these, got {x!r}") from None
        kind = type(allowed[name])
        fits = type(given[name]) in ((float, int) if kind is float else (kind,))
        if kind in KINDS and not fits:
            raise ValueError(f"{name} must be {KINDS[kind]} like {allowed[name]!r}, got {x!r}")
    return given


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the known one that is like it, or nothing."""
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def fill(source: NotebookNode, parameters: Mapping[str, Any]) -> None:
    """Put a parameter's value where a text, or a figure's caption or name, says {its name}: pages of one notebook
    differ.

    All else in braces stays as it is.
    """

    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda name: str(parameters.get(name[1], name[0])), text)

    for cell in source.cells:
        if cell.cell_type == "markdown":
            cell.source = filled(cell.source)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        figure.update({key: filled(figure[key]) for key in ("caption", "name") if key in figure})


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
    """The page without times, random ids and notices of training; its notebook and parameters stand in
    metadata.geomlib."""
    for number, cell in enumerate(done.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                output.text = re.sub(NOTICES, "", output.text, flags=re.M)
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                output.data.pop("text/plain", None)  # has its address in memory
        if "outputs" in cell:
            cell.outputs = [
                output
                for output in cell.outputs
                if "" not in (output.get("text"), output.get("data", {}).get("text/markdown"))
            ]
        cell.id = f"cell-{number}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = {key: x for key, x in cell.metadata.items() if key not in ("papermill", "execution", "tags")}
        if tags:
            cell.metadata["tags"] = tags
    kept = {key: x for key, x in done.metadata.items() if key not in ("papermill", "jupytext")}
    text = writes(v4.new_notebook(cells=done.cells, metadata=kept | {"geomlib": ours}))
    for states in kept.get("widgets", {}).values():
        for number, name in enumerate(states["state"]):
            text = text.replace(name, f"widget-{number}")
    return reads(text, 4)
