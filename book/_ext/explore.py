"""Links to views of the explorer and of the page Train, from any page.  Sphinx extension.

{view}`see it move <model=E1M1&capacity=0.3>`   the text, and the view as it stands in the explorer's address after #
{train}`train it <counts=bottom&capacity=0.3>`   the same for the page Train
"""

from docutils import nodes
from sphinx.util.docutils import ReferenceRole

PAGES = {"view": "book/explore", "train": "book/train"}


class View(ReferenceRole):
    def run(self):
        page = self.env.app.builder.get_relative_uri(self.env.docname, PAGES[self.name])
        return [nodes.reference(self.rawtext, self.title, refuri=f"{page}#{self.target}", internal=True)], []


def setup(app):
    for name in PAGES:
        app.add_role(name, View())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
