"""The engine answers what the Keras model, helpers.uncertainty and helpers.explain say, and needs none of them."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from helpers import explain, models, serving, uncertainty
from tests.conftest import ROOT
from tests.serving import bundles

LEVELS = (0.01, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    return bundles.pack(folder, serving.make_keys(folder / "keys"))


@pytest.fixture(scope="module")
def engine(packed):
    return serving.open_bundle(packed.path, packed.public, threads=1)


@pytest.fixture(scope="module")
def images():
    """Pictures as packed, and some that no block ever looked like."""
    noise = np.random.default_rng(9).random((30, *bundles.SHAPE), dtype=np.float32)
    return np.concatenate([bundles.pictures(270, 5), noise, noise * 0, noise * 0 + 1])


# ---- the same numbers as the course's own


def test_probabilities_are_the_keras_models(engine, images):
    answers = engine.answer(images, 0.9)
    expected = uncertainty.softmax(bundles.keras_logits()(images) / engine.temperature)
    assert (answers.probabilities.dtype, answers.classes.dtype) == (np.float32, np.int64)
    assert np.abs(answers.probabilities - expected).max() < 1e-5
    clear = np.diff(np.sort(expected, axis=1)[:, -2:])[:, 0] > 1e-5
    assert clear.mean() > 0.5
    assert np.array_equal(answers.classes[clear], expected.argmax(axis=1)[clear])


def test_a_wrong_temperature_would_show(engine, images):
    other = dataclasses.replace(engine, temperature=engine.temperature * 1.01)
    expected = uncertainty.softmax(bundles.keras_logits()(images) / engine.temperature)
    assert np.abs(other.answer(images, 0.9).probabilities - expected).max() > 1e-4


def calibration_halves(engine):
    x, y = bundles.drawn(500, 1)
    first = np.arange(500) % 5 == 0
    logits, features = engine.classify(x)
    return logits, features, y, first


def test_the_temperature_is_that_of_every_fifth_calibration_picture(engine):
    logits, _, y, first = calibration_halves(engine)
    assert engine.temperature == uncertainty.fit_temperature(logits[first], y[first])
    assert abs(np.log(engine.temperature / bundles.TEMPERATURE)) < np.log(1.6), "100 pictures tell it roughly"


@pytest.mark.parametrize("level", LEVELS)
def test_sets_are_those_of_the_uncertainty_room(engine, images, level):
    logits, _, y, first = calibration_halves(engine)
    p = uncertainty.softmax(logits[~first] / engine.temperature)
    predictor = uncertainty.calibrate(uncertainty.Lac(), p, y[~first], alpha=1 - level)
    new = uncertainty.softmax(engine.classify(images)[0] / engine.temperature)
    found = engine.answer(images, level).sets
    near = np.abs(1 - new - predictor.threshold) < 1e-12
    assert np.array_equal(found[~near], predictor.sets(new)[~near])
    assert found.all() == np.isinf(predictor.threshold) == (level == 0.999)


def test_the_threshold_is_the_same_at_every_level_and_size(engine):
    rng = np.random.default_rng(2)
    for n in (1, 2, 9, 10, 99, 100, 399):
        scores = np.sort(rng.random(n))
        some = dataclasses.replace(engine, scores=scores)
        for level in np.linspace(0.001, 0.999, 499):
            assert some._threshold(level) == uncertainty.conformal_quantile(scores, 1 - level), (n, level)


def test_sets_cover_as_their_law_says(engine):
    x, y = bundles.drawn(2000, 77)
    low, high = uncertainty.coverage_law(400, 2000, 0.1).ppf([0.00005, 0.99995])
    covered = engine.answer(x, 0.9).sets[np.arange(2000), y].sum()
    assert low <= covered <= high
    careless = dataclasses.replace(engine, scores=engine.scores * 0.7)
    assert careless.answer(x, 0.9).sets[np.arange(2000), y].sum() < low


def test_strange_is_what_the_uncertainty_room_calls_strange(engine, images):
    known = engine.classify(bundles.pictures(300, 0))[1]
    neighbours = uncertainty.NearestNeighbours.fit(known, 10)
    _, features, _, _ = calibration_halves(engine)
    threshold = uncertainty.threshold_for_tpr(neighbours.score(features), 0.95)
    scores = neighbours.score(engine.classify(images)[1])
    squared = engine.strangeness(engine.classify(images)[1]) ** 2
    assert np.abs(squared - scores**2).max() < 1e-6
    assert abs(engine.threshold**2 - threshold**2) < 1e-6
    found = engine.answer(images, 0.9).strange
    clear = np.abs(scores**2 - threshold**2) > 2e-6
    assert clear.mean() > 0.99
    assert np.array_equal(found[clear], (scores > threshold)[clear])
    assert found[:270].mean() < 0.15
    assert found[330:].all(), "white pictures"


@pytest.mark.parametrize(
    "features", [np.zeros((3, 4)), np.eye(4), np.full((2, 4), 1e200), np.array([[1e-300, 0, 0, 0]])]
)
def test_strangeness_of_odd_features_is_the_same_too(features):
    known = np.random.default_rng(1).random((20, 4))
    known[:2] = 0
    expected = uncertainty.NearestNeighbours.fit(known, 3).score(features)
    assert np.abs(serving.Strangeness(known, 3)(features) ** 2 - expected**2).max() < 1e-6


def test_maps_are_the_explain_rooms_gradcam(engine, images):
    maps = explain.gradcam(bundles.network())
    best = engine.answer(images, 0.9).classes
    asked = np.arange(len(images)) % bundles.CLASSES
    for found, expected in (
        (engine.explain(images, asked), maps(images, asked)),
        (engine.explain(images), maps(images, best)),
    ):
        assert found.dtype == np.float32
        assert found.shape == (len(images), *bundles.SHAPE[:2])
        assert np.abs(found - expected).max() < 1e-5 * expected.max()
    assert not np.allclose(engine.explain(images, asked), engine.explain(images), atol=1e-2), "the class matters"


def test_what_is_asked_together_is_what_is_asked_alone(engine, images):
    together = engine.answer(images, 0.9)
    assert len(images) > 256, "more than go through the network at once"
    for place in (0, 255, 256, 329):
        alone = engine.answer(images[place : place + 1], 0.9)
        assert np.abs(alone.probabilities[0] - together.probabilities[place]).max() < 1e-6
        assert (alone.classes[0], alone.strange[0]) == (together.classes[place], together.strange[place])
        assert np.allclose(engine.explain(images[place : place + 1])[0], engine.explain(images)[place], atol=1e-5)


# ---- what is no question


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_a_level_out_of_range_is_refused(engine, images, level):
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        engine.answer(images[:1], level)


def spoilt(images, value):
    copy = images[:3].copy()
    copy[1, 2, 3, 0] = value
    return copy


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda x: x[:, :, :-1], ValueError, r"20.*24"),
        (lambda x: x[..., :1], ValueError, r"20.*24"),
        (lambda x: x[0], ValueError, r"shape \(N, H, W, C\)"),
        (lambda x: x[:0], ValueError, "N of at least 1"),
        (lambda x: spoilt(x, np.nan), ValueError, "NaN"),
        (lambda x: spoilt(x, np.inf), ValueError, r"in \[0, 1\]"),
        (lambda x: spoilt(x, 1.01), ValueError, r"in \[0, 1\]"),
        (lambda x: (x * 255).astype(np.uint8), TypeError, "uint8"),
        (lambda x: x[:2].tolist(), TypeError, "list"),
    ],
)
def test_what_are_no_pictures_is_refused(engine, images, make, kind, message):
    for ask in (lambda x: engine.answer(x, 0.9), engine.explain):
        with pytest.raises(kind, match=message):
            ask(make(images))


@pytest.mark.parametrize("classes", [[0], [0, 1, bundles.CLASSES], [0, 1, -1], [0.5, 1, 2], [[0], [1], [2]]])
def test_what_are_no_classes_is_refused(engine, images, classes):
    with pytest.raises((TypeError, ValueError), match="classes"):
        engine.explain(images[:3], np.array(classes))


def test_threads_are_as_many_as_asked_for(packed):
    for threads in (1, 3):
        session = serving.open_bundle(packed.path, packed.public, threads=threads).classify.args[0]
        options = session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)
        assert session.get_providers() == ["CPUExecutionProvider"]


# ---- light


TRAINING = ("tensorflow", "keras", "torch", "sklearn", "scipy", "pandas", "matplotlib", "onnx", "shap")


def test_it_answers_without_anything_of_training(packed):
    code = (
        "import json, sys, numpy as np\n"
        "from helpers.serving import open_bundle\n"
        f"engine = open_bundle({str(packed.path)!r}, {str(packed.public)!r}, 3)\n"
        "x = np.zeros((2, *engine.shape), np.float32)\n"
        "print(engine.answer(x, 0.9).probabilities.shape, engine.explain(x).shape)\n"
        f"print(json.dumps([name for name in {TRAINING!r} if name in sys.modules]))\n"
        "print(json.dumps(sorted(name for name in sys.modules if name.startswith('helpers.'))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    said, heavy, ours = done.stdout.strip().split("\n")
    assert said == "(2, 5) (2, 20, 24)"
    assert json.loads(heavy) == []
    rooms = {name.split(".")[1] for name in json.loads(ours)}
    assert rooms == {"cache", "contracts", "errors", "serving"}
    assert "helpers.serving.packing" not in json.loads(ours)


# ---- packing


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"class_names": ["one"]}, "5 classes"),
        ({"reference": bundles.pictures(9, 0)}, "at least k reference pictures"),
        ({"calibration": (bundles.pictures(9, 0), np.zeros(9, np.int64))}, "at least 10 calibration pictures"),
        ({"calibration": (bundles.pictures(20, 0), np.full(20, 5))}, "calibration labels"),
        ({"reference": np.zeros((20, 8, 8, 3), np.float32)}, "reference"),
        ({"card": bundles.CARD | {"caveats": " "}}, "caveats"),
        ({"serial": 0}, "serial"),
    ],
)
def test_what_makes_no_bundle_is_refused(tmp_path, other, message):
    keys = serving.make_keys(tmp_path / "keys")
    with pytest.raises(ValueError, match=message):
        bundles.pack(tmp_path / "packed", keys, **other)
    assert not (tmp_path / "packed").exists()


def test_a_network_without_the_layers_is_refused(tmp_path):
    network = bundles.network()
    with pytest.raises(ValueError, match="features must name a Dense layer"):
        models.save_onnx(network, tmp_path / "a.onnx", features="conv3")
    with pytest.raises(ValueError, match="'conv2' is none in"):
        models.save_gradcam_onnx(network, tmp_path / "a.onnx", [[1]], [[1]], layer="conv2")
    with pytest.raises(ValueError, match="rows and columns must have the shapes"):
        models.save_gradcam_onnx(network, tmp_path / "a.onnx", [[1]], [[1]])
    assert list(tmp_path.iterdir()) == []
