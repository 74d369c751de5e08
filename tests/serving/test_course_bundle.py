"""The bundle of the course's own network: what notebook 01 trains, with what was measured of it."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import cli, datasets, models, serving
from helpers.hub.ports import free_port
from helpers.scorecard import Scorecard, decide, keys, notebook_key, read, read_thresholds
from tests.conftest import ROOT
from tests.serving.test_cards import croissant, problems  # noqa: F401 (a fixture)

pytestmark = [
    pytest.mark.filterwarnings("ignore:the best temperature lies at the end:RuntimeWarning"),  # it knows nothing yet
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),  # as in test_cards.py
]
SIZES = {"train": 1100, "calibration": 60, "test": 50}


@pytest.fixture
def small(cold_cache, monkeypatch):
    """Few pictures, and a network that was not trained, in place of notebook 01's."""
    monkeypatch.setattr(datasets, "split_sizes", lambda name, budget: SIZES)
    model = models.course_cnn((32, 32, 3), 10, seed=1)
    monkeypatch.setattr(models, "spine", lambda data, budget, seed: SimpleNamespace(model=model))
    return model


def test_the_bundle_holds_the_network_and_what_was_measured_of_it(small, tmp_path, croissant):  # noqa: F811
    told = {"axis": "training", "value": 0.5, "low": 0.4, "high": 0.6, "n": 50, "direction": "higher"}
    for metric, digest in (("accuracy", models.digest(small)), ("accuracy_of_another", "0" * 16)):
        card = Scorecard("01_training", "signs", "course_cnn", 0, "quick", digests={"course_cnn": digest})
        card.record(metric=metric, model="course_cnn", **told)
    # Of another network, what its release hangs on; of another run of that, nothing.
    asked = next(threshold for threshold in read_thresholds() if threshold.model != "course_cnn")
    for seed, metric in ((0, asked.metric), (1, asked.metric), (0, "not asked")):
        card = Scorecard(asked.notebook, asked.dataset, asked.model, seed, "quick", digests={asked.model: "other"})
        card.record(metric=metric, **told | {"axis": asked.axis})
    private, public = serving.make_keys(tmp_path / "keys")
    path = serving.pack_spine(tmp_path / "bundle", private, version="2.0.0", serial=4)
    engine = serving.open_bundle(path, public)
    assert (engine.version, engine.serial, engine.shape) == ("2.0.0", 4, (32, 32, 3))
    packed = [(each["metric"], each["model_digest"], each["seed"]) for each in engine.scorecard]
    assert packed == [("accuracy", models.digest(small), 0), (asked.metric, "other", 0)]
    code = {notebook: notebook_key(notebook) for notebook in ("01_training", asked.notebook)}
    run = {"seed": 0, "budget": "quick", "model_digest": models.digest(small), "code": code}
    assert engine.run == run
    assert engine.card["model_details"]["name"] == "signs-course-cnn"
    # The card that is signed is the one that the decision on these very records writes.
    decided = serving.release_card(decide(read(path / "scorecard.json"), code_of=code.get))
    assert {section: engine.card[section] for section in serving.CARD_SECTIONS} == decided
    assert "It reads signs as rightly as people do (course_cnn: not met)." in engine.card["caveats"]
    assert np.load(path / "features.npy").shape == (1000, 64)
    assert problems(croissant, json.loads((path / "data_card.json").read_text())) == []


def test_what_was_measured_may_be_left_out(small, tmp_path):
    private, public = serving.make_keys(tmp_path / "keys")
    engine = serving.open_bundle(serving.pack_spine(tmp_path / "bundle", private, records=[]), public)
    assert (engine.scorecard, engine.run["code"]) == ([], {})


def test_the_manifest_names_the_code_as_it_is_when_it_is_packed(small, tmp_path, monkeypatch):
    told = {"axis": "training", "value": 0.5, "low": 0.4, "high": 0.6, "n": 50, "direction": "higher"}
    card = Scorecard("01_training", "signs", "course_cnn", 0, "quick", digests={"course_cnn": models.digest(small)})
    card.record(metric="accuracy", **told)
    monkeypatch.setattr(keys, "code_key", lambda files: "changed since")
    private, public = serving.make_keys(tmp_path / "keys")
    engine = serving.open_bundle(serving.pack_spine(tmp_path / "bundle", private), public)
    assert engine.run["code"] == {"01_training": "changed since"}
    assert [each["code"] for each in engine.scorecard] == [notebook_key("01_training")] != ["changed since"]


def test_serve_packs_where_there_is_no_bundle_and_hands_over(small, tmp_path, monkeypatch, capsys):
    handed = []

    def execv(program, typed):
        handed.append(typed)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    build = tmp_path / "build"
    with pytest.raises(SystemExit):
        cli.main(["serve", "--port", "81"])
    assert "packing the network of notebook 01" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["serve", "--workers", "2", "--address", "0.0.0.0", "--despite-verdict", "cannot decide"])
    assert "packing" not in capsys.readouterr().out
    ours = [str(build / "bundle"), "--key", str(build / "keys" / "public.pem"), "--state", str(build / "serving")]
    begin = [sys.executable, "-m", "helpers.serving", *ours, "--host"]
    assert handed[0] == [*begin, "127.0.0.1", "--port", "81"]
    assert handed[1] == [*begin, "0.0.0.0", "--port", "8080", "--workers", "2", "--despite-verdict", "cannot decide"]
    assert serving.open_bundle(build / "bundle", build / "keys" / "public.pem").serial == 1
    assert (build / "serving").is_dir()


def test_a_verdict_that_nobody_can_name_is_not_understood_before_anything_is_packed(cold_cache, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", "--despite-verdict", "go"])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "invalid choice: 'go'" in said.err
    assert "packing" not in said.out


def test_make_passes_a_verdict_of_two_words_on(tmp_path):
    told = tmp_path / "vigilant"
    told.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    told.chmod(0o755)
    command = ["make", "--silent", "--old-file=.venv/.ready", "serve", f"BIN={tmp_path}"]
    typed = 'OPTIONS=--despite-verdict "cannot decide"'
    done = subprocess.run([*command, typed], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["--despite-verdict", "cannot decide"]


def test_serve_ends_as_the_service_does(tmp_path):
    environment = {**os.environ, "VIGILANT_BUILD": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "helpers.cli", "serve", str(tmp_path / "none"), "--port", str(free_port())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
