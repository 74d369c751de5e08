"""Parts of the cluster's check that need no cluster: what is sent to it, and the program that asks from inside."""

import json
import os
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from deploy.check import inside
from deploy.check.__main__ import rendered
from deploy.check.check import Settings, is_ready, trouble_of
from deploy.check.kubectl import Kubectl, KubectlError
from deploy.check.load import STRETCH, _rolled
from deploy.check.objects import FROM, MAY_ASK, bad_pods, guest, guest_namespace, moved, pod_of, tools
from helpers.serving import Limits, make_keys
from tests.conftest import ROOT
from tests.deploy import policy, small_api
from tests.deploy.kustomize import kubectl
from tests.deploy.schemas import invalid
from tests.deploy.test_argocd import CRDS as ARGOCD
from tests.deploy.test_files import let_in
from tests.deploy.test_manifests import CRDS as KSERVE
from tests.deploy.test_monitoring import CRDS as OPERATOR
from tests.serving.test_processes import service

CRDS = ARGOCD | KSERVE | OPERATOR
IMAGE = "registry.example.org/vision/service@sha256:" + "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    _, key = make_keys(tmp_path_factory.mktemp("parts") / "keys")
    return rendered(Settings(IMAGE, IMAGE.replace("service", "bundle"), key), Kubectl(kubectl()))


# ---- what is sent


