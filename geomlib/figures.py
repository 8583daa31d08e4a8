"""Drawing: draw_*(ax, arrays) puts arrays on a matplotlib axis and computes nothing.

Figures are about 5 inches wide with 10 point text, so that they stay readable on a page 400 pixels wide, and have an
opaque white ground, so that they read alike on light and dark pages.
"""

from __future__ import annotations

import base64
import itertools
import math

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
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
STYLE = {
    "figure.figsize": (5, 3.4),
    "figure.dpi": 120,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "image.interpolation": "nearest",
    "svg.hashsalt": "geomlib",  # equal figures, equal bytes
}


def style() -> None:
    """Set the look of all figures; in a notebook they become SVG, sharp at any size, of the size that is asked for."""
    matplotlib.rcParams.update(STYLE)
    from IPython import get_ipython

    if get_ipython():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None}, bbox_inches=None)


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


def draw_map(ax, values, label="", limits=(None, None), title="") -> None:
    """A number at each pair of positions, x_uc down and x_lc across, with its colour bar: values (13, 13)."""
    shown = ax.imshow(values, cmap="viridis", vmin=limits[0], vmax=limits[1], origin="upper")
    ax.figure.colorbar(shown, ax=ax, label=label, fraction=0.046, pad=0.03)
    _positions(ax, title)


def draw_classes(ax, labels, title="", marked=(), names=()) -> None:
    """The class of each pair of positions, x_uc down and x_lc across, with a line between classes: labels (13, 13).

    marked: pairs (x_uc, x_lc) that get their number, from 1; names: of the classes, for a legend
    """
    n = labels.max() + 1
    ax.imshow(labels, cmap=class_colours(n))
    for number, (uc, lc) in enumerate(marked, 1):
        _number(ax, lc, uc, number)
    if n > 2:
        row, column = np.nonzero(np.diff(labels, axis=0))
        ax.hlines(row + 0.5, column - 0.5, column + 0.5, color="white", linewidth=1)
        row, column = np.nonzero(np.diff(labels, axis=1))
        ax.vlines(column + 0.5, row - 0.5, row + 0.5, color="white", linewidth=1)
    _positions(ax, title)
    _name_classes(ax, names, class_colours(n), "s")


def _name_classes(ax, names, colours, marker="o") -> None:
    """A legend below, of the classes' names and colours."""
    for k, name in enumerate(names):
        ax.scatter([], [], color=colours(k), marker=marker, s=30, label=name, edgecolors=GREY, linewidths=0.3)
    if names:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=len(names))


def _positions(ax, title) -> None:
    ax.set(title=title, xlabel="$x_{LC}$ (column)", ylabel="$x_{UC}$ (column)", xticks=[0, 6, 12], yticks=[0, 6, 12])
    ax.spines[:].set_visible(True)


def _number(ax, x, y, number) -> None:
    ax.text(
        x,
        y,
        str(number),
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )


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
        _number(ax, *points[group[0]], text(group))


def draw_embedding(ax, points, classes, marked, names=(), title="", limit=None, magnified=1) -> None:
    """Codes in a plane, coloured by their class; some are marked by a number, from 1, those too near each other
    together.

    points (N, 2) in the units of the codes; classes (N,) in 0..K-1; marked: row of each mark; names: of the K classes;
    limit: where both axes end, None: where the points do; magnified: how many times the points are larger than the
    codes
    """
    colours = class_colours(max(classes.max() + 1, 2))
    ax.scatter(
        *points.T,
        c=classes,
        cmap=colours,
        vmin=-0.5,
        vmax=colours.N - 0.5,
        s=14,
        rasterized=True,
        edgecolors=GREY,
        linewidths=0.3,
    )
    _numbers(ax, points[np.asarray(marked, int)], limit or np.abs(points).max())
    unit = "units of the code"
    ax.set(title=title, aspect="equal", xlabel=unit, ylabel=unit, adjustable="datalim")
    if limit:
        ax.set(adjustable="box", xlim=(-limit, limit), ylim=(-limit, limit))
    ax.locator_params(nbins=5)
    if magnified != 1:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda at, _: f"{at / magnified:g}".replace("-", "\N{MINUS SIGN}"))
        ax.text(
            0.02,
            0.98,
            f"magnified \N{MULTIPLICATION SIGN}{magnified:g}",
            transform=ax.transAxes,
            va="top",
            fontweight="bold",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )
    _name_classes(ax, names, colours)


