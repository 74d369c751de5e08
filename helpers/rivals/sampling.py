"""Was the loader private? The log of batch sizes against what Poisson sampling would have left there.

An accountant's epsilon is that of batches in which every picture is by a coin of its own. Then sizes are Binomial(N, q)
and nothing ties one to the next. A shuffled loader hands out each picture once in a pass: its sizes are all alike, and
where somebody has made them vary, the passes still add up to N each.

References: Abadi et al., "Deep Learning with Differential Privacy", 2016 (the sampling); Chua et al., "How Private are
DP-SGD Implementations?", 2024 (a shuffled loader may cost far more than the epsilon of a Poisson one); Annamalai et
al., "To Shuffle or not to Shuffle: Auditing DP-SGD with Shuffling", 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from helpers import privacy
from helpers.contracts import check_count, check_seed, check_share
from helpers.rivals.results import LEVEL, AuditResult

_NUMERICAL = 0.01  # the PRV accountant's own error
_AT_ONCE = 1_000_000  # sizes drawn at once, 8 MB
_TESTS = 3


@dataclass(frozen=True)
class BatchLog:
    """What a maker hands over for an epsilon: how many pictures were in each batch.

    Attributes
    ----------
    sizes : numpy.ndarray of int64, shape (P, S)
        Pictures in each of S batches of P passes.
    pictures : int
        Pictures N that were trained on.
    expected_batch : float
        Pictures in a batch on average, at most N: the sampling rate is ``expected_batch / pictures``.
    noise_multiplier : float
        Standard deviation of the noise over the clipping norm.
    delta, epsilon : float
        The promise.

    Raises
    ------
    ValueError
        If the log is empty or not of this shape, a size cannot be, or a number is out of range.
    """

    sizes: NDArray[np.int64]
    pictures: int
    expected_batch: float
    noise_multiplier: float
    delta: float
    epsilon: float

    def __post_init__(self) -> None:
        check_count(self.pictures, "pictures")
        check_share(self.delta, "delta")
        sizes = np.asarray(self.sizes)
        if sizes.ndim != 2 or not sizes.size or not np.issubdtype(sizes.dtype, np.integer):
            raise ValueError(
                f"sizes must be whole numbers of shape (passes, batches in a pass), got {sizes.dtype} of shape "
                f"{sizes.shape}. One pass: sizes[None]."
            )
        if sizes.min() < 0 or sizes.max() > self.pictures:
            raise ValueError(
                f"a batch holds 0 to {self.pictures} pictures, got sizes from {sizes.min()} to {sizes.max()}"
            )
        if not 0 < self.expected_batch <= self.pictures:
            raise ValueError(f"expected_batch must lie in (0, {self.pictures}], got {self.expected_batch!r}")
        object.__setattr__(self, "sizes", sizes.astype(np.int64))

    @property
    def sampling_rate(self) -> float:
        """Probability of each picture to be in a batch, in (0, 1]."""
        return self.expected_batch / self.pictures


def audit_sampling(log: BatchLog, *, level: float = LEVEL, draws: int = 9999, seed: int = 0) -> AuditResult:
    """Ask whether Poisson sampling at the stated rate could have left this log, of so many steps.

    Parameters
    ----------
    log : BatchLog
        What the maker handed over.
    level : float, in (0, 1)
        From which p-value on it accuses.
    draws : int
        Honest logs drawn to compare with. The least p-value is ``6 / (draws + 1)``, which must not be above `level`.
    seed : int
        Of these.

    Returns
    -------
    AuditResult
        Three two-sided tests together: the number of pictures in all batches (exact), how much sizes vary, and how
        much the totals of passes do (by simulation). An epsilon that is lower than the accountant's for
        so many steps is false whatever the sizes are.

    Raises
    ------
    TypeError, ValueError
        If the log is none, or `level`, `draws` or `seed` cannot be.

    Notes
    -----
    Null: sizes are independent draws from Binomial(N, q). A p-value by simulation, (1 + draws at least as far) over
    (1 + draws), is valid for any number of draws; the smallest of three times three is valid for three. What it cannot
    see: a log that is made up from a random generator. Sizes do not show which pictures were in a batch.

    References
    ----------
    Barnard, discussion of "The Spectral Analysis of Point Processes", 1963: the test by simulation. Chua et al. 2024.
    """
    if not isinstance(log, BatchLog):
        raise TypeError(f"log must be a BatchLog, got {type(log).__name__}")
    least = 2 * _TESTS / (check_count(draws, "draws") + 1)
    if least > check_share(level, "level"):
        raise ValueError(
            f"{draws} draws cannot give a p-value below {least:.2g}, so level {level:g} would accuse nobody. "
            f"Take {int(np.ceil(2 * _TESTS / level))} or more."
        )
    check_seed(seed)
    total = stats.binomtest(int(log.sizes.sum()), log.pictures * log.sizes.size, log.sampling_rate)
    by_size, by_pass = _tails(log, draws, np.random.default_rng(seed))
    steps = log.sizes.size
    spent = privacy.epsilon(log.noise_multiplier, log.sampling_rate, steps, log.delta).epsilon
    short = log.epsilon < spent - _NUMERICAL
    p = 0.0 if short else min(1.0, _TESTS * min(float(total.pvalue), by_size, by_pass))
    return AuditResult("batch sizes", p, level, _in_words(log, spent))


def _in_words(log: BatchLog, spent: float) -> str:
    rate, sizes = log.sampling_rate, log.sizes
    expected = log.pictures * rate * (1 - rate)
    return (
        f"{sizes.size} batches of {sizes.mean():.1f} pictures on average (stated {log.expected_batch:g}), with a "
        f"standard deviation of {sizes.std():.2f} (Poisson sampling: {np.sqrt(expected):.2f}); that of the totals of "
        f"{len(sizes)} passes is {sizes.sum(axis=1).std():.1f} ({np.sqrt(expected * sizes.shape[1]):.1f}). So many "
        f"steps cost epsilon {spent:.2f}, and {log.epsilon:.2f} is claimed."
    )


def _tails(log: BatchLog, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Two-sided p-values of how much sizes, and totals of passes, vary."""
    seen = _dispersions(log.sizes[None])
    below, above = np.zeros(2), np.zeros(2)
    at_once = max(1, _AT_ONCE // log.sizes.size)
    for first in range(0, draws, at_once):
        shape = (min(at_once, draws - first), *log.sizes.shape)
        drawn = _dispersions(rng.binomial(log.pictures, log.sampling_rate, shape))
        below += (drawn <= seen).sum(axis=0)
        above += (drawn >= seen).sum(axis=0)
    each = np.minimum(1, 2 * (1 + np.minimum(below, above)) / (1 + draws))
    return float(each[0]), float(each[1])


def _dispersions(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How much sizes, and totals of passes, vary about their own mean: (D, P, S) to (D, 2), in whole numbers.

    About the stated mean, totals that are all alike, and as far from it as chance would be, would look honest.
    """
    totals = sizes.sum(axis=2)
    everything = totals.sum(axis=1) ** 2
    of_sizes = sizes[0].size * np.einsum("dps,dps->d", sizes, sizes) - everything
    of_passes = totals.shape[1] * np.einsum("dp,dp->d", totals, totals) - everything
    return np.stack([of_sizes, of_passes], axis=1)
