"""Is an explanation true? Measures that give one number per picture, to be averaged with an interval.

One rule holds wherever a map is scored: **a map that says nothing scores what chance scores**. Ties are never settled
by the place of a pixel, so a constant map, or one of zeros, does neither better nor worse than a random one. Measures
that compare with a mask look at what speaks *for* the class: the positive part of a signed map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import (
    Predict,
    check_answers,
    check_count,
    check_images,
    check_labels,
    check_probabilities,
    check_seed,
)
from helpers.explain.base import Explainer, Maps, check_maps, positive_part
from helpers.explain.sanity import map_similarity

Fill = float | Callable[[NDArray[np.float32]], NDArray]

# Floats of pictures that are changed and handed to a predict function at once: 256 pictures of 32x32x3, 5 of 224x224x3.
_FLOATS_AT_ONCE = 3 * 2**18

# ---- against masks


def pointing_game(maps: ArrayLike, masks: NDArray[np.bool_], tolerance: float = 0, *, seed: int = 0) -> NDArray:
    """Whether the largest value of the map lies on what the mask marks. Higher is better.

    Where several pixels tie for the largest value, one of them is drawn, for each picture anew. A map that is nowhere
    positive points nowhere: its pixel is drawn from the whole picture, and its chance of a hit is the mask's share.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        Signed or unsigned maps.
    masks : numpy.ndarray of bool, shape (N, H, W)
        Ground truth. In each picture some pixels are marked and some are not.
    tolerance : float
        How many pixels from the mask still count as a hit (Euclidean distance between centres), at least 0. The paper
        uses 15 on photographs of some 500 pixels.
    seed : int
        Seed of the draw among ties.

    Returns
    -------
    numpy.ndarray of bool, shape (N,)
        True is a hit; for :func:`helpers.intervals.proportion`.

    Raises
    ------
    TypeError
        If maps are not numbers or masks not bool.
    ValueError
        If shapes differ, a map is not finite, a mask marks nothing or everything, or the tolerance is negative.

    References
    ----------
    J. Zhang, S. A. Bargal, Z. Lin, J. Brandt, X. Shen and S. Sclaroff (2018), "Top-down neural attention by excitation
    backprop".
    """
    check_seed(seed)
    positive = positive_part(maps)
    marked = _check_masks(masks, positive.shape)
    if not 0 <= tolerance < np.inf:
        raise ValueError(f"tolerance must be a number of pixels, at least 0, got {tolerance}")
    if tolerance > 0:
        from scipy.ndimage import distance_transform_edt

        marked = np.stack([distance_transform_edt(~mask) <= tolerance for mask in marked])
    first = _falling_order(positive, seed)[:, 0]
    return marked.reshape(len(marked), -1)[np.arange(len(marked)), first]


def relevance_mass(maps: ArrayLike, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of the map's positive part that lies on the mask. Higher is better.

    A map that is nowhere positive gets the mask's share of the picture, which is what a constant map gets.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        Signed or unsigned maps.
    masks : numpy.ndarray of bool, shape (N, H, W)
        Ground truth. In each picture some pixels are marked and some are not.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        From 0 (all beside the mask) to 1 (all on it). A mask of a tenth of the picture gives a constant map 0.1.

    Raises
    ------
    TypeError
        If maps are not numbers or masks not bool.
    ValueError
        If shapes differ, a map is not finite, or a mask marks nothing or everything.

    References
    ----------
    L. Arras, A. Osman and W. Samek (2022), "CLEVR-XAI: A benchmark dataset for the ground truth evaluation of neural
    network explanations": relevance mass accuracy.
    """
    positive = positive_part(maps)
    marked = _check_masks(masks, positive.shape)
    total = positive.sum(axis=(1, 2), dtype=np.float64)
    inside = np.where(marked, positive, 0).sum(axis=(1, 2), dtype=np.float64)
    share = marked.mean(axis=(1, 2))
    return np.divide(inside, total, out=share, where=total > 0)


