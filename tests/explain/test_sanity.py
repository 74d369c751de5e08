"""Randomisation tests: rank correlation against scipy, planted passes and failures, and a network that was trained."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from helpers import datasets, explain, models
from helpers.explain import Explainer
from helpers.explain.sanity import SanityCheck
from helpers.intervals import Estimate
from helpers.models.backend import keras
from tests.explain.networks import pictures, some_classes

IMAGES = pictures(30, (12, 10, 1))
CLASSES = some_classes(30, 3)

# A check asks of a network only that an explainer can be made for it: these are numbers.
TRAINED, UNTRAINED = 100, (0, 1, 2, 3, 4, 5)


def made(function, name="planted"):
    """A maker of explainers from a function of a network and pictures."""
    return lambda network: Explainer(name, lambda images, classes: function(network, images), signed=True)


def noise_of(network, images):
    """What two networks share nothing of: noise of the network and the picture."""
    seeds = [(network + 1, *picture[0, :3, 0].view(np.uint32)) for picture in images]
    return np.stack([np.random.default_rng(seed).normal(size=images.shape[1:3]) for seed in seeds])


asks_the_network = made(noise_of)
edges = made(lambda network, images: explain.sobel_edges()(images, np.zeros(len(images), int)))
same_everywhere = made(lambda network, images: explain.centre_gaussian()(images, np.zeros(len(images), int)))


# ---- how alike two maps are

few_levels = arrays(np.int64, (3, 4, 5), elements=st.integers(0, 4))


@given(few_levels, few_levels)
@settings(max_examples=50)
def test_similarity_is_spearmans(maps, others):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        wanted = [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(maps, others, strict=True)]
    constant = [(np.ptp(a) == 0, np.ptp(b) == 0) for a, b in zip(maps, others, strict=True)]
    defined = [float(all(each)) if any(each) else value for each, value in zip(constant, wanted, strict=True)]
    np.testing.assert_allclose(explain.map_similarity(maps, others), defined, atol=1e-9)


def test_similarity_by_hand():
    maps = np.arange(6.0).reshape(1, 2, 3)
    np.testing.assert_allclose(explain.map_similarity(maps, maps**3), 1)
    np.testing.assert_allclose(explain.map_similarity(maps, -maps), -1)
    flat = np.full((1, 2, 3), 7.0)
    assert explain.map_similarity(maps, flat) == 0
    assert explain.map_similarity(0 * flat, flat) == 1
    np.testing.assert_allclose(explain.map_similarity([[[1, 2, 3, 4]]], [[[2, 1, 4, 3]]]), 1 - 6 * 4 / (4 * 15))


def test_similarity_refuses():
    with pytest.raises(ValueError, match=r"others must have shape \(1, 2, 3\), one map for each picture"):
        explain.map_similarity(np.zeros((1, 2, 3)), np.zeros((1, 3, 2)))
    with pytest.raises(ValueError, match="maps of a single pixel have no order"):
        explain.map_similarity(np.zeros((2, 1, 1)), np.zeros((2, 1, 1)))


def test_the_mean_map_is_taken_away():
    maps = np.random.default_rng(0).normal(size=(5, 4, 3)) + 100 * np.arange(3.0)
    left = explain.without_mean_map(maps)
    np.testing.assert_allclose(left.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(left[1] - left[0], maps[1] - maps[0], atol=1e-4)
    assert not explain.without_mean_map(np.broadcast_to(maps[0], (7, 4, 3))).any()
    with pytest.raises(ValueError, match="give two or more"):
        explain.without_mean_map(maps[:1])


# ---- planted passes and failures


def tried(make, networks=UNTRAINED):
    return explain.randomisation_test(make, TRAINED, networks, IMAGES, CLASSES)


def test_a_method_that_asks_the_network_passes():
    # Maps that share nothing are by chance a little more alike than the threshold, or a little less: where they share
    # less than independent networks do, the method passes.
    def apart(network, images):
        common = noise_of(-1, images)
        return noise_of(network, images) + (-common if network == TRAINED else common)

    result = tried(made(apart))
    assert result.verdict == "passes"
    assert result.name == "planted"
    assert result.similarity.high < result.threshold
    plain = tried(asks_the_network)
    assert abs(plain.similarity.value) < 0.05
    assert abs(plain.from_picture) < 0.05
    assert plain.verdict != "fails"


@pytest.mark.parametrize("make", [edges, same_everywhere])
def test_a_method_that_does_not_ask_the_network_fails(make):
    result = tried(make)
    assert result.verdict == "fails"
    np.testing.assert_allclose([result.similarity.value, result.from_picture], 1)


def test_maps_that_survive_the_randomisation_fail_though_other_networks_differ():
    """The trained network's maps are found again in the others, of which two among themselves share little."""

    def survives(network, images):
        of_trained = noise_of(TRAINED, images)
        return of_trained if network == TRAINED else 0.4 * of_trained + noise_of(network, images)

    result = tried(made(survives))
    assert result.from_picture < 0.3
    assert result.similarity.low > result.threshold
    assert result.verdict == "fails"


