"""What is asked of a record before a model may be released: thresholds, and the file that holds them.

The course's own stand beside this file in ``thresholds.yaml``, an entry for each record:

.. code-block:: yaml

    - axis: training
      metric: accuracy
      dataset: signs
      model: course_cnn
      notebook: 01_training
      low_at_least: 0.9884      # the lower end of its interval; or high_at_most, or both
      reason: why this number and no other
      harmed: who is harmed if it is wrong
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import ScorecardError, did_you_mean
from helpers.scorecard.bands import Band
from helpers.scorecard.fields import AXES, check_choice, check_text, finite
from helpers.scorecard.records import Record

if TYPE_CHECKING:
    import yaml

_FILE = Path(__file__).with_name("thresholds.yaml")


@dataclass(frozen=True)
class Threshold:
    """What is asked of one record.

    Attributes
    ----------
    axis, metric, dataset, model, notebook : str
        Which record, and the notebook that writes it.
    reason : str
        Why this bound: a reason from outside the course's own results.
    harmed : str
        Who is harmed if the record does not keep it.
    low_at_least : float or None
        The least that the lower end of the record's interval may be; None where nothing is asked of it.
    high_at_most : float or None
        The most that the upper end may be; None where nothing is asked of it. With both, the whole interval must lie
        between them.
    line : int
        Where the entry begins in its file.

    Raises
    ------
    ScorecardError
        If one of them is not as said above.
    """

    axis: str
    metric: str
    dataset: str
    model: str
    notebook: str
    reason: str
    harmed: str
    low_at_least: float | None = None
    high_at_most: float | None = None
    line: int = 0

    def __post_init__(self) -> None:
        check_choice(self.axis, AXES, "axis")
        for name in ("metric", "dataset", "model", "notebook", "reason", "harmed"):
            check_text(getattr(self, name), name)
        for name in ("low_at_least", "high_at_most"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, finite(getattr(self, name), name))
        if self.low_at_least is None and self.high_at_most is None:
            raise ScorecardError("a bound is missing: low_at_least, high_at_most, or both")
        if self.least >= self.most:
            raise ScorecardError(
                f"low_at_least must be below high_at_most, got {self.least} and {self.most}: no interval lies between"
            )

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Which records it is about: axis, metric, dataset and model, whatever the budget and the seed."""
        return (self.axis, self.metric, self.dataset, self.model)

    @property
    def least(self) -> float:
        """What the lower end must reach; minus infinity where nothing is asked of it."""
        return -math.inf if self.low_at_least is None else self.low_at_least

    @property
    def most(self) -> float:
        """What the upper end may reach; infinity where nothing is asked of it."""
        return math.inf if self.high_at_most is None else self.high_at_most

    @property
    def asked(self) -> str:
        """What is asked, in a few words: ``"low >= 0.9884"``."""
        low, high = (f"low >= {self.least:g}", f"high <= {self.most:g}")
        return low if self.high_at_most is None else high if self.low_at_least is None else f"{low}, {high}"


def read_thresholds(path: Path | None = None, known: Iterable[Record | Band] | None = None) -> tuple[Threshold, ...]:
    """Read a file of thresholds; anew each time, for a verdict must not rest on yesterday's file.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file; the course's own if not given.
    known : iterable of Record or Band, optional
        What the course measures. If given, each threshold must be about one of them, and its bound must be one that
        this metric can reach and can fail.

    Returns
    -------
    tuple of Threshold
        In the order of the file.

    Raises
    ------
    ScorecardError
        If the file is not as described at the top of this page; the message names its line.
    """
    path = _FILE if path is None else Path(path)
    known = None if known is None else tuple(known)
    seen: dict[tuple[str, ...], Threshold] = {}
    for line, entry in _entries(path):
        where = f"{path.name}, line {line}"
        threshold = _threshold(entry, line, where)
        if threshold.key in seen:
            first = seen[threshold.key].line
            raise ScorecardError(f"{where}: {threshold.metric!r} has a threshold in line {first} already: keep one")
        seen[threshold.key] = threshold
        if known is not None:
            try:
                check_measured(threshold, _measured(threshold, known))
            except ScorecardError as error:
                raise ScorecardError(f"{where}: {error}") from None
    if not seen:
        raise ScorecardError(f"{path.name} holds no threshold: whoever asks nothing lets everything pass")
    return tuple(seen.values())


