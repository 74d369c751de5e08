"""Six real photographs, without a network."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import datasets
from helpers.datasets import DatasetError, DatasetUnavailable, photos

ROOT = Path(__file__).resolve().parents[2]


def test_shape_labels_and_attributes():
    six = datasets.load("photos")
    assert six.shape == (224, 224, 3)
    assert (len(six.train), len(six.calibration), len(six.test)) == (0, 0, 6)
    assert six.class_names == ("astronaut", "cameraman", "cat", "coffee", "motorcycle", "rocket")
    table = six.test.attributes
    assert list(table.columns) == ["name", "imagenet_class", "imagenet_name", "imagenet_accepted", "source"]
    assert tuple(table.name) == six.class_names
    # Numbers and names as in the published list of ImageNet's classes.
    assert table.set_index("name").imagenet_class.to_dict() == {
        "astronaut": photos.NO_IMAGENET_CLASS,
        "cameraman": 872,
        "cat": 285,
        "coffee": 967,
        "motorcycle": 665,
        "rocket": 657,
    }
    for row in table.itertuples():
        assert row.imagenet_class in row.imagenet_accepted or row.imagenet_accepted == ()


def test_they_are_photographs_in_colour_and_the_right_way_round():
    six = datasets.load("photos", size=64)
    pictures = dict(zip(six.class_names, six.test.images, strict=True))
    assert all(picture.std() > 0.1 for picture in pictures.values())
    red, green, blue = (pictures["coffee"][..., channel].mean() for channel in range(3))
    assert red > green > blue  # a brown table, a red cup: BGR would turn this around
    rocket = pictures["rocket"]
    assert rocket[:16].mean() < rocket[-16:].mean()  # floodlights at the foot, the sky dark


def test_resizing_keeps_the_mean():
    small, large = (datasets.load("photos", size=size).test.images for size in (20, 200))
    np.testing.assert_allclose(small.mean(axis=(1, 2)), large.mean(axis=(1, 2)), atol=0.01)


@pytest.mark.parametrize("size", [15, 301, 0, -1, 10**9, 224.0, "224", None, True, (224, 224), float("nan")])
def test_sizes_that_cannot_be_met(size):
    with pytest.raises(DatasetError, match="from 16 to 300"):
        datasets.load("photos", size=size)


@pytest.mark.parametrize("part", ["train", "calibration", "test"])
def test_split_sizes_cannot_be_chosen(part):
    with pytest.raises(DatasetError, match="no split sizes to choose"):
        datasets.load("photos", **{part: 3})


def test_a_photograph_that_is_not_there_is_explained(monkeypatch):
    import skimage.data

    def download():
        raise ConnectionError("no network")

    monkeypatch.setattr(skimage.data, "coffee", download)
    with pytest.raises(DatasetUnavailable, match=r"skimage.data.coffee: no network"):
        datasets.load("photos")


def test_no_network_needed(needs_program, tmp_path):
    """In a network namespace of its own with nothing in it; HOME is empty, so no earlier download helps."""
    unshare = needs_program("unshare")
    program = "from helpers import datasets; print([len(datasets.load(n).test) for n in ('photos', 'digits')])"
    result = subprocess.run(
        [unshare, "--net", "--map-root-user", sys.executable, "-c", program],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "[6, 1000]", result.stderr
