"""FGSM and PGD: what holds whatever they are given, how strong they are, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import attacks
from helpers.attacks import Network, ThreatModel
from helpers.attacks.white_box import _better
from tests.attacks import networks

IMAGES, LABELS = (part[:200] for part in networks.digits()[2:])


# ---- properties, on a network whose rows are computed one by one, so that rounding does not hang on the batch

WEIGHTS = np.random.default_rng(1).normal(0, 1, (12, 8)), np.random.default_rng(2).normal(0, 1, (8, 4))


def forwards(images):
    hidden = np.tanh(np.einsum("np,ph->nh", images.reshape(len(images), -1).astype(np.float64), WEIGHTS[0]))
    return hidden, np.einsum("nh,hk->nk", hidden, WEIGHTS[1]).astype(np.float32)


def backwards(images, slopes):
    hidden, logits = forwards(images)
    behind = np.einsum("nk,hk->nh", np.asarray(slopes(logits), np.float64), WEIGHTS[1]) * (1 - hidden**2)
    return logits, np.einsum("nh,ph->np", behind, WEIGHTS[0]).astype(np.float32).reshape(images.shape)


SMALL = Network("small", (3, 2, 2), lambda images: forwards(images)[1], backwards)


def cases(n, seed):
    rng = np.random.default_rng(seed)
    images = rng.random((n, 3, 2, 2), dtype=np.float32)
    images[rng.random(images.shape) < 0.3] = 0  # many real pixels lie on the side of the box
    logits = SMALL.logits(images)
    return images, np.where(rng.random(n) < 0.9, logits.argmax(axis=1), 0), rng.integers(0, 4, n)


settings = {
    "n": st.integers(1, 20),
    "seed": st.integers(0, 1000),
    "threat": st.one_of(
        st.builds(ThreatModel, st.floats(0, 1)), st.builds(ThreatModel, st.floats(0, 3), st.just("l2"))
    ),
    "loss": st.sampled_from(sorted(attacks.LOSSES)),
    "targeted": st.booleans(),
    "restarts": st.integers(1, 3),
}


@given(**settings)
def test_what_holds_of_every_attack(n, seed, threat, loss, targeted, restarts):
    images, labels, targets = cases(n, seed)
    options = {"steps": 4, "restarts": restarts, "loss": loss, "seed": seed, "targets": targets if targeted else None}
    one = attacks.pgd(SMALL, images, labels, threat, **options)
    assert (threat.sizes(one.images, images) <= threat.epsilon + 1e-6).all()
    assert one.images.min() >= 0
    assert one.images.max() <= 1
    reached = attacks.margins(SMALL.logits(one.images), targets if targeted else labels, targeted=targeted)
    np.testing.assert_allclose(one.margins, reached, atol=1e-6)
    assert (one.fooled == (reached <= 0)).all()
    already = attacks.margins(SMALL.logits(images), targets if targeted else labels, targeted=targeted) <= 0
    assert (one.images[already] == images[already]).all()
    assert one.fooled[already].all()
    assert (one.queries[already] == 1).all()
    for other in (
        attacks.pgd(SMALL, images, labels, threat, early_stop=False, **options),
        attacks.pgd(SMALL, images, labels, threat, batch_size=3, **options),
    ):
        assert (other.fooled == one.fooled).all()
        assert (other.queries >= one.queries).all()
    np.testing.assert_array_equal(other.images, one.images)  # of another batch size


@given(st.integers(0, 1000), st.floats(0, 3))
def test_the_projection_onto_a_ball_is_the_nearest_place_on_it(seed, epsilon):
    rng = np.random.default_rng(seed)
    originals, moved = np.full((5, 3, 2, 2), 0.5, np.float32), rng.random((5, 3, 2, 2), dtype=np.float32)
    threat = ThreatModel(epsilon, "l2")
    projected, before = threat.project(moved, originals), threat.sizes(moved, originals)
    np.testing.assert_allclose(threat.sizes(projected, originals), np.minimum(before, epsilon), atol=1e-6)
    np.testing.assert_allclose(threat.sizes(moved, projected), np.maximum(before - epsilon, 0), atol=1e-6)


def test_the_same_seed_gives_the_same_and_another_another():
    images, labels, _ = cases(20, 0)
    one, same, other = (attacks.pgd(SMALL, images, labels, ThreatModel(0.1), steps=2, seed=s).images for s in (3, 3, 4))
    assert (one == same).all()
    assert (one != other).any()


def test_restarts_begin_at_other_places_and_the_first_where_it_is_told():
    images, labels, _ = cases(20, 0)
    seen = []
    spy = Network(
        "spy", (3, 2, 2), SMALL.logits, lambda images, slopes: seen.append(images) or backwards(images, slopes)
    )
    threat = ThreatModel(0.001)
    attacks.pgd(spy, images, labels, threat, steps=1, restarts=3, start=images, early_stop=False)
    rows = attacks.margins(SMALL.logits(images), labels) > 0
    assert (seen[0] == images[rows]).all()
    assert (seen[1] != seen[0]).any()
    assert (seen[1] != seen[2]).any()


def test_a_picture_begins_in_the_same_places_whatever_stands_beside_it():
    images, labels, _ = cases(20, 0)
    threat = ThreatModel(0.05)

    def run(rows):
        return attacks.pgd(
            SMALL, images[rows], labels[rows], threat, steps=1, restarts=3, early_stop=False, batch_size=7
        ).images

    assert (run(np.arange(20))[[11, 3]] == run(np.array([11, 3]))).all()


# ---- how strong, on real digits


def test_nothing_is_left_as_epsilon_grows_and_noise_of_the_same_size_costs_little(plain):
    sizes = (0.0, 0.1, 0.2, 0.3, 0.5)
    left = [1 - attacks.pgd(plain, IMAGES, LABELS, ThreatModel(size), steps=10).fooled.mean() for size in sizes]
    assert left == sorted(left, reverse=True)
    assert left[0] == pytest.approx(networks.accuracy(plain, IMAGES, LABELS))
    assert left[-1] == 0
    threat = ThreatModel(0.2)
    noisy = threat.random(IMAGES, np.random.default_rng(0))
    assert left[0] - networks.accuracy(plain, noisy, LABELS) <= 0.03
    assert left[0] - left[2] >= 0.5


def test_many_steps_beat_one_and_a_target_is_harder(plain):
    threat = ThreatModel(0.15)
    one, many = attacks.fgsm(plain, IMAGES, LABELS, threat), attacks.pgd(plain, IMAGES, LABELS, threat, steps=10)
    assert many.fooled.sum() > one.fooled.sum() > 0
    targets = (LABELS + 1) % 10
    aimed = attacks.pgd(plain, IMAGES, LABELS, threat, steps=10, targets=targets)
    assert 0 < aimed.fooled.sum() < many.fooled.sum()
    assert (plain.logits(aimed.images).argmax(axis=1) == targets)[aimed.fooled].all()
    moved = np.unique(np.round(np.abs(one.images - IMAGES), 5))
    assert moved.max() == pytest.approx(0.15, abs=1e-4)
    assert attacks.fgsm(plain, IMAGES[:9], LABELS[:9], threat, random_start=True).name == "FGSM, random start"


def test_the_lower_margin_is_better():
    assert _better(np.array([1.0, 2.0, 0.0]), np.array([2.0, 1.0, 0.0])).tolist() == [True, False, False]


def test_a_lucky_draw_of_a_randomised_network_fools_nobody(plain):
    """A network that is right nine times in ten: every attack meets the tenth, and what counts is asked afterwards."""
    rng = np.random.default_rng(0)

    def moody(images):
        logits = plain.logits(images)
        return np.where(rng.random((len(images), 1)) < 0.1, -logits, logits)

    nothing = Network(
        "moody", networks.SHAPE, moody, lambda images, slopes: (moody(images), np.zeros_like(images)), random=True
    )
    rows = plain.ask(IMAGES).argmax(axis=1) == LABELS
    result = attacks.pgd(nothing, IMAGES[rows], LABELS[rows], ThreatModel(0.01), steps=20)
    assert result.fooled.mean() < 0.3  # a tenth was wrong from the start, and a tenth of the rest at the end


# ---- one sentence for each mistake

PICTURES, CLASSES, SMALL_CHANGE = np.full((2, 20, 20, 1), 0.5, np.float32), [1, 2], ThreatModel(0.1)
WRONG = [
    ({"images": (PICTURES * 255).astype(np.uint8)}, TypeError, "images must be a float32 array .* got a uint8 array"),
    ({"images": PICTURES * 3}, ValueError, r"images must lie in \[0, 1\], got 1.5"),
    ({"images": PICTURES * np.nan}, ValueError, "look for NaN"),
    ({"images": PICTURES[0]}, ValueError, r"shape \(N, H, W, C\)"),
    (
        {"images": PICTURES[:, :18]},
        ValueError,
        r"must have shape \(N, 20, 20, 1\) for this model, got \(2, 18, 20, 1\)",
    ),
    ({"labels": [1]}, ValueError, r"labels must have shape \(2,\)"),
    ({"labels": [1, 10]}, ValueError, r"labels must lie in 0\.\.9 for 10 classes, got 1\.\.10"),
    ({"labels": [0.0, 1.0]}, TypeError, "labels must be integers, got float64"),
    ({"threat": 0.1}, TypeError, "threat must be a ThreatModel, such as .*, got 0.1"),
    ({"targets": [1]}, ValueError, r"targets must have shape \(2,\)"),
    ({"targets": [1, -1]}, ValueError, r"targets must lie in 0\.\.9"),
    ({"loss": "hinge"}, ValueError, "loss must be one of cross_entropy, margin, .*; got 'hinge'"),
    ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1, got 0"),
    ({"seed": -1}, ValueError, "seed must be a whole number"),
    ({"model": lambda images: images}, TypeError, "got function.*black_box"),
]
ONLY_PGD = [
    ({"steps": 0}, ValueError, "steps must be a whole number of at least 1, got 0"),
    ({"restarts": 1.5}, ValueError, "restarts must be a whole number of at least 1, got 1.5"),
    ({"step_size": -0.1}, ValueError, "step_size must be a number of at least 0, got -0.1"),
    ({"step_size": float("nan")}, ValueError, "step_size must be a number of at least 0, got nan"),
    ({"start": PICTURES + 0.2}, ValueError, "start must hold a picture for each, at most L-inf 25.5/255 from it"),
    ({"start": PICTURES[:1]}, ValueError, "start must hold a picture for each.*: 1 given"),
    ({"start": PICTURES[:, :18]}, ValueError, r"start must have shape \(N, 20, 20, 1\)"),
]


@pytest.mark.parametrize(
    ("attack", "wrong", "error", "message"),
    [(attacks.pgd, *each) for each in WRONG + ONLY_PGD] + [(attacks.fgsm, *each) for each in WRONG],
)
def test_mistakes(plain, attack, wrong, error, message):
    call = {"model": plain, "images": PICTURES, "labels": CLASSES, "threat": SMALL_CHANGE} | wrong
    with pytest.raises(error, match=message):
        attack(**call)


@pytest.mark.parametrize("epsilon", [-0.1, 1.5, 8, float("nan"), "8/255", True, None])
def test_sizes_that_cannot_be(epsilon):
    with pytest.raises(ValueError, match=r"epsilon must be at least 0 and at most 1: .* 8/255; got") as caught:
        ThreatModel(epsilon)
    assert repr(epsilon) in str(caught.value)


def test_probabilities_in_place_of_logits(plain):
    softmax = Network("softmax", networks.SHAPE, plain.predict, plain.gradient)
    with pytest.raises(ValueError, match=r"softmax gives sums to 1.*these are probabilities, and logits are needed"):
        attacks.pgd(softmax, PICTURES, CLASSES, SMALL_CHANGE)


def test_networks_that_diverged(plain):
    broken = Network("broken", networks.SHAPE, lambda images: np.nan * plain.logits(images), plain.gradient)
    with pytest.raises(ValueError, match=r"what broken gives must be finite.*Did training diverge"):
        attacks.pgd(broken, PICTURES, CLASSES, SMALL_CHANGE)
