"""Monitors that cannot ring, planted; and the audits that find them by injecting the failure each exists for.

Three ways in which a green monitor tells nothing: its null was drawn from days that had drifted already, its counter
begins anew with each worker, or its alert asks for a series that nobody exports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import intervals
from helpers.contracts import check_count, check_scores, check_seed
from helpers.intervals import Estimate
from helpers.monitoring.detectors import Detector
from helpers.monitoring.served import Served
from helpers.monitoring.thresholds import RUN, mean_run, quantile_threshold

LEAST_RUNG = 0.5
"""Share of the days of an injected failure on which a monitor must ring."""
FACTOR = 2.0
"""How many times longer or shorter than it says a run may be. No threshold that is set on some months is exact."""
_SURE = 0.99  # of each interval that an accusation rests on


@dataclass(frozen=True)
class Audited:
    """What an audit found.

    Attributes
    ----------
    name : str
        Of what was audited.
    faults : tuple of str
        What is wrong with it, in sentences; empty where nothing is.
    open : tuple of str
        What these cases were too few to tell.
    """

    name: str
    faults: tuple[str, ...]
    open: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether everything was looked at and nothing found."""
        return not self.faults and not self.open

    def __str__(self) -> str:
        said = [*self.faults, *(f"not settled: {each}" for each in self.open)]
        return f"{self.name}: {'; '.join(said) or 'sound'}"


@dataclass(frozen=True)
class Monitor:
    """A detector with its threshold.

    Attributes
    ----------
    name : str
        As tables call it.
    detector : Detector
        What gives a number a day.
    threshold : float
        What it must exceed.
    run : float
        Expected days until the first false alarm, as it says.
    """

    name: str
    detector: Detector
    threshold: float
    run: float = RUN

    def rings(self, days: Served) -> NDArray[np.bool_]:
        """Whether it rings, by day.

        Parameters
        ----------
        days : Served
            Arrays of shape (days, N, ...).

        Returns
        -------
        numpy.ndarray of bool, shape (days,)
            True where it rings.
        """
        return self.detector.statistics(days) > self.threshold


def set_monitor(name: str, detector: Detector, null: Served, run: float = RUN) -> Monitor:
    """A monitor whose threshold is set on days said to be without drift; nothing here can tell whether they are.

    Parameters
    ----------
    name : str
        As tables call it.
    detector : Detector
        What gives a number a day.
    null : Served
        Independent days, arrays of shape (days, N, ...).
    run : float
        Expected days until the first false alarm.

    Returns
    -------
    Monitor
        With the threshold of :func:`helpers.monitoring.quantile_threshold`.
    """
    return Monitor(name, detector, quantile_threshold(detector.statistics(null), run).value, run)


def audit_monitor(monitor: Monitor, quiet: Served, failing: Served) -> Audited:
    """Inject the failure that a monitor exists for, and see whether it rings, and without it as seldom as it says.

    Parameters
    ----------
    monitor : Monitor
        What is audited.
    quiet : Served
        Independent days known to be without drift, which set no threshold; arrays of shape (days, N, ...).
    failing : Served
        Independent days with the failure that it exists for, as large as it must not be missed.

    Returns
    -------
    Audited
        It is accused where a whole 99% interval says so: of rings on less than half of the failing days, and of a run
        more than twice as long or less than half as long as it says. Where an interval lies across that line, the
        question stays open: give more days.
    """
    faults, unsettled = [], []
    rung = intervals.proportion(monitor.rings(failing), _SURE)
    said = f"rings on {rung.value:.0%} of the days with the failure that it exists for"
    if rung.high < LEAST_RUNG:
        faults.append(said)
    elif rung.low < LEAST_RUNG:
        unsettled.append(said)
    run = _run_of_days(monitor.rings(quiet))
    said = f"runs {run.value:.0f} days without drift until it rings, and says {monitor.run:.0f}"
    if run.high < monitor.run / FACTOR or run.low > monitor.run * FACTOR:
        faults.append(said)
    elif run.low < monitor.run / FACTOR or run.high > monitor.run * FACTOR:
        unsettled.append(said)
    return Audited(monitor.name, tuple(faults), tuple(unsettled))


