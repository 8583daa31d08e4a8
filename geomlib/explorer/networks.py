"""The trained networks as the page reads them: what the page's JavaScript is given.

`export` writes it for the book:

    explorer.js   all scripts of Explore in one; explorer.css
    train.js      those of Train, and the defaults of a spec; train.css, which follows explorer.css
    index.js      what is shown before a network is chosen: `index` below
    SLUG.js       one network, loaded when it is chosen: `weights` and `limit` below
    still.png     the picture for print and for readers without JavaScript; train.png, that of Train
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from .. import data, evaluate, measures, paper, places, results, runs, theory
from ..data import PAIRS, SIDE
from ..figures import class_colours
from ..spec import Spec, differing
from ..train import Run

HERE = Path(__file__).parent
ENGINE = (
    (HERE / "engine.js").read_text()
    + f'geomlib.wasm = "{base64.b64encode((HERE / "engine.wasm").read_bytes()).decode()}";\n'
)  # a script that needs no other file
SCRIPT = ENGINE + "".join(
    (HERE / f"{name}.js").read_text()
    for name in ("text", "base64", "world", "network", "stimulus", "plot", "side", "game", "explorer")
)
TRAIN = ENGINE + "".join(
    (HERE / f"{name}.js").read_text()
    for name in (
        *("text", "base64", "world", "measures", "settings", "board", "plot", "pictures", "netfile"),
        *("workers", "numbers", "runlist", "layout", "train"),
    )
)
TRAIN_STYLE = (HERE / "train.css").read_text()
STYLE = (HERE / "explorer.css").read_text()
IMAGES = slice(185_000, 190_000)  # of `uniform`'s test part, about 30 of each pair: their codes are averaged
FAR = 12  # d' from which the limit's is written as endless: two such stimuli are never taken for each other
SAW = {
    "uniform": "saw all pairs equally often",
    "bottom": "saw lower corridors in columns 0 to 6 more often",
    "bottom_small": "saw lower corridors in columns 0 to 6 more often",
    "diagonal": "saw two corridors in one column more often",
}

Models = Mapping[str, Sequence[tuple[str, Run]]]  # name -> (slug, run) of each capacity, ascending


def halves(array) -> str:
    """An array as little-endian float16 in base64."""
    return base64.b64encode(np.asarray(array, "<f2").tobytes()).decode()


def weights(model) -> dict:
    """A network as network.js reads it: its parameters' names and shapes, and their values one after the other; nothing
    for one of other layers than the paper's, which the engine can't compute: it has a map, and no image."""
    if (model.layers, model.channels) != ("convolutions", 256):
        return {}
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    return {
        "shapes": [(name, value.shape) for name, value in state.items()],
        "weights": halves(np.concatenate([value.ravel() for value in state.values()])),
    }


def limit(spec: Spec, rate: float) -> str:
    """d' of each two stimuli in the best code of a network's world, frequencies and loss at its rate (nats): (169, 169)
    bytes in base64, byte b for a d' of FAR (b / 254)^2, 255 for a larger one or a stimulus without images. The best
    code of the images alone: tasks are left out. Nothing if the images are those of a file that isn't here."""
    if isinstance(spec.counts, str) and not Path(spec.counts).is_file():
        return ""
    found = theory.limit_dprime(rate=float(f"{rate:.2g}"), **spec.theory())
    written = np.where(found < FAR, 254 * np.sqrt(np.minimum(found, FAR) / FAR), 255)
    return base64.b64encode(written.round().astype(np.uint8).tobytes()).decode()


