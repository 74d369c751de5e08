"""Signs warped into scenes, under light and weather, through a lens and onto a noisy sensor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.datasets.painting import EDGE, Floats, X, Y, column, uniform

from . import background, occluders, templates
from .conditions import CONDITIONS, DIFFICULTY, Plan

_FINER = 2  # signs are warped at twice the size and averaged down, against jagged edges
_KERNEL = 7
_NIGHT = list(CONDITIONS["light"]).index("night")
_RAIN, _FOG = list(CONDITIONS["weather"]).index("rain"), list(CONDITIONS["weather"]).index("fog")
_CASTS = np.array([(1, 1, 1), (1.12, 0.95, 0.84), (0.88, 0.95, 1.12)], np.float32)


class Drawn(NamedTuple):
    """Pictures with their masks.

    Attributes
    ----------
    pixels : numpy.ndarray of uint8, shape (N, EDGE, EDGE, 3)
        The pictures.
    sign, evidence : numpy.ndarray of bool, shape (N, EDGE, EDGE)
        Which pixels show the sign, and which of these show what tells its class.
    """

    pixels: NDArray[np.uint8]
    sign: NDArray[np.bool_]
    evidence: NDArray[np.bool_]


class _Pose(NamedTuple):
    """Where the signs of a chunk are: warps from face pixels to places in the picture, and boxes there."""

    warps: NDArray[np.float64]
    centre: NDArray[np.float64]
    half: NDArray[np.float64]


def _tilts(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Perspective views of a tilted board, as maps from the sign's units to the picture's, shape (n, 3, 3)."""
    roll = np.radians(np.clip(rng.normal(0, 3, n), -8, 8))
    yaw, pitch = np.radians(rng.uniform(-1, 1, (2, n)) * [[DIFFICULTY.yaw], [DIFFICULTY.yaw / 2]])
    viewer = rng.uniform(3.5, 7, n)  # distance of the eye in radii of the sign: how strong the perspective is
    tilt = np.zeros((n, 3, 3))
    tilt[:, 0, 0], tilt[:, 1, 0], tilt[:, 1, 1] = np.cos(yaw), np.sin(yaw) * np.sin(pitch), np.cos(pitch)
    tilt[:, 2, 0], tilt[:, 2, 1], tilt[:, 2, 2] = np.sin(yaw) / viewer, np.sin(pitch) / viewer, 1
    turn = np.zeros((n, 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(roll)
    turn[:, 1, 0] = np.sin(roll)
    turn[:, 0, 1] = -turn[:, 1, 0]
    turn[:, 2, 2] = 1
    return tilt @ turn


def _scaled(view: NDArray, factor: NDArray | float, shift: NDArray) -> NDArray[np.float64]:
    """Follow a view by a scale and a shift."""
    after = np.zeros_like(view)
    after[:, 0, 0] = after[:, 1, 1] = factor
    after[:, :2, 2] = shift
    after[:, 2, 2] = 1
    return after @ view


def _project(view: NDArray, points: NDArray) -> NDArray[np.float64]:
    """Points (n, P, 2) through views (n, 3, 3)."""
    lifted = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=2) @ view.transpose(0, 2, 1)
    return lifted[..., :2] / lifted[..., 2:]


def _area(corners: NDArray) -> NDArray[np.float64]:
    """Area of polygons (n, P, 2), by the shoelace formula."""
    x, y = corners[..., 0], corners[..., 1]
    return np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2


def _off_centre(rng: np.random.Generator, half: NDArray) -> NDArray[np.float64]:
    """Places for signs of these half widths and heights: in the frame, and pushed away from its middle."""
    n = len(half)
    side = np.where(rng.random(n) < DIFFICULTY.right, 1.0, -1.0)
    far, rest = rng.uniform(0.7, 1, n), rng.random(n) ** 0.5
    up = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    across = rng.random(n) < 0.6
    place = np.stack([np.where(across, far, rest) * side, np.where(across, rest, far) * up], axis=1)
    return EDGE / 2 + place * np.clip(EDGE / 2 - half, 0, DIFFICULTY.farthest)


def _poses(rng: np.random.Generator, plan: Plan) -> _Pose:
    """Tilt every sign, give it the size that was planned for it, and put it somewhere off the centre."""
    n = len(plan.labels)
    outlines = np.stack([face.outline for face in templates.faces()])[plan.faces]
    view = _tilts(rng, n)
    corners = _project(view, outlines)
    area, extent = _area(corners), np.ptp(corners, axis=1)
    largest = area * (DIFFICULTY.longest_side / extent.max(axis=1)) ** 2 / EDGE**2
    largest = np.clip(largest, DIFFICULTY.smallest, DIFFICULTY.largest)
    share = DIFFICULTY.smallest + plan.size * (largest - DIFFICULTY.smallest)
    scale = np.sqrt(share * EDGE**2 / area)
    half = extent * scale[:, None] / 2
    middle = (corners.max(axis=1) + corners.min(axis=1)) / 2
    centre = _off_centre(rng, half)
    view = _scaled(view, scale, centre - middle * scale[:, None])
    to_units = np.array([[1, 0, 0.5 - templates.SIZE / 2], [0, 1, 0.5 - templates.SIZE / 2], [0, 0, templates.UNIT]])
    return _Pose(view @ to_units, centre, half)


def _warp_faces(faces: list[NDArray[np.uint8]], warps: NDArray) -> Floats:
    """Colour and coverage of each face seen through its warp, 0 to 1, shape (4, n, EDGE, EDGE)."""
    n, fine = len(faces), EDGE * _FINER
    canvas = np.empty((n, fine, fine, 4), np.uint8)
    for face, warp, target in zip(faces, _scaled(warps, _FINER, np.full(2, -0.5)), canvas, strict=True):
        cv2.warpPerspective(face, warp, (fine, fine), dst=target, flags=cv2.INTER_LINEAR)
    small = cv2.resize(canvas.reshape(n * fine, fine, 4), (EDGE, n * EDGE), interpolation=cv2.INTER_AREA)
    channels = np.ascontiguousarray(small.reshape(-1, 4).T).reshape(4, n, EDGE, EDGE)
    return np.multiply(channels, np.float32(1 / 255), dtype=np.float32)


def _warp_masks(masks: list[NDArray[np.uint8]], warps: NDArray) -> NDArray[np.uint8]:
    """Each mask seen through its warp, 0 to 255; masks come blurred, so this needs no finer canvas."""
    canvas = np.empty((len(masks), EDGE, EDGE), np.uint8)
    shifted = _scaled(warps, 1, np.full(2, -0.5))
    for mask, warp, target in zip(masks, shifted, canvas, strict=True):
        cv2.warpPerspective(mask, warp, (EDGE, EDGE), dst=target, flags=cv2.INTER_LINEAR)
    return canvas


def _add_occluders(rng: np.random.Generator, plan: Plan, pose: _Pose, light: Floats, picture: Floats) -> Floats:
    """Paint what is in front of the signs, in place, and tell how much of each pixel it covers."""
    tints = rng.uniform(0.8, 1.2, len(plan.labels)).astype(np.float32)
    cover = np.zeros(light.shape, np.float32)
    rows = np.flatnonzero(plan.occluder >= 0)
    if len(rows):
        chosen, library = plan.occluder[rows], occluders.library()
        cover[rows] = _warp_masks(list(library.masks[chosen]), pose.warps[rows]) * np.float32(1 / 255)
        colours = (library.colours[chosen] * tints[rows, None]).T[:, :, None, None]
        picture[:, rows] += (colours * light[rows] - picture[:, rows]) * cover[rows]
    return cover


def _illumination(rng: np.random.Generator, plan: Plan, pose: _Pose) -> tuple[Floats, Floats]:
    """How much light falls on the scene and on the sign, each of shape (n, EDGE, EDGE)."""
    n = len(plan.labels)
    night = plan.light == _NIGHT
    ambient = uniform(rng, np.asarray(DIFFICULTY.ambient)[plan.light], n)
    on_sign = uniform(rng, np.asarray(DIFFICULTY.sign_light)[plan.light], n)
    # Headlights: a cone on the road below the middle, and a brighter side of the sign.
    cx, cy = column(rng.normal(16, 7, n)), column(rng.uniform(18, 34, n))
    glow = np.exp(-(((X[:1] - cx) / 13) ** 2)) * np.exp(-(((Y[:, :1] - cy) / 9) ** 2))
    glow *= column(night * rng.uniform(0.05, 0.35, n))
    slope = rng.normal(0, 1, (2, n)) * np.where(night, 0.35, 0.10)
    reach = np.maximum(pose.half.max(axis=1), 1)
    across = (X[:1] - column(pose.centre[:, 0])) * column(slope[0] / reach)
    down = (Y[:, :1] - column(pose.centre[:, 1])) * column(slope[1] / reach)
    vignette = 1 - column(np.where(night, 0.4, 0.1)) * (((X - 16) ** 2 + (Y - 16) ** 2) / 512)
    scene_light = (column(ambient) + glow) * vignette
    sign_light = column(on_sign) * np.clip(1 + across + down, 0.45, 1.5)
    return scene_light, sign_light


def _paint(rng: np.random.Generator, n: int) -> Floats:
    """Age and make of a sign's paint: each colour a little off, the same all over a sign; shape (3, n, 1, 1)."""
    return rng.uniform(0.88, 1.06, (3, n, 1, 1)).astype(np.float32)


def _cast(rng: np.random.Generator, plan: Plan) -> Floats:
    """Colour of the light, warm at dusk and cold at night; shape (3, n, 1, 1)."""
    casts = _CASTS[plan.light] * rng.uniform(0.94, 1.06, (len(plan.labels), 3)).astype(np.float32)
    return casts.T[:, :, None, None]


def _add_fog(rng: np.random.Generator, plan: Plan, picture: Floats, depth: Floats, sign: Floats) -> None:
    """Veil that takes contrast with distance (Koschmieder's law), painted in place; rain veils a little as well."""
    n = len(plan.labels)
    keep = np.ones(n, np.float32)
    fog, rain = plan.weather == _FOG, plan.weather == _RAIN
    in_fog = uniform(rng, np.asarray(DIFFICULTY.fog_keep)[plan.distance], n)
    in_rain = uniform(rng, DIFFICULTY.rain_keep, n)
    keep[fog], keep[rain] = in_fog[fog], in_rain[rain]
    through = np.exp(column(np.log(keep)) * np.where(sign > 0.5, np.float32(1), 0.4 + 1.5 * depth))
    veil = np.array([(0.80, 0.82, 0.84), (0.52, 0.47, 0.46), (0.20, 0.21, 0.23)], np.float32)[plan.light]
    veil = (veil * rng.uniform(0.9, 1.1, (n, 1)).astype(np.float32)).T[:, :, None, None]
    picture -= veil
    picture *= through
    picture += veil


def _add_rain(rng: np.random.Generator, plan: Plan, picture: Floats) -> None:
    """Bright slanted streaks: sparse drops smeared along the direction of the wind, in place."""
    n = len(plan.labels)
    drops = (rng.random((n, EDGE, EDGE), np.float32) < 0.025).astype(np.float32)
    slant, strength = rng.normal(0, 0.25, n), rng.uniform(0.12, 0.35, n)
    brightness = np.array([0.95, 0.75, 0.55], np.float32)[plan.light]
    steps = np.linspace(-4, 4, 9)
    for row in np.flatnonzero(plan.weather == _RAIN):
        kernel = np.zeros((9, 9), np.float32)
        kernel[np.arange(9), np.clip(np.rint(4 + steps * slant[row]), 0, 8).astype(int)] = 1
        streaks = np.minimum(cv2.filter2D(drops[row], -1, kernel), 1) * np.float32(strength[row])
        picture[:, row] += (brightness[row] - picture[:, row]) * streaks


def _lens(rng: np.random.Generator, plan: Plan, picture: Floats) -> Floats:
    """Blur by defocus and motion in one kernel for each picture; the result has its colours last."""
    n = len(plan.labels)
    sigma = np.asarray(DIFFICULTY.defocus)[plan.distance] * rng.uniform(0.8, 1.2, n)
    sigma = sigma + np.where(plan.weather == _RAIN, DIFFICULTY.rain_defocus, 0)
    direction = np.where(rng.random(n) < 0.7, rng.normal(0, 0.25, n), rng.uniform(0, np.pi, n))
    along = np.linspace(-0.5, 0.5, 7) * plan.motion[:, None]
    sx, sy = (along * np.cos(direction)[:, None])[:, :, None], (along * np.sin(direction)[:, None])[:, :, None]
    steps = np.arange(_KERNEL) - _KERNEL // 2
    spread = 2 * sigma[:, None, None] ** 2
    gx, gy = np.exp(-((steps - sx) ** 2) / spread), np.exp(-((steps - sy) ** 2) / spread)
    kernels = gy.transpose(0, 2, 1) @ gx
    kernels = (kernels / kernels.sum(axis=(1, 2), keepdims=True)).astype(np.float32)
    colours_last = np.ascontiguousarray(np.moveaxis(picture, 0, -1))
    for image, kernel in zip(colours_last, kernels, strict=True):
        cv2.filter2D(image, -1, kernel, dst=image, borderType=cv2.BORDER_REFLECT_101)
    return colours_last


def _sensor(rng: np.random.Generator, plan: Plan, picture: Floats) -> NDArray[np.uint8]:
    """Noise that grows where it is dark, and 8 bits."""
    n = len(plan.labels)
    level = np.asarray(DIFFICULTY.noise, np.float32)[plan.light] * rng.uniform(0.6, 1.4, n).astype(np.float32)
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise *= level[:, None, None, None]
    picture += noise
    picture *= 255
    picture += 0.5  # so that cutting off the fraction rounds
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)


