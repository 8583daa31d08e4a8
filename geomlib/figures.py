"""Drawing: draw_*(ax, arrays) puts arrays on a matplotlib axis and computes nothing.

Figures are about 5 inches wide with 10 point text, so that they stay readable on a page 400 pixels wide, and have an
opaque white ground, so that they read alike on light and dark pages.
"""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle

# One colour and marker a model, everywhere. Models that share a figure differ for colour-blind eyes too, and all stand
# out from white (contrast of 3 to 1 or more).
COLOURS = {"baseline": "#000000", "E1M1": "#D55E00", "E1M2": "#0072B2", "E2M1": "#B87700", "E2M2": "#2E8FC8",
           "E2M3": "#00805E", "E2M4": "#CC5C99", "E2M5": "#6A1B4D"}
MARKERS = {"baseline": "o", "E1M1": "s", "E1M2": "D", "E2M1": "^", "E2M2": "v", "E2M3": "<", "E2M4": ">", "E2M5": "P"}
GREY = "#595959"                             # published values, limits, notes
CLASSES = ListedColormap(["#E8E4D8", "#4A6FA5"])             # of a binary task: 0, 1
STYLE = {
    "figure.figsize": (5, 3.4), "figure.dpi": 120, "figure.facecolor": "white", "savefig.facecolor": "white",
    "figure.constrained_layout.use": True, "axes.facecolor": "white", "axes.spines.top": False,
    "axes.spines.right": False, "font.size": 10, "axes.titlesize": 10, "axes.labelsize": 10, "xtick.labelsize": 9,
    "ytick.labelsize": 9, "legend.fontsize": 9, "legend.frameon": False, "lines.linewidth": 1.6, "lines.markersize": 6,
    "image.interpolation": "nearest", "svg.hashsalt": "geomlib",  # equal figures, equal bytes
}


def style() -> None:
    """Set the look of all figures; in a notebook they become SVG, sharp at any size, of the size that is asked for."""
    matplotlib.rcParams.update(STYLE)
    from IPython import get_ipython

    if get_ipython():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None}, bbox_inches=None)


def draw_images(ax, images, rows=(), columns=()) -> None:
    """A table of images with a gap between them: 0 (open) is white, 1 (wall) black.

    images (R, C, 13, 13) in 0..1; rows, columns: texts beside and above, or none
    """
    r, c, side, _ = images.shape
    table = np.full((r, side + 2, c, side + 2), np.nan)
    table[:, 1:-1, :, 1:-1] = np.moveaxis(images, 1, 2)
    ax.imshow(table.reshape(r * (side + 2), -1), cmap="gray_r", vmin=0, vmax=1, aspect="equal")
    middle = side / 2 + 0.5 + (side + 2) * np.arange(max(r, c))
    ax.set_xticks(middle[:len(columns)], columns)
    ax.set_yticks(middle[:len(rows)], rows)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for corner in np.ndindex(r, c):
        y, x = (side + 2) * np.array(corner) + 0.5
        ax.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=GREY, linewidth=0.6))
    ax.spines[:].set_visible(False)


def draw_map(ax, values, label="", limits=(None, None), title="") -> None:
    """A number at each pair of positions, x_uc down and x_lc across, with its colour bar: values (13, 13)."""
    shown = ax.imshow(values, cmap="viridis", vmin=limits[0], vmax=limits[1], origin="upper")
    ax.figure.colorbar(shown, ax=ax, label=label, fraction=0.046, pad=0.03)
    _positions(ax, title)


def draw_classes(ax, labels, title="") -> None:
    """The class of each pair of positions, x_uc down and x_lc across, with a line between classes: labels (13, 13)."""
    binary = labels.max() == 1
    ax.imshow(labels, cmap=CLASSES if binary else "viridis")
    if not binary:
        row, column = np.nonzero(np.diff(labels, axis=0))
        ax.hlines(row + 0.5, column - 0.5, column + 0.5, color="white", linewidth=1)
        row, column = np.nonzero(np.diff(labels, axis=1))
        ax.vlines(column + 0.5, row - 0.5, row + 0.5, color="white", linewidth=1)
    _positions(ax, title)


