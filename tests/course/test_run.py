"""Notebooks are executed, measured and judged, and one that goes wrong harms no other."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

import helpers
from helpers import cache, scorecard
from helpers.course.build import build, drift, store_outputs
from helpers.course.exercises import OPEN
from helpers.course.layout import solution_path, student_path
from helpers.course.run import (
    Outcome,
    digest,
    empty_cache,
    executed_path,
    is_current,
    offline_prefix,
    read_course,
    run_notebooks,
    unmet_checks,
)
from helpers.errors import CourseError
from tests.conftest import wait_until
from tests.course.small import code, write_notebook

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def course(top):
    """Every fixture as a notebook of one course, built."""
    folder = top / "notebooks" / "source"
    folder.mkdir(parents=True)
    sources = {}
    for path in sorted([*(HERE / "good").glob("*.py"), *(HERE / "bad").glob("*.py")]):
        source = Path(shutil.copy(path, folder))
        sources[source.stem[3:]] = source
        build(source)
    return sources


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run of the students' notebooks, most of them bad, and one of two solutions."""
    top = tmp_path_factory.mktemp("course")
    sources = course(top)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIGILANT_BUILD", str(top / "build"))
        patch.delenv("VIGILANT_CACHE", raising=False)
        students = run_notebooks(
            [student_path(sources[name]) for name in ("exception", "killed", "no_parameters", "good")],
            given={"seed": 3},
            progress=lambda *given: seen.append(given),
            jobs=2,
        )
        solutions = run_notebooks(
            [solution_path(sources[name]) for name in ("unanswered", "value", "good")],
            folder=top / "solved",
            must_pass_checks=True,
            jobs=2,
        )
    outcomes = {outcome.notebook[3:]: outcome for outcome in students}
    solved = {outcome.notebook[3:]: outcome for outcome in solutions}
    return top, sources, outcomes, solved, seen


def read(path):
    return nbformat.read(path, as_version=4)


def test_a_good_notebook(ran):
    top, sources, outcomes, _, seen = ran
    good = outcomes["good"]
    assert (good.status, good.dataset, good.budget, good.seed) == ("ok", "coins", "quick", 3)
    assert good.error is None
    assert good.cell is None
    assert good.seconds > 0
    # A runner and a kernel with NumPy and SciPy; the other notebook's kernel also held 300 MB for a second.
    assert 60 < good.peak_rss_mb < 400
    assert 300 < outcomes["exception"].peak_rss_mb < good.peak_rss_mb + 350
    executed = read(executed_path(student_path(sources["good"]), top / "build"))
    assert "seed = 3" in next(
        cell.source for cell in executed.cells if "injected-parameters" in cell.metadata.get("tags", [])
    )
    assert unmet_checks(executed, OPEN) == []  # nothing answered, and it ran to its end
    assert {name for name, *_ in seen} >= {"01_good", "02_exception"}
    assert all(0 <= cell <= cells for _, cell, cells, _ in seen)


def test_an_exception_names_cell_line_and_error(ran):
    top, sources, outcomes, _, _ = ran
    failed = outcomes["exception"]
    assert (failed.status, failed.cell, failed.line) == ("failed", 3, "# A comment before the line that fails.")
    assert failed.error == "ZeroDivisionError: division by zero"
    executed = read(executed_path(student_path(sources["exception"]), top / "build"))
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert any(output.output_type == "error" for output in outputs)
    assert "never reached" not in str(outputs)


def test_a_killed_kernel_is_a_failure_of_its_own_notebook_only(ran):
    killed = ran[2]["killed"]
    assert (killed.status, killed.cell, killed.line) == ("failed", 3, "os.kill(os.getpid(), signal.SIGKILL)")
    assert "the kernel died" in killed.error
    assert ran[2]["good"].status == "ok"


def test_a_notebook_without_parameters_is_refused(ran):
    refused = ran[2]["no_parameters"]
    assert refused.status == "failed"
    assert "tagged 'parameters'" in refused.error


