"""A release decision as people read it in a terminal, and as programs read it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import Any

from helpers.scorecard.decision import MISSING, STALE, WORST_FIRST, WRONG_GO, Decision, Judged
from helpers.scorecard.verdicts import BETTER, MET, NOT_MET, NOT_SHOWN

_WIDTH = 116
_INDENT = " " * 14
_ORDER = (MET, NOT_MET, NOT_SHOWN, MISSING, STALE)


def decision_text(decision: Decision) -> str:
    """Write a decision for a terminal: what was asked, what was found, why it matters, what to run.

    Parameters
    ----------
    decision : Decision
        What :func:`helpers.scorecard.decide` gave.

    Returns
    -------
    str
        Lines of at most 120 characters; the verdict is the last one.
    """
    lines = [f"held against {len(decision.judged)} thresholds: seed {decision.seed}, {decision.budget} budget"]
    for axis, said in decision.axes.items():
        lines += ["", f"{axis}: {said}"]
        for one in decision.judged:
            if one.threshold.axis == axis:
                lines += _of_record(one)
    to_run = [] if decision.to_run is None else [f"To run: {decision.to_run}"]
    return "\n".join([*lines, "", *_together(decision), "", *to_run, _last(decision)])


def decision_entry(decision: Decision) -> dict[str, Any]:
    """Put a decision into what JSON can hold.

    Parameters
    ----------
    decision : Decision
        What :func:`helpers.scorecard.decide` gave.

    Returns
    -------
    dict
        ``verdict``, ``go``, ``seed``, ``budget``, ``axes``, ``not_asked``, ``to_run``, ``wrong_go_at_most``,
        ``chance_of_go_if_better`` and ``records``, an entry for each threshold. What is infinite or unknown is None.
    """
    return {
        "verdict": decision.verdict,
        "go": decision.go,
        "seed": decision.seed,
        "budget": decision.budget,
        "axes": decision.axes,
        "not_asked": list(decision.not_asked),
        "to_run": decision.to_run,
        "wrong_go_at_most": WRONG_GO,
        "chance_of_go_if_better": {"better": BETTER, **decision.chances._asdict()},
        "records": [_entry(one) for one in decision.judged],
    }


def decision_counts(decision: Decision) -> str:
    """Say how many records got which verdict.

    Parameters
    ----------
    decision : Decision
        What :func:`helpers.scorecard.decide` gave.

    Returns
    -------
    str
        Such as ``"9 met, 6 not met, 3 not shown"``.
    """
    counts = {said: sum(one.verdict == said for one in decision.judged) for said in _ORDER}
    return ", ".join(f"{count} {said}" for said, count in counts.items() if count)


def decision_reasons(decision: Decision) -> list[str]:
    """Say what stands against a *go*, a line for each threshold that is not met.

    Parameters
    ----------
    decision : Decision
        What :func:`helpers.scorecard.decide` gave.

    Returns
    -------
    list of str
        What fails first, then what is stale or missing; empty for a *go*.
    """
    worst_first = sorted(decision.judged, key=lambda one: WORST_FIRST.index(one.verdict))
    return [_reason(one) for one in worst_first if one.verdict != MET]


def _reason(one: Judged) -> str:
    asked, record = one.threshold, one.record
    found = one.why if record is None else f"{record.value:.4g} [{record.low:.4g}, {record.high:.4g}]"
    about = f"{asked.axis} / {asked.metric} ({asked.model} on {asked.dataset})"
    return f"- {one.verdict}: {about}: asked {asked.asked}; {found}"


def _entry(one: Judged) -> dict[str, Any]:
    asked, record = one.threshold, one.record
    names = ("axis", "metric", "dataset", "model", "notebook", "low_at_least", "high_at_most", "reason", "harmed")
    measured = ("value", "low", "high", "n", "model_digest", "code")
    return {
        **{name: getattr(asked, name) for name in names},
        "verdict": one.verdict,
        "why": one.why or None,
        **{name: None if record is None else getattr(record, name) for name in measured},
        "margin": None if one.margin is None or math.isinf(one.margin) else one.margin,
        "cases_more": one.cases_more,
        "chance_if_better": one.chance_if_better,
    }


def _of_record(one: Judged) -> Iterator[str]:
    asked = one.threshold
    yield f"  {one.verdict:10}  {asked.metric}"
    if one.record is None:
        yield from _wrapped(f"{asked.model} on {asked.dataset}; asked: {asked.asked}. {one.why} ({asked.notebook})")
    else:
        yield from _wrapped(f"{asked.model} on {asked.dataset}: {_measured(one)}")
    if one.verdict == NOT_SHOWN:
        more = one.cases_more
        yield from _wrapped(
            "no number of cases would settle it while the value is the bound"
            if more is None
            else f"to settle it: {more:,} cases more, if the value stays where it is"
        )
    if one.record is not None and one.verdict != MET:
        yield from _wrapped(f"asked because: {asked.reason}")
        yield from _wrapped(f"harmed if not kept: {asked.harmed}")


def _measured(one: Judged) -> str:
    record, margin = one.record, one.margin
    if record is None or margin is None:
        return ""
    interval = f"{record.value:.4g} [{record.low:.4g}, {record.high:.4g}], n {record.n:,}"
    halves = "an interval without width" if math.isinf(margin) else f"{margin:+.1f} half-intervals from it"
    return f"{interval}; asked: {one.threshold.asked}; {halves}; met if {BETTER:.0%} better: {one.chance_if_better:.0%}"


def _together(decision: Decision) -> Iterator[str]:
    chances, judged = decision.chances, sum(one.record is not None for one in decision.judged)
    rule = (
        "The rule: go only if the interval of every record keeps its threshold. This is an intersection-union test: a "
        f"go that is wrong is at most {WRONG_GO:.0%} likely, however many thresholds there are and however the records "
        "hang together (each end of a 95% interval is passed by chance in 2.5% of runs; the rest is room for intervals "
        "that hold the truth a little less often than they say)."
    )
    price = (
        f"Its price: if the truth of all {judged} records here were {BETTER:.0%} better than its bound, the chance of "
        f"a go would be {chances.independent:.2g} if they had nothing to do with each other, and between "
        f"{chances.least:.2g} and {chances.most:.2g} however they hang together."
    )
    yield from textwrap.wrap(rule, _WIDTH)
    if judged:
        yield from textwrap.wrap(price, _WIDTH)
    if decision.not_asked:
        yield f"Nothing is asked of, and nothing said about: {', '.join(decision.not_asked)}."


def _last(decision: Decision) -> str:
    return f"{decision.verdict}: {decision_counts(decision)}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
