"""What every method of explanation looks like: pictures and classes in, one map for each picture out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_images, check_labels

Maps = NDArray[np.float32]
"""Shape (N, H, W): how much each pixel counts for the class that was asked about."""


@dataclass(frozen=True)
class Explainer:
    """A method of explanation, made for one model: a function of pictures and classes.

    Attributes
    ----------
    name : str
        As figures and tables call it.
    attribute : callable
        float32 pictures (N, H, W, C) in [0, 1] and int64 classes (N,) to maps (N, H, W). Called by way of the
        explainer itself, which checks what goes in and what comes out.
    signed : bool
        Whether a negative value means "speaks against the class". Unsigned maps are nowhere negative.
    classes : int or None
        Number of classes of the model; None for a baseline, which has no model and ignores the class, and for a method
        that sees the number only when it asks its predict function.
    """

    name: str
    attribute: Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray]
    signed: bool
    classes: int | None = None

    def __call__(self, images: NDArray[np.float32], classes: ArrayLike) -> Maps:
        """Explain, for each picture, the class that is named beside it.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        classes : array_like of int, shape (N,)
            The class to explain in each picture; whether the model predicts it does not matter.

        Returns
        -------
        numpy.ndarray of float32, shape (N, H, W)
            The maps. A picture in which nothing counts has a map of zeros.

        Raises
        ------
        TypeError
            If the pictures are not floats or the classes not integers.
        ValueError
            If pictures lie outside [0, 1], a class is out of range, or the method gave something that is not a map.
        """
        checked = check_images(images)
        wanted = check_labels(np.asarray(classes), len(checked), self.classes, "classes")
        maps = np.asarray(self.attribute(checked, wanted), dtype=np.float32)
        if maps.shape != checked.shape[:3]:
            raise ValueError(f"{self.name} must give maps of shape {checked.shape[:3]}, it gave {maps.shape}")
        if not np.isfinite(maps).all():
            raise ValueError(f"{self.name} gave NaN or infinity; look at the model's weights")
        if not self.signed and maps.min() < 0:
            raise ValueError(f"{self.name} says it is unsigned, and gave negative values; make it with signed=True")
        return maps


def check_maps(maps: ArrayLike, shape: tuple[int, int, int] | None = None, name: str = "maps") -> Maps:
    """Refuse what is not finite maps.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        What a function was given as maps.
    shape : tuple of int, optional
        The shape they must have.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W)
        The same maps.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If the shape is wrong, there is no map, or a value is NaN, infinite or too large for float32.
    """
    array = np.asarray(maps)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"{name} must have shape (N, H, W), one map for each picture, got {array.shape}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, one map for each picture, got {array.shape}")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
        checked = array.astype(np.float32, copy=False)
    if not np.isfinite(checked).all():
        raise ValueError(f"{name} must be finite, got NaN, infinity or a value too large for float32")
    return checked


def positive_part(maps: ArrayLike) -> Maps:
    """What speaks *for* the class: negative values become 0. Measures that compare with a mask score this part.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        Signed or unsigned maps.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W)
        Nowhere negative.
    """
    return np.maximum(check_maps(maps), 0)
