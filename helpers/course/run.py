"""Executes notebooks one after the other, measures them, and goes on when one fails."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import nbformat

import helpers
from helpers.cache import build_directory, cache_directory, written_whole
from helpers.course.exercises import OPEN, PASSED, WRONG
from helpers.course.job import CELL, Job, doubled, read_result, running_cell, write_job
from helpers.course.layout import CHECK, DEEPER, first_line, parameters, tags
from helpers.course.processes import ONE_THREAD, Watched, watch
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
    cpu_seconds : float
        Processor time of runner, kernel and all that they started, which a busy machine does not stretch.
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
    core : bool
        Whether the cells tagged ``deeper`` were left out.
    passes : int
        How often all cells were executed in one kernel: 1, or 2 where a solution was run twice.
    jobs : int
        How many notebooks ran at the same time: with more than 1, the seconds are those of a busy machine.
    digest : str
        Of the notebook and all code that it can reach (:func:`digest`), as they were when the run began.
    """

    notebook: str
    status: str
    seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    dataset: Any
    budget: Any
    seed: Any
    cells: int
    cell: int | None = None
    line: str | None = None
    error: str | None = None
    core: bool = False
    passes: int = 1
    jobs: int = 1
    digest: str = ""

    def __str__(self) -> str:
        measured = f"{self.seconds:.0f} s ({self.cpu_seconds:.0f} s CPU), {self.peak_rss_mb:,.0f} MB"
        text = f"{self.notebook}: {self.status}, {measured}"
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
    core: bool = False,
    twice: bool = False,
    jobs: int = 1,
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
    core : bool
        Whether to leave out the cells tagged ``deeper``.
    twice : bool
        Whether to execute all cells and then all of them again, in one kernel, as nbval does: stored outputs are
        compared both times, and a check that does not pass raises. No executed notebook is written.
    jobs : int
        How many notebooks run at the same time.
    progress : callable, optional
        Called often with notebook, cell (from 1), number of cells, seconds; from another thread than this one.
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
    way = Way(
        given=given or {},
        limit=limit,
        cell_limit=limit if cell_limit is None else cell_limit,
        prefix=tuple(offline_prefix()) if offline else (),
        must_pass_checks=must_pass_checks,
        core=core,
        twice=twice,
        jobs=jobs,
    )
    with ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(run_notebook, notebook, folder, way, progress or _silent) for notebook in notebooks]
        try:
            for run in as_completed(runs):
                _note(run.result(), folder / "course.json")
                if done:
                    done(run.result())
        except BaseException:
            # Ctrl-C arrives here, in the main thread: the others end their notebooks, and none begins a new one.
            way.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [run.result() for run in runs]


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


@dataclass(frozen=True)
class Way:
    """How a notebook is executed: the arguments of :func:`run_notebooks` that concern one notebook.

    Attributes
    ----------
    given : mapping
        Parameters that replace the notebook's own.
    limit, cell_limit : float
        Seconds that the notebook and each of its cells may take.
    prefix : tuple of str
        Command that starts the runner, such as what :func:`offline_prefix` gives.
    must_pass_checks, core, twice : bool
        As in :func:`run_notebooks`.
    jobs : int
        How many run at the same time.
    stop : threading.Event
        Ends the run early where it is set.
    """

    given: Mapping[str, Any]
    limit: float
    cell_limit: float
    prefix: tuple[str, ...]
    must_pass_checks: bool
    core: bool
    twice: bool
    jobs: int
    stop: threading.Event = field(default_factory=threading.Event)