def draw(plan: Plan, seed: np.random.SeedSequence) -> Drawn:
    """Draw what was planned for one chunk.

    Parameters
    ----------
    plan : Plan
        What is decided about the pictures.
    seed : numpy.random.SeedSequence
        The chunk's own, for all that was not decided.

    Returns
    -------
    Drawn
        Pictures and masks; the same for the same plan and seed, within a rounding of 1/255 between machines.
    """
    rng = np.random.default_rng(seed)
    n = len(plan.labels)
    pose = _poses(rng, plan)
    picture, depth = background.draw(rng, n)
    width = np.maximum(pose.half[:, 0] * rng.uniform(0.12, 0.22, n), 0.7)
    background.add_pole(picture, rng, pose.centre[:, 0], pose.centre[:, 1], width, rng.random(n) < 0.85)
    all_faces = templates.faces()
    rgba = _warp_faces([all_faces[i].rgba for i in plan.faces], pose.warps)
    evidence = _warp_masks([all_faces[i].evidence for i in plan.faces], pose.warps)
    alpha, face = rgba[3], rgba[:3]
    scene_light, sign_light = _illumination(rng, plan, pose)
    face *= _paint(rng, n)
    face *= sign_light
    picture *= (1 - alpha) * scene_light
    picture += face
    cover = _add_occluders(rng, plan, pose, (scene_light + sign_light) * np.float32(0.5), picture)
    picture *= _cast(rng, plan)
    _add_fog(rng, plan, picture, depth, alpha)
    _add_rain(rng, plan, picture)
    sign = (alpha >= 0.5) & (cover < 0.5)
    return Drawn(_sensor(rng, plan, _lens(rng, plan, picture)), sign, sign & (evidence > 127))


def draw_all(plans: list[Plan], seeds: list[np.random.SeedSequence], threads: int = 2) -> list[Drawn]:
    """Draw chunks side by side.

    Parameters
    ----------
    plans : list of Plan
        One for each chunk.
    seeds : list of numpy.random.SeedSequence
        As many.
    threads : int
        How many chunks are drawn at a time; the pictures do not depend on it.

    Returns
    -------
    list of Drawn
        In the order of the plans.
    """
    templates.faces(), occluders.library()  # made once here, not by two threads at once
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)  # chunks are what runs side by side; OpenCV's own threads would only get in the way
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(draw, plans, seeds))
    finally:
        cv2.setNumThreads(before)
