"""Answers from a bundle: how sure, which classes it may be, whether it is a picture for this model at all, and why.

An engine is arrays in, arrays out, and knows nothing of HTTP. It needs NumPy and ONNX Runtime alone. What it computes
itself (a softmax, a comparison, a distance) the tests hold against :mod:`helpers.uncertainty`, which needs SciPy,
scikit-learn and pandas.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import check_fits, check_images, check_labels, check_share
from helpers.serving.bundle import BundleError, Verified, verified
from helpers.serving.engine_protocol import Answers
from helpers.serving.limits import cpu_threads

_AT_ONCE = 64  # pictures that go through the network together; bounds the memory
_ANY_CLASS = -1  # explain.onnx reads it as: the class that the model finds most probable


class Strangeness:
    """How far a picture lies from those trained on: the distance to the k-th nearest, all brought to length 1.

    What :class:`helpers.uncertainty.NearestNeighbours` gives, by NumPy alone and in single precision: squared distances
    agree to 1e-6. Every answer reads all of these features, and they are half as many bytes as in double precision.

    Parameters
    ----------
    features : numpy.ndarray of float, shape (N, D)
        Features of training pictures.
    k : int
        Which neighbour counts, 1 to N.

    References
    ----------
    Y. Sun, Y. Ming, X. Zhu and Y. Li (2022), "Out-of-distribution detection with deep nearest neighbors".
    """

    def __init__(self, features: NDArray[np.floating], k: int) -> None:
        self._known, self._k = _unit(features), k
        self._squares = np.square(self._known).sum(axis=1)  # 1, and 0 where all features are off

    def __call__(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distances (N,), 0 to 2, of features (N, D)."""
        x = _unit(features)
        beyond = self._squares - 2 * (x @ self._known.T)
        nearest = np.partition(beyond, self._k - 1, axis=1)[:, self._k - 1].astype(np.float64)
        return np.sqrt(np.maximum(nearest + np.square(x).sum(axis=1), 0))


