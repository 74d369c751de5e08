"""Membership inference: was this picture in the training set? Scores, their strength, and what privacy allows at most.

Everything here is about M models and N pictures: row i of an array belongs to model i, column j to picture j, and
``membership`` says which picture was in the training set of which model. A score is larger where its attack holds
membership for more likely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_count, check_labels, check_probabilities, check_seed, check_share
from helpers.intervals import Estimate

Scores = NDArray[np.float64]
Membership = NDArray[np.bool_]

FEW_MODELS = 64
"""With fewer models than this, half of them with each picture, a spread of its own for each picture is too noisy."""

_SMALLEST_PROBABILITY = float(np.finfo(np.float32).smallest_subnormal)  # what a float32 softmax can say at least
_SMALLEST_VARIANCE = 1e-12  # where networks agree to the last digit: scores stay finite
_PERCENT, _PERMILLE = 0.01, 0.001
_FEWEST_NON_MEMBERS = 1000  # fewer, and one false alarm is more than 0.1% of them
_FEWEST_PICTURES = 30  # fewer, and a resample may hold none of them


# ---- scores


def logit_confidence(probabilities: ArrayLike, labels: ArrayLike) -> Scores:
    """How sure a model is of the true class, on the scale where LiRA's normal laws fit: log(p / (1 - p)).

    Parameters
    ----------
    probabilities : array_like of float, shape (N, K)
        What the model says, from a softmax.
    labels : array_like of int, shape (N,)
        True class of each picture.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        In nats, within -104 to 104. 1 - p is summed from the other classes, because a float32 p near 1 has lost it.

    Raises
    ------
    TypeError, ValueError
        If the rows are no probabilities, or the labels do not fit.

    References
    ----------
    N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis and F. Tramèr (2022), "Membership inference attacks from first
    principles": the logit scale.
    """
    array = check_probabilities(np.asarray(probabilities)).astype(np.float64)
    wanted = check_labels(np.asarray(labels), len(array), array.shape[1])[:, None]
    of_truth = np.take_along_axis(array, wanted, axis=1)[:, 0]
    np.put_along_axis(array, wanted, 0.0, axis=1)
    of_others = array.sum(axis=1)
    return np.log(np.maximum(of_truth, _SMALLEST_PROBABILITY)) - np.log(np.maximum(of_others, _SMALLEST_PROBABILITY))


def loss_threshold(confidences: ArrayLike) -> Scores:
    """The oldest attack: whoever has a small loss was learned from.

    Parameters
    ----------
    confidences : array_like of float, any shape
        From :func:`logit_confidence`.

    Returns
    -------
    numpy.ndarray of float64, the same shape
        Scores: minus the cross-entropy loss of the true class, in nats, at most 0.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or there is none.

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson and S. Jha (2018), "Privacy risk in machine learning: analyzing the connection
    to overfitting".
    """
    return -np.logaddexp(0.0, -_finite(confidences, "confidences"))


def lira(confidences: ArrayLike, membership: ArrayLike) -> Scores:
    """The likelihood-ratio attack, with every model as target in turn and all others as its shadow models.

    For each picture, the other models that learned from it give one normal law of confidence and those that did not
    give another. The score is the log of the ratio of the two at the target's confidence. Nothing of the target is in
    its own fit. Where a picture is in or out of fewer than half of :data:`FEW_MODELS` models, one variance is shared by
    all pictures (one for in, one for out), as each picture has too few to fit its own.

    One thing is added to the paper's algorithm. Where each picture is in half of the models, 8 of 16, a target that
    learned from it leaves 7 with it and 8 without, and any other 8 and 7: the mean of fewer models is less certain, so
    members would score lower for a reason that is no memory (an AUC of 0.492 where nothing leaks). Here a distance is
    measured by the spread around the mean of n models, the variance times 1 + 1/n, which is even on both sides.

    Parameters
    ----------
    confidences : array_like of float, shape (M, N)
        From :func:`logit_confidence`, M models on N pictures.
    membership : array_like of bool, shape (M, N)
        Which picture each model learned from; each picture at least two models with and two without.

    Returns
    -------
    numpy.ndarray of float64, shape (M, N)
        Log-likelihood ratios, in nats.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a value is not finite, a picture has too few models with it or without it, or there are too
        few models for a variance.

    References
    ----------
    N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis and F. Tramèr (2022), "Membership inference attacks from first
    principles", algorithm 1; and its one variance for all where shadow models are few.
    """
    values, member = _models_and_pictures(confidences, membership)
    _check_columns(member, with_it=2)
    inside, outside = _fit_without_target(values, member), _fit_without_target(values, ~member)
    return inside.log_density(values) - outside.log_density(values)


class _Normals(NamedTuple):
    """For each target and picture, the normal law of the other models' confidence."""

    mean: Scores
    variance: Scores
    models: NDArray[np.int64]

    def distance(self, values: Scores) -> Scores:
        """Standard deviations above the mean, which is itself a mean of so many models."""
        return (values - self.mean) / np.sqrt(self.variance * (1 + 1 / self.models))

    def log_density(self, values: Scores) -> Scores:
        # Without the constant that both laws share, and without log(1 + 1/n): it would tell the target's membership
        # by the number of models that it leaves.
        return -0.5 * (self.distance(values) ** 2 + np.log(self.variance))


