import numpy as np
import pandas as pd
import pytest

import geomlib as g
from geomlib import paper, runs, train


def test_the_paper_has_eight_models_of_the_facts_lengths():
    assert list(paper.MODELS) == ["baseline", "E1M1", "E1M2", "E2M1", "E2M2", "E2M3", "E2M4", "E2M5"]
    steps = {model: paper.spec(model, 10).steps for model in paper.MODELS}
    epochs = {model: train.epochs(paper.spec(model, 10)) for model in paper.MODELS}
    assert (steps["baseline"], steps["E1M1"], steps["E1M2"], steps["E2M5"]) == (5316, 7974, 3516, 7974)
    assert set(epochs.values()) == {4, 6} and epochs["baseline"] == 4
    assert paper.spec("E2M5", 1).task_rule == "late" and paper.spec("E2M4", 1).task_rule == "early"


@pytest.mark.parametrize("model, capacity, words", [
    ("E3M1", 10, "model must be one of baseline, E1M1.*'E3M1'"), ("baseline", 5, "0.3, 1, 3, 6, 10 nats, got 5"),
    ("baseline", "ten", "got 'ten'")])
def test_an_unknown_model_or_capacity_is_refused(model, capacity, words):
    with pytest.raises(ValueError, match=words):
        paper.spec(model, capacity)


@pytest.fixture
def no_tries(monkeypatch):
    table = pd.DataFrame({"model": pd.Series(dtype=str)} | {name: pd.Series(dtype=float) for name in (
        "capacity", "gamma", "ramp", "rate", "reconstruction")})
    monkeypatch.setattr(paper, "tries", lambda: table)
    return table


def test_gamma_is_the_known_one_or_the_smallest_that_holds_the_rate(no_tries):
    assert paper.settle("baseline", 3) == (100, 2500)                            # nothing tried: the first to try
    no_tries.loc[0] = ["baseline", 3.0, 100, 2500, 2.8, 0.08]                      # 7 % off
    assert paper.settle("baseline", 3) == (200, 2500)
    no_tries.loc[1] = ["baseline", 3.0, 200, 2500, 3.1, 0.08]                      # 3 % off
    assert paper.settle("baseline", 3) == (200, 2500)
    assert paper.settle("baseline", 1) == (200, 2500) and paper.settle("E2M1", 0.3) == (1000, 1000)
    no_tries.loc[2] = ["E2M1", 0.3, 1000, 1000, 0.8, 0.15]                       # the known one does not hold
    assert paper.settle("E2M1", 0.3) == (100, 1000)
    no_tries.loc[3] = ["E2M5", 1.0, 5000, 2500, 1.35, 0.13]                        # but E2M5 is taken as published
    assert paper.settle("E2M5", 1) == (5000, 2500)


def test_where_no_gamma_holds_the_rate_the_largest_is_taken(no_tries):
    for i, gamma in enumerate(paper.GAMMAS):
        no_tries.loc[i] = ["E1M1", 0.3, gamma, 2500, 0.5, 0.13]
    assert paper.settle("E1M1", 0.3) == (10_000, 2500)


def test_a_runs_name_tells_what_is_changed():
    assert paper.slug("E1M1", 0.3) == "E1M1-c0.3-s0"
    plain, changed = paper.slug("E1M1", 10, 2), paper.slug("E1M1", 10, 2, gamma=7)
    assert changed.startswith(plain + "-") and changed != paper.slug("E1M1", 10, 2, gamma=8)
    assert paper.slug("E1M1", 10, 2, gamma=paper.spec("E1M1", 10).gamma) == plain


def test_a_run_is_trained_once_and_another_spec_in_its_place_is_refused(tmp_path):
    small = {"steps": 3, "steps_per_epoch": 3, "counts": np.full((13, 13), 6).tolist()}
    first = paper.run("E2M1", 10, 1, folder=tmp_path, **small)
    again = paper.run("E2M1", 10, 1, folder=tmp_path, **small)
    assert paper.weights_digest(first) == paper.weights_digest(again)
    folder = paper.place("E2M1", 10, 1, folder=tmp_path, **small)
    folder.rename(paper.place("E2M1", 10, 2, folder=tmp_path, **small))
    with pytest.raises(ValueError, match="seed"):
        paper.run("E2M1", 10, 2, folder=tmp_path, **small)


def test_the_classes_of_a_figure_are_the_papers():
    factors = np.array([[0, 7], [3, 3], [12, 0]])
    assert paper.classes("E1M1", factors).tolist() == [0, 1, 1]
    assert paper.classes("E1M2", factors).tolist() == [0, 1, 0]
    assert paper.classes("E2M1", factors).tolist() == [1, 1, 0]
    assert paper.classes("E2M5", factors).tolist() == g.TASKS["region"].labels(factors).tolist()


def test_geometry_uses_1500_images_and_the_annotated_of_the_last_20000():
    factors = g.corridors("uniform").factors
    rows = paper.geometry_rows(factors)
    assert len(rows) == 1500 + len(paper.ANNOTATED)
    assert rows.min() >= 180_000 and len(set(rows[:1500])) == 1500
    assert factors[rows[1500:]].tolist() == [list(pair) for pair in paper.ANNOTATED]


RELEASED = sorted((paper.ROOT / paper.RELEASED).glob("*"))


def test_the_baseline_is_released_at_every_capacity():
    assert {f"baseline-c{c}-s0" for c in paper.CAPACITIES} <= {path.name for path in RELEASED}


@pytest.mark.parametrize("folder", RELEASED, ids=lambda path: path.name)
def test_a_released_run_is_whole_and_is_the_papers_spec(folder):
    model, capacity, _ = folder.name.split("-")
    run = runs.load(folder)
    runs.check_same(run.spec, paper.spec(model, float(capacity[1:])), folder)
    held = paper.results().query("model == @model and capacity == @run.spec.capacity and seed == 0 and measure == 'rate'").value
    assert len(held) == 1


def test_the_baselines_numbers_follow_from_the_stored_weights_and_are_near_the_published():
    ours, published = paper.results(), paper.published()
    for capacity in (0.3, 10):
        stored = ours.query("model == 'baseline' and capacity == @capacity and seed == 0").set_index("measure").value
        now = paper.numbers("baseline", capacity, paper.run("baseline", capacity)).set_index("measure").value
        assert np.allclose(stored[now.index], now, rtol=1e-4, atol=1e-5)
    for capacity in paper.CAPACITIES:
        stored = ours.query("model == 'baseline' and capacity == @capacity and seed == 0").set_index("measure").value
        theirs = published.query("model == 'baseline' and capacity == @capacity").value.item()
        assert abs(stored.reconstruction_loss / theirs - 1) < 0.04
        assert abs(stored.rate / capacity - 1) < 0.05
