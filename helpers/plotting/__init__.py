"""Figures of the course: arrays in, figures out.

Every figure reads in greyscale and to the colour-blind (Okabe and Ito's palette, and a marker or a line style for each
series), carries its finding as its title and an alternative text, and is shown by standing last in a cell.
"""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from helpers.intervals import Estimate

# M. Okabe and K. Ito (2008), "Color universal design": told apart with any common colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
FONT_SIZE = 10


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


def contact_sheet(
    images: NDArray, captions: Sequence[str], *, title: str, alt: str, columns: int = 8, size: float = 1.1
) -> DescribedFigure:
    """Pictures side by side.

    Parameters
    ----------
    images : numpy.ndarray of float in [0, 1] or uint8, shape (N, H, W, C) or (N, H, W)
        The pictures; one channel is shown in grey.
    captions : sequence of str
        A caption for each picture; an empty one leaves no room.
    title, alt : str
        The finding, and the alternative text.
    columns : int
        Pictures in a row.
    size : float
        Width of one picture, inches.

    Returns
    -------
    DescribedFigure
        The figure.

    Raises
    ------
    ValueError
        If there are no pictures, or not as many captions.
    """
    if len(images) == 0 or len(images) != len(captions):
        raise ValueError(f"a contact sheet needs one caption for each picture, got {len(images)} and {len(captions)}")
    rows = -(-len(images) // columns)
    wrapped = [textwrap.fill(caption, max(8, int(size * 13)), break_long_words=False) for caption in captions]
    caption_room = 0.16 * max(caption.count("\n") + 1 for caption in wrapped) * any(captions)
    title = textwrap.fill(title, max(20, int(columns * size * 11)))
    title_room = 0.25 * (title.count("\n") + 1)
    figure = DescribedFigure(alt, figsize=(columns * size, rows * (size + caption_room) + title_room))
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, caption in zip(axes.flat, images, wrapped, strict=False):
        axis.imshow(np.squeeze(image), cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
        axis.set_title(caption, fontsize=FONT_SIZE - 2)
    figure.suptitle(title, fontsize=FONT_SIZE + 1)
    return figure


def lines(
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


def estimates(
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


def confusion(counts: NDArray[np.int64], names: Sequence[str], *, title: str, alt: str) -> DescribedFigure:
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


def reliability(tables: Mapping[str, pd.DataFrame], *, title: str, alt: str) -> DescribedFigure:
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


def histograms(
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


def attributions(
    images: NDArray,
    maps: Mapping[str, NDArray],
    captions: Sequence[str],
    *,
    title: str,
    alt: str,
    outlines: NDArray[np.bool_] | None = None,
    size: float = 1.0,
) -> DescribedFigure:
    """Pictures, one row each, and beside each the maps that methods of explanation drew of it.

    Every map has a scale of its own, up to its largest value: compare places, not sizes. The maps of a method that has
    negative values are drawn from blue (against the class) over white (nothing) to red (for it), the others from black
    to light.

    Parameters
    ----------
    images : numpy.ndarray of float in [0, 1] or uint8, shape (N, H, W, C)
        The pictures.
    maps : mapping of str to numpy.ndarray of float, shape (N, H, W)
        Maps by name of the method, one column each.
    captions : sequence of str
        A caption for each picture, beside its row.
    title, alt : str
        The finding, and the alternative text.
    outlines : numpy.ndarray of bool, shape (N, H, W), optional
        Masks whose outline is drawn over each map.
    size : float
        Width of one picture, inches.

    Returns
    -------
    DescribedFigure
        The figure.

    Raises
    ------
    ValueError
        If the numbers of pictures, captions and maps differ, or there is none.
    """
    counts = {len(images), len(captions), *(len(drawn) for drawn in maps.values())}
    if len(counts) != 1 or 0 in counts or not maps:
        raise ValueError(f"every picture needs a caption and a map from every method, got {sorted(counts)} of them")
    columns = 1 + len(maps)
    title = textwrap.fill(title, max(30, int(columns * size * 11)))
    title_room = 0.25 * (title.count("\n") + 1) + 0.35
    figure = DescribedFigure(alt, figsize=(columns * size + 0.9, len(images) * size + title_room))
    axes = figure.subplots(len(images), columns, squeeze=False)
    for row, (image, caption) in enumerate(zip(images, captions, strict=True)):
        axes[row, 0].imshow(np.squeeze(image), cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
        axes[row, 0].set_ylabel(textwrap.fill(caption, 14), fontsize=FONT_SIZE - 2, rotation=0, ha="right", va="center")
        for axis, drawn in zip(axes[row, 1:], maps.values(), strict=True):
            _map(axis, drawn[row], signed=bool(np.min(drawn) < 0))
            if outlines is not None and outlines[row].any():
                axis.contour(outlines[row], levels=[0.5], colors=[COLOURS[2]], linewidths=1)
    for axis, name in zip(axes[0], ["", *maps], strict=True):
        axis.set_title(textwrap.fill(name, max(8, int(size * 13))), fontsize=FONT_SIZE - 2)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=FONT_SIZE + 1)
    return figure


def _map(axis: Axes, drawn: NDArray, *, signed: bool) -> None:
    largest = float(np.abs(drawn).max()) or 1.0
    axis.imshow(drawn, cmap="RdBu_r" if signed else "magma", vmin=-largest if signed else 0, vmax=largest)


def contest(
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


# Negative is dark blue and positive is orange: told apart with any colour vision, and by their lightness in greyscale.
SIGNED_COLOURS = LinearSegmentedColormap.from_list(
    "against_and_for", ["#00355C", "#6BAED6", "white", "#F5C242", "#C96A00"]
)


def signed_maps(
    maps: NDArray,
    captions: Sequence[str],
    *,
    title: str,
    alt: str,
    label: str,
    columns: int = 5,
    size: float = 1.35,
    outlines: NDArray | None = None,
) -> DescribedFigure:
    """Maps of numbers that may be negative, side by side, all on one colour scale with 0 in the middle.

    Parameters
    ----------
    maps : numpy.ndarray of float, shape (N, H, W)
        The maps.
    captions : sequence of str
        A caption for each.
    title, alt : str
        The finding, and the alternative text.
    label : str
        What the colours mean, with the unit.
    columns : int
        Maps in a row.
    size : float
        Width of one map, inches.
    outlines : numpy.ndarray of float in [0, 1], shape (N, H, W), optional
        Grey pictures whose outline is drawn over each map.

    Returns
    -------
    DescribedFigure
        The figure.

    Raises
    ------
    ValueError
        If there are no maps, or not as many captions.
    """
    if len(maps) == 0 or len(maps) != len(captions):
        raise ValueError(f"maps need one caption each, got {len(maps)} maps and {len(captions)} captions")
    rows = -(-len(maps) // columns)
    wrapped = [textwrap.fill(caption, max(8, int(size * 13)), break_long_words=False) for caption in captions]
    caption_room = 0.17 * max(caption.count("\n") + 1 for caption in wrapped) * any(captions)
    title = textwrap.fill(title, max(20, int((columns * size + 0.8) * 11)))
    title_room = 0.25 * (title.count("\n") + 1)
    figure = DescribedFigure(alt, figsize=(columns * size + 0.8, rows * (size + caption_room) + title_room))
    axes = figure.subplots(rows, columns, squeeze=False)
    largest = float(np.abs(maps).max()) or 1.0
    for axis in axes.flat:
        axis.axis("off")
    for i, (axis, caption) in enumerate(zip(axes.flat, wrapped, strict=False)):
        drawn = axis.imshow(maps[i], cmap=SIGNED_COLOURS, vmin=-largest, vmax=largest)
        if outlines is not None:
            axis.contour(outlines[i], levels=[0.5], colors="black", linewidths=0.8)
        axis.set_title(caption, fontsize=FONT_SIZE - 2)
    bar = figure.colorbar(drawn, ax=axes, fraction=0.03, pad=0.02, shrink=0.9)
    bar.set_label(label, fontsize=FONT_SIZE - 1)
    bar.ax.tick_params(labelsize=FONT_SIZE - 2)
    figure.suptitle(title, fontsize=FONT_SIZE + 1)
    return figure


def signed_bars(
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


def points(
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


def places_on_picture(
    image: NDArray, places: Mapping[str, tuple[int, int]], *, title: str, alt: str, size: float = 3.2
) -> DescribedFigure:
    """Named pixels on a picture.

    Parameters
    ----------
    image : numpy.ndarray of float in [0, 1], shape (H, W)
        A grey picture.
    places : mapping of str to (row, column)
        Pixels by a short name, counted from the upper left.
    title, alt : str
        The finding, and the alternative text.
    size : float
        Width of the picture, inches.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = _one_axis(alt, (size + 1.2, size + 0.9))
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=1.4)  # never quite black, so that the marks stand out
    for name, (row, column) in places.items():
        axis.plot(column, row, MARKERS[1], markersize=11, color=COLOURS[0], markeredgecolor="white")
        axis.text(column, row, name, ha="center", va="center", fontsize=FONT_SIZE - 2, color="white", weight="bold")
    _finish(figure, axis, title, "column of pixels", "row of pixels")
    return figure


def maps_on_one_scale(
    images: NDArray,
    maps: Mapping[str, NDArray],
    captions: Sequence[str],
    *,
    title: str,
    alt: str,
    limits: Sequence[float] | None = None,
    unit: str = "logits per pixel",
    size: float = 1.35,
) -> DescribedFigure:
    """Pictures in the first row, and below them one row of signed maps for each method, all on one scale of colours.

    :func:`attributions` gives each map a scale of its own, for comparing places; here sizes can be compared, too.

    Parameters
    ----------
    images : numpy.ndarray of float in [0, 1] or uint8, shape (N, H, W, C)
        The pictures, one column each.
    maps : mapping of str to numpy.ndarray, shape (N, H, W)
        Signed maps of each method, by its name.
    captions : sequence of str
        A caption for each picture.
    title, alt : str
        The finding, and the alternative text.
    limits : sequence of float, optional
        For each column the value that gets the full colour. If not given, **one** for all maps: the 99th percentile
        of their absolute values; only then is there a colour bar, because only then do colours compare.
    unit : str
        What the colour bar measures.
    size : float
        Width of one picture, inches.

    Returns
    -------
    DescribedFigure
        The figure.

    Raises
    ------
    ValueError
        If there is not a caption, a map of each method, and a limit for each picture.
    """
    lengths = [len(captions), *(len(rows) for rows in maps.values()), *([len(limits)] if limits is not None else [])]
    if not maps or any(length != len(images) for length in lengths):
        raise ValueError(f"{len(images)} pictures need as many captions, maps and limits, got {lengths}")
    top = float(np.percentile(np.abs(np.stack(list(maps.values()))), 99)) or 1.0
    width = 1.4 + size * len(images) + 0.9 * (limits is None)
    title = textwrap.fill(title, int(width * 11))
    rows = size * (1 + len(maps)) + 0.25 * (title.count("\n") + 1)
    figure = DescribedFigure(alt, figsize=(width, rows + 0.35))
    figure.set_layout_engine("constrained", h_pad=0.02, w_pad=0.02, hspace=0.02, wspace=0.02)
    axes = figure.subplots(1 + len(maps), len(images), squeeze=False)
    for column, caption in enumerate(captions):
        axes[0, column].imshow(
            np.squeeze(images[column]), cmap="gray", vmin=0, vmax=255 if images.dtype == np.uint8 else 1
        )
        axes[0, column].set_title(textwrap.fill(caption, max(8, int(size * 13))), fontsize=FONT_SIZE - 2)
    for row, (name, drawn) in enumerate(maps.items(), start=1):
        axes[row, 0].set_ylabel(
            textwrap.fill(name, 18, break_long_words=False), fontsize=FONT_SIZE - 2, rotation=0, ha="right", va="center"
        )
        for column in range(len(images)):
            limit = top if limits is None else limits[column] or 1.0
            shown = axes[row, column].imshow(drawn[column], cmap=SIGNED_COLOURS, vmin=-limit, vmax=limit)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    if limits is None:
        bar = figure.colorbar(shown, ax=axes[1:], shrink=0.9, pad=0.02, aspect=30, extend="both")
        bar.set_label(f"{unit} (orange: for the class)", fontsize=FONT_SIZE - 2)
        bar.ax.tick_params(labelsize=FONT_SIZE - 2)
    figure.suptitle(title, fontsize=FONT_SIZE + 1)
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
    figure = lines(series, title=title, alt=alt, x_label=x_label, y_label=y_label, bands=bands, log_x=True)
    axis = figure.axes[0]
    if guide:
        x, y = (np.asarray(values, dtype=float) for values in next(iter(series.values())))
        axis.plot(x, y[0] * (x / x[0]) ** guide[1], color="0.35", linestyle=":", label=guide[0])
        figure.legends[0].remove()
        _finish(figure, axis, title, x_label, y_label)
    axis.set_yscale("log")
    return figure


def shares_table(
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


def described(figure: Figure, alt: str) -> DescribedFigure:
    """A figure that a library has drawn, with an alternative text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The library's figure, from pyplot or not; it is closed, so that it is not shown twice.
    alt : str
        What it shows, in a sentence or two.

    Returns
    -------
    DescribedFigure
        A picture of the figure.
    """
    import matplotlib.pyplot as plt

    figure.canvas.draw()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    plt.close(figure)
    buffer.seek(0)
    drawn = plt.imread(buffer)
    copy = DescribedFigure(alt, figsize=(drawn.shape[1] / 90, drawn.shape[0] / 90))
    copy.set_layout_engine("none")
    axis = copy.add_axes((0, 0, 1, 1))
    axis.imshow(drawn)
    axis.axis("off")
    return copy


def redrawn(control: Any, draw: Callable[[Any], DescribedFigure]) -> Any:
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
