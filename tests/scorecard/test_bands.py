"""Bands have two ends, come from seeds by one rule, and whatever lies outside is named."""

import dataclasses
import re
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers.errors import ScorecardError
from helpers.scorecard import (
    RULE,
    Band,
    BandRun,
    Outside,
    Record,
    Unseen,
    allowed_outside,
    beyond,
    check,
    ends,
    make_bands,
    read_bands,
    read_runs,
    stale_bands,
    write_run,
)
from tests.conftest import ROOT


def band(**changes):
    given = {"axis": "training", "metric": "accuracy", "dataset": "signs", "model": "cnn", "budget": "quick"}
    return Band(**{**given, "notebook": "01_training", "low": 0.8, "high": 0.95, "why": "five seeds", **changes})


def record(value=0.9, **changes):
    given = {"axis": "training", "metric": "accuracy", "low": 0.0, "high": 1.0, "n": 100, "direction": "higher"}
    where = {"dataset": "signs", "model": "cnn", "notebook": "01_training", "seed": 0, "budget": "quick"}
    return Record(value=value, **{**given, **where, **changes})


def test_inside_the_band_is_well_on_both_ends_and_for_any_seed():
    assert check([record(0.8), record(0.95, seed=1), record(0.9, seed=2)], [band()]) == []


@pytest.mark.parametrize(("value", "side"), [(0.799, "below"), (0.951, "above"), (0.0, "below"), (1.0, "above")])
def test_outside_the_band_fails_on_either_side(value, side):
    [problem] = check([record(value)], [band()])
    assert f"is {side} its band [0.8, 0.95] (five seeds)" in problem


def test_every_seed_is_judged():
    assert len(check([record(0.9), record(0.1, seed=1)], [band()])) == 1


def test_a_record_without_a_band_and_a_band_without_a_record():
    [problem] = check([record(model="linear")], [])
    assert "of linear on signs (quick, 01_training) = 0.9 has no band" in problem
    [problem] = check([], [band()])
    assert "has a band but no record: 01_training did not write it" in problem


def test_only_what_ran_is_judged():
    expected = [band(), band(dataset="fashion", low=0.86, high=0.89), band(notebook="02_uncertainty", metric="ece")]
    records = [record(0.9), record(0.1, dataset="fashion"), record(0.0, budget="full")]
    assert len(check(records, expected)) == 2
    assert check(records, expected, notebooks={"01_training"}, datasets={"signs"}) == []
    [problem] = check(records, expected, notebooks={"01_training"}, datasets={"fashion"})
    assert "below" in problem


def test_what_hangs_on_the_clock_is_not_judged():
    assert check([record(3.0, high=4.0, timed=True)], []) == []
    [problem] = check([record(0.9, timed=True)], [band()])
    assert "hangs on the clock and has a band: take the band away" in problem


# ---- the rule

SHARES = st.lists(st.floats(0, 1), min_size=5, max_size=8)
NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=8)
SEEDS = (0, 1, 2, 3, 4)


def test_the_rule_by_hand():
    # Mean 0.5, standard deviation 0.05 (ddof = 1), half an interval 0.02: 0.22 to each side.
    values = [0.5 - 0.05 * 2**0.5, 0.5, 0.5, 0.5, 0.5 + 0.05 * 2**0.5]
    assert ends(values, 0.02) == pytest.approx((0.28, 0.72), abs=2e-4)
    assert ends([value + 0.4 for value in values], 0.02, (0, 1)) == (pytest.approx(0.68, abs=2e-4), 1)
    assert ends([value - 0.4 for value in values], 0.02, (0, None)) == (0, pytest.approx(0.32, abs=2e-4))


@given(NUMBERS, st.floats(0, 1e6))
def test_a_band_reaches_as_far_as_the_rule_and_hardly_further(values, half_interval):
    low, high = ends(values, half_interval)
    centre, reach = statistics.fmean(values), 4 * statistics.stdev(values) + half_interval
    assume(reach > 1e-6 * max(1, abs(centre)))
    assert low <= centre - reach <= centre + reach <= high
    # Rounded outwards by at most a thousandth of its reach: what a thousandth more would hold lies outside.
    assert low >= centre - reach * 1.0011
    assert high <= centre + reach * 1.0011


