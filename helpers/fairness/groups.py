"""Tables by group and by intersection, with counts and intervals that are never of zero width; any measure by group.

The values and most intervals are Fairlearn's (:class:`fairlearn.metrics.MetricFrame` and its bootstrap). What it lacks
and is added here (seen in Fairlearn 0.15): the number of pictures that a rate rests on; NaN in place of the 0.0 that it
gives as the true positive rate of a group without positives; an interval for a group of one, or for a rate of 0 or 1,
where every resample gives the same ([1.0, 1.0]); the share of resamples that hold no picture of a group, which it drops
in silence; and which rows have no group.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_seed, check_share
from helpers.fairness.grouping import Grouping, Groups, grouping
from helpers.fairness.rates import RATES, Counts, check_decisions, count

T = TypeVar("T")

FEWEST = 30
"""Pictures from which on a bootstrap interval is shown; below it is Wilson's, whose coverage does not hang on n."""


class ThinGroupWarning(UserWarning):
    """A rate rests on a single picture, or on none."""


def group_table(
    labels: ArrayLike,
    decisions: ArrayLike,
    groups: Groups,
    rates: Sequence[str] = ("selection_rate", "true_positive_rate", "false_positive_rate"),
    *,
    seed: int = 0,
    resamples: int = 200,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Rates by group, each with its interval, its n and where the interval comes from.

    Parameters
    ----------
    labels, decisions : array_like of int or bool, shape (N,)
        What is so, and what was decided: 0 or 1, or any classes where the only rate is the accuracy.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The group of each picture, or several attributes, of which every intersection is a row.
    rates : sequence of str
        Keys of :data:`RATES`.
    seed : int
        Seed of Fairlearn's bootstrap.
    resamples : int
        How many it draws; a hundred take about a second for each rate of ten groups. 0: none, every interval is
        Wilson's.
    confidence : float, in (0, 1)
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Rows ``(rate, group)``. Columns: ``pictures`` of the group; ``n``, those that the rate is a share of; ``value``,
        ``low``, ``high``, NaN where n is 0; ``interval``, ``"bootstrap"``, or ``"Wilson"`` where n is below `FEWEST`,
        the rate 0 or 1, or every resample gave the same; ``absent``, the share of resamples in which a rate of so few
        has no value, to be expected: (1 - n/N)^N. Fairlearn leaves these out of its interval and does not say so.

    Raises
    ------
    TypeError, ValueError
        For labels, decisions, groups, rates, a seed or a confidence that are none.

    Warns
    -----
    ThinGroupWarning
        If a rate rests on one picture, or on none, in a group that has pictures.
    """
    check_seed(seed)
    check_share(confidence, "confidence")
    if not isinstance(resamples, int | np.integer) or resamples < 0:
        raise ValueError(f"resamples must be a whole number of at least 0, got {resamples!r}")
    truth, answers = check_decisions(labels, decisions, *rates)
    found = grouping(groups, len(truth))
    counts = {rate: count(truth, answers, found, rate) for rate in rates}
    for rate in rates:
        _warn_of_thin(rate, counts[rate], found)
    lows, highs = _bootstrapped(truth, answers, found, counts, seed, int(resamples), confidence)
    parts = {rate: _rows(counts[rate], found, lows[rate], highs[rate], len(truth), confidence) for rate in rates}
    return pd.concat(parts, names=["rate", "group"])


def by_group(measure: Callable[..., T], groups: Groups, *arrays: NDArray) -> dict[str, T]:
    """Any measure in each group: whatever another room measures is passed in as a function.

    Fairlearn's MetricFrame passes one-dimensional labels and predictions alone, and bootstraps plain numbers alone;
    this takes any arrays, rows of probabilities too, and gives back whatever the measure gives, with its interval.

    Parameters
    ----------
    measure : callable
        Takes the rows of a group of each of `arrays`: ``lambda p, y: uncertainty.ece(p, y, edges)``.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The group of each picture, or several attributes.
    *arrays : numpy.ndarray, each of shape (N, ...)
        What is measured; row i of each belongs to picture i.

    Returns
    -------
    dict of str to whatever `measure` gives
        By group, in sorted order; an intersection without a picture is left out.

    Raises
    ------
    ValueError
        If there is no array, lengths differ, a group is missing; or whatever the measure refuses in a group, which is
        named.
    """
    if not arrays or len({len(array) for array in arrays}) > 1:
        raise ValueError(f"arrays must be one or more of one length, got lengths {[len(array) for array in arrays]}")
    found = grouping(groups, len(arrays[0]))
    result = {}
    for code in np.flatnonzero(found.sizes):
        rows = found.codes == code
        try:
            result[found.names[code]] = measure(*(np.asarray(array)[rows] for array in arrays))
        except ValueError as error:
            raise ValueError(f"in group {found.names[code]!r}, n={rows.sum()}: {error}") from error
    return result


def _warn_of_thin(rate: str, counts: Counts, found: Grouping) -> None:
    for n, what in ((0, "has no value: there is no picture that it would be a share of"), (1, "rests on one picture")):
        thin = [found.names[each] for each in np.flatnonzero((counts.n == n) & (found.sizes > 0))]
        if thin:
            groups = ", ".join(map(repr, thin[:5])) + (f" and {len(thin) - 5} more" if len(thin) > 5 else "")
            message = f"the {rate} {what} in {groups}. Collect more pictures, or say that nothing is known there."
            warnings.warn(message, ThinGroupWarning, stacklevel=3)


def _bootstrapped(
    truth: NDArray[np.int64],
    answers: NDArray[np.int64],
    found: Grouping,
    counts: dict[str, Counts],
    seed: int,
    resamples: int,
    confidence: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ends of Fairlearn's intervals: a row for each group, a column for each rate."""
    nothing = pd.DataFrame(np.nan, index=range(len(found.names)), columns=list(counts))
    if not resamples or not any((each.n >= FEWEST).any() for each in counts.values()):
        return nothing, nothing
    from fairlearn.metrics import MetricFrame

    tail = (1 - confidence) / 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)  # a rate without a value has no interval
        frame = MetricFrame(
            metrics={rate: _as_metric(rate) for rate in counts},
            y_true=truth,
            y_pred=answers,
            sensitive_features=pd.Series(found.codes, name="group"),
            n_boot=resamples,
            ci_quantiles=[tail, 1 - tail],
            random_state=int(seed),
        )
    low, high = (end.reindex(nothing.index) for end in frame.by_group_ci)
    return low, high


