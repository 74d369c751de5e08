"""The rates that fairness is spoken of in, each as a share: of which pictures, and which of them count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_labels
from helpers.errors import did_you_mean
from helpers.fairness.grouping import Grouping, Groups, grouping
from helpers.intervals import Estimate, proportion

Mask = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]


class Rate(NamedTuple):
    """A share made of counts: from labels and decisions, of which pictures it is, and which of them count."""

    of: Mask
    counts: Mask


def _all(labels: NDArray[np.int64], decisions: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.ones(len(labels), bool)


RATES = {
    "accuracy": Rate(_all, lambda labels, decisions: labels == decisions),
    "base_rate": Rate(_all, lambda labels, decisions: labels == 1),
    "selection_rate": Rate(_all, lambda labels, decisions: decisions == 1),
    "true_positive_rate": Rate(lambda labels, decisions: labels == 1, lambda labels, decisions: decisions == 1),
    "false_positive_rate": Rate(lambda labels, decisions: labels == 0, lambda labels, decisions: decisions == 1),
    "true_negative_rate": Rate(lambda labels, decisions: labels == 0, lambda labels, decisions: decisions == 0),
    "false_negative_rate": Rate(lambda labels, decisions: labels == 1, lambda labels, decisions: decisions == 0),
    "precision": Rate(lambda labels, decisions: decisions == 1, lambda labels, decisions: labels == 1),
}
"""By name, as Fairlearn and scikit-learn define them; all but the accuracy ask for labels and decisions of 0 and 1."""


@dataclass(frozen=True)
class Counts:
    """A rate's counts in each group.

    Attributes
    ----------
    names : tuple of str
        The groups.
    n : numpy.ndarray of int, shape (groups,)
        Pictures that the rate is a share of: of the true positive rate, the positives.
    hits : numpy.ndarray of int, shape (groups,)
        Those of them that count.
    """

    names: tuple[str, ...]
    n: NDArray[np.intp]
    hits: NDArray[np.intp]

    @property
    def rates(self) -> NDArray[np.float64]:
        """Hits over n; NaN where n is 0."""
        with np.errstate(invalid="ignore"):
            return self.hits / self.n

    def estimate(self, group: int, confidence: float = 0.95) -> Estimate:
        """The rate of one group with its Wilson interval."""
        return share(int(self.hits[group]), int(self.n[group]), confidence)

    def among(self, at_least: int) -> Counts:
        """The groups in which the rate rests on this many pictures or more."""
        kept = np.flatnonzero(self.n >= at_least)
        return Counts(tuple(self.names[each] for each in kept), self.n[kept], self.hits[kept])


def count(labels: ArrayLike, decisions: ArrayLike, groups: Groups | Grouping, rate: str) -> Counts:
    """Count a rate in each group; what is no rate, label, decision or group is refused.

    Parameters
    ----------
    labels, decisions : array_like of int or bool, shape (N,)
        What is so, and what was decided.
    groups : array_like, mapping or pandas.DataFrame
        The group of each picture.
    rate : str
        A key of `RATES`.

    Returns
    -------
    Counts
        Pictures and hits.
    """
    truth, answers = check_decisions(labels, decisions, rate)
    of, counts = RATES[rate]
    found = groups if isinstance(groups, Grouping) else grouping(groups, len(truth))
    rows = of(truth, answers)
    hits = rows & counts(truth, answers)
    n, k = (np.bincount(found.codes[each], minlength=len(found.names)) for each in (rows, hits))
    return Counts(found.names, n, k)


def check_decisions(
    labels: ArrayLike, decisions: ArrayLike, *rates: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and decisions as int64, refused where they do not fit one another or the rates.

    Parameters
    ----------
    labels, decisions : array_like of int or bool, shape (N,)
        What is so, and what was decided.
    *rates : str
        What is to be counted.

    Returns
    -------
    labels, decisions : numpy.ndarray of int64, shape (N,)
        The same values.

    Raises
    ------
    TypeError
        If they are neither whole numbers nor bool.
    ValueError
        If there is none, their lengths differ, a rate is unknown, or one needs 0 and 1 and gets something else.
    """
    for rate in rates:
        if rate not in RATES:
            raise ValueError(f"there is no rate {rate!r}; there are {', '.join(RATES)}.{did_you_mean(rate, RATES)}")
    truth, answers = (
        array.astype(np.int64) if array.dtype == bool else array for array in map(np.asarray, (labels, decisions))
    )
    if truth.ndim != 1 or truth.size == 0:
        raise ValueError(f"labels must have shape (N,) with N of at least 1, got {truth.shape}")
    two = 2 if set(rates) - {"accuracy"} else None
    return check_labels(truth, len(truth), two), check_labels(answers, len(truth), two, "decisions")


def share(hits: int, n: int, confidence: float = 0.95) -> Estimate:
    """A share from its counts, with Wilson's interval; NaN throughout for a share of nothing.

    Parameters
    ----------
    hits, n : int
        How many count, of how many.
    confidence : float, in (0, 1)
        Coverage of the interval.

    Returns
    -------
    Estimate
        The share.
    """
    return proportion(np.arange(n) < hits, confidence) if n else Estimate(np.nan, np.nan, np.nan, 0)
