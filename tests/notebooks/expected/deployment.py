"""What notebook 10 claims, how each of its records would be spoilt, and its titles with both outcomes."""

from helpers.intervals import Estimate

APART = "largest difference of a probability, service and network"
COVERAGE = "coverage of 90% sets"
WRITTEN = "own pictures called strange, written down"
ASKED = "own pictures called strange, by the service"
KEPT = "wrong answers that the taxi acts on"
OURS = "spoilt bundles let in"
SIGNATURE = "spoilt bundles let in by a valid signature"
STOLEN = "stolen network, agreement with the service"
TOLD_MORE = "stolen network, probabilities minus class alone"

CLAIMS = {
    "the service answers what the network answers": lambda of: of(APART).value < 1e-5,
    "its sets hold what they promise": lambda of: 0.86 < of(COVERAGE).value < 0.94,
    "its flag accuses as few of ours as it was set to": lambda of: of(WRITTEN).low < 0.08 and of(ASKED).low < 0.08,
    "as few by the service as were written down": lambda of: (
        of(ASKED).low < of(WRITTEN).high and of(WRITTEN).low < of(ASKED).high
    ),
    "the taxi's rule leaves few mistakes": lambda of: of(KEPT).high < 0.1,
    "no spoilt bundle is let in": lambda of: of(OURS).value == 0,
    "a signature alone lets some in": lambda of: of(SIGNATURE).value > 0,
    "a thief learns from answers": lambda of: of(STOLEN).low > 0.3,
}

SPOILT_CLAIMS = [
    (APART, 0.01, "answers what the network answers"),
    (COVERAGE, 0.99, "hold what they promise"),
    (WRITTEN, 0.2, "as few of ours as it was set to"),
    (ASKED, 0.2, "as few of ours as it was set to"),
    (ASKED, 0.2, "as few by the service"),
    (KEPT, 0.2, "leaves few mistakes"),
    (OURS, 0.6, "no spoilt bundle"),
    (SIGNATURE, 0.0, "a signature alone"),
    (STOLEN, 0.1, "a thief learns"),
]

SPOILT = {
    APART: ("the temperature is left out", lambda of, own: 0.05),
    COVERAGE: ("the truth has chosen the sets", lambda of, own: 1.0),
    "|".join((WRITTEN, ASKED)): ("the flag is set by chance", lambda of, own: 0.5),
    KEPT: ("the rule lets everything through, on a network that guesses", lambda of, own: 0.9),
    OURS: ("the signature alone is asked", lambda of, own: of(SIGNATURE)),
    SIGNATURE: ("nothing is planted", lambda of, own: 0.0),
    STOLEN: ("the thief is told classes drawn by lot", lambda of, own: 0.1),
    TOLD_MORE: ("probabilities are told as one class, another one", lambda of, own: -0.6),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}


def _gain(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 2000)


TITLES = {
    "answered_title": [
        (([200, 200, 500], "it"), "Of 3 wrong questions, it answers 2, and says 'I am broken' to 1"),
        (([422, 400], "ours"), "Of 2 wrong questions, ours answers 0, and says 'I am broken' to 0"),
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
    "beside_title": [
        (({"a": [2, 1.5, 3], "b": [1, 0.8, 1.2]},), "Ours gives more answers than 1 of 2, fewer than 0"),
        (({"a": [0.5, 0.4, 0.6], "b": [0.9, 0.8, 0.99]},), "Ours gives more answers than 0 of 2, fewer than 2"),
    ],
    "thief_title": [
        ((_gain(0.02, 0.06),), "Told the probabilities, this thief agrees on 4.0 points more"),
        ((_gain(-0.06, -0.02),), "Told the probabilities, this thief agrees on 4.0 points less"),
        (
            (_gain(-0.01, 0.02),),
            "Told the probabilities or not, this thief gets as far, as far as these pictures can tell",
        ),
    ],
}
