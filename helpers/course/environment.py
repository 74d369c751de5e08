"""Set-up of the course's environment: ``make`` runs this file with the bare interpreter.

It needs nothing but Python 3.11's standard library, because it runs before anything is installed::

    python3.11 helpers/course/environment.py setup     # .venv from requirements.lock
    python3.11 helpers/course/environment.py lock      # requirements.lock and environment.yml from pyproject.toml
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
ENVIRONMENT = ROOT / "environment.yml"
BINDER = ROOT / "binder" / "environment.yml"  # Binder reads nothing above its folder
VENV = ROOT / ".venv"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
# uv's names for the platform the lock is made for: glibc 2.28, Linux x86-64 (Debian 10, Ubuntu 20.04 and newer).
PLATFORM = "x86_64-manylinux_2_28"
# Installed without their dependencies: they ask for opencv-python, and opencv-python-headless is what they get.
WITHOUT_DEPENDENCIES = ("quantus", "tf-explain")


def pins(lock: str) -> dict[str, str]:
    """Read names and versions out of the text of ``requirements.lock``.

    Parameters
    ----------
    lock : str
        The file's text.

    Returns
    -------
    dict of str to str
        Version by distribution name, in the file's order.
    """
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE))


def environment_yml(lock: str) -> str:
    """Make the conda and Binder view of the lock.

    Parameters
    ----------
    lock : str
        The text of ``requirements.lock``.

    Returns
    -------
    str
        The text of ``environment.yml``.
    """
    versions = pins(lock)
    late = [f"{name}=={versions[name]}" for name in WITHOUT_DEPENDENCIES]
    lines = [
        "# Made from requirements.lock by 'make lock'; do not edit. For conda:",
        "#   conda env create -f environment.yml && conda activate vigilant-vision",
        f"#   pip install --no-deps {' '.join(late)} -e .",
        "# These come last and without dependencies: they would bring a second build of OpenCV.",
        "name: vigilant-vision",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
        f"      - --extra-index-url {TORCH_INDEX}",
    ]
    lines += [f"      - {name}=={version}" for name, version in versions.items() if name not in WITHOUT_DEPENDENCIES]
    return "\n".join(lines) + "\n"


def setup() -> None:
    """Make ``.venv`` hold what ``requirements.lock`` says, and this package in editable form.

    Raises
    ------
    SystemExit
        With one sentence, if a step fails.
    """
    started = time.monotonic()
    versions = pins(LOCK.read_text())
    python = VENV / "bin" / "python"
    if not python.exists() or _version_of(python) != "3.11":
        _say("making .venv")
        venv.create(VENV, with_pip=True, clear=True)
    _run(
        "installing uv",
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        f"uv=={versions['uv']}",
    )
    _install_torch(python, versions["torch"])
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as rest:
        rest.write("\n".join(f"{name}=={version}" for name, version in versions.items() if name != "torch"))
        rest.flush()
        _run(f"installing {len(versions)} packages (about 1 GB the first time)", *_uv(python, "-r", rest.name))
    _run("installing helpers", *_uv(python, "--no-build-isolation", "-e", str(ROOT)))
    quiet_jupyter(VENV)
    # Otherwise the first notebook pays for it, in its measured seconds.
    _run("compiling", python, "-m", "compileall", "-q", "-q", "-j", "0", str(VENV / "lib"), check=False)
    _say(f"ready in {time.monotonic() - started:.0f} s")


def lock() -> None:
    """Resolve ``pyproject.toml`` into ``requirements.lock``, and write ``environment.yml`` from it.

    Raises
    ------
    SystemExit
        With one sentence, if nothing can be resolved.
    """
    python = VENV / "bin" / "python"
    # A folder of wheels that pip was told of stands in for PyTorch's index where that cannot be reached.
    wheels = os.environ.get("PIP_FIND_LINKS")
    where = ["--no-sources", "--find-links", wheels] if wheels else []
    with tempfile.TemporaryDirectory() as folder:
        resolved = Path(folder, "resolved.txt")
        _run(
            "resolving",
            *[str(python), "-m", "uv", "pip", "compile", "--quiet", "--all-extras", "--no-header", *where],
            *["--python-version", "3.11", "--python-platform", PLATFORM, "-o", str(resolved), "pyproject.toml"],
        )
        text = "\n".join(line for line in resolved.read_text().splitlines() if not line.startswith("--"))
    if "+cpu" not in pins(text)["torch"]:
        raise SystemExit(f"the lock would name torch {pins(text)['torch']}, not its CPU build; nothing was written")
    header = (
        "# Every version of the course, for Python 3.11 on Linux x86-64. Made by 'make lock'; do not edit.\n"
        "# Install with 'make', or by hand without dependencies: pip install --no-deps -r requirements.lock\n"
        f"--extra-index-url {TORCH_INDEX}\n"
    )
    LOCK.write_text(header + text + "\n")
    for file in (ENVIRONMENT, BINDER):
        file.write_text(environment_yml(LOCK.read_text()))
    _say(f"{len(pins(text))} versions in {LOCK.name} and {ENVIRONMENT.name}")


def _install_torch(python: Path, version: str) -> None:
    # First from wherever this machine's pip is told to look, so that a mirror or a folder of wheels is enough.
    step = "installing torch, CPU build"
    if _run(step, *_uv(python, f"torch=={version}"), check=False, quiet=True):
        _run(f"{step}, from PyTorch's own index", *_uv(python, "--default-index", TORCH_INDEX, f"torch=={version}"))


def quiet_jupyter(prefix: Path) -> None:
    """Turn off what would only puzzle students: nbgrader's menus, and a question about news.

    nbgrader is here for its preprocessors.

    Parameters
    ----------
    prefix : pathlib.Path
        The environment's folder.
    """
    settings = prefix / "etc" / "jupyter"
    extensions = ("formgrader", "validate_assignment", "assignment_list", "course_list")
    server = {
        "ServerApp": {"jpserver_extensions": {f"nbgrader.server_extensions.{name}": False for name in extensions}}
    }
    lab = {"disabledExtensions": {"@jupyter/nbgrader": True, "@jupyterlab/apputils-extension:announcements": True}}
    for path, content in (("jupyter_server_config.d/zz-vigilant.json", server), ("labconfig/page_config.json", lab)):
        (settings / path).parent.mkdir(parents=True, exist_ok=True)
        (settings / path).write_text(json.dumps(content, indent=1))


def _uv(python: Path, *arguments: str) -> list[str]:
    wheels = os.environ.get("PIP_FIND_LINKS")
    where = ["--find-links", wheels] if wheels else []
    return [
        str(python),
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--python",
        str(python),
        *where,
        *arguments,
    ]


def _run(what: str, *command: str | Path, check: bool = True, quiet: bool = False) -> int:
    _say(what)
    silent = subprocess.DEVNULL if quiet else None
    code = subprocess.run([str(part) for part in command], stderr=silent, cwd=ROOT).returncode
    if check and code:
        raise SystemExit(
            f"set-up stopped while {what} (exit status {code}); the lines above say why. Run the same command again."
        )
    return code


def _version_of(python: Path) -> str:
    command = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _say(text: str) -> None:
    print(f"[set-up] {text}", flush=True)


if __name__ == "__main__":
    if sys.version_info[:2] != (3, 11):
        raise SystemExit(
            f"the course needs Python 3.11, and this is {sys.version.split()[0]}. Install python3.11 "
            "(with its venv module) and name it: make PYTHON=/path/to/python3.11 course"
        )
    commands = {"setup": setup, "lock": lock}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit(f"usage: {Path(__file__).name} {{{','.join(commands)}}}")
    commands[sys.argv[1]]()
