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
        Mean similarity of its maps for the trained network and for the others, each method's mean map subtracted. n
        counts the other networks; where there was only one, it counts pictures.
    pairs : numpy.ndarray of float64
        How alike the method's maps of one picture are for networks that share nothing; see :func:`independent_pairs`.
    """

    name: str
    similarity: Estimate
    pairs: NDArray[np.float64]

    @property
    def threshold(self) -> float:
        """The 95th percentile, over pairs of independent networks, of what their maps have in common on average."""
        return float(np.quantile(self.pairs.mean(axis=1), 0.95))

    @property
    def from_picture(self) -> float:
        """What networks that share nothing agree on, on average: the part that comes from the picture alone."""
        return float(self.pairs.mean())

    @property
    def passes(self) -> bool:
        """Whether the maps are not clearly more alike than independent networks', and those are not alike themselves.

        Clearly: with the whole interval of `similarity`, because thresholds come from few networks.

        The second half is for a method that hardly asks the network: its maps of independent networks are all alike,
        so the first half alone would excuse it. It fails where more than half of a map comes from the picture alone.
        """
        return self.similarity.low <= self.threshold and self.from_picture <= _MOST_FROM_PICTURE


_MOST_FROM_PICTURE = 0.5


def independent_pairs(
    make_explainer: MakeExplainer,
    networks: Sequence[keras.Model],
    images: NDArray[np.float32],
    classes: ArrayLike,
) -> NDArray[np.float64]:
    """How alike the maps of independent networks are, for each pair of networks and each picture.

    Parameters
    ----------
    make_explainer : callable
        Model to Explainer, such as ``explain.gradcam``.
    networks : sequence of keras.Model
        Two or more networks of one architecture that were initialised independently. K of them give K (K - 1) / 2
        pairs.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1], at least two.
    classes : array_like of int, shape (N,)
        The class to explain in each.

    Returns
    -------
    numpy.ndarray of float64, shape (K (K - 1) / 2, N)
        Rank correlations, mean maps subtracted.

    Raises
    ------
    ValueError
        If there are fewer than two networks, or pictures and classes do not fit.
    """
    return _pairs([_drawn(make_explainer(network), images, classes) for network in networks])


def model_randomisation(
    make_explainer: MakeExplainer,
    model: keras.Model,
    untrained: Sequence[keras.Model],
    images: NDArray[np.float32],
    classes: ArrayLike,
) -> SanityCheck:
    """The check that maps change when everything that the network learned is taken away.

    Parameters
    ----------
    make_explainer : callable
        Model to Explainer, such as ``explain.gradcam``.
    model : keras.Model
        The trained network.
    untrained : sequence of keras.Model
        Two or more networks of the same architecture, initialised independently.
    images, classes
        As for :func:`independent_pairs`.

    Returns
    -------
    SanityCheck
        Lower similarity is better.

    Raises
    ------
    ValueError
        If there are fewer than two untrained networks, or pictures and classes do not fit.

    References
    ----------
    J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt and B. Kim (2018), "Sanity checks for saliency maps".
    """
    explainer = make_explainer(model)
    others = [_drawn(make_explainer(network), images, classes) for network in untrained]
    return _compare(explainer.name, _drawn(explainer, images, classes), others, _pairs(others))


def label_randomisation(
    make_explainer: MakeExplainer,
    model: keras.Model,
    permuted: keras.Model | Sequence[keras.Model],
    images: NDArray[np.float32],
    classes: ArrayLike,
    *,
    pairs: NDArray[np.float64],
) -> SanityCheck:
    """The check that maps change when the network was trained on labels that mean nothing.

    Parameters
    ----------
    make_explainer, model, images, classes
        As for :func:`model_randomisation`.
    permuted : keras.Model or sequence of keras.Model
        Networks of the same architecture, trained on the same pictures with their labels shuffled.
    pairs : numpy.ndarray of float64
        What is usual for this method: the ``pairs`` of its :func:`model_randomisation`, or :func:`independent_pairs`.

    Returns
    -------
    SanityCheck
        Lower similarity is better.

    Raises
    ------
    ValueError
        If there is no network in `permuted`, `pairs` are not finite numbers, or pictures and classes do not fit.

    References
    ----------
    J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt and B. Kim (2018), "Sanity checks for saliency maps".
    """
    explainer = make_explainer(model)
    networks = permuted if isinstance(permuted, Sequence) else [permuted]
    if not networks:
        raise ValueError("no network with permuted labels was given; train one on shuffled labels")
    if np.size(pairs) == 0 or not np.isfinite(pairs).all():
        raise ValueError("pairs must be finite numbers, at least one: the pairs of this method's model_randomisation")
    others = [_drawn(make_explainer(network), images, classes) for network in networks]
    return _compare(explainer.name, _drawn(explainer, images, classes), others, pairs)


def _drawn(explainer: Explainer, images: NDArray[np.float32], classes: ArrayLike) -> NDArray[np.float64]:
    return _ranks(without_mean_map(explainer(images, classes)))


def _pairs(ranks: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    if len(ranks) < 2:
        raise ValueError(f"it takes two or more networks to tell what is usual between them, got {len(ranks)}")
    return np.stack([_correlation(a, b) for a, b in combinations(ranks, 2)])


def _compare(
    name: str, ranks: NDArray[np.float64], others: Sequence[NDArray[np.float64]], pairs: NDArray[np.float64]
) -> SanityCheck:
    alike = np.stack([_correlation(ranks, other) for other in others])
    return SanityCheck(name, intervals.mean(alike.mean(axis=1) if len(others) > 1 else alike[0]), pairs)
