"""Bars and intervals: one row or column for each name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.intervals import Estimate
from helpers.plotting._style import (
    AGAINST,
    COLOURS,
    FONT_SIZE,
    FOR,
    HATCHES,
    LONGEST_NAME,
    MARKERS,
    REFERENCE,
    DescribedFigure,
    finish,
    fit_height,
    most_lines,
    name_columns,
    name_rows,
    one_axis,
    set_title,
    widest,
    wrap,
)


def forest_plot(
    rows: Mapping[str, Estimate],
    *,
    title: str,
    alt: str,
    x_label: str,
    reference: tuple[str, float] | None = None,
    limits: tuple[str, Sequence[float]] | None = None,
    groups: Sequence[int] | None = None,
) -> DescribedFigure:
    """Values with their intervals, one row each, and the number of cases beside the name.

    Parameters
    ----------
    rows : mapping of str to Estimate
        What was measured, by name, from top to bottom.
    title, alt, x_label : str
        The finding, the alternative text, and what the axis means, with its unit.
    reference : (str, float), optional
        A named vertical line to compare with.
    limits : (str, sequence of float), optional
        A name, and for each row a value of its own to compare with.
    groups : sequence of int, optional
        A group number for each row: rows of a group share marker and colour.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    names = _rows([f"{name}  (n={row.n:,})" for name, row in rows.items()])
    figure, axis = one_axis(alt)
    for i, (estimate, group) in enumerate(
        zip(rows.values(), [0] * len(rows) if groups is None else groups, strict=True)
    ):
        axis.plot([estimate.low, estimate.high], [i, i], color=COLOURS[group % 7], linewidth=2)
        axis.plot([estimate.value], [i], MARKERS[group % 7], color=COLOURS[group % 7])
    name_rows(axis, names)
    axis.locator_params(axis="x", nbins=6)  # numbers of three decimals touch where there are more
    handles: dict[str, Any] = {reference[0]: axis.axvline(reference[1], **REFERENCE)} if reference else {}
    if limits:
        ticks = {**REFERENCE, "linestyle": "none", "marker": "|", "markersize": 15, "markeredgewidth": 2}
        [handles[limits[0]]] = axis.plot(limits[1], range(len(rows)), **ticks)
    finish(figure, axis, title, (x_label, ""), _height(names), handles)
    return figure


def _rows(names: Iterable[str]) -> list[str]:
    return [wrap(name, 1.7 * LONGEST_NAME, FONT_SIZE - 1) for name in names]


def _height(rows: Sequence[str]) -> float:
    return (0.1 + 0.155 * most_lines(rows)) * len(rows) + 0.1  # inches


def comparison_plot(
    scores: Mapping[str, Mapping[str, Estimate]],
    gains: Mapping[str, Mapping[str, Estimate]],
    *,
    rival: str | Mapping[str, str],
    title: str,
    alt: str,
) -> DescribedFigure:
    """Methods against a rival, one panel for each measure: who beats it, who does not, who cannot be told apart.

    Parameters
    ----------
    scores : mapping of str to (mapping of str to Estimate)
        For each measure, named with its direction, the score of each method; the rival among them.
    gains : mapping of str to (mapping of str to Estimate)
        For the same measures and methods, how much better than the rival on the same pictures; above 0 is better.
    rival : str or mapping of str to str
        The method that the others are compared with, or one for each measure.
    title, alt : str
        The finding, and the alternative text.

    Returns
    -------
    DescribedFigure
        Filled markers: better than the rival, the interval of the difference lies above 0. Crosses: worse. Open
        markers: not told apart.

    Raises
    ------
    ValueError
        If there is no measure, or the rival has no score in one of them.
    """
    rivals = dict.fromkeys(scores, rival) if isinstance(rival, str) else rival
    if not scores or any(rivals.get(measure) not in of_measure for measure, of_measure in scores.items()):
        raise ValueError(
            f"every measure needs a score of the rival {rival!r}, got {[list(of) for of in scores.values()]}"
        )
    methods = list(next(iter(scores.values())))
    names = _rows(methods)
    figure = DescribedFigure(alt, figsize=(2.0 * len(scores) + widest(names, FONT_SIZE - 1) + 0.2, 10))
    axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
    for axis, (measure, of_measure) in zip(axes, scores.items(), strict=True):
        axis.axvline(of_measure[rivals[measure]].value, **REFERENCE)
        for row, name in enumerate(methods):
            estimate = of_measure[name]
            axis.plot([estimate.low, estimate.high], [row, row], color="0.6", linewidth=2)
            axis.plot([estimate.value], [row], **_verdict(gains[measure][name] if name != rivals[measure] else None))
        axis.set_xlabel(wrap(measure, 1.6, FONT_SIZE - 1), fontsize=FONT_SIZE - 1)
        axis.spines[["top", "right"]].set_visible(False)
        axis.locator_params(axis="x", nbins=4)
    name_rows(axes[0], names)
    set_title(figure, title)
    key = f"filled: better than {_one_or_each(rivals)} (dotted line); cross: worse; open: not told apart"
    figure.supxlabel(wrap(key, figure.get_figwidth() - 0.2, FONT_SIZE - 1), fontsize=FONT_SIZE - 1)
    fit_height(figure, _height(names))
    return figure


