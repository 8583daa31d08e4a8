"""How fast the page's engine trains: one worker in Chromium beside geomlib.fit on one core, in one run.

    python benchmarks/engine.py [SECONDS]

Images/s of training steps of 128, full network: in a worker of the page Train, and by the same steps of `fit`, both on
one thread. The two take turns, a few seconds each, so that a busy machine slows both alike; medians of the turns count.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright
from record import record

import geomlib as g
from geomlib.explorer import networks
from geomlib.train import Checkpoint, Stack

TURNS = 5
WORKER = """async seconds => {                        // as the page does it, without looking at the codes
    const parts = [`globalThis.geomlib = { wasm: "${geomlib.wasm}" };`,
        ...[geomlib.defineEngine, geomlib.defineWorld].map(part => `(${part})();`),
        `onmessage = ({ data: [tasks, seconds] }) => {
            const engine = new geomlib.Engine({ heads: tasks });
            engine.wall.set(geomlib.wallTable());
            engine.frequencies.fill(1);
            engine.set({ capacity: 3, steps: 5316, stepsPerEpoch: 1329, learningRate: 5e-4, decay: 0.9, cooldown: 0 });
            engine.run.start(0);
            for (let i = 0; i < 3; i++) engine.run.step(128);
            const began = performance.now();
            let steps = 0;
            for (; performance.now() - began < 1000 * seconds; steps++) engine.run.step(128);
            postMessage((128e3 * steps) / (performance.now() - began));
        };`];
    const found = [];
    for (const tasks of [{}, { region: 25 }]) {
        const worker = new Worker(URL.createObjectURL(new Blob(parts)));
        found.push(await new Promise(resolve => {
            worker.onmessage = ({ data }) => resolve(data);
            worker.postMessage([tasks, seconds]);
        }));
        worker.terminate();
    }
    return found;
}"""


def ours(tasks: tuple[str, ...], seconds: float) -> float:
    """Images/s of the steps that `fit` takes, on one thread."""
    spec = g.Spec(tasks=tasks, capacity=3)
    stack = Stack([spec], [Checkpoint.new(spec)], torch.device("cpu"))
    stack.start_epoch(1)
    images = (torch.rand(1, 128, 1, 13, 13) < 0.5).float()
    labels = {task: torch.randint(k, (1, 128)) for task, k in spec.heads.items()}
    random = {task: torch.randint(256, (1, 128, 1500), dtype=torch.uint8) for task in spec.tasks}
    noise = torch.randn(1, 128, 5)
    for step in (1, 2, 3):
        stack.step(step, images, labels, noise, random)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        stack.step(4 + steps % 1000, images, labels, noise, random)
        steps += 1
    return 128 * steps / (time.perf_counter() - began)


def main(seconds: float = 4.0) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        Path(folder, "page.html").write_text('<!doctype html><title>Engine</title><script src="train.js"></script>')
        networks.export_train(Path(folder))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(f"file://{folder}/page.html")
        turns = [[*page.evaluate(WORKER, seconds), ours((), seconds), ours(("region",), seconds)] for _ in range(TURNS)]
        version = browser.version
        browser.close()
    worker, worker_region, fit, fit_region = np.median(turns, 0)
    record(
        "engine",
        " ".join(["python", "benchmarks/engine.py", *sys.argv[1:]]),
        {
            "chromium": version,
            "worker_images_s": round(worker),
            "fit_images_s": round(fit),
            "share": round(worker / fit, 2),
            "worker_region_images_s": round(worker_region),
            "fit_region_images_s": round(fit_region),
            "share_region": round(worker_region / fit_region, 2),
            "turns": [[round(x) for x in turn] for turn in turns],
        },
    )


main(*map(float, sys.argv[1:]))
