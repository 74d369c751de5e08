"""What drawn data sets refuse, each with a sentence that says what was given and what to give."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import DatasetError, did_you_mean

_MOST_ROWS = 100_000


def check_share(name: str, value: object) -> None:
    """Refuse what is no number in [0, 1]; `name` is how the message calls it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) <= 1:
        raise DatasetError(f"{name} must be a share in [0, 1], got {value!r}; 0.05 means 5 of 100 pictures.")


def check_change(attribute: str, value: str, changes: Mapping[str, Sequence[str]]) -> None:
    """Refuse an attribute that cannot be changed, or a value that it never has.

    Parameters
    ----------
    attribute, value : str
        What to change, and to what.
    changes : mapping of str to sequence of str
        The values of each attribute.

    Raises
    ------
    DatasetError
        If there is no such attribute or value; the message names those that there are.
    """
    if attribute not in tuple(changes):
        hint = did_you_mean(attribute, changes)
        raise DatasetError(f"there is no attribute {attribute!r} to change.{hint} There are {', '.join(changes)}.")
    if value not in (known := changes[attribute]):
        hint = did_you_mean(value, known)
        raise DatasetError(f"{attribute} is never {value!r}.{hint} It is one of {', '.join(known)}.")


def check_split_name(split: str, known: Sequence[str]) -> None:
    """Refuse a name that is none of the `known` splits."""
    if split not in known:
        raise DatasetError(f"split must be one of {', '.join(known)}, got {split!r}.")


def check_rows(rows: ArrayLike) -> NDArray[np.intp]:
    """Refuse what are no rows of a drawn split.

    Parameters
    ----------
    rows : array_like of int, shape (N,)
        Which pictures, counted from 0.

    Returns
    -------
    numpy.ndarray of int, shape (N,)
        The same rows.

    Raises
    ------
    DatasetError
        If they are no whole numbers, none at all, or beyond the largest split that is drawn.
    """
    array = np.asarray(rows)
    if not np.issubdtype(array.dtype, np.integer) or array.ndim != 1 or array.size == 0:
        raise DatasetError(
            f"rows must be whole numbers, shape (N,), one at least, got {array.dtype} of shape {array.shape}; "
            "np.arange(200) are the first two hundred, np.flatnonzero(chosen) those that a mask chooses."
        )
    if array.min() < 0 or array.max() >= _MOST_ROWS:
        raise DatasetError(
            f"rows must lie in 0..{_MOST_ROWS - 1}, got {array.min()}..{array.max()}; count from the beginning."
        )
    return array.astype(np.intp)
