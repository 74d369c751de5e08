"""Does a map depend on what the network learned? Checks that an edge detector cannot pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import intervals
from helpers.explain.base import Explainer, Maps, check_maps
from helpers.intervals import Estimate

if TYPE_CHECKING:
    from helpers.models.backend import keras

MakeExplainer = Callable[["keras.Model"], Explainer]


def without_mean_map(maps: ArrayLike) -> Maps:
    """What a method draws in each picture beyond what it draws in every picture.

    Parameters
    ----------
    maps : array_like of float, shape (N, H, W)
        Maps of one method and one network for N pictures, at least two.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W)
        The maps minus their mean over the pictures; signed. A method that draws the same in every picture is left
        with zeros.

    Raises
    ------
    TypeError
        If maps are not numbers.
    ValueError
        If there are fewer than two maps or one is not finite.
    """
    checked = check_maps(maps)
    if len(checked) < 2:
        raise ValueError("the mean map of a single picture is its own map, and nothing is left; give two or more")
    return (checked - checked.mean(axis=0, dtype=np.float64)).astype(np.float32)


def map_similarity(maps: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Spearman's rank correlation of two maps of the same picture, for each picture.

    Parameters
    ----------
    maps, others : array_like of float, shape (N, H, W)
        Maps of the same pictures; signed maps are compared with their sign.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        1: the same order of pixels; 0: unrelated; -1: the opposite order. Two constant maps are alike, 1; a constant
        map and one that is not are unrelated, 0.

    Raises
    ------
    TypeError
        If maps are not numbers.
    ValueError
        If shapes differ, a map is not finite or has only one pixel.

    References
    ----------
    C. Spearman (1904), "The proof and measurement of association between two things".
    """
    checked = check_maps(maps)
    ranks, other_ranks = _ranks(checked), _ranks(check_maps(others, checked.shape, "others"))
    return _correlation(ranks, other_ranks)


def _ranks(maps: Maps) -> NDArray[np.float64]:
    # Ranks as vectors of length 1 around 0, (N, H * W); zeros for a constant map.
    from scipy.stats import rankdata

    if maps[0].size < 2:
        raise ValueError("maps of a single pixel have no order; give maps of at least two pixels")
    ranks = rankdata(maps.reshape(len(maps), -1), axis=1) - (maps[0].size + 1) / 2
    length = np.sqrt(np.square(ranks).sum(axis=1, keepdims=True))
    return np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)


def _correlation(ranks: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    both_constant = ~ranks.any(axis=1) & ~others.any(axis=1)
    return np.where(both_constant, 1.0, np.clip(np.einsum("np,np->n", ranks, others), -1, 1))


@dataclass(frozen=True)
class SanityCheck:
    """How a method did in a randomisation test.

    Attributes
    ----------
    name : str
        The method.
    similarity : Estimate
        Mean similarity of its maps for the trained network and for the randomised ones, each network's mean map
        subtracted. n counts the randomised networks.
    pairs : numpy.ndarray of float64, shape (K (K - 1) / 2, N)
        How alike the method's maps of each picture are for each pair of the K randomised networks, which share nothing
        but the picture.
    """

    name: str
    similarity: Estimate
    pairs: NDArray[np.float64]

    @property
    def threshold(self) -> float:
        """The 95th percentile, over pairs of randomised networks, of what their maps have in common on average."""
        return float(np.quantile(self.pairs.mean(axis=1), 0.95))

    @property
    def from_picture(self) -> float:
        """What randomised networks agree on, on average: the part that comes from the picture alone."""
        return float(self.pairs.mean())

    @property
    def verdict(self) -> str:
        """Whether the maps depend on what the network learned: ``"passes"``, ``"fails"`` or ``"open"``.

        It passes where the whole interval of `similarity` lies at or below `threshold`, fails where the whole interval
        lies above, and is open where the threshold lies inside: it comes from few networks.

        A method that hardly asks the network would be excused by that alone, because its maps of randomised networks
        are all alike, too. So it fails in any case where more than half of a map comes from the picture alone.
        """
        if self.from_picture > _MOST_FROM_PICTURE or self.similarity.low > self.threshold:
            return "fails"
        return "passes" if self.similarity.high <= self.threshold else "open"


_MOST_FROM_PICTURE = 0.5


def randomisation_test(
    make_explainer: MakeExplainer,
    model: keras.Model,
    randomised: Sequence[keras.Model],
    images: NDArray[np.float32],
    classes: ArrayLike,
) -> SanityCheck:
    """The check that maps change when what the network learned is taken away.

    What is usual is told by the randomised networks themselves: pairs of them share nothing but the picture.

    Parameters
    ----------
    make_explainer : callable
        Model to Explainer, such as ``explain.gradcam``.
    model : keras.Model
        The trained network.
    randomised : sequence of keras.Model
        Two or more networks of the same architecture: initialised independently and never trained (the paper's model
        randomisation), or trained until they fit labels that were shuffled for each anew (its data randomisation).
        Networks that have not learned their shuffled labels are neither.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1], at least two.
    classes : array_like of int, shape (N,)
        The class to explain in each.

    Returns
    -------
    SanityCheck
        Lower similarity is better.

    Raises
    ------
    ValueError
        If there are fewer than two randomised networks, or pictures and classes do not fit.

    References
    ----------
    J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt and B. Kim (2018), "Sanity checks for saliency maps".
    """
    if len(randomised) < 2:
        raise ValueError(f"it takes two or more networks to tell what is usual between them, got {len(randomised)}")
    explainer = make_explainer(model)
    own = _drawn(explainer, images, classes)
    others = [_drawn(make_explainer(network), images, classes) for network in randomised]
    alike = [_correlation(own, other).mean() for other in others]
    pairs = np.stack([_correlation(a, b) for a, b in combinations(others, 2)])
    return SanityCheck(explainer.name, intervals.mean(alike), pairs)


def _drawn(explainer: Explainer, images: NDArray[np.float32], classes: ArrayLike) -> NDArray[np.float64]:
    return _ranks(without_mean_map(explainer(images, classes)))
