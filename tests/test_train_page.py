"""The page Train in a real browser: it trains, it says what it sees, and what it gives away opens in Python."""

import base64
import dataclasses
import json
import struct

import numpy as np
import pytest
import torch

import geomlib as g
from geomlib import claims, data, places, results, runs
from geomlib.explorer import Trainer, networks

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Train</title><link rel="stylesheet" href="explorer.css"><link rel="stylesheet" href="train.css">
<body><main><h1>Train</h1><div class="explorer trainer" id="trainer"></div>
<div class="explorer-still"><img src="train.png" alt="Four maps">It needs SIMD.</div></main>
<script src="train.js"></script>
<script>geomlib.trainBook(document.getElementById("trainer"));</script>"""
QUICK = """() => {                               // small batches, few steps
    const page = globalThis.page = document.getElementById("trainer").trainer;
    page.batch = 16;
    page.reset();
    page.runs.runs = [];
    page.runs.keep();
    page.choose(48);
    page.set("counts=uniform&capacity=1&task=none&seed=3&steps=12");
}"""
THIRDS = np.indices((13, 13))[1] // 5
OPEN = """files => page.open(files.map(([name, content]) =>
    new File([Uint8Array.from(atob(content), character => character.charCodeAt(0))], name)))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    networks.export_train(folder)
    (folder / "explorer.css").write_text(networks.STYLE)
    (folder / "page.html").write_text(PAGE)
    return folder


@pytest.fixture(scope="module")
def opened(visit, site):
    return visit(f"file://{site}/page.html")


@pytest.fixture
def page(opened):
    opened.evaluate(QUICK)
    yield opened
    assert opened.errors == []


def train(page):
    page.click("[name=train]")
    page.wait_for_function("page.step === page.total && !page.running", timeout=120_000)


def give(page, **files):
    """Open files in the page: their names, with _ for the last dot, and what they hold."""
    whole = lambda content: content if isinstance(content, bytes) else content.encode()
    listed = [
        [".".join(name.rsplit("_", 1)), base64.b64encode(whole(content)).decode()] for name, content in files.items()
    ]
    page.evaluate(OPEN, listed)
    return page.inner_text(".told")


def numbers(page):
    rows = page.evaluate("[...page.rows.children].map(row => [...row.children].map(cell => cell.textContent))")
    value = lambda text: np.nan if text == "–" else float(text.replace("−", "-"))
    return {name: [value(text) for text in values] for name, *values in rows}


def codes_of(page, k=0):
    """Mean codes and variances (169, D) that the page has measured of a network."""
    pair = page.evaluate("k => [[...page.seen[k].mean], [...page.seen[k].variance]]", k)
    return [np.reshape(values, (169, -1)) for values in pair]


# --- training ---------------------------------------------------------------------------------------------------


def test_the_page_opens_from_disk_small_and_asks_nothing_of_other_machines(page, site):
    assert sum(path.stat().st_size for path in site.iterdir() if path.suffix != ".png") < 200e3
    assert page.evaluate("performance.getEntriesByType('resource').every(({ name }) => !name.endsWith('png'))")
    train(page)
    assert page.outside == []
    assert "Step 12 of 12: done." in page.inner_text(".status")


def test_without_a_change_both_networks_are_the_same_network(page):
    train(page)
    paths = page.evaluate("page.paths")
    assert len(paths[0]) == 24 and paths[0] == paths[1]
    assert codes_of(page)[0].tolist() == codes_of(page, 1)[0].tolist()


def test_one_step_pause_and_reset(page):
    page.evaluate("page.set('steps=2000')")  # no training ends before it is paused
    page.click("[name=once]")
    page.wait_for_function("page.step === 1 && !page.busy")
    assert page.inner_text("[name=train]") == "Go on"
    assert page.inner_text(".unsettled") == "Not finished: these numbers still move."
    page.click("[name=train]")
    page.click("[name=train]")  # pause
    page.wait_for_function("!page.running && !page.busy")
    page.click("[name=reset]")
    assert page.evaluate("page.step") == 0 and page.inner_text("[name=train]") == "Train"
    assert page.is_disabled("[name=download]") and page.inner_text(".unsettled") == ""


def test_a_reset_while_a_training_starts_ends_it_and_the_next_one_trains(page):
    page.evaluate("() => { page.train(); page.reset(); }")
    assert page.evaluate("[page.step, page.helpers, page.busy]") == [0, None, False]
    train(page)
    assert page.evaluate("page.seen.length") == 2


