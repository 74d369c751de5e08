"""The files of bands, one for each notebook: ``tests/bands/NN_topic.yaml``, written by ``vigilant bands NN``.

A file holds the notebook's name and its runs, the one on its own data set first. A run holds the data set, the
budget, the seeds, the rule, the day, the key of the code, and for each measurement the seeds' values and the ends;
then, from ``vigilant bands NN --unseen``, what other seeds gave. Tables in README and docs are made from the same
values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from helpers.cache import written_whole
from helpers.errors import ScorecardError
from helpers.scorecard.bands import RULE, Band, ends

_HEAD = (
    "# Between what the records of {notebook} must lie. Written by 'vigilant bands {notebook}', never edited: a rule\n"
    "# that has changed means new seeds. What a band does not say (dataset, why) is said by its run (dataset, rule).\n"
)


@dataclass(frozen=True)
class Outside:
    """A record of an unseen seed that lies outside its band.

    Attributes
    ----------
    metric, model, dataset : str
        Which record.
    seed : int
        The seed it came from.
    value : float
        What was measured.
    """

    metric: str
    model: str
    dataset: str
    seed: int
    value: float


@dataclass(frozen=True)
class Unseen:
    """What seeds gave that had no part in the bands.

    Attributes
    ----------
    seeds : tuple of int
        The seeds.
    records : int
        How many records they gave.
    outside : tuple of Outside
        Those outside their bands.
    """

    seeds: tuple[int, ...]
    records: int
    outside: tuple[Outside, ...] = ()


@dataclass(frozen=True)
class BandRun:
    """The bands that came from the same runs of one notebook.

    Attributes
    ----------
    notebook, dataset, budget : str
        What was run: the notebook and its parameters.
    seeds : tuple of int
        The seeds it was run with.
    rule : str
        How the ends follow from the values.
    bands : tuple of Band
        One for each measurement.
    code : str or None
        Key of the notebook's code when it ran; None where nobody kept it.
    made : str or None
        The day, ``YYYY-MM-DD``.
    unseen : Unseen or None
        What other seeds gave afterwards; None until they were run.
    """

    notebook: str
    dataset: str
    budget: str
    seeds: tuple[int, ...]
    rule: str
    bands: tuple[Band, ...]
    code: str | None = None
    made: str | None = None
    unseen: Unseen | None = None

    def band_of(self, record: Outside) -> Band:
        """The band that a record of these runs belongs to.

        Parameters
        ----------
        record : Outside
            One of ``unseen.outside``.

        Returns
        -------
        Band
            The band of its metric, model and data set.
        """
        wanted = (record.metric, record.model, record.dataset)
        return next(band for band in self.bands if (band.metric, band.model, band.dataset) == wanted)


def read_runs(path: Path) -> list[BandRun]:
    """Read the file of one notebook.

    Parameters
    ----------
    path : pathlib.Path
        ``tests/bands/NN_topic.yaml``.

    Returns
    -------
    list of BandRun
        In the order of the file.

    Raises
    ------
    ScorecardError
        If the file is not as described above, a band lacks one of its ends, or two bands hold for the same records.
    """
    import yaml

    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScorecardError(f"{path} is not YAML: {error}") from None
    if not isinstance(content, dict) or content.keys() != {"notebook", "runs"}:
        raise ScorecardError(f"{path} must hold a notebook and its runs. 'vigilant bands NN' writes such a file.")
    runs = [_run(entry, content["notebook"], path) for entry in content["runs"]]
    _check_once((band for run in runs for band in run.bands), path)
    return runs


def read_bands(folder: Path) -> list[Band]:
    """Read the bands of all notebooks.

    Parameters
    ----------
    folder : pathlib.Path
        ``tests/bands``, or one file of it.

    Returns
    -------
    list of Band
        In the order of the files.

    Raises
    ------
    ScorecardError
        As from :func:`read_runs`, and if there is no file at all.
    """
    paths = sorted(Path(folder).glob("*.yaml")) if Path(folder).is_dir() else [Path(folder)]
    if not paths:
        raise ScorecardError(f"{folder} holds no bands: 'vigilant bands NN' makes them")
    bands = [band for path in paths for run in read_runs(path) for band in run.bands]
    _check_once(bands, Path(folder))
    return bands


def write_run(path: Path, run: BandRun) -> None:
    """Put a run into the file of its notebook; an earlier one with the same data set and budget is replaced.

    Parameters
    ----------
    path : pathlib.Path
        ``tests/bands/NN_topic.yaml``; made if it is not there.
    run : BandRun
        What to put there.

    Raises
    ------
    ScorecardError
        If the file that is there cannot be read, or holds a band for the same records in another run.
    """
    others = read_runs(path) if Path(path).exists() else []
    if strangers := {other.notebook for other in others} - {run.notebook}:
        raise ScorecardError(f"{path} holds bands of {', '.join(strangers)}, not of {run.notebook}")
    write_runs(path, _with(others, run))


def write_runs(path: Path, runs: list[BandRun]) -> None:
    """Write the file of one notebook.

    Parameters
    ----------
    path : pathlib.Path
        ``tests/bands/NN_topic.yaml``.
    runs : list of BandRun
        All runs of one notebook.
    """
    import yaml

    _check_once((band for run in runs for band in run.bands), path)
    content = {"notebook": runs[0].notebook, "runs": [_run_entry(run) for run in runs]}
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
    with written_whole(path) as temporary:
        temporary.write_text(_HEAD.format(notebook=runs[0].notebook) + text, encoding="utf-8")


def stale_bands(path: Path) -> list[str]:
    """Say which bands of a file are not what the rule makes of the stored values.

    Parameters
    ----------
    path : pathlib.Path
        ``tests/bands/NN_topic.yaml``.

    Returns
    -------
    list of str
        One sentence for each; empty where all is as the command wrote it.
    """
    problems = []
    for run in read_runs(path):
        if run.rule != RULE:
            problems.append(f"{path.name}: the run on {run.dataset} has the rule {run.rule!r}; today's is {RULE!r}")
        else:
            problems += [f"{path.name}: {problem}" for band in run.bands for problem in _arithmetic(band)]
    return problems


def _arithmetic(band: Band) -> list[str]:
    if band.half_interval is None:
        return [f"{band.metric} on {band.dataset} has no half_interval, so its ends follow from nothing"]
    low, high = ends(band.values, band.half_interval, band.bounds)
    if (low, high) == (band.low, band.high):
        return []
    return [
        f"{band.metric} on {band.dataset} has the ends {band.low} and {band.high}, and its values give {low} and "
        f"{high}: bands are not edited; run 'vigilant bands {band.notebook}'"
    ]


def _with(others: list[BandRun], run: BandRun) -> list[BandRun]:
    same = [(other.dataset, other.budget) == (run.dataset, run.budget) for other in others]
    if any(same):
        return [run if replaced else other for other, replaced in zip(others, same, strict=True)]
    return [*others, run]


def _run_entry(run: BandRun) -> dict[str, Any]:
    head: dict[str, Any] = {"dataset": run.dataset, "budget": run.budget, "seeds": list(run.seeds), "rule": run.rule}
    head |= {name: getattr(run, name) for name in ("made", "code") if getattr(run, name)}
    if run.unseen is not None:
        outside = [asdict(record) for record in run.unseen.outside]
        head["unseen"] = {"seeds": list(run.unseen.seeds), "records": run.unseen.records, "outside": outside}
    return {**head, "bands": [_band_entry(band, run) for band in run.bands]}


def _band_entry(band: Band, run: BandRun) -> dict[str, Any]:
    names = ("axis", "metric", *(["dataset"] if band.dataset != run.dataset else []), "model", "low", "high")
    entry: dict[str, Any] = {name: getattr(band, name) for name in names}
    if band.bounds != (None, None):
        entry["bounds"] = list(band.bounds)
    if band.values:
        entry["values"] = list(band.values)
    if band.half_interval is not None:
        entry["half_interval"] = band.half_interval
    if band.why != run.rule:
        entry["why"] = band.why
    return entry


def _run(entry: Any, notebook: Any, path: Path) -> BandRun:
    needed = {"dataset", "budget", "seeds", "rule", "bands"}
    if not isinstance(entry, dict) or needed - entry.keys() or entry.keys() - needed - {"made", "code", "unseen"}:
        raise ScorecardError(f"{path}: a run has {', '.join(sorted(needed))}, and may have made, code and unseen")
    shared: dict[str, Any] = {"notebook": notebook, "budget": entry["budget"], "seeds": tuple(entry["seeds"])}
    unsaid = {"dataset": entry["dataset"], "why": entry["rule"]}
    bands = tuple(_band(band, unsaid, shared, f"{path}, band {i}") for i, band in enumerate(entry["bands"], start=1))
    given: dict[str, Any] = {name: entry.get(name) for name in ("dataset", "rule", "made", "code")}
    return BandRun(**given, **shared, bands=bands, unseen=_unseen(entry.get("unseen"), path))


def _unseen(entry: Any, path: Path) -> Unseen | None:
    if entry is None:
        return None
    try:
        outside = tuple(Outside(**record) for record in entry["outside"])
        return Unseen(tuple(entry["seeds"]), int(entry["records"]), outside)
    except (TypeError, KeyError, ValueError) as error:
        raise ScorecardError(f"{path}: 'unseen' has seeds, records and outside ({error})") from None


def _band(entry: dict[str, Any], unsaid: dict[str, Any], shared: dict[str, Any], where: str) -> Band:
    known = {field.name for field in fields(Band)} - shared.keys()
    needed = known - unsaid.keys() - {"values", "half_interval", "bounds"}
    if missing := needed - entry.keys():
        raise ScorecardError(
            f"{where} ({entry.get('metric', 'no metric')}) lacks {', '.join(sorted(missing))}. "
            "A band has two ends: the upper one catches an attack that stopped attacking."
        )
    if unknown := entry.keys() - known:
        raise ScorecardError(f"{where}: unknown {sorted(unknown)}; a band has {', '.join(sorted(known))}")
    try:
        return Band(**{**unsaid, **entry, **shared})
    except ScorecardError as error:
        raise ScorecardError(f"{where}: {error}") from None


def _check_once(bands: Iterable[Band], path: Path) -> None:
    seen: set[tuple[str, ...]] = set()
    for band in bands:
        if band.key in seen:
            raise ScorecardError(f"{path} holds two bands for {' / '.join(band.key)}: keep one")
        seen.add(band.key)
