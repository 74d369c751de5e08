"""Each detector's number is the right one, does not hang on the sample size, and sees what it is for."""

import numpy as np
import pytest
from scipy import stats

from helpers import monitoring
from helpers.monitoring.month import FOG, NEW_CLASS, SENSOR
from tests.monitoring.world import world

WORLD = world()
REFERENCE = WORLD["usual"].take(np.random.default_rng(9).integers(0, 1500, 1000))
DETECTORS = {each.name: each for each in monitoring.usual_detectors(REFERENCE)}


def ks(reference=REFERENCE):
    return monitoring.Ks.fit(reference, monitoring.principal_projections(reference, 4))


def month(fault=None, **settings):
    return monitoring.simulate_month(WORLD, fault, **settings)


def test_ks_is_scipys_ties_included():
    detector, days = ks(), month(pictures=60, days=5)  # drawn with replacement, so with ties
    known, numbers = detector.of(REFERENCE), detector.of(days)
    truth = [max(stats.ks_2samp(day[:, p], known[:, p]).statistic for p in range(4)) for day in numbers]
    assert detector.statistics(days) == pytest.approx(truth, abs=1e-12)
    rounded = monitoring.Ks.fit(REFERENCE, lambda served: np.round(served.features[..., :1]))
    truth = [stats.ks_2samp(rounded.of(days)[day, :, 0], rounded.of(REFERENCE)[:, 0]).statistic for day in range(5)]
    assert rounded.statistics(days) == pytest.approx(truth, abs=1e-12)


def test_the_p_value_is_scipys_with_bonferroni():
    detector, days = monitoring.KsPValue(ks()), month(FOG, pictures=100, days=20)
    known, numbers = detector.distance.of(REFERENCE), detector.distance.of(days)
    truth = [
        min(1, 4 * min(stats.ks_2samp(day[:, p], known[:, p], method="asymp").pvalue for p in range(4)))
        for day in numbers
    ]
    # SciPy's "asymp" rounds the effective n to a whole number and uses its finite law.
    assert 10 ** -detector.statistics(days) == pytest.approx(truth, rel=0.2, abs=1e-6)


def test_mmd_with_random_features_is_near_the_exact_one():
    detector = monitoring.Mmd.fit(REFERENCE, features=4000)
    days = month(SENSOR, pictures=150, days=12)
    x = REFERENCE.features
    gamma = 1 / (2 * np.median(np.linalg.norm(x[:500, None] - x[None, :500], axis=-1)[np.triu_indices(500, 1)]) ** 2)

    def kernel(a, b):
        return np.exp(-gamma * np.square(a[:, None] - b[None]).sum(axis=-1))

    def exact(day):
        own = kernel(day, day)
        within = (own.sum() - np.trace(own)) / (len(day) * (len(day) - 1))
        return within + kernel(x, x).mean() - 2 * kernel(day, x).mean()

    assert detector.statistics(days) == pytest.approx([exact(day) for day in days.features], abs=0.002)


def test_class_shares_are_the_index():
    detector, days = DETECTORS["output: classes (PSI)"], month(pictures=100, days=3)
    for day, found in enumerate(detector.statistics(days)):
        now = np.bincount(days.chosen[day], minlength=3) + 0.5
        then = np.bincount(REFERENCE.chosen, minlength=3) + 0.5
        now, then = now / now.sum(), then / then.sum()
        index = np.sum((now - then) * np.log(now / then))
        assert found == pytest.approx(index - 2 * (1 / 101.5 + 1 / 1001.5))


@pytest.mark.parametrize("name", ["input: MMD", "output: classes (PSI)", "sets not of one class", "calibration gap"])
def test_more_pictures_make_a_number_steadier_and_not_larger(name):
    still = monitoring.Variation(0.0)
    few, many = (DETECTORS[name].statistics(month(pictures=n, days=200, variation=still, seed=1)) for n in (40, 640))
    assert few.std() > 2 * many.std()
    assert abs(few.mean() - many.mean()) < 5 * few.std() / np.sqrt(len(few))


def test_a_p_value_rings_the_more_the_more_pictures_and_a_distance_does_not():
    # Usual days of differing weather: nothing is wrong on any of them.
    pools, usual, shares = world(n=3000, weather_counts=0.6), monitoring.Variation(0.8), {}
    distance = ks(pools["usual"])

    def numbers(n, fault=None):
        return distance.statistics(
            monitoring.simulate_month(pools, fault, pictures=n, days=100, variation=usual, seed=2)
        )

    for n in (50, 200, 800, 3200):
        found = numbers(n)
        if n == 50:
            limit = monitoring.quantile_threshold(found).value
        p_value = -np.log10(4 * stats.kstwobign.sf(np.sqrt(n * 3000 / (n + 3000)) * found)) > np.log10(30)
        shares[n] = (p_value.mean(), (found > limit).mean())
    print(shares)
    assert shares[3200][0] > 0.7 > 0.25 > shares[50][0]
    assert all(quiet <= 1 / 20 for _, quiet in shares.values())
    # and a large fault is seen at either size
    large = monitoring.Fault("all cameras", "sensor fault", 0.95)
    assert all((numbers(n, large)[large.begins :] > limit).mean() > 0.5 for n in (50, 3200))


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (FOG, ("input: MMD", "strange share", "coverage", "calibration gap", "coverage by group")),
        (NEW_CLASS, ("output: confidence", "sets not of one class", "coverage", "coverage by group")),
        (SENSOR, ("input: MMD", "input: KS")),
    ],
)
def test_who_sees_what(fault, names):
    days = month(fault, pictures=400, seed=3)
    for name in names:
        numbers = DETECTORS[name].statistics(days)
        assert numbers[fault.begins :].mean() > numbers[: fault.begins].max(), name


def test_counts_that_tie_are_told_apart_without_chance():
    detector, days = DETECTORS["strange share"], month(pictures=50, days=200)
    numbers = detector.statistics(days)
    assert len(np.unique(numbers)) == 200
    assert np.round(numbers, 5) == pytest.approx(days.strange.mean(axis=1) - REFERENCE.strange.mean(), abs=1e-5)
    assert np.array_equal(numbers, detector.statistics(days))


def test_labels_come_late():
    days = month(FOG, before=4, seed=5)
    found = monitoring.watch(tuple(DETECTORS.values()), days, delay=4)
    assert {len(numbers) for numbers in found.values()} == {30}
    for name in ("input: MMD", "coverage"):
        numbers = DETECTORS[name].statistics(days)
        assert np.array_equal(found[name], numbers[:-4] if name == "coverage" else numbers[4:])
    with pytest.raises(ValueError, match="less than the 34 days"):
        monitoring.watch(tuple(DETECTORS.values()), days, delay=34)


def test_a_group_of_few_pictures_is_believed_little():
    fitted = monitoring.WorstGroup(np.array([0.9, np.nan, 0.9]))
    days = month(pictures=300, days=1)
    one_bad = {**vars(days), "conditions": np.zeros_like(days.conditions)}
    one_bad["conditions"][0, 0, 0] = 2
    one_bad["sets"] = np.ones_like(days.sets)
    one_bad["sets"][0, 0] = False
    assert fitted.statistics(monitoring.Served(**one_bad))[0] == pytest.approx(0.9 / 21, abs=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: monitoring.principal_projections(REFERENCE, 9), "at most the 4 features"),
        (lambda: monitoring.Mmd.fit(REFERENCE.take(np.zeros(50, int))), "all alike"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
