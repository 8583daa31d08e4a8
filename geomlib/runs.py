"""A run on disk: spec.json, weights.safetensors, history.csv and their checksums, written whole or not at all.

While a run trains, its checkpoint lies in FOLDER.part; a run killed there goes on from its last whole epoch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import logging
import os
import shutil
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from . import places
from .data import existing
from .engine.jobs import pick_device
from .model import BetaVAE, plain_weights
from .spec import Spec, differing, file_sha256
from .train import HISTORY, Checkpoint, Diverged, Run, assemble, fit, history_rows

FILES = ("spec.json", "weights.safetensors", "history.csv")
SUMS = "SHA256SUMS"  # check by hand with: sha256sum -c SHA256SUMS
logger = logging.getLogger(__name__)


def save(run: Run, folder: str | Path, dtype: str = "float32") -> None:
    """Write a run to a new folder, with weights as float32 or float16; of a classifier on frozen codes, its head alone.

    Raises FileExistsError where the folder exists: nothing is overwritten; ValueError for a weight that is no finite
    number in dtype.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists; move it away, or choose another folder")
    if dtype not in ("float32", "float16"):
        raise ValueError(f"dtype must be float32 or float16, got {dtype!r}")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    with _writing(folder, temporary):
        temporary.mkdir(parents=True)
        (temporary / "spec.json").write_text(spec_json(run.spec))
        weights = {
            name: value.to(getattr(torch, dtype))
            for name, value in run.model.state_dict().items()
            if not run.spec.source or name.startswith("classifiers.")
        }
        if bad := [name for name, value in weights.items() if not torch.isfinite(value).all()]:
            raise ValueError(f"{folder.name}: {bad[0]} has values that are no finite numbers in {dtype}")
        about = {"source": _source_digest(run.model)} if run.spec.source else None
        save_file(weights, temporary / "weights.safetensors", about)
        run.history.to_csv(temporary / "history.csv", index=False)
        (temporary / SUMS).write_text("".join(f"{file_sha256(temporary / name)}  {name}\n" for name in FILES))
        for path in (*temporary.iterdir(), temporary):
            _flush(path)
        os.rename(temporary, folder)
    _flush(folder.parent)


def load(folder: str | Path) -> Run:
    """Read a run, always as float32; the source of a classifier lies beside it, or with the released runs.

    Raises FileNotFoundError or ValueError where a file is missing, cut short or altered.
    """
    folder = Path(folder)
    for name in (SUMS, *FILES):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: not a run, or not a whole one; train it again")
    lines = (folder / SUMS).read_text(errors="replace").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in FILES:
        if sums.get(name) != file_sha256(folder / name):
            raise _damaged(folder / name, "its checksum differs", "restore it or train again")
    spec = read_spec((folder / "spec.json").read_bytes(), folder)
    about, weights = _read_tensors(folder / "weights.safetensors", "restore it or train again")
    source = _source(folder, spec) if spec.source else None
    network = _network(folder, spec, weights, source)
    if source:
        _check_source(folder, spec, about, _source_digest(source))
    return Run(spec, network, _history(folder / "history.csv", folder / "history.csv"))


def load_file(path: str | Path) -> Run:
    """Read a network that the page Train has written: a safetensors file of float32 weights with its spec.

    The run has no history: the page draws images and noise by itself. Raises ValueError for any other file.
    """
    about, weights = _read_tensors(existing(path), "download it again")
    if "spec" not in about:
        raise ValueError(f"{path} has no spec: it was not downloaded from the page Train")
    spec = read_spec(about["spec"], path)
    return Run(spec, _network(path, spec, weights), history_rows(0, 0, "", ()))


def _network(
    place: str | Path, spec: Spec, weights: Mapping[str, torch.Tensor], source: BetaVAE | None = None
) -> BetaVAE:
    """The network of a spec with its stored weights; ValueError that names the place where they don't fit."""
    try:
        return assemble(spec, plain_weights(weights, place), source)
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f"{place} holds weights of another network than geomlib/model.py describes now; train it anew into "
            f"another folder ({str(error).splitlines()[-1].strip()})"
        ) from None


