"""The same street redrawn with one attribute changed and everything else equal."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from helpers.datasets import pedestrians
from helpers.datasets.pedestrians import person, scene
from helpers.errors import DatasetError

SEED = 3
ROWS = np.arange(60)
EQUAL = "tone at equal contrast"
EVERYTHING = [
    ("tone", "1"), ("tone", "6"), ("tone", "10"), (EQUAL, "2"), (EQUAL, "9"),
    *((name, value) for name in pedestrians.CONDITIONS for value in pedestrians.CHANGES[name]),
]  # fmt: skip
OF_A_PERSON = ("tone", EQUAL, "clothing", "distance")


@pytest.fixture(scope="module")
def loaded():
    return pedestrians.load(60, 60, 180, seed=SEED, cache=False)


@functools.cache
def drawn(attribute, value, **knobs):
    return pedestrians.counterfactual_pairs(attribute, value, ROWS, seed=SEED, **knobs)


def column(pairs):
    return "tone" if pairs.attribute == EQUAL else pairs.attribute


def had_it(pairs, which="before"):
    return (getattr(pairs, which).attributes[column(pairs)].astype(str) == pairs.value).to_numpy()


def near_the_person(pairs, steps=4):
    """Around where a person is, whatever stands in front of him."""
    bare = drawn("occlusion", "none")
    return np.stack([binary_dilation(mask, iterations=steps) for mask in bare.after.masks["person"]])


@pytest.mark.parametrize(("attribute", "value"), EVERYTHING)
def test_one_attribute_changes_and_the_rest_stays(loaded, attribute, value):
    rows = np.array([5, 179, 7, 120, 5, 77])
    pairs = pedestrians.counterfactual_pairs(attribute, value, rows, seed=SEED)
    taken = loaded.test.take(rows)
    assert np.array_equal(pairs.before.pixels, taken.pixels)
    assert pairs.before.attributes.equals(taken.attributes)
    assert all(np.array_equal(pairs.before.masks[name], mask) for name, mask in taken.masks.items())
    assert np.array_equal(pairs.after.labels, taken.labels)
    assert had_it(pairs, "after").all()
    follows = [column(pairs), "contrast"]
    assert pairs.after.attributes.drop(columns=follows).equals(taken.attributes.drop(columns=follows))


@pytest.mark.parametrize(("attribute", "value"), EVERYTHING)
def test_it_differs_just_where_it_was_another(attribute, value):
    pairs = drawn(attribute, value)
    changed = pairs.changed.any(axis=(1, 2))
    assert not changed[had_it(pairs)].any()
    others = ~had_it(pairs)
    if attribute in ("light", "occlusion"):
        assert changed[others].all()
    elif attribute != "distance":  # which moves what stands in a person's place
        assert not changed[pairs.before.labels == 0].any()
        seen = pairs.before.masks["person"].sum(axis=(1, 2)) > 12
        assert changed[others & seen].mean() > 0.9  # a face of nearly the same tone, at night, may round to the same


@pytest.mark.parametrize(("attribute", "value"), [("tone", "1"), ("tone", "10"), (EQUAL, "10"), ("clothing", "dark")])
def test_tone_and_clothing_change_nothing_but_the_person(attribute, value):
    pairs = drawn(attribute, value)
    assert not (pairs.changed & ~near_the_person(pairs)).any()
    assert all(np.array_equal(pairs.before.masks[name], pairs.after.masks[name]) for name in ("person", "skin"))


def test_tone_changes_nothing_but_skin(monkeypatch):
    drawings, draw = [], person.coverages
    monkeypatch.setattr(person, "coverages", lambda *given: drawings.append(draw(*given)) or drawings[-1])
    pairs = drawn.__wrapped__("tone", "10")
    before, after = drawings
    assert np.array_equal(before, after)
    reach = np.stack([binary_dilation(skin > 0, np.ones((3, 3))) for skin in before[0]])  # a lens of three taps
    assert not (pairs.changed & ~reach).any()
    assert reach[pairs.before.labels == 1].mean() < 0.3


@pytest.mark.parametrize("low_contrast", [True, False])
def test_equal_contrast_keeps_the_luminance_of_every_pixel(monkeypatch, low_contrast):
    monkeypatch.setattr(scene, "DIFFICULTY", replace(scene.DIFFICULTY, noise=(0.0, 0.0, 0.0)))
    pairs = drawn.__wrapped__(EQUAL, "8", low_contrast=low_contrast)
    before, after = (
        person.luminance(np.moveaxis(split.pixels.astype(np.float32), 3, 0)) for split in (pairs.before, pairs.after)
    )
    assert np.abs(before - after).max() <= 1.01  # roundings of three colours
    assert pairs.before.attributes.contrast.equals(pairs.after.attributes.contrast)
    assert np.abs(pairs.before.images - pairs.after.images).max() > 0.05
    # The tone itself changes it.
    whole = drawn("tone", "8", low_contrast=low_contrast)
    assert not whole.before.attributes.contrast.equals(whole.after.attributes.contrast)


def test_contrast_follows_tone_or_has_one_strength():
    light, dark = (drawn("tone", tone).after.attributes.contrast.dropna() for tone in ("1", "10"))
    assert (light > dark + 0.3).all()
    night = (drawn("tone", "1").before.attributes.light == "night").reindex(light.index)
    assert np.median(np.abs(light[night])) > 3 * np.median(np.abs(dark[night]))
    light, dark = (drawn("tone", t, low_contrast=False).after.attributes.contrast.dropna() for t in ("1", "10"))
    assert np.median(np.abs(light + dark)) < 0.002


def test_distance_keeps_the_column_and_changes_the_size():
    near, far = (drawn("distance", value).after.masks["person"] for value in ("near", "far"))
    seen = far.sum(axis=(1, 2)) > 8
    assert (near.sum(axis=(1, 2)) > 2 * far.sum(axis=(1, 2)))[seen].mean() > 0.9
    across = [
        (mask.sum(axis=1) * np.arange(32)).sum(axis=1)[seen] / mask.sum(axis=(1, 2))[seen] for mask in (near, far)
    ]
    assert np.abs(across[0] - across[1]).mean() < 2


def test_the_noise_is_the_same():
    """Where nobody is and no lamp, day and night of a picture share their noise, whatever its strength."""
    pairs = drawn("clothing", "light")
    outside = ~near_the_person(pairs)
    assert np.array_equal(pairs.before.pixels[outside], pairs.after.pixels[outside])


def test_a_tone_may_be_a_number_and_rows_stand_alone():
    alone = pedestrians.counterfactual_pairs("tone", 10, [7], seed=SEED)
    assert alone.value == "10"
    assert np.array_equal(alone.after.pixels[0], drawn("tone", "10").after.pixels[7])


@pytest.mark.parametrize("knobs", [{}, {"thin": False}, {"thin": 0.5}, {"low_contrast": False}])
def test_before_is_what_was_loaded_with_the_same_knobs(knobs):
    train = pedestrians.load(60, 1, 1, seed=SEED, cache=False, **knobs).train
    pairs = pedestrians.counterfactual_pairs("light", "day", ROWS, split="train", seed=SEED, **knobs)
    assert np.array_equal(pairs.before.pixels, train.pixels)
    assert pairs.before.attributes.equals(train.attributes)


@pytest.mark.parametrize(
    ("arguments", "knobs", "message"),
    [
        (("hair", "red", [0]), {}, "no attribute 'hair' to change. There are tone, tone at equal contrast, light"),
        (("tone", 11, [0]), {}, "tone is never '11'.* It is one of 1, 2, 3"),
        (("tone", True, [0]), {}, "tone is never 'True'"),
        (("light", "noon", [0]), {}, "light is never 'noon'. It is one of day, dusk, night"),
        (("tone", 1, []), {}, "rows must be whole numbers"),
        (("tone", 1, [-1]), {}, "rows must lie in"),
        (("tone", 1, [0]), {"split": "unseen"}, "split must be one of train, calibration, test"),
        (("tone", 1, [0]), {"thin": 2}, "thin must be a share"),
        (("tone", 1, [0]), {"low_contrast": "no"}, "low_contrast must be True or False"),
    ],
)
def test_what_is_refused(arguments, knobs, message):
    with pytest.raises(DatasetError, match=message) as caught:
        pedestrians.counterfactual_pairs(*arguments, **knobs)
    assert "\n" not in str(caught.value)


def test_seeds_that_are_refused():
    with pytest.raises(ValueError, match="seed must be"):
        pedestrians.counterfactual_pairs("tone", 1, [0], seed=-1)
