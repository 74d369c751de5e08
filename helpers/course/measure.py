"""Runs what is measured once, and stores it with seeds, sizes, code key, date and machine."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import json
import os
import pkgutil
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import cache
from helpers.contracts import check_seed
from helpers.course import measurements
from helpers.course.layout import notebooks_folder
from helpers.course.measurements.base import Given, Measurement
from helpers.errors import CourseError, did_you_mean
from helpers.intervals import Estimate, mean, proportion
from helpers.scorecard import (
    RULE,
    Measured,
    Sized,
    code_key,
    read_measured,
    series_of,
    stale_measured,
    write_measured,
)

_FOLDER = Path(measurements.__file__).parent


class Once(NamedTuple):
    """What one seed gave at one size.

    Attributes
    ----------
    estimates : dict of str to Estimate
        By metric.
    cases : dict of str to (list of int or float)
        Case by case, of the metrics that were measured so.
    """

    estimates: dict[str, Estimate]
    cases: dict[str, list[float]]


def names() -> list[str]:
    """List what can be measured.

    Returns
    -------
    list of str
        Names for ``vigilant measure``, sorted.
    """
    return sorted(module.name for module in pkgutil.iter_modules([str(_FOLDER)]) if module.name != "base")


def measurement(name: str) -> Measurement:
    """Find a measurement by its name.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    Measurement
        The function, its sizes and its bounds.

    Raises
    ------
    CourseError
        If there is none of that name.
    """
    known = names()
    if name not in known:
        raise CourseError(f"there is no measurement {name!r}.{did_you_mean(name, known)} There are: {', '.join(known)}")
    found: Measurement = importlib.import_module(f"{measurements.__name__}.{name}").MEASUREMENT
    return found


def current_code(name: str) -> str:
    """The key of the code that measures, as it stands today.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return code_key([_FOLDER / f"{name}.py"])


def measured_path(name: str) -> Path:
    """Name the file of a measurement.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    pathlib.Path
        ``tests/measured/NAME.json`` of the checkout.
    """
    return notebooks_folder().parent / "tests" / "measured" / f"{name}.json"


def run_once(asked: Measurement, sizes: Mapping[str, int], seed: int) -> Once:
    """Run a measurement with one seed, and see that it gave what it said.

    Parameters
    ----------
    asked : Measurement
        What to run.
    sizes : mapping of str to int
        Its full or its toy size.
    seed : int
        The seed.

    Returns
    -------
    Once
        Estimates by metric, and the cases of those that were measured case by case.

    Raises
    ------
    CourseError
        If the metrics are not those whose bounds it states.
    """
    given = dict(asked.run(sizes, check_seed(seed)))
    if given.keys() != asked.bounds.keys():
        raise CourseError(f"the measurement states bounds for {sorted(asked.bounds)} and gave {sorted(given)}")
    cases = {metric: value for metric, value in given.items() if isinstance(value, np.ndarray)}
    estimates = {metric: _estimate(value) for metric, value in given.items()}
    return Once(estimates, {metric: (value + 0).tolist() for metric, value in cases.items()})


def _estimate(given: Given) -> Estimate:
    if isinstance(given, Estimate):
        return given
    return proportion(given) if given.dtype == bool else mean(given)


def measure(name: str, seeds: Sequence[int] | None = None, *, done: Callable[[str], None] | None = None) -> Measured:
    """Measure at both sizes with every seed, and store it.

    What one seed gave at one size is kept in the cache at once: who is interrupted goes on from there, and two
    processes can share the work if one is given the seeds in the other order.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    seeds : sequence of int, optional
        As many different ones as the measurement asks for, in the order in which they are run; its own if left out.
    done : callable, optional
        Called with a line of text after each seed.

    Returns
    -------
    Measured
        What was written to ``tests/measured/NAME.json``.

    Raises
    ------
    CourseError
        If there is no such measurement, or there are too few seeds.
    """
    asked = measurement(name)
    seeds = [check_seed(seed) for seed in (asked.seeds if seeds is None else seeds)]
    if len(set(seeds)) != len(seeds) or len(seeds) < len(asked.seeds):
        raise CourseError(f"{name} needs at least {len(asked.seeds)} different seeds, got {seeds}")
    tell = done or (lambda line: None)
    code = current_code(name)
    toy, full = ({seed: _remembered(name, code, asked, size, seed, tell) for seed in seeds} for size in ("toy", "full"))
    measured = Measured(
        name=name,
        question=asked.question,
        seeds=tuple(sorted(seeds)),
        rule=RULE,
        code=code,
        date=datetime.date.today().isoformat(),
        machine=_machine(),
        full=_sized(asked, asked.full, full),
        toy=_sized(asked, asked.toy, toy, with_cases=True),
    )
    write_measured(measured_path(name), measured)
    return measured


def stale(name: str) -> list[str]:
    """Say why a measurement must be repeated.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    list of str
        One sentence for each reason; empty where the stored numbers are current.

    Raises
    ------
    CourseError
        If it was never measured, or the file cannot be read.
    """
    stored, asked = read_measured(measured_path(name)), measurement(name)
    problems = stale_measured(stored, current_code(name))
    for size, sizes in (("full", asked.full), ("toy", asked.toy)):
        if dict(getattr(stored, size).sizes) != dict(sizes):
            problems.append(f"{name} was measured with other {size} sizes: {getattr(stored, size).sizes}, now {sizes}")
    return problems


def status(name: str) -> str:
    """Say in a few words whether a measurement is current.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    str
        The day it was measured, or what is wrong.
    """
    if not measured_path(name).exists():
        return "not measured yet"
    return "; ".join(stale(name)) or f"measured on {read_measured(measured_path(name)).date}"


def _remembered(name: str, code: str, asked: Measurement, size: str, seed: int, tell: Callable[[str], None]) -> Once:
    sizes = dict(getattr(asked, size))
    path = cache.cache_directory() / "measured" / f"{cache.key(name=name, code=code, sizes=sizes, seed=seed)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):  # not there, or spoilt: measure
        kept = json.loads(path.read_text(encoding="utf-8"))
        once = Once({metric: Estimate(*value) for metric, value in kept["estimates"].items()}, kept["cases"])
        tell(f"{name}: seed {seed} at {size} size, from the cache")
        return once
    once = run_once(asked, sizes, seed)
    with cache.written_whole(path) as temporary:
        temporary.write_text(json.dumps(once._asdict()), encoding="utf-8")
    tell(f"{name}: seed {seed} at {size} size")
    return once


def _sized(
    asked: Measurement, sizes: Mapping[str, int], by_seed: Mapping[int, Once], with_cases: bool = False
) -> Sized:
    every = [by_seed[seed] for seed in sorted(by_seed)]
    series = {
        metric: series_of([one.estimates[metric] for one in every], asked.bounds[metric]) for metric in asked.bounds
    }
    return Sized(dict(sizes), series, every[0].cases if with_cases else {})


def _machine() -> dict[str, str | int]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "python": platform.python_version(),
    }


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")  # Linux; elsewhere the platform module knows more
    lines = cpus.read_text().splitlines() if cpus.is_file() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or "unknown"