def test_slow_motion_goes_one_step_at_a_time(page):
    page.check("[name=slow]")
    page.evaluate("""() => {
        const ask = page.advance;
        page.advanced = [];
        page.advance = function (steps) { this.advanced.push(steps); return ask.call(this, steps); };
    }""")
    page.click("[name=train]")
    page.wait_for_function("page.step === 2")
    page.click("[name=train]")
    assert set(page.evaluate("page.advanced")) == {1}
    page.evaluate("() => { delete page.advance; }")
    page.uncheck("[name=slow]")
    page.wait_for_function("!page.busy")


def test_in_the_background_it_waits_and_goes_on(page):
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.click("[name=train]")
    page.wait_for_function("page.step > 0 && !page.busy")
    page.wait_for_timeout(600)
    step = page.evaluate("page.step")
    assert step < 12 and "waiting, since this tab is in the background" in page.inner_text(".status")
    page.evaluate(hide, False)
    page.wait_for_function("page.step === page.total", timeout=60_000)


def test_a_change_keeps_what_was_trained_until_it_is_trained_anew(page):
    train(page)
    page.select_option("[name=task]", "order")
    assert page.evaluate("page.step") == 12 and page.inner_text("[name=train]") == "Train anew"
    assert "settings before" in page.inner_text(".status")


def test_a_worker_that_fails_says_so_and_reset_helps(page):
    page.evaluate("page.set('counts=uniform&capacity=1&task=none&seed=4&steps=12'); page.batch = 2 ** 24")  # no memory
    page.click("[name=train]")
    page.wait_for_function("page.told.textContent.includes('The training stopped')", timeout=60_000)
    page.evaluate("page.batch = 16")
    page.click("[name=reset]")
    train(page)
    page.errors.clear()  # the browser's own note of the failure


# --- settings ---------------------------------------------------------------------------------------------------


def test_the_board_is_painted_by_pointer_and_by_keys_and_the_address_knows(page):
    box = page.locator(".board.counts").bounding_box()
    at = lambda uc, lc: (box["x"] + (lc + 0.5) * box["width"] / 13, box["y"] + (uc + 0.5) * box["height"] / 13)
    page.select_option("[name=brush]", "0")
    page.mouse.move(*at(2, 1))
    page.mouse.down()
    page.mouse.move(*at(2, 7))
    page.mouse.up()
    counts = np.reshape(page.evaluate("[...page.settings.counts]"), (13, 13))
    assert (counts[2, 1:8] == 0).all() and (counts == 0).sum() == 7
    assert page.input_value("[name=preset]") == "own"
    page.select_option("[name=brush]", "8")
    page.focus(".board.counts")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    counts = np.reshape(page.evaluate("[...page.settings.counts]"), (13, 13))
    assert (
        counts[3, 7] == 32
        and page.locator(".spoken").text_content() == "x_UC 3, x_LC 7: shown 8 times as often as usual"
    )
    hash_ = page.evaluate("location.hash")
    page.evaluate("page.set('counts=uniform')")
    page.evaluate("hash => page.set(hash)", hash_)
    assert page.evaluate("[...page.settings.counts]") == counts.ravel().tolist()


def test_classes_are_painted_and_asked(page):
    page.select_option("[name=task]", "order")
    page.select_option("[name=task]", "painted")  # starts as the task before
    assert page.evaluate("[...page.settings.labels]") == g.TASKS["order"].table.ravel().tolist()
    page.select_option("[name=class]", "2")
    page.focus(".board.classes")
    page.keyboard.press(" ")  # x_UC 6, x_LC 6
    labels = g.TASKS["order"].table.copy()
    labels[6, 6] = 2
    assert page.evaluate("[...page.settings.labels]") == labels.ravel().tolist()
    hash_ = page.evaluate("location.hash")
    train(page)
    run = downloaded(page)
    assert run.spec.heads == {"painted": 3} and run.spec.tasks["painted"] == tuple(map(tuple, labels.tolist()))
    page.evaluate("page.set('counts=uniform')")
    assert page.locator(".board.classes").is_hidden()
    page.evaluate("hash => page.set(hash)", hash_)
    assert page.evaluate("[...page.settings.labels]") == labels.ravel().tolist()


