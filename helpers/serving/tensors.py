"""The Open Inference Protocol, version 2, as far as JSON goes: how its requests are read and its answers written.

References
----------
KServe, "Open Inference Protocol (V2 Inference Protocol)", 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import orjson

from helpers.contracts import Images
from helpers.serving.engine_protocol import Answers, Engine
from helpers.serving.pictures import json_object, numbers
from helpers.serving.problems import Problem

OUTPUTS = ("classes", "probabilities", "sets", "strange")
"""Tensors of an answer."""

_DATATYPES = dict(zip(OUTPUTS, ("INT64", "FP32", "BOOL", "BOOL"), strict=True))


@dataclass(frozen=True)
class InferRequest:
    """A request that was read.

    Attributes
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Its pictures.
    level : float
        Of the conformal sets.
    outputs : tuple of str
        Which tensors are wanted.
    id : str or None
        What the client calls the request.
    """

    images: Images
    level: float
    outputs: tuple[str, ...]
    id: str | None


def read(body: bytes, shape: Sequence[int], most: int, level: float) -> InferRequest:
    """Read a request.

    Parameters
    ----------
    body : bytes
        JSON.
    shape : sequence of int
        Height, width and channels of a picture.
    most : int
        Most pictures.
    level : float
        Of the conformal sets, where the request's ``parameters.level`` names none.

    Returns
    -------
    InferRequest
        Its parts.

    Raises
    ------
    Problem
        400 or 422 if something in it is not as it must be.
    """
    request = json_object(body, ("id", "parameters", "inputs", "outputs"), ("inputs",))
    name = request.get("id")
    if name is not None and not isinstance(name, str):
        raise Problem(422, "wrong-body", "id must be a string.")
    parameters = request.get("parameters")
    if not isinstance(parameters, dict | None):
        raise Problem(422, "wrong-body", "parameters must be an object.")
    return InferRequest(
        _images(request["inputs"], shape, most),
        check_level((parameters or {}).get("level", level)),
        _wanted(request.get("outputs")),
        name,
    )


def check_level(level: object) -> float:
    """A level of conformal sets.

    Parameters
    ----------
    level : object
        What was given.

    Returns
    -------
    float
        In (0, 1).

    Raises
    ------
    Problem
        422 if it is no number in (0, 1).
    """
    if type(level) not in (float, int) or not 0 < level < 1:  # type: ignore[operator]
        raise Problem(422, "wrong-level", "level must be a number strictly between 0 and 1, such as 0.9.")
    return float(level)  # type: ignore[arg-type]


def _images(inputs: object, shape: Sequence[int], most: int) -> Images:
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Problem(422, "wrong-body", "inputs must be a list of one tensor, 'images'.")
    tensor = inputs[0]
    if tensor.get("name") != "images" or tensor.get("datatype") != "FP32":
        raise Problem(422, "wrong-body", "The input must have name 'images' and datatype 'FP32'.")
    given: Any = tensor.get("shape")
    whole = isinstance(given, list) and len(given) == 4 and set(map(type, given)) == {int}
    if not whole or given[1:] != list(shape):
        wanted = ", ".join(map(str, shape))
        raise Problem(422, "wrong-shape", f"The input's shape must be [N, {wanted}].")
    if not 1 <= given[0] <= most:
        raise Problem(
            422, "too-many", f"A request may hold 1 to {most} pictures, got {given[0]}. Send several requests."
        )
    data = tensor.get("data")
    nested = isinstance(data, list) and data and isinstance(data[0], list)
    lengths = given if nested else [prod(given)]
    return numbers(data, lengths, "data").reshape(given)


def _wanted(outputs: object) -> tuple[str, ...]:
    if outputs is None:
        return OUTPUTS
    names = (
        [each.get("name") if isinstance(each, dict) else None for each in outputs]
        if isinstance(outputs, list)
        else [None]
    )
    if unknown := [name for name in names if name not in OUTPUTS]:
        raise Problem(
            422, "unknown-output", f"outputs must be objects with a name of {OUTPUTS}, got {unknown[0]!r:.60}."
        )
    return tuple(name for name in OUTPUTS if name in names) or OUTPUTS


def written(request: InferRequest, answers: Answers, model: str, version: str) -> bytes:
    """Write an answer.

    Parameters
    ----------
    request : InferRequest
        What was asked.
    answers : Answers
        What the engine said.
    model, version : str
        Who said it.

    Returns
    -------
    bytes
        JSON.
    """
    tensors = [getattr(answers, name) for name in request.outputs]
    outputs = [
        {"name": name, "datatype": _DATATYPES[name], "shape": tensor.shape, "data": tensor.ravel()}
        for name, tensor in zip(request.outputs, tensors, strict=True)
    ]
    named: dict[str, Any] = {"id": request.id} if request.id is not None else {}
    answer = {"model_name": model, "model_version": version, **named, "outputs": outputs}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def metadata(engine: Engine, model: str) -> dict[str, Any]:
    """What the protocol's metadata route answers.

    Parameters
    ----------
    engine : Engine
        Whose.
    model : str
        What it is called.

    Returns
    -------
    dict
        For JSON.
    """
    classes = len(engine.class_names)
    shapes = {"classes": [-1], "probabilities": [-1, classes], "sets": [-1, classes], "strange": [-1]}
    return {
        "name": model,
        "versions": [engine.version],
        "platform": "onnx_onnxruntime",
        "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, *engine.shape]}],
        "outputs": [{"name": name, "datatype": _DATATYPES[name], "shape": shapes[name]} for name in OUTPUTS],
    }
