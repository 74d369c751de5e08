"""Gaps: a signed contrast that covers zero where there is none, a range beside chance, and pairs."""

import numpy as np
import pytest
from fairlearn import metrics as theirs

from helpers import fairness
from helpers.intervals import proportion
from tests.fairness.people import UNFAIR, decisions, people


def drawn(n, seed, stand_out=(1.6,) * 6):
    found = people(n, seed=seed, stand_out=stand_out)
    return found.labels, decisions(found), found.groups


# ---- the signed contrast


def test_a_contrast_by_hand():
    labels = np.ones(8, int)
    answers = np.array([1, 0, 1, 1, 0, 0, 1, 0])
    groups = np.array([1, 1, 2, 2, 3, 3, 3, 3])
    found = fairness.signed_contrast(labels, answers, groups, plus=[3], minus=[1, 2])
    assert found.value == pytest.approx(1 / 4 - (1 / 2 + 1) / 2)
    assert found.n == 8
    other = fairness.signed_contrast(labels, answers, groups, plus=[1, 2], minus=[3])
    np.testing.assert_allclose([other.value, other.low, other.high], [-found.value, -found.high, -found.low])


def test_two_groups_are_newcombes_method_10():
    # R. G. Newcombe (1998), table II: 56/70 minus 48/80 is 0.2000 [0.0524, 0.3339].
    answers = np.concatenate([np.arange(70) < 56, np.arange(80) < 48]).astype(int)
    found = fairness.signed_contrast(
        np.ones(150, int), answers, np.repeat(["a", "b"], [70, 80]), plus=["a"], minus=["b"]
    )
    np.testing.assert_allclose(found[:3], [0.2, 0.0524, 0.3339], atol=5e-5)


