"""Figures that follow a control."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from helpers.plotting._style import DescribedFigure


def interactive_figure(control: Any, draw: Callable[[Any], DescribedFigure]) -> Any:
    """Controls and a figure that is drawn anew whenever the value of one of them changes.

    Not ``ipywidgets.interactive_output``: that captures what a cell displays in an Output widget, which nbclient has to
    imitate when it executes a notebook without a browser, and on a busy machine the two have waited for each other
    for ever.

    Parameters
    ----------
    control : ipywidgets.ValueWidget, or mapping of str to ipywidgets.ValueWidget
        A slider, a box of text, a choice; or several by name.
    draw : callable
        Takes the control's value, or of several a dict with the value of each; gives the figure.

    Returns
    -------
    ipywidgets.VBox
        The controls above the figure, to stand last in a cell.
    """
    import ipywidgets as widgets

    controls = control if isinstance(control, Mapping) else {"": control}

    def as_html() -> str:
        values = {name: each.value for name, each in controls.items()}
        figure = draw(values if controls is control else values[""])
        return figure._repr_mimebundle_()[0]["text/html"]  # with its alternative text

    picture = widgets.HTML(as_html())
    for each in controls.values():
        each.observe(lambda _change: setattr(picture, "value", as_html()), names="value")
    return widgets.VBox([*controls.values(), picture])
