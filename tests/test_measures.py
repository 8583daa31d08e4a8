"""Measures of geometry and scores: what must not change them, and slow oracles of the fast forms."""

import warnings

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from sklearn.metrics import f1_score

from geomlib import measures as m
from geomlib import paper
from geomlib.data import PAIRS, TASKS

RNG = np.random.default_rng(0)
N, D = 60, 5
CODES, REFERENCE = RNG.normal(size=(2, N, D))
LABELS = RNG.permutation(np.r_[:4, RNG.integers(0, 4, N - 4)])
ROTATION = np.linalg.qr(RNG.normal(size=(D, D)))[0]
MATRICES = pytest.mark.parametrize("matrix", [m.distortion, m.distortion_robust])
UNIFORM = RNG.integers(0, 13, (15_000, 2))  # positions of a validation part


# distortion


def test_distortion_is_four_nested_loops():
    k = LABELS.max() + 1
    ratio = np.ones((N, N))
    for i in range(N):
        for j in range(N):
            reference = np.sqrt(((REFERENCE[i] - REFERENCE[j]) ** 2).sum())
            if reference > 0:
                ratio[i, j] = np.sqrt(((CODES[i] - CODES[j]) ** 2).sum()) / reference
    expected = np.empty((k, k))
    for a in range(k):
        for b in range(k):
            expected[a, b] = (
                np.mean([ratio[i, j] for i in range(N) for j in range(N) if LABELS[i] == a and LABELS[j] == b])
                - ratio.mean()
            )
    np.testing.assert_allclose(m.distortion(CODES, REFERENCE, LABELS), expected, atol=1e-12)


def test_robust_distortion_is_the_ratio_of_the_classes_mean_distances():
    k = LABELS.max() + 1
    ratio, pairs = np.empty((k, k)), np.empty((k, k))
    for a in range(k):
        for b in range(k):
            i, j = np.nonzero(np.outer(a == LABELS, b == LABELS))
            mean = [np.sqrt(((x[i] - x[j]) ** 2).sum(1)).mean() for x in (CODES, REFERENCE)]
            ratio[a, b], pairs[a, b] = mean[0] / mean[1], len(i)
    expected = ratio - (pairs * ratio).sum() / N**2
    np.testing.assert_allclose(m.distortion_robust(CODES, REFERENCE, LABELS), expected, atol=1e-12)


@MATRICES
def test_a_model_against_itself_has_no_distortion(matrix):
    np.testing.assert_allclose(matrix(CODES, CODES, LABELS), 0, atol=1e-12)


@MATRICES
def test_rotation_shift_and_common_scale_leave_the_distortion(matrix):
    moved = matrix(3 * CODES @ ROTATION + 1, 3 * (REFERENCE @ ROTATION.T) - 7, LABELS)
    np.testing.assert_allclose(moved, matrix(CODES, REFERENCE, LABELS), atol=1e-12)


def test_a_scale_of_the_codes_alone_scales_the_robust_distortion():
    once = m.distortion_robust(CODES, REFERENCE, LABELS)
    np.testing.assert_allclose(m.distortion_robust(2 * CODES, REFERENCE, LABELS), 2 * once, atol=1e-12)


@MATRICES
def test_an_unused_latent_leaves_the_distortion(matrix):
    np.testing.assert_allclose(matrix(np.c_[CODES, np.ones(N)], REFERENCE, LABELS), matrix(CODES, REFERENCE, LABELS))


@MATRICES
def test_the_order_of_the_images_leaves_the_distortion(matrix):
    order = RNG.permutation(N)
    shuffled = matrix(CODES[order], REFERENCE[order], LABELS[order])
    np.testing.assert_allclose(shuffled, matrix(CODES, REFERENCE, LABELS), atol=1e-12)


@MATRICES
def test_distortion_is_symmetric_and_zero_on_average_over_pairs_of_images(matrix):
    values, size = matrix(CODES, REFERENCE, LABELS), np.bincount(LABELS)
    np.testing.assert_allclose(values, values.T, atol=1e-12)
    assert size @ values @ size == pytest.approx(0, abs=1e-9)


