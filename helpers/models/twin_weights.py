"""The weights of a course CNN as its torch twin orders them: NumPy alone, for a process that must not load torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TwinWeights:
    """What the torch twin of a course CNN is made from.

    Attributes
    ----------
    shape : tuple of int
        Height, width and channels of a picture.
    classes : int
        Number of classes K.
    dropout : float
        Share of units dropped in training.
    state : dict of str to numpy.ndarray of float32
        Weights by the names of :meth:`torch.nn.Module.state_dict`.
    """

    shape: tuple[int, int, int]
    classes: int
    dropout: float
    state: dict[str, NDArray[np.float32]]


def twin_weights(model: keras.Model) -> TwinWeights:
    """Take the weights out of a Keras model.

    Parameters
    ----------
    model : keras.Model
        Made by :func:`helpers.models.course_cnn`, trained or not.

    Returns
    -------
    TwinWeights
        Its own copy of them, for :func:`helpers.models.torch_twin.twin_of`.

    Raises
    ------
    ValueError
        If the model has other layers than the course CNN.
    """
    layers = {layer.name: layer for layer in model.layers}
    _check_layers(model, set(layers))
    state: dict[str, NDArray[np.float32]] = {}
    for ours, (theirs, axes) in _CARRIED.items():
        kernel, bias = layers[ours].get_weights()
        state |= {f"{theirs}.weight": kernel.transpose(axes).copy(), f"{theirs}.bias": bias}
    dropout = layers["dropout_dense"].rate if "dropout_dense" in layers else 0.0
    return TwinWeights(tuple(model.input_shape[1:]), model.output_shape[1], dropout, state)


_CONVOLUTION, _DENSE = (3, 2, 0, 1), (1, 0)  # (height, width, in, out) to (out, in, height, width); (in, out) turned
_CARRIED: dict[str, tuple[str, tuple[int, ...]]] = {
    **{name: (name, _CONVOLUTION) for name in ("conv1", "conv2", "conv3")},
    "dense": ("dense", _DENSE),
    "logits": ("last", _DENSE),
}
_LAYERS = {*_CARRIED, "images", "normalise", "pool1", "pool2", "flatten", "probabilities"}
_DROPOUTS = {"dropout_dense", "dropout_logits"}


def _check_layers(model: keras.Model, names: set[str]) -> None:
    if names not in (_LAYERS, _LAYERS | _DROPOUTS):
        differing = ", ".join(sorted(names ^ _LAYERS))
        raise ValueError(
            f"only models made by course_cnn have a torch twin; {model.name!r} differs from it in these layers: "
            f"{differing}"
        )
