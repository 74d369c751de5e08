"""Each step looks at what it was handed; tiny stand-ins train, measure and pack."""

import dataclasses
import json
from dataclasses import asdict
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers import datasets, models, scorecard, serving
from helpers.course import layout
from helpers.course import run as course_run
from helpers.datasets.base import Dataset, Split
from helpers.pipeline import PipelineError, draw_data, measure_model, package_model, run_pipeline, train_model
from helpers.pipeline.releasing import release_steps
from tests.course.small import write_notebook
from tests.pipeline import small
from tests.scorecard.cards import CODE, good_card


def splits(shade):
    pixels = np.full((4, 2, 2, 3), shade, np.uint8)
    return {name: Split(pixels + place, np.arange(4), pd.DataFrame(index=range(4))) for place, name in enumerate(NAMES)}


NAMES = ("train", "calibration", "test")


@pytest.fixture
def world(cold_cache, monkeypatch):
    """Data, a network and notebooks of a few bytes; what the steps asked for stands in ``asked``."""
    made = SimpleNamespace(shade=1, digest="good", status="ok", asked=[], records=[])

    def load(name, *, seed, **sizes):
        made.asked.append((name, seed))
        return Dataset(name, ("a", "b", "c", "d"), **splits(made.shade + seed))

    def run_notebooks(notebooks, *, given, folder):
        made.asked.append(([path.stem for path in notebooks], given))
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
        outcome = course_run.Outcome("01_training", made.status, 1, 1, 1, "signs", "quick", 0, 1, error="it broke")
        return [outcome]

    def pack_spine(path, key, *, budget, seed, version, serial):
        small.bundle(path.parent / "made", key, serial, "{}")
        contents = {name: (path.parent / "made" / name).read_bytes() for name in serving.FILES}
        judged = [scorecard.Record(**record) for record in made.records]
        records = [asdict(each) for each in serving.records_to_pack(judged, made.digest, budget, seed)]
        return serving.write_bundle(path, contents | {"scorecard.json": json.dumps(records).encode()}, key)

    # Put there beside what a room hands out lazily: to look at the real ones would load TensorFlow.
    stand_ins = {
        datasets: {"load": load},
        models: {
            "spine": lambda data, budget, *, seed: SimpleNamespace(model="network"),
            "digest": lambda model: made.digest,
            "save_keras": lambda model, path: path.write_text(model),
        },
        course_run: {"run_notebooks": run_notebooks},
        serving: {"pack_spine": pack_spine},
    }
    for room, named in stand_ins.items():
        for name, stand_in in named.items():
            monkeypatch.setitem(vars(room), name, stand_in)
    return made


@pytest.fixture
def trained(world, tmp_path):
    """What the first two steps hand on, of seed 10."""
    draw_data(tmp_path / "data", seed=small.SEED)
    train_model(tmp_path / "data", tmp_path / "model")
    return tmp_path


def judged(folder, world, verdict="go", digest="good"):
    """What measuring and the gate hand on."""
    world.records = small.card("good")
    for name in ("measured", "verdict"):
        (folder / name).mkdir(exist_ok=True)
    small.write(folder / "measured" / "scorecard.json", world.records)
    said = {"verdict": verdict, "go": verdict == "go", "model_digest": digest}
    small.write(folder / "verdict" / "verdict.json", said)
    return {name: folder / name for name in ("model", "measured", "verdict")}


def test_notebook_01_is_a_step_and_its_network_is_named(world, trained):
    assert (["01_training"], {"budget": "quick", "seed": small.SEED}) in world.asked
    said = json.loads((trained / "model" / "model.json").read_text())
    assert said == {"model": "course_cnn", "digest": "good", "budget": "quick", "seed": small.SEED}
    assert (trained / "model" / "model.keras").read_text() == "network"


def test_a_notebook_that_fails_ends_the_step(world, tmp_path):
    draw_data(tmp_path / "data")
    world.status = "failed"
    with pytest.raises(PipelineError, match=r"01_training: failed, .*it broke.*lies in .*notebooks"):
        train_model(tmp_path / "data", tmp_path / "model")
    assert not (tmp_path / "model" / "model.json").exists()


def test_pictures_are_named_by_their_digest_and_others_are_refused(world, tmp_path):
    for name, shade in (("one", 1), ("again", 1), ("other", 2)):
        world.shade = shade
        draw_data(tmp_path / name)
    one, again, other = (json.loads((tmp_path / name / "data.json").read_text()) for name in ("one", "again", "other"))
    assert one == again != other
    assert set(one["digests"]) == set(NAMES)
    assert len(set(one["digests"].values())) == 3
    with pytest.raises(PipelineError, match="the pictures of seed 0 are not the ones that"):
        train_model(tmp_path / "one", tmp_path / "model")


