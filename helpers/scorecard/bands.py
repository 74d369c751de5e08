"""Between what a record must lie: read from files, and held against the records of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from helpers.errors import ScorecardError
from helpers.scorecard.fields import AXES, BUDGETS, check_choice, check_text, finite
from helpers.scorecard.records import Record


@dataclass(frozen=True)
class Band:
    """Between what a record must lie: above it is as suspicious as below.

    Attributes
    ----------
    axis, metric, dataset, model, budget : str
        Which records it holds for (any seed).
    notebook : str
        The notebook that writes the record.
    low, high : float
        The ends, both needed, in the unit of the metric.
    why : str
        Where the ends come from: the seeds that were run, or the theory.

    Raises
    ------
    ScorecardError
        If one of them is missing or not as said above.
    """

    axis: str
    metric: str
    dataset: str
    model: str
    budget: str
    notebook: str
    low: float
    high: float
    why: str

    def __post_init__(self) -> None:
        where = f"band {self.axis} / {self.metric}"
        check_choice(self.axis, AXES, f"{where}: axis")
        check_choice(self.budget, BUDGETS, f"{where}: budget")
        for name in ("metric", "dataset", "model", "notebook", "why"):
            check_text(getattr(self, name), f"{where}: {name}")
        for name in ("low", "high"):
            object.__setattr__(self, name, finite(getattr(self, name), f"{where}: {name}"))
        if self.low > self.high:
            raise ScorecardError(f"{where}: low must not be above high, got {self.low} and {self.high}")

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Which records the band holds for: axis, metric, dataset, model and budget."""
        return (self.axis, self.metric, self.dataset, self.model, self.budget)


def read_bands(path: Path) -> list[Band]:
    """Read the bands of a YAML file: a list of mappings with the attributes of :class:`Band`.

    Parameters
    ----------
    path : pathlib.Path
        The file, such as ``tests/bands.yaml``.

    Returns
    -------
    list of Band
        In the order of the file.

    Raises
    ------
    ScorecardError
        If the file is not such a list, a band lacks one of its ends, or two bands hold for the same records.
    """
    import yaml

    try:
        entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScorecardError(f"{path} is not YAML: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ScorecardError(f"{path} must hold a list of bands, each with {_names(Band)}")
    bands = [_band(entry, path, position) for position, entry in enumerate(entries, start=1)]
    seen: set[tuple[str, ...]] = set()
    for band in bands:
        if band.key in seen:
            raise ScorecardError(f"{path} holds two bands for {_label(band)}: keep one")
        seen.add(band.key)
    return bands


def check(
    records: Iterable[Record],
    bands: Iterable[Band],
    *,
    notebooks: Collection[str] | None = None,
    datasets: Collection[str] | None = None,
    budget: str = "quick",
) -> list[str]:
    """Tell what is wrong with a scorecard, judged by its bands.

    Parameters
    ----------
    records : iterable of Record
        What was measured.
    bands : iterable of Band
        What was expected.
    notebooks, datasets : collection of str, optional
        Judge only records and bands of these (the notebooks that ran, the data sets they ran on); all if not given.
    budget : str
        Judge only records and bands of this budget.

    Returns
    -------
    list of str
        One sentence for each record outside its band, record without a band, and band without a record.
    """

    def concerns(thing: Record | Band) -> bool:
        return (
            thing.budget == budget
            and (notebooks is None or thing.notebook in notebooks)
            and (datasets is None or thing.dataset in datasets)
        )

    by_key = {band.key: band for band in bands if concerns(band)}
    problems, met = [], set()
    for record in filter(concerns, records):
        found = by_key.get(record.identity[:-1])
        if found is None:
            problems.append(f"{_label(record)} = {record.value:.4g} has no band: add one, from five seeds or theory")
            continue
        met.add(found.key)
        if not found.low <= record.value <= found.high:
            side = "below" if record.value < found.low else "above"
            problems.append(
                f"{_label(record)} = {record.value:.4g} (seed {record.seed}) is {side} its band "
                f"[{found.low:.4g}, {found.high:.4g}] ({found.why})"
            )
    problems += [
        f"{_label(band)} has a band but no record: {band.notebook} did not write it"
        for key, band in by_key.items()
        if key not in met
    ]
    return problems


def _label(thing: Record | Band) -> str:
    return f"{thing.axis} / {thing.metric} of {thing.model} on {thing.dataset} ({thing.budget}, {thing.notebook})"


def _names(kind: type[Band]) -> str:
    return ", ".join(field.name for field in fields(kind))


def _band(entry: dict[str, Any], path: Path, position: int) -> Band:
    expected = {field.name for field in fields(Band)}
    if missing := expected - entry.keys():
        raise ScorecardError(
            f"{path}, band {position} ({entry.get('metric', 'no metric')}) lacks {', '.join(sorted(missing))}. "
            "A band has two ends: the upper one catches an attack that stopped attacking."
        )
    if unknown := entry.keys() - expected:
        raise ScorecardError(f"{path}, band {position}: unknown {sorted(unknown)}; a band has {_names(Band)}")
    try:
        return Band(**entry)
    except ScorecardError as error:
        raise ScorecardError(f"{path}, band {position}: {error}") from None
