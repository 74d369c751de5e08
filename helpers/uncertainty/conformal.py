"""Conformal prediction sets: every class that is not stranger than the truth usually is.

Split conformal prediction in short: score how strange the true class looks on n calibration pictures; take the k-th
smallest score, k = ceil((n + 1)(1 - alpha)); a set holds every class that scores no higher. If calibration and test
pictures are exchangeable, a set holds the truth with a probability of at least 1 - alpha.

Everything is computed in float64. With scores that do not tie, the coverage on test pictures follows a law that depends
on n and alpha alone (:func:`coverage_law`). Rounding makes ties: float32 knows no number between 1 - 6e-8 and 1, so the
scores of a sure network tie there, coverage drifts above the law, and converting back to float64 does not bring the
digits back. Give probabilities from :func:`helpers.uncertainty.softmax` of the logits.

References
----------
V. Vovk, A. Gammerman and G. Shafer (2005), "Algorithmic learning in a random world".
A. N. Angelopoulos and S. Bates (2023), "Conformal prediction: a gentle introduction".
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from helpers import intervals
from helpers.contracts import check_count, check_labels, check_probabilities, check_scores, check_share
from helpers.intervals import Estimate

# Probabilities (N, K) and a generator in, scores (N, K) out. Scores that are not randomised leave the generator alone.
ScoreFunction = Callable[[NDArray, np.random.Generator], NDArray[np.float64]]


def lac(probabilities: NDArray, rng: np.random.Generator | None = None) -> NDArray[np.float64]:
    """Scores of the *least ambiguous set-valued classifier* (LAC, also THR): 1 minus the probability of the class.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    rng : numpy.random.Generator, optional
        Not used; all scores are called alike.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        How strange each class would be, 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities.

    References
    ----------
    M. Sadinle, J. Lei and L. Wasserman (2019), "Least ambiguous set-valued classifiers with bounded error levels".
    """
    return 1 - check_probabilities(probabilities).astype(np.float64)


def aps(probabilities: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """Scores of *adaptive prediction sets* (APS): the likelier classes' probabilities, and a random part of its own.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    rng : numpy.random.Generator
        Draws one number per picture: which part of a class's own probability counts.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        How strange each class would be, 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities.

    References
    ----------
    Y. Romano, M. Sesia and E. J. Candès (2020), "Classification with valid and adaptive coverage".
    """
    p = check_probabilities(probabilities).astype(np.float64)
    return _cumulated(p, rng.random(len(p)))


def aps_deterministic(probabilities: NDArray, rng: np.random.Generator | None = None) -> NDArray[np.float64]:
    """APS scores without the random part: all of the class's own probability counts.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    rng : numpy.random.Generator, optional
        Not used; all scores are called alike.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        How strange each class would be, 0 to 1. A sure network's scores crowd, and tie, just below 1: coverage is at
        least nominal, and sets are long.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities.

    References
    ----------
    Y. Romano, M. Sesia and E. J. Candès (2020), "Classification with valid and adaptive coverage".
    """
    p = check_probabilities(probabilities).astype(np.float64)
    return _cumulated(p, np.ones(len(p)))


def raps(probabilities: NDArray, rng: np.random.Generator, penalty: float, k_reg: int) -> NDArray[np.float64]:
    """Scores of *regularised* adaptive prediction sets (RAPS): APS and a price for every class after the first few.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    rng : numpy.random.Generator
        Draws one number per picture, as for :func:`aps`.
    penalty : float
        What each class after the first `k_reg` costs, at least 0 (lambda in the paper); 0 is APS.
    k_reg : int
        How many classes are free, at least 0.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        How strange each class would be, 0 to 1 + penalty * K.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, or the penalty or `k_reg` is negative.

    References
    ----------
    A. N. Angelopoulos, S. Bates, J. Malik and M. I. Jordan (2021), "Uncertainty sets for image classifiers using
    conformal prediction".
    """
    p = check_probabilities(probabilities).astype(np.float64)
    return _cumulated(p, rng.random(len(p)), _costs(p.shape[1], penalty, k_reg))


def raps_deterministic(
    probabilities: NDArray, rng: np.random.Generator | None = None, *, penalty: float, k_reg: int
) -> NDArray[np.float64]:
    """RAPS scores without the random part.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said.
    rng : numpy.random.Generator, optional
        Not used; all scores are called alike.
    penalty : float
        What each class after the first `k_reg` costs, at least 0.
    k_reg : int
        How many classes are free, at least 0.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        How strange each class would be, 0 to 1 + penalty * K.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, or the penalty or `k_reg` is negative.

    References
    ----------
    A. N. Angelopoulos, S. Bates, J. Malik and M. I. Jordan (2021), "Uncertainty sets for image classifiers using
    conformal prediction".
    """
    p = check_probabilities(probabilities).astype(np.float64)
    return _cumulated(p, np.ones(len(p)), _costs(p.shape[1], penalty, k_reg))


class TiesWarning(RuntimeWarning):
    """Calibration scores tie at the threshold: coverage exceeds its law."""


@dataclass(frozen=True)
class ConformalPredictor:
    """A calibrated rule that turns probabilities into sets of classes.

    Attributes
    ----------
    score : callable
        Probabilities (N, K) and a generator to scores (N, K).
    threshold : float or numpy.ndarray of float64, shape (K,)
        The highest score that still enters a set, one for all classes or one for each; infinite where there were too
        few calibration pictures, and then everything enters.
    alpha : float
        Share of sets that may miss the truth.
    n : int
        Calibration pictures.
    seed : int
        Seed of the random part; scores that have none do not use it.
    """

    score: ScoreFunction
    threshold: float | NDArray[np.float64]
    alpha: float
    n: int
    seed: int = 0

    def sets(self, probabilities: NDArray, seed: int | None = None) -> NDArray[np.bool_]:
        """The set of classes for each picture.

        Parameters
        ----------
        probabilities : numpy.ndarray of float, shape (N, K)
            What the model said about new pictures.
        seed : int, optional
            Seed of the random part; without it the predictor's own, so that two calls agree. Batches that belong
            together need a seed each: with the same one, row i of each batch gets the same random number.

        Returns
        -------
        numpy.ndarray of bool, shape (N, K)
            True where the class is in the set. A set may be empty.

        Raises
        ------
        TypeError, ValueError
            If the rows are not probabilities, or there are not as many classes as there are thresholds.
        """
        # The 1 keeps this stream apart from the one that calibration drew from, even when the seeds are equal.
        rng = np.random.default_rng([self.seed if seed is None else seed, 1])
        scores = self.score(probabilities, rng)
        if np.ndim(self.threshold) and np.size(self.threshold) != scores.shape[1]:
            raise ValueError(f"calibrated on {np.size(self.threshold)} classes, got probabilities of {scores.shape[1]}")
        return prediction_sets(scores, self.threshold)


def quantile_rank(n: int, alpha: float) -> int:
    """Which of n calibration scores, counted from the smallest, is the threshold: ceil((n + 1)(1 - alpha)).

    Parameters
    ----------
    n : int
        Calibration pictures, at least 1.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.

    Returns
    -------
    int
        The rank, 1 to n + 1; n + 1 says that n pictures are too few and the threshold is infinite. The "+ 1" counts the
        test picture itself among those that could have been drawn; without it the sets cover too little.

    Raises
    ------
    ValueError
        If `n` is below 1 or `alpha` outside (0, 1).
    """
    exact = (check_count(n, "n") + 1) * (1 - check_share(alpha, "alpha"))
    return max(1, math.ceil(exact - 1e-9))  # what should be 46 and comes out as 46.00000000000001 is 46


def calibrate(scores: ArrayLike, alpha: float) -> float:
    """The threshold: the k-th smallest score of the true classes, k = ceil((n + 1)(1 - alpha)).

    Parameters
    ----------
    scores : array_like of float, shape (N,)
        Score of the true class on each calibration picture.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.

    Returns
    -------
    float
        The threshold; infinite if k is more than N.

    Raises
    ------
    TypeError
        If the scores are not numbers.
    ValueError
        If there are none, one is not finite, or `alpha` is outside (0, 1).
    """
    array = check_scores(scores)
    rank = quantile_rank(array.size, alpha)
    return float(np.partition(array, rank - 1)[rank - 1]) if rank <= array.size else math.inf


def prediction_sets(scores: NDArray[np.float64], threshold: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Every class that scores no higher than the threshold.

    Parameters
    ----------
    scores : numpy.ndarray of float, shape (N, K)
        Score of each class on each picture.
    threshold : float or numpy.ndarray of float, shape (K,)
        One threshold, or one for each class.

    Returns
    -------
    numpy.ndarray of bool, shape (N, K)
        True where the class is in the set.

    Raises
    ------
    ValueError
        If a score or the threshold is NaN.
    """
    if np.isnan(scores).any() or np.isnan(threshold).any():
        raise ValueError("scores and threshold must be numbers, got NaN; a set of NaN would silently be empty")
    return scores <= threshold


