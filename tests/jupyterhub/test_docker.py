"""The student image, built from its Dockerfile, and two students in containers of it (Podman in Docker's place)."""

import json
import subprocess

import pytest

from tests.conftest import ROOT
from tests.containers import build_options, run
from tests.jupyterhub.classroom import classroom

IMAGE = "localhost/vigilant-student-test"


@pytest.fixture(scope="module")
def engine(containers, tmp_path_factory):
    """Podman's service, answering as Docker does."""
    address = f"unix://{tmp_path_factory.mktemp('engine')}/podman.sock"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time=0", address],
        env=containers,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield containers, address
    service.terminate()
    service.wait(30)


@pytest.fixture(scope="module")
def image(containers, debian):
    """The image at this commit, on a Debian that is made here: no registry is reached."""
    commit = run("git", "-C", ROOT, "rev-parse", "HEAD")
    arguments = {"BASE": debian, "NOTEBOOKS": "00", "WITHOUT": "cifar10", "COMMIT": commit}
    given = [text for name, value in arguments.items() for text in ("--build-arg", f"{name}={value}")]
    file = ROOT / "jupyterhub" / "image" / "Dockerfile"
    run("podman", "build", *build_options(), *given, "-f", file, "-t", IMAGE, ROOT, env=containers)
    yield IMAGE
    subprocess.run(["podman", "rmi", "--force", IMAGE], env=containers, capture_output=True, check=False)


@pytest.fixture(scope="module")
def room(engine, image, tmp_path_factory):
    _, address = engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", address)
        with classroom(tmp_path_factory.mktemp("docker") / "hub", students=2, spawner="docker", image=image) as room:
            yield room
    for name in room.passwords:
        subprocess.run(["podman", "volume", "rm", "--force", f"vigilant-home-{name}"], capture_output=True, check=False)


_LOOK = """
import json, os, psutil
from pathlib import Path
status = dict(line.split(":\\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
print(json.dumps({
    "ids": [os.getuid(), os.getgid()],
    "names": [one.name() for one in psutil.process_iter()],
    "home": os.listdir(Path.home()),
    "outside": os.path.exists("/tmp/secret.txt"),
    "capabilities": status["CapEff"].strip(),
    "new": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(),
    "helpers": __import__("helpers").__file__,
    "cache": os.access("/opt/course-cache", os.W_OK),
    "content": os.access("/opt/course.git", os.W_OK),
}))
"""


def test_students_in_containers_share_nothing(room):
    ada, bob = room.with_server("student01"), room.with_server("student02")
    with bob.kernel() as kernel:
        kernel.run(
            "import pathlib; [pathlib.Path(p, 'secret.txt').write_text('b') for p in (pathlib.Path.home(), '/tmp')]"
        )
        with ada.kernel() as other:
            seen = json.loads(other.run(_LOOK))
    assert seen["ids"] == [1000, 100]
    assert len(seen["names"]) < 6, "the processes of others are to be seen"
    assert "secret.txt" not in seen["home"]
    assert "course" in seen["home"]
    assert not seen["outside"]
    assert int(seen["capabilities"], 16) == 0
    assert (seen["new"], seen["seccomp"]) == ("1", "2")
    assert seen["helpers"].startswith("/opt/course/")
    assert not seen["cache"]
    assert not seen["content"]


def test_the_image_runs_00_and_a_home_is_kept(room):
    ada = room.with_server("student01")
    _, peak = ada.run_notebook("course/notebooks/00_start_here.ipynb")
    assert peak < 1.8e9
    text = {"type": "file", "format": "text", "content": "kept"}
    ada.server("PUT", "api/contents/mine.txt", json=text)
    ada.stop()
    ada.start()
    assert ada.server("GET", "api/contents/mine.txt").json()["content"] == "kept"


def test_the_image_says_its_commit(containers, image):
    labels = json.loads(run("podman", "image", "inspect", image, env=containers))[0]["Labels"]
    assert labels["org.opencontainers.image.revision"] == run("git", "-C", ROOT, "rev-parse", "HEAD")
