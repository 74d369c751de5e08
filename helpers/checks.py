"""Numbers that a function was given, refused in sentences that say what it takes."""

from __future__ import annotations

import numpy as np


def check_count(value: int, name: str) -> int:
    """A whole number of at least 1.

    Parameters
    ----------
    value : int
        What a function was given.
    name : str
        How the message calls it.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def check_seed(value: int) -> int:
    """A seed for NumPy's generators.

    Parameters
    ----------
    value : int
        What a function was given as seed.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {value!r}")
    return int(value)
