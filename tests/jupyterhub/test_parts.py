"""The hub's parts one by one: class list, links, release, start, what fills the cache."""

import errno
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from helpers.cli import main
from helpers.errors import CourseError
from helpers.hub import classlist, content, local, ports, preflight, release, start, warm
from helpers.hub.addresses import Addresses, addresses
from tests.conftest import ROOT
from tests.definitions import definition
from tests.jupyterhub.chart import HUB, merged, values_of

SOMEWHERE = Addresses("https://github.com/vision/course", "registry.example.org/vision/course")
DIGEST = "sha256:" + "0123456789abcdef" * 4

# --- addresses and links


def test_addresses_stand_in_one_place():
    # Nothing else in the hub's folders names a repository or an image of the course.
    unset = addresses()
    for file in [*HUB.rglob("*"), *(ROOT / "binder").rglob("*")]:
        if file.is_file() and file.name not in ("image.yaml", "package-lock.json"):
            for address in filter(None, (unset.repository, unset.image)):
                assert address not in file.read_text(), file


@pytest.mark.parametrize("command", [["links"], ["release", DIGEST]])
def test_an_unset_address_is_said(command, capsys, monkeypatch):
    monkeypatch.setattr("helpers.hub.addresses.addresses", lambda: Addresses("", ""))
    assert main(command) == 1
    assert "is not set: it stands once, in pyproject.toml under [tool.vigilant]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("repository", "where"),
    [
        ("https://github.com/vision/course", "gh/vision/course"),
        ("https://github.com/vision/course.git", "gh/vision/course"),
        ("https://gitlab.com/a/b/course", "gl/a%2Fb%2Fcourse"),
        ("https://git.example.org/course.git", "git/https%3A%2F%2Fgit.example.org%2Fcourse"),
    ],
)
def test_binder_opens_00(repository, where):
    link = Addresses(repository, "").binder()
    assert link == f"https://mybinder.org/v2/{where}/HEAD?urlpath=lab/tree/notebooks/00_start_here.ipynb"
    assert (ROOT / "notebooks" / "00_start_here.ipynb").exists()


def test_a_link_for_somebody_elses_hub():
    link = SOMEWHERE.hub_link("https://hub.example.org/")
    assert link.startswith(
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fvision%2Fcourse&"
    )
    assert link.endswith("urlpath=lab%2Ftree%2Fcourse%2Fnotebooks%2F00_start_here.ipynb")


# --- the release


def test_the_release_overlay_renders(tmp_path):
    written = release.release(SOMEWHERE, DIGEST, tmp_path / "image.yaml")
    image = yaml.safe_load(written.read_text())
    values = values_of("workshop", image=image)
    assert list(jsonschema.Draft7Validator(definition("z2jh-4.4.0-values.schema.json")).iter_errors(values)) == []
    # Joined by the chart with a colon, this is the image by digest.
    joined = "{name}:{tag}".format(**merged({}, image)["singleuser"]["image"])
    assert joined == f"{SOMEWHERE.image}@{DIGEST}"


@pytest.mark.parametrize("digest", ["latest", "sha256:12", DIGEST.upper(), f"{DIGEST}0", f"course@{DIGEST}", ""])
def test_a_tag_is_no_digest(digest):
    with pytest.raises(CourseError, match="is no digest"):
        release.overlay(SOMEWHERE, digest)


# --- the class list


def test_a_class_list_grows_and_keeps_its_passwords(tmp_path):
    path = tmp_path / "class.csv"
    small = classlist.make(path, 2)
    large = classlist.make(path, 30)
    assert large[: len(small)] == small
    assert sum(member.role == "student" for member in large) == 30
    assert len({member.password for member in large}) == 31
    assert path.stat().st_mode & 0o077 == 0
    assert classlist.make(path, 5) == large


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a class list"),
        ("name,password\nada,12345678\n", "is not a class list"),
        ("name,role,password\nada,student\n", "is not a class list"),
        ("name,role,password\n../ada,student,12345678\n", "line 2: the name '../ada'"),
        ("name,role,password\nAda,student,12345678\n", "lower-case"),
        ("name,role,password\nada,admin,12345678\n", "the role 'admin' is none of student, instructor"),
        ("name,role,password\nada,student,1234\n", "fewer than 8"),
        ("name,role,password\nada,student,12345678\nada,student,12345679\n", "'ada' stands there more than once"),
    ],
)
def test_a_wrong_class_list_is_said(tmp_path, text, message):
    path = tmp_path / "class.csv"
    path.write_text(text)
    with pytest.raises(CourseError, match=message):
        classlist.read(path)


# --- the start of a server


