"""What every data set of the course looks like."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class DatasetError(ValueError):
    """A data set was asked for in a way that cannot be answered."""


class DatasetUnavailable(RuntimeError):
    """A data set is known but cannot be had on this machine now."""


@dataclass(frozen=True)
class Split:
    """Pictures with their labels and what else is known about them.

    Attributes
    ----------
    pixels : numpy.ndarray of uint8, shape (N, H, W, C)
        The pictures as they are stored, 0 to 255.
    labels : numpy.ndarray of int64, shape (N,)
        Class of each picture, an index into the data set's class names.
    attributes : pandas.DataFrame, N rows
        What is known of each picture (light, weather, ...); no columns where nothing is.
    masks : mapping of str to numpy.ndarray of bool, shape (N, H, W)
        Ground truth by name, such as ``"sign"`` and ``"evidence"``; empty where there is none.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    attributes: pd.DataFrame
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.pixels)
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4:
            raise DatasetError(
                f"pixels must be uint8 of shape (N, H, W, C), got {self.pixels.dtype} of shape {self.pixels.shape}"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != (n,):
            raise DatasetError(
                f"labels must be int64 of shape ({n},), got {self.labels.dtype} of shape {self.labels.shape}"
            )
        if len(self.attributes) != n:
            raise DatasetError(f"{n} pictures need {n} rows of attributes, got {len(self.attributes)}")
        for name, mask in self.masks.items():
            if mask.dtype != bool or mask.shape != self.pixels.shape[:3]:
                raise DatasetError(
                    f"mask {name!r} must be bool of shape {self.pixels.shape[:3]}, "
                    f"got {mask.dtype} of shape {mask.shape}"
                )
        self.pixels.setflags(write=False)
        self.labels.setflags(write=False)
        for mask in self.masks.values():
            mask.setflags(write=False)
        object.__setattr__(self, "masks", MappingProxyType(dict(self.masks)))

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def images(self) -> NDArray[np.float32]:
        """All pictures as float32 in [0, 1], shape (N, H, W, C): a new array, four times the size of `pixels`."""
        return to_unit_range(self.pixels)

    def batches(self, size: int = 256) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Pictures and labels in order, a few at a time.

        Parameters
        ----------
        size : int
            Pictures in a batch; the last one may hold fewer.

        Yields
        ------
        tuple of numpy.ndarray
            float32 images in [0, 1] of shape (size, H, W, C), and int64 labels of shape (size,).
        """
        for start in range(0, len(self), size):
            stop = start + size
            yield to_unit_range(self.pixels[start:stop]), self.labels[start:stop]

    def take(self, rows: NDArray | slice) -> Split:
        """The same kind of split with some of the rows.

        Parameters
        ----------
        rows : numpy.ndarray of int or bool, or slice
            Which rows, as NumPy would index them.

        Returns
        -------
        Split
            Pictures, labels, attributes and masks of these rows, attributes renumbered from 0.
        """
        chosen = np.arange(len(self))[rows]
        return Split(
            self.pixels[chosen],
            self.labels[chosen],
            self.attributes.iloc[chosen].reset_index(drop=True),
            {name: mask[chosen] for name, mask in self.masks.items()},
        )

    def hashes(self) -> list[str]:
        """A digest of each picture's pixels, for finding a picture that stands in two splits.

        Returns
        -------
        list of str
            N digests of 32 hexadecimal digits.
        """
        return [
            hashlib.blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=16).hexdigest()
            for picture in self.pixels
        ]


@dataclass(frozen=True)
class Dataset:
    """Three splits that share no picture, and the names of their classes.

    Attributes
    ----------
    name : str
        As given to :func:`helpers.datasets.load`.
    class_names : tuple of str
        Name of class 0, 1, ...
    train, calibration, test : Split
        To fit on, to tune on, to report on.
    unseen : Split or None
        Pictures of classes that are in no other split (labels count on from ``len(class_names)``), on request.
    unseen_names : tuple of str
        Names of the unseen classes.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    calibration: Split
    test: Split
    unseen: Split | None = None
    unseen_names: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one picture."""
        height, width, channels = self.test.pixels.shape[1:]
        return height, width, channels

    def __str__(self) -> str:
        sizes = f"{len(self.train):,} train, {len(self.calibration):,} calibration, {len(self.test):,} test"
        return f"{self.name}: {sizes}; pictures {self.shape}, {len(self.class_names)} classes"


def to_unit_range(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 pixels as float32 in [0, 1].

    Parameters
    ----------
    pixels : numpy.ndarray of uint8
        Any shape, 0 to 255.

    Returns
    -------
    numpy.ndarray of float32
        The same shape, 0 to 1.
    """
    return np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)


