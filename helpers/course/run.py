"""Executes notebooks one after the other, measures them, and goes on when one fails."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat

import helpers
from helpers.cache import build_directory, cache_directory, written_whole
from helpers.course.exercises import OPEN, PASSED, WRONG
from helpers.course.layout import CHECK, first_line, parameters, tags
from helpers.course.processes import Watched, watch
from helpers.errors import CourseError

NOTEBOOK_LIMIT = 600.0
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Outcome:
    """How the run of one notebook went; one entry of ``course.json``.

    Attributes
    ----------
    notebook : str
        ``NN_topic``.
    status : str
        ``"ok"``, ``"failed"`` or ``"timeout"``.
    seconds : float
        From the start of the runner to its end.
    peak_rss_mb : float
        Largest memory of runner, kernel and their children together, in MB of 1,000,000 bytes. Pages that several
        processes share count once (PSS), where the system tells.
    dataset, budget : str
        The parameters it ran with, given or the notebook's own.
    seed : int
        The same.
    cells : int
        How many cells the notebook has.
    cell : int or None
        The cell that failed or was running when time was up, counted from 1 in the notebook that was run.
    line : str or None
        First line of that cell.
    error : str or None
        What went wrong, in one line.
    """

    notebook: str
    status: str
    seconds: float
    peak_rss_mb: float
    dataset: Any
    budget: Any
    seed: Any
    cells: int
    cell: int | None = None
    line: str | None = None
    error: str | None = None

    def __str__(self) -> str:
        text = f"{self.notebook}: {self.status}, {self.seconds:.0f} s, {self.peak_rss_mb:,.0f} MB"
        if self.status == "ok":
            return text
        where = f" in cell {self.cell} ({self.line})" if self.cell else ""
        return f"{text}{where}: {self.error}"


Progress = Callable[[str, int, int, float], None]


def run_notebooks(
    notebooks: Iterable[Path],
    *,
    given: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    limit: float = NOTEBOOK_LIMIT,
    cell_limit: float | None = None,
    offline: bool = False,
    must_pass_checks: bool = False,
    progress: Progress | None = None,
    done: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Execute notebooks; write ``notebooks/NN_topic.ipynb`` and ``course.json`` in a folder.

    Parameters
    ----------
    notebooks : iterable of pathlib.Path
        What to execute, in this order.
    given : mapping, optional
        Parameters that replace the notebooks' own: ``dataset``, ``budget``, ``seed``.
    folder : pathlib.Path, optional
        Where the executed notebooks and ``course.json`` go; the build folder if not given.
    limit : float
        Seconds that one notebook may take.
    cell_limit : float, optional
        Seconds that one cell may take; as long as the notebook if not given.
    offline : bool
        Whether to cut the network off (a network namespace with loopback only).
    must_pass_checks : bool
        Whether a check that does not say ``✓`` is a failure, as it is in a solution.
    progress : callable, optional
        Called often with notebook, cell (from 1), number of cells, seconds.
    done : callable, optional
        Called with each outcome as soon as it is known.

    Returns
    -------
    list of Outcome
        One for each notebook. ``course.json`` also keeps the latest outcome of notebooks that did not run this time.

    Raises
    ------
    CourseError
        If the network cannot be cut off here, before anything ran.
    """
    folder = (build_directory() if folder is None else Path(folder)).absolute()
    prefix = offline_prefix() if offline else []
    outcomes = []
    for notebook in notebooks:
        outcome = run_notebook(
            notebook,
            folder,
            given=given or {},
            limit=limit,
            cell_limit=limit if cell_limit is None else cell_limit,
            prefix=prefix,
            progress=progress or _silent,
        )
        if must_pass_checks and outcome.status == "ok":
            outcome = _judge_checks(outcome, executed_path(notebook, folder))
        outcomes.append(outcome)
        _note(outcome, folder / "course.json")
        if done:
            done(outcome)
    return outcomes


def executed_path(notebook: Path, folder: Path) -> Path:
    """Say where the executed copy of a notebook lies.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook that was run.
    folder : pathlib.Path
        Where results go.

    Returns
    -------
    pathlib.Path
        ``notebooks/NN_topic.ipynb`` in it.
    """
    return folder / "notebooks" / f"{notebook.stem}.ipynb"


