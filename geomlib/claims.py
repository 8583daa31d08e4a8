"""The paper's claims, each as one number a seed that is positive if the claim holds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import data, evaluate, measures
from .evaluate import drawn
from .paper import CAPACITIES, MODELS, classes, results
from .train import Run


def claim_measures(model: str, run: Run) -> dict[str, float]:
    """What the claims are judged by, from the mean codes of the 169 pairs over `uniform`'s last 20,000 images.

    The baseline is measured by the classes of each model that is compared with it.
    """
    images, factors = (part[-20_000:] for part in drawn("uniform", 0))
    means, pairs = measures.pair_means(evaluate.encode(run.model, images), factors), data.PAIRS
    values = {"unevenness": measures.unevenness(means)}
    for other in ("E1M1", "E1M2", "E2M1", "E2M2", "E2M3"):
        if model in (other, "baseline"):
            labels = classes(other, pairs)
            biased = "tasks" not in MODELS[other]
            values[("share_of_space_" if biased else "own_direction_") + other] = (
                measures.share_of_space(means, labels) if biased else measures.own_direction(means, labels, pairs)
            )
    return values


def claims(ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """The four claims, each as one number a seed that is positive where the claim holds.

    prototypization    unevenness of the baseline at 0.3 nats minus that at 10
    specialization     log of E1M1's share of space for the frequent half over the baseline's, mean over capacities
    orthogonalization  own direction of the classes minus the baseline's, mean over E2M1 to E2M3 and capacities
    more latents       active latents of E1M1 and E1M2 minus the baseline's, mean over both and capacities

    ours     numbers as of `results`; default: those
    returns  columns claim, seed, effect; only seeds whose numbers are complete
    """
    each, rows = claims_by_capacity(ours), []
    counted = each[each.capacity.isin(CAPACITIES) & ((each.claim != "specialization") | (each.model == "E1M1"))]
    models = {"specialization": 1, "orthogonalization": 3, "more latents": 2}
    for seed, some in counted.groupby("seed"):
        ends = some[some.claim == "prototypization"].set_index("capacity").effect.reindex([0.3, 10])
        rows += [("prototypization", seed, ends[0.3] - ends[10])]
        for claim, n in models.items():
            effects = some[some.claim == claim].effect
            rows += [(claim, seed, effects.mean() if len(effects) == n * len(CAPACITIES) else np.nan)]
    return pd.DataFrame(rows, columns=["claim", "seed", "effect"]).dropna(ignore_index=True)


def claims_by_capacity(ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the claims average: a row a claim, model, capacity and seed that there is a number for.

    The effects that `claims` averages, and E1M2's for specialization, which that leaves out. Prototypization is a
    difference between capacities; here it's the baseline's unevenness itself.

    returns  columns claim, model, capacity, seed, effect
    """
    ours = results() if ours is None else ours
    wide = ours.pivot_table(index=["model", "capacity", "seed"], columns="measure", values="value")
    parts = [
        ("prototypization", "baseline", "unevenness"),
        *(("specialization", model, f"share_of_space_{model}") for model in ("E1M1", "E1M2")),
        *(("orthogonalization", model, f"own_direction_{model}") for model in ("E2M1", "E2M2", "E2M3")),
        *(("more latents", model, "active_latents") for model in ("E1M1", "E1M2")),
    ]
    tables = []
    for claim, model, measure in parts:
        values = wide[measure] if measure in wide else pd.Series(dtype=float, index=wide.index)
        of = lambda name, values=values: values[values.index.get_level_values("model") == name].droplevel("model")
        effect = (
            of(model)
            if model == "baseline"
            else np.log(of(model) / of("baseline"))
            if claim == "specialization"
            else of(model) - of("baseline")
        )
        tables.append(effect.dropna().rename("effect").reset_index().assign(claim=claim, model=model))
    return pd.concat(tables)[["claim", "model", "capacity", "seed", "effect"]].reset_index(drop=True)
