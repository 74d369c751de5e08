"""The service over HTTP: FastAPI in front of an engine."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import helpers
from helpers.contracts import Images
from helpers.scorecard.outcomes import GO
from helpers.serving import contract, problems, tensors
from helpers.serving.batching import Batcher
from helpers.serving.engine_protocol import Answers, Engine
from helpers.serving.forms import file_of_form
from helpers.serving.intake import Intake
from helpers.serving.intake_limits import Limits
from helpers.serving.metrics import Metrics
from helpers.serving.pictures import decoded, json_object, numbers
from helpers.serving.problems import MEDIA_TYPE, Problem, busy

LEVEL = 0.9
"""Level of the conformal sets where a request names none."""

_Level = Annotated[
    float,
    Query(gt=0, lt=1, allow_inf_nan=False, description="How often the set holds the true class", examples=[0.95]),
]
_PROBLEMS = (400, 408, 413, 415, 422, 429, 500, 503)
_OTHER = "other"  # the route of what is none, so that a scanner makes no series

log = logging.getLogger("vigilant.serving")


class Service:
    """What one worker holds: its engine once that is open, its limits and its counters.

    Parameters
    ----------
    open_engine : callable
        Opens the engine; it raises where the model must not be served.
    limits : Limits
        Of this worker.
    metrics : Metrics
        Where it counts.
    """

    def __init__(self, open_engine: Callable[[], Engine], limits: Limits, metrics: Metrics) -> None:
        self._open_engine, self.limits, self.metrics = open_engine, limits, metrics
        self.intake = Intake(limits)
        self.stopping = False
        self._engine: Engine | None = None

    def start(self, routes: Sequence[str]) -> None:
        """Open the engine and let it answer once, so that no client waits for what is done at the first time.

        Parameters
        ----------
        routes : sequence of str
            Whose series the metrics begin with.
        """
        engine = self._open_engine()
        for pictures in (1, self.limits.pictures):
            engine.answer(np.zeros((pictures, *engine.shape), np.float32), LEVEL)
        engine.explain(np.zeros((1, *engine.shape), np.float32), None)
        self._say(engine.decision)
        self.metrics.prepare([*routes, _OTHER], contract.STATUSES, engine.class_names)
        self._by_class = [self.metrics.pictures.labels(name) for name in engine.class_names]
        self._batcher = Batcher(engine, self.limits.pictures)
        self._engine = engine
        self.metrics.starts.inc()

    def _say(self, decision: Mapping[str, Any] | None) -> None:
        if decision is None:
            return
        self.metrics.show_verdict(decision["verdict"])
        if decision["verdict"] != GO:
            log.warning("served despite the verdict on this model: %s", decision["verdict"])

    @property
    def ready(self) -> bool:
        """Whether it answers, and is not being stopped."""
        return self._engine is not None and not self.stopping

    @property
    def engine(self) -> Engine:
        """The open engine.

        Raises
        ------
        Problem
            503 while there is none.
        """
        if self._engine is None:
            raise busy("starting", "The model is being opened. Come again.")
        return self._engine

    async def answer(self, images: Images, level: float) -> Answers:
        """The engine's answers, counted.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        level : float
            Of the conformal sets.

        Returns
        -------
        Answers
            One for each picture.
        """
        answers = await self._batcher.answer(images, level)
        most_probable = answers.probabilities.max(axis=1).tolist()
        for chosen, size, confidence in zip(
            answers.classes.tolist(), answers.sets.sum(axis=1).tolist(), most_probable, strict=True
        ):
            self._by_class[chosen].inc()
            self.metrics.set_size.observe(size)
            self.metrics.confidence.observe(confidence)
        if strange := int(answers.strange.sum()):
            self.metrics.strange.inc(strange)
        return answers

    @asynccontextmanager
    async def picture(self, request: Request) -> AsyncIterator[Images]:
        """The one picture of a request, with a place in the queue until it is answered.

        Parameters
        ----------
        request : starlette.requests.Request
            JSON, a PNG or JPEG file, or a form with such a file.

        Yields
        ------
        numpy.ndarray of float32, shape (1, H, W, C)
            In [0, 1].

        Raises
        ------
        Problem
            If it holds none, or there is no room.
        """
        shape = self.engine.shape
        with self.intake.place(request):
            kind = _media_type(request, ("application/json", *contract.PICTURE_TYPES, "multipart/form-data"))
            async with self.intake.body(request, self.limits.body_bytes(shape)) as body:
                if kind == "application/json":
                    picture = numbers(json_object(body, ("image",), ("image",))["image"], shape, "image")
                else:
                    form = kind == "multipart/form-data"
                    data = file_of_form(body, request.headers["content-type"], "image") if form else body
                    picture = decoded(data, shape)
            yield picture[None]


def create_app(
    open_engine: Callable[[], Engine], limits: Limits | None = None, metrics: Metrics | None = None
) -> FastAPI:
    """The service as an ASGI application; its engine is opened when it starts.

    Parameters
    ----------
    open_engine : callable
        Opens the engine; it raises where the model must not be served, and then the service does not start.
    limits : Limits, optional
        Of this worker.
    metrics : Metrics, optional
        Where it counts; its own by default.

    Returns
    -------
    fastapi.FastAPI
        With its :class:`Service` in ``app.state.service``.
    """
    service = Service(open_engine, limits or Limits(), metrics or Metrics())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.start, sorted({route.path for route in app.routes}))  # type: ignore[attr-defined]
        yield

    app = FastAPI(
        title="Vigilant Vision",
        version=helpers.__version__,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(RequestValidationError, _wrong_parameter)
    _add_routes(app)
    app.add_middleware(_Watched, service=service)
    return app


class _Direct(APIRoute):
    """A route whose parameters FastAPI checks where a request has any. Without, there is nothing for it to do.

    What it does all the same (a stack of dependencies, twice) takes as long as the network.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)
        self._checked, self.app = self.app, self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"]:
            await self._checked(scope, receive, send)
        else:
            response: Response = await self.endpoint(Request(scope, receive, send))
            await response(scope, receive, send)


