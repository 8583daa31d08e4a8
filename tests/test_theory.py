"""The rate-distortion limit: what must hold for any source, and the values known for the paper's sets."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.spatial.distance import cdist
from scipy.special import entr, xlogy

from geomlib import theory
from geomlib.claims import agreement
from geomlib.data import COUNTS, PROFILE, TASKS, world_table
from geomlib.measures import dprime_of, neighbours
from geomlib.objective import cross_entropy
from geomlib.theory import (
    Loss,
    codes,
    ends,
    gather,
    limit,
    limit_dprime,
    limit_resolution,
    price,
    prototypes,
    rate_distortion,
    scores,
    source,
    states_of,
    with_pixels,
)

RNG = np.random.default_rng(0)
TABLES = {
    "uniform": COUNTS["uniform"],
    "bottom": COUNTS["bottom"],
    "diagonal": COUNTS["diagonal"],
    "random with empty pairs": RNG.integers(0, 5, (13, 13)) * RNG.integers(0, 9, (13, 1)),
    "two pairs": np.eye(1, 169, 5, dtype=int).reshape(13, 13) * 3 + np.eye(1, 169, 160, dtype=int).reshape(13, 13),
}
RANDOM = np.random.default_rng(1).random((13,) * 4)  # a world of random probabilities
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
    assert rates[0] == pytest.approx(0, abs=1e-12) and distortions[0] == pytest.approx((open_ * (1 - open_)).mean())
    assert rates[-1] == pytest.approx(-(p[p > 0] * np.log(p[p > 0])).sum())
    assert distortions[-1] == pytest.approx(floor.mean())


def test_one_pair_needs_no_rate():
    table = np.zeros((13, 13), int)
    table[3, 9] = 40
    rates, distortions = rate_distortion(table)
    noise = (PROFILE[[3, 9]] * (1 - PROFILE[[3, 9]])).sum() * 6 / 169
    np.testing.assert_allclose(rates, 0, atol=1e-12)
    np.testing.assert_allclose(distortions, noise)


def pixel(*walls):
    """Equally frequent states in a world of one pixel, open elsewhere: counts and P(wall)."""
    table, world = np.zeros((13, 13), int), np.zeros((13,) * 4)
    table[0, : len(walls)], world[0, : len(walls), 6, 6] = 1, walls
    return table, world


def test_of_a_pixel_that_is_known_each_nat_saves_a_nat_of_its_cross_entropy():
    table, world = pixel(0, 1, 0, 1)
    rates, losses = rate_distortion(table, world=world, likelihood="bernoulli")
    assert rates[-1] == pytest.approx(np.log(2), abs=1e-6)
    np.testing.assert_allclose(169 * losses, np.log(2) - rates, atol=1e-6)


def test_two_probabilities_of_a_pixel_are_confused_as_often_as_the_rate_leaves_open():
    """Rate ln 2 - H(e) and cross entropy H(y), y the probability of wall behind a symbol, at flip rate e."""
    table, world = pixel(0.1, 0.9)
    rates, losses = rate_distortion(table, world=world, likelihood="bernoulli")
    e = np.linspace(0.01, 0.499, 60)
    h = lambda p: entr(p) + entr(1 - p)
    np.testing.assert_allclose(np.interp(np.log(2) - h(e), rates, 169 * losses), h(0.1 + 0.8 * e), atol=2e-4)
    assert ends(table, world, "bernoulli") == pytest.approx((np.log(2) / 169, h(0.1) / 169))


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
    costs = []
    for means, probability, floor in map(source, tables):
        found = codes(states_of(means, probability))
        costs.append({c.slope: c.rate + c.slope * 169 * (c.loss - floor) for c in found})
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


def squares(x, y):
    return cdist(y, x, "sqeuclidean")


def relative_entropy(x, y):
    return sum(xlogy(p, p).sum(1) - np.log(np.maximum(q, 1e-12)) @ p.T for p, q in ((x, y), (1 - x, 1 - y)))


@pytest.mark.parametrize("likelihood, apart", [("gaussian", squares), ("bernoulli", relative_entropy)])
def test_no_further_reproduction_would_improve_a_code(table, likelihood, apart):
    """The condition of optimality: sum_s p(s) exp(-slope d(s, y)) / Z(s) <= 1 for every y, found here by mean shift.

    ln of its largest value bounds how far rate + slope * distortion lies above the limit.
    """
    means, probability, _ = source(table)
    x = means.reshape(len(means), -1)[:, [*range(13), *range(7 * 13, 8 * 13)]]  # six rows of a corridor are equal
    worst = 0
    for code in limit(table, likelihood=likelihood)[1:-1:25]:  # without those that tell nothing, or all states apart
        y = (code.assignment * probability) @ x / (code.assignment @ probability)[:, None]
        share = code.assignment @ probability
        log_z = np.log(share @ np.exp(-code.slope * 6 * apart(x, y)))
        candidate = np.r_[x, RNG.dirichlet(np.full(len(x), 0.05), 50) @ x]
        for _ in range(50):
            weight = probability * np.exp(-code.slope * 6 * apart(x, candidate) - log_z)
            candidate = weight @ x / weight.sum(1, keepdims=True)
        worst = max(worst, np.log(weight.sum(1).max()) / code.slope / 169)
    assert worst < 1e-4  # mean squared error per pixel


def test_of_many_classes_no_answer_has_a_lower_loss_than_the_one_that_is_scored():
    """The networks' loss is convex in the answer: where no step towards a sure one lowers it, none is better."""
    classes = np.arange(5)
    states = states_of(np.zeros((5, 13, 13)), np.full(5, 1 / 5), classes)
    p = np.concatenate([*(RNG.dirichlet(np.full(5, spread), 300) for spread in (0.02, 0.2, 1, 50)), np.eye(5)])
    found = scores(p, states)
    answer = found + (1 - found.sum(1, keepdims=True)) / 5
    np.testing.assert_allclose(answer.sum(1), 1)
    assert answer.min() > -1e-8
    slope = np.exp(found) - p
    assert (slope - (slope * answer).sum(1, keepdims=True)).min() > -1e-8
    for truth in classes:
        twice = cross_entropy(torch.from_numpy(answer), torch.full((len(p),), truth), softmax_twice=True)
        assert -found[:, truth].mean() == pytest.approx(twice.item())
    np.testing.assert_allclose(-np.diag(found[-5:]), np.log(np.e + 4) - 1)
    np.testing.assert_allclose(scores(p, states._replace(loss=Loss(softmax_twice=False)))[-5:].max(1), 0)
    two = states_of(np.zeros((2, 13, 13)), np.full(2, 1 / 2), classes[:2])
    np.testing.assert_allclose(np.exp(scores(p[:, :2], two)), np.maximum(p[:, :2], 1e-300))


