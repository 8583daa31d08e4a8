"""Geometry of codes, scores of tasks, rate and distortion: arrays or tensors in, numpy arrays or numbers out."""

from __future__ import annotations

import math

import numpy as np

SIDE = 13  # positions of a corridor
STEPS = (np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])  # of x_uc, of x_lc: where they start, where they end
ACTIVE = 0.01  # nats: a latent with a larger mean rate carries something


def distortion(codes, reference, labels) -> np.ndarray:
    """How far each pair of classes was moved apart, against a reference (figures 4, 5, 7-11, E, J; K, L with 169).

    Distances between all pairs of codes, divided by those in the reference (0/0 = 1), minus the mean of these N x N
    ratios; entry (a, b) is the mean over pairs of an image of class a and one of class b, an image and itself
    included. Positive: moved apart, relative to the rest. Neither a rotation of either set of codes changes anything,
    nor a common scale of both.

    codes      (N, D)  posterior means in the model at hand
    reference  (N, D') posterior means of the same images in the reference
    labels     (N,)    classes 0..K-1, K = the largest label + 1
    returns    (K, K)  symmetric, no unit; NaN for a class without images

    Raises ValueError where only the reference's distance is 0 (then a ratio is infinite): encode in float32, or use
    `distortion_robust`.
    """
    _check_reference(codes, reference)
    ratio = _ratio(_distances(codes), _distances(reference))  # (N, N)
    return _class_means(ratio, labels) - ratio.mean()


def distortion_robust(codes, reference, labels) -> np.ndarray:
    """As `distortion`, but the ratio of the classes' mean distances: near-zero distances don't outweigh the rest.

    As there, the mean over all N x N pairs of images is subtracted, each with the ratio of its two classes. A scale of
    `codes` alone scales the matrix.
    """
    _check_reference(codes, reference)
    ratio = _ratio(class_distances(codes, labels), class_distances(reference, labels))
    size = _membership(labels, len(codes)).sum(0)
    pairs = np.outer(size, size)
    return ratio - np.nansum(pairs * ratio) / pairs.sum()


def class_distances(codes, labels) -> np.ndarray:
    """Mean distance of two codes of classes a and b, for each a and b; an image and itself count with distance 0.

    codes (N, D), labels (N,) in 0..K-1 -> (K, K) in the units of the codes; NaN for a class without images
    """
    return _class_means(_distances(codes), labels)


def _class_means(matrix, labels) -> np.ndarray:
    """The mean of a matrix (N, N) over each pair of classes: (K, K), NaN for a class without images."""
    member = _membership(labels, len(matrix))  # (N, K)
    size = member.sum(0)
    with np.errstate(invalid="ignore"):
        return member.T @ matrix @ member / np.outer(size, size)


def within_between(matrix, labels) -> tuple[float, float]:
    """A class matrix's mean over pairs of images of one class, and over pairs of two: matrix (K, K), labels (N,)."""
    size = _membership(labels, len(labels)).sum(0)
    if (size > 0).sum() < 2:
        raise ValueError(f"labels must be of two classes or more, got {np.unique(labels)}")
    same, pairs = np.eye(len(size), dtype=bool), np.outer(size, size)
    cells = same & (pairs > 0), ~same & (pairs > 0)
    within, between = (float(np.average(matrix[some], weights=pairs[some])) for some in cells)
    return within, between


def pair_means(codes, factors) -> np.ndarray:
    """Mean code of each of the 169 pairs of positions, x_uc slowest: codes (N, D), factors (N, 2) -> (169, D).

    NaN where a pair has no image.
    """
    codes, pair = _codes("codes", codes), _pair(factors, len(codes))
    with np.errstate(invalid="ignore"):
        count = np.bincount(pair, minlength=SIDE**2)[:, None]
        return np.stack([np.bincount(pair, latent, SIDE**2) for latent in codes.T], 1) / count


