"""The release decision: every threshold against its record, and what is missing or stale said with what to run.

The same function answers the command ``vigilant decide``, notebook 13, the pipeline's gate and the service. Nothing is
kept between two calls: a verdict of yesterday says nothing about today's model. And it is about the models of one seed
and pictures like those they were tested on, not about other seeds or other roads.
"""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from helpers.contracts import LARGEST_RUN_SEED, check_seed
from helpers.errors import ScorecardError, did_you_mean
from helpers.scorecard.fields import AXES, BUDGETS, check_choice
from helpers.scorecard.keys import notebook_key
from helpers.scorecard.outcomes import CANNOT_DECIDE, GO, NO_GO
from helpers.scorecard.records import Record
from helpers.scorecard.thresholds import Threshold, check_measured, read_thresholds
from helpers.scorecard.verdicts import (
    MET,
    NOT_MET,
    NOT_SHOWN,
    cases_to_settle,
    chance_if_better,
    margin,
    verdict,
)

MISSING, STALE = "missing", "stale"
WRONG_GO = 0.05
"""What a wrong *go* may not exceed: see :mod:`helpers.scorecard.verdicts`."""

WORST_FIRST = (NOT_MET, NOT_SHOWN, STALE, MISSING, MET)
"""What can become of a threshold, in the order in which it is said."""


class Chances(NamedTuple):
    """The chance of a *go* for the records together.

    Attributes
    ----------
    independent : float
        If the records have nothing to do with each other: the product.
    least, most : float
        However they hang together (M. Fréchet, 1935): they fail on different days, or always on the same.
    """

    independent: float
    least: float
    most: float


@dataclass(frozen=True)
class Judged:
    """One threshold, and what became of it.

    Attributes
    ----------
    threshold : Threshold
        What is asked.
    verdict : str
        ``"met"``, ``"not met"``, ``"not shown"``, ``"missing"`` or ``"stale"``.
    record : Record or None
        What was judged; None where it is missing or stale.
    why : str
        What is wrong with a record that is missing or stale.
    """

    threshold: Threshold
    verdict: str
    record: Record | None = None
    why: str = ""

    @property
    def margin(self) -> float | None:
        """How far the record is from its bound, in halves of its interval; None without a record."""
        return None if self.record is None else margin(self.threshold, self.record)

    @property
    def cases_more(self) -> int | None:
        """How many cases more would settle it; None without a record, and where no number would."""
        return None if self.record is None else cases_to_settle(self.threshold, self.record)

    @property
    def chance_if_better(self) -> float | None:
        """The chance to meet the bound if the truth were 10% better than it; None without a record."""
        return None if self.record is None else chance_if_better(self.threshold, self.record)


@dataclass(frozen=True)
class Decision:
    """A verdict with everything that it rests on.

    Attributes
    ----------
    judged : tuple of Judged
        One for each threshold, in the order of their file.
    seed : int
        Of which seed the records are.
    budget : str
        ``"quick"`` or ``"full"``.

    Raises
    ------
    ScorecardError
        If nothing was asked, or `budget` is none.
    ValueError
        If `seed` is none.
    """

    judged: tuple[Judged, ...]
    seed: int
    budget: str

    def __post_init__(self) -> None:
        check_seed(self.seed, LARGEST_RUN_SEED)
        check_choice(self.budget, BUDGETS, "budget")
        if not self.judged:
            raise ScorecardError("there is no threshold: whoever asks nothing lets everything pass")

    @property
    def verdict(self) -> str:
        """``"go"`` if every threshold is met, ``"no-go"`` if a record fails its own, else ``"cannot decide"``.

        A record that is not there cannot turn a *no-go* into a *go*, so what fails is said even if others are missing.
        """
        return _of_all(one.verdict for one in self.judged)

    @property
    def go(self) -> bool:
        """Whether the model may be released. What cannot be decided is released as little as a *no-go*."""
        return self.verdict == GO

    @property
    def axes(self) -> dict[str, str]:
        """For each axis that has thresholds, the worst verdict of its records, in the order of :data:`AXES`."""
        found = {axis: {one.verdict for one in self.judged if one.threshold.axis == axis} for axis in AXES}
        return {axis: worst(of_axis) for axis, of_axis in found.items() if of_axis}

    @property
    def not_asked(self) -> tuple[str, ...]:
        """The axes of which nothing is asked: the verdict says nothing about them."""
        return tuple(axis for axis in AXES if axis not in self.axes)

    @property
    def to_run(self) -> str | None:
        """The command that makes what is missing or stale anew; None where nothing is."""
        notebooks = sorted({one.threshold.notebook for one in self.judged if one.record is None})
        if not notebooks:
            return None
        options = f"{f' --seed {self.seed}' if self.seed else ''}{' --budget full' if self.budget == 'full' else ''}"
        return f"vigilant run {' '.join(name.partition('_')[0] for name in notebooks)}{options}"

    @property
    def chances(self) -> Chances:
        """The chance of a *go* if all that was judged is truly 10% better than its bound."""
        each = [one.chance_if_better for one in self.judged]
        there = [chance for chance in each if chance is not None]
        worst = max(0.0, 1 - sum(1 - chance for chance in there))
        return Chances(math.prod(there), worst, min(there, default=1.0))


