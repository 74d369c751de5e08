"""The steps, in the order in which they are tried; each gives back what was seen, or raises what is to be said."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from deploy.check.check import Check, is_ready, known
from deploy.check.kubectl import KubectlError, Thing
from deploy.check.load import DEPLOYMENT, end_a_pod, predicted, roll, under_load
from deploy.check.network import network_is_closed
from deploy.check.objects import SERVICE, bad_pods, guest_namespace, moved, pod_of, tools
from deploy.check.report import Failed, Report

Step = tuple[str, Callable[[Check], str], tuple[str, ...]]
"""Title, what it does, and the steps without which it means nothing."""


def cluster(check: Check) -> str:
    """Find the cluster that the current kubeconfig names.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        Context and version.

    Raises
    ------
    Failed
        If none answers.
    """
    try:
        context = repr(check.kubectl.said("config", "current-context")[0].strip())
    except KubectlError:  # inside a cluster there is none, and none is needed
        context = "none named"
    try:
        version = check.kubectl.json("version")["serverVersion"]["gitVersion"]
    except (KubectlError, KeyError) as error:
        raise Failed(
            f"No cluster answers: {error}.", "start one ('minikube start', docs/deploy.md), or set KUBECONFIG."
        ) from error
    return f"context {context}, Kubernetes {version}"


def own_namespaces(check: Check) -> str:
    """Make the namespaces: the service's, one for pods that may ask, one for strangers.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        Their names.
    """
    main = moved([check.one("Namespace")], check.name, check.name)[0]
    labels = {key: value for key, value in main["metadata"]["labels"].items() if key.startswith("pod-security")}
    guests = guest_namespace(check.guests, check.name, labels, may_ask=True)
    strangers = guest_namespace(check.strangers, check.name, labels, may_ask=False)
    try:
        check.kubectl.apply([main, guests, strangers], dry=True)
        check.kubectl.apply([main, guests, strangers])
        check.kubectl.apply([tools(check.guests), tools(check.strangers)])
    except KubectlError as error:
        raise Failed(
            f"The cluster refuses: {error}.",
            "take an account that may make namespaces ('kubectl auth can-i create namespaces').",
        ) from error
    return ", ".join((check.name, check.guests, check.strangers))


def _sent(check: Check, where: str, namespace: str) -> list[Thing]:
    return [each for each in moved(check.objects[where], namespace, check.name) if each["kind"] != "Namespace"]


def dry_run(check: Check) -> str:
    """Let the server judge every object of the service, and store none.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        How many.
    """
    return _counted(_quietly(check, _sent(check, "service", check.name), dry=True))


def applied(check: Check) -> str:
    """Apply every object of the service.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        How many.
    """
    return _counted(_quietly(check, _sent(check, "service", check.name), dry=False))


def _taken(check: Check, things: list[Thing], *, dry: bool) -> tuple[list[Thing], str]:
    try:
        return check.kubectl.apply(things, dry=dry)
    except KubectlError as error:
        raise Failed(f"The cluster refuses: {error}.", "mend the object that it names, in deploy/.") from error


def _quietly(check: Check, things: list[Thing], *, dry: bool) -> list[Thing]:
    back, warnings = _taken(check, things, dry=dry)
    if warnings:
        raise Failed(f"The cluster warns: {warnings}.", "change the object in deploy/ until it does not.")
    return back


def _accepted(check: Check, where: str, namespace: str) -> str:
    """Dry run and apply of other projects' kinds: what their controllers remark is told, and is no failure of ours."""
    things = _sent(check, where, namespace)
    _taken(check, things, dry=True)
    back, warnings = _taken(check, things, dry=False)
    return f"{_counted(back)} accepted{f' (the cluster warns: {warnings})' if warnings else ''}"


def _counted(things: list[Thing]) -> str:
    return f"{len(things)} objects ({', '.join(sorted({each['kind'] for each in things}))})"


def pods_are_accepted(check: Check) -> str:
    """Let Pod Security judge the pod that the Deployment makes.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        What was seen.
    """
    deployment = moved([check.one("Deployment")], check.name, check.name)[0]
    try:
        check.kubectl.try_pod(pod_of(deployment))
    except KubectlError as error:
        raise Failed(f"The service's own pod was refused: {error}.", "mend the pod in deploy/kubernetes.") from error
    labels = check.kubectl.json("get", "namespace", check.name)["metadata"]["labels"]
    return f"the service's pod is let in where {labels.get('pod-security.kubernetes.io/enforce')!r} is enforced"


def bad_pods_are_refused(check: Check) -> str:
    """Let Pod Security judge a privileged pod, and two others that are no better. None is made.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        What was refused.

    Raises
    ------
    Failed
        If one is let in, or is refused for another reason.
    """
    spoilt = bad_pods(pod_of(moved([check.one("Deployment")], check.name, check.name)[0]))
    for what, pod in spoilt.items():
        try:
            check.kubectl.try_pod(pod)
        except KubectlError as error:
            if "violates PodSecurity" not in str(error):
                raise Failed(
                    f"{what} was refused, but not by Pod Security: {error}.",
                    "without that other guard it might be let in: look at the labels of the namespace.",
                ) from error
        else:
            raise Failed(
                f"{what} was let in.",
                f"kubectl get namespace {check.name} -o yaml: is 'enforce: restricted' there, and does an admission "
                "configuration exempt it?",
            )
    return f"refused as violating PodSecurity: {', '.join(spoilt)}"


