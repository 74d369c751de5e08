"""A real JupyterHub on this machine: what students, instructors and intruders get."""

import contextlib
import json
import re
import subprocess
from pathlib import Path

import psutil
import pytest
import requests
import websocket
from jupyter_server.serverapp import ServerApp
from jupyterhub.apihandlers import default_handlers as api_handlers
from jupyterhub.handlers import default_handlers as page_handlers
from tornado.routing import PathMatches, Router

from helpers.errors import HubError
from helpers.hub import local
from helpers.hub.client import Person
from helpers.hub.start import BRANCH
from tests.conftest import wait_until
from tests.jupyterhub.classroom import classroom, need_root

FIRST = "course/notebooks/00_start_here.ipynb"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with classroom(tmp_path_factory.mktemp("room") / "hub", students=6) as room:
        yield room


# --- getting in, and what is there


def test_a_student_finds_the_notebooks_and_computes(room):
    ada = room.with_server("student01")
    names = {entry["name"] for entry in ada.server("GET", "api/contents/course/notebooks").json()["content"]}
    assert {"00_start_here.ipynb", "01_training.ipynb"} <= names
    with ada.kernel() as kernel:
        assert kernel.run("import helpers; print(helpers.__version__)").strip() == __import__("helpers").__version__
        # Not ports of this machine, which another server's kernel may take in the same second.
        transport = "import ipykernel; print(ipykernel.get_connection_info(unpack=True)['transport'])"
        assert kernel.run(transport).strip() == "ipc"
        # Runtime files and databases lie outside the home.
        where = "import os; print(*[os.environ[n] for n in ('JUPYTER_RUNTIME_DIR', 'JUPYTER_DATA_DIR', 'IPYTHONDIR')])"
        assert all(not path.startswith(str(room.home("student01"))) for path in kernel.run(where).split())


def test_the_class_list_is_for_the_instructor_only(room):
    assert room.hub.class_list.stat().st_mode & 0o077 == 0
    assert room.hub.state.stat().st_mode & 0o077 == 0


def test_an_instructor_sees_and_helps_students_and_nobody_else(room):
    ada, teacher = room.with_server("student01"), room.person("instructor")
    users = {user["name"]: user for user in teacher.hub("GET", "users").json()}
    assert "student01" in users
    assert not any(user.get("admin") for user in users.values())
    assert teacher.session.get(f"{room.hub.url}/hub/admin", timeout=60).status_code == 200
    # Opens the student's server, with the student's files; a token must name whose server it is for.
    made = teacher.hub("POST", "users/instructor/tokens", json={"scopes": ["access:servers!user=student01"]})
    headers = {"Authorization": f"token {made.json()['token']}"}
    files = requests.get(f"{room.hub.url}/user/student01/api/contents/{FIRST}", headers=headers, timeout=60)
    assert files.status_code == 200
    # Restarts it.
    assert teacher.hub("DELETE", "users/student01/server").status_code in (202, 204)
    wait_until(lambda: not ada.hub("GET", "users/student01").json()["servers"], "the server's end")
    teacher.hub("POST", "users/student01/server")
    wait_until(
        lambda: (ada.hub("GET", "users/student01").json()["servers"].get("") or {}).get("ready"), "the new server"
    )
    # And no more than that.
    for method, path in [
        ("DELETE", "users/student01"),
        ("POST", "users/mallory"),
        ("PATCH", "users/student01"),
        ("POST", "users/student01/tokens"),
        ("POST", "shutdown"),
        ("GET", "proxy"),
        ("POST", "groups/instructors/users"),
    ]:
        with pytest.raises(HubError, match=r": 40[34] "):
            teacher.hub(method, path, json={"admin": True, "users": ["student01"]})


# --- one student and another's server


