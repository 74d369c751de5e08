"""Binder, as far as repo2docker goes without its base image: what it detects, and the Dockerfile that it makes."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import CondaBuildPack

from helpers.course.environment import PYTHON
from tests.conftest import ROOT
from tests.tiny import wheel

BINDER = ROOT / "binder"
BASE = Repo2Docker().base_image


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """What Binder clones: the committed files that repo2docker looks at."""
    for name in ("environment.yml", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(BINDER, tmp_path / "binder")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_conda_brings_python_and_pip_alone():
    # What conda's pip would resolve is not what the lock says.
    assert yaml.safe_load((BINDER / "environment.yml").read_text())["dependencies"] == [f"python={PYTHON}", "pip"]


def test_repo2docker_detects_the_environment(checkout):
    detected = next(pack for pack in (cls(BASE) for cls in Repo2Docker().buildpacks) if pack.detect())
    assert type(detected) is CondaBuildPack
    assert detected.binder_dir == "binder"
    assert detected.python_version == "3.11"


def test_the_dockerfile_does_it_all(checkout):
    pack = CondaBuildPack(BASE)
    pack.platform = "linux/amd64"
    dockerfile = pack.render({})
    packages = (BINDER / "apt.txt").read_text().split()
    for wanted in (*packages, "binder/environment.yml", "binder/postBuild", "binder/start"):
        assert wanted in dockerfile
    assert "RUN ./binder/postBuild" in dockerfile
    assert re.search(r"^ENV R2D_ENTRYPOINT[ =]\S*binder/start", dockerfile, flags=re.M)


def test_a_changed_python_would_be_noticed(checkout):
    file = checkout / "binder" / "environment.yml"
    file.write_text(file.read_text().replace("python=3.11", "python=3.12"))
    assert CondaBuildPack(BASE).python_version == "3.12"


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_scripts_can_be_run(name):
    script = BINDER / name
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_post_build_stops_at_the_first_failure(checkout):
    # Its first command fails here: nothing after it may run.
    folder = checkout / "bin"
    folder.mkdir()
    (folder / "python").write_text('#!/bin/sh\necho "python $*" >> calls\nexit 3\n')
    (folder / "python").chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    done = subprocess.run([BINDER / "postBuild"], cwd=checkout, env={"PATH": path}, check=False)
    assert done.returncode == 3
    calls = (checkout / "calls").read_text().splitlines()
    assert len(calls) == 1
    assert {"--no-deps", "--require-hashes", "requirements.lock"} <= set(calls[0].split())


def test_post_build_refuses_another_file_than_the_locks(checkout, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    line = wheel(wheels, "sample", "1.0", {"sample/__init__.py": b""})
    digest = line.rpartition("sha256:")[2].strip()
    (checkout / "requirements.lock").write_text(line.replace(digest, digest[::-1]))
    folder = checkout / "bin"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_TARGET": str(tmp_path / "site")}
    done = subprocess.run(
        [BINDER / "postBuild"],
        cwd=checkout,
        env={"PATH": f"{folder}:/usr/bin:/bin", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert "sample==1.0" in done.stderr
    assert not (tmp_path / "site" / "sample").exists()


def test_start_becomes_the_command(tmp_path):
    done = subprocess.run(
        [BINDER / "start", "sh", "-c", "echo $$ $TF_CPP_MIN_LOG_LEVEL"], capture_output=True, text=True, check=True
    )
    pid, level = done.stdout.split()
    assert pid.isdecimal()
    assert level == "3"
    failed = subprocess.run([BINDER / "start", "sh", "-c", "exit 7"], check=False)
    assert failed.returncode == 7
