"""The process that executes a solution twice over in one kernel and compares its stored outputs (nbval).

A notebook that cannot be run twice leaves a student who runs a cell again with results that nobody has seen.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from helpers.course.job import AGAIN, KERNEL_DIED, Job, not_run, note_cell, note_result, read_job

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_ERROR = 300


def main(job_file: str) -> int:
    """Execute the doubled notebook that a job file names, and write how it went beside it.

    Parameters
    ----------
    job_file : str
        What :func:`helpers.course.job.write_job` gave.

    Returns
    -------
    int
        What pytest gave; how it went stands in the result file.
    """
    import nbval.plugin

    job = read_job(job_file)
    nbval.plugin.RunningKernel = _kernel(nbval.plugin.RunningKernel)
    # An empty configuration: the notebook is judged by nbval alone, not by what the folders around it ask for.
    (Path(job.scratch) / "pytest.ini").write_text("[pytest]\n")
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={job.cell_limit}"]
    report = _Report(job)
    code = pytest.main([job.notebook, "-x", "-q", "--color=no", "-p", "no:cacheprovider", *options], plugins=[report])
    report.conclude(int(code))
    return int(code)


class _Report:
    """A plugin for pytest: notes which cell runs, what went wrong first, and whether every cell had its turn."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._left: list[str] = []
        self._began = False
        self._error: str | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._left = [item.cell.id for item in session.items]  # type: ignore[attr-defined]  # an nbval cell

    def pytest_runtest_setup(self, item: Any) -> None:
        self._began = True
        self._left.remove(item.cell.id)
        note_cell(self._job.scratch, item.cell.id.removesuffix(AGAIN))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        yield
        # nbval looks at what a cell shows, and an error need not be shown.
        reply = item.parent.kernel.reply
        if reply.get("status") != "ok" and not item.options["check_exception"]:
            raise RuntimeError(f"{reply.get('ename', reply['status'])}: {reply.get('evalue', '')}")

    def pytest_runtest_makereport(self, item: Any, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is not None and self._error is None and not call.excinfo.errisinstance(pytest.skip.Exception):
            again = "run a second time: " if item.cell.id.endswith(AGAIN) else ""
            self._error = again + _in_one_line(call.excinfo.value)

    def conclude(self, code: int) -> None:
        """Write how it went; nothing where pytest got to no cell: then its last words are said."""
        if self._error is not None:
            status = "timeout" if "Timeout of" in self._error else "failed"
            note_result(self._job.scratch, status, self._error + not_run(len(self._left)))
        elif self._began and not self._left and code == 0:
            note_result(self._job.scratch, "ok")


def _in_one_line(error: BaseException) -> str:
    """Make one line of what nbval says about a cell."""
    shown = str(getattr(error, "inner_traceback", "") or "")
    lines = [line.strip() for line in _COLOUR.sub("", shown).splitlines() if line.strip()]
    if "outputs differ" in str(error):
        text = f"another output than the stored one: {' '.join(lines)}"
    elif lines and "Timeout of" not in str(error):
        text = lines[-1]
    else:
        text = str(error)
    return text[:_LONGEST_ERROR]


def _kernel(usual: type) -> type:
    """Make nbval's kernel one that says at once when it has died, and keeps what it replied."""

    class Kernel(usual):
        reply: dict[str, Any]

        def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
            end = time.monotonic() + (float("inf") if timeout is None else timeout)
            while True:
                try:
                    message = self.get_message("shell", timeout=1)
                except Empty:
                    if not self.is_alive():
                        raise RuntimeError(KERNEL_DIED) from None
                    if time.monotonic() > end:
                        raise
                    continue
                if message["parent_header"].get("msg_id") == msg_id:
                    self.reply = message["content"]
                    return

    return Kernel


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
