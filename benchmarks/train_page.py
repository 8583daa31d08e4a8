"""What the page Train shows in half a minute, opened from file:// in headless Chromium, and how fast it is meanwhile.

    python benchmarks/train_page.py [SEEDS]

Weight of the page before Train is pressed; frames a second, and the longest wait for one, while two networks train;
seconds from Train to the end of 500 steps, for each of four settings. With SEEDS (5) instead: the claims' own numbers
as the page's table has them, of that many seeds. They are the resolution at 0.3 and 10 nats, the exponent of the
frequency where one half is shown 8 times as often, and the border's ratio of the task `aligned`; each beside its
partner's, and the limit's where there is one.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright
from record import record

from geomlib.explorer import networks

HTML = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Train</title>
<link rel="stylesheet" href="explorer.css"><link rel="stylesheet" href="train.css">
<div class="explorer trainer" id="trainer"></div><script src="train.js"></script>
<script>geomlib.trainBook(document.getElementById("trainer"));
globalThis.page = document.getElementById("trainer").trainer;</script>"""
FRAMES = """async seconds => {                       // frames/s, and the longest wait for one in ms
    const times = [performance.now()];
    while (times.at(-1) - times[0] < 1000 * seconds) times.push(await new Promise(requestAnimationFrame));
    const waits = times.slice(1).map((time, i) => time - times[i]);
    return [(1000 * waits.length) / (times.at(-1) - times[0]), Math.max(...waits)];
}"""
HALF = ("w" * 7 + "4" * 6) * 13  # 8 times as often where x_LC <= 6, as the widest brush paints it
SHOWN = {  # settings -> the row of the page's table that they are for
    "0.3 nats": ("counts=uniform&capacity=0.3", "resolution d', mean"),
    "10 nats": ("counts=uniform&capacity=10", "resolution d', mean"),
    "half": (f"counts={HALF}&capacity=0.3", "d' grows with frequency to the power"),
    "aligned": ("counts=uniform&capacity=1&task=aligned", "d' across the task's borders / elsewhere"),
}


def trained(page: Page, settings: str, row: str, seed: int = 0) -> dict:
    """Set the page, press Train, wait for the end: seconds, rate, and a row of the table."""
    page.evaluate("state => { page.reset(); page.set(state); }", f"{settings}&seed={seed}&steps=500")
    began = page.evaluate("performance.now()")
    page.click("[name=train]")
    page.wait_for_function("page.step === page.total && !page.running", timeout=300_000)
    seconds = (page.evaluate("performance.now()") - began) / 1000
    page.wait_for_function("page.limit", timeout=300_000)
    rows = page.evaluate("[...page.rows.children].map(row => [...row.children].map(cell => cell.textContent))")
    found = {name: [float(text.replace("–", "nan").replace("−", "-")) for text in rest] for name, *rest in rows}
    yours, partner, limit = found[row]
    return {"seconds": round(seconds, 1), "rate": found["rate (nats)"][0], "yours": yours, "partner": partner} | (
        {} if np.isnan(limit) else {"limit": limit}
    )


def speed(page: Page) -> dict:
    page.evaluate("page.set('counts=uniform&capacity=3&steps=100000')")
    page.click("[name=train]")
    page.wait_for_function("page.step > 30")
    frames, longest = page.evaluate(FRAMES, 8)
    return {
        "frames_per_s": round(frames, 1),
        "longest_wait_ms": round(longest),
        "images_s_each_of_two": round(128e3 / page.evaluate("page.trainedMs")),
        "seconds": {name: trained(page, *settings)["seconds"] for name, settings in SHOWN.items()},
    }


def effects(page: Page, seeds: int) -> dict:
    runs = {name: [trained(page, *settings, seed) for seed in range(seeds)] for name, settings in SHOWN.items()}
    return {"seeds": seeds} | {
        name: {key: [run[key] for run in found] for key in found[0] if key != "seconds"} for name, found in runs.items()
    }


def main(seeds: int | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        networks.export_train(Path(folder))
        Path(folder, "explorer.css").write_text(networks.STYLE)
        Path(folder, "page.html").write_text(HTML)
        weight = sum(Path(folder, name).stat().st_size for name in ("train.js", "train.css", "explorer.css"))
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page, requests = browser.new_page(viewport={"width": 1280, "height": 900}), []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"file://{folder}/page.html")
        found = effects(page, seeds) if seeds else {"weight_kB": round(weight / 1000)} | speed(page)
        found["requests_elsewhere"] = sum(not url.startswith(("file:", "blob:")) for url in requests)
        browser.close()
    command = " ".join(["python", "benchmarks/train_page.py", *sys.argv[1:]])
    record("train_effects" if seeds else "train_page", command, found)


main(*map(int, sys.argv[1:]))
