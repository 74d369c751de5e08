"""``make test``: what only reads comes first, and nothing longer is begun where it fails; at the end, what each took.

Two lanes run side by side. The tests of the hub and of images wait (for the servers of students, for packages) and then
those of programs begin, while the library's compute in the other lane and then the notebooks, two at a time. So that
neither keeps the other waiting, each process has one thread where nobody has set another number.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from helpers.course.processes import ONE_THREAD

_RULES = "tests/notebooks/test_sources.py"
# Both build an image on one Debian, which is made once in a run of pytest.
_HUB = ("tests/jupyterhub", "tests/deploy")
# What starts programs and waits for them, or for a whole measurement at toy size.
_PROGRAMS = tuple(
    f"tests/{room}"
    for room in ("benchmarks", "binder", "companions", "course", "pipeline", "rivals", "scorecard", "serving")
)
_APART = (*_HUB, *_PROGRAMS, "tests/notebooks")
STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "rules": ["pytest", _RULES],
    "units": ["pytest", "tests", *(f"--ignore={each}" for each in _APART)],
    "hub": ["pytest", *_HUB],
    "programs": ["pytest", *_PROGRAMS],
    "notebooks": ["pytest", "tests/notebooks", f"--ignore={_RULES}"],
}
READING = ("format", "lint", "types", "rules")
# Side by side, the steps of a lane one after the other; the longer lane first, because it is seen as it goes.
LANES = (("units", "notebooks"), ("hub", "programs"))


@dataclass(frozen=True)
class Took:
    """How a step went.

    Attributes
    ----------
    step : str
        Its name.
    passed : bool
        Whether its command gave 0.
    seconds : float
        From its start to its end.
    """

    step: str
    passed: bool
    seconds: float

    def __str__(self) -> str:
        return f"{self.step:<10} {self.seconds:7.0f} s  {'passed' if self.passed else 'FAILED'}"


def main(arguments: list[str]) -> int:
    """Run all steps, or those that were named.

    Parameters
    ----------
    arguments : list of str
        Names of steps; all of them if empty.

    Returns
    -------
    int
        0 if every step passed, 1 if one failed, 2 if a name is none of a step.
    """
    if unknown := set(arguments) - set(STEPS):
        print(f"no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}", file=sys.stderr)
        return 2
    wanted = arguments or list(STEPS)
    done = [_took(step, None) for step in READING if step in wanted]
    if all(took.passed for took in done):
        done += _side_by_side([[step for step in lane if step in wanted] for lane in LANES])
    begun = [took.step for took in done]
    print("\n".join([*map(str, done), *(f"{step:<10}       -    not begun" for step in wanted if step not in begun)]))
    return len(begun) < len(wanted) or not all(took.passed for took in done)


def _side_by_side(lanes: Sequence[Sequence[str]]) -> list[Took]:
    """Run lanes of steps at the same time: the first is seen as it goes, the steps of others when they have ended."""
    seen, *others = [lane for lane in lanes if lane] or [[]]
    with ThreadPoolExecutor(max(len(others), 1)) as pool, tempfile.TemporaryDirectory() as folder:

        def beside(lane: Sequence[str]) -> list[Took]:
            return [_took(step, Path(folder) / step) for step in lane]

        running = [pool.submit(beside, lane) for lane in others]
        return [*(_took(step, None) for step in seen), *(took for lane in running for took in lane.result())]


def _took(step: str, log: Path | None) -> Took:
    root = Path(__file__).resolve().parents[2]
    print(f"[{step}] {' '.join(STEPS[step])}{' (said when it ends)' if log else ''}", flush=True)
    started = time.monotonic()
    if log is None:
        code = _execute(step, root, None)
    else:
        with log.open("w+", encoding="utf-8", errors="replace") as said:
            code = _execute(step, root, said)
            said.seek(0)
            print(f"[{step}]\n{said.read()}", flush=True)
    return Took(step, code == 0, time.monotonic() - started)


def _execute(step: str, root: Path, said: IO[str] | None) -> int:
    command = [sys.executable, "-m", *STEPS[step]]
    return subprocess.run(command, cwd=root, env=ONE_THREAD | os.environ, stdout=said, stderr=said).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
