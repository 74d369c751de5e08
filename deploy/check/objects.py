"""What is sent: the objects of ``deploy/``, moved into namespaces of the check's own, and pods that ask."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from deploy.check.kubectl import Thing
from deploy.images import ROOT

FROM = "vigilant"
"""The namespace that the committed objects name."""

LABEL = "vigilant-vision/check"
"""Every namespace of a check has it, with the check's own name as value."""

MAY_ASK = "vigilant-vision/may-ask"
SERVICE = {"app.kubernetes.io/name": "vigilant-service"}
"""Labels of the service's pods."""

_TOOLS = {
    "inside.py": ROOT / "deploy" / "check" / "inside.py",
    "load.py": ROOT / "helpers" / "serving" / "load.py",
}


def moved(things: list[Thing], namespace: str, check: str) -> list[Thing]:
    """Move objects into another namespace, as kustomize's ``namespace:`` does, and what names that namespace with them.

    Kustomize leaves alone what other projects' kinds say of namespaces; here a monitor's ``matchNames`` and an
    application's destinations go along. Objects of other namespaces (Argo CD's) come into this one, too: a check
    touches nothing outside.

    Parameters
    ----------
    things : list of dict
        Objects; unchanged.
    namespace : str
        Where to.
    check : str
        Name of the check: its label on the namespace.

    Returns
    -------
    list of dict
        New objects.
    """
    copies = deepcopy(things)
    for each in copies:
        if each["kind"] == "Namespace":
            each["metadata"]["name"] = namespace
            each["metadata"].setdefault("labels", {})[LABEL] = check
        else:
            each["metadata"]["namespace"] = namespace
            _point(each.get("spec", {}), namespace)
    return copies


def _point(value: Any, namespace: str) -> None:
    """Turn every reference to the old namespace, in place."""
    if isinstance(value, list):
        for item in value:
            _point(item, namespace)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "namespace" and item == FROM:
                value[key] = namespace
            elif key == "matchNames":
                value[key] = [namespace if name == FROM else name for name in item]
            else:
                _point(item, namespace)


def guest_namespace(name: str, check: str, restricted: dict[str, str], *, may_ask: bool) -> Thing:
    """Make a namespace for pods that ask.

    Parameters
    ----------
    name, check : str
        Its name and that of the check.
    restricted : dict of str to str
        Labels of Pod Security, the same as the service's.
    may_ask : bool
        Whether the service lets its pods in.

    Returns
    -------
    dict
        A Namespace.
    """
    labels = restricted | {LABEL: check} | ({MAY_ASK: "yes"} if may_ask else {})
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def tools(namespace: str) -> Thing:
    """Make the ConfigMap of what runs in the pods that ask.

    Parameters
    ----------
    namespace : str
        Where.

    Returns
    -------
    dict
        A ConfigMap with two files.
    """
    data = {name: path.read_text(encoding="utf-8") for name, path in _TOOLS.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "tools", "namespace": namespace},
        "data": data,
    }


def guest(name: str, namespace: str, image: str, *arguments: str) -> Thing:
    """Make a pod that asks, within Pod Security 'restricted' and from the service's own image.

    Parameters
    ----------
    name, namespace : str
        What and where.
    image : str
        The service's.
    *arguments : str
        For ``inside.py``.

    Returns
    -------
    dict
        A Pod, which ends by itself after an hour should nobody remove it.
    """
    small = {"cpu": "50m", "memory": "96Mi", "ephemeral-storage": "32Mi"}
    container = {
        "name": "guest",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "/tools/inside.py", *arguments],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": small, "limits": small | {"cpu": "500m", "memory": "192Mi"}},
        "volumeMounts": [{"name": "tools", "mountPath": "/tools", "readOnly": True}],
    }
    spec = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 3600,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tools", "configMap": {"name": "tools"}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def pod_of(deployment: Thing) -> Thing:
    """Make the pod that a Deployment would make, under a name of its own.

    Parameters
    ----------
    deployment : dict
        With a namespace.

    Returns
    -------
    dict
        A Pod.
    """
    template = deepcopy(deployment["spec"]["template"])
    meta = {"name": "as-the-deployment-makes-it", "namespace": deployment["metadata"]["namespace"]}
    # Without its labels: a pod that is only tried must not be one that the Service sends requests to.
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


def bad_pods(good: Thing) -> dict[str, Thing]:
    """Spoil a good pod, each time in one way that Pod Security 'restricted' refuses.

    Parameters
    ----------
    good : dict
        A Pod; unchanged.

    Returns
    -------
    dict of str to dict
        What is wrong with it, to the Pod.
    """
    bad = {what: deepcopy(good) for what in ("a privileged pod", "a pod as root", "a pod with the node's files")}
    first = bad["a privileged pod"]["spec"]["containers"][0]
    # Nothing else about it may be at fault: 'privileged' without escalation is refused before admission.
    first["securityContext"] = first["securityContext"] | {"privileged": True, "allowPrivilegeEscalation": True}
    root = bad["a pod as root"]["spec"]
    root["securityContext"] = root["securityContext"] | {"runAsNonRoot": False, "runAsUser": 0}
    files = bad["a pod with the node's files"]["spec"]
    files["volumes"] = [*files.get("volumes", []), {"name": "node", "hostPath": {"path": "/"}}]
    return bad
