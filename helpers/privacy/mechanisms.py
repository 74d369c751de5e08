"""Noise with a promise: randomised response, the Laplace and the Gaussian mechanism, and what each costs in epsilon.

All need a generator: noise from a seed that others know protects nobody, so for an answer that leaves the house take
``numpy.random.default_rng()`` without a seed. And noise of floating-point numbers leaks in its last digits (I. Mironov,
2012, "On significance of the least significant bits for differential privacy"); these are for learning.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.special import log_ndtr

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


def response_epsilon(probability: float) -> float:
    """What a coin promises that lets the truth through so often: the inverse of :func:`truth_probability`.

    Parameters
    ----------
    probability : float
        Of the true answer, in [0.5, 1). Of two fair coins (heads: the truth; tails: whatever the second says) it is
        0.75, and epsilon is ln 3.

    Returns
    -------
    float
        log(p / (1 - p)): the log of how much likelier an answer is from who it is true of.

    Raises
    ------
    ValueError
        If the probability is out of range.
    """
    if not 0.5 <= probability < 1:
        raise ValueError(
            f"the probability of the true answer must lie in [0.5, 1), got {probability}. At 1 nothing is promised; "
            "below 0.5, take the opposite of each answer."
        )
    return math.log(probability / (1 - probability))


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


@overload
def gaussian_mechanism(
    value: float, sensitivity: float, epsilon: float, delta: float, generator: np.random.Generator
) -> float: ...
@overload
def gaussian_mechanism(
    value: ArrayLike, sensitivity: float, epsilon: float, delta: float, generator: np.random.Generator
) -> Numbers: ...
def gaussian_mechanism(
    value: ArrayLike, sensitivity: float, epsilon: float, delta: float, generator: np.random.Generator
) -> float | Numbers:
    """A number, or several that belong together, with as much Gaussian noise as (epsilon, delta) needs.

    Parameters
    ----------
    value : float or array_like of float
        What was computed from the data.
    sensitivity : float
        By how much one person's data can move it at most; of several numbers, as a straight line (L2).
    epsilon, delta : float
        What is promised: epsilon above 0, delta in (0, 1).
    generator : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    float or numpy.ndarray of float64
        The value with noise of standard deviation :func:`gaussian_sigma`.

    Raises
    ------
    TypeError, ValueError
        If a value is not finite, an argument is out of range, or there is no generator.

    References
    ----------
    B. Balle and Y.-X. Wang (2018), "Improving the Gaussian mechanism for differential privacy", algorithm 1.
    """
    exact, sigma = _numbers(value), gaussian_sigma(epsilon, delta, sensitivity)
    return _alike(exact + _checked(generator).normal(0.0, sigma, exact.shape))


def gaussian_delta(sigma: float, epsilon: float, sensitivity: float = 1.0) -> float:
    """The smallest delta that Gaussian noise of this sigma keeps at this epsilon.

    Parameters
    ----------
    sigma : float
        Standard deviation of the noise, above 0.
    epsilon : float
        Above 0.
    sensitivity : float
        Largest move of the value by one person's data (L2), above 0.

    Returns
    -------
    float
        In [0, 1]: exact, not a bound.

    Raises
    ------
    ValueError
        If an argument is not a number above 0.

    References
    ----------
    B. Balle and Y.-X. Wang (2018), "Improving the Gaussian mechanism for differential privacy", theorem 8.
    """
    noise = _positive(sigma, "sigma") / _positive(sensitivity, "sensitivity")
    middle, shift = _positive(epsilon, "epsilon") * noise, 0.5 / noise
    # Phi(shift - middle) - e^epsilon Phi(-shift - middle), as logs: the second factor overflows and the difference
    # of two nearly equal numbers would lose its digits.
    first, second = float(log_ndtr(shift - middle)), epsilon + float(log_ndtr(-shift - middle))
    return max(0.0, -math.exp(first) * math.expm1(min(0.0, second - first)))


def gaussian_sigma(epsilon: float, delta: float, sensitivity: float = 1.0) -> float:
    """The least Gaussian noise that keeps (epsilon, delta): the inverse of :func:`gaussian_delta`.

    Parameters
    ----------
    epsilon : float
        Above 0; the classic sqrt(2 ln(1.25 / delta)) sensitivity / epsilon holds up to 1 only, and is larger.
    delta : float
        In (0, 1).
    sensitivity : float
        Largest move of the value by one person's data (L2), above 0.

    Returns
    -------
    float
        Standard deviation, in the unit of the sensitivity.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    B. Balle and Y.-X. Wang (2018), "Improving the Gaussian mechanism for differential privacy", algorithm 1.
    """
    _positive(epsilon, "epsilon")
    wanted, unit = math.log(check_share(delta, "delta")), _positive(sensitivity, "sensitivity")

    def too_much(log_sigma: float) -> float:
        return math.log(max(gaussian_delta(math.exp(log_sigma), epsilon), 1e-320)) - wanted

    # Delta falls from 1 to 0 as sigma grows, whatever epsilon is.
    low = high = 0.0
    while too_much(low) <= 0:
        low -= 1
    while too_much(high) >= 0:
        high += 1
    found = optimize.brentq(too_much, low, high, xtol=1e-13)
    return unit * math.exp(found) * (1 + 1e-12)  # to the safe side of what the search leaves open


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
