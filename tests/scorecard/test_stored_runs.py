"""A verdict on unseen seeds is taken once, whole, and holds only while nobody moves a bound."""

import dataclasses

import pytest

from helpers.errors import ScorecardError
from helpers.scorecard import (
    changed_bounds,
    decide,
    read_stored_runs,
    read_thresholds,
    store_run,
)
from tests.scorecard.cards import CODE, beyond, good, good_card

OURS = read_thresholds()


def verdict_on(records, seed=10):
    return decide(records, OURS, seed=seed, code_of=lambda notebook: CODE)


def of_seed(seed, first=None):
    records = [good(threshold) for threshold in OURS]
    records[0] = first or records[0]
    return [dataclasses.replace(record, seed=seed) for record in records]


def test_what_is_stored_is_read_and_judged_the_same(tmp_path):
    path = tmp_path / "runs.yaml"
    bad = beyond(OURS[0], "low", 0.001)
    stored = [store_run(verdict_on(of_seed(11), 11), path), store_run(verdict_on(of_seed(10, bad)), path)]
    runs = read_stored_runs(path)
    assert [run.seed for run in runs] == [10, 11]
    assert sorted(map(repr, runs)) == sorted(map(repr, stored))
    assert [run.decide().verdict for run in runs] == ["no-go", "go"]
    assert [changed_bounds(run) for run in runs] == [[], []]


def test_a_verdict_is_taken_once(tmp_path):
    path = tmp_path / "runs.yaml"
    store_run(verdict_on(good_card(OURS)), path)
    before = path.read_bytes()
    with pytest.raises(ScorecardError, match="seed 10 was judged before; a verdict is taken once"):
        store_run(verdict_on(good_card(OURS)), path)
    assert path.read_bytes() == before


def test_only_a_whole_run_is_stored(tmp_path):
    path = tmp_path / "runs.yaml"
    with pytest.raises(ScorecardError, match=r"only a whole run is stored.*vigilant run"):
        store_run(verdict_on(good_card(OURS)[1:]), path)
    assert not path.exists()


def test_a_bound_that_was_moved_is_named(tmp_path):
    run = store_run(verdict_on(good_card(OURS)), tmp_path / "runs.yaml")
    moved = [dataclasses.replace(OURS[0], low_at_least=0.5), *OURS[2:]]
    assert changed_bounds(run, moved) == sorted([OURS[0].metric, OURS[1].metric])


@pytest.mark.parametrize("text", ["- 1", "a: 1", "- {seed: 10}", "- [", "nothing"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "runs.yaml").write_text(text)
    with pytest.raises(ScorecardError, match="holds no stored runs"):
        read_stored_runs(tmp_path / "runs.yaml")


def test_no_file_is_no_run(tmp_path):
    assert read_stored_runs(tmp_path / "none.yaml") == ()


def test_the_courses_own_were_judged_by_what_is_asked_now():
    """A bound that is moved after the verdict needs seeds that nobody has seen: judge new ones, and store those."""
    for run in read_stored_runs():
        assert changed_bounds(run) == []
        assert not [one for one in run.decide().judged if one.record is None]
