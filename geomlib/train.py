"""Training: `fit` trains networks that share a data set and heads as one stack; every weight has a leading axis M."""

from __future__ import annotations

import copy
import dataclasses
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from . import data, fast, measures
from .model import DROPOUT, BetaVAE, Output, hidden_units
from .replay import Replay
from .spec import Spec, capacity_at, cross_entropy, file_sha256, rate_factor_of, stack_terms, task_weight_at

PARTS = "", "mean.", "square."  # of a checkpoint: what the names of weights and of Adam's moments begin with
HISTORY = {"step": "int64", "epoch": "int64", "split": "str", "term": "str", "value": "float64"}


def load_data(spec: Spec) -> data.Corridors:
    """The spec's images and factors, in their fixed order; ValueError where a CSV file is not the one trained on."""
    if not spec.from_csv:
        return data.corridors(spec.counts, spec.data_seed)
    if file_sha256(spec.counts) != spec.counts_sha256:
        raise ValueError(f"{spec.counts} has changed: its sha256 is no longer {spec.counts_sha256[:12]}...")
    images = data.read_csv(spec.counts)
    if len(images.images) < spec.validation_end:
        raise ValueError(f"validation_end is {spec.validation_end}, but {spec.counts} has {len(images.images)} images")
    return images


class Run(NamedTuple):
    """A trained network."""

    spec: Spec
    model: BetaVAE
    history: pd.DataFrame  # columns step, epoch, split, term, value

    @property
    def final(self) -> pd.Series:
        """The scores of the last validation, by term."""
        last = (self.history.split == "validation") & (self.history.step == self.spec.steps)
        return self.history[last].set_index("term").value


class Checkpoint(NamedTuple):
    """A network between two epochs."""

    epoch: int  # epochs done
    tensors: dict[str, Tensor]  # weights by name; Adam's moments as "mean.NAME" and "square.NAME"
    history: pd.DataFrame

    @classmethod
    def new(cls, spec: Spec) -> Checkpoint:
        """Before the first epoch: PyTorch's default initialisation, drawn from the spec's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(spec.seed)
            weights = BetaVAE(spec.latent_dim, spec.heads).state_dict()
        weights = {name: w for name, w in weights.items() if not spec.source or name.startswith("classifiers.")}
        moments = {
            f"{moment}.{name}": torch.zeros_like(w) for moment in ("mean", "square") for name, w in weights.items()
        }
        return cls(0, weights | moments, _rows(0, 0, "", ()))

    def network(self, spec: Spec, source: BetaVAE | None = None) -> BetaVAE:
        """The network with these weights; of a classifier, its source's with the head added."""
        return assemble(spec, self.tensors, source)


