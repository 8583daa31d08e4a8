"""The page Train in a real browser: it trains, it says what it sees, and what it gives away opens in Python."""

import dataclasses

import numpy as np
import pytest
import torch

import geomlib as g
from geomlib.explorer import networks

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Train</title><link rel="stylesheet" href="explorer.css"><link rel="stylesheet" href="train.css">
<body><main><h1>Train</h1><div class="explorer trainer" id="trainer"></div></main><script src="train.js"></script>
<script>geomlib.trainBook(document.getElementById("trainer"));</script>"""
QUICK = """steps => {                        // small batches, few steps
    const page = globalThis.page = document.getElementById("trainer").trainer;
    page.batch = 16;
    page.stepsControl.add(new Option(steps, steps));
    page.stepsControl.value = steps;
    page.settle();
}"""


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
    opened.evaluate(QUICK, 12)
    opened.evaluate("page.reset(); page.set('counts=uniform&capacity=1&task=none&seed=3&steps=12')")
    return opened


def train(page):
    page.click("[name=train]")
    page.wait_for_function("page.step === page.total && !page.running", timeout=120_000)


def test_the_page_opens_from_disk_small_and_asks_nothing_of_other_machines(page, site):
    assert sum(path.stat().st_size for path in site.iterdir()) < 200e3
    train(page)
    assert page.outside == [] and page.errors == []
    assert "Step 12 of 12: done." in page.inner_text(".status")


def test_without_a_change_both_networks_are_the_same_network(page):
    train(page)
    paths = page.evaluate("page.paths")
    assert len(paths[0]) == 24 and paths[0] == paths[1]
    assert page.evaluate("page.seen.map(seen => [...seen.mean])[0]") == page.evaluate("[...page.seen[1].mean]")


def test_with_a_task_and_a_painted_world_they_differ_and_the_numbers_show_it(page):
    page.select_option("[name=task]", "region")
    page.select_option("[name=preset]", "bottom")
    train(page)
    assert page.evaluate("page.paths[0].at(-1) !== page.paths[1].at(-1)")
    page.wait_for_function("page.limit && page.rows.textContent.includes('across')", timeout=120_000)
    rows = dict(line.split("\t", 1) for line in page.inner_text(".measured tbody").splitlines())
    assert len(rows) == 10 and float(rows["error of a pixel"].split("\t")[2]) < 0.15
    edges, mean, variance = page.evaluate(
        "[page.seen[0].edges, page.seen[0].mean, page.seen[0].variance].map(x => [...x])"
    )
    mean, variance = (np.reshape(x, (13, 13, 5)) for x in (mean, variance))
    steps = [
        np.sqrt(((a - b) ** 2 / ((v + w) / 2)).sum(-1))
        for a, b, v, w in (
            (mean[1:], mean[:-1], variance[1:], variance[:-1]),
            (mean[:, 1:], mean[:, :-1], variance[:, 1:], variance[:, :-1]),
        )
    ]
    np.testing.assert_allclose(np.sort(edges), np.sort(np.concatenate([step.ravel() for step in steps])), rtol=1e-3)
    labels = g.TASKS["region"].table
    across = np.concatenate([steps[0][np.diff(labels, axis=0) != 0], steps[1][np.diff(labels, axis=1) != 0]])
    assert float(rows["… across the task's borders"].split("\t")[0]) == pytest.approx(across.mean(), abs=0.006)


def test_one_step_pause_and_reset(page):
    page.click("[name=once]")
    page.wait_for_function("page.step === 1 && !page.busy")
    assert page.inner_text("[name=train]") == "Go on"
    page.click("[name=train]")
    page.click("[name=train]")  # pause
    page.wait_for_function("!page.running && !page.busy")
    page.click("[name=reset]")
    assert page.evaluate("page.step") == 0 and page.inner_text("[name=train]") == "Train"
    assert page.is_disabled("[name=download]")


def test_a_change_keeps_what_was_trained_until_it_is_trained_anew(page):
    train(page)
    page.select_option("[name=task]", "order")
    assert page.evaluate("page.step") == 12 and page.inner_text("[name=train]") == "Train anew"
    assert "settings before" in page.inner_text(".status")


def test_the_board_is_painted_by_pointer_and_by_keys_and_the_address_knows(page):
    box = page.locator(".board").bounding_box()
    at = lambda uc, lc: (box["x"] + (lc + 0.5) * box["width"] / 13, box["y"] + (uc + 0.5) * box["height"] / 13)
    page.select_option("[name=brush]", "0")
    page.mouse.move(*at(2, 1))
    page.mouse.down()
    page.mouse.move(*at(2, 7))
    page.mouse.up()
    levels = np.reshape(page.evaluate("[...page.levels]"), (13, 13))
    assert (levels[2, 1:8] == 0).all() and (levels == 0).sum() == 7
    assert page.input_value("[name=preset]") == "own"
    page.focus(".board")
    page.select_option("[name=brush]", "32")
    page.focus(".board")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    levels = np.reshape(page.evaluate("[...page.levels]"), (13, 13))
    assert levels[3, 7] == 32 and page.locator(".spoken").text_content() == "x_UC 3, x_LC 7: 32"
    hash_ = page.evaluate("location.hash")
    page.evaluate("page.set('counts=uniform')")
    page.evaluate("hash => page.set(hash)", hash_)
    assert page.evaluate("[...page.levels]") == levels.ravel().tolist()


def test_what_makes_no_sense_is_told_and_nothing_is_lost(page):
    page.evaluate("page.set('counts=abc&capacity=99&task=fly&seed=-1')")
    status = page.inner_text(".status")
    assert "counts abc" in status and "capacity 99: 0.1 to 12 nats" in status and "task fly" in status
    assert page.evaluate("[page.capacity, page.seedControl.value, page.taskControl.value]") == [0.3, "0", "none"]
    page.evaluate(f"page.set('counts={'0' * 169}')")
    page.click("[name=train]")
    page.wait_for_function("page.status.textContent.includes('paint at least one')")


@pytest.mark.parametrize("state", ["counts=uniform&capacity=2.5&task=none", "counts=diagonal&capacity=1&task=region"])
def test_a_downloaded_network_opens_in_python_and_its_lines_train_the_same(page, tmp_path, monkeypatch, state):
    page.evaluate("state => page.set(state + '&seed=5&steps=12')", state)
    train(page)
    page.evaluate("page.set('counts=stripe')")  # its spec is that of its training
    path = tmp_path / "network.safetensors"
    path.write_bytes(bytes(page.evaluate("page.file().then(bytes => [...bytes])")))
    run = g.runs.load_file(path)
    assert run.spec.steps == 12 and run.spec.seed == 5 and run.spec.batch_size == 16 and len(run.history) == 0
    mean, variance = (
        np.reshape(values, (169, 5)) for values in page.evaluate("[[...page.seen[0].mean], [...page.seen[0].variance]]")
    )
    drawn = g.corridors(np.full((13, 13), 30), seed=2)
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


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    path.write_text("no network")
    with pytest.raises(ValueError, match="no safetensors file"):
        g.runs.load_file(path)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="has no spec"):
        g.runs.load_file(path)


def test_the_limit_is_that_of_theory(page):
    found = page.evaluate("""() => {
        const limit = geomlib.limitOf(Float64Array.from({ length: 169 }, (_, pair) => (pair % 13 <= 6 ? 200 : 26)));
        return [limit.floor, ...[0.3, 1, 3].map(rate => geomlib.limitAt(limit, rate).error)];
    }""")
    assert found[0] == pytest.approx(g.theory.ends("bottom")[1], abs=1e-6)
    np.testing.assert_allclose(found[1:], [0.1356, 0.1134, 0.0694], atol=2e-4)  # theory.rate_distortion("bottom")


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


def test_without_simd_a_sentence_stands_in_its_place(visit, site):
    page = visit("about:blank")
    page.add_init_script("WebAssembly.validate = () => false")
    page.goto(f"file://{site}/page.html")
    assert "SIMD" in page.inner_text("#trainer") and page.errors == []
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(page, serious_faults, theme):
    assert serious_faults(page, theme) == []
    for width in (360, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1200, "height": 900})
