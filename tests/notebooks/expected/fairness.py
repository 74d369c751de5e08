"""What notebook 08 claims, how each of its records would be spoilt, and its titles with both outcomes."""

GAP = "TPR of tones 8-10 minus 1-3, before"
MORE = "TPR of tones 8-10 minus 1-3, after more data"
AFTER = "TPR of tones 8-10 minus 1-3, after thresholds by group"
OPENED = "TPR of tones 8-10 minus 1-3, before minus after thresholds by group"
WHOLE = "found as tone 10 minus found as tone 1, at night"
EQUAL = "found as tone 10 minus found as tone 1, at night, at equal contrast"
LOT = "answers drawn by lot"
SLICE = "read rightly in the worst slice by light and weather, as chosen"
SLICE_HELD = "read rightly in the worst slice by light and weather, chosen on the other half"
FIFTH = "read rightly in the worst fifth by ink, as chosen"
FIFTH_HELD = "read rightly in the worst fifth by ink, chosen on the other half"

CLAIMS = {
    "dark people are found less often": lambda of: of(GAP).high < -0.1 and of(GAP).n >= 2000,
    "more data where it is thin leaves a smaller gap": lambda of: abs(of(MORE).value) < abs(of(GAP).value),
    "and not none": lambda of: of(MORE).high < -0.02,
    "thresholds by group close it": lambda of: of(OPENED).high < -0.1 and abs(of(AFTER).value) < 0.1,
    "by lot": lambda of: of(LOT).low > 0.05,
    "at night it is what comes with the tone": lambda of: of(WHOLE).high < -0.1,
    "and not the colour": lambda of: abs(of(EQUAL).value) < 0.06,
    "some signs are failed more often": lambda of: of(SLICE).high < 0.92,
}

SPOILT_CLAIMS = [
    (GAP, 0.0, "found less often"),
    (GAP, {"n": 100}, "found less often"),
    (MORE, -0.4, "smaller gap"),
    (MORE, 0.0, "not none"),
    (OPENED, 0.0, "close it"),
    (AFTER, -0.25, "close it"),
    (LOT, 0.0, "by lot"),
    (WHOLE, 0.0, "comes with the tone"),
    (EQUAL, -0.3, "not the colour"),
    (SLICE, 0.95, "failed more often"),
]

SPOILT = {
    GAP: ("groups are dealt out at random", lambda of, own: 0.0),
    MORE: ("the drawing lost its low contrast", lambda of, own: 0.0),
    AFTER: ("the answers are those from before", lambda of, own: of(GAP)),
    OPENED: ("the answers are those from before", lambda of, own: 0.0),
    LOT: ("thresholds are not drawn", lambda of, own: 0.0),
    WHOLE: ("before and after are the same pictures", lambda of, own: 0.0),
    EQUAL: ("contrast is not held", lambda of, own: of(WHOLE)),
    "|".join((SLICE, SLICE_HELD, FIFTH, FIFTH_HELD)): ("labels are shuffled", lambda of, own: 0.1),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}

TITLES = {
    "found_title": [
        (({"1-3, day": 0.95, "8-10, night": 0.4},), "Found: 40% (8-10, night) to 95% (1-3, day)"),
        (({"1-3, day": 0.9, "8-10, night": 0.95},), "Found: 90% (1-3, day) to 95% (8-10, night)"),
    ],
    "expects_title": [
        (({"1-3": 0.01, "8-10": -0.2},), "Furthest from what it says: 8-10, -20 points"),
        (({"1-3": 0.05, "8-10": 0.0},), "Furthest from what it says: 1-3, +5 points"),
    ],
    "effect_title": [
        ((-0.4, 0.01), "Tone 10 in place of 1, at night: -40 points found; at equal contrast +1"),
        ((0.02, -0.1), "Tone 10 in place of 1, at night: +2 points found; at equal contrast -10"),
    ],
    "trade_title": [
        ((-0.25, {"thresholds": 0.01, "more data": -0.2}), "Gap -25 points as it is; nearest to none: thresholds, +1"),
        ((0.02, {"thresholds": 0.3, "more data": -0.1}), "Gap +2 points as it is; nearest to none: more data, -10"),
    ],
    "edit_title": [
        ((0.3, {"light: day": 0.9, "tone: 1": 0.5}), "As it is 30%; the change that helps most (light: day): 90%"),
        ((0.3, {"light: day": 0.2, "tone: 1": 0.1}), "As it is 30%; the change that helps most (light: day): 20%"),
    ],
    "what_if_title": [
        ((0.3, 0.8, 0.5), "30% is missed, 80% is found, at 0.5"),
        ((0.3, 0.2, 0.25), "30% is found, 20% is missed, at 0.25"),
    ],
}
