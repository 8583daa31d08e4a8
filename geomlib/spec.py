"""`Spec`: everything that a run depends on, by value, so that a run can be loaded anywhere."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import data

STEPS = {"full": 7974, "sketch": 500}  # batches of a schedule
RESERVED_NAMES = ("reconstruction", "rate", "price", "active_latents")  # scores: no task can have their names ...
RESERVED_PREFIXES = ("rate_", "f1_", "whole_f1_")  # ... or names that begin like theirs


def _number(low: float, high: float, unit: str = "", default: Any = None) -> Any:
    """A field for a number from low to high, whole if low is; None is allowed if it is the default."""
    return field(default=default, metadata={"low": low, "high": high, "unit": unit, "whole": isinstance(low, int)})


def _choice(*values: str) -> Any:
    """A field that holds one of a few words; the first one is the default."""
    return field(default=values[0], metadata={"choices": values})


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything a run depends on. Fields left None are filled in; tables may be given by a built-in's name.

    Raises ValueError that names the field, the value and what is allowed.
    """

    # What it is trained on
    world: str | tuple = "corridors"  # name in data.WORLDS, or (13, 13, 13, 13) P(wall): x_uc, x_lc, row, column
    counts: str | tuple = "uniform"  # name in data.COUNTS, (13, 13) counts or frequencies, or a file
    csv_sha256: str = ""  # checksum of the CSV file's bytes; filled in
    data_seed: int = _number(0, 2**32, default=0)  # of the images' noise and order; unused for a CSV file
    train_end: int = _number(1, data.MOST, "images")  # the first images, up to here, are the training part
    validation_end: int = _number(2, data.MOST, "images")  # those after it, up to here, are the validation part
    tasks: Mapping[str, tuple] = field(default_factory=dict)  # names in data.TASKS, files, or {name: (13, 13) labels}
    # The objective, see objective.py
    capacity: float = _number(0.0, 1e6, "nats", 10.0)  # C, the rate that is asked for
    likelihood: str = _choice("gaussian", "bernoulli")  # a pixel's error: squared, or its cross entropy in nats
    loss: str = _choice("held", "B", "H")  # how the rate is limited: feedback; the original's |rate - C|; beta * rate
    gamma: float = _number(0.0, 1e9, default=300.0)  # loss B: weight of |rate - C|
    beta: float = _number(0.0, 1e9, default=4.0)  # loss H: weight of the rate
    rate_weight: float = _number(0.0, 1e9, default=0.0003)  # losses B and H: a factor of their weight
    rate_groups: int = _number(1, 10**6, default=2)  # loss B: parts of a batch with an own |rate - C|, one a GPU
    clock: str = _choice("original", "steps")  # loss B: validation batches and two more count; steps alone do
    ramp: int = _number(1, 10**9, "ticks", 2500)  # loss B: T, the capacity is full when the clock reads T
    slow_until: int = _number(0, 10**9, "ticks", 1500)  # loss B: until then the capacity rises slowly
    slow_divisor: float = _number(1.0, 1e9, default=4.0)  # loss B: by what the rise is divided until slow_until
    task_rule: str = _choice("constant", "early", "late")  # a task's weight: constant; with the capacity; from T to 2 T
    task_weight: float = _number(0.0, 1e9, default=1.0)  # of every task in the constant rule
    late_factor: float = _number(0.0, 1e9, default=10.0)  # weight of the tasks region and identity in the late rule
    softmax_twice: bool = True  # more than two classes: the original's cross entropy, of softmax outputs
    # The training
    schedule: str = _choice("full", "sketch")  # how many steps, where they are not given: 7,974 or 500
    steps: int = _number(1, 10**9)  # batches trained on; filled in from the schedule
    steps_per_epoch: int = _number(1, 10**9)  # steps after which the learning rate falls, all at most; filled in: 1,329
    batch_size: int = _number(1, 10**6, "images", 128)  # of a step
    learning_rate: float = _number(1e-12, 10.0, default=5e-4)  # of Adam, in the first epoch
    decay: float = _number(1e-6, 1.0, default=0.9)  # what the learning rate is multiplied by after each epoch
    cooldown: float = _number(0.0, 1.0)  # last share of the steps: the learning rate falls to 0; filled in: 0.2 if held
    latent_dim: int = _number(1, 1000, default=5)  # D, how many latents a code has
    layers: str = _choice("convolutions", "perceptron")  # of encoder and decoder: the paper's, or two hidden layers
    channels: int = _number(8, 4096, default=256)  # of the last convolution, the others in proportion; hidden units
    seed: int = _number(0, 2**32, default=0)  # of the first weights, the order in training and the sampling noise
    source: str = ""  # the run whose frozen codes the heads read; empty: a network of its own

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            _check_value(item, getattr(self, item.name))
        if not isinstance(self.softmax_twice, bool):
            raise ValueError(f"softmax_twice must be True or False, got {self.softmax_twice!r}")
        for name, value in _resolved(self).items():
            object.__setattr__(self, name, value)

    @property
    def heads(self) -> dict[str, int]:
        """Task -> number of classes."""
        return {name: self.task(name).n_classes for name in self.tasks}

    def task(self, name: str) -> data.Task:
        """A task of the network."""
        return data.task_of(name, self.tasks[name])

    def theory(self, tasks: bool = False) -> dict[str, Any]:
        """What `geomlib.theory` asks about: `theory.price(rate=1, **spec.theory())`.

        tasks   those that the loss counts, too; else the images alone
        """
        asked: dict[str, Any] = {"counts": self.counts, "world": self.world, "likelihood": self.likelihood}
        if tasks and self.tasks and self.task_weight:
            asked |= {"labels": list(self.tasks.values()), "weight": self.task_weight}
            asked |= {"softmax_twice": self.softmax_twice}
        return asked

    @property
    def from_csv(self) -> bool:
        """Whether the images are those of a CSV file."""
        return isinstance(self.counts, str)

    @property
    def counts_name(self) -> str:
        """The data set in a word: a name of data.COUNTS, "own table", or the path of a CSV file."""
        return self.counts if isinstance(self.counts, str) else data.counts_name(self.counts) or "own table"

    def __repr__(self) -> str:
        """What differs from the defaults; tables by their names, where they have one."""
        shown = {
            name: value for name, value in differing(self, Spec()).items() if name not in ("counts", "tasks", "world")
        }
        shown |= {"counts": self.counts_name} if self.counts_name != "uniform" else {}
        shown |= {"tasks": list(self.tasks)} if self.tasks else {}
        shown |= {"world": "own table"} if not isinstance(self.world, str) else {}
        return f"Spec({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _check_value(item: dataclasses.Field, value: Any) -> None:
    """Raise ValueError if a number is out of range or a word is not among the choices."""
    about = item.metadata
    if "choices" in about and value not in about["choices"]:
        raise ValueError(f"{item.name} must be one of {', '.join(about['choices'])}, got {value!r}")
    if "low" not in about or (value is None and item.default is None):
        return
    kinds = (int, np.integer) if about["whole"] else (int, float, np.integer, np.floating)
    if not isinstance(value, kinds) or isinstance(value, bool) or not about["low"] <= value <= about["high"]:
        kind = "a whole number" if about["whole"] else "a number"
        unit = f" ({about['unit']})" if about["unit"] else ""
        raise ValueError(f"{item.name} must be {kind} in {about['low']:,}..{about['high']:,}{unit}, got {value!r}")