@MATRICES
def test_classes_moved_apart_have_a_positive_entry_and_the_others_a_negative_one(matrix):
    apart = REFERENCE + 10.0 * (LABELS == 2)[:, None]
    values = matrix(apart, REFERENCE, (LABELS == 2).astype(int))
    assert values[0, 1] > 0 > max(values[0, 0], values[1, 1])


@MATRICES
def test_a_class_without_images_is_nan_and_leaves_the_others(matrix):
    labels = np.where(LABELS > 1, LABELS + 1, LABELS)  # nobody in class 2
    values = matrix(CODES, REFERENCE, labels)
    assert np.isnan(values[2]).all() and np.isnan(values[:, 2]).all()
    rest = np.ix_([0, 1, 3, 4], [0, 1, 3, 4])
    np.testing.assert_allclose(values[rest], matrix(CODES, REFERENCE, LABELS), atol=1e-12)


@MATRICES
def test_an_image_that_occurs_twice_counts_as_not_moved(matrix):
    twice = np.r_[0, 0, :N]
    assert np.isfinite(matrix(CODES[twice], REFERENCE[twice], LABELS[twice])).all()


def test_codes_apart_that_coincide_in_the_reference_are_refused():
    reference = REFERENCE.copy()
    reference[7] = reference[3]
    with pytest.raises(ValueError, match="distance 0 between 3 and 7"):
        m.distortion(CODES, reference, LABELS)
    assert np.isfinite(m.distortion_robust(CODES, reference, LABELS)).all()


def test_distances_are_exact_for_codes_far_from_the_origin_and_close_together():
    near = (CODES * 1e-4).astype(np.float32).astype(float)
    np.testing.assert_allclose(m.distortion(near + 2**10, near, LABELS), 0, atol=1e-6)


# tuning


def test_class_distances_are_means_over_pairs_of_images():
    expected = np.zeros((4, 4))
    for a, b in np.ndindex(4, 4):
        expected[a, b] = np.mean([np.linalg.norm(x - y) for x in CODES[a == LABELS] for y in CODES[b == LABELS]])
    np.testing.assert_allclose(m.class_distances(CODES, LABELS), expected, atol=1e-12)
    np.testing.assert_allclose(m.class_distances(3 * CODES, LABELS), 3 * expected, atol=1e-12)


def test_tuning_of_the_positions_themselves_is_a_pair_of_ramps():
    upper, lower = m.tuning(UNIFORM.astype(float), UNIFORM)
    np.testing.assert_allclose(upper, np.repeat(np.arange(13)[:, None] / 12, 13, 1))
    np.testing.assert_allclose(lower, upper.T)


def test_tuning_is_the_mean_over_a_loop():
    factors = RNG.integers(0, 13, (400, 2))
    codes = RNG.normal(size=(400, 3)).astype(np.float32)
    values = m.tuning(codes, factors)
    scaled = (codes - codes.min()) / (codes.max() - codes.min())
    for upper in range(13):
        for lower in range(13):
            there = (factors == (upper, lower)).all(1)
            if there.any():
                np.testing.assert_allclose(values[:, upper, lower], scaled[there].mean(0), rtol=1e-5)
            else:
                assert np.isnan(values[:, upper, lower]).all()


def test_scale_and_shift_of_all_codes_and_order_leave_the_tuning():
    factors, order = UNIFORM[:N], RNG.permutation(N)
    moved = m.tuning(5 * CODES[order] - 3, factors[order])
    np.testing.assert_allclose(moved, m.tuning(CODES, factors), atol=1e-12)


# embedding


def raw_stress(codes, plane):
    return ((pdist(codes) - pdist(plane)) ** 2).sum()


