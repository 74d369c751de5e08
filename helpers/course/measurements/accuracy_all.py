"""More pictures are the cheapest privacy: epsilon 3 on all the clothing there is, by a network and by HOG."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from helpers.course.measurements.base import Measurement
from helpers.datasets import fashion
from helpers.intervals import Estimate, proportion
from helpers.privacy.accounting import noise_for
from helpers.privacy.broken import HONEST, Plan, linear_probe, trained_with
from helpers.privacy.dp_training import PrivateRecipe, train_privately
from helpers.privacy.handcrafted import handcrafted_features
from helpers.privacy.private_network import one_thread, torch_predict

EPSILON, DELTA = 3.0, 1e-5
NETWORK = "Clothing named rightly, all of the training pictures, network, epsilon 3"
LINEAR = "Clothing named rightly, all of the training pictures, linear model on handcrafted features, epsilon 3"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Train both with the same promise, the same sampling rate and the same number of steps.

    Parameters
    ----------
    sizes : mapping
        ``train``, ``test``: pictures; ``epochs``, ``batch``: passes, and pictures in a batch on average.
    seed : int
        Seed of the pictures, of the weights, of the batches and of the noise.

    Returns
    -------
    dict of str to Estimate
        Shares of test pictures. Features and their scale are constants, so they cost no epsilon.
    """
    data = fashion.load(train=sizes["train"], calibration=1, test=sizes["test"], seed=seed)
    images, labels, test = data.train.images, data.train.labels, data.test
    rate, steps = sizes["batch"] / len(images), sizes["epochs"] * (len(images) // sizes["batch"])
    noise = noise_for(EPSILON, DELTA, rate, steps)
    recipe = PrivateRecipe(
        noise_multiplier=noise,
        delta=DELTA,
        expected_batch=sizes["batch"],
        epochs=sizes["epochs"],
        learning_rate=4.0,
        seed=seed,
    )
    with one_thread():
        network = train_privately(images, labels, recipe, classes=10).network
        rows, judged = (handcrafted_features(each)[:, None, None, :] for each in (images, test.images))
        plan = Plan(rate, steps, noise, norm=1.0, learning_rate=4.0)
        linear = trained_with(HONEST, linear_probe(rows.shape[1:], 10), rows, labels, plan, seed=seed)
        answers = {NETWORK: torch_predict(network)(test.images), LINEAR: torch_predict(linear)(judged)}
    return {name: proportion(np.equal(each.argmax(axis=1), test.labels)) for name, each in answers.items()}


MEASUREMENT = Measurement(
    question="What does epsilon 3 leave when all pictures of clothing are learned from?",
    run=run,
    full={"train": 59_999, "test": 10_000, "epochs": 20, "batch": 2048},
    toy={"train": 500, "test": 200, "epochs": 2, "batch": 100},
    bounds={NETWORK: (0, 1), LINEAR: (0, 1)},
    seeds=(0, 1, 2),
)
