"""Many simulated months, watched by the same detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_count, check_seed
from helpers.monitoring.detectors import Detector, watch
from helpers.monitoring.month import USUAL_DAYS, Fault, Variation, simulate_month
from helpers.monitoring.served import Served


def watch_months(
    detectors: Sequence[Detector],
    pools: Mapping[str, Served],
    fault: Fault | None = None,
    *,
    months: int,
    delay: int,
    days: int = 30,
    pictures: int = 200,
    variation: Variation = USUAL_DAYS,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Draw months and give every detector's number of each day: null months, fresh ones, or months with a fault.

    Parameters
    ----------
    detectors : sequence of Detector
        With names of their own.
    pools : mapping of str to Served
        As for :func:`helpers.monitoring.simulate_month`.
    fault : Fault, optional
        What goes wrong in each; nothing by default.
    months : int
        How many, independent of each other.
    delay : int
        Days until labels are there. Each month has as many usual days before it, so that detectors which wait for
        labels have a number from the first day on.
    days, pictures : int
        Days in a month, and pictures on each.
    variation : Variation
        How usual days differ.
    seed : int
        Of all months; another one gives others.

    Returns
    -------
    dict of str to numpy.ndarray of float64, shape (months, days)
        By detector. For times from a fault on, look at the days from ``fault.begins`` on.

    Raises
    ------
    ValueError
        If a count or the seed is none, or a pool is not there.
    """
    found: dict[str, list[NDArray[np.float64]]] = {each.name: [] for each in detectors}
    for each in np.random.SeedSequence(check_seed(seed)).generate_state(check_count(months, "months")):
        month = simulate_month(
            pools, fault, days=days, pictures=pictures, before=delay, variation=variation, seed=int(each)
        )
        for name, numbers in watch(detectors, month, delay=delay).items():
            found[name].append(numbers)
    return {name: np.stack(numbers) for name, numbers in found.items()}
