"""The street by daylight: houses or trees, pavement, kerb, road, crossings, parked cars, lamps and windows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.datasets.painting import EDGE, FINE, Floats, X, Y, column, over, pick, texture

from .shapes import between, box, ellipse

_X, _Y = X[:1], Y[:, :1]
_SKY = np.array([(0.60, 0.72, 0.88), (0.80, 0.84, 0.88), (0.68, 0.72, 0.76)], np.float32)
_ROAD = np.array([(0.34, 0.34, 0.36), (0.42, 0.42, 0.43), (0.28, 0.29, 0.31)], np.float32)
_PAVEMENT = np.array([(0.58, 0.57, 0.55), (0.50, 0.48, 0.46), (0.64, 0.60, 0.54), (0.46, 0.40, 0.36)], np.float32)
_WALLS = np.array(
    [
        (0.58, 0.34, 0.26), (0.72, 0.68, 0.60), (0.50, 0.52, 0.55), (0.78, 0.72, 0.64), (0.40, 0.36, 0.34),
        (0.64, 0.52, 0.38), (0.46, 0.28, 0.22),
    ],
    np.float32,
)  # fmt: skip
_FOLIAGE = np.array([(0.20, 0.34, 0.14), (0.32, 0.42, 0.18), (0.16, 0.26, 0.14)], np.float32)
_CARS = np.array(
    [(0.62, 0.14, 0.14), (0.18, 0.28, 0.50), (0.84, 0.84, 0.84), (0.12, 0.12, 0.14), (0.55, 0.57, 0.60)], np.float32
)
_GLASS, _TYRES = np.float32(0.22), np.float32(0.08)


class Street(NamedTuple):
    """Scenes without anybody.

    Attributes
    ----------
    picture : numpy.ndarray of float32, shape (3, n, EDGE, EDGE)
        Colours by daylight, about 0 to 1.
    windows : numpy.ndarray of float32, shape (n, EDGE, EDGE)
        How much of each pixel is a window that is lit at night.
    horizon : numpy.ndarray of float32, shape (n,)
        Height of the camera's eye in the picture, in pixels from the top.
    """

    picture: Floats
    windows: Floats
    horizon: Floats


def car(
    scene: Floats,
    rng: np.random.Generator,
    place: tuple[Floats, Floats, Floats],
    light: Floats,
    shown: NDArray[np.bool_],
) -> Floats:
    """Paint a car seen from the side, in place.

    Parameters
    ----------
    scene : numpy.ndarray of float32, shape (3, n, EDGE, EDGE)
        Pictures, changed in place.
    rng : numpy.random.Generator
        For its colour and length.
    place : tuple of numpy.ndarray of float32, shape (n, 1, 1)
        Its middle, where its wheels stand and how tall it is, in pixels.
    light : numpy.ndarray of float32, shape (3, n, 1, 1)
        Light on it.
    shown : numpy.ndarray of bool, shape (n,)
        False where there is none.

    Returns
    -------
    numpy.ndarray of float32, shape (n, EDGE, EDGE)
        How much of each pixel it covers.
    """
    n = len(shown)
    long, cabin_share, paint = column(rng.uniform(1.25, 1.6, n)), column(rng.uniform(0.5, 0.65, n)), pick(rng, n, _CARS)
    rows = np.flatnonzero(shown)  # numbers are drawn for all, and only what is seen is painted
    x, bottom, height = (each[rows] for each in place)
    half = height * long[rows]
    cabin, wheel = half * cabin_share[rows], height * np.float32(0.2)
    top, waist = bottom - height, bottom - height * np.float32(0.58)
    roof = box(x - cabin, x + cabin, top, waist + 1)
    body = box(x - half, x + half, waist, bottom - wheel * np.float32(0.6))
    glass = box(x - cabin * 0.85, x + cabin * 0.85, top + height * 0.1, waist)
    tyres = [ellipse(x + half * np.float32(side), bottom - wheel, wheel, wheel) for side in (-0.6, 0.6)]
    part = scene[:, rows]
    over(part, roof, paint[:, rows] * light[:, rows])
    over(part, glass, _GLASS * light[:, rows])
    over(part, body, paint[:, rows] * light[:, rows] * np.float32(0.95))
    over(part, np.maximum(*tyres), _TYRES * light[:, rows])
    scene[:, rows] = part
    cover = np.zeros((n, EDGE, EDGE), np.float32)
    cover[rows] = np.maximum.reduce([roof, body, *tyres])
    return cover


def _window_grid(rng: np.random.Generator, n: int, horizon: Floats) -> tuple[Floats, Floats]:
    """Windows of a house, 0 to 1, and which of them are lit at night."""
    across, down = column(rng.uniform(4, 8, n)), column(rng.uniform(5, 8, n))
    left = _X + column(rng.uniform(0, 8, n))
    up = horizon - _Y + column(rng.uniform(0, 3, n))
    panes = between(left % across, across * 0.22, across * 0.72) * between(up % down, down * 0.2, down * 0.75)
    panes *= np.clip(up, 0, 1)
    lit = rng.random((n, 9, 9)) < 0.35
    of_x, of_y = (left // across).astype(int) % 9, np.clip(up // down, 0, None).astype(int) % 9
    return panes, panes * lit[np.arange(n)[:, None, None], of_y, of_x]


def _crossing(rng: np.random.Generator, n: int, horizon: Floats, kerb: Floats) -> Floats:
    """White stripes on the road that run towards the vanishing point, 0 to 1."""
    below = np.maximum(_Y - horizon, 1)
    vanishing, stripe = column(rng.uniform(-4, EDGE + 4, n)), column(rng.uniform(0.3, 0.55, n))
    phase = (_X - vanishing) / below / stripe + column(rng.random(n))
    soft = np.clip((np.abs(phase % 1 - 0.5) - 0.25) * stripe * below + 0.5, 0, 1)
    near = kerb + column(rng.uniform(0.5, 3, n))
    return soft * between(_Y, near, near + column(rng.uniform(5, 14, n))) * column(rng.random(n) < 0.25)


def draw(rng: np.random.Generator, n: int) -> Street:
    """Streets by daylight, without anybody.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the random numbers come from.
    n : int
        How many.

    Returns
    -------
    Street
        Seen across the street, or along it towards its vanishing point.
    """
    horizon = column(rng.uniform(6, 11, n))
    along = column(rng.random(n) < 0.5)
    # Along the street the houses stand left and right of an opening; across it there is one row of them.
    left, right = column(rng.uniform(2, 18, n)), column(rng.uniform(4, 14, n))
    away = np.maximum(left - _X, 0) + np.maximum(_X - left - right, 0)
    away, wall = away * along, np.where(along > 0, np.clip(away, 0, 1), 1)
    base = horizon + column(rng.uniform(0.5, 3.5, n)) + away * column(rng.uniform(0.15, 0.4, n))
    kerb = base + column(rng.uniform(0.5, 6, n)) + away * column(rng.uniform(0.3, 0.8, n))
    roof = horizon - column(rng.uniform(2, 14, n)) - away * column(rng.uniform(0.4, 1.2, n))
    trees = column(rng.random(n) < 0.25)
    roof = roof + trees * 4 * (rng.uniform(-1, 1, (n, 13)).astype(np.float32) @ FINE.T)[:, None, :]

    scene = pick(rng, n, _SKY) * (1.1 - 0.012 * Y)
    over(scene, np.clip(_Y - horizon + 0.5, 0, 1), pick(rng, n, _ROAD))
    over(scene, _crossing(rng, n, horizon, kerb) * np.clip(_Y - kerb, 0, 1), np.float32(0.78))
    pavement = between(_Y, base, kerb)
    over(scene, pavement, pick(rng, n, _PAVEMENT))
    edge = between(_Y, kerb - 0.3, kerb + 0.5) * column(rng.uniform(0.4, 1, n))
    over(scene, edge, column(rng.choice([0.3, 0.72], n)))
    houses = between(_Y, roof, base) * wall
    second = column(rng.uniform(0, EDGE, n))
    colour = np.where(second > _X, pick(rng, n, _WALLS), pick(rng, n, _WALLS))
    over(scene, houses, np.where(trees > 0, pick(rng, n, _FOLIAGE), colour))
    panes, lit = _window_grid(rng, n, horizon)
    built = houses * (1 - trees)
    over(scene, panes * built * column(rng.uniform(0.6, 1, n)), column(rng.choice([0.2, 0.3, 0.6], n)))
    shop = between(_Y, base - column(rng.uniform(4, 7, n)), base - 1) * built * column(rng.random(n) < 0.3)
    over(scene, shop * column(rng.uniform(0.5, 0.9, n)), column(rng.uniform(0.15, 0.7, n)))
    rough = texture(rng, n)
    strength = 0.035 + 0.09 * houses * trees
    scene *= 1 + rough * strength * 1.5
    scene += rough[::-1] * strength * 0.3 * rng.standard_normal((3, n, 1, 1), dtype=np.float32)

    parked, daylight = rng.random(n) < 0.4, np.ones((3, n, 1, 1), np.float32)
    foot = kerb[:, :, EDGE // 2 : EDGE // 2 + 1] + column(rng.uniform(0, 1.5, n))
    place = (column(rng.uniform(-2, 34, n)), foot, (foot - horizon + 1) * 0.9)
    hidden = car(scene, rng, place, daylight, parked)
    np.clip(scene, 0, 1.1, out=scene)
    return Street(scene, (lit * built + shop * 0.6) * (1 - hidden), horizon[:, 0, 0])


def foliage(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Choose a green for each picture, shape (3, n, 1, 1)."""
    return pick(rng, n, _FOLIAGE)
