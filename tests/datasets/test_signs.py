from __future__ import annotations

import errno
import hashlib
import warnings

import cv2
import numpy as np
import pytest

from helpers.datasets import signs
from helpers.datasets.signs import conditions, scene, templates
from helpers.errors import CacheError, DatasetError

PINNED_DIGESTS = ["32c2cabba8e30d00", "6bdf2537368b4b64", "bf54458ea819ea1b"]
PINNED_MEANS = [36.92, 140.17, 19.35, 187.6, 150.73, 138.95]
SMALL = {"train": 300, "calibration": 100, "test": 200, "cache": False}
LIMITS = templates.AMBIGUOUS_PAIR


@pytest.fixture(scope="module")
def small():
    return signs.load(**SMALL, unseen=100)


@pytest.fixture(scope="module")
def many():
    """Enough pictures for shares and extremes."""
    return signs.load(2_000, 1, 1, seed=5, cache=False).train


@pytest.fixture(scope="module")
def unclear():
    return signs.load(1_500, 1, 1, seed=9, ambiguous=1.0, cache=False).train


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGILANT_CACHE", str(tmp_path))
    return tmp_path / "signs"


def same(one, other):
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.labels, other.labels)
    assert one.attributes.equals(other.attributes)
    assert list(one.masks) == list(other.masks)
    assert all(np.array_equal(one.masks[name], other.masks[name]) for name in one.masks)


def digest(split):
    text = split.attributes.round(6).to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(split.labels.tobytes() + text.encode()).hexdigest()[:16]


# What is drawn, and that it is always the same


def test_same_seed_same_everything(small):
    again = signs.load(**SMALL, unseen=100)
    for name in ("train", "calibration", "test", "unseen"):
        same(getattr(small, name), getattr(again, name))


def test_other_seed_other_pictures(small):
    other = signs.load(**SMALL, seed=1)
    assert not set(small.test.hashes()) & set(other.test.hashes())
    assert not np.array_equal(small.test.labels, other.test.labels)


def test_labels_and_attributes_are_pinned(small):
    """The same on every machine; a change here is a change of the data set, and of every result of the course."""
    assert [digest(split) for split in (small.train, small.test, small.unseen)] == PINNED_DIGESTS
    means = small.test.pixels.reshape(200, -1).mean(axis=1)
    assert means[:6] == pytest.approx(PINNED_MEANS, abs=0.5)


def test_threads_change_nothing():
    plans, seeds = [], []
    for chunk in range(4):
        decide, draw = np.random.SeedSequence(3, spawn_key=(0, chunk)).spawn(2)
        plans.append(conditions.plan(decide, np.arange(10), conditions.shares(None), 0.0))
        seeds.append(draw)
    before = cv2.getNumThreads()
    alone, together = scene.draw_all(plans, seeds, threads=1), scene.draw_all(plans, seeds, threads=4)
    assert cv2.getNumThreads() == before
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_split_does_not_depend_on_the_others_sizes(small):
    other = signs.load(120, 30, 250, cache=False)
    same(small.train.take(slice(0, 120)), other.train)
    same(small.calibration.take(slice(0, 30)), other.calibration)
    same(small.test, other.test.take(slice(0, 200)))


def test_no_picture_is_twice(small):
    hashes = [h for split in (small.train, small.calibration, small.test, small.unseen) for h in split.hashes()]
    assert len(set(hashes)) == len(hashes) == 700


def test_contract(small):
    assert small.name == "signs"
    assert small.shape == (32, 32, 3)
    assert small.class_names == signs.CLASS_NAMES == templates.CLASS_NAMES
    assert len(signs.CLASS_NAMES) == 10
    assert small.train.images.dtype == np.float32
    assert set(small.train.masks) == {"sign", "evidence"}
    assert list(small.train.attributes) == [
        "light", "weather", "distance", "occlusion", "motion", "ambiguous", "planted_entropy", "watermark",
    ]  # fmt: skip
    assert not small.train.attributes[["ambiguous", "planted_entropy", "watermark"]].any(axis=None)


def test_classes_are_balanced(small):
    assert np.array_equal(np.bincount(small.train.labels), np.full(10, 30))
    assert np.array_equal(np.bincount(small.unseen.labels)[10:], [50, 50])
    assert small.unseen.labels.min() == 10
    assert small.unseen_names == signs.UNSEEN_NAMES


def test_shares_of_the_conditions(many):
    for name, usual in signs.CONDITIONS.items():
        found = many.attributes[name].value_counts(normalize=True)
        assert {value: found[value] for value in usual} == pytest.approx(usual, abs=0.045)


