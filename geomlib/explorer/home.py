"""The live figures of the home page: the little that they show of the networks, and their still pictures.

`export_home` writes it for the book:

    home.js        the figures' scripts, the engine of the page Train and the numbers of `shown`, in one; home.css
    home-NAME.png  the picture that each figure replaces: for print, and for readers without JavaScript
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from .. import data, figures, measures, paper, results
from ..data import PAIRS, SIDE
from ..results import Codes, Key
from ..spec import Spec
from .networks import ENGINE, HERE, _json, halves, map_noise, question

MODELS = ("baseline", "E1M1", "E1M2", "E2M1", "E2M2", "E2M3", "E2M4")
TRAINING = Spec(steps=240, batch_size=48, capacity=0.3)  # of the small networks that the page trains
# The pairs of neighbouring stimuli, in the order of EDGES in world.js: one to the right, then one down
NEIGHBOURS = np.array([(a, b) for a in range(169) for b in (a + 1, a + SIDE) if b < 169 and (b - a > 1 or b % SIDE)])


def maps(codes: Mapping[Key, Codes], seed: int = 0) -> dict[str, dict[float, np.ndarray]]:
    """Each network's map of its codes, turned to be followed by eye.

    codes    of `results.codes`; of the capacities those that all models there have
    returns  model -> capacity, falling -> points (169, 2) in units of the codes, distances as near as they can be to
             those of the codes. The baseline of most capacity is turned to look like the square of stimuli, its others
             like the one of the next larger capacity, another model like the baseline of its capacity.
    """
    found: dict[str, dict[float, np.ndarray]] = {}
    trained = {m: {c for model, c, s in codes if (model, s) == (m, seed)} for m in MODELS}
    shared = sorted(set.intersection(*filter(None, trained.values())), reverse=True)
    for model in filter(trained.get, MODELS):
        found[model], last = {}, None
        for capacity in shared:
            points = measures.embed(codes[model, capacity, seed][0])
            like = last if model == "baseline" else found["baseline"].get(capacity)
            last = measures.upright(points, PAIRS) if like is None else measures.align(points, like)
            found[model][capacity] = last
    return found


def shown(codes: Mapping[Key, Codes], turned: Mapping[str, Mapping[float, np.ndarray]], seed: int = 0) -> dict:
    """What the page is given of the networks.

    models    name -> stops by rising capacity: capacity (nats), points (169, 2), edges (312) d' of neighbours, both
              float16 in base64, noise: one standard deviation of a code's noise on the map, mean over the stimuli
    tasks     model -> its question in words, and the class of each stimulus (169)
    counts    model -> how often each stimulus is shown (169)
    palettes  colours of 2 classes and of 25
    steps     of the training of the released networks
    training  the spec of the networks that the page trains
    """
    stops = {model: [_stop(c, points, codes[model, c, seed]) for c, points in sorted(by_capacity.items())]
             for model, by_capacity in turned.items()}  # fmt: skip
    tasks = {model: paper.MODELS[model]["tasks"][0] for model in MODELS if model in paper.ONE_HEAD}
    colours = {n: [to_hex(colour) for colour in figures.class_colours(n)(range(n))] for n in (2, 25)}
    return {
        "models": stops,
        "tasks": {
            model: {"question": question(task, data.TASKS[task]), "labels": data.TASKS[task].table.ravel().tolist()}
            for model, task in tasks.items()
        },
        "counts": {model: data.COUNTS[paper.MODELS[model]["counts"]].ravel().tolist() for model in ("E1M1", "E1M2")},
        "palettes": colours,
        "steps": paper.spec("baseline", 10).steps,
        "training": dataclasses.asdict(TRAINING),
    }


def _stop(capacity: float, points: np.ndarray, code: Codes) -> dict:
    """One network as the page has it."""
    edges = measures.dprime_of(*code)[*NEIGHBOURS.T]
    noise = map_noise(*code).mean()  # over the stimuli
    return {"capacity": capacity, "points": halves(points), "edges": halves(edges), "noise": round(float(noise), 4)}


def export_home(folder: str | Path, codes: Mapping[Key, Codes] | None = None) -> None:
    """Write the home page's figures into a folder; codes: of `results.codes`, None: of the released networks."""
    folder, codes = Path(folder), codes or results.released("capacities")[0]
    folder.mkdir(parents=True, exist_ok=True)
    turned = maps(codes)
    (folder / "home.js").write_text(
        ENGINE
        + f"geomlib.home = {_json(shown(codes, turned))};\n"
        + "".join((HERE / f"{name}.js").read_text() for name in ("text", "base64", "world", "measures", "plot", "home"))
    )
    (folder / "home.css").write_text((HERE / "home.css").read_text())
    for name, figure in (
        ("hand", hand()),
        ("capacity", capacities(codes, turned)),
        ("frequency", frequencies(codes)),
        ("question", questions(codes, turned)),
    ):
        figure.savefig(folder / f"home-{name}.png", dpi=120, metadata={"Software": None})


