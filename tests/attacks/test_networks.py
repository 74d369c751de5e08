"""One interface for Keras and torch: the same logits, gradients and fooled pictures; and the losses on top of it."""

import copy
import dataclasses
import gc

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from helpers import attacks
from helpers.attacks import losses
from helpers.models import course_cnn
from helpers.models.backend import keras
from tests.attacks import networks

IMAGES, LABELS = (part[:100] for part in networks.digits()[2:])
TARGETS = (LABELS + 1) % networks.CLASSES
RNG = np.random.default_rng(0)
LOGITS, CLASSES = RNG.normal(0, 3, (30, 6)), RNG.integers(0, 6, 30)
AIMS = {"untargeted": None, "targeted": (CLASSES + 1) % 6}


def slopes_of(loss, labels, targets=None):
    return lambda logits: losses.LOSSES[loss](logits.astype(np.float64), labels, targets)[1]


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("name", losses.LOSSES)
def test_slopes_are_those_of_the_values(name, aim):
    loss, step = losses.LOSSES[name], 1e-2 if name.startswith("softmax") else 1e-6  # float32 and float64
    _, slopes = loss(LOGITS, CLASSES, AIMS[aim])
    for k in range(LOGITS.shape[1]):
        beside = step * np.eye(LOGITS.shape[1])[k]
        difference = loss(LOGITS + beside, CLASSES, AIMS[aim])[0] - loss(LOGITS - beside, CLASSES, AIMS[aim])[0]
        np.testing.assert_allclose(slopes[:, k], difference / (2 * step), atol=2e-3 if step > 1e-3 else 1e-6)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_losses_grow_towards_what_the_attacker_wants(name):
    loss = losses.LOSSES[name]
    fooled, safe = np.array([[1.0, 3.0, 0.0, -1.0]]), np.array([[3.0, 1.0, 0.0, -1.0]])
    labels, targets = np.array([0]), np.array([1])
    assert loss(fooled, labels, None)[0] > loss(safe, labels, None)[0]
    assert loss(fooled, labels, targets)[0] > loss(safe, labels, targets)[0]


def test_dlr_by_hand_and_whatever_the_scale():
    logits, labels = np.array([[4.0, 3.0, 1.0, 0.0]]), np.array([0])
    assert losses.dlr(logits, labels)[0] == pytest.approx([-(4 - 3) / (4 - 1)])
    assert losses.dlr(logits, labels, np.array([2]))[0] == pytest.approx([-(4 - 1) / (4 - (1 + 0) / 2)])
    assert losses.dlr(1000 * logits, labels)[0] == pytest.approx(losses.dlr(logits, labels)[0])
    for classes, targets, needed in ((2, None, 3), (3, np.array([1]), 4)):
        with pytest.raises(ValueError, match=f"needs at least {needed} classes, got {classes}; take loss='margin'"):
            losses.dlr(logits[:, :classes], labels, targets)


def test_only_the_loss_of_probabilities_dies_where_a_network_is_merely_sure():
    sure = np.array([[25.0, 0.0, 1.0]])
    for name, loss in losses.LOSSES.items():
        if name != "dlr":
            own = loss(sure, np.array([0]), None)[1].astype(np.float32)
            assert own.any() != (name == "softmax_cross_entropy")


def test_keras_and_torch_give_the_same(twins, plain):
    other = attacks.network(networks.to_keras(twins["plain"]))
    assert (plain.name, other.name) == ("CourseCNN", "course_cnn")
    for name in losses.LOSSES:
        (one, change), (two, further) = (each.gradient(IMAGES, slopes_of(name, LABELS)) for each in (plain, other))
        np.testing.assert_allclose(one, two, atol=1e-4)
        np.testing.assert_allclose(change, further, atol=1e-4 * np.abs(change).max())
    threat = attacks.ThreatModel(0.15)
    one, two = (attacks.pgd(each, IMAGES, LABELS, threat, steps=10) for each in (plain, other))
    assert 0 < one.fooled.sum() < len(LABELS)
    assert (one.fooled == two.fooled).all()


def test_a_network_outlives_the_name_of_its_model():
    net = attacks.network(course_cnn(networks.SHAPE, networks.CLASSES, seed=0))
    gc.collect()
    assert net.gradient(IMAGES[:2], slopes_of("margin", LABELS[:2]))[1].any()
    assert net.logits(IMAGES[:2]).shape == (2, networks.CLASSES)


def test_gradients_are_those_of_finite_differences(twins, plain):
    # On a background of zeros all places of a pool tie, and a tie has no gradient: no two pixels may be alike.
    images = (0.1 + 0.8 * IMAGES + RNG.uniform(0, 0.1, IMAGES.shape)).astype(np.float32)
    _, change = plain.gradient(images, slopes_of("cross_entropy", LABELS))
    exact = copy.deepcopy(twins["plain"]).double()  # in float32, differences of so small a step are rounding
    toward = RNG.choice([-1, 1], IMAGES.shape)

    def values(step):
        with torch.no_grad():
            return losses.cross_entropy(exact.logits(torch.tensor(images + step * toward)).numpy(), LABELS)[0]

    measured = (values(1e-7) - values(-1e-7)) / 2e-7
    expected = (change * toward).reshape(len(LABELS), -1).sum(axis=1)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(measured, expected, atol=1e-3 * np.abs(expected).max())


