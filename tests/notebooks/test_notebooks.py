"""Every notebook: made from its source, inside its budget, its checks passed, its numbers inside their bands."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT, missing

from helpers import scorecard
from helpers.course import build, layout, lint, report
from helpers.course.run import nbval_command, offline_prefix, unmet_checks

SOURCES = layout.sources()
BANDS = scorecard.read_bands(ROOT / "tests" / "bands.yaml")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_keeps_the_rules_of_the_course(source):
    assert lint.lint(source) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_is_what_its_source_gives(source):
    assert build.drift(source) == [], "run 'make build'"


def test_every_notebook_has_a_source():
    assert build.orphans() == []


def vigilant(folder, *arguments):
    """Run the command line with results in a folder of the tests' own and the course's warm cache."""
    cache = os.environ.get("VIGILANT_CACHE", str(ROOT / "build" / "cache"))
    environment = os.environ | {"VIGILANT_BUILD": str(folder), "VIGILANT_CACHE": cache}
    return subprocess.run(
        [sys.executable, "-m", "helpers.course.cli", *arguments], cwd=ROOT, env=environment
    ).returncode


@pytest.fixture(scope="session")
def solutions(tmp_path_factory):
    """All solution notebooks, executed once with the network cut off."""
    folder = tmp_path_factory.mktemp("build")
    try:
        offline_prefix()
    except layout.CourseError as error:
        missing(str(error))
    code = vigilant(folder, "run", "--solutions", "--offline")
    return folder, code


@pytest.fixture(scope="session")
def on_fashion(tmp_path_factory):
    """Notebooks 01 and 02 on real clothing, with the network cut off."""
    folder = tmp_path_factory.mktemp("fashion")
    from helpers.datasets import availability

    if not next(row for row in availability() if row.name == "fashion").ready:
        missing("the Debian package dataset-fashion-mnist")
    code = vigilant(folder, "run", "01", "02", "--solutions", "--offline", "--dataset", "fashion")
    return folder, code


def entries_of(folder):
    return json.loads((folder / "solutions" / "course.json").read_text())


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
    own = [band for band in BANDS if band.dataset != "fashion"]
    assert scorecard.check(records, own) == []


def test_fashion_runs_inside_the_budget(on_fashion):
    folder, code = on_fashion
    assert report.problems(entries_of(folder)) == []
    assert code == 0


def test_records_on_fashion_lie_in_their_bands(on_fashion):
    records = scorecard.read(on_fashion[0] / "scorecard.json")
    assert scorecard.check(records, [band for band in BANDS if band.dataset == "fashion"]) == []


def test_nbval_finds_the_stored_outputs_again(solutions):
    # After `solutions`, so that drawn data and trained models are in the cache.
    done = subprocess.run(nbval_command([ROOT / "notebooks" / "solutions"]), cwd=ROOT)
    assert done.returncode == 0


def test_training_runs_on_an_archive_in_cifar10s_format(tmp_path, monkeypatch):
    from datasets.cifar_archive import write_small_archive

    archive = tmp_path / "cifar-10-python.tar.gz"
    monkeypatch.setenv("VIGILANT_CIFAR10_SHA256", write_small_archive(archive, per_class=60))
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(archive))
    assert vigilant(tmp_path, "run", "01", "--solutions", "--offline", "--dataset", "cifar10") == 0
    records = scorecard.read(tmp_path / "scorecard.json")
    assert {record.dataset for record in records} == {"cifar10"}
