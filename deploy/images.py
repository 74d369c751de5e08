"""Images by digest: what a published thing is made from and named by, and a list of what the service's image holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from helpers.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
LOCK = ROOT / "deploy" / "requirements.lock"
BUNDLE_DOCKERFILE = ROOT / "deploy" / "Dockerfile.bundle"

_DIGEST = re.compile(r"[a-z0-9][a-z0-9._:/-]*(:[\w][\w.-]{0,127})?@sha256:[0-9a-f]{64}")
_TAGGED = re.compile(r"[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?:(?!latest$)[\w][\w.-]{0,127}")


def checked(image: str, what: str, *, local: bool = False) -> str:
    """Take an image's name only if it cannot mean another image tomorrow.

    Parameters
    ----------
    image : str
        Such as ``registry.example.org/vision/service@sha256:...``; empty where none is set.
    what : str
        What it is, for the message.
    local : bool
        Whether it stays on this machine: then a tag will do, though never ``latest``.

    Returns
    -------
    str
        The same.

    Raises
    ------
    CourseError
        If it is empty, or has no digest (or, locally, no tag either).
    """
    if not image:
        raise CourseError(
            f"the address of {what} is not set: nothing has been published, and no address is made up. Push it to a "
            "registry, and give NAME@sha256:... as the registry said it"
        )
    if _DIGEST.fullmatch(image) or (local and _TAGGED.fullmatch(image)):
        return image
    raise CourseError(
        f"{what} is {image!r}, and NAME@sha256: with 64 hexadecimal digits is wanted, as a registry gives it back: a "
        "tag can be moved to another image. On one machine alone, with --local, a tag other than 'latest' will do"
    )


def build_command(engine: str, base: str, name: str, *, local: bool = False) -> list[str]:
    """How the service's image is built.

    Parameters
    ----------
    engine : str
        ``"docker"`` or ``"podman"``.
    base : str
        Debian 12, by its digest.
    name : str
        What the image shall be called here.
    local : bool
        Whether it stays on this machine, as for :func:`checked`.

    Returns
    -------
    list of str
        The command.

    Raises
    ------
    CourseError
        As :func:`checked`.
    """
    given = ["--build-arg", f"BASE={checked(base, 'the base image', local=local)}", "-f", str(DOCKERFILE), "-t", name]
    # Docker finds this file by itself; older Podmans want to be told.
    ignored = ["--ignorefile", f"{DOCKERFILE}.dockerignore"] if engine == "podman" else []
    return [engine, "build", *ignored, *given, str(ROOT)]


def bundle_command(engine: str, bundle: Path, service: str, name: str) -> list[str]:
    """How a bundle becomes an image that a pod can copy it from.

    Parameters
    ----------
    engine : str
        ``"docker"`` or ``"podman"``.
    bundle : pathlib.Path
        The bundle's folder.
    service : str
        The service's image: it has what copies, and is on every node already.
    name : str
        What the image shall be called here.

    Returns
    -------
    list of str
        The command.

    Raises
    ------
    CourseError
        If there is no bundle.
    """
    if not (bundle / "model.sig").is_file():
        raise CourseError(f"there is no signed bundle at {bundle}; 'vigilant serve' makes one in build/bundle")
    return [engine, "build", "--build-arg", f"SERVICE={service}", "-f", str(BUNDLE_DOCKERFILE), "-t", name, str(bundle)]


def bill_of_materials() -> str:
    """List what of Python the image holds: name, version and hashes of everything in ``deploy/requirements.lock``.

    Returns
    -------
    str
        CycloneDX 1.6 in JSON, the same each time. What Debian brings is not in it: a scanner reads that from the image.

    Raises
    ------
    CourseError
        If CycloneDX's program is not there.
    """
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--spec-version", "1.6"]
    done = subprocess.run([*command, "--output-format", "JSON", str(LOCK)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(
            f"the list cannot be made: {done.stderr.strip()[-400:]}. Authors have its program: 'make build'"
        )
    return done.stdout
