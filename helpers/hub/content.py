"""The notebooks as students get them: a bare git repository with one branch, at the commit that is installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from helpers.errors import CourseError
from helpers.hub.start import BRANCH


def publish(checkout: Path, target: Path) -> str:
    """Put the checkout's current commit into the repository that students' copies are made from.

    Parameters
    ----------
    checkout : pathlib.Path
        The course's folder, a git checkout.
    target : pathlib.Path
        A bare repository; made if it is not there.

    Returns
    -------
    str
        The commit.

    Raises
    ------
    CourseError
        If the folder is no git checkout, or git is not installed.
    """
    try:
        commit = _git("-C", checkout, "rev-parse", "HEAD")
        _git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", target)
        # A shallow clone has no whole history to give away, and needs none.
        _git("-C", target, "config", "receive.shallowUpdate", "true")
        _git("-C", checkout, "push", "--quiet", "--force", target, f"HEAD:refs/heads/{BRANCH}")
    except FileNotFoundError:
        raise CourseError("git is not installed, and students' copies of the notebooks are made with it") from None
    except subprocess.CalledProcessError as error:
        raise CourseError(
            f"the notebooks in {checkout} cannot be given to students: {error.stderr.strip()}. The folder must be a "
            "git checkout with a commit (git clone, not a downloaded archive)."
        ) from None
    return commit


def _git(*arguments: str | Path) -> str:
    command = ["git", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