def index(models: Models, codes: Mapping[tuple[str, float], results.Codes] | None = None) -> dict:
    """Everything the page shows before a network is loaded.

    models   the networks; codes: (name, capacity) -> mean codes and variances (169, D) of more of the paper's networks,
             whose weights are not at hand: they have a map, and no image

    Returns
    models   pairs of a name and a list, by capacity, of: capacity, slug, about (its training in words), commands (that
             reproduce it), world (of `worlds`), rates (D) of the latents in nats, and as float16 in base64 codes and
             spreads (169, D), the noise on a code, map and mapSpreads (169, 2)
    worlds   of each: name, "corridors" or "own", and wall, P(wall) of each pair's pixels, (169, 169) bytes in base64
    tasks    task -> the question its head is asked, its classes in words, the true class of each pair
    colours  pairs of a name, a position or classes, and a list of each pair's colour

    Where order counts there are lists: a saved notebook sorts its dictionaries.
    """
    specs = [run.spec for listed in models.values() for _, run in listed]
    worlds = list(dict.fromkeys(spec.world for spec in specs))
    tasks = data.TASKS | {name: spec.task(name) for spec in specs for name in spec.tasks}
    listed, codes = {}, codes or {}
    for name, some in models.items():
        stops = [_measured(name, slug, run) for slug, run in some]
        stops += [_stop(name, paper.slug(*key), paper.spec(*key), *codes[key]) for key in codes if key[0] == name]
        listed[name] = sorted(stops, key=lambda stop: stop["capacity"])
        for stop in stops:
            stop["world"] = worlds.index(stop["world"])
    return {
        "models": list(listed.items()),
        "worlds": [_world(world) for world in worlds],
        "tasks": {name: _answers(name, task) for name, task in tasks.items()},
        "colours": _colours(),
    }


def _world(world: str | tuple) -> dict:
    """A world as the page draws its stimuli."""
    wall = (255 * data.world_table(world)).round().astype(np.uint8)
    return {"name": world if isinstance(world, str) else "own", "wall": base64.b64encode(wall.tobytes()).decode()}


def _measured(name: str, slug: str, run: Run) -> dict:
    """One trained capacity of a model, from codes of images of its own world."""
    images, factors = (part[IMAGES] for part in evaluate.drawn("uniform", 0, run.spec.world))
    mu, logvar = evaluate.posterior(run.model, images)
    stop = _stop(name, slug, run.spec, *measures.stimulus_codes(mu, logvar, factors))
    return stop | {"rates": measures.latent_rates(mu, logvar).round(4).tolist()}


def _stop(name: str, slug: str, spec: Spec, codes: np.ndarray, variances: np.ndarray) -> dict:
    """One trained capacity of a model, from its mean codes and their variances (169, D); the rates are those of such
    codes, without what they tell of one image of a stimulus."""
    return {
        "capacity": spec.capacity,
        "slug": slug,
        "about": about(spec),
        "commands": commands(name, spec),
        "world": spec.world,
        "rates": measures.latent_rates(codes, np.log(variances)).round(4).tolist(),
        "codes": halves(codes),
        "spreads": halves(np.sqrt(variances)),
        "map": halves(measures.upright(measures.embed(codes), PAIRS)),
        "mapSpreads": halves(np.stack([map_noise(codes, variances)] * 2, 1)),
    }


