"""Accuracy without labels: right under a shift that keeps calibration, wrong for a class unknown to the model."""

import numpy as np
import pytest

from helpers import monitoring
from tests.monitoring.world import CENTRES, pictures, world

WORLD = world(n=6000)
REFERENCE = WORLD["usual"]
ESTIMATORS = monitoring.accuracy_estimators(REFERENCE)
MARGIN = 0.03


def harder(n, seed):
    """A shift that keeps calibration: the same pictures, those near the border of two classes twice as often."""
    drawn = pictures(3 * n, np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1)
    return drawn.take(rng.choice(3 * n, n, p=(w := 1.1 - drawn.confidence) / w.sum()))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: each.name)
def test_right_where_it_was_fitted_and_on_fresh_pictures(estimator):
    if estimator.name != "average confidence":
        assert estimator.each(REFERENCE).mean() == pytest.approx(REFERENCE.correct.mean(), abs=1e-9)
    error = monitoring.estimation_error(estimator, pictures(6000, np.random.default_rng(5)))
    assert -MARGIN < error.low < error.high < MARGIN


@pytest.mark.parametrize("estimator", ESTIMATORS[:2], ids=lambda each: each.name)
def test_right_under_a_shift_that_keeps_calibration(estimator):
    shifted = harder(6000, 7)
    assert shifted.correct.mean() < REFERENCE.correct.mean() - 0.05
    error = monitoring.estimation_error(estimator, shifted)
    assert -MARGIN < error.low < error.high < MARGIN
    estimate = monitoring.estimated_accuracy(estimator, shifted)
    assert estimate.value - error.value == pytest.approx(shifted.correct.mean())


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: each.name)
def test_wrong_for_a_class_that_the_model_does_not_know(estimator):
    error = monitoring.estimation_error(estimator, WORLD["new class"])
    assert error.low > 0.3
    month = monitoring.simulate_month(WORLD, monitoring.FAULTS[2], seed=0)
    after = month.take(np.arange(10, 30))
    assert monitoring.estimation_error(estimator, after).low > MARGIN


def test_a_model_that_is_too_sure_is_mended_by_the_difference():
    sharp = np.square(REFERENCE.probabilities) / np.square(REFERENCE.probabilities).sum(axis=1, keepdims=True)
    sure = monitoring.Served(**{**vars(REFERENCE), "probabilities": sharp})
    assert monitoring.estimation_error(monitoring.AverageConfidence(), sure).low > 0.02
    mended = monitoring.accuracy_estimators(sure)[1]
    assert monitoring.estimation_error(mended, sure).value == pytest.approx(0, abs=1e-9)
    assert len(CENTRES) == sure.probabilities.shape[1]
