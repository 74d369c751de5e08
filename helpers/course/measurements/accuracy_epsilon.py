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
RIGHT = "Clothing named rightly"
NOISE = "Noise multiplier"
OF_CLASS = tuple(f"{name} named rightly" for name in fashion.CLASS_NAMES)


def metric(what: str, epsilon: float) -> str:
    """How a metric at a promise is called.

    Parameters
    ----------
    what : str
        One of the names above, but for the cost.
    epsilon : float
        One of :data:`EPSILONS`. With infinity, pictures are drawn and clipped alike, and there is no noise.

    Returns
    -------
    str
        Both.
    """
    return f"{what}, epsilon {epsilon:g}" if math.isfinite(epsilon) else f"{what}, no noise"


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
        found[metric(RIGHT, epsilon)] = proportion(right[epsilon])
        if math.isfinite(epsilon):
            multiplier = trained.spent.noise_multiplier
            found[metric(NOISE, epsilon)] = Estimate(multiplier, multiplier, multiplier, trained.spent.steps)
    found[COST] = mean(right[math.inf] * 1.0 - right[PROMISED])
    for label, what in enumerate(OF_CLASS):
        for epsilon in (PROMISED, math.inf):
            found[metric(what, epsilon)] = proportion(right[epsilon][data.test.labels == label])
    return found


MEASUREMENT = Measurement(
    question="What does privacy cost in accuracy on 10,000 pictures of clothing, and who pays?",
    run=run,
    full={"train": 10_000, "test": 10_000, "epochs": 12, "batch": 512},
    toy={"train": 500, "test": 200, "epochs": 2, "batch": 100},
    bounds={
        **{metric(RIGHT, epsilon): (0, 1) for epsilon in EPSILONS},
        **{metric(NOISE, epsilon): (0, None) for epsilon in EPSILONS[:-1]},
        COST: (-1, 1),
        **{metric(what, epsilon): (0, 1) for what in OF_CLASS for epsilon in (PROMISED, math.inf)},
    },
    seeds=(4, 5, 6, 7, 8),
)
