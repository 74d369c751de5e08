"""tf-explain's raw arrays beside the course's methods, and the traps of the library as facts."""

import inspect
import warnings

import numpy as np
import pytest
from tf_explain.core.grad_cam import GradCAM
from tf_explain.core.integrated_gradients import IntegratedGradients
from tf_explain.core.occlusion_sensitivity import OcclusionSensitivity
from tf_explain.core.smoothgrad import SmoothGrad
from tf_explain.core.vanilla_gradients import VanillaGradients
from tf_explain.utils.image import apply_grey_patch

from helpers import explain, models
from helpers.explain.gradients import gradcam_maps
from helpers.explain.tf_explain_raw import METHODS, tf_explain_arrays, tf_explain_maps
from helpers.models.backend import keras, tf
from tests.explain.networks import course_network, distance, pictures, residual_network

IMAGES = pictures(5)
CLASSES = np.array([3, 1, 3, 0, 1])
OF_ONE = np.full(5, 3)


@pytest.fixture(scope="module")
def network():
    return course_network()


@pytest.fixture(scope="module")
def logits(network):
    return models.logits_model(network)


# ---- the same numbers as the course's


def test_gradcam_is_the_courses_before_the_relu(network):
    raw = tf_explain_arrays(network, "gradcam")(IMAGES, 3)
    assert raw.shape == (5, 4, 4)
    assert (raw < 0).any()  # no ReLU
    assert distance(gradcam_maps(network)(IMAGES, OF_ONE), raw) < 1e-5


def test_gradcam_is_enlarged_to_the_whole_picture_where_the_course_draws_it_in_its_place(network):
    whole = tf_explain_maps(network, "gradcam")(IMAGES, CLASSES)
    filled = tf.image.resize(gradcam_maps(network)(IMAGES, CLASSES)[..., None], IMAGES.shape[1:3])[..., 0]
    assert distance(filled, whole) < 1e-5
    assert distance(explain.gradcam(network, relu=False)(IMAGES, CLASSES), whole) > 0.05


def test_gradcam_of_another_layer_and_network():
    model = residual_network()
    images = pictures(3, (24, 20, 3))
    own = gradcam_maps(model, "inside_relu")(images, np.full(3, 4))
    assert distance(own, tf_explain_arrays(model, "gradcam", layer="inside_relu")(images, 4)) < 1e-4


def test_gradients_are_the_courses(network):
    raw = tf_explain_arrays(network, "vanilla_gradients")(IMAGES, 3)
    assert raw.shape == IMAGES.shape
    assert distance(explain.vanilla_gradients(network)(IMAGES, OF_ONE), np.abs(raw).max(axis=-1)) < 1e-5
    product = tf_explain_arrays(network, "gradients_inputs")(IMAGES, 3)
    np.testing.assert_allclose(product, raw * IMAGES, atol=1e-6)
    for own, theirs in (
        (explain.vanilla_gradients, "vanilla_gradients"),
        (explain.gradients_times_inputs, "gradients_inputs"),
    ):
        assert distance(own(network)(IMAGES, CLASSES), tf_explain_maps(network, theirs)(IMAGES, CLASSES)) < 1e-5


def test_integrated_gradients_come_near_the_courses_once_multiplied(network):
    """tf-explain's points include both ends, the course's are midpoints: the same integral, to the error of the sum."""
    own = explain.integrated_gradients(network, 64)(IMAGES, OF_ONE)
    raw = tf_explain_arrays(network, "integrated_gradients", steps=64)(IMAGES, 3)
    multiplied = (raw * IMAGES).sum(axis=-1)
    np.testing.assert_allclose(
        tf_explain_maps(network, "integrated_gradients", steps=64)(IMAGES, OF_ONE), multiplied, atol=1e-6
    )
    apart = np.linalg.norm(own - multiplied) / np.linalg.norm(own)
    assert apart < 0.1
    assert apart < 0.5 * np.linalg.norm(own - raw.sum(axis=-1)) / np.linalg.norm(own)
    fewer = tf_explain_maps(network, "integrated_gradients", steps=8)(IMAGES, OF_ONE)
    assert np.linalg.norm(own - fewer) / np.linalg.norm(own) > apart


