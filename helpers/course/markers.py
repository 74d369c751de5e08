"""What stands between the solution markers, and lines that look like a marker and are none."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"

_OPENERS = ("begin", "end", "start", "stop", "open", "close")
# nbgrader hides these as well; here nothing would, so a student would read what they enclose.
_OTHERS = ("hidden tests", "mark scheme")


def problems(cell: Any) -> Iterator[str]:
    """Tell what is wrong with the solution markers of a cell.

    nbgrader and the solution notebook know a marker by its exact letters. A line that a person takes for one and they
    do not would hand the solution out with the exercise, so everything near is refused.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        A cell of a source.

    Yields
    ------
    str
        One sentence for each line.
    """
    inside = False
    for line in cell.source.split("\n"):
        if line.strip() in (BEGIN, END):
            if inside == (line.strip() == BEGIN):
                yield f"{line.strip()!r} without its partner; each {BEGIN!r} needs one {END!r}"
                return
            inside = not inside
        elif _looks_like_one(line, is_code=cell.cell_type == "code"):
            yield (
                f"{line.strip()!r} looks like a solution marker and is none, so students would get the solution: "
                f"write exactly {BEGIN!r} or {END!r}, alone in the line, or other words"
            )
    if inside:
        yield f"{BEGIN!r} without its partner {END!r}"


def without_markers(text: str) -> str:
    """Leave the marker lines out of a cell, and keep the solutions.

    Parameters
    ----------
    text : str
        Source of a cell whose markers have no :func:`problems`.

    Returns
    -------
    str
        What the solution notebook shows.
    """
    return "\n".join(line for line in text.split("\n") if line.strip() not in (BEGIN, END))


def without_solutions(text: str, *, stub: str) -> str:
    """Put a stub in the place of each solution.

    Parameters
    ----------
    text : str
        Source of a cell whose markers have no :func:`problems`.
    stub : str
        One line; it is indented as the marker was.

    Returns
    -------
    str
        What a student sees, but for the words of the stub.
    """
    inside, lines = False, []
    for line in text.split("\n"):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
            if inside:
                lines.append(line.replace(BEGIN, stub))
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def solutions(text: str) -> str:
    """Take the solutions out of a cell.

    Parameters
    ----------
    text : str
        Source of a cell whose markers have no :func:`problems`.

    Returns
    -------
    str
        The lines between markers; empty where there are none.
    """
    inside, lines = False, []
    for line in text.split("\n"):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif inside:
            lines.append(line)
    return "\n".join(lines)


def _looks_like_one(line: str, *, is_code: bool) -> bool:
    if BEGIN in line or END in line:
        return True
    comment = re.search(r"#.*" if is_code else r"^\s*#.*", line)
    words = re.findall(r"[^\W\d_]+", comment[0].casefold()) if comment else []
    if not words:
        return False
    if is_code and " ".join(words) in ("solution", "solutions"):
        return True  # a heading of a text cell may say so
    together = "".join(words)
    if any(_near(together, opener + "solution", 0.87) for opener in _OPENERS):
        return True
    opens = any(_near(words[0], opener, 0.7) for opener in _OPENERS)
    rest = words[1:]
    named = any(_near(word, "solution", 0.8) for word in (rest if len(rest) <= 4 else rest[:1]))
    return opens and (named or any(_near(" ".join(rest[:2]), other, 0.85) for other in _OTHERS))


def _near(word: str, wanted: str, least: float) -> bool:
    return difflib.SequenceMatcher(None, word, wanted, autojunk=False).ratio() >= least
