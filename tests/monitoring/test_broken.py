"""Each broken monitor is found by the failure it exists for; honest ones are not accused."""

import functools

import numpy as np
import pytest

from helpers import monitoring
from tests.monitoring.world import world

WORLD = world()
REFERENCE = WORLD["usual"].take(np.random.default_rng(9).integers(0, 1500, 1000))
DETECTORS = {each.name: each for each in monitoring.usual_detectors(REFERENCE)}
NEW_SIGN = monitoring.Fault("a new sign class", "new class", 0.3, begins=0, whole=0)


@functools.cache
def days(number, seed, fault=None, pictures=100):
    return monitoring.simulate_month(WORLD, fault, days=number, pictures=pictures, seed=seed)


QUIET, FAILING = days(1500, 2), days(100, 3, NEW_SIGN)
WATCHING = (
    "input: MMD",
    "output: confidence",
    "sets not of one class",
    "coverage",
    "coverage by group",
    "calibration gap",
)


@pytest.mark.parametrize("name", WATCHING)
@pytest.mark.parametrize("seed", range(3))
def test_an_honest_monitor_is_not_accused(name, seed):
    monitor = monitoring.set_monitor(name, DETECTORS[name], days(1000, 100 + seed))
    assert monitoring.audit_monitor(monitor, QUIET, FAILING).faults == ()


def test_an_honest_monitor_with_enough_days_is_sound():
    monitor = monitoring.set_monitor("output: confidence", DETECTORS["sets not of one class"], days(3000, 7))
    audited = monitoring.audit_monitor(monitor, QUIET, FAILING)
    assert audited.sound
    assert str(audited) == "output: confidence: sound"


@pytest.mark.parametrize("name", WATCHING)
@pytest.mark.parametrize("seed", range(3))
def test_a_null_drawn_from_drifted_days_is_found_twice(name, seed):
    monitor = monitoring.set_monitor(name, DETECTORS[name], days(300, 200 + seed, NEW_SIGN))
    audited = monitoring.audit_monitor(monitor, QUIET, FAILING)
    print(audited)
    assert len(audited.faults) == 2
    assert "of the days with the failure that it exists for" in audited.faults[0]
    assert "days without drift until it rings, and says 30" in audited.faults[1]


def test_an_alarm_that_rings_all_the_time_is_found():
    monitor = monitoring.Monitor("nervous", DETECTORS["output: confidence"], -1.0)
    (fault,) = monitoring.audit_monitor(monitor, QUIET, FAILING).faults
    assert "runs 1 days" in fault


def test_too_few_days_leave_the_question_open():
    monitor = monitoring.set_monitor("output: confidence", DETECTORS["sets not of one class"], days(1000, 8))
    audited = monitoring.audit_monitor(monitor, days(40, 9), FAILING)
    assert not audited.faults
    assert not audited.sound
    assert "not settled" in str(audited)


@pytest.mark.parametrize(
    ("make", "faults"),
    [
        (monitoring.KeptByPlace, 0),
        (monitoring.ResetWithWorker, 3),
        (monitoring.OneWorkersOwn, 3),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_counters_are_tried_by_killing_workers(make, faults, seed):
    audited = monitoring.audit_counter(make.__name__, make, workers=3, seed=seed)
    assert len(audited.faults) == faults, audited
    assert audited.sound == (faults == 0)


def test_what_prometheus_makes_of_a_counter_that_begins_anew():
    assert monitoring.prometheus_increase([0, 10, 25]) == 25
    assert monitoring.prometheus_increase([0, 10, 0, 5]) == 15  # one process: right
    assert monitoring.prometheus_increase([0, 2000, 1000, 1010]) == 3010  # one of two: 1,000 that never happened


PAGE = """# TYPE vigilant_requests counter
vigilant_requests_total{route="/predict",status="200"} 5
vigilant_requests_total{route="/predict",status="503"} 0
# TYPE vigilant_confidence histogram
vigilant_confidence_bucket{le="0.5"} 0
vigilant_confidence_bucket{le="+Inf"} 0
vigilant_confidence_count 0
vigilant_confidence_sum 0
"""


@pytest.mark.parametrize(
    "expression",
    [
        'sum(rate(vigilant_requests_total{status=~"5.."}[5m])) / sum(rate(vigilant_requests_total[5m])) > 0.01',
        'histogram_quantile(0.99, sum by (le) (rate(vigilant_confidence_bucket{namespace="a"}[$__rate_interval])))',
        'up{job="vigilant"} == 0 or absent(up{job="vigilant"})',
        "sum without (pod) (vigilant_confidence_sum offset 1h) / on (job) group_left (x) vigilant_confidence_count",
    ],
)
def test_what_is_there_is_not_accused(expression):
    (audited,) = monitoring.audit_queries({"alert": expression}, PAGE)
    assert audited.sound, audited


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("rate(vigilant_request_total[5m]) > 0", "there is no vigilant_request_total"),
        ("histogram_quantile(0.99, vigilant_confidence)", "there is no vigilant_confidence"),
        ('rate(vigilant_requests_total{code=~"5.."}[5m]) > 1', 'there is no vigilant_requests_total{code=~"5.."}'),
        ('vigilant_requests_total{status="500"} > 1', 'there is no vigilant_requests_total{status="500"}'),
        ("process_resident_memory_bytes > 1e9", "there is no process_resident_memory_bytes"),
    ],
)
def test_an_alert_on_what_does_not_exist_is_found(expression, said):
    (audited,) = monitoring.audit_queries({"alert": expression}, PAGE)
    assert audited.faults == (said,)


def test_the_series_of_an_expression():
    found = monitoring.selectors(r"""a:b{x="1[2]", y!~'by (z)'} and sum by (le) (rate(c[5m])) > bool 5e3""")
    assert [str(each) for each in found] == ['a:b{x="1[2]",y!~"by (z)"}', "c"]
    with pytest.raises(ValueError, match="asks for no series"):
        monitoring.selectors("vector(1) > 0")
