"""Logits and labels as a course network might give them, for the tests of this folder."""

import numpy as np

from helpers.uncertainty import softmax

CLASSES = 10


def drawn_logits(n, *, seed, sharpness=1.0, hard=0.25):
    """Logits and labels of n pictures, a share of them hard; sharpness scales the logits, past 4 float32 saturates."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    logits = rng.normal(0, 1, (n, CLASSES))
    logits[np.arange(n), labels] += np.where(rng.random(n) < hard, 1.5, 6)
    return sharpness * logits, labels


def drawn_probabilities(n, *, seed, sharpness=1.0, hard=0.25):
    """Probabilities in float64 and labels."""
    logits, labels = drawn_logits(n, seed=seed, sharpness=sharpness, hard=hard)
    return softmax(logits), labels


def calibrated_answers(n, *, seed):
    """Probabilities whose labels were drawn from the probabilities themselves: calibrated by construction."""
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 2, (n, CLASSES)))
    labels = (probabilities.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return probabilities, labels
