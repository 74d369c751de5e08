"""A step as a program, and the compiled pipeline whose containers run it: held against the steps of notebook 12."""

import inspect
import re

import pytest
import yaml

from deploy.__main__ import main as deploy
from helpers.pipeline import cached_gates, compiled_tasks
from helpers.pipeline.__main__ import STEPS, _parser, main
from helpers.pipeline.releasing import release_steps
from tests.conftest import ROOT
from tests.pipeline import small

COMPILED = ROOT / "deploy" / "pipeline" / "pipeline.yaml"
IMAGE = "registry.example.org/vision/course@sha256:" + "0" * 64


@pytest.fixture(scope="module")
def spec():
    return next(yaml.safe_load_all(COMPILED.read_text()))


def containers(spec):
    return {name.removeprefix("exec-"): each["container"] for name, each in spec["deploymentSpec"]["executors"].items()}


def ours(tmp_path):
    return release_steps(registry=tmp_path, private_key=tmp_path / "private.pem", public_key=tmp_path / "public.pem")


def test_the_committed_pipeline_has_the_steps_of_the_notebook(tmp_path):
    there = {task.name: (set(task.after), task.cached) for task in compiled_tasks(COMPILED)}
    assert there == {step.name: (set(step.inputs.values()), step.cached) for step in ours(tmp_path)}
    assert {step.name: step.function for step in ours(tmp_path)} == dict(STEPS)


def test_folders_are_handed_on_as_in_the_notebook(spec, tmp_path):
    for step in ours(tmp_path):
        handed = spec["root"]["dag"]["tasks"][step.name].get("inputs", {}).get("artifacts", {})
        found = {argument: each["taskOutputArtifact"]["producerTask"] for argument, each in handed.items()}
        assert found == dict(step.inputs)


def test_every_gate_in_it_is_asked_anew():
    assert cached_gates(COMPILED) == ()
    assert "gate" in {task.name for task in compiled_tasks(COMPILED)}


def test_a_gate_that_is_left_cached_in_it_is_found(spec, tmp_path):
    spec = yaml.safe_load(yaml.safe_dump(spec))
    spec["root"]["dag"]["tasks"]["gate"]["cachingOptions"] = {"enableCache": True}
    (tmp_path / "planted.yaml").write_text(yaml.safe_dump(spec))
    assert cached_gates(tmp_path / "planted.yaml") == ("gate",)


@pytest.mark.parametrize("name", STEPS)
def test_the_program_understands_what_its_container_types(name, spec):
    container = containers(spec)[name]
    assert container["command"] == ["python", "-m", "helpers.pipeline", name]
    numbers = {"seed": "3", "serial": "3"}
    found = [
        re.sub(r"\{\{.*\['(\w+)'\].*\}\}", lambda at: numbers.get(at[1], at[1]), part) for part in container["args"]
    ]
    typed = vars(_parser().parse_args([name, *found]))
    assert set(typed) - {"step"} == set(inspect.signature(STEPS[name]).parameters)
    assert {type(value) for key, value in typed.items() if key in numbers} <= {int}


def test_the_image_is_a_setting_and_nothing_is_fetched(spec):
    assert {each["image"] for each in containers(spec).values()} == {"vigilant-course"}
    text = COMPILED.read_text()
    assert not re.search(r"pip install|https?://|pypi|--index|packages_to_install", text)


def test_the_key_of_the_release_is_with_the_step_that_signs_and_no_other():
    platform = list(yaml.safe_load_all(COMPILED.read_text()))[1]["platforms"]["kubernetes"]["deploymentSpec"][
        "executors"
    ]
    assert [name for name, each in platform.items() if "secretAsVolume" in each] == ["exec-sign"]
    assert len(platform) == len(STEPS)
    assert all(each["securityContext"]["runAsNonRoot"] for each in platform.values())


def test_the_image_is_named_by_its_digest(tmp_path, capsys):
    path = tmp_path / "pipeline.yaml"
    assert deploy(["pipeline", "--image", IMAGE, "--out", str(path)]) == 0
    written, committed = (list(yaml.safe_load_all(each.read_text())) for each in (path, COMPILED))
    assert {each["image"] for each in containers(written[0]).values()} == {IMAGE}
    for each in (*containers(written[0]).values(), *containers(committed[0]).values()):
        del each["image"]
    assert written == committed
    assert cached_gates(path) == ()
    assert deploy(["pipeline", "--image", "course:1", "--local", "--out", str(path)]) == 0
    for image in ("", "registry.example.org/vision/course:latest"):
        assert deploy(["pipeline", "--image", image, "--out", str(path)]) == 1
    said = capsys.readouterr().err
    assert "the address of the course's image is not set" in said
    assert "@sha256: with 64 hexadecimal digits is wanted" in said


@pytest.mark.usefixtures("code_as_recorded")
def test_a_gate_that_refuses_ends_the_program_with_1_and_its_reasons(tmp_path, capsys):
    for name, worse in (("good", False), ("worse", True)):
        (tmp_path / name).mkdir()
        said = {"model": "course_cnn", "digest": name, "budget": "quick", "seed": small.SEED}
        small.write(tmp_path / name / "model.json", said)
        small.write(tmp_path / name / "scorecard.json", small.card(name, worse=worse))
    for name, status in (("good", 0), ("worse", 1)):
        handed = [f"--{option}={tmp_path / name}" for option in ("model", "measured")]
        assert main(["gate", *handed, f"--out={tmp_path / 'out' / name}"]) == status
    assert capsys.readouterr().err.startswith("step gate refuses: no-go:\n- not met: training / accuracy")


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path, capsys):
    assert main(["gate", f"--model={tmp_path}", f"--measured={tmp_path}", f"--out={tmp_path}"]) == 1
    assert main(["data", f"--out={tmp_path}", "--seed=-1"]) == 1
    said = capsys.readouterr().err
    assert "step gate: " in said
    assert "step data: seed must be a whole number" in said
    with pytest.raises(SystemExit, match="2"):
        main(["gate"])
