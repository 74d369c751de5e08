"""Maps that know nothing about the network: what a real explanation has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_seed, rng_of
from helpers.explain.base import Explainer


def random_map(seed: int = 0) -> Explainer:
    """Noise: every pixel uniform in [0, 1), independently.

    The noise is drawn from the seed and the picture itself: a picture has the same map whatever stands beside it, and
    two pictures that differ in one pixel have maps that have nothing to do with each other.

    Parameters
    ----------
    seed : int
        Seed of the noise, at least 0.

    Returns
    -------
    Explainer
        Unsigned; the class is ignored.

    Raises
    ------
    ValueError
        If the seed is out of range.
    """
    check_seed(seed)

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.stack([rng_of(picture, seed).random(picture.shape[:2], dtype=np.float32) for picture in images])

    return Explainer("random", attribute, signed=False)


def centre_gaussian(width: float = 0.25) -> Explainer:
    """A blob in the middle, where most photographers put what matters.

    Parameters
    ----------
    width : float
        Standard deviation as a share of the picture's side, above 0.

    Returns
    -------
    Explainer
        Unsigned, 1 at the centre of the picture and falling outwards; picture and class are ignored.

    Raises
    ------
    ValueError
        If the width is not a number above 0.
    """
    if not 0 < width < float("inf"):
        raise ValueError(f"width must be a number above 0, a share of the picture's side, got {width}")

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        rows, columns = (_bell(side, width) for side in images.shape[1:3])
        return np.broadcast_to(np.outer(rows, columns).astype(np.float32), images.shape[:3])

    return Explainer("centre Gaussian", attribute, signed=False)


def _bell(side: int, width: float) -> NDArray[np.float64]:
    from_centre = (np.arange(side) + 0.5) / side - 0.5
    return np.exp(-0.5 * (from_centre / width) ** 2)


def brightness() -> Explainer:
    """The picture itself in grey: the brighter a pixel, the more it is said to count.

    Where what matters is painted in bright colours, as on road signs, it points well and has asked nobody.

    Returns
    -------
    Explainer
        Unsigned, in [0, 1]: the mean of a pixel's channels. The class is ignored.
    """

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        return images.mean(axis=-1)

    return Explainer("brightness", attribute, signed=False)


def sobel_edges() -> Explainer:
    """Edges of the picture: how steeply its brightness changes.

    Returns
    -------
    Explainer
        Unsigned; the class is ignored. A picture of one colour has a map of zeros.

    References
    ----------
    I. Sobel and G. Feldman (1968), "A 3x3 isotropic gradient operator for image processing". J. Adebayo, J. Gilmer,
    M. Muelly, I. Goodfellow, M. Hardt and B. Kim (2018), "Sanity checks for saliency maps": edges as the explanation
    that explains nothing.
    """

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        grey = images.mean(axis=-1)
        return np.hypot(_slope(grey, along=1, across=2), _slope(grey, along=2, across=1))

    return Explainer("Sobel edges", attribute, signed=False)


def _slope(grey: NDArray[np.float32], along: int, across: int) -> NDArray[np.float32]:
    # Not scipy.ndimage.sobel: on a stack of pictures it smooths over the stack too.
    from scipy.ndimage import correlate1d

    smooth = correlate1d(grey, [0.25, 0.5, 0.25], axis=across, mode="nearest")
    return correlate1d(smooth, [-0.5, 0.0, 0.5], axis=along, mode="nearest")
