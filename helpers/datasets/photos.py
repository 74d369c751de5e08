"""A few real photographs from inside scikit-image, with the ImageNet classes that fit them."""

from __future__ import annotations

import importlib.util
from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.contracts import check_seed
from helpers.datasets.base import Dataset, Split
from helpers.datasets.sources import Availability, unavailable
from helpers.errors import DatasetError

NO_IMAGENET_CLASS = -1
"""Stands for an ImageNet class where none of the 1,000 fits."""

SMALLEST, LARGEST = 16, 300
"""Side lengths that can be asked for; the smallest photograph has 300 rows, and enlarging would invent pixels."""


class _Photo(NamedTuple):
    name: str
    function: str  # of skimage.data
    accepted: tuple[tuple[int, str], ...]  # ImageNet classes that a careful person would accept, the best first
    credit: str


_PHOTOS = (
    _Photo("astronaut", "astronaut", (), "NASA, public domain"),
    _Photo("cameraman", "camera", ((872, "tripod"),), "Lav Varshney, CC0"),
    _Photo("cat", "chelsea", ((285, "Egyptian cat"), (281, "tabby"), (282, "tiger cat")), "Stefan van der Walt, CC0"),
    _Photo("coffee", "coffee", ((967, "espresso"), (504, "coffee mug"), (968, "cup")), "Rachel Michetti, CC0"),
    _Photo("motorcycle", "stereo_motorcycle", ((665, "moped"), (670, "motor scooter")), "Middlebury stereo 2014"),
    _Photo("rocket", "rocket", ((657, "missile"), (744, "projectile")), "SpaceX, public domain"),
)


def load(train: None = None, calibration: None = None, test: None = None, seed: int = 0, *, size: int = 224) -> Dataset:
    """Six real photographs, cut square and resized, all in the test split; no network needed.

    They are there to be explained and attacked with a network that ImageNet trained, so there is nothing to fit:
    train and calibration splits are empty.

    Parameters
    ----------
    train, calibration, test : None
        Cannot be chosen: the six photographs are the test split.
    seed : int
        Nothing is drawn; accepted so that all data sets are called alike.
    size : int
        Rows and columns of the pictures, 16 to 300 pixels.

    Returns
    -------
    Dataset
        Test split (6, size, size, 3), one class for each photograph. Its attributes: `name`; `imagenet_class`
        (0 to 999 as Keras and torchvision number them, -1 where no class fits) and `imagenet_name`, the class that
        fits best; `imagenet_accepted`, a tuple of all classes that a careful person would accept; `source`.
        ImageNet-1k has no motorcycle and no person: moped stands in for the one, nothing for the other.

    Raises
    ------
    DatasetError
        If a split size is given, or `size` is out of range.
    DatasetUnavailable
        If scikit-image is missing.

    References
    ----------
    van der Walt et al. (2014). scikit-image: image processing in Python.
    Russakovsky et al. (2015). ImageNet large scale visual recognition challenge.
    """
    if any(given is not None for given in (train, calibration, test)):
        raise DatasetError(
            f"photos has no split sizes to choose: its {len(_PHOTOS)} photographs are the test split, and train and "
            "calibration are empty. Leave train, calibration and test out."
        )
    check_seed(seed)
    if isinstance(size, bool) or not isinstance(size, Integral) or not SMALLEST <= size <= LARGEST:
        raise DatasetError(f"size must be a whole number from {SMALLEST} to {LARGEST} pixels, got {size!r}")
    pixels = np.stack([_square(_photograph(photo), int(size)) for photo in _PHOTOS])
    everything = Split(pixels, np.arange(len(_PHOTOS), dtype=np.int64), _attributes())
    nothing = everything.take(slice(0))
    return Dataset(
        "photos", tuple(photo.name for photo in _PHOTOS), train=nothing, calibration=nothing, test=everything
    )


def availability() -> Availability:
    """Whether the photographs can be loaded here.

    Returns
    -------
    Availability
        Ready wherever scikit-image is installed.
    """
    ready = importlib.util.find_spec("skimage") is not None
    note = "six real photographs, test split only" if ready else "install the package scikit-image"
    return Availability("photos", ready, False, "inside the package scikit-image", note)


def _photograph(photo: _Photo) -> NDArray[np.uint8]:
    """Open a photograph as it is, (H, W, 3)."""
    try:
        import skimage.data

        picture = getattr(skimage.data, photo.function)()
    except Exception as error:  # scikit-image raises several kinds where a file would have to be downloaded
        raise unavailable(
            "photos", [f"skimage.data.{photo.function}: {error}"], "Install the package scikit-image anew."
        ) from error
    if isinstance(picture, tuple):  # left view, right view, disparity
        picture = picture[0]
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cut the largest square from the middle and shrink it to `size` by averaging areas."""
    import cv2

    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    return np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _attributes() -> pd.DataFrame:
    best = [photo.accepted[0] if photo.accepted else (NO_IMAGENET_CLASS, "") for photo in _PHOTOS]
    return pd.DataFrame(
        {
            "name": [photo.name for photo in _PHOTOS],
            "imagenet_class": [number for number, _ in best],
            "imagenet_name": [name for _, name in best],
            "imagenet_accepted": [tuple(number for number, _ in photo.accepted) for photo in _PHOTOS],
            "source": [f"skimage.data.{photo.function} ({photo.credit})" for photo in _PHOTOS],
        }
    )
