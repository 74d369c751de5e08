"""Drawn streets: the same on every machine, balanced, and unequal by tone in the two planted ways alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_dilation

from helpers.datasets import pedestrians, shared_pictures
from helpers.datasets.pedestrians import conditions, scene
from helpers.datasets.pedestrians.conditions import DARK
from helpers.errors import DatasetError

PINNED = {"train": "858e84d93988fb56", "calibration": "e2b0397ebafa727e", "test": "98fe94a39508b6cd"}
PINNED_MEANS = [75.91, 93.76, 118.81, 90.08, 52.52, 59.44]
SMALL = {"train": 240, "calibration": 60, "test": 240, "cache": False}
KNOWN_BEFORE_DRAWING = ["tone", "light", "clothing", "distance", "occlusion"]


@pytest.fixture(scope="module")
def small():
    return pedestrians.load(**SMALL)


@pytest.fixture(scope="module")
def equal():
    return pedestrians.load(**SMALL, low_contrast=False)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGILANT_CACHE", str(tmp_path))
    return tmp_path / "pedestrians"


def same(one, other):
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.labels, other.labels)
    assert one.attributes.equals(other.attributes)
    assert all(np.array_equal(one.masks[name], other.masks[name]) for name in ("person", "skin"))


def digest(split):
    text = split.attributes[KNOWN_BEFORE_DRAWING].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(split.labels.tobytes() + text.encode()).hexdigest()[:16]


def shows_skin(split):
    return split.masks["skin"].sum(axis=(1, 2)) > 4


def dark_at_night(split):
    return ((split.attributes.light == "night") & split.attributes.tone.isin(DARK)).to_numpy()


# What is drawn, and that it is always the same


def test_contract(small):
    assert str(small).startswith("pedestrians: 240 train, 60 calibration, 240 test; pictures (32, 32, 3), 2 classes")
    assert small.class_names == pedestrians.CLASS_NAMES == ("street", "pedestrian")
    assert list(small.test.attributes) == [*KNOWN_BEFORE_DRAWING, "contrast"]
    assert set(small.test.masks) == {"person", "skin"}
    assert shared_pictures(small) == []


def test_it_says_that_it_is_drawn():
    assert "**drawn** here from a seed" in pedestrians.__doc__
    assert "Nobody in these pictures exists" in pedestrians.__doc__


def test_labels_and_attributes_are_pinned(small):
    """The same on every machine; a change here is a change of the data set, and of every result of the course."""
    assert {name: digest(getattr(small, name)) for name in PINNED} == PINNED
    assert small.test.pixels[:6].mean(axis=(1, 2, 3)) == pytest.approx(PINNED_MEANS, abs=0.5)


def test_a_seed_repeats_and_a_split_does_not_depend_on_the_others_sizes(small):
    other = pedestrians.load(90, 20, 250, cache=False)
    same(small.train.take(slice(0, 90)), other.train)
    same(small.calibration.take(slice(0, 20)), other.calibration)
    same(small.test, other.test.take(slice(0, 240)))
    assert not set(small.test.hashes()) & set(pedestrians.load(60, 60, 60, seed=1, cache=False).test.hashes())


@pytest.mark.parametrize("name", ["calibration", "test"])
def test_classes_tones_and_lights_are_balanced(small, name):
    split = getattr(small, name)
    for start in range(0, len(split), 60):
        cells = split.attributes[["tone", "light"]].assign(label=split.labels)[start : start + 60]
        assert len(cells.drop_duplicates()) == 60


def test_shares_of_the_conditions_are_the_same_for_every_tone():
    seeds = [conditions.seeds(2, chunk, 0)[0] for chunk in range(300)]
    table = pd.concat([conditions.plan(seed, 0.0).attributes(np.zeros(60)) for seed in seeds])
    for name, usual in pedestrians.CONDITIONS.items():
        found = pd.crosstab(table.tone, table[name], normalize="index")
        assert np.abs(found - pd.Series(usual)).to_numpy().max() < 0.045  # 3.8 standard errors of 1,800


# The two causes


def test_thin_training_lacks_dark_tones_at_night_and_nothing_else(small):
    usual = pedestrians.load(**SMALL, thin=False)
    assert dark_at_night(usual.train).sum() == 40
    assert dark_at_night(small.train).sum() < 6
    same(usual.calibration, small.calibration)
    same(usual.test, small.test)
    moved = dark_at_night(usual.train) & ~dark_at_night(small.train)
    same(usual.train.take(~moved), small.train.take(~moved))
    before, after = usual.train.take(moved), small.train.take(moved)
    others = KNOWN_BEFORE_DRAWING[1:]
    assert after.attributes.tone.between(1, 5).all()
    assert after.attributes[others].equals(before.attributes[others])
    assert np.array_equal(before.labels, after.labels)
    assert np.array_equal(before.pixels[before.labels == 0], after.pixels[after.labels == 0])


def test_how_thin_can_be_chosen(small):
    shares = [(thin, pedestrians.load(240, 1, 1, thin=thin, cache=False).train) for thin in (0.0, 0.5, 1.0)]
    missing = [40 - dark_at_night(split).sum() for _, split in shares]
    assert missing[0] == 0
    assert 10 < missing[1] < 30
    assert missing[2] == 40
    same(pedestrians.load(240, 1, 1, thin=conditions.LACKING, cache=False).train, small.train)


def test_dark_skin_has_little_contrast_in_low_light(small):
    contrast = small.test.attributes.contrast
    assert np.array_equal(contrast.isna(), small.test.labels == 0)
    by = contrast.abs().groupby([small.test.attributes.light, small.test.attributes.tone > 7], observed=True).median()
    assert by["night", True] < 0.8 * by["dusk", True] < 0.8 * by["day", True]
    assert by["night", True] < 0.3 * by["night", False]
    assert by["day", True] == pytest.approx(by["day", False], rel=0.1)


def test_without_low_contrast_everybody_has_the_same(small, equal):
    for name in ("train", "calibration", "test"):
        one, other = getattr(small, name), getattr(equal, name)
        assert one.attributes[KNOWN_BEFORE_DRAWING].equals(other.attributes[KNOWN_BEFORE_DRAWING])
        assert all(np.array_equal(one.masks[mask], other.masks[mask]) for mask in one.masks)
        changed = (one.pixels != other.pixels).any(axis=3)
        assert not changed[one.labels == 0].any()
        low_light = (one.attributes.light != "day").to_numpy()
        assert np.array_equal(changed.any(axis=(1, 2)) & shows_skin(one), low_light & shows_skin(one))
        assert not changed[~low_light].any()
    people = equal.test.attributes[equal.test.labels == 1]
    low, high = scene.DIFFICULTY.equal_contrast
    assert np.array_equal(people.contrast < 0, people.tone.isin(DARK))
    assert people.contrast.abs().between(0.9 * low, high + 0.001).mean() > 0.95  # before a bright sky there is no room
    assert people.contrast.abs().max() <= high + 0.001


# What the pictures look like


def test_masks_show_who_is_there(small):
    person, skin = small.test.masks["person"], small.test.masks["skin"]
    assert not person[small.test.labels == 0].any()
    assert not (skin & ~person).any()
    open_view = (small.test.labels == 1) & (small.test.attributes.occlusion == "none").to_numpy()
    area = person.sum(axis=(1, 2))
    assert area[open_view].min() > 8
    share = skin[open_view].sum() / person[open_view].sum()
    assert 0.25 < share < 0.6
    sizes = [np.median(area[open_view & (small.test.attributes.distance == d)]) for d in ("near", "middle", "far")]
    assert sizes[0] > 1.4 * sizes[1] > 1.4 * 1.4 * sizes[2]
    hidden = (small.test.labels == 1) & ~open_view
    assert area[hidden].mean() < 0.75 * area[open_view].mean()


def test_night_is_darker_than_dusk_and_dusk_than_day(small):
    level = pd.Series(small.test.pixels.mean(axis=(1, 2, 3))).groupby(small.test.attributes.light, observed=True).mean()
    assert level["day"] > 1.3 * level["dusk"] > 1.1 * 1.3 * level["night"]
    assert level["night"] > 25


def test_light_skin_at_night_is_brighter_where_the_mask_is_than_beside_it(small):
    a = small.test.attributes
    rows = (a.light == "night") & (a.tone < 4) & (a.occlusion == "none") & (a.distance == "near")
    grey = small.test.pixels.mean(axis=3)
    for row in np.flatnonzero(rows & (small.test.labels == 1)):
        beside = binary_dilation(small.test.masks["person"][row], iterations=4) & ~binary_dilation(
            small.test.masks["person"][row], iterations=2
        )
        assert grey[row][small.test.masks["skin"][row]].mean() > grey[row][beside].mean() + 10


# Errors and the cache


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"train": 0}, "train must be at least 1 picture, got 0"),
        ({"test": 10.5}, "test must be a whole number.*10.5"),
        ({"calibration": 10**9}, "at most 200,000"),
        ({"thin": 1.5}, r"thin must be a share in \[0, 1\], got 1.5"),
        ({"thin": "much"}, "thin must be a share.*'much'"),
        ({"thin": None}, "thin must be a share.*None"),
        ({"low_contrast": 0.3}, "low_contrast must be True or False, got 0.3"),
    ],
)
def test_wrong_arguments_are_explained(wrong, words):
    with pytest.raises(DatasetError, match=words) as caught:
        pedestrians.load(**{**SMALL, **wrong})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, "a", 2**32, None])
def test_seeds_that_are_none(seed):
    with pytest.raises(ValueError, match="seed must be a whole number from 0 to"):
        pedestrians.load(**SMALL, seed=seed)


def test_the_cache_gives_what_was_drawn_and_tells_knobs_apart(own_cache, monkeypatch):
    asked = [{}, {"seed": 1}, {"thin": False}, {"low_contrast": False}]
    sizes = {"train": 60, "calibration": 20, "test": 30}
    drawn = [pedestrians.load(**sizes, **more) for more in asked]
    assert len(list(own_cache.glob("train-*"))) == 4
    assert len(list(own_cache.glob("test-*"))) == 3  # a thin training split leaves it alone
    monkeypatch.setattr(scene, "draw", lambda *_: pytest.fail("drawn though it was in the cache"))
    for more, fresh in zip(asked, drawn, strict=True):
        kept = pedestrians.load(**sizes, **more)
        for name in sizes:
            same(getattr(kept, name), getattr(fresh, name))
