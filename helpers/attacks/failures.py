"""Is it the network that is robust, or the attack that failed? A list of checks, one finding each.

After Pintor et al., "Indicators of Attack Failure: Debugging and Improving Optimization of Adversarial Examples",
2022, and Carlini et al., "On Evaluating Adversarial Robustness", 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from helpers.attacks.base import Attacked, ThreatModel, check_attack, margins
from helpers.attacks.evaluation import check_moved, reads_rightly
from helpers.attacks.losses import LOSSES
from helpers.attacks.networks import Logits, Network, Slopes
from helpers.attacks.white_box import pgd
from helpers.contracts import Images, Labels, Predict, check_fits, check_seed
from helpers.intervals import Estimate, proportion

WhiteBox = Callable[[Network, Images, Labels, ThreatModel], Attacked]
"""A network, pictures, labels and how far: :func:`pgd`, or ``functools.partial(pgd, steps=40)``."""
BlackBox = Callable[[Predict, Images, Labels, ThreatModel], Attacked]
"""The same of a predict function."""
Masking = Literal["saturated", "shattered", "random"]

# Seven checks at this level accuse an honest pair of network and attack of anything in fewer than 5 of 100 cases.
_LEVEL = 0.05 / 7
# What an honest pair may show. A picture in a hundred is rounding, or sits on the border. Attacks of few steps never
# quite arrive: of some 95 digits PGD-20 left 1 to 4 to a longer run, PGD-10 2 to 6 (plain and robust, three seeds).
_TOLERATED = 0.01
_TOLERATED_UNFINISHED = 0.05
# Two runs of the same sums differ by the rounding of float32, some 1e-6 of the largest value; a draw differs by all.
_ROUNDING = 1e-3
_DRAWS = 20  # of a randomised network for one answer: what is left of its noise is less than a quarter


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    name : str
        The check.
    triggered : bool
        Whether it speaks against the attack.
    share : Estimate
        The share of pictures in which it shows, of those that are read rightly before the attack.
    evidence : str
        What was measured, in numbers.
    advice : str
        What to do where it is triggered.
    """

    name: str
    triggered: bool
    share: Estimate
    evidence: str
    advice: str

    def __str__(self) -> str:
        return f"{'!' if self.triggered else ' '} {self.name}: {self.evidence}" + (
            f" {self.advice}" if self.triggered else ""
        )


@dataclass(frozen=True)
class CheckList:
    """All findings about an attack on a network.

    Attributes
    ----------
    findings : tuple of Finding
        One for each check.
    masking : {"saturated", "shattered", "random"} or None
        How the network hides its gradients, where it does.
    """

    findings: tuple[Finding, ...]
    masking: Masking | None

    @property
    def triggered(self) -> tuple[str, ...]:
        """Names of the checks that speak against the attack."""
        return tuple(finding.name for finding in self.findings if finding.triggered)

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)


def check_list(
    network: Network,
    images: Images,
    labels: ArrayLike,
    threat: ThreatModel,
    *,
    attack: WhiteBox,
    black_box: BlackBox,
    deployed: Network | None = None,
    seed: int = 0,
) -> CheckList:
    """Look for signs that an attack failed, before calling a network robust.

    Parameters
    ----------
    network : Network
        What the attack is let loose on; it is watched there.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1]; a hundred tell the most, and each check needs some.
    labels : array_like of int, shape (N,)
        True classes.
    threat : ThreatModel
        How far the attack may go.
    attack : callable
        The attack in question. It is run twice: as far as `threat` allows, and without bounds.
    black_box : callable
        An attack without gradients, to compare.
    deployed : Network, optional
        What is to be fooled, where `network` only stands for it.
    seed : int
        Of random places and longer runs.

    Returns
    -------
    CheckList
        Seven findings, and the masking that they point to.

    Raises
    ------
    ValueError
        If no picture is read rightly, or an attack leaves what is allowed.

    Notes
    -----
    A check is triggered where its share is above what an honest pair may show, 1% (5% for unfinished runs), by an exact
    binomial test at 0.05 / 7. With 100 pictures that takes 5 (12). What it cannot see: a failure that shows in fewer.
    """
    check_seed(seed)
    judge = network if deployed is None else deployed
    pictures, truth = check_attack(images, labels)
    check_fits(pictures, (None, *network.shape))
    case = _Case(network, judge, threat, pictures, truth, seed)
    case = case.only(case.right(pictures))
    watch = _Watch(case)
    attacked = attack(watch.network(), case.images, case.labels, threat)
    moved = check_moved(attacked, case.images, threat, "the attack")
    robust = case.right(moved)
    zero = case.without_gradient("cross_entropy")
    flat = case.without_gradient("margin")
    findings = (
        _silent(case, watch, robust),
        _unfinished(case, moved, robust),
        _untransferred(attacked, robust),
        _bounded(case, attack),
        _overtaken(case, black_box, robust),
        _zero(zero, flat),
        _unrepeatable(case),
    )
    return CheckList(findings, _masking(findings, zero, flat))


