"""The inside of models, for explanations and attacks: gradients by finite differences and against torch, in batches."""

import logging

import numpy as np
import pytest
import torch

from helpers import models
from helpers.models import graphs
from helpers.models.backend import keras, tf
from tests.explain.networks import CLASSES, course_network, distance, pictures, residual_network, some_classes


def cross_entropy(logits, labels):
    """What an attack climbs: one loss for each picture."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


@pytest.fixture(scope="module")
def network():
    return course_network()


@pytest.fixture(scope="module")
def asked():
    return pictures(7), some_classes(7)


def away_from_the_ends(images):
    """In [0.1, 0.9], so that a small step leaves no picture outside [0, 1]."""
    return np.float32(0.1) + np.float32(0.8) * images


# ---- the numbers


def test_the_gradient_of_a_chosen_logit_is_the_torch_twins(network, asked):
    images, classes = torch.from_numpy(asked[0].copy()).requires_grad_(), torch.from_numpy(asked[1])
    models.to_torch(network).logits(images).gather(1, classes[:, None]).sum().backward()
    own = graphs.gradient_function(network)(*asked)
    assert own.dtype == np.float32
    assert distance(own, images.grad.numpy()) < 1e-5


def test_the_gradient_of_a_loss_is_the_torch_twins(network, asked):
    images, classes = torch.from_numpy(asked[0].copy()).requires_grad_(), torch.from_numpy(asked[1])
    logits = models.to_torch(network).logits(images)
    torch.nn.functional.cross_entropy(logits, classes, reduction="sum").backward()
    own = graphs.gradient_function(network, cross_entropy)(*asked)
    assert distance(own, images.grad.numpy()) < 1e-5
    assert distance(own, graphs.gradient_function(network)(*asked)) > 0.1


def test_the_gradient_of_a_network_that_branches_is_the_slope():
    """By a step against the gradient's own direction, where the logit must change by its length."""
    model = residual_network()
    images, classes = away_from_the_ends(pictures(4, (24, 20, 3))), some_classes(4, 5)
    gradient = graphs.gradient_function(model)(images, classes)
    length = np.sqrt((gradient**2).sum(axis=(1, 2, 3)))
    step = np.float32(1e-3) * gradient / length[:, None, None, None]
    logits = models.predict_function(graphs.logits_of(model))
    up, down = (logits(images + way * step)[range(4), classes] for way in (1, -1))
    np.testing.assert_allclose((up - down) / 2e-3, length, rtol=0.02)


def test_a_function_of_the_callers_own_in_one_graph(network, asked):
    """As an attack's loop will be: several steps between two returns to Python."""

    def climb(images, classes, size):
        for _ in range(3):
            images += size * tf.sign(graphs.input_gradient(logits, images, classes, cross_entropy))
        return images

    logits = graphs.logits_of(network)
    run = graphs.traced(climb, logits, tf.TensorSpec((), tf.float32))
    images, classes = away_from_the_ends(asked[0]), asked[1]
    moved = graphs.in_blocks(lambda x, y: run(x, y, tf.constant(0.01)), logits, images, classes, 4)
    by_hand, gradient = images, graphs.gradient_function(network, cross_entropy)
    for _ in range(3):
        by_hand = by_hand + np.float32(0.01) * np.sign(gradient(by_hand, classes))
    assert np.mean(np.abs(moved - by_hand) < 1e-6) > 0.99  # where a gradient is nearly 0, rounding decides its sign
    assert np.mean(np.abs(moved - images) > 0.009) > 0.8  # no filter sees the last two rows and columns


# ---- many pictures


def test_a_gradient_does_not_depend_on_what_stands_beside_its_picture(network, asked):
    together = graphs.gradient_function(network, cross_entropy)(*asked)
    for batch_size in (1, 3):
        again = graphs.gradient_function(network, cross_entropy, batch_size=batch_size)(*asked)
        assert np.linalg.norm(again - together) < 1e-4 * np.linalg.norm(together)


def test_batches_of_large_pictures_are_small(network):
    assert graphs.batch_size_for(network, None) == 256
    assert graphs.batch_size_for(keras.Model(inputs := keras.Input((224, 224, 3)), inputs), None) == 5
    assert graphs.batch_size_for(keras.Model(inputs := keras.Input((2000, 2000, 3)), inputs), None) == 1
    assert graphs.batch_size_for(network, 7) == 7


def test_no_larger_batch_than_asked_for(network, asked):
    seen = []

    def run(images, classes):
        seen.append(len(images))
        return tf.zeros(images.shape[:1])

    graphs.in_blocks(run, network, *asked, 3)
    assert seen == [3, 3, 1]


def test_six_models_without_a_warning(caplog):
    """One graph for each, whatever the number of pictures: TensorFlow does not complain of retracing."""
    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        for seed in range(6):  # it complains at the fifth
            gradient = graphs.gradient_function(models.course_cnn((20, 20, 3), 3, seed=seed))
            for count in (1, 2, 3):
                gradient(pictures(count, (20, 20, 3)), np.zeros(count, int))
    assert not caplog.records


# ---- what is refused


def test_refuses_a_score_that_is_no_number_for_each_picture(network):
    with pytest.raises(ValueError, match=r"one number for each picture, shape \(N,\), it gave shape \(\)"):
        graphs.gradient_function(network, lambda logits, labels: tf.reduce_mean(cross_entropy(logits, labels)))
    with pytest.raises(ValueError, match="one number for each picture"):
        graphs.gradient_function(network, lambda logits, labels: logits)


def test_refuses_a_score_without_a_gradient(network):
    with pytest.raises(ValueError, match="does not depend on the logits"):
        graphs.gradient_function(network, lambda logits, labels: tf.cast(labels, tf.float32))


def test_refuses_pictures_and_classes(network):
    gradient, one = graphs.gradient_function(network), pictures(1)
    with pytest.raises(ValueError, match=rf"classes must lie in 0\.\.{CLASSES - 1}"):
        gradient(one, [CLASSES])
    with pytest.raises(ValueError, match="one per picture"):
        gradient(one, [1, 2])
    with pytest.raises(TypeError, match="float32 array"):
        gradient((255 * one).astype(np.uint8), [1])
    with pytest.raises(ValueError, match=r"shape \(N, 32, 32, 3\) for this model"):
        gradient(pictures(1, (28, 28, 3)), [1])
    with pytest.raises(ValueError, match="batch_size must be"):
        graphs.gradient_function(network, batch_size=0)
