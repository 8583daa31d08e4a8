"""What a run is: its spec, its schedules and its loss (paper, Methods; each quirk of the original is a field).

loss = reconstruction + gamma * rate_weight * |rate - C(t)| + sum over tasks of w(t) * cross entropy
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import data
from .model import Output, rate

CHOICES = {"loss": ("B", "H"), "clock": ("original", "steps"), "task_rule": ("early", "late", "constant")}
TAKEN = ("reconstruction", "rate", "active_latents")  # names that no task may have ...
PREFIXES = ("rate_", "f1_", "whole_f1_")  # ... nor beginnings: those of other scores
RANGES = {  # field: smallest, largest, what it counts
    "data_seed": (0, 2**32, ""),
    "train_end": (1, data.MOST, "images"),
    "validation_end": (2, data.MOST, "images"),
    "capacity": (0, 10**6, "nats"),
    "gamma": (0, 10**9, ""),
    "beta": (0, 10**9, ""),
    "rate_weight": (0, 10**9, ""),
    "steps": (1, 10**9, ""),
    "steps_per_epoch": (1, 10**9, ""),
    "batch_size": (1, 10**6, "images"),
    "learning_rate": (1e-12, 10, ""),
    "decay": (1e-6, 1, ""),
    "latent_dim": (1, 1000, ""),
    "seed": (0, 2**32, ""),
    "ramp": (1, 10**9, "ticks"),
    "slow_until": (0, 10**9, "ticks"),
    "slow_divisor": (1, 10**9, ""),
    "rate_groups": (1, 10**6, ""),
    "late_factor": (0, 10**9, ""),
}


@dataclass(frozen=True)
class Spec:
    """Everything a run depends on; the defaults are the original's. Fields left None are filled in.

    Raises ValueError that names the field, the value and what is allowed.
    """

    counts: str | tuple = "uniform"  # a name of data.COUNTS, a 13 x 13 table, or a CSV file: the path as given
    counts_sha256: str = ""  # of the CSV file's bytes, or of the table that has the name
    data_seed: int = 0  # of the images' noise and order; unused for a CSV file
    train_end: int | None = None  # images 0..train_end - 1 are trained on ...
    validation_end: int | None = None  # ... those up to here validate; the rest is the test part
    tasks: tuple[str, ...] = ()  # heads that read the code, names of data.TASKS
    labels_sha256: str = ""  # of the labels that the tasks' rules give the 169 pairs
    capacity: float = 10.0  # C, nats
    gamma: float = 300.0  # weight of |rate - C|
    loss: str = "B"  # "B": a capacity; "H": beta * rate
    beta: float = 4.0  # for loss "H"
    steps: int = 5316  # batches trained on
    steps_per_epoch: int | None = None  # None: the whole training part; fewer cut each epoch short
    batch_size: int = 128
    learning_rate: float = 5e-4  # of Adam ...
    decay: float = 0.9  # ... times this after each epoch
    latent_dim: int = 5
    seed: int = 0  # of the first weights, the order and the sampling noise
    rate_weight: float = 0.0003
    rate_groups: int = 2  # |rate - C| of each part of the batch (one a GPU); 1: of the whole
    clock: str = "original"  # "original": validation batches and two more count; "steps": steps alone
    ramp: int = 2500  # T: the capacity is full when the clock reads T
    slow_until: int = 1500  # until then capacity and early task weight are divided ...
    slow_divisor: float = 4.0  # ... by this
    task_rule: str = "early"  # "early": with the capacity; "late": from T to 2 T; "constant": 1
    late_factor: float = 10.0  # weight of `region` and `identity` in the late rule
    source: str = ""  # a run whose frozen codes the heads read; "": a network of its own
    softmax_twice: bool = True  # cross entropy of softmax outputs, where there are more than 2 classes

    def __new__(cls, **fields):
        check_fields(list(fields))
        return super().__new__(cls)

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
        if not isinstance(self.tasks, (tuple, list)) or not all(task in data.TASKS for task in self.tasks):
            raise ValueError(
                f'tasks must be a list of names among {", ".join(data.TASKS)}, as tasks=["order"], got '
                f"{self.tasks!r}; one of your own comes into geomlib.TASKS first"
            )
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks must name each task once, got {self.tasks!r}")
        for task in self.tasks:  # a head, a term of the loss and a score have its name
            if (
                not task.isidentifier()
                or hasattr(torch.nn.ModuleDict, task)
                or task in TAKEN
                or task.startswith(PREFIXES)
            ):
                raise ValueError(
                    f"a task can't be named {task!r}: take a name of letters, digits and _ that isn't one of "
                    f"{', '.join(TAKEN)} nor of a method, and doesn't begin with {', '.join(PREFIXES)}"
                )
        for name in ("counts_sha256", "labels_sha256"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a checksum in hexadecimal, got {getattr(self, name)!r}")
        put("tasks", tuple(self.tasks))
        self._check_same(
            "rule", f"a task among {', '.join(self.tasks)}", "labels_sha256", now := _labels_sha256(self.tasks)
        )
        put("labels_sha256", now)
        if not isinstance(self.source, str) or self.source and not self.tasks:
            raise ValueError(f"source must name a run, with tasks to learn from its codes, got {self.source!r}")
        n = self._resolve_counts(put)
        train_end, validation_end = data.SPLITS.get(str(self.counts), (int(0.85 * n), int(0.925 * n)))
        if self.train_end is None:
            put("train_end", train_end)
        if self.validation_end is None:
            put("validation_end", max(validation_end, self.train_end + 1))
        if not 0 < self.train_end < self.validation_end <= n:
            raise ValueError(
                f"0 < train_end < validation_end <= {n} images of {str(self.counts)[:40]} must hold, "
                f"got {self.train_end} and {self.validation_end}"
            )
        most = math.ceil(self.train_end / self.batch_size)
        put("steps_per_epoch", most if self.steps_per_epoch is None else self.steps_per_epoch)
        if self.steps_per_epoch > most:
            raise ValueError(f"steps_per_epoch must be at most {most} (the training part), got {self.steps_per_epoch}")

    def _resolve_counts(self, put) -> int:
        """Check counts; returns the number of images in the set."""
        if isinstance(self.counts, Path):
            put("counts", str(self.counts))
        if self.from_csv:
            if self.counts_sha256 and self.validation_end:
                return data.MOST  # a stored run can be loaded where its data are not, or others
            if not Path(self.counts).is_file():
                raise FileNotFoundError(f"counts names a file that isn't there: {self.counts}")
            put("counts_sha256", self.counts_sha256 or file_sha256(self.counts))
            return _count_lines(self.counts)
        table = data.counts_table(self.counts)
        now = hashlib.sha256(table.astype("<i8").tobytes()).hexdigest() if isinstance(self.counts, str) else ""
        if now:
            self._check_same("table", f"counts {self.counts!r}", "counts_sha256", now)
        else:
            put("counts", tuple(tuple(row) for row in table.tolist()))
        put("counts_sha256", now)
        return int(table.sum())

    def _check_same(self, kind: str, of: str, name: str, now: str) -> None:
        was = getattr(self, name)
        if was not in ("", now):
            raise ValueError(
                f"the {kind} of {of} is no longer the one trained on ({name} was {was[:12]}...); give the new "
                f"{kind} a name of its own"
            )

    @property
    def from_csv(self) -> bool:
        """Whether the images are those of a CSV file."""
        return isinstance(self.counts, str) and self.counts.endswith(".csv")

    @property
    def heads(self) -> dict[str, int]:
        """Task -> number of classes."""
        return {task: data.TASKS[task].n_classes for task in self.tasks}


Spec.__new__.__wrapped__ = Spec.__init__  # so that help and completion show the fields


def _number(name: str, value, whole: bool):
    low, high, unit = RANGES[name]
    kind = "a whole number" if whole else "a number"
    good = isinstance(value, (int, np.integer)) or not whole and isinstance(value, (float, np.floating))
    if not good or isinstance(value, bool) or not low <= value <= high:
        unit = f" ({unit})" if unit else ""
        raise ValueError(f"{name} must be {kind} in {low:,}..{high:,}{unit}, got {value!r}")
    return int(value) if whole else float(value)


def differing(spec: Spec, other: Spec) -> dict:
    """The fields, name -> value, in which a spec differs from another."""
    fields = {field.name: getattr(spec, field.name) for field in dataclasses.fields(Spec)}
    return {name: value for name, value in fields.items() if value != getattr(other, name)}


def digest(spec: Spec, other: Spec | None = None) -> str:
    """A short hash, for a folder's name, of the fields in which a spec differs from another (None: from the defaults);
    "" where none does."""
    fields = differing(spec, other or Spec())
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:8] if fields else ""


def file_sha256(path: str | Path) -> str:
    """Checksum of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _labels_sha256(tasks: Sequence[str]) -> str:
    """Checksum of the labels that the tasks' rules give the 169 pairs; ValueError where one is no class of its task."""
    labels = [np.asarray(data.TASKS[task].labels(data.PAIRS)) for task in tasks]
    for task, given in zip(tasks, labels):
        known = range(data.TASKS[task].n_classes)
        if len(known) < 2:
            raise ValueError(f"task {task!r} must have 2 classes or more, got {len(known)}")
        if given.shape != (len(data.PAIRS),) or not np.isin(given, known).all():
            raise ValueError(
                f"the rule of task {task!r} must give each of N pairs of positions (N, 2) a whole number in "
                f"0..{known[-1]}; of the 169 pairs it gives {np.unique(given)[:5]}, in an array of shape {given.shape}"
            )
    return hashlib.sha256(np.array(labels, "<i8").tobytes()).hexdigest() if labels else ""


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
    """The spec with some fields changed; fields that follow from a changed one, as `train_end` from `counts`, are filled
    in anew, also where they had been given."""
    follows = {
        "tasks": ("labels_sha256",),
        "counts": ("counts_sha256", "train_end", "validation_end", "steps_per_epoch"),
        "train_end": ("validation_end", "steps_per_epoch"),
        "batch_size": ("steps_per_epoch",),
    }
    anew = {name: "" if name.endswith("_sha256") else None for cause in changes for name in follows.get(cause, ())}
    return dataclasses.replace(spec, **(anew | changes))


