"""What one field of a record or of a band may be, refused in sentences that say what it takes."""

from __future__ import annotations

import math
import numbers
from typing import Any

from helpers.errors import ScorecardError

AXES = ("training", "uncertainty", "explanation", "robustness", "fairness", "privacy", "serving", "monitoring")
DIRECTIONS = ("higher", "lower")
BUDGETS = ("quick", "full")

Bounds = tuple[float | None, float | None]  # the least and the most that a metric can be; None where there is no end


def check_choice(given: object, allowed: tuple[str, ...], what: str) -> None:
    """Refuse what is none of some words."""
    if given not in allowed:
        raise ScorecardError(f"{what} must be one of {', '.join(allowed)}; got {given!r}")


def check_text(given: object, what: str) -> None:
    """Refuse what is no text, or an empty one."""
    if not isinstance(given, str) or not given.strip():
        raise ScorecardError(f"{what} must be a name, got {given!r}")


def check_yes_or_no(given: object, what: str) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(given, bool):
        raise ScorecardError(f"{what} must be True or False, got {given!r}")


def finite(given: Any, what: str) -> float:
    """One finite number as a float."""
    # NumPy scalars and 0-d arrays are fine; a longer array, a bool or a text is a mistake worth naming.
    number = given.item() if hasattr(given, "item") and getattr(given, "ndim", 0) == 0 else given
    if isinstance(number, bool) or not isinstance(number, numbers.Real) or not math.isfinite(number):
        raise ScorecardError(f"{what} must be one finite number, got {given!r}")
    return float(number)


def whole(given: Any, what: str, least: int) -> int:
    """One whole number, not below `least`, as an int."""
    number = given.item() if hasattr(given, "item") and getattr(given, "ndim", 0) == 0 else given
    if isinstance(number, bool) or not isinstance(number, numbers.Integral) or number < least:
        raise ScorecardError(f"{what} must be a whole number of at least {least}, got {given!r}")
    return int(number)


def bounds_of(given: Any, what: str) -> Bounds:
    """The least and the most that a metric can be; None for an end that there is none."""
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ScorecardError(f"{what} must be a pair such as (0, 1) or (0, None), got {given!r}")
    low, high = (None if end is None else finite(end, what) for end in given)
    if low is not None and high is not None and low >= high:
        raise ScorecardError(f"{what} must be the least and the most, in this order, got {given!r}")
    return low, high
