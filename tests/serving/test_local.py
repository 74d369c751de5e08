"""A service beside a notebook: it answers, it refuses, and it is gone when its starter is."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest

from helpers import serving
from helpers.errors import CourseError
from tests.conftest import ROOT, wait_until
from tests.serving.bundles import pack, pictures

STARTER = """
import sys, time
from helpers.serving import LocalService
service = LocalService(sys.argv[1], sys.argv[2], workers=1, despite_verdict="cannot decide")
print(*(each.pid for each in service.processes()), flush=True)
time.sleep(900)
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    return pack(folder, serving.make_keys(folder / "keys"))


def test_it_answers_and_ends_in_order_whatever_proxy_is_set(packed, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    service = serving.LocalService(packed.path, packed.public, workers=1, despite_verdict="cannot decide")
    assert service.url.startswith("http://127.0.0.1:")
    body = json.dumps({"image": pictures(1, seed=9)[0].tolist()}).encode()
    asked = urllib.request.Request(f"{service.url}/predict", body, {"content-type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(asked) as reply:
        assert json.loads(reply.read())["version"] == "1.3"
    before = service.cpu_seconds()
    serving.load_test(f"{service.url}/predict", body, requests=100)
    assert service.cpu_seconds() > before
    processes = service.processes()
    assert service.stop() == 0
    assert service.stop() == 0  # once more does no harm
    wait_until(lambda: not any(each.is_running() for each in processes), "the processes to end")


def test_a_bundle_that_is_refused_says_why(packed, tmp_path):
    spoilt = serving.plant("added file", packed.path, tmp_path, packed.private)
    with pytest.raises(CourseError, match=r"the service did not start: .*preprocessing\.py"):
        serving.LocalService(spoilt, packed.public)


def test_it_does_not_outlive_a_starter_that_was_killed(packed):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", STARTER, str(packed.path), str(packed.public)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as starter:
        service = [psutil.Process(int(pid)) for pid in starter.stdout.readline().split()]
        assert len(service) >= 2
        os.kill(starter.pid, signal.SIGKILL)
    wait_until(lambda: not any(each.is_running() for each in service), "the service to end")