def _as_metric(rate: str) -> Callable[[ArrayLike, ArrayLike], float]:
    """A rate as Fairlearn asks for it: NaN, which its quantiles leave out, where there is nothing to count."""
    of, counts = RATES[rate]

    def metric(y_true: ArrayLike, y_pred: ArrayLike) -> float:
        truth, answers = np.asarray(y_true), np.asarray(y_pred)
        rows = of(truth, answers)
        return float(counts(truth, answers)[rows].mean()) if rows.any() else np.nan

    return metric


def _rows(
    counts: Counts, found: Grouping, lows: pd.Series, highs: pd.Series, total: int, confidence: float
) -> pd.DataFrame:
    rows = []
    for group, (pictures, low, high) in enumerate(zip(found.sizes, lows, highs, strict=True)):
        wilson = counts.estimate(group, confidence)
        bootstrapped = wilson.n >= FEWEST and 0 < wilson.value < 1 and low < high  # False where there is none: NaN
        ends = (low, high, "bootstrap") if bootstrapped else (wilson.low, wilson.high, "Wilson")
        rows.append((pictures, wilson.n, wilson.value, *ends, (1 - wilson.n / total) ** total))
    columns = ["pictures", "n", "value", "low", "high", "interval", "absent"]
    return pd.DataFrame(rows, index=list(counts.names), columns=columns)
