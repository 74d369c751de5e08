"""Methods that look into the network: by hand, against captum on the torch twin, and what they refuse."""

import numpy as np
import pytest
import torch
from captum import attr

from helpers import explain, models
from helpers.contracts import rng_of
from helpers.explain import gradients
from helpers.explain._places import places_of
from helpers.explain.gradients import gradcam_maps
from helpers.models.backend import keras, tf
from helpers.models.graphs import chosen_logits
from tests.explain.networks import (
    CLASSES,
    SHAPE,
    course_network,
    distance,
    pictures,
    residual_network,
    some_classes,
    with_biases,
)

FACTORIES = {
    "gradcam": explain.gradcam,
    "signed gradcam": lambda model, **options: explain.gradcam(model, relu=False, **options),
    "vanilla": explain.vanilla_gradients,
    "times inputs": explain.gradients_times_inputs,
    "integrated": lambda model, **options: explain.integrated_gradients(model, 8, **options),
    "smoothgrad": lambda model, **options: explain.smoothgrad(model, 6, **options),
    "guided": explain.guided_backprop,
}
SIGNED = {"signed gradcam", "times inputs", "integrated"}


@pytest.fixture(scope="module")
def network():
    return course_network()


@pytest.fixture(scope="module")
def explainers(network):
    """Each method, made once: making it costs more than asking it."""
    return {name: make(network) for name, make in FACTORIES.items()}


@pytest.fixture(scope="module")
def twin(network):
    """The torch twin as a module from pictures to logits, as captum's hooks want it."""

    class Logits(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, images):
            return self.inner.logits(images)

    return Logits(models.to_torch(network))


@pytest.fixture(scope="module")
def asked():
    return pictures(6), some_classes(6)


def in_torch(asked):
    images, classes = asked
    return torch.from_numpy(images.copy()).requires_grad_(), torch.from_numpy(classes)


# ---- the numbers


def test_gradcam_by_hand(network, asked):
    """The head is two dense layers: the gradient of the logit with respect to conv3 can be written down."""
    images, classes = asked
    maps = models.predict_function(models.embedding_model(network, "conv3"))(images)
    (into, into_bias), (out, _) = (network.get_layer(name).get_weights() for name in ("dense", "logits"))
    awake = maps.reshape(len(maps), -1) @ into + into_bias > 0
    slopes = ((awake * out[:, classes].T) @ into.T).reshape(maps.shape)
    by_hand = (slopes.mean(axis=(1, 2))[:, None, None] * maps).sum(axis=-1)
    assert distance(gradcam_maps(network)(images, classes), by_hand) < 1e-5
    assert (by_hand < 0).any()
    assert (by_hand > 0).any()


def seen_by(model, layer, images):
    """The middle of what each place of a layer sees, by its gradient: rows of the places in column 0."""
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    middles = []
    for row in range(part.output.shape[1]):
        with tf.GradientTape() as tape:
            tape.watch(x := tf.constant(images))
            value = tf.reduce_sum(part(x)[:, row, 0])
        rows = np.flatnonzero(np.abs(tape.gradient(value, x)).sum(axis=(0, 2, 3)))
        middles.append((rows[0] + rows[-1]) / 2)
    return middles


@pytest.mark.parametrize(
    ("shape", "middles"), [((32, 32, 3), [8.5, 12.5, 16.5, 20.5]), ((28, 28, 1), [8.5, 12.5, 16.5])]
)
def test_places_of_the_course_network_lie_where_they_look(shape, middles):
    model = with_biases(models.course_cnn(shape, 5, seed=0))
    rows, columns = places_of(model, "conv3")
    assert rows == columns == (8.5, 4.0)
    assert seen_by(model, "conv3", pictures(64, shape)) == middles


def test_places_of_a_padded_chain_lie_where_they_look():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((40, 36, 3))
    x = keras.layers.Conv2D(4, 5, strides=2, padding="same", name="a")(keras.layers.Rescaling(2.0)(inputs))
    x = keras.layers.AveragePooling2D(3, strides=2, name="b")(x)
    x = keras.layers.DepthwiseConv2D(3, dilation_rate=2, name="c")(x)
    model = keras.Model(inputs, x)
    rows, columns = places_of(model, "b")
    assert rows == (3.0, 4.0)
    assert columns == (3.0, 4.0)
    found = seen_by(model, "b", pictures(8, (40, 36, 3)))
    assert found[1:-1] == [
        rows.first + rows.step * i for i in range(1, len(found) - 1)
    ]  # the ends are cut at the border
    assert places_of(model, "c")[0] == (11.0, 4.0)


