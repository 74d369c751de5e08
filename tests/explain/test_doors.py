"""One door for all: what every explainer and every wrapper of a library refuses, in the same kind of sentence.

Each maker below is tried with the same wrong pictures, classes, backgrounds, counts and layers. An error says what was
given (the value or its shape stands in it) and what is taken; nothing goes through to a library in silence.
"""

import inspect

import numpy as np
import pytest

from helpers import explain, models
from helpers.explain.tf_explain_raw import METHODS
from helpers.models.backend import keras

SHAPE, CLASSES = (20, 20, 1), 4
RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, *SHAPE), dtype=np.float32)
BACKGROUND = RNG.random((1, *SHAPE), dtype=np.float32)
MODEL = models.course_cnn(SHAPE, CLASSES, seed=1)
LOGITS = models.predict_function(models.logits_model(MODEL))
FUNCTIONS = [thing for name in explain.__all__ if inspect.isfunction(thing := getattr(explain, name))]
PARTS = explain.grid_superpixels(IMAGES, 4)


def cut(images):
    return explain.grid_superpixels(images, 4)


def values_of(shap_values):
    """A function of values of superpixels as one of maps, with the parts that fit two pictures."""

    def explainer(images, classes):
        return explain.paint(shap_values(LOGITS, images, classes, PARTS, BACKGROUND, 6, 0), PARTS)

    return explainer


FROM_A_MODEL = {
    "gradcam": explain.gradcam,
    "gradcam_maps": explain.gradcam_maps,
    "vanilla_gradients": explain.vanilla_gradients,
    "gradients_times_inputs": explain.gradients_times_inputs,
    "guided_backprop": explain.guided_backprop,
    "integrated_gradients": lambda model: explain.integrated_gradients(model, 2),
    "smoothgrad": lambda model: explain.smoothgrad(model, 2),
    "shap_gradient": lambda model: explain.shap_gradient(model, BACKGROUND, samples=2),
    "shap_deep": lambda model: explain.shap_deep(model, BACKGROUND),
    "layer_gradients": explain.layer_gradients,
    **{
        f"tf_explain_maps {method}": lambda model, method=method: explain.tf_explain_maps(
            model, method, **({"patch": 10} if method == "occlusion" else {})
        )
        for method in METHODS
    },
}
FROM_PREDICTIONS = {
    "occlusion": explain.occlusion,
    "superpixel_shap": lambda predict: explain.superpixel_shap(predict, cut, BACKGROUND, evaluations=6),
    "shap_kernel": lambda predict: explain.shap_kernel(predict, cut, BACKGROUND, evaluations=6),
    "shap_partition": lambda predict: explain.shap_partition(predict, BACKGROUND, evaluations=6),
}
MAKERS = {name: lambda make=make: make(MODEL) for name, make in FROM_A_MODEL.items()}
MAKERS |= {name: lambda make=make: make(LOGITS) for name, make in FROM_PREDICTIONS.items()}
MAKERS |= {run.__name__: lambda run=run: values_of(run) for run in (explain.kernel_shap, explain.library_kernel_shap)}
WITHOUT_A_CLASS = {"brightness", "centre_gaussian", "random_map", "sobel_edges", "layer_activations"}
# Not methods: what is asked of maps, what maps are made of, and what is made of several maps.
NO_METHODS = {
    "Concept", "ConceptScore", "Explainer", "auc", "blurred", "channel_activations", "check_maps",
    "class_discriminativeness", "completeness", "concept_vectors", "deletion", "exact_shapley", "grid_superpixels",
    "insertion", "kernel_shapley", "map_similarity", "max_sensitivity", "mean_colour", "paint", "picture_game",
    "places_of", "pointing_game", "positive_part", "randomisation_test", "relevance_mass", "relevance_rank", "seeded",
    "superpixels", "taxonomy", "tf_explain_arrays", "without_mean_map",
}  # fmt: skip


@pytest.fixture(scope="module")
def made():
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = MAKERS[name]()
        return kept[name]

    return get


