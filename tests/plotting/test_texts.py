"""Texts of data are shown as they stand: no TeX, no name left out, no tag of HTML in an alternative text."""

import re

import numpy as np
import pytest
from matplotlib.text import Text

from helpers import plotting
from tests.plotting.gallery import AWKWARD, FIGURES


def text_of(figure):
    figure.draw_without_rendering()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_read_as_tex(name):
    texts = text_of(FIGURES[name](AWKWARD))  # "$\\frac{$" read as TeX would stop the drawing
    assert not [text.get_text() for text in texts if text.get_parse_math() and "$" in text.get_text()]


@pytest.mark.parametrize(
    ("name", "count"),
    {
        "line_plot": 7,
        "scatter_plot": 4,
        "histogram": 4,
        "stacked_bars": 7,
        "forest_plot": 10,
        "comparison_plot": 10,
        "diverging_bars": 10,
        "confusion_matrix": 10,
        "heatmap": 10,
        "image_grid": 10,
        "attribution_maps": 10,
        "diverging_maps": 7,
        "reliability_diagram": 2,
    }.items(),
)
def test_every_name_is_shown_as_it_is(name, count):
    shown = [re.sub(r"\s", "", re.sub(r"\(n=.*\)$", "", text.get_text())) for text in text_of(FIGURES[name](AWKWARD))]
    assert [label for label in AWKWARD[:count] if label.replace(" ", "") not in shown] == []


def test_bars_of_the_same_name_stay_two():
    figure = plotting.stacked_bars({"part": [1, 2]}, ["same", "same"], title="t", alt="a", y_label="y")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 2]
    assert len({bar.get_x() for bar in figure.axes[0].patches}) == 2


def test_a_dollar_takes_the_room_of_a_dollar():
    widths = {}
    for name in ("$a$", "a"):
        figure = plotting.line_plot({name: ([0, 1], [0, 1])}, title="t", alt="a", x_label=name, y_label="y")
        figure.draw_without_rendering()
        widths[name] = figure.axes[0].xaxis.label.get_window_extent().width
    assert widths["$a$"] > 2 * widths["a"]


def test_a_librarys_powers_of_ten_are_still_powers():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.set_yscale("log")
    axes.plot([1, 1000])
    axes.set_title("$x_$ at $5")
    plotting.with_alt_text(figure, "A line.")
    assert axes.get_title() == "$x_$ at $5"
    assert not axes.title.get_parse_math()
    powers = [label for label in axes.get_yticklabels() if label.get_text()]
    assert powers
    assert all(label.get_parse_math() for label in powers)


def test_an_alternative_text_is_no_html():
    alt = 'A class called "<script>" & $5.'
    figure = plotting.image_grid(np.zeros((1, 8, 8)), [""], title="t", alt=alt)
    data, metadata = figure._repr_mimebundle_()
    assert data["text/html"].startswith('<img alt="A class called &quot;&lt;script&gt;&quot; &amp; $5." src=')
    assert metadata == {"image/png": {"alt": alt}}