def _run_of_days(rings: NDArray[np.bool_]) -> Estimate:
    # Independent days are as many months of one day.
    return mean_run(np.where(rings, 1.0, np.inf), 1, _SURE)


# ---- counters


class CounterPage(Protocol):
    """A counter of a service with several workers, as its page shows it."""

    def count(self, worker: int, events: int) -> None:
        """Some events happened in a worker.

        Parameters
        ----------
        worker, events : int
            In whose place, and how many.
        """

    def replace(self, worker: int) -> None:
        """A worker was killed, and a new process has its place.

        Parameters
        ----------
        worker : int
            Whose place.
        """

    def shown(self) -> float:
        """What a scrape reads now.

        Returns
        -------
        float
            The counter.
        """


class KeptByPlace:
    """The honest one: each place keeps its count whoever fills it, as in :mod:`helpers.serving.metrics`.

    Parameters
    ----------
    workers : int
        How many places.
    """

    def __init__(self, workers: int) -> None:
        self._counts = np.zeros(workers)

    def count(self, worker: int, events: int) -> None:
        """See :class:`CounterPage`."""
        self._counts[worker] += events

    def replace(self, worker: int) -> None:
        """See :class:`CounterPage`."""

    def shown(self) -> float:
        """See :class:`CounterPage`."""
        return float(self._counts.sum())


class ResetWithWorker(KeptByPlace):
    """Begins anew in each process: the sum falls when one worker of several is replaced."""

    def replace(self, worker: int) -> None:
        """See :class:`CounterPage`."""
        self._counts[worker] = 0


class OneWorkersOwn(KeptByPlace):
    """Shows what the worker counted that happens to answer the scrape: one after the other here."""

    _asked = 0

    def shown(self) -> float:
        """See :class:`CounterPage`."""
        self._asked += 1
        return float(self._counts[self._asked % len(self._counts)])


def prometheus_increase(samples: ArrayLike) -> float:
    """What Prometheus makes of a counter's samples: a fall counts as a counter that began anew from 0.

    Parameters
    ----------
    samples : array_like of float, shape (N,)
        What the scrapes read, in order.

    Returns
    -------
    float
        The increase over them, as PromQL's ``increase`` without its extrapolation. Where one worker of two begins anew,
        the rest of the sum counts a second time: events that never happened.

    References
    ----------
    Prometheus, "Query functions": ``rate`` and ``increase``.
    """
    read = check_scores(samples, "samples")
    steps = np.diff(read)
    return float(np.where(steps < 0, read[1:], steps).sum())


def audit_counter(name: str, make: Callable[[int], CounterPage], *, workers: int = 2, seed: int = 0) -> Audited:
    """Kill each worker while it counts, and hold what is shown against what has happened.

    Parameters
    ----------
    name : str
        As tables call it.
    make : callable
        Takes the number of workers, gives a :class:`CounterPage` at 0.
    workers : int
        How many, at least 1.
    seed : int
        Of which worker gets which event.

    Returns
    -------
    Audited
        Accused of a scrape that reads less than the one before, of a sum that is not what happened, and of an increase
        by Prometheus's rule that is not.
    """
    page, rng = make(check_count(workers, "workers")), np.random.default_rng(check_seed(seed))
    read, happened = [page.shown()], 0
    for killed in range(workers):
        for _ in range(5):
            for worker in range(workers):
                events = int(rng.integers(1, 100))
                page.count(worker, events)
                happened += events
            read.append(page.shown())
        page.replace(killed)
        read.append(page.shown())
    found = {
        "falls when a worker is replaced, or from scrape to scrape": bool((np.diff(read) < 0).any()),
        f"shows {read[-1]:.0f} of {happened} events": read[-1] != happened,
        f"increases by {prometheus_increase(read):.0f} in Prometheus": prometheus_increase(read) != happened,
    }
    return Audited(name, tuple(says for says, is_so in found.items() if is_so))
