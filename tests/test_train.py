import contextlib
import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch

import geomlib as g
from geomlib import spec as spec_module
from geomlib import train


# --- what a spec is


def test_the_defaults_are_the_papers_baseline():
    spec = g.Spec()
    assert (spec.train_end, spec.validation_end, spec.steps_per_epoch) == (170_000, 185_000, 1329)
    assert g.Spec(counts="diagonal").steps_per_epoch == 586


def test_a_table_of_ones_own_is_split_85_7_7():
    spec = g.Spec(counts=np.full((13, 13), 100))
    assert (spec.train_end, spec.validation_end) == (14365, 15632)
    assert spec.steps_per_epoch == 113


@pytest.mark.parametrize("rule", [lambda f: f.sum(0), lambda f: f.sum(1) - 1, lambda f: f[:, 0] / 12, lambda f: 1])
def test_a_rule_that_gives_no_classes_is_refused_by_the_tasks_name(monkeypatch, rule):
    monkeypatch.setitem(g.TASKS, "odd", g.data.Task(2, rule))
    with pytest.raises(ValueError, match=r"rule of task 'odd' must give .* in 0\.\.1"):
        g.Spec(tasks=["odd"])


def test_a_task_has_two_classes_or_more(monkeypatch):
    monkeypatch.setitem(g.TASKS, "one", g.data.Task(1, lambda f: 0 * f[:, 0]))
    with pytest.raises(ValueError, match="task 'one' must have 2 classes or more, got 1"):
        g.Spec(tasks=["one"])


@pytest.mark.parametrize(
    "name",
    ["rate", "rate_0", "f1_order", "whole_f1_order", "reconstruction", "active_latents", "keys", "two words", "a.b"],
)
def test_a_task_has_no_name_of_another_score_or_of_a_method(monkeypatch, name):
    monkeypatch.setitem(g.TASKS, name, g.TASKS["order"])
    with pytest.raises(ValueError, match="a task can't be named"):
        g.Spec(tasks=[name])


def test_workers_know_tasks_and_counts_of_ones_own(monkeypatch):
    monkeypatch.setitem(g.TASKS, "low", g.data.Task(2, lambda f: (f[:, 0] < 3).astype(int)))
    monkeypatch.setitem(g.COUNTS, "few", np.full((13, 13), 2))
    spec = g.Spec(counts="few", tasks=["low"], steps=1)
    one, other = g.fit([spec, dataclasses.replace(spec, seed=1)], "cpu")  # a process each
    assert one.final["low"] > 0 and other.spec.seed == 1


def test_a_network_that_is_not_the_one_that_trains_is_refused(monkeypatch):
    images = g.corridors(np.full((13, 13), 1)).images[:8]
    train.check_same_network(g.BetaVAE(heads={"order": 2, "region": 25}), images)
    decode = g.BetaVAE.decode
    monkeypatch.setattr(g.BetaVAE, "decode", lambda self, z: decode(self, z.tanh()))
    with pytest.raises(RuntimeError, match="fast.py trains another network .*reconstruction differs"):
        train.check_same_network(g.BetaVAE(), images)


@pytest.mark.parametrize(
    "given, words",
    [
        (
            lambda run, images: g.encode(run.model, images.images[:, 0]),
            r"images must be \(N, 1, 13, 13\).* got shape \(507, 13, 13\)",
        ),
        (lambda run, images: g.encode(run.model, images), "give .images of them"),
        (
            lambda run, images: g.encode(run.model, images.images * 255),
            r"got 0\.\.255; divide those in 0\.\.255 by 255",
        ),
        (lambda run, images: g.encode(run.model, images.images * np.nan), r"from 0 \(open\) to 1 \(wall\), got nan"),
        (lambda run, images: g.encode(run, images.images), "as .model of a run is, got Run"),
        (lambda run, images: g.decode(run, np.zeros((1, 5))), "got Run"),
        (lambda run, images: g.evaluate.scores(run, *images, seed=0), "got Run"),
    ],
)
def test_what_is_no_network_or_no_images_is_refused(trained, images, given, words):
    with pytest.raises((ValueError, TypeError), match=words):
        given(trained, images)


def test_a_spec_survives_json():
    for spec in (g.Spec(), g.Spec(counts=np.full((13, 13), 10), tasks=["order"], gamma=1)):
        assert g.Spec(**json.loads(json.dumps(dataclasses.asdict(spec)))) == spec


