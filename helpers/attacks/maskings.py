"""Three "defences" that hide a network's gradients and leave it as easily fooled as before: to be seen through.

Each takes a network and gives one, to be attacked (:func:`pgd`) or asked (``masked.predict``). None is a defence:
Athalye, Carlini and Wagner, "Obfuscated Gradients Give a False Sense of Security", 2018, broke seven of nine like them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from helpers.attacks.networks import Logits, Network, Slopes
from helpers.contracts import Images, check_count, check_seed


def saturated(network: Network, scale: float = 1000.0) -> Network:
    """Logits so large that the softmax is 1 and 0 exactly, and its gradient 0. A margin loss does not care.

    Parameters
    ----------
    network : Network
        Any.
    scale : float
        What logits are multiplied by. From 104 over the smallest gap between a picture's two largest logits on, the
        cross-entropy's gradient is 0 in float32.

    Returns
    -------
    Network
        It reads every picture as `network` does.

    Raises
    ------
    ValueError
        If `scale` is not above 0.

    References
    ----------
    Carlini and Wagner, "Defensive Distillation is Not Robust to Adversarial Examples", 2016.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be above 0, got {scale!r}")
    factor = np.float32(scale)

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        def in_float32(logits: Logits) -> NDArray[np.float32]:
            return factor * np.asarray(slopes(factor * logits), np.float32)  # it underflows, as in any framework

        given, change = network.gradient(images, in_float32)
        return factor * given, change

    name = f"{network.name}, saturated"
    return replace(network, name=name, logits=lambda images: factor * network.logits(images), gradient=gradient)


def rounded(images: Images, levels: int = 16) -> Images:
    """Pixels rounded to a few values between 0 and 1: what a thermometer code keeps of them.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    levels : int
        How many values are left, at least 2.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        Rounded pictures.

    Raises
    ------
    ValueError
        If `levels` is below 2.
    """
    if check_count(levels, "levels") < 2:
        raise ValueError(f"levels must be at least 2, got {levels}")
    steps = np.float32(levels - 1)
    return (np.round(images * steps) / steps).astype(np.float32)


def shattered(network: Network, levels: int = 16) -> Network:
    """Pixels rounded before the network sees them: the gradient of a stair is 0 almost everywhere.

    Parameters
    ----------
    network : Network
        Any.
    levels : int
        How many values a pixel may have, at least 2.

    Returns
    -------
    Network
        Its gradient is 0, as it truly is. ``bpda(shattered(network), network, rounded)`` goes around the stair.

    Raises
    ------
    ValueError
        If `levels` is below 2.

    References
    ----------
    Buckman, Roy, Raffel and Goodfellow, "Thermometer Encoding: One Hot Way to Resist Adversarial Examples", 2018.
    """
    rounded(np.zeros((1, 1, 1, 1), np.float32), levels)

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        del slopes  # whatever they are, a stair hands none on
        return network.logits(rounded(images, levels)), np.zeros_like(images)

    return replace(
        network,
        name=f"{network.name}, shattered",
        logits=lambda images: network.logits(rounded(images, levels)),
        gradient=gradient,
    )


def randomised(network: Network, amount: float = 1.0, *, levels: int = 16, seed: int = 0) -> Network:
    """Fresh noise at every call, which answers hardly notice and gradients drown in.

    What :func:`rounded` would take from a picture, at most half a level a pixel, is weighed by random numbers and added
    to the logits. That moves logits by little, and their slope by the random numbers themselves. On average over calls
    it is nothing at all, so :func:`eot` sees the network as it is.

    Parameters
    ----------
    network : Network
        Any.
    amount : float
        Standard deviation of the random numbers, at least 0: logits for each unit of a pixel. The gradient is hidden
        where this is several times as much as its own values.
    levels : int
        How many values a pixel may have before rounding takes nothing from it.
    seed : int
        Where the noise starts. Every call takes the next: the same calls in the same order give the same.

    Returns
    -------
    Network
        A random one. All pictures of one call share its noise.

    Raises
    ------
    ValueError
        If `amount` is below 0, `levels` below 2, or `seed` is none.

    References
    ----------
    He, Rakin and Fan, "Parametric Noise Injection", 2019, is a defence of this kind; Athalye et al. 2018 say why such
    ones have to be averaged over.
    """
    rng = np.random.default_rng(check_seed(seed))
    rounded(np.zeros((1, 1, 1, 1), np.float32), levels)
    if not (np.isfinite(amount) and amount >= 0):
        raise ValueError(f"amount must be at least 0, got {amount!r}")

    def noise(images: Images, classes: int) -> tuple[Logits, NDArray[np.float32]]:
        weights = rng.standard_normal((images[0].size, classes), np.float32) * np.float32(amount)
        return (images - rounded(images, levels)).reshape(len(images), -1) @ weights, weights

    def logits(images: Images) -> Logits:
        given = network.logits(images)
        return given + noise(images, given.shape[1])[0]

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        kept = []

        def with_noise(given: Logits) -> NDArray[np.float32]:
            added, weights = noise(images, given.shape[1])
            behind = np.asarray(slopes(given + added), np.float32)
            kept.append((given + added, behind @ weights.T))
            return behind

        _, change = network.gradient(images, with_noise)
        answers, further = kept[0]
        return answers, change + further.reshape(images.shape)

    return replace(network, name=f"{network.name}, randomised", logits=logits, gradient=gradient, random=True)
