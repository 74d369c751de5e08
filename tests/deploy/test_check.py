"""`make cluster-check` against a fake: a small program in kubectl's place (fake_kubectl.py), not a cluster.

What this shows: that the check does and says what it should, and that each misbehaviour of a cluster turns its own step
into a failure. What it cannot show is how a real cluster behaves. The whole command runs the fake as a program on PATH;
where one step is tried, the same program runs in the test's own process.
"""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.check.__main__ import main, rendered
from deploy.check.check import Check, Settings
from deploy.check.kubectl import Kubectl, KubectlError
from deploy.check.removal import removed_at_the_end
from deploy.check.report import Patience, Report
from deploy.check.steps import STEPS
from deploy.manifests import WAYS
from helpers.serving import make_keys
from tests.conftest import ROOT
from tests.deploy.kustomize import kubectl as real_kubectl

IMAGE, BUNDLE = "127.0.0.1:5000/service:1", "127.0.0.1:5000/bundle:1"
TITLES = [title for title, _, _ in STEPS]
NUMBERS = count()
FAKE = ROOT / "tests" / "deploy" / "fake_kubectl.py"
SOURCE = compile(FAKE.read_text(), str(FAKE), "exec")


class Looks(Patience):
    """Waits for so many looks and for no time: what a test sees must not hang on how busy a machine is."""

    def until(self, look, late):
        for _ in range(8):
            if (seen := look()) is not None:
                return seen
        raise late()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the fake, and a key."""
    folder = tmp_path_factory.mktemp("cluster")
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable} -IS\n{FAKE.read_text()}")
    program.chmod(0o755)
    make_keys(folder / "keys")
    return folder


@pytest.fixture(scope="module")
def objects(home):
    """All objects, rendered once by the real kubectl."""
    settings = Settings(IMAGE, BUNDLE, home / "keys" / "public.pem")
    return rendered(settings, Kubectl(real_kubectl()))


def test_the_verdict_that_is_named_gets_into_every_overlay(home, objects):
    settings = Settings(IMAGE, BUNDLE, home / "keys" / "public.pem", despite_verdict="no-go")
    named = {"VIGILANT_LEAST_SERIAL": "1", "VIGILANT_DESPITE_VERDICT": "no-go"}
    told = rendered(settings, Kubectl(real_kubectl()))
    for way in WAYS:
        assert named in [each.get("data") for each in told[way]]
        assert "VIGILANT_DESPITE_VERDICT" not in str(objects[way]), "and into none where nobody named one"


def prepared(patch, home, *faults):
    """A fresh cluster that misbehaves as told, until `patch` is undone; its folder."""
    real = real_kubectl()  # before the fake stands in its place
    place = home / f"fake-{next(NUMBERS)}"
    (place / "objects").mkdir(parents=True)
    patch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    patch.setenv("FAKE_KUBECTL", str(place))
    patch.setenv("FAKE_FAULTS", ",".join(faults))
    patch.setenv("REAL_KUBECTL", real)
    return place


class Ended(NamedTuple):
    """What came of the command: exit status, state and text of each step, the fake's folder, and what was written."""

    status: int
    lines: dict[str, tuple[str, str]]
    place: Path
    out: str
    err: str


def ended(home, *faults, options=(), timeout="60"):
    """Type the command on a fresh fake."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        place = prepared(patch, home, *faults)
        given = ["--image", IMAGE, "--bundle", BUNDLE, "--key", str(home / "keys" / "public.pem")]
        status = main([*given, "--timeout", timeout, "--pause", "0", *options])
    lines = re.findall(r"^ *(passed|FAILED|not tried)  ([^:]+): (.*)$", out.getvalue(), re.MULTILINE)
    by_step = {step: (state, text) for state, step, text in lines}
    return Ended(status, by_step, place, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def all_well(home):
    return ended(home)


def beside(command, sent):
    """Run the fake in this process, in place of `kubectl._ended`: its start is most of what a call takes."""
    out, err, status, before = StringIO(), StringIO(), 0, sys.stdin
    names = {"__name__": "fake"}
    exec(SOURCE, names)
    with redirect_stdout(out), redirect_stderr(err):
        sys.stdin = StringIO(sent)
        try:
            names["main"](command[1:])
        except SystemExit as end:
            status = end.code
        finally:
            sys.stdin = before
    return status, out.getvalue(), err.getvalue()


@pytest.fixture
def tried(home, monkeypatch, objects):
    """Try one step and what it needs: the report by step, and the fake's folder."""

    def run(step, *faults):
        place = prepared(monkeypatch, home, *faults)
        monkeypatch.setattr("deploy.check.kubectl._ended", beside)
        settings = Settings(IMAGE, BUNDLE, home / "keys" / "public.pem", patience=Looks())
        check = Check(settings, Kubectl(), objects)
        report = Report(lambda line: None)
        with removed_at_the_end(check, report):
            for title, function, needs in STEPS:
                if title in needed(step):
                    report.run(title, partial(function, check), needs)
        return {line.step: (line.state, line.said) for line in report.lines}, place

    return run


