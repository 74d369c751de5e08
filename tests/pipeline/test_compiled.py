"""The audit of a compiled pipeline: finds each cached gate, wherever it lies, and accuses no other."""

import copy

import pytest
import yaml

from helpers.pipeline import PipelineError, cached_gates, compiled_tasks


def task(component, cached=False, name=None, after=()):
    options = {"enableCache": True} if cached else {}
    shown = {} if name is None else {"taskInfo": {"name": name}}
    return {"cachingOptions": options, "componentRef": {"name": component}, "dependentTasks": list(after)} | shown


HONEST = {
    "components": {
        "comp-train": {"executorLabel": "exec-train"},
        "comp-gate": {"executorLabel": "exec-gate"},
        "comp-check": {"executorLabel": "exec-check"},
        "comp-inner": {
            "dag": {"tasks": {"gate": task("comp-gate"), "warm": task("comp-train", cached=True)}},
        },
        "comp-trust-gates": {"dag": {"tasks": {"fair": task("comp-check")}}},
    },
    "root": {
        "dag": {
            "tasks": {
                "train": task("comp-train", cached=True),
                "gate": task("comp-gate", after=["train"]),
                "check": task("comp-check", name="Gate: privacy"),
                "release": task("comp-inner", cached=True),
                "all": task("comp-trust-gates", cached=True),
            }
        }
    },
}
PLACES = {
    "gate": ("root", "dag", "tasks", "gate"),
    "check": ("root", "dag", "tasks", "check"),
    "release/gate": ("components", "comp-inner", "dag", "tasks", "gate"),
    "all/fair": ("components", "comp-trust-gates", "dag", "tasks", "fair"),
}


def written(path, pipeline):
    path.write_text(yaml.safe_dump_all([pipeline, {"platforms": {"kubernetes": {}}}]))
    return path


def test_an_honest_pipeline_is_not_accused(tmp_path):
    path = written(tmp_path / "honest.yaml", HONEST)
    assert cached_gates(path) == ()
    found = {each.name: each for each in compiled_tasks(path)}
    assert set(found) == {"train", "release/warm", *PLACES}
    assert found["gate"].after == ("train",)
    assert {name for name, each in found.items() if each.cached} == {"train", "release/warm"}


@pytest.mark.parametrize("name", PLACES)
def test_a_cached_gate_is_found_wherever_it_lies(name, tmp_path):
    planted = copy.deepcopy(HONEST)
    gate = planted
    for key in PLACES[name]:
        gate = gate[key]
    gate["cachingOptions"] = {"enableCache": True}
    assert cached_gates(written(tmp_path / "planted.yaml", planted)) == (name,)


def test_what_is_called_otherwise_is_named_by_who_asks(tmp_path):
    planted = copy.deepcopy(HONEST)
    planted["root"]["dag"]["tasks"]["quality"] = task("comp-check", cached=True)
    path = written(tmp_path / "planted.yaml", planted)
    assert cached_gates(path) == ()
    assert cached_gates(path, ["gate", "quality"]) == ("quality",)


def test_no_gate_at_all_is_no_clean_bill(tmp_path):
    without = copy.deepcopy(HONEST)
    without["root"]["dag"]["tasks"] = {"train": task("comp-train", cached=True)}
    with pytest.raises(PipelineError, match="there is no gate to audit"):
        cached_gates(written(tmp_path / "without.yaml", without))


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "root: {}", "root: {dag: {tasks: {a: {}}}}\ncomponents: {}"])
def test_what_is_no_compiled_pipeline_is_said_in_a_sentence(text, tmp_path):
    (tmp_path / "other.yaml").write_text(text)
    with pytest.raises(PipelineError, match="is no compiled pipeline"):
        cached_gates(tmp_path / "other.yaml")
    with pytest.raises(PipelineError, match="is no compiled pipeline"):
        cached_gates(tmp_path / "none.yaml")
