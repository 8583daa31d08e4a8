"""The claims: their numbers, controls and verdicts, on codes that are made to be what they say."""

import numpy as np
import pandas as pd
import pytest

from geomlib import claims, data, measures, results


def codes_of(x, y, spread=0.1):
    """A code of two latents: x, y (13,) are where columns lie."""
    means = np.stack([np.repeat(x, 13), np.tile(y, 13)], 1)
    return means, np.full_like(means, spread**2)


def numbers_of(keys, rate=1.0, latents=2):
    rows = [(*key, name, value) for key in keys for name, value in (("rate", rate), ("active_latents", latents))]
    return pd.DataFrame(rows, columns=["model", "capacity", "seed", "measure", "value"])


EVEN = np.arange(13.0)
HALF = np.concatenate([np.arange(7) * 2.0, 12 + 1.0 * np.arange(1, 7)])  # steps of 2 where x_lc <= 6, of 1 beyond


def test_a_code_that_gives_the_frequent_half_twice_the_resolution_is_specialized_and_an_even_one_is_not():
    codes = {("baseline", 1, s): codes_of(EVEN, EVEN) for s in range(5)}
    codes |= {("E1M1", 1, s): codes_of(EVEN, HALF) for s in range(5)}
    table = claims.effects(codes, numbers_of(codes)).query("claim == 'specialization'")
    assert set(table.model) == {"E1M1"} and (table.control.abs() < 1e-9).all() and (table.value > 0.05).all()
    verdict = claims.verdicts(table).iloc[0]
    assert verdict.verdict == "holds" and verdict.low == pytest.approx(verdict.effect)


def test_a_step_at_the_border_of_the_classes_parts_them_better_than_other_borders_of_its_shape():
    labels = data.TASKS["quadrant"].table
    means, spreads = codes_of(EVEN, EVEN)
    parted = np.column_stack([means, 20.0 * labels.ravel()]), np.column_stack([spreads, spreads[:, :1]])
    codes = {("baseline", 3, 0): (means, spreads), ("E2M2", 3, 0): parted}
    table = claims.effects(codes, numbers_of(codes)).set_index("claim")
    assert table.effect["separation"] > 2 and table.effect["direction"] > 60
    resolution = measures.resolution_of(*parted)
    own = np.log(measures.border_ratio(resolution, labels))
    others = claims.other_borders(labels, resolution)
    assert len(others) == 200 and (others < own).mean() > 0.95 and table.share["separation"] < 0.05
    assert (claims.other_borders(labels, np.where(np.isfinite(resolution), 1.0, np.nan)) == 0).all()  # an even code


def test_a_direction_is_not_asked_of_one_latent():
    codes = {(model, 3, 0): codes_of(EVEN, EVEN) for model in ("baseline", "E2M2")}
    assert "direction" not in set(claims.effects(codes, numbers_of(codes, latents=1)).claim)


def test_a_verdict_needs_five_seeds_and_an_interval_on_one_side():
    def verdict(*effects, claim="specialization", share=np.nan):
        rows = [(claim, "E1M1", 1.0, seed, e, 0.0, np.nan, share, e) for seed, e in enumerate(effects)]
        columns = ["claim", "model", "capacity", "seed", "value", "control", "limit", "share", "effect"]
        return claims.verdicts(pd.DataFrame(rows, columns=columns)).verdict.item()

    assert verdict(1, 1.1, 0.9, 1.2) == "open"
    assert verdict(1, 1.1, 0.9, 1.2, 1) == "holds"
    assert verdict(-1, -1.1, -0.9, -1.2, -1) == "does not hold"
    assert verdict(0.01, 0, -0.01, 0.01, 0) == "does not hold"  # so near to 0 that it is none
    assert verdict(1, -1, 1, -1, 1) == "open"
    assert verdict(1, 1.1, 0.9, 1.2, 1, claim="separation", share=0.01) == "holds"
    assert verdict(1, 1.1, 0.9, 1.2, 1, claim="separation", share=0.05) == "open"  # other borders part as much


def test_a_claim_holds_at_the_capacities_where_it_does_for_each_of_its_models():
    table = pd.DataFrame(
        [(claim, m, c, 5, v) for claim, m, c, v in (
            ("theory", "baseline", 0.3, "holds"), ("theory", "E1M1", 0.3, "holds"),
            ("theory beyond the edge", "baseline", 0.3, "holds"), ("theory beyond the edge", "baseline", 1, "open"),
            ("theory", "baseline", 1, "holds"), ("theory", "baseline", 3, "holds"), ("theory", "E1M1", 3, "open"))],
        columns=["claim", "model", "capacity", "seeds", "verdict"],
    )  # fmt: skip
    assert claims.headline(table, "theory") == "holds for baseline at 0.3 and 3 nats; for E1M1 at 0.3 nats"
    some = table[table.model == "baseline"]
    assert claims.headline(some, "theory") == "holds at 0.3 and 3 nats"
    assert claims.headline(some[some.capacity == 0.3], "theory") == "holds at 0.3 nats"
    assert claims.headline(table, "direction") == "open"
    few = table.assign(
        seeds=table.seeds.where(table.model == "baseline", 1),
        verdict=table.verdict.where(table.model == "baseline", "open"),
    )
    assert claims.headline(few, "theory") == "holds for baseline at 0.3 and 3 nats; open for E1M1"


