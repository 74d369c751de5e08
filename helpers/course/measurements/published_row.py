"""MNIST within 0.3, as papers report it, by a network that learned from a few thousand digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from helpers.attacks.adversarial_recipes import published_recipe
from helpers.attacks.adversarial_training import adversarially_trained
from helpers.attacks.auto import auto_attack
from helpers.attacks.base import ThreatModel
from helpers.attacks.networks import network
from helpers.course.measurements.base import Given, Measurement
from helpers.datasets import digits

EPSILON = 0.3
TRAINED_ON = {"few": "1,000", "more": "2,000", "most": "4,000"}


def clean(size: str) -> str:
    """The metric of digits as they are, after training on a size of :data:`TRAINED_ON`."""
    return f"Digits read rightly as they are, trained on {TRAINED_ON[size]}"


def robust(size: str) -> str:
    """The metric of attacked digits, after training on a size of :data:`TRAINED_ON`."""
    return f"Digits read rightly under AutoAttack, trained on {TRAINED_ON[size]}"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Given]:
    """Train on three numbers of digits, with as many steps each, and attack all three networks on the same digits.

    Parameters
    ----------
    sizes : mapping
        ``few``, ``more`` and ``most``: digits learned from; ``passes``: over ``most`` of them, and more often over
        fewer; ``pictures``: test digits attacked.
    seed : int
        Seed of the split, of the training and of the attack.

    Returns
    -------
    dict of str to numpy.ndarray
        Digit by digit.
    """
    data = digits.load(train=sizes["most"], calibration=1, test=sizes["pictures"], seed=seed)
    images, labels = data.test.images, data.test.labels
    given: dict[str, Given] = {}
    for size in TRAINED_ON:
        recipe = published_recipe(seed)
        passes = sizes["passes"] * sizes["most"] // sizes[size]
        recipe = replace(recipe, training=replace(recipe.training, epochs=passes))
        model = adversarially_trained(recipe, data.train.take(slice(sizes[size])), classes=10).model
        given[clean(size)] = network(model).ask(images).argmax(axis=1) == labels
        given[robust(size)] = ~auto_attack(model, images, labels, ThreatModel(EPSILON), seed=seed).fooled
    return given


MEASUREMENT = Measurement(
    question="How many digits are read rightly under AutoAttack within 0.3, after training on how many?",
    run=run,
    full={"few": 1000, "more": 2000, "most": 4000, "passes": 20, "pictures": 100},
    toy={"few": 240, "more": 480, "most": 960, "passes": 5, "pictures": 10},
    bounds={name(size): (0, 1) for name in (clean, robust) for size in TRAINED_ON},
    seeds=(0, 1, 2),
)
