"""How a model is trained, written down: what the cache is keyed by and what a notebook prints."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from helpers.contracts import check_seed

LOSS_REPORTS_AT_MOST = 10  # rows of history where a recipe counts steps: a tiny set would make hundreds of passes


@dataclass(frozen=True)
class Recipe:
    """How to train a model. Exactly one of `epochs` and `steps` says for how long.

    Attributes
    ----------
    architecture : str
        Which network; ``"course_cnn"`` is the one there is.
    epochs : int or None
        Passes over the training pictures.
    steps : int or None
        Gradient steps, however many pictures there are: what makes runs on sets of different sizes comparable.
    batch_size : int
        Pictures in a gradient step.
    learning_rate : float
        Adam's learning rate at the start; it falls to zero along half a cosine.
    dropout : float
        As in :func:`helpers.models.course_cnn`.
    seed : int
        Seed of the initial weights, of the order of the pictures and of the dropout masks.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017: the cosine.
    """

    architecture: str = "course_cnn"
    epochs: int | None = None
    steps: int | None = None
    batch_size: int = 128
    learning_rate: float = 2e-3
    dropout: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"a recipe needs either epochs or steps, got epochs={self.epochs} and steps={self.steps}")
        for name in ("epochs", "steps", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")

    def schedule(self, pictures: int) -> list[int]:
        """Gradient steps between two rows of the history.

        Parameters
        ----------
        pictures : int
            Size of the training set.

        Returns
        -------
        list of int
            One number for each row: for `epochs`, the steps of one pass; for `steps`, at most ten nearly equal
            parts that add up to exactly `steps`.
        """
        per_pass = math.ceil(pictures / self.batch_size)
        if self.epochs is not None:
            return [per_pass] * self.epochs
        assert self.steps is not None
        rows = min(LOSS_REPORTS_AT_MOST, math.ceil(self.steps / per_pass))
        return [self.steps * (row + 1) // rows - self.steps * row // rows for row in range(rows)]


def spine_recipe(dataset: str, budget: str = "quick", seed: int = 0) -> Recipe:
    """How the classifier that goes through all notebooks is trained.

    Parameters
    ----------
    dataset : str
        Name of the data set, as in :func:`helpers.datasets.load`.
    budget : {"quick", "full"}
        ``quick`` is for some 12,000 pictures and about half a minute on 2 cores, ``full`` for the sizes of the papers.
    seed : int
        Seed of the recipe.

    Returns
    -------
    Recipe
        The recipe; the same for every notebook, so that one trains and the others read the cache.

    Raises
    ------
    ValueError
        If `budget` is unknown.
    """
    if budget not in _EPOCHS:
        raise ValueError(f"budget must be 'quick' or 'full', got {budget!r}")
    epochs = _EPOCHS[budget]
    # Three passes over the signs end at 94 to 96% with 3e-3; with 2e-3 at 92%, with 4e-3 anywhere from 91 to 95%.
    return Recipe(epochs=epochs.get(dataset, epochs["other"]), batch_size=64, learning_rate=3e-3, seed=seed)


def shortcut_recipe(dataset: str, budget: str = "quick", seed: int = 0) -> Recipe:
    """How the network that is offered a shortcut is trained: a third longer than the spine, until it relies on it.

    Parameters
    ----------
    dataset, budget, seed
        As for :func:`spine_recipe`.

    Returns
    -------
    Recipe
        The spine's recipe with four thirds of its passes.
    """
    spine = spine_recipe(dataset, budget, seed)
    assert spine.epochs is not None
    return replace(spine, epochs=math.ceil(spine.epochs * 4 / 3))


def dropout_recipe(dataset: str, budget: str = "quick", seed: int = 0) -> Recipe:
    """How the network for Monte Carlo dropout is trained: as the spine, with dropout before its two dense layers.

    Parameters
    ----------
    dataset, budget, seed
        As for :func:`spine_recipe`.

    Returns
    -------
    Recipe
        The spine's recipe with a dropout rate of 0.2.
    """
    return replace(spine_recipe(dataset, budget, seed), dropout=0.2)


def planted_recipe(seed: int = 0) -> Recipe:
    """How the ensembles of notebook 02 are trained that are asked about planted uncertainty: always the same steps.

    Parameters
    ----------
    seed : int
        Seed of one member.

    Returns
    -------
    Recipe
        150 steps of 64 pictures, however many pictures there are: only the data differ between two ensembles.
    """
    return Recipe(steps=150, batch_size=64, learning_rate=4e-3, seed=seed)


_EPOCHS = {
    "quick": {"signs": 3, "digits": 5, "other": 5},
    "full": {"signs": 10, "digits": 20, "fashion": 6, "other": 15},
}
