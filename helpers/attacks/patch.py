"""A printable sticker: optimised over many ways in which a camera may see it, scored on ways it has never met.

A sticker is a small square picture, float32 of shape (S, S, C) in [0, 1]. It is pasted onto the sign turned, larger or
smaller, a little aside and in the light of the scene; it is the same for all signs, as a printed one would be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import (
    LARGEST_SEED,
    Images,
    Predict,
    check_answers,
    check_count,
    check_fits,
    check_images,
    check_labels,
    check_probabilities,
    check_seed,
)
from helpers.intervals import Estimate, mean, proportion
from helpers.progress import with_bar

Sticker = NDArray[np.float32]
"""Shape (S, S, C), in [0, 1]: S x S dots of colour."""

_TURN = 20  # degrees to either side
_ASIDE = 0.12  # of the sign's side, in either direction
_SCALE = 0.15  # larger or smaller by so much
_LIGHT = 0.2
_MOMENTUM = 0.9
_VIEWS_AT_ONCE = 256


@dataclass(frozen=True)
class Views:
    """How a camera sees the sticker in M pictures: all of it in pixels of the picture.

    Attributes
    ----------
    pictures : numpy.ndarray of int64, shape (M,)
        Which picture each view belongs to; a picture seen in several frames has several views.
    centres : numpy.ndarray of float64, shape (M, 2)
        Row and column of the sticker's middle.
    sides : numpy.ndarray of float64, shape (M,)
        Its side in pixels.
    turns : numpy.ndarray of float64, shape (M,)
        How far it is turned, in degrees, clockwise.
    lights : numpy.ndarray of float64, shape (M,)
        What its white is seen as, at least 0.
    """

    pictures: NDArray[np.int64]
    centres: NDArray[np.float64]
    sides: NDArray[np.float64]
    turns: NDArray[np.float64]
    lights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, rows: NDArray[np.int64] | slice) -> Views:
        """Some of the views, as NumPy would index them."""
        return Views(self.pictures[rows], self.centres[rows], self.sides[rows], self.turns[rows], self.lights[rows])


@dataclass(frozen=True)
class StickerScores:
    """What stickers do over N pictures of several frames each: the one that is judged, and those it has to beat.

    All of them are seen in the same places and the same light; ``"none"`` stands for the pictures without any.

    Attributes
    ----------
    reads : mapping of str to numpy.ndarray of int64, shape (N, frames)
        For each sticker the class that every frame is read as.
    to_target : mapping of str to Estimate
        Share of a picture's frames that are read as the target, averaged over the pictures.
    most_frames : mapping of str to Estimate
        Share of the pictures of which more than half of the frames are read as the target.
    ahead : mapping of str to Estimate
        For each of the others: the judged sticker's `to_target` minus this one's, paired by picture.
    """

    reads: Mapping[str, NDArray[np.int64]]
    to_target: Mapping[str, Estimate]
    most_frames: Mapping[str, Estimate]
    ahead: Mapping[str, Estimate]


def draw_views(images: Images, masks: NDArray[np.bool_], *, frames: int = 1, size: float = 0.5, seed: int = 0) -> Views:
    """Draw how the sticker is seen: anywhere near the middle of the sign, turned, in the light that the sign has.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    masks : numpy.ndarray of bool, shape (N, H, W)
        Where the sign is.
    frames : int
        Views of each picture.
    size : float, in (0, 1]
        Side of the sticker as a share of the sign's.
    seed : int
        Seed of the draws.

    Returns
    -------
    Views
        N times `frames` of them, picture after picture. Turned by up to 20 degrees, 12% of the sign's side aside, and
        15% larger or smaller; white is as bright as the brightest tenth of the sign, give or take 20%.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, the masks do not fit them or one is empty, or an argument is out of range.
    """
    rng = np.random.default_rng(check_seed(seed))
    check_count(frames, "frames")
    if not 0 < size <= 1:
        raise ValueError(f"size must be a share of the sign's side, above 0 and at most 1, got {size!r}")
    pictures = check_images(images)
    signs = [_sign(picture, mask) for picture, mask in zip(pictures, _checked(masks, pictures), strict=True)]
    rows = np.repeat(np.arange(len(signs)), frames)
    centres, sides, bright = (np.array([getattr(sign, name) for sign in signs])[rows] for name in _Sign._fields)
    return Views(
        rows,
        centres + _ASIDE * sides[:, None] * rng.uniform(-1, 1, (len(rows), 2)),
        size * sides * rng.uniform(1 - _SCALE, 1 + _SCALE, len(rows)),
        rng.uniform(-_TURN, _TURN, len(rows)),
        bright * rng.uniform(1 - _LIGHT, 1 + _LIGHT, len(rows)),
    )


def paste(images: Images, sticker: Sticker, views: Views) -> Images:
    """Pictures with the sticker on them, one for each view.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    sticker : numpy.ndarray of float32, shape (S, S, C)
        In [0, 1].
    views : Views
        How it is seen.

    Returns
    -------
    numpy.ndarray of float32, shape (M, H, W, C)
        In [0, 1]. Between its dots the sticker is interpolated, and it fades out over one dot at its edge.

    Raises
    ------
    TypeError, ValueError
        If pictures or sticker are none, or do not fit each other.
    """
    pictures = check_images(images)
    dots = _check_sticker(sticker, pictures)
    blocks = [views.take(slice(at, at + _VIEWS_AT_ONCE)) for at in range(0, len(views), _VIEWS_AT_ONCE)]
    return np.concatenate([_pasted(pictures, dots, block) for block in blocks])


def optimise_sticker(
    model: Any,
    images: Images,
    masks: NDArray[np.bool_],
    target: int,
    *,
    dots: int = 8,
    size: float = 0.5,
    steps: int = 300,
    step_size: float = 0.03,
    batch_size: int = 32,
    seed: int = 0,
) -> Sticker:
    """A sticker that makes signs be read as `target`, whichever way they are seen: expectation over transformations.

    Each step draws some pictures and a new view of each, and follows the gradient of their mean loss.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Signs in [0, 1] to optimise on; keep others for the score.
    masks : numpy.ndarray of bool, shape (N, H, W)
        Where the sign is.
    target : int
        The class that the attacker wants.
    dots : int
        The sticker has so many dots to a side.
    size : float, in (0, 1]
        Side of the sticker as a share of the sign's.
    steps, step_size, batch_size
        How many steps; how far each dot's colour moves in the first, falling to 0 in a straight line; pictures in each.
    seed : int
        Of its first colours, of the pictures and of the views.

    Returns
    -------
    numpy.ndarray of float32, shape (dots, dots, C)
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        As :func:`draw_views` and :func:`helpers.models.graphs.logits_of`; or if there is no such class.

    References
    ----------
    Athalye et al., "Synthesizing Robust Adversarial Examples", 2018: the expectation; Brown et al., "Adversarial
    Patch", 2017; Eykholt et al., "Robust Physical-World Attacks on Deep Learning Visual Classification", 2018: signs.
    """
    from helpers.models import graphs

    rng = np.random.default_rng(check_seed(seed))
    counts = {"dots": dots, "steps": steps, "batch_size": batch_size}
    for name, count in counts.items():
        check_count(count, name)
    if not step_size > 0:
        raise ValueError(f"step_size must be above 0, got {step_size!r}")
    pictures, known = check_images(images), _checked(masks, images)
    logits = graphs.logits_of(model)
    check_fits(pictures, logits.input_shape)
    gradient = _sticker_gradient(logits, pictures.shape[3], dots)
    wanted = check_labels(np.full(batch_size, target), batch_size, logits.output_shape[1], "target")
    sticker = random_sticker(dots, pictures.shape[3], seed=seed)
    speed = np.zeros_like(sticker)
    for step in with_bar(range(steps), "sticker"):
        rows = rng.integers(0, len(pictures), batch_size)
        views = draw_views(pictures[rows], known[rows], size=size, seed=int(rng.integers(LARGEST_SEED)))
        slope = gradient(pictures[rows], wanted, sticker, views)
        speed = _MOMENTUM * speed + slope / max(float(np.abs(slope).mean()), 1e-12)
        sticker = np.clip(sticker - step_size * (1 - step / steps) * np.sign(speed), 0, 1).astype(np.float32)
    return sticker


def random_sticker(dots: int = 8, channels: int = 3, *, seed: int = 0) -> Sticker:
    """Dots of colours that are drawn evenly: where optimising begins, and what it has to beat.

    Parameters
    ----------
    dots, channels : int
        S and C.
    seed : int
        Seed of the colours.

    Returns
    -------
    numpy.ndarray of float32, shape (S, S, C)
        In [0, 1].

    Raises
    ------
    ValueError
        If a count or the seed is none.
    """
    shape = (check_count(dots, "dots"), dots, check_count(channels, "channels"))
    return np.random.default_rng(check_seed(seed)).random(shape, dtype=np.float32)


def score_sticker(
    predict: Predict,
    images: Images,
    sticker: Sticker,
    views: Views,
    target: int,
    others: Mapping[str, Sticker] | None = None,
) -> StickerScores:
    """How often signs are read as the target, beside a random and a grey sticker and none, seen the same way.

    Parameters
    ----------
    predict : callable
        Pictures (N, H, W, C) to probabilities (N, K).
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Signs in [0, 1] that the sticker was not optimised on, all of another class than the target. Leave those out
        that are read wrongly without it.
    sticker : numpy.ndarray of float32, shape (S, S, C)
        From :func:`optimise_sticker`.
    views : Views
        From :func:`draw_views` of these pictures, with a seed of its own; as many frames of each.
    target : int
        The class that the attacker wants.
    others : mapping of str to numpy.ndarray of float32, optional
        Stickers to beat; ``"random"`` and ``"grey"`` if not given.

    Returns
    -------
    StickerScores
        Estimates whose n counts pictures: frames of one picture are not independent cases.

    Raises
    ------
    TypeError, ValueError
        As :func:`paste`; if the views are of other pictures, there is no such class, or no probabilities are given.
    """
    frames = _frames(views, len(check_images(images)))
    plain = {"random": random_sticker(len(sticker), sticker.shape[2], seed=1), "grey": np.full_like(sticker, 0.5)}
    stickers = {"sticker": sticker, **(plain if others is None else others), "none": None}
    reads = {}
    for name, one in stickers.items():
        seen = images[views.pictures] if one is None else paste(images, one, views)
        answers = check_probabilities(check_answers(predict(seen), len(seen)), "what predict gives")
        check_labels(np.array([target]), 1, answers.shape[1], "target")
        reads[name] = answers.argmax(axis=1).astype(np.int64).reshape(-1, frames)
    shares = {name: (read == target).mean(axis=1) for name, read in reads.items()}
    return StickerScores(
        reads,
        {name: _share(share) for name, share in shares.items()},
        {name: proportion(share > 0.5) for name, share in shares.items()},
        {name: mean(shares["sticker"] - share) for name, share in shares.items() if name != "sticker"},
    )


def _check_sticker(sticker: Sticker, images: Images) -> Sticker:
    """Refuse what is no sticker for these pictures.

    Parameters
    ----------
    sticker : numpy.ndarray of float32, shape (S, S, C)
        What a function was given.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Where it is to be pasted.

    Returns
    -------
    numpy.ndarray of float32, shape (S, S, C)
        The same.

    Raises
    ------
    TypeError, ValueError
        If it is no square of floats in [0, 1] with as many channels as the pictures.
    """
    shape = np.shape(sticker)
    if len(shape) != 3 or shape[0] != shape[1] or shape[2] != images.shape[3]:
        raise ValueError(f"a sticker must have shape (S, S, {images.shape[3]}) for these pictures, got {shape}")
    return check_images(np.asarray(sticker)[None], "sticker")[0]


# ----


class _Sign(NamedTuple):
    centre: tuple[float, float]
    side: float
    bright: float


def _sign(picture: NDArray[np.float32], mask: NDArray[np.bool_]) -> _Sign:
    rows, columns = np.nonzero(mask)
    middle = ((rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2)
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    return _Sign(middle, float(side), float(np.quantile(picture[mask].max(axis=1), 0.9)))


def _checked(masks: NDArray[np.bool_], images: Images) -> NDArray[np.bool_]:
    array = np.asarray(masks)
    if array.dtype != bool or array.shape != images.shape[:3]:
        raise ValueError(
            f"masks must be bool of shape {images.shape[:3]}, one for each picture, got {array.dtype} of shape "
            f'{array.shape}; for signs: split.masks["sign"]'
        )
    if not (seen := array.any(axis=(1, 2))).all():
        raise ValueError(f"there is no sign in {(~seen).sum()} of {len(array)} masks; leave these pictures out")
    return array


def _frames(views: Views, pictures: int) -> int:
    frames = len(views) // pictures
    if not frames or not np.array_equal(views.pictures, np.repeat(np.arange(pictures), frames)):
        raise ValueError(
            f"views must come from draw_views of these {pictures} pictures, as many of each; got {len(views)} of others"
        )
    return frames


def _share(shares: NDArray[np.float64]) -> Estimate:
    # Where all pictures agree, a mean would claim to know without doubt; as a share of pictures it does not.
    return proportion(shares > 0.5) if np.isin(shares, shares[0]).all() and shares[0] in (0, 1) else mean(shares)


def _weights(views: Views, sides: tuple[int, int], dots: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much each row and each column of dots counts in each pixel, two arrays of shape (M, H * W, S).

    What a pixel shows of the sticker is the sum over dots of row weight times column weight times colour: pasting is
    linear in the sticker, so its gradient is exact.
    """
    grid = np.stack(np.meshgrid(*(np.arange(side) for side in sides), indexing="ij"), axis=-1).reshape(-1, 2)
    down, right = (grid - views.centres[:, None]).transpose(2, 0, 1)
    cos, sin = np.cos(np.radians(views.turns))[:, None], np.sin(np.radians(views.turns))[:, None]
    scale = (dots / views.sides)[:, None]
    middle = (dots - 1) / 2
    at = (scale * (cos * down - sin * right) + middle, scale * (sin * down + cos * right) + middle)
    return tuple(np.maximum(0, 1 - np.abs(one[..., None] - np.arange(dots))).astype(np.float32) for one in at)