def test_course_json_holds_every_outcome(ran):
    entries = json.loads((ran[0] / "build" / "course.json").read_text())
    assert [entry["notebook"] for entry in entries] == ["01_good", "02_exception", "04_killed", "06_no_parameters"]
    assert {"notebook", "status", "seconds", "peak_rss_mb", "dataset", "budget", "seed"} <= entries[0].keys()
    assert Outcome(**entries[0]) == ran[2]["good"]
    left = {path.name for path in (ran[0] / "build" / "notebooks").iterdir()}
    assert left == {"01_good.ipynb", "02_exception.ipynb", "04_killed.ipynb"}


def test_records_are_written_with_the_given_seed(ran):
    records = scorecard.read(ran[0] / "build" / "scorecard.json")
    assert [(record.metric, record.seed, record.notebook) for record in records] == [
        ("heads", 0, "01_good"),
        ("heads", 3, "01_good"),
    ]


def test_a_solution_must_pass_its_checks(ran):
    solved = ran[3]
    assert solved["good"].status == "ok"
    open_check = solved["unanswered"]
    assert (open_check.status, open_check.cell) == ("failed", 4)
    assert open_check.error == "check not passed: ◻ 5.1 four: not answered yet"


@pytest.mark.parametrize("text", ["✗ 1 no\n", "✓ 1\n✗ 2 no\n", "", "all good\n"])
def test_a_check_that_does_not_say_that_it_passed(ran, text):
    executed = read(executed_path(solution_path(ran[1]["good"]), ran[0] / "solved"))
    assert unmet_checks(executed) == []
    cell = next(cell for cell in executed.cells if "check" in cell.metadata.get("tags", []))
    cell.outputs = [nbformat.v4.new_output("stream", text=text)] if text else []
    assert len(unmet_checks(executed)) == 1


def test_a_solution_is_what_is_run_twice(ran):
    top, sources, *_ = ran
    paths = [solution_path(sources[name]) for name in ("good", "value")]
    for name, path in zip(("good", "value"), paths, strict=True):
        assert store_outputs(path, read(executed_path(path, top / "solved"))) == 1
        assert drift(sources[name]) == []
    notebook = read(paths[1])
    notebook.cells[1].outputs[0].text = "the answer is 41\n"
    nbformat.write(notebook, paths[1])
    good, wrong = run_notebooks(paths, folder=top / "twice", cell_limit=60, twice=True, jobs=2)
    assert (good.status, wrong.status) == ("ok", "failed")
    assert wrong.cell == 2
    assert "another output than the stored one" in wrong.error


def test_what_just_ran_is_recognised_until_something_changes(ran, monkeypatch):
    top, sources, *_ = ran
    path, folder = solution_path(sources["good"]), top / "solved"
    assert is_current(path, folder)
    assert not is_current(path, top / "elsewhere")
    assert not is_current(solution_path(sources["unanswered"]), folder)  # it failed
    assert not is_current(student_path(sources["good"]), top / "build")  # with another seed than its own
    text = path.read_text()
    path.write_text(text.replace("tosses", "throws"))
    assert not is_current(path, folder)
    path.write_text(text)
    package = shutil.copytree(Path(helpers.__file__).parent, top / "copy" / "helpers")
    monkeypatch.setattr(helpers, "__file__", str(package / "__init__.py"))
    as_it_was = digest(path)
    shutil.copy(ROOT / "requirements.lock", top / "copy")
    with_lock = digest(path)
    (package / "intervals.py").write_text("# another\n")
    assert len({as_it_was, with_lock, digest(path)}) == 3


def test_the_core_leaves_out_what_goes_deeper(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path / "build"))
    notebook = write_notebook(
        tmp_path, "01_levels", "kept = 1", code("lost = 2", "deeper"), "print(kept)", "kept + lost"
    )
    [core] = run_notebooks([notebook], core=True)
    assert (core.status, core.core, core.cell) == ("failed", True, 6)
    assert core.error == "NameError: name 'lost' is not defined"
    executed = {cell.source: cell for cell in read(executed_path(notebook, tmp_path / "build")).cells}
    assert "lost = 2" not in executed
    assert executed["print(kept)"].outputs[0].text == "1\n"
    [whole] = run_notebooks([notebook])
    assert (whole.status, whole.core) == ("ok", False)