def needed(step):
    [needs] = [needs for title, _, needs in STEPS if title == step]
    return {step}.union(*(needed(each) for each in needs))


def left(place):
    return sorted(path.name for path in (place / "objects").iterdir())


# ---- where all is well


def test_every_step_passes_and_nothing_is_left(all_well):
    lines = all_well.lines
    assert [step for step, (state, _) in lines.items() if state != "passed"] == [], all_well.out + all_well.err
    assert list(lines) == [*TITLES, "removed"]
    assert all_well.status == 0
    assert all_well.err == ""
    assert left(all_well.place) == []
    assert IMAGE in all_well.out.splitlines()[0]
    assert all_well.out.splitlines()[-1] == f"{len(TITLES) + 1} passed, 0 failed, 0 not tried"
    for step, seen in {
        "cluster": "context 'fake', Kubernetes v1.34.0-fake",
        "dry run": "9 objects",
        "apply": "9 objects",
        "Pod Security refuses others": "a privileged pod, a pod as root",
        "ready": "2 pods ready",
        "predict": "class 'stop' at 0.90",
        "a pod ends under load": "none lost",
        "a rolling update under load": "rolling update: 2 pods replaced; ",
        "network policy": "refused 4 times (URLError: <urlopen error timed out>); let in once its namespace was",
        "autoscaler": "7% of the request",
        "monitoring": "4 objects",
        "Argo CD": "3 objects",
        "KServe": "InferenceService ready; GET http://10.0.0.8:80/v2/health/ready answered",
    }.items():
        assert seen in lines[step][1], step


def test_what_a_cluster_lacks_is_not_tried_and_never_passed(home):
    lacking = {"autoscaler": "no-metrics", "monitoring": "no-operator", "Argo CD": "no-argocd", "KServe": "no-kserve"}
    status, lines, place, out, _ = ended(home, *lacking.values())
    assert {step for step, (state, _) in lines.items() if state == "not tried"} == set(lacking)
    assert {step for step, (state, _) in lines.items() if state == "FAILED"} == set()
    assert all("this cluster has no " in lines[step][1] for step in lacking)
    assert status == 3
    assert left(place) == []
    assert out.splitlines()[-1] == f"{len(TITLES) - 3} passed, 0 failed, 4 not tried"


def test_a_headless_service_is_asked_at_a_pod(tried):
    lines, _ = tried("KServe", "headless")
    assert "GET http://10.1.0.9:8080/v2/health/ready answered" in lines["KServe"][1]


def test_what_others_remark_is_told_and_is_no_failure(tried):
    lines, _ = tried("KServe", "remarks")
    state, said = lines["KServe"]
    assert state == "passed"
    assert "accepted (the cluster warns: Warning: planted);" in said


# ---- where it is not


