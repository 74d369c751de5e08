"""Bars and intervals: one row or column for each name."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from helpers.intervals import Estimate
from helpers.plotting._style import COLOURS, FONT_SIZE, MARKERS, DescribedFigure, _finish, _one_axis


def forest_plot(
    rows: Mapping[str, Estimate],
    *,
    title: str,
    alt: str,
    x_label: str,
    reference: tuple[str, float] | None = None,
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
    groups : sequence of int, optional
        A group number for each row: rows of a group share marker and colour.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = _one_axis(alt, (6.4, 0.8 + 0.27 * len(rows)))
    for i, estimate in enumerate(rows.values()):
        kind = groups[i] % 7 if groups else 0
        axis.plot([estimate.low, estimate.high], [i, i], color=COLOURS[kind], linewidth=2)
        axis.plot([estimate.value], [i], MARKERS[kind], color=COLOURS[kind])
    axis.set_yticks(range(len(rows)), [f"{name}  (n={row.n:,})" for name, row in rows.items()], fontsize=FONT_SIZE - 1)
    axis.set_ylim(len(rows) - 0.5, -0.5)  # from top to bottom, and no marker on the edge
    if reference:
        axis.axvline(reference[1], color="0.35", linestyle=":", label=reference[0])
    _finish(figure, axis, title, x_label, "")
    return figure


def comparison_plot(
    scores: Mapping[str, Mapping[str, Estimate]],
    gains: Mapping[str, Mapping[str, Estimate]],
    *,
    rival: str,
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
    rival : str
        The method that the others are compared with.
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
    if not scores or any(rival not in of_measure for of_measure in scores.values()):
        raise ValueError(
            f"every measure needs a score of the rival {rival!r}, got {[list(of) for of in scores.values()]}"
        )
    names = list(next(iter(scores.values())))
    figure = DescribedFigure(alt, figsize=(2.1 * len(scores) + 1.4, 1.0 + 0.27 * len(names)))
    axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
    for axis, (measure, of_measure) in zip(axes, scores.items(), strict=True):
        axis.axvline(of_measure[rival].value, color="0.35", linestyle=":")
        for row, name in enumerate(names):
            estimate = of_measure[name]
            axis.plot([estimate.low, estimate.high], [row, row], color="0.6", linewidth=2)
            axis.plot([estimate.value], [row], **_verdict(None if name == rival else gains[measure][name]))
        axis.set_xlabel(measure, fontsize=FONT_SIZE - 1)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(names)), names, fontsize=FONT_SIZE - 1)
    axes[0].invert_yaxis()
    figure.suptitle(textwrap.fill(title, 90), fontsize=FONT_SIZE + 1)
    figure.supxlabel(
        f"filled: better than the {rival} (dotted line); cross: worse; open: not told apart", fontsize=FONT_SIZE - 1
    )
    return figure


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
        Height of each part in every bar.
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
    """
    figure, axis = _one_axis(alt, (6.4, 3.4))
    bottom = np.zeros(len(names))
    for i, (name, heights) in enumerate(parts.items()):
        axis.bar(names, heights, bottom=bottom, color=COLOURS[i], alpha=0.85, hatch=("", "//", "..")[i % 3], label=name)
        bottom += np.asarray(heights)
    if reference:
        axis.axhline(reference[1], color="0.2", linestyle=":", label=reference[0])
    axis.tick_params(axis="x", labelsize=FONT_SIZE - 1)
    _finish(figure, axis, title, "", y_label)
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
    figure, axis = _one_axis(alt, (6.4, 1.0 + 0.22 * len(values)))
    heights = np.array(list(values.values()))
    for side, mine, colour, hatch in (
        (sides[0], heights < 0, COLOURS[0], "///"),
        (sides[1], heights >= 0, COLOURS[4], ""),
    ):
        rows = np.flatnonzero(mine)
        axis.barh(rows, heights[rows], color=colour, edgecolor="white", hatch=hatch, label=f"speaks for {side}")
    axis.axvline(0, color="0.35", linewidth=0.8)
    axis.set_yticks(range(len(values)), list(values), fontsize=FONT_SIZE - 1)
    axis.invert_yaxis()
    _finish(figure, axis, title, x_label, "")
    return figure