def train(specs: Sequence[Spec], folders: Sequence[str | Path], device: str = "auto") -> list[Run]:
    """Load each run from its folder, or train it into it, going on from its checkpoint where there is one.

    A folder that another process is training is waited for. Raises ValueError where a folder holds another spec.
    """
    if isinstance(specs, Spec) or isinstance(folders, str | Path) or len(specs) != len(folders):
        raise ValueError("specs and folders must be lists of one length: runs.train([spec], [folder])")
    folders = [Path(os.path.abspath(folder)) for folder in folders]  # one folder has one name
    pick_device(device)
    asked = dict(zip(folders, specs))
    for folder, spec in zip(folders, specs):
        check_same(asked[folder], spec, folder)  # one folder may be named twice
    new = {folder: spec for folder, spec in asked.items() if spec.source and not folder.exists()}
    if len({folder.parent for folder in new}) > 1:
        where = ", ".join(sorted({str(folder.parent) for folder in new}))
        raise ValueError(f"classifiers are trained in one folder at a time, beside their sources, got {where}")
    sources = {spec.source: _source(folder, spec) for folder, spec in new.items()}
    with contextlib.ExitStack() as locks:
        for folder in sorted(asked):
            if not folder.exists():
                locks.enter_context(_lock(folder))
        found = {folder: load(folder) for folder in asked if folder.exists()}
        for folder, run in found.items():
            check_same(run.spec, asked[folder], folder)
        missing = [folder for folder in asked if folder not in found]
        if missing:
            where = ", ".join(sorted({str(folder.parent) for folder in missing}))
            logger.info("training %d network(s) into %s; %d found trained", len(missing), where, len(found))
            _fit(missing, [asked[folder] for folder in missing], device, sources)
        for folder in asked:  # while locked; another that waits may make its lock file anew meanwhile
            shutil.rmtree(part(folder), ignore_errors=True)
    return [found[folder] if folder in found else load(folder) for folder in folders]


def _fit(folders: Sequence[Path], specs: Sequence[Spec], device: str, sources: Mapping[str, BetaVAE]) -> None:
    """Train the runs of locked folders from their checkpoints, and save them."""
    digests = {name: _source_digest(network) for name, network in sources.items()}
    starts = [read_checkpoint(folder, spec, digests.get(spec.source)) for folder, spec in zip(folders, specs)]
    owner = os.getpid()

    def keep(index: int, checkpoint: Checkpoint) -> None:
        if owner not in (os.getpid(), os.getppid()):  # a worker whose parent was killed: its lock is free
            os._exit(1)
        write_checkpoint(folders[index], specs[index], checkpoint, digests.get(specs[index].source))

    try:
        trained = fit(specs, device, starts, keep, sources)
    except Diverged as error:
        kept = part(folders[error.index]) / "history.csv"
        error.history.to_csv(kept, index=False)
        raise Diverged(f"{error}; its history is in {kept}", error.history, error.index) from None
    for folder, run in zip(folders, trained):
        save(run, folder)


def _source(folder: Path, spec: Spec) -> BetaVAE:
    """The network whose codes a classifier reads."""
    beside = folder.parent / spec.source
    found = beside if beside.exists() else places.released_runs() / spec.source
    if not found.exists():
        raise FileNotFoundError(
            f"{folder.name} reads the codes of {spec.source}, which is neither beside it, in {folder.parent}, nor "
            "among the released runs; train that first"
        )
    return load(found).model


def check_same(found: Spec, asked: Spec, folder: str | Path) -> None:
    """Raise ValueError, naming the first field that differs, where a folder's spec is not the one asked for."""
    for name, theirs in differing(found, asked).items():
        raise ValueError(
            f"{folder} holds a run with {name} = {str(theirs)[:60]}, but {str(getattr(asked, name))[:60]} "
            "was asked for; move it away, or choose another folder"
        )


def read_spec(text: str | bytes, place: str | Path) -> Spec:
    """A spec as a run's folder keeps it; ValueError that names the place if it is none, or has a field unknown here.

    A field that it lacks came later, and has its default: what was done before there was a choice.
    """
    with _about(f"{place}: its spec"):
        fields = dict(json.loads(text))
    known = {item.name for item in dataclasses.fields(Spec)}
    if unlike := sorted(fields.keys() - known):
        raise ValueError(
            f"{place} was written by another version of geomlib (its spec has the fields {', '.join(unlike)}); "
            "load it with that version, or train it anew into another folder"
        )
    with _about(f"{place}: its spec"):
        return Spec(**fields)