def test_integrated_gradients_that_are_not_multiplied_do_not_add_up(network, logits):
    """The trap: the mean gradient is no attribution. Its sum has nothing to do with the difference of the logits."""
    owed = (models.predict_function(logits)(IMAGES) - models.predict_function(logits)(0 * IMAGES))[:, 3]
    raw = tf_explain_arrays(network, "integrated_gradients", steps=64)(IMAGES, 3)
    missing, missing_raw = (np.abs(maps.sum(axis=(1, 2, 3)) - owed).sum() for maps in (raw * IMAGES, raw))
    assert missing < 0.1 * np.abs(owed).sum()
    assert missing_raw > 5 * missing


def test_integrated_gradients_are_the_mean_at_its_points(network):
    gradient = tf_explain_arrays(network, "vanilla_gradients")
    by_hand = np.mean([gradient(IMAGES * np.float32(share), 3) for share in (0, 0.5, 1)], axis=0)
    assert distance(tf_explain_arrays(network, "integrated_gradients", steps=3)(IMAGES, 3), by_hand) < 1e-4


def test_smoothgrad_is_of_the_loss_and_its_sign_is_turned(network):
    """For the cross-entropy of one class, minus (1 - p) times the logit's gradient and more: the opposite direction."""
    gradient = np.mean(
        [tf_explain_arrays(network, "vanilla_gradients")(np.clip(IMAGES, 0, 1), k) for k in range(10)], axis=0
    )
    probabilities = models.predict_function(network)(IMAGES)
    of_each = np.stack([tf_explain_arrays(network, "vanilla_gradients")(IMAGES, k) for k in range(10)])
    by_hand = np.einsum("nk,knhwc->nhwc", probabilities, of_each) - of_each[3]
    raw = tf_explain_arrays(network, "smoothgrad", samples=2, noise=1e-6)(IMAGES, 3)
    assert distance(raw, by_hand) < 0.02
    assert (raw * (of_each[3] - gradient)).sum() < 0


def test_smoothgrad_has_a_seed(network):
    def maps(seed):
        return tf_explain_maps(network, "smoothgrad", samples=4, seed=seed)(IMAGES, CLASSES)

    np.testing.assert_array_equal(maps(1), maps(1))
    assert distance(maps(1), maps(2)) > 0.01
    np.random.seed(0)  # noqa: NPY002 - the generator that tf-explain itself draws from
    wanted = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    maps(1)
    assert np.random.random() == wanted  # noqa: NPY002


def test_occlusion_is_one_minus_the_logit_under_a_grey_patch(network, logits):
    raw = tf_explain_arrays(network, "occlusion", patch=32)(IMAGES, 3)
    grey = models.predict_function(logits)(np.full_like(IMAGES, 0.5))[:, 3]
    np.testing.assert_allclose(raw, np.broadcast_to(1 - grey[:, None, None], (5, 32, 32)), rtol=1e-4)


def test_occlusion_is_the_courses_in_the_middle_of_each_patch(network, logits):
    """tf-explain enlarges one number for each patch, so where four patches meet it mixes them."""
    own = explain.occlusion(models.predict_function(logits), patch=8, stride=8)(IMAGES, CLASSES)
    theirs = tf_explain_maps(network, "occlusion")(IMAGES, CLASSES)

    def middles(maps):
        return maps.reshape(5, 4, 8, 4, 8)[:, :, 3:5, :, 3:5].mean(axis=(2, 4))

    # Bilinear enlarging by 8 puts each number between the two middle pixels, 1/16 of the way to a neighbour.
    assert distance(middles(theirs), middles(own)) < 0.15
    flat = np.corrcoef(middles(theirs).ravel(), middles(own).ravel())[0, 1]
    assert flat > 0.99
    turned = np.corrcoef(middles(theirs).ravel(), middles(own).swapaxes(1, 2).ravel())[0, 1]
    assert turned < 0.9  # rows are rows


