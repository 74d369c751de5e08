"""From labelled pictures to the three splits of a data set: sizes, held-out classes, no picture twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.contracts import check_seed
from helpers.datasets.base import Dataset, Split
from helpers.errors import DatasetError

MOST_PICTURES = 200_000
"""The largest split that can be asked for: 0.6 GB of 32x32 RGB pixels."""


@dataclass(frozen=True)
class Part:
    """Labelled pictures that are yet to be divided.

    Attributes
    ----------
    pixels : numpy.ndarray of uint8, shape (N, H, W, C)
        The pictures.
    labels : numpy.ndarray of int64, shape (N,)
        Their classes.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pixels)

    def rows(self, chosen: NDArray) -> Part:
        """Take some of the pictures.

        Parameters
        ----------
        chosen : numpy.ndarray of int or bool
            Which, as NumPy would index them.

        Returns
        -------
        Part
            These pictures, in the order of `chosen`.
        """
        return Part(self.pixels[chosen], self.labels[chosen])


def check_size(name: str, size: Any) -> None:
    """Refuse a number of pictures that is not a whole number from 1 to `MOST_PICTURES`.

    Parameters
    ----------
    name : str
        What the number is called: ``"train"``, ``"calibration"``, ``"test"``.
    size : int or None
        The number; None means "the default" and passes.

    Raises
    ------
    DatasetError
        If it is anything else.
    """
    if size is None:
        return
    if isinstance(size, bool) or not isinstance(size, Integral):
        raise DatasetError(f"{name} must be a whole number of pictures, got {size!r} ({type(size).__name__})")
    if size < 1:
        raise DatasetError(f"{name} must be at least 1 picture, got {size}. Leave it out for the default size.")
    if int(size) > MOST_PICTURES:
        raise DatasetError(
            f"{name} can be at most {MOST_PICTURES:,} pictures, got {size:,}: no data set of the course has more, and "
            "what is drawn must fit in memory."
        )


def one_pool(
    name: str,
    class_names: Sequence[str],
    pool: Part,
    requested: Mapping[str, int | None],
    defaults: Mapping[str, int],
    seed: int,
    classes: Iterable[int] | None = None,
) -> Dataset:
    """Divide pictures that come without an official test set.

    Parameters
    ----------
    name : str
        Name of the data set.
    class_names : sequence of str
        Name of class 0, 1, ...
    pool : Part
        All pictures. A picture that stands there twice is used once.
    requested, defaults : mapping of str to int
        Sizes of ``"train"``, ``"calibration"`` and ``"test"``; None in `requested` means the default, or
        its share where the data set holds fewer pictures than all defaults need.
    seed : int
        Decides which picture goes where.
    classes : iterable of int, optional
        Classes to keep; the others make up `Dataset.unseen`.

    Returns
    -------
    Dataset
        Each class has the same share of every split as it has of the pool, to within one picture.

    Raises
    ------
    DatasetError
        If sizes, seed or classes cannot be met.
    """
    kept, held_out = _divide_classes(name, class_names, classes)
    pool = pool.rows(_first_appearances(pool.pixels))
    inside = _relabelled(pool, kept)
    sizes = _sizes(name, requested, defaults, len(inside))
    order = _stratified_order(inside.labels, np.random.default_rng(check_seed(seed)))
    # The test split comes first, so that it stays the same whatever the sizes of the others.
    bounds = np.cumsum([sizes["test"], sizes["calibration"], sizes["train"]])
    test, calibration, train = (inside.rows(rows) for rows in np.split(order[: bounds[-1]], bounds[:-1]))
    return _dataset(name, class_names, kept, held_out, train, calibration, test, pool)


def official_parts(
    name: str,
    class_names: Sequence[str],
    train_part: Part,
    test_part: Part,
    requested: Mapping[str, int | None],
    defaults: Mapping[str, int],
    seed: int,
    classes: Iterable[int] | None = None,
) -> Dataset:
    """Divide pictures that come with an official test set, and keep that boundary.

    Parameters
    ----------
    name : str
        Name of the data set.
    class_names : sequence of str
        Name of class 0, 1, ...
    train_part : Part
        The official training pictures: train and calibration splits come from here. A picture that also
        stands in the test part, or stands here twice, is left out the second time.
    test_part : Part
        The official test pictures: the test split comes from here, and so do pictures of unseen classes.
    requested, defaults : mapping of str to int
        Sizes of ``"train"``, ``"calibration"`` and ``"test"``; None in `requested` means the default, or
        its share where the data set holds fewer pictures than all defaults need.
    seed : int
        Decides which pictures are taken.
    classes : iterable of int, optional
        Classes to keep; the others make up `Dataset.unseen`.

    Returns
    -------
    Dataset
        Each class has the same share of every split as it has of its part, to within one picture.

    Raises
    ------
    DatasetError
        If sizes, seed or classes cannot be met.
    """
    kept, held_out = _divide_classes(name, class_names, classes)
    train_part = train_part.rows(_first_appearances(train_part.pixels, earlier=test_part.pixels))
    inside, inside_test = _relabelled(train_part, kept), _relabelled(test_part, kept)
    fitting = {part: requested[part] for part in ("train", "calibration")}
    sizes = _sizes(name, fitting, defaults, len(inside)) | _sizes(
        name, {"test": requested["test"]}, defaults, len(inside_test)
    )
    rng, test_rng = np.random.default_rng(check_seed(seed)).spawn(2)
    order = _stratified_order(inside.labels, rng)[: sizes["calibration"] + sizes["train"]]
    calibration, train = (inside.rows(rows) for rows in np.split(order, [sizes["calibration"]]))
    test = inside_test.rows(_stratified_order(inside_test.labels, test_rng)[: sizes["test"]])
    return _dataset(name, class_names, kept, held_out, train, calibration, test, test_part)