def assemble(spec: Spec, weights: Mapping[str, Tensor], source: BetaVAE | None = None) -> BetaVAE:
    """A network from its weights by name; what a classifier lacks of them is its source's."""
    network = BetaVAE(spec.latent_dim, spec.heads)
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
    keep: Callable[[int, Checkpoint], None] | None = None,
    sources: Mapping[str, BetaVAE] = {},
) -> list[Run]:
    """Train one network a spec, from its seed to the last step; where a spec has a source, only its heads.

    device   "auto" (CUDA where there is one), "cpu" or "cuda". On a GPU all specs that share data and heads train as
             one stack; on a CPU each is a stack of its own, so that the bits are the same alone and together (binary
             heads on frozen codes are so small that there, too, they share one). Stacks train side by side, each in a
             process of one thread.
    starts   a checkpoint to go on from, or None, for each spec
    sources  name -> network, for specs with a source; its codes are sampled once
    keep     called with a spec's index and its checkpoint after each epoch (in the process that trains it)
    raises   Diverged where a loss term or a score is not finite; ValueError for a device or a source that isn't there
    """
    if isinstance(specs, Spec):
        raise TypeError("specs must be a list: fit([spec])")
    place = pick_device(device)
    for s in specs:
        if s.source and (s.source not in sources or sources[s.source].latent_dim != s.latent_dim):
            raise ValueError(
                f"sources must hold {s.source!r}, a network of {s.latent_dim} latents, whose codes the heads read"
            )
    for capacity, steps, reached in dict.fromkeys(
        (s.capacity, s.steps, capacity_at(s.steps, s)) for s in specs if s.loss == "B" and not s.source
    ):
        if reached < 0.95 * capacity:
            print(
                f"The capacity rises to {reached:.2f} of {capacity:g} nats in {steps} steps; for all of it raise steps, or lower "
                "ramp and slow_until",
                file=sys.stderr,
            )
    starts = list(starts) or [None] * len(specs)
    jobs = stacks(specs, place, starts)
    with tempfile.TemporaryDirectory() as folder:
        done = np.memmap(Path(folder) / "done", np.int64, "w+", shape=len(specs))
        done[:] = [
            min(start.epoch * spec.steps_per_epoch, spec.steps) if start else 0 for spec, start in zip(specs, starts)
        ]
        arguments = [
            ([specs[i] for i in job], place, [starts[i] for i in job], job, keep, sources, done) for job in jobs
        ]
        with progress(done, sum(spec.steps for spec in specs)):
            if len(arguments) > 1:
                import joblib

                workers = min(len(arguments), joblib.cpu_count())  # as many cores as a job was given
                named = dict(data.TASKS), dict(data.COUNTS)  # with the caller's own, which a worker lacks
                results = joblib.Parallel(workers, max_nbytes=None)(
                    joblib.delayed(_in_worker)(*named, *a) for a in arguments
                )
            else:
                results = [fit_stack(*a) for a in arguments]
        del done
    runs = {index: run for job, result in zip(jobs, results) for index, run in zip(job, result)}
    return [runs[index] for index in range(len(specs))]


def stacks(specs: Sequence[Spec], place: torch.device, starts: Sequence[Checkpoint | None]) -> list[list[int]]:
    """The indices of the specs that `fit` trains as one stack."""
    jobs: dict = {}
    for index, (spec, start) in enumerate(zip(specs, starts)):
        alone = index if place.type == "cpu" and not (spec.source and max(spec.heads.values()) == 2) else 0
        jobs.setdefault((alone, stack_key(spec), start and start.epoch), []).append(index)
    return list(jobs.values())


def _in_worker(tasks: Mapping[str, data.Task], counts: Mapping[str, np.ndarray], *arguments) -> list[Run]:
    data.TASKS.update(tasks)
    data.COUNTS.update(counts)
    return fit_stack(*arguments)


def pick_device(device: str) -> torch.device:
    """ "auto", "cpu" or "cuda" as a torch.device that is there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {device!r}; CUDA_VISIBLE_DEVICES picks one of several")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda': no CUDA device is here; use cpu or auto")
    return torch.device(device)


def stack_key(spec: Spec) -> Spec:
    """What specs of one stack have in common: all but the capacity, its weight and schedule, and the seed."""
    return dataclasses.replace(
        spec, capacity=0, gamma=0, beta=0, ramp=1, slow_until=0, slow_divisor=1, seed=0, source=spec.source and "any"
    )


def epochs(spec: Spec) -> int:
    return math.ceil(spec.steps / spec.steps_per_epoch)


def draw(spec: Spec, epoch: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """An epoch's order (images,) and sampling noise (images, D), and the generator for its dropout; epochs from 1."""
    rng = np.random.default_rng([spec.seed, epoch])
    order = rng.permutation(spec.train_end)[: spec.steps_per_epoch * spec.batch_size]
    return order, rng.standard_normal((len(order), spec.latent_dim), dtype=np.float32), rng


