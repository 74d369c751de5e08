"""Conformal scores, sets and tables, one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores import RAPSConformityScore
from sklearn.base import BaseEstimator, ClassifierMixin
from uncertainty_pictures import CLASSES, drawn_logits, drawn_probabilities

from helpers import uncertainty
from helpers.intervals import Estimate


class Halves:
    """Stands in for a random generator: always the middle."""

    def random(self, n):
        return np.full(n, 0.5)


class Given:
    """Stands in for a random generator: the numbers MAPIE draws (it subtracts what we leave out)."""

    def __init__(self, seed):
        self.seed = seed

    def random(self, n):
        return 1 - np.random.RandomState(self.seed).uniform(size=n)  # noqa: NPY002 - MAPIE's generator


class PredictsItsInput(ClassifierMixin, BaseEstimator):
    """A model whose probabilities are what it is given."""

    classes_ = np.arange(CLASSES)

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)

    def __sklearn_is_fitted__(self):
        return True


def mapie_sets(score, calibration, test, alpha, seed, **parameters):
    classifier = SplitConformalClassifier(
        PredictsItsInput(), confidence_level=1 - alpha, conformity_score=score, prefit=True, random_state=seed
    )
    classifier.conformalize(*calibration)
    _, sets = classifier.predict_set(test, conformity_score_params=parameters)
    return sets[:, :, 0], classifier._mapie_classifier.conformity_score_function_


def test_scores_by_hand():
    p = np.array([[0.2, 0.5, 0.3]])
    np.testing.assert_allclose(uncertainty.lac(p), [[0.8, 0.5, 0.7]])
    np.testing.assert_allclose(uncertainty.aps_deterministic(p), [[1.0, 0.5, 0.8]])
    np.testing.assert_allclose(uncertainty.aps(p, Halves()), [[0.9, 0.25, 0.65]])
    np.testing.assert_allclose(uncertainty.raps(p, Halves(), penalty=0.1, k_reg=1), [[1.1, 0.25, 0.75]])
    np.testing.assert_allclose(uncertainty.raps_deterministic(p, penalty=0.1, k_reg=0), [[1.3, 0.6, 1.0]])


def test_threshold_by_hand():
    scores = np.arange(1, 20) / 20  # n = 19
    assert uncertainty.calibrate(scores[::-1], 0.1) == 0.9  # k = ceil(20 * 0.9) = 18
    assert uncertainty.calibrate(scores, 0.05) == 0.95  # k = 19
    assert uncertainty.calibrate(scores, 0.04) == math.inf  # k = 20: too few pictures


@pytest.mark.parametrize("fit", [uncertainty.fit_lac, uncertainty.fit_aps, uncertainty.fit_raps])
def test_too_few_calibration_pictures_give_every_class(fit):
    p, y = drawn_probabilities(20, seed=0)
    predictor = fit(p[:5], y[:5], 0.1)
    assert predictor.threshold == math.inf
    assert predictor.sets(p).all()


def test_lac_equals_mapie():
    calibration, (test, _) = drawn_probabilities(500, seed=1), drawn_probabilities(1000, seed=2)
    theirs, function = mapie_sets("lac", calibration, test, 0.1, seed=3)
    ours = uncertainty.fit_lac(*calibration, 0.1)
    assert ours.threshold == pytest.approx(float(function.quantiles_[0]), abs=1e-12)
    np.testing.assert_array_equal(ours.sets(test), theirs)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_randomised_aps_equals_mapie(alpha):
    (p, y), (test, _) = drawn_probabilities(500, seed=1), drawn_probabilities(1000, seed=2)
    theirs, function = mapie_sets("aps", (p, y), test, alpha, seed=3, include_last_label="randomized")
    threshold = uncertainty.calibrate(uncertainty.aps(p, Given(3))[np.arange(500), y], alpha)
    assert threshold == pytest.approx(float(function.quantiles_[0]), abs=1e-12)
    np.testing.assert_array_equal(uncertainty.prediction_sets(uncertainty.aps(test, Given(3)), threshold), theirs)


def test_randomised_raps_equals_mapie():
    """Where MAPIE's last class lies at most one past its free ones; beyond that MAPIE divides by another number than the
    paper's rule (V in its algorithm 3), and its sets no longer follow from its own scores."""
    (p, y), (test, _) = drawn_probabilities(600, seed=1), drawn_probabilities(1000, seed=2)
    theirs, function = mapie_sets(
        RAPSConformityScore(), (p, y), test, 0.1, seed=3, include_last_label="randomized"
    )
    penalty, k_reg = float(np.ravel(function.lambda_star)[0]), int(np.ravel(function.k_star)[0])
    tuning = {row.tobytes() for row in function.X_raps}
    kept = [i for i, row in enumerate(p) if row.tobytes() not in tuning]
    # MAPIE shuffles what it keeps; its scores, in its order, tell which picture drew which number.
    part = 1 - Given(3).random(len(kept))
    full = uncertainty.raps_deterministic(p, penalty=0, k_reg=0)[np.arange(600), y]
    order = shuffled_order(p, y, kept, function)
    scores = uncertainty.raps(p[order], Given(3), penalty, k_reg)[np.arange(len(order)), y[order]]
    threshold = uncertainty.calibrate(scores, 0.1)
    assert len(part) == len(order) < len(full)
    assert threshold == pytest.approx(float(function.quantiles_[0]), abs=1e-12)
    sets = uncertainty.prediction_sets(uncertainty.raps(test, Given(3), penalty, k_reg), threshold)
    last = (uncertainty.raps_deterministic(test, penalty=penalty, k_reg=k_reg) < threshold).sum(axis=1) + 1
    alike = last <= k_reg + 1
    assert alike.mean() > 0.9
    np.testing.assert_array_equal(sets[alike], theirs[alike])
