"""The faces of the signs, drawn once as vector shapes: colour, outline and the pixels that tell the class.

Every face is a stack of flat shapes in units of the sign: the centre is (0, 0), x points right, y points down, and a
round sign has radius 1. The shapes are rasterised eight times too large with integer arithmetic and averaged down, so
the faces are anti-aliased and the same on every machine. No fonts are used: letters and digits are strokes.

Which pixels are the **evidence** of a class is a choice, made here once:

=====================  ==========================================================================
class                  evidence
=====================  ==========================================================================
stop                   the letters
yield, priority road   the whole face (they carry no pictogram: shape and border tell them)
no entry               the white bar
speed limits           the first digit, the only thing that differs between 30 and 80
turns, roundabout      the arrows
pedestrian crossing    the white triangle with the walking figure
no parking             the red stroke
road works             the digging figure
=====================  ==========================================================================

The looks follow the Vienna Convention on Road Signs and Signals (United Nations, 1968), simplified for 32 pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

CLASS_NAMES = (
    "stop",
    "yield",
    "no entry",
    "speed limit 30",
    "speed limit 80",
    "priority road",
    "turn left",
    "turn right",
    "roundabout",
    "pedestrian crossing",
)
UNSEEN_NAMES = ("no parking", "road works")

SIZE = 64
"""Edge of a face in pixels, with a margin for occluders that reach beyond the sign."""
UNIT = 23
"""Pixels of a face per unit of the sign."""

_SUPER = 8
_SUBPIXEL = 4  # bits of a fraction in OpenCV's fixed-point coordinates
_RED, _BLUE, _YELLOW = (196, 22, 36), (8, 82, 170), (250, 190, 16)
_WHITE, _BLACK = (242, 242, 242), (18, 18, 20)

Mask = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Face:
    """One sign seen from the front.

    Attributes
    ----------
    name : str
        What a driver calls it.
    rgba : numpy.ndarray of uint8, shape (SIZE, SIZE, 4)
        Colour multiplied by coverage, and coverage (premultiplied alpha: right to interpolate).
    evidence : numpy.ndarray of uint8, shape (SIZE, SIZE)
        How much of each pixel belongs to the evidence of the class, 0 to 255, its edge softened.
    outline : numpy.ndarray of float64, shape (24, 2)
        Corners of the sign in its own units, the last one repeated to fill up.
    """

    name: str
    rgba: NDArray[np.uint8]
    evidence: NDArray[np.uint8]
    outline: Points


@dataclass(frozen=True)
class _Layer:
    """A flat shape of one colour on a face."""

    mask: Mask
    colour: tuple[int, int, int]
    evidence: bool = False


def blank() -> Mask:
    """Make an empty mask at the size shapes are drawn in."""
    return np.zeros((SIZE * _SUPER, SIZE * _SUPER), np.uint8)


def fixed_point(points: Points) -> NDArray[np.int32]:
    """Points in units of the sign as OpenCV's fixed-point pixel coordinates, shape (P, 1, 2)."""
    pixels = (np.round(points, 9) * UNIT + SIZE / 2) * _SUPER - 0.5
    return np.rint(pixels * 2**_SUBPIXEL).astype(np.int32)[:, None, :]


def polygon(points: ArrayLike) -> Mask:
    """Fill a polygon, its corners in units of the sign."""
    return cv2.fillPoly(blank(), [fixed_point(np.asarray(points, float))], 255, shift=_SUBPIXEL)


def stroke(lines: Sequence[ArrayLike], width: float) -> Mask:
    """Lines with round ends, `width` wide, in units of the sign."""
    points = [fixed_point(np.asarray(line, float)) for line in lines]
    thickness = max(1, round(width * UNIT * _SUPER))
    return cv2.polylines(blank(), points, False, 255, thickness, shift=_SUBPIXEL)