def map_noise(codes: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """One standard deviation of each code's noise on the map, in units of the codes: (169, D) each -> (169,)."""
    used = codes.var(0) / codes.var(0).sum()  # on the map, latents count as far as codes differ in them
    return np.sqrt(variances @ used)


def about(spec: Spec) -> str:
    """What a network was trained on, in a few words."""
    saw = SAW.get(spec.counts_name, f"saw {'images' if spec.from_csv else 'frequencies'} of its own")
    saw = saw if isinstance(spec.world, str) else f"{saw}, in a world of its own"
    if not spec.tasks:
        return saw
    questions = [question(name, spec.task(name)) for name in spec.tasks]
    asked = f"was asked: {questions[0]}?" if len(questions) == 1 else f"was asked {len(questions)} questions"
    return asked if saw == SAW["uniform"] else f"{saw}, {asked}"


def question(name: str, task: data.Task) -> str:
    """What a task asks of an image, in a few words."""
    return task.words if task.words and task.n_classes == 2 else f"which {name}" if task.words else name


def commands(name: str, spec: Spec) -> list[str]:
    """What makes a network's figures, by our command and by papermill; for a network of one's own its training."""
    if name not in paper.MODELS or spec.capacity not in paper.CAPACITIES or spec != paper.spec(name, spec.capacity):
        fields = {field: repr(value) for field, value in differing(spec, Spec()).items()}
        if "counts" in fields:  # a table of one's own is too long to be read
            fields["counts"] = repr(spec.counts_name) if spec.counts_name != "own table" else "counts"
        if "tasks" in fields:
            fields["tasks"] = repr(list(spec.tasks)) if all(spec.task(name).words for name in spec.tasks) else "tasks"
        if "world" in fields:
            fields["world"] = "world"
        follow = Spec(counts=spec.counts, loss=spec.loss, steps=spec.steps, source=spec.source, tasks=spec.tasks)
        given = differing(spec, follow).keys() | {"counts", "loss", "steps", "source", "tasks"}
        fields = {name: value for name, value in fields.items() if name in given}
        sources = f", sources={{{spec.source!r}: network}}" if spec.source else ""
        return [
            f"geomlib.fit([geomlib.Spec({', '.join(f'{field}={value}' for field, value in fields.items())})]{sources})"
        ]
    page, values = "geometry", f"-p model {name}"
    if name == "baseline" or spec.capacity not in (0.3, 10):  # geometry shows these alone, and a model
        page, values = "capacity", f"-p model {name}"  # all its capacities
    return [
        f"geomlib page {page} {values}",
        f"jupytext --to ipynb -o - notebooks/{page}.md | papermill - out.ipynb {values} -k python3",
    ]


def _answers(name: str, task: data.Task) -> dict:
    """The question a head answers, its classes in words, and the true class of each pair."""
    n_classes, labels = task.n_classes, task.labels(PAIRS)
    names = (
        ["no", "yes"] if n_classes == 2 else [_positions(PAIRS[labels == k]) or f"class {k}" for k in range(n_classes)]
    )
    return {"question": question(name, task), "classes": names, "truth": labels.tolist()}


def _positions(pairs: np.ndarray) -> str:
    """Words for pairs (K, 2) that are all those of some columns beside each other, as a region; else ""."""
    low, high = pairs.min(0, initial=SIDE), pairs.max(0, initial=0)
    if len(pairs) == 0 or len(pairs) < np.prod(high - low + 1):
        return ""
    return ", ".join(f"{x} {a}" if a == b else f"{x} {a}–{b}" for x, a, b in zip(("x_UC", "x_LC"), low, high))


def _colours() -> list[tuple[str, list[str]]]:
    """Name, a colour of each pair: by position, and by the classes of each model's figures."""
    shades = matplotlib.colormaps["viridis"](np.linspace(0.08, 0.95, 13))
    by_name = {"x_UC": shades[PAIRS[:, 0]], "x_LC": shades[PAIRS[:, 1]]}
    for text, models in (
        ("x_LC ≤ 6", ("E1M1",)),
        (data.TASKS["aligned"].words, ("E1M2", "E2M3")),
        (data.TASKS["order"].words, ("E2M1",)),
        (data.TASKS["quadrant"].words, ("E2M2",)),
        ("25 regions", ("E2M4", "E2M5")),
    ):
        palette = np.array(class_colours(25 if "regions" in text else 2).colors)
        by_name[f"{text} ({', '.join(models)})"] = palette[paper.classes(models[0], PAIRS)]
    return [(name, [to_hex(colour) for colour in colours]) for name, colours in by_name.items()]


def released(folder: str | Path | None = None) -> dict[str, list[tuple[str, Run]]]:
    """The paper's networks of seed 0 in a folder of runs (None: the released ones), as far as they are there."""
    folder = folder or places.released_runs()
    found = {
        m: [
            (slug, runs.load(Path(folder, slug)))
            for c in paper.CAPACITIES
            if Path(folder, slug := paper.slug(m, c)).is_dir()
        ]
        for m in paper.MODELS
    }
    if not any(found.values()):
        raise ValueError(
            f"{folder} holds no network of the paper with seed 0, like baseline-c10-s0; train one: "
            "geomlib train baseline"
        )
    return {model: listed for model, listed in found.items() if listed}


def export(folder: str | Path, models: Models | None = None, codes: Mapping | None = None) -> None:
    """Write everything the book's page needs into a folder, from the released runs or others. codes: as of `index`."""
    folder, codes = Path(folder), codes or {}
    if models is None:
        models = released()
        known = {(name, run.spec.capacity) for name, listed in models.items() for _, run in listed}
        more, _ = results.released("capacities")
        codes = {(m, c): both for (m, c, _), both in more.items() if (m, c) not in known}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "explorer.js").write_text(SCRIPT)
    (folder / "explorer.css").write_text(STYLE)
    export_train(folder)
    listed = index(models, codes)
    (folder / "index.js").write_text(f"geomlib.index = {_json(listed)};\n")
    rates = {stop["slug"]: sum(stop["rates"]) for _, stops in listed["models"] for stop in stops}

    def write(slug: str, spec: Spec, network: dict) -> None:
        given = network | {"limit": limit(spec, rates[slug])}
        (folder / f"{slug}.js").write_text(f"geomlib.networks[{_json(slug)}] = {_json(given)};\n")

    for slug, run in (pair for pairs in models.values() for pair in pairs):
        write(slug, run.spec, weights(run.model))
    for key in codes:
        write(paper.slug(*key), paper.spec(*key), {})
    still(listed, folder / "still.png")