def test_a_table_of_counts_is_opened_and_dropped(page):
    counts = np.random.default_rng(0).integers(0, 900, (13, 13))
    text = "\n".join(",".join(map(str, row)) for row in counts)
    assert "as often as it says" in give(page, counts_csv=text)
    assert page.evaluate("[...page.settings.counts]") == counts.ravel().tolist()
    assert f"counts = np.array([\n    [{', '.join(map(str, counts[0]))}]," in page.text_content("pre")
    halves = np.where(np.indices((13, 13))[1] <= 6, 2000, 260)
    with page.expect_file_chooser() as chooser:
        page.click("[name=opentable]")
    table = "\r\n".join(";".join(f"{x},0" for x in row) for row in halves)
    chooser.value.set_files({"name": "half.csv", "mimeType": "text/csv", "buffer": table.encode()})
    page.wait_for_function("page.presetControl.value === 'bottom'")
    drop = """text => {
        const given = new DataTransfer();
        given.items.add(new File([text], "dropped.csv"));
        page.root.dispatchEvent(new DragEvent("drop", { dataTransfer: given, cancelable: true }));
    }"""
    page.evaluate(drop, text)
    page.wait_for_function("page.presetControl.value === 'own'")
    assert page.evaluate("[...page.settings.counts]") == counts.ravel().tolist()


ROW = ",".join(["5"] * 13)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        (f"{ROW}\n" * 12, "it has 12 rows"),
        (f"{ROW}\n" * 12 + "1,2", "its row 13 has 2 cells"),
        (f"{ROW}\n" * 12 + ROW.replace("5", "0", 1).replace("0", "-3"), "its row 13, column 1 holds “-3”"),
        (f"{ROW}\n" * 12 + ROW.replace("5", "NaN", 1), "its row 13, column 1 holds “NaN”, which is no number"),
        (f"{ROW}\n" * 12 + ROW.replace("5", "", 1), "column 1 holds “”, which is no number"),
        (f"{ROW}\n" * 12 + ROW.replace("5", "many", 1), "“many”, which is no number"),
        (f"{ROW.replace('5', '0')}\n" * 13, "it holds zeros alone"),
        (f"{ROW.replace('5', '1e9')}\n" * 13, "its sum is 169,000,000,000, above 5,000,000 images"),
        ("5" * 200_000, "too large for a table"),
        ("a photograph \x00\x01", "it has 1 row"),
    ],
)
def test_a_table_that_is_none_is_answered_by_a_sentence_and_nothing_is_lost(page, text, said):
    page.evaluate("page.set('counts=stripe&capacity=2')")
    before = page.evaluate("page.hash()")
    told = give(page, table_csv=text)
    assert told.startswith("table.csv was not opened: ") and said in told and told.endswith(".")
    assert page.evaluate("page.hash()") == before


def test_what_makes_no_sense_is_told_and_nothing_is_lost(page):
    page.evaluate("page.set('world=sea&counts=abc&capacity=99&task=constructor&seed=-1&steps=0')")
    told = page.inner_text(".told")
    assert all(
        part in told
        for part in (
            "world sea: one of corridors, rings, blob",
            "counts abc",
            "capacity 99: 0.1 to 12 nats",
            "task constructor",
            "seed -1",
            "steps 0",
        )
    )
    kept = page.evaluate("[page.settings.capacity, page.seedControl.value, page.taskControl.value]")
    assert kept == [0.3, "0", "none"]
    page.evaluate(f"page.set('counts={'0' * 169}')")
    page.click("[name=train]")
    page.wait_for_function("page.told.textContent.includes('paint at least one')")
    page.evaluate(f"page.set('task=mine&classes={'1' * 169}')")
    page.click("[name=train]")
    page.wait_for_function("page.told.textContent.includes('paint a second class')")


# --- what is shown ------------------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_claims(page):
    page.select_option("[name=task]", "region")
    page.select_option("[name=preset]", "bottom")
    train(page)
    page.wait_for_function("page.limit", timeout=120_000)
    found, labels = numbers(page), g.TASKS["region"].table
    for k in (0, 1):
        means, variances = codes_of(page, k)
        sharp = g.measures.resolution_of(means, variances)
        exponent = g.measures.frequency_exponent(sharp, g.COUNTS["bottom"], axis=1)
        assert found["d' grows with frequency to the power"][k] == pytest.approx(exponent, abs=0.006)
        assert found["unevenness of d'"][k] == pytest.approx(claims.unevenness(sharp), abs=0.006)
        ratio = g.measures.border_ratio(sharp, labels)
        assert found["d' across the task's borders / elsewhere"][k] == pytest.approx(ratio, abs=0.006)
        turn = np.subtract(*g.measures.turn(means, variances, labels))
        assert page.evaluate(
            "([k, labels]) => geomlib.turnOf(page.seen[k].mean, page.seen[k].variance, labels)",
            [k, labels.ravel().tolist()],
        ) == pytest.approx(turn, abs=0.05)
    assert found["error of a pixel"][2] < 0.15
    sharp = claims.limit_map("E1M1", 1.0)
    exponent, unevenness = page.evaluate("""() => {
        const { edges } = geomlib.limitAt(page.limit, 1);
        return [geomlib.exponentOf(edges, page.settings.counts), geomlib.unevennessOf(edges)];
    }""")
    assert exponent == pytest.approx(g.measures.frequency_exponent(sharp, g.COUNTS["bottom"], axis=1), abs=0.05)
    assert unevenness == pytest.approx(claims.unevenness(sharp), abs=0.05)


