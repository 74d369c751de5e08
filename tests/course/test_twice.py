"""A solution is executed twice over in one kernel, both halves compared, its checks raising."""

import nbformat
import pytest

from helpers import scorecard
from helpers.course import report
from helpers.course.job import doubled
from helpers.course.run import run_notebooks
from tests.course.small import code, write_notebook

CHECK = """from helpers.course.exercises import check, expect

check("1 four", answer, lambda number: expect(number == 4, "two and two"))"""
RECORD = """from helpers.scorecard import Scorecard

card = Scorecard(notebook="01_good", dataset=dataset, model="coin", seed=seed, budget=budget)
card.record("training", "heads", 0.5, 0.4, 0.6, 10, direction="higher")"""

# Name: cells, and what is said of them ("" where all is well).
CASES = {
    "01_good": (["answer = 2 + 2", code("print(answer)", shows="4\n"), CHECK, RECORD], ""),
    "02_value": ([code("print(41)", shows="42\n")], "another output than the stored one: "),
    "04_grows": (
        ["seen = globals().get('seen', 0) + 1", code("print(seen)", shows="1\n")],
        "run a second time: another output than the stored one",
    ),
    "05_wrong": (["answer = 5", CHECK], "AssertionError: ✗ 1 four: two and two, 3 cells not run"),
    "07_rebound": (
        [
            "import builtins\n\nsize = builtins.len([1])",
            "builtins.once = getattr(builtins, 'once', 0) + 1\n1 / (2 - once)",
        ],
        "run a second time: ZeroDivisionError: division by zero",
    ),
    "08_exit": (["raise SystemExit(0)", "print('after')"], "SystemExit: 0"),
    "09_os_exit": (["import os\n\nos._exit(0)", "print('after')"], "the kernel died"),
    "10_hidden": (
        [
            "get_ipython().set_custom_exc((KeyError,), lambda *told, tb_offset=None: None)",
            "{}['missing']",
            "print('after')",
        ],
        "KeyError: 'missing'",
    ),
    "11_long": (["import time\n\ntime.sleep(60)"], "Timeout of 20 seconds exceeded"),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    top = tmp_path_factory.mktemp("twice")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIGILANT_BUILD", str(top / "build"))
        notebooks = [write_notebook(top, name, *cells) for name, (cells, _) in CASES.items()]
        outcomes = run_notebooks(notebooks, twice=True, jobs=2, cell_limit=20, limit=120)
    return top, {outcome.notebook: outcome for outcome in outcomes}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_a_notebook_run_twice(ran, name):
    outcome, said = ran[1][name], CASES[name][1]
    if said:
        assert outcome.status == ("timeout" if name == "11_long" else "failed")
        assert said in outcome.error
        assert outcome.cell is not None
    else:
        assert (outcome.status, outcome.error) == ("ok", None)
    assert outcome.passes == 2


def test_memory_and_processor_time_are_measured(ran):
    good = ran[1]["01_good"]
    assert 60 < good.peak_rss_mb < 400
    assert good.cpu_seconds > 0.3
    assert "every cell twice, in one kernel: 01_good" in report.table([vars(good)])


def test_the_records_are_collected(ran):
    [record] = scorecard.read(ran[0] / "build" / "scorecard.json")
    assert (record.metric, record.notebook, record.value) == ("heads", "01_good", 0.5)


def test_the_place_is_that_of_the_cell_in_the_notebook(ran):
    assert ran[1]["07_rebound"].cell == 4
    assert ran[1]["07_rebound"].line == "builtins.once = getattr(builtins, 'once', 0) + 1"


def test_nothing_is_left_behind(ran):
    assert list((ran[0] / "build" / "notebooks").iterdir()) == []


def test_a_doubled_notebook_is_valid_and_has_each_cell_twice(ran):
    notebook = nbformat.read(ran[0] / "01_good.ipynb", as_version=4)
    twice = doubled(notebook)
    nbformat.validate(twice)
    identifiers = [cell.id for cell in twice.cells]
    assert len(set(identifiers)) == len(identifiers) == 2 * len(notebook.cells)
    half = len(notebook.cells)
    assert [cell.source for cell in twice.cells[:half]] == [cell.source for cell in twice.cells[half:]]
    assert twice.cells[half + 3].outputs == notebook.cells[3].outputs
