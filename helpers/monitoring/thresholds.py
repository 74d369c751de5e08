"""Thresholds by expected run time: how many days until the first false alarm, the same for every detector.

A rate of false alarms a day says little to whoever gets up at night; the expected run until the first one (ARL0, after
E. S. Page, 1954, "Continuous inspection schemes") does. An alarm rings on a day whose statistic is *above* the
threshold. Months end before some detector has rung: those are censored, and count with the days they lasted.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from helpers.contracts import check_scores, check_seed, check_share
from helpers.intervals import Estimate
from helpers.monitoring.order import quantile

RUN = 30.0
"""Days until the first false alarm that the course asks of each detector, in the mean."""


def quantile_threshold(null: ArrayLike, run: float = RUN, confidence: float = 0.95) -> Estimate:
    """The threshold for an expected run where days are independent: the 1 - 1/run quantile of days without drift.

    Parameters
    ----------
    null : array_like of float, shape (days,)
        Statistics of days without drift, used for nothing else; at least `run`.
    run : float
        Expected days until the first false alarm, above 1.
    confidence : float, in (0, 1)
        Of the interval.

    Returns
    -------
    Estimate
        The quantile, the order statistics that enclose it (exact, whatever the distribution; infinite where there are
        too few days for an upper end), and the days.

    Raises
    ------
    ValueError
        If `run` is too short, or there are fewer days than it.
    """
    days, share = check_scores(null, "null"), 1 - 1 / _check_run(run)
    if len(days) < run:
        raise ValueError(f"an expected run of {run:g} days needs at least as many days without drift, got {len(days)}")
    return quantile(days, share, confidence)


def simulated_threshold(
    null: ArrayLike, run: float = RUN, confidence: float = 0.95, *, resamples: int = 200, seed: int = 0
) -> Estimate:
    """The threshold for an expected run where days hang together: found on whole months without drift.

    Parameters
    ----------
    null : array_like of float, shape (months, days)
        Statistics of months without drift, used for nothing else; months are independent of each other.
    run : float
        Expected days until the first false alarm, above 1.
    confidence : float, in (0, 1)
        Of the interval.
    resamples : int
        How many times the months are resampled for it.
    seed : int
        Of the resampling.

    Returns
    -------
    Estimate
        The lowest statistic with a :func:`mean_run` of at least `run` on these months, its percentile bootstrap
        interval over months, and the months.

    Raises
    ------
    ValueError
        If there are no whole months, a run is too short or cannot be had from them, or the seed is none.

    Notes
    -----
    Days that hang together have their large statistics in clusters. The quantile of single days would then ring more
    seldom than asked: most of its alarms would follow another one.
    """
    months = np.asarray(null, dtype=np.float64)
    if months.ndim != 2 or 0 in months.shape or not np.isfinite(months).all():
        raise ValueError(f"null must be finite, of shape (months, days), got shape {months.shape}")
    _check_run(run)
    highest = np.maximum.accumulate(months, axis=1)
    candidates = np.unique(months)
    rng = np.random.default_rng(check_seed(seed))
    draws = [_lowest(highest[rng.integers(0, len(months), len(months))], candidates, run) for _ in range(resamples)]
    tail = (1 - check_share(confidence, "confidence")) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    value = _lowest(highest, candidates, run)
    return Estimate(value, float(min(low, value)), float(max(high, value)), len(months))


def _lowest(highest: NDArray[np.float64], candidates: NDArray[np.float64], run: float) -> float:
    """The lowest of the rising candidates whose run, in months of these running maxima, is long enough."""
    first, last = 0, len(candidates) - 1
    while first < last:
        middle = (first + last) // 2
        quiet = highest <= candidates[middle]
        alarms = int((~quiet[:, -1]).sum())
        if int(quiet.sum()) + alarms >= run * alarms:
            last = middle
        else:
            first = middle + 1
    return float(candidates[first])


def first_alarms(statistics: ArrayLike, threshold: float) -> NDArray[np.float64]:
    """The day of each month's first alarm.

    Parameters
    ----------
    statistics : array_like of float, shape (months, days)
        A detector's numbers, from the day on which the clock starts.
    threshold : float
        What they must exceed.

    Returns
    -------
    numpy.ndarray of float64, shape (months,)
        1 for the first day; infinity where it never rang.

    Raises
    ------
    ValueError
        If the shape is another, or a number is NaN: a detector that says nothing would pass for a quiet one.
    """
    months = np.asarray(statistics, dtype=np.float64)
    if months.ndim != 2 or 0 in months.shape or np.isnan(months).any():
        raise ValueError(f"statistics must be of shape (months, days) without NaN, got shape {months.shape}")
    rings = months > threshold
    return np.where(rings.any(axis=1), rings.argmax(axis=1) + 1.0, np.inf)


def mean_run(first: ArrayLike, days: int, confidence: float = 0.95) -> Estimate:
    """The expected run until the first alarm, months without one censored and not dropped.

    Parameters
    ----------
    first : array_like of float, shape (months,)
        From :func:`first_alarms`.
    days : int
        How long each month is.
    confidence : float, in (0, 1)
        Of the interval; several detectors that are all to hold need a higher one.

    Returns
    -------
    Estimate
        Days watched until an alarm or the month's end, over alarms: the likeliest mean of a geometric law with
        censoring. The interval is that of the daily chance of an alarm (Clopper and Pearson, 1934), upside down; its
        upper end is infinite, and the value, where no month had an alarm. n counts months.

    Raises
    ------
    ValueError
        If a day is none of the month's.
    """
    found = np.asarray(first, dtype=np.float64)
    if found.ndim != 1 or not found.size or not (found >= 1).all() or (found[np.isfinite(found)] > days).any():
        raise ValueError(f"first must hold days 1 to {days}, or infinity for none, got {first!r}")
    alarms, watched = int(np.isfinite(found).sum()), int(np.minimum(found, days).sum())
    chance = stats.binomtest(alarms, watched).proportion_ci(confidence, method="exact")
    with np.errstate(divide="ignore"):
        value, low, high = (float(1 / np.float64(p)) for p in (alarms / watched, chance.high, chance.low))
    return Estimate(value, low, high, len(found))


def _check_run(run: float) -> float:
    if not 1 < run < math.inf:
        raise ValueError(f"run must be more than 1 day and finite, got {run}")
    return float(run)
