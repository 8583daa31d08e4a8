"""The explorer in a real browser: it computes what torch computes, and its controls do what they say, offline.

A small book is built from the real settings: the explorer's page, with released networks, a fresh one that has every
head and one of a world of its own; Train; and a notebook with the widget. Every picture's numbers are compared with
torch, or with the index as Python wrote it.
"""

import base64
import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import yaml

from geomlib import BetaVAE, Spec, corridors, data, measures, paper, results, theory
from geomlib.explorer import Explorer, networks
from geomlib.train import Run

WIDGET = "document.querySelector('.explorer')?.explorer?.sides[0].network"  # there, and its first network has come
PIXELS = "[...explorer.sides[{}].network.pixels]"
STILL = {"reduced_motion": "reduce"}  # the first view doesn't play
WORLD = (
    np.random.default_rng(1).random((13, 13, 13, 13)).round(2)
)  # of one's own: each pair has an image that no other has


# --- the small book -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def models():
    """Released networks, a fresh one with every head at two capacities, and one of a world of its own."""

    def fresh(capacity, tasks=(), **fields):
        torch.manual_seed(capacity)
        model = BetaVAE(heads={task: data.TASKS[task].n_classes for task in tasks})
        with torch.no_grad():
            for parameter in model.parameters():  # larger, so that answers differ; rounded, as they are sent
                parameter.copy_((2 * parameter).half())
        return Run(Spec(capacity=capacity, tasks=tuple(tasks), **fields), model, None)

    found = networks.released()
    named = {name: found[name] for name in ("baseline", "E1M1", "E2M1", "E2M3")}
    return named | {
        "all": [(f"all-c{capacity}", fresh(capacity, data.TASKS)) for capacity in (1, 10)],
        "noise": [("noise-c3", fresh(3, world=WORLD))],
    }


@pytest.fixture(scope="session")
def all_runs(models):
    return {slug: run for listed in models.values() for slug, run in listed}


@pytest.fixture(scope="session")
def codes():
    """A capacity of which there are codes alone."""
    return {("E2M1", 2.0): results.codes()["E2M1", 1.0, 0]}


@pytest.fixture(scope="session")
def index(models, codes):
    return networks.index(models, codes)


@pytest.fixture(scope="session")
def book(models, codes, tmp_path_factory):
    """The folder of the small book's HTML."""
    pytest.importorskip("jupyter_book", reason="a book needs the extra `book`")
    root = tmp_path_factory.mktemp("book")
    shutil.copytree(paper.ROOT / "book/_static/vendor", root / "book/_static/vendor")
    shutil.copytree(paper.ROOT / "book/_ext", root / "book/_ext")
    for name in (
        "_config.yml",
        "book/_static/custom.css",
        "book/_static/names.js",
        "book/_static/code.js",
        "book/references.bib",
        "pyproject.toml",
        "book/_static/mark.svg",
    ):
        shutil.copy(paper.ROOT / name, root / name)
    for name in ("explore", "train"):  # without their links: other pages aren't here
        text = (paper.ROOT / f"book/{name}.md").read_text()
        (root / f"book/{name}.md").write_text(re.sub(r"\[(\w[^]]*)\]\([\w/.#]+\)", r"\1", text))
    networks.export(root / "book/_static/explorer", models, codes)
    widget = Explorer([run for _, run in models["all"]])
    widget.state = "model=own&capacity=10&uc=2&lc=7"
    shown = nbformat.v4.new_output(
        "display_data",
        {
            "application/vnd.jupyter.widget-view+json": {
                "model_id": widget.model_id,
                "version_major": 2,
                "version_minor": 1,
            }
        },
    )
    cell = nbformat.v4.new_code_cell("Explorer(runs)", execution_count=1, outputs=[shown])
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A widget"), cell],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "widgets": {"application/vnd.jupyter.widget-state+json": widget.get_manager_state()},
        },
    )
    nbformat.write(notebook, root / "book/widget.ipynb")
    toc = {"format": "jb-book", "root": "book/explore", "chapters": [{"file": "book/train"}, {"file": "book/widget"}]}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc))
    command = [Path(sys.executable).with_name("jupyter-book"), "build", root, "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_build/html"


@pytest.fixture(scope="session")
def served(book):
    """The small book's address on a server of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=book))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def opened(visit, book):
    page = visit(f"file://{book}/book/explore.html", ready=WIDGET, **STILL)
    page.evaluate("globalThis.explorer = document.getElementById('explorer').explorer")
    return page


@pytest.fixture
def page(opened):
    """The explorer, one network, at its start, with all unfolded but the game."""
    show(opened, "model=all&capacity=10&uc=3&lc=9")
    opened.evaluate("explorer.root.querySelectorAll('details:not(.game)').forEach(part => { part.open = true; })")
    return opened


def show(page, state):
    page.evaluate("state => explorer.set(state)", state)
    page.wait_for_function("explorer.sides[0].network")


def drawn(page, expression):
    """The value of an expression after the page has drawn."""
    return page.evaluate(
        """async expression => {
        for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
        return eval(expression);
    }""",
        expression,
    )


def part(page, name, second=False):
    return page.locator(f".explorer [name={name}]").nth(int(second))


def slide(page, slider, part, release=True):
    """Drag a slider's thumb with the mouse to a part (0..1) of its track, and let it go."""
    slider.scroll_into_view_if_needed()
    box, at = slider.bounding_box(), float(slider.evaluate("s => (s.value - s.min) / (s.max - s.min)"))
    x = lambda fraction: box["x"] + 8 + fraction * (box["width"] - 16)
    page.mouse.move(x(at), box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(x((at + part) / 2), box["y"] + box["height"] / 2)
    page.mouse.move(x(part), box["y"] + box["height"] / 2)
    if release:
        page.mouse.up()


# --- what Python knows ----------------------------------------------------------------------------------------


def halves(text, *shape):
    return np.frombuffer(base64.b64decode(text), "<f2").astype(np.float32).reshape(shape)


def stops(index, model):
    return dict(index["models"])[model]


@torch.inference_mode()
def reconstruction(run, image):
    """image (169) -> mean code (D), decoded mean code (169)."""
    mu, _ = run.model.encode(torch.tensor(image, dtype=torch.float32).view(1, 1, 13, 13))
    return mu[0].numpy(), run.model.decode(mu).flatten().numpy()


@torch.inference_mode()
def decoded(run, z):
    return run.model.decode(torch.tensor(z, dtype=torch.float32)[None]).flatten().numpy()


def near(ours, theirs, tolerance=1e-4):
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), atol=tolerance, rtol=0)


def check_reconstruction(page, run, side=0):
    """The side's code and image are torch's for the stimulus on the page, and the canvas shows that image, or what it
    differs by from the mean image."""
    image, z, pixels, minus, mean = drawn(
        page,
        f"(side => [[...explorer.image], [...side.z], [...side.network.pixels], side.isAgainst(), "
        f"[...side.world.mean]])"
        f"(explorer.sides[{side}])",
    )
    mu, expected = reconstruction(run, image)
    near(z, mu)
    near(pixels, expected)
    away = expected - mean
    shown = 0.5 + away / (2 * np.abs(away).max()) if minus else expected
    near(canvas(page, f"explorer.sides[{side}].image"), 255 * (1 - shown), 1)
    return image


def canvas(page, element):
    """The red of each pixel of a 13 x 13 canvas."""
    data = page.evaluate(f"[...{element}.getContext('2d').getImageData(0, 0, 13, 13).data]")
    return data[::4]


