"""What flows between the rooms of this package, and the sentences in which anything else is refused.

NumPy alone is needed here, so that the service can use it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Images = NDArray[np.float32]
"""Pictures outside a model: shape (N, H, W, C), in [0, 1]."""
Labels = NDArray[np.int64]
"""One class for each picture: shape (N,), in [0, K)."""
Probabilities = NDArray[np.float32]
"""What a classifier says: shape (N, K), each row sums to 1."""
Predict = Callable[[Images], Probabilities]
"""A model as a function, whatever it is made with: Keras, torch, ONNX, a running server."""

LARGEST_SEED = 2**32 - 1
"""Where scikit-learn and NumPy's older generators end; one end for all, so that none refuses in the middle of a run."""
LARGEST_RUN_SEED = 10**8
"""Where the seed of a whole notebook ends: what it derives from it (``1000 + 5 * seed``) is a seed, too."""


def check_images(images: NDArray, name: str = "images") -> NDArray[np.float32]:
    """Refuse what is not float pictures in [0, 1], with a sentence that says what to do.

    Parameters
    ----------
    images : numpy.ndarray
        What a function was given as pictures.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float32, shape (N, H, W, C)
        The same pictures.

    Raises
    ------
    TypeError
        If it is not a NumPy array of floats (uint8 pixels, for instance).
    ValueError
        If the shape is not (N, H, W, C), nothing is in it, or a value is NaN or outside [0, 1].
    """
    if not isinstance(images, np.ndarray) or not np.issubdtype(images.dtype, np.floating):
        given = f"{images.dtype} array" if isinstance(images, np.ndarray) else type(images).__name__
        raise TypeError(
            f"{name} must be a float32 array in [0, 1], got a {given}. "
            "From uint8 pixels: split.images, or helpers.datasets.to_unit_range(pixels)."
        )
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"{name} must have shape (N, H, W, C) with N of at least 1, got {images.shape}. "
            "One picture needs picture[None]."
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # also catches NaN
        raise ValueError(
            f"{name} must lie in [0, 1], got {low:.4g} to {high:.4g}. Divide pixels by 255 once, and look for NaN."
        )
    return images.astype(np.float32, copy=False)


def check_labels(labels: NDArray, n: int, classes: int | None = None, name: str = "labels") -> NDArray[np.int64]:
    """Refuse what is not one integer class per picture.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (N,)
        What a function was given as labels.
    n : int
        How many there must be.
    classes : int, optional
        How many classes there are; labels must lie in [0, classes).
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of int64, shape (N,)
        The same labels.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If there are not `n`, or one is out of range.
    """
    array = np.asarray(labels)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be integers, got {array.dtype}. From one-hot rows: rows.argmax(axis=1).")
    if array.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), one per picture, got {array.shape}")
    if classes is not None and n and not (array.min() >= 0 and array.max() < classes):
        raise ValueError(f"{name} must lie in 0..{classes - 1} for {classes} classes, got {array.min()}..{array.max()}")
    return array.astype(np.int64, copy=False)


def check_probabilities(probabilities: NDArray, name: str = "probabilities") -> NDArray[np.floating]:
    """Refuse what is not rows of probabilities.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape (N, K)
        What a function was given as probabilities.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float, shape (N, K)
        The same array; its precision is kept.

    Raises
    ------
    TypeError
        If they are not floats.
    ValueError
        If the shape is not (N, K) with K of at least 2, a value is NaN or outside [0, 1], or a row does not sum to 1.
    """
    array = np.asarray(probabilities)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} must be floats, got {array.dtype}")
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] < 2:
        raise ValueError(f"{name} must have shape (N, K) with N of at least 1 and K of at least 2, got {array.shape}")
    if not (array.min() >= 0 and array.max() <= 1 + 1e-6):
        raise ValueError(
            f"{name} must lie in [0, 1], got {array.min():.4g} to {array.max():.4g}. Are these logits? Apply a softmax."
        )
    worst = float(np.abs(array.sum(axis=1, dtype=np.float64) - 1).max())
    if worst > 1e-3:
        raise ValueError(
            f"each row of {name} must sum to 1, one is off by {worst:.3g}. Are these logits? Apply a softmax."
        )
    return array


def check_fits(images: NDArray[Any], input_shape: Sequence[object], name: str = "images") -> NDArray[Any]:
    """Refuse pictures of another size than the model was made for.

    Parameters
    ----------
    images : numpy.ndarray, shape (N, H, W, C)
        The pictures.
    input_shape : sequence
        The model's input shape, batch first; what is not an integer stands for any size.
    name : str
        How the message calls the pictures.

    Returns
    -------
    numpy.ndarray
        The same pictures.

    Raises
    ------
    ValueError
        If height, width or channels differ.
    """
    expected = tuple(side if isinstance(side, int) else None for side in input_shape[1:])
    given = images.shape[1:]
    if len(given) != len(expected) or any(want not in (None, side) for want, side in zip(expected, given, strict=True)):
        wanted = ", ".join("any" if side is None else str(side) for side in expected)
        raise ValueError(
            f"{name} must have shape (N, {wanted}) for this model, got {images.shape}. "
            "Was it trained on another data set?"
        )
    return images


