"""Records are valid or refused, and replace their earlier selves."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import numpy as np
import pytest

from helpers import intervals
from helpers.errors import ScorecardError
from helpers.scorecard import (
    Record,
    Scorecard,
    notebook_key,
    read,
    records,
    to_frame,
)

ROOT = Path(__file__).resolve().parents[2]


def card(path, **changes):
    given = {"notebook": "01_training", "dataset": "signs", "model": "cnn", "seed": 0, "budget": "quick", **changes}
    return Scorecard(path=path, **given)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "build" / "scorecard.json"


def test_a_record_has_all_keys_and_plain_numbers(path):
    card(path).record("training", "accuracy", np.float32(0.5), np.float64(0.25), np.array(0.75), np.int64(10), "higher")
    [entry] = json.loads(path.read_text())
    assert entry == {
        "axis": "training",
        "metric": "accuracy",
        "value": 0.5,
        "low": 0.25,
        "high": 0.75,
        "n": 10,
        "direction": "higher",
        "dataset": "signs",
        "model": "cnn",
        "notebook": "01_training",
        "seed": 0,
        "budget": "quick",
        "model_digest": None,
        "code": notebook_key("01_training"),
        "core": True,
        "timed": False,
        "bounds": [None, None],
    }
    [record] = read(path)
    assert {type(record.value), type(record.n)} == {float, int}
    with pytest.raises(FrozenInstanceError):
        record.value = 1.0


def test_an_estimate_is_unpacked(path):
    estimate = intervals.proportion(np.array([True] * 9 + [False]))
    card(path).record("uncertainty", "coverage", *estimate, direction="higher")
    [record] = read(path)
    assert (record.value, record.low, record.high, record.n) == tuple(estimate)


def test_the_same_measurement_is_replaced_and_others_are_kept(path):
    for value in (0.5, 0.6):
        card(path).record("training", "accuracy", value, 0.4, 0.7, 10, "higher")
    assert [record.value for record in read(path)] == [0.6]
    card(path, notebook="13_release").record("training", "accuracy", 0.65, 0.4, 0.7, 10, "higher")
    assert [(record.value, record.notebook) for record in read(path)] == [(0.65, "13_release")]
    for changes in ({"dataset": "fashion"}, {"model": "linear"}, {"seed": 1}, {"budget": "full"}):
        card(path, **changes).record("training", "accuracy", 0.1, 0, 0.2, 10, "higher")
    card(path).record("training", "loss", 0.1, 0, 0.2, 10, "lower")
    card(path).record("robustness", "accuracy", 0.1, 0, 0.2, 10, "higher")
    assert len(read(path)) == 7


def test_one_record_may_name_another_model_and_data_set(path):
    card(path).record("training", "accuracy", 0.1, 0, 0.2, 10, "higher", model="linear", dataset="digits")
    [record] = read(path)
    assert (record.model, record.dataset) == ("linear", "digits")


def test_each_record_says_which_weights_were_measured(path):
    of_all = card(path, digests={"cnn": "aaaa", "shortcut": "bbbb"})
    of_all.record("training", "accuracy", 0.1, 0, 0.2, 10, "higher")
    of_all.record("training", "accuracy", 0.1, 0, 0.2, 10, "higher", model="shortcut")
    of_all.record("training", "accuracy", 0.1, 0, 0.2, 10, "higher", model="stranger")
    of_all.record("training", "accuracy", 0.1, 0, 0.2, 10, "higher", model="forest", model_digest="cccc")
    assert {record.model: record.model_digest for record in read(path)} == {
        "cnn": "aaaa",
        "shortcut": "bbbb",
        "stranger": None,
        "forest": "cccc",
    }


def test_where_a_record_stands_and_what_it_hangs_on(path):
    card(path).record(
        "serving", "p99, ms", 3, 2, 4, 10, "lower", core=False, timed=True, bounds=(0, None), model_digest="dd"
    )
    [record] = read(path)
    assert (record.core, record.timed, record.bounds, record.model_digest) == (False, True, (0.0, None), "dd")


def test_a_scorecard_of_last_term_is_read_and_replaced_record_by_record(path):
    card(path).record("training", "accuracy", 0.1, 0, 0.2, 10, "higher")
    card(path).record("training", "loss", 0.1, 0, 0.2, 10, "lower")
    new = ("model_digest", "code", "core", "timed", "bounds")
    old = [{key: value for key, value in entry.items() if key not in new} for entry in json.loads(path.read_text())]
    path.write_text(json.dumps(old))
    assert [(record.code, record.core, record.timed) for record in read(path)] == [(None, True, False)] * 2
    card(path).record("training", "loss", 0.1, 0, 0.2, 10, "lower")
    assert [record.code for record in read(path)] == [None, notebook_key("01_training")]


def test_the_file_is_the_same_in_whatever_order_notebooks_run(path, tmp_path):
    calls = [("training", "accuracy"), ("uncertainty", "ece"), ("training", "loss")]
    other = tmp_path / "other.json"
    for file, order in ((path, calls), (other, calls[::-1])):
        for axis, metric in order:
            card(file).record(axis, metric, 0.1, 0, 0.2, 10, "lower")
    assert path.read_bytes() == other.read_bytes()


def test_it_lies_in_the_build_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path / "mine"))
    card(None).record("training", "accuracy", 0.1, 0, 0.2, 10, "higher")
    assert (tmp_path / "mine" / "scorecard.json").exists()
    assert len(read()) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axis": "speed"}, "axis must be one of training, uncertainty"),
        ({"direction": "up"}, "direction .* must be one of higher, lower"),
        ({"value": float("nan")}, "value must be one finite number, got nan"),
        ({"high": float("inf")}, "high must be one finite number"),
        ({"value": True}, "value must be one finite number"),
        ({"value": "0.5"}, "value must be one finite number"),
        ({"value": None}, "value must be one finite number"),
        ({"value": np.array([0.5, 0.5])}, "value must be one finite number"),
        ({"value": 1 + 1j}, "value must be one finite number"),
        ({"value": 0.9}, r"must lie in its interval, got 0.9 outside \[0.4, 0.6\]"),
        ({"low": 0.6, "high": 0.4}, "must lie in its interval"),
        ({"n": 0}, "n .* must be a whole number of at least 1"),
        ({"n": 10.0}, "n .* must be a whole number"),
        ({"n": True}, "n .* must be a whole number"),
        ({"metric": " "}, "metric must be a name"),
        ({"model": ""}, "model must be a name"),
        ({"model_digest": ""}, "model_digest must be a name"),
        ({"core": 1}, "core must be True or False, got 1"),
        ({"timed": None}, "timed must be True or False"),
        ({"bounds": (0.6, 1)}, r"must lie in its bounds, got 0.5 outside \(0.6, 1.0\). Is it a share"),
        ({"bounds": (None, 0.4)}, "must lie in its bounds"),
        ({"bounds": (1, 0)}, "bounds must be the least and the most"),
        ({"bounds": (0, float("nan"))}, "bounds must be one finite number"),
        ({"bounds": 1}, "bounds must be a pair such as"),
    ],
)
def test_a_record_that_is_refused_leaves_the_file_alone(path, changes, message):
    given = {
        "axis": "training",
        "metric": "accuracy",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "n": 10,
        "direction": "higher",
    }
    card(path).record(**given)
    before = path.read_bytes()
    with pytest.raises(ScorecardError, match=message):
        card(path).record(**{**given, **changes})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "changes", [{"budget": "fast"}, {"seed": -1}, {"seed": 0.5}, {"notebook": ""}, {"dataset": None}]
)
def test_a_scorecard_that_cannot_be(path, changes):
    with pytest.raises(ScorecardError, match=next(iter(changes))):
        card(path, **changes).record("training", "accuracy", 0.5, 0.4, 0.6, 10, "higher")
    assert not path.exists()


def test_a_rounding_error_is_forgiven(path):
    card(path).record("training", "accuracy", 1.0, 0.9, 1.0 - 1e-12, 10, "higher")


@pytest.mark.parametrize(
    "text",
    ["", "[", "{}", "[1]", '[{"axis": "training"}]', '[{"unknown": 1}]', "\xff\xfe"],
)
def test_a_spoilt_file_is_named_and_left_untouched(path, text):
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    for call in (
        lambda: read(path),
        lambda: card(path).record("training", "accuracy", 0.5, 0.4, 0.6, 10, "higher"),
    ):
        with pytest.raises(ScorecardError, match=r"is not a scorecard .*Delete it, and run the notebooks again"):
            call()
    assert path.read_bytes() == text.encode("latin-1")


def test_an_invalid_record_in_the_file_is_found(path):
    card(path).record("training", "accuracy", 0.5, 0.4, 0.6, 10, "higher")
    path.write_text(path.read_text().replace('"value": 0.5', '"value": NaN'))
    with pytest.raises(ScorecardError, match=r"not a scorecard .*finite"):
        read(path)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "build").write_text("a file, not a folder")
    with pytest.raises(ScorecardError, match=r"could not write .*VIGILANT_BUILD"):
        card(tmp_path / "build" / "scorecard.json").record("training", "accuracy", 0.5, 0.4, 0.6, 10, "higher")


def test_processes_that_write_at_once_lose_nothing(path):
    code = (
        "import sys; from pathlib import Path; from helpers.scorecard import Scorecard\n"
        "card = Scorecard(notebook='01', dataset='signs', model='cnn', seed=int(sys.argv[2]), budget='quick', "
        "path=Path(sys.argv[1]))\n"
        "for i in range(15): card.record('training', f'metric {i}', 0.5, 0.4, 0.6, 10, 'higher')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(seed)], cwd=ROOT) for seed in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(read(path)) == 45


def test_a_held_lock_is_reported(path, monkeypatch):
    monkeypatch.setattr(records, "_LOCK_SECONDS", 0.1)
    path.parent.mkdir()
    with (
        records.FileLock(path.with_name("scorecard.json.lock")),
        pytest.raises(ScorecardError, match="another process has held"),
    ):
        card(path).record("training", "accuracy", 0.5, 0.4, 0.6, 10, "higher")


def test_nothing_half_written_is_left(path, monkeypatch):
    card(path).record("training", "accuracy", 0.5, 0.4, 0.6, 10, "higher")
    before = path.read_bytes()

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ScorecardError, match=r"^could not write [^:]*: the disk is full"):
        card(path).record("training", "loss", 0.5, 0.4, 0.6, 10, "lower")
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} <= {"scorecard.json", "scorecard.json.lock"}


def test_records_as_a_table(path):
    assert list(to_frame([]).columns) == list(Record.__dataclass_fields__)
    card(path).record("training", "accuracy", 0.5, 0.4, 0.6, 10, "higher")
    frame = to_frame(read(path))
    assert frame.loc[0, "value"] == 0.5
    assert len(frame) == 1


def record(value=0.9, **changes):
    given = {"axis": "training", "metric": "accuracy", "low": 0.0, "high": 1.0, "n": 100, "direction": "higher"}
    where = {"dataset": "signs", "model": "cnn", "notebook": "01_training", "seed": 0, "budget": "quick"}
    return Record(value=value, **{**given, **where, **changes})


def test_a_record_survives_its_way_through_json():
    assert Record(**json.loads(json.dumps(asdict(record())))) == record()
