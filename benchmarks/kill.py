"""A training that is killed 20 times ends with the weights of one that is not, bit for bit.

    python benchmarks/kill.py [SEED]

Real `kill -9`, at moments drawn from the seed (printed): a random time after the process's start or its first new
checkpoint, and for a third of the kills (more, until five have fallen so) when a new checkpoint is being written. A
kill counts as inside a checkpoint's writing where the unfinished file `checkpoint.new` is left behind: the process died
between opening it and moving it into place.
"""

import dataclasses
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from record import record

import geomlib as g
from geomlib import runs

KILLS, INSIDE = 20, 5
SPEC = g.Spec(
    counts=np.full((13, 13), 6), tasks=("order", "region"), steps=7 * 400, steps_per_epoch=7
)  # 400 epochs of 7 steps
PROGRAM = (
    "import json, sys, geomlib as g; from geomlib import runs; "
    "runs.train([g.Spec(**json.loads(sys.argv[1]))], [sys.argv[2]], 'cpu')"
)


def kill(folder: Path, target: bool, moments: random.Random) -> tuple[int, int]:
    """Start the training, or go on with it, and kill it.

    target   kill while a checkpoint is written
    returns  the epochs of its checkpoint, and the bytes of an unfinished one left behind
    """
    part = runs.part(folder)
    half, whole = part / "checkpoint.new", part / "checkpoint.safetensors"
    half.unlink(missing_ok=True)  # of the kill before
    age = lambda: whole.stat().st_mtime_ns if whole.exists() else 0
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, json.dumps(dataclasses.asdict(SPEC)), folder])
    old, started = age(), moments.random() < 0.75
    if started or target:
        until(lambda: age() != old, process)  # it has gone on by an epoch
    time.sleep(moments.uniform(0, 1.5 if started or target else 5))
    if target:
        until(half.exists, process, pause=0)
        time.sleep(moments.choice([0, 0.004]) * moments.random())  # between its first byte and the move
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        raise RuntimeError("the training ended before it was killed: give SPEC more steps")
    checkpoint = runs.read_checkpoint(folder, SPEC)  # it must be whole whatever the moment
    return checkpoint.epoch if checkpoint else 0, half.stat().st_size if half.exists() else 0


def until(condition, process: subprocess.Popen, pause: float = 0.002) -> None:
    while not condition():
        if process.poll() is not None:
            raise RuntimeError("the training ended before it was killed: give SPEC more steps")
        time.sleep(pause)


def main(seed: int) -> None:
    moments, epochs, halves = random.Random(seed), [], []
    print(f"seed of the moments: {seed}")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        while len(epochs) < KILLS or np.count_nonzero(halves) < INSIDE:
            epoch, size = kill(run, len(epochs) % 3 == 2 or len(epochs) >= KILLS, moments)
            epochs, halves = [*epochs, epoch], [*halves, size]
            inside = f", inside a checkpoint's writing ({size:,} bytes of it)" if size else ""
            print(f"kill {len(epochs)}: {epoch} epochs done{inside}")
        resumed = runs.train([SPEC], [run], "cpu")[0]
    undisturbed = g.fit([SPEC], "cpu")[0]
    weights = undisturbed.model.state_dict()
    equal = all(torch.equal(value, weights[name]) for name, value in resumed.model.state_dict().items())
    same_history = resumed.history.equals(undisturbed.history)
    record(
        "kill",
        f"python benchmarks/kill.py {seed}",
        {
            "kills": len(epochs),
            "inside_a_checkpoint": int(np.count_nonzero(halves)),
            "bytes_left_behind": [size for size in halves if size],
            "epochs_at_kill": epochs,
            "epochs": len(undisturbed.history.epoch.unique()),
            "weights_equal": equal,
            "history_equal": same_history,
        },
    )
    if not (equal and same_history):
        sys.exit("the resumed training ended differently")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(10**6))