def test_what_networks_that_learned_nothing_agree_on_is_usual():
    """The mistake that this module made: untrained networks agree on nothing, those with shuffled labels on a third."""

    def third(network, images):
        return noise_of(network, images) + 0.7 * noise_of(-1, images)

    def pictures_alone(network, images):
        return noise_of(network, images) if network in UNTRAINED else third(network, images)

    shuffled = (200, 201, 202, 203, 204)
    alike = tried(made(pictures_alone), shuffled)
    assert 0.2 < alike.from_picture < 0.5
    assert alike.verdict != "fails"
    against_untrained = tried(made(pictures_alone), UNTRAINED)
    assert against_untrained.threshold < 0.05 < alike.similarity.low


def test_what_a_method_draws_in_every_picture_does_not_count():
    """A bright centre in all maps is no likeness: the mean map is subtracted."""
    centre = 50 * explain.centre_gaussian()(IMAGES, CLASSES)[0]

    def with_centre(network, images):
        return noise_of(network, images) + centre

    plain = explain.map_similarity(with_centre(0, IMAGES), with_centre(1, IMAGES))
    assert plain.min() > 0.9
    result = tried(made(with_centre))
    assert abs(result.similarity.value) < 0.05
    assert result.verdict != "fails"


# ---- the numbers of a check


def test_pairs_by_hand():
    result = tried(asks_the_network, UNTRAINED[:3])
    left = [explain.without_mean_map(noise_of(network, IMAGES)) for network in UNTRAINED[:3]]
    wanted = [explain.map_similarity(left[a], left[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(result.pairs, wanted, atol=1e-6)
    of_trained = explain.without_mean_map(noise_of(TRAINED, IMAGES))
    alike = np.array([explain.map_similarity(of_trained, other) for other in left])
    assert result.similarity.value == pytest.approx(alike.mean(), abs=1e-6)
    assert result.similarity.n == 3
    assert tried(asks_the_network).pairs.shape == (15, 30)


def test_the_verdict_compares_the_interval_with_the_threshold():
    def check(low, high, pairs):
        return SanityCheck("by hand", Estimate((low + high) / 2, low, high, 3), np.asarray(pairs))

    # 41 pairs of networks, two pictures: the percentile is over pairs, after the mean over pictures.
    spread = np.linspace(0, 0.4, 41)[:, None] + [[-0.3, 0.3]]
    assert check(0, 0.1, spread).threshold == pytest.approx(0.38)
    assert check(0, 0.1, spread).from_picture == pytest.approx(0.2)
    assert check(0.3, 0.379, spread).verdict == "passes"
    assert check(0.379, 0.5, spread).verdict == "open"
    assert check(0.381, 0.5, spread).verdict == "fails"
    # Maps of independent networks that are alike themselves excuse nobody.
    assert check(0.4, 0.48, np.full((1, 5), 0.49)).verdict == "passes"
    assert check(0.4, 0.48, np.full((1, 5), 0.51)).verdict == "fails"


# ---- networks


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", train=1500, calibration=50, test=60)


@pytest.fixture(scope="module")
def trained(digits):
    """A course CNN after some seconds with real digits; it need not be good, and must have learned."""
    model = models.course_cnn(digits.shape, 10, seed=0)
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    keras.utils.set_random_seed(0)
    model.fit(digits.train.images, digits.train.labels, batch_size=64, epochs=3, verbose=0)
    right = models.predict_function(model)(digits.test.images).argmax(axis=1) == digits.test.labels
    assert right.mean() > 0.8
    return model


def test_gradcam_of_a_trained_network_does_not_fail_and_the_edge_detector_does(digits, trained):
    untrained = [models.course_cnn(digits.shape, 10, seed=10 + seed) for seed in range(3)]
    images, labels = digits.test.images, digits.test.labels
    cam = explain.randomisation_test(explain.gradcam, trained, untrained, images, labels)
    assert cam.name == "GradCAM"
    assert cam.verdict != "fails"
    assert cam.similarity.value < 0.3
    found = explain.randomisation_test(lambda network: explain.sobel_edges(), trained, untrained, images, labels)
    assert found.verdict == "fails"


# ---- what is refused


def test_refuses():
    for networks in ((), (0,)):
        with pytest.raises(ValueError, match=f"it takes two or more networks .*, got {len(networks)}"):
            tried(asks_the_network, networks)
    with pytest.raises(ValueError, match="give two or more"):
        explain.randomisation_test(asks_the_network, TRAINED, UNTRAINED, IMAGES[:1], CLASSES[:1])
    with pytest.raises(ValueError, match="one per picture"):
        explain.randomisation_test(asks_the_network, TRAINED, UNTRAINED, IMAGES, CLASSES[:5])
