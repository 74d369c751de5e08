"""How fast the course's explanations are beside their peers: one run, one model, the same pictures, side by side.

This is a tool, not a notebook: it loads TensorFlow, torch, captum, tf-explain and shap into one process. Contenders are
measured in turn, round after round, so that whatever else the machine does meets all of them; the median counts.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

BATCH = 128
"""Pictures, or points on the paths of integrated gradients times two, that every contender takes at once."""

Images = NDArray[np.float32]
Classes = NDArray[np.int64]


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
    repeats : int
        Rounds of measurement.
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
    repeats: int = 7


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    part : str
        What is measured: a heading of the table.
    peer : str
        What the course's own is measured against.
    other : float
        Microseconds for one picture, the peer's.
    target : float or None
        What ``ratio`` is to reach; None where nothing was promised.
    own : float
        Microseconds for one picture, the course's own.
    apart : float
        Largest difference between the two results, as a share of the largest absolute value of the own; NaN where the
        results are not of the same kind.
    at_most : bool
        Whether the target is an upper bound on ``own / other``, instead of a lower one on ``other / own``.
    note : str
        What has to be known to read the row.
    """

    part: str
    peer: str
    other: float
    target: float | None
    own: float
    apart: float
    at_most: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times the peer's time is the own time; the other way round where the target is an upper bound."""
        return self.own / self.other if self.at_most else self.other / self.own

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


@dataclass(frozen=True)
class Contender:
    """Something that is timed.

    Attributes
    ----------
    run : callable
        Does the work once.
    pictures : int
        How many pictures that explains.
    """

    run: Callable[[], Any]
    pictures: int


def measure(contenders: Mapping[str, Contender], repeats: int) -> dict[str, float]:
    """Time contenders in turn: each once to warm up, then `repeats` rounds.

    Parameters
    ----------
    contenders : mapping of str to Contender
        What is timed.
    repeats : int
        Rounds, at least 1.

    Returns
    -------
    dict of str to float
        Median microseconds for one picture.

    Raises
    ------
    ValueError
        If there is not one round.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    for contender in contenders.values():
        contender.run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, contender in contenders.items():
            started = time.perf_counter()
            contender.run()
            seconds[name].append((time.perf_counter() - started) / contender.pictures)
    return {name: float(np.median(times)) * 1e6 for name, times in seconds.items()}


def gradcam_rows(model: keras.Model, images: Images, classes: Classes, sizes: Sizes) -> list[Row]:
    """GradCAM against tf-explain, captum and the model's own forward pass.

    Parameters
    ----------
    model : keras.Model
        A course CNN.
    images, classes : numpy.ndarray
        Pictures and the classes to explain.
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
    time_of = measure(contenders, sizes.repeats)
    raw = gradcam_maps(model)(images, classes)
    row = partial(Row, f"GradCAM: {n:,} pictures, layer conv3, batches of {BATCH}", own=time_of["own"])
    nothing = float("nan")
    return [
        row("tf-explain, one at a time", time_of["one"], 150, apart=_apart(raw[:few], one()), note=f"{few} pictures"),
        row("tf-explain, batched by class", time_of["by class"], 12, apart=_apart(raw, by_class())),
        row("captum on the torch twin", time_of["captum"], 2, apart=_apart(raw, captum())),
        row("the model's own forward pass", time_of["forward"], 1.5, at_most=True, apart=nothing, note="own / forward"),
    ]


def integrated_rows(model: keras.Model, images: Images, classes: Classes, sizes: Sizes) -> list[Row]:
    """Integrated gradients against tf-explain and captum, with the same number of steps.

    Parameters
    ----------
    model, images, classes, sizes
        As for :func:`gradcam_rows`.

    Returns
    -------
    list of Row
        Two comparisons.
    """
    from helpers import explain, models

    points, n = 2 * BATCH, len(images)
    own = partial(explain.integrated_gradients(model, sizes.steps, batch_size=points), images, classes)
    library = partial(_tf_integrated, models.logits_model(model), images, classes, sizes.steps)
    captum = partial(_captum_integrated, models.to_torch(model), images, classes, sizes.steps, points)
    contenders = {"own": Contender(own, n), "library": Contender(library, n), "captum": Contender(captum, n)}
    time_of = measure(contenders, sizes.repeats)
    heading = f"Integrated gradients: {n:,} pictures, {sizes.steps} steps from black, {points} points at once"
    row = partial(Row, heading, own=time_of["own"], target=1.1)
    other_steps = "its steps include both ends, the own are midpoints"
    ties = "the same steps; apart where pixels are exactly alike, and a pool may take either"
    return [
        row("tf-explain, batched by class", time_of["library"], apart=_apart(own(), library()), note=other_steps),
        row("captum on the torch twin", time_of["captum"], apart=_apart(own(), captum()), note=ties),
    ]


