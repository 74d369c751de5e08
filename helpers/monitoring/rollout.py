"""A new version beside the old one: in the shadow, on the same pictures; as a canary, on a few of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from helpers import intervals
from helpers.contracts import check_share
from helpers.intervals import Estimate
from helpers.monitoring.served import Served

STOP, TAKE_OVER, GO_ON = "stop", "take over", "go on"


class Look(NamedTuple):
    """What was counted until someone looked at a canary.

    Attributes
    ----------
    old_failed, old : int
        Failures and requests of the old version since the canary began.
    new_failed, new : int
        Those of the new one.
    """

    old_failed: int
    old: int
    new_failed: int
    new: int


class Verdict(NamedTuple):
    """What is to be done with a canary.

    Attributes
    ----------
    what : str
        ``"stop"``, ``"take over"`` or ``"go on"``.
    look : int
        At which look, from 1.
    difference : Estimate
        Share of failures, new minus old, with the interval of that look.
    """

    what: str
    look: int
    difference: Estimate


def disagreement(old: Served, new: Served) -> Estimate:
    """How often a version in the shadow answers another class.

    Parameters
    ----------
    old, new : Served
        What both say of the same pictures, in one order.

    Returns
    -------
    Estimate
        Share of pictures, with its Wilson interval. Two versions of one accuracy may disagree often: see
        :func:`accuracy_gain`.

    Raises
    ------
    ValueError
        If they are not of the same pictures.
    """
    _check_same(old, new)
    return intervals.proportion((old.chosen != new.chosen).ravel())


def accuracy_gain(old: Served, new: Served) -> Estimate:
    """How much more often a version in the shadow is right, once labels have come.

    Parameters
    ----------
    old, new : Served
        What both say of the same pictures, in one order.

    Returns
    -------
    Estimate
        New accuracy minus old, paired picture by picture.

    Raises
    ------
    ValueError
        If they are not of the same pictures.
    """
    _check_same(old, new)
    return intervals.mean((new.correct * 1.0 - old.correct).ravel())


def judge_canary(looks: Sequence[Look], *, margin: float, wrong: float = 0.05) -> Verdict:
    """Decide at each look whether a canary is stopped or takes over, however often someone looks.

    Parameters
    ----------
    looks : sequence of Look
        Counts since the beginning, each look with those of the looks before it.
    margin : float, in (0, 1)
        How much more of its requests the new version may lose.
    wrong : float, in (0, 1)
        Chance of a wrong verdict, over all looks together.

    Returns
    -------
    Verdict
        Of the first look whose whole interval lies above `margin` (stop) or below it (take over); else to go on.

    Raises
    ------
    ValueError
        If there is no look, a count falls, or one is larger than its total.

    Notes
    -----
    A 95% interval at every look stops a good canary in far more than 5% of cases. Look k has the level
    1 - wrong / (k (k + 1)) here: these chances sum to `wrong` over any number of looks.

    References
    ----------
    R. G. Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10.
    J. P. Shaffer (1995), "Multiple hypothesis testing": chances that add up.
    """
    check_share(margin, "margin")
    check_share(wrong, "wrong")
    _check_looks(looks)
    for number, look in enumerate(looks, 1):
        difference = _difference(look, 1 - wrong / (number * (number + 1)))
        if difference.low > margin:
            return Verdict(STOP, number, difference)
        if difference.high < margin:
            return Verdict(TAKE_OVER, number, difference)
    return Verdict(GO_ON, len(looks), difference)


def _difference(look: Look, confidence: float) -> Estimate:
    old, new = (_share(*counts, confidence) for counts in ((look.old_failed, look.old), (look.new_failed, look.new)))
    value = new.value - old.value
    below, above = (
        np.hypot(new.value - new.low, old.high - old.value),
        np.hypot(new.high - new.value, old.value - old.low),
    )
    return Estimate(value, float(value - below), float(value + above), look.old + look.new)


def _share(failed: int, of: int, confidence: float) -> Estimate:
    if of == 0:
        return Estimate(0.5, 0.0, 1.0, 0)
    found = stats.binomtest(failed, of).proportion_ci(confidence, method="wilson")
    return Estimate(failed / of, float(found.low), float(found.high), of)


def _check_looks(looks: Sequence[Look]) -> None:
    counts: NDArray = np.array(looks, dtype=np.int64).reshape(len(looks), 4)
    if not len(counts) or (counts < 0).any() or (np.diff(counts, axis=0) < 0).any():
        raise ValueError(f"looks must hold counts since the beginning, which never fall, got {list(looks)!r}")
    if (counts[:, 0] > counts[:, 1]).any() or (counts[:, 2] > counts[:, 3]).any():
        raise ValueError("more requests failed than there were: a look is (old failed, old, new failed, new)")


def _check_same(old: Served, new: Served) -> None:
    if old.labels.shape != new.labels.shape or not np.array_equal(old.labels, new.labels):
        raise ValueError(f"both must be of the same pictures, got shapes {old.labels.shape} and {new.labels.shape}")
