"""Training (paper, Methods; every departure from the usual is a field of `Spec`).

    loss = reconstruction + gamma * rate_weight * |rate - C(t)| + sum over tasks of w(t) * cross entropy

`fit` trains networks that share a data set and heads as one stack: every weight has a leading axis M.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from . import data, measures
from .model import DROPOUT, BetaVAE, Output, hidden_units, rate

CHOICES = {"loss": ("B", "H"), "clock": ("original", "steps"), "task_rule": ("early", "late", "constant")}
RANGES = {                                   # field: smallest, largest, what it counts
    "data_seed": (0, 2**32, ""), "train_end": (1, data.MOST, "images"), "validation_end": (2, data.MOST, "images"),
    "capacity": (0, 1e6, "nats"), "gamma": (0, 1e9, ""), "beta": (0, 1e9, ""), "rate_weight": (0, 1e9, ""),
    "steps": (1, 10**9, ""), "steps_per_epoch": (1, 10**9, ""), "batch_size": (1, 10**6, "images"),
    "learning_rate": (1e-12, 10, ""), "decay": (1e-6, 1, ""), "latent_dim": (1, 1000, ""), "seed": (0, 2**32, ""),
    "ramp": (1, 10**9, "ticks"), "slow_until": (0, 10**9, "ticks"), "slow_divisor": (1, 1e9, ""),
    "rate_groups": (1, 10**6, ""), "late_factor": (0, 1e9, ""),
}
HISTORY = {"step": "int64", "epoch": "int64", "split": "str", "term": "str", "value": "float64"}  # columns of Run.history


@dataclass(frozen=True)
class Spec:
    """Everything a run depends on; the defaults are the original's. Fields left None are filled in.

    Raises ValueError that names the field, the value and what is allowed.
    """

    counts: str | tuple = "uniform"          # a name of data.COUNTS, a 13 x 13 table, or the path of a CSV file
    counts_sha256: str = ""                  # of the CSV file's bytes
    data_seed: int = 0                       # of the images' noise and order; unused for a CSV file
    train_end: int | None = None             # images 0..train_end - 1 are trained on ...
    validation_end: int | None = None        # ... those up to here validate; the rest is the test part
    tasks: tuple[str, ...] = ()              # heads that read the code, names of data.TASKS
    capacity: float = 10.0                   # C, nats
    gamma: float = 300.0                     # weight of |rate - C|
    loss: str = "B"                          # "B": a capacity; "H": beta * rate
    beta: float = 4.0                        # for loss "H"
    steps: int = 5316                        # batches trained on
    steps_per_epoch: int | None = None       # None: the whole training part; fewer cut each epoch short
    batch_size: int = 128
    learning_rate: float = 5e-4              # of Adam ...
    decay: float = 0.9                       # ... times this after each epoch
    latent_dim: int = 5
    seed: int = 0                            # of the first weights, the order and the sampling noise
    rate_weight: float = 0.0003
    rate_groups: int = 2                     # |rate - C| of each part of the batch (one a GPU); 1: of the whole
    clock: str = "original"                  # "original": validation batches and two more count; "steps": steps alone
    ramp: int = 2500                         # T: the capacity is full when the clock reads T
    slow_until: int = 1500                   # until then capacity and early task weight are divided ...
    slow_divisor: float = 4.0                # ... by this
    task_rule: str = "early"                 # "early": with the capacity; "late": from T to 2 T; "constant": 1
    late_factor: float = 10.0                # weight of `region` and `identity` in the late rule
    softmax_twice: bool = True               # cross entropy of softmax outputs, where there are more than 2 classes

    def __post_init__(self):
        put = lambda name, value: object.__setattr__(self, name, value)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in CHOICES and value not in CHOICES[field.name]:
                raise ValueError(f"{field.name} must be one of {', '.join(CHOICES[field.name])}, got {value!r}")
            if field.name in RANGES and not (value is None and "None" in field.type):
                put(field.name, _number(field.name, value, whole=field.type.startswith("int")))
        if not isinstance(self.softmax_twice, bool):
            raise ValueError(f"softmax_twice must be True or False, got {self.softmax_twice!r}")
        if isinstance(self.tasks, str) or not set(self.tasks) <= set(data.TASKS):
            raise ValueError(f"tasks must be a list of names among {', '.join(data.TASKS)}, got {self.tasks!r}")
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks must name each task once, got {self.tasks!r}")
        put("tasks", tuple(self.tasks))
        n = self._resolve_counts(put)
        train_end, validation_end = data.SPLITS.get(str(self.counts), (int(0.85 * n), int(0.925 * n)))
        put("train_end", train_end if self.train_end is None else self.train_end)
        put("validation_end", max(validation_end, self.train_end + 1) if self.validation_end is None else self.validation_end)
        if not 0 < self.train_end < self.validation_end <= n:
            raise ValueError(f"0 < train_end < validation_end <= {n} images of {str(self.counts)[:40]} must hold, "
                             f"got {self.train_end} and {self.validation_end}")
        most = math.ceil(self.train_end / self.batch_size)
        put("steps_per_epoch", most if self.steps_per_epoch is None else self.steps_per_epoch)
        if self.steps_per_epoch > most:
            raise ValueError(f"steps_per_epoch must be at most {most} (the training part), got {self.steps_per_epoch}")

    def _resolve_counts(self, put) -> int:
        """Check counts; returns the number of images in the set."""
        if isinstance(self.counts, str) and self.counts.endswith(".csv"):
            if not self.counts_sha256:
                put("counts_sha256", csv_sha256(self.counts))
                return _count_lines(self.counts)
            return _count_lines(self.counts) if Path(self.counts).exists() else data.MOST
        table = data.counts_table(self.counts)
        if not isinstance(self.counts, str):
            put("counts", tuple(tuple(row) for row in table.tolist()))
        return int(table.sum())

    @property
    def heads(self) -> dict[str, int]:
        """Task -> number of classes."""
        return {task: data.TASKS[task].n_classes for task in self.tasks}


def _number(name: str, value, whole: bool):
    low, high, unit = RANGES[name]
    kind = "a whole number" if whole else "a number"
    good = isinstance(value, (int, np.integer)) or not whole and isinstance(value, (float, np.floating))
    if not good or isinstance(value, bool) or not low <= value <= high:
        unit = f" ({unit})" if unit else ""
        raise ValueError(f"{name} must be {kind} in {low:g}..{high:g}{unit}, got {value!r}")
    return int(value) if whole else float(value)


def csv_sha256(path: str | Path) -> str:
    """Checksum of a CSV file, by which a run knows the data it was trained on."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _count_lines(path: str | Path) -> int:
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def check_fields(names: Sequence[str]) -> None:
    """Raise ValueError, with the nearest name, where a name isn't a field of `Spec`."""
    known = [field.name for field in dataclasses.fields(Spec)]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"the fields are {', '.join(known)}"
            raise ValueError(f"Spec has no field {name!r}; {hint}")


