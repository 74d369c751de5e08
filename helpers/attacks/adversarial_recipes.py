"""How the networks of the course are trained against attacks: those that hold."""

from __future__ import annotations

from dataclasses import replace

from helpers.attacks.adversarial_training import AdversarialRecipe
from helpers.attacks.base import ThreatModel
from helpers.contracts import check_seed
from helpers.models.recipes import Recipe


def robust_recipe(dataset: str, seed: int = 0) -> AdversarialRecipe:
    """How the robust networks of the course are trained.

    Parameters
    ----------
    dataset : {"digits", "fashion", "signs"}
        ``digits`` to hold at 0.2, in some 70 CPU seconds; ``fashion`` at 0.1, in some 20; ``signs`` at 4/255, from the
        spine's weights, in some 25.
    seed : int
        Seed of the recipe.

    Returns
    -------
    AdversarialRecipe
        Its ``threat`` is what it is *trained* against, which may be more than what it is judged at.

    Raises
    ------
    ValueError
        If there is none for this data set.
    """
    check_seed(seed)
    if dataset == "digits":
        # PGD-20 on 500 calibration digits, seed 0, in points: one step of attack, no augmentation 76; shifts 79 to 82;
        # turned and zoomed, too, 84; two steps 87; trained against 0.24 89; three steps and 24 passes 91.
        length = Recipe(epochs=24, batch_size=64, learning_rate=3e-3, seed=seed)
        return AdversarialRecipe(
            length, ThreatModel(0.24), steps=3, step_size=0.5, warm_up=0.5, shift=1, rotation=10.0, zoom=0.1
        )
    if dataset == "fashion":
        # PGD-50 on 300 calibration pictures, seed 0: 65 points; one step and two passes 61; without an attacker 22.
        length = Recipe(epochs=3, batch_size=64, learning_rate=3e-3, seed=seed)
        return AdversarialRecipe(length, ThreatModel(0.1), steps=2, step_size=0.75, warm_up=0.3)
    if dataset == "signs":
        # Two passes against 4/255 held 21 points more than the spine, on 400 test signs; these 30, on as many others.
        length = Recipe(epochs=3, batch_size=64, learning_rate=3e-3, seed=seed)
        return AdversarialRecipe(length, ThreatModel(6 / 255), warm_up=0.25)
    raise ValueError(f"no robust recipe for {dataset!r}; there are digits, fashion and signs")


def published_recipe(seed: int = 0) -> AdversarialRecipe:
    """How a network is trained to hold at 0.3, the epsilon at which papers report MNIST.

    Parameters
    ----------
    seed : int
        Seed of the recipe.

    Returns
    -------
    AdversarialRecipe
        As the digits of :func:`robust_recipe`, against more.
    """
    recipe = robust_recipe("digits", seed)
    return replace(recipe, threat=ThreatModel(0.36), warm_up=0.6)
