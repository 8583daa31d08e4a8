"""The laws beyond the paper: what is measured of the networks that test them (book/protocol.md, "How the laws are
judged")."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import claims, data, gaussian, measures, places, results, theory
from .engine.jobs import bar
from .objective import RISE, capacity_at
from .paper import COLUMNS, MODELS, spec
from .results import Codes, Key
from .settings import AGAIN, ELSEWHERE, FREQUENCIES, LAWS
from .train import Checkpoint, Run, fit

BEST_PRIOR = ", best prior"
USUAL = ", usual cross entropy"
FILM: dict[str, Any] = {"capacity": 5.0, "steps": 16_000, "steps_per_epoch": 250}  # of `film`: a slow rise
FILMED = ("baseline", "rings baseline")
_BESIDES = "rings", "blob", "bernoulli"
GAUSSIAN: dict[str, tuple[str, dict[str, Any]]] = {  # of `gaussians`: a model or setting, and what is asked besides
    **{name: (name, {}) for name in (*MODELS, *FREQUENCIES)},
    **{f"{model}{BEST_PRIOR}": (model, {"prior": "best"}) for model in ("baseline", "E1M1")},
    **{f"{model}{USUAL}": (model, {"softmax_twice": False}) for model in ("E2M4", "E2M5")},
    **{f"{setting} {model}": (f"{setting} {model}", {}) for setting in _BESIDES for model in ("baseline", "E1M1")},
}
# Of the others 2. In rings positions are points of circles; networks with 25 classes use more than two latents.
LATENTS = {("rings baseline", 0.3): 4, ("rings E1M1", 0.3): 4, ("E2M4", 0.3): 3}
# Nats. These two models mostly use two latents at 3; more than two take hours above 0.3
HIGHEST = {"baseline": 3, "E1M1": 3, "rings baseline": 0.3, "rings E1M1": 0.3}


def _check(name: str, known: Iterable[str], what: str = "law") -> None:
    if name not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, got {name!r}")


def film(output: str | Path | None = None, **changes: Any) -> tuple[dict[Key, Codes], pd.DataFrame]:
    """Each network of FILMED while its capacity rises, as of `released("film", "full")`: its codes and its rate after
    every epoch of the rise. The capacity is C(t). changes: of FILM"""
    output = places.writable(output)
    codes, rows = {}, []
    shots: list[Checkpoint] = []
    for name in FILMED:
        own = spec(name, **FILM | changes)
        shots.clear()
        fit([own], "cpu", on_checkpoint=lambda _, shot: shots.append(shot))  # of one spec, in this process
        for shot in shots:
            if (step := shot.epoch * own.steps_per_epoch) <= RISE * own.steps:
                key = name, round(capacity_at(step, own), 4), own.seed
                codes[key] = results.stimulus_codes(Run(own, shot.network(own), shot.history))
                rate = shot.history.query("split == 'validation' and term == 'rate'").value.iloc[-1]
                rows.append((*key, "rate", rate))
    return _kept(codes, rows, output)


def gaussians(output: str | Path | None = None) -> tuple[dict[Key, Codes], pd.DataFrame]:
    """The best Gaussian codes of the models' images and tasks (`gaussian.best`), as of `released("gaussian", "exact")`:
    the codes, and their rate, loss and price. Up to 1 nat, or to those of HIGHEST.

    They are found side by side, on all cores. With an output, those that are found are kept beside it until all are, in
    a folder of its name and .part: a call that was stopped goes on from there.
    """
    from joblib import Memory, Parallel, delayed

    output = places.writable(output)
    kept = output and output.with_suffix(".part")
    best = Memory(kept, verbose=0).cache(gaussian.best)
    every = [(name, c) for name in GAUSSIAN for c in (0.3, 1, 3) if c <= HIGHEST.get(name, 1)]
    found = Parallel(-1, return_as="generator")(delayed(best)(**_question(*asked)) for asked in every)
    codes, rows = {}, []
    for asked, code in zip(every, bar("solving", iterable=found, total=len(every), unit=" codes")):
        key = *asked, 0
        codes[key] = code.means, code.variances
        rows += [(*key, measure, getattr(code, measure)) for measure in ("rate", "loss", "price")]
    done = _kept(codes, rows, output)
    if kept:
        shutil.rmtree(kept)
    return done


def _question(name: str, capacity: float) -> dict[str, Any]:
    """What a name of GAUSSIAN asks `gaussian.best` at a capacity."""
    model, besides = GAUSSIAN[name]
    asked = {"rate": capacity, "latents": LATENTS.get((name, capacity), 2)}
    return asked | spec(model, capacity).theory(tasks=True) | besides


def _kept(codes: dict[Key, Codes], rows: list, output: Path | None) -> tuple[dict[Key, Codes], pd.DataFrame]:
    """Codes and numbers, in a file if one is named."""
    ours = pd.DataFrame(rows, columns=COLUMNS)
    if output:
        results.write(ours, codes, output)
    return codes, ours


def by_gaussian(codes: Mapping[Key, Codes], exact: Mapping[Key, Codes]) -> pd.DataFrame:
    """How networks follow the best Gaussian codes of their images and tasks, and others as a control.

    codes, exact   of networks, by model or setting, and as of `released("gaussian", "exact")`
    returns        a row a network of which `exact` has the code: model (its setting), capacity, seed, r  correlation of
                   the 312 resolutions, wrong  the largest with the codes of other images in the same setting, or of the
                   usual cross entropy; NaN if there is none; size  median ratio
    """
    maps = {key[:2]: _turned(key[0], both) for key, both in exact.items()}
    rows = []
    for key, both in codes.items():
        setting, space, model = key[0].rpartition(" ")
        if model in MODELS and key[:2] in maps:
            others = [setting + space + other for other in claims.IMAGES] if model in claims.IMAGES else []
            found, names = measures.resolution_of(*both), {key[0], key[0] + USUAL, *others}
            r = {
                name: max((claims.agreement(found, known), i) for i, known in enumerate(maps[name, key[1]]))
                for name in names
                if (name, key[1]) in maps
            }
            own, turn = r.pop(key[0])
            wrong = max((other for other, _ in r.values()), default=np.nan)
            with np.errstate(divide="ignore"):  # stimuli that a code doesn't tell apart at all
                rows.append((*key, own, wrong, np.nanmedian(found / maps[key[:2]][turn])))
    return pd.DataFrame(rows, columns=["model", "capacity", "seed", "r", "wrong", "size"])


def _turned(name: str, code: Codes) -> list[np.ndarray]:
    """The resolutions of a code. With E2M4's classes corridors may be mirrored and exchanged, so of all eight codes
    that are as good."""
    board = np.stack(code).reshape(2, data.SIDE, data.SIDE, -1)
    boards = [np.rot90(side, k, (1, 2)) for side in (board, board.swapaxes(1, 2)) for k in range(4)]
    count = 8 if name.startswith("E2M4") else 1
    return [measures.resolution_of(*side.reshape(2, data.SIDE**2, -1)) for side in boards[:count]]


def released(law: str, scale: str = "sketch") -> tuple[dict[Key, Codes], pd.DataFrame]:
    """The codes and the numbers of a law's networks, as of `results.codes` and `paper.results`, by setting.

    law      a name of LAWS, "film" or "gaussian"     scale    "sketch" (500 steps), "full"; of "gaussian" "exact"
    """
    _check(law, [*LAWS, "film", "gaussian"])
    folder = places.needed_repository("the codes of the laws' networks lie") / "data/laws"
    _check(scale, sorted(path.stem.removeprefix(f"{law}-") for path in folder.glob(f"{law}-*.csv")), f"scale of {law}")
    return results.codes(folder / f"{law}-{scale}.npz"), results.results(folder / f"{law}-{scale}.csv")


def prices(codes: Mapping[Key, Codes], ours: pd.DataFrame, **changes: Any) -> pd.DataFrame:
    """What a nat is worth to networks without a task, in their own loss, and the resolution that its price allows.

    codes, ours   as of `released`, or of `results.released`     changes  of Spec, of all of them
    returns       a row a network: model (its setting), capacity, seed, rate (nats), price (lambda), and
                  worth       the limit's slope at this rate; NaN above its end
                  wasted      nats: the rate, minus that at which the limit has the same loss; NaN below its floor, and
                              for cross entropy, since a network's numbers have its squared error
                  d, allowed  mean resolution of the neighbours, and of `theory.price_resolution`
                  ratio, r    median of the ratios of the two over the neighbours, and their correlation
    """
    wide = results.wide(ours)
    rows = []
    for key, both in codes.items():
        own = spec(*key, **changes)
        if not own.tasks:
            rates, losses = theory.rate_distortion(**own.theory())
            rate, price, loss = wide.loc[key, ["rate", "price", "reconstruction_loss"]]
            worth = theory.price(rate=rate, **own.theory()) if rate < rates[-1] else np.nan
            least = np.interp(loss, losses[::-1], rates[::-1], left=np.nan) if own.likelihood == "gaussian" else np.nan
            allowed = theory.price_resolution(price, own.world, own.likelihood)
            found = measures.resolution_of(*both)
            sizes = np.nanmean(found), np.nanmean(allowed), np.nanmedian(found / allowed)
            rows.append((*key, rate, price, worth, rate - least, *sizes, claims.agreement(found, allowed)))
    columns = ["model", "capacity", "seed", "rate", "price", "worth", "wasted", "d", "allowed", "ratio", "r"]
    return pd.DataFrame(rows, columns=columns)


def splits(codes: Mapping[Key, Codes], ours: pd.DataFrame) -> pd.DataFrame:
    """How uneven codes are and into how many clumps they have split, beside the best codes of as many nats.

    codes, ours   as of `released`, or of `results.released`
    returns       a row a network: model, capacity, seed, rate (nats), and
                  unevenness, clumps  as of `claims.unevenness` and `measures.clumps`
                  best, best_clumps   the same of the best code of its images and tasks at this rate
    """
    rate = results.wide(ours).rate
    rows = []
    for key, both in codes.items():
        own = spec(*key)
        best = theory.limit_dprime(rate=rate[key], **own.theory(tasks=True))
        found = [
            (claims.unevenness(measures.neighbours(d)), measures.clumps(d)) for d in (measures.dprime_of(*both), best)
        ]
        rows.append((*key, rate[key], *found[0], *found[1]))
    columns = ["model", "capacity", "seed", "rate", "unevenness", "clumps", "best", "best_clumps"]
    return pd.DataFrame(rows, columns=columns)


def exponents(codes: Mapping[Key, Codes], baselines: Mapping[Key, Codes], ours: pd.DataFrame) -> pd.DataFrame:
    """Specialization for the sets of `FREQUENCIES`: the exponents of d' against frequency, as of `claims.effects`.

    codes, ours   as of `released("frequency")`, or those of "gaussian" with images that differ in the lower corridor
    baselines     codes of the baselines of the same capacities and seeds
    returns       the claim is "frequency", the model the set; control: the same slope in the baseline; limit: the
                  slope of the limit, minus that of the limit of even frequencies at the same rate
    """
    rates = results.wide(ours).rate
    rows = []
    for (name, capacity, seed), both in codes.items():
        model, _ = GAUSSIAN.get(name, (name, {}))
        counts = data.counts_table(spec(model, capacity).counts)
        rate = float(f"{rates[name, capacity, seed]:.2g}")
        maps = [measures.resolution_of(*both), measures.resolution_of(*baselines["baseline", capacity, seed])]
        maps += [theory.limit_resolution(table, rate) for table in (counts, "uniform")]
        value, control, limit, even = (measures.frequency_exponent(found, counts, axis=1) for found in maps)
        rows.append(("frequency", name, capacity, seed, value, control, limit - even, np.nan, value - control))
    columns = ["claim", "model", "capacity", "seed", "value", "control", "limit", "share", "effect"]
    return pd.DataFrame(rows, columns=columns)


def dial(found: pd.DataFrame) -> pd.DataFrame:
    """Whether separation rises with the weight of a task, and whether it jumps, by the rule of the protocol.

    found    of `effects("weight", ...)`
    returns  a row a model and capacity: least, mean  rank correlation of weight and separation, over the seeds
             jump, at  the largest step between two neighbouring weights over the whole rise, and the weight it leads to
    """
    weights = {setting: changes["task_weight"] for setting, changes in AGAIN["weight"][1].items()}
    apart = found[found.claim == "separation"].assign(weight=found.setting.map(weights))
    seeds = apart.groupby(["model", "capacity", "seed"])[["weight", "effect"]]
    order = seeds.apply(lambda some: some.weight.corr(some.effect, "spearman")).groupby(level=[0, 1])
    rise = apart.groupby(["model", "capacity", "weight"]).effect.mean().unstack()
    step = rise.diff(axis=1)
    jump = step.max(axis=1) / (rise.max(axis=1) - rise.min(axis=1))
    return pd.DataFrame({"least": order.min(), "mean": order.mean(), "jump": jump, "at": step.idxmax(axis=1)})


def effects(
    law: str, codes: Mapping[Key, Codes], ours: pd.DataFrame, baselines: Mapping[Key, Codes] | None = None
) -> pd.DataFrame:
    """`claims.effects` in the settings of `AGAIN`: a first column, setting, and those of the claims.

    law, codes, ours   "weight", "worlds" or "networks", as of `released`
    baselines          networks, of which the baselines of the same capacities and seeds are the controls, where the
                       law has none of its own
    """
    _check(law, AGAIN)
    controls = {key: both for key, both in (baselines or {}).items() if key[0] == "baseline"}
    found = {}
    for setting, changes in AGAIN[law][1].items():
        start = f"{setting} "
        own = {(name.removeprefix(start), c, s): x for (name, c, s), x in codes.items() if name.startswith(start)}
        rows = ours[ours.model.str.startswith(start)]
        rows = rows.assign(model=rows.model.str.removeprefix(start))
        found[setting] = claims.effects({**controls, **own}, rows, **changes)
    return pd.concat(found, names=["setting"]).reset_index("setting").reset_index(drop=True)


@cache
def elsewhere(scale: str = "full") -> pd.DataFrame:
    """The `effects` of all laws of ELSEWHERE, of released networks: "full", or "sketch" for those of 500 steps."""
    return pd.concat([effects(law, *released(law, scale)) for law in ELSEWHERE], ignore_index=True)


def again(judged: pd.DataFrame, long: pd.DataFrame) -> pd.DataFrame:
    """Whether networks of full length agree with the verdicts of sketches, by the rule of the protocol.

    judged   `claims.verdicts` of the sketches' `effects`     long   `effects` of the networks of full length
    returns  a row a verdict, theory with its two controls as one: setting, claim, model, capacity, verdict, and
             effect, long  mean effect of the sketches and of the long networks
             agrees        "holds": long is above 0; "does not hold": it is below what counts as none; open: not asked
    """
    keys = ["setting", "claim", "model", "capacity"]
    found = claims.joined(judged.merge(long.groupby(keys).effect.mean().rename("long").reset_index(), on=keys))
    found = found.loc[found.verdict != "open", [*keys, "verdict", "effect", "long"]]
    none = claims.none_within(found.claim)
    return found.assign(agrees=np.where(found.verdict == "holds", found.long > 0, found.long < none))
