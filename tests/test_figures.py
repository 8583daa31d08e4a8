"""Figures show exactly the arrays they are given, and can be read by anyone."""

import ast
import itertools
from pathlib import Path

import jupytext
import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from geomlib import figures, paper

RNG = np.random.default_rng(0)


NOTEBOOKS = sorted((paper.ROOT / "notebooks").glob("*.md"))


@pytest.fixture
def ax():
    with matplotlib.rc_context(figures.STYLE):
        yield Figure().subplots()


def test_figures_import_nothing_of_ours_and_draw_no_random_numbers():
    tree = ast.parse(Path(figures.__file__).read_text())
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    allowed = {"__future__", "base64", "math", "matplotlib", "matplotlib_inline", "numpy", "IPython"}
    assert {name.split(".")[0] for name in modules} <= allowed
    assert "random" not in Path(figures.__file__).read_text()


def test_each_model_of_the_paper_has_a_colour_and_a_marker_of_its_own():
    for marks in figures.COLOURS, figures.MARKERS:
        assert list(marks) == list(paper.MODELS)
        assert len(set(marks.values())) == len(marks)


# Colours as an eye sees them: sRGB -> linear -> what a dichromat sees (Machado 2009, full strength) -> CIE Lab.
EYES = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(colour, eye):
    rgb = np.clip(np.asarray(eye) @ linear(colour), 0, 1)
    white = np.array([0.95047, 1, 1.08883])
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb / white
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("together", [("baseline", "E1M1", "E1M2"),
                                      ("baseline", "E2M1", "E2M2", "E2M3", "E2M4", "E2M5")])
def test_models_that_share_a_figure_differ_for_every_eye(together, eye):
    for a, b in itertools.combinations(together, 2):
        difference = np.linalg.norm(lab(figures.COLOURS[a], EYES[eye]) - lab(figures.COLOURS[b], EYES[eye]))
        assert difference > 12, (a, b)


@pytest.mark.parametrize("colour", [*figures.COLOURS.values(), figures.GREY])
def test_colours_stand_out_from_white(colour):
    luminance = np.array([0.2126, 0.7152, 0.0722]) @ linear(colour)
    assert 1.05 / (luminance + 0.05) >= 3


def test_figures_have_an_opaque_white_ground_and_text_for_small_screens(ax):
    assert to_rgb(ax.figure.get_facecolor()) == (1, 1, 1) and ax.figure.get_facecolor()[3] == 1
    width = 400 / figures.STYLE["figure.figsize"][0]         # pixels an inch where the page is 400 pixels wide
    for key in "font.size", "axes.labelsize", "xtick.labelsize", "legend.fontsize":
        assert figures.STYLE[key] / 72 * width >= 10         # pixels


def test_an_image_shows_open_pixels_white_and_keeps_its_rows(ax):
    images = RNG.integers(0, 2, (2, 3, 13, 13)).astype(float)
    figures.draw_images(ax, images, ["a", "b"], ["1", "2", "3"])
    shown = ax.images[0]
    assert shown.cmap(0.0)[:3] == (1, 1, 1) and shown.cmap(1.0)[:3] == (0, 0, 0) and shown.get_clim() == (0, 1)
    for r, c in np.ndindex(2, 3):
        y, x = 15 * r + 1, 15 * c + 1
        np.testing.assert_array_equal(shown.get_array()[y:y + 13, x:x + 13], images[r, c])
        assert ax.get_yticks()[r] == y + 6 and ax.get_xticks()[c] == x + 6


def test_a_map_has_the_upper_corridor_down_and_the_lower_across(ax):
    values = RNG.random((13, 13))
    figures.draw_map(ax, values, "images", (0, 1))
    np.testing.assert_array_equal(ax.images[0].get_array(), values)
    assert ax.yaxis_inverted() and "UC" in ax.get_ylabel() and "LC" in ax.get_xlabel()
    assert ax.images[0].get_clim() == (0, 1) and ax.images[0].colorbar.ax.get_ylabel() == "images"


