"""Randomised smoothing: beside a linear classifier, whose smoothed answers and radii are known; and under attack."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from helpers import attacks, datasets
from helpers.attacks import Certificates, Network, ThreatModel
from tests.attacks import networks
from tests.attacks.test_white_box import SMALL

# ---- a linear classifier of two classes: the smoothed one is the same, and certain up to the boundary

SHAPE, SIGMA, ALPHA = (3, 2, 1), 0.1, 0.05
WEIGHTS = np.random.default_rng(0).normal(0, 1, 6)


def height(images):
    """Signed distance from the boundary."""
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    return (flat - 0.5) @ WEIGHTS / np.linalg.norm(WEIGHTS)


def logits(images):
    return np.stack([-20 * height(images), 20 * height(images)], axis=1).astype(np.float32)


def gradient(images, slopes):
    given = logits(images)
    along = (20 * np.diff(slopes(given), axis=1) * WEIGHTS / np.linalg.norm(WEIGHTS)).astype(np.float32)
    return given, along.reshape(images.shape)


LINEAR = Network("linear", SHAPE, logits, gradient)
IMAGES = np.random.default_rng(1).uniform(0.3, 0.7, (300, *SHAPE)).astype(np.float32)
FAR = np.abs(height(IMAGES))


@pytest.fixture(scope="module")
def certificates():
    return attacks.certify(LINEAR, IMAGES, sigma=SIGMA, n=1000, alpha=ALPHA)


def test_the_radius_is_the_distance_to_the_boundary_from_below(certificates):
    assert (certificates.radii > FAR).sum() <= stats.binom.ppf(0.99, len(IMAGES), ALPHA)
    near = FAR < 2 * SIGMA  # beyond, 1,000 draws see no other class
    lost = (FAR - certificates.radii)[near] / SIGMA
    assert 0.02 < np.median(lost) < 0.1  # 1.64 standard errors of a share, and the slope of the normal quantile
    assert (certificates.classes == (height(IMAGES) > 0))[~certificates.abstained].all()


def test_the_bound_is_clopper_and_pearsons(certificates):
    n, hits = certificates.n, certificates.hits
    lowest = stats.beta.ppf(ALPHA, hits, n - hits + 1)
    np.testing.assert_allclose(certificates.radii, np.maximum(0, SIGMA * stats.norm.ppf(lowest)), atol=1e-9)
    assert (certificates.abstained == (lowest <= 0.5)).all()
    assert 0 < certificates.abstained.sum() < len(IMAGES) / 5
    assert certificates.radii.max() == pytest.approx(SIGMA * stats.norm.ppf(ALPHA ** (1 / n)))


def test_what_chooses_the_class_does_not_say_how_frequent_it_is():
    """On the boundary, a class chosen by the same draws is always the more frequent one."""
    border = np.random.default_rng(2).uniform(0.3, 0.7, (400, *SHAPE)).astype(np.float32)
    unit = (WEIGHTS / np.linalg.norm(WEIGHTS)).reshape(SHAPE)
    border = (border - height(border)[:, None, None, None] * unit).astype(np.float32)
    found = attacks.certify(LINEAR, border, sigma=SIGMA, n0=100, n=100, alpha=ALPHA)
    assert abs(found.hits.mean() - 50) < 4 * 5 / math.sqrt(400)
    assert (~found.abstained).sum() <= stats.binom.ppf(0.99, 400, ALPHA)


def test_all_pictures_count_and_abstentions_are_none_of_the_right_ones():
    found = Certificates(
        sigma=0.5, n=100, alpha=0.001, classes=np.array([0, 1, 2, 3]), hits=np.array([99, 99, 40, 80]),
        abstained=np.array([False, False, True, False]), radii=np.array([0.9, 0.8, 0.0, 0.3]),
    )  # fmt: skip
    labels = [0, 0, 2, 3]
    assert [found.accuracy(labels, radius).value for radius in (0, 0.3, 0.5, 0.95)] == [0.5, 0.5, 0.25, 0]
    assert found.accuracy(labels).n == 4
    assert found.abstentions().value == 0.25
    with pytest.raises(ValueError, match="radius must be at least 0, got -1"):
        found.accuracy(labels, -1)
    with pytest.raises(ValueError, match=r"labels must have shape \(4,\)"):
        found.accuracy([1])


def test_the_noise_is_normal_and_not_clipped():
    seen = []
    spy = Network("spy", SHAPE, lambda images: seen.append(images) or logits(images), gradient)
    attacks.certify(spy, IMAGES[:5], sigma=0.5, n=1000)
    noise = np.concatenate(seen).reshape(5, -1, *SHAPE) - IMAGES[:5, None]
    assert noise.shape[1] == 1100
    assert stats.kstest(noise.ravel() / 0.5, "norm").pvalue > 1e-3
    assert max(len(each) for each in seen) == 256
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.06


def test_draws_belong_to_a_picture_and_a_seed(certificates):
    options = {"sigma": SIGMA, "n": 1000, "alpha": ALPHA}
    part = attacks.certify(LINEAR, IMAGES[10:20], batch_size=7, **options)
    assert (part.hits == certificates.hits[10:20]).all()
    other = attacks.certify(LINEAR, IMAGES[10:20], seed=1, **options)
    assert (other.hits != part.hits).any()


def test_answers_without_a_radius():
    classes, abstained = attacks.predict_smoothed(LINEAR, IMAGES, sigma=SIGMA, n=100, alpha=ALPHA)
    wrong = (classes != (height(IMAGES) > 0)) & ~abstained
    assert wrong.sum() <= stats.binom.ppf(0.99, len(IMAGES), ALPHA)
    sure = stats.norm.cdf(FAR / SIGMA)
    assert not abstained[sure > 0.8].any()  # 80 of 100: p = 1e-9
    assert abstained[sure < 0.52].mean() > 0.8
    certain = attacks.certify(LINEAR, IMAGES, sigma=SIGMA, n=100, alpha=ALPHA)
    assert (certain.classes == classes)[~certain.abstained & ~abstained].all()


def test_it_abstains_where_the_first_class_is_not_told_from_the_second():
    votes = np.repeat([2, 0, 1], [57, 38, 5])
    scripted = Network("votes", SHAPE, lambda images: np.eye(3, dtype=np.float32)[votes], gradient)
    doubt = 2 * stats.binom.sf(56, 57 + 38, 0.5)
    for alpha, abstains in ((0.99 * doubt, True), (1.01 * doubt, False)):
        classes, abstained = attacks.predict_smoothed(scripted, IMAGES[:1], sigma=SIGMA, n=100, alpha=alpha)
        assert (classes.tolist(), abstained.tolist()) == ([2], [abstains])


@pytest.mark.parametrize(
    ("function", "fewest", "alpha"),
    [
        (attacks.certify, 10, 0.001),
        (attacks.certify, 5, 0.05),
        (attacks.certify, 3, 0.25),  # 0.25 ** (1 / 2) is a half, and not more
        (attacks.predict_smoothed, 11, 0.001),
        (attacks.predict_smoothed, 6, 0.05),
    ],
)
def test_an_n_that_can_certify_nothing_is_refused(function, fewest, alpha):
    sure = Network("sure", SHAPE, lambda images: np.tile(np.float32([[5, 0]]), (len(images), 1)), gradient)
    with pytest.raises(
        ValueError, match=rf"n must be at least {fewest} for alpha {alpha}, got {fewest - 1}: .*abstain"
    ):
        function(sure, IMAGES[:3], sigma=SIGMA, n=fewest - 1, alpha=alpha)
    found = function(sure, IMAGES[:3], sigma=SIGMA, n=fewest, alpha=alpha)
    assert not (found.abstained if function is attacks.certify else found[1]).any()


# ---- attacks on the smoothed classifier


def test_the_slope_is_that_of_the_averaged_probabilities():
    images, labels = np.random.default_rng(0).random((4, 3, 2, 2), dtype=np.float32), np.array([0, 1, 2, 3])
    loss = attacks.LOSSES["cross_entropy"]

    def net():
        return attacks.smoothed(SMALL, 0.3, draws=5, seed=7)  # made anew, it draws the same

    given, slope = net().gradient(images, lambda found: loss(found.astype(np.float64), labels, None)[1])
    np.testing.assert_allclose(np.exp(given).sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(given, net().logits(images))
    for place in ((0, 0, 0), (2, 1, 1), (1, 0, 1)):
        step = np.zeros_like(images)
        step[:, *place] = 1e-2
        up, down = (loss(net().logits(images + sign * step).astype(np.float64), labels, None)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, *place], (up - down) / 2e-2, atol=2e-3)


def test_every_step_has_fresh_noise():
    net = attacks.smoothed(LINEAR, 0.3, draws=5)
    assert net.random
    assert net.calls == 5
    assert (net.logits(IMAGES[:9]) != net.logits(IMAGES[:9])).all()
    assert (net.logits(IMAGES[:1].repeat(9, axis=0)).std(axis=0) > 0).all()
    one, same, other = (attacks.smoothed(LINEAR, 0.3, seed=seed).logits(IMAGES[:9]) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).all()


def attacked(net, images, certificates, times):
    found = attacks.attack_certificates(net, images, certificates, times=times, steps=10, draws=16, seed=1)
    far = ThreatModel(1, "l2").sizes(found.images, images[found.rows])
    assert (far <= times * certificates.radii[found.rows]).all()
    print(f"{net.name}, {times} radii: {found.share} broken, {found.allowed} allowed")
    return found


def check_attacks(net, images, certificates):
    """Inside the radius as many as chance allows, beyond it many, and a radius that was stated too large is caught."""
    inside = attacked(net, images, certificates, 1)
    assert len(inside.rows) == (~certificates.abstained).sum()
    assert inside.allowed == stats.binom.ppf(0.99, len(inside.rows), certificates.alpha)
    assert inside.broken.sum() <= inside.allowed
    assert attacked(net, images, certificates, 2).share.low >= 0.2
    tripled = dataclasses.replace(certificates, radii=3 * certificates.radii)
    caught = attacked(net, images, tripled, 1)
    assert caught.broken.sum() > caught.allowed


def test_certificates_of_a_linear_classifier_hold_and_the_attack_is_one():
    images = IMAGES[(FAR > SIGMA / 2) & (FAR < 2 * SIGMA)][:60]
    check_attacks(LINEAR, images, attacks.certify(LINEAR, images, sigma=SIGMA, n=200, alpha=0.001))


def between(net, pair):
    """The same network where only two classes are possible: certificates of one then end where the other's begin."""

    def gradient(images, slopes):
        def spread(given):
            wide = np.zeros_like(given)
            wide[:, pair] = slopes(given[:, pair])
            return wide

        given, change = net.gradient(images, spread)
        return given[:, pair], change

    return dataclasses.replace(net, logits=lambda images: net.logits(images)[:, pair], gradient=gradient)


