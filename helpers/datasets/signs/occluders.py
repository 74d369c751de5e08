"""What stands or sticks in front of a sign: leaves, branches, poles, stickers.

A fixed library, the same for every seed: each occluder is drawn in the sign's own coordinates (so that it is warped
with it), and how much it covers of each face is counted in whole pixels, hence the same on every machine. Occluders
that would hide most of the evidence of some class are left out: what remains can be told by a careful look.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import templates
from .templates import Mask

KINDS = ("leaves", "branch", "pole", "sticker")
COUNT = 48
"""Occluders in the library."""
_MOST_OF_SIGN, _LEAST_OF_SIGN, _MOST_OF_EVIDENCE = 0.42, 0.05, 0.50
_SEED = 20240607
_COLOURS = {"leaves": (70, 105, 45), "branch": (80, 70, 50), "pole": (120, 122, 124), "sticker": (205, 200, 185)}


@dataclass(frozen=True)
class Library:
    """All occluders.

    Attributes
    ----------
    masks : numpy.ndarray of uint8, shape (COUNT, SIZE, SIZE)
        How much of each pixel of a face is covered, 0 to 255.
    colours : numpy.ndarray of float32, shape (COUNT, 3)
        Colour by daylight, 0 to 1.
    shares : numpy.ndarray of float64, shape (faces, COUNT)
        Share of each face's pixels that is covered, rounded to 3 digits.
    """

    masks: NDArray[np.uint8]
    colours: NDArray[np.float32]
    shares: NDArray[np.float64]


def _leaf(rng: np.random.Generator, centre: NDArray, size: float) -> Mask:
    axes = (size, size * rng.uniform(0.35, 0.6))
    ellipse = templates.arc((0, 0), axes, n=24)
    turn = rng.uniform(0, np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return templates.polygon(ellipse @ rotation.T + centre)


def _draw(kind: str, rng: np.random.Generator) -> Mask:
    """One occluder; it comes in from a random side."""
    angle = rng.uniform(0, 2 * np.pi)
    side = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-side[1], side[0]])
    if kind == "pole":
        x = rng.choice([-1, 1]) * rng.uniform(0.3, 0.9)
        return templates.stroke([[(x, -2), (x + rng.uniform(-0.25, 0.25), 2)]], rng.uniform(0.2, 0.42))
    if kind == "sticker":
        centre = side * rng.uniform(0.35, 0.7)
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * [rng.uniform(0.2, 0.38), rng.uniform(0.2, 0.34)]
        return templates.polygon(corners @ np.stack([along, side]) + centre)
    mask = templates.blank()
    if kind == "branch":
        start, end = (
            side * 1.4 + along * rng.uniform(-0.6, 0.6),
            side * rng.uniform(0, 0.3) - along * rng.uniform(0.2, 0.9),
        )
        mask |= templates.stroke([[start, (start + end) / 2 + along * 0.1, end]], rng.uniform(0.08, 0.14))
        for place in rng.uniform(0, 1, 7):
            mask |= _leaf(rng, start + (end - start) * place + rng.normal(0, 0.1, 2), rng.uniform(0.15, 0.28))
        return mask
    for _ in range(rng.integers(8, 18)):
        centre = side * rng.uniform(0.55, 1.25) + along * rng.normal(0, 0.45)
        mask |= _leaf(rng, centre, rng.uniform(0.2, 0.42))
    return mask


def _share(covered: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return round(int((covered & whole).sum()) / int(whole.sum()), 3)


@functools.cache
def library() -> Library:
    """All occluders, drawn on the first call.

    Returns
    -------
    Library
        The same for every seed.
    """
    rng = np.random.default_rng(_SEED)
    solids = [face.rgba[..., 3] > 127 for face in templates.faces()]
    proofs = [face.evidence > 127 for face in templates.faces()]
    masks: list[Mask] = []
    colours: list[NDArray] = []
    shares: list[list[float]] = []
    while len(masks) < COUNT:
        kind = KINDS[len(masks) % len(KINDS)]
        mask = np.rint(templates.average_down(_draw(kind, rng)) * 255).astype(np.uint8)
        of_signs = [_share(mask > 127, solid) for solid in solids]
        of_evidence = max(_share(mask > 127, proof) for proof in proofs)
        if min(of_signs) < _LEAST_OF_SIGN or max(of_signs) > _MOST_OF_SIGN or of_evidence > _MOST_OF_EVIDENCE:
            continue
        masks.append(cv2.blur(mask, (3, 3)))
        colours.append(np.asarray(_COLOURS[kind], np.float32) / 255 * rng.uniform(0.7, 1.25, 3).astype(np.float32))
        shares.append(of_signs)
    return Library(np.stack(masks), np.stack(colours).astype(np.float32), np.asarray(shares).T)
