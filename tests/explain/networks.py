"""Small networks and pictures for the tests of methods that explain: random weights, biases too, nothing trained."""

import numpy as np

from helpers import models
from helpers.models.backend import keras

SHAPE = (32, 32, 3)
CLASSES = 10


def course_network(seed=0):
    """A course CNN with random weights whose biases are random too, as after training."""
    return with_biases(models.course_cnn(SHAPE, CLASSES, seed=seed), seed)


def with_biases(model, seed=0):
    """Random biases, and random statistics of batch normalisation: Keras starts with zeros and ones."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
        elif getattr(layer, "use_bias", False):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.1, bias.shape)])
    return model


def residual_network(shape=(24, 20, 3), classes=5):
    """A graph with a shortcut around two convolutions, batch normalisation and ReLU6, as ImageNet networks have."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape, name="images")
    x = keras.layers.Rescaling(3.0, offset=-1.5, name="normalise")(inputs)
    x = keras.layers.ZeroPadding2D(1, name="pad")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, use_bias=False, name="stem")(x)
    x = keras.layers.BatchNormalization(name="stem_norm")(x)
    start = keras.layers.ReLU(max_value=6.0, name="stem_relu")(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", name="inside")(start)
    x = keras.layers.ReLU(max_value=6.0, name="inside_relu")(x)
    x = keras.layers.Conv2D(8, 1, name="project")(x)
    x = keras.layers.Add(name="add")([start, x])
    x = keras.layers.Conv2D(16, 3, activation="relu", name="last")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    logits = keras.layers.Dense(classes, name="logits")(x)
    return with_biases(keras.Model(inputs, keras.layers.Softmax(name="probabilities")(logits), name="residual"))


def pictures(n, shape=SHAPE, seed=0):
    """Noise in [0, 1]: no two pixels are alike, so gradients are unique."""
    return np.random.default_rng(seed).random((n, *shape), dtype=np.float32)


def some_classes(n, classes=CLASSES, seed=0):
    """Classes to explain."""
    return np.random.default_rng(seed).integers(0, classes, n)


def distance(one, other):
    """Largest difference as a share of the largest value of the second."""
    return float(np.abs(np.asarray(one, np.float64) - other).max() / np.abs(other).max())
