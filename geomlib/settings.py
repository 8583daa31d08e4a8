"""The networks beyond the paper, by setting: a model of the paper and what is changed of it, for each law.

What the laws are and how they are judged: book/protocol.md, "How the laws are judged".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .data import IMAGES, SIDE

_lc = np.indices((SIDE, SIDE))[1]
FREQUENCIES: dict[str, np.ndarray] = {  # how often images of each x_LC are shown, against the rarest
    **{f"step {ratio}": np.where(_lc <= 6, float(ratio), 1.0) for ratio in (2, 4, 8, 16)},
    "ramp": 16 ** (1 - _lc / 12),
    "bump": 8 ** ((1 + np.cos((_lc - 6) * np.pi / 6)) / 2),
}
_THREE = ("baseline", "E1M1", "E2M3")
AGAIN: dict[str, tuple[tuple[str, ...], dict[str, dict[str, Any]]]] = {  # the claims: of which models, what is changed
    "weight": (
        ("E2M1", "E2M2", "E2M3", "E2M4"),
        {f"weight {w:g}": {"task_weight": w} for w in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)},
    ),
    "worlds": (_THREE, {world: {"world": world} for world in ("rings", "blob")}),
    "networks": (
        _THREE,
        {"2 latents": {"latent_dim": 2}, "10 latents": {"latent_dim": 10}, "bernoulli": {"likelihood": "bernoulli"}},
    ),
    "layers": (
        _THREE,
        {
            "half the channels": {"channels": 128},
            "twice the channels": {"channels": 512},
            "perceptron": {"layers": "perceptron"},
        },
    ),
}
ELSEWHERE = ("worlds", "networks", "layers")  # those of the page *Elsewhere*
LAWS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {  # law -> setting -> model, and what is changed of it
    "frequency": {
        name: ("baseline", {"counts": (table / table.sum() * IMAGES).round().astype(int)})
        for name, table in FREQUENCIES.items()
    },
    **{
        law: {f"{name} {model}": (model, changes) for name, changes in settings.items() for model in models}
        for law, (models, settings) in AGAIN.items()
    },
}
SETTINGS = {name: about for law in LAWS.values() for name, about in law.items()}


def settled(name: str, changes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The model behind a name, and all that is changed of it: a setting has changes of its own, which stay.

    >>> settled("rings E1M1", {"steps": 500})
    ('E1M1', {'world': 'rings', 'steps': 500})
    """
    if name not in SETTINGS:
        return name, changes
    model, own = SETTINGS[name]
    for field in own.keys() & changes.keys():
        raise ValueError(
            f"{field} = {str(changes[field])[:60]} can't be among the changes: the setting {name!r} has its own; "
            f"leave {field} out, or choose other settings"
        )
    return model, {**own, **changes}