def test_places_of_a_network_that_branches_are_not_told():
    assert places_of(residual_network(), "last") is None


def test_gradcam_lights_up_what_its_place_sees(network):
    """Only one place of conv3 sees the corner, so a mark there cannot light up the far side of the map."""
    rows, _ = places_of(network, "conv3")
    drawn = rows.spread(4, 32)
    np.testing.assert_allclose(drawn.sum(axis=1), 1, atol=1e-6)
    assert drawn.argmax(axis=0).tolist()[1:3] == [12, 16]
    assert (drawn[:9, 0] == 1).all()
    assert (drawn[21:, 3] == 1).all()


def test_gradcam_is_drawn_over_the_picture_after_the_relu(network, asked):
    raw = gradcam_maps(network)(*asked)

    def drawn(maps):
        at = (np.arange(SHAPE[0]) - 8.5) / 4
        rows = np.stack([np.interp(at, range(4), one) for one in maps.transpose(0, 2, 1).reshape(-1, 4)])
        down = rows.reshape(len(maps), 4, -1).transpose(0, 2, 1)  # (N, 32, 4)
        across = np.stack([np.interp(at, range(4), one) for one in down.reshape(-1, 4)])
        return across.reshape(len(maps), *SHAPE[:2])

    np.testing.assert_allclose(explain.gradcam(network, relu=False)(*asked), drawn(raw), atol=1e-6)
    np.testing.assert_allclose(explain.gradcam(network)(*asked), drawn(np.maximum(raw, 0)), atol=1e-6)


def test_gradcam_of_a_network_that_branches_fills_the_picture():
    model, images = residual_network(), pictures(3, (24, 20, 3))
    raw = torch.from_numpy(gradcam_maps(model, "last")(images, some_classes(3, 5)))[:, None].relu()
    filled = torch.nn.functional.interpolate(raw, (24, 20), mode="bilinear", align_corners=False)[:, 0].numpy()
    np.testing.assert_allclose(explain.gradcam(model, "last")(images, some_classes(3, 5)), filled, atol=1e-6)


def test_gradients_agree_with_captum(network, twin, asked):
    images, classes = in_torch(asked)
    saliency = attr.Saliency(twin).attribute(images, target=classes, abs=True).numpy().max(axis=-1)
    assert distance(explain.vanilla_gradients(network)(*asked), saliency) < 1e-5
    product = attr.InputXGradient(twin).attribute(images, target=classes).detach().numpy().sum(axis=-1)
    assert distance(explain.gradients_times_inputs(network)(*asked), product) < 1e-5
    guided = attr.GuidedBackprop(twin).attribute(images, target=classes).numpy()
    assert distance(explain.guided_backprop(network)(*asked), np.abs(guided).max(axis=-1)) < 1e-5
    assert distance(guided, attr.Saliency(twin).attribute(images, target=classes, abs=False).numpy()) > 0.1
    cam = attr.LayerGradCam(twin, twin.inner.relu3).attribute(images, target=classes).detach().numpy()[:, 0]
    assert distance(gradcam_maps(network)(*asked), cam) < 1e-5


@pytest.mark.parametrize(("steps", "baseline"), [(1, 0.0), (16, 0.0), (16, 1.0), (5, "picture")])
def test_integrated_gradients_agree_with_captum(network, twin, asked, steps, baseline):
    images, classes = in_torch(asked)
    start = pictures(1, seed=9)[0] if baseline == "picture" else np.full(SHAPE, baseline, np.float32)
    if steps == 1:  # captum asks for two at least: one is the gradient in the middle
        middle = ((images.detach() + torch.from_numpy(start)) / 2).requires_grad_()
        twin(middle).gather(1, classes[:, None]).sum().backward()
        peer = (middle.grad * (images - torch.from_numpy(start))).detach().numpy()
    else:
        peer = attr.IntegratedGradients(twin).attribute(
            images, torch.from_numpy(start)[None], target=classes, n_steps=steps, method="riemann_middle"
        )
        peer = peer.detach().numpy()
    given = start if baseline == "picture" else baseline
    own = explain.integrated_gradients(network, steps, given)(*asked)
    # In float32 a ReLU that stands at zero may fall either way at one of the points: that moves a few pixels.
    apart = np.abs(own - peer.sum(axis=-1))
    assert np.mean(apart > 1e-5 * np.abs(own).max()) < 0.05
    assert np.linalg.norm(apart) < 1e-3 * np.linalg.norm(own)
    assert np.linalg.norm(peer.sum(axis=-1)) > 0


