"""Notebook 05: what its slider calls and its story leans on, tried as functions."""

import ast
import re

import numpy as np
import pytest

from helpers import explain, plotting
from tests.conftest import ROOT

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
