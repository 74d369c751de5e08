"""Features that nobody learned: with them a linear model can be private, and pays epsilon for its few weights alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Images, check_images
from helpers.progress import with_bar

CELL, BLOCK, DIRECTIONS = 4, 2, 9
"""Pixels of a cell's side, cells of a block's side, and directions of the histogram in each cell."""

_SMALLEST_SIDE = CELL * BLOCK


def handcrafted_features(images: Images) -> NDArray[np.float32]:
    """Histograms of oriented gradients and the mean colour of each cell, in [0, 1] as they come.

    Nothing here is fitted to data. A mean or a standard deviation taken from private pictures would have to be paid for
    in epsilon; what is known before any picture is seen costs nothing.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1], C of 1 or 3, with sides of at least 8 pixels.

    Returns
    -------
    numpy.ndarray of float32, shape (N, D)
        For R by S cells of 4x4 pixels, 36 (R - 1) (S - 1) values of HOG and R S C of colour, all in [0, 1]. A block of
        HOG has an L2 norm of 1 at most, so a row has one of sqrt((R - 1) (S - 1) + R S C) at most. (A batch of DP-SGD
        clips gradients, and those of a linear model grow with this norm.)

    Raises
    ------
    TypeError, ValueError
        If they are no pictures in [0, 1], or too small, or have other channels than 1 or 3.

    References
    ----------
    N. Dalal and B. Triggs (2005), "Histograms of oriented gradients for human detection". F. Tramèr and D. Boneh
    (2021), "Differentially private learning needs better features (or much more data)".
    """
    checked = check_images(images)
    height, width, channels = checked.shape[1:]
    if min(height, width) < _SMALLEST_SIDE or channels not in (1, 3):
        raise ValueError(
            f"images must be at least {_SMALLEST_SIDE}x{_SMALLEST_SIDE} pixels with 1 or 3 channels, got "
            f"{height}x{width} with {channels}"
        )
    both = np.concatenate([_gradients(checked), _colours(checked)], axis=1)
    return both.astype(np.float32)


def _gradients(images: Images) -> NDArray[np.float64]:
    from skimage.feature import hog  # half a second, and only here

    blocks = [
        hog(picture, DIRECTIONS, (CELL, CELL), (BLOCK, BLOCK), feature_vector=False, channel_axis=-1)
        for picture in with_bar(images, "histograms of gradients")
    ]
    return np.clip(np.reshape(blocks, (len(images), -1)), 0, 1)


def _colours(images: Images) -> NDArray[np.float64]:
    rows, columns = (side // CELL for side in images.shape[1:3])
    whole = images[:, : rows * CELL, : columns * CELL].astype(np.float64)
    return whole.reshape(len(images), rows, CELL, columns, CELL, -1).mean(axis=(2, 4)).reshape(len(images), -1)
