"""What an attack that uses gradients increases: losses of logits, each with its slope.

They are written once, in NumPy, for Keras and torch alike: a network only carries a loss's slope at its logits back to
the pictures. All take logits (N, K), the true classes (N,) and the classes that the attacker wants (N,), or None where
any wrong class will do, and give a value for each picture, (N,), that grows as the attacker gets nearer, and its slope
with respect to the logits, (N, K).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from helpers.attacks.base import margins
from helpers.contracts import Labels

Floats = NDArray[np.float64]
Loss = Callable[[Floats, Labels, Labels | None], tuple[Floats, Floats]]
"""Logits (N, K), labels (N,) and targets (N,) or None to values (N,) and slopes (N, K)."""


def cross_entropy(logits: Floats, labels: Labels, targets: Labels | None = None) -> tuple[Floats, Floats]:
    """How surprised the network is by the true class; with a target, how little by the target.

    Its slope is the softmax: where logits are more than 103 apart it is 0 in float32, and no attack moves.

    Parameters
    ----------
    logits, labels, targets
        As said above, for all losses.

    Returns
    -------
    (numpy.ndarray of float64, shape (N,), numpy.ndarray of float64, shape (N, K))
        Values, in nats, and slopes.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018.
    """
    aim, sign = (labels, 1.0) if targets is None else (targets, -1.0)
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    surprise = np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, aim]
    slopes = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    slopes[rows, aim] = 0.0
    slopes[rows, aim] = -slopes.sum(axis=1)  # p - 1, without the rounding of a p that is nearly 1
    return sign * surprise, sign * slopes


def margin(logits: Floats, labels: Labels, targets: Labels | None = None) -> tuple[Floats, Floats]:
    """The largest other logit less that of the true class; with a target, its logit less the largest other.

    Parameters
    ----------
    logits, labels, targets
        As said above, for all losses.

    Returns
    -------
    (numpy.ndarray of float64, shape (N,), numpy.ndarray of float64, shape (N, K))
        Values and slopes. The slope is never small, however sure the network is.

    References
    ----------
    Carlini and Wagner, "Towards Evaluating the Robustness of Neural Networks", 2017: f6, without its end at 0.
    """
    aim, sign = (labels, -1.0) if targets is None else (targets, 1.0)
    rows = np.arange(len(logits))
    slopes = np.zeros_like(logits)
    slopes[rows, aim] = sign
    slopes[rows, _largest_other(logits, aim)] = -sign
    return -margins(logits, aim, targeted=targets is not None), slopes


def dlr(logits: Floats, labels: Labels, targets: Labels | None = None) -> tuple[Floats, Floats]:
    """The difference of logits ratio: a margin in units of the spread of the logits, so that their scale is nothing.

    Parameters
    ----------
    logits, labels, targets
        As said above, for all losses.

    Returns
    -------
    (numpy.ndarray of float64, shape (N,), numpy.ndarray of float64, shape (N, K))
        Values and slopes.

    Raises
    ------
    ValueError
        If there are fewer than 3 classes, or fewer than 4 with a target.

    References
    ----------
    Croce and Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
    2020: equations 6 and 7.
    """
    needed = 3 if targets is None else 4
    if logits.shape[1] < needed:
        aim = "" if targets is None else " with targets"
        raise ValueError(f"dlr{aim} needs at least {needed} classes, got {logits.shape[1]}; take loss='margin'")
    rows, order = np.arange(len(logits)), np.argsort(-logits, axis=1, kind="stable")
    wanted = _largest_other(logits, labels) if targets is None else targets
    difference, spread = np.zeros_like(logits), np.zeros_like(logits)
    np.add.at(difference, (rows, wanted), 1.0)
    np.add.at(difference, (rows, labels), -1.0)
    spread[rows, order[:, 0]] = 1.0
    for place in (2,) if targets is None else (2, 3):
        spread[rows, order[:, place]] = -1.0 if targets is None else -0.5
    gap = (difference * logits).sum(axis=1)
    scale = np.maximum((spread * logits).sum(axis=1), 1e-12)  # three equal logits have no spread
    return gap / scale, difference / scale[:, None] - (gap / scale**2)[:, None] * spread


def softmax_cross_entropy(logits: Floats, labels: Labels, targets: Labels | None = None) -> tuple[Floats, Floats]:
    """A mistake, kept to be seen: the cross-entropy of what a model's softmax has given, in float32.

    As Keras computes it from probabilities, clipped to [1e-7, 1 - 1e-7]. Where a network is so sure that float32 rounds
    its answer to 1 (logits some 17 apart), the slope is 0: an attack stands still, and the network looks robust.

    Parameters
    ----------
    logits, labels, targets
        As said above, for all losses.

    Returns
    -------
    (numpy.ndarray of float64, shape (N,), numpy.ndarray of float64, shape (N, K))
        Values, in nats, and slopes.
    """
    aim, sign = (labels, 1.0) if targets is None else (targets, -1.0)
    rows = np.arange(len(logits))
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float32))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    own = probabilities[rows, aim]
    clipped = np.clip(own, np.float32(1e-7), np.float32(1) - np.float32(1e-7))
    behind = np.where(own == clipped, -1 / clipped, np.float32(0))  # a clip hands no gradient on
    slopes = probabilities * -(behind * own)[:, None]
    slopes[rows, aim] += behind * own
    return sign * -np.log(clipped).astype(np.float64), sign * slopes.astype(np.float64)


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "margin": margin,
    "dlr": dlr,
    "softmax_cross_entropy": softmax_cross_entropy,
}


def find_loss(loss: str | Loss) -> Loss:
    """A loss by its name, or the one that was given.

    Parameters
    ----------
    loss : str or callable
        One of ``cross_entropy``, ``margin``, ``dlr`` and, to see it fail, ``softmax_cross_entropy``; or a function like
        them.

    Returns
    -------
    callable
        The loss.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, or a function like them; got {loss!r}")
    return LOSSES[loss]


def _largest_other(logits: Floats, classes: Labels) -> NDArray[np.int64]:
    others = logits.copy()
    others[np.arange(len(logits)), classes] = -np.inf
    return others.argmax(axis=1)
