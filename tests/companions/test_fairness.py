"""The fairness companion, executed on planted predictions; then LIT in a real browser, and its end."""

import http.client
import os
import re
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from playwright.sync_api import expect

from helpers import fairness
from helpers.course import build, companions, layout
from helpers.course.environment import VENV
from tests.companions.planted import hand_over
from tests.conftest import missing
from tests.jupyterhub.classroom import SLOW, classroom

SOURCE = companions.FOLDER / "fairness" / "source.py"
STUDENT = "student01"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A fresh build folder, and the companion's kernel where Jupyter looks for it."""
    if not (VENV / "companions" / "fairness" / "bin" / "python").exists():
        missing("the fairness companion's environment (make companions)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(VENV / "share" / "jupyter"))
        patch.setenv("VIGILANT_BUILD", str(tmp_path_factory.mktemp("build")))
        patch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/student01/")
        yield


def client():
    return NotebookClient(build.companion(SOURCE), timeout=None, resources={"metadata": {"path": str(SOURCE.parent)}})


@pytest.fixture(scope="module")
def run(kernel):
    """The notebook, executed with LIT left open; ``stop`` runs its function that stops LIT."""
    hand_over()
    first = fairness.read_handover("08_fairness").predictions.iloc[0]
    one = client()
    with one.setup_kernel():
        for index, cell in enumerate(one.nb.cells):
            one.execute_cell(cell, index)
        text = "\n".join(output.get("text", "") for cell in one.nb.cells for output in cell.get("outputs", []))
        stop = nbformat.v4.new_code_cell("stop_lit()\nprint(os.getpid())")
        one.nb.cells.append(stop)

        def ended() -> int:
            one.execute_cell(stop, len(one.nb.cells) - 1)
            return int(stop.outputs[0]["text"])

        yield SimpleNamespace(text=text, stop=ended, first=first, port=int(re.search(r"127\.0\.0\.1:(\d+)/", text)[1]))


def test_changed_cells_are_kept_and_the_advice_is_a_command_that_there_is(tmp_path):
    source = tmp_path / "companions" / "fairness" / "source.py"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
    assert build.drift(source) == ["fairness/fairness_companion.ipynb is missing: run 'vigilant build'"]
    assert build.build(source) == build.drift(source) == []
    path = layout.companion_path(source)
    made = nbformat.read(path, as_version=4)
    made.cells[1].source += "\n# mine"
    nbformat.write(made, path)
    assert build.build(source) == [path]
    [problem] = build.drift(source)
    assert problem.endswith("edit fairness/source.py and run 'vigilant build'")
    assert build.build(source, replace_edited=True) == build.drift(source) == []


def test_nothing_handed_over_is_said_in_a_sentence(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path))
    with pytest.raises(CellExecutionError, match=r"nothing whole has been handed over .*Run notebook 08 to its end"):
        client().execute()


def test_three_hands_count_the_same(run):
    for other in ("the count by hand", "Fairlearn"):
        [found] = re.findall(f"largest difference between TFMA and {other}: (.*)", run.text)
        assert float(found) < 1e-6
    for metric in ("auc", "calibration"):
        [found] = re.findall(f"{metric}: largest difference (.*)", run.text)
        assert float(found) < 1e-3


def test_the_model_answers_there_as_it_did_here(run):
    [found] = re.findall("largest difference to the scores handed over: (.*)", run.text)
    assert float(found) < 1e-4


def sees_people_and_answers(page, address, run):
    """LIT's table shows people, and after a click the answer that was handed over; no file of its own is refused."""
    refused = []
    page.on("response", lambda answer: refused.append(answer.url) if address in answer.url and not answer.ok else None)
    page.goto(address, wait_until="domcontentloaded")
    table, results = page.locator("lit-data-table"), page.locator("classification-module")
    expect(table.locator(".lit-table-text-cell", has_text=run.first.tones).first).to_be_visible(timeout=SLOW)
    expect(table.locator("img").first).to_be_visible(timeout=SLOW)
    table.locator("img").first.click()
    expect(results.get_by_text(f"{run.first.score:.3f}").first).to_be_visible(timeout=SLOW)
    assert [url for url in refused if "favicon" not in url] == []
    page.close()


def test_a_browser_sees_people_and_answers_in_lit(run, chromium):
    page = chromium.new_page(viewport={"width": 1600, "height": 1000})
    sees_people_and_answers(page, f"http://127.0.0.1:{run.port}/", run)


def test_a_student_sees_them_through_the_hub_and_nobody_else_does(run, chromium, tmp_path):
    with classroom(tmp_path / "hub", students=2) as room:
        person = room.with_server(STUDENT)
        assert companions.kernel_name("fairness") in person.server("GET", "api/kernelspecs").json()["kernelspecs"]
        address = f"{room.hub.url}/user/{STUDENT}/proxy/{run.port}/"
        page = room.browser(chromium, STUDENT)
        page.wait_for_url(re.compile(f"/user/{STUDENT}/"))
        sees_people_and_answers(page, address, run)
        other = room.browser(chromium, "student02")
        other.wait_for_url(re.compile("/user/student02/|/hub/"))
        assert other.goto(address).status == 403


def test_the_address_at_a_hub_is_printed(run):
    assert f"/user/student01/proxy/{run.port}/" in run.text


def test_lit_stops_and_leaves_nothing(run):
    pid = run.stop()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", run.port).request("GET", "/")
    assert pid != os.getpid()
    assert psutil.Process(pid).children(recursive=True) == []
