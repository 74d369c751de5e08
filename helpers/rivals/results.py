"""What an audit says, and the exact tests that audits share.

An audit has a null hypothesis that an honest maker fulfils, and accuses where data as odd as these would come from one
with a probability of at most the level. It never says that a claim is true: only that nothing speaks against it.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from helpers.contracts import check_count, check_share

LEVEL = 0.001
"""How often an audit may accuse an honest maker: fifteen audits together in fewer than 2 of 100 cases."""

_LEFT_OUT = 0.1  # share of the level for claims that were themselves luckier than an interval allows


@dataclass(frozen=True)
class AuditResult:
    """What one audit found out about one claim.

    Attributes
    ----------
    audit : str
        What was asked.
    p_value : float, in [0, 1]
        The probability of data at least as odd from an honest maker; 0 where an honest one can never have such.
    level : float, in (0, 1)
        From which p-value on it accuses.
    found : str
        What was measured, in numbers.
    """

    audit: str
    p_value: float
    level: float
    found: str

    @property
    def accused(self) -> bool:
        """Whether the evidence speaks against the claim."""
        return self.p_value <= self.level

    def __str__(self) -> str:
        said = "accused" if self.accused else "not accused"
        return f"{self.audit}: {said} (p = {self.p_value:.2g}, level {self.level:g}). {self.found}"


def p_below_claim(hits: int, n: int, claimed_hits: int, claimed_n: int, *, tolerance: float, level: float) -> float:
    """How odd a share on fresh pictures is, were it no lower than the claimed one less a tolerance.

    Parameters
    ----------
    hits, n : int
        What counts on fresh pictures, and how many there are.
    claimed_hits, claimed_n : int
        The same of the claim.
    tolerance : float
        How much lower the true share may be, in [0, 1).
    level : float
        What the p-value will be held against; a tenth of it goes to the claim's own luck.

    Returns
    -------
    float
        A p-value: at most x with a probability of at most x, for every x from a tenth of `level` on, whatever the
        true share is.

    Raises
    ------
    ValueError
        If counts, tolerance or level cannot be.

    Notes
    -----
    The claim is a measurement, too, so its share is not known. The test is exact at each share that the claim's
    Clopper-Pearson interval leaves possible; the largest p-value is at its lower end, and what the interval leaves out
    is added.

    References
    ----------
    Berger and Boos, "P Values Maximized Over a Confidence Set for the Nuisance Parameter", 1994.
    """
    check_share(level, "level")
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance must lie in [0, 1), got {tolerance!r}: the share that may be missing")
    for some, most, name in ((hits, n, "hits"), (claimed_hits, claimed_n, "claimed_hits")):
        if not 0 <= some <= check_count(most, name.replace("hits", "n")):
            raise ValueError(f"{name} must lie in 0..{most}, got {some}")
    left_out = _LEFT_OUT * level
    lowest = float(stats.beta.ppf(left_out, claimed_hits, claimed_n - claimed_hits + 1)) if claimed_hits else 0.0
    least = max(0.0, lowest - tolerance)
    return min(1.0, float(stats.binom.cdf(hits, n, least)) + left_out)
