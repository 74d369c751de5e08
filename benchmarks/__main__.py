"""The command ``python -m benchmarks``: which parts, how many rounds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import explain
from helpers.errors import CourseError


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed; taken from the process if not given.

    Returns
    -------
    int
        0 if everything was measured, 1 if a peer is missing. A missed target is said, and is no failure.
    """
    parser = argparse.ArgumentParser(prog="vigilant bench", description=sys.modules["benchmarks"].__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(explain.PARTS)} (default: all)")
    parser.add_argument("--repeats", type=_rounds, default=7, metavar="N", help="rounds of measurement (default: 7)")
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in explain.PARTS]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(explain.PARTS)}")
    try:
        return explain.main(options.parts or explain.PARTS, options.repeats)
    except CourseError as error:
        print(f"vigilant: {error}", file=sys.stderr)
        return 1


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"rounds are a whole number from 1, not {text!r}")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
