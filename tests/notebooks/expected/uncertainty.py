"""What notebook 02 claims, how each of its records would be spoilt, and its titles with both outcomes."""

import math

CLAIMS = {
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
}

SPOILT_CLAIMS = [
    # A temperature that does nothing; coin flips learned by heart; as many pictures as before; a network that takes
    # strangers for its own.
    ("NLL after temperature scaling", 1.0, "temperature"),
    ("aleatoric part of planted coin flips", 0.4, "coin flip"),
    ("aleatoric part of planted coin flips", 0.8, "coin flip"),
    ("epistemic part in rare fog, many against few", 1.0, "half of the epistemic"),
    ("epistemic part, near: unseen signs", 0.01, "never seen"),
]

SPOILT = {}

EXPLAINED = {}

TITLES = {}
