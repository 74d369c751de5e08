"""Mitigations: weights for training, thresholds by group, and a fair classifier on embeddings.

The last two are Fairlearn's. What it lacks and is added here (seen in Fairlearn 0.15): weights that make label and
group independent; scores and embeddings as plain arrays; the two probabilities of one person's answers in public; a
refusal of a group that was not there when the thresholds were fitted (Fairlearn answers no to all of it, in silence),
of a group with one class (it refuses it for thresholds, and takes it for its classifier); a mean over many draws of the
lot, with an interval; and a seed that must be given.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from helpers.contracts import LARGEST_SEED, check_count, check_scores, check_seed, check_share
from helpers.fairness.grouping import Grouping, Groups, grouping
from helpers.fairness.rates import check_decisions
from helpers.intervals import Estimate

if TYPE_CHECKING:
    from fairlearn.postprocessing import ThresholdOptimizer
    from fairlearn.reductions import ExponentiatedGradient

Constraint = Literal["demographic_parity", "equalized_odds", "true_positive_rate_parity", "false_positive_rate_parity"]
"""What is to be alike in all groups: how many are selected, both error rates, or one of them."""
Decide = Callable[[int], NDArray[np.int64]]
"""A rule on given pictures: a seed to one answer for each; the same answers always where nothing is drawn by lot."""


def balancing_weights(labels: ArrayLike, groups: Groups) -> NDArray[np.float64]:
    """Weights under which group and label are independent, for training.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Classes of the training pictures.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        Their groups.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        P(group) P(label) / P(group, label), the shares as they are in these pictures. With these weights every group
        has the base rate of all. They sum to N where every group has every class.

    Raises
    ------
    TypeError, ValueError
        If labels or groups are none.

    Warns
    -----
    UserWarning
        If a group lacks a class: no weight brings it there.

    References
    ----------
    F. Kamiran and T. Calders (2012), "Data preprocessing techniques for classification without discrimination".
    """
    truth, _ = check_decisions(labels, labels, "accuracy")
    found = grouping(groups, len(truth))
    classes, label = np.unique(truth, return_inverse=True)
    cells = np.zeros((len(found.names), len(classes)))
    np.add.at(cells, (found.codes, label), 1)
    lacking = [found.names[each] for each in np.flatnonzero((cells == 0).any(axis=1) & (found.sizes > 0))]
    if lacking:
        message = (
            f"no picture of some class in {', '.join(map(repr, lacking))}: weights cannot balance what is not there"
        )
        warnings.warn(message + ". Collect such pictures.", UserWarning, stacklevel=2)
    expected = cells.sum(axis=1, keepdims=True) * cells.sum(axis=0) / len(truth)
    return (expected[found.codes, label] / cells[found.codes, label]).astype(np.float64)


def draw_decisions(probabilities: ArrayLike, *, seed: int) -> NDArray[np.int64]:
    """Answers of a randomised rule, drawn once for each person.

    Parameters
    ----------
    probabilities : array_like of float, shape (N, 2)
        Of no and yes, from :meth:`FairThresholds.probabilities` or :meth:`FairClassifier.probabilities`.
    seed : int
        Seed of the drawing. Another one gives some people another answer.

    Returns
    -------
    numpy.ndarray of int64, shape (N,)
        0 or 1.

    Raises
    ------
    ValueError
        If the seed is none, or there are not two columns of probabilities.
    """
    rng = np.random.default_rng(check_seed(seed))
    chances = np.asarray(probabilities, dtype=np.float64)
    if chances.ndim != 2 or chances.shape[1] != 2 or not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError(f"probabilities must have shape (N, 2), of no and yes, in [0, 1], got {chances.shape}")
    return (rng.random(len(chances)) < chances[:, 1]).astype(np.int64)


def mean_over_draws(
    measure: Callable[[NDArray[np.int64]], Estimate], decide: Decide, *, seed: int = 0, draws: int = 20
) -> Estimate:
    """What a randomised rule comes to, whatever the lot: a measure of its answers, mean of many draws.

    Parameters
    ----------
    measure : callable
        Answers of shape (N,) to an Estimate: ``lambda answers: proportion(answers == labels)``.
    decide : callable
        A seed to answers: ``lambda seed: thresholds.decide(scores, groups, seed=seed)``.
    seed : int
        Seed of the draws' own seeds.
    draws : int
        How many.

    Returns
    -------
    Estimate
        Means of the values and of both ends. Each draw's interval is for that draw's answers, lot included; the mean
        varies less than one draw does, so its interval is a little wide. n is that of one draw: other lots are not
        other people.

    Raises
    ------
    ValueError
        If the seed or the number of draws is none.
    """
    found = [measure(decide(each)) for each in draw_seeds(seed, draws)]
    value, low, high = np.mean([each[:3] for each in found], axis=0)
    return Estimate(float(value), float(low), float(high), found[0].n)


def draw_seeds(seed: int, n: int, stream: int = 0) -> list[int]:
    """Seeds of n draws.

    Parameters
    ----------
    seed : int
        Where they come from.
    n : int
        How many, at least 1.
    stream : int
        Another one gives other seeds from the same seed: whoever checks a report draws what it has not drawn.

    Returns
    -------
    list of int
        Each a seed.

    Raises
    ------
    ValueError
        If the seed or the number is none.
    """
    rng = np.random.default_rng((check_seed(seed), stream))
    return [int(each) for each in rng.integers(0, LARGEST_SEED, check_count(n, "draws"))]


@dataclass(frozen=True)
class FairThresholds:
    """Thresholds by group, some drawn by lot: from :func:`fit_thresholds`.

    Attributes
    ----------
    optimizer : fairlearn.postprocessing.ThresholdOptimizer
        Fitted.
    groups : tuple of str
        The groups that it knows.
    """

    optimizer: ThresholdOptimizer
    groups: tuple[str, ...]

    def probabilities(self, scores: ArrayLike, groups: Groups) -> NDArray[np.float64]:
        """How likely each person is to hear no and yes.

        Parameters
        ----------
        scores : array_like of float, shape (N,)
            The model's scores; higher is surer of yes.
        groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
            Each person's group.

        Returns
        -------
        numpy.ndarray of float64, shape (N, 2)
            Rows sum to 1. Strictly between 0 and 1 for whoever gets an answer by lot.

        Raises
        ------
        ValueError
            If scores or groups are none, or a group was not there at fitting.
        """
        values = check_scores(scores)
        found = grouping(groups, len(values))
        unknown = [found.names[each] for each in np.flatnonzero(found.sizes) if found.names[each] not in self.groups]
        if unknown:
            raise ValueError(
                f"no thresholds were fitted for group {unknown[0]!r}; there are {', '.join(self.groups)}. Fit them on "
                "calibration pictures that hold every group."
            )
        yes = np.zeros(len(values))
        for name, lot in self.optimizer.interpolated_thresholder_.interpolation_dict.items():
            rows = found.labels == name
            chance = lot.p0 * lot.operation0(values[rows]) + lot.p1 * lot.operation1(values[rows])
            ignored = lot.get("p_ignore", 0.0)
            yes[rows] = ignored * lot.get("prediction_constant", 0.0) + (1 - ignored) * chance
        yes = np.clip(yes, 0, 1)
        return np.stack([1 - yes, yes], axis=1)

    def decide(self, scores: ArrayLike, groups: Groups, *, seed: int) -> NDArray[np.int64]:
        """One draw of everybody's answer; see :func:`draw_decisions`.

        Parameters
        ----------
        scores, groups
            As for :meth:`probabilities`.
        seed : int
            Seed of the drawing.

        Returns
        -------
        numpy.ndarray of int64, shape (N,)
            0 or 1.
        """
        check_seed(seed)
        return draw_decisions(self.probabilities(scores, groups), seed=seed)


def fit_thresholds(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: Groups,
    *,
    constraint: Constraint = "equalized_odds",
    objective: Literal["accuracy_score", "balanced_accuracy_score"] = "accuracy_score",
) -> FairThresholds:
    """Thresholds by group that make rates alike, by Fairlearn's ThresholdOptimizer.

    Parameters
    ----------
    scores : array_like of float, shape (N,)
        A model's scores on calibration pictures, which neither trained it nor judge it afterwards.
    labels : array_like of int, shape (N,)
        0 or 1; both in every group.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        Their groups. The rule asks for everybody's group when it decides, too.
    constraint : str
        What is to be alike.
    objective : {"accuracy_score", "balanced_accuracy_score"}
        What is best under that constraint.

    Returns
    -------
    FairThresholds
        The rule. It is randomised: the rates are alike because some people's answers are drawn by lot.

    Raises
    ------
    ValueError
        If a group has one class alone; or for scores, labels and groups that are none.

    References
    ----------
    M. Hardt, E. Price and N. Srebro (2016), "Equality of opportunity in supervised learning".
    """
    values = check_scores(scores)
    truth, found = _fitted_on(labels, groups, len(values))
    from fairlearn.postprocessing import ThresholdOptimizer

    optimizer = ThresholdOptimizer(
        estimator=_GivenScores(), constraints=constraint, objective=objective, prefit=True, predict_method="predict"
    )
    optimizer.fit(values[:, None], truth, sensitive_features=found.labels)
    return FairThresholds(optimizer, tuple(found.names[each] for each in np.flatnonzero(found.sizes)))


@dataclass(frozen=True)
class FairClassifier:
    """Several classifiers, one of which is drawn for each answer: from :func:`fit_fair_classifier`.

    Attributes
    ----------
    reduction : fairlearn.reductions.ExponentiatedGradient
        Fitted.
    features : int
        Numbers in each embedding.
    """

    reduction: ExponentiatedGradient
    features: int

    def probabilities(self, embeddings: ArrayLike) -> NDArray[np.float64]:
        """How likely each person is to hear no and yes; nobody's group is asked for.

        Parameters
        ----------
        embeddings : array_like of float, shape (N, D)
            What the classifier reads of each picture.

        Returns
        -------
        numpy.ndarray of float64, shape (N, 2)
            Rows sum to 1.

        Raises
        ------
        ValueError
            If the embeddings are other than those fitted on.
        """
        rows = _check_embeddings(embeddings, self.features)
        yes = np.zeros(len(rows))
        for drawn, weight in self.reduction.weights_.items():
            if weight > 0:
                yes += weight * np.asarray(self.reduction.predictors_[drawn].predict(rows))
        yes = np.clip(yes, 0, 1)
        return np.stack([1 - yes, yes], axis=1)

    def decide(self, embeddings: ArrayLike, *, seed: int) -> NDArray[np.int64]:
        """One draw of everybody's answer; see :func:`draw_decisions`.

        Parameters
        ----------
        embeddings : array_like of float, shape (N, D)
            What the classifier reads of each picture.
        seed : int
            Seed of the drawing.

        Returns
        -------
        numpy.ndarray of int64, shape (N,)
            0 or 1.
        """
        check_seed(seed)
        return draw_decisions(self.probabilities(embeddings), seed=seed)


def fit_fair_classifier(
    embeddings: ArrayLike,
    labels: ArrayLike,
    groups: Groups,
    *,
    constraint: Constraint = "equalized_odds",
    bound: float = 0.02,
    estimator: BaseEstimator | None = None,
    most_fits: int = 50,
) -> FairClassifier:
    """A linear classifier on embeddings under a fairness constraint, by Fairlearn's ExponentiatedGradient.

    Parameters
    ----------
    embeddings : array_like of float, shape (N, D)
        What a network makes of each picture, on pictures that do not judge the result afterwards.
    labels : array_like of int, shape (N,)
        0 or 1; both in every group.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        Their groups; not asked for when it decides.
    constraint : str
        What is to be alike.
    bound : float, in (0, 1)
        By how much a group may differ from all on these pictures.
    estimator : scikit-learn classifier, optional
        What is fitted again and again with weights; logistic regression if not given.
    most_fits : int
        Iterations at most.

    Returns
    -------
    FairClassifier
        The rule, randomised where more than one classifier has a weight.

    Raises
    ------
    ValueError
        If a group has one class alone, or the constraint is unknown; or for embeddings, labels and groups that are
        none.

    References
    ----------
    A. Agarwal, A. Beygelzimer, M. Dudík, J. Langford and H. Wallach (2018), "A reductions approach to fair
    classification".
    """
    rows = _check_embeddings(embeddings)
    truth, found = _fitted_on(labels, groups, len(rows))
    check_share(bound, "bound")
    from fairlearn import reductions
    from sklearn.linear_model import LogisticRegression

    moments = {
        "demographic_parity": reductions.DemographicParity,
        "equalized_odds": reductions.EqualizedOdds,
        "true_positive_rate_parity": reductions.TruePositiveRateParity,
        "false_positive_rate_parity": reductions.FalsePositiveRateParity,
    }
    if constraint not in moments:
        raise ValueError(f"there is no constraint {constraint!r}; there are {', '.join(moments)}")
    reduction = reductions.ExponentiatedGradient(
        LogisticRegression(max_iter=1000) if estimator is None else estimator,
        moments[constraint](difference_bound=bound),
        max_iter=check_count(most_fits, "most_fits"),
    )
    with warnings.catch_warnings():
        # Fairlearn 0.15 adds to Series in a way that pandas is going to drop; nothing that a caller could mend.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"fairlearn\.")
        reduction.fit(rows, truth, sensitive_features=found.labels)
    return FairClassifier(reduction, rows.shape[1])


class _GivenScores(BaseEstimator):
    """What ThresholdOptimizer asks for as a model, where the scores are there already: it hands on its one column."""

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> _GivenScores:
        """Nothing to fit."""
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The scores."""
        return np.asarray(X)[:, 0]


def _fitted_on(labels: ArrayLike, groups: Groups, n: int) -> tuple[NDArray[np.int64], Grouping]:
    truth, _ = check_decisions(labels, labels, "base_rate")
    if len(truth) != n:
        raise ValueError(f"labels must have shape ({n},), one per picture, got {truth.shape}")
    found = grouping(groups, n)
    positives = np.bincount(found.codes, truth, len(found.names))
    single = np.flatnonzero((found.sizes > 0) & ((positives == 0) | (positives == found.sizes)))
    if len(single):
        raise ValueError(
            f"group {found.names[single[0]]!r} has one class alone ({found.sizes[single[0]]} pictures), so nothing can "
            "be said of its errors. Fit on more pictures, or merge groups beforehand and say so."
        )
    return truth, found


def _check_embeddings(embeddings: ArrayLike, features: int | None = None) -> NDArray[np.float64]:
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2 or not rows.size or (features is not None and rows.shape[1] != features):
        raise ValueError(f"embeddings must have shape (N, {'D' if features is None else features}), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError("embeddings must be finite, got NaN or infinity; look at the model's weights")
    return rows
