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
    "03_interpretable": {
        "a planted copy takes most of a column's importance away": lambda of: (
            of("permutation importance kept, each of two twins").high < 0.5
        ),
        "shuffled together, the twins have it all": lambda of: (
            of("permutation importance kept, twins together").low > 0.8
        ),
        "a forest has learned lottery numbers by heart": lambda of: (
            of("permutation importance of a lottery number, training messages, points").low > 0
        ),
        "a lottery number is of no use on new messages": lambda of: (
            of("permutation importance of a lottery number, test messages, points").high
            < of("permutation importance of a lottery number, training messages, points").value
        ),
        "a surrogate is least faithful where the network errs": lambda of: (
            of("surrogate fidelity, network wrong").high < of("surrogate fidelity").low
        ),
        "moved digits cost a linear model more than the network": lambda of: (
            of("points lost on digits moved by two pixels, more than the network").low > 0
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
        "guided gradients draw two classes more alike than plain ones": lambda of: all(
            of(f"GradCAM for first and {other} answer alike, guided gradients (the default)").low
            > of(f"GradCAM for first and {other} answer alike, plain gradients").high
            for other in ("second", "last")
        ),
    },
    "05_shap": {
        "values add up to a hundredth of a logit": lambda of: (
            max(of(f"additivity error, {name}").high for name in ("KernelSHAP", "PartitionExplainer", "DeepExplainer"))
            < 0.01
        ),
        "GradientExplainer adds up on average only": lambda of: of("additivity error, GradientExplainer").low > 0.01,
        "with drawn orders the error falls with the root": lambda of: (
            abs(of("slope of the error of Shapley values, drawn orders").value + 0.5) < 0.15
        ),
        "KernelSHAP's error falls about as the root": lambda of: all(
            -0.85 < of(f"slope of the error of Shapley values, {way}").value < -0.45
            for way in ("ours", "shap, l1_reg=False")
        ),
        "shap's default stops at the floor of ten values": lambda of: (
            1 <= of("error of shap's default over its floor").value < 1.4
        ),
        "shap's default is more wrong than l1_reg=False": lambda of: (
            of("error of shap's default over l1_reg=False").low > 1.2
        ),
        "against its own class hardly anything is left to explain": lambda of: (
            of("left to explain against a background of its own class").high < 0.5
        ),
        "KernelSHAP beats the centre Gaussian in deletion": lambda of: (
            of("deletion AUC, KernelSHAP ahead of the centre Gaussian").low > 0
        ),
        "mask and deletion metrics are of the same 500 pictures": lambda of: all(
            of(f"{measure}, {name}").n == 500
            for measure in ("pointing game", "relevance mass", "deletion AUC")
            for name in ("KernelSHAP", "PartitionExplainer", "GradientExplainer", "DeepExplainer")
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
        # A copy that is none; twins shuffled each for itself; a forest that learned nothing by heart, or importance on
        # the training messages in both rows; a surrogate judged on what it was trained on; two linear models.
        ("permutation importance kept, each of two twins", 1.0, "takes most of"),
        ("permutation importance kept, twins together", 0.1, "have it all"),
        ("permutation importance of a lottery number, training messages, points", 0.0, "by heart"),
        ("permutation importance of a lottery number, test messages, points", 6.0, "no use"),
        ("surrogate fidelity, network wrong", 0.9, "least faithful"),
        ("points lost on digits moved by two pixels, more than the network", 0.0, "moved digits"),
        # A network that learned no shortcut; edges that are none; a GradCAM that is an edge detector; one map for all.
        ("relevance on the mark, cheating against honest, vanilla gradients", 1.0, "gradients find the mark"),
        ("relevance on the mark, cheating against honest, integrated gradients", 1.0, "integrated gradients find"),
        ("relevance on the mark, cheating against honest, GradCAM", 1.0, "GradCAM finds"),
        ("alike with random weights, edges (planted to fail)", 0.1, "edge detector"),
        ("alike with random weights, GradCAM", 1.0, "GradCAM draws something else"),
        ("GradCAM for first and last answer alike, plain gradients", 0.99, "two classes more alike"),
        # A rule that does not add up; draws that are all the same; a budget that is not used; l1_reg=False where the
        # default was meant, and the default where it was not; a background of many classes; a map without the network.
        ("additivity error, DeepExplainer", 0.5, "add up"),
        ("additivity error, GradientExplainer", 0.0, "on average only"),
        ("slope of the error of Shapley values, drawn orders", -0.1, "drawn orders"),
        ("slope of the error of Shapley values, ours", -0.2, "KernelSHAP's error"),
        ("slope of the error of Shapley values, shap, l1_reg=False", -0.38, "KernelSHAP's error"),
        ("error of shap's default over its floor", 0.4, "floor"),
        ("error of shap's default over its floor", 2.0, "floor"),
        ("error of shap's default over l1_reg=False", 1.0, "more wrong"),
        ("left to explain against a background of its own class", 1.0, "hardly anything"),
        ("deletion AUC, KernelSHAP ahead of the centre Gaussian", -0.01, "KernelSHAP beats"),
    ],
)
def test_a_claim_whose_effect_is_gone_is_noticed(solutions, metric, spoilt, claim):
    records = [
        dataclasses.replace(record, value=spoilt, low=spoilt, high=spoilt) if record.metric == metric else record
        for record in scorecard.read(solutions[0] / "scorecard.json")
    ]
    assert [broken for broken in broken_claims(records) if claim in broken]
