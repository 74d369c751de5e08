"""From one source to two notebooks, and what is noticed when they no longer fit it."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from helpers.course import build as building
from helpers.course.build import CODE_STUB, build, drift, orphans, solution, store_outputs, student
from helpers.course.layout import parameters, select, solution_path, sources, student_path
from helpers.course.lint import lint
from helpers.errors import CourseError

HERE = Path(__file__).parent


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "notebooks" / "source"
    folder.mkdir(parents=True)
    return Path(shutil.copy(HERE / "good" / "01_good.py", folder))


@pytest.fixture
def built(source):
    assert build(source) == []
    solved = nbformat.read(solution_path(source), as_version=4)
    assert store_outputs(solution_path(source), executed(solved)) == 1
    return source


def executed(notebook):
    """A notebook as a clean run would leave it, without running it."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", text=f"output {count}\n")]
    return notebook


def change(path, edit):
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


def tagged(notebook, tag):
    return next(cell for cell in notebook.cells if tag in cell.metadata.get("tags", []))


def test_the_student_gets_stubs_and_the_instructor_solutions(source):
    asked, solved = student(source), solution(source)
    assert [cell.id for cell in asked.cells] == [cell.id for cell in solved.cells]
    text = "\n".join(cell.source for cell in asked.cells)
    assert "1 - tosses.mean()" not in text
    assert text.count(CODE_STUB) == 3
    answers = "\n".join(cell.source for cell in solved.cells)
    assert "1 - tosses.mean()" in answers
    assert "SOLUTION" not in text + answers
    assert asked.cells[0].metadata["slideshow"] == {"slide_type": "slide"}
    assert parameters(asked.cells) == {"dataset": "coins", "budget": "quick", "seed": 0}
    for notebook in (asked, solved):
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook.cells)


def test_checks_and_cells_that_only_make_titles_are_folded(source):
    text = source.read_text()
    titles = (
        "\n\n# %%\ndef tosses_title(n):\n    return f'{n} tosses'\n\n\n# %%\ndef tosses_title_of(n):\n    return n\n"
    )
    source.write_text(text + titles + "\n\n# %%\nsmall = 1\n\n\ndef other_title():\n    return small\n")
    folded = [cell for cell in student(source).cells if cell.metadata.get("jupyter", {}).get("source_hidden")]
    checks = [cell for cell in student(source).cells if "check" in cell.metadata.get("tags", [])]
    assert [cell.source for cell in folded] == [cell.source for cell in checks] + [
        "def tosses_title(n):\n    return f'{n} tosses'"
    ]


def test_building_twice_gives_the_same_bytes_and_touches_nothing(built):
    paths = (student_path(built), solution_path(built))
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    assert build(built) == []
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths] == before
    for path in paths:
        path.unlink()
    build(built)
    assert student_path(built).read_bytes() == before[0][0]


def test_equal_cells_get_different_ids(source):
    with source.open("a") as file:
        file.write("\n# %%\nprint(1)\n\n# %%\nprint(1)\n")
    ids = [cell.id for cell in solution(source).cells]
    assert len(set(ids)) == len(ids)
    assert ids[-1] == f"{ids[-2]}-2"


def test_what_was_made_fits(built):
    assert drift(built) == []
    assert lint(built) == []


def test_stored_outputs_survive_a_build_as_long_as_their_cell_does(built):
    text = built.read_text()
    built.write_text(text.replace("What we learned:", "We learned:"))
    build(built)
    assert drift(built) == []
    built.write_text(text.replace("tosses: ", "all tosses: "))
    build(built)
    assert [problem for problem in drift(built) if "no checked output yet" in problem]


def test_only_the_compared_text_is_stored(built):
    solved = nbformat.read(solution_path(built), as_version=4)
    with_output = [cell for cell in solved.cells if cell.get("outputs")]
    assert [cell.metadata.tags for cell in with_output] == [["nbval-check-output"]]
    assert with_output[0].execution_count == 4
    counts = [cell.execution_count for cell in solved.cells if cell.cell_type == "code" and not cell.outputs]
    assert set(counts) == {None}


