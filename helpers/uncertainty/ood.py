"""Is this even a picture for the model? Out-of-distribution scores and how well they tell.

Every score is **higher for stranger pictures**. A detector accepts a picture that scores no higher than its threshold.
As the literature does for "FPR at 95% TPR", in-distribution counts as positive there: the true positive rate is the
share of our own pictures that are accepted, the false positive rate the share of strangers that are.

All functions refuse, with TypeError or ValueError and a sentence that says what to do, what is not rows of
probabilities, finite logits or embeddings (N, D), finite scores (N,), one integer class per row, a share or a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special, stats
from scipy.spatial.distance import cdist

from helpers import intervals
from helpers.contracts import check_count, check_labels, check_logits, check_probabilities, check_scores, check_share
from helpers.intervals import Estimate

if TYPE_CHECKING:
    import sklearn.neighbors

_LEAST_SHRINKAGE = 1e-6
_ROUNDING = 64 * np.finfo(float).eps  # of its largest value: what a feature's mean over equal numbers may be off


def max_softmax_score(probabilities: NDArray) -> NDArray[np.float64]:
    """1 minus the largest probability.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What the model said, best in float64 from :func:`helpers.uncertainty.softmax`, where sure answers do not tie.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        Strangeness, 0 to 1 - 1/K.

    References
    ----------
    D. Hendrycks and K. Gimpel (2017), "A baseline for detecting misclassified and out-of-distribution examples in
    neural networks".
    """
    return 1 - check_probabilities(probabilities).max(axis=1).astype(np.float64)


def energy_score(logits: ArrayLike) -> NDArray[np.float64]:
    """The energy of the logits: minus the logarithm of the sum of their exponentials.

    Parameters
    ----------
    logits : array_like of float, shape (N, K)
        A model's last numbers before its softmax.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        Strangeness, on the scale of the logits.

    References
    ----------
    W. Liu, X. Wang, J. D. Owens and Y. Li (2020), "Energy-based out-of-distribution detection".
    """
    return -special.logsumexp(check_logits(logits), axis=1)


@dataclass(frozen=True)
class Mahalanobis:
    """Distance to the nearest class mean, in units of the spread that the classes share.

    Attributes
    ----------
    means : numpy.ndarray of float64, shape (K, D)
        Mean embedding of each class that was there.
    whitening : numpy.ndarray of float64, shape (D, D)
        Turns embeddings into coordinates where the shared covariance is the identity.

    References
    ----------
    K. Lee, K. Lee, H. Lee and J. Shin (2018), "A simple unified framework for detecting out-of-distribution samples and
    adversarial attacks". O. Ledoit and M. Wolf (2004), "A well-conditioned estimator for large-dimensional covariance
    matrices".
    """

    means: NDArray[np.float64]
    whitening: NDArray[np.float64]

    @classmethod
    def fit(cls, embeddings: ArrayLike, labels: NDArray) -> Mahalanobis:
        """Learn the class means and the shared covariance from training pictures.

        Parameters
        ----------
        embeddings : array_like of float, shape (N, D)
            Features before the last layer.
        labels : numpy.ndarray of int, shape (N,)
            Classes of the pictures.

        Returns
        -------
        Mahalanobis
            Its `score` method takes embeddings.

        Raises
        ------
        ValueError
            If the embeddings do not vary within any class, or by numbers beyond double precision.

        Notes
        -----
        The covariance is shrunk towards a sphere after Ledoit and Wolf, by a millionth at least: where they find
        nothing to shrink (two pictures, one feature that is on or off), what never varied in training would have no
        inverse. With that, features that are always off, features that are copies of others, classes of one picture and
        fewer pictures than features do no harm; a picture in which such a feature moves is very strange, and no error.
        """
        x = check_logits(embeddings, "embeddings")
        present, of_class = np.unique(check_labels(labels, len(x)), return_inverse=True)
        largest = np.abs(x).max(axis=0)
        safe = np.where(largest > 0, largest, 1)  # means of shares of the largest neither overflow nor vanish
        means = np.stack([(x[of_class == k] / safe).mean(axis=0) for k in range(len(present))]) * safe
        with np.errstate(over="ignore"):
            residuals = x - means[of_class]
        residuals[np.abs(residuals) <= _ROUNDING * largest] = 0
        covariance, scale = _shared_covariance(residuals)
        factor = linalg.cholesky(covariance, lower=True)
        with np.errstate(over="ignore"):
            whitening = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).T / scale
        if not np.isfinite(whitening).all():
            raise ValueError(
                f"embeddings vary by {scale:.3g} within a class, too little for double precision: multiply them"
            )
        return cls(means, whitening)

    def score(self, embeddings: ArrayLike) -> NDArray[np.float64]:
        """Squared distance to the nearest class mean.

        Parameters
        ----------
        embeddings : array_like of float, shape (N, D)
            Features of the pictures in question.

        Returns
        -------
        numpy.ndarray of float64, shape (N,)
            Strangeness, at least 0.
        """
        x = _check_width(embeddings, self.means.shape[1])
        return cdist(x @ self.whitening, self.means @ self.whitening, "sqeuclidean").min(axis=1)


@dataclass(frozen=True)
class NearestNeighbours:
    """Distance to the k-th nearest training picture, among embeddings brought to length 1.

    Attributes
    ----------
    index : sklearn.neighbors.NearestNeighbors
        The training embeddings.
    k : int
        Which neighbour counts.
    width : int
        Number of features.

    References
    ----------
    Y. Sun, Y. Ming, X. Zhu and Y. Li (2022), "Out-of-distribution detection with deep nearest neighbors".
    """

    index: sklearn.neighbors.NearestNeighbors
    k: int
    width: int

    @classmethod
    def fit(cls, embeddings: ArrayLike, k: int = 10) -> NearestNeighbours:
        """Remember the training embeddings.

        Parameters
        ----------
        embeddings : array_like of float, shape (N, D)
            Features before the last layer, of training pictures.
        k : int
            Which neighbour counts, 1 to N.

        Returns
        -------
        NearestNeighbours
            Its `score` method takes embeddings of other pictures (a training picture finds itself).
        """
        from sklearn.neighbors import NearestNeighbors

        x = check_logits(embeddings, "embeddings")
        if check_count(k, "k") > len(x):
            raise ValueError(f"k must be at most the {len(x)} training pictures, got {k}")
        return cls(NearestNeighbors(n_neighbors=k, algorithm="brute").fit(_unit(x)), k, x.shape[1])

    def score(self, embeddings: ArrayLike) -> NDArray[np.float64]:
        """Distance to the k-th nearest training embedding.

        Parameters
        ----------
        embeddings : array_like of float, shape (N, D)
            Features of the pictures in question.

        Returns
        -------
        numpy.ndarray of float64, shape (N,)
            Strangeness, 0 to 2.
        """
        distances, _ = self.index.kneighbors(_unit(_check_width(embeddings, self.width)))
        return distances[:, -1]


def auroc(in_scores: ArrayLike, out_scores: ArrayLike) -> Estimate:
    """Chance that a stranger scores higher than one of our own pictures, ties counted half.

    Parameters
    ----------
    in_scores : array_like of float, shape (N,)
        Scores of in-distribution pictures; at least 2.
    out_scores : array_like of float, shape (M,)
        Scores of strangers; at least 2.

    Returns
    -------
    Estimate
        Area under the ROC curve in [0, 1]; 0.5 is guessing, and below it the score is upside down. The 95% interval is
        DeLong's, taken on the logit scale so that it stays inside [0, 1]; n counts both kinds of pictures.

    Notes
    -----
    Scores that separate perfectly have a DeLong variance of 0. The interval is then Wilson's for min(N, M) hits out of
    as many: pairing each picture with another one of the other kind gives that many independent comparisons.

    References
    ----------
    E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson (1988), "Comparing the areas under two or more correlated
    receiver operating characteristic curves".
    """
    ours, strangers = check_scores(in_scores, "in_scores"), check_scores(out_scores, "out_scores")
    if min(len(ours), len(strangers)) < 2:
        raise ValueError(
            f"an interval needs 2 or more of each, got {len(ours)} in_scores and {len(strangers)} out_scores"
        )
    of_ours = 1 - _placement(ours, strangers)
    of_strangers = _placement(strangers, ours)
    area, n = float(of_strangers.mean()), len(ours) + len(strangers)
    variance = of_ours.var(ddof=1) / len(ours) + of_strangers.var(ddof=1) / len(strangers)
    if variance == 0:
        smaller = min(len(ours), len(strangers))
        low, high = stats.binomtest(round(area * smaller), smaller).proportion_ci(method="wilson")
        return Estimate(area, float(low), float(high), n)
    margin = stats.norm.ppf(0.975) * np.sqrt(variance) / (area * (1 - area))
    low, high = special.expit(special.logit(area) + np.array([-margin, margin]))
    return Estimate(area, float(low), float(high), n)


def threshold_for_tpr(calibration_scores: ArrayLike, tpr: float = 0.95) -> float:
    """The lowest threshold that accepts this share of our own pictures.

    Parameters
    ----------
    calibration_scores : array_like of float, shape (N,)
        Scores of in-distribution pictures of the calibration split. A threshold chosen on strangers, or on the pictures
        it is judged on, flatters.
    tpr : float, in (0, 1)
        Share of them to accept.

    Returns
    -------
    float
        Accept what scores no higher.
    """
    scores = check_scores(calibration_scores, "calibration_scores")
    rank = int(np.ceil(check_share(tpr, "tpr") * len(scores) - 1e-9))
    return float(np.partition(scores, rank - 1)[rank - 1])


def fpr_at_tpr(calibration_scores: ArrayLike, out_scores: ArrayLike, tpr: float = 0.95) -> Estimate:
    """Share of strangers that get in when the threshold lets in this share of our own pictures.

    Parameters
    ----------
    calibration_scores : array_like of float, shape (N,)
        Scores of in-distribution pictures of the calibration split: they choose the threshold.
    out_scores : array_like of float, shape (M,)
        Scores of strangers.
    tpr : float, in (0, 1)
        Share of our own pictures to accept.

    Returns
    -------
    Estimate
        Share of strangers accepted, lower is better, with its 95% Wilson interval and n = M. The interval takes the
        threshold as given.

    References
    ----------
    S. Liang, Y. Li and R. Srikant (2018), "Enhancing the reliability of out-of-distribution image detection in neural
    networks".
    """
    threshold = threshold_for_tpr(calibration_scores, tpr)
    return intervals.proportion(check_scores(out_scores, "out_scores") <= threshold)


def _placement(scores: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the others that each score beats, ties counted half."""
    ordered = np.sort(others)
    below, up_to = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return (below + up_to) / (2 * len(others))


