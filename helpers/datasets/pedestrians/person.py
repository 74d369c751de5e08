"""A person in summer clothes: which part of each pixel is skin, shirt, shorts, shoes or hair, and their colours.

Pose, build, clothes and hair are drawn without a look at the skin tone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.datasets.painting import EDGE, Floats, column, pick

from .conditions import CONDITIONS, MONK
from .shapes import Numbers, ellipse, limb

MATERIALS = ("skin", "shirt", "shorts", "shoes", "hair")
"""In this order stand the coverages of :func:`coverages`."""
Point = tuple[Numbers | float, Numbers | float]

_SKIN, _SHIRT, _SHORTS, _SHOES, _HAIR = range(len(MATERIALS))

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""What red, green and blue weigh in luminance (Rec. 709), here of pixel values as they are stored."""

TONE_COLOURS = np.array([[int(tone[i : i + 2], 16) for i in (0, 2, 4)] for tone in MONK], np.float32) / 255
"""Colour of each Monk tone, 0 to 1, shape (10, 3)."""

_BRIGHT_CLOTHES = np.array(
    [(0.88, 0.88, 0.86), (0.80, 0.78, 0.60), (0.66, 0.78, 0.86), (0.86, 0.66, 0.66), (0.70, 0.80, 0.64)], np.float32
)
_DARK_CLOTHES = np.array(
    [(0.12, 0.12, 0.14), (0.14, 0.18, 0.32), (0.14, 0.24, 0.18), (0.32, 0.12, 0.14), (0.24, 0.22, 0.20)], np.float32
)
# As many bright as dark: a head of one brightness is easier to see, and that must not hang on the skin.
_HAIR_COLOURS = np.array([(0.10, 0.09, 0.08), (0.26, 0.18, 0.12), (0.86, 0.74, 0.50), (0.90, 0.90, 0.90)], np.float32)


def coverages(rng: np.random.Generator, x: Floats, foot: Floats, height: Floats) -> Floats:
    """Draw people as shares of each pixel.

    Parameters
    ----------
    rng : numpy.random.Generator
        For stride, swing and build.
    x, foot, height : numpy.ndarray of float32, shape (n, 1, 1)
        Where they stand and how tall they are, in pixels.

    Returns
    -------
    numpy.ndarray of float32, shape (5, n, EDGE, EDGE)
        By `MATERIALS`; the sum is at most 1.
    """
    n = len(x)
    broad = column(rng.uniform(0.9, 1.15, n))
    side = column(rng.choice([-1.0, 1.0], n))
    stride = column(np.where(rng.random(n) < 0.7, rng.uniform(0.04, 0.17, n), 0.05)) * side
    bend, swing = column(rng.uniform(0, 0.05, n)) * side, column(rng.uniform(-0.3, 1, n))
    lean = column(rng.normal(0, 0.012, n))
    shares = np.zeros((len(MATERIALS), n, EDGE, EDGE), np.float32)
    free = np.ones((n, EDGE, EDGE), np.float32)  # what is in front is drawn first, and the rest gets what it leaves

    def paint(material: int, cover: Floats) -> None:
        cover *= free
        shares[material] += cover
        free[:] -= cover

    def part(material: int, start: Point, end: Point, r0: float, r1: float) -> None:
        """Draw a limb between two places in heights of the person, from between the feet to the right and up."""
        (x0, y0), (x1, y1) = start, end
        ends = (x + x0 * height, foot - y0 * height, x + x1 * height, foot - y1 * height)
        paint(material, limb(*ends, r0 * broad * height, r1 * broad * height))

    across, down = (height * radius * column(rng.uniform(0.92, 1.1, n)) for radius in (0.064, 0.078))
    head_x, head_y = x + (lean * 2 + 0.008 * side) * height, foot - 0.925 * height
    paint(_SKIN, ellipse(head_x, head_y + 0.012 * height, across * 0.98, down * 0.9))
    paint(_HAIR, ellipse(head_x - side * 0.012 * height, head_y - 0.018 * height, across * 1.08, down * 1.02))
    for way in (1, -1):
        part(_SHIRT, (way * 0.05 + lean, 0.76), (0, 0.55), 0.075, 0.07)
    part(_SKIN, (lean, 0.82), (lean * 1.5, 0.90), 0.034, 0.034)
    for way in (1, -1):
        shoulder, elbow = (way * 0.105 + lean, 0.79), (way * 0.145 - way * stride * swing * 0.4 + lean, 0.62)
        part(_SHIRT, shoulder, (shoulder[0] + (elbow[0] - shoulder[0]) * 0.3, 0.74), 0.048, 0.046)
        part(_SKIN, shoulder, elbow, 0.04, 0.036)
        part(_SKIN, elbow, (way * 0.15 - way * stride * swing + lean, 0.46), 0.036, 0.032)
    part(_SHORTS, (-0.03, 0.51), (0.03, 0.51), 0.07, 0.07)
    for way in (1, -1):  # the leg on the near side, then that on the far side
        hip, knee, ankle = (way * 0.04, 0.50), (way * stride * 0.55 + bend, 0.28), (way * stride, 0.04)
        part(_SHOES, (ankle[0] - 0.01 * side, 0.02), (ankle[0] + 0.05 * side, 0.02), 0.026, 0.022)
        part(_SHORTS, hip, (hip[0] + (knee[0] - hip[0]) * 0.55, 0.38), 0.072, 0.068)
        part(_SKIN, hip, knee, 0.06, 0.05)
        part(_SKIN, knee, ankle, 0.046, 0.036)
    return shares


def clothes(rng: np.random.Generator, clothing: NDArray[np.intp]) -> list[Floats]:
    """Choose colours of shirt, shorts, shoes and hair.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the random numbers come from.
    clothing : numpy.ndarray of int, shape (n,)
        Index in ``CONDITIONS["clothing"]``: shirt and shorts are both light or both dark.

    Returns
    -------
    list of numpy.ndarray of float32, shape (3, n, 1, 1)
        By `MATERIALS`, without the skin.
    """
    n = len(clothing)
    bright = (clothing == list(CONDITIONS["clothing"]).index("light"))[:, None, None]
    worn = [np.where(bright, pick(rng, n, _BRIGHT_CLOTHES), pick(rng, n, _DARK_CLOTHES)) for _ in range(2)]
    return [*worn, pick(rng, n, np.concatenate([_BRIGHT_CLOTHES, _DARK_CLOTHES])), pick(rng, n, _HAIR_COLOURS)]


def luminance(colours: NDArray[np.floating]) -> Floats:
    """Luminance of colours that come first, shape (3, ...), as a weighted sum of pixel values."""
    return np.tensordot(LUMINANCE, colours, 1)


def tinted(level: Floats, tone: NDArray[np.int64], cast: Floats) -> Floats:
    """Give skin of a tone the luminance that it is asked to have.

    Parameters
    ----------
    level : numpy.ndarray of float32, shape (n, 1, 1)
        Luminance, 0 to 1.
    tone : numpy.ndarray of int, shape (n,)
        Monk tone, 1 to 10.
    cast : numpy.ndarray of float32, shape (3, n, 1, 1)
        Colour of the light.

    Returns
    -------
    numpy.ndarray of float32, shape (3, n, 1, 1)
        The tone's own hue at that luminance; paler where a colour would be brighter than a pixel can be.
    """
    hue = TONE_COLOURS[tone - 1].T[:, :, None, None] * cast
    full = hue / luminance(hue) * level
    room = np.clip((1 - level) / np.maximum(full.max(axis=0) - level, 1e-6), 0, 1)
    return level + (full - level) * room
