import contextlib
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

import geomlib as g
from geomlib import data, train
from geomlib.engine import jobs


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
    stack = train.fit_stack(specs, [None] * 3, [None] * 3, torch.device("cpu"), [0, 1, 2], None, {}, True, np.zeros(3))
    for spec, member in zip(specs, stack):
        alone = g.fit([spec], "cpu")[0]
        for name, value in alone.model.state_dict().items():
            difference = (value - member.model.state_dict()[name]).abs()
            assert difference.mean() < 3e-6, name  # rounding, which differs between processors: up to 1.6e-6 seen
        assert np.allclose(alone.history.value, member.history.value, rtol=1e-4, atol=1e-5)


def test_a_run_goes_on_from_a_checkpoint_with_the_same_bits(tiny):
    tiny = dataclasses.replace(tiny, tasks=("region",))
    kept = []
    whole = g.fit([tiny], "cpu", on_checkpoint=lambda index, checkpoint: kept.append(checkpoint))[0]
    resumed = g.fit([tiny], "cpu", starts=[kept[0]])[0]
    assert [checkpoint.epoch for checkpoint in kept] == [1, 2]
    assert {"hold.log_price", "hold.mean_rate"} < kept[0].tensors.keys()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])
    pd.testing.assert_frame_equal(whole.history, resumed.history)


def test_training_learns_to_tell_two_corridors_apart():
    counts = np.zeros((13, 13))
    counts[2, 2] = counts[10, 10] = 2500
    spec = g.Spec(counts=counts, steps=300, capacity=3)
    loss = g.fit([spec], "cpu")[0].final.reconstruction
    images = g.corridors(counts, 0).images
    assert loss < 0.8 * ((images - images.mean(0)) ** 2).mean()  # far better than one picture for all


def test_a_short_run_holds_its_rate_and_tells_the_price_of_a_nat():
    spec = g.Spec(schedule="sketch", capacity=3)
    final = g.fit([spec], "cpu")[0].final
    assert final.rate == pytest.approx(3, rel=0.1)
    assert 0.003 < final.price < 0.1 and final.active_latents >= 1
    assert final.reconstruction < 0.11


def test_a_world_and_a_task_of_ones_own_are_trained_on(tiny):
    world = np.random.default_rng(7).random((13, 13, 13, 13)).round()
    corner = (np.indices((13, 13)) < 6).all(0).astype(int)
    spec = g.change(tiny, world=world, tasks={"corner": corner})
    one, other = g.fit([spec, g.change(spec, seed=1)], "cpu")  # a process each
    assert one.final["corner"] > 0 and other.spec.seed == 1
    blind = g.fit([g.change(tiny, tasks={"corner": corner})], "cpu")[0]
    assert blind.final.reconstruction != one.final.reconstruction


def test_the_history_names_every_term_of_every_epoch(trained):
    history = trained.history
    assert list(history.columns) == ["step", "epoch", "split", "term", "value"]
    assert set(history.step) == {7, 14} and set(history.epoch) == {1, 2}
    assert list(history[(history.split == "train") & (history.epoch == 2)].term) == [
        "reconstruction",
        "rate",
        "order",
        "region",
        "price",
    ]
    for term in ("reconstruction", "rate", "rate_4", "order", "f1_order", "whole_f1_order", "region", "f1_region"):
        assert np.isfinite(trained.final[term])


def test_a_short_last_batch_and_epochs_cut_short_are_trained_on():
    spec = g.Spec(counts=np.full((13, 13), 6), batch_size=100, steps=9)  # 861 = 8 x 100 + 61
    assert g.fit([spec], "cpu")[0].final.size
    assert g.fit([g.change(spec, steps=5, steps_per_epoch=2)], "cpu")[0].history.epoch.max() == 3
    several = g.change(spec, steps=20)  # an epoch of more than two passes through the images
    assert g.fit([several], "cpu")[0].history.epoch.max() == 1


def test_a_csv_set_is_trained_on_like_a_table_and_remembered_by_its_checksum(tmp_path, tiny):
    path = tmp_path / "own.csv"
    g.write_csv(path, g.corridors(np.full((13, 13), 6), 0))
    spec = dataclasses.replace(tiny, counts=str(path))
    (ours, theirs) = (g.fit([s], "cpu")[0].model.mu.bias for s in (tiny, spec))
    assert torch.equal(ours, theirs)
    assert (data.counts_table(path) == 6).all()  # theory counts what the file shows
    assert g.price(rate=0.3, **spec.theory()) == g.price(rate=0.3, **tiny.theory())
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    with pytest.raises(ValueError, match="has changed: its sha256"):
        g.fit([spec], "cpu")
    with pytest.raises(FileNotFoundError):
        g.Spec(counts="nowhere.csv")
    with pytest.raises(ValueError, match="validation_end is 2000, but .*own.csv has 1014 images"):
        g.evaluate.load_data(dataclasses.replace(g.Spec(counts=path), validation_end=2000))


def test_progress_counts_what_a_checkpoint_has_done(tiny, monkeypatch):
    kept, seen = [], []
    g.fit([tiny], "cpu", on_checkpoint=lambda index, checkpoint: kept.append(checkpoint))
    monkeypatch.setattr(jobs, "progress", lambda done, total: seen.append(done.tolist()) or contextlib.nullcontext())
    g.fit([tiny], "cpu", [kept[0]])
    assert seen == [[7]]


