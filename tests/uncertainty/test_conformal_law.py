"""Does coverage follow its law?

Calibrate on n pictures, count how many of m test sets hold the truth. If the n + m scores of the truth have no ties and
are exchangeable, the count is Beta-binomial(m, k, n + 1 - k), whatever the model. A *re-split* of one fixed pool of
n + m pictures follows the very same law: only the ranks of the scores matter, and which ranks fall into calibration is
uniform, so the count is negative hypergeometric, which is the Beta-binomial with whole-number parameters. So 1,000
random splits of one pool are 1,000 independent draws from the law, and one pool is enough.

What counts as a departure is fixed beforehand: a z test of the mean and a chi-square test over ten cells of the law,
both two-sided, rejecting if the smaller p-value is below 0.0005 (one false alarm in a thousand, by Bonferroni).

Can the tests tell the quantile without its "+ 1"? It moves the mean by 1/(n + 1); the mean of S splits has a standard
error of the law's spread over sqrt(S). At n = 50 that is 15 standard errors for S = 1,000. At n = 1,000 it is 3.2 with
alpha = 0.1, not enough for 1,000 splits (a power of 0.38), and 6.8 with alpha = 0.02. So there we test alpha = 0.02
with 1,000 splits, and alpha = 0.1 with 5,000 as well (7.1 standard errors). Each test of power computes its own from
the law and asserts it.
"""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from helpers import uncertainty
from helpers.uncertainty import Aps, Lac, Raps, calibrate, conformal
from tests.uncertainty.drawn import drawn_probabilities

REJECT_BELOW = 0.0005
SCORES = {"LAC": Lac(), "APS": Aps(), "RAPS": Raps()}
DETERMINISTIC = {"APS": Aps(randomised=False), "RAPS": Raps(randomised=False)}
# n, alpha, splits
LAWS = [(50, 0.1, 1000), (1000, 0.1, 1000), (1000, 0.02, 1000), (1000, 0.1, 5000)]
TELLING = [(50, 0.1, 1000), (1000, 0.02, 1000), (1000, 0.1, 5000)]
TEST_PICTURES = 10_000


def the_law(n, m, alpha):
    """Beta-binomial from exact arithmetic, written apart from the library's."""
    k = math.ceil((n + 1) * (1 - Fraction(str(alpha))))
    return stats.betabinom(m, k, n + 1 - k)


def p_values(counts, law):
    """Of the mean (z) and of the shape (chi-square over about ten cells of equal chance)."""
    z = (counts.mean() - law.mean()) / (law.std() / math.sqrt(len(counts)))
    inner = np.unique(law.ppf(np.linspace(0, 1, 11)[1:-1]))
    chance = np.diff(np.concatenate([[0], law.cdf(inner), [1]]))
    seen = np.bincount(np.searchsorted(inner, counts, side="left"), minlength=len(chance))
    return 2 * stats.norm.sf(abs(z)), stats.chisquare(seen, chance * len(counts)).pvalue


def follows(counts, law):
    return min(p_values(counts, law)) >= REJECT_BELOW


def counts_of_splits(name, n, alpha, splits, *, sharpness=4.0, scores=SCORES, seed=0):
    p, y = drawn_probabilities(n + TEST_PICTURES, seed=1, sharpness=sharpness)
    own_seed = seed + 100 * list(SCORES).index(name) + splits + n  # no two tests share their splits
    shares = uncertainty.coverage_of_splits(scores[name], p, y, alpha, n_calibration=n, splits=splits, seed=own_seed)
    return np.rint(shares * TEST_PICTURES).astype(int)


@pytest.fixture
def without_plus_one(monkeypatch):
    monkeypatch.setattr(conformal, "quantile_rank", lambda n, alpha: math.ceil(n * (1 - alpha) - 1e-9))


@pytest.mark.parametrize(("n", "alpha", "splits"), LAWS)
@pytest.mark.parametrize("name", SCORES)
def test_coverage_follows_its_law(name, n, alpha, splits):
    counts = counts_of_splits(name, n, alpha, splits)
    assert follows(counts, the_law(n, TEST_PICTURES, alpha)), p_values(counts, the_law(n, TEST_PICTURES, alpha))


@pytest.mark.parametrize(("n", "alpha", "splits"), TELLING)
@pytest.mark.parametrize("name", SCORES)
def test_quantile_without_plus_one_breaks_the_law(name, n, alpha, splits, without_plus_one):
    law = the_law(n, TEST_PICTURES, alpha)
    shift = TEST_PICTURES / (n + 1) / (law.std() / math.sqrt(splits))  # in standard errors
    power = stats.norm.cdf(shift - stats.norm.isf(REJECT_BELOW / 2))
    assert power > 0.999, "this setting cannot tell; the test would prove nothing"
    assert not follows(counts_of_splits(name, n, alpha, splits), law)


