"""Curves, clouds and distributions: what changes with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

from helpers.intervals import Estimate
from helpers.plotting._style import (
    COLOURS,
    DASHES,
    FONT_SIZE,
    MARKERS,
    REFERENCE,
    DescribedFigure,
    finish,
    fit_height,
    one_axis,
    set_legend,
    set_title,
    wrap,
)

if TYPE_CHECKING:
    import pandas as pd

_MANY_DECADES = 500  # from here on three numbers in a decade run into each other


def line_plot(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    title: str,
    alt: str,
    x_label: str,
    y_label: str,
    bands: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    reference: tuple[str, float] | None = None,
    power_law: tuple[str, float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
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
    power_law : (str, float), optional
        A name and an exponent: a dotted curve through the first point of the first series, to compare with; a straight
        line where both axes are logarithmic.
    log_x, log_y : bool
        Whether an axis is logarithmic; its values must be above 0.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = one_axis(alt)
    handles: dict[str, Any] = {}
    for i, (name, (x, y)) in enumerate(series.items()):
        handles[name] = _curve(axis, i, np.asarray(x), np.asarray(y))
        if bands and name in bands:
            axis.fill_between(x, *bands[name], color=COLOURS[i % 7], alpha=0.18, linewidth=0)
    if reference:
        handles[reference[0]] = axis.axhline(reference[1], **REFERENCE)
    if power_law:
        x, y = (np.asarray(values, dtype=float) for values in next(iter(series.values())))
        handles[power_law[0]] = axis.plot(x, y[0] * (x / x[0]) ** power_law[1], **REFERENCE)[0]
    places = np.unique(np.concatenate([np.asarray(x, dtype=float) for x, _ in series.values()]))
    if log_x:
        axis.set_xscale("log")
        _plain_numbers(axis.xaxis, places)
    elif np.all(places == np.round(places)):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if log_y:
        axis.set_yscale("log")
        _plain_numbers(axis.yaxis)
    finish(figure, axis, title, (x_label, y_label), 2.4, handles)
    return figure


def _curve(axis: Axes, i: int, x: NDArray, y: NDArray) -> Line2D:
    # Beyond seven curves colours and markers come again, with other dashes.
    dashes, every = DASHES[(i + i // 7) % 7], (0.02 * (i % 5), 0.15) if len(x) > 40 else None
    style: dict[str, Any] = {"color": COLOURS[i % 7], "linestyle": dashes, "marker": MARKERS[i % 7], "markevery": every}
    return axis.plot(x, y, **style)[0]


def _plain_numbers(axis: Axis, places: NDArray | None = None) -> None:
    """Put plain numbers on a logarithmic axis: at these places, where they are few."""
    low, high = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < _MANY_DECADES * low else (1.0,)))
    if places is not None and len(places) <= 8:
        axis.set_ticks(places)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def scatter_plot(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]], *, title: str, alt: str, x_label: str, y_label: str
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
    figure, axis = one_axis(alt)
    handles = {
        name: axis.scatter(x, y, s=20, marker=MARKERS[i % 7], color=COLOURS[i % 7], alpha=0.6, linewidths=0)
        for i, (name, (x, y)) in enumerate(series.items())
    }
    finish(figure, axis, title, (x_label, y_label), 2.4, handles)
    return figure


def trade_off_plot(
    points: Mapping[str, tuple[Estimate, Estimate]],
    *,
    title: str,
    alt: str,
    x_label: str,
    y_label: str,
    reference: tuple[str, float] | None = None,
) -> DescribedFigure:
    """What one number costs in another: a point for each method, with the intervals of both.

    Parameters
    ----------
    points : mapping of str to (Estimate, Estimate)
        What was measured along x and along y, by name of the method, at most seven.
    title, alt, x_label, y_label : str
        The finding, the alternative text, and what the axes mean, with units.
    reference : (str, float), optional
        A named vertical line: no gap, for instance.

    Returns
    -------
    DescribedFigure
        The figure.

    Raises
    ------
    ValueError
        If there are more methods than markers to tell them apart.
    """
    if len(points) > len(MARKERS):
        raise ValueError(f"at most {len(MARKERS)} methods are told apart, got {len(points)}: draw the rest by itself")
    figure, axis = one_axis(alt)
    handles: dict[str, Any] = {}
    for i, (name, (x, y)) in enumerate(points.items()):
        style: dict[str, Any] = {"color": COLOURS[i], "linewidth": 1.6}
        axis.plot([x.low, x.high], [y.value, y.value], **style)
        axis.plot([x.value, x.value], [y.low, y.high], **style)
        handles[name] = axis.plot([x.value], [y.value], linestyle="none", marker=MARKERS[i], markersize=8, **style)[0]
    if reference:
        handles[reference[0]] = axis.axvline(reference[1], **REFERENCE)
    finish(figure, axis, title, (x_label, y_label), 2.6, handles)
    return figure


def histogram(
    values: Mapping[str, ArrayLike],
    *,
    title: str,
    alt: str,
    x_label: str,
    bins: int = 40,
    reference: tuple[str, float] | None = None,
) -> DescribedFigure:
    """Distributions drawn as outlines over one another, each with an area of one.

    Parameters
    ----------
    values : mapping of str to array_like, shape (N,)
        The samples by name.
    title, alt, x_label : str
        The finding, the alternative text, and what the axis means, with its unit.
    bins : int
        How many bins, the same for all.
    reference : (str, float), optional
        A named vertical line.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = one_axis(alt)
    edges = np.histogram_bin_edges(np.concatenate([np.ravel(sample) for sample in values.values()]), bins)
    handles: dict[str, Any] = {}
    for i, (name, sample) in enumerate(values.items()):
        density, _ = np.histogram(sample, edges, density=True)
        style: dict[str, Any] = {"color": COLOURS[i % 7], "linestyle": DASHES[i % 7], "linewidth": 1.8}
        axis.stairs(density, edges, **style)
        handles[name] = Line2D([], [], **style)
    if reference:
        handles[reference[0]] = axis.axvline(reference[1], **REFERENCE)
    finish(figure, axis, title, (x_label, "density"), 2.1, handles)
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
    figure = DescribedFigure(alt, figsize=(3.4 * len(tables), 10))
    axes = figure.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        filled = table[table["count"] > 0]
        perfect = axis.plot([0, 1], [0, 1], **REFERENCE)[0]
        ends = filled["accuracy_low"], filled["accuracy_high"]
        axis.vlines(filled["confidence"], *ends, color=COLOURS[0], linewidth=2)
        sizes = 8 + 120 * filled["count"] / filled["count"].max()
        axis.scatter(filled["confidence"], filled["accuracy"], s=sizes, color=COLOURS[0])
        axis.set_title(wrap(name, 2.5, FONT_SIZE + 1), fontsize=FONT_SIZE + 1)
        axis.set_xlabel("confidence of the answers in a bin")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("share of them that is right")
    set_title(figure, title)
    set_legend(figure, {"perfectly calibrated": perfect})
    fit_height(figure, 2.5)
    return figure
