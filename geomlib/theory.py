"""The rate-distortion limit of a world: the least loss that any code of its states can have, and how it resolves them.

A world has 169 states, the pairs of positions. All that matters of a state is how often it is shown and its mean image.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from .data import SIDE, counts_table, world_table
from .measures import STEPS, at_steps, whole_numbers

ONE_THREAD = threadpool_limits.wrap(limits=1, user_api="blas")  # more only wait for each other: the products are small
PIXELS = SIDE**2  # the networks' loss is a mean over pixels, ours here a sum
LIKELIHOODS = "gaussian", "bernoulli"  # of a spec
SAME = 0.003  # reproductions that differ by less, in pixels and classes together, have merged
# Mean squared distance of a world's images from their mean image, summed over pixels: of the corridors, and that below
# which all numbers are finer
CLEAR, FAINT = 17.0, 4.0


def slopes(faint: float = 1) -> np.ndarray:
    """Falling, from all states told apart to none, for any table; faint: of `States`."""
    return np.r_[1e6 / faint, np.geomspace(3 / faint, 0.001, round(320 * (1 - np.log(faint) / np.log(3000))))]


class Loss(NamedTuple):
    """What a code of images and classes should keep small: error of a pixel + weight * cross entropy of each task."""

    weight: float = 1  # of the cross entropy, > 0: a spec's `task_weight`
    likelihood: str = "gaussian"  # what the error of a pixel is, as of `spread`
    softmax_twice: bool = True  # what the cross entropy of more than two classes is, as of `scores`


SQUARED = Loss()


class Code(NamedTuple):
    """The best code at one slope: S states, described by R reproductions."""

    slope: float  # nats that one unit of loss, summed over 169 pixels, is worth
    assignment: np.ndarray  # (R, S) probability of each reproduction, given the state
    rate: float  # nats
    loss: float  # the networks': mean error of a pixel + weight * cross entropy


def source(counts: Any, world: Any = "corridors", likelihood: str = "gaussian") -> tuple[np.ndarray, np.ndarray, float]:
    """A world as a source of S states, those with images.

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    world    a name of `WORLDS`, or a (13, 13, 13, 13) table of P(wall)     likelihood   as of `spread`
    returns  means (S, 13, 13): probability of wall; probability of each state (S,); floor: mean `spread` of the 169
             pixels, the loss of one who knows the state
    """
    table = counts_table(counts)
    means, probability = world_table(world)[table > 0], table[table > 0] / table.sum()
    return means, probability, float(probability @ spread(means, likelihood).mean((1, 2)))


def spread(p: np.ndarray, likelihood: str = "gaussian") -> np.ndarray:
    """The loss at pixels that are wall with probability p, of one who knows p: as of p.

    likelihood   of a spec: "gaussian", squared error, p(1 - p); or "bernoulli", cross entropy, which is then their
                 entropy in nats

    Of many images that get one answer, the best answer is their mean, with either loss. What it costs beyond the floor
    is the spread of the mean image minus the mean spread (a Bregman divergence, Banerjee and others 2005).
    """
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, got {likelihood!r}")
    if likelihood == "gaussian":
        return p * (1 - p)
    from scipy.special import entr

    p = np.clip(p, 0, 1)  # means are off by rounding
    return entr(p) + entr(1 - p)


def codes(states: States) -> Iterator[Code]:
    """The best codes of a source, one for each of `slopes` until a code has no rate left (Blahut and Arimoto).

    Each code minimizes rate + slope * distortion over the assignment, the share of each reproduction and the
    reproductions themselves, each moved to the mean of what it describes. That is not convex. So the slope starts
    where each state is its own reproduction, which is the best code there, and falls; reproductions then merge.

    With classes, a reproduction is a probability of each class, too, and the distortion is the loss times 169.
    """
    y, share = states.known[:, :-1], states.probability
    for slope in slopes(states.faint):
        y, share, assignment = _settle(y, share, slope, states)
        y, share = _merge(y, share, SAME * np.sqrt(states.faint))
        code = _code(slope, assignment, states)
        if code.rate < 1e-6:
            yield _code(slope, np.ones((1, len(states.means))), states)
            break
        yield code


class States(NamedTuple):
    """All that the loss needs of S states, in as few coordinates as it needs.

    Of the images these keep all distances, 24 for the corridors. For the cross entropy they are the pixels that differ,
    each as often as it is there: n pixels that are always alike are one, in a unit of sqrt(n).
    """

    means: np.ndarray  # (S, 13, 13) P(wall)
    known: np.ndarray  # (S, C + K + 1) coordinates of the mean image, classes as ones among zeros, and 1
    unit: np.ndarray  # (C,)
    tasks: tuple[slice, ...]  # the columns of each task among the K
    probability: np.ndarray  # (S,)
    loss: Loss
    faint: float = 1  # less where images differ by less than FAINT: the share of CLEAR


def states_of(means, probability, labels=None, loss: Loss = SQUARED, sizes: Sequence[int] = ()) -> States:
    """The states of a source.

    means (S, 13, 13), probability (S,): from `source`; labels (S,) the class of each state, or (T, S) of T tasks
    sizes   K of each task, where not all of its classes are among the labels
    """
    if not 0 < loss.weight < np.inf:
        raise ValueError(f"weight must be a finite number > 0, got {loss.weight}")
    each = np.zeros((1, len(means)), int) if labels is None else np.atleast_2d(labels)  # one class: no cross entropy
    truth = [np.eye(k)[task] for task, k in zip(each, sizes if len(sizes) else each.max(1) + 1)]
    x = means.reshape(len(means), -1)
    if loss.likelihood == "bernoulli":
        x, often = np.unique(x[:, np.ptp(x, 0) > 1e-9], axis=1, return_counts=True)
        unit = np.sqrt(often)
        x = x * unit
    else:
        u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
        x = (u * s)[:, s > 1e-9]
        unit = np.ones(x.shape[1])
    differ = probability @ np.square(x - probability @ x).sum(1)
    ends = np.cumsum([part.shape[1] for part in truth])
    tasks = tuple(slice(end - part.shape[1], end) for end, part in zip(ends, truth))
    known, faint = np.c_[x, *truth, np.ones(len(x))], max(differ / CLEAR, 1e-9) if differ < FAINT else 1.0
    return States(means, known, unit, tasks, probability, loss, faint)


def scores(guess: np.ndarray, states: States) -> np.ndarray:
    """The log of the probability that the loss reads from the best answers: classes of these probabilities, (N, K).

    The best answer to a question is the probability of each class, and the score its log. But with more than two
    classes the networks' loss takes the softmax of an answer that is a softmax (`softmax_twice`). The scores of an
    answer then differ by 1 at most, so that an answer that is nearly sure gains little.
    """
    found = np.log(np.maximum(guess, 1e-300))
    for task in states.tasks:
        if states.loss.softmax_twice and task.stop - task.start > 2:
            found[:, task] = _scores_of_softmax(guess[:, task])
    return found


def _scores_of_softmax(p: np.ndarray) -> np.ndarray:
    """Log softmax of the answers a (N, K) with the least log(sum exp a) - p a, of all a >= 0 of sum 1.

    They are a = log(max(1, c + z p)), where z = sum exp a; c and z are found by Newton's method.
    """
    k, top = p.shape[1], p.max(1, keepdims=True)
    z = np.full_like(top, k + 1.4)
    c = np.e - z * top
    for _ in range(20):
        e = np.maximum(1, c + z * p)  # exp a
        used = e > 1
        by_c, by_z = ((part / e).sum(1, keepdims=True) for part in (used, used * p))  # slopes of the sum of a,
        n, rest = used.sum(1, keepdims=True), (used * p).sum(1, keepdims=True) - 1  # and of the sum of exp a, minus z
        one, other = np.log(e).sum(1, keepdims=True) - 1, e.sum(1, keepdims=True) - z
        if max(abs(one).max(), abs(other).max()) < 1e-9:
            break
        both = by_c * rest - by_z * n
        c, z = c - (rest * one - by_z * other) / both, z - (by_c * other - n * one) / both
        z = np.clip(z, k * np.exp(1 / k), k - 1 + np.e)  # an even answer, and a sure one
        c = np.clip(c, np.exp(1 / k) - z * top, np.e - z * top)
    return np.log(e / z)


def _settle(y, share, slope, states: States):
    """`_step` until the cost falls no more: reproductions, their shares and the assignment.

    Steps grow short where reproductions merge. So after each two a long one is tried, as far as the second has turned
    from the first (SQUAREM, Varadhan and Roland 2008), and taken back if the cost is then higher.
    """
    plain, least = (y, share), np.inf
    for _ in range(500):
        y1, share1, _, before = _step(y, share, slope, states)
        if before > least:
            (y, share), least = plain, np.inf
            continue
        y2, share2, joint, least = _step(y1, share1, slope, states)
        if before - least < 1e-7:
            break
        plain = y2, share2
        if len(y) == len(y2):
            start, once, twice = (np.column_stack([at, np.log(of)]) for at, of in ((y, share), (y1, share1), plain))
            first, turn = once - start, twice - 2 * once + start
            far = max(1, np.linalg.norm(first) / (np.linalg.norm(turn) or 1))
            at, of = np.split(start + 2 * far * first + far**2 * turn, [-1], 1)
            y, share, *_ = _step(at, np.exp(of - of.max())[:, 0], slope, states)
        else:
            y, share = plain
    return y2, share2, joint / states.probability


def _step(y, share, slope, states: States):
    """One step of `codes`: reproductions (R, C + K), coordinates and a guess of each class, their shares (R,), the
    joint probability (R, S) of them and the states, and the cost, rate + slope * distortion, but for what no code
    changes."""
    known, unit, probability, loss = states.known, states.unit, states.probability, states.loss
    at, guess = np.split(y, [len(unit)], 1)
    if loss.likelihood == "bernoulli":
        wall, path = (np.log(np.maximum(p, 1e-12)) for p in (at / unit, 1 - at / unit))
        by_image, alone = (wall - path) * unit, path @ unit**2
    else:
        by_image, alone = 2 * at, -(at**2).sum(1)
    alone += np.log(np.maximum(share, 1e-300)) / slope
    fit = slope * np.column_stack([by_image, PIXELS * loss.weight * scores(guess, states), alone]) @ known.T  # (R, S)
    top = fit.max(0)
    fit -= top
    joint = np.exp(fit, out=fit)
    total = joint.sum(0)  # (S,)
    joint *= probability / total
    cost = -probability @ (np.log(total) + top)
    sums = joint @ known  # (R, C + K + 1)
    if not (used := sums[:, -1] > 1e-12).all():  # what no state uses any more is dropped
        joint, sums = joint[used], sums[used]
    return sums[:, :-1] / sums[:, -1:], sums[:, -1], joint, cost


def _code(slope, assignment, states: States) -> Code:
    joint = assignment * states.probability
    share = joint.sum(1)
    y = np.tensordot(joint, states.means, 1) / share[:, None, None]
    guess = joint @ states.known[:, len(states.unit) : -1] / share[:, None]
    rate = (joint * (np.log(np.maximum(assignment, 1e-300)) - np.log(share)[:, None])).sum()
    sure = share @ (guess * scores(guess, states)).sum(1)
    loss = share @ spread(y, states.loss.likelihood).sum((1, 2)) / PIXELS - states.loss.weight * sure
    return Code(float(slope), assignment, float(rate), float(loss))


def _merge(y, share, apart):
    """Reproductions (R, C) and their shares (R,), those nearer to each other than `apart` as one, their mean."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    if (distances := pdist(y)).min(initial=np.inf) > apart:
        return y, share
    group = fcluster(linkage(distances, "complete"), apart, "distance") - 1
    shares = np.bincount(group, share)
    return np.stack([np.bincount(group, share * column) for column in y.T], 1) / shares[:, None], shares