@pytest.mark.parametrize("seed", [-1, 0.5, True, 10**9])
def test_what_is_no_seed_is_refused(world, tmp_path, seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        draw_data(tmp_path, seed=seed)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        release_steps(registry=tmp_path, private_key=tmp_path, public_key=tmp_path, seed=seed)


def test_records_of_this_run_alone_are_handed_on(world, trained):
    records = good_card(small.THRESHOLDS)[:3]
    other_seed = dataclasses.replace(records[1], seed=3)
    other_budget = dataclasses.replace(records[2], budget="full")
    path = scorecard.default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    small.write(path, [asdict(each) for each in (records[0], other_seed, other_budget)])
    measure_model(trained / "model", trained / "measured")
    assert scorecard.read(trained / "measured" / "scorecard.json") == [records[0]]
    assert len([asked for asked in world.asked if isinstance(asked[0], list)]) == 1  # notebook 01, no other
    measure_model(trained / "model", trained / "again", notebooks="02 03")
    assert world.asked[-1] == (["02_uncertainty", "03_interpretable"], {"budget": "quick", "seed": small.SEED})


def test_a_notebook_is_really_executed_and_its_record_handed_on(cold_cache, tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    (tmp_path / "notebooks" / "source" / "01_coin.py").touch()
    records = (
        "from helpers.scorecard import Scorecard\n"
        'card = Scorecard("01_coin", dataset, "coin", seed, budget)\n'
        'card.record("training", "heads", 0.5, 0.4, 0.6, n=100, direction="higher")'
    )
    path = write_notebook(tmp_path / "notebooks", "01_coin", records)
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    monkeypatch.setattr(layout, "notebooks_folder", lambda: tmp_path / "notebooks")
    (tmp_path / "model").mkdir()
    small.write(tmp_path / "model" / "model.json", {"budget": "quick", "seed": 10})
    measure_model(tmp_path / "model", tmp_path / "measured", notebooks="01")
    [record] = scorecard.read(tmp_path / "measured" / "scorecard.json")
    assert (record.metric, record.seed, record.notebook) == ("heads", 10, "01_coin")
    assert (tmp_path / "measured" / "notebooks" / "01_coin.ipynb").exists()


def test_what_was_judged_is_packed_without_a_key_beside_it(world, trained):
    package_model(**judged(trained, world), out=trained / "package", serial=4)
    found = serving.verified(trained / "package" / "bundle", trained / "package" / "public.pem")
    assert found.manifest["serial"] == 4
    packed = json.loads(found.contents["scorecard.json"])
    assert sorted(record["metric"] for record in packed) == sorted(record["metric"] for record in world.records)
    run = {"model_digest": "good", "seed": small.SEED, "budget": "quick"}
    code = {threshold.notebook: CODE for threshold in small.THRESHOLDS}
    assert serving.released(packed, run | {"code": code})["go"], "what the gate let pass is served, and without a word"
    assert not [path for path in trained.rglob("*.pem") if "PRIVATE" in path.read_text()]


@pytest.mark.parametrize(("verdict", "digest"), [("no-go", "good"), ("cannot decide", "good"), ("go", "yesterday's")])
def test_yesterdays_verdict_and_a_no_go_pack_nothing(world, trained, verdict, digest):
    handed = judged(trained, world, verdict, digest)
    with pytest.raises(PipelineError, match=rf"the verdict is '{verdict}' of weights {digest}, and a 'go' of good"):
        package_model(**handed, out=trained / "package")
    assert not (trained / "package").exists()


def test_another_network_in_the_cache_is_not_packed(world, trained):
    handed = judged(trained, world)
    world.digest = "other"
    with pytest.raises(PipelineError, match="the network here has weights other, and good were judged"):
        package_model(**handed, out=trained / "package")


def test_a_scorecard_that_was_changed_in_between_is_seen(world, trained):
    handed = judged(trained, world)
    world.records = [record | {"n": record["n"] + 1} for record in world.records]
    with pytest.raises(PipelineError, match="the scorecard in the bundle is not the one that was judged"):
        package_model(**handed, out=trained / "package")


def test_a_file_that_is_not_there_or_no_object_is_said_in_a_sentence(tmp_path):
    with pytest.raises(PipelineError, match=r"data\.json cannot be read .*has to run before"):
        train_model(tmp_path, tmp_path / "model")
    (tmp_path / "data.json").write_text("[1]")
    with pytest.raises(PipelineError, match="holds list, and an object is wanted"):
        train_model(tmp_path, tmp_path / "model")


@pytest.mark.usefixtures("code_as_recorded")
def test_all_steps_fit_together(world, tmp_path):
    world.records = small.card("good")
    path = scorecard.default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    small.write(path, world.records)
    private, public = serving.make_keys(tmp_path / "keys")
    of_release = {"registry": tmp_path / "registry", "private_key": private, "public_key": public, "seed": small.SEED}
    run = run_pipeline(release_steps(**of_release, serial=7), tmp_path / "run")
    assert run.finished, str(run)
    assert serving.verified(tmp_path / "registry" / "signs" / "7", public).manifest["serial"] == 7
    small.write(path, small.card("good", worse=True))
    run = run_pipeline(release_steps(**of_release, serial=8), tmp_path / "again")
    assert [done.how for done in run.steps] == ["ran"] * 3 + ["refused"] + ["not run"] * 3
    assert [each.name for each in (tmp_path / "registry" / "signs").glob("[0-9]*")] == ["7"]
