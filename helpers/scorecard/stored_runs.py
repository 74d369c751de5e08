"""Runs of the course that were judged once and kept: ``stored_runs.yaml``, of seeds that nobody had seen before.

Notebook 13 shows their verdicts beside that of your own run, and stands on one of them where nothing of yours is
recorded. Only what a threshold is on is kept. The bounds at the time are kept, too: a bound that is moved after a
verdict was seen needs seeds that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from helpers.cache import written_whole
from helpers.errors import ScorecardError
from helpers.scorecard.decision import Decision, decide
from helpers.scorecard.records import Record
from helpers.scorecard.thresholds import Threshold, read_thresholds

_FILE = Path(__file__).with_name("stored_runs.yaml")
_HEAD = """\
# Runs whose verdict was taken once, on seeds that nobody had seen before. Written by 'vigilant decide --store', never
# edited: what stands here is what came out.
"""


@dataclass(frozen=True)
class StoredRun:
    """What one run measured of all that is asked, and what was asked then.

    Attributes
    ----------
    seed : int
        Of the run.
    budget : str
        ``"quick"`` or ``"full"``.
    made : str
        The day of its verdict, such as ``"2026-11-28"``.
    bounds : dict of str to list of float or None
        For each metric ``[low_at_least, high_at_most]`` as they were on that day.
    records : tuple of Record
        One for each threshold.
    """

    seed: int
    budget: str
    made: str
    bounds: dict[str, list[float | None]]
    records: tuple[Record, ...]

    def decide(self, thresholds: Sequence[Threshold] | None = None) -> Decision:
        """Judge the run again.

        Parameters
        ----------
        thresholds : sequence of Threshold, optional
            What is asked; the course's own, read anew, if not given.

        Returns
        -------
        Decision
            The code that made a record counts as that of today: what was changed since has not changed the record.
        """
        code = {record.notebook: record.code or "" for record in self.records}
        return decide(
            self.records, thresholds, seed=self.seed, budget=self.budget, code_of=lambda name: code.get(name, "")
        )


def bounds_of(thresholds: Iterable[Threshold]) -> dict[str, list[float | None]]:
    """The bounds alone, by metric.

    Parameters
    ----------
    thresholds : iterable of Threshold
        What is asked.

    Returns
    -------
    dict of str to list of float or None
        ``[low_at_least, high_at_most]`` of each.
    """
    return {one.metric: [one.low_at_least, one.high_at_most] for one in thresholds}


def read_stored_runs(path: Path | None = None) -> tuple[StoredRun, ...]:
    """Read the runs that were judged once.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file; the course's own if not given.

    Returns
    -------
    tuple of StoredRun
        In order of seed; empty where there is no file.

    Raises
    ------
    ScorecardError
        If the file is not as :func:`store_run` wrote it.
    """
    import yaml

    path = _FILE if path is None else path
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        runs = [_run(entry) for entry in entries]
    except FileNotFoundError:
        return ()
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise ScorecardError(f"{path} holds no stored runs ({error}): take the file from the course again") from None
    return tuple(sorted(runs, key=lambda run: run.seed))


def store_run(decision: Decision, path: Path | None = None) -> StoredRun:
    """Keep a verdict and the records that it rests on, once.

    Parameters
    ----------
    decision : Decision
        What :func:`helpers.scorecard.decide` gave for the course's own thresholds.
    path : pathlib.Path, optional
        The file; the course's own if not given.

    Returns
    -------
    StoredRun
        What was added.

    Raises
    ------
    ScorecardError
        If something is missing or stale, or the seed was judged before: whoever may try twice chooses.
    """
    import yaml

    path = _FILE if path is None else path
    kept = read_stored_runs(path)
    records = tuple(one.record for one in decision.judged if one.record is not None)
    if len(records) != len(decision.judged):
        raise ScorecardError(f"only a whole run is stored, and something is missing or stale: {decision.to_run}")
    if any((run.seed, run.budget) == (decision.seed, decision.budget) for run in kept):
        raise ScorecardError(f"seed {decision.seed} was judged before; a verdict is taken once, so take another seed")
    bounds = bounds_of(one.threshold for one in decision.judged)
    run = StoredRun(decision.seed, decision.budget, date.today().isoformat(), bounds, records)
    entries = [_entry(each) for each in (*kept, run)]
    text = yaml.safe_dump(entries, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
    with written_whole(path) as temporary:
        temporary.write_text(_HEAD + text, encoding="utf-8")
    return run


def changed_bounds(run: StoredRun, thresholds: Iterable[Threshold] | None = None) -> list[str]:
    """Name what is asked otherwise than on the day of a verdict.

    Parameters
    ----------
    run : StoredRun
        What was judged.
    thresholds : iterable of Threshold, optional
        What is asked now; the course's own if not given.

    Returns
    -------
    list of str
        Metrics whose bounds were moved, added or taken away; empty where the verdict is still one on unseen seeds.
    """
    now = bounds_of(read_thresholds() if thresholds is None else thresholds)
    return sorted(metric for metric in now.keys() | run.bounds.keys() if now.get(metric) != run.bounds.get(metric))


def _run(entry: dict[str, Any]) -> StoredRun:
    # A tuple of bounds is a list in YAML, and Record takes both.
    records = tuple(Record(**record) for record in entry["records"])
    return StoredRun(entry["seed"], entry["budget"], entry["made"], entry["bounds"], records)


def _entry(run: StoredRun) -> dict[str, Any]:
    records = [asdict(record) | {"bounds": list(record.bounds)} for record in run.records]
    return {"seed": run.seed, "budget": run.budget, "made": run.made, "bounds": run.bounds, "records": records}
