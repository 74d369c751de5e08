"""What notebook 04 claims, how each of its records would be spoilt, and its titles with both outcomes."""

from helpers.intervals import Estimate

MARK = "relevance on the mark, doublings from honest to cheating, {}"
RANDOM = "alike with random weights, {}"
PLACED = "pointing game, GradCAM placed ahead of GradCAM enlarged"
OWN_FILL = "deletion AUC, what integrated gradients gain from a fill that is their own baseline"
TWO_CLASSES = "GradCAM for first and last answer, plain less alike than guided, half the difference"
LEARNED = "shuffled labels that the networks know by heart"

FOLLOWS = r"follows the logit between pairs, occlusion \(grey\) ahead of Sobel edges"
BY_LUCK = "TCAV at conv3, single random directions that score below 0.05 or above 0.95"

CLAIMS = {
    "gradients find the mark in the cheating network": lambda of: of(MARK.format("vanilla gradients")).low > 2,
    "integrated gradients find the mark": lambda of: of(MARK.format("integrated gradients (black)")).low > 2,
    "GradCAM finds the mark": lambda of: of(MARK.format("GradCAM")).low > 0,
    "an edge detector draws the same with random weights": lambda of: (
        of(RANDOM.format("edges (planted to fail)")).value > 0.99
    ),
    "noise of the network draws something else": lambda of: of(RANDOM.format("noise (planted to pass)")).high < 0.05,
    "GradCAM draws something else with random weights": lambda of: of(RANDOM.format("GradCAM")).high < 0.5,
    "guided gradients draw two classes more alike than plain ones": lambda of: of(TWO_CLASSES).low > 0,
    "a fill favours maps whose own baseline it is": lambda of: of(OWN_FILL).low > 0,
    "drawn where it belongs, GradCAM points better": lambda of: of(PLACED).low > 0,
    "brightness points better than a blob": lambda of: (
        of("pointing game, brightness ahead of the centre Gaussian").low > 0
    ),
    "shuffled labels were learned": lambda of: of(LEARNED).low > 0.9,
    "maps are compared on the same 500 pictures": lambda of: of(PLACED).n == of(OWN_FILL).n == 500,
}

SPOILT_CLAIMS = [
    # A network that learned no shortcut; edges that are none; noise of the picture; a GradCAM that is an edge detector.
    (MARK.format("vanilla gradients"), 0.0, "gradients find the mark in"),
    (MARK.format("integrated gradients (black)"), 0.0, "integrated gradients find"),
    (MARK.format("GradCAM"), 0.0, "GradCAM finds"),
    (RANDOM.format("edges (planted to fail)"), 0.1, "edge detector"),
    (RANDOM.format("noise (planted to pass)"), 1.0, "noise of the network"),
    (RANDOM.format("GradCAM"), 1.0, "GradCAM draws something else"),
    (TWO_CLASSES, 0.0, "two classes more alike"),
    (OWN_FILL, 0.0, "a fill favours"),
    (PLACED, 0.0, "where it belongs"),
    ("pointing game, brightness ahead of the centre Gaussian", 0.0, "brightness points"),
    (LEARNED, 0.2, "were learned"),
    (PLACED, {"n": 100}, "same 500 pictures"),
]

SPOILT = {
    "(pointing game|relevance mass|deletion AUC .*), .* ahead of the centre Gaussian": (
        "the blob stands in the method's place",
        lambda of, own: 0.0,
    ),
    PLACED: ("GradCAM enlarged stands in GradCAM's place", lambda of, own: 0.0),
    OWN_FILL: ("the fill changes nothing: what one map gains, the other loses", lambda of, own: 0.0),
    TWO_CLASSES: ("guided gradients are switched off", lambda of, own: 0.0),
    r"alike with random weights, edges \(planted to fail\)": (
        "edges of another picture: the test compares the wrong maps",
        lambda of, own: of(RANDOM.format("noise (planted to pass)")),
    ),
    "alike with random weights, (?!edges).*": (
        "the weights were not taken away, or an edge detector stands in the method's place",
        lambda of, own: of(RANDOM.format("edges (planted to fail)")),
    ),
    "relevance on the mark, .*": ("the network learned no shortcut: the honest one in its place", lambda of, own: 0.0),
    LEARNED: ("too few steps: they know one label of five, as this notebook's once did", lambda of, own: 0.2),
    "alike with shuffled labels, GradCAM": ("an edge detector stands in the method's place", lambda of, own: 1.0),
    "max-sensitivity, SmoothGrad with fresh noise": (
        "one frozen draw of noise for all pictures: at most 0.094 on ten seeds",
        lambda of, own: 0.094,
    ),
    r"completeness error, integrated gradients \(black\)": (
        "not multiplied by the way from the baseline, as tf-explain's: 0.6 on signs",
        lambda of, own: 0.6,
    ),
    FOLLOWS: ("occlusion follows the logit as edges do, which ask nobody", lambda of, own: 0.0),
    BY_LUCK: ("gradients of a class have nothing in common: scores gather at one half", lambda of, own: 0.0),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}

TITLES = {
    "bar_title": [
        (
            ({"pointing game": ("brightness", 1, 8), "relevance mass": ("Sobel edges", 7, 8)},),
            "pointing game: 1 of 8 explanations beat brightness; relevance mass: 7 of 8 explanations beat Sobel edges",
        ),
        (({"insertion": ("centre Gaussian", 0, 8)},), "insertion: 0 of 8 explanations beat centre Gaussian"),
    ],
    "verdict_title": [
        (
            (
                "Random weights",
                {"GradCAM": "passes", "SmoothGrad": "open", "occlusion (grey)": "fails"},
                {"edges (planted to fail)": "fails", "noise (planted to pass)": "passes"},
            ),
            "Random weights: 1 of 3 explanations pass, SmoothGrad open, occlusion (grey) fails; "
            "planted: edges fails, noise passes",
        ),
        (
            ("Shuffled labels", {"GradCAM": "passes"}, {"noise (planted to pass)": "open"}),
            "Shuffled labels: 1 of 1 explanations pass; planted: noise open",
        ),
    ],
    "follow_title": [
        (
            ({"GradCAM": Estimate(0.2, 0.1, 0.3, 80), "SmoothGrad": Estimate(-0.2, -0.3, -0.1, 80)},),
            "Follow the logit more closely than edges do: 1 of 2 explanations; less closely: 1",
        ),
        (
            ({"GradCAM": Estimate(0.0, -0.1, 0.1, 80)},),
            "Follow the logit more closely than edges do: 0 of 1 explanations; less closely: 0",
        ),
    ],
    "luck_title": [
        ((0.62,), "62% of single random directions score below 0.05 or above 0.95"),
        ((0.0,), "0% of single random directions score below 0.05 or above 0.95"),
    ],
    "concept_title": [
        (
            ({"fog": Estimate(0.1, 0.05, 0.15, 80), "night": Estimate(0.0, -0.1, 0.1, 80)},),
            "Than random directions, better: fog; no different: night",
        ),
        (
            ({"fog": Estimate(-0.1, -0.15, -0.05, 80)},),
            "Than random directions, worse: fog",
        ),
    ],
}
