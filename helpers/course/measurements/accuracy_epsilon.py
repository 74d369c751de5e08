"""What does a promise cost? Clothing learned privately, at three epsilons and without noise, and who pays."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from helpers.course.measurements.base import Measurement
from helpers.datasets import fashion
from helpers.intervals import Estimate, mean, proportion
from helpers.privacy.dp_training import PrivateRecipe, train_privately
from helpers.privacy.private_network import torch_predict

EPSILONS = (1.0, 3.0, 8.0, math.inf)
PROMISED = 3.0
COST = "Clothing named rightly, without noise minus with noise at epsilon 3, same start and batches"


def accuracy(epsilon: float) -> str:
    """Name the metric: the share of test pictures named rightly.

    Parameters
    ----------
    epsilon : float
        One of :data:`EPSILONS`.

    Returns
    -------
    str
        With epsilon infinity, pictures are drawn and clipped alike, and there is no noise.
    """
    return f"Clothing named rightly, {_promise(epsilon)}"


def noise(epsilon: float) -> str:
    """Name the metric: the noise multiplier of that promise.

    Parameters
    ----------
    epsilon : float
        One of :data:`EPSILONS` but infinity.

    Returns
    -------
    str
        It hangs on sizes alone: the same for every seed.
    """
    return f"Noise multiplier, {_promise(epsilon)}"


def of_class(label: int, epsilon: float) -> str:
    """Name the metric: the share of one class's test pictures named rightly.

    Parameters
    ----------
    label : int
        The class.
    epsilon : float
        3 or infinity.

    Returns
    -------
    str
        The metric.
    """
    return f"{fashion.CLASS_NAMES[label]} named rightly, {_promise(epsilon)}"


def _promise(epsilon: float) -> str:
    return f"epsilon {epsilon:g}" if math.isfinite(epsilon) else "no noise"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Train with each promise from the same start on the same batches.

    Parameters
    ----------
    sizes : mapping
        ``train``, ``test``: pictures; ``epochs``, ``batch``: passes, and pictures in a batch on average.
    seed : int
        Seed of the pictures, of the weights, of the batches and of the noise.

    Returns
    -------
    dict of str to Estimate
        Shares of test pictures, their paired difference, and the noise that each promise took. Delta is 1e-5, the
        accountant PRV; sampling rate and steps follow from the sizes.
    """
    data = fashion.load(train=sizes["train"], calibration=10, test=sizes["test"], seed=seed)
    right: dict[float, NDArray[np.bool_]] = {}
    found: dict[str, Estimate] = {}
    for epsilon in EPSILONS:
        recipe = PrivateRecipe(epsilon=epsilon, expected_batch=sizes["batch"], epochs=sizes["epochs"], seed=seed)
        trained = train_privately(data.train.images, data.train.labels, recipe, classes=10)
        answers = torch_predict(trained.network)(data.test.images).argmax(axis=1)
        right[epsilon] = answers == data.test.labels
        found[accuracy(epsilon)] = proportion(right[epsilon])
        if math.isfinite(epsilon):
            multiplier = trained.spent.noise_multiplier
            found[noise(epsilon)] = Estimate(multiplier, multiplier, multiplier, trained.spent.steps)
    found[COST] = mean(right[math.inf] * 1.0 - right[PROMISED])
    for label in range(len(fashion.CLASS_NAMES)):
        for epsilon in (PROMISED, math.inf):
            found[of_class(label, epsilon)] = proportion(right[epsilon][data.test.labels == label])
    return found


MEASUREMENT = Measurement(
    question="What does privacy cost in accuracy on 10,000 pictures of clothing, and who pays?",
    run=run,
    full={"train": 10_000, "test": 10_000, "epochs": 12, "batch": 512},
    toy={"train": 500, "test": 200, "epochs": 2, "batch": 100},
    bounds={
        **{accuracy(epsilon): (0, 1) for epsilon in EPSILONS},
        **{noise(epsilon): (0, None) for epsilon in EPSILONS[:-1]},
        COST: (-1, 1),
        **{of_class(label, epsilon): (0, 1) for label in range(10) for epsilon in (PROMISED, math.inf)},
    },
    seeds=(4, 5, 6),
)