def fit_lac(probabilities: NDArray, labels: NDArray, alpha: float) -> ConformalPredictor:
    """Calibrate LAC: the smallest sets on average, some of them empty.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on calibration pictures, best in float64 from :func:`helpers.uncertainty.softmax`.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.

    Returns
    -------
    ConformalPredictor
        Its `sets` method turns probabilities into sets.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, labels do not fit, or `alpha` is outside (0, 1).

    Warns
    -----
    TiesWarning
        If several calibration scores tie at the threshold, so that coverage will exceed its law.

    References
    ----------
    M. Sadinle, J. Lei and L. Wasserman (2019), "Least ambiguous set-valued classifiers with bounded error levels".
    """
    return _fit(lac, probabilities, labels, alpha, 0)


def fit_aps(probabilities: NDArray, labels: NDArray, alpha: float, *, seed: int = 0) -> ConformalPredictor:
    """Calibrate randomised APS: sets that grow where the picture is hard.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on calibration pictures, best in float64 from :func:`helpers.uncertainty.softmax`.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.
    seed : int
        Seed of the random part.

    Returns
    -------
    ConformalPredictor
        Its `sets` method turns probabilities into sets.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, labels do not fit, or `alpha` is outside (0, 1).

    Warns
    -----
    TiesWarning
        If several calibration scores tie at the threshold, so that coverage will exceed its law.

    References
    ----------
    Y. Romano, M. Sesia and E. J. Candès (2020), "Classification with valid and adaptive coverage".
    """
    return _fit(aps, probabilities, labels, alpha, seed)


