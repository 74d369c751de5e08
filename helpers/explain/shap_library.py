"""The library shap behind the course's interface: one class at a time, on the logits, seeded, without progress bars.

shap 0.51 on Keras 3 needs some care, and all of it is here: KernelExplainer keeps ten features unless ``l1_reg=False``;
it, PartitionExplainer and GradientExplainer draw from NumPy's global generator; DeepExplainer explains all classes or
none; its retracing of small graphs fills the notebook with warnings.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import shap
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import Predict, check_answers, check_count, check_fits, check_images, check_labels, check_seed
from helpers.explain import shapley
from helpers.explain.base import Explainer, Maps
from helpers.explain.shapley import Segmenter, check_evaluations, check_pictures, check_same_size
from helpers.models.backend import keras, tf
from helpers.models.graphs import logits_of
from helpers.progress import with_bar


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which shap draws from, and put it back as it was.

    Parameters
    ----------
    seed : int
        The seed, for what stands inside ``with seeded(seed):``.
    """
    check_seed(seed)
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def library_kernel_shap(
    predict: Predict,
    images: NDArray[np.float32],
    classes: ArrayLike,
    segments: NDArray[np.int64],
    background: NDArray[np.float32],
    evaluations: int,
    seed: int,
) -> NDArray[np.float64]:
    """The same as :func:`helpers.explain.shapley.kernel_shap`, by the library's KernelExplainer, picture by picture.

    The library is asked for the Shapley values of a game with one player for each superpixel: its pictures are rows of
    ones and zeros, its background a row of zeros, and ``l1_reg=False``.

    Parameters
    ----------
    predict, images, classes, segments, background, evaluations, seed
        As for :func:`helpers.explain.shapley.kernel_shap`.

    Returns
    -------
    numpy.ndarray of float64, shape (N, S)
        The values; parts that a picture does not have get 0.

    Raises
    ------
    TypeError, ValueError
        As for :func:`helpers.explain.shapley.kernel_shap`.

    References
    ----------
    S. M. Lundberg and S.-I. Lee, "A Unified Approach to Interpreting Model Predictions", 2017.
    """
    check_seed(seed)
    checked, numbered, backgrounds = check_pictures(images, segments, background)
    wanted = _check_classes(predict, backgrounds, classes, len(checked))
    most = int(numbered.max()) + 1
    check_evaluations(evaluations, most)
    values = np.zeros((len(checked), most))
    with seeded(seed):
        for row in with_bar(range(len(checked)), "pictures"):
            image, parts = checked[row], numbered[row]
            game = _one_class(shapley.picture_game(predict, image, parts, backgrounds), wanted[row])
            players = int(parts.max()) + 1
            explainer = shap.KernelExplainer(game, np.zeros((1, players)))
            found = explainer.shap_values(np.ones((1, players)), nsamples=evaluations, l1_reg=False, silent=True)
            values[row, :players] = found[0]
    return values


def shap_kernel(
    predict: Predict, segment: Segmenter, background: NDArray[np.float32], *, evaluations: int, seed: int = 0
) -> Explainer:
    """KernelExplainer on superpixels as a method of explanation.

    Parameters
    ----------
    predict, segment, background, evaluations, seed
        As for :func:`helpers.explain.shapley.superpixel_shap`.

    Returns
    -------
    Explainer
        Signed maps that add up to the logit of the picture minus the mean logit of the background.

    Raises
    ------
    TypeError, ValueError
        If the background is no pictures or the evaluations are no count; on use, as for
        :func:`helpers.explain.shapley.kernel_shap`.
    """
    check_seed(seed)
    check_count(evaluations, "evaluations")
    check_images(background, "background")

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> Maps:
        segments = segment(images)
        values = library_kernel_shap(predict, images, classes, segments, background, evaluations, seed)
        return shapley.paint(values, segments)

    return Explainer("shap KernelExplainer", attribute, signed=True)


def shap_gradient(
    model: keras.Model, background: NDArray[np.float32], *, samples: int = 200, seed: int = 0
) -> Explainer:
    """GradientExplainer: expected gradients, which add up only on average over its random draws.

    Parameters
    ----------
    model : keras.Model
        A functional model with a layer named ``logits``.
    background : numpy.ndarray of float32, shape (B, H, W, C)
        Where the paths to each picture start.
    samples : int
        Gradients averaged for each picture.
    seed : int
        Seed of the draw of starts and of places on the paths; every picture of one call gets draws of its own.

    Returns
    -------
    Explainer
        Signed maps, summed over the channels.

    Raises
    ------
    TypeError, ValueError
        If the model is not functional or has no layer ``logits``, the background is no pictures that fit it, or the
        samples are no count.

    References
    ----------
    G. Erion and others, "Improving performance of deep learning models with axiomatic attribution priors and expected
    gradients", 2021.
    """
    check_seed(seed)
    check_count(samples, "samples")
    logits = logits_of(model)
    explainer = shap.GradientExplainer(logits, _background_of(logits, background))

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray:
        checked = check_fits(images, logits.input_shape)
        with seeded(seed), _quiet():
            # The library seeds NumPy's generator itself, with a draw from it where it is given no seed of its own.
            found, _ = explainer.shap_values(
                checked, nsamples=samples, ranked_outputs=classes[:, None], output_rank_order="custom", rseed=seed
            )
        return found[..., 0].sum(axis=3)

    return Explainer("shap GradientExplainer", attribute, signed=True, classes=logits.output_shape[1])