def _resolved(spec: Spec) -> dict[str, Any]:
    """The values of the fields that are filled in, or given in another form than they are kept in."""
    found: dict[str, Any] = {}
    for item in dataclasses.fields(spec):  # plain numbers, so that a spec is the same after JSON
        value = getattr(spec, item.name)
        if "low" in item.metadata and value is not None:
            found[item.name] = int(value) if item.metadata["whole"] else float(value)
    if not (isinstance(spec.world, str) and spec.world in data.WORLDS):
        found["world"] = _tuples(data.world_table(spec.world))
    found["tasks"] = _tasks(spec.tasks)
    if not isinstance(spec.source, str) or (spec.source and not spec.tasks):
        raise ValueError(f"source must name a run, with tasks to learn from its codes, got {spec.source!r}")
    found |= _images(spec)
    found["cooldown"] = float((spec.loss == "held") * 0.2 if spec.cooldown is None else spec.cooldown)
    found.setdefault("steps", STEPS[spec.schedule])
    found["steps_per_epoch"] = min(found.get("steps_per_epoch", 1329), found["steps"])
    return found


def _images(spec: Spec) -> dict[str, Any]:
    """The fields that say which images there are, and where their parts end."""
    found: dict[str, Any] = {}
    if data.is_file(spec.counts) and spec.csv_sha256 and spec.train_end and spec.validation_end:
        return {"counts": str(spec.counts)}  # a stored run can be loaded where its images are not
    if data.of_images(spec.counts):
        found["counts"] = str(spec.counts)
        found["csv_sha256"] = spec.csv_sha256 or file_sha256(found["counts"])
        with open(found["counts"], "rb") as file:
            n = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    else:
        table = data.counts_table(spec.counts)
        found["counts"], n = _tuples(table), int(table.sum())
    splits = data.SPLITS.get(data.counts_name(found["counts"])) if isinstance(found["counts"], tuple) else None
    train_end, validation_end = splits or (int(0.85 * n), int(0.925 * n))
    train_end = int(spec.train_end or train_end)
    validation_end = int(spec.validation_end or max(validation_end, train_end + 1))
    if not 0 < train_end < validation_end <= n:
        raise ValueError(
            f"0 < train_end < validation_end <= {n} images must hold, got {train_end} and {validation_end}"
        )
    return found | {"train_end": train_end, "validation_end": validation_end}


