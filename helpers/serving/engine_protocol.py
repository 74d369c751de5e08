"""What the service needs of a model: whatever keeps this protocol can be served.

NumPy alone is needed here. The engine that a signed bundle opens is one; the tests bring a small one of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Images, Labels, Probabilities


@dataclass(frozen=True)
class Answers:
    """What a model says of N pictures.

    Attributes
    ----------
    classes : numpy.ndarray of int64, shape (N,)
        The most probable class of each.
    probabilities : numpy.ndarray of float32, shape (N, K)
        Calibrated probabilities.
    sets : numpy.ndarray of bool, shape (N, K)
        Which classes are in the conformal set at the level that was asked for.
    strange : numpy.ndarray of bool, shape (N,)
        Whether a picture is unlike those that the model was made for.
    """

    classes: Labels
    probabilities: Probabilities
    sets: NDArray[np.bool_]
    strange: NDArray[np.bool_]


class Engine(Protocol):
    """A model behind the service: everything that it answers, and nothing of HTTP."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""

    @property
    def class_names(self) -> Sequence[str]:
        """The K classes, in the order of the probabilities."""

    @property
    def version(self) -> str:
        """Which bundle this is; it stands in every answer."""

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card; ``card["model_details"]["name"]`` is its name in the Open Inference Protocol."""

    @property
    def scorecard(self) -> list[dict[str, Any]]:
        """Records that were measured of this model, as in ``build/scorecard.json``."""

    @property
    def decision(self) -> Mapping[str, Any] | None:
        """The release decision on these records, with its ``verdict``; None where nobody asked for one."""

    def answer(self, images: Images, level: float) -> Answers:
        """Classes, probabilities, conformal sets and whether a picture is strange.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        level : float
            How often the set must hold the true class, in (0, 1).

        Returns
        -------
        Answers
            One for each picture.
        """

    def explain(self, images: Images, classes: Labels | None) -> NDArray[np.float32]:
        """Where the model looked, for a class of each picture or, with None, for the class that it answers.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        classes : numpy.ndarray of int64, shape (N,), or None
            Which class to explain.

        Returns
        -------
        numpy.ndarray of float32, shape (N, H, W)
            A map for each picture.
        """
