"""The best Gaussian code: at the rate that is asked for, between the limit and what its prior allows, and findable."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from geomlib import claims, data, gaussian, laws, measures, theory


def two(seen=((0, 0), (12, 12)), often=(60, 60)):
    counts = np.zeros((13, 13), int)
    for pair, n in zip(seen, often):
        counts[pair] = n
    return counts


SOME = np.where(np.indices((13, 13)).max(0) < 4, 30, 0)  # 16 stimuli


def test_no_code_is_better_than_the_limit_and_the_best_prior_is_no_worse_than_the_normal_one():
    rates, losses = theory.rate_distortion(SOME)
    for rate in 0.3, 0.6:
        normal, best = (gaussian.best(SOME, rate, prior=prior) for prior in gaussian.PRIORS)
        assert (normal.rate, best.rate) == pytest.approx((rate, rate), rel=2e-3)
        assert np.interp(rate, rates, losses) < best.loss < normal.loss + 1e-4 * normal.loss


@pytest.mark.parametrize(
    "rate, likelihood, task", [(0.3, "bernoulli", None), (2, "gaussian", None), (0.5, "gaussian", "region")]
)
def test_the_loss_is_what_samples_of_the_code_say(rate, likelihood, task):
    labels = data.TASKS[task].table if task else np.zeros((13, 13), int)
    found = gaussian.best(SOME, rate, labels, likelihood=likelihood)
    images, p, floor = theory.source(SOME, "corridors", likelihood)
    mean, variance = found.means[SOME.ravel() > 0], found.variances[SOME.ravel() > 0]
    z = np.random.default_rng(0).normal(size=(16, 5000, 1, 2)) * np.sqrt(variance)[:, None, None] + mean[:, None, None]
    fit = (norm.logpdf(z, mean, np.sqrt(variance)).sum(-1) + np.log(p)).reshape(-1, 16)
    answers = np.exp(fit - fit.max(1, keepdims=True))
    answers /= answers.sum(1, keepdims=True)
    states = theory.states_of(images, p, labels[SOME > 0], sizes=[labels.max() + 1])
    guess = answers @ states.known[:, len(states.unit) : -1]
    told = theory.spread(answers @ images.reshape(16, -1), likelihood).mean(1)
    told = (told - (guess * theory.scores(guess, states)).sum(1)).reshape(16, -1).mean(1) @ p
    assert found.loss - floor == pytest.approx(told - floor, rel=0.02)


def test_with_the_cross_entropy_of_pixels_no_code_is_better_than_its_limit():
    rates, losses = theory.rate_distortion(SOME, likelihood="bernoulli")
    found = gaussian.best(SOME, 0.3, likelihood="bernoulli")
    least = np.interp(found.rate, rates, losses)
    assert least < found.loss < least + 0.1 * (losses[0] - least)


def test_more_latents_lose_no_more():
    losses = [gaussian.best(SOME, 0.5, latents=n).loss for n in (2, 3)]
    assert losses[1] < losses[0] * (1 + 1e-4)


def test_two_stimuli_lie_where_a_search_in_one_latent_puts_them():
    counts, price = two(), 0.004
    images, _, floor = theory.source(counts)
    apart = np.square(images[0] - images[1]).mean()

    def cost(free):
        z, (mean, sd) = np.linspace(-9, 9, 6001), (free[0], np.exp(free[1]))
        one, other = norm.pdf(z, mean, sd), norm.pdf(z, -mean, sd)
        loss = apart / 2 * ((one * other / (one + other + 1e-300)).sum() * (z[1] - z[0]))
        nats = (mean**2 + sd**2 - 1) / 2 - free[1]
        return loss / price + nats, loss, nats

    done = minimize(
        lambda free: cost(free)[0], [0.5, -0.2], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}
    )
    _, loss, nats = cost(done.x)
    found = gaussian.best(counts, nats)
    assert nats > 0.2 and found.price == pytest.approx(price, rel=0.02)
    assert found.loss - floor == pytest.approx(loss, rel=0.03)  # the rate is held within 0.1 %
    d = measures.dprime_of(found.means, found.variances)[0, -1]
    assert d == pytest.approx(2 * done.x[0] / np.exp(done.x[1]), rel=0.02)


def test_a_question_is_answered_before_the_image_and_one_without_weight_is_none():
    labels = data.TASKS["quadrant"].table
    ratio = {
        w: measures.border_ratio(resolution(gaussian.best("uniform", 0.3, labels, weight=w)), labels) for w in (1e-6, 1)
    }
    plain = measures.border_ratio(resolution(gaussian.best("uniform", 0.3)), labels)
    assert ratio[1] > 100 and ratio[1e-6] == pytest.approx(plain, abs=0.02)


def test_the_released_codes_are_found_again_and_stimuli_without_images_have_none():
    codes, ours = laws.released("gaussian", "exact")
    wide = ours.pivot_table(index=["model", "capacity"], columns="measure", values="value")
    for model, prior in ("E1M1", "normal"), ("E1M1", "best"):
        name = model if prior == "normal" else f"{model}{laws.BEST_PRIOR}"
        found = gaussian.best("bottom", 0.3, prior=prior)
        assert found[2:] == pytest.approx(wide.loc[name, 0.3][["rate", "loss", "price"]].tolist(), rel=2e-3)
        assert claims.agreement(resolution(found), measures.resolution_of(*codes[name, 0.3, 0])) > 0.995
    assert np.isnan(gaussian.best(two(), 0.2).means).all(1).sum() == 167


def resolution(code):
    return measures.resolution_of(code.means, code.variances)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"rate": 6}, "0.01 to 5 .* got 6"),
        ({"rate": np.nan}, "0.01 to 5"),
        ({"latents": 5}, "2, 3 or 4, got 5"),
        ({"likelihood": "poisson"}, "gaussian, bernoulli, got 'poisson'"),
        ({"prior": "flat"}, "normal, best, got 'flat'"),
        ({"weight": 0}, "weight must be a finite number > 0, got 0"),
        ({"labels": [1, 2]}, r"\(13, 13\), or \(T, 13, 13\)"),
        ({"counts": two([(5, 5)])}, "nothing to tell apart"),
    ],
)
def test_what_can_not_be_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        gaussian.best(**{"counts": "uniform", "rate": 1} | change)
