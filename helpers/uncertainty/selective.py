"""Selective prediction: answer where the model is sure, hand over the rest.

Pictures that tie in confidence are treated alike: a curve goes through a group of ties with the group's own share of
mistakes, as if they were taken in random order, so no result depends on the order of the pictures.

All functions refuse, with TypeError or ValueError and a sentence that says what to do, confidences that are not finite
numbers of shape (N,), `correct` that is not as many bools, and a share that is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import intervals
from helpers.contracts import check_correct, check_scores, check_share
from helpers.intervals import Estimate


@dataclass(frozen=True)
class RiskCoverage:
    """The share of mistakes among the answers kept, for every number of answers kept.

    Attributes
    ----------
    coverage : numpy.ndarray of float64, shape (N,)
        Share of answers kept: 1/N, 2/N, ..., 1.
    risk : numpy.ndarray of float64, shape (N,)
        Share of mistakes among them.
    threshold : numpy.ndarray of float64, shape (N,)
        Confidence of the least sure answer kept.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    threshold: NDArray[np.float64]


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """The risk-coverage curve: keep the surest answers first.

    Parameters
    ----------
    confidence : array_like of float, shape (N,)
        How sure each answer is; any scale on which higher is surer.
    correct : array_like of bool, shape (N,)
        Whether each answer is right.

    Returns
    -------
    RiskCoverage
        The curve, from one answer kept to all.

    References
    ----------
    R. El-Yaniv and Y. Wiener (2010), "On the foundations of noise-free selective classification".
    """
    sure = check_scores(confidence, "confidence")
    wrong = ~check_correct(correct, len(sure))
    n = len(sure)
    order = np.argsort(-sure, kind="stable")
    kept = np.arange(1, n + 1)
    return RiskCoverage(kept / n, _expected_mistakes(sure[order], wrong[order]) / kept, sure[order])


def aurc(confidence: ArrayLike, correct: ArrayLike, *, seed: int = 0, resamples: int = 500) -> Estimate:
    """Area under the risk-coverage curve: the mean risk over all coverages. Lower is better.

    Parameters
    ----------
    confidence : array_like of float, shape (N,)
        How sure each answer is.
    correct : array_like of bool, shape (N,)
        Whether each answer is right.
    seed : int
        Seed of the bootstrap.
    resamples : int
        Bootstrap resamples.

    Returns
    -------
    Estimate
        The area in [0, 1] with its 95% bootstrap interval. Handing over at random gives the error rate.

    References
    ----------
    Y. Geifman, G. Uziel and R. El-Yaniv (2019), "Bias-reduced uncertainty estimation for deep neural classifiers".
    """
    sure = check_scores(confidence, "confidence")
    return intervals.bootstrap(_aurc, sure, check_correct(correct, len(sure)), seed=seed, resamples=resamples)


def excess_aurc(confidence: ArrayLike, correct: ArrayLike, *, seed: int = 0, resamples: int = 500) -> Estimate:
    """AURC minus the least that this error rate allows: what a perfect ranking could still save.

    Parameters
    ----------
    confidence : array_like of float, shape (N,)
        How sure each answer is.
    correct : array_like of bool, shape (N,)
        Whether each answer is right.
    seed : int
        Seed of the bootstrap.
    resamples : int
        Bootstrap resamples.

    Returns
    -------
    Estimate
        The excess with its 95% bootstrap interval; 0 when every mistake is less sure than every right answer.

    Notes
    -----
    The least area is computed for these N answers, not with the paper's limit r + (1 - r) ln(1 - r). What is left still
    grows with the error rate r: a ranking by chance gives -(1 - r) ln(1 - r), 0.049 where 5% are wrong and 0.095 where
    10% are. So it compares rankings of one network's answers, and not networks with different error rates.

    References
    ----------
    Y. Geifman, G. Uziel and R. El-Yaniv (2019), "Bias-reduced uncertainty estimation for deep neural classifiers".
    """
    sure = check_scores(confidence, "confidence")
    return intervals.bootstrap(_excess, sure, check_correct(correct, len(sure)), seed=seed, resamples=resamples)


def risk_at_coverage(confidence: ArrayLike, correct: ArrayLike, coverage: float) -> Estimate:
    """Share of mistakes left if the model keeps only its surest answers.

    Parameters
    ----------
    confidence : array_like of float, shape (N,)
        How sure each answer is.
    correct : array_like of bool, shape (N,)
        Whether each answer is right.
    coverage : float, in (0, 1]
        Share of answers to keep. Answers that tie with the last one kept are kept too.

    Returns
    -------
    Estimate
        The share of mistakes among those kept with its 95% Wilson interval; n is how many were kept.
    """
    sure = check_scores(confidence, "confidence")
    right = check_correct(correct, len(sure))
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage must lie in (0, 1], got {coverage}. Nine answers in ten is 0.9.")
    keep = int(np.ceil(coverage * len(sure) - 1e-9))  # 0.9 * 10 is 9 and a rounding error
    threshold = np.partition(sure, len(sure) - keep)[len(sure) - keep]
    return intervals.proportion(~right[sure >= threshold])


def coverage_at_risk(
    confidence: ArrayLike, correct: ArrayLike, risk: float, *, seed: int = 0, resamples: int = 500
) -> Estimate:
    """Largest share of answers that some confidence threshold keeps with at most this share of mistakes.

    Parameters
    ----------
    confidence : array_like of float, shape (N,)
        How sure each answer is.
    correct : array_like of bool, shape (N,)
        Whether each answer is right.
    risk : float, in (0, 1)
        Share of mistakes allowed among the answers kept.
    seed : int
        Seed of the bootstrap.
    resamples : int
        Bootstrap resamples.

    Returns
    -------
    Estimate
        The coverage with its 95% bootstrap interval; 0 if no threshold is good enough.

    Notes
    -----
    The threshold is the best one on these very answers, so the number flatters. For a promise, choose the threshold on
    the calibration split and measure the risk on the test split.

    References
    ----------
    Y. Geifman and R. El-Yaniv (2017), "Selective classification for deep neural networks".
    """
    sure = check_scores(confidence, "confidence")
    right = check_correct(correct, len(sure))
    allowed = check_share(risk, "risk")

    def statistic(confidence: NDArray, correct: NDArray) -> float:
        curve = risk_coverage(confidence, correct)
        # Only the end of a group of ties is something a threshold can do.
        reachable = np.append(curve.threshold[1:] != curve.threshold[:-1], True)
        return float(curve.coverage[reachable & (curve.risk <= allowed + 1e-12)].max(initial=0.0))

    return intervals.bootstrap(statistic, sure, right, seed=seed, resamples=resamples)


def _expected_mistakes(confidence: NDArray, wrong: NDArray) -> NDArray[np.float64]:
    """Mistakes among the first 1, 2, ..., N answers in falling confidence, expected over the order of ties."""
    ends = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True)) + 1
    mistakes = np.cumsum(wrong)[ends - 1]
    kept = np.arange(1, len(confidence) + 1)
    return np.interp(kept, np.concatenate([[0], ends]), np.concatenate([[0], mistakes]))


def _aurc(confidence: NDArray, correct: NDArray) -> float:
    return float(risk_coverage(confidence, correct).risk.mean())


def _excess(confidence: NDArray, correct: NDArray) -> float:
    return _aurc(confidence, correct) - _aurc(correct.astype(float), correct)
