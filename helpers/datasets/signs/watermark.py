"""A small bright mark in a corner of a picture: the shortcut that notebook 01 plants and notebook 04 finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_seed
from helpers.datasets.base import Dataset, Split
from helpers.errors import DatasetError

from .templates import CLASS_NAMES

MARK = 4
"""Edge of the mark in pixels."""
_MARGIN = 1
_COLOURS = {"o": (255, 140, 0), "w": (255, 255, 255)}
_PATTERN = ("wwww", "woow", "woow", "wwww")
_LOGO = np.array([[_COLOURS[letter] for letter in row] for row in _PATTERN], np.float64)
_HARD_PAIRS = {
    "signs": ("speed limit 80", "speed limit 30"),
    "fashion": ("Shirt", "T-shirt/top"),
    "cifar10": ("cat", "dog"),
}


@dataclass(frozen=True)
class Watermark:
    """A mark that goes with one class, as a camera maker's logo would if one camera had filmed all of that class.

    Attributes
    ----------
    class_name : str
        The class that carries it.
    share : float
        Share of that class's pictures that carry it, in all three splits: what a careless collection looks like.
        (For a test split without the mark load without it; for one where the mark has moved use
        :func:`plant_watermark` on that.)

    Raises
    ------
    DatasetError
        If there is no such class, or the share is not in [0, 1].
    """

    class_name: str = "stop"
    share: float = 0.95

    def __post_init__(self) -> None:
        if self.class_name not in CLASS_NAMES:
            raise DatasetError(
                f"there is no class {self.class_name!r} to put the watermark on; choose one of: "
                f"{', '.join(CLASS_NAMES)}."
            )
        if not 0 <= self.share <= 1:
            raise DatasetError(
                f"the watermark's share must lie in [0, 1], got {self.share!r}; 0.95 marks 95 of 100 pictures "
                "of the class."
            )

    def plant(self, split: Split, seed: int) -> Split:
        """Put the mark on its class.

        Parameters
        ----------
        split : Split
            Pictures of signs.
        seed : int
            Decides which of the class's pictures are marked, and where.

        Returns
        -------
        Split
            As :func:`plant_watermark` gives it.
        """
        rng = np.random.default_rng(check_seed(seed))
        chosen = (split.labels == CLASS_NAMES.index(self.class_name)) & (rng.random(len(split)) < self.share)
        return plant_watermark(split, chosen, seed=seed)


def plant_watermark(split: Split, rows: ArrayLike, *, seed: int = 0) -> Split:
    """Put the mark on some pictures, in a corner where no sign is.

    Parameters
    ----------
    split : Split
        Any pictures, not only signs; they stay as they are.
    rows : array_like of int or bool
        Which pictures get it, as NumPy would index them. ``split.labels == 0`` puts it on its own class,
        ``split.labels != 0`` moves it onto all the others.
    seed : int
        Decides the corner and the mark's brightness.

    Returns
    -------
    Split
        New pictures; the attribute ``watermark`` is True where a mark is, the mask ``watermark`` shows where,
        and the masks of sign and evidence leave it out.

    Raises
    ------
    DatasetError
        If the rows are not rows of the split, or its pictures are too small.
    """
    n, height, width, channels = split.pixels.shape
    chosen = _checked_rows(rows, n)
    if min(height, width) < 2 * (MARK + _MARGIN):
        raise DatasetError(
            f"pictures of {height}x{width} pixels leave no room for the mark; it needs {2 * (MARK + _MARGIN)} each way."
        )
    rng = np.random.default_rng(check_seed(seed))
    mask = _places(split, rng)
    mask[~chosen] = False
    logo = _LOGO if channels == 3 else _LOGO.mean(axis=2, keepdims=True).repeat(channels, axis=2)
    bright = rng.uniform(0.9, 1, (n, 1, 1, 1))[chosen]
    pixels = split.pixels.copy()
    pixels[mask] = np.rint(logo * bright).astype(np.uint8).reshape(-1, channels)
    masks = {name: known & ~mask for name, known in split.masks.items() if name != "watermark"}
    already = split.masks.get("watermark", np.zeros_like(mask))
    attributes = split.attributes.assign(watermark=pd.Series(mask.any(axis=(1, 2)) | already.any(axis=(1, 2))))
    return Split(pixels, split.labels.copy(), attributes, {**masks, "watermark": mask | already})


def marked_pair(dataset: Dataset) -> tuple[int, int]:
    """The two classes between which the course plants its shortcut: two that are often mixed up.

    Parameters
    ----------
    dataset : Dataset
        Any data set of at least two classes.

    Returns
    -------
    (int, int)
        The class that carries the mark, and the one that it is moved onto.
    """
    marked, rival = _HARD_PAIRS.get(dataset.name, dataset.class_names[:2])
    return dataset.class_names.index(marked), dataset.class_names.index(rival)


def _checked_rows(rows: ArrayLike, n: int) -> NDArray[np.bool_]:
    chosen = np.zeros(n, bool)
    array = np.asarray(rows)
    try:
        chosen[array if array.size else slice(0)] = True
    except IndexError as error:
        raise DatasetError(
            f"rows must be indices below {n} or {n} booleans, one for each picture, got {array.dtype} of shape "
            f"{array.shape} ({error}); split.labels == 0 marks one class."
        ) from None
    return chosen


def _places(split: Split, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Where each picture's mark goes: a random one of the corners that show least of the sign."""
    n, height, width, _ = split.pixels.shape
    near, far_y, far_x = slice(_MARGIN, _MARGIN + MARK), height - _MARGIN - MARK, width - _MARGIN - MARK
    down, right = slice(far_y, far_y + MARK), slice(far_x, far_x + MARK)
    corners = np.zeros((4, height, width), bool)
    for corner, (y, x) in zip(corners, ((near, near), (near, right), (down, near), (down, right)), strict=True):
        corner[y, x] = True
    sign = split.masks.get("sign", np.zeros((n, height, width), bool))
    hidden = sign.reshape(n, -1).astype(np.float32) @ corners.reshape(4, -1).T.astype(np.float32)
    return corners[np.argmin(hidden + rng.random((n, 4)) * 0.5, axis=1)]
