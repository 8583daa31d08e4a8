"""Words of a figure's caption that the page Notation explains show their meaning and lead there.  Sphinx extension."""

import re

from docutils import nodes

PAGE = "book/notation"
EVERYDAY = {"set", "pair", "code", "head", "seed", "nat", "limit", "share", "effect", "control"}  # too frequent
EVERYDAY |= {"turn", "order", "direction"}  # other meanings, too


def explained(document):
    """Each word that the page explains, in small letters -> its place and the explanation; the place is named here."""
    found = {}
    for item in document.findall(nodes.definition_list_item):
        term, definition = item.children[0], item.children[-1].astext().replace("\n", " ")
        words = [word.strip().lower() for word in re.split("[,;]", term.astext())]
        place = f"term-{nodes.make_id(words[0])}"
        term["ids"] = [place]
        found |= {word: (place, definition) for word in words if word not in EVERYDAY}
    return found


def name_places(app, document):
    app.env.note_dependency(app.env.doc2path(PAGE))  # whose words a page's captions show
    if app.env.docname == PAGE:
        explained(document)


def link(app, document, docname):
    """Link each such word where it first stands in a caption, in its plural, too; a page that is built alone has no
    notation to lead to."""
    if docname == PAGE or PAGE not in app.env.found_docs or app.builder.format != "html":
        return
    words = explained(app.env.get_doctree(PAGE))
    longest_first = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![\w-])({longest_first})(?=s?(?![\w-]))", re.I)
    page = app.builder.get_relative_uri(docname, PAGE)
    for caption in document.findall(nodes.caption):
        seen = set()
        for text in [one for one in caption.findall(nodes.Text) if one.parent in (caption, *caption.children)]:
            if isinstance(text.parent, nodes.caption | nodes.paragraph | nodes.emphasis):
                text.parent.replace(text, list(_linked(text.astext(), pattern, words, page, seen)))


def _linked(text, pattern, words, page, seen):
    """The pieces of a text, some of them links."""
    for i, piece in enumerate(pattern.split(text)):
        place, meaning = words.get(piece.lower(), ("", ""))
        if i % 2 == 0 or place in seen:
            yield nodes.Text(piece)
            continue
        seen.add(place)
        look = {"refuri": f"{page}#{place}", "internal": True, "reftitle": meaning, "classes": ["term"]}
        yield nodes.reference(piece, piece, **look)


def setup(app):
    app.connect("doctree-read", name_places)
    app.connect("doctree-resolved", link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
