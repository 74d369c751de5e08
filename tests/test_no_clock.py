"""No test asserts how many seconds of the clock something took: machines are shared, and slow ones are not wrong."""

import ast

import pytest

from tests.conftest import ROOT

# Functions that read the clock, and names that hold what they said. Processor seconds are another thing.
_READ = {
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "time.time_ns",
    "time.monotonic_ns",
    "time.perf_counter_ns",
}
_NAMES = ("seconds", "elapsed", "duration", "took")


def _is_of_the_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in _READ
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in _NAMES


def clock_assertions(text: str) -> list[int]:
    """Lines of a test file that compare the clock with a number other than 0."""
    found = []
    for statement in ast.walk(ast.parse(text)):
        if not isinstance(statement, ast.Assert):
            continue
        for comparison in (node for node in ast.walk(statement) if isinstance(node, ast.Compare)):
            ordered = any(isinstance(sign, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for sign in comparison.ops)
            above_zero = isinstance(comparison.ops[0], ast.Gt) and ast.unparse(comparison.comparators[0]) == "0"
            if ordered and not above_zero and any(_is_of_the_clock(node) for node in ast.walk(comparison)):
                found.append(statement.lineno)
    return found


def test_no_test_asserts_seconds_of_the_clock():
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if (lines := clock_assertions(path.read_text(encoding="utf-8")))
    }
    assert found == {}, "bound memory, CPU seconds or counts; to wait for something: tests.conftest.wait_until"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("assert time.monotonic() - started < 300", [1]),
        ("seconds = 3\nassert max(seconds) < 120", [2]),
        ("assert 8 < outcome.seconds < 18", [1]),
        ("assert best_of(5) <= time.perf_counter()", [1]),
        ("assert time.process_time() - started < 3", []),
        ("assert outcome.seconds > 0", []),
        ("assert (second.path, second.seconds) == (first.path, first.seconds)", []),
        ("assert outcome.cpu_seconds < 5", []),
    ],
)
def test_what_is_an_assertion_on_the_clock(text, lines):
    assert clock_assertions(text) == lines