def fit_aps_deterministic(probabilities: NDArray, labels: NDArray, alpha: float) -> ConformalPredictor:
    """Calibrate APS without its random part: coverage at least nominal, longer sets.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on calibration pictures, best in float64 from :func:`helpers.uncertainty.softmax`.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.

    Returns
    -------
    ConformalPredictor
        Its `sets` method turns probabilities into sets.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, labels do not fit, or `alpha` is outside (0, 1).

    References
    ----------
    Y. Romano, M. Sesia and E. J. Candès (2020), "Classification with valid and adaptive coverage".
    """
    return _calibrated(aps_deterministic, probabilities, labels, alpha, 0)[0]


def fit_raps(
    probabilities: NDArray, labels: NDArray, alpha: float, *, penalty: float = 0.1, k_reg: int = 1, seed: int = 0
) -> ConformalPredictor:
    """Calibrate randomised RAPS: APS with a price on long sets.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on calibration pictures, best in float64 from :func:`helpers.uncertainty.softmax`.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.
    penalty : float
        What each class after the first `k_reg` costs, at least 0 (lambda in the paper). To tune it, use pictures that
        are in neither the calibration nor the test split.
    k_reg : int
        How many classes are free, at least 0.
    seed : int
        Seed of the random part.

    Returns
    -------
    ConformalPredictor
        Its `sets` method turns probabilities into sets.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, labels do not fit, `alpha` is outside (0, 1), or the penalty or `k_reg` is
        negative.

    Warns
    -----
    TiesWarning
        If several calibration scores tie at the threshold, so that coverage will exceed its law.

    References
    ----------
    A. N. Angelopoulos, S. Bates, J. Malik and M. I. Jordan (2021), "Uncertainty sets for image classifiers using
    conformal prediction".
    """
    return _fit(partial(raps, penalty=penalty, k_reg=k_reg), probabilities, labels, alpha, seed)


