"""Everyday damage to pictures in three strengths: noise, blur, brightness and JPEG, after ImageNet-C."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from helpers.contracts import check_images, check_seed
from helpers.errors import did_you_mean

Pictures = NDArray[np.float32]

# Severities 1, 3 and 5 of CIFAR-10-C, which Hendrycks and Dietterich chose for pictures of 32x32.
_LEVELS: dict[str, tuple[float, float, float]] = {
    "noise": (0.04, 0.08, 0.10),  # standard deviation, of a range of 1
    "blur": (0.4, 0.7, 1.0),  # standard deviation in pixels
    "brightness": (0.05, 0.15, 0.30),  # added to the value of HSV
    "jpeg": (80, 58, 40),  # quality
}

NAMES = tuple(_LEVELS)
"""Names of the corruptions."""

STRENGTHS = (1, 2, 3)
"""The three strengths, weakest first."""

_BATCH = 512  # bounds the extra memory; results do not depend on it


def corrupt(images: NDArray, name: str, strength: int, seed: int = 0) -> Pictures:
    """Damage pictures as cameras and networks do.

    Strengths are severities 1, 3 and 5 of CIFAR-10-C, made for small pictures: on a photograph of 224x224 they
    are mild.

    Parameters
    ----------
    images : numpy.ndarray of float, shape (N, H, W, C)
        Pictures in [0, 1], grey (C = 1) or RGB (C = 3); left as they are.
    name : {"noise", "blur", "brightness", "jpeg"}
        Gaussian noise; Gaussian blur; light added to the value of HSV; compression as JPEG and back.
    strength : {1, 2, 3}
        1 is the weakest.
    seed : int
        Decides the noise; the others draw nothing. The same noise, scaled, serves every strength.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        New pictures in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If `images` are not floats in [0, 1], or name, strength or seed is none of the above.

    References
    ----------
    Hendrycks, Dietterich (2019). Benchmarking neural network robustness to common corruptions and perturbations.
    """
    pictures = check_images(images)
    if pictures.shape[3] not in (1, 3) or 0 in pictures.shape:
        raise ValueError(f"images must be grey (N, H, W, 1) or RGB (N, H, W, 3), got shape {pictures.shape}")
    level = _level(name, strength)
    rng = np.random.default_rng(check_seed(seed))
    damaged = np.empty_like(pictures)
    for start in range(0, len(pictures), _BATCH):
        batch = slice(start, start + _BATCH)
        damaged[batch] = _FUNCTIONS[name](pictures[batch], level, rng)
    return damaged


def _level(name: Any, strength: Any) -> float:
    if name not in NAMES:
        raise ValueError(f"unknown corruption {name!r}: choose one of {', '.join(NAMES)}.{did_you_mean(name, NAMES)}")
    if isinstance(strength, bool) or not isinstance(strength, Integral) or strength not in STRENGTHS:
        raise ValueError(f"strength must be 1, 2 or 3, got {strength!r}")
    return _LEVELS[name][int(strength) - 1]


def _noise(pictures: Pictures, deviation: float, rng: np.random.Generator) -> Pictures:
    noise = rng.standard_normal(pictures.shape, dtype=np.float32)
    return np.clip(pictures + np.float32(deviation) * noise, 0, 1)


def _blur(pictures: Pictures, deviation: float, _: np.random.Generator) -> Pictures:
    return np.clip(ndimage.gaussian_filter(pictures, sigma=(0, deviation, deviation, 0), mode="nearest"), 0, 1)


def _brightness(pictures: Pictures, added: float, _: np.random.Generator) -> Pictures:
    # With hue and saturation kept, a new value V' scales all three colours by V'/V; black has no hue and turns grey.
    value = pictures.max(axis=3, keepdims=True)
    new_value = np.minimum(value + np.float32(added), 1)
    black = value == 0
    return np.where(black, new_value, np.minimum(pictures * (new_value / np.where(black, 1, value)), 1))


def _jpeg(pictures: Pictures, quality: float, _: np.random.Generator) -> Pictures:
    setting = [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    decoded = np.empty(pictures.shape, dtype=np.uint8)
    for row, pixels in enumerate(np.rint(pictures * 255).astype(np.uint8)):
        # OpenCV takes BGR, and the channels matter: JPEG keeps light finer than colour.
        _written, code = cv2.imencode(".jpg", pixels[..., ::-1], setting)
        flag = cv2.IMREAD_GRAYSCALE if pixels.shape[2] == 1 else cv2.IMREAD_COLOR
        decoded[row] = np.asarray(cv2.imdecode(code, flag)).reshape(pixels.shape)[..., ::-1]
    return np.multiply(decoded, np.float32(1 / 255), dtype=np.float32)


_FUNCTIONS: dict[str, Callable[[Pictures, float, np.random.Generator], Pictures]] = {
    "noise": _noise,
    "blur": _blur,
    "brightness": _brightness,
    "jpeg": _jpeg,
}
