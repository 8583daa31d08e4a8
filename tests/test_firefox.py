"""Explore and Train in a second browser engine: Firefox, driven over WebDriver BiDi, where it is installed."""

import asyncio
import json
import shutil
import subprocess
import threading
import time

import numpy as np
import pytest
import torch
from tornado.websocket import websocket_connect

from geomlib.explorer import export, networks

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
pytestmark = pytest.mark.skipif(not FIREFOX, reason="Firefox is not installed (Debian's package firefox-esr)")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><link rel="stylesheet" href="explorer.css">
<link rel="stylesheet" href="train.css"><div class="explorer" id="root"></div>"""
TRAIN = """<script src="train.js"></script><script>const root = document.getElementById("root");
root.classList.add("trainer"); geomlib.trainBook(root); globalThis.page = root.trainer;</script>"""
EXPLORE = """<script src="explorer.js"></script><script src="index.js"></script><script>
const root = document.getElementById("root"); geomlib.book(root); globalThis.page = root.explorer;</script>"""
OFFLINE = "".join(  # its own errands end at a port where nothing listens
    f'user_pref("network.proxy.{name}", {value});\n'
    for name, value in {"type": 1, "http": '"127.0.0.1"', "http_port": 9, "ssl": '"127.0.0.1"', "ssl_port": 9}.items()
)
UNTIL = "new Promise(done => { const look = () => (%s) ? done(true) : setTimeout(look, 50); look(); })"


class Firefox:
    """A headless Firefox that opens addresses and evaluates JavaScript; errors: what its console has told."""

    def __init__(self, profile):
        (profile / "user.js").write_text(OFFLINE)
        command = [FIREFOX, "--headless", "--remote-debugging-port", "0", "--profile", profile]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        listening = profile / "WebDriverBiDiServer.json"  # written once it listens
        while not listening.exists() or not (server := listening.read_text()):
            assert self.process.poll() is None, "Firefox did not start"
            time.sleep(0.1)
        port = json.loads(server)["ws_port"]
        self.loop, self.asked, self.errors = asyncio.new_event_loop(), 0, []
        threading.Thread(target=self.loop.run_forever, daemon=True).start()  # Playwright keeps this thread's own loop
        self.socket = self.done(self.connect(f"ws://127.0.0.1:{port}/session"))
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.context = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def done(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=120)

    async def connect(self, address):
        return await websocket_connect(address)

    async def answer(self, number, method, params):
        await self.socket.write_message(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(await self.socket.read_message())
            if told.get("method") == "log.entryAdded" and told["params"]["level"] == "error":
                self.errors.append(told["params"]["text"])
            if told.get("id") == number:
                return told

    def ask(self, method, **params):
        self.asked += 1
        told = self.done(self.answer(self.asked, method, params))
        assert told["type"] == "success", told
        return told["result"]

    def open(self, address):
        self.ask("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def evaluate(self, expression):
        """The value of an expression that JSON can hold, once its promise is kept."""
        wrapped = f"Promise.resolve({expression}).then(JSON.stringify)"
        target = {"context": self.context}
        result = self.ask("script.evaluate", expression=wrapped, target=target, awaitPromise=True)["result"]
        return json.loads(result.get("value", "null"))

    def wait(self, condition):
        self.evaluate(UNTIL % condition)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    opened = Firefox(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def models():
    return {"baseline": networks.released()["baseline"]}


@pytest.fixture(scope="module")
def site(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    export(folder, models)
    (folder / "train.html").write_text(PAGE + TRAIN)
    (folder / "explore.html").write_text(PAGE + EXPLORE)
    return f"file://{folder}"


def test_train_trains_and_keeps_its_runs(firefox, site):
    firefox.open(f"{site}/train.html#counts=bottom&capacity=0.5&task=order&seed=1&steps=40")
    firefox.evaluate("(page.batch = 32, document.querySelector('[name=train]').click())")
    firefox.wait("page.step > 0")
    before = firefox.evaluate("page.rows.textContent")
    firefox.wait("page.step === page.total && !page.running && page.limit")
    assert firefox.evaluate("page.status.textContent") == "Step 40 of 40: done."
    assert firefox.evaluate("page.rows.textContent") != before
    assert firefox.evaluate("page.seen[0].state.recent.every(Number.isFinite)")
    drawn = (
        "page.plots.map(plot => plot.getContext('2d').getImageData(0, 0, plot.width, plot.height).data.some(Boolean))"
    )
    assert firefox.evaluate(drawn) == [True, True]
    firefox.open(f"{site}/train.html")
    assert firefox.evaluate("page.runs.runs.length") == 1
    assert firefox.errors == []


def test_explore_computes_what_torch_computes(firefox, site, models):
    there = "page.sides[0].network && page.sides[0].image.image"
    firefox.open(f"{site}/explore.html#model=baseline&capacity=3&uc=2&lc=7")
    firefox.wait(there)
    image, mu, z, pixels = firefox.evaluate(
        "(({ network: { mu, pixels }, z }) => [page.image, mu, z, pixels].map(x => [...x]))(page.sides[0])"
    )
    model = next(run.model for _, run in models["baseline"] if run.spec.capacity == 3)
    with torch.inference_mode():
        expected = model.encode(torch.tensor(image).view(1, 1, 13, 13).float())[0]
        decoded = model.decode(torch.tensor(z)[None]).ravel()
    np.testing.assert_allclose(mu, expected[0], atol=0.01)  # its weights are float16
    np.testing.assert_allclose(pixels, decoded, atol=0.01)
    said = firefox.evaluate("page.sides[0].note.textContent")
    firefox.evaluate("page.moveCapacity(page.sides[0], 0.3)")
    firefox.wait(there)
    assert firefox.evaluate("page.sides[0].note.textContent") != said
    assert firefox.errors == []
