"""Every notebook: inside its budget, run twice without harm, its checks passed, its numbers inside their bands."""

import nbformat
import pytest

from helpers import scorecard
from helpers.course import layout, report
from helpers.course.run import executed_path, unmet_checks
from tests.notebooks.running import BANDS, entries_of, fashion_is_ready

SOURCES = layout.sources()
by_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


# ---- the student's copy


@by_notebook
def test_a_student_copy_runs_with_nothing_answered(students, source):
    entry = entries_of(students)[source.stem]
    assert (entry["status"], entry["error"]) == ("ok", None)
    executed = nbformat.read(executed_path(layout.student_path(source), students), as_version=4)
    assert unmet_checks(executed, wanted="◻") == []


def test_the_course_keeps_to_memory(students):
    assert report.failures([entries_of(students)[source.stem] for source in SOURCES]) == []


# ---- the solution, twice over in one kernel


@by_notebook
def test_a_solution_runs_twice_with_its_checks_passed_and_its_outputs_as_stored(solutions, source):
    entry = entries_of(solutions[0] / "solutions")[source.stem]
    assert (entry["status"], entry["cell"], entry["line"], entry["error"]) == ("ok", None, None, None)
    assert entry["passes"] == 2


def test_solutions_keep_to_memory(solutions):
    folder, code = solutions
    assert report.failures(entries_of(folder / "solutions").values()) == []
    assert code == 0


def test_records_lie_in_their_bands(solutions):
    records = scorecard.read(solutions[0] / "scorecard.json")
    assert {record.axis for record in records} >= {"training", "uncertainty"}
    bands = [band for band in BANDS if fashion_is_ready() or "clothing" not in band.metric]
    assert scorecard.check(records, bands, datasets={"signs", "digits", "messages", "pedestrians"}) == []


def test_an_unanswered_copy_records_the_same_as_the_solution(students, solutions):
    # The students' folder may hold records of other runs, too: what the solution recorded must be there.
    students_records, records = (
        {
            (record.identity, record.n): round(record.value, 4)
            for record in scorecard.read(folder / "scorecard.json")
            if not record.timed  # what hangs on the clock differs from run to run
        }
        for folder in (students, solutions[0])
    )
    assert {key: students_records.get(key) for key in records} == records


# ---- the solution on real clothing


def test_fashion_runs_with_the_network_cut_off(on_fashion):
    folder, code = on_fashion
    entries = entries_of(folder / "solutions").values()
    assert {entry["status"] for entry in entries} == {"ok"}
    assert report.failures(entries) == []
    assert code == 0


def test_records_on_fashion_lie_in_their_bands(on_fashion):
    records = scorecard.read(on_fashion[0] / "scorecard.json")
    assert scorecard.check(records, BANDS, datasets={"fashion"}) == []
