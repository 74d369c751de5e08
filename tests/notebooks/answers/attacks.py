"""Notebook 06: the price of half the spam, the nearest allowed picture, an attack that stops half-way."""

from types import SimpleNamespace

import numpy as np

from helpers.intervals import proportion
from tests.notebooks.answers import Exercise

# ---- 6.1: of ten messages three pass with at most 2 words, five with at most 4, eight with at most 9

WORDED = SimpleNamespace(
    passed=np.array([True] * 8 + [False] * 2), words_added=np.array([0, 1, 2, 3, 4, 7, 8, 9, 20, 20])
)

# ---- 6.2


def project(moved, originals, epsilon):
    change = moved - originals
    length = np.linalg.norm(change.reshape(len(change), -1), axis=1)
    return np.clip(originals + change * shorter(length, epsilon)[:, None, None, None], 0, 1)


def shorter(length, epsilon):
    return np.minimum(1, epsilon / np.maximum(length, 1e-12))


def one_by_one(moved, originals, epsilon):
    found = originals.copy()
    for i, change in enumerate(moved - originals):
        length = np.sqrt((change**2).sum())
        found[i] += change if length <= epsilon else change / length * epsilon
    return found.clip(0, 1)


def by_where(moved, originals, epsilon):
    change = moved - originals
    length = np.sqrt(np.einsum("nhwc,nhwc->n", change, change))[:, None, None, None]
    change = np.where(length > epsilon, epsilon * change / np.where(length > 0, length, 1), change)
    return np.clip(originals + change, 0, 1)


def by_the_batch(moved, originals, epsilon):
    change = moved - originals
    return np.clip(originals + change * min(1, epsilon / np.linalg.norm(change)), 0, 1)


def always_as_long(moved, originals, epsilon):
    change = moved - originals
    length = np.linalg.norm(change.reshape(len(change), -1), axis=1)[:, None, None, None]
    return np.clip(originals + change * epsilon / np.maximum(length, 1e-12), 0, 1)


def divides_by_nothing(moved, originals, epsilon):
    change = moved - originals
    length = np.linalg.norm(change.reshape(len(change), -1), axis=1)[:, None, None, None]
    return np.clip(originals + np.where(length > epsilon, 1, length / length) * change, 0, 1)


def each_pixel(moved, originals, epsilon):
    return np.clip(np.clip(moved, originals - epsilon, originals + epsilon), 0, 1)


def without_the_box(moved, originals, epsilon):
    change = moved - originals
    length = np.linalg.norm(change.reshape(len(change), -1), axis=1)
    return originals + change * shorter(length, epsilon)[:, None, None, None]


# ---- 6.3


def repaired(gradient, pictures, classes, epsilon, steps, lowest=0):
    moved = pictures
    for _ in range(steps):
        moved = moved + 2 * epsilon / steps * np.sign(gradient(moved, classes))
        moved = np.clip(np.clip(moved, pictures - epsilon, pictures + epsilon), lowest, 1)
    return moved


def in_his_unit(gradient, pictures, classes, epsilon, steps, reach=2.0, ends=(-1, 1)):
    z = z0 = 2 * pictures - 1
    for _ in range(steps):
        z = z + 4 * epsilon / steps * np.sign(gradient((z + 1) / 2, classes))
        z = np.clip(np.clip(z, z0 - reach * epsilon, z0 + reach * epsilon), *ends)
    return (z + 1) / 2


def by_the_change(gradient, pictures, classes, epsilon, steps):
    change = np.zeros_like(pictures)
    for _ in range(steps):
        slope = gradient(pictures + change, classes)
        change = np.clip(change + epsilon * np.sign(slope), -epsilon, epsilon)
        change = np.clip(pictures + change, 0, 1) - pictures
    return pictures + change


def in_place(gradient, pictures, classes, epsilon, steps):
    kept = pictures.copy()
    for _ in range(steps):
        pictures += 2 * epsilon / steps * np.sign(gradient(pictures, classes))
        np.clip(pictures, np.maximum(kept - epsilon, 0), np.minimum(kept + epsilon, 1), out=pictures)
    return pictures


def asked_in_his_unit(gradient, pictures, classes, epsilon, steps):
    z = z0 = 2 * pictures - 1
    for _ in range(steps):
        z = np.clip(z + 4 * epsilon / steps * np.sign(gradient(z, classes)), z0 - 2 * epsilon, z0 + 2 * epsilon)
    return (z + 1) / 2


def downhill(gradient, pictures, classes, epsilon, steps):
    return repaired(lambda x, y: -gradient(x, y), pictures, classes, epsilon, steps)


EXERCISES = [
    Exercise(
        notebook="06_attacks",
        number="6.1",
        test="test_words_for_half",
        around=lambda: {"worded": WORDED},
        right=[4, 4.0, np.int64(4), np.array([4])],
        wrong=[
            (3, "40.0% pass, less than half"),
            (5, "with 4 words 50.0% pass already"),
            (20, "with 19 words 80.0% pass already"),
            (0.5, "a whole number"),
            (21, "0 to 20 words"),
            (-1, "0 to 20 words"),
            (proportion(WORDED.passed), "a whole number"),
            ([3, 4], "one number"),
        ],
    ),
    Exercise(
        notebook="06_attacks",
        number="6.2",
        test="test_project",
        right=[project, one_by_one, by_where, lambda *given: project(*given).tolist()],
        wrong=[
            (by_the_batch, "one length for each picture"),
            (always_as_long, "short enough stays as it is"),
            (divides_by_nothing, "do not divide by a length of 0"),
            (each_pixel, "bounds every pixel (L-infinity)"),
            (without_the_box, "clip last"),
            (lambda moved, originals, epsilon: moved, "nothing was shortened"),
            (
                lambda moved, originals, epsilon: project(moved, originals, epsilon) - originals,
                "add them to the originals",
            ),
            (
                lambda moved, originals, epsilon: project(2 * originals - moved, originals, epsilon),
                "its direction stays",
            ),
            (lambda moved, originals, epsilon: project(moved, originals, epsilon)[0], "pictures of shape"),
        ],
    ),
    Exercise(
        notebook="06_attacks",
        number="6.3",
        test="test_repaired_attack",
        right=[repaired, in_his_unit, by_the_change, lambda *given: repaired(*given).tolist()],
        wrong=[
            (lambda *given: in_his_unit(*given, reach=1.0), "still half as far as allowed"),
            (lambda *given: in_his_unit(*given, reach=4.0), "now twice as far"),
            (lambda *given: in_his_unit(*given, ends=(-3, 3)), "pixels must end in [0, 1]"),
            (lambda *given: repaired(*given, lowest=-1), "pixels must end in [0, 1]"),
            (in_place, "work on a copy"),
            (asked_in_his_unit, "pixels outside of [0, 1]"),
            (downhill, "go up the gradient"),
            (lambda gradient, pictures, classes, epsilon, steps: pictures, "nothing has changed"),
            (lambda *given: repaired(*given)[0], "pictures of shape"),
        ],
    ),
]
