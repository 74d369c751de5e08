"""Drawn pictures as arrays by name, and on disk: uncompressed, whole or not at all, checked when they are read."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers import cache

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_arrays(plans: Sequence[DataclassInstance], drawn: Sequence[Any]) -> dict[str, NDArray]:
    """Chunks one after the other, as arrays by name: what is stored.

    Parameters
    ----------
    plans : sequence of dataclass
        What was decided about each chunk, an array in each field.
    drawn : sequence of named tuple
        What was drawn of it, an array in each field.

    Returns
    -------
    dict of str to numpy.ndarray
        One row for each picture; fields of the plans have ``plan.`` before their name.
    """
    columns = {f"plan.{field.name}": [getattr(plan, field.name) for plan in plans] for field in fields(plans[0])}
    columns |= {name: [getattr(part, name) for part in drawn] for name in drawn[0]._fields}
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def write(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """Write arrays to one file.

    Parameters
    ----------
    path : pathlib.Path
        A name that ends in ``.npz``.
    arrays : mapping of str to numpy.ndarray
        What to write, by name; bool arrays are packed, eight to a byte.

    Raises
    ------
    helpers.errors.CacheError
        If the disk is full or the folder cannot be written; nothing half-written is left.
    """
    packed = {}
    for name, array in arrays.items():
        if array.dtype == bool:
            packed[f"{name}.shape"], packed[f"{name}.bits"] = np.asarray(array.shape), np.packbits(array)
        else:
            packed[name] = array
    with cache.written_whole(path) as temporary:
        np.savez(temporary, **packed)  # type: ignore[arg-type]


def read(path: Path) -> dict[str, NDArray] | None:
    """Read what :func:`write` wrote.

    Parameters
    ----------
    path : pathlib.Path
        The file's name.

    Returns
    -------
    dict of str to numpy.ndarray, or None
        None if there is no such file, or if it is damaged: then a warning says so and the file is deleted.

    Notes
    -----
    The file is a ZIP archive, whose reader compares each array with its CRC-32 checksum.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return _unpacked({name: archive[name] for name in archive.files})
    except Exception as error:  # a damaged file may fail in any way at all; whatever it is, drawing again heals it
        reason = " ".join(str(error).split()) or type(error).__name__
        warnings.warn(f"{path.name} in the cache is damaged ({reason}): it is drawn again.", stacklevel=4)
        path.unlink(missing_ok=True)
        return None


def _unpacked(arrays: dict[str, NDArray]) -> dict[str, NDArray]:
    result = {name: array for name, array in arrays.items() if not name.endswith((".bits", ".shape"))}
    for name in [name.removesuffix(".bits") for name in arrays if name.endswith(".bits")]:
        shape = tuple(arrays[f"{name}.shape"])
        bits = np.unpackbits(arrays[f"{name}.bits"], count=int(np.prod(shape)))
        result[name] = bits.view(bool).reshape(shape)
    return result
