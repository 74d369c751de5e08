"""Occlusion, the maps that know nothing, the form that all methods share, and what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.ndimage import sobel

from helpers import explain, models
from helpers.contracts import check_count, check_seed
from helpers.explain import Explainer, check_maps, positive_part, taxonomy
from tests.explain.networks import course_network, distance, pictures, some_classes

SHAPE = (12, 10, 2)
INNER = np.random.default_rng(1).normal(size=(np.prod(SHAPE), 16)).astype(np.float32)
OUTER = np.random.default_rng(2).normal(size=(16, 3)).astype(np.float32)
BASELINES = {
    "random": explain.random_map(),
    "centre Gaussian": explain.centre_gaussian(),
    "Sobel edges": explain.sobel_edges(),
    "brightness": explain.brightness(),
}


def predict_logits(images):
    """A small network without TensorFlow, three logits."""
    return np.maximum(images.reshape(len(images), -1) @ INNER, 0) @ OUTER


# ---- occlusion


def slow_occlusion(image, label, patch, stride, value):
    """One picture and one patch at a time."""
    height, width = image.shape[:2]
    falls = [[[] for _ in range(width)] for _ in range(height)]
    before = predict_logits(image[None])[0, label]
    top = 0
    while True:
        left = 0
        while True:
            hidden = image.copy()
            hidden[top : top + patch, left : left + patch] = value
            fall = before - predict_logits(hidden[None])[0, label]
            for row in range(top, min(top + patch, height)):
                for column in range(left, min(left + patch, width)):
                    falls[row][column].append(fall)
            if left + patch >= width:
                break
            left += stride
        if top + patch >= height:
            break
        top += stride
    return np.array([[np.mean(each) for each in row] for row in falls])


@given(st.integers(1, 10), st.integers(1, 10), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 99))
@settings(max_examples=15)
def test_occlusion_is_the_plain_loop(patch, stride, value, seed):
    stride = min(stride, patch)
    images, classes = pictures(2, SHAPE, seed), some_classes(2, 3, seed)
    maps = explain.occlusion(predict_logits, patch, stride, value)(images, classes)
    slow = [slow_occlusion(image, label, patch, stride, value) for image, label in zip(images, classes, strict=True)]
    np.testing.assert_allclose(maps, slow, atol=1e-4)


@pytest.mark.parametrize(("patch", "stride"), [(3, 3), (4, 2), (5, 1)])
def test_captum_agrees_about_occlusion(patch, stride):
    """The mean over the patches that hid a pixel is captum's too."""
    from captum.attr import Occlusion

    images, classes = pictures(3, (13, 13, 1)), np.array([0, 1, 2])
    weights = np.random.default_rng(3).normal(size=(169, 3)).astype(np.float32)

    def forward(some):
        return torch.tanh(some.reshape(len(some), -1) @ torch.from_numpy(weights))

    theirs = Occlusion(forward).attribute(
        torch.from_numpy(images),
        sliding_window_shapes=(patch, patch, 1),
        strides=(stride, stride, 1),
        baselines=0.5,
        target=torch.from_numpy(classes),
    )
    own = explain.occlusion(lambda some: forward(torch.from_numpy(some)).numpy(), patch, stride)(images, classes)
    assert distance(own, theirs.numpy()[..., 0]) < 1e-4


def test_occlusion_by_hand():
    """Hiding one pixel of a white picture with black takes that pixel's weight away."""
    white, weights = np.ones((1, 2, 3, 1), np.float32), np.arange(6.0) - 2
    maps = explain.occlusion(lambda images: images.reshape(len(images), 6) @ weights[:, None], 1, 1, 0.0)(white, [0])
    np.testing.assert_allclose(maps[0], weights.reshape(2, 3))


