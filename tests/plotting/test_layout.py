"""Every public figure, with usual, long and awkward names: nothing is cut off, nothing covers anything."""

import functools
import itertools
import warnings

import matplotlib
import pytest
from matplotlib.text import Text

from helpers import plotting
from helpers.plotting._style import text_width, wrap
from tests.plotting.gallery import FIGURES, NAMES

CASES = list(itertools.product(FIGURES, NAMES))


@functools.cache
def drawn(figure, names):
    """A figure as it is saved, with the outline of each of its texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a layout that was given up, a letter that is not in the font
        made = FIGURES[figure](NAMES[names])
        made.draw_without_rendering()  # which names the ticks
        for text in texts_of(made):
            if text.get_bbox_patch() is None:
                text.set_bbox({"pad": 0, "alpha": 0})
        made.draw_without_rendering()
    return made


def texts_of(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def outline(text):
    """Where a text stands, in pixels: a rectangle, also for a text at an angle."""
    patch = text.get_bbox_patch()
    return patch.get_transform().transform_path(patch.get_path())


def shown(figure):
    """Texts that are on the figure: not those of ticks beyond the ends of their axis."""
    hidden = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not axes.axison or not (axis.get_view_interval().min() <= tick.get_loc() <= axis.get_view_interval().max())
        for label in (tick.label1, tick.label2)
    }
    return [text for text in texts_of(figure) if text not in hidden]


def test_every_public_figure_is_in_the_gallery():
    public = {name for name in plotting.__all__ if callable(getattr(plotting, name)) and name.islower()}
    assert public == public & set(FIGURES), f"draw {sorted(public - set(FIGURES))} in tests/plotting/gallery.py"


@pytest.mark.parametrize(("figure", "names"), CASES)
def test_nothing_is_cut_off(figure, names):
    made = drawn(figure, names)
    width, height = made.bbox.width, made.bbox.height
    for text in shown(made):
        box = outline(text).get_extents()
        assert box.x0 >= -1, text.get_text()
        assert box.y0 >= -1, text.get_text()
        assert box.x1 <= width + 1, text.get_text()
        assert box.y1 <= height + 1, text.get_text()
    inches = made.get_tightbbox()
    assert inches.x0 >= -0.02
    assert inches.y0 >= -0.02
    assert inches.x1 <= width / made.dpi + 0.02
    assert inches.y1 <= height / made.dpi + 0.02


@pytest.mark.parametrize(("figure", "names"), CASES)
def test_no_text_covers_another(figure, names):
    for one, other in itertools.combinations(shown(drawn(figure, names)), 2):
        assert not overlap(outline(one), outline(other)), f"{one.get_text()!r} and {other.get_text()!r}"


@pytest.mark.parametrize(("figure", "names"), CASES)
def test_no_text_reaches_into_axes_that_it_does_not_belong_to(figure, names):
    made = drawn(figure, names)
    for axes, text in itertools.product(made.axes, shown(made)):
        if text not in axes.texts:
            inside = matplotlib.path.Path(axes.bbox.corners()[[0, 1, 3, 2, 0]])
            assert not overlap(outline(text), inside), text.get_text()


@pytest.mark.parametrize(("figure", "names"), CASES)
def test_axes_keep_their_room_and_apart(figure, names):
    made = drawn(figure, names)
    for axes in made.axes:
        assert min(axes.bbox.width, axes.bbox.height) / made.dpi > 0.1  # a colour bar is the narrowest
    for one, other in itertools.combinations(made.axes, 2):
        assert not overlap(*(matplotlib.path.Path(axes.bbox.corners()[[0, 1, 3, 2, 0]]) for axes in (one, other)))


def overlap(one, other, slack=1.5):
    """Whether two outlines share more than a line of pixels."""
    a, b = one.get_extents(), other.get_extents()
    if min(a.x1, b.x1) - max(a.x0, b.x0) < slack or min(a.y1, b.y1) - max(a.y0, b.y0) < slack:
        return False
    return one.intersects_path(other, filled=True)


def test_texts_are_broken_where_they_would_be_too_wide():
    text = "A finding that is rather long, about Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
    for inches in (0.8, 2.0, 5.0):
        lines = wrap(text, inches).split("\n")
        assert max(text_width(line) for line in lines) <= inches
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrap("short", 5.0) == "short"
    assert wrap("one\ntwo", 5.0) == "one\ntwo"
    assert wrap("", 5.0) == ""
