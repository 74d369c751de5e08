"""Do the probabilities mean what they say? Calibration measured, scored and mended.

An answer's confidence is its largest probability. Bins are closed on the left, [low, high), the last one on both sides.
"""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from helpers import intervals
from helpers.contracts import check_count, check_labels, check_logits, check_probabilities, check_scores
from helpers.intervals import Estimate

TEMPERATURE_RANGE = (0.01, 100.0)
CHUNK = 2_000_000  # resampled answers held at once: 16 MB for each of three arrays


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Probabilities from logits, in double precision whatever the logits' own.

    Parameters
    ----------
    logits : array_like of float, shape (N, K)
        A model's last numbers before its softmax.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        Probabilities; each row sums to 1.

    Raises
    ------
    TypeError
        If the logits are not floats.
    ValueError
        If the shape is not (N, K), or a value is NaN or infinite.

    Notes
    -----
    In float32 every probability above 1 - 3e-8 rounds to exactly 1, so the surest answers tie. Whatever ranks answers
    (conformal scores, selective prediction) should start from these.
    """
    return special.softmax(check_logits(logits), axis=1)


def apply_temperature(logits: ArrayLike, temperature: float) -> NDArray[np.float32]:
    """Probabilities after temperature scaling, as a predict function returns them.

    Parameters
    ----------
    logits : array_like of float, shape (N, K)
        A model's last numbers before its softmax.
    temperature : float
        What to divide them by, above 0; more than 1 makes every answer less sure.

    Returns
    -------
    numpy.ndarray of float32, shape (N, K)
        Probabilities, computed in float64 and rounded at the end. For conformal sets take
        ``softmax(logits / temperature)``, which stays in float64.

    Raises
    ------
    TypeError
        If the logits are not floats.
    ValueError
        If the shape is not (N, K), a value is not finite, or the temperature is not above 0.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature must be a finite number above 0, got {temperature}. fit_temperature finds one.")
    return softmax(check_logits(logits) / temperature).astype(np.float32)


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
        The temperature, inside `TEMPERATURE_RANGE`.

    Raises
    ------
    TypeError
        If the logits are not floats or the labels not integers.
    ValueError
        If a value is not finite, the lengths differ, a label is out of range, every row of logits is constant (no
        temperature changes anything), or the rows are probabilities already.

    Warns
    -----
    RuntimeWarning
        If the best temperature lies at the end of the range: every answer right (towards 0), or logits that know no
        more than chance (towards infinity).

    Notes
    -----
    The loss is convex in 1/T, so it has one minimum in log T, where we search.

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


