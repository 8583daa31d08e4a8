"""How fast the explorer is in Chromium, and how near its float16 networks come to the float32 ones that were trained.

    python benchmarks/explorer.py [FOLDER OF RUNS, as reproduce/runs]

Work a frame and frames a second while a latent is dragged, the capacity moves or points are pointed at, for one network
and two; seconds to the first picture from file://; kB before a network is chosen; for the released networks that the
folder has in float32, the largest differences in codes, pixels and class probabilities between float16 in the page and
float32 in torch.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright
from record import record

from geomlib import corridors, runs
from geomlib.explorer import export, released

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Explorer</title>
<link rel="stylesheet" href="explorer.css"><body style="width: 1100px"><div class="explorer" id="explorer"></div>
<script src="explorer.js"></script><script src="index.js"></script>
<script>geomlib.book(document.getElementById("explorer"));
globalThis.explorer = document.getElementById("explorer").explorer;</script>"""
DRAG = """async (change) => {                   // as a hand would: a change before each frame, for 3 s
    const render = explorer.render.bind(explorer), work = [], act = eval(change), began = performance.now();
    explorer.render = () => { const start = performance.now(); render(); work.push(performance.now() - start); };
    let frames = 0;
    for (let t; (t = (performance.now() - began) / 3000) < 1; frames++) {
        act(t);
        await new Promise(requestAnimationFrame);
    }
    delete explorer.render;
    work.sort((a, b) => a - b);
    const part = (p) => work[Math.floor(p * work.length)];
    return { median_ms: part(0.5), p95_ms: part(0.95), frames_per_s: frames / 3 };
}"""
LATENT = """t => explorer.shown.forEach(side => {
    const slider = side.latents.querySelector('input');
    slider.value = 6 * t - 3;
    slider.oninput();
})"""
POINT = "t => { explorer.pointed = Math.floor(168 * t); explorer.update(); }"  # as a mouse that moves over the map
CAPACITY = "t => explorer.moveCapacity(explorer.sides[0], explorer.sides[0].at(4 - 4 * t))"
COMPUTE = """async ([slug, images, codes]) => {
    const network = new geomlib.Network(await explorer.load(slug)), found = { mu: [], pixels: [], classes: [] };
    for (const image of images) { network.encode(image); found.mu.push([...network.mu]); }
    for (const z of codes) {
        network.decode(z);
        network.classify(z);
        found.pixels.push([...network.pixels]);
        found.classes.push(Object.values(network.heads).flatMap(head => [...head.probabilities]));
    }
    return found;
}"""


def first_picture(page, address: str) -> float:
    """Seconds from the start of loading until a reconstruction is drawn, median of five."""
    took = []
    for _ in range(5):
        page.goto("about:blank")
        page.goto(address)
        page.wait_for_function("explorer.sides[0].asked")  # the network whose reconstruction is drawn
        took.append(page.evaluate("performance.now()") / 1000)
    return round(float(np.median(took)), 2)


@torch.inference_mode()
def differences(page, slug: str, model, images, codes) -> np.ndarray:
    found = page.evaluate(COMPUTE, [slug, images.reshape(100, -1).tolist(), codes.tolist()])
    images, codes = torch.from_numpy(images), torch.from_numpy(codes)
    classes = [p.reshape(100, -1) for p in model.classify(codes).values()] or [torch.zeros(100, 0)]
    exact = {"mu": model.encode(images)[0], "pixels": model.decode(codes).flatten(1), "classes": torch.cat(classes, 1)}
    return np.array([np.abs(np.array(found[name]) - exact[name].numpy()).max(initial=0) for name in exact])


def main(folders: list[str]) -> None:
    models = released()
    found = [Path(root, slug) for root in folders for listed in models.values() for slug, _ in listed]
    exact = {path.name: runs.load(path) for path in found if path.exists()}
    name = next(iter(models))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        export(
            folder, {model: [(slug, exact.get(slug, run)) for slug, run in listed] for model, listed in models.items()}
        )
        Path(folder, "page.html").write_text(PAGE)
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        parts = [Path(folder, part).stat().st_size for part in ("index.js", "explorer.js", "explorer.css")]
        measured = {
            "first_picture_s": first_picture(page, f"file://{folder}/page.html"),
            "weight_kB": round(sum(parts) / 1000),
        }
        for count, state in (("one", f"model={name}"), ("two", f"model={name}&model2={name}")):
            for what, change in (("latent", LATENT), ("capacity", CAPACITY), ("point", POINT)):
                page.evaluate("state => explorer.set(state)", state)
                page.wait_for_function("explorer.shown.every(side => side.network)")
                numbers = page.evaluate(DRAG, change)
                measured[f"{what}_{count}"] = {key: round(value, 1) for key, value in numbers.items()}
        images, codes = corridors().images[-100:], np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
        if exact:
            largest = np.max([differences(page, slug, run.model, images, codes) for slug, run in exact.items()], 0)
            named = dict(zip(("codes", "pixels", "classes"), largest.round(5).tolist()))
            error = named | {"networks": len(exact), "largest": round(float(largest.max()), 5)}
        browser.close()
    command = " ".join(["python", "benchmarks/explorer.py", *folders])
    record("explorer", command, measured)
    if exact:
        record("explorer_float16", command, error)


main(sys.argv[1:])
