"""What every attack is given and gives: how far pictures may be moved, and what came of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import Images, check_images, check_labels

Norm = Literal["linf", "l2"]
"""How a change is measured: its largest pixel value, or its length over all pixel values of a picture."""


@dataclass(frozen=True)
class ThreatModel:
    """How far an attacker may move a picture, which stays in [0, 1].

    Attributes
    ----------
    epsilon : float
        The largest change, in the unit of the pixels: at least 0, and at most 1 for ``linf``, where 8/255 is customary.
    norm : {"linf", "l2"}
        How a change is measured.

    Raises
    ------
    ValueError
        If `epsilon` or `norm` cannot be.
    """

    epsilon: float
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        if self.norm not in get_args(Norm):
            raise ValueError(f"norm must be 'linf' or 'l2', got {self.norm!r}")
        most = 1.0 if self.norm == "linf" else math.inf
        number = isinstance(self.epsilon, int | float | np.floating) and not isinstance(self.epsilon, bool)
        if not number or not 0 <= self.epsilon <= most or not math.isfinite(self.epsilon):
            hint = "at most 1: pixels lie in [0, 1], and 8 of 255 grey values are 8/255" if most == 1 else "finite"
            raise ValueError(f"epsilon must be at least 0 and {hint}; got {self.epsilon!r}")
        object.__setattr__(self, "epsilon", float(self.epsilon))

    def sizes(self, images: NDArray[np.float32], originals: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far each picture has been moved.

        Parameters
        ----------
        images, originals : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures, moved and not.

        Returns
        -------
        numpy.ndarray of float64, shape (N,)
            Sizes in this model's norm.
        """
        change = (np.asarray(images, np.float64) - originals).reshape(len(originals), -1)
        return np.abs(change).max(axis=1) if self.norm == "linf" else np.sqrt((change**2).sum(axis=1))

    def project(self, images: NDArray[np.float32], originals: NDArray[np.float32]) -> Images:
        """The nearest pictures that this threat model allows.

        Parameters
        ----------
        images, originals : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures, moved and not; `originals` in [0, 1].

        Returns
        -------
        numpy.ndarray of float32, shape (N, H, W, C)
            In [0, 1] and at most `epsilon` away. For ``l2`` first the ball and then the box: both hold, because a step
            towards the box never leads away from a picture inside it.
        """
        if self.norm == "linf":
            moved = np.clip(images, originals - np.float32(self.epsilon), originals + np.float32(self.epsilon))
        else:
            change = images - originals
            length = np.sqrt((change.reshape(len(change), -1).astype(np.float64) ** 2).sum(axis=1))
            shrink = np.minimum(1.0, self.epsilon / np.maximum(length, np.finfo(np.float64).tiny))
            moved = originals + change * shrink.astype(np.float32)[:, None, None, None]
        return np.clip(moved, 0, 1).astype(np.float32, copy=False)

    def random(self, originals: NDArray[np.float32], rng: np.random.Generator) -> Images:
        """Pictures drawn evenly from what is allowed: where attacks start, and the baseline that asks nobody.

        Parameters
        ----------
        originals : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        rng : numpy.random.Generator
            Where the draws come from.

        Returns
        -------
        numpy.ndarray of float32, shape (N, H, W, C)
            In [0, 1]. What a draw leaves outside of the box is clipped to its side.
        """
        if self.norm == "linf":
            change = rng.uniform(-self.epsilon, self.epsilon, originals.shape)
        else:
            flat = rng.standard_normal((len(originals), originals[0].size))
            radius = self.epsilon * rng.random((len(originals), 1)) ** (1 / flat.shape[1])
            change = (flat / np.linalg.norm(flat, axis=1, keepdims=True) * radius).reshape(originals.shape)
        return self.project((originals + change).astype(np.float32), originals)

    def __str__(self) -> str:
        size = f"{self.epsilon * 255:g}/255" if self.norm == "linf" else f"{self.epsilon:g}"
        return f"{'L-inf' if self.norm == 'linf' else 'L2'} {size}"


@dataclass(frozen=True)
class Attacked:
    """What an attack made of some pictures.

    Attributes
    ----------
    name : str
        The attack, as figures and tables call it.
    threat : ThreatModel
        How far it was allowed to go.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        For each picture the best that was found. A picture that was read wrongly from the start is left as it was.
    fooled : numpy.ndarray of bool, shape (N,)
        Whether `images` are read as another class than their label, or, with a target, as the target.
    margins : numpy.ndarray of float32, shape (N,)
        How far the network is from being fooled at `images`, as :func:`margins` gives it: below 0 where it is.
    queries : numpy.ndarray of int64, shape (N,)
        How often the network was asked about each picture, forwards or with a gradient.

    Raises
    ------
    ValueError
        If the arrays are not of one length.
    """

    name: str
    threat: ThreatModel
    images: Images
    fooled: NDArray[np.bool_]
    margins: NDArray[np.float32]
    queries: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {
            field.name: len(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name not in ("name", "threat")
        }
        if len(set(lengths.values())) != 1:
            raise ValueError(f"an attack gives one row for each picture, got {lengths}")


def margins(scores: ArrayLike, labels: ArrayLike, *, targeted: bool = False) -> NDArray[np.float64]:
    """How far a classifier is from being fooled: below 0 it is, and at 0 two classes tie, which counts as fooled.

    Parameters
    ----------
    scores : array_like of float, shape (N, K)
        Logits, or probabilities where nothing else can be had.
    labels : array_like of int, shape (N,)
        The true classes; with `targeted`, the classes that the attacker wants.
    targeted : bool
        Whether the aim is to be read as `labels`, not to be read as anything else.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        Score of the class minus the largest other; the other way round with `targeted`.

    References
    ----------
    Carlini and Wagner, "Towards Evaluating the Robustness of Neural Networks", 2017: their loss f6.
    """
    array = np.asarray(scores, np.float64)
    wanted = check_labels(np.asarray(labels), len(array), array.shape[1])
    rows = np.arange(len(array))
    own = array[rows, wanted]
    others = array.copy()
    others[rows, wanted] = -np.inf
    margin = own - others.max(axis=1)
    return -margin if targeted else margin


def check_attack(
    images: NDArray[np.float32], labels: ArrayLike, classes: int | None = None
) -> tuple[Images, NDArray[np.int64]]:
    """Refuse pictures and labels that no attack can begin with.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        What an attack was given.
    labels : array_like of int, shape (N,)
        True classes, or targets.
    classes : int, optional
        How many classes the network knows.

    Returns
    -------
    (numpy.ndarray of float32, numpy.ndarray of int64)
        The same.

    Raises
    ------
    TypeError, ValueError
        As :func:`helpers.contracts.check_images` and :func:`helpers.contracts.check_labels`.
    """
    pictures = check_images(images)
    return pictures, check_labels(np.asarray(labels), len(pictures), classes)


def check_threat(threat: ThreatModel) -> None:
    """Refuse what says nothing of how far an attack may go.

    Parameters
    ----------
    threat : ThreatModel
        What an attack was given.

    Raises
    ------
    TypeError
        If it is anything else, such as a bare epsilon.
    """
    if not isinstance(threat, ThreatModel):
        raise TypeError(f"threat must be a ThreatModel, such as ThreatModel(8 / 255), got {threat!r}")