def stimulus_codes(mu, logvar, factors) -> tuple[np.ndarray, np.ndarray]:
    """The code of each stimulus, a pair of positions, and its noise: all that resolution needs of a network.

    mu, logvar  (N, D)   posterior means and log-variances
    factors     (N, 2)   columns x_uc, x_lc in 0..12
    returns     means (169, D), x_uc slowest; variances (169, D) of a sampled code: the mean variance of the posteriors,
                plus the variance of their means over the images of the stimulus. NaN where a pair has no image
    """
    mu, logvar = _posterior(mu, logvar)
    means = pair_means(mu, factors)
    away = mu - means[_pair(factors, len(mu))]  # (N, D)
    return means, pair_means(away**2 + np.exp(logvar), factors)


def dprime(mu, logvar, factors) -> np.ndarray:
    """d' of each two stimuli, from codes of images: `dprime_of` their `stimulus_codes`, (169, 169)."""
    return dprime_of(*stimulus_codes(mu, logvar, factors))


def dprime_of(means, variances) -> np.ndarray:
    """How well a code tells each two stimuli apart: d', the distance of their codes in units of the code's noise.

    d'(a, b)^2 is the sum over latents of (m_a - m_b)^2 / ((v_a + v_b) / 2), m the mean and v the variance of a
    stimulus's codes; latents are taken to be independent. A stretch or an exchange of latents changes nothing.

    means, variances  (S, D)  of S stimuli, as of `stimulus_codes`
    returns           (S, S)  symmetric, no unit; 0: not told apart at all; NaN for a stimulus without images
    """
    means, variances = _stimuli(means, variances)
    return _dprime(means[:, None], means, variances[:, None], variances)


def _stimuli(means, variances) -> tuple[np.ndarray, np.ndarray]:
    means, variances = _array(means).astype(float), _array(variances).astype(float)
    if means.ndim != 2 or means.shape != variances.shape:
        raise ValueError(f"means and variances must both be (S, D), got {means.shape} and {variances.shape}")
    if (variances <= 0).any():
        raise ValueError(f"variances must be numbers > 0, got {np.nanmin(variances):g}")
    return means, variances


def _dprime(mean, other_mean, variance, other_variance) -> np.ndarray:
    """d' of stimuli and others, arrays (..., D)."""
    return np.sqrt(((mean - other_mean) ** 2 / ((variance + other_variance) / 2)).sum(-1))


def resolution(mu, logvar, factors) -> np.ndarray:
    """d' of neighbouring stimuli, from codes of images: `neighbours` of their `dprime`, (2, 13, 13)."""
    return resolution_of(*stimulus_codes(mu, logvar, factors))


def resolution_of(means, variances) -> np.ndarray:
    """d' of neighbouring stimuli, from the 169 stimuli's codes: `neighbours` of their `dprime_of`, (2, 13, 13)."""
    m, v = (x.reshape(SIDE, SIDE, -1) for x in _stimuli(means, variances))
    return at_steps(*(_dprime(m[to], m[at], v[to], v[at]) for at, to in STEPS))


def neighbours(matrix) -> np.ndarray:
    """Of a number for each two stimuli, those of the 312 neighbours.

    matrix   (169, 169)   stimuli with x_uc slowest
    returns  (2, 13, 13)  axes: step, x_uc, x_lc. [0]: from x_uc to x_uc + 1, [1]: from x_lc to x_lc + 1; NaN at the end
    """
    matrix, stimulus = _array(matrix), np.arange(SIDE**2).reshape(SIDE, SIDE)
    return at_steps(*(matrix[stimulus[at], stimulus[to]] for at, to in STEPS))


def at_steps(upper, lower) -> np.ndarray:
    """Numbers of steps, (12, 13) of the upper corridor and (13, 12) of the lower, as `neighbours` has them."""
    found = np.full((2, SIDE, SIDE), np.nan)
    found[0, :-1], found[1, :, :-1] = upper, lower
    return found


