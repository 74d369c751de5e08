"""Pictures, and maps drawn beside them or over them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_images
from helpers.plotting._style import (
    COLOURS,
    FONT_SIZE,
    FOR_AND_AGAINST,
    DescribedFigure,
    finish,
    most_lines,
    no_mathtext,
    one_axis,
    set_title,
    widest,
    wrap,
)

SMALL = FONT_SIZE - 2
LINE = 0.14  # height of a small line of text, inches


def image_grid(
    images: NDArray,
    captions: Sequence[str],
    *,
    title: str,
    alt: str,
    columns: int = 8,
    size: float = 1.1,
    dots: Sequence[ArrayLike] | None = None,
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
    dots : sequence of array_like, each of shape (P, 2), optional
        For each picture, places to mark: rows and columns, in pixels from the upper left.

    Returns
    -------
    DescribedFigure
        The figure.

    Raises
    ------
    ValueError
        If there are no pictures, not as many captions or dots, or floats outside [0, 1].
    """
    figure, axes = _grid(len(images), captions, title, alt, columns, size)
    for axis, image in zip(axes, _pictures(images), strict=True):
        _show(axis, image)
    if dots is not None:
        for axis, places in zip(axes, dots, strict=True):
            y, x = np.asarray(places, dtype=float).T
            axis.plot(x, y, "o", color="white", markeredgecolor="black", markersize=2.2 * size)
    return figure