def _fit_without_target(values: Scores, chosen: Membership) -> _Normals:
    """Fit to the chosen models, each target left out of its own row: sums over all, less the target's part."""
    # The middle of the chosen first, for sums of squares of what is far from 0 lose their digits.
    counts = chosen.sum(axis=0)
    middle = np.where(chosen, values, 0.0).sum(axis=0) / counts
    offset = np.where(chosen, values - middle, 0.0)
    others = counts - chosen
    mean = (offset.sum(axis=0) - offset) / others
    squares = np.maximum((offset**2).sum(axis=0) - offset**2 - others * mean**2, 0.0)
    if counts.min() >= FEW_MODELS // 2:
        variance = squares / (others - 1)
    else:
        freedom = (others - 1).sum(axis=1, keepdims=True)
        if freedom.min() == 0:
            raise ValueError(
                f"{len(values)} models are too few for a variance: each picture leaves one besides the target. "
                "Train more shadow models; 16 are a start."
            )
        variance = squares.sum(axis=1, keepdims=True) / freedom
    return _Normals(mean + middle, np.maximum(variance, _SMALLEST_VARIANCE), others)


# ---- how strong an attack is


class Roc(NamedTuple):
    """What an attack can have for each rate of false alarms.

    Attributes
    ----------
    fpr, tpr : numpy.ndarray of float64, shape (T,)
        False and true positive rate of each threshold, from (0, 0) to (1, 1): non-members called members, and members
        called so.
    """

    fpr: Scores
    tpr: Scores


@dataclass(frozen=True)
class AttackStrength:
    """How well an attack tells members from non-members.

    Attributes
    ----------
    auc : Estimate
        Area under the ROC: the share of pairs of a member and a non-member of which the member has the larger score;
        0.5 is guessing.
    tpr_at_permille, tpr_at_percent : Estimate
        Share of members that are found while at most 0.1% and 1% of the non-members are accused.
    members, non_members : int
        Decisions: a picture counts once for each model.
    """

    auc: Estimate
    tpr_at_permille: Estimate
    tpr_at_percent: Estimate
    members: int
    non_members: int

    def __str__(self) -> str:
        low, high = f"{self.auc.low:.3f}", f"{self.auc.high:.3f}"
        return (
            f"AUC {self.auc.value:.3f} [{low}, {high}], TPR {_in_percent(self.tpr_at_permille)} at 0.1% FPR "
            f"and {_in_percent(self.tpr_at_percent)} at 1% "
            f"({self.members:,} members and {self.non_members:,} non-members, {self.auc.n:,} pictures)"
        )


