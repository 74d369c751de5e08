"""What goes between a notebook's process and the one that runs AutoAttack: files of arrays, without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.attacks.base import ThreatModel
from helpers.contracts import Images, Labels
from helpers.models.twin_weights import TwinWeights

_MOST_TARGETS = 9


@dataclass(frozen=True)
class Job:
    """What shall be attacked, and how.

    Attributes
    ----------
    weights : TwinWeights
        The network.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (N,)
        True classes.
    threat : ThreatModel
        How far pictures may be moved.
    batch_size, seed : int
        As for :func:`helpers.attacks.auto_attack`.
    """

    weights: TwinWeights
    images: Images
    labels: Labels
    threat: ThreatModel
    batch_size: int
    seed: int


class Found(NamedTuple):
    """What the ensemble found.

    Attributes
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        The first picture that fooled the network; where there was none, the picture itself.
    queries : numpy.ndarray of int64, shape (N,)
        How often the network was asked, on average over the pictures of a block that an attack still had to fool.
    logits : numpy.ndarray of float32, shape (N, K)
        What the network says of the pictures as they were.
    notes : tuple of str
        What AutoAttack remarked about the network.
    """

    images: Images
    queries: NDArray[np.int64]
    logits: NDArray[np.float32]
    notes: tuple[str, ...]


def stages_of(classes: int) -> tuple[tuple[str, ...], int]:
    """The attacks of the standard ensemble, as far as a number of classes allows.

    Parameters
    ----------
    classes : int
        Number of classes K.

    Returns
    -------
    (tuple of str, int)
        Attacks by the names of pyautoattack, and how many target classes the targeted ones try: the 9 likeliest, or all
        K - 1 others. The targeted DLR loss needs 4 classes: with 3, DLR is run without targets, and with 2 not at all.
    """
    dlr = {2: (), 3: ("apgd-dlr",)}.get(classes, ("apgd-t",))
    return ("apgd-ce", *dlr, "fab-t", "square"), min(_MOST_TARGETS, classes - 1)


def write_job(folder: Path, job: Job) -> None:
    """Put a job into a folder.

    Parameters
    ----------
    folder : pathlib.Path
        An empty one.
    job : Job
        What to do.
    """
    numbers = {
        "shape": job.weights.shape, "classes": job.weights.classes, "dropout": job.weights.dropout,
        "epsilon": job.threat.epsilon, "norm": job.threat.norm, "batch_size": job.batch_size, "seed": job.seed,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(numbers))
    np.savez(folder / "weights.npz", **job.weights.state)  # type: ignore[arg-type]
    np.savez(folder / "pictures.npz", images=job.images, labels=job.labels)


def read_job(folder: Path) -> Job:
    """Take a job out of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where :func:`write_job` put it.

    Returns
    -------
    Job
        The same.
    """
    numbers = json.loads((folder / "job.json").read_text())
    with np.load(folder / "weights.npz") as state, np.load(folder / "pictures.npz") as pictures:
        weights = TwinWeights(tuple(numbers["shape"]), numbers["classes"], numbers["dropout"], dict(state))
        threat = ThreatModel(numbers["epsilon"], numbers["norm"])
        return Job(weights, pictures["images"], pictures["labels"], threat, numbers["batch_size"], numbers["seed"])


def write_result(folder: Path, found: Found) -> None:
    """Put what was found beside its job.

    Parameters
    ----------
    folder : pathlib.Path
        The job's.
    found : Found
        What was found.
    """
    np.savez(folder / "result.npz", **found._asdict())


def read_result(folder: Path) -> Found:
    """Take out what was found.

    Parameters
    ----------
    folder : pathlib.Path
        The job's.

    Returns
    -------
    Found
        The same.
    """
    with np.load(folder / "result.npz") as arrays:
        return Found(arrays["images"], arrays["queries"], arrays["logits"], tuple(map(str, arrays["notes"])))
