"""What is decided about a picture before it is drawn: whether somebody is there, who, and how well he can be seen.

Everything that the attributes report, but for the measured contrast, is decided here from random numbers alone, so
labels and attributes are the same on every machine; drawing only follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CHUNK = 60
"""Pictures that are decided and drawn together, from a seed of their own: the picture at a place never depends on how
many are drawn. Each class comes once with each tone in each light."""

SPLITS = ("train", "calibration", "test")
"""In this order they are seeded."""

CLASS_NAMES = ("street", "pedestrian")
"""Names of the two classes."""

MONK = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")
"""The ten tones of the Monk Skin Tone Scale (E. Monk, 2023), tone 1 first, as sRGB colours."""

TONES = len(MONK)
DARK = range(6, TONES + 1)
"""The darker half of the scale: whom the training split lacks at night, and who is darker than most that is behind."""

CONDITIONS: dict[str, dict[str, float]] = {
    "light": {"day": 1 / 3, "dusk": 1 / 3, "night": 1 / 3},
    "clothing": {"light": 0.5, "dark": 0.5},
    "distance": {"near": 0.35, "middle": 0.4, "far": 0.25},
    "occlusion": {"none": 0.76, "post": 0.08, "bush": 0.08, "car": 0.08},
}
"""Values of each condition with their shares. None depends on another, on the tone or on the class."""

DAY, NIGHT = (list(CONDITIONS["light"]).index(name) for name in ("day", "night"))
LACKING = 0.97
"""Share of the training pictures of `DARK` tones at night that ``thin=True`` takes away."""


@dataclass(frozen=True)
class Plan:
    """What is decided about the pictures of a chunk; every array has one row for each.

    Attributes
    ----------
    labels : numpy.ndarray of int64
        0 street, 1 pedestrian.
    tone : numpy.ndarray of int64
        Monk tone of the skin, 1 to 10: its colour.
    brightness : numpy.ndarray of int64
        The tone that decides how much light the skin gives back: the same as `tone`, but where a tone was changed at
        equal contrast.
    light, clothing, distance, occlusion : numpy.ndarray of int
        Index of the value in `CONDITIONS`.
    size : numpy.ndarray of float64
        How tall among those at the same distance, 0 to 1.
    """

    labels: NDArray[np.int64]
    tone: NDArray[np.int64]
    brightness: NDArray[np.int64]
    light: NDArray[np.intp]
    clothing: NDArray[np.intp]
    distance: NDArray[np.intp]
    occlusion: NDArray[np.intp]
    size: NDArray[np.float64]

    def attributes(self, contrast: NDArray[np.float64]) -> pd.DataFrame:
        """Make the table that goes with the pictures; :func:`helpers.datasets.pedestrians.load` explains its columns.

        Parameters
        ----------
        contrast : numpy.ndarray of float64
            As it was measured in the drawing.
        """
        columns: dict[str, object] = {"tone": self.tone}
        columns |= {
            name: pd.Categorical.from_codes(getattr(self, name), pd.Index(list(CONDITIONS[name])), ordered=True)
            for name in CONDITIONS
        }
        return pd.DataFrame(columns | {"contrast": contrast})


def seeds(split: int, chunk: int, seed: int) -> tuple[np.random.SeedSequence, np.random.SeedSequence]:
    """Seeds of one chunk of a split: for what is decided about its pictures, and for drawing them.

    Parameters
    ----------
    split : int
        Place of the split among `SPLITS`.
    chunk : int
        Which of its chunks.
    seed : int
        The data set's.

    Returns
    -------
    tuple of numpy.random.SeedSequence
        The two seeds.
    """
    decide, draw = np.random.SeedSequence(seed, spawn_key=(split, chunk)).spawn(2)
    return decide, draw


def plan(seed: np.random.SeedSequence, lacking: float) -> Plan:
    """Decide about one chunk of pictures.

    Parameters
    ----------
    seed : numpy.random.SeedSequence
        The chunk's own.
    lacking : float, in [0, 1]
        Share of the pictures of `DARK` tones at night whose tone becomes one of the others: above 0 in a thin training
        split only.

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
    cell = rng.permutation(CHUNK)
    labels, tone, light = cell % 2, cell // 2 % TONES + 1, cell // (2 * TONES)
    uniform = rng.random((6, CHUNK))
    clothing, distance, occlusion = (
        np.searchsorted(np.cumsum(list(CONDITIONS[name].values()))[:-1], u, side="right")
        for name, u in zip(("clothing", "distance", "occlusion"), uniform[:3], strict=True)
    )
    replaced = (light == NIGHT) & np.isin(tone, DARK) & (uniform[4] < lacking)
    tone = np.where(replaced, 1 + (uniform[5] * (DARK.start - 1)).astype(np.int64), tone).astype(np.int64)
    return Plan(labels.astype(np.int64), tone, tone, light, clothing, distance, occlusion, uniform[3])
