"""Do the probabilities mean what they say? Calibration measured, scored and mended.

An answer's confidence is its largest probability. Confidences are sorted into bins by `edges`, rising numbers from 0 to
1 (:func:`equal_width_edges`, :func:`equal_mass_edges`). An edge belongs to the bin above it: bins are [low, high), the
last one [low, 1]. Edges are compared in the probabilities' own precision, so that 70% in float32 is not below 0.7.

All functions refuse, with TypeError or ValueError and a sentence that says what to do, what is not rows of
probabilities (or finite logits), one integer class per row, rising edges, a seed or a count.
"""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from helpers import intervals
from helpers.contracts import (
    check_count,
    check_labels,
    check_logits,
    check_probabilities,
    check_scores,
    check_seed,
)
from helpers.intervals import Estimate

TEMPERATURE_RANGE = (0.01, 100.0)
CHUNK = 2_000_000  # resampled answers held at once: 16 MB for each of three arrays


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Probabilities from logits, in double precision whatever the logits' own.

    In float32 every probability above 1 - 3e-8 rounds to exactly 1, so the surest answers tie. Whatever ranks answers
    (conformal scores, selective prediction) should start from these.

    Parameters
    ----------
    logits : array_like of float, shape (N, K)
        A model's last numbers before its softmax; divided by a temperature, if it has one.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        Probabilities; each row sums to 1.
    """
    return special.softmax(check_logits(logits), axis=1)


def fit_temperature(logits: ArrayLike, labels: NDArray) -> float:
    """The temperature that gives the least negative log-likelihood on calibration pictures.

    Parameters
    ----------
    logits : array_like of float, shape (N, K)
        Logits on pictures that were used neither for training nor for the final report.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.

    Returns
    -------
    float
        What to divide logits by, inside `TEMPERATURE_RANGE`; more than 1 makes every answer less sure.

    Raises
    ------
    ValueError
        If every row of logits is constant (no temperature changes anything), or the rows are probabilities already.

    Warns
    -----
    RuntimeWarning
        If the best temperature lies at the end of the range: every answer right (towards 0), or logits that know no
        more than chance (towards infinity).

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017), "On calibration of modern neural networks".
    """
    z = check_logits(logits)
    y = check_labels(labels, len(z), z.shape[1])
    _refuse_useless_logits(z)

    def loss(log_temperature: float) -> float:
        scaled = z / np.exp(log_temperature)
        return float((special.logsumexp(scaled, axis=1) - scaled[np.arange(len(y)), y]).mean())

    # The loss is convex in 1/T, so it has one minimum in log T.
    low, high = np.log(TEMPERATURE_RANGE)
    best = float(optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-7}).x)
    if min(best - low, high - best) < 0.01:
        warnings.warn(
            f"the best temperature lies at the end of the range, {np.exp(best):.3g}: "
            + ("every answer is right, or nearly" if best < 0 else "the logits know no more than chance")
            + f" on these {len(y)} pictures. Use more calibration pictures, and check that labels and logits match.",
            RuntimeWarning,
            stacklevel=2,
        )
    return float(np.exp(best))


def nll(probabilities: NDArray, labels: NDArray) -> Estimate:
    """Mean negative log-likelihood, with its interval. Lower is better; a proper score.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said; N of at least 2.
    labels : numpy.ndarray of int, shape (N,)
        True classes.

    Returns
    -------
    Estimate
        Mean of -ln p of the true class, in nats, with its 95% interval; ln K for a model that knows nothing and says
        so. A probability that underflowed to 0 counts as the smallest number of its type (87 nats in float32, 708 in
        float64), so that one picture does not make the mean infinite.
    """
    p, y = _checked(probabilities, labels)
    of_truth = p[np.arange(len(y)), y]
    return intervals.mean(-np.log(np.clip(of_truth, np.finfo(p.dtype).tiny, 1), dtype=np.float64))


def brier(probabilities: NDArray, labels: NDArray) -> Estimate:
    """Mean Brier score, summed over the classes, with its interval. Lower is better; a proper score.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said; N of at least 2.
    labels : numpy.ndarray of int, shape (N,)
        True classes.

    Returns
    -------
    Estimate
        Mean of the sum over all K classes of (p_k - [k is the truth])², in [0, 2], with its 95% interval. (Some texts
        halve it for two classes.)

    References
    ----------
    G. W. Brier (1950), "Verification of forecasts expressed in terms of probability".
    """
    p, y = _checked(probabilities, labels)
    squares = np.square(p, dtype=np.float64).sum(axis=1)
    return intervals.mean(squares + 1 - 2 * p[np.arange(len(y)), y].astype(np.float64))


def equal_width_edges(bins: int) -> NDArray[np.float64]:
    """Edges that cut [0, 1] into bins of one width; each the number nearest to k / bins, and part of the bin above it.

    Parameters
    ----------
    bins : int
        How many bins, at least 1.

    Returns
    -------
    numpy.ndarray of float64, shape (bins + 1,)
        Rising edges from 0 to 1.
    """
    # np.linspace multiplies by a rounded step: its 3/10 is 0.30000000000000004.
    return np.arange(check_count(bins, "bins") + 1) / bins


def equal_mass_edges(confidence: ArrayLike, bins: int) -> NDArray[np.float64]:
    """Edges that put about as many answers into each bin; each is a confidence, and part of the bin above it.

    Parameters
    ----------
    confidence : array_like of float in [0, 1], shape (N,)
        Confidence of each answer.
    bins : int
        How many bins, at least 1.

    Returns
    -------
    numpy.ndarray of float64, shape (at most bins + 1,)
        Rising edges from 0 to 1. Answers that tie stay in one bin, so there are fewer bins where many tie.

    References
    ----------
    K. Nguyen and B. O'Connor (2015), "Posterior calibration and exploratory analysis for natural language processing
    models".
    """
    sure = np.sort(check_scores(confidence, "confidence"))
    if sure[0] < 0 or sure[-1] > 1 + 1e-6:
        raise ValueError(f"confidence must lie in [0, 1], got {sure[0]:.4g} to {sure[-1]:.4g}")
    # The quantile k / bins, rounded up to an answer; in whole numbers, because 0.07 * 100 is 7.000000000000001.
    ranks = -(-np.arange(1, check_count(bins, "bins")) * (len(sure) - 1) // bins)
    inner = sure[ranks]
    return np.unique(np.concatenate([[0.0], inner[inner < 1], [1.0]]))


def reliability_table(probabilities: NDArray, labels: NDArray, edges: ArrayLike) -> pd.DataFrame:
    """What a reliability diagram draws: confidence and accuracy, bin by bin.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    edges : array_like of float, shape (B + 1,)
        Edges of the bins.

    Returns
    -------
    pandas.DataFrame
        One row per bin: `low` and `high` edge, `count` of answers, mean `confidence`, `accuracy`, and the ends of its
        95% Wilson interval `accuracy_low` and `accuracy_high`; NaN where a bin is empty.

    References
    ----------
    M. H. DeGroot and S. E. Fienberg (1983), "The comparison and evaluation of forecasters".
    """
    p, y = _checked(probabilities, labels)
    confidence, bin_of, _ = _binned(p, edges)
    correct = p.argmax(axis=1) == y
    rows = []
    for b, (low, high) in enumerate(pairwise(np.asarray(edges, dtype=np.float64))):
        inside = bin_of == b
        share = intervals.proportion(correct[inside]) if inside.any() else Estimate(np.nan, np.nan, np.nan, 0)
        middle = confidence[inside].mean() if inside.any() else np.nan
        rows.append((low, high, share.n, middle, share.value, share.low, share.high))
    columns = ["low", "high", "count", "confidence", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=columns)


def ece(probabilities: NDArray, labels: NDArray, edges: ArrayLike, *, seed: int = 0, resamples: int = 500) -> Estimate:
    """Expected calibration error: the mean gap between confidence and accuracy, bins weighted by their answers.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    edges : array_like of float, shape (B + 1,)
        Edges of the bins.
    seed : int
        Seed of the resampling.
    resamples : int
        How many resamples the interval is made of.

    Returns
    -------
    Estimate
        The ECE as measured, in [0, 1], and a 95% interval for the ECE of the model. The measured one is biased upwards,
        the more the fewer answers a bin holds: compare with :func:`ece_if_calibrated`.

    Notes
    -----
    An ECE averages absolute gaps, so noise only adds to it, and resampling adds that noise a second time. For a well
    calibrated model the usual percentile interval therefore lies above the truth nearly always. This one is the basic
    (reflected) bootstrap interval, cut at 0; and its lower end is 0 where one in twenty perfectly calibrated models
    would measure as much. On simulated models with 1,000 pictures it held the true ECE in 88% to 95% of cases (the
    percentile interval in 0% to 94%), the less where a small error hides in the noise; with 4,000 in 92% to 95%.

    References
    ----------
    M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian
    binning". A. C. Davison and D. V. Hinkley (1997), "Bootstrap methods and their application", section 5.2.
    """
    p, y = _checked(probabilities, labels)
    confidence, bin_of, bins = _binned(p, edges)
    gap = (p.argmax(axis=1) == y) - confidence
    rng = np.random.default_rng(check_seed(seed))
    measured = float(_ece_of_rows(bin_of[None], gap[None], bins)[0])
    low, high = np.quantile(_bootstrap_draws(bin_of, gap, bins, rng, resamples), [0.025, 0.975])
    noise = np.quantile(_consistency_draws(bin_of, confidence, bins, rng, resamples), 0.95)
    bottom = 0.0 if measured <= noise else max(0.0, 2 * measured - high)
    # Where the noise is large the reflected ends can leave the measured value outside; it belongs inside.
    return Estimate(measured, float(min(bottom, measured)), float(np.clip(2 * measured - low, measured, 1)), len(p))


def ece_if_calibrated(
    probabilities: NDArray, edges: ArrayLike, *, seed: int = 0, resamples: int = 200
) -> NDArray[np.float64]:
    """ECEs that a perfectly calibrated model would show with the same confidences: pure noise.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    edges : array_like of float, shape (B + 1,)
        Edges of the bins.
    seed : int
        Seed of the drawing.
    resamples : int
        How many times the labels are drawn.

    Returns
    -------
    numpy.ndarray of float64, shape (resamples,)
        The ECE of each draw. Their mean is what to expect; a measured ECE above their 95th percentile is more than
        noise.

    Notes
    -----
    Labels are drawn from the stated probabilities themselves: *consistency resampling*. The paper resamples the
    confidences as well; here they stay, because the question is about these pictures.

    References
    ----------
    J. Bröcker and L. A. Smith (2007), "Increasing the reliability of reliability diagrams".
    """
    confidence, bin_of, bins = _binned(check_probabilities(probabilities), edges)
    return _consistency_draws(bin_of, confidence, bins, np.random.default_rng(check_seed(seed)), resamples)


def _checked(probabilities: NDArray, labels: NDArray) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    p = check_probabilities(probabilities)
    return p, check_labels(labels, len(p), p.shape[1])


def _binned(p: NDArray[np.floating], edges: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp], int]:
    """Each answer's confidence and bin, and how many bins there are."""
    rising = np.asarray(edges, dtype=np.float64)
    if rising.ndim != 1 or rising.size < 2 or rising[0] != 0 or rising[-1] != 1 or not (np.diff(rising) > 0).all():
        raise ValueError(f"edges must rise from 0 to 1, got {edges!r}. Ten bins of one width: equal_width_edges(10).")
    sure = p.max(axis=1)
    bin_of = np.searchsorted(rising[1:-1].astype(p.dtype), sure, side="right")
    return np.minimum(sure.astype(np.float64), 1), bin_of, rising.size - 1


