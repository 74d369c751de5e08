"""A simulated month: days of pictures with usual weather and usual class counts, and a fault that sets in one day.

The world is a pool of pictures that the service has answered once; a day draws from it with replacement, so that a
month costs no picture and no answer. Reference, null months and fresh months are separate draws from the same world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Images, check_count, check_images, check_seed, check_share
from helpers.monitoring.served import Served, served

if TYPE_CHECKING:
    from helpers.datasets import Split

USUAL = "usual"
"""The pool of a month without a fault."""

DEAD_COLUMNS = 4
"""One in so many columns of a faulty sensor reads nothing."""


class Said(NamedTuple):
    """What a service says of pictures.

    Attributes
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        Calibrated probabilities.
    features : numpy.ndarray of float, shape (N, D)
        Embeddings.
    sets : numpy.ndarray of bool, shape (N, K)
        Conformal sets.
    strange : numpy.ndarray of bool, shape (N,)
        The flag for strange pictures.
    """

    probabilities: NDArray
    features: NDArray
    sets: NDArray
    strange: NDArray


@dataclass(frozen=True)
class Fault:
    """Something that changes in the month: from a day on, a share of the pictures comes of another pool.

    Attributes
    ----------
    name : str
        As tables call it.
    pool : str
        The pool that these pictures come of.
    share : float, in (0, 1)
        Their share once the fault is whole.
    begins : int
        The first day on which some do, from 0.
    whole : int
        The first day with the whole share, at least `begins`; it rises day by day until then.
    """

    name: str
    pool: str
    share: float
    begins: int = 10
    whole: int = 10

    def __post_init__(self) -> None:
        check_share(self.share, "share")
        if not 0 <= self.begins <= self.whole:
            raise ValueError(f"a fault begins on day 0 or later and is whole no earlier, got {self}")

    def shares(self, days: int) -> NDArray[np.float64]:
        """Share of other pictures on each day.

        Parameters
        ----------
        days : int
            How many days, from day 0.

        Returns
        -------
        numpy.ndarray of float64, shape (days,)
            From 0 to `share`.
        """
        risen = (np.arange(days) - self.begins + 1) / (self.whole - self.begins + 1)
        return self.share * np.clip(risen, 0, 1)


NIGHT = Fault("night comes earlier", "night", 0.5, begins=10, whole=20)
FOG = Fault("fog", "fog", 0.5)
NEW_CLASS = Fault("a new sign class", "new class", 0.15)
SENSOR = Fault("a sensor fault", "sensor fault", 0.25)
FAULTS = (NIGHT, FOG, NEW_CLASS, SENSOR)
"""What the simulated month knows. One camera in four has the sensor fault."""


@dataclass(frozen=True)
class Variation:
    """How usual days differ: each condition's odds rise and fall, and some of today's weather stays for tomorrow.

    Attributes
    ----------
    spread : float, at least 0
        Standard deviation of the log odds of each condition's values; 0 for days that differ by chance alone.
    persistence : float, in [0, 1)
        Correlation of a day's log odds with the next day's; 0 for independent days.
    """

    spread: float = 0.2
    persistence: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.spread < np.inf and 0 <= self.persistence < 1):
            raise ValueError(f"spread must be 0 or more and persistence in [0, 1), got {self}")

    def log_odds(self, days: int, values: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """A stationary first-order autoregression for each value.

        Parameters
        ----------
        days, values : int
            How many.
        rng : numpy.random.Generator
            Where chance comes from.

        Returns
        -------
        numpy.ndarray of float64, shape (days, values)
            Of mean 0 and the standard deviation `spread` on every day, the first included.
        """
        steps = rng.normal(size=(days, values))
        for day in range(1, days):
            steps[day] = self.persistence * steps[day - 1] + np.sqrt(1 - self.persistence**2) * steps[day]
        return self.spread * steps


USUAL_DAYS = Variation()
"""Days that are independent of each other, where nothing else is said."""


def sensor_fault(images: Images) -> Images:
    """Pictures of a sensor of which one column in four is dead.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        New pictures; the dead columns are 0.
    """
    broken = check_images(images).copy()
    broken[:, :, ::DEAD_COLUMNS] = 0
    return broken


def pools_of_signs(answer: Callable[[Images], Said], *, pictures: int = 4000, seed: int = 0) -> dict[str, Served]:
    """Draw the world of the simulated month from the road signs, and ask the service about it once.

    Parameters
    ----------
    answer : callable
        Takes pictures (N, H, W, C), gives what the service says of them.
    pictures : int
        In the usual pool, at least 20; there are half as many of classes that the model does not know.
    seed : int
        Of the drawing. One that the model was trained with gives pictures of the test split that it was judged on.

    Returns
    -------
    dict of str to Served
        ``usual``; ``night`` and ``fog``, the usual pictures in that light and weather; ``new class``, signs of no class
        of the model; ``sensor fault``, the usual pictures with :func:`sensor_fault`. Conditions are light (day, dusk,
        night) and weather (clear, rain, fog).

    Raises
    ------
    ValueError
        If the seed is none, there are too few pictures, or `answer` gives what does not fit.
    """
    from helpers.datasets import signs  # here, for pandas comes with it

    if check_count(pictures, "pictures") < 20:
        raise ValueError(f"pictures must be at least 20, got {pictures}: some must be of the night, some of fog")
    data = signs.load(train=1, calibration=1, test=pictures, unseen=pictures // 2, seed=check_seed(seed))
    assert data.unseen is not None  # it was asked for

    usual, light_and_weather = data.test.images, _light_and_weather(data.test)
    found = {
        USUAL: served(*answer(usual), data.test.labels, light_and_weather),
        "new class": served(*answer(data.unseen.images), data.unseen.labels, _light_and_weather(data.unseen)),
        "sensor fault": served(*answer(sensor_fault(usual)), data.test.labels, light_and_weather),
    }
    for name, column, condition in (("night", 0, "light"), ("fog", 1, "weather")):
        code = list(signs.CONDITIONS[condition]).index(name)
        found[name] = found[USUAL].take(np.flatnonzero(light_and_weather[:, column] == code))
    return found


def _light_and_weather(split: Split) -> NDArray[np.int64]:
    columns = [split.attributes[name].cat.codes.to_numpy(np.int64) for name in ("light", "weather")]
    return np.stack(columns, axis=1)


def simulate_month(
    pools: Mapping[str, Served],
    fault: Fault | None = None,
    *,
    days: int = 30,
    pictures: int = 200,
    before: int = 0,
    variation: Variation = USUAL_DAYS,
    seed: int = 0,
) -> Served:
    """Draw a month of pictures, day by day.

    Parameters
    ----------
    pools : mapping of str to Served
        ``usual`` and those of the faults, as from :func:`pools_of_signs`.
    fault : Fault, optional
        What goes wrong; nothing by default.
    days, pictures : int
        How many days, and pictures on each.
    before : int
        Usual days before day 0, whose labels come in during the month; at least 0.
    variation : Variation
        How usual days differ; a fault's pictures are drawn from its pool in the same weather.
    seed : int
        Of all draws.

    Returns
    -------
    Served
        Arrays of shape (before + days, pictures, ...).

    Raises
    ------
    ValueError
        If a pool is not there, or a count or seed is none.
    """
    check_count(days, "days")
    check_count(pictures, "pictures")
    rng = np.random.default_rng(check_seed(seed))
    names = (USUAL,) if fault is None else (USUAL, fault.pool)
    if missing := [name for name in names if name not in pools]:
        raise ValueError(f"there is no pool {missing[0]!r}; there are {', '.join(pools)}")
    whole = before + days
    widths = np.max([pools[name].conditions.max(axis=0) for name in names], axis=0) + 1
    odds = variation.log_odds(whole, int(widths.sum()), rng)
    usual = pools[USUAL].take(_rows(pools[USUAL], odds, widths, pictures, rng))
    if fault is None:
        return usual
    share = np.concatenate([np.zeros(before), fault.shares(days)])
    other = pools[fault.pool].take(_rows(pools[fault.pool], odds, widths, pictures, rng))
    return _mixed(usual, other, rng.random((whole, pictures)) < share[:, None])


def _rows(
    pool: Served, odds: NDArray[np.float64], widths: NDArray[np.int64], pictures: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Rows of a pool for each day, a picture as likely as the day's odds of its conditions."""
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    weights = np.exp(odds[:, pool.conditions + starts].sum(axis=-1))
    heights = np.cumsum(weights, axis=1)
    drawn = rng.random((len(odds), pictures)) * heights[:, -1:]
    found = [np.searchsorted(height, place, side="right") for height, place in zip(heights, drawn, strict=True)]
    return np.minimum(np.stack(found), len(pool.labels) - 1)


def _mixed(usual: Served, other: Served, is_other: NDArray[np.bool_]) -> Served:
    def either(name: str) -> NDArray:
        ours, theirs = getattr(usual, name), getattr(other, name)
        return np.where(is_other.reshape(is_other.shape + (1,) * (ours.ndim - 2)), theirs, ours)

    return Served(*(either(name) for name in usual.__dataclass_fields__))
