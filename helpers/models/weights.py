"""Which weights a model has: what a record says that it measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest(*models: Any) -> str:
    """Name the weights of a model, or of several that answer together.

    Parameters
    ----------
    *models : keras.Model, torch.nn.Module or anything made of scikit-learn's estimators
        The model; the members, in their order, of an ensemble.

    Returns
    -------
    str
        16 hexadecimal digits: of the weights in the order of the layers, with their shapes and types; of scikit-learn's
        estimators all that was fitted. A model that was saved and loaded keeps its digest; one that was trained again
        has it where training gave the same weights to the last bit.

    Raises
    ------
    TypeError
        If no model is given.
    """
    if not models:
        raise TypeError("digest needs at least one model")
    total = hashlib.sha256()
    for model in models:
        for part in _parts(model):
            total.update(part)
    return total.hexdigest()[:16]


def _parts(value: Any) -> Iterator[bytes]:
    """What a model is made of. A pickle will not do: it depends on which of its parts are one and the same object."""
    if hasattr(value, "get_weights"):
        yield from (part for array in value.get_weights() for part in _numbers(array))
    elif hasattr(value, "state_dict"):
        tensors = value.state_dict().values()
        yield from (part for tensor in tensors for part in _numbers(tensor.detach().cpu().numpy()))
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        # A field at a time: what fills the gaps between the fields of a tree's nodes is nobody's.
        for field in value.dtype.names or [None]:
            yield from _numbers(value if field is None else value[field])
    elif value is None or isinstance(value, (str, bytes, int, float, complex, np.generic)):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    elif isinstance(value, (Mapping, Set)):
        inside = value.items() if isinstance(value, Mapping) else value
        yield from _several(type(value).__name__, sorted(inside, key=repr))
    elif isinstance(value, (list, tuple, np.ndarray)):
        yield from _several(type(value).__name__, list(value))
    else:  # any other object: the class that it is made by and what is put into it
        made = value.__reduce_ex__(4)
        yield from _parts(made if isinstance(made, str) else [list(p) if isinstance(p, Iterator) else p for p in made])


def _several(kind: str, values: Sequence[Any]) -> Iterator[bytes]:
    yield f"{kind} of {len(values)}".encode()
    for value in values:
        yield from _parts(value)


def _numbers(array: NDArray[Any]) -> Iterator[bytes]:
    yield f"{array.dtype.str} {array.shape}".encode()
    yield np.ascontiguousarray(array).tobytes()