def relevance_rank(maps: ArrayLike, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of the map's K largest values, the share that lies on the mask, which has K pixels. Higher is better.

    Where pixels tie for the last places among the K, the share is what drawing among them gives on average. So a map
    that is nowhere positive, or constant, gets the mask's share of the picture.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        Signed or unsigned maps; the positive part is ranked.
    masks : numpy.ndarray of bool, shape (N, H, W)
        Ground truth. In each picture some pixels are marked and some are not.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        From 0 (none of the K on the mask) to 1 (all).

    Raises
    ------
    TypeError
        If maps are not numbers or masks not bool.
    ValueError
        If shapes differ, a map is not finite, or a mask marks nothing or everything.

    References
    ----------
    L. Arras, A. Osman and W. Samek (2022), "CLEVR-XAI: A benchmark dataset for the ground truth evaluation of neural
    network explanations": relevance rank accuracy.
    """
    positive = positive_part(maps)
    marked = _check_masks(masks, positive.shape).reshape(len(positive), -1)
    values = positive.reshape(marked.shape)
    size = marked.sum(axis=1)
    last = np.take_along_axis(np.sort(values, axis=1), (values.shape[1] - size)[:, None], axis=1)
    above, tied = values > last, values == last
    places = size - above.sum(axis=1)
    expected = places * (tied & marked).sum(axis=1) / tied.sum(axis=1)
    return ((above & marked).sum(axis=1) + expected) / size


def _check_masks(masks: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    array = np.asarray(masks)
    if array.dtype != bool:
        raise TypeError(f"masks must be bool, got {array.dtype}. From numbers: masks > 0")
    if array.shape != shape:
        raise ValueError(f"masks must have the shape of the maps, {shape}, got {array.shape}")
    for what, bad in (("nothing", ~array.any(axis=(1, 2))), ("everything", array.all(axis=(1, 2)))):
        if bad.any():
            raise ValueError(
                f"masks must mark a part of each picture; {bad.sum()} of {len(array)} mark {what}, the first is number "
                f"{int(bad.argmax())}. Leave those pictures out, of the maps too."
            )
    return array


def _falling_order(maps: Maps, seed: int) -> NDArray[np.int64]:
    # Pixels of each picture, (N, H * W), from the largest value to the smallest; ties in an order drawn for each.
    values = maps.reshape(len(maps), -1)
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.broadcast_to(np.arange(values.shape[1]), values.shape), axis=1)
    falling = np.argsort(-np.take_along_axis(values, shuffled, axis=1), axis=1, kind="stable")
    return np.take_along_axis(shuffled, falling, axis=1)


# ---- against the network


def mean_colour(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures in which every pixel is the mean colour of the picture.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        One colour for each picture.

    Raises
    ------
    TypeError, ValueError
        If they are not float pictures in [0, 1].
    """
    checked = check_images(images)
    return np.broadcast_to(checked.mean(axis=(1, 2), keepdims=True), checked.shape)


def blurred(images: NDArray[np.float32], width: float = 0.15) -> NDArray[np.float32]:
    """Pictures blurred until their details are gone and no edge has come in.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    width : float
        Standard deviation of the Gaussian as a share of the shorter side, above 0.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        The blurred pictures, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If they are not float pictures in [0, 1], or the width is not above 0.
    """
    from scipy.ndimage import gaussian_filter

    checked = check_images(images)
    if not 0 < width < np.inf:
        raise ValueError(f"width must be a number above 0, a share of the picture's side, got {width}")
    sigma = width * min(checked.shape[1:3])
    return np.clip(gaussian_filter(checked, sigma, mode="nearest", axes=(1, 2)), 0, 1)


def deletion(
    predict: Predict,
    images: NDArray[np.float32],
    classes: ArrayLike,
    maps: ArrayLike,
    *,
    steps: int = 32,
    fill: Fill = mean_colour,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Probability of the class while the pixels that count most are taken away first. Its area: lower is better.

    Signed maps are ranked with their sign. Pixels that tie go in an order drawn from the seed, for each picture anew.

    Parameters
    ----------
    predict : callable
        Pictures (n, H, W, C) in [0, 1] to probabilities (n, K).
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    classes : array_like of int, shape (N,)
        The class that is followed in each, the one that was explained.
    maps : array_like of float, shape (N, H, W)
        Higher: goes earlier.
    steps : int
        In how many equal portions the pixels go, from 1 to H * W.
    fill : float or callable
        What is left where a pixel was: a grey in [0, 1], or a function of pictures such as :func:`mean_colour` and
        :func:`blurred`. Whatever is chosen, the network has not seen such pictures, and it favours maps whose own
        baseline it is (black: integrated gradients from black). So report two.
    seed : int
        Seed of the order of ties.

    Returns
    -------
    numpy.ndarray of float64, shape (N, steps + 1)
        Row i: from the whole picture i to none of it. :func:`auc` makes one number of each row.

    Raises
    ------
    TypeError
        If pictures or maps are not floats, or classes not integers.
    ValueError
        If shapes do not match, a value is not finite or out of range, or `predict` does not give probabilities (n, K),
        but logits.

    References
    ----------
    V. Petsiuk, A. Das and K. Saenko (2018), "RISE: Randomized input sampling for explanation of black-box models".
    """
    return _curves(predict, images, classes, maps, steps, fill, seed, insert=False)


def insertion(
    predict: Predict,
    images: NDArray[np.float32],
    classes: ArrayLike,
    maps: ArrayLike,
    *,
    steps: int = 32,
    fill: Fill = blurred,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Probability of the class while the pixels that count most are put in first. Its area: higher is better.

    Parameters
    ----------
    predict, images, classes, maps, steps, seed
        As for :func:`deletion`.
    fill : float or callable
        What is there before a pixel is put in, as for :func:`deletion`. The paper starts from a blurred picture, so
        that no sharp edge appears that is not one of the picture's own.

    Returns
    -------
    numpy.ndarray of float64, shape (N, steps + 1)
        Row i: from none of picture i to all of it.

    Raises
    ------
    TypeError, ValueError
        As for :func:`deletion`.

    References
    ----------
    V. Petsiuk, A. Das and K. Saenko (2018), "RISE: Randomized input sampling for explanation of black-box models".
    """
    return _curves(predict, images, classes, maps, steps, fill, seed, insert=True)


def auc(curves: ArrayLike) -> NDArray[np.float64]:
    """Area under each curve of deletion or insertion, by the trapezoid rule, with the pixels counted from 0 to 1.

    Parameters
    ----------
    curves : array_like of float, shape (N, steps + 1)
        From :func:`deletion` or :func:`insertion`.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        In [0, 1] for probabilities. After deletion lower is better, after insertion higher.

    Raises
    ------
    ValueError
        If the curves are not two-dimensional with two points or more, or a value is not finite.
    """
    array = np.asarray(curves, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] < 2 or not np.isfinite(array).all():
        raise ValueError(f"curves must be finite and have shape (N, steps + 1), steps at least 1, got {array.shape}")
    return np.trapezoid(array, axis=1) / (array.shape[1] - 1)


def _curves(
    predict: Predict,
    images: NDArray[np.float32],
    classes: ArrayLike,
    maps: ArrayLike,
    steps: int,
    fill: Fill,
    seed: int,
    *,
    insert: bool,
) -> NDArray[np.float64]:
    check_seed(seed)
    checked = check_images(images)
    n, height, width, _ = checked.shape
    ranked = check_maps(maps, (n, height, width))
    wanted = check_labels(np.asarray(classes), n, name="classes")
    _check_steps(steps, height * width)
    place = np.argsort(_falling_order(ranked, seed), axis=1).astype(np.int32).reshape(n, height, width, 1)
    first = np.rint(np.linspace(0, height * width, steps + 1)).astype(np.int32)
    start, end = (_filled(checked, fill), checked) if insert else (checked, _filled(checked, fill))
    curves = np.empty((n, steps + 1))
    for rows, at in _pairs(n, steps + 1, checked[0].size):
        mixed = np.where(place[rows] < first[at][:, None, None, None], end[rows], start[rows])
        curves[rows, at] = _probability(predict, mixed, wanted[rows])
    return curves


def _pairs(n: int, points: int, floats: int) -> Iterator[tuple[NDArray, NDArray]]:
    # Every picture with every point of its curve, a bounded number at a time.
    size = max(1, _FLOATS_AT_ONCE // floats)
    for at in range(0, n * points, size):
        yield np.divmod(np.arange(at, min(at + size, n * points)), points)


def _probability(predict: Predict, images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    given = check_probabilities(check_answers(predict(images), len(images)), "what predict gives")
    check_labels(classes, len(images), given.shape[1], "classes")
    return given[np.arange(len(images)), classes].astype(np.float64)


def _filled(images: NDArray[np.float32], fill: Fill) -> NDArray[np.float32]:
    made = np.asarray(fill(images) if callable(fill) else fill, dtype=np.float32)
    if made.ndim and made.shape != images.shape:
        raise ValueError(f"fill must be a number or give pictures of shape {images.shape}, it gave {made.shape}")
    if not (made.min() >= 0 and made.max() <= 1):  # also catches NaN
        raise ValueError(f"fill must lie in [0, 1] like the pictures, got {made.min():.4g} to {made.max():.4g}")
    return np.broadcast_to(made, images.shape)


def _check_steps(steps: int, pixels: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or not 1 <= steps <= pixels:
        raise ValueError(f"steps must be a whole number from 1 to {pixels}, the pixels of a picture, got {steps!r}")


# ---- against itself


def max_sensitivity(
    explainer: Explainer,
    images: NDArray[np.float32],
    classes: ArrayLike,
    radius: float = 0.02,
    samples: int = 10,
    seed: int = 0,
) -> NDArray[np.float64]:
    """How far a map moves when noise too small to see is added to the picture: the largest of a few draws.

    Lower is better. It is no bound: more draws find more. What is given is the largest
    ``||map(x + d) - map(x)|| / ||map(x)||`` (Euclidean norms) over `samples` draws of d, uniform in [-radius, radius]
    for each pixel and channel; x + d is clipped to [0, 1]. Where map(x) is all zeros, the change is taken relative to
    map(x + d): 1 if the noise brings something up, 0 if not.

    A baseline that ignores the picture has 0, so low alone says little. A method that draws noise of its own for each
    picture (SmoothGrad) is charged with that, too: compare with two seeds of it on the same picture.

    Parameters
    ----------
    explainer : Explainer
        The method; asked `samples` + 1 times about all pictures.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    classes : array_like of int, shape (N,)
        The class to explain in each.
    radius : float
        Largest change of a pixel, in (0, 1].
    samples : int
        Draws of the noise, at least 1. More can only make the result larger: compare methods at the same number.
    seed : int
        Seed of the noise.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        0 where nothing moves; 1 where the map moved by its own size.

    Raises
    ------
    TypeError
        If pictures are not floats or classes not integers.
    ValueError
        If pictures, classes, radius or samples are out of range.

    References
    ----------
    C.-K. Yeh, C.-Y. Hsieh, A. Suggala, D. I. Inouye and P. Ravikumar (2019), "On the (in)fidelity and sensitivity of
    explanations".
    """
    check_seed(seed)
    if not 0 < radius <= 1:
        raise ValueError(f"radius must lie in (0, 1], a share of the range of the pixels, got {radius}; try 0.02")
    check_count(samples, "samples")
    checked = check_images(images)
    rng = np.random.default_rng(seed)
    here = explainer(checked, classes).astype(np.float64)
    size, largest = _norm(here), np.zeros(len(checked))
    for _ in range(samples):
        noise = rng.uniform(-radius, radius, checked.shape).astype(np.float32)
        there = explainer(np.clip(checked + noise, 0, 1), classes).astype(np.float64)
        scale = np.where(size > 0, size, _norm(there))
        largest = np.maximum(largest, np.divide(_norm(there - here), scale, out=np.zeros_like(scale), where=scale > 0))
    return largest


def _norm(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.square(maps).sum(axis=(1, 2)))


def completeness(maps: ArrayLike, differences: ArrayLike) -> NDArray[np.float64]:
    """How far the sum of a map is from what it must add up to, relative to the larger of the two. Lower is better.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        Signed maps of a method that promises completeness: integrated gradients, SHAP.
    differences : array_like of float, shape (N,)
        Logit of the explained class for the picture minus that for the baseline (SHAP: minus the mean over the
        background).

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        ``|sum - difference| / max(|sum|, |difference|)``: 0 is complete, small values are the relative error, 1 means
        that one of the two is zero, up to 2 that they have opposite signs. Where both are zero, 0.

    Raises
    ------
    TypeError
        If maps or differences are not numbers.
    ValueError
        If shapes do not match or a value is not finite.

    References
    ----------
    M. Sundararajan, A. Taly and Q. Yan (2017), "Axiomatic attribution for deep networks".
    """
    sums = check_maps(maps).sum(axis=(1, 2), dtype=np.float64)
    wanted = np.asarray(differences)
    if not (np.issubdtype(wanted.dtype, np.floating) or np.issubdtype(wanted.dtype, np.integer)):
        raise TypeError(f"differences must be numbers, got {wanted.dtype}")
    if wanted.shape != sums.shape or not np.isfinite(wanted).all():
        raise ValueError(
            f"differences must be finite and have shape {sums.shape}, one logit minus that of the baseline for each "
            f"map, got shape {wanted.shape}"
        )
    wanted = wanted.astype(np.float64)
    scale = np.maximum(np.abs(sums), np.abs(wanted))
    return np.divide(np.abs(sums - wanted), scale, out=np.zeros_like(sums), where=scale > 0)


def class_discriminativeness(maps: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """How different the map becomes when another class is asked about: 1 minus their rank correlation.

    A method that gives nearly the same map for every class does not explain the class. Take the network's first and
    second choice: ``order = probabilities.argsort(axis=1)``, then ``order[:, -1]`` and ``order[:, -2]``. Higher is
    better as far as 0 is bad; that a map changes does not make it right.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        Maps for one class.
    others : array_like of float, shape (N, H, W)
        Maps of the same method and pictures for another class.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        0: the same order of pixels; 1: unrelated; 2: the opposite order. Two constant maps give 0, a constant one
        beside one that is not gives 1.

    Raises
    ------
    TypeError
        If maps are not numbers.
    ValueError
        If shapes differ, a map is not finite or has only one pixel.

    References
    ----------
    L. Sixt, M. Granz and T. Landgraf (2020), "When explanations lie: Why many modified BP attributions fail": the
    random logit test. R. R. Selvaraju and others (2017), "Grad-CAM": the term.
    """
    return 1 - map_similarity(maps, others)
