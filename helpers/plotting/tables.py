"""Tables of numbers, darker where they are larger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from helpers.plotting._style import FONT_SIZE, DescribedFigure, _finish, _one_axis


def confusion_matrix(counts: NDArray[np.int64], names: Sequence[str], *, title: str, alt: str) -> DescribedFigure:
    """A confusion matrix: rows are what it was, columns what the model said.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (K, K)
        Pictures by true class (row) and predicted class (column).
    names : sequence of str
        Name of each class.
    title, alt : str
        The finding, and the alternative text.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = _one_axis(alt, (6.4, 5.2))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts > 0):
        dark = shares[row, column] > 0.5
        colour = "white" if dark else "black"
        axis.text(column, row, counts[row, column], ha="center", va="center", fontsize=FONT_SIZE - 2, color=colour)
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=FONT_SIZE - 1)
    axis.set_yticks(range(len(names)), names, fontsize=FONT_SIZE - 1)
    _finish(figure, axis, title, "what the model said", "what it was")
    return figure


def heatmap(
    values: NDArray[np.floating], names: Sequence[str], *, title: str, alt: str, low: float = -1.0, high: float = 1.0
) -> DescribedFigure:
    """A square table of numbers, darker where they are larger: correlations between methods, for instance.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (K, K)
        The numbers.
    names : sequence of str
        Name of each row and column.
    title, alt : str
        The finding, and the alternative text.
    low, high : float
        The values that get the lightest and the darkest shade.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = _one_axis(alt, (2.6 + 0.52 * len(names), 1.7 + 0.36 * len(names)))
    axis.imshow(values, cmap="Blues", vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > low + 0.6 * (high - low) else "black"
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=FONT_SIZE - 2, color=colour)
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=FONT_SIZE - 2)
    axis.set_yticks(range(len(names)), names, fontsize=FONT_SIZE - 2)
    _finish(figure, axis, title, "", "")
    return figure
