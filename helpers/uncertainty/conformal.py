"""Conformal prediction sets: every class that is not stranger than the truth usually is.

Split conformal prediction in short: score how strange the true class looks on n calibration pictures; take the k-th
smallest score, k = ceil((n + 1)(1 - alpha)); a set holds every class that scores no higher. If calibration and test
pictures are exchangeable, a set holds the truth with a probability of at least 1 - alpha. In code:
``calibrate(Aps(), p_cal, labels_cal, alpha=0.1).sets(p_test)``.

Everything is computed in float64. With scores that do not tie, the coverage on test pictures follows a law that depends
on n and alpha alone (:func:`coverage_law`). Rounding makes ties: float32 knows no number between 1 - 6e-8 and 1, so the
scores of a sure network tie there, coverage drifts above the law, and converting back to float64 does not bring the
digits back. Give probabilities from :func:`helpers.uncertainty.softmax` of the logits.

All functions refuse, with TypeError or ValueError and a sentence that says what to do, what is not rows of
probabilities, one integer class per row, sets of bool with shape (N, K), an alpha inside (0, 1), a seed or a count.

References
----------
V. Vovk, A. Gammerman and G. Shafer (2005), "Algorithmic learning in a random world".
A. N. Angelopoulos and S. Bates (2023), "Conformal prediction: a gentle introduction".
"""

from __future__ import annotations

import math
import warnings
from dataclasses import KW_ONLY, dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from helpers import intervals
from helpers.contracts import check_count, check_labels, check_probabilities, check_scores, check_seed, check_share
from helpers.intervals import Estimate