def shap_rows(model: keras.Model, images: Images, classes: Classes, background: Images, sizes: Sizes) -> list[Row]:
    """KernelSHAP on superpixels against shap's KernelExplainer, at the same error; and against pixels.

    The error is the root mean square distance from the exact Shapley values of the superpixels, over pictures and
    seeds, as a share of their own root mean square. The own KernelSHAP is given as many coalitions as it needs for an
    error no larger than the library's; where no budget is enough, its time counts as infinite.

    Parameters
    ----------
    model, images, classes, sizes
        As for :func:`gradcam_rows`.
    background : numpy.ndarray of float32, shape (B, H, W, C)
        What stands in for absent parts.

    Returns
    -------
    list of Row
        Two comparisons.
    """
    from helpers import models
    from helpers.explain import shapley
    from helpers.explain.shap_library import library_kernel_shap

    predict = models.predict_function(models.logits_model(model), 4 * BATCH)
    parts, n = shapley.grid_superpixels(images, sizes.players), len(images)
    exact = _exact(predict, images, classes, parts, background)
    own = partial(shapley.kernel_shap, predict, images, classes, parts, background)
    library = partial(library_kernel_shap, predict, images, classes, parts, background)
    goal = _error(library, sizes.evaluations, exact, sizes.draws)
    enough, reached = _enough(own, goal, exact, sizes)
    every_pixel = np.arange(parts[0].size).reshape(1, *parts[0].shape)
    pixels = partial(library_kernel_shap, predict, images[:1], classes[:1], every_pixel, background)
    own_run, library_run = partial(own, enough, 0), partial(library, sizes.evaluations, 0)
    time_of = measure({"own": Contender(own_run, n), "library": Contender(library_run, n)}, sizes.repeats)
    slow = measure({"pixels": Contender(partial(pixels, sizes.pixel_evaluations, 0), 1)}, 1)
    summed = np.bincount(parts[0].ravel(), pixels(sizes.pixel_evaluations, 0)[0])
    heading = f"KernelSHAP: {n} pictures, {sizes.players} superpixels, {len(background)} background"
    # Without the same error there is no comparison: the row is lost then, however fast.
    own_time = time_of["own"] if reached <= goal else float("inf")
    same = f"error {reached:.1%} with {enough} coalitions, shap's {goal:.1%} with {sizes.evaluations}"
    off = _rms(summed - exact[0]) / _rms(exact[0])
    far = f"error {off:.1%} of the parts' sums with {sizes.pixel_evaluations:,}; 1 picture"
    alike, pixel_apart = _apart(own_run(), library_run()), _apart(exact[:1], summed[None])
    return [
        Row(heading, "shap, the same superpixels", time_of["library"], 1, own_time, alike, note=same),
        Row(heading, "shap, every pixel a player", slow["pixels"], None, own_time, pixel_apart, note=far),
    ]


