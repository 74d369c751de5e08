"""DP-SGD by Opacus: each picture's gradient clipped, noise on their sum, and a bill at the end.

Opacus computes and clips the gradients and adds the noise; what is written here is the order of the steps, the checks
before them, and the one batch that this way of Opacus has no answer for: the empty one.
"""

from __future__ import annotations

import contextlib
import copy
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from opacus.grad_sample import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LinearLR
from torch.utils.data import DataLoader

from helpers.contracts import check_count, check_labels, check_seed
from helpers.privacy.accounting import Accountant, PrivacySpent, check_delta, epsilon, noise_for
from helpers.privacy.private_loader import check_private_loader, private_loader, steps_in_a_pass
from helpers.privacy.private_network import check_layers, tanh_cnn
from helpers.progress import with_bar

# The noise has draws of its own, so that a training without noise has the same batches.
_NOISE_SEED = 2**32


@dataclass(frozen=True)
class PrivateRecipe:
    """How to train privately. Exactly one of `epsilon` and `noise_multiplier` says how privately.

    Attributes
    ----------
    epsilon : float or None
        The promise; infinity trains in the same way without noise.
    noise_multiplier : float or None
        Standard deviation of the noise over the clipping norm; 0 is no noise.
    delta : float
        As in :class:`~helpers.privacy.PrivacySpent`; below one over the number of pictures.
    clipping_norm : float
        C: no picture's gradient is longer.
    expected_batch : int
        Pictures in a batch on average, and what their sum is divided by, whoever came.
    epochs : int
        Passes of as many steps as the expected batch goes into the pictures, rounded down.
    learning_rate : float
        Of stochastic gradient descent, at the start; it falls to nearly zero along a line.
    momentum : float
        In [0, 1). Neither costs privacy.
    accountant : {"prv", "rdp"}
        Who adds up.
    seed : int
        Seed of the weights, of the batches and of the noise: two recipes that differ in noise alone begin with the
        same weights and see the same batches. Who guards real people draws the noise from a secret instead.

    References
    ----------
    Abadi et al., "Deep Learning with Differential Privacy", 2016.
    """

    epsilon: float | None = None
    noise_multiplier: float | None = None
    delta: float = 1e-5
    clipping_norm: float = 0.1
    expected_batch: int = 512
    epochs: int = 12
    learning_rate: float = 6.0
    momentum: float = 0.9
    accountant: Accountant = "prv"
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if (self.epsilon is None) == (self.noise_multiplier is None):
            raise ValueError(
                "a private recipe needs either epsilon or noise_multiplier, got "
                f"epsilon={self.epsilon} and noise_multiplier={self.noise_multiplier}"
            )
        for name in ("expected_batch", "epochs"):
            check_count(getattr(self, name), name)
        for name in ("clipping_norm", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1), got {self.momentum}")

    def spent(self, n: int) -> PrivacySpent:
        """What training on n pictures costs, known before the first step.

        Parameters
        ----------
        n : int
            Pictures trained on, at least `expected_batch`.

        Returns
        -------
        PrivacySpent
            With the noise that keeps the promise.

        Raises
        ------
        ValueError
            If delta is at or above 1/n, there are too few pictures, or the promise cannot be kept.
        """
        if self.expected_batch > check_count(n, "n"):
            raise ValueError(f"expected_batch must be at most the {n:,} pictures there are, got {self.expected_batch}")
        return _bill(self, n, self.epochs * steps_in_a_pass(n, self.expected_batch))


def _bill(recipe: PrivateRecipe, n: int, steps: int) -> PrivacySpent:
    check_delta(recipe.delta, n)
    rate, noise = recipe.expected_batch / n, recipe.noise_multiplier
    if noise is None:
        assert recipe.epsilon is not None
        noise = noise_for(recipe.epsilon, recipe.delta, rate, steps, recipe.accountant)
    return epsilon(noise, rate, steps, recipe.delta, recipe.accountant)


@dataclass(frozen=True)
class PrivatelyTrained:
    """A network and what it cost.

    Attributes
    ----------
    network : torch.nn.Module
        The trained network, from pictures to logits.
    spent : PrivacySpent
        What of the pictures it may give away. It covers the network, not `history`.
    history : pandas.DataFrame
        One row for each pass: ``epoch``, ``steps`` so far, ``pictures`` drawn and ``loss`` on them, in nats. There
        is no noise in it: it is for whoever holds the pictures, and nobody else.
    """

    network: nn.Module
    spent: PrivacySpent
    history: pd.DataFrame