def arc(
    centre: tuple[float, float], radii: tuple[float, float], start: float = 0, stop: float = 360, n: int = 48
) -> Points:
    """Points on an ellipse from angle `start` to `stop`, in degrees, clockwise from the right as y points down."""
    angle = np.radians(np.linspace(start, stop, n))
    return np.stack([centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)], axis=1)


def disc(radius: float, centre: tuple[float, float] = (0, 0)) -> Mask:
    """Fill a disc."""
    return polygon(arc(centre, (radius, radius), n=96))


def average_down(mask: NDArray) -> NDArray[np.float32]:
    """Coverage from 0 to 1 of each pixel of a face by a shape, from its large mask."""
    blocks = (mask > 0).reshape(SIZE, _SUPER, SIZE, _SUPER)
    return blocks.sum(axis=(1, 3), dtype=np.int32).astype(np.float32) / _SUPER**2


def regular(corners: int, radius: float, start: float, down: float = 0) -> Points:
    """Corners of a regular polygon, the first at angle `start` in degrees, its centre moved `down`."""
    return arc((0, down), (radius, radius), start, start + 360 * (1 - 1 / corners), corners)


def _rounded(points: Points, radius: float) -> Mask:
    """Fill a polygon with round corners: shrunk, then drawn with a round pen."""
    inner = np.asarray(points, float)
    centre = inner.mean(axis=0)
    inward = np.linalg.norm(inner - centre, axis=1, keepdims=True)
    inner = centre + (inner - centre) * (1 - radius / inward)
    return polygon(inner) | stroke([np.vstack([inner, inner[:1]])], 2 * radius)


def _stop() -> tuple[list[_Layer], Points]:
    outline = regular(8, 1.04, 22.5)
    top, bottom, w = -0.27, 0.27, 0.13
    middle = (top + bottom) / 2
    s = [(-0.50, top + 0.04), (-0.58, top), (-0.68, top), (-0.74, -0.18), (-0.70, -0.06), (-0.54, 0.06)]
    s += [(-0.50, 0.18), (-0.56, bottom), (-0.68, bottom), (-0.75, bottom - 0.04)]
    letters: list[ArrayLike] = [
        s,
        [(-0.37, top), (-0.07, top)],
        [(-0.22, top), (-0.22, bottom)],
        arc((0.20, middle), (0.13, 0.27)),
        [(0.50, bottom), (0.50, top), (0.66, top), (0.72, -0.20), (0.72, -0.08), (0.66, 0), (0.50, 0)],
    ]
    layers = [
        _Layer(polygon(outline), _WHITE),
        _Layer(polygon(outline * 0.92), _RED),
        _Layer(stroke(letters, w), _WHITE, evidence=True),
    ]
    return layers, outline


def _yield() -> tuple[list[_Layer], Points]:
    outline = regular(3, 1.12, 90, -0.2)
    whole = _rounded(outline, 0.14)
    inside = polygon(regular(3, 0.68, 90, -0.2))
    return [_Layer(whole, _RED, evidence=True), _Layer(inside, _WHITE, evidence=True)], outline


def _no_entry() -> tuple[list[_Layer], Points]:
    bar = polygon([(-0.72, -0.19), (0.72, -0.19), (0.72, 0.19), (-0.72, 0.19)])
    layers = [_Layer(disc(1), _WHITE), _Layer(disc(0.95), _RED), _Layer(bar, _WHITE, evidence=True)]
    return layers, regular(24, 1, 0)


def _digit(digit: str, x: float) -> list[Points]:
    """Strokes of 0, 3 or 8 in a box 1.1 high and about 0.6 wide around x; the 3 is the right side of the 8."""
    if digit == "0":
        return [arc((x, 0), (0.21, 0.45))]
    upper, lower = ((x, -0.23), (0.20, 0.22)), ((x, 0.22), (0.22, 0.23))
    if digit == "8":
        return [arc(*upper), arc(*lower)]
    return [arc(*upper, -155, 90), arc(*lower, -90, 155)]