def test_no_further_reproduction_would_improve_a_code_of_regions():
    """The condition of optimality, as above, for codes of image and class together."""
    labels = TASKS["region"].table
    means, probability, _ = source("uniform")
    states = states_of(means, probability, labels.ravel())
    x, known = states.known[:, :-26], states.known[:, :-1]

    def cost(y):
        return cdist(y[:, :-25], x, "sqeuclidean") - 169 * scores(y[:, -25:], states)[:, labels.ravel()]

    found = limit("uniform", labels)
    for code in [min(found, key=lambda code: abs(code.rate - rate)) for rate in (2, 3, 4)]:
        share = code.assignment @ probability
        y = (code.assignment * probability) @ known / share[:, None]
        log_z = np.log(share @ np.exp(-code.slope * cost(y)))
        candidate = np.r_[known, RNG.dirichlet(np.full(len(x), 0.05), 50) @ known]
        for _ in range(50):
            weight = probability * np.exp(-code.slope * cost(candidate) - log_z)
            candidate = weight @ known / weight.sum(1, keepdims=True)
        assert np.log(weight.sum(1).max()) / code.slope / 169 < 1e-5  # of the loss


def test_a_faint_world_has_the_limit_of_a_clear_one_on_a_smaller_scale():
    clear = world_table("corridors")
    (rates, losses), (same, faint) = (
        rate_distortion("diagonal"),
        rate_distortion("diagonal", world=0.5 + 0.05 * (clear - 0.5)),
    )
    at = np.linspace(0, rates[-1], 50)
    excess, small = np.interp(at, rates, losses - losses[-1]), np.interp(at, same, faint - faint[-1])
    np.testing.assert_allclose(small / 0.05**2, excess, atol=2e-4)


def test_a_code_is_a_probability_and_its_loss_that_of_reproductions_that_are_means():
    means, probability, floor = source("diagonal")
    code = limit("diagonal")[40]
    np.testing.assert_allclose(code.assignment.sum(0), 1, atol=1e-9)
    joint = code.assignment * probability
    reproductions = np.tensordot(joint, means, 1) / joint.sum(1)[:, None, None]
    squares = ((reproductions[:, None] - means) ** 2).mean((2, 3))
    assert code.loss - floor == pytest.approx((joint * squares).sum())