def limit(counts: Any, labels: Any = None, world: Any = "corridors", **loss: Any) -> list[Code]:
    """The best codes of a world, the rate rising from 0 to all that the states can be told apart by.

    Codes that stopped short of their minimum are left out: two others in turn do better. The list is kept, and is the
    same object each time that the same tables are asked for.

    counts   a name of `COUNTS`, or a (13, 13) table: images of each pair (x_uc, x_lc)
    labels   (13, 13) class of each pair, or (T, 13, 13) of T tasks: adds the cross entropy (nats) of heads that read
             them from the code, as the networks' loss does; what is least is then the sum
    world    a name of `WORLDS`, or a (13, 13, 13, 13) table of P(wall)
    loss     fields of `Loss`
    """
    table = counts_table(counts)
    classes = classes_of(labels)
    asked = table.tobytes(), None if classes is None else classes.tobytes(), world_table(world).tobytes()
    return _limit(*asked, Loss(**loss))


def classes_of(labels: Any) -> np.ndarray | None:
    """The classes (T, 169) of all pairs; labels: as of `limit`."""
    if labels is None:
        return None
    shape = np.shape(labels)
    if np.size(labels) == 0 or (shape[-2:] != (SIDE, SIDE) and shape[-1:] != (PIXELS,)):
        raise ValueError(f"labels must have shape (13, 13), or (T, 13, 13), got {shape}")
    return whole_numbers("labels", np.ravel(labels), PIXELS).reshape(-1, PIXELS)


