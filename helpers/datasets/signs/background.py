"""What is behind the signs: sky, ground, trees, houses, poles and spots of colour, never uniform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.datasets.painting import EDGE, FINE, Floats, X, Y, column, over, pick, texture

_SKY = np.array([(0.58, 0.70, 0.86), (0.78, 0.83, 0.88), (0.66, 0.70, 0.74), (0.50, 0.63, 0.82)], np.float32)
_GROUND = np.array([(0.42, 0.42, 0.43), (0.34, 0.42, 0.22), (0.50, 0.46, 0.38), (0.30, 0.31, 0.33)], np.float32)
_FOLIAGE = np.array([(0.20, 0.34, 0.14), (0.32, 0.42, 0.18), (0.44, 0.36, 0.16), (0.14, 0.24, 0.14)], np.float32)
_WALLS = np.array(
    [(0.62, 0.36, 0.28), (0.72, 0.68, 0.60), (0.48, 0.50, 0.54), (0.80, 0.76, 0.70), (0.36, 0.33, 0.32)], np.float32
)
_SPOTS = np.array(
    [
        (0.55, 0.20, 0.18), (0.22, 0.32, 0.50), (0.80, 0.80, 0.78), (0.70, 0.60, 0.30),
        (0.10, 0.10, 0.12), (0.25, 0.45, 0.25), (0.55, 0.56, 0.58),
    ],
    np.float32,
)  # fmt: skip


def _skyline(rng: np.random.Generator, n: int, horizon: Floats, houses: NDArray[np.bool_]) -> Floats:
    """Cover from 0 to 1 by trees (a round skyline) or houses (a stepped one) that rise from the horizon."""
    heights = rng.uniform(0, 1, (n, 13)).astype(np.float32)
    round_tops = heights @ FINE.T
    stepped = heights[:, np.arange(EDGE) // 6]
    top = horizon - np.where(houses[:, None], stepped, round_tops)[:, None, :] * column(rng.uniform(2, 26, n))
    return np.clip(Y - top + 0.5, 0, 1) * np.clip(horizon + 1.5 - Y, 0, 1)


def _windows(rng: np.random.Generator, n: int) -> Floats:
    """Draw a grid of dark windows, 0 to 1."""
    across, down = column(rng.uniform(3.5, 7, n)), column(rng.uniform(3.5, 7, n))
    left, top = column(rng.uniform(0, 7, n)), column(rng.uniform(0, 7, n))
    columns, rows = (X[:1] + left) % across < across * 0.45, (Y[:, :1] + top) % down < down * 0.5
    return (columns & rows).astype(np.float32)


def _add_spots(scene: Floats, rng: np.random.Generator) -> None:
    """Cars, bins, billboards: soft boxes and ellipses of one colour."""
    n = scene.shape[1]
    for presence in (0.6, 0.4):
        cx, cy = column(rng.uniform(0, EDGE, n)), column(rng.uniform(4, EDGE + 2, n))
        rx, ry = column(rng.uniform(1, 4.5, n)), column(rng.uniform(1, 4, n))
        power = column(rng.choice([2.0, 6.0], n))
        inside = 1 - (np.abs(X[:1] - cx) / rx) ** power - (np.abs(Y[:, :1] - cy) / ry) ** power
        cover = np.clip(inside * 2, 0, 1) * column(rng.random(n) < presence)
        over(scene, cover, pick(rng, n, _SPOTS))


def add_pole(scene: Floats, rng: np.random.Generator, x: NDArray, top: NDArray, width: NDArray, shown: NDArray) -> None:
    """Paint a grey post from `top` down, in place.

    Parameters
    ----------
    scene : numpy.ndarray of float32, shape (3, n, EDGE, EDGE)
        Pictures, changed in place.
    rng : numpy.random.Generator
        For its grey.
    x, top, width : numpy.ndarray of float, shape (n,)
        Where it stands, where it begins and how wide it is, in pixels.
    shown : numpy.ndarray of bool, shape (n,)
        False where there is none.
    """
    across = np.abs(X[:1] - column(x))
    cover = np.clip(column(width) / 2 - across + 0.5, 0, 1) * np.clip(Y[:, :1] - column(top), 0, 1)
    grey = column(rng.uniform(0.35, 0.7, len(x))) * (1.1 - 0.1 * across)
    over(scene, cover * column(shown), grey)


def draw(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Scenes by daylight, without a sign.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the random numbers come from.
    n : int
        How many.

    Returns
    -------
    scene : numpy.ndarray of float32, shape (3, n, EDGE, EDGE)
        Colours, about 0 to 1.
    depth : numpy.ndarray of float32, shape (n, EDGE, EDGE)
        How far away, from 0 (at the camera's feet) to 1 (the sky), for fog.
    """
    horizon = column(rng.uniform(12, 31, n)) + (X - EDGE / 2) * column(rng.normal(0, 0.06, n))
    ground = np.clip(Y - horizon + 0.5, 0, 1)
    scene = pick(rng, n, _SKY) * (1.12 - 0.009 * Y * column(rng.uniform(-0.5, 1, n)))
    over(scene, ground, pick(rng, n, _GROUND))
    houses = rng.random(n) < 0.45
    behind = _skyline(rng, n, horizon, houses) * column(rng.random(n) < 0.85)
    walls, leaves = pick(rng, n, _WALLS), pick(rng, n, _FOLIAGE)
    over(scene, behind, np.where(houses[:, None, None], walls, leaves))
    over(scene, _windows(rng, n) * behind * column(houses * rng.uniform(0.2, 0.7, n)), np.float32(0.15))
    rough = texture(rng, n)
    strength = 0.02 + 0.045 * ground + behind * column(np.where(houses, 0.035, 0.11))
    scene *= 1 + rough * strength * 1.6
    # Colours vary as well, along the field of another picture: a second one would only cost time.
    scene += rough[::-1] * strength * 0.35 * rng.standard_normal((3, n, 1, 1), dtype=np.float32)
    add_pole(scene, rng, rng.uniform(0, EDGE, n), rng.uniform(-10, 16, n), rng.uniform(0.6, 2, n), rng.random(n) < 0.4)
    _add_spots(scene, rng)
    depth = np.clip(1 - 0.75 * ground * (Y - horizon) / EDGE * 2, 0.2, 1)
    np.clip(scene, 0, 1.1, out=scene)
    return scene, depth.astype(np.float32)
