"""What docstrings say holds for any input, tried on many."""

import json

import numpy as np
import pytest

import geomlib as g
from geomlib import spec

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as some  # noqa: E402

few = settings(max_examples=10, deadline=None, derandomize=True)
seeds = some.integers(0, 2**32 - 1)
plain = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


@few
@given(seeds, some.floats(0.01, 100), some.integers(1, 6))
def test_turning_either_code_and_scaling_both_changes_no_distortion(seed, scale, dimensions):
    rng = np.random.default_rng(seed)
    codes, reference = rng.normal(size=(2, 30, dimensions))
    labels = np.arange(30) % 3
    turn, other = np.linalg.qr(rng.normal(size=(2, dimensions, dimensions)))[0]
    for measure in (g.distortion, g.distortion_robust):
        turned = measure(scale * codes @ turn, scale * reference @ other, labels)
        assert turned == pytest.approx(measure(codes, reference, labels), abs=1e-6)


@few
@given(some.lists(some.integers(0, 3), min_size=169, max_size=169).filter(any), seeds)
def test_corridors_of_any_table_show_each_pair_as_often_as_it_says(counts, seed):
    table = np.reshape(counts, (13, 13))
    data = g.corridors(table, seed)
    found = np.zeros((13, 13), int)
    np.add.at(found, tuple(data.factors.T), 1)
    assert (found == table).all() and data.images.shape == (table.sum(), 1, 13, 13)
    assert set(np.unique(data.images)) <= {0, 1}


@few
@given(some.integers(0, 30), seeds)
def test_any_set_survives_its_csv(tmp_path_factory, n, seed):
    rng, path = np.random.default_rng(seed), tmp_path_factory.mktemp("set") / "set.csv"
    data = g.Corridors(rng.integers(0, 2, (n + 1, 1, 13, 13)).astype(np.float32), rng.integers(0, 13, (n + 1, 2)))
    g.write_csv(path, data)
    back = g.read_csv(path)
    assert (back.images == data.images).all() and (back.factors == data.factors).all()


@few
@given(plain)
def test_a_printed_value_is_read_again(value):
    assert spec.value(json.dumps(value)) == value
    if not isinstance(value, str):
        assert spec.value(value) == value


@few
@given(some.text())
def test_any_text_is_read_as_something(text):
    assert type(spec.value(text)) in (
        str,
        int,
        float,
        complex,
        bool,
        bytes,
        tuple,
        list,
        dict,
        set,
        type(None),
        type(...),
    )
