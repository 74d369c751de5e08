"""Notebook 07: the pass of the collapse, the radius of a certificate, a certificate for nearly all."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import stats

from tests.notebooks.answers import Exercise

# ---- 7.1: after five passes FGSM is ahead by 0, 30, 80, 80 and 10 points

FAST = SimpleNamespace(
    history=pd.DataFrame({"val_fgsm": [0.1, 0.5, 0.9, 0.8, 0.6], "val_pgd": [0.1, 0.2, 0.1, 0.0, 0.5]})
)

# ---- 7.2


def radius(hits, n, sigma, alpha):
    lowest = stats.beta.ppf(alpha, hits, n - hits + 1) if hits else 0.0
    return sigma * stats.norm.ppf(lowest) if lowest > 0.5 else 0.0


def by_the_test(hits, n, sigma, alpha):
    low = stats.binomtest(hits, n, alternative="greater").proportion_ci(1 - alpha, method="exact").low
    return np.array([max(0.0, sigma * stats.norm.ppf(low))])


def by_search(hits, n, sigma, alpha):
    low, high = 0.0, 1.0
    for _ in range(60):  # the probability at which so many hits or more have a chance of alpha
        middle = (low + high) / 2
        low, high = (middle, high) if stats.binom.sf(hits - 1, n, middle) < alpha else (low, middle)
    return sigma * float(stats.norm.ppf(low)) if low > 0.5 else 0


def by_the_share(hits, n, sigma, alpha):
    return sigma * stats.norm.ppf(min(hits / n, 1 - 1e-12)) if hits > n / 2 else 0.0


def two_sided(hits, n, sigma, alpha):
    return radius(hits, n, sigma, alpha / 2)


def never_abstains(hits, n, sigma, alpha):
    return sigma * stats.norm.ppf(stats.beta.ppf(alpha, hits, n - hits + 1))


def negative(hits, n, sigma, alpha):
    return never_abstains(hits, n, sigma, alpha) if hits else -1.0


def by_normal(hits, n, sigma, alpha):
    share = hits / n
    low = share - stats.norm.ppf(1 - alpha) * np.sqrt(share * (1 - share) / n)
    return sigma * stats.norm.ppf(min(low, 1 - 1e-4)) if low > 0.5 else 0.0


# ---- 7.3


def repaired(right, radii, abstained, asked):
    return (right & ~abstained & (radii >= asked)).mean()


def one_by_one(right, radii, abstained, asked):
    count = 0
    for ok, reach, silent in zip(right, radii, abstained, strict=True):
        count += bool(ok and not silent and reach >= asked)
    return count / len(right)


def by_sums(right, radii, abstained, asked):
    return np.sum(np.where(abstained, 0, right) * (radii >= asked)) / radii.size


def of_the_answered(right, radii, abstained, asked):
    answered = ~abstained
    return (right[answered] & (radii[answered] >= asked)).mean()


def with_the_silent(right, radii, abstained, asked):
    return (right & (radii >= asked)).mean()


def with_the_wrong(right, radii, abstained, asked):
    return (~abstained & (radii >= asked) & (right | (radii > 0.8))).mean()


def strictly(right, radii, abstained, asked):
    return (right & ~abstained & ((radii > asked) | (asked == 0))).mean()


EXERCISES = [
    Exercise(
        notebook="07_adversarial_training",
        number="7.1",
        test="test_furthest_apart",
        around=lambda: {"fast": FAST},
        right=[3, 4, 3.0, np.int64(4), [3]],
        wrong=[
            (2, "30 points apart"),
            (5, "10 points apart"),
            (0, "counted from 1 to 5"),
            (6, "counted from 1 to 5"),
            (2.5, "counted from 1 to 5"),
            ([3, 4], "one number"),
        ],
    ),
    Exercise(
        notebook="07_adversarial_training",
        number="7.2",
        test="test_radius",
        around=lambda: {"stats": stats},
        right=[radius, by_the_test, by_search],
        wrong=[
            (by_the_share, "take its lower bound"),
            (two_sided, "one-sided"),
            (lambda hits, n, sigma, alpha: radius(hits, n, 1.0, alpha), "in units of sigma"),
            (never_abstains, "it abstains"),
            (negative, "it abstains"),
            (by_normal, "the radius is"),
            (lambda hits, n, sigma, alpha: radius(hits, n, sigma, alpha) if hits else np.nan, "this gives nan"),
        ],
    ),
    Exercise(
        notebook="07_adversarial_training",
        number="7.3",
        test="test_repaired_accuracy",
        right=[repaired, one_by_one, by_sums],
        wrong=[
            (of_the_answered, "left out of the count"),
            (with_the_silent, "an abstention is no certificate"),
            (with_the_wrong, "a wrong answer with a certificate"),
            (strictly, "exactly 0.5 is enough"),
            (lambda *given: 10 * repaired(*given), "of ten pictures"),
        ],
    ),
]
