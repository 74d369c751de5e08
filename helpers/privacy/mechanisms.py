"""Noise with a promise: randomised response and the Laplace mechanism, and what each costs in epsilon.

All need a generator: noise from a seed that others know protects nobody, so for an answer that leaves the house take
``numpy.random.default_rng()`` without a seed. And noise of floating-point numbers leaks in its last digits (I. Mironov,
2012, "On significance of the least significant bits for differential privacy"); these are for learning.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import intervals
from helpers.contracts import check_share
from helpers.intervals import Estimate

Numbers = NDArray[np.float64]


# ---- randomised response


def truth_probability(epsilon: float) -> float:
    """How often a coin that promises epsilon lets the truth through.

    Parameters
    ----------
    epsilon : float
        Above 0.

    Returns
    -------
    float
        e^epsilon / (1 + e^epsilon), in (0.5, 1].

    Raises
    ------
    ValueError
        If epsilon is not a number above 0.
    """
    return 1 / (1 + math.exp(-_positive(epsilon, "epsilon")))


def randomised_response(truth: ArrayLike, epsilon: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Each person answers yes or no, truthfully with a chance of e^epsilon / (1 + e^epsilon), and lies otherwise.

    Parameters
    ----------
    truth : array_like of bool, any shape
        What is so, an entry for each person.
    epsilon : float
        What is promised to each person, above 0.
    generator : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    numpy.ndarray of bool, the same shape
        The answers. Whoever sees one cannot be sure of the truth, not even who collects them.

    Raises
    ------
    TypeError, ValueError
        If the truth is not bool, epsilon is not above 0, or there is no generator.

    References
    ----------
    S. L. Warner (1965), "Randomized response: a survey technique for eliminating evasive answer bias".
    """
    said, lies = _bools(truth, "truth"), 1 - truth_probability(epsilon)
    return said ^ (_checked(generator).random(said.shape) < lies)


def response_share(answers: ArrayLike, epsilon: float, confidence: float = 0.95) -> Estimate:
    """The share of true yeses behind the answers of :func:`randomised_response`, without bias.

    Parameters
    ----------
    answers : array_like of bool, shape (N,)
        What was answered.
    epsilon : float
        What was promised.
    confidence : float, in (0, 1)
        Coverage of the interval.

    Returns
    -------
    Estimate
        (share of yes - (1 - p)) / (2p - 1), with the answers' Wilson interval stretched in the same way. It can lie
        outside [0, 1]: whoever cuts it off there makes it biased.

    Raises
    ------
    TypeError, ValueError
        If the answers are not bool or none, or epsilon is not above 0.

    References
    ----------
    S. L. Warner (1965), "Randomized response: a survey technique for eliminating evasive answer bias".
    """
    given, truthful = _bools(answers, "answers"), truth_probability(epsilon)
    said = intervals.proportion(given, check_share(confidence, "confidence"))
    share, low, high = ((end - (1 - truthful)) / (2 * truthful - 1) for end in said[:3])
    return Estimate(share, low, high, said.n)


# ---- noise on numbers


@overload
def laplace_mechanism(value: float, sensitivity: float, epsilon: float, generator: np.random.Generator) -> float: ...
@overload
def laplace_mechanism(
    value: ArrayLike, sensitivity: float, epsilon: float, generator: np.random.Generator
) -> Numbers: ...
def laplace_mechanism(
    value: ArrayLike, sensitivity: float, epsilon: float, generator: np.random.Generator
) -> float | Numbers:
    """A number, or several that belong together, with as much Laplace noise as epsilon needs.

    Parameters
    ----------
    value : float or array_like of float
        What was computed from the data.
    sensitivity : float
        By how much one person's data can move it at most; of several numbers, the sum of all moves (L1).
    epsilon : float
        What is promised, above 0.
    generator : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    float or numpy.ndarray of float64
        The value with noise of scale sensitivity / epsilon, whose standard deviation is sqrt(2) times that.

    Raises
    ------
    TypeError, ValueError
        If a value is not finite, sensitivity or epsilon is not above 0, or there is no generator.

    References
    ----------
    C. Dwork, F. McSherry, K. Nissim and A. Smith (2006), "Calibrating noise to sensitivity in private data analysis".
    """
    exact = _numbers(value)
    scale = _positive(sensitivity, "sensitivity") / _positive(epsilon, "epsilon")
    return _alike(exact + _checked(generator).laplace(0.0, scale, exact.shape))


# ---- what is refused


def _positive(value: float, name: str) -> float:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        hint = " Without noise nothing is promised, and epsilon has no value." if name == "epsilon" else ""
        raise ValueError(f"{name} must be a number above 0, got {value!r}.{hint}")
    return float(value)


def _bools(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.dtype != bool:
        raise TypeError(f"{name} must be bool, yes or no, got {array.dtype}. From labels: labels == wanted")
    return array


def _numbers(value: ArrayLike) -> Numbers:
    array = np.asarray(value)
    if array.dtype == bool or not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
        raise ValueError(f"the value must be a finite number, or several, got {value!r:.60}")
    return array.astype(np.float64)


def _checked(generator: np.random.Generator) -> np.random.Generator:
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"generator must be numpy.random.default_rng(...), got {generator!r:.60}")
    return generator


def _alike(noisy: Numbers) -> float | Numbers:
    return noisy if np.ndim(noisy) else float(noisy)
