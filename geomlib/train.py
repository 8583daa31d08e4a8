"""Training: `fit` trains networks that share a data set and heads as one stack; every weight has a leading axis M."""

from __future__ import annotations

import copy
import html
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from . import evaluate
from .engine import fast
from .engine.jobs import bar, one_thread, pick_device, side_by_side, stacked, stacks
from .engine.replay import Replay
from .evaluate import head_scores, load_data, sample
from .model import DROPOUT, BetaVAE, Output, hidden_units
from .objective import capacity_at, hold, learning_rate_at, new_hold, rate_factor_of, stack_terms, task_weight_at
from .spec import Spec, batches_of, change

STATE_PARTS = "", "mean.", "square."  # of a checkpoint: how the names of weights and of Adam's moments begin
HOLD = "hold."  # ... and of the state of the feedback that holds the rate
HISTORY = {"step": "int64", "epoch": "int64", "split": "str", "term": "str", "value": "float64"}
FEW = 2_000  # images, below which a network hardly learns
FAR = 0.05  # share of the capacity by which a rate may miss it unsaid
Sampled = tuple[Tensor, Tensor]  # codes of the training part, and of the held-out one
logger = logging.getLogger(__name__)


class Run(NamedTuple):
    """A trained network."""

    spec: Spec
    model: BetaVAE
    history: pd.DataFrame  # columns step, epoch, split, term, value

    @property
    def final(self) -> pd.Series:
        """The scores of the last validation, by term; "price" is lambda at the end, if the rate was held."""
        last = (self.history.split == "validation") & (self.history.step == self.spec.steps)
        return self.history[last].set_index("term").value

    @property
    def summary(self) -> str:
        """The scores of the last validation in a line."""
        scores = self.final[~self.final.index.str.startswith("rate_")]
        return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())

    def __repr__(self) -> str:
        return f"Run({self.spec!r}: {self.summary})"

    def _repr_html_(self) -> str:
        """In a notebook: the scores of the last validation, and how each came about, as small curves."""
        terms = self.history[self.history.split == "validation"].pivot(index="step", columns="term", values="value")
        rows = [
            f"<tr><th>{term}</th><td>{value:.4g}</td><td>{_curve(terms[term].to_numpy())}</td></tr>"
            for term, value in self.final.items()
            if not str(term).startswith("rate_")
        ]
        return f"<table><caption>{html.escape(repr(self.spec))}</caption>{''.join(rows)}</table>"


def _curve(values: np.ndarray) -> str:
    """A curve of numbers (epochs,) from left to right, a line high, from the smallest to the largest."""
    x, low = np.linspace(2, 118, len(values)), values.min()
    y = 22 - 20 * (values - low) / ((values.max() - low) or 1)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y))
    line = f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    return f'<svg width="120" height="24" role="img" aria-label="its course over the epochs">{line}</svg>'


class Checkpoint(NamedTuple):
    """A network between two epochs."""

    epoch: int  # epochs done
    tensors: dict[
        str, Tensor
    ]  # weights by name; Adam's moments as "mean.NAME", "square.NAME"; the feedback's "hold.NAME"
    history: pd.DataFrame

    @classmethod
    def new(cls, spec: Spec) -> Checkpoint:
        """Before the first epoch: PyTorch's default initialization, drawn from the spec's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(spec.seed)
            weights = untrained(spec).state_dict()
        weights = {name: w for name, w in weights.items() if not spec.source or name.startswith("classifiers.")}
        state = {part + name: torch.zeros_like(w) for part in STATE_PARTS[1:] for name, w in weights.items()}
        if spec.loss == "held" and not spec.source:
            state |= {HOLD + name: value[0] for name, value in new_hold(1).items()}
        return cls(0, weights | state, history_rows(0, 0, "", ()))

    def network(self, spec: Spec, source: BetaVAE | None = None) -> BetaVAE:
        """The network with these weights; of a classifier, its source's with the head added."""
        return assemble(spec, self.tensors, source)


def untrained(spec: Spec) -> BetaVAE:
    """A network of the spec's form."""
    return BetaVAE(spec.latent_dim, spec.heads, spec.layers, spec.channels)


def assemble(spec: Spec, weights: Mapping[str, Tensor], source: BetaVAE | None = None) -> BetaVAE:
    """A network from its weights by name; what a classifier lacks of them is its source's."""
    network = untrained(spec)
    known = dict(source.state_dict() if source else {}) | dict(weights)
    network.load_state_dict({name: known[name] for name in network.state_dict()})
    return network


