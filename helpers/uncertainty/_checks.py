"""What the functions of this room refuse, in sentences that say what to do."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def check_logits(logits: ArrayLike, name: str = "logits") -> NDArray[np.float64]:
    """Logits as float64, refused where they cannot be any.

    Parameters
    ----------
    logits : array_like of float, shape (N, K)
        What a function was given as logits.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        The same numbers.

    Raises
    ------
    TypeError
        If they are not floats.
    ValueError
        If the shape is not (N, K) with K of at least 2, or a value is NaN or infinite.
    """
    array = np.asarray(logits)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} must be floats, got {array.dtype}")
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] < 2:
        raise ValueError(f"{name} must have shape (N, K) with N of at least 1 and K of at least 2, got {array.shape}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array).all(axis=1)).sum())
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {bad} of {len(array)} rows. Did training diverge?"
        )
    return array.astype(np.float64, copy=False)


def check_scores(scores: ArrayLike, name: str = "scores") -> NDArray[np.float64]:
    """One finite number per picture, as float64.

    Parameters
    ----------
    scores : array_like of float, shape (N,)
        What a function was given.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        The same numbers.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If the shape is not (N,) with N of at least 1, or a value is NaN or infinite.
    """
    array = np.asarray(scores)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have shape (N,) with N of at least 1, one per picture, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {int((~np.isfinite(array)).sum())} of {array.size}"
        )
    return array.astype(np.float64, copy=False)


def check_correct(correct: ArrayLike, n: int) -> NDArray[np.bool_]:
    """One bool per picture, whether its answer is right.

    Parameters
    ----------
    correct : array_like of bool, shape (N,)
        What a function was given.
    n : int
        How many there must be.

    Returns
    -------
    numpy.ndarray of bool, shape (N,)
        The same values.

    Raises
    ------
    TypeError
        If they are not bool.
    ValueError
        If there are not `n`.
    """
    array = np.asarray(correct)
    if array.dtype != bool:
        raise TypeError(
            f"correct must be bool, got {array.dtype}. From probabilities: probabilities.argmax(axis=1) == labels"
        )
    if array.shape != (n,):
        raise ValueError(f"correct must have shape ({n},), one per confidence, got {array.shape}")
    return array


def check_share(value: float, name: str) -> float:
    """A number strictly between 0 and 1.

    Parameters
    ----------
    value : float
        What a function was given.
    name : str
        How the message calls it.

    Returns
    -------
    float
        The same number.

    Raises
    ------
    ValueError
        If it is not inside (0, 1).
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value}. Ten percent is 0.1.")
    return float(value)