def fit_raps_deterministic(
    probabilities: NDArray, labels: NDArray, alpha: float, *, penalty: float = 0.1, k_reg: int = 1
) -> ConformalPredictor:
    """Calibrate RAPS without its random part: coverage at least nominal, longer sets.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on calibration pictures, best in float64 from :func:`helpers.uncertainty.softmax`.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.
    penalty : float
        What each class after the first `k_reg` costs, at least 0.
    k_reg : int
        How many classes are free, at least 0.

    Returns
    -------
    ConformalPredictor
        Its `sets` method turns probabilities into sets.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, labels do not fit, `alpha` is outside (0, 1), or the penalty or `k_reg` is
        negative.

    References
    ----------
    A. N. Angelopoulos, S. Bates, J. Malik and M. I. Jordan (2021), "Uncertainty sets for image classifiers using
    conformal prediction".
    """
    return _calibrated(partial(raps_deterministic, penalty=penalty, k_reg=k_reg), probabilities, labels, alpha, 0)[0]


def fit_lac_by_class(probabilities: NDArray, labels: NDArray, alpha: float) -> ConformalPredictor:
    """Calibrate LAC for each class by itself (*Mondrian*): the promise then holds class by class.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on calibration pictures, best in float64 from :func:`helpers.uncertainty.softmax`.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth, in every class.

    Returns
    -------
    ConformalPredictor
        With one threshold per class; infinite for a class with fewer than about 1/alpha calibration pictures, which
        then enters every set.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, labels do not fit, or `alpha` is outside (0, 1).

    References
    ----------
    V. Vovk, D. Lindsay, I. Nouretdinov and A. Gammerman (2003), "Mondrian confidence machine".
    """
    p = check_probabilities(probabilities)
    y = check_labels(labels, len(p), p.shape[1])
    share = check_share(alpha, "alpha")
    of_truth = lac(p)[np.arange(len(y)), y]
    thresholds = [calibrate(of_truth[y == k], share) if (y == k).any() else math.inf for k in range(p.shape[1])]
    return ConformalPredictor(lac, np.array(thresholds), share, len(y))


def coverage(sets: NDArray, labels: NDArray) -> Estimate:
    """Share of the sets that hold the truth, with its interval.

    Parameters
    ----------
    sets : numpy.ndarray of bool, shape (N, K)
        From :meth:`ConformalPredictor.sets`.
    labels : numpy.ndarray of int, shape (N,)
        True classes.

    Returns
    -------
    Estimate
        The share with its 95% Wilson interval. The interval speaks of *this* calibrated predictor; how far calibration
        itself may miss the promise is in :func:`coverage_law`.

    Raises
    ------
    TypeError, ValueError
        If the sets are not bool of shape (N, K), or the labels do not fit.
    """
    return intervals.proportion(_covered(sets, labels))


def set_size(sets: NDArray) -> Estimate:
    """Mean number of classes in a set, with its interval.

    Parameters
    ----------
    sets : numpy.ndarray of bool, shape (N, K)
        From :meth:`ConformalPredictor.sets`; N of at least 2.

    Returns
    -------
    Estimate
        Classes per set, 0 to K, with its 95% interval.

    Raises
    ------
    TypeError, ValueError
        If the sets are not bool of shape (N, K) with N of at least 2.
    """
    return intervals.mean(_check_sets(sets).sum(axis=1))