def test_smoothgrad_is_the_mean_gradient_of_noisy_pictures(network, twin, asked):
    images, classes = in_torch(asked)
    noise = np.stack([rng_of(one, 3).standard_normal((6, *SHAPE), np.float32) for one in asked[0]])
    assert abs(noise.std() - 1) < 0.01
    total = torch.zeros_like(images)
    for one in range(6):
        noisy = (images.detach() + torch.from_numpy(0.15 * noise[:, one])).requires_grad_()
        twin(noisy).gather(1, classes[:, None]).sum().backward()
        total += noisy.grad / 6
    peer = total.abs().amax(dim=-1).detach().numpy()
    assert distance(explain.smoothgrad(network, 6, seed=3)(*asked), peer) < 1e-3
    assert distance(explain.smoothgrad(network, 6, seed=4)(*asked), peer) > 0.05


def test_smoothgrad_draws_fresh_noise_for_a_picture_that_differs(network, asked):
    """A frozen draw would hide how much of a map is its noise: 0.066 of 0.224 on the course's signs."""
    images, classes = asked
    beside = images.copy()
    beside[:, 0, 0, 0] = 1 - beside[:, 0, 0, 0]
    method = explain.smoothgrad(network, 4, seed=1)
    redrawn = explain.smoothgrad(network, 4, seed=2)(images, classes)
    moved = np.linalg.norm(method(beside, classes) - method(images, classes))
    assert moved > 0.7 * np.linalg.norm(redrawn - method(images, classes)) > 0


def test_smoothgrad_without_noise_is_the_gradient(network, asked):
    assert distance(explain.smoothgrad(network, 2, 1e-6)(*asked), explain.vanilla_gradients(network)(*asked)) < 1e-2


def test_guided_backprop_stops_where_a_relu6_does():
    """One pixel-wise ReLU6 before the logits: the guided gradient is the logit's weight, where it may pass."""
    inputs = keras.Input((4, 4, 1))
    scaled = keras.layers.Rescaling(12.0, offset=-3.0)(inputs)
    for relu in (keras.layers.ReLU(max_value=6.0), keras.layers.Activation("relu6"), keras.layers.ReLU()):
        logits = keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(relu(scaled)))
        model = keras.Model(inputs, keras.layers.Softmax()(logits))
        images = pictures(5, (4, 4, 1))
        value = 12 * images[..., 0] - 3
        weight = model.get_layer("logits").get_weights()[0][:, 1].reshape(4, 4)
        ceiling = np.inf if type(relu) is keras.layers.ReLU and relu.max_value is None else 6
        by_hand = 12 * np.where((value > 0) & (value < ceiling) & (weight > 0), weight, 0)
        np.testing.assert_allclose(explain.guided_backprop(model)(images, np.ones(5, int)), by_hand, atol=1e-5)


def test_guided_backprop_leaves_the_model_as_it_was(network, asked):
    before = models.predict_function(network)(asked[0])
    plain = explain.vanilla_gradients(network)(*asked)
    explain.guided_backprop(network)(*asked)
    np.testing.assert_array_equal(models.predict_function(network)(asked[0]), before)
    np.testing.assert_array_equal(explain.vanilla_gradients(network)(*asked), plain)
    assert network.get_layer("conv1").activation is keras.activations.relu


