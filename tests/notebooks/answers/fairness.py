"""Notebook 08: the worst of fewer slices, ranges that chance gives, a gap that was mended on the test pictures."""

import numpy as np
import pandas as pd

from helpers import fairness
from tests.notebooks.answers import Exercise

# ---- 8.1: 600 signs; far ones at night are read less often


def _signs():
    rng = np.random.default_rng(5)
    conditions = pd.DataFrame(
        {name: rng.choice(values, 600) for name, values in (("light", ["day", "night"]), ("distance", ["near", "far"]))}
    )
    weather = rng.choice(["clear", "fog"], 600)
    hard = (conditions["light"] == "night") & (conditions["distance"] == "far")
    labels = rng.integers(0, 10, 600)
    read = np.where(rng.random(600) < np.where(hard, 0.6 - 0.3 * (weather == "fog"), 0.95), labels, (labels + 1) % 10)
    return labels, read, conditions, conditions.assign(weather=weather)


LABELS, READ, TWO, THREE = _signs()
OF_TWO, OF_THREE = (fairness.worst_group(LABELS, READ, conditions, seed=3) for conditions in (TWO, THREE))
AROUND = {
    "fairness": fairness,
    "marking": {"labels": LABELS, "read": READ, "conditions": TWO},
    "worst": OF_THREE,
    "seed": 3,
}

# ---- 8.2


def chance_ranges(found_people, groups, draws, seed):
    rng, found_people = np.random.default_rng(seed), np.asarray(found_people, dtype=float)
    dealt = [pd.Series(found_people).groupby(rng.permutation(groups)).mean() for _ in range(draws)]
    return np.array([shares.max() - shares.min() for shares in dealt])


def people_dealt_out(found_people, groups, draws, seed):
    rng = np.random.default_rng(seed)
    ranges = []
    for _ in range(draws):
        mixed = rng.permutation(found_people)
        shares = [mixed[groups == group].mean() for group in np.unique(groups)]
        ranges.append(max(shares) - min(shares))
    return ranges


def by_the_library(found_people, groups, draws, seed):
    ones = np.ones(len(groups), int)
    return fairness.group_range(ones, found_people, groups, "selection_rate", seed=seed, permutations=draws).permuted


def never_dealt(found_people, groups, draws, seed):
    shares = pd.Series(found_people).groupby(groups).mean()
    return np.full(draws, shares.max() - shares.min())


def resampled(found_people, groups, draws, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(groups), (draws, len(groups)))
    return np.array([np.ptp(pd.Series(found_people[each]).groupby(groups[each]).mean()) for each in rows])


def signed(found_people, groups, draws, seed):
    rng = np.random.default_rng(seed)
    dealt = [pd.Series(found_people).groupby(rng.permutation(groups)).mean() for _ in range(draws)]
    return np.array([shares["a"] - shares["b"] for shares in dealt])


def one_number(found_people, groups, draws, seed):
    return chance_ranges(found_people, groups, draws, seed).mean()


def the_same_deal(found_people, groups, draws, seed):
    return np.array([chance_ranges(found_people, groups, 1, seed)[0] for _ in range(draws)])


def of_two_groups(found_people, groups, draws, seed):
    return chance_ranges(found_people, np.where(groups == "c", "b", groups), draws, seed)


# ---- 8.3


def tpr_gap(truth, answers, groups):
    shares = pd.Series(answers[truth == 1]).groupby(np.asarray(groups)[truth == 1]).mean()
    return shares.max() - shares.min()


def gaps(fitted_on, judged):
    rule = fairness.fit_thresholds(*fitted_on)
    p, truth, groups = judged
    return np.array([tpr_gap(truth, rule.decide(p, groups, seed=lot), groups) for lot in range(20)])


def repaired(calibration, test):
    return gaps(calibration, test).mean()


def as_a_sum(calibration, test):
    return [sum(gaps(calibration, test)) / 20]


def by_chances(calibration, test):
    rule = fairness.fit_thresholds(*calibration)
    chances = rule.probabilities(*test[::2])
    answers = [fairness.draw_decisions(chances, seed=lot) for lot in range(20)]
    return float(np.mean([tpr_gap(test[1], each, test[2]) for each in answers]))


EXERCISES = [
    Exercise(
        notebook="08_fairness",
        number="8.1",
        test="test_held_out_rate",
        around=lambda: AROUND,
        right=[
            OF_TWO.held_out.value,
            np.float64(OF_TWO.held_out.value),
            [OF_TWO.held_out.value],
            round(OF_TWO.held_out.value, 3),
        ],
        wrong=[
            (OF_TWO.rate.value, "as it was chosen"),
            (OF_THREE.held_out.value, "with three conditions"),
            (100 * OF_TWO.held_out.value, "a share"),
            (OF_TWO.held_out.value + 0.01, "same `seed=seed`"),
            (OF_TWO.held_out.n, "a share"),
        ],
    ),
    Exercise(
        notebook="08_fairness",
        number="8.2",
        test="test_chance_ranges",
        right=[chance_ranges, people_dealt_out, by_the_library],
        wrong=[
            (never_dealt, "all draws give the same"),
            (resampled, "left as they are"),
            (signed, "never negative"),
            (one_number, "got shape"),
            (the_same_deal, "all draws give the same"),
            (of_two_groups, "the mean should be near"),
        ],
    ),
    Exercise(
        notebook="08_fairness",
        number="8.3",
        test="test_repaired_gap",
        around=lambda: {"fairness": fairness},
        right=[repaired, as_a_sum, by_chances],
        wrong=[
            (lambda calibration, test: gaps(test, test).mean(), "still choose the thresholds"),
            (lambda calibration, test: gaps(test, test).min(), "the best of 20 draws"),
            (lambda calibration, test: gaps(calibration, test).min(), "the best of 20 draws"),
            (lambda calibration, test: gaps(calibration, test)[0], "is not the mean of the gaps of 20 draws"),
            (
                lambda calibration, test: gaps(calibration, calibration).mean(),
                "is not the mean of the gaps of 20 draws",
            ),
        ],
    ),
]