@pytest.mark.parametrize(
    ("state", "batch", "shown"),
    [
        (
            "counts=bottom&capacity=0.3&task=none",
            32,
            lambda found: np.subtract(*found["d' grows with frequency to the power"][:2]) > 0.1,
        ),
        (
            "counts=bottom&capacity=0.3&task=order",
            64,
            lambda found: (
                np.divide(*found["d' across the task's borders / elsewhere"][:2]) > 2
                and found["right answers (share)"][0] > 0.7
            ),
        ),
    ],
    ids=["frequency", "task"],
)
def test_300_steps_show_what_frequency_and_a_task_do(page, state, batch, shown):
    page.evaluate("([state, batch]) => { page.batch = batch; page.set(state + '&seed=1&steps=300'); }", [state, batch])
    page.click("[name=train]")
    page.wait_for_function("page.step === page.total && !page.running", timeout=600_000)
    assert shown(numbers(page))


def test_300_steps_show_what_capacity_does(page):
    found = {}
    for capacity in (0.3, 10):
        page.evaluate(
            "state => { page.batch = 32; page.set(state); }",
            f"counts=uniform&capacity={capacity}&task=none&seed=1&steps=300",
        )
        page.click("[name=train]")
        page.wait_for_function("page.step === page.total && !page.running && page.limit", timeout=600_000)
        found[capacity] = numbers(page)["resolution d', mean"]
    assert found[10][0] > 4 * found[0.3][0]
    for yours, partner, limit in found.values():
        assert yours == partner and 0.6 < yours / limit < 1.4
    assert "Neighbours are told apart in 9" in page.locator(".codes .note").first.text_content()


@pytest.mark.parametrize(("model", "pairs"), [("E1M1", {"axis": 1}), ("E1M2", {"jump": np.inf})])
def test_measures_of_a_released_network_are_those_of_the_library(page, model, pairs):
    means, variances = results.codes()[model, 0.3, 0]
    others, _ = results.codes()["baseline", 0.3, 0]
    sharp, counts = g.measures.resolution_of(means, variances), g.COUNTS[g.paper.MODELS[model]["counts"]]
    given = [np.ravel(x).astype(float).tolist() for x in (means, variances, others, counts, g.TASKS["order"].table)]
    exponent, unevenness, ratio, turn, rsa = page.evaluate(
        """([mean, variance, other, counts, labels]) => {
            const edges = geomlib.resolution(mean, variance);
            return [geomlib.exponentOf(edges, counts), geomlib.unevennessOf(edges), geomlib.borderRatio(edges, labels),
              geomlib.turnOf(mean, variance, labels), geomlib.rsa(mean, other)];
        }""",
        given,
    )
    apart = [np.linalg.norm(x[:, None] - x, axis=2) for x in (means.astype(float), others.astype(float))]
    assert exponent == pytest.approx(g.measures.frequency_exponent(sharp, counts, **pairs), abs=1e-4)
    assert unevenness == pytest.approx(claims.unevenness(sharp), abs=1e-4)
    assert ratio == pytest.approx(g.measures.border_ratio(sharp, g.TASKS["order"].table), abs=1e-4)
    assert turn == pytest.approx(np.subtract(*g.measures.turn(means, variances, g.TASKS["order"].table)), abs=1e-2)
    assert rsa == pytest.approx(g.measures.rsa(*apart), abs=1e-4)


def test_the_limit_is_that_of_theory(page):
    found = page.evaluate("""() => {
        const limit = geomlib.limitOf(Float64Array.from({ length: 169 }, (_, pair) => (pair % 13 <= 6 ? 200 : 26)));
        return [limit.floor, ...[0.3, 1, 3].map(rate => geomlib.limitAt(limit, rate).error)];
    }""")
    assert found[0] == pytest.approx(g.theory.ends("bottom")[1], abs=1e-6)
    np.testing.assert_allclose(found[1:], [0.1356, 0.1134, 0.0694], atol=2e-4)  # theory.rate_distortion("bottom")


