"""Runs what is measured once, and stores it with seeds, sizes, code key, date and machine."""

from __future__ import annotations

import datetime
import importlib
import os
import pkgutil
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from helpers.contracts import check_seed
from helpers.course import measurements
from helpers.course.layout import notebooks_folder
from helpers.course.measurements.base import Measurement
from helpers.errors import CourseError, did_you_mean
from helpers.intervals import Estimate
from helpers.scorecard import (
    LEAST_SEEDS,
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


def run_once(asked: Measurement, sizes: Mapping[str, int], seed: int) -> dict[str, Estimate]:
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
    dict of str to Estimate
        By metric.

    Raises
    ------
    CourseError
        If the metrics are not those whose bounds it states.
    """
    given = dict(asked.run(sizes, check_seed(seed)))
    if given.keys() != asked.bounds.keys():
        raise CourseError(f"the measurement states bounds for {sorted(asked.bounds)} and gave {sorted(given)}")
    return given


def measure(
    name: str, seeds: Sequence[int] = (0, 1, 2, 3, 4), *, done: Callable[[str], None] | None = None
) -> Measured:
    """Measure at both sizes with every seed, and store it.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    seeds : sequence of int
        At least five different ones.
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
    seeds = [check_seed(seed) for seed in seeds]
    if len(set(seeds)) != len(seeds) or len(seeds) < LEAST_SEEDS:
        raise CourseError(f"a measurement needs at least {LEAST_SEEDS} different seeds, got {seeds}")
    tell = done or (lambda line: None)
    code = current_code(name)
    toy = _sized(asked, asked.toy, seeds, lambda seed: tell(f"{name}: seed {seed} at toy size"))
    full = _sized(asked, asked.full, seeds, lambda seed: tell(f"{name}: seed {seed} at full size"))
    measured = Measured(
        name=name,
        question=asked.question,
        seeds=tuple(seeds),
        rule=RULE,
        code=code,
        date=datetime.date.today().isoformat(),
        machine=_machine(),
        full=full,
        toy=toy,
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


def _sized(asked: Measurement, sizes: Mapping[str, int], seeds: Sequence[int], tell: Callable[[int], None]) -> Sized:
    by_seed = []
    for seed in seeds:
        by_seed.append(run_once(asked, sizes, seed))
        tell(seed)
    series = {metric: series_of([one[metric] for one in by_seed], asked.bounds[metric]) for metric in asked.bounds}
    return Sized(dict(sizes), series)


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
