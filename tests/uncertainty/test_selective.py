"""Selective prediction: curves, areas and thresholds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import intervals, uncertainty
from tests.uncertainty.drawn import drawn_probabilities


def answers(n, seed):
    p, y = drawn_probabilities(n, seed=seed)
    return p.max(axis=1), p.argmax(axis=1) == y


def test_curve_by_hand():
    curve = uncertainty.risk_coverage([0.9, 0.6, 0.8, 0.7], [True, False, False, True])
    np.testing.assert_allclose(curve.coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(curve.risk, [0, 1 / 2, 1 / 3, 2 / 4])
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.7, 0.6])
    value = uncertainty.aurc([0.9, 0.6, 0.8, 0.7], np.array([True, False, False, True])).value
    assert value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    # the best order has both mistakes last: risks 0, 0, 1/3, 1/2
    excess = uncertainty.excess_aurc([0.9, 0.6, 0.8, 0.7], np.array([True, False, False, True])).value
    assert excess == pytest.approx(value - (1 / 3 + 1 / 2) / 4)


def test_ties_share_their_mistakes():
    curve = uncertainty.risk_coverage([1.0, 1.0, 1.0, 0.5], [True, False, True, True])
    np.testing.assert_allclose(curve.risk, [1 / 3, 1 / 3, 1 / 3, 1 / 4])


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_order_of_pictures_does_not_matter(seed, digits):
    confidence, correct = answers(80, seed)
    confidence = confidence.round(digits)  # many ties
    order = np.random.default_rng(seed).permutation(80)
    one, other = (uncertainty.risk_coverage(confidence[i], correct[i]) for i in (slice(None), order))
    np.testing.assert_allclose(one.risk, other.risk)
    assert uncertainty.risk_at_coverage(confidence, correct, 0.8) == uncertainty.risk_at_coverage(
        confidence[order], correct[order], 0.8
    )


def test_confidence_beats_handing_over_at_random_and_a_perfect_ranking_beats_both():
    confidence, correct = answers(3000, 1)
    error = 1 - correct.mean()
    assert uncertainty.aurc(confidence, correct).high < error / 2
    assert uncertainty.excess_aurc(correct.astype(float), correct).value == 0
    assert uncertainty.excess_aurc(confidence, correct).low > 0
    shuffled = np.random.default_rng(0).permutation(confidence)
    assert uncertainty.aurc(shuffled, correct).low < error < uncertainty.aurc(shuffled, correct).high


def test_best_area_tends_to_the_papers_formula():
    _, correct = answers(20_000, 1)
    error = 1 - correct.mean()
    best = uncertainty.risk_coverage(correct.astype(float), correct).risk.mean()
    assert best == pytest.approx(error + (1 - error) * np.log(1 - error), abs=1e-3)


@pytest.mark.parametrize(("error", "excess"), [(0.05, 0.0487), (0.10, 0.0948)])
def test_excess_of_a_useless_ranking_still_grows_with_the_error_rate(error, excess):
    correct = np.arange(10_000) >= 10_000 * error
    assert uncertainty.excess_aurc(np.zeros(10_000), correct, resamples=2).value == pytest.approx(excess, abs=3e-4)
    assert excess == pytest.approx(-(1 - error) * np.log(1 - error), abs=1e-4)


def test_risk_at_coverage_keeps_the_surest():
    confidence, correct = answers(1000, 2)
    surest = np.argsort(-confidence)[:900]
    estimate = uncertainty.risk_at_coverage(confidence, correct, 0.9)
    assert estimate == intervals.proportion(~correct[surest])
    assert uncertainty.risk_at_coverage(confidence, correct, 1.0).n == 1000
    assert uncertainty.risk_at_coverage([0.5] * 10, np.array([True] * 9 + [False]), 0.3).n == 10  # ties stay together


def test_coverage_at_risk():
    confidence, correct = np.linspace(1, 0.1, 10), np.array([True] * 7 + [False, True, False])
    assert uncertainty.coverage_at_risk(confidence, correct, 0.05).value == 0.7
    assert uncertainty.coverage_at_risk(confidence, correct, 0.12).value == 0.9
    assert uncertainty.coverage_at_risk(confidence, ~correct, 0.1).value == 0
    # No threshold cuts through a tie.
    tied = np.array([1.0] * 5 + [0.5] * 5)
    assert uncertainty.coverage_at_risk(tied, correct, 0.1).value == 0.5


def test_refuses_bad_input():
    confidence, correct = answers(20, 1)
    for function in (uncertainty.risk_coverage, uncertainty.aurc, uncertainty.excess_aurc):
        with pytest.raises(TypeError, match="bool"):
            function(confidence, correct.astype(int))
        with pytest.raises(ValueError, match="one per confidence"):
            function(confidence, correct[:5])
        with pytest.raises(ValueError, match="finite"):
            function(np.where(confidence == confidence.max(), np.nan, confidence), correct)
        with pytest.raises(ValueError, match="at least 1"):
            function([], np.zeros(0, bool))
    with pytest.raises(ValueError, match="seed must be a whole number"):
        uncertainty.aurc(confidence, correct, seed=-1)
    for share in (0, 1.2, np.nan):
        with pytest.raises(ValueError, match="coverage must lie"):
            uncertainty.risk_at_coverage(confidence, correct, share)
        with pytest.raises(ValueError, match="risk must lie"):
            uncertainty.coverage_at_risk(confidence, correct, share)