@contextlib.contextmanager
def _about(what: str) -> Generator[None]:
    """What is wrong with the content of a file becomes a ValueError that says of which."""
    try:
        yield
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"{what} is not as geomlib writes it ({error})") from None


def _history(place: str | Path, text: Path | io.StringIO) -> pd.DataFrame:
    """A history from its file or its text; ValueError that names the place if it is none."""
    with _about(f"{place}: its history"):
        return pd.read_csv(text)[list(HISTORY)].astype(HISTORY)


def spec_json(spec: Spec) -> str:
    """A spec as a run's folder keeps it."""
    rows = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in dataclasses.asdict(spec).items()]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def weights_digest(weights: Mapping[str, torch.Tensor]) -> str:
    """The first 12 digits of the sha256 of weights, as float32 in their order."""
    digest = hashlib.sha256()
    for value in weights.values():
        digest.update(value.float().numpy().tobytes())
    return digest.hexdigest()[:12]


def _source_digest(network: BetaVAE) -> str:
    """Of a classifier, what it has from its source."""
    return weights_digest({name: w for name, w in network.state_dict().items() if not name.startswith("classifiers.")})


def _check_source(path: Path, spec: Spec, about: Mapping[str, str], source: str | None) -> None:
    if about.get("source") not in (None, source):
        raise ValueError(
            f"{path} was trained on the codes of another network than {spec.source} is now; put that back, or train "
            "anew into another folder"
        )


def part(folder: Path) -> Path:
    """Where a run lies until it is whole."""
    return folder.with_name(folder.name + ".part")


def checkpoint_file(folder: Path) -> Path:
    """The checkpoint of an unfinished run, where there is one."""
    return part(folder) / "checkpoint.safetensors"


def read_checkpoint(folder: Path, spec: Spec, source: str | None = None) -> Checkpoint | None:
    """The checkpoint of an unfinished run, or None; source: of a classifier, the digest of the network whose codes it
    reads."""
    path = checkpoint_file(folder)
    if not path.exists():
        return None
    about, tensors = _read_tensors(path, "delete it to train from the start")
    if missing := {"spec", "epoch", "history"} - about.keys():
        raise _damaged(path, f"it has no {', '.join(sorted(missing))}", "delete it to train from the start")
    check_same(read_spec(about["spec"], path), spec, path)
    _check_source(path, spec, about, source)
    return Checkpoint(int(about["epoch"]), tensors, _history(path, io.StringIO(about["history"])))


def write_checkpoint(folder: Path, spec: Spec, checkpoint: Checkpoint, source: str | None = None) -> None:
    """Replace the checkpoint of an unfinished run; a process killed meanwhile leaves the one before."""
    path = checkpoint_file(folder)
    about = {"epoch": str(checkpoint.epoch), "spec": spec_json(spec), "history": checkpoint.history.to_csv(index=False)}
    about |= {"source": source} if source else {}
    temporary = path.with_suffix(".new")
    with _writing(folder, temporary):
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
            logger.warning("%s: waiting for the process that trains it", folder)
            try:
                return lock.acquire()
            except FileNotFoundError:  # it is done, and its folder gone
                return contextlib.nullcontext()
    except OSError as error:
        raise OSError(f"can't write to {folder.parent} ({error.strerror}); choose another folder") from None


def _read_tensors(path: Path, advice: str) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """The notes and the tensors in a safetensors file; ValueError where it is another file, or cut short."""
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it has no iterator)
    except SafetensorError as error:
        raise _damaged(path, f"no safetensors file, or not a whole one: {error}", advice) from None


def _damaged(path: Path, why: str, advice: str) -> ValueError:
    with open(path, "rb") as file:
        if file.read(24) == b"version https://git-lfs.":
            return ValueError(f"{path} is only a pointer of git-lfs; fetch the file itself: git lfs pull")
    return ValueError(f"{path} is damaged ({why}); {advice}")


@contextlib.contextmanager
def _writing(folder: Path, temporary: Path) -> Generator[None]:
    """Write all of `temporary`, or leave nothing of it; a full disk becomes a sentence on what to do."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise OSError(
            f"can't write {folder}: {getattr(error, 'strerror', None) or error}; make room, or choose another folder. "
            "Nothing is lost: the same command goes on from what was written before"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if temporary.is_file():
            temporary.unlink()


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