@dataclass(frozen=True)
class OnnxEngine:
    """An :class:`~helpers.serving.Engine` that ONNX Runtime computes for, opened by :func:`open_bundle`.

    Attributes
    ----------
    shape, class_names, version, card, scorecard, decision
        As for :class:`~helpers.serving.Engine`.
    run : Mapping or None
        Of which run the manifest says that the records must be.
    serial : int
        The bundle's, to refuse older ones by.
    temperature : float
        What the logits are divided by.
    scores : numpy.ndarray of float64, shape (n,)
        How strange the true class looked on each calibration picture, rising: 1 minus its probability.
    strangeness : callable
        Features (N, D) to distances (N,).
    threshold : float
        The distance beyond which a picture is strange.
    classify, highlight : callable
        Pictures to logits (N, K) and features (N, D); pictures and classes to maps (N, H, W).
    """

    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    version: str
    card: Mapping[str, Any]
    scorecard: list[dict[str, Any]]
    serial: int
    temperature: float
    scores: NDArray[np.float64]
    strangeness: Strangeness
    threshold: float
    classify: Any
    highlight: Any
    run: Mapping[str, Any] | None = None
    decision: Mapping[str, Any] | None = None

    def answer(self, images: NDArray[np.float32], level: float) -> Answers:
        """Say what the pictures show, and how sure that is.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        level : float, in (0, 1)
            How often a set shall hold the truth. Where the bundle has too few calibration pictures for a level so
            high, every class is in every set.

        Returns
        -------
        Answers
            Sets by the score 1 - p (LAC), from double precision, where sure answers do not tie.

        Raises
        ------
        TypeError, ValueError
            What :func:`helpers.contracts.check_images` and :func:`~helpers.contracts.check_fits` raise, and for a
            level out of range.

        References
        ----------
        M. Sadinle, J. Lei and L. Wasserman (2019), "Least ambiguous set-valued classifiers with bounded error levels".
        """
        threshold = self._threshold(check_share(level, "level"))
        pictures = check_fits(check_images(images), (None, *self.shape))
        logits, features = self.classify(pictures)
        p = softmax(logits / self.temperature)
        return Answers(
            p.argmax(axis=1).astype(np.int64),
            p.astype(np.float32),
            1 - p <= threshold,
            self.strangeness(features) > self.threshold,
        )

    def explain(self, images: NDArray[np.float32], classes: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Say where in the pictures the network saw its class: GradCAM.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        classes : numpy.ndarray of int, shape (N,), optional
            The class to ask about in each; the most probable ones if not given.

        Returns
        -------
        numpy.ndarray of float32, shape (N, H, W)
            At least 0; higher: speaks more for the class. A map that is 0 everywhere says that nothing did.

        Raises
        ------
        TypeError, ValueError
            As for :meth:`answer`, and for classes that are none.
        """
        pictures = check_fits(check_images(images), (None, *self.shape))
        if classes is None:
            asked = np.full(len(pictures), _ANY_CLASS, np.int64)
        else:
            asked = check_labels(np.asarray(classes), len(pictures), len(self.class_names), "classes")
        return self.highlight(pictures, asked)

    def _threshold(self, level: float) -> float:
        """The k-th smallest calibration score, k = ceil((n + 1) level), or none that anything could exceed."""
        rank = max(1, math.ceil((len(self.scores) + 1) * level - 1e-9))
        return float(self.scores[rank - 1]) if rank <= len(self.scores) else math.inf


def open_bundle(
    path: str | os.PathLike[str],
    trusted_key: str | os.PathLike[str],
    newest: int | None = None,
    *,
    threads: int | None = None,
) -> OnnxEngine:
    """Verify a bundle, load it, and answer once, so that the first question does not wait for anything.

    Parameters
    ----------
    path, trusted_key, newest
        As for :func:`helpers.serving.verified`.
    threads : int, optional
        Threads that ONNX Runtime computes with; :func:`helpers.serving.cpu_threads` if not given.

    Returns
    -------
    OnnxEngine
        Ready.

    Raises
    ------
    BundleError
        As :func:`helpers.serving.verified`, before anything is loaded; and if what was signed does not fit together.
    """
    whole = verified(path, trusted_key, newest)
    engine = _engine(Path(path), whole, cpu_threads() if threads is None else threads)
    try:
        blank = np.zeros((1, *engine.shape), np.float32)
        engine.answer(blank, 0.5)
        engine.explain(blank)
    except Exception as error:  # whatever does not fit shows here, and not at the first question
        raise BundleError(f"bundle {path}: its parts do not fit together ({error}); make it again with pack") from error
    return engine


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities in double precision, as of :func:`helpers.uncertainty.softmax`.

    Parameters
    ----------
    logits : numpy.ndarray of float, shape (N, K)
        Logits, divided by a temperature if there is one.

    Returns
    -------
    numpy.ndarray of float64, shape (N, K)
        Rows add up to 1.
    """
    z = np.asarray(logits, np.float64)
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def classifier(content: bytes, threads: int) -> Any:
    """``model.onnx`` as a function.

    Parameters
    ----------
    content : bytes
        The file.
    threads : int
        Threads to compute with.

    Returns
    -------
    callable
        Pictures (N, H, W, C) to logits (N, K) and features (N, D), float32.

    Raises
    ------
    BundleError
        If it is no whole ONNX model with these inputs and outputs.
    """
    session = _session("model.onnx", content, threads, ["images"], ["logits", "features"])
    return partial(_run, session, ("images",), ("logits", "features"))


def _highlighter(content: bytes, threads: int) -> Any:
    session = _session("explain.onnx", content, threads, ["images", "classes"], ["maps"])

    def maps(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        return _run(session, ("images", "classes"), ("maps",), images, classes)[0]

    return maps


def _run(
    session: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], *arrays: NDArray[Any]
) -> list[NDArray[np.float32]]:
    blocks = [
        session.run(outputs, {name: array[at : at + _AT_ONCE] for name, array in zip(inputs, arrays, strict=True)})
        for at in range(0, len(arrays[0]), _AT_ONCE)
    ]
    return blocks[0] if len(blocks) == 1 else [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _session(name: str, content: bytes, threads: int, inputs: list[str], outputs: list[str]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # it says all in the exception
    # A waiting thread that spins uses up what the container may use.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A model may name files that hold its weights, and no signature covers those. Nothing lies in what is no folder.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a class for each way in which a file can be broken
        raise BundleError(f"{name} is not a whole ONNX model ({error}); make the bundle again with pack") from error
    has = [each.name for each in session.get_inputs()], [each.name for each in session.get_outputs()]
    if has[0] != inputs or not set(outputs) <= set(has[1]):
        raise BundleError(
            f"{name} must have the inputs {inputs} and the outputs {outputs}, it has {has[0]} and {has[1]}"
        )
    return session


def _engine(path: Path, whole: Verified, threads: int) -> OnnxEngine:
    manifest, contents = whole.manifest, whole.contents
    try:
        calibration = json.loads(contents["calibration.json"])
        features = np.lib.format.read_array(io.BytesIO(contents["features.npy"]), allow_pickle=False)
        strange = calibration["strange"]
        height, width, channels = map(int, manifest["shape"])
        return OnnxEngine(
            shape=(height, width, channels),
            class_names=tuple(map(str, manifest["class_names"])),
            version=manifest["version"],
            card=json.loads(contents["model_card.json"]),
            scorecard=json.loads(contents["scorecard.json"]),
            serial=manifest["serial"],
            temperature=_above_zero(calibration["temperature"], "temperature"),
            scores=_rising(calibration["conformal"]["scores"]),
            strangeness=Strangeness(features, _rank(strange["k"], len(features))),
            threshold=_above_zero(strange["threshold"], "threshold"),
            classify=classifier(contents["model.onnx"], threads),
            highlight=_highlighter(contents["explain.onnx"], threads),
            run=manifest.get("run"),
        )
    except BundleError as error:
        raise BundleError(f"bundle {path}: {error}") from error
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise BundleError(
            f"bundle {path}: calibration.json, features.npy or a card does not hold what it must "
            f"({type(error).__name__}: {error}); make the bundle again with pack"
        ) from error


def _above_zero(value: float, name: str) -> float:
    if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a number above 0, got {value!r}")
    return float(value)


def _rank(k: int, n: int) -> int:
    if type(k) is not int or not 1 <= k <= n:
        raise ValueError(f"k must be a whole number from 1 to the {n} training pictures, got {k!r}")
    return k


def _rising(scores: list[float]) -> NDArray[np.float64]:
    array = np.asarray(scores, np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all() or (np.diff(array) < 0).any():
        raise ValueError("conformal scores must be finite numbers that rise")
    return array


def _unit(features: NDArray[np.floating]) -> NDArray[np.float32]:
    # As helpers.uncertainty does: features that are all off stay where they are.
    x = np.asarray(features, np.float64)
    if x.ndim != 2:
        raise ValueError(f"features must have shape (N, D), got {x.shape}")
    largest = np.abs(x).max(axis=1, keepdims=True)
    x = x / np.where(largest > 0, largest, 1)
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(float).tiny)).astype(np.float32)
