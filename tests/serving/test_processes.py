"""Workers that are ended, killed and starved: what was accepted is answered, and the counters stay right."""

import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import psutil
import pytest

from tests.conftest import ROOT, wait_until
from tests.serving.fake import FakeEngine

PREDICTED = 'vigilant_requests_total{route="/predict",status="200"}'
PICTURES = np.random.default_rng(0).random((8, 4, 4, 3)).astype(np.float32)
BODIES = [json.dumps({"image": picture.tolist()}).encode() for picture in PICTURES]
TRUTH = FakeEngine().answer(PICTURES, 0.9).classes.tolist()
CONNECTIONS = 6


class Running:
    """A service in processes of its own."""

    def __init__(self, process, log):
        self.process, self.log = process, log
        self.port = int(re.search(r":(\d+)$", process.stdout.readline().strip())[1])

    def ask(self, method, path, body=None, kind="application/json"):
        """One request on a connection of its own: status and body, or None where it was lost."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, path, body, {"content-type": kind})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def ready(self):
        answer = self.ask("GET", "/readyz")
        return answer is not None and answer[0] == 200

    def answers_from(self, process):
        """Whether this worker takes a new connection now."""
        answer = self.ask("GET", "/healthz")
        return answer is not None and json.loads(answer[1])["process"] == process

    def counted(self):
        """Every series, or None where the scrape was lost."""
        if (answer := self.ask("GET", "/metrics")) is None:
            return None
        lines = [line.rsplit(" ", 1) for line in answer[1].decode().splitlines() if line[0] != "#"]
        return {name: float(value) for name, value in lines}

    def begun(self):
        """How many workers have begun since the service began."""
        return (self.counted() or {}).get("vigilant_worker_starts_total", 0)

    def started(self):
        """Process ids of all workers that have begun, by place, oldest first."""
        said = [json.loads(line) for line in self.log.read_text().splitlines()]
        begun = [re.fullmatch(r"worker (\d) begins", line["message"]) for line in said]
        places = {0: [], 1: []}
        for line, match in zip(said, begun, strict=True):
            if match:
                places[int(match[1])].append(line["process"])
        return places

    def send(self, data):
        """Bytes on a raw connection, and all that comes back until the service closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=300) as raw:
            raw.sendall(data)
            return b"".join(iter(lambda: raw.recv(65_536), b""))


