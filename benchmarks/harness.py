"""What every benchmark shares: contenders measured in turn, rows of ratios, the table, and what they all explain.

Whatever else the machine does meets all contenders alike, for each round measures every one of them; the median counts.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers.cache import build_directory, written_whole
from helpers.contracts import Images, Labels
from helpers.errors import CourseError

if TYPE_CHECKING:
    import keras


PEERS = Path(sys.prefix, "peers")
"""Where ``make bench`` puts what must not be in an environment with anything else (``requirements-bench.lock``)."""


RESULTS = Path(__file__).parent / "results"
"""What :func:`helpers.scorecard.benched` reads."""


@dataclass(frozen=True)
class Subject:
    """What all contenders are given: a model, and pictures of its kind.

    Attributes
    ----------
    model : keras.Model
        A course CNN.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1]; each part takes as many as it needs, from the first on.
    labels : numpy.ndarray of int64, shape (N,)
        The true class of each.
    background : numpy.ndarray of float32, shape (B, H, W, C)
        What stands in for absent parts of a picture.
    """

    model: keras.Model
    images: Images
    labels: Labels
    background: Images


def spine(pictures: int = 1000) -> Subject:
    """The network of notebook 01 and test pictures of its data set.

    Parameters
    ----------
    pictures : int
        At most how many; every beginning of them holds the classes as evenly as it can.

    Returns
    -------
    Subject
        The background is the mean of 256 calibration pictures.
    """
    from helpers import datasets, models

    data = datasets.load("signs")
    chosen = _evenly(data.test.labels, pictures)
    background = data.calibration.take(slice(256)).images.mean(axis=0, keepdims=True)
    return Subject(models.spine(data).model, data.test.take(chosen).images, data.test.labels[chosen], background)


def _evenly(labels: Labels, count: int) -> NDArray[np.int64]:
    # The first pictures of each class, in turn: every beginning of the list holds the classes as evenly as it can.
    place = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        place[rows] = np.arange(len(rows))
    return np.argsort(place, kind="stable")[:count]


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    part : str
        What is measured: a heading of the table.
    peer : str
        What the course's own is measured against.
    other : float
        Microseconds for one picture, the peer's.
    target : float or None
        What ``ratio`` is to reach; None where nothing was promised.
    own : float
        Microseconds for one picture, the course's own.
    apart : float
        Largest difference between the two results, as a share of the largest absolute value of the own; NaN where the
        results are not of the same kind.
    at_most : bool
        Whether the target is an upper bound on ``own / other``, instead of a lower one on ``other / own``.
    note : str
        What has to be known to read the row.
    """

    part: str
    peer: str
    other: float
    target: float | None
    own: float
    apart: float
    at_most: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times the peer's time is the own time; the other way round where the target is an upper bound."""
        return self.own / self.other if self.at_most else self.other / self.own

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


@dataclass(frozen=True)
class Contender:
    """Something that is timed.

    Attributes
    ----------
    run : callable
        Does the work once.
    pictures : int
        How many pictures that explains.
    """

    run: Callable[[], Any]
    pictures: int


