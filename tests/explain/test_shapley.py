"""Shapley values: the axioms, the exact numbers of small games, and how fast the estimate comes near them."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from helpers.explain import shapley
from helpers.explain.shapley import (
    exact_shapley,
    grid_superpixels,
    kernel_shap,
    kernel_shapley,
    paint,
    picture_game,
    superpixel_shap,
    superpixels,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 20, 20, 2), dtype=np.float32)
BACKGROUND = RNG.random((2, 20, 20, 2), dtype=np.float32)
HIDDEN, LAST = RNG.normal(size=(800, 12)), RNG.normal(size=(12, 4))


def predict(images):
    """A small network without TensorFlow, in double precision: four logits with interactions between all pixels."""
    return np.maximum(images.reshape(len(images), -1).astype(float) @ HIDDEN - HIDDEN.sum(axis=0) / 2, 0) @ LAST


def drawn_game(players, seed):
    """A game with interactions of every order."""
    rng = np.random.default_rng(seed)
    inner, outer = rng.normal(size=(players, 12)) * 2 / np.sqrt(players), rng.normal(size=12)
    shift = rng.normal(size=12)
    return lambda coalitions: np.maximum(coalitions @ inner + shift, 0) @ outer


# ---- exact values


def test_the_glove_game():
    # Players 0 and 1 have a left glove each, player 2 the right one; a pair is worth 1. Shapley's own kind of example.
    def gloves(coalitions):
        return (coalitions[:, :2].any(axis=1) & coalitions[:, 2]).astype(float)

    np.testing.assert_allclose(exact_shapley(gloves, 3), [1 / 6, 1 / 6, 4 / 6], atol=1e-15)


def test_exact_values_are_the_mean_gain_over_all_orders():
    game, players = drawn_game(5, 1), 5
    wanted = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        coalition = np.zeros((1, players), bool)
        for player in order:
            before = game(coalition)[0]
            coalition[0, player] = True
            wanted[player] += (game(coalition)[0] - before) / len(orders)
    np.testing.assert_allclose(exact_shapley(game, players), wanted, atol=1e-12)


def test_players_that_count_alike_get_the_same():
    values = exact_shapley(lambda coalitions: coalitions.sum(axis=1) ** 2.0, 7)
    np.testing.assert_allclose(values, 7.0, atol=1e-12)  # 49 in equal parts


def test_a_player_who_adds_nothing_gets_nothing():
    game = drawn_game(5, 2)
    values = exact_shapley(lambda coalitions: game(coalitions[:, :5]), 6)
    np.testing.assert_allclose(values, [*exact_shapley(game, 5), 0.0], atol=1e-12)


def test_values_of_a_sum_of_games_are_the_sums():
    a, b = drawn_game(6, 3), drawn_game(6, 4)
    together = exact_shapley(lambda coalitions: a(coalitions) + 2 * b(coalitions), 6)
    np.testing.assert_allclose(together, exact_shapley(a, 6) + 2 * exact_shapley(b, 6), atol=1e-12)


def test_values_add_up_to_what_all_are_worth_more_than_none():
    game = drawn_game(11, 5)
    ends = game(np.array([np.zeros(11), np.ones(11)]))
    assert exact_shapley(game, 11).sum() == pytest.approx(ends[1] - ends[0], abs=1e-12)


def test_many_games_at_once():
    games = [drawn_game(4, seed) for seed in range(3)]
    values = exact_shapley(lambda coalitions: np.stack([game(coalitions) for game in games], axis=1), 4)
    assert values.shape == (4, 3)
    np.testing.assert_allclose(values[:, 2], exact_shapley(games[2], 4), atol=1e-14)


def test_captum_agrees():
    torch = pytest.importorskip("torch")
    from captum.attr import ShapleyValues

    segments = grid_superpixels(IMAGES, 6)
    weights = torch.from_numpy(HIDDEN), torch.from_numpy(LAST)

    def forward(images):
        inner = torch.relu(images.reshape(len(images), -1) @ weights[0] - weights[0].sum(0) / 2)
        return inner @ weights[1]

    values = [exact_shapley(picture_game(predict, IMAGES[i], segments[i], BACKGROUND[:1]), 6)[:, 3] for i in range(2)]
    theirs = ShapleyValues(forward).attribute(
        torch.from_numpy(IMAGES[:2].astype(float)),
        baselines=torch.from_numpy(BACKGROUND[:1].astype(float)),
        target=3,
        feature_mask=torch.from_numpy(segments[:1, :, :, None]),
    )
    theirs = theirs[..., 0].numpy()
    for row in range(2):
        np.testing.assert_allclose(
            values[row][segments[row]], theirs[row], atol=2e-4
        )  # captum adds up in single precision


# ---- the estimate


def exact_of(images, segments, classes, background=BACKGROUND):
    return np.stack(
        [
            exact_shapley(picture_game(predict, image, parts, background), int(parts.max()) + 1)[:, label]
            for image, parts, label in zip(images, segments, classes, strict=True)
        ]
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 10])
def test_it_is_exact_when_all_coalitions_are_asked(count):
    segments = grid_superpixels(IMAGES, count)
    values = kernel_shap(predict, IMAGES, [0, 3, 1], segments, BACKGROUND, max(0, 2**count - 2), seed=0)
    np.testing.assert_allclose(values, exact_of(IMAGES, segments, [0, 3, 1]), atol=1e-9)


@pytest.mark.parametrize("evaluations", [18, 19, 60, 400])
def test_it_adds_up_whatever_the_budget(evaluations):
    segments = grid_superpixels(IMAGES, 10)
    values = kernel_shap(predict, IMAGES, [2, 2, 0], segments, BACKGROUND, evaluations, seed=3)
    wanted = predict(IMAGES)[[0, 1, 2], [2, 2, 0]] - predict(BACKGROUND).mean(axis=0)[[2, 2, 0]]
    np.testing.assert_allclose(values.sum(axis=1), wanted, atol=1e-9)


def test_it_asks_no_more_than_the_budget_and_nothing_twice():
    for players, evaluations in ((16, 128), (16, 1000), (9, 200), (12, 2000), (40, 301)):
        coalitions, weights = shapley._draw(players, evaluations, np.random.default_rng(1))
        assert len(coalitions) == len(weights) == 2 * (evaluations // 2)
        assert len(np.unique(coalitions, axis=0)) == len(coalitions)
        assert 0 < coalitions.sum(axis=1).min() <= coalitions.sum(axis=1).max() < players
        half = len(coalitions) // 2
        assert (coalitions[:half] == ~coalitions[half:]).all()


def test_sizes_are_drawn_by_the_shapley_kernel():
    players, sums = 10, np.zeros(9)
    for seed in range(200):
        coalitions, weights = shapley._draw(players, 100, np.random.default_rng(seed))
        sums += np.bincount(coalitions.sum(axis=1), weights, minlength=11)[1:10]
    sizes = np.arange(1, 10)
    kernel = 1 / (sizes * (players - sizes))
    np.testing.assert_allclose(sums / sums.sum(), kernel / kernel.sum(), atol=0.004)


def test_the_estimate_is_right_on_average():
    segments = grid_superpixels(IMAGES[:1], 10)
    draws = np.array([kernel_shap(predict, IMAGES[:1], [1], segments, BACKGROUND, 100, seed)[0] for seed in range(60)])
    error = (draws.mean(axis=0) - exact_of(IMAGES[:1], segments, [1])[0]) / stats.sem(draws, axis=0)
    assert np.abs(error).max() < 4  # ten z values


def slope_of(errors):
    """Slope of log RMS error against log evaluations; `errors` holds one array (games, players) for each budget."""
    budgets = list(errors)
    return stats.linregress(np.log(budgets), [np.log(np.sqrt(np.mean(np.square(errors[n])))) for n in budgets]).slope


def test_the_error_falls_with_the_root_of_the_evaluations():
    # 40 players, far from exhaustion: products of three players, whose Shapley values are a third of each for each.
    rng = np.random.default_rng(0)
    players, budgets = 40, (512, 1024, 2048, 4096)
    triples = np.array([rng.permutation(players)[:3] for _ in range(300)])
    worth = rng.normal(size=300)
    exact = np.bincount(triples.ravel(), np.repeat(worth / 3, 3), minlength=players)

    def game(coalitions):
        return coalitions.astype(bool)[:, triples].all(axis=2) @ worth

    errors = {n: [kernel_shapley(game, players, n, seed) - exact for seed in range(12)] for n in budgets}
    assert -0.62 < slope_of(errors) < -0.42


def test_on_sixteen_players_it_falls_at_least_as_fast():
    # Faster than the root: whole sizes are asked completely, and no coalition is asked twice.
    games = {seed: drawn_game(16, seed) for seed in range(3)}
    exact = {seed: exact_shapley(game, 16) for seed, game in games.items()}
    errors = {
        n: [kernel_shapley(games[seed], 16, n, draw) - exact[seed] for seed in games for draw in range(8)]
        for n in (128, 256, 512, 1024, 2048)
    }
    assert -0.8 < slope_of(errors) < -0.45


def test_a_game_and_the_picture_it_is_made_of_get_the_same():
    segments = grid_superpixels(IMAGES[:1], 8)
    game = picture_game(predict, IMAGES[0], segments[0], BACKGROUND)
    by_game = kernel_shapley(game, 8, 254, seed=0)
    assert by_game.shape == (8, 4)
    by_picture = kernel_shap(predict, IMAGES[:1], [2], segments, BACKGROUND, 254, seed=0)
    np.testing.assert_allclose(by_game[:, 2], by_picture[0], atol=1e-9)
    np.testing.assert_allclose(kernel_shapley(lambda z: z[:, 0] * 3.0, 1, 0, seed=0), [3.0])


# ---- pictures and their parts


def test_it_does_not_depend_on_how_many_pictures_go_through_at_once(monkeypatch):
    segments = grid_superpixels(IMAGES, 8)
    wanted = kernel_shap(predict, IMAGES, [0, 1, 2], segments, BACKGROUND, 50, seed=1)
    monkeypatch.setattr(shapley, "_FLOATS_AT_ONCE", 7 * IMAGES[0].size)
    np.testing.assert_allclose(kernel_shap(predict, IMAGES, [0, 1, 2], segments, BACKGROUND, 50, seed=1), wanted)


def test_a_seed_decides_the_draw():
    segments = grid_superpixels(IMAGES, 10)
    a, b, c = (kernel_shap(predict, IMAGES, [0, 1, 2], segments, BACKGROUND, 60, seed) for seed in (1, 1, 2))
    assert (a == b).all()
    assert np.abs(a - c).max() > 1e-3


def test_pictures_with_different_numbers_of_parts():
    segments = np.stack([grid_superpixels(IMAGES[:1], count)[0] for count in (4, 9, 6)])
    values = kernel_shap(predict, IMAGES, [0, 0, 0], segments, BACKGROUND, 600, seed=0)
    assert values.shape == (3, 9)
    assert (values[0, 4:] == 0).all()
    assert (values[2, 6:] == 0).all()
    np.testing.assert_allclose(values[2, :6], exact_of(IMAGES[2:], segments[2:], [0])[0], atol=1e-9)


def test_a_picture_that_is_its_background_has_a_map_of_zeros():
    images = np.full((1, 20, 20, 2), 0.5, np.float32)
    explainer = superpixel_shap(predict, lambda x: grid_superpixels(x, 9), images, evaluations=100)
    assert np.abs(explainer(images, [1])).max() < 1e-9


def test_painting_keeps_the_sum_and_shares_by_area():
    segments = np.stack([superpixels(IMAGES, 8)[0], grid_superpixels(IMAGES, 9)[0]])
    values = RNG.normal(size=(2, segments.max() + 1))
    maps = paint(values, segments)
    assert maps.dtype == np.float32
    assert maps[0].sum() == pytest.approx(values[0, : segments[0].max() + 1].sum(), abs=1e-5)
    part = segments[1] == 4
    np.testing.assert_allclose(maps[1][part], values[1, 4] / part.sum(), rtol=1e-6)


def test_the_grid():
    colour = RNG.random((2, 32, 32, 3), dtype=np.float32)
    grid = grid_superpixels(colour, 16)
    assert grid.dtype == np.int64
    assert (np.bincount(grid[0].ravel()) == 64).all()
    assert (grid[0, :8, :8] == 0).all()
    assert (np.bincount(grid_superpixels(colour[:, :28, :28, :1], 16)[1].ravel()) == 49).all()
    assert grid_superpixels(colour, 12)[0, -1, -1] == 11


def test_slic_follows_colours_and_numbers_parts_from_0():
    images = np.zeros((2, 32, 32, 3), np.float32)
    images[0, :, 16:] = (1, 0, 0)
    images[1] = 0.5
    segments = superpixels(images, 8)
    assert not set(segments[0, :, :15].ravel()) & set(segments[0, :, 17:].ravel())
    for row in segments:
        assert (np.unique(row) == np.arange(row.max() + 1)).all()
    assert len(np.unique(segments[1])) > 1  # a constant picture is cut into near-squares
    assert superpixels(images[..., :1], 8).shape == (2, 32, 32)


# ---- what is refused


def test_bad_games():
    with pytest.raises(ValueError, match=r"players must be 1 to 16, got 17.*kernel_shap"):
        exact_shapley(lambda coalitions: coalitions.sum(axis=1), 17)
    with pytest.raises(ValueError, match="NaN or infinity"):
        exact_shapley(lambda coalitions: np.full(len(coalitions), np.nan), 3)
    with pytest.raises(ValueError, match="for each of 8 coalitions, got shape"):
        exact_shapley(lambda coalitions: np.zeros(5), 3)


def test_bad_pictures_parts_and_budgets():
    parts = grid_superpixels(IMAGES, 9)

    def call(images=IMAGES, classes=(0, 1, 2), segments=parts, background=BACKGROUND, evaluations=100):
        return kernel_shap(predict, images, classes, segments, background, evaluations, seed=0)

    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        call(images=2 * IMAGES)
    with pytest.raises(ValueError, match=r"background must lie in \[0, 1\]"):
        call(background=-BACKGROUND)
    with pytest.raises(ValueError, match="background must hold pictures of shape"):
        call(background=BACKGROUND[:, :10])
    with pytest.raises(ValueError, match="classes"):
        call(classes=(0, 1, 4))
    with pytest.raises(TypeError, match="classes must be integers"):
        call(classes=(0.0, 1.0, 2.0))
    with pytest.raises(ValueError, match="segments must be integers of shape"):
        call(segments=parts[:, :10])
    with pytest.raises(ValueError, match="parts of picture 0 must be numbered"):
        call(segments=2 * parts)
    with pytest.raises(ValueError, match="at least 16 for 9 superpixels, got 15"):
        call(evaluations=15)
    for count in (0, 401, 2.5, True):
        with pytest.raises(ValueError, match="count must be a whole number"):
            superpixels(IMAGES, count)
    with pytest.raises(ValueError, match="cannot stand in a grid"):
        grid_superpixels(IMAGES, 23)
    with pytest.raises(ValueError, match="a row for each of 3 pictures"):
        paint(np.zeros((3, 8)), parts)
