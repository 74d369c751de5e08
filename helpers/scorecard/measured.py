"""What was measured once, because it costs more than a quick notebook: ``tests/measured/NAME.json``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from helpers.cache import course_root, written_whole
from helpers.errors import ScorecardError
from helpers.scorecard.bands import RULE, ends, shortened
from helpers.scorecard.fields import Bounds, bounds_of, finite

MEASURED_SEEDS = 3
"""The fewest seeds of a measurement: one seed of the longest takes a quarter of an hour."""

Interval = tuple[float, float, float, int]  # value, low, high, n, as of helpers.intervals.Estimate


@dataclass(frozen=True)
class Series:
    """One number as all seeds gave it, and the band that follows.

    Attributes
    ----------
    values : tuple of float
        One for each seed.
    half_interval : float
        Half the length of its interval, mean over the seeds.
    n : int
        How many cases one value rests on.
    bounds : (float or None, float or None)
        What the metric can be.
    low, high : float
        The band, by :data:`helpers.scorecard.RULE`.
    """

    values: tuple[float, ...]
    half_interval: float
    n: int
    bounds: Bounds
    low: float
    high: float

    def __str__(self) -> str:
        least, most, seeds = min(self.values), max(self.values), len(self.values)
        return f"{statistics.fmean(self.values):.3f} ({least:.3f} to {most:.3f} in {seeds} seeds, n={self.n:,} in each)"


@dataclass(frozen=True)
class Sized:
    """What a measurement gave at one size.

    Attributes
    ----------
    sizes : mapping of str to int
        The numbers that say how much was done.
    series : mapping of str to Series
        By metric.
    cases : mapping of str to (list of int or float)
        At toy size, with the first seed: what a metric came to case by case, where it is measured so.
    """

    sizes: Mapping[str, int]
    series: Mapping[str, Series]
    cases: Mapping[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """One file of measured numbers.

    Attributes
    ----------
    name, question : str
        What was measured.
    seeds : tuple of int
        The seeds.
    rule : str
        How the bands follow from the values.
    code : str
        Key of the code that measured, as of :func:`helpers.scorecard.code_key`.
    date : str
        The day, ``YYYY-MM-DD``.
    machine : mapping of str to (str or int)
        System, processor, cores, Python.
    full, toy : Sized
        The numbers to quote, and the same at a size that the tests repeat.
    """

    name: str
    question: str
    seeds: tuple[int, ...]
    rule: str
    code: str
    date: str
    machine: Mapping[str, str | int]
    full: Sized
    toy: Sized


def series_of(estimates: Sequence[Interval], bounds: Bounds) -> Series:
    """Put what the seeds gave together, with its band.

    Parameters
    ----------
    estimates : sequence of (value, low, high, n)
        One for each seed.
    bounds : (float or None, float or None)
        What the metric can be.

    Returns
    -------
    Series
        Values, half an interval and band.

    Raises
    ------
    ScorecardError
        If there are too few seeds, a value is not what the metric can be, or n differs between seeds.
    """
    if len({n for *_, n in estimates}) != 1:
        raise ScorecardError(f"n must be the same for every seed, got {[n for *_, n in estimates]}")
    values = tuple(shortened(finite(value, "value")) for value, *_ in estimates)
    half_interval = shortened(statistics.fmean((high - low) / 2 for _, low, high, _ in estimates))
    low, high = _ends(values, half_interval, bounds)
    return Series(values, half_interval, estimates[0][3], bounds, low, high)


def read_measured(path: Path) -> Measured:
    """Read what was measured once.

    Parameters
    ----------
    path : pathlib.Path
        ``tests/measured/NAME.json``.

    Returns
    -------
    Measured
        All of it.

    Raises
    ------
    ScorecardError
        If the file is not there, or not as :func:`write_measured` writes it.
    """
    path = Path(path)
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        sized = {name: _sized(entry.pop(name)) for name in ("full", "toy")}
        return Measured(**{**entry, "seeds": tuple(entry["seeds"]), **sized})
    except FileNotFoundError:
        raise ScorecardError(f"{path} is not there: 'vigilant measure {path.stem}' measures it") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ScorecardError(
            f"{path} is not what 'vigilant measure {path.stem}' writes ({error}): measure it again"
        ) from None


def measured_once(name: str) -> Measured:
    """What ``vigilant measure NAME`` wrote last, for notebooks to quote.

    Parameters
    ----------
    name : str
        Such as ``robust_digits``.

    Returns
    -------
    Measured
        ``full.series`` holds the numbers, by metric; each prints as mean, least and most of the seeds.

    Raises
    ------
    ScorecardError
        If this package was installed without the course's files, or the numbers are not among them.
    """
    if (root := course_root()) is None:
        raise ScorecardError(
            f"what was measured once ({name}) lies in tests/measured/ of the course, and this package was installed "
            "without it. Run the notebook in a clone: 'make lab' opens it there."
        )
    return read_measured(root / "tests" / "measured" / f"{name}.json")


def write_measured(path: Path, measured: Measured) -> None:
    """Write what was measured once.

    Parameters
    ----------
    path : pathlib.Path
        ``tests/measured/NAME.json``.
    measured : Measured
        All of it.
    """
    with written_whole(path) as temporary:
        text = json.dumps(asdict(measured), indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def stale_measured(measured: Measured, code: str) -> list[str]:
    """Say what in a file is not what the code of today would have written from the same values.

    Parameters
    ----------
    measured : Measured
        What the file holds.
    code : str
        The key of the code that measures, today.

    Returns
    -------
    list of str
        One sentence for each; empty where all is current.
    """
    name = measured.name
    problems = []
    if measured.code != code:
        problems.append(f"{name} was measured by other code ({measured.code}, now {code}): 'vigilant measure {name}'")
    if measured.rule != RULE:
        problems.append(f"{name} has the rule {measured.rule!r}; today's is {RULE!r}")
    for size in (measured.full, measured.toy):
        for metric, series in size.series.items():
            if len(series.values) != len(measured.seeds):
                problems.append(f"{name}: {metric} has {len(series.values)} values for {len(measured.seeds)} seeds")
            elif (series.low, series.high) != _ends(series.values, series.half_interval, series.bounds):
                problems.append(f"{name}: the band of {metric} does not follow from its values: nobody edits this file")
    return problems


def _sized(entry: dict[str, Any]) -> Sized:
    series = {metric: _series(**values) for metric, values in entry["series"].items()}
    return Sized(sizes=entry["sizes"], series=series, cases=entry["cases"])


def _series(values: list[float], bounds: list[float | None], **others: Any) -> Series:
    return Series(values=tuple(values), bounds=bounds_of(bounds, "bounds"), **others)


def _ends(values: Sequence[float], half_interval: float, bounds: Bounds) -> tuple[float, float]:
    return ends(values, half_interval, bounds, least_seeds=MEASURED_SEEDS)
