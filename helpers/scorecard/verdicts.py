"""The arithmetic of one record against its threshold: met or not, by how far, and what it would take.

A record keeps its threshold if its *interval* does. The stored intervals are two-sided at 95%, so that the end which
counts is passed by chance in 2.5% of runs if the truth lies on the bound. A release needs every record: that is an
intersection-union test (R. L. Berger, 1982, "Multiparameter hypothesis testing and acceptance sampling",
Technometrics 24). Where the truth breaks at least one bound, a wrong *go* must pass that one by chance, so that it is
no more likely than that, however many records there are and however they hang together. Nothing is corrected for
their number; what many records cost is the chance of a *go* that is deserved. The course claims 5%, not 2.5%: the
rest is room for intervals that hold the truth a little less often than they say. Summed over all counts, Wilson's low
end passes a bound from a half up in at most 4.4% of runs (10 to 4,000 cases), and so does its high end one below a
half; a low end that must reach a few hundredths passes in up to 14% where cases are few: no threshold may lean on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

from helpers.scorecard.fields import Bounds
from helpers.scorecard.records import Record
from helpers.scorecard.thresholds import Threshold

MET, NOT_MET, NOT_SHOWN = "met", "not met", "not shown"
BETTER = 0.1
"""How much better than its bound "all is truly better" means, in :func:`chance_if_better`."""

_NORMAL = NormalDist()
_ENDS_AT = _NORMAL.inv_cdf(0.975)  # standard errors from a value to the end of its two-sided 95% interval


def verdict(threshold: Threshold, record: Record) -> str:
    """Whether a record keeps its threshold.

    Parameters
    ----------
    threshold : Threshold
        What is asked.
    record : Record
        What was measured.

    Returns
    -------
    str
        ``"met"`` if the whole interval keeps it, an end on the bound included; ``"not met"`` if the whole interval
        breaks it; ``"not shown"`` if the bound lies in the interval.
    """
    if threshold.least <= record.low and record.high <= threshold.most:
        return MET
    return NOT_MET if record.high < threshold.least or threshold.most < record.low else NOT_SHOWN


def margin(threshold: Threshold, record: Record) -> float:
    """How far a record lies from its bound.

    Parameters
    ----------
    threshold : Threshold
        What is asked.
    record : Record
        What was measured.

    Returns
    -------
    float
        In halves of its interval, the one that points to the bound: from 1 up the record meets it, below -1 it breaks
        it, and between them nothing is shown. Infinite where the interval has no width. With two bounds, the
        smaller of both.
    """
    return min(_in_halves(good, to_bound if good >= 0 else away) for good, to_bound, away in _sides(threshold, record))


def cases_to_settle(threshold: Threshold, record: Record) -> int | None:
    """How many cases more would show whether a record keeps its threshold.

    Parameters
    ----------
    threshold : Threshold
        What is asked.
    record : Record
        What was measured.

    Returns
    -------
    int or None
        If the value stays where it is and the interval shrinks with the root of n (that of a share near 0 or 1 shrinks
        faster; a fifth less may do). Then its end lies on the bound, and chance decides to which side it falls; for
        four in five, ask for twice the cases. 0 where the record is settled, None where the value is the bound.
    """
    if verdict(threshold, record) != NOT_SHOWN:
        return 0
    sides = list(_sides(threshold, record))
    broken = [(good, away) for good, _, away in sides if good < 0]
    kept = [(good, to_bound) for good, to_bound, _ in sides]
    if any(good == 0 for good, _ in kept):
        return None
    times = max((half / good) ** 2 for good, half in broken or kept)
    return max(1, math.ceil(record.n * times) - record.n)


def chance_if_better(threshold: Threshold, record: Record, better: float = BETTER) -> float:
    """The chance that a record would meet its threshold if the truth were somewhat better than the bound.

    Parameters
    ----------
    threshold : Threshold
        What is asked.
    record : Record
        What was measured: how wide its interval is, and what the metric can be.
    better : float, in [0, 1]
        How much better: this share of the way from the bound to the best, where a share or a loss has one (an error of
        at most 0.05 is then one of 0.045, and so is an accuracy of at least 0.95); else this share of the bound.

    Returns
    -------
    float
        In [0, 1], for a normal estimate with an interval as wide as the record's. With two bounds, for a truth that
        is near the less favourable one.
    """
    truths = [
        threshold.least + better * _room(threshold.least, record.bounds, up=True),
        threshold.most - better * _room(threshold.most, record.bounds, up=False),
    ]
    return min(_chance(truth, threshold, record) for truth in truths if math.isfinite(truth))


def _sides(threshold: Threshold, record: Record) -> Iterator[tuple[float, float, float]]:
    """For each bound: how far the value is on its good side, the half that points to it, and the other half."""
    below, above = max(record.value - record.low, 0.0), max(record.high - record.value, 0.0)
    if threshold.low_at_least is not None:
        yield record.value - threshold.least, below, above
    if threshold.high_at_most is not None:
        yield threshold.most - record.value, above, below


def _in_halves(good: float, half: float) -> float:
    if half > 0:
        return good / half
    return math.inf if good >= 0 else -math.inf


def _room(bound: float, bounds: Bounds, *, up: bool) -> float:
    least, most = bounds
    best = most if up else least
    if least is not None and least >= 0 and best is not None and math.isfinite(bound):
        return abs(best - bound)
    return abs(bound)


def _chance(truth: float, threshold: Threshold, record: Record) -> float:
    passed = 1.0
    for end, half in (
        (truth - threshold.least, record.value - record.low),
        (threshold.most - truth, record.high - record.value),
    ):
        # Of both ends at once: at least what is left when each may fail on its own.
        passed -= 1 - _passes(end, half)
    return max(passed, 0.0)


def _passes(room: float, half: float) -> float:
    if half <= 0 or math.isinf(room):
        return float(room >= 0)
    return _NORMAL.cdf(_ENDS_AT * (room / half - 1))
