"""Names of ImageNet's 1,000 classes, and the classes that a network finds most likely. Loads no framework."""

from __future__ import annotations

import functools
import importlib.resources

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_probabilities

CLASSES = 1000
"""Number of classes of ImageNet-1k (ILSVRC 2012)."""


@functools.cache
def imagenet_class_names() -> tuple[str, ...]:
    """Short names of the classes, in the order in which Keras, torchvision and the published models number them.

    Each is the first word that WordNet gives for the class. Two words stand for two classes each, and have what
    tells them apart in brackets: 134 "crane (bird)", 517 "crane (machine)"; 638 "maillot (tights)", 639 "maillot
    (swimsuit)".

    Returns
    -------
    tuple of str
        1,000 names, all different; the class is the index.

    References
    ----------
    Russakovsky et al. (2015). ImageNet large scale visual recognition challenge.
    Miller (1995). WordNet: a lexical database for English.
    """
    file = importlib.resources.files("helpers.models") / "imagenet_classes.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def top_classes(probabilities: NDArray[np.floating], k: int = 3) -> list[list[tuple[str, float]]]:
    """The k most likely ImageNet classes of each picture, by name.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, 1000)
        Such as ``predict_function(efficientnet_lite0())(images)``.
    k : int
        How many, 1 to 1,000.

    Returns
    -------
    list of list of (str, float)
        For each picture k pairs of name and probability, the most likely first; of equals, the lower class first.

    Raises
    ------
    TypeError
        If they are not floats.
    ValueError
        If they are not rows of 1,000 probabilities, or `k` is out of range.
    """
    rows = check_probabilities(probabilities)
    if rows.shape[1] != CLASSES:
        raise ValueError(
            f"probabilities must have shape (N, {CLASSES}), one for each ImageNet class, got {rows.shape}. For another "
            "data set, look its names up in dataset.class_names."
        )
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= CLASSES:
        raise ValueError(f"k must be a whole number from 1 to {CLASSES}, got {k!r}")
    names = imagenet_class_names()
    best = np.argsort(-rows, axis=1, kind="stable")[:, :k]
    return [[(names[c], float(row[c])) for c in order] for row, order in zip(rows, best, strict=True)]
