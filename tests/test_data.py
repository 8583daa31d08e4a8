import numpy as np
import pytest

import geomlib as g
from geomlib import data


def test_a_pixels_frequency_is_the_profile_at_every_position_and_column():
    images, factors = g.corridors("uniform", seed=3)
    for rows, x in ((slice(0, 6), factors[:, 0]), (slice(7, 13), factors[:, 1])):
        for position in range(13):
            pixels = images[x == position, 0, rows].reshape(-1, 13)  # (images x rows, columns)
            p = data.PROFILE[position]
            error = np.abs(1 - pixels.mean(0) - p)
            assert (error <= 5 * np.sqrt(p * (1 - p) / len(pixels)) + 1e-7).all()


def test_a_corridors_core_column_and_the_middle_line_are_open_in_every_image(images):
    n = np.arange(len(images.images))
    assert (images.images[n, 0, :6, images.factors[:, 0]] == 0).all()
    assert (images.images[n, 0, 7:, images.factors[:, 1]] == 0).all()
    assert (images.images[:, 0, 6] == 0).all()
    assert set(np.unique(images.images)) == {0, 1}


def test_the_two_corridors_noise_is_independent():
    images, _ = g.corridors("uniform", seed=0)
    upper, lower = images[:, 0, 0, 5], images[:, 0, 12, 5]
    assert abs(np.corrcoef(upper, lower)[0, 1]) < 5 / np.sqrt(len(images))


@pytest.mark.parametrize(
    "name, total, often, seldom",
    [("bottom", 202_280, 2000, 260), ("bottom_small", 98_800, 1000, 100), ("diagonal", 85_800, 3000, 300)],
)
def test_a_biased_set_has_the_papers_counts(name, total, often, seldom):
    assert g.COUNTS[name].sum() == total
    frequent = g.COUNTS[name] == often
    assert (g.COUNTS[name][~frequent] == seldom).all()
    uc, lc = np.indices((13, 13))
    assert (frequent == ((uc == lc) if name == "diagonal" else (lc <= 6))).all()


def test_the_images_drawn_are_those_counted_and_shuffled():
    _, factors = g.corridors("diagonal", seed=0)
    assert (np.bincount(factors @ [13, 1], minlength=169).reshape(13, 13) == g.COUNTS["diagonal"]).all()
    halves = [np.mean(part[:, 0] == part[:, 1]) for part in np.array_split(factors, 2)]
    assert abs(halves[0] - halves[1]) < 0.02
    assert g.COUNTS["uniform"].sum() == 200_000


def test_the_same_seed_draws_the_same_images_and_another_seed_others():
    one, same, other = (g.corridors(np.ones((13, 13)), seed) for seed in (5, 5, 6))
    assert (one.images == same.images).all() and (one.factors == same.factors).all()
    assert (one.images != other.images).any()


