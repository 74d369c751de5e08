"""The command ``python -m benchmarks``: which parts, how many rounds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from benchmarks import attacks, explain, harness, privacy, serving
from helpers.errors import CourseError

AXES: tuple[ModuleType, ...] = (explain, attacks, privacy, serving)
"""Each has ``PARTS`` (by name: given its ``subject()`` and a number of rounds, rows), ``IMPORTED`` and ``ABOUT``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed; taken from the process if not given.

    Returns
    -------
    int
        0 if everything was measured, 1 if a peer is missing. A missed target is said, and is no failure, for how busy
        a machine is says nothing about the code.
    """
    parser = argparse.ArgumentParser(
        prog="vigilant bench", description="Time the course's functions beside other libraries', in one run."
    )
    known = [part for axis in AXES for part in axis.PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(known)} (default: all)")
    parser.add_argument("--repeats", type=_rounds, default=7, metavar="N", help="rounds of measurement (default: 7)")
    parser.add_argument(
        "--store", action="store_true", help="keep the numbers in benchmarks/results/, where there are any"
    )
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in known]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(known)}")
    harness.see_peers()
    try:
        _measure_and_print(options.parts or known, options.repeats)
        if options.store:
            for path in harness.store(options.parts or known):
                print(f"kept {path}: 'vigilant tables' shows it")
    except CourseError as error:
        print(f"vigilant: {error}", file=sys.stderr)
        return 1
    return 0


def _measure_and_print(names: Sequence[str], repeats: int) -> None:
    axes = [axis for axis in AXES if set(axis.PARTS) & set(names)]
    modules = list(dict.fromkeys(module for axis in axes for module in axis.IMPORTED))
    harness.check_installed(modules)
    print(harness.setting(modules))
    rows: list[harness.Row] = []
    for axis in axes:
        print(axis.ABOUT, flush=True)
        parts: list[Callable[[Any, int], list[harness.Row]]] = [
            axis.PARTS[name] for name in axis.PARTS if name in names
        ]
        subject = axis.subject()
        with harness.equal_threads(), harness.quiet():
            rows += [row for part in parts for row in part(subject, repeats)]
    print("\n" + harness.table(rows))
    print("\n" + harness.verdict(rows, repeats))


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"rounds are a whole number from 1, not {text!r}")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
