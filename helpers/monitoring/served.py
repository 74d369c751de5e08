"""What a service said of pictures: the arrays that everything in this room looks at."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_answers, check_labels, check_probabilities


@dataclass(frozen=True)
class Served:
    """Pictures that a service answered, one after the other (N) or by day (days, N); no pixels.

    Attributes
    ----------
    probabilities : numpy.ndarray of float, shape (..., K)
        Calibrated probabilities; each row sums to 1.
    features : numpy.ndarray of float, shape (..., D)
        Embeddings, or whatever else tells of the input.
    sets : numpy.ndarray of bool, shape (..., K)
        Conformal sets.
    strange : numpy.ndarray of bool, shape (...)
        Flagged as unlike what the model was made for.
    labels : numpy.ndarray of int64, shape (...)
        True classes; K and above for a class that the model does not know.
    conditions : numpy.ndarray of int64, shape (..., C)
        Codes of what the pictures were taken in, such as light and weather. The first is what groups go by.
    """

    probabilities: NDArray[np.floating]
    features: NDArray[np.floating]
    sets: NDArray[np.bool_]
    strange: NDArray[np.bool_]
    labels: NDArray[np.int64]
    conditions: NDArray[np.int64]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The largest probability of each picture."""
        return self.probabilities.max(axis=-1).astype(np.float64)

    @property
    def chosen(self) -> NDArray[np.int64]:
        """The class that each picture was given."""
        return self.probabilities.argmax(axis=-1)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether it is the true one; never for a class that the model does not know."""
        return self.chosen == self.labels

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Whether the conformal set holds the true class; never for a class that the model does not know."""
        classes = self.sets.shape[-1]
        inside = np.take_along_axis(self.sets, np.minimum(self.labels, classes - 1)[..., None], axis=-1)[..., 0]
        return inside & (self.labels < classes)

    @property
    def set_size(self) -> NDArray[np.int64]:
        """Classes in each picture's set."""
        return self.sets.sum(axis=-1)

    def take(self, rows: NDArray) -> Served:
        """Some of the pictures, in the shape that the rows are in.

        Parameters
        ----------
        rows : numpy.ndarray of int or bool
            Which; of shape (days, N) for pictures by day.

        Returns
        -------
        Served
            With their arrays.
        """
        return Served(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def served(
    probabilities: NDArray,
    features: NDArray,
    sets: NDArray,
    strange: NDArray,
    labels: NDArray,
    conditions: NDArray,
) -> Served:
    """The arrays of pictures in one row, checked.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        Calibrated probabilities.
    features : numpy.ndarray of float, shape (N, D)
        Embeddings.
    sets : numpy.ndarray of bool, shape (N, K)
        Conformal sets.
    strange : numpy.ndarray of bool, shape (N,)
        The flag for pictures unlike those that the model was made for.
    labels : numpy.ndarray of int, shape (N,)
        True classes, of at least 0; K and above for a class that the model does not know.
    conditions : numpy.ndarray of int, shape (N, C)
        Codes of at least 0, such as of light and weather.

    Returns
    -------
    Served
        The same arrays.

    Raises
    ------
    TypeError
        If an array is of another type.
    ValueError
        If a shape does not fit, a number is not finite, or a code is below 0.
    """
    p = check_probabilities(probabilities)
    y = check_labels(labels, len(p))
    wide = check_answers(np.asarray(features, np.float64), len(p), "features")
    codes = np.asarray(conditions)
    for name, given, shape in (("sets", sets, p.shape), ("strange", strange, (len(p),))):
        if np.asarray(given).dtype != bool:
            raise TypeError(f"{name} must be bool, got {np.asarray(given).dtype}")
        if np.shape(given) != shape:
            raise ValueError(f"{name} must have shape {shape} beside these probabilities, got {np.shape(given)}")
    if not np.issubdtype(codes.dtype, np.integer):
        raise TypeError(f"conditions must be integers, got {codes.dtype}. From a pandas column: .cat.codes")
    if codes.ndim != 2 or len(codes) != len(p) or codes.shape[1] < 1:
        raise ValueError(f"conditions must have shape ({len(p)}, C) with C of at least 1, got {codes.shape}")
    if min(y.min(), codes.min()) < 0:
        raise ValueError(f"labels and conditions must be 0 or more, got {y.min()} and {codes.min()}")
    return Served(p, wide, np.asarray(sets), np.asarray(strange), y, codes.astype(np.int64))
