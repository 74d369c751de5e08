"""Does a private training hold? The same attack on the same pictures and lists, on networks trained privately."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Images, Labels, Predict
from helpers.course.measurements.base import Measurement
from helpers.datasets import catalogue
from helpers.datasets.base import Dataset
from helpers.intervals import Estimate, mean
from helpers.privacy.accounting import Accountant, noise_for
from helpers.privacy.dp_training import PrivateRecipe, train_privately
from helpers.privacy.membership import lira, measure_attack
from helpers.privacy.private_network import torch_predict
from helpers.privacy.shadows import random_halves, shadows_of

AUC = "AUC of LiRA"
PERMILLE = "Members found by LiRA at 0.1% false alarms"
RIGHT = "Test pictures read rightly"
DATASETS = ("signs", "fashion")
EPSILONS = (1.0, 3.0)
DELTA = 1e-5
ACCOUNTANT: Accountant = "rdp"
"""PRV would ask for a little less noise, and takes half a second for the bill of each network."""


def metric(name: str, dataset: str, epsilon: float) -> str:
    """How a metric of a data set and a promise is called.

    Parameters
    ----------
    name : str
        One of the names above.
    dataset : str
        One of :data:`DATASETS`.
    epsilon : float
        One of :data:`EPSILONS`.

    Returns
    -------
    str
        All three.
    """
    return f"{dataset}: {name}, networks at epsilon {epsilon:g}"


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
        For each data set and epsilon the AUC and the share of members found at 0.1% false alarms, with 90% intervals
        over pictures; and the share of test pictures that the networks read rightly, for a network that learned nothing
        leaks nothing.
    """
    found: dict[str, Estimate] = {}
    for name in DATASETS:
        data = catalogue.load(name, train=sizes["pictures"], calibration=1, test=sizes["test"], seed=seed)
        membership = random_halves(sizes["models"], sizes["pictures"], seed)
        for epsilon in EPSILONS:
            attacked = _attacked(data, membership, sizes, epsilon, seed)
            found |= {metric(each, name, epsilon): estimate for each, estimate in attacked.items()}
    return found


def _attacked(
    data: Dataset, membership: NDArray[np.bool_], sizes: Mapping[str, int], epsilon: float, seed: int
) -> dict[str, Estimate]:
    # One noise for all: enough for the fewest pictures, whose sampling rate is the largest, and for the most steps.
    members, batch = membership.sum(axis=1), sizes["expected_batch"]
    steps = sizes["epochs"] * (int(members.max()) // batch)
    noise = noise_for(epsilon, DELTA, batch / int(members.min()), steps, ACCOUNTANT)
    right: list[NDArray[np.bool_]] = []

    def fit(images: Images, labels: Labels, own: int) -> Predict:
        recipe = PrivateRecipe(
            noise_multiplier=noise,
            delta=DELTA,
            accountant=ACCOUNTANT,
            expected_batch=batch,
            epochs=sizes["epochs"],
            learning_rate=2.0,
            seed=own,
        )
        trained = train_privately(images, labels, recipe, classes=len(data.class_names))
        if trained.spent.epsilon > epsilon:
            raise RuntimeError(f"the noise is too little for {len(images):,} pictures: {trained.spent}")
        predict = torch_predict(trained.network)
        right.append(predict(data.test.images).argmax(axis=1) == data.test.labels)
        return predict

    confidences = shadows_of(fit, data.train, membership, classes=len(data.class_names), name=data.name, seed=seed)
    strength = measure_attack(lira(confidences, membership), membership, seed=seed, confidence=0.9)
    return {AUC: strength.auc, PERMILLE: strength.tpr_at_permille, RIGHT: mean(np.mean(right, axis=0))}


MEASUREMENT = Measurement(
    question="What does LiRA find of the training pictures of private networks?",
    run=run,
    full={"pictures": 2000, "test": 2000, "models": 16, "epochs": 15, "expected_batch": 256},
    toy={"pictures": 260, "test": 100, "models": 8, "epochs": 1, "expected_batch": 65},
    bounds={
        metric(name, dataset, epsilon): (0, 1)
        for dataset in DATASETS
        for epsilon in EPSILONS
        for name in (AUC, PERMILLE, RIGHT)
    },
    seeds=(0, 1, 2),
)