def draw_thumbnail(ax, points, classes, ignores=False) -> None:
    """Codes in a plane, (N, 2) with classes (N,), small, without units or names, and scaled to fill its square; on grey
    where the network ignores its input."""
    colours = class_colours(max(classes.max() + 1, 2))
    ax.scatter(
        *points.T,
        c=classes,
        cmap=colours,
        vmin=-0.5,
        vmax=colours.N - 0.5,
        s=5,
        linewidths=0.15,
        edgecolors=GREY,
        rasterized=True,
    )
    limit = 1.08 * np.abs(points).max()
    ax.set(
        aspect="equal",
        xlim=(-limit, limit),
        ylim=(-limit, limit),
        xticks=[],
        yticks=[],
        facecolor="#D9D9D9" if ignores else "white",
    )
    ax.spines[:].set_visible(True)


def draw_matrix(ax, values, rows, columns, cmap="viridis", limits=(0, 1), title="", colours=None) -> None:
    """A small matrix as colours with the numbers written in: values (R, C), NaN left empty; names of rows, columns.

    colours (R, C): what the colours show, None: the values
    """
    shown = ax.imshow(values if colours is None else colours, cmap=cmap, vmin=limits[0], vmax=limits[1], aspect="auto")
    for (r, c), value in np.ndenumerate(values):
        if np.isfinite(value):
            ground = np.array(shown.cmap(shown.norm(shown.get_array()[r, c]))[:3])
            ink = "black" if ground**2.2 @ [0.2126, 0.7152, 0.0722] > 0.18 else "white"  # the one of more contrast
            ax.text(
                c, r, f"{round(value, 2) + 0:.2f}".replace("-", "\N{MINUS SIGN}"), ha="center", va="center", color=ink
            )
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
    for k in range(1, side):
        ax.axhline(k * side - 0.5, color=GREY, linewidth=0.4)
        ax.axvline(k * side - 0.5, color=GREY, linewidth=0.4)
    ticks = np.arange(0, side, max(side // 6, 1))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks((ticks + 0.5) * side - 0.5, ticks)
    ax.set(title=title, xlabel=label, ylabel=label)
    ax.spines[:].set_visible(True)
    ends = {"extend": "both"} if np.nanmax(np.abs(values)) > limit else {}
    ax.figure.colorbar(shown, ax=ax, label="distortion", fraction=0.046, pad=0.03, **ends)


def draw_noise(ax, columns, probability, frequency) -> None:
    """How often a pixel is open: the rule (line) and a data set (points), against the column: three arrays (13,)."""
    ax.plot(columns, probability, color=GREY, label="the rule")
    ax.plot(columns, frequency, "o", color="black", label="frequency in the set")
    ax.set(xlabel="column of the pixel", ylabel="P(open)", ylim=(-0.03, 1.05), xticks=[0, 3, 6, 9, 12])
    ax.legend()


def draw_sketch(ax, points, classes, title="", arrows=()) -> None:
    """A sketched code of many stimuli in a plane without units: points (N, 2) in -1.5..1.5, classes (N,) in 0, 1.

    arrows: (name, (start, end)) of each axis that is drawn as an arrow, two points each
    """
    for name, (start, end) in arrows:
        ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY})
        ax.annotate(name, end, (end[0] + 0.08, end[1] + 0.02), fontsize=9, color=GREY)
    ax.scatter(*points.T, c=classes, cmap=CLASSES, vmin=0, vmax=1, s=14, edgecolors=GREY, linewidths=0.5)
    ax.set(title=title, xticks=[], yticks=[], aspect="equal", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
    ax.spines[:].set_visible(True)


def draw_network(ax, layers, split) -> None:
    """A network as a column of boxes, top to bottom: layers, a list of (name, shape); split: index of the code."""
    for i, (name, shape) in enumerate(layers):
        colour = "#FBE3D0" if i == split else "#E3ECF5" if i < split else "#E6F0E4"
        text = f"{name}\n{shape}"
        ax.text(
            0.5,
            -i,
            text,
            ha="center",
            va="center",
            linespacing=1.4,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": GREY},
        )
        if i:
            ax.annotate("", (0.5, -i + 0.31), (0.5, -i + 0.69), arrowprops={"arrowstyle": "->", "color": GREY})
    ax.set(xlim=(0, 1), ylim=(-len(layers) + 0.5, 0.5))
    ax.axis("off")


def draw_by_capacity(ax, model, capacities, values, published, label, names=("ours", "published"), shift=0) -> None:
    """A measure of a model's networks against their capacity; published values as open markers on a dashed line.

    capacities (K,) in nats; values (K,), or (S, K) of S seeds: a line for their mean in a band for their range, NaN
    where missing; published (K,) or None; label: the measure and its unit; names: of the two lines; shift: moves all
    sideways by this share of a capacity, so that models don't hide each other
    """
    values, x = np.ma.masked_invalid(np.atleast_2d(values)), np.asarray(capacities) * (1 + shift)
    if published is not None:
        dashed = {"linestyle": "--", "linewidth": 1, "markerfacecolor": "none"}
        ax.plot(x, published, marker=MARKERS[model], color=COLOURS[model], markersize=9, **dashed)
        _name_once(ax, names[1], marker="o", **dashed)
    ax.plot(x, values.mean(0), marker=MARKERS[model], color=COLOURS[model], label=f"{model}, {names[0]}")
    if len(values) > 1:
        ax.fill_between(x, values.min(0), values.max(0), color=COLOURS[model], alpha=0.2, linewidth=0)
    _capacities(ax, capacities)
    ax.set_ylabel(label)


def draw_seeds(ax, model, capacities, values, open, shift=0, apart=0.02, names=()) -> None:
    """A small point a seed, against capacity (nats), beside each other so that equal ones don't hide each other.

    values (S, K), NaN where missing; open (S, K), bool: points drawn as rings; shift: as in `draw_by_capacity`, apart:
    of each from the next; names: of full points and of rings, for the legend of all models
    """
    x = np.asarray(capacities) * (1 + shift + apart * (np.arange(len(values)) - (len(values) - 1) / 2)[:, None])
    for chosen, face in ((np.logical_not(open), COLOURS[model]), (open, "white")):
        ax.plot(
            x[chosen],
            np.asarray(values)[chosen],
            linestyle="",
            marker=MARKERS[model],
            markersize=4,
            color=COLOURS[model],
            markerfacecolor=face,
        )
    for name, face in zip(names, (GREY, "white")):
        ax.plot([], [], linestyle="", marker="o", markersize=4, color=GREY, markerfacecolor=face, label=name)


def draw_levels(ax, models, levels, label) -> None:
    """A level of each model as a dotted line in its colour, with one entry in the legend: levels (K,)."""
    for model, level in zip(models, levels):
        ax.axhline(level, linestyle=":", linewidth=1.2, color=COLOURS[model], zorder=1)
    ax.plot([], [], linestyle=":", linewidth=1.2, color=GREY, label=label)


def draw_ignoring(ax, model, x, y, shift=0) -> None:
    """Networks of a model that ignore their images, as crosses, with one entry in the legend for all: x, y (K,).

    shift: as in `draw_by_capacity`, where x are capacities
    """
    if len(x):
        cross = {
            "linestyle": "",
            "marker": "x",
            "markersize": 6,
            "markeredgewidth": 1.6,
            "path_effects": [withStroke(linewidth=3.2, foreground="white")],
        }
        ax.plot(np.asarray(x) * (1 + shift), y, color=COLOURS[model], zorder=4, **cross)
        _name_once(ax, "ignores its images", **cross)


def _name_once(ax, name, **look) -> None:
    """One grey entry of the legend for what all models have."""
    if all(line.get_label() != name for line in ax.lines):
        ax.plot([], [], color=GREY, label=name, **look)


def _capacities(ax, capacities) -> None:
    ax.set_xscale("log")
    ax.set_xticks(capacities, [f"{c:g}" for c in capacities])
    ax.minorticks_off()
    ax.set_xlabel("capacity $C$ (nats)")


def draw_differences(ax, model, capacities, low, mean, high, shift, tolerance, label) -> None:
    """How far a model's networks lie from published values: (K,) each; from low to high over seeds, marked at the mean.

    capacities stand at even distances; shift: moves the model's marks sideways by this share of one, from -0.5 to 0.5;
    tolerance: half the height of the grey band
    """
    x = np.arange(len(capacities)) + shift
    ax.axhspan(-tolerance, tolerance, color="#EDEDED", zorder=0)
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    ax.vlines(x, low, high, color=COLOURS[model])
    ax.plot(x, mean, linestyle="", marker=MARKERS[model], color=COLOURS[model], label=model)
    for border in x[1:] - shift - 0.5:
        ax.axvline(border, color="#BBBBBB", linewidth=0.8, zorder=0)
    ax.set_xticks(range(len(capacities)), [f"{c:g}" for c in capacities])
    ax.set(xlabel="capacity $C$ (nats)", ylabel=label, xlim=(-0.5, len(x) - 0.5))


def draw_by_gamma(ax, gammas, values, name, label, index=0) -> None:
    """A measure of the baseline against the weight gamma, (K,) each; index: of the line's style, for several lines."""
    ax.plot(
        gammas,
        values,
        color=COLOURS["baseline"],
        label=name,
        **({"marker": "o"}, {"marker": "s", "linestyle": "--", "markerfacecolor": "white"})[index],
    )
    ax.set_xscale("log")
    ax.set_xticks(gammas, [f"{gamma:g}" for gamma in gammas])
    ax.minorticks_off()
    ax.set(xlabel="γ", ylabel=label)


def draw_range_at_gamma(ax, gamma, low, high, label, index=0) -> None:
    """The range of several seeds at one gamma, a bar beside its tick; index: of the line it belongs to."""
    bar = ax.errorbar(
        gamma * (0.93, 0.87)[index],
        (low + high) / 2,
        (high - low) / 2,
        color=GREY,
        linestyle="",
        elinewidth=2.5,
        capsize=4,
        label=label,
    )
    bar.lines[2][0].set_linestyle(("-", "--")[index])


def draw_effects(ax, effects, open, title, label) -> None:
    """One effect a seed, (S,), as points on a line beside zero; rings where open, (S,) bool."""
    ax.axvline(0, color=GREY, linewidth=0.8)
    for chosen, face in ((np.logical_not(open), COLOURS["baseline"]), (open, "none")):
        ax.plot(
            effects[chosen], np.zeros(np.sum(chosen)), "o", color=COLOURS["baseline"], markerfacecolor=face, alpha=0.7
        )
    limit = 1.2 * max(np.abs(np.asarray(effects)).max(initial=0), 1e-9)
    ax.set(title=title, xlabel=label, yticks=[], xlim=(-limit, limit))
    ax.spines["left"].set_visible(False)


def draw_effects_by_capacity(ax, model, capacities, values, open, shift, apart, title, label) -> None:
    """A small point a seed and a line for the mean of the full ones, against capacity (nats): values (S, K), NaN where
    missing.

    open (S, K), bool: points drawn as rings; shift, apart: as in `draw_seeds`
    """
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    mean = np.ma.masked_invalid(np.where(open, np.nan, values)).mean(0)
    ax.plot(np.asarray(capacities) * (1 + shift), mean, color=COLOURS[model], linewidth=1.2)
    draw_seeds(ax, model, capacities, values, open, shift, apart)
    ax.plot([], [], color=COLOURS[model], marker=MARKERS[model], markersize=4, label=model)
    _capacities(ax, capacities)
    ax.set(title=title, ylabel=label)
    ax.legend()


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


def draw_f1(ax, capacities, ours, chance, published={}) -> None:
    """F1 of one task against capacity (nats), a line for each network whose codes are read, above a grey floor: chance.

    ours        model -> (S, K), a small dot a seed and a line for their mean; NaN where missing
    published   model -> (K,), open rings
    """
    ax.axhspan(-1, chance, color="#E6E6E6", linewidth=0, zorder=0)
    for model, values in ours.items():
        values, look = np.ma.masked_invalid(np.atleast_2d(values)), {"color": COLOURS[model], "marker": MARKERS[model]}
        ax.plot(capacities, values.mean(0), **look, markersize=5, label=model)
        if len(values) > 1:
            ax.plot(capacities, values.T, **look, linestyle="", markersize=2.5, alpha=0.5)
        if model in published:
            ax.plot(capacities, published[model], "o", color=COLOURS[model], markersize=10, markerfacecolor="none")
    _capacities(ax, capacities)
    ax.set_ylim(-0.04, 1.06)


def draw_against(ax, rows, tolerance, levels={}, title="") -> None:
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
