"""Figures: what they carry, what they refuse, that nothing of their text is cut off."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers import plotting
from helpers.intervals import Estimate
from helpers.uncertainty import equal_width_edges, reliability_table

RNG = np.random.default_rng(0)
WORDS = {
    "title": "A finding that is rather long and would not fit on one line of a figure of this width",
    "alt": "What it shows.",
}


def estimates(n=12):
    return {f"a name of some length, {i}": Estimate(0.5 + i / 100, 0.4, 0.7, 1000) for i in range(n)}


def probabilities():
    p = RNG.dirichlet(np.ones(4), 300)
    return p, RNG.integers(0, 4, 300)


def contour():
    """What a library might draw."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(4, 3))
    axis.contourf(RNG.random((5, 5)))
    return figure


FIGURES = {
    "image_grid": lambda: plotting.image_grid(
        RNG.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8), ["pedestrian crossing"] * 5, columns=4, **WORDS
    ),
    "image_grid of one grey picture": lambda: plotting.image_grid(RNG.random((1, 28, 28, 1)), [""], **WORDS),
    "line_plot": lambda: plotting.line_plot(
        {f"curve {i}": (range(5), RNG.random(5)) for i in range(7)},
        x_label="x",
        y_label="y",
        bands={"curve 1": (np.zeros(5), np.ones(5))},
        reference=("level", 0.5),
        **WORDS,
    ),
    "forest_plot": lambda: plotting.forest_plot(
        estimates(), x_label="share", reference=("all", 0.6), groups=[0, 1] * 6, **WORDS
    ),
    "confusion_matrix": lambda: plotting.confusion_matrix(
        np.eye(10, dtype=int) * 50, [f"class number {i}" for i in range(10)], **WORDS
    ),
    "reliability_diagram": lambda: plotting.reliability_diagram(
        {name: reliability_table(*probabilities(), equal_width_edges(15)) for name in ("a", "b")}, **WORDS
    ),
    "histogram": lambda: plotting.histogram(
        {"a": RNG.random(50), "b": RNG.random(50)}, x_label="x", threshold=("t", 0.5), **WORDS
    ),
    "stacked_bars": lambda: plotting.stacked_bars(
        {"one": [1, 2], "two": [2, 1]}, ["first", "second"], y_label="nats", reference=("ln 2", 2.5), **WORDS
    ),
    "diverging_maps": lambda: plotting.diverging_maps(
        RNG.normal(size=(7, 9, 9)), ["a caption that is long"] * 7, label="weight", columns=4, **WORDS
    ),
    "diverging_maps of one, outlined": lambda: plotting.diverging_maps(
        RNG.normal(size=(1, 9, 9)), [""], label="weight", outlines=np.eye(9)[None], **WORDS
    ),
    "diverging_bars": lambda: plotting.diverging_bars(
        {f"word number {i}": i - 5.5 for i in range(12)}, x_label="logits", sides=("honest", "spam"), **WORDS
    ),
    "scatter_plot": lambda: plotting.scatter_plot(
        {"a": (RNG.random(50), RNG.random(50)), "b": (RNG.random(50), RNG.random(50))},
        x_label="x",
        y_label="y",
        **WORDS,
    ),
    "annotated_image": lambda: plotting.annotated_image(
        RNG.random((28, 28)), {"1": (0, 0), "2": (27, 27), "3": (5, 20)}, **WORDS
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_carries_its_alternative_text_and_a_picture(name):
    data, metadata = FIGURES[name]()._repr_mimebundle_()
    assert metadata == {"image/png": {"alt": "What it shows."}}
    assert data["text/html"].startswith('<img alt="What it shows." src="data:image/png;base64,')
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("L"))
    assert picture.std() > 5


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_runs_out_of_the_figure(name):
    figure = FIGURES[name]()
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 >= -0.05
    assert box.y0 >= -0.05
    assert box.x1 <= width + 0.05
    assert box.y1 <= height + 0.05


def test_series_differ_without_colour():
    axis = FIGURES["line_plot"]().axes[0]
    styles = {(line.get_marker(), str(line.get_linestyle()), line._unscaled_dash_pattern) for line in axis.lines[:7]}
    assert len({str(style) for style in styles}) == 7


def test_what_makes_no_figure():
    with pytest.raises(ValueError, match="alternative text"):
        plotting.line_plot({"a": ([0], [0])}, title="t", alt=" ", x_label="x", y_label="y")
    with pytest.raises(ValueError, match="one caption for each picture, got 2 and 1"):
        plotting.image_grid(np.zeros((2, 8, 8, 1)), ["one"], title="t", alt="a")
    with pytest.raises(ValueError, match="got 0 and 0"):
        plotting.image_grid(np.zeros((0, 8, 8, 1)), [], title="t", alt="a")


def test_signed_maps_share_one_scale_with_zero_in_the_middle():
    figure = plotting.diverging_maps(
        np.stack([np.full((4, 4), -1.0), np.full((4, 4), 5.0)]), ["a", "b"], title="t", alt="a", label="weight"
    )
    assert {axis.images[0].get_clim() for axis in figure.axes if axis.images} == {(-5.0, 5.0)}
    with pytest.raises(ValueError, match="got 2 maps and 1 captions"):
        plotting.diverging_maps(np.zeros((2, 4, 4)), ["one"], title="t", alt="a", label="weight")
    plotting.diverging_maps(np.zeros((1, 4, 4)), ["nothing"], title="t", alt="a", label="weight")


def test_against_and_for_differ_in_lightness():
    lightness = plotting.SIGNED_COLOURS([0.0, 0.5, 1.0])[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert lightness[1] > 0.99
    assert abs(lightness[0] - lightness[2]) > 0.2


def test_a_librarys_figure_is_closed_when_it_is_described():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plotting.with_alt_text(contour(), "a contour")
    assert plt.get_fignums() == before


def test_maps_share_one_scale_unless_told_otherwise():
    maps = {"small": 0.01 * np.ones((2, 8, 8)), "large": np.stack([np.ones((8, 8)), -np.ones((8, 8))])}
    images = np.zeros((2, 8, 8, 1))
    shared = plotting.maps_on_one_scale(images, maps, ["a", "b"], title="t", alt="a")
    assert len({image.get_clim() for axis in shared.axes[2:6] for image in axis.images}) == 1
    assert len(shared.axes) == 7  # the last one is the colour bar
    own = plotting.maps_on_one_scale(images, maps, ["a", "b"], title="t", alt="a", limits=[1.0, 2.0])
    assert [axis.images[0].get_clim() for axis in own.axes[2:4]] == [(-1, 1), (-2, 2)]
    assert len(own.axes) == 6
    with pytest.raises(ValueError, match="2 pictures need as many captions"):
        plotting.maps_on_one_scale(images, maps, ["a"], title="t", alt="a")


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