def test_stress_is_0_for_a_turned_plane_and_about_a_third_for_a_cloud_in_five_dimensions():
    plane, cloud = RNG.normal(size=(100, 2)), RNG.normal(size=(300, 5))
    assert m.stress(plane, plane @ [[0.6, 0.8, 0], [-0.8, 0.6, 0]]) == pytest.approx(0, abs=1e-12)
    assert 0.2 < m.stress(m.embed(cloud), cloud) < 0.35 and m.stress(cloud[:, :2], cloud) > m.stress(
        m.embed(cloud), cloud
    )
    assert m.stress(0 * plane, plane) == 1


def test_a_map_that_was_turned_mirrored_and_moved_is_laid_back_onto_the_other():
    others = np.random.default_rng(3).standard_normal((169, 2))
    turned = others @ [[0.6, 0.8], [0.8, -0.6]] + [4, -1]
    np.testing.assert_allclose(m.align(turned, others), others - others.mean(0), atol=1e-12)
    np.testing.assert_allclose(m.align(2 * turned, others), 2 * (others - others.mean(0)), atol=1e-12)


def test_a_map_set_upright_keeps_its_distances_and_a_turned_grid_has_x_lc_to_the_right_and_x_uc_down():
    turned = 3 * PAIRS @ np.linalg.qr(RNG.normal(size=(2, 2)))[0] + 7
    right, up = m.upright(turned, PAIRS).T
    np.testing.assert_allclose([right, up], [3 * (PAIRS[:, 1] - 6), 3 * (6 - PAIRS[:, 0])], atol=1e-9)
    points = RNG.normal(size=(169, 2))
    np.testing.assert_allclose(pdist(m.upright(points, PAIRS)), pdist(points), atol=1e-9)


@pytest.mark.parametrize("seed", [None, 42])
def test_codes_on_a_plane_keep_their_distances(seed):
    plane = RNG.normal(size=(N, 2)) * [3, 1]
    embedded = m.embed(plane @ ROTATION[:2] + 5, seed)
    assert raw_stress(plane, embedded) < 1e-3 * (pdist(plane) ** 2).sum()


def test_the_classical_start_has_no_more_stress_than_the_papers_random_ones():
    codes = np.sin(np.arange(N)[:, None] * [0.1, 0.17, 0.05]) * [2, 1, 0.5]
    assert raw_stress(codes, m.embed(codes)) <= raw_stress(codes, m.embed(codes, 42)) * 1.001


@pytest.mark.parametrize("seed", [None, 3])
def test_the_same_seed_gives_the_same_embedding(seed):
    np.testing.assert_array_equal(m.embed(CODES, seed), m.embed(CODES, seed))


# F1


@pytest.mark.parametrize("n_classes", [2, 3, 25, 169])
def test_batchwise_f1_is_scikit_learns_for_each_batch_of_32(n_classes):
    labels = RNG.integers(0, n_classes, 500)
    predicted = np.where(RNG.random(500) < 0.7, labels, RNG.integers(0, n_classes, 500))
    average = "binary" if n_classes == 2 else "macro"
    parts = [slice(i, i + 32) for i in range(0, 500, 32)]
    expected = np.mean([f1_score(labels[s], predicted[s], average=average, zero_division=0) for s in parts])
    assert m.f1_batchwise(labels, predicted, n_classes) == pytest.approx(expected)
    whole = f1_score(labels, predicted, average=average)
    assert m.f1(labels, predicted, n_classes) == pytest.approx(whole)


def test_a_perfect_classifier_reads_092_batchwise_where_positives_are_rare():
    aligned = TASKS["aligned"].labels(UNIFORM)
    assert m.f1(aligned, aligned, 2) == 1
    assert m.f1_batchwise(aligned, aligned, 2) == pytest.approx(0.92, abs=0.03)
    assert m.f1_batchwise(aligned, aligned, 2) == pytest.approx(
        np.mean([aligned[i : i + 32].any() for i in range(0, len(aligned), 32)])
    )


