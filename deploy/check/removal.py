"""Everything removed at the end, whatever the end is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.check.check import Check
from deploy.check.kubectl import Thing
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
    with _signals(_interrupted):
        try:
            yield
        finally:
            if not report.passed("cluster"):
                pass  # nothing was made
            elif check.settings.keep:
                report.add("removed", "not tried", f"--keep; later: kubectl delete namespace -l {LABEL}={check.name}")
            else:
                report.run("removed", lambda: _removed(check))


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@contextmanager
def _signals(handler: Any) -> Iterator[None]:
    former = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, before in former.items():
            signal.signal(number, before)


def _removed(check: Check) -> str:
    by_hand = f"kubectl get namespace -l {LABEL}={check.name}"
    with _signals(signal.SIG_IGN):  # asking takes a moment, and must not be cut short
        made = check.found()
        _delete(check, made)
    try:
        check.settings.patience.until(lambda: _all_gone(check), lambda: _left(check, by_hand))
    except KeyboardInterrupt:
        raise Failed("Not waited for: the removal was asked for, and goes on in the cluster.", by_hand) from None
    return f"{', '.join(map(_name, made)) or 'nothing was left'} gone"


def _name(namespace: Thing) -> str:
    return str(namespace["metadata"]["name"])


def _delete(check: Check, namespaces: list[Thing]) -> None:
    if names := [_name(each) for each in namespaces if "deletionTimestamp" not in each["metadata"]]:
        check.kubectl.said("delete", "namespace", *names, "--ignore-not-found", "--wait=false")


def _all_gone(check: Check) -> str | None:
    # Asked for again: a namespace may have come into being after we were told to end.
    left = check.found()
    _delete(check, left)
    return None if left else "gone"


def _left(check: Check, by_hand: str) -> Failed:
    why = []
    for each in check.found():
        conditions = each.get("status", {}).get("conditions", [])
        said = [one["message"] for one in conditions if one["status"] == "True"]
        why.append(f"{_name(each)} ({' '.join(said) or 'it does not say why'})")
    return Failed(f"Still there after {check.settings.patience.timeout:g} s: {', '.join(why)}.", f"look: {by_hand}")
