"""Figures show exactly the arrays they are given, and can be read by anyone."""

import ast
import base64
import io
import itertools
import re
from pathlib import Path

import dark
import jupytext
import matplotlib
import numpy as np
import pandas as pd
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
    allowed = set("__future__ base64 itertools math matplotlib matplotlib_inline numpy typing IPython".split())  # noqa: SIM905
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


def on_page(colour, theme):
    """A colour as a page of the book shows it."""
    return dark.DARK.get(colour.lower(), colour) if theme == "dark" else colour


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(
    "together", [("baseline", "E1M1", "E1M2"), ("baseline", "E2M1", "E2M2", "E2M3", "E2M4", "E2M5")]
)
def test_models_that_share_a_figure_differ_for_every_eye(together, eye, theme):
    for a, b in itertools.combinations(together, 2):
        one, other = (lab(on_page(figures.COLOURS[model], theme), EYES[eye]) for model in (a, b))
        assert np.linalg.norm(one - other) > 12, (a, b)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("colour", [*figures.COLOURS.values(), figures.GREY])
def test_colours_stand_out_from_their_ground(colour, theme):
    ink, ground = (np.array([0.2126, 0.7152, 0.0722]) @ linear(on_page(x, theme)) for x in (colour, "#FFFFFF"))
    assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 3


def test_figures_have_an_opaque_white_ground_and_text_for_small_screens(ax):
    assert to_rgb(ax.figure.get_facecolor()) == (1, 1, 1) and ax.figure.get_facecolor()[3] == 1
    width = 400 / figures.STYLE["figure.figsize"][0]  # pixels an inch where the page is 400 pixels wide
    for key in "font.size", "axes.labelsize", "xtick.labelsize", "legend.fontsize":
        assert figures.STYLE[key] / 72 * width >= 10  # pixels


def test_an_image_shows_open_pixels_white_and_keeps_its_rows(ax):
    images = RNG.integers(0, 2, (2, 3, 13, 13)).astype(float)
    figures.draw_images(ax, images, ["a", "b"], ["1", "2", "3"])
    shown = ax.images[0]
    assert shown.cmap(0.0)[:3] == (1, 1, 1) and shown.cmap(1.0)[:3] == (0, 0, 0) and shown.get_clim() == (0, 1)
    for r, c in np.ndindex(2, 3):
        y, x = 15 * r + 1, 15 * c + 1
        np.testing.assert_array_equal(shown.get_array()[y : y + 13, x : x + 13], images[r, c])
        assert ax.get_yticks()[r] == y + 6 and ax.get_xticks()[c] == x + 6


def test_a_table_has_the_upper_corridor_down_and_the_lower_across(ax):
    values = RNG.random((13, 13))
    figures.draw_table(ax, values, "images", (0, 1))
    np.testing.assert_array_equal(ax.images[0].get_array(), values)
    assert ax.yaxis_inverted() and "UC" in ax.get_ylabel() and "LC" in ax.get_xlabel()
    assert ax.images[0].get_clim() == (0, 1) and ax.images[0].colorbar.ax.get_ylabel() == "images"


def edges(values):
    """A random d' for each of the 312 neighbours, NaN at the end of a row."""
    values = np.array(values, float)
    values[0, 12] = values[1, :, 12] = np.nan
    return values


def test_each_edge_of_the_grid_has_its_resolution_and_infinite_ones_a_colour_of_their_own(ax):
    resolution = edges(RNG.uniform(0, 3, (2, 13, 13)))
    resolution[0, 2, 5] = np.inf
    lines = figures.draw_resolution(ax, resolution)
    largest = resolution[np.isfinite(resolution)].max()
    assert len(lines.get_segments()) == 312 and lines.norm.vmax == largest
    for ((lc, uc), (to_lc, to_uc)), value in zip(lines.get_segments(), lines.get_array()):
        step = 0 if to_uc == uc + 1 else 1
        assert (to_uc - uc, to_lc - lc) == ((1, 0), (0, 1))[step]
        assert value == min(resolution[step, int(uc), int(lc)], 2 * largest)
    colours = lines.to_rgba(lines.get_array())
    infinite = lines.get_array() > largest
    assert infinite.sum() == 1 and to_rgb(colours[infinite][0]) == to_rgb("#D55E00")
    assert lines.colorbar.extend == "max" and "d'" in lines.colorbar.ax.get_ylabel()
    assert ax.yaxis_inverted() and "UC" in ax.get_ylabel() and "LC" in ax.get_xlabel()
    ax.figure.canvas.draw()


