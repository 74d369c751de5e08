"""The course CNN in PyTorch, with the weights of a Keras model carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from helpers.models.twin_weights import TwinWeights, twin_weights

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
    return twin_of(twin_weights(model))


def twin_of(weights: TwinWeights) -> CourseCNN:
    """The twin whose weights were taken out before, perhaps in another process.

    Parameters
    ----------
    weights : TwinWeights
        What :func:`helpers.models.twin_weights.twin_weights` gave.

    Returns
    -------
    CourseCNN
        In evaluation mode.
    """
    twin = CourseCNN(weights.shape, weights.classes, weights.dropout)
    twin.load_state_dict({name: torch.tensor(value) for name, value in weights.state.items()})
    return twin.eval()
