"""Podman for the tests of both images, and the one Debian that stands in for their base: no registry is reached.

The fixtures are for the whole run (``tests/conftest.py`` hands them out), so that Debian is made once.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import missing

BASE = "localhost/vigilant-base-test"
# crun refuses a machine with both kinds of control groups, and a container may not raise the limits of this session.
_CONF = '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n[engine]\nruntime = "runc"\n'
_ULIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command}:\n{(done.stdout + done.stderr)[-3000:]}"
    return done.stdout.strip()


def build_options():
    """Options of ``podman build`` by which a build here reaches the registries as this machine does."""
    names = [name for name in ("PIP_FIND_LINKS", "PIP_CERT", "SSL_CERT_FILE") if name in os.environ]
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    shared = ["--volume", f"{wheels}:{wheels}:ro"] if wheels and Path(wheels).is_dir() else []
    given = [text for name in names for text in ("--build-arg", f"{name}={os.environ[name]}")]
    return ["--network=host", *_ULIMITS, *shared, *given]


@pytest.fixture(scope="session")
def containers(tmp_path_factory, program):
    """The environment in which Podman runs here."""
    if os.geteuid() != 0:
        missing("root, to run containers")
    for name in ("podman", "runc", "debootstrap"):
        program(name)
    path = tmp_path_factory.mktemp("containers") / "containers.conf"
    path.write_text(_CONF)
    return {**os.environ, "CONTAINERS_CONF": str(path)}


@pytest.fixture(scope="session")
def debian(containers, tmp_path_factory):
    """Debian 12, made here."""
    root = tmp_path_factory.mktemp("debian")
    run("debootstrap", "--variant=minbase", "bookworm", root)
    if authorities := os.environ.get("SSL_CERT_FILE"):  # of a proxy that stands between this machine and the registries
        own = root / "usr" / "local" / "share" / "ca-certificates"
        own.mkdir(parents=True)
        shutil.copy(authorities, own / "machine.crt")
    archive = root.parent / "debian.tar"
    run("tar", "-C", root, "-cf", archive, ".")
    run("podman", "import", archive, BASE, env=containers)
    shutil.rmtree(root)
    archive.unlink()
    yield BASE
    subprocess.run(["podman", "rmi", "--force", BASE], env=containers, capture_output=True, check=False)