def test_certificates_of_a_network_hold_and_the_attack_is_one(plain):
    pair = [3, 5]
    images, labels = networks.digits()[2:]
    rows = np.flatnonzero(np.isin(labels, pair))[:40]
    net, images, truth = between(plain, pair), images[rows], (labels[rows] == pair[1]).astype(np.int64)
    found = attacks.certify(net, images, sigma=0.8, n=500, alpha=0.001)
    print(f"certified and right: {found.accuracy(truth)}; abstained: {found.abstentions()}")
    assert found.accuracy(truth).value > 0.5
    check_attacks(net, images, found)


def test_a_picture_that_is_hardly_moved_is_asked_with_fresh_noise():
    flat = Network("flat", SHAPE, logits, lambda images, slopes: (gradient(images, slopes)[0], np.zeros_like(images)))
    before = attacks.certify(flat, IMAGES[:20], sigma=SIGMA, n=500, alpha=ALPHA)
    tiny = dataclasses.replace(before, radii=before.radii * 0)
    after = attacks.attack_certificates(flat, IMAGES[:20], tiny, steps=1, draws=1)
    assert (after.images == IMAGES[:20][after.rows]).all()
    assert (after.after.hits != before.hits[after.rows]).any()


# ---- noise in training


def test_a_network_learns_to_read_noise():
    split = datasets.load("digits", train=2000, calibration=1, test=1, seed=0).train
    split = dataclasses.replace(split, pixels=split.pixels[:, 4:24, 4:24])
    images, labels = (part[:500] for part in networks.digits()[2:])
    noisy = images + np.float32(0.5) * np.random.default_rng(0).standard_normal(images.shape, np.float32)
    right = {}
    for sigma in (0.001, 0.5):
        net = attacks.network(attacks.noise_trained(split, sigma, classes=10, epochs=4))
        right[sigma] = (net.logits(noisy).argmax(axis=1) == labels).mean()
    print(f"of noisy digits read rightly: {right}")
    assert right[0.5] > right[0.001] + 0.1


