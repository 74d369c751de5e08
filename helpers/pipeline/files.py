"""What the steps hand to each other: small files in JSON, each read with one message where it is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers.cache import written_whole
from helpers.errors import CourseError

DATA, MODEL, SCORECARD, VERDICT, PUBLISHED = (
    f"{name}.json" for name in ("data", "model", "scorecard", "verdict", "published")
)


class PipelineError(CourseError, RuntimeError):
    """A step cannot do its work, or was handed what it must not take; the message says which and why."""


def write_json(path: Path, value: Any) -> None:
    """Write a value, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        The file; its folder is made if needed.
    value : object
        What JSON can hold, without infinities.
    """
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read an object that an earlier step has written.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    PipelineError
        If it is not there or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{path} cannot be read ({error}); the step that writes it has to run before this one"
        ) from None
    if not isinstance(value, dict):
        raise PipelineError(f"{path} holds {type(value).__name__}, and an object is wanted; run the step before anew")
    return value
