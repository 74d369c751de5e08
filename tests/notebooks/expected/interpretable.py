"""What notebook 03 claims, how each of its records would be spoilt, and its titles with both outcomes."""

from helpers.intervals import Estimate

WORDS = "points gained over a linear model of words"
PIXELS = "points gained over a linear model of pixels"
MOVED = "points lost on digits moved by two pixels, more than the network"
STRANGER = "points of surrogate fidelity over a stranger"
BY_HEART = "points of surrogate fidelity, training over test pictures"
ERRS = "points of surrogate fidelity, network right over network wrong"
TWINS = "points of importance, twins shuffled together over each alone"

CLAIMS = {
    "on words a forest gains next to nothing over a linear model": lambda of: of(WORDS).high < 3,
    "on pixels the network gains": lambda of: of(PIXELS).low > 0,
    "moved digits cost a linear model more than the network": lambda of: of(MOVED).low > 0,
    "a copy agrees about as often as a stranger": lambda of: -5 < of(STRANGER).low <= of(STRANGER).high < 5,
    "a copy knows its training pictures partly by heart": lambda of: of(BY_HEART).low > 0,
    "a copy is least faithful where the network errs": lambda of: of(ERRS).low > 0,
    "twins hide each other": lambda of: of(TWINS).low > 0,
}

SPOILT_CLAIMS = [
    # Words as hard for a linear model as pixels; a network that is the linear model; two linear models; a copy that
    # knows the network, and one that knows nothing; one that is judged on the same pictures twice; errors that are no
    # harder to foretell; a copy of the column that is none.
    (WORDS, 8.0, "next to nothing"),
    (PIXELS, 0.0, "network gains"),
    (MOVED, 0.0, "moved digits"),
    (STRANGER, 20.0, "stranger"),
    (STRANGER, -60.0, "stranger"),
    (BY_HEART, 0.0, "training pictures"),
    (ERRS, 0.0, "least faithful"),
    (TWINS, 0.0, "twins"),
]

SPOILT = {
    WORDS: ("a linear model that tells messages apart by coin", lambda of, own: own + 40),
    PIXELS: ("a linear model in the network's place", lambda of, own: 0.0),
    MOVED: ("a linear model in the network's place", lambda of, own: 0.0),
    STRANGER: ("a copy that learned nothing: one digit in ten", lambda of, own: own - 65),
    BY_HEART: ("test pictures in both places", lambda of, own: 0.0),
    ERRS: ("a copy that is as faithful where the network errs", lambda of, own: 0.0),
    TWINS: ("each twin shuffled for itself in both places", lambda of, own: 0.0),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}


def _gain(low, high):
    return Estimate((low + high) / 2, low, high, 100)


TITLES = {
    "twins_title": [
        ((1.0, 9.0), "Two twins hide each other: 1.0 points each on average, 9.0 together"),
        ((5.0, 9.0), "Two twins do not hide each other: 5.0 points each on average, 9.0 together"),
    ],
    "surrogate_title": [
        (
            (0.76, 1.0, 3.0),
            "The copy says what the network says on 76% of the test pictures, more often than a tree that never met it",
        ),
        (
            (0.76, -3.0, -1.0),
            "The copy says what the network says on 76% of the test pictures, less often than a tree that never met it",
        ),
        (
            (0.76, -1.0, 1.0),
            "The copy says what the network says on 76% of the test pictures, not clearly more or less often than a "
            "tree that never met it",
        ),
    ],
    "price_title": [
        (
            ({"messages": _gain(-3, 1), "digits": _gain(5, 9), "signs": _gain(10, 14)},),
            "Forest (words) or network (pixels) against linear: a gain on digits and signs; no gain to be seen on "
            "messages",
        ),
        (
            ({"messages": _gain(1, 3), "digits": _gain(5, 9)},),
            "Forest (words) or network (pixels) against linear: a gain on messages and digits",
        ),
        (
            ({"messages": _gain(-3, 1), "digits": _gain(-5, 0)},),
            "Forest (words) or network (pixels) against linear: no gain to be seen on messages and digits",
        ),
    ],
    "moved_title": [
        ((25.0, 9.0, 13.0), "Two pixels to the right: the linear model loses 25 points, more than the network (9)"),
        (
            (10.0, 9.0, -1.0),
            "Two pixels to the right: the linear model loses 10 points, not clearly more than the network (9)",
        ),
    ],
}
