"""Conformal scores, sets and tables, one by one."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedShuffleSplit

from helpers import uncertainty
from helpers.intervals import Estimate
from helpers.uncertainty import Aps, Lac, Raps, calibrate, conformal_quantile
from tests.uncertainty.drawn import CLASSES, drawn_logits, drawn_probabilities

EXACT = [Lac(), Aps(), Raps()]  # scores that do not tie


class Halves:
    """Stands in for a random generator: always the middle."""

    def random(self, n):
        return np.full(n, 0.5)


class LikeMapie:
    """Stands in for a random generator: the numbers MAPIE draws (it subtracts what we leave out)."""

    def __init__(self, seed):
        self.seed = seed

    def random(self, n):
        return 1 - np.random.RandomState(self.seed).uniform(size=n)


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
    np.testing.assert_allclose(Lac()(p, Halves()), [[0.8, 0.5, 0.7]])
    np.testing.assert_allclose(Aps(randomised=False)(p, Halves()), [[1.0, 0.5, 0.8]])
    np.testing.assert_allclose(Aps()(p, Halves()), [[0.9, 0.25, 0.65]])
    np.testing.assert_allclose(Raps(0.1, 1)(p, Halves()), [[1.1, 0.25, 0.75]])
    np.testing.assert_allclose(Raps(0.1, 0, randomised=False)(p, Halves()), [[1.3, 0.6, 1.0]])


def test_threshold_by_hand():
    scores = np.arange(1, 20) / 20  # n = 19
    assert conformal_quantile(scores[::-1], 0.1) == 0.9  # k = ceil(20 * 0.9) = 18
    assert conformal_quantile(scores, 0.05) == 0.95  # k = 19
    assert conformal_quantile(scores, 0.04) == math.inf  # k = 20: too few pictures
    # The threshold itself still belongs inside.
    predictor = uncertainty.ConformalPredictor(Lac(), 0.75, alpha=0.1, n=19)
    assert predictor.sets(np.array([[0.25, 0.125, 0.625]])).tolist() == [[True, False, True]]


@pytest.mark.parametrize("score", EXACT)
def test_too_few_calibration_pictures_give_every_class(score):
    p, y = drawn_probabilities(20, seed=0)
    predictor = calibrate(score, p[:5], y[:5], 0.1)
    assert predictor.threshold == math.inf
    assert predictor.sets(p).all()


def test_lac_equals_mapie():
    calibration, (test, _) = drawn_probabilities(500, seed=1), drawn_probabilities(1000, seed=2)
    theirs, function = mapie_sets("lac", calibration, test, 0.1, seed=3)
    ours = calibrate(Lac(), *calibration, 0.1)
    assert ours.threshold == pytest.approx(float(function.quantiles_[0]), abs=1e-12)
    np.testing.assert_array_equal(ours.sets(test), theirs)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_randomised_aps_equals_mapie(alpha):
    (p, y), (test, _) = drawn_probabilities(500, seed=1), drawn_probabilities(1000, seed=2)
    theirs, function = mapie_sets("aps", (p, y), test, alpha, seed=3, include_last_label="randomized")
    threshold = conformal_quantile(Aps()(p, LikeMapie(3))[np.arange(500), y], alpha)
    assert threshold == pytest.approx(float(function.quantiles_[0]), abs=1e-12)
    np.testing.assert_array_equal(Aps()(test, LikeMapie(3)) <= threshold, theirs)


def test_randomised_raps_equals_mapie():
    """Where the last class lies at most one past the free ones.

    Beyond that MAPIE 1.6 divides by another number than V in the paper's algorithm, and its sets no longer follow from
    its own scores.
    """
    (p, y), (test, _) = drawn_probabilities(600, seed=1), drawn_probabilities(1000, seed=2)
    theirs, function = mapie_sets("raps", (p, y), test, 0.1, seed=3, include_last_label="randomized")
    score = Raps(float(np.ravel(function.lambda_star)[0]), int(np.ravel(function.k_star)[0]))
    # MAPIE tunes its penalty on a part of the calibration pictures and calibrates on the rest.
    tuned_on = StratifiedShuffleSplit(n_splits=1, test_size=len(function.X_raps), random_state=3)
    rest, _ = next(tuned_on.split(p, y))
    threshold = conformal_quantile(score(p[rest], LikeMapie(3))[np.arange(len(rest)), y[rest]], 0.1)
    assert threshold == pytest.approx(float(function.quantiles_[0]), abs=1e-12)
    sets = score(test, LikeMapie(3)) <= threshold
    last = (replace(score, randomised=False)(test, LikeMapie(3)) < threshold).sum(axis=1) + 1
    alike = last <= score.k_reg + 1
    assert score.penalty > 0
    assert alike.mean() > 0.9
    np.testing.assert_array_equal(sets[alike], theirs[alike])


pictures = st.integers(0, 10_000).map(lambda seed: drawn_probabilities(60, seed=seed, sharpness=1 + seed % 5))


@settings(max_examples=30)
@given(pictures, st.floats(0.02, 0.5), st.floats(0.02, 0.5))
def test_sets_shrink_as_alpha_grows(pool, one, other):
    p, y = pool
    for score in (*EXACT, Aps(randomised=False)):
        wide = calibrate(score, p[:40], y[:40], min(one, other)).sets(p)
        narrow = calibrate(score, p[:40], y[:40], max(one, other)).sets(p)
        assert (narrow <= wide).all()


@settings(max_examples=30)
@given(pictures, st.integers(0, 100), st.integers(0, CLASSES))
def test_raps_without_penalty_is_aps(pool, seed, k_reg):
    p, y = pool
    aps = calibrate(Aps(), p, y, 0.1, seed=seed)
    raps = calibrate(Raps(penalty=0, k_reg=k_reg), p, y, 0.1, seed=seed)
    assert raps.threshold == aps.threshold
    np.testing.assert_array_equal(raps.sets(p), aps.sets(p))


@settings(max_examples=30)
@given(pictures)
def test_sets_take_the_likelier_class_first(pool):
    p, y = pool
    for score in EXACT:
        sets = calibrate(score, p, y, 0.1).sets(p)
        least_inside = np.where(sets, p, np.inf).min(axis=1)
        most_outside = np.where(sets, -np.inf, p).max(axis=1)
        assert (least_inside >= most_outside).all()


def test_a_penalty_shortens_long_sets():
    (p, y), (test, _) = drawn_probabilities(1000, seed=1), drawn_probabilities(2000, seed=2)
    aps = uncertainty.set_size(calibrate(Aps(), p, y, 0.1).sets(test))
    raps = uncertainty.set_size(calibrate(Raps(), p, y, 0.1).sets(test))
    assert raps.high < aps.low


def test_random_part_of_test_and_calibration_differ():
    """With the same stream for both, test pictures that repeat calibration pictures would get the same scores."""
    p, y = drawn_probabilities(500, seed=1)
    score = Recording()
    calibrate(score, p, y, 0.1, seed=5).sets(p)
    calibrated, tested = score.drawn
    assert (calibrated != tested).all()


class Recording:
    """LAC that keeps the first random numbers it could have used."""

    may_tie = False

    def __init__(self):
        self.drawn = []

    def __call__(self, probabilities, rng):
        self.drawn.append(rng.random(4))
        return Lac()(probabilities, rng)


def test_sets_repeat_and_take_a_seed():
    (p, y), (test, _) = drawn_probabilities(300, seed=1), drawn_probabilities(300, seed=2)
    predictor = calibrate(Aps(), p, y, 0.1, seed=4)
    np.testing.assert_array_equal(predictor.sets(test), predictor.sets(test))
    assert (predictor.sets(test) != predictor.sets(test, seed=9)).any()


def test_by_class_keeps_its_promise_where_the_average_hides_a_class():
    """Class 0 is hard: sets calibrated together cover it too rarely, sets calibrated by class do not."""
    (p, y), (test, truth) = (hard_class_zero(n, seed) for n, seed in ((4000, 1), (8000, 2)))
    for score in EXACT:
        together, by_class = (
            uncertainty.coverage_by_group(calibrate(score, p, y, 0.1, by_class=each).sets(test), truth, truth)
            for each in (False, True)
        )
        assert together["0"].high < 0.8
        assert all(0.85 < share.value < 0.95 for share in by_class.values())


def hard_class_zero(n, seed):
    logits, labels = drawn_logits(n, seed=seed)
    logits[labels == 0, 0] -= 4
    return uncertainty.softmax(logits), labels


def test_a_class_without_calibration_pictures_enters_every_set():
    p, y = drawn_probabilities(400, seed=1)
    seen = y != 3
    predictor = calibrate(Lac(), p[seen], y[seen], 0.1, by_class=True)
    assert predictor.threshold[3] == math.inf
    assert predictor.sets(p)[:, 3].all()
    with pytest.raises(ValueError, match="calibrated on 10 classes"):
        predictor.sets(np.full((2, 3), 1 / 3))


def test_coverage_size_and_groups_by_hand():
    sets = np.array([[True, False], [True, True], [False, False], [False, True]])
    labels = np.array([0, 0, 1, 1])
    assert uncertainty.coverage(sets, labels).value == 0.75
    assert uncertainty.set_size(sets).value == 1.0
    groups = uncertainty.coverage_by_group(sets, labels, ["night", "day", "night", "day"])
    assert list(groups) == ["day", "night"]
    assert groups["day"].value == 1.0
    assert groups["night"] == Estimate(0.5, groups["night"].low, groups["night"].high, 2)


def test_ties_at_the_threshold_are_told():
    logits, y = drawn_logits(500, seed=1, sharpness=8, hard=0.0)
    p = uncertainty.softmax(logits).astype(np.float32)
    for by_class in (False, True):
        with pytest.warns(uncertainty.TiesWarning, match="double precision") as told:
            calibrate(Lac(), p, y, 0.1, by_class=by_class)
        assert told[0].filename == __file__


@pytest.mark.filterwarnings("error")
def test_no_warning_without_ties():
    p, y = drawn_probabilities(500, seed=1)
    for score in EXACT:
        calibrate(score, p, y, 0.1)
        calibrate(score, p, y, 0.1, by_class=True)
    # Ties are in the nature of these.
    sure, truth = drawn_probabilities(500, seed=1, sharpness=12, hard=0.0)
    for score in (Aps(randomised=False), Raps(randomised=False)):
        predictor = calibrate(score, sure.astype(np.float32), truth, 0.1)
        assert (score(sure.astype(np.float32), None) == predictor.threshold).sum() > 1


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, 10, math.nan])
def test_refuses_alpha_outside(alpha):
    p, y = drawn_probabilities(50, seed=1)
    for score in EXACT:
        for by_class in (False, True):
            with pytest.raises(ValueError, match="alpha must lie strictly between 0 and 1"):
                calibrate(score, p, y, alpha, by_class=by_class)
    with pytest.raises(ValueError, match="alpha must lie"):
        uncertainty.coverage_law(50, 100, alpha)


@pytest.mark.parametrize(("penalty", "k_reg"), [(-1, 1), (math.inf, 1), (0.1, -1), (1, 0.1)])
def test_refuses_bad_prices(penalty, k_reg):
    with pytest.raises(ValueError, match=r"both at least 0, got penalty="):
        Raps(penalty, k_reg)


def test_refuses_bad_input():
    p, y = drawn_probabilities(50, seed=1)
    logits, _ = drawn_logits(50, seed=1)
    with pytest.raises(ValueError, match="softmax"):
        calibrate(Lac(), logits, y, 0.1)
    with pytest.raises(ValueError, match="shape"):
        calibrate(Lac(), p, y[:40], 0.1)
    with pytest.raises(ValueError, match=r"0\.\.9"):
        calibrate(Lac(), p, y + 5, 0.1)
    with pytest.raises(TypeError, match="integers"):
        calibrate(Lac(), p, y.astype(float), 0.1)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        calibrate(Aps(), p, y, 0.1, seed=-1)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        calibrate(Aps(), p, y, 0.1).sets(p, seed=2**32)
    with pytest.raises(TypeError, match="bool"):
        uncertainty.coverage(p, y)
    with pytest.raises(ValueError, match="at least 1"):
        uncertainty.coverage(np.zeros((0, 10), bool), y[:0])
    with pytest.raises(ValueError, match="groups"):
        uncertainty.coverage_by_group(p > 0.5, y, ["day"])
    with pytest.raises(ValueError, match="NaN"):
        uncertainty.ConformalPredictor(lambda p, rng: np.full_like(p, np.nan), 0.5, alpha=0.1, n=50).sets(p)
    with pytest.raises(ValueError, match="finite"):
        conformal_quantile([0.1, math.nan], 0.1)
    with pytest.raises(ValueError, match="Use 9 or more"):
        uncertainty.coverage_law(8, 100, 0.1)
    with pytest.raises(ValueError, match="below the 50"):
        uncertainty.coverage_of_splits(Lac(), p, y, 0.1, n_calibration=50)