def _in_percent(share: Estimate) -> str:
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def attack_roc(scores: ArrayLike, membership: ArrayLike) -> Roc:
    """The ROC of an attack over all decisions; to be drawn with both axes on a log scale.

    Parameters
    ----------
    scores : array_like of float, shape (M, N)
        Larger means member.
    membership : array_like of bool, shape (M, N)
        What is so.

    Returns
    -------
    Roc
        One point for each different score, and (0, 0).

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a score is not finite, or there are no members or no non-members.
    """
    decisions = _Decisions(*_models_and_pictures(scores, membership, "scores"))
    found, accused = decisions.counts(np.ones(decisions.pictures, int))
    return Roc(accused / accused[-1], found / found[-1])


def measure_attack(
    scores: ArrayLike, membership: ArrayLike, *, seed: int = 0, resamples: int = 1000, confidence: float = 0.95
) -> AttackStrength:
    """AUC and true positive rates at low false positive rates, with intervals by resampling pictures.

    Parameters
    ----------
    scores : array_like of float, shape (M, N)
        Larger means member.
    membership : array_like of bool, shape (M, N)
        What is so.
    seed : int
        Seed of the resampling.
    resamples : int
        How many resamples are drawn.
    confidence : float, in (0, 1)
        Coverage of the intervals.

    Returns
    -------
    AttackStrength
        With percentile intervals. All decisions on one picture are drawn together, as they are no independent cases;
        the n of each estimate is the number of pictures. The models are taken as they are: other networks of the same
        kind are not in the intervals. A rate at 0.1% is that of the last threshold with no more false alarms than that.

    Raises
    ------
    TypeError, ValueError
        As :func:`attack_roc`; or if there are fewer than 1,000 non-member decisions (0.1% of them is less than one), or
        fewer than 30 pictures with members or with non-members.

    References
    ----------
    N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis and F. Tramèr (2022), "Membership inference attacks from first
    principles": why low false positive rates.
    """
    check_seed(seed)
    decisions = _Decisions(*_models_and_pictures(scores, membership, "scores"))
    decisions.check_intervals()
    if decisions.non_members < _FEWEST_NON_MEMBERS:
        raise ValueError(
            f"a true positive rate at 0.1% false alarms needs {_FEWEST_NON_MEMBERS:,} decisions on non-members or "
            f"more, got {decisions.non_members:,}: one false alarm is more than 0.1% of them. Attack more pictures or "
            "models."
        )
    value = _measures(*decisions.counts(np.ones(decisions.pictures, int)))
    weights = _resampled(decisions.pictures, seed, check_count(resamples, "resamples"))
    drawn = np.array([_measures(*decisions.counts(weight)) for weight in weights])
    auc, permille, percent = _percentiles(value, drawn, decisions.pictures, confidence)
    return AttackStrength(auc, permille, percent, decisions.members, decisions.non_members)


