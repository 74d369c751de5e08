"""Figures: what they carry, what they show, what they refuse."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers import plotting
from helpers.intervals import Estimate
from helpers.uncertainty import equal_width_edges, reliability_table
from tests.plotting.gallery import FIGURES, NAMES, SIGNS


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_carries_its_alternative_text_and_a_picture(name):
    data, metadata = FIGURES[name](SIGNS)._repr_mimebundle_()
    assert metadata == {"image/png": {"alt": "What it shows."}}
    assert data["text/html"].startswith('<img alt="What it shows." src="data:image/png;base64,')
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("L"))
    assert picture.std() > 5


def test_what_makes_no_figure():
    with pytest.raises(ValueError, match="alternative text"):
        plotting.line_plot({"a": ([0], [0])}, title="t", alt=" ", x_label="x", y_label="y")
    with pytest.raises(ValueError, match="needs a caption, and one must be there: got 2 and 1"):
        plotting.image_grid(np.zeros((2, 8, 8, 1)), ["one"], title="t", alt="a")
    with pytest.raises(ValueError, match="got 0 and 0"):
        plotting.image_grid(np.zeros((0, 8, 8, 1)), [], title="t", alt="a")


def test_signed_maps_share_one_scale_with_zero_in_the_middle():
    figure = plotting.diverging_maps(
        np.stack([np.full((4, 4), -1.0), np.full((4, 4), 5.0)]), ["a", "b"], title="t", alt="a", label="weight"
    )
    assert {axis.images[0].get_clim() for axis in figure.axes if axis.images} == {(-5.0, 5.0)}
    with pytest.raises(ValueError, match="got 2 and 1"):
        plotting.diverging_maps(np.zeros((2, 4, 4)), ["one"], title="t", alt="a", label="weight")
    plotting.diverging_maps(np.zeros((1, 4, 4)), ["nothing"], title="t", alt="a", label="weight")


def test_a_librarys_figure_is_closed_when_it_is_described():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    FIGURES["with_alt_text"](SIGNS)
    assert plt.get_fignums() == before


def test_maps_have_scales_of_their_own_or_share_one():
    maps = {"small": 0.01 * np.ones((2, 8, 8)), "large": np.stack([np.ones((8, 8)), -np.ones((8, 8))])}
    images = np.zeros((2, 8, 8, 1))
    shared = plotting.attribution_maps(images, maps, ["a", "b"], title="t", alt="a", shared_scale=True)
    assert {image.get_clim() for axis in shared.axes[2:6] for image in axis.images} == {(-1.0, 1.0)}
    assert len(shared.axes) == 7  # the last one is the colour bar
    own = plotting.attribution_maps(images, maps, ["a", "b"], title="t", alt="a")
    assert [axis.images[0].get_clim() for axis in own.axes[2:]] == [(0, 0.01), (0, 0.01), (-1, 1), (-1, 1)]
    with pytest.raises(ValueError, match=r"every picture needs a caption and a map from every method, got \[1, 2\]"):
        plotting.attribution_maps(images, maps, ["a"], title="t", alt="a")


def test_a_picture_has_a_row_where_there_are_more_methods_than_pictures():
    maps = {name: np.ones((2, 8, 8)) for name in "abc"}
    for chosen, shape in ((maps, (2, 4)), ({"a": maps["a"]}, (2, 2))):
        figure = plotting.attribution_maps(np.zeros((2, 8, 8, 1)), chosen, ["x", "y"], title="t", alt="a")
        assert figure.axes[0].get_gridspec().get_geometry() == shape
        titles = [axis.get_title() for axis in figure.axes[: shape[1]]]
        assert titles == (["", *chosen] if len(chosen) > 2 else ["x", "y"])


def test_a_coarse_map_covers_its_picture():
    figure = plotting.attribution_maps(
        np.zeros((1, 32, 32, 3)),
        {"coarse": np.ones((1, 4, 4))},
        ["x"],
        title="t",
        alt="a",
        outlines=np.eye(32)[None] > 0,
    )
    assert figure.axes[1].images[0].get_extent() == figure.axes[0].images[0].get_extent()


def test_pictures_keep_their_size_whatever_their_captions_take():
    for name, size in {"image_grid": 0.95, "diverging_maps": 1.35, "attribution_maps": 1.1}.items():
        figure = FIGURES[name](NAMES["long"])
        figure.draw_without_rendering()
        pictures = [axis.get_position().width * figure.get_figwidth() for axis in figure.axes if axis.images]
        assert min(pictures) > 0.85 * size, name


def test_names_of_one_pixel_stand_side_by_side():
    figure = plotting.annotated_image(np.zeros((9, 9)), {"1": (2, 3), "2": (4, 4), "3": (2, 3)}, title="t", alt="a")
    assert {text.get_text(): text.get_position() for text in figure.axes[0].texts} == {"1, 3": (3, 2), "2": (4, 4)}


def test_pictures_outside_their_range_are_refused():
    words = {"title": "t", "alt": "a"}
    with pytest.raises(ValueError, match="got 0 to 255"):
        plotting.image_grid(np.full((1, 8, 8, 3), 255.0) * np.eye(8)[..., None], [""], **words)
    with pytest.raises(ValueError, match="got 0 to 2"):
        plotting.attribution_maps(2 * np.eye(8)[None, ..., None], {"m": np.zeros((1, 8, 8))}, [""], **words)


def test_a_curve_of_a_power_goes_through_the_first_point():
    x = np.array([1.0, 10.0, 100.0])
    figure = plotting.line_plot(
        {"a": (x, 5 / x)},
        power_law=("root", -0.5),
        log_x=True,
        log_y=True,
        title="t",
        alt="a",
        x_label="x",
        y_label="y",
    )
    axis = figure.axes[0]
    np.testing.assert_allclose(axis.lines[1].get_ydata(), 5 / np.sqrt(x))
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1", "10", "100"]


@pytest.mark.parametrize(("least", "numbers"), [(0.02, ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]), (2e-4, None)])
def test_numbers_of_a_logarithmic_axis_thin_out_where_there_are_many_decades(least, numbers):
    x = np.geomspace(least, 1, 30)
    words = {"title": "t", "alt": "a", "x_label": "x", "y_label": "y"}
    figure = plotting.line_plot({"a": (x, x)}, log_x=True, log_y=True, **words)
    figure.canvas.draw()
    for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
        labels = [f"{place:g}" for place in axis.get_majorticklocs() if least <= place <= 1]
        assert labels == (numbers or ["0.001", "0.01", "0.1", "1"])


def test_groups_may_be_an_array():
    rows = {name: Estimate(0.5, 0.4, 0.6, 9) for name in "ab"}
    axis = plotting.forest_plot(rows, groups=np.array([0, 1]), x_label="x", title="t", alt="a").axes[0]
    assert [line.get_marker() for line in axis.lines if line.get_marker() != "None"] == ["o", "s"]


def test_groups_are_as_many_as_rows():
    with pytest.raises(ValueError, match="zip"):
        plotting.forest_plot({"a": Estimate(0.5, 0.4, 0.6, 9)}, groups=[0, 1], x_label="x", title="t", alt="a")


def test_more_parts_than_hatches_are_refused():
    with pytest.raises(ValueError, match="at most 7 parts are told apart, got 8"):
        plotting.stacked_bars({f"{i}": [1] for i in range(8)}, ["bar"], y_label="y", title="t", alt="a")


def test_a_rival_without_a_score_is_refused():
    scores = {"mass": {"a": Estimate(0.5, 0.4, 0.6, 9)}}
    with pytest.raises(ValueError, match=r"every measure needs a score of the rival 'b', got \[\['a'\]\]"):
        plotting.comparison_plot(scores, {}, rival="b", title="t", alt="a")


def test_an_empty_bin_leaves_no_dot():
    table = reliability_table(np.array([[0.9, 0.1], [0.95, 0.05]]), np.array([0, 0]), equal_width_edges(10))
    figure = plotting.reliability_diagram({"two sure answers": table}, title="t", alt="a")
    assert isinstance(table, pd.DataFrame)
    assert len(figure.axes[0].collections[1].get_offsets()) == 1


def test_a_figure_follows_its_control():
    import ipywidgets as widgets

    drawn = []

    def draw(value):
        drawn.append(value)
        return plotting.histogram({"sample": np.arange(5)}, title=f"at {value}", alt=f"drawn at {value}", x_label="x")

    slider = widgets.IntSlider(value=3, min=1, max=9)
    box = plotting.interactive_figure(slider, draw)
    assert box.children[0] is slider
    assert 'alt="drawn at 3"' in box.children[1].value
    slider.value = 7
    assert 'alt="drawn at 7"' in box.children[1].value
    assert drawn == [3, 7]


def test_a_figure_follows_each_of_several_controls():
    import ipywidgets as widgets

    drawn = []

    def draw(values):
        drawn.append(values)
        return plotting.histogram({"sample": np.arange(5)}, title="t", alt=f"drawn at {values}", x_label="x")

    controls = {"left": widgets.IntSlider(value=3, min=1, max=9), "right": widgets.Dropdown(options=["a", "b"])}
    box = plotting.interactive_figure(controls, draw)
    assert list(box.children[:2]) == list(controls.values())
    controls["right"].value = "b"
    controls["left"].value = 4
    assert drawn == [{"left": 3, "right": "a"}, {"left": 3, "right": "b"}, {"left": 4, "right": "b"}]
    assert "drawn at {&#x27;left&#x27;: 4, &#x27;right&#x27;: &#x27;b&#x27;}" in box.children[2].value


def test_a_trade_off_shows_both_intervals():
    points = {"before": (Estimate(-0.3, -0.4, -0.2, 90), Estimate(0.9, 0.85, 0.95, 200))}
    words = {"x_label": "x", "y_label": "y", "title": "t", "alt": "a"}
    axis = plotting.trade_off_plot(points, reference=("no gap", 0.0), **words).axes[0]
    across, up, point, no_gap = (line.get_xydata().tolist() for line in axis.lines)
    assert across == [[-0.4, 0.9], [-0.2, 0.9]]
    assert up == [[-0.3, 0.85], [-0.3, 0.95]]
    assert point == [[-0.3, 0.9]]
    assert [x for x, _ in no_gap] == [0.0, 0.0]
    with pytest.raises(ValueError, match="at most 7 methods are told apart, got 8"):
        plotting.trade_off_plot({f"{i}": points["before"] for i in range(8)}, **words)
