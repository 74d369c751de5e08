"""shap behind the course's interface: the numbers of exact values, sums that hold, and the traps it keeps us from."""

import logging
import warnings

import numpy as np
import pytest
import shap
from scipy import stats

from helpers import models
from helpers.explain import shap_library, shapley
from helpers.explain.shap_library import library_kernel_shap, shap_deep, shap_gradient, shap_kernel, shap_partition
from helpers.models.backend import keras

RNG = np.random.default_rng(0)
IMAGES = RNG.random((4, 20, 20, 1), dtype=np.float32)
BACKGROUND = RNG.random((3, 20, 20, 1), dtype=np.float32)
CLASSES = np.array([0, 3, 1, 3])
MODEL = models.course_cnn((20, 20, 1), 4, seed=1)  # random weights: the sums hold for them as for any
LOGITS = models.predict_function(models.logits_model(MODEL))


def logits(images):
    """The logits, 100 times: those of random weights are small, and a sum that is off must be seen."""
    return 100 * LOGITS(images).astype(float)


def grid(count):
    return lambda images: shapley.grid_superpixels(images, count)


def gain(images, classes, background, predict=LOGITS):
    """What maps must add up to: the picture's logit minus the mean logit of the background."""
    rows = np.arange(len(images))
    return predict(images)[rows, classes] - predict(background).mean(axis=0)[classes]


def drawn_game(players, seed):
    rng = np.random.default_rng(seed)
    inner, outer = rng.normal(size=(players, 12)) * 2 / np.sqrt(players), rng.normal(size=12)
    return lambda coalitions: np.maximum(coalitions @ inner, 0) @ outer


def kernel_explainer(game, players, evaluations, seed, **options):
    with shap_library.seeded(seed):
        explainer = shap.KernelExplainer(game, np.zeros((1, players)))
        return explainer.shap_values(np.ones((1, players)), nsamples=evaluations, silent=True, **options)[0]


# ---- KernelExplainer


@pytest.mark.parametrize("players", [4, 5, 9])
def test_with_all_coalitions_kernel_explainer_gives_the_exact_values(players):
    game = drawn_game(players, players)
    found = kernel_explainer(game, players, 2**players - 2, 0, l1_reg=False)
    np.testing.assert_allclose(found, shapley.exact_shapley(game, players), atol=1e-6)


def test_on_superpixels_too_and_so_does_ours():
    segments = shapley.grid_superpixels(IMAGES, 8)
    arguments = (logits, IMAGES, CLASSES, segments, BACKGROUND, 254)
    theirs, ours = library_kernel_shap(*arguments, seed=0), shapley.kernel_shap(*arguments, seed=0)
    np.testing.assert_allclose(theirs, ours, atol=1e-4)  # of logits that single precision knows to some 1e-5
    assert np.abs(ours).max() > 0.5


def test_the_default_l1_reg_keeps_ten_players_and_stops_converging():
    game, players = drawn_game(16, 0), 16
    exact = shapley.exact_shapley(game, players)
    assert (np.abs(exact) > 0.01).sum() >= 14

    def error(evaluations, **options):
        draws = [kernel_explainer(game, players, evaluations, seed, **options) - exact for seed in range(3)]
        return np.sqrt(np.mean(np.square(draws)))

    kept = kernel_explainer(game, players, 4000, 0)
    assert (kept != 0).sum() <= 10
    assert error(4000) > 0.8 * error(500)  # the plateau: eight times the budget, and hardly better
    assert error(4000, l1_reg=False) < 0.5 * error(500, l1_reg=False)
    assert error(4000) > 3 * error(4000, l1_reg=False)


def test_the_course_never_takes_that_default():
    segments = shapley.grid_superpixels(IMAGES, 16)
    values = library_kernel_shap(logits, IMAGES, CLASSES, segments, BACKGROUND[:1], 100, seed=0)
    assert (values != 0).all()


@pytest.mark.parametrize("players", [15, 16])
def test_our_error_is_no_larger_than_the_librarys(players):
    # As large with an odd number of players; with an even one smaller, because we pair the middle size, too.
    games = [drawn_game(players, seed) for seed in range(4)]
    ours, theirs = [], []
    for number, game in enumerate(games):
        exact = shapley.exact_shapley(game, players)
        for seed in range(5):
            ours.append(shapley.kernel_shapley(game, players, 400, seed=10 * number + seed) - exact)
            theirs.append(kernel_explainer(game, players, 400, seed, l1_reg=False) - exact)
    ratio = np.sqrt(np.mean(np.square(ours)) / np.mean(np.square(theirs)))
    assert 0.6 < ratio < 1.15


def test_the_librarys_error_falls_with_the_root_of_the_evaluations():
    game, players, budgets = drawn_game(16, 1), 16, (128, 256, 512, 1024, 2048)
    exact = shapley.exact_shapley(game, players)
    errors = [
        np.sqrt(np.mean([(kernel_explainer(game, players, n, seed, l1_reg=False) - exact) ** 2 for seed in range(4)]))
        for n in budgets
    ]
    assert -0.85 < stats.linregress(np.log(budgets), np.log(errors)).slope < -0.45


# ---- all of them


