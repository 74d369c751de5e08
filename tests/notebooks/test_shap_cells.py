"""Notebook 05: what its slider calls and its story leans on, tried as functions."""

import ast
import re
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from helpers import explain
from helpers.course import layout
from tests.notebooks.cells import function_of

NOTEBOOK = "05_shap"
[SOURCE] = [source.read_text(encoding="utf-8") for source in layout.sources() if source.stem == NOTEBOOK]


def drawn_game(seed):
    rng = np.random.default_rng(seed)
    inner, outer = rng.normal(size=(16, 12)) / 2, rng.normal(size=12)
    return lambda coalitions: np.maximum(coalitions @ inner, 0) @ outer


@pytest.fixture(scope="module")
def look():
    game = drawn_game(3)
    parts = explain.grid_superpixels(np.zeros((1, 32, 32, 3), np.float32), 16)
    exact = [explain.exact_shapley(game, 16)]
    return function_of(NOTEBOOK, "look", stats=stats, games=[game], exact=exact, parts=parts)


def test_the_slider_shows_an_estimate_that_comes_nearer(look):
    options = ast.literal_eval(re.search(r"SelectionSlider\(options=(\[[\d, ]+\])", SOURCE)[1])
    errors = []
    for evaluations in options:
        figure = look(evaluations)
        exact, *estimates = (axis.images[0].get_array() for axis in figure.axes[:3])
        for estimate in estimates:
            assert exact.shape == estimate.shape == (32, 32)
            assert float(exact.sum()) == pytest.approx(float(estimate.sum()), abs=1e-3)
        assert np.any(estimates[0] != estimates[1])
        errors.append(float(np.abs(exact - np.mean(estimates, axis=0)).mean()))
        assert f"{evaluations:,} evaluations" in figure.get_suptitle()
    assert errors[-1] < 0.2 * errors[0]
    assert errors == sorted(errors, reverse=True)


def test_the_definition_written_out_gives_shapley_values():
    rng = np.random.default_rng(2)
    coalitions = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(bool)
    value = dict(zip(map(tuple, coalitions), rng.normal(size=16).cumsum(), strict=True))
    by_orders = function_of(NOTEBOOK, "shapley_by_orders", permutations=permutations)
    exact = explain.exact_shapley(lambda asked: np.array([value[tuple(row)] for row in asked]), 4)
    np.testing.assert_allclose(by_orders(value, 4), exact, atol=1e-12)


def test_drawn_orders_give_shapley_values_on_average():
    by_orders, game = function_of(NOTEBOOK, "by_orders"), drawn_game(4)
    draws = np.array([by_orders(game, 60, draw) for draw in range(200)])
    error = (draws.mean(axis=0) - explain.exact_shapley(game, 16)) / (draws.std(axis=0, ddof=1) / np.sqrt(200))
    assert np.abs(error).max() < 4.5  # sixteen z values
    ends = game(np.array([np.zeros(16), np.ones(16)], bool))
    np.testing.assert_allclose(draws.sum(axis=1), ends[1] - ends[0])


def test_two_games_that_are_the_same_are_nothing_apart():
    apart_by, shares = function_of(NOTEBOOK, "apart_by"), np.array([[1.0, -2, 3], [0, 1, 0]])
    np.testing.assert_allclose(apart_by(shares, shares), 0)
    np.testing.assert_allclose(apart_by(shares, -shares), 2)
    np.testing.assert_allclose(apart_by(shares, 0 * shares), 2)
    np.testing.assert_allclose(apart_by(shares, 3 * shares), 1)


class TestTheRule:
    """Who stays in a kind of measure: nobody, one, or several that cannot be told apart."""

    @pytest.fixture
    def who_stays(self):
        return function_of(NOTEBOOK, "who_stays")

    @staticmethod
    def vote(seed=0, **means):
        rng = np.random.default_rng(seed)
        return {name: mean + rng.normal(size=200) / 10 for name, mean in means.items()}

    def test_one_that_is_clearly_ahead_stays_alone(self, who_stays):
        leader, lead, stays = who_stays(self.vote(good=1.0, bad=0.5, blob=0.0), ["good", "bad"], ["blob"])
        assert (leader, stays) == ("good", ["good"])
        assert lead["bad"].low > 0.4
        assert set(lead) == {"bad", "blob"}

    def test_those_that_cannot_be_told_apart_stay_together(self, who_stays):
        leader, lead, stays = who_stays(self.vote(one=1.0, two=1.0, bad=0.5, blob=0.0), ["one", "two", "bad"], ["blob"])
        assert sorted(stays) == ["one", "two"]
        assert lead[next(name for name in stays if name != leader)].low <= 0

    def test_nobody_stays_who_does_not_beat_every_map_that_knows_nothing(self, who_stays):
        vote = self.vote(one=1.0, two=0.5, blob=0.0, edges=1.0)
        assert who_stays(vote, ["one", "two"], ["blob", "edges"])[2] == []
        assert who_stays(vote, ["one", "two"], ["blob"])[2] == ["one"]

    def test_two_maps_that_are_the_same_are_not_told_apart(self, who_stays):
        vote = self.vote(one=1.0, blob=0.0)
        assert who_stays(vote | {"two": vote["one"]}, ["one", "two"], ["blob"])[2] == ["one", "two"]


def test_no_map_of_sixteen_parts_points_better_than_its_fullest_part():
    rng = np.random.default_rng(6)
    evidence = np.repeat(rng.random((20, 32, 32)) < 0.3, 100, axis=0)  # each of twenty pictures a hundred times
    parts = explain.grid_superpixels(np.zeros((2000, 32, 32, 1), np.float32), 16)
    held = np.stack([evidence[parts == i].reshape(2000, 64).mean(axis=1) for i in range(16)], axis=1)
    hits = explain.pointing_game(explain.paint(held, parts), evidence)  # the best map of parts: it knows the evidence
    assert hits.mean() == pytest.approx(held.max(axis=1).mean(), abs=4 * np.sqrt(0.25 / 2000))
