"""Attacks that only ask: a predict function and its probabilities are all they know of a network.

They work on anything that can be asked (Keras, torch, a forest, a running server), and no trick with gradients stops
them. What they cost is questions, so every question about every picture is counted.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.attacks.base import Attacked, ThreatModel, check_attack, check_threat, margins
from helpers.contracts import (
    Images,
    Labels,
    Predict,
    check_answers,
    check_count,
    check_labels,
    check_probabilities,
    check_seed,
    check_share,
    rng_of,
)
from helpers.progress import with_bar

_HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10,000 steps: the schedule of the paper
_STEPS_DRAWN_AT_ONCE = 64  # one call of a generator for many steps: a call for each would cost more than the steps


class Questions:
    """A predict function and the pictures it is asked about: it counts, and refuses what are no probabilities.

    Attributes
    ----------
    originals : numpy.ndarray of float32, shape (N, H, W, C)
        The pictures as they were given.
    first : numpy.ndarray of float64, shape (N,)
        Margins before anything was moved; asking for them was the first question about each.
    queries : numpy.ndarray of int64, shape (N,)
        Questions about each picture so far.
    """

    def __init__(self, predict: Predict, images: Images, labels: ArrayLike, targets: ArrayLike | None = None) -> None:
        self._predict = predict
        self.originals, truth = check_attack(images, labels)
        self.queries: NDArray[np.int64] = np.ones(len(truth), np.int64)
        probabilities = _probabilities(predict, self.originals)
        classes = probabilities.shape[1]
        self._wanted: Labels = check_labels(truth, len(truth), classes)
        self._targeted = targets is not None
        if targets is not None:
            self._wanted = check_labels(np.asarray(targets), len(truth), classes, "targets")
        self.first = self._margins(probabilities, self._wanted)

    def margins(self, rows: NDArray[np.int64], images: Images) -> NDArray[np.float64]:
        """Ask once about some pictures.

        Parameters
        ----------
        rows : numpy.ndarray of int64, shape (M,)
            Which of the originals they were made from; several may come from one.
        images : numpy.ndarray of float32, shape (M, H, W, C)
            The pictures.

        Returns
        -------
        numpy.ndarray of float64, shape (M,)
            Margins of the logits, as :func:`helpers.attacks.margins` gives them. Logits are logarithms of probabilities
            but for a number that all classes share, and margins are differences: so a network that is sure still says
            which way is better, as long as no probability is rounded to 0.
        """
        np.add.at(self.queries, rows, 1)
        return self._margins(_probabilities(self._predict, images), self._wanted[rows])

    def _margins(self, probabilities: NDArray[np.floating], wanted: Labels) -> NDArray[np.float64]:
        smallest = np.finfo(probabilities.dtype).smallest_subnormal
        logits = np.log(np.maximum(probabilities, smallest).astype(np.float64))
        return margins(logits, wanted, targeted=self._targeted)


def square(
    predict: Predict,
    images: Images,
    labels: ArrayLike,
    threat: ThreatModel,
    *,
    targets: ArrayLike | None = None,
    queries: int = 1000,
    start: float = 0.8,
    seed: int = 0,
) -> Attacked:
    """The Square attack: squares of one colour are tried at random places, and kept where they help.

    For ``linf`` it begins with vertical stripes, and stripes and squares lie at plus or minus epsilon; for ``l2`` the
    squares hold a little hill and a valley. They become smaller as the questions run out.

    Parameters
    ----------
    predict : callable
        Pictures (N, H, W, C) to probabilities (N, K). A function that answers differently each time fools itself by
        luck; :func:`transfer` asks it afresh.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : array_like of int, shape (N,)
        Their true classes.
    threat : ThreatModel
        How far pictures may be moved, in either norm.
    targets : array_like of int, shape (N,), optional
        Classes that the attacker wants the pictures to be read as; otherwise any wrong one will do.
    queries : int
        Questions about each picture at most, the first look at it included.
    start : float, in (0, 1)
        Share of the picture that the first squares cover.
    seed : int
        What is tried comes from this seed and the picture itself: what stands beside it changes nothing.

    Returns
    -------
    Attacked
        The best that was found. A picture that is fooled is asked about no more, and one that is where the attacker
        wants it from the start stays as it is and counts as fooled.

    Raises
    ------
    TypeError, ValueError
        If the pictures, labels or targets are none, `predict` does not give probabilities, or an argument is out of
        range.

    References
    ----------
    Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial attack via random search", 2020.
    """
    check_seed(seed)
    check_count(queries, "queries")
    check_share(start, "start")
    check_threat(threat)
    asked = Questions(predict, images, labels, targets)
    best, reached = asked.originals.copy(), asked.first.copy()
    rows = np.flatnonzero(reached > 0)
    if threat.epsilon == 0:
        rows = rows[:0]
    moves = _MOVES[threat.norm](threat, asked.originals, _Draws(asked.originals, seed))
    for step in with_bar(range(queries - 1), "Square attack"):
        if not len(rows):
            break
        side = _side(step - 1, queries - 2, start, best.shape[1:3])
        tried = moves.next(rows, best[rows], side) if step else moves.first(rows)
        answers = asked.margins(rows, tried)
        better = (answers < reached[rows]) | (step == 0)
        best[rows[better]], reached[rows[better]] = tried[better], answers[better]
        rows = rows[reached[rows] > 0]
    for_worse = reached > asked.first  # what it begins with may help the network, and no square may make up for it
    best[for_worse], reached[for_worse] = asked.originals[for_worse], asked.first[for_worse]
    return Attacked("Square", threat, best, reached <= 0, reached.astype(np.float32), asked.queries)


def transfer(attacked: Attacked, predict: Predict, labels: ArrayLike, targets: ArrayLike | None = None) -> Attacked:
    """Judge pictures that were attacked on one network by another one, which the attacker never asked.

    Parameters
    ----------
    attacked : Attacked
        What an attack on the first network gave. Pictures that *it* read wrongly from the start were left as they
        were, so they say nothing about transfer: judge the others, or say how many there are.
    predict : callable
        The second network: pictures (N, H, W, C) to probabilities (N, K).
    labels : array_like of int, shape (N,)
        The true classes.
    targets : array_like of int, shape (N,), optional
        The classes that the attacker wanted.

    Returns
    -------
    Attacked
        The same pictures with the second network's answers. One question about each: the judgement.

    Raises
    ------
    TypeError, ValueError
        As :func:`square`.
    """
    if not isinstance(attacked, Attacked):
        raise TypeError(f"attacked must be what an attack gave, such as pgd(...), got {type(attacked).__name__}")
    asked = Questions(predict, attacked.images, labels, targets)
    return dataclasses.replace(
        attacked,
        name=f"{attacked.name}, transferred",
        fooled=asked.first <= 0,
        margins=asked.first.astype(np.float32),
        queries=asked.queries,
    )


# ---- what the Square attack tries


class _Draws:
    """Numbers in [0, 1) that belong to a picture, whichever others are still in the batch."""

    def __init__(self, originals: Images, seed: int) -> None:
        self._generators = [rng_of(picture, seed) for picture in originals]
        self._each = 5 + originals.shape[3]  # two places, a turn, and a sign for each channel
        self._block = np.empty((len(originals), _STEPS_DRAWN_AT_ONCE, self._each), np.float32)
        self._step = 0

    def some(self, rows: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.float32]:
        return np.stack([self._generators[row].random(shape, np.float32) for row in rows])

    def next(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        at = self._step % _STEPS_DRAWN_AT_ONCE
        if at == 0:
            self._block[rows] = self.some(rows, self._block.shape[1:])
        self._step += 1
        return self._block[rows, at]


class _Linf:
    """Stripes, then squares, whose colours lie at plus or minus epsilon."""

    def __init__(self, threat: ThreatModel, originals: Images, draws: _Draws) -> None:
        self._threat, self._originals, self._draws = threat, originals, draws

    def first(self, rows: NDArray[np.int64]) -> Images:
        originals = self._originals[rows]
        stripes = _signs(self._draws.some(rows, (1, *originals.shape[2:])))
        return self._threat.project(originals + self._threat.epsilon * stripes, originals)

    def next(self, rows: NDArray[np.int64], best: Images, side: int) -> Images:
        drawn = self._draws.next(rows)
        window = _window(drawn[:, :2], side, best.shape)
        here = self._originals[rows][window]
        change = np.float32(self._threat.epsilon) * _signs(drawn[:, None, None, 5:])
        new = np.clip(here + change, 0, 1)
        # A question about what is there already would be wasted: the opposite colours are another picture.
        same = (np.abs(new - best[window]) < 1e-7).all(axis=(1, 2, 3))
        new[same] = np.clip(here[same] - change[same], 0, 1)
        best[window] = new
        return self._threat.project(best, self._originals[rows])


class _L2:
    """Little hills with a valley beside them; what they weigh is taken from another square."""

    def __init__(self, threat: ThreatModel, originals: Images, draws: _Draws) -> None:
        self._threat, self._originals, self._draws = threat, originals, draws

    def first(self, rows: NDArray[np.int64]) -> Images:
        height, width, channels = self._originals.shape[1:]
        side = max(1, min(height, width) // 5)
        change = np.zeros((len(rows), height, width, channels), np.float32)
        for top in range(0, height - side + 1, side):
            for left in range(0, width - side + 1, side):
                drawn = self._draws.some(rows, (1 + channels,))
                change[:, top : top + side, left : left + side] = _hills(side, drawn[:, :1], drawn[:, 1:])
        return self._allowed(change, rows)

    def next(self, rows: NDArray[np.int64], best: Images, side: int) -> Images:
        drawn = self._draws.next(rows)
        change = best - self._originals[rows]
        side = min(side + 1 - side % 2 if side > 2 else 3, *best.shape[1:3])
        window, other = _window(drawn[:, :2], side, best.shape), _window(drawn[:, 2:4], side, best.shape)
        left_over = np.maximum(self._threat.epsilon**2 - _squares(change, (1, 2, 3)), 0)
        before = change.copy()
        old = change[window]
        change[window] = 0
        change[other] = 0
        freed = _squares(before, (1, 2)) - _squares(change, (1, 2))
        new = _hills(side, drawn[:, 4:5], drawn[:, 5:]) + old / _at_least(np.sqrt(_squares(old, (1, 2))))
        weight = np.sqrt(left_over / best.shape[3] + freed)
        change[window] = new / _at_least(np.sqrt(_squares(new, (1, 2)))) * weight
        return self._allowed(change, rows)

    def _allowed(self, change: NDArray[np.float32], rows: NDArray[np.int64]) -> Images:
        originals = self._originals[rows]
        full = change * (self._threat.epsilon / _at_least(np.sqrt(_squares(change, (1, 2, 3)))))
        return self._threat.project((originals + full).astype(np.float32), originals)


_MOVES: dict[str, type[_Linf] | type[_L2]] = {"linf": _Linf, "l2": _L2}


def _side(step: int, steps: int, start: float, sides: tuple[int, ...]) -> int:
    halvings = np.searchsorted(_HALVED_AFTER, int(max(step, 0) / max(steps, 1) * 10_000))
    return int(np.clip(round(float(np.sqrt(start / 2**halvings * sides[0] * sides[1]))), 1, min(sides)))


def _window(drawn: NDArray[np.float32], side: int, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], ...]:
    """An index of one square in each picture."""
    span = np.arange(side)
    top, left = (drawn * (np.array(shape[1:3]) - side + 1)).astype(np.int64).T[..., None]
    return np.arange(shape[0])[:, None, None], (top + span)[:, :, None], (left + span)[:, None, :]


def _hills(side: int, turn: NDArray[np.float32], signs: NDArray[np.float32]) -> NDArray[np.float32]:
    """A hill above a valley, or beside it, of length 1 in each channel; shape (M, side, side, C)."""
    both = np.concatenate([_hill(side // 2, side), -_hill(side - side // 2, side)])
    both /= np.linalg.norm(both)
    turned = np.where(turn[..., None] > 0.5, both.T, both)
    return (turned[..., None] * _signs(signs)[:, None, None, :]).astype(np.float32)


def _hill(height: int, width: int) -> NDArray[np.float64]:
    hill = np.zeros((height, width))
    middle_row, middle_column = height // 2, width // 2
    for ring in range(max(height, width) // 2 + 1):
        rows = slice(max(middle_row - ring, 0), middle_row + ring + 1)
        hill[rows, max(middle_column - ring, 0) : middle_column + ring + 1] += 1 / (ring + 1) ** 2
    return hill / max(float(np.linalg.norm(hill)), 1e-12)


def _signs(drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(drawn < 0.5, np.float32(-1), np.float32(1))


def _squares(change: NDArray[np.floating], axes: tuple[int, ...]) -> NDArray[np.float64]:
    return (change.astype(np.float64) ** 2).sum(axis=axes, keepdims=True)


def _at_least(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(lengths, 1e-12)


def _probabilities(predict: Predict, images: Images) -> NDArray[np.floating]:
    answers = check_answers(predict(images), len(images))
    return check_probabilities(answers, "what predict gives")
