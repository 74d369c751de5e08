"""The course CNN and the sub-models that hand out its logits and its features."""

from __future__ import annotations

import numpy as np

from helpers.contracts import check_seed
from helpers.models.backend import keras

SMALLEST_SIDE = 18  # pixels: conv, pool, conv, pool, conv then leave a map of 1x1


def course_cnn(shape: tuple[int, int, int], classes: int, *, seed: int, dropout: float = 0.0) -> keras.Model:
    """The small convolutional network that the whole course asks questions of.

    Layers by name: ``normalise`` ([0, 1] to [-1, 1]), ``conv1`` (32), ``pool1``, ``conv2`` (64), ``pool2``, ``conv3``
    (64), ``flatten``, ``dense`` (64), ``logits`` and ``probabilities``. Convolutions are 3x3, valid, ReLU; pools 2x2.
    The last map is 4x4 for 32x32 pictures and 3x3 for 28x28 ones.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of a picture; height and width at least 18.
    classes : int
        Number of classes K, at least 2.
    seed : int
        Seed of the initial weights and of the dropout masks in training.
    dropout : float
        Share of units dropped before ``dense`` and before ``logits``, in [0, 1). Above 0, the layers
        ``dropout_dense`` and ``dropout_logits`` are there; at 0 they are not.

    Returns
    -------
    keras.Model
        Functional model from images in [0, 1], (N, H, W, C), to probabilities, (N, K). Not compiled.

    Raises
    ------
    ValueError
        If an argument is out of range; the message says which.

    References
    ----------
    The TensorFlow Authors, "Convolutional Neural Network (CNN)", TensorFlow tutorials, 2019: the layers.
    """
    check_seed(seed)
    _check_arguments(shape, classes, dropout)
    seeds = iter(np.random.SeedSequence(seed).generate_state(7))

    def weights() -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=int(next(seeds)) >> 1)

    def convolution(filters: int, name: str) -> keras.Layer:
        return keras.layers.Conv2D(filters, 3, activation="relu", kernel_initializer=weights(), name=name)

    inputs = keras.Input(shape, name="images")
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="normalise")(inputs)
    x = convolution(32, "conv1")(x)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)
    x = convolution(64, "conv2")(x)
    x = keras.layers.MaxPooling2D(2, name="pool2")(x)
    x = convolution(64, "conv3")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    dense = keras.layers.Dense(64, activation="relu", kernel_initializer=weights(), name="dense")
    logits = keras.layers.Dense(classes, kernel_initializer=weights(), name="logits")
    if dropout > 0:
        x = keras.layers.Dropout(dropout, seed=int(next(seeds)) >> 1, name="dropout_dense")(x)
    x = dense(x)
    if dropout > 0:
        x = keras.layers.Dropout(dropout, seed=int(next(seeds)) >> 1, name="dropout_logits")(x)
    outputs = keras.layers.Softmax(name="probabilities")(logits(x))
    return keras.Model(inputs, outputs, name="course_cnn")


def _check_arguments(shape: tuple[int, int, int], classes: int, dropout: float) -> None:
    if len(shape) != 3 or not all(isinstance(side, (int, np.integer)) and side > 0 for side in shape):
        raise ValueError(f"shape must be (height, width, channels), three positive integers, got {shape!r}")
    if min(shape[:2]) < SMALLEST_SIDE:
        raise ValueError(
            f"pictures must be at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels for the course CNN, whose three "
            f"convolutions and two pools leave nothing of smaller ones; got {shape[0]}x{shape[1]}. Enlarge them first."
        )
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {dropout}")


def logits_model(model: keras.Model) -> keras.Model:
    """The same network up to its logits; every explanation and attack of the course uses these.

    Parameters
    ----------
    model : keras.Model
        A functional model with a layer named ``logits``.

    Returns
    -------
    keras.Model
        Images (N, H, W, C) to logits (N, K). It shares the weights of `model`.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    return embedding_model(model, "logits")


def embedding_model(model: keras.Model, layer: str = "dense") -> keras.Model:
    """The same network up to one of its layers, to look at what it has computed there.

    Parameters
    ----------
    model : keras.Model
        A functional model.
    layer : str
        Name of the layer; ``dense`` holds the 64 features that the logits are made from.

    Returns
    -------
    keras.Model
        Images (N, H, W, C) to the output of that layer. It shares the weights of `model`.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    names = [each.name for each in model.layers]
    if layer not in names:
        raise ValueError(f"no layer named {layer!r} in model {model.name!r}; it has {', '.join(names)}")
    return keras.Model(model.inputs, model.get_layer(layer).output, name=f"{model.name}_{layer}")