def ready(check: Check) -> str:
    """Wait for the Deployment's pods, as many as the autoscaler wants at least.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        How many.

    Raises
    ------
    Failed
        If they do not become ready.
    """

    def count() -> int:
        return sum(is_ready(pod) for pod in check.kubectl.pods(check.name, SERVICE))

    def look() -> str | None:
        found = count()
        return f"{found} pods ready" if found >= check.replicas else None

    def late() -> Failed:
        seen = f"{count()} of {check.replicas} pods are ready after {check.settings.patience.timeout:g} s."
        return check.failed(seen, check.name, SERVICE)

    return check.settings.patience.until(look, late)


def scaled(check: Check) -> str:
    """Look whether the autoscaler sees the pods' processors.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        What it sees.

    Raises
    ------
    NotTried
        If nobody measures on this cluster.
    Failed
        If the autoscaler sees nothing.
    """
    known(check.kubectl, "metrics.k8s.io", "v1beta1", "metrics-server brings it; without it nothing scales")

    def look() -> str | None:
        status = check.kubectl.get("horizontalpodautoscaler", DEPLOYMENT, check.name).get("status", {})
        seen = [each.get("resource", {}).get("current", {}) for each in status.get("currentMetrics") or []]
        shares = [each["averageUtilization"] for each in seen if "averageUtilization" in each]
        return f"{shares[0]}% of the request, {status.get('currentReplicas')} pods" if shares else None

    def late() -> Failed:
        return Failed("The autoscaler sees no processor time.", f"kubectl -n {check.name} describe hpa")

    return check.settings.patience.until(look, late)


def monitored(check: Check) -> str:
    """Apply what watches the service.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        How many objects. Whether a Prometheus scrapes them is not looked at.
    """
    known(check.kubectl, "monitoring.coreos.com", "v1", "the Prometheus operator brings it")
    return f"{_accepted(check, 'monitoring', check.name)}; that something scrapes was not looked at"


def followed(check: Check) -> str:
    """Apply Argo CD's project and applications, pointed at the check's namespace.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        How many objects. That something is synchronised is not looked at: their repository is a placeholder.
    """
    known(check.kubectl, "argoproj.io", "v1alpha1", "Argo CD brings it")
    return f"{_accepted(check, 'argocd', check.name)}; nothing was synchronised"


def under_kserve(check: Check) -> str:
    """Run the same service under KServe, in a namespace of its own, and ask it from a pod that may.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        What was seen.

    Raises
    ------
    NotTried
        If there is no KServe.
    Failed
        If it does not become ready, or does not answer.
    """
    known(check.kubectl, "serving.kserve.io", "v1beta1", "KServe brings it")
    _make_room(check)
    namespace = moved([check.one("Namespace", "kserve")], check.kserve, check.name)
    check.kubectl.apply(namespace)
    accepted = _accepted(check, "kserve", check.kserve)
    name = check.one("InferenceService", "kserve")["metadata"]["name"]

    def look() -> str | None:
        status = check.kubectl.get("inferenceservice", name, check.kserve).get("status", {})
        good = [each for each in status.get("conditions", []) if each["type"] == "Ready" and each["status"] == "True"]
        return "ready" if good else None

    def late() -> Failed:
        status = check.kubectl.get("inferenceservice", name, check.kserve).get("status", {})
        bad = [f"{each['type']}: {each.get('message', '')}" for each in status.get("conditions", [])]
        seen = f"The InferenceService is not ready ({'; '.join(bad) or 'it says nothing: is the controller running?'})."
        return check.failed(seen, check.kserve, SERVICE)

    check.settings.patience.until(look, late)
    return f"{accepted}; InferenceService ready; {_health(check, check.address(f'{name}-predictor', check.kserve))}"


def _health(check: Check, address: str) -> str:
    url = f"{address}/v2/health/ready"
    check.visit("kserve-asker", check.guests, "ask", url)

    def tries() -> list[Thing]:
        return [line["try"] for line in check.kubectl.log("kserve-asker", check.guests)]

    def look() -> str | None:
        return f"GET {url} answered" if any(each["status"] == 200 for each in tries()) else None

    def late() -> Failed:
        last = tries()[-1:]
        return Failed(
            f"GET {url} was not answered ({last[0]['seen'] if last else 'the pod that asks has not begun'}).",
            f"kubectl -n {check.kserve} get networkpolicy,service,endpointslices",
        )

    return check.settings.patience.until(look, late)


def _make_room(check: Check) -> None:
    """Take the Deployment's pods away, unless all is kept: a small cluster has no room for both."""
    if check.settings.keep:
        return
    where = f"--namespace={check.name}"
    check.kubectl.said("delete", "deployment", DEPLOYMENT, where, "--ignore-not-found", "--wait=false")


STEPS: tuple[Step, ...] = (
    ("cluster", cluster, ()),
    ("namespaces", own_namespaces, ("cluster",)),
    ("dry run", dry_run, ("namespaces",)),
    ("apply", applied, ("dry run",)),
    ("Pod Security lets the service in", pods_are_accepted, ("apply",)),
    ("Pod Security refuses others", bad_pods_are_refused, ("Pod Security lets the service in",)),
    ("ready", ready, ("apply",)),
    ("predict", predicted, ("ready",)),
    ("a pod ends under load", partial(under_load, happening=end_a_pod), ("predict",)),
    ("a rolling update under load", partial(under_load, happening=roll), ("predict",)),
    ("network policy", network_is_closed, ("predict",)),
    ("autoscaler", scaled, ("ready",)),
    ("monitoring", monitored, ("namespaces",)),
    ("Argo CD", followed, ("namespaces",)),
    ("KServe", under_kserve, ("namespaces",)),
)
"""All steps, in order."""


def run_steps(check: Check, report: Report) -> None:
    """Try every step.

    Parameters
    ----------
    check : Check
        The check.
    report : Report
        Gets a line for each.
    """
    for title, function, needs in STEPS:
        report.run(title, partial(function, check), needs)
