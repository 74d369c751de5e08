"""The simulated month: what it holds, and that a fault sets in when it should and as much as it should."""

import numpy as np
import pytest

from helpers import monitoring
from helpers.datasets import signs
from helpers.monitoring.month import FOG, NEW_CLASS, NIGHT
from tests.monitoring.world import pictures, world

WORLD = world()


def test_a_month_is_the_same_for_a_seed_and_another_for_another():
    one, same, other = (monitoring.simulate_month(WORLD, NEW_CLASS, before=3, seed=seed) for seed in (1, 1, 2))
    assert one.labels.shape == (33, 200)
    assert one.features.shape == (33, 200, 4)
    assert np.array_equal(one.features, same.features)
    assert not np.array_equal(one.features, other.features)


def test_a_fault_begins_on_its_day_and_has_its_share():
    month = monitoring.simulate_month(WORLD, NEW_CLASS, before=3, pictures=5000, seed=0)
    unknown = (month.labels >= 3).mean(axis=1)
    assert (unknown[: 3 + NEW_CLASS.begins] == 0).all()
    assert unknown[3 + NEW_CLASS.begins :] == pytest.approx(np.full(20, NEW_CLASS.share), abs=0.03)


def test_a_slow_fault_rises_day_by_day():
    shares = NIGHT.shares(30)
    assert (shares[: NIGHT.begins] == 0).all()
    assert (np.diff(shares[NIGHT.begins - 1 : NIGHT.whole + 1]) > 0).all()
    assert (shares[NIGHT.whole :] == NIGHT.share).all()


@pytest.mark.parametrize("persistence", [0.0, 0.8])
def test_usual_days_differ_as_much_as_they_should_and_hang_together(persistence):
    variation = monitoring.Variation(0.5, persistence)
    odds = variation.log_odds(4000, 3, np.random.default_rng(0))
    assert odds.std(axis=0) == pytest.approx(np.full(3, 0.5), abs=0.06)
    for value in odds.T:
        assert np.corrcoef(value[1:], value[:-1])[0, 1] == pytest.approx(persistence, abs=0.07)


def test_conditions_of_a_day_follow_its_odds():
    month = monitoring.simulate_month(WORLD, pictures=400, days=40, variation=monitoring.Variation(0.0), seed=0)
    assert [(month.conditions[..., 0] == light).mean() for light in range(3)] == pytest.approx([1 / 3] * 3, abs=0.05)
    varied = monitoring.simulate_month(WORLD, pictures=400, days=40, variation=monitoring.Variation(0.5), seed=0)
    spread, chance = ((each.conditions[..., 0] == 0).mean(axis=1).std() for each in (varied, month))
    assert spread > 2 * chance


def test_many_months_are_independent_and_any_other_seed_gives_others():
    detectors = monitoring.usual_detectors(WORLD["usual"])
    settings = {"months": 3, "delay": 2, "days": 4, "pictures": 30}
    one, same, other = (monitoring.watch_months(detectors, WORLD, seed=seed, **settings) for seed in (0, 0, 1))
    for name, numbers in one.items():
        assert numbers.shape == (3, 4)
        assert np.array_equal(numbers, same[name])
        assert len(np.unique(np.concatenate([numbers, other[name]]), axis=0)) == 6


def test_what_a_service_is_right_about():
    known = pictures(400, np.random.default_rng(0))
    assert 0.75 < known.correct.mean() < 0.99
    assert known.covered.mean() > known.correct.mean()
    assert known.set_size.tolist() == known.sets.sum(axis=1).tolist()
    unknown = pictures(100, np.random.default_rng(0), unknown=True)
    assert not unknown.correct.any()
    assert not unknown.covered.any()


def test_the_world_of_signs():
    def answer(images):
        bright = np.stack([images.mean(axis=(1, 2, 3)), 1 - images.mean(axis=(1, 2, 3))], axis=1)
        return monitoring.Said(bright, images.mean(axis=(1, 2)), bright > 0.3, bright[:, 0] < 0.1)

    pools = monitoring.pools_of_signs(answer, pictures=60)
    light, weather = (list(signs.CONDITIONS[name]) for name in ("light", "weather"))
    assert set(pools) == {"usual", *(fault.pool for fault in monitoring.FAULTS)}
    assert (pools["night"].conditions[:, 0] == light.index("night")).all()
    assert (pools["fog"].conditions[:, 1] == weather.index("fog")).all()
    assert pools["new class"].labels.min() >= len(signs.CLASS_NAMES)
    assert len(pools["new class"].labels) == 30
    darker = pools["sensor fault"].features / pools["usual"].features
    assert darker.mean() == pytest.approx(0.75, abs=0.02)
    monitoring.simulate_month(pools, FOG, pictures=20)


def test_a_sensor_fault_leaves_the_given_pictures():
    images = np.full((2, 8, 8, 3), 0.5, np.float32)
    broken = monitoring.sensor_fault(images)
    assert (images == 0.5).all()
    assert (broken == 0).mean() == 0.25


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: monitoring.Fault("no", "fog", 1.5), "share must lie strictly between"),
        (lambda: monitoring.Fault("no", "fog", 0.5, begins=5, whole=2), "whole no earlier"),
        (lambda: monitoring.Variation(0.2, 1.0), "persistence in"),
        (lambda: monitoring.simulate_month({"usual": WORLD["usual"]}, FOG), "no pool 'fog'; there are usual"),
        (lambda: monitoring.pools_of_signs(len, pictures=3), "at least 20"),
        (lambda: monitoring.served(**{**vars(WORLD["usual"]), "labels": WORLD["usual"].labels - 1}), "0 or more"),
        (
            lambda: monitoring.served(**{**vars(WORLD["usual"]), "strange": np.zeros(3, bool)}),
            "strange must have shape",
        ),
        (lambda: monitoring.served(**{**vars(WORLD["usual"]), "conditions": WORLD["usual"].labels}), "conditions must"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("name", "message"), [("sets", "sets must be bool"), ("conditions", "integers")])
def test_types_that_are_refused(name, message):
    with pytest.raises(TypeError, match=message):
        monitoring.served(**{**vars(WORLD["usual"]), name: getattr(WORLD["usual"], name).astype(float)})
