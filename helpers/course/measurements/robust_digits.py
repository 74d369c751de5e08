"""How robust are the digits of notebook 07? Asked by PGD with restarts and by AutoAttack, of hundreds of digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from helpers.attacks.adversarial_recipes import robust_recipe
from helpers.attacks.adversarial_training import adversarially_trained
from helpers.attacks.auto import auto_attack
from helpers.attacks.base import ThreatModel
from helpers.attacks.networks import network
from helpers.attacks.white_box import pgd
from helpers.course.measurements.base import Given, Measurement
from helpers.datasets import digits
from helpers.models.training import load_or_train

EPSILON = 0.2
CLEAN = "Digits read rightly as they are"
PLAIN = "Digits read rightly as they are by a network trained without an attacker"
COST = "Digits read rightly as they are, robust minus plain"
PGD = "Digits read rightly under PGD-50 with 5 restarts"
AUTO = "Digits read rightly under AutoAttack"
AHEAD = "Digits read rightly under PGD-50 with 5 restarts, less under AutoAttack"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Given]:
    """Train as notebook 07 does, and as long without an attacker; attack the robust network.

    Parameters
    ----------
    sizes : mapping
        ``train`` and ``passes``: digits learned from, and how often; ``pictures``: test digits; ``auto``: the first of
        them, which AutoAttack attacks, too.
    seed : int
        Seed of the split, of the training, and of all attacks.

    Returns
    -------
    dict of str to numpy.ndarray
        Digit by digit.
    """
    data = digits.load(train=sizes["train"], calibration=1, test=sizes["pictures"], seed=seed)
    images, labels = data.test.images, data.test.labels
    recipe = robust_recipe("digits", seed)
    recipe = replace(recipe, training=replace(recipe.training, epochs=sizes["passes"]))
    model = adversarially_trained(recipe, data.train, classes=10).model
    plain = load_or_train(recipe.training, data.train, classes=10).model
    right, right_plain = (network(one).ask(images).argmax(axis=1) == labels for one in (model, plain))
    threat, few = ThreatModel(EPSILON), slice(sizes["auto"])
    by_pgd = ~pgd(network(model), images, labels, threat, steps=50, restarts=5, seed=seed).fooled
    by_auto = ~auto_attack(model, images[few], labels[few], threat, seed=seed).fooled
    return {
        CLEAN: right,
        PLAIN: right_plain,
        COST: right * 1 - right_plain,
        PGD: by_pgd,
        AUTO: by_auto,
        AHEAD: by_pgd[few] * 1 - by_auto,
    }


MEASUREMENT = Measurement(
    question="How many digits does the robust network of notebook 07 still read rightly within 0.2?",
    run=run,
    full={"train": 3500, "passes": 24, "pictures": 1000, "auto": 500},
    toy={"train": 960, "passes": 5, "pictures": 60, "auto": 30},
    bounds={CLEAN: (0, 1), PLAIN: (0, 1), COST: (-1, 1), PGD: (0, 1), AUTO: (0, 1), AHEAD: (-1, 1)},
    seeds=(0, 1, 2),
)
