"""A version in the shadow and a canary: paired numbers, and verdicts that looking often does not spoil."""

import numpy as np
import pytest

from helpers import monitoring
from tests.monitoring.world import pictures

OLD = pictures(2000, np.random.default_rng(0))


def sharper(served):
    """The same pictures, with the truth made likelier."""
    truth = np.eye(3)[served.labels]
    return monitoring.Served(**{**vars(served), "probabilities": 0.5 * served.probabilities + 0.5 * truth})


def test_a_version_in_the_shadow():
    new = sharper(OLD)
    differ, gain = monitoring.disagreement(OLD, new), monitoring.accuracy_gain(OLD, new)
    assert differ.value == (OLD.chosen != new.chosen).mean() > 0.05
    assert gain.low > 0.03
    assert gain.value == pytest.approx(new.correct.mean() - OLD.correct.mean())
    assert monitoring.disagreement(OLD, OLD).value == 0
    with pytest.raises(ValueError, match="same pictures"):
        monitoring.accuracy_gain(OLD, OLD.take(np.arange(10)))


def looks(old, new, number, rng, *, requests=(900, 100)):
    failed = [np.cumsum(rng.binomial(n, p, number)) for n, p in zip(requests, (old, new), strict=True)]
    asked = [n * np.arange(1, number + 1) for n in requests]
    return [monitoring.Look(*each) for each in zip(failed[0], asked[0], failed[1], asked[1], strict=True)]


def verdicts(old, new, times, margin=0.01):
    rng = np.random.default_rng(0)
    return [monitoring.judge_canary(looks(old, new, 30, rng), margin=margin) for _ in range(times)]


def test_looking_often_makes_no_wrong_verdict_likelier():
    # As bad as may be, exactly: either verdict is wrong. 5% at each of thirty looks would be wrong in over a quarter.
    found = [each.what for each in verdicts(0.02, 0.03, 150)]
    assert sum(each != "go on" for each in found) / 150 < 0.05


def test_a_bad_canary_is_stopped_and_a_good_one_takes_over():
    bad, good = verdicts(0.01, 0.08, 50), verdicts(0.01, 0.01, 50, margin=0.02)
    assert all(each.what == "stop" for each in bad)
    assert np.median([each.look for each in bad]) < 12
    assert sum(each.what == "take over" for each in good) >= 45
    assert "stop" not in {each.what for each in good}


def test_the_interval_is_newcombes():
    # Newcombe (1998), table II, example (a), method 10: 56/70 - 48/80.
    found = monitoring.judge_canary([monitoring.Look(48, 80, 56, 70)], margin=0.2, wrong=0.1)
    assert (found.difference.low, found.difference.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert (found.what, found.look) == ("go on", 1)


def test_without_a_request_nothing_is_decided():
    assert monitoring.judge_canary([monitoring.Look(0, 0, 0, 0)], margin=0.1).what == "go on"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "counts since the beginning"),
        ([monitoring.Look(1, 5, 0, 5), monitoring.Look(0, 9, 0, 9)], "never fall"),
        ([monitoring.Look(6, 5, 0, 5)], "more requests failed"),
    ],
)
def test_what_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        monitoring.judge_canary(given, margin=0.1)
