"""What runs before a student's server, in the image as on one machine: ``python -m helpers.hub.start COMMAND ...``.

It brings the notebooks into the home (nbgitpuller: what the student changed stays), puts runtime files and databases
where a full home does not matter, and then becomes COMMAND. Settings come from the environment:

=====================  ==========================================================================
VIGILANT_CONTENT       the git repository of the notebooks, at the very commit that ``helpers`` is from
VIGILANT_SCRATCH       a folder outside the home for what need not be kept; it is emptied
JUPYTER_RUNTIME_DIR    a folder with a short path for sockets; otherwise it is in VIGILANT_SCRATCH
VIGILANT_SHARED_CACHE  data sets and models made beforehand, read only; shown through links
=====================  ==========================================================================
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BRANCH = "course"
FOLDER = "course"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SECONDS = 60


class HomeError(OSError):
    """The home cannot be used at all."""


def main(arguments: list[str]) -> None:
    """Prepare the home, then become the command.

    Parameters
    ----------
    arguments : list of str
        The command with its arguments; ``jupyterhub-singleuser`` on a hub.

    Raises
    ------
    SystemExit
        If there is no command, or the home cannot be written.
    """
    if not arguments:
        raise SystemExit(f"usage: python -m {__spec__.name} COMMAND [ARGUMENT ...]" if __spec__ else "no command")
    home = Path.home()
    scratch = Path(os.environ.get("VIGILANT_SCRATCH") or "/tmp/vigilant")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        check_home(home)
        scratch.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise SystemExit(f"[start] {error}") from None
    environment = {**os.environ, **settings(home, scratch, os.environ)}
    if shared := os.environ.get("VIGILANT_SHARED_CACHE"):
        link_cache(Path(shared), Path(environment["VIGILANT_CACHE"]))
    if content := os.environ.get("VIGILANT_CONTENT"):
        _tell(update(content, home / FOLDER), Path(environment["VIGILANT_NOTICE"]))
    os.execvpe(arguments[0], arguments, environment)


def check_home(home: Path) -> None:
    """Try to write to a home; a full one is fine, because nothing here needs room in it.

    Parameters
    ----------
    home : pathlib.Path
        The folder.

    Raises
    ------
    HomeError
        If it is not there or nothing can be written in it.
    """
    probe = home / f".vigilant-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        if error.errno in _FULL:
            return
        raise HomeError(
            f"the home {home} cannot be written ({error.strerror}). Its owner must be uid {os.geteuid()}, and its "
            "volume not read-only."
        ) from None


def settings(home: Path, scratch: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Say which folders programs shall use.

    Parameters
    ----------
    home, scratch : pathlib.Path
        Where things are kept, and where they are not.
    given : mapping of str to str
        The environment so far; what it says about the cache and about sockets is kept.

    Returns
    -------
    dict of str to str
        Environment variables.
    """
    return {
        # Sockets, kernels' connection files, the database of trusted notebooks, IPython's history, lab's open tabs.
        "JUPYTER_RUNTIME_DIR": given.get("JUPYTER_RUNTIME_DIR") or str(scratch / "runtime"),
        "JUPYTER_DATA_DIR": str(scratch / "jupyter"),
        "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "KERAS_HOME": str(scratch / "keras"),
        "XDG_CACHE_HOME": str(scratch / "cache"),
        # What the student measured is kept: notebook 13 reads it weeks later.
        "VIGILANT_BUILD": str(home / "results"),
        "VIGILANT_CACHE": given.get("VIGILANT_CACHE") or str(scratch / "models"),
        "VIGILANT_NOTICE": str(scratch / "notice.txt"),
    }


def link_cache(shared: Path, own: Path) -> None:
    """Show a read-only cache inside a private one, so that what is there is read and what is new can be written.

    Parameters
    ----------
    shared : pathlib.Path
        The cache made beforehand.
    own : pathlib.Path
        The student's; folders are made in it, files become links.
    """
    for folder, _, files in os.walk(shared):
        target = own / Path(folder).relative_to(shared)
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            if not name.endswith(".lock"):  # a lock must be writable, so each student has their own
                (target / name).symlink_to(Path(folder, name))


def update(content: str, folder: Path) -> str | None:
    """Bring the notebooks, or their changes, into a folder; what the student changed wins.

    Parameters
    ----------
    content : str
        A git repository (path or address) with the branch ``course``.
    folder : pathlib.Path
        The student's copy; made if it is not there.

    Returns
    -------
    str or None
        What went wrong, in words for the student; None if all is well.
    """
    command = [sys.executable, "-m", "nbgitpuller.pull", content, BRANCH, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, cwd="/", check=False)
        problem = "" if done.returncode == 0 else (done.stdout + done.stderr)
    except subprocess.TimeoutExpired:
        problem = f"no answer within {_SECONDS} s"
    print(f"[start] notebooks: {problem.strip() or 'up to date'}", flush=True)
    if problem and ("No space left" in problem or "Disk quota" in problem):
        return "Your home is full, so the notebooks could not be updated. Delete what you do not need, then restart."
    if problem:
        return (
            f"The notebooks in {folder} could not be updated and may not fit the installed helpers. Your work is "
            "untouched: rename that folder and restart your server to get a fresh copy beside it."
        )
    return (
        None
        if _same_commit(content, folder)
        else (f"The notebooks in {folder} are not at the version that helpers was installed from.")
    )


def _same_commit(content: str, folder: Path) -> bool:
    # The student's own commits lie on top, so the question is whether the installed version is among their ancestors.
    wanted = _git("ls-remote", content, f"refs/heads/{BRANCH}").split()[:1]
    return bool(wanted) and _git("-C", str(folder), "merge-base", "--is-ancestor", wanted[0], "HEAD", says="no") == ""


def _git(*arguments: str, says: str = "") -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else says


def _tell(problem: str | None, notice: Path) -> None:
    if problem:
        notice.write_text(f"{problem}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
