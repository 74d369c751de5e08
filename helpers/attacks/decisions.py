"""An attack that is told nothing but the class, and looks for the nearest picture that is read otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.attacks.base import Attacked, Norm, ThreatModel, check_attack
from helpers.attacks.black_box import Questions
from helpers.contracts import Images, Predict, check_count, check_fits, check_seed, rng_of
from helpers.progress import with_bar

_FLOATS_AT_ONCE = 2**22  # of pictures that are tried around others: 16 MB, and their copies
_STARTS_TRIED = 24  # noise of grains of 1, 2, 4, ... pixels; beyond that a picture is given up
_STEP_HALVINGS = 12
_BEFORE_THE_BORDER = 1e-3  # of the distance
_LEAST_DIRECTIONS, _FIRST_DIRECTIONS = 8, 100  # of the first round; the paper takes 100, for thousands of questions


@dataclass(frozen=True)
class Nearest:
    """For each picture the nearest that was found which is read as the attacker wants.

    Attributes
    ----------
    name : str
        The attack, as figures and tables call it.
    norm : {"linf", "l2"}
        What is near.
    originals : numpy.ndarray of float32, shape (N, H, W, C)
        The pictures as they were given.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        The nearest, in [0, 1], a thousandth of the way before the border, so that it is read so again; the original
        itself where it was read so from the start, or where none was found.
    distances : numpy.ndarray of float64, shape (N,)
        From original to nearest: 0 where it was read so from the start, infinity where none was found. The true
        distance is at most this.
    first : numpy.ndarray of float64, shape (N,)
        Margins of the originals.
    margins : numpy.ndarray of float64, shape (N,)
        Margins of `images`; the search itself looks at nothing but their sign.
    queries : numpy.ndarray of int64, shape (N,)
        How often the network was asked about each picture.
    """

    name: str
    norm: Norm
    originals: Images
    images: Images
    distances: NDArray[np.float64]
    first: NDArray[np.float64]
    margins: NDArray[np.float64]
    queries: NDArray[np.int64]

    def inside(self, epsilon: float) -> Attacked:
        """Who is fooled within a distance: one search answers for every epsilon.

        Parameters
        ----------
        epsilon : float
            As for :class:`helpers.attacks.ThreatModel`.

        Returns
        -------
        Attacked
            Pictures whose nearest lies farther away are left as they were.

        Raises
        ------
        ValueError
            If there can be no such epsilon.
        """
        threat = ThreatModel(epsilon, self.norm)
        near = self.distances <= threat.epsilon
        images = np.where(near[:, None, None, None], self.images, self.originals)
        reached = np.where(near, self.margins, self.first).astype(np.float32)
        return Attacked(self.name, threat, images, near, reached, self.queries)


def hop_skip_jump(
    predict: Predict,
    images: Images,
    labels: ArrayLike,
    norm: Norm = "l2",
    *,
    targets: ArrayLike | None = None,
    starts: Images | None = None,
    queries: int = 1000,
    enough: float = 0.0,
    seed: int = 0,
) -> Nearest:
    """HopSkipJump: walk along the border between two readings towards the picture, told only on which side one stands.

    Each round guesses, from the answers to random steps around a place on the border, which way leads away from it,
    takes a step that way, and comes straight back towards the picture, as far as it goes.

    Parameters
    ----------
    predict : callable
        Pictures (N, H, W, C) to probabilities (N, K), of which only the largest counts: rows of 0 and 1 will do.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : array_like of int, shape (N,)
        Their true classes.
    norm : {"l2", "linf"}
        What is near.
    targets : array_like of int, shape (N,), optional
        Classes that the attacker wants the pictures to be read as; otherwise any wrong one will do.
    starts : numpy.ndarray of float32, shape (N, H, W, C), optional
        For each picture one that is read as the attacker wants, where to begin; with `targets` a picture of that
        class. Noise is tried where there is none, or where it is not read so.
    queries : int
        Questions about each picture at most, the first look at it included. Some may be left over at the end.
    enough : float
        A picture with one so near is asked about no more; 0 spends all on coming nearer.
    seed : int
        What is tried comes from this seed and the picture itself: what stands beside it changes nothing.

    Returns
    -------
    Nearest
        Pictures and distances; ``.inside(epsilon)`` for who is fooled.

    Raises
    ------
    TypeError, ValueError
        As :func:`helpers.attacks.square`; or if there is no such norm, or `enough` is below 0.

    References
    ----------
    Chen, Jordan and Wainwright, "HopSkipJumpAttack: a query-efficient decision-based attack", 2020.
    """
    check_seed(seed)
    check_count(queries, "queries")
    if norm not in get_args(Norm):
        raise ValueError(f"norm must be 'linf' or 'l2', got {norm!r}")
    if not enough >= 0:
        raise ValueError(f"enough must be a distance of at least 0, got {enough!r}")
    walk = _Walk(Questions(predict, images, labels, targets), norm, queries, seed)
    walk.begin(starts)
    for step in with_bar(walk.rounds(), "HopSkipJump"):
        rows = walk.can_go_on(step, enough)
        if not len(rows):
            break
        walk.go(rows, step)
    return walk.result()


class _Walk:
    """Where each picture's walk has come to: `here` is read as the attacker wants, `nearest` is the best so far."""

    def __init__(self, asked: Questions, norm: Norm, queries: int, seed: int) -> None:
        self._asked, self._norm, self._budget = asked, norm, queries
        self._originals = asked.originals
        self._generators = [rng_of(picture, seed) for picture in asked.originals]
        self._here, self._nearest = asked.originals.copy(), asked.originals.copy()
        self._distances = np.where(asked.first <= 0, 0, np.inf)
        self._margins = asked.first.copy()
        size = asked.originals[0].size
        self._tolerance = 1 / (size * math.sqrt(size)) if norm == "l2" else 1 / size**2
        self._bisections = math.ceil(math.log2(1 / max(self._tolerance, 1e-6)))

    def begin(self, starts: Images | None) -> None:
        """Find a picture that is read as the attacker wants, and go from there to the border."""
        if starts is not None:
            starts = check_fits(check_attack(starts, np.zeros(len(starts), int))[0], self._originals.shape, "starts")
            if len(starts) != len(self._originals):
                raise ValueError(f"starts must hold one picture for each: {len(starts)} for {len(self._originals)}")
            self._try(self._waiting(), starts[self._waiting()])
        for grain in range(_STARTS_TRIED):
            rows = self._waiting()
            if not len(rows):
                break
            self._try(rows, np.stack([self._noise(row, grain) for row in rows]))
        self._to_the_border(self._on_the_way())

    def rounds(self) -> range:
        """Rounds that the questions can last for, at most."""
        spent, step = 1, 1
        while (spent := spent + self._directions(step) + self._bisections + 2) <= self._budget:
            step += 1
        return range(1, step)

    def can_go_on(self, step: int, enough: float) -> NDArray[np.int64]:
        """Which pictures have something to gain, and questions enough left for one more round."""
        rows = self._on_the_way()
        needed = self._directions(step) + _STEP_HALVINGS + self._bisections + 1
        return rows[(self._asked.queries[rows] + needed <= self._budget) & (self._distances[rows] > enough)]

    def go(self, rows: NDArray[np.int64], step: int) -> None:
        """One round: which way, how far, and back to the border."""
        uphill = self._uphill(rows, step)
        length = self._far(rows) / math.sqrt(step)
        left = np.arange(len(rows))
        for _ in range(_STEP_HALVINGS):
            if not len(left):
                break
            tried = np.clip(self._here[rows[left]] + _wide(length[left]) * uphill[left], 0, 1).astype(np.float32)
            good = self._asked.margins(rows[left], tried) <= 0
            self._here[rows[left[good]]] = tried[good]
            left = left[~good]
            length[left] /= 2
        self._to_the_border(np.delete(rows, left))

    def result(self) -> Nearest:
        """All that was found."""
        name = f"HopSkipJump {'L2' if self._norm == 'l2' else 'L-inf'}"
        asked = self._asked
        return Nearest(
            name, self._norm, asked.originals, self._nearest, self._distances, asked.first, self._margins, asked.queries
        )

    def _waiting(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.isinf(self._distances) & (self._asked.queries < self._budget))

    def _on_the_way(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.isfinite(self._distances) & (self._distances > 0))

    def _directions(self, step: int) -> int:
        first = np.clip(self._budget / 25, _LEAST_DIRECTIONS, _FIRST_DIRECTIONS)
        return int(min(first * math.sqrt(step), 10_000))

    def _noise(self, row: int, grain: int) -> Images:
        height, width, channels = self._originals.shape[1:]
        side = 2 ** (grain % (int(math.log2(max(height, width))) + 1))
        grains = self._generators[row].random((-(-height // side), -(-width // side), channels), np.float32)
        return grains.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]

    def _try(self, rows: NDArray[np.int64], images: Images) -> None:
        reached = self._ask(rows, images)
        self._here[rows[reached <= 0]] = images[reached <= 0]
        self._keep(rows, images, reached)

    def _keep(self, rows: NDArray[np.int64], images: Images, reached: NDArray[np.float64]) -> None:
        far = self._size(images, rows)
        nearer = (reached <= 0) & (far < self._distances[rows])
        won = rows[nearer]
        self._nearest[won], self._distances[won], self._margins[won] = images[nearer], far[nearer], reached[nearer]

    def _size(self, images: Images, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return ThreatModel(0.0, self._norm).sizes(images, self._originals[rows]) if len(rows) else np.empty(0)

    def _far(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._size(self._here[rows], rows)

    def _between(self, rows: NDArray[np.int64], share: NDArray[np.float64]) -> Images:
        """Where `here` has come a share of its distance towards it from the original, shares in [0, 1]."""
        originals, here = self._originals[rows], self._here[rows]
        if self._norm == "linf":
            reach = _wide(share * self._far(rows))
            return np.clip(here, originals - reach, originals + reach)
        return (originals + _wide(share) * (here - originals)).astype(np.float32)

    def _to_the_border(self, rows: NDArray[np.int64]) -> None:
        """Come back towards the original by halves, as far as the reading lasts; keep what lies a little before."""
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        for _ in range(self._bisections):
            able = self._able(rows)
            middle = (low[able] + high[able]) / 2
            good = self._ask(rows[able], self._between(rows[able], middle)) <= 0
            high[able[good]] = middle[good]
            low[able[~good]] = middle[~good]
        # On the border itself the rounding of a sum decides, which another batch does otherwise.
        able = self._able(rows)
        tried = self._between(rows[able], np.minimum(high[able] * (1 + _BEFORE_THE_BORDER), 1))
        self._keep(rows[able], tried, self._ask(rows[able], tried))
        self._here[rows] = self._between(rows, high)

    def _able(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.flatnonzero(self._asked.queries[rows] < self._budget)

    def _ask(self, rows: NDArray[np.int64], images: Images) -> NDArray[np.float64]:
        return self._asked.margins(rows, images) if len(rows) else np.empty(0)

    def _uphill(self, rows: NDArray[np.int64], step: int) -> NDArray[np.float32]:
        """The way into the wanted reading, from the answers to random little steps; length 1, or signs for L-inf."""
        count = self._directions(step)
        size = self._originals[0].size
        reach = np.full(len(rows), 0.1) if step == 1 else self._far(rows) / size
        at_once = max(1, _FLOATS_AT_ONCE // (count * size))
        parts = [
            self._part(rows[at : at + at_once], reach[at : at + at_once], count) for at in range(0, len(rows), at_once)
        ]
        return np.concatenate(parts)

    def _part(self, rows: NDArray[np.int64], reach: NDArray[np.float64], count: int) -> NDArray[np.float32]:
        shape = (len(rows), count, *self._originals.shape[1:])
        if self._norm == "l2":
            ways = np.stack([self._generators[row].standard_normal(shape[1:], np.float32) for row in rows])
        else:
            ways = np.stack([2 * self._generators[row].random(shape[1:], np.float32) - 1 for row in rows])
        ways /= _lengths(ways, 2)
        here = self._here[rows][:, None]
        tried = np.clip(here + _wide(reach)[:, None] * ways, 0, 1)
        wanted = self._asked.margins(np.repeat(rows, count), tried.reshape(-1, *shape[2:])) <= 0
        votes = np.where(wanted, 1.0, -1.0).reshape(len(rows), count)
        mixed = np.abs(votes.mean(axis=1, keepdims=True)) < 1
        votes = np.where(mixed, votes - votes.mean(axis=1, keepdims=True), votes)
        went = (tried - here) / _wide(reach)[:, None]  # the sides of the box cut some steps short
        uphill = np.einsum("nb,nb...->n...", votes.astype(np.float32), went)
        return np.sign(uphill) if self._norm == "linf" else uphill / _lengths(uphill, 1)


def _wide(numbers: NDArray[np.floating]) -> NDArray[np.float32]:
    return numbers.astype(np.float32)[:, None, None, None]


def _lengths(arrays: NDArray[np.float32], first: int) -> NDArray[np.float32]:
    axes = tuple(range(first, arrays.ndim))
    return np.maximum(np.sqrt((arrays**2).sum(axis=axes, keepdims=True)), np.float32(1e-12))
