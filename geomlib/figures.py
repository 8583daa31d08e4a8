"""Drawing: draw_*(ax, arrays) puts arrays on a matplotlib axis and computes nothing.

Figures are about 5 inches wide with 10 point text, so that they stay readable on a page 400 pixels wide. On the dark
pages of the book their white and black, and the colours of models, are exchanged for others (book/_ext/dark.py);
colours that stand for numbers are not, nor are `PAPER` and `INK`, which belong to them.
"""

from __future__ import annotations

import base64
import itertools
import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

# One colour and marker a model, everywhere. Models that share a figure differ for colour-blind eyes too, and all stand
# out from white (contrast of 3 to 1 or more).
COLOURS = {
    "baseline": "#000000",
    "E1M1": "#D55E00",
    "E1M2": "#0072B2",
    "E2M1": "#B87700",
    "E2M2": "#2E8FC8",
    "E2M3": "#00805E",
    "E2M4": "#CC5C99",
    "E2M5": "#6A1B4D",
}
MARKERS = {"baseline": "o", "E1M1": "s", "E1M2": "D", "E2M1": "^", "E2M2": "v", "E2M3": "<", "E2M4": ">", "E2M5": "P"}
GREY = "#595959"  # published values, limits, notes
CLASSES = ListedColormap(["#E8E4D8", "#4A6FA5"])  # of a binary task: 0, 1
CORNERS = ("#1C2F6E", "#6B4A00", "#A9C4F5", "#F3D662")  # of a square of classes: x_uc darkens, x_lc: blue, yellow
MOVED = "PuOr"  # of distortions: orange where moved together, purple where moved apart
TOLD_APART = matplotlib.colormaps["viridis_r"].with_extremes(
    over="#D55E00"
)  # of d': pale 0, dark large, orange infinite
PAPER, INK = "#FEFEFE", "#010101"  # white and black beside colours that stand for numbers, on dark pages, too
HALO = [withStroke(linewidth=2.5, foreground="white")]
BAR = {"fraction": 0.046, "pad": 0.03}  # of a colour bar beside square axes
STYLE = {
    "figure.figsize": (5, 3.4),
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    **dict.fromkeys(("figure.facecolor", "savefig.facecolor", "axes.facecolor"), "white"),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    **dict.fromkeys(("font.size", "axes.titlesize", "axes.labelsize", "figure.labelsize"), 10),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 9),
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "image.interpolation": "nearest",
    "svg.hashsalt": "geomlib",  # equal figures, equal bytes
}


def style() -> None:
    """Set the look of all figures; in a notebook they become SVG, sharp at any size, of the size that is asked for."""
    matplotlib.rcParams.update(STYLE)  # ty: ignore[no-matching-overload]
    from IPython import get_ipython

    if get_ipython():
        from matplotlib import pyplot
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None}, bbox_inches=None)
        pyplot.uninstall_repl_displayhook()  # else each figure is drawn once more, for nobody, before it is shown


def download(name: str, table):
    """A link below a figure: its data (a DataFrame) as a CSV file that the page itself holds, so it works offline."""
    from IPython.display import HTML

    text = base64.b64encode(table.to_csv(float_format="%.5g").encode()).decode()
    return HTML(
        f'<p class="download"><a download="{name}.csv" href="data:text/csv;base64,{text}">'
        f"Data of this figure: {name}.csv</a></p>"
    )


def class_colours(n: int) -> ListedColormap:
    """A colour for each of n classes: two, or the first n of a square, row by row, between the four of `CORNERS`."""
    if n == 2:
        return CLASSES
    side = max(math.isqrt(n - 1) + 1, 2)
    down, across = (x[..., None] for x in np.indices((side, side)) / (side - 1))
    a, b, c, d = (np.array(to_rgb(colour)) for colour in CORNERS)
    square = (1 - down) * ((1 - across) * c + across * d) + down * ((1 - across) * a + across * b)
    return ListedColormap(square.reshape(-1, 3)[:n])