def measure(contenders: Mapping[str, Contender], repeats: int) -> dict[str, float]:
    """Time contenders in turn: each once to warm up, then `repeats` rounds.

    Parameters
    ----------
    contenders : mapping of str to Contender
        What is timed.
    repeats : int
        Rounds, at least 1.

    Returns
    -------
    dict of str to float
        Median microseconds for one picture.

    Raises
    ------
    ValueError
        If there is not one round.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    for contender in contenders.values():
        contender.run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, contender in contenders.items():
            started = time.perf_counter()
            contender.run()
            seconds[name].append((time.perf_counter() - started) / contender.pictures)
    return {name: float(np.median(times)) * 1e6 for name, times in seconds.items()}


def apart(own: NDArray, other: NDArray) -> float:
    """How far two results are from each other.

    Parameters
    ----------
    own, other : numpy.ndarray
        Of the same shape.

    Returns
    -------
    float
        The largest difference, as a share of the largest absolute value of `own`.
    """
    return float(np.abs(own - other).max() / np.abs(own).max())


def table(rows: Sequence[Row]) -> str:
    """The comparisons as text.

    Parameters
    ----------
    rows : sequence of Row
        From the parts of an axis.

    Returns
    -------
    str
        A heading for each part, and below it a line for each peer.
    """
    lines: list[str] = []
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            names = f"{'own':>10} {'peer':>11} {'ratio':>8} {'target':>8} {'met':>5} {'apart':>8}"
            lines += ["", part, f"  {'us for one picture, against':36}{names}"]
        goal = "-" if row.target is None else f"{'<=' if row.at_most else '>='} {row.target:g}"
        met = {None: "-", True: "yes", False: "NO"}[row.met]
        apart = "-" if np.isnan(row.apart) else f"{row.apart:.0e}"
        numbers = f"{row.own:10,.1f} {row.other:11,.1f} {row.ratio:8,.2f} {goal:>8} {met:>5} {apart:>8}"
        lines.append(f"  {row.peer:36}{numbers}  {row.note}".rstrip())
    return "\n".join(lines).lstrip("\n")


def verdict(rows: Sequence[Row], repeats: int) -> str:
    """How many targets were met, and how to read the table.

    Parameters
    ----------
    rows : sequence of Row
        All that was measured.
    repeats : int
        Rounds of measurement.

    Returns
    -------
    str
        Two lines.
    """
    judged = [row.met for row in rows if row.met is not None]
    return (
        f"{sum(judged)} of {len(judged)} targets met. Medians of {repeats} rounds in turn, after one to warm up.\n"
        "apart: the largest difference of the two results, as a share of the largest own value."
    )


def result_path(part: str) -> Path:
    """Where a part leaves its numbers.

    Parameters
    ----------
    part : str
        As on the command line.

    Returns
    -------
    pathlib.Path
        ``build/bench/PART.json``.
    """
    return build_directory() / "bench" / f"{part}.json"


def store(parts: Iterable[str]) -> list[Path]:
    """Keep what parts have left, for notebooks and pages to quote.

    Parameters
    ----------
    parts : iterable of str
        Those that were measured; one that leaves no numbers is passed over.

    Returns
    -------
    list of pathlib.Path
        What was written: ``benchmarks/results/PART.json``.
    """
    kept = []
    for part in parts:
        if result_path(part).exists():
            kept.append(RESULTS / f"{part}.json")
            with written_whole(kept[-1]) as temporary:
                temporary.write_bytes(result_path(part).read_bytes())
    return kept


def see_peers() -> None:
    """Let this process import what was installed for the benchmarks alone.

    It comes last, so that of what the course has, too, the course's own is taken.
    """
    if str(PEERS) not in sys.path:
        sys.path.append(str(PEERS))


def check_installed(modules: Iterable[str]) -> None:
    """Refuse to start where a peer is missing.

    Parameters
    ----------
    modules : iterable of str
        What the parts import.

    Raises
    ------
    CourseError
        If one is not installed.
    """
    if missing := sorted(name for name in modules if find_spec(name) is None):
        raise CourseError(f"not installed here: {', '.join(missing)}. 'make bench' sets up all that is compared.")


def setting(modules: Iterable[str]) -> str:
    """The machine and the versions that times hang on.

    Parameters
    ----------
    modules : iterable of str
        What the parts import.

    Returns
    -------
    str
        Two lines; a machine that does something else is said to be busy.
    """
    distributed_by = packages_distributions()
    load = os.getloadavg()[0]
    busy = " (busy: these times are provisional)" if load > 0.5 else ""
    return (
        f"{platform.machine()}, {_cores()} cores, all for TensorFlow and for torch; load before: {load:.1f}{busy}\n"
        + ", ".join(f"{name} {version(name)}" for name in (distributed_by[module][0] for module in modules))
    )


def _cores() -> int:
    # macOS does not say which cores a process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def equal_threads() -> Iterator[None]:
    """Give torch as many threads as TensorFlow has, for as long as the context lasts."""
    import torch

    from helpers.models.backend import tf

    before = torch.get_num_threads()
    # 0 means all cores; TensorFlow cannot be told otherwise once it has run something, so torch follows it.
    torch.set_num_threads(tf.config.threading.get_intra_op_parallelism_threads() or _cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what peers warn of while they are measured, and nothing else."""
    # tf-explain traces a graph for each class and each batch, and says so; Keras warns of its nested inputs.
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
