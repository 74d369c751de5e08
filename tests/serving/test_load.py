"""The load generator counts what a server did, and when it should have."""

import asyncio
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from helpers import serving
from helpers.errors import CourseError

BODY = b'{"image": [0.5]}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """A tiny server: what it answers to its request number n is for the test to say."""

    def __init__(self, answer):
        self._answer = answer
        self.heads, self.bodies, self.connections = [], [], 0

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                if not await self._answer(len(self.bodies), writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@contextmanager
def running(answer):
    """The server, in a thread of its own, and its address."""
    server, loop, ready = Server(answer), asyncio.new_event_loop(), threading.Event()
    address = []

    async def main():
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        address.append(listening.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        listening.close()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    ready.wait()
    try:
        yield server, f"http://127.0.0.1:{address[0]}/predict?level=0.9"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


async def good(number, writer):
    writer.write(GOOD)
    return True


@pytest.mark.parametrize("connections", [1, 4])
def test_each_request_is_sent_once_and_counted(connections):
    with running(good) as (server, url):
        found = serving.load_test(url, BODY, connections=connections, requests=50)
    assert (found.requests, found.statuses, found.errors) == (50, {200: 50}, 0)
    assert server.bodies == [BODY] * 50
    assert server.connections == connections
    assert server.heads[0].startswith(b"POST /predict?level=0.9 HTTP/1.1\r\nHost: 127.0.0.1")
    assert b"Content-Type: application/json\r\n" in server.heads[0]
    assert found.latencies.shape == (50,)
    assert (found.latencies > 0).all()
    assert found.rate == pytest.approx(50 / found.seconds)
    assert found.cpu_seconds > 0


def test_seconds_end_a_closed_loop():
    with running(good) as (server, url):
        found = serving.load_test(url, BODY, seconds=0.05, connections=2)
    assert found.requests == len(server.bodies) > 0
    assert found.errors == 0


def test_a_body_larger_than_what_a_socket_takes_arrives_whole():
    body = bytes(range(256)) * 50_000
    with running(good) as (server, url):
        found = serving.load_test(url, body, "image/png", connections=2, requests=4)
    assert found.statuses == {200: 4}
    assert server.bodies == [body] * 4
    assert b"Content-Type: image/png\r\n" in server.heads[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_a_server_that_closes_after_each_answer_has_answered(answer):
    async def closes(number, writer):
        writer.write(answer)
        return False

    with running(closes) as (server, url):
        found = serving.load_test(url, BODY, connections=2, requests=10)
    assert (found.requests, found.statuses, found.errors) == (10, {200: 10}, 0)
    assert server.connections == 10


def test_an_answer_in_chunks_and_in_pieces_is_one():
    async def slowly(number, writer):
        for piece in (b"HTTP/1.1 200 OK\r\nTransfer-Enc", b"oding: chunked\r\n\r\n", b"2\r\nok\r\n", b"0\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.002)
        return True

    with running(slowly) as (server, url):
        found = serving.load_test(url, BODY, requests=5)
    assert (found.requests, found.errors, server.connections) == (5, 0, 1)


def test_a_connection_cut_in_an_answer_is_an_error():
    async def cuts(number, writer):
        writer.write(GOOD[:-1] if number % 2 else GOOD)
        return not number % 2

    with running(cuts) as (server, url):
        found = serving.load_test(url, BODY, requests=10)
    assert (found.requests, found.statuses, found.errors) == (5, {200: 5}, 5)
    assert len(server.bodies) == 10


def test_a_server_that_refuses_is_not_fast():
    async def busy(number, writer):
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n" if number > 4 else GOOD)
        return True

    with running(busy) as (_, url):
        found = serving.load_test(url, BODY, requests=20)
    assert (found.requests, found.statuses, found.errors) == (20, {200: 4, 503: 16}, 0)
    assert found.rate == pytest.approx(4 / found.seconds)


def test_what_is_never_answered_is_an_error():
    async def silent(number, writer):
        if number != 3:
            writer.write(GOOD)
        return True

    with running(silent) as (_, url):
        closed = serving.load_test(url, BODY, connections=2, requests=6, timeout=0.2)
    with running(silent) as (_, url):
        opened = serving.open_loop(url, BODY, rate=100, seconds=0.06, timeout=0.2)
    for found in (closed, opened):
        assert (found.requests, found.errors) == (5, 1)


def test_an_open_loop_counts_from_the_moment_at_which_it_should_have_asked():
    stall = 0.3

    async def stalls(number, writer):
        if number == 1:
            await asyncio.sleep(stall)
        writer.write(GOOD)
        return True

    with running(stalls) as (server, url):
        found = serving.open_loop(url, BODY, rate=100, seconds=0.2, connections=1)
    assert (found.requests, found.errors, len(server.bodies)) == (20, 0, 20)
    # All twenty were due while the first was being answered, request n after n / 100 s. At least that they all waited.
    due = np.arange(20) / 100
    assert (found.latencies >= stall - due - 1e-3).all()
    with running(stalls) as (_, url):
        closed = serving.load_test(url, BODY, requests=20)
    assert (closed.latencies >= stall - 1e-3).sum() == 1  # one alone, however many would have come


def test_an_open_loop_asks_as_often_as_it_is_told():
    with running(good) as (server, url):
        found = serving.open_loop(url, BODY, rate=400, seconds=0.25)
    assert (found.requests, found.statuses, len(server.bodies)) == (100, {200: 100}, 100)
    assert found.latency(0) == found.latencies.min()
    assert found.latency(1) == found.latencies.max()


def test_where_nothing_listens_it_says_so():
    with running(good) as (_, url):
        pass
    with pytest.raises(CourseError, match=r"nothing answers at .*Start the server first"):
        serving.load_test(url, BODY, requests=1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "seconds or requests"),
        ({"seconds": 1, "requests": 1}, "not both"),
        ({"requests": 0}, "requests must be a number above 0"),
        ({"seconds": float("nan")}, "seconds must be"),
        ({"requests": 1, "connections": 0}, "connections must be"),
    ],
)
def test_what_cannot_be_asked_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        serving.load_test("http://127.0.0.1:1/", BODY, **given)
    with pytest.raises(ValueError, match=r"http://host:port/path, got 'ftp:"):
        serving.load_test("ftp://127.0.0.1/", BODY, requests=1)


def test_no_answer_has_no_latency():
    assert np.isnan(serving.LoadResult(0, 1.0, np.empty(0), {}, 1, 0.0).latency(0.5))
