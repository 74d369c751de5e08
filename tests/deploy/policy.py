"""What our objects must keep, whatever a schema allows: small functions from objects to what is wrong with them.

Pod Security 'restricted' is the floor (https://kubernetes.io/docs/concepts/security/pod-security-standards/); limits,
probes, names of images and network policies come on top, as checkov and kube-linter would have them.
"""

from collections.abc import Iterator

POD_KINDS = {"Deployment": ("spec", "template", "spec"), "InferenceService": ("spec", "predictor"), "Pod": ("spec",)}
SAFE_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}{end}": value
    for mode in ("enforce", "audit", "warn")
    for end, value in (("", "restricted"), ("-version", "v1.34"))
}


def name_of(thing: dict) -> str:
    return f"{thing['kind']} {thing['metadata']['name']}"


def pods(objects: list[dict]) -> Iterator[tuple[str, dict, dict]]:
    """Name, pod and labels of everything that makes pods."""
    for each in objects:
        if each["kind"] in POD_KINDS:
            pod = each
            for step in POD_KINDS[each["kind"]]:
                pod = pod[step]
            template = each["spec"].get("template", {}).get("metadata", {}).get("labels", {})
            yield name_of(each), pod, template or pod.get("labels", {}) or each["metadata"].get("labels", {})


def containers(objects: list[dict]) -> Iterator[tuple[str, dict, dict]]:
    for name, pod, _ in pods(objects):
        for each in (*pod.get("initContainers", []), *pod["containers"]):
            yield f"{name}, container {each['name']}", each, pod


def runs_as_a_numbered_nobody(objects):
    for name, each, pod in containers(objects):
        said = pod.get("securityContext", {}) | each.get("securityContext", {})
        if said.get("runAsNonRoot") is not True or not said.get("runAsUser", 0) > 0:
            yield f"{name} may run as root: runAsNonRoot and a runAsUser above 0 are wanted"


def gains_no_privileges(objects):
    for name, each, _ in containers(objects):
        said = each.get("securityContext", {})
        if said.get("allowPrivilegeEscalation") is not False or said.get("privileged"):
            yield f"{name} may gain privileges"


def drops_all_capabilities(objects):
    for name, each, _ in containers(objects):
        said = each.get("securityContext", {}).get("capabilities", {})
        if said.get("drop") != ["ALL"] or said.get("add"):
            yield f"{name} keeps capabilities"


def has_seccomp(objects):
    for name, each, pod in containers(objects):
        said = pod.get("securityContext", {}) | each.get("securityContext", {})
        if said.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name} has no seccomp profile RuntimeDefault"


def writes_nowhere_else(objects):
    for name, each, _ in containers(objects):
        if each.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{name} can write to its root file system"


def has_limits(objects):
    for name, each, _ in containers(objects):
        said = each.get("resources", {})
        for kind in ("requests", "limits"):
            for what in ("cpu", "memory", "ephemeral-storage"):
                if what not in said.get(kind, {}):
                    yield f"{name} has no {kind[:-1]} for {what}"


def images_are_pinned(objects):
    for name, each, _ in containers(objects):
        if "@sha256:" not in each["image"]:
            yield f"{name} has the image {each['image']!r}: no digest"


