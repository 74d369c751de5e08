"""What the service counts, over all its workers: one file for each worker's place, so that a counter never falls.

prometheus_client's multiprocess mode names files by process id. Here they are named by the worker's place (0, 1, ...):
a worker that takes the place of a killed one opens the same file and counts on, and a service whose workers die often
does not fill its folder with files that each scrape has to read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from helpers.scorecard.outcomes import CANNOT_DECIDE, GO, NO_GO

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_READS = 3  # of a folder in which a worker is just making its file


def count_in_files(folder: Path, place: int) -> None:
    """Let this process count in files, as a worker beside others. Before any :class:`Metrics` is made.

    Parameters
    ----------
    folder : pathlib.Path
        The same for all workers of a service, and for no other.
    place : int
        Which worker this is, from 0; no two at the same time may have the same.
    """
    mark_process_dead(place, str(folder))  # requests in flight in whoever had this place before
    os.environ[_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: place)


@dataclass(frozen=True)
class _Begun(Collector):
    """All workers' files but those that are still empty.

    A worker that begins on a busy machine may stand for seconds between making its file and giving it its size, and to
    the library an empty one is broken.
    """

    folder: Path

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in self.folder.glob("*.db") if _size(path)]
        found: Iterable[Metric] = MultiProcessCollector.merge(files, accumulate=True)
        return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # of a worker whose place was just taken
        return 0


class Metrics:
    """Counters of one worker, and the page that shows those of all.

    Attributes
    ----------
    requests : prometheus_client.Counter
        Answers by ``route`` and ``status``.
    seconds : prometheus_client.Histogram
        From a request's headers to its answer, by ``route``.
    in_flight : prometheus_client.Gauge
        Requests that are being read or answered.
    pictures : prometheus_client.Counter
        Pictures answered, by ``class_name``.
    strange : prometheus_client.Counter
        Pictures flagged as unlike what the model was made for.
    set_size : prometheus_client.Histogram
        Classes in a picture's conformal set.
    confidence : prometheus_client.Histogram
        The largest calibrated probability of a picture.
    log_lost : prometheus_client.Counter
        Log records that could not be written.
    starts : prometheus_client.Counter
        Workers that became ready, replaced ones included.
    verdict : prometheus_client.Gauge
        1 for the ``verdict`` of the release decision, 0 for the others; no series where nobody asked for one.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"vigilant_{name}", says, labels, registry=registry)

        def histogram(name: str, says: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"vigilant_{name}", says, labels, buckets=buckets, registry=registry)

        self.requests = counter("requests_total", "Answers by route and status", "route", "status")
        self.seconds = histogram("request_seconds", "Seconds from a request's headers to its answer", _SECONDS, "route")
        self.in_flight = Gauge(
            "vigilant_requests_in_flight", "Requests being read or answered", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.pictures = counter("pictures_total", "Pictures answered, by class", "class_name")
        self.strange = counter("strange_pictures_total", "Pictures unlike those that the model was made for")
        self.set_size = histogram("set_size", "Classes in a conformal set", (0, 1, 2, 3, 4, 5, 7, 10))
        self.confidence = histogram(
            "confidence", "Largest calibrated probability", (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
        )
        self.log_lost = counter("log_records_lost_total", "Log records that could not be written")
        self.starts = counter("worker_starts_total", "Workers that became ready")
        self.verdict = Gauge(
            "vigilant_release_verdict", "1 for what the release decision says of this model", ["verdict"],
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip
        self.in_flight.set(0)

    def prepare(self, routes: Sequence[str], statuses: Sequence[int], class_names: Sequence[str]) -> None:
        """Make every series now, and take its room on the disk.

        A series that begins at its first event has no rate there, and a file that grows on a full disk would end the
        worker (SIGBUS).

        Parameters
        ----------
        routes : sequence of str
            Paths of the service.
        statuses : sequence of int
            Statuses that it answers with.
        class_names : sequence of str
            The model's classes.

        Raises
        ------
        OSError
            If the disk has no room.
        """
        for route in routes:
            self.seconds.labels(route)
            for status in statuses:
                self.requests.labels(route, str(status))
        for name in class_names:
            self.pictures.labels(name)
        if not self._in_files():
            return
        if not hasattr(os, "posix_fallocate"):  # macOS
            return
        for path in Path(os.environ[_FOLDER]).glob("*.db"):
            if size := _size(path):  # else another worker is just making it, and gives it its size itself
                with path.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, size)

    def show_verdict(self, verdict: str) -> None:
        """Show what the release decision says.

        Parameters
        ----------
        verdict : str
            ``"go"``, ``"no-go"`` or ``"cannot decide"``.
        """
        for each in (GO, NO_GO, CANNOT_DECIDE):
            self.verdict.labels(each).set(each == verdict)

    def page(self) -> bytes:
        """All workers' numbers, in Prometheus's text format.

        Returns
        -------
        bytes
            For ``text/plain; version=0.0.4``.
        """
        if not self._in_files():
            return generate_latest(self._registry)
        for _ in range(_READS - 1):
            try:
                return self._page_of_all()
            except Exception:  # a file that is just being made reads as all kinds of broken
                continue
        return self._page_of_all()

    def _page_of_all(self) -> bytes:
        registry = CollectorRegistry()
        registry.register(_Begun(Path(os.environ[_FOLDER])))
        return generate_latest(registry)

    @staticmethod
    def _in_files() -> bool:
        return bool(getattr(values.ValueClass, "_multiprocess", False))
