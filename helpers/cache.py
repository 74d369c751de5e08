"""Files that are made once and read often: where they lie, what names them, how they are written whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import inspect
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from helpers.errors import CacheError


def course_root() -> Path | None:
    """The checkout that this package runs from, or None where it was installed without one.

    Returns
    -------
    pathlib.Path or None
        The folder that holds ``pyproject.toml`` and ``notebooks/``.
    """
    folder = Path(__file__).resolve().parent.parent
    return folder if (folder / "pyproject.toml").is_file() and (folder / "notebooks").is_dir() else None


def build_directory() -> Path:
    """Where results of a run go: ``$VIGILANT_BUILD``, else ``build/`` of the checkout, else a user folder.

    Returns
    -------
    pathlib.Path
        The folder; it need not exist yet.
    """
    if set_by_user := os.environ.get("VIGILANT_BUILD"):
        return Path(set_by_user).expanduser()
    root = course_root()
    return root / "build" if root else Path.home() / ".cache" / "vigilant-vision"


def cache_directory() -> Path:
    """Where drawn data sets and trained models are kept: ``$VIGILANT_CACHE``, else ``cache/`` of the build folder.

    Returns
    -------
    pathlib.Path
        The folder; it need not exist yet.
    """
    if set_by_user := os.environ.get("VIGILANT_CACHE"):
        return Path(set_by_user).expanduser()
    return build_directory() / "cache"


def key(**parts: Any) -> str:
    """A short name for a result, the same wherever the parts are the same.

    Parameters
    ----------
    **parts
        Everything that the result depends on; values that JSON can hold.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_version(*modules: ModuleType) -> str:
    """A digest of the source of some modules, so that a change of code is a change of cache key.

    Parameters
    ----------
    *modules : module
        The modules whose source the result depends on.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for module in modules:
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name and rename it when it is whole, so that nobody reads half of it.

    Parameters
    ----------
    path : pathlib.Path
        The name the file shall have; its folder is made if needed.

    Yields
    ------
    pathlib.Path
        The temporary name to write to, in the same folder and with the same suffix.

    Raises
    ------
    CacheError
        If the disk is full or the folder cannot be written; the temporary file is gone by then.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise CacheError(error.errno, _explain(error, path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _explain(error: OSError, path: Path) -> str:
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your disk quota is used up",
        errno.EACCES: "you may not write there",
        errno.EROFS: "that file system is read-only",
        errno.ENOTDIR: "a part of that path is a file, not a folder",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return (
        f"could not write {path}: {reason}. Nothing half-written was left. Free some room, or set VIGILANT_CACHE "
        "and VIGILANT_BUILD to folders that you can write to, and run the cell again."
    )
