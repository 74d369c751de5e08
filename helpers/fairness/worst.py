"""The worst group, and how much of its being worst is chance: whoever is picked for a low rate had bad luck, too.

Fairlearn gives the least rate (``group_min``) without its group, its n or a word on the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_count, check_seed
from helpers.fairness.contrasts import p_value, permuted_rates
from helpers.fairness.grouping import Groups
from helpers.fairness.rates import Counts, count, share
from helpers.intervals import Estimate


@dataclass(frozen=True)
class WorstGroup:
    """The group with the worst rate, and how sure we are of it.

    Attributes
    ----------
    name : str
        The group.
    rate : Estimate
        Its rate with Wilson's interval, as if nobody had chosen it: it flatters the claim that it is bad.
    chosen, held_out : str, Estimate
        The worst group of one half of each group's pictures, and its rate in the other half, which chose nothing.
    selection_effect : float
        By how much the chosen group's rate moves back from the half that chose it to the other, mean of many halvings:
        above 0 where it was partly bad luck. Of all pictures it is less, for they choose more surely than half of them.
    chance : dict of str to float
        For each group the probability that its true rate is the worst, the worst first.
    permuted : numpy.ndarray of float64, shape (draws,)
        Worst rates with the groups dealt out at random.
    p_value : float
        Share of those that are as bad; small where some group is worse than chance makes one.
    left_out : tuple of str
        Groups with too few pictures to be looked at.
    """

    name: str
    rate: Estimate
    chosen: str
    held_out: Estimate
    selection_effect: float
    chance: dict[str, float]
    permuted: NDArray[np.float64]
    p_value: float
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"worst: {self.name}, {self.rate}, the worst with probability {self.chance[self.name]:.2f}; chance alone "
            f"makes a worst group of {self.permuted.mean():.3f} (p={self.p_value:.3g}); picked on one half "
            f"({self.chosen}) and measured on the other: {self.held_out}; selection effect {self.selection_effect:.3f}"
            + (f"; too few pictures: {', '.join(self.left_out)}" if self.left_out else "")
        )


def worst_group(
    labels: ArrayLike,
    decisions: ArrayLike,
    groups: Groups,
    rate: str = "accuracy",
    *,
    worst: Literal["lowest", "highest"] = "lowest",
    at_least: int = 30,
    seed: int = 0,
    draws: int = 2000,
) -> WorstGroup:
    """The group with the worst rate, beside what choosing it has done to the number.

    Parameters
    ----------
    labels, decisions : array_like of int or bool, shape (N,)
        What is so, and what was decided.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The group of each picture, or several attributes.
    rate : str
        A key of :data:`RATES`.
    worst : {"lowest", "highest"}
        Which end is bad: of errors the highest.
    at_least : int
        Pictures that a rate must rest on for its group to be looked at, at least 2: among a hundred groups of one, some
        are wrong throughout. Those left out are named.
    seed : int
        Seed of halves, permutations and probabilities.
    draws : int
        How many of each.

    Returns
    -------
    WorstGroup
        The group, its rate as it is and as measured on pictures that had no part in the choice. `chance` comes from
        independent posteriors with Jeffreys' prior, Beta(hits + 1/2, misses + 1/2).

    Raises
    ------
    ValueError
        If `worst` is neither, or fewer than two groups have enough pictures.

    References
    ----------
    The winner's curse in slices of a test set: L. Oakden-Rayner, J. Dunnmon, G. Carneiro and C. Ré (2020), "Hidden
    stratification causes clinically meaningful failures in machine learning for medical imaging", look for such
    groups. Halving: D. R. Cox (1975), "A note on data-splitting for the evaluation of significance levels".
    """
    rng = np.random.default_rng(check_seed(seed))
    check_count(draws, "draws")
    if worst not in ("lowest", "highest"):
        raise ValueError(f"worst must be 'lowest' or 'highest', got {worst!r}")
    everyone = count(labels, decisions, groups, rate)
    counts = everyone.among(max(check_count(at_least, "at_least"), 2))
    if len(counts.names) < 2:
        raise ValueError(
            f"the worst of {len(counts.names)} groups says nothing: only {list(counts.names)} of "
            f"{len(everyone.names)} have {at_least} or more pictures for the {rate}. Ask for at_least fewer, or merge "
            "groups beforehand and say so."
        )
    sign = 1 if worst == "lowest" else -1
    place = int(np.argmin(sign * counts.rates))
    chosen, held_out, effect = _halves(counts, sign, rng, draws)
    posterior = rng.beta(counts.hits + 0.5, counts.n - counts.hits + 0.5, (draws, len(counts.n)))
    times = np.bincount((sign * posterior).argmin(axis=1), minlength=len(counts.n)) / draws
    permuted = sign * (sign * permuted_rates(counts, rng, draws)).min(axis=1)
    return WorstGroup(
        counts.names[place],
        counts.estimate(place),
        counts.names[chosen],
        held_out,
        effect,
        {counts.names[each]: float(times[each]) for each in np.argsort(-times, kind="stable")},
        permuted,
        p_value(sign * permuted <= sign * counts.rates[place] + 1e-12),
        tuple(name for name in everyone.names if name not in counts.names),
    )


def _halves(counts: Counts, sign: int, rng: np.random.Generator, draws: int) -> tuple[int, Estimate, float]:
    """The worst group of a half, its rate in the other half, and the mean move from one to the other."""
    half = counts.n // 2
    hits = rng.hypergeometric(counts.hits, counts.n - counts.hits, half, (draws, len(half)))
    here, there = hits / half, (counts.hits - hits) / (counts.n - half)
    chosen = (sign * here).argmin(axis=1)
    moves = np.take_along_axis(sign * (there - here), chosen[:, None], axis=1)
    first = int(chosen[0])
    others = int(counts.hits[first] - hits[0, first]), int(counts.n[first] - half[first])
    return first, share(*others), float(moves.mean())
