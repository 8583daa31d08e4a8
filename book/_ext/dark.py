"""Figures that follow the theme: on a dark page their ground is dark, and letters and lines light.  Sphinx extension.

A picture can't see the style of its page, but the browser tells it whether the page is dark. So each SVG is given a few
lines of style when the book is built. Colours that stand for numbers stay as they are.
"""

import re
from pathlib import Path

TEXT, GROUND = "#ced6dd", "#121212"  # of the theme
DARK = {  # a colour of geomlib/figures.py -> on a dark page
    "#ffffff": GROUND,
    "#000000": TEXT,
    "#595959": "#a3abb3",  # published values, limits, notes
    "#ededed": "#2a3038",  # bands and shaded areas
    "#e6e6e6": "#2a3038",
    "#dddddd": "#333a43",
    "#0072b2": "#4aa3df",  # E1M2
    "#2e8fc8": "#7aade4",  # E2M2
    "#00805e": "#3fd98a",  # E2M3
    "#cc5c99": "#d84a86",  # E2M4
    "#6a1b4d": "#8f67f0",  # E2M5
    "#e3ecf5": "#22364c",  # the boxes of the network
    "#e6f0e4": "#263d27",
    "#fbe3d0": "#4d3520",
}
RULES = [
    f'[style*="{part}: {light}"]{{{part}:{dark}!important}}'
    for light, dark in DARK.items()
    for part in ("fill", "stroke")
]
STYLE = f"<style>@media (prefers-color-scheme: dark){{svg{{fill:{TEXT}}}{''.join(RULES)}}}</style>"


def follow_theme(app, failed):
    """Put the style at the head of each figure that matplotlib has drawn."""
    for path in Path(app.outdir, "_images").glob("*.svg"):
        drawn = re.sub(r" <style>@media.*?</style>\n", "", path.read_text())  # of an earlier build
        path.write_text(drawn.replace(" <defs>", f" {STYLE}\n <defs>", 1))


def setup(app):
    app.connect("build-finished", follow_theme)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
