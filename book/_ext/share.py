"""What another site shows of a page that someone shares: title, first sentence, picture.  Sphinx extension.

The picture's address is whole where html_baseurl, the book's public address, stands in _config.yml.
"""

from html import escape

from docutils import nodes

PICTURE = "_static/overview.png"


def first_words(document, most=200):
    """The page's first paragraph, to the end of a word."""
    first = next((p for p in document.findall(nodes.paragraph) if isinstance(p.parent, nodes.section)), None)
    text = " ".join(first.astext().split()) if first else ""
    return text if len(text) <= most else f"{text[:most].rpartition(' ')[0]} …"


def describe(app, page, template, context, document):
    if app.builder.format != "html" or document is None:
        return
    base = app.config.html_baseurl
    picture = base + PICTURE if base else context["pathto"](PICTURE, resource=True)
    words = {"og:title": context["title"], "og:description": first_words(document), "og:image": picture,
             "og:type": "article", "og:site_name": app.config.project}  # fmt: skip
    tags = [f'<meta property="{name}" content="{escape(text)}">' for name, text in words.items()]
    tags += [f'<meta name="description" content="{escape(words["og:description"])}">',
             '<meta name="twitter:card" content="summary_large_image">']  # fmt: skip
    context["metatags"] = context.get("metatags", "") + "\n    ".join(["", *tags])


def drop_thebe(app, page, template, context, document):
    """The theme declares what would start a kernel, twice, which is an error in the browser; no page starts one."""
    context["script_files"] = [script for script in context["script_files"] if "thebe" not in str(
        (script, getattr(script, "attributes", "")))]  # fmt: skip


def setup(app):
    app.connect("html-page-context", describe)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