def references(value, key=""):
    """Every place where an object names a namespace."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from references(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from references(item, key)
    elif "amespace" in key or key == "matchNames":
        yield value


def test_everything_moves_and_what_names_the_namespace_with_it(objects):
    for where, things in objects.items():
        before = deepcopy(things)
        new = moved(things, "elsewhere", "check-1")
        assert things == before
        assert [each for each in new if FROM in references(each)] == [], where
        for each in new:
            inside_of = each["metadata"].get("namespace", each["metadata"]["name"])
            assert inside_of == "elsewhere"
    # One that is not moved is found.
    assert any(FROM in references(each) for each in objects["monitoring"])


def test_what_is_moved_is_still_valid_and_within_our_policies(objects):
    for where, things in objects.items():
        new = moved(things, "elsewhere", "check-1")
        assert {policy.name_of(each): invalid(each, CRDS) for each in new if invalid(each, CRDS)} == {}, where
        if where in ("service", "kserve"):
            assert policy.problems(new) == []


def test_names_that_are_not_namespaces_stay(objects):
    [service] = [each for each in moved(objects["kserve"], "elsewhere", "c") if each["kind"] == "InferenceService"]
    assert service["metadata"]["name"] == "vigilant"
    [monitor] = [each for each in moved(objects["monitoring"], "elsewhere", "c") if each["kind"] == "NetworkPolicy"]
    assert "monitoring" in references(monitor) or "monitoring" in json.dumps(monitor)


def test_connections_of_the_load_are_kept_beyond_the_end_of_a_pod(objects):
    [deployment] = [each for each in objects["service"] if each["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] + Limits().linger_seconds < STRETCH - 5


def without(*rules):
    return [rule for rule in policy.RULES if rule.__name__ not in rules]


def test_pods_that_ask_keep_the_policies_that_are_for_them():
    pod = guest("asker", "elsewhere", IMAGE, "ask", "http://10.0.0.1/healthz")
    assert invalid(pod, CRDS) == []
    for_servers = ("has_probes", "ends_in_time", "is_spread_out", "network_is_closed", "names_what_is_there")
    of_others = ("gets_no_token", "namespace_is_restricted")
    assert [each for rule in without(*for_servers, *of_others) for each in rule([pod])] == []
    assert pod["spec"]["automountServiceAccountToken"] is False
    files = tools("elsewhere")
    assert invalid(files, CRDS) == []
    assert sum(map(len, files["data"].values())) < 900_000  # a ConfigMap holds 1 MiB


def test_who_may_ask_is_said_by_a_label_alone():
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    guests = guest_namespace("one", "c", labels, may_ask=True)
    strangers = guest_namespace("one", "c", labels, may_ask=False)
    assert guests["metadata"]["labels"].pop(MAY_ASK) == "yes"
    assert guests == strangers
    assert invalid(guests, CRDS) == []


def test_each_bad_pod_is_valid_and_breaks_pod_security(objects):
    """Or a cluster would refuse it for another reason, before Pod Security is asked."""
    [deployment] = [each for each in moved(objects["service"], "elsewhere", "c") if each["kind"] == "Deployment"]
    good = pod_of(deployment)
    rules = {
        "a privileged pod": policy.gains_no_privileges,
        "a pod as root": policy.runs_as_a_numbered_nobody,
        "a pod with the node's files": policy.shares_nothing_with_the_node,
    }
    bad = bad_pods(good)
    assert set(bad) == set(rules)
    for what, pod in bad.items():
        assert invalid(pod, CRDS) == []
        assert list(rules[what]([pod])) != []
        assert list(rules[what]([good])) == []


# ---- why a pod does not run


def waiting(reason, **more):
    return {"containerStatuses": [{"name": "service", "state": {"waiting": {"reason": reason}}} | more]}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, ""),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, ""),
        (waiting("PodInitializing"), ""),
        ({"conditions": [{"reason": "Unschedulable", "message": "Insufficient cpu"}]}, "Insufficient cpu.*more room"),
        (waiting("ErrImagePull"), "container service: ErrImagePull. To do: is the image's address"),
        (
            waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 3}}),
            "CrashLoopBackOff, last ended with status 3. To do: .*the bundle was refused",
        ),
        (
            {
                "initContainerStatuses": [
                    {"name": "bundle", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}
                ]
            },
            "container bundle: ended with status 1 .Error.. To do: kubectl logs",
        ),
        ({"reason": "Evicted", "message": "disk"}, "Evicted .disk.. To do: kubectl describe node"),
    ],
)
def test_a_pod_s_trouble_is_said_with_what_to_do(status, said):
    found = ". To do: ".join(trouble_of({"status": status}) or ())
    assert re.fullmatch(f".*{said}.*" if said else "", found), found


# ---- what the real kubectl makes of what it is given


@pytest.fixture
def real(tmp_path, monkeypatch):
    """The real kubectl beside an API server of a few answers: the two, and what the server was asked."""
    with small_api.running() as (address, asked):
        cluster = {"name": "small", "cluster": {"server": address}}
        context = {"name": "small", "context": {"cluster": "small", "user": ""}}
        config = tmp_path / "config"
        config.write_text(json.dumps({"clusters": [cluster], "contexts": [context], "current-context": "small"}))
        monkeypatch.setenv("KUBECONFIG", str(config))
        monkeypatch.setenv("HOME", str(tmp_path))  # where it keeps what servers have told it
        yield Kubectl(kubectl()), asked


def things(*names):
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}} for name in names]


def test_objects_are_applied_by_the_server_strictly_and_come_back(real):
    program, asked = real
    for names, dry in ((("one", "two"), False), (("one",), True)):
        back, warnings = program.apply(things(*names), dry=dry)
        assert [each["metadata"]["name"] for each in back] == list(names)
        assert warnings == ""
    patches = [query for method, _, query in asked if method == "PATCH"]
    assert [query["fieldValidation"] for query in patches] == ["Strict"] * 3
    assert [query.get("dryRun") for query in patches] == [None, None, "All"]


def test_what_the_server_says_of_objects_comes_through(real):
    program, _ = real
    assert program.apply(things("warned"))[1] == "Warning: planted"
    with pytest.raises(KubectlError, match=r"\.spec\.x: field not declared in schema") as caught:
        program.apply(things("one", "bad"))
    assert not caught.value.is_missing
    with pytest.raises(KubectlError, match="violates PodSecurity"):
        program.try_pod(guest("x", "n", IMAGE, "ask"))


def test_what_is_missing_is_known_as_missing(real):
    program, _ = real
    for kind in ("pod", "inferenceservice"):
        with pytest.raises(KubectlError) as caught:
            program.get(kind, "nobody", "n")
        assert caught.value.is_missing
    assert not program.serves("serving.kserve.io", "v1beta1")
    assert program.pods("n", {"a": "b"}) == []


def test_a_log_is_read_line_by_line_and_none_where_nothing_runs_yet(real):
    program, _ = real
    assert program.log("waits", "n") == []
    assert program.log("writes", "n") == [{"try": {"status": 200}}, {"stretch": {"lost": 0}}]


@pytest.mark.parametrize(
    ("seen", "counts", "rolled"),
    [
        (2, (2, 2, 2), True),
        (1, (2, 2, 2), False),  # of the former pods: nobody has looked at the change yet
        (2, (1, 3, 3), False),
        (2, (2, 2, 1), False),
        (2, (0, 0, 0), False),
    ],
)
def test_an_update_is_rolled_out_when_all_pods_are_new_and_counted_so(seen, counts, rolled):
    names = ("updatedReplicas", "replicas", "availableReplicas")
    status = dict(zip(names, counts, strict=True)) | {"observedGeneration": seen}
    assert _rolled({"status": status}, {"metadata": {"generation": 2}}) is rolled


def test_a_pod_that_is_being_ended_is_not_ready():
    pod = {"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert is_ready(pod)
    assert not is_ready(pod | {"metadata": {"deletionTimestamp": "now"}})
    assert not is_ready(pod | {"status": {}})


# ---- the program inside


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The service with the tests' small engine, as processes."""
    with service(tmp_path_factory.mktemp("served"), workers=1) as running:
        yield running


