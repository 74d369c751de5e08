"""Detectors: one number a day each, larger the more the day differs from the reference.

All measure the *size* of a difference, not how sure it is that there is one: sampling noise is subtracted where it has
a mean, so that a day of more pictures gives a steadier number, not a larger one. The exception, :class:`KsPValue`, is
there to show what happens otherwise. Where a threshold lies is the matter of :mod:`helpers.monitoring.thresholds`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import pdist

from helpers.contracts import check_count, check_seed
from helpers.monitoring.served import Served

_MOST_PAIRED = 500  # reference pictures whose distances choose the width of the kernel
_HALF = 0.5  # added to each class count: a class that nobody saw has no logarithm
_TIE = 1e-6  # of a day's unsureness; less than one picture in a million
_FEW = 20  # pictures of a group at which half of its shortfall is believed


class Detector(Protocol):
    """Something that gives a number a day.

    Attributes
    ----------
    name : str
        As tables call it.
    late : bool
        Whether it needs labels, which come late.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def late(self) -> bool: ...  # noqa: D102

    def statistics(self, days: Served) -> NDArray[np.float64]:
        """The statistic of each day.

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...).

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            Larger is worse.
        """


@dataclass(frozen=True)
class Mmd:
    """Maximum mean discrepancy of the features, squared, with a Gaussian kernel in random Fourier features.

    Attributes
    ----------
    weights, phases, mean : numpy.ndarray of float64
        The random features, shapes (D, F) and (F,), and their mean over the reference, shape (F,).
    name : str
        As tables call it.
    late : bool
        False.

    References
    ----------
    A. Gretton and others (2012), "A kernel two-sample test". A. Rahimi and B. Recht (2007), "Random features for
    large-scale kernel machines".
    """

    weights: NDArray[np.float64]
    phases: NDArray[np.float64]
    mean: NDArray[np.float64]
    name: str = "input: MMD"
    late: bool = False

    @classmethod
    def fit(cls, reference: Served, *, features: int = 64, seed: int = 0) -> Mmd:
        """Choose the kernel's width by the median distance, and remember the reference's mean.

        Parameters
        ----------
        reference : Served
            Pictures without drift, arrays of shape (N, ...).
        features : int
            Random features; more make it nearer to the exact MMD.
        seed : int
            Of the random features.

        Returns
        -------
        Mmd
            Ready for days.
        """
        check_count(features, "features")
        rng = np.random.default_rng(check_seed(seed))
        x = reference.features
        width = float(np.median(pdist(x[:_MOST_PAIRED])))
        if not width > 0:
            raise ValueError("the reference's features are all alike: half of their distances are 0")
        weights = rng.normal(size=(x.shape[-1], features)) / width
        phases = rng.uniform(0, 2 * np.pi, features)
        return cls(weights, phases, _cosines(x, weights, phases).mean(axis=0))

    def statistics(self, days: Served) -> NDArray[np.float64]:
        """Squared distance of the day's mean from the reference's, less what the day's sampling adds to it.

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...), N of at least 2.

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            Below 0 where chance is.
        """
        lifted = _cosines(days.features, self.weights, self.phases)
        noise = lifted.var(axis=1, ddof=1).sum(axis=-1) / lifted.shape[1]
        return np.square(lifted.mean(axis=1) - self.mean).sum(axis=-1) - noise


