"""What an attack that uses gradients needs of a model, whatever it is made with: logits, and the way back to pixels."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Images, Probabilities, check_count, check_fits, check_images

Logits = NDArray[np.float32]
Slopes = Callable[[Logits], NDArray[np.floating]]
"""Logits (N, K) to the slope of each picture's loss with respect to them, (N, K)."""

_PICTURES_AT_ONCE = 256
_TORCH_AT_ONCE = 64  # what 256 leave between layers is new memory at each step, and a quarter of the time


@dataclass(frozen=True)
class Network:
    """A classifier of pictures with gradients: NumPy in and out, whatever is inside.

    Attributes
    ----------
    name : str
        As tables and messages call it.
    shape : tuple of int or None
        Height, width and channels of its pictures; None where any will do.
    logits : callable
        Float32 pictures (N, H, W, C) to float32 logits (N, K).
    gradient : callable
        Pictures (N, H, W, C), and a function from their logits (N, K) to slopes (N, K), to the logits and the slopes
        carried back to the pictures, float32 (N, H, W, C). Pictures of a batch have nothing to do with each other.
    random : bool
        Whether the same pictures give other answers when they are asked about again.
    calls : int
        How often one question asks the model inside.
    at_once : int or None
        How many pictures it answers fastest: larger batches may be asked about in pieces of so many. None where it is
        fastest with all.
    """

    name: str
    shape: tuple[int | None, ...]
    logits: Callable[[Images], Logits]
    gradient: Callable[[Images, Slopes], tuple[Logits, NDArray[np.float32]]]
    random: bool = False
    calls: int = 1
    at_once: int | None = None

    def pieces(self, count: int) -> list[slice]:
        """A batch in the pieces that it is fastest asked about in.

        Parameters
        ----------
        count : int
            Pictures in the batch.

        Returns
        -------
        list of slice
            One after the other, as nearly alike as can be. A randomised network is asked about the whole batch: what
            it draws may hang on how often it is asked.
        """
        number = 1 if self.at_once is None or self.random else max(1, -(-count // self.at_once))
        ends = [count * piece // number for piece in range(number + 1)]
        return [slice(*each) for each in itertools.pairwise(ends)]

    def ask(self, images: Images, batch_size: int = _PICTURES_AT_ONCE) -> Logits:
        """Logits of many pictures, block by block.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        batch_size : int
            Pictures that go through the network at once.

        Returns
        -------
        numpy.ndarray of float32, shape (N, K)
            Logits.

        Raises
        ------
        TypeError, ValueError
            If these are no pictures, or do not fit the model.
        """
        pictures = check_fits(check_images(images), (None, *self.shape))
        size = check_count(batch_size, "batch_size")
        batches = [pictures[at : at + size] for at in range(0, len(pictures), size)]
        return np.concatenate([self.logits(batch[some]) for batch in batches for some in self.pieces(len(batch))])

    def predict(self, images: Images) -> Probabilities:
        """The same network as a predict function, which is all that a black-box attack sees.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].

        Returns
        -------
        numpy.ndarray of float32, shape (N, K)
            Probabilities.

        Raises
        ------
        TypeError, ValueError
            As :meth:`ask`.
        """
        logits = self.ask(images)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def network(model: Any) -> Network:
    """A model as attacks see it. Make it once and attack it often: a Keras model is traced here.

    Parameters
    ----------
    model : keras.Model, torch.nn.Module or Network
        A functional Keras model with a layer ``logits``; a torch module with a method ``logits`` and an attribute
        ``shape`` (H, W, C), such as :func:`helpers.models.to_torch` gives; a network is handed back.

    Returns
    -------
    Network
        The model up to its logits, outside training: dropout is off.

    Raises
    ------
    TypeError
        If it has no gradients or no logits; the message names the attacks that need neither.
    ValueError
        As :func:`helpers.models.graphs.logits_of`.
    """
    if isinstance(model, Network):
        return model
    # Whoever has a model of a framework has loaded it: neither is loaded here for the sake of the other.
    if "keras" in sys.modules and isinstance(model, sys.modules["keras"].Model):
        return _of_keras(model)
    if "torch" in sys.modules and isinstance(model, sys.modules["torch"].nn.Module):
        return _of_torch(model)
    raise TypeError(
        f"an attack that uses gradients needs a functional Keras model with a layer 'logits', a torch module with a "
        f"method 'logits', or a Network; got {type(model).__name__}. For a predict function or a model of "
        "scikit-learn take the attacks that only ask: helpers.attacks.black_box"
    )


def _of_keras(model: Any) -> Network:
    from helpers.models import graphs
    from helpers.models.backend import tf

    logits = graphs.logits_of(model)
    forward = graphs.traced(lambda images, classes: logits(images, training=False), logits)

    def run(images: Any, kept: Any = logits) -> Any:
        del kept  # a traced graph does not keep the model's weights, so this function does: the caller may let go of it
        return forward(
            images, tf.zeros(len(images), tf.int64)
        )  # logits need no classes, and every traced graph has some

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        pictures = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            answers = run(pictures)
        given = answers.numpy()
        behind = tf.constant(slopes(given), tf.float32)
        return given, tape.gradient(answers, pictures, output_gradients=behind).numpy()

    return Network(model.name, tuple(model.input_shape[1:]), lambda images: run(tf.constant(images)).numpy(), gradient)


def _of_torch(model: Any) -> Network:
    import torch

    if not callable(getattr(model, "logits", None)) or len(getattr(model, "shape", ())) != 3:
        raise TypeError(
            f"a torch module needs a method 'logits', pictures (N, H, W, C) to what its softmax is taken of, and an "
            f"attribute 'shape' (H, W, C), as models.to_torch(...) has; {type(model).__name__} has not. For a predict "
            "function take the attacks that only ask: helpers.attacks.black_box"
        )

    def logits(images: Images) -> Logits:
        with torch.no_grad():
            return _outside_training(model, torch.tensor(images)).numpy()

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        pictures = torch.tensor(images, requires_grad=True)
        with torch.enable_grad():
            answers = _outside_training(model, pictures)
        given = answers.detach().numpy()
        behind = torch.as_tensor(np.asarray(slopes(given), np.float32))
        # Not backward(): that would leave gradients in the weights, too.
        return given, torch.autograd.grad(answers, pictures, behind)[0].numpy()

    return Network(type(model).__name__, tuple(model.shape), logits, gradient, at_once=_TORCH_AT_ONCE)


def _outside_training(model: Any, pictures: Any) -> Any:
    if not any(module.training for module in model.modules()):
        return model.logits(pictures)
    training = model.training
    model.eval()
    try:
        return model.logits(pictures)
    finally:
        model.train(training)


def bpda(masked: Network, substitute: Network, defence: Callable[[Images], Images] | None = None) -> Network:
    """Forwards through a defence, backwards around it: for defences whose gradient is none.

    Parameters
    ----------
    masked : Network
        The network with its defence: its logits are what counts.
    substitute : Network
        What gradients go back through: the network without its defence, or another that is much like it.
    defence : callable, optional
        Pictures to what the defence makes of them. Where given, `substitute` is asked at those, and the defence itself
        counts as the identity on the way back; otherwise it is asked at the pictures.

    Returns
    -------
    Network
        Answers of `masked`, gradients by `substitute`.

    References
    ----------
    Athalye, Carlini and Wagner, "Obfuscated Gradients Give a False Sense of Security", 2018: backward pass
    differentiable approximation.
    """

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        given = masked.logits(images)
        behind = slopes(given)
        seen = images if defence is None else defence(images)
        return given, substitute.gradient(seen, lambda _: behind)[1]

    calls = masked.calls + substitute.calls
    return replace(masked, name=f"{masked.name}, BPDA", gradient=gradient, calls=calls)


def eot(masked: Network, draws: int) -> Network:
    """Expectation over transformations: a randomised network averaged over several draws, fresh ones at every step.

    Parameters
    ----------
    masked : Network
        A network whose answers are random.
    draws : int
        How often it is asked for one answer.

    Returns
    -------
    Network
        Its logits are averages of *logits*: averages of probabilities would saturate. Its gradients are averages of
        the gradients of each draw's own loss.

    Raises
    ------
    ValueError
        If `draws` is less than 1.

    References
    ----------
    Athalye, Engstrom, Ilyas and Kwok, "Synthesizing Robust Adversarial Examples", 2018.
    """
    check_count(draws, "draws")

    def logits(images: Images) -> Logits:
        return np.mean([masked.logits(images) for _ in range(draws)], axis=0, dtype=np.float32)

    def gradient(images: Images, slopes: Slopes) -> tuple[Logits, NDArray[np.float32]]:
        total, change = masked.gradient(images, slopes)
        for _ in range(draws - 1):
            more, further = masked.gradient(images, slopes)
            total, change = total + more, change + further
        return total / np.float32(draws), change / np.float32(draws)

    calls = draws * masked.calls
    return replace(masked, name=f"{masked.name}, EOT", logits=logits, gradient=gradient, calls=calls)
