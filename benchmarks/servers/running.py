"""Servers as processes: started, asked until they answer, looked at, ended with all that they started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from helpers.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(sys.prefix, "servers")
"""Where ``make bench`` makes an environment for each lock in this folder."""

_START_SECONDS = 120.0
_POLITE_SECONDS = 6.0  # between SIGTERM and SIGKILL
_LAST_WORDS = 1500  # characters of its log that are shown of a server that did not start


@dataclass(frozen=True)
class Server:
    """How a server is started.

    Attributes
    ----------
    name : str
        As in the table.
    command : tuple of str
        What to run; its first word is looked for in the environment.
    environment : str or None
        Which of :data:`ENVIRONMENTS`; None for the course's own.
    paths : Mapping of str to str
        Kind of body (``json``, ``png``) to the path that takes it.
    variables : Mapping of str to str
        More environment variables; ``{port}`` stands for the port.
    packages : tuple of str
        Whose versions are told.
    """

    name: str
    command: tuple[str, ...]
    environment: str | None
    paths: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its programs lie."""
        return (Path(sys.prefix) if self.environment is None else ENVIRONMENTS / self.environment) / "bin"


@dataclass(frozen=True)
class Body:
    """What is sent.

    Attributes
    ----------
    content : bytes
        The same for every server.
    content_type : str
        Of it.
    """

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes
    ----------
    server : Server
        Which.
    port : int
        Where.
    process : psutil.Process
        The first of its processes.
    seconds : float
        From its start to its first right answer.
    """

    server: Server
    port: int
    process: psutil.Process
    seconds: float

    def url(self, kind: str) -> str:
        """Where a body of this kind is sent to."""
        return f"http://127.0.0.1:{self.port}{self.server.paths[kind]}"

    def processes(self) -> list[psutil.Process]:
        """All that it started, itself first."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """CPU time of all its processes together, so far."""
        found = 0.0
        for each in self.processes():
            with contextlib.suppress(psutil.Error):
                times = each.cpu_times()
                found += times.user + times.system
        return found

    def memory(self) -> float:
        """Bytes of memory of all its processes together: PSS, where what they share counts once."""
        found = 0.0
        for each in self.processes():
            with contextlib.suppress(psutil.Error):
                full = each.memory_full_info()
                found += getattr(full, "pss", full.rss)
        return found


@contextmanager
def running(server: Server, bodies: Mapping[str, Body], prediction: int, log: Path) -> Iterator[Running]:
    """Start a server, and see that it answers rightly before it is measured.

    Parameters
    ----------
    server : Server
        Which.
    bodies : Mapping of str to Body
        Of each kind that will be sent.
    prediction : int
        What each answer must say.
    log : pathlib.Path
        Where what it says goes.

    Yields
    ------
    Running
        The server.

    Raises
    ------
    CourseError
        If it is not installed, does not start, or answers something else.
    """
    if not (server.folder / server.command[0]).exists():
        raise CourseError(f"{server.name} is not installed in {server.folder.parent}. 'make bench' sets it up.")
    port = _free_port()
    variables = {name: value.format(port=port) for name, value in server.variables.items()}
    environment = os.environ | {"PORT": str(port), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables
    environment["PATH"] = f"{server.folder}{os.pathsep}{os.environ['PATH']}"
    with log.open("wb") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(server.folder / server.command[0]), *server.command[1:]],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        first = next(iter(bodies))
        url = f"http://127.0.0.1:{port}"
        while not _answers(url + server.paths[first], bodies[first], prediction):
            if process.poll() is not None or time.perf_counter() - began > _START_SECONDS:
                raise _did_not_start(server, log)
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        for kind, body in bodies.items():
            if not _answers(url + server.paths[kind], body, prediction):
                raise _did_not_start(server, log)
        yield Running(server, port, psutil.Process(process.pid), seconds)
    finally:
        _end(process)


def _answers(url: str, body: Body, prediction: int) -> bool:
    request = urllib.request.Request(url, body.content, {"Content-Type": body.content_type})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.loads(answer.read())
    except (OSError, ValueError):
        return False
    if said.get("prediction") != prediction:
        raise CourseError(f"{url} answers {said}; all servers must say class {prediction} of this picture.")
    return True


def _did_not_start(server: Server, log: Path) -> CourseError:
    end = log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]
    return CourseError(f"{server.name} does not answer as it must. Its last words ({log}):\n{end}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and all that it started: politely, and then not."""
    try:
        everything = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.Error:
        everything = []
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(everything, timeout=_POLITE_SECONDS)
    for each in alive:
        with contextlib.suppress(psutil.Error):
            each.kill()
    psutil.wait_procs(alive, timeout=5)
    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