def shap_deep(model: keras.Model, background: NDArray[np.float32]) -> Explainer:
    """DeepExplainer: DeepLIFT's rescale rule, averaged over the background.

    Parameters
    ----------
    model : keras.Model
        A functional model with a layer named ``logits``, of convolutions, dense layers, poolings and the usual
        activations: the library has no rule for other operations, such as depthwise convolutions and ReLU6.
    background : numpy.ndarray of float32, shape (B, H, W, C)
        What each picture is compared with; time and memory grow with B.

    Returns
    -------
    Explainer
        Signed maps, summed over the channels, that add up to the logit of the picture minus the mean logit of the
        background. It raises ValueError where they do not, and for an operation without a rule.

    Raises
    ------
    TypeError, ValueError
        If the model is not functional or has no layer ``logits``, or the background is no pictures that fit it.

    References
    ----------
    A. Shrikumar and others, "Learning Important Features Through Propagating Activation Differences", 2017.
    """
    logits = logits_of(model)
    backgrounds = _background_of(logits, background)
    made: dict[int, Any] = {}

    def of_class(label: int) -> Any:
        # A model of one output for each class: the library has no way to ask for one class of many.
        if label not in made:
            # As inputs and output, not as a model: of a model, the library takes the output of its last layer.
            made[label] = shap.DeepExplainer((logits.inputs, logits.output[:, label : label + 1]), backgrounds)
        return made[label]

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray:
        checked = check_fits(images, logits.input_shape)
        maps = np.empty(checked.shape[:3])
        with _quiet():
            for label in np.unique(classes):
                rows = classes == label
                maps[rows] = _deep_values(of_class(int(label)), checked[rows])[..., 0].sum(axis=3)
        return maps

    return Explainer("shap DeepExplainer", attribute, signed=True, classes=logits.output_shape[1])


def shap_partition(
    predict: Predict, background: NDArray[np.float32], *, evaluations: int = 500, seed: int = 0
) -> Explainer:
    """PartitionExplainer: Owen values of a tree that halves the picture again and again.

    Where the budget ends, a part's value is shared equally by its pixels.

    Parameters
    ----------
    predict : callable
        Pictures (N, H, W, C) to logits (N, K).
    background : numpy.ndarray of float32, shape (1, H, W, C)
        The one picture that stands in for absent parts; the library's masker knows no more than one. Its ``inpaint``
        maskers are for pictures of 0 to 255: of pictures in [0, 1] they keep black and white.
    evaluations : int
        Predictions for each picture, at least 1.
    seed : int
        Seed of the order among equal parts.

    Returns
    -------
    Explainer
        Signed maps, summed over the channels, that add up to the logit of the picture minus that of the background.

    Raises
    ------
    TypeError, ValueError
        If the background is not one picture in [0, 1] or the evaluations are no count; on use, if pictures and
        background differ in size, or a class is out of range.

    References
    ----------
    G. Owen, "Values of Games with a Priori Unions", 1977.
    """
    check_seed(seed)
    check_count(evaluations, "evaluations")
    backgrounds = check_images(background, "background")
    if len(backgrounds) != 1:
        raise ValueError(
            f"PartitionExplainer takes one background picture, got {len(backgrounds)}; their mean, for instance: "
            "background.mean(axis=0, keepdims=True)"
        )
    explainer = shap.PartitionExplainer(_as_float32(predict), shap.maskers.Image(backgrounds[0]))

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray:
        check_same_size(images, backgrounds)
        _check_classes(predict, backgrounds, classes, len(images))
        maps = np.empty(images.shape[:3])
        with seeded(seed):
            for row, label in enumerate(with_bar(classes, "pictures")):
                found = explainer(
                    images[row : row + 1],
                    max_evals=evaluations,
                    batch_size=_PARTITION_BATCH,
                    outputs=np.array([label]),
                    silent=True,
                )
                maps[row] = found.values[0, ..., 0].sum(axis=2)
        return maps

    return Explainer("shap PartitionExplainer", attribute, signed=True)


_PARTITION_BATCH = 50


def _one_class(game: shapley.Game, label: int) -> Callable[[NDArray], NDArray]:
    return lambda coalitions: game(coalitions.astype(bool))[:, label]


def _as_float32(predict: Predict) -> Callable[[NDArray], NDArray]:
    return lambda images: predict(np.asarray(images, np.float32))


def _deep_values(explainer: Any, images: NDArray[np.float32]) -> NDArray[np.float64]:
    try:
        return explainer.shap_values(images)
    except AssertionError as error:
        raise ValueError(f"DeepExplainer's values do not add up to the logit: {error}") from None
    except Exception as error:  # a LookupError, in a type that TensorFlow makes up for each function
        if (found := re.search(r"gradient registry has no entry for: shap_(\w+)", str(error))) is None:
            raise
        raise ValueError(
            f"DeepExplainer has no rule for TensorFlow's operation {found[1]}, which this model uses. Explain it with "
            "shap_gradient, or with superpixel_shap, which needs a predict function only."
        ) from None


def _check_classes(predict: Predict, backgrounds: NDArray[np.float32], classes: ArrayLike, n: int) -> NDArray[np.int64]:
    answers = check_answers(predict(backgrounds), len(backgrounds))
    return check_labels(np.asarray(classes), n, answers.shape[1], "classes")


def _background_of(logits: keras.Model, background: NDArray[np.float32]) -> NDArray[np.float32]:
    return check_fits(check_images(background, "background"), logits.input_shape, "background")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what shap says of every TensorFlow 2 model, and what TensorFlow says of shap's small graphs."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Your TensorFlow version is newer than 2.4.0")
            yield
    finally:
        logger.setLevel(level)
