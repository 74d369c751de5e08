"""AutoAttack: four attacks without a parameter to tune, which is why published robustness is measured with it."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.attacks.auto_job import Found, Job, read_result, stages_of, write_job
from helpers.attacks.base import Attacked, ThreatModel, check_attack, check_threat, margins
from helpers.attacks.networks import Network, network
from helpers.contracts import Images, Labels, check_count, check_seed
from helpers.errors import CourseError
from helpers.models.twin_weights import TwinWeights, twin_weights
from helpers.progress import with_bar

_TWINS_AGREE = 1e-3  # of the largest logit


def auto_attack(
    model: Any, images: Images, labels: ArrayLike, threat: ThreatModel, *, batch_size: int = 100, seed: int = 0
) -> Attacked:
    """AutoAttack's standard ensemble: APGD-CE, targeted APGD-DLR, targeted FAB and Square, one after the other.

    It is the authors' own code, which needs torch. A Keras model is therefore attacked through its torch twin in a
    process of its own, and what is found there counts only where the Keras model is fooled by it.

    Parameters
    ----------
    model : keras.Model or torch.nn.Module
        Made by :func:`helpers.models.course_cnn`; or a torch module as :func:`helpers.attacks.network` takes it, which
        is attacked in this process, for it has torch already.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1]. A digit that holds takes some two seconds of a core, one that falls a tenth.
    labels : array_like of int, shape (N,)
        True classes.
    threat : ThreatModel
        How far pictures may be moved.
    batch_size : int
        Pictures attacked together; a bar shows each of the four attacks on each batch.
    seed : int
        Of every attack's draws, 0 to 4,294,967,295.

    Returns
    -------
    Attacked
        Pictures that held, and those read wrongly from the start, are given back as they were. `queries` are averages
        over the pictures that an attack had before it, which the ensemble does not tell apart. Named ``AutoAttack``;
        with fewer than ten classes the name says what the targeted attacks did. They try the nine likeliest other
        classes, or as many as there are. The targeted DLR loss needs four classes: with three, DLR is run without
        targets, and with two not at all.

    Raises
    ------
    ModuleNotFoundError
        If pyautoattack is not installed.
    CourseError
        If the process was ended or failed; the message says how.
    TypeError, ValueError
        If the model has no torch twin, the pictures or labels are none or do not fit, or an argument is out of range.

    Warns
    -----
    UserWarning
        With what AutoAttack remarks about the network, such as gradients that are 0.

    References
    ----------
    Croce and Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
    2020; their package pyautoattack.
    """
    check_seed(seed)
    check_threat(threat)
    check_count(batch_size, "batch_size")
    net, weights = network(model), _twin(model)
    _check_installed()
    originals, truth = check_attack(images, labels)
    logits = net.ask(originals, batch_size)
    first = margins(logits, truth)
    rows = np.flatnonzero(first > 0)
    moved, queries = originals.copy(), np.full(len(truth), net.calls)
    if len(rows) and threat.epsilon > 0:
        steps = math.ceil(len(rows) / batch_size) * len(stages_of(logits.shape[1])[0])
        job = (originals[rows], truth[rows], threat, batch_size, seed)
        found = _in_this_process(model, steps, *job) if weights is None else _elsewhere(steps, Job(weights, *job))
        _check_twin(found, logits[rows])
        # A hair of float32 beyond what is allowed is taken back before the network is asked.
        moved[rows] = threat.project(found.images, originals[rows])
        queries[rows] += found.queries
    reached = margins(net.ask(moved, batch_size), truth)
    return Attacked(_name(logits.shape[1]), threat, moved, reached <= 0, reached.astype(np.float32), queries)


def _twin(model: Any) -> TwinWeights | None:
    """What the twin is made from; None for a network that is a torch module itself."""
    if isinstance(model, Network):
        raise TypeError(
            "AutoAttack needs torch's own gradients: give it the Keras model or the torch module, not the network made "
            f"from it ({model.name}). For a network with a defence around it take pgd, bpda, eot and square."
        )
    return twin_weights(model) if "keras" in sys.modules and isinstance(model, sys.modules["keras"].Model) else None


def _check_installed() -> None:
    if importlib.util.find_spec("pyautoattack") is None:
        raise ModuleNotFoundError(
            "AutoAttack needs the package pyautoattack, which requirements.lock has: 'make course' brings the "
            "environment up to date, or 'pip install --no-deps pyautoattack' adds the package to another one.",
            name="pyautoattack",
        )


def _name(classes: int) -> str:
    stages, targets = stages_of(classes)
    if "apgd-t" in stages:
        return "AutoAttack" if classes >= 10 else f"AutoAttack, {targets} targets"
    return f"AutoAttack, {'DLR without targets' if 'apgd-dlr' in stages else 'without DLR'}"


def _check_twin(found: Found, logits: NDArray[np.float32]) -> None:
    apart = float(np.abs(found.logits - logits).max())
    if apart > _TWINS_AGREE * max(1.0, float(np.abs(logits).max())):
        raise CourseError(
            f"the torch twin is another network: its logits are up to {apart:.3g} from the model's. Were the weights "
            "changed while it was attacked?"
        )
    for note in found.notes:
        warnings.warn(f"AutoAttack remarks: {note}", stacklevel=3)


# ---- here or elsewhere


def _in_this_process(
    model: Any, steps: int, images: Images, labels: Labels, threat: ThreatModel, batch_size: int, seed: int
) -> Found:
    from helpers.attacks.auto_worker import run_ensemble

    bar = with_bar(range(steps), "AutoAttack")
    return run_ensemble(
        model, images, labels, threat, batch_size=batch_size, seed=seed, step_done=lambda: next(bar, None)
    )


def _elsewhere(steps: int, job: Job) -> Found:
    """The same in a process that has torch and not TensorFlow: the two together would take another 0.3 GB here."""
    with tempfile.TemporaryDirectory(prefix="vigilant-") as name:
        folder = Path(name)
        write_job(folder, job)
        with (folder / "errors.txt").open("wb") as errors:
            ended = _run([sys.executable, "-m", "helpers.attacks.auto_worker", str(folder)], steps, errors)
        if ended:
            raise CourseError(_why(ended, (folder / "errors.txt").read_text(errors="replace")))
        return read_result(folder)


def _run(command: list[str], steps: int, errors: Any) -> int:
    # What this process can import, that one can.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            for _, line in zip(with_bar(range(steps), "AutoAttack"), process.stdout, strict=False):
                del line
            return process.wait()
        finally:
            process.kill()  # where a student has interrupted the cell


def _why(ended: int, errors: str) -> str:
    if ended < 0:
        return (
            f"the process that runs AutoAttack was ended by signal {-ended}, and nothing was attacked. Signal 9 is "
            "what a machine sends that has no memory left: give it fewer pictures at once, with batch_size."
        )
    lines = errors.strip().splitlines() or ["it said nothing"]
    return f"the process that runs AutoAttack failed, and nothing was attacked: {lines[-1]}"
