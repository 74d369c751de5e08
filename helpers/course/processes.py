"""A command in a process group of its own: watched, measured, and ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
"""For the environment of what runs beside other work. Networks as small as the course's gain little by two threads,
which wait for each other where a core is busy: 07 took three times its processor seconds beside another notebook, and a
toy measurement 251 s instead of 17 beside other tests. The last digits of numbers hang on how many there are, too."""

_SAMPLE_SECONDS = 0.25


@dataclass(frozen=True)
class Watched:
    """What was seen of a command.

    Attributes
    ----------
    returncode : int or None
        As the command gave it; None where time was up.
    peak : float
        Largest memory of all its processes together, in bytes.
    cpu_seconds : float
        Processor time of all of them together, also of those that ended before.
    """

    returncode: int | None
    peak: float
    cpu_seconds: float


def watch(
    command: list[str],
    environment: dict[str, str],
    log: Path,
    limit: float,
    tick: Callable[[float], None],
    stop: threading.Event,
) -> Watched:
    """Run a command to its end or to the end of its time, and end all that it started.

    Parameters
    ----------
    command : list of str
        What to run.
    environment : dict of str to str
        All environment variables that it sees.
    log : pathlib.Path
        Where what it says goes.
    limit : float
        Seconds that it may take.
    tick : callable
        Called often with the seconds since the start.
    stop : threading.Event
        Ends the command early where another thread sets it.

    Returns
    -------
    Watched
        How it went; none of its processes runs any more.
    """
    started = time.monotonic()
    with _process_tree(command, environment, log) as (worker, tree):
        peak = 0.0
        while (elapsed := time.monotonic() - started) <= limit and not stop.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return Watched(worker.wait(_SAMPLE_SECONDS), peak, tree.cpu_seconds())
            tree.look()
            peak = max(peak, tree.memory())
            tick(elapsed)
        return Watched(None, peak, tree.cpu_seconds())


@dataclass
class _Times:
    """Processor seconds of one process, as last seen."""

    parent: psutil.Process | None
    own: float = 0.0
    waited: float = 0.0  # those of the children that it has waited for, where the system tells


class _Tree:
    """A process and everything that it started, also what has lost its parent since."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root
        self._running = {root}
        self._times = {root: _Times(None)}

    def look(self) -> None:
        """Find what was started, and note how long each process has computed."""
        for process in self._members():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                seen = self._times[process]
                seen.own = times.user + times.system
                # Linux alone counts them; elsewhere they are 0.
                seen.waited = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)

    def memory(self) -> float:
        """Add up the bytes of all of them together."""
        return sum(_memory(process) for process in self._running)

    def cpu_seconds(self) -> float:
        """Add up the processor seconds of all of them, as last seen; a process that ended counts once."""
        return self._cpu_seconds(self._root)

    def end(self) -> None:
        """Kill all of them, with the process groups that they made."""
        # A kernel is in a process group of its own, so the runner's group is not enough.
        members = self._members()
        for process in members:
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                group = os.getpgid(process.pid)
                if process.is_running() and group != os.getpgrp():
                    os.killpg(group, signal.SIGKILL)
        psutil.wait_procs(members, timeout=5)

    def _members(self) -> list[psutil.Process]:
        for process in list(self._running):
            with contextlib.suppress(psutil.Error):
                for child in process.children(recursive=True):
                    if child not in self._times:
                        self._times[child] = _Times(self._parent_of(child))
                    self._running.add(child)
        self._running = {process for process in self._running if process.is_running()}
        return list(self._running)

    def _parent_of(self, child: psutil.Process) -> psutil.Process:
        number = child.ppid()
        return next((process for process in self._times if process.pid == number), self._root)

    def _cpu_seconds(self, process: psutil.Process) -> float:
        times, running, ended = self._times[process], 0.0, 0.0
        for child, of_child in self._times.items():
            if of_child.parent == process:
                seconds = self._cpu_seconds(child)
                running, ended = (running + seconds, ended) if child in self._running else (running, ended + seconds)
        # A parent that waited counts its ended children as its own, and knows also those too short to be seen.
        return times.own + running + max(times.waited, ended)


@contextlib.contextmanager
def _process_tree(
    command: list[str], environment: dict[str, str], log: Path
) -> Iterator[tuple[subprocess.Popen[bytes], _Tree]]:
    with log.open("wb") as said:
        worker = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C reaches the command line, which then ends this group in order
        )
    tree = _Tree(psutil.Process(worker.pid))
    try:
        yield worker, tree
    finally:
        tree.end()
        worker.wait()


def _memory(process: psutil.Process) -> float:
    try:
        full = process.memory_full_info()
        return float(getattr(full, "pss", full.rss))
    except psutil.AccessDenied:
        with contextlib.suppress(psutil.Error):
            return float(process.memory_info().rss)
    except psutil.Error:
        pass  # ended meanwhile
    return 0.0
