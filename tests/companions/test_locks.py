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
WITHOUT_A_WHEEL = {"fairness": ["rouge-score"], "pipeline": ["kfp-server-api"]}


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
    assert len(found) == len(re.findall(r"^\S+==", text, flags=re.MULTILINE)) > 50
    assert not re.search(r"https?://|file:|/(opt|work|home|root)/", text)


@pytest.mark.parametrize("system", PLATFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_every_direct_dependency(name, system):
    locked = pins(text_of(name), system)
    wanted = [Requirement(text) for text in project_of(name)["project"]["dependencies"]]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"sys_platform": system})]
    assert [one.name for one in wanted if not one.specifier.contains(locked.get(one.name, "0"))] == []


@pytest.mark.parametrize("system", PLATFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_what_both_environments_hand_to_each_other_has_one_version(name, system):
    course, companion = pins(COURSE, system), pins(text_of(name), system)
    shared = companions.read(name).shared
    both = set(shared) & set(course)
    assert {"numpy"} <= both
    assert {one: companion[one] for one in both} == {one: course[one] for one in both}
    assert [one for one in shared if one not in {entry.name for entry in entries(COURSE)}] == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_for_a_graphics_card_is_there(name):
    locked = pins(text_of(name), "linux")
    assert [one for one in locked if one.startswith(("nvidia-", "cuda-", "triton"))] == []


def test_fairness_leaves_out_what_it_says():
    locked = pins(text_of("fairness"), "linux")
    never = ("tensorflow", "tensorflow-data-validation", "witwidget", "tensorflow-hub", "torch", "transformers")
    assert set(never) & set(locked) == set()
    assert [name for name in locked if name.startswith("google-cloud")] == []
    assert locked["tensorflow-model-analysis"] == locked["fairness-indicators"] == "0.52.0"
    assert locked["lit-nlp"] == "1.3.1"


def test_privacy_holds_pysyft_of_today_and_no_framework():
    locked = pins(text_of("privacy"), "linux")
    assert (locked["syft"], locked["syft-rds"]) == ("0.10.0", "0.6.1")
    assert {"torch", "tensorflow", "tensorflow-cpu", "keras", "scipy", "matplotlib"} & set(locked) == set()


def test_pipeline_holds_one_kfp_and_no_framework():
    locked = pins(text_of("pipeline"), "linux")
    assert {locked[name] for name in ("kfp", "kfp-kubernetes", "kfp-pipeline-spec", "kfp-server-api")} == {"2.17.3"}
    assert {"torch", "tensorflow", "tensorflow-cpu", "keras", "matplotlib", "docker"} & set(locked) == set()
    # Why it has an environment of its own: when this fails, ask whether it still needs one.
    course = pins(COURSE, "linux")
    assert locked["requests"] != course["requests"]
    assert locked["protobuf"].split(".")[0] < course["protobuf"].split(".")[0]


@pytest.mark.parametrize("name", NAMES)
def test_only_what_has_no_wheel_is_built_and_what_builds_it_is_locked(name):
    text = text_of(name)
    allowed = re.findall(r"^--no-binary (\S+)$", text, flags=re.MULTILINE)
    assert allowed == list(companions.read(name).from_source) == WITHOUT_A_WHEEL.get(name, [])
    assert {"setuptools", *allowed} <= set(pins(text))  # helpers are built by it, too


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("", "'title' is missing"),
        ('[tool.vigilant]\nshared = ["numpy"]', "'title' is missing"),
        ('[tool.vigilant]\ntitle = "T"\nfrom_source = ["x"]', "'from_source' is unknown"),
    ],
)
def test_a_companion_that_is_not_described_is_said_in_a_sentence(section, problem, tmp_path, monkeypatch):
    monkeypatch.setattr(companions, "FOLDER", tmp_path)
    companions.project_file("mine").parent.mkdir()
    companions.project_file("mine").write_text(section)
    with pytest.raises(SystemExit, match=rf"{problem}\. It takes title, shared, from-source, environment"):
        companions.read("mine")
    with pytest.raises(SystemExit, match=r"there is no companion 'yours'\. These are there: mine"):
        companions.read("yours")


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_names_the_companion_and_its_python(name, tmp_path):
    file = companions.write_kernel(name, tmp_path / "env", prefix=tmp_path)
    kernel = json.loads(file.read_text())
    assert file == tmp_path / f"share/jupyter/kernels/vigilant-{name}/kernel.json"
    assert kernel["argv"][0] == str(tmp_path / "env/bin/python")
    assert kernel["display_name"] == f"Vigilant Vision: {name} companion"
    assert ("TF_CPP_MIN_LOG_LEVEL" in kernel["env"]) == (name == "fairness")


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
