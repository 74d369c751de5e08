"""What ``vigilant bench PART --store`` wrote last: speeds of one machine on one day (``benchmarks/results/``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.cache import course_root
from helpers.errors import ScorecardError


@dataclass(frozen=True)
class Benched:
    """One file of speeds.

    Attributes
    ----------
    name : str
        Which part of the benchmarks.
    date : str
        The day, ``YYYY-MM-DD``.
    machine : Mapping
        System, processor, cores, Python, and how busy it was before.
    values : Mapping
        All that was measured, as the part says (``benchmarks/NAME.py``).
    """

    name: str
    date: str
    machine: Mapping[str, Any]
    values: Mapping[str, Any]


def read_benched(path: Path) -> Benched:
    """Read what a benchmark has kept.

    Parameters
    ----------
    path : pathlib.Path
        ``benchmarks/results/NAME.json``.

    Returns
    -------
    Benched
        All of it.

    Raises
    ------
    ScorecardError
        If the file is not there, or not what a benchmark writes.
    """
    again = f"'vigilant bench {path.stem} --store' measures it"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Benched(values.pop("name"), values.pop("date"), values.pop("machine"), values)
    except FileNotFoundError:
        raise ScorecardError(f"{path} is not there: {again}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScorecardError(f"{path} is not what a benchmark writes ({error}): {again}") from None


def benched(name: str) -> Benched:
    """What a benchmark measured last, for notebooks to quote and to draw.

    Parameters
    ----------
    name : str
        Such as ``serving``.

    Returns
    -------
    Benched
        Speeds of the machine that it names, and of no other.

    Raises
    ------
    ScorecardError
        If this package was installed without the course's files, or the numbers are not among them.
    """
    if (root := course_root()) is None:
        raise ScorecardError(
            f"what was benched ({name}) lies in benchmarks/results/ of the course, and this package was installed "
            "without it. Run the notebook in a clone: 'make lab' opens it there."
        )
    return read_benched(root / "benchmarks" / "results" / f"{name}.json")
