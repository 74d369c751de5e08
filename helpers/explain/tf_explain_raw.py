"""The library tf-explain, by the raw arrays of its static methods.

``explain`` of tf-explain 0.3.1 gives pictures for people: coloured or clipped uint8 grids, scaled for each batch. Those
must not be measured. What it computes on the way can be had from its static methods, and is handed out here, with what
has to be known about each said in the open.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_count, check_fits, check_images, check_labels, check_seed
from helpers.errors import did_you_mean
from helpers.explain.base import Explainer
from helpers.models.backend import keras, tf
from helpers.models.graphs import find_layer, logits_of, traced
from helpers.models.prediction import predict_function

METHODS = ("gradcam", "vanilla_gradients", "gradients_inputs", "integrated_gradients", "smoothgrad", "occlusion")
"""What tf-explain offers; its ``ExtractActivations`` is not here, for it names no class and is for looking only."""

Arrays = Callable[[NDArray[np.float32], int], NDArray[np.float32]]


def tf_explain_arrays(model: keras.Model, method: str, **options: Any) -> Arrays:
    """What tf-explain computes, before it makes a picture of it.

    ==================== ================================================================ =====================
    method               options (default)                                                gives
    ==================== ================================================================ =====================
    gradcam              layer ("conv3"), use_guided_grads (False; tf-explain: True)      (N, h, w), no ReLU
    vanilla_gradients                                                                     (N, H, W, C)
    gradients_inputs                                                                      (N, H, W, C)
    integrated_gradients steps (32; tf-explain: 10)                                       (N, H, W, C), mean gradient,
                                                                                          not times the picture
    smoothgrad           samples (16), noise (0.15; tf-explain: 1.0), seed (0)            (N, H, W, C), of the loss
    occlusion            patch (8)                                                        (N, H, W), 1 - logit
    ==================== ================================================================ =====================

    All explain the logits, but for SmoothGrad: tf-explain takes the gradient of the cross-entropy there, which needs
    probabilities, and whose sign is the opposite. Integrated gradients start at black. Occlusion paints 127.5, so it
    is given pixels from 0 to 255 here, and grey is 0.5.

    Parameters
    ----------
    model : keras.Model
        Functional, pictures to probabilities, with a layer named ``logits``.
    method : str
        One of ``METHODS``.
    **options
        As in the table.

    Returns
    -------
    callable
        Pictures (N, H, W, C) in [0, 1] and one class for all of them to what the table says, float32.

    Raises
    ------
    TypeError
        If the model is Sequential or no Keras model, or an option is not one of the method's.
    ValueError
        If the method is not known, an option is out of range, the model lacks a layer; on use, if pictures are not
        square for occlusion.

    References
    ----------
    R. Meudec (2021), "tf-explain", version 0.3.1.
    """
    if method not in METHODS:
        hint = did_you_mean(method, METHODS)
        raise ValueError(f"no method {method!r} in tf-explain.{hint} There are {', '.join(METHODS)}.")
    known = list(inspect.signature(_MAKERS[method]).parameters)[2:]  # after model and logits
    for option in options.keys() - set(known):
        hint = did_you_mean(option, known)
        raise TypeError(f"{method} of tf-explain has no option {option!r}.{hint} It has: {', '.join(known) or 'none'}.")
    logits = logits_of(model)
    arrays = _MAKERS[method](model, logits, **options)

    def run(images: NDArray[np.float32], class_index: int) -> NDArray[np.float32]:
        checked = check_fits(check_images(images), logits.input_shape)
        check_labels(np.array([class_index]), 1, logits.output_shape[1], "classes")
        with warnings.catch_warnings():
            # tf-explain wraps the inputs in one list more than Keras 3 wants; nothing else is the matter.
            warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
            return np.asarray(arrays(checked, int(class_index)), dtype=np.float32)

    return run


def tf_explain_maps(model: keras.Model, method: str, *, batch_size: int = 64, **options: Any) -> Explainer:
    """A method of tf-explain in the course's form, made from its raw arrays.

    GradCAM's maps stay signed (tf-explain has no ReLU) and are enlarged to the whole picture, as tf-explain does; see
    :func:`helpers.explain.gradcam` for what that moves. Gradients and SmoothGrad become their size, the largest of a
    pixel's channels. Gradients times inputs are summed over the channels, integrated gradients too, after the
    multiplication with the picture that tf-explain leaves out. Occlusion becomes the fall of the logit.

    Parameters
    ----------
    model, method, **options
        As for :func:`tf_explain_arrays`.
    batch_size : int
        Pictures of one class that are handed over at once, at least 1.

    Returns
    -------
    Explainer
        Higher: counts more for the class.

    Raises
    ------
    TypeError, ValueError
        As :func:`tf_explain_arrays`.
    """
    check_count(batch_size, "batch_size")
    arrays = tf_explain_arrays(model, method, **options)
    logits = logits_of(model)
    predict_logits = predict_function(logits)

    def finish(raw: NDArray, images: NDArray[np.float32], label: int) -> NDArray:
        if method == "gradcam":
            return tf.image.resize(raw[..., None], images.shape[1:3]).numpy()[..., 0]
        if method == "occlusion":
            return predict_logits(images)[:, label, None, None] - (1 - raw)
        if method == "integrated_gradients":
            return (raw * images).sum(axis=-1)
        return raw.sum(axis=-1) if method == "gradients_inputs" else np.abs(raw).max(axis=-1)

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        maps = np.empty(images.shape[:3], np.float32)
        for label in np.unique(classes):
            rows = np.flatnonzero(classes == label)
            for at in range(0, len(rows), batch_size):
                some = rows[at : at + batch_size]
                maps[some] = finish(arrays(images[some], int(label)), images[some], int(label))
        return maps

    signed = method not in ("vanilla_gradients", "smoothgrad")
    return Explainer(f"tf-explain {method.replace('_', ' ')}", attribute, signed, logits.output_shape[1])


def _gradcam(
    model: keras.Model, logits: keras.Model, layer: str = "conv3", use_guided_grads: bool = False
) -> Callable[[NDArray, int], Any]:
    from tf_explain.core.grad_cam import GradCAM

    find_layer(logits, layer, maps=True)

    def arrays(images: NDArray, label: int) -> Any:
        outputs, grads = GradCAM.get_gradients_and_filters(logits, images, layer, label, use_guided_grads)
        return np.stack([each.numpy() for each in GradCAM.generate_ponderated_output(outputs, grads)])

    return arrays


# The static methods below are graphs that would be traced anew for each class, batch and model, with a warning; the
# plain functions under them compute the same.


def _vanilla_gradients(model: keras.Model, logits: keras.Model) -> Callable[[NDArray, int], Any]:
    from tf_explain.core.vanilla_gradients import VanillaGradients

    compute = VanillaGradients.compute_gradients.python_function
    return lambda images, label: compute(images, logits, label)


def _gradients_inputs(model: keras.Model, logits: keras.Model) -> Callable[[NDArray, int], Any]:
    from tf_explain.core.gradients_inputs import GradientsInputs

    def compute(images: Any, labels: Any) -> Any:
        return GradientsInputs.compute_gradients.python_function(images, logits, labels[0])

    # Traced here once for the model: this one calls the graph of the vanilla gradients, whatever is called.
    run = traced(compute, logits)
    return lambda images, label: run(tf.constant(images), tf.constant([label], tf.int64))


def _integrated_gradients(model: keras.Model, logits: keras.Model, steps: int = 32) -> Callable[[NDArray, int], Any]:
    from tf_explain.core.integrated_gradients import IntegratedGradients

    if check_count(steps, "steps") < 2:
        raise ValueError(
            "steps must be at least 2: tf-explain puts the first on the baseline and the last on the picture"
        )
    integrate = IntegratedGradients.get_integrated_gradients.python_function

    def arrays(images: NDArray, label: int) -> Any:
        paths = (IntegratedGradients.generate_interpolations(one[None], steps) for one in images)
        return np.concatenate([integrate(path, logits, label, steps).numpy() for path in paths])

    return arrays


def _smoothgrad(
    model: keras.Model, logits: keras.Model, samples: int = 16, noise: float = 0.15, seed: int = 0
) -> Callable[[NDArray, int], Any]:
    from tf_explain.core.smoothgrad import SmoothGrad

    check_count(samples, "samples")
    if not 0 < noise <= 1:
        raise ValueError(f"noise must lie in (0, 1], a share of the range of the pixels, got {noise}; try 0.15")
    check_seed(seed)
    average = SmoothGrad.get_averaged_gradients.python_function

    def arrays(images: NDArray, label: int) -> Any:
        # tf-explain draws from NumPy's global generator; the same noise is drawn here from a seed of its own.
        drawn = np.random.default_rng(seed).normal(0, noise, (samples, *images.shape[1:])).astype(np.float32)
        return np.concatenate([average(one + drawn, model, label, samples).numpy() for one in images])

    return arrays


def _occlusion(model: keras.Model, logits: keras.Model, patch: int = 8) -> Callable[[NDArray, int], Any]:
    from tf_explain.core.occlusion_sensitivity import OcclusionSensitivity

    check_count(patch, "patch")
    height, width = logits.input_shape[1:3]
    if height != width or height % patch:
        raise ValueError(
            "tf-explain's occlusion needs square pictures and a patch that divides their side (otherwise it mixes up "
            f"rows and columns, and stretches the map); got {height}x{width} and patch {patch}. Use explain.occlusion."
        )
    method, quiet = OcclusionSensitivity(), _FromPixels(logits)
    return lambda images, label: np.stack(
        [method.get_sensitivity_map(quiet, one * np.float32(255), label, patch) for one in images]
    )


class _FromPixels:
    """What tf-explain's occlusion asks of a model, for pixels from 0 to 255 and without a progress bar."""

    def __init__(self, logits: keras.Model) -> None:
        self._predict = predict_function(logits)

    def predict(self, pixels: NDArray[np.float32], batch_size: int | None = None) -> NDArray[np.float32]:
        """Logits."""
        return self._predict(np.clip(pixels / np.float32(255), 0, 1))


_MAKERS: dict[str, Callable[..., Callable[[NDArray, int], Any]]] = {
    "gradcam": _gradcam,
    "vanilla_gradients": _vanilla_gradients,
    "gradients_inputs": _gradients_inputs,
    "integrated_gradients": _integrated_gradients,
    "smoothgrad": _smoothgrad,
    "occlusion": _occlusion,
}
