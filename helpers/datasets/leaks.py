"""Is a picture in more than one split? The first thing to ask of a good test result."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from helpers.datasets.base import Dataset


@dataclass(frozen=True)
class SharedPicture:
    """One picture that stands in more than one split.

    Attributes
    ----------
    digest : str
        Hash of its pixels, 32 hexadecimal digits.
    places : tuple of (str, int)
        Split and row of every place where it stands.
    """

    digest: str
    places: tuple[tuple[str, int], ...]


def shared_pictures(dataset: Dataset) -> list[SharedPicture]:
    """Pictures that stand, pixel for pixel, in more than one split.

    Finds exact copies only: a picture that was shifted, rescaled or saved anew has another hash.

    Parameters
    ----------
    dataset : Dataset
        Its train, calibration, test and, where there is one, unseen split are compared.

    Returns
    -------
    list of SharedPicture
        Empty if no two splits share a picture; else in the order of first appearance.
    """
    splits = {"train": dataset.train, "calibration": dataset.calibration, "test": dataset.test}
    if dataset.unseen is not None:
        splits["unseen"] = dataset.unseen
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name, split in splits.items():
        for row, digest in enumerate(split.hashes()):
            places[digest].append((name, row))
    return [
        SharedPicture(digest, tuple(where))
        for digest, where in places.items()
        if len({split for split, _ in where}) > 1
    ]
