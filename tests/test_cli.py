"""The command ``vigilant``: what a person types, and what they read."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest

from helpers import cli
from helpers.course import report
from helpers.course.layout import solution_path, student_path
from helpers.course.run import Outcome
from helpers.scorecard import RULE, Band, BandRun, Scorecard, decide, decision_entry, read, read_thresholds
from tests.scorecard import cards

HERE = Path(__file__).parent


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A checkout with the good notebook in it, built by nobody yet."""
    source = tmp_path / "notebooks" / "source" / "01_good.py"
    source.parent.mkdir(parents=True)
    shutil.copy(HERE / "course" / "good" / "01_good.py", source)
    monkeypatch.setattr("helpers.course.layout.course_root", lambda: tmp_path)
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("VIGILANT_CACHE", raising=False)
    return source


def entry(**changes):
    known = Outcome("01_good", "ok", 10.0, 12.0, 500.0, "signs", "quick", 0, 5)
    return {**asdict(known), **changes}


def test_help_is_quick_and_names_every_command(capsys):
    code = (
        "import sys; from helpers import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'tensorflow', 'nbformat', 'papermill', 'jupytext'} & sys.modules.keys()\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for word in (
        "list",
        "run",
        "build",
        "scorecard",
        "decide",
        "serve",
        "report",
        "bands",
        "measure",
        "tables",
        "vigilant run 02 --dataset fashion",
    ):
        assert word in result.stdout
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    text = capsys.readouterr().out
    for word in ("--dataset", "--budget", "--seed", "--solutions", "--cold", "--offline", "--outputs"):
        assert word in text


def test_the_whole_way(course, capsys):
    """Build, check, run the student's copy, run the solution, store its outputs, check again, show the results."""
    assert cli.main(["list"]) == 0
    assert capsys.readouterr().out == "01_good  coins  A tiny notebook that keeps every rule\n"
    assert cli.main(["run", "01"]) == 1
    assert "not made yet: 01_good. Run 'vigilant build' first" in capsys.readouterr().err
    assert cli.main(["build"]) == 0
    assert cli.main(["build", "--check"]) == 1
    assert "no checked output yet; run 'vigilant run --solutions --outputs'" in capsys.readouterr().out
    assert cli.main(["run", "--solutions", "--outputs"]) == 0
    out = capsys.readouterr().out
    assert "01_good: 1 checked outputs stored" in out
    assert "all within time and memory" in out
    assert cli.main(["build", "--check"]) == 0
    assert "keep the rules and are up to date" in capsys.readouterr().out
    assert cli.main(["scorecard"]) == 0
    assert "heads" in capsys.readouterr().out
    build = course.parents[2] / "build"
    assert (build / "solutions" / "notebooks" / "01_good.ipynb").exists()
    assert not (build / "course.json").exists()
    assert cli.main(["report"]) == 0
    assert "no notebook has run yet" in capsys.readouterr().out


def run_without_running(monkeypatch, outcomes):
    """Let ``vigilant run`` do all but the execution; return what it would have executed."""
    asked = []

    def instead(notebooks, *, folder, done, **options):
        asked.append((notebooks, options))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "course.json").write_text(json.dumps(outcomes))
        for outcome in outcomes:
            done(Outcome(**outcome))
        return [Outcome(**outcome) for outcome in outcomes]

    monkeypatch.setattr("helpers.course.run.run_notebooks", instead)
    return asked


def test_options_reach_the_runner(course, monkeypatch, capsys):
    asked = run_without_running(monkeypatch, [entry()])
    (course.parents[2] / "build" / "cache" / "old").mkdir(parents=True)
    assert cli.main(["run", "1", "--build", "--cold", "--budget", "full", "--seed", "5", "--cell-limit", "9"]) == 0
    notebooks, options = asked[0]
    assert notebooks == [student_path(course)]
    assert options["given"] == {"budget": "full", "seed": 5}
    assert (options["limit"], options["cell_limit"], options["must_pass_checks"]) == (6 * 3600, 9, False)
    assert not (course.parents[2] / "build" / "cache").exists()
    assert cli.main(["run", "--solutions"]) == 0
    notebooks, options = asked[1]
    assert notebooks == [solution_path(course)]
    assert (options["given"], options["limit"], options["must_pass_checks"]) == ({}, 600, True)
    assert (options["core"], options["twice"], options["jobs"]) == (False, False, 1)
    assert cli.main(["run", "--solutions", "--twice", "--jobs", "2"]) == 0
    assert cli.main(["run", "--core"]) == 0
    assert [(asked[n][1]["twice"], asked[n][1]["jobs"], asked[n][1]["core"]) for n in (2, 3)] == [
        (True, 2, False),
        (False, 1, True),
    ]
    assert asked[2][1]["limit"] == 2400  # twice the cells, on half a machine