@given(SHARES, st.floats(0, 0.5))
def test_a_band_has_two_ends_inside_what_the_metric_can_be_and_holds_its_seeds(values, half_interval):
    low, high = ends(values, half_interval, (0, 1))
    assert 0 <= low <= min(values) <= max(values) <= high <= 1


@given(SHARES, st.floats(0, 0.01), st.floats(1.0011, 100), st.sampled_from([-1, 1]))
def test_a_record_that_is_spoilt_by_more_than_the_rule_allows_is_outside(values, half_interval, times, side):
    low, high = ends(values, half_interval)
    reach = 4 * statistics.stdev(values) + half_interval
    spoilt = statistics.fmean(values) + side * (times * reach + 1e-6)
    assert not low <= spoilt <= high


@given(st.floats(-1e6, 1e6))
def test_a_metric_that_hangs_on_no_seed_may_differ_by_a_rounding_error(value):
    low, high = ends([value] * 5, 0)
    for nearly in (value * (1 + 1e-12), value * (1 - 1e-12)):
        assert low <= nearly <= high
    assert high - low <= 1e-7 * max(1, abs(value))


@pytest.mark.parametrize(
    ("values", "bounds", "message"),
    [([0.5] * 4, (0, 1), "at least 5 seeds, got 4"), ([0.5] * 4 + [1.1], (0, 1), "must lie in")],
)
def test_values_that_make_no_band(values, bounds, message):
    with pytest.raises(ScorecardError, match=message):
        ends(values, 0.1, bounds)


def runs(values=(0.9, 0.91, 0.92, 0.93, 0.94), **changes):
    shape = {"bounds": (0, 1), **changes}
    return [record(value, low=value - 0.02, high=value + 0.02, seed=seed, **shape) for seed, value in enumerate(values)]


def test_a_band_keeps_what_it_was_made_of():
    [made] = make_bands(runs(), SEEDS)
    assert (made.seeds, made.values) == (SEEDS, (0.9, 0.91, 0.92, 0.93, 0.94))
    assert made.half_interval == pytest.approx(0.02)
    assert (made.low, made.high) == ends(made.values, made.half_interval, (0, 1))
    assert (made.key, made.why, made.bounds) == (runs()[0].identity[:-1], RULE, (0, 1))
    assert check(runs(), [made]) == []


def test_no_band_for_what_hangs_on_the_clock():
    assert make_bands(runs(timed=True), SEEDS) == []


@pytest.mark.parametrize(
    ("records", "seeds", "message"),
    [
        (runs()[:4], (0, 1, 2, 3), "at least 5 different seeds"),
        (runs(), (0, 1, 2, 3, 3), "at least 5 different seeds"),
        (runs()[:4], SEEDS, r"was not recorded with seeds \[4\]"),
        ([*runs()[:4], dataclasses.replace(runs()[4], bounds=(0, 2))], SEEDS, "other bounds with another seed"),
    ],
)
def test_runs_that_make_no_band(records, seeds, message):
    with pytest.raises(ScorecardError, match=message):
        make_bands(records, seeds)


def test_a_band_that_excludes_nothing_says_so():
    [wide] = make_bands(runs((0.1, 0.9, 0.1, 0.9, 0.5)), SEEDS)
    assert (wide.low, wide.high) == (0, 1)
    assert wide.says_nothing
    assert not make_bands(runs(), SEEDS)[0].says_nothing


# ---- the files


def a_run(dataset="signs", **changes):
    made = make_bands(runs(dataset=dataset), SEEDS)
    made += make_bands(runs(metric="loss", dataset=f"{dataset}, tilted", bounds=(None, None)), SEEDS)
    shape = {"code": "0123456789abcdef", "made": "2026-11-26", **changes}
    return BandRun("01_training", dataset, "quick", SEEDS, RULE, tuple(made), **shape)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bands" / "01_training.yaml"


def test_a_run_survives_its_way_through_the_file(path):
    write_run(path, a_run())
    assert read_runs(path) == [a_run()]
    write_run(path, a_run("fashion"))
    write_run(path, a_run(made="2026-11-27"))
    assert read_runs(path) == [a_run(made="2026-11-27"), a_run("fashion")]
    assert read_bands(path.parent) == [*a_run().bands, *a_run("fashion").bands]
    assert stale_bands(path) == []