class Diverged(ArithmeticError):
    """A loss term became infinite or not a number; carries the history until then and the spec's index in `fit`."""

    def __init__(self, message: str, history: pd.DataFrame, index: int):
        super().__init__(message, history, index)
        self.history, self.index = history, index

    def __str__(self) -> str:
        return self.args[0]


def fit(
    specs: Sequence[Spec],
    device: str = "auto",
    starts: Sequence[Checkpoint | None] = (),
    on_checkpoint: Callable[[int, Checkpoint], None] | None = None,
    sources: Mapping[str, BetaVAE] = {},
    record: bool = True,
) -> list[Run]:
    """Train one network a spec, from its seed to the last step; if a spec has a source, only its heads.

    device         "auto" (CUDA if there is one), "cpu" or "cuda". On a GPU all specs that share data and heads train as
                   one stack; on a CPU each is a stack of its own, so that the bits are the same alone and together
                   (binary heads on frozen codes are so small that there, too, they share one). Stacks train side by
                   side, each in a process of one thread.
    starts         a checkpoint to go on from, or None, for each spec
    on_checkpoint  called with a spec's index and its checkpoint after each epoch (in the process that trains it)
    sources        name -> network, for specs with a source; its codes are sampled once
    record         whether a step is recorded and replayed: the same bits, sooner; False to print or stop inside a step
    raises         Diverged if a loss term or a score is not finite; ValueError for a device or a source that isn't
                   there
    """
    if isinstance(specs, Spec):
        raise TypeError("specs must be a list: fit([spec])")
    place = pick_device(device)
    form = lambda network: (network.latent_dim, network.layers, network.channels)
    for s in specs:
        if s.source and (s.source not in sources or form(sources[s.source]) != form(s)):
            raise ValueError(
                f"sources must hold {s.source!r}, a network of {s.latent_dim} latents, layers {s.layers!r} and "
                f"{s.channels} channels as the spec has, whose codes the heads read"
            )
    for warning in dict.fromkeys(warning for s in specs for warning in _warnings(s)):
        logger.warning(warning)
    begun = list(starts) or [None] * len(specs)
    done = [min(start.epoch * spec.steps_per_epoch, spec.steps) if start else 0 for spec, start in zip(specs, begun)]
    groups = stacks(specs, place, [start.epoch if start else 0 for start in begun])
    codes = sampled(specs, sources, place)
    parts = [[[each[i] for i in g] for each in (specs, begun, codes)] for g in groups]
    jobs = [(*part, place, g, on_checkpoint, sources, record) for part, g in zip(parts, groups)]
    results = side_by_side(fit_stack, jobs, done, sum(spec.steps for spec in specs))
    runs = {index: run for group, result in zip(groups, results) for index, run in zip(group, result)}
    trained = [runs[index] for index in range(len(specs))]
    if far := [run for run in trained if _off(run) > FAR]:
        worst = max(far, key=_off)
        reached, asked = worst.final["rate"], worst.spec.capacity
        logger.warning(
            f"{len(far)} of {len(trained)} networks ended more than {FAR:.0%} away from their capacity, the farthest "
            f"with a rate of {reached:.3g} at a capacity of {asked:g} nats: raise steps; few hardly hold a rate"
        )
    return trained


def pace(spec: Spec) -> float:
    """Steps a second of one network on one core of this machine, without validations: a trial of a few seconds."""

    def seconds(steps: int) -> float:
        begun = time.perf_counter()
        few, cpu = change(spec, steps=steps, steps_per_epoch=steps), torch.device("cpu")
        fit_stack([few], [None], [None], cpu, [0], None, {}, True, np.zeros(1))
        return time.perf_counter() - begun

    seconds(1)  # draws the images
    return 100 / (seconds(120) - seconds(20))


def _off(run: Run) -> float:
    """How far a held network ended away from its capacity, as a share of it; 0 for what holds no rate."""
    held = run.spec.loss == "held" and not run.spec.source and run.spec.capacity > 0
    return abs(run.final["rate"] / run.spec.capacity - 1) if held else 0.0


def _warnings(spec: Spec) -> Iterator[str]:
    """What is allowed, and is hardly meant."""
    reached = capacity_at(spec.steps, spec)
    if spec.train_end < FEW:
        yield f"{spec.train_end} images to train on: a network hardly learns from fewer than {FEW:,}"
    if spec.loss == "B" and not spec.source and reached < 0.95 * spec.capacity:
        yield (
            f"The capacity rises to {reached:.2f} of {spec.capacity:g} nats in {spec.steps} steps; for all of it raise "
            "steps, or lower ramp and slow_until"
        )