def run_notebook(notebook: Path, folder: Path, way: Way, progress: Progress) -> Outcome:
    """Execute one notebook in a process group of its own, and end all of it before giving back.

    Parameters
    ----------
    notebook : pathlib.Path
        What to execute.
    folder : pathlib.Path
        Where the executed copy goes, also of a failed run.
    way : Way
        How.
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
        values = {**parameters(source.cells), **way.given}
    except (OSError, ValueError, nbformat.ValidationError, CourseError) as error:
        reason = str(error).splitlines()[0]
        return Outcome(notebook.stem, "failed", 0.0, 0.0, 0.0, None, None, None, 0, error=reason)
    known_as = digest(notebook)
    with tempfile.TemporaryDirectory(prefix=".run-", dir=executed.parent, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        command = [*way.prefix, sys.executable, "-m", *_write_job(scratch, source, executed, way)]
        tick = _ticker(notebook, source, scratch, progress)
        watched = watch(command, _environment(scratch, way), scratch / "log", way.limit, tick, way.stop)
        result = _result(scratch, watched, way.limit)
        cell, line = _locate(result.get("cell") or running_cell(scratch), source)
        _keep(scratch / "executed.ipynb", executed)
    outcome = Outcome(
        notebook=notebook.stem,
        status=result["status"],
        seconds=round(time.monotonic() - started, 1),
        cpu_seconds=round(watched.cpu_seconds, 1),
        peak_rss_mb=round(watched.peak / _MEGABYTE, 1),
        dataset=values.get("dataset"),
        budget=values.get("budget"),
        seed=values.get("seed"),
        cells=len(source.cells),
        core=way.core,
        passes=2 if way.twice else 1,
        jobs=way.jobs,
        digest=known_as,
    )
    if outcome.status != "ok":
        return replace(outcome, cell=cell, line=line, error=result["error"].replace(CELL, str(cell)))
    return _judge_checks(outcome, executed) if way.must_pass_checks and not way.twice else outcome


def digest(notebook: Path) -> str:
    """Digest a notebook's cells and all that they run on: the package's files, the locked versions, Python's version.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook.

    Returns
    -------
    str
        The same for the same cells and files, whatever their dates and the outputs stored in the notebook.
    """
    package = Path(helpers.__file__).parent
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    lock = package.parent / "requirements.lock"
    cells = [[cell.cell_type, cell.source, tags(cell)] for cell in nbformat.read(notebook, as_version=4).cells]
    total = hashlib.sha256(json.dumps([sys.version, cells]).encode())
    for path in [*files, *([lock] if lock.exists() else [])]:
        total.update(f"{path.name} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def is_current(notebook: Path, folder: Path) -> bool:
    """Tell whether the last run of a notebook, with its own parameters and whole, was of what is here now.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook.
    folder : pathlib.Path
        Where results went.

    Returns
    -------
    bool
        Whether running it again would do the same once more.
    """
    entry = next((entry for entry in read_course(folder / "course.json") if entry["notebook"] == notebook.stem), None)
    if entry is None or entry["status"] != "ok" or entry["core"] or entry["passes"] != 1:
        return False
    own = parameters(nbformat.read(notebook, as_version=4).cells)
    as_it_stands = all(entry[name] == own.get(name) for name in ("dataset", "budget", "seed"))
    return as_it_stands and executed_path(notebook, folder).exists() and entry["digest"] == digest(notebook)


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


def read_course(path: Path) -> list[dict[str, Any]]:
    """Read the entries of ``course.json``.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    list of dict
        One for each notebook, with the attributes of :class:`Outcome`; empty where nothing ran yet. What an earlier
        version of the course wrote lacks some of them, and counts as not run.

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
    known = {one.name for one in fields(Outcome)}
    return [entry for entry in entries if entry.keys() == known]


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
    return replace(outcome, status="failed", cell=cell, line=first_line(notebook.cells[cell - 1]), error=error)


def _write_job(scratch: Path, source: Any, executed: Path, way: Way) -> list[str]:
    """Write down what the process that executes is to do; return its module and its argument."""
    # The kernel of this very environment, whatever kernels the user has: this folder is looked at first.
    kernel = scratch / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    given = copy.deepcopy(source)
    if way.core:
        given.cells = [cell for cell in given.cells if DEEPER not in tags(cell)]
    module = "helpers.course.worker"
    if way.twice:
        given, module = doubled(given), "helpers.course.twice"
    nbformat.write(given, scratch / executed.name)
    parameters, limit = dict(way.given), math.ceil(way.cell_limit)
    job = Job(str(scratch), str(scratch / executed.name), parameters, str(executed.parent), limit)
    return [module, str(write_job(job))]


def _environment(scratch: Path, way: Way) -> dict[str, str]:
    environment = dict(os.environ)
    # The notebook sees the same helpers as the runner, and nothing of the user's own start-up files and settings.
    for name in ("MPLBACKEND", "PYTHONSTARTUP"):
        environment.pop(name, None)
    (scratch / "matplotlibrc").touch()  # an empty one: Matplotlib's own look
    package = str(Path(helpers.__file__).resolve().parents[1])
    for name, first in (("PYTHONPATH", package), ("JUPYTER_PATH", str(scratch / "jupyter"))):
        environment[name] = os.pathsep.join(filter(None, [first, environment.get(name)]))
    environment |= {
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "MATPLOTLIBRC": str(scratch / "matplotlibrc"),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        # Absolute, because the kernel works in another folder.
        "VIGILANT_BUILD": str(build_directory().absolute()),
        "VIGILANT_CACHE": str(cache_directory().absolute()),
        "VIGILANT_CHECKS": "raise" if way.twice else "",
    }
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if way.given.get("budget", "quick") == "quick":
        environment = ONE_THREAD | environment  # whatever the machine has; who wants more sets these
    return environment


def _ticker(notebook: Path, source: Any, scratch: Path, progress: Progress) -> Callable[[float], None]:
    def tick(elapsed: float) -> None:
        cell, _ = _locate(running_cell(scratch), source)
        progress(notebook.stem, cell or 0, len(source.cells), elapsed)

    return tick


def _locate(identifier: str | None, source: Any) -> tuple[int | None, str | None]:
    for position, cell in enumerate(source.cells, start=1):
        if cell.get("id") == identifier:
            return position, first_line(cell)
    return None, None


def _result(scratch: Path, watched: Watched, limit: float) -> dict[str, Any]:
    if watched.returncode is None:
        return {"status": "timeout", "error": f"the notebook ran longer than {limit:g} s and was ended"}
    if (result := read_result(scratch)) is not None:
        return result
    log = (scratch / "log").read_text(errors="replace").strip().splitlines()
    last = f" Its last words: {log[-1][:300]}" if log else ""
    return {"status": "failed", "error": f"the process that ran it ended with code {watched.returncode}.{last}"}


def _keep(written: Path, executed: Path) -> None:
    """Move an executed notebook to its place, unless it was cut in the middle of writing."""
    with contextlib.suppress(OSError, ValueError, nbformat.ValidationError):
        nbformat.read(written, as_version=4)
        written.replace(executed)