def test_a_spec_knows_the_table_of_its_counts(monkeypatch):
    spec = g.Spec(counts="bottom")
    assert g.change(spec, counts="diagonal") == g.Spec(counts="diagonal") != g.change(spec, counts=g.COUNTS["diagonal"])
    assert g.Spec(counts=g.COUNTS["bottom"]).counts_sha256 == ""  # the table itself is in the spec
    monkeypatch.setitem(g.COUNTS, "bottom", g.COUNTS["bottom"] + 1)
    with pytest.raises(ValueError, match="table of counts 'bottom' is no longer the one trained on.*a name of its own"):
        g.Spec(**dataclasses.asdict(spec))
    with pytest.raises(ValueError, match="no longer the one trained on"):
        g.paper.run("E1M1", 10)


def test_a_spec_knows_the_rules_of_its_tasks(monkeypatch):
    spec = g.Spec(tasks=("order",))
    assert g.change(spec, tasks=("aligned",)) == g.Spec(tasks=("aligned",)) and g.Spec().labels_sha256 == ""
    monkeypatch.setitem(g.TASKS, "order", g.TASKS["aligned"])
    with pytest.raises(ValueError, match="rule of a task among order is no longer.*a name of its own"):
        g.Spec(**dataclasses.asdict(spec))


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("capacity", -1, "capacity must be a number in 0.*nats.*got -1"),
        ("capacity", float("nan"), "got nan"),
        ("capacity", float("inf"), "got inf"),
        ("capacity", "ten", "got 'ten'"),
        ("capacity", True, "got True"),
        ("gamma", None, "got None"),
        ("steps", 0, "steps must be a whole number in 1..*got 0"),
        ("steps", 1.5, "got 1.5"),
        ("steps_per_epoch", 0, "got 0"),
        ("steps_per_epoch", 2000, "at most 1329.*got 2000"),
        ("batch_size", 0, "got 0"),
        ("learning_rate", 0, "learning_rate"),
        ("seed", -1, r"in 0\.\.4,294,967,296, got -1"),
        ("loss", "C", "loss must be one of B, H, got 'C'"),
        ("clock", "wall", "original, steps"),
        ("task_rule", "never", "early, late, constant"),
        ("tasks", ("order", "colour"), "order, quadrant, aligned, region, identity, .*got .*colour"),
        ("tasks", "order", r'a list of names .* as tasks=\["order"\], got .order'),
        ("tasks", ("order", "order"), "each task once"),
        ("softmax_twice", "no", "True or False, got 'no'"),
        ("train_end", 200_000, "0 < train_end < validation_end <= 200000"),
        ("validation_end", 200_001, "validation_end <= 200000 .*got 170000 and 200001"),
        ("validation_end", 170_000, "got 170000 and 170000"),
        ("counts", "bottm", "'bottm'"),
        ("counts", [[1, 2]], r"shape \(13, 13\)"),
    ],
)
def test_a_wrong_value_is_refused_by_name_with_what_is_allowed(field, value, words):
    with pytest.raises(ValueError, match=words):
        g.Spec(**{field: value})


def test_an_unknown_field_is_refused_with_the_nearest_name(tiny):
    with pytest.raises(ValueError, match="no field 'gama'; did you mean gamma?"):
        g.change(tiny, gama=3)
    with pytest.raises(ValueError, match="no field 'gama'; did you mean gamma?"):
        g.Spec(gama=3)


def test_changing_the_data_changes_the_split_with_it():
    spec = g.change(g.Spec(), counts="diagonal")
    assert spec == g.Spec(counts="diagonal")
    assert g.change(spec, batch_size=64).steps_per_epoch == 1172


# --- schedules: the original's clock


def test_the_capacity_jumps_between_epochs_as_the_originals_does():
    spec = g.Spec(capacity=1)
    assert g.capacity_at(1329, spec) == pytest.approx(0.133, abs=5e-4)
    assert g.capacity_at(1330, spec) == pytest.approx(0.627, abs=5e-4)
    assert g.capacity_at(2262, spec) < 1 == g.capacity_at(2263, spec) == g.capacity_at(5316, spec)


def test_the_plain_clock_counts_steps():
    spec = g.Spec(capacity=10, clock="steps", slow_until=0)
    assert g.capacity_at(1250, spec) == 5
    assert g.capacity_at(1250, dataclasses.replace(spec, slow_until=1500)) == 1.25


def test_the_small_sets_clock_ticks_110_validation_batches():
    spec = g.Spec(counts="diagonal")
    assert spec_module.clock_at(587, spec) - spec_module.clock_at(586, spec) == 111


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
    spec = g.Spec(tasks=("order", "region"), capacity=3, gamma=200)
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
    spec = g.Spec(capacity=0.1, rate_groups=1, gamma=1)
    out, images = outputs()
    whole = abs(g.rate(out.mu, out.logvar).mean().item() - 0.1)
    assert g.loss_terms(out, images, {}, 5000, spec)["rate"].item() == pytest.approx(0.0003 * whole)