def test_a_contrast_covers_zero_where_there_is_no_gap_and_a_difference_of_fairlearns_does_not():
    covered = []
    for seed in range(40):
        found = fairness.signed_contrast(*drawn(600, seed), plus=[5, 6], minus=[1, 2])
        covered.append(found.low <= 0 <= found.high)
    assert np.mean(covered) >= 0.85
    labels, answers, groups = drawn(600, 0)
    frame = theirs.MetricFrame(
        metrics=theirs.selection_rate,
        y_true=labels,
        y_pred=answers,
        sensitive_features=groups,
        n_boot=60,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    assert frame.difference_ci()[0] > 0


def test_the_change_of_a_contrast_by_hand_and_of_one_group_is_a_paired_effect():
    labels = np.array([1, 1, 1, 1, 1, 1, 0, 0])
    before = np.array([1, 0, 0, 0, 1, 0, 1, 0])
    after = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    groups = np.array(["a", "a", "a", "a", "b", "b", "a", "b"])
    found = fairness.contrast_change(labels, before, after, groups, plus=["a"], minus=["b"])
    assert found.value == pytest.approx((3 / 4 - 1 / 4) - (0 / 2 - 1 / 2))
    assert found.n == 6
    of_a = fairness.paired_effect(before[:4], after[:4]).effect
    of_b = fairness.paired_effect(before[4:6], after[4:6]).effect
    assert of_a.value - of_b.value == pytest.approx(found.value)
    assert (
        max(np.diff(of_a[1:3]), np.diff(of_b[1:3])) < found.high - found.low < np.diff(of_a[1:3]) + np.diff(of_b[1:3])
    )


def test_the_change_of_a_contrast_is_the_difference_of_two_and_covers_what_is_true():
    found_changes, narrower = [], []
    for seed in range(60):
        found = people(900, seed=seed, stand_out=UNFAIR)
        first = decisions(found)
        rng = np.random.default_rng(seed + 1000)
        saved = (found.labels == 1) & (first == 0) & (rng.random(900) < 0.5)  # half of those who were missed
        second = np.where(saved, 1, first)
        sides = {"plus": [5, 6], "minus": [1, 2]}
        change = fairness.contrast_change(found.labels, first, second, found.groups, **sides)
        one, other = (fairness.signed_contrast(found.labels, each, found.groups, **sides) for each in (first, second))
        assert change.value == pytest.approx(other.value - one.value)
        found_changes.append(change)
        as_if_of_other_pictures = np.hypot(one.high - one.low, other.high - other.low)
        narrower.append(change.high - change.low < as_if_of_other_pictures)
    truth = np.mean([change.value for change in found_changes])
    assert np.mean([change.low <= truth <= change.high for change in found_changes]) >= 0.85
    assert all(narrower)


def test_a_change_of_the_precision_is_refused():
    labels, answers, groups = drawn(100, 0)
    with pytest.raises(ValueError, match="share of other pictures"):
        fairness.contrast_change(labels, answers, answers, groups, plus=[5], minus=[1], rate="precision")


def test_a_contrast_finds_a_gap_with_its_sign():
    found = fairness.signed_contrast(*drawn(1500, 1, UNFAIR), plus=[5, 6], minus=[1, 2])
    assert -0.7 < found.low < found.high < -0.3


def test_a_contrast_of_perfect_rates_has_a_width():
    found = fairness.signed_contrast(np.ones(20, int), np.ones(20, int), np.repeat([1, 2], 10), plus=[1], minus=[2])
    assert found.value == 0
    assert found.low < -0.2 < 0.2 < found.high


@pytest.mark.parametrize(
    ("plus", "minus", "message"),
    [
        ([7], [1], r"plus asks for group '7', and there are 1, 2, 3"),
        ([], [1], r"plus must list one or more groups, got \[\]"),
        ("23", [1], "plus must list one or more groups, got '23'"),
        ([1, 2], [2], r"\['2'\] cannot be in plus and in minus"),
        ([3], [1], "the rate has no value in group '3': no picture of it is counted"),
    ],
)
def test_mistakes_of_a_contrast(plus, minus, message):
    labels = np.array([1, 1, 1, 1, 0, 0])
    with pytest.raises(ValueError, match=message):
        fairness.signed_contrast(labels, labels, [1, 1, 2, 2, 3, 3], plus=plus, minus=minus)


# ---- the range


def test_a_range_is_fairlearns_difference():
    labels, answers, groups = drawn(500, 2, UNFAIR)
    for rates, difference in (
        ("selection_rate", theirs.demographic_parity_difference),
        ("true_positive_rate", theirs.equal_opportunity_difference),
        (("true_positive_rate", "false_positive_rate"), theirs.equalized_odds_difference),
    ):
        found = fairness.group_range(labels, answers, groups, rates, permutations=10)
        assert found.value == pytest.approx(difference(labels, answers, sensitive_features=groups), abs=1e-6)


def test_a_range_without_a_gap_is_what_chance_gives_and_never_zero():
    found = [fairness.group_range(*drawn(400, seed), permutations=200) for seed in range(150)]
    assert min(each.value for each in found) > 0
    assert np.mean([each.value for each in found]) == pytest.approx(
        np.mean([each.expected for each in found]), abs=0.02
    )
    assert np.mean([each.p_value <= 0.05 for each in found]) <= 0.1
    assert np.mean([each.value > each.limit for each in found]) <= 0.1


def test_a_range_with_a_gap_is_more_than_chance_gives():
    found = fairness.group_range(*drawn(1500, 3, UNFAIR))
    assert found.p_value < 0.001
    assert found.value > 2 * found.limit
    assert "p=0.0005" in str(found)


def test_permuted_ranges_are_those_of_permuted_rows():
    labels, answers, groups = drawn(300, 4)
    found = fairness.group_range(labels, answers, groups, permutations=3000)
    rng = np.random.default_rng(0)
    mine, codes = answers[labels == 1], groups[labels == 1]
    ranges = []
    for _ in range(1500):
        shuffled = rng.permutation(codes)
        ranges.append(np.ptp([mine[shuffled == tone].mean() for tone in range(1, 7)]))
    assert found.expected == pytest.approx(np.mean(ranges), abs=0.005)
    assert found.limit == pytest.approx(np.quantile(ranges, 0.95), abs=0.02)


def test_base_rates_may_differ_without_a_difference_of_true_positive_rates():
    rng = np.random.default_rng(5)
    groups = rng.integers(0, 2, 2000)
    labels = (rng.random(2000) < np.where(groups == 1, 0.8, 0.2)).astype(int)
    answers = (rng.random(2000) < np.where(labels == 1, 0.9, 0.1)).astype(int)
    assert fairness.group_range(labels, answers, groups).p_value > 0.05
    assert fairness.group_range(labels, answers, groups, "selection_rate").p_value < 0.001


def test_a_range_of_one_group_is_refused():
    with pytest.raises(ValueError, match=r"the true_positive_rate of two groups or more, got 1 \(a\)"):
        fairness.group_range([1, 1, 0, 0], [1, 0, 0, 1], list("aabb"))


# ---- pairs


def test_a_paired_effect_is_that_of_the_literature():
    # Bentur et al. (2009), as in M. W. Fagerland, S. Lydersen and P. Laake (2014): 1, 1, 7 and 12 of 21 children; the
    # difference is -0.286, Tango's interval -0.517 to -0.026.
    before = np.repeat([1, 1, 0, 0], [1, 7, 1, 12])
    after = np.repeat([1, 0, 1, 0], [1, 7, 1, 12])
    found = fairness.paired_effect(before, after)
    np.testing.assert_allclose(found.effect[:3], [-0.286, -0.517, -0.026], atol=5e-4)
    assert (found.up, found.down) == (proportion(np.arange(21) < 1), proportion(np.arange(21) < 7))


def test_pairs_see_what_groups_cannot():
    """A shift of a tenth, in scenes that differ by far more."""
    rng = np.random.default_rng(0)
    hard = rng.random(300)
    before, after = hard < 0.6, hard < 0.5
    paired = fairness.paired_effect(before, after).effect
    labels, groups = np.ones(600, int), np.repeat(["before", "after"], 300)
    apart = fairness.signed_contrast(labels, np.r_[before, after], groups, plus=["after"], minus=["before"])
    assert paired.value == pytest.approx(apart.value)
    assert paired.high < 0
    assert paired.high - paired.low < 0.6 * (apart.high - apart.low)


def test_an_attribute_that_changes_nothing_has_an_interval_and_one_that_swaps_answers_is_seen():
    none = fairness.paired_effect(np.ones(50, bool), np.ones(50, bool)).effect
    assert none.low < -0.05 < 0 < 0.05 < none.high
    swapped = fairness.paired_effect(np.repeat([0, 1], 50), np.repeat([1, 0], 50))
    assert (swapped.effect.value, swapped.up.value, swapped.down.value) == (0, 0.5, 0.5)
    assert fairness.paired_effect(np.ones(9, int), np.zeros(9, int)).effect[:2] == (-1, -1)
    assert fairness.paired_effect(np.zeros(9, int), np.ones(9, int)).effect.high == 1


def test_scores_have_students_interval():
    rng = np.random.default_rng(1)
    before = rng.random(100)
    found = fairness.paired_effect(before, before - 0.1 + rng.normal(0, 0.02, 100))
    assert found.effect.low < -0.1 < found.effect.high < -0.09


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ([0, 1], [0, 1, 1], r"of one shape \(N,\), a scene in each row, got \(2,\) and \(3,\)"),
        ([], [], "a scene in each row"),
        ([0.2, 0.4], [0.2, 0.4], "all 2 scores differ by the same, 0: was the attribute changed"),
        ([0, 2], [0, 1], r"labels must lie in 0\.\.1"),
        ([0.1, np.nan], [0.2, 0.3], "before must be finite"),
    ],
)
def test_mistakes_of_pairs(before, after, message):
    with pytest.raises(ValueError, match=message):
        fairness.paired_effect(before, after)
