"""Concepts: whether "fog" is a direction inside the network, and how the class's logit answers along it.

A concept is given by pictures that show it and pictures that do not. In the activations of a layer, the direction that
tells them apart is the *concept activation vector*; the share of pictures whose logit rises along it is the TCAV score.
Any two heaps of pictures can be told apart somehow, and along any direction a logit rises or falls. So every concept
comes with **random concepts**: the same pictures, and lots decide which of them "show" it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import intervals
from helpers.contracts import Images, check_count, check_images, check_seed
from helpers.intervals import Estimate
from helpers.models.backend import keras, tf
from helpers.models.graphs import (
    batch_size_for,
    checked,
    chosen_logits,
    find_layer,
    in_blocks,
    logits_of,
    traced,
)

Vectors = NDArray[np.float64]
"""Directions of length 1 in a layer's activations, shape (draws, D)."""


def layer_activations(
    model: keras.Model, layer: str = "conv3", *, batch_size: int | None = None
) -> Callable[[Images], NDArray[np.float32]]:
    """What a layer answers to pictures, as one row of numbers for each.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    layer : str
        Any layer between the pictures and the logits.
    batch_size : int, optional
        Pictures that go through the network at once; bounds the memory.

    Returns
    -------
    callable
        Pictures (N, H, W, C) in [0, 1] to float32 of shape (N, D).

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If there is no layer of that name, or the model has no layer ``logits``.
    """
    logits = logits_of(model)
    output = keras.layers.Flatten()(find_layer(logits, layer, maps=False).output)
    part = keras.Model(logits.inputs, output)
    run, size = traced(lambda images, classes: part(images, training=False), logits), batch_size_for(logits, batch_size)

    def activations(images: Images) -> NDArray[np.float32]:
        pictures = check_images(images)
        return in_blocks(run, logits, pictures, np.zeros(len(pictures), np.int64), size)

    return activations


def layer_gradients(
    model: keras.Model, layer: str = "conv3", *, batch_size: int | None = None
) -> Callable[[Images, ArrayLike], NDArray[np.float32]]:
    """The gradient of a class's logit with respect to a layer's activations.

    Parameters
    ----------
    model, layer, batch_size
        As for :func:`layer_activations`. From ``dense`` on, a course CNN's logits are linear: there the gradient is the
        same for every picture, and a TCAV score can be 0 or 1 only. Take a layer further down.

    Returns
    -------
    callable
        Pictures (N, H, W, C) in [0, 1] and classes (N,) to float32 of shape (N, D).

    Raises
    ------
    TypeError, ValueError
        As for :func:`layer_activations`.
    """
    logits = logits_of(model)
    both = keras.Model(logits.inputs, [find_layer(logits, layer, maps=False).output, logits.outputs[0]])

    def gradients(images: Any, classes: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)  # the tape follows what depends on them
            values, scores = both(images, training=False)
            score = chosen_logits(scores, classes)
        return tf.reshape(tape.gradient(score, values), (tf.shape(images)[0], -1))

    run, size = traced(gradients, logits), batch_size_for(logits, batch_size)
    return checked(logits, lambda images, classes: in_blocks(run, logits, images, classes, size))


@dataclass(frozen=True)
class ConceptScore:
    """How a class's logit answers to a concept.

    Attributes
    ----------
    score : Estimate
        The TCAV score, in [0, 1]: of how many pictures the logit rises along the concept's direction. Mean over the
        draws, with Student's t interval; n counts draws.
    random : numpy.ndarray of float64, shape (R,)
        The same mean for each random concept.
    random_draws : numpy.ndarray of float64, shape (R, draws)
        The scores behind those means: what one draw of a random concept gives, as it is often reported.
    """

    score: Estimate
    random: NDArray[np.float64]
    random_draws: NDArray[np.float64]

    @property
    def p_value(self) -> float:
        """How often a random concept's score is as far from one half as this one's, itself counted: a permutation test.

        Under the hypothesis that it does not matter which of the pictures show the concept, values up to a occur with
        probability of at most a. With R random concepts it is at least 1 / (R + 1).
        """
        as_far = np.abs(self.random - 0.5) >= abs(self.score.value - 0.5) - 1e-9
        return float((1 + as_far.sum()) / (1 + len(self.random)))


@dataclass(frozen=True)
class Concept:
    """Directions of a concept in a layer's activations, and those of random concepts from the same pictures.

    Attributes
    ----------
    vectors : numpy.ndarray of float64, shape (draws, D)
        Of length 1; each points from the absent side to the present one, from pictures of its own.
    random : numpy.ndarray of float64, shape (R, draws, D)
        The same for each random concept.
    accuracy : Estimate
        How many pictures of the *other* draws lie on the right side; one half is chance. n counts draws.
    """

    vectors: Vectors
    random: NDArray[np.float64]
    accuracy: Estimate

    def tcav(self, gradients: ArrayLike) -> ConceptScore:
        """The TCAV score of one class, beside those of the random concepts.

        Parameters
        ----------
        gradients : array_like of float, shape (N, D)
            From :func:`layer_gradients`, of one class's logit, for the pictures that are asked about.

        Returns
        -------
        ConceptScore
            A derivative of exactly 0 counts as half a rise.

        Raises
        ------
        TypeError, ValueError
            If the gradients are not finite numbers of shape (N, D).
        """
        checked_gradients = _check_rows(gradients, "gradients", self.vectors.shape[1])
        draws = _rising(checked_gradients @ self.vectors.T)
        random = np.stack([_rising(checked_gradients @ vectors.T) for vectors in self.random])
        return ConceptScore(intervals.mean(draws), random.mean(axis=1), random)

    def derivatives(self, gradients: ArrayLike) -> NDArray[np.float64]:
        """The slope of the logit along the concept's mean direction, for each picture.

        Parameters
        ----------
        gradients : array_like of float, shape (N, D)
            As for :meth:`tcav`.

        Returns
        -------
        numpy.ndarray of float64, shape (N,)
            Logits for each unit of activation; above 0, the logit rises.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`tcav`.
        """
        return _check_rows(gradients, "gradients", self.vectors.shape[1]) @ _mean_direction(self.vectors)