def test_several_resolutions_may_share_a_limit_and_a_bar(ax):
    lines = figures.draw_resolution(ax, edges(np.ones((2, 13, 13))), limit=4, title="10 nats", bar=False)
    assert lines.get_clim() == (0, 4) and lines.colorbar is None and ax.get_title() == "10 nats"


def test_a_map_joins_the_codes_of_neighbours(ax):
    points, classes = RNG.normal(size=(169, 2)), np.repeat([0, 1], [90, 79])
    points[20] = np.nan  # no image
    lines = figures.draw_map(ax, points, classes, end=5, title="baseline")
    joined = {tuple(np.r_[a, b]) for a, b in lines.get_segments()}
    assert tuple(points[[0, 1]].ravel()) in joined and tuple(points[[0, 13]].ravel()) in joined
    assert len(joined) == 312 - 4 and tuple(points[[12, 13]].ravel()) not in joined
    dots = ax.collections[1]
    np.testing.assert_array_equal(np.ma.filled(dots.get_offsets(), np.nan), points)
    assert ax.get_xlim() == ax.get_ylim() == (-5, 5) and ax.get_aspect() == 1


def test_lines_of_a_map_may_be_shaded_by_resolution_and_points_need_no_class(ax):
    points, resolution = RNG.normal(size=(169, 2)), edges(RNG.random((2, 13, 13)))
    lines = figures.draw_map(ax, points, resolution=resolution, limit=2)
    np.testing.assert_array_equal(lines.get_array(), resolution[np.isfinite(resolution)])
    assert lines.get_clim() == (0, 2) and ax.get_xlim()[1] == pytest.approx(1.08 * np.abs(points).max())
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), points)


def test_a_board_is_drawn_as_wide_as_is_asked(ax):
    assert figures.draw_resolution(ax, edges(np.ones((2, 13, 13))), bar=False, width=3).get_linewidths() == [3]


def test_classes_are_parted_by_lines_exactly_where_they_change(ax):
    labels = np.repeat(np.repeat(np.arange(25).reshape(5, 5), 3, 0), 3, 1)[1:14, 1:14]
    figures.draw_classes(ax, labels)
    np.testing.assert_array_equal(ax.images[0].get_array(), labels)
    horizontal, vertical = (c.get_segments() for c in ax.collections)
    assert len(horizontal) == (np.diff(labels, axis=0) != 0).sum() and len(vertical) == len(horizontal)
    for (x0, y0), (_, y1) in horizontal:
        assert y0 == y1 and labels[int(y0 - 0.5), int(x0 + 0.5)] != labels[int(y0 + 0.5), int(x0 + 0.5)]


def test_two_classes_have_the_colours_of_every_binary_task_and_a_square_of_classes_that_of_its_corners():
    assert figures.class_colours(2) is figures.CLASSES
    assert all(len(np.unique(figures.class_colours(n).colors, axis=0)) == n for n in (3, 5, 6, 25, 169))
    colours = figures.class_colours(25).colors.reshape(5, 5, 3)
    lower_left, lower_right, upper_left, upper_right = map(to_rgb, figures.CORNERS)
    np.testing.assert_allclose(
        colours[[0, 0, -1, -1], [0, -1, 0, -1]], [upper_left, upper_right, lower_left, lower_right]
    )
    lightness = np.array([[lab(colour, EYES["deutan"])[0] for colour in row] for row in colours])
    assert (np.diff(lightness, axis=0) < 0).all()  # the first position darkens, for other eyes too


def test_an_embedding_shows_each_code_in_its_classes_colour_and_numbers_those_that_are_marked(ax):
    points, classes = RNG.normal(size=(30, 2)), np.arange(30) % 2
    figures.draw_embedding(ax, points, classes, [7, 3])
    codes = ax.collections[0]
    np.testing.assert_array_equal(codes.get_offsets(), points)
    for code, k in zip(codes.to_rgba(codes.get_array()), classes):
        assert tuple(code) == figures.CLASSES(k)
    np.testing.assert_array_equal([text.get_position() for text in ax.texts], points[[7, 3]])
    assert ax.get_aspect() == 1


