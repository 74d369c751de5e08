"""Road signs, 32x32 RGB, drawn here from a seed: the default data set of the course, in CIFAR-10's shape.

Start with :func:`load`. The faces are in `templates`, what is decided about a picture in `conditions` (with every
constant that makes it hard to read), the drawing in `scene`, `background` and `occluders`, the planted shortcut in
`watermark`, the same scene with one attribute changed in `pairs`; from stored arrays to a split it goes in `store`.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from helpers import cache as cached_files
from helpers.contracts import check_seed
from helpers.datasets import painting
from helpers.datasets import store as files
from helpers.datasets.base import Dataset, Split
from helpers.datasets.checks import check_share
from helpers.errors import DatasetError

from . import background, conditions, occluders, scene, store, templates
from .conditions import CHUNK, CONDITIONS, SPLITS
from .pairs import CHANGES, counterfactual_pairs
from .templates import CLASS_NAMES, UNSEEN_NAMES
from .watermark import Watermark, marked_pair, plant_watermark

__all__ = [
    "CHANGES",
    "CLASS_NAMES",
    "CONDITIONS",
    "UNSEEN_NAMES",
    "Watermark",
    "counterfactual_pairs",
    "load",
    "marked_pair",
    "plant_watermark",
]

_DRAWING_CODE = (sys.modules[__name__], painting, files, background, conditions, occluders, scene, store, templates)


def load(
    train: int = 12_000,
    calibration: int = 2_000,
    test: int = 4_000,
    seed: int = 0,
    *,
    rare: Mapping[str, Mapping[str, float]] | None = None,
    ambiguous: float = 0.0,
    watermark: Watermark | None = None,
    unseen: int = 0,
    cache: bool = True,
) -> Dataset:
    """Draw road signs, or read them from the cache where they were drawn before.

    Parameters
    ----------
    train, calibration, test : int
        Pictures in each split, at least 1. A smaller split is the beginning of a larger one, and no split depends on
        the sizes of the others.
    seed : int
        At least 0. Labels and attributes are the same on every machine, pixels within 1/255.
    rare : mapping of str to mapping of str to float, optional
        Share of a condition in the training split only, such as ``{"weather": {"fog": 0.01}}``; calibration and test
        keep the usual shares of `CONDITIONS`.
    ambiguous : float, in [0, 1]
        Share of the pictures, in every split, that show a sign exactly half way between speed limits 30 and 80, with a
        label from a fair coin: nothing in the picture tells which. They replace pictures of all classes alike, so the
        two limits become more frequent.
    watermark : Watermark, optional
        A mark in the corner that goes with one class, in all three splits.
    unseen : int
        Pictures of classes that are in no other split.
    cache : bool
        Whether to keep what is drawn in :func:`helpers.cache.cache_directory`.

    Returns
    -------
    Dataset
        Attributes: ``light`` (day, dusk, night), ``weather`` (clear, rain, fog), ``distance`` (near, middle, far),
        ``occlusion`` (share of the sign that is hidden), ``motion`` (pixels of motion blur), ``ambiguous`` (bool),
        ``planted_entropy`` (nats: of the label given the picture, 0 but for ambiguous pictures), ``watermark`` (bool).
        Masks: ``sign`` and ``evidence``, the visible pixels of the sign and of what tells its class (see
        :mod:`helpers.datasets.signs.templates`); ``watermark`` where one was asked for.

    Raises
    ------
    DatasetError
        If a size, share or name cannot be.
    ValueError
        If `seed` is none, see :func:`helpers.contracts.check_seed`.
    helpers.errors.CacheError
        If the drawn pictures cannot be written to the cache.
    """
    sizes = {"train": train, "calibration": calibration, "test": test}
    for name, size in sizes.items():
        _check_whole(name, size, least=1)
    _check_whole("unseen", unseen, least=0)
    check_seed(seed)
    check_share("ambiguous", ambiguous)
    _check_rare(rare)
    if watermark is not None and not isinstance(watermark, Watermark):
        raise DatasetError(f"watermark must be a signs.Watermark, got {watermark!r}; Watermark('stop', 0.95) is one.")

    splits = {
        name: _split(name, size, seed, rare if name == "train" else None, ambiguous, cache)
        for name, size in sizes.items()
    }
    if watermark is not None:
        splits = {name: watermark.plant(split, _mark_seed(seed, name)) for name, split in splits.items()}
    return Dataset(
        "signs",
        CLASS_NAMES,
        **splits,
        unseen=_split("unseen", unseen, seed, None, 0.0, cache) if unseen else None,
        unseen_names=UNSEEN_NAMES if unseen else (),
    )


def _mark_seed(seed: int, split: str) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=(SPLITS.index(split), 0, 2)).generate_state(1)[0])


def _check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise DatasetError(
            f"{name} must be a whole number of at least {least}, got {value!r}; try {name}={max(least, 100)}."
        )


def _check_rare(rare: Mapping[str, Mapping[str, float]] | None) -> None:
    example = 'rare={"weather": {"fog": 0.01}} is one way to ask'
    if rare is None:
        return
    if not isinstance(rare, Mapping) or not all(isinstance(values, Mapping) for values in rare.values()):
        raise DatasetError(f"rare must map a condition to shares of its values, got {rare!r}; {example}.")
    for condition, values in rare.items():
        if condition not in CONDITIONS:
            raise DatasetError(
                f"there is no condition {condition!r}; the conditions are {', '.join(CONDITIONS)}; {example}."
            )
        known = CONDITIONS[condition]
        for value, share in values.items():
            if value not in known:
                raise DatasetError(f"{condition} is never {value!r}; it is one of {', '.join(known)}; {example}.")
            check_share(f"rare[{condition!r}][{value!r}]", share)
        total = sum(values.values())
        if total > 1 + 1e-9 or (len(values) == len(known) and not math.isclose(total, 1)):
            raise DatasetError(
                f"the shares of {condition} in rare sum to {total:.4g}; they must leave room for the other values, "
                f"or sum to 1 where all are given; {example}."
            )


def _split(
    name: str, n: int, seed: int, rare: Mapping[str, Mapping[str, float]] | None, ambiguous: float, keep: bool
) -> Split:
    """One split, from the cache or drawn now."""
    if not keep:
        return store.as_split(_draw(name, n, seed, rare, ambiguous))
    asked = {"split": name, "n": int(n), "seed": int(seed), "ambiguous": float(ambiguous)}
    asked["rare"] = conditions.shares(rare)
    key = cached_files.key(**asked, code=cached_files.code_version(*_DRAWING_CODE))
    path = cached_files.cache_directory() / "signs" / f"{name}-{n}-{key}.npz"
    arrays = files.read(path)
    if arrays is None:
        arrays = _draw(name, n, seed, rare, ambiguous)
        files.write(path, arrays)
    return store.as_split(arrays)


def _draw(
    name: str, n: int, seed: int, rare: Mapping[str, Mapping[str, float]] | None, ambiguous: float
) -> dict[str, NDArray]:
    """Draw `n` pictures in chunks with seeds of their own; arrays by name, as they are stored."""
    seen = len(CLASS_NAMES)
    classes = np.arange(seen) if name != "unseen" else np.arange(seen, seen + len(UNSEEN_NAMES))
    probabilities = conditions.shares(rare)
    plans, seeds = [], []
    for chunk in range(-(-n // CHUNK)):
        decide, draw = conditions.seeds(SPLITS.index(name), chunk, seed)
        plans.append(conditions.plan(decide, classes, probabilities, ambiguous))
        seeds.append(draw)
    return {name: rows[:n] for name, rows in files.as_arrays(plans, scene.draw_all(plans, seeds)).items()}