def states_asked(
    table: np.ndarray, classes: np.ndarray | None, world: Any, loss: Loss
) -> tuple[States, np.ndarray | None, float]:
    """The states of a world that have images in a table, their classes (T, S), and the floor of `source`.

    classes   of all pairs, from `classes_of`: a class that no state has counts, too, as a network's head knows it
    """
    *shown, floor = source(table, world, loss.likelihood)
    own, sizes = (None, ()) if classes is None else (classes[:, table.ravel() > 0], classes.max(1) + 1)
    return states_of(*shown, own, loss, sizes), own, floor


@functools.lru_cache(maxsize=32)
@ONE_THREAD
def _limit(counts: bytes, labels: bytes | None, world: bytes, loss: Loss) -> list[Code]:
    tables = np.frombuffer(counts, int).reshape(SIDE, SIDE), np.frombuffer(world).reshape((SIDE,) * 4)
    every = None if labels is None else np.frombuffer(labels, int).reshape(-1, PIXELS)
    states, classes, _ = states_asked(tables[0], every, tables[1], loss)
    found = list(codes(states))
    if classes is not None:
        found += _codes_of_classes(states, classes)
    rates, losses = np.array([(code.rate, code.loss) for code in found]).T
    tried = slopes(states.faint)
    tried = np.r_[tried, tried / (1 + PIXELS * loss.weight * tried)]  # those of `_codes_of_classes`, too
    best = np.unique((rates + tried[:, None] * PIXELS * losses).argmin(1))
    best = best[np.argsort(rates[best])]
    return [found[i] for i in best[np.diff(rates[best], prepend=-1) > 1e-9]]