def test_numbers_that_would_cover_each_other_share_a_text_of_three_at_most(ax):
    points = np.r_[np.zeros((4, 2)), [[0.5, 0]], [[0.52, 0]], [[0, 1]]]
    figures.draw_embedding(ax, points, np.zeros(7, int), np.arange(7))
    assert [(text.get_text(), *text.get_position()) for text in ax.texts] == [
        ("1, 2, 3, …", 0, 0),
        ("5, 6", 0.5, 0),
        ("7", 0, 1),
    ]


def test_an_embedding_ends_where_it_is_told(ax):
    figures.draw_embedding(ax, RNG.normal(size=(30, 2)), np.arange(30) % 2, [], limit=4)
    assert ax.get_xlim() == ax.get_ylim() == (-4, 4)


def test_a_matrix_has_its_numbers_written_in_and_missing_ones_left_out(ax):
    values = np.array([[0.5, -0.25], [np.nan, -0.001]])
    figures.draw_matrix(ax, values, ["a", "b"], ["c", "d"], limits=(-1, 1))
    np.testing.assert_array_equal(ax.images[0].get_array().filled(np.nan), values)
    assert [(text.get_text(), *text.get_position()) for text in ax.texts] == [
        ("0.50", 0, 0),
        ("−0.25", 1, 0),
        ("0.00", 1, 1),
    ]
    for text in ax.texts:
        x, y = text.get_position()
        ground = linear(ax.images[0].cmap(ax.images[0].norm(values[y, x]))[:3]) @ [0.2126, 0.7152, 0.0722]
        ink = linear(text.get_color()) @ [0.2126, 0.7152, 0.0722]
        assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) >= 4.5


def test_distortions_are_white_at_0_and_lines_part_the_blocks_of_the_first_position(ax):
    values = RNG.normal(size=(25, 25))
    figures.draw_distortion(ax, values, 1, "region")
    shown = ax.images[0]
    np.testing.assert_array_equal(shown.get_array(), values)
    assert shown.get_clim() == (-1, 1) and min(shown.cmap(shown.norm(0))[:3]) > 0.9 and shown.colorbar.extend == "both"
    assert sorted(set(line.get_ydata()[0] for line in ax.lines[::2])) == [4.5, 9.5, 14.5, 19.5]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "2", "3", "4"]


def test_the_data_of_a_figure_are_a_link_that_needs_no_file():
    table = pd.DataFrame({"x": [1, 2], "y": [0.5, 0.123456789]}).set_index("x")
    link = figures.download("codes", table).data
    assert 'download="codes.csv"' in link
    text = base64.b64decode(re.search('base64,([^"]*)"', link)[1]).decode()
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(text), index_col="x"), table, rtol=1e-4)


def test_networks_lie_on_the_plane_of_the_limit_at_their_numbers(ax):
    rates, distortions = np.array([0.0, 1, 5]), np.array([0.15, 0.12, 0.05])
    figures.draw_limit(ax, rates, distortions, 7, ([5, 9], [0.05, 0]))
    figures.draw_on_limit(ax, "baseline", rates + 1, 2 * distortions, ["a", "b", "c"])
    limit, nothing_more, pixels, networks = ax.lines
    np.testing.assert_array_equal(nothing_more.get_xydata(), [[5, 0.05], [7, 0.05]])
    np.testing.assert_array_equal(pixels.get_xydata(), [[5, 0.05], [9, 0]])
    assert ax.collections[0].get_paths()[0].vertices[:, 0].max() == 5  # nothing is shaded beyond the limit
    np.testing.assert_array_equal(limit.get_xydata(), np.c_[rates, distortions])
    np.testing.assert_array_equal(networks.get_xydata(), np.c_[rates + 1, 2 * distortions])
    assert [(t.get_text(), *t.xy) for t in ax.texts] == [("a", 1, 0.3), ("b", 2, 0.24), ("c", 6, 0.1)]