# What the pictures look like


def test_signs_cover_a_tenth_to_four_tenths(many):
    whole = many.attributes.occlusion.to_numpy() == 0
    share = many.masks["sign"].mean(axis=(1, 2))
    assert share[whole].min() >= 0.10
    assert share[whole].max() <= 0.40
    by_distance = [share[whole & (many.attributes.distance == d).to_numpy()].mean() for d in ("near", "middle", "far")]
    assert by_distance[0] > by_distance[1] + 0.04 > by_distance[2] + 0.08


def test_signs_stand_off_centre(many):
    mask = many.masks["sign"]
    y, x = np.mgrid[:32, :32] + 0.5
    area = mask.sum(axis=(1, 2))
    offset = np.hypot((mask * x).sum((1, 2)) / area - 16, (mask * y).sum((1, 2)) / area - 16)
    assert np.median(offset) > 6
    assert np.mean(offset > 4) > 0.9
    # Looking at the middle, a quarter of each side, finds little of what matters.
    evidence = many.masks["evidence"]
    assert np.mean(evidence[:, 12:20, 12:20].sum((1, 2)) / evidence.sum((1, 2))) < 0.25


def test_evidence_is_part_of_the_visible_sign(many):
    sign, evidence = many.masks["sign"], many.masks["evidence"]
    assert not (evidence & ~sign).any()
    assert evidence.sum(axis=(1, 2)).min() >= 8
    of_sign = evidence.sum(axis=(1, 2)) / sign.sum(axis=(1, 2))
    typical = [np.median(of_sign[many.labels == label]) for label in range(10)]
    whole = [signs.CLASS_NAMES.index(name) for name in ("yield", "priority road")]
    assert min(np.take(typical, whole)) > 0.95
    assert max(np.delete(typical, whole)) < 0.6


def test_the_mask_lies_on_the_sign(many):
    """By day and in clear weather the no-entry sign is red where its mask is and its evidence is not."""
    a = many.attributes
    rows = (many.labels == 2) & (a.light == "day") & (a.weather == "clear") & (a.occlusion == 0) & (a.motion == 0)
    red = many.pixels[..., 0].astype(int) - many.pixels[..., 1]
    ring = many.masks["sign"] & ~many.masks["evidence"]
    for row in np.flatnonzero(rows):
        assert np.median(red[row][ring[row]]) > 80
        assert red[row][ring[row]].mean() > red[row][many.masks["evidence"][row]].mean() + 30
        assert np.median(red[row][~many.masks["sign"][row]]) < 50


def test_conditions_do_what_they_say(many):
    a = many.attributes
    level = many.pixels.mean(axis=(1, 2, 3))
    assert level[a.light == "day"].mean() > level[a.light == "dusk"].mean() + 20 > level[a.light == "night"].mean() + 40
    contrast = many.pixels.std(axis=(1, 2, 3))
    day = (a.light == "day").to_numpy()
    assert contrast[day & (a.weather == "fog")].mean() < 0.75 * contrast[day & (a.weather == "clear")].mean()
    assert 0.1 < (a.occlusion > 0).mean() < 0.4
    assert a.occlusion.max() <= 0.42
    assert 0.1 < (a.motion > 0).mean() < 0.4


def test_occlusion_hides_what_it_says(many):
    a = many.attributes
    hidden = many.masks["sign"].mean(axis=(1, 2))
    far = (a.distance == "far").to_numpy() & np.isin(many.labels, (2, 3, 4, 6, 7, 8))  # round signs, of one size
    much, none = far & (a.occlusion > 0.12).to_numpy(), far & (a.occlusion == 0).to_numpy()
    assert hidden[much].mean() == pytest.approx(hidden[none].mean() * (1 - a.occlusion[much].mean()), rel=0.08)


def test_backgrounds_are_not_uniform(many):
    a = many.attributes
    clear = ((a.light == "day") & (a.weather == "clear")).to_numpy()
    outside = [p[~m].std(axis=0).mean() for p, m in zip(many.pixels[clear], many.masks["sign"][clear], strict=True)]
    assert np.quantile(outside, 0.02) > 12


def test_faces_differ():
    faces = templates.faces()
    for i in range(len(faces)):
        for j in range(i):
            difference = np.abs(faces[i].rgba.astype(int) - faces[j].rgba).mean()
            assert difference > 1, (faces[i].name, faces[j].name)


# Ambiguous pictures