def test_logits_are_explained_where_the_softmax_has_no_gradient_left(asked):
    sure = course_network()
    sure.get_layer("logits").set_weights([10_000 * weight for weight in sure.get_layer("logits").get_weights()])
    images, _ = asked
    probabilities = models.predict_function(sure)(images)
    classes = probabilities.argmax(axis=1)
    assert (probabilities.max(axis=1) == 1).all()
    with tf.GradientTape() as tape:
        pixels = tf.Variable(images)
        of_softmax = chosen_logits(sure(pixels), classes)
    of_logits = explain.vanilla_gradients(sure)(images, classes).max(axis=(1, 2))
    assert (of_logits > 1).all()
    assert np.abs(tape.gradient(of_softmax, pixels)).max() < 1e-20 * of_logits.min()


# ---- completeness


def test_integrated_gradients_add_up_better_with_more_steps(network):
    images, classes = pictures(20), some_classes(20)
    logits = models.predict_function(models.logits_model(network))
    wanted = (logits(images) - logits(np.zeros_like(images)))[np.arange(20), classes]
    missing = {
        steps: np.abs(explain.integrated_gradients(network, steps)(images, classes).sum(axis=(1, 2)) - wanted).mean()
        for steps in (2, 8, 32, 128)
    }
    assert missing[128] < missing[32] < missing[8] < missing[2]
    assert missing[128] < 0.02 * np.abs(wanted).mean()
    without_difference = explain.integrated_gradients(network, 32)(images, classes) / images.mean(axis=-1)
    assert np.abs(without_difference.sum(axis=(1, 2)) - wanted).mean() > 5 * missing[32]


def test_a_picture_that_is_its_own_baseline_has_a_map_of_zeros(network):
    grey = np.full((2, *SHAPE), 0.3, np.float32)
    assert not explain.integrated_gradients(network, 4, 0.3)(grey, np.array([0, 1])).any()
    assert explain.integrated_gradients(network, 4, 0.2)(grey, np.array([0, 1])).any()


def test_a_baseline_may_be_each_pictures_own(network, asked):
    images, classes = asked
    together = explain.integrated_gradients(network, 4, explain.mean_colour)(images, classes)
    alone = [
        explain.integrated_gradients(network, 4, start)(images[[i]], classes[[i]])[0]
        for i, start in enumerate(explain.mean_colour(images))
    ]
    assert distance(together, np.stack(alone)) < 1e-4
    assert distance(together, explain.integrated_gradients(network, 4)(images, classes)) > 0.1
    for wrong, message in (
        (lambda some: some[:1, 0], r"a function that gives pictures of shape \(6, 32, 32, 3\), got shape \(1, 32, 3\)"),
        (lambda some: some + 1, r"baseline must lie in \[0, 1\]"),
    ):
        with pytest.raises(ValueError, match=message):
            explain.integrated_gradients(network, 4, wrong)(images, classes)


def branching_network():
    """Two convolutions read the pixels."""
    inputs = keras.Input((8, 8, 1))
    branches = [keras.layers.Conv2D(2, 3, activation="relu")(inputs) for _ in range(2)]
    x = keras.layers.Flatten()(keras.layers.Concatenate()(branches))
    logits = keras.layers.Dense(3, name="logits")(x)
    return keras.Model(inputs, keras.layers.Softmax()(logits), name="branching")


def dense_network():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(6, activation="relu")(keras.layers.Flatten()(inputs))
    logits = keras.layers.Dense(3, name="logits")(x)
    return keras.Model(inputs, keras.layers.Softmax()(logits), name="dense")


@pytest.mark.parametrize("make", [branching_network, dense_network])
def test_networks_that_branch_or_do_not_convolve_are_explained_too(make):
    model = make()
    images, classes = pictures(4, (8, 8, 1)), some_classes(4, 3)
    logits = models.predict_function(models.logits_model(model))
    wanted = (logits(images) - logits(np.zeros_like(images)))[np.arange(4), classes]
    maps = explain.integrated_gradients(model, 256)(images, classes)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), wanted, atol=0.01 * np.abs(wanted).max())
    assert explain.smoothgrad(model, 3)(images, classes).any()


