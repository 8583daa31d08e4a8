"""What a GPU is worth, and whether its numbers are right: one run of eight minutes at most.

    python benchmarks/gpu.py [--only check gap tf32 steps paper] [--limit 480]
    python benchmarks/gpu.py --try          the same program on a CPU with few steps; nothing is recorded

check  50 steps, the rate held, on the GPU and on the CPU: how far terms, prices and weights lie apart
gap    where the GPU waits in training: the share of time it computes, the longest gap, what the host did meanwhile
tf32   sketches with and without TF32 in products and convolutions: what it does to loss and rate
steps  images/s by the number of networks in a stack, ours as a CUDA graph, against `torch.vmap` of the plain network
paper  `paper.train_all` from nothing to stored runs, networks and classifiers: one seed, and five in the time left
"""

import argparse
import functools
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager

import torch
from record import record
from torch.autograd import DeviceType
from torch.profiler import profile

import geomlib as g
from geomlib import paper, train
from geomlib.engine import fast
from geomlib.engine.jobs import stack_key

PLAIN = g.BetaVAE()  # lends its layers; its own weights are not used
BEGAN = time.perf_counter()


class Vmapped(train.Stack):
    """The stack with the readable network, vectorized by the framework; its step can't be captured in a graph."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.replay = functools.partial(self._step, self.state)

    def forward(self, weights, inputs, noise, masks):
        call = lambda one, images, e: torch.func.functional_call(PLAIN, one, (images, e))
        return torch.vmap(call)(fast.turned_back(weights), inputs, noise)


@contextmanager
def tf32(on: bool) -> Generator[None]:
    """TF32 in products and convolutions, or float32."""
    torch.set_float32_matmul_precision("high" if on else "highest")
    torch.backends.cudnn.allow_tf32 = on
    yield
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def trained(specs: list[g.Spec], steps: int, device: torch.device, kind: type[train.Stack] = train.Stack):
    """The first steps of networks of one stack: their terms (steps, terms, M), and their checkpoints."""
    stack = kind(specs, [train.Checkpoint.new(spec) for spec in specs], device)
    stack.start_epoch(1)
    examples = train.Examples(specs, {}, device)
    batches = enumerate(train.batches(specs, 1, steps, device), 1)
    log = [stack.step(i, *examples.at(rows), noise, random).clone() for i, (rows, noise, random) in batches]
    return torch.stack(log).cpu(), stack.checkpoints(1), stack.terms


def measure_check(device: torch.device, few: bool) -> dict:
    """Largest differences between the two machines: of terms and prices relative to the CPU's, of weights in units of
    a step of Adam at the full learning rate."""
    numbers = {}
    for tasks in ((), ("order", "region")):
        specs = [g.Spec(tasks=tasks, capacity=capacity, seed=seed) for seed, capacity in enumerate((0.3, 3, 10))]
        log, there, terms = trained(specs, 3 if few else 50, torch.device("cpu"))
        for on in (False, True):
            with tf32(on):
                ours, here, _ = trained(specs, len(log), device)
            apart = ((ours - log) / log).abs().amax((0, 2))
            found = {term: float(f"{value:.2g}") for term, value in zip(terms, apart.tolist())}
            weights = [
                (a.tensors[k] - b.tensors[k]).abs().max() for a, b in zip(here, there) for k in PLAIN.state_dict()
            ]
            found["weights_steps"] = float(f"{max(weights).item() / specs[0].learning_rate:.2g}")
            numbers["_".join(["no_head" if not tasks else "two_heads", *["tf32"] * on])] = found
    return numbers


def measure_gap(device: torch.device, few: bool) -> dict:
    """Of recorded steps of five networks: the share of time in which the device computes, the longest gap, and what the
    host did in it."""
    numbers = {}
    kind = DeviceType.CUDA if device.type == "cuda" else DeviceType.CPU
    for name, tasks in {"no_head": (), "region": ("region",), "four_heads": paper.MODELS["E2M5"]["tasks"]}.items():
        specs = [g.Spec(tasks=tasks, capacity=capacity) for capacity in paper.CAPACITIES[: 1 if few else None]]
        stack = train.Stack(specs, [train.Checkpoint.new(spec) for spec in specs], device)
        stack.start_epoch(1)
        examples, steps = train.Examples(specs, {}, device), 3 if few else 60
        batches = train.batches(specs, 1, 2 * steps, device)
        take = lambda i, b, stack=stack, examples=examples: stack.step(i, *examples.at(b[0]), *b[1:])
        for i, batch in enumerate(itertools.islice(batches, steps), 1):  # until it is recorded
            take(i, batch)
        wait(device)
        with profile() as seen:
            for i, batch in enumerate(batches, steps + 1):
                take(i, batch)
            wait(device)
        events = sorted((e.time_range.start, e.time_range.end, e.name) for e in seen.events() if e.device_type == kind)
        host = [e for e in seen.events() if e.device_type == DeviceType.CPU]
        end, busy, gaps = events[0][0], 0.0, []
        for start, stop, after in events:
            gaps.append((start - end, end, start, after))
            busy += max(0, stop - max(start, end))
            end = max(end, stop)
        longest, since, until, after = max(gaps)
        inside = [(min(e.time_range.end, until) - max(e.time_range.start, since), e.name) for e in host]
        numbers[name] = {
            "step_ms": round((end - events[0][0]) / steps / 1e3, 3),
            "busy": round(busy / (end - events[0][0]), 3),
            "longest_gap_us": round(longest, 1),
            "before": after,
            "host": [what for took, what in sorted(inside, reverse=True)[:3] if took > 0],
        }
    return numbers


def measure_tf32(device: torch.device, few: bool) -> dict:
    """Loss and rate of sketches at each capacity without TF32, with it, and of another seed without it."""
    length = {"steps": 3} if few else {"schedule": "sketch"}
    numbers = {}
    for name, on, seed in (("float32", False, 0), ("tf32", True, 0), ("other_seed", False, 1)):
        with tf32(on):
            specs = [
                g.Spec(capacity=capacity, seed=seed, **length) for capacity in paper.CAPACITIES[: 1 if few else None]
            ]
            runs = g.fit(specs, device.type)
        numbers[name] = {
            f"{r.spec.capacity:g}": [round(r.final[x], 5) for x in ("reconstruction", "rate")] for r in runs
        }
    return numbers


def measure_steps(device: torch.device, few: bool) -> dict:
    """images/s by the number of networks, in float32 and with TF32; the sides take turns at each number."""
    numbers, sizes = {}, (1, 2) if few else (1, 5, 10, 20, 40, 80)
    for on, m in itertools.product((False, True), sizes):
        with tf32(on):
            for name, kind in (("stack", train.Stack), ("vmap", Vmapped)):
                part = numbers.setdefault(name + "_tf32" * on, {})
                part[str(m)] = speed(kind, m, 0.1 if few else 0.5, device)
    return {"images_s": numbers}


def speed(kind: type[train.Stack], m: int, seconds: float, device: torch.device) -> int:
    """images/s of M networks' steps without a head, on images that lie on the device."""
    specs = [g.Spec(seed=seed) for seed in range(m)]
    stack = kind(specs, [train.Checkpoint.new(spec) for spec in specs], device)
    stack.start_epoch(1)
    images, noise = torch.rand(m, 128, 1, 13, 13, device=device).round(), torch.randn(m, 128, 5, device=device)

    def took(calls: int) -> float:
        wait(device)
        began = time.perf_counter()
        for _ in range(calls):
            stack.step(1, images, {}, noise, {})
        wait(device)
        return time.perf_counter() - began

    took(5)  # warm-up and capture of the graph
    calls = max(2, int(5 * seconds / took(5)))
    return round(128 * m * calls / took(calls))


