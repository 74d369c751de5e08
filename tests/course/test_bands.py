"""Bands by command: a notebook runs with several seeds, and its records must lie between what they gave."""

import os
import shutil
from pathlib import Path

import pytest

from helpers.course import bands, build
from helpers.course.layout import solution_path
from helpers.course.run import Outcome, run_notebooks
from helpers.errors import CourseError
from helpers.scorecard import RULE, Scorecard, check, ends, read, read_runs, stale_bands

HERE = Path(__file__).parent
SEEDS = (0, 1, 2, 3, 4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The bands of the good notebook from five seeds, executed for real: checkout, source and what was written."""
    root = tmp_path_factory.mktemp("checkout")
    source = root / "notebooks" / "source" / "01_good.py"
    source.parent.mkdir(parents=True)
    shutil.copy(HERE / "good" / "01_good.py", source)
    build.build(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIGILANT_BUILD", str(root / "build"))
        patch.delenv("VIGILANT_CACHE", raising=False)
        before = dict(os.environ)
        run = bands.bands_from_seeds(source, SEEDS)
        assert dict(os.environ) == before
    return root, source, run


def test_the_file_holds_seeds_values_rule_and_ends(made):
    _, source, run = made
    path = bands.bands_path(source)
    assert read_runs(path) == [run]
    assert (run.dataset, run.seeds, run.rule, run.budget) == ("coins", SEEDS, RULE, "quick")
    [band] = run.bands
    assert (band.metric, len(set(band.values)), band.bounds) == ("heads", 5, (0, 1))
    assert (band.low, band.high) == ends(band.values, band.half_interval, band.bounds)
    assert 0.3 < band.low < 0.5 < band.high < 0.7
    assert stale_bands(path) == []


def test_the_values_are_what_the_runs_recorded(made):
    root, _, run = made
    records = read(root / "build" / "bands" / "01_good-coins" / "scorecard.json")
    assert [record.value for record in records] == list(run.bands[0].values)
    assert {record.code for record in records} == {run.code}
    assert check(records, run.bands) == []
    assert not (root / "build" / "scorecard.json").exists()  # nobody's scorecard but their own


def test_an_effect_that_is_gone_is_outside(made, monkeypatch):
    root, source, run = made
    spoilt = root / "spoilt" / "source" / source.name
    spoilt.parent.mkdir(parents=True)
    # A coin with two heads, where the notebook tosses a fair one.
    spoilt.write_text(source.read_text().replace("< 0.5", "< 1.1"))
    build.build(spoilt)
    monkeypatch.setenv("VIGILANT_BUILD", str(root / "spoilt" / "build"))
    run_notebooks([solution_path(spoilt)])
    [problem] = check(read(), run.bands)
    assert "heads of coin on coins (quick, 01_good) = 1 (seed 0) is above its band" in problem


def without_running(monkeypatch, record):
    """Let the runs do nothing but record."""

    def instead(notebooks, *, given, **options):
        card = Scorecard("01_good", given["dataset"], "coin", given["seed"], "quick")
        status = record(card, given["seed"]) or "ok"
        return [Outcome("01_good", status, 1.0, 1.0, 100.0, given["dataset"], "quick", given["seed"], 9)]

    monkeypatch.setattr("helpers.course.bands.run_notebooks", instead)


def with_code(monkeypatch, key):
    for user in ("helpers.scorecard.records", "helpers.course.bands"):
        monkeypatch.setattr(f"{user}.notebook_key", lambda name: key)


def heads(card, seed, **changes):
    card.record("training", "heads", 0.5 + seed / 100, 0.4, 0.6, 10, "higher", **changes)


def failing(card, seed):
    heads(card, seed)
    return "failed" if seed == 3 else "ok"


def with_code_that_changes(card, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("helpers.scorecard.records.notebook_key", lambda name: "new" if seed > 2 else "old")
        heads(card, seed)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (failing, "no band was written: with seed 3, 01_good: failed"),
        (with_code_that_changes, r"the code changed while the seeds ran \(new, old\)"),
        (lambda card, seed: None if seed == 3 else heads(card, seed), r"was not recorded with seeds \[3\]"),
        (lambda card, seed: None, "01_good recorded nothing, so there is nothing"),
        (lambda card, seed: heads(card, seed, bounds=(0, 0.52 + seed)), "other bounds with another seed"),
    ],
)
def test_runs_that_make_no_band_leave_the_file_alone(made, monkeypatch, record, message):
    root, source, _ = made
    monkeypatch.setenv("VIGILANT_BUILD", str(root / "other"))
    without_running(monkeypatch, record)
    before = bands.bands_path(source).read_bytes()
    with pytest.raises(CourseError, match=message):
        bands.bands_from_seeds(source, SEEDS)
    assert bands.bands_path(source).read_bytes() == before


def test_on_other_pictures_only_records_on_them_make_bands(made, monkeypatch):
    root, source, own = made
    monkeypatch.setenv("VIGILANT_BUILD", str(root / "other"))
    without_running(monkeypatch, lambda card, seed: (heads(card, seed), heads(card, seed, dataset="coins"), None)[-1])
    run = bands.bands_from_seeds(source, SEEDS, dataset="dice")
    assert [band.dataset for band in run.bands] == ["dice"]
    assert read_runs(bands.bands_path(source)) == [own, run]


def test_unseen_seeds_are_held_against_the_bands_and_kept_beside_them(made, monkeypatch):
    root, source, own = made
    monkeypatch.setenv("VIGILANT_BUILD", str(root / "other"))
    with_code(monkeypatch, own.code)
    [band] = own.bands
    far = band.high + 0.25 * (band.high - band.low)

    def record(card, seed):
        card.record("training", "heads", far if seed == 7 else 0.5, 0, 1, 10, "higher", bounds=(0, 1))
        card.record("training", "seconds", 3, 2, 4, 10, "lower", timed=True)

    without_running(monkeypatch, record)
    run = bands.try_unseen_seeds(source, (5, 6, 7, 8, 9))
    assert run in read_runs(bands.bands_path(source))
    assert run.bands == own.bands
    assert run.unseen.records == 5
    assert [(found.metric, found.seed) for found in run.unseen.outside] == [("heads", 7)]
    lines = list(bands.unseen_lines(run))
    assert lines[0] == "01_good on coins, seeds 5 6 7 8 9: 1 of 5 records lie outside"
    assert "heads, seed 7" in lines[1]
    assert "0.25 widths outside" in lines[1]
    assert lines[2].startswith("  by chance 1 may, each by at most 0.5 widths")


@pytest.mark.parametrize(
    ("code", "seeds", "dataset", "message"),
    [
        ("theirs", (4, 5), None, r"seeds \[4\] made the bands of 01_good"),
        ("theirs", (5, 6), "moons", "there are no bands of 01_good on moons yet"),
        ("other", (5, 6), None, r"code has changed since .* seed 0 no longer gives what it gave \('heads'\)"),
    ],
)
def test_seeds_that_prove_nothing_are_refused(made, monkeypatch, code, seeds, dataset, message):
    root, source, own = made
    monkeypatch.setenv("VIGILANT_BUILD", str(root / "other"))
    key = own.code if code == "theirs" else "other"
    with_code(monkeypatch, key)
    without_running(monkeypatch, heads)
    before = bands.bands_path(source).read_bytes()
    with pytest.raises(CourseError, match=message):
        bands.try_unseen_seeds(source, seeds, dataset=dataset)
    assert bands.bands_path(source).read_bytes() == before


def test_code_that_has_changed_and_gives_the_same_needs_no_new_bands(made, monkeypatch):
    root, source, own = made
    monkeypatch.setenv("VIGILANT_BUILD", str(root / "other"))
    with_code(monkeypatch, "newer")
    [band] = own.bands
    given = []

    def record(card, seed):
        given.append(seed)
        card.record("training", "heads", [*band.values, 0.5, 0.5][seed], 0, 1, 10, "higher", bounds=(0, 1))

    without_running(monkeypatch, record)
    run = bands.try_unseen_seeds(source, (5, 6))
    assert given == [0, 5, 6]
    assert run.unseen.records == 2
    assert run.code == own.code


@pytest.mark.parametrize(
    ("seeds", "message"),
    [((0, 1, 2), "at least 5 different seeds, got"), ((0, 0, 1, 2, 3), "at least 5 different seeds")],
)
def test_too_few_seeds_run_nothing(made, seeds, message):
    _, source, _ = made
    with pytest.raises(CourseError, match=message):
        bands.bands_from_seeds(source, seeds)
