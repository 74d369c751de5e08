"""Who is let in, and how much is read: rate, queue, bytes and seconds, all checked while a body streams in."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.requests import ClientDisconnect, Request

from helpers.serving.intake_limits import Limits
from helpers.serving.problems import Problem, busy

_ADDRESSES = 10_000  # of clients that are remembered; the one that was heard least lately is forgotten
_DISCARDED = 8 * 2**20  # bytes read and thrown away, so that a client that is still sending can read the answer


class Rate:
    """A bucket of tokens for each address: it fills at `rate` a second and holds a second's worth.

    Parameters
    ----------
    rate : float
        Requests a second, above 0.
    clock : callable
        Seconds that only rise.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._most = max(1.0, rate)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Take one token of an address.

        Parameters
        ----------
        address : str
            Whose.

        Raises
        ------
        Problem
            429 with ``Retry-After`` if none is left.
        """
        now = self._clock()
        tokens, since = self._buckets.pop(address, (self._most, now))
        tokens = min(self._most, tokens + (now - since) * self._rate)
        self._buckets[address] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        if tokens < 1:
            seconds = math.ceil((1 - tokens) / self._rate)
            raise Problem(
                429,
                "too-often",
                f"More than {self._rate:g} requests a second came from {address}. Come again in {seconds} s.",
                {"Retry-After": str(seconds)},
            )


class Intake:
    """Lets requests in while there is room, and reads their bodies within limits.

    Parameters
    ----------
    limits : Limits
        Of this worker.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rate = Rate(limits.rate) if limits.rate else None
        self._waiting = 0
        self._held = 0

    @contextmanager
    def place(self, request: Request) -> Iterator[None]:
        """A place in the queue, until the request is answered.

        Parameters
        ----------
        request : starlette.requests.Request
            Who asks for it.

        Yields
        ------
        None
            While the place is held.

        Raises
        ------
        Problem
            429 if the client came too often, 503 if the queue is full.
        """
        if self._rate is not None:
            self._rate.take(request.client.host if request.client else "")
        if self._waiting >= self._limits.waiting:
            raise busy("queue-full", f"{self._waiting} requests are waiting already, and no more may. Come again.")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def body(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """A request's body, whole, while it is held.

        Parameters
        ----------
        request : starlette.requests.Request
            Whose.
        most : int
            Bytes that it may have; a header that says more is believed, one that says less is not.

        Yields
        ------
        bytes
            The body.

        Raises
        ------
        Problem
            400 if the client went away, 408 if it was too slow, 413 if it sent too much, 503 if all requests together
            hold too much.
        """
        chunks: list[bytes] = []
        held = 0
        try:
            try:
                async with asyncio.timeout(self._limits.body_seconds):
                    if _declared(request) > most:
                        await _discard(request)
                        raise _too_large(most)
                    async for chunk in request.stream():
                        chunks.append(chunk)
                        held += len(chunk)
                        self._held += len(chunk)
                        if held > most:
                            chunks.clear()
                            await _discard(request)
                            raise _too_large(most)
                        if self._held > self._limits.held_bytes:
                            raise busy("memory-full", "The bodies of all requests together are too large. Come again.")
            except TimeoutError:
                raise Problem(
                    408,
                    "too-slow",
                    f"The body took longer than {self._limits.body_seconds:g} s. Send it at once.",
                    {"Connection": "close"},
                ) from None
            except ClientDisconnect:
                raise Problem(400, "gone", "The client went away before its body was whole.") from None
            yield b"".join(chunks)
        finally:
            self._held -= held


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "")
    return int(text[:19]) if text.isascii() and text.isdigit() else 0  # 19 digits are too large, whatever follows


async def _discard(request: Request) -> None:
    if "expect" in request.headers:  # a client that asks first has sent nothing yet
        return
    size = 0
    while size < _DISCARDED:
        message = await request.receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "too-large",
        f"The body may have {most:,} bytes. Send fewer pictures, or a PNG file.",
        {"Connection": "close"},
    )
