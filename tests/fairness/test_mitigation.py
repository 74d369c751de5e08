"""Mitigations do what they are for, are drawn by lot in public, and refuse what Fairlearn lets through."""

import numpy as np
import pytest

from helpers import fairness
from helpers.fairness.audit import gap_of
from helpers.intervals import proportion
from tests.fairness.people import UNFAIR, decisions, people

CALIBRATION, TEST = people(2400, seed=0, stand_out=UNFAIR), people(2400, seed=1, stand_out=UNFAIR)


def gap(answers, rate="true_positive_rate"):
    return gap_of(rate, TEST.labels, np.atleast_2d(answers), TEST.groups)


def fitted(**options):
    return fairness.fit_thresholds(CALIBRATION.scores, CALIBRATION.labels, CALIBRATION.groups, **options)


# ---- weights


def test_weights_make_label_and_group_independent():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 3, 900)
    labels = (rng.random(900) < np.array([0.2, 0.5, 0.9])[groups]).astype(int)
    weights = fairness.balancing_weights(labels, groups)
    assert weights.sum() == pytest.approx(900)
    for group in range(3):
        rows = groups == group
        assert np.average(labels[rows], weights=weights[rows]) == pytest.approx(labels.mean())
        assert weights[rows].sum() == pytest.approx(rows.sum())


def test_weights_by_hand():
    # Of ten: P(group) P(label) / P(group, label) in each cell; 0.5 * 0.6 / 0.4 = 0.75 for the first.
    groups = np.array(list("mmmmmfffff"))
    labels = np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0])
    weights = fairness.balancing_weights(labels, groups)
    np.testing.assert_allclose(weights, [0.75] * 4 + [2.0] + [1.5] * 2 + [2 / 3] * 3)


def test_a_group_without_a_class_is_named():
    with pytest.warns(UserWarning, match="no picture of some class in 'b': weights cannot balance"):
        weights = fairness.balancing_weights([0, 1, 1], list("aab"))
    assert np.isfinite(weights).all()


# ---- thresholds


@pytest.mark.parametrize(
    ("constraint", "rate"),
    [("true_positive_rate_parity", "true_positive_rate"), ("demographic_parity", "selection_rate")],
)
def test_thresholds_close_the_gap_they_are_fitted_for(constraint, rate):
    thresholds = fitted(constraint=constraint)
    answers = [thresholds.decide(TEST.scores, TEST.groups, seed=seed) for seed in range(5)]
    assert gap(decisions(TEST), rate) > 0.2
    assert gap(np.stack(answers), rate) < 0.5 * gap(decisions(TEST), rate)


@pytest.mark.parametrize("constraint", ["equalized_odds", "true_positive_rate_parity", "demographic_parity"])
def test_probabilities_are_fairlearns(constraint):
    thresholds = fitted(constraint=constraint)
    theirs = thresholds.optimizer._pmf_predict(TEST.scores[:, None], sensitive_features=TEST.groups.astype(str))
    np.testing.assert_allclose(thresholds.probabilities(TEST.scores, TEST.groups), theirs, atol=1e-9)


def test_one_person_gets_two_answers():
    thresholds = fitted()
    chances = thresholds.probabilities(TEST.scores, TEST.groups)
    person = int(np.abs(chances[:, 1] - 0.5).argmin())
    one = thresholds.probabilities(TEST.scores[person : person + 1], TEST.groups[person : person + 1])
    assert one.shape == (1, 2)
    np.testing.assert_allclose(one[0], chances[person])
    assert 0.2 < one[0, 1] < 0.8
    heard = [
        thresholds.decide(TEST.scores[person : person + 1], TEST.groups[person : person + 1], seed=seed)[0]
        for seed in range(200)
    ]
    assert np.mean(heard) == pytest.approx(one[0, 1], abs=0.12)
    assert set(heard) == {0, 1}


def test_a_group_that_was_not_there_is_refused_and_fairlearn_says_no_to_all_of_it():
    thresholds = fitted()
    surest = np.ones((3, 1))
    assert (thresholds.optimizer.predict(surest, sensitive_features=["new"] * 3) == 0).all()
    with pytest.raises(ValueError, match="no thresholds were fitted for group 'new'; there are 1, 2, 3"):
        thresholds.probabilities(surest[:, 0], ["new"] * 3)