@pytest.mark.parametrize("world", data.WORLDS)
def test_its_worlds_are_those_of_geomlib(page, world):
    wall = page.evaluate("world => [...geomlib.wallTable(world)]", world)
    np.testing.assert_allclose(np.reshape(wall, (13,) * 4), data.world_table(world), atol=1e-6)
    assert page.evaluate("Object.keys(geomlib.WORLD_NAMES)") == list(data.WORLDS)
    four = """world => {                            // four pairs: quick, here and there
        const frequencies = Float64Array.from({ length: 169 }, (_, pair) => [0, 5, 80, 168].indexOf(pair) + 1);
        const limit = geomlib.limitOf(frequencies, world);
        return [limit.floor, ...[0.3, 0.8, 1.1].map(rate => geomlib.limitAt(limit, rate).error)];
    }"""
    counts = np.zeros(169, int)
    counts[[0, 5, 80, 168]] = [1, 2, 3, 4]
    rates, errors = g.theory.rate_distortion(counts.reshape(13, 13) * 100, world=world)
    expected = [errors[-1], *np.interp([0.3, 0.8, 1.1], rates, errors)]
    np.testing.assert_allclose(page.evaluate(four, world), expected, atol=5e-4)


def test_a_world_has_its_own_words_and_images_and_the_limit_of_its_own(page):
    page.evaluate("page.set('capacity=1&steps=12&seed=3')")
    corridors = page.evaluate("[...page.image]")
    page.select_option("[name=world]", "blob")
    assert page.evaluate("[...page.image]") != corridors
    assert "world=blob" in page.evaluate("location.hash")
    assert "row ≤ column?" in page.inner_text("[name=task]") and "x_UC" not in page.inner_text(".choices")
    assert "row 3, column 9." in page.inner_text(".seen .about")
    train(page)
    assert page.input_value("[name=world]") == "blob"
    blob = codes_of(page)[0]
    page.select_option("[name=world]", "corridors")
    assert page.inner_text("[name=train]") == "Train anew" and "x_UC 3, x_LC 9." in page.inner_text(".seen .about")
    train(page)
    assert not np.allclose(blob, codes_of(page)[0], atol=1e-3)
    said = page.locator(".kept li .said").all_inner_texts()
    assert said[0].startswith("One blob on a field, ") and said[1] == "One blob on a field → two corridors."


def test_a_map_is_the_plane_of_the_codes_upright(page):
    rng = np.random.default_rng(0)
    square = np.indices((13, 13)).reshape(2, 169).T - 6.0
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    codes = np.pad(square * [1, 0.8], ((0, 0), (0, 3))) @ turn + 1
    points, share = page.evaluate(
        "codes => { const { points, share } = geomlib.planeOf(codes); return [[...points], share]; }",
        codes.ravel().tolist(),
    )
    assert share == pytest.approx(1)
    np.testing.assert_allclose(np.reshape(points, (169, 2)), np.c_[0.8 * square[:, 1], -square[:, 0]], atol=1e-4)


def test_both_networks_reconstruct_the_stimulus_under_the_pointer_or_the_keys(page):
    train(page)
    page.wait_for_timeout(400)  # the map has come to rest
    page.focus(".codes .plot")
    page.keyboard.press("ArrowLeft")
    assert page.locator(".spoken").text_content() == "x_UC 3, x_LC 8"
    page.wait_for_function("!page.looking && page.seen[1].pixels")
    image, own, other = page.evaluate("[page.image, page.seen[0].pixels, page.seen[1].pixels].map(x => [...x])")
    model = downloaded(page).model
    with torch.inference_mode():
        expected = model.decode(model.encode(torch.tensor(image, dtype=torch.float32).view(1, 1, 13, 13))[0]).ravel()
    np.testing.assert_allclose(own, expected, atol=1e-4)
    assert own == other  # nothing differs between the two
    x, y, pair = page.evaluate(
        """() => {
            const [plot] = page.plots, half = plot.clientWidth / 2, scale = (half - 16) / page.scale;
            const { shown } = page.seen[0], places = Array.from({ length: 169 }, (_, pair) => shown[2 * pair]);
            const right = places.indexOf(Math.max(...places));
            return [half + scale * shown[2 * right], half - scale * shown[2 * right + 1], right];
        }"""
    )
    page.locator(".codes .plot").first.hover(position={"x": x, "y": y})
    page.wait_for_function("pair => page.pair === pair", arg=pair)
    page.wait_for_function("!page.looking")
    assert page.evaluate("[...page.seen[0].pixels]") != own
    said = f"x_UC {pair // 13}, x_LC {pair % 13}. Squared error of a pixel: 0."
    assert page.inner_text(".seen .about").startswith(said)
    page.dispatch_event(".board.counts", "pointermove", {"clientX": 0, "clientY": 0})
    assert page.evaluate("page.pair") == 0


