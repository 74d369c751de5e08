"""The benchmark of servers, with fakes of a few lines: who is asked, counted, refused and told. No time is judged."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks import harness, serving
from benchmarks.servers import running as processes
from benchmarks.servers.running import Server
from helpers.course import tables
from helpers.errors import CourseError
from helpers.scorecard import Benched
from tests.conftest import ROOT

FAKE = """
import asyncio, json, os
answer = json.dumps({"prediction": int(os.environ["SAYS"])}).encode()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer) + answer
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            await asyncio.sleep(float(os.environ.get("SLOW", "0")))
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(os.environ["PORT"])) as server:
        await server.serve_forever()
asyncio.run(main())
"""
PATHS = {"json": "/predict", "png": "/predict"}
SIZE = serving.Size(seconds=0.03, open_seconds=0.05, open_rounds=1, explained=4)


def fake(name, **variables):
    return Server(name, ("python", "-c", FAKE), None, PATHS, {"SAYS": "2", **variables}, ("numpy",))


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    image = np.zeros((1, 8, 8, 3), np.float32)
    image[0, 0, 0] = 51 / 255
    return serving.subject_of(tmp_path_factory.mktemp("served"), image, lambda images: [[0.1, 0.2, 0.7]])


@pytest.fixture(scope="module")
def found(subject):
    return serving.measured(
        subject, [fake(serving.OWN), fake(serving.BRIEF, SLOW="0.01"), fake("another")], repeats=3, size=SIZE
    )


def test_every_server_is_asked_in_every_setting_and_round(found):
    names = [serving.OWN, serving.BRIEF, "another"]
    assert list(found["closed"]) == [
        f"{kind}, {connections}" for kind in PATHS for connections in ("1 connection", "16 connections")
    ]
    for by_server in found["closed"].values():
        assert list(by_server) == names
        for numbers in by_server.values():
            assert [len(values) for values in numbers.values()] == [3] * len(numbers)
            assert min(numbers["rate"]) > 0
            assert numbers["failed"] == [0, 0, 0]
            assert 0 <= min(numbers["generator_share"]) <= 1
    assert list(found["servers"]) == names
    assert all(about["processes"] == 1 and about["memory_mib"] > 1 for about in found["servers"].values())
    assert all(about["versions"] == {"numpy": np.__version__} for about in found["servers"].values())
    for by_server in found["open"].values():
        for name, seen in by_server.items():
            assert seen["failed"] == 0
            assert seen["n"] == max(1, round(seen["rate"] * SIZE.open_seconds)), name
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    # One that waits a hundredth of a second is behind one that does not, on any machine.
    assert found["ratios"]["json, 1 connection"][serving.BRIEF][0] > 1


def test_all_of_it_is_told(found):
    rows = serving.rows(found)
    said = harness.table(rows)
    assert said.count(f"  {serving.BRIEF}") == said.count("  another") == 4 + 2 + 1 + 1
    targets = {(row.part, row.peer): row.target for row in rows}
    assert targets["json, 16 connections", serving.BRIEF] == 80
    assert targets["png, 16 connections", serving.BRIEF] == 100
    assert targets["png, 16 connections", "another"] == targets["png, 1 connection", serving.BRIEF] == 1
    assert targets["/explain and /predict", "png"] == 2
    kept = Benched("serving", "2026-11-27", {}, found | {"parts_us": {kind: {"reading": 1.0} for kind in PATHS}})
    stored = tables.Stored([], [], benched=[kept])
    for name in ("serving", "serving-costs", "serving-parts"):
        table = tables.TABLES[name](stored)
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "another" in tables.TABLES["serving"](stored)
    with pytest.raises(CourseError, match="'vigilant bench serving --store' measures them"):
        tables.TABLES["serving"](tables.Stored([], []))


def test_a_target_is_held_against_the_worse_end():
    row = serving.Ratio("png", "a peer", 300.0, 1.0, 100.0, math.nan, worst=1.01)
    assert row.met
    assert not replace(row, worst=0.99).met
    assert replace(row, at_most=True, target=2.0, worst=2.0).met
    assert not replace(row, at_most=True, target=2.0, worst=2.01).met
    assert replace(row, target=None).met is None


def test_a_ratio_is_paired_by_round():
    # Each round twice as many, however busy the machine was: there is no doubt, and no width.
    value, low, high = serving.ratio([200.0, 20.0, 2000.0], [100.0, 10.0, 1000.0])
    assert (value, low, high) == pytest.approx((2, 2, 2))
    value, low, high = serving.ratio([200.0, 20.0, 2000.0], [100.0, 20.0, 500.0])
    assert value == pytest.approx(2)
    assert low < 1
    assert high > 4


def test_the_bodies_hold_the_same_picture(subject):
    from helpers.serving.forms import file_of_form
    from helpers.serving.pictures import decoded, json_object, numbers

    given = json_object(subject.bodies["json"].content, ("image",), ("image",))["image"]
    body = subject.bodies["png"]
    file = file_of_form(body.content, body.content_type, "image")
    np.testing.assert_array_equal(numbers(given, (8, 8, 3), "image"), decoded(file, (8, 8, 3)))
    assert subject.prediction == 2


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (fake("wrong", SAYS="1"), r"answers \{'prediction': 1\}; all servers must say class 2"),
        (replace(fake("none"), environment="missing"), "none is not installed in .*missing. 'make bench' sets it up"),
        (replace(fake("dies"), command=("python", "-c", "print('planted'); 1 / 0")), "dies does not answer"),
    ],
)
def test_a_server_that_cannot_be_compared_is_refused(subject, tmp_path, server, told):
    before = set(psutil.Process().children())
    with (
        pytest.raises(CourseError, match=told) as refused,
        processes.running(server, subject.bodies, subject.prediction, tmp_path / "log"),
    ):
        pass
    assert "dies" not in told or "ZeroDivisionError" in str(refused.value)
    assert set(psutil.Process().children()) == before


def test_it_ends_what_a_server_has_started(monkeypatch, subject, tmp_path):
    monkeypatch.setattr(processes, "_POLITE_SECONDS", 0.2)
    deaf = "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    stubborn = f"{deaf}; subprocess.run([sys.executable, '-c', {FAKE!r}])"
    server = replace(fake("two"), command=("python", "-c", stubborn))
    with processes.running(server, subject.bodies, subject.prediction, tmp_path / "log") as one:
        started = one.processes()
        assert len(started) == 2
        assert one.memory() > started[0].memory_info().rss / 10
        assert one.cpu_seconds() > 0
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in started)


def test_the_servers_of_the_promise_are_there(subject):
    every = serving.servers(subject)
    assert [each.name for each in every] == [
        "ours",
        "the brief's Flask app",
        "the brief's Flask app, twice",
        "plain FastAPI",
        "LitServe",
        "BentoML",
        "MLServer",
    ]
    folder = ROOT / "benchmarks" / "servers"
    for each in every:
        if each.environment is not None:
            lock = (folder / f"{each.environment}.lock").read_text()
            assert "--hash=sha256:" in lock
            for package in each.packages:
                assert f"\n{package}==" in lock
    # One version of what computes, wherever it runs.
    pinned = [
        line for file in folder.glob("*.lock") for line in file.read_text().splitlines() if "onnxruntime==" in line
    ]
    course = (ROOT / "requirements.lock").read_text()
    assert len(pinned) == 4
    assert len(set(pinned)) == 1
    assert f"\n{pinned[0].split()[0]} " in course


def test_numbers_are_kept_only_where_a_part_left_some(monkeypatch, tmp_path):
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path))
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results")
    harness.result_path("serving").parent.mkdir(parents=True)
    harness.result_path("serving").write_text("{}")
    assert harness.store(["gradcam", "serving"]) == [tmp_path / "results" / "serving.json"]
    assert (tmp_path / "results" / "serving.json").read_text() == "{}"


def test_the_environments_lie_in_the_course_s_own():
    assert Path(sys.prefix, "servers") == processes.ENVIRONMENTS
