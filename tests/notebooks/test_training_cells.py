"""Notebook 01: the functions that its story leans on, tried where the answer is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.notebooks.cells import function_of

NOTEBOOK = "01_training"


def optimism(all_correct):
    return function_of(
        NOTEBOOK, "optimism", seed=0, correct=all_correct[0], runs=list(all_correct), all_correct=all_correct
    )


def runs_that(agree):
    """Three runs, each right on 90% of 4,000 pictures: on the same ones, or each on its own."""
    rng = np.random.default_rng(0)
    drawn = rng.random((1 if agree else 3, 4000)) < 0.9
    return np.repeat(drawn, 3 if agree else 1, axis=0)


@pytest.mark.parametrize("agree", [True, False])
def test_nothing_is_added_where_nothing_is_chosen(agree):
    best_of = optimism(runs_that(agree))
    for same_pictures in (True, False):
        assert abs(best_of(1, same_pictures)) < 0.2  # 4.7 standard errors of 1,000 repeats


def test_candidates_that_answer_alike_gain_only_where_each_has_its_own_pictures():
    best_of = optimism(runs_that(True))
    assert abs(best_of(12, True)) < 0.2
    # The largest of 12 means of 500 pictures: 1.63 standard deviations.
    assert best_of(12, False) == pytest.approx(163 * np.sqrt(0.9 * 0.1 / 500), rel=0.1)


def test_on_the_same_pictures_the_best_gains_by_those_that_runs_differ_on():
    all_correct = runs_that(False)
    share = all_correct.mean(axis=0)
    wanted = 163 * np.sqrt((share * (1 - share)).mean() / 500)
    assert optimism(all_correct)(12, True) == pytest.approx(wanted, rel=0.15)
    assert optimism(all_correct)(12, True) < optimism(all_correct)(12, False)


def test_slices_of_a_condition_make_up_all_pictures():
    names = {"light": ["day", "night"], "distance": ["near", "far"]}
    rng = np.random.default_rng(0)
    attributes = pd.DataFrame({name: pd.Categorical(rng.choice(two, 50), two) for name, two in names.items()})
    split = SimpleNamespace(attributes=attributes.assign(motion=1.0), labels=np.zeros(50, np.int64))
    slices = function_of(NOTEBOOK, "slices_of", data=SimpleNamespace(class_names=("a", "b")))(split)
    assert list(slices) == ["light: day", "light: night", "distance: near", "distance: far"]
    for one, other in (list(slices)[:2], list(slices)[2:]):
        assert np.array_equal(slices[one], ~slices[other])


def test_without_conditions_the_slices_are_classes():
    split = SimpleNamespace(attributes=pd.DataFrame(index=range(4)), labels=np.array([0, 1, 1, 2]))
    slices = function_of(NOTEBOOK, "slices_of", data=SimpleNamespace(class_names=("shirt", "coat", "bag")))(split)
    assert {name: int(rows.sum()) for name, rows in slices.items()} == {
        "class: shirt": 1,
        "class: coat": 2,
        "class: bag": 1,
    }


def test_the_colleagues_leak_is_none_that_a_digest_finds():
    pictures = np.random.default_rng(0).random((400, 4, 4, 1)).astype(np.float32)
    split = function_of(NOTEBOOK, "colleague_split")
    train, train_numbers, test, test_numbers = split(pictures, np.arange(400), 0)
    assert not {picture.tobytes() for picture in train} & {picture.tobytes() for picture in test}
    assert np.isin(test_numbers, train_numbers).mean() == pytest.approx(0.75, abs=0.1)  # its twin is in train or not
