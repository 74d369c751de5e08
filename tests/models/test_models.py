"""The course CNN, its training and cache, its predict functions, its torch twin and its files."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest

from helpers import models
from helpers.datasets import signs
from helpers.datasets.base import Dataset, Split
from helpers.errors import CacheError

SHAPES = [(32, 32, 3), (28, 28, 1)]
TINY = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3}


def pictures(shape: tuple[int, int, int], n: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, *shape), dtype=np.float32)


def split(n: int = 200, side: int = 20, classes: int = 2, seed: int = 0) -> Split:
    """Pictures whose class is which half is brighter: learnt in a few steps."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    pixels = rng.integers(0, 120, (n, side, side, 1))
    bright = np.arange(side) // (side // classes)
    pixels += 100 * (bright[None, None, :, None] == labels[:, None, None, None])
    return Split(pixels.astype(np.uint8), labels.astype(np.int64), pd.DataFrame(index=range(n)))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIGILANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def no_word_of_retracing(caplog: pytest.LogCaptureFixture):
    """Ensembles and odd last batches are normal here, and TensorFlow must have no reason to warn of them."""
    yield
    assert "retracing" not in caplog.text


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a network that nobody trained in the place of training, where only the cache is tested."""

    def fit(recipe, train, validation, classes):
        time.sleep(0.2)  # long enough for another thread to find it under way
        history = pd.DataFrame({"epoch": [1], "steps": [recipe.steps], "loss": [0.1 + 0.2], "accuracy": [1 / 3]})
        return models.course_cnn(train.pixels.shape[1:], classes, seed=recipe.seed), history

    monkeypatch.setattr("helpers.models.training._fit", fit)


@pytest.fixture(scope="module")
def networks():
    """One untrained network for each shape, its biases not zero: a forgotten bias must show."""
    made = {}
    for shape in SHAPES:
        model = models.course_cnn(shape, 10, seed=1, dropout=0.3)
        rng = np.random.default_rng(2)
        model.set_weights([weight + rng.normal(0, 0.05, weight.shape) for weight in model.get_weights()])
        made[shape] = model
    return made


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


# ---- the package


def test_importing_the_package_loads_no_framework():
    code = "import sys, helpers.models; sys.exit('tensorflow' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_can_be_had():
    # Constants, such as the name of a layer, are text; everything else is called.
    assert all(callable(getattr(models, name)) or isinstance(getattr(models, name), str) for name in models.__all__)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = models.no_such_thing


def test_a_first_training_says_nothing_but_what_is_unexpected():
    code = """
import os
import numpy as np, pandas as pd
from helpers.datasets.base import Split
from helpers.models import Recipe, backend, load_or_train, predict_function, training
training._SECONDS_BEFORE_A_BAR = 600
rng = np.random.default_rng(0)
pixels = rng.integers(0, 256, (40, 20, 20, 1), dtype=np.uint8)
data = Split(pixels, rng.integers(0, 2, 40), pd.DataFrame(index=range(40)))
predict_function(load_or_train(Recipe(steps=1), data, data, classes=2).model)(data.images)
with backend._without_expected_lines():
    os.write(2, b"oneDNN custom operations are on\\nsomething is really wrong\\n")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "something is really wrong\n")


# ---- the network


def test_layers_and_maps_are_the_documented_ones():
    for shape, last in (((32, 32, 3), 4), ((28, 28, 1), 3), ((18, 18, 1), 1)):
        model = models.course_cnn(shape, 10, seed=0)
        names = "images normalise conv1 pool1 conv2 pool2 conv3 flatten dense logits probabilities"
        assert " ".join(layer.name for layer in model.layers) == names
        assert model.get_layer("conv3").output.shape[1:] == (last, last, 64)
    names = [layer.name for layer in models.course_cnn((32, 32, 3), 10, seed=0, dropout=0.1).layers]
    assert names.index("dropout_dense") == names.index("dense") - 1
    assert names.index("dropout_logits") == names.index("logits") - 1


