"""A DRAFT for helpers/course/measurements, with notebook 09: on signs, epsilon 3 leaves an AUC of 0.515, so add epsilon 1.

Does a private training hold? The same attack on the same pictures and lists, on networks trained at epsilon 3."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Images, Labels, Predict
from helpers.course.measurements.base import Measurement
from helpers.datasets import catalogue
from helpers.datasets.base import Dataset
from helpers.intervals import Estimate, mean
from helpers.privacy.accounting import noise_for
from helpers.privacy.dp_training import PrivateRecipe, train_privately
from helpers.privacy.membership import lira, measure_attack
from helpers.privacy.private_network import torch_predict
from helpers.privacy.shadows import random_halves, shadows_of

AUC = "AUC of LiRA, {}, networks at epsilon 3"
TPR = "Members found at 0.1% false alarms, {}, networks at epsilon 3"
RIGHT = "Test pictures read rightly, {}, networks at epsilon 3"
DATASETS = ("signs", "fashion")
EPSILON, DELTA = 3.0, 1e-5


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Train private networks on halves of a pool, and attack each with the others as its shadow models.

    Parameters
    ----------
    sizes : mapping
        ``pictures`` of the pool, ``test`` pictures, ``models``; ``epochs`` and ``expected_batch`` of each training.
    seed : int
        Seed of the pictures, of who learns from which, and of the trainings.

    Returns
    -------
    dict of str to Estimate
        For each data set the AUC and the share of members found at 0.1% false alarms, with 90% intervals over pictures;
        and the share of test pictures that the networks read rightly, for a network that learned nothing leaks nothing.
    """
    found: dict[str, Estimate] = {}
    for name in DATASETS:
        data = catalogue.load(name, train=sizes["pictures"], calibration=1, test=sizes["test"], seed=seed)
        membership = random_halves(sizes["models"], sizes["pictures"], seed)
        # One noise for all: enough for the fewest pictures, whose sampling rate is the largest, and for the most steps.
        members = membership.sum(axis=1)
        rate = sizes["expected_batch"] / int(members.min())
        steps = sizes["epochs"] * (int(members.max()) // sizes["expected_batch"])
        right: list[NDArray[np.bool_]] = []
        fit = _NotingFit(data, sizes, noise_for(EPSILON, DELTA, rate, steps), right)
        confidences = shadows_of(fit, data.train, membership, classes=len(data.class_names), name=name, seed=seed)
        strength = measure_attack(lira(confidences, membership), membership, seed=seed, confidence=0.9)
        found |= {AUC.format(name): strength.auc, TPR.format(name): strength.tpr_at_permille}
        found[RIGHT.format(name)] = mean(np.mean(right, axis=0))
    return found


class _NotingFit:
    """A private training that also notes which test pictures its networks read rightly."""

    def __init__(self, data: Dataset, sizes: Mapping[str, int], noise: float, right: list[NDArray[np.bool_]]) -> None:
        self.data, self.sizes, self.noise, self.right = data, sizes, noise, right

    def __call__(self, images: Images, labels: Labels, seed: int) -> Predict:
        recipe = PrivateRecipe(
            noise_multiplier=self.noise,
            delta=DELTA,
            expected_batch=self.sizes["expected_batch"],
            epochs=self.sizes["epochs"],
            learning_rate=2.0,
            seed=seed,
        )
        trained = train_privately(images, labels, recipe, classes=len(self.data.class_names))
        if trained.spent.epsilon > EPSILON:
            raise RuntimeError(f"the noise is too little for {len(images):,} pictures: {trained.spent}")
        predict = torch_predict(trained.network)
        test = self.data.test
        self.right.append(predict(test.images).argmax(axis=1) == test.labels)
        return predict


MEASUREMENT = Measurement(
    question="What does LiRA find of the training pictures of private networks?",
    run=run,
    full={"pictures": 2000, "test": 2000, "models": 16, "epochs": 15, "expected_batch": 256},
    toy={"pictures": 260, "test": 100, "models": 8, "epochs": 1, "expected_batch": 65},
    bounds={metric.format(name): (0, 1) for name in DATASETS for metric in (AUC, TPR, RIGHT)},
    seeds=(0, 1, 2),
)
