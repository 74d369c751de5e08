"""An audit of epsilon in one training run: a thousand canaries, each a member or not by its own coin, and guesses.

Who can tell members from others better than randomised response with an epsilon would allow has shown that the true
epsilon is larger. The bound holds whatever the attack; how much it shows hangs on the attack alone, so that a low bound
is no acquittal.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from helpers.contracts import (
    Images,
    Labels,
    check_count,
    check_images,
    check_labels,
    check_scores,
    check_seed,
    check_share,
)
from helpers.intervals import Estimate, proportion

if TYPE_CHECKING:
    from torch import nn

    from helpers.privacy.broken import Implementation, Plan

_LARGEST_EPSILON = 50.0  # no count of guesses bounds more
_LOOKED_AT = 256  # pictures by which gradient canaries are laid out
_CANARY_NORM = 100.0  # of a gradient canary, in units of C: what clips each member makes 1 of it


# ---- what guesses show


def epsilon_bound(guesses: int, right: int, *, canaries: int, delta: float = 1e-5, confidence: float = 0.95) -> float:
    """The largest epsilon that this many right guesses refute.

    Parameters
    ----------
    guesses : int
        How many guesses were made; the number was fixed beforehand.
    right : int
        How many of them are right.
    canaries : int
        How many canaries there were (m), those included of which nothing was guessed.
    delta : float, in [0, 1)
        The delta of the claim.
    confidence : float, in (0, 1)
        How often the bound is no larger than the true epsilon, at least.

    Returns
    -------
    float
        Epsilon; 0 where nothing is refuted.

    Raises
    ------
    ValueError
        If not 0 <= right <= guesses <= canaries with at least one guess, or for a delta or a confidence that is none.

    References
    ----------
    Steinke, Nasr and Jagielski, "Privacy Auditing with One (1) Training Run", 2023: corollary 5.4 and appendix D.
    For delta 0, right guesses are no more than Binomial(guesses, e^epsilon / (1 + e^epsilon)) gives.
    """
    _check_counts(guesses, right, canaries, delta, confidence)

    def surplus(epsilon: float) -> float:
        return _chance(guesses, right, canaries, epsilon, delta) - (1 - confidence)

    if surplus(0) >= 0:
        return 0.0
    return float(optimize.brentq(surplus, 0, _LARGEST_EPSILON))


def _check_counts(guesses: int, right: int, canaries: int, delta: float, confidence: float) -> None:
    check_count(guesses, "guesses")
    check_count(canaries, "canaries")
    check_share(confidence, "confidence")
    if not 0 <= right <= guesses <= canaries:
        raise ValueError(
            f"there must be no more right ones than guesses, and no more guesses than canaries; got {right} right of "
            f"{guesses} guesses about {canaries} canaries"
        )
    if not 0 <= delta < 1:
        raise ValueError(f"delta must lie in [0, 1), got {delta}. It is a small chance, such as 1e-5.")


def _chance(guesses: int, right: int, canaries: int, epsilon: float, delta: float) -> float:
    """The largest chance of so many right guesses under (epsilon, delta): the p-value of that claim."""
    share = 1 / (1 + math.exp(-epsilon))
    chance = float(stats.binom.sf(right - 1, guesses, share))
    if delta and right:
        # Each canary may be given away with a chance of delta; the worst is when that lifts what is just missing.
        missing = np.cumsum(stats.binom.pmf(np.arange(right - 1, -1, -1), guesses, share))
        chance += 2 * canaries * delta * float((missing / np.arange(1, right + 1)).max())
    return min(chance, 1.0)


def right_needed(guesses: int, epsilon: float, *, canaries: int, delta: float = 1e-5, confidence: float = 0.95) -> int:
    """How many guesses must be right, so that the bound exceeds a claim.

    Parameters
    ----------
    guesses : int
        How many are made.
    epsilon : float
        The claim.
    canaries, delta, confidence
        As in :func:`epsilon_bound`.

    Returns
    -------
    int
        At most `guesses`.

    Raises
    ------
    ValueError
        If not even all of them are enough: such an audit cannot fail, whatever it audits. Or as
        :func:`epsilon_bound`.
    """
    _check_counts(guesses, guesses, canaries, delta, confidence)
    for right in range(guesses + 1):
        if _chance(guesses, right, canaries, epsilon, delta) <= 1 - confidence:
            return right
    raise ValueError(
        f"{guesses} guesses cannot exceed an epsilon of {epsilon:g} at {confidence:.0%} confidence and delta "
        f"{delta:g}, even if all are right. Without delta it takes {guesses_needed(epsilon, confidence=confidence)}."
    )


def guesses_needed(epsilon: float, *, confidence: float = 0.95) -> int:
    """The fewest guesses that, if all are right, exceed a claim; for delta 0.

    Parameters
    ----------
    epsilon : float
        The claim, at least 0.
    confidence : float, in (0, 1)
        Of the bound.

    Returns
    -------
    int
        62 for an epsilon of 3 at 95%.

    Raises
    ------
    ValueError
        If epsilon is negative or no number, or the confidence is none.
    """
    if not 0 <= epsilon < math.inf:
        raise ValueError(f"epsilon must be a finite number of at least 0, got {epsilon}")
    return math.ceil(math.log(1 - check_share(confidence, "confidence")) / -math.log1p(math.exp(-epsilon)))


@dataclass(frozen=True)
class Audit:
    """What an audit showed.

    Attributes
    ----------
    bound : float
        The largest epsilon that is refuted, at `confidence`.
    right, guesses, canaries : int
        Right guesses, guesses, and canaries.
    claim : float
        The epsilon that was claimed.
    delta, confidence : float
        Of claim and bound.
    """

    bound: float
    right: int
    guesses: int
    canaries: int
    claim: float
    delta: float
    confidence: float

    @property
    def exceeded(self) -> bool:
        """Whether the claim is refuted."""
        return self.bound > self.claim

    def __str__(self) -> str:
        return (
            f"epsilon is at least {self.bound:.2f} ({self.confidence:.0%} confidence, delta {self.delta:g}): "
            f"{self.right} of {self.guesses} guesses about {self.canaries:,} canaries right; "
            f"the claim of {self.claim:g} is {'refuted' if self.exceeded else 'not refuted'}"
        )


def audit_guesses(
    scores: ArrayLike,
    included: NDArray[np.bool_],
    guesses: int,
    *,
    claim: float,
    delta: float = 1e-5,
    confidence: float = 0.95,
) -> Audit:
    """Guess the canaries with the highest scores in, those with the lowest out, and nothing of the rest.

    Parameters
    ----------
    scores : array_like of float, shape (m,)
        Higher where a canary looks more like a member.
    included : numpy.ndarray of bool, shape (m,)
        Which were members, each by a fair coin of its own.
    guesses : int
        How many are guessed, half of them in; an even number that was fixed before anyone saw the scores.
    claim : float
        The epsilon that was claimed.
    delta, confidence : float
        As in :func:`epsilon_bound`.

    Returns
    -------
    Audit
        With its bound.

    Raises
    ------
    ValueError
        If a score is NaN or infinite, `included` is not a bool for each, there are more guesses than canaries, their
        number is odd, or so small that no bound would come of them if all were right.
    """
    given = check_scores(scores)
    members = np.asarray(included)
    if members.dtype != bool or members.shape != given.shape:
        raise ValueError(
            f"included must be bool of shape {given.shape}, one coin for each canary, got {members.dtype} of shape "
            f"{members.shape}"
        )
    if check_count(guesses, "guesses") % 2:
        raise ValueError(f"guesses must be an even number, half of them in and half out, got {guesses}")
    best = epsilon_bound(guesses, guesses, canaries=len(given), delta=delta, confidence=confidence)
    if best == 0:
        raise ValueError(
            f"{guesses} guesses about {len(given)} canaries bound no epsilon at {confidence:.0%} confidence and delta "
            f"{delta:g}, even if all are right. Take more canaries and guess more; a claim of {claim:g} takes "
            f"{guesses_needed(claim, confidence=confidence)} at least."
        )
    order = np.argsort(given, kind="stable")
    out, into = order[: guesses // 2], order[-(guesses // 2) :]
    right = int((~members[out]).sum() + members[into].sum())
    bound = epsilon_bound(guesses, right, canaries=len(given), delta=delta, confidence=confidence)
    return Audit(bound, right, guesses, len(given), claim, delta, confidence)


# ---- canaries


@dataclass(frozen=True)
class Canaries:
    """Pictures with wrong labels, each a member or not by its own coin.

    Attributes
    ----------
    images : numpy.ndarray of float32, shape (m, H, W, C)
        The pictures.
    labels : numpy.ndarray of int64, shape (m,)
        Their wrong labels.
    included : numpy.ndarray of bool, shape (m,)
        Which belong into the training.
    """

    images: Images
    labels: Labels
    included: NDArray[np.bool_]


def mislabelled_canaries(
    images: Images, labels: Labels, *, classes: int, number: int = 1000, seed: int = 0
) -> Canaries:
    """Draw pictures, give each a wrong label, and toss a coin for each.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1] that are not trained on otherwise.
    labels : numpy.ndarray of int64, shape (N,)
        Their right classes.
    classes : int
        How many classes there are, at least 2.
    number : int
        How many canaries, at most N.
    seed : int
        Of the choice, the labels and the coins.

    Returns
    -------
    Canaries
        Wrong labels are uniform among the others: who has not seen a canary cannot know its label.

    Raises
    ------
    ValueError
        If there are fewer pictures than canaries, fewer than two classes, or for labels or a seed that are none.
    """
    rng = np.random.default_rng(check_seed(seed))
    pictures = check_images(images)
    if check_count(classes, "classes") < 2:
        raise ValueError(f"a wrong label needs at least two classes, got {classes}")
    right = check_labels(labels, len(pictures), classes)
    if check_count(number, "number") > len(pictures):
        raise ValueError(
            f"{number:,} canaries need as many pictures, got {len(pictures):,}. Keep more out of training."
        )
    rows = rng.choice(len(pictures), number, replace=False)
    wrong = (right[rows] + rng.integers(1, classes, number)) % classes
    return Canaries(pictures[rows], wrong, rng.random(number) < 0.5)


def share_learnt(network: nn.Module, canaries: Canaries) -> Estimate:
    """The share of the included canaries whose wrong label a network gives: what an audit by loss can see.

    Parameters
    ----------
    network : torch.nn.Module
        As in :func:`helpers.privacy.per_picture_gradients`.
    canaries : Canaries
        The canaries.

    Returns
    -------
    Estimate
        Share in [0, 1]. About one in the number of classes, or less, where nothing was learnt by heart.

    Raises
    ------
    ValueError
        If none was included.
    """
    said = _logits(network, canaries.images[canaries.included]).argmax(axis=1)
    return proportion(said == canaries.labels[canaries.included])


def _logits(network: nn.Module, images: Images) -> NDArray[np.floating]:
    import torch

    from helpers.privacy.private_network import logits_of

    with torch.no_grad():
        found: NDArray[np.floating] = logits_of(network)(torch.tensor(images)).numpy()
    return found


def _losses(network: nn.Module, canaries: Canaries) -> NDArray[np.float64]:
    logits = _logits(network, canaries.images).astype(np.float64)
    return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(logits)), canaries.labels]


# ---- audits


def audit_training(
    implementation: Implementation,
    network: nn.Module,
    images: Images,
    labels: Labels,
    canaries: Canaries,
    plan: Plan,
    *,
    guesses: int = 200,
    delta: float = 1e-5,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Audit, nn.Module]:
    """Audit from outside: train with the included canaries, and look at the loss of all.

    Parameters
    ----------
    implementation : Implementation
        What is audited.
    network : torch.nn.Module
        Where training starts; it stays as it is.
    images : numpy.ndarray of float32, shape (n, H, W, C)
        Pictures in [0, 1] that are trained on besides.
    labels : numpy.ndarray of int64, shape (n,)
        Their classes.
    canaries : Canaries
        From :func:`mislabelled_canaries`, out of other pictures.
    plan : Plan
        How it is trained.
    guesses : int
        Fixed beforehand.
    delta, confidence : float
        As in :func:`epsilon_bound`.
    seed : int
        Of batches and noise.

    Returns
    -------
    Audit
        The score of a canary is by how much its loss fell.
    torch.nn.Module
        The trained network, for :func:`share_learnt`.

    Raises
    ------
    ValueError
        As :func:`audit_guesses` and :func:`helpers.privacy.releases`.
    """
    from helpers.privacy.broken import trained_with

    check_seed(seed)
    pictures = np.concatenate([images, canaries.images[canaries.included]])
    classes = np.concatenate([labels, canaries.labels[canaries.included]])
    trained = trained_with(implementation, network, pictures, classes, plan, seed=seed)
    fell = _losses(network, canaries) - _losses(trained, canaries)
    claimed = {"claim": implementation.claim, "delta": delta, "confidence": confidence}
    return audit_guesses(fell, canaries.included, guesses, **claimed), trained


def _quietest(network: nn.Module, images: Images, labels: Labels, norm: float, order: NDArray) -> NDArray[np.int64]:
    """Weights by how little pictures move them where training starts, ties in a given order."""
    from helpers.privacy.broken import clip_each, per_picture_gradients

    gradients = clip_each(per_picture_gradients(network, images[:_LOOKED_AT], labels[:_LOOKED_AT]), norm)
    loud = gradients.square().sum(dim=0).numpy()
    found: NDArray[np.int64] = order[np.argsort(loud[order], kind="stable")]
    return found


def audit_gradients(
    implementation: Implementation,
    network: nn.Module,
    images: Images,
    labels: Labels,
    plan: Plan,
    *,
    canaries: int = 1000,
    guesses: int = 200,
    delta: float = 1e-5,
    confidence: float = 0.95,
    seed: int = 0,
) -> Audit:
    """Audit from inside: canaries that are gradients, each along a weight of its own that pictures hardly move.

    Along any other weight the pictures together outshout a canary, with noise or without. The claim stands against
    attackers who know all but the coins, too, and they lay canaries where it is quiet: on `digits`, along
    weights of pixels that are always black.

    Parameters
    ----------
    implementation : Implementation
        What is audited.
    network : torch.nn.Module
        With as many weights as canaries, at least; it stays as it is.
    images : numpy.ndarray of float32, shape (n, H, W, C)
        Pictures in [0, 1] that are trained on besides.
    labels : numpy.ndarray of int64, shape (n,)
        Their classes.
    plan : Plan
        How it is trained.
    canaries : int
        How many. Each is 100 C long: what clips each member makes C of it, and the sum tells them apart best.
    guesses : int
        Fixed beforehand.
    delta, confidence : float
        As in :func:`epsilon_bound`.
    seed : int
        Of the canaries, their coins, batches and noise.

    Returns
    -------
    Audit
        The score of a canary is how far all releases together went along its weight: what anybody can see who knows
        the network before and after.

    Raises
    ------
    ValueError
        If the network has fewer weights than there are canaries, or as :func:`audit_guesses` and
        :func:`helpers.privacy.releases`.

    References
    ----------
    Steinke, Nasr and Jagielski, 2023: the Dirac canary.
    """
    import torch

    from helpers.privacy.broken import releases

    rng = np.random.default_rng(check_seed(seed))
    size = sum(each.numel() for each in network.parameters())
    if check_count(canaries, "canaries") > size:
        raise ValueError(f"each of {canaries:,} canaries needs a weight of its own, and the network has {size:,}")
    along = _quietest(network, images, labels, plan.norm, rng.permutation(size))[:canaries]
    included = rng.random(canaries) < 0.5
    planted = torch.zeros(int(included.sum()), size)
    planted[torch.arange(len(planted)), torch.tensor(along[included])] = _CANARY_NORM * plan.norm
    steps = releases(implementation, copy.deepcopy(network), images, labels, plan, planted=planted, seed=seed)
    went = sum(step.released for step in steps).numpy()[along]
    return audit_guesses(went, included, guesses, claim=implementation.claim, delta=delta, confidence=confidence)
