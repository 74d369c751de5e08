"""A quantile and the order statistics around it: exact, whatever the distribution, infinity included."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from helpers.contracts import check_share
from helpers.intervals import Estimate


def quantile(values: NDArray[np.float64], share: float, confidence: float) -> Estimate:
    """A quantile with its distribution-free interval.

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (N,)
        Independent of each other; N of at least 1.
    share : float, in (0, 1)
        Which quantile.
    confidence : float, in (0, 1)
        Least coverage of the interval.

    Returns
    -------
    Estimate
        The lowest value that at least this share of them does not exceed, and the two that enclose the quantile; an
        end is infinite where there are too few for it.

    References
    ----------
    W. J. Conover (1999), "Practical nonparametric statistics", section 3.2.
    """
    n, tail = len(values), (1 - check_share(confidence, "confidence")) / 2
    ordered = np.concatenate([[-np.inf], np.sort(values), [np.inf]])
    low = int(stats.binom.ppf(tail, n, share))
    high = int(stats.binom.ppf(1 - tail, n, share)) + 1
    place = math.ceil(share * n - 1e-9)
    return Estimate(float(ordered[place]), float(ordered[low]), float(ordered[high]), n)