def test_occlusion_of_pictures_together_and_one_by_one():
    images, classes = pictures(5, SHAPE), some_classes(5, 3)
    before = images.copy()
    method = explain.occlusion(predict_logits, 4, 2)
    together = method(images, classes)
    alone = np.concatenate([method(images[i : i + 1], classes[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_array_equal(images, before)  # what was hidden is shown again
    assert (method(images, (classes + 1) % 3) != together).any()


def test_occlusion_asks_as_often_as_it_says():
    asked = []

    def counting(images):
        asked.append(images.copy())
        return images.reshape(len(images), -1)[:, :3]

    explain.occlusion(counting)(pictures(1), [0])
    assert len(asked) == 50
    assert all(images.min() >= 0 and images.max() <= 1 for images in asked)
    assert all((images == 0.5).sum() == 8 * 8 * 3 for images in asked[1:])


def test_occlusion_of_a_patch_of_the_same_grey_is_zero():
    grey = np.full((2, *SHAPE), 0.5, np.float32)
    assert not explain.occlusion(predict_logits, 4, 4)(grey, [0, 1]).any()
    assert explain.occlusion(predict_logits, 4, 4, 0.2)(grey, [0, 1]).any()


def test_a_patch_as_large_as_the_picture_gives_the_fall_of_the_logit():
    logits = models.predict_function(models.logits_model(course_network()))
    images, classes = pictures(2), [1, 2]
    fall = (logits(images) - logits(np.full_like(images, 0.5)))[[0, 1], classes]
    maps = explain.occlusion(logits, patch=32, stride=32)(images, classes)
    np.testing.assert_allclose(maps, np.broadcast_to(fall[:, None, None], (2, 32, 32)), rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 0}, "patch must be a whole number of at least 1, got 0"),
        ({"patch": 2.0}, "patch must be a whole number"),
        ({"stride": 0}, "stride must be a whole number of at least 1, got 0"),
        ({"patch": 4, "stride": 5}, "pixels between two places are never hidden: 5 > 4"),
        ({"value": 1.5}, r"value must lie in \[0, 1\] like the pixels, got 1\.5"),
        ({"value": 127.5}, r"value must lie in \[0, 1\]"),
        ({"value": float("nan")}, r"value must lie in \[0, 1\]"),
    ],
)
def test_occlusion_refuses_numbers(options, message):
    with pytest.raises(ValueError, match=message):
        explain.occlusion(predict_logits, **options)


def test_occlusion_refuses_on_use():
    images = pictures(2, SHAPE)
    with pytest.raises(ValueError, match="patch must be at most 10 for pictures of 12x10, got 11"):
        explain.occlusion(predict_logits, 11)(images, [0, 1])
    for classes in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match=r"classes must lie in 0\.\.2 for 3 classes"):
            explain.occlusion(predict_logits)(images, classes)
    for wrong in (lambda some: some[:, 0, 0, 0], lambda some: some[:1, 0, 0], lambda some: some):
        with pytest.raises(ValueError, match=r"predict_logits must give floats of shape \(2, K\) .*logits_model"):
            explain.occlusion(wrong)(images, [0, 1])
    with pytest.raises(ValueError, match="occlusion gave NaN or infinity; look at the model's weights"):
        explain.occlusion(lambda some: np.full((len(some), 3), np.nan))(images, [0, 1])


# ---- maps that know nothing


def test_a_random_map_is_uniform_and_belongs_to_its_picture():
    images = pictures(40, SHAPE)
    maps = BASELINES["random"](images, np.zeros(40, int))
    assert stats.kstest(maps.ravel(), "uniform").pvalue > 0.01
    alone = BASELINES["random"](images[7:8], [1])
    np.testing.assert_array_equal(alone[0], maps[7])
    one_pixel = images[7:8].copy()
    one_pixel[0, 3, 3, 0] = 0.123
    assert abs(explain.map_similarity(BASELINES["random"](one_pixel, [1]), alone)[0]) < 0.3
    other_seed = explain.random_map(1)(images, np.zeros(40, int))
    assert abs(explain.map_similarity(other_seed, maps).mean()) < 0.1


