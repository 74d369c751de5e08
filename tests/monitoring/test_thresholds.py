"""A threshold gives the run that was asked for: on days of a known law, on days that hang together, and in a month."""

import numpy as np
import pytest
from scipy import stats

from helpers import monitoring
from tests.monitoring.world import world


def hanging(months, days, persistence, rng):
    return monitoring.Variation(1.0, persistence).log_odds(days, months, rng).T


def test_the_quantile_and_its_interval_on_a_known_law():
    rng, truth, held = np.random.default_rng(0), stats.norm.ppf(1 - 1 / 30), 0
    for _ in range(300):
        found = monitoring.quantile_threshold(rng.normal(size=600))
        held += found.low <= truth <= found.high
    assert held / 300 > 0.9
    assert found.n == 600
    assert monitoring.quantile_threshold(rng.normal(size=40)).high == np.inf


def test_the_mean_run_of_months_that_are_cut_short():
    # Runs of a geometric law of mean 30: without the months that saw no alarm it would look like 12.
    runs = np.random.default_rng(0).geometric(1 / 30, 5000).astype(float)
    cut = np.where(runs > 30, np.inf, runs)
    assert monitoring.mean_run(cut, 30).value == pytest.approx(30, rel=0.06)
    assert cut[np.isfinite(cut)].mean() < 15


def test_the_interval_of_the_mean_run_covers():
    rng, held = np.random.default_rng(1), 0
    for _ in range(200):
        runs = rng.geometric(1 / 30, 200).astype(float)
        found = monitoring.mean_run(np.where(runs > 30, np.inf, runs), 30)
        held += found.low <= 30 <= found.high
    assert held / 200 > 0.91


def test_months_without_any_alarm_have_a_lower_end_and_no_upper():
    found = monitoring.mean_run(np.full(10, np.inf), 30)
    assert (found.value, found.high, found.n) == (np.inf, np.inf, 10)
    assert 60 < found.low < 100


def test_days_that_hang_together_need_months():
    rng = np.random.default_rng(2)
    null, fresh = hanging(1500, 30, 0.9, rng), hanging(1500, 30, 0.9, rng)
    by_month = monitoring.simulated_threshold(null, resamples=50)
    by_day = monitoring.quantile_threshold(null.ravel())
    assert by_month.low < by_month.value < by_month.high < by_day.value
    run = monitoring.mean_run(monitoring.first_alarms(fresh, by_month.value), 30, confidence=0.9999)
    assert run.low < 30 < run.high
    # and the quantile of single days rings too seldom
    assert monitoring.mean_run(monitoring.first_alarms(fresh, by_day.value), 30, confidence=0.9999).low > 35


def test_both_thresholds_agree_on_independent_days():
    null = np.random.default_rng(3).normal(size=(800, 30))
    by_month, by_day = monitoring.simulated_threshold(null, resamples=50), monitoring.quantile_threshold(null.ravel())
    assert by_month.value == pytest.approx(by_day.value, abs=0.06)
    assert by_month.low <= by_day.value <= by_month.high


def test_first_alarms():
    days = np.array([[0, 2, 0], [0, 0, 0], [3, 0, 3], [1, 1, 1]], float)
    assert monitoring.first_alarms(days, 1).tolist() == [2, np.inf, 1, np.inf]


def months(pools, detectors, number, seed):
    return monitoring.watch_months(detectors, pools, months=number, delay=3, pictures=60, seed=seed)


@pytest.fixture(scope="module")
def usual():
    pools = world(n=600)
    detectors = monitoring.usual_detectors(pools["usual"].take(np.random.default_rng(9).integers(0, 600, 500)))
    return pools, detectors, months(pools, detectors, 300, 1)


def test_every_detector_runs_thirty_days_in_fresh_months(usual):
    # Nine detectors: each interval at a level that leaves all of them together below 0.1% by chance.
    pools, detectors, null = usual
    fresh = months(pools, detectors, 200, 2)
    for name, numbers in fresh.items():
        threshold = monitoring.simulated_threshold(null[name], resamples=2).value
        run = monitoring.mean_run(monitoring.first_alarms(numbers, threshold), 30, confidence=0.9999)
        print(name, run)
        assert run.low < monitoring.RUN < run.high, name


def test_a_threshold_of_days_from_elsewhere_is_found_out(usual):
    _, _, null = usual
    for name, numbers in null.items():
        lower = monitoring.quantile_threshold(numbers.ravel(), run=5).value
        assert monitoring.mean_run(monitoring.first_alarms(numbers, lower), 30, confidence=0.9999).high < 30, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: monitoring.quantile_threshold(np.zeros(20)), "at least as many days without drift, got 20"),
        (lambda: monitoring.quantile_threshold(np.zeros(20), run=1), "more than 1 day"),
        (lambda: monitoring.simulated_threshold(np.zeros(20)), r"of shape \(months, days\)"),
        (lambda: monitoring.first_alarms(np.array([[np.nan]]), 0), "without NaN"),
        (lambda: monitoring.mean_run(np.array([31.0]), 30), "days 1 to 30"),
        (lambda: monitoring.mean_run(np.array([]), 30), "days 1 to 30"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
