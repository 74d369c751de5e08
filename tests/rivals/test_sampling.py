"""A log of batch sizes says whether Poisson sampling could have left it: each way to be false, and honest ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch.utils.data import DataLoader, TensorDataset

from helpers import privacy, rivals
from helpers.rivals import sampling

N, EXPECTED, PASSES = 1024, 32, 12
STEPS = N // EXPECTED
HONEST = np.random.default_rng(0).binomial(N, EXPECTED / N, (PASSES, STEPS))


def log(sizes, epsilon=50.0, **others):
    return rivals.BatchLog(sizes, N, EXPECTED, 1.0, 1e-4, epsilon, **others)


def partitions(rng):
    """Each pass hands out each picture once; sizes vary nearly as they should."""
    return rng.multinomial(N, np.full(STEPS, 1 / STEPS), PASSES)


def jittered(rng):
    """Sizes that vary, and too little."""
    return EXPECTED + rng.integers(-3, 4, (PASSES, STEPS))


def too_wild(rng):
    return rng.integers(0, 2 * EXPECTED + 1, (PASSES, STEPS))


def constant(_):
    return np.full((PASSES, STEPS), EXPECTED)


def larger(rng):
    """Poisson sampling, at a rate a tenth above the one that is stated."""
    return rng.binomial(N, 1.1 * EXPECTED / N, (PASSES, STEPS))


@pytest.mark.parametrize("false", [constant, partitions, jittered, too_wild, larger])
@pytest.mark.parametrize("seed", range(3))
def test_what_no_poisson_sampling_leaves_is_accused(false, seed):
    found = rivals.audit_sampling(log(false(np.random.default_rng(seed))))
    assert found.accused, found
    assert str(found).startswith("batch sizes: accused")


def test_shuffled_loader_is_accused_and_private_one_is_not():
    images, labels = np.zeros((N, 1, 1, 1), np.float32), np.zeros(N, np.int64)
    shuffled = DataLoader(TensorDataset(torch.tensor(images)), EXPECTED, shuffle=True)
    private = privacy.private_loader(images, labels, EXPECTED, seed=1)
    read = {
        name: np.array([[len(batch[0]) for batch in loader] for _ in range(PASSES)])
        for name, loader in {"shuffled": shuffled, "private": private}.items()
    }
    accused = {name: rivals.audit_sampling(log(sizes)).accused for name, sizes in read.items()}
    assert accused == {"shuffled": True, "private": False}


def test_a_last_batch_that_is_smaller_does_not_help():
    n = N + EXPECTED // 2
    sizes = np.full((PASSES, STEPS + 1), EXPECTED)
    sizes[:, -1] = n - STEPS * EXPECTED
    assert rivals.audit_sampling(rivals.BatchLog(sizes, n, EXPECTED, 1.0, 1e-4, 50.0)).accused


def test_an_epsilon_for_fewer_steps_is_false_whatever_the_sizes_are():
    spent = privacy.epsilon(1.0, EXPECTED / N, PASSES * STEPS, 1e-4).epsilon
    half = privacy.epsilon(1.0, EXPECTED / N, PASSES * STEPS // 2, 1e-4).epsilon
    true, false = (rivals.audit_sampling(log(HONEST, epsilon)) for epsilon in (spent, half))
    assert not true.accused
    assert false.p_value == 0
    assert f"cost epsilon {spent:.2f}, and {half:.2f} is claimed" in false.found


def test_honest_logs_are_accused_as_often_as_the_level_says(monkeypatch):
    """At a level of one in ten, of 400 honest logs: the p-value holds its level, and is not so careful as to be blind.

    The smallest of three p-values times three accuses at most 10%, and where the three are independent 9.7%.
    """
    monkeypatch.setattr(sampling.privacy, "epsilon", lambda *_: privacy.PrivacySpent(0, 1e-4, 1, 0.1, 1))
    rng = np.random.default_rng(2)
    p = [
        rivals.audit_sampling(log(rng.binomial(N, EXPECTED / N, (6, 8))), level=0.1, draws=499, seed=draw).p_value
        for draw in range(400)
    ]
    accused = sum(value <= 0.1 for value in p)
    assert stats.binom.cdf(accused, 400, 0.04) > 1e-4, accused
    assert stats.binom.sf(accused - 1, 400, 0.1) > 1e-4, accused
    assert min(p) > 1e-3


def evened(rng):
    """Totals of passes as they should be, and each spread evenly over its batches."""
    totals = rng.binomial(N, EXPECTED / N, (PASSES, STEPS)).sum(axis=1)
    return totals[:, None] // STEPS + (np.arange(STEPS) < totals[:, None] % STEPS)


def a_little_larger(rng):
    """A total 4.5 standard deviations above what is expected, a picture or two more in each batch."""
    sizes = rng.binomial(N, EXPECTED / N, (PASSES, STEPS))
    expected = EXPECTED * sizes.size
    more = round(expected + 4.5 * np.sqrt(expected * (1 - EXPECTED / N))) - sizes.sum()
    return sizes + more // sizes.size + (np.arange(sizes.size) < more % sizes.size).reshape(sizes.shape)


@pytest.mark.parametrize(("needed", "false"), [("sizes", evened), ("passes", partitions), ("total", a_little_larger)])
def test_each_of_the_three_tests_is_needed(monkeypatch, needed, false):
    """Each finds what the two others do not."""
    evidence = log(false(np.random.default_rng(0)))
    assert rivals.audit_sampling(evidence).accused
    by_size, by_pass = sampling._tails(evidence, 9999, np.random.default_rng(0))
    kept = {"sizes": (1.0, by_pass), "passes": (by_size, 1.0), "total": (by_size, by_pass)}
    monkeypatch.setattr(sampling, "_tails", lambda *_: kept[needed])
    if needed == "total":
        never = stats.binomtest(1, 2)
        monkeypatch.setattr(sampling.stats, "binomtest", lambda *_: never)
    assert not rivals.audit_sampling(evidence).accused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": HONEST[0]}, r"shape \(passes, batches in a pass\), got int64 of shape \(32,\)"),
        ({"sizes": HONEST / 2}, "whole numbers"),
        ({"sizes": HONEST - N}, "a batch holds 0 to 1024 pictures, got sizes from -10"),
        ({"expected_batch": 0}, "expected_batch must lie in"),
        ({"delta": 1.0}, "delta"),
        ({"pictures": 0}, "pictures"),
    ],
)
def test_logs_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        replace(log(HONEST), **change)


def test_an_audit_that_could_accuse_nobody_says_so():
    with pytest.raises(ValueError, match="Take 6000 or more"):
        rivals.audit_sampling(log(HONEST), draws=999)
    with pytest.raises(TypeError, match="must be a BatchLog, got ndarray"):
        rivals.audit_sampling(HONEST)
