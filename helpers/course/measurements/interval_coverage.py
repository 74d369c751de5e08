"""Do the course's 95% intervals hold the true value 95 times in 100? Asked where the true value is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from helpers import intervals
from helpers.course.measurements.base import Measurement
from helpers.intervals import Estimate

SHARE = "Wilson interval of a share of 0.9, 50 cases"
MEAN = "Student t interval of a mean, 5 cases"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
    """Draw samples from a known law, and count the intervals that hold what it was drawn from.

    Parameters
    ----------
    sizes : mapping
        ``samples``: how many intervals of each kind.
    seed : int
        Seed of the draws.

    Returns
    -------
    dict of str to Estimate
        Share of intervals that hold the true value, with its own interval.
    """
    rng = np.random.default_rng(seed)
    shares = [intervals.proportion(rng.random(50) < 0.9) for _ in range(sizes["samples"])]
    means = [intervals.mean(rng.normal(size=5)) for _ in range(sizes["samples"])]
    return {SHARE: _held(shares, 0.9), MEAN: _held(means, 0.0)}


def _held(estimates: list[Estimate], truth: float) -> Estimate:
    return intervals.proportion(np.array([estimate.low <= truth <= estimate.high for estimate in estimates]))


MEASUREMENT = Measurement(
    question="How often does a 95% interval hold the true value?",
    run=run,
    full={"samples": 4000},
    toy={"samples": 200},
    bounds={SHARE: (0, 1), MEAN: (0, 1)},
)