def check_measured(threshold: Threshold, measured: Record | Band) -> None:
    """Refuse a threshold that must not be on a record, or that cannot decide anything about it.

    Parameters
    ----------
    threshold : Threshold
        What is asked.
    measured : Record or Band
        What it is asked of.

    Raises
    ------
    ScorecardError
        If the record hangs on the clock or is not of the core, if another notebook writes it, if its metric cannot
        reach the bound or cannot fail it, or if the bound is on the end that says nothing about how good it is.
    """
    what = f"{threshold.metric!r} of {threshold.model}"
    if isinstance(measured, Record):
        _check_record(threshold, measured, what)
    if measured.notebook != threshold.notebook:
        raise ScorecardError(f"{what} is written by {measured.notebook}, not by {threshold.notebook}")
    least = -math.inf if measured.bounds[0] is None else measured.bounds[0]
    most = math.inf if measured.bounds[1] is None else measured.bounds[1]
    if threshold.low_at_least is not None and not least < threshold.least <= most:
        raise ScorecardError(
            f"low_at_least of {what} must lie above {least:g} and up to {most:g}, what it can be; "
            f"got {threshold.least:g}"
        )
    if threshold.high_at_most is not None and not least <= threshold.most < most:
        raise ScorecardError(
            f"high_at_most of {what} must lie from {least:g} up to below {most:g}, what it can be; "
            f"got {threshold.most:g}"
        )


def _check_record(threshold: Threshold, record: Record, what: str) -> None:
    if record.timed:
        raise ScorecardError(f"{what} hangs on the clock of the machine: no threshold may be on it")
    if not record.core:
        raise ScorecardError(f"{what} is from a cell tagged 'deeper', which may be left out: no threshold may be on it")
    end = "low_at_least" if record.direction == "higher" else "high_at_most"
    if getattr(threshold, end) is None:
        raise ScorecardError(f"of {what} {record.direction} is better, so {end} must be said")


def _measured(threshold: Threshold, known: tuple[Record | Band, ...]) -> Record | Band:
    """The one of many that a threshold is about; what is unknown is named, the coarsest first."""
    left = known
    for name in ("axis", "dataset", "model", "metric"):
        value, there = getattr(threshold, name), {str(getattr(one, name)) for one in left}
        if value not in there:
            raise ScorecardError(
                f"unknown {name} {value!r}: nothing of the kind is measured.{did_you_mean(value, there)}"
            )
        left = tuple(one for one in left if getattr(one, name) == value)
    return left[0]


def _threshold(entry: Mapping[str, tuple[int, Any]], line: int, where: str) -> Threshold:
    known = {field.name for field in fields(Threshold)} - {"line"}
    for name, (at, _) in entry.items():
        if name not in known:
            raise ScorecardError(f"{where.rpartition(' ')[0]} {at}: unknown {name!r}.{did_you_mean(name, known)}")
    needed = known - {"low_at_least", "high_at_most"}
    if missing := [field.name for field in fields(Threshold) if field.name in needed - entry.keys()]:
        raise ScorecardError(f"{where}: {', '.join(missing)} is missing")
    try:
        return Threshold(**{name: value for name, (_, value) in entry.items()}, line=line)
    except ScorecardError as error:
        raise ScorecardError(f"{where}: {error}") from None


def _entries(path: Path) -> Iterator[tuple[int, dict[str, tuple[int, Any]]]]:
    """Each entry of a file with its line, and the line of each of its fields."""
    import yaml

    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        if not isinstance(root, yaml.SequenceNode):
            raise ScorecardError(f"{path.name} must be a list of thresholds, each beginning with '- axis: ...'")
        for node in root.value:
            yield _line(node), _fields(node, loader, path)
    except ScorecardError:
        raise
    except OSError as error:
        raise ScorecardError(f"could not read {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, ValueError) as error:  # the second of a value that only looks like a date
        raise ScorecardError(f"{path.name} is not YAML: {error}") from None


def _fields(node: yaml.Node, loader: yaml.SafeLoader, path: Path) -> dict[str, tuple[int, Any]]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise ScorecardError(
            f"{path.name}, line {_line(node)}: a threshold has axis, metric, and so on, each with a value"
        )
    found: dict[str, tuple[int, Any]] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in found:
            raise ScorecardError(f"{path.name}, line {_line(key)}: {name!r} is said twice in one threshold")
        found[name] = (_line(key), loader.construct_object(value, deep=True))
    return found


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