def server_routes() -> list[str]:
    """Every route of a student's server, from the application itself; groups become samples."""
    app = ServerApp()
    app.initialize(argv=[], new_httpserver=False, find_extensions=True)
    found: set[str] = set()

    def walk(router: Router) -> None:
        for rule in router.rules:
            if isinstance(rule.matcher, PathMatches):
                found.add(rule.matcher.regex.pattern)
            if isinstance(rule.target, Router):
                walk(rule.target)

    walk(app.web_app.default_router)
    walk(app.web_app.wildcard_router)
    return sorted(found)


def hub_routes() -> list[str]:
    return sorted({str(handler[0]) for handler in [*api_handlers, *page_handlers]})


def filled(pattern: str, samples: dict[str, str]) -> str:
    """Turn a route's pattern into an address: named groups get their sample, the others the victim's name."""
    text = pattern.rstrip("$").lstrip("^")
    # From the inside out, because groups hold groups.
    while match := re.search(r"\((?:\?P<(?P<name>\w+)>|\?:|\?!|\?=)?[^()]*\)[?*+]?", text):
        sample = samples.get(match["name"] or "", samples[""])
        text = text[: match.start()] + sample + text[match.end() :]
    return text.replace("\\", "").replace("?", "").replace(".*", "x").replace("//", "/")


@pytest.fixture(scope="module")
def victim(room):
    """Student 2 with a running kernel and a terminal, what fills a route, and the routes of their server."""
    person = room.with_server("student02")
    kernel = person.server("POST", "api/kernels", json={"name": "python3"}).json()["id"]
    terminal = person.server("POST", "api/terminals").json()["name"]
    samples = {"": "student02", "path": f"/{FIRST}", "kernel_id": kernel, "term_name": terminal, "name": "student02"}
    samples |= {
        "user_name": "student02",
        "server_name": "",
        "session_id": kernel,
        "format": "html",
        "username": "student02",
    }
    paths = sorted({filled(pattern, samples) for pattern in server_routes()})
    return person, samples, [path for path in paths if not harmless(path)]


def harmless(path: str) -> bool:
    """Say whether everybody may see this: files of the software, and pages to log in."""
    return bool(
        re.match(
            r"/(static|lab/extensions|kernelspecs|custom|favicon|logo|login|logout|oauth_callback|api/?$|nbextensions|"
            r"lab/api/themes|mathjax|robots|templates|hub/(login|logout|health|static|logo|error|token|api/?$|home|signup)"
            r"|x$|$)",
            path,
        )
    )


@pytest.mark.parametrize("intruder", ["nobody", "another student's session", "another student's token"])
def test_no_route_of_a_server_answers_another(room, victim, intruder):
    _, _, paths = victim
    other = room.with_server("student01")
    session = other.session if intruder.endswith("session") else requests.Session()
    headers = {"Authorization": f"token {other.token}"} if intruder.endswith("token") else {}
    opened, silent = [], []
    for path in paths:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            url = f"{room.hub.url}/user/student02{path}"
            try:
                answer = session.request(method, url, headers=headers, timeout=10, allow_redirects=False)
            except requests.Timeout:
                silent.append(path)
                break
            if answer.status_code < 300:
                opened.append((method, path, answer.status_code))
    assert opened == []
    assert [path for path in silent if not path.startswith("/lab/api/licenses")] == []  # JupyterLab never answers that


def test_those_routes_answer_their_owner(victim):
    owner, _, paths = victim
    answered = []
    for path in paths:
        # Some routes never end (events), and some want arguments.
        with contextlib.suppress(HubError, requests.Timeout):
            owner.server("GET", path.lstrip("/"), stream=True, timeout=5).close()
            answered.append(path)
    assert len(paths) > 30
    assert len(answered) > 15, "the routes are not those of the server: their owner gets nothing either"