def _tasks(tasks: Any) -> dict[str, tuple]:
    """Tasks by name -> their tables of labels, as a spec keeps them."""
    if isinstance(tasks, str) or not isinstance(tasks, Mapping | Sequence):
        raise ValueError(
            f'tasks must be a list of names as ["order"], or {{name: (13, 13) table of labels}}, got {tasks!r}'
        )
    if not isinstance(tasks, Mapping):
        named = [(Path(task).stem, task) if data.is_file(task) else (task, None) for task in tasks]
        names = [name for name, _ in named]
        if not all(isinstance(name, str) for name in names):
            raise ValueError(f"tables of labels need names, tasks={{name: (13, 13) table}}; got a list of {len(names)}")
        if len(set(names)) < len(names):
            raise ValueError(f"tasks must name each task once, got {', '.join(names)}")
        tasks = dict(named)
    from torch.nn import ModuleDict  # here: torch takes seconds to import

    for name in tasks:  # a head, a term of the loss and a score have this name
        good = isinstance(name, str) and name.isidentifier() and not hasattr(ModuleDict, name)
        if not good or name in RESERVED_NAMES or name.startswith(RESERVED_PREFIXES):
            raise ValueError(
                f"a task can't be named {name!r}: take a name of letters, digits and _ that isn't one of "
                f"{', '.join(RESERVED_NAMES)}, or of a method, and doesn't begin with {', '.join(RESERVED_PREFIXES)}"
            )
    return {name: _tuples(data.task_of(name, table).table) for name, table in tasks.items()}


def _tuples(table: Any) -> Any:
    """A table as nested tuples of plain numbers: a value that can't be changed, and that JSON knows."""
    return tuple(map(_tuples, table)) if np.ndim(table) else table.item() if isinstance(table, np.generic) else table