def export_train(folder: Path) -> None:
    """Write the page Train's own files: its scripts with the spec that it starts from, its style, its still picture."""
    (folder / "train.js").write_text(TRAIN + f"geomlib.spec = {_json(train_defaults())};\n")
    (folder / "train.css").write_text(TRAIN_STYLE)
    codes = results.codes()
    maps = []
    for title, model, capacity, colours in (
        ("0.3 nats", "baseline", 0.3, "x_UC"),
        ("10 nats", "baseline", 10, "x_UC"),
        ("0.3 nats,\nx_LC ≤ 6 more often", "E1M1", 0.3, "x_LC ≤ 6 (E1M1)"),
        ("1 nat,\nis x_UC ≤ x_LC?", "E2M1", 1, f"{data.TASKS['order'].words} (E2M1)"),
    ):
        means, _ = codes[model, capacity, 0]
        maps.append((title, measures.upright(measures.plane(means), PAIRS), dict(_colours())[colours]))
    _draw_maps(maps, folder / "train.png")


def train_defaults() -> dict:
    """The fields of the spec that the page Train starts from."""
    return dataclasses.asdict(Spec(steps=500, capacity=0.3))


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def still(listed: dict, path: Path) -> None:
    """The maps of the first model at the paper's capacities, or all it has, coloured by x_UC."""
    _, every = listed["models"][0]
    stops = [stop for stop in every if stop["capacity"] in paper.CAPACITIES] or every
    colours = dict(listed["colours"])["x_UC"]
    points = lambda stop: np.frombuffer(base64.b64decode(stop["map"]), "<f2").reshape(169, 2).astype(float)
    _draw_maps([(f"{stop['capacity']:g} nats", points(stop), colours) for stop in stops], path)


def _draw_maps(maps: Sequence[tuple[str, np.ndarray, list[str]]], path: Path) -> None:
    """A picture of maps side by side in one scale, each a title, points (169, 2) and their colours."""
    from matplotlib.figure import Figure

    figure = Figure((1.8 * len(maps), 2.2), dpi=150, facecolor="white", layout="constrained")
    axes = figure.subplots(1, len(maps), sharex=True, sharey=True, squeeze=False)[0]
    for ax, (title, points, colours) in zip(axes, maps):
        ax.scatter(*points.T, s=9, c=colours)
        ax.set(title=title, aspect="equal", xticks=[], yticks=[])
    figure.savefig(path, metadata={"Software": None})