def test_bad_counts_labels_and_rates_are_refused():
    for counts, message in ((np.ones((13, 12)), "shape"), (-np.ones((13, 13)), ">= 0"), ("centre", "uniform")):
        with pytest.raises(ValueError, match=message):
            rate_distortion(counts)
    with pytest.raises(ValueError, match=r"labels must have shape \(13, 13\).*got \(168,\)"):
        rate_distortion("uniform", np.zeros(168, int))
    with pytest.raises(ValueError, match=r"labels must have shape .*, or \(T, 13, 13\), got \(13, 13, 2\)"):
        rate_distortion("uniform", np.zeros((13, 13, 2), int))
    for label in 0.5, -1, np.nan, 169:
        with pytest.raises(ValueError, match=f"labels must be whole numbers in 0..168, got {label}"):
            rate_distortion("uniform", np.where(np.eye(13), label, 0))
    for ask in limit_dprime, limit_resolution, price:
        for rate in np.nan, -3:
            with pytest.raises(ValueError, match=f"rate must be a number >= 0 .nats., got {rate}"):
                ask("uniform", rate)


def test_the_loss_counts_the_classes_that_are_never_shown_as_a_networks_does():
    counts = np.zeros((13, 13), int)
    counts[::3, ::3] = 10
    labels = np.where(np.arange(169).reshape(13, 13) == 1, 2, np.triu(np.ones((13, 13), int)))  # class 2: not shown
    assert not (labels[counts > 0] == 2).any()
    three = rate_distortion(counts, np.where(labels == 1, 2, 0))  # of these one is never shown, too
    np.testing.assert_allclose(rate_distortion(counts, labels)[1], three[1], atol=1e-6)
    assert rate_distortion(counts, labels)[1].min() > rate_distortion(counts, labels % 2)[1].min() + 0.5


def test_beyond_the_end_of_the_limit_a_nat_is_worth_nothing():
    assert price("uniform", 100) == price("uniform", np.inf) == 0 < price("uniform", 5)


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
    means, probability, floor = source(TABLES["two pairs"])
    first, *_, last = codes(states_of(means, probability, np.array([0, 1])))
    entropy = -probability @ np.log(probability)
    assert first.loss == pytest.approx(floor, abs=1e-9)
    assert last.loss == pytest.approx(ends(TABLES["two pairs"])[0] + entropy, abs=1e-3)
    one, none = (codes(states_of(means, probability, labels)) for labels in (np.array([0, 0]), None))
    assert [code.loss for code in one] == [code.loss for code in none]


def test_prototypes_are_the_pairs_at_first_and_the_mean_image_at_last():
    means, probability, _ = source("bottom")
    last, *between, first = limit("bottom")
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
    found = limit(np.ones((13, 13)))
    nearest = [min(found, key=lambda code: abs(code.rate - rate)) for rate in (0.3, 1, 2.1)]
    assert [len(prototypes(code, means, probability)[0]) for code in nearest] == [9, 25, 49]


def test_the_limit_runs_from_the_mean_image_to_the_floor(table, curve):
    assert (curve[1][0], curve[1][-1]) == pytest.approx(ends(table))


def test_images_of_the_prototypes_gather_at_the_prototypes():
    best, share = world_table()[[0, 6, 12], [6, 12, 0]], np.array([0.5, 0.3, 0.2])
    images = np.repeat(best, [50, 30, 20], 0)[RNG.permutation(100), None] + RNG.normal(0, 1e-3, (100, 1, 13, 13))
    centres, sizes, distance = gather(images, best, share)
    assert centres == pytest.approx(best, abs=1e-2) and sizes == pytest.approx(share)
    assert distance == pytest.approx(0, abs=1e-6)


def test_pixels_are_told_from_the_floor_on_until_nothing_is_left_to_tell(table, curve):
    rates, distortions = with_pixels(table)
    assert (rates[0], distortions[0]) == pytest.approx((curve[0][-1], curve[1][-1]))
    assert (np.diff(rates) > 0).all() and (np.diff(distortions) < 0).all()
    assert (np.diff(np.diff(distortions) / np.diff(rates)) > 0).all()
    means, probability, _ = source(table)
    p = np.clip(means, 1e-300, 1 - 1e-16)
    noise = -(p * np.log(p) + (1 - p) * np.log1p(-p)).sum((1, 2)) @ probability
    assert (rates[-1], distortions[-1]) == pytest.approx((curve[0][-1] + noise, 0), abs=1e-6)


