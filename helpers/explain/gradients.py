"""Methods that look into the network: gradients of a logit, with respect to the pixels or to a layer's maps.

All take a Keras functional model that gives probabilities and explain its *logits*: gradients of the softmax vanish
where the network is sure. Each is made once for a model and then explains any number of pictures, block by block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_count, check_fits, check_seed, rng_of
from helpers.explain._places import places_of
from helpers.explain.base import Explainer
from helpers.models.backend import keras, tf
from helpers.models.graphs import (
    batch_size_for,
    check_flat,
    check_one_size,
    checked,
    chosen_logits,
    find_layer,
    in_blocks,
    input_gradient,
    logits_of,
    traced,
)

RawMaps = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]
Baseline = float | ArrayLike | Callable[[NDArray[np.float32]], NDArray]


def gradcam(model: keras.Model, layer: str = "conv3", *, relu: bool = True, batch_size: int | None = None) -> Explainer:
    """GradCAM: which places of a layer's maps speak for the class.

    Each map of the layer is weighted by the mean gradient of the class's logit with respect to it, and the weighted
    maps are summed. The sum is drawn over the picture: each place where the middle of what it sees is, linear in
    between. A course CNN's ``conv3`` has 4x4 places: what looks finer is interpolation. Where the layers below do not
    tell the places (a network that branches), the sum is enlarged to the whole picture, as libraries do for every
    network; without padding that draws them further apart than they are: a course CNN's, twice as far.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    layer : str
        A layer whose output is maps, usually the last convolution.
    relu : bool
        Whether to keep only what speaks for the class, as in the paper. The map is unsigned then, signed otherwise.
    batch_size : int, optional
        Pictures that go through the network at once; bounds the memory.

    Returns
    -------
    Explainer
        Higher: speaks more for the class.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If there is no layer of that name, its output is not maps, or the model has no layer ``logits``.

    References
    ----------
    R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh and D. Batra (2017), "Grad-CAM: Visual explanations
    from deep networks via gradient-based localization".
    """
    where = places_of(logits_of(model), layer)
    if where is not None:
        check_one_size(logits_of(model))

    def finish(maps: Any, images: Any) -> Any:
        maps = tf.nn.relu(maps) if relu else maps
        if where is None:
            return tf.image.resize(maps[..., None], tf.shape(images)[1:3])[..., 0]
        rows, columns = (side.spread(maps.shape[i], images.shape[i]) for i, side in enumerate(where, start=1))
        return tf.einsum("yh,nhw,xw->nyx", rows, maps, columns)

    logits, attribute = _cam(model, layer, finish, batch_size)
    return Explainer("GradCAM", attribute, signed=not relu, classes=logits.output_shape[1])


def gradcam_maps(model: keras.Model, layer: str = "conv3", *, batch_size: int | None = None) -> RawMaps:
    """GradCAM at the layer's own resolution, before the ReLU and before it is enlarged.

    Parameters
    ----------
    model, layer, batch_size
        As for :func:`gradcam`.

    Returns
    -------
    callable
        Pictures (N, H, W, C) and classes (N,) to maps (N, h, w), signed.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        As for :func:`gradcam`.
    """
    logits, attribute = _cam(model, layer, lambda maps, images: maps, batch_size)
    return checked(logits, attribute)


def _cam(
    model: keras.Model, layer: str, finish: Callable[[Any, Any], Any], batch_size: int | None
) -> tuple[keras.Model, RawMaps]:
    logits = logits_of(model)
    maps_of = find_layer(logits, layer, maps=True).output
    both = keras.Model(logits.inputs, [maps_of, logits.outputs[0]])

    def cam(images: Any, classes: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)  # the tape follows what depends on them; the part below the layer is pruned
            maps, scores = both(images, training=False)
            score = chosen_logits(scores, classes)
        weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2))
        return finish(tf.einsum("nhwk,nk->nhw", maps, weights), images)

    run, size = traced(cam, logits), batch_size_for(logits, batch_size)
    return logits, lambda images, classes: in_blocks(run, logits, images, classes, size)


def vanilla_gradients(model: keras.Model, *, batch_size: int | None = None) -> Explainer:
    """The gradient of the logit with respect to the pixels: its size, the largest of a pixel's channels.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    batch_size : int, optional
        Pictures that go through the network at once; bounds the memory.

    Returns
    -------
    Explainer
        Unsigned. Higher: a small change of this pixel moves the logit more, in whichever direction.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If the model has no layer ``logits``.

    References
    ----------
    K. Simonyan, A. Vedaldi and A. Zisserman (2014), "Deep inside convolutional networks: Visualising image
    classification models and saliency maps".
    """
    return _pixel_gradients(model, "vanilla gradients", lambda gradient, images: _largest(gradient), False, batch_size)


def gradients_times_inputs(model: keras.Model, *, batch_size: int | None = None) -> Explainer:
    """The gradient times the pixel, summed over the channels.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    batch_size : int, optional
        Pictures that go through the network at once; bounds the memory.

    Returns
    -------
    Explainer
        Signed. Higher: to first order, the pixel adds more to the logit than a black one would. Black pixels get 0.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If the model has no layer ``logits``.

    References
    ----------
    A. Shrikumar, P. Greenside, A. Shcherbina and A. Kundaje (2016), "Not just a black box: Learning important features
    through propagating activation differences".
    """

    def product(gradient: Any, images: Any) -> Any:
        return tf.reduce_sum(gradient * images, axis=-1)

    return _pixel_gradients(model, "gradients x inputs", product, True, batch_size)


def guided_backprop(model: keras.Model, *, batch_size: int | None = None) -> Explainer:
    """Gradients that only pass a ReLU where they are positive: sharp pictures, and a warning in them.

    The maps look like the edges of the picture, and much of them does not depend on what the network learned.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits`` and at least one ReLU (or ReLU6). Its
        weights are copied: train it further, and the explainer has to be made again.
    batch_size : int, optional
        Pictures that go through the network at once; bounds the memory.

    Returns
    -------
    Explainer
        Unsigned: absolute value, the largest of a pixel's channels.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If the model has no ReLU or no layer ``logits``.

    References
    ----------
    J. T. Springenberg, A. Dosovitskiy, T. Brox and M. Riedmiller (2015), "Striving for simplicity: The all
    convolutional net". J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt and B. Kim (2018), "Sanity checks for
    saliency maps": the warning.
    """
    guided = _guided(logits_of(model))
    return _pixel_gradients(guided, "guided backprop", lambda gradient, images: _largest(gradient), False, batch_size)


def _pixel_gradients(
    model: keras.Model, name: str, finish: Callable[[Any, Any], Any], signed: bool, batch_size: int | None
) -> Explainer:
    logits = logits_of(model)

    def maps(images: Any, classes: Any) -> Any:
        return finish(input_gradient(logits, images, classes), images)

    run, size = traced(maps, logits), batch_size_for(logits, batch_size)
    return Explainer(
        name, lambda images, classes: in_blocks(run, logits, images, classes, size), signed, logits.output_shape[1]
    )


def _largest(gradient: Any) -> Any:
    return tf.reduce_max(tf.abs(gradient), axis=-1)


def _guided(logits: keras.Model) -> keras.Model:
    check_flat(logits)
    changed = []

    def clone(layer: keras.Layer) -> keras.Layer:
        ceiling = _relu_ceiling(layer)
        if ceiling is None:
            return layer.__class__.from_config(layer.get_config())
        changed.append(layer.name)
        if isinstance(layer, keras.layers.ReLU):
            return keras.layers.Activation(_guided_relu(ceiling), name=layer.name)
        copy = layer.__class__.from_config(layer.get_config())
        copy.activation = _guided_relu(ceiling)
        return copy

    guided = keras.models.clone_model(logits, clone_function=clone)
    if not changed:
        raise ValueError(f"model {logits.name!r} has no ReLU, so guided backprop has nothing to guide")
    guided.set_weights(logits.get_weights())
    return guided


def _relu_ceiling(layer: keras.Layer) -> float | None:
    # Where the layer's ReLU stops: infinity for a plain one, 6 for ReLU6; None where the layer has no ReLU.
    if isinstance(layer, keras.layers.ReLU):
        plain = not layer.negative_slope and not layer.threshold
        return (float("inf") if layer.max_value is None else float(layer.max_value)) if plain else None
    known = {keras.activations.relu: float("inf"), keras.activations.relu6: 6.0}
    return known.get(getattr(layer, "activation", None))


def _guided_relu(ceiling: float) -> Callable[[Any], Any]:
    @tf.custom_gradient
    def relu(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        def gradient(upstream: Any) -> Any:
            passes = (x > 0) & (x < ceiling) & (upstream > 0)
            return tf.where(passes, upstream, 0.0)

        return tf.clip_by_value(x, 0.0, ceiling), gradient

    return relu


def integrated_gradients(
    model: keras.Model, steps: int = 32, baseline: Baseline = 0.0, *, batch_size: int | None = None
) -> Explainer:
    """Integrated gradients: the change from a baseline picture to this one, shared out among the pixels.

    The gradient is averaged along the straight line from the baseline to the picture and multiplied by their
    difference, so that the sum of a map approaches the difference of the two logits (*completeness*). The average is
    taken at the midpoints of `steps` equal parts. A pixel that equals its baseline gets 0, whatever the network sees
    in it.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    steps : int
        Points on the line, at least 1. More are closer to completeness, and cost more.
    baseline : float or array_like of shape (H, W, C) or callable
        The picture where nothing is there, in [0, 1]. A number stands for a picture of one grey (0: black), a function
        of pictures such as :func:`mean_colour` gives each its own. Maps follow it: try two.
    batch_size : int, optional
        Points that go through the network at once; bounds the memory.

    Returns
    -------
    Explainer
        Signed, summed over the channels. Higher: adds more to the logit than the baseline's pixel.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If steps, baseline or batch size are out of range, or the model has no layer ``logits``; on use, if a function
        gives baselines that are no pictures.

    References
    ----------
    M. Sundararajan, A. Taly and Q. Yan (2017), "Axiomatic attribution for deep networks".
    """
    check_count(steps, "steps")
    logits = logits_of(model)
    check_one_size(logits)
    start_of = _starts(baseline, logits.input_shape[1:])

    def maps(images: Any, classes: Any, starts: Any, shares: Any) -> Any:
        way = images - starts
        points = starts[:, None] + shares[:, None, None, None] * way[:, None]
        return tf.reduce_sum(_mean_gradient(logits, points, classes) * way, axis=-1)

    pictures = tf.TensorSpec((None, *logits.input_shape[1:]), tf.float32)
    run = traced(maps, logits, pictures, tf.TensorSpec((None,), tf.float32))
    middles = ((np.arange(steps) + 0.5) / steps).astype(np.float32)
    at_once = batch_size_for(logits, batch_size)

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        starts = start_of(check_fits(images, logits.input_shape))

        def path(rows: slice, points: slice) -> tuple[NDArray[np.float32], ...]:
            return starts[rows], middles[points]

        return _over_points(run, steps, at_once, logits, images, classes, path)

    return Explainer("integrated gradients", attribute, signed=True, classes=logits.output_shape[1])


def _mean_gradient(logits: keras.Model, points: Any, classes: Any) -> Any:
    # points: (N, P, H, W, C), as many for each picture.
    flat = tf.reshape(points, tf.concat([[-1], tf.shape(points)[2:]], axis=0))
    flat = tf.ensure_shape(flat, (None, *logits.input_shape[1:]))
    gradients = input_gradient(logits, flat, tf.repeat(classes, tf.shape(points)[1]))
    return tf.reduce_mean(tf.reshape(gradients, tf.shape(points)), axis=1)


def _over_points(
    run: Callable[..., Any],
    count: int,
    at_once: int,
    logits: keras.Model,
    images: NDArray[np.float32],
    classes: NDArray[np.int64],
    given: Callable[[slice, slice], tuple[NDArray[np.float32], ...]],
) -> NDArray[np.float32]:
    """The mean over `count` points of each picture, a few points and pictures at a time.

    `given` takes a slice of the pictures and one of the points to what `run` takes after pictures and classes.
    """
    check_fits(images, logits.input_shape)
    together = min(count, at_once)
    blocks = []
    for rows in _slices(len(images), max(1, at_once // together)):
        total = np.zeros((), np.float32)
        for points in _slices(count, together):
            some = (tf.constant(array) for array in (images[rows], classes[rows], *given(rows, points)))
            total = total + run(*some).numpy() * np.float32((points.stop - points.start) / count)
        blocks.append(total)
    return np.concatenate(blocks)


def _slices(length: int, size: int) -> list[slice]:
    return [slice(at, min(at + size, length)) for at in range(0, length, size)]


def _starts(baseline: Baseline, shape: tuple[int, ...]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    # A function gives each picture its own start; anything else is one start for all, and is looked at now.
    if callable(baseline):
        return lambda images: _check_start(baseline(images), images.shape)
    array = _check_start(baseline, tuple(shape))
    return lambda images: np.broadcast_to(array, images.shape)


def _check_start(start: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    array = np.asarray(start, dtype=np.float32)
    if array.ndim and array.shape != shape:
        what = "one picture" if len(shape) == 3 else "a function that gives pictures"
        raise ValueError(f"baseline must be a number or {what} of shape {shape}, got shape {array.shape}")
    if not (array.min() >= 0 and array.max() <= 1):  # also catches NaN
        raise ValueError(f"baseline must lie in [0, 1] like the pictures, got {array.min():.4g} to {array.max():.4g}")
    return np.broadcast_to(array, shape)


def smoothgrad(
    model: keras.Model, samples: int = 16, noise: float = 0.15, seed: int = 0, *, batch_size: int | None = None
) -> Explainer:
    """SmoothGrad: the mean gradient of noisy copies of the picture; its size, the largest of a pixel's channels.

    The noise is drawn from the seed and the picture itself: a picture has the same map whatever stands beside it, and
    one that differs in a pixel gets noise of its own, as in a fresh call of the paper's method.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    samples : int
        Noisy copies of each picture, at least 1.
    noise : float
        Standard deviation of the noise as a share of the range of the pixels, in (0, 1]; the paper finds 0.1 to 0.2
        good. The noisy copies are not clipped to [0, 1].
    seed : int
        Seed of the noise.
    batch_size : int, optional
        Noisy pictures that go through the network at once; bounds the memory.

    Returns
    -------
    Explainer
        Unsigned. Higher: a small change of this pixel moves the logit more.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If samples, noise or batch size are out of range, or the model has no layer ``logits``.

    References
    ----------
    D. Smilkov, N. Thorat, B. Kim, F. Viégas and M. Wattenberg (2017), "SmoothGrad: removing noise by adding noise".
    """
    check_count(samples, "samples")
    if not 0 < noise <= 1:
        raise ValueError(f"noise must lie in (0, 1], a share of the range of the pixels, got {noise}; try 0.15")
    check_seed(seed)
    logits = logits_of(model)
    shape = logits.input_shape[1:]

    def gradients(images: Any, classes: Any, shifts: Any) -> Any:
        return _mean_gradient(logits, images[:, None] + shifts, classes)

    run = traced(gradients, logits, tf.TensorSpec((None, None, *shape), tf.float32))
    at_once = batch_size_for(logits, batch_size)

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        def shifts(rows: slice, points: slice) -> tuple[NDArray[np.float32], ...]:
            drawn = [rng_of(one, seed).standard_normal((samples, *one.shape), np.float32) for one in images[rows]]
            return (np.float32(noise) * np.stack(drawn)[:, points],)

        return np.abs(_over_points(run, samples, at_once, logits, images, classes, shifts)).max(axis=-1)

    return Explainer("SmoothGrad", attribute, signed=False, classes=logits.output_shape[1])


def channel_activations(
    model: keras.Model, layer: str = "conv1", *, batch_size: int | None = None
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What each channel of a layer answers to a picture: to look at, not to score, for it names no class.

    Parameters
    ----------
    model : keras.Model
        Functional.
    layer : str
        A layer whose output is maps.
    batch_size : int, optional
        Pictures that go through the network at once; bounds the memory.

    Returns
    -------
    callable
        Pictures, float32 in [0, 1] of shape (N, H, W, C), to float32 of shape (N, h, w, channels).

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model.
    ValueError
        If there is no layer of that name, its output is not maps, or the model has no layer ``logits``.
    """
    from helpers.models.prediction import predict_function

    logits = logits_of(model)
    output = find_layer(logits, layer, maps=True).output
    return predict_function(keras.Model(logits.inputs, output), batch_size_for(logits, batch_size))