def draw_images(ax, images, rows=(), columns=(), cmap="gray_r", limits=(0, 1)) -> None:
    """A table of images with a gap between them; by default 0 (open) is white, 1 (wall) black.

    images (R, C, 13, 13) in 0..1; rows, columns: texts beside and above, or none; limits: where the colours end
    """
    r, c, side, _ = images.shape
    table = np.full((r, side + 2, c, side + 2), np.nan)
    table[:, 1:-1, :, 1:-1] = np.moveaxis(images, 1, 2)
    ax.imshow(table.reshape(r * (side + 2), -1), cmap=cmap, vmin=limits[0], vmax=limits[1], aspect="equal")
    middle = side / 2 + 0.5 + (side + 2) * np.arange(max(r, c))
    ax.set_xticks(middle[: len(columns)], columns)
    ax.set_yticks(middle[: len(rows)], rows)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for corner in np.ndindex(r, c):
        y, x = (side + 2) * np.array(corner) + 0.5
        ax.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=GREY, linewidth=0.6))
    ax.spines[:].set_visible(False)


def nats(capacity: float) -> str:
    """A capacity in words: "0.3 nats", "1 nat"."""
    return f"{capacity:g} {'nat' if capacity == 1 else 'nats'}"


def draw_table(ax, values, label="", limits=(None, None), title="") -> None:
    """A number at each pair of positions, x_uc down and x_lc across, with its colour bar: values (13, 13)."""
    shown = ax.imshow(values, cmap="viridis", vmin=limits[0], vmax=limits[1], origin="upper")
    ax.figure.colorbar(shown, ax=ax, label=label, **BAR)
    _positions(ax, title)


def draw_resolution(ax, resolution, limit=None, title="", bar=True, width=4) -> LineCollection:
    """How well neighbouring stimuli are told apart: the grid of positions, x_uc down and x_lc across, its edges shaded.

    resolution (2, 13, 13): d' of steps in x_uc and in x_lc, NaN where there is none; limit: d' where the shades end,
    None: the largest finite one; larger ones, infinite ones too, are orange. bar: whether to draw the colour bar; for
    several axes with one bar, give them one limit and draw the bar of the lines that are returned; width: of the edges
    """
    grid = np.indices((13, 13))[::-1].transpose(1, 2, 0)  # (13, 13, 2) x_lc across, x_uc down
    lines = _edges(ax, grid, resolution, limit, linewidths=width)
    ax.plot(*grid.reshape(-1, 2).T, linestyle="", marker="o", markersize=0.5 * width, color=GREY)
    ax.set(xlim=(-0.7, 12.7), ylim=(12.7, -0.7), aspect="equal")
    _positions(ax, title)
    if bar:
        ax.figure.colorbar(lines, ax=ax, label="resolution $d'$", extend="max" if _beyond(lines) else "neither", **BAR)
    return lines


def draw_map(ax, points, classes=None, resolution=None, limit=None, title="", end=None, size=16) -> LineCollection:
    """The mean codes of all pairs of positions in a plane, neighbours joined by lines.

    points (169, 2), x_uc slowest, NaN where a pair has no image; classes (169,) in 0..K-1 or None;
    resolution (2, 13, 13), limit: shade the lines, as in `draw_resolution`; end: where both axes end, about 0, for
    several networks on one scale; None: where the points do; size: of the points
    """
    points = np.asarray(points)
    lines = _edges(ax, points.reshape(13, 13, 2), resolution, limit, linewidths=0.8 if resolution is None else 1.8)
    if classes is None:
        ax.plot(*points.T, linestyle="", marker="o", markersize=3, color=COLOURS["baseline"])
    else:
        _scatter(ax, points, classes, s=size, linewidths=0.025 * size, zorder=3)
    end = end or 1.08 * np.nanmax(np.abs(points))
    ax.set(title=title, aspect="equal", xlim=(-end, end), ylim=(-end, end))
    ax.locator_params(nbins=5)
    ax.spines[:].set_visible(True)
    return lines


