"""The service as a program: what is typed, what the environment says, and an older bundle in a newer one's place."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import closing

import psutil
import pytest

from helpers import serving
from helpers.errors import CacheError, CourseError
from helpers.serving import __main__ as program
from helpers.serving import replay
from tests.arrows import HEAVY
from tests.conftest import ROOT, wait_until
from tests.serving.bundles import pack, pictures

UNKNOWN = "cannot decide"
"""What is to be said of the tests' bundles, with one record each."""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """A bundle with serial 3, and one with serial 2."""
    folder = tmp_path_factory.mktemp("program")
    keys = serving.make_keys(folder / "keys")
    return pack(folder, keys), pack(folder, keys, name="older", serial=2)


@pytest.fixture
def served(monkeypatch):
    """What would be served, in place of serving it."""
    seen = {}

    class Runner:
        def __init__(self, opened, **how):
            seen.update(how, opened=opened)

        def run(self):
            return 0

    monkeypatch.setattr(program, "Runner", Runner)
    monkeypatch.setattr(program, "cpu_threads", lambda: 5)
    return seen


def test_what_is_typed(served, tmp_path):
    typed = ["the bundle", "--key", "a.pem", "--state", str(tmp_path), "--host", "::1", "--port", "0", "--workers", "2"]
    assert program.main(typed, {}) == 0
    opened = served.pop("opened")
    assert served == {"workers": 2, "host": "::1", "port": 0}
    assert opened.func is replay.open_newest
    assert [str(each) for each in opened.args] == ["the bundle", "a.pem", "0", str(tmp_path), "None"]


def test_the_environment_says_the_same_and_what_is_typed_counts_more(served, tmp_path):
    environment = {"BUNDLE": "b", "KEY": "k.pem", "HOST": "0.0.0.0", "PORT": "81", "WORKERS": "3", "LEAST_SERIAL": "7"}
    environment |= {"DESPITE_VERDICT": "no-go"}
    variables = {f"VIGILANT_{name}": value for name, value in environment.items()}
    assert program.main(["--port", "82"], variables) == 0
    opened = served.pop("opened")
    assert served == {"workers": 3, "host": "0.0.0.0", "port": 82}
    assert [str(each) for each in opened.args] == ["b", "k.pem", "7", "None", "no-go"]


def test_workers_follow_the_processors(served):
    assert program.main(["b", "--key", "k.pem", "--least-serial", "1"], {}) == 0
    assert (served["workers"], served["host"], served["port"]) == (5, "127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--key", "k", "--least-serial", "1"], "no bundle: name it here, or in VIGILANT_BUNDLE"),
        (["b", "--least-serial", "1"], "no key: name it here, or in VIGILANT_KEY"),
        (["b", "--key", "k"], "give --state FOLDER, --least-serial N, or both"),
        (["b", "--key", "k", "--least-serial", "0"], "a whole number from 1 is wanted, not '0'"),
        (["b", "--key", "k", "--least-serial", "1", "--port", "65536"], "a port is a number from 0 to 65535"),
        (["b", "--key", "k", "--least-serial", "1", "--workers", "\u0663"], "a whole number from 1 is wanted"),
        (["b", "--key", "k", "--least-serial", "1", "--despite-verdict", "go"], "'no-go' or 'cannot decide' is wanted"),
    ],
)
def test_what_is_not_understood(served, capsys, typed, said):
    with pytest.raises(SystemExit) as ended:
        program.main(typed, {})
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert served == {}


def test_a_missing_state_folder_is_said_and_not_made(served, capsys, tmp_path):
    assert program.main(["b", "--key", "k", "--state", str(tmp_path / "none")], {}) == 3
    assert f"The model is not served: there is no state folder at {tmp_path / 'none'}" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert served == {}


def test_an_address_that_is_taken(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        typed = ["b", "--key", "k", "--least-serial", "1", "--port", port, "--workers", "1"]
        assert program.main(typed, {}) == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in capsys.readouterr().err


def test_an_older_bundle_is_refused_once_a_newer_one_was_seen(bundles, tmp_path):
    (path, _, key), (older, _, _) = bundles
    assert serving.open_newest(older, key, 0, tmp_path, UNKNOWN).serial == 2
    assert replay.newest_seen(tmp_path) == 2
    assert serving.open_newest(path, key, 0, tmp_path, UNKNOWN).serial == 3
    assert (tmp_path / replay.SEEN).read_text() == "3\n"
    with pytest.raises(serving.BundleError, match="serial 2, and serial 3 is known: an older bundle"):
        serving.open_newest(older, key, 0, tmp_path, UNKNOWN)
    assert replay.newest_seen(tmp_path) == 3
    assert serving.open_newest(path, key, 0, tmp_path, UNKNOWN).serial == 3  # the same again, after a restart


def test_the_least_serial_needs_no_folder(bundles):
    (path, _, key), (older, _, _) = bundles
    assert serving.open_newest(path, key, 3, None, UNKNOWN).serial == 3
    with pytest.raises(serving.BundleError, match="serial 2, and serial 3 is known"):
        serving.open_newest(older, key, 3, None, UNKNOWN)


def test_the_key_may_be_a_link_as_kubernetes_mounts_it(bundles, tmp_path):
    path, _, key = bundles[0]
    (tmp_path / "..2026").mkdir()
    shutil.copy(key, tmp_path / "..2026" / "public.pem")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "public.pem").symlink_to("..data/public.pem")
    assert serving.open_newest(path, tmp_path / "public.pem", 1, None, UNKNOWN).serial == 3


