"""Mechanisms keep what they promise, exactly or by counting, and counting catches one that does not."""

import math

import numpy as np
import pytest
from scipy import stats

from helpers import privacy

TRIES = 100_000


def least_epsilon(here, there, level=1e-4):
    """Counting: what epsilon is at least, if an event is so frequent on two neighbours (delta 0)."""
    hits, others = int(here.sum()), int(there.sum())
    if not hits or others == len(there):
        return -math.inf
    least = stats.beta.ppf(level / 2, hits, len(here) - hits + 1)
    most = stats.beta.ppf(1 - level / 2, others + 1, len(there) - others)
    return math.log(least / most)


def found_by_counting(mechanism):
    """The largest lower bound over events "below a threshold", both ways round: of twelve, each at 1e-4."""
    here, there = mechanism(0.0, 0), mechanism(1.0, 1)
    events = [(here < cut, there < cut) for cut in (-1, -0.5, 0.0, 0.5, 1.0, 2.0)]
    return max(least_epsilon(*pair) for a, b in events for pair in ((a, b), (~b, ~a)))


# ---- randomised response


@pytest.mark.parametrize("epsilon", [0.1, 1.0, math.log(3), 5.0])
def test_a_coin_promises_exactly_epsilon(epsilon):
    truthful = privacy.truth_probability(epsilon)
    assert truthful / (1 - truthful) == pytest.approx(math.exp(epsilon))


def test_two_fair_coins_are_ln_3():
    assert privacy.truth_probability(math.log(3)) == pytest.approx(0.75)
    assert privacy.truth_probability(800) == 1.0


def test_answers_are_true_as_often_as_promised_whatever_the_truth():
    for truth in (True, False):
        answers = privacy.randomised_response(np.full(TRIES, truth), 1.0, np.random.default_rng(int(truth)))
        truthful = stats.binomtest(int((answers == truth).sum()), TRIES, privacy.truth_probability(1.0))
        assert truthful.pvalue > 1e-3


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_counting_answers_finds_no_more_than_epsilon_and_finds_a_coin_that_lies_too_seldom(epsilon):
    def counted(of):
        rng = np.random.default_rng(4)
        yes, no = (privacy.randomised_response(np.full(TRIES, truth), of, rng) for truth in (True, False))
        return max(least_epsilon(yes, no), least_epsilon(~no, ~yes))

    assert 0.9 * epsilon < counted(epsilon) <= epsilon
    assert counted(1.2 * epsilon) > epsilon


def test_the_share_is_unbiased_and_its_interval_holds_the_truth():
    found = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        truth = np.arange(1000) < 50
        found.append(privacy.response_share(privacy.randomised_response(truth, 1.0, rng), 1.0))
    values = np.array([each.value for each in found])
    assert abs(values.mean() - 0.05) < 4 * values.std() / np.sqrt(300)
    assert values.min() < 0  # and is not cut off there
    held = sum(each.low <= 0.05 <= each.high for each in found)
    assert stats.binom.cdf(held, 300, 0.95) > 1e-3
    assert found[0].n == 1000


def test_a_share_that_takes_answers_for_truths_is_not():
    rng = np.random.default_rng(0)
    answers = privacy.randomised_response(np.arange(TRIES) < 0.05 * TRIES, 1.0, rng)
    assert privacy.response_share(answers, 1.0).high < answers.mean() - 0.1


# ---- Laplace noise


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_laplace_noise_keeps_epsilon_where_counting_can_see_it_and_half_the_noise_does_not(epsilon):
    def mechanism(value, seed, promised=epsilon):
        return privacy.laplace_mechanism(np.full(TRIES, value), 1.0, promised, np.random.default_rng(seed))

    honest = found_by_counting(mechanism)
    assert 0.9 * epsilon < honest <= epsilon  # it is tight
    assert found_by_counting(lambda value, seed: mechanism(value, seed, promised=2 * epsilon)) > epsilon
    assert found_by_counting(lambda value, seed: np.full(TRIES, value) + 1e-9 * seed) > 5  # no noise at all


def test_laplace_noise_has_the_scale_and_the_shape():
    rng = np.random.default_rng(1)
    noisy = privacy.laplace_mechanism(np.full(TRIES, 7.0), 3.0, 2.0, rng)
    assert stats.kstest(noisy, stats.laplace(7, 1.5).cdf).pvalue > 1e-3
    assert isinstance(privacy.laplace_mechanism(7, 3, 2, rng), float)
    assert privacy.laplace_mechanism([[1.0, 2.0]], 3, 2, rng).shape == (1, 2)


# ---- what is refused


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("epsilon", [0, -1, np.nan, np.inf, True, None, "1", [1.0]])
@pytest.mark.parametrize(
    "call",
    [
        privacy.truth_probability,
        lambda epsilon: privacy.randomised_response([True], epsilon, RNG),
        lambda epsilon: privacy.response_share([True], epsilon),
        lambda epsilon: privacy.laplace_mechanism(1.0, 1.0, epsilon, RNG),
    ],
)
def test_an_epsilon_that_is_none(call, epsilon):
    with pytest.raises(ValueError, match=r"epsilon must be a number above 0, got .*nothing is promised"):
        call(epsilon)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: privacy.response_share(np.zeros(0, bool), 1.0), "hits is empty"),
        (lambda: privacy.laplace_mechanism(math.nan, 1, 1, RNG), "value must be a finite number"),
        (lambda: privacy.laplace_mechanism(1, 0, 1, RNG), "sensitivity must be a number above 0"),
    ],
)
def test_what_has_no_guarantee(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: privacy.randomised_response([0, 1], 1.0, RNG), "truth must be bool, yes or no, got int64"),
        (lambda: privacy.response_share([0.5], 1.0), "answers must be bool"),
        (lambda: privacy.randomised_response([True], 1.0, 0), "generator must be numpy.random.default_rng"),
        (lambda: privacy.laplace_mechanism(1.0, 1.0, 1.0, np.random), "generator must be"),
        (lambda: privacy.laplace_mechanism(1.0, 1.0, 1.0, None), "generator must be .*got None"),
    ],
)
def test_what_is_of_another_kind(call, message):
    with pytest.raises(TypeError, match=message):
        call()