def coverage_by_group(sets: NDArray, labels: NDArray, groups: ArrayLike) -> dict[str, Estimate]:
    """Coverage in each group of pictures: per class, per light, per weather.

    Parameters
    ----------
    sets : numpy.ndarray of bool, shape (N, K)
        From :meth:`ConformalPredictor.sets`.
    labels : numpy.ndarray of int, shape (N,)
        True classes.
    groups : array_like, shape (N,)
        The group of each picture.

    Returns
    -------
    dict of str to Estimate
        Share of sets that hold the truth in each group, with its 95% Wilson interval and the group's n; groups in
        sorted order. As a table: ``pandas.DataFrame(result, index=Estimate._fields).T``.

    Raises
    ------
    TypeError, ValueError
        If the sets are not bool of shape (N, K), or labels or groups do not fit.

    References
    ----------
    A. N. Angelopoulos and S. Bates (2023), "Conformal prediction: a gentle introduction", section 3.1.
    """
    covered = _covered(sets, labels)
    group = np.asarray(groups)
    if group.shape != covered.shape:
        raise ValueError(f"groups must have shape {covered.shape}, one per picture, got {group.shape}")
    return {str(name): intervals.proportion(covered[group == name]) for name in np.unique(group)}


def coverage_law(n_calibration: int, n_test: int, alpha: float) -> stats.distributions.rv_frozen:
    """The exact law of how many of the test sets hold the truth, over calibration and test pictures together.

    Parameters
    ----------
    n_calibration : int
        Calibration pictures; enough for a finite threshold.
    n_test : int
        Test pictures.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.

    Returns
    -------
    scipy.stats distribution
        Beta-binomial on 0..n_test with a = k and b = n + 1 - k, k = ceil((n + 1)(1 - alpha)). Divide by `n_test` for
        the coverage: ``coverage_law(50, 1000, 0.1).ppf([0.025, 0.975]) / 1000``.

    Raises
    ------
    ValueError
        If a count is below 1, `alpha` outside (0, 1), or n is too small for a finite threshold (every set then holds
        every class, and nothing is random).

    References
    ----------
    V. Vovk (2012), "Conditional validity of inductive conformal predictors". A. N. Angelopoulos and S. Bates (2023),
    "Conformal prediction: a gentle introduction", appendix C.
    """
    k = quantile_rank(n_calibration, alpha)
    if k > n_calibration:
        raise ValueError(
            f"{n_calibration} calibration pictures are too few for alpha={alpha}: the threshold is infinite and every "
            f"set holds every class. Use {math.ceil(1 / alpha - 1 - 1e-9)} or more."
        )
    return stats.betabinom(check_count(n_test, "n_test"), k, n_calibration + 1 - k)