def _one_or_each(rivals: Mapping[str, str]) -> str:
    different = set(rivals.values())
    return f"the {different.pop()}" if len(different) == 1 else "the bar of each measure"


def _verdict(gain: Estimate | None) -> dict[str, Any]:
    if gain is None:
        return {"marker": "|", "color": "0.35", "markersize": 11}
    if gain.low > 0:
        return {"marker": "o", "color": COLOURS[0], "markersize": 7}
    if gain.high < 0:
        return {"marker": "X", "color": COLOURS[1], "markersize": 8}
    return {"marker": "o", "color": "0.2", "markerfacecolor": "white", "markersize": 7}


def stacked_bars(
    parts: Mapping[str, Sequence[float]],
    names: Sequence[str],
    *,
    title: str,
    alt: str,
    y_label: str,
    reference: tuple[str, float] | None = None,
) -> DescribedFigure:
    """Bars made of parts that add up, hatched so that they read in greyscale.

    Parameters
    ----------
    parts : mapping of str to sequence of float
        Height of each part in every bar, at most seven parts.
    names : sequence of str
        Name of each bar.
    title, alt, y_label : str
        The finding, the alternative text, and what the axis means, with its unit.
    reference : (str, float), optional
        A named horizontal line.

    Returns
    -------
    DescribedFigure
        The figure.

    Raises
    ------
    ValueError
        If there are more parts than hatches to tell them apart.
    """
    if len(parts) > len(HATCHES):
        raise ValueError(f"at most {len(HATCHES)} parts are told apart, got {len(parts)}: add the smallest up to one")
    figure, axis = one_axis(alt)
    places, bottom = np.arange(len(names)), np.zeros(len(names))
    handles: dict[str, Any] = {}
    for i, (part, heights) in enumerate(parts.items()):
        style: dict[str, Any] = {"color": COLOURS[i], "hatch": HATCHES[i], "edgecolor": "white"}
        handles[part] = axis.bar(places, heights, bottom=bottom, **style)
        bottom += np.asarray(heights)
    if reference:
        handles[reference[0]] = axis.axhline(reference[1], **REFERENCE)
    name_columns(axis, names, 5.7 / max(len(names), 1))
    finish(figure, axis, title, ("", y_label), 2.2, handles)
    return figure


def diverging_bars(
    values: Mapping[str, float], *, title: str, alt: str, x_label: str, sides: tuple[str, str]
) -> DescribedFigure:
    """Numbers that speak for one side or the other: bars to the left and right of 0.

    Parameters
    ----------
    values : mapping of str to float
        The numbers by name, from top to bottom.
    title, alt, x_label : str
        The finding, the alternative text, and what the axis means, with its unit.
    sides : (str, str)
        What negative and what positive numbers speak for.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    names = _rows(values)
    figure, axis = one_axis(alt)
    widths = np.array(list(values.values()), dtype=float)
    handles: dict[str, Any] = {}
    for side, mine, colour, hatch in ((sides[0], widths < 0, AGAINST, "///"), (sides[1], widths >= 0, FOR, "")):
        style: dict[str, Any] = {"color": colour, "edgecolor": "white", "hatch": hatch}
        handles[f"speaks for {side}"] = axis.barh(np.flatnonzero(mine), widths[mine], **style)
    axis.axvline(0, color="0.35", linewidth=0.8)
    name_rows(axis, names)
    finish(figure, axis, title, (x_label, ""), _height(names), handles)
    return figure
