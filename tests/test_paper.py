import numpy as np
import pytest
import torch

import geomlib as g
from geomlib import paper, places, runs, theory
from geomlib.spec import differing, read_changes
from geomlib.train import Checkpoint, epoch_order_and_noise


def test_a_model_differs_from_the_baseline_in_its_data_or_its_tasks_and_in_nothing_else():
    assert list(paper.MODELS) == ["baseline", "E1M1", "E1M2", "E2M1", "E2M2", "E2M3", "E2M4", "E2M5"]
    baseline = paper.spec("baseline", 3, 1)
    for model in paper.MODELS:
        fields = set(differing(paper.spec(model, 3, 1), baseline))
        assert fields <= {"counts", "train_end", "validation_end"} or fields == {"tasks"}
    assert (baseline.steps, baseline.loss, baseline.task_rule) == (7974, "held", "constant")


def test_models_of_one_seed_begin_with_the_same_weights_and_see_the_same_order_and_noise():
    first = {model: paper.spec(model, 3, 2) for model in ("baseline", "E1M1", "E2M5")}
    weights = {model: Checkpoint.new(spec).tensors for model, spec in first.items()}
    drawn = {model: epoch_order_and_noise(spec, 3) for model, spec in first.items()}
    for model in first:
        assert all(torch.equal(w, weights[model][name]) for name, w in weights["baseline"].items())
        assert all(np.array_equal(*pair) for pair in zip(drawn["baseline"][:2], drawn[model][:2]))


@pytest.mark.parametrize(
    "model, capacity, words",
    [
        ("E3M1", 10, "model must be one of baseline, E1M1.*'E3M1'"),
        ("baseline", -5, "capacity must be a number .*nats.*-5"),
        ("baseline", "ten", "got 'ten'"),
    ],
)
def test_an_unknown_model_or_a_capacity_that_is_no_number_is_refused(model, capacity, words):
    with pytest.raises(ValueError, match=words):
        paper.spec(model, capacity)


def test_any_capacity_may_be_asked_for():
    assert paper.spec("E1M1", 2.5).capacity == 2.5 and paper.slug("E1M1", 2.5) == "E1M1-c2.5-s0"


def test_a_runs_name_tells_what_is_changed():
    assert paper.slug("E1M1", 0.3) == "E1M1-c0.3-s0"
    plain, changed = paper.slug("E1M1", 10, 2), paper.slug("E1M1", 10, 2, gamma=7)
    assert changed.startswith(plain + "-") and changed != paper.slug("E1M1", 10, 2, gamma=8)
    assert paper.slug("E1M1", 10, 2, gamma=paper.spec("E1M1", 10).gamma) == plain


def test_a_seed_may_be_given_by_its_name():
    assert paper.slug("baseline", 0.3, seed=1) == paper.slug("baseline", 0.3, 1) == "baseline-c0.3-s1"


@pytest.mark.parametrize("changes", [{"capacity": 2}, {"seed": 1}])
def test_changes_can_not_hold_what_names_the_run(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"{name} = . can't be among the changes: .* another {name} in its own place"):
        read_changes(changes)


def test_a_folder_that_is_not_there_is_not_trained_into(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*rnus of runs; .* make it first"):
        paper.train_all([("E1M1", 3, 0)], tmp_path / "rnus", steps=1)
    assert not any(tmp_path.iterdir())


def test_a_run_is_trained_once_and_another_spec_in_its_place_is_refused(tmp_path):
    small = {"steps": 3, "steps_per_epoch": 3, "counts": np.full((13, 13), 6).tolist()}
    first = paper.run("E2M1", 10, 1, folder=tmp_path, **small)
    again = paper.run("E2M1", 10, 1, folder=tmp_path, **small)
    assert runs.weights_digest(first.model.state_dict()) == runs.weights_digest(again.model.state_dict())
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
    for name in "E9", "E2M1-on-baseline":
        with pytest.raises(ValueError, match=f"classes are those of a model, one of baseline, .*, got '{name}'"):
            paper.classes(name, factors)


PAPER = {
    paper.slug(model, c) for model in (*paper.MODELS, *paper.CLASSIFIERS) for c in paper.CAPACITIES
}  # others: of pages
RELEASED = sorted(path for path in places.released_runs().glob("*") if path.name in PAPER)


def test_the_baseline_is_released_at_every_capacity():
    assert {f"baseline-c{c}-s0" for c in paper.CAPACITIES} <= {path.name for path in RELEASED}


@pytest.mark.parametrize("folder", RELEASED, ids=lambda path: path.name)
def test_a_released_run_is_whole_and_is_the_papers_spec(folder):
    model, capacity, _ = folder.name.rsplit("-", 2)
    run = runs.load(folder)
    runs.check_same(run.spec, paper.spec(model, float(capacity[1:])), folder)
    assert run.history.term.isin(["price"]).any() == (model in paper.MODELS)


@pytest.mark.parametrize("model", paper.MODELS)
def test_a_released_network_holds_its_rate_and_reads_its_image(model):
    for capacity in paper.CAPACITIES:
        run = paper.run(model, capacity)
        assert abs(run.final["rate"] / capacity - 1) < 0.02, (model, capacity, run.final["rate"])
        mean = theory.ends(run.spec.counts)[0]
        tasks = [run.final[f"whole_f1_{task}"] for task in run.spec.tasks]
        assert run.final["reconstruction"] < 0.995 * mean or max(tasks) > 0.7, (model, capacity)


def test_a_capacity_of_the_paper_is_read_from_text_and_another_refused():
    assert [paper.capacity(given) for given in (3, "0.3", 10.0)] == [3, 0.3, 10]
    with pytest.raises(ValueError, match="capacity must be one of 0.3, 1, 3, 6, 10 .nats., got 2"):
        paper.capacity(2)
