"""Figures that follow a control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.plotting._style import DescribedFigure


def interactive_figure(control: Any, draw: Callable[[Any], DescribedFigure]) -> Any:
    """A control and a figure that is drawn anew whenever the control's value changes.

    Not ``ipywidgets.interactive_output``: that captures what a cell displays in an Output widget, which nbclient has to
    imitate when it executes a notebook without a browser, and on a busy machine the two have waited for each other
    for ever.

    Parameters
    ----------
    control : ipywidgets.ValueWidget
        A slider, a box of text, a choice.
    draw : callable
        Takes the control's value, gives the figure.

    Returns
    -------
    ipywidgets.VBox
        The control above the figure, to stand last in a cell.
    """
    import ipywidgets as widgets

    def as_html(value: Any) -> str:
        return draw(value)._repr_mimebundle_()[0]["text/html"]  # with its alternative text

    picture = widgets.HTML(as_html(control.value))
    control.observe(lambda change: setattr(picture, "value", as_html(change["new"])), names="value")
    return widgets.VBox([control, picture])