def test_labels_follow_the_papers_rules_at_every_pair():
    for uc in range(13):
        for lc in range(13):
            label = {name: int(task.labels(np.array([[uc, lc]]))[0]) for name, task in g.TASKS.items()}
            assert label == {
                "order": int(uc <= lc),
                "quadrant": int(uc < 6 or lc >= 6),
                "aligned": int(uc == lc),
                "region": 5 * ((uc + 1) // 3) + (lc + 1) // 3,
                "identity": 13 * uc + lc,
            }
    assert [task.n_classes for task in g.TASKS.values()] == [2, 2, 2, 25, 169]


def table(change=lambda t: t):
    return change(np.ones((13, 13)))


def with_value(value):
    def put(t):
        t[4, 7] = value
        return t

    return put


@pytest.mark.parametrize(
    "counts, words",
    [
        (np.ones((13, 12)), r"shape \(13, 13\).*got \(13, 12\)"),
        (table(with_value(-1)), "got -1 at x_uc=4, x_lc=7"),
        (table(with_value(np.nan)), r"got nan at \[4, 7\]"),
        (table(with_value(np.inf)), r"got inf at \[4, 7\]"),
        (np.zeros((13, 13)), "sum to 1..5,000,000 images, got 0"),
        (table(with_value(1e12)), "got 1,000,000,000,168"),
        ("unifrom", "one of uniform, bottom, bottom_small, diagonal .*'unifrom'"),
        ([["a"] * 13] * 13, r"table of numbers, shape \(13, 13\), got"),
        ([[1], [1, 2]], r"table of numbers, shape \(13, 13\)"),
    ],
)
def test_counts_that_are_no_table_of_counts_are_refused(counts, words):
    with pytest.raises(ValueError, match=words):
        g.corridors(counts)


def test_a_named_table_is_a_copy():
    data.counts_table("bottom")[:] = 0
    data.world_table("corridors")[:] = 0
    assert data.COUNTS["bottom"].max() == 2000 and data.WORLDS["corridors"].max() > 0.9


def test_frequencies_are_scaled_to_a_number_of_images_which_is_said(caplog):
    frequencies = np.random.default_rng(0).random((13, 13))
    counts = data.counts_table(frequencies)
    assert counts.sum() == 200_000 and "scaled to 200,000 images" in caplog.text
    assert np.abs(counts / 200_000 - frequencies / frequencies.sum()).max() < 1 / 200_000
    tiny = data.counts_table(frequencies * 1e-30)
    assert np.array_equal(tiny, counts)


@pytest.fixture
def world():
    """The test world: a probability of wall for each pixel of each pair, drawn at random."""
    return np.random.default_rng(7).random((13, 13, 13, 13))


def test_a_world_of_ones_own_is_drawn_pixel_by_pixel(world):
    counts = np.zeros((13, 13), int)
    counts[3, 9] = counts[12, 0] = 4000
    images, factors = g.corridors(counts, seed=2, world=world)
    for uc, lc in ((3, 9), (12, 0)):
        seen = images[(factors == (uc, lc)).all(1), 0].mean(0)
        assert (np.abs(seen - world[uc, lc]) <= 5 * np.sqrt(0.25 / 4000)).all()
    assert np.array_equal(images, g.corridors(counts, seed=2, world=world.tolist()).images)
    certain = g.corridors(counts, world=(world > 0.5).astype(int))
    assert np.array_equal(certain.images[:, 0], (world > 0.5)[certain.factors[:, 0], certain.factors[:, 1]])


@pytest.mark.parametrize(
    "world, words",
    [
        ("maze", "world must be one of corridors.* or a .13, 13, 13, 13. table or file, got 'maze'"),
        (np.ones((13, 13)), r"world must have shape \(13, 13, 13, 13\), got \(13, 13\)"),
        (np.full((13,) * 4, 1.01), r"probabilities of wall, 0..1, got 1.01 at \[0, 0, 0, 0\]"),
        (np.full((13,) * 4, np.nan), "finite numbers, got nan"),
    ],
)
def test_a_table_that_is_no_world_is_refused(world, words):
    with pytest.raises(ValueError, match=words):
        g.corridors("uniform", world=world)


@pytest.mark.parametrize("cell", [np.nan, np.inf, -np.inf, -1, 1e300, 1e308, 6j, None, "six", {}, [1, 2]])
@pytest.mark.parametrize("kind", ["counts", "task 'near'"])
def test_whatever_a_cell_holds_a_table_is_used_or_refused_by_its_name(kind, cell, recwarn):
    table = np.full((13, 13), 1e308 if cell == 1e308 else 6, object).tolist()
    table[2][3] = cell
    with pytest.raises(ValueError, match=kind):
        data.counts_table(table) if kind == "counts" else data.task_of("near", table)
    assert not recwarn.list


def test_a_task_of_ones_own_is_a_table_of_labels():
    corner = (np.indices((13, 13)) < 6).all(0).astype(int)
    task = data.task_of("corner", corner)
    assert task.n_classes == 2 and task.words == ""
    assert task.labels([[0, 0], [5, 6]]).tolist() == [1, 0]
    assert data.task_of("mine", g.TASKS["order"].table).words == "" == data.task_of("order", corner).words
    assert data.task_of("order", g.TASKS["order"].table.tolist()).words == g.TASKS["order"].words


@pytest.mark.parametrize("value", [-1, 0.5, 169, 0, np.nan])
def test_a_table_that_is_no_task_is_refused(value):
    with pytest.raises(ValueError, match="task 'mine' must hold"):
        data.task_of("mine", np.full((13, 13), value))


@pytest.mark.parametrize("at", [-1, 13, 1.5, np.nan])
def test_a_position_that_is_none_has_no_class(at):
    with pytest.raises(ValueError, match=f"factors must be whole numbers in 0..12, got {at}"):
        data.TASKS["order"].labels([[0, 1], [2, at]])


@pytest.mark.parametrize(
    "at, words", [(13, r"must lie in 0..12, got 13"), (-1, "must lie in 0..12, got -1"), ("x", "whole numbers .*'x'")]
)
def test_a_csv_of_images_with_a_position_that_is_none_is_refused_by_its_name(tmp_path, at, words):
    path = tmp_path / "own.csv"
    g.write_csv(path, g.corridors(np.full((13, 13), 1), 0))
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(first.rsplit(",", 1)[0] + f",{at}\n" + "".join(rest))
    with pytest.raises(
        ValueError, match=f"own.csv: x_UC and x_LC, its last two columns, {words if at != 'x' else 'must be ' + words}"
    ):
        data.counts_table(path)
