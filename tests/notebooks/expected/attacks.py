"""What notebook 06 claims, how each of its records would be spoilt, and its titles with both outcomes."""

from helpers.intervals import Estimate

PGD = "read rightly under PGD within 4/255"
NOISE = "random noise of 4/255 ahead of PGD"
WORST = "mean of six attacks ahead of their worst case"
WANTED = "read as the class that was wanted, within 8/255"
SPAM = "spam that passes by {}"
MENDED = SPAM + ", less by the mended filter"
HIDDEN = "{} gradients: held under PGD, less what three other attacks leave, within 4/255"
LIST = "networks of four that the list of checks judges rightly"
FRAMES = "frames with the sticker read as the class that was wanted"
MARK = "read as the class that was wanted, with the mark, 10% poisoned"
LOST = "accuracy lost to 10% of poison"
NOTICED = "AUROC of {}, attacked within 8/255 against clean"

CLAIMS = {
    "chosen changes cost far more than random ones": lambda of: of(NOISE).low > 0.2,
    "one attack alone flatters the network": lambda of: of(WORST).low > 0,
    "stop becomes yield": lambda of: of(WANTED).low >= 0.5 and of(WANTED).n >= 300,
    "good words pass, whatever the filter reads": lambda of: (
        of(SPAM.format("good words")).low > 0.9 and of(MENDED.format("good words")).high < 0.05
    ),
    "look-alike letters pass a filter that reads bytes": lambda of: of(SPAM.format("look-alike letters")).low > 0.8,
    "reading as people do undoes look-alike letters": lambda of: of(MENDED.format("look-alike letters")).low > 0.8,
    "saturated gradients hid weakness": lambda of: of(HIDDEN.format("saturated")).low > 0.1,
    "shattered gradients hid weakness": lambda of: of(HIDDEN.format("shattered")).low > 0.1,
    "random gradients hid weakness": lambda of: of(HIDDEN.format("random")).low > 0.1,
    "the list names all three and accuses nobody else": lambda of: of(LIST).value == 1 and of(LIST).n == 4,
    "the sticker works from every side": lambda of: of(FRAMES).low >= 0.3 and of(FRAMES).n >= 200,
    "not just any sticker would do": lambda of: (
        of(f"{FRAMES}, ahead of a random one").low >= 0.2 and of(f"{FRAMES}, ahead of a grey one").low >= 0.2
    ),
    "the backdoor opens": lambda of: of(MARK).low > 0.5,
    "clean pictures hardly show the poison": lambda of: of(LOST).high < 0.06,
}

SPOILT_CLAIMS = [
    # Attacks that do not attack, a filter that changed nothing, defences that defend, a list that is silent.
    (NOISE, 0.0, "far more than random"),
    (WORST, 0.0, "flatters"),
    (WANTED, 0.1, "stop becomes"),
    (WANTED, {"n": 100}, "stop becomes"),
    (SPAM.format("good words"), 0.05, "good words pass"),
    (MENDED.format("good words"), 0.9, "good words pass"),
    (SPAM.format("look-alike letters"), 0.05, "look-alike letters pass"),
    (MENDED.format("look-alike letters"), 0.0, "reading as people do"),
    (HIDDEN.format("saturated"), 0.0, "saturated"),
    (HIDDEN.format("shattered"), 0.0, "shattered"),
    (HIDDEN.format("random"), 0.0, "random gradients"),
    (LIST, 0.75, "the list names"),
    (FRAMES, 0.0, "from every side"),
    (FRAMES, {"n": 20}, "from every side"),
    (f"{FRAMES}, ahead of a random one", 0.0, "any sticker"),
    (f"{FRAMES}, ahead of a grey one", 0.0, "any sticker"),
    (MARK, 0.0, "backdoor"),
    (LOST, 0.3, "hardly show"),
]