def _divide_classes(
    name: str, class_names: Sequence[str], classes: Iterable[int] | None
) -> tuple[list[int], list[int]]:
    every = list(range(len(class_names)))
    if classes is None:
        return every, []
    expected = f"{name} has classes 0 to {every[-1]}; give at least two of them, such as classes=range({every[-1]})"
    try:
        given = list(classes)
    except TypeError:
        raise DatasetError(f"classes must be a list of whole numbers, got {classes!r}. {expected}") from None
    wrong = [c for c in given if isinstance(c, bool) or not isinstance(c, Integral) or c not in every]
    if wrong or len(set(given)) != len(given) or len(given) < 2:
        raise DatasetError(f"classes={given!r} cannot be met. {expected}, none twice.")
    kept = sorted(int(c) for c in given)
    return kept, [c for c in every if c not in kept]


def _first_appearances(pixels: NDArray[np.uint8], earlier: NDArray[np.uint8] | None = None) -> NDArray[np.intp]:
    """Find the rows of `pixels` whose picture stands neither in `earlier` nor in a row before."""
    seen = set() if earlier is None else {_digest(picture) for picture in earlier}
    first = []
    for row, picture in enumerate(pixels):
        digest = _digest(picture)
        if digest not in seen:
            seen.add(digest)
            first.append(row)
    return np.array(first, dtype=np.intp)


def _digest(picture: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16).digest()


def _relabelled(part: Part, classes: list[int]) -> Part:
    """Keep the pictures of some classes, labelled 0, 1, ... in the order of `classes`."""
    new = {old: label for label, old in enumerate(classes)}
    if len(new) == 1 + max(classes) and set(np.unique(part.labels)) <= set(new):
        return part  # nothing to leave out or rename: spare a copy of all pictures
    chosen = np.flatnonzero(np.isin(part.labels, classes))
    labels = np.array([new[int(label)] for label in part.labels[chosen]], dtype=np.int64)
    return Part(part.pixels[chosen], labels)


def _sizes(
    name: str, requested: Mapping[str, int | None], defaults: Mapping[str, int], available: int
) -> dict[str, int]:
    """Settle sizes of splits that share `available` pictures; defaults shrink in proportion where these are few."""
    for part, size in requested.items():
        check_size(part, size)
    share = min(1.0, available / sum(defaults[part] for part in requested))
    sizes = {part: int(defaults[part] * share) if size is None else int(size) for part, size in requested.items()}
    if sum(sizes.values()) > available or min(sizes.values()) < 1:
        asked = " + ".join(
            f"{part} {size:,}{' (default)' if requested[part] is None else ''}" for part, size in sizes.items()
        )
        raise DatasetError(
            f"{name}: asked for {asked}, but there are {available:,} pictures for {' and '.join(sizes)} together, and "
            "each needs at least one. Ask for other sizes."
        )
    return sizes


def _stratified_order(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw a random order in which every stretch holds the classes in their proportions."""
    position = np.empty(len(labels))
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        position[rows] = (np.arange(len(rows)) + rng.random(len(rows))) / len(rows)
    return np.argsort(position, kind="stable")


def _dataset(
    name: str,
    class_names: Sequence[str],
    kept: list[int],
    held_out: list[int],
    train: Part,
    calibration: Part,
    test: Part,
    outside: Part,
) -> Dataset:
    unseen = None
    if held_out:
        strangers = _relabelled(outside, held_out)
        unseen = _split(Part(strangers.pixels, strangers.labels + len(kept)))
    return Dataset(
        name=name,
        class_names=tuple(class_names[c] for c in kept),
        train=_split(train),
        calibration=_split(calibration),
        test=_split(test),
        unseen=unseen,
        unseen_names=tuple(class_names[c] for c in held_out),
    )


def _split(part: Part) -> Split:
    return Split(np.ascontiguousarray(part.pixels), part.labels, pd.DataFrame(index=range(len(part))))
