"""Names, sizes, knobs and seeds; what every data set must keep to."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.datasets import Dataset, DatasetError, DatasetUnavailable, cifar10, fashion
from helpers.datasets.catalogue import ready
from helpers.datasets.splits import Part, official_parts, one_pool
from tests.datasets.web import nobody_listens

ROOT = Path(__file__).resolve().parents[2]
REQUESTED = {"train": None, "calibration": None, "test": None}
DEFAULTS = {"train": 60, "calibration": 20, "test": 20}
NAMES = ("a", "b", "c", "d")


def pool(n=100, seed=0):
    """Different random pictures of four classes, of unequal sizes."""
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.choice(4, size=n, p=[0.4, 0.3, 0.2, 0.1])).astype(np.int64)
    return Part(rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8), labels)


def test_no_training_framework_is_loaded():
    program = (
        "import sys, helpers.datasets as d; d.availability(); d.load('digits'); "
        "print([m for m in ('tensorflow', 'keras', 'torch', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["cifar-10", "CIFAR10", "cifar"])
def test_unknown_name_suggests_the_close_one(name):
    with pytest.raises(DatasetError, match="Did you mean 'cifar10'") as caught:
        datasets.load(name)
    for known in datasets.names():
        assert known in str(caught.value)
    assert f"on this machine without a network: {', '.join(ready())}." in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mnist", "digits"),
        ("MNIST", "digits"),
        ("fashion_mnist", "fashion"),
        ("Fashion-MNIST", "fashion"),
        ("CIFAR 10", "cifar10"),
        ("GTSRB", "signs"),
        ("sign", "signs"),
        ("imagenet", "photos"),
    ],
)
def test_what_others_call_a_data_set_is_understood(name, meant):
    with pytest.raises(DatasetError, match=f"Did you mean '{meant}'"):
        datasets.load(name)


@pytest.mark.parametrize("installed", [True, False])
def test_messages_name_what_is_installed(installed, monkeypatch, tmp_path):
    for name in fashion._CONTENT:
        (tmp_path / name).touch()
    monkeypatch.delenv("VIGILANT_FASHION", raising=False)
    monkeypatch.setattr(fashion, "SYSTEM_FOLDER", tmp_path if installed else tmp_path / "nothing")
    monkeypatch.delenv("VIGILANT_CIFAR10_SHA256", raising=False)
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(tmp_path / "none.tar.gz"))
    offered = "signs, digits, fashion, photos" if installed else "signs, digits, photos"
    assert ", ".join(ready()) == offered
    with pytest.raises(DatasetError, match=f"without a network: {offered}"):
        datasets.load("letters")
    with pytest.raises(DatasetUnavailable, match=f"without a network: {offered}"):
        datasets.load("cifar10")


@pytest.mark.parametrize("name", [None, 3, [], "", "imagenet"])
def test_unknown_name_of_any_type(name):
    with pytest.raises(DatasetError, match="There is no data set"):
        datasets.load(name)


def test_unknown_knob_suggests_the_close_one():
    with pytest.raises(DatasetError, match=r"digits has no knob 'clases'. Did you mean 'classes'"):
        datasets.load("digits", clases=range(9))
    with pytest.raises(DatasetError, match=r"photos has no knob 'classes'.*It has: size"):
        datasets.load("photos", classes=[1, 2])


@pytest.mark.parametrize("budget", ["quick", "full"])
def test_a_notebook_that_trains_is_told_what_it_can_train_on(budget):
    for name in datasets.names():
        if name != "photos":
            assert set(datasets.split_sizes(name, budget)) <= {"train", "calibration", "test"}
    with pytest.raises(DatasetError, match=r"photos .* none to train on. Choose one of: signs, digits, fashion, cifar"):
        datasets.split_sizes("photos", budget)


@pytest.mark.parametrize("part", ["train", "calibration", "test"])
@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "at least 1 picture"),
        (-5, "at least 1 picture"),
        (1.5, "whole number"),
        ("100", "whole number"),
        (True, "whole number"),
        (float("nan"), "whole number"),
        (100_000, "5,000 pictures"),
        (10**12, "at most 200,000"),
    ],
)
def test_sizes_that_cannot_be_met(part, size, message):
    with pytest.raises(DatasetError, match=message) as caught:
        datasets.load("digits", **{part: size})
    assert part in str(caught.value)


def test_a_drawn_data_set_is_not_drawn_for_ever():
    with pytest.raises(DatasetError, match="at most 200,000 pictures, got 1,000,000,000"):
        datasets.load("signs", train=10**9)


@pytest.mark.parametrize("seed", [-1, 0.5, None, "0", True])
def test_seeds_that_are_none(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        datasets.load("digits", seed=seed)


def test_numpy_integers_are_fine():
    assert len(datasets.load("digits", train=np.int64(50), seed=np.int32(3)).train) == 50


def test_availability_reads_and_downloads_nothing(monkeypatch, cold_cache, tmp_path):
    monkeypatch.setattr(fashion, "SYSTEM_FOLDER", tmp_path / "nothing")
    for variable in ("VIGILANT_FASHION", "VIGILANT_CIFAR10_ARCHIVE", "VIGILANT_CIFAR10_SHA256"):
        monkeypatch.delenv(variable, raising=False)
    table = pd.DataFrame(datasets.availability()).set_index("name")
    assert tuple(table.index) == datasets.names()
    assert table.ready.to_dict() == {"signs": True, "digits": True, "fashion": False, "cifar10": False, "photos": True}
    assert table.needs_network.to_dict() == {name: not ready for name, ready in table.ready.items()}
    assert "dataset-fashion-mnist" in table.note["fashion"]
    assert not cold_cache.exists()


def test_availability_of_files_that_the_user_named(monkeypatch, tmp_path):
    archive = tmp_path / "archive.tar.gz"
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(archive))
    assert not cifar10.availability().ready
    assert not cifar10.availability().needs_network  # no download would be tried
    archive.touch()
    assert cifar10.availability().ready


@pytest.mark.parametrize("name", ["fashion", "cifar10"])
def test_what_cannot_be_had_says_what_was_tried(name, monkeypatch, cold_cache, tmp_path):
    for variable in ("VIGILANT_FASHION", "VIGILANT_CIFAR10_ARCHIVE", "VIGILANT_CIFAR10_SHA256"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(fashion, "SYSTEM_FOLDER", tmp_path / "nothing")
    monkeypatch.setattr(fashion, "KERAS_ADDRESS", nobody_listens())
    monkeypatch.setattr(cifar10, "KERAS_ADDRESS", nobody_listens())
    with pytest.raises(DatasetUnavailable, match="could not be reached") as caught:
        datasets.load(name)
    assert "1. " in str(caught.value)
    assert "2. Keras's download" in str(caught.value) or "3. Keras's download" in str(caught.value)
    assert "These load on this machine without a network: signs, digits, photos." in str(caught.value)


# How pictures are divided


def test_splits_are_stratified_to_within_one_picture():
    everything = pool(1000)
    dataset = one_pool("x", NAMES, everything, REQUESTED, {"train": 500, "calibration": 70, "test": 130}, 0)
    share = np.bincount(everything.labels) / len(everything)
    for split in (dataset.train, dataset.calibration, dataset.test):
        np.testing.assert_allclose(np.bincount(split.labels, minlength=4), share * len(split), atol=2)


def test_labels_stay_with_their_pictures():
    everything = pool()
    known = {picture.tobytes(): label for picture, label in zip(everything.pixels, everything.labels, strict=True)}
    dataset = one_pool("x", NAMES, everything, REQUESTED, DEFAULTS, 0)
    for split in (dataset.train, dataset.calibration, dataset.test):
        assert [known[picture.tobytes()] for picture in split.pixels] == list(split.labels)


def test_a_seed_repeats_and_another_differs():
    first, again, other = (one_pool("x", NAMES, pool(), REQUESTED, DEFAULTS, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.pixels, again.train.pixels)
    assert set(first.test.hashes()) != set(other.test.hashes())


def test_the_test_split_does_not_depend_on_the_other_sizes():
    for divide in (
        lambda sizes: one_pool("x", NAMES, pool(), sizes, DEFAULTS, 0),
        lambda sizes: official_parts("x", NAMES, pool(), pool(50, seed=1), sizes, DEFAULTS, 0),
    ):
        small = divide(REQUESTED | {"train": 10, "calibration": 5})
        large = divide(REQUESTED | {"train": 50, "calibration": 20})
        np.testing.assert_array_equal(small.test.pixels, large.test.pixels)


def test_order_within_a_split_mixes_classes():
    dataset = one_pool("x", NAMES, pool(1000), REQUESTED | {"train": 800}, DEFAULTS, 0)
    assert np.mean(np.diff(dataset.train.labels) != 0) > 0.5  # the pool was sorted by class


def test_defaults_shrink_with_the_data_set_and_never_otherwise():
    dataset = one_pool("x", NAMES, pool(50), REQUESTED, DEFAULTS, 0)
    assert [len(dataset.train), len(dataset.calibration), len(dataset.test)] == [30, 10, 10]
    with pytest.raises(
        DatasetError, match=r"train 90 \+ calibration 20 \(default\) \+ test 20 \(default\).*100 pictures"
    ):
        one_pool("x", NAMES, pool(100), REQUESTED | {"train": 90}, DEFAULTS, 0)


def test_official_boundary_is_kept():
    train, test = pool(100, seed=1), pool(50, seed=2)
    dataset = official_parts("x", NAMES, train, test, REQUESTED, DEFAULTS, 0)
    official = {picture.tobytes() for picture in test.pixels}
    assert all(picture.tobytes() in official for picture in dataset.test.pixels)
    for split in (dataset.train, dataset.calibration):
        assert not any(picture.tobytes() in official for picture in split.pixels)


def test_repeated_pictures_do_not_stand_in_two_splits():
    twice = pool(50)
    doubled = Part(np.concatenate([twice.pixels] * 2), np.concatenate([twice.labels] * 2))
    every = {"train": 30, "calibration": 10, "test": 10}
    assert datasets.shared_pictures(one_pool("x", NAMES, doubled, every, DEFAULTS, 0)) == []
    assert datasets.shared_pictures(official_parts("x", NAMES, doubled, pool(20, seed=3), every, DEFAULTS, 0)) == []

    leaking = Part(np.concatenate([twice.pixels, pool(20, seed=3).pixels]), np.zeros(70, dtype=np.int64))
    every = {"train": 40, "calibration": 10, "test": 20}
    assert datasets.shared_pictures(official_parts("x", NAMES, leaking, pool(20, seed=3), every, DEFAULTS, 0)) == []


def test_held_out_classes_are_nowhere_but_in_unseen():
    everything = pool(200)
    dataset = one_pool("x", NAMES, everything, REQUESTED, DEFAULTS, 0, classes=[2, 0])
    assert dataset.class_names == ("a", "c")
    assert dataset.unseen_names == ("b", "d")
    assert set(dataset.unseen.labels) == {2, 3}
    assert len(dataset.unseen) == np.isin(everything.labels, [1, 3]).sum()
    third = {picture.tobytes() for picture in everything.pixels[everything.labels == 2]}
    for split in (dataset.train, dataset.calibration, dataset.test):
        assert [picture.tobytes() in third for picture in split.pixels] == [label == 1 for label in split.labels]


@pytest.mark.parametrize("classes", [[], [1], [0, 4], [0, -1], [0, 0], [0, 1.0], 3, ["a", "b"], [True, False], "ab"])
def test_classes_that_cannot_be_met(classes):
    with pytest.raises(DatasetError, match="has classes 0 to 3"):
        one_pool("x", NAMES, pool(), REQUESTED, DEFAULTS, 0, classes=classes)


def test_keeping_every_class_leaves_none_unseen():
    dataset = one_pool("x", NAMES, pool(), REQUESTED, DEFAULTS, 0, classes=range(4))
    assert isinstance(dataset, Dataset)
    assert dataset.unseen is None
