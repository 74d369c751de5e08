"""Surgery on Keras models that the methods of this room share: find layers, take logits, split off an affine start."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_count, check_fits
from helpers.models.backend import keras, tf
from helpers.models.cnn import logits_model

# How many floats of input one batch may hold. A network holds some tens of times as many inside.
_FLOATS_AT_ONCE = 3 * 2**18  # 256 pictures of 32x32x3, 5 of 224x224x3


def logits_of(model: keras.Model) -> keras.Model:
    """The model up to its logits, or a sentence that says why there are none.

    Parameters
    ----------
    model : keras.Model
        A functional model with one input and a layer named ``logits`` that applies no activation.

    Returns
    -------
    keras.Model
        Images (N, H, W, C) to logits (N, K), sharing the weights.

    Raises
    ------
    TypeError
        If it is no functional Keras model.
    ValueError
        If it has more than one input, no layer named ``logits``, or that layer does not give logits.
    """
    if isinstance(model, keras.Sequential):
        raise TypeError(
            f"model {model.name!r} is a Sequential model, and its layers cannot be reached one by one. Make a "
            "functional one: models.course_cnn(...), or keras.Model(inputs, outputs) from the same layers, with the "
            "last Dense named 'logits'."
        )
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            f"a functional Keras model is needed, such as models.course_cnn(...); got {type(model).__name__}"
        )
    if len(model.inputs) != 1:
        raise ValueError(f"model {model.name!r} has {len(model.inputs)} inputs, and pictures are one")
    logits = logits_model(model)
    activation = getattr(model.get_layer("logits"), "activation", None)
    if activation not in (None, keras.activations.linear):
        raise ValueError(
            f"the layer 'logits' of model {model.name!r} applies {activation.__name__}, so it does not give logits. "
            "Make it a Dense layer without activation, with the Softmax as a layer of its own."
        )
    return logits


def find_layer(model: keras.Model, name: str, *, maps: bool) -> keras.Layer:
    """A layer by its name.

    Parameters
    ----------
    model : keras.Model
        A functional model.
    name : str
        The layer's name.
    maps : bool
        Whether its output must be maps, (N, h, w, channels).

    Returns
    -------
    keras.Layer
        The layer.

    Raises
    ------
    ValueError
        If there is none of that name, or its output is not maps; the message lists the layers that would do.
    """
    fitting = [layer.name for layer in model.layers if not maps or len(layer.output.shape) == 4]
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise ValueError(f"no layer named {name!r} in model {model.name!r}; it has {', '.join(fitting)}")
    layer = model.get_layer(name)
    if name not in fitting:
        raise ValueError(
            f"layer {name!r} gives {layer.output.shape}, and maps (N, h, w, channels) are needed; "
            f"these layers give maps: {', '.join(fitting)}"
        )
    return layer


def batch_size_for(model: keras.Model, batch_size: int | None) -> int:
    """How many pictures go through the network at once.

    Parameters
    ----------
    model : keras.Model
        A model with one input.
    batch_size : int or None
        What the caller asked for; None for a number that keeps memory small whatever the size of the pictures.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If the caller asked for less than 1.
    """
    if batch_size is not None:
        return check_count(batch_size, "batch_size")
    sides = [side for side in model.input_shape[1:] if side is not None]
    return int(max(1, min(256, _FLOATS_AT_ONCE // np.prod(sides))))


def traced(function: Callable[..., Any], model: keras.Model, *more: Any) -> Callable[..., Any]:
    """One graph of a function of pictures and classes, for every batch size.

    Parameters
    ----------
    function : callable
        Float32 pictures (N, H, W, C), int64 classes (N,) and tensors like `more` to a tensor.
    model : keras.Model
        Whose pictures.
    *more : tf.TensorSpec
        What comes after the classes.

    Returns
    -------
    callable
        The same function, compiled.
    """
    # A concrete function is called directly, so that TensorFlow does not count the graphs of several models as
    # retracing of one function and warn.
    pictures = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    compiled = tf.function(function, autograph=False)
    return compiled.get_concrete_function(pictures, tf.TensorSpec((None,), tf.int64), *more)


def in_blocks(
    run: Callable[..., Any],
    model: keras.Model,
    images: NDArray[np.float32],
    classes: NDArray[np.int64],
    size: int,
) -> NDArray[np.float32]:
    """What a compiled function gives for many pictures, block by block.

    Parameters
    ----------
    run : callable
        From :func:`traced`: pictures and classes to a tensor with one row for each.
    model : keras.Model
        Whose pictures; they are checked against its input.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    classes : numpy.ndarray of int64, shape (N,)
        The class to explain in each.
    size : int
        Pictures in a block.

    Returns
    -------
    numpy.ndarray of float32, shape (N, ...)
        The rows in order.

    Raises
    ------
    ValueError
        If the pictures do not fit the model.
    """
    check_fits(images, model.input_shape)
    blocks = [
        run(tf.constant(images[at : at + size]), tf.constant(classes[at : at + size])).numpy()
        for at in range(0, len(images), size)
    ]
    return np.concatenate(blocks)


def chosen_logits(logits: Any, classes: Any) -> Any:
    """The sum over the batch of each picture's logit for its class, whose gradient is each picture's own.

    Parameters
    ----------
    logits : tf.Tensor, shape (N, K)
        Logits.
    classes : tf.Tensor of int64, shape (N,)
        Classes.

    Returns
    -------
    tf.Tensor, scalar
        The sum. No layer mixes pictures of a batch outside training, so each gradient sees its own term.
    """
    return tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))


class Halves(NamedTuple):
    """A network cut in two: ``after(before(images))`` are its logits, and ``before`` is affine.

    Attributes
    ----------
    before : callable
        Pictures to the values after the cut's last affine step.
    after : callable
        Those values to logits (N, K).
    layers : tuple of str
        Names of the layers in `before`; empty where the network starts with nothing that could be cut off.
    """

    before: Callable[[Any], Any]
    after: Callable[[Any], Any]
    layers: tuple[str, ...]


_AFFINE = (
    keras.layers.Rescaling,
    keras.layers.Normalization,
    keras.layers.ZeroPadding2D,
    keras.layers.BatchNormalization,
)
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def affine_halves(logits: keras.Model) -> Halves:
    """Cut a network after the layers at its start that are affine in the pixels.

    The first convolution before its activation is affine: along a straight line between two pictures its values run
    along a straight line too. So they are computed at the two ends only, and gradients with respect to them can be
    summed over the line before they go back through the convolution once. In the course CNN that convolution is half
    of the cost.

    Parameters
    ----------
    logits : keras.Model
        A functional model with one input.

    Returns
    -------
    Halves
        The cut; `before` is the identity where the network does not start with such a convolution.
    """
    steps: list[Callable[[Any], Any]] = []
    names: list[str] = []
    tensor, convolved = logits.inputs[0], False
    for layer in _chain(logits):
        if type(layer) in _CONVOLUTIONS:
            convolved = True
            names.append(layer.name)
            steps.append(_without_activation(layer))
            if layer.activation is not keras.activations.linear:
                return Halves(_chained(steps), _activated(layer, logits), tuple(names))
        elif type(layer) in _AFFINE:
            names.append(layer.name)
            steps.append(functools.partial(layer, training=False) if _trains(layer) else layer)
        else:
            break
        tensor = layer.output
    if not convolved:
        return whole(logits)
    rest = keras.Model(tensor, logits.outputs[0])
    return Halves(_chained(steps), lambda x: rest(x, training=False), tuple(names))


def whole(logits: keras.Model) -> Halves:
    """The network not cut at all: everything comes after.

    Parameters
    ----------
    logits : keras.Model
        Images to logits.

    Returns
    -------
    Halves
        With the identity as `before`.
    """
    return Halves(lambda images: images, lambda images: logits(images, training=False), ())


class Places(NamedTuple):
    """Where the places of a layer's maps lie in the picture, along one side, in pixels counted from 0.

    Attributes
    ----------
    first : float
        The centre of what the first place sees.
    step : float
        From one centre to the next.
    """

    first: float
    step: float

    def spread(self, places: int, pixels: int) -> NDArray[np.float32]:
        """Weights that draw values at the places over the pixels: linear between centres, constant beyond the last.

        Parameters
        ----------
        places, pixels : int
            How many there are of each.

        Returns
        -------
        numpy.ndarray of float32, shape (pixels, places)
            Rows add up to 1.
        """
        at = np.clip((np.arange(pixels) - self.first) / self.step, 0, places - 1)
        return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(places))).astype(np.float32)


def places_of(model: keras.Model, layer: str) -> tuple[Places, Places] | None:
    """Where the places of a layer's maps lie, from the convolutions and pools below it.

    Without padding, each layer leaves out a border: the 4x4 places of a course CNN's ``conv3`` lie 4 pixels apart and
    around the middle, where enlarging its maps to the whole picture draws them 8 pixels apart.

    Parameters
    ----------
    model : keras.Model
        A functional model.
    layer : str
        One of its layers, with maps.

    Returns
    -------
    tuple of (Places, Places) or None
        For rows and for columns; None if the layers below are not one chain of convolutions, pools and what works on
        single values.

    References
    ----------
    A. Araujo, W. Norris and J. Sim (2019), "Computing Receptive Fields of Convolutional Neural Networks".
    """
    rows, columns = Places(0.0, 1.0), Places(0.0, 1.0)
    for below in _chain(model):
        if isinstance(below, _WINDOWS):
            rows, columns = (_through(side, below, axis) for axis, side in enumerate((rows, columns)))
        elif not isinstance(below, _ONE_BY_ONE):
            return None
        if below.name == layer:
            return rows, columns
    return None


_WINDOWS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)
_ONE_BY_ONE = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.Normalization,
    keras.layers.ReLU,
    keras.layers.Rescaling,
)


def _through(side: Places, layer: Any, axis: int) -> Places:
    pool = hasattr(layer, "pool_size")
    width, stride = (layer.pool_size if pool else layer.kernel_size)[axis], layer.strides[axis]
    reach = (width - 1) * (1 if pool else layer.dilation_rate[axis])
    before = 0
    if layer.padding == "same":
        length = layer.input.shape[1 + axis]
        before = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0) // 2
    return Places(side.first + side.step * (reach / 2 - before), side.step * stride)


def _chain(model: keras.Model) -> Iterator[keras.Layer]:
    # The layers from the input on, for as long as each hands its output to one other layer alone.
    tensor = model.inputs[0]
    while True:
        user = _only_user(model, tensor)
        if user is None:
            return
        yield user
        tensor = user.output


def _only_user(model: keras.Model, tensor: Any) -> keras.Layer | None:
    users = [layer for layer in model.layers if any(tensor is each for each in _inputs(layer))]
    return users[0] if len(users) == 1 and len(_inputs(users[0])) == 1 else None


def _inputs(layer: keras.Layer) -> list[Any]:
    if isinstance(layer, keras.layers.InputLayer):
        return []
    given = layer.input
    return list(given) if isinstance(given, list | tuple) else [given]


def _trains(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _without_activation(layer: Any) -> Callable[[Any], Any]:
    def convolve(x: Any) -> Any:
        x = layer.convolution_op(x, layer.kernel)
        return x + layer.bias if layer.use_bias else x

    return convolve


def _chained(steps: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run


def _activated(layer: Any, logits: keras.Model) -> Callable[[Any], Any]:
    # What follows a convolution's linear part: its activation and the rest of the network. A ReLU and a maximum may
    # change places, with the same values and gradients, and after the pool there is less to do.
    activation = _relu if layer.activation is keras.activations.relu else layer.activation
    pool = _only_user(logits, layer.output)
    if activation is _relu and pool is not None and type(pool) is keras.layers.MaxPooling2D:
        rest = keras.Model(pool.output, logits.outputs[0])
        return lambda x: rest(_relu(pool(x)), training=False)
    rest = keras.Model(layer.output, logits.outputs[0])
    return lambda x: rest(activation(x), training=False)


@tf.custom_gradient
def _relu(x: Any) -> tuple[Any, Callable[[Any], Any]]:
    # The same numbers and gradients as TensorFlow's own, which takes milliseconds to start where it stands alone (in
    # oneDNN, TensorFlow 2.21); elsewhere it is a part of the convolution.
    values = tf.maximum(x, 0.0)
    return values, lambda upstream: tf.raw_ops.ReluGrad(gradients=upstream, features=values)
