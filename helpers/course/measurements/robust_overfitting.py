"""Robust overfitting: a network that holds on what it learned from, and on less of what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from helpers.attacks.adversarial_recipes import robust_recipe
from helpers.attacks.adversarial_training import adversarially_trained
from helpers.attacks.base import ThreatModel
from helpers.attacks.networks import network
from helpers.attacks.white_box import pgd
from helpers.course.measurements.base import Given, Measurement
from helpers.datasets import digits

EPSILON = 0.2
OLD = "Digits of the training read rightly under PGD-20, after the last pass"
NEW = "New digits read rightly under PGD-20, after the last pass"
STOPPED = "New digits read rightly under PGD-20, stopped early minus after the last pass"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Given]:
    """Train against PGD on few digits and often, without augmentation; once to the end, and once stopped early.

    Parameters
    ----------
    sizes : mapping
        ``train`` and ``passes``: digits learned from, and how often; ``watched``: calibration digits by which the early
        stop chooses its pass; ``pictures``: test digits attacked.
    seed : int
        Seed of the split, of the training and of the attack.

    Returns
    -------
    dict of str to numpy.ndarray
        Digit by digit.
    """
    data = digits.load(train=sizes["train"], calibration=sizes["watched"], test=sizes["pictures"], seed=seed)
    recipe = robust_recipe("digits", seed)
    last = replace(
        recipe,
        training=replace(recipe.training, epochs=sizes["passes"]),
        threat=ThreatModel(EPSILON),
        shift=0,
        rotation=0.0,
        zoom=0.0,
        watched=sizes["watched"],
    )
    best = replace(last, keep="best")
    to_the_end, stopped = (
        network(adversarially_trained(each, data.train, data.calibration, classes=10).model) for each in (last, best)
    )
    held = {
        name: ~pgd(net, split.images, split.labels, last.threat, steps=20, seed=seed).fooled
        for name, net, split in (
            (OLD, to_the_end, data.train),
            (NEW, to_the_end, data.test),
            (STOPPED, stopped, data.test),
        )
    }
    return {OLD: held[OLD], NEW: held[NEW], STOPPED: held[STOPPED] * 1 - held[NEW]}


MEASUREMENT = Measurement(
    question="How much of what a network holds on the digits that it learned from does it hold on others?",
    run=run,
    full={"train": 300, "passes": 60, "watched": 200, "pictures": 1000},
    toy={"train": 120, "passes": 20, "watched": 20, "pictures": 60},
    bounds={OLD: (0, 1), NEW: (0, 1), STOPPED: (-1, 1)},
    seeds=(0, 1, 2),
)