@dataclass(frozen=True)
class _Case:
    """A network, the pictures that it reads rightly, and what can be asked about both."""

    network: Network
    judge: Network
    threat: ThreatModel
    images: Images
    labels: Labels
    seed: int

    def only(self, rows: NDArray[np.bool_]) -> _Case:
        if not rows.any():
            raise ValueError(
                f"{self.judge.name} reads none of {len(rows)} pictures rightly: there is nothing to attack"
            )
        return replace(self, images=self.images[rows], labels=self.labels[rows])

    def right(self, images: Images) -> NDArray[np.bool_]:
        return reads_rightly(self.judge.ask, images, self.labels, _DRAWS if self.judge.random else 1)

    def gradients(self, images: Images, loss: str) -> tuple[Logits, NDArray[np.float32]]:
        return self.network.gradient(images, lambda z: LOSSES[loss](z.astype(np.float64), self.labels, None)[1])

    def without_gradient(self, loss: str) -> NDArray[np.bool_]:
        """Pictures whose gradient is 0 or not finite, at themselves and at a random place beside."""
        beside = self.threat.random(self.images, np.random.default_rng(self.seed))
        found = [self.gradients(images, loss)[1].reshape(len(images), -1) for images in (self.images, beside)]
        return np.all([~np.isfinite(each).all(axis=1) | ~each.any(axis=1) for each in found], axis=0)


@dataclass
class _Watch:
    """Sees where an attack has been, and keeps for each picture the place where its margin was lowest."""

    case: _Case
    best: NDArray[np.float64] = field(init=False)
    places: Images = field(init=False)

    def __post_init__(self) -> None:
        self.best = np.full(len(self.case.labels), np.inf)
        self.places = self.case.images.copy()

    def network(self) -> Network:
        inside = self.case.network

        def logits(images: Images) -> Logits:
            answers = inside.logits(images)
            self.see(images, answers)
            return answers

        def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
            answers, change = inside.gradient(images, slopes)
            self.see(images, answers)
            return answers, change

        return replace(inside, logits=logits, gradient=gradient)

    def see(self, images: Images, answers: Logits) -> None:
        # Attacks ask in batches of their own making: a place belongs to the picture that it is nearest to.
        flat, originals = (each.reshape(len(each), -1).astype(np.float64) for each in (images, self.case.images))
        owners = ((originals**2).sum(axis=1) - 2 * flat @ originals.T).argmin(axis=1)
        allowed = self.case.threat.sizes(images, self.case.images[owners]) <= self.case.threat.epsilon + 1e-5
        reached = margins(answers, self.case.labels[owners])
        for row in np.flatnonzero(allowed & (reached < self.best[owners])):
            if reached[row] < self.best[owners[row]]:  # one picture may stand there twice
                self.best[owners[row]], self.places[owners[row]] = reached[row], images[row]


def _finding(name: str, shows: NDArray[np.bool_], evidence: str, advice: str, tolerated: float = _TOLERATED) -> Finding:
    hits = int(shows.sum())
    triggered = stats.binomtest(hits, len(shows), tolerated, alternative="greater").pvalue < _LEVEL
    return Finding(name, bool(triggered), proportion(shows), f"{hits} of {len(shows)} {evidence}.", advice)


