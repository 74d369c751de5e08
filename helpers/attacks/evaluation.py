"""How robust a classifier is: several attacks in one table, and the worst of them picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.attacks.base import Attacked, ThreatModel, check_attack
from helpers.contracts import Images, Labels, Predict, check_answers, check_count, check_labels, check_seed
from helpers.intervals import Estimate, proportion

Attack = Callable[[Images, Labels, ThreatModel], Attacked]
"""Pictures, labels and how far: ``functools.partial(pgd, network, steps=40)``."""


@dataclass(frozen=True)
class Robustness:
    """What of a classifier's accuracy is left under attack.

    Attributes
    ----------
    threat : ThreatModel
        How far each attack was allowed to go.
    clean : Estimate
        Accuracy on the pictures as they are.
    noise : Estimate
        Accuracy on a random place inside the threat model: what an attack has to beat.
    attacks : dict of str to Estimate
        Accuracy under each attack.
    worst : Estimate
        Share of pictures that are read rightly under all of them: at most the least of `attacks`, often less.
    right : dict of str to numpy.ndarray of bool, shape (N,)
        Picture by picture: ``clean``, ``noise``, each attack, ``worst``.
    """

    threat: ThreatModel
    clean: Estimate
    noise: Estimate
    attacks: dict[str, Estimate]
    worst: Estimate
    right: dict[str, NDArray[np.bool_]]


def evaluate_robustness(
    predict: Predict,
    images: Images,
    labels: ArrayLike,
    threat: ThreatModel,
    attacks: Mapping[str, Attack],
    *,
    draws: int = 1,
    seed: int = 0,
) -> Robustness:
    """Attack all pictures in all ways, and believe the classifier, not the attack, about who was fooled.

    Parameters
    ----------
    predict : callable
        The classifier as it is deployed, defences included: pictures to probabilities or logits.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : array_like of int, shape (N,)
        True classes.
    threat : ThreatModel
        How far each attack may go; one that goes farther is refused.
    attacks : mapping of str to callable
        What to attack with.
    draws : int
        How often `predict` is asked for one answer, averaged: more than 1 for a randomised classifier.
    seed : int
        Of the random noise.

    Returns
    -------
    Robustness
        Shares of all N pictures, with 95% intervals.

    Raises
    ------
    TypeError, ValueError
        If there is no attack, one is called ``clean``, ``noise`` or ``worst``, or one leaves what is allowed; and for
        pictures and labels that are none.
    """
    rng = np.random.default_rng(check_seed(seed))
    pictures, truth = check_attack(images, labels)
    if not attacks or {"clean", "noise", "worst"} & set(attacks):
        raise ValueError(f"attacks must name one or more, and none clean, noise or worst; got {list(attacks)}")
    right = {"clean": reads_rightly(predict, pictures, truth, draws)}
    right["noise"] = reads_rightly(predict, threat.random(pictures, rng), truth, draws)
    for name, attack in attacks.items():
        moved = check_moved(attack(pictures, truth, threat), pictures, threat, name)
        # What was wrong from the start stays wrong, whatever an attack has made of it.
        right[name] = right["clean"] & reads_rightly(predict, moved, truth, draws)
    right["worst"] = worst_case([right[name] for name in attacks])
    shares = {name: proportion(each) for name, each in right.items()}
    each = {name: shares[name] for name in attacks}
    return Robustness(threat, shares["clean"], shares["noise"], each, shares["worst"], right)


def worst_case(right: ArrayLike) -> NDArray[np.bool_]:
    """Which pictures are read rightly under every attack: two attacks that leave 60% each may leave 30% together.

    Parameters
    ----------
    right : array_like of bool, shape (A, N)
        A row for each attack: which pictures are read rightly under it.

    Returns
    -------
    numpy.ndarray of bool, shape (N,)
        True where all rows are.

    Raises
    ------
    ValueError
        If it is no such table.
    """
    table = np.asarray(right)
    if table.dtype != bool or table.ndim != 2 or not len(table):
        raise ValueError(f"right must be bool of shape (attacks, pictures), got {table.dtype} of shape {table.shape}")
    return np.asarray(table.all(axis=0))


def reads_rightly(predict: Predict, images: Images, labels: Labels, draws: int = 1) -> NDArray[np.bool_]:
    """Which pictures a classifier reads as their labels.

    Parameters
    ----------
    predict : callable
        Pictures to probabilities or logits.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (N,)
        True classes.
    draws : int
        How often it is asked, answers averaged.

    Returns
    -------
    numpy.ndarray of bool, shape (N,)
        Whether it does.

    Raises
    ------
    ValueError
        If what it gives is not a row of finite numbers for each picture, or too few classes for the labels.
    """
    answers = sum(check_answers(predict(images), len(images)) for _ in range(check_count(draws, "draws")))
    scores = np.asarray(answers)
    check_labels(labels, len(images), scores.shape[1])
    return np.asarray(scores.argmax(axis=1) == labels)


def check_moved(attacked: Attacked, originals: Images, threat: ThreatModel, name: str) -> Images:
    """Refuse what an attack gives where it went farther than it may.

    Parameters
    ----------
    attacked : Attacked
        What it gave.
    originals : numpy.ndarray of float32, shape (N, H, W, C)
        What it was given.
    threat : ThreatModel
        What it was allowed.
    name : str
        How the message calls it.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        Its pictures.

    Raises
    ------
    ValueError
        If there are others than were given, or one is moved too far.
    """
    moved, _ = check_attack(attacked.images, np.zeros(len(attacked.images), np.int64))
    if moved.shape != originals.shape:
        raise ValueError(f"{name} must give pictures of shape {originals.shape}, it gave {moved.shape}")
    farthest = float(threat.sizes(moved, originals).max())
    if farthest > threat.epsilon + 1e-5:  # float32 rounds
        raise ValueError(f"{name} went {farthest:.4g} far, and {threat} allows {threat.epsilon:.4g}")
    return moved
