"""The course CNN in PyTorch, with the weights of a Keras model carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import keras


class CourseCNN(nn.Module):
    """Twin of :func:`helpers.models.course_cnn`: the same pictures in, the same probabilities out.

    Inside, PyTorch wants channels first; outside, pictures are (N, H, W, C) in [0, 1] as everywhere in the course.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of a picture.
    classes : int
        Number of classes K.
    dropout : float
        Share of units dropped before ``dense`` and before ``last`` in training mode.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        height, width, channels = shape
        self.shape = shape
        self.conv1 = nn.Conv2d(channels, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.relu1, self.relu2, self.relu3, self.relu4 = (nn.ReLU() for _ in range(4))  # each a place for hooks
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        last_map = [((side - 2) // 2 - 2) // 2 - 2 for side in (height, width)]
        self.dense = nn.Linear(last_map[0] * last_map[1] * 64, 64)
        self.last = nn.Linear(64, classes)

    def logits(self, images: Tensor) -> Tensor:
        """What the softmax is taken of; explanations and attacks use this.

        Parameters
        ----------
        images : torch.Tensor of float32, shape (N, H, W, C)
            Pictures in [0, 1].

        Returns
        -------
        torch.Tensor of float32, shape (N, K)
            Logits.

        Raises
        ------
        ValueError
            If the shape is not the one the model was made for.
        """
        if images.ndim != 4 or tuple(images.shape[1:]) != self.shape:
            wanted = ", ".join(str(side) for side in self.shape)
            raise ValueError(f"images must have shape (N, {wanted}), channels last, got {tuple(images.shape)}")
        x = (2 * images - 1).permute(0, 3, 1, 2)
        x = self.pool(self.relu1(self.conv1(x)))
        x = self.pool(self.relu2(self.conv2(x)))
        x = self.relu3(self.conv3(x))
        x = x.permute(0, 2, 3, 1).flatten(1)  # Keras flattens (H, W, C), and the weights of dense follow that order
        x = self.relu4(self.dense(self.dropout(x)))
        return self.last(self.dropout(x))

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities.

        Parameters
        ----------
        images : torch.Tensor of float32, shape (N, H, W, C)
            Pictures in [0, 1].

        Returns
        -------
        torch.Tensor of float32, shape (N, K)
            Probabilities.

        Raises
        ------
        ValueError
            If the shape is not the one the model was made for.
        """
        return torch.softmax(self.logits(images), dim=1)


def to_torch(model: keras.Model) -> CourseCNN:
    """A PyTorch twin of a course CNN, with its weights; outputs agree to 1e-4.

    Parameters
    ----------
    model : keras.Model
        Made by :func:`helpers.models.course_cnn`, trained or not.

    Returns
    -------
    CourseCNN
        The twin in evaluation mode (dropout off). It has its own copy of the weights.

    Raises
    ------
    ValueError
        If the model has other layers than the course CNN.
    """
    layers = {layer.name: layer for layer in model.layers}
    _check_layers(model, set(layers))
    dropout = layers["dropout_dense"].rate if "dropout_dense" in layers else 0.0
    twin = CourseCNN(tuple(model.input_shape[1:]), model.output_shape[1], dropout)
    with torch.no_grad():
        for name, module in (("conv1", twin.conv1), ("conv2", twin.conv2), ("conv3", twin.conv3)):
            _copy(layers[name], module, (3, 2, 0, 1))  # (height, width, in, out) to (out, in, height, width)
        for name, module in (("dense", twin.dense), ("logits", twin.last)):
            _copy(layers[name], module, (1, 0))  # (in, out) to (out, in)
    return twin.eval()


_LAYERS = {
    *("images", "normalise", "conv1", "pool1", "conv2", "pool2", "conv3", "flatten", "dense", "logits", "probabilities")
}
_DROPOUTS = {"dropout_dense", "dropout_logits"}


def _check_layers(model: keras.Model, names: set[str]) -> None:
    if names not in (_LAYERS, _LAYERS | _DROPOUTS):
        differing = ", ".join(sorted(names ^ _LAYERS))
        raise ValueError(
            f"only models made by course_cnn have a torch twin; {model.name!r} differs from it in these layers: "
            f"{differing}"
        )


def _copy(layer: Any, module: nn.Conv2d | nn.Linear, axes: tuple[int, ...]) -> None:
    kernel, bias = layer.get_weights()
    module.weight.copy_(torch.from_numpy(kernel.transpose(axes).copy()))
    assert module.bias is not None
    module.bias.copy_(torch.from_numpy(bias))
