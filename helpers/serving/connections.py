"""HTTP/1.1 on one connection: uvicorn's protocol on httptools, with the limits that it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from helpers.serving.intake_limits import Limits
from helpers.serving.problems import Problem, raw


class Connection(HttpToolsProtocol):
    """A client's connection, closed where headers come too slowly or are too long.

    Parameters
    ----------
    limits : Limits
        Of this worker.
    changed : callable
        Told when the worker has one connection more or less.
    **settings : object
        What uvicorn hands its protocol.
    """

    def __init__(self, limits: Limits, changed: Callable[[], None], **settings: Any) -> None:
        super().__init__(**settings)
        self._limits, self._changed = limits, changed
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0  # that came while a head is waited for
        self._field_bytes = 0  # that the parser has made of it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request's headers, and not for long.

        Parameters
        ----------
        transport : asyncio.Transport
            The connection.
        """
        super().connection_made(transport)
        self._changed()
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer.

        Parameters
        ----------
        exc : Exception or None
            Why it was lost.
        """
        self._head_is_whole()
        super().connection_lost(exc)
        self._changed()

    def data_received(self, data: bytes) -> None:
        """Hand data on, unless they are headers without an end.

        Parameters
        ----------
        data : bytes
            What came.
        """
        if self._head_timer is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > self._limits.head_bytes:
            self._refuse(self._too_long())

    def on_message_begin(self) -> None:
        """A request begins: its headers are waited for."""
        super().on_message_begin()
        self._field_bytes = 0
        if self._head_timer is None:
            self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        """A part of the request's line.

        Parameters
        ----------
        url : bytes
            It.
        """
        super().on_url(url)
        self._measure(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header.

        Parameters
        ----------
        name, value : bytes
            It.
        """
        super().on_header(name, value)
        self._measure(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """The headers are whole: what follows is the application's to wait for."""
        self._head_is_whole()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP.

        Parameters
        ----------
        msg : str
            What is wrong with it.
        """
        self._refuse(self._too_long() if self._field_bytes > self._limits.head_bytes else Problem(400, "not-http", msg))

    def _measure(self, size: int) -> None:
        # A head that comes at once is whole before anybody has counted what came.
        self._field_bytes += size
        if self._field_bytes > self._limits.head_bytes:
            raise ValueError("headers too large")  # ends the parser, which has uvicorn answer 400

    def _too_long(self) -> Problem:
        return Problem(431, "headers-too-large", f"Headers may have {self._limits.head_bytes:,} bytes.")

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self._limits.head_seconds, self._too_slow)

    def _head_is_whole(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self._refuse(Problem(408, "too-slow", f"No headers in {self._limits.head_seconds:g} s."))

    def _refuse(self, problem: Problem) -> None:
        self._head_is_whole()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if not self.cycle.more_body:  # a request that came whole, before: it is answered, and nothing after it
                self.cycle.keep_alive = False
                return
            if self.cycle.response_started or self.pipeline:  # another answer is being written
                self.transport.close()
                return
        self.transport.write(raw(problem))
        self.transport.close()
