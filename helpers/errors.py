"""What the course refuses: every error whose message is meant for a person is a :class:`CourseError`.

Such a message says what was given, what was expected and what to do next, and is all that the command line prints.
A wrong argument of a function is a plain ``ValueError`` or ``TypeError``, as in NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class CourseError(Exception):
    """Something cannot be done as asked; the message says what to do."""


class CourseVersionError(CourseError):
    """The installed ``helpers`` is older than the notebook that was opened."""


class CacheError(OSError, CourseError):
    """A file could not be written whole; ``errno`` says why to code, the message to people."""

    def __str__(self) -> str:
        return self.strerror or super().__str__()


class DatasetError(CourseError, ValueError):
    """A data set was asked for in a way that cannot be answered."""


class DatasetUnavailable(CourseError, RuntimeError):
    """A data set is known but cannot be had on this machine now."""


class ModelUnavailable(CourseError, RuntimeError):
    """A model's weights cannot be had on this machine now."""


class ScorecardError(CourseError, ValueError):
    """A record, a band or a file of them is not what it must be."""


class HubError(CourseError, RuntimeError):
    """The hub said no, or nothing in time; the message says what was asked."""


def did_you_mean(given: object, known: Iterable[str], others_say: Mapping[str, str] | None = None) -> str:
    """The hint in a message about an unknown name: which known one was probably meant.

    Capital letters, spaces, hyphens and underscores make no difference.

    Parameters
    ----------
    given : object
        What was asked for.
    known : iterable of str
        The names that there are.
    others_say : mapping of str to str, optional
        What other programs call them, in small letters without hyphens, to the known name.

    Returns
    -------
    str
        ``" Did you mean 'fashion'?"`` with a space before it, or nothing.
    """
    import difflib  # only where something was refused

    names = {_plain(name): name for name in known}
    meant = (others_say or {}).get(_plain(given))
    if meant is None:
        close = difflib.get_close_matches(_plain(given), names, n=1)
        meant = names[close[0]] if close else None
    return f" Did you mean {meant!r}?" if meant else ""


def _plain(name: object) -> str:
    return str(name).lower().translate(str.maketrans("", "", " -_"))