def _edges(ax, grid, values, limit, **look) -> LineCollection:
    """Lines between neighbours of a grid (13, 13, 2), shaded by values (2, 13, 13), or grey where there are none."""
    ends = np.full((2, 13, 13, 2), np.nan)
    ends[0, :-1], ends[1, :, :-1] = grid[1:], grid[:, 1:]
    segments: Any = np.stack([np.broadcast_to(grid, ends.shape), ends], 3).reshape(-1, 2, 2)
    there = ~np.isnan(segments).any((1, 2))
    if values is None:
        return ax.add_collection(LineCollection(segments[there], colors=GREY, zorder=1, **look))
    ax.set_facecolor(PAPER)
    shades = np.asarray(values, float).ravel()
    there &= ~np.isnan(shades)
    top = limit or max(shades[there & np.isfinite(shades)], default=1)
    look |= {
        "array": np.nan_to_num(shades[there], posinf=2 * top),
        "cmap": TOLD_APART,
        "norm": Normalize(0, top),
        "zorder": 1,
    }
    return ax.add_collection(LineCollection(segments[there], **look))


def _beyond(lines) -> bool:
    """Whether some shades lie beyond the end of the colours."""
    return bool((lines.get_array() > lines.norm.vmax).any())


def _scatter(ax, points, classes, **look) -> None:
    """Points (N, 2) in the colours of their classes (N,)."""
    colours = class_colours(max(np.max(classes) + 1, 2))
    look = {"cmap": colours, "vmin": -0.5, "vmax": colours.N - 0.5, "edgecolors": GREY, "linewidths": 0.3} | look
    ax.scatter(*points.T, c=classes, rasterized=True, **look)


def draw_classes(ax, labels, title="") -> None:
    """The class of each pair of positions, x_uc down and x_lc across, with a line between classes: labels (13, 13)."""
    n = labels.max() + 1
    ax.imshow(labels, cmap=class_colours(n))
    if n > 2:
        row, column = np.nonzero(np.diff(labels, axis=0))
        ax.hlines(row + 0.5, column - 0.5, column + 0.5, color="white", linewidth=1)
        row, column = np.nonzero(np.diff(labels, axis=1))
        ax.vlines(column + 0.5, row - 0.5, row + 0.5, color="white", linewidth=1)
    _positions(ax, title)


def _positions(ax, title) -> None:
    ax.set(title=title, xlabel="$x_{LC}$ (column)", ylabel="$x_{UC}$ (column)", xticks=[0, 6, 12], yticks=[0, 6, 12])
    ax.spines[:].set_visible(True)


def _numbers(ax, points, limit) -> None:
    """Numbers from 1 at points (K, 2) of axes that end at -limit and limit; those that would cover each other as one
    text at the first, which names three at most."""
    groups = [[i] for i in range(len(points))]
    text = lambda group: ", ".join([str(i + 1) for i in group[:3]] + ["…"] * (len(group) > 3))

    def touch(one, other):  # a character is about 0.05 limits wide, a line 0.07 high
        dx, dy = np.abs(points[one[0]] - points[other[0]]) / limit
        return dx < 0.025 * len(text(one) + text(other)) and dy < 0.07

    while pair := next((pair for pair in itertools.combinations(groups, 2) if touch(*pair)), None):
        groups.remove(pair[1])
        pair[0].extend(pair[1])
        pair[0].sort()
    for group in groups:
        at = points[group[0]]
        ax.text(*at, text(group), ha="center", va="center", fontsize=9, fontweight="bold", path_effects=HALO)


def draw_embedding(ax, points, classes, marked, title="", limit=None) -> None:
    """Codes in a plane, coloured by their class; some are marked by a number, from 1, those too near each other
    together.

    points (N, 2) in the units of the codes; classes (N,) in 0..K-1; marked: row of each mark; limit: where both axes
    end, None: where the points do
    """
    _scatter(ax, points, classes, s=14)
    _numbers(ax, points[np.asarray(marked, int)], limit or np.abs(points).max())
    unit = "units of the code"
    ax.set(title=title, aspect="equal", xlabel=unit, ylabel=unit, adjustable="datalim")
    if limit:
        ax.set(adjustable="box", xlim=(-limit, limit), ylim=(-limit, limit))
    ax.locator_params(nbins=5)


