"""``make test``: format, lint, types, then every test; each step named, the first failure last to be seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "tests": ["pytest"],
}


def main(arguments: list[str]) -> int:
    """Run all steps, or those that were named.

    Parameters
    ----------
    arguments : list of str
        Names of steps; all of them if empty.

    Returns
    -------
    int
        0 if every step passed, else 1.
    """
    root = Path(__file__).resolve().parents[2]
    failed = []
    for name in arguments or STEPS:
        print(f"[{name}] {' '.join(STEPS[name])}", flush=True)
        if subprocess.run([sys.executable, "-m", *STEPS[name]], cwd=root).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