def _axes(columns: int, rows: int = 1, width: float = 1.6, height: float = 1.9) -> tuple[Figure, np.ndarray]:
    """A figure and its axes (rows, columns), of a width and height in inches each."""
    figure = Figure((width * columns, height * rows), facecolor="white", layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def hand() -> Figure:
    """Five stimuli placed on a line in three ways: their noise overlaps less, the further apart and the dearer."""
    figure, axes = _axes(3, width=2.4, height=1.8)
    for ax, step in zip(axes[0], (0.5, 1.5, 3)):
        at = step * np.arange(-2, 3)  # in standard deviations of the noise
        for x, colour in zip(at, colormaps["viridis"](np.linspace(0.1, 0.9, 5))):
            ax.add_patch(Circle((x, 0), 1, color=colour, alpha=0.3))
            ax.plot(x, 0, "o", color=colour, markeredgecolor="black", markersize=4)
        cost, told = 0.5 * np.log1p(at.var()), 100 * measures.proportion_correct(step)
        ax.set(title=f"{cost:.2f} nats\n{told:.0f} % told apart", aspect="equal", xticks=[], yticks=[])
        ax.set(xlim=(-7.5, 7.5), ylim=(-4, 4))
        ax.title.set_fontsize(9)
    return figure


def capacities(codes: Mapping[Key, Codes], turned: Mapping) -> Figure:
    """The baseline's map at each capacity, all on one scale."""
    stops = dict(sorted(turned["baseline"].items()))
    chosen = [c for c in stops if c in paper.CAPACITIES]
    figure, axes = _axes(len(chosen))
    for ax, c in zip(axes[0], chosen):
        _map(ax, stops[c], codes["baseline", c, 0], np.zeros(169, int), figures.nats(c))
        noise = map_noise(*codes["baseline", c, 0]).mean()
        ax.add_patch(Circle(stops[c][84], noise, color="#0a7d91", alpha=0.18, linewidth=0))
    return figure


def frequencies(codes: Mapping[Key, Codes]) -> Figure:
    """How often stimuli are shown, above what the network of 0.3 nats then tells apart."""
    figure, axes = _axes(3, rows=2, width=2.3, height=2.3)
    for (above, below), model in zip(axes.T, ("baseline", "E1M1", "E1M2")):
        counts = data.COUNTS[paper.MODELS[model].get("counts", "uniform")]
        above.imshow(counts / counts.mean(), cmap="Blues", vmin=0, vmax=3)
        resolution = measures.resolution_of(*codes[model, 0.3, 0])
        lines = figures.draw_resolution(below, resolution, 0.6, bar=False, width=3)
        above.set_title(f"shown to {model}", fontsize=9)
        for ax in (above, below):
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        if model == "E1M2":
            figure.colorbar(lines, ax=axes[1], label="d′", fraction=0.03)
    return figure


def questions(codes: Mapping[Key, Codes], turned: Mapping) -> Figure:
    """The maps of the baseline and of the networks that are asked one question, at 3 nats."""
    figure, axes = _axes(len(paper.ONE_HEAD) + 1)
    for ax, model in zip(axes[0], ("baseline", *paper.ONE_HEAD)):
        task = paper.MODELS[model].get("tasks", ("order",))[0]
        title = "nothing asked" if model == "baseline" else task
        _map(ax, turned[model][3], codes[model, 3, 0], data.TASKS[task].table.ravel(), title)
    return figure


def _map(ax, points: np.ndarray, code: Codes, classes: np.ndarray, title: str) -> None:
    """One map, its lines shaded by resolution up to d' = 8; all have one scale."""
    figures.draw_map(ax, points, classes, measures.resolution_of(*code), 8, end=2.9, size=5)
    ax.set_title(title, fontsize=9)
    ax.set(xticks=[], yticks=[])
