"""Everything removed at the end, whatever the end is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.check.check import Check
from deploy.check.objects import LABEL
from deploy.check.report import Failed, Report

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def removed_at_the_end(check: Check, report: Report) -> Iterator[None]:
    """Remove every namespace of the check when its block ends, also by an error, Ctrl-C, SIGTERM or SIGHUP.

    All that a check makes lies in its namespaces. Who presses Ctrl-C again ends the waiting; the removal goes on.

    Parameters
    ----------
    check : Check
        The check.
    report : Report
        Gets a line.

    Yields
    ------
    None
        While the signals raise KeyboardInterrupt.
    """
    former = {number: signal.signal(number, _interrupted) for number in _SIGNALS}
    try:
        yield
    finally:
        try:
            if not report.passed("cluster"):
                pass  # nothing was made
            elif check.settings.keep:
                report.add("removed", "not tried", f"--keep: later, kubectl delete namespace -l {LABEL}={check.name}")
            else:
                report.run("removed", lambda: _removed(check))
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _removed(check: Check) -> str:
    by_hand = f"kubectl get namespace -l {LABEL}={check.name}"
    try:
        made = _asked_to_go(check)
        check.settings.patience.until(lambda: _all_gone(check), lambda: _left(check, by_hand))
    except KeyboardInterrupt:
        raise Failed("Not waited for: the removal was asked for, and goes on in the cluster.", by_hand) from None
    return f"{', '.join(made) or 'nothing was left'} gone"


def _asked_to_go(check: Check) -> list[str]:
    held = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        made = check.found()
        _delete(check, made)
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
    return made


def _delete(check: Check, names: list[str]) -> None:
    if names:
        check.kubectl.said("delete", "namespace", *names, "--ignore-not-found", "--wait=false")


def _all_gone(check: Check) -> str | None:
    # Asked for again: a namespace may have come into being after we were told to end.
    left = check.found()
    _delete(check, left)
    return None if left else "gone"


def _left(check: Check, by_hand: str) -> Failed:
    why = []
    for name in check.found():
        status = check.kubectl.json("get", "namespace", name).get("status", {})
        said = [each["message"] for each in status.get("conditions", []) if each["status"] == "True"]
        why.append(f"{name} ({' '.join(said) or 'it does not say why'})")
    return Failed(f"Still there after {check.settings.patience.timeout:g} s: {', '.join(why)}.", f"look: {by_hand}")
