"""What the image is made of: by its two files, its lock, and the list that says so. No container is needed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import images
from deploy.__main__ import main
from helpers.course.environment import entries
from helpers.errors import CourseError
from tests.arrows import Tree
from tests.conftest import ROOT

DIGEST = "sha256:" + "0123456789abcdef" * 4
LOCK = (ROOT / "deploy" / "requirements.lock").read_text()


def needed() -> set[str]:
    """Files of the package that the program loads, at once or later: imports from ``helpers.serving.__main__`` on."""
    tree, seen = Tree(ROOT), {"helpers", "helpers.serving", "helpers.serving.__main__"}
    ahead = [*seen - {"helpers.serving"}]  # the room's own first file loads what is used of it
    while ahead:
        for found in tree.imports[ahead.pop()]:
            new = set(tree.loads(found.target)) - seen
            seen |= new
            ahead += new
    named = {module: Path(*module.split(".")) for module in seen}
    return {str(path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")) for path in named.values()}


def let_in() -> set[str]:
    """Files that deploy/Dockerfile.dockerignore lets in, read as Docker reads it: the last line that matches counts."""
    files = set()
    for line in (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines():
        if line.startswith("!"):
            files |= {str(path.relative_to(ROOT)) for path in ROOT.glob(line[1:])}
        elif line and not line.startswith("#"):
            files -= {str(path.relative_to(ROOT)) for path in ROOT.glob(line)} if line != "*" else files
    return files


def test_the_image_gets_what_the_program_loads_and_no_more():
    files = {each for each in let_in() if each.endswith(".py")}
    assert needed() - files == set()
    assert files - needed() == set()
    assert {f"helpers/{room}/__init__.pyi" for room in ("scorecard", "serving")} <= let_in()
    assert "helpers/scorecard/thresholds.yaml" in let_in(), "it decides by it"


def hadolint(*paths) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), *paths], capture_output=True, text=True, check=False
    )
    return f"{done.stdout}{done.stderr}".strip() or f"{done.returncode}"


@pytest.mark.parametrize("name", ["deploy/Dockerfile", "deploy/Dockerfile.bundle"])
def test_hadolint_finds_nothing(name):
    assert hadolint(ROOT / name) == "0"


def test_hadolint_finds_what_is_planted(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nRUN cd /tmp && sudo pip install flask\n")
    assert {"DL3007", "DL3003", "DL3004"} <= set(re.findall(r"DL\d+", hadolint(tmp_path / "Dockerfile")))


def test_the_base_has_no_default_and_the_user_a_number():
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    assert "ARG BASE" in lines
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]
    assert "--require-hashes" in "\n".join(lines)
    assert "--no-deps" in "\n".join(lines)
    assert not [line for line in lines if line.startswith("HEALTHCHECK")]  # Kubernetes has probes of its own


def test_the_list_holds_all_of_the_lock_with_hashes(capsys):
    assert main(["sbom"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    listed = {(each["name"], each["version"]): each for each in found["components"]}
    assert set(listed) == {(each.name, each.version) for each in entries(LOCK)}
    for each in entries(LOCK):
        hashes = {
            one["content"] for link in listed[each.name, each.version]["externalReferences"] for one in link["hashes"]
        }
        assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", each.text)) != set()


def test_the_list_is_the_same_each_time():
    assert images.bill_of_materials() == images.bill_of_materials()


def test_the_command_that_builds():
    base = f"debian@{DIGEST}"
    command = images.build_command("docker", base, "service:1")
    assert command[:2] == ["docker", "build"]
    assert f"BASE={base}" in command
    assert command[-3:] == ["-t", "service:1", str(ROOT)]
    assert "--ignorefile" in images.build_command("podman", base, "service:1")


@pytest.mark.parametrize(
    "base", ["", "debian", "debian:bookworm-slim", "debian:latest", f"debian@{DIGEST[:-1]}", f"a b@{DIGEST}"]
)
def test_a_base_without_a_digest_is_refused(base):
    with pytest.raises(CourseError, match="the base image"):
        images.build_command("docker", base, "service:1")


@pytest.mark.parametrize(
    "base", ["debian:bookworm-slim", "localhost:5000/a/debian:12", f"registry:5000/debian:12@{DIGEST}"]
)
def test_on_one_machine_a_tag_will_do(base):
    assert f"BASE={base}" in images.build_command("docker", base, "service:1", local=True)


@pytest.mark.parametrize("base", ["debian", "debian:latest", "localhost:5000/debian"])
def test_even_there_the_latest_is_none(base):
    with pytest.raises(CourseError, match="a tag other than 'latest'"):
        images.checked(base, "it", local=True)


def test_no_bundle_no_image(tmp_path):
    with pytest.raises(CourseError, match="no signed bundle"):
        images.bundle_command("docker", tmp_path, "service:1", "bundle:1")
