"""Flat shapes as coverage of pixels, many at a time: each returns 0 to 1, shape (n, EDGE, EDGE).

Every argument is one number for each picture, made by :func:`helpers.datasets.painting.column`, in pixels from the top
left. A shape thinner than a pixel covers its share of one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.datasets.painting import Floats, X, Y

Numbers = NDArray[np.floating]
"""One number for each picture, shape (n, 1, 1)."""

_X, _Y = X[:1], Y[:, :1]


def between(at: Numbers, low: Numbers, high: Numbers) -> Floats:
    """How much of each pixel at `at` lies between two edges."""
    return np.clip(np.minimum(at - low, high - at) + 0.5, 0, np.clip(high - low, 0, 1))


def box(left: Numbers, right: Numbers, top: Numbers, bottom: Numbers) -> Floats:
    """Fill an upright rectangle."""
    return between(_X, left, right) * between(_Y, top, bottom)


def ellipse(x: Numbers, y: Numbers, across: Numbers, down: Numbers) -> Floats:
    """Fill an ellipse, from its centre and its two radii."""
    away = np.sqrt(((_X - x) / across) ** 2 + ((_Y - y) / down) ** 2)
    radius = np.minimum(across, down)
    return np.clip((1 - away) * radius + 0.5, 0, np.minimum(1, 2 * radius))


def limb(x0: Numbers, y0: Numbers, x1: Numbers, y1: Numbers, r0: Numbers, r1: Numbers) -> Floats:
    """Fill a line with round ends that goes from radius `r0` to `r1`."""
    dx, dy = x1 - x0, y1 - y0
    squared = dx * dx + dy * dy + np.float32(1e-6)
    from_x, from_y = _X - x0, _Y - y0
    along = from_x * (dx / squared) + from_y * (dy / squared)
    place = np.clip(along, 0, 1)  # the nearest point of the line, from 0 at its beginning to 1 at its end
    away = from_x**2 + from_y**2
    along *= 2
    along -= place
    along *= place
    along *= squared
    away -= along
    np.sqrt(np.maximum(away, 0, out=away), out=away)
    place *= r1 - r0
    place += r0 + np.float32(0.5)
    place -= away
    return np.clip(place, 0, np.minimum(1, 2 * np.maximum(r0, r1)), out=place)
