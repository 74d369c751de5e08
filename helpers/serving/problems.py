"""What the service refuses, and how it says so: problem details in JSON, never a stack trace."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is answered with a problem.

    Attributes
    ----------
    status : int
        The HTTP status.
    kind : str
        A short name for programs, such as ``"wrong-shape"``; it ends the problem's ``type``.
    detail : str
        What was given, what was expected, and what to do next.
    headers : mapping of str to str
        Headers of the answer, such as ``Retry-After``.
    """

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.headers = dict(headers or {})


def busy(kind: str, detail: str, seconds: int = 1) -> Problem:
    """The problem of a service that cannot take a request now.

    Parameters
    ----------
    kind, detail : str
        As in :class:`Problem`.
    seconds : int
        When to come again.

    Returns
    -------
    Problem
        With status 503 and ``Retry-After``.
    """
    return Problem(503, kind, detail, {"Retry-After": str(seconds)})


def document(problem: Problem) -> bytes:
    """A problem as the JSON text of RFC 9457.

    Parameters
    ----------
    problem : Problem
        What was refused.

    Returns
    -------
    bytes
        ``type``, ``title``, ``status`` and ``detail``, and ``error`` for clients of the Open Inference Protocol.

    References
    ----------
    Nottingham, Wilde and Dalal, "Problem Details for HTTP APIs", RFC 9457, 2023.
    """
    members = {
        "type": f"urn:vigilant-vision:problem:{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail.encode("utf-8", "replace").decode(),  # half a character may come from a header
        "error": problem.detail.encode("utf-8", "replace").decode(),
    }
    return orjson.dumps(members)


def answer(problem: Problem) -> Response:
    """A problem as a response.

    Parameters
    ----------
    problem : Problem
        What was refused.

    Returns
    -------
    starlette.responses.Response
        With media type ``application/problem+json``.
    """
    return Response(document(problem), problem.status, problem.headers, MEDIA_TYPE)


def raw(problem: Problem) -> bytes:
    """A problem as a whole HTTP/1.1 response, for what was refused before there was a request; the connection closes.

    Parameters
    ----------
    problem : Problem
        What was refused.

    Returns
    -------
    bytes
        Status line, headers and body.
    """
    body = document(problem)
    lines = [
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "connection: close",
        "\r\n",
    ]
    return "\r\n".join(lines).encode("ascii") + body
