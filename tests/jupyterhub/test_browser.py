"""Two students and an instructor at a real browser (Debian's Chromium), on a real hub."""

import re

import pytest
from playwright.sync_api import expect

from tests.jupyterhub.classroom import SLOW, classroom

FIRST = "course/notebooks/00_start_here.ipynb"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with classroom(tmp_path_factory.mktemp("browser") / "hub", students=2) as room:
        yield room


def lab(page):
    """Wait until JupyterLab shows notebook 00 with a kernel that is ready."""
    page.wait_for_url(re.compile(r"/user/[^/]+/lab/tree/course/notebooks/00_start_here.ipynb"))
    expect(page.locator(".jp-Notebook")).to_be_visible(timeout=SLOW)
    expect(page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first).to_be_attached(timeout=SLOW)


def menu(page, name, item):
    page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{name}$")).click()
    page.locator(".lm-Menu-item", has_text=item).first.click()


def code_cells(person):
    content = person.server("GET", f"api/contents/{FIRST}").json()["content"]
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


def saved(page, person, wanted):
    """Save until what is on disk is as wanted."""
    for _ in range(90):
        page.keyboard.press("Control+s")
        page.wait_for_timeout(2000)
        if wanted(code_cells(person)):
            return
    raise AssertionError([(cell["execution_count"], cell["source"][:60]) for cell in code_cells(person)])


def executed(cells):
    return all(cell["execution_count"] for cell in cells if cell["source"].strip())


def test_two_students_run_everything_and_edits_last(room, chromium):
    pages = {}
    for name in ("student01", "student02"):
        pages[name] = room.browser(chromium, name)
        lab(pages[name])
    for name, page in pages.items():
        menu(page, "Run", "Run All Cells")
        saved(page, room.person(name), executed)
        outputs = [output for cell in code_cells(room.person(name)) for output in cell["outputs"]]
        assert [output for output in outputs if output["output_type"] == "error"] == []
        assert any("not answered yet" in "".join(output.get("text", "")) for output in outputs)

    # An edit at the keyboard, saved, is there after the server was stopped and started from the hub's pages.
    page, person = pages["student01"], room.person("student01")
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\n# typed by student 1")
    saved(page, person, lambda cells: "# typed by student 1" in cells[0]["source"])
    page.goto(f"{room.hub.url}/hub/home")
    page.wait_for_function("window._jupyterhub_page_loaded")  # before that its buttons do nothing
    page.click("#stop")
    expect(page.locator("#start")).to_have_text(re.compile("Start My Server"), timeout=SLOW)
    expect(page.locator("#stop")).to_be_hidden(timeout=SLOW)
    page.click("#start")
    lab(page)
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_contain_text("# typed by student 1", timeout=SLOW)

    # The other student is not let in, by address or by the hub's pages.
    other = pages["student02"]
    for path in ("user/student01/lab", "user/student01/tree", "hub/admin", "hub/spawn/student01"):
        answer = other.goto(f"{room.hub.url}/{path}")
        assert answer.status in (403, 404), path


def test_an_instructor_opens_a_students_server(room, chromium):
    room.with_server("student02")
    page = room.browser(chromium, "instructor")
    page.wait_for_url(re.compile(r"/user/instructor/|/hub/"))
    page.goto(f"{room.hub.url}/hub/admin")
    expect(page.get_by_text("student02").first).to_be_visible(timeout=SLOW)
    page.goto(f"{room.hub.url}/user/student02/lab/tree/{FIRST}")
    # JupyterHub asks before it opens somebody else's server.
    page.get_by_role("button", name="Authorize").or_(page.locator("input[type=submit]")).first.click()
    expect(page.locator(".jp-Notebook")).to_be_visible(timeout=SLOW)


def test_a_wrong_password_says_so(room, chromium):
    page = room.browser(chromium, "student01")
    page.context.clear_cookies()
    page.goto(f"{room.hub.url}/hub/login")
    page.fill("#username_input", "student01")
    page.fill("#password_input", "wrong")
    page.click("#login_submit")
    expect(page.locator(".login_error")).to_contain_text("Invalid username or password")
