"""The service's image: built, run as Kubernetes would run it, asked, ended; and the Deployment's own YAML in Podman.

The base is a Debian that is made here, and 'podman kube play' stands in for a cluster, in which nothing here has run.
"""

import http.client
import json
import re
import shutil
import subprocess
import sys
from contextlib import closing, contextmanager

import numpy as np
import pytest
import yaml

from deploy.check.objects import guest, tools
from deploy.images import bundle_command
from deploy.manifests import write_overlay
from helpers import serving
from helpers.hub.ports import free_port
from tests.conftest import ROOT, wait_until
from tests.containers import build_options, run
from tests.deploy import policy
from tests.deploy.kustomize import rendered

IMAGE, BUNDLE = "localhost/vigilant-service-test:1", "localhost/vigilant-bundle-test:1"
ASKER = "vigilant-asker-test"
PACKAGES = "localhost/vigilant-packages-test:1"  # the stage that installs: it has a name so that it can be removed
MOST_BYTES = 350e6  # of the image beyond its base
LOCKED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--cpus", "1")
# In a process of its own: TensorFlow's memory goes back.
_PACK = """
import sys; from pathlib import Path; from helpers import serving; from tests.serving.bundles import pack
folder = Path(sys.argv[1]); pack(folder, serving.make_keys(folder / "keys"))
"""


@pytest.fixture(scope="module")
def image(containers, debian):
    file = ROOT / "deploy" / "Dockerfile"
    ours = ["--ignorefile", f"{file}.dockerignore", "--build-arg", f"BASE={debian}", "-f", file]
    for stage in (["--target", "packages", "-t", PACKAGES], ["-t", IMAGE]):
        run("podman", "build", *build_options(), *ours, *stage, ROOT, env=containers)
    yield IMAGE
    names = [BUNDLE, IMAGE, PACKAGES]
    subprocess.run(["podman", "rmi", "--force", *names], env=containers, capture_output=True, check=False)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A folder with a bundle and its keys, all of which the container's user may read."""
    folder = tmp_path_factory.mktemp("packed")
    run(sys.executable, "-c", _PACK, folder, cwd=ROOT)
    run("chmod", "-R", "a+rX", folder / "bundle")
    return folder


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(5).random((20, 24, 3)).astype(np.float32)


