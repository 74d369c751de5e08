"""What Kubernetes is given: rendered as kubectl does it, valid for 1.34 to the last field, and within our policies."""

from copy import deepcopy

import pytest
import yaml

from deploy.__main__ import main
from deploy.manifests import WAYS, write_overlay
from helpers.errors import CourseError
from helpers.scorecard.outcomes import NOT_GO
from helpers.serving import make_keys
from helpers.serving.__main__ import _parser
from tests.conftest import ROOT
from tests.deploy import policy
from tests.deploy.kustomize import rendered
from tests.deploy.schemas import invalid

DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE, BUNDLE = f"registry.example.org/vision/service@{DIGEST}", f"127.0.0.1:5000/bundle@{DIGEST}"
CRDS = {"InferenceService": "kserve-v0.20.0-inferenceservice-crd.yaml"}


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    _, public = make_keys(tmp_path_factory.mktemp("manifests") / "keys")
    return public


@pytest.fixture(scope="module")
def written(key, tmp_path_factory):
    """The objects of each way, rendered once."""
    folder = tmp_path_factory.mktemp("overlays")
    for way in WAYS:
        write_overlay(folder / way, way, image=IMAGE, bundle=BUNDLE, key=key, least_serial=7)
    return {way: rendered(folder / way) for way in WAYS}


@pytest.fixture(params=WAYS)
def objects(written, request):
    return deepcopy(written[request.param])


def test_every_object_is_valid_to_the_last_field(objects):
    assert {policy.name_of(each): invalid(each, CRDS) for each in objects if invalid(each, CRDS)} == {}


def test_the_pod_that_kserve_makes_is_valid_too(written):
    # KServe hands these fields on to a Deployment of its own; its own schema knows a Kubernetes of the day it was made.
    own = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "deploymentStrategy", "labels"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "made"}}
    predictor = one(deepcopy(written["kserve"]), "InferenceService")["spec"]["predictor"]
    assert own <= set(predictor)
    pod["spec"] = {key: value for key, value in predictor.items() if key not in own}
    assert invalid(pod, CRDS) == []
    pod["spec"]["scaleMetrics"] = "cpu"
    assert invalid(pod, CRDS) != []


def test_each_way_holds_what_it_should(written):
    kinds = {way: sorted(each["kind"] for each in objects) for way, objects in written.items()}
    common = ["ConfigMap", "ConfigMap", "Namespace", "NetworkPolicy", "NetworkPolicy", "ServiceAccount"]
    plain = ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"]
    assert kinds == {"service": sorted(common + plain), "kserve": sorted([*common, "InferenceService"])}


def spoilt(objects, kind, change):
    found = [each for each in objects if each["kind"] == kind]
    change(found[0])
    return found[0]


@pytest.mark.parametrize(
    ("way", "kind", "change"),
    [
        ("service", "Deployment", lambda d: d["spec"]["template"]["spec"].update(securityContxt={})),
        ("service", "Deployment", lambda d: d["spec"].pop("selector")),
        ("service", "Deployment", lambda d: d.update(kind="Deploymint")),
        ("service", "HorizontalPodAutoscaler", lambda d: d.update(apiVersion="autoscaling/v2beta2")),
        ("service", "NetworkPolicy", lambda d: d["spec"].update(policyType=["Ingress"])),
        ("kserve", "InferenceService", lambda d: d["spec"]["predictor"].update(minReplica=2)),
        ("kserve", "InferenceService", lambda d: d["spec"]["predictor"].update(minReplicas="two")),
        ("kserve", "InferenceService", lambda d: d["spec"]["predictor"]["containers"][0].update(command="cp")),
        ("kserve", "InferenceService", lambda d: d["spec"]["predictor"]["containers"][0]["lifecycle"].update(pre={})),
    ],
)
def test_a_wrong_field_is_found(written, way, kind, change):
    assert invalid(spoilt(deepcopy(written[way]), kind, change), CRDS) != []