def test_the_twice_softmaxed_loss_cannot_fall_below_its_floor():
    perfect = torch.eye(25)
    twice, once = (
        spec_module.cross_entropy(perfect, torch.arange(25), softmax_twice=flag).item() for flag in (True, False)
    )
    assert twice == pytest.approx(2.285, abs=1e-3)
    assert once == 0


# --- training


def test_the_same_spec_gives_the_same_bits_alone_and_beside_others(tiny):
    other = dataclasses.replace(tiny, seed=1, capacity=1.0)
    alone, (beside, different) = g.fit([tiny], "cpu")[0], g.fit([tiny, other], "cpu")
    for name, value in alone.model.state_dict().items():
        assert torch.equal(value, beside.model.state_dict()[name])
    assert not torch.equal(alone.model.mu.bias, different.model.mu.bias)
    pd.testing.assert_frame_equal(alone.history, beside.history)


def test_a_stack_trains_each_network_as_it_trains_alone(tiny):
    specs = [
        dataclasses.replace(tiny, seed=seed, capacity=capacity, tasks=("order", "region"))
        for seed, capacity in ((0, 10.0), (1, 1.0), (2, 3.0))
    ]
    stack = train.fit_stack(specs, torch.device("cpu"), [None] * 3, [0, 1, 2], None, {}, np.zeros(3))
    for spec, member in zip(specs, stack):
        alone = g.fit([spec], "cpu")[0]
        for name, value in alone.model.state_dict().items():
            difference = (value - member.model.state_dict()[name]).abs()
            assert difference.mean() < 1e-6, name  # rounding, but where a gradient is ~ 0
        assert np.allclose(alone.history.value, member.history.value, rtol=1e-4, atol=1e-5)


def test_a_run_goes_on_from_a_checkpoint_with_the_same_bits(tiny):
    tiny = dataclasses.replace(tiny, tasks=("region",))
    kept = []
    whole = g.fit([tiny], "cpu", keep=lambda index, checkpoint: kept.append(checkpoint))[0]
    resumed = g.fit([tiny], "cpu", starts=[kept[0]])[0]
    assert [checkpoint.epoch for checkpoint in kept] == [1, 2]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])
    pd.testing.assert_frame_equal(whole.history, resumed.history)


def test_training_learns_to_tell_two_corridors_apart():
    counts = np.zeros((13, 13))
    counts[2, 2] = counts[10, 10] = 2500
    spec = g.Spec(counts=counts, steps=170, ramp=1, slow_until=0, capacity=3)
    loss = g.fit([spec], "cpu")[0].final.reconstruction
    images = g.corridors(counts, 0).images
    assert loss < 0.8 * ((images - images.mean(0)) ** 2).mean()  # far better than one picture for all


def test_the_history_names_every_term_of_every_epoch(trained):
    history = trained.history
    assert list(history.columns) == ["step", "epoch", "split", "term", "value"]
    assert set(history.step) == {7, 14} and set(history.epoch) == {1, 2}
    assert list(history[(history.split == "train") & (history.epoch == 2)].term) == [
        "reconstruction",
        "rate",
        "order",
        "region",
    ]
    for term in ("reconstruction", "rate", "rate_4", "order", "f1_order", "whole_f1_order", "region", "f1_region"):
        assert np.isfinite(trained.final[term])


def test_a_short_last_batch_and_epochs_cut_short_are_trained_on():
    spec = g.Spec(counts=np.full((13, 13), 6), batch_size=100, steps=9)  # 861 = 8 x 100 + 61
    assert g.fit([spec], "cpu")[0].final.size
    assert g.Spec(**{**dataclasses.asdict(spec), "steps_per_epoch": 2, "steps": 5}).steps_per_epoch == 2


def test_a_csv_set_is_trained_on_like_a_table_and_remembered_by_its_checksum(tmp_path, tiny):
    path = tmp_path / "own.csv"
    g.write_csv(path, g.corridors(np.full((13, 13), 6), 0))
    spec = dataclasses.replace(tiny, counts=str(path))
    (ours, theirs) = (g.fit([s], "cpu")[0].model.mu.bias for s in (tiny, spec))
    assert torch.equal(ours, theirs)
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    with pytest.raises(ValueError, match="has changed: its sha256"):
        g.fit([spec], "cpu")
    with pytest.raises(FileNotFoundError):
        g.Spec(counts="nowhere.csv")
    with pytest.raises(ValueError, match="validation_end is 2000, but .*own.csv has 1014 images"):
        train.load_data(dataclasses.replace(g.Spec(counts=path), validation_end=2000))


