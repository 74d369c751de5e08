"""A command in a process group of its own: watched, measured, and ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

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
    """

    returncode: int | None
    peak: float


def watch(
    command: list[str], environment: dict[str, str], log: Path, limit: float, tick: Callable[[float], None]
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

    Returns
    -------
    Watched
        How it went; none of its processes runs any more.
    """
    started = time.monotonic()
    with _process_tree(command, environment, log) as (worker, tree):
        peak = 0.0
        while (elapsed := time.monotonic() - started) <= limit:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return Watched(worker.wait(_SAMPLE_SECONDS), peak)
            peak = max(peak, tree.memory())
            tick(elapsed)
        return Watched(None, peak)


class _Tree:
    """A process and everything that it started, also what has lost its parent since."""

    def __init__(self, root: psutil.Process) -> None:
        self._seen = {root}

    def memory(self) -> float:
        """Add up the bytes of all of them together."""
        return sum(_memory(process) for process in self._members())

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
        for process in list(self._seen):
            with contextlib.suppress(psutil.Error):
                self._seen |= set(process.children(recursive=True))
        self._seen = {process for process in self._seen if process.is_running()}
        return list(self._seen)


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
