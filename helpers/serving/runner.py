"""The service as a whole: one process that holds the socket, and workers that answer."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.serving.intake_limits import Limits
from helpers.serving.tally import Tally

if TYPE_CHECKING:
    from helpers.serving.engine_protocol import Engine

REFUSED = 3
"""Exit status where the model must not or cannot be served."""

READY = b"ready"
"""What a worker tells the runner once it answers; whatever else it tells is why it does not."""

LONGEST_REASON = 4000  # bytes; a pipe takes them at once

_BACKLOG = 2048  # connections that wait in the kernel
_LONGEST_PAUSE = 10.0  # seconds before a place whose workers keep dying is filled again


@dataclass
class _Place:
    """One worker's place, whoever fills it."""

    process: BaseProcess
    pipe: Pipe
    ready: bool = False
    reason: str = "a worker ended without a word; the log may say why"
    failures: int = 0
    start_at: float = 0.0  # of the next process, where this one has ended


class Runner:
    """Keeps workers running: replaces one that dies, and ends all of them in order.

    Parameters
    ----------
    open_engine : callable
        Opens the engine in each worker; it must be found by its name in a module (a ``functools.partial`` of one will
        do), for workers are new processes.
    workers : int
        How many: one for each processor that the container has.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 for any free one.
    limits : Limits, optional
        Of each worker.
    log_path : pathlib.Path, optional
        The log; standard error by default.

    Raises
    ------
    OSError
        If the address cannot be had.
    ValueError
        If there is to be no worker.
    """

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        *,
        workers: int,
        host: str = "127.0.0.1",
        port: int = 8080,
        limits: Limits | None = None,
        log_path: Path | None = None,
    ) -> None:
        self._open_engine, self._log_path = open_engine, log_path
        self._limits = limits or Limits()
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers!r}")
        self._count = workers
        self._stopping = False
        self._ever_ready = False
        self._context = multiprocessing.get_context("forkserver")  # workers share what is loaded once
        self._context.set_forkserver_preload(["helpers.serving.worker", _module(open_engine)])
        self._places: list[_Place] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT.

        Returns
        -------
        int
            0 after a signal; :data:`REFUSED` where the first workers' engine did not open.
        """
        with tempfile.TemporaryDirectory(prefix="vigilant-metrics-") as folder, _woken_by_signals(self._stop) as woken:
            self._folder = Path(folder)
            Tally.make(self._folder, self._count)
            self._places = [self._start(place) for place in range(self._count)]
            print(f"listening on http://{self.address[0]}:{self.address[1]}", flush=True)
            try:
                status = self._watch(woken)
            finally:
                self._end_all()
        return status

    def _stop(self) -> None:
        self._stopping = True

    def _start(self, place: int) -> _Place:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work,
            args=(place, self._open_engine, self._socket, self._limits, self._folder, self._log_path, theirs),
            name=f"serving-{place}",
        )
        process.start()
        theirs.close()
        return _Place(process, ours)

    def _watch(self, woken: socket.socket) -> int:
        while not self._stopping:
            alive = [each for each in self._places if not each.start_at]
            unready = [each.pipe for each in alive if not each.ready]
            pauses = [each.start_at - time.monotonic() for each in self._places if each.start_at]
            wait([woken, *unready, *(each.process.sentinel for each in alive)], max(0.0, min(pauses, default=3600)))
            with contextlib.suppress(BlockingIOError):
                woken.recv(64)
            for number, place in enumerate(self._places):
                if not self._tend(number, place):
                    return REFUSED
        return 0

    def _tend(self, number: int, place: _Place) -> bool:
        """Look after one place; False where the model is not to be served at all."""
        if place.start_at:
            if time.monotonic() >= place.start_at:
                self._places[number] = self._start(number)
                self._places[number].failures = place.failures
            return True
        exitcode = place.process.exitcode  # asked first: what it told before it ended is heard
        if not place.ready and place.pipe.poll():
            with contextlib.suppress(EOFError, OSError):
                self._hear(place, place.pipe.recv_bytes(LONGEST_REASON))
        if exitcode is None:
            return True
        place.pipe.close()
        if exitcode == REFUSED:
            print(f"The model is not served: {place.reason}", file=sys.stderr, flush=True)
            if not self._ever_ready:
                return False
        print(f"worker {number} ended with status {exitcode}; another takes its place", file=sys.stderr)
        pause = 0.0 if place.ready else min(0.5 * 2**place.failures, _LONGEST_PAUSE)
        place.failures += 1
        place.start_at = time.monotonic() + pause
        return True

    def _hear(self, place: _Place, told: bytes) -> None:
        if told == READY:
            place.ready, place.failures, self._ever_ready = True, 0, True
        else:
            place.reason = told.decode(errors="replace")

    def _end_all(self) -> None:
        self._socket.close()  # the workers have it still, and take what has arrived
        alive = [each.process for each in self._places if not each.start_at and each.process.exitcode is None]
        for process in alive:
            process.terminate()
        end = time.monotonic() + self._limits.linger_seconds + self._limits.stop_seconds + 5
        for process in alive:
            process.join(max(0.0, end - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()


def _work(*given: Any) -> None:
    # Here, so that the runner itself loads nothing of what only workers need: 40 MB.
    from helpers.serving.worker import work

    work(*given)


def _module(open_engine: Callable[[], Engine]) -> str:
    while isinstance(open_engine, functools.partial):
        open_engine = open_engine.func
    return open_engine.__module__


@contextmanager
def _woken_by_signals(stop: Callable[[], None]) -> Iterator[socket.socket]:
    # A signal that comes just before a wait must end it: Python writes a byte to this socket.
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    former = {each: signal.signal(each, lambda *_: stop()) for each in (signal.SIGTERM, signal.SIGINT)}
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(before)
        for each, handler in former.items():
            signal.signal(each, handler)
        ours.close()
        theirs.close()
