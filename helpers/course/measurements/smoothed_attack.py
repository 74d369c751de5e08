"""Certificates of randomised smoothing under an attack that knows the noise, and the same attack where it may win."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from helpers.attacks.networks import network
from helpers.attacks.smoothing import Broken, attack_certificates, certify, noise_trained
from helpers.course.measurements.base import Given, Measurement
from helpers.datasets import digits

SIGMA, ALPHA, RADIUS = 0.5, 0.001, 0.5
RIGHT = "Digits read rightly with a certificate of at least 0.5 (L2)"
ABSTAINED = "Digits on which the smoothed classifier abstained"
INSIDE = "Digits certified and broken inside their radius"
TWICE = "Digits certified and broken inside twice their radius"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Given]:
    """Train under noise, certify, and attack inside the radius and at twice the radius.

    Parameters
    ----------
    sizes : mapping
        ``train`` and ``epochs``: digits learned from, and how often; ``pictures``: certified and attacked; ``draws``:
        of a certificate; ``steps``: of an attack.
    seed : int
        Seed of the split, of the training, and of all noise.

    Returns
    -------
    dict of str to numpy.ndarray
        Digit by digit, of *all* digits; those on which the classifier abstained are not attacked, and count as not
        broken.
    """
    data = digits.load(train=sizes["train"], calibration=1, test=sizes["pictures"], seed=seed)
    images, labels = data.test.images, data.test.labels
    model = noise_trained(data.train, SIGMA, classes=10, epochs=sizes["epochs"], seed=seed)
    net = network(model)
    found = certify(net, images, sigma=SIGMA, n=sizes["draws"], alpha=ALPHA, seed=seed)

    def broken(times: float) -> NDArray[np.bool_]:
        tried = attack_certificates(net, images, found, times=times, steps=sizes["steps"], seed=seed)
        return _of_all(len(images), tried)

    return {
        RIGHT: (found.classes == labels) & ~found.abstained & (found.radii >= RADIUS),
        ABSTAINED: found.abstained,
        INSIDE: broken(1.0),
        TWICE: broken(2.0),
    }


def _of_all(pictures: int, tried: Broken) -> NDArray[np.bool_]:
    broken = np.zeros(pictures, bool)
    broken[tried.rows] = tried.broken
    return broken


MEASUREMENT = Measurement(
    question="How many certificates of randomised smoothing does an attack on the smoothed classifier break?",
    run=run,
    full={"train": 3500, "epochs": 8, "pictures": 500, "draws": 500, "steps": 10},
    toy={"train": 640, "epochs": 4, "pictures": 20, "draws": 300, "steps": 5},
    bounds={RIGHT: (0, 1), ABSTAINED: (0, 1), INSIDE: (0, 1), TWICE: (0, 1)},
)
