"""The exact test of a lower share holds its level, whatever the share is and however lucky the claim."""

import numpy as np
import pytest
from scipy import stats

from helpers import rivals


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8, 0.99])
@pytest.mark.parametrize(("n", "claimed_n"), [(80, 100), (2000, 14), (14, 400)])
def test_the_level_holds_over_all_outcomes(share, n, claimed_n):
    """No simulation: the probability of each claim, times that of each count which would then be accused."""
    level, accused = 0.01, 0.0
    for claimed in range(claimed_n + 1):
        weight = stats.binom.pmf(claimed, claimed_n, share)
        if weight < 1e-9:
            continue
        p = [rivals.p_below_claim(hits, n, claimed, claimed_n, tolerance=0.0, level=level) for hits in _ends(n, share)]
        worst = max((hits for hits, value in zip(_ends(n, share), p, strict=True) if value <= level), default=-1)
        accused += weight * stats.binom.cdf(worst, n, share)
    assert accused <= level
    print(share, n, claimed_n, accused)


def _ends(n, share):
    """Counts that are not quite impossible."""
    return range(int(stats.binom.ppf(1e-6, n, share)), int(stats.binom.ppf(0.5, n, share)) + 1)


def test_a_share_that_is_lower_is_seen_and_one_inside_the_tolerance_is_not():
    level = rivals.LEVEL
    assert rivals.p_below_claim(30, 80, 90, 100, tolerance=0.05, level=level) <= level
    assert rivals.p_below_claim(30, 80, 90, 100, tolerance=0.5, level=level) > level
    assert rivals.p_below_claim(60, 80, 90, 100, tolerance=0.05, level=level) > level
    assert rivals.p_below_claim(0, 80, 0, 100, tolerance=0.05, level=level) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((81, 80, 1, 2, 0.0, 0.001), r"hits must lie in 0\.\.80, got 81"),
        ((1, 80, 3, 2, 0.0, 0.001), r"claimed_hits must lie in 0\.\.2, got 3"),
        ((1, 80, 1, 2, 1.0, 0.001), r"tolerance must lie in \[0, 1\)"),
        ((1, 80, 1, 2, 0.0, 1.0), "level"),
    ],
)
def test_numbers_that_cannot_be(given, message):
    *counts, tolerance, level = given
    with pytest.raises(ValueError, match=message):
        rivals.p_below_claim(*counts, tolerance=tolerance, level=level)


def test_what_a_result_says():
    result = rivals.AuditResult("batch sizes", 0.001, 0.001, "All are 32.")
    assert result.accused
    assert str(result) == "batch sizes: accused (p = 0.001, level 0.001). All are 32."
    assert not rivals.AuditResult("batch sizes", np.nextafter(0.001, 1), 0.001, "").accused
