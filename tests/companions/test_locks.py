"""What the companions' environments hold: locks with hashes, and the command that makes an environment of one."""

import json
import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from helpers.course import companions
from helpers.course.environment import PLATFORMS, entries, pins
from tests.conftest import ROOT

COURSE = (ROOT / "requirements.lock").read_text()
NAMES = companions.names()


def text_of(name: str) -> str:
    return companions.lock_file(name).read_text(encoding="utf-8")


def project_of(name: str) -> dict:
    return tomllib.loads((companions.FOLDER / name / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_folder_with_a_project_is_a_companion():
    assert sorted(file.parent.name for file in companions.FOLDER.glob("*/pyproject.toml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_lock_has_hashes(name):
    text = text_of(name)
    found = entries(text)
    assert [one.name for one in found if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", one.text)] == []
    assert len(found) == len(re.findall(r"^\S+==", text, flags=re.MULTILINE)) > 100
    assert not re.search(r"https?://|file:|/(opt|work|home|root)/", text)


@pytest.mark.parametrize("system", PLATFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_every_direct_dependency(name, system):
    locked = pins(text_of(name), system)
    wanted = [Requirement(text) for text in project_of(name)["project"]["dependencies"]]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"sys_platform": system})]
    assert [one.name for one in wanted if not one.specifier.contains(locked.get(one.name, "0"))] == []


@pytest.mark.parametrize("system", PLATFORMS)
def test_what_both_environments_hand_to_each_other_has_one_version(system):
    course, companion = pins(COURSE, system), pins(text_of("fairness"), system)
    shared = ("keras", "numpy", "fairlearn", "tensorflow-cpu" if system == "linux" else "tensorflow")
    assert {name: companion[name] for name in shared} == {name: course[name] for name in shared}


def test_what_is_left_out_on_purpose_is_not_there():
    locked = pins(text_of("fairness"), "linux")
    never = ("tensorflow", "tensorflow-data-validation", "witwidget", "tensorflow-hub", "torch", "transformers")
    assert set(never) & set(locked) == set()
    assert [name for name in locked if name.startswith(("nvidia-", "cuda-", "triton", "google-cloud"))] == []
    assert locked["tensorflow-model-analysis"] == locked["fairness-indicators"] == "0.52.0"
    assert locked["lit-nlp"] == "1.3.1"


def test_only_what_has_no_wheel_is_built_and_what_builds_it_is_locked():
    text = text_of("fairness")
    allowed = re.findall(r"^--no-binary (\S+)$", text, flags=re.MULTILINE)
    assert allowed == ["rouge-score"]
    assert {"setuptools", "wheel", *allowed} <= set(pins(text))


def test_a_kernel_names_the_companion_and_its_python(tmp_path):
    file = companions.write_kernel("fairness", tmp_path / "env", prefix=tmp_path)
    kernel = json.loads(file.read_text())
    assert file == tmp_path / "share/jupyter/kernels/vigilant-fairness/kernel.json"
    assert kernel["argv"][0] == str(tmp_path / "env/bin/python")
    assert kernel["display_name"] == "Vigilant Vision: fairness companion"


def test_a_missing_lock_is_said_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(companions, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match=r"there is no .*requirements\.lock.* Run 'make lock'"):
        companions.read_lock("fairness")


def test_on_a_mac_it_says_what_was_not_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")

    def stop(_venv):
        raise SystemExit("far enough")

    monkeypatch.setattr(companions, "_make_venv", stop)
    with pytest.raises(SystemExit, match="far enough"):
        companions.setup()
    assert "for macOS its packages were resolved, and no more" in capsys.readouterr().out