def test_the_largest_seed_reaches_the_runner(course, monkeypatch):
    asked = run_without_running(monkeypatch, [entry()])
    assert cli.main(["run", "--build", "--seed", str(10**8)]) == 0
    assert asked[0][1]["given"] == {"seed": 10**8}


def test_a_failed_notebook_is_a_failed_command(course, monkeypatch, capsys):
    cli.main(["build"])
    error = "ZeroDivisionError: division by zero"
    run_without_running(monkeypatch, [entry(status="failed", cell=3, line="1 / 0", error=error)])
    assert cli.main(["run"]) == 1
    assert f"01_good: failed in cell 3 (1 / 0): {error}" in capsys.readouterr().out
    assert cli.main(["report"]) == 1


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["run", "01_god"], "there is no notebook '01_god'. Did you mean '01_good'? There are: 01_good"),
        (
            ["run", "--dataset", "fashon", "--build"],
            "There is no data set 'fashon'. Did you mean 'fashion'? There are: ",
        ),
        (["build", "7"], "there is no notebook '7'"),
    ],
)
def test_unknown_names_stop_before_anything_starts(course, monkeypatch, capsys, typed, message):
    asked = run_without_running(monkeypatch, [])
    assert cli.main(typed) == 1
    assert message in capsys.readouterr().err
    assert asked == []
    assert not student_path(course).exists()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["run", "--budget", "fast"], "invalid choice"),
        (["run", "--seed", "-1"], "seed must be a whole number from 0 to 100,000,000, got '-1'"),
        (["run", "--seed", "1.5"], "seed must be a whole number from 0 to 100,000,000, got '1.5'"),
        (["run", "--seed", "100000001"], "seed must be a whole number from 0 to 100,000,000, got 100000001"),
        (["run", "--limit", "0"], "a number of seconds above 0"),
        (["run", "--limit", "nan"], "a number of seconds above 0"),
        (["run", "--outputs"], "--outputs goes with --solutions"),
        (["run", "--outputs", "--solutions", "--seed", "1"], "the notebooks' own dataset"),
        (["run", "--outputs", "--solutions", "--core"], "it goes with neither --core nor --twice"),
        (["run", "--twice"], "--twice goes with --solutions"),
        (["run", "--twice", "--solutions", "--seed", "1"], "the notebooks' own dataset"),
        (["run", "--jobs", "0"], "a whole number from 1"),
        (["decide", "--seed", "-1"], "seed must be a whole number"),
        (["decide", "--budget", "fast"], "invalid choice"),
        (["decide", "--digest", "course_cnn"], "MODEL=DIGEST is wanted"),
        (["sing"], "invalid choice"),
        ([], "required"),
    ],
)
def test_what_is_not_understood(course, capsys, typed, message):
    with pytest.raises(SystemExit) as caught:
        cli.main(typed)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_without_a_checkout(monkeypatch, capsys):
    monkeypatch.setattr("helpers.course.layout.course_root", lambda: None)
    for command in ("list", "build", "run"):
        assert cli.main([command]) == 1
        assert "installed without the course's notebooks. Clone the repository" in capsys.readouterr().err


def test_the_benchmarks_are_a_process_of_their_own(capfd):
    assert cli.main(["bench", "gradcam", "lime", "--repeats", "3"]) == 2
    assert "no part lime; there are gradcam, " in capfd.readouterr().err


@pytest.mark.parametrize("clone", [False, True])
def test_without_the_benchmarks(monkeypatch, capsys, tmp_path, clone):
    monkeypatch.setattr("helpers.cache.course_root", lambda: tmp_path if clone else None)
    assert cli.main(["bench"]) == 1
    assert "not part of the installed package. Clone the repository" in capsys.readouterr().err


