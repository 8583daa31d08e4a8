"""The laws beyond the paper: the networks that test them, by setting (book/protocol.md, "How the laws are judged")."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import data, places, results
from .paper import CAPACITIES, train_all

_lc = np.indices((data.SIDE, data.SIDE))[1]
FREQUENCIES: dict[str, np.ndarray] = {  # how often images of each x_LC are shown, against the rarest
    **{f"step {ratio}": np.where(_lc <= 6, float(ratio), 1.0) for ratio in (2, 4, 8, 16)},
    "ramp": 16 ** (1 - _lc / 12),
    "bump": 8 ** ((1 + np.cos((_lc - 6) * np.pi / 6)) / 2),
}
WEIGHTS = (0.03, 0.1, 0.3, 1, 3, 10)  # of a task
LATENTS = (2, 10)
_elsewhere: dict[str, dict[str, Any]] = {
    "rings": {"world": "rings"},
    "blob": {"world": "blob"},
    **{f"{n} latents": {"latent_dim": n} for n in LATENTS},
    "bernoulli": {"likelihood": "bernoulli"},
}
LAWS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {  # law -> setting -> model, and what is changed of it
    "frequency": {
        name: ("baseline", {"counts": (table / table.sum() * data.IMAGES).round().astype(int)})
        for name, table in FREQUENCIES.items()
    },
    "weight": {
        f"{model} weight {w:g}": (model, {"task_weight": float(w)}) for model in ("E2M2", "E2M3") for w in WEIGHTS
    },
    "elsewhere": {
        f"{where} {model}": (model, changes)
        for where, changes in _elsewhere.items()
        for model in ("baseline", "E1M1", "E2M3")
    },
}


def table(
    law: str,
    capacities: Iterable[float] = CAPACITIES,
    seeds: Iterable[int] = range(5),
    folder: str | Path | None = None,
    output: Path | None = None,
    **changes: Any,
) -> pd.DataFrame:
    """The numbers of a law's networks, which are trained where they are missing: as of `results.table`, with the name
    of the setting in place of the model. Beside the output lie their stimulus codes, as .npz."""
    if law not in LAWS:
        raise ValueError(f"law must be one of {', '.join(LAWS)}, got {law!r}")
    rows, codes = [], {}
    for name, (model, own) in LAWS[law].items():
        keys = [(model, capacity, seed) for capacity in capacities for seed in seeds]
        runs = train_all(keys, folder, **own, **changes)
        rows.append(results.table(keys, folder, **own, **changes).assign(model=name))
        codes |= {(name, *key[1:]): results.stimulus_codes(run) for key, run in zip(keys, runs)}
    found = pd.concat(rows, ignore_index=True)
    if output:
        results.write(found, codes, output)
    return found


def released(law: str, scale: str = "sketch") -> tuple[dict[results.Key, results.Codes], pd.DataFrame]:
    """The codes and the numbers of a law's networks, as of `results.codes` and `paper.results`, by setting.

    scale    "sketch" (500 steps), "full"
    """
    path = places.needed_repository("the codes of the laws' networks lie") / f"data/laws/{law}-{scale}.csv"
    return results.codes(path.with_suffix(".npz")), results.results(path)
