"""What the book's prose takes from files: numbers, the notation table.  Sphinx extension.

{published}`baseline reconstruction_loss 3`     a number of data/published.csv
{ours}`baseline reconstruction_loss 3`          the same of data/results.csv, released network (seed 0)
{ours}`E2M3 f1_joint 3 .2f`                     any of these in another format than four decimals
{seeds}`baseline reconstruction_loss 3`         the same of all seeds, smallest to largest
{measured}`sweep ratio.best .1f`                what a benchmark found (benchmarks/results.json), formatted
{score}`all reproduced`                         a count of the scorecard's summary
{verdict}`specialization sketch`                where a claim holds, at a scale (full or sketch): "holds up to 1 nat"
{effect}`specialization E1M1 0.3 full`          a claim's mean over seeds, with its 95 % interval if there are several
```{verdicts}                                   the verdict table, of claims.table
```{notation}                                   the table of symbols in geomlib/__init__.py
```
"""

import ast
import csv
import json
import tomllib
from functools import cache, reduce
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective, SphinxRole


class Number(SphinxRole):
    """Four decimals, as the paper's figures give them, or another format; the build fails where the file has no such
    number.

    several   take the smallest and the largest of them; else more than one is an error
    """

    def __init__(self, file, several=False, **only):
        super().__init__()
        self.file, self.several, self.only = file, several, only

    def run(self):
        path = Path(self.env.app.confdir, "data", self.file)
        self.env.note_dependency(path)
        try:
            model, measure, capacity, *form = self.text.split()
            with path.open() as file:
                found = [
                    float(row["value"])
                    for row in csv.DictReader(file)
                    if (row["model"], row["measure"], float(row["capacity"])) == (model, measure, float(capacity))
                    and self.only.items() <= row.items()
                ]
            numbers = (min(found), max(found)) if self.several else found
            text = " to ".join(format(number, *form or [".4f"]) for number in numbers)
            if len(numbers) != 1 + self.several:
                raise ValueError
        except (OSError, ValueError):
            text = f"{self.name}: not one number {self.text!r} in {path.name}; write: model measure capacity [format]"
            message = self.inliner.reporter.error(text, line=self.lineno)
            return [], [message]
        return [nodes.inline(text=text, classes=["number"])], []


class Measured(SphinxRole):
    """An entry's number, or its command or machine; the build fails where the file has none."""

    def run(self):
        path = Path(self.env.app.confdir, "benchmarks/results.json")
        self.env.note_dependency(path)
        try:
            claim, keys, *form = self.text.split()
            entry = json.loads(path.read_text())[claim]
            found = reduce(lambda part, key: part[key], keys.split("."), entry | entry["numbers"])
            return [nodes.inline(text=format(found, *form), classes=["number"])], []
        except (OSError, ValueError, KeyError, TypeError):
            text = f"{self.name}: nothing for {self.text!r} in {path.name}; write: claim key.key format"
            return [], [self.inliner.reporter.error(text, line=self.lineno)]


def note_dependencies(env, *names):
    """Have the page read anew when one of the project's files changes."""
    for name in names:
        env.note_dependency(Path(env.app.confdir, name))


@cache
def summary():
    """The scorecard's, once a build."""
    from geomlib import results  # takes seconds, so only where a page asks

    return results.summary(results.scorecard())


class Score(SphinxRole):
    """A number of the scorecard's summary, such as `all reproduced`; the build fails where it has none."""

    def run(self):
        note_dependencies(self.env, "data/results.csv", "data/published.csv", "geomlib/results.py")
        try:
            column = next(name for name in summary() if self.text.endswith(f" {name}"))
            found = summary().loc[self.text.removesuffix(f" {column}"), column]
        except (KeyError, StopIteration):
            text = f"{self.name}: nothing for {self.text!r} in the scorecard's summary; write: kind column"
            return [], [self.inliner.reporter.error(text, line=self.lineno)]
        return [nodes.inline(text=str(found), classes=["number"])], []


