"""What the course refuses: every error whose message is meant for a person is a :class:`CourseError`.

Such a message says what was given, what was expected and what to do next, and is all that the command line prints.
A wrong argument of a function is a plain ``ValueError`` or ``TypeError``, as in NumPy.
"""

from __future__ import annotations


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