def _exact(
    predict: Callable[[Images], Images], images: Images, classes: Classes, parts: NDArray[np.int64], background: Images
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


def _apart(own: NDArray, other: NDArray) -> float:
    return float(np.abs(own - other).max() / np.abs(own).max())


# ---- the peers, each as its users would call it, for raw maps


def _by_class(classes: Classes, size: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for label in np.unique(classes):
        rows = np.flatnonzero(classes == label)
        for at in range(0, len(rows), size):
            yield int(label), rows[at : at + size]


def _tf_gradcam(logits: keras.Model, images: Images, classes: Classes, size: int) -> Images:
    from tf_explain.core.grad_cam import GradCAM

    maps: list[Any] = [None] * len(images)
    for label, rows in _by_class(classes, size):
        outputs, gradients = GradCAM.get_gradients_and_filters(logits, images[rows], "conv3", label, False)
        for row, found in zip(rows, GradCAM.generate_ponderated_output(outputs, gradients), strict=True):
            maps[row] = found.numpy()
    return np.stack(maps)


def _tf_integrated(logits: keras.Model, images: Images, classes: Classes, steps: int) -> Images:
    from tf_explain.core.integrated_gradients import IntegratedGradients

    maps = np.empty(images.shape[:3], np.float32)
    for label, rows in _by_class(classes, max(1, 2 * BATCH // steps)):
        paths = IntegratedGradients.generate_interpolations(images[rows], steps)
        mean = IntegratedGradients.get_integrated_gradients(paths, logits, label, steps)
        maps[rows] = (mean.numpy() * images[rows]).sum(axis=-1)
    return maps


def _captum_gradcam(twin: Any, images: Images, classes: Classes) -> Images:
    import torch
    from captum.attr import LayerGradCam

    method = LayerGradCam(twin.logits, twin.relu3)  # as in Keras, where the ReLU is a part of conv3
    maps = []
    for at in range(0, len(images), BATCH):
        some = slice(at, at + BATCH)
        found = method.attribute(torch.from_numpy(images[some]), target=torch.from_numpy(classes[some]))
        maps.append(found.detach().numpy()[:, 0])
    return np.concatenate(maps)


def _captum_integrated(twin: Any, images: Images, classes: Classes, steps: int, points: int) -> Images:
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


# ---- the whole run


PARTS = ("gradcam", "integrated", "shap")


def run(
    model: keras.Model,
    images: Images,
    classes: Classes,
    background: Images,
    sizes: Sizes | None = None,
    parts: Sequence[str] = PARTS,
) -> list[Row]:
    """Measure.

    Parameters
    ----------
    model : keras.Model
        A course CNN.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1]; each part takes as many as it needs, from the first on.
    classes : numpy.ndarray of int64, shape (N,)
        The class to explain in each.
    background : numpy.ndarray of float32, shape (B, H, W, C)
        What stands in for absent parts in KernelSHAP.
    sizes : Sizes, optional
        How much is measured.
    parts : sequence of str
        Of ``PARTS``.

    Returns
    -------
    list of Row
        The comparisons, in the order of `parts`.
    """
    how = sizes or Sizes()
    rows: list[Row] = []
    with _equal_threads(), _quiet():
        if "gradcam" in parts:
            rows += gradcam_rows(model, images[: how.pictures], classes[: how.pictures], how)
        if "integrated" in parts:
            rows += integrated_rows(model, images[: how.paths], classes[: how.paths], how)
        if "shap" in parts:
            few = slice(how.shap_pictures)
            rows += shap_rows(model, images[few], classes[few], background, how)
    return rows


def table(rows: Sequence[Row]) -> str:
    """The comparisons as text.

    Parameters
    ----------
    rows : sequence of Row
        From :func:`run`.

    Returns
    -------
    str
        A heading for each part, and below it a line for each peer.
    """
    lines: list[str] = []
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            names = f"{'own':>10} {'peer':>11} {'ratio':>8} {'target':>8} {'met':>5} {'apart':>8}"
            lines += ["", part, f"  {'us for one picture, against':36}{names}"]
        goal = "-" if row.target is None else f"{'<=' if row.at_most else '>='} {row.target:g}"
        met = {None: "-", True: "yes", False: "NO"}[row.met]
        apart = "-" if np.isnan(row.apart) else f"{row.apart:.0e}"
        numbers = f"{row.own:10,.1f} {row.other:11,.1f} {row.ratio:8,.2f} {goal:>8} {met:>5} {apart:>8}"
        lines.append(f"  {row.peer:36}{numbers}  {row.note}".rstrip())
    return "\n".join(lines).lstrip("\n")


def main(parts: Sequence[str] = PARTS, repeats: int = Sizes.repeats) -> int:
    """Measure on the course's own model and pictures, and print the table.

    Parameters
    ----------
    parts : sequence of str
        Of ``PARTS``.
    repeats : int
        Rounds of measurement.

    Returns
    -------
    int
        0: a missed target is said, and is no failure, for how busy a machine is says nothing about the code.

    Raises
    ------
    CourseError
        If a peer is not installed.
    """
    from helpers import datasets, models

    _check_peers()
    data = datasets.load("signs")
    model = models.spine(data).model
    sizes = Sizes(repeats=repeats)
    chosen = _evenly(data.test.labels, sizes.pictures)
    images, classes = data.test.take(chosen).images, data.test.labels[chosen]
    background = data.calibration.take(slice(256)).images.mean(axis=0, keepdims=True)
    print(_setting(data.name), flush=True)
    rows = run(model, images, classes, background, sizes, parts)
    judged = [row.met for row in rows if row.met is not None]
    print("\n" + table(rows))
    print(f"\n{sum(judged)} of {len(judged)} targets met. Medians of {repeats} rounds in turn, after one to warm up.")
    print("apart: the largest difference of the two results, as a share of the largest own value.")
    return 0


def _check_peers() -> None:
    from importlib.util import find_spec

    from helpers.errors import CourseError

    missing = [name for name in ("captum", "torch", "tf_explain", "shap") if find_spec(name) is None]
    if missing:
        raise CourseError(f"not installed here: {', '.join(missing)}. 'make bench' sets up all that is compared.")


def _evenly(labels: Classes, count: int) -> NDArray[np.int64]:
    # The first pictures of each class, in turn: every beginning of the list holds the classes as evenly as it can.
    place = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        place[rows] = np.arange(len(rows))
    return np.argsort(place, kind="stable")[:count]


def _setting(dataset: str) -> str:
    import platform
    from importlib.metadata import version

    names = ("tensorflow-cpu", "keras", "torch", "captum", "tf-explain", "shap")
    load = os.getloadavg()[0]
    busy = " (busy: these times are provisional)" if load > 0.5 else ""
    return (
        f"course CNN (the spine of notebook 01, on {dataset}), logits; explained: the true class\n"
        f"{platform.machine()}, {_cores()} cores, all for TensorFlow and for torch; load before: {load:.1f}{busy}\n"
        + ", ".join(f"{name} {version(name)}" for name in names)
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@contextmanager
def _equal_threads() -> Iterator[None]:
    import torch

    from helpers.models.backend import tf

    before = torch.get_num_threads()
    # 0 means all cores; TensorFlow cannot be told otherwise once it has run something, so torch follows it.
    torch.set_num_threads(tf.config.threading.get_intra_op_parallelism_threads() or _cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    # tf-explain traces a graph for each class and each batch, and says so; Keras warns of its nested inputs.
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
