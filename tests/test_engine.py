"""The engine of the pages computes and trains as torch does: in Node, and in Chromium.

Both run the same cases, tests/engine_cases.js: the same weights, batches, noise and masks as torch has.
"""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import playwright
import pytest
import torch

import geomlib as g
from geomlib.explorer import networks
from geomlib.objective import capacity_at, learning_rate_at, loss_terms
from geomlib.paper import ROOT
from geomlib.train import Checkpoint, Stack, dropout, masks_of

FOLDER = ROOT / "geomlib/explorer"
HEADS = {
    "none": (),
    "binary": ("order",),
    "hidden layer": ("region",),
    "169 classes": ("identity",),
    "several": ("order", "region", "aligned"),
    "own": {"thirds": (np.indices((13, 13))[0] // 5).tolist()},
}


def text(array):
    return base64.b64encode(np.asarray(array, "<f4").tobytes()).decode()


def numbers(found, *shape):
    return np.frombuffer(base64.b64decode(found), "<f4").reshape(shape or -1)


@pytest.fixture(scope="session")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("engine") / "engine.js"
    path.write_text(networks.ENGINE)
    return path


@pytest.fixture(scope="session", params=["node", "chromium"])
def run(request, script):
    """Run a case by its name: run(name, given) -> what it found."""
    cases = ROOT / "tests/engine_cases.js"
    if request.param == "chromium":
        page = request.getfixturevalue("visit")("about:blank")
        page.add_script_tag(path=script)
        page.add_script_tag(path=cases)
        return lambda name, given: page.evaluate("([name, given]) => cases[name](given)", [name, given])
    node = shutil.which("node") or Path(playwright.__file__).with_name("driver") / "node"  # Playwright brings one

    def in_node(name, given):
        done = subprocess.run([node, cases, script, name], input=json.dumps(given), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return in_node


def batch_of(spec, size, step):
    """images, factors, labels, noise, and the bytes that dropout is made from."""
    rng = np.random.default_rng([spec.seed, step])
    drawn = g.corridors(rng.multinomial(size, np.full(169, 1 / 169)).reshape(13, 13), seed=step)
    labels = {task: torch.from_numpy(spec.task(task).labels(drawn.factors)) for task in spec.tasks}
    noise = torch.from_numpy(rng.standard_normal((size, spec.latent_dim), dtype=np.float32))
    random = {task: torch.from_numpy(byte) for task, byte in dropout(spec, size, rng).items()}
    return torch.from_numpy(drawn.images), labels, noise, random


def as_given(images, labels, noise, random):
    """A batch as the engine takes it: rows of all images."""
    return {
        "images": text(images.flatten(1).T),
        "noise": text(noise.T),
        "labels": {task: label.tolist() for task, label in labels.items()},
        "masks": {task: text(mask.T) for task, mask in masks_of(random).items()},
    }


def settings_of(spec):
    return {
        "capacity": spec.capacity,
        "steps": spec.steps,
        "stepsPerEpoch": spec.steps_per_epoch,
        "learningRate": spec.learning_rate,
        "decay": spec.decay,
        "cooldown": spec.cooldown,
    }


def network_of(spec, scale=1.0):
    torch.manual_seed(3)
    model = g.BetaVAE(spec.latent_dim, spec.heads)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def flat(tensors):
    return torch.cat([tensor.detach().ravel() for tensor in tensors])


def test_the_binary_is_what_its_source_compiles_to(tmp_path):
    flags = re.search(r"^ENGINE_CC = (.*)$", (ROOT / "Makefile").read_text(), re.M)[1].split()
    made = tmp_path / "engine.wasm"
    subprocess.run([sys.executable, "-m", *flags, "-o", made, "engine.c"], cwd=FOLDER, check=True)
    assert made.read_bytes() == (FOLDER / "engine.wasm").read_bytes(), "make engine compiles it anew"
    for line in (FOLDER / "engine.sha256").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize(
    "tasks, latents", [*((tasks, 5) for tasks in HEADS.values()), (HEADS["several"], 3)], ids=[*HEADS, "3 latents"]
)
def test_outputs_losses_and_gradients_are_those_of_torch(run, tasks, latents):
    spec, price, size = g.Spec(tasks=tasks, latent_dim=latents), 0.3, 24
    model, batch = network_of(spec, 1.5), batch_of(spec, size, 1)
    images, labels, noise, random = batch
    output = model(images, noise, masks_of(random))
    terms = loss_terms(output, images, labels, 1, spec, price)
    gradients = torch.autograd.grad(sum(terms.values()), list(model.parameters()))
    given = {"heads": spec.heads, "latents": latents, "count": size, "weights": text(flat(model.parameters()))}
    found = run("gradients", given | {"price": price} | as_given(*batch))

    near = lambda ours, theirs: np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-4, atol=1e-5)
    near(numbers(found["mu"], latents, size).T, output.mu)
    near(numbers(found["logvar"], latents, size).T, output.logvar)
    near(numbers(found["z"], latents, size).T, output.z)
    near(numbers(found["pixels"], 169, size).T, output.reconstruction.flatten(1))
    for task, expected in output.classes.items():
        near(numbers(found["answers"][task], -1, size).T, expected.reshape(size, -1))
    state = found["state"]
    assert state["reconstruction"] == pytest.approx(terms["reconstruction"].item(), rel=1e-5)
    assert price * state["rate"] == pytest.approx(terms["rate"].item(), rel=1e-5)
    for task in spec.tasks:
        assert state["tasks"][task][0] == pytest.approx(terms[task].item(), rel=1e-5)
    assert found["names"] == list(model.state_dict())
    ours, start = numbers(found["gradients"]), 0
    for name, expected, (length, slope) in zip(found["names"], gradients, found["slopes"]):
        part, start = ours[start : start + expected.numel()], start + expected.numel()
        assert np.linalg.norm(part - expected.numpy().ravel()) <= 1e-4 * expected.norm(), name
        assert slope == pytest.approx(length, rel=0.03), f"{name} by finite differences"


@pytest.mark.parametrize("tasks", HEADS.values(), ids=HEADS)
def test_twenty_steps_end_where_those_of_torch_end(run, tasks):
    spec = g.Spec(tasks=tasks, capacity=2.0, steps=24, steps_per_epoch=8, batch_size=32)
    start = Checkpoint.new(spec)
    stack = Stack([spec], [start], torch.device("cpu"))
    batches, prices = [batch_of(spec, 32, step) for step in range(1, 21)], []
    for step, (images, labels, noise, random) in enumerate(batches, 1):
        if step % 8 == 1:
            stack.start_epoch(step // 8 + 1)
        one = lambda parts: {task: part[None] for task, part in parts.items()}
        log = stack.step(step, images[None], one(labels), noise[None], one(random))
        prices.append(dict(zip(stack.terms, log[:, 0].tolist()))["price"])
    (end,) = stack.checkpoints(3)
    names = list(start.network(spec).state_dict())
    parts = lambda checkpoint, prefix: flat(checkpoint.tensors[prefix + name] for name in names).numpy()
    given = {"heads": spec.heads, "latents": 5, "count": 32, "settings": settings_of(spec)}
    given |= {"weights": text(parts(start, "")), "batches": [as_given(*batch) for batch in batches]}
    found = run("training", given)
    assert [state["price"] for state in found["states"]] == pytest.approx(prices, rel=1e-4)
    for part, prefix in (("weights", ""), ("means", "mean."), ("squares", "square.")):
        ours, theirs = numbers(found[part]), parts(end, prefix)
        assert np.linalg.norm(ours - theirs) <= 1e-4 * np.linalg.norm(theirs), part
    moved, changed = numbers(found["weights"]) - parts(start, ""), parts(end, "") - parts(start, "")
    assert np.linalg.norm(moved - changed) <= 1e-2 * np.linalg.norm(changed)
    state = stack.state["hold"]
    assert found["states"][-1]["logPrice"] == pytest.approx(state["log_price"].item(), rel=1e-4)
    assert found["states"][-1]["meanRate"] == pytest.approx(state["mean_rate"].item(), rel=1e-4)


@pytest.mark.parametrize("spec", [g.Spec(capacity=3), g.Spec(schedule="sketch", capacity=0.3, cooldown=0.0)])
def test_schedules_are_those_of_the_objective(run, spec):
    steps = [1, 2, 100, spec.steps // 2, spec.steps - 30, spec.steps]
    expected = [[capacity_at(step, spec), learning_rate_at(step, spec)] for step in steps]
    np.testing.assert_allclose(run("schedules", {"settings": settings_of(spec), "steps": steps}), expected, rtol=1e-9)


WALL = text(g.data.WORLDS["corridors"])


def test_what_the_engine_draws_has_the_worlds_probabilities(run):
    frequencies = np.where(np.indices((13, 13))[1] <= 6, 3.0, 1.0)
    frequencies[5] = 0
    tables = {task: g.TASKS[task].table.ravel().tolist() for task in ("order", "region")}
    given = {"heads": {"order": 2, "region": 25}, "wall": WALL, "tables": tables, "batches": 30}
    found = run("drawn", given | {"seed": 7, "frequencies": frequencies.ravel().tolist()})
    start = 0
    model = g.BetaVAE(heads={"order": 2, "region": 25})
    for name, weight in model.state_dict().items():  # uniform within PyTorch's own bound, which its draws come close to
        ours, start = numbers(found["weights"])[start : start + weight.numel()], start + weight.numel()
        bound = np.abs(weight.numpy()).max()
        if weight.numel() > 1000:
            assert np.abs(ours).max() == pytest.approx(bound, rel=0.02), name
            assert ours.std() == pytest.approx(bound / 3**0.5, rel=0.05) and abs(ours.mean()) < 0.05 * bound, name
    images = np.concatenate([numbers(batch["images"], 13, 13, 128).transpose(2, 0, 1) for batch in found["batches"]])
    noise = np.concatenate([numbers(batch["noise"]) for batch in found["batches"]])
    assert set(np.unique(images)) == {0, 1} and not images[:, 6].any()
    assert abs(noise.mean()) < 0.02 and noise.std() == pytest.approx(1, abs=0.02) and (noise**3).mean() < 0.1
    weight = (frequencies / frequencies.sum())[:, :, None, None]
    expected = (g.data.WORLDS["corridors"] * weight).sum((0, 1))
    np.testing.assert_allclose(images.mean(0), expected, atol=0.04)
    for n, classes in enumerate(tables.values()):
        labels = np.concatenate([batch["heads"][n][1] for batch in found["batches"]])
        share = np.bincount(classes, frequencies.ravel(), 25) / frequencies.sum()
        np.testing.assert_allclose(np.bincount(labels, minlength=25) / len(labels), share, atol=0.025)
    mask = numbers(found["batches"][0]["heads"][1][2])
    assert set(np.unique(mask)) == {0, np.float32(4 / 3)} and (mask == 0).mean() == pytest.approx(0.25, abs=0.01)
    # Another world, no head: the same first weights, pixel noise and sampling noise.
    other = run("drawn", given | {"heads": {}, "seed": 7, "frequencies": [1.0] * 169})
    trunk = sum(weight.numel() for name, weight in model.state_dict().items() if not name.startswith("classifiers"))
    np.testing.assert_array_equal(numbers(other["weights"]), numbers(found["weights"])[:trunk])
    assert [batch["noise"] for batch in other["batches"]] == [batch["noise"] for batch in found["batches"]]
    assert run("drawn", given | {"seed": 8, "frequencies": [1.0] * 169})["weights"] != found["weights"]


def test_a_short_training_holds_its_rate_and_its_survey_is_of_its_codes(run):
    spec = g.Spec(capacity=1.0, steps=150)
    given = {"settings": settings_of(spec), "seed": 1, "frequencies": [1.0] * 169, "wall": WALL}
    found = run("trained", given | {"steps": 150, "draws": 6})
    assert found["state"]["rate"] == pytest.approx(1, rel=0.5) and found["state"]["reconstruction"] < 0.14
    model = g.BetaVAE()
    start = 0
    for weight in model.parameters():
        weight.data = torch.tensor(numbers(found["weights"])[start : start + weight.numel()]).view(weight.shape)
        start += weight.numel()
    drawn = g.corridors(np.full((13, 13), 40), seed=2)
    with torch.inference_mode():
        mu, logvar = (part.numpy() for part in model.encode(torch.from_numpy(drawn.images)))
    means = g.measures.pair_means(mu, drawn.factors)
    ours = numbers(found["mean"], 169, 5)
    used = means.std(0) > 0.2
    assert used.any()
    for d in np.flatnonzero(used):
        assert np.corrcoef(ours[:, d], means[:, d])[0, 1] > 0.98
    variance = g.measures.pair_means(mu**2 + np.exp(logvar), drawn.factors) - means**2
    np.testing.assert_allclose(numbers(found["variance"], 169, 5).mean(0), variance.mean(0), rtol=0.15)