def test_a_perfect_classifier_of_25_regions_reads_1_and_071_if_absent_classes_counted_as_0():
    region = TASKS["region"].labels(UNIFORM)
    assert m.f1_batchwise(region, region, 25) == 1
    occurring = [len(set(region[i : i + 32])) / 25 for i in range(0, len(region), 32)]
    assert np.mean(occurring) == pytest.approx(0.71, abs=0.02)


def test_f1_is_0_without_a_positive_and_for_a_classifier_that_finds_none():
    none, all_ = np.zeros(64, int), np.ones(64, int)
    for labels, predicted in ((none, none), (none, all_), (all_, none)):
        assert m.f1(labels, predicted, 2) == m.f1_batchwise(labels, predicted, 2) == 0


def test_the_whole_f1_ignores_the_order_and_the_batchwise_does_not():
    labels, predicted = RNG.integers(0, 2, (2, 100))
    order = np.argsort(labels)
    assert m.f1(labels[order], predicted[order], 2) == m.f1(labels, predicted, 2)
    assert m.f1_batchwise(labels[order], predicted[order], 2) != m.f1_batchwise(labels, predicted, 2)


# rate, reconstruction


def test_the_prior_has_no_rate_and_no_active_latent():
    np.testing.assert_array_equal(m.latent_rates(np.zeros((9, D)), np.zeros((9, D))), 0)
    assert m.active_latents(np.zeros((9, D)), np.zeros((9, D))) == 0


def test_the_rate_of_a_latent_is_the_divergence_from_the_prior():
    mu, sigma, z = 0.7, 0.4, RNG.normal(size=400_000)
    x = mu + sigma * z  # ln q(x) - ln p(x), averaged over samples of q
    sampled = ((x**2 - z**2) / 2 - np.log(sigma)).mean()
    rate = m.latent_rates(np.full((1, 1), mu), np.full((1, 1), 2 * np.log(sigma)))
    assert rate[0] == pytest.approx(sampled, abs=5e-3)


def test_a_latent_is_active_above_a_hundredth_of_a_nat():
    mu = np.sqrt([[0.0, 0.0199, 0.0201, 4.0]])  # rates mu^2 / 2
    assert m.active_latents(np.repeat(mu, 5, 0), np.zeros((5, 4))) == 2


@pytest.mark.parametrize("told", [0.3, 1, 2])
def test_a_gaussian_code_tells_what_its_channel_carries_and_a_shift_of_it_costs_rate_and_tells_no_more(told):
    rng, noise = np.random.default_rng(1), np.exp(-2 * told)  # of a latent whose codes are N(0, 1) in all
    mu, logvar = rng.normal(scale=np.sqrt(1 - noise), size=(4000, 1)), np.full((4000, 1), np.log(noise))
    z = mu[:2000] + np.sqrt(noise) * rng.normal(size=(2000, 1))
    rates = [m.latent_rates(mu + shift, logvar).sum() for shift in (0, 1)]
    for shift in (0, 1):
        low, high = m.information(mu + shift, logvar, z + shift)
        assert low <= high <= rates[shift] and [low, high] == pytest.approx([told, told], abs=0.06)
    assert rates[1] == pytest.approx(rates[0] + 0.5, abs=0.05)


def test_equal_codes_tell_nothing_and_of_codes_far_apart_the_bounds_are_what_names_an_image_and_the_rate():
    rng, same = np.random.default_rng(1), np.ones((500, 2))
    assert m.information(same, np.zeros((500, 2)), same + rng.normal(size=(500, 2))) == pytest.approx([0, 0], abs=0.2)
    far, sharp = rng.normal(size=(200, 5)), np.full((200, 5), -9.0)
    low, high = m.information(far, sharp, far + np.exp(sharp / 2) * rng.normal(size=(200, 5)))
    assert low == pytest.approx(np.log(200), abs=0.2) and high == m.latent_rates(far, sharp).sum() > 15


