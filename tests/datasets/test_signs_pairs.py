"""The same scene with one attribute changed: what changes, what must not, and what is refused."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from helpers.datasets import Pairs, signs
from helpers.datasets.signs import scene
from helpers.errors import DatasetError

SEED = 3
ROWS = np.arange(150)
ROUND = ("no entry", "speed limit 30", "speed limit 80", "turn left", "turn right", "roundabout")
EVERYTHING = [(attribute, value) for attribute, values in signs.CHANGES.items() for value in values]


@pytest.fixture(scope="module")
def loaded():
    return signs.load(100, 100, 400, seed=SEED, cache=False).test


@functools.cache
def drawn_once(attribute, value):
    return signs.counterfactual_pairs(attribute, value, ROWS, seed=SEED)


def drawn(attribute, value, rows=None, **options):
    if rows is None and not options:
        return drawn_once(attribute, value)
    return signs.counterfactual_pairs(attribute, value, ROWS if rows is None else rows, **({"seed": SEED} | options))


def boxes(masks, share, more):
    """The box around each mask, larger by a share of its size and some pixels."""
    found = np.zeros_like(masks)
    for mask, box in zip(masks, found, strict=True):
        ends = []
        for axis in (1, 0):
            at = np.flatnonzero(mask.any(axis=axis))
            wider = int(np.ceil((at[-1] - at[0] + 1) * share)) + more
            ends.append(slice(max(at[0] - wider, 0), at[-1] + wider + 1))
        box[tuple(ends)] = True
    return found


def had_it(pairs):
    if pairs.attribute == "class":
        return pairs.before.labels == signs.CLASS_NAMES.index(pairs.value)
    if pairs.value == "none":
        return (pairs.before.attributes["occlusion"] == 0).to_numpy()
    return (pairs.before.attributes[pairs.attribute] == pairs.value).to_numpy()


@pytest.mark.parametrize(("attribute", "value"), EVERYTHING)
def test_before_is_what_was_loaded_and_the_rest_of_the_table_stays(loaded, attribute, value):
    rows = np.array([5, 399, 7, 120, 5, 208])
    pairs = drawn(attribute, value, rows)
    taken = loaded.take(rows)
    assert np.array_equal(pairs.before.pixels, taken.pixels)
    assert np.array_equal(pairs.before.labels, taken.labels)
    assert pairs.before.attributes.equals(taken.attributes)
    assert all(np.array_equal(pairs.before.masks[name], mask) for name, mask in taken.masks.items())
    follows = {"class": ["occlusion"]}.get(attribute, [attribute])
    assert pairs.after.attributes.drop(columns=follows).equals(taken.attributes.drop(columns=follows))
    assert attribute == "class" or np.array_equal(pairs.after.labels, taken.labels)


@pytest.mark.parametrize(("attribute", "value"), [pair for pair in EVERYTHING if pair[0] != "occlusion"])
def test_after_has_the_value_and_differs_just_where_it_was_another(attribute, value):
    pairs = drawn(attribute, value)
    after = replace(pairs, before=pairs.after)
    assert had_it(after).all()
    assert 0 < had_it(pairs).sum() < len(pairs)
    assert np.array_equal(pairs.changed.any(axis=(1, 2)), ~had_it(pairs))


def test_an_occluder_comes_and_goes():
    none, sticker = drawn("occlusion", "none"), drawn("occlusion", "sticker")
    assert (none.after.attributes["occlusion"] == 0).all()
    assert np.array_equal(none.changed.any(axis=(1, 2)), ~had_it(none))
    assert (sticker.after.attributes["occlusion"] > 0.05).all()
    same = ~sticker.changed.any(axis=(1, 2))  # a sticker was there already, and it is the same one
    assert 0 < same.sum() < 20
    assert (sticker.before.attributes["occlusion"][same] > 0).all()


def test_twice_the_same_and_whatever_stands_beside_it():
    once, again = drawn("distance", "far"), drawn("distance", "far", ROWS)
    assert np.array_equal(once.after.pixels, again.after.pixels)
    alone = drawn("distance", "far", [77])
    assert np.array_equal(alone.after.pixels[0], once.after.pixels[77])
    assert np.array_equal(
        drawn("occlusion", "leaves", [77]).after.pixels[0], drawn("occlusion", "leaves").after.pixels[77]
    )
    assert (drawn("distance", "far", seed=4).after.pixels != once.after.pixels).any(axis=(1, 2, 3)).all()


def test_night_is_darker_than_day():
    night, day = drawn("light", "night"), drawn("light", "day")
    assert (day.after.images.mean(axis=(1, 2, 3)) > 1.5 * night.after.images.mean(axis=(1, 2, 3))).mean() > 0.95


@pytest.mark.parametrize("value", ["leaves", "branch", "pole", "sticker", "none"])
def test_an_occluder_changes_nothing_but_its_place(value):
    pairs = drawn("occlusion", value)
    bare = drawn("occlusion", "none").after.masks["sign"]
    assert not (pairs.changed & ~boxes(bare, 0.5, 5)).any()
    assert 0.03 < pairs.changed[pairs.changed.any(axis=(1, 2))].mean() < 0.5


def test_another_class_of_the_same_outline_changes_nothing_but_the_sign():
    pairs = drawn("class", "speed limit 80")
    rows = np.isin(pairs.before.labels, [signs.CLASS_NAMES.index(name) for name in ROUND])
    assert rows.sum() > 50
    pairs = pairs.take(rows)
    bare = drawn("occlusion", "none").after.masks["sign"][rows]
    near = np.stack([binary_dilation(mask, iterations=5) for mask in bare])
    assert not (pairs.changed & ~near).any()
    assert pairs.changed[pairs.before.labels != signs.CLASS_NAMES.index(pairs.value)].any(axis=(1, 2)).all()


def test_between_the_speed_limits_only_the_first_digit_changes():
    pairs = drawn("class", "speed limit 80")
    pairs = pairs.take(pairs.before.labels == signs.CLASS_NAMES.index("speed limit 30"))
    digit = pairs.before.masks["evidence"] | pairs.after.masks["evidence"]
    open_view = (pairs.before.attributes["occlusion"] == 0).to_numpy()
    near = np.stack([binary_dilation(mask, iterations=5) for mask in digit])
    assert open_view.sum() > 5
    assert not (pairs.changed & ~near)[open_view].any()


@pytest.mark.parametrize("value", signs.CLASS_NAMES)
def test_another_class_changes_nothing_but_the_board_and_its_pole(value):
    pairs = drawn("class", value)
    bare = drawn("occlusion", "none").after.masks["sign"] | pairs.after.masks["sign"]
    touched = np.logical_or.accumulate(boxes(bare, 0.5, 6), axis=1)  # the pole goes down from it
    assert not (pairs.changed & ~touched).any()


@pytest.mark.parametrize("attribute", ["light", "weather"])
def test_light_and_weather_leave_the_sign_where_it_is(attribute):
    for value in signs.CHANGES[attribute]:
        pairs = drawn(attribute, value)
        for name in ("sign", "evidence"):
            assert np.array_equal(pairs.before.masks[name], pairs.after.masks[name])


def test_distance_makes_the_sign_smaller_and_keeps_its_side():
    near, far = drawn("distance", "near"), drawn("distance", "far")
    sizes = [each.after.masks["sign"].sum(axis=(1, 2)) for each in (near, far)]
    assert (sizes[0] > sizes[1]).all()
    across = np.arange(32) + 0.5
    centres = [
        (mask.sum(axis=1) * across).sum(axis=1) / mask.sum(axis=(1, 2))
        for mask in (near.after.masks["sign"], far.after.masks["sign"])
    ]
    assert np.abs(centres[0] - centres[1]).max() < 8
    assert np.corrcoef(*centres)[0, 1] > 0.9


def test_the_noise_is_the_same(monkeypatch):
    with_noise = drawn("weather", "fog")
    monkeypatch.setattr(scene, "DIFFICULTY", replace(scene.DIFFICULTY, noise=(0.0, 0.0, 0.0)))
    without = drawn("weather", "fog", ROWS)
    ends = [getattr(without, which).pixels.astype(int) for which in ("before", "after")]
    noise = [
        getattr(with_noise, which).pixels.astype(int) - end
        for which, end in zip(("before", "after"), ends, strict=True)
    ]
    inside = (np.minimum(*ends) > 60) & (np.maximum(*ends) < 195)  # not cut off at black or white
    assert inside.mean() > 0.2
    assert np.abs(noise[0] - noise[1])[inside].max() <= 2  # two roundings
    assert np.abs(noise[0])[inside].max() > 20


def test_pairs_are_of_one_size():
    pairs = drawn("light", "night", [0, 1, 2])
    assert len(pairs) == 3
    assert len(pairs.take(np.array([True, False, True]))) == 2
    with pytest.raises(DatasetError, match=r"as many pictures.*got \(3, 32, 32, 3\) and \(2, 32, 32, 3\)"):
        Pairs("light", "night", pairs.before, pairs.after.take(slice(2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("colour", "red", [0]),
            r"no attribute 'colour' to change\. There are light, weather, distance, occlusion, class",
        ),
        ((["light"], "night", [0]), r"no attribute \['light'\]"),
        (("light", "noon", [0]), "light is never 'noon'. It is one of day, dusk, night"),
        (("class", "no parking", [0]), "class is never 'no parking'. It is one of stop"),
        (("weather", "foggy", [0]), r"never 'foggy'\. Did you mean 'fog'\?"),
        (("light", "night", []), "rows must be whole numbers"),
        (("light", "night", 3), r"rows must be whole numbers.*shape \(\); np.arange"),
        (("light", "night", [True, False]), "np.flatnonzero"),
        (("light", "night", [0.5]), "got float64"),
        (("light", "night", [-1, 4]), r"rows must lie in 0\.\.99999, got -1\.\.4"),
        (("light", "night", [10**6]), "got 1000000"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(DatasetError, match=message):
        signs.counterfactual_pairs(*arguments)


def test_splits_and_seeds_that_are_refused():
    with pytest.raises(DatasetError, match="split must be one of train, calibration, test, got 'unseen'"):
        drawn("light", "night", split="unseen")
    with pytest.raises(ValueError, match="seed must be"):
        drawn("light", "night", seed=-1)


def test_the_other_splits(loaded):
    data = signs.load(100, 100, 1, seed=SEED, cache=False)
    for name, split in (("train", data.train), ("calibration", data.calibration)):
        assert np.array_equal(drawn("light", "day", np.arange(100), split=name).before.pixels, split.pixels)