def asked(port, method, route, body=None):
    """Status and answer, or None while nobody listens."""
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=300)) as connection:
            connection.request(method, route, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None


def answers_rightly(port, packed, picture):
    """The container says what the same bundle says here."""
    status, said = asked(port, "POST", "/predict", json.dumps({"image": picture.tolist()}))
    assert status == 200, said
    here = serving.open_bundle(packed / "bundle", packed / "keys" / "public.pem", threads=1).answer(picture[None], 0.9)
    told = json.loads(said)
    np.testing.assert_allclose(list(told["probabilities"].values()), here.probabilities[0], atol=1e-6)
    assert (told["prediction"], told["version"]) == (here.classes[0], "1.3")


def options(packed, port, bundle="bundle", verdict="cannot decide"):
    mounts = {packed / bundle: "/bundle/current", packed / "keys" / "public.pem": "/key/public.pem"}
    given = [text for here, there in mounts.items() for text in ("--volume", f"{here}:{there}:ro")]
    despite = () if verdict is None else ("--env", f"VIGILANT_DESPITE_VERDICT={verdict}")
    return [*LOCKED, *given, "--env", "VIGILANT_LEAST_SERIAL=1", *despite, "--publish", f"127.0.0.1:{port}:8080"]


@contextmanager
def running(containers, *how):
    name = run("podman", "run", "--detach", *how, IMAGE, env=containers)
    try:
        yield name
    finally:
        run("podman", "rm", "--force", name, env=containers)


@pytest.fixture(scope="module")
def service(containers, image, packed):
    port = free_port()
    with running(containers, *options(packed, port)) as name:
        wait_until(lambda: (asked(port, "GET", "/readyz") or [0])[0] == 200, "the container", guard=300)
        yield name, port


def test_it_is_small(containers, image, debian):
    sizes = [
        int(run("podman", "image", "inspect", "--format", "{{.Size}}", name, env=containers))
        for name in (image, debian)
    ]
    print(f"\nthe image: {(sizes[0] - sizes[1]) / 1e6:.0f} MB unpacked beyond its base")
    assert 50e6 < sizes[0] - sizes[1] <= MOST_BYTES


def test_it_answers_with_nothing_but_tmp_to_write_to(service, packed, picture):
    _, port = service
    answers_rightly(port, packed, picture)
    status, said = asked(port, "POST", "/explain", json.dumps({"image": picture.tolist()}))
    assert (status, np.shape(json.loads(said)["map"])) == (200, (20, 24))
    assert asked(port, "POST", "/predict", "no picture")[0] == 400


_THREADS = "import os, sys; print(len(os.listdir(f'/proc/{sys.argv[1]}/task')))"
_MEMORY = """
import pathlib, re
pages = [each.read_text() for each in pathlib.Path("/proc").glob("[0-9]*/smaps_rollup")]
print(sum(int(re.search(r"Pss: *(\\d+)", page)[1]) for page in pages))
"""


def test_workers_and_threads_follow_the_limit(containers, service):
    name, port = service
    assert "vigilant_worker_starts_total 1.0" in asked(port, "GET", "/metrics")[1]
    worker = json.loads(asked(port, "GET", "/healthz")[1])["process"]
    threads = run("podman", "exec", name, "python", "-c", _THREADS, worker, env=containers)
    kilobytes = int(run("podman", "exec", name, "python", "-c", _MEMORY, env=containers))
    print(
        f"\nthreads of the worker: {threads}; PSS of all processes and of the one that counts: {kilobytes / 1e3:.0f} MB"
    )
    limits = "from helpers.serving import cpu_threads; print(cpu_threads())"
    for cpus, wanted in (("1", "1"), ("2", "2"), ("1.9", "1")):
        entry = ["--cpus", cpus, "--entrypoint", "python"]
        assert run("podman", "run", "--rm", *entry, IMAGE, "-c", limits, env=containers) == wanted


def test_the_pod_that_asks_runs_from_the_same_image(containers, service, tmp_path):
    """What 'make cluster-check' runs in a cluster, within its own limits, beside the service."""
    [pod] = guest("asker", "any", IMAGE, "load", "http://127.0.0.1:8080", "20", "1")["spec"]["containers"]
    for file, text in tools("any")["data"].items():
        (tmp_path / file).write_text(text)
    run("chmod", "-R", "a+rX", tmp_path)
    limits, (entry, *arguments) = pod["resources"]["limits"], pod["command"]
    cpus, memory = int(limits["cpu"].removesuffix("m")) / 1000, limits["memory"].removesuffix("i").lower()
    how = [*LOCKED[:-1], str(cpus), "--memory", memory, "--network", f"container:{service[0]}"]
    mounted = ["--name", ASKER, "--volume", f"{tmp_path}:/tools:ro", "--entrypoint", entry]
    command = ["podman", "run", *how, *mounted, IMAGE, *arguments]
    try:
        with subprocess.Popen(command, env=containers, stdout=subprocess.PIPE, text=True) as asker:
            first, then = (json.loads(asker.stdout.readline()) for _ in range(2))
            run("podman", "rm", "--force", "--time", "0", ASKER, env=containers)
    finally:
        subprocess.run(["podman", "rm", "--force", ASKER], env=containers, capture_output=True, check=False)
    assert first["try"]["answer"]["version"] == "1.3"
    assert then["stretch"]["lost"] == 0
    assert then["stretch"]["statuses"] == {"200": 20}


def test_its_user_is_nobody_and_can_do_nothing(containers, service):
    name, _ = service
    look = (
        "import os, pathlib\n"
        "print(os.getuid(), os.getgid())\n"
        "print(*[line.split()[1] for line in pathlib.Path('/proc/1/status').read_text().splitlines()\n"
        "        if line.startswith(('CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp:'))])\n"
        "for place in ('/', '/opt/service', '/bundle/current', '/key', '/var/tmp', '/opt/venv/bin', '/tmp'):\n"
        "    try: pathlib.Path(place, 'x').touch(); print('wrote', place)\n"
        "    except OSError: pass"
    )
    ids, status, *wrote = run("podman", "exec", name, "python", "-c", look, env=containers).splitlines()
    assert ids == "10001 10001"
    assert [int(each, 16) for each in status.split()] == [0, 0, 1, 2]
    assert [each for each in wrote if each not in ("wrote /tmp", "wrote /var/tmp")] == []  # Podman mounts both


_HELD = """
import importlib.metadata, pathlib
place = pathlib.Path("/opt/service")
print(*(each.relative_to(place) for each in place.rglob("*") if each.is_file() and each.suffix != ".pyc"))
print(*(each.name.lower().replace("_", "-") for each in importlib.metadata.distributions()))
"""


def test_it_holds_what_serves_and_nothing_else(containers, image):
    done = run("podman", "run", "--rm", "--entrypoint", "python", IMAGE, "-c", _HELD, env=containers)
    files, packages = (set(line.split()) for line in done.splitlines())
    assert {"helpers/__init__.py", "helpers/serving/__main__.py", "helpers/serving/__init__.pyi"} <= files
    assert {"helpers/scorecard/decision.py", "helpers/scorecard/thresholds.yaml"} <= files
    assert not {each for each in files if "packing" in each or not each.startswith("helpers/")}
    assert packages == set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "deploy" / "requirements.lock").read_text(), re.M))