SETTINGS = """
import os, pathlib, sys
import matplotlib.pyplot as plt
pathlib.Path("text").write_text("✓ Ä")
print(plt.rcParams["figure.figsize"], plt.rcParams["font.size"], "answer" in globals(), sys.flags.utf8_mode)
plt.plot([0, 1]);
"""


def test_settings_of_the_users_own_stay_outside(tmp_path, monkeypatch):
    """As of somebody with a style and a start-up file of their own, a locale without UTF-8 and a proxy that is gone."""
    style = tmp_path / "matplotlib" / "matplotlibrc"
    style.parent.mkdir()
    style.write_text("figure.figsize: 1, 1\nfont.size: 30\nbackend: svg\n")
    (tmp_path / "startup.py").write_text("answer = 42\n")
    for name, value in {
        "XDG_CONFIG_HOME": tmp_path,
        "MATPLOTLIBRC": style,
        "MPLBACKEND": "svg",
        "PYTHONSTARTUP": tmp_path / "startup.py",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "http_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, str(value))
    [outcome] = run_notebooks([write_notebook(tmp_path, "01_settings", SETTINGS)], folder=tmp_path)
    assert (outcome.status, outcome.error) == ("ok", None)
    printed, drawn = read(executed_path(Path("01_settings.ipynb"), tmp_path)).cells[-1].outputs
    assert printed.text == "[6.4, 4.8] 10.0 False 1\n"
    assert "image/png" in drawn.data


SPIN = "import time\nend = time.process_time() + 3\nwhile time.process_time() < end:\n    pass"


def test_processor_time_counts_also_what_has_ended(tmp_path):
    def say(name):  # what a process has taken, as it says itself
        return f"\nimport time\nopen({str(tmp_path / name)!r}, 'a').write(f'{{time.process_time()}} ')"

    started = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN + say('work')!r}])"
    spin_and_say = SPIN + say("work") + "\nopen('spun', 'w').close()"
    orphan = (
        "import os\n"
        "child = subprocess.Popen(['sh', '-c', f'{sys.executable} -c \"$0\" & sleep 0.7', " + f"{spin_and_say!r}])\n"
        "child.wait()\nimport os, time\nwhile not os.path.exists('spun'):\n    time.sleep(0.1)" + say("work")
    )
    idle = write_notebook(tmp_path, "01_idle", "import time\ntime.sleep(2)" + say("rest"))
    busy = write_notebook(tmp_path, "02_busy", SPIN, started, orphan)
    [rest, work] = run_notebooks([idle, busy], folder=tmp_path)
    assert rest.status == work.status == "ok"
    spent, idled = ([float(each) for each in (tmp_path / name).read_text().split()] for name in ("work", "rest"))
    assert (len(spent), len(idled)) == (3, 1)
    # What nobody says of himself is the runner's own, the same for both. A process left out, or counted twice, is a
    # whole one too little or too much.
    unsaid = [outcome.cpu_seconds - sum(said) for outcome, said in ((work, spent), (rest, idled))]
    assert abs(unsaid[0] - unsaid[1]) < min(spent) / 2


