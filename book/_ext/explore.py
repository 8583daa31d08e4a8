"""Links to views of the explorer, from any page.  Sphinx extension.

{view}`see it move <model=E1M1&capacity=0.3>`   the text, and the view as it stands in the explorer's address after #
"""

from docutils import nodes
from sphinx.util.docutils import ReferenceRole

PAGE = "book/explore"


class View(ReferenceRole):
    def run(self):
        page = self.env.app.builder.get_relative_uri(self.env.docname, PAGE)
        return [nodes.reference(self.rawtext, self.title, refuri=f"{page}#{self.target}", internal=True)], []


def setup(app):
    app.add_role("view", View())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
