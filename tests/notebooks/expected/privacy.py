"""What notebook 09 claims, how each of its records would be spoilt, and its titles with both outcomes."""

LEAK = "LiRA AUC"
SURE = "LiRA TPR at 0.1% FPR"
AHEAD = "LiRA minus loss threshold, AUC"
HELD = "LiRA AUC at epsilon 3"
HELD_SURE = "LiRA TPR at 0.1% FPR at epsilon 3"
READS = "accuracy at epsilon 3"
COST = "accuracy without noise minus at epsilon 3"
HIDES = "LiRA AUC without noise minus at epsilon 3"
HONEST = "right guesses of an audit, written out"
NO_NOISE = "right guesses of an audit, no noise"

CLAIMS = {
    "it leaks": lambda of: of(LEAK).low > 0.6 and of(SURE).low > 0.005,
    "LiRA sees more than a loss threshold": lambda of: of(AHEAD).low > 0,
    "private, it leaks less": lambda of: of(HELD).high < of(LEAK).low,
    "and no more than allowed": lambda of: of(HELD_SURE).high < 0.0201,
    "and the noise has a part in it": lambda of: of(HIDES).low > 0,
    "it still reads": lambda of: of(READS).low > 0.2,
    "noise costs": lambda of: of(COST).low > 0,
    "the honest one is not convicted": lambda of: of(HONEST).value < 0.98,  # 196 of 200 exceed a claim of 3
    "the one without noise is": lambda of: of(NO_NOISE).value >= 0.98,
}

SPOILT_CLAIMS = [
    (LEAK, 0.5, "it leaks"),
    (SURE, 0.001, "it leaks"),
    (AHEAD, 0.0, "more than a loss threshold"),
    (HELD, 0.85, "leaks less"),
    (HELD_SURE, 0.03, "no more than allowed"),
    (HIDES, 0.0, "a part in it"),
    (READS, 0.1, "still reads"),
    (COST, 0.0, "noise costs"),
    (HONEST, 1.0, "not convicted"),
    (NO_NOISE, 0.5, "without noise is"),
]

SPOILT = {
    "|".join((LEAK, HELD)): ("the list of members is another one", lambda of, own: 0.45 if own < 0.6 else 0.5),
    # Five seeds of a rare event make a band that reaches 0; that the effect is there is what the claims ask.
    SURE: ("the attack is shown the list of members", lambda of, own: 1.0),
    HELD_SURE: ("the private networks are those from before", lambda of, own: of(SURE)),
    AHEAD: ("both attacks are the loss threshold", lambda of, own: 0.0),
    READS: ("there is nothing but noise", lambda of, own: 0.1),
    COST: ("there is nothing but noise", lambda of, own: own + of(READS) - 0.1),
    HIDES: ("no noise is added", lambda of, own: 0.0),
    HONEST: ("no noise is added", lambda of, own: of(NO_NOISE)),
    NO_NOISE: ("the auditor guesses", lambda of, own: 0.5),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}

TITLES = {
    "heart_title": [
        ((5.0, 1.0), "Members are surer: median 5.0 beside 1.0"),
        ((1.0, 1.0), "Members are no surer: median 1.0 beside 1.0"),
    ],
    "roc_title": [
        (("LiRA", 0.021), "LiRA finds 2.1% of the members while it accuses 1 in 1,000 others"),
        (("LiRA", 0.001), "LiRA finds 0.1% of the members while it accuses 1 in 1,000 others"),
    ],
    "cheaper_title": [
        ((0.37, 0.27), "At epsilon 3, the linear model reads 37%, the network 27%"),
        ((0.3, 0.6), "At epsilon 3, the network reads 60%, the linear model 30%"),
    ],
    "held_title": [
        ((0.83, 0.6, 0.53), "AUC: 0.83 for networks, 0.60 linear without noise, 0.53 with noise"),
        ((0.75, 0.5, 0.51), "AUC: 0.75 for networks, 0.50 linear without noise, 0.51 with noise"),
    ],
    "pays_title": [
        (({"stop": 0.2, "yield": 0.05},), "Noise costs 'stop' 20 points, 'yield' 5"),
        (({"stop": 0.2, "yield": -0.01},), "Noise costs 'stop' 20 points; 'yield' is read better by 1"),
    ],
}
