"""The sticker: how it is pasted, by hand and against an image library, and that it beats what is not optimised."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import transform

from helpers import attacks, datasets, models
from helpers.attacks.patch import Views, _sticker_gradient
from helpers.models import graphs
from helpers.models.backend import tf

STOP, YIELD = 0, 1
RNG = np.random.default_rng(0)
GREY = np.full((2, 20, 24, 3), 0.25, np.float32)
MASKS = np.zeros((2, 20, 24), bool)
MASKS[0, 4:16, 6:18] = MASKS[1, 2:12, 3:11] = True


def view(centre=(10, 12), side=8.0, turn=0.0, light=1.0):
    return Views(np.zeros(1, int), np.array([centre], float), *(np.array([one], float) for one in (side, turn, light)))


@pytest.fixture(scope="module")
def signs():
    data = datasets.load("signs", train=1500, calibration=10, test=600, seed=0)
    recipe = models.Recipe(steps=200, batch_size=64, learning_rate=4e-3)
    model = models.load_or_train(recipe, data.train, classes=10).model
    test = data.test.take(data.test.labels == STOP)
    right = models.predict_function(model)(test.images).argmax(axis=1) == STOP
    return model, data.train.take(data.train.labels == STOP), test.take(right)


# ---- pasting


def test_by_hand_a_sticker_of_the_size_of_its_dots_covers_them_and_no_more():
    sticker = RNG.random((8, 8, 3), np.float32)
    # An even number of dots around the corner between four pixels: each dot falls on a pixel.
    found = attacks.paste(GREY, sticker, view((9.5, 11.5)))[0]
    expected = GREY[0].copy()
    expected[6:14, 8:16] = sticker
    np.testing.assert_allclose(found, expected, atol=1e-6)
    dark = attacks.paste(GREY, sticker, view((9.5, 11.5), light=0.5))[0]
    np.testing.assert_allclose(dark[6:14, 8:16], 0.5 * sticker, atol=1e-6)
    bright = attacks.paste(GREY, sticker, view((9.5, 11.5), light=3.0))[0]
    np.testing.assert_allclose(bright[6:14, 8:16], np.minimum(3 * sticker, 1), atol=1e-6)
    turned = attacks.paste(GREY, sticker, view((9.5, 11.5), turn=90.0))[0]
    np.testing.assert_allclose(turned[6:14, 8:16], np.rot90(sticker, -1), atol=1e-5)


def test_in_between_it_is_what_an_image_library_makes_of_it():
    sticker = RNG.random((8, 8, 3), np.float32)
    seen = view((9.2, 12.7), side=11.0, turn=17.0)
    angle, scale = np.radians(seen.turns[0]), 8 / seen.sides[0]
    rows, columns = np.meshgrid(np.arange(20), np.arange(24), indexing="ij")
    down, right = rows - 9.2, columns - 12.7
    v = scale * (np.cos(angle) * down - np.sin(angle) * right) + 3.5
    u = scale * (np.sin(angle) * down + np.cos(angle) * right) + 3.5
    expected = np.stack([transform.warp(sticker[..., c], np.stack([v, u]), order=1) for c in range(3)], axis=-1)
    inside = (v > 0) & (v < 7) & (u > 0) & (u < 7)
    assert 60 < inside.sum() < 200
    np.testing.assert_allclose(attacks.paste(GREY, sticker, seen)[0][inside], expected[inside], atol=1e-5)
    outside = (v < -1) | (v > 8) | (u < -1) | (u > 8)
    assert np.array_equal(attacks.paste(GREY, sticker, seen)[0][outside], GREY[0][outside])


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), size=st.floats(0.05, 1), dots=st.integers(1, 9), frames=st.integers(1, 3))
def test_pictures_stay_pictures(seed, size, dots, frames):
    images = np.random.default_rng(seed).random((2, 20, 24, 3), np.float32)
    views = attacks.draw_views(images, MASKS, frames=frames, size=size, seed=seed)
    found = attacks.paste(images, attacks.random_sticker(dots, seed=seed), views)
    assert found.shape == (2 * frames, 20, 24, 3)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1


def test_views_are_where_and_how_they_say():
    images = GREY.copy()
    images[0][MASKS[0]] = (0.8, 0.1, 0.1)
    views = attacks.draw_views(images, MASKS, frames=200, size=0.5, seed=3)
    assert views.pictures.tolist() == [0] * 200 + [1] * 200
    first = views.take(slice(0, 200))
    assert np.abs(first.centres - (9.5, 11.5)).max() <= 0.12 * 12
    assert 0.85 * 6 <= first.sides.min() < 0.9 * 6 < 1.1 * 6 < first.sides.max() <= 1.15 * 6
    assert -20 <= first.turns.min() < -18 < 18 < first.turns.max() <= 20
    assert 0.8 * 0.8 <= first.lights.min() < first.lights.max() <= 0.8 * 1.2 + 1e-6
    second = views.take(slice(200, 400))
    assert np.abs(second.centres - (6.5, 6.5)).max() <= 0.12 * 10
    assert second.lights.max() <= 0.25 * 1.2 + 1e-6
    again, other = (attacks.draw_views(images, MASKS, frames=200, size=0.5, seed=seed) for seed in (3, 4))
    assert np.array_equal(views.centres, again.centres)
    assert not np.isin(views.turns, other.turns).any()


# ---- optimising


def test_the_gradient_is_that_of_what_is_pasted():
    # NumPy pastes what is scored, TensorFlow what is optimised: the gradient of one is the other's. Pasting is linear,
    # so what a change of the sticker does to the loss goes by way of what it does to the pictures, exactly.
    model = models.course_cnn((24, 24, 3), 4, seed=1)
    images = RNG.uniform(0.2, 0.6, (3, 24, 24, 3)).astype(np.float32)
    masks = np.zeros((3, 24, 24), bool)
    masks[:, 5:20, 4:20] = True
    views, wanted = attacks.draw_views(images, masks, seed=1), np.array([1, 2, 3])
    sticker = RNG.uniform(0.3, 0.7, (6, 6, 3)).astype(np.float32)
    of_pictures = graphs.gradient_function(
        model, lambda logits, labels: tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    )(attacks.paste(images, sticker, views), wanted)
    slope = _sticker_gradient(models.logits_model(model), 3, 6)(images, wanted, sticker, views)
    for seed in range(3):
        way = np.random.default_rng(seed).uniform(-0.1, 0.1, sticker.shape).astype(np.float32)
        moved = attacks.paste(images, sticker + way, views) - attacks.paste(images, sticker - way, views)
        assert float((slope * way).sum()) == pytest.approx(float((of_pictures * moved).sum()) / 2 / 3, rel=1e-3)


def test_it_beats_a_random_and_a_grey_sticker_on_views_and_signs_it_has_never_met(signs):
    model, train, test = signs
    predict = models.predict_function(model)
    sticker = attacks.optimise_sticker(
        model, train.images, train.masks["sign"], YIELD, size=0.5, steps=40, step_size=0.1
    )
    assert sticker.shape == (8, 8, 3)
    assert sticker.min() >= 0
    assert sticker.max() <= 1
    views = attacks.draw_views(test.images, test.masks["sign"], frames=6, size=0.5, seed=9)
    scores = attacks.score_sticker(predict, test.images, sticker, views, YIELD)
    assert len(views) > 200
    assert scores.to_target["sticker"].low > 0.15
    assert min(scores.ahead[name].low for name in ("random", "grey", "none")) > 0.1
    assert scores.to_target["random"].value < 0.1
    # Another one that was not optimised is not ahead of them.
    idle = attacks.score_sticker(predict, test.images, attacks.random_sticker(seed=5), views, YIELD)
    assert idle.ahead["grey"].low < 0.1


def test_the_same_seed_gives_the_same_sticker():
    model = models.course_cnn((24, 24, 3), 4, seed=1)
    images, masks = np.full((2, 24, 24, 3), 0.5, np.float32), np.ones((2, 24, 24), bool)
    one, same, other = (
        attacks.optimise_sticker(model, images, masks, 1, dots=3, steps=4, batch_size=2, seed=s) for s in (0, 0, 1)
    )
    np.testing.assert_allclose(one, same, atol=1e-6)
    assert not np.allclose(one, other)


# ---- scores


def test_scores_by_hand():
    """A network that reads the target where the picture has become bright, of three pictures in four frames."""
    images = np.zeros((3, 8, 8, 3), np.float32)
    masks = np.zeros((3, 8, 8), bool)
    masks[:, 2:6, 2:6] = True
    images[0, 2, 2] = images[1, 2, 2] = images[2, 2, 2] = 1
    drawn = attacks.draw_views(images, masks, frames=4, seed=0)
    lights = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0], float)
    views = dataclasses.replace(drawn, lights=lights, centres=np.full((12, 2), 5.0), sides=np.full(12, 3.0))

    def predict(pictures):
        seen = (pictures[:, 5, 5, 0] > 0.9).astype(float)
        return np.stack([1 - seen, seen, 0 * seen], axis=1)

    white, black = np.ones((2, 2, 3), np.float32), np.zeros((2, 2, 3), np.float32)
    scores = attacks.score_sticker(predict, images, white, views, 1, {"black": black})
    assert scores.reads["sticker"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert scores.reads["black"].sum() == scores.reads["none"].sum() == 0
    assert scores.to_target["sticker"].value == pytest.approx(5 / 12)
    assert scores.to_target["sticker"].n == 3
    assert scores.most_frames["sticker"].value == pytest.approx(1 / 3)
    assert scores.ahead["black"].value == pytest.approx(5 / 12)
    assert set(scores.ahead) == {"black", "none"}
    assert (scores.to_target["black"].value, scores.to_target["black"].low) == (0, 0)
    assert scores.to_target["black"].high > 0.5  # three pictures that agree prove little


# ---- doors


def test_wrong_masks_sizes_and_counts():
    for masks, said in (
        (MASKS[:1], r"masks must be bool of shape \(2, 20, 24\)"),
        (MASKS.astype(int), "got int64"),
        (MASKS & False, "there is no sign in 2 of 2 masks"),
    ):
        for call in (attacks.draw_views, lambda *given: attacks.optimise_sticker(wide_model(), *given, 1)):
            with pytest.raises(ValueError, match=said):
                call(GREY, masks)
    for size in (0, 1.5, -1, np.nan):
        with pytest.raises(ValueError, match="size must be a share of the sign's side"):
            attacks.draw_views(GREY, MASKS, size=size)
    for frames in (0, 2.5, True):
        with pytest.raises(ValueError, match="frames must be a whole number"):
            attacks.draw_views(GREY, MASKS, frames=frames)
    for name in ("dots", "steps", "batch_size"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
            attacks.optimise_sticker(wide_model(), GREY, MASKS, 1, **{name: 0})
    with pytest.raises(ValueError, match="step_size must be above 0"):
        attacks.optimise_sticker(wide_model(), GREY, MASKS, 1, step_size=0)
    with pytest.raises(ValueError, match=r"target must lie in 0\.\.3 for 4 classes, got 4"):
        attacks.optimise_sticker(wide_model(), GREY, MASKS, 4)
    with pytest.raises(ValueError, match="Was it trained on another data set"):
        attacks.optimise_sticker(models.course_cnn((32, 32, 3), 4, seed=0), GREY, MASKS, 1)
    with pytest.raises(TypeError, match="functional Keras model"):
        attacks.optimise_sticker(lambda images: images, GREY, MASKS, 1)


def wide_model():
    return models.course_cnn((20, 24, 3), 4, seed=0)


def test_wrong_stickers_and_views():
    views = attacks.draw_views(GREY, MASKS, frames=2)
    for sticker, error, said in (
        (np.ones((4, 5, 3), np.float32), ValueError, r"a sticker must have shape \(S, S, 3\)"),
        (np.ones((4, 4, 1), np.float32), ValueError, r"got \(4, 4, 1\)"),
        (np.full((4, 4, 3), 255.0), ValueError, r"sticker must lie in \[0, 1\]"),
        (np.ones((4, 4, 3), np.uint8), TypeError, "sticker must be a float32 array"),
    ):
        with pytest.raises(error, match=said):
            attacks.paste(GREY, sticker, views)
        with pytest.raises(error, match=said):
            attacks.score_sticker(lambda images: np.eye(2)[[0] * len(images)], GREY, sticker, views, 1)
    sticker = attacks.random_sticker(4)
    with pytest.raises(ValueError, match="views must come from draw_views of these 2 pictures"):
        attacks.score_sticker(lambda images: images, GREY, sticker, views.take(slice(0, 3)), 1)
    with pytest.raises(ValueError, match="Are these logits"):
        attacks.score_sticker(lambda images: np.full((len(images), 2), 5.0), GREY, sticker, views, 1)
    with pytest.raises(ValueError, match=r"target must lie in 0\.\.1"):
        attacks.score_sticker(lambda images: np.eye(2)[[0] * len(images)], GREY, sticker, views, 2)