def test_it_does_not_build_without_a_base(containers):
    command = ["podman", "build", "-f", str(ROOT / "deploy" / "Dockerfile"), str(ROOT)]
    done = subprocess.run(command, env=containers, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "blank" in done.stderr or "base" in done.stderr.lower()


def test_a_changed_bundle_is_refused_with_3(containers, image, packed):
    changed = packed / "changed"
    shutil.copytree(packed / "bundle", changed)
    (changed / "model_card.json").write_bytes((changed / "model_card.json").read_bytes() + b" ")
    command = ["podman", "run", "--rm", *options(packed, free_port(), "changed"), IMAGE]
    done = subprocess.run(command, env=containers, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "model_card.json is not the file that was signed" in done.stderr


@pytest.mark.parametrize("verdict", [None, "no-go"])
def test_what_cannot_be_decided_is_refused_with_3(containers, image, packed, verdict):
    command = ["podman", "run", "--rm", *options(packed, free_port(), verdict=verdict), IMAGE]
    done = subprocess.run(command, env=containers, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "The model is not served: the verdict on this bundle is cannot decide" in done.stderr
    assert "nothing is recorded" in done.stderr  # it has read the thresholds


def test_sigterm_ends_it_with_0(containers, service):
    name, port = service
    run("podman", "stop", "--time", "60", name, env=containers)
    assert run("podman", "inspect", "--format", "{{.State.ExitCode}}", name, env=containers) == "0"
    assert asked(port, "GET", "/healthz") is None


# ---- the Deployment's own YAML


@pytest.fixture(scope="module")
def played(containers, image, packed, program, tmp_path_factory):
    """The Deployment, the two ConfigMaps and both images in Podman: what was played, and the port to ask at."""
    program("catatonit")
    folder = tmp_path_factory.mktemp("played")
    run(*bundle_command("podman", packed / "bundle", IMAGE, BUNDLE), env=containers)
    given = {"image": IMAGE, "bundle": BUNDLE, "key": packed / "keys" / "public.pem", "local": True}
    write_overlay(folder, "service", **given, least_serial=3, despite_verdict="cannot decide")
    objects = [each for each in rendered(folder) if each["kind"] in ("ConfigMap", "Deployment")]
    [(_, pod, _)] = policy.pods(objects)
    for_podman(pod, port := free_port())
    (folder / "played.yaml").write_text(yaml.safe_dump_all(objects))
    try:
        run("podman", "kube", "play", folder / "played.yaml", env=containers)
        wait_until(lambda: (asked(port, "GET", "/readyz") or [0])[0] == 200, "the pod", guard=300)
        yield pod, port
    finally:
        run("podman", "kube", "play", "--down", folder / "played.yaml", env=containers)
        for each in objects:  # Podman makes a volume of each
            asked_for = ["podman", "volume", "rm", "--force", each["metadata"]["name"]]
            subprocess.run(asked_for, env=containers, capture_output=True, check=False)


def for_podman(pod, port):
    """Change what Podman 4.3 does otherwise. (It leaves out preStop, spreading, and probes of start and readiness.)"""
    # By 'Always', the one that a Deployment has, it starts an init container again and again.
    pod["restartPolicy"] = "OnFailure"
    [container] = pod["containers"]
    container["ports"][0]["hostPort"] = port  # it has no Service
    # It would ask by a curl inside the container, at port 0: it knows no names of ports.
    del container["livenessProbe"]


def test_the_deployment_answers_in_podman(played, packed, picture):
    pod, port = played
    answers_rightly(port, packed, picture)
    probes = [pod["containers"][0][name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe")]
    assert [asked(port, "GET", path)[0] for path in (*probes, "/healthz")] == [200] * 3


def test_the_deployment_is_locked_in_podman_too(containers, played):
    [seen] = json.loads(run("podman", "inspect", "vigilant-service-pod-0-service", env=containers))
    assert seen["Config"]["User"] == "10001:10001"
    host = seen["HostConfig"]
    assert (host["ReadonlyRootfs"], host["NanoCpus"], host["Memory"]) == (True, 10**9, 512 * 2**20)
    assert seen["EffectiveCaps"] in (None, [])
    assert "no-new-privileges" in host["SecurityOpt"]
    writable = {each["Destination"] for each in seen["Mounts"] if each["RW"]}
    assert writable == {"/tmp"}


def test_the_deployment_ends_with_0(containers, played):
    name = "vigilant-service-pod-0-service"
    run("podman", "stop", "--time", "60", name, env=containers)
    assert run("podman", "inspect", "--format", "{{.State.ExitCode}}", name, env=containers) == "0"
