"""Answers to the exercises of notebook 02."""

import heapq
import math

import numpy as np

from helpers import uncertainty
from tests.notebooks.answers import Exercise
from tests.uncertainty.drawn import drawn_logits

NOTEBOOK = "02_uncertainty"


# ---- 2.1: the lowest confidence that keeps a rule, on calibration pictures of a network that is too sure


def around_threshold():
    (z_cal, y_cal), (z_test, y_test) = drawn_logits(2000, seed=1), drawn_logits(2000, seed=4, hard=0.4)
    p_cal, p_test = uncertainty.softmax(2 * z_cal), uncertainty.softmax(2 * z_test)
    return {"marking": {"p_cal": p_cal, "y_cal": y_cal, "p_test": p_test, "y_test": y_test}}


def lowest(p, y, *, of_all=False):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    for level in range(50, 100):
        accepted = confidence >= level / 100
        mistakes = (accepted & ~right).sum()
        if mistakes <= 0.01 * (len(y) if of_all else accepted.sum()):
            return level / 100
    return 0.99


MARKED = around_threshold()["marking"]
ON_CALIBRATION = MARKED["p_cal"], MARKED["y_cal"]
SURE_ENOUGH = lowest(*ON_CALIBRATION)
TEMPERED = uncertainty.softmax(
    np.log(MARKED["p_cal"]) / uncertainty.fit_temperature(np.log(MARKED["p_cal"]), MARKED["y_cal"])
)


# ---- 2.2: the threshold of a conformal predictor


def with_a_loop(scores, alpha):
    for seen, score in enumerate(sorted(scores), start=1):
        if seen >= (len(scores) + 1) * (1 - alpha):
            return score
    return float("inf")


def with_a_heap(scores, alpha):
    k = math.ceil((len(scores) + 1) * (1 - alpha))
    return math.inf if k > len(scores) else heapq.nsmallest(k, list(scores))[-1]


def with_a_quantile(scores, alpha):
    level = np.ceil((len(scores) + 1) * (1 - alpha)) / len(scores)
    return np.inf if level > 1 else np.quantile(scores, level, method="inverted_cdf")


def with_an_extra_score(scores, alpha):
    k = int(np.ceil((len(scores) + 1) * (1 - alpha)))
    return np.partition(np.append(scores, np.inf), k - 1)[k - 1 : k]


def at_rank(rank):
    """A threshold that is the score of this rank, inside the list."""

    def threshold(scores, alpha):
        k = rank(len(scores), alpha)
        return np.inf if (len(scores) + 1) * (1 - alpha) > len(scores) else np.sort(scores)[min(k, len(scores)) - 1]

    return threshold


def ceil(number):
    return int(np.ceil(number))


# ---- 2.3: coverage with a threshold from the calibration pictures alone


def sets_of(p_from, y_from, p_on, alpha, *, rank=lambda n, alpha: ceil((n + 1) * (1 - alpha)), closed=True):
    scores = np.sort(1 - p_from[np.arange(len(y_from)), y_from])
    threshold = scores[rank(len(scores), alpha) - 1]
    return 1 - p_on <= threshold if closed else 1 - p_on < threshold


def share(sets, y):
    return sets[np.arange(len(y)), y].mean()


def both(p_cal, y_cal, p_test, y_test):
    return np.concatenate([p_cal, p_test]), np.concatenate([y_cal, y_test])


def in_plain_python(p_cal, y_cal, p_test, y_test, alpha):
    scores = sorted(1 - row[label] for row, label in zip(p_cal.tolist(), y_cal.tolist(), strict=True))
    threshold = scores[math.ceil((len(scores) + 1) * (1 - alpha)) - 1]
    return [sum(1 - row[label] <= threshold for row, label in zip(p_test, y_test, strict=True)) / len(y_test)]


def by_the_library(p_cal, y_cal, p_test, y_test, alpha):
    predictor = uncertainty.calibrate(uncertainty.Lac(), p_cal, y_cal, alpha)
    return uncertainty.coverage(predictor.sets(p_test), y_test)  # an Estimate


def as_probabilities(p_cal, y_cal, p_test, y_test, alpha):
    """The other way round: the truth must be likely enough."""
    likely = np.sort(p_cal[np.arange(len(y_cal)), y_cal])[::-1]
    return np.mean(p_test[range(len(y_test)), y_test] >= likely[ceil((len(likely) + 1) * (1 - alpha)) - 1])


