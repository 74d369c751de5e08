"""Which alarm rings, when, and which one first: days by month, where infinity is never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import intervals
from helpers.intervals import Estimate
from helpers.monitoring.order import quantile


class Order(NamedTuple):
    """Which of two alarms rings first, in shares of all months.

    Attributes
    ----------
    one, other : Estimate
        Months in which it rings before the other, with Wilson intervals; one that rings is before one that never does.
    together : Estimate
        Months in which both ring on the same day, or neither at all.
    """

    one: Estimate
    other: Estimate
    together: Estimate


def median_days(days: ArrayLike, confidence: float = 0.95) -> Estimate:
    """The median time to an alarm, where "never" is as late as can be.

    Parameters
    ----------
    days : array_like of float, shape (months,)
        Days until the alarm, infinity for never: :func:`helpers.monitoring.first_alarms` of the days from a fault on.
    confidence : float, in (0, 1)
        Of the interval.

    Returns
    -------
    Estimate
        The median (the earlier of two middle ones), the order statistics that enclose it at this level or more,
        whatever the distribution, and the months. The value and the ends may be infinite.

    Raises
    ------
    ValueError
        If there are no months, or a day is NaN.
    """
    found = quantile(_checked(days), 0.5, confidence)
    return found._replace(low=max(found.low, 1.0))


def rings_first(one: ArrayLike, other: ArrayLike) -> Order:
    """Which of two alarms rings first, month by month.

    Parameters
    ----------
    one, other : array_like of float, shape (months,)
        Days until each rings in the same months, infinity for never.

    Returns
    -------
    Order
        Paired shares with intervals.

    Raises
    ------
    ValueError
        If they are not of the same months.
    """
    a, b = _checked(one), _checked(other)
    if a.shape != b.shape:
        raise ValueError(f"both must be of the same months, got {len(a)} and {len(b)}")
    return Order(*(intervals.proportion(hits) for hits in (a < b, b < a, a == b)))


def first_of_all(days: Mapping[str, ArrayLike]) -> dict[str, Estimate]:
    """How often nobody rings before an alarm.

    Parameters
    ----------
    days : mapping of str to array_like of float, shape (months,)
        Days until each alarm rings in the same months, infinity for never.

    Returns
    -------
    dict of str to Estimate
        Share of all months in which it rings, and none before it: two on one day are both first.

    Raises
    ------
    ValueError
        If they are not of the same months.
    """
    table = [_checked(each) for each in days.values()]
    if len({len(each) for each in table}) != 1:
        raise ValueError(f"all must be of the same months, got {[len(each) for each in table]}")
    earliest = np.min(table, axis=0)
    return {
        name: intervals.proportion((each == earliest) & np.isfinite(each))
        for name, each in zip(days, table, strict=True)
    }


def _checked(days: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(days, dtype=np.float64)
    if found.ndim != 1 or not found.size or np.isnan(found).any():
        raise ValueError(f"days must be of shape (months,) without NaN, got {days!r}")
    return found
