"""Attacks that use gradients: one step (FGSM) and many (PGD)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.attacks.base import Attacked, ThreatModel, check_attack, check_threat, margins
from helpers.attacks.losses import Loss, find_loss
from helpers.attacks.networks import Network, network
from helpers.contracts import Images, Labels, check_count, check_fits, check_labels, check_logits, check_seed, rng_of
from helpers.progress import with_bar


def fgsm(
    model: Any,
    images: Images,
    labels: ArrayLike,
    threat: ThreatModel,
    *,
    random_start: bool = False,
    targets: ArrayLike | None = None,
    loss: str | Loss = "cross_entropy",
    batch_size: int = 256,
    seed: int = 0,
) -> Attacked:
    """One step of the full size along the gradient.

    Parameters
    ----------
    model, images, labels, threat, targets, loss, batch_size, seed
        As for :func:`pgd`.
    random_start : bool
        Whether to begin at a random place, and go 1.25 times as far.

    Returns
    -------
    Attacked
        As for :func:`pgd`.

    Raises
    ------
    TypeError, ValueError
        As :func:`pgd`.

    References
    ----------
    Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", 2015; Wong, Rice and Kolter, "Fast
    is better than free", 2020: the random start and 1.25.
    """
    check_seed(seed)
    check_threat(threat)
    return pgd(
        model, images, labels, threat, steps=1, step_size=threat.epsilon * (1.25 if random_start else 1.0),
        start=None if random_start else images, targets=targets, loss=loss, batch_size=batch_size, seed=seed,
        name="FGSM, random start" if random_start else "FGSM",
    )  # fmt: skip


def pgd(
    model: Any,
    images: Images,
    labels: ArrayLike,
    threat: ThreatModel,
    *,
    steps: int = 40,
    step_size: float | None = None,
    restarts: int = 1,
    start: Images | None = None,
    targets: ArrayLike | None = None,
    loss: str | Loss = "cross_entropy",
    early_stop: bool = True,
    batch_size: int = 256,
    seed: int = 0,
    name: str | None = None,
) -> Attacked:
    """Projected gradient descent: many steps, each back into what is allowed. The best of all places is kept.

    Parameters
    ----------
    model : Network, keras.Model or torch.nn.Module
        What :func:`network` takes.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : array_like of int, shape (N,)
        Their true classes.
    threat : ThreatModel
        How far pictures may be moved.
    steps : int
        Steps of one run.
    step_size : float, optional
        Length of a step in the norm of `threat`; ``2.5 * epsilon / steps`` if not given.
    restarts : int
        How many runs; each begins at a random place.
    start : numpy.ndarray of float32, shape (N, H, W, C), optional
        Where the first run begins instead: ``images`` for the pictures themselves.
    targets : array_like of int, shape (N,), optional
        Classes that the attacker wants the pictures to be read as; otherwise any wrong one will do.
    loss : str or callable
        What is increased, as :func:`find_loss` takes it.
    early_stop : bool
        Whether a picture that is fooled leaves the batch. It changes not who is fooled, but how clearly. Randomised
        networks never stop early: one lucky draw fools nobody.
    batch_size : int
        Pictures that go through the network at once.
    seed : int
        Random starts come from this seed and the picture itself: what stands beside it changes nothing.
    name : str, optional
        How tables call it.

    Returns
    -------
    Attacked
        The places with the lowest margins. Pictures that are where the attacker wants them from the start stay as they
        are and count as fooled. What a randomised network says of its best places is asked anew.

    Raises
    ------
    TypeError, ValueError
        If the model has no gradients, the pictures, labels or targets are none or do not fit the model, the model gives
        probabilities in place of logits, or an argument is out of range.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018.
    """
    check_seed(seed)
    net = network(model)
    check_threat(threat)
    originals, truth, wanted, first = _check_start(net, images, labels, targets, batch_size)
    name = f"PGD-{steps}" + (f"x{restarts}" if restarts != 1 else "") if name is None else name
    size = 2.5 * threat.epsilon / check_count(steps, "steps") if step_size is None else _check_step(step_size)
    plan = _Plan(net, threat, steps, size, find_loss(loss), early_stop and not net.random)
    found = _Found(originals.copy(), first.copy(), np.full(len(originals), net.calls))
    given = None if start is None else _check_inside(start, originals, threat)
    generators = [rng_of(picture, seed) for picture in originals]
    batches = [np.arange(at, min(at + batch_size, len(truth))) for at in range(0, len(truth), batch_size)]
    blocks = [batch[some] for batch in batches for some in net.pieces(len(batch))]
    for rows, run in with_bar(list(itertools.product(blocks, range(check_count(restarts, "restarts")))), name):
        rows = rows[first[rows] > 0 if not plan.early_stop else found.margins[rows] > 0]
        if len(rows):
            begin = given[rows] if given is not None and run == 0 else _random(threat, originals, rows, generators)
            _climb(plan, found, rows, begin, originals[rows], truth[rows], None if wanted is None else wanted[rows])
    if net.random:
        _ask_again(net, found, first > 0, truth, wanted, batch_size)
    return Attacked(name, threat, found.images, found.margins <= 0, found.margins.astype(np.float32), found.queries)


@dataclass(frozen=True)
class _Plan:
    net: Network
    threat: ThreatModel
    steps: int
    step_size: float
    loss: Loss
    early_stop: bool


@dataclass
class _Found:
    """The best that has been found for each picture so far."""

    images: Images
    margins: NDArray[np.float64]
    queries: NDArray[np.int64]

    def keep(self, rows: NDArray[np.int64], images: Images, reached: NDArray[np.float64], calls: int) -> None:
        better = _better(reached, self.margins[rows])
        self.images[rows[better]] = images[better]
        self.margins[rows[better]] = reached[better]
        self.queries[rows] += calls


def _better(reached: NDArray[np.float64], best: NDArray[np.float64]) -> NDArray[np.bool_]:
    return reached < best


def _climb(
    plan: _Plan,
    found: _Found,
    rows: NDArray[np.int64],
    images: Images,
    originals: Images,
    labels: Labels,
    targets: Labels | None,
) -> None:
    """One run of some pictures; what it finds is kept in `found`."""
    for _ in range(plan.steps):
        logits, gradient = _slopes(plan, images, labels, targets)
        reached = _margins(logits, labels, targets)
        found.keep(rows, images, reached, plan.net.calls)
        if plan.early_stop and (reached <= 0).any():
            left = reached > 0
            if not left.any():
                return
            rows, images, originals, labels = rows[left], images[left], originals[left], labels[left]
            gradient, targets = gradient[left], None if targets is None else targets[left]
        images = plan.threat.project(images + _step(gradient, plan), originals)
    found.keep(rows, images, _margins(plan.net.ask(images, len(images)), labels, targets), plan.net.calls)


def _slopes(
    plan: _Plan, images: Images, labels: Labels, targets: Labels | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits, and the slope of each picture's loss at its pixels."""
    return plan.net.gradient(images, lambda given: plan.loss(given.astype(np.float64), labels, targets)[1])