def test_a_torch_model_is_left_as_it_was():
    model = networks.CourseCNN(networks.SHAPE, networks.CLASSES, dropout=0.5).train()
    net = attacks.network(model)
    one, two = (net.gradient(IMAGES[:4], slopes_of("margin", LABELS[:4])) for _ in range(2))
    assert (one[0] == two[0]).all(), "dropout was on"
    assert model.training
    assert all(weight.grad is None for weight in model.parameters())
    assert not np.isnan(net.predict(IMAGES[:4])).any()


def test_pictures_that_may_not_be_written_to(plain):
    locked = IMAGES[:4].copy()
    locked.flags.writeable = False
    attacks.pgd(plain, locked, LABELS[:4], attacks.ThreatModel(0.1), steps=2)


def test_an_attack_inside_no_grad_still_has_gradients(plain):
    with torch.no_grad():
        assert plain.gradient(IMAGES[:4], slopes_of("margin", LABELS[:4]))[1].any()


def test_going_around_a_defence(plain):
    masked, slopes = attacks.shattered(plain), slopes_of("cross_entropy", LABELS)
    seen = attacks.rounded(IMAGES)
    assert not masked.gradient(IMAGES, slopes)[1].any()
    given, change = attacks.bpda(masked, plain, attacks.rounded).gradient(IMAGES, slopes)
    np.testing.assert_array_equal(given, plain.logits(seen))
    np.testing.assert_allclose(change, plain.gradient(seen, slopes)[1], atol=1e-6)
    by_another = attacks.bpda(masked, plain).gradient(IMAGES, lambda _: slopes(given))[1]
    np.testing.assert_allclose(by_another, plain.gradient(IMAGES, lambda _: slopes(given))[1], atol=1e-6)


def test_an_average_over_draws_is_one_over_logits_and_gradients(plain):
    slopes = slopes_of("margin", LABELS)
    given, change = attacks.eot(attacks.randomised(plain), 3).gradient(IMAGES, slopes)
    masked = attacks.randomised(plain)
    single = [masked.gradient(IMAGES, slopes) for _ in range(3)]
    np.testing.assert_allclose(given, np.mean([each[0] for each in single], axis=0), atol=1e-4)
    np.testing.assert_allclose(change, np.mean([each[1] for each in single], axis=0), atol=1e-4)
    assert (single[0][1] != single[1][1]).any(), "the noise was not fresh"
    averaged = attacks.eot(attacks.randomised(plain), 40)
    assert averaged.calls == 40
    noise = np.abs(averaged.logits(IMAGES) - plain.logits(IMAGES)).mean()
    assert noise < 0.3 * np.abs(masked.logits(IMAGES) - plain.logits(IMAGES)).mean()
    with pytest.raises(ValueError, match="draws must be a whole number of at least 1, got 0"):
        attacks.eot(plain, 0)


# ---- what is no network


class NoShape(torch.nn.Module):
    def logits(self, images):
        return images


def test_models_without_gradients_are_told_what_to_take_instead(plain):
    forest = LogisticRegression().fit(IMAGES.reshape(100, -1), LABELS)
    for model in (plain.predict, forest, "model", None):
        with pytest.raises(
            TypeError, match=rf"got {type(model).__name__}\..*take the attacks that only ask.*black_box"
        ):
            attacks.network(model)
    for module in (torch.nn.Linear(2, 2), NoShape()):
        with pytest.raises(TypeError, match=rf"a method 'logits'.*'shape'.*{type(module).__name__} has not.*black_box"):
            attacks.network(module)


def test_keras_models_without_logits():
    inputs = keras.Input(networks.SHAPE)
    softmax = keras.layers.Dense(10, activation="softmax", name="logits")(keras.layers.Flatten()(inputs))
    with pytest.raises(ValueError, match="applies softmax, so it does not give logits"):
        attacks.network(keras.Model(inputs, softmax))
    with pytest.raises(TypeError, match="Sequential"):
        attacks.network(keras.Sequential([keras.layers.Dense(2)]))


def test_a_network_is_handed_back_and_not_traced_again():
    net = attacks.network(course_cnn(networks.SHAPE, 10, seed=0))
    assert attacks.network(net) is net


def test_pictures_of_another_size(plain):
    with pytest.raises(ValueError, match=r"must have shape \(N, 20, 20, 1\) for this model, got \(2, 28, 28, 1\)"):
        plain.ask(np.zeros((2, 28, 28, 1), np.float32))


# ---- in pieces


@pytest.mark.parametrize(
    ("at_once", "is_random", "sizes"), [(64, False, [43, 43, 44]), (64, True, [130]), (None, False, [130])]
)
def test_a_batch_is_asked_about_in_the_pieces_that_are_fastest(at_once, is_random, sizes):
    asked = []

    def logits(images):
        asked.append(len(images))
        return images.reshape(len(images), -1)

    def gradient(images, slopes):
        return logits(images), slopes(images.reshape(len(images), -1)).reshape(images.shape).astype(np.float32)

    net = attacks.Network("pieces", (1, 3, 1), logits, gradient, random=is_random, at_once=at_once)
    images = np.random.default_rng(0).random((130, 1, 3, 1), dtype=np.float32)
    assert (net.ask(images) == images.reshape(130, 3)).all()
    assert asked == sizes
    whole = dataclasses.replace(net, at_once=None)
    labels, threat = images.reshape(130, 3).argmax(axis=1), attacks.ThreatModel(0.1)
    if not is_random:
        assert (
            attacks.pgd(net, images, labels, threat).images == attacks.pgd(whole, images, labels, threat).images
        ).all()
