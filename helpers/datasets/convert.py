"""Pictures of one data set in the shape of another, so that a network can be shown what it was never made for."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.datasets.base import Split
from helpers.errors import DatasetError


def reshape_split(split: Split, shape: tuple[int, int, int]) -> Split:
    """Bring pictures to another height, width and number of channels.

    Parameters
    ----------
    split : Split
        The pictures; labels and attributes are kept, masks are left out.
    shape : tuple of int
        Height, width and channels that are wanted; 1 or 3 channels.

    Returns
    -------
    Split
        Pictures of that shape: resized by area, grey repeated into colour or colour averaged into grey (ITU-R BT.601).

    Raises
    ------
    DatasetError
        If the split or the shape has neither 1 nor 3 channels, or the split is empty.
    """
    height, width, channels = shape
    if channels not in (1, 3) or split.pixels.shape[3] not in (1, 3):
        raise DatasetError(f"pictures have 1 or 3 channels; got {split.pixels.shape[3]}, and {channels} were asked for")
    if not len(split):
        raise DatasetError("there are no pictures to reshape: the split is empty")
    pixels = np.stack([_one(picture, (width, height), channels) for picture in split.pixels])
    return Split(pixels, split.labels, split.attributes)


def unlabelled(pixels: NDArray[np.uint8]) -> Split:
    """Pictures that belong to no class, as a split: their labels are -1.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape (N, H, W, C)
        The pictures.

    Returns
    -------
    Split
        The same pictures, labelled -1, without attributes or masks.
    """
    return Split(pixels, np.full(len(pixels), -1, dtype=np.int64), pd.DataFrame(index=range(len(pixels))))


def _one(picture: NDArray[np.uint8], size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    smaller = size[0] < picture.shape[1]
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    grey = resized.ndim == 2
    if grey and channels == 3:
        return np.repeat(resized[:, :, None], 3, axis=2)
    if not grey and channels == 1:
        return cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY)[:, :, None]
    return resized.reshape(size[1], size[0], channels)