def decide(
    records: Iterable[Record],
    thresholds: Sequence[Threshold] | None = None,
    *,
    seed: int = 0,
    budget: str = "quick",
    digests: Mapping[str, str] | None = None,
    code_of: Callable[[str], str] | None = None,
) -> Decision:
    """Hold a scorecard against its thresholds.

    Parameters
    ----------
    records : iterable of Record
        What :func:`helpers.scorecard.read` gives, in any order.
    thresholds : sequence of Threshold, optional
        What is asked; the course's own, read anew, if not given.
    seed : int
        Of which seed the records must be; chosen before they are looked at: the best of five seeds is no evidence.
    budget : str
        Of which budget.
    digests : mapping of str to str, optional
        Which weights a model name must stand for. A model that is not named must be the same in all its records.
    code_of : callable, optional
        Gives the key of a notebook's code as it is now; computed from the source if not given. Where there is no
        checkout, the keys that came with the model say it.

    Returns
    -------
    Decision
        A verdict for each threshold, each axis and the release.

    Raises
    ------
    ScorecardError
        If a threshold is on a record that must have none, or as in :class:`Decision`.
    """
    thresholds = read_thresholds() if thresholds is None else thresholds
    given = set(records)
    of_run = {record for record in given if (record.seed, record.budget) == (seed, budget)}
    code = _code_now(code_of)
    judged = [_judged(threshold, given, of_run, code) for threshold in thresholds]
    judged = [_of_these_weights(one, judged, digests or {}) for one in judged]
    return Decision(tuple(judged), seed, budget)


def worst(verdicts: Iterable[str]) -> str:
    """The worst of some verdicts on records.

    Parameters
    ----------
    verdicts : iterable of str
        As :attr:`Judged.verdict`; at least one.

    Returns
    -------
    str
        *Not met* before *not shown*, then *stale*, *missing* and *met*.
    """
    return min(verdicts, key=WORST_FIRST.index)


def _of_all(verdicts: Iterable[str]) -> str:
    found = set(verdicts)
    if found <= {MET}:
        return GO
    return NO_GO if found & {NOT_MET, NOT_SHOWN} else CANNOT_DECIDE


def _about(record: Record) -> tuple[str, str, str, str]:
    return (record.axis, record.metric, record.dataset, record.model)


def _code_now(code_of: Callable[[str], str] | None) -> Callable[[str], str]:
    """The key of each notebook, made once for a decision; never the one that this process keeps since its start."""
    made: dict[str, str] = {}
    make = inspect.unwrap(notebook_key) if code_of is None else code_of

    def code(notebook: str) -> str:
        if notebook not in made:
            made[notebook] = make(notebook)
        return made[notebook]

    return code


def _judged(threshold: Threshold, given: set[Record], of_run: set[Record], code: Callable[[str], str]) -> Judged:
    found = [record for record in of_run if _about(record) == threshold.key]
    if not found:
        return _absent(threshold, given, of_run)
    if problem := _problem(threshold, found, code):
        return Judged(threshold, STALE, why=problem)
    try:
        check_measured(threshold, found[0])
    except ScorecardError as error:
        raise ScorecardError(f"thresholds, line {threshold.line}: {error}") from None
    return Judged(threshold, verdict(threshold, found[0]), found[0])


def _problem(threshold: Threshold, found: Sequence[Record], code: Callable[[str], str]) -> str | None:
    if len(found) > 1:
        return f"there are {len(found)} records of it that differ"
    [record] = found
    if record.notebook != threshold.notebook:
        return f"it was written by {record.notebook}"
    if record.code is None:
        return "it does not say what code made it"
    now = code(record.notebook)
    return None if record.code == now else f"it was made by older code ({record.code}, now {now})"


def _absent(threshold: Threshold, given: set[Record], of_run: set[Record]) -> Judged:
    """What there is instead of a record that is not there."""
    named = [record for record in given if (record.axis, record.metric) == threshold.key[:2]]
    others = [record for record in named if _about(record) == threshold.key]
    if others:
        there = sorted({f"seed {record.seed}, {record.budget}" for record in others})
        return Judged(threshold, STALE, why=f"there is one of {' and one of '.join(there)}")
    if named:
        there = sorted({f"{record.model} on {record.dataset}" for record in named})
        return Judged(threshold, STALE, why=f"there is one of {' and one of '.join(there)}")
    written = {record.metric for record in of_run if record.notebook == threshold.notebook}
    if written:
        hint = did_you_mean(threshold.metric, written)
        why = f"{threshold.notebook} has run and did not record it (thresholds, line {threshold.line}).{hint}"
        return Judged(threshold, MISSING, why=why)
    return Judged(threshold, MISSING, why="nothing is recorded")


def _of_these_weights(one: Judged, judged: Sequence[Judged], digests: Mapping[str, str]) -> Judged:
    """The same, or stale where the record is not of the weights that it must be of, or that the others are of."""
    if one.record is None:
        return one
    record, model = one.record, one.record.model
    others = [other.record for other in judged if other.record is not None]
    alike = [other for other in others if (other.model, other.dataset) == (model, record.dataset)]
    wanted = digests[model] if model in digests else _most(alike)
    if record.model_digest == wanted:
        return one
    said = record.model_digest or "weights that it does not name"
    return Judged(one.threshold, STALE, why=f"it is of {said}, and {model} must be {wanted}")


def _most(records: Sequence[Record]) -> str | None:
    """The weights of most of the records; of two that are named as often, those of the first notebook."""
    named = [(record.notebook, record.model_digest) for record in records if record.model_digest is not None]
    counts = Counter(digest for _, digest in named)
    return min(named, key=lambda one: (-counts[one[1]], one), default=("", None))[1]