# ---- the form


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_pictures_of_several_classes(network, method):
    options = {"integrated_gradients": {"steps": 4}, "smoothgrad": {"samples": 2}}.get(method, {})
    explainer = tf_explain_maps(network, method, batch_size=2, **options)
    maps = explainer(IMAGES, CLASSES)
    assert maps.shape == (5, 32, 32)
    assert explainer.signed == (method not in ("vanilla_gradients", "smoothgrad"))
    assert explainer.classes == 10
    assert explainer.name == f"tf-explain {method.replace('_', ' ')}"
    alone = explainer(IMAGES[3:4], CLASSES[3:4])
    assert distance(alone[0], maps[3]) < 1e-3
    assert (np.abs(explainer(IMAGES, CLASSES + 1) - maps).max(axis=(1, 2)) > 0).all()


def test_no_warning_is_left(network):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tf_explain_arrays(network, "gradcam")(IMAGES, 3)
        tf_explain_arrays(network, "vanilla_gradients")(IMAGES, 3)


# ---- the traps, as facts about the library


# tf-explain calls a model with a list of its one input.
@pytest.mark.filterwarnings("ignore:The structure of .inputs. doesn't match:UserWarning")
def test_guided_gradients_are_tf_explains_default_and_ask_little_of_the_class(network, logits):
    assert inspect.signature(GradCAM.explain).parameters["use_guided_grads"].default is True
    guided = tf_explain_arrays(network, "gradcam", use_guided_grads=True)
    plain = tf_explain_arrays(network, "gradcam")
    outputs, gradients = GradCAM.get_gradients_and_filters(logits, IMAGES, "conv3", 3, True)
    by_library = np.stack([each.numpy() for each in GradCAM.generate_ponderated_output(outputs, gradients)])
    assert distance(guided(IMAGES, 3), by_library) < 1e-5
    assert distance(guided(IMAGES, 3), plain(IMAGES, 3)) > 0.1
    assert guided(IMAGES, 3).min() >= 0  # positive weights on positive maps: nothing speaks against a class

    def differs(maps):
        return explain.class_discriminativeness(maps(IMAGES, 3), maps(IMAGES, 1)).mean()

    assert differs(guided) < 0.5 * differs(plain)


# tf-explain calls a model with a list of its one input.
@pytest.mark.filterwarnings("ignore:The structure of .inputs. doesn't match:UserWarning")
def test_explain_gives_a_coloured_grid_of_uint8(logits):
    """Which is why nothing is measured on it: nine pictures are one grid, and one bright pixel rescales the others."""
    grid = GradCAM().explain(((255 * IMAGES[:4]).astype(np.uint8), None), logits, 3, "conv3")
    assert grid.dtype == np.uint8
    assert grid.shape == (64, 64, 3)
    for method in (VanillaGradients(), IntegratedGradients()):
        grid = (
            method.explain((IMAGES[:4], None), logits, 3)
            if isinstance(method, IntegratedGradients)
            else method.explain_score_model((IMAGES[:4], None), logits, 3)
        )
        assert grid.dtype == np.uint8
        assert grid.shape == (64, 64)


def test_occlusion_paints_127_and_a_half(network):
    patched = apply_grey_patch(IMAGES[0], 4, 8, 5)
    assert (patched[8:13, 4:9] == 127.5).all()
    assert patched.max() == 127.5  # in a picture from 0 to 1, 127 times brighter than white
    ours = tf_explain_arrays(network, "occlusion", patch=8)(IMAGES[:1], 3)
    model = models.logits_model(network)
    theirs = OcclusionSensitivity(batch_size=16).get_sensitivity_map(model, IMAGES[0], 3, 8)
    assert np.abs(theirs).max() > 10 * np.abs(ours).max()