def dropout(spec: Spec, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What one step's dropout is made from: task -> random bytes (size, hidden units); see `masks_of`.

    They are those of `rng.bytes`, without its copies.
    """
    draw = lambda k: rng.integers(2**32, size=(size, hidden_units(k) // 4), dtype=np.uint32).view(np.uint8)
    return {task: draw(k) for task, k in spec.heads.items() if k > 2}


def masks_of(random: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bytes -> dropout masks, 0 with a probability of DROPOUT, else 1 / (1 - DROPOUT)."""
    return {task: byte.float().ge_(256 * DROPOUT).mul_(1 / (1 - DROPOUT)) for task, byte in random.items()}


class Stack:
    """M networks on one device that train as one: every weight has a leading axis M."""

    def __init__(self, spec: Spec, checkpoints: Sequence[Checkpoint], device: torch.device):
        self.spec, self.size, gpu = spec, len(checkpoints), device.type == "cuda"
        both = fast.turned(
            {name: torch.stack([c.tensors[name] for c in checkpoints]).to(device) for name in checkpoints[0].tensors}
        )
        names = [name for name in both if f"mean.{name}" in both]
        self.state = {part: {name: both[part + name] for name in names} for part in PARTS}
        self.state["steps"] = torch.tensor(float(checkpoints[0].epoch * spec.steps_per_epoch), device=device)
        dtype = torch.float32 if gpu else torch.float64  # what Adam's kernel of each reads
        self.state["rate"] = torch.tensor(spec.learning_rate, dtype=dtype, device=device)
        self.step = Replay(self._step, self.state, device)

    def _step(self, state, inputs, labels, noise, random, capacity, factor, task_weight) -> Tensor:
        """One step of Adam; every argument has a leading axis M. Returns the loss terms (terms, M)."""
        weights, means, squares = (list(state[part].values()) for part in PARTS)
        leaves = {name: w.detach().requires_grad_() for name, w in state[""].items()}
        with torch.enable_grad():
            output = self.forward(leaves, inputs, noise, masks_of(random))
            terms = stack_terms(output, inputs, labels, capacity, factor, task_weight, self.spec)
            values = torch.stack(list(terms.values()))
            gradients = torch.autograd.grad(values.sum(), list(leaves.values()))
        state["steps"].add_(1)
        torch._fused_adam_(
            weights,
            [g.contiguous() for g in gradients],
            means,
            squares,
            [],
            [state["steps"]] * len(weights),
            lr=state["rate"],
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
        return values.detach()

    def forward(
        self, weights: Mapping[str, Tensor], inputs: Tensor, noise: Tensor, masks: Mapping[str, Tensor]
    ) -> Output:
        """All networks' outputs for images (M, B, 1, 13, 13); of classifiers the classes alone, for codes (M, B, D)."""
        if self.spec.source:
            return Output(None, None, None, inputs, fast.classify(weights, inputs, self.spec.heads, masks))
        return fast.forward(fast.turned_back(weights), inputs, noise, self.spec.heads, masks)

    def checkpoints(self, epoch: int) -> list[Checkpoint]:
        """Copies of every network's weights and moments, on the CPU."""
        state = {part + name: value.cpu() for part in PARTS for name, value in self.state[part].items()}
        state = fast.turned_back(state)
        copy = lambda value: value.clone(memory_format=torch.contiguous_format)
        return [Checkpoint(epoch, {k: copy(v[m]) for k, v in state.items()}, None) for m in range(self.size)]


def fit_stack(
    specs: list[Spec],
    device: torch.device,
    starts: list[Checkpoint | None],
    indices: list[int],
    keep: Callable[[int, Checkpoint], None] | None,
    sources: Mapping[str, BetaVAE],
    done: np.ndarray,
) -> list[Run]:
    """Train M networks with the same `stack_key`, from one epoch, as one.

    indices   their places in the list that `fit` was given, and in done, which counts steps for the progress line
    """
    with one_thread():
        spec = specs[0]
        images, factors = load_data(spec)
        validation = slice(spec.train_end, spec.validation_end)
        sources = {s.source: copy.deepcopy(sources[s.source]).to(device) for s in specs if s.source}
        if spec.source:
            codes = torch.stack([sample(sources[s.source], images[: s.train_end], [s.seed, 0, 1]) for s in specs])
            held_out = [sample(sources[s.source], images[validation], [s.seed, 0]) for s in specs]
            member = torch.arange(len(specs), device=device)[:, None]
            inputs_at = lambda rows: codes[member, rows]  # (M, B, D)
        else:
            pixels = torch.from_numpy(images.astype(np.uint8)).to(device)
            inputs_at = lambda rows: pixels[rows].float()  # (M, B, 1, 13, 13)
        labels = {task: torch.from_numpy(data.TASKS[task].labels(factors)).to(device) for task in spec.tasks}
        terms = (*(() if spec.source else ("reconstruction", "rate")), *spec.tasks)
        starts = [start or Checkpoint.new(s) for s, start in zip(specs, starts)]
        histories = [start.history for start in starts]
        stack = Stack(spec, starts, device)
        if not spec.source:
            check_same_network(starts[0].network(spec), images[:8])
        factor = torch.tensor([rate_factor_of(s) for s in specs], device=device)
        for epoch in range(starts[0].epoch + 1, epochs(spec) + 1):
            stack.state["rate"].fill_(spec.learning_rate * spec.decay ** (epoch - 1))
            orders, noises, rngs = zip(*(draw(s, epoch) for s in specs))
            order, noise = (torch.from_numpy(np.stack(x)).to(device) for x in (orders, noises))
            before = (epoch - 1) * spec.steps_per_epoch
            steps = min(spec.steps_per_epoch, spec.steps - before)
            log = torch.zeros(steps, len(terms), len(specs), device=device)  # (steps, terms, M)
            schedule = torch.tensor([[schedules(before + i + 1, s) for s in specs] for i in range(steps)])
            schedule = schedule.mT.to(device)  # (steps, 1 + tasks, M): capacity, weights
            for i in range(steps):
                batch = slice(i * spec.batch_size, (i + 1) * spec.batch_size)
                rows = order[:, batch]  # (M, B)
                random = _stacked([dropout(s, rows.shape[1], rng) for s, rng in zip(specs, rngs)], device)
                log[i] = stack.step(
                    inputs_at(rows),
                    {task: label[rows] for task, label in labels.items()},
                    noise[:, batch],
                    random,
                    schedule[i, 0],
                    factor,
                    dict(zip(spec.tasks, schedule[i, 1:])),
                )
                if (i + 1) % 50 == 0 or i + 1 == steps:
                    _check_finite(log[: i + 1], terms, before, epoch, histories, indices, specs)
                    done[indices] = before + i + 1
            for m, (s, checkpoint) in enumerate(zip(specs, stack.checkpoints(epoch))):
                network = checkpoint.network(s, sources.get(s.source)).to(device)
                if s.source:  # only the head is new
                    with torch.inference_mode():
                        scores = head_scores(network.classify(held_out[m]), factors[validation])
                else:
                    scores = evaluate(network, images[validation], factors[validation], s.seed, fast.alone)
                trained = zip(terms, log[:, :, m].mean(0).tolist())
                histories[m] = pd.concat(
                    [
                        histories[m],
                        _rows(before + steps, epoch, "train", trained),
                        _rows(before + steps, epoch, "validation", scores.items()),
                    ],
                    ignore_index=True,
                )
                if bad := [name for name, value in scores.items() if not math.isfinite(value)]:
                    raise Diverged(_not_finite(bad[0], scores[bad[0]], before + steps, s), histories[m], indices[m])
                if keep:
                    keep(indices[m], checkpoint._replace(history=histories[m]))
        return [
            Run(s, checkpoint.network(s, sources.get(s.source)), history)
            for s, checkpoint, history in zip(specs, stack.checkpoints(epochs(spec)), histories)
        ]


def check_same_network(network: BetaVAE, images: np.ndarray) -> None:
    """Raise RuntimeError where `fast.forward`, which trains, is not the network of `model`, which is what a run holds."""
    x, noise = torch.from_numpy(images).float(), torch.from_numpy(_noise([0], len(images), network))
    with torch.inference_mode():
        one, other = network(x, noise), fast.alone(network, x, noise)
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in ("reconstruction", "mu", "logvar")}
    pairs |= {task: (p, other.classes[task]) for task, p in one.classes.items()}
    for name, (a, b) in pairs.items():
        if a.shape != b.shape or not torch.allclose(a, b, rtol=1e-3, atol=1e-4):
            raise RuntimeError(
                f"geomlib/fast.py trains another network than geomlib/model.py describes ({name} differs): make the "
                "same change in both, and in geomlib/explorer/network.js"
            )


def schedules(step: int, spec: Spec) -> list[float]:
    """The capacity and each task's weight at a step."""
    return [capacity_at(step, spec), *(task_weight_at(step, spec, task) for task in spec.tasks)]


def _stacked(dicts: list[dict[str, np.ndarray]], device: torch.device) -> dict[str, Tensor]:
    stack = lambda arrays: arrays[0][None] if len(arrays) == 1 else np.stack(arrays)  # one needs no copy
    return {key: torch.from_numpy(stack([d[key] for d in dicts])).to(device) for key in dicts[0]}


def _rows(step: int, epoch: int, split: str, values) -> pd.DataFrame:
    rows = [(step, epoch, split, term, value) for term, value in values]
    return pd.DataFrame(rows, columns=list(HISTORY)).astype(HISTORY)


def _check_finite(
    log: Tensor,
    terms: Sequence[str],
    before: int,
    epoch: int,
    histories: list[pd.DataFrame],
    indices: list[int],
    specs: list[Spec],
) -> None:
    bad = (~torch.isfinite(log)).nonzero().tolist()
    if bad:
        i, term, m = bad[0]
        so_far = log[:i, :, m].mean(0).tolist()
        history = pd.concat([histories[m], _rows(before + i, epoch, "train", zip(terms, so_far))], ignore_index=True)
        raise Diverged(_not_finite(terms[term], log[i, term, m], before + i + 1, specs[m]), history, indices[m])


def _not_finite(term: str, value: float, step: int, spec: Spec) -> str:
    return (
        f"{term} is {value:g} at step {step} (capacity {spec.capacity:g}, gamma {spec.gamma:g}, seed {spec.seed}): "
        "lower the learning_rate or gamma"
    )


def speed(tasks: Sequence[str], frozen: bool = False) -> float:
    """Images a second that one thread trains with these heads, on frozen codes or not; timed now in a second or two."""
    spec = Spec(
        counts=np.full((13, 13), 30),
        tasks=tuple(tasks),
        steps_per_epoch=34,
        steps=2 * 34,
        source="new" if frozen else "",
    )  # in the first epoch the step is recorded
    stack = [spec] * (20 if frozen and max(spec.heads.values()) == 2 else 1)
    ends = []
    fit_stack(
        stack,
        torch.device("cpu"),
        [None] * len(stack),
        list(range(len(stack))),
        lambda index, checkpoint: ends.append(time.perf_counter()),
        {"new": BetaVAE()},
        np.zeros(len(stack)),
    )
    return len(stack) * spec.steps_per_epoch * spec.batch_size / (ends[-1] - ends[-1 - len(stack)])


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
    """A line on stderr with the time left while `done` (steps, by network) grows to total.

    In a terminal it is rewritten twice a second; elsewhere a new one comes after ten seconds, then each minute.
    """
    began, first, stop, terminal = time.monotonic(), int(done.sum()), threading.Event(), sys.stderr.isatty()

    def show():
        pause = 0.5 if terminal else 10
        while not stop.wait(pause):
            pause = 0.5 if terminal else 60
            steps, seconds = int(done.sum()), time.monotonic() - began
            left = f"{seconds * (total - steps) / (steps - first):,.0f} s left" if steps > first else "starting"
            print(
                f"training {len(done)} network(s): {steps / total:4.0%}, {left}  ",
                file=sys.stderr,
                end="\r" if terminal else "\n",
                flush=True,
            )

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
    _check_network(model)
    if isinstance(images, data.Corridors):
        raise TypeError(
            "images must be an array (N, 1, 13, 13), got corridors with their factors: give .images of them"
        )
    images = np.asarray(images)
    if images.shape[1:] != (1, data.SIDE, data.SIDE):
        raise ValueError(f"images must be (N, 1, 13, 13), 0 = open and 1 = wall, got shape {images.shape}")
    low, high = images.min(initial=0), images.max(initial=0)
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"images must hold numbers from 0 (open) to 1 (wall), got {low:g}..{high:g}; divide those in 0..255 by 255"
        )
    return tuple(part.cpu().numpy() for part in _by_parts(model.encode, model, images))