def run_notebook(
    notebook: Path,
    folder: Path,
    *,
    given: Mapping[str, Any],
    limit: float,
    cell_limit: float,
    prefix: list[str],
    progress: Progress,
) -> Outcome:
    """Execute one notebook in a process group of its own, and end all of it before giving back.

    Parameters
    ----------
    notebook : pathlib.Path
        What to execute.
    folder : pathlib.Path
        Where the executed copy goes, also of a failed run.
    given : mapping
        Parameters that replace the notebook's own.
    limit, cell_limit : float
        Seconds that the notebook and each of its cells may take.
    prefix : list of str
        Command that starts the runner, such as what :func:`offline_prefix` gives.
    progress : callable
        Called often with notebook, cell, number of cells, seconds.

    Returns
    -------
    Outcome
        How it went; a notebook that fails is no exception here.
    """
    started = time.monotonic()
    executed = executed_path(notebook, folder)
    executed.parent.mkdir(parents=True, exist_ok=True)
    executed.unlink(missing_ok=True)  # an older run must not pass for this one
    try:
        source = nbformat.read(notebook, as_version=4)
        values = {**parameters(source.cells), **given}
    except (OSError, ValueError, nbformat.ValidationError, CourseError) as error:
        reason = str(error).splitlines()[0]
        return Outcome(notebook.stem, "failed", 0.0, 0.0, None, None, None, 0, error=reason)
    with tempfile.TemporaryDirectory(prefix=".run-", dir=executed.parent, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        job = _write_job(scratch, notebook, executed.parent, given, cell_limit)
        command = [*prefix, sys.executable, "-m", "helpers.course.worker", str(job)]
        watched = watch(
            command, _environment(scratch), scratch / "log", limit, _ticker(notebook, source, scratch, progress)
        )
        result = _result(scratch, watched, limit)
        started_cell = _started(scratch) if result["status"] != "ok" else {}
        _keep(scratch / "executed.ipynb", executed)
    cell, line = _locate(started_cell, source)
    return Outcome(
        notebook.stem,
        result["status"],
        round(time.monotonic() - started, 1),
        round(watched.peak / _MEGABYTE, 1),
        values.get("dataset"),
        values.get("budget"),
        values.get("seed"),
        len(source.cells),
        cell,
        line,
        result["error"],
    )


def offline_prefix() -> list[str]:
    """Find the command that runs what follows it with no network but loopback, which the kernel's own messages need.

    Returns
    -------
    list of str
        To be put before a command.

    Raises
    ------
    CourseError
        If a program is missing or this machine does not permit it.
    """
    for program in ("unshare", "ip"):
        if shutil.which(program) is None:
            raise CourseError(f"cutting the network off needs the program {program} (Debian: util-linux and iproute2)")
    inner = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    for how in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run([*how, *inner, "true"], capture_output=True).returncode == 0:
            return [*how, *inner]
    raise CourseError(
        "this machine does not permit network namespaces, so the network cannot be cut off. Run it as root, or in a "
        "container started with --privileged, or leave --offline out."
    )


def unmet_checks(executed: Any, wanted: str = PASSED) -> list[tuple[int, str]]:
    """Find check cells of an executed notebook that do not say what they should.

    Parameters
    ----------
    executed : nbformat.NotebookNode
        A notebook after a run.
    wanted : str
        The mark that every check must show: ``"✓"`` in a solution, ``"◻"`` in a student copy that nobody answered.

    Returns
    -------
    list of (int, str)
        Place of the cell, counted from 1, and the line that is wrong.
    """
    problems = []
    for position, cell in enumerate(executed.cells, start=1):
        if cell.cell_type != "code" or CHECK not in tags(cell):
            continue
        text = "".join(output.get("text", "") for output in cell.outputs if output.get("name") == "stdout")
        lines = [line for line in text.splitlines() if line[:1] in (PASSED, WRONG, OPEN)]
        problems += [(position, line) for line in lines if line[0] != wanted]
        if not lines:
            problems.append((position, f"the check cell printed neither {PASSED}, {WRONG} nor {OPEN}"))
    return problems


def empty_cache() -> None:
    """Forget drawn data and trained models, so that the next run starts cold.

    Raises
    ------
    CourseError
        If the cache does not lie inside the build folder: then it may be shared or somebody else's.
    """
    cache, build = cache_directory().resolve(), build_directory().resolve()
    if build not in cache.parents:
        raise CourseError(
            f"the cache {cache} does not lie inside the build folder {build}, so it is not emptied. Unset "
            "VIGILANT_CACHE for a cold run, or delete that folder yourself."
        )
    if cache.exists():
        shutil.rmtree(cache)


def nbval_command(notebooks: Iterable[Path], cell_limit: float = NOTEBOOK_LIMIT) -> list[str]:
    """Name the command that executes solution notebooks and compares their stored outputs (nbval).

    Parameters
    ----------
    notebooks : iterable of pathlib.Path
        Solution notebooks, or their folder.
    cell_limit : float
        Seconds that one cell may take.

    Returns
    -------
    list of str
        For :func:`subprocess.run`; a return code of 0 means that every cell ran and every checked output is the same.
    """
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={math.ceil(cell_limit)}"]
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *map(str, notebooks)]