def test_initial_weights_follow_the_seed_and_nothing_else():
    first, same, other = (models.course_cnn((20, 20, 1), 3, seed=seed).get_weights() for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.allclose(first[0], other[0])
    assert not np.allclose(first[2].ravel()[:100], first[4].ravel()[:100])  # conv2 and conv3 are drawn apart
    with_dropout = models.course_cnn((20, 20, 1), 3, seed=5, dropout=0.5).get_weights()
    assert np.array_equal(first[0], with_dropout[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (17, 32, 3)}, "18x18"),
        ({"shape": (32, 32)}, "height, width, channels"),
        ({"classes": 1}, "at least 2"),
        ({"dropout": 1.0}, r"\[0, 1\)"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.course_cnn(**{"shape": (32, 32, 3), "classes": 10, "seed": 0} | arguments)


def test_logits_and_features_are_those_of_the_same_network(networks):
    model, images = networks[28, 28, 1], pictures((28, 28, 1))
    logits = models.predict_function(models.logits_model(model))(images)
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax = exponent / exponent.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax, models.predict_function(model)(images), atol=1e-6)
    features = models.predict_function(models.embedding_model(model))(images)
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(features @ kernel + bias, logits, atol=1e-4)
    with pytest.raises(ValueError, match="no layer named 'densest'"):
        models.embedding_model(model, "densest")


# ---- prediction


def test_predictions_do_not_depend_on_the_batch(networks):
    model, images = networks[32, 32, 3], pictures((32, 32, 3), 37)
    whole = models.predict_function(model)(images)
    assert whole.shape == (37, 10)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(models.predict_function(model, batch_size=8)(images), whole, atol=1e-6)
    np.testing.assert_allclose(whole, model(images, training=False), atol=1e-6)


def test_a_split_is_predicted_like_its_images(networks):
    data = split(50, side=28)
    expected = models.predict_function(networks[28, 28, 1])(data.images)
    np.testing.assert_allclose(models.predict_split(networks[28, 28, 1], data, batch_size=16), expected, atol=1e-6)
    with pytest.raises(ValueError, match="no pictures"):
        models.predict_split(networks[28, 28, 1], data.take(slice(0, 0)))
    with pytest.raises(ValueError, match=r"\(N, 32, 32, 3\)"):
        models.predict_split(networks[32, 32, 3], data)


@pytest.fixture(scope="module", params=["keras", "dropout", "onnx"])
def predict(request, networks, tmp_path_factory):
    model = networks[28, 28, 1]
    if request.param == "keras":
        return models.predict_function(model)
    if request.param == "dropout":
        return models.mc_dropout_function(model, 2, 0)
    return models.onnx_predict_function(models.save_onnx(model, tmp_path_factory.mktemp("onnx") / "model.onnx"))


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda images: (images * 255).astype(np.uint8), TypeError, "to_unit_range"),
        (lambda images: images * 255, ValueError, "Divide pixels by 255"),
        (lambda images: np.where(images > 0.5, np.nan, images), ValueError, "NaN"),
        (lambda images: images[0], ValueError, r"picture\[None\]"),
        (lambda images: images[:0], ValueError, "at least 1"),
        (lambda images: images[:, :20], ValueError, r"\(N, 28, 28, 1\) for this model, got \(3, 20, 28, 1\)"),
    ],
    ids=["uint8", "not divided", "NaN", "one picture", "none", "other size"],
)
def test_pictures_that_are_none_are_refused(predict, spoil, error, message):
    with pytest.raises(error, match=message):
        predict(spoil(pictures((28, 28, 1), 3)))


def test_batch_size_is_checked(networks):
    with pytest.raises(ValueError, match="batch_size"):
        models.predict_function(networks[28, 28, 1], batch_size=0)


