"""Requests without a break while something happens: pods that end, a rolling update. Not one may be lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from deploy.check.check import Check, is_ready
from deploy.check.kubectl import Thing
from deploy.check.objects import SERVICE
from deploy.check.report import Failed

ASKER = "asker"
DEPLOYMENT = "vigilant-service"
STRETCH = 15
"""Seconds that a connection of the load is kept.

Longer than a pod's preStop (5 s) and lingering (2 s) together: a pod is told to end while connections to it are in use,
as those of real clients are. With short ones, all would have gone elsewhere before.
"""

_ROLLED = "vigilant-vision/rolled-by"


def predicted(check: Check) -> str:
    """Ask for a prediction through the Service, from a pod that may ask.

    Parameters
    ----------
    check : Check
        Whose service is ready.

    Returns
    -------
    str
        What was seen.

    Raises
    ------
    Failed
        If nobody answers, or the answer is none.
    """
    address = check.address(DEPLOYMENT, check.name)
    check.visit(ASKER, check.guests, "load", address, str(check.settings.rate), str(STRETCH))
    tries: list[dict[str, Any]] = []

    def look() -> str | None:
        tries[:] = [line["try"] for line in check.kubectl.log(ASKER, check.guests) if "try" in line]
        good = [each["answer"] for each in tries if each["status"] == 200]
        return _checked(good[0]) if good else None

    def late() -> Failed:
        seen = f"POST {address}/predict was not answered"
        if not tries:
            return check.failed(f"{seen}: the pod that asks has not begun.", check.guests)
        return Failed(
            f"{seen}; the last of {len(tries)} tries: {tries[-1]['seen']}.",
            f"kubectl -n {check.name} get networkpolicy,endpointslices, and the log of the service's pods.",
        )

    return f"POST {address}/predict: {check.settings.patience.until(look, late)}"


def _checked(answer: dict[str, Any]) -> str:
    shares = answer.get("probabilities", {})
    if answer.get("class") not in shares or abs(sum(shares.values()) - 1) > 1e-3:
        raise Failed(f"The answer is no prediction: {str(answer)[:200]}.", "Is something else behind this Service?")
    return f"class {answer['class']!r} at {shares[answer['class']]:.2f}, version {answer['version']}"


def stretches(check: Check) -> list[dict[str, Any]]:
    """Read what the load has written so far.

    Parameters
    ----------
    check : Check
        Whose load.

    Returns
    -------
    list of dict
        One for each stretch of time, as ``inside.stretch`` makes them.
    """
    return [line["stretch"] for line in check.kubectl.log(ASKER, check.guests) if "stretch" in line]


def under_load(check: Check, happening: Callable[[Check], str]) -> str:
    """Let something happen under load, and count.

    Parameters
    ----------
    check : Check
        Whose load runs.
    happening : callable
        Does it, waits for its end, and gives back what it was.

    Returns
    -------
    str
        What was seen.

    Raises
    ------
    Failed
        If a request was lost, or there was no load.
    """
    before = _wait_for_stretches(check, len(stretches(check)) + 1)
    what = happening(check)
    # It begins when a stretch has just begun, and ends in one that is waited for: no connection is let go in between.
    _wait_for_stretches(check, len(stretches(check)) + 1)
    during = stretches(check)[before:]
    statuses: Counter[str] = Counter()
    for each in during:
        statuses.update(each["statuses"])
    lost, good = sum(each["lost"] for each in during), statuses.pop("200", 0)
    if lost or statuses or not good:
        others = "".join(f", {count} with status {status}" for status, count in sorted(statuses.items()))
        raise Failed(
            f"{what}; of the requests meanwhile {good} were answered, {lost} lost{others}.",
            "look at preStop, terminationGracePeriodSeconds and maxUnavailable, and at the log of the pod that ended.",
        )
    return f"{what}; {good} requests answered meanwhile, none lost, slowest {max(e['slowest'] for e in during):.2f} s"


def _wait_for_stretches(check: Check, count: int) -> int:
    def look() -> str | None:
        return "there" if len(stretches(check)) >= count else None

    def late() -> Failed:
        return Failed(
            f"The load has stopped after {len(stretches(check))} stretches.",
            f"kubectl -n {check.guests} describe pod {ASKER}",
        )

    check.settings.patience.until(look, late)
    return count


def end_a_pod(check: Check) -> str:
    """End one pod of the service, and wait until it is gone and another one ready.

    Parameters
    ----------
    check : Check
        Whose service is ready.

    Returns
    -------
    str
        What happened.

    Raises
    ------
    Failed
        If it does not go, or no other one comes.
    """
    ready = [pod["metadata"]["name"] for pod in check.kubectl.pods(check.name, SERVICE) if is_ready(pod)]
    if not ready:
        raise check.failed("No pod of the service is ready any more.", check.name, SERVICE)
    first = ready[0]
    check.kubectl.said("delete", "pod", first, f"--namespace={check.name}", "--wait=false")
    replaced(check, {first}, check.replicas)
    return f"pod {first} ended, and {check.replicas} are ready again"


def replaced(check: Check, former: set[str], count: int) -> None:
    """Wait until pods are gone and as many as before are ready.

    Parameters
    ----------
    check : Check
        Whose service.
    former : set of str
        Names of the pods that have to go.
    count : int
        How many have to be ready.

    Raises
    ------
    Failed
        If that does not come about.
    """

    def now() -> tuple[list[str], list[str]]:
        pods = check.kubectl.pods(check.name, SERVICE)
        left = [pod["metadata"]["name"] for pod in pods if pod["metadata"]["name"] in former]
        return left, [pod["metadata"]["name"] for pod in pods if is_ready(pod)]

    def look() -> str | None:
        left, ready = now()
        return "done" if not left and len(ready) >= count else None

    def late() -> Failed:
        left, ready = now()
        still = f"{len(left)} of {len(former)} former pods are still there ({', '.join(left) or 'none'})"
        return check.failed(f"{still}, and {len(ready)} of {count} ready.", check.name, SERVICE)

    check.settings.patience.until(look, late)


def roll(check: Check) -> str:
    """Change the Deployment's pods, and wait until every former one is gone.

    Parameters
    ----------
    check : Check
        Whose service is ready.

    Returns
    -------
    str
        What happened.

    Raises
    ------
    Failed
        If it is not rolled out.
    """
    former = {pod["metadata"]["name"] for pod in check.kubectl.pods(check.name, SERVICE)}
    change = json.dumps({"spec": {"template": {"metadata": {"annotations": {_ROLLED: check.name}}}}})
    where = f"--namespace={check.name}"
    wanted = check.kubectl.json("patch", "deployment", DEPLOYMENT, where, "--type=merge", f"--patch={change}")

    def look() -> str | None:
        return "done" if _rolled(check.kubectl.get("deployment", DEPLOYMENT, check.name), wanted) else None

    def late() -> Failed:
        status = check.kubectl.get("deployment", DEPLOYMENT, check.name).get("status", {})
        counts = f"{status.get('updatedReplicas', 0)} of {status.get('replicas', 0)} pods are new"
        return check.failed(f"The rolling update has not ended: {counts}.", check.name, SERVICE)

    check.settings.patience.until(look, late)
    replaced(check, former, check.replicas)
    return f"rolling update: {len(former)} pods replaced"


def _rolled(deployment: Thing, wanted: Thing) -> bool:
    status = deployment.get("status", {})
    seen = status.get("observedGeneration", 0) >= wanted["metadata"]["generation"]
    counts = [status.get(each, 0) for each in ("updatedReplicas", "replicas", "availableReplicas")]
    return seen and len(set(counts)) == 1 and counts[0] > 0
