"""May this bundle be served? The release decision on its own scorecard, as ``vigilant decide`` gives it.

There is no threshold and no rule here. What a bundle adds is what the records must be of: its manifest says the seed,
the budget and the weights, and the key of each notebook's code *when it was packed*. That is the key which counts: a
record that other code had made by then was stale that day and is so for good, and code that was changed since has
changed neither the network nor what was measured of it. (In the image there is no notebook to make a key of; where
there is one, it takes seconds.) The thresholds are those of the code that serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpers.contracts import LARGEST_RUN_SEED, check_seed
from helpers.errors import CourseError
from helpers.scorecard.decision import Decision, decide
from helpers.scorecard.decision_pages import decision_entry, decision_reasons
from helpers.scorecard.fields import BUDGETS, check_choice
from helpers.scorecard.outcomes import CANNOT_DECIDE, GO
from helpers.scorecard.records import Record
from helpers.serving.bundle import BundleError

NETWORK = "course_cnn"
"""What the thresholds call the network of a bundle, whose weights are those that the manifest names."""

_SAID = 3  # reasons in one message
_NO_RUN = "its manifest does not say of which run the records must be (seed, budget, weights, code)"


class NotReleased(CourseError):
    """A bundle's verdict is neither *go* nor named; the message says it, the first reasons and the option."""


@dataclass(frozen=True)
class JudgedRun:
    """What the records of a bundle must be of, to count for its release.

    Attributes
    ----------
    seed : int
        The run's seed.
    budget : str
        ``"quick"`` or ``"full"``.
    code : mapping of str to str
        The key of each notebook's code, of :func:`helpers.scorecard.notebook_key`, when the bundle is packed. A record
        of a notebook that is not named is stale.

    Raises
    ------
    ValueError
        If `seed` or `budget` is none.
    """

    seed: int
    budget: str
    code: Mapping[str, str]

    def __post_init__(self) -> None:
        check_seed(self.seed, LARGEST_RUN_SEED)
        check_choice(self.budget, BUDGETS, "budget")


def released(
    scorecard: list[dict[str, Any]], run: Mapping[str, Any] | None, despite_verdict: str | None = None
) -> dict[str, Any]:
    """Decide about a bundle, and refuse it unless it is a *go* or its verdict was named.

    Parameters
    ----------
    scorecard : list of dict
        The bundle's records.
    run : Mapping or None
        What its manifest says of the run; None where it says nothing, as bundles of format 1.
    despite_verdict : str, optional
        ``"no-go"`` or ``"cannot decide"``: the verdict in spite of which the bundle is served. No other is let in.

    Returns
    -------
    dict
        As :func:`helpers.scorecard.decision_entry`; for a bundle without a run ``verdict``, ``go`` and ``why``.

    Raises
    ------
    NotReleased
        If it is refused.
    BundleError
        If the scorecard cannot be read, whatever was named: nobody knows what it says.
    ScorecardError, ValueError
        Whatever was named: if the thresholds cannot be read, a record that must have none is asked for by one, or the
        manifest's seed or budget is none.
    """
    records = _records(scorecard)
    if run is None:
        entry: dict[str, Any] = {"verdict": CANNOT_DECIDE, "go": False, "why": _NO_RUN}
        reasons = [f"- {_NO_RUN}. Pack it again"]
    else:
        decision = decision_on(records, run)
        entry, reasons = decision_entry(decision), _first_reasons(decision)
    if entry["verdict"] not in (GO, despite_verdict):
        raise NotReleased("\n".join([*_refused(entry["verdict"], despite_verdict), *reasons]))
    return entry


def decision_on(records: list[Record], run: Mapping[str, Any]) -> Decision:
    """Judge the records of a bundle.

    Parameters
    ----------
    records : list of Record
        Its scorecard.
    run : Mapping
        What they must be of, as its manifest says it: ``seed``, ``budget``, ``model_digest`` and ``code``.

    Returns
    -------
    Decision
        Of the course's thresholds.

    Raises
    ------
    ScorecardError, ValueError
        As :func:`helpers.scorecard.decide`.
    """
    code: Mapping[str, str] = run["code"]
    return decide(
        records,
        seed=run["seed"],
        budget=run["budget"],
        digests={NETWORK: run["model_digest"]},
        code_of=lambda notebook: code.get(notebook, "not in the bundle's manifest"),
    )


def _records(scorecard: Any) -> list[Record]:
    try:
        if not isinstance(scorecard, list):  # an empty object would pass as no records
            raise TypeError(f"a list is wanted, not {type(scorecard).__name__}")
        return [Record(**entry) for entry in scorecard]
    except (TypeError, ValueError) as error:
        raise BundleError(f"scorecard.json holds no records ({error}); make the bundle again with pack") from None


def _refused(verdict: str, despite: str | None) -> list[str]:
    another = f"; it was to be served despite {despite!r}, which is another verdict" if despite else ""
    return [
        f"the verdict on this bundle is {verdict}{another}. To serve it all the same, say so: "
        f'--despite-verdict "{verdict}", or despite_verdict="{verdict}" in a notebook. Against it stand:'
    ]


def _first_reasons(decision: Decision) -> list[str]:
    reasons = decision_reasons(decision)
    more = [f"- and {len(reasons) - _SAID} more"] if len(reasons) > _SAID else []
    to_run = [f"To run: {decision.to_run}; then pack the bundle again"] if decision.to_run else []
    return reasons[:_SAID] + more + to_run