def coverage_of_splits(
    probabilities: NDArray,
    labels: NDArray,
    *,
    n_calibration: int,
    alpha: float,
    splits: int = 1000,
    seed: int = 0,
    score: ScoreFunction = lac,
) -> NDArray[np.float64]:
    """Calibrate on a random part of the pictures, measure coverage on the rest, many times over.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on the pool of pictures, none of which it was trained on.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    n_calibration : int
        Pictures to calibrate on in each split, below N.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.
    splits : int
        How many random splits.
    seed : int
        Seed of the splits and of the scores' random part.
    score : callable
        :func:`lac`, :func:`aps`, or another score function.

    Returns
    -------
    numpy.ndarray of float64, shape (splits,)
        Share of the other N - n_calibration pictures whose set holds the truth, split by split. Where no scores tie,
        each is an independent draw from ``coverage_law(n_calibration, N - n_calibration, alpha)``, divided by its n:
        which places of a shuffled row are calibration is all that matters, so reusing one pool costs nothing.

    Raises
    ------
    TypeError, ValueError
        If the rows are not probabilities, labels do not fit, a count is below 1, `alpha` is outside (0, 1), or no
        picture is left to test on.

    Notes
    -----
    A set holds the truth exactly if the truth scores no higher than the threshold, so the sets need not be built.
    """
    rng = np.random.default_rng(seed)
    of_truth = _scores_of_truth(score, probabilities, labels, rng)
    size = len(of_truth)
    if check_count(n_calibration, "n_calibration") >= size:
        raise ValueError(f"n_calibration must be below the {size} pictures there are, got {n_calibration}")
    ordered = np.sort(of_truth)
    result = np.empty(check_count(splits, "splits"))
    for i in range(splits):
        calibration = of_truth[rng.choice(size, n_calibration, replace=False, shuffle=False)]
        threshold = calibrate(calibration, alpha)
        inside = np.searchsorted(ordered, threshold, side="right") - (calibration <= threshold).sum()
        result[i] = inside / (size - n_calibration)
    return result


def _fit(score: ScoreFunction, probabilities: NDArray, labels: NDArray, alpha: float, seed: int) -> ConformalPredictor:
    """Calibrate scores that promise the law of coverage, and say so if ties break it."""
    predictor, of_truth = _calibrated(score, probabilities, labels, alpha, seed)
    ties = int((of_truth == predictor.threshold).sum())
    if ties > 1:
        warnings.warn(
            f"{ties} of {len(of_truth)} calibration scores tie at the threshold, so the sets will cover more than "
            "promised. Compute the probabilities from the logits in double precision: "
            "helpers.uncertainty.softmax(logits).",
            TiesWarning,
            stacklevel=3,
        )
    return predictor


def _calibrated(
    score: ScoreFunction, probabilities: NDArray, labels: NDArray, alpha: float, seed: int
) -> tuple[ConformalPredictor, NDArray[np.float64]]:
    of_truth = _scores_of_truth(score, probabilities, labels, np.random.default_rng([seed, 0]))
    return ConformalPredictor(score, calibrate(of_truth, alpha), float(alpha), len(of_truth), seed), of_truth


def _scores_of_truth(
    score: ScoreFunction, probabilities: NDArray, labels: NDArray, rng: np.random.Generator
) -> NDArray[np.float64]:
    p = check_probabilities(probabilities)
    y = check_labels(labels, len(p), p.shape[1])
    return score(p, rng)[np.arange(len(y)), y]


def _cumulated(
    p: NDArray[np.float64], part: NDArray[np.float64], costs: NDArray[np.float64] | float = 0.0
) -> NDArray[np.float64]:
    """Sum of the probabilities of all likelier classes, a part of the class's own, and what its rank costs."""
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    scores = np.empty_like(p)
    np.put_along_axis(scores, order, before + part[:, None] * ranked + costs, axis=1)
    return scores


def _costs(classes: int, penalty: float, k_reg: int) -> NDArray[np.float64]:
    """What each rank costs, the likeliest class first."""
    if not (np.isfinite(penalty) and penalty >= 0 and k_reg >= 0):
        raise ValueError(f"penalty and k_reg must be at least 0, got {penalty} and {k_reg}")
    return penalty * np.maximum(np.arange(1, classes + 1) - k_reg, 0)


def _check_sets(sets: NDArray) -> NDArray[np.bool_]:
    array = np.asarray(sets)
    if array.dtype != bool:
        raise TypeError(f"sets must be bool, got {array.dtype}. From scores: scores <= threshold")
    if array.ndim != 2 or array.shape[0] == 0:
        raise ValueError(f"sets must have shape (N, K) with N of at least 1, got {array.shape}")
    return array


def _covered(sets: NDArray, labels: NDArray) -> NDArray[np.bool_]:
    array = _check_sets(sets)
    y = check_labels(labels, len(array), array.shape[1])
    return array[np.arange(len(y)), y]