def test_no_code_of_the_pixels_beats_the_curve_of_pixels():
    """A code leaves a pixel open with probability y, p on average: the best distribution of y is a linear programme."""
    table = np.zeros((13, 13), int)
    table[4, 9] = 1
    rates, distortions = with_pixels(table)
    y = np.linspace(0, 1, 2001)
    for slope in (2.3, 3, 5, 10):  # nats for a unit of squared error
        best = 0
        for p, times in zip(*np.unique(source(table)[0], return_counts=True)):
            gain = entr(p) + entr(1 - p) - entr(y) - entr(1 - y) + slope * y * (1 - y)
            best += times * linprog(gain, A_eq=[np.ones(2001), y], b_eq=[1, p]).fun
        assert (rates + slope * 169 * distortions).min() == pytest.approx(best, abs=0.01)


# any world, price, resolution


def entropy(counts):
    return entr(counts / counts.sum()).sum()


@pytest.mark.parametrize("counts", ["uniform", TABLES["random with empty pairs"]], ids=["uniform", "empty pairs"])
def test_a_world_of_random_probabilities_has_a_limit(counts):
    rates, distortions = rate_distortion(counts, world=RANDOM)
    assert (np.diff(rates) > 0).all() and (np.diff(distortions) < 0).all()
    assert (np.diff(np.diff(distortions) / np.diff(rates)) > -1e-9).all()
    p = COUNTS["uniform"] if isinstance(counts, str) else counts
    assert rates[0] == pytest.approx(0, abs=1e-12) and rates[-1] == pytest.approx(entropy(p))
    assert (distortions[0], distortions[-1]) == pytest.approx(ends(counts, RANDOM))
    mean = np.tensordot(p / p.sum(), RANDOM, 2)
    assert distortions[0] == pytest.approx((mean * (1 - mean)).mean())
    more, less = with_pixels(counts, RANDOM)
    assert (more[0], less[0], less[-1]) == pytest.approx((rates[-1], distortions[-1], 0), abs=1e-6)
    means, probability, _ = source(counts, RANDOM)
    found, shares = prototypes(limit(counts, world=RANDOM)[0], means, probability)
    assert len(found) == 1 and found[0] == pytest.approx(mean) and shares == pytest.approx(1)


def test_the_price_is_the_slope_of_the_limit():
    assert [price("uniform", rate) for rate in (0.3, 1, 3, 4.9)] == pytest.approx(
        [0.0345, 0.0305, 0.0164, 0.0047], 0.03
    )
    rates, losses = rate_distortion("uniform")
    prices = [price("uniform", rate) for rate in np.linspace(0, 6, 50)]
    assert (np.diff(prices) <= 0).all() and prices[-1] < 1e-6
    between = np.linspace(0.5, 4.5, 101)
    paid = np.trapezoid([price("uniform", rate) for rate in between], between)
    assert paid == pytest.approx(np.subtract(*np.interp([0.5, 4.5], rates, losses)), rel=2e-3)


def test_a_nat_saves_a_nat_of_cross_entropy_and_some_error_until_the_class_is_told():
    plain = price("uniform", 0.3)
    assert 1 < price("uniform", 0.3, TASKS["order"].table) < 1 + plain
    assert price("uniform", 0.9, TASKS["order"].table) < 1.5 * plain
    four = np.stack([TASKS[task].table for task in ("region", "aligned", "order", "quadrant")])
    assert price("uniform", 0.3, four, softmax_twice=False) > 2  # told of several classes at once
    assert 1.5 < price("uniform", 0.3, four) < 2  # less for classes that can't be told for certain
    assert rate_distortion("uniform", four)[1][0] > 4


def test_a_task_of_little_weight_changes_the_best_code_little_and_one_of_more_makes_a_nat_worth_more():
    labels, plain = TASKS["order"].table, limit_resolution("uniform", 2)
    light = limit_resolution("uniform", 2, labels, weight=1e-6)
    assert agreement(light, plain) > 0.999
    prices = [price("uniform", 0.3, labels, weight=weight) for weight in (0.3, 1, 3)]
    assert np.diff(prices) == pytest.approx([0.7, 2], abs=1e-3)  # of the first nats, each saves one of the class
    for weight in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"weight must be a finite number > 0, got {weight}"):
            price("uniform", 0.3, labels, weight=weight)


