"""Accuracy without labels, from confidences alone: right where calibration is kept, wrong where it is not.

Each estimator gives a number for each picture whose mean is the estimate, so that its error on pictures whose labels
come later is a paired mean with an interval. Probabilities must be calibrated (a temperature, on a calibration split).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from helpers import intervals
from helpers.intervals import Estimate
from helpers.monitoring.served import Served


class AccuracyEstimator(Protocol):
    """Something that tells the accuracy without labels.

    Attributes
    ----------
    name : str
        As tables call it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    def each(self, served: Served) -> NDArray[np.float64]:
        """A number for each picture; the mean is the estimate.

        Parameters
        ----------
        served : Served
            Arrays of shape (..., K); labels are not looked at.

        Returns
        -------
        numpy.ndarray of float64, shape (...)
            About 0 to 1.
        """


@dataclass(frozen=True)
class AverageConfidence:
    """The mean confidence: what calibrated probabilities say of their own accuracy.

    Attributes
    ----------
    name : str
        As tables call it.

    References
    ----------
    D. Hendrycks and K. Gimpel (2017), "A baseline for detecting misclassified and out-of-distribution examples". For
    accuracy it is what NannyML calls confidence-based performance estimation (CBPE).
    """

    name: str = "average confidence"

    def each(self, served: Served) -> NDArray[np.float64]:
        """Each picture's confidence.

        Parameters
        ----------
        served : Served
            Arrays of shape (..., K).

        Returns
        -------
        numpy.ndarray of float64, shape (...)
            In [1/K, 1].
        """
        return served.confidence


@dataclass(frozen=True)
class DifferenceOfConfidences:
    """The reference's accuracy, less what confidence has fallen since.

    Attributes
    ----------
    overconfidence : float
        The reference's mean confidence less its accuracy.
    name : str
        As tables call it.

    References
    ----------
    D. Guillory, V. Shankar, S. Ebrahimi, T. Darrell and L. Schmidt (2021), "Predicting with confidence on unseen
    distributions".
    """

    overconfidence: float
    name: str = "difference of confidences"

    @classmethod
    def fit(cls, reference: Served) -> DifferenceOfConfidences:
        """Measure how far confidence and accuracy are apart where labels are known.

        Parameters
        ----------
        reference : Served
            Pictures without drift, arrays of shape (N, ...).

        Returns
        -------
        DifferenceOfConfidences
            Ready for pictures without labels.
        """
        return cls(float(np.mean(reference.confidence - reference.correct)))

    def each(self, served: Served) -> NDArray[np.float64]:
        """Each picture's confidence less the reference's overconfidence.

        Parameters
        ----------
        served : Served
            Arrays of shape (..., K).

        Returns
        -------
        numpy.ndarray of float64, shape (...)
            About 0 to 1.
        """
        return served.confidence - self.overconfidence


@dataclass(frozen=True)
class ThresholdedConfidence:
    """The share of pictures that are surer than a threshold, which makes it right on the reference.

    Attributes
    ----------
    threshold : float
        The confidence that as large a share of the reference exceeds as was right (up to ties).
    name : str
        As tables call it.

    References
    ----------
    S. Garg, S. Balakrishnan, Z. Lipton, B. Neyshabur and H. Sedghi (2022), "Leveraging unlabeled data to predict
    out-of-distribution performance".
    """

    threshold: float
    name: str = "thresholded confidence"

    @classmethod
    def fit(cls, reference: Served) -> ThresholdedConfidence:
        """Choose the threshold where labels are known.

        Parameters
        ----------
        reference : Served
            Pictures without drift, arrays of shape (N, ...).

        Returns
        -------
        ThresholdedConfidence
            Ready for pictures without labels.
        """
        wrong = int((~reference.correct).sum())
        ordered = np.concatenate([[-np.inf], np.sort(reference.confidence)])
        return cls(float(ordered[wrong]))

    def each(self, served: Served) -> NDArray[np.float64]:
        """1 where a picture is surer than the threshold, else 0.

        Parameters
        ----------
        served : Served
            Arrays of shape (..., K).

        Returns
        -------
        numpy.ndarray of float64, shape (...)
            0 or 1.
        """
        return (served.confidence > self.threshold).astype(np.float64)


def accuracy_estimators(reference: Served) -> tuple[AccuracyEstimator, ...]:
    """The three, fitted on one reference.

    Parameters
    ----------
    reference : Served
        Pictures without drift, arrays of shape (N, ...), which neither training nor the temperature has seen.

    Returns
    -------
    tuple of AccuracyEstimator
        Average confidence, difference of confidences, thresholded confidence.
    """
    return (
        AverageConfidence(),
        DifferenceOfConfidences.fit(reference),
        ThresholdedConfidence.fit(reference),
    )


def estimated_accuracy(estimator: AccuracyEstimator, served: Served) -> Estimate:
    """The accuracy on pictures whose labels are not there.

    Parameters
    ----------
    estimator : AccuracyEstimator
        How.
    served : Served
        Pictures, of any shape; at least two.

    Returns
    -------
    Estimate
        With the 95% interval of sampling these pictures. It takes the estimator for right and its fit as given, and
        says nothing of whether calibration still holds: that is :func:`estimation_error`'s question.
    """
    return intervals.mean(estimator.each(served).ravel())


def estimation_error(estimator: AccuracyEstimator, served: Served) -> Estimate:
    """By how much an estimate was too high, once the labels have come.

    Parameters
    ----------
    estimator : AccuracyEstimator
        How the accuracy was estimated.
    served : Served
        Pictures with labels, of any shape; at least two.

    Returns
    -------
    Estimate
        Estimated less realised accuracy, picture by picture, with its 95% interval; above 0 is too rosy.
    """
    return intervals.mean((estimator.each(served) - served.correct).ravel())