def check_images(images: NDArray, name: str = "images") -> NDArray[np.float32]:
    """Refuse what is not float pictures in [0, 1], with a sentence that says what to do.

    Parameters
    ----------
    images : numpy.ndarray
        What a function was given as pictures.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        The same pictures.

    Raises
    ------
    TypeError
        If it is not a NumPy array of floats (uint8 pixels, for instance).
    ValueError
        If the shape is not (N, H, W, C), nothing is in it, or a value is NaN or outside [0, 1].
    """
    if not isinstance(images, np.ndarray) or not np.issubdtype(images.dtype, np.floating):
        given = f"{images.dtype} array" if isinstance(images, np.ndarray) else type(images).__name__
        raise TypeError(
            f"{name} must be a float32 array in [0, 1], got a {given}. "
            "From uint8 pixels: split.images, or helpers.datasets.to_unit_range(pixels)."
        )
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"{name} must have shape (N, H, W, C) with N of at least 1, got {images.shape}. "
            "One picture needs picture[None]."
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # also catches NaN
        raise ValueError(
            f"{name} must lie in [0, 1], got {low:.4g} to {high:.4g}. Divide pixels by 255 once, and look for NaN."
        )
    return images.astype(np.float32, copy=False)


def check_labels(labels: NDArray, n: int, classes: int | None = None, name: str = "labels") -> NDArray[np.int64]:
    """Refuse what is not one integer class per picture.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (N,)
        What a function was given as labels.
    n : int
        How many there must be.
    classes : int, optional
        How many classes there are; labels must lie in [0, classes).
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of int64, shape (N,)
        The same labels.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If there are not `n`, or one is out of range.
    """
    array = np.asarray(labels)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be integers, got {array.dtype}. From one-hot rows: rows.argmax(axis=1).")
    if array.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), one per picture, got {array.shape}")
    if classes is not None and n and not (array.min() >= 0 and array.max() < classes):
        raise ValueError(f"{name} must lie in 0..{classes - 1} for {classes} classes, got {array.min()}..{array.max()}")
    return array.astype(np.int64, copy=False)


def check_probabilities(probabilities: NDArray, name: str = "probabilities") -> NDArray[np.floating]:
    """Refuse what is not rows of probabilities.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What a function was given as probabilities.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float, shape (N, K)
        The same array; its precision is kept.

    Raises
    ------
    TypeError
        If they are not floats.
    ValueError
        If the shape is not (N, K) with K of at least 2, a value is NaN or outside [0, 1], or a row does not sum to 1.
    """
    array = np.asarray(probabilities)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} must be floats, got {array.dtype}")
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] < 2:
        raise ValueError(f"{name} must have shape (N, K) with N of at least 1 and K of at least 2, got {array.shape}")
    if not (array.min() >= 0 and array.max() <= 1 + 1e-6):
        raise ValueError(
            f"{name} must lie in [0, 1], got {array.min():.4g} to {array.max():.4g}. Are these logits? Apply a softmax."
        )
    worst = float(np.abs(array.sum(axis=1, dtype=np.float64) - 1).max())
    if worst > 1e-3:
        raise ValueError(
            f"each row of {name} must sum to 1, one is off by {worst:.3g}. Are these logits? Apply a softmax."
        )
    return array
