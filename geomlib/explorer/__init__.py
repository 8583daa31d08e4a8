"""The pages Explore and Train, and the same as widgets for Jupyter.

    engine.c      the network and its training, as WebAssembly in engine.wasm (`make engine`)
    engine.js     the same for scripts               side.js       one network: its codes, what it makes of a stimulus
    world.js      what is measured of a code         game.js       guess the corridors from what the network kept
    network.js    one trained network                explorer.js   the page around one or two networks, and its state
    stimulus.js   images to show to it               networks.py   what the pages are given
    plot.js       the pictures

The scripts are one, in this order: a page loads them joined, and so does the widget. The page Train has engine.js,
world.js and plot.js, too, and scripts of its own:

    measures.js   the claims' numbers of a code      workers.js    networks that train in workers
    settings.js   what a training depends on         numbers.js    the table of numbers
    board.js      13 x 13 cells to paint on          runlist.js    finished trainings, two of them side by side
    pictures.js   a code in its plane, rate, error   layout.js     the page as HTML
    netfile.js    networks as files                  train.js      the page itself

The home page's live figures are home.js and home.css, with engine.js and world.js; home.py writes what they show.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anywidget
import ipywidgets
import numpy as np
import traitlets

from .. import data, evaluate, figures, measures, paper, runs
from ..spec import Spec, change
from ..train import Run, fit
from .networks import SCRIPT, STYLE, TRAIN, TRAIN_STYLE, export, index, limit, released, train_defaults, weights


def grouped(listed: Sequence[tuple[str, Run]]) -> dict[str, list[tuple[str, Run]]]:
    """Runs of one's own as the page takes them: those of a name and of one form that differ in capacity are one
    network, others stand alone. A run without a name has one by its data, tasks and seed."""
    models: dict[str, list[tuple[str, Run]]] = {}
    form = lambda spec: (spec.latent_dim, spec.layers, spec.channels)
    for given, run in sorted(listed, key=lambda pair: pair[1].spec.capacity):
        alike = lambda spec: (spec.world, spec.counts, spec.tasks)
        own = [m for m in paper.MODELS if alike(run.spec) == alike(paper.spec(m, 3))]
        base = given or f"{own[0] if own else 'own'}" + f" seed {run.spec.seed}" * bool(run.spec.seed)
        names = (base if n == 1 else f"{base} ({n})" for n in range(1, len(listed) + 1))
        fits = lambda other, run=run: other.spec.capacity != run.spec.capacity and form(other.spec) == form(run.spec)
        name = next(n for n in names if all(fits(other) for _, other in models.get(n, ())))
        models.setdefault(name, []).append((f"{name}-c{run.spec.capacity:g}", run))
    return models


class Explorer(anywidget.AnyWidget):
    """The explorer in a notebook, for networks of one's own. Saved with the notebook it needs no kernel.

    runs   a Run or several: those that differ in capacity become one network whose capacity can be moved; names for
           them with a dictionary, as {"mine": [run, other], "plain": third}
    limit  whether the best code of each network's world and rate is computed, too, to stand beside it (half a minute
           for each set of data)
    state  what is shown, as in the address of the book's page: "model=baseline&capacity=3&uc=3&lc=9"; may be set

    `panel` adds controls for what a page can't compute: `sample`, `traverse`, `retrain`.
    """

    _esm = (
        SCRIPT
        + """
    export default { render({ model, el }) {
      const root = document.createElement("div");
      root.className = "explorer";
      el.append(root);
      const load = async (slug) => model.get("_networks")[slug];
      const changed = (hash) => { model.set("state", hash); model.save_changes(); };
      const build = () =>
        Object.assign(geomlib.explore(root, { index: model.get("_index"), load, hash: model.get("state"), changed }),
                      { cloud: model.get("_cloud") });
      let page = build();
      model.on("change:_index", () => { page.close(); page = build(); });
      model.on("change:state", () => { if (model.get("state") !== page.hash()) page.set(model.get("state")); });
      model.on("change:_cloud", () => { page.cloud = model.get("_cloud"); page.update(); });
      return () => page.close();
    } };"""
    )
    _css = STYLE
    _index = traitlets.Dict().tag(sync=True)
    _networks = traitlets.Dict().tag(sync=True)
    _cloud = traitlets.List().tag(sync=True)
    state = traitlets.Unicode().tag(sync=True)

    def __init__(self, runs: Run | Sequence[Run] | Mapping[str, Run | Sequence[Run]], limit: bool = False):
        super().__init__()
        self._with_limit = limit
        runs = runs if isinstance(runs, Mapping) else {"": runs}
        self.named = [
            (str(name), run) for name, some in runs.items() for run in ([some] if isinstance(some, Run) else some)
        ]
        if not self.named:
            raise ValueError("runs must hold one trained network or more, got none; g.fit or geomlib train makes one")
        self._show(self.named[-1][1])

    def _show(self, run: Run) -> None:
        """Send all networks to the page, and choose one."""
        models = grouped(self.named)
        self._chosen = {(name, run.spec.capacity): run for name, listed in models.items() for _, run in listed}
        name, capacity = next(key for key, other in self._chosen.items() if other is run)
        shown = index(models)
        rates = {stop["slug"]: sum(stop["rates"]) for _, stops in shown["models"] for stop in stops}
        self._networks = {
            slug: weights(run.model) | ({"limit": limit(run.spec, rates[slug])} if self._with_limit else {})
            for listed in models.values()
            for slug, run in listed
        }
        self.state = urlencode(dict(parse_qsl(self.state)) | {"model": name, "capacity": f"{capacity:g}"})
        self._cloud = []
        self._index = shown

    @property
    def view(self) -> dict[str, str]:
        """The state as names and values, completed as the page does it."""
        state = dict(parse_qsl(self.state))
        names = [name for name, _ in self._chosen]
        model = state["model"] if state.get("model") in names else names[0]
        trained = [capacity for name, capacity in self._chosen if name == model]

        def number(name: str, usual: float, low: float, high: float) -> float:
            try:
                value = float(state.get(name) or usual)
            except ValueError:
                return usual
            return min(max(value, low), high) if math.isfinite(value) else usual

        capacity = number("capacity", max(trained), min(trained), max(trained))
        pair = {name: str(round(number(name, usual, 0, 12))) for name, usual in (("uc", 3), ("lc", 9))}
        return state | {"model": model, "capacity": f"{capacity:g}"} | pair

    @property
    def run(self) -> Run:
        """The network shown first. Raises ValueError between trained capacities."""
        model, capacity = self.view["model"], float(self.view["capacity"])
        known = [trained for name, trained in self._chosen if name == model]
        nearest = min(known, key=lambda trained: abs(trained - capacity))
        if abs(nearest - capacity) >= 0.01:
            raise ValueError(
                f"{model} has no network at {capacity:g} nats; move its capacity to one of "
                f"{', '.join(f'{trained:g}' for trained in known)}"
            )
        return self._chosen[model, nearest]

    def sample(self, n: int = 300) -> np.ndarray:
        """Codes (n, D) of n draws of the chosen pair; a cloud in the page, where a plane of latents is shown."""
        counts = np.zeros((13, 13), int)
        counts[int(self.view["uc"]), int(self.view["lc"])] = n
        mu, logvar = evaluate.posterior(self.run.model, data.corridors(counts, 0, self.run.spec.world).images)
        if "plane" not in self.view and mu.shape[1] > 1:  # the two latents that carry most
            most = sorted(np.argsort(measures.latent_rates(mu, logvar))[-2:] + 1)
            self.state = urlencode(self.view | {"plane": f"{most[0]},{most[1]}"}, safe=",")
        self._cloud = []  # the page may have dropped the same cloud
        self._cloud = mu.astype(float).round(3).tolist()
        return mu

    def traverse(self, steps: int = 7):
        """A figure: images decoded while each latent goes from -2 to 2, the others at the chosen pair's mean code."""
        from matplotlib.figure import Figure

        code, values = self.sample().mean(0), np.linspace(-2, 2, steps)
        z = np.repeat(code[None, None], len(code), 0).repeat(steps, 1)  # (D, steps, D)
        z[range(len(code)), :, range(len(code))] = values
        images = evaluate.decode(self.run.model, z.reshape(-1, len(code))).reshape(len(code), steps, 13, 13)
        figure = Figure((5, 0.8 * len(code)), layout="constrained", facecolor="white")
        figures.draw_images(
            figure.subplots(),
            images,
            [f"latent {d + 1}" for d in range(len(code))],
            [f"{value:.1f}" for value in values],
        )
        return figure

    def retrain(self, capacity: float, steps: int = 300) -> Run:
        """Train the shown network anew with another capacity, for a few steps, and show it."""
        spec = change(self.run.spec, capacity=capacity, steps=steps, loss="held")
        name = next(name for name, run in self.named if run is self.run)
        (run,) = fit([spec], sources={spec.source: self.run.model})
        self.named.append((name, run))
        self._show(run)
        return run

    def panel(self) -> ipywidgets.VBox:
        """The explorer, with buttons below for what needs a kernel."""
        from IPython.display import display

        output = ipywidgets.Output()
        capacity = ipywidgets.BoundedFloatText(2, min=0, max=100, description="Capacity")
        steps = ipywidgets.BoundedIntText(300, min=1, max=100_000, description="Steps")

        def button(text: str, work) -> ipywidgets.Button:
            def click(_):
                output.clear_output()
                with output:
                    work()

            made = ipywidgets.Button(description=text)
            made.on_click(click)
            return made

        return ipywidgets.VBox(
            [
                self,
                ipywidgets.HBox(
                    [
                        button("Noise", self.sample),
                        button("Traverse", lambda: display(self.traverse())),
                        capacity,
                        steps,
                        button("Retrain", lambda: self.retrain(capacity.value, steps.value)),
                    ]
                ),
                output,
            ]
        )