def test_mc_dropout_repeats_itself_and_leaves_the_model_alone(networks):
    model, images = networks[28, 28, 1], pictures((28, 28, 1), 300)
    before = models.predict_function(model)(images)
    sample = models.mc_dropout_function(model, 30, seed=4)
    first = sample(images)
    assert first.shape == (30, 300, 10)
    assert np.array_equal(first, sample(images))
    assert np.array_equal(first, models.mc_dropout_function(model, 30, seed=4)(images))
    assert not np.allclose(first, models.mc_dropout_function(model, 30, seed=5)(images))
    assert np.array_equal(before, models.predict_function(model)(images))
    np.testing.assert_allclose(sample(images[:280]), first[:, :280], atol=1e-6)  # the last block is shorter


def test_mc_dropout_draws_a_mask_for_each_sample_and_each_picture(networks):
    same = np.repeat(pictures((28, 28, 1), 1), 300, axis=0)  # two blocks of one picture
    drawn = models.mc_dropout_function(networks[28, 28, 1], 3, seed=0)(same)
    assert len(np.unique(drawn.reshape(900, 10), axis=0)) > 890


def test_mc_dropout_has_the_rate_and_the_scale_of_dropout_in_training(networks):
    model, image = networks[28, 28, 1], pictures((28, 28, 1), 1)
    of_keras = model(np.repeat(image, 4000, axis=0), training=True).numpy()
    ours = models.mc_dropout_function(model, 2, seed=0)(np.repeat(image, 2000, axis=0)).reshape(4000, 10)
    error = np.sqrt((of_keras.var(axis=0) + ours.var(axis=0)) / 4000)
    assert (np.abs(of_keras.mean(axis=0) - ours.mean(axis=0)) < 4.5 * error).all()
    np.testing.assert_allclose(ours.std(axis=0), of_keras.std(axis=0), rtol=0.12)


def test_mc_dropout_needs_dropout_and_samples(networks):
    with pytest.raises(ValueError, match="no Dropout layer"):
        models.mc_dropout_function(models.course_cnn((20, 20, 1), 2, seed=0), 5, 0)
    with pytest.raises(ValueError, match="at least 2"):
        models.mc_dropout_function(networks[28, 28, 1], 1, 0)


# ---- recipes and training


def test_a_recipe_is_checked():
    for arguments, message in (
        ({}, "either epochs or steps"),
        ({"epochs": 1, "steps": 1}, "either epochs or steps"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"steps": 1, "batch_size": 0}, "batch_size must be at least 1"),
        ({"steps": 1, "learning_rate": 0}, "learning_rate"),
        ({"steps": 1, "dropout": 1}, "dropout"),
        ({"steps": 1, "seed": -1}, "seed"),
    ):
        with pytest.raises(ValueError, match=message):
            models.Recipe(**arguments)
    with pytest.raises(ValueError, match="'quick' or 'full'"):
        models.spine_recipe("signs", "slow")