SPOILT = {
    r"read rightly under PGD within \d+/255": ("an attack that does not attack", lambda of, own: 0.9),
    r"random noise of \d+/255 ahead of PGD": ("an attack that does not attack", lambda of, own: 0.0),
    WORST: ("the six are one and the same attack", lambda of, own: 0.0),
    r"read as the class that was wanted, within \d+/255": (
        "the wish is not handed on: the steps go nowhere",
        lambda of, own: 0.0,
    ),
    SPAM.format("good words"): ("no word is added: what passes by itself", lambda of, own: 0.06),
    SPAM.format("look-alike letters"): ("no letter is changed: what passes by itself", lambda of, own: 0.06),
    MENDED.format("good words"): ("the mended filter reads no added words", lambda of, own: 0.9),
    MENDED.format("look-alike letters"): ("the mended filter reads as the other one", lambda of, own: 0.0),
    "(saturated|shattered|random) gradients: .*": ("the three others are PGD again", lambda of, own: 0.0),
    LIST: ("the list accuses nobody: one of four is right", lambda of, own: 0.25),
    FRAMES: ("the sticker is not pasted: without one no frame is read so", lambda of, own: 0.0),
    f"{FRAMES}, ahead of a (random|grey) one": ("the sticker is not optimised", lambda of, own: 0.0),
    MARK: ("the labels stay right: nothing is poisoned", lambda of, own: 0.002),
    LOST: ("the poison is on every picture", lambda of, own: 0.9),
    r"AUROC of .*, attacked within \d+/255 against clean": (
        "the two piles are taken for each other",
        lambda of, own: 1 - own,
    ),
}

_TWO_TRAININGS = (
    "a difference of two trainings: without any poison, two seeds of this recipe differ by -2.1 to 4.6 points (the "
    "notebook prints it; seeds 0 to 9), and the five that made the band lay within 0.6 points of each other by luck; "
)
EXPLAINED: dict[tuple[str, str, int], str] = {
    ("signs", LOST, 5): _TWO_TRAININGS + "at this seed the poisoned network reads 88.2%, the lowest of the ten",
    ("signs", LOST, 6): _TWO_TRAININGS + "at this seed the poisoned network reads 94.4%, the highest of the ten",
    ("signs", SPAM.format("look-alike letters"), 8): (
        "28 of 300 messages need more than the 20 letters that are allowed, where 9 to 13 do at the seeds of the band, "
        "which differ by 1.3 points while 300 messages alone scatter by one"
    ),
}

ALL, NONE = Estimate(0.9, 0.85, 0.95, 100), Estimate(0.1, 0.05, 0.15, 100)

TITLES = {
    "passed_title": [
        (
            ({"good words": ALL, "look-alikes, mended filter": NONE},),
            "Of the spam pass with at most 10 changes: 90% (good words), 10% (look-alikes, mended filter)",
        ),
        (({"good words": NONE},), "Of the spam pass with at most 10 changes: 10% (good words)"),
    ],
    "held_title": [
        (
            ((0, 2, 4, 8, 16), (0.9, 0.8, 0.6, 0.3, 0.0), (0.9, 0.9, 0.88, 0.85, 0.8)),
            "PGD leaves 60% at 4/255 and 0% at 16/255, random noise 88% and 80%",
        ),
        (
            ((0, 3, 6, 12), (0.9, 0.9, 0.9, 0.9), (0.9, 0.9, 0.9, 0.9)),
            "PGD leaves 90% at 6/255 and 90% at 12/255, random noise 90% and 90%",
        ),
    ],
    "worst_title": [
        (([0.5, 0.9], 0.45), "The attacks leave 70% on average, the strongest 50%, all together 45%"),
        (([0.9, 0.9], 0.9), "The attacks leave 90% on average, the strongest 90%, all together 90%"),
    ],
    "broken_title": [
        (
            ({"saturated": ALL, "random": ALL}, {"saturated": NONE, "random": ALL}),
            "Falls clearly under an attack made for it: saturated (of 2)",
        ),
        (({"saturated": ALL}, {"saturated": ALL}), "Falls clearly under an attack made for it: none (of 1)"),
    ],
    "sticker_title": [
        (
            ({"a random one": ALL, "no sticker": NONE, "a grey one": Estimate(0, -0.1, 0.1, 9)}, "yield"),
            "More frames are read as yield than with: a random one, no sticker",
        ),
        (({"a random one": Estimate(0, -0.1, 0.1, 9)}, "yield"), "No more frames are read as yield"),
    ],
    "warned_title": [
        (
            ({"energy": ALL, "Mahalanobis": NONE},),
            "Attacked pictures look strange to: energy; less strange than clean ones to: Mahalanobis",
        ),
        (({"energy": Estimate(0.5, 0.4, 0.6, 9)},), "Attacked pictures look strange to: no score"),
    ],
    "cat_title": [
        ((True,), "The same cat: read as espresso after 8 steps within 2/255"),
        ((False,), "The same cat: not read as espresso after 8 steps within 2/255"),
    ],
}
