"""Which data sets there are, and the one door to them."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from helpers.contracts import check_seed
from helpers.datasets.base import Dataset
from helpers.datasets.sources import Availability
from helpers.datasets.splits import check_size
from helpers.errors import DatasetError, did_you_mean

# Each is a module of this room with a function load; imported when it is asked for.
_NAMES = ("signs", "digits", "fashion", "cifar10", "photos")
_FULL_SIZES = {
    "signs": {"train": 48_000, "calibration": 4_000, "test": 8_000},
    # The official 60,000 and 50,000 training pictures less the calibration split; a few doubles are left out.
    "fashion": {"train": 57_500, "calibration": 2_000, "test": 9_900},
    "cifar10": {"train": 47_500, "calibration": 2_000, "test": 9_900},
}
_OTHERS_SAY = {
    "mnist": "digits",
    "fashionmnist": "fashion",
    "clothing": "fashion",
    "cifar": "cifar10",
    "imagenet": "photos",
    "gtsrb": "signs",
    "roadsigns": "signs",
    "trafficsigns": "signs",
}
_TO_LOOK_AT = ("photos",)  # a few pictures, and none to train on
_COMMON = ("train", "calibration", "test", "seed")


def names() -> tuple[str, ...]:
    """Names of all data sets.

    Returns
    -------
    tuple of str
        What :func:`load` accepts.
    """
    return _NAMES


def split_sizes(name: str, budget: str) -> dict[str, int]:
    """How many pictures a notebook uses of a data set.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    budget : {"quick", "full"}
        ``quick`` takes the data set's own defaults, ``full`` (nearly) all that there is.

    Returns
    -------
    dict of str to int
        Sizes of splits, for :func:`load`; what is not named keeps its default.

    Raises
    ------
    DatasetError
        If the name or the budget is unknown, or the data set holds no pictures to train on.
    """
    if name not in _NAMES:
        raise DatasetError(_unknown(name))
    if name in _TO_LOOK_AT:
        others = ", ".join(known for known in _NAMES if known not in _TO_LOOK_AT)
        raise DatasetError(f"{name} holds a few pictures to look at, and none to train on. Choose one of: {others}.")
    if budget not in ("quick", "full"):
        raise DatasetError(f"budget must be 'quick' or 'full', got {budget!r}")
    return _FULL_SIZES.get(name, {}) if budget == "full" else {}


def availability() -> list[Availability]:
    """Which data sets can be loaded on this machine, and what the others need. Nothing is downloaded.

    Returns
    -------
    list of Availability
        One row for each data set; ``pandas.DataFrame(availability())`` shows it as a table.
    """
    drawn = Availability("signs", True, False, "drawn here from a seed", "road signs with attributes and masks")
    return [drawn, *(_module(name).availability() for name in _NAMES[1:])]


def ready() -> tuple[str, ...]:
    """Names of the data sets that load on this machine now without a network: those drawn here, and what is installed.

    Returns
    -------
    tuple of str
        In the order of :func:`names`.
    """
    return tuple(each.name for each in availability() if each.ready)


def load(
    name: str,
    *,
    train: int | None = None,
    calibration: int | None = None,
    test: int | None = None,
    seed: int = 0,
    **knobs: Any,
) -> Dataset:
    """Load a data set: three splits that share no picture.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    train, calibration, test : int, optional
        Pictures in each split; the data set's own default, sized for a quick run, if left out.
    seed : int
        Decides what is drawn or chosen. The same seed gives the same pictures.
    **knobs
        What only this data set knows, such as ``classes=range(9)`` for digits; see the load function of its module.

    Returns
    -------
    Dataset
        uint8 pictures of shape (N, H, W, C), int64 labels; ``split.images`` are float32 in [0, 1].

    Raises
    ------
    DatasetError
        If there is no such data set or knob, or a size cannot be met.
    ValueError
        If `seed` is none, see :func:`helpers.contracts.check_seed`.
    DatasetUnavailable
        If the data set cannot be had on this machine now; the message says what was tried and what works.
    """
    if name not in _NAMES:
        raise DatasetError(_unknown(name))
    sizes = {"train": train, "calibration": calibration, "test": test}
    for part, size in sizes.items():
        check_size(part, size)
    load_it = _module(name).load
    _check_knobs(name, knobs, load_it)
    given = {part: int(size) for part, size in sizes.items() if size is not None}
    return load_it(seed=check_seed(seed), **given, **knobs)


def _module(name: str) -> Any:
    return importlib.import_module(f"helpers.datasets.{name}")


def _unknown(name: object) -> str:
    return (
        f"There is no data set {name!r}.{did_you_mean(name, _NAMES, _OTHERS_SAY)} There are: {', '.join(_NAMES)}. "
        f"These load on this machine without a network: {', '.join(ready())}."
    )


def _check_knobs(name: str, knobs: dict[str, Any], load_it: Any) -> None:
    known = [knob for knob in inspect.signature(load_it).parameters if knob not in _COMMON]
    unknown = [knob for knob in knobs if knob not in known]
    if not unknown:
        return
    hint = did_you_mean(unknown[0], [*known, *_COMMON])
    raise DatasetError(f"{name} has no knob {unknown[0]!r}.{hint} It has: {', '.join(known) or 'none'}.")