def test_equal_figures_give_equal_bytes(tmp_path):
    for name in "a.svg", "b.svg":
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure()
            figures.draw_table(figure.subplots(), np.arange(169).reshape(13, 13))
            figure.savefig(tmp_path / name, metadata={"Date": None})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_network_is_a_box_for_each_layer_and_boxes_of_one_size_stand_above_each_other(ax):
    figures.draw_network(ax, [("image", "1"), ("down", "2")], ("code", "5"), [("out", "1"), ("up", "2")])
    places = {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}
    assert list(places) == ["image\n1", "down\n2", "out\n1", "up\n2", "code\n5"] and len(ax.patches) == 5
    assert (
        places["image\n1"][0] == places["out\n1"][0] < places["down\n2"][0] == places["up\n2"][0] < places["code\n5"][0]
    )
    assert places["up\n2"][1] < places["code\n5"][1] < places["down\n2"][1]


def test_each_seed_is_a_filled_point_and_each_published_value_an_open_ring(ax):
    values, published = np.array([[1, 2.0], [3, np.nan]]), np.array([1.5, 2.5])
    for model, shift in ("E1M1", 0), ("E1M2", 0.1):
        figures.draw_seeds_and_published(ax, model, [1, 10], values, published, "loss (squared pixel error)", shift)
    mean, points, rings = (line for line in ax.lines if line.get_color() == figures.COLOURS["E1M1"])
    np.testing.assert_array_equal(mean.get_xydata(), [[1, 2], [10, 2]])
    np.testing.assert_array_equal(points.get_xydata(), [[1, 1], [10, 2], [1, 3], [10, np.nan]])
    np.testing.assert_array_equal(rings.get_xydata(), [[1, 1.5], [10, 2.5]])
    assert points.get_markerfacecolor() == figures.COLOURS["E1M1"] and rings.get_markerfacecolor() == "none"
    assert ax.get_legend_handles_labels()[1] == ["E1M1", "published", "E1M2"]
    assert "nats" in ax.get_xlabel() and ax.lines[-1].get_xdata()[0] == pytest.approx(1.1)


def test_numbers_against_each_other_are_the_arrays_about_one_line_where_they_are_equal(ax):
    x, y = RNG.random((2, 312))
    for model in "baseline", "E1M1":
        figures.draw_against(ax, model, x, y)
    equal, points, more = ax.lines
    np.testing.assert_array_equal(points.get_xydata(), np.c_[x, y])
    assert more.get_marker() == figures.MARKERS["E1M1"] and equal.get_xy1() == (1, 1) and equal.get_xy2() == (2, 2)


def test_a_number_agrees_if_its_marker_stands_in_the_band_about_the_diagonal(ax):
    rows = [("E1M1", 0.5, 0.4, 0.55, 0.6, ""), ("E2M2", -0.2, 0.3, 0.3, 0.3, "10")]
    figures.draw_published(ax, rows, 0.1, {"E2M2": 0.35, "E1M1": np.nan}, "6A")
    diagonal, chance, _, *marks = ax.lines
    np.testing.assert_allclose(diagonal.get_xydata(), [[-0.3, -0.3], [0.7, 0.7]])
    band, *ranges = ax.collections
    assert band.get_paths()[0].contains_points([(0.5, 0.55), (-0.2, 0.3)]).tolist() == [True, False]
    assert chance.get_ydata()[0] == 0.35 and chance.get_color() == figures.COLOURS["E2M2"]
    assert [(*np.ravel(mark.get_xdata()), *np.ravel(mark.get_ydata())) for mark in marks] == [(0.5, 0.55), (-0.2, 0.3)]
    np.testing.assert_allclose(ranges[0].get_segments()[0], [[0.5, 0.4], [0.5, 0.6]])
    assert [text.get_text() for text in ax.texts] == ["", "10"] and ax.get_aspect() == 1