def test_a_notebook_with_work_in_it_is_kept(course, capsys):
    cli.main(["build"])
    path = student_path(course)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].source += "\n# my answer"
    nbformat.write(notebook, path)
    capsys.readouterr()
    assert cli.main(["build", "01"]) == 0
    assert "'vigilant build 01_good --force' would replace them" in capsys.readouterr().out
    assert "# my answer" in path.read_text()
    assert cli.main(["build", "--force"]) == 0
    assert "# my answer" not in path.read_text()


def test_nothing_recorded_yet(course, capsys):
    assert cli.main(["scorecard"]) == 0
    assert "nothing is recorded yet" in capsys.readouterr().out


def test_a_spoilt_scorecard_is_one_sentence(course, capsys):
    path = course.parents[2] / "build" / "scorecard.json"
    scorecard = Scorecard(notebook="01_good", dataset="coins", model="coin", seed=0, budget="quick", path=path)
    scorecard.record("training", "heads", 0.5, 0.4, 0.6, 10, "higher")
    path.write_text(path.read_text()[:-20])
    assert cli.main(["scorecard"]) == 1
    assert "is not a scorecard" in capsys.readouterr().err


@pytest.fixture
def scored(course, monkeypatch):
    """Write a scorecard as the notebooks of today would have left it."""
    monkeypatch.setattr("helpers.scorecard.decision.notebook_key", lambda notebook: cards.CODE)
    path = course.parents[2] / "build" / "scorecard.json"

    def write(records):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps([asdict(record) for record in records]))
        return path

    return write


def test_a_decision_is_an_exit_status_and_is_never_remembered(scored, capsys):
    asked = read_thresholds()
    typed = ["decide", "--seed", "10"]
    scored(cards.good_card(asked))
    assert cli.main(typed) == 0
    assert capsys.readouterr().out.endswith(f"\ngo: {len(asked)} met\n")
    scored([*cards.good_card(asked[1:]), cards.beyond(asked[0], cards.ends(asked[0])[0], 1e-9)])
    assert cli.main(typed) == 1
    out = capsys.readouterr().out
    assert asked[0].reason[:40] in out
    assert out.endswith(f"\nno-go: {len(asked) - 1} met, 1 not met\n")
    scored(cards.good_card(asked[1:]))
    assert cli.main(typed) == 3
    assert "vigilant run 01 --seed 10" in " ".join(capsys.readouterr().out.split())
    scored(cards.good_card(asked))
    assert cli.main([*typed, "--digest", "course_cnn=weights of course_cnn"]) == 0
    assert cli.main([*typed, "--digest", "course_cnn=others"]) == 3
    assert cli.main(["decide"]) == 3  # of seed 0 there is nothing
    assert cli.main([*typed, "--budget", "full"]) == 3
    capsys.readouterr()


def test_what_cannot_be_read_is_no_decision(scored, capsys):
    path = scored(cards.good_card(read_thresholds()))
    path.write_text(path.read_text()[:-20])
    assert cli.main(["decide", "--seed", "10"]) == 3
    assert "vigilant: cannot decide: " in capsys.readouterr().err
    scored([cards.good(read_thresholds()[0], timed=True)])
    assert cli.main(["decide", "--seed", "10"]) == 3
    assert "thresholds, line " in capsys.readouterr().err
    path.unlink()
    assert cli.main(["decide", "--seed", "10"]) == 3
    out = capsys.readouterr().out
    assert "nothing is recorded (01_training)" in out
    assert "To run: vigilant run 01 " in out


def test_the_command_says_what_the_function_says(scored, capsys):
    """On 60 scorecards: 20 are go, 20 fail by one record, 20 leave one open; a third within 1e-9 of a bound."""
    asked = read_thresholds()
    for spoil, status, verdict in ((cards.touching, 0, "go"), (cards.beyond, 1, "no-go"), (cards.across, 1, "no-go")):
        for place in range(20):
            one, by = asked[place % len(asked)], 1e-9 if place % 3 == 0 else 1e-4
            path = scored(
                [spoil(one, cards.ends(one)[-1], by), *cards.good_card([each for each in asked if each is not one])]
            )
            assert cli.main(["decide", "--seed", "10", "--json"]) == status
            said = json.loads(capsys.readouterr().out)
            assert said["verdict"] == verdict
            assert said == json.loads(json.dumps(decision_entry(decide(read(path), seed=10))))