def check_logits(logits: ArrayLike, name: str = "logits") -> NDArray[np.float64]:
    """Logits as float64, refused where they cannot be any.

    Parameters
    ----------
    logits : array_like of float, shape (N, K)
        What a function was given as logits.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        The same numbers.

    Raises
    ------
    TypeError
        If they are not floats.
    ValueError
        If the shape is not (N, K) with K of at least 2, or a value is NaN or infinite.
    """
    array = np.asarray(logits)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} must be floats, got {array.dtype}")
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] < 2:
        raise ValueError(f"{name} must have shape (N, K) with N of at least 1 and K of at least 2, got {array.shape}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array).all(axis=1)).sum())
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {bad} of {len(array)} rows. Did training diverge?"
        )
    return array.astype(np.float64, copy=False)


def check_answers(answers: ArrayLike, n: int, name: str = "predict") -> NDArray[np.floating]:
    """Refuse what a predict function gave, where it is not one row of finite numbers for each picture.

    Parameters
    ----------
    answers : array_like of float, shape (n, K)
        What it gave: probabilities or logits.
    n : int
        How many pictures it was given.
    name : str
        How the message calls the function.

    Returns
    -------
    numpy.ndarray of float, shape (n, K)
        The same array; its precision is kept.

    Raises
    ------
    ValueError
        If they are not floats, the shape is not (n, K), or a value is NaN or infinite.
    """
    array = np.asarray(answers)
    if array.ndim != 2 or len(array) != n or not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"{name} must give floats of shape ({n}, K) for {n} pictures, it gave {array.dtype} of shape "
            f"{array.shape}. For a Keras model: models.predict_function(model), or for logits "
            "models.predict_function(models.logits_model(model))"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} gave NaN or infinity; look at the model's weights")
    return array


def check_scores(scores: ArrayLike, name: str = "scores") -> NDArray[np.float64]:
    """One finite number per picture, as float64.

    Parameters
    ----------
    scores : array_like of float, shape (N,)
        What a function was given.
    name : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray of float64, shape (N,)
        The same numbers.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If the shape is not (N,) with N of at least 1, or a value is NaN or infinite.
    """
    array = np.asarray(scores)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have shape (N,) with N of at least 1, one per picture, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {int((~np.isfinite(array)).sum())} of {array.size}"
        )
    return array.astype(np.float64, copy=False)


def check_correct(correct: ArrayLike, n: int) -> NDArray[np.bool_]:
    """One bool per picture, whether its answer is right.

    Parameters
    ----------
    correct : array_like of bool, shape (N,)
        What a function was given.
    n : int
        How many there must be.

    Returns
    -------
    numpy.ndarray of bool, shape (N,)
        The same values.

    Raises
    ------
    TypeError
        If they are not bool.
    ValueError
        If there are not `n`.
    """
    array = np.asarray(correct)
    if array.dtype != bool:
        raise TypeError(
            f"correct must be bool, got {array.dtype}. From probabilities: probabilities.argmax(axis=1) == labels"
        )
    if array.shape != (n,):
        raise ValueError(f"correct must have shape ({n},), one per confidence, got {array.shape}")
    return array


def check_share(value: float, name: str) -> float:
    """A number strictly between 0 and 1.

    Parameters
    ----------
    value : float
        What a function was given.
    name : str
        How the message calls it.

    Returns
    -------
    float
        The same number.

    Raises
    ------
    ValueError
        If it is not inside (0, 1).
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value}. Ten percent is 0.1.")
    return float(value)


def check_count(value: int, name: str) -> int:
    """A whole number of at least 1.

    Parameters
    ----------
    value : int
        What a function was given.
    name : str
        How the message calls it.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def check_seed(value: int, largest: int = LARGEST_SEED) -> int:
    """A seed that every library of the course takes.

    Parameters
    ----------
    value : int
        What a function was given as seed.
    largest : int
        Where seeds end; the seed of a whole notebook ends at :data:`LARGEST_RUN_SEED`.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is not a whole number from 0 to `largest`.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 0 <= value <= largest:
        raise ValueError(f"seed must be a whole number from 0 to {largest:,}, got {value!r}")
    return int(value)


def rng_of(picture: NDArray[np.float32], seed: int) -> np.random.Generator:
    """A generator that belongs to a picture: the same whatever stands beside it, another one if a pixel changes.

    Parameters
    ----------
    picture : numpy.ndarray of float32, shape (H, W, C)
        The picture.
    seed : int
        Seed, at least 0.

    Returns
    -------
    numpy.random.Generator
        Newly made.

    Raises
    ------
    ValueError
        If the seed is out of range.
    """
    import hashlib  # here, so that whoever only checks arrays loads what NumPy loads and no more

    check_seed(seed)
    digest = hashlib.blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=8).digest()
    return np.random.default_rng((seed, int.from_bytes(digest, "little")))