def test_every_policy_is_kept(objects):
    assert policy.problems(objects) == []


def pod_of(objects):
    [(_, pod, _)] = policy.pods(objects)
    return pod


def one(objects, kind):
    return next(each for each in objects if each["kind"] == kind)


def on_the_pod(change):
    return lambda objects: change(pod_of(objects))


def on_the_container(change):
    return lambda objects: change(pod_of(objects)["containers"][0])


def on_the_first(change):
    return lambda objects: change(pod_of(objects)["initContainers"][0])


def on(kind, change):
    return lambda objects: change(one(objects, kind))


def without(*kinds):
    def change(objects):
        objects[:] = [each for each in objects if each["kind"] not in kinds]

    return change


PLANTED = [
    ("runs_as_a_numbered_nobody", on_the_pod(lambda p: p["securityContext"].update(runAsUser=0))),
    ("runs_as_a_numbered_nobody", on_the_first(lambda c: c["securityContext"].update(runAsNonRoot=False))),
    ("gains_no_privileges", on_the_container(lambda c: c["securityContext"].pop("allowPrivilegeEscalation"))),
    ("gains_no_privileges", on_the_first(lambda c: c["securityContext"].update(privileged=True))),
    (
        "drops_all_capabilities",
        on_the_container(lambda c: c["securityContext"]["capabilities"].update(add=["NET_RAW"])),
    ),
    ("drops_all_capabilities", on_the_first(lambda c: c["securityContext"].pop("capabilities"))),
    ("has_seccomp", on_the_pod(lambda p: p["securityContext"].pop("seccompProfile"))),
    ("has_seccomp", on_the_container(lambda c: c["securityContext"].update(seccompProfile={"type": "Unconfined"}))),
    ("writes_nowhere_else", on_the_container(lambda c: c["securityContext"].update(readOnlyRootFilesystem=False))),
    ("has_limits", on_the_container(lambda c: c["resources"]["limits"].pop("memory"))),
    ("has_limits", on_the_first(lambda c: c["resources"]["requests"].pop("cpu"))),
    ("images_are_pinned", on_the_container(lambda c: c.update(image="vision/service:latest"))),
    ("images_are_pinned", on_the_first(lambda c: c.update(image="vision/bundle:1.2"))),
    ("shares_nothing_with_the_node", on_the_pod(lambda p: p["volumes"][0].update(hostPath={"path": "/"}))),
    ("shares_nothing_with_the_node", on_the_pod(lambda p: p.update(hostNetwork=True))),
    ("shares_nothing_with_the_node", on_the_pod(lambda p: p["volumes"][0]["emptyDir"].pop("sizeLimit"))),
    ("shares_nothing_with_the_node", on_the_container(lambda c: c["ports"][0].update(hostPort=80))),
    ("gets_no_token", on_the_pod(lambda p: p.pop("automountServiceAccountToken"))),
    ("gets_no_token", on("ServiceAccount", lambda a: a.update(automountServiceAccountToken=True))),
    ("gets_no_token", on_the_pod(lambda p: p.update(serviceAccountName="default"))),
    ("sees_no_other_service", on_the_pod(lambda p: p.pop("enableServiceLinks"))),
    ("has_probes", on_the_container(lambda c: c.pop("startupProbe"))),
    ("has_probes", on_the_container(lambda c: c["livenessProbe"].update(httpGet=c["readinessProbe"]["httpGet"]))),
    ("has_probes", on_the_container(lambda c: c["readinessProbe"]["httpGet"].update(port="htpt"))),
    ("ends_in_time", on_the_pod(lambda p: p.update(terminationGracePeriodSeconds=20))),
    ("ends_in_time", on_the_container(lambda c: c.pop("lifecycle"))),
    ("is_spread_out", on_the_pod(lambda p: p["topologySpreadConstraints"].pop())),
    (
        "is_spread_out",
        on_the_pod(lambda p: p["topologySpreadConstraints"][0].update(labelSelector={"matchLabels": {"a": "b"}})),
    ),
    ("namespace_is_restricted", on("Namespace", lambda n: n["metadata"]["labels"].popitem())),
    ("namespace_is_restricted", on("ServiceAccount", lambda a: a["metadata"].update(namespace="default"))),
    ("network_is_closed", without("NetworkPolicy")),
    ("network_is_closed", on("NetworkPolicy", lambda n: n["spec"].update(podSelector={"matchLabels": {"a": "b"}}))),
    ("rest_selects_the_pods", on("NetworkPolicy", lambda n: n["spec"].update(podSelector={"matchLabels": {"a": "b"}}))),
    ("names_what_is_there", without("ConfigMap")),
    ("names_what_is_there", on("ConfigMap", lambda m: m["data"].update({"a": "-----BEGIN PRIVATE KEY-----"}))),
]
ONE_WAY = [
    (
        "service",
        "rolls_without_a_gap",
        on("Deployment", lambda d: d["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1)),
    ),
    ("service", "rolls_without_a_gap", on("Deployment", lambda d: d["spec"].update(replicas=2))),
    ("service", "rest_selects_the_pods", on("Service", lambda s: s["spec"].update(type="LoadBalancer"))),
    ("service", "rest_selects_the_pods", on("Service", lambda s: s["spec"].update(selector={"app": "other"}))),
    (
        "service",
        "rest_selects_the_pods",
        on("PodDisruptionBudget", lambda b: b["spec"]["selector"]["matchLabels"].update(a="b")),
    ),
    (
        "service",
        "rest_selects_the_pods",
        on("HorizontalPodAutoscaler", lambda h: h["spec"]["scaleTargetRef"].update(name="x")),
    ),
    (
        "kserve",
        "rolls_without_a_gap",
        on("InferenceService", lambda i: i["spec"]["predictor"]["deploymentStrategy"].update(rollingUpdate={})),
    ),
    ("kserve", "kserve_knows_its_mode", on("InferenceService", lambda i: i["metadata"].pop("annotations"))),
    ("kserve", "kserve_knows_its_mode", on_the_container(lambda c: c.update(name="server"))),
]
ALL_PLANTED = [(way, *planted) for way in WAYS for planted in PLANTED] + ONE_WAY


@pytest.mark.parametrize(("way", "rule", "change"), ALL_PLANTED)
def test_a_planted_violation_is_found(written, way, rule, change):
    objects = deepcopy(written[way])
    change(objects)
    assert list(getattr(policy, rule)(objects)) != []


def test_every_rule_finds_something():
    assert {rule for _, rule, _ in ALL_PLANTED} == {rule.__name__ for rule in policy.RULES}


def open_network(objects, change):
    policies = [each for each in objects if each["kind"] == "NetworkPolicy" and each["spec"].get("ingress")]
    change(policies[0]["spec"])
    return list(policy.network_is_closed(objects))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(ingress=[{}]),
        lambda s: s["ingress"][0].pop("ports"),
        lambda s: s["ingress"][0]["from"][0].update(namespaceSelector={}),
        lambda s: s.update(egress=[{}]),
        lambda s: s.update(ingress=[]),
    ],
)
def test_an_open_network_is_found(objects, change):
    assert open_network(objects, change) != []


