"""Which weights a model has: what a record says that it measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np


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


def _parts(model: Any) -> Iterator[bytes]:
    if hasattr(model, "get_weights"):
        arrays = model.get_weights()
    elif hasattr(model, "state_dict"):
        arrays = [tensor.detach().cpu().numpy() for tensor in model.state_dict().values()]
    else:
        import joblib

        yield str(joblib.hash(model)).encode()
        return
    for array in arrays:
        yield f"{array.dtype.str} {array.shape}".encode()
        yield np.ascontiguousarray(array).tobytes()