def _step(gradient: NDArray[np.float32], plan: _Plan) -> NDArray[np.float32]:
    if plan.threat.norm == "linf":
        return np.float32(plan.step_size) * np.sign(gradient)
    # In float64: a sure network's gradients are so small that their squares are 0 in float32.
    flat = gradient.reshape(len(gradient), -1).astype(np.float64)
    length = np.maximum(np.sqrt((flat**2).sum(axis=1, keepdims=True)), np.finfo(np.float64).tiny)
    return (plan.step_size * flat / length).astype(np.float32).reshape(gradient.shape)


def _margins(logits: NDArray, labels: Labels, targets: Labels | None) -> NDArray[np.float64]:
    return margins(logits, labels) if targets is None else margins(logits, targets, targeted=True)


def _random(
    threat: ThreatModel, originals: Images, rows: NDArray[np.int64], generators: list[np.random.Generator]
) -> Images:
    # A generator for each picture: what stands beside it, and how large batches are, changes nothing.
    return np.concatenate([threat.random(originals[row : row + 1], generators[row]) for row in rows])


def _ask_again(
    net: Network, found: _Found, attacked: NDArray[np.bool_], truth: Labels, wanted: Labels | None, batch_size: int
) -> None:
    """Replace the luckiest answer of a randomised network by a fresh one."""
    rows = np.flatnonzero(attacked)
    if len(rows):
        again = net.ask(found.images[rows], batch_size)
        found.margins[rows] = _margins(again, truth[rows], None if wanted is None else wanted[rows])
        found.queries[rows] += net.calls


def _check_start(
    net: Network, images: Images, labels: ArrayLike, targets: ArrayLike | None, batch_size: int
) -> tuple[Images, Labels, Labels | None, NDArray[np.float64]]:
    """Pictures, labels and targets that are some, and the margins to begin with."""
    pictures, truth = check_attack(images, labels)
    logits = net.ask(pictures, batch_size)
    check_logits(logits, f"what {net.name} gives")
    classes = logits.shape[1]
    check_labels(truth, len(truth), classes)
    if logits.min() >= 0 and np.abs(logits.sum(axis=1) - 1).max() < 1e-4:
        raise ValueError(
            f"what {net.name} gives sums to 1 for each picture: these are probabilities, and logits are needed, for "
            "the gradients of the softmax vanish where the network is sure. Give the model without its softmax."
        )
    wanted = None if targets is None else check_labels(np.asarray(targets), len(truth), classes, "targets")
    return pictures, truth, wanted, _margins(logits, truth, wanted)


def _check_inside(start: Images, originals: Images, threat: ThreatModel) -> Images:
    begin = check_attack(start, np.zeros(len(start), np.int64))[0]
    check_fits(begin, (None, *originals.shape[1:]), "start")
    if len(begin) != len(originals) or not (threat.sizes(begin, originals) <= threat.epsilon + 1e-5).all():
        raise ValueError(f"start must hold a picture for each, at most {threat} from it: {len(begin)} given")
    return begin


def _check_step(step_size: float) -> float:
    if not (np.isfinite(step_size) and step_size >= 0):
        raise ValueError(f"step_size must be a number of at least 0, got {step_size!r}")
    return float(step_size)