def _speed_limit(number: str) -> tuple[list[_Layer], Points]:
    width = 0.17
    layers = [
        _Layer(disc(1), _RED),
        _Layer(disc(0.81), _WHITE),
        _Layer(stroke(_digit(number[0], -0.345), width), _BLACK, evidence=True),
        _Layer(stroke(_digit(number[1], 0.345), width), _BLACK),
    ]
    return layers, regular(24, 1, 0)


def _priority_road() -> tuple[list[_Layer], Points]:
    outline = regular(4, 1.14, 0)
    layers = [
        _Layer(_rounded(outline, 0.08), _WHITE, evidence=True),
        _Layer(_rounded(outline * 0.72, 0.05), _BLACK, evidence=True),
        _Layer(_rounded(outline * 0.67, 0.05), _YELLOW, evidence=True),
    ]
    return layers, outline


def _turn(side: int) -> tuple[list[_Layer], Points]:
    """Draw the arrow that comes from below and bends to the left (-1) or to the right (+1)."""
    bend = np.vstack([[(-0.26, 0.66)], arc((0.06, 0.10), (0.32, 0.32), 180, 270, 12), [(0.22, -0.22)]])
    head = np.array([(0.14, -0.68), (0.74, -0.22), (0.14, 0.24)])
    mirror = np.array([side, 1])
    arrow = stroke([bend * mirror], 0.3) | polygon(head * mirror)
    layers = [_Layer(disc(1), _WHITE), _Layer(disc(0.93), _BLUE), _Layer(arrow, _WHITE, evidence=True)]
    return layers, regular(24, 1, 0)


def _roundabout() -> tuple[list[_Layer], Points]:
    """Three arrows chasing each other counter-clockwise, as where traffic keeps to the right."""
    radius, arrows = 0.52, blank()
    for start in (0, 120, 240):
        arrows |= stroke([arc((0, 0), (radius, radius), start + 18, start - 38, 16)], 0.2)
        tip, base = np.radians(start - 82), np.radians(start - 36)
        corners = [(radius * np.cos(tip), radius * np.sin(tip))]
        corners += [(r * np.cos(base), r * np.sin(base)) for r in (radius - 0.27, radius + 0.27)]
        arrows |= polygon(corners)
    layers = [_Layer(disc(1), _WHITE), _Layer(disc(0.93), _BLUE), _Layer(arrows, _WHITE, evidence=True)]
    return layers, regular(24, 1, 0)


def _pedestrian_crossing() -> tuple[list[_Layer], Points]:
    edge = 0.90
    outline = np.array([(-edge, -edge), (edge, -edge), (edge, edge), (-edge, edge)])
    walker = stroke(
        [[(0.02, -0.14), (-0.04, 0.18)], [(-0.04, 0.18), (0.17, 0.56)], [(-0.04, 0.18), (-0.24, 0.56)]], 0.15
    )
    walker |= stroke([[(0.0, -0.10), (0.20, 0.12)], [(0.0, -0.10), (-0.20, 0.10)]], 0.09) | disc(0.12, (0.03, -0.33))
    layers = [
        _Layer(_rounded(outline, 0.12), _WHITE),
        _Layer(_rounded(outline * 0.93, 0.1), _BLUE),
        _Layer(polygon([(0, -0.74), (0.78, 0.66), (-0.78, 0.66)]), _WHITE, evidence=True),
        _Layer(walker, _BLACK, evidence=True),
    ]
    return layers, outline


def _no_parking() -> tuple[list[_Layer], Points]:
    slash = stroke([[(-0.60, -0.60), (0.60, 0.60)]], 0.22)
    layers = [_Layer(disc(1), _RED), _Layer(disc(0.78), _BLUE), _Layer(slash, _RED, evidence=True)]
    return layers, regular(24, 1, 0)