@pytest.mark.parametrize(("n", "m"), [(50, 500), (1000, 500)])
@pytest.mark.parametrize("name", SCORES)
def test_coverage_follows_its_law_through_the_sets(name, n, m):
    """The same law where a notebook meets it: fit, sets, count; fresh random parts in each split."""
    p, y = drawn_probabilities(n + m, seed=2, sharpness=4.0)
    rng = np.random.default_rng([n, list(SCORES).index(name)])
    counts = np.empty(1000, dtype=int)
    for i in range(len(counts)):
        order = rng.permutation(n + m)
        calibration, test = order[:n], order[n:]
        sets = calibrate(SCORES[name], p[calibration], y[calibration], 0.1, seed=i).sets(p[test])
        counts[i] = sets[np.arange(m), y[test]].sum()
    assert follows(counts, the_law(n, m, 0.1)), p_values(counts, the_law(n, m, 0.1))


@pytest.mark.parametrize("alpha", [0.1, 0.3])
def test_law_is_exact_over_every_split_of_a_small_pool(alpha):
    """No chance left: all C(13, 9) ways to choose 9 calibration pictures of 13, each once."""
    n, m = 9, 4
    p, y = drawn_probabilities(n + m, seed=3)
    counts = []
    for chosen in combinations(range(n + m), n):
        inside = np.isin(np.arange(n + m), chosen)
        predictor = calibrate(Lac(), p[inside], y[inside], alpha)
        counts.append(predictor.sets(p[~inside])[np.arange(m), y[~inside]].sum())
    observed = np.bincount(counts, minlength=m + 1) / len(counts)
    np.testing.assert_allclose(observed, the_law(n, m, alpha).pmf(np.arange(m + 1)), atol=1e-12)


@pytest.mark.parametrize("sharpness", [1.0, 4.0, 12.0])
@pytest.mark.parametrize("n", [50, 1000])
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_variants_cover_at_least_nominally(name, n, sharpness):
    """Also where two answers in three round to exactly 1 in float64 (sharpness 12)."""
    counts = counts_of_splits(name, n, 0.1, 1000, sharpness=sharpness, scores=DETERMINISTIC)
    error = counts.std() / math.sqrt(len(counts))
    assert counts.mean() >= 0.9 * TEST_PICTURES - 3.3 * error


def test_deterministic_variants_need_their_plus_one_too(without_plus_one):
    counts = counts_of_splits("RAPS", 50, 0.1, 1000, scores=DETERMINISTIC, sharpness=1.0)
    assert counts.mean() < 0.9 * TEST_PICTURES - 3.3 * counts.std() / math.sqrt(len(counts))


@pytest.mark.parametrize("n", [50, 1000])
def test_float32_ties_break_the_law(n):
    """A sure and accurate network: in float32, 95% of its answers are exactly 1 and their scores tie at 0."""
    p, y = drawn_probabilities(n + TEST_PICTURES, seed=4, sharpness=8.0, hard=0.03)
    law = the_law(n, TEST_PICTURES, 0.1)
    options = {"alpha": 0.1, "n_calibration": n, "splits": 1000, "seed": n}
    rounded = uncertainty.coverage_of_splits(Lac(), p.astype(np.float32), y, **options)
    exact = uncertainty.coverage_of_splits(Lac(), p, y, **options)
    assert not follows(np.rint(rounded * TEST_PICTURES).astype(int), law)
    assert rounded.mean() > 0.93
    assert follows(np.rint(exact * TEST_PICTURES).astype(int), law)


@pytest.mark.parametrize("score", [Lac(), Aps(randomised=False)])
def test_splits_without_sets_equal_splits_with_sets(score):
    p, y = drawn_probabilities(600, seed=5)
    quick = uncertainty.coverage_of_splits(score, p, y, 0.1, n_calibration=60, splits=30, seed=7)
    rng = np.random.default_rng(7)
    for share in quick:
        chosen = rng.choice(600, 60, replace=False, shuffle=False)
        rest = np.setdiff1d(np.arange(600), chosen)
        sets = calibrate(score, p[chosen], y[chosen], 0.1).sets(p[rest])
        assert uncertainty.coverage(sets, y[rest]).value == pytest.approx(share)


@pytest.mark.parametrize("alpha", [0.01, 0.02, 0.05, 0.07, 0.1, 0.2, 0.3, 0.7, 0.9])
def test_rank_and_law_agree_with_exact_arithmetic(alpha):
    for n in [1, 9, 19, 49, 50, 99, 100, 199, 999, 1000, 1999]:
        k = math.ceil((n + 1) * (1 - Fraction(str(alpha))))
        assert uncertainty.quantile_rank(n, alpha) == k
        if k <= n:
            law = uncertainty.coverage_law(n, 500, alpha)
            assert law.mean() == pytest.approx(500 * k / (n + 1))
            assert law.pmf(450) == pytest.approx(the_law(n, 500, alpha).pmf(450))