def _codes_of_classes(states: States, labels) -> Iterator[Code]:
    """Codes that tell of a state only what depends on its classes: the best ones while the rate is below their entropy.

    There a nat saves one nat of cross entropy whichever class it tells of, so what is left to choose is that of the
    classes' mean images; the slope is that of these plus the weight. `codes` can't find them: a class told surely
    stays so.
    """
    kinds, kind = np.unique(labels, axis=1, return_inverse=True)
    member = np.eye(kinds.shape[1])[kind.ravel()] * states.probability[:, None]  # (S, kinds)
    share = member.sum(0)
    centres = np.tensordot(member.T, states.means, 1) / share[:, None, None]
    for code in codes(states_of(centres, share, loss=states.loss)._replace(faint=states.faint)):
        slope = code.slope / (1 + PIXELS * states.loss.weight * code.slope)
        yield _code(slope, code.assignment[:, kind.ravel()], states)


def rate_distortion(counts: Any, labels: Any = None, **about: Any) -> tuple[np.ndarray, np.ndarray]:
    """The limit: least mean pixel error against rate, for codes that carry only the state, not its pixels.

    A code of all pixels could go below, down to no error at the images' own entropy: above the entropy of the states
    (5.13 nats for `uniform`), where this curve ends, networks can code pixel noise (`with_pixels`).

    counts, labels, about   as of `limit`; with labels, distortions are the networks' loss: error + weight * cross
             entropy
    returns  rates (P,) in nats, rising from 0 to the entropy of the states, and distortions (P,), falling to the
             floor, mean error per pixel; vertices of a convex curve: interpolate linearly between them
    """
    rates, losses = np.array([(code.rate, code.loss) for code in limit(counts, labels, **about)]).T
    return rates, losses


