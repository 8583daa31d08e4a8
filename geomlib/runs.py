"""A run on disk: spec.json, weights.safetensors, history.csv and their checksums, written whole or not at all.

While a run trains, its checkpoint lies in FOLDER.part; a run killed there goes on from its last whole epoch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .spec import Spec, check_fields
from .train import Checkpoint, Diverged, Run, assemble, fit

FILES = ("spec.json", "weights.safetensors", "history.csv")
SUMS = "SHA256SUMS"                          # check by hand with: sha256sum -c SHA256SUMS


def save(run: Run, folder: str | Path, dtype: str = "float32") -> None:
    """Write a run to a new folder, with weights as float32 or float16; of a classifier on frozen codes, its head alone.

    Raises FileExistsError where the folder exists: nothing is overwritten.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists; move it away, or choose another folder")
    if dtype not in ("float32", "float16"):
        raise ValueError(f"dtype must be float32 or float16, got {dtype!r}")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    (temporary / "spec.json").write_text(spec_json(run.spec))
    weights = {name: value.to(getattr(torch, dtype)) for name, value in run.model.state_dict().items()
               if not run.spec.source or name.startswith("classifiers.")}
    save_file(weights, temporary / "weights.safetensors")
    run.history.to_csv(temporary / "history.csv", index=False)
    (temporary / SUMS).write_text("".join(f"{sha256(temporary / name)}  {name}\n" for name in FILES))
    for path in (*temporary.iterdir(), temporary):
        _flush(path)
    os.rename(temporary, folder)
    _flush(folder.parent)


def load(folder: str | Path) -> Run:
    """Read a run, always as float32; the source of a classifier lies beside it.

    Raises FileNotFoundError or ValueError where a file is missing, cut short or altered.
    """
    folder = Path(folder)
    for name in (SUMS, *FILES):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: not a run, or not a whole one; train it again")
    sums = dict(reversed(line.split("  ", 1)) for line in (folder / SUMS).read_text().splitlines() if "  " in line)
    for name in FILES:
        if sums.get(name) != sha256(folder / name):
            raise ValueError(f"{folder / name} is not as written (its checksum differs); restore it or train again")
    fields = json.loads((folder / "spec.json").read_text())
    check_fields(list(fields))
    spec = Spec(**fields)
    with safe_open(folder / "weights.safetensors", "pt") as file:
        weights = {name: file.get_tensor(name).float() for name in file.keys()}
    source = load(folder.parent / spec.source).model if spec.source else None
    return Run(spec, assemble(spec, weights, source), pd.read_csv(folder / "history.csv"))


def train(specs: Sequence[Spec], folders: Sequence[str | Path], device: str = "auto") -> list[Run]:
    """Load each run from its folder, or train it into it, going on from its checkpoint where there is one.

    A folder that another process is training is waited for. Raises ValueError where a folder holds another spec.
    """
    folders = [Path(folder) for folder in folders]
    with contextlib.ExitStack() as locks:
        for spec, folder in sorted(zip(specs, folders), key=lambda pair: pair[1]):
            if not folder.exists():
                locks.enter_context(_lock(folder))
        missing = [i for i, folder in enumerate(folders) if not folder.exists()]
        for i in set(range(len(specs))) - set(missing):
            check_same(load(folders[i]).spec, specs[i], folders[i])
        starts = [read_checkpoint(folders[i], specs[i]) for i in missing]
        todo = [specs[i] for i in missing]

        def keep(index: int, checkpoint: Checkpoint) -> None:
            write_checkpoint(folders[missing[index]], todo[index], checkpoint)

        try:
            sources = {s.source: load(folders[i].parent / s.source).model for i, s in zip(missing, todo) if s.source}
            trained = fit(todo, device, starts, keep, sources) if missing else []
        except Diverged as error:
            kept = part(folders[missing[error.index]]) / "history.csv"
            error.history.to_csv(kept, index=False)
            raise Diverged(f"{error}; its history is in {kept}", error.history, error.index) from None
        for i, run in zip(missing, trained):
            save(run, folders[i])
        for folder in folders:               # while locked; another that waits may make its lock file anew meanwhile
            shutil.rmtree(part(folder), ignore_errors=True)
    return [load(folder) for folder in folders]


def check_same(found: Spec, asked: Spec, folder: str | Path) -> None:
    """Raise ValueError, naming the first field that differs, where a folder's spec is not the one asked for."""
    for field in dataclasses.fields(Spec):
        ours, theirs = getattr(asked, field.name), getattr(found, field.name)
        if ours != theirs:
            raise ValueError(f"{folder} holds a run with {field.name} = {str(theirs)[:60]}, but {str(ours)[:60]} was "
                             "asked for; move it away, or choose another folder")


def spec_json(spec: Spec) -> str:
    return json.dumps(dataclasses.asdict(spec), indent=1) + "\n"


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def part(folder: Path) -> Path:
    """Where a run lies until it is whole."""
    return folder.with_name(folder.name + ".part")


def read_checkpoint(folder: Path, spec: Spec) -> Checkpoint | None:
    """The checkpoint of an unfinished run, or None."""
    path = part(folder) / "checkpoint.safetensors"
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to train from the start") from None
    check_same(Spec(**json.loads(about["spec"])), spec, path)
    return Checkpoint(int(about["epoch"]), tensors, pd.read_csv(io.StringIO(about["history"])))


def write_checkpoint(folder: Path, spec: Spec, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint of an unfinished run; a process killed meanwhile leaves the one before."""
    path = part(folder) / "checkpoint.safetensors"
    about = {"epoch": str(checkpoint.epoch), "spec": spec_json(spec), "history": checkpoint.history.to_csv(index=False)}
    temporary = path.with_suffix(".new")
    save_file(checkpoint.tensors, temporary, metadata=about)
    _flush(temporary)
    os.replace(temporary, path)
    _flush(path.parent)


def _lock(folder: Path) -> contextlib.AbstractContextManager:
    """The lock of a run that is to be trained; freed by the system when its process ends, however it ends."""
    try:
        part(folder).mkdir(parents=True, exist_ok=True)
        lock = FileLock(part(folder) / "lock")
        try:
            return lock.acquire(timeout=0)
        except Timeout:
            print(f"{folder}: waiting for the process that trains it", file=sys.stderr)
            try:
                return lock.acquire()
            except FileNotFoundError:        # it is done, and its folder gone
                return contextlib.nullcontext()
    except OSError as error:
        raise OSError(f"can't write to {folder.parent} ({error.strerror}); choose another folder") from None


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
