"""Which group each picture is in: one attribute, or the intersections of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Groups = ArrayLike | Mapping[str, ArrayLike] | pd.DataFrame
"""One attribute, shape (N,), or several by name: a mapping, or columns of a table. Several mean their intersections."""

MOST_NUMBERS = 50  # values that a measured number may have before it is no group
CAST = ("nan", "NaN", "<NA>", "NaT")  # what is left of a missing value in an array of texts


@dataclass(frozen=True)
class Grouping:
    """The group of each picture.

    Attributes
    ----------
    names : tuple of str
        All groups in sorted order; of several attributes every combination, those without a picture, too.
    codes : numpy.ndarray of int, shape (N,)
        The place of each picture's group in `names`.
    """

    names: tuple[str, ...]
    codes: NDArray[np.intp]

    @property
    def sizes(self) -> NDArray[np.intp]:
        """How many pictures each group has, shape (groups,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    @property
    def labels(self) -> NDArray[np.str_]:
        """The name of each picture's group, shape (N,)."""
        return np.array(self.names)[self.codes]


def grouping(groups: Groups, n: int | None = None) -> Grouping:
    """Read groups in any of their forms.

    Parameters
    ----------
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        One attribute or several. A group is named after its value (``"night"``), an intersection after its attributes
        and values (``"light night, distance far"``).
    n : int, optional
        How many pictures there must be.

    Returns
    -------
    Grouping
        Names and codes.

    Raises
    ------
    ValueError
        If there is no attribute or no picture, a value is missing (with its rows), there are other than `n` values, or
        an attribute is a measured number with more than `MOST_NUMBERS` values.
    """
    columns = attributes_of(groups)
    read = {name: _one_attribute(name, column, n) for name, column in columns.items()}
    lengths = {len(codes) for _, codes in read.values()}
    if len(lengths) > 1:
        raise ValueError(f"the attributes must have one length, got {sorted(lengths)}")
    if not isinstance(groups, Mapping | pd.DataFrame):
        [(values, codes)] = read.values()
        return Grouping(tuple(values), codes)
    sizes = tuple(len(values) for values, _ in read.values())
    parts = [[f"{name} {value}" for value in values] for name, (values, _) in read.items()]
    codes = np.ravel_multi_index(tuple(codes for _, codes in read.values()), sizes)
    return Grouping(tuple(", ".join(each) for each in product(*parts)), codes)


def attributes_of(groups: Groups) -> dict[str, ArrayLike]:
    """The attributes by name; one that has none is called ``groups``.

    Parameters
    ----------
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        One attribute or several.

    Returns
    -------
    dict of str to array_like
        As they were given.

    Raises
    ------
    ValueError
        If there is none.
    """
    if isinstance(groups, pd.DataFrame):
        columns: dict[str, ArrayLike] = {str(name): column.to_numpy() for name, column in groups.items()}
    else:
        columns = dict(groups) if isinstance(groups, Mapping) else {"groups": groups}
    if not columns:
        raise ValueError("groups names no attribute; give one value for each picture, or a table of them")
    return columns


def _one_attribute(name: str, column: ArrayLike, n: int | None) -> tuple[list[str], NDArray[np.intp]]:
    values = np.asarray(column)
    if values.ndim != 1 or values.size == 0 or (n is not None and len(values) != n):
        wanted = "(N,) with N of at least 1" if n is None else f"({n},)"
        raise ValueError(f"{name} must have shape {wanted}, one value per picture, got {values.shape}")
    missing = np.flatnonzero(pd.isna(values) | np.isin(values.astype(str), CAST))
    if len(missing):
        rows = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise ValueError(
            f"{name} is missing in {len(missing)} of {len(values)} rows: {rows}. Leave these pictures out and say so, "
            "or give them a group of their own, for instance 'unknown'."
        )
    try:
        unique, codes = np.unique(values, return_inverse=True)
    except TypeError:  # texts and numbers in one column
        unique, codes = np.unique(values.astype(str), return_inverse=True)
    if np.issubdtype(values.dtype, np.floating) and len(unique) > MOST_NUMBERS:
        raise ValueError(
            f"{name} has {len(unique)} different numbers in {len(values)} rows, which makes no groups. Cut it into a "
            "few: pandas.cut(numbers, edges)."
        )
    return [str(value) for value in unique], codes
