"""Environments beside the course's, for packages that cannot share one with it: each is a second kernel in JupyterLab.

A folder ``notebooks/companions/NAME`` holds ``pyproject.toml`` (what is wanted, and in ``[tool.vigilant]`` what is this
companion's own) and ``requirements.lock`` (what that gave, with hashes). ``make`` runs this file in the course's
environment; it needs the standard library alone::

    python -m helpers.course.companions setup     # .venv/companions/NAME and a kernel for each
    python -m helpers.course.companions lock      # the locks, from the folders' pyproject.toml
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from helpers.course import environment
from helpers.course.environment import LOCK, PLATFORMS, PYTHON, ROOT, VENV, Entry, entries

FOLDER = ROOT / "notebooks" / "companions"
_KEYS = ("title", "shared", "from-source", "environment")  # of [tool.vigilant]


@dataclass(frozen=True)
class Companion:
    """What ``[tool.vigilant]`` in a companion's ``pyproject.toml`` says.

    Attributes
    ----------
    title : str
        The kernel's name, as JupyterLab shows it.
    shared : tuple of str
        Distributions that it holds in the versions of the course's lock.
    from_source : tuple of str
        Those without a wheel: pure Python, built here from a source with its hash, by the lock's setuptools.
    environment : dict of str to str
        Variables that its kernel starts with.
    """

    title: str
    shared: tuple[str, ...]
    from_source: tuple[str, ...]
    environment: dict[str, str]


def setup() -> None:
    """Make every companion's environment hold what its lock says and nothing else, and this package; add its kernel.

    Raises
    ------
    SystemExit
        With one sentence, if a step fails.
    """
    for name in names():
        started = time.monotonic()
        from_source, wanted = read(name).from_source, read_lock(name)
        venv = VENV / "companions" / name
        if sys.platform == "darwin":
            environment.say(f"the {name} companion was run on Linux; for macOS its packages were resolved, and no more")
        _make_venv(venv)
        source = [entry for entry in wanted if entry.name in from_source]
        wheels = [entry for entry in wanted if entry.name not in from_source]
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
    course = entries(LOCK.read_text(encoding="utf-8"))
    for name in names():
        companion, file = read(name), lock_file(name)
        shared = "".join(entry.text for entry in course if entry.name in companion.shared)
        built = tuple(part for wheelless in companion.from_source for part in ("--no-binary", wheelless))
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        text = environment.merged(
            {
                system: environment.resolve(
                    system, before, (*built, *options), under=shared, project=project_file(name)
                )
                for system in PLATFORMS
            }
        )
        file.write_text(_header(companion) + text, encoding="utf-8")
        environment.say(f"{len(entries(text))} versions in {file.relative_to(ROOT)}")


def names() -> list[str]:
    """Name the companions.

    Returns
    -------
    list of str
        The folders with a ``pyproject.toml``, sorted.
    """
    return sorted(file.parent.name for file in FOLDER.glob("*/pyproject.toml"))


def read(name: str) -> Companion:
    """Read what is a companion's own.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    Companion
        From ``[tool.vigilant]``; what it leaves out is empty.

    Raises
    ------
    SystemExit
        If there is no such companion, it has no title, or a key is unknown.
    """
    file = project_file(name)
    if not file.is_file():
        raise SystemExit(f"there is no companion {name!r}. These are there: {', '.join(names()) or 'none'}")
    found = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("vigilant", {})
    unknown = found.keys() - _KEYS
    if unknown or "title" not in found:
        problem = f"{sorted(unknown)[0]!r} is unknown" if unknown else "'title' is missing"
        raise SystemExit(f"[tool.vigilant] in {file}: {problem}. It takes {', '.join(_KEYS)}; the title must be there")
    return Companion(
        found["title"],
        tuple(found.get("shared", ())),
        tuple(found.get("from-source", ())),
        dict(found.get("environment", {})),
    )


def project_file(name: str) -> Path:
    """Name the file that says what a companion holds.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    pathlib.Path
        ``notebooks/companions/NAME/pyproject.toml``.
    """
    return FOLDER / name / "pyproject.toml"


def lock_file(name: str) -> Path:
    """Name the lock of a companion.

    Parameters
    ----------
    name : str
        One of :func:`names`.

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
        One of :func:`names`.

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
        One of :func:`names`.

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
        One of :func:`names`.
    venv : pathlib.Path
        The companion's environment.
    prefix : pathlib.Path
        The environment that JupyterLab runs in.

    Returns
    -------
    pathlib.Path
        The kernel's file. It names this machine's folder, so it lies outside of what is committed.
    """
    companion = read(name)
    file = prefix / "share" / "jupyter" / "kernels" / kernel_name(name) / "kernel.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    kernel = {
        "argv": [str(venv / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": companion.title,
        "language": "python",
        "metadata": {"debugger": True},
        "env": companion.environment,
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


def _header(companion: Companion) -> str:
    last = "; what has no wheel (--no-binary) comes last, from its source" if companion.from_source else ""
    return f"""\
# Every version that this companion's kernel holds, with its hashes: Python {PYTHON}, Linux x86-64 and macOS arm64.
# Made by 'make lock' from the pyproject.toml beside it, which says what is left out and why; do not edit.
# 'make companions' installs it without dependencies{last}.
--only-binary :all:
{"".join(f"--no-binary {name}{chr(10)}" for name in companion.from_source)}"""


if __name__ == "__main__":
    commands = {"setup": setup, "lock": lock}
    if len(sys.argv) < 2 or sys.argv[1] not in commands or (len(sys.argv) > 2 and sys.argv[1] != "lock"):
        raise SystemExit(f"usage: {Path(__file__).name} {{{','.join(commands)}}}")
    commands[sys.argv[1]](*sys.argv[2:])