@pytest.mark.parametrize("pictures", [1, 50, 128, 129, 1000])
def test_a_schedule_counts_its_steps(pictures):
    for steps in (1, 7, 10, 301):
        schedule = models.Recipe(steps=steps).schedule(pictures)
        assert sum(schedule) == steps
        assert min(schedule) >= 1
        assert len(schedule) <= 10
    assert models.Recipe(epochs=3).schedule(pictures) == [-(-pictures // 128)] * 3


def test_every_picture_comes_up_equally_often_and_in_another_order_each_time():
    from helpers.models.training import orders

    recipe = models.Recipe(steps=30, batch_size=16)
    order = np.concatenate([part.ravel() for part in orders(recipe, 40, recipe.schedule(40))])
    assert np.array_equal(np.bincount(order), np.full(40, 12))  # 30 steps of 16 are 12 passes over 40
    assert all(np.array_equal(np.sort(order[start : start + 40]), np.arange(40)) for start in range(0, 480, 40))
    assert not np.array_equal(order[:40], order[40:80])


@pytest.mark.parametrize("size", [24, 200])
def test_exactly_the_steps_of_the_recipe_are_taken(size, monkeypatch):
    from helpers.models import training

    made = []
    real = training.keras.optimizers.Adam
    monkeypatch.setattr(training.keras.optimizers, "Adam", lambda *given: made.append(real(*given)) or made[-1])
    trained = models.load_or_train(models.Recipe(steps=37, batch_size=16), split(size), classes=2)
    assert int(made[0].iterations) == 37
    assert trained.history["steps"].iloc[-1] == 37
    assert list(trained.history.columns) == ["epoch", "steps", "loss", "accuracy"]


def test_training_learns_and_its_history_is_true(monkeypatch, capsys):
    monkeypatch.setattr("helpers.models.training._SECONDS_BEFORE_A_BAR", 0)
    train, validation = split(400), split(100, seed=1)
    recipe = models.Recipe(epochs=4, batch_size=16, learning_rate=3e-3)
    trained = models.load_or_train(recipe, train, validation, classes=2)
    probabilities = models.predict_split(trained.model, validation)
    accuracy = float((probabilities.argmax(axis=1) == validation.labels).mean())
    loss = float(-np.log(probabilities[np.arange(100), validation.labels]).mean())
    assert accuracy > 0.95
    assert trained.history["val_accuracy"].iloc[-1] == pytest.approx(accuracy, abs=1e-6)
    assert trained.history["val_loss"].iloc[-1] == pytest.approx(loss, abs=1e-4)
    assert trained.history["epoch"].tolist() == [1, 2, 3, 4]
    assert "/100 [" in capsys.readouterr().out  # the progress bar counts all gradient steps
    assert trained.history["loss"].iloc[-1] < trained.history["loss"].iloc[0]


def test_the_same_seed_trains_the_same_model_and_validation_changes_nothing(own_cache):
    train = split()
    recipe = models.Recipe(**TINY, dropout=0.2)
    first = models.load_or_train(recipe, train, classes=2)
    again = models.load_or_train(recipe, train, split(30, seed=9), classes=2)
    other = models.load_or_train(models.Recipe(**TINY, dropout=0.2, seed=1), train, classes=2)
    weights = [trained.model.get_weights() for trained in (first, again, other)]
    assert not again.from_cache
    for a, b in zip(weights[0], weights[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert np.abs(weights[0][0] - weights[2][0]).max() > 0.01


def test_bad_splits_are_refused_before_any_training():
    recipe, train = models.Recipe(steps=1), split(20)
    with pytest.raises(ValueError, match="train split holds no pictures"):
        models.load_or_train(recipe, train.take(slice(0, 0)), classes=2)
    with pytest.raises(ValueError, match="validation split holds no pictures"):
        models.load_or_train(recipe, train, train.take(slice(0, 0)), classes=2)
    with pytest.raises(ValueError, match=r"train labels must lie in 0\.\.1"):
        models.load_or_train(recipe, split(20, classes=4), classes=2)
    with pytest.raises(ValueError, match="one data set"):
        models.load_or_train(recipe, train, split(20, side=24), classes=2)
    with pytest.raises(ValueError, match="unknown architecture 'resnet'"):
        models.load_or_train(models.Recipe("resnet", steps=1), train, classes=2)


# ---- the cache


def test_what_is_no_split_and_no_data_set_is_named():
    data = signs.load(20, 10, 10, cache=False)
    model = models.course_cnn(data.shape, 10, seed=0)
    with pytest.raises(
        TypeError, match=r"split must be a Split.*an array of shape \(10, 32, 32, 3\).*predict_function"
    ):
        models.predict_split(model, data.test.images)
    with pytest.raises(TypeError, match="the whole data set 'signs'; take one of its splits"):
        models.predict_split(model, data)
    with pytest.raises(TypeError, match=r"dataset must be a Dataset.*got a Split of 20 pictures"):
        models.spine(data.train)
    with pytest.raises(TypeError, match=r"dataset must be a Dataset.*got str 'signs'"):
        models.spine("signs")
    recipe = models.spine_recipe("signs")
    with pytest.raises(TypeError, match=r"validation must be a Split.*an array"):
        models.load_or_train(recipe, data.train, data.test.images, classes=10)
    with pytest.raises(TypeError, match=r"train must be a Split.*got NoneType None"):
        models.load_or_train(recipe, None, classes=10)
    with pytest.raises(TypeError, match=r"recipe must be a Recipe.*got dict"):
        models.load_or_train({"epochs": 3}, data.train, classes=10)


def test_the_second_call_reads_the_same_model(own_cache, monkeypatch):
    recipe, train = models.Recipe(**TINY), split(60)
    first = models.load_or_train(recipe, train, train, classes=2)
    monkeypatch.setattr("helpers.models.training._fit", lambda *_: pytest.fail("trained again"))
    second = models.load_or_train(recipe, train, train, classes=2)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert models.parity(*map(models.predict_function, (first.model, second.model)), train.images) == 0
    pd.testing.assert_frame_equal(first.history, second.history)
    assert (second.path, second.seconds) == (first.path, first.seconds)
    assert files(own_cache) == sorted([first.path.name, first.path.with_suffix(".json").name])


def test_what_a_model_depends_on_is_in_its_key(monkeypatch):
    from helpers.models.training import model_path

    recipe, train = models.Recipe(steps=3), split(30)
    relabelled = Split(train.pixels, 1 - train.labels, train.attributes)
    pixels = train.pixels.copy()
    pixels[17, 3, 3, 0] ^= 1
    paths = [
        model_path(recipe, train, classes=2),
        model_path(models.Recipe(steps=3, seed=1), train, classes=2),
        model_path(recipe, relabelled, classes=2),
        model_path(recipe, Split(pixels, train.labels, train.attributes), classes=2),
        model_path(recipe, train, classes=3),
        model_path(recipe, train, train, classes=2),
    ]
    monkeypatch.setattr("helpers.cache.code_version", lambda *_: "other code")
    paths.append(model_path(recipe, train, classes=2))
    assert len(set(paths)) == len(paths)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("damage", ["model cut", "bit flipped", "record cut", "record gone"])
def test_a_damaged_cache_file_is_trained_again_with_a_warning(damage):
    recipe, train = models.Recipe(steps=3), split(30)
    first = models.load_or_train(recipe, train, classes=2)
    whole, record = first.path.read_bytes(), first.path.with_suffix(".json")
    if damage == "model cut":
        first.path.write_bytes(whole[: len(whole) // 2])
    elif damage == "bit flipped":
        middle = len(whole) // 2
        first.path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    elif damage == "record cut":
        record.write_text(record.read_text()[:40])
    else:
        record.unlink()
    with pytest.warns(UserWarning, match=r"damaged .* trained again"):
        second = models.load_or_train(recipe, train, classes=2)
    assert not second.from_cache
    assert models.load_or_train(recipe, train, classes=2).from_cache  # without a warning, which would be an error


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    from helpers.models.backend import keras

    def save(model, path):
        Path(path).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", save)


@pytest.mark.usefixtures("untrained")
def test_on_a_full_disk_the_trained_model_is_not_lost(own_cache, monkeypatch):
    fill_the_disk(monkeypatch)
    recipe, train = models.Recipe(steps=3), split(30)
    with pytest.warns(UserWarning, match=r"trained and you can go on.*disk is full.*VIGILANT_CACHE"):
        trained = models.load_or_train(recipe, train, classes=2)
    assert models.predict_split(trained.model, train).shape == (30, 2)
    assert files(own_cache) == []


@pytest.mark.usefixtures("untrained")
def test_a_cache_folder_that_cannot_be_made_is_only_a_warning(own_cache):
    own_cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="a part of that path is a file"):
        assert not models.load_or_train(models.Recipe(steps=1), split(30), classes=2).from_cache


def test_an_interrupted_training_leaves_nothing_and_no_lock(own_cache, monkeypatch):
    from helpers.models import training

    def interrupt(order):
        raise KeyboardInterrupt

    recipe, train = models.Recipe(steps=3), split(30)
    with monkeypatch.context() as patch:
        patch.setattr(training, "_training_steps", lambda *_: interrupt)
        with pytest.raises(KeyboardInterrupt):
            models.load_or_train(recipe, train, classes=2)
    assert files(own_cache) == []
    lock = filelock.FileLock(training.model_path(recipe, train, classes=2).with_suffix(".lock"))
    with lock.acquire(timeout=1):
        pass
    monkeypatch.setattr(training, "_training_steps", lambda *_: lambda _: training.tf.zeros(2))
    assert not models.load_or_train(recipe, train, classes=2).from_cache


@pytest.mark.usefixtures("untrained")
def test_two_that_ask_at_once_train_once():
    recipe, train = models.Recipe(steps=20), split(60)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(models.load_or_train(recipe, train, classes=2).from_cache))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [False, True]


@pytest.mark.usefixtures("untrained")
def test_the_spine_is_trained_by_one_notebook_and_read_by_the_others():
    data = Dataset("signs", ("stop", "yield"), split(40), split(20, seed=1), split(20, seed=2))
    first = models.spine(data)
    again = models.load_or_train(models.spine_recipe("signs"), data.train, data.calibration, classes=2)
    assert (first.from_cache, again.from_cache, again.path) == (False, True, first.path)
    assert not models.spine(data, seed=1).from_cache
    assert not models.spine(data, budget="full").from_cache


# ---- the torch twin and the files


@pytest.mark.parametrize("shape", SHAPES)
def test_the_torch_twin_gives_the_same(networks, shape):
    import torch

    model = networks[shape]
    twin = models.to_torch(model)
    constant = np.stack([np.full(shape, level, np.float32) for level in (0, 0.5, 1)])
    for images in (pictures(shape), constant):
        logits = models.predict_function(models.logits_model(model))(images)
        with torch.no_grad():
            tensor = torch.from_numpy(images)
            np.testing.assert_allclose(twin.logits(tensor).numpy(), logits, atol=1e-4)
            np.testing.assert_allclose(twin(tensor).numpy(), models.predict_function(model)(images), atol=1e-4)
    assert np.ptp(logits, axis=0).max() > 0.05  # a network that answers always the same would hide a wrong twin
    with pytest.raises(ValueError, match="channels last"):
        twin(torch.zeros(2, *reversed(shape)))


def test_the_torch_twin_has_gradients_and_weights_of_its_own(networks):
    import torch

    model, shape = networks[28, 28, 1], (28, 28, 1)
    twin = models.to_torch(model)
    images = torch.from_numpy(pictures(shape, 4)).requires_grad_()
    twin.logits(images)[:, 0].sum().backward()
    assert float(images.grad.abs().min(dim=0).values.max()) > 0
    before = model.get_weights()[0].copy()
    with torch.no_grad():
        twin.conv1.weight.zero_()
    assert np.array_equal(before, model.get_weights()[0])


def test_only_the_course_cnn_has_a_twin():
    from helpers.models.backend import keras

    inputs = keras.Input((20, 20, 1), name="images")
    other = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(2)(keras.layers.Flatten()(inputs))))
    with pytest.raises(ValueError, match="only models made by course_cnn"):
        models.to_torch(other)


@pytest.mark.parametrize("shape", SHAPES)
def test_onnx_gives_the_same(networks, shape, tmp_path):
    import onnxruntime

    model = networks[shape]
    path = models.save_onnx(model, tmp_path / "deep" / "model.onnx")
    predict, images = models.onnx_predict_function(path, batch_size=7), pictures(shape)
    assert models.parity(models.predict_function(model), predict, images) < 1e-5
    assert predict(images).dtype == np.float32
    session = onnxruntime.InferenceSession(path)
    (logits,) = session.run(["logits"], {"images": images})
    expected = models.predict_function(models.logits_model(model))(images)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 0.05
    assert files(tmp_path) == ["model.onnx"]


def test_keras_reads_its_own_file_back(networks, tmp_path):
    from helpers.models.backend import keras

    model = networks[28, 28, 1]
    path = models.save_keras(model, tmp_path / "model.keras")
    again = keras.saving.load_model(path)
    assert models.parity(*map(models.predict_function, (model, again)), pictures((28, 28, 1))) == 0


def test_parity_sees_a_difference():
    one = np.full((3, 2), 0.5)
    other = np.array([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5]])
    assert models.parity(lambda _: one, lambda _: other, np.zeros((3, 1, 1, 1))) == 0.25
    with pytest.raises(ValueError, match="different shapes"):
        models.parity(lambda _: one, lambda _: other[:, :1], np.zeros((3, 1, 1, 1)))


def test_a_layer_that_onnx_export_does_not_know_is_named(tmp_path):
    from helpers.models.backend import keras

    def save(*layers):
        inputs = x = keras.Input((20, 20, 1))
        for layer in layers:
            x = layer(x)
        models.save_onnx(keras.Model(inputs, x), tmp_path / "model.onnx")

    softmax, flatten = keras.layers.Softmax(), keras.layers.Flatten()
    with pytest.raises(ValueError, match=r"squash \(LayerNormalization\)"):
        save(keras.layers.LayerNormalization(name="squash"), flatten, softmax)
    with pytest.raises(ValueError, match=r"'wide'.*padding is 'same'"):
        save(keras.layers.Conv2D(2, 3, padding="same", name="wide"), flatten, softmax)
    with pytest.raises(ValueError, match=r"'bent'.*activation 'tanh'"):
        save(flatten, keras.layers.Dense(2, activation="tanh", name="bent"), softmax)
    with pytest.raises(ValueError, match="end in a Softmax"):
        save(flatten, keras.layers.Dense(2))
    assert files(tmp_path) == []


def test_files_that_are_no_models_are_refused(networks, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    with pytest.raises(FileNotFoundError, match="save_onnx"):
        models.onnx_predict_function(tmp_path / "missing.onnx")
    path = models.save_onnx(networks[28, 28, 1], tmp_path / "model.onnx")
    whole = path.read_bytes()
    for content in (b"", b"not a model", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole ONNX model"):
            models.onnx_predict_function(path)
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", [value], [out])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(ValueError, match="one input 'images'"):
        models.onnx_predict_function(path)
    with pytest.raises(ValueError, match="threads"):
        models.onnx_predict_function(path, threads=0)


def test_a_wrong_suffix_is_refused(networks, tmp_path):
    with pytest.raises(ValueError, match=r"\.keras"):
        models.save_keras(networks[28, 28, 1], tmp_path / "model.h5")
    with pytest.raises(ValueError, match=r"\.onnx"):
        models.save_onnx(networks[28, 28, 1], tmp_path / "model")


def test_a_full_disk_leaves_no_half_of_a_file(networks, tmp_path, monkeypatch):
    fill_the_disk(monkeypatch)
    with pytest.raises(CacheError, match="disk is full"):
        models.save_keras(networks[28, 28, 1], tmp_path / "model.keras")

    def write_bytes(path, content):
        with path.open("wb") as file:
            file.write(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(CacheError, match="disk is full"):
        models.save_onnx(networks[28, 28, 1], tmp_path / "model.onnx")
    assert files(tmp_path) == []
