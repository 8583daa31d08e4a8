"""Which networks train together, and where: stacks of networks, side by side in processes of one thread."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import auto, std

from ..spec import Spec


def pick_device(device: str) -> torch.device:
    """ "auto", "cpu" or "cuda" as a torch.device that is there.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    there = torch.cuda.is_available()
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {device!r}; CUDA_VISIBLE_DEVICES picks one of several")
    if device == "cuda" and not there:
        raise ValueError("device 'cuda': no CUDA device is here; use cpu or auto")
    return torch.device("cuda" if there and device != "cpu" else "cpu")


def stacks(specs: Sequence[Spec], device: torch.device, epochs: Sequence[int]) -> list[list[int]]:
    """The indices of the specs that train as one stack; epochs: how many each has done."""
    jobs: dict[tuple, list[int]] = {}
    for index, (spec, epoch) in enumerate(zip(specs, epochs)):
        small = spec.source and max(spec.heads.values()) == 2
        alone = index if device.type == "cpu" and not small else 0
        jobs.setdefault((alone, stack_key(spec), epoch), []).append(index)
    return list(jobs.values())


def stack_key(spec: Spec) -> str:
    """What the specs of one stack have in common: all but the capacity, its weight and schedule, and the seed."""
    varying = {"capacity": 0, "gamma": 0, "beta": 0, "ramp": 1, "slow_until": 0, "slow_divisor": 1, "seed": 0}
    fields = dataclasses.asdict(spec) | varying | {"source": bool(spec.source)}
    return json.dumps(fields)


def side_by_side(function: Callable[..., list], jobs: Sequence[tuple], done: Sequence[int], total: int) -> list[list]:
    """function(*job, done) for each job, each in a process of its own, with a progress bar of `done` of all steps."""
    with tempfile.TemporaryDirectory() as folder:
        shared = np.memmap(Path(folder) / "done", np.int64, "w+", shape=len(done))
        shared[:] = done
        with progress(shared, total):
            if len(jobs) > 1:
                import joblib

                workers = min(len(jobs), joblib.cpu_count())  # as many cores as the job was given
                return joblib.Parallel(workers, max_nbytes=None)(joblib.delayed(function)(*job, shared) for job in jobs)
            return [function(*job, shared) for job in jobs]


def bar(desc: str, **options: Any) -> std.tqdm:
    """A progress bar with the time left. In the run of a page it is text, which begins with the mark "geomlib: " as
    all that the library says there, so that it can be left out of the page."""
    in_page = "GEOMLIB_PAGE" in os.environ
    return (std if in_page else auto).tqdm(desc="geomlib: " * in_page + desc, delay=2, file=_Unread(), **options)


class _Unread:
    """sys.stderr, of which nobody may read any more, as after `| head`: a bar that can't be shown stops no training."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


@contextmanager
def progress(done: np.ndarray, total: int) -> Generator[None]:
    """A progress bar with the time left while `done` (steps, by network) grows to total; TQDM_DISABLE=1 hides it."""
    stop = threading.Event()
    shown = bar(f"training {len(done)}", total=total, initial=int(done.sum()), unit=" steps")
    shown.mininterval = 0.5 if shown.disable or shown.fp.isatty() else 30

    def follow() -> None:
        while not stop.wait(0.5):
            shown.update(int(done.sum()) - shown.n)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        shown.update(int(done.sum()) - shown.n)
        shown.close()


@contextmanager
def one_thread() -> Generator[None]:
    """One thread for what runs inside, so that the sums have one order, and processes don't fight for cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def stacked(dicts: Sequence[dict[str, np.ndarray]], device: torch.device) -> dict[str, Any]:
    """Dictionaries of arrays, one a network, as one dictionary of tensors with a leading axis M."""
    arrays = {key: [one[key] for one in dicts] for key in dicts[0]}
    return {
        key: torch.from_numpy(found[0][None] if len(found) == 1 else np.stack(found)).to(device)  # one needs no copy
        for key, found in arrays.items()
    }
