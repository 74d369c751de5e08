"""What students answer in notebook 00."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from helpers import datasets
from tests.notebooks.answers import Exercise

# ---- 0.1 who is in the dark?

_LIGHT = {"train": {"day": 60, "dusk": 25, "night": 15}, "test": {"day": 20, "dusk": 12, "night": 8}}


def _split(counts):
    return SimpleNamespace(attributes=pd.DataFrame({"light": pd.Series(counts).index.repeat(list(counts.values()))}))


def _drawn():
    data = SimpleNamespace(**{name: _split(counts) for name, counts in _LIGHT.items()})
    return {"datasets": SimpleNamespace(load=lambda *_, **__: data), "seed": 0}


_IN_TEST = _drawn()["datasets"].load().test.attributes["light"] == "night"

DARK = Exercise(
    "00_start_here",
    "0.1",
    "test_at_night",
    right=[8, 8.0, np.int64(8), np.array(8), _IN_TEST.sum()],
    wrong=[
        (_IN_TEST, "count what is True"),
        ([8], "one number is wanted"),
        ("8", "leave the quotes out"),
        (True, "this is True or False"),
        (0.2, "this is the share"),
        (20.0, "this is the share"),
        (7.5, "a whole number"),
        (40, "all test pictures"),
        (12, "at dusk"),
        (15, "training pictures"),
        (9, "compare the column"),
    ],
    around=_drawn,
)

# With as many by day as 100 times the share at night, the two could not be told apart.
DAY = Exercise(
    "00_start_here",
    "0.1 by day",
    "test_at_night",
    right=[9, 9.0, np.int32(9)],
    wrong=[
        (22, "taken by day"),
        (18, "this counts dusk, too"),
        (40, "all test pictures"),
        (-9, "not -9"),
        (float("nan"), "a whole number"),
    ],
    around=lambda: _with(day=22, dusk=9, night=9),
)


def _with(**counts):
    data = SimpleNamespace(test=_split(counts), train=_split(_LIGHT["train"]))
    return {"datasets": SimpleNamespace(load=lambda *_, **__: data), "seed": 0}


# ---- 0.2 pixels to pictures


def _divided_in_place(pixels):
    result = pixels.astype(np.float32) / 255
    pixels[...] = 0
    return result


PICTURES = Exercise(
    "00_start_here",
    "0.2",
    "test_to_images",
    right=[
        lambda pixels: pixels.astype(np.float32) / 255,
        lambda pixels: (pixels / 255).astype("float32"),
        lambda pixels: np.array([[[[c / 255 for c in x] for x in y] for y in z] for z in pixels.tolist()], np.float32),
        lambda pixels: np.float32(1 / 255) * pixels,
        datasets.to_unit_range,
    ],
    wrong=[
        (lambda pixels: pixels / 255, "float32 is wanted, and this is float64"),
        (lambda pixels: pixels.astype(np.float32) / 256, "255 must become 1"),
        (lambda pixels: pixels.astype(np.float32), "255 must become 1"),
        (lambda pixels: pixels.astype(np.float32) / 255 / 255, "divided twice"),
        (lambda pixels: pixels.astype(np.float32) / pixels.max(), "not by its maximum"),
        (lambda pixels: (pixels.astype(np.float32) - pixels.min()) / 255, "must stay dark"),
        (lambda pixels: (pixels.astype(np.float32) / 255).ravel(), "the shape must stay"),
        (lambda pixels: (pixels // 255).astype(np.float32), "a pixel of 51 must become 0.2"),
        (lambda pixels: (pixels / 255).tolist(), "a NumPy array is wanted"),
        (_divided_in_place, "make a new array"),
    ],
)

# ---- 0.3 divided twice


def by_dtype(pictures):
    if pictures.dtype == np.uint8:
        return pictures / 255
    if pictures.dtype.kind == "f" and pictures.min() >= 0 and pictures.max() <= 1:
        return pictures
    raise ValueError


def by_name(pictures):
    if str(pictures.dtype) == "uint8":
        return np.float32(1 / 255) * pictures
    if "float" not in str(pictures.dtype) or np.any((pictures < 0) | (pictures > 1)):
        raise ValueError("neither")
    return pictures.copy()


def by_table(pictures):
    known = {np.dtype("uint8"): 255.0, np.dtype("float32"): 1.0, np.dtype("float64"): 1.0}
    if pictures.dtype not in known:
        raise ValueError("neither")
    result = np.divide(pictures, known[pictures.dtype], dtype=np.float64)
    if not ((result >= 0) & (result <= 1)).all():
        raise ValueError("neither")
    return result.tolist()


def by_value(pictures):
    if pictures.max() > 1 and pictures.dtype == np.uint8:
        return pictures / 255
    return by_dtype(pictures.astype(np.float32)) if pictures.dtype == np.uint8 else by_dtype(pictures)


def without_ends(pictures):
    if pictures.dtype != np.uint8 and not (pictures.min() > 0 and pictures.max() < 1):
        raise ValueError("neither")
    return by_dtype(pictures)


def accepts_negative(pictures):
    return pictures if pictures.dtype.kind == "f" and pictures.max() <= 1 else by_dtype(pictures)


def accepts_whole_numbers(pictures):
    return pictures / 255 if pictures.dtype.kind in "iu" else by_dtype(pictures)


def gives_nothing_back(pictures):
    try:
        return by_dtype(pictures)
    except ValueError:
        return None


def asserts(pictures):
    if pictures.dtype == np.uint8:
        return pictures / 255
    assert pictures.max() <= 1
    return by_dtype(pictures)


PREPARE = Exercise(
    "00_start_here",
    "0.3",
    "test_prepare",
    right=[by_dtype, by_name, by_table, lambda pictures: by_dtype(np.asarray(pictures))],
    wrong=[
        (lambda pictures: pictures.astype(np.float32) / 255, "fractions were divided again"),
        (lambda pictures: pictures, "came back undivided"),
        (lambda pictures: by_dtype(pictures).ravel(), "in the same shape"),
        (lambda pictures: np.sqrt(by_dtype(pictures)) if pictures.dtype.kind == "f" else pictures / 255, "as they are"),
        (by_value, "by dtype, not by value"),
        (without_ends, "raised ValueError: neither when called with np.array([[[[0.]"),
        (accepts_negative, "floats below 0 are neither"),
        (accepts_whole_numbers, "int64 pixels are neither"),
        (lambda pictures: pictures / 255 if pictures.dtype == np.uint8 else pictures, "floats up to 255 are neither"),
        (asserts, "this raised AssertionError"),
        (gives_nothing_back, "gave back nothing"),
    ],
)

EXERCISES = [DARK, DAY, PICTURES, PREPARE]
