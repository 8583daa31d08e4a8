"""The rate-distortion limit of the corridors: the least distortion that any code of the two positions can have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .data import PROFILE, SIDE, counts_table

ROWS = 6  # rows of an image that show one corridor
PIXELS = SIDE**2  # the networks' loss is a mean over pixels, ours here a sum
IGNORES = 0.995  # a loss above this share of the mean image's: the image is ignored
SLOPES = np.geomspace(3, 0.001, 320)  # from all positions told apart to none, for any table


class Code(NamedTuple):
    """The best code at one slope: S pairs of positions, described by R reproductions."""

    slope: float  # nats that one unit of squared error, summed over 169 pixels, is worth
    reproductions: np.ndarray  # (R, 2, 13) probability that a pixel of the upper, lower corridor is open
    assignment: np.ndarray  # (R, S) probability of each reproduction, given the pair
    rate: float  # nats
    distortion: float  # squared error summed over 169 pixels, without the pixels' own noise
    cross_entropy: float  # nats, of the best head for the labels; 0 without labels


def source(counts) -> tuple[np.ndarray, np.ndarray, float]:
    """The corridors as a source of S pairs of positions, those with images.

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    returns  means (S, 2, 13): probability that a pixel of the upper and of the lower corridor is open; probability
             of each pair (S,); floor: mean p(1 - p) of the 169 pixels, the squared error of one who knows the pair
    """
    table = counts_table(counts)
    pairs = np.argwhere(table)  # (S, 2)
    probability = table[tuple(pairs.T)] / table.sum()  # (S,)
    means = PROFILE[pairs]  # (S, 2, 13)
    floor = probability @ (means * (1 - means)).sum((1, 2)) * ROWS / PIXELS
    return means, probability, float(floor)


def codes(means: np.ndarray, probability: np.ndarray, labels: np.ndarray | None = None) -> Iterator[Code]:
    """The best codes of a source, one for each of SLOPES until a code has no rate left (Blahut and Arimoto).

    Each code minimises rate + slope * distortion over the assignment, the share of each reproduction and the
    reproductions themselves, each moved to the mean of what it describes. That is not convex. So the slope starts
    where each pair is its own reproduction, which is the best code there, and falls; reproductions then merge.

    With labels (S,), the class of each pair, a reproduction is a probability of each class, too, and the distortion is
    the networks' loss, reconstruction error + cross entropy, times 169.

    means (S, 2, 13), probability (S,): from `source`
    """
    labels = np.zeros(len(means), int) if labels is None else labels  # one class: no cross entropy
    truth = np.eye(labels.max() + 1)[labels]  # (S, K)
    guess = truth  # (R, K) probability of each class
    x = means.reshape(len(means), -1) * ROWS**0.5  # (S, 26) squares are over 6 rows
    y, share = x, probability  # (R, 26), (R,) of the reproductions
    for slope in SLOPES:
        cost = np.inf
        for _ in range(1000):
            before = cost
            y, guess, share, assignment, cost = _step(y, guess, share, slope, x, truth, probability)
            if before - cost < 1e-7:
                break
        information = np.log(np.maximum(assignment, 1e-300)) - np.log(share)[:, None]
        rate = float((assignment * probability * information).sum())
        distortion = float(probability @ (x**2).sum(1) - share @ (y**2).sum(1))  # y are means: Pythagoras
        sure = float(share @ (guess * np.log(np.maximum(guess, 1e-300))).sum(1))
        yield Code(float(slope), y.reshape(-1, 2, SIDE) / ROWS**0.5, assignment, rate, distortion, -sure)
        if rate < 1e-6:
            break


def _step(y, guess, share, slope, x, truth, probability):
    """One step of `codes`: reproductions (R, 26), their guesses (R, K) and shares (R,), the assignment (R, S), what it
    costs."""
    distance = (y**2).sum(1)[:, None] + (x**2).sum(1) - 2 * y @ x.T  # (R, S)
    distance -= PIXELS * np.log(np.maximum(guess, 1e-300)) @ truth.T
    weight = np.log(share)[:, None] - slope * distance
    top = weight.max(0)
    weight = np.exp(weight - top)
    total = weight.sum(0)  # (S,)
    assignment = weight / total
    joint = assignment * probability  # (R, S)
    share = joint.sum(1)
    used = share > 1e-12  # what no pair uses any more is dropped
    joint, assignment, share = joint[used], assignment[used], share[used]
    cost = -probability @ (np.log(total) + top)
    return joint @ x / share[:, None], joint @ truth / share[:, None], share, assignment, cost


def rate_distortion(counts, labels: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The limit: least mean squared pixel error against rate, for codes that carry only the two positions.

    A code of all pixels could go below, down to no error at the images' own entropy: above the entropy of the
    positions (5.13 nats if uniform), where this curve ends, networks can code pixel noise (`with_pixels`).

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    labels   (S,) class of each pair that has images: adds the cross entropy (nats) of a head that reads it from the
             code, as the networks' loss does; what is least is then the sum
    returns  rates (P,) in nats, rising from 0 to the entropy of the pairs, and distortions (P,), falling to the
             floor, mean squared error per pixel; vertices of a convex curve: interpolate linearly between them
    """
    means, probability, floor = source(counts)
    entropy = float(-probability @ np.log(probability))
    variance = (ends(counts)[0] - floor) * PIXELS
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (len(means),):
            raise ValueError(f"labels must have shape ({len(means)},), one a pair with images, got {labels.shape}")
        share = np.bincount(labels, probability)
        variance -= PIXELS * float(share @ np.log(np.maximum(share, 1e-300)))
    found = [
        (code.rate, code.distortion + PIXELS * code.cross_entropy)
        for code in codes(means, probability, labels)
        if code.rate < entropy - 1e-6
    ]
    rates, distortions = np.array([(entropy, 0), *found, (0, variance)]).T
    # Codes that stopped short of their minimum lie above the lines between the others: two codes in turn do better.
    best = np.unique((rates + SLOPES[:, None] * distortions).argmin(1))
    vertices = np.r_[len(rates) - 1, best[(best > 0) & (best < len(rates) - 1)][::-1], 0]
    return rates[vertices], floor + distortions[vertices] / PIXELS