def test_smoothgrads_noise_drowns_the_picture_by_default():
    assert SmoothGrad.explain.__defaults__ == (5, 1.0)
    noisy = SmoothGrad.generate_noisy_images(IMAGES, 20, 1.0)
    assert ((noisy < 0) | (noisy > 1)).mean() > 0.5


def test_a_layer_must_be_named_on_this_keras(logits):
    """tf-explain asks each layer for output_shape, which Keras 3 layers no longer have."""
    with pytest.raises(AttributeError, match="output_shape"):
        GradCAM().explain((IMAGES, None), logits, 3)


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, name="conv3"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="logits"),
        ]
    )


def test_a_sequential_model_fails_in_tf_explain_and_ours_says_what_to_do():
    """tf-explain's error says that the model was never called, also after it was."""
    model, images = sequential(), pictures(2, (8, 8, 1))
    model(images)
    with pytest.raises(AttributeError, match="has never been called and thus has no defined output"):
        GradCAM().explain((images, None), model, 0, "conv3")
    with pytest.raises(TypeError, match=r"Sequential.*Make a functional one: models.course_cnn"):
        tf_explain_arrays(model, "gradcam")


# ---- what is refused


@pytest.mark.parametrize("method", METHODS)
def test_refuses_models(method):
    for make in (tf_explain_arrays, tf_explain_maps):
        with pytest.raises(TypeError, match=r"Sequential.*functional one"):
            make(sequential(), method)
        with pytest.raises(TypeError, match="functional Keras model is needed"):
            make(lambda images: images, method)


@pytest.mark.parametrize("method", METHODS)
def test_refuses_pictures_and_classes(network, method):
    arrays = tf_explain_arrays(network, method)
    for label in (10, -1):
        with pytest.raises(ValueError, match=r"classes must lie in 0\.\.9 for 10 classes"):
            arrays(IMAGES, label)
    with pytest.raises(TypeError, match="float32 array"):
        arrays((255 * IMAGES).astype(np.uint8), 3)
    for wrong in (2 * IMAGES, np.full_like(IMAGES, np.nan)):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            arrays(wrong, 3)
    with pytest.raises(ValueError, match=r"shape \(N, 32, 32, 3\) for this model"):
        arrays(pictures(1, (28, 28, 3)), 3)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        (
            "grad_cam",
            {},
            r"no method 'grad_cam' in tf-explain\. Did you mean 'gradcam'\? There are gradcam, vanilla_gradients",
        ),
        ("gradcam", {"layer": "conv9"}, r"no layer named 'conv9'.*conv3"),
        ("gradcam", {"layer": "dense"}, r"maps \(N, h, w, channels\) are needed"),
        ("integrated_gradients", {"steps": 1}, "steps must be at least 2: tf-explain puts the first on the baseline"),
        ("integrated_gradients", {"steps": 2.5}, "steps must be a whole number"),
        ("smoothgrad", {"samples": 0}, "samples must be a whole number"),
        ("smoothgrad", {"noise": 0}, r"noise must lie in \(0, 1\].*try 0\.15"),
        ("smoothgrad", {"seed": -1}, "seed must be a whole number from 0"),
        ("occlusion", {"patch": 5}, r"patch that divides their side .* Use explain\.occlusion"),
        ("occlusion", {"patch": 0}, "patch must be a whole number"),
    ],
)
def test_refuses_options(network, method, options, message):
    with pytest.raises(ValueError, match=message):
        tf_explain_arrays(network, method, **options)
    with pytest.raises(ValueError, match=message):
        tf_explain_maps(network, method, **options)


def test_refuses_other_options(network):
    with pytest.raises(TypeError, match="gradcam of tf-explain has no option 'steps'"):
        tf_explain_arrays(network, "gradcam", steps=3)
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        tf_explain_maps(network, "gradcam", batch_size=0)
    with pytest.raises(ValueError, match="needs square pictures"):
        tf_explain_arrays(residual_network(), "occlusion", patch=4)
