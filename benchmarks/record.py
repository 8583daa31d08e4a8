"""Where benchmarks write what they measured: benchmarks/results.json, an entry a claim, for the book's cost page."""

import json
import os
import platform
from pathlib import Path

import torch
from filelock import FileLock

RESULTS = Path(__file__).with_name("results.json")


def record(claim: str, command: str, numbers: dict) -> None:
    """Print the entry of a claim and put it into the file, in place of an earlier one, with the machine of it."""
    entry = {"command": command, "machine": machine(), "numbers": numbers}
    print(json.dumps({claim: entry}, indent=1))
    with FileLock(RESULTS.with_suffix(".lock")):
        entries = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        new = RESULTS.with_suffix(".new")
        new.write_text(json.dumps(entries | {claim: entry}, indent=1, sort_keys=True) + "\n")
        new.replace(RESULTS)


def machine() -> dict:
    """Words for the machine: processor, cores that this process may use, versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": cores,
        "python": platform.python_version(),
        "torch": torch.__version__,
    } | gpu
