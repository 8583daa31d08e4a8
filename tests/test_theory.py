"""The rate-distortion limit: what must hold for any source, and the values known for the paper's sets."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import entr

from geomlib.data import COUNTS, PROFILE
from geomlib.theory import codes, ends, gather, ignores, prototypes, rate_distortion, source, with_pixels

RNG = np.random.default_rng(0)
TABLES = {
    "uniform": COUNTS["uniform"],
    "bottom": COUNTS["bottom"],
    "diagonal": COUNTS["diagonal"],
    "random with empty pairs": RNG.integers(0, 5, (13, 13)) * RNG.integers(0, 9, (13, 1)),
    "two pairs": np.eye(1, 169, 5, dtype=int).reshape(13, 13) * 3 + np.eye(1, 169, 160, dtype=int).reshape(13, 13),
}
NEAREST = 6 * ((PROFILE[0] - PROFILE[1]) ** 2).sum() / 169  # distortion of taking the first position for the second


@pytest.fixture(scope="module", params=TABLES)
def table(request):
    return TABLES[request.param]


@pytest.fixture(scope="module")
def curve(table):
    return rate_distortion(table)


def test_uniform_passes_the_known_points():
    rates, distortions = rate_distortion("uniform")
    known = [0.1553, 0.1446, 0.1219, 0.0738, 0.0546]
    np.testing.assert_allclose(np.interp([0, 0.3, 1, 3, 6], rates, distortions), known, atol=2e-4)
    assert rates[-1] == pytest.approx(np.log(169), abs=1e-3)
    assert distortions[-1] == pytest.approx(0.05465, abs=5e-5)


def test_bottom_passes_the_known_points():
    rates, distortions = rate_distortion("bottom")
    np.testing.assert_allclose(np.interp([0.3, 1, 3], rates, distortions), [0.1356, 0.1134, 0.0694], atol=2e-4)
    assert distortions[-1] == pytest.approx(0.0549, abs=1e-4)


def test_distortion_falls_with_rate_and_ever_more_slowly(curve):
    rates, distortions = curve
    assert (np.diff(rates) > 0).all() and (np.diff(distortions) < 0).all()
    assert (np.diff(np.diff(distortions) / np.diff(rates)) > 0).all()


def test_the_curve_goes_from_the_variance_of_the_pixels_to_the_entropy_of_the_pairs(table, curve):
    rates, distortions = curve
    p = table / table.sum()
    upper, lower = p.sum(1), p.sum(0)
    open_ = np.r_[np.repeat([upper @ PROFILE], 6, 0), np.ones((1, 13)), np.repeat([lower @ PROFILE], 6, 0)]
    noise = PROFILE * (1 - PROFILE)
    floor = np.r_[np.repeat([upper @ noise], 6, 0), np.zeros((1, 13)), np.repeat([lower @ noise], 6, 0)]
    assert rates[0] == 0 and distortions[0] == pytest.approx((open_ * (1 - open_)).mean())
    assert rates[-1] == pytest.approx(-(p[p > 0] * np.log(p[p > 0])).sum())
    assert distortions[-1] == pytest.approx(floor.mean())


def test_one_pair_needs_no_rate():
    table = np.zeros((13, 13), int)
    table[3, 9] = 40
    rates, distortions = rate_distortion(table)
    noise = (PROFILE[[3, 9]] * (1 - PROFILE[[3, 9]])).sum() * 6 / 169
    np.testing.assert_allclose(rates, 0, atol=1e-12)
    np.testing.assert_allclose(distortions, noise)


def test_only_the_shares_of_the_pairs_matter():
    table = TABLES["random with empty pairs"]
    np.testing.assert_allclose(rate_distortion(table * 7), rate_distortion(table), atol=1e-12)


def test_mirrored_and_exchanged_corridors_have_the_same_limit():
    table, rates = TABLES["random with empty pairs"], np.linspace(0, 4, 50)
    ours, mirrored = (np.interp(rates, *rate_distortion(t)) for t in (table, table[::-1, ::-1].T))
    np.testing.assert_allclose(ours, mirrored, atol=2e-5)


def test_independent_corridors_share_the_rate_at_a_common_slope():
    """For a product of two marginals the limit is that of each corridor alone, their codes taken at equal slopes."""
    upper, lower = np.arange(1, 14), np.r_[np.full(7, 8), np.ones(6, int)]
    one = np.eye(1, 13, dtype=int)
    tables = np.outer(upper, lower), np.outer(upper, one), np.outer(one, lower)
    costs = [{c.slope: c.rate + c.slope * c.distortion for c in codes(*source(t)[:2])} for t in tables]
    slopes = set.intersection(*map(set, costs))
    assert len(slopes) > 50
    for slope in slopes:
        both, first, second = (cost[slope] for cost in costs)
        assert both == pytest.approx(first + second, abs=1e-3)  # nats, of up to 5


def test_two_positions_told_apart_with_all_rate_and_confused_with_none():
    """Two equally frequent means at squared distance d: rate ln 2 - H(e), distortion d e (1 - e), at flip rate e."""
    table = np.zeros((13, 13), int)
    table[:2, 0] = 1
    rates, distortions = rate_distortion(table)
    floor = distortions[-1]
    e = np.linspace(0.001, 0.499, 60)
    exact = np.log(2) + e * np.log(e) + (1 - e) * np.log(1 - e)
    np.testing.assert_allclose(np.interp(exact, rates, distortions), floor + NEAREST * e * (1 - e), atol=2e-5)


def test_no_further_reproduction_would_improve_a_code(table):
    """The condition of optimality: sum_s p(s) exp(-slope d(s, y)) / Z(s) <= 1 for every y, found here by mean shift.

    ln of its largest value bounds how far rate + slope * distortion lies above the limit.
    """
    means, probability, _ = source(table)
    x = means.reshape(len(means), 26) * 6**0.5
    worst = 0
    for code in list(codes(means, probability))[::20]:
        y = code.reproductions.reshape(-1, 26) * 6**0.5
        share = code.assignment @ probability
        log_z = np.log(share @ np.exp(-code.slope * ((y[:, None] - x) ** 2).sum(2)))
        candidate = np.r_[x, RNG.dirichlet(np.full(len(x), 0.05), 50) @ x]
        for _ in range(50):
            weight = probability * np.exp(-code.slope * ((candidate[:, None] - x) ** 2).sum(2) - log_z)
            candidate = weight @ x / weight.sum(1, keepdims=True)
        worst = max(worst, np.log(weight.sum(1).max()) / code.slope / 169)
    assert worst < 1e-4  # mean squared error per pixel


def test_a_code_is_a_probability_and_its_reproductions_are_means():
    means, probability, _ = source("diagonal")
    code = list(codes(means, probability))[80]
    np.testing.assert_allclose(code.assignment.sum(0), 1, atol=1e-9)
    joint = code.assignment * probability
    expected = np.einsum("rs,scp->rcp", joint, means) / joint.sum(1)[:, None, None]
    np.testing.assert_allclose(code.reproductions, expected, atol=1e-9)
    squares = ((code.reproductions[:, None] - means) ** 2).sum((2, 3)) * 6
    assert code.distortion == pytest.approx((joint * squares).sum())


def test_bad_counts_are_refused():
    for counts, message in ((np.ones((13, 12)), "shape"), (-np.ones((13, 13)), ">= 0"), ("centre", "uniform")):
        with pytest.raises(ValueError, match=message):
            rate_distortion(counts)
    with pytest.raises(ValueError, match=r"labels must have shape \(169,\).*got \(168,\)"):
        rate_distortion("uniform", np.zeros(168, int))


ORDER = np.triu(np.ones((13, 13), int)).ravel()  # x_uc <= x_lc


def test_with_labels_the_limit_lies_above_and_comes_down_to_the_limit_without():
    rates, losses = rate_distortion("uniform", ORDER)
    plain = np.interp(rates, *rate_distortion("uniform"))
    share = COUNTS["uniform"].ravel()[ORDER == 1].sum() / COUNTS["uniform"].sum()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert losses[0] == pytest.approx(plain[0] + entropy) and losses[-1] == pytest.approx(plain[-1])
    assert (losses[:-1] > plain[:-1] - 1e-6).all()
    assert np.interp(0.3, rates, losses) < losses[0] - 0.3  # each nat tells a nat of the class, and some of the image


def test_a_code_of_images_and_classes_makes_their_sum_least():
    means, probability, _ = source(TABLES["two pairs"])
    first, *_, last = codes(means, probability, np.array([0, 1]))
    entropy = -probability @ np.log(probability)
    assert first.cross_entropy == pytest.approx(0, abs=1e-9) and last.cross_entropy == pytest.approx(entropy, abs=1e-3)
    assert all(code.cross_entropy == 0 for code in codes(means, probability, np.array([0, 0])))


def test_prototypes_are_the_pairs_at_first_and_the_mean_image_at_last():
    means, probability, _ = source("bottom")
    first, *between, last = codes(means, probability)
    found, shares = prototypes(first, means, probability)
    assert len(found) == 169 and shares == pytest.approx(np.sort(probability)[::-1], abs=1e-3)
    found, shares = prototypes(last, means, probability)
    assert len(found) == 1 and found[0] == pytest.approx(np.tensordot(probability, means, 1))
    for code in between[::40]:
        found, shares = prototypes(code, means, probability)
        assert shares.sum() == pytest.approx(1) and (np.diff(shares) <= 0).all()
        assert np.tensordot(shares, found, 1) == pytest.approx(np.tensordot(probability, means, 1), abs=1e-6)


def test_prototypes_of_equal_pairs_are_few_for_each_corridor_and_fewer_as_the_rate_falls():
    means, probability, _ = source(np.ones((13, 13)))
    some = [code for code in codes(means, probability) if 0.25 < code.rate < 1.1]
    numbers = [len(prototypes(code, means, probability)[0]) for code in some]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] <= 25 and numbers[-2:] == [9, 9]


def test_the_limit_runs_from_the_mean_image_to_the_floor(table, curve):
    assert (curve[1][0], curve[1][-1]) == pytest.approx(ends(table))


def test_a_network_that_ignores_its_images_has_the_loss_of_the_mean_image():
    nothing, floor = ends("uniform")
    loss = [nothing, 1.01 * nothing, 0.98 * nothing, floor, np.nan]
    assert ignores(loss, "uniform").tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("seed", [None, 0])
def test_images_of_the_prototypes_gather_at_the_prototypes(seed):
    best, share = PROFILE[[[0, 6], [6, 12], [12, 0]]], np.array([0.5, 0.3, 0.2])
    drawn = 1 - np.repeat(np.insert(best, 1, 1, 1), [6, 1, 6], 1)  # (3, 13, 13)
    images = np.repeat(drawn, [50, 30, 20], 0)[RNG.permutation(100), None] + RNG.normal(0, 1e-3, (100, 1, 13, 13))
    centres, sizes, distance = gather(images, best, share, seed)
    assert centres == pytest.approx(best, abs=1e-2) and sizes == pytest.approx(share)
    assert distance == pytest.approx(0, abs=1e-6)


def test_pixels_are_told_from_the_floor_on_until_nothing_is_left_to_tell(table, curve):
    rates, distortions = with_pixels(table)
    assert (rates[0], distortions[0]) == pytest.approx((curve[0][-1], curve[1][-1]))
    assert (np.diff(rates) > 0).all() and (np.diff(distortions) < 0).all()
    assert (np.diff(np.diff(distortions) / np.diff(rates)) > 0).all()
    means, probability, _ = source(table)
    p = np.clip(means, 1e-300, 1 - 1e-16)
    noise = -(p * np.log(p) + (1 - p) * np.log1p(-p)).sum((1, 2)) @ probability * 6
    assert (rates[-1], distortions[-1]) == pytest.approx((curve[0][-1] + noise, 0), abs=1e-6)


def test_no_code_of_the_pixels_beats_the_curve_of_pixels():
    """A code leaves a pixel open with probability y, p on average: the best distribution of y is a linear programme."""
    table = np.zeros((13, 13), int)
    table[4, 9] = 1
    rates, distortions = with_pixels(table)
    y = np.linspace(0, 1, 2001)
    for slope in (2.3, 3, 5, 10):  # nats for a unit of squared error
        best = 0
        for p in source(table)[0].ravel():
            gain = entr(p) + entr(1 - p) - entr(y) - entr(1 - y) + slope * y * (1 - y)
            best += 6 * linprog(gain, A_eq=[np.ones(2001), y], b_eq=[1, p]).fun
        assert (rates + slope * 169 * distortions).min() == pytest.approx(best, abs=0.01)