def _road_works() -> tuple[list[_Layer], Points]:
    outline = regular(3, 1.12, -90, 0.2)
    inside = polygon(regular(3, 0.70, -90, 0.2))
    digger = stroke([[(-0.10, -0.06), (-0.16, 0.22), (-0.02, 0.48)], [(-0.16, 0.22), (-0.32, 0.48)]], 0.13)
    digger |= stroke([[(-0.10, -0.02), (0.12, 0.14)], [(-0.05, -0.04), (0.24, 0.42)]], 0.08) | disc(
        0.10, (-0.06, -0.24)
    )
    digger |= polygon([(0.12, 0.52), (0.28, 0.32), (0.44, 0.52)])
    layers = [_Layer(_rounded(outline, 0.14), _RED), _Layer(inside, _WHITE), _Layer(digger, _BLACK, evidence=True)]
    return layers, outline


def _rasterise(name: str, layers: list[_Layer], outline: Points) -> Face:
    """Paint the layers over each other and widen the evidence by a hair, so that it survives 32 pixels."""
    colour, alpha = np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((SIZE, SIZE), np.float32)
    evidence = blank()
    for layer in layers:
        cover = average_down(layer.mask)
        colour = colour * (1 - cover[..., None]) + np.asarray(layer.colour, np.float32) * cover[..., None]
        alpha = alpha * (1 - cover) + cover
        if layer.evidence:
            evidence |= layer.mask
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (23, 23))
    evidence = cv2.dilate(evidence, pen) & layers[0].mask
    corners = np.vstack([outline, np.repeat(outline[-1:], 24 - len(outline), axis=0)])
    rgba = np.dstack([colour, alpha * 255])
    return Face(name, _as_bytes(rgba), cv2.blur(_as_bytes(average_down(evidence) * 255), (3, 3)), corners)


def _as_bytes(values: NDArray) -> NDArray[np.uint8]:
    return np.rint(values).astype(np.uint8)


def blend(first: Face, second: Face) -> Face:
    """Make the face exactly half way between two, so that it tells nothing about which of them it is.

    Parameters
    ----------
    first, second : Face
        Two faces of the same outline.

    Returns
    -------
    Face
        Colours are the mean of both, the evidence is that of either.
    """
    mean = (first.rgba.astype(np.float32) + second.rgba) / 2
    return Face(
        f"{first.name} or {second.name}", _as_bytes(mean), np.maximum(first.evidence, second.evidence), first.outline
    )


_DRAWINGS: dict[str, Callable[[], tuple[list[_Layer], Points]]] = {
    "stop": _stop,
    "yield": _yield,
    "no entry": _no_entry,
    "speed limit 30": lambda: _speed_limit("30"),
    "speed limit 80": lambda: _speed_limit("80"),
    "priority road": _priority_road,
    "turn left": lambda: _turn(-1),
    "turn right": lambda: _turn(1),
    "roundabout": _roundabout,
    "pedestrian crossing": _pedestrian_crossing,
    "no parking": _no_parking,
    "road works": _road_works,
}

AMBIGUOUS_PAIR = (CLASS_NAMES.index("speed limit 30"), CLASS_NAMES.index("speed limit 80"))
"""The two classes that an ambiguous sign stands between."""
AMBIGUOUS_FACE = len(CLASS_NAMES) + len(UNSEEN_NAMES)
"""Index in :func:`faces` of the sign that is half of each."""


@functools.cache
def faces() -> tuple[Face, ...]:
    """All faces: the classes in order, then the unseen classes, then the ambiguous one.

    Returns
    -------
    tuple of Face
        Drawn on the first call, about 50 ms.
    """
    drawn = [_rasterise(name, *_DRAWINGS[name]()) for name in CLASS_NAMES + UNSEEN_NAMES]
    drawn.append(blend(drawn[AMBIGUOUS_PAIR[0]], drawn[AMBIGUOUS_PAIR[1]]))
    return tuple(drawn)
