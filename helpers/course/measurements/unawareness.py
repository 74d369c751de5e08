"""Does it help not to look? A classifier that is blind to the tone of skin, beside one that is told it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.linear_model import LogisticRegression

from helpers.course.measurements.base import Measurement
from helpers.datasets import pedestrians
from helpers.fairness.contrasts import contrast_change, signed_contrast
from helpers.intervals import Estimate
from helpers.models.cnn import embedding_model
from helpers.models.prediction import predict_split
from helpers.models.recipes import spine_recipe
from helpers.models.training import load_or_train

DARK, LIGHT = (8, 9, 10), (1, 2, 3)
BLIND = "People found, tones 8-10 minus 1-3, blind to the tone"
TOLD = "People found, tones 8-10 minus 1-3, told the tone"
CHANGE = "People found, tones 8-10 minus 1-3, told minus blind"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Train a network, and fit two classifiers on its embedding: of the picture alone, and of picture and tone.

    Parameters
    ----------
    sizes : mapping
        ``train``, ``calibration``, ``test``: pictures; the classifiers are fitted on the calibration pictures.
    seed : int
        Seed of the pictures and of the training.

    Returns
    -------
    dict of str to Estimate
        The gap of either, and of the same pictures the difference.
    """
    train, calibration, test = (sizes[name] for name in ("train", "calibration", "test"))
    streets = pedestrians.load(train=train, calibration=calibration, test=test, seed=seed)
    model = load_or_train(spine_recipe("pedestrians", seed=seed), streets.train, classes=2).model
    embed = embedding_model(model)
    fitted, asked = streets.calibration, streets.test
    seen = [predict_split(embed, split) for split in (fitted, asked)]
    tone = [split.attributes["tone"].to_numpy() / 10 for split in (fitted, asked)]
    blind, told = (
        LogisticRegression(max_iter=2000).fit(learned, fitted.labels).predict(judged)
        for learned, judged in (seen, [np.column_stack(pair) for pair in zip(seen, tone, strict=True)])
    )
    tones, labels = asked.attributes["tone"], asked.labels
    return {
        BLIND: signed_contrast(labels, blind, tones, plus=DARK, minus=LIGHT),
        TOLD: signed_contrast(labels, told, tones, plus=DARK, minus=LIGHT),
        CHANGE: contrast_change(labels, blind, told, tones, plus=DARK, minus=LIGHT),
    }


MEASUREMENT = Measurement(
    question="Has a classifier that does not see the tone of skin a smaller gap than one that is told it?",
    run=run,
    full={"train": 9600, "calibration": 2400, "test": 12600},
    toy={"train": 1200, "calibration": 600, "test": 600},
    bounds={BLIND: (-1, 1), TOLD: (-1, 1), CHANGE: (-2, 2)},
    seeds=tuple(range(5, 15)),
)