def _add_routes(app: FastAPI) -> None:
    answers, picture = contract.responses, contract.picture_body()
    for path, endpoint, answer in (("/predict", predict, "Prediction"), ("/explain", explain, "Explanation")):
        app.router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            responses=answers(answer, *_PROBLEMS),
            openapi_extra=picture,
            route_class_override=_Direct,
        )
    app.get("/scorecard", responses=answers("Scorecard", 503))(scorecard)
    app.get("/healthz", responses=answers("State"))(alive)
    app.get("/readyz", responses=answers("State", 503))(ready)
    app.get("/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})(metrics_page)
    app.get("/openapi.json", include_in_schema=False)(openapi)
    app.get("/v2", responses=answers("Metadata"))(server_metadata)
    app.get("/v2/health/live", responses=answers("State"))(alive)
    app.get("/v2/health/ready", responses=answers("State", 503))(ready)
    for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        app.get(path, responses=answers("Metadata", 404, 503))(model_metadata)
        app.get(f"{path}/ready", responses=answers("State", 404, 503))(model_ready)
        infer_answers = answers("InferResponse", 404, *_PROBLEMS)
        app.post(f"{path}/infer", responses=infer_answers, openapi_extra=contract.tensor_body())(infer)


# ---- routes


async def predict(request: Request, level: _Level = LEVEL) -> Response:
    """What the model says of one picture, and how sure it is."""
    service = _service(request)
    async with service.picture(request) as images:
        answers = await service.answer(images, level)
    names, chosen = service.engine.class_names, int(answers.classes[0])
    return _json(
        {
            "prediction": chosen,
            "class": names[chosen],
            "probabilities": dict(zip(names, answers.probabilities[0], strict=True)),
            "level": level,
            "set": [name for name, inside in zip(names, answers.sets[0].tolist(), strict=True) if inside],
            "out_of_distribution": bool(answers.strange[0]),
            "version": service.engine.version,
        }
    )


async def explain(request: Request, name: Annotated[str | None, Query(alias="class")] = None) -> Response:
    """Where the model looked in one picture, for a class or for the one that it answers."""
    service = _service(request)
    names = service.engine.class_names
    if name is not None and name not in names:
        raise Problem(422, "unknown-class", f"There is no class {name[:60]!r}. Known are {', '.join(names)}.")
    async with service.picture(request) as images:
        chosen = None if name is None else np.array([list(names).index(name)])
        classes = (await service.answer(images, LEVEL)).classes if chosen is None else chosen
        maps = service.engine.explain(images, classes)
    return _json({"class": names[int(classes[0])], "map": maps[0], "version": service.engine.version})


async def infer(request: Request, model: str, version: str | None = None) -> Response:
    """The Open Inference Protocol's way of asking about several pictures."""
    service = _service(request)
    engine, limits = _model(service, model, version), service.limits
    with service.intake.place(request):
        _media_type(request, ("application/json",))
        if "inference-header-content-length" in request.headers:
            raise Problem(415, "binary-tensors", "Binary tensors are not known here. Send JSON.")
        async with service.intake.body(request, limits.body_bytes(engine.shape, limits.pictures)) as body:
            asked = tensors.read(body, engine.shape, limits.pictures, LEVEL)
        answers = await service.answer(asked.images, asked.level)
    return Response(tensors.written(asked, answers, model, engine.version), media_type="application/json")


async def scorecard(request: Request) -> Response:
    """What was measured of the model, and what the release decision says of that."""
    engine = _service(request).engine
    return _json({"decision": engine.decision, "records": engine.scorecard})


async def alive() -> Response:
    """Whether the process answers at all."""
    return _json({"live": True, "process": os.getpid()})


async def ready(request: Request) -> Response:
    """Whether the model is open and warm, and the service not being stopped."""
    service = _service(request)
    if service.stopping:
        raise busy("stopping", "This worker is being stopped. Come again, on a new connection.")
    assert service.engine is not None  # or it says that it is starting
    return _json({"ready": True})


async def metrics_page(request: Request) -> Response:
    """The counters of all workers, for Prometheus."""
    page = await asyncio.to_thread(_service(request).metrics.page)
    return Response(page, media_type="text/plain; version=0.0.4")


async def openapi(request: Request) -> Response:
    """The contract, for the model that is being served."""
    service = _service(request)
    return _json(described(request.app, service.engine, service.limits))


async def server_metadata() -> Response:
    """What answers here."""
    return _json({"name": "vigilant-vision", "version": helpers.__version__, "extensions": []})


async def model_metadata(request: Request, model: str, version: str | None = None) -> Response:
    """What the model takes and answers."""
    return _json(tensors.metadata(_model(_service(request), model, version), model))


async def model_ready(request: Request, model: str, version: str | None = None) -> Response:
    """Whether the model answers."""
    _model(_service(request), model, version)
    return await ready(request)


# ---- what the routes share


def described(app: FastAPI, engine: Engine, limits: Limits) -> dict[str, Any]:
    """The service's contract in OpenAPI, with the shapes and classes of its model.

    Parameters
    ----------
    app : fastapi.FastAPI
        Whose routes.
    engine : Engine
        Whose pictures and classes.
    limits : Limits
        How many pictures a request may hold.

    Returns
    -------
    dict
        For JSON.
    """
    from fastapi.openapi.utils import get_openapi

    found = get_openapi(title=app.title, version=app.version, routes=app.routes)
    known = {"class": list(engine.class_names), "model": [model_name(engine)], "version": [engine.version]}
    for path in found["paths"].values():
        for operation in path.values():
            if MEDIA_TYPE not in operation["responses"].get("422", {}).get("content", {MEDIA_TYPE: {}}):
                del operation["responses"]["422"]  # FastAPI's own, which a path of plain strings never gives
            for parameter in operation.get("parameters", []):
                if parameter["name"] in known:
                    parameter["schema"] = {"type": "string", "enum": known[parameter["name"]]}
    found["components"] = {"schemas": contract.schemas(engine, limits)}
    return found


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def model_name(engine: Engine) -> str:
    """What a model is called in the Open Inference Protocol.

    Parameters
    ----------
    engine : Engine
        Whose card says it.

    Returns
    -------
    str
        ``card["model_details"]["name"]``, or ``"model"``.
    """
    return str(engine.card.get("model_details", {}).get("name", "model"))


def _model(service: Service, name: str, version: str | None) -> Engine:
    engine = service.engine
    if name != model_name(engine) or version not in (None, engine.version):
        raise Problem(
            404, "no-such-model", f"This service has the model {model_name(engine)!r}, version {engine.version!r}."
        )
    return engine


def _media_type(request: Request, known: Sequence[str]) -> str:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "encoded", "The body must not be compressed: leave Content-Encoding out.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in known:
        raise Problem(415, "content-type", f"The content type must be one of {', '.join(known)}, got {kind[:60]!r}.")
    return kind


def _json(value: object) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


# ---- what is refused, and what is counted


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problems.answer(error)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: "no-such-route", 405: "wrong-method"}.get(error.status_code, "refused")
    return problems.answer(Problem(error.status_code, kind, str(error.detail), error.headers))


async def _wrong_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors()[:3])
    return problems.answer(Problem(422, "wrong-parameter", f"{told}."))


class _Watched:
    """Counts each answer before it leaves, and turns what nobody caught into a problem."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        metrics = service.metrics
        self._answered = functools.lru_cache(maxsize=1024)(lambda route, status: metrics.requests.labels(route, status))
        self._took = functools.lru_cache(maxsize=1024)(metrics.seconds.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, started = time.perf_counter(), False

        async def counted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                route = getattr(scope.get("route"), "path", _OTHER)
                # Before the client has it: a worker that is killed now has counted what it answered.
                self._answered(route, str(message["status"])).inc()
                self._took(route).observe(time.perf_counter() - began)
                if self._service.stopping:
                    message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
            await send(message)

        self._service.metrics.in_flight.inc()
        try:
            await self._app(scope, receive, counted)
        except Exception:
            log.exception("fault while answering %s %s", scope["method"], scope["path"][:200])
            if started:
                raise
            fault = Problem(500, "fault", "The service failed here. It has been logged.")
            await problems.answer(fault)(scope, receive, counted)
        finally:
            self._service.metrics.in_flight.dec()
