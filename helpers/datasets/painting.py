"""What drawn data sets paint with: colours over each other, numbers for each picture, smooth random fields.

Inside the drawing, pictures have their colours first, shape (3, n, EDGE, EDGE): a field of shape (n, EDGE, EDGE) then
applies to all three colours as it is, and NumPy works through long rows instead of triples (several times faster).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

EDGE = 32
"""Height and width of a picture in pixels."""

Floats = NDArray[np.float32]

Y, X = np.meshgrid(np.arange(EDGE, dtype=np.float32) + 0.5, np.arange(EDGE, dtype=np.float32) + 0.5, indexing="ij")
"""Where the middle of each pixel is, from the top and from the left; ``X[:1]`` and ``Y[:, :1]`` are one row of each."""


def _upsampling(cells: int) -> Floats:
    """Weights that spread `cells` random values over the pixels of an edge, smoothly (quadratic B-spline)."""
    position = (np.arange(EDGE) + 0.5) / EDGE * (cells - 2) + 0.5
    away = np.abs(position[:, None] - np.arange(cells))
    weights = np.where(away < 0.5, 0.75 - away**2, np.where(away < 1.5, (1.5 - away) ** 2 / 2, 0))
    return weights.astype(np.float32)


FINE = _upsampling(13)
"""Weights that spread 13 values over the pixels of an edge, smoothly, shape (EDGE, 13)."""
_COARSE = _upsampling(6)


def column(values: ArrayLike) -> Floats:
    """One number for each picture, to go with arrays of shape (n, EDGE, EDGE)."""
    return np.asarray(values, np.float32)[:, None, None]


def uniform(rng: np.random.Generator, low_high: ArrayLike, n: int) -> Floats:
    """Numbers between bounds that are the same for all pictures, shape (2,), or each picture's own, shape (n, 2)."""
    pair = np.broadcast_to(np.asarray(low_high, np.float64), (n, 2))
    return (pair[:, 0] + rng.random(n) * (pair[:, 1] - pair[:, 0])).astype(np.float32)


def texture(rng: np.random.Generator, n: int) -> Floats:
    """Smooth random fields, mean 0 and standard deviation about 1, shape (n, EDGE, EDGE)."""
    coarse = rng.standard_normal((n, 6, 6), dtype=np.float32)
    fine = rng.standard_normal((n, 13, 13), dtype=np.float32)
    both = _COARSE @ coarse @ _COARSE.T * np.float32(1.2) + FINE @ fine @ FINE.T
    return both.astype(np.float32, copy=False)


def pick(rng: np.random.Generator, n: int, palette: Floats) -> Floats:
    """Choose a colour for each picture, near one of a palette, shape (3, n, 1, 1)."""
    colours = palette[rng.integers(0, len(palette), n)] * rng.uniform(0.8, 1.2, (n, 1)).astype(np.float32)
    return (colours + rng.normal(0, 0.025, (n, 3)).astype(np.float32)).T[:, :, None, None]


def over(scene: Floats, cover: Floats, colour: Floats | np.float32) -> None:
    """Paint a colour over the scene, in place, as far as `cover` says."""
    change = colour - scene
    change *= cover
    scene += change