def test_pictures_are_not_stored_and_stderr_is_refused(source):
    build(source)
    path = solution_path(source)
    run = executed(nbformat.read(path, as_version=4))
    cell = tagged(run, "nbval-check-output")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "a figure", "image/png": "aaaa"})]
    store_outputs(path, run)
    stored = tagged(nbformat.read(path, as_version=4), "nbval-check-output").outputs
    assert stored[0].data == {"text/plain": "a figure"}
    cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="a warning\n")]
    with pytest.raises(CourseError, match=r"cell 5 .* wrote to stderr"):
        store_outputs(path, run)
    cell.outputs = []
    with pytest.raises(CourseError, match="nothing to compare"):
        store_outputs(path, run)


def test_a_run_out_of_order_is_not_stored(source):
    build(source)
    run = executed(nbformat.read(solution_path(source), as_version=4))
    code = [cell for cell in run.cells if cell.cell_type == "code"]
    code[1].execution_count, code[2].execution_count = 3, 2
    with pytest.raises(CourseError, match="not from top to bottom"):
        store_outputs(solution_path(source), run)


def test_a_run_of_other_cells_is_not_stored(source):
    build(source)
    run = executed(nbformat.read(solution_path(source), as_version=4))
    tagged(run, "nbval-check-output").source = "print(1)"
    with pytest.raises(CourseError, match="has another cell there"):
        store_outputs(solution_path(source), run)


def edit_source(notebook):
    notebook.cells[4].source += "\nprint('more')"


def drop_cell(notebook):
    del notebook.cells[3]


def retag(notebook):
    notebook.cells[3].metadata.tags = ["parameters", "hide-input"]


def other_kernel(notebook):
    notebook.metadata.kernelspec.name = "my-own"


def store_output(notebook):
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="hello\n")]


def store_count(notebook):
    notebook.cells[3].execution_count = 17


def out_of_order(notebook):
    notebook.cells[3].execution_count = 9
    notebook.cells[4].execution_count = 2


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_source, "cell 5: differs from the source; edit source/01_good.py and run 'vigilant build 01_good'"),
        (drop_cell, "cells where the source gives"),
        (retag, "cell 4: other tags"),
        (other_kernel, "other notebook metadata"),
        (store_output, "cell 4: stored outputs"),
        (store_count, "cell 4: stored execution count 17"),
        (out_of_order, "cell 5: run out of order, its execution count 2 follows 9"),
    ],
)
@pytest.mark.parametrize("where", [student_path, solution_path])
def test_a_drifted_copy_is_found(built, where, edit, message):
    change(where(built), edit)
    problems = drift(built)
    assert [problem for problem in problems if message in problem and where(built).parent.name in problem], problems


def test_a_missing_and_an_orphaned_copy_are_found(built):
    shutil.copy(student_path(built), student_path(built).with_name("09_gone.ipynb"))
    student_path(built).unlink()
    assert any("is missing: run 'vigilant build 01_good'" in problem for problem in drift(built))
    assert orphans(built.parent.parent) == [
        "notebooks/09_gone.ipynb has no source: delete it, or bring source/09_gone.py back"
    ]


def test_a_spoilt_copy_is_named(built):
    student_path(built).write_text('{"cells": [')
    assert any("is not a notebook" in problem and "vigilant build 01_good" in problem for problem in drift(built))
    with pytest.raises(CourseError, match="is not a notebook"):
        build(built)
    assert student_path(built).read_text() == '{"cells": ['


def test_a_students_work_is_not_overwritten(built):
    change(student_path(built), edit_source)
    work = student_path(built).read_text()
    built.write_text(built.read_text().replace("How often", "How frequently"))
    assert build(built) == [student_path(built)]
    assert student_path(built).read_text() == work
    assert build(built, replace_edited=True) == []
    assert drift(built) == []


def test_a_copy_that_was_only_run_is_made_anew(built):
    change(student_path(built), executed)
    assert build(built) == []
    assert drift(built) == []


@pytest.mark.parametrize(
    "cell",
    ["### BEGIN SOLUTION\n1", "1\n### END SOLUTION", "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION"],
)
def test_markers_without_a_partner(source, cell):
    with source.open("a") as file:
        file.write(f"\n# %%\n{cell}\n")
    assert any("SOLUTION" in problem for problem in lint(source))
    for make in (student, solution):
        with pytest.raises(CourseError, match=r"01_good\.py, cell \d+.*SOLUTION"):
            make(source)