def test_the_centre_gaussian():
    maps = explain.centre_gaussian(0.2)(pictures(3, (11, 21, 1)), [0, 1, 2])
    np.testing.assert_array_equal(maps[0], maps[2])
    assert maps[0, 5, 10] == maps.max() == 1
    np.testing.assert_allclose(maps, maps[:, ::-1, ::-1], rtol=1e-6)
    # One standard deviation from the centre: a fifth of the height is 2.2 pixels of 11.
    assert maps[0, 5 + 2, 10] > np.exp(-0.5) > maps[0, 5 + 3, 10]
    assert np.exp(-0.5) == pytest.approx(
        explain.centre_gaussian(0.2)(pictures(1, (15, 15, 1)), [0])[0, 10, 7], rel=1e-5
    )
    assert (explain.centre_gaussian(0.5)(pictures(3, (11, 21, 1)), [0, 1, 2]) >= maps).all()


def test_brightness_is_the_picture_in_grey():
    images = pictures(3, SHAPE)
    maps = BASELINES["brightness"](images, [0, 1, 2])
    np.testing.assert_allclose(maps, images.mean(axis=-1), rtol=1e-6)
    np.testing.assert_array_equal(BASELINES["brightness"](images, [2, 1, 0]), maps)
    lit = np.zeros((1, 4, 4, 3), np.float32)
    lit[0, 2, 1] = 1
    assert explain.pointing_game(BASELINES["brightness"](lit, [0]), lit[..., 0] > 0)


def test_sobel_edges_are_scipys_for_each_picture():
    images = pictures(3, SHAPE)
    grey = images.mean(axis=-1)
    wanted = [np.hypot(sobel(one, 0, mode="nearest"), sobel(one, 1, mode="nearest")) / 8 for one in grey]
    np.testing.assert_allclose(BASELINES["Sobel edges"](images, [0, 1, 2]), wanted, atol=1e-6)


