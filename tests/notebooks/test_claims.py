"""What the course claims, beyond the bands: each claim names its records, and is seen to fail without its effect."""

import dataclasses
import math

import pytest

from helpers import scorecard

CLAIMS = {
    "02_uncertainty": {
        "temperature scaling lowers NLL on the test split": lambda of: (
            of("NLL after temperature scaling").value < of("NLL before temperature scaling").value
        ),
        "the aleatoric part of a planted coin flip is within 0.1 of ln 2": lambda of: (
            abs(of("aleatoric part of planted coin flips").value - math.log(2)) < 0.1
        ),
        "more data takes away at least half of the epistemic part": lambda of: (
            of("epistemic part in rare fog, many against few").high < 0.5
        ),
        "the epistemic part is larger on classes never seen": lambda of: (
            of("epistemic part, near: unseen signs").low > of("epistemic part, test pictures").high
        ),
        "an ensemble's NLL is no worse than one network's": lambda of: (
            of("NLL").low < of("NLL before temperature scaling").high
        ),
    },
    "04_gradcam": {
        "gradients find the mark in the cheating network": lambda of: (
            of("relevance on the mark, cheating against honest, vanilla gradients").value >= 10
        ),
        "integrated gradients find the mark in the cheating network": lambda of: (
            of("relevance on the mark, cheating against honest, integrated gradients").value >= 10
        ),
        "GradCAM finds the mark in the cheating network": lambda of: (
            of("relevance on the mark, cheating against honest, GradCAM").value >= 2
        ),
        "an edge detector draws the same with random weights": lambda of: (
            of("alike with random weights, edges (planted to fail)").value > 0.99
        ),
        "GradCAM draws something else with random weights": lambda of: (
            of("alike with random weights, GradCAM").high < 0.5
        ),
        "guided gradients draw nearly one map for two classes, plain ones do not": lambda of: (
            of("GradCAM for two classes alike, guided gradients (the default)").low
            > of("GradCAM for two classes alike, plain gradients").high
        ),
    },
}


def broken_claims(records):
    """Say which claims the records of a default run do not bear out."""
    found = []
    for notebook, claims in CLAIMS.items():
        by_metric = {record.metric: record for record in records if record.notebook == notebook}
        found += [claim for claim, holds in claims.items() if not holds(by_metric.__getitem__)]
    return found


def test_the_claims_hold(solutions):
    assert broken_claims(scorecard.read(solutions[0] / "scorecard.json")) == []


@pytest.mark.parametrize(
    ("metric", "spoilt", "claim"),
    [
        # A temperature that does nothing; coin flips learned by heart; as many pictures as before; a network that takes
        # strangers for its own.
        ("NLL after temperature scaling", 1.0, "temperature"),
        ("aleatoric part of planted coin flips", 0.4, "coin flip"),
        ("aleatoric part of planted coin flips", 0.8, "coin flip"),
        ("epistemic part in rare fog, many against few", 1.0, "half of the epistemic"),
        ("epistemic part, near: unseen signs", 0.01, "never seen"),
        # A network that learned no shortcut; edges that are none; a GradCAM that is an edge detector; one map for all.
        ("relevance on the mark, cheating against honest, vanilla gradients", 1.0, "gradients find the mark"),
        ("relevance on the mark, cheating against honest, integrated gradients", 1.0, "integrated gradients find"),
        ("relevance on the mark, cheating against honest, GradCAM", 1.0, "GradCAM finds"),
        ("alike with random weights, edges (planted to fail)", 0.1, "edge detector"),
        ("alike with random weights, GradCAM", 1.0, "GradCAM draws something else"),
        ("GradCAM for two classes alike, plain gradients", 0.99, "one map for two classes"),
    ],
)
def test_a_claim_whose_effect_is_gone_is_noticed(solutions, metric, spoilt, claim):
    records = [
        dataclasses.replace(record, value=spoilt, low=spoilt, high=spoilt) if record.metric == metric else record
        for record in scorecard.read(solutions[0] / "scorecard.json")
    ]
    assert [broken for broken in broken_claims(records) if claim in broken]