MISBEHAVIOURS = [
    ("cluster", "unreachable", "No cluster answers: The connection to the server", "minikube start"),
    ("namespaces", "no-namespaces", "The cluster refuses: .*forbidden", "kubectl auth can-i create namespaces"),
    (
        "dry run",
        "refused:HorizontalPodAutoscaler",
        ".spec.behavour: field not declared in schema",
        "mend the object that it names",
    ),
    ("apply", "object-lost", "not there: PodDisruptionBudget vigilant-service", "mend the object"),
    ("dry run", "warns", "The cluster warns: Warning: would violate PodSecurity", "change the object"),
    ("Pod Security lets the service in", "restricted-refuses-all", "own pod was refused", "mend the pod"),
    ("Pod Security refuses others", "privileged-admitted", "a privileged pod was let in", "enforce: restricted"),
    ("Pod Security refuses others", "other-guard", "refused, but not by Pod Security", "look at the labels"),
    ("ready", "never-ready", "0 of 2 pods are ready .*ImagePullBackOff", "is the image there"),
    ("ready", "no-pods", "No pod was made", "exceeded quota: planted"),
    ("ready", "no-room", "Unschedulable .Insufficient cpu.", "more room"),
    ("predict", "no-answer", "was not answered; the last of .* tries: the service is starting", "networkpolicy"),
    ("predict", "guest-waits", "the pod that asks has not begun. No pod says why", "describe pods"),
    ("predict", "no-prediction", "The answer is no prediction", "something else behind this Service"),
    ("a pod ends under load", "request-lost", "[1-9][0-9]* were answered, 1 lost", "preStop"),
    ("a pod ends under load", "not-replaced", "0 of 1 former pods .*and 1 of 2 ready", "describe pods"),
    ("a pod ends under load", "pod-stays", "1 of 1 former pods are still there", "describe pods"),
    ("a pod ends under load", "load-stops", "The load has stopped after 0 stretches", "describe pod asker"),
    ("a rolling update under load", "roll-refuses", "0 lost, 3 with status 503", "maxUnavailable"),
    ("a rolling update under load", "never-rolled", "has not ended: 1 of 3 pods are new", "describe pods"),
    ("network policy", "policy-open", "A stranger's pod got 200 .*does enforce policies", "get networkpolicy"),
    ("network policy", "nobody-let-in", "may have another reason than the policy", "reach Services at all"),
    ("autoscaler", "unmeasured", "sees no processor time", "describe hpa"),
    ("KServe", "kserve-fails", "The InferenceService is not ready .Ready: planted.", "describe pods"),
    ("KServe", "kserve-silent", "v2/health/ready was not answered .URLError", "endpointslices"),
    ("monitoring", "refused:ServiceMonitor", "field not declared in schema", "mend the object"),
    ("Argo CD", "refused:AppProject", "field not declared in schema", "mend the object"),
    ("KServe", "refused:InferenceService", "field not declared in schema", "mend the object"),
    ("removed", "namespace-stays", "Still there .*finalizers remaining: planted", "kubectl get namespace -l"),
]


def test_every_step_has_a_misbehaviour():
    assert {step for step, *_ in MISBEHAVIOURS} == {*TITLES, "removed"}


@pytest.mark.parametrize(
    ("step", "fault", "seen", "todo"), MISBEHAVIOURS, ids=[fault for _, fault, *_ in MISBEHAVIOURS]
)
def test_each_misbehaviour_turns_its_step_into_a_failure(tried, step, fault, seen, todo):
    lines, place = tried("namespaces" if step == "removed" else step, fault)
    state, said = lines[step]
    assert state == "FAILED"
    assert re.search(seen, said), said
    assert said.count("To do: ") == 1
    assert todo in said
    assert [each for each, (state, _) in lines.items() if state == "FAILED"] == [step]
    if step != "removed":
        assert left(place) == []
        assert "removed" in lines or step == "cluster"


def test_a_network_that_nobody_guards_is_not_tried(tried):
    lines, _ = tried("network policy", "network-open")
    state, said = lines["network policy"]
    assert state == "not tried"
    assert "nothing on this cluster enforces network policies" in said


def test_what_hangs_on_a_failed_step_is_not_tried(tried):
    lines, _ = tried("a rolling update under load", "never-ready")
    assert lines["ready"][0] == "FAILED"
    assert lines["predict"] == ("not tried", "it needs 'ready', which did not pass")
    assert lines["a rolling update under load"] == ("not tried", "it needs 'predict', which did not pass")


# ---- the end, whatever it is


