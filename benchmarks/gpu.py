"""How fast a GPU trains: networks stacked, against `torch.vmap` of the plain network, and one seed of the paper.

    python benchmarks/gpu.py [--only steps|paper] [--seconds 2] [--steps 300]

Steps without a head on images that lie on the GPU, ours as a CUDA graph; then `paper.train_all` from nothing to stored
runs, networks and classifiers. --steps trains each of them that long only: a try of the program, not of the claim.
"""

import argparse
import functools
import itertools
import sys
import tempfile
import time

import torch
from record import record

import geomlib as g
from geomlib import paper, train
from geomlib.engine import fast

SIZES = (1, 5, 10, 20, 40, 80)  # networks in a stack
PLAIN = g.BetaVAE()  # lends its layers; its own weights are not used


class Vmapped(train.Stack):
    """The stack with the readable network, vectorized by the framework; its step can't be captured in a graph."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.replay = functools.partial(self._step, self.state)

    def forward(self, weights, inputs, noise, masks):
        call = lambda one, images, e: torch.func.functional_call(PLAIN, one, (images, e))
        return torch.vmap(call)(fast.turned_back(weights), inputs, noise)


def speed(kind: type[train.Stack], m: int, seconds: float) -> int:
    """images/s of M networks' steps."""
    specs, gpu = [g.Spec(seed=seed) for seed in range(m)], torch.device("cuda")
    stack = kind(specs, [train.Checkpoint.new(spec) for spec in specs], gpu)
    stack.start_epoch(1)
    images, noise = torch.rand(m, 128, 1, 13, 13, device=gpu).round(), torch.randn(m, 128, 5, device=gpu)

    def took(calls: int) -> float:
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(calls):
            stack.step(1, images, {}, noise, {})
        torch.cuda.synchronize()
        return time.perf_counter() - began

    took(5)  # warm-up and capture of the graph
    calls = max(10, int(10 * seconds / took(10)))
    return round(128 * m * calls / took(calls))


def measure_steps(seconds: float) -> dict:
    """images/s by size, in float32 and with TF32 in products and convolutions; the sides take turns at each size."""
    numbers = {}
    for precision, m in itertools.product(("highest", "high"), SIZES):
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.allow_tf32 = precision == "high"
        for name, kind in (("stack", train.Stack), ("vmap", Vmapped)):
            part = numbers.setdefault(name + ("_tf32" if precision == "high" else ""), {})
            part[str(m)] = speed(kind, m, seconds)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    return numbers


def measure_paper(steps: int | None) -> dict:
    """Seconds for one seed of the paper, and what it trained."""
    changes = {"steps": steps, "steps_per_epoch": min(steps, 500)} if steps else {}
    numbers = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, models in (("networks", paper.MODELS), ("classifiers", paper.CLASSIFIERS)):
            keys = [(*key, 0) for key in itertools.product(models, paper.CAPACITIES)]
            began = time.perf_counter()
            paper.train_all(keys, folder, "cuda", **changes)
            numbers |= {name: len(keys), f"{name}_s": round(time.perf_counter() - began, 1)}
    return numbers | {"seconds": round(numbers["networks_s"] + numbers["classifiers_s"], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("steps", "paper"), help="one of the two (both)")
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement (2)")
    parser.add_argument("--steps", type=int, help="of each network of the paper (all)")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no CUDA device is here: this benchmark needs one; benchmarks/train.py measures the CPU")
    command = " ".join(["python benchmarks/gpu.py", *sys.argv[1:]])
    if options.only != "paper":
        record("gpu_steps", command, {"images_s": measure_steps(options.seconds)})
    if options.only != "steps":
        record("gpu_try" if options.steps else "gpu_paper", command, measure_paper(options.steps))


if __name__ == "__main__":
    main()