EXERCISES = [
    Exercise(
        NOTEBOOK,
        "2.1",
        "test_sure_enough",
        right=[
            SURE_ENOUGH,
            np.float32(SURE_ENOUGH),
            np.array([SURE_ENOUGH]),
            np.arange(0.5, 1, 0.01)[round(100 * SURE_ENOUGH) - 50],
        ],
        wrong=[
            (SURE_ENOUGH - 0.02, "are wrong, more than 1%"),
            (SURE_ENOUGH + 0.03, "hands over fewer"),
            (100 * SURE_ENOUGH, "not 50"),
            (str(SURE_ENOUGH), "one number is asked for"),
            (MARKED["p_cal"].max(axis=1), "one number is asked for, and this holds 2,000"),
            (SURE_ENOUGH + 0.004, "0.50, 0.51"),
            (lowest(MARKED["p_test"], MARKED["y_test"]), "on the calibration pictures"),
            (lowest(*ON_CALIBRATION, of_all=True), "not 1% of all"),
            (lowest(TEMPERED, MARKED["y_cal"]), "temperature"),
        ],
        around=around_threshold,
    ),
    Exercise(
        NOTEBOOK,
        "2.2",
        "test_threshold",
        right=[with_a_loop, with_a_heap, with_a_quantile, with_an_extra_score],
        wrong=[
            (lambda s, a: np.quantile(s, min(1, ceil((len(s) + 1) * (1 - a)) / len(s)), method="higher"), "gaps"),
            (lambda s, a: np.quantile(s, 1 - a, method="higher"), "one too small"),
            (lambda s, a: np.quantile(s, 1 - a), "mixes two"),
            (at_rank(lambda n, a: ceil((n + 1) * (1 - a)) + 1), "counts from 0"),
            (at_rank(lambda n, a: ceil(n * (1 - a))), "without the + 1"),
            (at_rank(lambda n, a: int((n + 1) * (1 - a))), "rounded down"),
            (at_rank(lambda n, a: round((n + 1) * (1 - a))), "nearest"),
            (at_rank(lambda n, a: n + 1 - ceil((n + 1) * (1 - a))), "from the smallest"),
            (at_rank(lambda n, a: ceil((n + 1) * a)), "covers alpha"),
            (lambda s, a: np.sort(s)[min(ceil((len(s) + 1) * (1 - a)), len(s)) - 1], "infinity"),
            (lambda s, a: np.sort(np.append(np.unique(s), np.inf))[ceil((len(s) + 1) * (1 - a)) - 1], "tie"),
            (lambda s, a: np.sort(s)[ceil((len(s) + 1) * (1 - a)) - 1], "IndexError"),
            (lambda s, a: np.sort(s)[np.ceil((len(s) + 1) * (1 - a)) - 1], "An index is a whole number"),
            (lambda s, a: np.sort(s), "one number is asked for"),
        ],
    ),
    Exercise(
        NOTEBOOK,
        "2.3",
        "test_repaired",
        right=[
            in_plain_python,
            by_the_library,
            as_probabilities,
            lambda pc, yc, pt, yt, a: np.float32(share(sets_of(pc, yc, pt, a), yt)),
        ],
        wrong=[
            (lambda pc, yc, pt, yt, a: share(sets_of(*both(pc, yc, pt, yt), pt, a), yt), "have a say"),
            (lambda pc, yc, pt, yt, a: share(sets_of(pt, yt, pt, a), yt), "test pictures alone"),
            (lambda pc, yc, pt, yt, a: share(sets_of(pc, yc, pc, a), yc), "coverage on the calibration pictures"),
            (lambda pc, yc, pt, yt, a: share(sets_of(pc, yc, pt, a, closed=False), yt), "<=, not <"),
            (
                lambda pc, yc, pt, yt, a: share(sets_of(pc, yc, pt, a, rank=lambda n, a: ceil(n * (1 - a))), yt),
                "n + 1",
            ),
            (lambda pc, yc, pt, yt, a: 1 - share(sets_of(pc, yc, pt, a), yt), "miss the truth"),
            (lambda pc, yc, pt, yt, a: 100 * share(sets_of(pc, yc, pt, a), yt), "not percent"),
            (lambda pc, yc, pt, yt, a: (pt.argmax(axis=1) == yt).mean(), "right answers"),
            (lambda pc, yc, pt, yt, a: 1 - a, "this gives"),
            (lambda pc, yc, pt, yt, a: sets_of(pc, yc, pt, a), "one number is asked for"),
            (lambda pc, yc, pt, yt, a: sets_of(pc, yc, pt, a).mean(), "share of classes in the sets"),
        ],
    ),
]
