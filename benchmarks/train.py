"""How fast networks train, against a plain loop and one in the usual style; what limits it; how it scales.

    python benchmarks/train.py [--only a b c d] [--seconds 4]

a  sweep     `geomlib.fit`, a network a core, against a plain eager loop with its data in memory
b  usual     the same against a loop with a Dataset, scikit-learn's F1 at each step and scalars logged by `.item()`
c  products  multiply-adds a second of a training step, against matrix products on the same core
d  scaling   networks a process, images a set, memory of a process, the measures on many images

All sides of a comparison take turns in one run, in blocks of --seconds; every second round goes backwards, and ratios
are taken within a round, so that drift meets all sides alike. Other processes don't (two threads wait for the later
one): run it on idle cores. About five minutes in all.
"""

import argparse
import dataclasses
import functools
import itertools
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from joblib.externals import loky
from record import record
from sklearn.metrics import f1_score
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import geomlib as g
from geomlib import paper, results, train
from geomlib.engine import fast, replay
from geomlib.model import DROPOUT, hidden_units

CORES = os.cpu_count() or 1
ROUNDS = 4  # of a comparison
HEADS = {"no_head": (), "region": ("region",), "four_heads": paper.MODELS["E2M5"]["tasks"]}
ORIGINAL = {"no_head": 3400, "region": 2200, "four_heads": 2200}  # images/s of the authors' program on two other cores
LAYERS = ((1, 32, 13, 4), (32, 64, 6, 3), (64, 256, 3, 3))  # channels in and out, side of the larger grid, kernel


