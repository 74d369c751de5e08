"""PGD beside foolbox, torchattacks and the Adversarial Robustness Toolbox (ART)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, Row, measure
from helpers.contracts import Images, Labels
from helpers.errors import CourseError

if TYPE_CHECKING:
    from helpers.datasets.base import Dataset

IMPORTED = ("tensorflow", "keras", "torch", "foolbox", "torchattacks", "art")
"""What must be installed, and whose versions stand above the table."""

ABOUT = (
    "torch twins of two course CNNs on digits, their parameters frozen for all; each digit begins where it is,\n"
    "each contender hands out the moved digits and who is fooled"
)
"""What stands above the table."""

Fooled = NDArray[np.bool_]
Outcome = tuple[Images, Fooled]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes
    ----------
    pictures : int
        At most how many: the first test digits that the network reads rightly.
    steps : int
        Steps of PGD, each 2.5 epsilon / steps long.
    plain, robust : float
        Epsilon, in L-inf: for the plain network, and for the robust one the size that notebook 07 judges it at.
    left : (float, float)
        What share of its digits the plain network must be left with, so that "as strong" says something.
    apart : float
        By what share of the digits two contenders may differ in how many they fool.
    epochs : int
        Passes in which the robust network is trained, in some 20 CPU seconds; notebook 07's is trained for longer.
    """

    pictures: int = 512
    steps: int = 20
    plain: float = 0.15
    robust: float = 0.2
    left: tuple[float, float] = (0.3, 0.7)
    apart: float = 0.01
    epochs: int = 8


SIZES = Sizes()

BATCH = 64
"""Digits that a peer is given at once: none is faster with more. The own PGD takes its default, and pieces of that."""


@dataclass(frozen=True)
class Task:
    """What all contenders are given.

    Attributes
    ----------
    twin : torch.nn.Module
        A frozen torch twin with a method ``logits``.
    images, labels : numpy.ndarray
        Digits that it reads rightly.
    epsilon, step_size : float
        Of PGD in L-inf.
    steps : int
        Of PGD.
    """

    twin: Any
    images: Images
    labels: Labels
    epsilon: float
    step_size: float
    steps: int


def subject() -> Dataset:
    """What the part below is given: the digits; both networks are trained on them, once, or read from the cache."""
    from helpers import datasets

    return datasets.load("digits")


def pgd(data: Dataset, repeats: int, sizes: Sizes = SIZES) -> list[Row]:
    """PGD without early stop on a plain and on a robust network, and with it on the robust one.

    Parameters
    ----------
    data : Dataset
        Digits.
    repeats : int
        Rounds of measurement.
    sizes : Sizes
        How much is measured.

    Returns
    -------
    list of Row
        For each of the three a row for each peer.

    Raises
    ------
    CourseError
        If the contenders do not fool equally many, or epsilon leaves the plain network too few digits or too many.
    """
    twins = _twins(data, sizes)
    plain = _compare(_task(twins["plain"], data, sizes.plain, sizes), "plain", repeats, sizes, sizes.left)
    robust = _compare(_task(twins["robust"], data, sizes.robust, sizes), "robust", repeats, sizes)
    return plain[: len(PEERS)] + robust  # on a plain network early stop alone halves any time: not counted


def check_equal(fooled: Mapping[str, int], pictures: int, apart: float) -> None:
    """Refuse to compare attacks of which one is weaker: it may be faster for that.

    Parameters
    ----------
    fooled : mapping of str to int
        How many pictures each contender fools.
    pictures : int
        Of how many.
    apart : float
        By what share of them two may differ.

    Raises
    ------
    CourseError
        If two differ by more.
    """
    allowed = int(apart * pictures)
    if max(fooled.values()) - min(fooled.values()) > allowed:
        counts = ", ".join(f"{name} {count}" for name, count in fooled.items())
        raise CourseError(
            f"the attacks are not equally strong, so their times say nothing: of {pictures} pictures they fool "
            f"{counts}; {allowed} more or less would do."
        )


def check_left(fooled: int, pictures: int, left: tuple[float, float]) -> None:
    """Refuse an epsilon at which any attack fools nearly all pictures, or nearly none.

    Parameters
    ----------
    fooled, pictures : int
        How many the own PGD fools, and of how many.
    left : (float, float)
        What share must be left.

    Raises
    ------
    CourseError
        If another share is.
    """
    share = 1 - fooled / pictures
    if not left[0] <= share <= left[1]:
        raise CourseError(
            f"epsilon leaves {share:.0%} of {pictures} pictures; where it is not {left[0]:.0%} to {left[1]:.0%}, "
            "equal numbers do not show equal strength. Choose another in benchmarks/attacks.py."
        )


def _compare(task: Task, network: str, repeats: int, sizes: Sizes, left: tuple[float, float] = (0.0, 1.0)) -> list[Row]:
    """All contenders on one network: two headings, without and with early stop, and a row for each peer in both."""
    runs = {"own": _own(task, early_stop=False), "own, early stop": _own(task, early_stop=True)}
    runs |= {name: peer(task) for name, peer in PEERS.items()}
    n = len(task.images)
    fooled = {name: int(run()[1].sum()) for name, run in runs.items()}
    check_equal(fooled, n, sizes.apart)
    check_left(fooled["own"], n, left)
    time_of = measure({name: Contender(run, n) for name, run in runs.items()}, repeats)
    rows = []
    for own, target, what in (("own", 1.0, "no early stop"), ("own, early stop", 1.15, "early stop")):
        heading = (
            f"PGD-{task.steps}, {network} network, {what}: {n:,} digits, L-inf {task.epsilon:g}, own fools "
            f"{fooled[own]} and {1e6 / time_of[own]:,.0f} a second"
        )
        for name in PEERS:
            offers = "" if own == "own" else "; it offers no early stop"
            note = f"fools {fooled[name]}, {1e6 / time_of[name]:,.0f} a second{offers}"
            rows.append(Row(heading, name, time_of[name], target, time_of[own], float("nan"), note=note))
    return rows


