"""What all figures share: colours, markers, the figure with an alternative text, title and legend."""

from __future__ import annotations

import base64
import html
import io
import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# M. Okabe and K. Ito (2008), "Color universal design": told apart with any common colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
FONT_SIZE = 10

# Negative is dark blue and positive is orange: told apart with any colour vision, and by their lightness in greyscale.
SIGNED_COLOURS = LinearSegmentedColormap.from_list(
    "against_and_for", ["#00355C", "#6BAED6", "white", "#F5C242", "#C96A00"]
)


class DescribedFigure(Figure):
    """A figure that carries an alternative text into the notebook, for those who hear it instead of seeing it.

    Parameters
    ----------
    alt : str
        What the figure shows, in a sentence or two.
    **options
        As for :class:`matplotlib.figure.Figure`.
    """

    def __init__(self, alt: str, **options: Any) -> None:
        if not alt.strip():
            raise ValueError("a figure needs an alternative text: say in a sentence what it shows")
        super().__init__(layout="constrained", **options)
        self.alt = alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=90)
        png = base64.b64encode(buffer.getvalue()).decode()
        # As HTML, because JupyterLab gives no alternative text to a bare PNG; the PNG is for whatever shows no HTML.
        data = {
            "text/html": f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}">',
            "image/png": png,
            "text/plain": f"<figure: {self.alt}>",
        }
        return data, {"image/png": {"alt": self.alt}}


def _one_axis(alt: str, size: tuple[float, float]) -> tuple[DescribedFigure, Axes]:
    figure = DescribedFigure(alt, figsize=size)
    return figure, figure.subplots()


def _finish(figure: DescribedFigure, axis: Axes, title: str, x_label: str, y_label: str) -> None:
    """Put the title over the whole figure and the legend below it, where neither covers anything."""
    _label(axis, "", x_label, y_label)
    figure.suptitle(textwrap.fill(title, int(figure.get_figwidth() * 12)), fontsize=FONT_SIZE + 1)
    handles, labels = axis.get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=FONT_SIZE - 1, frameon=False)


def _label(axis: Axes, title: str, x_label: str, y_label: str) -> None:
    axis.set_title(title, fontsize=FONT_SIZE + 1)
    axis.set_xlabel(x_label, fontsize=FONT_SIZE)
    axis.set_ylabel(y_label, fontsize=FONT_SIZE)
    axis.spines[["top", "right"]].set_visible(False)