def test_no_method_is_left_out():
    tried = {name.partition(" ")[0] for name in MAKERS}
    assert tried | WITHOUT_A_CLASS | NO_METHODS == set(explain.__all__)
    assert not tried & (WITHOUT_A_CLASS | NO_METHODS)


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_right_goes_through(made, name):
    answers = np.asarray(made(name)(IMAGES, [0, 3]))
    assert len(answers) == 2
    assert np.isfinite(answers).all()


WRONG_CLASSES = [
    ([0, 4], ValueError, r"classes must lie in 0\.\.3 for 4 classes, got 0\.\.4"),
    ([99, 99], ValueError, r"classes must lie in 0\.\.3 for 4 classes, got 99\.\.99"),
    ([-1, 0], ValueError, r"classes must lie in 0\.\.3 for 4 classes, got -1\.\.0"),
    ([0], ValueError, r"classes must have shape \(2,\), one per picture, got \(1,\)"),
    (0, ValueError, r"classes must have shape \(2,\), one per picture, got \(\)"),
    ([[0, 1]], ValueError, r"classes must have shape \(2,\), one per picture, got \(1, 2\)"),
    ([0.0, 1.0], TypeError, "classes must be integers, got float64"),
    (["stop", "yield"], TypeError, "classes must be integers, got <U5"),
    (None, TypeError, "classes must be integers, got object"),
]


@pytest.mark.parametrize("name", MAKERS)
def test_wrong_classes(made, name):
    for classes, error, message in WRONG_CLASSES:
        with pytest.raises(error, match=message):
            made(name)(IMAGES, classes)


WRONG_PICTURES = [
    ((255 * IMAGES).astype(np.uint8), TypeError, "images must be a float32 array .* got a uint8 array"),
    (IMAGES.tolist(), TypeError, "images must be a float32 array .* got a list"),
    (None, TypeError, "images must be a float32 array .* got a NoneType"),
    (255 * IMAGES, ValueError, r"images must lie in \[0, 1\], got .* to 25"),
    (IMAGES - 0.5, ValueError, r"images must lie in \[0, 1\], got -0"),
    (np.full_like(IMAGES, np.nan), ValueError, r"images must lie in \[0, 1\], got nan"),
    (IMAGES[0], ValueError, r"images must have shape \(N, H, W, C\).* got \(20, 20, 1\)"),
    (IMAGES[:0], ValueError, r"images must have shape .* got \(0, 20, 20, 1\)"),
]


@pytest.mark.parametrize("name", MAKERS)
def test_wrong_pictures(made, name):
    for images, error, message in WRONG_PICTURES:
        with pytest.raises(error, match=message):
            made(name)(images, [0, 1])


@pytest.mark.parametrize("name", MAKERS)
def test_pictures_of_another_size(made, name):
    for shape in ((2, 24, 24, 1), (2, 20, 20, 3)):
        with pytest.raises(ValueError, match=r"must (have|hold pictures of|be integers of) shape") as caught:
            made(name)(np.zeros(shape, np.float32), [0, 1])
        assert str(shape[1:])[1:-1] in str(caught.value) or str(shape[1:3])[1:-1] in str(caught.value)


# ---- backgrounds

BACKGROUNDS = {
    "shap_gradient": lambda background: explain.shap_gradient(MODEL, background),
    "shap_deep": lambda background: explain.shap_deep(MODEL, background),
    "superpixel_shap": lambda background: explain.superpixel_shap(LOGITS, cut, background, evaluations=6),
    "shap_kernel": lambda background: explain.shap_kernel(LOGITS, cut, background, evaluations=6),
    "shap_partition": lambda background: explain.shap_partition(LOGITS, background),
    "kernel_shap": lambda background: (
        lambda images, classes: explain.kernel_shap(LOGITS, images, classes, PARTS, background, 6, 0)
    ),
    "library_kernel_shap": lambda background: (
        lambda images, classes: explain.library_kernel_shap(LOGITS, images, classes, PARTS, background, 6, 0)
    ),
}
WRONG_BACKGROUNDS = [
    ((255 * BACKGROUND).astype(np.uint8), TypeError, "background must be a float32 array .* got a uint8 array"),
    (0.0, TypeError, "background must be a float32 array .* got a float"),
    (255 * BACKGROUND, ValueError, r"background must lie in \[0, 1\], got .* to 25"),
    (np.full_like(BACKGROUND, np.nan), ValueError, r"background must lie in \[0, 1\], got nan"),
    (BACKGROUND[0], ValueError, r"background must have shape \(N, H, W, C\).* got \(20, 20, 1\)"),
    (BACKGROUND[:0], ValueError, r"background must have shape .* got \(0, 20, 20, 1\)"),
    (np.zeros((1, 20, 20, 3), np.float32), ValueError, r"background must (have|hold).* shape .*20, 20, 3\)"),
    (np.zeros((1, 24, 24, 1), np.float32), ValueError, r"background must (have|hold).* shape .*24, 24, 1\)"),
]


