"""DP-SGD written out once, in parts that can be taken out and looked at; and the same with one part broken each.

Every implementation here says "epsilon = 3, said the library": an accountant is told the noise, the sampling rate and
the number of steps, and looks at nothing else. What finds the broken ones out is in :mod:`helpers.privacy.checks` and
:mod:`helpers.privacy.audit`.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from helpers.contracts import Images, Labels, check_count, check_images, check_labels, check_seed, check_share
from helpers.privacy.private_network import logits_of


@dataclass(frozen=True)
class Plan:
    """How DP-SGD is to be run: what an accountant is told, and two numbers that cost no privacy.

    Attributes
    ----------
    rate : float, in (0, 1)
        The chance of each picture to be in a batch, by itself in each step (q).
    steps : int
        How many.
    noise : float
        Standard deviation of the noise on the sum, as a multiple of `norm` (sigma), above 0.
    norm : float
        What each picture's gradient is clipped to (C), L2, above 0.
    learning_rate : float
        Of plain SGD, above 0.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    rate: float
    steps: int
    noise: float
    norm: float = 1.0
    learning_rate: float = 0.5

    def __post_init__(self) -> None:
        check_share(self.rate, "rate")
        check_count(self.steps, "steps")
        for name in ("noise", "norm", "learning_rate"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be a finite number above 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class Implementation:
    """A DP-SGD in its parts, and what it claims.

    Attributes
    ----------
    name : str
        As tables call it.
    batches : callable
        Number of pictures, plan and generator to the indices of each step's batch, shape (b,) of int64; b may be 0.
    gradients : callable
        Network, pictures (b, H, W, C) and labels (b,) to a gradient for each, shape (b, parameters).
    summed : callable
        Gradients (b, parameters) and C to their sum, clipped, shape (parameters,).
    noised : callable
        That sum, the noise's standard deviation and a generator to the sum with noise.
    divided : callable
        The sum with noise, the batch size that is expected and the one that came, to what the network is moved by.
    claim : float
        The epsilon that it says it has.
    """

    name: str
    batches: Callable[[int, Plan, torch.Generator], Iterator[Tensor]]
    gradients: Callable[[nn.Module, Tensor, Tensor], Tensor]
    summed: Callable[[Tensor, float], Tensor]
    noised: Callable[[Tensor, float, torch.Generator], Tensor]
    divided: Callable[[Tensor, float, int], Tensor]
    claim: float = 3.0

    def __str__(self) -> str:
        return f"{self.name} (epsilon = {self.claim:g}, said the library)"


@dataclass(frozen=True)
class Release:
    """One step, with what only its owner sees.

    Attributes
    ----------
    indices : torch.Tensor of int64, shape (b,)
        The batch; indices from the number of pictures on are those of planted gradients.
    total : torch.Tensor of float32, shape (parameters,)
        The clipped sum before noise.
    noisy : torch.Tensor of float32, shape (parameters,)
        The same with noise.
    released : torch.Tensor of float32, shape (parameters,)
        What the network is moved by, times the learning rate, and what an attacker may see.
    """

    indices: Tensor
    total: Tensor
    noisy: Tensor
    released: Tensor


# ---- the parts, written out


def per_picture_gradients(network: nn.Module, images: Images | Tensor, labels: Labels | Tensor) -> Tensor:
    """The gradient of each picture's own cross-entropy with respect to all weights.

    Parameters
    ----------
    network : torch.nn.Module
        With a method ``logits`` that takes pictures, such as :func:`linear_probe` or ``models.to_torch(...)``; without
        one, its call gives logits. In a network with batch normalisation no picture has a gradient of its own.
    images : array or tensor of float32, shape (n, H, W, C)
        Pictures in [0, 1].
    labels : array or tensor of int64, shape (n,)
        Their classes.

    Returns
    -------
    torch.Tensor of float32, shape (n, parameters)
        In the order of ``network.parameters()``, each flattened.
    """
    weights = {f"network.{name}": each.detach() for name, each in network.named_parameters()}
    whole = _Logits(network)

    def loss(given: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        logits = torch.func.functional_call(whole, given, (image[None],))
        return nn.functional.cross_entropy(logits, label[None])

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0), randomness="different")
    found = each(weights, _tensor(images), _tensor(labels))
    return torch.cat([part.flatten(1) for part in found.values()], dim=1)


def _tensor(given: NDArray | Tensor) -> Tensor:
    return given if isinstance(given, Tensor) else torch.tensor(given)  # a copy: splits hand out what nobody may write


