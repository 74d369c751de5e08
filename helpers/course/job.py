"""What the runner and the process that executes a notebook tell each other: files in a folder of their own."""

from __future__ import annotations

import copy
import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CELL = "<cell>"  # in a message: the place of the cell that is meant, which the runner knows
AGAIN = "-again"  # what ids of cells of the second half end in, where a notebook is run twice over
KERNEL_DIED = (
    "the kernel died in this cell or right behind the one before: killed from outside, out of memory, crashed in "
    "native code, or ended by the notebook itself (os._exit, quit)"
)


@dataclass(frozen=True)
class Job:
    """What is to be executed, and how.

    Attributes
    ----------
    scratch : str
        The folder of this job; it lasts as long as the run.
    notebook : str
        The notebook to execute, in that folder.
    parameters : dict
        Values that replace the notebook's own.
    folder : str
        Where the kernel works.
    cell_limit : int
        Seconds that one cell may take.
    """

    scratch: str
    notebook: str
    parameters: dict[str, Any]
    folder: str
    cell_limit: int

    @property
    def executed(self) -> Path:
        """Where the executed copy is written."""
        return Path(self.scratch) / "executed.ipynb"


def doubled(notebook: Any) -> Any:
    """Put all cells of a notebook behind themselves once more.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook, with the stored outputs that are compared.

    Returns
    -------
    nbformat.NotebookNode
        Twice its cells; those of the second half have ids of their own.
    """
    twice = copy.deepcopy(notebook)
    for cell in copy.deepcopy(notebook.cells):
        cell.id += AGAIN
        twice.cells.append(cell)
    return twice


def write_job(job: Job) -> Path:
    """Write a job into its folder.

    Parameters
    ----------
    job : Job
        What to do.

    Returns
    -------
    pathlib.Path
        The file, for :func:`read_job` in the other process.
    """
    path = Path(job.scratch) / "job.json"
    path.write_text(json.dumps(asdict(job)))
    return path


def read_job(path: str) -> Job:
    """Read a job, in the process that is to do it; that process ends when the one that started it is gone.

    Parameters
    ----------
    path : str
        What :func:`write_job` gave.

    Returns
    -------
    Job
        What to do.
    """
    _end_with_parent()
    return Job(**json.loads(Path(path).read_text()))


def note_cell(scratch: str | Path, identifier: str) -> None:
    """Say which cell runs; who reads it at the same moment finds the old note or the new one, whole.

    Parameters
    ----------
    scratch : str or pathlib.Path
        The job's folder.
    identifier : str
        Id of the cell.
    """
    temporary = Path(scratch) / "cell.part"
    temporary.write_text(identifier)
    temporary.replace(Path(scratch) / "cell")


def running_cell(scratch: str | Path) -> str | None:
    """Read which cell was started last.

    Parameters
    ----------
    scratch : str or pathlib.Path
        The job's folder.

    Returns
    -------
    str or None
        Its id; None before the first.
    """
    try:
        return (Path(scratch) / "cell").read_text()
    except FileNotFoundError:
        return None


def note_result(scratch: str | Path, status: str, error: str | None = None, cell: str | None = None) -> None:
    """Say how the run went.

    Parameters
    ----------
    scratch : str or pathlib.Path
        The job's folder.
    status : str
        ``"ok"``, ``"failed"`` or ``"timeout"``.
    error : str, optional
        What went wrong, in one line. :data:`CELL` in it stands for the place of the cell that is meant.
    cell : str, optional
        Id of the cell that is meant, where it is not the one that was started last.
    """
    (Path(scratch) / "result.json").write_text(json.dumps({"status": status, "error": error, "cell": cell}))


def not_run(count: int) -> str:
    """Say how many cells were left, to be put behind what ended the run.

    Parameters
    ----------
    count : int
        How many.

    Returns
    -------
    str
        Such as ``", 17 cells not run"``; empty where none was left.
    """
    return f", {count} cell{'s' * (count > 1)} not run" if count else ""


def read_result(scratch: str | Path) -> dict[str, Any] | None:
    """Read how the run went.

    Parameters
    ----------
    scratch : str or pathlib.Path
        The job's folder.

    Returns
    -------
    dict or None
        ``status``, ``error`` and ``cell`` as :func:`note_result` was told; None where nothing whole was written.
    """
    try:
        return dict(json.loads((Path(scratch) / "result.json").read_text()))
    except (FileNotFoundError, ValueError):
        return None


def _end_with_parent() -> None:
    """End this process when its parent is gone: one killed hard cannot clean up behind itself."""
    parent = os.getppid()

    def watch_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch_parent, daemon=True).start()
