"""The privacy companion, executed twice over in its kernel, with no network and in a home folder of its own."""

import json
import os
import re
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import psutil
import pytest

from helpers.course import build, companions
from helpers.course.environment import VENV
from helpers.course.job import doubled
from helpers.course.processes import watch
from helpers.course.run import offline_prefix
from helpers.errors import CourseError
from tests.conftest import missing

SOURCE = companions.FOLDER / "privacy" / "source.py"
GUARD = 900  # ends what hangs
# What a test cannot read off the page: asked of the kernel after each of the two passes.
PROBE = """
import resource
exactly, scales = laplace, []
def laplace(scale, rng, size=None):
    scales.append(scale)
    return exactly(scale, rng, size)
loud = [submit("loud", ill_with_a_print, "ill_with_a_print(rows)") for _ in range(2)]
release(loud, np.random.default_rng())
laplace = exactly
draws = laplace(3, np.random.default_rng(0), 100_000)
review = [find(scientist, name).job_review_path for name in [*again, *loud]]
released = [find(owner, name).output_paths[0].read_text() for name in again]
print("PROBE " + json.dumps({
    "secret": neighbour["ill"].item(), "truth": truth, "answer": got(everybody), "taken": taken,
    "exact": both, "noisy": noisy, "released": [json.loads(text) for text in released],
    "logs": [(folder_ / log).read_text() for folder_ in review for log in ("stdout.txt", "stderr.txt")],
    "nosy": [got(nosy), find(owner, nosy).status], "talker": got(talker),
    "leaked": log.read_text(), "epsilon": epsilon, "scales": scales,
    "size": np.abs(draws).mean(), "spread": draws.std(),
    "cost": cost.reset_index().to_dict("list"), "often": often.to_dict("list"),
    "pid": os.getpid(), "rooms": str(rooms), "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
}))
"""