def test_noise_training_is_the_same_with_the_same_seed():
    train = datasets.load("digits", train=200, calibration=1, test=1, seed=0).train
    one, same, other = (
        attacks.noise_trained(train, 0.2, classes=10, epochs=1, seed=seed).get_weights()[0] for seed in (1, 1, 2)
    )
    np.testing.assert_allclose(one, same, atol=1e-6)
    assert np.abs(one - other).max() > 0.01


# ---- one sentence for each mistake

WRONG = [
    ({"sigma": 0}, ValueError, "sigma must be above 0, .*; got 0"),
    ({"sigma": float("nan")}, ValueError, "sigma must be above 0"),
    ({"alpha": 1.0}, ValueError, "alpha must lie strictly between 0 and 1"),
    ({"n": 12.5}, ValueError, "n must be a whole number"),
    ({"seed": -1}, ValueError, "seed must be a whole number"),
    ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1, got 0"),
    ({"images": IMAGES * 3}, ValueError, r"images must lie in \[0, 1\]"),
    ({"images": IMAGES[:, :2]}, ValueError, r"images must have shape \(N, 3, 2, 1\) for this model"),
    ({"model": lambda images: images}, TypeError, "got function"),
    (
        {"model": dataclasses.replace(LINEAR, logits=lambda images: logits(images) * np.nan)},
        ValueError,
        "linear gave NaN or infinity",
    ),
]


