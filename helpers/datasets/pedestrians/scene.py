"""People in streets, under day or lamp light, through a lens and onto a noisy sensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.datasets.painting import EDGE, Floats, X, Y, column, over, uniform

from . import person, street, things
from .conditions import DARK, DAY, NIGHT, Plan

_CASTS = np.array([(1, 1, 1), (1.10, 0.97, 0.86), (1.08, 0.98, 0.86)], np.float32)
_LAMP = np.array((0.95, 0.78, 0.48), np.float32)[:, None, None, None]


@dataclass(frozen=True)
class Difficulty:
    """Every constant that makes people hard to see. Tuples go by light or distance in the order of `CONDITIONS`.

    Attributes
    ----------
    ambient : tuple of (low, high)
        Light on the street.
    on_person : tuple of (low, high)
        Light on a person, and on what stands in his place: at night that of a street lamp.
    veil : tuple of float
        Stray light in the lens, the same all over the picture.
    noise : tuple of float
        Standard deviation of the sensor's noise, in [0, 1] units.
    grey : tuple of float
        Share of its colour that a picture loses: cameras see little colour in low light.
    height : tuple of (low, high)
        Height of a person by distance, in pixels.
    defocus : (low, high)
        Blur of the lens, standard deviation in pixels.
    equal_contrast : (low, high)
        Weber contrast of everybody's skin by day, and always where ``low_contrast=False``.
    stand_in : float
        Share of the empty streets with a thing where a person would stand.
    """

    ambient: tuple[tuple[float, float], ...] = ((0.85, 1.05), (0.50, 0.66), (0.22, 0.34))
    on_person: tuple[tuple[float, float], ...] = ((0.85, 1.05), (0.56, 0.72), (0.44, 0.64))
    veil: tuple[float, ...] = (0.0, 0.03, 0.09)
    noise: tuple[float, ...] = (0.012, 0.022, 0.036)
    grey: tuple[float, ...] = (0.0, 0.2, 0.6)
    height: tuple[tuple[float, float], ...] = ((20.0, 25.0), (14.5, 19.0), (10.5, 14.0))
    defocus: tuple[float, float] = (0.3, 0.55)
    equal_contrast: tuple[float, float] = (0.55, 0.75)
    stand_in: float = 0.85


DIFFICULTY = Difficulty()


class Drawn(NamedTuple):
    """Pictures with what was measured in the drawing.

    Attributes
    ----------
    pixels : numpy.ndarray of uint8, shape (N, EDGE, EDGE, 3)
        The pictures.
    person, skin : numpy.ndarray of bool, shape (N, EDGE, EDGE)
        Which pixels show the person, and which of these show skin.
    contrast : numpy.ndarray of float64, shape (N,)
        Weber contrast of the skin against what is behind it; NaN where nobody is.
    """

    pixels: NDArray[np.uint8]
    person: NDArray[np.bool_]
    skin: NDArray[np.bool_]
    contrast: NDArray[np.float64]


class _Light(NamedTuple):
    """Light of a chunk: on the street (n, EDGE, EDGE), on the person (n, 1, 1), its colour (3, n, 1, 1), the veil."""

    street: Floats
    person: Floats
    cast: Floats
    veil: Floats


def _illumination(rng: np.random.Generator, plan: Plan, x: Floats, foot: Floats, height: Floats) -> _Light:
    n = len(plan.labels)
    ambient = column(uniform(rng, np.asarray(DIFFICULTY.ambient)[plan.light], n))
    on_person = column(uniform(rng, np.asarray(DIFFICULTY.on_person)[plan.light], n))
    # A street lamp lights the ground around the place where a person would stand, whether one stands there or not.
    pool_x, pool_y = x + height * column(rng.normal(0, 0.25, n)), foot + height * column(rng.normal(0, 0.1, n))
    pool = np.exp(-(((X[:1] - pool_x) / (0.7 * height)) ** 2) - ((Y[:, :1] - pool_y) / (0.28 * height)) ** 2)
    pool *= column((plan.light == NIGHT) * rng.uniform(0.1, 0.3, n))
    casts = _CASTS[plan.light] * rng.uniform(0.95, 1.05, (n, 3)).astype(np.float32)
    veil = column(np.asarray(DIFFICULTY.veil)[plan.light] * rng.uniform(0.8, 1.2, n))
    return _Light(ambient + pool, on_person, casts.T[:, :, None, None], veil)


def _skin_level(rng: np.random.Generator, plan: Plan, light: _Light, behind: Floats, low_contrast: bool) -> Floats:
    """Luminance of the skin, shape (n, 1, 1): one contrast for everybody, or in low light what its tone gives back."""
    strength = uniform(rng, DIFFICULTY.equal_contrast, len(plan.tone))
    signed = np.where(np.isin(plan.brightness, DARK), -strength, strength)
    equal = np.clip(behind * (1 + column(signed)), 0, 1)
    if not low_contrast:
        return equal
    reflected = person.luminance(person.TONE_COLOURS.T)[plan.brightness - 1]
    return np.where(column(plan.light == DAY) > 0, equal, column(reflected) * light.person + light.veil)


def _mean(values: Floats, weights: Floats) -> Floats:
    """Mean of each picture's values where the weights are, shape (n, 1, 1)."""
    total = weights.sum(axis=(1, 2), keepdims=True)
    return (values * weights).sum(axis=(1, 2), keepdims=True) / np.maximum(total, 1e-6)


