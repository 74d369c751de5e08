"""Rules for a notebook's source that can be checked without running it (the course's NOTEBOOKS page, in code)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext

from helpers.course import markers, names, reading
from helpers.course.layout import CHECK, CHECKED_OUTPUT, DEEPER, EXERCISES, PARAMETERS, first_line, parameters, tags
from helpers.course.markers import BEGIN, END
from helpers.errors import CourseError

LONGEST_CELL = 15
LONGEST_LINE = 100
FEWEST_EXERCISES = 3
PARAMETER_NAMES = ("dataset", "budget", "seed")
KNOWN_TAGS = {
    PARAMETERS,
    CHECK,
    CHECKED_OUTPUT,
    DEEPER,
    *EXERCISES,
    "nbval-ignore-output",
    "nbval-skip",
    "hide-input",
    "hide-output",
    "remove-input",
    "remove-output",
}
_FORBIDDEN_CODE = {
    "sys.path": re.compile(r"\bsys\.path\b"),
    "!pip": re.compile(r"^\s*[!%]\s*pip\b", re.MULTILINE),
    "%run": re.compile(r"^\s*%run\b", re.MULTILINE),
}
_FORBIDDEN_WORDS = re.compile(r"\b(simply|obviously)\b", re.IGNORECASE)
_RECORD = re.compile(r"\brecord\(")
_HEADING = re.compile(r"^(#{1,6}) +(.*?) *$", re.MULTILINE)
_NO_PROSE = re.compile(r"^```.*?^```|\$\$.*?\$\$", re.DOTALL | re.MULTILINE)
_UNBROKEN = re.compile(r"(?<!\\)\$[^$\n]+\$|`[^`\n]+`|\]\([^)\n]+\)")
_WITHOUT_MAGICS = {"extension": ".py", "format_name": "percent", "comment_magics": False}


def lint(source: Path) -> list[str]:
    """Tell which rules a source breaks.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py``.

    Returns
    -------
    list of str
        One sentence for each, with file, cell (counted from 1) and what to do; empty where all is well.
    """
    cells = jupytext.read(source, fmt="py:percent").cells
    code = [(position, cell) for position, cell in enumerate(cells, start=1) if cell.cell_type == "code"]
    problems = [*_check_opening(code), *_check_parameters(cells), *_check_exercises(code), *_check_records(code)]
    parsed = [(position, cell, tree) for position, cell in code if (tree := _parse(cell.source)) is not None]
    problems += [*_check_commands(source, cells), *_check_names(parsed), *_check_deeper(cells)]
    problems += reading.problems(cells, parsed)
    for position, cell in enumerate(cells, start=1):
        problems += [f"cell {position}: {problem}" for problem in _check_cell(cell)]
    return [f"{source.name}: {problem}" for problem in problems]


def _check_cell(cell: Any) -> Iterator[str]:
    yield from markers.problems(cell)
    yield from (
        f"unknown tag {tag!r}; known are {', '.join(sorted(KNOWN_TAGS))}" for tag in set(tags(cell)) - KNOWN_TAGS
    )
    if cell.cell_type == "markdown":
        yield from (
            f"the word {word!r}: it helps nobody, leave it out" for word in _FORBIDDEN_WORDS.findall(cell.source)
        )
        yield from _check_prose(cell.source)
        return
    if cell.cell_type != "code":
        return
    for name, pattern in _FORBIDDEN_CODE.items():
        if pattern.search(cell.source):
            yield f"{name} is not for notebooks; what they share lives in helpers, packages in pyproject.toml"
    if _parse(cell.source) is None:
        yield f"not valid Python ({first_line(cell)!r})"
    yield from _check_length(cell)
    yield from _check_figures(cell)
    is_task = CHECK in tags(cell) or _exercise_tag(cell)
    if _RECORD.search(cell.source) and (is_task or _RECORD.search(markers.solutions(cell.source))):
        yield "a record in an exercise, a check or a solution: the scorecard would depend on who answers"


def _check_length(cell: Any) -> Iterator[str]:
    if PARAMETERS in tags(cell) or CHECK in tags(cell) or _exercise_tag(cell):
        return
    lines = sum(bool(line.strip()) for line in cell.source.splitlines())
    if lines > LONGEST_CELL:
        yield f"{lines} lines, and at most {LONGEST_CELL} are read as one idea ({first_line(cell)!r}): split it"


def _check_figures(cell: Any) -> Iterator[str]:
    """Find a figure that nobody will see: it shows only as the last expression of its cell."""
    body = (_parse(cell.source) or ast.Module([], [])).body
    for node in body[:-1]:
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith("plotting."):
            yield f"{ast.unparse(node.value).split('(')[0]} is not the last line, so its figure is not shown: move it"


def _check_prose(text: str) -> Iterator[str]:
    """Find lines that are wider than a reader of the source sees.

    They count as they stand there, "# " included. Left out is what cannot be wrapped: rows of tables, displayed
    formulas, blocks of code, and a line without a blank outside formulas, code and addresses to break it at.
    """
    for line in _NO_PROSE.sub("", text).splitlines():
        if len(f"# {line}") <= LONGEST_LINE or line.lstrip().startswith("|"):
            continue
        words = _UNBROKEN.sub("x", line.strip()).split()
        if len(words) > (2 if words[0] in ("-", "*", "+") else 1):
            start = line.strip()[:40]
            yield f"{len(line) + 2} columns, and prose has at most {LONGEST_LINE} ({start!r} ...): wrap or shorten it"


def _check_commands(source: Path, cells: list[Any]) -> Iterator[str]:
    """Find comments that jupytext takes for commands of the notebook, and uncomments."""
    as_written = jupytext.read(source, fmt=_WITHOUT_MAGICS).cells
    for position, (cell, written) in enumerate(zip(cells, as_written, strict=True), start=1):
        lines = zip(cell.source.split("\n"), written.source.split("\n"), strict=True)
        for made, line in lines:
            if made != line:
                yield (
                    f"cell {position}: {line.strip()!r} becomes the command {made.strip()!r} in the notebook: "
                    "begin the comment with another word"
                )


def _check_names(parsed: list[tuple[int, Any, ast.Module]]) -> Iterator[str]:
    yield from names.problems(
        [names.names_of(position, tree, deeper=DEEPER in tags(cell)) for position, cell, tree in parsed]
    )


def _check_deeper(cells: list[Any]) -> Iterator[str]:
    """Compare titles that end in a star with the tag: the first is for readers, the second for ``--core``."""
    starred: tuple[int, bool] = (0, False)  # level of the section that we are in, and whether its title has a star
    for position, cell in enumerate(cells, start=1):
        if cell.cell_type == "markdown":
            for level, title in _headings(cell.source):
                if not (starred[1] and level > starred[0]):  # a section inside a deeper one is deeper, too
                    starred = level, title.endswith(" *")
        tagged = DEEPER in tags(cell)
        if tagged and not starred[1]:
            yield f"cell {position}: tagged {DEEPER!r}, and the title above it does not end in ' *'"
        if starred[1] and not tagged:
            yield f"cell {position}: not tagged {DEEPER!r}, and the title above it ends in ' *'"


def _headings(text: str) -> list[tuple[int, str]]:
    return [(len(hashes), title) for hashes, title in _HEADING.findall(_NO_PROSE.sub("", text))]


def _check_opening(code: list[tuple[int, Any]]) -> Iterator[str]:
    if not code:
        yield "no code cell at all"
        return
    position, cell = code[0]
    if not re.search(r"^import helpers$", cell.source, re.MULTILINE) or "helpers.require(" not in cell.source:
        yield (
            f"cell {position}: the first code cell must hold 'import helpers' and 'helpers.require(\"0.1\")', so that "
            "an old helpers says so at once"
        )


def _check_parameters(cells: list[Any]) -> Iterator[str]:
    try:
        found = parameters(cells)
    except CourseError as error:
        yield str(error)
        return
    for name in PARAMETER_NAMES:
        if name not in found:
            yield f"the cell tagged {PARAMETERS!r} must set {name} to a plain value"


def _check_exercises(code: list[tuple[int, Any]]) -> Iterator[str]:
    kinds: Counter[str] = Counter()
    waiting: int | None = None  # the exercise that no check has followed yet
    for position, cell in code:
        if kind := _exercise_tag(cell):
            if waiting is not None:
                yield f"cell {waiting}: an exercise without a cell tagged {CHECK!r} before the next exercise"
            kinds[kind] += 1
            waiting = position
            if BEGIN not in cell.source:
                yield f"cell {position}: an exercise without {BEGIN!r} ... {END!r}: there is nothing to answer"
        elif CHECK in tags(cell):
            waiting = None
            if not re.search(r"\bcheck\(", cell.source):
                yield f"cell {position}: tagged {CHECK!r} but calls no check(name, answer, test)"
    if waiting is not None:
        yield f"cell {waiting}: an exercise without a cell tagged {CHECK!r} after it"
    if kinds.total() < FEWEST_EXERCISES:
        yield f"{kinds.total()} exercises, and at least {FEWEST_EXERCISES} are wanted (tags {', '.join(EXERCISES)})"
    yield from (f"no exercise tagged {kind!r}" for kind in EXERCISES if not kinds[kind])


def _check_records(code: list[tuple[int, Any]]) -> Iterator[str]:
    """Find two calls of ``record`` with the same words: the second would silently replace the first."""
    seen: dict[tuple[str, ...], int] = {}
    for position, cell in code:
        for call in _record_calls(cell.source):
            named = {word.arg: word.value for word in call.keywords}
            scorecard = call.func.value if isinstance(call.func, ast.Attribute) else call.func
            axis = call.args[0] if call.args else named.get("axis")
            metric = call.args[1] if len(call.args) > 1 else named.get("metric")
            parts = (scorecard, axis, metric, named.get("model"), named.get("dataset"))
            key = tuple("" if part is None else ast.unparse(part) for part in parts)
            if key in seen:
                yield f"cell {position}: records {key[1]}, {key[2]} again, as cell {seen[key]} did: the first is lost"
            seen.setdefault(key, position)


def _record_calls(text: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(_parse(text) or ast.Module([], []))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record"
    ]


def _parse(text: str) -> ast.Module | None:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(text))
    except SyntaxError:
        return None


def _exercise_tag(cell: Any) -> str | None:
    return next((tag for tag in tags(cell) if tag in EXERCISES), None)