@pytest.mark.parametrize("function", [attacks.certify, attacks.predict_smoothed])
@pytest.mark.parametrize(("wrong", "error", "message"), WRONG)
def test_mistakes(function, wrong, error, message):
    with pytest.raises(error, match=message):
        function(**{"model": LINEAR, "images": IMAGES, "sigma": SIGMA, "n": 20} | wrong)


def test_more_mistakes(certificates):
    with pytest.raises(ValueError, match="n0 must be a whole number of at least 1, got 0"):
        attacks.certify(LINEAR, IMAGES, sigma=SIGMA, n0=0)
    with pytest.raises(ValueError, match="times must be above 0, got 0"):
        attacks.attack_certificates(LINEAR, IMAGES, certificates, times=0)
    with pytest.raises(ValueError, match="got 9 pictures, 300 certificates"):
        attacks.attack_certificates(LINEAR, IMAGES[:9], certificates)
    none = dataclasses.replace(certificates, abstained=np.ones(300, bool))
    with pytest.raises(ValueError, match=r"and 0 certified\. Train the network on noisy pictures"):
        attacks.attack_certificates(LINEAR, IMAGES, none)
    with pytest.raises(ValueError, match="draws must be a whole number of at least 1, got 0"):
        attacks.smoothed(LINEAR, SIGMA, draws=0)
    with pytest.raises(TypeError, match="train must be a Split"):
        attacks.noise_trained(IMAGES, SIGMA, classes=10)
