"""Rules for the way through a notebook: an hour of core steps, exercises in their places, titles that hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from helpers.course import markers
from helpers.course.layout import CHECK, DEEPER, EXERCISES, tags

MOST_STEPS = 12
MOST_CODE_CELLS = 50
MOST_WORDS = 3000
EARLY = 8  # cells: a short notebook may open and load its data first

_GAP = "\0"
_SHORT = 25  # characters: what is shorter stands anywhere by chance

# A title with one of these tells how a run came out. It holds for whatever comes out only if it is computed; one that
# puts a number or a name behind a superlative is.
_OUTCOME = re.compile(
    r"\b(no|none|nobody|nothing|never|always|every|only|stays?|falls?|rises?|grows?|shrinks?|drops?|wins?|beats?|"
    r"agrees?|differs?|hardly|costs?|cannot)\b",
    re.IGNORECASE,
)
_SUPERLATIVE = re.compile(r"\b(better|worse|best|worst|fails?|passes|largest|smallest|highest|lowest)\b", re.IGNORECASE)
_STEP = re.compile(r"^## +(Step \d+.*)$", re.MULTILINE)
_SECTION = re.compile(r"^## +(.*)$", re.MULTILINE)
_READING = re.compile(r"^\*\*Further reading\*\*.*?(?=^\*\*Next|\Z)", re.DOTALL | re.MULTILINE)


def problems(cells: list[Any], parsed: list[tuple[int, Any, ast.Module]]) -> Iterator[str]:
    """Tell where a notebook is more than an hour, asks too late, or says more than it has seen.

    Parameters
    ----------
    cells : list of nbformat.NotebookNode
        All cells of a source.
    parsed : list of (int, nbformat.NotebookNode, ast.Module)
        The code cells with their positions, counted from 1.

    Yields
    ------
    str
        One sentence for each problem.
    """
    yield from _check_core(cells)
    yield from _check_places(cells)
    for position, cell, tree in parsed:
        yield from (f"cell {position}: {problem}" for problem in _check_titles(tree))
        yield from (f"cell {position}: {problem}" for problem in _check_core_records(tree, DEEPER in tags(cell)))
        if CHECK in tags(cell):
            yield from (f"cell {position}: {problem}" for problem in _check_answer(cells, tree))


def _check_core(cells: list[Any]) -> Iterator[str]:
    core = [cell for cell in cells if DEEPER not in tags(cell)]
    prose = "\n".join(cell.source for cell in core if cell.cell_type == "markdown")
    counts = {
        "steps": (len(_STEP.findall(prose)), MOST_STEPS),
        "code cells": (sum(cell.cell_type == "code" for cell in core), MOST_CODE_CELLS),
        "words": (len(_READING.sub("", prose).split()), MOST_WORDS),
    }
    for what, (count, most) in counts.items():
        if count > most:
            yield (
                f"the core has {count:,} {what}, and an hour holds at most {most:,}: shorten it, or tag steps that can "
                f"be left out {DEEPER!r} and end their titles in ' *'"
            )


def _check_places(cells: list[Any]) -> Iterator[str]:
    section, first = "", None
    for position, cell in enumerate(cells, start=1):
        if cell.cell_type == "markdown":
            section = (_SECTION.findall(cell.source) or [section])[-1]
        elif any(tag in EXERCISES for tag in tags(cell)):
            first = position if first is None else first
            if not section.startswith("Step "):
                yield f"cell {position}: an exercise under {section!r}: it stands inside the step that it belongs to"
    if first is not None and first > max(EARLY, len(cells) / 4):
        yield (
            f"cell {first}: the first exercise, and the first quarter of {len(cells)} cells ends before: people learn "
            "by doing, so ask earlier"
        )


def _check_titles(tree: ast.Module) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = [word.value for word in call.keywords if word.arg in ("title", "caption")]
        if isinstance(call.func, ast.Attribute) and call.func.attr == "set_caption":
            given += call.args[:1]
        for words in map(_literal, given):
            found = _OUTCOME.search(words) or (_SUPERLATIVE.search(words) if _GAP not in words else None)
            if found:
                yield (
                    f"the title {words.replace(_GAP, '…')[:50]!r} says how it came out ({found[0]!r}): a function "
                    "'..._title' makes it from the numbers, and tests/notebooks/expected tries it with both outcomes"
                )


def _literal(value: ast.expr) -> str:
    """What is the same whatever comes out, with a gap for what is computed."""
    if isinstance(value, ast.JoinedStr):
        return "".join(map(_literal, value.values))
    if isinstance(value, ast.BinOp):
        return f"{_literal(value.left)}{_literal(value.right)}"
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else _GAP


def _check_core_records(tree: ast.Module, deeper: bool) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "record":
            said = {word.arg: word.value for word in call.keywords}.get("core")
            core = not (isinstance(said, ast.Constant) and said.value is False)
            if core == deeper:
                wanted = "core=False" if deeper else "no core=False"
                yield f"a record in a {'deeper' if deeper else 'core'} cell says {wanted}"


def _check_answer(cells: list[Any], tree: ast.Module) -> Iterator[str]:
    """Find statements of a solution that stand in a check as well."""
    answers: set[str] = set()
    for cell in cells:
        if any(tag in EXERCISES for tag in tags(cell)):
            given = set(_statements(ast.parse(markers.without_solutions(cell.source, stub="pass"))))
            answers |= set(_statements(ast.parse(markers.without_markers(cell.source)))) - given
    for statement in sorted(answers & set(_statements(tree))):
        yield f"the check contains a line of the answer ({statement[:60]!r}): try its behaviour instead"


def _statements(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.Return)) and node.value is not None:
            text = ast.unparse(node.value)
            if len(text) > _SHORT:
                yield text