def fit_stack(
    specs: list[Spec],
    starts: list[Checkpoint | None],
    codes: list[Sampled | None],
    device: torch.device,
    indices: list[int],
    on_checkpoint: Callable[[int, Checkpoint], None] | None,
    sources: Mapping[str, BetaVAE],
    record: bool,
    done: np.ndarray,
) -> list[Run]:
    """Train M networks of one `stack_key`, from one epoch, as one: the loop over epochs and steps.

    codes     of `sampled`, that heads read
    indices   their places in the list that `fit` was given, and in done, which counts steps for the progress bar
    """

    def stop(m: int, term: str, value: float, step: int, *rows: pd.DataFrame) -> NoReturn:
        s, history = specs[m], pd.concat([checkpoints[m].history, *rows], ignore_index=True)
        where = f"step {step} (capacity {s.capacity:g}, seed {s.seed})"
        raise Diverged(f"{term} is {value:g} at {where}: lower the learning_rate", history, indices[m])

    with one_thread():
        spec, checkpoints = specs[0], [start or Checkpoint.new(s) for s, start in zip(specs, starts)]
        examples = Examples(specs, codes, device)
        stack, lost = Stack(specs, checkpoints, device, record), 0.0
        for epoch in range(checkpoints[0].epoch + 1, math.ceil(spec.steps / spec.steps_per_epoch) + 1):
            before = (epoch - 1) * spec.steps_per_epoch
            steps = min(spec.steps_per_epoch, spec.steps - before)
            stack.start_epoch(epoch)
            log = torch.zeros(steps, len(stack.terms), len(specs), device=device)  # (steps, terms, M)
            for i, (rows, noise, random) in enumerate(batches(specs, epoch, steps, device)):
                try:
                    log[i] = stack.step(before + i + 1, *examples.at(rows), noise, random)
                except RuntimeError as error:
                    if "between 0 and 1" not in str(error):
                        raise
                    log[i] = lost = torch.nan  # torch's cross entropy refuses an answer that is no probability
                if (i + 1) % 50 == 0 or i + 1 == steps or lost:
                    if bad := (~torch.isfinite(log[: i + 1])).nonzero().tolist():
                        at, term, m = bad[0]
                        means = zip(stack.terms, log[:at, :, m].mean(0).tolist())
                        rows = history_rows(before + at, epoch, "train", means)
                        stop(m, stack.terms[term], log[at, term, m].item(), before + at + 1, rows)
                    done[indices] = before + i + 1
            for m, (s, new) in enumerate(zip(specs, stack.checkpoints(epoch))):
                trained = zip(stack.terms, log[:, :, m].mean(0).tolist())
                scores = examples.scores(m, new.network(s, sources.get(s.source))) | stack.prices(m)
                rows = [history_rows(before + steps, epoch, "train", trained)]
                rows += [history_rows(before + steps, epoch, "validation", scores.items())]
                checkpoints[m] = new._replace(history=pd.concat([checkpoints[m].history, *rows], ignore_index=True))
                if bad := [name for name, value in scores.items() if not math.isfinite(value)]:
                    stop(m, bad[0], scores[bad[0]], before + steps)
                if on_checkpoint:
                    on_checkpoint(indices[m], checkpoints[m])
        return [Run(s, c.network(s, sources.get(s.source)), c.history) for s, c in zip(specs, checkpoints)]


def sampled(specs: Sequence[Spec], sources: Mapping[str, BetaVAE], device: torch.device) -> list[Sampled | None]:
    """The codes that the heads of each spec read, sampled once for all that read the same; None without a source."""
    reads = [(s.source, s.seed, s.counts, s.data_seed, s.world, s.train_end, s.validation_end) for s in specs]
    needed, found = {key: spec for key, spec in zip(reads, specs) if spec.source}, {}
    with one_thread():
        for key, spec in bar("sampling codes", iterable=needed.items(), unit=" networks"):
            images, network = load_data(spec).images, copy.deepcopy(sources[spec.source]).to(device)
            training, held_out = images[: spec.train_end], images[spec.train_end : spec.validation_end]
            found[key] = (
                sample(network, training, [spec.seed, 0, 1]).cpu(),
                sample(network, held_out, [spec.seed, 0]).cpu(),
            )
    return [found.get(key) for key in reads]