@pytest.mark.parametrize("intruder", ["nobody", "another student's token"])
@pytest.mark.parametrize("where", ["api/kernels/{kernel_id}/channels", "terminals/websocket/{term_name}"])
def test_no_websocket_opens_for_another(room, victim, intruder, where):
    owner, samples, _ = victim
    address = f"{room.hub.url}/user/student02/{where.format(**samples)}".replace("http", "ws", 1)
    websocket.create_connection(address, header=[f"Authorization: token {owner.token}"], timeout=60).close()
    header = [f"Authorization: token {room.person('student01').token}"] if "token" in intruder else []
    with pytest.raises(websocket.WebSocketException):
        websocket.create_connection(address, header=header, timeout=60)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_no_route_of_the_hub_gives_another_away(room, victim, method):
    _, samples, _ = victim
    ada = room.person("student01")
    before = room.person("student02").hub("GET", "users/student02").json()
    leaked = []
    for pattern in hub_routes():
        path = "/hub" + filled(pattern, samples)
        if harmless(path):
            continue
        for headers in ({}, {"Authorization": f"token {ada.token}"}):
            answer = requests.request(
                method, room.hub.url + path, headers=headers, json={}, timeout=60, allow_redirects=False
            )
            # What concerns the asking student alone may be answered; nothing may concern the other.
            if answer.status_code < 300 and "student02" in answer.text.replace(path, ""):
                leaked.append((method, path, answer.status_code, answer.text[:200]))
    assert leaked == []
    after = room.person("student02").hub("GET", "users/student02").json()
    changing = ("last_activity", "servers", "pending", "kind")
    assert {key: after[key] for key in after if key not in changing} == {
        key: before[key] for key in before if key not in changing
    }
    assert after["servers"][""]["started"] == before["servers"][""]["started"], "somebody restarted it"


@pytest.mark.parametrize(
    "path", ["/hub/admin", "/hub/spawn/student02", "/hub/api/users", "/hub/api/groups", "/hub/api/proxy"]
)
def test_the_pages_of_administrators_are_closed(room, path):
    room.with_server("student02")
    answer = room.person("student01").session.get(room.hub.url + path, timeout=60)
    assert answer.status_code in (403, 404)


# --- what lasts


def cells(person, path=FIRST):
    return person.server("GET", f"api/contents/{path}").json()["content"]


def put(person, content, path=FIRST):
    person.server("PUT", f"api/contents/{path}", json={"type": "notebook", "format": "json", "content": content})


def test_edits_survive_a_restart_and_a_conflicting_update(room, tmp_path):
    ada = room.with_server("student03")
    notebook = cells(ada)
    place = next(i for i, cell in enumerate(notebook["cells"]) if "def prepare" in cell["source"])
    notebook["cells"][place]["source"] += "\n\n# the answer of student 3"
    put(ada, notebook)
    ada.stop()

    # The instructor changes the same cell, and adds a file.
    work = tmp_path / "work"
    subprocess.run(["git", "clone", "-q", "--branch", BRANCH, room.hub.state / "course.git", work], check=True)
    upstream = json.loads((work / "notebooks/00_start_here.ipynb").read_text())
    upstream["cells"][place]["source"] += "\n\n# the instructor's change"
    (work / "notebooks/00_start_here.ipynb").write_text(json.dumps(upstream, indent=1, ensure_ascii=False) + "\n")
    (work / "notebooks/99_new.ipynb").write_text((work / "notebooks/00_start_here.ipynb").read_text())
    who = ["-c", "user.name=instructor", "-c", "user.email=instructor@example.org"]
    subprocess.run(["git", "-C", work, "add", "."], check=True)
    subprocess.run(["git", "-C", work, *who, "commit", "-qm", "update"], check=True)
    subprocess.run(["git", "-C", work, "push", "-q", "origin", BRANCH], check=True)

    ada.start()
    kept = cells(ada)["cells"][place]["source"]
    assert "# the answer of student 3" in kept
    assert "# the instructor's change" not in kept
    assert len(cells(ada)["cells"]) == len(upstream["cells"])
    assert "# the instructor's change" in cells(ada, "course/notebooks/99_new.ipynb")["cells"][place]["source"]
    # The update went through, so nothing is said; somebody without changes has the instructor's.
    assert not (room.hub.state / "scratch" / "student03" / "notice.txt").exists()
    bob = room.with_server("student04")
    assert "# the instructor's change" in cells(bob)["cells"][place]["source"]


