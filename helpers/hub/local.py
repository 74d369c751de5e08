"""A JupyterHub on one machine: what it is told, the checks before its start, its start and its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from helpers.cache import build_directory, cache_directory, course_root, written_whole
from helpers.errors import CourseError
from helpers.hub import classlist, content, ports, proxy

SPAWNERS = ("simple", "docker")
NETWORK = "vigilant-hub"
_START_SECONDS = 60
_END_SECONDS = 60
_SOCKETS = "/tmp"  # kernels' sockets are files, and the path of one may have 107 characters


@dataclass(frozen=True)
class LocalHub:
    """What a hub on one machine is told.

    Attributes
    ----------
    state : pathlib.Path
        Its folder: class list, database, homes, log.
    address : str
        Where it listens; ``127.0.0.1`` for this machine only, ``0.0.0.0`` for a class in the room.
    port : int
        1 to 65535.
    students : int
        How many the class list holds at least.
    spawner : str
        ``simple`` (all share this account) or ``docker`` (a container each).
    image : str
        The student image, for ``docker``.
    """

    state: Path = field(default_factory=lambda: build_directory().absolute() / "hub")
    address: str = "127.0.0.1"
    port: int = 8000
    students: int = 4
    spawner: str = "simple"
    image: str = ""

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = "127.0.0.1" if self.address in ("0.0.0.0", "127.0.0.1") else self.address
        return f"http://{host}:{self.port}"

    @property
    def class_list(self) -> Path:
        """The file with names and passwords."""
        return self.state / "class.csv"


def read_settings(state: Path) -> dict[str, Any]:
    """Read what ``jupyterhub_config.py`` needs.

    Parameters
    ----------
    state : pathlib.Path
        The hub's folder.

    Returns
    -------
    dict of str to object
        The attributes of :class:`LocalHub`, and what was found at the start.
    """
    return dict(json.loads((state / "settings.json").read_text()))


@contextlib.contextmanager
def running(hub: LocalHub) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a hub running; at the end, however it comes, everything that it started is gone.

    Parameters
    ----------
    hub : LocalHub
        What it is told.

    Yields
    ------
    subprocess.Popen
        Its process; the hub answers.

    Raises
    ------
    CourseError
        If it cannot start; nothing is left running then.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="vigilant-", dir=_SOCKETS, ignore_cleanup_errors=True)
    except OSError as error:
        raise CourseError(
            f"the hub needs a folder for sockets in {_SOCKETS}: {error.strerror}. Make room there."
        ) from None
    with folder as sockets:
        yield from _running(hub, Path(sockets))


def _running(hub: LocalHub, sockets: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = _prepare(hub, sockets)
    config = _root() / "jupyterhub" / "local" / "jupyterhub_config.py"
    with (hub.state / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=hub.state,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the command line, which then ends the hub in order
        )
    try:
        _wait_until_it_answers(hub, process)
        yield process
    finally:
        _end(process)


def serve(hub: LocalHub) -> int:
    """Run a hub until Ctrl-C, and say how to get in.

    Parameters
    ----------
    hub : LocalHub
        What it is told.

    Returns
    -------
    int
        Exit status: 0 after Ctrl-C, 1 if the hub ended by itself.
    """
    with running(hub) as process:
        print(_greeting(hub), flush=True)
        try:
            code = process.wait()
        except KeyboardInterrupt:
            print("\nstopping the hub and every server", flush=True)
            return 0
    print(f"the hub ended by itself (exit status {code}); the log is {hub.state / 'hub.log'}", file=sys.stderr)
    return 1


def _greeting(hub: LocalHub) -> str:
    where = f"http://{socket.gethostname()}:{hub.port}" if hub.address == "0.0.0.0" else hub.url
    lines = [
        f"The hub is ready: {where}",
        f"Names and passwords, to hand out: {hub.class_list}",
        f"Homes: {hub.state / 'homes' if hub.spawner == 'simple' else 'volumes'}. Ctrl-C stops everything.",
    ]
    if hub.spawner == "simple":
        lines.append(
            "Warning: all students share your account on this machine, and can read each other's files and yours. Use "
            "it to try the course, or with people you trust; 'make hub SPAWNER=docker' gives each a container."
        )
    return "\n".join(lines)


def _prepare(hub: LocalHub, sockets: Path) -> dict[str, str]:
    """Check and make all that a hub needs, before anything is started; returns its environment."""
    root = _root()
    if hub.spawner not in SPAWNERS:
        raise CourseError(f"there is no spawner {hub.spawner!r}; there are {', '.join(SPAWNERS)}")
    _check_port(hub.address, hub.port)
    try:
        hub.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"the hub's folder {hub.state} cannot be made: {error.strerror}") from None
    command, path = proxy.ready(root / "jupyterhub" / "local" / "proxy", hub.state.parent / "hub-proxy")
    classlist.make(hub.class_list, hub.students)
    commit = content.publish(root, hub.state / "course.git")
    internal = ports.free_port(besides=[hub.port])
    api = ports.free_port(besides=[hub.port, internal])
    found = {
        "commit": commit,
        "proxy": command,
        "hub_port": internal,
        "proxy_api_port": api,
        "sockets": str(sockets),
        "cache": str(cache_directory().absolute()),
        "gateway": _docker_gateway(hub) if hub.spawner == "docker" else "127.0.0.1",
    }
    with written_whole(hub.state / "settings.json") as temporary:
        temporary.write_text(json.dumps({**asdict(hub), "state": str(hub.state), **found}, indent=1))
    package_path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PATH": path, "PYTHONPATH": package_path, "VIGILANT_HUB_STATE": str(hub.state)}


def _root() -> Path:
    root = course_root()
    if root is None or not (root / "jupyterhub" / "local").is_dir():
        raise CourseError("the hub's settings lie in the course's repository: clone it, and run 'make hub' there")
    return root


def _check_port(address: str, port: int) -> None:
    try:
        ports.try_to_listen(address, port)
    except OSError as error:
        raise CourseError(
            f"the hub cannot listen on {address}, port {port}: {error.strerror}. Choose another: make hub PORT=8123"
        ) from None


def _docker_gateway(hub: LocalHub) -> str:
    """Make the network of the containers, and return this machine's address in it."""
    import docker

    if not hub.image:
        raise CourseError(
            "the student image has no name yet: [tool.vigilant] image in pyproject.toml is empty. Build it "
            "(jupyterhub/README.md) and name it: vigilant hub --spawner docker --image NAME"
        )
    try:
        client = docker.from_env()
        client.images.get(hub.image)
        try:
            network = client.networks.get(NETWORK)
        except docker.errors.NotFound:
            # Containers reach the hub, and not each other.
            isolated = {"com.docker.network.bridge.enable_icc": "false"}
            network = client.networks.create(NETWORK, driver="bridge", options=isolated)
            network.reload()
    except docker.errors.ImageNotFound:
        raise CourseError(f"there is no image {hub.image} on this machine; build or pull it first") from None
    except docker.errors.DockerException as error:
        raise CourseError(f"Docker does not answer ({error}). Start it, or use the simple spawner.") from None
    return str(network.attrs["IPAM"]["Config"][0]["Gateway"])


def _wait_until_it_answers(hub: LocalHub, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"{hub.url}/hub/health", timeout=5).close()
            return
        time.sleep(0.2)
    lines = (hub.state / "hub.log").read_text(errors="replace").strip().splitlines()
    last = "\n  ".join(lines[-8:])
    raise CourseError(f"the hub did not start; the last lines of {hub.state / 'hub.log'}:\n  {last}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the hub in order, then whatever of its servers, kernels and proxy is still there."""
    members: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        members = psutil.Process(process.pid).children(recursive=True)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    process.kill()
    process.wait()
    for member in members:
        with contextlib.suppress(psutil.Error):
            member.kill()
    psutil.wait_procs(members, timeout=5)
