"""Every notebook: made from its source, inside its budget, its checks passed, its numbers inside their bands."""

import subprocess

import nbformat
import pytest

from helpers import scorecard
from helpers.course import build, layout, lint, report
from helpers.course.run import nbval_command, unmet_checks
from tests.conftest import ROOT
from tests.notebooks.running import BANDS, entries_of, fashion_is_ready, vigilant

SOURCES = layout.sources()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_keeps_the_rules_of_the_course(source):
    assert lint.lint(source) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_is_what_its_source_gives(source):
    assert build.drift(source) == [], "run 'make build'"


def test_every_notebook_has_a_source():
    assert build.orphans() == []


def test_all_run_inside_their_budget_with_the_network_cut_off(solutions):
    folder, code = solutions
    entries = entries_of(folder)
    assert [entry["notebook"] for entry in entries] == [source.stem for source in SOURCES]
    assert report.problems(entries) == []
    assert code == 0


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_check_of_the_solution_passes(solutions, source):
    executed = nbformat.read(solutions[0] / "solutions" / "notebooks" / f"{source.stem}.ipynb", as_version=4)
    assert unmet_checks(executed) == []


def test_records_lie_in_their_bands(solutions):
    records = scorecard.read(solutions[0] / "scorecard.json")
    assert {record.axis for record in records} >= {"training", "uncertainty"}
    bands = [band for band in BANDS if fashion_is_ready() or "clothing" not in band.metric]
    assert scorecard.check(records, bands, datasets={"signs", "digits", "messages"}) == []


def test_fashion_runs_with_the_network_cut_off(on_fashion):
    # From a cold cache, unlike the run above: its seconds are the machine's speed, its memory is the notebook's.
    folder, code = on_fashion
    entries = entries_of(folder)
    assert {entry["status"] for entry in entries} == {"ok"}
    assert max(entry["peak_rss_mb"] for entry in entries) < report.QUICK_MEGABYTES
    assert code == 0


def test_records_on_fashion_lie_in_their_bands(on_fashion):
    records = scorecard.read(on_fashion[0] / "scorecard.json")
    assert scorecard.check(records, BANDS, datasets={"fashion"}) == []


def test_nbval_finds_the_stored_outputs_again(solutions):
    # After `solutions`, so that drawn data and trained models are in the cache.
    done = subprocess.run(nbval_command([ROOT / "notebooks" / "solutions"]), cwd=ROOT)
    assert done.returncode == 0


def test_training_runs_on_an_archive_in_cifar10s_format(tmp_path, monkeypatch):
    from tests.datasets.cifar_archive import write_small_archive

    archive = tmp_path / "cifar-10-python.tar.gz"
    monkeypatch.setenv("VIGILANT_CIFAR10_SHA256", write_small_archive(archive, per_class=60))
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(archive))
    assert vigilant(tmp_path, "run", "01", "--solutions", "--offline", "--dataset", "cifar10") == 0
    records = scorecard.read(tmp_path / "scorecard.json")
    assert {record.dataset for record in records} == {"cifar10"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_student_copy_runs_with_nothing_answered(students, source):
    folder, code = students
    executed = nbformat.read(folder / "notebooks" / f"{source.stem}.ipynb", as_version=4)
    assert unmet_checks(executed, wanted="◻") == []
    assert code == 0


def test_an_unanswered_copy_records_the_same_as_the_solution(students, solutions):
    numbers = [
        {(record.identity, record.n): round(record.value, 4) for record in scorecard.read(folder / "scorecard.json")}
        for folder, _ in (students, solutions)
    ]
    assert numbers[0] == numbers[1]
