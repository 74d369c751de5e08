"""What private training costs: epsilon by two accountants, the noise that a promise needs, and which delta says little.

Two ways to add up the same steps. RDP (Rényi differential privacy) bounds each step by one number at each of many
orders and takes the best order; PRV (privacy loss random variables) follows the whole distribution and is tighter.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import optimize

from helpers.contracts import check_count, check_share
from helpers.errors import did_you_mean

Accountant = Literal["prv", "rdp"]
"""Who adds up the steps."""

NEIGHBOURS = "add or remove one picture"
"""Which two data sets must give nearly the same network: one has one picture more."""

ORDERS = (*(1 + tenths / 10 for tenths in range(1, 100)), *range(11, 65), 72, 80, 96, 128, 192, 256, 512)
"""Orders that RDP is taken at: Opacus's own, and some above them for small epsilons."""

_MOST_NOISE = 1024.0
_FINEST = 1e-3


@dataclass(frozen=True)
class PrivacySpent:
    """What a private training costs, with all that makes the number mean something.

    Attributes
    ----------
    epsilon : float
        How many times (e to its power) likelier one picture can make any network; infinite without noise.
    delta : float
        The probability with which that bound may fail.
    noise_multiplier : float
        Standard deviation of the noise, as a multiple of the clipping norm.
    sampling_rate : float
        With what probability each picture is in a batch, by itself (Poisson sampling).
    steps : int
        Gradient steps.
    accountant : {"prv", "rdp"}
        Who added the steps up.
    neighbours : str
        Which data sets are compared.

    References
    ----------
    Dwork, McSherry, Nissim and Smith, "Calibrating Noise to Sensitivity in Private Data Analysis", 2006.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    sampling_rate: float
    steps: int
    accountant: Accountant = "prv"
    neighbours: str = NEIGHBOURS

    def __str__(self) -> str:
        return (
            f"epsilon {self.epsilon:.2f} at delta {self.delta:.2g} ({self.neighbours}): "
            f"noise {self.noise_multiplier:g}, sampling rate {self.sampling_rate:.4g}, {self.steps:,} steps, "
            f"{self.accountant.upper()} accountant"
        )


def epsilon(
    noise_multiplier: float, sampling_rate: float, steps: int, delta: float, accountant: Accountant = "prv"
) -> PrivacySpent:
    """What so many noisy steps cost.

    Parameters
    ----------
    noise_multiplier : float
        Standard deviation of the noise over the clipping norm, at least 0.
    sampling_rate : float, in (0, 1]
        Probability of each picture to be in a batch.
    steps : int
        Gradient steps.
    delta : float, in (0, 1)
        As in :class:`PrivacySpent`; see :func:`check_delta`.
    accountant : {"prv", "rdp"}
        Who adds up.

    Returns
    -------
    PrivacySpent
        Epsilon never comes without the others.

    Raises
    ------
    ValueError
        If an argument is out of range, or there is no such accountant.
    """
    count = _BY_NAME.get(accountant)
    if count is None:
        hint = did_you_mean(accountant, _BY_NAME)
        raise ValueError(f"unknown accountant {accountant!r}.{hint} There are: {', '.join(get_args(Accountant))}")
    spent = count(noise_multiplier, sampling_rate, steps, delta)
    return PrivacySpent(spent, delta, float(noise_multiplier), float(sampling_rate), int(steps), accountant)


def rdp_epsilon(
    noise_multiplier: float, sampling_rate: float, steps: int, delta: float, orders: Sequence[float] = ORDERS
) -> float:
    """Epsilon by Rényi differential privacy.

    Parameters
    ----------
    noise_multiplier, sampling_rate, steps, delta
        As for :func:`epsilon`.
    orders : sequence of float
        Each above 1. More of them can only make epsilon smaller.

    Returns
    -------
    float
        Epsilon, at least 0; infinite without noise.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Mironov, Talwar and Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism", 2019.
    Balle et al., "Hypothesis Testing Interpretations and Rényi Differential Privacy", 2020: from RDP to epsilon.
    """
    _check(noise_multiplier, sampling_rate, steps, delta)
    chosen = list(orders)
    if not chosen or min(chosen) <= 1:
        raise ValueError(f"orders must be numbers above 1, at least one, got {chosen}")
    if noise_multiplier == 0:
        return math.inf
    from opacus.accountants.analysis import rdp

    with _quietly():
        costs = rdp.compute_rdp(q=sampling_rate, noise_multiplier=noise_multiplier, steps=steps, orders=chosen)
        finite = np.isfinite(costs)
        if not finite.any():
            return math.inf
        spent, _ = rdp.get_privacy_spent(orders=np.array(chosen)[finite], rdp=costs[finite], delta=delta)
    return max(0.0, float(spent))


def prv_epsilon(noise_multiplier: float, sampling_rate: float, steps: int, delta: float) -> float:
    """Epsilon by privacy loss random variables: the upper end of its numerical error, which is 0.01.

    Parameters
    ----------
    noise_multiplier, sampling_rate, steps, delta
        As for :func:`epsilon`.

    Returns
    -------
    float
        Epsilon, at least 0; infinite without noise.

    Raises
    ------
    ValueError
        If an argument is out of range, or so far out that this accountant has no answer.

    References
    ----------
    Gopi, Lee and Wutschitz, "Numerical Composition of Differential Privacy", 2021.
    """
    _check(noise_multiplier, sampling_rate, steps, delta)
    if noise_multiplier == 0:
        return math.inf
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(noise_multiplier, sampling_rate, steps)]
    try:
        with _quietly():
            spent = float(accountant.get_epsilon(delta))
    except (RuntimeError, ArithmeticError, ValueError, MemoryError) as error:
        spent, reason = math.nan, f" ({error})"
    else:
        reason = ""
    if not math.isfinite(spent):
        raise ValueError(
            f"the PRV accountant has no answer for noise {noise_multiplier:g}, sampling rate {sampling_rate:g}, "
            f"{steps} steps{reason}. Ask for accountant='rdp', or for more noise."
        )
    return max(0.0, spent)


_BY_NAME = {"prv": prv_epsilon, "rdp": rdp_epsilon}


def accountants_compared(
    noise_multiplier: float, sampling_rate: float, steps: int, delta: float
) -> dict[str, PrivacySpent]:
    """The same training by each accountant.

    Parameters
    ----------
    noise_multiplier, sampling_rate, steps, delta
        As for :func:`epsilon`.

    Returns
    -------
    dict of str to PrivacySpent
        By accountant. All are true: each is an upper bound, and the smallest is the best known.

    Raises
    ------
    ValueError
        As :func:`epsilon`.
    """
    return {name: epsilon(noise_multiplier, sampling_rate, steps, delta, name) for name in get_args(Accountant)}


def noise_for(target: float, delta: float, sampling_rate: float, steps: int, accountant: Accountant = "prv") -> float:
    """The smallest noise multiplier that keeps a promise.

    Parameters
    ----------
    target : float
        The epsilon promised, above 0; infinity needs no noise.
    delta, sampling_rate, steps, accountant
        As for :func:`epsilon`.

    Returns
    -------
    float
        The noise multiplier, rounded up at its third decimal; its epsilon is at most the target.

    Raises
    ------
    ValueError
        If an argument is out of range, or no noise reaches the target.
    """
    if not target > 0:
        raise ValueError(f"epsilon must be above 0, got {target}; 0 would mean that the pictures have no influence")
    if math.isinf(target):
        _check(0.0, sampling_rate, steps, delta)
        return 0.0

    def excess(noise: float, by: Accountant) -> float:
        return epsilon(noise, sampling_rate, steps, delta, by).epsilon - target

    # RDP is quick where noise is small, and PRV's answer lies near: a second's worth of PRV is asked only there.
    high = 1.0
    while excess(high, "rdp") > 0 and high < _MOST_NOISE:
        high *= 2
    by_rdp = _least_noise(lambda noise: excess(noise, "rdp") <= 0, high / 2 if high > 1 else 0.0, high)
    if accountant == "rdp" and excess(by_rdp, "rdp") <= 0:
        return by_rdp
    low, high = 0.7 * by_rdp, 1.05 * by_rdp + 0.05
    if excess(high, accountant) > 0:
        raise ValueError(
            f"epsilon {target:g} cannot be reached: {epsilon(high, sampling_rate, steps, delta, accountant)}. "
            "Ask for a larger epsilon or delta, for fewer steps, or for smaller batches."
        )
    while excess(low, accountant) <= 0:
        low /= 2
    near = optimize.brentq(lambda noise: excess(noise, accountant), low, high, xtol=_FINEST / 10)
    return _least_noise(lambda noise: excess(noise, accountant) <= 0, near - _FINEST, near + _FINEST)


def _least_noise(enough: Callable[[float], bool], low: float, high: float) -> float:
    """Halve until the smallest noise that is enough is known, and round it up at the third decimal."""
    while high - low > _FINEST / 2:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return math.ceil(high / _FINEST) / round(1 / _FINEST)


def check_delta(delta: float, n: int) -> float:
    """Refuse a delta that lets somebody's picture out and is kept all the same.

    To publish one picture of n, drawn at random, is private with delta 1/n and any epsilon. So a promise with such
    a delta is none, and a delta well below is what people ask for.

    Parameters
    ----------
    delta : float, in (0, 1/n)
        What was asked for.
    n : int
        Pictures trained on.

    Returns
    -------
    float
        The same number.

    Raises
    ------
    ValueError
        If delta is not in (0, 1/n).

    References
    ----------
    Dwork and Roth, "The Algorithmic Foundations of Differential Privacy", 2014, section 2.3.
    """
    check_count(n, "n")
    check_share(delta, "delta")
    if delta >= 1 / n:
        raise ValueError(
            f"delta must be below 1/n = {1 / n:.2g} for {n:,} pictures, got {delta:g}: who publishes one picture drawn "
            f"at random keeps that promise. Take {0.1 / n:.1g} or less."
        )
    return delta


def _check(noise_multiplier: float, sampling_rate: float, steps: int, delta: float) -> None:
    if not 0 <= noise_multiplier < math.inf:
        raise ValueError(f"noise_multiplier must be a number of at least 0, got {noise_multiplier}")
    if not 0 < sampling_rate <= 1:
        raise ValueError(f"sampling_rate must lie in (0, 1], got {sampling_rate}: batch size over pictures")
    check_count(steps, "steps")
    check_share(delta, "delta")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Leave out what Opacus warns of where the best order is the first or the last: the bound holds, and is looser."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