def _shared_covariance(residuals: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Shrunk covariance of residuals that are divided by one scale, and that scale."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    largest = float(np.abs(residuals).max())
    if not largest > 0:
        raise ValueError("embeddings do not vary within any class. Is the model trained, and is this the right layer?")
    if not np.isfinite(largest):
        raise ValueError("embeddings lie too far apart for double precision: divide them by a number")
    # One scale for all features keeps the arithmetic away from overflow and underflow.
    residuals = residuals / largest
    size = float(np.sqrt(np.square(residuals).mean()))
    residuals /= size
    shrinkage = max(float(ledoit_wolf_shrinkage(residuals, assume_centered=True)), _LEAST_SHRINKAGE)
    covariance = residuals.T @ residuals / len(residuals)
    sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return (1 - shrinkage) * covariance + shrinkage * sphere, size * largest


def _unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # Features that are all off stay at the origin; the largest first, because squares of 1e200 are no numbers.
    largest = np.abs(x).max(axis=1, keepdims=True)
    x = x / np.where(largest > 0, largest, 1)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(float).tiny)


def _check_width(embeddings: ArrayLike, width: int) -> NDArray[np.float64]:
    x = check_logits(embeddings, "embeddings")
    if x.shape[1] != width:
        raise ValueError(f"embeddings must have the {width} features of the training pictures, got {x.shape[1]}")
    return x