@pytest.mark.parametrize(
    ("faults", "name"),
    [
        (["signal-2"], "SIGINT"),
        (["signal-15"], "SIGTERM"),
        (["signal-1"], "SIGHUP"),
        (["signal-2", "and-again"], "SIGINT"),
    ],
)
def test_who_is_told_to_end_removes_everything_first(home, faults, name):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    status, lines, place, _, err = ended(home, *faults)
    assert status == 130
    assert f"interrupted ({name})" in err
    assert "predict" not in lines
    assert lines["removed"][0] == "passed"
    assert left(place) == []
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_who_does_not_wait_for_the_removal_is_told_how_to_look(home):
    status, lines, place, *_ = ended(home, "signal-2", "and-once-more")
    assert status == 130
    state, text = lines["removed"]
    assert state == "FAILED"
    assert re.search(
        r"goes on in the cluster. To do: kubectl get namespace -l vigilant-vision/check=vigilant-check-", text
    )
    spaces = [json.loads(path.read_text()) for path in (place / "objects").glob("+namespace+*")]
    assert len(spaces) == 3
    assert all("deletionTimestamp" in each["metadata"] for each in spaces)  # it was asked for, of every one


def test_what_is_kept_is_said_with_the_command_that_removes_it(home):
    _, lines, place, *_ = ended(home, "never-ready", options=["--keep"], timeout="0")
    state, text = lines["removed"]
    assert state == "not tried"
    [label] = re.findall(r"kubectl delete namespace -l (\S+)$", text)
    key, value = label.split("=")
    spaces = [json.loads(path.read_text()) for path in (place / "objects").glob("+namespace+*")]
    assert [each["metadata"]["labels"][key] for each in spaces] == [value] * 4
    assert list((place / "objects").glob("*+deployment+*")) != []


def test_nothing_is_asked_of_a_cluster_without_addresses_and_key(home, monkeypatch, capsys):
    place = prepared(monkeypatch, home)
    assert main(["--key", str(home / "keys" / "public.pem")]) == 1
    assert "the address of the service's image is not set" in capsys.readouterr().err
    assert main(["--image", IMAGE, "--bundle", BUNDLE, "--key", str(home / "keys" / "private.pem")]) == 1
    assert "is no public key" in capsys.readouterr().err
    assert {json.loads(call)[0] for call in (place / "calls").read_text().splitlines()} == {"kustomize"}


def test_without_kubectl_it_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--image", IMAGE, "--bundle", BUNDLE]) == 1
    assert "there is no program 'kubectl' here" in capsys.readouterr().err


def test_an_answer_that_nobody_thought_of_ends_its_step_alone():
    report = Report(lambda line: None)
    report.run("one", lambda: {}["status"])
    report.run("two", lambda: "seen")
    assert [line.state for line in report.lines] == ["FAILED", "passed"]
    assert "KeyError: 'status' (test_check.py:" in report.lines[0].said
    assert report.status == 1
    assert Report().status == 1  # nothing tried is nothing passed


def test_a_refusal_is_one_look_that_was_too_early():
    answers = iter([KubectlError("the connection was lost"), None, "there"])

    def look():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Patience(60, 0).until(look, AssertionError) == "there"

    def refused():
        raise KubectlError("Forbidden")

    with pytest.raises(KubectlError, match="Forbidden"):
        Patience(0, 0).until(refused, AssertionError)


# ---- the commands, as the real kubectl takes them


def test_the_real_kubectl_takes_every_command(all_well, tmp_path):
    """Each shape of command that the fake was given, to the real program and an address where nobody listens.

    It has to fail for that reason, and not for a flag that it does not know.
    """
    shapes = {}
    for call in map(json.loads, (all_well.place / "calls").read_text().splitlines()):
        if call[0] not in ("kustomize", "config"):
            shapes[call[0], call[1] if call[0] == "get" else "", tuple(sorted(a.split("=")[0] for a in call))] = call
    assert {each[0] for each in shapes} == {"version", "get", "apply", "create", "patch", "label", "delete", "logs"}
    config = tmp_path / "config"
    cluster = {"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "none", "context": {"cluster": "none", "user": ""}}
    config.write_text(json.dumps({"clusters": [cluster], "contexts": [context], "current-context": "none"}))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
    for call in {(words[0], *sorted(flags)): call for (*words, flags), call in shapes.items()}.values():
        command = [real_kubectl(), f"--kubeconfig={config}", *call]
        done = subprocess.run(command, input=json.dumps(pod), capture_output=True, text=True, check=False)
        assert done.returncode == 1, command
        assert re.search("refused|connect", done.stderr), (call, done.stderr)
