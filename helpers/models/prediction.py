"""Keras models as predict functions: NumPy pictures in, NumPy probabilities out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Predict, check_fits, check_images, check_seed
from helpers.datasets.base import Split, check_split
from helpers.models.backend import keras, tf

# A block of mc_dropout_function: fixed, because the place of a picture in its block decides which units it loses.
_PICTURES_IN_A_BLOCK = 256


def predict_function(model: keras.Model, batch_size: int = 512) -> Predict:
    """The model as a plain function of pictures, without a progress bar.

    Parameters
    ----------
    model : keras.Model
        From images in [0, 1] to probabilities (or logits, or features: the output is handed on as it is).
    batch_size : int
        Pictures that go through the network at once; it bounds the memory that is needed.

    Returns
    -------
    callable
        Images, float32 in [0, 1] of shape (N, H, W, C), to float32 of shape (N, K). It raises what
        :func:`helpers.contracts.check_images` raises, and ValueError for pictures that do not fit the model.

    Raises
    ------
    ValueError
        If `batch_size` is below 1.
    """
    _check_batch_size(batch_size)
    run = compiled(model)

    def predict(images: NDArray[np.float32]) -> NDArray[np.float32]:
        checked = check_fits(check_images(images), model.input_shape)
        starts = range(0, len(checked), batch_size)
        return np.concatenate([run(tf.constant(checked[at : at + batch_size])).numpy() for at in starts])

    return predict


def predict_split(model: keras.Model, split: Split, batch_size: int = 512) -> NDArray[np.float32]:
    """The model's outputs for a whole split, without ever holding all its pictures as floats.

    Parameters
    ----------
    model : keras.Model
        As for :func:`predict_function`.
    split : Split
        N pictures, kept as uint8.
    batch_size : int
        Pictures that are turned into floats and go through the network at once.

    Returns
    -------
    numpy.ndarray of float32, shape (N, K)
        The same as ``predict_function(model)(split.images)``.

    Raises
    ------
    TypeError
        If it is no split: pictures in an array go to :func:`predict_function`.
    ValueError
        If the split is empty, its pictures do not fit the model, or `batch_size` is below 1.
    """
    _check_batch_size(batch_size)
    if not len(check_split(split)):
        raise ValueError("the split holds no pictures, so there is nothing to predict; load it with a larger size")
    check_fits(split.pixels, model.input_shape, "the split's pictures")
    return over_split(compiled(model), split, batch_size)


def mc_dropout_function(model: keras.Model, samples: int, seed: int) -> Predict:
    """Predictions with dropout left on, several for each picture: Monte Carlo dropout.

    The masks come from TensorFlow's stateless generator. They depend on `seed`, on the sample and on the place of the
    picture in the array, and on nothing else: the same array gives the same answer however often it is asked, and
    neither the model nor any global seed is touched. Every picture gets masks of its own. The layers below the first
    dropout give the same in every sample, so they run once.

    Parameters
    ----------
    model : keras.Model
        A chain of layers with at least one Dropout, such as ``course_cnn(..., dropout=0.2)``.
    samples : int
        Predictions S for each picture, at least 2.
    seed : int
        Seed of the masks.

    Returns
    -------
    callable
        Images, float32 in [0, 1] of shape (N, H, W, C), to float32 of shape (S, N, K). It raises what
        :func:`predict_function` raises.

    Raises
    ------
    ValueError
        If there are fewer than 2 samples or the model has no Dropout layer.

    References
    ----------
    Gal and Ghahramani, "Dropout as a Bayesian Approximation", 2016.
    """
    check_seed(seed)
    if samples < 2:
        raise ValueError(f"samples must be at least 2, or there is no spread to look at; got {samples}")
    layers = model.layers
    first = next((place for place, layer in enumerate(layers) if isinstance(layer, keras.layers.Dropout)), None)
    if first is None:
        raise ValueError(f"model {model.name!r} has no Dropout layer; make it with course_cnn(..., dropout=0.2), say")
    trunk = compiled(keras.Model(model.inputs, layers[first - 1].output))
    sample_once = _head(layers[first:], layers[first - 1].output.shape)

    def predict(images: NDArray[np.float32]) -> NDArray[np.float32]:
        checked = check_fits(check_images(images), model.input_shape)
        blocks = []
        for block, start in enumerate(range(0, len(checked), _PICTURES_IN_A_BLOCK)):
            features = trunk(tf.constant(checked[start : start + _PICTURES_IN_A_BLOCK]))
            drawn = [sample_once(features, _mask_seed(seed, sample, block)).numpy() for sample in range(samples)]
            blocks.append(np.stack(drawn))
        return np.concatenate(blocks, axis=1)

    return predict


def _mask_seed(seed: int, sample: int, block: int) -> Any:
    return tf.constant(np.random.SeedSequence((seed, sample, block)).generate_state(2), tf.int64)


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")


def compiled(model: keras.Model) -> Callable[..., Any]:
    """The model as one graph for every batch size, without the checks that a predict function makes.

    Parameters
    ----------
    model : keras.Model
        Any model with one input and one output.

    Returns
    -------
    callable
        A float32 tensor of pictures to the tensor that the model gives for them, dropout off.
    """
    # A concrete function is called directly, so that TensorFlow does not count the graphs of an ensemble's members
    # as retracing of one function and warn.
    signature = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    return tf.function(lambda images: model(images, training=False)).get_concrete_function(signature)


def over_split(run: Callable[..., Any], split: Split, batch_size: int) -> NDArray[np.float32]:
    """What a compiled model gives for a split, batch by batch.

    Parameters
    ----------
    run : callable
        From :func:`compiled`.
    split : Split
        N pictures that fit the model.
    batch_size : int
        Pictures in a batch.

    Returns
    -------
    numpy.ndarray of float32, shape (N, K)
        The outputs in order.
    """
    return np.concatenate([run(tf.constant(images)).numpy() for images, _ in split.batches(batch_size)])


def _head(layers: list[keras.Layer], input_shape: tuple[int | None, ...]) -> Callable[..., Any]:
    rows = _PICTURES_IN_A_BLOCK

    def pass_once(x: Any, seed: Any) -> Any:
        for place, layer in enumerate(layers):
            if isinstance(layer, keras.layers.Dropout):
                # Always drawn for a full block: a shorter last block then gets the first rows of the same masks.
                drawn = tf.random.stateless_uniform((rows, *x.shape[1:]), tf.random.fold_in(seed, place))[
                    : tf.shape(x)[0]
                ]
                x = tf.where(drawn >= layer.rate, x / (1 - layer.rate), 0.0)
            else:
                x = layer(x)
        return x

    features = tf.TensorSpec(input_shape, tf.float32)
    return tf.function(pass_once).get_concrete_function(features, tf.TensorSpec((2,), tf.int64))
