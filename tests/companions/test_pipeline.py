"""The pipeline companion, executed in its kernel without a network: a gate stops it, and a cached one does not."""

import json
import os
import re
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from helpers.course import build, companions
from helpers.course.environment import VENV
from helpers.course.processes import watch
from helpers.course.run import offline_prefix
from helpers.errors import CourseError
from tests.conftest import missing

SOURCE = companions.FOLDER / "pipeline" / "source.py"
GUARD = 900  # ends what hangs
STEPS = ["data", "train", "measure", "gate", "package", "sign", "publish"]
# What a test cannot read off the page.
PROBE = """
def began(name):
    return sorted(path.name for path in (rooms / name).glob("*/*") if path.is_dir() and path.parent.name != "workspace")
def said(name):
    [file] = (rooms / name).glob("*/gate/out/verdict.json")
    return [json.loads(file.read_text())[key] for key in ("verdict", "model_digest")]
print("PROBE " + json.dumps({
    "verdicts": {name: said(name) for name in ("good", "worse")},
    "began": {name: began(name) for name in ("good", "worse")},
    "registry": in_registry(), "rooms": str(rooms), "pip": "pip install" in good.log + worse.log,
    "asked": {name: "gate-of" in began(name) for name in ("yesterday", "today", "no-cache")},
}))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The notebook, executed by a process of its own with a home folder of its own."""
    if not (VENV / "companions" / "pipeline" / "bin" / "python").exists():
        missing("the pipeline companion's environment (make companions)")
    try:
        offline = offline_prefix()
    except CourseError as error:
        missing(str(error))
    top = tmp_path_factory.mktemp("pipeline")
    (top / "home").mkdir()
    (top / "scratch").mkdir()
    notebook = build.companion(SOURCE)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE, id="probe"))
    nbformat.write(notebook, top / "given.ipynb")
    executor = Path(sys.executable).with_name("jupyter-execute")
    environment = {"HOME": str(top / "home"), "TMPDIR": str(top / "scratch"), "VIGILANT_BUILD": str(top / "build")}
    done = watch(
        [*offline, str(executor), str(top / "given.ipynb"), f"--output={top / 'done.ipynb'}"],
        os.environ | environment | {"JUPYTER_PATH": str(VENV / "share" / "jupyter"), "OMP_NUM_THREADS": "1"},
        top / "log",
        GUARD,
        lambda _seconds: None,
        threading.Event(),
    )
    if done.returncode != 0:
        said = "still running" if done.returncode is None else "failed"
        pytest.fail(f"{said}:\n{(top / 'log').read_text()[-4000:]}")
    cells = nbformat.read(top / "done.ipynb", as_version=4).cells
    text = "\n".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))
    found = json.loads(re.search(r"^PROBE (.*)$", text, flags=re.MULTILINE)[1])
    return SimpleNamespace(text=text, scratch=top / "scratch", **found)


def test_the_committed_yaml_is_what_the_source_gives(run):
    assert "the committed YAML is what the compiler makes: True" in run.text


def test_no_gate_in_it_may_be_answered_by_a_cache(run):
    assert "gates that a cache may answer: none" in run.text
    assert re.search(r"^gate +asked anew +after measure, train$", run.text, flags=re.MULTILINE)


def test_what_runs_here_is_connected_as_what_is_committed(run):
    assert "the same tasks, in the same order, cached alike: True" in run.text


def test_a_good_model_goes_all_the_way(run):
    assert f"folders of: {' '.join(STEPS)}" in run.text
    assert run.verdicts["good"] == ["go", "weights of seed 10"]
    assert run.registry == {"1": "weights of seed 10"}


def test_a_failing_gate_stops_the_pipeline(run):
    assert run.verdicts["worse"] == ["no-go", "weights of seed 11"]
    assert run.began["good"] == sorted(STEPS)
    assert run.began["worse"] == sorted(STEPS[:4])
    assert "- not met: training / accuracy (course_cnn on signs): asked low >= 0.9884" in run.text


def test_a_cached_gate_lets_a_worse_model_pass_and_the_audit_names_it(run):
    assert "yesterday: weights of seed 10" in run.text
    assert "today:     weights of seed 11 | the gate said: (it was not asked)" in run.text
    assert "caching on : ('gate-of',)" in run.text
    assert "caching off: no cached gate" in run.text


def test_the_local_runner_leaves_caches_out_unless_it_is_told(run):
    # Where a newer kfp caches by itself, step 5 must be told anew.
    assert run.asked == {"yesterday": True, "today": False, "no-cache": True}
    assert re.search(r"without a cache, the same cached gate said:\s+no-go:", run.text)


def test_nothing_is_installed_and_nothing_lies_about(run):
    assert not run.pip
    assert not Path(run.rooms).exists()
    assert [path.name for path in run.scratch.iterdir()] == []