def measure_paper(device: torch.device, few: bool, limit: float) -> dict:
    """Seconds for one seed of the paper, and for five; where five would pass the limit, for the share of their steps
    that is named."""
    one = train_paper(device, 1, 2 if few else None)
    left = limit - (time.perf_counter() - BEGAN)
    share = min(1.0, left / (5 * one["seconds"]))
    steps = 2 if few else None if share == 1 else max(60, int(share * one["steps"]))
    return one | {"five_seeds": train_paper(device, 5, steps)}


def train_paper(device: torch.device, seeds: int, steps: int | None) -> dict:
    changes = {"steps": steps, "steps_per_epoch": min(steps, 500)} if steps else {}
    numbers = {"steps": steps or g.Spec().steps, "stacks": 0}
    with tempfile.TemporaryDirectory() as folder:
        for name, models in (("networks", paper.MODELS), ("classifiers", paper.CLASSIFIERS)):
            capacities = paper.CAPACITIES[:1] if steps == 2 else paper.CAPACITIES
            models = list(models)[:1] if steps == 2 else models
            keys = list(itertools.product(models, capacities, range(seeds)))
            began = time.perf_counter()
            paper.train_all(keys, folder, device.type, **changes)
            numbers |= {name: len(keys), f"{name}_s": round(time.perf_counter() - began, 1)}
            numbers["stacks"] += len({stack_key(paper.spec(*key, **changes)) for key in keys})
    return numbers | {"seconds": round(numbers["networks_s"] + numbers["classifiers_s"], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    claims = {"check": measure_check, "gap": measure_gap, "tf32": measure_tf32, "steps": measure_steps}
    parser.add_argument("--only", nargs="+", choices=[*claims, "paper"], default=[*claims, "paper"])
    parser.add_argument("--limit", type=float, default=480, help="seconds for all of it (480)")
    parser.add_argument("--try", action="store_true", dest="few", help="few steps, on a CPU too; records nothing")
    options = parser.parse_args()
    if not (torch.cuda.is_available() or options.few):
        sys.exit("no CUDA device is here: --try runs the program on the CPU; benchmarks/train.py measures the CPU")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    command = " ".join(["python benchmarks/gpu.py", *sys.argv[1:]])
    claims["paper"] = functools.partial(measure_paper, limit=options.limit)
    for name in options.only:
        numbers = claims[name](device, options.few)
        if options.few:
            print(json.dumps({f"gpu_{name}": numbers}, indent=1))
        else:
            record(f"gpu_{name}", command, numbers)


if __name__ == "__main__":
    main()
