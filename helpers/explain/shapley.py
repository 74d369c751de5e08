"""Shapley values: exactly, by asking every coalition; and for superpixels of pictures, by asking a few of them.

A *game* gives a value to every coalition of players. Here the players are superpixels, parts of one picture; a
coalition is the picture with these parts in place and the others replaced by a background; its value is the logit of
one class, averaged over the background pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import Predict, check_answers, check_count, check_images, check_labels, check_seed
from helpers.explain.base import Explainer, Maps
from helpers.progress import with_bar

Game = Callable[[NDArray[np.bool_]], NDArray[Any]]
"""Coalitions, bool of shape (M, players), to their values, float of shape (M,) or (M, K)."""

Segmenter = Callable[[NDArray[np.float32]], NDArray[np.int64]]

MOST_PLAYERS = 16  # 65,536 coalitions: beyond, every further player doubles the time
_COALITIONS_AT_ONCE = 4096
_FLOATS_AT_ONCE = 2**22  # 16 MB of pictures: 1,365 of 32x32x3, 27 of 224x224x3


def exact_shapley(game: Game, players: int) -> NDArray[np.float64]:
    r"""Each player's Shapley value, from all coalitions that there are.

    What a player adds to a coalition, averaged over all orders in which the players may come in:
    :math:`\varphi_i = \sum_{S \not\ni i} \frac{|S|!\,(n-|S|-1)!}{n!} \bigl(v(S \cup \{i\}) - v(S)\bigr)`.

    Parameters
    ----------
    game : callable
        Coalitions, bool of shape (M, players), to values of shape (M,), or (M, K) for K games at once. It is asked for
        all ``2**players`` coalitions, some thousands at a time.
    players : int
        How many there are, 1 to 16.

    Returns
    -------
    numpy.ndarray of float64, shape (players,) or (players, K)
        The values. They add up to the value of all players together minus that of none.

    Raises
    ------
    ValueError
        If `players` is out of range, or the game gives something else than one finite value (or row) per coalition.

    References
    ----------
    L. S. Shapley, "A value for n-person games", 1953.
    """
    if not 1 <= players <= MOST_PLAYERS:
        raise ValueError(
            f"players must be 1 to {MOST_PLAYERS}, got {players}: exact values need 2**players coalitions. "
            "For more players estimate them: kernel_shap."
        )
    codes = np.arange(2**players)
    coalitions = (codes[:, None] >> np.arange(players) & 1).astype(bool)
    blocks = with_bar(_blocks(coalitions, _COALITIONS_AT_ONCE), "coalitions")
    values = np.concatenate([_ask(game, block) for block in blocks])
    sizes = coalitions.sum(axis=1)
    weight_of_size = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    shapley = np.empty((players, *values.shape[1:]))
    for player in range(players):
        without = codes[~coalitions[:, player]]
        gains = values[without + (1 << player)] - values[without]
        shapley[player] = weight_of_size[sizes[without]] @ gains
    return shapley


def superpixels(images: NDArray[np.float32], count: int, compactness: float = 10.0) -> NDArray[np.int64]:
    """Cut each picture into parts of similar colour, by SLIC.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    count : int
        About how many parts each picture is to have; SLIC gives more or fewer.
    compactness : float
        How much nearness counts against likeness: larger gives squarer parts.

    Returns
    -------
    numpy.ndarray of int64, shape (N, H, W)
        The number of the part that each pixel belongs to; picture n has the parts 0, 1, ... S_n - 1.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, or `count` is not between 1 and the number of pixels.

    References
    ----------
    R. Achanta and others, "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods", 2012.
    """
    from skimage.segmentation import slic

    checked = check_images(images)
    _check_count(count, checked)
    segments = np.empty(checked.shape[:3], np.int64)
    for row, image in enumerate(checked):
        # Lab colours, which slic takes by default, are made for three channels only.
        found = slic(image, count, compactness, channel_axis=-1, start_label=0, convert2lab=image.shape[-1] == 3)
        segments[row] = np.unique(found, return_inverse=True)[1].reshape(found.shape)
    return segments


def grid_superpixels(images: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Cut each picture into a regular grid, whatever it shows: the honest choice for small pictures.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1]; only their size matters.
    count : int
        How many parts; they stand in as many rows and columns as come nearest to squares.

    Returns
    -------
    numpy.ndarray of int64, shape (N, H, W)
        The number of the part that each pixel belongs to, 0 to ``count - 1``, row by row.

    Raises
    ------
    TypeError, ValueError
        If the pictures are none, or `count` parts cannot stand in a grid on such pictures.
    """
    checked = check_images(images)
    _check_count(count, checked)
    n, height, width = checked.shape[:3]
    rows = [r for r in range(1, count + 1) if count % r == 0 and r <= height and count // r <= width]
    if not rows:
        raise ValueError(f"{count} parts cannot stand in a grid on pictures of {height}x{width}; try a square number")
    best = min(rows, key=lambda r: abs(math.log((height / r) / (width * r / count))))
    columns = count // best
    row_of = np.arange(height) * best // height
    column_of = np.arange(width) * columns // width
    grid = (row_of[:, None] * columns + column_of).astype(np.int64)
    return np.broadcast_to(grid, (n, height, width)).copy()


def picture_game(
    predict: Predict, image: NDArray[np.float32], segments: NDArray[np.int64], background: NDArray[np.float32]
) -> Game:
    """One picture as a game whose players are its superpixels.

    Parameters
    ----------
    predict : callable
        Pictures (N, H, W, C) to logits (N, K).
    image : numpy.ndarray of float32, shape (H, W, C)
        The picture, in [0, 1].
    segments : numpy.ndarray of int64, shape (H, W)
        The part that each pixel belongs to: 0, 1, ... S - 1.
    background : numpy.ndarray of float32, shape (B, H, W, C)
        What stands in for the parts that are absent; the value of a coalition is the mean over these B pictures.

    Returns
    -------
    callable
        Coalitions, bool of shape (M, S), to float64 logits of shape (M, K).

    Raises
    ------
    TypeError, ValueError
        If pictures, parts or background are none, or do not fit each other.
    """
    images, parts, backgrounds = check_pictures(image[None], segments[None], background)

    def game(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        owners = np.zeros(len(coalitions), np.int64)
        return _coalition_values(predict, images, parts, backgrounds, owners, np.asarray(coalitions, bool))

    return game


def kernel_shapley(game: Game, players: int, evaluations: int, seed: int) -> NDArray[np.float64]:
    """Estimate each player's Shapley value from a few coalitions, by KernelSHAP.

    Coalitions are drawn by the Shapley kernel, each with its complement; sizes for which the budget allows it are
    asked completely, as shap does, and no coalition is asked twice. A weighted regression on them, under the condition
    that the values add up exactly, gives the estimate. With ``evaluations >= 2**players - 2`` it is exact.

    Parameters
    ----------
    game : callable
        Coalitions, bool of shape (M, players), to values of shape (M,), or (M, K) for K games at once.
    players : int
        How many there are, at least 1.
    evaluations : int
        Coalitions to ask for, besides the full and the empty one; at least ``2 * (players - 1)``, or the regression has
        no single answer. Taken in pairs: an odd one is not used.
    seed : int
        Seed of the draw.

    Returns
    -------
    numpy.ndarray of float64, shape (players,) or (players, K)
        The values. They add up to the value of all players together minus that of none.

    Raises
    ------
    ValueError
        If `players` is below 1, `evaluations` is too small, or the game gives something else than one finite value (or
        row) per coalition.

    References
    ----------
    S. M. Lundberg and S.-I. Lee, "A Unified Approach to Interpreting Model Predictions", 2017.
    I. Covert and S.-I. Lee, "Improving KernelSHAP: Practical Shapley Value Estimation Using Linear Regression", 2021:
    the pairs.
    """
    check_seed(seed)
    if players < 1:
        raise ValueError(f"players must be at least 1, got {players}")
    check_evaluations(evaluations, players)
    coalitions, weights = _draw(players, evaluations, np.random.default_rng(seed))
    none, full = _ask(game, np.array([np.zeros(players), np.ones(players)], bool))
    asked = [_ask(game, block) for block in _blocks(coalitions, _COALITIONS_AT_ONCE)]
    return _regress(coalitions, weights, np.concatenate([none[None][:0], *asked]) - none, full - none)


def kernel_shap(
    predict: Predict,
    images: NDArray[np.float32],
    classes: ArrayLike,
    segments: NDArray[np.int64],
    background: NDArray[np.float32],
    evaluations: int,
    seed: int,
) -> NDArray[np.float64]:
    """Shapley values of the superpixels of many pictures at once, by KernelSHAP.

    Each picture is a game, estimated as :func:`kernel_shapley` does; with ``evaluations >= 2**S - 2`` it is exact. The
    coalitions of all pictures go through `predict` together.

    Parameters
    ----------
    predict : callable
        Pictures (N, H, W, C) to logits (N, K).
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    classes : array_like of int, shape (N,)
        The class to explain in each picture.
    segments : numpy.ndarray of int64, shape (N, H, W)
        From :func:`superpixels` or :func:`grid_superpixels`; S_n parts in picture n.
    background : numpy.ndarray of float32, shape (B, H, W, C)
        What stands in for absent parts; a coalition's value is the mean logit over these B pictures.
    evaluations : int
        Coalitions for each picture, besides the full and the empty one; each costs B predictions. At least
        ``2 * (S_n - 1)``.
    seed : int
        Seed of the draw, which also depends on the place of the picture in the array.

    Returns
    -------
    numpy.ndarray of float64, shape (N, S)
        The values, S the largest number of parts; parts that a picture does not have get 0. Row n adds up to the
        logit of picture n minus the mean logit of the background. :func:`paint` makes maps of them.

    Raises
    ------
    TypeError, ValueError
        If pictures, classes, parts or background are none or do not fit each other, or `evaluations` is too small.

    References
    ----------
    S. M. Lundberg and S.-I. Lee, "A Unified Approach to Interpreting Model Predictions", 2017.
    I. Covert and S.-I. Lee, "Improving KernelSHAP: Practical Shapley Value Estimation Using Linear Regression", 2021:
    the pairs.
    """
    check_seed(seed)
    checked, parts, backgrounds = check_pictures(images, segments, background)
    wanted = check_labels(np.asarray(classes), len(checked), name="classes")
    counts = parts.reshape(len(parts), -1).max(axis=1) + 1
    check_evaluations(evaluations, int(counts.max()))
    drawn = [_draw(int(count), evaluations, np.random.default_rng((seed, row))) for row, count in enumerate(counts)]
    owners = np.repeat(np.arange(len(checked)), [len(coalitions) for coalitions, _ in drawn])
    stacked = np.concatenate([_padded(coalitions, int(counts.max())) for coalitions, _ in drawn])
    none = check_answers(predict(backgrounds), len(backgrounds)).mean(axis=0, dtype=np.float64)
    check_labels(wanted, len(wanted), len(none), "classes")
    full = np.asarray(predict(checked), np.float64)[np.arange(len(checked)), wanted]
    asked = _coalition_values(predict, checked, parts, backgrounds, owners, stacked, wanted)
    answers = np.split(asked, np.cumsum([len(coalitions) for coalitions, _ in drawn[:-1]]))
    values = np.zeros((len(checked), int(counts.max())))
    for row, (coalitions, weights) in enumerate(drawn):
        gained = answers[row] - none[wanted[row]]
        values[row, : counts[row]] = _regress(coalitions, weights, gained, full[row] - none[wanted[row]])
    return values


def paint(values: ArrayLike, segments: NDArray[np.int64]) -> Maps:
    """Maps from the values of superpixels: each part's value is shared equally by its pixels.

    Parameters
    ----------
    values : array_like of float, shape (N, S)
        From :func:`kernel_shap`.
    segments : numpy.ndarray of int64, shape (N, H, W)
        The parts that the values belong to.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W)
        The maps. Each adds up to what the values of its picture add up to.

    Raises
    ------
    ValueError
        If there is not a row of values for each picture and a value for each of its parts.
    """
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or len(rows) != len(segments) or segments.max() >= rows.shape[1]:
        raise ValueError(
            f"values must have shape (N, S), a row for each of {len(segments)} pictures and S of at least "
            f"{segments.max() + 1} parts, got {rows.shape}"
        )
    flat = segments.reshape(len(segments), -1)
    areas = np.stack([np.bincount(row, minlength=rows.shape[1]) for row in flat])
    return np.take_along_axis(rows / np.maximum(areas, 1), flat, axis=1).reshape(segments.shape).astype(np.float32)


def superpixel_shap(
    predict: Predict, segment: Segmenter, background: NDArray[np.float32], *, evaluations: int, seed: int = 0
) -> Explainer:
    """The course's KernelSHAP on superpixels as a method of explanation.

    Parameters
    ----------
    predict, background, evaluations, seed
        As for :func:`kernel_shap`.
    segment : callable
        Pictures (N, H, W, C) to parts (N, H, W), such as ``lambda images: grid_superpixels(images, 16)``.

    Returns
    -------
    Explainer
        Signed maps that add up to the logit of the picture minus the mean logit of the background.

    Raises
    ------
    TypeError, ValueError
        If the background is no pictures or the evaluations are no count; on use, as for :func:`kernel_shap`.
    """
    check_seed(seed)
    check_count(evaluations, "evaluations")
    check_images(background, "background")

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> Maps:
        segments = segment(images)
        return paint(kernel_shap(predict, images, classes, segments, background, evaluations, seed), segments)

    return Explainer("KernelSHAP on superpixels", attribute, signed=True)


# ---- the value of a coalition


def _coalition_values(
    predict: Predict,
    images: NDArray[np.float32],
    segments: NDArray[np.int64],
    background: NDArray[np.float32],
    owners: NDArray[np.int64],
    coalitions: NDArray[np.bool_],
    classes: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Values of coalitions, row m one of picture ``owners[m]``: all logits, or that of the picture's class."""
    blocks = []
    for rows in with_bar(_blocks(np.arange(len(owners)), max(1, _FLOATS_AT_ONCE // images[0].size)), "coalitions"):
        owner = owners[rows]
        there = np.take_along_axis(coalitions[rows], segments[owner].reshape(len(rows), -1), axis=1)
        there = there.reshape(len(rows), *images.shape[1:3], 1)
        total: Any = 0.0
        for absent in background:
            logits = np.asarray(predict(np.where(there, images[owner], absent)), np.float64)
            total = total + (logits if classes is None else logits[np.arange(len(rows)), classes[owner]])
        blocks.append(total / len(background))
    return np.concatenate(blocks) if blocks else np.empty(0)


def _blocks(rows: NDArray, size: int) -> list[NDArray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _ask(game: Game, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
    values = np.asarray(game(coalitions), np.float64)
    if values.ndim not in (1, 2) or len(values) != len(coalitions) or not np.isfinite(values).all():
        raise ValueError(
            f"the game must give one finite value (or row of values) for each of {len(coalitions)} coalitions, got "
            f"shape {values.shape}" + ("" if np.isfinite(values).all() else " with NaN or infinity in it")
        )
    return values


# ---- which coalitions are asked, and what is made of the answers


def _draw(players: int, evaluations: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Coalitions in pairs with their complements, and their weights in the regression.

    A stratum holds the pairs of one size (and its complement). Strata are asked completely from the outside in, while
    the share of the budget that the kernel gives them suffices; from the others pairs are drawn, by systematic sampling
    over the sizes: each size gets its share of the budget, rounded up or down at random.
    """
    sizes = np.arange(1, players // 2 + 1)
    halved = np.where(2 * sizes == players, 2, 1)  # in the middle, both of a pair have the same size
    mass = 2 / (sizes * (players - sizes)) / halved
    pairs = np.array([math.comb(players, int(size)) for size in sizes], dtype=float) / halved
    mass, budget, chosen, weights = mass / mass.sum(), evaluations // 2, [], []
    done = 0
    while done < len(sizes) and budget * mass[done] / mass[done:].sum() >= pairs[done] * (1 - 1e-9):
        chosen.append(_all_of_size(players, int(sizes[done])))
        weights.append(np.full(len(chosen[-1]), mass[done] / pairs[done]))
        budget -= int(pairs[done])
        done += 1
    left = mass[done:].sum()
    if done < len(sizes) and budget:
        steps = np.floor(np.concatenate([[0], np.cumsum(mass[done:] / left)]) * budget + rng.random()).astype(int)
        for size, count in zip(sizes[done:], np.diff(steps), strict=True):
            chosen.append(_some_of_size(players, int(size), int(count), rng))
            weights.append(np.full(len(chosen[-1]), left / budget))
    halves = np.concatenate(chosen) if chosen else np.empty((0, players), bool)
    weight = np.concatenate(weights) if weights else np.empty(0)
    return np.concatenate([halves, ~halves]), np.concatenate([weight, weight])


def _all_of_size(players: int, size: int) -> NDArray[np.bool_]:
    members = np.array(list(combinations(range(players), size)))
    coalitions = np.zeros((len(members), players), bool)
    np.put_along_axis(coalitions, members, True, axis=1)
    return coalitions[coalitions[:, 0]] if 2 * size == players else coalitions


def _some_of_size(players: int, size: int, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw `count` different coalitions of a size; in the middle, those that hold player 0 stand for their pair."""
    found = np.empty((0, players), bool)
    while len(found) < count:
        drawn = np.zeros((2 * (count - len(found)) + 8, players), bool)
        np.put_along_axis(drawn, rng.random(drawn.shape).argsort(axis=1)[:, :size], True, axis=1)
        if 2 * size == players:
            drawn ^= ~drawn[:, :1]
        together = np.concatenate([found, drawn])
        first = np.unique(np.packbits(together, axis=1), axis=0, return_index=True)[1]
        found = together[np.sort(first)][:count]
    return found


def _regress(
    coalitions: NDArray[np.bool_], weights: NDArray[np.float64], gained: NDArray[np.float64], total: Any
) -> NDArray[np.float64]:
    """Least squares under the condition that the values add up to `total`.

    Written as an equal share for all plus a rest that adds up to 0: with every coalition centred, the rest is found
    without a condition, and what the drawn coalitions leave open is set to 0 by the pseudo-inverse.
    """
    players = coalitions.shape[1]
    equal = np.repeat(np.asarray(total)[None] / players, players, axis=0)
    centred = coalitions - coalitions.mean(axis=1, keepdims=True)
    missing = gained - coalitions.astype(float) @ equal
    weighted = (centred * weights[:, None]).T
    return equal + np.linalg.pinv(weighted @ centred, rcond=1e-10, hermitian=True) @ (weighted @ missing)


def _padded(coalitions: NDArray[np.bool_], players: int) -> NDArray[np.bool_]:
    return np.pad(coalitions, ((0, 0), (0, players - coalitions.shape[1])))


# ---- what is refused


def _check_count(count: int, images: NDArray[np.float32]) -> None:
    pixels = images.shape[1] * images.shape[2]
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 1 <= count <= pixels:
        raise ValueError(f"count must be a whole number of parts, 1 to {pixels} on these pictures, got {count!r}")


def check_evaluations(evaluations: int, players: int) -> int:
    """A number of coalitions that the regression has a single answer from.

    Parameters
    ----------
    evaluations : int
        What a function was given.
    players : int
        How many superpixels there are.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is not a whole number of at least ``2 * (players - 1)``.
    """
    needed = max(0, 2 * (players - 1))
    whole = isinstance(evaluations, int | np.integer) and not isinstance(evaluations, bool)
    if not whole or evaluations < needed:
        raise ValueError(
            f"evaluations must be a whole number of at least {needed} for {players} superpixels, got {evaluations!r}: "
            "with fewer, the regression has no single answer. Ask more coalitions, or cut the pictures into fewer "
            "parts."
        )
    return int(evaluations)


def check_same_size(images: NDArray[np.float32], backgrounds: NDArray[np.float32]) -> None:
    """Refuse a background of another size than the pictures.

    Parameters
    ----------
    images, backgrounds : numpy.ndarray of float32, shape (N, H, W, C) and (B, H, W, C)
        Checked pictures.

    Raises
    ------
    ValueError
        If height, width or channels differ.
    """
    if backgrounds.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"background must hold pictures of shape {images.shape[1:]}, as the pictures do, "
            f"got {backgrounds.shape[1:]}"
        )


def check_pictures(
    images: NDArray[np.float32], segments: NDArray[np.int64], background: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Refuse pictures, parts and background that are none or do not fit each other.

    Parameters
    ----------
    images, segments, background
        As for :func:`kernel_shap`.

    Returns
    -------
    tuple of numpy.ndarray
        The same three.

    Raises
    ------
    TypeError, ValueError
        If one of them is not what it must be.
    """
    checked, backgrounds = check_images(images), check_images(background, "background")
    check_same_size(checked, backgrounds)
    parts = np.asarray(segments)
    if not np.issubdtype(parts.dtype, np.integer) or parts.shape != checked.shape[:3] or parts.min() < 0:
        raise ValueError(
            f"segments must be integers of shape {checked.shape[:3]}, the part of each pixel counted from 0, got "
            f"{parts.dtype} of shape {parts.shape}"
        )
    for row, each in enumerate(parts):
        if len(np.unique(each)) != each.max() + 1:
            raise ValueError(f"the parts of picture {row} must be numbered 0, 1, 2, ... without a gap")
    return checked, parts.astype(np.int64, copy=False), backgrounds
