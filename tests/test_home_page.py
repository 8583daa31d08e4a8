"""The live figures of the home page in a real browser: controls move them, and their numbers are the library's."""

import itertools
import re

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import pdist

import geomlib as g
from geomlib import measures, paper, results
from geomlib.explorer import home

INTRO = (paper.ROOT / "book/intro.md").read_text()
FIGURES = re.findall(r"```\{figure\} _static/(\S+)\n:name: (\S+)", INTRO)
LIVE = ["hand", "capacity", "frequency", "question"]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Home</title><link rel="stylesheet" href="home.css"><body><main><h1>Home</h1>{}</main>
<script src="home.js"></script>"""
LIVE_OF = "(name => document.querySelector(`.live-${name}`).live)"


@pytest.fixture(scope="module")
def codes():
    return results.codes()


@pytest.fixture(scope="module")
def site(tmp_path_factory, codes):
    """The figures of the essay's own names, each with its still picture, and what the graph writes for them."""
    folder = tmp_path_factory.mktemp("home")
    home.export_home(folder, codes)
    figures = "".join(
        f'<figure id="{name}"><img alt="still" src="{path.split("/")[-1]}"><figcaption>{name}</figcaption></figure>'
        for path, name in FIGURES
        if path.startswith("explorer/")
    )
    (folder / "page.html").write_text(PAGE.format(figures))
    return folder


@pytest.fixture(scope="module")
def page(visit, site):
    """Without motion, so that what a control asks for is there at once."""
    return visit(f"file://{site}/page.html", reduced_motion="reduce")


def ask(page, name, what):
    return page.evaluate(f"{LIVE_OF}('{name}').{what}")


def mean_resolutions(code):
    found = measures.resolution_of(*code)
    return found[np.isfinite(found)]


def test_the_essay_has_at_most_six_figures_and_the_four_live_ones_among_them():
    names = [name for _, name in FIGURES]
    assert len(names) <= 6 and {f"fig-home-{name}" for name in LIVE} <= set(names)
    not_words = r"(?sm)```\{raw\}.*?```|```bash.*?```|^\|[^\n]*$|^:\w+:[^\n]*$|\]\([^)]*\)|\{\w+\}(`[^`]*`)?"
    assert 1200 <= len(re.sub(not_words, " ", INTRO).split()) <= 1800


def test_all_is_small_and_nothing_is_asked_of_other_machines(page, site):
    assert (site / "home.js").stat().st_size + (site / "home.css").stat().st_size < 200e3
    assert page.locator(".live").count() == len(LIVE) and page.outside == [] and page.errors == []


def test_a_code_placed_by_hand_costs_the_rate_of_the_cheapest_scale(page):
    token = page.locator(".live-hand button").nth(1)
    before = ask(page, "hand", "places")
    token.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    places = ask(page, "hand", "places")
    assert np.subtract(places, before)[1] == pytest.approx([-0.25, 0.5])
    box = page.locator(".live-hand button").nth(4).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 30)
    page.mouse.up()
    page.wait_for_function(f"old => {LIVE_OF}('hand').places[4][0] > old", arg=places[4][0] + 0.5)
    places = np.array(ask(page, "hand", "places"))
    page.wait_for_timeout(100)  # until it is drawn

    def rate(scale, at):  # of one latent, its codes about 0
        mu = torch.tensor(scale * (at - at.mean()))[:, None]
        return float(g.rate(mu, torch.full_like(mu, 2 * np.log(scale))).mean())

    cheapest = [minimize_scalar(rate, args=(at,), bounds=(0.01, 1), method="bounded").fun for at in places.T]
    found = ask(page, "hand", "result")
    assert found["cost"] == pytest.approx(sum(cheapest), abs=1e-4)
    told = measures.dprime_of(places, np.ones((5, 2)))
    least = told[tuple(found["least"]["names"])]
    assert found["least"]["d"] == pytest.approx(least) and least == told[np.triu_indices(5, 1)].min()
    said = page.inner_text(".live-hand .said")
    assert f"{sum(cheapest):.2f} nats" in said and f"{100 * measures.proportion_correct(least):.0f}\xa0%" in said