def read_course(path: Path) -> list[dict[str, Any]]:
    """Read the entries of ``course.json``.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    list of dict
        One for each notebook, with the attributes of :class:`Outcome`; empty where nothing ran yet.

    Raises
    ------
    CourseError
        If the file is there but is no such list.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        entries = None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "notebook" in entry for entry in entries):
        raise CourseError(f"{path} is not a list of outcomes. Delete it and run the notebooks again.")
    return entries


def _silent(notebook: str, cell: int, cells: int, seconds: float) -> None:
    pass


def _note(outcome: Outcome, path: Path) -> None:
    kept = [entry for entry in read_course(path) if entry["notebook"] != outcome.notebook]
    entries = sorted([*kept, asdict(outcome)], key=lambda entry: entry["notebook"])
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _judge_checks(outcome: Outcome, executed: Path) -> Outcome:
    notebook = nbformat.read(executed, as_version=4)
    # papermill's own cells (injected parameters) are not in the notebook that was run.
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in tags(cell)]
    problems = unmet_checks(notebook)
    if not problems:
        return outcome
    cell, line = problems[0]
    error = f"check not passed: {line}" + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
    changes = {"status": "failed", "cell": cell, "line": first_line(notebook.cells[cell - 1]), "error": error}
    return Outcome(**{**asdict(outcome), **changes})


def _write_job(scratch: Path, notebook: Path, folder: Path, given: Mapping[str, Any], cell_limit: float) -> Path:
    # The kernel of this very environment, whatever kernels the user has: this folder is looked at first.
    kernel = scratch / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    job = {
        "notebook": str(notebook.absolute()),
        "executed": str(scratch / "executed.ipynb"),
        "parameters": dict(given),
        "folder": str(folder),
        "cell_limit": math.ceil(cell_limit),
        "progress": str(scratch / "progress.json"),
        "result": str(scratch / "result.json"),
    }
    path = scratch / "job.json"
    path.write_text(json.dumps(job))
    return path


def _environment(scratch: Path) -> dict[str, str]:
    environment = dict(os.environ)
    # The notebook sees the same helpers as the runner, and nothing of the user's own start-up files.
    package = str(Path(helpers.__file__).resolve().parents[1])
    for name, first in (("PYTHONPATH", package), ("JUPYTER_PATH", str(scratch / "jupyter"))):
        environment[name] = os.pathsep.join(filter(None, [first, environment.get(name)]))
    environment |= {
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "PYTHONHASHSEED": "0",
        # Absolute, because the kernel works in another folder.
        "VIGILANT_BUILD": str(build_directory().absolute()),
        "VIGILANT_CACHE": str(cache_directory().absolute()),
    }
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return environment


def _started(scratch: Path) -> dict[str, Any]:
    """Read which cell was started last, as the worker noted it; empty before the first."""
    try:
        return dict(json.loads((scratch / "progress.json").read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _ticker(notebook: Path, source: Any, scratch: Path, progress: Progress) -> Callable[[float], None]:
    def tick(elapsed: float) -> None:
        cell, _ = _locate(_started(scratch), source)
        progress(notebook.stem, cell or 0, len(source.cells), elapsed)

    return tick


def _locate(started: Mapping[str, Any], source: Any) -> tuple[int | None, str | None]:
    for position, cell in enumerate(source.cells, start=1):
        if cell.get("id") == started.get("id"):
            return position, first_line(cell)
    return None, None


def _result(scratch: Path, watched: Watched, limit: float) -> dict[str, Any]:
    if watched.returncode is None:
        return {"status": "timeout", "error": f"the notebook ran longer than {limit:g} s and was ended"}
    try:
        return dict(json.loads((scratch / "result.json").read_text()))
    except (FileNotFoundError, ValueError):
        log = (scratch / "log").read_text(errors="replace").strip().splitlines()
        last = f" Its last words: {log[-1][:300]}" if log else ""
        return {"status": "failed", "error": f"the process that ran it ended with code {watched.returncode}.{last}"}


def _keep(written: Path, executed: Path) -> None:
    """Move an executed notebook to its place, unless it was cut in the middle of writing."""
    with contextlib.suppress(OSError, ValueError, nbformat.ValidationError):
        nbformat.read(written, as_version=4)
        written.replace(executed)
