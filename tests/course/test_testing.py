"""``make test``: what reads comes first, and what took how long is said at the end."""

import pytest

from helpers.course import testing
from helpers.course.processes import ONE_THREAD
from tests.conftest import ROOT

GOOD = ["timeit", "-n1", "-r1", "pass"]
BAD = ["no_such_module_of_anybody"]


@pytest.fixture
def steps(monkeypatch):
    """Every step a command that passes; those that are named fail."""

    def let_fail(*failing):
        monkeypatch.setattr(testing, "STEPS", {step: BAD if step in failing else GOOD for step in testing.STEPS})

    let_fail()
    return let_fail


def last_lines(capfd):
    return {line.split()[0]: line.split()[-1] for line in capfd.readouterr().out.splitlines()[-len(testing.STEPS) :]}


def test_all_pass(steps, capfd):
    assert testing.main([]) == 0
    assert last_lines(capfd) == dict.fromkeys(testing.STEPS, "passed")


def test_what_reads_is_all_said_and_nothing_longer_is_begun_where_it_fails(steps, capfd):
    steps("lint")
    assert testing.main([]) == 1
    assert last_lines(capfd) == {
        **dict.fromkeys(("format", "types", "rules"), "passed"),
        "lint": "FAILED",
        **dict.fromkeys(("units", "hub", "programs", "notebooks"), "begun"),
    }


@pytest.mark.parametrize("failing", ["units", "hub", "programs", "notebooks"])
def test_one_long_step_that_fails_hides_no_other(steps, capfd, failing):
    steps(failing)
    assert testing.main([]) == 1
    assert last_lines(capfd) == {**dict.fromkeys(testing.STEPS, "passed"), failing: "FAILED"}


def test_what_runs_beside_another_step_is_said_whole_when_it_ends(steps, capfd):
    steps("hub")
    testing.main(["units", "hub"])
    said = capfd.readouterr().out
    assert "[hub] no_such_module_of_anybody (said when it ends)" in said
    assert "No module named no_such_module_of_anybody" in said
    assert "notebooks" not in said


def test_an_unknown_step(capsys):
    assert testing.main(["unit"]) == 2
    assert "no step unit; there are format, lint" in capsys.readouterr().err


def test_each_step_has_one_thread_and_what_was_set_counts_more(monkeypatch, capfd):
    for name in ONE_THREAD:
        monkeypatch.delenv(name, raising=False)
    said = ["timeit", "-n1", "-r1", f"import os; print('threads', *[os.environ.get(n) for n in {list(ONE_THREAD)}])"]
    monkeypatch.setattr(testing, "STEPS", dict.fromkeys(testing.STEPS, said))
    testing.main(["units"])
    assert "threads 1 1 1" in capfd.readouterr().out
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    testing.main(["units"])
    assert "threads 3 1 1" in capfd.readouterr().out


def test_the_steps_hold_every_test_once():
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.is_dir()}
    ignored = {each.partition("=")[2] for each in testing.STEPS["units"][2:]}
    named = [each for step in ("hub", "programs", "notebooks") for each in testing.STEPS[step][1:] if each in folders]
    assert sorted(named) == sorted(ignored)
    assert ignored < folders
    assert testing.STEPS["units"][:2] == ["pytest", "tests"]
    assert testing.STEPS["notebooks"][1:] == ["tests/notebooks", f"--ignore={testing.STEPS['rules'][1]}"]
    assert (ROOT / testing.STEPS["rules"][1]).exists()
    assert sorted([*testing.READING, *(step for lane in testing.LANES for step in lane)]) == sorted(testing.STEPS)
