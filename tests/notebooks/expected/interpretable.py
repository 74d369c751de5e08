"""What notebook 03 claims, how each of its records would be spoilt, and its titles with both outcomes."""

CLAIMS = {
    "a planted copy takes most of a column's importance away": lambda of: (
        of("permutation importance kept, each of two twins").high < 0.5
    ),
    "shuffled together, the twins have it all": lambda of: of("permutation importance kept, twins together").low > 0.8,
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
}

SPOILT_CLAIMS = [
    # A copy that is none; twins shuffled each for itself; a forest that learned nothing by heart, or importance on
    # the training messages in both rows; a surrogate judged on what it was trained on; two linear models.
    ("permutation importance kept, each of two twins", 1.0, "takes most of"),
    ("permutation importance kept, twins together", 0.1, "have it all"),
    ("permutation importance of a lottery number, training messages, points", 0.0, "by heart"),
    ("permutation importance of a lottery number, test messages, points", 6.0, "no use"),
    ("surrogate fidelity, network wrong", 0.9, "least faithful"),
    ("points lost on digits moved by two pixels, more than the network", 0.0, "moved digits"),
]

SPOILT = {}

EXPLAINED = {}

TITLES = {}
