"""When alarms ring, and which first, with months in which one never does."""

import numpy as np
import pytest

from helpers import monitoring

NEVER = np.inf


def test_never_is_later_than_any_day():
    found = monitoring.median_days(np.array([1, 2, NEVER, NEVER, NEVER]))
    assert (found.value, found.high) == (NEVER, NEVER)
    assert monitoring.median_days(np.full(50, NEVER)) == (NEVER, NEVER, NEVER, 50)


def test_the_median_s_interval_is_the_binomial_one():
    found = monitoring.median_days(np.arange(1.0, 51))
    assert found == (25, 18, 33, 50)  # P(Binomial(50, 1/2) < 18) = 1.6%
    rng, held = np.random.default_rng(0), 0
    for _ in range(500):
        found = monitoring.median_days(rng.exponential(10, 50))
        held += found.low <= 10 * np.log(2) <= found.high
    assert held / 500 > 0.92


def test_which_rings_first():
    order = monitoring.rings_first([1, 2, 5, NEVER, NEVER, 3], [2, 1, 5, 4, NEVER, NEVER])
    assert (order.one.value, order.other.value, order.together.value) == pytest.approx((2 / 6, 2 / 6, 2 / 6))
    assert order.one.low < 1 / 3 < order.one.high
    assert order.one.n == 6


def test_first_of_all_counts_the_months_in_which_nobody_rang():
    found = monitoring.first_of_all({"a": [1, 3, NEVER, 2], "b": [1, 2, NEVER, NEVER]})
    assert {name: share.value for name, share in found.items()} == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: monitoring.median_days([]), "without NaN"),
        (lambda: monitoring.rings_first([1, 2], [1]), "same months, got 2 and 1"),
        (lambda: monitoring.first_of_all({"a": [1, 2], "b": [1]}), "same months"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