def test_a_full_disk_leaves_the_old_copy(built, monkeypatch):
    before = student_path(built).read_bytes()
    built.write_text(built.read_text().replace("How often", "How frequently"))

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building.Path, "write_text", full)
    with pytest.raises(OSError, match="the disk is full"):
        build(built)
    assert student_path(built).read_bytes() == before
    assert [path.name for path in student_path(built).parent.glob(".*")] == []


def test_every_broken_rule_is_named():
    problems = lint(HERE / "bad" / "08_rules.py")
    for part in (
        "cell 1: the word 'Obviously'",
        "cell 1: the word 'simply'",
        "cell 2: the first code cell must hold 'import helpers'",
        "cell 2: sys.path",
        "must set seed to a plain value",
        "cell 4: !pip",
        "cell 4: '# !pip install something' becomes the command",
        "cell 5: %run",
        "cell 5: '# %run other.ipynb' becomes the command",
        "cell 6: a record in an exercise",
        "cell 6: an exercise without '### BEGIN SOLUTION'",
        "cell 6: an exercise without a cell tagged 'check' before the next",
        "cell 7: a record in an exercise",
        "cell 7: unknown tag 'tpyo'",
        "cell 7: records 'training', 'accuracy' again, as cell 6 did",
        "cell 8: tagged 'check' but calls no check",
        "cell 9: 16 lines",
        "2 exercises, and at least 3",
        "no exercise tagged 'exercise-bug'",
        "cell 6: an exercise under ''",
        "cell 7: an exercise under ''",
    ):
        assert any(problem.startswith("08_rules.py: ") and part in problem for problem in problems), (part, problems)
    assert len(problems) == 21


def test_a_missing_parameters_tag_is_a_broken_rule(source):
    assert any("no cells are tagged 'parameters'" in problem for problem in lint(HERE / "bad" / "06_no_parameters.py"))
    source.write_text(source.read_text().replace('[markdown] slideshow={"slide_type": "slide"}', 'tags=["parameters"]'))
    assert any("2 cells are tagged 'parameters'" in problem for problem in lint(source))


def test_a_figure_that_is_not_the_last_line_is_a_broken_rule(source):
    text = source.read_text()
    source.write_text(text + "\n\n# %%\nprint('before')\nplotting.line_plot({}, title='t')\n")
    assert not any("its figure is not shown" in problem for problem in lint(source))
    source.write_text(text + "\n\n# %%\nplotting.line_plot({}, title='t')\nprint('after')\n")
    assert sum("plotting.line_plot is not the last line" in problem for problem in lint(source)) == 1


def test_a_record_inside_a_solution_is_a_broken_rule(source):
    text = source.read_text()
    source.write_text(
        text.replace("### BEGIN SOLUTION\ntails", '### BEGIN SOLUTION\nscorecard.record("training", "x")\ntails')
    )
    assert any("a record in an exercise" in problem for problem in lint(source))


def test_the_same_metric_of_two_models_is_no_duplicate(source):
    text = source.read_text()
    (line,) = re.findall(r"^(scorecard\.record\(.*)\)$", text, re.MULTILINE)
    source.write_text(text.replace(f"{line})", f'{line})\n{line}, model="other")'))
    assert lint(source) == []
    source.write_text(text.replace(f"{line})", f"{line})\n{line})"))
    assert any("again" in problem for problem in lint(source))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["4"], ["04_gradcam"]),
        (["04_gradcam", "04"], ["04_gradcam"]),
        (["11", "4"], ["04_gradcam", "11_watch"]),
        ([], None),
    ],
)
def test_notebooks_are_found_by_what_people_type(tmp_path, typed, found):
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("04_gradcam", "11_watch", "notes"):
        (folder / f"{name}.py").write_text("")
    assert [path.stem for path in sources(tmp_path)] == ["04_gradcam", "11_watch"]
    assert [path.stem for path in select(typed, tmp_path)] == (found or ["04_gradcam", "11_watch"])
    with pytest.raises(CourseError, match=r"no notebook '04_gradcan'\. Did you mean '04_gradcam'\?.*11_watch"):
        select(["04_gradcan"], tmp_path)
    with pytest.raises(CourseError, match=r"no notebook '12'\. There are"):
        select(["12"], tmp_path)


def test_a_made_file_is_plain_json_with_sorted_keys(built):
    text = student_path(built).read_text()
    assert json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n" == text