def _add_person(
    rng: np.random.Generator, plan: Plan, picture: Floats, light: _Light, shares: Floats, low_contrast: bool
) -> NDArray[np.float64]:
    """Paint the people, in place, and measure the contrast of their skin."""
    behind = _mean(person.luminance(picture), shares[0])
    level = _skin_level(rng, plan, light, behind, low_contrast)
    skin = person.tinted(level, plan.tone, light.cast)
    worn = [colour * light.cast * light.person + light.veil for colour in person.clothes(rng, plan.clothing)]
    here = column(plan.labels)
    picture *= 1 - shares.sum(axis=0) * here
    for share, colour in zip(shares, [skin, *worn], strict=True):
        picture += share * here * colour
    contrast = np.round((level / behind - 1)[:, 0, 0].astype(np.float64), 3)
    return np.where(plan.labels == 1, contrast, np.nan)


def _lens(rng: np.random.Generator, picture: Floats) -> Floats:
    """Blur each picture a little: three taps down, three across."""
    n = picture.shape[1]
    ratio = np.exp(-1 / (2 * uniform(rng, DIFFICULTY.defocus, n) ** 2))
    side = column(ratio / (1 + 2 * ratio))
    for axis in (2, 3):
        wide = np.pad(picture, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="edge")
        before, after = np.take(wide, range(EDGE), axis), np.take(wide, range(2, EDGE + 2), axis)
        picture = picture + side * (before + after - 2 * picture)
    return picture


def _sensor(rng: np.random.Generator, plan: Plan, picture: Floats) -> NDArray[np.uint8]:
    """Little colour and much noise where it is dark, and 8 bits."""
    n = len(plan.labels)
    over(picture, column(np.asarray(DIFFICULTY.grey)[plan.light]), person.luminance(picture))
    level = np.asarray(DIFFICULTY.noise, np.float32)[plan.light] * rng.uniform(0.8, 1.2, n).astype(np.float32)
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise *= column(level)
    picture += noise
    picture *= 255
    picture += 0.5  # so that cutting off the fraction rounds
    bytes_ = np.clip(picture, 0, 255, out=picture).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(bytes_, 0, -1))


def draw(plan: Plan, seed: np.random.SeedSequence, low_contrast: bool) -> Drawn:
    """Draw what was planned for one chunk.

    Parameters
    ----------
    plan : Plan
        What is decided about the pictures.
    seed : numpy.random.SeedSequence
        The chunk's own, for all that was not decided.
    low_contrast : bool
        Whether skin gives back as much light as its tone does, at dusk and at night; if not, and by day, everybody's
        has the same strength of contrast.

    Returns
    -------
    Drawn
        The same for the same arguments, within a rounding of 1/255 between machines.
    """
    rng = np.random.default_rng(seed)
    n = len(plan.labels)
    scene = street.draw(rng, n)
    picture, horizon = scene.picture, column(scene.horizon)
    low, high = np.asarray(DIFFICULTY.height)[plan.distance].T
    height = column(low + plan.size * (high - low))
    x, foot = column(rng.uniform(7, EDGE - 7, n)), horizon + 0.88 * height
    plain = np.ones((3, n, 1, 1), np.float32)
    for presence in (0.6, 0.4):
        at, ground = column(rng.uniform(0, EDGE, n)), horizon + column(rng.uniform(5, 20, n))
        things.add_thing(picture, rng, at, ground, (ground - horizon) / 0.88, plain, rng.random(n) < presence)
    light = _illumination(rng, plan, x, foot, height)
    picture *= light.street * light.cast
    lit = scene.windows * column((plan.light == NIGHT) * rng.uniform(0.2, 0.6, n))
    over(picture, lit, _LAMP)
    picture += light.veil
    stands = (rng.random(n) < DIFFICULTY.stand_in) & (plan.labels == 0)
    things.add_thing(picture, rng, x, foot, height, light.person * light.cast, stands)
    shares = person.coverages(rng, x, foot, height)
    contrast = _add_person(rng, plan, picture, light, shares, low_contrast)
    cover = things.add_occluder(picture, rng, plan.occlusion, x, foot, height, light.person * light.cast)
    visible = column(plan.labels) * (cover < 0.5)
    shown, skin = (shares.sum(axis=0) * visible >= 0.5), (shares[0] * visible >= 0.5)
    return Drawn(_sensor(rng, plan, _lens(rng, picture)), shown, skin, contrast)
