"""Checks for exercises: a check says ``✓``, ``✗`` with a message that teaches, or ``◻`` not answered yet.

A check never stops the notebook, so a student can run it from top to bottom at any time. That every check of a
solution notebook says ``✓`` is made sure by the runner (:mod:`helpers.course.run`). Where it runs a solution twice it
sets ``VIGILANT_CHECKS=raise``: then a check that does not say ``✓`` is an error.
"""

from __future__ import annotations

import functools
import inspect
import os
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

PASSED, WRONG, OPEN = "✓", "✗", "◻"


class _Unanswered(BaseException):
    """A function of the student gave back nothing. Not an Exception, so that no test catches it by accident.

    It holds what the function was called with where it had given something back before: then it is answered, and wrong.
    """


def check(name: str, answer: Any, test: Callable[[Any], object]) -> None:
    """Say in one line whether an answer behaves as it should.

    Parameters
    ----------
    name : str
        Number and title of the exercise, such as ``"2.1 expected calibration error"``.
    answer : object
        What the student made. None or ``...`` (also as an item of a tuple, list or dict) means not answered yet, and
        so does a function that gives back None or ``...`` when the test first calls it.
    test : callable
        Takes the answer, tries it on fresh inputs, and raises AssertionError with a message that teaches where the
        answer is wrong (:func:`expect` does that). It gives back nothing.

    Raises
    ------
    TypeError
        If the test gives something back: a test that returns False instead of raising would pass everything.
    AssertionError
        With the line, where it is no ``✓`` and the environment says ``VIGILANT_CHECKS=raise``.

    Examples
    --------
    >>> def test(double):
    ...     expect(double(4) == 8, "twice 4 is 8")
    >>> check("0.1 double", lambda x: x + 4, test)
    ✓ 0.1 double
    >>> check("0.1 double", lambda x: x, test)
    ✗ 0.1 double: twice 4 is 8
    >>> check("0.1 double", ..., test)
    ◻ 0.1 double: not answered yet
    """
    verdict = _verdict(name, answer, test)
    print(verdict)
    if os.environ.get("VIGILANT_CHECKS") == "raise" and not verdict.startswith(PASSED):
        raise AssertionError(verdict)


def expect(condition: Any, message: str) -> None:
    """Go on where a condition holds; else stop the check with a message for the student.

    Parameters
    ----------
    condition : bool or array of bool
        Must be true; of an array or a table, every item.
    message : str
        What the student reads: what is wrong, and where to look.

    Raises
    ------
    AssertionError
        With `message`, where the condition does not hold.
    TypeError
        If the condition is neither true nor false (NaN counts as true in Python, so a number is refused).
    """
    values = np.asarray(condition)
    if values.dtype != bool:
        raise TypeError(f"expect() needs True or False, or an array of them; got {reprlib.repr(condition)}")
    if not values.all():
        raise AssertionError(message)


def one_number(answer: Any) -> float:
    """The one number that an answer is: a number, an array or list of one, or an estimate's value.

    Parameters
    ----------
    answer : object
        What the student made.

    Returns
    -------
    float
        The number.

    Raises
    ------
    AssertionError
        If it is text, true or false, or more than one number: the message says what is asked for.
    """
    array = np.asarray(getattr(answer, "value", answer))
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise AssertionError(f"one number is asked for, such as 0.5, and this is {_short(answer)}")
    if array.size != 1:
        raise AssertionError(f"one number is asked for, and this holds {array.size:,} of them (shape {array.shape})")
    return float(array.reshape(()))


def _verdict(name: str, answer: Any, test: Callable[[Any], object]) -> str:
    if _is_missing(answer) or _has_gap(answer):
        return f"{OPEN} {name}: not answered yet"
    raised: list[tuple[Exception, str]] = []
    try:
        given_back = test(_watched(answer, raised))
    except _Unanswered as gap:
        if gap.args:
            where = f"when called with {gap.args[0]}, and something before. Is a `return` or a `raise` missing there?"
            return f"{WRONG} {name}: your function gave back nothing {where}"
        return f"{OPEN} {name}: not answered yet (the function gives back nothing; is a `return` missing?)"
    except Exception as error:
        return f"{WRONG} {name}: {_explain(error, raised)}"
    if given_back is not None:
        raise TypeError(
            f"the test of check {name!r} gave back {reprlib.repr(given_back)}. A test gives back nothing: it raises "
            "AssertionError, for example with expect(condition, message)."
        )
    return f"{PASSED} {name}"


def _explain(error: Exception, raised: list[tuple[Exception, str]]) -> str:
    kind = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    for seen, arguments in raised:
        if seen is error:
            hint = " An index is a whole number: int(x) makes one of x." if "only integers, slices" in kind else ""
            return (
                f"your function raised {kind} when called with {arguments}. Try that call in a cell of its own.{hint}"
            )
    if isinstance(error, AssertionError):
        return str(error).strip().replace("\n", "\n    ") or "not right yet"
    return f"your answer could not be tested ({kind}). Is it of the kind that the exercise asks for?"


def _is_missing(answer: Any) -> bool:
    # Identity, not equality: `array == None` is an array, and a table has no truth value.
    return answer is None or answer is Ellipsis


def _has_gap(answer: Any) -> bool:
    if isinstance(answer, dict):
        return any(_is_missing(item) for item in answer.values())
    return isinstance(answer, (tuple, list)) and any(_is_missing(item) for item in answer)


def _watched(answer: Any, raised: list[tuple[Exception, str]]) -> Any:
    """Wrap a plain function so that it notes what it was called with when it raised, and stops on None."""
    if not inspect.isfunction(answer):
        return answer  # models and other objects that can be called keep their methods

    answered = False

    @functools.wraps(answer)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal answered
        try:
            result = answer(*args, **kwargs)
        except Exception as error:
            raised.append((error, _describe(args, kwargs)))
            raise
        if _is_missing(result):
            raise _Unanswered(*[_describe(args, kwargs)] * answered)
        answered = True
        return result

    return call


def _describe(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    shown = [_short(value) for value in args] + [f"{name}={_short(value)}" for name, value in kwargs.items()]
    return ", ".join(shown) or "nothing"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size > _SHOWN_WHOLE:
            return f"a {value.dtype} array of shape {value.shape}"
        # As it can be typed: reprlib would leave out the middle.
        return f"np.array({' '.join(np.array2string(value, separator=', ', max_line_width=10**6).split())})"
    if hasattr(value, "shape") and not isinstance(value, np.ndarray) and getattr(value, "shape", ()) != ():
        return f"a {type(value).__name__} of shape {tuple(value.shape)}"
    return " ".join(_AS_TYPED.repr(value).split())


_SHOWN_WHOLE = 20  # numbers of an array that a message holds
_AS_TYPED = reprlib.Repr()
_AS_TYPED.maxlist = _AS_TYPED.maxtuple = _SHOWN_WHOLE