def borders(labels) -> np.ndarray:
    """Where neighbours are of two classes: labels (13, 13) or (169,) -> (2, 13, 13) booleans."""
    grid = np.reshape(_array(labels), (SIDE, SIDE))
    return at_steps(*(grid[at] != grid[to] for at, to in STEPS)) == 1


def proportion_correct(dprime) -> np.ndarray:
    """How often an observer of the code, shown two stimuli in turn, says which was which: Phi(d' / sqrt 2), any shape.

    A share of all cases: 0.5 is guessing, 0.76 at d' = 1, 0.98 at 3.
    """
    from scipy.special import ndtr

    return ndtr(_array(dprime) / np.sqrt(2))


def frequency_exponent(resolution, counts, axis: int | None = None, jump: float = 2) -> float:
    """Specialization: a in d' ~ frequency^a, over neighbours; a pair's frequency is its stimuli's geometric mean.

    The slope of a line through the log of the mean d' at each frequency, each with the weight of its pairs. Pairs whose
    frequencies differ by a factor of `jump` or more, as at the border of E1M1's halves, are left out, and so are those
    of an infinite d'. NaN where one frequency is left, or none.

    resolution (2, 13, 13), counts (13, 13) >= 0, pairs of a stimulus that is never shown are left out; axis: only steps
    in x_uc (0), or x_lc (1), on which E1M1's depend
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        resolution, log = _array(resolution), np.log(_array(counts).astype(float)).ravel()
        step, at = neighbours(np.abs(log[:, None] - log)), neighbours((log[:, None] + log) / 2).round(9)
    chosen = np.isfinite(resolution) & (step < np.log(jump))
    chosen[[] if axis is None else 1 - axis] = False
    levels, level, size = np.unique(at[chosen], return_inverse=True, return_counts=True)
    mean = np.bincount(level, resolution[chosen], len(levels)) / size
    told = mean > 0
    return (
        float(np.polyfit(levels[told], np.log(mean[told]), 1, w=size[told] ** 0.5)[0]) if told.sum() > 1 else math.nan
    )


def clumps(dprime, threshold: float = 1) -> int:
    """Number of groups of stimuli that the code tells apart: two are in one group if d' < threshold, or if a chain of
    such pairs joins them. dprime (S, S), without NaN"""
    from scipy.sparse.csgraph import connected_components

    return int(connected_components(_array(dprime) < threshold)[0])


def border_ratio(resolution, labels) -> float:
    """Orthogonalization: mean d' of the neighbours of different classes, over that of neighbours of one class.

    resolution (2, 13, 13), labels (13, 13) or (169,); infinite where d' is, and NaN without a border
    """
    resolution, across = _array(resolution), borders(labels)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(_mean(resolution[across]) / _mean(resolution[~across]))


def turn(means, variances, labels) -> tuple[float, float]:
    """By what angle a code turns where it steps into another class, in degrees, and by what angle elsewhere.

    The mean angle between two steps in a row along a corridor, in units of the noise: those of which one crosses the
    border, and those of which none does. 0: straight on; 90: a direction of its own. A code on one line can't turn.

    means, variances (169, D) as of `stimulus_codes`; labels (13, 13) or (169,); NaN where there are no such steps
    """
    grids = (np.reshape(_array(x), (SIDE, SIDE, -1)) for x in (means, variances, labels))
    m, v, kind = (np.stack([x, x.swapaxes(0, 1)]) for x in grids)  # (2, 13, 13, ·): steps are along the second axis
    step = np.diff(m, axis=1) / np.sqrt((v[:, 1:] + v[:, :-1]) / 2)  # (2, 12, 13, D)
    with np.errstate(invalid="ignore"):
        step /= np.linalg.norm(step, axis=3, keepdims=True)
    angle = np.degrees(np.arccos(np.clip((step[:, 1:] * step[:, :-1]).sum(3), -1, 1)))  # (2, 11, 13)
    crosses = 1 * (np.diff(kind, axis=1) != 0)[..., 0]
    borders = crosses[:, 1:] + crosses[:, :-1]
    return float(_mean(angle[borders == 1])), float(_mean(angle[borders == 0]))


def _mean(x) -> np.float64:
    """The mean of what is not NaN; NaN if nothing is."""
    return np.mean(x[~np.isnan(x)]) if (~np.isnan(x)).any() else np.float64(np.nan)


def rsa(distances, others) -> float:
    """Representational similarity: Spearman's rank correlation of two codes' distances, or d', of all pairs of stimuli.

    distances, others (S, S), symmetric; pairs that are NaN in one of them are left out. 1: the same order. Raises
    ValueError for other shapes, as those of codes: `dprime_of`, or scipy's `cdist`, gives distances of codes.
    """
    from scipy.stats import spearmanr

    one, two = _array(distances), _array(others)
    if one.shape != two.shape or one.shape != one.shape[:1] * 2:
        raise ValueError(
            f"distances and others must be (S, S), a row and a column each stimulus, got {one.shape} and {two.shape}"
        )
    pairs = np.stack([x[np.triu_indices(len(x), 1)] for x in (one, two)])
    return float(spearmanr(*pairs[:, ~np.isnan(pairs).any(0)]).statistic)


def procrustes(means, others) -> float:
    """How differently two codes are shaped, after the best shift, scale and rotation (or mirroring): 0 the same, 1
    nothing in common. means, others (S, D): the share of the squared distances from the centre that is left"""
    from scipy.spatial import procrustes

    return float(procrustes(_codes("means", means), _codes("others", others))[2])


def plane(codes) -> np.ndarray:
    """Codes (N, D) in the plane in which they vary most, their first two principal components: (N, 2), centred."""
    codes = _codes("codes", codes)
    centred = np.c_[codes - codes.mean(0), np.zeros(len(codes))]  # at least two columns
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T


def tuning(codes, factors) -> np.ndarray:
    """Mean code at each pair of positions, scaled to 0..1 (figures 4, 5, 7-11, B, D, G, I).

    codes    (N, D)      posterior means
    factors  (N, 2)      columns x_uc, x_lc in 0..12
    returns  (D, 13, 13) axes: latent, x_uc, x_lc; NaN where a pair has no image. 0 and 1 are the smallest and the
                         largest single code over all latents.
    """
    codes, mean = _codes("codes", codes), pair_means(codes, factors)
    low, high = np.min(codes), np.max(codes)
    if low == high:
        raise ValueError(f"codes must differ to be scaled to 0..1, all are {low:g}")
    return ((mean - low) / (high - low)).T.reshape(-1, SIDE, SIDE)


def embed(codes, seed: int | None = None) -> np.ndarray:
    """Metric multidimensional scaling to a plane (figures 4, 5, 7-11, A, C, F, H).

    codes    (N, D) posterior means
    seed     None: starts once, from classical scaling. A number: as in the paper (there 42), keeps the best of four
             random starts; on trained networks a little more stress, in ten times the time.
    returns  (N, 2) in the units of the codes
    """
    rng = np.random.RandomState(seed)  # the paper's numbers: scikit-learn starts from them
    starts = [plane(codes)] if seed is None else [rng.uniform(size=(len(codes), 2)) for _ in range(4)]
    distances = _distances(codes)
    return min((_smacof(points, distances) for points in starts), key=lambda points: stress(points, codes))


def _smacof(points: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Points (N, 2) moved, by Guttman's transform, until their distances keep the given ones (N, N) no better."""
    before, now, pull = math.inf, _distances(points), np.zeros_like(distances)
    given = np.vdot(distances, distances)
    for _ in range(300):
        np.divide(distances, now, out=pull, where=now > 0)  # points at one place don't move each other
        points = (pull.sum(1)[:, None] * points - pull @ points) / len(points)
        now = _distances(points)
        reached = np.vdot(now, now)
        error = reached - 2 * np.vdot(now, distances) + given
        if before - error < 1e-6 * reached:
            break
        before = error
    return points