def test_the_overlay_says_images_key_and_serial(written, key):
    for objects in written.values():
        images = [each["image"] for _, each, _ in policy.containers(objects)]
        assert images == [BUNDLE, IMAGE]
        data = [each["data"] for each in objects if each["kind"] == "ConfigMap"]
        assert sorted(data, key=str) == sorted(
            [{"VIGILANT_LEAST_SERIAL": "7"}, {"public.pem": key.read_text()}], key=str
        )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("verdict", NOT_GO)
def test_the_overlay_says_in_spite_of_what_it_serves(key, tmp_path, way, verdict):
    given = {"image": IMAGE, "bundle": BUNDLE, "key": key, "least_serial": 7}
    write_overlay(tmp_path, way, **given, despite_verdict=verdict)
    [settings] = [
        each["data"]
        for each in rendered(tmp_path)
        if each["kind"] == "ConfigMap" and each["metadata"]["name"].startswith("vigilant-settings")
    ]
    assert settings == {"VIGILANT_LEAST_SERIAL": "7", "VIGILANT_DESPITE_VERDICT": verdict}
    assert _parser(settings).parse_args([]).despite_verdict == verdict, "as the program reads it"


def test_a_changed_key_or_serial_makes_new_pods(written, key, tmp_path):
    # The name of a ConfigMap holds a digest of its content: pods of the old one are replaced, one after the other.
    for way in WAYS:
        write_overlay(tmp_path, way, image=IMAGE, bundle=BUNDLE, key=key, least_serial=8)
        [env] = pod_of(rendered(tmp_path))["containers"][0]["envFrom"]
        [former] = pod_of(written[way])["containers"][0]["envFrom"]
        assert env != former


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": ""}, "the address of the service's image is not set: nothing has been published"),
        ({"bundle": ""}, "the address of the bundle's image is not set"),
        ({"image": "registry.example.org/vision/service:1.0"}, "a tag can be moved"),
        ({"image": "registry.example.org/vision/service@sha256:12"}, "64 hexadecimal digits"),
        ({"image": "x:latest", "local": True}, "a tag other than 'latest'"),
        ({"image": "x", "local": True}, "a tag other than 'latest'"),
        ({"least_serial": 0}, "a serial from 1"),
        ({"despite_verdict": "go"}, "one of no-go, cannot decide, or not named; got 'go'"),
        ({"way": "helm"}, "one of service, kserve"),
    ],
)
def test_what_is_not_set_is_said(key, tmp_path, change, said):
    given = {"way": "service", "image": IMAGE, "bundle": BUNDLE, "key": key, "least_serial": 1} | change
    with pytest.raises(CourseError, match=said):
        write_overlay(tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_private_key_never_gets_into_a_cluster(key, tmp_path):
    for wrong in (key.with_name("private.pem"), tmp_path / "none.pem"):
        with pytest.raises(CourseError, match="no public key"):
            write_overlay(tmp_path / "out", "service", image=IMAGE, bundle=BUNDLE, key=wrong, least_serial=1)
    assert not (tmp_path / "out").exists()


def test_tags_will_do_on_one_machine(key, tmp_path):
    names = {"image": "localhost:5000/service:1.0", "bundle": "bundle:1"}
    write_overlay(tmp_path, "service", **names, key=key, least_serial=1, local=True)
    assert [each["image"] for _, each, _ in policy.containers(rendered(tmp_path))] == [
        "bundle:1",
        "localhost:5000/service:1.0",
    ]


def test_without_an_address_the_command_says_so(capsys, key):
    assert main(["manifests", "service", "--key", str(key)]) == 1
    assert "the address of the service's image is not set" in capsys.readouterr().err


def test_the_command_writes_where_it_says(capsys, key, tmp_path):
    out = tmp_path / "out"
    typed = ["manifests", "kserve", "--image", IMAGE, "--bundle", BUNDLE, "--key", str(key), "--out", str(out)]
    assert main([*typed, "--least-serial", "3", "--despite-verdict", "no-go"]) == 0
    assert str(out / "kustomization.yaml") in capsys.readouterr().out
    assert yaml.safe_load((out / "kustomization.yaml").read_text())["images"][0]["digest"] == DIGEST
    assert "VIGILANT_DESPITE_VERDICT=no-go" in (out / "kustomization.yaml").read_text()


def test_no_committed_file_names_a_registry():
    for path in (ROOT / "deploy").rglob("*.yaml"):
        for each in yaml.safe_load_all(path.read_text()):
            if each.get("kind") in policy.POD_KINDS:
                assert {one["image"] for _, one, _ in policy.containers([each])} == {
                    "vigilant-service",
                    "vigilant-bundle",
                }
