"""Is the network robust, or does it hide its gradients? The claim under attacks that no masking of 06 stops.

References: Athalye, Carlini and Wagner, "Obfuscated Gradients Give a False Sense of Security", 2018; Tramèr et al., "On
Adaptive Attacks to Adversarial Example Defenses", 2020; Carlini et al., "On Evaluating Adversarial Robustness", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from helpers import attacks
from helpers.attacks import Network, ThreatModel
from helpers.attacks.evaluation import Attack
from helpers.contracts import Images, check_count, check_seed
from helpers.datasets import Split
from helpers.rivals.results import LEVEL, AuditResult, p_below_claim

_STEPS = 20
_SAME = 1e-4  # logits of one picture asked twice differ by rounding alone, unless they are drawn
_GAP = 10.0  # logits between the first and the second class, for an attack that sees probabilities: e to the 10th apart


@dataclass(frozen=True)
class UnderAttack:
    """What a maker hands over for an accuracy under attack: the network itself, and what was counted.

    Attributes
    ----------
    network : helpers.attacks.Network
        With its gradients.
    threat : helpers.attacks.ThreatModel
        How far pictures were moved.
    hits, n : int
        Pictures that were read rightly under the maker's attack, and all that were attacked.

    Raises
    ------
    ValueError
        If the counts cannot be.
    """

    network: Network
    threat: ThreatModel
    hits: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= check_count(self.n, "n"):
            raise ValueError(f"hits must lie in 0..{self.n}, got {self.hits}")


def audit_robustness(
    evidence: UnderAttack,
    fresh: Split,
    *,
    tolerance: float = 0.05,
    queries: int = 400,
    level: float = LEVEL,
    seed: int = 0,
) -> AuditResult:
    """Hold the claim against attacks that need no gradient, or mend what hides it.

    Parameters
    ----------
    evidence : UnderAttack
        What the maker handed over.
    fresh : Split
        Pictures of the same kind that the maker never had; some hundred are enough.
    tolerance : float
        How much less an honest network may hold under these than under the maker's, in [0, 1): no attack finds all.
    queries : int
        Questions of the Square attack about each picture.
    level : float, in (0, 1)
        From which p-value on it accuses.
    seed : int
        Of the attacks.

    Returns
    -------
    AuditResult
        A picture counts as held where it is read rightly under all of them: PGD on the margin, which does not saturate,
        and the Square attack, which needs no gradient and is shown logits on a scale that its softmax can tell apart.

    Raises
    ------
    TypeError, ValueError
        If the evidence is of another kind, an argument is out of range, or the network answers at random.

    Notes
    -----
    Null: under these attacks the network holds on fresh pictures at least the share that it holds under the maker's,
    less the tolerance. The attacks are chosen before anything is measured. The test is that of Berger and Boos (1994):
    exact binomial, at the low end of the claim's own interval. What it cannot see: a masking that stops both attacks. A
    random network is refused, for a hundred pictures and a few seconds do not break one (it takes :func:`attacks.eot`).
    """
    if not isinstance(evidence, UnderAttack):
        raise TypeError(f"evidence must be an UnderAttack, got {type(evidence).__name__}")
    check_seed(seed)
    images = fresh.images
    network = evidence.network
    _refuse_random(network, images[:8])
    panel: dict[str, Attack] = {
        "PGD on the margin": partial(attacks.pgd, network, steps=_STEPS, loss="margin", seed=seed),
        "Square": partial(attacks.square, _tempered(network, images).predict, queries=queries, seed=seed),
    }
    left = attacks.evaluate_robustness(network.predict, images, fresh.labels, evidence.threat, panel, seed=seed)
    held = int(left.right["worst"].sum())
    p = p_below_claim(held, len(fresh), evidence.hits, evidence.n, tolerance=tolerance, level=level)
    by_attack = ", ".join(f"{share.value:.0%} under {name}" for name, share in left.attacks.items())
    found = (
        f"Claimed {evidence.hits / evidence.n:.0%} of {evidence.n} at {evidence.threat}; on {len(fresh)} fresh "
        f"pictures {left.clean.value:.0%} as they are, {by_attack}, {left.worst.value:.0%} under all."
    )
    return AuditResult("robustness under fair attacks", p, level, found)


def _tempered(network: Network, images: Images) -> Network:
    """The same answers with probabilities that are not rounded to 0 and 1."""
    ordered = np.sort(network.ask(images), axis=1)
    factor = np.float32(_GAP / max(float(np.median(ordered[:, -1] - ordered[:, -2])), 1e-12))
    return replace(network, logits=lambda pictures: factor * network.logits(pictures))


def _refuse_random(network: Network, images: Images) -> None:
    """What the network says of itself is not believed: it is asked twice."""
    one, other = network.ask(images), network.ask(images)
    if np.abs(one - other).max() > _SAME * np.abs(one).max():
        raise ValueError(
            f"{network.name!r} gives the same pictures other answers when it is asked again. Average it first: "
            "attacks.eot(network, draws=30), and look at attacks.check_list."
        )