def stress(points, codes) -> float:
    """How badly points (N, 2) keep the distances of codes (N, D): the root of the sum of squared differences over that
    of squared distances. 0 where all are kept; a uniform cloud in many dimensions has about 0.3."""
    distances = _distances(codes)
    total = np.square(distances).sum()
    return float(np.sqrt(np.square(_distances(points) - distances).sum() / total)) if total else 0.0


def upright(points, factors) -> np.ndarray:
    """Points turned or mirrored, about their centre, to have x_LC to the right and x_UC down as nearly as they can.

    points (N, 2), factors (N, 2) their columns x_uc, x_lc -> (N, 2)
    """
    return align(points, _codes("factors", factors)[:, ::-1] * [1, -1])


def align(points, others) -> np.ndarray:
    """Points turned or mirrored, about their centre, to lie as near as they can to others' (orthogonal Procrustes).

    points, others (N, 2), of the same things in the same order -> (N, 2), centred, in the units of `points`
    """
    points, others = _codes("points", points), _codes("others", others)
    points = points - points.mean(0)
    u, _, v = np.linalg.svd(points.T @ (others - others.mean(0)))
    return points @ u @ v


def f1(labels, predicted, n_classes: int) -> float:
    """F1 over the whole set: of class 1 for two classes, else the mean over classes that occur in either array.

    labels, predicted (N,) in 0..n_classes-1; 0 where nothing of the class is there or found.
    """
    return f1_batchwise(labels, predicted, n_classes, batch=len(labels) or 1)