def _positions(ax, title) -> None:
    ax.set(title=title, xlabel="$x_{LC}$ (column)", ylabel="$x_{UC}$ (column)", xticks=[0, 6, 12], yticks=[0, 6, 12])
    ax.spines[:].set_visible(True)


def draw_noise(ax, columns, probability, frequency) -> None:
    """How often a pixel is open: the rule (line) and a data set (points), against the column: three arrays (13,)."""
    ax.plot(columns, probability, color=GREY, label="the rule")
    ax.plot(columns, frequency, "o", color="black", label="frequency in the set")
    ax.set(xlabel="column of the pixel", ylabel="P(open)", ylim=(-0.03, 1.05), xticks=[0, 3, 6, 9, 12])
    ax.legend()


def draw_sketch(ax, points, classes, title="") -> None:
    """A sketched code of many stimuli in a plane without units: points (N, 2) in -1.5..1.5, classes (N,) in 0, 1."""
    ax.scatter(*points.T, c=classes, cmap=CLASSES, vmin=0, vmax=1, s=16, edgecolors=GREY, linewidths=0.5)
    ax.set(title=title, xticks=[], yticks=[], aspect="equal", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
    ax.spines[:].set_visible(True)


def draw_network(ax, layers, split) -> None:
    """A network as a column of boxes, top to bottom: layers, a list of (name, shape); split: index of the code."""
    for i, (name, shape) in enumerate(layers):
        colour = "#FBE3D0" if i == split else "#E3ECF5" if i < split else "#E6F0E4"
        text = f"{name}\n{shape}"
        ax.text(0.5, -i, text, ha="center", va="center", linespacing=1.4,
                bbox={"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": GREY})
        if i:
            ax.annotate("", (0.5, -i + 0.31), (0.5, -i + 0.69), arrowprops={"arrowstyle": "->", "color": GREY})
    ax.set(xlim=(0, 1), ylim=(-len(layers) + 0.5, 0.5))
    ax.axis("off")


def draw_by_capacity(ax, model, capacities, values, published, label) -> None:
    """A measure of a model's networks against their capacity; published values as open grey markers.

    capacities (K,) in nats, values (K,), published (K,) or NaN where none is published; label: the measure and its unit
    """
    ax.plot(capacities, published, linestyle=":", marker=MARKERS[model], color=GREY, markerfacecolor="white",
            markersize=10, label=f"{model}, published")
    ax.plot(capacities, values, marker=MARKERS[model], color=COLOURS[model], label=f"{model}, ours")
    ax.set_xscale("log")
    ax.set_xticks(capacities, [f"{c:g}" for c in capacities])
    ax.minorticks_off()
    ax.set(xlabel="capacity $C$ (nats)", ylabel=label)
    ax.legend()


def draw_limit(ax, rates, distortions) -> None:
    """The rate-distortion limit: least distortion at each rate (nats), both (P,); what lies below is shaded."""
    ax.plot(rates, distortions, color=GREY, label="limit for codes of the positions")
    ax.fill_between(rates, distortions, color="#EDEDED", linewidth=0)
    ax.set(xlabel="rate (nats)", ylabel="mean squared pixel error", xlim=(0, None))


def draw_on_limit(ax, model, rates, distortions, names=()) -> None:
    """A model's networks on the plane of rate (nats) and distortion, (K,) each; names: a text beside each."""
    ax.plot(rates, distortions, linestyle="", marker=MARKERS[model], color=COLOURS[model], label=f"{model}, ours")
    for x, y, name in zip(rates, distortions, names):
        ax.annotate(name, (x, y), (5, 5), textcoords="offset points", fontsize=9)
    ax.legend()