@pytest.mark.parametrize("weight", [0.3, 1, 10])
def test_below_the_entropy_of_two_classes_the_best_code_tells_the_class_alone_by_a_flip(weight):
    """Two equally frequent classes: rate ln 2 - h(e) at flip rate e, cross entropy h(e), no symbol shared at e = 0."""
    counts, labels = np.ones((13, 13)), 1 * (np.indices((13, 13))[0] >= 6)
    counts[12] = 0
    for e in (0.05, 0.2, 0.4):
        rate = np.log(2) - entr(e) - entr(1 - e)
        step = np.diff([PROFILE[:6].mean(0), PROFILE[6:12].mean(0)], axis=0)  # of the two classes' mean images
        seen = (0.5 - e) ** 2 * (step**2).sum() * 6 / 169  # squared error that is saved
        loss = ends(counts)[0] - seen + weight * (entr(e) + entr(1 - e))
        told = rate_distortion(counts, labels, weight=weight)
        assert np.interp(rate, *told) == pytest.approx(loss, rel=1e-4, abs=2e-4)
        found = limit_resolution(counts, rate, labels, weight=weight)
        np.testing.assert_allclose(found[0, 5], np.sqrt(-8 * np.log(2 * np.sqrt(e * (1 - e)))), rtol=0.02)
        np.testing.assert_allclose(found[1, :12, :12], 0, atol=1e-6)
        np.testing.assert_allclose(found[0, :5], 0, atol=1e-6)
        assert np.isnan(found[:, 12]).all() and np.isnan(found[0, 11]).all()


def test_gaussian_codes_of_one_covariance_have_the_dprime_of_the_measures():
    means, z = np.array([[-1.0], [0.2], [1.5]]), np.linspace(-9, 9, 4001)
    assignment = np.exp(-((z[:, None] - means.T) ** 2) / 2 / 0.25)
    root = np.sqrt(assignment / assignment.sum(0))
    found = theory._dprime(root.T @ root)
    np.testing.assert_allclose(found, dprime_of(means, np.full((3, 1), 0.25)), rtol=1e-3, atol=1e-4)


def test_the_limit_resolves_nothing_without_rate_and_everything_at_the_entropy():
    nothing, all_apart = (limit_dprime("uniform", rate) for rate in (0, 5.2))
    np.testing.assert_allclose(nothing, 0, atol=1e-6)
    assert np.isinf(all_apart[~np.eye(169, dtype=bool)]).all() and np.allclose(np.diag(all_apart), 0, atol=1e-6)
    mean = [np.nanmean(limit_resolution("uniform", rate)) for rate in (0.1, 0.3, 1, 2, 3, 4, 4.9)]
    assert (np.diff(mean) > 0).all() and mean[1] == pytest.approx(0.2, abs=0.01)


def test_the_limits_resolution_is_that_of_its_neighbours():
    found = limit_dprime("diagonal", 1)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(limit_resolution("diagonal", 1), neighbours(found), rtol=1e-12)
    assert limit("diagonal") is limit(COUNTS["diagonal"])  # computed once


def test_stimuli_with_one_image_are_merged_at_any_rate_and_without_any_are_nan():
    world, counts = RANDOM.copy(), np.ones((13, 13), int)
    world[3, 4] = world[3, 5]
    counts[7, 7] = 0
    for rate in (0.5, 3, 6):
        found = limit_dprime(counts, rate, world=world)
        here, gone = 13 * 3 + 4, 13 * 7 + 7
        assert found[here, here + 1] == pytest.approx(0, abs=1e-5) and found[here, here + 2] > 0.1
        assert np.isnan(found[gone]).all() and np.isnan(found[:, gone]).all() and np.isnan(found).sum() == 2 * 169 - 1


def test_other_names_for_the_states_change_the_limit_in_nothing_else():
    order = RNG.permutation(169)
    counts = RNG.integers(1, 9, 169)
    table = lambda x: x.reshape(13, 13)
    named = RANDOM.reshape(169, 13, 13)[order].reshape(RANDOM.shape)
    for rate in (0.5, 4):
        plain = limit_dprime(table(counts), rate, world=RANDOM)
        found = limit_dprime(table(counts[order]), rate, world=named)
        np.testing.assert_allclose(found, plain[np.ix_(order, order)], rtol=1e-3, atol=1e-3)
