"""Training by a recipe, once: the second call reads the model from the cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from helpers import cache
from helpers.contracts import check_labels, check_seed
from helpers.datasets.base import Dataset, Split, check_dataset, check_split
from helpers.errors import CacheError
from helpers.models import cnn
from helpers.models import recipes as recipes_module
from helpers.models.backend import keras, tf
from helpers.models.prediction import compiled, over_split
from helpers.models.recipes import Recipe, spine_recipe

ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {"course_cnn": cnn.course_cnn}

_SECONDS_BEFORE_A_BAR = 5
# Gradient steps between two returns to Python. Fewer cost time, more make the bar and a student's Ctrl-C sluggish.
_STEPS_AT_ONCE = 16


@dataclass(frozen=True)
class Trained:
    """A trained model and how it came about.

    Attributes
    ----------
    model : keras.Model
        The model, not compiled.
    history : pandas.DataFrame
        One row for each pass (or part, where the recipe counts steps): ``epoch``, ``steps`` so far, ``loss`` and
        ``accuracy`` on the training pictures while they were learned, and ``val_loss`` and ``val_accuracy`` where
        there was a validation split. Losses in nats.
    path : pathlib.Path
        Its file in the cache; there is none yet where the disk was full.
    seconds : float
        How long the training took when it took place.
    from_cache : bool
        Whether it was read, not trained, this time.
    """

    model: keras.Model
    history: pd.DataFrame
    path: Path
    seconds: float
    from_cache: bool


def load_or_train(recipe: Recipe, train: Split, validation: Split | None = None, *, classes: int) -> Trained:
    """The model of a recipe on these pictures: read from the cache, or else trained and put there.

    The cache knows a model by its recipe, its pictures and labels, the source code it was trained by and the version
    of Keras, so whoever asks for the same gets the same model. Two processes that ask at once train it once: the
    second waits. Where the file cannot be written, the trained model is handed back with a warning that says so.

    Parameters
    ----------
    recipe : Recipe
        How to train.
    train : Split
        What to fit on.
    validation : Split, optional
        What to watch the loss on after each pass; it has no influence on the weights.
    classes : int
        Number of classes K.

    Returns
    -------
    Trained
        Model, history, and where it came from.

    Raises
    ------
    TypeError
        If a split is none, or the recipe is none.
    ValueError
        If a split is empty, labels are out of range, pictures of the splits differ in shape, or the recipe names an
        unknown architecture.
    """
    check_training(recipe, train, validation, classes)
    path = model_path(recipe, train, validation, classes=classes)
    return read_or_fit(path, lambda: _fit(recipe, train, validation, classes))


def read_or_fit(path: Path, fit: Callable[[], tuple[keras.Model, pd.DataFrame]]) -> Trained:
    """The model of a file in the cache; where there is none that is whole, what `fit` trains, which is put there.

    Parameters
    ----------
    path : pathlib.Path
        A ``.keras`` file in the cache, whose name stands for all that the model depends on.
    fit : callable
        Trains the model and gives its history, as :class:`Trained` holds it.

    Returns
    -------
    Trained
        As from :func:`load_or_train`. Of two processes that ask at once the second waits.
    """
    with _one_process_at_a_time(path):
        if (found := _read(path)) is not None:
            return found
        started = time.perf_counter()
        model, history = fit()
        trained = Trained(model, history, path, time.perf_counter() - started, from_cache=False)
        _write(trained)
    return trained


def spine(dataset: Dataset, budget: str = "quick", seed: int = 0) -> Trained:
    """The classifier that goes through all notebooks: call this, and none trains what another has.

    Parameters
    ----------
    dataset : Dataset
        What to train on; its calibration split is watched, and has no influence on the weights.
    budget : {"quick", "full"}
        As in :func:`spine_recipe`.
    seed : int
        Seed of the recipe.

    Returns
    -------
    Trained
        As from :func:`load_or_train`.

    Raises
    ------
    TypeError
        If it is no data set: a split of one, or pictures.
    ValueError
        If `budget` is unknown or `seed` is none.
    """
    check_seed(seed)
    recipe = spine_recipe(check_dataset(dataset).name, budget, seed)
    return load_or_train(recipe, dataset.train, dataset.calibration, classes=len(dataset.class_names))


def model_path(recipe: Recipe, train: Split, validation: Split | None = None, *, classes: int) -> Path:
    """The cache's file for a model, whether it is there or not.

    Parameters
    ----------
    recipe, train, validation, classes
        As for :func:`load_or_train`.

    Returns
    -------
    pathlib.Path
        A ``.keras`` file; its history lies beside it, with the suffix ``.json``.
    """
    name = cache.key(
        recipe=asdict(recipe),
        train=split_digest(train),
        validation=split_digest(validation) if validation is not None else None,
        classes=classes,
        code=cache.code_version(cnn, recipes_module, sys.modules[__name__]),
        keras=keras.version(),
    )
    return cache.cache_directory() / "models" / f"{name}.keras"


def split_digest(split: Split) -> str:
    """Name the pictures and labels of a split.

    Parameters
    ----------
    split : Split
        Any.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(repr(split.pixels.shape).encode(), digest_size=16)
    for array in (split.pixels, split.labels):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_training(recipe: Recipe, train: Split, validation: Split | None, classes: int) -> None:
    """Refuse what cannot be trained.

    Parameters
    ----------
    recipe, train, validation, classes
        As for :func:`load_or_train`.

    Raises
    ------
    TypeError, ValueError
        As :func:`load_or_train`.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, such as models.spine_recipe(data.name), got {type(recipe).__name__}")
    if recipe.architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ValueError(f"unknown architecture {recipe.architecture!r}; there is {known}")
    given = {"train": train} if validation is None else {"train": train, "validation": validation}
    for name, split in given.items():
        if not len(check_split(split, name)):
            raise ValueError(f"the {name} split holds no pictures; load the data set with {name} of at least 1")
        check_labels(split.labels, len(split), classes, f"{name} labels")
        if split.pixels.shape[1:] != train.pixels.shape[1:]:
            raise ValueError(
                f"the {name} pictures have shape {split.pixels.shape[1:]} and the train pictures "
                f"{train.pixels.shape[1:]}; take both from one data set"
            )


# ---- training


def _fit(recipe: Recipe, train: Split, validation: Split | None, classes: int) -> tuple[keras.Model, pd.DataFrame]:
    model = build(recipe, train, classes)
    advance = _training_steps(model, recipe, train, sum(recipe.schedule(len(train))))
    if validation is None:
        return model, fit_in_parts(advance, recipe, len(train))
    watch = compiled(model)
    return model, fit_in_parts(
        advance, recipe, len(train), lambda: _validate(over_split(watch, validation, 512), validation.labels)
    )


def fit_in_parts(
    advance: Callable[[Any], Any], recipe: Recipe, pictures: int, watch: Callable[[], dict[str, float]] | None = None
) -> pd.DataFrame:
    """Take the steps of a recipe, with a bar.

    Parameters
    ----------
    advance : callable
        Row numbers of pictures, int32 (steps, batch), to the summed loss and the summed hits: takes these steps.
    recipe : Recipe
        Says how many steps, and from its seed in which order the pictures come.
    pictures : int
        Size of the training set.
    watch : callable, optional
        What to add to a row of the history when it is complete.

    Returns
    -------
    pandas.DataFrame
        The history, as :class:`Trained` holds it.
    """
    schedule = recipe.schedule(pictures)
    rows = []
    with _bar(sum(schedule)) as bar:
        for order in orders(recipe, pictures, schedule):
            totals = np.zeros(2)
            for start in range(0, len(order), _STEPS_AT_ONCE):
                part = order[start : start + _STEPS_AT_ONCE]
                totals += advance(tf.constant(part)).numpy()
                bar.update(len(part))
            row = {"loss": totals[0] / order.size, "accuracy": totals[1] / order.size}
            rows.append(row if watch is None else row | watch())
    history = pd.DataFrame(rows)
    history.insert(0, "epoch", np.arange(1, len(rows) + 1))
    history.insert(1, "steps", np.cumsum(schedule))
    return history


def _training_steps(model: keras.Model, recipe: Recipe, train: Split, steps: int) -> Callable[[Any], Any]:
    """Row numbers of pictures, (steps, batch), to summed loss and summed hits, by way of better weights.

    Not ``model.fit``: that spends four seconds of a small machine on tracing each member of an ensemble anew, with a
    warning about it, and a tf.data pipeline costs more than this lookup of pictures that are in memory anyway.
    """
    to_logits = cnn.logits_model(model)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps))
    optimizer.build(model.trainable_variables)
    pixels, labels = tf.constant(train.pixels), tf.constant(train.labels)

    def advance(order: Any) -> Any:
        totals = tf.zeros(2)
        for step in tf.range(tf.shape(order)[0]):
            images = tf.cast(tf.gather(pixels, order[step]), tf.float32) * np.float32(1 / 255)
            wanted = tf.gather(labels, order[step])
            with tf.GradientTape() as tape:
                logits = to_logits(images, training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits)
                loss = tf.reduce_mean(losses)
            optimizer.apply(tape.gradient(loss, model.trainable_variables))
            hits = tf.cast(tf.equal(tf.argmax(logits, axis=1), wanted), tf.float32)
            totals += tf.stack([tf.reduce_sum(losses), tf.reduce_sum(hits)])
        return totals

    return tf.function(advance).get_concrete_function(tf.TensorSpec((None, recipe.batch_size), tf.int32))


def _validate(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return {
        "val_loss": float(-np.log(np.maximum(of_truth, 1e-12)).mean()),  # a float32 probability may round to 0
        "val_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
    }


def build(recipe: Recipe, train: Split, classes: int) -> keras.Model:
    """The network of a recipe before its first step.

    Parameters
    ----------
    recipe, train, classes
        As for :func:`load_or_train`.

    Returns
    -------
    keras.Model
        With the initial weights of the recipe's seed.
    """
    shape = tuple(int(side) for side in train.pixels.shape[1:])
    return ARCHITECTURES[recipe.architecture](shape, classes, seed=recipe.seed, dropout=recipe.dropout)


def orders(recipe: Recipe, pictures: int, schedule: list[int]) -> Iterator[NDArray[np.int32]]:
    """Which pictures come in which step.

    Parameters
    ----------
    recipe : Recipe
        Its seed draws the order.
    pictures : int
        Size of the training set.
    schedule : list of int
        Steps of each row of the history.

    Yields
    ------
    numpy.ndarray of int32, shape (steps, batch)
        Row numbers, once for each entry of `schedule`.
    """
    # One endless stream of reshuffled passes, cut into batches. A pass ends inside a batch, so every step has a full
    # batch, and a set smaller than a batch is shown several times in one.
    rng = np.random.default_rng(np.random.SeedSequence((recipe.seed, 0x0DE2)))
    waiting = np.empty(0, np.int32)
    for steps in schedule:
        needed = steps * recipe.batch_size
        passes = max(0, -(-(needed - len(waiting)) // pictures))
        waiting = np.concatenate([waiting, *(rng.permutation(pictures).astype(np.int32) for _ in range(passes))])
        yield waiting[:needed].reshape(steps, recipe.batch_size)
        waiting = waiting[needed:]


def _bar(steps: int) -> tqdm:
    # Plain text on the output stream: a notebook shows it white, not red, and needs no widget to keep it in a file.
    return tqdm(
        total=steps, desc="training", unit="step", delay=_SECONDS_BEFORE_A_BAR, leave=False, file=sys.stdout, ncols=80
    )


# ---- the cache


@contextlib.contextmanager
def _one_process_at_a_time(path: Path) -> Iterator[None]:
    lock = filelock.FileLock(path.with_suffix(".lock"))
    with contextlib.suppress(OSError):  # a folder that cannot be written to: nothing to guard, and _write will say so
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _read(path: Path) -> Trained | None:
    record = path.with_suffix(".json")
    if not path.exists():
        return None
    try:
        stored = json.loads(record.read_text())
        if stored["digest"] != _file_digest(path):
            raise ValueError("its digest is not the one that was noted when it was written")
        history = pd.DataFrame(stored["history"])
        seconds = float(stored["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        warnings.warn(f"the cached model {path} is damaged ({error}) and is trained again", stacklevel=4)
        return None
    return Trained(keras.saving.load_model(path, compile=False), history, path, seconds, from_cache=True)


def _write(trained: Trained) -> None:
    try:
        with cache.written_whole(trained.path) as temporary:
            trained.model.save(temporary)
            record = {
                "digest": _file_digest(temporary),
                "seconds": trained.seconds,
                "history": trained.history.to_dict(orient="list"),
            }
            with cache.written_whole(trained.path.with_suffix(".json")) as temporary_record:
                temporary_record.write_text(json.dumps(record))
    except CacheError as error:
        warnings.warn(
            f"the model is trained and you can go on, but it will be trained again next time: {error}", stacklevel=4
        )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