class _Logits(nn.Module):
    """A network whose call gives logits: what functional_call can call."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return logits_of(self.network)(images)


def clip_each(gradients: Tensor, norm: float) -> Tensor:
    """Shorten each gradient to a norm; a shorter one stays as it is.

    Parameters
    ----------
    gradients : torch.Tensor, shape (n, parameters)
        One for each picture.
    norm : float
        The largest L2 norm that is left (C).

    Returns
    -------
    torch.Tensor, shape (n, parameters)
        Each at most as long as `norm`.

    References
    ----------
    Abadi and others, "Deep Learning with Differential Privacy", 2016, algorithm 1.
    """
    lengths = gradients.norm(dim=1, keepdim=True)
    return gradients * (norm / lengths.clamp_min(norm))


def _each_clipped(gradients: Tensor, norm: float) -> Tensor:
    return clip_each(gradients, norm).sum(dim=0)


def _batch_clipped(gradients: Tensor, norm: float) -> Tensor:
    # What clip_grad_norm_ does between backward() and step(): the mean is as short as it should be, no picture is.
    mean = gradients.mean(dim=0, keepdim=True)
    return clip_each(mean, norm)[0] * len(gradients)


def _poisson(n: int, plan: Plan, generator: torch.Generator) -> Iterator[Tensor]:
    for _ in range(plan.steps):
        yield (torch.rand(n, generator=generator) < plan.rate).nonzero().flatten()


def _shuffled(n: int, plan: Plan, generator: torch.Generator) -> Iterator[Tensor]:
    size = max(1, round(plan.rate * n))
    left: list[Tensor] = []
    for _ in range(plan.steps):
        left = left or list(torch.randperm(n, generator=generator).split(size))
        yield left.pop(0)


def _gaussian(total: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    return total + deviation * torch.randn(total.shape, generator=generator)


def _no_noise(total: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    return total.clone()


def _by_expected(noisy: Tensor, expected: float, realised: int) -> Tensor:
    return noisy / expected


def _by_realised(noisy: Tensor, expected: float, realised: int) -> Tensor:
    return noisy / max(1, realised)


# ---- the same parts, out of Opacus


def _opacus_batches(n: int, plan: Plan, generator: torch.Generator) -> Iterator[Tensor]:
    from opacus.utils.uniform_sampler import UniformWithReplacementSampler

    sampler = UniformWithReplacementSampler(num_samples=n, sample_rate=plan.rate, generator=generator, steps=plan.steps)
    for batch in sampler:
        yield torch.tensor(batch, dtype=torch.int64)


def _opacus_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    from opacus import GradSampleModule

    copied = copy.deepcopy(network)
    for layer in copied.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(_laid_out)
    wrapped = GradSampleModule(copied, loss_reduction="sum")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Full backward hook is firing")  # pictures need no gradients here
        nn.functional.cross_entropy(logits_of(copied)(images), labels, reduction="sum").backward()
    return torch.cat([weights.grad_sample.flatten(1) for weights in wrapped.parameters()], dim=1)


def _laid_out(layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    # Opacus 1.6.0 gives wrong gradients of a convolution whose input lies channels last in memory, and says nothing.
    # contiguous() is not enough: with one channel it copies nothing.
    return tuple(each.clone(memory_format=torch.contiguous_format) for each in given)


def _opacus_optimizer(
    size: int, norm: float, noise: float, expected: float, generator: torch.Generator | None = None
) -> tuple[Any, Any]:
    """All weights in one, and the optimizer of it, of which a part is used."""
    from opacus.optimizers import DPOptimizer

    weights = nn.Parameter(torch.zeros(size))
    inner = torch.optim.SGD([weights], lr=1.0)
    options = {"expected_batch_size": expected, "generator": generator}
    return weights, DPOptimizer(inner, noise_multiplier=noise, max_grad_norm=norm, **options)


def _opacus_summed(gradients: Tensor, norm: float) -> Tensor:
    weights, optimizer = _opacus_optimizer(gradients.shape[1], norm, 0.0, 1.0)
    weights.grad_sample = gradients
    optimizer.clip_and_accumulate()
    return weights.summed_grad


def _opacus_noised(total: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    weights, optimizer = _opacus_optimizer(len(total), 1.0, deviation, 1.0, generator)
    weights.summed_grad = total.clone()
    optimizer.add_noise()
    return weights.grad


def _opacus_divided(noisy: Tensor, expected: float, realised: int) -> Tensor:
    weights, optimizer = _opacus_optimizer(len(noisy), 1.0, 0.0, expected)
    weights.grad, weights.grad_sample = noisy.clone(), noisy[None]  # it counts the batches that were accumulated: one
    optimizer.scale_grad()
    return weights.grad


HONEST = Implementation(
    "written out", _poisson, per_picture_gradients, _each_clipped, noised=_gaussian, divided=_by_expected
)
"""Poisson batches, each picture clipped to C, noise of sigma C on the sum, divided by the expected batch size."""

OPACUS = Implementation(
    "Opacus", _opacus_batches, _opacus_gradients, _opacus_summed, noised=_opacus_noised, divided=_opacus_divided
)
"""The same out of the library: its sampler, its GradSampleModule, its DPOptimizer."""

NO_NOISE = replace(HONEST, name="no noise", noised=_no_noise)
BATCH_CLIPPED = replace(HONEST, name="batch clipped", summed=_batch_clipped)
REALISED_BATCH = replace(HONEST, name="realised batch", divided=_by_realised)
WRONG_LOADER = replace(HONEST, name="wrong loader", batches=_shuffled)

BROKEN = (NO_NOISE, BATCH_CLIPPED, REALISED_BATCH, WRONG_LOADER)
"""One part wrong in each: no noise; the batch's mean clipped and no picture; divided by the batch that came; fixed
batches out of a shuffled pile."""


# ---- run


def linear_probe(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A softmax on pixels, all weights 0: the smallest network that an implementation can be tried on.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of a picture.
    classes : int
        Number of classes.

    Returns
    -------
    torch.nn.Module
        With ``logits`` and ``shape``, as the networks of :mod:`helpers.models` have.
    """
    return _Probe(shape, classes)