def test_classes_are_parted_by_lines_exactly_where_they_change(ax):
    labels = np.repeat(np.repeat(np.arange(25).reshape(5, 5), 3, 0), 3, 1)[1:14, 1:14]
    figures.draw_classes(ax, labels)
    np.testing.assert_array_equal(ax.images[0].get_array(), labels)
    horizontal, vertical = (c.get_segments() for c in ax.collections)
    assert len(horizontal) == (np.diff(labels, axis=0) != 0).sum() and len(vertical) == len(horizontal)
    for (x0, y0), (x1, y1) in horizontal:
        assert y0 == y1 and labels[int(y0 - 0.5), int(x0 + 0.5)] != labels[int(y0 + 0.5), int(x0 + 0.5)]


def test_lines_and_points_are_the_arrays(ax):
    x, y, published = np.array([0.3, 1, 3]), RNG.random(3), RNG.random(3)
    figures.draw_by_capacity(ax, "E2M3", x, y, published, "loss (squared pixel error)")
    theirs, ours = ax.lines
    np.testing.assert_array_equal(ours.get_xydata(), np.c_[x, y])
    np.testing.assert_array_equal(theirs.get_xydata(), np.c_[x, published])
    assert ours.get_color() == figures.COLOURS["E2M3"] and ours.get_marker() == figures.MARKERS["E2M3"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.3", "1", "3"]
    assert "nats" in ax.get_xlabel() and "squared" in ax.get_ylabel()


def test_networks_lie_on_the_plane_of_the_limit_at_their_numbers(ax):
    rates, distortions = np.array([0.0, 1, 5]), np.array([0.15, 0.12, 0.05])
    figures.draw_limit(ax, rates, distortions)
    figures.draw_on_limit(ax, "baseline", rates + 1, 2 * distortions, ["a", "b", "c"])
    limit, networks = ax.lines
    np.testing.assert_array_equal(limit.get_xydata(), np.c_[rates, distortions])
    np.testing.assert_array_equal(networks.get_xydata(), np.c_[rates + 1, 2 * distortions])
    assert [(t.get_text(), *t.xy) for t in ax.texts] == [("a", 1, 0.3), ("b", 2, 0.24), ("c", 6, 0.1)]


def test_noise_and_sketches_are_the_arrays(ax):
    column, rule, counted = np.arange(13), RNG.random(13), RNG.random(13)
    figures.draw_noise(ax, column, rule, counted)
    for line, values in zip(ax.lines, (rule, counted), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.c_[column, values])
    points, classes = RNG.normal(size=(20, 2)), np.arange(20) % 2
    figures.draw_sketch(ax, points, classes)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), points)
    np.testing.assert_array_equal(ax.collections[0].get_array(), classes)


def test_a_network_is_a_box_for_each_layer(ax):
    figures.draw_network(ax, [("image", "1 x 13 x 13"), ("code", "5"), ("image", "1 x 13 x 13")], 1)
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["image\n1 x 13 x 13", "code\n5", "image\n1 x 13 x 13"]


def test_equal_figures_give_equal_bytes(tmp_path):
    for name in "a.svg", "b.svg":
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure()
            figures.draw_map(figure.subplots(), np.arange(169).reshape(13, 13))
            figure.savefig(tmp_path / name, metadata={"Date": None})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_figure_of_a_page_has_a_caption_a_name_and_a_text_for_those_who_cannot_see_it(notebook):
    cells = [cell for cell in jupytext.read(notebook).cells if "figures.draw_" in cell.source]
    figures_ = [cell.metadata.get("mystnb", {}) for cell in cells]
    for cell, about in zip(cells, figures_):
        assert about["figure"]["caption"] and len(about["image"]["alt"]) > 80, cell.source
    names = [about["figure"]["name"] for about in figures_]
    assert names and len(set(names)) == len(names)
