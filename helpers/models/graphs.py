"""The inside of Keras models, for whatever explains or attacks them: layers, logits, and gradients as batched graphs.

The softmax is never asked: its gradients vanish where the network is sure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import Images, Labels, check_count, check_fits, check_images, check_labels
from helpers.models.backend import keras, tf
from helpers.models.cnn import logits_model

# How many floats of input one batch may hold. A network holds some tens of times as many inside.
_FLOATS_AT_ONCE = 3 * 2**18  # 256 pictures of 32x32x3, 5 of 224x224x3

Score = Callable[[Any, Any], Any]
"""Logits (N, K) and classes (N,), as tensors, to one number for each picture, (N,)."""


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
        If there is none of that name, it is a model of its own, or its output is not maps; the message lists the
        layers that would do.
    """
    fitting = [
        layer.name
        for layer in model.layers
        if not isinstance(layer, keras.Model) and (not maps or len(layer.output.shape) == 4)
    ]
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise ValueError(f"no layer named {name!r} in model {model.name!r}; it has {', '.join(fitting)}")
    layer = model.get_layer(name)
    if isinstance(layer, keras.Model):
        raise ValueError(f"{_inside(model, name)} These layers can be: {', '.join(fitting)}")
    if name not in fitting:
        raise ValueError(
            f"layer {name!r} gives {layer.output.shape}, and maps (N, h, w, channels) are needed; "
            f"these layers give maps: {', '.join(fitting)}"
        )
    return layer


def check_flat(model: keras.Model) -> None:
    """Refuse a model with a model inside, for what has to reach every layer.

    Parameters
    ----------
    model : keras.Model
        A functional model.

    Raises
    ------
    ValueError
        If one of its layers is a model.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            raise ValueError(_inside(model, layer.name))


def _inside(model: keras.Model, name: str) -> str:
    return (
        f"{name!r} is a model inside model {model.name!r}, and what is in it cannot be reached. Build one model of "
        f"both: call your layers on {name}.output, then keras.Model({name}.input, outputs)."
    )


def check_one_size(model: keras.Model) -> None:
    """Refuse a model for pictures of any size, where a method has to know how large they are.

    Parameters
    ----------
    model : keras.Model
        A model with one input.

    Raises
    ------
    ValueError
        If height or width of its input are open.
    """
    if None in model.input_shape[1:]:
        sides = ", ".join("any" if side is None else str(side) for side in model.input_shape[1:])
        raise ValueError(
            f"model {model.name!r} takes pictures of shape (N, {sides}), and this method has to know their size. Build "
            "the model with an input of one size, such as keras.Input((32, 32, 3))."
        )


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
    """Each picture's logit for its class: the score that explanations ask about.

    Parameters
    ----------
    logits : tf.Tensor, shape (N, K)
        Logits.
    classes : tf.Tensor of int64, shape (N,)
        Classes.

    Returns
    -------
    tf.Tensor, shape (N,)
        One logit for each picture.
    """
    return tf.gather(logits, classes, batch_dims=1)


def input_gradient(logits: keras.Model, images: Any, classes: Any, score: Score = chosen_logits) -> Any:
    """The gradient of a score with respect to the pictures: tensors in and out, for functions that are traced.

    Parameters
    ----------
    logits : keras.Model
        From :func:`logits_of`.
    images : tf.Tensor of float32, shape (N, H, W, C)
        Pictures.
    classes : tf.Tensor of int64, shape (N,)
        What the score is told beside the logits: the class to explain, or the one to attack.
    score : callable
        Logits (N, K) and classes (N,) to one number for each picture, (N,).

    Returns
    -------
    tf.Tensor of float32, shape (N, H, W, C)
        Each picture's own gradient: no layer mixes the pictures of a batch outside training.

    Raises
    ------
    ValueError
        If the score is not one number for each picture, or does not depend on the logits.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        scores = score(logits(images, training=False), classes)
    if scores.shape.rank != 1:
        # A mean over the batch would give gradients that shrink with its size.
        raise ValueError(f"a score must give one number for each picture, shape (N,), it gave shape {scores.shape}")
    gradient = tape.gradient(scores, images)
    if gradient is None:
        raise ValueError("the score does not depend on the logits, so it has no gradient with respect to the pictures")
    return gradient


def gradient_function(
    model: keras.Model, score: Score = chosen_logits, *, batch_size: int | None = None
) -> Callable[[Images, ArrayLike], NDArray[np.float32]]:
    """The gradient of a logit, or of any other score or loss, as a plain function of pictures and classes.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    score : callable
        TensorFlow's logits (N, K) and classes (N,) to one number for each picture, (N,): their logit for the class if
        not given, or a loss, such as ``lambda logits, labels:
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)``.
    batch_size : int, optional
        Pictures that go through the network at once; bounds the memory.

    Returns
    -------
    callable
        Pictures (N, H, W, C) in [0, 1] and classes (N,) to float32 of shape (N, H, W, C). Traced once.

    Raises
    ------
    TypeError, ValueError
        As :func:`logits_of` and :func:`input_gradient`.
    """
    logits = logits_of(model)
    run = traced(lambda images, classes: input_gradient(logits, images, classes, score), logits)
    size = batch_size_for(logits, batch_size)
    return checked(logits, lambda images, classes: in_blocks(run, logits, images, classes, size))


def checked(
    logits: keras.Model, function: Callable[[Images, Labels], NDArray[np.float32]]
) -> Callable[[Images, ArrayLike], NDArray[np.float32]]:
    """A function of pictures and classes that refuses anything else.

    Parameters
    ----------
    logits : keras.Model
        Its K outputs say how many classes there are.
    function : callable
        Pictures (N, H, W, C) and classes (N,) to an array.

    Returns
    -------
    callable
        The same function. It raises TypeError or ValueError for what are no float pictures in [0, 1], or not one class
        in [0, K) for each.
    """
    classes_of = logits.output_shape[1]

    def run(images: Images, classes: ArrayLike) -> NDArray[np.float32]:
        pictures = check_images(images)
        return function(pictures, check_labels(np.asarray(classes), len(pictures), classes_of, "classes"))

    return run
