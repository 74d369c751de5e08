"""What notebook 01 claims, how each of its records would be spoilt, and its titles with both outcomes."""

import numpy as np

from helpers.intervals import Estimate

CLAIMS = {}

SPOILT_CLAIMS = []

SPOILT = {
    "accuracy": ("a network that guesses among ten classes", lambda of, own: 0.1),
    "accuracy lost in the worst slice": ("a worst slice like all others", lambda of, own: 0.0),
    "accuracy lost to corruptions at full strength": ("disturbances that disturb nothing", lambda of, own: 0.0),
    "shortcut gap": ("a mark that no network has learned", lambda of, own: 0.0),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}

NAMES = ("stop", "yield", "no entry")
WITH_MISTAKES = np.array([[9, 1, 0], [0, 7, 3], [0, 2, 8]])


def _loss(low):
    return Estimate(0.062, low, 0.09, 4000)


TITLES = {
    "confusion_title": [
        ((WITH_MISTAKES, NAMES), "Most frequent mistake: yield read as no entry, 3 times"),
        ((10 * np.eye(3, dtype=int), NAMES), "The network made no mistake on these pictures"),
    ],
    "slice_title": [
        (
            ("light: night", _loss(0.03)),
            "Worst on calibration, light night: on test 6.2 points below the average",
        ),
        (
            ("light: night", _loss(-0.01)),
            "Worst on calibration, light night: on test not told apart from the average",
        ),
    ],
    "corruption_title": [
        (({"noise": 2.2, "blur": 18.6, "jpeg": -0.3},), "At full strength blur costs 19 points, jpeg not one"),
        (({"noise": 2.2, "blur": 18.6},), "At full strength blur costs 19 points, noise 2"),
        (({"noise": 0.2, "blur": 0.9, "jpeg": -0.3},), "At full strength no disturbance costs a whole point here"),
    ],
    "shortcut_title": [
        ((_loss(0.03),), "Moving the mark costs the cheating network 6 points on the two classes"),
        ((_loss(-0.01),), "Moving the mark costs the cheating network nothing that these pictures can show"),
    ],
}