def nll_per_picture(probabilities: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Negative log-likelihood of each picture's true class.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        -ln p of the true class, in nats, at least 0. A probability that underflowed to 0 counts as the smallest number
        of its type (87 nats in float32, 708 in float64), so that one picture does not make the mean infinite.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, or a label is out of range.
    """
    p, y = _checked(probabilities, labels)
    of_truth = p[np.arange(len(y)), y]
    return -np.log(np.clip(of_truth, np.finfo(p.dtype).tiny, 1), dtype=np.float64)


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
        The mean in nats with its 95% interval; ln K for a model that knows nothing and says so.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, or a label is out of range.
    """
    return intervals.mean(nll_per_picture(probabilities, labels))


def brier_per_picture(probabilities: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Squared distance between the probabilities and the truth, picture by picture.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        The sum over all K classes of (p_k - [k is the truth])², 0 to 2. (Some texts halve it for two classes.)

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, or a label is out of range.

    References
    ----------
    G. W. Brier (1950), "Verification of forecasts expressed in terms of probability".
    """
    p, y = _checked(probabilities, labels)
    squares = np.square(p, dtype=np.float64).sum(axis=1)
    return squares + 1 - 2 * p[np.arange(len(y)), y].astype(np.float64)


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
        The mean in [0, 2] with its 95% interval.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, or a label is out of range.

    References
    ----------
    G. W. Brier (1950), "Verification of forecasts expressed in terms of probability".
    """
    return intervals.mean(brier_per_picture(probabilities, labels))


def equal_width_bins(bins: int = 15) -> NDArray[np.float64]:
    """Edges that cut [0, 1] into bins of one width.

    Parameters
    ----------
    bins : int
        How many bins, at least 1.

    Returns
    -------
    numpy.ndarray of float64, shape (bins + 1,)
        Rising edges from 0 to 1.

    Raises
    ------
    ValueError
        If `bins` is not a whole number of at least 1.
    """
    return np.linspace(0, 1, check_count(bins, "bins") + 1)


def equal_mass_bins(confidence: ArrayLike, bins: int = 15) -> NDArray[np.float64]:
    """Edges that put about as many answers into each bin.

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

    Raises
    ------
    ValueError
        If there is no answer, a confidence lies outside [0, 1], or `bins` is not a whole number of at least 1.

    References
    ----------
    K. Nguyen and B. O'Connor (2015), "Posterior calibration and exploratory analysis for natural language processing
    models".
    """
    sure = check_scores(confidence, "confidence")
    if sure.min() < 0 or sure.max() > 1 + 1e-6:
        raise ValueError(f"confidence must lie in [0, 1], got {sure.min():.4g} to {sure.max():.4g}")
    inner = np.quantile(sure, np.linspace(0, 1, check_count(bins, "bins") + 1)[1:-1], method="higher")
    return np.unique(np.concatenate([[0.0], inner[inner < 1], [1.0]]))


def reliability_table(probabilities: NDArray, labels: NDArray, bins: int = 15) -> pd.DataFrame:
    """What a reliability diagram draws: confidence and accuracy in bins of equal width.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    bins : int
        How many bins, at least 1.

    Returns
    -------
    pandas.DataFrame
        One row per bin: `low` and `high` edge, `count` of answers, mean `confidence`, `accuracy`, and the ends of its
        95% Wilson interval `accuracy_low` and `accuracy_high`; NaN where a bin is empty.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, a label is out of range, or there is no bin.

    References
    ----------
    M. H. DeGroot and S. E. Fienberg (1983), "The comparison and evaluation of forecasters".
    """
    confidence, correct = _answers(probabilities, labels)
    return _table(confidence, correct, equal_width_bins(bins))


def reliability_table_equal_mass(probabilities: NDArray, labels: NDArray, bins: int = 15) -> pd.DataFrame:
    """What a reliability diagram draws: confidence and accuracy in bins with as many answers each.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    bins : int
        How many bins, at least 1; fewer come out where many answers tie.

    Returns
    -------
    pandas.DataFrame
        As from :func:`reliability_table`.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, a label is out of range, or there is no bin.
    """
    confidence, correct = _answers(probabilities, labels)
    return _table(confidence, correct, equal_mass_bins(confidence, bins))


def ece_equal_width(probabilities: NDArray, labels: NDArray, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    bins : int
        How many bins, at least 1.

    Returns
    -------
    float
        Mean gap between confidence and accuracy, bins weighted by their answers, in [0, 1]. It is biased upwards, the
        more the fewer answers a bin holds: compare with :func:`ece_if_calibrated`.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, a label is out of range, or there is no bin.

    References
    ----------
    M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian
    binning". C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017), "On calibration of modern neural networks".
    """
    confidence, correct = _answers(probabilities, labels)
    return _ece(confidence, correct, equal_width_bins(bins))


def ece_equal_mass(probabilities: NDArray, labels: NDArray, bins: int = 15) -> float:
    """Expected calibration error over bins that hold as many answers each.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    bins : int
        How many bins, at least 1.

    Returns
    -------
    float
        Mean gap between confidence and accuracy, in [0, 1]; biased upwards like :func:`ece_equal_width`.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, a label is out of range, or there is no bin.

    References
    ----------
    J. Nixon, M. Dusenberry, L. Zhang, G. Jerfel and D. Tran (2019), "Measuring calibration in deep learning".
    """
    confidence, correct = _answers(probabilities, labels)
    return _ece(confidence, correct, equal_mass_bins(confidence, bins))


def maximum_calibration_error(probabilities: NDArray, labels: NDArray, bins: int = 15) -> float:
    """The largest gap between confidence and accuracy in any bin of equal width.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    bins : int
        How many bins, at least 1.

    Returns
    -------
    float
        The gap, in [0, 1]. A bin with three answers in it can decide it: look at the table first.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, a label is out of range, or there is no bin.

    References
    ----------
    M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian
    binning".
    """
    table = reliability_table(probabilities, labels, bins)
    return float((table["accuracy"] - table["confidence"]).abs().max())


def ece_estimate(
    probabilities: NDArray, labels: NDArray, bins: int = 15, *, seed: int = 0, resamples: int = 500
) -> Estimate:
    """Expected calibration error over bins of equal width, with an interval that allows for its bias.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    bins : int
        How many bins, at least 1.
    seed : int
        Seed of the resampling.
    resamples : int
        How many resamples are drawn.

    Returns
    -------
    Estimate
        The ECE as measured, and a 95% interval for the ECE of the model.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, a label is out of range, or there is no bin.

    Notes
    -----
    An ECE averages absolute gaps, so noise only adds to it, and resampling adds that noise a second time. For a well
    calibrated model the usual percentile interval therefore lies above the truth nearly always. This one is the basic
    (reflected) bootstrap interval, cut at 0; and its lower end is 0 where one in twenty perfectly calibrated models
    would measure as much. On simulated models with 1,000 pictures it held the true ECE in 88% to 95% of cases (the
    percentile interval in 0% to 94%), the less where a small error hides in the noise; with 4,000 in 92% to 95%.

    References
    ----------
    A. C. Davison and D. V. Hinkley (1997), "Bootstrap methods and their application", section 5.2.
    J. Bröcker and L. A. Smith (2007), "Increasing the reliability of reliability diagrams".
    """
    confidence, correct = _answers(probabilities, labels)
    return _ece_interval(confidence, correct, equal_width_bins(bins), seed, check_count(resamples, "resamples"))


def ece_estimate_equal_mass(
    probabilities: NDArray, labels: NDArray, bins: int = 15, *, seed: int = 0, resamples: int = 500
) -> Estimate:
    """Expected calibration error over bins of equal mass, with an interval that allows for its bias.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    bins : int
        How many bins, at least 1. Their edges stay where these pictures put them.
    seed : int
        Seed of the resampling.
    resamples : int
        How many resamples are drawn.

    Returns
    -------
    Estimate
        The ECE as measured, and a 95% interval as in :func:`ece_estimate`.

    Raises
    ------
    TypeError
        If the probabilities are not floats or the labels not integers.
    ValueError
        If the rows are not probabilities, the lengths differ, a label is out of range, or there is no bin.
    """
    confidence, correct = _answers(probabilities, labels)
    edges = equal_mass_bins(confidence, bins)
    return _ece_interval(confidence, correct, edges, seed, check_count(resamples, "resamples"))


def ece_draws_if_calibrated(
    probabilities: NDArray, bins: int = 15, *, seed: int = 0, resamples: int = 200
) -> NDArray[np.float64]:
    """ECEs (equal width) that a perfectly calibrated model would show with the same confidences.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    bins : int
        How many bins, at least 1.
    seed : int
        Seed of the drawing.
    resamples : int
        How many times the labels are drawn.

    Returns
    -------
    numpy.ndarray of float64, shape (resamples,)
        The ECE of each draw. A measured ECE above their 95th percentile is more than noise.

    Raises
    ------
    TypeError
        If the probabilities are not floats.
    ValueError
        If the rows are not probabilities, or `bins` or `resamples` is below 1.

    Notes
    -----
    Labels are drawn from the stated probabilities themselves: *consistency resampling*. The paper resamples the
    confidences as well; here they stay, because the question is about these pictures.

    References
    ----------
    J. Bröcker and L. A. Smith (2007), "Increasing the reliability of reliability diagrams".
    """
    confidence = _confidence(check_probabilities(probabilities))
    edges = equal_width_bins(bins)
    return _consistency_draws(confidence, edges, np.random.default_rng(seed), check_count(resamples, "resamples"))


def ece_if_calibrated(probabilities: NDArray, bins: int = 15, *, seed: int = 0, resamples: int = 200) -> float:
    """The ECE (equal width) to expect of a perfectly calibrated model with the same confidences: pure noise.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    bins : int
        How many bins, at least 1.
    seed : int
        Seed of the drawing.
    resamples : int
        How many times the labels are drawn.

    Returns
    -------
    float
        The mean of :func:`ece_draws_if_calibrated`.

    Raises
    ------
    TypeError
        If the probabilities are not floats.
    ValueError
        If the rows are not probabilities, or `bins` or `resamples` is below 1.

    References
    ----------
    J. Bröcker and L. A. Smith (2007), "Increasing the reliability of reliability diagrams".
    """
    return float(ece_draws_if_calibrated(probabilities, bins, seed=seed, resamples=resamples).mean())


def _checked(probabilities: NDArray, labels: NDArray) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    p = check_probabilities(probabilities)
    return p, check_labels(labels, len(p), p.shape[1])


def _confidence(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.minimum(probabilities.max(axis=1).astype(np.float64), 1)


def _answers(probabilities: NDArray, labels: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    p, y = _checked(probabilities, labels)
    return _confidence(p), p.argmax(axis=1) == y


def _bin_of(confidence: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.searchsorted(edges[1:-1], confidence, side="right")


def _table(confidence: NDArray[np.float64], correct: NDArray[np.bool_], edges: NDArray[np.float64]) -> pd.DataFrame:
    bin_of = _bin_of(confidence, edges)
    rows = []
    for b, (low, high) in enumerate(pairwise(edges)):
        inside = bin_of == b
        share = intervals.proportion(correct[inside]) if inside.any() else Estimate(np.nan, np.nan, np.nan, 0)
        middle = confidence[inside].mean() if inside.any() else np.nan
        rows.append((low, high, share.n, middle, share.value, share.low, share.high))
    columns = ["low", "high", "count", "confidence", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=columns)


def _ece(confidence: NDArray[np.float64], correct: NDArray[np.bool_], edges: NDArray[np.float64]) -> float:
    # Count times gap is the sum of (correct - confidence) in the bin: no empty bin to divide by.
    gaps = np.bincount(_bin_of(confidence, edges), correct - confidence, len(edges) - 1)
    return float(np.abs(gaps).sum() / len(confidence))


def _ece_interval(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], edges: NDArray[np.float64], seed: int, resamples: int
) -> Estimate:
    rng = np.random.default_rng(seed)
    measured = _ece(confidence, correct, edges)
    low, high = np.quantile(_bootstrap_draws(confidence, correct, edges, rng, resamples), [0.025, 0.975])
    noise = np.quantile(_consistency_draws(confidence, edges, rng, resamples), 0.95)
    bottom = 0.0 if measured <= noise else max(0.0, 2 * measured - high)
    # Where the noise is large the reflected ends can leave the measured value outside; it belongs inside.
    return Estimate(
        measured, float(min(bottom, measured)), float(np.clip(2 * measured - low, measured, 1)), len(confidence)
    )


def _bootstrap_draws(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    edges: NDArray[np.float64],
    rng: np.random.Generator,
    resamples: int,
) -> NDArray[np.float64]:
    n, bin_of, gap = len(confidence), _bin_of(confidence, edges), correct - confidence
    draws = []
    for count in _chunks(n, resamples):
        rows = rng.integers(0, n, (count, n))
        draws.append(_ece_of_rows(bin_of[rows], gap[rows], len(edges) - 1))
    return np.concatenate(draws)


def _consistency_draws(
    confidence: NDArray[np.float64], edges: NDArray[np.float64], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    n, bin_of = len(confidence), _bin_of(confidence, edges)
    draws = []
    for count in _chunks(n, resamples):
        gap = (rng.random((count, n)) < confidence) - confidence
        draws.append(_ece_of_rows(np.broadcast_to(bin_of, gap.shape), gap, len(edges) - 1))
    return np.concatenate(draws)


def _chunks(n: int, resamples: int) -> list[int]:
    size = max(1, CHUNK // n)
    return [min(size, resamples - start) for start in range(0, resamples, size)]


def _ece_of_rows(bin_of: NDArray[np.intp], gap: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """ECE of each row of resampled answers; one bincount for all rows, each with bins of its own."""
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