def draw_matrix(ax, values, rows, columns, cmap="viridis", limits=(0, 1), title="") -> None:
    """A small matrix as colours with the numbers written in: values (R, C), NaN left empty; names of rows, columns."""
    shown = ax.imshow(values, cmap=cmap, vmin=limits[0], vmax=limits[1], aspect="auto")
    for (r, c), value in np.ndenumerate(values):
        if np.isfinite(value):
            ground = np.array(shown.cmap(shown.norm(shown.get_array()[r, c]))[:3])
            ink = INK if ground**2.2 @ [0.2126, 0.7152, 0.0722] > 0.18 else PAPER  # the one of more contrast
            text = f"{np.round(value, 2) + 0:.2f}".replace("-", "\N{MINUS SIGN}")
            ax.text(c, r, text, ha="center", va="center", color=ink)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.set_title(title)
    ax.spines[:].set_visible(False)


def draw_distortion(ax, values, limit, label, title="") -> None:
    """A distortion matrix of a square of classes, row by row, with a line where the first position changes.

    values (K, K), K = 25 or 169, grey where a class has no image; colours end at -limit and limit; label: of the rows
    """
    side = math.isqrt(len(values))
    ax.set_facecolor("#BBBBBB")
    shown = ax.imshow(values, cmap=MOVED, vmin=-limit, vmax=limit)
    _blocks(ax, len(values), side, color=GREY, linewidth=0.4)
    ticks = np.arange(0, side, max(side // 6, 1))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks((ticks + 0.5) * side - 0.5, ticks)
    ax.set(title=title, xlabel=label, ylabel=label)
    ax.spines[:].set_visible(True)
    ends = {"extend": "both"} if np.nanmax(np.abs(values)) > limit else {}
    ax.figure.colorbar(shown, ax=ax, label="distortion", **BAR, **ends)


def _blocks(ax, n, size, **look) -> None:
    """Lines between the blocks of so many rows in a matrix of n rows."""
    for k in range(size, n, size):
        ax.axhline(k - 0.5, **look)
        ax.axvline(k - 0.5, **look)


def draw_similarity(ax, values, names, label="") -> None:
    """A matrix of numbers between 0 and 1 in blocks, with a line between blocks: values (B * k, B * k), names of the B
    blocks."""
    size = len(values) // len(names)
    shown = ax.imshow(values, cmap="viridis", vmin=0, vmax=1)
    _blocks(ax, len(values), size, color="white", linewidth=1)
    middle = np.arange(len(names)) * size + (size - 1) / 2
    ax.set_xticks(middle, names)
    ax.set_yticks(middle, names)
    ax.tick_params(length=0)
    ax.figure.colorbar(shown, ax=ax, label=label, **BAR)


def _name_once(ax, name, **look) -> None:
    """One grey entry of the legend for what all models have."""
    if all(line.get_label() != name for line in ax.lines):
        ax.plot([], [], color=GREY, label=name, **look)


def _capacities(ax, capacities) -> None:
    ax.set_xscale("log")
    ax.set_xticks(capacities, [f"{c:g}" for c in capacities])
    ax.minorticks_off()
    ax.set_xlabel("capacity $C$ (nats)")


def draw_limit(ax, rates, distortions, end, pixels=None) -> None:
    """The limit for codes of the positions: least distortion at each rate (nats), both (P,), shaded below.

    It ends at the entropy of the positions; a dotted line goes on to the rate `end`, as such codes have no more to
    tell. pixels: rates and distortions, (Q,) each, of codes that then tell pixels, as a dashed line
    """
    ax.plot(rates, distortions, color=GREY, label="limit for codes of the positions")
    ax.fill_between(rates, distortions, color="#EDEDED", linewidth=0)
    ax.plot([rates[-1], end], [distortions[-1]] * 2, color=GREY, linestyle=":", linewidth=1.2)
    if pixels:
        ax.plot(*pixels, color=GREY, linestyle="--", label="positions, then pixels")
    ax.set(xlabel="rate (nats)", ylabel="reconstruction loss\n(squared pixel error)", xlim=(0, end))


def draw_on_limit(ax, model, rates, distortions, names=()) -> None:
    """A model's networks on the plane of rate (nats) and distortion, (K,) each; names: a text beside each."""
    ax.plot(rates, distortions, linestyle="", marker=MARKERS[model], color=COLOURS[model], label=f"{model}, ours")
    for x, y, name in zip(rates, distortions, names):
        ax.annotate(name, (x, y), (5, 5), textcoords="offset points", fontsize=9)
    ax.legend()


def draw_network(ax, down, code, up) -> None:
    """A network as boxes, (name, shape) each: down (L,) from the image to the code, in the upper row; up (L,) from the
    decoded image to the code, in the lower one; the code between their ends, at the right."""
    n = len(down)
    look = {"arrowprops": {"arrowstyle": "->", "color": GREY}}
    for y, row, colour in ((1, down, "#E3ECF5"), (0, up, "#E6F0E4"), (0.5, [code], "#FBE3D0")):
        for x, (name, shape) in enumerate(row, 0 if y in (0, 1) else n):
            ax.add_patch(Rectangle((x - 0.4, y - 0.19), 0.8, 0.38, facecolor=colour, edgecolor=GREY, linewidth=0.8))
            ax.text(x, y, f"{name}\n{shape}", ha="center", va="center", fontsize=8.5, linespacing=1.25)
    for x in range(1, n):
        ax.annotate("", (x - 0.4, 1), (x - 0.6, 1), **look)
        ax.annotate("", (x - 0.6, 0), (x - 0.4, 0), **look)
    ax.annotate("", (n, 0.69), (n - 0.6, 1), **look)
    ax.annotate("", (n - 0.6, 0), (n, 0.31), **look)
    ax.set(xlim=(-0.45, n + 0.45), ylim=(-0.22, 1.22))
    ax.axis("off")


def draw_seeds_and_published(ax, model, capacities, values, published, label, shift=0) -> None:
    """A measure of a model's networks against their capacity: a filled point a seed, a line for their mean, published
    values as open rings.

    capacities (K,) in nats; values (S, K), NaN where missing; published (K,); label: the measure and its unit; shift:
    moves all sideways by this share of a capacity, so that models don't hide each other
    """
    values, x = np.atleast_2d(values), np.asarray(capacities) * (1 + shift)
    colour, marker = COLOURS[model], MARKERS[model]
    ax.plot(x, np.ma.masked_invalid(values).mean(0), color=colour, linewidth=1, zorder=1)
    ax.plot(
        np.tile(x, len(values)), values.ravel(), linestyle="", marker=marker, markersize=4, color=colour, label=model
    )
    ring = {"linestyle": "", "marker": "o", "markersize": 9, "markerfacecolor": "none"}
    ax.plot(x, published, color=colour, **ring)
    _name_once(ax, "published", **ring)
    _capacities(ax, capacities)
    ax.set_ylabel(label)


def draw_against(ax, model, x, y, size=5) -> None:
    """Two numbers of a model's things against each other, (N,) each, with a line where they are equal; size: of the
    markers in points."""
    if not ax.lines:
        ax.axline((1, 1), (2, 2), color=GREY, linewidth=0.8)
    look = {"linestyle": "", "markersize": size, "alpha": 0.7, "markeredgewidth": 0}
    ax.plot(x, y, marker=MARKERS[model], color=COLOURS[model], label=model, **look)


def draw_published(ax, rows, tolerance, levels={}, title="") -> None:
    """Our numbers (up) against published ones (across): markers in a grey band of half a height `tolerance` agree.

    rows     (model, published, low, mean, high, text), one a number; low to high: a line; text: beside it, or ""
    levels   model -> chance level, a dotted line; NaN: none
    """
    ends = np.array([value for _, *values, _ in rows for value in values])
    x = np.array([ends.min(initial=1) - tolerance, ends.max(initial=0) + tolerance])
    ax.fill_between(x, x - tolerance, x + tolerance, color="#E6E6E6", linewidth=0, zorder=0)
    ax.plot(x, x, color=GREY, linewidth=0.8, zorder=1)
    for model, level in levels.items():
        ax.axhline(level, linestyle=":", linewidth=1, color=COLOURS[model], zorder=1)
    for model, published, low, mean, high, text in rows:
        ax.vlines(published, low, high, color=COLOURS[model], linewidth=1)
        ax.plot(published, mean, marker=MARKERS[model], color=COLOURS[model], markersize=5, linestyle="")
        ax.annotate(text, (published, mean), (5, -3), textcoords="offset points", fontsize=8, color=COLOURS[model])
    ax.set(title=title, xlim=x, ylim=x, aspect="equal")
    ax.locator_params(nbins=4)


def name_models(place, models, names={}, **look) -> None:
    """A legend on a figure or an axis: the colour and marker of each model; names: model -> what to call it."""
    keys = [Line2D([], [], color=COLOURS[m], marker=MARKERS[m], markersize=5, label=names.get(m, m)) for m in models]
    place.legend(handles=keys, **look)


def draw_claim(ax, model, capacities, values, control=None, limit=None, title="", label="") -> None:
    """What is measured of a model's networks against their capacity (nats): a thin line a seed, a thick one for the
    mean.

    values (S, K), NaN where missing; control (S, K): of what it is compared with, in grey; limit (K,): of the best
    code, as a dashed line
    """
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    if limit is not None:
        ax.plot(capacities, limit, color="black", linestyle="--", linewidth=1, label="best code")
    for lines, colour, name in ((control, "#8C8C8C", "control"), (values, COLOURS[model], model)):
        if lines is not None:
            ax.plot(capacities, np.transpose(lines), color=colour, linewidth=0.6, alpha=0.6)
            mean = np.ma.masked_invalid(lines).mean(0)
            ax.plot(capacities, mean, color=colour, marker=MARKERS[model], markersize=5, label=name)
    _capacities(ax, capacities)
    ax.set(title=title, ylabel=label)


def draw_lines(ax, values, low, high, title="", marks=None) -> None:
    """A line for each column of a table, from light to dark, against its index, capacities in nats, within a band.

    values, low, high: tables of one shape; the columns' names are the labels     marks: a table of some of the same
    columns and of any capacities, drawn as rings of the lines' colours
    """
    shades = matplotlib.colormaps["viridis"](np.linspace(0.85, 0.3, values.shape[1]))
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    for name, colour in zip(values, shades):
        ax.plot(values.index, values[name], color=colour, marker="o", markersize=4, label=name)
        ax.fill_between(values.index, low[name], high[name], color=colour, alpha=0.15, linewidth=0)
        if marks is not None and name in marks:
            ax.plot(marks.index, marks[name], "o", color=colour, markersize=7, markerfacecolor="none")
    _capacities(ax, values.index)
    ax.set_title(title)


def draw_dots(ax, model, names, values, published, title="", label="") -> None:
    """A row of numbers each, from the top: ours as points in the model's colour, the published one as a ring.

    names (R,); values: R sequences of any length; published (R,), NaN where there is none
    """
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    look = {"linestyle": "", "marker": MARKERS[model], "color": COLOURS[model], "alpha": 0.7}
    for row, some in enumerate(values):
        ax.plot(some, np.full(len(some), row), markersize=4, **look)
    ax.plot(published, range(len(names)), "o", markersize=10, markerfacecolor="none", markeredgecolor=GREY)
    ax.set_yticks(range(len(names)), names)
    ax.set(title=title, xlabel=label, ylim=(len(names) - 0.5, -0.5))


def draw_class_distortion(ax, values, title="") -> None:
    """A distortion matrix of a model's classes: two with their numbers written in, or a square of them as colours only.

    values (K, K); colours end at -0.7 and 0.7 for two classes, at -1.5 and 1.5 for more
    """
    if len(values) == 2:
        draw_matrix(ax, values, ("0", "1"), ("0", "1"), MOVED, (-0.7, 0.7), title)
        ax.set(xlabel="class", ylabel="class", aspect="equal")
    else:
        draw_distortion(ax, values, 1.5, "row of the region's block", title)