def test_the_capacity_moves_the_map_and_says_what_the_library_measures(page, codes):
    slider = page.locator("[name=capacity]")
    slider.focus()
    page.keyboard.press("Home")
    for i, capacity in enumerate(sorted(c for m, c, s in codes if (m, s) == ("baseline", 0))):
        page.keyboard.press("ArrowRight") if i else None
        assert ask(page, "capacity", "at") == i
        found = mean_resolutions(codes["baseline", capacity, 0])
        said = page.inner_text(".live-capacity .said")
        assert (
            f"{100 * measures.proportion_correct(found).mean():.0f}\xa0%" in said
            and f"d′ of {found.mean():.2f}" in said
        )
        points = np.reshape(ask(page, "capacity", f"stops[{i}].points"), (169, 2))
        plain = measures.embed(codes["baseline", capacity, 0][0])
        np.testing.assert_allclose(pdist(points), pdist(plain), atol=4e-3)  # sent in half precision
    drawn = "document.querySelector('.live-capacity .map').toDataURL()"
    page.wait_for_timeout(100)
    much = page.evaluate(drawn)
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    assert page.evaluate(drawn) != much and slider.get_attribute("aria-valuetext") == "0.3 nats"


def test_the_maps_are_turned_onto_each_other_and_not_bent(codes):
    turned = home.maps({key: code for key, code in codes.items() if key[0] in ("baseline", "E2M1") and key[1] >= 3})
    for model, capacity in itertools.product(("baseline", "E2M1"), (3, 6, 10)):
        plain = measures.embed(codes[model, capacity, 0][0])
        np.testing.assert_allclose(pdist(turned[model][capacity]), pdist(plain), atol=1e-6)
    for one, other in (
        (turned["baseline"][3], turned["baseline"][6]),
        (turned["baseline"][6], turned["baseline"][10]),
        (turned["E2M1"][3], turned["baseline"][3]),
    ):
        away = np.linalg.norm(one - other)
        for angle, mirror in itertools.product(np.linspace(0, 2 * np.pi, 25), (1, -1)):
            c, s = np.cos(angle), np.sin(angle)
            assert np.linalg.norm(one @ [[c, s], [-s, c]] * [1, mirror] - other) >= away - 1e-6


def test_frequencies_are_chosen_and_the_numbers_are_the_librarys(page, codes):
    page.click("[name=E1M1]")
    counts = np.repeat(g.COUNTS["bottom"].reshape(1, 169), 2, 0)
    assert np.ptp(np.divide(ask(page, "frequency", "levels"), counts[0])) == pytest.approx(0)
    often = g.COUNTS["bottom"] == g.COUNTS["bottom"].max()
    pair = [often[:-1] & often[1:], often[:, :-1] & often[:, 1:]]
    seldom = [~often[:-1] & ~often[1:], ~often[:, :-1] & ~often[:, 1:]]
    for who, model in ("own", "E1M1"), ("partner", "baseline"):
        found = measures.resolution_of(*codes[model, 0.3, 0])
        steps = [found[0, :-1], found[1, :, :-1]]
        for name, chosen in ("frequent", pair), ("rare", seldom):
            expected = np.concatenate([step[some] for step, some in zip(steps, chosen)]).mean()
            assert ask(page, "frequency", f"result.{who}.{name}") == pytest.approx(expected, rel=1e-3)
            assert who == "partner" or f"{expected:.2f}" in page.inner_text(".live-frequency .said")
    page.click(".choice [name=baseline]")
    assert f"d′ of {mean_resolutions(codes['baseline', 0.3, 0]).mean():.2f} on average" in page.inner_text(
        ".live-frequency .said"
    )