def test_a_legend_of_models_has_their_colours_on_a_figure_or_an_axis(ax):
    figures.name_models(ax, ["E1M1", "E2M5"], {"E2M5": "four tasks"})
    figures.name_models(ax.figure, ["baseline"])
    both = ax.get_legend()
    assert [text.get_text() for text in both.texts] == ["E1M1", "four tasks"]
    assert [line.get_color() for line in both.get_lines()] == [figures.COLOURS["E1M1"], figures.COLOURS["E2M5"]]
    assert [text.get_text() for text in ax.figure.legends[0].texts] == ["baseline"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_picture_of_a_page_has_a_text_for_those_who_cannot_see_it_and_each_figure_a_caption_and_a_name(notebook):
    cells = [cell for cell in jupytext.read(notebook).cells if "figures.draw_" in cell.source]
    pictures = [cell.metadata.get("mystnb", {}) for cell in cells]
    for cell, about in zip(cells, pictures):
        assert len(about["image"]["alt"]) > 80, cell.source
    numbered = [about["figure"] for about in pictures if "figure" in about]
    names = [figure["name"] for figure in numbered if figure["caption"]]
    assert cells and len(set(names)) == len(numbered)


def test_a_claim_is_a_thin_line_a_seed_and_a_thick_one_for_the_mean_beside_a_grey_control(ax):
    values, control = np.array([[1, np.nan, 3], [3, 4.0, 5]]), np.zeros((2, 3))
    figures.draw_claim(ax, "E1M2", [0.3, 1, 10], values, control, [1, 1, 1], "E1M2", "exponent")
    _, limit, *lines = ax.lines
    assert limit.get_linestyle() == "--" and [line.get_color() for line in lines[3:]] == [figures.COLOURS["E1M2"]] * 3
    np.testing.assert_array_equal([line.get_ydata() for line in lines[3:]], [*values, [2, 4, 5 - 1]])
    assert lines[5].get_linewidth() > lines[3].get_linewidth() and not np.any([x.get_ydata() for x in lines[:3]])
    assert ax.get_legend_handles_labels()[1] == ["best code", "control", "E1M2"]


def test_lines_against_capacity_have_their_names_and_a_band(ax):
    values = pd.DataFrame({"rings": [1.0, 2.0], "blob": [3.0, 4.0]}, [0.3, 10])
    figures.draw_lines(ax, values, values - 1, values + 0.5, "claim")
    _, *lines = ax.lines
    assert [line.get_label() for line in lines] == ["rings", "blob"]
    assert len({to_rgb(line.get_color()) for line in lines}) == 2
    np.testing.assert_array_equal([line.get_ydata() for line in lines], values.to_numpy().T)
    band = ax.collections[1].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (2, 4.5) and ax.get_xscale() == "log"


def test_single_values_are_rings_in_the_colour_of_their_line(ax):
    values = pd.DataFrame({"rings": [1.0, 2.0], "blob": [3.0, 4.0]}, [0.3, 10])
    figures.draw_lines(ax, values, values, values, marks=pd.DataFrame({"blob": [5.0]}, [3]))
    *_, line, mark = ax.lines
    assert mark.get_xydata().tolist() == [[3, 5]] and mark.get_markerfacecolor() == "none"
    assert to_rgb(mark.get_color()) == to_rgb(line.get_color())


def test_dots_are_a_row_each_from_the_top_and_the_published_number_is_a_ring(ax):
    figures.draw_dots(ax, "E2M1", ["no", "yes"], [[0.1, 0.2, 0.3], []], [0.5, np.nan], label="distortion")
    _, first, second, ring = ax.lines
    np.testing.assert_array_equal(first.get_xydata(), [[0.1, 0], [0.2, 0], [0.3, 0]])
    assert not len(second.get_xdata()) and ring.get_markerfacecolor() == "none"
    np.testing.assert_array_equal(ring.get_xydata(), [[0.5, 0], [np.nan, 1]])
    assert ax.get_ylim()[0] > ax.get_ylim()[1] and [t.get_text() for t in ax.get_yticklabels()] == ["no", "yes"]


def test_two_classes_have_their_distortions_written_in_and_a_square_of_classes_only_colours(ax):
    figures.draw_class_distortion(ax, np.array([[-0.5, 0.25], [0.25, 0.1]]))
    assert sorted(text.get_text() for text in ax.texts) == ["0.10", "0.25", "0.25", "\N{MINUS SIGN}0.50"]
    square = Figure().subplots()
    figures.draw_class_distortion(square, np.zeros((25, 25)))
    assert not square.texts and square.images[0].get_clim() == (-1.5, 1.5)