def twice(secrets: tuple[int, int]):
    """The notebook, then the notebook again in one kernel, with a neighbour who is well and one who is ill."""
    seeds = [next(seed for seed in range(99) if np.random.default_rng(seed).integers(2) == ill) for ill in secrets]
    probed = build.companion(SOURCE)
    probed.cells.append(nbformat.v4.new_code_cell(PROBE, id="probe"))
    notebook = doubled(probed)
    given = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    for cell, seed in zip(given, seeds, strict=True):
        cell.source = re.sub(r"^seed = \d+$", f"seed = {seed}", cell.source, flags=re.MULTILINE)
    return notebook


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Both passes, executed by a process of its own: this one may hold a browser and its event loop."""
    if not (VENV / "companions" / "privacy" / "bin" / "python").exists():
        missing("the privacy companion's environment (make companions)")
    try:
        offline = offline_prefix()
    except CourseError as error:
        missing(str(error))
    top = tmp_path_factory.mktemp("privacy")
    home, scratch, log = top / "home", top / "scratch", top / "log"
    home.mkdir()
    scratch.mkdir()
    nbformat.write(twice((0, 1)), top / "twice.ipynb")
    executor = Path(sys.executable).with_name("jupyter-execute")
    done = watch(
        [*offline, str(executor), str(top / "twice.ipynb"), f"--output={top / 'done.ipynb'}"],
        os.environ | {"JUPYTER_PATH": str(VENV / "share" / "jupyter"), "HOME": str(home), "TMPDIR": str(scratch)},
        log,
        GUARD,
        lambda _seconds: None,
        threading.Event(),
    )
    if done.returncode != 0:
        pytest.fail(f"{'still running' if done.returncode is None else 'failed'}:\n{log.read_text()[-4000:]}")
    return SimpleNamespace(home=home, scratch=scratch, passes=read(nbformat.read(top / "done.ipynb", as_version=4)))


def read(notebook):
    """What each of the two passes printed, and what its probe found."""
    half = len(notebook.cells) // 2
    passes = []
    for cells in (notebook.cells[:half], notebook.cells[half:]):
        text = "\n".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))
        passes.append(SimpleNamespace(text=text, **json.loads(re.search(r"^PROBE (.*)$", text, flags=re.MULTILINE)[1])))
    return passes


@pytest.fixture(params=[0, 1], ids=["well", "ill"])
def one(request, run):
    """One pass: the neighbour is well, or ill."""
    assert run.passes[request.param].secret == request.param
    return run.passes[request.param]


def test_the_scientist_is_refused_the_private_part_and_holds_no_row_of_it(one):
    assert "ask for it: ValueError: Cannot access private config for a dataset owned by another user." in one.text
    assert re.search(r"^read it: FileNotFoundError: .*\.\.\./scientist/.*private\.csv", one.text, flags=re.MULTILINE)
    [files, found] = re.findall(r"of the scientist's (\d+) files, (\d+) hold", one.text)[0]
    assert (int(files) > 0, found) == (True, "0")


def test_a_job_gives_nothing_before_its_owner_approves_and_a_rejected_one_never(one):
    assert "pending; the scientist has: None" in one.text
    assert re.search(r"^approve it herself: PermissionError: Only the admin user", one.text, flags=re.MULTILINE)
    assert one.nosy == [None, "rejected"]
    assert "rejected (rows are not an answer); she has: None" in one.text


def test_an_approved_job_gives_what_the_private_part_gives(one):
    assert one.answer == one.truth > 50
    assert f"done; the scientist has: {one.truth}; the owner counts: {one.truth}" in one.text


def test_the_log_of_a_job_reaches_the_scientist_though_nothing_is_shared(one):
    # Where a newer PySyft keeps it back, step 5 must be told anew.
    assert one.talker is None
    assert one.leaked.strip() == f"last row read: {{'age': 97, 'district': 'Hill', 'ill': {one.secret}}}"


def test_two_approved_counts_give_one_person_away(one):
    assert one.taken == one.secret == one.exact[0] - one.exact[1]
    assert (
        f"{one.exact[0]} - {one.exact[1]} = {one.secret}: the neighbour is {['not ill', 'ill'][one.secret]}" in one.text
    )


def test_noise_reaches_the_scientist_and_neither_the_count_nor_a_log_does(one):
    assert one.noisy == one.released
    off = np.subtract(one.noisy, one.exact)
    assert (off != 0).all()
    assert off[0] != off[1]
    assert (np.abs(off) < 30 * 2 / 0.5).all()  # 30 scales: by chance once in e^30 runs
    assert one.logs == [""] * 8  # two of these jobs print


def test_noise_is_laplaces_and_its_scale_is_that_of_the_whole_budget(one):
    assert one.scales == [2 / one.epsilon] * 2  # two answers, each of sensitivity 1
    assert one.size == pytest.approx(3, abs=5 * 3 / 100_000**0.5)
    assert one.spread == pytest.approx(3 * 2**0.5, rel=0.03)


def test_noise_from_a_seed_is_taken_out_again(one):
    first, second = re.search(r"^each is off by ([+-]\S+), ([+-]\S+)$", one.text, flags=re.MULTILINE).groups()
    assert first == second != "+0.0"
    assert f"their difference: {one.secret:.6f}; the secret: {one.secret}" in one.text


def test_the_attack_stays_under_its_bound_and_works_where_epsilon_is_large(one):
    cost = one.cost
    bound = 100 / (1 + np.exp(-np.array(cost["epsilon"])))
    assert np.allclose(cost["at most, %"], bound)
    assert (np.array(cost["attacker right, %"]) <= bound + 2).all()
    assert cost["attacker right, %"] == sorted(cost["attacker right, %"])
    assert cost["attacker right, %"][0] < 54
    assert cost["attacker right, %"][-1] > 85
    assert one.often["attacker right, %"][0] < 58
    assert one.often["attacker right, %"][-1] > 70


def test_the_noise_is_not_the_same_in_two_runs(run):
    first, second = ([a - b for a, b in zip(one.noisy, one.exact, strict=True)] for one in run.passes)
    assert first != second


def test_the_old_interface_is_gone(one):
    assert "PySyft 0.10.0; has it TorchHook? no" in one.text


def test_nothing_is_left_running_or_lying_about(run):
    assert {one.pid for one in run.passes} == {run.passes[0].pid}
    assert not psutil.pid_exists(run.passes[0].pid)
    assert [str(file) for file in run.scratch.iterdir()] == []
    assert {file.name for file in run.home.iterdir()} <= {".ipython", ".jupyter", ".local", ".cache", ".config"}
    for one in run.passes:
        assert one.rooms.startswith(str(run.scratch))
        assert not Path(one.rooms).exists()


def test_its_kernel_stays_small(run):
    assert run.passes[1].megabytes < 500