@pytest.mark.parametrize("text", ["", "x", "-1", "3 4", "\u0663", "1e3"])
def test_a_file_that_holds_no_serial_is_said(tmp_path, text):
    (tmp_path / replay.SEEN).write_text(text)
    with pytest.raises(CourseError, match=r"newest-serial\.txt (holds|cannot be read)"):
        replay.newest_seen(tmp_path)


def test_the_serial_only_grows_whoever_writes_last(tmp_path):
    numbers = [*range(1, 41)]
    threads = [threading.Thread(target=replay._remember, args=(tmp_path, n)) for n in [*numbers[::2], *numbers[::-3]]]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert replay.newest_seen(tmp_path) == 40
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        [replay.SEEN],
        [replay.SEEN, f"{replay.SEEN}.lock"],
    )


def test_a_service_that_could_not_remember_does_not_start(bundles, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (path, _, key), _ = bundles
    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(CacheError, match="the disk is full"):
        serving.open_newest(path, key, 0, tmp_path, UNKNOWN)


def start(*typed, **environment):
    command = [sys.executable, "-m", "helpers.serving", *map(str, typed), "--port", "0", "--workers", "1"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    variables.pop("OPENBLAS_NUM_THREADS", None)
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_program_answers_and_ends_with_0(bundles, tmp_path):
    path, _, key = bundles[0]
    process = start(path, "--key", key, "--state", tmp_path, "--despite-verdict", UNKNOWN)
    try:
        port = int(re.search(r":(\d+)$", process.stdout.readline().strip())[1])

        def asked(method, route, body=None):
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=300)) as connection:
                connection.request(method, route, body, {"content-type": "application/json"})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())

        wait_until(lambda: asked("GET", "/readyz")[0] == 200, "the service")
        status, answer = asked("POST", "/predict", json.dumps({"image": pictures(1, 4)[0].tolist()}))
        assert (status, answer["version"]) == (200, "1.3")
        assert replay.newest_seen(tmp_path) == 3
        worker = psutil.Process(asked("GET", "/healthz")[1]["process"])
        assert worker.environ()["OPENBLAS_NUM_THREADS"] == "1"
    finally:
        process.terminate()
        said = process.communicate()
    assert process.returncode == 0, said


def test_a_replayed_bundle_ends_the_program_with_3(bundles, tmp_path):
    older, _, key = bundles[1]
    (tmp_path / replay.SEEN).write_text("3\n")
    process = start(older, "--key", key, "--state", tmp_path)
    _, said = process.communicate()
    assert process.returncode == 3
    assert "The model is not served: bundle" in said
    assert "an older bundle stands in a newer one's place" in said
    assert "Traceback" not in said


def test_the_program_loads_nothing_of_training(bundles, tmp_path):
    path, _, key = bundles[0]
    code = (
        "import sys; import helpers.serving.__main__; from helpers.serving import open_newest\n"
        f"assert 'numpy' not in sys.modules; open_newest({str(path)!r}, {str(key)!r}, 1, None, {UNKNOWN!r})\n"
        "print(*{name.split('.')[0] for name in sys.modules}, *(name for name in sys.modules if 'helpers.' in name))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert "onnxruntime" in loaded
    assert loaded & {*HEAVY, "sklearn", "scipy"} == set()
    assert [name for name in loaded if name.startswith(("helpers.course", "helpers.models", "helpers.datasets"))] == []


def test_a_changed_bundle_ends_the_program_with_3(bundles, tmp_path):
    path, _, key = bundles[0]
    changed = shutil.copytree(path, tmp_path / "changed")
    (changed / "model_card.json").write_bytes((path / "model_card.json").read_bytes() + b" ")
    process = start(VIGILANT_BUNDLE=str(changed), VIGILANT_KEY=str(key), VIGILANT_LEAST_SERIAL="1")
    _, said = process.communicate()
    assert process.returncode == 3
    assert "model_card.json is not the file that was signed" in said
