"""Was the calibrator fitted on the pictures that it is reported on? By their hashes, or by what fresh pictures say.

A flexible calibrator learns its pictures by heart: on them its error is small, on others it is not. One temperature
has little to learn by heart with. Fitted on the test split it is nearly as good on fresh pictures, so that the numbers
of one network do not show it; only the list of pictures does.

References: Guo et al., "On Calibration of Modern Neural Networks", 2017 (temperature, and that it is fitted on pictures
of its own); Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", 2002
(isotonic); Gupta and Ramdas, "Top-Label Calibration and Multiclass-to-Binary Reductions", 2022 (one for each answer).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import uncertainty
from helpers.contracts import Predict, check_count, check_probabilities, check_seed, check_share
from helpers.datasets import Split
from helpers.rivals.results import LEVEL, AuditResult

EDGES = uncertainty.equal_width_edges(20)
"""Bins of the calibration errors here: 5 points each."""

_LEAST = 1e-6  # an answer stays the answer, and is never quite certain


@dataclass(frozen=True)
class FittedOn:
    """What a maker hands over for a temperature: which pictures it was fitted on.

    Attributes
    ----------
    hashes : tuple of str
        As :meth:`helpers.datasets.Split.hashes` gives them.
    temperature : float
        What logits are divided by, above 0.

    Raises
    ------
    ValueError
        If there are no hashes, or the temperature is none.
    """

    hashes: tuple[str, ...]
    temperature: float

    def __post_init__(self) -> None:
        if not self.hashes:
            raise ValueError("hashes must name the pictures that the temperature was fitted on, got none")
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"temperature must be above 0, got {self.temperature!r}")


@dataclass(frozen=True)
class Calibrated:
    """What a maker hands over for any other calibrator: the calibrated network, as a function.

    Attributes
    ----------
    predict : callable
        Pictures (N, H, W, C) to calibrated probabilities (N, K).
    """

    predict: Predict


@dataclass(frozen=True)
class IsotonicCalibrator:
    """Rising steps from confidence to probability, a flight of them for each answer.

    Attributes
    ----------
    steps : dict of int to sklearn.isotonic.IsotonicRegression
        By answer; an answer that was never seen keeps its confidence.
    """

    steps: dict[int, Any]

    def __call__(self, probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
        """Calibrated probabilities: the answer's own by its steps, and what is left in equal parts for the others.

        Parameters
        ----------
        probabilities : numpy.ndarray of float, shape (N, K)
            What a network says.

        Returns
        -------
        numpy.ndarray of float32, shape (N, K)
            The same answers, each as sure as its steps say, and surer than one of K. In the old proportions an answer
            that was nearly always wrong would have to stay surer than the second, and so be far off.
        """
        p = check_probabilities(probabilities).astype(np.float64)
        answer, rows = p.argmax(axis=1), np.arange(len(p))
        sure = p[rows, answer]
        wanted = np.clip(sure, 0, 1)
        for number, steps in self.steps.items():
            here = answer == number
            if here.any():
                wanted[here] = steps.predict(sure[here])
        classes = p.shape[1]
        wanted = np.clip(wanted, 1 / classes + _LEAST, 1 - _LEAST)
        given = np.repeat((1 - wanted)[:, None] / (classes - 1), classes, axis=1)
        given[rows, answer] = wanted
        return given.astype(np.float32)


def fit_isotonic(probabilities: NDArray[np.floating], labels: ArrayLike) -> IsotonicCalibrator:
    """The steps that fit best, for each answer by itself: flexible enough to learn a few hundred pictures by heart.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What a network says of the pictures to fit on.
    labels : array_like of int, shape (N,)
        Their true classes.

    Returns
    -------
    IsotonicCalibrator
        On these very pictures its calibration error is small, whatever the bins are.

    Raises
    ------
    TypeError, ValueError
        If these are no probabilities or labels.

    References
    ----------
    Zadrozny and Elkan 2002; Gupta and Ramdas 2022.
    """
    from sklearn.isotonic import IsotonicRegression

    p = check_probabilities(probabilities).astype(np.float64)
    sure, answer = p.max(axis=1), p.argmax(axis=1)
    right = answer == np.asarray(labels)
    return IsotonicCalibrator(
        {
            int(number): IsotonicRegression(out_of_bounds="clip").fit(sure[answer == number], right[answer == number])
            for number in np.unique(answer)
        }
    )


def audit_fitted_on(evidence: FittedOn, reported: Split, *, level: float = LEVEL) -> AuditResult:
    """Look for pictures that the calibrator was fitted on among those that it is reported on.

    Parameters
    ----------
    evidence : FittedOn
        What the maker handed over.
    reported : Split
        The pictures of the claim: the test split.
    level : float, in (0, 1)
        Has no influence: a picture stands there or not.

    Returns
    -------
    AuditResult
        The p-value is 0 or 1.

    Raises
    ------
    TypeError, ValueError
        If the evidence is of another kind, or `level` is no level.

    Notes
    -----
    Null: none of them does. It finds exact copies alone, and believes that the list is whole.
    """
    if not isinstance(evidence, FittedOn):
        raise TypeError(f"evidence must be a FittedOn, got {type(evidence).__name__}")
    shared = len(set(evidence.hashes) & set(reported.hashes()))
    found = f"{shared} of {len(evidence.hashes)} pictures that it was fitted on stand among the {len(reported)} tested."
    return AuditResult("fitted on the test split", 0.0 if shared else 1.0, check_share(level, "level"), found)


def audit_calibration(
    evidence: Calibrated,
    reported: Split,
    fresh: Split,
    *,
    level: float = LEVEL,
    draws: int = 9999,
    seed: int = 0,
) -> AuditResult:
    """Compare the calibration error on fresh pictures with that on the reported ones: larger by more than chance.

    Parameters
    ----------
    evidence : Calibrated
        What the maker handed over.
    reported : Split
        The pictures of the claim: the test split.
    fresh : Split
        Pictures of the same kind that the maker never had.
    level : float, in (0, 1)
        From which p-value on it accuses.
    draws : int
        How often the two are shuffled; the least p-value is ``1 / (draws + 1)``, which must not be above `level`.
    seed : int
        Of the shuffling.

    Returns
    -------
    AuditResult
        By a permutation test, one-sided, in :data:`EDGES`.

    Raises
    ------
    TypeError, ValueError
        If the evidence is of another kind, or `level`, `draws` or `seed` cannot be.

    Notes
    -----
    Null: to a calibrator that saw neither, reported and fresh pictures are alike, so that any division of all of them
    into the two would have been as likely (exchangeable). The p-value, (1 + divisions with at least this difference)
    over (1 + divisions), is then valid exactly, although an error measured on fewer pictures is the larger one by
    chance alone. What it cannot see: a temperature that was fitted on the test split, whose error differs by less than
    chance does. Nor would fresh pictures alone show a thing: a calibrator that was fitted on as many others does as
    badly there. What tells is the difference, of one calibrator on both.

    References
    ----------
    Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010.
    """
    if not isinstance(evidence, Calibrated):
        raise TypeError(f"evidence must be a Calibrated, got {type(evidence).__name__}")
    if 1 / (check_count(draws, "draws") + 1) > check_share(level, "level"):
        raise ValueError(f"{draws} draws cannot reach level {level:g}. Take {int(np.ceil(1 / level))} or more.")
    check_seed(seed)
    given = [evidence.predict(split.images) for split in (reported, fresh)]
    gaps, bins = zip(*(_gaps(p, split.labels) for p, split in zip(given, (reported, fresh), strict=True)), strict=True)
    p_value = _permutation_test(np.concatenate(gaps), np.concatenate(bins), len(reported), draws, seed)
    errors = [
        uncertainty.ece(p, split.labels, EDGES, seed=seed) for p, split in zip(given, (reported, fresh), strict=True)
    ]
    found = f"ECE {errors[0]} on the reported pictures, {errors[1]} on fresh ones."
    return AuditResult("calibration on fresh pictures", p_value, level, found)


def _gaps(p: NDArray[np.floating], labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """For each picture, whether the answer was right less how sure it was, and the bin of that."""
    sure = check_probabilities(p).max(axis=1)
    bins = np.searchsorted(EDGES[1:-1].astype(sure.dtype), sure, side="right")
    return (p.argmax(axis=1) == labels) - sure.astype(np.float64), bins


def _permutation_test(gaps: NDArray[np.float64], bins: NDArray[np.intp], first: int, draws: int, seed: int) -> float:
    """The p-value of the error of the others less that of the `first` ones."""
    everything = np.bincount(bins, gaps, len(EDGES) - 1)

    def difference(rows: NDArray[np.intp]) -> float:
        of_first = np.bincount(bins[rows], gaps[rows], len(EDGES) - 1)
        return float(np.abs(everything - of_first).sum() / (len(gaps) - first) - np.abs(of_first).sum() / first)

    rng = np.random.default_rng(seed)
    seen = difference(np.arange(first)) - 1e-12  # what is equal but for rounding counts
    as_far = sum(difference(rng.permutation(len(gaps))[:first]) >= seen for _ in range(draws))
    return (1 + as_far) / (1 + draws)