def test_positions_may_be_floats_that_are_whole():
    floats = UNIFORM.astype(float)
    mu, logvar = RNG.normal(size=(2, len(UNIFORM), 2))
    for measure in m.resolution, m.dprime:
        np.testing.assert_array_equal(measure(mu, logvar, UNIFORM), measure(mu, logvar, floats))
    assert (TASKS["order"].labels(floats) == TASKS["order"].labels(UNIFORM)).all()
    assert (paper.classes("E1M1", UNIFORM.tolist()) == paper.classes("E1M1", floats)).all()


# bad input

NAN = np.where(np.arange(N)[:, None] == 4, np.nan, CODES)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: m.distortion(CODES, REFERENCE[1:], LABELS), "same images, got 60 and 59"),
        (lambda: m.distortion(NAN, REFERENCE, LABELS), "codes must be finite, got 5 values of 300"),
        (lambda: m.distortion(CODES, NAN, LABELS), "reference must be finite"),
        (lambda: m.distortion(CODES, REFERENCE, LABELS[1:]), r"labels must have shape \(60,\)"),
        (lambda: m.distortion(CODES, REFERENCE, LABELS - 1), "labels must be whole numbers in 0.*, got -1"),
        (lambda: m.distortion(CODES, REFERENCE, LABELS + 0.5), "labels must be whole numbers"),
        (lambda: m.distortion(CODES[:, 0], REFERENCE, LABELS), r"codes must have shape \(N, D\), got \(60,\)"),
        (lambda: m.distortion_robust(NAN, REFERENCE, LABELS), "codes must be finite"),
        (lambda: m.tuning(CODES, UNIFORM[:N] + 1), "factors must be whole numbers in 0..12, got 13"),
        (lambda: m.tuning(CODES, UNIFORM[:9]), r"factors must have shape \(60, 2\)"),
        (lambda: m.tuning(NAN, UNIFORM[:N]), "codes must be finite"),
        (lambda: m.tuning(np.ones((N, 2)), UNIFORM[:N]), "codes must differ"),
        (lambda: m.dprime_of(CODES, CODES[1:] ** 2), r"must both be \(S, D\), got \(60, 5\) and \(59, 5\)"),
        (lambda: m.dprime_of(CODES, np.zeros((N, D))), "variances must be numbers > 0, got 0"),
        (lambda: m.dprime(CODES, CODES, UNIFORM[:9]), r"factors must have shape \(60, 2\)"),
        (lambda: m.tuning(np.ones((0, 2)), UNIFORM[:0]), "codes must not be empty"),
        (lambda: m.embed(NAN), "codes must be finite"),
        (lambda: m.f1(LABELS, LABELS[1:], 4), r"predicted must have shape \(60,\)"),
        (lambda: m.f1(LABELS, LABELS, 3), "labels must be whole numbers in 0..2, got 3"),
        (lambda: m.f1(LABELS, RNG.random(N), 4), "predicted must be whole numbers"),
        (lambda: m.f1([], [], 2), r"labels must have shape \(N,\) and not be empty"),
        (lambda: m.f1_batchwise(LABELS, LABELS, 4, batch=0), "batch must be a number of images >= 1, got 0"),
        (lambda: m.active_latents(CODES, REFERENCE[1:]), "mu and logvar must have one shape"),
        (lambda: m.active_latents(CODES, NAN), "logvar must be finite"),
        (lambda: m.information(CODES[1:], CODES[1:], CODES), r"z must be .*, got \(60, 5\) for mu of \(59, 5\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_mean_code_of_a_pair_is_that_of_its_images_and_nan_without_images():
    codes = np.random.default_rng(0).standard_normal((400, 3))
    factors = np.concatenate([PAIRS, np.random.default_rng(1).integers(0, 13, (231, 2))])
    means = m.pair_means(codes, factors)
    for row in (0, 57, 168):
        assert np.allclose(means[row], codes[(factors == PAIRS[row]).all(1)].mean(0))
    assert np.isnan(m.pair_means(codes[:1], factors[:1])).any(1).sum() == 168


# resolution

SIGMA = 0.5  # of the noise


def stimuli(codes, times=400, own=0.3):
    """Images whose codes lie about the codes (169, D) of their stimuli, a noise of SIGMA in all: mu, logvar, factors.

    The variance of the images' posterior means is own^2, the rest is the posterior's.
    """
    mu = np.repeat(codes, times, axis=0) + own * np.tile([-1, 1], 169 * times // 2)[:, None]
    return mu, np.full(mu.shape, np.log(SIGMA**2 - own**2)), np.repeat(PAIRS, times, axis=0)


def small(codes):
    """The same, as means and variances of the stimuli."""
    return codes, np.full(np.shape(codes), SIGMA**2)


GRID = PAIRS @ np.array([[1.0, 0], [0, 2]])  # a code that lays out the positions


def test_gaussians_of_a_known_distance_have_that_dprime():
    found = m.dprime(*stimuli(GRID))
    np.testing.assert_allclose(found, np.linalg.norm(GRID[:, None] - GRID, axis=2) / SIGMA, atol=1e-9)
    np.testing.assert_allclose(found, m.dprime_of(*small(GRID)), atol=1e-9)
    np.testing.assert_array_equal(found, found.T)


def test_resolution_is_the_dprime_of_each_neighbour_and_nan_at_the_end_of_a_row():
    code = RNG.normal(size=(169, D))
    found, all_pairs = m.resolution(*stimuli(code)), m.dprime(*stimuli(code))
    for uc, lc in PAIRS:
        here = 13 * uc + lc
        assert uc == 12 or found[0, uc, lc] == all_pairs[here, here + 13]
        assert lc == 12 or found[1, uc, lc] == all_pairs[here, here + 1]
    assert np.isfinite(found).sum() == 312 and np.isnan(found[0, 12]).all() and np.isnan(found[1, :, 12]).all()
    np.testing.assert_allclose(m.resolution_of(*small(code)), found)


def test_an_observer_of_the_code_is_as_often_right_as_dprime_says():
    assert m.proportion_correct(0) == 0.5 and m.proportion_correct(1) == pytest.approx(0.76, abs=1e-3)
    rng, d = np.random.default_rng(3), 1.7
    a, b = rng.normal(0, 1, 200_000), rng.normal(d, 1, 200_000)  # shown both, the larger code is said to be b's
    assert np.mean(a < b) == pytest.approx(m.proportion_correct(d), abs=0.005)


def test_stretch_shift_and_exchange_of_latents_change_no_resolution():
    mu, logvar, factors = stimuli(RNG.normal(size=(169, 3)), 20)
    scale, order = np.array([3, 0.1, 7]), [2, 0, 1]
    moved = m.resolution((mu * scale - 4)[:, order], (logvar + 2 * np.log(scale))[:, order], factors)
    np.testing.assert_allclose(moved, m.resolution(mu, logvar, factors))


def test_a_code_that_merges_two_stimuli_has_no_resolution_between_them():
    code = GRID.copy()
    code[1] = code[0]
    assert m.dprime(*stimuli(code))[0, 1] == m.resolution(*stimuli(code))[1, 0, 0] == 0


def test_more_images_change_the_resolution_by_noise_only():
    exact, errors = m.resolution_of(*small(GRID)), []
    for n in (50, 5000):
        factors = np.repeat(PAIRS, n, axis=0)
        mu = np.repeat(GRID, n, axis=0) + 0.3 * np.random.default_rng(n).standard_normal((169 * n, 2))
        found = m.resolution(mu, np.full(mu.shape, np.log(SIGMA**2 - 0.09)), factors)
        errors.append(np.nanmax(np.abs(found - exact)))
    assert errors[1] < 0.15 * errors[0] and errors[1] < 0.1


def test_a_stimulus_without_images_is_nan_and_leaves_the_others():
    mu, logvar, factors = stimuli(GRID)
    kept = (factors != [4, 7]).any(1)
    found, whole = m.dprime(mu[kept], logvar[kept], factors[kept]), m.dprime(mu, logvar, factors)
    gone = 13 * 4 + 7
    assert np.isnan(found[gone]).all() and np.isnan(found[:, gone]).all()
    rest = np.arange(169) != gone
    np.testing.assert_allclose(found[np.ix_(rest, rest)], whole[np.ix_(rest, rest)])


@pytest.mark.parametrize("exponent", [0.5, 1 / 3, 0, -0.25])
def test_codes_made_to_follow_an_exponent_have_it(exponent):
    halves = np.where(np.arange(13) <= 6, 2000, 260) * np.ones((13, 1))
    graded = 1000 * 8 ** (-np.arange(13) / 12) * np.ones((13, 1))
    for counts, step in (
        (halves, halves[0, :-1]),  # over the border any step is allowed
        (graded, np.sqrt(graded[0, 1:] * graded[0, :-1])),
    ):
        along = np.r_[0, np.cumsum(step**exponent)]
        found = m.resolution_of(*small(np.c_[PAIRS[:, 0], along[PAIRS[:, 1]]]))
        assert m.frequency_exponent(found, counts, axis=1) == pytest.approx(exponent, abs=1e-9)
        counts[4, 7] = 0  # a stimulus that is never shown is left out, without a word
        with warnings.catch_warnings(action="error"):
            assert m.frequency_exponent(found, counts, axis=1) == pytest.approx(exponent, abs=1e-9)
    assert np.isnan(m.frequency_exponent(found, np.full((13, 13), 7)))


@pytest.mark.parametrize("k", [1, 4, 9])
def test_k_made_clusters_are_k_clumps(k):
    side = round(k**0.5)
    code = (PAIRS * side // 13) * 5.0 + 0.01 * PAIRS
    assert m.clumps(m.dprime_of(*small(code))) == k


def test_a_code_that_parts_classes_has_a_border_ratio_above_1_and_turns_at_the_border_only():
    labels = TASKS["quadrant"].table
    plain = np.c_[PAIRS, 0 * labels.ravel()].astype(float)
    parted = plain + 4 * labels.ravel()[:, None] * [0, 0, 1]
    assert m.border_ratio(m.resolution_of(*small(plain)), labels) == pytest.approx(1)
    assert m.border_ratio(m.resolution_of(*small(parted)), labels) == pytest.approx(17**0.5)
    assert m.turn(*small(plain), labels) == pytest.approx((0, 0), abs=1e-5)
    assert m.turn(*small(parted), labels) == pytest.approx((np.degrees(np.arctan(4)), 0), abs=1e-5)
    scale = np.array([1, 5, 0.2])  # in units of the noise a stretch turns nothing
    stretched = parted * scale, np.tile(SIGMA**2 * scale**2, (169, 1))
    assert m.turn(*stretched, labels) == pytest.approx(m.turn(*small(parted), labels), abs=1e-5)
    assert np.isnan(m.border_ratio(m.resolution_of(*small(plain)), 0 * labels))
    assert np.isnan(m.turn(*small(0 * plain), labels)).all()


def test_one_order_of_distances_has_a_similarity_of_1_and_unrelated_ones_of_none():
    a, b = RNG.random((2, 169, 169))
    a, b = a + a.T, b + b.T
    assert m.rsa(a, np.exp(3 * a)) == pytest.approx(1) and m.rsa(a, -a) == pytest.approx(-1)
    assert abs(m.rsa(a, b)) < 0.05
    a[5] = a[:, 5] = np.nan
    assert m.rsa(a, a**2) == pytest.approx(1)


def test_a_turned_scaled_and_shifted_code_has_the_same_shape_and_an_unrelated_one_has_not():
    code = RNG.normal(size=(169, D))
    assert m.procrustes(code, 3 * code @ ROTATION + 1) == pytest.approx(0, abs=1e-12)
    assert m.procrustes(code, RNG.normal(size=(169, D))) > 0.8


def test_a_code_that_lies_in_a_plane_keeps_its_distances_there():
    flat = GRID @ RNG.normal(size=(2, D))
    np.testing.assert_allclose(pdist(m.plane(flat)), pdist(flat), atol=1e-9)
    line = m.plane(GRID[:, :1])
    assert line.shape == (169, 2) and np.abs(line[:, 1]).max() < 1e-9


# what can be read off a code


def gaussians(n, seed=0):
    """Codes of 3 classes with a mean and a covariance each, n of a class."""
    rng = np.random.default_rng(seed)
    means, shapes = (np.random.default_rng(7).normal(size=(3, *shape)) for shape in ((D,), (D, D)))
    codes = [mean + rng.normal(size=(n, D)) @ (np.eye(D) + shape / 4) for mean, shape in zip(means, shapes)]
    return np.concatenate(codes), np.repeat(range(3), n)


def test_within_and_between_classes_are_means_over_pairs_of_images():
    matrix = m.class_distances(CODES, LABELS)
    distance = np.linalg.norm(CODES[:, None] - CODES[None], axis=2)
    same = LABELS[:, None] == LABELS[None]
    np.testing.assert_allclose(m.within_between(matrix, LABELS), [distance[same].mean(), distance[~same].mean()])


def balanced(mu, sigma):
    """Codes at mu + sigma and mu - sigma in turn: squares and means are those of the normal distribution, exactly."""
    return mu + sigma * np.where(np.arange(len(mu)) % 2, 1, -1)[:, None]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: m.within_between(np.eye(2), [0, 0]), "two classes or more"),
        (lambda: m.distortion(np.eye(2), np.eye(2), [0, 10**6]), "whole numbers in 0..9999"),
    ],
)
def test_what_has_no_answer_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_equal_codes_have_no_stress():
    assert m.stress(np.ones((5, 2)), np.ones((5, 5))) == 0