@pytest.fixture(scope="session")
def dprimes(models):
    """Of a model and a capacity, d' of each two stimuli in its code, and in the best code of its rate: (169, 169)."""

    @functools.cache
    def found(model, capacity):
        run = next(run for _, run in models[model] if run.spec.capacity == capacity)
        images, factors = (part[networks.IMAGES] for part in corridors("uniform", world=run.spec.world))
        mu, logvar = networks.evaluate.posterior(run.model, images)
        rate = float(f"{measures.latent_rates(mu, logvar).sum():.2g}")
        own = measures.dprime(mu, logvar, factors)
        counts = data.counts_name(run.spec.counts) or run.spec.counts
        return own, theory.limit_dprime(counts, rate, world=run.spec.world)

    return found


# --- arithmetic -----------------------------------------------------------------------------------------------


def test_every_network_computes_what_torch_computes(opened, all_runs):
    images = corridors("uniform").images[-100:]
    codes = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    for slug, run in all_runs.items():
        found = opened.evaluate(
            """async ([slug, images, codes]) => {
            const network = new geomlib.Network(await explorer.load(slug));
            const found = { mu: [], logvar: [], pixels: [], classes: {} };
            for (const image of images) {
                network.encode(image);
                found.mu.push([...network.mu]);
                found.logvar.push([...network.logvar]);
            }
            for (const z of codes) {
                network.decode(z);
                network.classify(z);
                found.pixels.push([...network.pixels]);
                for (const task in network.heads)
                    (found.classes[task] ??= []).push([...network.heads[task].probabilities]);
            }
            return found;
        }""",
            [slug, images.reshape(100, -1).astype(int).tolist(), codes.tolist()],
        )
        with torch.inference_mode():
            mu, logvar = run.model.encode(torch.from_numpy(images))
            pixels, classes = run.model.decode(torch.from_numpy(codes)), run.model.classify(torch.from_numpy(codes))
        near(found["mu"], mu)
        near(found["logvar"], logvar)
        near(found["pixels"], pixels.flatten(1))
        assert list(found["classes"]) == list(run.model.heads)
        for task, probabilities in classes.items():
            near(found["classes"][task], probabilities.reshape(100, -1))


@pytest.mark.parametrize("model, capacity", [("baseline", 0.3), ("E1M1", 3), ("noise", 3)])
def test_what_is_told_apart_is_what_python_measures(opened, dprimes, model, capacity):
    show(opened, f"model={model}&capacity={capacity}")
    opened.wait_for_function("explorer.sides[0].limit")
    found = opened.evaluate("""() => { const [side] = explorer.sides, all = [...Array(169).keys()];
        return [all.map(a => all.map(b => side.dprime(a, b))),
                all.map(a => all.map(b => Math.min(side.limitOf(a, b), 99))), [...side.edges]]; }""")
    own, best = dprimes(model, capacity)
    np.testing.assert_allclose(found[0], own, rtol=0.01, atol=0.002)  # codes come as float16
    best = np.where(best < networks.FAR, best, 99)
    np.testing.assert_allclose(found[1], best, rtol=0.02, atol=0.03)  # and the limit's as bytes
    edges = measures.neighbours(np.array(found[0]))
    near(np.sort(found[2]), np.sort(edges[np.isfinite(edges)]), 1e-5)


