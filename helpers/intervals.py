"""How sure a measured number is: 95% intervals, with the number of cases they rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from helpers.contracts import check_seed


class Estimate(NamedTuple):
    """A measured value, its interval and the number of cases behind it.

    Attributes
    ----------
    value, low, high : float
        The estimate and the ends of its interval, in the unit of the metric.
    n : int
        The number of independent cases (pictures, seeds, splits) that were measured.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.n:,})"


def proportion(hits: ArrayLike, confidence: float = 0.95) -> Estimate:
    """A share with its Wilson score interval.

    Parameters
    ----------
    hits : array_like of bool, shape (N,)
        True where the case counts.
    confidence : float, in (0, 1)
        Coverage of the interval.

    Returns
    -------
    Estimate
        Share of True in [0, 1].

    Raises
    ------
    ValueError
        If there are no cases, or `hits` is not one-dimensional and boolean.

    References
    ----------
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    array = np.asarray(hits)
    if array.ndim != 1 or array.dtype != bool:
        raise ValueError(f"hits must be a boolean array of shape (N,), got {array.dtype} of shape {array.shape}")
    if array.size == 0:
        raise ValueError("a share of nothing has no value: hits is empty. Did a filter leave no picture?")
    result = stats.binomtest(int(array.sum()), array.size).proportion_ci(confidence, method="wilson")
    return Estimate(float(array.mean()), float(result.low), float(result.high), array.size)


def bootstrap(
    statistic: Callable[..., float],
    *arrays: NDArray,
    seed: int = 0,
    resamples: int = 500,
    confidence: float = 0.95,
) -> Estimate:
    """A statistic with its percentile bootstrap interval, cases resampled together.

    Parameters
    ----------
    statistic : callable
        Takes arrays like `arrays`, returns one number.
    *arrays : numpy.ndarray, each of shape (N, ...)
        The cases; row i of every array belongs to case i.
    seed : int
        Seed of the resampling.
    resamples : int
        How many resamples are drawn.
    confidence : float, in (0, 1)
        Coverage of the interval.

    Returns
    -------
    Estimate
        The statistic on all cases, and the interval's percentiles.

    Raises
    ------
    ValueError
        If there are no cases, the arrays differ in length, or `seed` is not one.

    References
    ----------
    B. Efron (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7.
    """
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"arrays must have the same length of at least 1, got {[len(array) for array in arrays]}")
    n = lengths.pop()
    rng = np.random.default_rng(check_seed(seed))
    draws = np.empty(resamples)
    for i in range(resamples):
        rows = rng.integers(0, n, n)
        draws[i] = statistic(*(array[rows] for array in arrays))
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Estimate(float(statistic(*arrays)), float(low), float(high), n)


def mean(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """A mean with its Student t interval; for a few seeds as well as for many pictures.

    Parameters
    ----------
    values : array_like of float, shape (N,)
        One value per case; at least two.
    confidence : float, in (0, 1)
        Coverage of the interval.

    Returns
    -------
    Estimate
        The mean and its interval.

    Raises
    ------
    ValueError
        If there are fewer than two values, or one is not finite.
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size < 2 or not np.isfinite(array).all():
        raise ValueError(f"a mean with an interval needs two or more finite values, got {array!r}")
    margin = stats.t.ppf(0.5 + confidence / 2, array.size - 1) * stats.sem(array)
    return Estimate(float(array.mean()), float(array.mean() - margin), float(array.mean() + margin), array.size)
