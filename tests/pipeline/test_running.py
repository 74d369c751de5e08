"""A run stops at a gate that refuses; and a gate that is answered from a cache lets a worse model pass."""

import json

import pytest

from helpers.pipeline import GateRefused, KubeflowCache, PipelineError, Step, run_pipeline
from tests.pipeline import small

pytestmark = pytest.mark.usefixtures("code_as_recorded")
NAMES = ["train", "measure", "gate", "package", "sign", "publish"]


def how(run):
    return {done.step: done.how for done in run.steps}


def published(folder):
    return {path.name: (path / "model.onnx").read_text() for path in (folder / "registry" / "signs").glob("[0-9]*")}


def test_a_good_model_is_published(tmp_path):
    run = run_pipeline(small.steps(tmp_path), tmp_path / "run")
    assert how(run) == dict.fromkeys(NAMES, "ran")
    assert run.finished
    assert published(tmp_path) == {"1": "good"}
    assert json.loads((run["gate"].out / "verdict.json").read_text())["model_digest"] == "good"
    assert json.loads((run["publish"].out / "published.json").read_text())["serial"] == 1


def test_a_gate_that_refuses_says_why_and_nothing_after_it_has_run(tmp_path):
    worse = small.changed(small.steps(tmp_path), "train", function=small.train_worse)
    run = run_pipeline(worse, tmp_path / "run")
    stopped = dict.fromkeys(["package", "sign", "publish"], "not run")
    assert how(run) == {"train": "ran", "measure": "ran", "gate": "refused"} | stopped
    assert not run.finished
    assert run["gate"].why.startswith(f"no-go:\n- not met: {small.FIRST.axis} / {small.FIRST.metric} (")
    assert run["gate"].why.count("\n") == 1
    assert f"asked {small.FIRST.asked}" in str(run)
    assert not [name for name in stopped if run[name].out.exists()]
    assert published(tmp_path) == {}


def test_yesterdays_verdict_lets_a_worse_model_pass_where_the_gate_is_cached(tmp_path):
    cache = KubeflowCache(tmp_path / "cache")
    planted = small.changed(small.steps(tmp_path), "gate", cached=True)
    assert how(run_pipeline(planted, tmp_path / "yesterday", cache)) == dict.fromkeys(NAMES, "ran")
    today = small.changed(small.steps(tmp_path, serial=2), "train", function=small.train_worse)
    run = run_pipeline(small.changed(today, "gate", cached=True), tmp_path / "today", cache)
    assert how(run) == dict.fromkeys(NAMES, "ran") | {"gate": "from the cache"}
    assert published(tmp_path) == {"1": "good", "2": "worse"}
    assert json.loads((run["gate"].out / "verdict.json").read_text())["model_digest"] == "good"


def test_an_uncached_gate_asks_anew_whatever_the_cache_holds(tmp_path):
    cache = KubeflowCache(tmp_path / "cache")
    assert run_pipeline(small.steps(tmp_path), tmp_path / "yesterday", cache).finished
    today = small.changed(small.steps(tmp_path, serial=2), "train", function=small.train_worse)
    run = run_pipeline(today, tmp_path / "today", cache)
    assert run["gate"].how == "refused"
    assert published(tmp_path) == {"1": "good"}


def test_a_refusal_is_never_kept(tmp_path):
    cache = KubeflowCache(tmp_path / "cache")
    worse = small.changed(
        small.changed(small.steps(tmp_path), "train", function=small.train_worse), "gate", cached=True
    )
    assert run_pipeline(worse, tmp_path / "one", cache)["gate"].how == "refused"
    better = small.changed(small.steps(tmp_path), "gate", cached=True)
    assert run_pipeline(better, tmp_path / "two", cache)["gate"].how == "ran"


def test_a_step_with_the_same_key_is_answered_and_another_is_not(tmp_path):
    def note(out, *, text, at=None):
        (out / "text").write_text(text)

    cache = KubeflowCache(tmp_path / "cache")
    runs = [
        run_pipeline([Step("note", note, {}, {"text": text})], tmp_path / str(place), cache)["note"]
        for place, text in enumerate(["a", "a", "b"])
    ]
    assert [(done.how, (done.out / "text").read_text()) for done in runs] == [
        ("ran", "a"),
        ("from the cache", "a"),
        ("ran", "b"),
    ]
    # Kubeflow's key: names and values, and neither what a folder holds nor where it lies.
    other = Step("note", note, {"at": "elsewhere"}, {"text": "a"})
    assert cache.key(other) != cache.key(Step("note", note, {}, {"text": "a"}))
    assert run_pipeline([Step("note", note, {}, {"text": "a"})], tmp_path / "3")["note"].how == "ran"


def test_what_breaks_is_no_verdict(tmp_path):
    def breaks(out):
        raise OSError("no room")

    with pytest.raises(OSError, match="no room") as caught:
        run_pipeline([Step("full", breaks)], tmp_path)
    assert caught.value.__notes__ == ["in step 'full' of the pipeline"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([Step("b", print, {"x": "a"}), Step("a", print)], r"step 'b' needs \['a'\], and no step before it"),
        ([Step("a", print), Step("a", print)], "'a' cannot be the name of a step"),
        ([Step("a/b", print)], "'a/b' cannot be the name of a step"),
        ([Step("there", print)], "there is there already, of another run; give each run a new folder"),
    ],
)
def test_steps_that_do_not_fit_are_refused_before_anything_runs(tmp_path, wrong, message):
    (tmp_path / "there").mkdir()
    with pytest.raises(PipelineError, match=message):
        run_pipeline(wrong, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_gate_is_a_refusal_and_not_a_broken_step():
    assert not issubclass(GateRefused, PipelineError)
