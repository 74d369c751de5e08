"""Speeds that a benchmark has kept, read in a clone."""

import pytest

from helpers.errors import ScorecardError
from helpers.scorecard import benched, read_benched

KEPT = '{"name": "toy", "date": "2026-11-27", "machine": {"cores": 2}, "rounds": 7, "closed": {}}'


def test_what_was_kept_is_read(tmp_path, monkeypatch):
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    (folder / "toy.json").write_text(KEPT)
    monkeypatch.setattr("helpers.scorecard.speeds.course_root", lambda: tmp_path)
    found = benched("toy")
    assert (found.name, found.date, found.machine, found.values) == (
        "toy",
        "2026-11-27",
        {"cores": 2},
        {"rounds": 7, "closed": {}},
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "toy"}'])
def test_what_is_no_such_file_is_refused(tmp_path, text):
    (tmp_path / "toy.json").write_text(text)
    with pytest.raises(
        ScorecardError, match=r"not what a benchmark writes .*: 'vigilant bench toy --store' measures it"
    ):
        read_benched(tmp_path / "toy.json")
    with pytest.raises(ScorecardError, match=r"other\.json is not there: 'vigilant bench other --store'"):
        read_benched(tmp_path / "other.json")


def test_without_the_course_s_files_it_says_so(monkeypatch):
    monkeypatch.setattr("helpers.scorecard.speeds.course_root", lambda: None)
    with pytest.raises(ScorecardError, match="Run the notebook in a clone"):
        benched("serving")
