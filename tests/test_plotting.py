"""Figures: what they carry, what they refuse, that nothing of their text is cut off."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers import plotting
from helpers.intervals import Estimate
from helpers.uncertainty import reliability_table

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


FIGURES = {
    "contact_sheet": lambda: plotting.contact_sheet(
        RNG.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8), ["pedestrian crossing"] * 5, columns=4, **WORDS
    ),
    "contact_sheet of one grey picture": lambda: plotting.contact_sheet(RNG.random((1, 28, 28, 1)), [""], **WORDS),
    "lines": lambda: plotting.lines(
        {f"curve {i}": (range(5), RNG.random(5)) for i in range(7)},
        x_label="x",
        y_label="y",
        bands={"curve 1": (np.zeros(5), np.ones(5))},
        reference=("level", 0.5),
        **WORDS,
    ),
    "estimates": lambda: plotting.estimates(
        estimates(), x_label="share", reference=("all", 0.6), groups=[0, 1] * 6, **WORDS
    ),
    "confusion": lambda: plotting.confusion(
        np.eye(10, dtype=int) * 50, [f"class number {i}" for i in range(10)], **WORDS
    ),
    "reliability": lambda: plotting.reliability(
        {"a": reliability_table(*probabilities()), "b": reliability_table(*probabilities())}, **WORDS
    ),
    "histograms": lambda: plotting.histograms(
        {"a": RNG.random(50), "b": RNG.random(50)}, x_label="x", threshold=("t", 0.5), **WORDS
    ),
    "stacked_bars": lambda: plotting.stacked_bars(
        {"one": [1, 2], "two": [2, 1]}, ["first", "second"], y_label="nats", reference=("ln 2", 2.5), **WORDS
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
    axis = FIGURES["lines"]().axes[0]
    styles = {(line.get_marker(), str(line.get_linestyle()), line._unscaled_dash_pattern) for line in axis.lines[:7]}
    assert len({str(style) for style in styles}) == 7


def test_what_makes_no_figure():
    with pytest.raises(ValueError, match="alternative text"):
        plotting.lines({"a": ([0], [0])}, title="t", alt=" ", x_label="x", y_label="y")
    with pytest.raises(ValueError, match="one caption for each picture, got 2 and 1"):
        plotting.contact_sheet(np.zeros((2, 8, 8, 1)), ["one"], title="t", alt="a")
    with pytest.raises(ValueError, match="got 0 and 0"):
        plotting.contact_sheet(np.zeros((0, 8, 8, 1)), [], title="t", alt="a")


def test_an_empty_bin_leaves_no_dot():
    table = reliability_table(np.array([[0.9, 0.1], [0.95, 0.05]]), np.array([0, 0]), bins=10)
    figure = plotting.reliability({"two sure answers": table}, title="t", alt="a")
    assert isinstance(table, pd.DataFrame)
    assert len(figure.axes[0].collections[1].get_offsets()) == 1
