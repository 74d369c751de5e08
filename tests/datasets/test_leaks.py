"""A picture in two splits is found; none is invented."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.datasets import Split


@pytest.fixture(scope="module")
def clean():
    return datasets.load("digits", train=50, calibration=20, test=20, classes=range(9))


def with_planted(split, row, picture):
    pixels = split.pixels.copy()
    pixels[row] = picture
    return Split(pixels, split.labels.copy(), split.attributes)


def test_a_planted_leak_is_found(clean):
    assert datasets.shared_pictures(clean) == []
    leaking = dataclasses.replace(clean, test=with_planted(clean.test, 7, clean.train.pixels[3]))
    (found,) = datasets.shared_pictures(leaking)
    assert found.places == (("train", 3), ("test", 7))
    leaking = dataclasses.replace(clean, calibration=with_planted(clean.calibration, 0, clean.unseen.pixels[9]))
    (found,) = datasets.shared_pictures(leaking)
    assert found.places == (("calibration", 0), ("unseen", 9))


def test_one_changed_pixel_is_another_picture(clean):
    nearly = clean.train.pixels[3].copy()
    nearly[0, 0, 0] ^= 1
    assert datasets.shared_pictures(dataclasses.replace(clean, test=with_planted(clean.test, 7, nearly))) == []


def test_a_repeat_within_one_split_is_no_leak(clean):
    repeated = dataclasses.replace(clean, train=with_planted(clean.train, 0, clean.train.pixels[1]))
    assert datasets.shared_pictures(repeated) == []


def test_empty_splits_share_nothing():
    nothing = Split(np.zeros((0, 4, 4, 1), np.uint8), np.zeros(0, np.int64), pd.DataFrame(index=range(0)))
    empty = dataclasses.replace(datasets.load("photos", size=16), test=nothing)
    assert datasets.shared_pictures(empty) == []
