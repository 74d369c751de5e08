"""What notebook 03 defines: functions that its sliders and boxes call, and that its story leans on."""

import ast

import jupytext
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from helpers import datasets, models, plotting
from helpers.datasets import messages
from tests.conftest import ROOT

CELLS = jupytext.read(ROOT / "notebooks" / "source" / "03_interpretable.py", fmt="py:percent").cells
TREES = [node for cell in CELLS if cell.cell_type == "code" for node in ast.parse(cell.source).body]


def function(name, **around):
    """A function of the notebook, with these names in place of the notebook's own."""
    found = [node for node in TREES if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(found) == 1, f"notebook 03 defines {name} {len(found)} times"
    space = {"np": np, "models": models, "plotting": plotting, **around}
    exec(compile(ast.Module(found, []), name, "exec"), space)
    return space[name]


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


def test_training_from_scratch_gives_the_librarys_model(digits):
    rows = digits.train.images.reshape(len(digits.train), -1)
    probabilities = function("probabilities")
    w, b = function("train_from_scratch", probabilities=probabilities)(rows, digits.train.labels, 0.1)
    library = models.softmax_regression(digits.train, 10, 0.1)
    assert np.corrcoef(w.ravel(), library.estimator.coef_.ravel())[0, 1] > 0.98
    own = probabilities(digits.test.images.reshape(100, -1), w, b)
    assert np.abs(own - library(digits.test.images)).mean() < 0.02


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
