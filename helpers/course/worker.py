"""The process that executes one notebook with papermill; :mod:`helpers.course.run` starts it and watches it.

It is a process of its own so that its memory can be measured together with the kernel's, and so that a notebook that
never ends can be ended without harm to the others.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill import execute_notebook
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError


def main(job_file: str) -> int:
    """Execute the notebook that a job file names, and write how it went beside it.

    Parameters
    ----------
    job_file : str
        JSON with ``notebook``, ``executed``, ``parameters``, ``folder``, ``cell_limit``, ``progress``, ``result``.

    Returns
    -------
    int
        0; how it went stands in the result file.
    """
    _end_with(os.getppid())
    job = json.loads(Path(job_file).read_text())
    papermill_engines.register("vigilant", _engine(Path(job["progress"])))
    result = {"status": "ok", "error": None}
    try:
        execute_notebook(
            job["notebook"],
            job["executed"],
            parameters=job["parameters"] or None,
            engine_name="vigilant",
            kernel_name="python3",
            progress_bar=False,
            cwd=job["folder"],
            execution_timeout=job["cell_limit"],
        )
    except PapermillExecutionError as error:
        result = {"status": "failed", "error": f"{error.ename}: {error.evalue}".rstrip(": ")}
    except CellTimeoutError:
        result = {"status": "timeout", "error": f"the cell ran longer than {job['cell_limit']} s"}
    except DeadKernelError:
        message = "the kernel died: killed from outside, out of memory, or crashed in native code"
        result = {"status": "failed", "error": message}
    Path(job["result"]).write_text(json.dumps(result))
    return 0


def _engine(progress: Path) -> type[NBClientEngine]:
    """Make papermill's usual engine one that also notes in a file the cell that it starts."""

    class Reporting(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            start = nb_man.cell_start

            def note_and_start(cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
                temporary = progress.with_suffix(".part")
                temporary.write_text(json.dumps({"id": cell.id}))
                temporary.replace(progress)
                start(cell, cell_index, **kwargs)

            nb_man.cell_start = note_and_start
            return super().execute_managed_notebook(nb_man, kernel_name, **options)

    return Reporting


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: one killed hard cannot clean up behind itself."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
