"""Every notebook: made from its source, inside its budget, its checks passed, its numbers inside their bands."""

import dataclasses
import json
import math
import os
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT, missing

from helpers import scorecard
from helpers.course import build, layout, lint, report
from helpers.course.run import nbval_command, offline_prefix, unmet_checks
from helpers.datasets import availability

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


def fashion_is_ready():
    return next(row for row in availability() if row.name == "fashion").ready


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
    if not fashion_is_ready():
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
    bands = [band for band in BANDS if fashion_is_ready() or "clothing" not in band.metric]
    assert scorecard.check(records, bands, datasets={"signs", "digits"}) == []


def test_fashion_runs_with_the_network_cut_off(on_fashion):
    # From a cold cache, unlike the run above: its seconds are the machine's speed, its memory is the notebook's.
    folder, code = on_fashion
    entries = entries_of(folder)
    assert [entry["status"] for entry in entries] == ["ok", "ok"]
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
    from datasets.cifar_archive import write_small_archive

    archive = tmp_path / "cifar-10-python.tar.gz"
    monkeypatch.setenv("VIGILANT_CIFAR10_SHA256", write_small_archive(archive, per_class=60))
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(archive))
    assert vigilant(tmp_path, "run", "01", "--solutions", "--offline", "--dataset", "cifar10") == 0
    records = scorecard.read(tmp_path / "scorecard.json")
    assert {record.dataset for record in records} == {"cifar10"}


# What the course claims of notebook 02, beyond the bands: each names the records it is about.


def broken_claims(records):
    """Say which claims the records of a default run do not bear out."""
    by_metric = {record.metric: record for record in records if record.axis == "uncertainty"}

    def of(metric):
        return by_metric[metric]

    claims = {
        "temperature scaling lowers NLL on the test split": of("NLL after temperature scaling").value
        < of("NLL before temperature scaling").value,
        "the aleatoric part of a planted coin flip is within 0.1 of ln 2": abs(
            of("aleatoric part of planted coin flips").value - math.log(2)
        )
        < 0.1,
        "more data takes away at least half of the epistemic part": of(
            "epistemic part in rare fog, many against few"
        ).high
        < 0.5,
        "the epistemic part is larger on classes never seen": of("epistemic part, near: unseen signs").low
        > of("epistemic part, test pictures").high,
        "an ensemble's NLL is no worse than one network's": of("NLL").low < of("NLL before temperature scaling").high,
    }
    return [claim for claim, holds in claims.items() if not holds]


def test_the_claims_of_notebook_02_hold(solutions):
    assert broken_claims(scorecard.read(solutions[0] / "scorecard.json")) == []


@pytest.mark.parametrize(
    ("metric", "spoilt", "claim"),
    [
        # A temperature that does nothing; coin flips learned by heart; as many pictures as before; a network that takes
        # strangers for its own.
        ("NLL after temperature scaling", 1.0, "temperature"),
        ("aleatoric part of planted coin flips", 0.4, "coin flip"),
        ("aleatoric part of planted coin flips", 0.8, "coin flip"),
        ("epistemic part in rare fog, many against few", 1.0, "half of the epistemic"),
        ("epistemic part, near: unseen signs", 0.01, "never seen"),
    ],
)
def test_a_claim_whose_effect_is_gone_is_noticed(solutions, metric, spoilt, claim):
    records = [
        dataclasses.replace(record, value=spoilt, low=spoilt, high=spoilt) if record.metric == metric else record
        for record in scorecard.read(solutions[0] / "scorecard.json")
    ]
    assert [broken for broken in broken_claims(records) if claim in broken]


@pytest.fixture(scope="session")
def students(tmp_path_factory, solutions):
    """The student notebooks as they are handed out, nothing answered, on the cache that the solutions left."""
    folder = tmp_path_factory.mktemp("students")
    return folder, vigilant(folder, "run", "--offline")


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