def test_training_says_where_a_rate_was_not_held(tiny, caplog):
    _, short = g.fit([dataclasses.replace(tiny, loss=loss) for loss in ("H", "held")], "cpu")
    assert short.final["rate"] < 0.95 * tiny.capacity
    assert "1 of 2 networks ended more than 5% away from their capacity, the farthest with a rate of" in caplog.text


def test_training_says_where_the_steps_are_too_few_for_the_originals_clock(tiny, caplog):
    g.fit([dataclasses.replace(tiny, loss=loss) for loss in ("held", "B", "H")], "cpu")
    said = caplog.text
    assert said.count("861 images to train on: a network hardly learns from fewer than 2,000") == 1
    assert said.count("The capacity rises to") == 1 and "of 10 nats in 14 steps; for all of it raise steps" in said


def test_a_loss_that_is_not_finite_stops_and_names_step_and_term(tiny):
    with pytest.raises(
        train.Diverged, match="(reconstruction|rate) is (nan|inf) at step [0-9]+ .capacity 10, .*: lower"
    ) as caught:
        g.fit([dataclasses.replace(tiny, learning_rate=10.0, loss="B", gamma=1e9, steps=700)], "cpu")
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
    spec = g.Spec(
        counts=np.full((13, 13), 30),
        steps=340,
        steps_per_epoch=34,
        tasks=("quadrant",),
        task_rule="constant",
        source="there",
    )
    run = g.fit([spec, dataclasses.replace(spec, seed=1)], "cpu", sources={"there": trained.model})[0]
    for name, value in run.model.state_dict().items():
        assert name.startswith("classifiers.") or torch.equal(value, trained.model.state_dict()[name])
    losses = run.history[(run.history.split == "train") & (run.history.term == "quadrant")].value.to_list()
    assert losses[-1] < losses[0]
    assert set(run.history[run.history.split == "train"].term) == {"quadrant"}
    for others in ({}, {"there": g.BetaVAE(2)}):
        with pytest.raises(ValueError, match="sources must hold 'there', a network of 5 latents"):
            g.fit([spec], "cpu", sources=others)


def test_the_codes_of_a_network_are_sampled_once_for_all_the_heads_that_read_them(trained, monkeypatch):
    asked, sample = [], train.sample
    monkeypatch.setattr(train, "sample", lambda *arguments: asked.append(arguments) or sample(*arguments))
    spec = g.Spec(counts=np.full((13, 13), 15), steps=2, tasks=("quadrant",), source="there")
    specs = [dataclasses.replace(spec, seed=seed, tasks=(task,)) for seed in (0, 1) for task in ("quadrant", "region")]
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    g.fit(specs, "cpu", sources={"there": trained.model})
    assert len(asked) == 2 * 2  # of each seed, those of the training part and of the one held out


@pytest.mark.parametrize(
    "given, words",
    [
        (
            lambda run, images: g.encode(run.model, images.images[:, 0]),
            r"images must be \(N, 1, 13, 13\).* got shape \(507, 13, 13\)",
        ),
        (lambda run, images: g.encode(run.model, images), "give .images of them"),
        (lambda run, images: g.encode(run.model, images.images * 255), r"got 0\.\.255; divide 0\.\.255 by 255"),
        (lambda run, images: g.encode(run.model, images.images * np.nan), r"from 0 \(open\) to 1 \(wall\), got nan"),
        (lambda run, images: g.encode(run, images.images), "as .model of a run is, got Run"),
        (lambda run, images: g.decode(run, np.zeros((1, 5))), "got Run"),
        (lambda run, images: g.evaluate.sample(run, images.images, [0]), "got Run"),
        (lambda run, images: g.evaluate.sample(run.model, images, [0]), "give .images of them"),
        (lambda run, images: g.evaluate.scores(run, *images, seed=0), "got Run"),
    ],
)
def test_what_is_no_network_or_no_images_is_refused(trained, images, given, words):
    with pytest.raises((ValueError, TypeError), match=words):
        given(trained, images)


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


def test_a_run_shows_itself_in_a_line_and_in_a_notebook_as_a_table_with_a_curve_of_each_score(trained):
    assert "\n" not in repr(trained) and f"{trained.final.rate:.4g}" in repr(trained)
    shown, scores = trained._repr_html_(), [name for name in trained.final.index if not name.startswith("rate_")]
    assert all(f"<th>{name}</th><td>{trained.final[name]:.4g}</td>" in shown for name in scores)
    epochs = trained.history[trained.history.split == "validation"].step.nunique()
    curves = [line.split('"')[0].split() for line in shown.split('points="')[1:]]
    assert len(curves) == len(scores) and {len(points) for points in curves} == {epochs}


def test_one_image_is_encoded_as_in_a_set(trained, images):
    np.testing.assert_allclose(
        g.encode(trained.model, images.images[0, 0]), g.encode(trained.model, images.images[:1]), atol=1e-6
    )


def test_a_bar_that_nobody_reads_stops_no_training(monkeypatch):
    class Closed:
        encoding, isatty = "utf-8", lambda _: False

        def write(self, *_):
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr(jobs.sys, "stderr", Closed())
    shown = jobs.bar("training", total=2)
    shown.delay = 0
    for _ in range(2):  # the first one left tqdm's lock taken
        shown.refresh()
    shown.close()


def test_heads_read_a_source_of_their_own_form():
    spec = g.Spec(tasks=["order"], source="there", layers="perceptron", steps=1)
    with pytest.raises(ValueError, match="sources must hold 'there', a network of 5 latents, layers 'perceptron' and"):
        g.fit([spec], "cpu", sources={"there": g.BetaVAE()})
