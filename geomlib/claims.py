"""The claims, each as one number a network with a control that could beat it, and their verdicts (book/protocol.md).

A claim is measured from two small tables of each network: the mean codes of the 169 stimuli and their variances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from . import measures, results, theory
from .data import SIDE, TASKS, counts_table
from .paper import CAPACITIES, MODELS, ONE_HEAD, spec
from .results import Codes, Key

BIASED = ("E1M1", "E1M2")  # models that differ from the baseline in their data
IMAGES = ("baseline", *BIASED)  # models without a task: each has its own images
SEEN = 0  # the seed of full length that was looked at before the rules were written: it is not judged
ENTROPY = 5.13  # nats of the positions: from here on the limit tells all stimuli apart
SEEDS = 5  # with fewer a verdict is open
SMALL = {"direction": 3.0}  # an effect within this of 0 is none: degrees; all others:
SMALL_ELSE = 0.05
ROWS = {  # of the verdict table: claim -> its name, its unit, its biggest reservation, the page with the evidence
    "specialization": (
        "specialization",
        "of exponent",
        "from 1 nat on the best code no longer has it; in E1M2 it is gone at 3 nats and back at 10",
        "experiment1",
    ),
    "prototypization": (
        "prototypization",
        "of unevenness",
        "uneven, not in separate clusters; long training makes it smaller",
        "capacity",
    ),
    "separation": (
        "orthogonalization: separation",
        "of the log of a ratio",
        "a code of one latent can do it, too; E2M5 is not judged",
        "experiment2",
    ),
    "direction": (
        "orthogonalization: direction",
        "degrees",
        "comes with long training, but not in E2M3; most sketches turn the other way",
        "experiment2",
    ),
    "theory": (
        "theory predicts resolution",
        "of correlation",
        "small for E1M2; with ample capacity little pattern is left to predict",
        "limit",
    ),
}
SECOND = {"theory": "theory beyond the edge"}  # a claim's second control: it holds only where both do


@cache
def released(scale: str = "full") -> pd.DataFrame:
    """The `effects` of the released networks that are judged: "full", without the seed SEEN, or "sketch", of 500
    steps."""
    found = effects(*results.released(scale))
    return found if scale == "sketch" else found[found.seed != SEEN]


def effects(codes: Mapping[Key, Codes], ours: pd.DataFrame, **changes: Any) -> pd.DataFrame:
    """Every claim's number for every network.

    codes    (model, capacity, seed) -> mean codes and variances of the 169 pairs, as of `results.codes`
    ours     numbers of the same networks, as of `paper.results`: their rates and active latents
    changes  of Spec, of all of them
    returns  columns claim, model, capacity, seed, and
             value    what is measured: an exponent, an unevenness, the log of a ratio, degrees, a correlation
             control  the same of what the claim is compared with; effect = value - control
             limit    the rate-distortion limit's own value at the network's rate; NaN if it has none
             share    of separation: how many of 200 other borders of the task's shape part as much; else NaN
    """
    wide = results.wide(ours)
    rows = [
        (claim, *key, *numbers)
        for key in codes
        if key in wide.index
        for claim, *numbers in _effects_of(key, codes, wide, changes)
    ]
    columns = ["claim", "model", "capacity", "seed", "value", "control", "limit", "share"]
    table = pd.DataFrame(rows, columns=columns).dropna(subset=["value", "control"])
    return table.assign(effect=table.value - table.control).sort_values(columns[:4], ignore_index=True)


def _effects_of(
    key: Key, codes: Mapping[Key, Codes], wide: pd.DataFrame, changes: Mapping[str, Any]
) -> Iterator[tuple[str, float, float, float, float]]:
    """(claim, value, control, limit, share) of one network."""
    model, capacity, seed = key
    found, baseline = measures.resolution_of(*codes[key]), codes.get(("baseline", capacity, seed))
    ample = codes.get((model, 10, seed))
    rate = float(wide.rate[key])
    if model in BIASED:
        counts = counts_table(spec(model, 1, **changes).counts)
        # E1M1: steps of the lower corridor, inside the halves; E1M2: all neighbours
        pairs: dict[str, Any] = {"axis": 1} if model == "E1M1" else {"jump": np.inf}
        exponent = lambda resolution: measures.frequency_exponent(resolution, counts, **pairs)
        value, limit = exponent(found), exponent(limit_map(model, rate, **changes))
        if baseline:
            yield "specialization", value, exponent(measures.resolution_of(*baseline)), limit, np.nan
        if capacity == 0.3 and ample:
            yield "specialization falls", value, exponent(measures.resolution_of(*ample)), np.nan, np.nan
    if model == "baseline" and capacity != 10 and ample:
        limit = unevenness(limit_map(model, rate, **changes))
        yield "prototypization", unevenness(found), unevenness(measures.resolution_of(*ample)), limit, np.nan
    if model in ONE_HEAD and baseline:
        labels = TASKS[MODELS[model]["tasks"][0]].table
        paired = measures.resolution_of(*baseline)
        value, control = (np.log(measures.border_ratio(r, labels)) for r in (found, paired))
        share = float((other_borders(labels, found) >= value).mean())
        yield "separation", value, control, np.nan, share
        if wide.active_latents[key] >= 2:
            value, control = (np.subtract(*measures.turn(*c, labels)) for c in (codes[key], baseline))
            yield "direction", value, control, np.nan, np.nan
    if model in IMAGES and capacity < ENTROPY:
        own, *wrong = (agreement(found, limit_map(m, rate, **changes)) for m in (model, *({*IMAGES} - {model})))
        yield "theory", own, max(wrong), np.nan, np.nan
        yield "theory beyond the edge", own, agreement(found, EDGE), np.nan, np.nan


def limit_map(model: str, rate: float, tasks: bool = False, **changes: Any) -> np.ndarray:
    """Resolutions (2, 13, 13) of the rate-distortion limit at a rate (nats), of the images of a model or setting.

    tasks   and of its tasks     changes   as of `effects`
    """
    return theory.limit_resolution(rate=float(f"{rate:.2g}"), **spec(model, 1, **changes).theory(tasks))


def by_theory(codes: Mapping[Key, Codes], ours: pd.DataFrame, tasks: bool = False) -> pd.DataFrame:
    """`agreement` of each network's resolutions with the limit's at its rate: models x capacities, mean of the seeds.

    codes, ours   as of `effects`     tasks   the limit of images and the model's tasks; else of the images alone
    """
    rates = results.wide(ours).rate
    found = {
        key: agreement(measures.resolution_of(*both), limit_map(key[0], float(rates[key]), tasks))
        for key, both in codes.items()
        if key in rates.index
    }
    return pd.Series(found, dtype=float).groupby(level=[0, 1]).mean().unstack()


def unevenness(resolution: np.ndarray) -> float:
    """Standard deviation over mean of d' inside the board: over neighbours with all coordinates in 2..10.

    NaN where d' is infinite, as in a best code that tells all stimuli apart.
    """
    inside = resolution[0, 2:10, 2:11], resolution[1, 2:11, 2:10]
    values = np.concatenate([part.ravel() for part in inside])  # (144,)
    return float(values.std() / values.mean()) if np.isfinite(values).all() else np.nan


def agreement(resolution: np.ndarray, other: np.ndarray) -> float:
    """Correlation of the resolutions (2, 13, 13) of two codes over the 312 pairs of neighbours; NaN where fewer than
    half of them are finite."""
    both = np.isfinite(resolution) & np.isfinite(other)
    if both.sum() < 156:
        return np.nan
    with np.errstate(invalid="ignore"):  # of a map that is even there is none
        return float(np.corrcoef(resolution[both], other[both])[0, 1])


_touches = (np.indices((SIDE, SIDE)) % (SIDE - 1) == 0).any(0)
# A map (2, 13, 13) that is 1 for neighbours of which one touches the border of the board, else 0
EDGE = measures.at_steps(*(_touches[at] | _touches[to] for at, to in measures.STEPS))


def other_borders(labels: np.ndarray, resolution: np.ndarray, n: int = 200) -> np.ndarray:
    """Log of the border ratio of n other borders of the same shape: the task's own, moved by up to 6 and turned or
    mirrored.

    labels (13, 13), resolution (2, 13, 13) -> (n,). Parts of the border that leave the board are lost; a border that
    is the task's own, or that has no pair left, is drawn anew.
    """
    there = np.isfinite(resolution)
    across = _other_borders(np.asarray(labels, np.int64).tobytes(), n)[:, there]  # (n, 312)
    sums, number = across @ resolution[there], across.sum(1)
    elsewhere = (resolution[there].sum() - sums) / (there.sum() - number)
    return np.log(sums / number / elsewhere)


@cache
def _other_borders(labels: bytes, n: int) -> np.ndarray:
    """Where the other borders of a task run: booleans (n, 2, 13, 13)."""
    rng, own, found = np.random.default_rng(0), np.frombuffer(labels, np.int64).reshape(SIDE, SIDE), []
    cells = np.arange(SIDE)
    while len(found) < n:
        turned = np.rot90(own, int(rng.integers(4)))
        turned = turned.T if rng.integers(2) else turned
        shift = rng.integers(-6, 7, 2)
        border = measures.borders(turned[np.ix_(*((cells + s).clip(0, SIDE - 1) for s in shift))])
        if border.any() and not np.array_equal(border, measures.borders(own)):
            found.append(border)
    return np.array(found)


def crossed(model: str) -> np.ndarray:
    """How many of a model's questions change their answer at a step between neighbours: (2, 13, 13)."""
    return sum(measures.borders(TASKS[task].table) * 1.0 for task in MODELS[model]["tasks"])