@contextmanager
def service(folder, **settings):
    log = folder / "service.log"
    settings = {"workers": 2, "log": str(log)} | settings
    command = [sys.executable, "-m", "tests.serving.run_service", json.dumps(settings)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    family = []
    try:
        running = Running(process, log)
        wait_until(lambda: running.ready() and running.begun() == settings["workers"], "the service, all its workers")
        yield running
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.terminate()
        process.communicate()
        _, left = psutil.wait_procs(family, timeout=60)
        assert left == [], "no process is left behind"


class Load(threading.Thread):
    """A client that asks without a break on one connection, and on a new one when that is closed."""

    def __init__(self, port, stop):
        super().__init__(daemon=True)
        self.port, self.stop = port, stop
        self.answered, self.wrong, self.failed, self.owners = 0, [], [], set()

    def run(self):
        number = 0
        while not self.stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
            owner = None
            try:
                owner = self.owner(connection)
                while not self.stop.is_set() and connection.sock is not None:
                    number += 1
                    self.once(connection, number % len(BODIES))
            except ConnectionRefusedError:
                return  # nobody listens any more
            except (OSError, http.client.HTTPException):
                self.failed.append(owner)
            finally:
                connection.close()

    def owner(self, connection):
        connection.request("GET", "/healthz")
        process = json.loads(connection.getresponse().read())["process"]
        self.owners.add(process)
        return process

    def once(self, connection, which):
        connection.request("POST", "/predict", BODIES[which], {"content-type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        if response.status == 200 and json.loads(body)["prediction"] == TRUTH[which]:
            self.answered += 1
        else:
            self.wrong.append((response.status, body[:200]))


def clients_of_both_workers(running, stop):
    """Clients that ask, at least `CONNECTIONS`; as the workers take from one queue, more until each worker has some."""
    clients = []

    def another():
        if len(clients) < CONNECTIONS or len(set().union(*(each.owners for each in clients))) < 2:
            clients.append(Load(running.port, stop))
            clients[-1].start()
            return False
        return all(each.answered > 5 for each in clients)

    wait_until(another, "answers to connections of both workers")
    return clients


@contextmanager
def load(running):
    stop, clients = threading.Event(), []
    try:
        clients += clients_of_both_workers(running, stop)
        yield clients
        before = [each.answered for each in clients]
        wait_until(
            lambda: all(each.answered > old + 5 for each, old in zip(clients, before, strict=True)),
            "answers after the event",
        )
    finally:
        stop.set()
        for each in clients:
            each.join(300)


def end_a_worker(running, place, how):
    """Signal a worker, and wait until another one is there in its place."""
    old, began = running.started()[place][-1], time.monotonic()
    starts = running.begun()
    os.kill(old, how)
    wait_until(lambda: len(running.started()[place]) > 1 and not psutil.pid_exists(old), "another worker")
    wait_until(lambda: running.begun() > starts, "its start")
    print(f"{how.name}: another worker was there after {time.monotonic() - began:.1f} s")
    return old, running.started()[place][-1]


def test_a_worker_is_ended_and_one_is_killed_under_load(tmp_path):
    with service(tmp_path, limits={"linger_seconds": 120, "head_seconds": 300}) as running:
        assert [len(each) for each in running.started().values()] == [1, 1]

        # SIGTERM: nothing is lost, on no connection.
        with load(running) as clients:
            old, new = end_a_worker(running, 0, signal.SIGTERM)
        assert old != new
        assert [each.failed + each.wrong for each in clients] == [[]] * len(clients)
        answered = sum(each.answered for each in clients)
        assert running.counted()[PREDICTED] == answered, "the ended worker's answers are counted, and none twice"

        # SIGKILL: at most one request for each connection of the killed worker, and no counter falls.
        seen, stop = [running.counted()], threading.Event()

        def scrape():
            while not stop.is_set():
                seen.append(running.counted())

        scraper = threading.Thread(target=scrape, daemon=True)
        scraper.start()
        with load(running) as clients:
            killed, new = end_a_worker(running, 1, signal.SIGKILL)
            wait_until(lambda: running.answers_from(new), "an answer of the new worker")
        stop.set()
        scraper.join(300)
        assert any(killed in each.owners for each in clients), "it had connections"
        assert {owner for each in clients for owner in each.failed} <= {killed, None}
        assert [len(each.failed) <= 1 and each.wrong == [] for each in clients] == [True] * len(clients)
        total = answered + sum(each.answered for each in clients)
        failed = sum(len(each.failed) for each in clients)
        assert total <= running.counted()[PREDICTED] <= total + failed
        pages = [page for page in seen if page is not None]
        assert len(pages) > 2
        for page, later in itertools.pairwise(pages):
            assert [name for name, value in page.items() if "in_flight" not in name and later[name] < value] == []
        # A request is taken back a moment after its answer; those of the killed worker by the next one in its place.
        wait_until(lambda: running.counted()["vigilant_requests_in_flight"] == 1, "only the scrape in flight")


def test_what_has_begun_is_answered_when_the_service_ends(tmp_path):
    body = BODIES[0]
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    with service(tmp_path, workers=1) as running, socket.create_connection(("127.0.0.1", running.port)) as raw:
        raw.settimeout(300)
        raw.sendall(head.encode() + body[:50])
        wait_until(lambda: running.counted()["vigilant_requests_in_flight"] == 2, "the request")
        assert running.ask("POST", "/predict", b"no form", "multipart/form-data; boundary=x")[0] == 400
        running.process.terminate()
        wait_until(lambda: running.ask("GET", "/healthz") is None, "the end of new connections")
        raw.sendall(body[50:])
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["prediction"] == TRUTH[0]
        assert running.process.wait(300) == 0
    said = [json.loads(line)["message"] for line in running.log.read_text().splitlines()]
    assert said == ["worker 0 begins", "worker 0 ends"], "a client's mistake is answered, and fills no disk"


def test_the_service_is_ended_under_load(tmp_path):
    with service(tmp_path) as running:
        stop = threading.Event()
        clients = clients_of_both_workers(running, stop)
        running.process.terminate()
        assert running.process.wait(300) == 0
        stop.set()
        for each in clients:
            each.join(300)
    assert [each.wrong for each in clients] == [[]] * len(clients)
    # None: a connection that no worker had accepted. What was asked on one that a worker had is answered.
    assert {owner for each in clients for owner in each.failed} <= {None}


def test_workers_end_with_a_killed_runner(tmp_path):
    with service(tmp_path) as running:
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert len(family) >= 3
        running.process.kill()
        _, left = psutil.wait_procs(family, timeout=300)
        assert left == []


def test_a_model_that_must_not_be_served_ends_the_service():
    command = [sys.executable, "-m", "tests.serving.run_service", '{"workers": 2, "engine": "refuses"}']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3
    assert "The model is not served: the bundle is not the one that was signed: model.onnx has changed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """One worker that waits for nobody, and whose log is a full disk."""
    folder = tmp_path_factory.mktemp("strict")
    with service(folder, workers=1, log="/dev/full", limits={"head_seconds": 2, "head_bytes": 20_000}) as running:
        yield running


def test_a_full_disk_under_the_log_costs_no_request(strict):
    assert [strict.ask("POST", "/predict", body)[0] for body in BODIES] == [200] * 8
    assert strict.counted()["vigilant_log_records_lost_total"] >= 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 408),
        (b"GET /healthz HTTP/1.1\r\nhost:", 408),
        (b"\x16\x03\x01 this is TLS\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-long: " + b"a" * 30_000, 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-long: " + b"a" * 30_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-many: 1\r\n" * 3_000 + b"\r\n", 431),
        (b"GET /?" + b"a" * 30_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        (b"POST /predict HTTP/1.1\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\nno length", 400),
    ],
)
def test_what_never_becomes_a_request_is_answered_and_closed(strict, data, status):
    head, _, body = strict.send(data).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert strict.ready()


@pytest.mark.parametrize("after", [b"no request\r\n\r\n", b"GET / HTTP/1.1\r\nx-long: " + b"a" * 30_000 + b"\r\n\r\n"])
def test_what_follows_a_request_costs_no_answer(strict, after):
    head = f"POST /predict HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {len(BODIES[0])}\r\n\r\n"
    answers = strict.send((head.encode() + BODIES[0]) * 2 + after)
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(f'"prediction":{TRUTH[0]}'.encode()) == 2
    assert answers.count(b"HTTP/1.1") == answers.count(b"connection: close") + 1 == 2, "the second one closes"
    assert strict.ready()