def shares_nothing_with_the_node(objects):
    for name, pod, _ in pods(objects):
        yield from (f"{name} has {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key))
        for volume in pod.get("volumes", []):
            if kinds := set(volume) - {"name"} - SAFE_VOLUMES:
                yield f"{name}, volume {volume['name']}: {', '.join(sorted(kinds))}"
            if "emptyDir" in volume and not volume["emptyDir"].get("sizeLimit"):
                yield f"{name}, volume {volume['name']} may fill the node's disk"
    for name, each, _ in containers(objects):
        yield from (f"{name} takes a port of the node" for port in each.get("ports", []) if "hostPort" in port)


def gets_no_token(objects):
    accounts = {each["metadata"]["name"]: each for each in objects if each["kind"] == "ServiceAccount"}
    for name, pod, _ in pods(objects):
        account = accounts.get(pod.get("serviceAccountName"))
        if account is None or pod.get("automountServiceAccountToken") is not False:
            yield f"{name} gets a token, or an account that is not ours"
    for each in accounts.values():
        if each.get("automountServiceAccountToken") is not False:
            yield f"{name_of(each)} hands out its token"


def sees_no_other_service(objects):
    # Kubernetes would name each service of the namespace in variables, and those could look like our settings.
    for name, pod, _ in pods(objects):
        if pod.get("enableServiceLinks") is not False:
            yield f"{name} gets a variable for each service"


def has_probes(objects):
    for name, pod, _ in pods(objects):
        for each in pod["containers"]:
            for probe in PROBES:
                get = each.get(probe, {}).get("httpGet")
                if not get or get["port"] not in {port["name"] for port in each.get("ports", [])}:
                    yield f"{name} has no {probe} at a port of its own"
            ready, alive = (each.get(probe, {}).get("httpGet", {}).get("path") for probe in PROBES[1:])
            if ready == alive:
                yield f"{name} is ended where it is only not ready: both probes ask {alive}"


def ends_in_time(objects):
    for name, pod, _ in pods(objects):
        before = max(
            each.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            for each in pod["containers"]
        )
        if before < 1:
            yield f"{name} closes while requests still come: no preStop"
        if pod.get("terminationGracePeriodSeconds", 30) < before + 2 + 20 + 5:
            yield f"{name} is killed before it has answered what it accepted"


def is_spread_out(objects):
    for name, pod, labels in pods(objects):
        keys = set()
        for each in pod.get("topologySpreadConstraints", []):
            if matches(each.get("labelSelector", {}), labels):
                keys.add(each["topologyKey"])
        if not {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} <= keys:
            yield f"{name} may run on one node alone"


def namespace_is_restricted(objects):
    named = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Namespace"}
    for name, each in named.items():
        labels = each["metadata"].get("labels", {})
        yield from (
            f"Namespace {name}: {key} is not {value}" for key, value in RESTRICTED.items() if labels.get(key) != value
        )
    for each in objects:
        if each["kind"] != "Namespace" and each["metadata"].get("namespace") not in named:
            yield f"{name_of(each)} lies in no namespace of ours"


def matches(selector: dict, labels: dict) -> bool:
    """Whether a selector of labels takes these; an empty one takes all."""
    assert not selector.get("matchExpressions"), "not needed yet"
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def network_is_closed(objects):
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
    for name, _, labels in pods(objects):
        taking = [each["spec"] for each in policies if matches(each["spec"]["podSelector"], labels)]
        for direction in ("Ingress", "Egress"):
            if not any(direction in each["policyTypes"] for each in taking):
                yield f"{name}: no policy closes {direction.lower()}"
        if any(each.get("egress") for each in taking):
            yield f"{name} may reach out"
        rules = [rule for each in taking for rule in each.get("ingress", [])]
        if not rules:
            yield f"{name} can be asked by nobody"
        for rule in rules:
            if not rule.get("from") or not rule.get("ports"):
                yield f"{name} can be reached from everywhere, or at every port"
            for peer in rule.get("from", []):
                if not peer.get("namespaceSelector", peer.get("podSelector", {})).get("matchLabels"):
                    yield f"{name} can be reached from every namespace"
    if not any(each["spec"]["podSelector"] == {} and not each["spec"].get("ingress") for each in policies):
        yield "no policy denies by default"


def rest_selects_the_pods(objects):
    """What names pods by their labels finds them: a typing error there is silent in Kubernetes."""
    all_labels = [labels for _, _, labels in pods(objects)]
    for each in objects:
        selector = {"Service": lambda s: {"matchLabels": s["selector"]}, "PodDisruptionBudget": lambda s: s["selector"]}
        selector |= {"Deployment": lambda s: s["selector"], "NetworkPolicy": lambda s: s["podSelector"]}
        if each["kind"] in selector:
            wanted = selector[each["kind"]](each["spec"])
            if not any(matches(wanted, labels) for labels in all_labels):
                yield f"{name_of(each)} selects no pod"
        if each["kind"] == "HorizontalPodAutoscaler":
            wanted = each["spec"]["scaleTargetRef"]
            if not any((wanted["kind"], wanted["name"]) == (one["kind"], one["metadata"]["name"]) for one in objects):
                yield f"{name_of(each)} scales what is not there"
        if each["kind"] == "Service" and each["spec"].get("type", "ClusterIP") != "ClusterIP":
            yield f"{name_of(each)} needs a cloud, or opens a port of every node"


def rolls_without_a_gap(objects):
    for each in objects:
        said = each["spec"].get("strategy") if each["kind"] == "Deployment" else None
        said = each["spec"]["predictor"].get("deploymentStrategy") if each["kind"] == "InferenceService" else said
        if said is not None and (said.get("rollingUpdate") or {}).get("maxUnavailable") != 0:
            yield f"{name_of(each)} ends a pod before the next one is ready"
        if each["kind"] == "Deployment" and "replicas" in each["spec"]:
            yield f"{name_of(each)} overrules its autoscaler"


def names_what_is_there(objects):
    """ConfigMaps that pods take settings and keys from are among the objects, and none holds a secret."""
    maps = {each["metadata"]["name"] for each in objects if each["kind"] == "ConfigMap"}
    for name, pod, _ in pods(objects):
        named = [each["configMap"]["name"] for each in pod.get("volumes", []) if "configMap" in each]
        for each in pod["containers"]:
            named += [one["configMapRef"]["name"] for one in each.get("envFrom", []) if "configMapRef" in one]
        yield from (f"{name} needs the ConfigMap {each}, which is not there" for each in named if each not in maps)
    for each in objects:
        if each["kind"] == "ConfigMap" and "PRIVATE KEY" in str(each.get("data")):
            yield f"{name_of(each)} holds a private key"


def kserve_knows_its_mode(objects):
    for each in objects:
        if each["kind"] == "InferenceService":
            said = each["metadata"].get("annotations", {}).get("serving.kserve.io/deploymentMode")
            if said != "Standard":
                yield f"{name_of(each)} runs in whatever mode the installation has ({said})"
            if not any(one["name"] == "kserve-container" for one in each["spec"]["predictor"]["containers"]):
                yield f"{name_of(each)} has no container that KServe takes for the server"


RULES = (
    runs_as_a_numbered_nobody,
    gains_no_privileges,
    drops_all_capabilities,
    has_seccomp,
    writes_nowhere_else,
    has_limits,
    images_are_pinned,
    shares_nothing_with_the_node,
    gets_no_token,
    sees_no_other_service,
    has_probes,
    ends_in_time,
    is_spread_out,
    namespace_is_restricted,
    network_is_closed,
    rest_selects_the_pods,
    rolls_without_a_gap,
    names_what_is_there,
    kserve_knows_its_mode,
)


def problems(objects: list[dict]) -> list[str]:
    return [problem for rule in RULES for problem in rule(objects)]
