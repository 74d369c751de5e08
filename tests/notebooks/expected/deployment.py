"""What notebook 10 claims, how each of its records would be spoilt, and its titles with both outcomes."""

import numpy as np

from helpers.intervals import Estimate

APART = "largest difference of a probability, service and network"
COVERAGE = "coverage of 90% sets"
BEFORE = "own pictures called strange, before the release"
AFTER = "own pictures called strange, after the release"
DIGITS = "digits called strange"
KEPT = "wrong answers that the taxi acts on"
OURS = "spoilt bundles let in"
SIGNATURE = "spoilt bundles let in by the signature alone"
STOLEN = "stolen network, agreement with probabilities"
HELPS = "stolen network, probabilities minus the class alone"

CLAIMS = {
    "the service answers what the network answers": lambda of: of(APART).value < 1e-5,
    "its sets hold what they promise": lambda of: 0.86 < of(COVERAGE).value < 0.94,
    "its flag accuses as few of ours as it was set to": lambda of: of(BEFORE).low < 0.08 and of(AFTER).low < 0.08,
    "as few after as before": lambda of: of(AFTER).low < of(BEFORE).high and of(BEFORE).low < of(AFTER).high,
    "it sees some strangers": lambda of: of(DIGITS).low > of(AFTER).high,
    "the taxi's rule leaves few mistakes": lambda of: of(KEPT).high < 0.1,
    "no spoilt bundle is let in": lambda of: of(OURS).value == 0,
    "a signature alone lets some in": lambda of: of(SIGNATURE).value > 0,
    "a thief learns from answers": lambda of: of(STOLEN).low > 0.3,
}

SPOILT_CLAIMS = [
    (APART, 0.01, "answers what the network answers"),
    (COVERAGE, 0.99, "hold what they promise"),
    (BEFORE, 0.2, "as few of ours as it was set to"),
    (AFTER, 0.2, "as few of ours as it was set to"),
    (DIGITS, 0.05, "sees some strangers"),
    (KEPT, 0.2, "leaves few mistakes"),
    (OURS, 0.6, "no spoilt bundle"),
    (SIGNATURE, 0.0, "a signature alone"),
    (STOLEN, 0.1, "a thief learns"),
]

SPOILT = {
    APART: ("the temperature is left out", lambda of, own: 0.05),
    COVERAGE: ("the truth has chosen the sets", lambda of, own: 1.0),
    "|".join((BEFORE, AFTER)): ("the flag is set by chance", lambda of, own: 0.5),
    DIGITS: ("the flag is off", lambda of, own: 0.0),
    KEPT: ("the rule lets everything through, on a network that guesses", lambda of, own: 0.9),
    OURS: ("the signature alone is asked", lambda of, own: of(SIGNATURE)),
    SIGNATURE: ("nothing is planted", lambda of, own: 0.0),
    STOLEN: ("the thief is told classes drawn by lot", lambda of, own: 0.1),
    HELPS: ("probabilities are told as one class, another one", lambda of, own: -0.6),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}


def _gain(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 2000)


TITLES = {
    "refusals_title": [
        (
            (np.array([200, 500, 500]), np.array([200, 422, 422])),
            "Questions answered with 'I am broken': 2 by the tutorial's server, 0 by ours",
        ),
        (
            (np.array([200, 400]), np.array([200, 503])),
            "Questions answered with 'I am broken': 0 by the tutorial's server, 1 by ours",
        ),
    ],
    "noticed_title": [
        (({"digits": _gain(0.3, 0.4), "noise": _gain(0, 0.02)},), "Called strange: 35% of digits, 1% of noise"),
        (({"digits": _gain(0.3, 0.4), "noise": _gain(0.9, 1)},), "Called strange: 95% of noise, 35% of digits"),
    ],
    "guards_title": [
        (
            ({"as it comes": {"a": True, "b": False}, "ours": {"a": False, "b": False}},),
            "'as it comes' lets 1 of 2 in, 'ours' lets 0 of 2 in",
        ),
        (({"as it comes": {"a": False}, "ours": {"a": True}},), "'as it comes' lets 0 of 1 in, 'ours' lets 1 of 1 in"),
    ],
    "cost_title": [
        (
            ({"network": [1, 1], "rest": [3, 9]}, ["PNG", "JSON"]),
            "The network is 25% of an answer to PNG, 10% of an answer to JSON",
        ),
        (
            ({"network": [9, 9], "rest": [1, 0]}, ["PNG", "JSON"]),
            "The network is 90% of an answer to PNG, 100% of an answer to JSON",
        ),
    ],
    "speed_title": [
        ((10.0, 1000.0), "The service gives 100 times as many answers"),
        ((10.0, 9.0), "The service is no faster"),
    ],
    "killed_title": [
        ((3, 8), "3 questions without an answer, no more than the 8 connections that were open"),
        ((9, 8), "9 questions without an answer, MORE than the 8 connections that were open"),
    ],
    "thief_title": [
        ((_gain(0.02, 0.06),), "Probabilities help the thief: 4.0 points more"),
        ((_gain(-0.06, -0.02),), "Probabilities hinder the thief: 4.0 points less"),
        ((_gain(-0.01, 0.02),), "With probabilities or without, the thief gets as far, as far as this can tell"),
    ],
}
