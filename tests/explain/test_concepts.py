"""Concept directions: where the right one is known, where there is none, and what is refused."""

import numpy as np
import pytest

from helpers import explain
from helpers.explain.concepts import ConceptScore
from helpers.intervals import Estimate
from helpers.models.backend import keras
from tests.explain.networks import course_network, pictures

SIDE = 6
LEFT = np.s_[:, :, : SIDE // 2]
RIGHT = np.s_[:, :, SIDE // 2 :]


def planted_network():
    """Class 0 likes light on the left and class 1 dislikes it; neither looks at the right. Class 2 looks at nothing."""
    inputs = keras.Input((SIDE, SIDE, 1))
    flat = keras.layers.Flatten(name="flat")(inputs)
    seen = keras.layers.Dense(2, activation="relu", name="dense")(flat)
    outputs = keras.layers.Softmax()(keras.layers.Dense(3, name="logits")(seen))
    model = keras.Model(inputs, outputs)
    left = np.zeros((SIDE, SIDE))
    left[:, : SIDE // 2] = 1
    kernel = np.stack([left.ravel(), 0.5 * left.ravel()], axis=1)
    model.get_layer("dense").set_weights([kernel, np.array([0.0, 1.0])])
    model.get_layer("logits").set_weights([np.array([[1.0, -1.0, 0.0], [1.0, -1.0, 0.0]]), np.zeros(3)])
    return model


@pytest.fixture(scope="module")
def planted():
    return planted_network()


def noise(n, seed):
    return (0.4 * np.random.default_rng(seed).random((n, SIDE, SIDE, 1))).astype(np.float32)


def brighter(where, n=80, seed=1):
    images = noise(n, seed)
    images[where] += 0.3
    return images


def concept_of(model, present, absent, layer="flat", **options):
    look = explain.layer_activations(model, layer)
    return explain.concept_vectors(look(present), look(absent), **options)


def gradients(model, label, layer="flat", n=50):
    return explain.layer_gradients(model, layer)(noise(n, 9), np.full(n, label))


# ---- planted


def test_the_planted_concept_is_found_and_its_sign(planted):
    light = concept_of(planted, brighter(LEFT), noise(80, 2))
    for label, wanted in ((0, 1.0), (1, 0.0)):
        found = light.tcav(gradients(planted, label))
        assert found.score.value == wanted
        assert found.score.n == 10
        assert found.p_value <= 0.05
    assert light.accuracy.value > 0.95
    direction = light.vectors.mean(axis=0).reshape(1, SIDE, SIDE, 1)
    assert direction[LEFT].mean() > 5 * abs(direction[RIGHT].mean())


def test_a_class_that_looks_at_nothing_has_no_answer(planted):
    found = concept_of(planted, brighter(LEFT), noise(80, 2)).tcav(gradients(planted, 2))
    assert found.score.value == 0.5  # slopes of exactly 0 are half a rise
    assert found.p_value == 1.0


def test_a_concept_that_the_network_does_not_look_at_is_told_by_its_slope(planted):
    # The network does not see the right half, yet each direction found there leans a little to the left by chance.
    dark = concept_of(planted, brighter(RIGHT), noise(80, 2))
    light = concept_of(planted, brighter(LEFT), noise(80, 2))
    assert dark.accuracy.value > 0.95
    slopes = [np.abs(each.derivatives(gradients(planted, 0))).mean() for each in (dark, light)]
    assert slopes[0] < 0.1 * slopes[1]


def test_nothing_is_found_more_often_than_it_may_be(planted):
    # Both sides are drawn alike, 60 times: at a level of 5%, more than 8 would come up less than once in 500.
    asked = gradients(planted, 0)
    values = [
        concept_of(planted, noise(40, 1000 + 2 * i), noise(40, 1001 + 2 * i), draws=4, randoms=19, seed=i)
        .tcav(asked)
        .p_value
        for i in range(60)
    ]
    assert sum(value <= 0.05 for value in values) <= 8
    assert sum(value <= 0.5 for value in values) >= 15
    chance = concept_of(planted, noise(80, 5), noise(80, 6)).accuracy
    assert chance.low < 0.5 < chance.high or abs(chance.value - 0.5) < 0.05


def test_one_draw_of_a_random_concept_can_say_anything(planted):
    # The trap that the random concepts are for: along a single random direction the logit rises everywhere or nowhere.
    found = concept_of(planted, brighter(LEFT), noise(80, 2)).tcav(gradients(planted, 0))
    assert ((found.random_draws < 0.05) | (found.random_draws > 0.95)).mean() > 0.5
    assert 0.35 < found.random.mean() < 0.65


def test_beside_the_difference_of_means_the_direction_is_nearly_the_same(planted):
    look = explain.layer_activations(planted, "flat")
    present, absent = look(brighter(LEFT)), look(noise(80, 2))
    wanted = present.mean(axis=0) - absent.mean(axis=0)
    found = explain.concept_vectors(present, absent, draws=2).vectors.mean(axis=0)
    assert found @ wanted / np.linalg.norm(found) / np.linalg.norm(wanted) > 0.9


# ---- activations and gradients of the course's network


@pytest.mark.parametrize("layer", ["conv1", "pool2", "conv3", "flatten", "dense"])
def test_activations_and_gradients_belong_together(layer):
    model, images = course_network(), pictures(3)
    rows = explain.layer_activations(model, layer)(images)
    slopes = explain.layer_gradients(model, layer)(images, [0, 3, 9])
    assert rows.shape == slopes.shape == (3, int(np.prod(model.get_layer(layer).output.shape[1:])))
    # A small step along the activations changes the logit by what the gradient says.
    above = keras.Model(model.get_layer(layer).output, model.get_layer("logits").output)
    way = np.random.default_rng(0).normal(size=rows.shape).astype(np.float32)
    step = 1e-3 / np.linalg.norm(way, axis=1, keepdims=True) * way
    shape = (-1, *model.get_layer(layer).output.shape[1:])
    ends = [above((rows + sign * step).reshape(shape), training=False).numpy().astype(float) for sign in (1, -1)]
    moved = (ends[0] - ends[1])[np.arange(3), [0, 3, 9]] / 2
    np.testing.assert_allclose((slopes * step).sum(axis=1), moved, rtol=0.1, atol=2e-6)


def test_from_dense_on_every_picture_has_the_same_slope():
    slopes = explain.layer_gradients(course_network(), "dense")(pictures(4), [3, 3, 3, 3])
    assert np.ptp(slopes, axis=0).max() == 0


def test_blocks_change_nothing():
    model, images = course_network(), pictures(5)
    for make in (explain.layer_activations, lambda *a, **k: lambda x: explain.layer_gradients(*a, **k)(x, [1] * 5)):
        whole, cut = make(model, "conv3")(images), make(model, "conv3", batch_size=2)(images)
        np.testing.assert_allclose(whole, cut, atol=1e-6)


# ---- draws


def test_draws_share_no_picture_and_are_repeatable(planted):
    look = explain.layer_activations(planted, "flat")
    present, absent = look(brighter(LEFT)), look(noise(80, 2))
    once, again, other = (explain.concept_vectors(present, absent, draws=4, randoms=3, seed=s) for s in (0, 0, 1))
    assert np.array_equal(once.vectors, again.vectors)
    assert np.array_equal(once.random, again.random)
    assert not np.array_equal(once.vectors, other.vectors)
    assert once.vectors.shape == (4, SIDE * SIDE)
    assert once.random.shape == (3, 4, SIDE * SIDE)
    np.testing.assert_allclose(np.linalg.norm(once.vectors, axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(once.random, axis=2), 1)


def test_pictures_that_are_not_needed_are_left_out_and_nothing_is_changed():
    rng = np.random.default_rng(0)
    present, absent = rng.normal(size=(23, 5)) + 1, rng.normal(size=(31, 5))
    kept = present.copy(), absent.copy()
    found = explain.concept_vectors(present, absent, draws=3, randoms=2)
    assert found.vectors.shape == (3, 5)
    assert np.array_equal(present, kept[0])
    assert np.array_equal(absent, kept[1])


def test_the_p_value_counts_itself_and_both_sides():
    def score(value, random):
        return ConceptScore(Estimate(value, 0, 1, 10), np.asarray(random), np.zeros((len(random), 2)))

    assert score(0.9, [0.5, 0.6, 0.2]).p_value == 1 / 4
    assert score(0.2, [0.5, 0.6, 0.8]).p_value == 2 / 4
    assert score(0.5, [0.5, 0.6, 0.8]).p_value == 1


# ---- what is refused


@pytest.mark.parametrize(
    ("present", "absent", "options", "error", "message"),
    [
        (np.eye(9), np.eye(9), {"draws": 5}, ValueError, "5 draws need 10 pictures or more from either side, got 9"),
        (np.eye(9), np.eye(9), {"draws": 1}, ValueError, "draws must be at least 2"),
        (np.eye(9), np.eye(8), {"draws": 2}, ValueError, r"absent must have shape \(N, 9\).*got \(8, 8\)"),
        (np.zeros(9), np.eye(9), {}, ValueError, r"present must have shape \(N, D\).*got \(9,\)"),
        (np.zeros((0, 9)), np.eye(9), {}, ValueError, r"present must have shape \(N, D\).*got \(0, 9\)"),
        (np.full((9, 9), np.nan), np.eye(9), {}, ValueError, "present must be finite"),
        (np.eye(9) > 0, np.eye(9), {}, TypeError, "present must be numbers, got bool"),
        (np.eye(9), np.eye(9), {"draws": 2, "seed": -1}, ValueError, "seed must be"),
    ],
)
def test_refuses_activations(present, absent, options, error, message):
    with pytest.raises(error, match=message):
        explain.concept_vectors(present, absent, **options)


def test_refuses_gradients(planted):
    light = concept_of(planted, brighter(LEFT), noise(80, 2), randoms=2)
    for ask in (light.tcav, light.derivatives):
        with pytest.raises(ValueError, match=r"gradients must have shape \(N, 36\).*got \(2, 35\)"):
            ask(np.zeros((2, 35)))
        with pytest.raises(ValueError, match="gradients must be finite"):
            ask(np.full((2, 36), np.inf))
    with pytest.raises(ValueError, match=r"one per picture"):
        explain.layer_gradients(planted, "flat")(noise(2, 0), [0])