def explainers(background=BACKGROUND):
    return [
        shapley.superpixel_shap(LOGITS, grid(9), background, evaluations=60),
        shap_kernel(LOGITS, grid(9), background, evaluations=60),
        shap_partition(LOGITS, background[:1], evaluations=60),
        shap_deep(MODEL, background),
        shap_gradient(MODEL, background, samples=20),
    ]


@pytest.mark.parametrize("explainer", explainers(), ids=lambda explainer: explainer.name)
def test_maps_of_the_class_that_was_asked_for(explainer):
    maps = explainer(IMAGES, CLASSES)
    assert maps.shape == (4, 20, 20)
    assert maps.dtype == np.float32
    assert explainer.signed
    np.testing.assert_allclose(explainer(IMAGES[1:2], CLASSES[1:2])[0].shape, (20, 20))
    assert np.abs(maps - explainer(IMAGES, (CLASSES + 1) % 4)).max() > 1e-4


@pytest.mark.parametrize("explainer", explainers()[:4], ids=lambda explainer: explainer.name)
def test_maps_add_up(explainer):
    background = BACKGROUND[:1] if "Partition" in explainer.name else BACKGROUND
    wanted = gain(IMAGES, CLASSES, background)
    assert np.abs(wanted).min() > 1e-3
    np.testing.assert_allclose(explainer(IMAGES, CLASSES).sum(axis=(1, 2)), wanted, atol=1e-5)


def test_expected_gradients_add_up_on_average_only():
    wanted = gain(IMAGES, CLASSES, BACKGROUND)
    gaps = {
        samples: np.array(
            [shap_gradient(MODEL, BACKGROUND, samples=samples, seed=s)(IMAGES, CLASSES).sum((1, 2)) for s in range(6)]
        )
        - wanted
        for samples in (20, 320)
    }
    assert np.abs(gaps[20]).max() > 1e-3
    assert np.sqrt(np.mean(gaps[320] ** 2) / np.mean(gaps[20] ** 2)) < 0.5  # a quarter, on average
    pictures = gaps[320].mean(axis=0) / stats.sem(gaps[320], axis=0)
    assert np.abs(pictures).max() < 9  # five degrees of freedom


def test_they_are_repeatable_and_leave_numpys_generator_alone():
    for explainer in explainers():
        np.random.seed(3)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        first = explainer(IMAGES[:2], CLASSES[:2])
        assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
        np.random.seed(4)  # noqa: NPY002
        assert (explainer(IMAGES[:2], CLASSES[:2]) == first).all()


def test_they_are_quiet(capfd, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        for explainer in explainers(BACKGROUND[:2]):
            explainer(IMAGES, CLASSES)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert caplog.records == []


def test_partition_shares_what_it_did_not_divide():
    maps = shap_partition(LOGITS, BACKGROUND[:1], evaluations=10)(IMAGES[:1], CLASSES[:1])
    assert len(np.unique(maps.round(7))) <= 10


def test_partition_needs_one_background():
    with pytest.raises(ValueError, match=r"one background picture, got 3.*mean"):
        shap_partition(LOGITS, BACKGROUND)


def test_deep_says_which_operation_it_has_no_rule_for():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.DepthwiseConv2D(3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    images = np.random.default_rng(1).random((2, 8, 8, 1), dtype=np.float32)
    with pytest.raises(ValueError, match=r"no rule for TensorFlow's operation DepthwiseConv2dNative.*shap_gradient"):
        shap_deep(model, 1 - images)(images, [0, 1])


def test_deep_says_when_its_sum_is_off(monkeypatch):
    from shap.explainers._deep import deep_tf

    monkeypatch.setitem(deep_tf.op_handlers, "Relu", deep_tf.passthrough)  # plain gradients, which do not add up
    contrasts = IMAGES.round(), BACKGROUND.round()
    large = keras.models.clone_model(MODEL)
    large.set_weights([10 * weight for weight in MODEL.get_weights()])
    with pytest.raises(ValueError, match="do not add up to the logit"):
        shap_deep(large, contrasts[1])(contrasts[0], CLASSES)


@pytest.mark.parametrize("make", [shap_deep, shap_gradient])
def test_bad_models_and_backgrounds(make):
    with pytest.raises(ValueError, match=r"background must have shape \(N, 20, 20, 1\)"):
        make(MODEL, np.zeros((2, 28, 28, 1), np.float32))
    with pytest.raises(TypeError, match="float32 array"):
        make(MODEL, np.zeros((2, 20, 20, 1), np.uint8))
    with pytest.raises(ValueError, match="no layer named 'logits'"):
        make(keras.Model(MODEL.inputs, MODEL.get_layer("dense").output), BACKGROUND)
    with pytest.raises(TypeError, match="is a Sequential model"):
        make(keras.Sequential([keras.Input((20, 20, 1)), keras.layers.Flatten()]), BACKGROUND)
    with pytest.raises(ValueError, match="classes"):
        make(MODEL, BACKGROUND)(IMAGES, [0, 1, 2, 4])


def test_bad_classes_and_pictures_of_the_kernel_explainer():
    with pytest.raises(ValueError, match="classes"):
        shap_kernel(LOGITS, grid(4), BACKGROUND, evaluations=14)(IMAGES, [0, 1, 2])
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        shap_kernel(LOGITS, grid(4), BACKGROUND, evaluations=14)(3 * IMAGES, CLASSES)
