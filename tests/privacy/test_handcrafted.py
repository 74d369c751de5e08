"""Handcrafted features: the library's, each in [0, 1], and nothing of them fitted to data."""

import numpy as np
import pytest
from skimage.feature import hog
from sklearn.linear_model import RidgeClassifier

from helpers import datasets, privacy


def pictures(n=6, shape=(32, 32, 3), seed=0):
    return np.random.default_rng(seed).random((n, *shape), np.float32)


@pytest.mark.parametrize(
    ("shape", "values"), [((32, 32, 3), 7 * 7 * 36 + 8 * 8 * 3), ((28, 28, 1), 6 * 6 * 36 + 7 * 7), ((9, 8, 1), 36 + 4)]
)
def test_their_number_is_what_the_docstring_says(shape, values):
    found = privacy.handcrafted_features(pictures(shape=shape))
    assert (found.shape, found.dtype) == ((6, values), np.float32)


def test_the_values_are_scikit_images_and_mean_colours():
    images = pictures(2)
    found = privacy.handcrafted_features(images)
    theirs = hog(images[1], 9, (4, 4), (2, 2), channel_axis=-1)
    np.testing.assert_allclose(found[1, : len(theirs)], theirs, atol=1e-6)
    first_cell = found[1, len(theirs) : len(theirs) + 3]
    np.testing.assert_allclose(first_cell, images[1, :4, :4].mean(axis=(0, 1)), atol=1e-5)


def test_values_lie_in_0_to_1_and_a_row_is_no_longer_than_it_says():
    rng = np.random.default_rng(1)
    edges = (rng.random((200, 32, 32, 1)) < 0.5).astype(np.float32)
    plain = np.concatenate([np.zeros((1, 32, 32, 1)), np.ones((1, 32, 32, 1))]).astype(np.float32)
    for images in (pictures(50, shape=(32, 32, 1)), edges, plain):
        found = privacy.handcrafted_features(images)
        assert found.min() >= 0
        assert found.max() <= 1
        assert np.linalg.norm(found, axis=1).max() <= np.sqrt(49 + 64)
    assert np.linalg.norm(privacy.handcrafted_features(plain), axis=1) == pytest.approx([0, 8])
    assert np.linalg.norm(privacy.handcrafted_features(edges), axis=1).max() > 7


def test_a_picture_has_the_same_features_whatever_stands_beside_it():
    # What is fitted to the data would move with the others, and would have to be paid for.
    images = pictures(8)
    alone = np.concatenate([privacy.handcrafted_features(image[None]) for image in images])
    np.testing.assert_array_equal(privacy.handcrafted_features(images), alone)


def test_a_linear_model_reads_signs_by_them():
    data = datasets.load("signs", train=600, calibration=1, test=400, seed=0)
    features = privacy.handcrafted_features(data.train.images)
    model = RidgeClassifier(30).fit(features, data.train.labels)
    assert model.score(privacy.handcrafted_features(data.test.images), data.test.labels) > 0.55


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (pictures(shape=(7, 32, 3)), "at least 8x8 pixels with 1 or 3 channels, got 7x32 with 3"),
        (pictures(shape=(32, 32, 2)), "got 32x32 with 2"),
        (pictures() * 255, r"must lie in \[0, 1\]"),
        (pictures()[0], "One picture needs"),
    ],
)
def test_what_has_no_features(images, message):
    with pytest.raises(ValueError, match=message):
        privacy.handcrafted_features(images)