def _bootstrap_draws(
    bin_of: NDArray[np.intp], gap: NDArray[np.float64], bins: int, rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    n, draws = len(gap), []
    for count in _chunks(n, resamples):
        rows = rng.integers(0, n, (count, n))
        draws.append(_ece_of_rows(bin_of[rows], gap[rows], bins))
    return np.concatenate(draws)


def _consistency_draws(
    bin_of: NDArray[np.intp], confidence: NDArray[np.float64], bins: int, rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    n, draws = len(confidence), []
    for count in _chunks(n, resamples):
        gap = (rng.random((count, n)) < confidence) - confidence
        draws.append(_ece_of_rows(np.broadcast_to(bin_of, gap.shape), gap, bins))
    return np.concatenate(draws)


def _chunks(n: int, resamples: int) -> list[int]:
    size = max(1, CHUNK // n)
    return [min(size, resamples - start) for start in range(0, check_count(resamples, "resamples"), size)]


def _ece_of_rows(bin_of: NDArray[np.intp], gap: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """ECE of each row of answers, `gap` being right (0 or 1) minus confidence.

    Count times mean gap is the sum of gaps in a bin: no empty bin to divide by. One bincount serves all rows, each with
    bins of its own.
    """
    rows, n = gap.shape
    own = (bin_of + bins * np.arange(rows)[:, None]).ravel()
    sums = np.bincount(own, gap.ravel(), rows * bins).reshape(rows, bins)
    return np.abs(sums).sum(axis=1) / n


def _refuse_useless_logits(z: NDArray[np.float64]) -> None:
    if np.ptp(z, axis=1).max() == 0:
        raise ValueError(
            "every row of logits is constant, so no temperature changes any probability. Is the model trained, and is "
            "this its last layer?"
        )
    if z.min() >= 0 and np.allclose(z.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "these logits are probabilities: they lie in [0, 1] and each row sums to 1. Give the numbers before the "
            "softmax, as helpers.models.logits_model returns them."
        )