# --- runs ----------------------------------------------------------------------------------------------------------


def test_finished_runs_are_kept_compared_and_come_back_from_storage_and_from_a_file(page, site):
    train(page)
    page.evaluate("page.set('counts=bottom&capacity=3&task=order&seed=3&steps=12')")
    train(page)
    said = page.locator(".kept .said").all_text_contents()
    assert said == [
        "1 nat, all alike, no task, seed 3, 12 steps.",
        "Capacity 1 → 3 nats, all alike → x_LC ≤ 6 more often (E1M1), no task → task order.",
    ]
    assert page.locator(".beside").is_hidden()
    for k in (0, 1):
        page.locator(".kept [type=checkbox]").nth(k).check()
    kept = page.evaluate("page.runs.runs.map(run => run.mean)")
    apart = [np.linalg.norm(x[:, None] - x, axis=2) for x in (np.reshape(mean, (169, 5)) for mean in kept)]
    assert page.inner_text(".likeness").startswith(f"RSA {g.measures.rsa(*apart):.2f}".replace("-", "−"))
    page.locator(".kept [name=title]").first.fill("plain")
    page.locator(".kept [name=title]").first.press("Enter")
    with page.expect_download() as download:
        page.click("[name=save]")
    text = download.value.path().read_text()
    other = page.context.new_page()
    other.goto(f"file://{site}/page.html")
    assert other.input_value(".kept [name=title]") == "plain"
    other.click("[aria-label='Set up again: run 2']")
    assert "capacity=3" in other.evaluate("location.hash")
    other.click("[aria-label='Forget plain']")
    other.click("[aria-label='Forget run 2']")
    assert other.locator(".kept li").count() == 0
    other.evaluate("globalThis.page = document.getElementById('trainer').trainer")
    assert give(other, runs_json=text) == "runs.json: 2 runs."
    assert other.locator(".kept .said").all_text_contents() == said
    other.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no list", "it is no JSON"),
        ("[]", "it is no list of runs"),
        ('{"runs": [{"name": "a", "said": "b"}]}', "its run 1 has no name or no settings"),
        ('{"runs": [{"name": "a", "said": "b", "address": "", "mean": [1], "variance": [1]}]}', "no whole code"),
        (g.runs.spec_json(g.Spec()), "it is the spec of a run: choose weights.safetensors"),
    ],
)
def test_a_list_that_is_none_is_answered_by_a_sentence(page, text, said):
    told = give(page, runs_json=text)
    assert told.startswith("runs.json was not opened: ") and said in told
    assert page.locator(".kept li").count() == 0


# --- networks as files -----------------------------------------------------------------------------------------------


def downloaded(page):
    """The page's network, read by geomlib."""
    with page.expect_download() as download:
        page.click("[name=download]")
    return runs.load_file(download.value.path())


@pytest.mark.parametrize(
    "state",
    [
        "counts=uniform&capacity=2.5&task=none",
        "counts=diagonal&capacity=1&task=region",
        f"counts={'12' * 84}3&capacity=1&task=thirds&classes={''.join(map(str, THIRDS.ravel()))}",
        f"counts={','.join(map(str, range(40, 209)))}&usual=100&capacity=1&task=none",
        "world=blob&counts=bottom&capacity=1&task=order",
    ],
)
def test_a_downloaded_network_opens_in_python_and_its_lines_train_the_same(page, monkeypatch, state):
    page.evaluate("state => page.set(state + '&seed=5&steps=12')", state)
    train(page)
    page.evaluate("page.set('counts=stripe')")  # its spec is that of its training
    run = downloaded(page)
    assert run.spec.steps == 12 and run.spec.seed == 5 and run.spec.batch_size == 16 and len(run.history) == 0
    mean, variance = codes_of(page)
    drawn = g.corridors(np.full((13, 13), 30), seed=2, world=run.spec.world)
    with torch.inference_mode():
        mu, logvar = (part.numpy() for part in run.model.encode(torch.from_numpy(drawn.images)))
    theirs = g.measures.pair_means(mu, drawn.factors)
    assert np.corrcoef(theirs.ravel(), mean.ravel())[0, 1] > 0.95
    np.testing.assert_allclose(variance.mean(0), np.exp(logvar).mean(0) + mu.var(0) - theirs.var(0), rtol=0.1)
    page.evaluate("state => page.set(state + '&seed=5&steps=12')", state)
    specs = []
    monkeypatch.setattr(g, "fit", lambda given: [specs.extend(given)])
    exec(page.text_content(".trainer pre"), {})
    assert dataclasses.replace(specs[0], batch_size=16) == run.spec


