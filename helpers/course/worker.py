"""The process that executes one notebook with papermill; :mod:`helpers.course.run` starts it and watches it.

It is a process of its own so that its memory can be measured together with the kernel's, and so that a notebook that
never ends can be ended without harm to the others.
"""

from __future__ import annotations

import sys
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill import execute_notebook
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from helpers.course.job import CELL, KERNEL_DIED, Job, not_run, note_cell, note_result, read_job, running_cell


def main(job_file: str) -> int:
    """Execute the notebook that a job file names, and write how it went beside it.

    Parameters
    ----------
    job_file : str
        What :func:`helpers.course.job.write_job` gave.

    Returns
    -------
    int
        0; how it went stands in the result file.
    """
    job = read_job(job_file)
    ended: list[CellExecutionError] = []
    papermill_engines.register("vigilant", _engine(job.scratch, ended))
    try:
        execute_notebook(
            job.notebook,
            str(job.executed),
            parameters=job.parameters or None,
            engine_name="vigilant",
            kernel_name="python3",
            progress_bar=False,
            cwd=job.folder,
            execution_timeout=job.cell_limit,
        )
    except PapermillExecutionError as error:
        name, value = (ended[0].ename, ended[0].evalue) if ended else (error.ename, error.evalue)
        note_result(job.scratch, "failed", f"{name}: {value}".rstrip(": "))
    except CellTimeoutError:
        note_result(job.scratch, "timeout", f"the cell ran longer than {job.cell_limit} s")
    except DeadKernelError:
        note_result(job.scratch, "failed", f"{KERNEL_DIED}{not_run(len(_left(job)))}")
    else:
        _judge(job, ended)
    return 0


def _judge(job: Job, ended: list[CellExecutionError]) -> None:
    """Take for good only what was executed whole: to papermill ``sys.exit()`` is a good end, and tags leave out."""
    left = _left(job)
    if ended:
        note_result(job.scratch, "failed", f"ended by {ended[0].ename} in cell {CELL}{not_run(len(left))}")
    elif left:
        note_result(job.scratch, "failed", f"cell {CELL} was left out{not_run(len(left))}", left[0])
    else:
        note_result(job.scratch, "ok")


def _left(job: Job) -> list[str]:
    """Name the code cells that were never started."""
    cells = nbformat.read(job.executed, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]
    return [cell.id for cell in code if cell.execution_count is None and cell.id != running_cell(job.scratch)]


def _engine(scratch: str, ended: list[CellExecutionError]) -> type[NBClientEngine]:
    """Make papermill's usual engine one that also notes the cell that it starts, and the error that ended the run."""

    class Reporting(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            start, failed = nb_man.cell_start, nb_man.cell_exception

            def note_and_start(cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
                note_cell(scratch, cell.id)
                start(cell, cell_index, **kwargs)

            def note_and_fail(cell: Any, cell_index: int, exception: CellExecutionError) -> None:
                ended.append(exception)
                failed(cell, cell_index=cell_index, exception=exception)

            nb_man.cell_start, nb_man.cell_exception = note_and_start, note_and_fail
            return super().execute_managed_notebook(nb_man, kernel_name, **options)

    return Reporting


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
