"""A release of the student image: the overlay that pins it by digest."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.cache import course_root, written_whole
from helpers.errors import CourseError
from helpers.hub.addresses import Addresses

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def overlay(where: Addresses, digest: str) -> str:
    """Write the values that name the image.

    Parameters
    ----------
    where : Addresses
        Of these, the image must be set.
    digest : str
        ``sha256:`` and 64 hexadecimal digits, as the registry gave it back.

    Returns
    -------
    str
        YAML for the chart.

    Raises
    ------
    CourseError
        If the image has no address, or this is no digest.
    """
    image = where.need("image")
    if not (match := _DIGEST.fullmatch(digest)):
        raise CourseError(
            f"{digest!r} is no digest: that is sha256: and 64 hexadecimal digits, which the registry gives back when "
            "the image is pushed. A tag is no substitute: it can be moved to another image."
        )
    return (
        "# Written by 'vigilant release': the student image, by digest. The chart joins name and tag with a colon.\n"
        "singleuser:\n"
        "  image:\n"
        f"    name: {image}@sha256\n"
        f'    tag: "{match.group(1)}"\n'
    )


def release(where: Addresses, digest: str, path: Path | None = None) -> Path:
    """Write ``jupyterhub/overlays/image.yaml``.

    Parameters
    ----------
    where : Addresses
        Of these, the image must be set.
    digest : str
        As for :func:`overlay`.
    path : pathlib.Path, optional
        Another place.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    CourseError
        As :func:`overlay` does, or without a checkout.
    """
    if path is None:
        if (root := course_root()) is None:
            raise CourseError("a release is made in the course's repository: clone it first")
        path = root / "jupyterhub" / "overlays" / "image.yaml"
    text = overlay(where, digest)
    with written_whole(path) as temporary:
        temporary.write_text(text)
    return path
