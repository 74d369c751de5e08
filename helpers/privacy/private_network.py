"""Networks that private training can train, and which layers it cannot."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from helpers.contracts import Predict, check_count, check_fits, check_images, check_seed


class TanhCNN(nn.Module):
    """The small network of the papers on private training: two convolutions, two dense layers, tanh between them.

    Tanh is bounded, so activations and with them the gradients stay small, and clipping takes less away from them.
    Pictures come in as everywhere in the course and are centred by constants: their mean and spread would be
    statistics of private data, and cost epsilon.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of a picture, each side at least 18.
    classes : int
        Number of classes K.

    References
    ----------
    Papernot, Thakurta, Song, Chien and Erlingsson, "Tempered Sigmoid Activations for Deep Learning with Differential
    Privacy", 2021: the layers (for MNIST and Fashion-MNIST) and tanh.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        height, width, channels = shape
        if min(height, width) < 18 or channels < 1:
            raise ValueError(f"shape must be (height, width, channels) with sides of at least 18, got {shape}")
        self.shape = tuple(shape)
        self.features = nn.Sequential(
            nn.Conv2d(channels, 16, 8, stride=2, padding=3), nn.Tanh(), nn.MaxPool2d(2, stride=1),
            nn.Conv2d(16, 32, 4, stride=2), nn.Tanh(), nn.MaxPool2d(2, stride=1),
        )  # fmt: skip
        last_map = [((side // 2 - 1) - 4) // 2 for side in (height, width)]
        self.head = nn.Sequential(nn.Linear(32 * last_map[0] * last_map[1], 32), nn.Tanh(), nn.Linear(32, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Logits.

        Parameters
        ----------
        images : torch.Tensor of float32, shape (N, H, W, C)
            Pictures in [0, 1].

        Returns
        -------
        torch.Tensor of float32, shape (N, K)
            What the softmax is taken of.

        Raises
        ------
        ValueError
            If the shape is not the one the network was made for.
        """
        if images.ndim != 4 or tuple(images.shape[1:]) != self.shape:
            wanted = ", ".join(str(side) for side in self.shape)
            raise ValueError(f"images must have shape (N, {wanted}), channels last, got {tuple(images.shape)}")
        # A copy in torch's order. Opacus 1.6 (unfold2d) reads a convolution's input as if it lay so; channels last in
        # memory give wrong gradients without a word. contiguous() is not enough: for one channel it copies nothing.
        x = (2 * images - 1).permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)
        return self.head(self.features(x).flatten(1))


def tanh_cnn(shape: tuple[int, int, int], classes: int, seed: int = 0) -> TanhCNN:
    """A :class:`TanhCNN` before its first step.

    Parameters
    ----------
    shape, classes
        As for :class:`TanhCNN`.
    seed : int
        Seed of its weights. Torch's own generator stays where it is.

    Returns
    -------
    TanhCNN
        In training mode.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    check_seed(seed)
    check_count(classes, "classes")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TanhCNN(shape, classes)


def check_layers(network: nn.Module) -> nn.Module:
    """Refuse a network in which one picture's gradient depends on the others of its batch.

    Parameters
    ----------
    network : torch.nn.Module
        What is to be trained privately.

    Returns
    -------
    torch.nn.Module
        The same network.

    Raises
    ------
    TypeError
        If it is no torch network.
    ValueError
        If a layer of it cannot be trained privately: BatchNorm mixes the pictures of a batch.
    """
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"network must be a torch network, such as tanh_cnn(shape, classes), got {type(network).__name__}"
        )
    from opacus.validators import ModuleValidator

    refused = [
        f"{name or 'the network itself'} ({type(layer).__name__})"
        for name, layer in network.named_modules()
        for validate in [ModuleValidator.VALIDATORS.get(type(layer))]
        if validate and validate(layer)
    ]
    if refused:
        raise ValueError(
            f"private training cannot use {', '.join(refused)}: a layer that mixes the pictures of a batch, or keeps "
            "statistics of them (BatchNorm), leaves no bound on one picture's part, and for some others Opacus has no "
            "gradient of each picture. Use GroupNorm, or none, as tanh_cnn does."
        )
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError("the network has nothing to train: no parameter of it asks for a gradient")
    return network


def logits_of(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """What gives a network's logits: its method ``logits``, as networks of the course have it, or else its call.

    Parameters
    ----------
    network : torch.nn.Module
        Of either kind.

    Returns
    -------
    callable
        Pictures (n, H, W, C) to logits (n, K).
    """
    found: Callable[[Tensor], Tensor] = getattr(network, "logits", network)
    return found


def torch_predict(network: nn.Module, batch_size: int = 512) -> Predict:
    """A torch network as a predict function.

    Parameters
    ----------
    network : torch.nn.Module
        Of either kind that :func:`logits_of` knows. Its mode stays as it is.
    batch_size : int
        Pictures that go through the network at once.

    Returns
    -------
    callable
        Images, float32 in [0, 1] of shape (N, H, W, C), to probabilities, float32 of shape (N, K). It raises what
        :func:`helpers.contracts.check_images` raises, and ValueError for pictures that do not fit the network.

    Raises
    ------
    ValueError
        If `batch_size` is below 1.
    """
    check_count(batch_size, "batch_size")
    shape = getattr(network, "shape", (None, None, None))
    logits = logits_of(network)

    def predict(images: NDArray[np.float32]) -> NDArray[np.float32]:
        checked = check_fits(check_images(images), (None, *shape))
        with torch.no_grad(), _evaluating(network):
            parts = [
                torch.softmax(logits(torch.tensor(checked[at : at + batch_size])), dim=1).numpy()
                for at in range(0, len(checked), batch_size)
            ]
        return np.concatenate(parts)

    return predict


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread.

    Steps this small gain a fifth by a second one. Where another process wants the same cores, the two wait for each
    other at every operation: then it took 25 times as long. And the order of
    sums does not hang on how many cores there are.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    before = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(before)