def test_a_polite_request_to_end_is_like_ctrl_c():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), cli._ended_in_order():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_is_one_sentence(course, monkeypatch, capsys):
    cli.main(["build"])

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("helpers.course.run.run_notebooks", interrupted)
    assert cli.main(["run"]) == 130
    assert "stopped; what was running has been ended" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_on_a_terminal_and_few_lines_elsewhere():
    outcome = Outcome(**entry())
    for stream, lines in ((Terminal(), 1), (io.StringIO(), 1)):
        counter = cli._Counter(stream)
        for cell in range(1, 6):
            counter.progress("01_good", cell, 5, 1.0 * cell)
        counter.done(outcome)
        assert stream.getvalue().count("\n") == lines
    both = Terminal()
    counter = cli._Counter(both)
    counter.progress("01_good", 3, 5, 2.0)
    counter.progress("02_other", 1, 9, 2.0)
    assert both.getvalue().endswith("\r\x1b[K01_good  3/5 cells  2 s   02_other  1/9 cells  2 s")
    counter.done(outcome)
    counter.progress("02_other", 2, 9, 3.0)
    assert both.getvalue().endswith("\r\x1b[K02_other  2/9 cells  3 s")
    terminal = Terminal()
    cli._Counter(terminal).progress("01_good", 3, 5, 2.0)
    assert terminal.getvalue() == "\r\x1b[K01_good  3/5 cells  2 s"
    plain = io.StringIO()
    counter = cli._Counter(plain)
    counter._last -= 60
    counter.progress("01_good", 3, 5, 62.0)
    assert plain.getvalue() == "01_good  3/5 cells  62 s\n"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry(seconds=121)], "01_good: 121 s, and a quick run may take 120 s"),
        ([entry(peak_rss_mb=1801)], "01_good: 1,801 MB, and a quick run may take 1,800 MB"),
        ([entry(peak_rss_mb=1701)], "01_good: 1,701 MB, and the aim is 1,700 MB"),
        (
            [entry(peak_rss_mb=2001, passes=2)],
            "01_good: 2,001 MB, and a quick run twice in one kernel may take 2,000 MB",
        ),
        ([entry(notebook=str(n), seconds=100) for n in range(11)], "all quick notebooks together: 1100 s"),
        (
            [entry(status="timeout", cell=2, line="while True:", error="too long")],
            "01_good: timeout in cell 2 (while True:)",
        ),
        ([entry(status="failed", error="no kernel")], "01_good: failed: no kernel"),
    ],
)
def test_budgets(entries, message):
    assert any(message in problem for problem in report.problems(entries))


def test_within_budget_and_a_full_run_has_none():
    for good in (entry(seconds=119.9, peak_rss_mb=1699), entry(budget="full", seconds=5000, peak_rss_mb=9000)):
        assert report.problems([good]) == []
        assert report.failures([good]) == []


def test_seconds_of_a_busy_machine_are_not_judged():
    for busy in (entry(seconds=300, jobs=2), entry(seconds=300, peak_rss_mb=1999, passes=2)):
        assert report.problems([busy]) == []


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry(cpu_seconds=361)], "01_good: 361 s CPU, and 360 s are much for it"),
        ([entry(cpu_seconds=721, passes=2)], "01_good: 721 s CPU, and 720 s are much for it"),
        ([entry(notebook=str(n), cpu_seconds=330) for n in range(10)], "all quick notebooks together: 3300 s CPU"),
    ],
)
def test_many_processor_seconds_are_said_and_fail_nothing(entries, message):
    assert any(message in problem for problem in report.problems(entries))
    assert report.failures(entries) == []
    less = [{**one, "cpu_seconds": 0.95 * one["cpu_seconds"]} for one in entries]
    assert report.over_budget(less) == []
    beside_others = [{**one, "jobs": 2} for one in entries]
    assert report.over_budget(beside_others) == []