def _silent(case: _Case, watch: _Watch, robust: NDArray[np.bool_]) -> Finding:
    passed = robust & ~case.right(watch.places)
    return _finding(
        "silent success",
        passed,
        "pictures were fooled on the way and not at its end",
        "Keep the best place of a run, not the last.",
    )


def _unfinished(case: _Case, moved: Images, robust: NDArray[np.bool_]) -> Finding:
    gained = np.zeros_like(robust)
    if robust.any():
        rest = case.only(robust)
        further = pgd(case.network, rest.images, rest.labels, case.threat, start=moved[robust], seed=case.seed)
        gained[np.flatnonzero(robust)] = ~rest.right(further.images)
    return _finding(
        "incomplete optimisation",
        gained,
        "pictures were fooled when PGD-40 went on from where the attack had stopped",
        "Take more steps, or larger ones.",
        _TOLERATED_UNFINISHED,
    )


def _untransferred(attacked: Attacked, robust: NDArray[np.bool_]) -> Finding:
    return _finding(
        "transfer failure",
        np.asarray(attacked.fooled, bool) & robust,
        "pictures fool what was attacked and not what is deployed",
        "Attack the deployed network itself, or something closer to it; average over its randomness.",
    )


def _bounded(case: _Case, attack: WhiteBox) -> Finding:
    farthest = 1.0 if case.threat.norm == "linf" else float(np.sqrt(case.images[0].size))
    everywhere = ThreatModel(farthest, case.threat.norm)
    moved = check_moved(
        attack(case.network, case.images, case.labels, everywhere), case.images, everywhere, "the attack"
    )
    return _finding(
        "unconstrained attack does not succeed",
        case.right(moved),
        "pictures are not even fooled when every picture is allowed",
        "The attack is broken or blind: look at its gradients and its step size.",
    )


def _overtaken(case: _Case, black_box: BlackBox, robust: NDArray[np.bool_]) -> Finding:
    attacked = black_box(case.judge.predict, case.images, case.labels, case.threat)
    left = case.right(check_moved(attacked, case.images, case.threat, "the black-box attack"))
    more, fewer = int((robust & ~left).sum()), int((left & ~robust).sum())
    ahead = more + fewer > 0 and stats.binomtest(more, more + fewer, alternative="greater").pvalue < _LEVEL
    return Finding(
        "black box stronger than white box",
        bool(ahead),
        proportion(robust & ~left),
        f"{attacked.name} fools {more} of {len(robust)} pictures that the attack does not, which fools {fewer} others.",
        "Gradients lead the attack astray: another loss, BPDA, or averages over randomness.",
    )


def _zero(zero: NDArray[np.bool_], flat: NDArray[np.bool_]) -> Finding:
    return _finding(
        "gradients zero",
        zero,
        f"pictures have no gradient of the cross-entropy, and {int(flat.sum())} none of the margin",
        "Take loss='margin'."
        if flat.sum() < zero.sum() / 2
        else "Go around what has no gradient (BPDA), or do without (a black-box attack).",
    )


def _unrepeatable(case: _Case) -> Finding:
    one, other = (case.gradients(case.images, "margin") for _ in range(2))
    differs = np.zeros(len(case.labels), bool)
    for before, after in zip(one, other, strict=True):
        first, second = (np.nan_to_num(each.reshape(len(each), -1)) for each in (before, after))
        differs |= np.abs(first - second).max(axis=1) > _ROUNDING * np.abs(first).max(axis=1)
    return _finding(
        "gradients not repeatable",
        differs,
        "pictures have other answers or gradients when asked again",
        "Average over the randomness at every step: eot(network, draws).",
    )


def _masking(findings: tuple[Finding, ...], zero: NDArray[np.bool_], flat: NDArray[np.bool_]) -> Masking | None:
    triggered = {finding.name for finding in findings if finding.triggered}
    if "gradients not repeatable" in triggered:
        return "random"
    if "gradients zero" in triggered:
        return "saturated" if flat.sum() < zero.sum() / 2 else "shattered"
    return None