def test_a_layer_beside_a_shortcut(asked):
    """The gradient is the whole network's, also where a shortcut goes around the layer: by finite differences."""
    model = residual_network()
    images, classes = pictures(2, (24, 20, 3)), np.array([1, 4])
    cam = gradcam_maps(model, "inside_relu")(images, classes)
    maps = models.predict_function(models.embedding_model(model, "inside_relu"))(images)
    start = models.predict_function(models.embedding_model(model, "stem_relu"))(images)
    head = keras.Model(
        [model.get_layer("stem_relu").output, model.get_layer("inside_relu").output], model.get_layer("logits").output
    )
    weights = np.zeros((2, 8))
    for channel in range(8):
        moved = [maps.copy(), maps.copy()]
        moved[0][..., channel] += 1e-2
        moved[1][..., channel] -= 1e-2
        up, down = (head([start, each], training=False).numpy()[[0, 1], classes] for each in moved)
        weights[:, channel] = (up - down) / 2e-2 / maps[0, ..., 0].size
    assert distance(cam, (weights[:, None, None] * maps).sum(axis=-1)) < 2e-2


# ---- many pictures


@pytest.mark.parametrize("name", FACTORIES)
def test_maps_do_not_depend_on_what_stands_beside_a_picture(network, explainers, asked, name):
    images, classes = asked
    together = explainers[name](images, classes)
    for batch_size in (1, 5):  # with 5, neither 8 steps nor 6 pictures come out even
        again = FACTORIES[name](network, batch_size=batch_size)(images, classes)
        assert np.linalg.norm(again - together) < 1e-4 * np.linalg.norm(together)
    shown = int(np.argmax(np.abs(together).max(axis=(1, 2))))  # GradCAM of one of them is all zeros after its ReLU
    alone = explainers[name](images[shown : shown + 1], classes[shown : shown + 1])
    assert np.linalg.norm(alone[0] - together[shown]) < 1e-4 * np.linalg.norm(together[shown])


@pytest.mark.parametrize("name", FACTORIES)
def test_form(explainers, asked, name):
    explainer = explainers[name]
    maps = explainer(*asked)
    assert maps.shape == (6, 32, 32)
    assert maps.dtype == np.float32
    assert explainer.classes == CLASSES
    assert explainer.signed == (name in SIGNED) == bool((maps < 0).any())
    other_class = explainer(asked[0], (asked[1] + 1) % CLASSES)
    assert (np.abs(other_class - maps).max(axis=(1, 2)) > 0).all()


def test_no_more_points_at_once_than_asked_for(network):
    seen = []

    def run(images, classes, points):
        seen.append(len(images) * len(points))
        return tf.zeros(images.shape[:3]) + tf.reduce_mean(points)

    for steps in (3, 10, 25):
        positions = np.arange(steps, dtype=np.float32)
        arguments = (run, steps, 10, network, pictures(7), some_classes(7))
        mean = gradients._over_points(*arguments, lambda rows, points, positions=positions: (positions[points],))
        np.testing.assert_allclose(mean, np.full((7, 32, 32), positions.mean()), rtol=1e-6)
    assert max(seen) <= 10
    assert sum(seen) == 7 * (3 + 10 + 25)


# ---- defined answers


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_constant_picture_has_a_finite_map(explainers, name, value):
    maps = explainers[name](np.full((2, *SHAPE), value, np.float32), np.array([0, 9]))
    assert np.isfinite(maps).all()
    assert value or name not in ("times inputs", "integrated") or not maps.any()


@pytest.mark.parametrize("name", FACTORIES)
def test_a_class_that_nothing_speaks_for_has_a_map_of_zeros(asked, name):
    model = course_network()
    kernel, bias = model.get_layer("logits").get_weights()
    kernel[:, 3] = 0
    model.get_layer("logits").set_weights([kernel, bias])
    maps = FACTORIES[name](model)(asked[0], np.full(6, 3))
    assert not maps.any()


def test_channel_activations(network, asked):
    images, _ = asked
    answers = explain.channel_activations(network, "conv1")(images)
    assert answers.shape == (6, 30, 30, 32)
    kernel, bias = network.get_layer("conv1").get_weights()
    patch = (2 * images[0, 4:7, 9:12] - 1)[..., None]
    np.testing.assert_allclose(answers[0, 4, 9], np.maximum((kernel * patch).sum(axis=(0, 1, 2)) + bias, 0), atol=1e-5)
    with pytest.raises(ValueError, match=r"maps .* are needed"):
        explain.channel_activations(network, "dense")


# ---- what is refused

REFUSING = {**FACTORIES, "raw gradcam": gradcam_maps, "activations": explain.channel_activations}


