"""Runs a notebook with several seeds and makes the bands of its records; the rule is :mod:`helpers.scorecard`'s."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jupytext

from helpers.cache import build_directory, cache_directory
from helpers.contracts import check_seed
from helpers.course.layout import parameters, solution_path
from helpers.course.run import NOTEBOOK_LIMIT, Outcome, run_notebooks
from helpers.errors import CourseError
from helpers.scorecard import (
    FARTHEST,
    LEAST_SEEDS,
    RULE,
    BandRun,
    Outside,
    Record,
    Unseen,
    allowed_outside,
    beyond,
    make_bands,
    notebook_key,
    read,
    read_runs,
    write_run,
)
from helpers.scorecard.bands import shortened

BUDGET = "quick"
_SAME = 1e-6  # of a value that the same experiment gives once more


def bands_path(source: Path) -> Path:
    """Name the file of a notebook's bands.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py``.

    Returns
    -------
    pathlib.Path
        ``tests/bands/NN_topic.yaml`` of the same checkout.
    """
    return source.parents[2] / "tests" / "bands" / f"{source.stem}.yaml"


def bands_from_seeds(
    source: Path,
    seeds: Sequence[int],
    *,
    dataset: str | None = None,
    limit: float = NOTEBOOK_LIMIT,
    progress: Callable[[str, int, int, float], None] | None = None,
    done: Callable[[Outcome], None] | None = None,
) -> BandRun:
    """Execute a solution notebook once for each seed, and write the bands of what it recorded.

    Results go to a folder of their own, ``build/bands/NN_topic-dataset/``; the scorecard of the build folder is left
    as it is.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py``.
    seeds : sequence of int
        The notebook's parameter `seed`, one run each; at least five.
    dataset : str, optional
        The notebook's parameter `dataset`. Of a run on other pictures than the notebook's own, only the records on
        these pictures make bands: the others have theirs from the run on its own.
    limit : float
        Seconds that one run may take.
    progress, done : callable, optional
        As for :func:`helpers.course.run.run_notebooks`.

    Returns
    -------
    BandRun
        What was written to ``tests/bands/NN_topic.yaml``.

    Raises
    ------
    CourseError
        If there are too few seeds, a run fails or does not pass its checks, nothing was recorded, or the code changed
        while the seeds ran. Nothing is written then.
    """
    seeds = [check_seed(seed) for seed in seeds]
    if len(set(seeds)) != len(seeds) or len(seeds) < LEAST_SEEDS:
        raise CourseError(f"bands need at least {LEAST_SEEDS} different seeds, got {seeds}: --seeds 0 1 2 3 4")
    pictures, records = _records_of(source, seeds, dataset, "", limit=limit, progress=progress, done=done)
    run = BandRun(
        notebook=source.stem,
        dataset=pictures,
        budget=BUDGET,
        seeds=tuple(seeds),
        rule=RULE,
        bands=tuple(make_bands(records, seeds)),
        code=_one_code(records),
        made=datetime.date.today().isoformat(),
    )
    write_run(bands_path(source), run)
    return run


def try_unseen_seeds(
    source: Path,
    seeds: Sequence[int],
    *,
    dataset: str | None = None,
    limit: float = NOTEBOOK_LIMIT,
    progress: Callable[[str, int, int, float], None] | None = None,
    done: Callable[[Outcome], None] | None = None,
) -> BandRun:
    """Execute a solution notebook with seeds that had no part in its bands, and keep which records lie outside.

    Parameters
    ----------
    source, dataset, limit, progress, done
        As for :func:`bands_from_seeds`.
    seeds : sequence of int
        Seeds that the bands do not come from.

    Returns
    -------
    BandRun
        The bands as they were, with what was found written beside them.

    Raises
    ------
    CourseError
        If there are no bands by today's rule, a seed had a part in them, code that has changed since gives other
        values for the first of their own seeds, or a run fails. Nothing is written then.
    """
    seeds = [check_seed(seed) for seed in seeds]
    path, pictures = bands_path(source), dataset or _own_dataset(source)
    runs = [run for run in (read_runs(path) if path.exists() else []) if run.dataset == pictures and run.rule == RULE]
    if not runs:
        raise CourseError(
            f"there are no bands of {source.stem} on {pictures} yet: 'vigilant bands {source.stem}' first"
        )
    [run] = runs
    if seen := sorted(set(seeds) & set(run.seeds)):
        raise CourseError(f"seeds {seen} made the bands of {source.stem}, so they are not unseen: take others")
    options: dict[str, Any] = {"limit": limit, "progress": progress, "done": done}
    if notebook_key(source.stem) != run.code:
        _check_still_the_same(source, run, dataset, **options)
    _, records = _records_of(source, seeds, dataset, "-unseen", **options)
    _one_code(records)
    judged = [record for record in records if not record.timed]
    by_key = {band.key: band for band in run.bands}
    outside = tuple(
        Outside(record.metric, record.model, record.dataset, record.seed, shortened(record.value))
        for record in judged
        if beyond(record.value, by_key[record.identity[:-1]])
    )
    run = dataclasses.replace(run, unseen=Unseen(tuple(seeds), len(judged), outside))
    write_run(path, run)
    return run


def made_lines(run: BandRun, path: Path) -> Iterator[str]:
    """Say what was made: how many bands, and which of them can find nothing.

    Parameters
    ----------
    run : BandRun
        As :func:`bands_from_seeds` gives it.
    path : pathlib.Path
        Where it stands.

    Yields
    ------
    str
        A line.
    """
    yield f"{run.notebook}: {len(run.bands)} bands on {run.dataset} from {len(run.seeds)} seeds: {path}"
    for band in run.bands:
        if band.says_nothing:
            yield f"  {band.metric}: [{band.low}, {band.high}] is all that it can be, so this band finds nothing"


def unseen_lines(run: BandRun) -> Iterator[str]:
    """Say how unseen seeds came out, and how many may lie outside by chance.

    Parameters
    ----------
    run : BandRun
        As :func:`try_unseen_seeds` gives it.

    Yields
    ------
    str
        A line.
    """
    if run.unseen is None:
        return
    outside, records = run.unseen.outside, run.unseen.records
    seeds = " ".join(map(str, run.unseen.seeds))
    yield f"{run.notebook} on {run.dataset}, seeds {seeds}: {len(outside)} of {records} records lie outside"
    for record in outside:
        band = run.band_of(record)
        yield (
            f"  {record.metric}, seed {record.seed}: {record.value:.4g} is {beyond(record.value, band):.2f} widths "
            f"outside [{band.low:.4g}, {band.high:.4g}]"
        )
    yield f"  by chance {allowed_outside(records)} may, each by at most {FARTHEST} widths; the tests ask for reasons"


def _records_of(
    source: Path, seeds: Sequence[int], dataset: str | None, name: str, **options: Any
) -> tuple[str, list[Record]]:
    """Run a notebook with seeds, and give the data set and what was recorded."""
    own = _own_dataset(source)
    pictures = own if dataset is None else dataset
    folder = build_directory().absolute() / "bands" / f"{source.stem}-{pictures}{name}"
    shutil.rmtree(folder, ignore_errors=True)
    with _results_in(folder):
        for seed in seeds:
            given = {"dataset": pictures, "seed": seed, "budget": BUDGET}
            _run_once(source, given, folder / f"seed-{seed}", **options)
    return pictures, _of_this_run(read(folder / "scorecard.json"), source.stem, pictures if pictures != own else None)


def _check_still_the_same(source: Path, run: BandRun, dataset: str | None, **options: Any) -> None:
    """See that code which has changed since the bands were made still gives what they were made of."""
    _, records = _records_of(source, run.seeds[:1], dataset, "-again", **options)
    now = {record.identity[:-1]: record.value for record in records if not record.timed}
    then = {band.key: band.values[0] for band in run.bands}
    other = [key for key in now.keys() | then.keys() if not _equal(now.get(key), then.get(key))]
    if other:
        names = ", ".join(sorted(f"{key[1]!r}" for key in other))
        raise CourseError(
            f"the code has changed since the bands were made, and seed {run.seeds[0]} no longer gives what it gave "
            f"({names}): run 'vigilant bands {source.stem}' again"
        )


def _equal(value: float | None, other: float | None) -> bool:
    if value is None or other is None:
        return False
    return math.isclose(value, other, rel_tol=_SAME, abs_tol=_SAME)


def _own_dataset(source: Path) -> str:
    return str(parameters(jupytext.read(source, fmt="py:percent").cells).get("dataset"))


@contextlib.contextmanager
def _results_in(folder: Path) -> Iterator[None]:
    """Let notebooks that run inside record into a folder, and read data and models from the cache that there is."""
    before = {name: os.environ.get(name) for name in ("VIGILANT_BUILD", "VIGILANT_CACHE")}
    os.environ |= {"VIGILANT_CACHE": str(cache_directory().absolute()), "VIGILANT_BUILD": str(folder)}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run_once(source: Path, given: dict[str, Any], folder: Path, **options: Any) -> None:
    notebook = solution_path(source)
    if not notebook.exists():
        raise CourseError(f"not made yet: {notebook}. Run 'vigilant build {source.stem}' first.")
    [outcome] = run_notebooks([notebook], given=given, folder=folder, must_pass_checks=True, **options)
    if outcome.status != "ok":
        raise CourseError(
            f"no band was written: with seed {given['seed']}, {outcome}. Bands come from runs that succeed; this one "
            f"lies in {folder / 'notebooks'}."
        )


def _of_this_run(records: list[Record], notebook: str, only: str | None) -> list[Record]:
    mine = [record for record in records if record.notebook == notebook and only in (None, record.dataset)]
    if not mine:
        on = f" on {only}" if only else ""
        raise CourseError(f"{notebook} recorded nothing{on}, so there is nothing that a band could be for")
    return mine


def _one_code(records: list[Record]) -> str | None:
    codes = {record.code for record in records}
    if len(codes) > 1:
        raise CourseError(
            f"the code changed while the seeds ran ({', '.join(sorted(map(str, codes)))}), so they are not of one "
            "experiment. Run the command again, and leave the files alone meanwhile."
        )
    return codes.pop()
