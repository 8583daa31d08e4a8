"""The laws beyond the paper: their worlds, the resolution that a price allows, their networks."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch

import geomlib as g
from geomlib import gaussian, laws, objective, paper, results, settings, theory
from geomlib.data import SIDE, WORLDS

FLAT = np.full((SIDE, SIDE), 10)


def test_in_rings_all_positions_have_one_resolution():
    for at in 1, 3:
        across, along = theory.limit_resolution(FLAT, at, world="rings")
        assert across[:-1] == pytest.approx(np.full((12, 13), across[0, 0]), rel=0.02)
        assert along[:, :-1] == pytest.approx(np.full((13, 12), along[0, 0]), rel=0.02)
    fine = theory.price_resolution(0.01, "rings")
    assert np.nanstd(fine) < 1e-9 < np.nanstd(theory.price_resolution(0.01, "corridors"))


def test_the_limit_of_factors_that_share_no_pixel_is_the_sum_of_theirs():
    """At one slope, each factor's code has half of the rate, and half of the error that is left to explain."""
    one = WORLDS["corridors"].copy()
    one[:, :, 7:] = one[:, :1, 7:]  # the lower corridor stays where it is
    floor, floor_of_one = theory.ends(FLAT)[1], theory.ends(FLAT, one)[1]
    rates, errors = theory.rate_distortion(FLAT)
    half_rates, half_errors = theory.rate_distortion(FLAT, world=one)
    for rate in 0.3, 1, 3:
        both, half = np.interp(rate, rates, errors) - floor, np.interp(rate / 2, half_rates, half_errors) - floor_of_one
        assert both == pytest.approx(2 * half, rel=0.01)


def test_the_resolution_of_a_price_is_where_error_and_rate_balance():
    """The best noise on a straight code of pixels without noise, found by trying."""
    world, price = np.zeros((SIDE,) * 4), 0.02
    world[..., 0, 0] = np.linspace(0, 1, SIDE)[:, None]
    world[..., 0, 1] = (np.arange(SIDE) % 2)[None]  # a pixel that is surely open or wall has no noise
    deviations = np.geomspace(0.01, 100, 200_000)  # of the posterior, in steps of the lower factor
    delta = 1 / SIDE**2
    best = deviations[(delta * deviations**2 - price * np.log(deviations)).argmin()]
    assert theory.price_resolution(price, world)[1, 0, 0] == pytest.approx(1 / best, rel=1e-3)


def test_with_cross_entropy_the_resolution_of_a_price_is_where_it_and_the_rate_balance_and_the_noise_of_images_adds():
    """The best noise on a straight code, found by trying; two faint images are told apart by their Bhattacharyya
    distance."""
    apart, price = 1e-3, 1 / SIDE**2  # so that both noises are of one size
    row = 0.3 + apart * (np.arange(SIDE) - 6)
    world = np.broadcast_to(row[:, None, None], (SIDE,) * 4)
    deviations, where = np.geomspace(1, 70, 2000), np.linspace(-4, 4, 161)
    shifted = 0.3 + apart * deviations[:, None] * where
    lost = shifted * np.log(shifted / 0.3) + (1 - shifted) * np.log((1 - shifted) / 0.7)  # of each pixel
    lost = lost @ np.exp(-(where**2) / 2) / np.exp(-(where**2) / 2).sum()
    best = deviations[(lost - price * np.log(deviations)).argmin()]
    alike = np.sqrt(row[5] * row[6]) + np.sqrt((1 - row[5]) * (1 - row[6]))
    of_images = np.sqrt(-8 * SIDE**2 * np.log(alike))
    assert best * of_images == pytest.approx(1, abs=0.05)
    found = theory.price_resolution(price, world, "bernoulli")[1, 0, 5]
    assert found == pytest.approx(1 / np.hypot(best, 1 / of_images), rel=0.01)


@pytest.mark.parametrize("likelihood", theory.LIKELIHOODS)
def test_noise_of_the_images_limits_what_any_price_buys(likelihood):
    dear, cheap, free = (theory.price_resolution(price, likelihood=likelihood) for price in (1e-2, 1e-5, 1e-9))
    assert (dear < cheap)[np.isfinite(dear)].all() and np.nanmax(free) < 6
    with pytest.raises(ValueError, match="price must be a number > 0 .*, got 0"):
        theory.price_resolution(0)


def test_the_error_of_a_pixel_is_squared_or_its_cross_entropy():
    images, guess = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.25, 0.5]])
    spec = g.Spec(likelihood="bernoulli")
    assert objective.pixel_errors(guess, images, spec).exp()[0].tolist() == pytest.approx([4 / 3, 2.0])
    assert objective.pixel_errors(guess, images, g.Spec())[0].tolist() == pytest.approx([0.0625, 0.25])


def test_a_tasks_weight_multiplies_its_term():
    assert objective.task_weight_at(1, g.Spec(tasks=["order"], task_weight=0.1), "order") == 0.1