@pytest.mark.parametrize("name", REFUSING)
def test_refuses_models_it_cannot_look_into(name):
    sequential = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, name="logits")]
    )
    with pytest.raises(TypeError, match=r"Sequential.*functional one: models.course_cnn"):
        REFUSING[name](sequential)
    with pytest.raises(TypeError, match="functional Keras model is needed"):
        REFUSING[name](lambda images: images)
    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(inputs)
    with pytest.raises(ValueError, match="no layer named 'logits'"):
        REFUSING[name](keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="answers")(flat)))
    with pytest.raises(ValueError, match=r"'logits' of model .* applies softmax"):
        REFUSING[name](keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="logits")(flat)))
    second = keras.Input((16,))
    both = keras.layers.Dense(3, name="logits")(keras.layers.Add()([flat, second]))
    with pytest.raises(ValueError, match="2 inputs"):
        REFUSING[name](keras.Model([inputs, second], both))


@pytest.mark.parametrize("make", [explain.gradcam, gradcam_maps, explain.channel_activations])
def test_refuses_layers(network, make):
    with pytest.raises(ValueError, match=r"no layer named 'conv9'.*conv1, pool1, conv2, pool2, conv3"):
        make(network, "conv9")
    with pytest.raises(ValueError, match=r"'flatten' gives .*maps .* are needed.*conv3$"):
        make(network, "flatten")


@pytest.mark.parametrize("name", [name for name in REFUSING if name != "activations"])
def test_refuses_pictures_and_classes(network, explainers, name):
    explainer, one = explainers.get(name) or REFUSING[name](network), pictures(1)
    for classes in ([10], [-1]):
        with pytest.raises(ValueError, match=r"classes must lie in 0\.\.9"):
            explainer(one, np.array(classes))
    with pytest.raises(ValueError, match="one per picture"):
        explainer(one, np.array([1, 2]))
    with pytest.raises(TypeError, match="must be integers"):
        explainer(one, np.array([1.0]))
    with pytest.raises(TypeError, match="float32 array"):
        explainer((255 * one).astype(np.uint8), np.array([1]))
    for wrong in (one + 0.5, one - 0.5, np.full_like(one, np.nan)):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            explainer(wrong, np.array([1]))
    with pytest.raises(ValueError, match=r"N of at least 1, got \(0, 32, 32, 3\)"):
        explainer(one[:0], np.array([], int))
    with pytest.raises(ValueError, match=r"shape \(N, 32, 32, 3\) for this model"):
        explainer(pictures(1, (28, 28, 3)), np.array([1]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda model: explain.integrated_gradients(model, 0), "steps must be a whole number"),
        (lambda model: explain.integrated_gradients(model, 2.5), "steps must be a whole number"),
        (lambda model: explain.integrated_gradients(model, True), "steps must be a whole number"),
        (lambda model: explain.integrated_gradients(model, 4, 1.5), r"baseline must lie in \[0, 1\]"),
        (lambda model: explain.integrated_gradients(model, 4, float("nan")), r"baseline must lie in \[0, 1\]"),
        (lambda model: explain.integrated_gradients(model, 4, np.zeros((2, 2, 3))), "one picture of shape"),
        (lambda model: explain.smoothgrad(model, 0), "samples must be a whole number"),
        (lambda model: explain.smoothgrad(model, 4, 0.0), r"noise must lie in \(0, 1\].*0.15"),
        (lambda model: explain.smoothgrad(model, 4, 15), r"noise must lie in \(0, 1\]"),
        (lambda model: explain.smoothgrad(model, 4, float("nan")), r"noise must lie in \(0, 1\]"),
        (lambda model: explain.smoothgrad(model, 4, seed=-1), "seed must be"),
        *[(lambda model, make=make: make(model, batch_size=0), "batch_size must be") for make in FACTORIES.values()],
    ],
)
def test_refuses_numbers(network, make, message):
    with pytest.raises(ValueError, match=message):
        make(network)


def test_guided_backprop_needs_a_relu():
    inputs = keras.Input((4, 4, 1))
    logits = keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(keras.layers.LeakyReLU()(inputs)))
    with pytest.raises(ValueError, match="has no ReLU"):
        explain.guided_backprop(keras.Model(inputs, logits))
