"""What was measured once: its arithmetic, its bands, that its code is today's, and the same code at toy size."""

import dataclasses
import json
import math

import pytest
from scipy import stats

from helpers import intervals
from helpers.course import measure
from helpers.course.measurements import interval_coverage
from helpers.course.measurements.base import Measurement
from helpers.errors import CourseError
from helpers.intervals import Estimate
from helpers.scorecard.measured import read_measured
from tests.conftest import ROOT


@pytest.mark.parametrize("name", measure.names())
def test_what_was_measured_is_current(name):
    assert measure.stale(name) == []


@pytest.mark.parametrize("name", measure.names())
def test_the_same_code_at_toy_size_gives_numbers_inside_the_band(name):
    stored, asked = read_measured(measure.measured_path(name)), measure.measurement(name)
    given = measure.run_once(asked, asked.toy, seed=stored.seeds[0])
    for metric, series in stored.toy.series.items():
        assert series.low <= given[metric].value <= series.high, metric


def test_nothing_is_stored_that_nobody_measures():
    stored = {path.stem for path in (ROOT / "tests" / "measured").iterdir()}
    assert stored == set(measure.names())


def test_the_coverage_of_intervals_is_what_theory_says():
    full = read_measured(measure.measured_path("interval_coverage")).full
    share, mean = full.series[interval_coverage.SHARE], full.series[interval_coverage.MEAN]
    assert mean.low <= 0.95 <= mean.high  # exact for normal draws
    held = [hits for hits in range(51) if _wilson_holds(hits, 50, 0.9)]
    exact = sum(stats.binom.pmf(held, 50, 0.9))
    assert share.low <= exact <= share.high
    assert abs(sum(share.values) / 5 - exact) < 0.005


def _wilson_holds(hits, n, truth):
    estimate = intervals.proportion([True] * hits + [False] * (n - hits))
    return estimate.low <= truth <= estimate.high


# ---- a measurement of the tests' own


def toss(sizes, seed):
    share = 0.5 + (seed - 2) / 100
    return {"heads": Estimate(share, share - 0.1, share + 0.1, sizes["tosses"])}


COIN = Measurement("Is it fair?", toss, full={"tosses": 1000}, toy={"tosses": 10}, bounds={"heads": (0, 1)})


@pytest.fixture
def coin(tmp_path, monkeypatch):
    """A measurement and where it is stored."""
    monkeypatch.setattr(measure, "measurement", lambda name: COIN)
    monkeypatch.setattr(measure, "current_code", lambda name: "0123456789abcdef")
    monkeypatch.setattr(measure, "notebooks_folder", lambda: tmp_path / "notebooks")
    return tmp_path / "tests" / "measured" / "coin.json"


def test_values_seeds_sizes_code_day_and_machine_are_stored(coin):
    lines = []
    measured = measure.measure("coin", done=lines.append)
    assert len(lines) == 10
    assert read_measured(coin) == measured
    assert (measured.seeds, measured.code, measured.full.sizes) == ((0, 1, 2, 3, 4), "0123456789abcdef", COIN.full)
    assert measured.machine.keys() == {"system", "processor", "cores", "python"}
    series = measured.full.series["heads"]
    assert series.values == (0.48, 0.49, 0.5, 0.51, 0.52)
    assert (series.n, series.half_interval, series.bounds) == (1000, 0.1, (0, 1))
    assert (series.low, series.high) == pytest.approx(
        (0.4 - 0.04 * math.sqrt(2.5), 0.6 + 0.04 * math.sqrt(2.5)), abs=1e-3
    )
    assert measure.stale("coin") == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("code",), "fedcba9876543210", "was measured by other code"),
        (("rule",), "by eye", "has the rule 'by eye'"),
        (("full", "series", "heads", "values", 0), 0.4, "does not follow from its values"),
        (("toy", "series", "heads", "high"), 0.99, "does not follow from its values"),
        (("full", "series", "heads", "values"), [0.5] * 4, "has 4 values for 5 seeds"),
        (("full", "sizes", "tosses"), 999, "was measured with other full sizes"),
    ],
)
def test_a_file_that_is_not_what_would_be_written_today_is_stale(coin, path, value, problem):
    measure.measure("coin")
    content = entry = json.loads(coin.read_text())
    for name in path[:-1]:
        entry = entry[name]
    entry[path[-1]] = value
    coin.write_text(json.dumps(content))
    [found] = measure.stale("coin")
    assert problem in found


def test_what_was_never_measured_or_is_spoilt_says_what_to_do(coin):
    with pytest.raises(CourseError, match=r"coin\.json is not there: 'vigilant measure coin' measures it"):
        measure.stale("coin")
    coin.parent.mkdir(parents=True)
    for text in ("{", "[]", "{}", '{"full": {}, "toy": {}}'):
        coin.write_text(text)
        with pytest.raises(CourseError, match=r"is not what 'vigilant measure coin' writes .*measure it again"):
            measure.stale("coin")


@pytest.mark.parametrize(
    ("asked", "seeds", "message"),
    [
        (COIN, (0, 1), "at least 5 different seeds"),
        (dataclasses.replace(COIN, bounds={"tails": (0, 1)}), range(5), r"bounds for \['tails'\] and gave \['heads'\]"),
        (dataclasses.replace(COIN, bounds={"heads": (0.6, 1)}), range(5), "values must lie in"),
        (
            dataclasses.replace(COIN, run=lambda sizes, seed: {"heads": Estimate(0.5, 0.4, 0.6, 1 + seed)}),
            range(5),
            "n must be the same for every seed",
        ),
    ],
)
def test_what_cannot_be_measured_writes_nothing(coin, monkeypatch, asked, seeds, message):
    monkeypatch.setattr(measure, "measurement", lambda name: asked)
    with pytest.raises(CourseError, match=message):
        measure.measure("coin", seeds)
    assert not coin.exists()


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(CourseError, match=r"Did you mean 'interval_coverage'\? There are: interval_coverage"):
        measure.measurement("interval_covrage")


def test_one_measurement_makes_no_other_stale(tmp_path, monkeypatch):
    # The key covers the file and what it imports: not the registry, not the neighbours, not the runner.
    from helpers.scorecard import keys

    names = {
        path.name for path in keys.reached([ROOT / "helpers" / "course" / "measurements" / "interval_coverage.py"])
    }
    assert {"interval_coverage.py", "base.py", "intervals.py"} <= names
    assert not names & {"measure.py", "run.py", "records.py"}
