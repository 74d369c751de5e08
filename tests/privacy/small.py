"""Few and small pictures, and a plan whose noise is worth its epsilon, for the tests of this folder."""

import numpy as np

from helpers.privacy import Plan

CLASSES = 4
SHAPE = (6, 6, 1)
PLAN = Plan(rate=0.1, steps=40, noise=1.38)


def pictures(n=400, *, seed=0):
    """Each class is brighter somewhere else."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    images = rng.random((n, *SHAPE)).astype(np.float32) * 0.6
    images[np.arange(n), labels, :, 0] += 0.4
    return images, labels