def test_progress_counts_what_a_checkpoint_has_done(tiny, monkeypatch):
    kept, seen = [], []
    g.fit([tiny], "cpu", keep=lambda index, checkpoint: kept.append(checkpoint))
    monkeypatch.setattr(train, "progress", lambda done, total: seen.append(done.tolist()) or contextlib.nullcontext())
    g.fit([tiny], "cpu", [kept[0]])
    assert seen == [[7]]


def test_training_says_where_the_steps_are_too_few_for_the_capacity(tiny, capsys):
    g.fit([tiny, dataclasses.replace(tiny, loss="H")], "cpu")
    said = capsys.readouterr().err
    assert said.count("The capacity rises to") == 1 and "of 10 nats in 14 steps; for all of it raise steps" in said


def test_a_loss_that_is_not_finite_stops_and_names_step_and_term(tiny):
    with pytest.raises(
        train.Diverged, match="(reconstruction|rate) is (nan|inf) at step [0-9]+ .capacity 10, .*: lower"
    ) as caught:
        g.fit([dataclasses.replace(tiny, learning_rate=10.0, gamma=1e9, steps=700)], "cpu")
    assert "at step" in str(caught.value) and isinstance(caught.value.history, pd.DataFrame)


@pytest.mark.parametrize("device, words", [("gpu", "auto, cpu or cuda, got 'gpu'"), ("cuda", "no CUDA device is here")])
def test_a_device_that_is_not_there_is_refused(tiny, device, words):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    with pytest.raises(ValueError, match=words):
        g.fit([tiny], device)


def test_evaluation_is_that_of_sampled_codes_and_encoding_that_of_means(trained, images):
    scores = g.evaluate.scores(trained.model, images.images, images.factors, seed=0)
    noise = torch.from_numpy(np.random.default_rng([0, 0]).standard_normal((len(images.images), 5), dtype=np.float32))
    out = trained.model(torch.from_numpy(images.images), noise)
    assert scores["reconstruction"] == pytest.approx(
        (out.reconstruction - torch.from_numpy(images.images)).square().mean().item(), rel=1e-5
    )
    assert scores["rate"] == pytest.approx(g.rate(out.mu, out.logvar).mean().item(), rel=1e-5)
    assert scores["rate"] == pytest.approx(sum(scores[f"rate_{i}"] for i in range(5)))
    assert np.allclose(g.encode(trained.model, images.images), out.mu.detach().numpy(), atol=1e-6)
    assert g.encode(trained.model, images.images[:0]).shape == (0, 5)
    assert np.array_equal(
        g.encode(trained.model, torch.from_numpy(images.images)), g.encode(trained.model, images.images)
    )
    assert np.allclose(g.decode(trained.model, out.z.detach().numpy()), out.reconstruction.detach().numpy(), atol=1e-6)


def test_a_classifier_on_frozen_codes_learns_its_task_and_leaves_the_network_alone(trained):
    spec = g.Spec(counts=np.full((13, 13), 30), steps=340, tasks=("quadrant",), task_rule="constant", source="there")
    run = g.fit([spec, dataclasses.replace(spec, seed=1)], "cpu", sources={"there": trained.model})[0]
    for name, value in run.model.state_dict().items():
        assert name.startswith("classifiers.") or torch.equal(value, trained.model.state_dict()[name])
    losses = run.history[(run.history.split == "train") & (run.history.term == "quadrant")].value.to_list()
    assert losses[-1] < losses[0]
    assert set(run.history[run.history.split == "train"].term) == {"quadrant"}
    for others in ({}, {"there": g.BetaVAE(2)}):
        with pytest.raises(ValueError, match="sources must hold 'there', a network of 5 latents"):
            g.fit([spec], "cpu", sources=others)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_trains_as_a_cpu_does(tiny):
    specs = [
        dataclasses.replace(tiny, steps=49, seed=seed, capacity=capacity, tasks=("order", "region"))
        for seed, capacity in ((0, 10.0), (1, 1.0))
    ]
    for one, other in zip(g.fit(specs, "cuda"), g.fit(specs, "cpu")):
        assert np.allclose(one.history.value, other.history.value, rtol=2e-3, atol=1e-4)
    spec = g.Spec(counts=np.full((13, 13), 6), steps=49, tasks=("order",), source="there")
    heads = [g.fit([spec], device, sources={"there": one.model})[0].history for device in ("cuda", "cpu")]
    assert np.allclose(heads[0].value, heads[1].value, rtol=2e-3, atol=1e-4)