class Examples:
    """What M networks learn from and are scored on: images, or of classifiers codes of their sources, and labels."""

    def __init__(self, specs: Sequence[Spec], codes: Sequence[Sampled | None], device: torch.device):
        self.specs, self.device, spec = specs, device, specs[0]
        images, factors = load_data(spec)
        held_out = slice(spec.train_end, spec.validation_end)
        self.images, self.factors = images[held_out], factors[held_out]
        self.labels = {task: torch.from_numpy(spec.task(task).labels(factors)).to(device) for task in spec.tasks}
        if spec.source:
            read, held_out = zip(*codes)
            self.inputs = torch.stack(read).to(device)  # (M, images, D)
            self.held_out = [one.to(device) for one in held_out]
        else:
            self.inputs = torch.from_numpy(images.astype(np.uint8)).to(device)  # (images, 1, 13, 13)

    def at(self, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Inputs (M, B, 1, 13, 13) or (M, B, D), and labels task -> (M, B), of rows (M, B)."""
        labels = {task: label[rows] for task, label in self.labels.items()}
        if not self.specs[0].source:
            return self.inputs[rows].float(), labels
        return self.inputs[torch.arange(len(rows), device=self.device)[:, None], rows], labels

    def scores(self, m: int, network: BetaVAE) -> dict[str, float]:
        """Of network m on the validation part, by `evaluate.scores`; of a classifier those of its heads."""
        spec, network = self.specs[m], network.to(self.device)
        tasks = {task: spec.task(task) for task in spec.tasks}
        if not spec.source:
            return evaluate.scores(network, self.images, self.factors, spec.seed, tasks, fast.forward_one)
        with torch.inference_mode():
            return head_scores(network.classify(self.held_out[m]), self.factors, tasks)


def batches(specs: Sequence[Spec], epoch: int, steps: int, device: torch.device) -> Iterator[tuple]:
    """Each step of an epoch: rows of the training part (M, B), noise (M, B, D), and what dropout is made from."""
    orders, noises, rngs = zip(*(epoch_order_and_noise(s, epoch) for s in specs))
    order, noise = (torch.from_numpy(np.stack(x)).to(device) for x in (orders, noises))
    n, size = specs[0].train_end, specs[0].batch_size
    starts = [start for one in range(0, order.shape[1], n) for start in range(one, min(one + n, order.shape[1]), size)]
    for start in starts[:steps]:
        batch = slice(start, min(start + size, start - start % n + n))  # a pass may end with a short one
        rows = order[:, batch]
        random = stacked([dropout(s, rows.shape[1], rng) for s, rng in zip(specs, rngs)], device)
        yield rows, noise[:, batch], random


def epoch_order_and_noise(spec: Spec, epoch: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """An epoch's order (images,), sampling noise (images, D), and the generator for its dropout; epochs from 1.

    An epoch longer than the training part goes on with further passes through it.
    """
    rng = np.random.default_rng([spec.seed, epoch])
    passes = math.ceil(spec.steps_per_epoch / batches_of(spec))
    order = np.concatenate([rng.permutation(spec.train_end) for _ in range(passes)])
    order = order[: spec.steps_per_epoch * spec.batch_size]
    return order, rng.standard_normal((len(order), spec.latent_dim), dtype=np.float32), rng


def dropout(spec: Spec, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What one step's dropout is made from: task -> random bytes (size, hidden units); see `masks_of`."""

    def draw(k: int) -> np.ndarray:  # the bytes of rng.bytes, without its copies
        return rng.integers(2**32, size=(size, hidden_units(k) // 4), dtype=np.uint32).view(np.uint8)

    return {task: draw(k) for task, k in spec.heads.items() if k > 2}


def masks_of(random: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bytes -> dropout masks, 0 with a probability of DROPOUT, else 1 / (1 - DROPOUT)."""
    return {task: byte.float().ge_(256 * DROPOUT).mul_(1 / (1 - DROPOUT)) for task, byte in random.items()}


class Stack:
    """M networks on one device that train as one: every weight has a leading axis M."""

    def __init__(
        self, specs: Sequence[Spec], checkpoints: Sequence[Checkpoint], device: torch.device, record: bool = True
    ):
        spec, gpu = specs[0], device.type == "cuda"
        self.specs, self.spec, self.device = specs, spec, device
        self.held = spec.loss == "held" and not spec.source
        self.terms = [*(() if spec.source else ("reconstruction", "rate")), *spec.tasks, *["price"] * self.held]
        both = {name: torch.stack([c.tensors[name] for c in checkpoints]).to(device) for name in checkpoints[0].tensors}
        both = fast.turned(both)
        names = [name for name in both if f"mean.{name}" in both]
        self.state: dict[str, Any] = {part: {name: both[part + name] for name in names} for part in STATE_PARTS}
        self.state["hold"] = {name.removeprefix(HOLD): value for name, value in both.items() if name.startswith(HOLD)}
        self.state["steps"] = torch.tensor(float(checkpoints[0].epoch * spec.steps_per_epoch), device=device)
        dtype = torch.float32 if gpu else torch.float64  # what Adam's kernel of each reads
        self.state["learning_rate"] = torch.tensor(spec.learning_rate, dtype=dtype, device=device)
        self.factor = torch.tensor([rate_factor_of(s) for s in specs], device=device)
        left = spec.steps - checkpoints[0].epoch * spec.steps_per_epoch
        self.replay = Replay(self._step, self.state, device, left if record else 0)

    def start_epoch(self, epoch: int) -> None:
        """Set the schedules of an epoch's steps."""
        spec = self.spec
        self.first = (epoch - 1) * spec.steps_per_epoch + 1
        steps = range(self.first, self.first + spec.steps_per_epoch)
        at = [
            [[capacity_at(i, s), *(task_weight_at(i, s, task) for task in s.tasks)] for s in self.specs] for i in steps
        ]
        self.schedule = torch.tensor(at).mT.to(self.device)  # (steps, 1 + tasks, M): capacity, weights

    def step(
        self, step: int, inputs: Tensor, labels: dict[str, Tensor], noise: Tensor, random: dict[str, Tensor]
    ) -> Tensor:
        """One step of Adam for batches (M, B, ...); returns the loss terms, and lambda of held networks, (terms, M)."""
        capacity, *weights = self.schedule[step - self.first]
        self.state["learning_rate"].fill_(learning_rate_at(step, self.spec))
        return self.replay(inputs, labels, noise, random, capacity, self.factor, dict(zip(self.spec.tasks, weights)))

    def _step(self, state, inputs, labels, noise, random, capacity, factor, task_weight) -> Tensor:
        weights, means, squares = (list(state[part].values()) for part in STATE_PARTS)
        leaves = {name: w.detach().requires_grad_() for name, w in state[""].items()}
        with torch.enable_grad():
            output = self.forward(leaves, inputs, noise, masks_of(random))
            if self.held:
                with torch.no_grad():
                    factor = hold(state["hold"], output.mu, output.logvar, capacity, self.spec)
            terms = list(stack_terms(output, inputs, labels, capacity, factor, task_weight, self.spec).values())
            gradients = torch.autograd.grad(torch.stack(terms).sum(), list(leaves.values()))
        state["steps"].add_(1)
        torch._fused_adam_(
            weights, [g.contiguous() for g in gradients], means, squares, [], [state["steps"]] * len(weights),
            lr=state["learning_rate"], beta1=0.9, beta2=0.999, weight_decay=0.0, eps=1e-8,
            amsgrad=False, maximize=False,
        )  # fmt: skip
        return torch.stack([*terms, *[factor] * self.held]).detach()

    def forward(
        self, weights: Mapping[str, Tensor], inputs: Tensor, noise: Tensor, masks: Mapping[str, Tensor]
    ) -> Output:
        """All networks' outputs for images (M, B, 1, 13, 13); of classifiers only the classes, for codes (M, B, D)."""
        if self.spec.source:
            nothing: Any = None
            return Output(nothing, nothing, nothing, inputs, fast.classify(weights, inputs, self.spec.heads, masks))
        return fast.forward(fast.turned_back(weights), inputs, noise, self.spec.heads, masks)

    def prices(self, m: int) -> dict[str, float]:
        """lambda of network m as "price", if its rate is held."""
        return {"price": self.state["hold"]["log_price"][m].exp().item()} if self.held else {}

    def checkpoints(self, epoch: int) -> list[Checkpoint]:
        """Copies of every network's weights, moments and feedback, on the CPU."""
        state = {part + name: value.cpu() for part in STATE_PARTS for name, value in self.state[part].items()}
        state |= {HOLD + name: value.cpu() for name, value in self.state["hold"].items()}
        state = fast.turned_back(state)

        def copied(value: Tensor) -> Tensor:
            return value.clone(memory_format=torch.contiguous_format)

        nothing = history_rows(0, 0, "", ())
        return [Checkpoint(epoch, {k: copied(v[m]) for k, v in state.items()}, nothing) for m in range(len(self.specs))]


def history_rows(step: int, epoch: int, split: str, values) -> pd.DataFrame:
    """Rows of a history, one for each (term, value)."""
    rows = [(step, epoch, split, term, value) for term, value in values]
    return pd.DataFrame(rows, columns=list(HISTORY)).astype(HISTORY)
