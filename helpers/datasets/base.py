"""What every data set of the course looks like."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.errors import DatasetError


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


@dataclass(frozen=True)
class Pairs:
    """The same scenes twice: as they were drawn, and with one attribute changed and everything else equal.

    Attributes
    ----------
    attribute : str
        What was changed.
    value : str
        What it was changed to, in all of `after`.
    before, after : Split
        As many pictures in each; row i of both shows the same scene.
    """

    attribute: str
    value: str
    before: Split
    after: Split

    def __post_init__(self) -> None:
        if self.before.pixels.shape != self.after.pixels.shape:
            raise DatasetError(
                f"pairs need as many pictures of one size before and after, got {self.before.pixels.shape} and "
                f"{self.after.pixels.shape}"
            )

    def __len__(self) -> int:
        return len(self.before)

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Where the two pictures differ, in any channel, shape (N, H, W): nowhere, where the value was there before."""
        return (self.before.pixels != self.after.pixels).any(axis=3)

    def take(self, rows: NDArray | slice) -> Pairs:
        """Some of the pairs.

        Parameters
        ----------
        rows : numpy.ndarray of int or bool, or slice
            Which, as NumPy would index them.

        Returns
        -------
        Pairs
            These rows of both splits.
        """
        return Pairs(self.attribute, self.value, self.before.take(rows), self.after.take(rows))


def check_split(split: object, name: str = "split") -> Split:
    """Refuse what is not one split of a data set.

    Parameters
    ----------
    split : object
        What a function was given as split.
    name : str
        How the message calls it.

    Returns
    -------
    Split
        The same split.

    Raises
    ------
    TypeError
        If it is a whole data set, an array, or anything else.
    """
    if not isinstance(split, Split):
        raise TypeError(f"{name} must be a Split, such as data.test of data = datasets.load(...), got {_kind(split)}")
    return split


def check_dataset(dataset: object, name: str = "dataset") -> Dataset:
    """Refuse what is not a whole data set.

    Parameters
    ----------
    dataset : object
        What a function was given as data set.
    name : str
        How the message calls it.

    Returns
    -------
    Dataset
        The same data set.

    Raises
    ------
    TypeError
        If it is one of its splits, its name, or anything else.
    """
    if not isinstance(dataset, Dataset):
        raise TypeError(f"{name} must be a Dataset, data itself of data = datasets.load(...), got {_kind(dataset)}")
    return dataset


def _kind(given: object) -> str:
    if isinstance(given, Dataset):
        return f"the whole data set {given.name!r}; take one of its splits: train, calibration or test"
    if isinstance(given, Split):
        return f"a Split of {len(given):,} pictures; hand over the data set that it comes from"
    if isinstance(given, np.ndarray):
        return f"an array of shape {given.shape}; pictures in an array go to models.predict_function(model)"
    return f"{type(given).__name__} {given!r:.60}"


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
