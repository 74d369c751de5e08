"""Pictures in another data set's shape."""

import numpy as np
import pytest

from helpers.datasets import DatasetError, reshape_split, unlabelled


def split_of(shape, seed=0):
    return unlabelled(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize("shape", [(5, 28, 28, 1), (5, 32, 32, 3), (2, 100, 60, 3)])
@pytest.mark.parametrize("wanted", [(32, 32, 3), (28, 28, 1), (20, 24, 3)])
def test_every_shape_to_every_other(shape, wanted):
    split = split_of(shape)
    changed = reshape_split(split, wanted)
    assert changed.pixels.shape == (shape[0], *wanted)
    assert changed.pixels.dtype == np.uint8
    assert abs(changed.images.mean() - split.images.mean()) < 0.02


def test_the_same_shape_changes_nothing():
    split = split_of((3, 32, 32, 3))
    np.testing.assert_array_equal(reshape_split(split, (32, 32, 3)).pixels, split.pixels)


def test_what_cannot_be_reshaped():
    with pytest.raises(DatasetError, match="1 or 3 channels"):
        reshape_split(split_of((2, 8, 8, 2)), (8, 8, 3))
    with pytest.raises(DatasetError, match="empty"):
        reshape_split(split_of((0, 8, 8, 3)), (8, 8, 3))
