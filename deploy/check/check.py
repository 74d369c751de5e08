"""One check: its settings, its namespaces, and what several steps look at."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.check.kubectl import Kubectl, Thing
from deploy.check.objects import LABEL, SERVICE, guest
from deploy.check.report import Failed, NotTried, Patience


@dataclass(frozen=True)
class Settings:
    """What a check is told.

    Attributes
    ----------
    image, bundle : str
        The service's image and the bundle's, as the cluster's nodes pull them.
    key : pathlib.Path
        The public key of the bundle's maker.
    least_serial : int
        Bundles below it are refused.
    patience : Patience
        How long things are waited for.
    rate : float
        Requests a second of the load.
    keep : bool
        Whether the namespaces stay.
    despite_verdict : str or None
        The verdict of the release decision in spite of which the bundle is served.
    """

    image: str
    bundle: str
    key: Path
    least_serial: int = 1
    patience: Patience = field(default_factory=Patience)
    rate: float = 20.0
    keep: bool = False
    despite_verdict: str | None = None


@dataclass(frozen=True)
class Check:
    """A check on one cluster.

    Attributes
    ----------
    settings : Settings
        What it was told.
    kubectl : Kubectl
        The cluster.
    objects : Mapping of str to list of dict
        Rendered objects, by where they come from: ``service``, ``kserve``, ``monitoring``, ``argocd``.
    name : str
        Its namespace, and the beginning of its others: random at the end, so that two checks do not meet.
    """

    settings: Settings
    kubectl: Kubectl
    objects: Mapping[str, list[Thing]]
    name: str = field(default_factory=lambda: f"vigilant-check-{secrets.token_hex(3)}")

    @property
    def guests(self) -> str:
        """Namespace of pods that may ask."""
        return f"{self.name}-guests"

    @property
    def strangers(self) -> str:
        """Namespace of pods that may not."""
        return f"{self.name}-strangers"

    @property
    def kserve(self) -> str:
        """Namespace of the same service under KServe."""
        return f"{self.name}-kserve"

    @property
    def replicas(self) -> int:
        """How many pods there are at rest: the Deployment does not say, its autoscaler does."""
        return int(self.one("HorizontalPodAutoscaler")["spec"]["minReplicas"])

    def one(self, kind: str, where: str = "service") -> Thing:
        """Take a rendered object of which there is one.

        Parameters
        ----------
        kind, where : str
            Which, and from where.

        Returns
        -------
        dict
            The object.
        """
        return next(each for each in self.objects[where] if each["kind"] == kind)

    def visit(self, name: str, namespace: str, *arguments: str) -> None:
        """Start a pod that asks.

        Parameters
        ----------
        name, namespace : str
            What it is called, and where.
        *arguments : str
            For ``inside.py``.
        """
        self.kubectl.json("create", "-f", "-", given=[guest(name, namespace, self.settings.image, *arguments)])

    def address(self, service: str, namespace: str) -> str:
        """Find a Service's own address.

        By number and not by name: that a name is not found would look like a closed network.

        Parameters
        ----------
        service, namespace : str
            Which.

        Returns
        -------
        str
            ``http://...``, without a path. Of a Service without an address (``clusterIP: None``), a pod's.

        Raises
        ------
        Failed
            If it has neither.
        """
        said = self.kubectl.get("service", service, namespace)["spec"]
        if said.get("clusterIP") not in (None, "", "None"):
            return f"http://{_host(said['clusterIP'])}:{said['ports'][0]['port']}"
        for pod in self.kubectl.pods(namespace, said.get("selector") or SERVICE):
            if address := pod.get("status", {}).get("podIP"):
                return f"http://{_host(address)}:8080"
        raise Failed(
            f"The Service {service} has no address, and none of its pods has one.", f"kubectl -n {namespace} get pods"
        )

    def failed(self, seen: str, namespace: str, labels: Mapping[str, str] | None = None) -> Failed:
        """Make a failure of what was seen, and of what the cluster tells about the pods.

        Parameters
        ----------
        seen : str
            What was seen.
        namespace : str
            Where the pods are.
        labels : mapping of str to str, optional
            Theirs; without them, all pods there.

        Returns
        -------
        Failed
            To be raised.
        """
        pods = self.kubectl.pods(namespace, labels or {})
        for pod in pods:
            if said := trouble_of(pod):
                return Failed(f"{seen} {pod['metadata']['name']}: {said[0]}.", said[1])
        for each in [] if pods else self.kubectl.json("get", "deployments", f"--namespace={namespace}")["items"]:
            for one in each.get("status", {}).get("conditions", []):
                if (one["type"], one["status"]) == ("ReplicaFailure", "True"):
                    return Failed(f"{seen} No pod was made.", f"what refuses it says why: {one.get('message', '')}")
        return Failed(f"{seen} No pod says why.", f"kubectl -n {namespace} describe pods")

    def found(self) -> list[Thing]:
        """List the namespaces of this check that the cluster has.

        Returns
        -------
        list of dict
            Also those that are being removed.
        """
        things: list[Thing] = self.kubectl.json("get", "namespaces", f"--selector={LABEL}={self.name}")["items"]
        return things


def is_ready(pod: Thing) -> bool:
    """Ask whether a pod is ready and is not being ended.

    Parameters
    ----------
    pod : dict
        As the cluster has it.

    Returns
    -------
    bool
        Whether requests go to it.
    """
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


_LOG = "kubectl logs says why; OOMKilled means that its memory limit is too small."
_PULL = "is the image's address one that the nodes reach, and is the image there ('minikube image load')?"
_WHAT_TO_DO = {
    "ImagePullBackOff": _PULL,
    "ErrImagePull": _PULL,
    "CreateContainerConfigError": "a ConfigMap that it names is not there, or its user is not a number.",
    "Unschedulable": "give the nodes more room: three pods of the service ask for 1.5 processors and 0.75 GB.",
    "CrashLoopBackOff": "kubectl logs --previous. Status 3 means that the bundle was refused, or its verdict is "
    "not 'go' and was not named (--despite-verdict); the log says why.",
    "CreateContainerError": "kubectl describe pod: does the image have what its command names?",
    "RunContainerError": "kubectl describe pod: does the image have what its command names?",
}


def trouble_of(pod: Thing) -> tuple[str, str] | None:
    """Say what keeps a pod from running.

    Parameters
    ----------
    pod : dict
        As the cluster has it.

    Returns
    -------
    tuple of str, or None
        What it is, and what to do; None where nothing does.
    """
    status = pod.get("status", {})
    if status.get("reason"):  # the whole pod: Evicted, DeadlineExceeded
        return f"{status['reason']} ({status.get('message', '')})", "kubectl describe node"
    for each in status.get("conditions", []):
        if each.get("reason") in _WHAT_TO_DO:
            return f"{each['reason']} ({each.get('message', '')})", _WHAT_TO_DO[each["reason"]]
    for each in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        if said := _trouble_of_container(each):
            return f"container {each['name']}: {said[0]}", said[1]
    return None


def _trouble_of_container(container: Thing) -> tuple[str, str] | None:
    now, last = (container.get(each, {}) for each in ("state", "lastState"))
    waiting = now.get("waiting", {})
    if waiting.get("reason") in _WHAT_TO_DO:
        more = f", last ended with status {last['terminated']['exitCode']}" if "terminated" in last else ""
        why = f" ({waiting['message']})" if waiting.get("message") else ""
        return f"{waiting['reason']}{why}{more}", _WHAT_TO_DO[waiting["reason"]]
    ended = now.get("terminated", {})
    return (
        (f"ended with status {ended['exitCode']} ({ended.get('reason', '')})", _LOG) if ended.get("exitCode") else None
    )


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def known(kubectl: Kubectl, group: str, version: str, what: str) -> None:
    """Go on only where the cluster knows an interface.

    Parameters
    ----------
    kubectl : Kubectl
        The cluster.
    group, version : str
        The interface.
    what : str
        Who brings it, for the message.

    Raises
    ------
    NotTried
        If it does not.
    """
    if not kubectl.serves(group, version):
        raise NotTried(f"this cluster has no {group}/{version}: {what}")