class Trainer(anywidget.AnyWidget):
    """The page Train in a notebook: two networks train in the browser, and the trained one comes back as a `Run`.

    counts    how often each pair is shown, as of `Spec`: a name of `data.COUNTS`, or a (13, 13) table
    tasks     none, or one: its name in a list, or {name: (13, 13) table of up to 36 classes}
    capacity  nats, 0.1 to 12
    world     a name of `data.WORLDS`: "corridors", "rings" or "blob"
    state     the settings on show, as in the address of the book's page; may be set

    All of them are what the reader starts from, and may change there. `run` is the network that finished last.
    """

    _esm = (
        TRAIN
        + """
    export default { render({ model, el }) {
      const root = document.createElement("div");
      root.className = "explorer trainer";
      el.append(root);
      if (!geomlib.engineRuns()) return void (root.textContent = geomlib.NO_ENGINE);
      const send = (name, value) => { model.set(name, value); model.save_changes(); };
      const page = geomlib.train(root, { spec: model.get("_spec"), hash: model.get("state"),
        changed: (hash) => send("state", hash), trained: (file) => send("_trained", new DataView(file.buffer)) });
      model.on("change:state", () => { if (model.get("state") !== page.hash()) page.set(model.get("state")); });
      return () => page.close();
    } };"""
    )
    _css = STYLE + TRAIN_STYLE
    _spec = traitlets.Dict().tag(sync=True)
    _trained = traitlets.Any(b"").tag(sync=True)  # a file's bytes; from the browser they come as a memoryview
    state = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        counts: Any = "uniform",
        tasks: Any = (),
        capacity: float = 0.3,
        seed: int = 0,
        steps: int = 500,
        world: str = "corridors",
    ):
        super().__init__()
        self._spec = train_defaults()
        self.state = address(Spec(world=world, counts=counts, tasks=tasks, capacity=capacity, seed=seed, steps=steps))

    @property
    def run(self) -> Run:
        """The network that finished last. Raises ValueError where none has."""
        if not self._trained:
            raise ValueError(
                "no network has finished its training yet; press Train in the widget and wait until it is done"
            )
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
            file.write(self._trained)
            file.flush()
            return runs.load_file(file.name)