class Score(Protocol):
    """How strange each class would be on each picture: what :class:`Lac`, :class:`Aps` and :class:`Raps` are."""

    @property
    def may_tie(self) -> bool:
        """Whether ties at the threshold are in the score's nature, and no reason to warn."""

    def __call__(self, probabilities: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
        """Scores (N, K) of probabilities (N, K); a score that is not randomised leaves `rng` alone."""


@dataclass(frozen=True)
class Lac:
    """Scores of the *least ambiguous set-valued classifier* (LAC, also THR): 1 minus the probability of the class.

    The smallest sets on average, some of them empty. Scores lie in [0, 1].

    References
    ----------
    M. Sadinle, J. Lei and L. Wasserman (2019), "Least ambiguous set-valued classifiers with bounded error levels".
    """

    may_tie = False

    def __call__(self, probabilities: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
        """Scores (N, K) of probabilities (N, K)."""
        return 1 - check_probabilities(probabilities).astype(np.float64)


@dataclass(frozen=True)
class Aps:
    """Scores of *adaptive prediction sets* (APS): the likelier classes' probabilities, and a part of the class's own.

    Sets grow where the picture is hard. Scores lie in [0, 1].

    Attributes
    ----------
    randomised : bool
        Whether that part is drawn, one number per picture. Without it all of the class's own probability counts: a sure
        network's scores crowd, and tie, just below 1, coverage is at least nominal, and sets are long.

    References
    ----------
    Y. Romano, M. Sesia and E. J. Candès (2020), "Classification with valid and adaptive coverage".
    """

    _: KW_ONLY
    randomised: bool = True

    @property
    def may_tie(self) -> bool:
        """Only without the random part."""
        return not self.randomised

    def __call__(self, probabilities: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
        """Scores (N, K) of probabilities (N, K)."""
        p = check_probabilities(probabilities).astype(np.float64)
        part = rng.random(len(p)) if self.randomised else np.ones(len(p))
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, axis=1)
        before = np.cumsum(ranked, axis=1) - ranked
        scores = np.empty_like(p)
        np.put_along_axis(scores, order, before + part[:, None] * ranked + self._costs(p.shape[1]), axis=1)
        return scores

    def _costs(self, classes: int) -> NDArray[np.float64]:
        """What each rank costs, the likeliest class first."""
        return np.zeros(classes)


@dataclass(frozen=True)
class Raps(Aps):
    """Scores of *regularised* adaptive prediction sets (RAPS): APS and a price for every class after the first few.

    Scores lie in [0, 1 + penalty * K].

    Attributes
    ----------
    penalty : float
        What each class after the first `k_reg` costs, at least 0 (lambda in the paper); 0 is APS. To tune it, use
        pictures that are in neither the calibration nor the test split.
    k_reg : int
        How many classes are free, at least 0.

    References
    ----------
    A. N. Angelopoulos, S. Bates, J. Malik and M. I. Jordan (2021), "Uncertainty sets for image classifiers using
    conformal prediction".
    """

    penalty: float = 0.1
    k_reg: int = 1

    def __post_init__(self) -> None:
        whole = isinstance(self.k_reg, int | np.integer)
        if not (np.isfinite(self.penalty) and self.penalty >= 0 and whole and self.k_reg >= 0):
            raise ValueError(
                "penalty must be a number and k_reg a whole number, both at least 0, "
                f"got penalty={self.penalty}, k_reg={self.k_reg}"
            )

    def _costs(self, classes: int) -> NDArray[np.float64]:
        return self.penalty * np.maximum(np.arange(1, classes + 1) - self.k_reg, 0)


class TiesWarning(RuntimeWarning):
    """Calibration scores tie at the threshold: coverage exceeds its law."""


@dataclass(frozen=True)
class ConformalPredictor:
    """A calibrated rule that turns probabilities into sets of classes.

    Attributes
    ----------
    score : Score
        How strange each class is.
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

    score: Score
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
        """
        # The 1 keeps this stream apart from the one that calibration drew from, even when the seeds are equal.
        rng = np.random.default_rng([self.seed if seed is None else check_seed(seed), 1])
        scores = self.score(probabilities, rng)
        if np.ndim(self.threshold) and np.size(self.threshold) != scores.shape[1]:
            raise ValueError(f"calibrated on {np.size(self.threshold)} classes, got probabilities of {scores.shape[1]}")
        if np.isnan(scores).any():
            raise ValueError("scores must be numbers, got NaN; a set of NaN would silently be empty")
        return scores <= self.threshold


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
    """
    exact = (check_count(n, "n") + 1) * (1 - check_share(alpha, "alpha"))
    return max(1, math.ceil(exact - 1e-9))  # what should be 46 and comes out as 46.00000000000001 is 46


def conformal_quantile(scores: ArrayLike, alpha: float) -> float:
    """The threshold: the k-th smallest score of the true classes, k being the :func:`quantile_rank`.

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
    """
    array = check_scores(scores)
    rank = quantile_rank(array.size, alpha)
    return float(np.partition(array, rank - 1)[rank - 1]) if rank <= array.size else math.inf


def calibrate(
    score: Score, probabilities: NDArray, labels: NDArray, alpha: float, *, seed: int = 0, by_class: bool = False
) -> ConformalPredictor:
    """Find the threshold of a score on calibration pictures.

    Parameters
    ----------
    score : Score
        :class:`Lac`, :class:`Aps` or :class:`Raps`, or another of their kind.
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said on calibration pictures, best in float64 from :func:`helpers.uncertainty.softmax`.
    labels : numpy.ndarray of int, shape (N,)
        Their classes.
    alpha : float, in (0, 1)
        Share of sets that may miss the truth.
    seed : int
        Seed of the random part.
    by_class : bool
        Whether each class gets a threshold of its own (*Mondrian*), so that the promise holds class by class. A class
        with fewer than about 1/alpha calibration pictures then enters every set.

    Returns
    -------
    ConformalPredictor
        Its `sets` method turns probabilities into sets.

    Warns
    -----
    TiesWarning
        If several calibration scores tie at a threshold, so that coverage will exceed its law, and the score is none
        that :attr:`~Score.may_tie`.

    References
    ----------
    V. Vovk, D. Lindsay, I. Nouretdinov and A. Gammerman (2003), "Mondrian confidence machine".
    """
    of_truth, y, classes = _scores_of_truth(score, probabilities, labels, np.random.default_rng([check_seed(seed), 0]))
    group, groups = (y, classes) if by_class else (np.zeros_like(y), 1)
    parts = [of_truth[group == g] for g in range(groups)]
    thresholds = np.array([conformal_quantile(part, alpha) if part.size else math.inf for part in parts])
    ties = int(np.bincount(group[of_truth == thresholds[group]], minlength=1).max())
    if ties > 1 and not score.may_tie:
        warnings.warn(
            f"{ties} of {len(y)} calibration scores tie at the threshold, so the sets will cover more than promised. "
            "Compute the probabilities from the logits in double precision: helpers.uncertainty.softmax(logits).",
            TiesWarning,
            stacklevel=2,
        )
    return ConformalPredictor(
        score, thresholds if by_class else float(thresholds[0]), float(alpha), len(y), check_seed(seed)
    )


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
        Calibration pictures.
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
        If n is too small for a finite threshold (every set then holds every class, and nothing is random).

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
    score: Score,
    probabilities: NDArray,
    labels: NDArray,
    alpha: float,
    *,
    n_calibration: int,
    splits: int = 1000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Calibrate on a random part of the pictures, measure coverage on the rest, many times over.

    Parameters
    ----------
    score, probabilities, labels, alpha
        As for :func:`calibrate`, of a pool of N pictures, on none of which the model was trained.
    n_calibration : int
        Pictures to calibrate on in each split, below N.
    splits : int
        How many random splits.
    seed : int
        Seed of the splits and of the score's random part.

    Returns
    -------
    numpy.ndarray of float64, shape (splits,)
        Share of the other N - n_calibration pictures whose set holds the truth, split by split. Where no scores tie,
        each is an independent draw from ``coverage_law(n_calibration, N - n_calibration, alpha)``, divided by its n:
        which places of a shuffled row are calibration is all that matters, so reusing one pool costs nothing.
    """
    rng = np.random.default_rng(check_seed(seed))
    of_truth, _, _ = _scores_of_truth(score, probabilities, labels, rng)
    size = len(of_truth)
    if check_count(n_calibration, "n_calibration") >= size:
        raise ValueError(f"n_calibration must be below the {size} pictures there are, got {n_calibration}")
    ordered = np.sort(of_truth)
    result = np.empty(check_count(splits, "splits"))
    for i in range(splits):
        # A set holds the truth exactly if the truth scores no higher than the threshold: no set needs to be built.
        calibration = of_truth[rng.choice(size, n_calibration, replace=False, shuffle=False)]
        threshold = conformal_quantile(calibration, alpha)
        inside = np.searchsorted(ordered, threshold, side="right") - (calibration <= threshold).sum()
        result[i] = inside / (size - n_calibration)
    return result


def _scores_of_truth(
    score: Score, probabilities: NDArray, labels: NDArray, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Score of each picture's true class; the labels, checked; how many classes there are."""
    p = check_probabilities(probabilities)
    y = check_labels(labels, len(p), p.shape[1])
    return score(p, rng)[np.arange(len(y)), y], y, p.shape[1]


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
