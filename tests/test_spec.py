"""What a run depends on, by value."""

import dataclasses
import json

import numpy as np
import pytest

import geomlib as g
from geomlib.spec import digest

CORNER = (np.indices((13, 13)) < 6).all(0).astype(int)
WORLD = np.random.default_rng(7).random((13, 13, 13, 13))


def test_the_defaults_are_the_papers_baseline_at_full_length_with_a_held_rate():
    spec = g.Spec()
    assert (spec.train_end, spec.validation_end, spec.steps, spec.steps_per_epoch) == (170_000, 185_000, 7974, 1329)
    assert (spec.loss, spec.task_rule, spec.cooldown) == ("held", "constant", 0.2)
    assert g.Spec(loss="B").cooldown == 0


def test_a_sketch_is_the_same_spec_with_fewer_steps():
    sketch = g.Spec(schedule="sketch", counts="diagonal")
    assert (sketch.steps, sketch.steps_per_epoch) == (500, 500)
    assert sketch == g.change(g.Spec(counts="diagonal"), schedule="sketch")
    assert g.change(g.Spec(), steps=1500) == g.Spec(steps=1500)


def test_theory_is_asked_about_the_images_or_about_the_tasks_that_count_too():
    spec = g.Spec(counts="bottom", tasks=["order"], world="rings", task_weight=3)
    assert spec.theory() == {"counts": spec.counts, "world": "rings", "likelihood": "gaussian"}
    asked = spec.theory(tasks=True)
    assert g.theory.price(rate=0.3, **asked) > 3 > 1 > g.theory.price(rate=0.3, **spec.theory())
    without = g.change(spec, task_weight=0)  # a task that counts nothing changes no best code
    assert without.theory(tasks=True) == without.theory() == spec.theory()
    assert g.Spec().theory(tasks=True) == g.Spec().theory()


def test_a_head_has_one_schedule_however_its_spec_is_made():
    made = g.Spec(tasks=["order"], source="baseline-c10-s0")
    assert made == g.change(g.Spec(tasks=["order"]), source="baseline-c10-s0") and made.cooldown == 0.2


@pytest.mark.parametrize(
    "tasks, words",
    [
        (["a/near.csv", "b/near.csv"], "each task once, got near, near"),
        (["order", "x/order.npy"], "each task once, got order, order"),
        ([np.eye(13)], r"need names, tasks=\{name: \(13, 13\) table\}; got a list of 1"),
    ],
)
def test_tasks_in_a_list_have_names_of_their_own(tasks, words):
    with pytest.raises(ValueError, match=words):
        g.Spec(tasks=tasks)


def test_an_epoch_is_no_longer_than_the_training():
    assert g.Spec(steps=5, steps_per_epoch=10**9) == g.Spec(steps=5)


def test_a_table_of_ones_own_is_split_85_7_7():
    spec = g.Spec(counts=np.full((13, 13), 100))
    assert (spec.train_end, spec.validation_end) == (14365, 15632)


def test_a_built_in_name_is_a_short_way_to_write_its_table():
    for name, table in g.COUNTS.items():
        assert g.Spec(counts=name) == g.Spec(counts=table) and g.Spec(counts=table).counts_name == name
    assert g.Spec(tasks=["order", "region"]) == g.Spec(tasks={t: g.TASKS[t].table for t in ("order", "region")})
    assert g.Spec(counts=CORNER * 1000 + 10).counts_name == "own table"
    assert g.Spec(tasks={"corner": CORNER, "region": None}).heads == {"corner": 2, "region": 25}


def test_a_spec_survives_json():
    own = dict(counts=CORNER + 10, tasks={"corner": CORNER}, world=WORLD, loss="B", gamma=1)
    for spec in (g.Spec(), g.Spec(tasks=["order"]), g.Spec(**own)):
        assert g.Spec(**json.loads(json.dumps(dataclasses.asdict(spec)))) == spec


def test_a_spec_does_not_change_with_the_table_it_was_made_from():
    counts = np.full((13, 13), 100)
    spec = g.Spec(counts=counts)
    counts[:] = 1
    assert spec == g.Spec(counts=np.full((13, 13), 100))


def test_specs_of_one_meaning_have_one_digest_and_others_another():
    one = g.Spec(tasks={"corner": CORNER}, steps=2000)
    assert digest(one) == digest(g.Spec(tasks={"corner": CORNER.tolist()}, steps=np.int64(2000)))
    assert len({digest(one), digest(g.change(one, seed=1)), digest(g.Spec(world=WORLD)), digest(g.Spec())}) == 4


def test_a_spec_shows_what_differs_from_the_defaults_in_one_line():
    assert repr(g.Spec()) == "Spec()"
    spec = g.Spec(world=WORLD, counts="bottom", tasks={"corner": CORNER}, capacity=3)
    assert repr(spec) == ("Spec(capacity=3.0, counts='bottom', tasks=['corner'], world='own table')")


@pytest.mark.parametrize(
    "name",
    [
        "rate",
        "rate_0",
        "f1_order",
        "whole_f1_order",
        "reconstruction",
        "active_latents",
        "price",
        "keys",
        "two words",
        "a.b",
    ],
)
def test_a_task_has_no_name_of_another_score_or_of_a_method(name):
    with pytest.raises(ValueError, match="a task can't be named"):
        g.Spec(tasks={name: CORNER})


def test_an_unknown_field_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="no field 'gama'; did you mean gamma?"):
        g.change(g.Spec(), gama=3)
    with pytest.raises(TypeError, match="gama"):
        g.Spec(gama=3)


def test_changing_the_data_changes_the_split_with_it():
    assert g.change(g.Spec(), counts="diagonal") == g.Spec(counts="diagonal")
    assert g.change(g.Spec(), loss="B") == g.Spec(loss="B")


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
        ("batch_size", 0, "got 0"),
        ("learning_rate", 0, "learning_rate"),
        ("seed", -1, r"in 0\.\.4,294,967,296, got -1"),
        ("loss", "C", "loss must be one of held, B, H, got 'C'"),
        ("clock", "wall", "original, steps"),
        ("task_rule", "never", "constant, early, late"),
        ("schedule", "long", "schedule must be one of full, sketch, got .long"),
        ("cooldown", 2, "cooldown must be a number in 0.0..1.0, got 2"),
        ("tasks", ("order", "colour"), "among order, quadrant, aligned, region, identity, got .colour"),
        ("tasks", "order", r'a list of names as \["order"\], or .* got .order'),
        ("tasks", ("order", "order"), "each task once"),
        ("softmax_twice", "no", "True or False, got 'no'"),
        ("train_end", 200_000, "0 < train_end < validation_end <= 200000"),
        ("validation_end", 200_001, "validation_end <= 200000 .*got 170000 and 200001"),
        ("validation_end", 170_000, "got 170000 and 170000"),
        ("counts", "bottm", "'bottm'"),
        ("world", "maze", "'maze'"),
        ("tasks", {"mine": [[0, 1]]}, r"task .mine. must have shape \(13, 13\)"),
        ("tasks", {"mine": np.zeros((13, 13))}, "whole labels 0..K-1 of 2 to 169 classes"),
        ("source", "there", "with tasks to learn"),
        ("counts", [[1, 2]], r"shape \(13, 13\)"),
    ],
)
def test_a_wrong_value_is_refused_by_name_with_what_is_allowed(field, value, words):
    with pytest.raises(ValueError, match=words):
        g.Spec(**{field: value})
