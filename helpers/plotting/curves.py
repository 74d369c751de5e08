"""Curves and clouds: what changes with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from helpers.plotting._style import COLOURS, DASHES, FONT_SIZE, MARKERS, DescribedFigure, _finish, _label, _one_axis


def line_plot(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    alt: str,
    x_label: str,
    y_label: str,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    reference: tuple[str, float] | None = None,
    log_x: bool = False,
) -> DescribedFigure:
    """Curves, each with a marker and a dash pattern of its own.

    Parameters
    ----------
    series : mapping of str to (x, y)
        The curves by name.
    title, alt, x_label, y_label : str
        The finding, the alternative text, and what the axes mean, with units.
    bands : mapping of str to (low, high), optional
        Intervals around curves of the same name.
    reference : (str, float), optional
        A named horizontal line.
    log_x : bool
        Whether the horizontal axis is logarithmic.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = _one_axis(alt, (6.4, 3.6))
    for i, (name, (x, y)) in enumerate(series.items()):
        marker = None if len(x) > 40 else MARKERS[i % 7]
        axis.plot(x, y, label=name, color=COLOURS[i % 7], linestyle=DASHES[i % 7], marker=marker)
        if bands and name in bands:
            axis.fill_between(x, *bands[name], color=COLOURS[i % 7], alpha=0.18, linewidth=0)
    if reference:
        axis.axhline(reference[1], color="0.35", linestyle=":", label=reference[0])
    if log_x:
        axis.set_xscale("log")
        ticks = sorted({float(value) for x, _ in series.values() for value in x})
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    if not log_x and all(float(value).is_integer() for x, _ in series.values() for value in x):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _finish(figure, axis, title, x_label, y_label)
    return figure


def log_log(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    alt: str,
    x_label: str,
    y_label: str,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    guide: tuple[str, float] | None = None,
) -> DescribedFigure:
    """Curves on two logarithmic axes, where a power law is a straight line.

    Parameters
    ----------
    series : mapping of str to (x, y)
        The curves by name; all values above 0.
    title, alt, x_label, y_label : str
        The finding, the alternative text, and what the axes mean, with units.
    bands : mapping of str to (low, high), optional
        Intervals around curves of the same name.
    guide : (str, float), optional
        A name and a slope: a dotted line of this slope, to compare with, through the first point of the first curve.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure = line_plot(series, title=title, alt=alt, x_label=x_label, y_label=y_label, bands=bands, log_x=True)
    axis = figure.axes[0]
    if guide:
        x, y = (np.asarray(values, dtype=float) for values in next(iter(series.values())))
        axis.plot(x, y[0] * (x / x[0]) ** guide[1], color="0.35", linestyle=":", label=guide[0])
        figure.legends[0].remove()
        _finish(figure, axis, title, x_label, y_label)
    axis.set_yscale("log")
    return figure


def scatter_plot(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, title: str, alt: str, x_label: str, y_label: str
) -> DescribedFigure:
    """Clouds of points, each with a marker of its own.

    Parameters
    ----------
    series : mapping of str to (x, y)
        The clouds by name; later ones are drawn on top.
    title, alt, x_label, y_label : str
        The finding, the alternative text, and what the axes mean, with units.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = _one_axis(alt, (6.4, 3.6))
    for i, (name, (x, y)) in enumerate(series.items()):
        axis.scatter(x, y, s=14, marker=MARKERS[i % 7], color=COLOURS[i % 7], alpha=0.6, linewidths=0, label=name)
    _finish(figure, axis, title, x_label, y_label)
    return figure


def histogram(
    values: Mapping[str, NDArray],
    *,
    title: str,
    alt: str,
    x_label: str,
    bins: int = 40,
    threshold: tuple[str, float] | None = None,
) -> DescribedFigure:
    """Distributions drawn as outlines over one another, each with an area of one.

    Parameters
    ----------
    values : mapping of str to numpy.ndarray, shape (N,)
        The samples by name.
    title, alt, x_label : str
        The finding, the alternative text, and what the axis means, with its unit.
    bins : int
        How many bins, the same for all.
    threshold : (str, float), optional
        A named vertical line.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = _one_axis(alt, (6.4, 3.2))
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins).tolist()
    for i, (name, sample) in enumerate(values.items()):
        axis.hist(
            sample,
            edges,
            density=True,
            histtype="step",
            linewidth=1.8,
            color=COLOURS[i % 7],
            linestyle=DASHES[i % 7],
            label=name,
        )
    if threshold is not None:
        axis.axvline(threshold[1], color="0.35", linestyle=":", label=threshold[0])
    _finish(figure, axis, title, x_label, "density")
    return figure


def reliability_diagram(tables: Mapping[str, pd.DataFrame], *, title: str, alt: str) -> DescribedFigure:
    """Reliability diagrams: accuracy against confidence, bin by bin, with the interval of each bin.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        From :func:`helpers.uncertainty.reliability_table`, by name of the model; one panel each.
    title, alt : str
        The finding, and the alternative text.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure = DescribedFigure(alt, figsize=(3.4 * len(tables), 3.6))
    axes = figure.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        filled = table[table["count"] > 0]
        axis.plot([0, 1], [0, 1], color="0.35", linestyle=":", label="perfectly calibrated")
        axis.vlines(
            filled["confidence"], filled["accuracy_low"], filled["accuracy_high"], color=COLOURS[0], linewidth=2
        )
        axis.scatter(
            filled["confidence"],
            filled["accuracy"],
            s=8 + 120 * filled["count"] / filled["count"].max(),
            color=COLOURS[0],
        )
        _label(axis, name, "confidence of the answers in a bin", "share of them that is right" * (axis is axes[0]))
        axis.legend(fontsize=FONT_SIZE - 1, frameon=False, loc="lower right")
    figure.suptitle(title, fontsize=FONT_SIZE + 1)
    return figure