def test_every_background_is_tried():
    takers = {each.__name__ for each in FUNCTIONS if "background" in inspect.signature(each).parameters}
    assert takers - {"picture_game"} == set(BACKGROUNDS)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_wrong_backgrounds(name):
    for background, error, message in WRONG_BACKGROUNDS:
        with pytest.raises(error, match=message):
            BACKGROUNDS[name](background)(IMAGES, [0, 1])


# ---- counts

COUNTS = {
    "integrated_gradients steps": lambda count: explain.integrated_gradients(MODEL, count),
    "smoothgrad samples": lambda count: explain.smoothgrad(MODEL, count),
    "occlusion patch": lambda count: explain.occlusion(LOGITS, patch=count),
    "occlusion stride": lambda count: explain.occlusion(LOGITS, stride=count),
    "superpixel_shap evaluations": lambda count: explain.superpixel_shap(LOGITS, cut, BACKGROUND, evaluations=count),
    "shap_kernel evaluations": lambda count: explain.shap_kernel(LOGITS, cut, BACKGROUND, evaluations=count),
    "shap_partition evaluations": lambda count: explain.shap_partition(LOGITS, BACKGROUND, evaluations=count),
    "shap_gradient samples": lambda count: explain.shap_gradient(MODEL, BACKGROUND, samples=count),
    "kernel_shap evaluations": lambda count: explain.kernel_shap(LOGITS, IMAGES, [0, 1], PARTS, BACKGROUND, count, 0),
    "library_kernel_shap evaluations": lambda count: explain.library_kernel_shap(
        LOGITS, IMAGES, [0, 1], PARTS, BACKGROUND, count, 0
    ),
    "kernel_shapley evaluations": lambda count: explain.kernel_shapley(lambda who: who.sum(axis=1), 4, count, 0),
    "max_sensitivity samples": lambda count: explain.max_sensitivity(
        explain.sobel_edges(), IMAGES, [0, 1], samples=count
    ),
    "deletion steps": lambda count: explain.deletion(lambda images: None, IMAGES, [0, 1], IMAGES[..., 0], steps=count),
    "superpixels count": lambda count: explain.superpixels(IMAGES, count),
    "grid_superpixels count": lambda count: explain.grid_superpixels(IMAGES, count),
    "concept_vectors draws": lambda count: explain.concept_vectors(np.eye(8), np.eye(8), draws=count),
    "concept_vectors randoms": lambda count: explain.concept_vectors(np.eye(8), np.eye(8), draws=2, randoms=count),
    "tf_explain_maps steps": lambda count: explain.tf_explain_maps(MODEL, "integrated_gradients", steps=count),
    "tf_explain_maps samples": lambda count: explain.tf_explain_maps(MODEL, "smoothgrad", samples=count),
    "tf_explain_maps patch": lambda count: explain.tf_explain_maps(MODEL, "occlusion", patch=count),
    "tf_explain_maps batch_size": lambda count: explain.tf_explain_maps(MODEL, "gradcam", batch_size=count),
    **{
        f"{make.__name__} batch_size": lambda count, make=make: make(MODEL, batch_size=count)
        for make in FUNCTIONS
        if "batch_size" in inspect.signature(make).parameters and make is not explain.tf_explain_maps
    },
}


@pytest.mark.parametrize("name", COUNTS)
def test_wrong_counts(name):
    for count in (0, -3, 2.5, "many", True, float("nan")):
        with pytest.raises(ValueError, match=f"{name.split()[1]} must be a whole number") as caught:
            COUNTS[name](count)
        assert repr(count) in str(caught.value)


