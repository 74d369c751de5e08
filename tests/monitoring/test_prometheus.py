"""A real Prometheus beside whoever starts it: what it cannot do is said, and it ends with its starter."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from helpers import monitoring
from helpers.errors import CourseError
from tests.conftest import wait_until

NOBODY = "127.0.0.1:1"  # a port that nothing listens on


@pytest.fixture
def installed(needs_program):
    needs_program("prometheus")


def gone(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def is_prometheus(process):
    try:
        return process.name() == "prometheus"
    except psutil.NoSuchProcess:  # ended since it was listed
        return False


def started_by(process):
    """What a process has started and what that has; others on this machine may run a Prometheus, too."""
    return [each for each in process.children(recursive=True) if is_prometheus(each)]


OURSELVES = psutil.Process()


def test_it_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert monitoring.prometheus_program() is None
    with pytest.raises(CourseError, match="has it as the package prometheus"):
        monitoring.LocalPrometheus(NOBODY)


def test_it_answers_rings_and_ends(installed):
    rule = {"alert": "Down", "expr": f'up{{job="{monitoring.JOB}"}} == 0'}
    blind = {"alert": "Blind", "expr": "no_such_series > 0"}
    with monitoring.LocalPrometheus(NOBODY, {"groups": [{"name": "a", "rules": [rule, blind]}]}) as watching:
        wait_until(lambda: watching.ringing() == {"Down"}, "the alert")
        assert watching.numbers(f'up{{job="{monitoring.JOB}"}}') == [0.0]
        assert watching.numbers("no_such_series") == []
        assert watching.numbers("0 / 0") == []
        assert len(started_by(OURSELVES)) == 1
    assert started_by(OURSELVES) == []
    watching.stop()  # again


def test_rules_that_it_refuses(installed):
    with pytest.raises(CourseError, match="did not start") as refused:
        monitoring.LocalPrometheus(NOBODY, {"groups": [{"name": "a", "rules": [{"alert": "Odd", "expr": "1 +"}]}]})
    assert "parse error" in str(refused.value)
    assert started_by(OURSELVES) == []


def test_it_does_not_outlive_a_starter_that_was_killed(installed):
    code = f"import time; from helpers import monitoring; p = monitoring.LocalPrometheus({NOBODY!r}); time.sleep(999)"
    starter = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_until(lambda: started_by(psutil.Process(starter.pid)), "Prometheus")
        [watching] = started_by(psutil.Process(starter.pid))
    finally:
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    wait_until(lambda: gone(watching), "its end")