@pytest.mark.parametrize("fit", [fairness.fit_thresholds, fairness.fit_fair_classifier])
def test_a_group_with_one_class_is_refused_by_name(fit):
    labels = np.where(CALIBRATION.groups == 2, 1, CALIBRATION.labels)
    read = CALIBRATION.scores if fit is fairness.fit_thresholds else CALIBRATION.rows
    with pytest.raises(ValueError, match=r"group '2' has one class alone \(\d+ pictures\)"):
        fit(read, labels, CALIBRATION.groups)
    with pytest.raises(ValueError, match=r"labels must have shape \(2400,\)"):
        fit(read, labels[:5], CALIBRATION.groups)


# ---- the fair classifier


def test_a_fair_classifier_closes_the_gap_without_asking_for_groups():
    # The tone moves what the classifier reads, and positives of some tones are rarer to be seen.
    plain = fairness.fit_fair_classifier(CALIBRATION.rows, CALIBRATION.labels, CALIBRATION.groups, bound=0.9)
    fair = fairness.fit_fair_classifier(CALIBRATION.rows, CALIBRATION.labels, CALIBRATION.groups, bound=0.02)
    before, after = (gap(np.stack([each.decide(TEST.rows, seed=seed) for seed in range(5)])) for each in (plain, fair))
    assert after < 0.6 * before
    chances = fair.probabilities(TEST.rows)
    np.testing.assert_allclose(chances, fair.reduction._pmf_predict(TEST.rows.astype(float)), atol=1e-9)
    np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_mistakes_of_the_fair_classifier():
    fair = fairness.fit_fair_classifier(
        CALIBRATION.rows[:600], CALIBRATION.labels[:600], CALIBRATION.groups[:600], most_fits=2
    )
    with pytest.raises(ValueError, match=r"embeddings must have shape \(N, 12\), got \(3, 4\)"):
        fair.probabilities(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="embeddings must be finite"):
        fair.probabilities(np.full((3, 12), np.nan))
    with pytest.raises(ValueError, match="there is no constraint 'fairness'; there are demographic_parity"):
        fairness.fit_fair_classifier(CALIBRATION.rows, CALIBRATION.labels, CALIBRATION.groups, constraint="fairness")
    with pytest.raises(ValueError, match="bound must lie strictly between 0 and 1"):
        fairness.fit_fair_classifier(CALIBRATION.rows, CALIBRATION.labels, CALIBRATION.groups, bound=5)


# ---- the lot


def test_a_lot_is_the_same_with_the_same_seed_alone():
    chances = np.full((500, 2), 0.5)
    one, same, other = (fairness.draw_decisions(chances, seed=seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert 0.3 < (one != other).mean() < 0.7
    sure = np.repeat([[1.0, 0.0], [0.0, 1.0]], 100, axis=0)
    assert fairness.draw_decisions(sure, seed=0).tolist() == [0] * 100 + [1] * 100


@pytest.mark.parametrize("chances", [np.full(4, 0.5), np.full((4, 3), 0.2), np.full((4, 2), 1.5)])
def test_what_is_no_lot(chances):
    with pytest.raises(ValueError, match=r"probabilities must have shape \(N, 2\), of no and yes, in \[0, 1\]"):
        fairness.draw_decisions(chances, seed=0)


def test_a_mean_over_draws_lies_between_them_and_covers_what_is_expected():
    thresholds = fitted()
    chances = thresholds.probabilities(TEST.scores, TEST.groups)
    right = np.where(TEST.labels == 1, chances[:, 1], chances[:, 0]).mean()

    def accuracy(answers):
        return proportion(answers == TEST.labels)

    def decide(seed):
        return thresholds.decide(TEST.scores, TEST.groups, seed=seed)

    found = fairness.mean_over_draws(accuracy, decide, draws=40)
    assert found.value == pytest.approx(right, abs=0.004)
    assert found.low < right < found.high
    assert found.n == 2400
    alone = accuracy(decide(0))
    assert found.high - found.low == pytest.approx(alone.high - alone.low, rel=0.05)
    answers = decisions(TEST)
    np.testing.assert_allclose(fairness.mean_over_draws(accuracy, lambda seed: answers), accuracy(answers))
    with pytest.raises(ValueError, match="draws must be a whole number of at least 1"):
        fairness.mean_over_draws(accuracy, decide, draws=0)