class Verdict(SphinxRole):
    """In words, where a claim holds; the build fails if there is no such claim."""

    def run(self):
        from geomlib import claims

        note_dependencies(self.env, "data/results.csv", "data/sketch/results.csv", "geomlib/claims.py")
        *claim, scale = self.text.split()
        if " ".join(claim) not in {*claims.ROWS, *claims.SECOND.values()}:
            return [], [self.inliner.reporter.error(f"{self.name}: no claim {self.text!r}", line=self.lineno)]
        words = claims.headline(claims.verdicts(claims.released(scale)), " ".join(claim))
        return [nodes.inline(text=words, classes=["number"])], []


class Effect(SphinxRole):
    """A claim's mean value over seeds and its interval; the build fails if there is none."""

    def run(self):
        from geomlib import claims

        note_dependencies(self.env, "data/results.csv", "data/sketch/results.csv", "geomlib/claims.py")
        *claim, model, capacity, scale = self.text.split()
        rows = claims.verdicts(claims.released(scale))
        rows = rows[(rows.claim == " ".join(claim)) & (rows.model == model) & (rows.capacity == float(capacity))]
        if rows.empty:
            return [], [self.inliner.reporter.error(f"{self.name}: nothing for {self.text!r}", line=self.lineno)]
        row = rows.iloc[0]
        digits = 1 if row.claim in claims.SMALL else 2  # degrees
        between = f" ({row.low:.{digits}f} to {row.high:.{digits}f})" if row.seeds > 1 else ""
        text = f"{row.effect:.{digits}f}{between}".replace("-", "−")
        return [nodes.inline(text=text, classes=["number"])], []


class Verdicts(SphinxDirective):
    def run(self):
        from geomlib import claims

        note_dependencies(self.env, "data/results.csv", "data/sketch/results.csv", "geomlib/claims.py")
        node = nodes.container()
        self.state.nested_parse(StringList(claims.markdown("pages/{}.ipynb").splitlines(), "verdicts"), 0, node)
        return node.children


class Notation(SphinxDirective):
    def run(self):
        path = find_spec("geomlib").origin
        self.env.note_dependency(path)
        text = ast.get_docstring(ast.parse(Path(path).read_text()))
        table = [line for line in text.splitlines() if line.startswith("|")]
        node = nodes.container()
        self.state.nested_parse(StringList(table, path), 0, node)
        return node.children


def set_theme(app, config):
    """What the theme is told: no second search field; the title beside the mark; and where the project lies, for the
    button that opens a page in Colab. Without an address in pyproject.toml there is no such button."""
    told = {"navbar_persistent": [], "logo": {"text": config.html_title}}
    address = repository(app)
    config.html_theme_options |= told | ({"repository_url": address} if address else {"launch_buttons": {}})


def repository(app):
    """The address of the public repository, of pyproject.toml, or None."""
    project = tomllib.loads(Path(app.confdir, "pyproject.toml").read_text())["project"]
    return project.get("urls", {}).get("Repository")


def install_first(app, error):
    """A notebook that is downloaded, or opened in Colab, begins with a cell that installs what it needs."""
    address = repository(app)
    need = (
        f'%pip install -q "geomlib[widgets] @ git+{address}"'
        if address
        else 'raise ImportError("this notebook needs geomlib: pip install PATH, of its repository or its wheel")'
    )
    source = f"import importlib.util\n\nif importlib.util.find_spec('geomlib') is None:\n    {need}"
    cell = {
        "cell_type": "code",
        "id": "install",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
    for path in Path(app.outdir, "_sources/book/pages").glob("*.ipynb"):
        notebook = json.loads(path.read_text())
        if notebook["cells"][0]["id"] != "install":
            path.write_text(json.dumps(notebook | {"cells": [cell, *notebook["cells"]]}, indent=1))


def setup(app):
    app.add_role("published", Number("published.csv"))
    app.add_role("ours", Number("results.csv", seed="0"))
    app.add_role("seeds", Number("results.csv", several=True))
    app.add_role("measured", Measured())
    app.add_role("score", Score())
    app.add_role("verdict", Verdict())
    app.add_role("effect", Effect())
    app.add_directive("verdicts", Verdicts)
    app.add_directive("notation", Notation)
    app.connect("config-inited", set_theme)
    app.add_js_file(None, body="document.documentElement.dataset.mode ||= 'auto'")  # as the reader's system has it
    app.connect("build-finished", install_first)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