def test_what_is_painted_is_trained_beside_a_partner_that_saw_all_alike(page):
    page.click(".choice [name=baseline]")
    ask(page, "frequency", "spec = { ...geomlib.home.training, steps: 12, batch_size: 16 }")
    before = ask(page, "frequency", "edges")
    page.locator(".live-frequency .board").scroll_into_view_if_needed()
    box = page.locator(".live-frequency .board").bounding_box()
    at = lambda row, column: (
        box["x"] + (column + 0.5) * box["width"] / 13,
        box["y"] + (row + 0.5) * box["height"] / 13,
    )
    page.mouse.move(*at(2, 1))
    page.mouse.down()
    page.mouse.move(*at(2, 5), steps=12)
    page.mouse.up()
    page.focus(".live-frequency .board")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    levels = np.reshape(ask(page, "frequency", "levels"), (13, 13))
    assert (levels[2, 1:6] == 8).all() and levels[3, 5] == 8 and levels.sum() == 169 + 7 * 6
    page.wait_for_function(f"{LIVE_OF}('frequency').about.textContent.startsWith('A sketch')", timeout=120_000)
    assert ask(page, "frequency", "edges") != before
    assert "12 steps" in page.inner_text(".live-frequency .about")
    assert ask(page, "frequency", "partner") != ask(page, "frequency", "edges")
    assert page.errors == []
    page.click("[name=E1M2]")  # ends it, and shows a released network again
    assert "released network E1M2" in page.inner_text(".live-frequency .about")
    assert ask(page, "frequency", "workers") == []


@pytest.mark.parametrize("model", paper.ONE_HEAD)
def test_a_question_parts_the_classes_by_what_the_library_measures(page, codes, model):
    page.click(f".live-question [name={model}]")
    page.focus("[name=question-capacity]")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    labels = g.TASKS[paper.MODELS[model]["tasks"][0]].table
    for who, name in ("asked", model), ("plain", "baseline"):
        found = ask(page, "question", f"result.{who}")
        expected = measures.border_ratio(measures.resolution_of(*codes[name, 1, 0]), labels)
        assert found["border"] / found["elsewhere"] == pytest.approx(expected, rel=1e-3)
        assert f"{expected:.1f} times" in page.inner_text(".live-question .said")
    assert f"{model} at 1 nat:" in page.inner_text(".live-question .said")


def test_it_starts_by_itself_in_view_and_ends_where_a_reader_takes_over(visit, site):
    page = visit(f"file://{site}/page.html")
    last = ask(page, "capacity", "stops.length") - 1
    page.locator(".live-capacity .map").scroll_into_view_if_needed()
    page.wait_for_function(f"{LIVE_OF}('capacity').at < {last - 0.2}")
    page.wait_for_function(f"{LIVE_OF}('capacity').at % 1 > 0.1")  # between two networks
    page.focus("[name=capacity]")
    page.keyboard.press("End")
    page.wait_for_function(f"{LIVE_OF}('capacity').at === {last}")
    page.wait_for_timeout(1500)
    assert ask(page, "capacity", "at") == last
    page.context.close()


def test_where_motion_is_reduced_nothing_moves_by_itself(visit, site):
    page = visit(f"file://{site}/page.html", reduced_motion="reduce")
    page.locator(".live-capacity .map").scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    assert ask(page, "capacity", "at") == 0 and ask(page, "capacity", "slider.value") == "0"
    page.context.close()


def test_without_scripts_and_in_print_the_still_pictures_stand_there(visit, site):
    for page in (visit(f"file://{site}/page.html", java_script_enabled=False), visit(f"file://{site}/page.html")):
        page.emulate_media(media="print")
        assert page.locator("figure img").count() == len(LIVE)
        assert all(image.is_visible() for image in page.locator("figure img").all())
        assert not any(live.is_visible() for live in page.locator(".live").all())
        page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_every_screen(page, serious_faults, theme):
    assert serious_faults(page, theme) == []
    for width in (360, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1200, "height": 900})