def test_too_few_evaluations_for_the_parts():
    for name in ("superpixel_shap", "shap_kernel"):
        with pytest.raises(ValueError, match="at least 6 for 4 superpixels, got 2"):
            getattr(explain, name)(LOGITS, cut, BACKGROUND, evaluations=2)(IMAGES, [0, 1])


# ---- layers, models, predict functions


@pytest.mark.parametrize(
    "make",
    [
        explain.gradcam,
        explain.gradcam_maps,
        explain.channel_activations,
        explain.layer_activations,
        explain.layer_gradients,
        lambda model, layer: explain.tf_explain_maps(model, "gradcam", layer=layer),
    ],
)
def test_wrong_layers(make):
    for layer in ("conv9", "", None):
        with pytest.raises(ValueError, match=r"no layer named .*; it has .*conv3") as caught:
            make(MODEL, layer)
        assert repr(layer) in str(caught.value)
    with pytest.raises(ValueError, match=r"'base' is a model inside model.*call your layers on base\.output"):
        make(nested(), "base")


def nested():
    inside = keras.Input(SHAPE)
    base = keras.Model(inside, keras.layers.Conv2D(4, 3, activation="relu", name="conv3")(inside), name="base")
    inputs = keras.Input(SHAPE)
    pooled = keras.layers.GlobalAveragePooling2D()(base(inputs))
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(CLASSES, name="logits")(pooled)))


def of_any_size():
    inputs = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv3")(inputs)
    x = keras.layers.Dense(CLASSES, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Softmax()(x))


@pytest.mark.parametrize("name", [name for name in FROM_A_MODEL if "shap" not in name and "tf_explain" not in name])
def test_models_within_models_and_of_any_size_are_explained_or_refused_in_a_sentence(name):
    for model, sentence in (
        (nested(), "is a model inside"),
        (of_any_size(), "has to know their size|Give pictures of"),
    ):
        try:
            answers = np.asarray(FROM_A_MODEL[name](model)(IMAGES, [0, 1]))
        except ValueError as error:
            assert any(part in str(error) for part in [*sentence.split("|"), "no layer named 'conv3'"])  # noqa: PT017
        else:
            assert np.isfinite(answers).all()


@pytest.mark.parametrize("name", FROM_PREDICTIONS)
def test_what_does_not_predict(name):
    for predict, said in (
        (lambda images: np.zeros(len(images)), r"shape \(.*, K\) .* it gave float64 of shape"),
        (lambda images: np.zeros((len(images), 4), int), "it gave int64"),
        (lambda images: np.full((len(images), 4), np.nan), "gave NaN or infinity"),
        (lambda images: np.zeros((7, 4)), r"of shape \(7, 4\)"),
    ):
        with pytest.raises(ValueError, match=said):
            FROM_PREDICTIONS[name](predict)(IMAGES, [0, 1])


@pytest.mark.parametrize("curve", [explain.deletion, explain.insertion])
def test_curves_take_probabilities_and_say_so_of_logits(curve):
    maps = IMAGES[..., 0]
    assert np.isfinite(curve(models.predict_function(MODEL), IMAGES, [0, 1], maps, steps=4)).all()
    for predict in (
        lambda images: LOGITS(images) * 30,
        lambda images: np.full((len(images), 2), 0.9),  # in [0, 1], but they do not sum to 1
    ):
        with pytest.raises(ValueError, match=r"what predict gives .*(must lie in|must sum to).*Apply a softmax"):
            curve(predict, IMAGES, [0, 1], maps, steps=4)


def test_options_of_tf_explain_are_named():
    with pytest.raises(
        TypeError, match=r"gradcam of tf-explain has no option 'layers'\. Did you mean 'layer'\? It has: layer"
    ):
        explain.tf_explain_maps(MODEL, "gradcam", layers="conv3")
    with pytest.raises(TypeError, match=r"vanilla_gradients of tf-explain has no option 'steps'.*It has: none"):
        explain.tf_explain_arrays(MODEL, "vanilla_gradients", steps=3)