def with_pixels(counts) -> tuple[np.ndarray, np.ndarray]:
    """What is possible above the entropy of the positions: a code that tells both exactly, and then pixels, too.

    An upper bound on the least error of all codes, which may also mix the two. Given the positions, pixels are
    independent, open with p. The best code of one gives it y or 1 - y, 0 <= y <= 1/2: squared error y(1 - y), rate h(p)
    - h(y), h the entropy of a binary variable in nats. A nat saves as much at each pixel where y is the same; a pixel
    with p(1 - p) < y(1 - y) gets none.

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    returns  rates (P,) in nats, rising from the entropy of the pairs to that of the images, and distortions (P,),
             falling from the floor of `rate_distortion` to 0, mean squared error per pixel
    """
    from scipy.special import entr

    means, probability, _ = source(counts)
    entropy, error = lambda p: entr(p) + entr(1 - p), lambda p: p * (1 - p)
    most = error(means).max()  # 2y < 1 - sqrt(1 - 4 most) where pixels are told
    y = np.linspace((1 - np.sqrt(1 - 4 * most)) / 2, 0, 200)[:, None, None, None]
    rates = np.maximum(entropy(means) - entropy(y), 0).sum((2, 3)) @ probability * ROWS
    distortions = np.minimum(error(means), error(y)).sum((2, 3)) @ probability * ROWS / PIXELS
    return entr(probability).sum() + rates, distortions


def ends(counts) -> tuple[float, float]:
    """Mean squared pixel error of the mean image, the best answer without a code, and of one who knows the pair: the
    floor.

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    """
    means, probability, floor = source(counts)
    variance = probability @ ((means - np.tensordot(probability, means, 1)) ** 2).sum((1, 2)) * ROWS
    return floor + float(variance) / PIXELS, floor


def ignores(loss, counts) -> np.ndarray:
    """Where a reconstruction loss is that of the mean image: the decoder then gives one image, whatever the code.

    loss (...), of networks trained on the set `counts` -> booleans of this shape; False where it is NaN
    """
    return np.asarray(loss, float) >= IGNORES * ends(counts)[0]


def prototypes(
    code: Code, means: np.ndarray, probability: np.ndarray, apart: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """The distinct reproductions (K, 2, 13) of a code without labels, and their shares (K,), most frequent first.

    Reproductions whose open probabilities differ by less than `apart` (length of the difference of all 26) are merged.
    As the cost of a code settles long before its reproductions do, the iteration then goes on until none moves, and
    they are merged again.

    means, probability   from `source`, as `codes` was given
    """
    x, nothing = means.reshape(len(means), -1), np.ones((len(means), 1))
    y, share = _merge(code.reproductions.reshape(len(code.reproductions), -1), code.assignment @ probability, apart)
    guess = np.ones((len(y), 1))
    for _ in range(20_000):
        old = y
        y, guess, share, *_ = _step(y, guess, share, code.slope * ROWS, x, nothing, probability)
        if len(y) == len(old) and np.abs(y - old).max() < 1e-7:
            break
    y, share = _merge(y, share, apart)
    order = np.argsort(-share, kind="stable")
    return y[order].reshape(-1, 2, SIDE), share[order]


def _merge(y, share, apart):
    """Reproductions (R, 26) and their shares (R,), those nearer to each other than `apart` as one, their mean."""
    from scipy.cluster.hierarchy import fcluster, linkage

    group = fcluster(linkage(y, "complete"), apart, "distance") - 1 if len(y) > 1 else np.zeros(1, int)
    shares = np.bincount(group, share)
    return np.stack([np.bincount(group, share * column) for column in y.T], 1) / shares[:, None], shares


def gather(
    images, best: np.ndarray, share: np.ndarray, seed: int | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Decoded images gathered into as many clusters as a code has prototypes, and how far these are from them.

    images       (N, 1, 13, 13) probability of wall
    best, share  (K, 2, 13), (K,) as of `prototypes`
    seed         None: starts from the prototypes. A number: the best of ten random starts; each cluster is paired with
                 a prototype so that the distance is least
    returns      centres (K, 2, 13), in the order of the prototypes; their shares of the images (K,); squared distance
                 from the prototypes, mean of a pixel, weighted by `share`
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist
    from sklearn.cluster import KMeans

    flat = best.reshape(len(best), -1)
    rows = 1 - np.concatenate([images[:, 0, :ROWS].mean(1), images[:, 0, ROWS + 1 :].mean(1)], 1)  # (N, 26) P(open)
    start = {"init": flat, "n_init": 1} if seed is None else {"n_init": 10, "random_state": seed}
    found = KMeans(len(best), **start).fit(rows)
    cost = share[:, None] * cdist(flat, found.cluster_centers_, "sqeuclidean") * ROWS / PIXELS  # (K, K)
    order = np.arange(len(best)) if seed is None else linear_sum_assignment(cost)[1]
    size = np.bincount(found.labels_, minlength=len(best)) / len(rows)
    distance = float(cost[range(len(best)), order].sum())
    return found.cluster_centers_[order].reshape(best.shape), size[order], distance