def _cosines(x: NDArray, weights: NDArray[np.float64], phases: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(2 / len(phases)) * np.cos(x @ weights + phases)


@dataclass(frozen=True)
class Ks:
    """The largest Kolmogorov-Smirnov distance of a few numbers of each picture from the reference's.

    Attributes
    ----------
    of : callable
        Takes Served, gives numbers of shape (..., P).
    sorted : numpy.ndarray of float64, shape (P, M)
        The reference's, each in order.
    name : str
        As tables call it.
    late : bool
        False.
    """

    of: Callable[[Served], NDArray[np.float64]]
    sorted: NDArray[np.float64]
    name: str = "input: KS"
    late: bool = False

    @classmethod
    def fit(cls, reference: Served, of: Callable[[Served], NDArray[np.float64]], name: str = "input: KS") -> Ks:
        """Remember the reference's numbers.

        Parameters
        ----------
        reference : Served
            Pictures without drift, arrays of shape (N, ...).
        of : callable
            Takes Served, gives numbers of shape (..., P): :func:`principal_projections`, or any.
        name : str
            As tables call it.

        Returns
        -------
        Ks
            Ready for days.
        """
        return cls(of, np.sort(of(reference).T, axis=1), name)

    def statistics(self, days: Served) -> NDArray[np.float64]:
        """The largest of the P distances between the day's distribution function and the reference's.

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...).

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            In [0, 1].
        """
        numbers = np.sort(self.of(days), axis=1)
        return np.max([_distances(numbers[..., p], known) for p, known in enumerate(self.sorted)], axis=0)


def _distances(days: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two-sample KS distance of each row (sorted) from one sorted sample; ties in both are minded."""
    n, shape = days.shape[1], (len(days), 1)
    below = np.searchsorted(known, days, side="left") / len(known)
    up_to = np.searchsorted(known, days, side="right") / len(known)
    # Between two of the day's numbers the day's function stands at i / n, and the reference's rises from that up to the
    # first to that below the second. Where both are one number there is nothing between them.
    height = np.arange(n + 1) / n
    from_ = np.concatenate([np.zeros(shape), up_to], axis=1)
    to = np.concatenate([below, np.ones(shape)], axis=1)
    between = np.concatenate([np.ones(shape, bool), days[:, 1:] != days[:, :-1], np.ones(shape, bool)], axis=1)
    gaps = np.maximum(np.abs(height - from_), np.abs(height - to))
    return np.where(between, gaps, 0).max(axis=1)


def principal_projections(reference: Served, number: int = 4) -> Callable[[Served], NDArray[np.float64]]:
    """The directions in which the reference's features vary most, as a function for :class:`Ks`.

    Parameters
    ----------
    reference : Served
        Pictures without drift, arrays of shape (N, ...).
    number : int
        How many directions, at most as many as there are features.

    Returns
    -------
    callable
        Takes Served, gives the projections, shape (..., number).
    """
    if check_count(number, "number") > reference.features.shape[-1]:
        raise ValueError(f"number must be at most the {reference.features.shape[-1]} features, got {number}")
    middle = reference.features.mean(axis=0)
    directions = np.linalg.svd(reference.features - middle, full_matrices=False)[2][:number].T
    return lambda served: (served.features - middle) @ directions


@dataclass(frozen=True)
class KsPValue:
    """How sure it is that *some* difference is there: the trap. With enough pictures any usual day is significant.

    Attributes
    ----------
    distance : Ks
        What the p-value is of.
    name : str
        As tables call it.
    late : bool
        False.
    """

    distance: Ks
    name: str = "input: p-value"
    late: bool = False

    def statistics(self, days: Served) -> NDArray[np.float64]:
        """Minus the decimal logarithm of the p-value, times the number of tests (Bonferroni).

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...).

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            At least 0; 2 is a p-value of 1%.
        """
        columns, m = self.distance.sorted.shape
        n = days.labels.shape[1]
        p = columns * stats.kstwobign.sf(np.sqrt(n * m / (n + m)) * self.distance.statistics(days))
        return -np.log10(np.clip(p, 1e-300, 1))


@dataclass(frozen=True)
class ClassShares:
    """Population stability index of the classes that were answered, less its mean under no drift.

    Attributes
    ----------
    counts : numpy.ndarray of float64, shape (K,)
        The reference's answers by class.
    name : str
        As tables call it.
    late : bool
        False.

    Notes
    -----
    Without drift the index has a mean of nearly (K - 1)(1/n + 1/m): its usual limits of 0.1 and 0.25 mean something
    else for every n.

    References
    ----------
    B. Yurdakul and J. Naranjo (2020), "Statistical properties of the population stability index".
    """

    counts: NDArray[np.float64]
    name: str = "output: classes (PSI)"
    late: bool = False

    @classmethod
    def fit(cls, reference: Served) -> ClassShares:
        """Count the reference's answers.

        Parameters
        ----------
        reference : Served
            Pictures without drift, arrays of shape (N, ...).

        Returns
        -------
        ClassShares
            Ready for days.
        """
        return cls(_counts(reference.chosen[None], reference.probabilities.shape[-1])[0])

    def statistics(self, days: Served) -> NDArray[np.float64]:
        """The index of each day.

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...).

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            Below 0 where chance is.
        """
        counts = _counts(days.chosen, len(self.counts))
        n, m = counts.sum(axis=1, keepdims=True), self.counts.sum()
        now, then = counts / n, self.counts / m
        index = ((now - then) * np.log(now / then)).sum(axis=1)
        return index - (len(self.counts) - 1) * (1 / n[:, 0] + 1 / m)


def _counts(chosen: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    return np.stack([(chosen == k).sum(axis=1) for k in range(classes)], axis=1) + _HALF


@dataclass(frozen=True)
class MeanRise:
    """How far the day's mean of something lies above the reference's; for a fall, give it with a minus sign.

    Attributes
    ----------
    name : str
        As tables call it.
    of : callable
        Takes Served, gives a number for each picture.
    usual : float
        The reference's mean.
    late : bool
        Whether `of` looks at labels.
    """

    name: str
    of: Callable[[Served], NDArray]
    usual: float
    late: bool = False

    @classmethod
    def fit(cls, reference: Served, name: str, of: Callable[[Served], NDArray], *, late: bool = False) -> MeanRise:
        """Remember the reference's mean.

        Parameters
        ----------
        reference : Served
            Pictures without drift, arrays of shape (N, ...).
        name : str
            As tables call it.
        of : callable
            Takes Served, gives a number for each picture.
        late : bool
            Whether `of` looks at labels.

        Returns
        -------
        MeanRise
            Ready for days.
        """
        return cls(name, of, float(np.mean(of(reference))), late)

    def statistics(self, days: Served) -> NDArray[np.float64]:
        """The rise of each day.

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...).

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            In the unit of what is averaged, and up to a millionth more where the day is less sure: counts tie, and a
            threshold among ties could not be set to a run of 30 days.
        """
        return np.mean(self.of(days), axis=1) - self.usual + _ties_broken(days)


def _ties_broken(days: Served) -> NDArray[np.float64]:
    # Not by chance: the same day gets the same verdict.
    return _TIE * (1 - days.confidence.mean(axis=1))


@dataclass(frozen=True)
class WorstGroup:
    """The largest fall of coverage in a group, by the first condition, shrunk where a group has few pictures that day.

    Attributes
    ----------
    usual : numpy.ndarray of float64, shape (G,)
        The reference's coverage by group; NaN where it has none of it.
    name : str
        As tables call it.
    late : bool
        True.
    """

    usual: NDArray[np.float64]
    name: str = "coverage by group"
    late: bool = True

    @classmethod
    def fit(cls, reference: Served) -> WorstGroup:
        """Remember each group's coverage.

        Parameters
        ----------
        reference : Served
            Pictures without drift, arrays of shape (N, ...).

        Returns
        -------
        WorstGroup
            Ready for days.
        """
        group = reference.conditions[:, 0]
        held = [reference.covered[group == g] for g in range(group.max() + 1)]
        return cls(np.array([each.mean() if len(each) else np.nan for each in held]))

    def statistics(self, days: Served) -> NDArray[np.float64]:
        """The worst group's fall, times n / (n + 20) for a group of n pictures.

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...).

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            At most 1. A group that the reference lacks, or a day, says nothing. Ties are broken as in
            :class:`MeanRise`.
        """
        covered, group, falls = days.covered, days.conditions[..., 0], []
        for g in np.flatnonzero(np.isfinite(self.usual)):
            n = (group == g).sum(axis=1)
            held = (covered & (group == g)).sum(axis=1)
            falls.append((self.usual[g] * n - held) / (n + _FEW))
        return np.max(falls, axis=0) + _ties_broken(days)


def usual_detectors(reference: Served, *, seed: int = 0) -> tuple[Detector, ...]:
    """Input, output, the service's own flags, and what late labels tell: nine detectors on one reference.

    Parameters
    ----------
    reference : Served
        Pictures without drift, arrays of shape (N, ...), which the model was not trained on.
    seed : int
        Of the random features.

    Returns
    -------
    tuple of Detector
        By name: ``input: MMD``, ``input: KS``, ``output: classes (PSI)``, ``output: confidence``,
        ``sets not of one class``, ``strange share``, and with late labels ``calibration gap``, ``coverage`` and
        ``coverage by group``.
    """
    return (
        Mmd.fit(reference, seed=check_seed(seed)),
        Ks.fit(reference, principal_projections(reference, min(4, reference.features.shape[-1]))),
        ClassShares.fit(reference),
        MeanRise.fit(reference, "output: confidence", lambda served: -served.confidence),
        # Where the model is right more often than the sets' level asks for, an unsure picture has an empty set, and the
        # mean size falls where one would have it rise.
        MeanRise.fit(reference, "sets not of one class", lambda served: served.set_size != 1),
        MeanRise.fit(reference, "strange share", lambda served: served.strange),
        MeanRise.fit(reference, "calibration gap", lambda served: served.confidence - served.correct, late=True),
        MeanRise.fit(reference, "coverage", lambda served: 1 - served.covered, late=True),
        WorstGroup.fit(reference),
    )


def watch(detectors: Sequence[Detector], days: Served, *, delay: int) -> Mapping[str, NDArray[np.float64]]:
    """Each detector's number on each day of a month; what needs labels speaks of an earlier day.

    Parameters
    ----------
    detectors : sequence of Detector
        With names of their own.
    days : Served
        Arrays of shape (delay + days, N, ...): a month with as many days before it
        (``simulate_month(..., before=delay)``).
    delay : int
        Days until labels are there, at least 0.

    Returns
    -------
    dict of str to numpy.ndarray of float64, shape (days,)
        By detector.

    Raises
    ------
    ValueError
        If there are no more days than the delay.
    """
    if not 0 <= delay < len(days.labels):
        raise ValueError(f"delay must be 0 or more and less than the {len(days.labels)} days, got {delay}")
    found = {}
    for each in detectors:
        numbers = each.statistics(days)
        found[each.name] = numbers[: len(numbers) - delay] if each.late else numbers[delay:]
    return found
