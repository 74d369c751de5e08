"""Answers to the exercises of notebook 13: a go by asking less, cases that settle a bound, three lies of a rival."""

import math
from types import SimpleNamespace

import numpy as np

from helpers.intervals import Estimate
from tests.notebooks.answers import Exercise

# ---- 13.1


def around_decision():
    verdicts = ["met"] * 5 + ["not met", "not shown", "missing"]
    return {"decision": SimpleNamespace(judged=[SimpleNamespace(verdict=each) for each in verdicts])}


# ---- 13.2


def by_the_formula(value, low, high, n, bound):
    if low >= bound or high < bound:
        return 0
    if value == bound:
        return "never"
    half = value - low if value > bound else high - value
    return math.ceil(n * (half / abs(value - bound)) ** 2 - n)


def as_a_float(value, low, high, n, bound):
    given = by_the_formula(value, low, high, n, bound)
    return given if isinstance(given, str) else float(given)


def in_capitals(value, low, high, n, bound):
    given = by_the_formula(value, low, high, n, bound)
    return given.upper() if isinstance(given, str) else given


def by_counting(value, low, high, n, bound):
    if low >= bound or high < bound:
        return np.int64(0)
    if value == bound:
        return "never"
    half = value - low if value > bound else high - value
    most = n
    while half * (n / most) ** 0.5 > abs(value - bound):
        most *= 2
    least = most // 2
    while least < most:
        middle = (least + most) // 2
        least, most = (middle + 1, most) if half * (n / middle) ** 0.5 > abs(value - bound) else (least, middle)
    return np.int64(most - n)


def without_root(value, low, high, n, bound):
    given = by_the_formula(value, low, high, n, bound)
    if given in (0, "never"):
        return given
    half = value - low if value > bound else high - value
    return math.ceil(n * half / abs(value - bound)) - n


def in_all(value, low, high, n, bound):
    given = by_the_formula(value, low, high, n, bound)
    return given if given in (0, "never") else given + n


def always_below(value, low, high, n, bound):
    given = by_the_formula(value, low, high, n, bound)
    return given if given in (0, "never") else math.ceil(n * ((value - low) / (value - bound)) ** 2) - n


def without_asking(value, low, high, n, bound):
    if value == bound:
        return "never"
    half = value - low if value > bound else high - value
    return math.ceil(n * (half / abs(value - bound)) ** 2) - n


def never_is_none(value, low, high, n, bound):
    given = by_the_formula(value, low, high, n, bound)
    return -1 if given == "never" else given


# ---- 13.3: the key of a rival of ours, so that none is trained here

LIES, HONEST = [0, 1, 3], 2
KEY = ["hidden gradients", "fitted on the test split", "true", "constant sizes"]


def around_rival():
    return {"rivals": SimpleNamespace(TRUE="true", answer_key=lambda seed: KEY), "seed": 0}


EXERCISES = [
    Exercise(
        notebook="13_decision",
        number="13.1",
        test="test_fewest_left_out",
        right=[3, 3.0, np.array([3]), Estimate(3, 3, 3, 8)],
        wrong=[
            (2, "it is no go yet"),
            (0, "it is no go yet"),
            (4, "fewer do"),
            (8, "fewer do"),
            ("three", "one number is asked for"),
            ([3, 4], "one number is asked for"),
        ],
        around=around_decision,
    ),
    Exercise(
        notebook="13_decision",
        number="13.2",
        test="test_cases_more",
        right=[by_the_formula, as_a_float, in_capitals, by_counting],
        wrong=[
            (without_root, "more, and you say"),
            (in_all, "more, and you say"),
            (always_below, "more, and you say"),
            (without_asking, "the whole interval is on one side, so 0 is right"),
            (never_is_none, "'never' is right"),
        ],
    ),
    Exercise(
        notebook="13_decision",
        number="13.3",
        test="test_false_claims",
        right=[LIES, tuple(reversed(LIES)), set(LIES), np.array(LIES)],
        wrong=[
            (LIES[:2], "three of the claims are false, and you name 2"),
            ([0, 1, 2, 3], "three of the claims are false, and you name 4"),
            ([HONEST, *LIES[1:]], "2 of your three accusations are right"),
            ([*LIES[:2], 7], "claims have the numbers 0 to 3"),
            (2, "a list of numbers is wanted"),
            (["one", "two"], "one number is asked for"),
        ],
        around=around_rival,
    ),
]