def _pasted(images: Images, sticker: Sticker, views: Views) -> Images:
    behind = images[views.pictures]
    rows, columns = _weights(views, behind.shape[1:3], len(sticker))
    shown = np.einsum("mps,mpt,stc->mpc", rows, columns, sticker, optimize=True)
    covered = rows.sum(axis=2) * columns.sum(axis=2)
    lit = views.lights.astype(np.float32)[:, None, None, None] * shown.reshape(behind.shape)
    return np.clip(behind * (1 - covered.reshape(*behind.shape[:3], 1)) + lit, 0, 1)


def _sticker_gradient(logits: Any, channels: int, dots: int) -> Callable[..., NDArray[np.float32]]:
    """Pictures, classes, a sticker and views to the gradient of the mean loss with respect to the sticker."""
    from helpers.models import graphs
    from helpers.models.backend import tf

    def slope(behind: Any, classes: Any, sticker: Any, rows: Any, columns: Any, lights: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(sticker)
            shown = tf.einsum("mps,mpsc->mpc", rows, tf.einsum("mpt,stc->mpsc", columns, sticker))
            covered = tf.reduce_sum(rows, axis=2) * tf.reduce_sum(columns, axis=2)
            shape = tf.shape(behind)
            kept = behind * (1 - tf.reshape(covered, (shape[0], shape[1], shape[2], 1)))
            pasted = tf.clip_by_value(kept + lights[:, None, None, None] * tf.reshape(shown, shape), 0, 1)
            scores = logits(pasted, training=False)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(classes, scores))
        return tape.gradient(loss, sticker)

    weights = tf.TensorSpec((None, None, dots))
    run = graphs.traced(slope, logits, tf.TensorSpec((dots, dots, channels)), weights, weights, tf.TensorSpec((None,)))

    def gradient(pictures: Images, classes: NDArray[np.int64], sticker: Sticker, views: Views) -> NDArray[np.float32]:
        rows, columns = _weights(views, pictures.shape[1:3], dots)
        given = (pictures, classes, sticker, rows, columns, views.lights.astype(np.float32))
        return run(*(tf.constant(one) for one in given)).numpy()

    return gradient