class _Probe(nn.Module):
    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.last = nn.Linear(int(np.prod(shape)), classes)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def logits(self, images: Tensor) -> Tensor:
        return self.last(images.flatten(1))

    def forward(self, images: Tensor) -> Tensor:
        return torch.softmax(self.logits(images), dim=1)


def releases(
    implementation: Implementation,
    network: nn.Module,
    images: Images,
    labels: Labels,
    plan: Plan,
    *,
    planted: Tensor | None = None,
    seed: int = 0,
) -> Iterator[Release]:
    """Train, and show each step; the network is moved as one asks for the next.

    Parameters
    ----------
    implementation : Implementation
        Whose parts are used.
    network : torch.nn.Module
        As in :func:`per_picture_gradients`; **it is trained in place**.
    images : numpy.ndarray of float32, shape (n, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (n,)
        Their classes.
    plan : Plan
        Rate, steps, noise, norm and learning rate.
    planted : torch.Tensor of float32, shape (m, parameters), optional
        Gradients of m further members, the same in every step: they are drawn, clipped and summed like pictures'.
    seed : int
        Of batches and of noise, each with a stream of its own: two implementations with one seed see the same batches.

    Returns
    -------
    iterator of Release
        One for each step.

    Raises
    ------
    ValueError
        If pictures, labels, seed or planted gradients are none.
    """
    streams = [torch.Generator().manual_seed(int(each)) for each in _states(seed, 2)]
    pictures = _tensor(check_images(images))
    classes = _tensor(check_labels(labels, len(images)))
    size = sum(each.numel() for each in network.parameters())
    extra = torch.zeros(0, size) if planted is None else planted
    if extra.ndim != 2 or extra.shape[1] != size:
        raise ValueError(f"planted gradients must have shape (m, {size}) for this network, got {tuple(extra.shape)}")
    return _steps(implementation, network.train(), pictures, classes, plan, extra, streams)


def _states(seed: int, number: int) -> list[int]:
    return [int(each) for each in np.random.SeedSequence(check_seed(seed)).generate_state(number)]


def _steps(
    implementation: Implementation,
    network: nn.Module,
    pictures: Tensor,
    classes: Tensor,
    plan: Plan,
    planted: Tensor,
    streams: list[torch.Generator],
) -> Iterator[Release]:
    n = len(pictures) + len(planted)
    weights = list(network.parameters())
    for indices in implementation.batches(n, plan, streams[0]):
        members, others = indices[indices < len(pictures)], indices[indices >= len(pictures)] - len(pictures)
        gradients = planted[others]
        if len(members):  # a Poisson batch may be empty: then the sum is 0, and noise is all that is released
            own = implementation.gradients(network, pictures[members], classes[members])
            gradients = torch.cat([own, gradients])
        total = implementation.summed(gradients, plan.norm) if len(gradients) else torch.zeros(planted.shape[1])
        noisy = implementation.noised(total, plan.noise * plan.norm, streams[1])
        released = implementation.divided(noisy, plan.rate * n, len(indices))
        with torch.no_grad():
            moved = nn.utils.parameters_to_vector(weights) - plan.learning_rate * released
            nn.utils.vector_to_parameters(moved, weights)
        yield Release(indices, total, noisy, released)


def trained_with(
    implementation: Implementation, network: nn.Module, images: Images, labels: Labels, plan: Plan, *, seed: int = 0
) -> nn.Module:
    """Train a copy of a network.

    Parameters
    ----------
    implementation : Implementation
        Whose parts are used.
    network : torch.nn.Module
        As in :func:`per_picture_gradients`; it stays as it is.
    images : numpy.ndarray of float32, shape (n, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (n,)
        Their classes.
    plan : Plan
        Rate, steps, noise, norm and learning rate.
    seed : int
        Of batches and noise.

    Returns
    -------
    torch.nn.Module
        The copy, trained.

    Raises
    ------
    ValueError
        As :func:`releases`.
    """
    check_seed(seed)
    copied = copy.deepcopy(network)
    for _ in releases(implementation, copied, images, labels, plan, seed=seed):
        pass
    return copied