def test_ambiguous_pictures_say_nothing_about_their_label(unclear):
    """A probe that tells 30 from 80 on ordinary signs is at a coin's level on ambiguous ones."""
    from sklearn.linear_model import LogisticRegression

    assert set(unclear.labels) == set(LIMITS)
    assert 0.46 < np.mean(unclear.labels == LIMITS[0]) < 0.54
    assert unclear.attributes.planted_entropy.to_numpy() == pytest.approx(np.log(2))
    x = unclear.pixels.reshape(len(unclear), -1) / 255
    probe = LogisticRegression(C=1e-3, max_iter=200).fit(x[:1000], unclear.labels[:1000])
    hits = np.mean(probe.predict(x[1000:]) == unclear.labels[1000:])
    assert abs(hits - 0.5) < 0.075  # 3.3 standard errors of 500 coins


def test_the_ambiguous_face_is_half_way():
    faces = templates.faces()
    thirty, eighty, between = faces[LIMITS[0]], faces[LIMITS[1]], faces[templates.AMBIGUOUS_FACE]
    to_thirty = np.abs(between.rgba.astype(int) - thirty.rgba)
    to_eighty = np.abs(between.rgba.astype(int) - eighty.rgba)
    assert np.abs(to_thirty - to_eighty).max() <= 1  # a rounding
    assert to_thirty.max() > 60


def test_the_coin_does_not_touch_the_picture(monkeypatch):
    """The very same pictures come out when the coin falls the other way."""
    seeds = np.random.SeedSequence(4).spawn(2)
    plan = conditions.plan(seeds[0], np.arange(10), conditions.shares(None), 1.0)
    monkeypatch.setattr(templates, "AMBIGUOUS_PAIR", LIMITS[::-1])
    turned = conditions.plan(seeds[0], np.arange(10), conditions.shares(None), 1.0)
    assert np.all(plan.labels != turned.labels)
    assert np.array_equal(scene.draw(plan, seeds[1]).pixels, scene.draw(turned, seeds[1]).pixels)


def test_some_ambiguous_leave_the_rest_alone(small):
    some = signs.load(**SMALL, ambiguous=0.2)
    for split, plain in ((some.train, small.train), (some.calibration, small.calibration), (some.test, small.test)):
        marked = split.attributes.ambiguous.to_numpy()
        assert 0.1 < marked.mean() < 0.3
        assert np.isin(split.labels[marked], LIMITS).all()
        assert np.array_equal(split.pixels[~marked], plain.pixels[~marked])
        assert np.array_equal(split.labels[~marked], plain.labels[~marked])


# Rare conditions, unseen classes


def test_rare_is_rare_in_training_only(small):
    scarce = signs.load(**{**SMALL, "train": 2_000}, rare={"weather": {"fog": 0.01}, "light": {"night": 0}})
    weather = scarce.train.attributes.weather.value_counts(normalize=True)
    assert 0.002 < weather["fog"] < 0.02
    assert weather["clear"] / weather["rain"] == pytest.approx(3, rel=0.2)
    assert not (scarce.train.attributes.light == "night").any()
    same(scarce.calibration, small.calibration)
    same(scarce.test, small.test)


def test_a_condition_can_be_all_there_is():
    split = signs.load(100, 1, 1, rare={"light": {"night": 1.0}}, cache=False).train
    assert (split.attributes.light == "night").all()


# The watermark


def test_watermark_goes_with_its_class(small):
    marked = signs.load(**SMALL, watermark=signs.Watermark("stop", 0.9))
    for name in ("train", "calibration", "test"):
        split, plain = getattr(marked, name), getattr(small, name)
        has = split.attributes.watermark.to_numpy()
        assert np.all(split.labels[has] == 0)
        assert 0.7 < has[split.labels == 0].mean() < 1.0
        mask = split.masks["watermark"]
        assert np.array_equal(mask.sum(axis=(1, 2)), np.where(has, 16, 0))
        assert np.array_equal(split.pixels[~mask], plain.pixels[~mask])
        assert split.pixels[mask].max(axis=1).min() > 220
        assert not (mask & split.masks["sign"]).any()


def test_the_mark_can_move(small):
    moved = signs.plant_watermark(small.test, small.test.labels != 0, seed=2)
    assert np.array_equal(moved.attributes.watermark, small.test.labels != 0)
    assert np.array_equal(moved.labels, small.test.labels)
    assert not small.test.attributes.watermark.any()
    corners = moved.masks["watermark"][:, [2, 2, 29, 29], [2, 29, 2, 29]].sum(axis=0)
    assert corners.min() > 0
    assert corners.sum() == moved.attributes.watermark.sum()
    both = signs.plant_watermark(moved, np.flatnonzero(small.test.labels == 0))
    assert both.attributes.watermark.all()


