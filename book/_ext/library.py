"""The pages of the library, from the docstrings of geomlib (sphinx.ext.autodoc).  Sphinx extension.

```{spec}```    every field of Spec: its default, what is allowed, its meaning, which is the comment beside it
"""

import ast
import inspect
import re
import textwrap
from dataclasses import MISSING, fields

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

TABLE = re.compile(r"\S {2,}\S")  # columns: a name, its shape, its meaning


def comments(kind):
    """Field of a class -> the comment on its line."""
    source = textwrap.dedent(inspect.getsource(kind))
    lines = source.splitlines()
    named = [node for node in ast.parse(source).body[0].body if isinstance(node, ast.AnnAssign)]
    return {node.target.id: lines[node.end_lineno - 1].partition("  # ")[2] for node in named}


def as_rst(text):
    """A docstring of the library, plain text, as reStructuredText: tables and formulas stay as they are written."""
    for block in re.split(r"\n{2,}", text.strip("\n")):
        if block.startswith(">>>"):
            yield block
        elif block.startswith(" ") or TABLE.search(block):
            yield ".. code-block:: none\n\n" + textwrap.indent(textwrap.dedent(block), "   ")
        else:
            parts = re.split(r"`+([^`]+)`+", block)  # what is between backticks is code
            parts[::2] = [re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
            yield "".join(part if i % 2 == 0 else f"``{part}``" for i, part in enumerate(parts))


def process(app, what, name, thing, options, lines):
    text = "\n".join(lines)
    if text.startswith("Alias for field number"):  # of a NamedTuple, whose fields are described beside them
        module, kind, field = name.rsplit(".", 2)
        text = comments(getattr(inspect.importlib.import_module(module), kind)).get(field, "")
    lines[:] = [*"\n\n".join(as_rst(text)).splitlines(), ""]


def allowed(item):
    """What a field of Spec may be, in words."""
    about = item.metadata
    if "choices" in about:
        return ", ".join(f"`{choice}`" for choice in about["choices"])
    if "low" in about:
        low, high = (f"{about[end]:,}" if about["whole"] else f"{about[end]:g}" for end in ("low", "high"))
        ends = f"{low} to {high}" if about["high"] < 1e6 else f"{low} or more"
        return f"{'whole number, ' * about['whole']}{ends} {about['unit']}".strip()
    return {"bool": "`True`, `False`", "str": "a text"}.get(item.type, "see the meaning")


class SpecFields(SphinxDirective):
    def run(self):
        from geomlib import spec

        self.env.note_dependency(spec.__file__)
        meaning = comments(spec.Spec)
        rows = ["| field | meaning | default | allowed |", "| --- | --- | --- | --- |"]
        for item in fields(spec.Spec):
            default = item.default_factory() if item.default is MISSING else item.default
            shown = "filled in" if default is None else f"`{default!r}`"
            words = meaning[item.name].replace("|", "&#124;")
            rows.append(f"| `{item.name}` | {words} | {shown} | {allowed(item)} |")
        node = nodes.container(classes=["spec"])
        self.state.nested_parse(StringList(rows, spec.__file__), 0, node)
        return node.children


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", process)
    app.add_directive("spec", SpecFields)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
