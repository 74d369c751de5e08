"""Environments beside the course's, for packages that cannot share one with it: each is a second kernel in JupyterLab.

A folder ``notebooks/companions/NAME`` holds ``pyproject.toml`` (what is wanted) and ``requirements.lock`` (what that
gave, with hashes). ``make`` runs this file in the course's environment; it needs the standard library alone::

    python -m helpers.course.companions setup     # .venv/companions/NAME and a kernel for each
    python -m helpers.course.companions lock      # the locks, from the folders' pyproject.toml
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from helpers.course import environment
from helpers.course.environment import LOCK, PLATFORMS, PYTHON, ROOT, VENV, Entry, entries

FOLDER = ROOT / "notebooks" / "companions"
TITLES = {"fairness": "Vigilant Vision: fairness companion"}
# Whatever both environments hold and hand to each other, they hold in one version.
_SHARED = ("fairlearn", "keras", "numpy", "tensorflow", "tensorflow-cpu")
# There is no wheel of it: pure Python, built here from a source with its hash, by the lock's setuptools.
_FROM_SOURCE = ("rouge-score",)


def setup() -> None:
    """Make every companion's environment hold what its lock says and nothing else, and this package; add its kernel.

    Raises
    ------
    SystemExit
        With one sentence, if a step fails.
    """
    for name in TITLES:
        started = time.monotonic()
        wanted = read_lock(name)
        venv = VENV / "companions" / name
        if sys.platform == "darwin":
            environment.say(f"the {name} companion was run on Linux; for macOS its packages were resolved, and no more")
        _make_venv(venv)
        source = [entry for entry in wanted if entry.name in _FROM_SOURCE]
        wheels = [entry for entry in wanted if entry.name not in _FROM_SOURCE]
        environment.install(f"installing {len(wheels)} packages for the {name} companion", wheels, "--exact", venv=venv)
        if source:
            built = [part for entry in source for part in ("--no-binary", entry.name)]
            environment.install("building what has no wheel", source, *built, "--no-build-isolation", venv=venv)
        environment.install_helpers(venv)
        write_kernel(name, venv)
        environment.run_step(
            "compiling", venv / "bin" / "python", "-m", "compileall", "-qq", "-j", "0", venv / "lib", check=False
        )
        environment.say(
            f"{name} companion ready in {time.monotonic() - started:.0f} s, {_megabytes(venv):,} MB on disk"
        )


def lock(*options: str) -> None:
    """Resolve every companion's ``pyproject.toml`` into its ``requirements.lock``.

    Parameters
    ----------
    *options : str
        For uv, ``--upgrade`` or ``--upgrade-package NAME``: without them every version stays that still fits.

    Raises
    ------
    SystemExit
        With one sentence, if nothing can be resolved.
    """
    shared = "".join(entry.text for entry in entries(LOCK.read_text(encoding="utf-8")) if entry.name in _SHARED)
    built = tuple(part for name in _FROM_SOURCE for part in ("--no-binary", name))
    for name in TITLES:
        file = lock_file(name)
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        project = FOLDER / name / "pyproject.toml"
        text = environment.merged(
            {
                system: environment.resolve(system, before, (*built, *options), under=shared, project=project)
                for system in PLATFORMS
            }
        )
        file.write_text(_HEADER + text, encoding="utf-8")
        environment.say(f"{len(entries(text))} versions in {file.relative_to(ROOT)}")


def lock_file(name: str) -> Path:
    """Name the lock of a companion.

    Parameters
    ----------
    name : str
        A key of :data:`TITLES`.

    Returns
    -------
    pathlib.Path
        ``notebooks/companions/NAME/requirements.lock``.
    """
    return FOLDER / name / "requirements.lock"


def kernel_name(name: str) -> str:
    """Name the kernel of a companion, as notebooks ask for it.

    Parameters
    ----------
    name : str
        A key of :data:`TITLES`.

    Returns
    -------
    str
        ``vigilant-NAME``.
    """
    return f"vigilant-{name}"


def read_lock(name: str) -> list[Entry]:
    """Read what a companion holds on this platform.

    Parameters
    ----------
    name : str
        A key of :data:`TITLES`.

    Returns
    -------
    list of Entry
        The distributions, in the file's order.

    Raises
    ------
    SystemExit
        If there is no lock.
    """
    file = lock_file(name)
    if not file.is_file():
        raise SystemExit(
            f"there is no {file}, which says what the {name} companion holds. Run 'make lock' and try again"
        )
    return entries(file.read_text(encoding="utf-8"), sys.platform)


def write_kernel(name: str, venv: Path, prefix: Path = VENV) -> Path:
    """Add a companion to the kernels of an environment's JupyterLab.

    Parameters
    ----------
    name : str
        A key of :data:`TITLES`.
    venv : pathlib.Path
        The companion's environment.
    prefix : pathlib.Path
        The environment that JupyterLab runs in.

    Returns
    -------
    pathlib.Path
        The kernel's file. It names this machine's folder, so it lies outside of what is committed.
    """
    file = prefix / "share" / "jupyter" / "kernels" / kernel_name(name) / "kernel.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    kernel = {
        "argv": [str(venv / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": TITLES[name],
        "language": "python",
        "metadata": {"debugger": True},
        "env": {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"},  # else half a page before the first line
    }
    file.write_text(json.dumps(kernel, indent=1), encoding="utf-8")
    return file


def _make_venv(venv: Path) -> None:
    if not (venv / "bin" / "python").exists():
        shutil.rmtree(venv, ignore_errors=True)
        python = VENV / "bin" / "python"
        environment.run_step(
            f"making {venv.relative_to(ROOT)} with Python {PYTHON}",
            *[python, "-m", "uv", "venv", "--quiet", "--python", python, venv],
        )


def _megabytes(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()) // 1_000_000


_HEADER = f"""\
# Every version that this companion's kernel holds, with its hashes: Python {PYTHON}, Linux x86-64 and macOS arm64.
# Made by 'make lock' from the pyproject.toml beside it, which says what is left out and why; do not edit.
# 'make companions' installs it without dependencies; what has no wheel (--no-binary) comes last, from its source.
--only-binary :all:
{"".join(f"--no-binary {name}" for name in _FROM_SOURCE)}
"""


if __name__ == "__main__":
    commands = {"setup": setup, "lock": lock}
    if len(sys.argv) < 2 or sys.argv[1] not in commands or (len(sys.argv) > 2 and sys.argv[1] != "lock"):
        raise SystemExit(f"usage: {Path(__file__).name} {{{','.join(commands)}}}")
    commands[sys.argv[1]](*sys.argv[2:])
