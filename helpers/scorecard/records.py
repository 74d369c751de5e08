"""What was measured: one record for each headline number, and the bands that a record must lie in.

A notebook makes one :class:`Scorecard` and calls :meth:`Scorecard.record`. The records of all notebooks stand in
``build/scorecard.json``; the capstone, the service and its metrics read that file.
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from helpers.cache import build_directory, written_whole
from helpers.errors import CacheError, ScorecardError

if TYPE_CHECKING:
    import pandas as pd

AXES = ("training", "uncertainty", "explanation", "robustness", "fairness", "privacy", "serving", "monitoring")
DIRECTIONS = ("higher", "lower")
BUDGETS = ("quick", "full")

# A bootstrap percentile may miss the value it belongs to by a rounding error, never by more.
_SLACK = 1e-9
_LOCK_SECONDS = 30


@dataclass(frozen=True)
class Record:
    """One measured number, with its interval and where it comes from.

    Attributes
    ----------
    axis : str
        One of :data:`AXES`.
    metric : str
        What was measured, such as ``"accuracy"``.
    value, low, high : float
        The number and the ends of its interval, in the unit of the metric; ``low <= value <= high``.
    n : int
        How many independent cases (pictures, seeds, splits) it rests on.
    direction : str
        ``"higher"`` or ``"lower"``: which is better.
    dataset, model, notebook : str
        What was measured on, what was measured, and where.
    seed : int
        The notebook's seed.
    budget : str
        ``"quick"`` or ``"full"``.

    Raises
    ------
    ScorecardError
        If one of them is not as said above.
    """

    axis: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    direction: str
    dataset: str
    model: str
    notebook: str
    seed: int
    budget: str

    def __post_init__(self) -> None:
        where = f"{self.axis} / {self.metric}"
        _check_choice(self.axis, AXES, "axis")
        _check_choice(self.direction, DIRECTIONS, f"{where}: direction (which is better?)")
        _check_choice(self.budget, BUDGETS, f"{where}: budget")
        for name in ("metric", "dataset", "model", "notebook"):
            _check_text(getattr(self, name), f"{where}: {name}")
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, _finite(getattr(self, name), f"{where}: {name}"))
        object.__setattr__(self, "n", _whole(self.n, f"{where}: n (how many cases it rests on)", least=1))
        object.__setattr__(self, "seed", _whole(self.seed, f"{where}: seed", least=0))
        slack = _SLACK * max(1.0, abs(self.value))
        if not (self.low - slack <= self.value <= self.high + slack):
            raise ScorecardError(
                f"{where}: the value must lie in its interval, got {self.value} outside [{self.low}, {self.high}]. "
                "The order of the arguments is value, low, high, n."
            )

    @property
    def identity(self) -> tuple[str, str, str, str, str, int]:
        """What makes two records the same measurement: axis, metric, dataset, model, budget and seed."""
        return (self.axis, self.metric, self.dataset, self.model, self.budget, self.seed)


@dataclass(frozen=True)
class Scorecard:
    """Where one notebook writes its headline numbers.

    Attributes
    ----------
    notebook, dataset, model : str
        Where, on what and of what the numbers are; a single record may name another model or data set.
    seed : int
        The notebook's parameter.
    budget : str
        The notebook's parameter, ``"quick"`` or ``"full"``.
    path : pathlib.Path, optional
        The file; ``build/scorecard.json`` if not given.

    Examples
    --------
    >>> scorecard = Scorecard(notebook="01_training", dataset="signs", model="cnn", seed=0, budget="quick")
    >>> scorecard.record("training", "accuracy", *intervals.proportion(correct), direction="higher")  # doctest: +SKIP
    """

    notebook: str
    dataset: str
    model: str
    seed: int
    budget: str
    path: Path | None = None

    def record(
        self,
        axis: str,
        metric: str,
        value: float,
        low: float,
        high: float,
        n: int,
        direction: str,
        *,
        model: str | None = None,
        dataset: str | None = None,
    ) -> None:
        """Write one number; an earlier record of the same measurement is replaced.

        Parameters
        ----------
        axis : str
            One of :data:`AXES`.
        metric : str
            What was measured.
        value, low, high : float
            The number and its interval. With :class:`helpers.intervals.Estimate`:
            ``record(axis, metric, *estimate, direction="higher")``.
        n : int
            How many cases it rests on.
        direction : str
            ``"higher"`` or ``"lower"``: which is better.
        model, dataset : str, optional
            Where they differ from the scorecard's own.

        Raises
        ------
        ScorecardError
            If the record is not valid, or the file cannot be read or written; the file is then as it was.
        """
        record = Record(
            axis=axis,
            metric=metric,
            value=value,
            low=low,
            high=high,
            n=n,
            direction=direction,
            dataset=self.dataset if dataset is None else dataset,
            model=self.model if model is None else model,
            notebook=self.notebook,
            seed=self.seed,
            budget=self.budget,
        )
        path = default_path() if self.path is None else Path(self.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Notebooks may run side by side, and each reads, changes and writes the same file.
            with FileLock(path.with_name(path.name + ".lock"), timeout=_LOCK_SECONDS):
                kept = [other for other in read(path) if other.identity != record.identity]
                _write(path, [*kept, record])
        except Timeout:
            raise ScorecardError(
                f"another process has held {path} for {_LOCK_SECONDS} s. Is another notebook stuck? Stop it and run "
                "this cell again."
            ) from None
        except CacheError as error:
            raise ScorecardError(error.strerror) from error  # says all of it already
        except OSError as error:
            raise ScorecardError(
                f"could not write {path}: {error.strerror or error}. Set VIGILANT_BUILD to a folder that you can "
                "write to, and run the notebook again."
            ) from error


def default_path() -> Path:
    """Name the scorecard that everything reads: ``scorecard.json`` in the build folder.

    Returns
    -------
    pathlib.Path
        The file; it need not exist yet.
    """
    return build_directory() / "scorecard.json"


def read(path: Path | None = None) -> list[Record]:
    """Read all records of a scorecard.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file; ``build/scorecard.json`` if not given.

    Returns
    -------
    list of Record
        In order of axis, metric, dataset, model, budget and seed; empty where nothing was recorded yet.

    Raises
    ------
    ScorecardError
        If the file is there but is not a scorecard. It is left as it is.
    """
    path = default_path() if path is None else Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise _spoilt(path, error) from None
    try:
        entries = json.loads(text)
        if not isinstance(entries, list):
            raise TypeError(f"expected a list of records, found {type(entries).__name__}")
        records = [Record(**entry) for entry in entries]
    except (TypeError, ValueError) as error:
        raise _spoilt(path, error) from None
    return sorted(records, key=_order)


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Put records into a table, one row each.

    Parameters
    ----------
    records : iterable of Record
        What :func:`read` gives.

    Returns
    -------
    pandas.DataFrame
        The columns are the attributes of :class:`Record`, also when there is no row.
    """
    import pandas as pd

    return pd.DataFrame([asdict(record) for record in records], columns=[field.name for field in fields(Record)])


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
        _check_choice(self.axis, AXES, f"{where}: axis")
        _check_choice(self.budget, BUDGETS, f"{where}: budget")
        for name in ("metric", "dataset", "model", "notebook", "why"):
            _check_text(getattr(self, name), f"{where}: {name}")
        for name in ("low", "high"):
            object.__setattr__(self, name, _finite(getattr(self, name), f"{where}: {name}"))
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


