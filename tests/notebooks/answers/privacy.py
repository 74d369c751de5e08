"""Answers to the exercises of notebook 09: sure about a few, the truth about all, a loader that is not private."""

import numpy as np

from helpers import privacy
from tests.notebooks.answers import Exercise

# ---- 9.1


def _spies():
    rng = np.random.default_rng(3)
    truth = np.arange(40_000).reshape(1, -1) % 2 == 0
    rumour = rng.normal(size=truth.shape) + 0.16 * truth
    return {
        "truth": truth,
        "rumour": rumour,
        "insider": rng.normal(size=truth.shape) + 10 * (truth & (rng.random(truth.shape) < 0.1)),
    }


SPIES = _spies()
OF_INSIDER, OF_RUMOUR = (
    privacy.measure_attack(SPIES[spy], SPIES["truth"], resamples=20) for spy in ("insider", "rumour")
)
PERMILLE = OF_INSIDER.tpr_at_permille.value, OF_RUMOUR.tpr_at_permille.value


def by_counting(spy):
    scores, truth = SPIES[spy][0], SPIES["truth"][0]
    false_alarms = np.sort(scores[~truth])[::-1]
    return (scores[truth] > false_alarms[20]).mean()  # 20 of 20,000 non-members are accused, and the 21st is not


# ---- 9.2


def solved(said, epsilon):
    p = np.exp(epsilon) / (1 + np.exp(epsilon))
    return (np.mean(said) - (1 - p)) / (2 * p - 1)


def by_a_matrix(said, epsilon):
    p = privacy.truth_probability(epsilon)
    return np.linalg.solve([[p, 1 - p], [1 - p, p]], [np.mean(said), 1 - np.mean(said)])[0]


def with_tanh(said, epsilon):
    return np.array([0.5 + (np.mean(said) - 0.5) / np.tanh(epsilon / 2)])


# ---- 9.3


def coins(n, expected, steps, rng):
    return [np.flatnonzero(rng.random(n) < expected / n) for _ in range(steps)]


def size_first(n, expected, steps, rng):
    return [rng.permutation(n)[: rng.binomial(n, expected / n)] for _ in range(steps)]


def as_lists(n, expected, steps, rng):
    return [[i for i in range(n) if rng.random() < expected / n] for _ in range(steps)]


def masks(n, expected, steps, rng):
    return [rng.random(n) < expected / n for _ in range(steps)]


def shuffled(n, expected, steps, rng):
    batches = []
    while len(batches) < steps:
        order = rng.permutation(n)
        batches += [order[start : start + expected] for start in range(0, n, expected)]
    return batches[:steps]


def with_replacement(n, expected, steps, rng):
    return [rng.integers(0, n, rng.binomial(n, expected / n)) for _ in range(steps)]


def fixed_size(n, expected, steps, rng):
    return [rng.choice(n, expected, replace=False) for _ in range(steps)]


def one_toss(n, expected, steps, rng):
    batch = np.flatnonzero(rng.random(n) < expected / n)
    return [batch] * steps


def favourites(n, expected, steps, rng):
    q = np.where(np.arange(n) < n // 4, 2.5, 0.5) * expected / n
    return [np.flatnonzero(rng.random(n) < q) for _ in range(steps)]


def one_epoch(n, expected, steps, rng):
    return coins(n, expected, n // expected, rng)


EXERCISES = [
    Exercise(
        notebook="09_privacy",
        number="9.1",
        test="test_times_better",
        around=lambda: {"privacy": privacy, "spies": SPIES},
        right=[PERMILLE[0] / PERMILLE[1], [PERMILLE[0] / PERMILLE[1]], by_counting("insider") / by_counting("rumour")],
        wrong=[
            (OF_INSIDER.auc.value / OF_RUMOUR.auc.value, "ratio of the AUCs"),
            (PERMILLE[1] / PERMILLE[0], "the other way round"),
            (OF_INSIDER.tpr_at_percent.value / OF_RUMOUR.tpr_at_percent.value, "this is at 1%"),
            (PERMILLE[0] - PERMILLE[1], "this is the difference"),
            (round(PERMILLE[0], 3) / round(PERMILLE[1], 3), "not the rounded percentages"),
            (PERMILLE[0], "is not the ratio"),
        ],
    ),
    Exercise(
        notebook="09_privacy",
        number="9.2",
        test="test_true_share",
        right=[solved, by_a_matrix, with_tanh],
        wrong=[
            (lambda said, epsilon: np.mean(said), "how many *said* yes"),
            (lambda said, epsilon: max(0.0, solved(said, epsilon)), "cuts it off there"),
            (lambda said, epsilon: solved(~said, epsilon), "expected"),
            (lambda said, epsilon: np.mean(said) / privacy.truth_probability(epsilon), "expected"),
            (lambda said, epsilon: said * 1.0, "one number is asked for"),
        ],
    ),
    Exercise(
        notebook="09_privacy",
        number="9.3",
        test="test_private_batches",
        right=[coins, size_first, as_lists],
        wrong=[
            (masks, "give indices"),
            (shuffled, "same size"),
            (fixed_size, "same size"),
            (with_replacement, "nobody is in a batch twice"),
            (one_toss, "same size"),
            (favourites, "the same q for all"),
            (one_epoch, "one batch for each of 400 steps"),
        ],
    ),
]