def sample(model: BetaVAE, images: np.ndarray, seed: list[int]) -> Tensor:
    """One sampled code z an image, (N, D), where the model is; the noise follows from the seed."""
    mu, logvar = _by_parts(model.encode, model, images)
    return mu + (logvar / 2).exp() * torch.from_numpy(_noise(seed, len(images), model)).to(mu.device)


def decode(model: BetaVAE, codes: np.ndarray) -> np.ndarray:
    """Probability of wall (N, 1, 13, 13) float32 that codes (N, D) decode to."""
    _check_network(model)
    if np.shape(codes)[1:] != (model.latent_dim,):
        raise ValueError(f"codes must be (N, {model.latent_dim}), got shape {np.shape(codes)}")
    return _by_parts(lambda z: (model.decode(z),), model, codes)[0].cpu().numpy()


def evaluate(
    model: BetaVAE,
    images: np.ndarray,
    factors: np.ndarray,
    seed: int,
    forward: Callable[..., Output] = BetaVAE.__call__,
) -> dict[str, float]:
    """Scores of a network on images (N, 1, 13, 13), as the paper's validation: codes are sampled, no dropout.

    forward         how the network is computed: as it is written, or `fast.alone`
    reconstruction  mean squared pixel error       rate, rate_0, ...  nats, in total and by latent
    active_latents  latents above 0.01 nats        and of each head its `head_scores`
    """
    _check_network(model)

    def outputs(x, noise):
        out = forward(model, x, noise)
        return (out.reconstruction - x).square().flatten(1).mean(1), out.mu, out.logvar, *out.classes.values()

    errors, mu, logvar, *classes = _by_parts(outputs, model, images, _noise([seed, 0], len(images), model))
    mu, logvar = mu.cpu().numpy(), logvar.cpu().numpy()
    by_latent = measures.latent_rates(mu, logvar).tolist()
    scores = {"reconstruction": errors.double().mean().item(), "rate": sum(by_latent)}
    scores |= {f"rate_{i}": value for i, value in enumerate(by_latent)}
    scores["active_latents"] = measures.active_latents(mu, logvar)
    return scores | head_scores(dict(zip(model.heads, classes)), factors)


