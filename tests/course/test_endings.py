"""A notebook is ok only if every code cell was executed to its end, however it comes to a stop."""

import nbformat
import pytest

from helpers.course.run import executed_path, run_notebooks
from tests.course.small import code, write_notebook

STOP = """class StopExecution(Exception):
    def _render_traceback_(self):
        return []

raise StopExecution"""
HIDDEN = """get_ipython().set_custom_exc((KeyError,), lambda *told, tb_offset=None: None)
{}["missing"]"""

RESTART = "get_ipython().kernel.do_shutdown(restart=True)"
LONG = "import time\n\ntime.sleep(5)"

# What a cell does in the middle, what is said of it, and whether the kernel lives on.
ENDINGS = {
    "01_exit": ("import sys\n\nsys.exit(0)", "ended by SystemExit in cell 4, 2 cells not run"),
    "02_raise": ("raise SystemExit", "ended by SystemExit in cell 4, 2 cells not run"),
    "03_exit_code": ("import sys\n\nsys.exit(3)", "SystemExit: 3"),
    "04_stop": (STOP, "StopExecution"),
    "05_hidden": (HIDDEN, "KeyError: 'missing'"),
    "06_os_exit": ("import os\n\nos._exit(0)", "2 cells not run"),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """All of them, two at a time, between cells that are harmless; and some more that are a case of their own."""
    top = tmp_path_factory.mktemp("endings")
    notebooks = [
        write_notebook(top, name, "before = 1", source, "print('after')", "print('last')")
        for name, (source, _) in ENDINGS.items()
    ]
    notebooks += [
        write_notebook(top, "10_left_out", "one = 1", code("two = 2", "skip-execution"), "three = 3"),
        write_notebook(top, "11_exit_last", "one = 1", "raise SystemExit(0)"),
        write_notebook(top, "12_quit", "one = 1", "quit()", LONG, "print('last')"),
        write_notebook(top, "09_restart", "one = 1", RESTART, LONG, "print('last')"),
        write_notebook(top, "13_blank", "one = 1", "", code("  \n"), "print('last')"),
    ]
    outcomes = run_notebooks(notebooks, folder=top / "build", jobs=2)
    return top, {outcome.notebook: outcome for outcome in outcomes}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_notebook_that_stops_in_the_middle_has_failed(ended, name):
    outcome = ended[1][name]
    assert outcome.status == "failed"
    assert ENDINGS[name][1] in outcome.error
    assert outcome.cell == 4


def test_a_dead_kernel_is_said_with_what_may_have_ended_it(ended):
    outcome = ended[1]["06_os_exit"]
    assert outcome.error.startswith("the kernel died")
    assert "os._exit" in outcome.error
    assert outcome.line == "import os"


def test_quit_and_a_restart_end_the_kernel_a_moment_later(ended):
    for name in ("09_restart", "12_quit"):
        outcome = ended[1][name]
        assert outcome.status == "failed"
        assert "the kernel died in this cell or right behind the one before" in outcome.error
        assert outcome.cell > 4


def test_a_cell_that_a_tag_leaves_out_was_not_run(ended):
    outcome = ended[1]["10_left_out"]
    assert (outcome.status, outcome.cell, outcome.error) == ("failed", 4, "cell 4 was left out, 1 cell not run")


def test_an_exit_in_the_last_cell_is_no_end_either(ended):
    outcome = ended[1]["11_exit_last"]
    assert (outcome.status, outcome.cell) == ("failed", 4)
    assert outcome.error == "ended by SystemExit in cell 4"


def test_blank_cells_need_no_execution(ended):
    assert ended[1]["13_blank"].status == "ok"


def test_side_by_side_is_noted(ended):
    top, outcomes = ended
    assert {outcome.jobs for outcome in outcomes.values()} == {2}
    executed = nbformat.read(executed_path(top / "13_blank.ipynb", top / "build"), as_version=4)
    assert executed.cells[-1].outputs[0].text == "last\n"
