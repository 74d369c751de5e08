"""Adversarial training: a network that learns from what an attack has just made of its pictures."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from helpers import cache
from helpers.attacks import base
from helpers.attacks.base import ThreatModel, check_threat
from helpers.contracts import check_count
from helpers.datasets.base import Split
from helpers.models import cnn, graphs, training, weights
from helpers.models import recipes as recipes_module
from helpers.models.backend import keras, tf
from helpers.models.recipes import Recipe
from helpers.models.training import Trained

Keep = Literal["last", "best"]
"""Which weights are handed out: those after the last step, or those of the row that held best against PGD."""

_WATCHED_AT_ONCE = 256


@dataclass(frozen=True)
class AdversarialRecipe:
    """How to train a network that is attacked while it learns.

    Attributes
    ----------
    training : Recipe
        Architecture, length, batch, learning rate and seed, as for any network. The seed also draws the random starts
        and the augmentation.
    threat : ThreatModel
        How far the pictures are moved, in L-inf. At epsilon 0 the attack is left out: plain training.
    steps : int
        Steps of the attack on each batch: 1 is FGSM, more is PGD. Each costs nearly as much as a step of training.
    step_size : float
        Length of an attack's step in units of epsilon; 1.25 for one step from a random start.
    random_start : bool
        Whether the attack begins at a random place, as PGD and "fast" FGSM do, or at the picture, as plain FGSM does.
    warm_up : float
        Share of all training steps in which epsilon grows from 0 to its full size, in [0, 1].
    shift : int
        Augmentation, before the attack: pictures are moved by up to so many whole pixels to each side.
    rotation : float
        Augmentation: pictures are turned by up to so many degrees.
    zoom : float
        Augmentation: pictures are enlarged and shrunk by up to this share, in [0, 1).
    keep : {"last", "best"}
        ``best`` is early stopping: the weights after the row of the history that held best against PGD on the
        validation pictures. Of rows that are level it is the first.
    watched : int
        How many of the validation pictures are attacked for each row of the history: the first ones.
    watch_steps : int
        Steps of PGD in the history.

    Raises
    ------
    TypeError, ValueError
        If a field is out of range, or the threat model is not L-inf.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018: training against PGD.
    Wong, Rice and Kolter, "Fast is better than free", 2020: one step from a random start, and 1.25.
    Andriushchenko and Flammarion, "Understanding and Improving Fast Adversarial Training", 2020: when one step fails.
    Rice, Wong and Kolter, "Overfitting in adversarially robust deep learning", 2020: early stopping.
    """

    training: Recipe
    threat: ThreatModel
    steps: int = 1
    step_size: float = 1.25
    random_start: bool = True
    warm_up: float = 0.0
    shift: int = 0
    rotation: float = 0.0
    zoom: float = 0.0
    keep: Keep = "last"
    watched: int = 200
    watch_steps: int = 10

    def __post_init__(self) -> None:
        if not isinstance(self.training, Recipe):
            raise TypeError(f"training must be a models.Recipe, such as Recipe(epochs=20), got {self.training!r}")
        check_threat(self.threat)
        if self.threat.norm != "linf":
            raise ValueError(f"adversarial training here is for the norm 'linf', got {self.threat.norm!r}")
        for name in ("steps", "watched", "watch_steps"):
            check_count(getattr(self, name), name)
        _check_range(self.warm_up, "warm_up", least=0, most=1)
        _check_range(self.step_size, "step_size", above=0)
        if isinstance(self.shift, bool) or not isinstance(self.shift, int) or self.shift < 0:
            raise ValueError(f"shift must be a whole number of at least 0, got {self.shift!r}")
        _check_range(self.rotation, "rotation", least=0, most=180)
        _check_range(self.zoom, "zoom", least=0, most=0.9)
        if self.keep not in get_args(Keep):
            raise ValueError(f"keep must be 'last' or 'best', got {self.keep!r}")

    @property
    def attack(self) -> str:
        """The attack inside, as tables call it."""
        if not self.threat.epsilon:
            return "none"
        start = ", random start" if self.random_start else ""
        return f"FGSM{start}" if self.steps == 1 else f"PGD-{self.steps}"


def adversarially_trained(
    recipe: AdversarialRecipe,
    train: Split,
    validation: Split | None = None,
    *,
    classes: int,
    start: keras.Model | None = None,
) -> Trained:
    """The network of a recipe, attacked while it learned: read from the cache, or else trained and put there.

    Parameters
    ----------
    recipe : AdversarialRecipe
        How to train and to attack.
    train : Split
        What to fit on.
    validation : Split, optional
        What is attacked after each pass, for the history. With ``keep="best"`` it chooses the weights, so it is none
        of the pictures that the network is judged on.
    classes : int
        Number of classes K.
    start : keras.Model, optional
        A network of the same layers whose weights to begin with (fine-tuning); it stays as it is.

    Returns
    -------
    Trained
        Model, history, and where it came from. ``loss`` and ``accuracy`` of the history are those on the attacked
        training pictures; with `validation` there are ``val_accuracy``, ``val_fgsm`` (one step of full size from the
        picture) and ``val_pgd``, shares of the watched pictures that are read rightly, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If the recipe is none, a split does not fit, ``keep="best"`` has no validation to choose by, or `start` has
        other layers; and as :func:`helpers.models.load_or_train`.
    """
    if not isinstance(recipe, AdversarialRecipe):
        raise TypeError(f"recipe must be an AdversarialRecipe, such as attacks.robust_recipe('digits'), got {recipe!r}")
    training.check_training(recipe.training, train, validation, classes)
    if recipe.keep == "best" and validation is None:
        raise ValueError("keep='best' chooses the weights by validation pictures; give a validation split")
    if start is not None:
        _check_start(start, training.build(recipe.training, train, classes))
    path = _path(recipe, train, validation, classes, start)
    return training.read_or_fit(path, lambda: _fit(recipe, train, validation, classes, start))


def move(
    logits: Callable[..., Any], images: Any, labels: Any, epsilon: Any, recipe: AdversarialRecipe, key: Any
) -> Any:
    """The attack inside, on one batch: tensors in and out, for functions that are traced.

    Parameters
    ----------
    logits : callable
        A model up to its logits.
    images : tf.Tensor of float32, shape (B, H, W, C)
        Pictures in [0, 1].
    labels : tf.Tensor of int, shape (B,)
        True classes.
    epsilon : tf.Tensor of float32, shape ()
        How far pictures may be moved in this step, in [0, 1].
    recipe : AdversarialRecipe
        Steps, step size and start.
    key : tf.Tensor of int32, shape (2,)
        Of the random start.

    Returns
    -------
    tf.Tensor of float32, shape (B, H, W, C)
        In [0, 1], at most `epsilon` from `images`. No gradient leads back through it.
    """
    low, high = tf.maximum(images - epsilon, 0.0), tf.minimum(images + epsilon, 1.0)
    moved = images
    if recipe.random_start:
        change = epsilon * tf.random.stateless_uniform(tf.shape(images), key, -1.0, 1.0)
        moved = tf.clip_by_value(images + change, low, high)
    for _ in range(recipe.steps):
        slope = graphs.input_gradient(logits, moved, labels, _cross_entropy)
        moved = tf.clip_by_value(moved + recipe.step_size * epsilon * tf.sign(slope), low, high)
    return tf.stop_gradient(moved)


# ---- training


def _fit(
    recipe: AdversarialRecipe, train: Split, validation: Split | None, classes: int, start: keras.Model | None
) -> tuple[keras.Model, pd.DataFrame]:
    model = training.build(recipe.training, train, classes)
    if start is not None:
        model.set_weights(start.get_weights())
    advance = _training_steps(model, recipe, train)
    if validation is None:
        return model, training.fit_in_parts(advance, recipe.training, len(train))
    score, best = _watch(model, recipe, validation), _Best(model)

    def watch() -> dict[str, float]:
        row = score()
        best.see(row["val_pgd"])
        return row

    history = training.fit_in_parts(advance, recipe.training, len(train), watch)
    if recipe.keep == "best":
        model.set_weights(best.weights)
    return model, history


@dataclass
class _Best:
    """The weights that have held best so far."""

    model: keras.Model
    score: float = -math.inf
    weights: list[Any] = field(default_factory=list)

    def see(self, score: float) -> None:
        if score > self.score:
            self.score, self.weights = score, self.model.get_weights()


def _training_steps(model: keras.Model, recipe: AdversarialRecipe, train: Split) -> Callable[[Any], Any]:
    """Row numbers of pictures, (steps, batch), to summed loss and summed hits: attack and update are one graph."""
    steps = sum(recipe.training.schedule(len(train)))
    to_logits = cnn.logits_model(model)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(recipe.training.learning_rate, steps))
    optimizer.build(model.trainable_variables)
    pixels, labels = tf.constant(train.pixels), tf.constant(train.labels)
    seeds = np.random.SeedSequence((recipe.training.seed, 0xAD7)).generate_state(2).astype(np.uint32).view(np.int32)

    def advance(order: Any) -> Any:
        totals = tf.zeros(2)
        for step in tf.range(tf.shape(order)[0]):
            done = tf.cast(optimizer.iterations, tf.int32)
            images = tf.cast(tf.gather(pixels, order[step]), tf.float32) * np.float32(1 / 255)
            wanted = tf.gather(labels, order[step])
            images = _augmented(images, recipe, tf.stack([seeds[0], done]))
            if recipe.threat.epsilon:
                epsilon = _epsilon_at(done, steps, recipe)
                images = move(to_logits, images, wanted, epsilon, recipe, tf.stack([seeds[1], done]))
            with tf.GradientTape() as tape:
                logits = to_logits(images, training=True)
                losses = _cross_entropy(logits, wanted)
                loss = tf.reduce_mean(losses)
            optimizer.apply(tape.gradient(loss, model.trainable_variables))
            totals += tf.stack([tf.reduce_sum(losses), tf.reduce_sum(_hits(logits, wanted))])
        return totals

    signature = tf.TensorSpec((None, recipe.training.batch_size), tf.int32)
    return tf.function(advance).get_concrete_function(signature)


def _epsilon_at(done: Any, steps: int, recipe: AdversarialRecipe) -> Any:
    """From the first step, a little: an epsilon that comes at once can keep a network from learning anything."""
    growing = max(1.0, recipe.warm_up * steps)
    return recipe.threat.epsilon * tf.minimum(1.0, tf.cast(done + 1, tf.float32) / growing)


def _augmented(images: Any, recipe: AdversarialRecipe, seed: Any) -> Any:
    """Turned, zoomed and shifted at random, each picture in its own way. What comes in from outside is black."""
    if not (recipe.shift or recipe.rotation or recipe.zoom):
        return images
    height, width = images.shape[1:3]
    draws = tf.random.stateless_uniform((4, tf.shape(images)[0]), seed, -1.0, 1.0)
    angle, scale = draws[0] * math.radians(recipe.rotation), 1 + draws[1] * recipe.zoom
    right, down = (tf.round(draw * (recipe.shift + 0.499)) for draw in (draws[2], draws[3]))
    cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
    # Around the middle of the picture: output pixel (x, y) is read at (a x + b y + c, d x + e y + f).
    x, y, none = (width - 1) / 2, (height - 1) / 2, tf.zeros_like(angle)
    to_x = [cosine, -sine, x - cosine * x + sine * y + right]
    to_y = [sine, cosine, y - sine * x - cosine * y + down]
    whole_pixels = not (recipe.rotation or recipe.zoom)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*to_x, *to_y, none, none], axis=1),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="NEAREST" if whole_pixels else "BILINEAR",
        fill_mode="CONSTANT",
    )


def _watch(model: keras.Model, recipe: AdversarialRecipe, validation: Split) -> Callable[[], dict[str, float]]:
    """What the history tells of the first validation pictures: clean, under FGSM and under PGD."""
    threat, steps = recipe.threat, recipe.watch_steps
    fgsm = AdversarialRecipe(recipe.training, threat, step_size=1.0, random_start=False)
    pgd = AdversarialRecipe(recipe.training, threat, steps=steps, step_size=min(1.0, 2.5 / steps))
    logits = graphs.logits_of(model)
    split = validation.take(slice(0, recipe.watched))

    def score(images: Any, labels: Any) -> Any:
        epsilon = tf.constant(threat.epsilon, tf.float32)
        moved = [move(logits, images, labels, epsilon, attack, tf.constant([0, 0])) for attack in (fgsm, pgd)]
        return tf.stack([_hits(logits(each, training=False), labels) for each in (images, *moved)], axis=1)

    run = graphs.traced(score, logits)

    def watch() -> dict[str, float]:
        hits = [run(tf.constant(images), tf.constant(labels)) for images, labels in split.batches(_WATCHED_AT_ONCE)]
        shares = np.concatenate(hits).mean(axis=0, dtype=np.float64)
        return dict(zip(("val_accuracy", "val_fgsm", "val_pgd"), shares.tolist(), strict=True))

    return watch


def _cross_entropy(logits: Any, labels: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _hits(logits: Any, labels: Any) -> Any:
    return tf.cast(tf.equal(tf.argmax(logits, axis=1), labels), tf.float32)


# ---- the cache, and what is refused


def _path(
    recipe: AdversarialRecipe, train: Split, validation: Split | None, classes: int, start: keras.Model | None
) -> Path:
    name = cache.key(
        adversarial=asdict(recipe),
        train=training.split_digest(train),
        validation=None if validation is None else training.split_digest(validation),
        classes=classes,
        start=None if start is None else weights.digest(start),
        code=cache.code_version(cnn, recipes_module, training, graphs, base, sys.modules[__name__]),
        keras=keras.version(),
    )
    return cache.cache_directory() / "models" / f"{name}.keras"


def _check_start(start: keras.Model, model: keras.Model) -> None:
    if not isinstance(start, keras.Model):
        raise TypeError(f"start must be a Keras model, such as models.spine(data).model, got {type(start).__name__}")
    given, needed = ([array.shape for array in each.get_weights()] for each in (start, model))
    if given != needed:
        raise ValueError(f"start must have the layers of the recipe's network; its weights are {given}, not {needed}")


def _check_range(
    value: float, name: str, least: float = -math.inf, above: float = -math.inf, most: float = 1e6
) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not (above < value and least <= value <= most):
        bounds = f"above {above:g}" if above > -math.inf else f"at least {least:g}"
        raise ValueError(f"{name} must be a number {bounds} and at most {most:g}, got {value!r}")