def concept_vectors(
    present: ArrayLike, absent: ArrayLike, *, draws: int = 10, randoms: int = 99, seed: int = 0
) -> Concept:
    """Directions that tell a concept's pictures from others, in several draws, and as many of random concepts.

    The pictures of each side are shuffled and cut into `draws` equal portions. So no picture is in two draws, and the
    draws are as independent as the pictures. In each, a ridge regression on +1 (present) and -1 (absent) gives the
    direction. A random concept goes the same way after lots have decided, among all these pictures, which are
    "present".

    Parameters
    ----------
    present, absent : array_like of float, shape (M, D) and (L, D)
        Activations, from :func:`layer_activations`, of pictures with and without the concept.
    draws : int
        How many portions, at least 2; each needs 2 pictures or more from either side.
    randoms : int
        How many random concepts. The smallest p value is ``1 / (randoms + 1)``.
    seed : int
        Seed of shuffling and lots.

    Returns
    -------
    Concept
        The directions.

    Raises
    ------
    TypeError
        If activations are not numbers.
    ValueError
        If they are not finite, the two differ in D, a count is out of range, or there are too few pictures.

    References
    ----------
    B. Kim, M. Wattenberg, J. Gilmer, C. Cai, J. Wexler, F. Viégas and R. Sayres (2018), "Interpretability beyond
    feature attribution: Quantitative testing with concept activation vectors (TCAV)".
    """
    check_count(randoms, "randoms")
    if check_count(draws, "draws") < 2:
        raise ValueError("draws must be at least 2, or there is no spread between them to make an interval of; got 1")
    rng = np.random.default_rng(check_seed(seed))
    with_it = _check_rows(present, "present")
    without = _check_rows(absent, "absent", with_it.shape[1])
    size = min(len(with_it), len(without)) // draws
    if size < 2:
        raise ValueError(
            f"{draws} draws need {2 * draws} pictures or more from either side, got {len(with_it)} with the concept "
            f"and {len(without)} without it. Give more pictures or take fewer draws."
        )
    used = size * draws
    rows = np.concatenate(
        [with_it[rng.permutation(len(with_it))[:used]], without[rng.permutation(len(without))[:used]]]
    )
    rows -= rows.mean(axis=0)
    vectors, offsets = _directions(rows, draws)
    right = [_right(rows, draws, draw, vector, offsets[draw]) for draw, vector in enumerate(vectors)]
    random = np.stack([_directions(rows[rng.permutation(len(rows))], draws)[0] for _ in range(randoms)])
    return Concept(vectors, random, intervals.mean(right))


def _portions(total: int, draws: int) -> Iterator[NDArray[np.intp]]:
    # Rows of each draw: as many of the first half, which shows the concept, as of the second.
    first, second = np.split(np.arange(total), 2)
    yield from np.concatenate([first.reshape(draws, -1), second.reshape(draws, -1)], axis=1)


def _directions(rows: NDArray[np.float64], draws: int) -> tuple[Vectors, NDArray[np.float64]]:
    from sklearn.linear_model import Ridge

    vectors, offsets = [], []
    for portion in _portions(len(rows), draws):
        some = rows[portion]
        sides = np.repeat([1.0, -1.0], len(some) // 2)
        strength = _RIDGE * float(np.square(some - some.mean(axis=0)).sum() / len(some))
        found = Ridge(alpha=max(strength, 1e-12)).fit(some, sides)
        length = float(np.linalg.norm(found.coef_)) or 1.0
        vectors.append(found.coef_ / length)
        offsets.append(float(found.intercept_) / length)
    return np.stack(vectors), np.asarray(offsets)


# The penalty as a share of the pictures' mean squared distance from their mean.
_RIDGE = 1.0


def _right(rows: NDArray[np.float64], draws: int, draw: int, vector: NDArray[np.float64], offset: float) -> float:
    others = np.concatenate([portion for i, portion in enumerate(_portions(len(rows), draws)) if i != draw])
    return float(((rows[others] @ vector + offset > 0) == (others < len(rows) // 2)).mean())


def _rising(derivatives: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.sign(derivatives).mean(axis=0) + 1) / 2


def _mean_direction(vectors: Vectors) -> NDArray[np.float64]:
    mean = vectors.mean(axis=0)
    return mean / (np.linalg.norm(mean) or 1.0)


def _check_rows(values: ArrayLike, name: str, width: int | None = None) -> NDArray[np.float64]:
    array = np.asarray(values)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.ndim != 2 or array.size == 0 or (width is not None and array.shape[1] != width):
        wanted = "(N, D)" if width is None else f"(N, {width})"
        raise ValueError(f"{name} must have shape {wanted}, one row for each picture, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity; look at the model's weights")
    return array.astype(np.float64)
