"""The trust gate: what ``vigilant decide`` says, and no threshold of its own."""

from __future__ import annotations

from pathlib import Path

from helpers.errors import CourseError, ScorecardError
from helpers.pipeline.files import MODEL, SCORECARD, VERDICT, read_json, write_json
from helpers.scorecard import Decision, decide, decision_entry, decision_reasons, read
from helpers.scorecard.outcomes import CANNOT_DECIDE


class GateRefused(CourseError):
    """A gate lets nothing pass; the message says why, record by record."""


def release_gate(model: Path, measured: Path, out: Path) -> None:
    """Ask for the verdict on this network, anew, and let it pass on a *go* alone.

    It must never be answered from a cache: whether a network may be released hangs on thresholds and on code, too,
    which are no inputs of this step. And :func:`gate_of_place` is not even handed the network.

    Parameters
    ----------
    model, measured : pathlib.Path
        Of :func:`helpers.pipeline.train_model` and :func:`helpers.pipeline.measure_model`.
    out : pathlib.Path
        Gets ``verdict.json``, whatever the verdict: that of ``vigilant decide --json``, and ``model_digest``, the
        weights that it is about.

    Raises
    ------
    GateRefused
        If the verdict is *no-go*, or nothing can be decided.
    """
    said = read_json(model / MODEL)
    digests = {said["model"]: said["digest"]}
    try:
        decision = decide(read(measured / SCORECARD), seed=said["seed"], budget=said["budget"], digests=digests)
    except ScorecardError as error:
        # As the command does: a file that cannot be read says nothing for the network.
        raise GateRefused(f"{CANNOT_DECIDE}: {error}") from None
    write_json(out / VERDICT, decision_entry(decision) | {"model_digest": said["digest"]})
    if not decision.go:
        raise GateRefused(_reasons(decision))


def gate_of_place(out: Path, *, place: Path) -> None:
    """The same gate, told where the newest network lies: what is planted to be answered from a cache.

    Many pipelines are built so, for it saves copies. Asked, it says the truth. But its parameter is the same every day,
    and for a cache the step with it.

    Parameters
    ----------
    out : pathlib.Path
        As for :func:`release_gate`.
    place : pathlib.Path
        A folder with ``model.json`` and ``scorecard.json``.

    Raises
    ------
    GateRefused
        As :func:`release_gate`.
    """
    release_gate(place, place, out)


def _reasons(decision: Decision) -> str:
    to_run = [f"To run: {decision.to_run}"] if decision.to_run else []
    return "\n".join([f"{decision.verdict}:", *decision_reasons(decision), *to_run])
