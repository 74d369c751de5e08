"""Where the places of a layer's maps lie in the picture: what GradCAM draws by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.models.backend import keras


class Places(NamedTuple):
    """Where the places of a layer's maps lie in the picture, along one side, in pixels counted from 0.

    Attributes
    ----------
    first : float
        The centre of what the first place sees.
    step : float
        From one centre to the next.
    """

    first: float
    step: float

    def spread(self, places: int, pixels: int) -> NDArray[np.float32]:
        """Weights that draw values at the places over the pixels: linear between centres, constant beyond the last.

        Parameters
        ----------
        places, pixels : int
            How many there are of each.

        Returns
        -------
        numpy.ndarray of float32, shape (pixels, places)
            Rows add up to 1.
        """
        at = np.clip((np.arange(pixels) - self.first) / self.step, 0, places - 1)
        return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(places))).astype(np.float32)


def places_of(model: keras.Model, layer: str) -> tuple[Places, Places] | None:
    """Where the places of a layer's maps lie, from the convolutions and pools below it.

    Without padding, each layer leaves out a border: the 4x4 places of a course CNN's ``conv3`` lie 4 pixels apart and
    around the middle, where enlarging its maps to the whole picture draws them 8 pixels apart.

    Parameters
    ----------
    model : keras.Model
        A functional model.
    layer : str
        One of its layers, with maps.

    Returns
    -------
    tuple of (Places, Places) or None
        For rows and for columns; None if the layers below are not one chain of convolutions, pools and what works on
        single values.

    References
    ----------
    A. Araujo, W. Norris and J. Sim (2019), "Computing Receptive Fields of Convolutional Neural Networks".
    """
    rows, columns = Places(0.0, 1.0), Places(0.0, 1.0)
    for below in _chain(model):
        if isinstance(below, _WINDOWS):
            rows, columns = (_through(side, below, axis) for axis, side in enumerate((rows, columns)))
        elif not isinstance(below, _ONE_BY_ONE):
            return None
        if below.name == layer:
            return rows, columns
    return None


_WINDOWS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)
_ONE_BY_ONE = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.Normalization,
    keras.layers.ReLU,
    keras.layers.Rescaling,
)


def _through(side: Places, layer: Any, axis: int) -> Places:
    pool = hasattr(layer, "pool_size")
    width, stride = (layer.pool_size if pool else layer.kernel_size)[axis], layer.strides[axis]
    reach = (width - 1) * (1 if pool else layer.dilation_rate[axis])
    before = 0
    if layer.padding == "same":
        length = layer.input.shape[1 + axis]
        before = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0) // 2
    return Places(side.first + side.step * (reach / 2 - before), side.step * stride)


def _chain(model: keras.Model) -> Iterator[keras.Layer]:
    # The layers from the input on, for as long as each hands its output to one other layer alone.
    tensor = model.inputs[0]
    while True:
        user = _only_user(model, tensor)
        if user is None:
            return
        yield user
        tensor = user.output


def _only_user(model: keras.Model, tensor: Any) -> keras.Layer | None:
    users = [layer for layer in model.layers if any(tensor is each for each in _inputs(layer))]
    return users[0] if len(users) == 1 and len(_inputs(users[0])) == 1 else None


def _inputs(layer: keras.Layer) -> list[Any]:
    if isinstance(layer, keras.layers.InputLayer):
        return []
    given = layer.input
    return list(given) if isinstance(given, list | tuple) else [given]