# --- schedules and loss ----------------------------------------------------------------------------------------


def clock_at(step: int, spec: Spec) -> int:
    """The reading t that the schedules go by at training step 1, 2, ... (in ticks)."""
    if spec.clock == "steps":
        return step
    on_one_gpu = math.ceil((spec.validation_end - spec.train_end) / 2)  # images, 32 a validation batch
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


def loss_terms(
    output: Output, images: Tensor, labels: Mapping[str, Tensor], step: int, spec: Spec
) -> dict[str, Tensor]:
    """The terms whose sum is the loss at a step: "reconstruction", "rate" and each task, as scalars.

    output  of N images     images  (N, 1, 13, 13)     labels  task -> (N,) int64
    """
    add_axis = lambda value: {k: v[None] for k, v in value.items()} if isinstance(value, dict) else value[None]
    number = lambda value: torch.tensor([value], device=images.device)
    weights = {task: number(task_weight_at(step, spec, task)) for task in spec.tasks}
    terms = stack_terms(
        Output(*map(add_axis, output)),
        images[None],
        add_axis(dict(labels)),
        number(capacity_at(step, spec)),
        number(rate_factor_of(spec)),
        weights,
        spec,
    )
    return {name: term[0] for name, term in terms.items()}


def stack_terms(
    output: Output,
    images: Tensor,
    labels: Mapping[str, Tensor],
    capacity: Tensor,
    rate_factor: Tensor,
    task_weight: Mapping[str, Tensor],
    spec: Spec,
) -> dict[str, Tensor]:
    """The loss terms of M networks, (M,) each; every argument but spec has a leading axis M."""
    terms = {}
    if not spec.source:
        terms["reconstruction"] = (output.reconstruction - images).square().flatten(1).mean(1)
        nats = rate(output.mu, output.logvar)  # (M, N)
        parts = torch.stack([part.mean(1) for part in nats.chunk(spec.rate_groups, 1)], 1)
        terms["rate"] = rate_factor * (nats.mean(1) if spec.loss == "H" else (parts - capacity[:, None]).abs().mean(1))
    for task in spec.tasks:
        terms[task] = task_weight[task] * cross_entropy(output.classes[task], labels[task], spec.softmax_twice)
    return terms


def rate_factor_of(spec: Spec) -> float:
    """What the rate's term of the loss is multiplied by."""
    return spec.rate_weight * (spec.beta if spec.loss == "H" else spec.gamma)


def cross_entropy(probabilities: Tensor, labels: Tensor, softmax_twice: bool) -> Tensor:
    """Mean cross entropy in nats: (..., N) or (..., N, K) and (..., N) -> (...)."""
    if probabilities.ndim == labels.ndim:
        return F.binary_cross_entropy(probabilities, labels.to(probabilities), reduction="none").mean(-1)
    logs = probabilities.log_softmax(-1) if softmax_twice else probabilities.clamp_min(1e-12).log()
    return -logs.gather(-1, labels[..., None]).squeeze(-1).mean(-1)
