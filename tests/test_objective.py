"""What is minimized: schedules, loss terms, and the feedback that holds the rate."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

import geomlib as g
from geomlib.objective import (
    FIRST_PRICE,
    PRICES,
    capacity_at,
    clock_at,
    cross_entropy,
    hold,
    learning_rate_at,
    new_hold,
)


def posterior_of(nats, networks=1, n=64):
    """mu, logvar (M, N, 5) of a code whose rate is so many nats."""
    mu = torch.zeros(networks, n, 5)
    mu[..., 0] = math.sqrt(2 * nats)
    return mu, torch.zeros(networks, n, 5)


def followed(rates, spec):
    """lambda at each step of a network whose rate is given."""
    state = new_hold(1)
    return [hold(state, *posterior_of(r), torch.tensor([spec.capacity]), spec).item() for r in rates], state


def test_the_price_rises_above_the_capacity_falls_below_and_rests_at_it():
    spec = g.Spec(capacity=3, steps=500)
    for nats, compare in ((6, "__gt__"), (1.5, "__lt__")):
        prices, state = followed([nats] * 200, spec)
        assert all(getattr(b, compare)(a) for a, b in itertools.pairwise(prices[30:]))
        assert state["mean_rate"].item() == pytest.approx(nats, rel=1e-3)
    prices, _ = followed([3] * 200, spec)
    assert prices[-1] == pytest.approx(prices[60], rel=1e-2)


def test_the_price_is_positive_and_bounded_whatever_the_rate():
    for nats in (0.0, 1e-9, 1e6):
        prices, _ = followed([nats] * 3_000, g.Spec(capacity=3, steps=500))
        assert PRICES[0] / 2 < min(prices) <= max(prices) < PRICES[1] * 2
    assert np.isfinite(followed([1.0] * 10, g.Spec(capacity=0))[0]).all()


def test_the_feedback_of_a_stack_is_that_of_each_network_alone():
    spec, state = g.Spec(capacity=3), new_hold(2)
    mu, logvar = posterior_of(1.0, 2)
    mu[1] *= 3
    both = hold(state, mu, logvar, torch.tensor([3.0, 1.0]), spec)
    for m, capacity in enumerate((3.0, 1.0)):
        one = hold(new_hold(1), mu[m : m + 1], logvar[m : m + 1], torch.tensor([capacity]), spec)
        assert torch.equal(one[0], both[m])


def test_a_held_rate_is_pressed_down_and_never_pushed_up():
    out, images = outputs()
    for price in (1e-5, 0.03, None):
        term = g.loss_terms(out, images, {}, 1, g.Spec(), price)["rate"]
        nats = g.rate(out.mu, out.logvar).mean()
        assert term.item() == pytest.approx((FIRST_PRICE if price is None else price) * nats.item(), rel=1e-5)
        assert torch.autograd.grad(term, out.mu, retain_graph=True)[0].flatten() @ out.mu.flatten() > 0


@pytest.mark.parametrize("steps", [1, 7, 500, 7974])
def test_any_number_of_steps_has_a_rise_of_its_own(steps):
    spec = g.Spec(capacity=3, steps=steps)
    rise = [capacity_at(i, spec) for i in range(1, steps + 1)]
    assert rise == sorted(rise) and rise[-1] == 3
    rates = [learning_rate_at(i, spec) for i in range(1, steps + 1)]
    assert rates == sorted(rates, reverse=True) and rates[0] == spec.learning_rate and rates[-1] > 0


def test_the_capacity_jumps_between_epochs_as_the_originals_does():
    spec = g.Spec(capacity=1, loss="B")
    assert g.capacity_at(1329, spec) == pytest.approx(0.133, abs=5e-4)
    assert g.capacity_at(1330, spec) == pytest.approx(0.627, abs=5e-4)
    assert g.capacity_at(2262, spec) < 1 == g.capacity_at(2263, spec) == g.capacity_at(7974, spec)


def test_the_plain_clock_counts_steps():
    spec = g.Spec(capacity=10, loss="B", clock="steps", slow_until=0)
    assert g.capacity_at(1250, spec) == 5
    assert g.capacity_at(1250, dataclasses.replace(spec, slow_until=1500)) == 1.25


def test_the_small_sets_clock_ticks_110_validation_batches():
    spec = g.Spec(counts="diagonal", steps_per_epoch=586)
    assert clock_at(587, spec) - clock_at(586, spec) == 111


def test_task_weights_follow_their_rules():
    early, late = (g.Spec(tasks=("order", "region"), task_rule=rule, clock="steps") for rule in ("early", "late"))
    weights = lambda spec, step: [g.task_weight_at(step, spec, task) for task in spec.tasks]
    assert weights(early, 1250) == [0.125, 0.125] and weights(early, 2500) == [1, 1]
    assert weights(late, 2500) == [0, 0] and weights(late, 3750) == [0.5, 5] and weights(late, 9999) == [1, 10]
    assert weights(g.change(late, task_rule="constant"), 1) == [1, 1]


# --- the loss


def outputs(n=16, heads={}):
    network = g.BetaVAE(heads=heads)
    images = torch.from_numpy(g.corridors(np.ones((13, 13)), 0).images[:n])
    return network(images, torch.randn(n, 5)), images


def test_the_loss_is_the_papers_equation():
    spec = g.Spec(tasks=("order", "region"), capacity=3, gamma=200, loss="B", task_rule="early")
    out, images = outputs(16, spec.heads)
    labels = {"order": torch.arange(16) % 2, "region": torch.arange(16)}
    terms = g.loss_terms(out, images, labels, 5000, spec)
    halves = [g.rate(out.mu[part], out.logvar[part]).mean() for part in (slice(0, 8), slice(8, 16))]
    p = out.classes["order"]
    binary = torch.where(labels["order"] == 1, p, 1 - p).log().mean()
    twice = out.classes["region"].softmax(1)[torch.arange(16), labels["region"]].log().mean()
    assert list(terms) == ["reconstruction", "rate", "order", "region"]
    assert terms["reconstruction"].item() == pytest.approx(((out.reconstruction - images) ** 2).mean().item())
    assert terms["rate"].item() == pytest.approx(200 * 0.0003 * sum(abs(half.item() - 3) for half in halves) / 2)
    assert terms["order"].item() == pytest.approx(-binary.item(), rel=1e-5)
    assert terms["region"].item() == pytest.approx(-twice.item(), rel=1e-5)


def test_loss_h_weighs_the_rate_by_beta_and_has_no_capacity():
    out, images = outputs()
    term = g.loss_terms(out, images, {}, 1, g.Spec(loss="H", beta=2))["rate"]
    assert term.item() == pytest.approx(2 * 0.0003 * g.rate(out.mu, out.logvar).mean().item())


def test_one_rate_group_takes_the_whole_batch():
    spec = g.Spec(capacity=0.1, rate_groups=1, gamma=1, loss="B")
    out, images = outputs()
    whole = abs(g.rate(out.mu, out.logvar).mean().item() - 0.1)
    assert g.loss_terms(out, images, {}, 5000, spec)["rate"].item() == pytest.approx(0.0003 * whole)


def test_the_twice_softmaxed_loss_cannot_fall_below_its_floor():
    perfect = torch.eye(25)
    twice, once = (cross_entropy(perfect, torch.arange(25), softmax_twice=flag).item() for flag in (True, False))
    assert twice == pytest.approx(2.285, abs=1e-3)
    assert once == 0
