"""Are signs hardened by notebook 07 worth their training? All of its pictures, where the notebook takes a third."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from helpers.attacks.adversarial_recipes import robust_recipe
from helpers.attacks.adversarial_training import adversarially_trained
from helpers.attacks.base import ThreatModel
from helpers.attacks.networks import network
from helpers.attacks.white_box import pgd
from helpers.course.measurements.base import Measurement
from helpers.datasets import signs
from helpers.intervals import Estimate, mean, proportion
from helpers.models.recipes import spine_recipe
from helpers.models.training import load_or_train

EPSILON = 4 / 255
PLAIN = "Signs read rightly under PGD-20 within 4/255, tuned without an attacker"
HARDENED = "Signs read rightly under PGD-20 within 4/255, hardened"
GAINED = "Signs read rightly under PGD-20 within 4/255, hardened minus plain"
SINCE = "Signs read rightly under PGD-20 within 4/255, hardened minus the network before"
COST = "Signs read rightly as they are, hardened minus plain"
NIGHT = "Signs at night read rightly as they are, hardened minus plain"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Fine-tune the network of notebook 01 with and without an attacker, as notebook 07 does, and attack both.

    Parameters
    ----------
    sizes : mapping
        ``train`` and ``passes``: signs learned from, and how often in each of the two trainings; ``test``: signs read
        as they are; ``pictures``: the first of them, which are attacked; ``night``: how many of those at night are
        counted apart, the first ones.
    seed : int
        Seed of the signs, of the trainings and of the attack.

    Returns
    -------
    dict of str to Estimate
        Shares of signs, and differences of shares, sign by sign.
    """
    roads = signs.load(train=sizes["train"], calibration=10, test=sizes["test"], seed=seed)
    classes, test = len(roads.class_names), roads.test
    plan = spine_recipe("signs", seed=seed)
    start = load_or_train(replace(plan, epochs=sizes["passes"]), roads.train, classes=classes).model
    hardening = robust_recipe("signs", seed)
    hardening = replace(hardening, training=replace(hardening.training, epochs=sizes["passes"]))
    attacked = slice(sizes["pictures"])
    recipes = {"plain": replace(hardening, threat=ThreatModel(0.0)), "hardened": hardening}
    nets = {"before": network(start)} | {
        name: network(adversarially_trained(recipe, roads.train, classes=classes, start=start).model)
        for name, recipe in recipes.items()
    }
    right, held = {}, {}
    for name, net in nets.items():
        right[name] = net.ask(test.images).argmax(axis=1) == test.labels
        images, labels = test.images[attacked], test.labels[attacked]
        held[name] = ~pgd(net, images, labels, ThreatModel(EPSILON), steps=20, seed=seed).fooled
    cost = right["hardened"] * 1.0 - right["plain"]
    # As shares: many signs stand on the edge, and the order of sums in a training decides which of them hold.
    return {
        PLAIN: proportion(held["plain"]),
        HARDENED: proportion(held["hardened"]),
        GAINED: mean(held["hardened"] * 1.0 - held["plain"]),
        SINCE: mean(held["hardened"] * 1.0 - held["before"]),
        COST: mean(cost),
        NIGHT: mean(cost[test.attributes["light"].to_numpy() == "night"][: sizes["night"]]),
    }


MEASUREMENT = Measurement(
    question="What does hardening buy on all training signs of notebook 07, and what does it cost?",
    run=run,
    full={"train": 12000, "test": 4000, "pictures": 1000, "night": 900, "passes": 3},
    toy={"train": 2000, "test": 100, "pictures": 40, "night": 12, "passes": 2},
    bounds={PLAIN: (0, 1), HARDENED: (0, 1), GAINED: (-1, 1), SINCE: (-1, 1), COST: (-1, 1), NIGHT: (-1, 1)},
    seeds=(0, 1, 2),
)
