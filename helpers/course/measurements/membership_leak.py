"""What networks that learned by heart give away: LiRA on sixteen of them, on drawn and on real pictures."""

from __future__ import annotations

from collections.abc import Mapping

from helpers import intervals
from helpers.course.measurements.base import Measurement
from helpers.intervals import Estimate
from helpers.privacy.membership import compare_attacks, lira, loss_threshold, measure_attack
from helpers.privacy.shadows import ShadowRecipe, random_halves, train_shadows

DATASETS = ("signs", "fashion")
AUC = "AUC of LiRA"
PERMILLE = "Members found by LiRA at 0.1% false alarms"
PERCENT = "Members found by LiRA at 1% false alarms"
AHEAD = "AUC of LiRA minus AUC of a loss threshold"
WRONG = "AUC of LiRA by a wrong list of members"
INSIDE = "Members read rightly"
OUTSIDE = "Non-members read rightly"


def metric(name: str, dataset: str) -> str:
    """How a metric of a data set is called.

    Parameters
    ----------
    name : str
        One of the names above.
    dataset : str
        One of :data:`DATASETS`.

    Returns
    -------
    str
        Both.
    """
    return f"{dataset}: {name}"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Train the networks of both data sets, and attack each with all others as its shadow models.

    Parameters
    ----------
    sizes : mapping
        ``models``, ``pictures`` and ``passes``, as in :class:`helpers.privacy.ShadowRecipe`.
    seed : int
        Seed of the recipe and of the resampling.

    Returns
    -------
    dict of str to Estimate
        By metric and data set; n is the number of pictures.
    """
    given: dict[str, Estimate] = {}
    for dataset in DATASETS:
        recipe = ShadowRecipe(
            dataset, pictures=sizes["pictures"], models=sizes["models"], passes=sizes["passes"], seed=seed
        )
        given |= {metric(name, dataset): estimate for name, estimate in _attacked(recipe).items()}
    return given


def _attacked(recipe: ShadowRecipe) -> dict[str, Estimate]:
    shadows = train_shadows(recipe)
    confidences, member = shadows.confidences, shadows.membership
    scores = lira(confidences, member)
    found = measure_attack(scores, member, seed=recipe.seed)
    wrong = random_halves(recipe.models, recipe.pictures, seed=recipe.seed + 1000)
    half = recipe.models // 2
    return {
        AUC: found.auc,
        PERMILLE: found.tpr_at_permille,
        PERCENT: found.tpr_at_percent,
        AHEAD: compare_attacks(scores, loss_threshold(confidences), member, seed=recipe.seed),
        WRONG: measure_attack(lira(confidences, wrong), wrong, seed=recipe.seed).auc,
        INSIDE: intervals.mean((shadows.correct & member).sum(axis=0) / half),
        OUTSIDE: intervals.mean((shadows.correct & ~member).sum(axis=0) / half),
    }


MEASUREMENT = Measurement(
    question="How well does LiRA tell the training pictures of networks that learned by heart, and by a wrong list?",
    run=run,
    full={"models": 16, "pictures": 2000, "passes": 20},
    toy={"models": 16, "pictures": 200, "passes": 8},
    bounds={
        metric(name, dataset): (-1, 1) if name == AHEAD else (0, 1)
        for dataset in DATASETS
        for name in (AUC, PERMILLE, PERCENT, AHEAD, WRONG, INSIDE, OUTSIDE)
    },
    seeds=(0, 1, 2),
)