def head_scores(classes: Mapping[str, Tensor], factors: np.ndarray) -> dict[str, float]:
    """Scores of heads' probabilities, task -> (N,) or (N, K), on images with factors (N, 2); of each TASK

    TASK           cross entropy, nats
    f1_TASK        mean over batches of 32, as published     whole_f1_TASK    over all images at once
    """
    scores = {}
    for task, p in classes.items():
        p, labels, k = p.cpu(), data.TASKS[task].labels(factors), data.TASKS[task].n_classes
        predicted = answer(p)
        scores[task] = cross_entropy(p, torch.from_numpy(labels), softmax_twice=False).item()
        scores[f"f1_{task}"] = measures.f1_batchwise(labels, predicted, k)
        scores[f"whole_f1_{task}"] = measures.f1(labels, predicted, k)
    return scores


def answer(p: Tensor) -> np.ndarray:
    """The class that a head names, (N,) int64: probabilities (N,) of class 1, or (N, K)."""
    return (p.argmax(1) if p.ndim > 1 else p > 0.5).numpy().astype(np.int64)


def _check_network(model: BetaVAE) -> None:
    if not isinstance(model, BetaVAE):
        raise TypeError(f"model must be a network (BetaVAE), as .model of a run is, got {type(model).__name__}")


def _noise(seed: list[int], n: int, model: BetaVAE) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, model.latent_dim), dtype=np.float32)


def _by_parts(function: Callable, model: BetaVAE, *arrays: np.ndarray) -> list[Tensor]:
    """The tensors that a function gives for arrays (N, ...), computed where the model is, 1,000 rows at a time.

    More at once would leave a CPU's cache.
    """
    device = model.mu.weight.device
    size = 1000 if device.type == "cpu" else 50_000
    with torch.inference_mode():
        parts = [
            function(*(torch.from_numpy(np.array(a[i : i + size], np.float32)).to(device) for a in arrays))
            for i in range(0, max(len(arrays[0]), 1), size)
        ]
    return [torch.cat(part) for part in zip(*parts)]
