"""Pictures, and maps drawn of them or over them."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.plotting._style import COLOURS, FONT_SIZE, MARKERS, SIGNED_COLOURS, DescribedFigure, _finish, _one_axis


def image_grid(
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


def attribution_maps(
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


def diverging_maps(
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

    :func:`attribution_maps` gives each map a scale of its own, for comparing places; here sizes can be compared, too.

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


def annotated_image(
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


def with_alt_text(figure: Figure, alt: str) -> DescribedFigure:
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