def test_a_claim_with_two_controls_is_one_that_holds_where_both_do_and_does_not_where_one_does_not():
    first = {0.3: "holds", 1: "holds", 3: "does not hold", 6: "open"}
    second = {0.3: "holds", 1: "open", 3: "holds", 6: "does not hold"}
    both = {"theory": first, claims.SECOND["theory"]: second}
    rows = [(claim, "E1M1", c, 5, verdict) for claim, found in both.items() for c, verdict in found.items()]
    judged = pd.DataFrame(rows, columns=["claim", "model", "capacity", "seeds", "verdict"])
    found = claims.joined(judged).set_index("capacity").verdict.to_dict()
    assert found == {0.3: "holds", 1: "open", 3: "does not hold", 6: "does not hold"}


def test_the_limits_map_is_of_the_images_that_a_network_saw():
    bottom = claims.limit_map("E1M1", 0.3)
    np.testing.assert_array_equal(claims.limit_map("baseline", 0.3, counts="bottom"), bottom)
    world = data.WORLDS["rings"]
    rings = claims.limit_map("baseline", 0.3, world=world.tolist())  # a table, as a page's changes give it
    np.testing.assert_array_equal(claims.limit_map("rings baseline", 0.3), rings)
    assert np.nanstd(rings) < 0.02 < np.nanstd(claims.limit_map("baseline", 0.3))


def test_the_edge_is_what_touches_the_border_of_the_board():
    assert claims.EDGE[0, :-1].sum() == 2 * 13 + 10 * 2 and np.isnan(claims.EDGE[0, -1]).all()
    assert np.isfinite(claims.EDGE).sum() == 312


def test_the_exponent_is_of_the_mean_resolution_at_each_frequency_as_the_protocol_says():
    diagonal = data.COUNTS["diagonal"]
    found = np.full((2, 13, 13), np.nan)
    for axis in (0, 1):
        pair = np.sqrt(1.0 * diagonal * np.roll(diagonal, -1, axis)) ** 0.5
        found[axis] = np.where(np.isfinite(claims.EDGE[axis]), pair, np.nan)
    assert np.isnan(measures.frequency_exponent(found, diagonal))  # frequent stimuli are only neighbours of rare ones
    assert measures.frequency_exponent(found, diagonal, jump=np.inf) == pytest.approx(0.5)
    rare = np.argwhere(found[0] == np.nanmin(found[0]))[:2]
    found[0][tuple(rare[0])] *= 0.5
    found[0][tuple(rare[1])] *= 1.5  # the mean stays, the mean log does not
    assert measures.frequency_exponent(found, diagonal, jump=np.inf) == pytest.approx(0.5)


def test_the_number_of_a_claim_stands_for_each_model_at_a_capacity_of_its_verdict_with_its_unit():
    rows = [("direction", "E2M1", c, s, e + s / 10) for c, e in ((3, -20), (6, 30), (10, 40)) for s in range(5)]
    rows += [("direction", "E2M3", c, 0, e) for c, e in ((1, 9), (3, 10))]
    table = pd.DataFrame(rows, columns=["claim", "model", "capacity", "seed", "effect"])
    table = table.assign(value=table.effect, control=0.0, limit=np.nan, share=np.nan)
    assert claims.number(table, "direction") == "E2M1 +30.2 ± 0.2 at 6 nats; E2M3 +10.0 at 3 nats, degrees"
    never = table[table.capacity == 3]  # at no capacity it holds: the smallest
    assert claims.number(never, "direction") == "E2M1 −19.8 ± 0.2, E2M3 +10.0 at 3 nats, degrees"
    assert claims.number(table, "theory") == claims.number(table[table.model == "none"], "direction") == "–"


def test_seeds_agree_if_they_order_distances_alike_whatever_their_latents():
    means, spreads = codes_of(EVEN, HALF)
    other = means[:, ::-1] * [2, 2], spreads * 4  # exchanged and stretched
    found = claims.seed_agreement({("E1M1", 1, 0): (means, spreads), ("E1M1", 1, 1): other, ("E1M2", 1, 0): other})
    assert list(found.index) == [("E1M1", 1)] and np.allclose(found, 1)
    apart = claims.seed_agreement({("E1M1", 1, 0): (means, spreads), ("E1M1", 1, 1): codes_of(HALF, EVEN)})
    assert apart.loc[("E1M1", 1), ("resolutions", "median")] < 0.5


def test_where_the_limit_tells_all_apart_there_is_no_pattern_to_agree_with():
    assert np.isnan(claims.agreement(claims.EDGE, np.full((2, 13, 13), np.inf)))
    assert np.isnan(claims.unevenness(np.full((2, 13, 13), np.inf)))


def test_every_released_network_has_the_numbers_of_its_claims():
    table = claims.released()
    assert claims.SEEN in results.results().seed.values and claims.SEEN not in table.seed.values
    one = table[table.seed == 1]
    assert set(one.claim) == {*claims.ROWS, *claims.SECOND.values(), "specialization falls"}
    assert set(one[one.claim == "theory"].capacity) == {0.3, 1, 3}  # beyond 5.13 nats the limit tells all apart
