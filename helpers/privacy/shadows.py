"""Shadow models: the same training, many times, each on half of the pictures, so that every picture is in and out.

What trains may be anything that takes pictures and gives a predict function. The networks of a :class:`ShadowRecipe`
are torch's, as Opacus needs it for the private ones beside them; torch loads when they are trained.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock
import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import cache
from helpers.contracts import Images, Labels, Predict, check_answers, check_count, check_seed
from helpers.datasets import catalogue, store
from helpers.datasets.base import Split, check_split
from helpers.errors import CacheError
from helpers.privacy.membership import Membership, Scores, check_membership, logit_confidence
from helpers.progress import with_bar

Fit = Callable[[Images, Labels, int], Predict]
"""A training as a function: pictures, their labels and a seed to the predict function of what was trained."""


@dataclass(frozen=True)
class ShadowRecipe:
    """Which networks, on which pictures.

    Attributes
    ----------
    dataset : str
        As in :func:`helpers.datasets.load`.
    pictures : int
        Size N of the pool; each network learns from half of it, and the rest are its non-members.
    models : int
        Networks M, an even number of at least 4.
    passes : int
        How often each network sees its pictures. The default learns them by heart.
    width : int
        Channels of the first convolution.
    batch_size : int
        Pictures in a gradient step.
    learning_rate : float
        Adam's learning rate at the start; it falls to zero along half a cosine.
    seed : int
        Of the pictures, of who learns from which, and of the trainings.
    """

    dataset: str = "signs"
    pictures: int = 2000
    models: int = 16
    passes: int = 20
    width: int = 16
    batch_size: int = 50
    learning_rate: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for name in ("pictures", "models", "passes", "width", "batch_size"):
            check_count(getattr(self, name), name)
        if self.models % 2 or self.models < 4:
            raise ValueError(f"models must be an even number of at least 4, got {self.models}. LiRA needs 16 or more.")
        if self.pictures < 2:
            raise ValueError(f"pictures must be at least 2, got {self.pictures}")
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")


@dataclass(frozen=True)
class Shadows:
    """Networks that learned from half of the pictures each, and what they say about all.

    Attributes
    ----------
    split : Split
        The N pictures.
    membership : numpy.ndarray of bool, shape (M, N)
        Which network learned from which picture.
    confidences : numpy.ndarray of float64, shape (M, N)
        Logit confidence of the true class, in nats.
    correct : numpy.ndarray of bool, shape (M, N)
        Whether it is the most probable one.
    """

    split: Split
    membership: Membership
    confidences: Scores
    correct: NDArray[np.bool_]

    @property
    def accuracy(self) -> tuple[float, float]:
        """Share of right answers over all networks: on the pictures that they learned from, and on the others."""
        inside = float(self.correct[self.membership].mean())
        return inside, float(self.correct[~self.membership].mean())


def random_halves(models: int, pictures: int, seed: int) -> Membership:
    """Which model learns from which picture: each picture in exactly half of the models, drawn one by one.

    Parameters
    ----------
    models : int
        M, an even number.
    pictures : int
        N.
    seed : int
        Seed of the draw.

    Returns
    -------
    numpy.ndarray of bool, shape (M, N)
        Half of each column is True; of each row, half but for chance.

    Raises
    ------
    ValueError
        If the number of models is odd, or an argument is out of range.

    References
    ----------
    N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis and F. Tramèr (2022), "Membership inference attacks from first
    principles": each picture in half of the shadow models.
    """
    rng = np.random.default_rng((check_seed(seed), 0x4A1F))
    if check_count(models, "models") % 2:
        raise ValueError(f"models must be an even number, so that each picture is in half of them; got {models}")
    order = rng.random((models, check_count(pictures, "pictures"))).argsort(axis=0)
    return order < models // 2


def shadows_of(
    fit: Fit, split: Split, membership: ArrayLike, *, classes: int, name: str = "shadow models", seed: int = 0
) -> Scores:
    """Train once for each row of membership, and ask each model about all pictures.

    Parameters
    ----------
    fit : callable
        Pictures (N, H, W, C) in [0, 1], their labels and a seed to a predict function.
    split : Split
        The N pictures.
    membership : array_like of bool, shape (M, N)
        Which model learns from which picture.
    classes : int
        Number of classes K.
    name : str
        What the bar says is trained.
    seed : int
        What the seeds of the trainings are drawn from, one for each row.

    Returns
    -------
    numpy.ndarray of float64, shape (M, N)
        Confidences, as :func:`helpers.privacy.lira` takes them.

    Raises
    ------
    TypeError, ValueError
        If membership does not fit the split, a model would learn from nothing, or `fit` gives no predict function of
        probabilities for K classes.
    """
    return _trained_and_asked(fit, split, membership, classes, name, check_seed(seed))[0]


def train_shadows(recipe: ShadowRecipe) -> Shadows:
    """The networks of a recipe: what they say is read from the cache, or else they are trained.

    Parameters
    ----------
    recipe : ShadowRecipe
        Which networks, on which pictures.

    Returns
    -------
    Shadows
        The pictures, who learned from them, and the confidences. The cache knows them by the recipe, the pictures,
        the code and the version of torch.

    Raises
    ------
    TypeError, ValueError
        If the recipe is none, or asks for more pictures than there are.
    """
    if not isinstance(recipe, ShadowRecipe):
        raise TypeError(f"recipe must be a ShadowRecipe, such as ShadowRecipe('signs'), got {type(recipe).__name__}")
    data = catalogue.load(recipe.dataset, train=recipe.pictures, calibration=1, test=1, seed=recipe.seed)
    membership = random_halves(recipe.models, recipe.pictures, recipe.seed)
    classes = len(data.class_names)

    def train() -> dict[str, NDArray]:
        fit = shadow_fit(recipe, classes=classes)
        confidences, correct = _trained_and_asked(fit, data.train, membership, classes, "shadow models", recipe.seed)
        return {"confidences": confidences, "correct": correct}

    return Shadows(data.train, membership, **_read_or_make(_path(recipe, data.train), train))


def shadow_fit(recipe: ShadowRecipe, *, classes: int) -> Fit:
    """The training of a recipe as a function, for one network or for :func:`shadows_of`.

    Parameters
    ----------
    recipe : ShadowRecipe
        Its passes, width, batch size and learning rate.
    classes : int
        Number of classes K.

    Returns
    -------
    callable
        Pictures, labels and a seed to a predict function.
    """
    from helpers.privacy import private_network, shadow_cnn  # torch

    def fit(images: Images, labels: Labels, seed: int) -> Predict:
        return private_network.torch_predict(shadow_cnn.trained(recipe, images, labels, classes, seed))

    return fit


def _trained_and_asked(
    fit: Fit, split: Split, membership: ArrayLike, classes: int, name: str, seed: int
) -> tuple[Scores, NDArray[np.bool_]]:
    member = check_membership(membership)
    if member.shape[1] != len(check_split(split)):
        raise ValueError(
            f"membership must have a column for each of the {len(split):,} pictures of the split, got {member.shape}"
        )
    if not member.any(axis=1).all():
        raise ValueError(f"model {int(member.any(axis=1).argmin())} would learn from no picture: its row is all False")
    images, confidences, correct = split.images, [], []
    seeds = np.random.SeedSequence(seed).generate_state(len(member))
    for model in with_bar(range(len(member)), name):
        rows = member[model]
        answers = check_answers(fit(images[rows], split.labels[rows], int(seeds[model]))(images), len(split))
        if answers.shape[1] != classes:
            raise ValueError(f"the model answers with {answers.shape[1]} classes, and there are {classes}")
        confidences.append(logit_confidence(answers, split.labels))
        correct.append(answers.argmax(axis=1) == split.labels)
    return np.stack(confidences), np.stack(correct)


def _path(recipe: ShadowRecipe, split: Split) -> Path:
    import torch

    from helpers.privacy import private_network, shadow_cnn

    name = cache.key(
        shadows=asdict(recipe),
        pictures=split.hashes(),
        labels=split.labels.tolist(),
        code=cache.code_version(private_network, shadow_cnn, sys.modules[__name__]),
        torch=torch.__version__,
    )
    return cache.cache_directory() / "models" / f"{name}.npz"


def _read_or_make(path: Path, make: Callable[[], dict[str, NDArray]]) -> dict[str, NDArray]:
    """Of two processes that ask at once, the second waits and reads."""
    lock = filelock.FileLock(path.with_suffix(".lock"))
    with contextlib.suppress(OSError):  # a folder that cannot be written to: nothing to guard, and the warning says so
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        if (found := store.read(path)) is None:
            found = make()
            _keep(path, found)
        return found
    finally:
        lock.release()


def _keep(path: Path, made: dict[str, NDArray]) -> None:
    try:
        store.write(path, made)
    except CacheError as error:
        warnings.warn(
            f"the shadow models are trained and you can go on, but will be trained again next time: {error}",
            stacklevel=4,
        )
