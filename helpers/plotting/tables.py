"""Tables of numbers, darker where they are larger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from helpers.plotting._style import (
    FONT_SIZE,
    LONGEST_NAME,
    DescribedFigure,
    finish,
    lightness,
    most_lines,
    name_columns,
    name_rows,
    one_axis,
    widest,
    wrap,
)


def confusion_matrix(counts: NDArray[np.integer], names: Sequence[str], *, title: str, alt: str) -> DescribedFigure:
    """A confusion matrix: rows are what it was, columns what the model said; darker is a larger share of the row.

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
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    texts = np.where(counts > 0, counts.astype(str), "")
    return _table(shares, texts, names, (0, 1), title, alt, ("what the model said", "what it was"))


def heatmap(
    values: NDArray[np.floating], names: Sequence[str], *, title: str, alt: str, low: float = 0.0, high: float = 1.0
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
    values = np.asarray(values, dtype=float)
    texts = np.array([f"{value:.2f}" for value in values.flat]).reshape(values.shape)
    return _table(values, texts, names, (low, high), title, alt, ("", ""))


def _table(
    values: NDArray,
    texts: NDArray[np.str_],
    names: Sequence[str],
    limits: tuple[float, float],
    title: str,
    alt: str,
    labels: tuple[str, str],
) -> DescribedFigure:
    small, size, n = FONT_SIZE - 2, FONT_SIZE - 1, len(names)
    rows = [wrap(name, LONGEST_NAME, size) for name in names]
    # A cell is as wide as its text, and as names in lines take at an angle below it.
    lines = 0.155 * most_lines(rows)
    cell = max(0.46, widest(list(texts.flat), small) + 0.1, 1.6 * lines + 0.1)
    figure, axis = one_axis(alt, max(4.0, 0.6 + widest(rows, size) + cell * n))
    image = axis.imshow(values, cmap="Blues", vmin=limits[0], vmax=limits[1], aspect="auto")
    for (row, column), text in np.ndenumerate(texts):
        value = values[row, column]
        dark = np.isfinite(value) and lightness(tuple(image.to_rgba(value))) < 55  # what is no number is left white
        colour = "white" if dark else "black"
        axis.text(column, row, text, ha="center", va="center", fontsize=small, color=colour)
    name_columns(axis, names, cell)
    name_rows(axis, rows)
    finish(figure, axis, title, labels, max(0.38, lines + 0.1) * n)
    return figure