def train_privately(
    images: NDArray[np.float32], labels: NDArray[np.int64], recipe: PrivateRecipe, *, classes: int
) -> PrivatelyTrained:
    """Train a :func:`~helpers.privacy.tanh_cnn` by DP-SGD.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (N,)
        Their classes.
    recipe : PrivateRecipe
        How.
    classes : int
        Number of classes K.

    Returns
    -------
    PrivatelyTrained
        Network, cost and history.

    Raises
    ------
    TypeError, ValueError
        If pictures or labels are none, delta is at or above 1/N, or the promise cannot be kept.
    """
    loader = private_loader(images, labels, recipe.expected_batch, recipe.seed)
    check_labels(labels, len(images), classes)
    height, width, channels = images.shape[1:]
    return train_network_privately(tanh_cnn((height, width, channels), classes, recipe.seed), loader, recipe)


def train_network_privately(network: nn.Module, loader: DataLoader, recipe: PrivateRecipe) -> PrivatelyTrained:
    """Train a network of one's own by DP-SGD, with a loader that is looked at first.

    Parameters
    ----------
    network : torch.nn.Module
        From pictures to logits. It stays as it is: a copy is trained.
    loader : torch.utils.data.DataLoader
        From :func:`~helpers.privacy.private_loader`, with the recipe's expected batch. Its draws go on: make a new one
        for the same training again.
    recipe : PrivateRecipe
        How; the seed of the weights and of the batches lie in `network` and `loader`.

    Returns
    -------
    PrivatelyTrained
        Network, cost and history.

    Raises
    ------
    TypeError, ValueError
        If a layer cannot be trained privately, the loader does not sample by Poisson or with another rate than the
        recipe's, delta is at or above 1/N, or the promise cannot be kept.
    """
    check_layers(network)
    rate, n = check_private_loader(loader), len(loader.dataset)
    if not math.isclose(rate * n, recipe.expected_batch, rel_tol=1e-9):
        raise ValueError(
            f"the loader draws {rate * n:g} pictures on average, and the recipe divides by {recipe.expected_batch}; "
            "make both with one expected_batch"
        )
    spent = _bill(recipe, n, recipe.epochs * len(loader))  # of the steps that are taken, whatever made the loader
    wrapped, optimizer = private_steps(copy.deepcopy(network).train(), recipe, spent.noise_multiplier)
    schedule = LinearLR(optimizer.original_optimizer, start_factor=1.0, end_factor=1e-3, total_iters=spent.steps)
    rows = []
    for epoch in with_bar(range(recipe.epochs), "private training"):
        with _known_warning():
            taken = [_step(wrapped, optimizer, schedule, *batch) for batch in loader]
        pictures, loss = np.sum(taken, axis=0)
        rows.append((epoch + 1, (epoch + 1) * len(loader), int(pictures), loss / pictures if pictures else np.nan))
    history = pd.DataFrame(rows, columns=["epoch", "steps", "pictures", "loss"])
    return PrivatelyTrained(wrapped.to_standard_module(), spent, history)


def private_steps(
    network: nn.Module, recipe: PrivateRecipe, noise_multiplier: float
) -> tuple[GradSampleModule, DPOptimizer]:
    """What Opacus makes of a network and an optimizer, for whoever takes the steps.

    Parameters
    ----------
    network : torch.nn.Module
        It is wrapped in place.
    recipe : PrivateRecipe
        Its clipping norm, expected batch, learning rate, momentum and seed (of the noise).
    noise_multiplier : float
        Of the noise.

    Returns
    -------
    opacus.grad_sample.GradSampleModule, opacus.optimizers.DPOptimizer
        Forward, backward, ``optimizer.step()``, ``optimizer.zero_grad()``.
    """
    descent = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    optimizer = DPOptimizer(
        descent,
        noise_multiplier=noise_multiplier,
        max_grad_norm=recipe.clipping_norm,
        expected_batch_size=recipe.expected_batch,
        generator=torch.Generator().manual_seed(recipe.seed + _NOISE_SEED),
    )
    # By torch.func: as fast here as Opacus's own formulas, which are wrong for pictures that lie channels last.
    return GradSampleModule(network, force_functorch=True), optimizer


def _step(
    network: GradSampleModule, optimizer: DPOptimizer, schedule: LinearLR, images: Tensor, labels: Tensor
) -> tuple[int, float]:
    """Take one step; say how many pictures came and what their losses add up to."""
    optimizer.zero_grad()
    loss = 0.0
    if len(images):
        mean = nn.functional.cross_entropy(network(images), labels)
        mean.backward()
        loss = float(mean.detach()) * len(images)
    else:  # The step is taken all the same, of noise alone: whether nobody came is private, too.
        for parameter in optimizer.params:
            parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))
    optimizer.step()
    schedule.step()
    return len(images), loss


@contextlib.contextmanager
def _known_warning() -> Iterator[None]:
    """Leave out what torch says of Opacus's hooks: the first layer's input, the pictures, wants no gradient."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Full backward hook is firing", UserWarning)
        yield