@pytest.mark.parametrize("changes", [{"likelihood": "bernoulli"}, {"latent_dim": 2}, {"world": "blob"}], ids=str)
def test_a_network_of_each_kind_of_setting_trains(tiny, changes):
    spec = g.change(tiny, **changes)
    run = g.fit([spec], "cpu")[0]
    images = torch.from_numpy(g.evaluate.load_data(spec).images[:50].copy())
    output = run.model(images, torch.zeros(50, spec.latent_dim))
    term = g.loss_terms(output, images, {}, 1, spec)["reconstruction"]
    assert 0 < term < (0.8 if "likelihood" in changes else 0.3) and run.model.latent_dim == spec.latent_dim


def test_a_laws_networks_are_trained_measured_and_found_by_their_setting(tmp_path):
    output = tmp_path / "worlds-full.csv"
    keys = [(name, 1, seed) for name in ("rings baseline", "rings E1M1") for seed in (0, 1)]
    short = {"steps": 5, "steps_per_epoch": 5, "counts": np.full((13, 13), 6)}
    trained = paper.train_all(keys, tmp_path, **short)
    assert {run.spec.world for run in trained} == {"rings"}
    found = results.table(keys, tmp_path, output, **short)
    assert list(found.model.unique()) == ["rings baseline", "rings E1M1"]
    codes = results.codes(output.with_suffix(".npz"))
    assert list(codes) == keys
    again = paper.run("E1M1", 1, 0, tmp_path, world="rings", **short)  # the same network by its fields
    np.testing.assert_allclose(codes["rings E1M1", 1, 0], results.stimulus_codes(again), rtol=1e-3, atol=1e-3)
    assert set(results.measured(("E1M1", 1, 0), tmp_path, world="rings", **short).model) == {"E1M1"}


def test_a_law_that_is_not_there_is_answered_with_those_that_are():
    known = "frequency, weight, worlds, networks, layers, film, gaussian"
    with pytest.raises(ValueError, match=f"law must be one of {known}, got 'gravity'"):
        laws.released("gravity")
    with pytest.raises(ValueError, match="scale of weight must be one of full, sketch, got 'long'"):
        laws.released("weight", "long")
    with pytest.raises(ValueError, match="law must be one of weight, worlds, networks, layers, got 'frequency'"):
        laws.effects("frequency", {}, pd.DataFrame())
    with pytest.raises(ValueError, match=r"plan frequency weight .* got 'ring baseline'; did you mean rings"):
        paper.spec("ring baseline", 1)


def test_a_field_that_a_setting_gives_itself_is_no_change(tmp_path):
    for name, field in (
        ("bernoulli E1M1", "likelihood"),
        ("rings baseline", "world"),
        ("weight 3 E2M2", "task_weight"),
        ("ramp", "counts"),
    ):
        for ask in paper.spec, paper.slug, lambda *key, **changes: results.measured(key, tmp_path, **changes):
            with pytest.raises(ValueError, match=f"^{field} = any can't be among the changes: the setting '{name}'"):
                ask(name, 1, 0, **{field: "any"})


def test_an_output_that_can_not_be_written_is_refused_before_anything_is_computed(tmp_path, monkeypatch):
    def never(*_, **__):
        pytest.fail("computed")

    for module, name in (laws, "fit"), (laws.gaussian, "best"), (results, "measured"):
        monkeypatch.setattr(module, name, never)
    (tmp_path / "folder.csv").mkdir()
    for output in tmp_path / "no" / "x.csv", str(tmp_path / "folder.csv"), "/proc/x.csv":  # the last: even by root
        for ask in (
            lambda: laws.film(output),
            lambda: laws.gaussians(output),
            lambda: results.table([("baseline", 3, 0)], output=output),
        ):
            with pytest.raises(ValueError, match=f"can't write {output} .*: choose a file in a folder that is there"):
                ask()


