"""How much a server can do, and how long it lets people wait: a load generator on bare sockets.

It runs in the thread that calls it (so also in a notebook, whose event loop is taken), and costs some 20 microseconds
of CPU a request: on few cores, what the generator takes the server does not have.
"""

from __future__ import annotations

import math
import re
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from helpers.errors import CourseError

_READ = 2**18
_CONNECT_SECONDS = 5.0
_PAUSE = 0.02  # seconds until a connection that was refused is tried again
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


@dataclass(frozen=True)
class LoadResult:
    """What came of a load.

    Attributes
    ----------
    requests : int
        Requests that were answered, whatever the status.
    seconds : float
        From the first request to the last answer.
    latencies : numpy.ndarray of float64, shape (requests,)
        Seconds that each answer took, in the order of the answers.
    statuses : Mapping of int to int
        HTTP status to how many answers had it.
    errors : int
        Requests without a whole answer: refused, cut off, or too late.
    cpu_seconds : float
        CPU time of the generator itself: what the server did not have.
    """

    requests: int
    seconds: float
    latencies: NDArray[np.float64]
    statuses: Mapping[int, int]
    errors: int
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Good answers (status 2xx) a second."""
        return sum(n for status, n in self.statuses.items() if 200 <= status < 300) / self.seconds

    def latency(self, share: float) -> float:
        """Seconds within which this share of the answers had come: 0.5 for the median, 0.99 for p99.

        Parameters
        ----------
        share : float
            In [0, 1].

        Returns
        -------
        float
            NaN where nothing was answered.
        """
        return float(np.quantile(self.latencies, share)) if len(self.latencies) else math.nan


def load_test(
    url: str,
    body: bytes,
    content_type: str = "application/json",
    *,
    connections: int = 1,
    seconds: float | None = None,
    requests: int | None = None,
    timeout: float = 30.0,
) -> LoadResult:
    """Ask a server as fast as it answers (closed loop): each connection sends its next request once it has an answer.

    A closed loop shows how much a server can do. Its latencies are kind to a server that stalls, because nobody asks
    while it does; for those take :func:`open_loop`.

    Parameters
    ----------
    url : str
        ``http://host:port/path``.
    body : bytes
        POSTed each time.
    content_type : str
        Of the body.
    connections : int
        Clients at the same time, at least 1; each keeps its connection where the server does.
    seconds : float, optional
        For how long new requests are sent. What is under way then is waited for, and counts.
    requests : int, optional
        How many are sent, at least 1. Exactly one of this and `seconds` is to be given.
    timeout : float
        Seconds that the last answers are waited for.

    Returns
    -------
    LoadResult
        Counts, and latencies from the moment of sending.

    Raises
    ------
    CourseError
        If nothing listens there.
    ValueError
        If an argument is not as said above.
    """
    if (seconds is None) == (requests is None):
        raise ValueError("give seconds or requests, and not both")
    _check_positive(seconds=seconds, requests=requests, connections=connections)
    with _Clients(url, body, content_type, connections) as clients:
        began = time.perf_counter()
        end = began + (math.inf if seconds is None else seconds)
        left = math.inf if requests is None else requests
        while True:
            now = time.perf_counter()
            while clients.idle and left and now < end:
                clients.ask(now)
                left -= 1
            if not (left and now < end):
                break
            clients.listen(min(timeout, end - now))
            if requests is not None and time.perf_counter() - now >= timeout:
                break  # nobody has answered for so long
        clients.finish(timeout)
    return clients.result(began)


def open_loop(
    url: str,
    body: bytes,
    content_type: str = "application/json",
    *,
    rate: float,
    seconds: float,
    connections: int = 16,
    timeout: float = 30.0,
) -> LoadResult:
    """Ask a server at a steady rate, however fast it answers (open loop), as people do who do not know of each other.

    Each latency counts from the moment at which its request *was to be* sent. Counted from the real sending, a server
    that stalls for a second would seem to have delayed one request a connection, and not all that came in that second
    ("coordinated omission").

    Parameters
    ----------
    url, body, content_type
        As for :func:`load_test`.
    rate : float
        Requests a second, above 0, at even distances.
    seconds : float
        For how long; what is under way then is waited for.
    connections : int
        Most requests under way at the same time; what finds no connection waits, and its time counts.
    timeout : float
        Seconds that the last answers are waited for; what has none then is an error.

    Returns
    -------
    LoadResult
        Counts, and latencies from the scheduled moment.

    Raises
    ------
    CourseError
        If nothing listens there.
    ValueError
        If an argument is not as said above.

    References
    ----------
    G. Tene (2013), "How NOT to measure latency"; his generator is wrk2.
    """
    _check_positive(rate=rate, seconds=seconds, connections=connections)
    # epoll rounds a wait up to a whole millisecond, and each request would be sent, and counted, so much later.
    with _Clients(url, body, content_type, connections, selectors.SelectSelector()) as clients:
        began = time.perf_counter()
        due, last = _schedule(began, rate, seconds), began + seconds + timeout
        at = next(due, None)
        while at is not None:
            now = time.perf_counter()
            while at is not None and at <= now and clients.idle:
                clients.ask(at)
                at = next(due, None)
            if now > last:
                break
            if at is not None:
                clients.listen(max(0.0, at - now) if clients.idle else last - now)
        clients.errors += sum(1 for _ in due) + (at is not None)
        clients.finish(max(0.0, last - time.perf_counter()))
    return clients.result(began)


def _schedule(began: float, rate: float, seconds: float) -> Iterator[float]:
    return (began + number / rate for number in range(max(1, round(rate * seconds))))


def _check_positive(**given: float | None) -> None:
    for name, value in given.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a number above 0, got {value!r}")


class _Connection:
    """One client: at most one request under way."""

    __slots__ = ("answer", "needed", "since", "socket", "unsent")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.unsent: memoryview | None = None
        self.since = 0.0
        self.answer = b""
        self.needed = 0  # bytes of the whole answer, once its head has said so

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket, self.unsent, self.answer, self.needed = None, None, b"", 0


class _Clients:
    """All connections of one load, and what they have seen."""

    def __init__(
        self,
        url: str,
        body: bytes,
        content_type: str,
        connections: int,
        selector: selectors.BaseSelector | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"url must be http://host:port/path, got {url!r}")
        self._url, self._address = url, (parts.hostname, parts.port or 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._request = (
            f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._selector = selector or selectors.DefaultSelector()
        self.idle = deque(_Connection() for _ in range(connections))
        self._refused: deque[tuple[float, _Connection]] = deque()  # until when, which
        self._busy: dict[int, _Connection] = {}
        self._latencies: list[float] = []
        self._statuses: Counter[int] = Counter()
        self.errors = 0
        self._cpu = time.thread_time()
        self._last = time.perf_counter()

    def __enter__(self) -> _Clients:
        for each in self.idle:
            try:
                self._connect(each)
            except OSError as error:
                self.__exit__()
                raise CourseError(f"nothing answers at {self._url} ({error}). Start the server first.") from error
        self._cpu = time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self.idle, *self._busy.values()):
            each.close()
        self._selector.close()

    def ask(self, since: float) -> None:
        """Send a request on an idle connection; its latency counts from `since`."""
        client = self.idle.popleft()
        client.since = since
        for _ in range(2):
            try:
                if client.socket is None:
                    self._connect(client)
                assert client.socket is not None
                sent = client.socket.send(self._request)
            except OSError:
                self._close(client)  # a server may close a connection that nobody uses; then a new one is tried
                continue
            self._busy[client.socket.fileno()] = client
            if sent < len(self._request):
                client.unsent = memoryview(self._request)[sent:]
                self._selector.modify(client.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, client)
            return
        self.errors += 1
        self._refused.append((time.perf_counter() + _PAUSE, client))

    def listen(self, seconds: float) -> None:
        """Wait for answers, at most so long, and read those that have come."""
        if self._refused:
            seconds = min(seconds, max(0.0, self._refused[0][0] - time.perf_counter()))
        for key, events in self._selector.select(None if math.isinf(seconds) else max(0.0, seconds)):
            client: _Connection = key.data
            if events & selectors.EVENT_WRITE:
                self._send_rest(client)
            if events & selectors.EVENT_READ:
                self._read(client)
        while self._refused and self._refused[0][0] <= time.perf_counter():
            self.idle.append(self._refused.popleft()[1])

    def finish(self, seconds: float) -> None:
        """Wait for what is under way; what has no answer then is an error."""
        end = time.perf_counter() + seconds
        while self._busy and (left := end - time.perf_counter()) > 0:
            self.listen(left)
        self.errors += len(self._busy)

    def result(self, began: float) -> LoadResult:
        """What came of it."""
        return LoadResult(
            len(self._latencies),
            self._last - began if self._latencies else time.perf_counter() - began,
            np.asarray(self._latencies, np.float64),
            dict(sorted(self._statuses.items())),
            self.errors,
            time.thread_time() - self._cpu,
        )

    def _connect(self, client: _Connection) -> None:
        client.socket = socket.create_connection(self._address, timeout=_CONNECT_SECONDS)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.socket.setblocking(False)
        self._selector.register(client.socket, selectors.EVENT_READ, client)

    def _close(self, client: _Connection) -> None:
        if client.socket is not None:
            self._busy.pop(client.socket.fileno(), None)
            self._selector.unregister(client.socket)
        client.close()

    def _send_rest(self, client: _Connection) -> None:
        if client.socket is None or client.unsent is None:
            return
        try:
            client.unsent = client.unsent[client.socket.send(client.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            client.unsent = None  # reading says what has happened
        if not client.unsent:
            client.unsent = None
            self._selector.modify(client.socket, selectors.EVENT_READ, client)

    def _read(self, client: _Connection) -> None:
        if client.socket is None:
            return
        try:
            data = client.socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or client.socket.fileno() not in self._busy:
            self._ended(client)
            return
        client.answer = client.answer + data if client.answer else data
        if not client.needed:
            client.needed = _length(client.answer)
        if 0 < client.needed <= len(client.answer) or (client.needed < 0 and client.answer.endswith(b"0\r\n\r\n")):
            self._answered(client)

    def _ended(self, client: _Connection) -> None:
        """The server has closed, or spoke unasked: the end of an answer or of an idle connection, or an error."""
        assert client.socket is not None
        if client.socket.fileno() not in self._busy:
            self._close(client)
        elif client.needed == 0 and b"\r\n\r\n" in client.answer:
            self._answered(client)
        else:
            self.errors += 1
            self._close(client)
            self.idle.append(client)

    def _answered(self, client: _Connection) -> None:
        assert client.socket is not None
        self._last = time.perf_counter()
        self._latencies.append(self._last - client.since)
        self._statuses[int(client.answer[9:12])] += 1
        head = client.answer[: client.answer.index(b"\r\n\r\n") + 2]
        if client.unsent or not client.needed or not head.startswith(b"HTTP/1.1") or _CLOSE.search(head):
            self._close(client)
        else:
            del self._busy[client.socket.fileno()]
        client.answer, client.needed = b"", 0
        self.idle.append(client)


def _length(answer: bytes) -> int:
    """Bytes of an answer, head included: -1 if it comes in chunks, 0 if its head is not whole or does not say."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    if found := _LENGTH.search(answer, 0, end):
        return end + 4 + int(found[1])
    return -1 if _CHUNKED.search(answer, 0, end) else 0
