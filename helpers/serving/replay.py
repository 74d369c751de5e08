"""An older bundle in a newer one's place has a good signature, too: what was the newest is remembered."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from helpers.cache import written_whole
from helpers.errors import CourseError

if TYPE_CHECKING:
    from helpers.serving.engine import OnnxEngine

SEEN = "newest-serial.txt"
"""The file in the state folder."""


def newest_seen(state: Path) -> int:
    """The serial of the newest bundle that was opened with this folder.

    Parameters
    ----------
    state : pathlib.Path
        The state folder, which must exist: one that is made on the fly would have forgotten everything.

    Returns
    -------
    int
        At least 0; 0 where none has been opened yet.

    Raises
    ------
    CourseError
        If there is no such folder, or what stands in it is no serial.
    """
    if not state.is_dir():
        raise CourseError(
            f"there is no state folder at {state}. It keeps the newest serial that was seen, so that an older bundle "
            "is refused: make it once, and mount the same one each time"
        )
    try:
        text = (state / SEEN).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{state / SEEN} cannot be read ({error}); it must hold one whole number") from None
    if not (text.isdecimal() and text.isascii()):
        raise CourseError(
            f"{state / SEEN} holds {text[:40]!r}, and must hold one whole number: the newest serial that was seen. "
            "Write that number there; without it an older bundle could not be told from a newer one"
        )
    return int(text)


def open_newest(
    path: str | os.PathLike[str],
    trusted_key: str | os.PathLike[str],
    least: int,
    state: Path | None,
    despite_verdict: str | None = None,
) -> OnnxEngine:
    """Open a bundle that may be served: no older than any before it, and released. It is remembered as the newest.

    For one worker, so with one thread. What is not released is not remembered: the one before it may still be served.

    Parameters
    ----------
    path, trusted_key : path-like
        As for :func:`helpers.serving.open_bundle`.
    least : int
        The least serial that is taken, whatever was seen.
    state : pathlib.Path or None
        The state folder; None where ``least`` alone counts.
    despite_verdict : str, optional
        The verdict in spite of which it is served, as for :func:`helpers.serving.release.released`.

    Returns
    -------
    OnnxEngine
        Ready, with the release decision on it.

    Raises
    ------
    CourseError
        As :func:`newest_seen`.
    BundleError
        As :func:`helpers.serving.open_bundle`, for an older bundle, and for a scorecard that cannot be read.
    NotReleased
        If its verdict is neither *go* nor the one that was named.
    helpers.errors.CacheError
        If the serial cannot be written: a service that would forget it does not start.
    """
    from helpers.serving.engine import open_bundle
    from helpers.serving.release import released

    newest = least if state is None else max(least, newest_seen(state))
    engine = open_bundle(path, trusted_key, newest, threads=1)
    engine = dataclasses.replace(engine, decision=released(engine.scorecard, engine.run, despite_verdict))
    if state is not None:
        _remember(state, engine.serial)
    return engine


def _remember(state: Path, serial: int) -> None:
    # Workers start at the same time, and another service may share the folder: the number only grows.
    with FileLock(state / f"{SEEN}.lock"):
        if serial > newest_seen(state):
            with written_whole(state / SEEN) as temporary:
                temporary.write_text(f"{serial}\n", encoding="ascii")
