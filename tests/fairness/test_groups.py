"""Tables by group: Fairlearn's numbers where it has them, and a width where its bootstrap has none."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as theirs
from sklearn.metrics import accuracy_score, precision_score

from helpers import fairness, intervals
from tests.fairness.people import TONES, UNFAIR, decisions, people

THEIRS = {
    "accuracy": accuracy_score,
    "base_rate": lambda y_true, y_pred: theirs.mean_prediction(y_true, y_true),
    "selection_rate": theirs.selection_rate,
    "true_positive_rate": theirs.true_positive_rate,
    "false_positive_rate": theirs.false_positive_rate,
    "true_negative_rate": theirs.true_negative_rate,
    "false_negative_rate": theirs.false_negative_rate,
    "precision": precision_score,
}


def drawn(n=600, seed=0):
    found = people(n, seed=seed, stand_out=UNFAIR)
    return found.labels, decisions(found), found.groups


def with_one(seed=0):
    """300 people of two groups, and one of a third, positive and read rightly."""
    rng = np.random.default_rng(seed)
    labels, answers = rng.integers(0, 2, 301), rng.integers(0, 2, 301)
    groups = np.where(np.arange(301) < 150, "a", "b").astype(object)
    labels[300], answers[300], groups[300] = 1, 1, "one"
    return labels, answers, groups


# ---- the numbers


def test_metric_frame_and_a_count_by_hand_agree():
    labels, answers, groups = drawn()
    assert set(THEIRS) == set(fairness.RATES)
    table = fairness.group_table(labels, answers, groups, list(THEIRS), resamples=0)
    frame = theirs.MetricFrame(metrics=THEIRS, y_true=labels, y_pred=answers, sensitive_features=groups)
    for rate in THEIRS:
        np.testing.assert_allclose(table.loc[rate, "value"].astype(float), frame.by_group[rate], atol=1e-6)
    for tone in TONES:
        mine = [(y, d) for y, d, g in zip(labels, answers, groups, strict=True) if g == tone]
        positives = [d for y, d in mine if y == 1]
        row = table.loc[("true_positive_rate", str(tone))]
        assert row["value"] == pytest.approx(sum(positives) / len(positives), abs=1e-6)
        assert (row["n"], row["pictures"]) == (len(positives), len(mine))


def test_intersections_have_a_row_each_even_without_a_picture():
    labels, answers, tones = drawn(80)
    light = np.where(tones > 3, "night", "day")
    table = fairness.group_table(labels, answers, {"tone": tones, "light": light}, ["accuracy"], resamples=0)
    assert len(table) == 12
    frame = theirs.MetricFrame(
        metrics=accuracy_score,
        y_true=labels,
        y_pred=answers,
        sensitive_features=pd.DataFrame({"tone": tones, "light": light}),
    )
    np.testing.assert_allclose(table["value"], frame.by_group.astype(float), atol=1e-6)
    empty = table.loc[("accuracy", "tone 1, light night")]
    assert (empty["n"], empty["pictures"]) == (0, 0)
    assert empty[["value", "low", "high"]].isna().all()
    from_table = fairness.group_table(
        labels, answers, pd.DataFrame({"tone": tones, "light": light}), ["accuracy"], resamples=0
    )
    pd.testing.assert_frame_equal(table, from_table)


def test_the_accuracy_takes_any_classes():
    labels, answers = np.array([3, 4, 9, 9]), np.array([3, 4, 9, 0])
    table = fairness.group_table(labels, answers, ["a", "a", "b", "b"], ["accuracy"], resamples=0)
    assert table["value"].tolist() == [1, 0.5]


# ---- the intervals


@pytest.mark.filterwarnings("ignore::helpers.fairness.groups.ThinGroupWarning")
def test_a_planted_group_of_one_has_wilsons_interval_and_the_share_of_dropped_resamples():
    labels, answers, groups = with_one()
    frame = theirs.MetricFrame(
        metrics=theirs.true_positive_rate,
        y_true=labels,
        y_pred=answers,
        sensitive_features=groups,
        n_boot=100,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    assert [end["one"] for end in frame.by_group_ci] == [1, 1]  # what Fairlearn says of one picture
    one = fairness.group_table(labels, answers, groups, ["true_positive_rate"], resamples=100).loc[
        ("true_positive_rate", "one")
    ]
    wilson = intervals.proportion(np.array([True]))
    assert (one["n"], one["interval"]) == (1, "Wilson")
    assert (one["low"], one["high"]) == (wilson.low, wilson.high)
    assert one["absent"] == pytest.approx((1 - 1 / 301) ** 301)
    assert one["absent"] == pytest.approx(np.exp(-1), abs=0.001)


def test_the_share_of_dropped_resamples_is_what_fairlearn_drops():
    labels, answers, groups = with_one()
    asked = []

    def spy(y_true, y_pred, one):
        asked.append(bool(np.all(one)))
        return float(np.mean(y_pred))

    theirs.MetricFrame(
        metrics=spy,
        y_true=labels,
        y_pred=answers,
        sensitive_features=groups,
        sample_params={"one": groups == "one"},
        n_boot=100,
        ci_quantiles=[0.5],
        random_state=0,
    )
    dropped = 1 - (sum(asked) - 1) / 100  # asked once for the table itself, then in each resample that has the group
    assert dropped == pytest.approx((1 - 1 / 301) ** 301, abs=0.15)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore::helpers.fairness.groups.ThinGroupWarning")
def test_no_interval_is_of_zero_width(seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(["one", "two", "few", "many", "perfect"], [1, 2, 20, 200, 200])
    labels = rng.integers(0, 2, 423)
    answers = np.where(groups == "perfect", labels, rng.integers(0, 2, 423))
    table = fairness.group_table(labels, answers, groups, ["accuracy", "true_positive_rate"], resamples=50, seed=seed)
    known = table[table["n"] > 0]
    assert ((known["high"] - known["low"]) > 0.005).all()
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    assert (known.loc[(known["n"] < 30) | known["value"].isin([0, 1]), "interval"] == "Wilson").all()
    assert table.loc[("accuracy", "many"), "interval"] == "bootstrap"


def test_larger_groups_have_fairlearns_interval():
    labels, answers, groups = drawn()
    table = fairness.group_table(labels, answers, groups, ["selection_rate"], resamples=60, seed=3)
    frame = theirs.MetricFrame(
        metrics=theirs.selection_rate,
        y_true=labels,
        y_pred=answers,
        sensitive_features=groups,
        n_boot=60,
        ci_quantiles=[0.025, 0.975],
        random_state=3,
    )
    assert (table["interval"] == "bootstrap").all()
    for name, end in zip(("low", "high"), frame.by_group_ci, strict=True):
        np.testing.assert_allclose(table[name].astype(float), end, atol=1e-9)


def test_resamples_that_lack_positives_do_not_count_as_zero():
    """Fairlearn gives 0.0 as the true positive rate of no positives; ours is NaN, which its quantiles leave out."""
    assert theirs.true_positive_rate([0, 0], [0, 1]) == 0
    labels, answers = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    with pytest.warns(fairness.ThinGroupWarning, match="the true_positive_rate has no value.* in 'a'"):
        table = fairness.group_table(labels, answers, list("aabb"), ["true_positive_rate"], resamples=0)
    assert table["n"].tolist() == [0, 2]
    assert np.isnan(table["value"].iloc[0])


# ---- bad input


def test_a_rate_that_rests_on_one_picture_is_said():
    with pytest.warns(fairness.ThinGroupWarning, match="the accuracy rests on one picture in 'one'"):
        fairness.group_table(*with_one(), ["accuracy"], resamples=0)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "nan", pd.NaT])
def test_missing_groups_are_named_by_row(missing):
    labels, answers, groups = with_one()
    groups[[4, 7, 9, 11, 20, 30, 40]] = missing
    with pytest.raises(ValueError, match=r"groups is missing in 7 of 301 rows: 4, 7, 9, 11, 20 and 2 more\. Leave"):
        fairness.group_table(labels, answers, groups)
    with pytest.raises(ValueError, match="light is missing in 7 of 301 rows"):
        fairness.group_table(labels, answers, pd.DataFrame({"light": groups}))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"decisions": [0, 1]}, ValueError, r"decisions must have shape \(301,\)"),
        ({"decisions": np.full(301, 0.7)}, TypeError, "decisions must be integers"),
        ({"decisions": np.full(301, 2)}, ValueError, r"decisions must lie in 0\.\.1"),
        ({"labels": [], "decisions": []}, ValueError, r"labels must have shape \(N,\) with N of at least 1"),
        ({"groups": ["a"]}, ValueError, r"groups must have shape \(301,\), one value per picture, got \(1,\)"),
        ({"groups": {}}, ValueError, "groups names no attribute"),
        ({"groups": np.random.default_rng(0).random(301)}, ValueError, "301 different numbers.*pandas.cut"),
        ({"rates": ["true positive rate"]}, ValueError, "Did you mean 'true_positive_rate'"),
        ({"resamples": -1}, ValueError, "resamples must be a whole number of at least 0"),
        ({"confidence": 95}, ValueError, "confidence must lie strictly between 0 and 1"),
        ({"seed": -1}, ValueError, "seed must be a whole number"),
    ],
)
def test_mistakes(change, error, message):
    call = dict(zip(("labels", "decisions", "groups"), with_one(), strict=True))
    with pytest.raises(error, match=message):
        fairness.group_table(**(call | change))


# ---- any measure


def test_any_measure_by_group():
    values = np.arange(6.0)
    found = fairness.by_group(lambda x, y: (x.sum(), y.shape), list("aabbbc"), values, np.ones((6, 3)))
    assert found == {"a": (1, (2, 3)), "b": (9, (3, 3)), "c": (5, (1, 3))}
    both = fairness.by_group(len, {"x": list("aab"), "y": [1, 2, 2]}, values[:3])
    assert both == {"x a, y 1": 1, "x a, y 2": 1, "x b, y 2": 1}


def test_calibration_by_group_with_another_rooms_function():
    from helpers.uncertainty import ece, equal_width_edges

    rng = np.random.default_rng(0)
    yes = rng.random(4000)
    groups = np.repeat(["calibrated", "too sure"], 2000)
    labels = (rng.random(4000) < np.where(groups == "calibrated", yes, 0.5 + 0.3 * (yes - 0.5))).astype(np.int64)
    edges = equal_width_edges(10)
    found = fairness.by_group(lambda p, y: ece(p, y, edges), groups, np.stack([1 - yes, yes], axis=1), labels)
    assert found["calibrated"].low == 0
    assert found["too sure"].low > found["calibrated"].high


def test_what_a_measure_refuses_is_named_by_its_group():
    with pytest.raises(ValueError, match=r"in group 'b', n=1: a mean with an interval needs two"):
        fairness.by_group(intervals.mean, list("aab"), np.arange(3.0))
    with pytest.raises(ValueError, match=r"one or more of one length, got lengths \[3, 2\]"):
        fairness.by_group(len, list("aab"), np.arange(3), np.arange(2))
    with pytest.raises(ValueError, match="got lengths"):
        fairness.by_group(len, list("aab"))


def test_nothing_is_warned_of_where_groups_are_large():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fairness.group_table(*drawn(), resamples=20)