def test_a_file_of_another_notebook_is_not_overwritten(path):
    write_run(path, a_run())
    before = path.read_bytes()
    with pytest.raises(ScorecardError, match="holds bands of 01_training, not of 02"):
        write_run(path, dataclasses.replace(a_run(), notebook="02"))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("high: 1.00325", "high: 1.1", "its values give .* bands are not edited"),
        ("0.94]", "0.95]", "its values give"),
        ("half_interval: 0.02", "half_interval: 0.03", "its values give"),
        ("bounds: [0.0, 1.0]", "bounds: [0.9, 1.0]", "its values give"),
        ("    half_interval: 0.02\n", "", "no half_interval"),
        ("4 standard", "3 standard", "has the rule 'mean of the seeds, 3"),
    ],
)
def test_a_file_that_somebody_edited_is_stale(path, old, new, problem):
    write_run(path, a_run())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    [found] = stale_bands(path)
    assert re.search(problem, found)


FILE = """\
notebook: 01_training
runs:
- dataset: signs
  budget: quick
  seeds: [0, 1, 2, 3, 4]
  rule: five seeds
  bands:
"""
BAND = "  - {axis: training, metric: accuracy, model: cnn, low: 0.8, high: 0.95}\n"


def write_bands(tmp_path, text):
    file = tmp_path / "01_training.yaml"
    file.write_text(text)
    return file


def test_bands_are_read(tmp_path):
    assert read_bands(write_bands(tmp_path, FILE + BAND)) == [band(seeds=SEEDS)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE + BAND.replace(", high: 0.95", ""), "lacks high. A band has two ends"),
        (FILE + BAND.replace(", low: 0.8", ""), "lacks low"),
        (FILE + BAND.replace("0.95", ".inf"), "high must be one finite number"),
        (FILE + BAND.replace("0.95", ""), "high must be one finite number"),
        (FILE + BAND.replace("0.95", "0.7"), "low must not be above high"),
        (FILE.replace("five seeds", '""') + BAND, "why must be a name"),
        (FILE + BAND.replace("training,", "speed,", 1), "axis must be one of"),
        (FILE + BAND.replace("low:", "lowest: 1, low:"), r"unknown \['lowest'\]"),
        (FILE + BAND.replace("low:", "values: [1, 2], low:"), "2 values for 5 seeds"),
        (FILE + BAND + BAND, "two bands for training / accuracy"),
        (FILE.replace("budget: quick", "size: 3") + BAND, "a run has bands, budget"),
        ("a: 1", "must hold a notebook and its runs"),
        ("- [", "is not YAML"),
        ("", "must hold a notebook and its runs"),
    ],
)
def test_bands_that_are_refused(tmp_path, text, message):
    with pytest.raises(ScorecardError, match=message):
        read_bands(write_bands(tmp_path, text))


def test_a_folder_without_bands(tmp_path):
    with pytest.raises(ScorecardError, match="holds no bands"):
        read_bands(tmp_path)


# ---- the course's own


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "bands").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_bands_of_the_course_are_as_the_command_wrote_them(path):
    assert stale_bands(path) == []
    for run in read_runs(path):
        assert run.notebook == path.stem


# ---- seeds that had no part in the bands


def test_so_many_may_lie_outside_by_chance():
    assert [allowed_outside(records) for records in (1, 60, 100)] == [0, 3, 4]


@pytest.mark.parametrize(("value", "widths"), [(0.8, 0), (0.95, 0), (0.725, 0.5), (1.1, 1.0)])
def test_how_far_outside_is_told_in_widths_of_the_band(value, widths):
    assert beyond(value, band()) == pytest.approx(widths)


def test_a_band_without_width_knows_no_near():
    assert beyond(0.9, band(low=0.8, high=0.8)) > 1e9


def test_what_unseen_seeds_gave_is_kept_with_the_bands(tmp_path):
    path = tmp_path / "01_training.yaml"
    found = Outside("accuracy", "cnn", "signs", 7, 0.7)
    unseen = Unseen((5, 6, 7), 3, (found,))
    run = BandRun(
        "01_training", "signs", "quick", (0, 1, 2, 3, 4), "a rule", (band(why="a rule", seeds=(0, 1, 2, 3, 4)),)
    )
    write_run(path, dataclasses.replace(run, unseen=unseen))
    [again] = read_runs(path)
    assert again.unseen == unseen
    assert again.band_of(found).metric == "accuracy"

    path.write_text(path.read_text().replace("records: 3", "cases: 3"))
    with pytest.raises(ScorecardError, match="'unseen' has seeds, records and outside"):
        read_runs(path)
