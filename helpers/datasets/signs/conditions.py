"""What is decided about a picture before it is drawn: its class, light, weather, distance, pose and what hides it.

Everything that the attributes report is decided here, from random numbers and whole-pixel counts alone, so labels and
attributes are the same on every machine; drawing only follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from . import occluders, templates

CHUNK = 100
"""Pictures that are decided and drawn together, from a seed of their own: the picture at a place never depends on how
many are drawn or on which thread drew it. A multiple of the number of classes, so that every chunk is balanced."""

SPLITS = ("train", "calibration", "test", "unseen")
"""In this order they are seeded."""

CONDITIONS: dict[str, dict[str, float]] = {
    "light": {"day": 0.5, "dusk": 0.25, "night": 0.25},
    "weather": {"clear": 0.6, "rain": 0.2, "fog": 0.2},
    "distance": {"near": 0.4, "middle": 0.4, "far": 0.2},
}
"""Values of each condition with their usual shares."""


@dataclass(frozen=True)
class Difficulty:
    """Every constant that makes the signs hard to read. Tuples go by light, weather or distance in the order above.

    Attributes
    ----------
    ambient : tuple of (low, high)
        Light on the scene by day, at dusk, at night.
    sign_light : tuple of (low, high)
        Light on the sign itself: at night it comes from headlights and is uneven.
    noise : tuple of float
        Standard deviation of the sensor's noise by light, in [0, 1] units.
    fog_keep : tuple of (low, high)
        Share of the sign's contrast that fog leaves, by distance.
    rain_keep : tuple of (low, high)
        The same for rain, whatever the distance.
    size : tuple of (low, high)
        Size of the sign by distance, from 0 (`smallest` share of the frame) to 1 (as large as its shape allows).
    smallest, largest : float
        Share of the frame that a sign covers.
    longest_side : float
        Largest width or height of a sign as it is meant, in pixels.
    farthest : float
        Most pixels that a sign's centre is from the picture's, each way.
    right : float
        Share of the signs that stand to the right of the middle, as signs do where traffic keeps to the right.
    yaw : float
        Most degrees that a sign is turned away; it leans back half as far.
    defocus : tuple of float
        Blur of the lens by distance, standard deviation in pixels.
    rain_defocus : float
        What rain on the lens adds.
    motion_share, motion : float, (low, high)
        Share of the pictures taken in motion, and how far the sign then moves, in pixels.
    occluded_share : float
        Share of the pictures with something in front of the sign.
    """

    ambient: tuple[tuple[float, float], ...] = ((0.85, 1.05), (0.42, 0.60), (0.10, 0.24))
    sign_light: tuple[tuple[float, float], ...] = ((0.85, 1.05), (0.48, 0.68), (0.24, 0.64))
    noise: tuple[float, ...] = (0.012, 0.028, 0.062)
    fog_keep: tuple[tuple[float, float], ...] = ((0.33, 0.68), (0.23, 0.52), (0.16, 0.43))
    rain_keep: tuple[float, float] = (0.70, 0.95)
    size: tuple[tuple[float, float], ...] = ((0.60, 1.0), (0.25, 0.60), (0.0, 0.25))
    smallest: float = 0.15
    largest: float = 0.355
    longest_side: float = 26.0
    farthest: float = 7.5
    right: float = 0.8
    yaw: float = 25.0
    defocus: tuple[float, ...] = (0.35, 0.42, 0.50)
    rain_defocus: float = 0.12
    motion_share: float = 0.2
    motion: tuple[float, float] = (0.8, 2.4)
    occluded_share: float = 0.25


DIFFICULTY = Difficulty()


@dataclass(frozen=True)
class Plan:
    """What is decided about the pictures of a chunk; every array has one row for each.

    Attributes
    ----------
    labels : numpy.ndarray of int64
        The class.
    faces : numpy.ndarray of int
        Which of :func:`templates.faces` is drawn: the label, except where the picture is ambiguous.
    light, weather, distance : numpy.ndarray of int
        Index of the value in `CONDITIONS`.
    occluder : numpy.ndarray of int
        Index in the library of occluders, -1 for none.
    occlusion : numpy.ndarray of float64
        Share of the sign that is covered.
    motion : numpy.ndarray of float64
        Pixels of motion blur.
    size : numpy.ndarray of float64
        0 (smallest) to 1 (largest).
    """

    labels: NDArray[np.int64]
    faces: NDArray[np.intp]
    light: NDArray[np.intp]
    weather: NDArray[np.intp]
    distance: NDArray[np.intp]
    occluder: NDArray[np.intp]
    occlusion: NDArray[np.float64]
    motion: NDArray[np.float64]
    size: NDArray[np.float64]

    def attributes(self) -> pd.DataFrame:
        """Make the table that goes with the pictures; :func:`helpers.datasets.signs.load` explains its columns."""
        ambiguous = self.faces == templates.AMBIGUOUS_FACE
        columns: dict[str, object] = {
            name: pd.Categorical.from_codes(getattr(self, name), pd.Index(list(CONDITIONS[name])), ordered=True)
            for name in CONDITIONS
        }
        columns |= {"occlusion": self.occlusion, "motion": self.motion, "ambiguous": ambiguous}
        columns |= {
            "planted_entropy": np.where(ambiguous, np.log(2), 0.0),
            "watermark": np.zeros(len(self.labels), bool),
        }
        return pd.DataFrame(columns)


def shares(rare: Mapping[str, Mapping[str, float]] | None) -> dict[str, list[float]]:
    """Share of each value of each condition, once some are made rare.

    Parameters
    ----------
    rare : mapping of str to mapping of str to float, or None
        Such as ``{"weather": {"fog": 0.01}}``; the other values keep their proportions.

    Returns
    -------
    dict of str to list of float
        In the order of `CONDITIONS`; each list sums to 1.
    """
    result = {}
    for condition, usual in CONDITIONS.items():
        fixed = {value: float(share) for value, share in (rare or {}).get(condition, {}).items()}
        others = sum(share for value, share in usual.items() if value not in fixed)
        scale = (1 - sum(fixed.values())) / others if others else 0.0
        result[condition] = [fixed.get(value, share * scale) for value, share in usual.items()]
    return result


def _choose(uniform: NDArray[np.float64], probabilities: list[float]) -> NDArray[np.intp]:
    """Index of the interval that each uniform number falls in."""
    return np.searchsorted(np.cumsum(probabilities)[:-1], uniform, side="right")


def _between(uniform: NDArray[np.float64], low_high: NDArray[np.float64]) -> NDArray[np.float64]:
    return low_high[..., 0] + uniform * (low_high[..., 1] - low_high[..., 0])


def seeds(split: int, chunk: int, seed: int) -> tuple[np.random.SeedSequence, np.random.SeedSequence]:
    """Seeds of one chunk of a split: for what is decided about its pictures, and for drawing them.

    Parameters
    ----------
    split : int
        Place of the split among `SPLITS`.
    chunk : int
        Which hundred of its pictures.
    seed : int
        The data set's.

    Returns
    -------
    tuple of numpy.random.SeedSequence
        The two seeds.
    """
    decide, draw = np.random.SeedSequence(seed, spawn_key=(split, chunk)).spawn(2)
    return decide, draw


def hidden_share(faces: NDArray[np.intp], occluder: NDArray[np.intp]) -> NDArray[np.float64]:
    """Share of each sign that its occluder covers.

    Parameters
    ----------
    faces, occluder : numpy.ndarray of int, shape (N,)
        As in :class:`Plan`.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        0 where there is no occluder.
    """
    return np.where(occluder >= 0, occluders.library().shares[faces, occluder], 0.0)


def plan(
    seed: np.random.SeedSequence, classes: NDArray[np.int64], probabilities: dict[str, list[float]], ambiguous: float
) -> Plan:
    """Decide about one chunk of pictures.

    Parameters
    ----------
    seed : numpy.random.SeedSequence
        The chunk's own.
    classes : numpy.ndarray of int64
        The classes to choose from; each comes equally often.
    probabilities : dict of str to list of float
        From :func:`shares`.
    ambiguous : float
        Share of the pictures that show the ambiguous sign, whatever class they would have shown.

    Returns
    -------
    Plan
        For `CHUNK` pictures.

    Notes
    -----
    Every number is drawn whether it is used or not: a knob that is turned changes the pictures it is about and leaves
    the others as they were.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.resize(classes, CHUNK))
    uniform = rng.random((9, CHUNK))
    coin = rng.integers(0, 2, CHUNK)
    light, weather, distance = (
        _choose(u, probabilities[name]) for u, name in zip(uniform[:3], CONDITIONS, strict=True)
    )
    unclear = uniform[3] < ambiguous
    faces = np.where(unclear, templates.AMBIGUOUS_FACE, labels)
    labels = np.where(unclear, np.asarray(templates.AMBIGUOUS_PAIR)[coin], labels)
    library = occluders.library()
    occluder = np.where(uniform[4] < DIFFICULTY.occluded_share, (uniform[5] * len(library.masks)).astype(np.intp), -1)
    occlusion = hidden_share(faces, occluder)
    moved = uniform[6] < DIFFICULTY.motion_share
    motion = np.where(moved, np.round(_between(uniform[7], np.asarray(DIFFICULTY.motion)), 2), 0.0)
    size = _between(uniform[8], np.asarray(DIFFICULTY.size)[distance])
    return Plan(labels, faces, light, weather, distance, occluder, occlusion, motion, size)