def f1_batchwise(labels, predicted, n_classes: int, batch: int = 32) -> float:
    """The paper's F1 (figure 6): that of each batch of consecutive images, the last one kept, averaged over batches.

    For two classes a batch without class 1 scores 0, so that even a perfect classifier can read less than 1: about
    0.92 for `aligned`. For more, a batch's score is the mean over the classes that occur in it.
    """
    labels = whole_numbers("labels", labels, n_classes)
    predicted = whole_numbers("predicted", predicted, n_classes, labels.shape)
    if batch < 1:
        raise ValueError(f"batch must be a number of images >= 1, got {batch}")
    batches = np.arange(len(labels)) // batch  # (N,)
    shape = batches[-1] + 1, n_classes

    def count(classes, where=slice(None)):  # (batches, K)
        return np.bincount((batches * n_classes + classes)[where], minlength=np.prod(shape)).reshape(shape)

    there = count(labels) + count(predicted)  # 2 true positives + false positives + false negatives
    score = 2 * count(labels, labels == predicted) / np.maximum(there, 1)
    each = score[:, 1] if n_classes == 2 else score.sum(1) / (there > 0).sum(1)
    return float(each.mean())


def latent_rates(mu, logvar) -> np.ndarray:
    """Mean rate of each latent in nats; their sum is the network's rate.

    mu, logvar (N, D) posterior means and log-variances -> (D,)
    """
    mu, logvar = _posterior(mu, logvar)
    with np.errstate(over="ignore"):  # infinite, where training diverged
        return (mu**2 + np.exp(logvar) - 1 - logvar).mean(0) / 2


def active_latents(mu, logvar) -> int:
    """Number of latents with a mean rate above 0.01 nats; mu, logvar (N, D)."""
    return int((latent_rates(mu, logvar) > ACTIVE).sum())


