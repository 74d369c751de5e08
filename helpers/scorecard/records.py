"""What was measured: one record for each headline number, and the file that holds them all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from helpers.cache import build_directory, written_whole
from helpers.errors import CacheError, ScorecardError
from helpers.scorecard.fields import (
    AXES,
    BUDGETS,
    DIRECTIONS,
    Bounds,
    bounds_of,
    check_choice,
    check_text,
    check_yes_or_no,
    finite,
    whole,
)
from helpers.scorecard.keys import notebook_key

if TYPE_CHECKING:
    import pandas as pd

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
    model_digest : str or None
        Which weights were measured, as :func:`helpers.models.digest` names them; None where nobody said.
    code : str or None
        What it was made by, as :func:`helpers.scorecard.notebook_key` names it; None in a file that was written before
        records said so.
    core : bool
        Whether it comes from the core of the notebook; False where a cell tagged ``deeper`` measured it.
    timed : bool
        Whether it hangs on the clock: then it is printed and drawn, and has neither band nor threshold.
    bounds : (float or None, float or None)
        The least and the most that the metric can be; None where there is no end. Bands are clipped to it.

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
    # With defaults, so that a scorecard of last term can still be read (and its records are replaced one by one).
    model_digest: str | None = None
    code: str | None = None
    core: bool = True
    timed: bool = False
    bounds: Bounds = (None, None)

    def __post_init__(self) -> None:
        where = f"{self.axis} / {self.metric}"
        check_choice(self.axis, AXES, "axis")
        check_choice(self.direction, DIRECTIONS, f"{where}: direction (which is better?)")
        check_choice(self.budget, BUDGETS, f"{where}: budget")
        for name in ("metric", "dataset", "model", "notebook"):
            check_text(getattr(self, name), f"{where}: {name}")
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, finite(getattr(self, name), f"{where}: {name}"))
        object.__setattr__(self, "n", whole(self.n, f"{where}: n (how many cases it rests on)", least=1))
        object.__setattr__(self, "seed", whole(self.seed, f"{where}: seed", least=0))
        for name in ("model_digest", "code"):
            if getattr(self, name) is not None:
                check_text(getattr(self, name), f"{where}: {name}")
        for name in ("core", "timed"):
            check_yes_or_no(getattr(self, name), f"{where}: {name}")
        object.__setattr__(self, "bounds", bounds_of(self.bounds, f"{where}: bounds"))
        self._check_numbers(where)

    def _check_numbers(self, where: str) -> None:
        slack = _SLACK * max(1.0, abs(self.value))
        if not (self.low - slack <= self.value <= self.high + slack):
            raise ScorecardError(
                f"{where}: the value must lie in its interval, got {self.value} outside [{self.low}, {self.high}]. "
                "The order of the arguments is value, low, high, n."
            )
        least, most = self.bounds
        if (least is not None and self.value < least - slack) or (most is not None and self.value > most + slack):
            raise ScorecardError(
                f"{where}: the value must lie in its bounds, got {self.value} outside {self.bounds}. Is it a share and "
                "was given in percent, or are the bounds of another metric?"
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
    digests : mapping of str to str
        Which weights each model name stands for, from :func:`helpers.models.digest`.

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
    digests: Mapping[str, str] = field(default_factory=dict)

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
        model_digest: str | None = None,
        bounds: Bounds = (None, None),
        core: bool = True,
        timed: bool = False,
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
        model_digest : str, optional
            Which weights were measured; what the scorecard's `digests` say of the model if not given.
        bounds : (float or None, float or None)
            What the metric can be, such as ``(0, 1)`` for a share or ``(0, None)`` for a loss.
        core, timed : bool
            As in :class:`Record`.

        Raises
        ------
        ScorecardError
            If the record is not valid, or the file cannot be read or written; the file is then as it was.
        """
        model = self.model if model is None else model
        record = Record(
            axis=axis,
            metric=metric,
            value=value,
            low=low,
            high=high,
            n=n,
            direction=direction,
            dataset=self.dataset if dataset is None else dataset,
            model=model,
            notebook=self.notebook,
            seed=self.seed,
            budget=self.budget,
            model_digest=self.digests.get(model) if model_digest is None else model_digest,
            code=notebook_key(self.notebook) if isinstance(self.notebook, str) else None,
            core=core,
            timed=timed,
            bounds=bounds,
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


def _write(path: Path, records: list[Record]) -> None:
    entries = [asdict(record) for record in sorted(records, key=_order)]
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _order(record: Record) -> tuple[Any, ...]:
    return (AXES.index(record.axis), *record.identity[1:])


def _spoilt(path: Path, error: Exception) -> ScorecardError:
    return ScorecardError(
        f"{path} is not a scorecard ({error}). It was left as it is. Delete it, and run the notebooks again to make "
        "it anew: vigilant run"
    )
