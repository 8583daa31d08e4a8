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
        (table(with_value(1.5)), "whole numbers >= 0, got 1.5"),
        (table(with_value(np.nan)), "got nan"),
        (table(with_value(np.inf)), "got inf"),
        (np.zeros((13, 13)), "sum to 1..5,000,000 images, got 0"),
        (table(with_value(1e12)), "got 1,000,000,000,168"),
        ("unifrom", "one of uniform, bottom, bottom_small, diagonal .*'unifrom'"),
        ([["a"] * 13] * 13, "13 x 13 table of whole numbers"),
        ([[1], [1, 2]], "13 x 13 table"),
    ],
)
def test_counts_that_are_no_table_of_counts_are_refused(counts, words):
    with pytest.raises(ValueError, match=words):
        g.corridors(counts)


@pytest.fixture
def csv(tmp_path, images):
    path = tmp_path / "set.csv"
    g.write_csv(path, images)
    return path


def test_a_set_survives_its_csv(csv, images):
    back = g.read_csv(csv)
    assert (back.images == images.images).all() and (back.factors == images.factors).all()
    assert back.images.dtype == np.float32 and back.factors.dtype == np.int64
    assert all(len(line.split(",")) == 171 for line in csv.read_text().splitlines())


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda rows: [row[:-1] for row in rows], "171 columns are expected.*got 170"),
        (lambda rows: [rows[0], rows[1] + ["1"], *rows[2:]], "same 171 columns"),
        (lambda rows: [*rows[:2], rows[2][:100], *rows[3:]], "line 3, column 101"),
        (lambda rows: [["2", *rows[0][1:]], *rows[1:]], "line 1, column 1: must be a pixel, 0 or 1, got 2"),
        (
            lambda rows: [rows[0], [*rows[1][:-1], "13"], *rows[2:]],
            "line 2, column 171: must be a position.*0..12, got 13",
        ),
        (lambda rows: [rows[0], [*rows[1][:-1], "-1"], *rows[2:]], "line 2, column 171: .*got -1"),
        (lambda rows: [rows[0], [*rows[1][:-2], "x", "1"], *rows[2:]], "line 2, column 170: .*got x"),
        (lambda rows: [rows[0], ["nan", *rows[1][1:]], *rows[2:]], "line 2, column 1: "),
    ],
)
def test_a_csv_that_is_not_the_originals_form_is_refused_with_its_line(csv, edit, words):
    rows = edit([line.split(",") for line in csv.read_text().splitlines()])
    csv.write_text("".join(",".join(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match=words):
        g.read_csv(csv)


def test_an_empty_or_cut_csv_is_refused(csv):
    whole = csv.read_bytes()
    csv.write_bytes(whole[:-2])
    with pytest.raises(ValueError, match="cut short"):
        g.read_csv(csv)
    csv.write_bytes(b"")
    with pytest.raises(ValueError, match="empty"):
        g.read_csv(csv)
    csv.write_bytes(b"\x89PNG\xff\n")
    with pytest.raises(ValueError, match="171 columns"):
        g.read_csv(csv)


def test_a_pixel_that_is_neither_0_nor_1_is_not_written(tmp_path, images):
    with pytest.raises(ValueError, match="0 .open. and 1 .wall. alone, got 0.5"):
        g.write_csv(tmp_path / "half.csv", images._replace(images=images.images / 2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("factors", [[[0, 0]], [[0, 13], [1, 1]], [[0, 0.5], [1, 1]], [0, 1]])
def test_factors_that_do_not_fit_are_not_written(tmp_path, factors):
    with pytest.raises(ValueError, match=r"factors must be \(2, 2\) whole numbers in 0\.\.12"):
        data.write_csv(tmp_path / "set.csv", data.Corridors(np.zeros((2, 1, 13, 13)), np.array(factors)))
    assert not any(tmp_path.iterdir())


def test_a_named_table_of_counts_is_checked_and_a_copy(monkeypatch):
    data.counts_table("bottom")[:] = 0
    assert data.COUNTS["bottom"].max() == 2000
    monkeypatch.setitem(data.COUNTS, "half", np.full((13, 13), 0.5))
    with pytest.raises(ValueError, match="counts must be whole numbers"):
        data.counts_table("half")


def test_writing_a_csv_overwrites_nothing(csv, images):
    with pytest.raises(FileExistsError):
        g.write_csv(csv, images)