def test_a_quick_run_has_one_thread_and_what_was_set_counts_more(tmp_path, monkeypatch):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    said = tmp_path / "said"
    look = f"import os\nopen({str(said)!r}, 'a').write(' '.join(os.environ.get(n, '-') for n in {names}) + '\\n')"
    notebook = write_notebook(tmp_path, "01_threads", look)
    run_notebooks([notebook], folder=tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    run_notebooks([notebook], folder=tmp_path)
    made = nbformat.read(notebook, as_version=4)
    made.metadata["language_info"] = {"name": "python"}  # for papermill, which writes the parameter in
    nbformat.write(made, notebook)
    [outcome] = run_notebooks([notebook], folder=tmp_path, given={"budget": "full"})
    assert outcome.error is None
    assert said.read_text().splitlines() == ["1 1 1", "3 1 1", "3 - -"]


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_cell_that_never_ends_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path / "build"))
    notebook = student_path(course(tmp_path)["endless"])
    [outcome] = run_notebooks([notebook], cell_limit=2)
    assert (outcome.status, outcome.cell, outcome.line) == ("timeout", 4, "while True:  # never ends")
    assert outcome.error == "the cell ran longer than 2 s"
    started = tmp_path / "build" / "notebooks" / "child.pid"
    assert gone(int(started.read_text()))
    started.unlink()
    others = set(psutil.Process().children(recursive=True))
    [outcome] = run_notebooks([notebook], limit=8)
    assert outcome.status == "timeout"
    assert outcome.error == "the notebook ran longer than 8 s and was ended"
    assert set(psutil.Process().children(recursive=True)) <= others
    if outcome.cell == 4:  # on a machine so slow that the cell was not reached there is no child
        assert gone(int(started.read_text()))
        assert executed_path(notebook, tmp_path / "build").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopping_the_runner_leaves_no_process_behind(tmp_path, number):
    notebook = student_path(course(tmp_path)["endless"])
    # Ctrl-C as at a terminal: whoever starts these tests in the background hands on that it is ignored.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; from pathlib import Path; from helpers.course.run import run_notebooks\n"
        "run_notebooks([Path(sys.argv[1])])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VIGILANT_BUILD": str(tmp_path / "build")}
    runner = subprocess.Popen(
        [sys.executable, "-c", code, str(notebook)], env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    processes = [psutil.Process(runner.pid)]
    try:
        started = tmp_path / "build" / "notebooks" / "child.pid"
        wait_until(lambda: started.exists() and started.read_text(), "the notebook")
        processes += processes[0].children(recursive=True)
        assert len(processes) >= 4  # runner, worker, kernel, and what the notebook started
        # A process that a notebook put into a session of its own outlives only a runner that was killed outright.
        owed = (
            processes
            if number != signal.SIGKILL
            else [process for process in processes if process.pid != int(started.read_text())]
        )
        runner.send_signal(number)
        runner.wait(900)
        wait_until(lambda: all(gone(process.pid) for process in owed), f"the end of {owed}")
    finally:
        for process in processes:
            if process.is_running():
                process.kill()
        runner.wait()


def test_offline_means_no_network_but_the_kernel_works(tmp_path, monkeypatch, needs_program):
    needs_program("unshare")
    needs_program("ip")
    try:
        offline_prefix()
    except CourseError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path / "build"))
    source = tmp_path / "01_net.py"
    source.parent.joinpath("source").mkdir()
    source = tmp_path / "source" / "01_net.py"
    source.write_text(
        '# %% tags=["parameters"]\ndataset = "none"\n\n'
        "# %%\nimport socket\n\nprint([name for _, name in socket.if_nameindex()])\n\n"
        '# %%\nsocket.create_connection(("192.0.2.1", 80), timeout=5)\n'
    )
    build(source)
    [outcome] = run_notebooks([student_path(source)], offline=True)
    assert (outcome.status, outcome.cell) == ("failed", 3)
    assert outcome.error.startswith("OSError: [Errno 101] Network is unreachable")


def test_what_cutting_the_network_off_needs(monkeypatch):
    monkeypatch.setattr("helpers.course.run.shutil.which", lambda program: None)
    with pytest.raises(CourseError, match="needs the program unshare"):
        offline_prefix()
    monkeypatch.undo()
    monkeypatch.setattr("helpers.course.run.shutil.which", lambda program: program)
    monkeypatch.setattr("helpers.course.run.subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 1))
    with pytest.raises(CourseError, match="does not permit network namespaces"):
        offline_prefix()


def test_the_cache_is_emptied_only_inside_the_build_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("VIGILANT_CACHE", raising=False)
    empty_cache()
    (cache.cache_directory() / "models").mkdir(parents=True)
    empty_cache()
    assert not cache.cache_directory().exists()
    for outside in (tmp_path / "shared", tmp_path / "build", tmp_path / "build" / ".." / "shared"):
        monkeypatch.setenv("VIGILANT_CACHE", str(outside))
        outside.mkdir(exist_ok=True, parents=True)
        with pytest.raises(CourseError, match="is not emptied"):
            empty_cache()
        assert outside.exists()


def test_a_spoilt_course_json_is_named(tmp_path):
    path = tmp_path / "course.json"
    assert read_course(path) == []
    for text in ("[{", "{}", "[1]"):
        path.write_text(text)
        with pytest.raises(CourseError, match="Delete it and run the notebooks again"):
            read_course(path)