def _grid(
    n: int, captions: Sequence[str], title: str, alt: str, columns: int, size: float, beside: float = 0.0
) -> tuple[DescribedFigure, list[Axes]]:
    """Places for `n` pictures with captions; `beside` leaves room at the side, inches."""
    if n == 0 or n != len(captions):
        raise ValueError(f"every picture or map needs a caption, and one must be there: got {n} and {len(captions)}")
    columns = min(columns, n)
    rows = -(-n // columns)
    wrapped = [wrap(caption, size - 0.06, SMALL) for caption in captions]
    width = max(columns * size + beside, 3.2)
    height = rows * (size + LINE * most_lines(wrapped) + 0.05) + _title_room(title, width)
    figure = DescribedFigure(alt, figsize=(width, height))
    set_title(figure, title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, caption in zip(axes, wrapped, strict=False):
        axis.set_title(caption, fontsize=SMALL)
    return figure, list(axes[:n])


def _title_room(title: str, width: float) -> float:
    return 0.2 * most_lines([wrap(title, width - 0.2, FONT_SIZE + 1)]) + 0.15


def _pictures(images: NDArray) -> NDArray:
    """Pictures of shape (N, H, W, C), whole numbers from 0 to 255 or fractions from 0 to 1."""
    images = np.asarray(images)
    images = images[..., None] if images.ndim == 3 else images
    return images if images.dtype == np.uint8 else check_images(images)


def _show(axis: Axes, image: NDArray) -> None:
    top = 255 if image.dtype == np.uint8 else 1
    axis.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=top)


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
    figure, axes = _grid(len(maps), captions, title, alt, columns, size, beside=0.9)
    top = float(np.abs(maps).max()) or 1.0
    for i, axis in enumerate(axes):
        drawn = _show_signed(axis, maps[i], top)
        if outlines is not None:
            axis.contour(outlines[i], levels=[0.5], colors="black", linewidths=0.8)
    _colour_bar(figure, drawn, figure.axes, label)
    return figure


def _show_signed(axis: Axes, drawn: NDArray, top: float) -> AxesImage:
    return axis.imshow(drawn, cmap=FOR_AND_AGAINST, vmin=-top, vmax=top)


def _colour_bar(
    figure: DescribedFigure, drawn: AxesImage, axes: Sequence[Axes], label: str, extend: str = "neither"
) -> None:
    bar = figure.colorbar(drawn, ax=list(axes), shrink=0.9, pad=0.02, aspect=5 * figure.get_figheight(), extend=extend)
    bar.set_label(wrap(label, 0.7 * figure.get_figheight(), FONT_SIZE - 1), fontsize=FONT_SIZE - 1)
    bar.ax.tick_params(labelsize=SMALL)


def attribution_maps(
    images: NDArray,
    maps: Mapping[str, NDArray],
    captions: Sequence[str],
    *,
    title: str,
    alt: str,
    shared_scale: bool = False,
    unit: str = "logits per pixel",
    outlines: NDArray[np.bool_] | None = None,
    size: float = 1.1,
) -> DescribedFigure:
    """Pictures, and beside or below each the maps that methods of explanation drew of it.

    A picture has a row where there are more methods than pictures, else a column. The maps of a method that has
    negative values are drawn from blue (against the class) over white (nothing) to orange (for it), the others from
    black to light.

    Parameters
    ----------
    images : numpy.ndarray of float in [0, 1] or uint8, shape (N, H, W, C)
        The pictures.
    maps : mapping of str to numpy.ndarray of float, shape (N, H, W)
        Maps by name of the method.
    captions : sequence of str
        A caption for each picture.
    title, alt : str
        The finding, and the alternative text.
    shared_scale : bool
        If false, each map has a scale of its own, up to its largest value: compare places, not sizes. If true, all
        share one, up to the 99th percentile of their absolute values, and a colour bar shows it: sizes compare, too.
    unit : str
        What the colour bar of a shared scale measures.
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
        If the numbers of pictures, captions and maps differ, there is none, or floats are outside [0, 1].
    """
    counts = {len(images), len(captions), *(len(drawn) for drawn in maps.values())}
    if len(counts) != 1 or 0 in counts or not maps:
        raise ValueError(f"every picture needs a caption and a map from every method, got {sorted(counts)} of them")
    figure, axes = _picture_table(captions, ["", *maps], title, alt, size, 0.9 * shared_scale)
    for axis, image in zip(axes[:, 0], _pictures(images), strict=True):
        _show(axis, image)
    shared = float(np.percentile(np.abs(np.stack(list(maps.values()))), 99)) or 1.0 if shared_scale else None
    for column, drawn in enumerate(maps.values(), start=1):
        for row, axis in enumerate(axes[:, column]):
            shown = _show_map(axis, drawn[row], shared, signed=shared_scale or bool(np.min(drawn) < 0))
            shown.set_extent(axes[row, 0].images[0].get_extent())  # a coarse map covers the whole picture, too
            if outlines is not None and outlines[row].any():
                axis.contour(outlines[row], levels=[0.5], colors=[COLOURS[2]], linewidths=1)
    if shared_scale:
        _colour_bar(figure, shown, list(axes.flat), f"{unit} (orange: for the class)", extend="both")
    return figure


def _show_map(axis: Axes, drawn: NDArray, top: float | None, *, signed: bool) -> AxesImage:
    top = top or float(np.abs(drawn).max()) or 1.0
    return _show_signed(axis, drawn, top) if signed else axis.imshow(drawn, cmap="magma", vmin=0, vmax=top)


def _picture_table(
    captions: Sequence[str], methods: Sequence[str], title: str, alt: str, size: float, beside: float
) -> tuple[DescribedFigure, NDArray]:
    """Named places for pictures and methods, as an array of axes [picture, method]."""
    upright = len(methods) - 1 > len(captions)  # a row for each picture
    left, above = (captions, methods) if upright else (methods, captions)
    left, above = [wrap(name, 1.2, SMALL) for name in left], [wrap(name, size - 0.06, SMALL) for name in above]
    width = len(above) * size + widest(left, SMALL) + 0.2 + beside
    height = len(left) * size + LINE * most_lines(above) + _title_room(title, width)
    figure = DescribedFigure(alt, figsize=(width, height))
    figure.set_layout_engine("constrained", h_pad=0.02, w_pad=0.02, hspace=0.02, wspace=0.02)
    set_title(figure, title)
    axes = figure.subplots(len(left), len(above), squeeze=False)
    for axis, name in zip(axes[:, 0], left, strict=True):
        axis.set_ylabel(name, fontsize=SMALL, rotation=0, ha="right", va="center")
    for axis, name in zip(axes[0], above, strict=True):
        axis.set_title(name, fontsize=SMALL)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    return figure, axes if upright else axes.T


def annotated_image(
    image: NDArray, places: Mapping[str, tuple[int, int]], *, title: str, alt: str, size: float = 3.2
) -> DescribedFigure:
    """Named pixels on a picture.

    Parameters
    ----------
    image : numpy.ndarray of float in [0, 1], shape (H, W)
        A grey picture.
    places : mapping of str to (row, column)
        Pixels by a short name, counted from the upper left; names of the same pixel stand side by side.
    title, alt : str
        The finding, and the alternative text.
    size : float
        Width of the picture, inches.

    Returns
    -------
    DescribedFigure
        The figure.
    """
    figure, axis = one_axis(alt, size + 1.2)
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=1.4)  # never quite black, so that the marks stand out
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL, "color": "white", "weight": "bold"}
    style["bbox"] = {"boxstyle": "square,pad=0.2", "facecolor": COLOURS[0], "edgecolor": "white"}
    names: dict[tuple[int, int], list[str]] = {}
    for name, (row, column) in places.items():
        names.setdefault((row, column), []).append(name)
    for (row, column), here in names.items():
        axis.text(column, row, ", ".join(here), **style)
    finish(figure, axis, title, ("column of pixels", "row of pixels"), size)
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

    with rc_context({"text.parse_math": False}):
        no_mathtext(figure)
        figure.draw_without_rendering()
    no_mathtext(figure)  # once more: the powers of ten on its axes are known only now
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