def compare_attacks(
    first: ArrayLike,
    second: ArrayLike,
    membership: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """How much larger the AUC of one attack is than another's, on the same decisions.

    Parameters
    ----------
    first, second : array_like of float, shape (M, N)
        Scores of the two attacks.
    membership : array_like of bool, shape (M, N)
        What is so.
    seed, resamples, confidence
        As for :func:`measure_attack`.

    Returns
    -------
    Estimate
        AUC of the first minus AUC of the second, in [-1, 1]. Both are measured on the same resamples of pictures, so
        what is hard for both alike does not widen the interval.

    Raises
    ------
    TypeError, ValueError
        As :func:`attack_roc`; or if there are fewer than 30 pictures with members or with non-members.
    """
    check_seed(seed)
    one, other = (_Decisions(*_models_and_pictures(scores, membership, "scores")) for scores in (first, second))
    one.check_intervals()

    def difference(weight: NDArray[np.int64]) -> float:
        return _auc(*one.counts(weight)) - _auc(*other.counts(weight))

    drawn = [difference(weight) for weight in _resampled(one.pictures, seed, check_count(resamples, "resamples"))]
    value = [difference(np.ones(one.pictures, int))]
    return _percentiles(value, np.array(drawn)[:, None], one.pictures, confidence)[0]


def exposure(scores: ArrayLike, membership: ArrayLike) -> Scores:
    """How much each picture gives itself away: what it scores where it was learned from, less where it was not.

    Parameters
    ----------
    scores : array_like of float, shape (M, N)
        Of :func:`lira`, in nats; or of another attack.
    membership : array_like of bool, shape (M, N)
        What is so; each picture at least one model with it and one without.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        Mean score of its members minus mean score of its non-members; ``exposure(...).argsort()[::-1]`` begins with
        the most exposed. Of log-likelihood ratios it is what an attacker learns, on average, from one model with the
        picture and one without. The true ratios of a model with (epsilon, 0)-privacy lie within -epsilon to epsilon.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a score is not finite, or a picture has no model with it or none without.
    """
    values, member = _models_and_pictures(scores, membership, "scores")
    _check_columns(member, with_it=1, without=1)
    inside, outside = (np.where(chosen, values, 0.0).sum(axis=0) / chosen.sum(axis=0) for chosen in (member, ~member))
    return inside - outside


class _Decisions:
    """All decisions of an attack, sorted once, so that a resample is a matter of weights."""

    def __init__(self, scores: Scores, member: Membership) -> None:
        self.pictures = scores.shape[1]
        self.members, self.non_members = int(member.sum()), int((~member).sum())
        if not self.members or not self.non_members:
            missing = "members" if not self.members else "non-members"
            raise ValueError(
                f"there are no {missing} among {member.size:,} decisions, and an attack has to tell the two apart. "
                "Give it pictures that the model learned from and others that it did not."
            )
        self._with = int(member.any(axis=0).sum()), int((~member).any(axis=0).sum())
        order = np.argsort(-scores, axis=None, kind="stable")
        self._picture = np.tile(np.arange(self.pictures), len(scores))[order]
        self._member = member.ravel()[order]
        # A threshold lies after the last of several equal scores, never between them.
        ordered = scores.ravel()[order]
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))

    def check_intervals(self) -> None:
        for name, pictures in zip(("members", "non-members"), self._with, strict=True):
            if pictures < _FEWEST_PICTURES:
                raise ValueError(
                    f"an interval by resampling pictures needs {_FEWEST_PICTURES} pictures with {name} or more, "
                    f"got {pictures}"
                )

    def counts(self, weights: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Members found and non-members accused at each threshold, if picture j were there ``weights[j]`` times."""
        every = np.cumsum(weights[self._picture])[self._last]
        found = np.cumsum(weights[self._picture] * self._member)[self._last]
        return np.append(0, found), np.append(0, every - found)


def _auc(found: NDArray[np.int64], accused: NDArray[np.int64]) -> float:
    return float(np.trapezoid(found, accused) / (found[-1] * accused[-1]))


def _measures(found: NDArray[np.int64], accused: NDArray[np.int64]) -> list[float]:
    allowed = np.floor(np.array([_PERMILLE, _PERCENT]) * accused[-1] + 1e-9)
    places = np.searchsorted(accused, allowed, side="right") - 1
    return [_auc(found, accused), *(found[places] / found[-1])]


def _resampled(pictures: int, seed: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    rng = np.random.default_rng(check_seed(seed))
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, pictures, pictures), minlength=pictures)


def _percentiles(value: list[float], drawn: Scores, n: int, confidence: float) -> list[Estimate]:
    tail = (1 - check_share(confidence, "confidence")) / 2
    ends = np.quantile(drawn, [tail, 1 - tail], axis=0).T
    return [Estimate(float(of), float(low), float(high), n) for of, (low, high) in zip(value, ends, strict=True)]


# ---- what differential privacy allows at most


@overload
def dp_tpr_bound(epsilon: float, delta: float, fpr: float) -> float: ...
@overload
def dp_tpr_bound(epsilon: float, delta: float, fpr: ArrayLike) -> Scores: ...
def dp_tpr_bound(epsilon: float, delta: float, fpr: ArrayLike) -> float | Scores:
    """The largest true positive rate that any attack can have against (epsilon, delta)-differential privacy.

    Parameters
    ----------
    epsilon : float
        At least 0, and finite.
    delta : float
        In [0, 1].
    fpr : float or array_like of float
        False positive rates, in [0, 1].

    Returns
    -------
    float or numpy.ndarray of float64
        min(e^epsilon fpr + delta, 1 - e^-epsilon (1 - delta - fpr)), in [0, 1].

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    P. Kairouz, S. Oh and P. Viswanath (2015), "The composition theorem for differential privacy".
    """
    rates = np.asarray(fpr, np.float64)
    _check_guarantee(epsilon, delta)
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f"a false positive rate must lie in [0, 1], got {fpr!r}")
    with np.errstate(divide="ignore"):  # the log of a rate of 0
        few = np.exp(np.minimum(epsilon + np.log(rates), 0.0)) + delta
    many = 1 - np.exp(-epsilon) * np.maximum(1 - delta - rates, 0.0)
    bound = np.clip(np.minimum(few, many), 0.0, 1.0)
    return bound if bound.ndim else float(bound)


def _check_guarantee(epsilon: float, delta: float) -> None:
    if not 0 <= epsilon < np.inf:
        raise ValueError(f"epsilon must be a number of at least 0, got {epsilon}")
    if not 0 <= delta <= 1:
        raise ValueError(
            f"delta must lie in [0, 1], got {delta}. It is the chance that nothing is promised: 1e-5, say."
        )


# ---- what is refused


def _finite(values: ArrayLike, name: str) -> Scores:
    array = np.asarray(values)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)) or not array.size:
        raise ValueError(f"{name} must be numbers, at least one, got {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(f"{name} must be finite, got NaN or infinity in {bad} of {array.size}. Did a model diverge?")
    return array.astype(np.float64)


def _models_and_pictures(
    values: ArrayLike, membership: ArrayLike, name: str = "confidences"
) -> tuple[Scores, Membership]:
    array, member = _finite(values, name), check_membership(membership)
    if array.shape != member.shape:
        raise ValueError(
            f"{name} must have a row for each model and a column for each picture, as membership has: got "
            f"{array.shape} and {member.shape}"
        )
    return array, member


def check_membership(membership: ArrayLike) -> Membership:
    """Refuse what does not say which picture each model learned from.

    Parameters
    ----------
    membership : array_like of bool, shape (M, N)
        What a function was given.

    Returns
    -------
    numpy.ndarray of bool, shape (M, N)
        The same values.

    Raises
    ------
    TypeError
        If they are not bool.
    ValueError
        If the shape is not (M, N) with at least one model and one picture.
    """
    member = np.asarray(membership)
    if member.dtype != bool:
        raise TypeError(f"membership must be bool, True where a model learned from a picture, got {member.dtype}")
    if member.ndim != 2 or not member.size:
        raise ValueError(
            f"membership must have shape (models, pictures), at least one of each, got {member.shape}. "
            "Of one model: membership[None]."
        )
    return member


def _check_columns(member: Membership, with_it: int, without: int = 2) -> None:
    for name, chosen, needed in (("with", member, with_it), ("without", ~member, without)):
        counts = chosen.sum(axis=0)
        if (short := counts < needed).any():
            raise ValueError(
                f"{int(short.sum())} of {counts.size:,} pictures have fewer than {needed} models {name} them (picture "
                f"{int(short.argmax())} has {int(counts[short.argmax()])} of {len(member)}). random_halves(...) gives "
                "each picture to half of the models."
            )