def verdicts(found: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each claim at each capacity.

    found    of `effects`, or of `laws.effects`: then for each setting; None: of the released networks at full length
    returns  columns claim, model, capacity, seeds, value, control, limit (means over seeds), effect, low, high (its
             95 % interval over seeds; NaN for one), share (the largest), verdict (holds, does not hold, open)
    """
    from scipy.stats import t

    found = released() if found is None else found
    keys = [*(["setting"] if "setting" in found else []), "claim", "model", "capacity"]
    table = found.groupby(keys).agg(
        seeds=("seed", "nunique"),
        value=("value", "mean"),
        control=("control", "mean"),
        limit=("limit", "mean"),
        effect=("effect", "mean"),
        error=("effect", "sem"),
        share=("share", "max"),
    )
    half = t.ppf(0.975, table.seeds - 1) * table.pop("error")
    table["low"], table["high"] = table.effect - half, table.effect + half
    table = table.reset_index()
    small = none_within(table.claim)
    nothing = (table.high < 0) | ((table.low > -small) & (table.high < small))
    states = [table.seeds < SEEDS, (table.low > 0) & ~(table.share >= 0.05), nothing]
    table["verdict"] = np.select(states, ["open", "holds", "does not hold"], "open")
    return table


def none_within(claim: pd.Series) -> pd.Series:
    """How near to 0 an effect of each claim is none: degrees of direction, else in the effect's own unit."""
    return claim.map(SMALL).fillna(SMALL_ELSE)


def joined(judged: pd.DataFrame) -> pd.DataFrame:
    """Verdicts in which a claim and its second control are one: it holds where both do, and doesn't where one doesn't.

    judged  of `verdicts`; of its other columns the lesser number stays
    """
    order = pd.CategoricalDtype(["does not hold", "open", "holds"], ordered=True)
    firsts = {second: claim for claim, second in SECOND.items()}
    both = judged.assign(claim=judged.claim.replace(firsts), verdict=judged.verdict.astype(order))
    keys = [*(["setting"] if "setting" in judged else []), "claim", "model", "capacity"]
    return both.groupby(keys, sort=False).min().reset_index().astype({"verdict": str})


def table() -> pd.DataFrame:
    """The verdict table: a row a claim; what came out at full length and for the sketches, with its `number` where it
    is not open, the biggest reservation, and the page with the evidence."""
    columns = {}
    for scale, name in (("full", "full length"), ("sketch", "ten sketches")):
        judged = verdicts(released(scale))
        said = {claim: headline(judged, claim) for claim in ROWS}
        columns[name] = [
            words if words == "open" else f"{words} [{number(released(scale), claim)}]" for claim, words in said.items()
        ]
    names, _, reservations, pages = zip(*ROWS.values())
    return pd.DataFrame({"effect": names, **columns, "biggest reservation": reservations, "page": pages})


def number(found: pd.DataFrame, claim: str) -> str:
    """A claim's effect in each of its models, with its unit: at the smallest capacity at which it holds, else at the
    smallest that has it in the most seeds (of direction, from 3 nats on); the mean over seeds, and of several ± half
    their 95 % interval.

    found  of `effects`
    """
    judged = verdicts(found)
    rows = judged[judged.claim == claim].drop(columns="verdict")
    rows = rows.merge(joined(judged)[["claim", "model", "capacity", "verdict"]])
    read = (claim != "direction") | (rows.capacity >= 3)  # below, a turn is noise inside clusters
    rows = rows.assign(held=rows.verdict == "holds", read=read)
    rows = rows.sort_values(["held", "read", "seeds", "capacity"], ascending=[False, False, False, True])
    shown: dict[float, list[str]] = {}
    for model in (name for name in MODELS if name in rows.model.values):
        row = rows[rows.model == model].iloc[0]
        digits = 1 if claim in SMALL else 2
        between = f" ± {row.high - row.effect:.{digits}f}" if row.seeds > 1 else ""
        shown.setdefault(row.capacity, []).append(f"{model} {row.effect:+.{digits}f}{between}")
    text = "; ".join(f"{', '.join(some)} at {_nats(capacity)}" for capacity, some in shown.items())
    return f"{text}, {ROWS[claim][1]}".replace("-", "−") if text else "–"


def seed_agreement(codes: Mapping[Key, Codes]) -> pd.DataFrame:
    """How alike the codes of a model's seeds are: rank correlations over all pairs of seeds.

    returns  a row a model and capacity that has two seeds or more; columns (distances, of all mean codes;
             resolutions, of the 312 neighbours) x (median, low, high)
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import rankdata

    networks = pd.DataFrame(codes, index=["means", "variances"]).T.groupby(level=[0, 1], sort=False)
    rows = {}
    for key, some in networks:
        resolutions = [measures.resolution_of(*both) for both in some.to_numpy()]
        for name, values in (
            ("distances", [pdist(means) for means in some.means]),
            ("resolutions", [found[np.isfinite(found)] for found in resolutions]),
        ):
            if len(values) > 1:
                both = np.corrcoef(rankdata(values, axis=1))[np.triu_indices(len(values), 1)]
                rows.setdefault(key, {}).update(
                    zip([(name, "median"), (name, "low"), (name, "high")], (np.median(both), both.min(), both.max()))
                )
    return pd.DataFrame(rows).T.rename_axis(["model", "capacity"])


def markdown(page: str) -> str:
    """The verdict table as Markdown; page: where a claim's name leads, with {} for the page's name."""
    shown = table()
    shown["effect"] = [f"[{name}]({page.format(at)})" for name, at in zip(shown.effect, shown.pop("page"))]
    rows = [list(shown.columns), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def headline(table: pd.DataFrame, claim: str) -> str:
    """Where a claim holds, in words: "holds up to 1 nat", "holds for E1M1 at every capacity; for E1M2 at 0.3 nats",
    "holds for baseline at 0.3 nats; open for E1M1", "does not hold" or "open".

    table  of `verdicts`; for a model and capacity a claim holds if its second control does, too
    """
    rows = joined(table)
    rows = rows[rows.claim == claim]
    if rows.empty or (rows.seeds < SEEDS).all():
        return "open"
    states = rows.set_index(["model", "capacity"]).verdict
    models = [model for model in MODELS if model in states.index]
    held = {model: tuple(states[model].index[states[model] == "holds"]) for model in models}
    where = {at: [model for model in models if held[model] == at] for at in held.values() if at}
    if not where:
        return "does not hold" if (states == "does not hold").all() else "open"
    if [*where.values()] == [models]:
        return f"holds {_at(*where)}"
    few = [model for model in models if (rows.seeds[rows.model == model] < SEEDS).all()]
    parts = [f"for {_listed(some)} {_at(at)}" for at, some in where.items()]
    if few:
        parts.append(f"open for {_listed(few)}")
    return f"holds {'; '.join(parts)}"


def _at(capacities: Sequence[float]) -> str:
    """Some of the paper's capacities in words: at every one, from one on, up to one, or each by its number."""
    first, last = _nats(capacities[0]), _nats(capacities[-1])
    n = len(capacities)
    if n > 1 and tuple(capacities) == CAPACITIES[:n]:
        return "at every capacity" if n == len(CAPACITIES) else f"up to {last}"
    if n > 1 and tuple(capacities) == CAPACITIES[-n:]:
        return f"from {first} on"
    return f"at {_listed([*map('{:g}'.format, capacities[:-1]), last])}"


def _nats(capacity: float) -> str:
    return f"{capacity:g} {'nat' if capacity == 1 else 'nats'}"


def _listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