def test_a_network_of_the_page_opens_again_as_it_was(page):
    page.evaluate(
        f"page.set('counts=corner&capacity=2&task=thirds&classes={''.join(map(str, THIRDS.ravel()))}&steps=12')"
    )
    train(page)
    before, hash_ = codes_of(page), page.evaluate("page.hash()")
    file = bytes(page.evaluate("page.file().then(bytes => [...bytes])"))
    page.evaluate("page.reset(); page.set('counts=uniform&steps=12')")
    assert give(page, mine_safetensors=file) == ""
    page.wait_for_function("page.seen.length === 1")
    np.testing.assert_allclose(codes_of(page), before, atol=1e-6)
    assert page.evaluate("page.hash()") == hash_
    assert "You see the network of mine.safetensors." in page.inner_text(".status")
    assert page.input_value(".kept li:last-child [name=title]") == "mine"
    assert bytes(page.evaluate("page.file().then(bytes => [...bytes])"))[-1000:] == file[-1000:]


def test_a_released_run_of_geomlib_opens_with_its_spec(page):
    folder = places.released_runs() / "E2M1-c1-s0"
    weights, spec = (folder / "weights.safetensors").read_bytes(), (folder / "spec.json").read_text()
    assert "has no spec: choose spec.json" in give(page, weights_safetensors=weights)
    assert give(page, weights_safetensors=weights, spec_json=spec) == ""
    page.wait_for_function("page.seen.length === 1")
    means, variances = results.codes()["E2M1", 1, 0]
    mean, _ = codes_of(page)
    assert np.corrcoef(mean.ravel(), means.ravel())[0, 1] > 0.99
    assert page.evaluate("page.hash()") == "counts=uniform&capacity=1&task=order&seed=0&steps=7974"
    found = numbers(page)
    assert found["rate (nats)"][0] == pytest.approx(1, abs=0.2)
    ratio = g.measures.border_ratio(g.measures.resolution_of(means, variances), g.TASKS["order"].table)
    assert found["d' across the task's borders / elsewhere"][0] == pytest.approx(ratio, rel=0.3)


def safetensors(spec=None, **tensors):
    """Bytes of a safetensors file of float32."""
    header, data = {} if spec is None else {"__metadata__": {"spec": spec}}, b""
    for name, value in tensors.items():
        value = np.asarray(value, "<f4")
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def wrong_networks():
    good = g.runs.spec_json(g.Spec(steps=500, capacity=0.3))
    model = {name: value.numpy() for name, value in g.BetaVAE().state_dict().items()}
    nan = model | {"mu.bias": np.full(5, np.nan)}
    short = safetensors(good, **model)[:-10]
    yield "no network", b"no network", "no safetensors file"
    yield "empty", b"", "no safetensors file"
    yield "cut short", short, "not a whole one"
    yield "no spec", safetensors(**model), "has no spec"
    yield "NaN", safetensors(good, **nan), "its mu.bias holds values that are no finite numbers"
    yield "shape", safetensors(good, **model | {"mu.bias": np.zeros(4)}), "its mu.bias is 4, and its spec says 5"
    yield "missing", safetensors(good, **{"mu.bias": model["mu.bias"]}), "encoder.0.weight is missing"
    for form in {"layers": "perceptron"}, {"channels": 128}:
        spec = g.runs.spec_json(g.Spec(steps=500, **form))
        yield f"{form}", safetensors(spec, **model), "it has other layers than the paper's"
    yield "more", safetensors(good, **model, other=[1]), "it holds other, which a network of its spec doesn't have"
    yield "no JSON", safetensors("{", **model), "its spec is no JSON"
    yield "old", safetensors('{"world": "corridors"}', **model), "its spec lacks"
    own = g.runs.spec_json(g.Spec(world=np.full((13, 13, 13, 13), 0.5)))
    yield "own world", safetensors(own, **model), "it was trained in a world of its own"
    two = g.runs.spec_json(g.Spec(tasks=["order", "region"]))
    yield "two tasks", safetensors(two, **model), "it answers 2 tasks at once"