def test_other_pictures_can_carry_the_mark():
    import pandas as pd

    from helpers.datasets.base import Split

    plain = Split(np.zeros((5, 28, 28, 1), np.uint8), np.zeros(5, np.int64), pd.DataFrame(index=range(5)))
    marked = signs.plant_watermark(plain, [0, 3])
    assert list(marked.attributes.watermark) == [True, False, False, True, False]
    assert marked.pixels[[0, 3]].max() > 220
    assert not marked.pixels[[1, 2, 4]].any()


# Errors


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"train": 0}, "train.*at least 1.*got 0"),
        ({"calibration": -5}, "calibration.*-5"),
        ({"test": 10.5}, "test.*whole.*10.5"),
        ({"test": True}, "test.*True"),
        ({"unseen": -1}, "unseen.*at least 0"),
        ({"ambiguous": 1.5}, r"ambiguous.*\[0, 1\].*1.5"),
        ({"ambiguous": float("nan")}, "ambiguous.*nan"),
        ({"rare": {"snow": {"much": 0.1}}}, "snow.*light, weather, distance"),
        ({"rare": {"weather": {"snow": 0.1}}}, "snow.*clear, rain, fog"),
        ({"rare": {"weather": {"fog": 2}}}, r"fog.*\[0, 1\].*2"),
        ({"rare": {"weather": {"fog": 0.7, "rain": 0.7}}}, "sum to 1.4"),
        ({"rare": {"light": {"day": 0.1, "dusk": 0.1, "night": 0.1}}}, "sum to 0.3"),
        ({"rare": {"weather": 0.1}}, "rare must map"),
        ({"watermark": "stop"}, "Watermark"),
    ],
)
def test_wrong_arguments_are_explained(wrong, words):
    with pytest.raises(DatasetError, match=words) as caught:
        signs.load(**{**SMALL, **wrong})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, "a", 2**32])
def test_seeds_that_are_none(small, seed):
    with pytest.raises(ValueError, match="seed must be a whole number from 0 to"):
        signs.load(**{**SMALL, "seed": seed})
    with pytest.raises(ValueError, match="seed must be a whole number from 0 to"):
        signs.plant_watermark(small.train, [0], seed=seed)


def test_wrong_watermarks_are_explained(small):
    with pytest.raises(DatasetError, match=r"no class 'halt'.*stop, yield"):
        signs.Watermark("halt")
    with pytest.raises(DatasetError, match=r"\[0, 1\].*1.2"):
        signs.Watermark("stop", 1.2)
    with pytest.raises(DatasetError, match="rows must be"):
        signs.plant_watermark(small.test, [10_000])
    with pytest.raises(DatasetError, match="rows must be"):
        signs.plant_watermark(small.test, np.ones(3, bool))


# The cache

KEPT = {"train": 100, "calibration": 20, "test": 50}


def test_the_cache_gives_what_was_drawn(own_cache, monkeypatch):
    drawn = signs.load(**KEPT, unseen=10)
    assert len(list(own_cache.iterdir())) == 4
    monkeypatch.setattr(scene, "draw_all", lambda *_: pytest.fail("drawn though it was in the cache"))
    read = signs.load(**KEPT, unseen=10)
    for name in ("train", "calibration", "test", "unseen"):
        same(getattr(drawn, name), getattr(read, name))


def test_the_cache_is_told_apart_by_every_argument(own_cache):
    asked = [{}, {"seed": 1}, {"ambiguous": 0.5}, {"rare": {"weather": {"fog": 0.5}}}, {"train": 99}]
    for more in asked:
        kept, fresh = (signs.load(**{**KEPT, **more}, cache=keep) for keep in (True, False))
        same(kept.train, fresh.train)
    trains = list(own_cache.glob("train-*"))
    assert len(trains) == len(asked)
    signs.load(**KEPT, watermark=signs.Watermark())  # planted on what is kept already
    assert list(own_cache.glob("train-*")) == trains


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "other"])
def test_a_damaged_file_is_drawn_again(own_cache, damage):
    good = signs.load(**KEPT)
    path = next(own_cache.glob("train-*"))
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"cut": whole[:middle], "empty": b"", "flipped": flipped, "other": b"not an archive"}[damage])
    with pytest.warns(UserWarning, match="damaged.*drawn again") as caught:
        healed = signs.load(**KEPT)
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    same(good.train, healed.train)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(good.train, signs.load(**KEPT).train)


def test_a_full_disk_is_explained_and_leaves_nothing(own_cache, monkeypatch):
    def full(target, **_):
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(CacheError, match="disk is full"):
        signs.load(**KEPT)
    assert list(own_cache.iterdir()) == []