def test_start_prepares_and_becomes_the_command(tmp_path):
    home, scratch, shared = tmp_path / "home", tmp_path / "scratch", tmp_path / "shared"
    home.mkdir()
    (shared / "models").mkdir(parents=True)
    (shared / "models" / "one.keras").write_text("made beforehand")
    (shared / "models" / ".lock").touch()
    content.publish(ROOT, tmp_path / "course.git")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "VIGILANT_SCRATCH": str(scratch),
        "VIGILANT_SHARED_CACHE": str(shared),
        "VIGILANT_CONTENT": str(tmp_path / "course.git"),
    }
    show = "import os, json; print(json.dumps([os.getpid(), dict(os.environ)]))"
    command = [sys.executable, "-m", "helpers.hub.start", sys.executable, "-c", show]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    pid, seen = yaml.safe_load(process.communicate()[0].splitlines()[-1])
    assert pid == process.pid  # no process between the server and whoever started it
    model = Path(seen["VIGILANT_CACHE"]) / "models" / "one.keras"
    assert model.read_text() == "made beforehand"
    assert model.is_symlink()
    assert not (model.parent / ".lock").exists()
    assert (home / "course" / "notebooks" / "00_start_here.ipynb").exists()
    assert not Path(seen["VIGILANT_NOTICE"]).exists()
    assert Path(seen["VIGILANT_BUILD"]).is_relative_to(home)
    assert Path(seen["JUPYTER_RUNTIME_DIR"]).is_relative_to(scratch)


def test_notebooks_of_another_version_are_said(tmp_path):
    content.publish(ROOT, tmp_path / "course.git")
    assert start.update(str(tmp_path / "course.git"), tmp_path / "copy") is None
    # The image's repository moved to a history that the copy does not hold, and pulling is impossible.
    said = start.update(str(tmp_path / "gone.git"), tmp_path / "copy")
    assert "could not be updated" in said
    assert "Your work is untouched" in said


def test_without_a_command_start_says_how():
    done = subprocess.run([sys.executable, "-m", "helpers.hub.start"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "usage:" in done.stderr


@pytest.mark.parametrize(("number", "fine"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EROFS, False)])
def test_a_full_home_is_fine_and_a_closed_one_is_not(tmp_path, monkeypatch, number, fine):
    def touch(self):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "touch", touch)
    if fine:
        start.check_home(tmp_path)
    else:
        with pytest.raises(start.HomeError, match="cannot be written"):
            start.check_home(tmp_path)


def test_content_needs_a_git_checkout(tmp_path):
    with pytest.raises(CourseError, match="git clone, not a downloaded archive"):
        content.publish(tmp_path, tmp_path / "course.git")


# --- ports


def test_a_port_is_neither_taken_nor_promised(monkeypatch):
    port = ports.free_port()
    with socket.socket() as taken:
        # As servers do: a port that was closed a moment ago can be listened on again.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        monkeypatch.setattr(ports, "PORTS", range(port, port + 1))
        with pytest.raises(OSError, match=f"no port of {port} to {port} on 127.0.0.1 is free"):
            ports.free_port()
    assert ports.free_port() == port
    with pytest.raises(OSError, match="is free"):
        ports.free_port(besides=[port])


def test_ports_do_not_hang_on_pythons_own_generator(monkeypatch):
    monkeypatch.setattr(ports, "try_to_listen", lambda address, port: None)

    def chosen():
        random.seed(0)
        return [ports.free_port() for _ in range(5)]

    assert chosen() != chosen()


# --- room for a class


@pytest.mark.parametrize(("students", "fine"), [(1, True), (100_000, False)])
def test_room_is_counted(tmp_path, students, fine):
    findings = []

    def found(ok, text, remedy):
        findings.append(preflight.Finding(ok, text, "" if ok else remedy))

    preflight._room(local.LocalHub(state=tmp_path), students, 0.15e9, 0.3e9, found)
    assert [finding.ok for finding in findings] == [fine, fine]
    assert all(bool(finding.remedy) != fine for finding in findings)
    assert all(str(finding).startswith("✓" if fine else "✗") for finding in findings)


def test_docker_without_an_image_says_so(tmp_path):
    hub = local.LocalHub(state=tmp_path / "hub", spawner="docker", port=1)
    with pytest.raises(CourseError, match="image has no name yet"):
        local._docker_gateway(hub)


def test_warm_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(warm, "fetched", lambda name: name != "cifar10")
    assert warm.main(["00"]) == 1
    assert "not to be had: cifar10. With --without cifar10" in capsys.readouterr().out


def test_warm_runs_the_notebooks_that_were_named(monkeypatch, capfd):
    monkeypatch.setattr(warm, "fetched", lambda name: True)
    assert warm.main(["98", "99"]) == 1
    assert "there is no notebook '98'" in capfd.readouterr().err
