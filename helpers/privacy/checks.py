"""Four checks that look into an implementation of DP-SGD, and believe nothing of what it says.

They see what an owner of the code can see: the sum before noise, the sum with noise, and what is released. Each looks
at one part, so that a broken part is named. What they cannot see is said in :func:`check_implementation`; an audit from
outside (:mod:`helpers.privacy.audit`) sees other things.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor, nn

from helpers.contracts import Images, Labels, check_seed
from helpers.privacy.broken import Implementation, Plan, Release, releases

LEVEL = 0.001
"""How often each of the two checks that rest on chance accuses an honest implementation."""

PLANTED = 100
"""How long a planted gradient is, in units of C: no picture clipped by itself gets beyond 1."""

_PROBED = 32  # pictures of the batch from which one after the other is taken away
_ROUNDING = 1e-4  # of float32 sums, relative
_LEAST_VARIANCE = 5.0  # of batch sizes, for which the law of their dispersion is chi-squared's nearly enough

SENSITIVITY, NOISE, DIVISOR, SAMPLING = "sensitivity", "noise", "divisor", "sampling"


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes
    ----------
    name : str
        ``"sensitivity"``, ``"noise"``, ``"divisor"`` or ``"sampling"``.
    passed : bool
        Whether the implementation stood it.
    evidence : str
        What was measured, and what it should be.
    """

    name: str
    passed: bool
    evidence: str

    def __str__(self) -> str:
        return f"{' ' if self.passed else '!'} {self.name}: {self.evidence}"


@dataclass(frozen=True)
class CheckReport:
    """What all checks found about an implementation.

    Attributes
    ----------
    implementation : str
        Its name, and what it claims.
    checks : tuple of Check
        The four.
    """

    implementation: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that it did not stand."""
        return tuple(check.name for check in self.checks if not check.passed)

    def __str__(self) -> str:
        return "\n".join([self.implementation, *map(str, self.checks)])


def check_implementation(
    implementation: Implementation, network: nn.Module, images: Images, labels: Labels, plan: Plan, *, seed: int = 0
) -> CheckReport:
    """Look into a DP-SGD, whether it does what its accountant was told.

    Parameters
    ----------
    implementation : Implementation
        Whose parts are looked at.
    network : torch.nn.Module
        A small one is enough (:func:`helpers.privacy.linear_probe`); it stays as it is.
    images : numpy.ndarray of float32, shape (n, H, W, C)
        Pictures in [0, 1] to train on.
    labels : numpy.ndarray of int64, shape (n,)
        Their classes.
    plan : Plan
        What the accountant was told; about 40 steps are enough.
    seed : int
        Of batches and noise.

    Returns
    -------
    CheckReport
        Four checks:

        sensitivity
            Each of 32 pictures, and a planted gradient of 100 C, is taken out of a batch, and gradients are taken anew:
            the sum before noise moves by at most C.
        noise
            Sum with noise minus sum, over all weights and steps, has variance sigma^2 C^2: chi-squared, two-sided.
        divisor
            Sum with noise over release is one number, the same in every step and for every weight.
        sampling
            Batch sizes scatter around n q as Binomial(n, q) does: chi-squared of the dispersion, two-sided.

        Two of them rest on chance, each at a level of `LEVEL`: an honest implementation is accused once in five hundred
        reports. What none of them sees: noise that is drawn twice, batches of the right sizes that hold the wrong
        pictures (a shuffled pile whose last batch is smaller scatters by itself, and may pass when steps are few), a
        sum that hangs on the batch in ways that these pictures do not show, and an accountant's mistakes.

    Raises
    ------
    ValueError
        If batches are so small that their sizes say nothing, or as :func:`helpers.privacy.releases`.
    """
    check_seed(seed)
    variance = len(images) * plan.rate * (1 - plan.rate)
    if variance < _LEAST_VARIANCE:
        raise ValueError(
            f"n q (1 - q) must be at least {_LEAST_VARIANCE:g} for the sizes of batches to say anything, got "
            f"{variance:.2g} from {len(images)} pictures at a rate of {plan.rate:g}. Give more pictures."
        )
    start, moved = copy.deepcopy(network).train(), copy.deepcopy(network)
    steps = list(releases(implementation, moved, images, labels, plan, seed=seed))
    found = (
        _sensitivity(implementation, start, torch.tensor(images[:_PROBED]), torch.tensor(labels[:_PROBED]), plan.norm),
        _noise(steps, plan.noise * plan.norm),
        _divisor(steps),
        _sampling([len(step.indices) for step in steps], len(images), plan.rate),
    )
    return CheckReport(str(implementation), found)


def _sensitivity(
    implementation: Implementation, network: nn.Module, pictures: Tensor, classes: Tensor, norm: float
) -> Check:
    def total(rows: Tensor, planted: Tensor) -> Tensor:
        # Gradients are asked for anew: those of the others must not hang on who is missing.
        gradients = implementation.gradients(network, pictures[rows], classes[rows])
        return implementation.summed(torch.cat([gradients, planted]), norm)

    everyone = torch.arange(len(pictures))
    planted = torch.zeros(1, sum(each.numel() for each in network.parameters()))
    planted[0, 0] = PLANTED * norm
    whole = total(everyone, planted)
    without = [total(everyone, planted[:0]), *(total(everyone[everyone != row], planted) for row in everyone)]
    moves = [float((whole - each).norm()) for each in without]
    return Check(
        SENSITIVITY,
        max(moves) <= norm * (1 + _ROUNDING),
        f"without one of {len(moves)} members the sum moves by {max(moves) / norm:.2f} C at most; 1 C is allowed.",
    )


def _noise(steps: Sequence[Release], deviation: float) -> Check:
    squares = sum(float(((step.noisy - step.total).double() / deviation).square().sum()) for step in steps)
    draws = sum(len(step.total) for step in steps)
    p = _two_sided(squares, draws)
    return Check(
        NOISE,
        p >= LEVEL,
        f"its variance is {squares / draws:.3f} of sigma^2 C^2 over {draws:,} draws (p = {p:.2g}).",
    )


def _divisor(steps: Sequence[Release]) -> Check:
    # Without assuming that a division is what it does: the factor by least squares, and what is left over.
    seen = [step for step in steps if step.noisy.any()]
    factors = [float(step.noisy @ step.noisy / (step.noisy @ step.released)) for step in seen]
    off = max(float((step.noisy - factors[0] * step.released).norm() / step.noisy.norm()) for step in seen)
    return Check(
        DIVISOR,
        off <= _ROUNDING,
        f"the sum was divided by {min(factors):.2f} to {max(factors):.2f} in {len(seen)} steps; one number is allowed.",
    )


def _sampling(sizes: Sequence[int], n: int, rate: float) -> Check:
    mean, variance = n * rate, n * rate * (1 - rate)
    dispersion = sum((size - mean) ** 2 for size in sizes) / variance
    p = _two_sided(dispersion, len(sizes))
    return Check(
        SAMPLING,
        p >= LEVEL,
        f"{len(sizes)} batches of {min(sizes)} to {max(sizes)} pictures scatter {dispersion / len(sizes):.2f} times as "
        f"Binomial({n}, {rate:g}) does (p = {p:.2g}).",
    )


def _two_sided(statistic: float, degrees: int) -> float:
    tails = stats.chi2.cdf(statistic, degrees), stats.chi2.sf(statistic, degrees)
    return float(min(1.0, 2 * min(tails)))
