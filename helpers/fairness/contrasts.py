"""How large a gap is: one signed contrast fixed beforehand, the range beside chance, and what one attribute does.

Fairlearn's differences are the largest minus the smallest rate. They are never negative, so their bootstrap intervals
cannot cover zero where there is no gap. It has no signed contrast, nothing to hold a range against, and no pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from helpers import intervals
from helpers.contracts import check_count, check_scores, check_seed, check_share
from helpers.errors import did_you_mean
from helpers.fairness.grouping import Groups, grouping
from helpers.fairness.rates import RATES, Counts, check_decisions, count, share
from helpers.intervals import Estimate


def signed_contrast(
    labels: ArrayLike,
    decisions: ArrayLike,
    groups: Groups,
    *,
    plus: Sequence[object],
    minus: Sequence[object],
    rate: str = "true_positive_rate",
    confidence: float = 0.95,
) -> Estimate:
    """Mean rate of some groups minus mean rate of others, both named before looking.

    Parameters
    ----------
    labels, decisions : array_like of int or bool, shape (N,)
        What is so, and what was decided.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The group of each picture.
    plus, minus : sequence of group names
        Groups whose rates are averaged, each with the same weight, and compared: ``plus=[8, 9, 10], minus=[1, 2, 3]``.
    rate : str
        A key of :data:`RATES`.
    confidence : float, in (0, 1)
        Coverage of the interval.

    Returns
    -------
    Estimate
        Mean rate of `plus` minus mean rate of `minus`, in [-1, 1]; n is the number of pictures that it rests on. The
        interval is put together from the groups' Wilson intervals, so it has a width where a rate is 0 or 1, too. It
        takes pictures of different groups as independent. For the same scenes redrawn use :func:`paired_effect`, for
        two ways of deciding :func:`contrast_change`.

    Raises
    ------
    ValueError
        If `plus` or `minus` is empty, a group is in both or in none of the pictures, or the rate has no value in one.

    References
    ----------
    R. G. Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10; for
    several groups G. Y. Zou, W. Huang and X. Zhang (2009), "A note on confidence interval estimation for a linear
    function of binomial proportions".
    """
    check_share(confidence, "confidence")
    counts = count(labels, decisions, groups, rate)
    weights, places = _sides(counts, plus, minus)
    return linear(weights, [counts.estimate(group, confidence) for group in places])


def contrast_change(
    labels: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    groups: Groups,
    *,
    plus: Sequence[object],
    minus: Sequence[object],
    rate: str = "true_positive_rate",
    confidence: float = 0.95,
) -> Estimate:
    """How much a signed contrast changes from one set of decisions to another, on the same pictures.

    Parameters
    ----------
    labels : array_like of int or bool, shape (N,)
        What is so.
    before, after : array_like of int or bool, shape (N,)
        What was decided for picture i in the one and in the other way.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The group of each picture.
    plus, minus : sequence of group names
        As in :func:`signed_contrast`.
    rate : str
        A key of :data:`RATES`, but not the precision: after other decisions it is a share of other pictures.
    confidence : float, in (0, 1)
        Coverage of the interval.

    Returns
    -------
    Estimate
        The contrast after minus the contrast before, in [-2, 2]; n is the number of pictures that it rests on. Each
        group's change has Tango's paired interval, and the sum's is put together from these (Zou, Huang and Zhang,
        2009), so what is hard for both ways alike does not widen it.

    Raises
    ------
    ValueError
        As :func:`signed_contrast`, and for the precision.
    """
    check_share(confidence, "confidence")
    if rate == "precision":
        raise ValueError("the precision is a share of other pictures after than before: no pairs can be made of it")
    counts = count(labels, before, groups, rate)
    truth, first = check_decisions(labels, before, rate)
    second = check_decisions(labels, after, rate)[1]
    of, hit = RATES[rate]
    change = hit(truth, second).astype(int) - hit(truth, first)
    rows, codes = of(truth, first), grouping(groups, len(truth)).codes

    def changed(group: int) -> Estimate:
        here = change[rows & (codes == group)]
        return _tango(int((here > 0).sum()), int((here < 0).sum()), here.size, confidence)

    weights, places = _sides(counts, plus, minus)
    return linear(weights, [changed(group) for group in places])


def linear(weights: Sequence[float], rates: Sequence[Estimate]) -> Estimate:
    """A weighted sum of independent rates, its interval put together from theirs (Zou, Huang and Zhang, 2009).

    Parameters
    ----------
    weights : sequence of float
        One for each rate.
    rates : sequence of Estimate
        The rates with their intervals.

    Returns
    -------
    Estimate
        The sum, of the coverage that the rates' intervals have.
    """
    value = np.dot(weights, [rate.value for rate in rates])
    ends = np.sort([[w * rate.low, w * rate.high] for w, rate in zip(weights, rates, strict=True)], axis=1)
    middles = np.array([w * rate.value for w, rate in zip(weights, rates, strict=True)])
    below, above = np.sqrt(((middles - ends[:, 0]) ** 2).sum()), np.sqrt(((ends[:, 1] - middles) ** 2).sum())
    return Estimate(float(value), float(value - below), float(value + above), sum(rate.n for rate in rates))


def _sides(counts: Counts, plus: Sequence[object], minus: Sequence[object]) -> tuple[list[float], list[int]]:
    """The weights of a contrast, and the places of the groups that they belong to."""
    sides = [_places(counts, side, name) for side, name in ((plus, "plus"), (minus, "minus"))]
    both = set(sides[0]) & set(sides[1])
    if both:
        raise ValueError(f"{sorted(counts.names[each] for each in both)} cannot be in plus and in minus")
    weights = [1 / len(sides[0])] * len(sides[0]) + [-1 / len(sides[1])] * len(sides[1])
    return weights, [group for side in sides for group in side]


def _places(counts: Counts, side: Sequence[object], name: str) -> list[int]:
    if isinstance(side, str) or not len(side):
        raise ValueError(f"{name} must list one or more groups, got {side!r}")
    wanted = list(dict.fromkeys(str(group) for group in side))
    for group in wanted:
        if group not in counts.names:
            hint = did_you_mean(group, counts.names)
            raise ValueError(f"{name} asks for group {group!r}, and there are {', '.join(counts.names)}.{hint}")
        if not counts.n[counts.names.index(group)]:
            raise ValueError(f"the rate has no value in group {group!r}: no picture of it is counted. Leave it out.")
    return [counts.names.index(group) for group in wanted]


@dataclass(frozen=True)
class GroupRange:
    """The largest minus the smallest rate, beside what chance gives.

    Attributes
    ----------
    value : float
        The range, in [0, 1]. It is above 0 in nearly every sample, whether there is a gap or not.
    permuted : numpy.ndarray of float64, shape (permutations,)
        Ranges with the groups dealt out at random, each as large as it is.
    p_value : float
        Share of permuted ranges that are at least as large, the measured one counted in.
    n : int
        Pictures that the rates rest on.
    """

    value: float
    permuted: NDArray[np.float64]
    p_value: float
    n: int

    @property
    def expected(self) -> float:
        """The mean range where no group differs: what to hold the value against, in place of zero."""
        return float(self.permuted.mean())

    @property
    def limit(self) -> float:
        """The range that one in twenty samples without a gap exceeds."""
        return float(np.quantile(self.permuted, 0.95))

    def __str__(self) -> str:
        return (
            f"{self.value:.3f}, where groups dealt out at random give {self.expected:.3f} on average and in one of "
            f"twenty cases more than {self.limit:.3f} (p={self.p_value:.3g}, n={self.n:,})"
        )


def group_range(
    labels: ArrayLike,
    decisions: ArrayLike,
    groups: Groups,
    rates: str | Sequence[str] = "true_positive_rate",
    *,
    seed: int = 0,
    permutations: int = 2000,
) -> GroupRange:
    """Largest minus smallest rate over the groups, beside the same of permuted groups.

    Parameters
    ----------
    labels, decisions : array_like of int or bool, shape (N,)
        What is so, and what was decided.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The group of each picture. A group in which a rate has no value takes no part in it.
    rates : str or sequence of str
        Keys of :data:`RATES`. ``"selection_rate"`` is the demographic parity difference,
        ``("true_positive_rate", "false_positive_rate")`` the equalised odds difference: of several, the largest range.
    seed : int
        Seed of the permutations.
    permutations : int
        How many.

    Returns
    -------
    GroupRange
        The value, the same as Fairlearn's, and the ranges that it is to be held against. Groups are permuted among the
        pictures that a rate is a share of: of the true positive rate, among the positives, so that base rates may
        differ. Of several rates, each is permuted by itself, so they must not share pictures (true and false positive
        rates do not).

    Raises
    ------
    ValueError
        If fewer than two groups have a rate.

    References
    ----------
    R. A. Fisher (1935), "The design of experiments"; for fairness C. DiCiccio, S. Vasudevan, K. Basu, K. Kenthapadi
    and D. Agarwal (2020), "Evaluating fairness using permutation tests".
    """
    rng = np.random.default_rng(check_seed(seed))
    draws = check_count(permutations, "permutations")
    names = [rates] if isinstance(rates, str) else list(rates)
    truth, answers = check_decisions(labels, decisions, *names)
    value, permuted, n = 0.0, np.zeros(draws), 0
    for name in names:
        counts = count(truth, answers, groups, name).among(1)
        if len(counts.names) < 2:
            raise ValueError(
                f"a range needs the {name} of two groups or more, got {len(counts.names)} ({', '.join(counts.names)})"
            )
        value = max(value, float(np.ptp(counts.rates)))
        permuted = np.maximum(permuted, np.ptp(permuted_rates(counts, rng, draws), axis=1))
        n += int(counts.n.sum())
    return GroupRange(value, permuted, p_value(permuted >= value - 1e-12), n)


def permuted_rates(counts: Counts, rng: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """Rates by group with the groups dealt out at random, each as large as it is.

    Parameters
    ----------
    counts : Counts
        Of groups with at least one picture each.
    rng : numpy.random.Generator
        Where chance comes from.
    draws : int
        How many times.

    Returns
    -------
    numpy.ndarray of float64, shape (draws, groups)
        Hits are dealt to groups as balls from an urn, which is what permuting rows comes to.
    """
    return rng.multivariate_hypergeometric(counts.n, int(counts.hits.sum()), draws, method="marginals") / counts.n


def p_value(as_extreme: NDArray[np.bool_]) -> float:
    """The p-value of a permutation test: the sample itself is one of the permutations, so it is never 0.

    Parameters
    ----------
    as_extreme : numpy.ndarray of bool, shape (permutations,)
        Which permutations give at least what was measured.

    Returns
    -------
    float
        In (0, 1].

    References
    ----------
    B. Phipson and G. K. Smyth (2010), "Permutation p-values should never be zero".
    """
    return float((1 + as_extreme.sum()) / (1 + as_extreme.size))


@dataclass(frozen=True)
class PairedEffect:
    """What changing one attribute of a scene does to the answers.

    Attributes
    ----------
    effect : Estimate
        Mean of the answers after minus before, of the same scenes. A share of scenes where answers are 0 or 1.
    up, down : Estimate
        Share of scenes whose answer rises and falls. Both may be large where the effect is none.
    """

    effect: Estimate
    up: Estimate
    down: Estimate

    def __str__(self) -> str:
        return f"effect {self.effect}, up in {self.up.value:.1%} and down in {self.down.value:.1%} of the scenes"


def paired_effect(before: ArrayLike, after: ArrayLike, confidence: float = 0.95) -> PairedEffect:
    """The effect of one attribute, from counterfactual pairs: the same scenes with nothing else changed.

    Parameters
    ----------
    before, after : array_like of shape (N,)
        Answers for scene i with the one and with the other value of the attribute: decisions of 0 and 1 (or bool), or
        scores (floats).
    confidence : float, in (0, 1)
        Coverage of the intervals.

    Returns
    -------
    PairedEffect
        Of decisions, the difference has Tango's score interval, which has a width where no decision changes, too; of
        scores, Student's t interval of the mean difference.

    Raises
    ------
    TypeError, ValueError
        If there are no answers or not as many before as after, decisions are other than 0 and 1, or the scores all
        differ by the same, for which no interval can be given.

    References
    ----------
    T. Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design".
    """
    check_share(confidence, "confidence")
    first, second = np.asarray(before), np.asarray(after)
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError(
            f"before and after must be of one shape (N,), a scene in each row, got {first.shape} and {second.shape}"
        )
    if any(np.issubdtype(each.dtype, np.floating) for each in (first, second)):
        change = check_scores(second, "after") - check_scores(first, "before")
        if np.ptp(change) == 0:
            raise ValueError(
                f"all {change.size} scores differ by the same, {change[0]:.3g}: was the attribute changed, and are "
                "before and after from different pictures?"
            )
        effect = intervals.mean(change, confidence)
    else:
        one, other = check_decisions(first, second, "selection_rate")
        change = (other - one).astype(float)
        effect = _tango(int((change > 0).sum()), int((change < 0).sum()), change.size, confidence)
    up, down = (share(int(which.sum()), change.size, confidence) for which in (change > 0, change < 0))
    return PairedEffect(effect, up, down)


def _tango(up: int, down: int, n: int, confidence: float) -> Estimate:
    """Difference of two shares of the same n cases, (up - down) / n, with its score interval."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    value = (up - down) / n

    def score(difference: float) -> float:
        """The standardised distance of what was counted from a difference, under that difference."""
        b = -up - down + (2 * n - up + down) * difference
        c = -down * difference * (1 - difference)
        falling = (np.sqrt(max(b**2 - 8 * n * c, 0.0)) - b) / (4 * n)  # the likeliest share of falls
        variance = n * (2 * falling + difference * (1 - difference))
        return (up - down - n * difference) / np.sqrt(max(variance, 1e-300))

    almost = 1 - 1e-12
    low = optimize.brentq(lambda d: score(d) - z, -almost, value) if up - down > -n else -1.0
    high = optimize.brentq(lambda d: score(d) + z, value, almost) if up - down < n else 1.0
    return Estimate(value, float(low), float(high), n)