@pytest.fixture
def started(tmp_path):
    """Run the program as a pod does: from the ConfigMap's two files, with what of our package the image has."""
    image, mounted, running = tmp_path / "image", tmp_path / "tools", []
    mounted.mkdir()
    for name, text in tools("any")["data"].items():
        (mounted / name).write_text(text)
    for name in let_in():
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, image / name)

    def start(*arguments):
        environment = os.environ | {"PYTHONPATH": str(image), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, str(mounted / "inside.py"), *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd="/tmp"))
        return map(json.loads, running[-1].stdout)

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_load_asks_for_a_prediction_and_then_counts(served, started):
    lines = started("load", f"http://127.0.0.1:{served.port}", "20", "2")
    first = next(lines)["try"]
    assert first["status"] == 200
    assert first["answer"]["class"] in first["answer"]["probabilities"]
    counted = next(lines)["stretch"]
    assert counted["lost"] == 0
    assert counted["statuses"] == {"200": counted["answered"]} == {"200": 40}
    assert counted["slowest"] > 0


def test_what_is_lost_is_counted(started, tmp_path):
    with service(tmp_path, workers=1) as running:
        lines = started("load", f"http://127.0.0.1:{running.port}", "20", "1")
        assert next(lines)["try"]["status"] == 200
        running.process.terminate()
        running.process.wait()
        empty = next(each["stretch"] for each in lines if not each["stretch"]["answered"])
        assert empty["lost"] > 0
        assert empty["statuses"] == {}


def test_it_tries_again_where_nobody_answers_yet(started):
    address = "http://127.0.0.1:9"
    for arguments in (("ask", f"{address}/healthz"), ("load", address, "20", "1")):
        lines = started(*arguments)
        for _ in range(2):
            tried = next(lines)["try"]
            assert tried["status"] == 0
            assert "refused" in tried["seen"]


def test_a_refusal_with_words_is_told(served, started):
    address = f"http://127.0.0.1:{served.port}"
    assert next(started("ask", f"{address}/healthz"))["try"]["answer"]["live"] is True
    tried = next(started("ask", f"{address}/nothing-here"))["try"]
    assert tried["status"] == 404
    assert "problem" in tried["seen"] or "title" in tried["seen"]


def test_the_picture_is_of_the_size_that_the_contract_says(served):
    contract = inside.asked(f"http://127.0.0.1:{served.port}/openapi.json")["answer"]
    image = json.loads(inside.picture(contract))["image"]
    assert (len(image), len(image[0]), len(image[0][0])) == (4, 4, 3)
    assert Path(inside.__file__).read_text() == tools("any")["data"]["inside.py"]
