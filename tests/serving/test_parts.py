"""Parts of the service by themselves: the tally of connections, the log, the metrics' files."""

import json
import logging
import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, Counter

from helpers.serving import Runner
from helpers.serving.logs import ServiceLog
from helpers.serving.tally import Tally
from tests.conftest import ROOT, wait_until
from tests.serving.fake import FakeEngine


def test_a_worker_knows_whether_another_has_fewer_connections(tmp_path):
    Tally.make(tmp_path, 3)
    one, two, three = (Tally(tmp_path, place) for place in range(3))
    assert not one.another_has_fewer()
    one.write(1)
    assert one.another_has_fewer()
    assert not two.another_has_fewer()
    two.write(1)
    three.write(2)
    assert not one.another_has_fewer()
    assert three.another_has_fewer()
    assert not Tally(tmp_path, 2).another_has_fewer(), "who takes a place begins with none"


def test_no_workers_are_no_service():
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        Runner(FakeEngine, workers=0, port=0)


@pytest.fixture
def lost():
    return Counter("lost", "Lost", registry=CollectorRegistry())


def lost_so_far(counter):
    return counter.collect()[0].samples[0].value


def logger_to(handler):
    logger = logging.Logger("service")
    logger.addHandler(handler)
    return logger


def test_the_log_is_lines_of_json(tmp_path, lost):
    handler = ServiceLog(tmp_path / "log", lost)
    logger = logger_to(handler)
    logger.info("worker %d\nbegins", 3)
    try:
        raise ValueError("planted")
    except ValueError:
        logger.exception("fault")
    handler.finish()
    first, second = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (first["message"], first["level"], first["process"]) == ("worker 3\nbegins", "INFO", os.getpid())
    assert second["trace"].endswith("ValueError: planted")
    assert lost_so_far(lost) == 0


@pytest.mark.parametrize("how", ["full disk", "reader that has stopped"])
def test_what_cannot_be_logged_is_counted_and_delays_nobody(tmp_path, lost, how):
    if how == "full disk":
        handler = ServiceLog(tmp_path.joinpath("/dev/full"), lost)
    else:
        os.mkfifo(tmp_path / "pipe")
        reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        handler = ServiceLog(tmp_path / "pipe", lost)
    logger = logger_to(handler)
    for _ in range(3_000):  # comes back, although nobody reads
        logger.info("x" * 1_000)
    wait_until(lambda: lost_so_far(lost) > 1_000, "lost records")
    handler.finish(seconds=0.1)
    if how != "full disk":
        os.close(reader)


def test_a_log_that_cannot_be_opened_is_said_at_the_start(tmp_path, lost):
    with pytest.raises(FileNotFoundError):
        ServiceLog(tmp_path / "no" / "log", lost)


COUNTS = """
import os, signal, sys
from pathlib import Path
from helpers.serving.metrics import Metrics, count_in_files
folder, place, n = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
count_in_files(folder, place)
metrics = Metrics()
metrics.prepare(["/predict"], [200, 400], ["stop"])
metrics.in_flight.inc()
for _ in range(n):
    metrics.requests.labels("/predict", "200").inc()
    metrics.seconds.labels("/predict").observe(0.1)
sys.stdout.write(metrics.page().decode())
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def count(folder, place, n):
    done = subprocess.run(
        [sys.executable, "-c", COUNTS, str(folder), str(place), str(n)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr
    return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line[0] != "#")


def test_a_worker_that_is_only_beginning_spoils_no_page(tmp_path):
    """It has made its files and not given them a size; on a busy machine it may stand there for seconds."""
    for kind in ("counter", "gauge_livesum", "gauge_livemax", "histogram"):
        (tmp_path / f"{kind}_1.db").touch()
    assert float(count(tmp_path, 0, 5)['vigilant_requests_total{route="/predict",status="200"}']) == 5


def test_a_killed_workers_counts_go_on_in_its_place(tmp_path):
    name = 'vigilant_requests_total{route="/predict",status="200"}'
    pages = [count(tmp_path, place, n) for place, n in ((0, 5), (1, 3), (0, 2), (0, 1))]
    assert [float(page[name]) for page in pages] == [5, 8, 10, 11]
    assert [float(page['vigilant_request_seconds_count{route="/predict"}']) for page in pages] == [5, 8, 10, 11]
    assert [float(page["vigilant_requests_in_flight"]) for page in pages] == [1, 2, 2, 2]
    assert float(pages[0]['vigilant_requests_total{route="/predict",status="400"}']) == 0
    assert len(list(tmp_path.glob("*.db"))) == 6, "one file of a kind for each place, however many were killed"
    for path in tmp_path.glob("*.db"):
        assert path.stat().st_blocks * 512 >= path.stat().st_size, "its room on the disk is taken"
