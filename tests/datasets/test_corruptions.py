"""Corruptions: stronger is worse, nothing leaves [0, 1], and each does what its name says."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import color, filters

from helpers import datasets
from helpers.datasets import corruptions
from helpers.datasets.corruptions import NAMES, STRENGTHS, corrupt


@pytest.fixture(scope="module")
def colour():
    """Real pictures of 32x32, RGB: tiles of photographs."""
    photographs = datasets.load("photos", size=256).test.images
    return photographs.reshape(6, 8, 32, 8, 32, 3).swapaxes(2, 3).reshape(-1, 32, 32, 3)


@pytest.fixture(scope="module")
def grey():
    return datasets.load("digits", train=10, calibration=10, test=200).test.images


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["colour", "grey"])
def test_stronger_is_worse(name, kind, request):
    images = request.getfixturevalue(kind)
    before = images.copy()
    distances = []
    for strength in STRENGTHS:
        damaged = corrupt(images, name, strength, seed=0)
        assert damaged.shape == images.shape
        assert damaged.dtype == np.float32
        assert damaged.min() >= 0
        assert damaged.max() <= 1
        distances.append(np.sqrt(np.mean((damaged - images) ** 2)))
    np.testing.assert_array_equal(images, before)
    assert distances[0] > 0.005
    assert distances[1] > 1.2 * distances[0]
    assert distances[2] > 1.1 * distances[1]


def test_noise_has_its_deviation_and_its_seed():
    middle = np.full((200, 32, 32, 3), 0.5, dtype=np.float32)
    damaged = corrupt(middle, "noise", 2, seed=1)
    assert (damaged - middle).std() == pytest.approx(0.08, rel=0.01)
    assert (damaged - middle).mean() == pytest.approx(0, abs=0.001)
    np.testing.assert_array_equal(damaged, corrupt(middle, "noise", 2, seed=1))
    assert not np.array_equal(damaged, corrupt(middle, "noise", 2, seed=2))
    assert not np.array_equal(damaged[0], damaged[1])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "noise"])
def test_the_others_draw_nothing(name, colour):
    np.testing.assert_array_equal(corrupt(colour, name, 2, seed=1), corrupt(colour, name, 2, seed=2))


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_fares_the_same_in_any_batch(name, colour, monkeypatch):
    whole = corrupt(colour, name, 3, seed=0)
    monkeypatch.setattr(corruptions, "_BATCH", 7)
    np.testing.assert_array_equal(corrupt(colour, name, 3, seed=0), whole)


def test_blur_is_that_of_scikit_image(colour):
    expected = np.stack([filters.gaussian(picture, sigma=0.7, channel_axis=-1) for picture in colour[:20]])
    np.testing.assert_allclose(corrupt(colour[:20], "blur", 2), expected, atol=1e-5)


def test_brightness_is_that_of_hsv(colour):
    pictures = colour[:20].copy()
    pictures[0, :5] = 0  # black has no hue
    hsv = color.rgb2hsv(pictures)
    hsv[..., 2] = np.clip(hsv[..., 2] + 0.15, 0, 1)
    np.testing.assert_allclose(corrupt(pictures, "brightness", 2), color.hsv2rgb(hsv), atol=1e-5)


def test_jpeg_is_close_to_another_encoder(colour):
    damaged = corrupt(colour[:50], "jpeg", 3)
    differences = []
    for before, after in zip(colour[:50], damaged, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(np.rint(before * 255).astype(np.uint8)).save(buffer, "JPEG", quality=40)
        differences.append(np.abs(np.asarray(Image.open(buffer)) / 255 - after).mean())
    assert np.mean(differences) < 0.003  # swapped channels give ten times as much


def test_float64_is_taken(colour):
    assert corrupt(colour[:2].astype(np.float64), "blur", 1).dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 1, 3), (2, 5, 9, 3)])
def test_small_and_oblong_pictures(name, shape):
    assert corrupt(np.full(shape, 0.5, dtype=np.float32), name, 3).shape == shape


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_black_and_white_stay_finite(name, value):
    assert np.isfinite(corrupt(np.full((2, 32, 32, 3), value, dtype=np.float32), name, 3)).all()


GOOD = np.full((2, 8, 8, 3), 0.5, dtype=np.float32)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ((GOOD * 255).astype(np.uint8), TypeError, "uint8"),
        (GOOD * 255, ValueError, r"\[0, 1\]"),
        (GOOD[0], ValueError, "one picture|One picture"),
        (GOOD[:0], ValueError, "at least 1"),
        (GOOD[:, :0], ValueError, "shape|empty|zero-size"),
        (GOOD * np.nan, ValueError, "NaN"),
        (GOOD[..., :2], ValueError, "grey .* or RGB"),
        (GOOD.tolist(), TypeError, "list"),
        (None, TypeError, "NoneType"),
    ],
)
def test_what_are_no_pictures(images, error, message):
    with pytest.raises(error, match=message):
        corrupt(images, "noise", 1)


@pytest.mark.parametrize("name", ["nois", "", None, 3, []])
def test_unknown_corruption(name):
    with pytest.raises(ValueError, match="choose one of noise, blur, brightness, jpeg"):
        corrupt(GOOD, name, 1)
    if name == "nois":
        with pytest.raises(ValueError, match="Did you mean 'noise'"):
            corrupt(GOOD, name, 1)


@pytest.mark.parametrize("strength", [0, 4, 1.0, "1", None, True, float("nan")])
def test_unknown_strength(strength):
    with pytest.raises(ValueError, match="strength must be 1, 2 or 3"):
        corrupt(GOOD, "noise", strength)


@pytest.mark.parametrize("seed", [-1, 0.5, None, "0"])
def test_seeds_that_are_none(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        corrupt(GOOD, "noise", 1, seed)
