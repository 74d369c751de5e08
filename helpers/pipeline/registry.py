"""A folder that stands in for a registry of models: what is published there stays, and only newer things come."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from filelock import FileLock

from helpers.errors import CacheError
from helpers.pipeline.files import PUBLISHED, write_json
from helpers.pipeline.steps import BUNDLE
from helpers.serving import BundleError, verified

_LOCK = ".lock"


def publish_bundle(signed: Path, out: Path, *, registry: Path, trusted_key: Path) -> None:
    """Put a signed bundle into the registry, whole or not at all, and never an older one after a newer.

    What is put there is copied first and verified then: the very copy that others will read.

    Parameters
    ----------
    signed : pathlib.Path
        Of :func:`helpers.pipeline.sign_package`.
    out : pathlib.Path
        Gets ``published.json``: name, serial and version, and the bundle's folder.
    registry : pathlib.Path
        A folder; a bundle lies in ``NAME/SERIAL`` of it.
    trusted_key : pathlib.Path
        PEM of the public key whose owner's bundles are taken.

    Raises
    ------
    BundleError
        If the bundle is not what that owner signed, a newer one is there, or another one with this serial. The same
        one once more changes nothing, for a step may be tried again.
    helpers.errors.CacheError
        If the disk is full or cannot be written.
    """
    name = str(verified(signed / BUNDLE, trusted_key).manifest["name"])
    if not name or name.startswith(".") or "/" in name:
        raise BundleError(f"a bundle named {name!r} cannot have a folder of that name; pack it with another name")
    folder = registry / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK):
            target = _placed(signed / BUNDLE, folder, trusted_key)
    except OSError as error:
        raise CacheError(
            error.errno, f"could not write to {folder}: {error.strerror}. Nothing was put there"
        ) from error
    manifest = verified(target, trusted_key).manifest
    write_json(out / PUBLISHED, {key: manifest[key] for key in ("name", "serial", "version")} | {"folder": str(target)})


def newest_published(registry: Path, name: str) -> int:
    """The serial of the newest bundle of a name.

    Parameters
    ----------
    registry : pathlib.Path
        The folder.
    name : str
        As the bundles' manifests say it.

    Returns
    -------
    int
        At least 0; 0 where there is none.
    """
    found = (path.name for path in (registry / name).glob("*"))
    return max((int(each) for each in found if each.isascii() and each.isdecimal()), default=0)


def _placed(bundle: Path, folder: Path, trusted_key: Path) -> Path:
    copy = folder / f".{uuid.uuid4().hex[:8]}.part"
    try:
        shutil.copytree(bundle, copy, symlinks=True)
        manifest = verified(copy, trusted_key, newest_published(folder.parent, folder.name) or None).manifest
        target = folder / str(manifest["serial"])
        if target.exists():
            _check_same(copy, target, trusted_key)
        else:
            copy.rename(target)
        return target
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _check_same(copy: Path, there: Path, trusted_key: Path) -> None:
    # Their signatures differ even so: each is made with a number that is drawn anew.
    if verified(copy, trusted_key).contents != verified(there, trusted_key).contents:
        raise BundleError(
            f"{there} is there already and holds another bundle: a serial is given once. Pack this one with a larger"
        )
