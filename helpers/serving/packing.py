"""From a Keras model to a bundle: exported, calibrated *as exported*, described, signed, and opened once.

The one file of this room that needs TensorFlow, and it loads it in the function. The engine never comes here.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Images, Labels, check_count, check_fits, check_images, check_labels
from helpers.serving.bundle import write_bundle
from helpers.serving.cards import model_card
from helpers.serving.engine import Strangeness, classifier, softmax
from helpers.serving.release import JudgedRun

if TYPE_CHECKING:
    import keras

_FOR_TEMPERATURE = 5  # every fifth calibration picture
_THREADS = 1  # sums come out the same each time


def pack(
    path: str | os.PathLike[str],
    model: keras.Model,
    *,
    name: str,
    version: str,
    serial: int,
    class_names: Sequence[str],
    reference: Images,
    calibration: tuple[Images, Labels],
    card: Mapping[str, str],
    data: Mapping[str, Any],
    scorecard: Sequence[Mapping[str, Any]],
    private_key: str | os.PathLike[str],
    run: JudgedRun | None = None,
    k: int = 10,
    tpr: float = 0.95,
) -> Path:
    """Make a bundle out of a Keras model.

    Everything is calibrated on what the exported file answers, for that file is what will answer. Every fifth
    calibration picture chooses the temperature, and the others the conformal threshold: one that both chose would no
    longer be exchangeable with what comes later.

    Parameters
    ----------
    path : path-like
        The bundle's folder, which must not exist.
    model : keras.Model
        A course CNN: pictures to probabilities, with layers ``conv3``, ``dense`` and ``logits``.
    name, version : str
        What people call it.
    serial : int
        Larger than that of every bundle before it, at least 1.
    class_names : sequence of str
        The K classes.
    reference : numpy.ndarray of float32, shape (M, H, W, C)
        Training pictures that strangeness is measured from; some 1,000 are enough: every answer looks at all.
    calibration : tuple of (images, labels)
        Pictures (N, H, W, C) and classes (N,) that were not trained on; N of at least 10.
    card : Mapping of str to str
        A text for each of :data:`helpers.serving.CARD_SECTIONS`.
    data : Mapping
        The data card, of :func:`helpers.serving.data_card`.
    scorecard : sequence of Mapping
        Records of this model, as ``build/scorecard.json`` holds them, and of others that its release hangs on.
    private_key : path-like
        PEM of the key to sign with.
    run : JudgedRun, optional
        What the records must be of, for the release decision; the weights are those of `model`. Without it nothing
        can be decided, and the bundle is served only in spite of that.
    k : int
        Which nearest neighbour counts.
    tpr : float, in (0, 1)
        Share of the calibration pictures that are not called strange.

    Returns
    -------
    pathlib.Path
        The folder, written whole or not at all.

    Raises
    ------
    ValueError
        If the model cannot be exported, or pictures, classes and texts are not as said above.
    BundleError
        As :func:`helpers.serving.write_bundle`.
    """
    pictures, labels = calibration
    _check(model, reference, pictures, labels, class_names, check_count(k, "k"))
    onnx = _exported(model)
    measured = _calibrated(onnx["model.onnx"], reference, pictures, labels, k, tpr)
    manifest = {
        "format": 1 if run is None else 2,
        "name": name,
        "version": version,
        "serial": check_count(serial, "serial"),
        "shape": list(model.input_shape[1:]),
        "class_names": list(class_names),
    } | _of_run(run, model)
    details = manifest | {
        "model_sha256": hashlib.sha256(onnx["model.onnx"]).hexdigest(),
        "temperature": measured["calibration.json"]["temperature"],
        "calibration_pictures": len(labels),
        "share_not_called_strange": tpr,
    }
    texts = {
        "manifest.json": manifest,
        "calibration.json": measured["calibration.json"],
        "scorecard.json": list(scorecard),
        "model_card.json": model_card(card, details),
        "data_card.json": data,
    }
    contents = onnx | {"features.npy": measured["features.npy"]}
    return write_bundle(path, contents | {file: _json(value) for file, value in texts.items()}, private_key)


def _of_run(run: JudgedRun | None, model: keras.Model) -> dict[str, Any]:
    if run is None:
        return {}
    from helpers.models import digest

    # Of the very network that is packed, whoever measured.
    return {"run": asdict(run) | {"code": dict(run.code), "model_digest": digest(model)}}


def _check(
    model: keras.Model, reference: Images, pictures: Images, labels: Labels, class_names: Sequence[str], k: int
) -> None:
    classes = model.output_shape[1]
    for images, called in ((reference, "reference"), (pictures, "calibration")):
        check_fits(check_images(images, called), model.input_shape, called)
    check_labels(labels, len(pictures), classes, "calibration labels")
    if len(class_names) != classes or len(pictures) < 2 * _FOR_TEMPERATURE or k > len(reference):
        raise ValueError(
            f"the model has {classes} classes, and k = {k} neighbours are asked for: give as many class names, "
            f"at least {2 * _FOR_TEMPERATURE} calibration pictures and at least k reference pictures; got "
            f"{len(class_names)}, {len(pictures)} and {len(reference)}"
        )


def _exported(model: keras.Model) -> dict[str, bytes]:
    from helpers.explain import places_of
    from helpers.models import save_gradcam_onnx, save_onnx
    from helpers.models.cnn import logits_model

    places = places_of(logits_model(model), "conv3")
    if places is None:
        raise ValueError(
            f"where the maps of conv3 lie in a picture cannot be told of model {model.name!r}: it branches"
        )
    sizes = zip(model.get_layer("conv3").output.shape[1:3], model.input_shape[1:3], strict=True)
    rows, columns = (side.spread(*size) for side, size in zip(places, sizes, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        answers = save_onnx(model, Path(folder, "model.onnx"), features="dense")
        explains = save_gradcam_onnx(model, Path(folder, "explain.onnx"), rows, columns)
        return {each.name: each.read_bytes() for each in (answers, explains)}


def _calibrated(onnx: bytes, reference: Images, pictures: Images, labels: Labels, k: int, tpr: float) -> dict[str, Any]:
    from helpers.uncertainty import fit_temperature, threshold_for_tpr

    classify = classifier(onnx, _THREADS)
    logits, features = classify(pictures)
    _, known = classify(reference)
    chooses = np.arange(len(labels)) % _FOR_TEMPERATURE == 0
    temperature = fit_temperature(logits[chooses], labels[chooses])
    p = softmax(logits[~chooses] / temperature)
    scores = np.sort(1 - p[np.arange(len(p)), labels[~chooses]])
    threshold = threshold_for_tpr(Strangeness(known, k)(features), tpr)
    return {
        "features.npy": _npy(known),
        "calibration.json": {
            "temperature": temperature,
            "conformal": {"score": "1 - p of the class (LAC)", "scores": scores.tolist()},
            "strange": {"score": "distance to the k-th nearest", "k": k, "threshold": threshold, "tpr": tpr},
        },
    }


def _npy(array: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
