"""A small world: three classes, four features, and what a calibrated classifier says of them."""

import numpy as np

from helpers.monitoring import served

CENTRES = np.array([[2.0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])


def pictures(n, rng, *, noise=0.9, shift=0.0, unknown=False, weather_counts=0.15):
    """Pictures around their class's centre, and the exact posterior of the usual noise."""
    labels = rng.integers(0, 3, n)
    light, weather = rng.integers(0, 3, n), rng.integers(0, 3, n)
    centre = np.full((n, 4), 0.8) if unknown else CENTRES[labels]
    features = centre + noise * rng.normal(size=(n, 4)) + shift + weather_counts * (weather[:, None] - 1)
    far = np.square(features[:, None] - CENTRES).sum(axis=-1)
    p = np.exp(-(far - far.min(axis=1, keepdims=True)) / (2 * 0.9**2))
    p /= p.sum(axis=1, keepdims=True)
    sets = p >= np.minimum(0.1, p.max(axis=1, keepdims=True))
    return served(p, features, sets, far.min(axis=1) > 9, labels + 3 * unknown, np.stack([light, weather], axis=1))


def world(seed=0, n=1500, **settings):
    rng = np.random.default_rng(seed)
    usual = pictures(n, rng, **settings)
    return {
        "usual": usual,
        "night": usual.take(np.flatnonzero(usual.conditions[:, 0] == 2)),
        "fog": pictures(n, rng, noise=1.6),
        "new class": pictures(n, rng, unknown=True),
        "sensor fault": pictures(n, rng, shift=1.0),
    }
