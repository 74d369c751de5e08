"""GradCAM, integrated gradients and KernelSHAP beside tf-explain, captum and shap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, Row, Subject, apart, measure, spine
from helpers.contracts import Images, Labels, Predict

if TYPE_CHECKING:
    import keras

BATCH = 128
"""Pictures, or points on the paths of integrated gradients times two, that every contender takes at once."""

IMPORTED = ("tensorflow", "keras", "torch", "captum", "tf_explain", "shap")
"""What must be installed, and whose versions stand above the table."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes
    ----------
    pictures : int
        For GradCAM; as many of each class as there are.
    single : int
        Of these, how many are explained one at a time.
    paths : int
        Pictures for integrated gradients.
    steps : int
        Points on each path.
    players : int
        Superpixels of a picture for Shapley values.
    shap_pictures : int
        Pictures for Shapley values.
    evaluations : int
        Coalitions of superpixels that shap's KernelExplainer asks for each picture.
    pixel_evaluations : int
        The same for pixels; shap's own default for 1,024 of them is 4,096.
    draws : int
        Seeds over which the error of Shapley values is averaged.
    """

    pictures: int = 1000
    single: int = 40
    paths: int = 80
    steps: int = 32
    players: int = 12
    shap_pictures: int = 10
    evaluations: int = 200
    pixel_evaluations: int = 4096
    draws: int = 5


SIZES = Sizes()


def gradcam(subject: Subject, repeats: int, sizes: Sizes = SIZES) -> list[Row]:
    """GradCAM against tf-explain, captum and the model's own forward pass.

    Parameters
    ----------
    subject : Subject
        The model, and pictures whose true classes are explained.
    repeats : int
        Rounds of measurement.
    sizes : Sizes
        How much is measured.

    Returns
    -------
    list of Row
        Four comparisons. The own time includes the ReLU, the enlarging to the size of the picture, and all checks; the
        peers stop at the raw map, and the raw maps are what is compared.
    """
    from helpers import explain, models
    from helpers.explain.gradients import gradcam_maps

    model, images, classes = subject.model, subject.images[: sizes.pictures], subject.labels[: sizes.pictures]
    logits, n, few = models.logits_model(model), len(images), sizes.single
    one = partial(_tf_gradcam, logits, images[:few], classes[:few], 1)
    by_class = partial(_tf_gradcam, logits, images, classes, BATCH)
    captum = partial(_captum_gradcam, models.to_torch(model), images, classes)
    contenders = {
        "own": Contender(partial(explain.gradcam(model, batch_size=BATCH), images, classes), n),
        "forward": Contender(partial(models.predict_function(model, BATCH), images), n),
        "one": Contender(one, few),
        "by class": Contender(by_class, n),
        "captum": Contender(captum, n),
    }
    time_of = measure(contenders, repeats)
    raw = gradcam_maps(model)(images, classes)
    row = partial(Row, f"GradCAM: {n:,} pictures, layer conv3, batches of {BATCH}", own=time_of["own"])
    nothing = float("nan")
    return [
        row("tf-explain, one at a time", time_of["one"], 150, apart=apart(raw[:few], one()), note=f"{few} pictures"),
        row("tf-explain, batched by class", time_of["by class"], 12, apart=apart(raw, by_class())),
        row("captum on the torch twin", time_of["captum"], 2, apart=apart(raw, captum())),
        row("the model's own forward pass", time_of["forward"], 1.5, at_most=True, apart=nothing, note="own / forward"),
    ]


def integrated(subject: Subject, repeats: int, sizes: Sizes = SIZES) -> list[Row]:
    """Integrated gradients against tf-explain and captum, with the same number of steps.

    Parameters
    ----------
    subject, repeats, sizes
        As for :func:`gradcam`.

    Returns
    -------
    list of Row
        Two comparisons.
    """
    from helpers import explain, models

    model, images, classes = subject.model, subject.images[: sizes.paths], subject.labels[: sizes.paths]
    points, n = 2 * BATCH, len(images)
    own = partial(explain.integrated_gradients(model, sizes.steps, batch_size=points), images, classes)
    library = partial(_tf_integrated, models.logits_model(model), images, classes, sizes.steps)
    captum = partial(_captum_integrated, models.to_torch(model), images, classes, sizes.steps, points)
    contenders = {"own": Contender(own, n), "library": Contender(library, n), "captum": Contender(captum, n)}
    time_of = measure(contenders, repeats)
    heading = f"Integrated gradients: {n:,} pictures, {sizes.steps} steps from black, {points} points at once"
    row = partial(Row, heading, own=time_of["own"], target=1.1)
    other_steps = "its steps include both ends, the own are midpoints"
    ties = "the same steps; apart where pixels are exactly alike, and a pool may take either"
    return [
        row("tf-explain, batched by class", time_of["library"], apart=apart(own(), library()), note=other_steps),
        row("captum on the torch twin", time_of["captum"], apart=apart(own(), captum()), note=ties),
    ]


def shap(subject: Subject, repeats: int, sizes: Sizes = SIZES) -> list[Row]:
    """KernelSHAP on superpixels against shap's KernelExplainer, at the same error; and against pixels.

    The error is the root mean square distance from the exact Shapley values of the superpixels, over pictures and
    seeds, as a share of their own root mean square. The own KernelSHAP is given as many coalitions as it needs for an
    error no larger than the library's; where no budget is enough, its time counts as infinite.

    Parameters
    ----------
    subject, repeats, sizes
        As for :func:`gradcam`.

    Returns
    -------
    list of Row
        Two comparisons.
    """
    from helpers import models
    from helpers.explain import shapley
    from helpers.explain.shap_library import library_kernel_shap

    few = slice(sizes.shap_pictures)
    images, classes, background = subject.images[few], subject.labels[few], subject.background
    predict = models.predict_function(models.logits_model(subject.model), 4 * BATCH)
    parts, n = shapley.grid_superpixels(images, sizes.players), len(images)
    exact = _exact(predict, images, classes, parts, background)
    own = partial(shapley.kernel_shap, predict, images, classes, parts, background)
    library = partial(library_kernel_shap, predict, images, classes, parts, background)
    goal = _error(library, sizes.evaluations, exact, sizes.draws)
    enough, reached = _enough(own, goal, exact, sizes)
    every_pixel = np.arange(parts[0].size).reshape(1, *parts[0].shape)
    pixels = partial(library_kernel_shap, predict, images[:1], classes[:1], every_pixel, background)
    own_run, library_run = partial(own, enough, 0), partial(library, sizes.evaluations, 0)
    time_of = measure({"own": Contender(own_run, n), "library": Contender(library_run, n)}, repeats)
    slow = measure({"pixels": Contender(partial(pixels, sizes.pixel_evaluations, 0), 1)}, 1)
    summed = np.bincount(parts[0].ravel(), pixels(sizes.pixel_evaluations, 0)[0])
    heading = f"KernelSHAP: {n} pictures, {sizes.players} superpixels, {len(background)} background"
    # Without the same error there is no comparison: the row is lost then, however fast.
    own_time = time_of["own"] if reached <= goal else float("inf")
    same = f"error {reached:.1%} with {enough} coalitions, shap's {goal:.1%} with {sizes.evaluations}"
    off = _rms(summed - exact[0]) / _rms(exact[0])
    far = f"error {off:.1%} of the parts' sums with {sizes.pixel_evaluations:,}; 1 picture"
    alike, pixel_apart = apart(own_run(), library_run()), apart(exact[:1], summed[None])
    return [
        Row(heading, "shap, the same superpixels", time_of["library"], 1, own_time, alike, note=same),
        Row(heading, "shap, every pixel a player", slow["pixels"], None, own_time, pixel_apart, note=far),
    ]


def _exact(
    predict: Predict, images: Images, classes: Labels, parts: NDArray[np.int64], background: Images
) -> NDArray[np.float64]:
    from helpers.explain import shapley

    values = []
    for image, part, label in zip(images, parts, classes, strict=True):
        game = shapley.picture_game(predict, image, part, background)
        values.append(shapley.exact_shapley(game, int(part.max()) + 1)[:, label])
    return np.stack(values)


def _enough(own: Callable[..., NDArray], goal: float, exact: NDArray, sizes: Sizes) -> tuple[int, float]:
    # The smallest of a ladder of budgets with which the own error is no larger than the goal.
    fewest = 2 * (sizes.players - 1)
    for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0):
        evaluations = max(fewest, int(share * sizes.evaluations))
        reached = _error(own, evaluations, exact, sizes.draws)
        if reached <= goal:
            break
    return evaluations, reached


def _error(method: Callable[..., NDArray], evaluations: int, exact: NDArray, draws: int) -> float:
    return _rms(np.stack([method(evaluations, seed) - exact for seed in range(draws)])) / _rms(exact)


def _rms(values: NDArray) -> float:
    return float(np.sqrt((values**2).mean()))


# ---- the peers, each as its users would call it, for raw maps


def _by_class(classes: Labels, size: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for label in np.unique(classes):
        rows = np.flatnonzero(classes == label)
        for at in range(0, len(rows), size):
            yield int(label), rows[at : at + size]


def _tf_gradcam(logits: keras.Model, images: Images, classes: Labels, size: int) -> Images:
    from tf_explain.core.grad_cam import GradCAM

    maps: list[Any] = [None] * len(images)
    for label, rows in _by_class(classes, size):
        outputs, gradients = GradCAM.get_gradients_and_filters(logits, images[rows], "conv3", label, False)
        for row, found in zip(rows, GradCAM.generate_ponderated_output(outputs, gradients), strict=True):
            maps[row] = found.numpy()
    return np.stack(maps)


def _tf_integrated(logits: keras.Model, images: Images, classes: Labels, steps: int) -> Images:
    from tf_explain.core.integrated_gradients import IntegratedGradients

    maps = np.empty(images.shape[:3], np.float32)
    for label, rows in _by_class(classes, max(1, 2 * BATCH // steps)):
        paths = IntegratedGradients.generate_interpolations(images[rows], steps)
        mean = IntegratedGradients.get_integrated_gradients(paths, logits, label, steps)
        maps[rows] = (mean.numpy() * images[rows]).sum(axis=-1)
    return maps


def _captum_gradcam(twin: Any, images: Images, classes: Labels) -> Images:
    import torch
    from captum.attr import LayerGradCam

    method = LayerGradCam(twin.logits, twin.relu3)  # as in Keras, where the ReLU is a part of conv3
    maps = []
    for at in range(0, len(images), BATCH):
        some = slice(at, at + BATCH)
        found = method.attribute(torch.from_numpy(images[some]), target=torch.from_numpy(classes[some]))
        maps.append(found.detach().numpy()[:, 0])
    return np.concatenate(maps)


def _captum_integrated(twin: Any, images: Images, classes: Labels, steps: int, points: int) -> Images:
    import torch
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(twin.logits).attribute(
        torch.from_numpy(images),
        target=torch.from_numpy(classes),
        n_steps=steps,
        method="riemann_middle",
        internal_batch_size=points,
    )
    return found.numpy().sum(axis=-1)


# ---- what the command line names

ABOUT = "course CNN (the spine of notebook 01, on signs), logits; the true class of each picture"
"""What stands above the table."""

subject = spine
"""What the parts above are given."""

PARTS = {
    "gradcam": gradcam,
    "integrated": integrated,
    "shap": shap,
}
