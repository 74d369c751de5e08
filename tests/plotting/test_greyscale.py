"""Figures without their colours: what is told apart by colour is told apart by lightness or by a mark, too."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer

from helpers import plotting
from helpers.plotting._style import AGAINST, FOR, FOR_AND_AGAINST, MARKERS, DescribedFigure, lightness
from tests.plotting.gallery import FIGURES, SIGNS, blobs, pictures


def greys(colours, values):
    """Lightness of these colours at these places from 0 to 1."""
    return np.array([lightness(colour) for colour in colours(np.asarray(values))])


def reads_in_greyscale(colours):
    """Whether lightness tells large from small; or, with white in the middle, how far from it, and the ends apart."""
    down = greys(colours, np.linspace(0, 1, 101))
    if np.all(np.diff(down) > 0) or np.all(np.diff(down) < 0):
        return True
    low, high = down[50::-1], down[50:]
    falls = all(np.all(np.diff(side) < 0) for side in (low, high))
    return falls and down[50] > 97 and abs(down[0] - down[100]) > 25


@pytest.mark.parametrize("name", FIGURES)
def test_every_colour_map_reads_in_greyscale(name):
    maps = [
        image.get_cmap() for axes in FIGURES[name](SIGNS).axes for image in axes.images if image.get_array().ndim == 2
    ]
    assert all(reads_in_greyscale(colours) for colours in maps)


def test_usual_colour_maps_would_not_pass():
    import matplotlib as mpl

    assert [reads_in_greyscale(mpl.colormaps[name]) for name in ("RdBu_r", "jet", "coolwarm", "viridis")] == [
        False,
        False,
        False,
        True,
    ]


def test_lightness_is_that_of_the_standard():
    # Values of CIELAB for sRGB, as in every table of colours.
    for colour, expected in {
        "black": 0,
        "white": 100,
        "red": 53.2,
        "lime": 87.7,
        "blue": 32.3,
        "#777777": 50.0,
    }.items():
        assert lightness(to_rgba(colour)) == pytest.approx(expected, abs=0.1)


# ---- for and against


def test_for_and_against_differ_in_lightness_and_from_paper():
    against, speaks_for = lightness(to_rgba(AGAINST)), lightness(to_rgba(FOR))
    assert speaks_for - against > 25
    assert speaks_for < 70


def test_bars_and_heat_maps_have_the_same_two_colours():
    assert [tuple(FOR_AND_AGAINST(end)) for end in (0.0, 0.5, 1.0)] == [to_rgba(c) for c in (AGAINST, "white", FOR)]
    assert plotting.FOR_AND_AGAINST is FOR_AND_AGAINST
    bars = FIGURES["diverging_bars"](SIGNS).axes[0].patches
    assert {(bar.get_width() < 0, bar.get_facecolor()) for bar in bars} == {
        (True, to_rgba(AGAINST)),
        (False, to_rgba(FOR)),
    }
    signed = {"m": np.stack([np.full((4, 4), -1.0), np.full((4, 4), 1.0)])}
    words = {"title": "t", "alt": "a"}
    for figure in (
        plotting.diverging_maps(signed["m"], ["", ""], label="x", **words),
        plotting.attribution_maps(pictures(2), signed, ["", ""], **words),
        plotting.attribution_maps(pictures(2), signed, ["", ""], shared_scale=True, **words),
    ):
        drawn = [image for axes in figure.axes for image in axes.images if image.get_array().shape == (4, 4)]
        assert [image.to_rgba(image.get_array())[0, 0].tolist() for image in drawn] == [
            list(to_rgba(AGAINST)),
            list(to_rgba(FOR)),
        ]


def test_maps_without_an_against_have_another_scale():
    figure = plotting.attribution_maps(pictures(1), {"m": blobs(1, signed=False)}, [""], title="t", alt="a")
    assert figure.axes[1].images[0].get_cmap().name == "magma"
    assert figure.axes[1].images[0].get_clim()[0] == 0


# ---- series


def mark(handle):
    """All that a series has beside its colour."""
    if isinstance(handle, BarContainer):
        return handle.patches[0].get_hatch()
    if isinstance(handle, PathCollection):
        return handle.get_paths()[0].vertices.tobytes()
    return handle.get_marker(), str(handle.get_linestyle()), str(handle._unscaled_dash_pattern)


@pytest.fixture
def named(monkeypatch):
    """What the legends of figures name."""
    seen = []
    monkeypatch.setattr(DescribedFigure, "legend", lambda self, handles, *_, **__: seen.extend(handles))
    return seen


@pytest.mark.parametrize(
    "name",
    [
        "line_plot",
        "line_plot_on_logarithmic_axes",
        "line_plot_of_many_points",
        "scatter_plot",
        "histogram",
        "stacked_bars",
        "diverging_bars",
    ],
)
def test_series_differ_without_colour(name, named):
    FIGURES[name](SIGNS)
    marks = [mark(handle) for handle in named]
    assert len(marks) >= 2
    assert len(set(marks)) == len(marks)


def test_more_than_seven_curves_still_differ(named):
    curves = {f"curve {i}": ([1, 2], [i, i]) for i in range(20)}
    plotting.line_plot(curves, title="t", alt="a", x_label="x", y_label="y")
    assert len({mark(handle) for handle in named}) == 20


def test_groups_of_a_forest_plot_differ_by_their_marker():
    lines = FIGURES["forest_plot"](SIGNS).axes[0].lines
    markers = [line.get_marker() for line in lines if line.get_marker() != "None"]
    assert markers[:7] == [MARKERS[group] for group in (0, 0, 1, 1, 2, 3, 4)]


def test_verdicts_of_a_comparison_differ_without_colour():
    lines = FIGURES["comparison_plot"](SIGNS).axes[0].lines
    kinds = {
        (line.get_marker(), line.get_markerfacecolor() == "white") for line in lines if line.get_marker() != "None"
    }
    assert kinds == {("o", False), ("o", True), ("X", False), ("|", False)}


def test_numbers_stand_out_from_their_cells():
    for name in ("confusion_matrix", "heatmap"):
        axes = FIGURES[name](SIGNS).axes[0]
        cells = axes.images[0].to_rgba(axes.images[0].get_array())
        for text in axes.texts:
            column, row = (int(place) for place in text.get_position())
            assert abs(lightness(to_rgba(text.get_color())) - lightness(cells[row, column])) > 40


def test_what_is_no_number_is_said_in_black_on_white():
    axes = plotting.heatmap(np.array([[1.0, np.nan], [np.nan, 1.0]]), ["a", "b"], title="t", alt="a").axes[0]
    assert {text.get_text(): text.get_color() for text in axes.texts} == {"1.00": "white", "nan": "black"}
