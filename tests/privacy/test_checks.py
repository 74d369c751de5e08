"""Each broken DP-SGD is caught by the check that can see it and by no other, the honest ones by none; five seeds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers import privacy
from helpers.privacy import checks
from helpers.privacy.broken import BATCH_CLIPPED, NO_NOISE, REALISED_BATCH, WRONG_LOADER
from tests.privacy.small import CLASSES, PLAN, SHAPE, pictures

SEEDS = range(5)
HONEST = privacy.HONEST


def checked(implementation, seed=0, plan=PLAN, n=400):
    report = privacy.check_implementation(
        implementation, privacy.linear_probe(SHAPE, CLASSES), *pictures(n, seed=seed), plan, seed=seed
    )
    print(report)
    return report


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("implementation", "caught"),
    [
        (privacy.HONEST, ()),
        (privacy.OPACUS, ()),
        (BATCH_CLIPPED, ("sensitivity",)),
        (NO_NOISE, ("noise",)),
        (REALISED_BATCH, ("divisor",)),
        (WRONG_LOADER, ("sampling",)),
    ],
    ids=lambda given: getattr(given, "name", None),
)
def test_who_is_caught_by_what(implementation, caught, seed):
    assert checked(implementation, seed).failed == caught


def noise(times):
    return lambda total, deviation, generator: HONEST.noised(total, times * deviation, generator)


def all_or_nothing(n, plan, generator):
    for _ in range(plan.steps):
        yield torch.arange(n if float(torch.rand(1, generator=generator)) < plan.rate else 0)


def without_the_last(n, plan, generator):
    for batch in HONEST.batches(n, plan, generator):
        yield batch[batch < n // 2]


@pytest.mark.parametrize(
    ("parts", "caught"),
    [
        ({"noised": noise(0.5)}, "noise"),
        ({"noised": noise(0.9)}, "noise"),
        ({"noised": noise(1.1)}, "noise"),  # two-sided: not what the accountant was told, either
        ({"summed": lambda gradients, norm: HONEST.summed(gradients, 2 * norm)}, "sensitivity"),
        ({"summed": lambda gradients, norm: gradients.sum(dim=0)}, "sensitivity"),
        ({"divided": lambda noisy, expected, realised: noisy / (expected + (realised > expected))}, "divisor"),
        ({"batches": all_or_nothing}, "sampling"),
        ({"batches": without_the_last}, "sampling"),
    ],
)
def test_other_faults_are_caught_by_the_same_checks(parts, caught):
    assert checked(replace(HONEST, **parts)).failed == (caught,)


def test_batch_clipping_is_caught_where_no_picture_is_long_enough_to_be_clipped():
    assert checked(BATCH_CLIPPED, plan=replace(PLAN, norm=50.0)).failed == ("sensitivity",)  # by the planted gradient


def test_gradients_that_hang_on_who_else_is_there_are_caught():
    def averaged(network, images, labels):
        gradients = HONEST.gradients(network, images, labels)
        return gradients.mean(dim=0).expand(gradients.shape)

    assert checked(replace(HONEST, gradients=averaged)).failed == ("sensitivity",)


def test_a_release_that_is_no_multiple_of_the_noisy_sum_is_caught():
    def forgotten(noisy, expected, realised):
        return torch.cat([noisy[:1] * 0, noisy[1:]]) / expected

    assert checked(replace(HONEST, divided=forgotten)).failed == ("divisor",)


def test_the_checks_that_rest_on_chance_accuse_as_rarely_as_they_say():
    rng = np.random.default_rng(0)
    sizes = rng.binomial(400, 0.1, size=(2000, 40)).tolist()
    accused = sum(not checks._sampling(each, 400, 0.1).passed for each in sizes)
    assert accused <= 9  # 2 expected; more than 9 once in 20,000
    draws = rng.standard_normal((2000, 40), dtype=np.float32)
    nothing = torch.zeros(40)
    accused = sum(
        not checks._noise([privacy.Release(nothing, nothing, torch.tensor(each), nothing)], 1.0).passed
        for each in draws
    )
    assert accused <= 9


def test_what_the_check_of_sampling_cannot_see_is_a_shuffled_pile_that_does_not_come_out_even():
    # 1,000 pictures in batches of 128 leave one of 104: sizes scatter, and few steps cannot say that it is too little.
    few, many = (
        [len(batch) for batch in WRONG_LOADER.batches(1000, replace(PLAN, rate=0.128, steps=steps), torch.Generator())]
        for steps in (60, 600)
    )
    assert checks._sampling(few, 1000, 0.128).passed
    assert not checks._sampling(many, 1000, 0.128).passed


def test_a_report_says_what_was_measured_and_what_is_allowed():
    lines = str(checked(BATCH_CLIPPED)).splitlines()
    assert lines[0] == "batch clipped (epsilon = 3, said the library)"
    assert lines[1].startswith("! sensitivity: without one of 33 members the sum moves by ")
    assert lines[1].endswith(" C at most; 1 C is allowed.")
    assert [line[:2] for line in lines[2:]] == ["  ", "  ", "  "]


def test_batches_too_small_to_say_anything_are_refused():
    with pytest.raises(ValueError, match=r"must be at least 5 .* got 1\.8 from 20 pictures at a rate of 0\.1"):
        checked(HONEST, n=20)


def test_the_network_stays_as_it_is():
    network = privacy.linear_probe(SHAPE, CLASSES)
    privacy.check_implementation(HONEST, network, *pictures(), PLAN)
    assert not network.last.weight.any()