def _write(path: Path, records: list[Record]) -> None:
    entries = [asdict(record) for record in sorted(records, key=_order)]
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _order(record: Record) -> tuple[Any, ...]:
    return (AXES.index(record.axis), *record.identity[1:])


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


def _spoilt(path: Path, error: Exception) -> ScorecardError:
    return ScorecardError(
        f"{path} is not a scorecard ({error}). It was left as it is. Delete it, and run the notebooks again to make "
        "it anew: vigilant run"
    )


def _check_choice(given: object, allowed: tuple[str, ...], what: str) -> None:
    if given not in allowed:
        raise ScorecardError(f"{what} must be one of {', '.join(allowed)}; got {given!r}")


def _check_text(given: object, what: str) -> None:
    if not isinstance(given, str) or not given.strip():
        raise ScorecardError(f"{what} must be a name, got {given!r}")


def _finite(given: Any, what: str) -> float:
    # NumPy scalars and 0-d arrays are fine; a longer array, a bool or a text is a mistake worth naming.
    number = given.item() if hasattr(given, "item") and getattr(given, "ndim", 0) == 0 else given
    if isinstance(number, bool) or not isinstance(number, numbers.Real) or not math.isfinite(number):
        raise ScorecardError(f"{what} must be one finite number, got {given!r}")
    return float(number)


def _whole(given: Any, what: str, least: int) -> int:
    number = given.item() if hasattr(given, "item") and getattr(given, "ndim", 0) == 0 else given
    if isinstance(number, bool) or not isinstance(number, numbers.Integral) or number < least:
        raise ScorecardError(f"{what} must be a whole number of at least {least}, got {given!r}")
    return int(number)