def differing(spec: Spec, other: Spec) -> dict[str, Any]:
    """The fields, name -> value, in which a spec differs from another."""
    fields = {item.name: getattr(spec, item.name) for item in dataclasses.fields(Spec)}
    return {name: value for name, value in fields.items() if value != getattr(other, name)}


def digest(spec: Spec, other: Spec | None = None) -> str:
    """A short hash, for a folder's name, of the fields in which a spec differs from another (None: from the defaults);
    "" if none does."""
    fields = differing(spec, other or Spec())
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:8] if fields else ""


def change(spec: Spec, **changes: Any) -> Spec:
    """The spec with some fields changed; those that follow from one, as train_end from counts, are filled in anew."""
    check_fields(list(changes))
    follows = {
        "counts": ("csv_sha256", "train_end", "validation_end"),
        "train_end": ("validation_end",),
        "loss": ("cooldown",),
        "schedule": ("steps", "steps_per_epoch"),
        "steps": ("steps_per_epoch",),
    }
    anew = {name: "" if name == "csv_sha256" else None for cause in changes for name in follows.get(cause, ())}
    return dataclasses.replace(spec, **(anew | changes))


def check_fields(names: Sequence[str]) -> None:
    """Raise ValueError, with the nearest name, if a name isn't a field of `Spec`."""
    known = [item.name for item in dataclasses.fields(Spec)]
    for name in names:
        if name not in known:
            hint = nearest(name, known) or f"; the fields are {', '.join(known)}"
            raise ValueError(f"Spec has no field {name!r}{hint}")


def nearest(name: Any, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the known one that is like it, or nothing.

    >>> nearest("modle", ["model", "seed"])
    '; did you mean model?'
    """
    close = difflib.get_close_matches(str(name), known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def value(text: Any) -> Any:
    """What a text says as JSON or as a Python literal, else the text itself; what is no text stays as it is.

    >>> value("1e-3"), value("false"), value("{'steps': 40}"), value("E1M1"), value(3)
    (0.001, False, {'steps': 40}, 'E1M1', 3)
    """
    for read in (json.loads, ast.literal_eval) if isinstance(text, str) else ():
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            pass
    return text


def read_changes(changes: Any) -> dict[str, Any]:
    """Fields of `Spec` to change in runs, from a dictionary or the text of one, which is what papermill's -p hands on.

    >>> read_changes('{"gamma": 1000}')
    {'gamma': 1000}
    """
    found = value(changes)
    if not isinstance(found, Mapping):
        raise ValueError(f'changes must be fields of Spec with their values, like {{"gamma": 300}}, got {changes!r}')
    check_fields(list(found))
    for name in found.keys() & {"capacity", "seed"}:
        raise ValueError(
            f"{name} = {found[name]!r} can't be among the changes: a run is named by its model, capacity and seed; "
            f"give another {name} in its own place, as a parameter of the page or --{name}"
        )
    return dict(found)


def read_numbers(numbers: Any) -> list[float]:
    """A list of numbers from a list, a number, or the text of them, which is what papermill's -p hands on.

    >>> read_numbers("0.3 1"), read_numbers("[0.3, 1]"), read_numbers(3), read_numbers([0.3, "1"])
    ([0.3, 1], [0.3, 1], [3], [0.3, 1])
    """
    found = value(numbers)
    words = found.replace(",", " ").split() if isinstance(found, str) else found
    listed = [value(word) for word in (words if isinstance(words, Sequence) else [words])]
    bad = [x for x in listed if not isinstance(x, int | float) or isinstance(x, bool)]
    if bad or not listed:
        raise ValueError(f'numbers are needed here, like 3 or "0.3 1", got {bad[0] if bad else numbers!r}')
    return listed


def file_sha256(path: str | Path) -> str:
    """Checksum of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def batches_of(spec: Spec) -> int:
    """Batches in one pass through the training part; the last one may be short."""
    return math.ceil(spec.train_end / spec.batch_size)