def price(counts: Any, rate: float, labels: Any = None, **about: Any) -> float:
    """What one more nat is worth at a rate (nats): the limit's slope -dD/dR, in mean pixel error per nat; 0 beyond its
    end.

    A held network's lambda is its own price at its rate. counts, labels, about: as of `limit`."""
    _check_rate(rate)
    rates, losses = rate_distortion(counts, labels, **about)
    between = -np.diff(losses) / np.diff(rates)  # from each best code to the next, and the price at a code lies between
    at = [1 / (PIXELS * code.slope) for code in limit(counts, labels, **about)]
    return float(np.interp(rate, rates, np.clip(at, np.r_[between, 0], np.r_[np.inf, between]), right=0))


def _check_rate(rate: float) -> None:
    if not rate >= 0:
        raise ValueError(f"rate must be a number >= 0 (nats), got {rate}")


def price_resolution(price: float, world: Any = "corridors", likelihood: str = "gaussian") -> np.ndarray:
    """The resolution that a price of a nat allows a fine code, for the neighbours: (2, 13, 13) as of `neighbours`.

    1 / d'^2 = price / (2 delta) + 1 / d_image^2: two noises add. The first is the code's own. With a posterior variance
    s^2 along a step of the code, the loss grows by delta s^2 and the rate falls by log(s), so that s^2 is best at
    price / (2 delta). Here delta is four times what the mean of the two mean images costs beyond these: of squared
    error their mean squared difference. The second noise is that of the images, which a code that follows its images
    carries, too: of squared error as far as it lies along that difference, of cross entropy all that tells them apart,
    d_image^2 = 2 delta, summed over pixels.

    price    lambda, loss of a pixel per nat, > 0     world, likelihood   as of `source`
    """
    if not price > 0:
        raise ValueError(f"price must be a number > 0 (loss of a pixel per nat), got {price}")
    wall, found = world_table(world), []
    cost = lambda p: spread(p, likelihood).sum((2, 3))
    for at, to in STEPS:
        one, other = wall[at], wall[to]  # (12, 13, 13, 13) or (13, 12, 13, 13)
        delta = 4 * cost((one + other) / 2) - 2 * cost(one) - 2 * cost(other)
        with np.errstate(divide="ignore", invalid="ignore"):
            if likelihood == "gaussian":
                noise = (np.square(one - other) * (spread(one) + spread(other)) / 2).sum((2, 3)) / delta**2
            else:
                noise = 1 / (2 * delta)
            found.append(1 / np.sqrt(price * PIXELS / (2 * delta) + noise))
    return at_steps(*found)


def _root(assignment) -> np.ndarray:
    return np.sqrt(np.where(assignment < 1e-12, 0, assignment))


def _dprime(overlap) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.sqrt(np.maximum(-8 * np.log(overlap), 0))


def limit_dprime(counts: Any, rate: float, labels: Any = None, **about: Any) -> np.ndarray:
    """d' of each two stimuli in the best code of a rate (nats): (169, 169), NaN for a stimulus without images.

    It is on the scale of `measures.dprime_of`: d' = sqrt(8 B), with the Bhattacharyya distance B = -ln sum_y
    sqrt(q(y|a) q(y|b)) of the symbols that describe two stimuli. For Gaussian codes of one covariance that is the
    distance in units of the noise. Infinite where they share no symbol, none that either has with a probability above
    1e-12.

    Between the rates of two best codes, both in turn are best: the observer knows which, so symbols of both are told
    apart. counts, labels, about: as of `limit`
    """
    root = _limit_root(counts, rate, labels, about)
    return _dprime(root.T @ root)


def limit_resolution(counts: Any, rate: float, labels: Any = None, **about: Any) -> np.ndarray:
    """d' of neighbouring stimuli in the best code of a rate (nats): `neighbours` of `limit_dprime`, (2, 13, 13)."""
    grid = _limit_root(counts, rate, labels, about).T.reshape(SIDE, SIDE, -1)
    return at_steps(*(_dprime((grid[at] * grid[to]).sum(-1)) for at, to in STEPS))