def test_too_much_memory_fails_and_too_many_seconds_are_said(course, monkeypatch, capsys):
    cli.main(["build"])
    run_without_running(monkeypatch, [entry(seconds=500)])
    assert cli.main(["run"]) == 0
    assert "500 s, and a quick run may take 120 s" in capsys.readouterr().out
    run_without_running(monkeypatch, [entry(peak_rss_mb=1801)])
    assert cli.main(["run"]) == 1
    assert "1,801 MB, and a quick run may take 1,800 MB" in capsys.readouterr().out


def test_the_table_of_runs():
    lines = report.table([entry(), entry(notebook="02_uncertainty", seconds=100.04, peak_rss_mb=1500)]).splitlines()
    assert lines[0].split() == ["notebook", "status", "seconds", "CPU", "s", "peak", "MB", "dataset", "budget"]
    assert lines[3].split() == ["02_uncertainty", "ok", "100.0", "12.0", "1,500", "signs", "quick"]
    assert lines[-1].split() == ["2", "notebooks", "2", "ok", "110.0", "24.0", "1,500"]
    notes = report.table([entry(jobs=2, core=True), entry(notebook="02_uncertainty", jobs=2)]).splitlines()[-2:]
    assert notes == [
        "up to 2 notebooks ran at the same time: the seconds are those of a busy machine",
        "without the cells tagged 'deeper': 01_good",
    ]


def test_bands_are_asked_for_with_seeds_and_those_that_find_nothing_are_named(course, monkeypatch, capsys):
    asked = []

    def instead(source, seeds, **options):
        asked.append((source, tuple(seeds), options["dataset"], options["limit"]))
        shape = {"axis": "training", "metric": "heads", "dataset": "coins", "model": "coin", "budget": "quick"}
        band = Band(**shape, notebook="01_good", low=0, high=1, why=RULE, bounds=(0, 1))
        return BandRun("01_good", "coins", "quick", tuple(seeds), RULE, (band,))

    monkeypatch.setattr("helpers.course.bands.bands_from_seeds", instead)
    assert cli.main(["bands", "01"]) == 0
    out = capsys.readouterr().out
    assert "01_good: 1 bands on coins from 5 seeds" in out
    assert "tests/bands/01_good.yaml" in out
    assert "heads: [0.0, 1.0] is all that it can be, so this band finds nothing" in out
    assert cli.main(["bands", "1", "--seeds", "5", "6", "7", "8", "9", "--dataset", "fashion", "--limit", "9"]) == 0
    assert asked == [(course, (0, 1, 2, 3, 4), None, 600.0), (course, (5, 6, 7, 8, 9), "fashion", 9.0)]


def test_too_few_seeds_are_refused_before_anything_runs(course, capsys):
    assert cli.main(["bands", "01", "--seeds", "0", "1"]) == 1
    assert "bands need at least 5 different seeds, got [0, 1]: --seeds 0 1 2 3 4" in capsys.readouterr().err


def test_what_is_measured_once_is_listed_and_measured(monkeypatch, capsys):
    assert cli.main(["measure"]) == 0
    assert (
        "interval_coverage: How often does a 95% interval hold the true value? measured on" in capsys.readouterr().out
    )
    asked = []
    monkeypatch.setattr("helpers.course.measure.measure", lambda name, seeds, done: asked.append((name, tuple(seeds))))
    assert cli.main(["measure", "interval_coverage", "--seeds", "1", "2", "3", "4", "5"]) == 0
    assert asked == [("interval_coverage", (1, 2, 3, 4, 5))]
    assert "interval_coverage.json; 'vigilant tables' puts it into the pages" in capsys.readouterr().out


def test_tables_that_are_stale_fail_the_check_and_are_written(monkeypatch, capsys, tmp_path):
    changed = [tmp_path / "README.md"]
    monkeypatch.setattr("helpers.course.tables.write_tables", lambda check: changed)
    assert cli.main(["tables", "--check"]) == 1
    assert "README.md is not what was measured: run vigilant tables" in capsys.readouterr().out
    assert cli.main(["tables"]) == 0
    assert "README.md written" in capsys.readouterr().out
    changed.clear()
    assert cli.main(["tables", "--check"]) == 0
    assert "every table is what was measured" in capsys.readouterr().out