def address(spec: Spec) -> str:
    """The settings of a spec as the page Train has them in its address; ValueError for what it can't train."""
    if not 0.1 <= spec.capacity <= 12:
        raise ValueError(f"capacity must be 0.1 to 12 nats in the page, got {spec.capacity:g}; g.fit trains any")
    if len(spec.tasks) > 1:
        raise ValueError(f"the page asks one task at most, got {', '.join(spec.tasks)}; g.fit trains them together")
    if spec.from_csv:
        raise ValueError(f"counts must be a name or a (13, 13) table in the page, got the images of {spec.counts}")
    if not isinstance(spec.world, str):
        raise ValueError(f"world must be one of {', '.join(data.WORLDS)} in the page, got a table; g.fit trains any")
    named = spec.counts_name in ("uniform", "bottom", "diagonal")
    state = {"world": spec.world} if spec.world != "corridors" else {}
    state |= {"counts": spec.counts_name if named else ",".join(map(str, np.ravel(spec.counts)))}
    if not named:
        state["usual"] = f"{np.mean(np.ravel(spec.counts)[np.ravel(spec.counts) > 0]):g}"
    state |= {"capacity": f"{spec.capacity:g}", "task": "none"}
    for name, table in spec.tasks.items():
        state["task"] = name
        if name not in data.TASKS:
            if spec.heads[name] > 36:
                raise ValueError(f"task {name!r} has {spec.heads[name]} classes; the page knows tables of 36 at most")
            state["classes"] = "".join(np.base_repr(k, 36).lower() for k in np.ravel(table))
    return urlencode(state | {"seed": spec.seed, "steps": spec.steps}, safe=",")
