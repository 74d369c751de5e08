"""AutoAttack's standard ensemble on a torch network; run as a program, it is the process that has torch for a notebook.

The notebook's process writes a job into a folder and starts ``python -m helpers.attacks.auto_worker FOLDER``, which
prints a line after each step and leaves its result in the same folder.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyautoattack import AutoAttack
from torch import Tensor

from helpers.attacks.auto_job import Found, read_job, stages_of, write_result
from helpers.attacks.base import Norm, ThreatModel
from helpers.contracts import Images, Labels, check_seed
from helpers.models.torch_twin import twin_of

_NORMS: dict[Norm, str] = {"linf": "Linf", "l2": "L2"}


def run_ensemble(
    network: Any,
    images: Images,
    labels: Labels,
    threat: ThreatModel,
    *,
    batch_size: int,
    seed: int,
    step_done: Callable[[], object],
) -> Found:
    """Attack block by block with every attack of the ensemble, each only on what is still read rightly.

    Parameters
    ----------
    network : torch.nn.Module
        With a method ``logits`` of pictures (N, H, W, C).
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (N,)
        True classes.
    threat : ThreatModel
        How far pictures may be moved.
    batch_size : int
        Pictures in a block.
    seed : int
        Every attack begins every block with it.
    step_done : callable
        Called after each attack of each block.

    Returns
    -------
    Found
        One row for each picture.
    """
    check_seed(seed)
    asked = _Asked(network)
    pictures, truth = torch.tensor(images).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)
    with torch.no_grad():
        logits = torch.cat([asked(part) for part in pictures.split(batch_size)])
    moved, queries = pictures.clone(), np.ones(len(images))
    stages, targets = stages_of(logits.shape[1])
    with _left_as_it_was(), _remarks() as notes:
        attack = AutoAttack(asked, norm=_NORMS[threat.norm], eps=threat.epsilon, seed=seed, version="standard")
        attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = targets
        for rows in torch.arange(len(images)).split(batch_size):
            left = rows[logits[rows].argmax(dim=1) == truth[rows]]
            for stage in stages:
                if len(left):
                    asked.count = 0
                    attack.attacks_to_run = [stage]
                    found, answers = attack.run_standard_evaluation(pictures[left], truth[left], batch_size=batch_size)
                    queries[left] += asked.count / len(left)
                    fooled = answers != truth[left]
                    moved[left[fooled]] = found[fooled]
                    left = left[~fooled]
                step_done()
    as_pictures = moved.permute(0, 2, 3, 1).contiguous().numpy()
    return Found(as_pictures, queries.round().astype(np.int64), logits.numpy(), tuple(notes))


class _Asked(torch.nn.Module):
    """A network as AutoAttack asks it: channels first in, logits out; it counts the pictures it is asked about."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        # Weights that want no gradient, or FAB would pile one up in them.
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.count = 0

    def forward(self, pictures: Tensor) -> Tensor:
        self.count += len(pictures)
        return self.network.logits(pictures.permute(0, 2, 3, 1))


@contextlib.contextmanager
def _left_as_it_was() -> Iterator[None]:
    """AutoAttack seeds torch anew and ends whatever traces this process: a debugger, or the coverage of a test."""
    trace = sys.gettrace()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            sys.settrace(trace)


@contextlib.contextmanager
def _remarks() -> Iterator[list[str]]:
    """What AutoAttack would log as warnings, each once; but for the number of classes, which our ensemble fits."""
    notes: dict[str, None] = {}
    logger, handler = logging.getLogger("auto-attack"), logging.Handler(logging.WARNING)
    handler.addFilter(lambda record: record.funcName != "check_n_classes")
    handler.emit = lambda record: notes.setdefault(record.getMessage())  # type: ignore[method-assign]
    kept, heard = logger.propagate, [*notes]
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(handler)
        logger.propagate = kept
        heard.extend(notes)


def main(folder: Path) -> int:
    """Do the job that lies in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where :func:`helpers.attacks.auto_job.write_job` put it.

    Returns
    -------
    int
        0.
    """
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    job = read_job(folder)
    found = run_ensemble(
        twin_of(job.weights), job.images, job.labels, job.threat, batch_size=job.batch_size, seed=job.seed,
        step_done=lambda: print("step", flush=True),
    )  # fmt: skip
    write_result(folder, found)
    return 0


def _end_with_the_parent() -> None:
    # The other end of this pipe closes when the notebook's process ends, however it ends.
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin.read(), whose lock Python wants back when it ends
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
