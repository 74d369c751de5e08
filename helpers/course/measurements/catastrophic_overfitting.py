"""Catastrophic overfitting on digits, and the same epsilon mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from helpers.attacks.adversarial_training import adversarially_trained
from helpers.attacks.base import ThreatModel
from helpers.attacks.collapse import COLLAPSES_AT, collapsing_recipe, mended_recipe
from helpers.attacks.networks import network
from helpers.attacks.white_box import fgsm, pgd
from helpers.course.measurements.base import Measurement
from helpers.datasets import digits
from helpers.intervals import Estimate, proportion

FGSM = "Trained against FGSM: digits read rightly under FGSM"
PGD = "Trained against FGSM: digits read rightly under PGD-50"
MENDED_FGSM = "Trained against PGD-7: digits read rightly under FGSM"
MENDED_PGD = "Trained against PGD-7: digits read rightly under PGD-50"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Train by both recipes, and attack both networks within the same epsilon.

    Parameters
    ----------
    sizes : mapping
        ``train``: digits learned from; ``collapsing`` and ``mended``: how often by each recipe; ``pictures``: test
        digits attacked.
    seed : int
        Seed of the split, of the training and of the attack.

    Returns
    -------
    dict of str to Estimate
        Shares of all digits.
    """
    data = digits.load(train=sizes["train"], calibration=1, test=sizes["pictures"], seed=seed)
    images, labels, threat = data.test.images, data.test.labels, ThreatModel(COLLAPSES_AT)
    given: dict[str, Estimate] = {}
    for recipe, passes, names in (
        (collapsing_recipe(seed), sizes["collapsing"], (FGSM, PGD)),
        (mended_recipe(seed), sizes["mended"], (MENDED_FGSM, MENDED_PGD)),
    ):
        longer = replace(recipe, training=replace(recipe.training, epochs=passes))
        net = network(adversarially_trained(longer, data.train, classes=10).model)
        # As shares: which digits a network that collapses reads hangs on the order of sums in its training.
        given[names[0]] = proportion(~fgsm(net, images, labels, threat).fooled)
        given[names[1]] = proportion(~pgd(net, images, labels, threat, steps=50, seed=seed).fooled)
    return given


MEASUREMENT = Measurement(
    question="How far apart are FGSM and PGD on a network that collapsed, and on one that was mended?",
    run=run,
    full={"train": 3500, "collapsing": 7, "mended": 24, "pictures": 500},
    toy={"train": 960, "collapsing": 7, "mended": 3, "pictures": 30},
    bounds=dict.fromkeys((FGSM, PGD, MENDED_FGSM, MENDED_PGD), (0, 1)),
)
