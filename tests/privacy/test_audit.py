"""The bound against values worked out by hand and against randomised response; what it sees of each implementation."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from opacus.accountants import RDPAccountant
from scipy import stats

from helpers import privacy
from helpers.course import measure
from helpers.course.measurements import privacy_audit
from helpers.privacy import audit
from helpers.privacy.broken import BATCH_CLIPPED, NO_NOISE, REALISED_BATCH, WRONG_LOADER
from helpers.scorecard.measured import read_measured
from tests.privacy.small import CLASSES, PLAN, SHAPE, pictures

bound = functools.partial(privacy.epsilon_bound, delta=0.0)


# ---- the bound


@pytest.mark.parametrize("guesses", [5, 62, 200])
def test_all_right_is_a_power_that_is_worked_out_by_hand(guesses):
    share = 0.05 ** (1 / guesses)  # share ** guesses = 5%
    assert bound(guesses, guesses, canaries=guesses) == pytest.approx(math.log(share / (1 - share)), abs=1e-6)


def test_one_wrong_is_a_polynomial_that_is_worked_out_by_hand():
    epsilon = bound(10, 9, canaries=10)
    share = 1 / (1 + math.exp(-epsilon))
    assert 10 * share**9 * (1 - share) + share**10 == pytest.approx(0.05, abs=1e-8)


def test_an_epsilon_of_3_needs_62_of_62_at_95_percent():
    assert privacy.guesses_needed(3) == 62
    assert bound(61, 61, canaries=1000) < 3 < bound(62, 62, canaries=1000)
    assert privacy.right_needed(62, 3, canaries=1000, delta=0) == 62
    with pytest.raises(ValueError, match=r"61 guesses cannot exceed an epsilon of 3 .* Without delta it takes 62"):
        privacy.right_needed(61, 3, canaries=1000, delta=0)


def test_how_many_must_be_right_is_where_the_bound_passes_the_claim():
    needed = privacy.right_needed(200, 3, canaries=1000)
    assert needed == 196
    low, high = (privacy.epsilon_bound(200, right, canaries=1000) for right in (needed - 1, needed))
    assert low < 3 < high


@pytest.mark.parametrize(("guesses", "right", "epsilon", "delta"), [(30, 25, 0.7, 1e-3), (200, 190, 2.0, 1e-5)])
def test_delta_costs_what_the_theorem_says(guesses, right, epsilon, delta):
    share, m = 1 / (1 + math.exp(-epsilon)), 500
    tail = stats.binom.sf(right - 1, guesses, share)
    exactly = stats.binom.pmf(np.arange(right + 1), guesses, share)
    lifted = [sum(exactly[right - k] for k in range(1, i + 1)) / i for i in range(1, right + 1)]
    assert audit._chance(guesses, right, m, epsilon, delta) == pytest.approx(tail + 2 * m * delta * max(lifted))


def test_more_right_bounds_more_and_more_delta_or_confidence_less():
    bounds = [privacy.epsilon_bound(100, right, canaries=1000) for right in range(101)]
    assert bounds == sorted(bounds)
    assert bounds[:59] == [0.0] * 59  # 58 of 100 are guessed by chance more than once in twenty times
    assert bounds[59] > 0
    assert round(privacy.epsilon_bound(200, 200, canaries=1000), 2) == 4.17
    more = [privacy.epsilon_bound(100, 95, canaries=1000, delta=delta) for delta in (0, 1e-5, 1e-4, 1e-3, 1e-1)]
    assert more == sorted(more, reverse=True)
    assert more[-1] == 0
    surer = [bound(100, 95, canaries=1000, confidence=confidence) for confidence in (0.9, 0.95, 0.99)]
    assert surer == sorted(surer, reverse=True)


def randomised_response(rng, epsilon, m, given_away=0.0):
    """Coins, each told rightly with a chance of e^epsilon / (1 + e^epsilon); some given away for sure."""
    coins = rng.random(m) < 0.5
    told = np.where(rng.random(m) < 1 / (1 + math.exp(-epsilon)), coins, ~coins)
    surely = rng.random(m) < given_away
    return np.where(surely, 2 * coins, told) * 2 - 1 + rng.uniform(0, 0.1, m) - 2 * (surely & ~coins), coins


@pytest.mark.parametrize(("epsilon", "given_away"), [(0.5, 0.0), (2.0, 0.0), (1.0, 0.001)])
def test_of_randomised_response_the_bound_exceeds_the_truth_one_time_in_twenty_at_most(epsilon, given_away):
    rng = np.random.default_rng(0)
    needed = privacy.right_needed(100, epsilon, canaries=300, delta=given_away)
    audits = [
        privacy.audit_guesses(*randomised_response(rng, epsilon, 300, given_away), 100, claim=epsilon, delta=given_away)
        for _ in range(300)
    ]
    wrong = sum(each.exceeded for each in audits)
    assert all(each.exceeded == (each.right >= needed) for each in audits)
    assert wrong <= stats.binom.ppf(0.9999, 300, 0.05)
    if not given_away:  # the bound is as sharp as whole numbers let it be
        exact = stats.binom.sf(needed - 1, 100, 1 / (1 + math.exp(-epsilon)))
        assert 0.02 < exact <= 0.05
        assert stats.binom.ppf(0.0001, 300, exact) <= wrong <= stats.binom.ppf(0.9999, 300, exact)


def test_guesses_are_the_highest_and_the_lowest_and_nothing_of_the_rest():
    scores = np.arange(40.0)
    included = scores >= 20
    included[[0, 39]] = True, False  # two wrong ones at the ends, and the middle counts for nothing
    included[15:25] = ~included[15:25]
    found = privacy.audit_guesses(scores, included, 20, claim=3)
    assert (found.right, found.guesses, found.canaries) == (18, 20, 40)
    assert found.bound == privacy.epsilon_bound(20, 18, canaries=40)
    assert not found.exceeded
    assert str(found).endswith("18 of 20 guesses about 40 canaries right; the claim of 3 is not refuted")


def test_equal_scores_show_nothing():
    included = np.random.default_rng(0).random(1000) < 0.5
    assert privacy.audit_guesses(np.zeros(1000), included, 200, claim=3).bound < 0.3


@pytest.mark.parametrize(
    ("scores", "included", "guesses", "message"),
    [
        ([0.0, math.nan] * 20, [True] * 40, 20, "scores must be finite, got NaN or infinity in 20 of 40"),
        ([0.0] * 40, [True] * 40, 42, "no more guesses than canaries; got 42 right of 42 guesses about 40 canaries"),
        ([0.0] * 40, [True] * 40, 21, "guesses must be an even number"),
        ([0.0] * 4, [True] * 4, 4, "4 guesses about 4 canaries bound no epsilon at 95% .* a claim of 3 takes 62"),
        ([0.0] * 40, [True] * 39, 20, r"included must be bool of shape \(40,\)"),
        ([0.0] * 40, [1] * 40, 20, "one coin for each canary, got int64"),
        ([], [], 2, r"scores must have shape \(N,\) with N of at least 1"),
    ],
)
def test_what_no_bound_comes_of_is_refused(scores, included, guesses, message):
    with pytest.raises(ValueError, match=message):
        privacy.audit_guesses(np.array(scores, float), np.array(included), guesses, claim=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"guesses": 0, "right": 0}, "guesses must be a whole number of at least 1"),
        ({"right": 11}, "got 11 right of 10 guesses"),
        ({"right": -1}, "got -1 right of 10 guesses"),
        ({"canaries": 9}, "10 guesses about 9 canaries"),
        ({"delta": 1.0}, r"delta must lie in \[0, 1\)"),
        ({"confidence": 95}, "confidence must lie strictly between 0 and 1"),
    ],
)
def test_counts_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        privacy.epsilon_bound(**{"guesses": 10, "right": 5, "canaries": 20} | arguments)


@pytest.mark.parametrize("epsilon", [-1, math.nan, math.inf])
def test_an_epsilon_that_is_none_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon must be a finite number"):
        privacy.guesses_needed(epsilon)


# ---- canaries


def test_canaries_have_wrong_labels_of_every_class_and_coins_of_their_own():
    images, labels = pictures(3000)
    found = privacy.mislabelled_canaries(images, labels, classes=CLASSES, number=2000, seed=0)
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    right = np.array([known[image.tobytes()] for image in found.images])
    assert len({image.tobytes() for image in found.images}) == 2000
    shifts = np.bincount((found.labels - right) % CLASSES, minlength=CLASSES)
    assert shifts[0] == 0
    assert shifts[1:].min() > 2000 / 3 * 0.85
    assert abs(found.included.mean() - 0.5) < 0.05
    assert abs(np.corrcoef(found.included, found.labels)[0, 1]) < 0.1
    again = privacy.mislabelled_canaries(images, labels, classes=CLASSES, number=2000, seed=1)
    assert (again.included != found.included).mean() > 0.4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"number": 21}, "21 canaries need as many pictures, got 20"),
        ({"number": 0}, "number must be a whole number of at least 1"),
        ({"classes": 1}, "a wrong label needs at least two classes"),
        ({"classes": 2}, "labels must lie in 0..1"),
    ],
)
def test_canaries_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        privacy.mislabelled_canaries(*pictures(20), **{"classes": CLASSES, "number": 10} | arguments)


# ---- audits of implementations


def inside(implementation, seed):
    network = privacy.linear_probe((16, 16, 1), CLASSES)
    images, labels = noise_pictures(200, seed)
    found = privacy.audit_gradients(implementation, network, images, labels, FULL, canaries=400, guesses=100, seed=seed)
    print(implementation, found)
    return found


def noise_pictures(n, seed):
    rng = np.random.default_rng(seed)
    images = rng.random((n, 16, 16, 1), dtype=np.float32)
    images[:, :5] = 0  # as the borders of digits are
    images[:, -5:] = 0
    return images, rng.integers(0, CLASSES, n)


FULL = replace(privacy_audit.PLAN, learning_rate=0.5)


@pytest.mark.parametrize("seed", range(3))
def test_gradient_canaries_refute_no_noise_and_batch_clipping_and_nothing_honest(seed):
    assert inside(NO_NOISE, seed).exceeded
    assert inside(BATCH_CLIPPED, seed).exceeded
    honest = inside(privacy.HONEST, seed)
    assert not honest.exceeded
    assert honest.bound > 0  # it sees something, and no more than there is


def test_gradient_canaries_lie_where_no_picture_has_a_gradient():
    network = privacy.linear_probe((16, 16, 1), CLASSES)
    images, labels = noise_pictures(50, 0)
    black = (images == 0).all(axis=(0, 3)).flatten()
    quiet = {256 * class_ + pixel for class_ in range(CLASSES) for pixel in np.flatnonzero(black)}
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(257 * CLASSES)
        found = audit._quietest(network, images, labels, 1.0, order)[: len(quiet)]
        assert set(found.tolist()) == quiet
        assert found.tolist() == [weight for weight in order if weight in quiet]  # which of them: drawn


def test_pictures_learnt_by_heart_refute_no_noise_and_with_noise_are_not_learnt():
    images, labels = noise_pictures(600, 0)
    canaries = privacy.mislabelled_canaries(images[1:], labels[1:], classes=CLASSES, number=160, seed=0)
    network, plan = privacy.linear_probe((16, 16, 1), CLASSES), replace(PLAN, steps=600, learning_rate=20.0, rate=0.5)
    others = images[:1], labels[:1], canaries, plan
    found, trained = privacy.audit_training(NO_NOISE, network, *others, guesses=100)
    print(found, privacy.share_learnt(trained, canaries))
    assert found.exceeded
    assert privacy.share_learnt(trained, canaries).value >= 0.98
    assert privacy.share_learnt(network, canaries).value < 0.5


def test_a_training_of_a_few_steps_shows_nothing_though_it_adds_no_noise():
    images, labels = pictures(800)
    canaries = privacy.mislabelled_canaries(images[400:], labels[400:], classes=CLASSES, number=400)
    network = privacy.linear_probe(SHAPE, CLASSES)
    found, trained = privacy.audit_training(NO_NOISE, network, images[:400], labels[:400], canaries, PLAN, guesses=100)
    assert found.bound < 1.5
    assert privacy.share_learnt(trained, canaries).value < 0.3
    assert not network.last.weight.any()


def test_a_network_with_fewer_weights_than_canaries_is_refused():
    network = privacy.linear_probe(SHAPE, CLASSES)
    with pytest.raises(ValueError, match="each of 1,000 canaries needs a weight of its own, and the network has 148"):
        privacy.audit_gradients(privacy.HONEST, network, *pictures(), PLAN)


@pytest.mark.parametrize("plan", [privacy_audit.PLAN, PLAN], ids=["measured", "small"])
def test_the_plans_are_worth_the_epsilon_that_is_claimed(plan):
    accountant = RDPAccountant()
    for _ in range(plan.steps):
        accountant.step(noise_multiplier=plan.noise, sample_rate=plan.rate)
    assert 2.9 < accountant.get_epsilon(delta=1e-5) <= privacy.HONEST.claim


# ---- twenty audits of each, measured once


def test_of_twenty_audits_the_honest_claim_stands_no_noise_falls_and_two_faults_are_not_seen():
    full = read_measured(measure.measured_path("privacy_audit")).full
    assert (full.sizes["canaries"], full.sizes["runs"] * 5) == (1000, 20)

    def refuted(name):
        return round(sum(full.series[privacy_audit.metric(privacy_audit.REFUTED, name)].values) * full.sizes["runs"])

    assert refuted(privacy.HONEST.name) <= 4
    assert refuted(NO_NOISE.name) == refuted(BATCH_CLIPPED.name) == 20
    for unseen in (REALISED_BATCH, WRONG_LOADER):
        assert max(full.series[privacy_audit.metric(privacy_audit.BY_GRADIENTS, unseen.name)].values) < 3
    for name in privacy_audit.IMPLEMENTATIONS:  # a hundred steps on a thousand pictures learn no canary by heart
        assert max(full.series[privacy_audit.metric(privacy_audit.BY_PICTURES, name)].values) < 3