def information(mu, logvar, z) -> tuple[float, float]:
    """Bounds on how many nats a code tells about its image, I(image; z), estimated from samples: at least, at most.

    It is the rate minus KL(q(z), standard normal), where q(z) is the mean of the posteriors of all N images. With z's
    own image among them this is at most I, on average over samples, and hardly above ln N. With it left out it is at
    least I; so is the rate, which the second number never exceeds.

    mu, logvar  (N, D) posterior means and log-variances
    z           (M, D) sampled codes of the first M of these images, M <= N > 1
    """
    from scipy.special import logsumexp

    (mu, logvar), z = _posterior(mu, logvar), _codes("z", z)
    if z.shape[1] != mu.shape[1] or not len(z) <= len(mu) > 1:
        raise ValueError(f"z must be codes of the first of the N > 1 images, got {z.shape} for mu of {mu.shape}")
    sharp, rate = np.exp(-logvar), latent_rates(mu, logvar).sum()
    log = (z @ (2 * mu * sharp).T - z**2 @ sharp.T - (mu**2 * sharp + logvar).sum(1)) / 2  # (M, N) ln q(z|image) + a
    low = logsumexp(log, 1) - np.log(len(mu)) + (z**2).sum(1) / 2  # (M,) ln q(z) - ln p(z), of the same a
    log[np.arange(len(z)), np.arange(len(z))] = -np.inf
    high = logsumexp(log, 1) - np.log(len(mu) - 1) + (z**2).sum(1) / 2
    return float(max(rate - low.mean(), 0)), float(min(rate - high.mean(), rate))


def _array(x) -> np.ndarray:
    """An array; of a tensor its numbers, wherever it lies and whatever it was computed for."""
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)


def _finite(name: str, array) -> np.ndarray:
    array = _array(array).astype(float)
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        bad = (~np.isfinite(array)).sum()
        raise ValueError(f"{name} must be finite, got {bad} values of {array.size} that are not")
    return array


def _codes(name: str, array) -> np.ndarray:
    if np.ndim(array) != 2:
        raise ValueError(f"{name} must have shape (N, D), got {np.shape(array)}")
    return _finite(name, array)


def _posterior(mu, logvar) -> tuple[np.ndarray, np.ndarray]:
    mu, logvar = _codes("mu", mu), _codes("logvar", logvar)
    if mu.shape != logvar.shape:
        raise ValueError(f"mu and logvar must have one shape, got {mu.shape} and {logvar.shape}")
    return mu, logvar


def whole_numbers(name: str, array, end: int, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Whole numbers in 0..end-1, of the given shape or (N,)."""
    array = _array(array)
    if array.size == 0 or array.shape != (shape or (array.size,)):
        raise ValueError(f"{name} must have shape {shape or '(N,)'} and not be empty, got {array.shape}")
    bad = (array < 0) | (array >= end) | (array != np.floor(array))
    if bad.any():
        raise ValueError(f"{name} must be whole numbers in 0..{end - 1}, got {array[bad][0]}")
    return array.astype(np.int64)


def _pair(factors, n: int) -> np.ndarray:
    """Factors (N, 2) of n images -> which of the 169 pairs each shows, (N,)."""
    return whole_numbers("factors", factors, SIDE, (n, 2)) @ [SIDE, 1]


def _membership(labels, n: int):
    """Labels (N,) -> sparse (N, K): 1 where the image is of the class."""
    from scipy.sparse import csr_array

    labels = whole_numbers("labels", labels, 10_000, (n,))
    return csr_array((np.ones(n), labels, np.arange(n + 1)), shape=(n, labels.max() + 1))


def _distances(codes) -> np.ndarray:
    """Codes (N, D) -> their (N, N) distances, exact also near 0."""
    from scipy.spatial.distance import cdist

    codes = _codes("codes", codes)
    return cdist(codes, codes)


def _check_reference(codes, reference) -> None:
    _codes("reference", reference)
    if len(codes) != len(reference):
        raise ValueError(f"codes and reference must be of the same images, got {len(codes)} and {len(reference)}")


def _ratio(distance: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """distance / reference with 0/0 = 1; NaN stays NaN."""
    zero = reference == 0
    if (distance[zero] > 0).any():
        a, b = np.argwhere(zero & (distance > 0))[0]
        raise ValueError(
            f"reference has distance 0 between {a} and {b}, codes have {distance[a, b]:g}: the ratio is "
            "infinite; use float32 codes, or distortion_robust"
        )
    return np.divide(distance, reference, out=np.ones_like(distance), where=~zero)