# ---- the networks


def _twins(data: Dataset, sizes: Sizes) -> dict[str, Any]:
    from helpers import attacks, models

    recipe = attacks.robust_recipe("digits")
    short = replace(recipe, training=replace(recipe.training, epochs=sizes.epochs), steps=2, step_size=0.75)
    trained = {
        "plain": models.spine(data),
        "robust": attacks.adversarially_trained(short, data.train, classes=len(data.class_names)),
    }
    return {name: _frozen(models.to_torch(each.model)) for name, each in trained.items()}


def _frozen(twin: Any) -> Any:
    """Nobody is to compute what only training needs, whether or not a library thinks of it."""
    return twin.requires_grad_(False)


def _task(twin: Any, data: Dataset, epsilon: float, sizes: Sizes) -> Task:
    images, labels = data.test.images, data.test.labels
    rows = np.flatnonzero(~_misread(twin, images, labels))[: sizes.pictures]
    return Task(twin, images[rows], labels[rows], epsilon, 2.5 * epsilon / sizes.steps, sizes.steps)


def _misread(twin: Any, images: Images, labels: Labels) -> Fooled:
    import torch

    with torch.no_grad():
        answers = [twin.logits(torch.from_numpy(images[some])).numpy() for some in _batches(len(images))]
    return np.concatenate(answers).argmax(axis=1) != labels


def _batches(count: int) -> Iterator[slice]:
    return (slice(at, at + BATCH) for at in range(0, count, BATCH))


# ---- the contenders, each as its users would call it; pictures are channels last, as the twin takes them, for all


def _own(task: Task, *, early_stop: bool) -> Callable[[], Outcome]:
    from helpers import attacks

    net, threat = attacks.network(task.twin), attacks.ThreatModel(task.epsilon)

    def run() -> Outcome:
        found = attacks.pgd(
            net, task.images, task.labels, threat,
            steps=task.steps, step_size=task.step_size, start=task.images, early_stop=early_stop,
        )  # fmt: skip
        return found.images, found.fooled

    return run


def _foolbox(task: Task) -> Callable[[], Outcome]:
    import foolbox

    model = foolbox.PyTorchModel(_module(task.twin), bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(abs_stepsize=task.step_size, steps=task.steps, random_start=False)

    def some(images: Any, labels: Any) -> Outcome:
        _, moved, fooled = attack(model, images, labels, epsilons=task.epsilon)
        return moved.numpy(), fooled.numpy()

    return partial(_in_batches, some, task)


def _torchattacks(task: Task) -> Callable[[], Outcome]:
    torchattacks = _import_torchattacks()
    attack = torchattacks.PGD(
        _module(task.twin), eps=task.epsilon, alpha=task.step_size, steps=task.steps, random_start=False
    )

    def some(images: Any, labels: Any) -> Outcome:
        moved = attack(images, labels).numpy()
        return moved, _misread(task.twin, moved, labels.numpy())

    return partial(_in_batches, some, task)


def _art(task: Task) -> Callable[[], Outcome]:
    import torch
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    shape, classes = task.twin.shape, task.twin.last.out_features
    model = PyTorchClassifier(
        _module(task.twin), torch.nn.CrossEntropyLoss(), shape, classes, clip_values=(0.0, 1.0), device_type="cpu"
    )
    attack = ProjectedGradientDescentPyTorch(
        model, eps=task.epsilon, eps_step=task.step_size, max_iter=task.steps, batch_size=BATCH, verbose=False
    )

    def run() -> Outcome:
        moved = attack.generate(task.images, task.labels)
        return moved, _misread(task.twin, moved, task.labels)

    return run


PEERS: dict[str, Callable[[Task], Callable[[], Outcome]]] = {
    "foolbox": _foolbox,
    "torchattacks": _torchattacks,
    "ART": _art,
}


def _in_batches(some: Callable[[Any, Any], Outcome], task: Task) -> Outcome:
    import torch

    images, labels = torch.from_numpy(task.images), torch.from_numpy(task.labels)
    moved, fooled = zip(*(some(images[batch], labels[batch]) for batch in _batches(len(images))), strict=True)
    return np.concatenate(moved), np.concatenate(fooled)


def _module(twin: Any) -> Any:
    """A module that gives logits when it is called: the peers compute the cross-entropy of those."""
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twin = twin

        def forward(self, images: Any) -> Any:
            return self.twin.logits(images)

    return Logits().eval()


def _import_torchattacks() -> Any:
    """Torchattacks, which names torchvision and an old requests as needed and imports neither: looked at each time."""
    unwanted = {"torchvision", "requests"}
    before = unwanted & set(sys.modules)  # Keras imports the requests that the course has
    import torchattacks

    if brought := sorted(unwanted & set(sys.modules) - before):
        raise CourseError(f"torchattacks imported {' and '.join(brought)}, which no part of the bench may.")
    return torchattacks


# ---- what the command line names

PARTS = {
    "pgd": pgd,
}