def test_tensors_give_what_their_arrays_give():
    mu, logvar = RNG.normal(size=(2, 338, 3))
    factors = np.tile(PAIRS, (2, 1))
    labels = (factors[:, 0] <= factors[:, 1]).astype(int)
    for measure, arrays in (
        (m.resolution, (mu, logvar, factors)),
        (m.tuning, (mu, factors)),
        (m.distortion, (mu, mu + logvar, labels)),
        (m.active_latents, (mu, logvar)),
        (m.embed, (mu,)),
        (m.border_ratio, (m.resolution(mu, logvar, factors), labels[:169])),
        (m.f1, (labels, 1 - labels, 2)),
    ):
        tensors = [torch.tensor(x, requires_grad=x.dtype == float) if isinstance(x, np.ndarray) else x for x in arrays]
        np.testing.assert_array_equal(measure(*tensors), measure(*arrays))


@pytest.mark.parametrize("seed", [None, 42])
def test_the_embedding_is_scikit_learns_where_that_has_todays_rule(seed):
    sklearn = pytest.importorskip("sklearn", minversion="1.9")
    start = {"init": "classical_mds", "n_init": 1} if seed is None else {"init": "random", "n_init": 4}
    fixed = {"max_iter": 300, "eps": 1e-6, "normalized_stress": False}
    codes = np.c_[PAIRS, np.sin(PAIRS)] @ RNG.normal(size=(4, 3))
    theirs = sklearn.manifold.MDS(random_state=seed, **fixed, **start).fit_transform(codes)
    ours = m.embed(codes, seed)
    np.testing.assert_allclose(pdist(ours), pdist(theirs), atol=1e-8 * pdist(codes).max())


def test_distances_that_are_no_square_are_refused():
    codes = np.zeros((169, 5))
    with pytest.raises(ValueError, match=r"must be \(S, S\).*got \(169, 5\) and \(169, 5\)"):
        m.rsa(codes, codes)
    with pytest.raises(ValueError, match=r"got \(4, 4\) and \(3, 3\)"):
        m.rsa(np.zeros((4, 4)), np.zeros((3, 3)))