def _limit_root(counts, rate, labels, about) -> np.ndarray:
    """Square roots of the probabilities of each symbol of the best code, given the stimulus: (R, 169)."""
    _check_rate(rate)
    found, there = limit(counts, labels, **about), np.flatnonzero(counts_table(counts))
    rates = np.array([code.rate for code in found])
    above = min(np.searchsorted(rates, rate), len(rates) - 1)
    low, high = found[max(above - 1, 0)], found[above]
    share = min((rate - low.rate) / (high.rate - low.rate), 1) if high.rate > low.rate else 1
    roots = [np.sqrt(part) * _root(code.assignment) for part, code in ((share, high), (1 - share, low)) if part]
    root = np.full((sum(map(len, roots)), PIXELS), np.nan)
    root[:, there] = np.concatenate(roots)
    return root


def with_pixels(counts: Any, world: Any = "corridors") -> tuple[np.ndarray, np.ndarray]:
    """What is possible above the entropy of the states: a code that tells them exactly, and then pixels, too.

    An upper bound on the least error of all codes, which may also mix the two. Given the state, pixels are independent,
    open with p. The best code of one gives it y or 1 - y, 0 <= y <= 1/2: squared error y(1 - y), rate h(p) - h(y), h
    the entropy of a binary variable in nats. A nat saves as much at each pixel where y is the same; a pixel with
    p(1 - p) < y(1 - y) gets none.

    counts, world   as of `source`
    returns  rates (P,) in nats, rising from the entropy of the states to that of the images, and distortions (P,),
             falling from the floor of `rate_distortion` to 0, mean squared error per pixel
    """
    from scipy.special import entr

    means, probability, _ = source(counts, world)
    entropy = functools.partial(spread, likelihood="bernoulli")
    noise, wrong = entropy(means), spread(means)
    most = wrong.max()  # 2y < 1 - sqrt(1 - 4 most) if pixels are told
    grid = np.linspace((1 - np.sqrt(1 - 4 * most)) / 2, 0, 200)
    rates = [probability @ np.maximum(noise - entropy(y), 0).sum((1, 2)) for y in grid]
    distortions = [probability @ np.minimum(wrong, spread(y)).mean((1, 2)) for y in grid]
    return entr(probability).sum() + np.array(rates), np.array(distortions)


def ends(counts: Any, world: Any = "corridors", likelihood: str = "gaussian") -> tuple[float, float]:
    """Mean pixel error of the mean image, the best answer without a code, and of one who knows the state: the floor.
    counts, world, likelihood: as of `source`"""
    means, probability, floor = source(counts, world, likelihood)
    return float(spread(np.tensordot(probability, means, 1), likelihood).mean()), floor


@ONE_THREAD
def prototypes(
    code: Code, means: np.ndarray, probability: np.ndarray, apart: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """The distinct reproductions (K, 13, 13) of a code without labels, P(wall), and their shares (K,), most frequent
    first.

    Reproductions that differ by less than `apart` (length of the difference of all 169 pixels) are merged. As the cost
    of a code settles long before its reproductions do, the iteration then goes on until none moves, and they are merged
    again.

    means, probability   from `source`, as `codes` was given
    """
    states = states_of(means, probability)
    sums = code.assignment * probability @ states.known
    y, share = _merge(sums[:, :-1] / sums[:, -1:], sums[:, -1], apart)
    for _ in range(20_000):
        old = y
        y, share, *_ = _step(y, share, code.slope, states)
        if len(y) == len(old) and np.abs(y - old).max() < 1e-7:
            break
    _, share, joint, _ = _step(*_merge(y, share, apart), code.slope, states)
    order = np.argsort(-share, kind="stable")
    return np.tensordot(joint, means, 1)[order] / share[order, None, None], share[order]


def gather(images, best: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Decoded images gathered into as many clusters as a code has prototypes, from these on, and how far they come.

    images       (N, 1, 13, 13) probability of wall
    best, share  (K, 13, 13), (K,) as of `prototypes`
    returns      centres (K, 13, 13), in the order of the prototypes; their shares of the images (K,); squared distance
                 from the prototypes, mean of a pixel, weighted by `share`
    """
    from sklearn.cluster import KMeans

    drawn = np.reshape(images, (-1, PIXELS))
    found = KMeans(len(best), init=best.reshape(len(best), -1), n_init=1).fit(drawn)
    centres, size = found.cluster_centers_.reshape(best.shape), np.bincount(found.labels_, minlength=len(best))
    return centres, size / len(drawn), float(share @ ((best - centres) ** 2).mean((1, 2)))
