"""The network policies, tried by a pod that is a stranger first and may ask afterwards: nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deploy.check.check import Check
from deploy.check.load import DEPLOYMENT
from deploy.check.objects import MAY_ASK, guest
from deploy.check.report import Failed, NotTried

STRANGER = "stranger"
CLOSED = "closed"
_TRIES = 4


def network_is_closed(check: Check) -> str:
    """Ask the service from a stranger's pod, which must get nothing; then label its namespace, and it must be let in.

    The second half shows that the first meant something: the same pod, the same address.

    Parameters
    ----------
    check : Check
        Whose service answers those who may ask.

    Returns
    -------
    str
        What was seen.

    Raises
    ------
    NotTried
        If nothing on this cluster enforces policies.
    Failed
        If a stranger is answered, or who may ask is not.
    """
    url = f"{check.address(DEPLOYMENT, check.name)}/healthz"
    check.visit(STRANGER, check.strangers, "ask", url)
    first = _after(check, STRANGER, _TRIES, lambda tries: len(tries) >= _TRIES)
    answered = [each for each in first if each["status"]]
    if answered:
        raise _open(check, f"A stranger's pod got {answered[0]['status']} from {url}.")
    check.kubectl.json("label", "namespace", check.strangers, f"{MAY_ASK}=yes", "--overwrite")
    before = len(first)
    then = _after(check, STRANGER, before + 1, lambda tries: any(each["status"] == 200 for each in tries[before:]))
    if not any(each["status"] == 200 for each in then):
        raise Failed(
            f"A stranger's pod was refused ({first[-1]['seen']}), and so was the same pod when its namespace had the "
            f"label {MAY_ASK}=yes ({then[-1]['seen']}): the first refusal may have another reason than the policy.",
            f"kubectl -n {check.name} describe networkpolicy; can pods of other namespaces reach Services at all?",
        )
    return f"stranger's pod refused {len(first)} times ({first[-1]['seen']}); let in once its namespace was labelled"


def _open(check: Check, seen: str) -> Exception:
    """Find out whose fault it is: a pod behind a policy that lets nobody in is asked, too."""
    if _is_enforced(check):
        return Failed(
            f"{seen} The cluster does enforce policies: another one, which lets nobody in, held.",
            f"kubectl -n {check.name} get networkpolicy -o yaml: what lets namespace {check.strangers} in?",
        )
    return NotTried(
        f"{seen} A pod behind a policy that lets nobody in was reached, too: nothing on this cluster enforces network "
        "policies. Take a network plugin that does ('minikube start --cni calico')"
    )


def _is_enforced(check: Check) -> bool:
    where = {"name": CLOSED, "namespace": check.strangers, "labels": {"app": CLOSED}}
    server = guest(CLOSED, check.strangers, check.settings.image, "")
    server["metadata"] = where
    server["spec"]["containers"][0]["command"] = ["python", "-m", "http.server", "8080", "--directory", "/tools"]
    shut = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": CLOSED, "namespace": check.strangers},
        "spec": {"podSelector": {"matchLabels": {"app": CLOSED}}, "policyTypes": ["Ingress"]},
    }
    check.kubectl.apply([shut])
    check.kubectl.json("create", "-f", "-", given=[server])
    address = _address(check)
    check.visit("second-stranger", check.strangers, "ask", address)
    tries = _after(check, "second-stranger", 2 * _TRIES, lambda tries: len(tries) >= 2 * _TRIES)
    return not any(each["status"] for each in tries)


def _address(check: Check) -> str:
    def look() -> str | None:
        pod = check.kubectl.get("pod", CLOSED, check.strangers)
        address = pod.get("status", {}).get("podIP")
        running = pod.get("status", {}).get("phase") == "Running"
        return f"http://{f'[{address}]' if ':' in address else address}:8080/" if address and running else None

    def late() -> Failed:
        return check.failed("A pod has no address.", check.strangers)

    return check.settings.patience.until(look, late)


def _after(check: Check, pod: str, least: int, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Read a pod's tries until they are enough, or time is up and there are at least so many."""
    tries: list[dict[str, Any]] = []

    def look() -> str | None:
        tries[:] = [line["try"] for line in check.kubectl.log(pod, check.strangers)]
        return "enough" if enough(tries) else None

    def late() -> Failed:
        return check.failed(f"The pod {pod} has tried {len(tries)} times, and {least} were wanted.", check.strangers)

    try:
        check.settings.patience.until(look, late)
    except Failed:
        if len(tries) < least:
            raise
    return tries