def test_the_ideal_observers_guess_is_the_median_of_the_posterior(page, index):
    stop = stops(index, "baseline")[1]
    mean, sd = (halves(stop[what], 169, 5) for what in ("codes", "spreads"))
    z = mean[[3, 77, 140]] + 0.5
    found = page.evaluate(
        "z => z.map(one => geomlib.idealGuess(Float64Array.from(one), explorer.models.baseline[1]))", z.tolist()
    )
    for guess, one in zip(found, z, strict=True):
        log = (-(((one - mean) / sd) ** 2) / 2 - np.log(sd)).sum(1)
        table = np.exp(log - log.max()).reshape(13, 13)
        medians = [int((np.cumsum(table.sum(axis)) >= table.sum() / 2).argmax()) for axis in (1, 0)]
        assert [guess // 13, guess % 13] == medians


# --- opening --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["file", "http"])
def test_the_page_opens_from_disk_and_from_a_server_folded_and_asks_nothing_of_other_machines(
    visit, book, served, where
):
    page = visit(f"{f'file://{book}' if where == 'file' else served}/book/explore.html", ready=WIDGET, **STILL)
    assert page.evaluate("document.querySelector('.explorer').explorer.sides[0].network.pixels.length") == 169
    assert page.locator(".explorer details[open]").count() == 0
    assert page.outside == [] and page.errors == []
    page.context.close()


def test_before_a_network_is_chosen_the_page_weighs_less_than_600_kb(book):
    folder = book / "_static/explorer"
    assert sum((folder / name).stat().st_size for name in ("index.js", "explorer.js", "explorer.css")) < 600e3


def test_the_widget_lives_in_the_static_book(visit, book, all_runs):
    page = visit(f"file://{book}/book/widget.html", ready=WIDGET)
    page.evaluate("globalThis.explorer = document.querySelector('.explorer').explorer")
    assert drawn(page, "[explorer.uc, explorer.lc, explorer.sides[0].capacity]") == [2, 7, 10]
    check_reconstruction(page, all_runs["all-c10"])
    part(page, "capacity").focus()
    page.keyboard.press("Home")
    page.wait_for_function("explorer.sides[0].network")
    check_reconstruction(page, all_runs["all-c1"])
    assert page.outside == [] and page.errors == []
    page.context.close()


def test_the_page_train_trains_in_the_book(visit, book):
    page = visit(f"file://{book}/book/train.html", ready="document.getElementById('trainer')?.trainer")
    page.click("[name=once]")
    page.wait_for_function("document.getElementById('trainer').trainer.step === 1")
    page.get_by_role("link", name="one half shown nearly eight times as often").click()
    assert page.input_value("[name=preset]") == "bottom" and "Train anew" in page.inner_text("[name=train]")
    assert page.outside == [] and page.errors == []
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.context.close()


def test_without_javascript_there_is_a_picture_and_a_sentence(visit, book):
    page = visit(f"file://{book}/book/explore.html", java_script_enabled=False)
    assert page.get_by_text("The mean codes of the baseline at its trained capacities").is_visible()
    assert page.locator(".explorer-still img").evaluate("image => image.complete && image.naturalWidth > 500")
    assert not page.locator("#explorer").is_visible()
    page.context.close()


def test_on_paper_the_picture_stands_for_the_explorer(page):
    still, moving = page.locator(".explorer-still"), page.locator("#explorer")
    assert moving.is_visible() and not still.is_visible()
    page.emulate_media(media="print")
    assert still.is_visible() and not moving.is_visible()
    page.emulate_media(media="screen")


def test_the_first_view_plays_once_and_a_hand_stops_it(visit, book):
    page = visit(f"file://{book}/book/explore.html")
    page.evaluate("globalThis.explorer = document.getElementById('explorer').explorer")
    page.locator(".plot").first.scroll_into_view_if_needed()
    page.wait_for_function("explorer.playing && explorer.sides[0].capacity < 9")
    assert page.evaluate("location.hash") in ("", "#model=baseline&capacity=3&uc=3&lc=9")  # it doesn't follow
    page.locator(".stimulus h2").click()
    assert not page.evaluate("explorer.playing")
    page.context.close()


def test_it_is_still_where_motion_is_not_wanted_and_where_a_link_says_what_to_show(visit, book):
    for state, options in (("", STILL), ("#model=E1M1&capacity=3", {})):
        page = visit(f"file://{book}/book/explore.html{state}", ready=WIDGET, **options)
        page.locator(".plot").first.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        assert page.evaluate("[explorer.explorer.playing ?? 0, explorer.explorer.sides[0].capacity]") == [0, 3]
        page.context.close()


# --- capacity -------------------------------------------------------------------------------------------------


def points(page):
    return np.reshape(drawn(page, "[...explorer.sides[0].points]"), (169, 2))


def test_keys_move_the_capacity_from_one_trained_network_to_the_next(page, index, all_runs):
    low, high = (halves(stop["map"], 169, 2) for stop in stops(index, "all"))
    slider = part(page, "capacity")
    near(points(page), high)
    slider.focus()
    page.keyboard.press("Home")
    near(points(page), low)
    page.wait_for_function("explorer.sides[0].network")
    check_reconstruction(page, all_runs["all-c1"])
    for up, down in (("ArrowRight", "ArrowLeft"), ("ArrowUp", "ArrowDown"), ("PageUp", "PageDown")):
        page.keyboard.press(up)
        near(points(page), high)
        page.wait_for_function("explorer.sides[0].network")
        check_reconstruction(page, all_runs["all-c10"])
        page.keyboard.press(down)
        near(points(page), low)
    show(page, "model=all&capacity=1")
    page.evaluate("explorer.set('model=all&capacity=2.8')")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert drawn(page, "explorer.sides[0].capacity") == 1


def test_between_trained_capacities_points_are_interpolated_and_the_networks_beside_are_named(page, index):
    low, high = (halves(stop["map"], 169, 2) for stop in stops(index, "all"))
    page.evaluate("explorer.set('model=all&capacity=2.8')")
    near(points(page), 0.8 * low + 0.2 * high)
    assert "between the networks trained at 1 and 10 nats" in page.locator(".note").first.text_content()
    assert "those beside it are at 1 and 10 nats" in page.locator(".decoded .facts").first.text_content()
    assert part(page, "capacity").get_attribute("aria-valuetext") == "about 2.80 nats, interpolated"
    assert page.evaluate("explorer.sides[0].network") is None and max(canvas(page, "explorer.sides[0].image")) == 0
    page.wait_for_function("explorer.commands.textContent.includes('all at 1 nat (the nearest trained)')")


def test_the_mouse_moves_the_capacity_and_let_go_it_goes_to_the_nearest_trained_one(page, index):
    low, high = (halves(stop["map"], 169, 2) for stop in stops(index, "all"))
    slide(page, part(page, "capacity"), 0.4, release=False)
    t = drawn(page, "Number(explorer.sides[0].slider.value)")
    assert 0.3 < t < 0.5
    near(points(page), (1 - t) * low + t * high)
    page.mouse.up()
    near(points(page), low)
    slide(page, part(page, "capacity"), 0.6)
    near(points(page), high)


def test_play_lowers_the_capacity_to_the_end(page, index):
    page.emulate_media(reduced_motion="no-preference")
    part(page, "play").click()
    page.wait_for_function("explorer.sides[0].capacity > 1 && explorer.sides[0].capacity < 10")
    page.wait_for_function("explorer.sides[0].capacity === 1 && !explorer.playing")
    near(points(page), halves(stops(index, "all")[0]["map"], 169, 2))
    assert part(page, "play").text_content() == "Play"
    page.emulate_media(reduced_motion="reduce")


def test_play_jumps_where_motion_is_not_wanted(page):
    page.emulate_media(reduced_motion="reduce")
    seen = page.evaluate("""async () => {
        const seen = new Set();
        explorer.sides[0].play.click();
        while (explorer.playing) { seen.add(explorer.sides[0].capacity); await new Promise(requestAnimationFrame); }
        return [...seen, explorer.sides[0].capacity];
    }""")
    assert set(seen) == {1, 10}


def test_a_capacity_of_codes_alone_has_a_map_and_no_image(page, index):
    stop = stops(index, "E2M1")[2]
    assert stop["capacity"] == 2
    page.evaluate("explorer.set('model=E2M1&capacity=2')")
    page.wait_for_function("explorer.sides[0].limit && explorer.sides[0].facts.textContent.includes('only the codes')")
    near(points(page), halves(stop["map"], 169, 2))
    assert page.locator(".decoded .image").first.evaluate("image => image.closest('.empty') !== null")
    assert "mean d′" in page.locator(".note").first.text_content()


# --- map and colour -------------------------------------------------------------------------------------------


def pixel(page, pair, dx=0, dy=0):
    """Red, green, blue in the plot at the point of a pair, or some px from there."""
    return drawn(
        page,
        f"""(() => {{ const canvas = explorer.sides[0].plot, half = canvas.clientWidth / 2;
        const scale = (half - geomlib.margin(explorer.plane)) / explorer.limit();
        const [x, y] = explorer.sides[0].points.slice({2 * pair});
        const at = [half + scale * x + {dx}, half - scale * y + {dy}].map(z => z * devicePixelRatio);
        return [...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3); }})()""",
    )


def test_the_plane_is_chosen_by_keys(page, index):
    codes = halves(stops(index, "all")[1]["codes"], 169, 5)
    part(page, "plane").focus()
    page.keyboard.press("ArrowDown")
    near(points(page), codes[:, [0, 1]])
    page.keyboard.press("End")
    near(points(page), codes[:, [3, 4]])
    spreads = halves(stops(index, "all")[1]["spreads"], 169, 5)
    near(np.reshape(drawn(page, "[...explorer.sides[0].spreads]"), (169, 2)), spreads[:, [3, 4]])


def test_each_colouring_is_the_pairs_own_and_the_points_wear_it(page, index):
    select = part(page, "colour")
    for name, colours in index["colours"]:
        select.select_option(name)
        rgb = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
        key = drawn(page, "[...explorer.key.getContext('2d').getImageData(0, 0, 13, 13).data]")
        near(np.reshape(key, (169, 4))[:, :3], rgb, 0)
        seen = pixel(page, np.abs(points(page)).max(1).argmax())  # at the rim, where few others lie
        assert min(np.abs(np.subtract(seen, colour)).max() for colour in rgb) <= 2, name
    select.focus()
    page.keyboard.press("Home")
    assert drawn(page, "explorer.coloursOf(explorer.sides[0])") == index["colours"][0][1]


def test_the_map_can_be_coloured_by_what_is_told_apart_from_the_stimulus(page, dprimes):
    show(page, "model=baseline&capacity=0.3&colour=told+apart&uc=6&lc=6")
    share = measures.proportion_correct(dprimes("baseline", 0.3)[0][6 * 13 + 6])
    expected = page.evaluate("shares => shares.map(share => geomlib.viridis(2 * share - 1))", share.tolist())
    rgb = lambda colours: [[int(x) for x in re.findall(r"\d+", colour)] for colour in colours]
    near(rgb(drawn(page, "explorer.coloursOf(explorer.sides[0])")), rgb(expected), 3)
    assert "50 % (guessing) to 100 %" in page.locator(".legend").text_content()


def test_lines_are_stronger_where_neighbours_are_told_apart(page):
    """At 10 nats most are, at 0.3 none: the darkness of the map's lines, without its points."""
    ink = """(() => { const canvas = explorer.sides[0].plot, { points, edges } = explorer.sides[0];
        const draw = (given) => geomlib.drawCodes(canvas, { points, edges: given, colours: Array(169).fill('#0000'),
            limit: explorer.limit(), latents: null, chosen: -1, pointed: -1, tip: [], code: null, hand: null, cloud: [],
            hollow: false, style: { ...explorer.style, soft: '#0000' } });
        return [edges, edges.map(() => 0), edges.map(() => 3)].map(given => { draw(given);
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return data.reduce((sum, x, i) => sum + (i % 4 === 3 ? x : 0), 0); }); })()"""
    for capacity, weak in (0.3, True), (10, False):
        show(page, f"model=baseline&capacity={capacity}&zoom=1")
        seen, none, full = drawn(page, ink)
        assert none < seen < full + 1 and (seen - none < 0.35 * (full - none)) == weak


def test_latents_that_no_network_uses_are_marked_in_the_list_of_planes(page, index):
    rates = stops(index, "baseline")[-2]["rates"]
    show(page, "model=baseline&capacity=6")
    page.wait_for_function("explorer.planes.textContent.includes('both unused')")
    for option in page.evaluate("[...explorer.planes.options].slice(1).map(option => [option.value, option.text])"):
        numbers, text = option[0].split(","), option[1]
        unused = [number for number in numbers if rates[int(number) - 1] <= 0.01]
        assert ("both unused" in text) == (len(unused) == 2)
        assert f"{unused[0]} (unused)" in text if len(unused) == 1 else " (unused)" not in text, text


def spot(page, pair):
    """Where a pair's point lies in the plot, in px."""
    x, y = drawn(
        page,
        f"""(() => {{ const side = explorer.sides[0], half = side.plot.clientWidth / 2;
        const scale = (half - geomlib.margin(explorer.plane)) / explorer.limit();
        return [half + scale * side.points[{2 * pair}], half - scale * side.points[{2 * pair + 1}]]; }})()""",
    )
    return {"x": x, "y": y}


def test_the_stimulus_is_compared_with_the_one_pointed_at_in_both_maps(page, dprimes):
    show(page, "model=baseline&capacity=10&model2=baseline&capacity2=0.3")  # at 10 nats points lie apart
    page.wait_for_function("explorer.sides.every(side => side.network)")
    plot, texts = page.locator(".plot").first, page.locator(".pair > span:first-child")
    drawn(page, "0")
    before = plot.evaluate("plot => plot.toDataURL()")
    plot.hover(position=spot(page, 4 * 13 + 8))
    assert drawn(page, "[explorer.pointed, explorer.sides[0].plot.style.cursor]") == [4 * 13 + 8, "pointer"]
    assert plot.evaluate("plot => plot.toDataURL()") != before
    for text, capacity in zip(texts.all_text_contents(), (10, 0.3), strict=False):
        own, best = (matrix[3 * 13 + 9, 4 * 13 + 8] for matrix in dprimes("baseline", capacity))
        found = re.search(
            r"upper corridor 4, lower 8; d′ ([\d.]+): told apart in (over )?(\d+) %; best code: (.+)\.", text
        )
        assert float(found[1]) == pytest.approx(own, rel=0.01, abs=0.006)
        assert float(found[3]) == pytest.approx(min(100 * measures.proportion_correct(own), 99), abs=1)
        assert (
            found[4] == "never confused"
            if best > 12
            else f"{100 * measures.proportion_correct(best):.0f} %" in found[4]
        )
    plot.hover(position={"x": 3, "y": 3})
    assert drawn(page, "[explorer.pointed, explorer.sides[0].plot.style.cursor]") == [-1, ""]
    assert texts.first.text_content().startswith("Point at a code")


def test_keys_compare_neighbours_on_the_map_and_take_one(page):
    page.locator(".plot").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert drawn(page, "explorer.pointed") == 4 * 13 + 8
    assert page.locator(".explorer .spoken").text_content().startswith("upper corridor 4, lower 8, d′ ")
    page.keyboard.press("Enter")
    assert drawn(page, "[explorer.uc, explorer.lc]") == [4, 8]
    page.keyboard.press("Tab")
    assert drawn(page, "explorer.pointed") == -1


def test_a_finger_first_compares_and_then_takes(visit, book):
    page = visit(f"file://{book}/book/explore.html#model=baseline&capacity=10", 400, WIDGET, has_touch=True, **STILL)
    page.evaluate("globalThis.explorer = document.getElementById('explorer').explorer")
    plot = page.locator(".plot").first
    plot.scroll_into_view_if_needed()
    drawn(page, "0")
    at = spot(page, 6 * 13 + 6)
    plot.tap(position=at)
    pointed = drawn(page, "explorer.pointed")
    assert pointed >= 0 and drawn(page, "[explorer.uc, explorer.lc]") == [3, 9]
    plot.tap(position=at)
    assert drawn(page, "explorer.pair") == pointed
    page.context.close()


def test_zoomed_the_codes_on_show_fill_the_map(page, index):
    show(page, "model=all&capacity=1")
    widest = lambda capacity: np.abs(halves(stops(index, "all")[capacity]["map"], 169, 2)).max()
    assert drawn(page, "explorer.limit()") == pytest.approx(max(widest(0), widest(1)), abs=1e-6)
    part(page, "zoom").check()
    assert drawn(page, "explorer.limit()") == pytest.approx(widest(0), abs=1e-6)
    page.wait_for_function("location.hash.includes('zoom=1')")
    part(page, "zoom").press("Space")
    assert drawn(page, "explorer.limit()") > widest(0)


def test_a_network_brings_its_colours_where_those_of_no_network_shown_are_chosen(page):
    show(page, "model=baseline&capacity=10&colour=x_UC+≤+x_LC+(E2M1)")
    name = page.locator("[name=model]").first.evaluate("select => [...select.options].map(o => o.value)")
    part(page, "model").select_option(name[0])
    assert drawn(page, "explorer.colour.value") == "x_UC"  # no network here has classes of its own
    part(page, "colour").select_option("x_LC")
    part(page, "model").select_option(name[-1])
    assert drawn(page, "explorer.colour.value") == "x_LC"


def test_a_click_on_a_point_or_on_the_key_chooses_its_pair(page, all_runs):
    page.locator(".plot").first.click(position=spot(page, 11 * 13 + 1))
    chosen = np.array(drawn(page, "[explorer.uc, explorer.lc]")) @ [13, 1]
    where = points(page)
    assert np.hypot(*(where[chosen] - where[11 * 13 + 1])) < 0.02 * np.abs(where).max()
    check_reconstruction(page, all_runs["all-c10"])
    page.locator(".plot").first.click(position={"x": 3, "y": 3})  # far from any point
    assert drawn(page, "[explorer.uc, explorer.lc]") == [chosen // 13, chosen % 13]
    page.locator(".key canvas").click(position={"x": 7 * 2 + 3, "y": 7 * 12 + 3})
    assert drawn(page, "[explorer.uc, explorer.lc]") == [12, 2]
    check_reconstruction(page, all_runs["all-c10"])


# --- stimulus -------------------------------------------------------------------------------------------------


def test_keys_and_mouse_move_the_stimulus_and_its_reconstruction_follows(page, all_runs):
    part(page, "uc").focus()
    page.keyboard.press("ArrowRight")
    image = np.reshape(check_reconstruction(page, all_runs["all-c10"]), (13, 13))
    assert drawn(page, "[explorer.uc, explorer.lc]") == [4, 9]
    assert image[:6, 4].sum() == image[6].sum() == image[7:, 9].sum() == 0 and set(np.unique(image)) == {0, 1}
    slide(page, part(page, "lc"), 0)
    image = np.reshape(check_reconstruction(page, all_runs["all-c10"]), (13, 13))
    assert drawn(page, "[explorer.uc, explorer.lc]") == [4, 0] and image[7:, 0].sum() == 0
    near(canvas(page, "explorer.canvas"), 255 * (1 - image.ravel()), 0)


def test_new_noise_is_another_draw_of_the_same_pair(page, all_runs):
    before = drawn(page, "[...explorer.image]")
    part(page, "again").focus()
    page.keyboard.press("Enter")
    after = np.reshape(check_reconstruction(page, all_runs["all-c10"]), (13, 13))
    assert 3 < np.abs(after.ravel() - before).sum() < 60 and after[:6, 3].sum() == after[7:, 9].sum() == 0
    show(page, page.evaluate("explorer.hash()"))
    np.testing.assert_array_equal(drawn(page, "[...explorer.image]"), after.ravel())


@pytest.mark.parametrize("model, world", [("all", data.WORLDS["corridors"]), ("noise", WORLD)])
def test_draws_have_the_noise_of_the_networks_world(page, model, world):
    show(page, f"model={model}&capacity=10")
    mean = page.evaluate("""() => { const sum = new Array(169).fill(0);
        for (let n = 0; n < 2000; n++) {
            explorer.choosePair(3 * 13 + 9, n);
            explorer.image.forEach((x, i) => sum[i] += x / 2000);
        }
        return sum; }""")
    near(np.reshape(mean, (13, 13)), world[3, 9], 5 * 0.5 / 2000**0.5)


def test_a_network_of_another_world_is_shown_that_worlds_stimuli(page, all_runs):
    before = drawn(page, "[...explorer.image]")
    part(page, "model").select_option("noise")
    page.wait_for_function("explorer.sides[0].slug === 'noise-c3' && explorer.sides[0].network")
    image = check_reconstruction(page, all_runs["noise-c3"])
    assert np.abs(np.subtract(image, before)).sum() > 30
    assert page.locator(".stimulus label").first.text_content().strip().startswith("first position")
    page.wait_for_function("explorer.canvas.ariaLabel.includes('first position 3, second position 9')")
    page.evaluate("document.querySelector('.game').open = true")
    page.wait_for_function("explorer.game.open")
    assert "Move the sliders." in page.locator(".game .how").text_content()
    page.evaluate("document.querySelector('.game').open = false")


def test_what_is_left_is_shown_minus_the_mean_image_below_2_nats_unless_one_chooses(page, all_runs):
    box = part(page, "against")
    show(page, "model=baseline&capacity=0.3")
    check_reconstruction(page, all_runs["baseline-c0.3-s0"])
    assert box.is_checked() and np.ptp(canvas(page, "explorer.sides[0].image")) > 125  # black to white, from mid grey
    box.uncheck()
    check_reconstruction(page, all_runs["baseline-c0.3-s0"])
    assert not drawn(page, "explorer.sides[0].isAgainst()")
    page.wait_for_function("location.hash.includes('minus=0')")
    show(page, "model=baseline&capacity=10")
    assert not drawn(page, "explorer.sides[0].against.checked")
    show(page, "model=baseline&capacity=10&minus=1")
    check_reconstruction(page, all_runs["baseline-c10-s0"])
    assert drawn(page, "explorer.sides[0].against.checked")


def test_pixels_are_drawn_with_the_mouse_and_with_keys(page, all_runs):
    before = np.array(drawn(page, "[...explorer.image]"))
    page.locator(".stimulus canvas").scroll_into_view_if_needed()
    box = page.locator(".stimulus canvas").bounding_box()
    at = lambda row, column: (box["x"] + 14 * column + 7, box["y"] + 14 * row + 7)
    page.mouse.move(*at(6, 2))
    page.mouse.down()
    page.mouse.move(*at(6, 3))
    page.mouse.up()
    image = np.array(check_reconstruction(page, all_runs["all-c10"]))
    assert np.flatnonzero(image != before).tolist() == [6 * 13 + 2, 6 * 13 + 3]
    page.locator(".stimulus canvas").focus()
    for key in ("ArrowUp", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    again = np.array(check_reconstruction(page, all_runs["all-c10"]))
    assert np.flatnonzero(again != image).tolist() == [5 * 13 + 2]
    assert page.locator(".explorer .spoken").text_content().startswith("Row 5, column 2: ")
    part(page, "open").click()
    assert sum(check_reconstruction(page, all_runs["all-c10"])) == 0
    part(page, "close").focus()
    page.keyboard.press("Enter")
    assert sum(check_reconstruction(page, all_runs["all-c10"])) == 169 and part(page, "corridors").is_visible()


def test_a_drawing_is_kept_until_one_goes_back_to_the_corridors(page, all_runs):
    before = drawn(page, "[...explorer.image]")
    assert not part(page, "corridors").is_visible()
    part(page, "open").click()
    assert sum(drawn(page, "[...explorer.image]")) == 0
    assert part(page, "uc").is_disabled() and part(page, "lc").is_disabled() and not part(page, "again").is_visible()
    part(page, "corridors").focus()
    page.keyboard.press("Enter")
    assert check_reconstruction(page, all_runs["all-c10"]) == before
    assert part(page, "uc").is_enabled() and part(page, "lc").is_enabled() and part(page, "again").is_visible()
    assert page.evaluate("document.activeElement.name") == "uc" and not part(page, "corridors").is_visible()


# --- latents and answers --------------------------------------------------------------------------------------


def test_keys_and_mouse_move_a_latent_and_the_image_follows(page, all_runs):
    slider = page.get_by_label("latent 2").first
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    z, pixels = drawn(page, f"[[...explorer.sides[0].z], {PIXELS.format(0)}]")
    assert z[1] == float(slider.input_value())
    near(pixels, decoded(all_runs["all-c10"], z))
    slide(page, page.get_by_label("latent 4").first, 0.8)
    z, pixels = drawn(page, f"[[...explorer.sides[0].z], {PIXELS.format(0)}]")
    assert 2 < z[3] < 2.8
    near(pixels, decoded(all_runs["all-c10"], z))
    near(canvas(page, "explorer.sides[0].image"), 255 * (1 - np.array(pixels)), 0.6)
    part(page, "back").focus()
    page.keyboard.press("Enter")
    check_reconstruction(page, all_runs["all-c10"])
    assert page.evaluate("document.activeElement.ariaLabel") == "latent 1"


def test_a_cross_marks_the_code_in_hand_in_a_plane_and_the_map_says_that_it_cannot(page):
    hand = """(() => { const { drawCodes } = geomlib; let given; geomlib.drawCodes = (_, got) => { given = got; };
        explorer.sides[0].draw(); geomlib.drawCodes = drawCodes; return given.hand; })()"""
    note, z = page.locator(".note").first, "[1, 4].map(d => explorer.sides[0].z[d])"
    assert drawn(page, hand) is None and "not on this map" not in note.text_content()
    part(page, "open").click()
    assert drawn(page, hand) is None and "Your drawing is not on this map" in note.text_content()
    part(page, "plane").select_option("2,5")
    near(drawn(page, hand), drawn(page, z))
    assert "not on this map" not in note.text_content()
    page.get_by_label("latent 2").first.focus()
    page.keyboard.press("End")
    near(drawn(page, hand), [4, drawn(page, z)[1]])
    part(page, "plane").select_option("map")
    assert drawn(page, hand) is None and "Your latents are not on this map" in note.text_content()


def test_latents_show_code_spread_and_rate_and_unused_ones_are_marked(page, index, models):
    for model, listed in models.items():
        rates = stops(index, model)[-1]["rates"]
        show(page, f"model={model}&capacity=99&uc=3&lc=9")
        image = drawn(page, "[...explorer.image]")
        with torch.inference_mode():
            mu, logvar = listed[-1][1].model.encode(torch.tensor(image, dtype=torch.float32).view(1, 1, 13, 13))
        rows = drawn(
            page,
            """[...explorer.sides[0].latents.querySelectorAll('.latent')].map(row =>
            [row.querySelector('output').textContent, row.querySelector('.rate').textContent, row.className])""",
        )
        for (code, rate, names), m, v, expected in zip(rows, mu[0], logvar[0], rates, strict=True):
            near([float(x.replace("−", "-")) for x in code.split(" ± ")], [m, (v / 2).exp()], 0.0051)
            assert rate == ("unused" if expected <= 0.01 else f"{expected:.2f} nats")
            assert ("unused" in names) == (expected <= 0.01)


def test_heads_answer_as_in_torch_and_are_told_right_or_wrong(page, index, all_runs):
    answers = drawn(page, "[...explorer.sides[0].answers.querySelectorAll('dd')].map(dd => dd.textContent)")
    mu, _ = reconstruction(all_runs["all-c10"], drawn(page, "[...explorer.image]"))
    with torch.inference_mode():
        classes = all_runs["all-c10"].model.classify(torch.tensor(mu)[None])
    for answer, (task, p) in zip(answers, classes.items(), strict=True):
        p = p[0].numpy()
        best = int(p > 0.5) if p.ndim == 0 else int(p.argmax())
        sure = float(max(p, 1 - p)) if p.ndim == 0 else float(p.max())
        about = index["tasks"][task]
        said, probability, verdict = re.fullmatch(r"(.+) \(probability (.+)\), (.+)", answer).groups()
        assert said == about["classes"][best].replace("x_UC", "upper").replace("x_LC", "lower")
        near(float(probability), sure, 0.0051)
        assert verdict == ("correct" if about["truth"][3 * 13 + 9] == best else "wrong")
    part(page, "open").click()  # a drawing has no true answer
    assert drawn(page, "explorer.sides[0].answers.querySelector('dd').textContent").endswith(")")


# --- the game -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state, width", [("model=baseline&capacity=1", 1200), ("model=all&capacity=10", 400)])
def test_a_game_is_played_by_keys_and_by_taps_and_adds_up(opened, state, width):
    opened.set_viewport_size({"width": width, "height": 900})
    show(opened, state)
    game = opened.locator(".game")
    opened.evaluate("document.querySelector('.game').open = false; explorer.game.round = -1")
    game.locator("summary").press("Enter")
    opened.wait_for_function("explorer.game.round === 0")
    totals = np.zeros(3)
    for number in range(5):
        sliders, told = game.locator("input"), game.locator(".told")
        if number % 2:
            picture = game.locator("canvas").first
            size = picture.evaluate("canvas => canvas.clientWidth")
            picture.click(position={"x": size * 2.5 / 13, "y": size * 0.1})
            picture.click(position={"x": size * 11.5 / 13, "y": size * 0.9})
            guess = [2, 11]
        else:
            sliders.first.focus()
            opened.keyboard.press("ArrowRight")
            guess = [7, 6]
        assert [int(sliders.nth(n).input_value()) for n in (0, 1)] == guess
        pair, others, image = opened.evaluate("[explorer.game.pair, explorer.game.guesses, [...explorer.game.image]]")
        off = [abs(g // 13 - pair // 13) + abs(g % 13 - pair % 13) for g in (13 * guess[0] + guess[1], *others)]
        totals += off
        game.locator("[name=answer]").press("Enter")
        words = told.text_content()
        assert f"It was upper corridor {pair // 13}, lower {pair % 13}. You were {off[0]} column" in words
        assert f"off, the picture {off[1]}, the ideal observer {off[2]}." in words
        near(canvas(opened, "explorer.game.was"), 255 * (1 - np.array(image)), 0)
        game.locator("[name=answer]").press("Enter")
        if number == 4:
            you, picture, ideal = (f"{total / 5:.1f}".removesuffix(".0") for total in totals)
            assert f"After 5 rounds: you {you} column" in words and f"the picture {picture} column" in words
            assert f"the ideal observer {ideal} column" in words
            assert opened.evaluate("explorer.game.round") == 0
    game.evaluate("game => { game.open = false; }")
    opened.set_viewport_size({"width": 1200, "height": 900})


def test_the_ideal_observer_is_better_than_the_picture_and_both_than_a_guess_of_the_middle(page):
    """At 0.3 nats; from 1 nat up the picture shows all that its code tells, and both are equally good."""
    show(page, "model=baseline&capacity=0.3")
    picture, ideal, middle = page.evaluate("""() => { const { game } = explorer, sums = [0, 0, 0];
        game.random = geomlib.random(1);
        const off = (a, b) => Math.abs(Math.floor(a / 13) - Math.floor(b / 13)) + Math.abs(a % 13 - b % 13);
        for (let n = 0; n < 1200; n++) {
            game.next();
            [...game.guesses, 84].forEach((guess, i) => { sums[i] += off(guess, game.pair) / 1200; });
        }
        return sums; }""")
    assert ideal < picture < middle and middle == pytest.approx(6.46, abs=0.5)  # 2 x (0 + 2 (1 + ... + 6)) / 13


# --- two networks, the address, what is taken away ------------------------------------------------------------


def test_a_second_network_sees_the_same_stimulus_at_the_same_or_another_capacity(page, all_runs):
    part(page, "second").focus()
    page.keyboard.press("Space")
    part(page, "model", second=True).select_option("all")
    page.wait_for_function("explorer.sides[1].network")
    part(page, "capacity").focus()
    page.keyboard.press("Home")
    page.wait_for_function("explorer.sides.every(side => side.slug === 'all-c1' && side.network)")
    part(page, "linked").click()
    part(page, "capacity", second=True).focus()
    page.keyboard.press("End")
    page.wait_for_function("explorer.sides[1].slug === 'all-c10' && explorer.sides[1].network")
    part(page, "uc").focus()
    page.keyboard.press("Home")
    check_reconstruction(page, all_runs["all-c1"], 0)
    check_reconstruction(page, all_runs["all-c10"], 1)
    part(page, "second").click()
    assert not page.locator(".plot").nth(1).is_visible()


def test_a_view_is_linked_by_its_address(opened, visit, book, all_runs):
    state = (
        "model=all&capacity=1&model2=all&capacity2=10&z2=1,-0.5,0,0.25,2&plane=2,5&colour=x_LC"
        "&pixels=fffffffffffffffffff3008fffffffffffffffffff1"
    )
    page = visit(f"file://{book}/book/explore.html#{state}", **STILL)
    page.evaluate("globalThis.explorer = document.getElementById('explorer').explorer")
    page.wait_for_function("explorer.sides[1].network")
    assert drawn(page, "explorer.hash()") == state
    image = np.reshape(check_reconstruction(page, all_runs["all-c1"]), (13, 13))
    assert image[6].sum() == 0 and image.sum() == 156
    near(drawn(page, PIXELS.format(1)), decoded(all_runs["all-c10"], [1, -0.5, 0, 0.25, 2]))
    assert page.locator(".more[open], .drawing[open], .inside[open]").count() == 3  # what it sets can be seen
    part(page, "corridors").click()
    page.keyboard.press("End")
    page.wait_for_function("location.hash.includes('uc=12')")
    page.evaluate("location.hash = 'model=all&capacity=10&uc=7&lc=7'")
    page.wait_for_function("explorer.uc === 7 && explorer.sides[0].network")
    check_reconstruction(page, all_runs["all-c10"])
    page.context.close()


@pytest.mark.parametrize(
    "state, said",
    [
        ("model=E9M9", "no model E9M9: showing baseline"),
        ("model=all&capacity=10&model2=E9M9", "no model E9M9: showing all"),
        (
            "model=all&capacity=x&uc=-4&lc=99&z=1,2&plane=7,8&colour=no&pixels=zz",
            "no capacity x: showing 10; no upper corridor -4: showing 0; no lower corridor 99: showing 12; "
            "no plane 7,8: showing map; no colour no: showing x_UC",
        ),
        ("model=all&capacity=99", "no capacity 99: showing 10"),
        ("&&&===%E0%A4%A", ""),
        ("model=all&capacity=2.8&uc=4&lc=0", ""),
        ("", ""),
    ],
)
def test_what_a_link_asks_for_in_vain_is_said_and_something_sensible_shown(page, state, said):
    page.evaluate("state => explorer.set(state)", state)
    assert page.locator(".explorer .status").text_content() == said
    if "2.8" not in state:
        page.wait_for_function("explorer.sides[0].network")
        assert drawn(page, f"{PIXELS.format(0)}.every(x => x >= 0 && x <= 1) && explorer.uc >= 0 && explorer.lc <= 12")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_links_to_views_move_the_explorer_and_bring_it_into_view(visit, book, motion):
    page = visit(f"file://{book}/book/explore.html", ready=WIDGET, reduced_motion=motion)
    page.set_viewport_size({"width": 1200, "height": 400})
    page.evaluate("globalThis.explorer = document.getElementById('explorer').explorer")
    top = "document.querySelector('.views').getBoundingClientRect().top"
    texts = page.locator(".views dd")
    visible = lambda: [texts.nth(i).is_visible() for i in range(texts.count())]
    assert page.evaluate(top) > 200 and visible() == [True, False, False, False, False, False]
    page.get_by_role("link", name="A drawing").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("explorer.drawn")
    assert drawn(page, "explorer.image.reduce((a, b) => a + b)") == 156
    page.wait_for_function(f"{top} >= 0 && {top} < 120")
    assert visible() == [False, False, False, False, False, True]
    assert page.evaluate("document.activeElement.id") == "explorer"
    assert page.evaluate("getComputedStyle(explorer.root).outlineStyle") == "none"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "model"
    page.get_by_role("link", name="Orthogonalization").click()
    page.locator(".views").get_by_role("link", name="E2M1").click()  # a view in the text of another, which stays
    page.wait_for_function("explorer.sides[0].model.value === 'E2M1'")
    assert visible() == [False, False, False, True, False, False]
    page.context.close()


def test_a_view_is_marked_until_what_it_sets_is_changed_and_its_text_stays(visit, book):
    page = visit(f"file://{book}/book/explore.html", ready=WIDGET, **STILL)
    page.evaluate("globalThis.explorer = document.getElementById('explorer').explorer")
    view, marked = page.get_by_role("link", name="Prototypization"), page.locator(".views a[aria-current=true]")
    marked.wait_for()
    assert marked.text_content() == "Start"
    view.click()
    page.wait_for_function("location.hash.includes('uc=3')")
    assert marked.text_content() == view.text_content()
    part(page, "uc").press("ArrowLeft")  # as the text asks for
    page.wait_for_function("location.hash.includes('uc=2')")
    assert marked.count() == 1
    page.evaluate("explorer.moveCapacity(explorer.sides[0], 3)")
    page.wait_for_function("location.hash.includes('capacity=3')")
    assert marked.count() == 0 and page.locator(".views dd").nth(1).is_visible()
    page.context.close()


def test_a_link_to_a_heading_leaves_the_explorer_as_it_is(page):
    show(page, "model=all&capacity=10&uc=5&lc=1")
    page.evaluate("location.hash = 'what-is-shown'")
    page.wait_for_timeout(100)
    assert drawn(page, "[explorer.uc, explorer.lc, explorer.sides[0].capacity]") == [5, 1, 10]


def test_the_views_show_what_their_texts_say(index, models):
    """By the numbers of what is drawn: steps and noise on the map, the columns where images are lightest."""
    grid = lambda model, capacity, what, d: next(
        halves(stop[what], 13, 13, d) for stop in stops(index, model) if stop["capacity"] == capacity
    )

    def lightest(model, capacity, half):
        """The column where each pair's decoded image is lightest, above (0) or below (7): (13, 13)."""
        run = next(run for _, run in models[model] if run.spec.capacity == capacity)
        images = np.array([decoded(run, z) for z in grid(model, capacity, "codes", 5).reshape(169, 5)]).reshape(
            13, 13, 13, 13
        )
        return images[:, :, half : half + 6].mean(2).argmin(-1)

    for capacity, follows in (0.3, False), (10, True):  # prototypization, from x_UC 3 to 0
        step = np.linalg.norm(np.subtract(*grid("baseline", capacity, "map", 2)[[3, 0], 9]))
        assert (step > grid("baseline", capacity, "mapSpreads", 2)[3, 9, 0]) == follows
        assert (np.ptp(lightest("baseline", capacity, 0)[[3, 0], 9]) >= 3) == follows
    assert lightest("E1M1", 0.3, 7).max() < 6  # specialization
    assert lightest("baseline", 0.3, 7)[:, 9:].min() > 6
    x = grid("E1M1", 0.3, "map", 2)[..., 0]  # the rare half lies within the frequent one
    assert x[:, :3].max() < x[:, 7:].min() - 0.2 and x[:, 7:].max() < x[:, :7].max()

    yes = np.less_equal.outer(np.arange(13), np.arange(13))

    def cut(model):
        """Steps from one x_LC to the next across the answers' border, relative to the others."""
        steps = np.linalg.norm(np.diff(grid(model, 3, "map", 2), axis=1), axis=-1)
        across = yes[:, 1:] != yes[:, :-1]
        return steps[across].mean() / steps[~across].mean()

    assert cut("E2M1") > 2 and 0.8 < cut("baseline") < 1.2  # orthogonalization: inside the plane, and beyond it
    codes, aligned = grid("E2M3", 3, "codes", 5), np.eye(13, dtype=bool)
    assert codes[aligned, 1].max() < -2 and codes[~aligned, 1].min() > -1
    run = next(run for _, run in models["E2M3"] if run.spec.capacity == 3)
    answer = lambda z: run.model.classify(torch.tensor(z))["aligned"].detach().numpy() > 0.5
    assert (answer(codes) == aligned).all()
    codes[..., 1] = -2.2
    assert answer(codes).all()
    columns = lambda z: np.array(
        [decoded(run, z).reshape(13, 13)[rows].mean(0).argmin() for rows in (slice(6), slice(7, 13))]
    )
    assert np.ptp(columns(grid("E2M3", 3, "codes", 5)[2, 5])) == 3 and np.ptp(columns(codes[2, 5])) == 0


def test_the_commands_and_a_link_are_copied_and_the_picture_is_saved(visit, served, index):
    page = visit(
        f"{served}/book/explore.html", permissions=["clipboard-read", "clipboard-write"], ready=WIDGET, **STILL
    )
    page.locator(".command summary").click()
    page.wait_for_selector(".command code")
    shown = page.locator(".command code").all_text_contents()
    assert shown == index["models"][0][1][2]["commands"]
    button = page.locator(".command button").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.command button').textContent === 'Copied'")
    assert page.locator(".explorer .spoken").text_content() == "Copied"
    assert page.evaluate("navigator.clipboard.readText()") == shown[0]
    page.wait_for_function("document.querySelector('.command button').textContent === 'Copy'")
    page.locator("[name=link]").click()
    page.wait_for_function("document.querySelector('[name=link]').textContent === 'Copied'")
    state = page.evaluate("explorer.explorer.hash()")
    assert page.evaluate("navigator.clipboard.readText()") == f"{served}/book/explore.html#{state}"
    with page.expect_download() as waiting:
        page.locator("[name=picture]").click()
    assert waiting.value.suggested_filename == "baseline-3.png"
    from PIL import Image

    picture = np.asarray(Image.open(waiting.value.path()).convert("L"))
    assert picture.shape == (840, 1026) and picture.std() > 20
    page.context.close()


def test_each_command_says_whose_it_is_and_is_shown_once(page, index):
    show(page, "model=E1M1&capacity=0.3&model2=E1M1&capacity2=10")
    page.wait_for_function("document.querySelector('.command li').textContent.includes('E1M1')")
    assert page.locator(".command code").all_text_contents() == stops(index, "E1M1")[0]["commands"]
    assert page.locator(".command li span").first.text_content() == (
        "Page of E1M1 at 0.3 nats and E1M1 at 10 nats, with geomlib:"
    )
    show(page, "model=baseline&capacity=3&model2=all&capacity2=10")
    page.wait_for_function("document.querySelector('.command li').textContent.includes('baseline')")
    assert page.locator(".command li span").all_text_contents() == [
        "Page of baseline at 3 nats, with geomlib:",
        "The same with papermill:",
        "Training of all at 10 nats, with geomlib:",
    ]


# --- for everyone ---------------------------------------------------------------------------------------------


def test_every_control_is_reached_by_tab_and_shows_its_focus(page):
    page.wait_for_function("explorer.commands.children.length === 1")  # those of the network shown
    page.locator("#explorer").evaluate("root => root.querySelector('select').focus()")  # the first
    count = page.locator("#explorer").evaluate("""root =>
        [...root.querySelectorAll('select, button, input, summary, [tabindex="0"]')]
        .filter(x => !x.disabled && x.checkVisibility({ visibilityProperty: true })).length""")
    for _ in range(count):
        inside, outline = page.evaluate("""[Boolean(document.activeElement.closest('#explorer')),
            getComputedStyle(document.activeElement).outlineStyle]""")
        assert inside and outline == "solid", page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('#explorer')")


def test_each_picture_says_in_words_what_it_shows(page, all_runs):
    page.wait_for_function("document.querySelector('.plot').ariaLabel?.includes('all at 10 nats')")
    x, y = points(page)[3 * 13 + 9]
    spoken = page.locator(".plot").first.get_attribute("aria-label").replace("−", "-")
    assert f"The stimulus, upper corridor 3, lower 9, is ringed, at {x:.2f}, {y:.2f}." in spoken
    image = drawn(page, "[...explorer.image]")
    for place, pixels in ((".stimulus", image), (".decoded", reconstruction(all_runs["all-c10"], image)[1])):
        above, below = np.reshape(pixels, (13, 13))[:6].mean(0), np.reshape(pixels, (13, 13))[7:].mean(0)
        words = (
            f"Lightest above: column {above.argmin()} ({100 * (1 - above.min()):.0f} % open), "
            f"below: column {below.argmin()} "
        )
        assert words in page.locator(f"{place} canvas").first.get_attribute("aria-label")


@pytest.mark.parametrize("width", [360, 1200])
def test_a_term_is_explained_where_it_stands(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("new Promise(requestAnimationFrame)")  # by then the theme's sidebar has begun to slide
    page.evaluate("Promise.all(document.getAnimations().filter(x => x instanceof CSSTransition).map(x => x.finished))")
    for term in page.locator(".explorer .term:visible").all():
        words = term.locator("span")
        assert not words.is_visible()
        term.focus()
        box = words.bounding_box()
        assert words.text_content() and box["x"] >= 0 and box["x"] + box["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.activeElement.blur()")
    page.set_viewport_size({"width": 1200, "height": 900})


def test_the_legend_says_which_of_two_classes_is_which(opened):
    colours = []
    for colour, shown in (("x_UC", False), ("x_UC ≤ x_LC (E2M1)", True), ("25 regions (E2M4, E2M5)", False)):
        show(opened, f"model=all&capacity=10&colour={colour}")
        colours.append(drawn(opened, "explorer.coloursOf(explorer.sides[0])"))
        assert ("blue: yes, beige: no" in opened.locator(".legend").text_content()) == shown
    yes, no = colours[1][12], colours[1][-13]  # pairs (0, 12) and (12, 0)
    assert (yes, no) == ("#4a6fa5", "#e8e4d8")


@pytest.mark.parametrize("width", [360, 400, 1000, 1280, 1920])
def test_the_page_fits_its_width(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.evaluate("explorer.root.querySelectorAll('details').forEach(part => { part.open = true; })")
    for state in ("model=all&capacity=10", "model=all&capacity=10&model2=all"):
        show(opened, state)
        assert drawn(opened, "document.documentElement.scrollWidth <= innerWidth")
        beyond = drawn(
            opened,
            """(() => { const right = explorer.root.getBoundingClientRect().right + 1;
            return [...explorer.root.querySelectorAll('*')].filter(x => x.checkVisibility()
                && x.getBoundingClientRect().right > right).map(x => x.outerHTML.slice(0, 100)); })()""",
        )
        assert beyond == []
    opened.evaluate("explorer.root.querySelectorAll('details').forEach(part => { part.open = false; })")
    opened.set_viewport_size({"width": 1200, "height": 900})


def test_the_map_is_the_picture_beside_stimulus_and_image_and_all_are_on_one_screen_of_a_phone(opened):
    places = """['.controls', '.stimulus', '.plot', '.decoded .image'].map(name => {
        const { left, right, top, bottom } = document.querySelector(`.scene ${name}`).getBoundingClientRect();
        return [left, right, top, bottom]; })"""
    show(opened, "model=baseline&capacity=1")
    for width, height in (1280, 900), (400, 800):
        opened.set_viewport_size({"width": width, "height": height})
        opened.wait_for_timeout(500)  # the theme's sidebar glides to its place
        controls, stimulus, plot, image = drawn(opened, places)
        if width == 1280:
            assert plot[1] - plot[0] >= 520
            assert stimulus[1] < plot[0] and plot[1] < image[0]  # a row
            assert max(stimulus[2], plot[2], image[2]) < min(stimulus[3], plot[3], image[3])
        else:
            column = drawn(opened, "explorer.scene.clientWidth")
            assert plot[1] - plot[0] == column and plot[3] - controls[2] <= height - 48  # below the book's bar
    opened.set_viewport_size({"width": 1200, "height": 900})


@pytest.mark.parametrize("width", [400, 1280])
def test_the_capacity_moves_neither_the_stimulus_nor_the_map(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    places = """['.stimulus canvas', '.plot'].map(name => {
        const { x, y, width, height } = document.querySelector(name).getBoundingClientRect();
        return [x, y + scrollY, width, height]; })"""
    show(opened, "model=baseline&capacity=10")
    opened.wait_for_timeout(500)
    before = drawn(opened, places)
    for capacity in (4.4, 0.3):
        opened.evaluate(f"explorer.moveCapacity(explorer.sides[0], {capacity})")
        opened.wait_for_timeout(200)
        near(drawn(opened, places), before, 1)
    opened.set_viewport_size({"width": 1200, "height": 900})


def test_what_is_touched_is_large_enough_and_texts_are_whole(opened):
    """24 px on a narrow screen; the frame of a slider in focus cuts no text; a select shows its longest option."""
    opened.set_viewport_size({"width": 400, "height": 900})
    show(opened, "model=all&capacity=10&model2=all&capacity2=1")
    opened.evaluate("explorer.root.querySelectorAll('details').forEach(part => { part.open = true; })")
    small = drawn(
        opened,
        """[...explorer.root.querySelectorAll('button, select, input:not([type=checkbox]), label')]
        .filter(x => x.checkVisibility() && x.getBoundingClientRect().height < 24).map(x => x.outerHTML)""",
    )
    assert small == []
    cut = opened.evaluate("""() => [...explorer.root.querySelectorAll('[type=range]:enabled')].filter(slider => {
        slider.focus({ focusVisible: true });
        const style = getComputedStyle(slider), a = slider.getBoundingClientRect();
        const beyond = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
        const texts = document.createTreeWalker(explorer.root, NodeFilter.SHOW_TEXT);
        for (let text; (text = texts.nextNode());) {
            const range = document.createRange();
            range.selectNodeContents(text);
            for (const b of range.getClientRects())
                if (b.width && b.left < a.right + beyond && b.right > a.left - beyond
                    && b.top < a.bottom + beyond - 1 && b.bottom > a.top - beyond + 1
                    && !text.parentElement.closest('select')) return true;
        }
    }).map(slider => slider.outerHTML)""")
    assert cut == []
    short = drawn(
        opened,
        """[explorer.planes, explorer.colour].filter(select => {
        const context = document.createElement('canvas').getContext('2d'), style = getComputedStyle(select);
        context.font = style.font;
        const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 20;
        return [...select.options].some(option => context.measureText(option.text).width > room);
    }).map(select => select.name)""",
    )
    opened.set_viewport_size({"width": 1200, "height": 900})
    assert short == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["explore", "widget"])
def test_axe_finds_no_serious_fault(visit, serious_faults, book, theme, name):
    page = visit(f"file://{book}/book/{name}.html#model=all&capacity=10&model2=all", color_scheme=theme, ready=WIDGET)
    page.evaluate("document.querySelectorAll('.explorer details').forEach(part => { part.open = true; })")
    page.wait_for_function("document.querySelector('.plot').ariaLabel")
    assert serious_faults(page, theme) == []
    page.context.close()
