"""The worst group: found where there is one, and its bad luck named where there is none."""

import numpy as np
import pytest

from helpers import fairness
from helpers.intervals import proportion
from tests.fairness.people import UNFAIR, decisions, people


def of_groups(rights, n=40):
    """Labels, answers and groups, so many of n right in each."""
    answers = np.concatenate([np.arange(n) < right for right in rights]).astype(int)
    return np.ones(n * len(rights), int), answers, np.repeat(np.arange(len(rights)), n)


def test_a_truly_worst_group_is_named_with_confidence():
    found = people(1500, seed=0, stand_out=UNFAIR)
    worst = fairness.worst_group(found.labels, decisions(found), found.groups, "true_positive_rate")
    assert worst.name == worst.chosen == "6"
    assert next(iter(worst.chance)) == "6"
    assert worst.chance["6"] > 0.99
    assert worst.p_value < 0.001
    assert worst.permuted.mean() > worst.rate.high
    assert abs(worst.selection_effect) < 0.03
    assert sum(worst.chance.values()) == pytest.approx(1)


def test_the_worst_of_equals_had_bad_luck():
    rng = np.random.default_rng(0)
    moved, honest, significant = [], [], 0
    for seed in range(40):
        worst = fairness.worst_group(*of_groups(rng.binomial(40, 0.8, 20)), seed=seed, draws=400)
        moved.append(worst.selection_effect)
        honest.append(worst.held_out.value)
        assert worst.rate.value < 0.8
        significant += worst.p_value <= 0.05
    assert min(moved) > 0.05
    assert np.mean(honest) == pytest.approx(0.8, abs=0.04)
    assert significant <= 6


def test_where_high_is_bad():
    labels, answers, groups = of_groups([2, 3, 20])
    worst = fairness.worst_group(np.zeros_like(labels), answers, groups, "false_positive_rate", worst="highest")
    assert worst.name == "2"
    assert worst.rate == proportion(np.arange(40) < 20)
    assert worst.p_value < 0.001
    assert worst.permuted.mean() < 0.5


def test_small_groups_are_left_out_and_named():
    labels, answers, groups = of_groups([30, 32])
    labels, answers, groups = np.append(labels, 1), np.append(answers, 0), np.append(groups, 9)
    worst = fairness.worst_group(labels, answers, groups)
    assert (worst.name, worst.left_out) == ("0", ("9",))
    assert "too few pictures: 9" in str(worst)


def test_mistakes():
    labels, answers, groups = of_groups([30, 32])
    with pytest.raises(ValueError, match=r"the worst of 0 groups says nothing: only \[\] of 2 have 50 or more"):
        fairness.worst_group(labels, answers, groups, at_least=50)
    with pytest.raises(ValueError, match="worst must be 'lowest' or 'highest', got 'least'"):
        fairness.worst_group(labels, answers, groups, worst="least")
    with pytest.raises(ValueError, match="there is no rate 'recall'"):
        fairness.worst_group(labels, answers, groups, "recall")
