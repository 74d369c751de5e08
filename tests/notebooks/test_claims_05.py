"""Notebook 05: the callback of its slider, tried as a function; that a claim whose effect is gone is noticed."""

import ast
import re

import numpy as np
import pytest
from conftest import ROOT
from notebooks.claims_05 import broken_claims

from helpers import explain, plotting, scorecard
from helpers.scorecard import Record

SOURCE = (ROOT / "notebooks" / "source" / "05_shap.py").read_text(encoding="utf-8")


def function_of_the_notebook(name, **surroundings):
    """A function as the notebook's source has it, among objects of the test's own."""
    found = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(found) == 1
    exec(compile(ast.Module(found, []), f"05_shap.py: {name}", "exec"), surroundings)
    return surroundings[name]


def drawn_game(seed):
    rng = np.random.default_rng(seed)
    inner, outer = rng.normal(size=(16, 12)) / 2, rng.normal(size=12)
    return lambda coalitions: np.maximum(coalitions @ inner, 0) @ outer


@pytest.fixture(scope="module")
def look():
    game = drawn_game(3)
    parts = explain.grid_superpixels(np.zeros((1, 32, 32, 3), np.float32), 16)
    exact = [explain.exact_shapley(game, 16)]
    return function_of_the_notebook(
        "look", np=np, explain=explain, plotting=plotting, games=[game], exact=exact, parts=parts
    )


def test_the_slider_shows_an_estimate_that_comes_nearer(look):
    options = ast.literal_eval(re.search(r"SelectionSlider\(options=(\[[\d, ]+\])", SOURCE)[1])
    errors = []
    for evaluations in options:
        figure = look(evaluations)
        exact, estimate = (axis.images[0].get_array() for axis in figure.axes[:2])
        assert exact.shape == estimate.shape == (32, 32)
        assert float(exact.sum()) == pytest.approx(float(estimate.sum()), abs=1e-3)
        errors.append(float(np.abs(exact - estimate).mean()))
        assert f"{evaluations:,} evaluations" in figure.get_suptitle()
    assert errors[-1] < 0.2 * errors[0]
    assert errors == sorted(errors, reverse=True)


def test_drawn_orders_give_shapley_values_on_average():
    by_orders, game = function_of_the_notebook("by_orders", np=np), drawn_game(4)
    draws = np.array([by_orders(game, 60, draw) for draw in range(200)])
    error = (draws.mean(axis=0) - explain.exact_shapley(game, 16)) / (draws.std(axis=0, ddof=1) / np.sqrt(200))
    assert np.abs(error).max() < 4.5  # sixteen z values
    ends = game(np.array([np.zeros(16), np.ones(16)], bool))
    np.testing.assert_allclose(draws.sum(axis=1), ends[1] - ends[0])


AS_CLAIMED = {
    "additivity error, KernelSHAP": 1e-5,
    "additivity error, PartitionExplainer": 1e-5,
    "additivity error, DeepExplainer": 1e-5,
    "additivity error, GradientExplainer": 0.4,
    "slope of the error of Shapley values, drawn orders": -0.52,
    "slope of the error of Shapley values, ours": -0.64,
    "slope of the error of Shapley values, shap, l1_reg=False": -0.61,
    "error of shap's default over its floor": 1.06,
    "error of shap's default over l1_reg=False": 2.5,
    "left to explain against a background of its own class": 0.1,
    "deletion AUC, KernelSHAP": 0.26,
    "deletion AUC, centre Gaussian": 0.36,
}


def records(**spoilt):
    return [
        Record("explanation", metric, value, value, value, 500, "lower", "signs", "course_cnn", "05_shap", 0, "quick")
        for metric, value in (AS_CLAIMED | spoilt).items()
    ]


def test_the_claims_of_notebook_05_hold(solutions):
    assert broken_claims(scorecard.read(solutions[0] / "scorecard.json")) == []


def test_a_run_as_it_should_be_breaks_no_claim():
    assert broken_claims(records()) == []


@pytest.mark.parametrize(
    ("metric", "spoilt", "claim"),
    [
        ("additivity error, DeepExplainer", 0.5, "add up"),
        ("additivity error, GradientExplainer", 0.0, "on average only"),
        # The same draw every time; a budget that is not used; the default where l1_reg=False was meant.
        ("slope of the error of Shapley values, drawn orders", -0.1, "drawn orders"),
        ("slope of the error of Shapley values, ours", -0.2, "KernelSHAP's error"),
        ("slope of the error of Shapley values, shap, l1_reg=False", -0.38, "KernelSHAP's error"),
        ("error of shap's default over its floor", 0.4, "floor"),
        ("error of shap's default over l1_reg=False", 1.0, "more wrong"),
        ("left to explain against a background of its own class", 1.0, "hardly anything"),
        ("deletion AUC, KernelSHAP", 0.37, "centre Gaussian"),
    ],
)
def test_a_claim_whose_effect_is_gone_is_noticed(metric, spoilt, claim):
    assert [broken for broken in broken_claims(records(**{metric: spoilt})) if claim in broken]