@pytest.mark.parametrize(("file", "said"), [pytest.param(*rest, id=name) for name, *rest in wrong_networks()])
def test_a_file_that_is_no_network_of_this_page_is_answered_by_a_sentence(page, file, said):
    page.evaluate("page.set('counts=stripe&capacity=2')")
    before = page.evaluate("page.hash()")
    told = give(page, mine_safetensors=file)
    assert told.startswith("mine.safetensors was not opened: ") and said in told
    assert page.evaluate("page.hash()") == before and page.locator(".kept li").count() == 0


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    path.write_text("no network")
    with pytest.raises(ValueError, match="no safetensors file"):
        runs.load_file(path)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="has no spec"):
        runs.load_file(path)
    bad = torch.full((5,), torch.nan), "network.safetensors: mu.bias holds a value that is no finite number"
    for bias, words in bad, (torch.zeros(4), "weights of another network .*mu.bias"):
        save_file(g.BetaVAE().state_dict() | {"mu.bias": bias}, path, {"spec": g.runs.spec_json(g.Spec())})
        with pytest.raises(ValueError, match=words):
            runs.load_file(path)


# --- the widget, and where there is no engine -------------------------------------------------------------------------


def test_the_widget_trains_and_its_network_comes_back_as_a_run(visit, tmp_path):
    widget = Trainer(counts=np.arange(1, 170).reshape(13, 13), tasks={"thirds": THIRDS}, capacity=1, seed=7, steps=3)
    with pytest.raises(ValueError, match="press Train"):
        _ = widget.run
    model = {"_spec": widget._spec, "state": widget.state}
    (tmp_path / "widget.js").write_text(
        Trainer._esm.replace("export default", "globalThis.widget =") + f"globalThis.given = {json.dumps(model)};"
    )
    (tmp_path / "page.html").write_text('<!doctype html><body><script src="widget.js"></script>')
    page = visit(f"file://{tmp_path}/page.html")
    page.evaluate("""() => {
        const set = (name, value) => { given[name] = value; };
        const model = { get: name => given[name], set, save_changes() {}, on() {} };
        widget.render({ model, el: document.body });
        document.querySelector(".trainer").trainer.batch = 16;
    }""")
    page.click("[name=train]")
    page.wait_for_function("given._trained", timeout=60_000)
    file = bytes(page.evaluate("[...new Uint8Array(given._trained.buffer)]"))
    update = {"method": "update", "state": {}, "buffer_paths": [["_trained"]]}  # as Jupyter brings it
    widget._handle_msg({"content": {"data": update}, "buffers": [memoryview(file)]})
    spec = widget.run.spec
    assert spec.counts == tuple(map(tuple, (np.arange(1, 170).reshape(13, 13) * 14).tolist()))
    assert spec.heads == {"thirds": 3} and spec.seed == 7 and spec.steps == 3
    assert page.errors == []
    page.context.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"capacity": 50}, "0.1 to 12 nats"),
        ({"tasks": ["order", "region"]}, "one task at most"),
        ({"tasks": {"many": np.arange(169).reshape(13, 13) // 4}}, "43 classes; the page knows tables of 36"),
        ({"counts": np.zeros((13, 13))}, "counts must sum to"),
        ({"world": np.zeros((13, 13, 13, 13))}, "world must be one of corridors, rings, blob in the page, got a table"),
    ],
)
def test_the_widget_refuses_what_the_page_cannot_train(given, said):
    with pytest.raises(ValueError, match=said):
        Trainer(**given)


def test_without_simd_or_scripts_a_picture_and_a_sentence_stand_in_its_place(visit, site):
    page = visit("about:blank")
    page.add_init_script("WebAssembly.validate = () => false")
    page.goto(f"file://{site}/page.html")
    plain = visit(f"file://{site}/page.html", java_script_enabled=False)
    for other in (page, plain):
        assert other.get_by_text("It needs SIMD.").is_visible() and other.errors == []
        assert other.locator(".explorer-still img").evaluate("image => image.naturalWidth > 500")
        other.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, serious_faults, theme):
    for _ in range(2):
        train(page)
    for k in (0, 1):
        page.locator(".kept [type=checkbox]").nth(k).check()
    page.select_option("[name=task]", "painted")
    assert serious_faults(page, theme) == []
    for width in (360, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1200, "height": 900})