def test_content_that_cannot_be_updated_is_said_in_the_notebook(room):
    ada = room.person("student05")
    (room.home("student05") / "course").mkdir(parents=True)
    (room.home("student05") / "course" / "mine.txt").write_text("kept")
    ada.start()
    with ada.kernel() as kernel:
        said = kernel.run("import helpers; helpers.require('0.1')")
    assert "could not be updated" in said
    assert (room.home("student05") / "course" / "mine.txt").read_text() == "kept"
    ada.stop()


def test_a_killed_server_comes_back_with_its_notebook(room):
    ada = room.with_server("student03")
    notebook = cells(ada)
    notebook["cells"][0]["source"] += "\n\nsaved before the crash"
    put(ada, notebook)
    room.server_process("student03").kill()

    def is_noticed():  # the hub looks every thirty seconds; asking for the page makes it look at once
        ada.session.get(f"{room.hub.url}/user/student03/lab", timeout=60)
        return not ada.hub("GET", "users/student03").json()["servers"]

    wait_until(is_noticed, "the hub to see that the server is gone")
    ada.start()
    assert "saved before the crash" in cells(ada)["cells"][0]["source"]


def test_a_full_home_still_starts(room):
    need_root()
    ada, home = room.person("student06"), room.home("student06")
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", home], check=True)
    try:
        ada.start()
        ada.stop()
        with (home / "full").open("wb") as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * 1_000_000)
                file.flush()
        ada.start()
        with ada.kernel() as kernel:
            assert kernel.run("print(6 * 7)").strip() == "42"
        assert ada.server("GET", "api/contents/course/notebooks").status_code == 200
        ada.server("DELETE", "api/contents/full")
        ada.server("PUT", "api/contents/new.txt", json={"type": "file", "format": "text", "content": "room again"})
    finally:
        ada.stop()
        subprocess.run(["umount", home], check=True)


def test_a_home_that_cannot_be_written(room):
    need_root()
    ada, home = room.person("student06"), room.home("student06")
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", home], check=True)
    try:
        with pytest.raises(HubError, match=r"cannot be written \(Read-only file system\)"):
            ada.start()
        with pytest.raises(LookupError):
            room.server_process("student06")
    finally:
        subprocess.run(["umount", home], check=True)


# --- bad input


def test_a_wrong_password_ten_times(room):
    for _ in range(10):
        with pytest.raises(HubError, match="Invalid username or password"):
            Person(room.hub.url, "student01").log_in("not-the-password")
    with pytest.raises(HubError, match=r"429 .*10 wrong passwords for this name. Wait 60 seconds"):
        Person(room.hub.url, "student01").log_in(room.passwords["student01"])
    # Nobody else waits for it.
    Person(room.hub.url, "student02").log_in(room.passwords["student02"])


@pytest.mark.parametrize(
    "name",
    ["../student01", "student01/../../etc", "..", "student01%2F..", "", "a" * 10_000, "student01\x00", "student01'--"],
)
def test_a_name_with_tricks(room, name):
    before = set(room.hub.state.rglob("homes/*"))
    with pytest.raises(HubError, match="cannot log in: 4"):
        Person(room.hub.url, name).log_in("not-the-password")
    assert set(room.hub.state.rglob("homes/*")) == before
    assert not (room.hub.state / "etc").exists()


# --- the end


def test_nothing_is_left_running(tmp_path):
    with classroom(tmp_path / "hub", students=1) as room:
        person = room.with_server("student01")
        with person.kernel():
            mine = psutil.Process(room.process.pid).children(recursive=True)
            assert len(mine) >= 4  # proxy, cull service, server, kernel
            sockets = Path(local.read_settings(room.hub.state)["sockets"])
            # Their paths are short enough for the system, wherever the hub's own folder lies.
            assert len(list(sockets.glob("*/kernel-*-ipc-*"))) == 5
    assert [process for process in mine if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert not sockets.exists()