def test_codes_that_were_found_before_a_stop_are_not_found_again(tmp_path, monkeypatch):
    asked = []

    def best(counts, rate, **_):
        asked.append(rate)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return gaussian.Gaussian(np.full((169, 2), rate), np.ones((169, 2)), rate, 0.1, 0.01)

    monkeypatch.setattr(laws.gaussian, "best", best)
    monkeypatch.setattr(laws, "GAUSSIAN", {"baseline": ("baseline", {})})
    output = tmp_path / "x.csv"
    with joblib.parallel_config("sequential"):
        with pytest.raises(KeyboardInterrupt):
            laws.gaussians(output)
        codes, ours = laws.gaussians(output)
    assert asked == [0.3, 1, 1, 3] and list(codes) == [("baseline", c, 0) for c in (0.3, 1, 3)]
    assert ours.query("measure == 'rate'").value.tolist() == [0.3, 1, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv", "x.npz"]


def test_the_claims_are_asked_again_of_each_setting_with_its_own_world_and_names():
    codes, ours = laws.released("worlds")
    found = laws.effects("worlds", codes, ours)
    alone = {("E1M1", 0.3, s): codes["rings E1M1", 0.3, s] for s in range(5)}
    alone |= {("baseline", 0.3, s): codes["rings baseline", 0.3, s] for s in range(5)}
    rows = ours[ours.model == "rings E1M1"].assign(model="E1M1")
    again = g.claims.effects(alone, rows, world="rings").query("claim == 'specialization'").set_index("seed").effect
    rings = found.query("setting == 'rings' and claim == 'specialization' and capacity == 0.3").set_index("seed").effect
    assert again.to_dict() == rings.to_dict() and set(found.setting) == {"rings", "blob"}
    assert set(g.claims.verdicts(found).setting) == {"rings", "blob"}  # apart, though claims and models are the same


def test_some_networks_have_the_effects_that_they_have_among_all():
    codes, ours = laws.released("weight")
    light = {key: both for key, both in codes.items() if key[0].startswith("weight 0.1 ")}
    some = {key: both for key, both in light.items() if key[0].endswith("E2M2") and key[1] == 3}
    every, few = (laws.effects("weight", asked, ours, results.released("sketch")[0]) for asked in (light, some))
    own = every.query("model == 'E2M2' and capacity == 3").reset_index(drop=True)
    assert len(few) == 2 * len(some) == 10
    pd.testing.assert_frame_equal(few, own)


def test_long_networks_agree_with_a_verdict_where_their_effect_has_its_sign_and_theory_needs_both_controls():
    told = [
        ("specialization", 0.3, "holds", 0.1, True),
        ("specialization", 1, "holds", -0.1, False),
        ("specialization", 3, "does not hold", 0.04, True),
        ("specialization", 10, "open", 0.1, None),
        ("theory", 0.3, "holds", 0.2, False),
        ("theory beyond the edge", 0.3, "holds", -0.1, False),
        ("theory", 1, "holds", 0.2, None),
        ("theory beyond the edge", 1, "open", 0.2, None),
        ("theory", 3, "holds", -0.2, True),
        ("theory beyond the edge", 3, "does not hold", 0.2, True),
    ]
    rows = pd.DataFrame(told, columns=["claim", "capacity", "verdict", "effect", "agrees"])
    rows = rows.assign(setting="rings", model="E1M1")
    found = laws.again(rows.assign(effect=0.0), rows)
    wanted = rows[rows.agrees.notna() & (rows.claim != "theory beyond the edge")]
    assert (
        found[["claim", "capacity", "agrees"]].values.tolist()
        == wanted[["claim", "capacity", "agrees"]].values.tolist()
    )
    assert found.set_index(["claim", "capacity"]).long["theory", 0.3] == -0.1


def test_the_sets_of_frequencies_have_the_ratios_that_their_names_say():
    for name, table in settings.FREQUENCIES.items():
        ratio = {"ramp": 16, "bump": 8}.get(name) or int(name.split()[1])
        assert table.max() / table.min() == pytest.approx(ratio), name


def test_a_code_of_clusters_has_split_and_an_even_one_has_not():
    even, clustered = 3.0 * g.data.PAIRS, 9.0 * (g.data.PAIRS // 5) + 0.01 * g.data.PAIRS
    codes = {("baseline", 1.0, n): (means, np.ones((169, 2))) for n, means in enumerate((even, clustered))}
    ours = pd.DataFrame([(*key, "rate", 1.0) for key in codes], columns=g.paper.COLUMNS)
    one, other = laws.splits(codes, ours).itertuples()
    assert (one.clumps, other.clumps) == (169, 9) and one.unevenness < 1e-6 < 1 < other.unevenness
    assert one.best == other.best == pytest.approx(0.11, abs=0.01) and one.best_clumps == 1
    named = lambda name: laws.splits({(name, *key[1:]): both for key, both in codes.items()}, ours.assign(model=name))
    assert named("rings baseline").best.max() < 0.05
    assert set(named("E2M4").best_clumps) == {25}  # classes, at 1 nat


def test_a_film_has_a_frame_for_each_epoch_of_the_rise_and_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "film.csv"
    codes, ours = laws.film(file, counts=FLAT, steps=20, steps_per_epoch=5, seed=3)
    rings = [key for key in codes if key[0] == "rings baseline"]
    assert rings == [("rings baseline", 1.7678, 3), ("rings baseline", 5.0, 3)]  # C(t) at steps 5, 10
    assert len(codes) == len(ours) == 4 and (ours.measure == "rate").all() and (ours.value > 0).all()
    again = results.codes(file.with_suffix(".npz"))
    assert again.keys() == codes.keys()
    assert np.allclose(again["baseline", 5.0, 3], codes["baseline", 5.0, 3], rtol=2e-3, atol=1e-3)
