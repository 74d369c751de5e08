"""What a notebook hands to its companion in another environment: predictions, pictures and the model, as files.

Both sides use this module: the companion's environment holds this package, too. A manifest with the digest of every
file is taken away first and written last, so that a hand-over is read whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.cache import build_directory, written_whole
from helpers.errors import CourseError

if TYPE_CHECKING:
    import keras

_MANIFEST = "handover.json"
_TABLE, _PICTURES, _MODEL = "predictions.csv", "pictures.npz", "model.keras"
_OWN = ("picture", "label", "score")


@dataclass(frozen=True)
class Handover:
    """What was handed over.

    Attributes
    ----------
    predictions : pandas.DataFrame
        One row per picture: ``picture`` (its row in ``pixels``), ``label`` (0 or 1), ``score`` (the probability of 1,
        to the last bit) and a column for each grouping, as ``tones`` or ``light``.
    pixels : numpy.ndarray of uint8, shape (N, H, W, C)
        The pictures.
    model : pathlib.Path
        The model in Keras's own format: pictures in [0, 1] in, probabilities (N, 2) out.
    """

    predictions: pd.DataFrame
    pixels: NDArray[np.uint8]
    model: Path


def handover_directory(notebook: str) -> Path:
    """Where the hand-over of a notebook lies.

    Parameters
    ----------
    notebook : str
        Its name, as ``08_fairness``.

    Returns
    -------
    pathlib.Path
        ``handover/NAME`` in the build folder; it need not exist yet.
    """
    return build_directory() / "handover" / notebook


def write_handover(notebook: str, predictions: pd.DataFrame, pixels: NDArray[np.uint8], model: keras.Model) -> Path:
    """Write what the companion of a notebook reads, in place of an earlier one.

    Parameters
    ----------
    notebook : str
        Its name, as ``08_fairness``.
    predictions : pandas.DataFrame
        As in :class:`Handover`, with at least one grouping.
    pixels : numpy.ndarray of uint8, shape (N, H, W, C)
        The pictures.
    model : keras.Model
        The model that gave the scores.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If the table or the pictures are not what they must be.
    helpers.errors.CacheError
        If a file cannot be written.
    """
    from helpers.models import save_keras  # TensorFlow, which only this side of the hand-over needs here

    _check_pictures(pixels)
    _check_table(predictions, len(pixels))
    folder = handover_directory(notebook)
    (folder / _MANIFEST).unlink(missing_ok=True)
    exact = predictions.astype({"score": np.float64})
    with written_whole(folder / _TABLE) as file:
        exact.to_csv(file, index=False)  # pandas writes float64 so that reading gives the same bits
    with written_whole(folder / _PICTURES) as file:
        np.savez_compressed(file, pixels=pixels)
    save_keras(model, folder / _MODEL)
    digests = {name: _digest(folder / name) for name in (_TABLE, _PICTURES, _MODEL)}
    with written_whole(folder / _MANIFEST) as file:
        file.write_text(json.dumps(digests, indent=1), encoding="utf-8")
    return folder


def read_handover(notebook: str) -> Handover:
    """Read what a notebook handed over.

    Parameters
    ----------
    notebook : str
        Its name, as ``08_fairness``.

    Returns
    -------
    Handover
        Table, pictures, and where the model lies.

    Raises
    ------
    helpers.errors.CourseError
        If there is none, or one that is not whole.
    """
    folder = handover_directory(notebook)
    number = notebook.partition("_")[0]
    again = f"Run notebook {number} to its end (in a terminal: vigilant run {number}), then this one again."
    try:
        digests = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        changed = [name for name, digest in digests.items() if _digest(folder / name) != digest]
    except FileNotFoundError:
        raise CourseError(f"nothing whole has been handed over by {notebook} in {folder}. {again}") from None
    if changed:
        raise CourseError(f"{', '.join(changed)} in {folder} changed after {notebook} handed it over. {again}")
    table = pd.read_csv(folder / _TABLE, dtype={"score": str}, keep_default_na=False)
    table["score"] = table["score"].map(float)  # Python reads to the last bit; pandas before 3 does not
    with np.load(folder / _PICTURES) as file:
        pixels = file["pixels"]
    return Handover(table, pixels, folder / _MODEL)


def _check_pictures(pixels: NDArray[np.uint8]) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 4:
        raise ValueError(
            f"the pictures are {pixels.dtype} of shape {pixels.shape}; expected uint8 of shape (N, H, W, C): hand over "
            "`split.pixels`"
        )


def _check_table(predictions: pd.DataFrame, count: int) -> None:
    if missing := [name for name in _OWN if name not in predictions]:
        raise ValueError(f"the table has no column {', '.join(missing)}; it needs {', '.join(_OWN)} and the groupings")
    groupings = [name for name in predictions if name not in _OWN]
    if not groupings:
        raise ValueError("the table has no grouping: add a column such as 'tones' or 'light'")
    if holes := [str(name) for name in predictions if predictions[name].isna().any()]:
        raise ValueError(f"the column {', '.join(holes)} has rows without a value; leave these rows out, or name them")
    if not predictions["label"].isin([0, 1]).all():
        raise ValueError("the column 'label' holds something else than 0 and 1; give 1 where the answer is yes")
    if not predictions["score"].between(0, 1).all():
        raise ValueError("the column 'score' leaves [0, 1]; give the probability of label 1")
    if not predictions["picture"].is_unique or not predictions["picture"].isin(range(count)).all():
        raise ValueError(
            f"the column 'picture' must name each of the {count} pictures at most once, by its row from 0 on"
        )


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
