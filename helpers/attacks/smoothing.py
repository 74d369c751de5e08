"""Randomised smoothing: a classifier that answers by vote over noise, and how far its answer is certain to hold.

The smoothed classifier reads a picture as the class that the network gives most often when normal noise is added to
every pixel. How often is estimated by asking many times, so a certificate holds with a stated chance of being wrong.

A noisy picture leaves [0, 1], and must: the theorem is about noise that nothing has clipped. The network is asked by
its logits, which take any pixel, and not by a predict function, which refuses what is no picture.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from helpers.attacks.base import ThreatModel
from helpers.attacks.networks import Logits, Network, Slopes, network
from helpers.attacks.white_box import pgd
from helpers.contracts import (
    Images,
    Labels,
    check_answers,
    check_count,
    check_fits,
    check_images,
    check_labels,
    check_seed,
    check_share,
    rng_of,
)
from helpers.datasets.base import Split, check_split, to_unit_range
from helpers.intervals import Estimate, proportion
from helpers.progress import with_bar

if TYPE_CHECKING:
    import keras

_BATCH_SIZE = 256


@dataclass(frozen=True)
class Certificates:
    """What the smoothed classifier says of some pictures, and how far it is certain to say the same.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise on each pixel.
    n : int
        Draws for each picture that the certificates rest on.
    alpha : float
        Chance, for each picture, that its certificate is wrong.
    classes : numpy.ndarray of int64, shape (N,)
        The class that was most frequent in the first draws; also where the classifier abstained.
    hits : numpy.ndarray of int64, shape (N,)
        How many of the `n` draws were read as that class.
    abstained : numpy.ndarray of bool, shape (N,)
        Where it is not certain that more than half of all draws would be.
    radii : numpy.ndarray of float64, shape (N,)
        Length (L2, over all pixels of a picture) of the shortest change that could alter the answer; 0 where the
        classifier abstained.
    """

    sigma: float
    n: int
    alpha: float
    classes: Labels
    hits: NDArray[np.int64]
    abstained: NDArray[np.bool_]
    radii: NDArray[np.float64]

    def accuracy(self, labels: ArrayLike, radius: float = 0.0) -> Estimate:
        """Share of *all* pictures that are read rightly with a certificate of at least a radius.

        Parameters
        ----------
        labels : array_like of int, shape (N,)
            True classes.
        radius : float
            L2, in the unit of the pixels, at least 0.

        Returns
        -------
        Estimate
            With its 95% interval. Pictures on which the classifier abstained count as not right.

        Raises
        ------
        TypeError, ValueError
            If the labels are none, or `radius` is below 0.
        """
        truth = check_labels(np.asarray(labels), len(self.classes))
        if not radius >= 0:
            raise ValueError(f"radius must be at least 0, got {radius!r}")
        return proportion((self.classes == truth) & ~self.abstained & (self.radii >= radius))

    def abstentions(self) -> Estimate:
        """Share of all pictures on which the classifier abstained.

        Returns
        -------
        Estimate
            With its 95% interval.
        """
        return proportion(self.abstained)


def certify(
    model: Any,
    images: Images,
    *,
    sigma: float,
    n0: int = 100,
    n: int = 1000,
    alpha: float = 0.001,
    batch_size: int = _BATCH_SIZE,
    seed: int = 0,
) -> Certificates:
    """Certify the smoothed classifier's answer for each picture, within a radius that is measured picture by picture.

    Parameters
    ----------
    model : Network, keras.Model or torch.nn.Module
        What :func:`helpers.attacks.network` takes. It should have been trained on noisy pictures: see
        :func:`noise_trained`.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    sigma : float
        Standard deviation of the noise on each pixel, above 0: the more, the larger radii and the fewer right answers.
    n0 : int
        Draws that choose the class. They are not used again: what was chosen by them would look too frequent in them.
    n : int
        Draws that say how frequent it is. No radius can exceed ``sigma * norm.ppf(alpha ** (1 / n))``.
    alpha : float, in (0, 1)
        Chance that a picture's certificate is wrong.
    batch_size : int
        Noisy pictures that go through the network at once; it changes no draw.
    seed : int
        A picture's noise comes from this seed and its pixels: what stands beside it changes nothing, and a picture that
        was moved gets fresh noise.

    Returns
    -------
    Certificates
        For all N pictures. The share of draws is bounded by Clopper and Pearson's one-sided interval.

    Raises
    ------
    TypeError, ValueError
        If the model has no logits, the pictures are none, an argument is out of range, or `n` is so small that not even
        a picture that is read alike in every draw could be certified.

    References
    ----------
    Cohen, Rosenfeld and Kolter, "Certified Adversarial Robustness via Randomized Smoothing", 2019: CERTIFY.
    """
    check_seed(seed)
    # Alike in all n draws, the Clopper-Pearson end is alpha ** (1 / n), and it must be above a half.
    _check_enough(n, math.floor(-math.log2(check_share(alpha, "alpha"))) + 1, alpha)
    check_count(n0, "n0")
    counters = _counters(model, images, sigma, batch_size, seed)
    classes, hits = np.empty(len(images), np.int64), np.empty(len(images), np.int64)
    for row, count in enumerate(with_bar(counters, "certified pictures")):
        classes[row] = count(n0).argmax()
        hits[row] = count(n)[classes[row]]
    tests = (stats.binomtest(int(one), n, alternative="greater") for one in hits)
    lowest = np.array([test.proportion_ci(1 - alpha, method="exact").low for test in tests])
    abstained = lowest <= 0.5
    radii = np.where(abstained, 0.0, sigma * stats.norm.ppf(lowest))
    return Certificates(float(sigma), n, float(alpha), classes, hits, abstained, radii)


def predict_smoothed(
    model: Any,
    images: Images,
    *,
    sigma: float,
    n: int = 100,
    alpha: float = 0.001,
    batch_size: int = _BATCH_SIZE,
    seed: int = 0,
) -> tuple[Labels, NDArray[np.bool_]]:
    """What the smoothed classifier reads, without a radius: that takes far fewer draws.

    Parameters
    ----------
    model, images, sigma, batch_size, seed
        As for :func:`certify`.
    n : int
        Draws for each picture.
    alpha : float, in (0, 1)
        Chance that an answer is not the smoothed classifier's.

    Returns
    -------
    (numpy.ndarray of int64, shape (N,), numpy.ndarray of bool, shape (N,))
        The most frequent class, and whether the classifier abstains: where a two-sided binomial test does not tell the
        most frequent class from the second.

    Raises
    ------
    TypeError, ValueError
        As :func:`certify`.

    References
    ----------
    Cohen, Rosenfeld and Kolter, 2019: PREDICT; Hung and Fithian, "Rank verification for exponential families", 2019,
    show that the test is right although the two classes were chosen by the same draws.
    """
    check_seed(seed)
    # Alike in all n draws, the test's p-value is 2 / 2 ** n.
    _check_enough(n, math.ceil(1 - math.log2(check_share(alpha, "alpha"))), alpha)
    counters = _counters(model, images, sigma, batch_size, seed)
    counts = np.array([count(n) for count in with_bar(counters, "pictures")])
    second, first = np.sort(counts, axis=1)[:, -2:].T
    doubts = [stats.binomtest(int(one), int(one + two), 0.5).pvalue for one, two in zip(first, second, strict=True)]
    return counts.argmax(axis=1), np.asarray(doubts) > alpha


def smoothed(model: Any, sigma: float, *, draws: int = 16, seed: int = 0) -> Network:
    """The smoothed classifier as attacks see it: probabilities averaged over noise, fresh noise at every step.

    Parameters
    ----------
    model : Network, keras.Model or torch.nn.Module
        What :func:`helpers.attacks.network` takes.
    sigma : float
        Standard deviation of the noise on each pixel, above 0.
    draws : int
        Noisy pictures for each picture and step. A batch of attacked pictures is that many times as large inside.
    seed : int
        Where the noise starts. Every call takes the next: the same calls in the same order give the same.

    Returns
    -------
    Network
        A random one. Its logits are the logarithms of the averaged probabilities, so the cross-entropy that
        :func:`helpers.attacks.pgd` increases is the smoothed classifier's own.

    Raises
    ------
    TypeError, ValueError
        If the model has no gradients, or an argument is out of range.

    References
    ----------
    Salman et al., "Provably Robust Deep Learning via Adversarially Trained Smoothed Classifiers", 2019: SmoothAdv.
    """
    rng = np.random.default_rng(check_seed(seed))
    net, size = network(model), check_count(draws, "draws")
    _check_sigma(sigma)

    def averaged(given: Logits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        each = special.log_softmax(np.asarray(given, np.float64).reshape(-1, size, given.shape[1]), axis=2)
        return each, special.logsumexp(each, axis=1) - math.log(size)

    def logits(images: Images) -> Logits:
        return averaged(net.logits(_noisy(images, size, sigma, rng)))[1].astype(np.float32)

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        def behind(given: Logits) -> NDArray[np.float64]:
            each, average = averaged(given)
            # A draw counts as much as it adds to the average; then through each draw's own softmax.
            slope = np.asarray(slopes(average.astype(np.float32)), np.float64)
            share = np.exp(each - average[:, None]) / size * slope[:, None]
            return (share - np.exp(each) * share.sum(axis=2, keepdims=True)).reshape(given.shape)

        given, change = net.gradient(_noisy(images, size, sigma, rng), behind)
        return averaged(given)[1].astype(np.float32), change.reshape(len(images), size, *images.shape[1:]).sum(axis=1)

    return Network(f"{net.name}, smoothed", net.shape, logits, gradient, random=True, calls=size * net.calls)


@dataclass(frozen=True)
class Broken:
    """What an attack made of certified pictures.

    Attributes
    ----------
    rows : numpy.ndarray of int64, shape (M,)
        Which pictures had a certificate: those are attacked.
    images : numpy.ndarray of float32, shape (M, H, W, C)
        Where they were moved.
    after : Certificates
        The smoothed classifier at those places, with fresh noise.
    broken : numpy.ndarray of bool, shape (M,)
        Where another class is *certified* there. One of two certificates is wrong then, unless the attack went farther
        than the first one's radius.
    """

    rows: NDArray[np.int64]
    images: Images
    after: Certificates
    broken: NDArray[np.bool_]

    @property
    def share(self) -> Estimate:
        """Share of the certified pictures that were broken, with its 95% interval."""
        return proportion(self.broken)

    @property
    def allowed(self) -> int:
        """How many may be broken by chance inside the radius: the 99% point of Binomial(M, alpha)."""
        return int(stats.binom.ppf(0.99, len(self.rows), self.after.alpha))


def attack_certificates(
    model: Any,
    images: Images,
    certificates: Certificates,
    *,
    times: float = 1.0,
    n0: int = 100,
    steps: int = 20,
    draws: int = 16,
    batch_size: int = _BATCH_SIZE,
    seed: int = 0,
) -> Broken:
    """Attack each certified picture as far as its own radius, and certify again where it ended.

    Parameters
    ----------
    model, batch_size
        As for :func:`certify`.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        The pictures that were certified.
    certificates : Certificates
        What :func:`certify` gave for them.
    times : float
        How many radii the attack may go: 1 tests the certificates, 2 the attack, which must break many there.
    n0 : int
        Draws that choose the class at the places where the pictures were moved.
    steps, draws : int
        Of :func:`helpers.attacks.pgd` and :func:`smoothed`.
    seed : int
        Of the attack's noise and of the noise afterwards.

    Returns
    -------
    Broken
        One row for each certified picture.

    Raises
    ------
    TypeError, ValueError
        As :func:`certify`; also if no picture is certified, there are not as many pictures as certificates, or `times`
        is not above 0.

    References
    ----------
    Salman et al., 2019.
    """
    check_seed(seed)
    pictures, rows = check_images(images), np.flatnonzero(~certificates.abstained)
    if len(pictures) != len(certificates.classes) or not len(rows):
        raise ValueError(
            f"there must be one certificate for each picture, and one picture certified; got {len(pictures)} pictures, "
            f"{len(certificates.classes)} certificates and {len(rows)} certified. Train the network on noisy pictures."
        )
    if not (np.isfinite(times) and times > 0):
        raise ValueError(f"times must be above 0, got {times!r}")
    net = smoothed(model, certificates.sigma, draws=draws, seed=seed)
    moved = np.empty_like(pictures[rows])
    for place, row in enumerate(with_bar(rows, "attacked pictures")):
        # A certificate says nothing of its own edge, and float32 rounds: a hair inside.
        threat = ThreatModel(times * (1 - 1e-6) * certificates.radii[row], "l2")
        label = certificates.classes[row : row + 1]
        moved[place] = pgd(net, pictures[row : row + 1], label, threat, steps=steps, seed=seed).images[0]
    n, alpha = certificates.n, certificates.alpha
    # Fresh noise also for a picture that stayed where it was.
    fresh = int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])
    after = certify(model, moved, sigma=certificates.sigma, n0=n0, n=n, alpha=alpha, batch_size=batch_size, seed=fresh)
    return Broken(rows, moved, after, ~after.abstained & (after.classes != certificates.classes[rows]))


def noise_trained(
    train: Split, sigma: float, *, classes: int, epochs: int = 10, batch_size: int = 64, seed: int = 0
) -> keras.Model:
    """A course CNN that has learned to read noisy pictures, without which hardly anything can be certified.

    Parameters
    ----------
    train : Split
        What to fit on.
    sigma : float
        Standard deviation of the noise on each pixel, above 0: fresh at every step, and not clipped to [0, 1].
    classes : int
        Number of classes K.
    epochs, batch_size : int
        Passes over the training pictures, and pictures in a gradient step.
    seed : int
        Of the initial weights, the order of the pictures and the noise.

    Returns
    -------
    keras.Model
        As :func:`helpers.models.course_cnn` gives it, trained.

    Raises
    ------
    TypeError, ValueError
        If the split is none, or an argument is out of range.

    References
    ----------
    Lecuyer et al., "Certified Robustness to Adversarial Examples with Differential Privacy", 2019, and Cohen et al.,
    2019: training under the noise of the certificate.
    """
    from helpers.models import cnn
    from helpers.models.backend import keras

    rng = np.random.default_rng(check_seed(seed))
    _check_sigma(sigma)
    pictures = len(check_split(train, "train"))
    labels = check_labels(train.labels, pictures, classes)
    model = cnn.course_cnn(train.pixels.shape[1:], classes, seed=seed)
    order = [rng.permutation(pictures) for _ in range(check_count(epochs, "epochs"))]
    size = check_count(batch_size, "batch_size")
    blocks = [rows[at : at + size] for rows in order for at in range(0, pictures, size)]
    rate = keras.optimizers.schedules.CosineDecay(3e-3, len(blocks))
    trainer = cnn.logits_model(model)
    trainer.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for rows in with_bar(blocks, "training"):
        trainer.train_on_batch(_noisy(to_unit_range(train.pixels[rows]), 1, sigma, rng), labels[rows])
    return model


# ---- draws


def _counters(
    model: Any, images: Images, sigma: float, batch_size: int, seed: int
) -> list[Callable[[int], NDArray[np.int64]]]:
    """For each picture a function from a number of draws to how many of them are read as each class."""
    net = network(model)
    pictures = check_fits(check_images(images), (None, *net.shape))
    size = check_count(batch_size, "batch_size")
    return [
        functools.partial(_count, net, picture, _check_sigma(sigma), rng_of(picture, seed), size)
        for picture in pictures
    ]


def _count(
    net: Network, picture: NDArray[np.float32], sigma: float, rng: np.random.Generator, batch_size: int, n: int
) -> NDArray[np.int64]:
    counts: Any = 0
    for at in range(0, n, batch_size):
        asked = _noisy(picture[None], min(batch_size, n - at), sigma, rng)
        logits = check_answers(net.logits(asked), len(asked), net.name)
        counts = counts + np.bincount(logits.argmax(axis=1), minlength=logits.shape[1])
    return np.asarray(counts)


def _noisy(images: Images, draws: int, sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Each picture several times, one after the other, each time with other noise."""
    noise = rng.standard_normal((len(images), draws, *images.shape[1:]), np.float32)
    return (images[:, None] + np.float32(sigma) * noise).reshape(-1, *images.shape[1:])


def _check_sigma(sigma: float) -> float:
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma must be above 0, in the unit of the pixels (0.25, say); got {sigma!r}")
    return float(sigma)


def _check_enough(n: int, needed: int, alpha: float) -> None:
    if check_count(n, "n") < needed:
        raise ValueError(
            f"n must be at least {needed} for alpha {alpha:g}, got {n}: the classifier would abstain on every picture, "
            "however sure it is. Draw more, or accept a larger alpha."
        )
