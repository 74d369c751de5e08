"""What notebook 03 defines: functions that its sliders and boxes call, and that its story leans on."""

import dataclasses
import functools

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from helpers import datasets, models
from helpers.datasets import messages
from tests.notebooks.cells import function_of

function = functools.partial(function_of, "03_interpretable")


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", train=600, calibration=100, test=100)


# ---- what the widgets call


@pytest.mark.parametrize("depth", [1, 4, 9])
def test_the_card_of_a_tree_says_how_large_it_is(digits, depth):
    by_depth = {depth: models.decision_tree(digits.train, 10, depth=depth)}
    images, case = digits.test.images, 3
    card = function(
        "tree_card",
        by_depth=by_depth,
        reads=function("reads"),
        cal_images=digits.calibration.images,
        y_cal=digits.calibration.labels,
        test_images=images,
        case=case,
        truth=digits.test.labels[case],
    )(depth)
    way = models.decision_path(by_depth[depth], images[case])
    title = " ".join(card.get_suptitle().split())
    assert title.startswith(f"Depth {depth}: {models.size_of(by_depth[depth]).rules} rules read")
    assert f"{len(way)} questions call this {digits.test.labels[case]} a" in title
    assert len(card.axes[0].texts) == len(way)  # one mark for each question
    assert str(len(way)) in card.alt


def test_the_box_explains_any_message():
    explain = function("explain_message", spam_filter=models.spam_filter(messages.load()))
    for text in ("You win a free prize, send your bank details now", "", "qwertzuiop"):
        figure = explain(text)
        assert figure.get_suptitle().startswith("Logit")
    shown = [label.get_text() for label in explain("free prize").axes[0].get_yticklabels()]
    assert {"free", "prize"} <= set(shown)


# ---- what the story leans on


def test_the_formula_gives_the_librarys_probabilities(digits):
    library = models.softmax_regression(digits.train, 10, 0.1)
    rows, estimator = digits.test.images.reshape(len(digits.test), -1), library.estimator
    w, b = estimator.coef_.astype(float), estimator.intercept_
    probabilities = function("probabilities")
    np.testing.assert_allclose(probabilities(rows, w, b), library(digits.test.images), atol=1e-5)
    np.testing.assert_allclose(probabilities(rows, w + rows[0], b), probabilities(rows, w, b), atol=1e-9)
    assert np.isfinite(probabilities(rows, 1e4 * w, b)).all()


def test_half_the_size_is_the_mean_of_four_pixels(digits):
    small = function("shrunk", height=28, width=28, channels=1, replace=dataclasses.replace)(digits.test)
    assert small.pixels.shape == (len(digits.test), 14, 14, 1)
    assert small.pixels.dtype == np.uint8
    wanted = digits.test.pixels[:, 4:6, 10:12].mean(axis=(1, 2))
    np.testing.assert_allclose(small.pixels[:, 2, 5], wanted, atol=0.5)
    assert np.array_equal(small.labels, digits.test.labels)


def test_moving_leaves_the_digit_and_fills_with_paper(digits):
    moved, images = function("moved"), digits.test.images
    assert np.array_equal(moved(images, 0), images)
    for pixels in (1, 3):
        there = moved(images, pixels)
        assert (there[:, :, :pixels] == 0).all()
        assert np.array_equal(there[:, :, pixels:], images[:, :, :-pixels])


# Permutation importance: column 0 decides and column 1 does not matter; a third column may be a copy of the first.


def tables(copies, noise=0.0):
    found = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(800, 2))
        y = (x[:, 0] > 0).astype(int)
        x = np.column_stack([x, *(x[:, 0] + noise * rng.normal(size=800) for _ in range(copies))])
        found.append((x, y))
    return found


def losses(copies, columns, noise=0.0):
    (x, y), (x_test, y_test) = tables(copies, noise)
    forest = RandomForestClassifier(60, max_features=1, random_state=0).fit(x, y)
    return function("permutation_losses", seed=0)(forest, x_test, y_test, columns)


def test_shuffling_what_decides_costs_half_of_all_answers():
    loss = losses(0, [0])
    assert loss.shape == (800,)
    assert 0.4 < loss.mean() < 0.55  # of two classes a shuffled column guesses half right
    assert abs(losses(0, [1]).mean()) < 0.03


def test_a_forest_knows_lottery_numbers_of_its_training_rows_only():
    (x, y), (x_test, y_test) = tables(0)
    coins = np.random.default_rng(2).random((2, len(y))) < 0.2  # a fifth of the labels cannot be known
    y, y_test = np.where(coins[0], 1 - y, y), np.where(coins[1], 1 - y_test, y_test)
    forest = RandomForestClassifier(60, max_features=1, random_state=0).fit(x, y)
    shuffle = function("permutation_losses", seed=0)
    assert shuffle(forest, x, y, [1]).mean() > 0.05
    assert abs(shuffle(forest, x_test, y_test, [1]).mean()) < 0.03


def test_a_planted_copy_takes_the_importance_away_and_the_group_has_it_back():
    alone = losses(0, [0]).mean()
    assert losses(1, [0]).mean() < 0.6 * alone
    assert losses(1, [0, 2]).mean() > 0.9 * alone


def test_without_a_real_copy_the_importance_stays():
    # The effect broken on purpose: the third column has nothing of the first in it any more.
    assert losses(1, [0], noise=1000.0).mean() > 0.8 * losses(0, [0]).mean()


def test_a_group_is_shuffled_as_one():
    # Column 2 is column 0 again, so within a shuffled group the two still agree: no impossible rows.
    seen = []

    class Watcher:
        def predict(self, x):
            seen.append(x)
            return np.zeros(len(x), int)

    (x, y), _ = tables(1)
    function("permutation_losses", seed=0)(Watcher(), x, y, [0, 2], 2)
    assert all(np.array_equal(one[:, 0], one[:, 2]) and np.array_equal(one[:, 1], x[:, 1]) for one in seen)
    assert sum(not np.array_equal(one, x) for one in seen) == 2


# ---- differences in points


def test_cases_are_subtracted_in_pairs():
    rng = np.random.default_rng(0)
    hard = rng.random(400) < 0.5
    better, worse = hard, hard & (rng.random(400) < 0.9)
    paired = function("ahead", seed=0)(better, worse)
    assert paired.value == pytest.approx(100 * (better.mean() - worse.mean()))
    assert 0 < paired.low < paired.value < paired.high
    # Two sets of cases that have nothing to do with each other: the same difference, and a wider interval.
    unpaired = function("apart", seed=0)(better, worse)
    assert unpaired.value == pytest.approx(paired.value)
    assert unpaired.high - unpaired.low > 2 * (paired.high - paired.low)


def test_two_sets_of_cases_need_not_be_equally_many():
    found = function("apart", seed=0)(np.array([1.0, 0.0, 1.0, 1.0] * 8), np.zeros(50))
    assert found.value == pytest.approx(75)
    assert found.low > 0


# ---- 3.1, before the check


def test_a_classification_that_is_begun_is_looked_at():
    begun = function("begun")
    example = {"linear weights": ("default", "global", "specific"), "LIME": None, "saliency": None}
    assert begun(example) is None
    assert begun(example | {"LIME": ("after", "local", "agnostic")}) == {
        "linear weights": ("default", "global", "specific"),
        "LIME": ("after", "local", "agnostic"),
    }
    assert begun(None) is None
    assert begun(["after"]) == ["after"]