def change(spec: Spec, **changes) -> Spec:
    """The spec with some fields changed; what was filled in from a changed field is filled in anew."""
    check_fields(list(changes))
    follows = {"counts": ("counts_sha256", "train_end", "validation_end", "steps_per_epoch"),
               "train_end": ("validation_end", "steps_per_epoch"), "batch_size": ("steps_per_epoch",)}
    anew = {name: "" if name == "counts_sha256" else None for cause in changes for name in follows.get(cause, ())}
    return dataclasses.replace(spec, **(anew | changes))


def load_data(spec: Spec) -> data.Corridors:
    """The spec's images and factors, in their fixed order; ValueError where a CSV file is not the one trained on."""
    if not spec.counts_sha256:
        return data.corridors(spec.counts, spec.data_seed)
    if csv_sha256(spec.counts) != spec.counts_sha256:
        raise ValueError(f"{spec.counts} has changed: its sha256 is no longer {spec.counts_sha256[:12]}...")
    return data.read_csv(spec.counts)


# --- schedules and loss ----------------------------------------------------------------------------------------


def clock_at(step: int, spec: Spec) -> int:
    """The reading t that the schedules go by at training step 1, 2, ... (in ticks)."""
    if spec.clock == "steps":
        return step
    on_one_gpu = math.ceil((spec.validation_end - spec.train_end) / 2)           # images, 32 a validation batch
    return step + 2 + math.ceil(on_one_gpu / 32) * ((step - 1) // spec.steps_per_epoch)


def capacity_at(step: int, spec: Spec) -> float:
    """C(t) in nats."""
    return spec.capacity * _ramp(clock_at(step, spec), spec)


def task_weight_at(step: int, spec: Spec, task: str) -> float:
    """Weight of a task's cross entropy in the loss."""
    t = clock_at(step, spec)
    if spec.task_rule == "early":
        return _ramp(t, spec)
    if spec.task_rule == "constant":
        return 1.0
    factor = spec.late_factor if task in ("region", "identity") else 1.0
    return factor * min(max((t - spec.ramp) / spec.ramp, 0.0), 1.0)


def _ramp(t: int, spec: Spec) -> float:
    return min(t / spec.ramp, 1.0) / (spec.slow_divisor if t < spec.slow_until else 1.0)


def loss_terms(output: Output, images: Tensor, labels: Mapping[str, Tensor], step: int, spec: Spec) -> dict[str, Tensor]:
    """The terms whose sum is the loss at a step: "reconstruction", "rate" and each task, as scalars.

    output  of N images     images  (N, 1, 13, 13)     labels  task -> (N,) int64
    """
    add_axis = lambda value: {k: v[None] for k, v in value.items()} if isinstance(value, dict) else value[None]
    weights = {task: torch.tensor([task_weight_at(step, spec, task)]) for task in spec.tasks}
    terms = stack_terms(Output(*map(add_axis, output)), images[None], add_axis(dict(labels)),
                        torch.tensor([capacity_at(step, spec)]), torch.tensor([_rate_factor(spec)]), weights, spec)
    return {name: term[0] for name, term in terms.items()}


def stack_terms(output: Output, images: Tensor, labels: Mapping[str, Tensor], capacity: Tensor, rate_factor: Tensor,
                task_weight: Mapping[str, Tensor], spec: Spec) -> dict[str, Tensor]:
    """The loss terms of M networks, (M,) each; every argument but spec has a leading axis M."""
    terms = {"reconstruction": (output.reconstruction - images).square().flatten(1).mean(1)}
    nats = rate(output.mu, output.logvar)                                        # (M, N)
    if spec.loss == "H":
        terms["rate"] = rate_factor * nats.mean(1)
    else:
        parts = torch.stack([part.mean(1) for part in nats.chunk(spec.rate_groups, 1)], 1)
        terms["rate"] = rate_factor * (parts - capacity[:, None]).abs().mean(1)
    for task in spec.tasks:
        terms[task] = task_weight[task] * cross_entropy(output.classes[task], labels[task], spec.softmax_twice)
    return terms


def _rate_factor(spec: Spec) -> float:
    return spec.rate_weight * (spec.beta if spec.loss == "H" else spec.gamma)


def cross_entropy(probabilities: Tensor, labels: Tensor, softmax_twice: bool) -> Tensor:
    """Mean cross entropy in nats: (..., N) or (..., N, K) and (..., N) -> (...)."""
    if probabilities.ndim == labels.ndim:
        return F.binary_cross_entropy(probabilities, labels.to(probabilities), reduction="none").mean(-1)
    logs = probabilities.log_softmax(-1) if softmax_twice else probabilities.clamp_min(1e-12).log()
    return -logs.gather(-1, labels[..., None]).squeeze(-1).mean(-1)


# --- fitting ---------------------------------------------------------------------------------------------------


class Run(NamedTuple):
    """A trained network."""

    spec: Spec
    model: BetaVAE
    history: pd.DataFrame                    # columns step, epoch, split, term, value


class Checkpoint(NamedTuple):
    """A network between two epochs."""

    epoch: int                               # epochs done
    tensors: dict[str, Tensor]               # weights by name; Adam's moments as "mean.NAME" and "square.NAME"
    history: pd.DataFrame

    @classmethod
    def new(cls, spec: Spec) -> Checkpoint:
        """Before the first epoch: PyTorch's default initialisation, drawn from the spec's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(spec.seed)
            weights = BetaVAE(spec.latent_dim, spec.heads).state_dict()
        zeros = {f"{moment}.{name}": torch.zeros_like(w) for moment in ("mean", "square") for name, w in weights.items()}
        return cls(0, weights | zeros, _rows(0, 0, "", ()))

    def network(self, spec: Spec) -> BetaVAE:
        """The network with these weights."""
        network = BetaVAE(spec.latent_dim, spec.heads)
        network.load_state_dict({name: self.tensors[name] for name in network.state_dict()})
        return network


class Diverged(ArithmeticError):
    """A loss term became infinite or not a number; carries the history until then and the spec's index in `fit`."""

    def __init__(self, message: str, history: pd.DataFrame, index: int):
        super().__init__(message, history, index)
        self.history, self.index = history, index

    def __str__(self) -> str:
        return self.args[0]


def fit(specs: Sequence[Spec], device: str = "auto", starts: Sequence[Checkpoint | None] = (),
        keep: Callable[[int, Checkpoint], None] | None = None) -> list[Run]:
    """Train one network a spec, from its seed to the last step.

    device   "auto" (CUDA where there is one), "cpu" or "cuda". On a GPU all specs that share data and heads train as
             one stack; on a CPU each has a process of one thread, so that the bits are the same alone and together.
    starts   a checkpoint to go on from, or None, for each spec
    keep     called with a spec's index and its checkpoint after each epoch (in the process that trains it)
    raises   Diverged where a loss term is not finite; ValueError for a device that isn't there
    """
    place = pick_device(device)
    starts = list(starts) or [None] * len(specs)
    jobs: dict = {}
    for index, spec in enumerate(specs):
        alone = index if place.type == "cpu" else 0
        jobs.setdefault((alone, stack_key(spec), starts[index] and starts[index].epoch), []).append(index)
    with tempfile.TemporaryDirectory() as folder:
        done = np.memmap(Path(folder) / "done", np.int64, "w+", shape=len(specs))
        arguments = [([specs[i] for i in job], place, [starts[i] for i in job], job, keep, done) for job in jobs.values()]
        with progress(done, sum(spec.steps for spec in specs)):
            workers = min(len(arguments), os.cpu_count() or 1) if place.type == "cpu" else 1
            if workers > 1:
                import joblib

                results = joblib.Parallel(workers, max_nbytes=None)(joblib.delayed(fit_stack)(*a) for a in arguments)
            else:
                results = [fit_stack(*a) for a in arguments]
        del done
    runs = {index: run for job, result in zip(jobs.values(), results) for index, run in zip(job, result)}
    return [runs[index] for index in range(len(specs))]


def pick_device(device: str) -> torch.device:
    """ "auto", "cpu", "cuda" or "cuda:1" as a torch.device that is there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu" and not str(device).startswith("cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {device!r}")
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"device {device!r}: no CUDA device is here; use cpu or auto")
    return torch.device(device)


def stack_key(spec: Spec) -> Spec:
    """What specs of one stack have in common: all but the capacity, its weight and schedule, and the seed."""
    return dataclasses.replace(spec, capacity=0, gamma=0, beta=0, ramp=1, slow_until=0, slow_divisor=1, seed=0)


def epochs(spec: Spec) -> int:
    return math.ceil(spec.steps / spec.steps_per_epoch)


def draw(spec: Spec, epoch: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """An epoch's order (images,) and sampling noise (images, D), and the generator for its dropout; epochs from 1."""
    rng = np.random.default_rng([spec.seed, epoch])
    order = rng.permutation(spec.train_end)[:spec.steps_per_epoch * spec.batch_size]
    return order, rng.standard_normal((len(order), spec.latent_dim), dtype=np.float32), rng


def dropout(spec: Spec, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The dropout of one step: task -> (size, hidden units), 0 or 1 / (1 - DROPOUT)."""
    keep = np.float32(1 / (1 - DROPOUT)) * (np.arange(256) >= 256 * DROPOUT)
    return {task: keep[rng.integers(0, 256, (size, hidden_units(k)), dtype=np.uint8)] for task, k in spec.heads.items() if k > 2}


class Stack:
    """M networks on one device that train as one: every weight has a leading axis M."""

    def __init__(self, spec: Spec, checkpoints: Sequence[Checkpoint], device: torch.device):
        self.spec, self.size = spec, len(checkpoints)
        self.network = BetaVAE(spec.latent_dim, spec.heads).to(device)
        both = {name: torch.stack([c.tensors[name] for c in checkpoints]).to(device) for name in checkpoints[0].tensors}
        self.weights = {name: both[name].requires_grad_() for name in self.network.state_dict()}
        gpu = device.type == "cuda"
        rate_now = torch.tensor(spec.learning_rate, device=device) if gpu else spec.learning_rate
        self.optimiser = torch.optim.Adam(list(self.weights.values()), rate_now, fused=True, capturable=gpu)
        steps = torch.tensor(float(checkpoints[0].epoch * spec.steps_per_epoch), device=device if gpu else "cpu")
        for name, weight in self.weights.items():
            self.optimiser.state[weight] = {"step": steps.clone(), "exp_avg": both[f"mean.{name}"],
                                            "exp_avg_sq": both[f"square.{name}"]}
        self.step = Graphed(self._step) if gpu else self._step

    def set_learning_rate(self, value: float) -> None:
        group = self.optimiser.param_groups[0]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)         # the CUDA graph reads this tensor
        else:
            group["lr"] = value

    def _step(self, images, labels, noise, masks, capacity, factor, task_weight) -> Tensor:
        """One step of Adam; every argument has a leading axis M. Returns the loss terms (terms, M)."""
        terms = stack_terms(self.forward(images, noise, masks), images, labels, capacity, factor, task_weight, self.spec)
        values = torch.stack(list(terms.values()))
        self.optimiser.zero_grad()
        values.sum().backward()
        self.optimiser.step()
        return values.detach()

    def forward(self, images: Tensor, noise: Tensor, masks: Mapping[str, Tensor]) -> Output:
        """`BetaVAE.forward` of every network: images (M, B, 1, 13, 13), noise (M, B, D) -> Output with leading M."""
        one = lambda weights, *inputs: functional_call(self.network, weights, inputs)
        return torch.vmap(one)(self.weights, images, noise, masks)

    def checkpoints(self, epoch: int) -> list[Checkpoint]:
        """Copies of every network's weights and moments, on the CPU."""
        state = {name: weight.detach() for name, weight in self.weights.items()}
        for ours, theirs in (("mean", "exp_avg"), ("square", "exp_avg_sq")):
            state |= {f"{ours}.{name}": self.optimiser.state[w][theirs] for name, w in self.weights.items()}
        state = {name: value.cpu() for name, value in state.items()}
        return [Checkpoint(epoch, {k: v[m].clone() for k, v in state.items()}, None) for m in range(self.size)]


class Graphed:
    """A step as a CUDA graph: three eager calls to warm up, one capture, then replays; other shapes run eagerly."""

    def __init__(self, step: Callable[..., Tensor]):
        self.step, self.calls, self.graph, self.stream = step, 0, None, torch.cuda.Stream()

    def __call__(self, *inputs) -> Tensor:
        tensors, rebuild = torch.utils._pytree.tree_flatten(inputs)
        if self.calls < 3 or self.shapes != [t.shape for t in tensors]:
            self.calls, self.shapes = self.calls + 1, [t.shape for t in tensors] if self.calls < 3 else self.shapes
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                values = self.step(*inputs)
            torch.cuda.current_stream().wait_stream(self.stream)
            return values
        if self.graph is None:
            self.inputs = [t.clone() for t in tensors]
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.values = self.step(*torch.utils._pytree.tree_unflatten(self.inputs, rebuild))
        for static, new in zip(self.inputs, tensors):
            static.copy_(new)
        self.graph.replay()
        return self.values


def fit_stack(specs: list[Spec], device: torch.device, starts: list[Checkpoint | None], indices: list[int],
              keep: Callable[[int, Checkpoint], None] | None, done: np.ndarray) -> list[Run]:
    """Train M networks with the same `stack_key` as one; done[indices] counts their steps for the progress line."""
    with one_thread():
        spec = specs[0]
        images, factors = load_data(spec)
        validation = slice(spec.train_end, spec.validation_end)
        pixels = torch.from_numpy(images.astype(np.uint8)).to(device)
        labels = {task: torch.from_numpy(data.TASKS[task].labels(factors)).to(device) for task in spec.tasks}
        terms = ("reconstruction", "rate", *spec.tasks)
        starts = [start or Checkpoint.new(s) for s, start in zip(specs, starts)]
        histories = [start.history for start in starts]
        stack = Stack(spec, starts, device)
        factor = torch.tensor([_rate_factor(s) for s in specs], device=device)
        for epoch in range(starts[0].epoch + 1, epochs(spec) + 1):
            stack.set_learning_rate(spec.learning_rate * spec.decay ** (epoch - 1))
            orders, noises, rngs = zip(*(draw(s, epoch) for s in specs))
            order, noise = (torch.from_numpy(np.stack(x)).to(device) for x in (orders, noises))
            before = (epoch - 1) * spec.steps_per_epoch
            steps = min(spec.steps_per_epoch, spec.steps - before)
            log = torch.zeros(steps, len(terms), len(specs), device=device)
            for i in range(steps):
                batch = slice(i * spec.batch_size, (i + 1) * spec.batch_size)
                rows = order[:, batch]                                           # (M, B)
                masks = _stacked([dropout(s, rows.shape[1], rng) for s, rng in zip(specs, rngs)], device)
                schedule = torch.tensor([schedules(before + i + 1, s) for s in specs]).T.to(device)
                log[i] = stack.step(pixels[rows].float(), {task: label[rows] for task, label in labels.items()},
                                    noise[:, batch], masks, schedule[0], factor, dict(zip(spec.tasks, schedule[1:])))
                if (i + 1) % 50 == 0 or i + 1 == steps:
                    _check_finite(log[:i + 1], terms, before, epoch, histories, indices)
                    done[indices] = before + i + 1
            for m, (s, checkpoint) in enumerate(zip(specs, stack.checkpoints(epoch))):
                scores = evaluate(checkpoint.network(s), images[validation], factors[validation], s.seed)
                histories[m] = pd.concat([histories[m], _rows(before + steps, epoch, "train", zip(terms, log[:, :, m].mean(0).tolist())),
                                          _rows(before + steps, epoch, "validation", scores.items())], ignore_index=True)
                if keep:
                    keep(indices[m], checkpoint._replace(history=histories[m]))
        return [Run(s, checkpoint.network(s), history)
                for s, checkpoint, history in zip(specs, stack.checkpoints(epochs(spec)), histories)]


def schedules(step: int, spec: Spec) -> list[float]:
    """The capacity and each task's weight at a step."""
    return [capacity_at(step, spec), *(task_weight_at(step, spec, task) for task in spec.tasks)]


def _stacked(dicts: list[dict[str, np.ndarray]], device: torch.device) -> dict[str, Tensor]:
    return {key: torch.from_numpy(np.stack([d[key] for d in dicts])).to(device) for key in dicts[0]}


def _rows(step: int, epoch: int, split: str, values) -> pd.DataFrame:
    rows = [(step, epoch, split, term, value) for term, value in values]
    return pd.DataFrame(rows, columns=list(HISTORY)).astype(HISTORY)


def _check_finite(log: Tensor, terms: Sequence[str], before: int, epoch: int, histories: list[pd.DataFrame],
                  indices: list[int]) -> None:
    bad = (~torch.isfinite(log)).nonzero().tolist()
    if bad:
        i, term, m = bad[0]
        so_far = log[:i, :, m].mean(0).tolist()
        history = pd.concat([histories[m], _rows(before + i, epoch, "train", zip(terms, so_far))], ignore_index=True)
        raise Diverged(f"{terms[term]} is {log[i, term, m]:g} at step {before + i + 1}: lower the learning_rate or gamma",
                       history, indices[m])


def speed(tasks: Sequence[str]) -> float:
    """Images a second that one thread of this machine trains with these heads, timed now in about a second."""
    spec = Spec(counts=np.full((13, 13), 30), tasks=tuple(tasks), steps=34)      # one epoch
    began = time.perf_counter()
    fit_stack([spec], torch.device("cpu"), [None], [0], None, np.zeros(1))
    return spec.steps * spec.batch_size / (time.perf_counter() - began)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for what runs inside, so that the sums have one order, and processes don't fight for cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def progress(done: np.ndarray, total: int) -> Iterator[None]:
    """A line on stderr with the time left while `done` (steps, by network) grows to total: rewritten in a terminal, once a minute elsewhere."""
    began, first, stop, terminal = time.monotonic(), int(done.sum()), threading.Event(), sys.stderr.isatty()

    def show():
        while not stop.wait(0.5 if terminal else 60):
            steps, seconds = int(done.sum()), time.monotonic() - began
            left = f"{seconds * (total - steps) / (steps - first):,.0f} s left" if steps > first else "starting"
            print(f"training {len(done)} network(s): {steps / total:4.0%}, {left}  ", file=sys.stderr,
                  end="\r" if terminal else "\n", flush=True)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# --- what a network does to images -----------------------------------------------------------------------------


def encode(model: BetaVAE, images: np.ndarray) -> np.ndarray:
    """Posterior means (N, D) float32 of images (N, 1, 13, 13)."""
    return posterior(model, images)[0]


def posterior(model: BetaVAE, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and log-variances, (N, D) float32 each, of images (N, 1, 13, 13)."""
    with torch.inference_mode():
        parts = [model.encode(torch.as_tensor(part)) for part in _parts(images)]
    return tuple(torch.cat(part).numpy() for part in zip(*parts))


def _parts(array: np.ndarray, size: int = 5000) -> list[np.ndarray]:
    return [array[i:i + size] for i in range(0, len(array), size)] or [array]


def evaluate(model: BetaVAE, images: np.ndarray, factors: np.ndarray, seed: int) -> dict[str, float]:
    """Scores of a network on images (N, 1, 13, 13), as the paper's validation: codes are sampled, no dropout.

    reconstruction  mean squared pixel error       rate, rate_0, ...  nats, in total and by latent
    active_latents  latents above 0.01 nats        and of each head TASK: its cross entropy TASK in nats,
    f1_TASK (mean over batches of 32, as published) and whole_f1_TASK
    """
    noise = np.random.default_rng([seed, 0]).standard_normal((len(images), model.latent_dim), dtype=np.float32)
    with torch.inference_mode():
        parts = [model(torch.as_tensor(x), torch.as_tensor(e)) for x, e in zip(_parts(images), _parts(noise))]
    reconstruction, mu, logvar = (torch.cat([part[i] for part in parts]) for i in range(3))
    by_latent = measures.latent_rates(mu, logvar).tolist()
    scores = {"reconstruction": measures.reconstruction_loss(images, reconstruction), "rate": sum(by_latent)}
    scores |= {f"rate_{i}": value for i, value in enumerate(by_latent)}
    scores["active_latents"] = measures.active_latents(mu, logvar)
    for task, k in model.heads.items():
        labels = data.TASKS[task].labels(factors)
        p = torch.cat([part.classes[task] for part in parts])
        predicted = (p.argmax(1) if k > 2 else p > 0.5).numpy().astype(np.int64)
        scores[task] = float(cross_entropy(p, torch.from_numpy(labels), softmax_twice=False))
        scores[f"f1_{task}"] = measures.f1_batchwise(labels, predicted, k)
        scores[f"whole_f1_{task}"] = measures.f1(labels, predicted, k)
    return scores
