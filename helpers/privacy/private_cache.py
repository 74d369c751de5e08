"""Private networks that are trained once: the second call reads them from the cache."""

from __future__ import annotations

import contextlib
import json
import warnings
import zipfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd
import torch

from helpers import cache
from helpers.contracts import check_labels
from helpers.datasets.base import Split, check_split
from helpers.errors import CacheError
from helpers.privacy import accounting, dp_training, private_loader, private_network
from helpers.privacy.accounting import PrivacySpent
from helpers.privacy.dp_training import PrivatelyTrained, PrivateRecipe
from helpers.privacy.private_network import TanhCNN

_RECORD = "record"


def load_or_train_private(recipe: PrivateRecipe, train: Split, *, classes: int) -> PrivatelyTrained:
    """The private network of a recipe on these pictures: read from the cache, or else trained and put there.

    Reading it again costs no privacy: the same network is published once. Two processes that ask at once train it
    once. Where the file cannot be written, the trained network is handed back with a warning that says so.

    Parameters
    ----------
    recipe : PrivateRecipe
        How to train.
    train : Split
        What to train on.
    classes : int
        Number of classes K.

    Returns
    -------
    PrivatelyTrained
        As from :func:`~helpers.privacy.train_privately`.

    Raises
    ------
    TypeError, ValueError
        As :func:`~helpers.privacy.train_privately`, and for what is no split or no recipe.
    """
    if not isinstance(recipe, PrivateRecipe):
        raise TypeError(f"recipe must be a PrivateRecipe, such as PrivateRecipe(epsilon=3), got {recipe!r}")
    check_labels(check_split(train, "train").labels, len(train), classes, "train labels")
    path = _path(recipe, train, classes)
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # a folder that cannot be written to: nothing to guard, _write will say so
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(filelock.FileLock(path.with_suffix(".lock")))
        if (found := _read(path, train, classes)) is not None:
            return found
        trained = dp_training.train_privately(train.images, train.labels, recipe, classes=classes)
        _write(path, trained)
    return trained


def _path(recipe: PrivateRecipe, train: Split, classes: int) -> Path:
    name = cache.key(
        recipe=asdict(recipe),
        pictures=train.hashes(),
        labels=train.labels.tolist(),
        classes=classes,
        code=cache.code_version(accounting, dp_training, private_loader, private_network),
        libraries=[version("torch"), version("opacus")],
    )
    return cache.cache_directory() / "private" / f"{name}.npz"


def _read(path: Path, train: Split, classes: int) -> PrivatelyTrained | None:
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        record = json.loads(str(arrays.pop(_RECORD)))
        height, width, channels = train.pixels.shape[1:]
        network = TanhCNN((height, width, channels), classes)
        network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        return PrivatelyTrained(network, PrivacySpent(**record["spent"]), pd.DataFrame(record["history"]))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile) as error:
        warnings.warn(f"the cached network {path} is damaged ({error}) and is trained again", stacklevel=3)
        return None


def _write(path: Path, trained: PrivatelyTrained) -> None:
    record = {"spent": asdict(trained.spent), "history": trained.history.to_dict(orient="list")}
    state = {name: tensor.numpy() for name, tensor in trained.network.state_dict().items()}
    arrays: dict[str, Any] = state | {_RECORD: np.array(json.dumps(record))}
    try:
        with cache.written_whole(path) as temporary:
            np.savez(temporary, allow_pickle=False, **arrays)
    except CacheError as error:
        warnings.warn(
            f"the network is trained and you can go on, but it will be trained again next time: {error}", stacklevel=3
        )