def alternate(sides: dict[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, np.ndarray]:
    """What each side measured in each round (rounds,)."""
    found = {name: [] for name in sides}
    for i in range(rounds):
        for name in list(sides)[:: (-1) ** i]:
            found[name].append(sides[name]())
    return {name: np.array(values) for name, values in found.items()}


def medians(found: dict[str, np.ndarray], digits: int = 1) -> dict[str, float]:
    return {name: round(float(np.median(values)), digits or None) for name, values in found.items()}


def pace(step: Callable[[], object], seconds: float, first: int = replay.BEFORE + 1) -> float:
    """Calls a second, after the first ones, of which the last records a step of ours."""
    for _ in range(first):
        step()
    calls, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        step()
        calls += 1
    return calls / (time.perf_counter() - began)


# --- the sides -------------------------------------------------------------------------------------------------


@functools.cache
def speed(tasks: tuple[str, ...]) -> float:
    """images/s of one network's steps, about: so many are trained that a block lasts its time."""
    return 128 * pace(stack_step(1, tasks=tasks), 1)


def sweep(tasks: tuple[str, ...], seconds: float, counts="uniform") -> float:
    """images/s of `fit` with a network a core, all processes together, from each one's first epoch to its last.

    An epoch has at most 200 steps, the paper's 1,329, and its validation in proportion. Validation and checkpoints are
    in the time, the start of a process and the drawing of its data are not. There are so many epochs that the steps
    are recorded.
    """
    epoch = min(200, g.Spec(counts=counts).train_end // 160)
    epochs = 1 + math.ceil(max(seconds * speed(tasks) / 128, replay.WORTH["cpu"]) / epoch)
    spec = g.Spec(counts=counts, tasks=tasks, steps=epochs * epoch, steps_per_epoch=epoch)
    spec = g.change(spec, validation_end=spec.train_end + 15_000 * epoch // 1329)
    with tempfile.TemporaryDirectory() as folder:

        def keep(index, checkpoint):
            with open(f"{folder}/{index}", "a") as file:
                print(time.perf_counter(), file=file)

        g.fit([dataclasses.replace(spec, seed=seed) for seed in range(CORES)], "cpu", on_checkpoint=keep)
        ends = [np.loadtxt(path) for path in Path(folder).iterdir()]  # seconds, (epochs,) a process
    return sum((epochs - 1) * epoch * 128 / (end[-1] - end[0]) for end in ends)


def network_of(tasks: tuple[str, ...], **adam):
    """A new network's step, as one writes it with `BetaVAE`: images, labels -> output, loss terms."""
    spec = g.Spec(tasks=tasks)
    network = g.BetaVAE(heads=spec.heads)
    optimizer = torch.optim.Adam(network.parameters(), spec.learning_rate, **adam)
    count = itertools.count(1)

    def step(images, labels):
        n = len(images)
        masks = {task: F.dropout(torch.ones(n, hidden_units(k)), DROPOUT) for task, k in spec.heads.items() if k > 2}
        output = network(images, torch.randn(n, spec.latent_dim), masks)
        terms = g.loss_terms(output, images, labels, next(count), spec)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        return output, terms

    return step


def plain(threads: int, seconds: float) -> float:
    """images/s of a plain eager loop: batches of 128 from tensors in memory, Adam in one kernel."""
    torch.set_num_threads(threads)
    images = torch.from_numpy(g.corridors().images)
    step, batches = network_of((), fused=True), itertools.cycle(torch.randperm(170_000).split(128)[:-1])
    return 128 * pace(lambda: step(images[next(batches)], {}), seconds)


def plain_processes(seconds: float) -> float:
    """The same as a process of one thread a core, all together."""
    return sum(joblib.Parallel(CORES)(joblib.delayed(plain)(1, seconds) for _ in range(CORES)))


class Rows(Dataset):
    """A table with an image a row -> the image and its labels, one at a time, as PyTorch's tutorial does it."""

    def __init__(self, tasks: tuple[str, ...]):
        images, factors = g.corridors()
        self.pixels = pd.DataFrame(images.reshape(-1, 169)[:170_000])
        self.labels = pd.DataFrame({task: g.TASKS[task].labels(factors[:170_000]) for task in tasks})

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, i):
        image = torch.tensor(self.pixels.iloc[i].to_numpy(), dtype=torch.float32).reshape(1, 13, 13)
        return image, {task: torch.tensor(label.iloc[i]) for task, label in self.labels.items()}


rows_of = functools.cache(Rows)


def usual(tasks: tuple[str, ...], threads: int, workers: int, seconds: float) -> float:
    """images/s of a loop in the usual style, with this many threads and processes that load."""
    torch.set_num_threads(threads)
    loader = DataLoader(rows_of(tasks), batch_size=64, shuffle=True, num_workers=workers)
    batches, step, log = iter(loader), network_of(tasks), []

    def logged():
        images, labels = next(batches)
        output, terms = step(images, labels)
        log.append({name: term.item() for name, term in terms.items()})
        log[-1]["loss"] = sum(terms.values()).item()
        log[-1]["nats"] = g.rate(output.mu, output.logvar).mean().item()
        for task, p in output.classes.items():
            predicted = p.argmax(1) if p.ndim > 1 else (p > 0.5).long()
            log[-1][f"f1_{task}"] = f1_score(
                labels[task].numpy(), predicted.numpy(), zero_division=0, average="macro" if p.ndim > 1 else "binary"
            )

    return 64 * pace(logged, seconds)


def stack_step(m: int, record: bool = True, tasks: tuple[str, ...] = ()) -> Callable[[], object]:
    """A step of M networks on one batch each: what `fit` calls, and nothing around it."""
    specs = [g.Spec(tasks=tasks, seed=seed) for seed in range(m)]
    stack = train.Stack(specs, [train.Checkpoint.new(spec) for spec in specs], torch.device("cpu"), record)
    stack.start_epoch(1)
    examples = train.Examples(specs, {}, torch.device("cpu"))
    rows, noise, random = next(train.batches(specs, 1, 1, torch.device("cpu")))
    inputs, labels = examples.at(rows)
    return lambda: stack.step(1, inputs, labels, noise, random)


# --- the claims ------------------------------------------------------------------------------------------------


def measure_sweep(seconds: float) -> dict:
    return compare(
        {
            "ours": lambda: sweep((), seconds),
            "threads": lambda: plain(CORES, seconds),
            "processes": lambda: plain_processes(seconds),
        }
    )


def measure_usual(seconds: float) -> dict:
    """Each with its data loaded in the training process, which has all cores as threads, and in one beside it."""
    found = {
        name: compare(
            {
                "ours": lambda tasks=tasks: sweep(tasks, seconds),
                "threads": lambda tasks=tasks: usual(tasks, CORES, 0, seconds),
                "loader": lambda tasks=tasks: usual(tasks, 1, 1, seconds),
            },
            3,
        )
        for name, tasks in HEADS.items()
    }
    for name, numbers in found.items():
        numbers["original"] = ORIGINAL[name]
        numbers["best_to_original"] = round(numbers["images_s"]["best"] / ORIGINAL[name], 2)
    return found


def compare(sides: dict[str, Callable[[], float]], rounds: int = ROUNDS) -> dict:
    """images/s of each side and of the best but ours; ratios of ours to the others, each within a round.

    Medians over the rounds, and the ratios' smallest and largest.
    """
    found = alternate(sides, rounds)
    found["best"] = np.max([found[name] for name in found if name != "ours"], 0)
    ratios = {name: found["ours"] / found[name] for name in found if name != "ours"}
    return {
        "images_s": medians(found, 0),
        "ratio": medians(ratios, 2),
        "ratio_low": {name: round(r.min(), 2) for name, r in ratios.items()},
        "ratio_high": {name: round(r.max(), 2) for name, r in ratios.items()},
    }


def measure_products(seconds: float) -> dict:
    """In 10^9 multiply-adds a second and core; both networks' steps on one thread."""
    torch.set_num_threads(1)
    step, images = network_of((), fused=True), torch.rand(128, 1, 13, 13).round()
    a = torch.rand(1024, 1024)
    b = a.t().contiguous()
    sides = {
        "ours": stack_step(1),
        "eager": stack_step(1, record=False),
        "plain": lambda: step(images, {}),
        "torch_mm": lambda: torch.mm(a, b),
        "onednn": lambda: fast.product(a[None], b[None]),
    }
    found = alternate({name: functools.partial(pace, side, seconds / 2) for name, side in sides.items()})
    peak = 1024**3 * np.maximum(found["torch_mm"], found["onednn"])
    counts = {"needed": 128 * multiply_adds(padding=False), "padded": 128 * multiply_adds(padding=True)}
    rates = {f"{side}_{what}": found[side] * count for side in ("ours", "plain") for what, count in counts.items()}
    rates |= {side: 1024**3 * found[side] for side in ("torch_mm", "onednn")}
    return {
        "multiply_adds_an_image": {what: count // 128 for what, count in counts.items()},
        "step_ms": medians({side: 1000 / found[side] for side in ("ours", "eager", "plain")}),
        "giga_s": medians({name: rate / 1e9 for name, rate in rates.items()}),
        "of_peak": medians({name: rate / peak for name, rate in rates.items()}, 2),
        "steps_ratio": round(float(np.median(found["ours"] / found["plain"])), 2),
    }


def multiply_adds(padding: bool) -> int:
    """Of an image in a training step without a head, those that meet padding counted or not.

    A layer has three products of one size: forward, the gradient of its weights and, but for the first, of its inputs.
    """

    def along(side, kernel):  # pairs of a window and a pixel of it, along one axis
        first = range(-1, side + 2 - kernel, 2)
        return sum(padding or 0 <= start + tap < side for start in first for tap in range(kernel))

    layers = [c * o * along(side, kernel) ** 2 for c, o, side, kernel in LAYERS]
    return 6 * sum(layers) - layers[0] + 3 * (2 * 1024 * 5 + 5 * 1024)


def measure_scaling(seconds: float) -> dict:
    """Memory of a process in MB; images/s of a stack on one thread, and of `sweep` by the size of the set; seconds."""
    numbers = {"peak_MB": {name: peak_memory(tasks) for name, tasks in HEADS.items()}}
    torch.set_num_threads(1)
    stacks = {str(m): lambda m=m: 128 * m * pace(stack_step(m), seconds / 2) for m in (1, 2, 5, 10, 20, 40)}
    sets = {f"{169 * k}": lambda k=k: sweep((), seconds / 2, np.full((13, 13), k)) for k in (59, 296, 592, 1183)}
    numbers |= {"images_s_by_networks": medians(alternate(stacks, 2), 0)}
    numbers |= {"images_s_by_images": medians(alternate(sets, 2), 0)}
    torch.set_num_threads(CORES)
    images, factors = g.corridors()
    rows, (high, low) = (
        results.geometry_rows(factors),
        (paper.run("baseline", capacity).model for capacity in (10, 0.3)),
    )
    codes, few, reference = g.encode(high, images), g.encode(high, images[rows]), g.encode(low, images[rows])
    labels = g.TASKS["identity"].labels(factors[rows])
    measures = {
        "encode": lambda: g.encode(high, images),
        "tuning": lambda: g.tuning(codes, factors),
        "distortion_169": lambda: g.distortion(few, reference, labels),
        "embed": lambda: g.embed(few),
    }
    seconds_each = {name: float(f"{1 / pace(measure, seconds / 4, first=1):.3g}") for name, measure in measures.items()}
    return numbers | {"seconds": seconds_each, "images": len(images), "codes": len(few)}


def peak_memory(tasks: tuple[str, ...]) -> float:
    """The most memory in MB that a process of `fit` ever held, with the whole `uniform` set and its validation part."""
    loky.get_reusable_executor().shutdown()  # processes that have held nothing yet
    with tempfile.TemporaryDirectory() as folder:

        def keep(index, checkpoint):
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
            Path(folder, str(index)).write_text(str(most))

        g.fit(
            [g.Spec(tasks=tasks, steps=20, steps_per_epoch=10, seed=seed) for seed in range(CORES)],
            "cpu",
            on_checkpoint=keep,
        )
        return round(max(float(path.read_text()) for path in Path(folder).iterdir()))


CLAIMS = {
    "d": ("scaling", measure_scaling),  # first: what this process holds counts in the peaks of those it starts
    "a": ("sweep", measure_sweep),
    "b": ("usual", measure_usual),
    "c": ("products", measure_products),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=sorted(CLAIMS), default=CLAIMS, help="claims to measure (all)")
    parser.add_argument("--seconds", type=float, default=4, help="length of a block (4)")
    options = parser.parse_args()
    for letter, (claim, measure) in CLAIMS.items():
        if letter in options.only:
            load = os.getloadavg()[0]  # of all processes before: near 0 on idle cores
            record(
                claim,
                f"python benchmarks/train.py --only {letter} --seconds {options.seconds:g}",
                {"load_before": round(load, 1)} | measure(options.seconds),
            )


if __name__ == "__main__":
    main()
