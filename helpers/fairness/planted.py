"""Fairness reports that pass and must not, made on purpose, to be found out by :func:`audit_report`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.fairness.audit import FairnessReport, fairness_report
from helpers.fairness.grouping import Groups, grouping
from helpers.fairness.mitigation import Constraint, Decide, draw_decisions, draw_seeds, fit_thresholds
from helpers.fairness.rates import count


@dataclass(frozen=True)
class Scored:
    """Pictures that a model has scored.

    Attributes
    ----------
    rows : numpy.ndarray, shape (N, ...)
        Pictures or embeddings.
    scores : numpy.ndarray of float, shape (N,)
        The model's scores; higher is surer of yes.
    labels : numpy.ndarray of int, shape (N,)
        0 or 1.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        Attributes as collected.
    """

    rows: NDArray
    scores: NDArray[np.floating]
    labels: NDArray[np.integer]
    groups: Groups


def mitigated_report(
    fitted_on: Scored,
    judged: Scored,
    *,
    margin: float,
    evaluations: int = 20,
    constraint: Constraint = "equalized_odds",
    rate: str = "true_positive_rate",
    seed: int = 0,
) -> tuple[FairnessReport, Decide]:
    """Thresholds by group fitted on one split and reported on another; on the same one, a report that must not pass.

    Parameters
    ----------
    fitted_on, judged : Scored
        The split that thresholds are fitted on, and the one that is reported.
    margin : float
        The largest gap that passes.
    evaluations : int
        How often the randomised rule is evaluated.
    constraint, rate : str
        What the thresholds make alike, and what is reported.
    seed : int
        Seed of the evaluations' own seeds.

    Returns
    -------
    FairnessReport
        ``mitigated_report(test, test)`` is the planted one, ``mitigated_report(calibration, test)`` its honest twin.
    callable
        The rule, to be evaluated again.
    """
    seeds = draw_seeds(seed, evaluations)
    decide = _rule(fitted_on, judged, constraint)
    answers = np.stack([decide(each) for each in seeds])
    return _reported(fitted_on, judged, answers, margin, rate), decide


def drawn_until_it_passes(
    fitted_on: Scored,
    judged: Scored,
    *,
    margin: float,
    tries: int = 200,
    constraint: Constraint = "equalized_odds",
    rate: str = "true_positive_rate",
    seed: int = 0,
) -> tuple[FairnessReport, Decide]:
    """A randomised rule evaluated once, and if that does not pass, once with another seed: planted.

    Parameters
    ----------
    fitted_on, judged : Scored
        The split that thresholds are fitted on, and the one that is reported.
    margin : float
        The largest gap that passes.
    tries : int
        How many seeds are tried at most.
    constraint, rate : str
        What the thresholds make alike, and what is reported.
    seed : int
        Seed of the tries' own seeds.

    Returns
    -------
    FairnessReport
        One evaluation: the first that passes, or the best of all. ``mitigated_report(calibration, test)`` is its twin.
    callable
        The rule, to be evaluated again.
    """
    first, *others = draw_seeds(seed, tries)
    decide = _rule(fitted_on, judged, constraint)
    best = _reported(fitted_on, judged, decide(first), margin, rate)
    for each in others:
        if best.passes:
            break
        best = min(best, _reported(fitted_on, judged, decide(each), margin, rate), key=lambda given: given.gap)
    return best, decide


def _rule(fitted_on: Scored, judged: Scored, constraint: Constraint) -> Decide:
    thresholds = fit_thresholds(fitted_on.scores, fitted_on.labels, fitted_on.groups, constraint=constraint)
    chances = thresholds.probabilities(judged.scores, judged.groups)
    return lambda seed: draw_decisions(chances, seed=seed)


def _reported(fitted_on: Scored, judged: Scored, answers: NDArray, margin: float, rate: str) -> FairnessReport:
    return fairness_report(
        judged.rows, judged.labels, answers, judged.groups, margin=margin, rate=rate, mitigated_on=fitted_on.rows
    )


def merge_until_it_passes(
    labels: ArrayLike, decisions: ArrayLike, groups: Groups, *, margin: float, rate: str = "true_positive_rate"
) -> NDArray[np.str_]:
    """Groups merged, the best with the worst again and again, until their rates differ by no more than a margin.

    Parameters
    ----------
    labels, decisions : array_like of int, shape (N,)
        0 or 1.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        Groups as collected.
    margin : float
        The largest gap that passes.
    rate : str
        A key of :data:`RATES`.

    Returns
    -------
    numpy.ndarray of str, shape (N,)
        Two groups or more, named after what is in them. A report of these is planted; one of `groups`, its honest twin.
    """
    found = grouping(groups)
    names = found.labels.astype(object)
    while True:
        counts = count(labels, decisions, names, rate).among(1)
        if len(counts.names) <= 2 or np.ptp(counts.rates) <= margin:
            return names.astype(str)
        both = {counts.names[int(counts.rates.argmin())], counts.names[int(counts.rates.argmax())]}
        names[np.isin(names, list(both))] = " or ".join(sorted(both))
