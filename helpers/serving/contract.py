"""The service's contract, as OpenAPI: what each route takes and answers, for the model that is being served."""

from __future__ import annotations

from typing import Any

from helpers.scorecard.outcomes import CANNOT_DECIDE, GO, NO_GO
from helpers.serving.engine_protocol import Engine
from helpers.serving.intake_limits import Limits
from helpers.serving.problems import MEDIA_TYPE

Schema = dict[str, Any]

PICTURE_TYPES = ("image/png", "image/jpeg")
"""Files that may be a whole body."""

_NUMBER: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT: Schema = {"type": "string"}
_WHY = {
    400: "Not JSON, not a form, or not HTTP as it should be",
    404: "No such model or version",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "Another content type than those above",
    422: "A picture or a parameter that the model cannot take",
    429: "Too many requests from this address",
    500: "A fault of the service",
    503: "The service is full, starting or stopping; come again",
}
STATUSES = (200, 405, 431, *_WHY)
"""What the service answers with."""


def responses(schema: str, *statuses: int) -> dict[int | str, Schema]:
    """What a route answers, as FastAPI takes it.

    Parameters
    ----------
    schema : str
        Name of the schema of a good answer.
    *statuses : int
        Which problems there are.

    Returns
    -------
    dict
        Status to description.
    """
    good: Schema = {"description": "The answer", "content": {"application/json": {"schema": _named(schema)}}}
    bad = {MEDIA_TYPE: {"schema": _named("Problem")}}
    return {200: good, **{status: {"description": _WHY[status], "content": bad} for status in statuses}}


def picture_body() -> Schema:
    """The body of a request with one picture: JSON, a file, or a form with a file.

    Returns
    -------
    dict
        For FastAPI's ``openapi_extra``.
    """
    binary: Schema = {"schema": {"type": "string", "format": "binary"}}
    form: Schema = {"type": "object", "required": ["image"], "properties": {"image": binary["schema"]}}
    content: dict[str, Schema] = {
        "application/json": {"schema": _named("Picture")},
        **dict.fromkeys(PICTURE_TYPES, binary),
        "multipart/form-data": {
            "schema": form | {"additionalProperties": False},
            "encoding": {"image": {"contentType": ", ".join(PICTURE_TYPES)}},
        },
    }
    return {"requestBody": {"required": True, "content": content}}


def tensor_body() -> Schema:
    """The body of a request of the Open Inference Protocol.

    Returns
    -------
    dict
        For FastAPI's ``openapi_extra``.
    """
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _named("InferRequest")}}}}


def schemas(engine: Engine, limits: Limits) -> dict[str, Schema]:
    """What bodies look like, for the pictures and classes of one model.

    Parameters
    ----------
    engine : Engine
        Whose.
    limits : Limits
        How many pictures a request may hold.

    Returns
    -------
    dict
        Name to JSON schema, for ``components.schemas``.
    """
    names = list(engine.class_names)
    height, width, channels = engine.shape
    picture = _nested(_NUMBER, channels, width, height)
    shares = {"type": "object", "required": names, "properties": dict.fromkeys(names, _NUMBER)}
    name: Schema = {"type": "string", "enum": names}
    prediction = {
        "prediction": {"type": "integer", "minimum": 0, "maximum": len(names) - 1},
        "class": name,
        "probabilities": shares | {"additionalProperties": False},
        "level": _NUMBER,
        "set": {"type": "array", "items": name, "uniqueItems": True},
        "out_of_distribution": {"type": "boolean"},
        "version": _TEXT,
    }
    maps = {"class": name, "map": _nested({"type": "number"}, width, height), "version": _TEXT}
    verdicts = [GO, NO_GO, CANNOT_DECIDE]
    problem: dict[str, Schema] = dict.fromkeys(("type", "title", "detail", "error"), _TEXT)
    return {
        "Picture": _exactly(image=picture),
        "Prediction": _exactly(**prediction),
        "Explanation": _exactly(**maps),
        "Scorecard": _exactly(
            decision={
                "type": ["object", "null"],
                "required": ["verdict"],
                "properties": {"verdict": {"enum": verdicts}},
            },
            records={"type": "array", "items": {"type": "object"}},
        ),
        "Problem": _exactly(**problem, status={"type": "integer"}),
        "State": {"type": "object", "properties": {"process": {"type": "integer"}}},
        "Metadata": {"type": "object", "required": ["name"], "properties": {"name": _TEXT}},
        "InferRequest": _infer_request(engine, limits),
        "InferResponse": {
            "type": "object",
            "required": ["model_name", "model_version", "outputs"],
            "properties": {"model_name": _TEXT, "model_version": _TEXT, "id": _TEXT, "outputs": {"type": "array"}},
        },
    }


def _infer_request(engine: Engine, limits: Limits) -> Schema:
    # JSON Schema cannot say that the data are as long as the shape says; so this one describes requests of one picture,
    # flat, which are good, and says in words what else is.
    height, width, channels = engine.shape
    level = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    tensor = _at_least(
        name={"const": "images"},
        datatype={"const": "FP32"},
        shape={"const": [1, height, width, channels]},
        data=_nested(_NUMBER, height * width * channels),
    )
    outputs = {
        "type": ["array", "null"],
        "items": _at_least(name={"enum": ["classes", "probabilities", "sets", "strange"]}),
    }
    return {
        "type": "object",
        "description": f"One picture, flat; up to {limits.pictures} are taken, flat or as nested lists.",
        "required": ["inputs"],
        "properties": {
            # null is left out: that is how models of pydantic write it.
            "id": {"type": ["string", "null"]},
            "parameters": {"type": ["object", "null"], "properties": {"level": level}},
            "inputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": tensor},
            "outputs": outputs,
        },
        "additionalProperties": False,
    }


def _named(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _exactly(**properties: Schema) -> Schema:
    return _at_least(**properties) | {"additionalProperties": False}


def _at_least(**properties: Schema) -> Schema:
    # Clients of the Open Inference Protocol add parameters of their own to a tensor, and those are left alone.
    return {"type": "object", "required": list(properties), "properties": properties}


def _nested(item: Schema, *lengths: int) -> Schema:
    for length in lengths:
        item = {"type": "array", "minItems": length, "maxItems": length, "items": item}
    return item