def test_sobel_edges_by_hand():
    step = np.zeros((1, 6, 6, 3), np.float32)
    step[:, :, 3:] = 1
    edges = BASELINES["Sobel edges"](step, [0])[0]
    np.testing.assert_allclose(edges, np.broadcast_to([0, 0, 0.5, 0.5, 0, 0], (6, 6)), atol=1e-7)
    ramp = np.broadcast_to(np.linspace(0, 1, 11, dtype=np.float32)[:, None], (11, 11))[None, ..., None]
    np.testing.assert_allclose(BASELINES["Sobel edges"](ramp.copy(), [0])[0, 1:-1], 0.1, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_constant_picture_has_no_edges(value):
    flat = np.full((2, *SHAPE), value, np.float32)
    np.testing.assert_allclose(BASELINES["Sobel edges"](flat, [0, 1]), 0, atol=1e-6)
    for name in ("random", "centre Gaussian"):
        assert BASELINES[name](flat, [0, 1]).any()


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_ignore_the_class_and_have_the_common_form(name):
    images = pictures(4, SHAPE)
    maps = BASELINES[name](images, [0, 1, 2, 3])
    assert BASELINES[name].name == name
    assert maps.dtype == np.float32
    assert maps.shape == (4, 12, 10)
    assert not BASELINES[name].signed
    assert BASELINES[name].classes is None
    np.testing.assert_array_equal(BASELINES[name](images, [3, 2, 1, 0]), maps)


def test_baselines_refuse():
    for seed in (-1, 1.5, True, None):
        with pytest.raises(ValueError, match="seed must be a whole number from 0"):
            explain.random_map(seed)
    for width in (0, -0.1, np.inf, np.nan):
        with pytest.raises(ValueError, match="width must be a number above 0, a share of the picture's side"):
            explain.centre_gaussian(width)


# ---- the common form


def explainer_of(maps, signed=True, classes=3):
    return Explainer("the method", lambda images, labels: maps, signed, classes)


def test_an_explainer_hands_on_checked_pictures_and_classes():
    seen = []

    def attribute(images, classes):
        seen.append((images.dtype, classes.dtype))
        return np.zeros(images.shape[:3], np.float64)

    maps = Explainer("the method", attribute, True)(pictures(2, SHAPE).astype(np.float64), [0, 1])
    assert seen == [(np.float32, np.int64)]
    assert maps.dtype == np.float32


@pytest.mark.parametrize(
    ("maps", "signed", "message"),
    [
        (np.zeros((2, 12, 10, 1)), True, r"the method must give maps of shape \(2, 12, 10\), it gave \(2, 12, 10, 1\)"),
        (np.zeros((1, 12, 10)), True, r"must give maps of shape \(2, 12, 10\)"),
        (np.full((2, 12, 10), np.nan), True, "the method gave NaN or infinity; look at the model's weights"),
        (np.full((2, 12, 10), -1e-3), False, "says it is unsigned, and gave negative values"),
    ],
)
def test_an_explainer_refuses_what_is_no_map(maps, signed, message):
    with pytest.raises(ValueError, match=message):
        explainer_of(maps, signed)(pictures(2, SHAPE), [0, 1])


@pytest.mark.parametrize("name", [*BASELINES, "occlusion", "planted"])
def test_explainers_refuse_pictures(name):
    if name == "planted":
        explainer = explainer_of(np.zeros((2, 12, 10)))
    else:
        explainer = BASELINES.get(name) or explain.occlusion(predict_logits)
    images, classes = pictures(2, SHAPE), [0, 1]
    with pytest.raises(
        TypeError, match=r"float32 array in \[0, 1\], got a uint8 array. From uint8 pixels: split.images"
    ):
        explainer((255 * images).astype(np.uint8), classes)
    with pytest.raises(TypeError, match="got a list"):
        explainer(images.tolist(), classes)
    for wrong in (images * 255, images - 1, np.full_like(images, np.nan)):
        with pytest.raises(ValueError, match=r"images must lie in \[0, 1\], got .*Divide pixels by 255 once"):
            explainer(wrong, classes)
    with pytest.raises(ValueError, match=r"One picture needs picture\[None\]"):
        explainer(images[0], [0])
    with pytest.raises(ValueError, match="N of at least 1"):
        explainer(images[:0], [])
    with pytest.raises(ValueError, match=r"classes must have shape \(2,\), one per picture"):
        explainer(images, [0])
    with pytest.raises(TypeError, match="classes must be integers, got float64"):
        explainer(images, [0.0, 1.0])


def test_an_explainer_refuses_classes_that_its_model_has_not():
    for classes in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match=r"classes must lie in 0\.\.2 for 3 classes"):
            explainer_of(np.zeros((2, 12, 10)))(pictures(2, SHAPE), classes)


def test_maps_are_checked():
    maps = check_maps([[[1, 2], [3, 4]]])
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(positive_part([[[-1, 0, 2]]]), [[[0, 0, 2]]])
    with pytest.raises(TypeError, match="maps must be numbers, got bool"):
        check_maps(np.ones((1, 2, 2), bool))
    with pytest.raises(TypeError, match="drawn must be numbers"):
        check_maps(np.full((1, 2, 2), "a"), name="drawn")
    for wrong in (np.ones((2, 2)), np.ones((0, 2, 2)), np.ones((1, 2, 2, 3))):
        with pytest.raises(ValueError, match=r"shape \(N, H, W\), one map for each picture, got"):
            check_maps(wrong)
    with pytest.raises(ValueError, match=r"maps must have shape \(2, 2, 2\)"):
        check_maps(np.ones((1, 2, 2)), (2, 2, 2))
    for value in (np.nan, -np.inf, 1e200):
        with pytest.raises(ValueError, match="maps must be finite, got NaN, infinity or a value too large"):
            check_maps(np.full((1, 2, 2), value))


def test_counts_and_seeds_are_checked():
    assert check_count(np.int32(3), "steps") == 3
    assert check_seed(0) == 0
    for wrong in (0, -1, 1.0, True, None, "3"):
        with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got"):
            check_count(wrong, "steps")


def test_every_name_of_the_package_can_be_had():
    for name in dir(explain):
        thing = getattr(explain, name)
        assert callable(thing) or thing is taxonomy, name
    with pytest.raises(AttributeError, match="attribute grad_cam"):
        explain.grad_cam  # noqa: B018
