"""Damaged requests, of eighteen kinds, the same for the same seed; and a service in processes that is sent many.

``python -m tests.serving.fuzz`` prints what each kind was answered with, and the workers' memory.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import socket
import struct
import tempfile
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

from tests.serving.files import form, jpeg, pixels, png

QUICK, EACH = 600, 556  # requests in all; requests of each kind, of which there are eighteen
HASTY = {"head_seconds": 0.3, "body_seconds": 0.3}  # limits of a service that waits for nobody
INFER = "/v2/models/signs/infer"


def whole_bodies():
    """Good requests: path, content type and body."""
    image = (pixels() / 255).tolist()
    picture = json.dumps({"image": image}).encode()
    tensor = {"name": "images", "datatype": "FP32", "shape": [1, 4, 4, 3], "data": [image]}
    asked = json.dumps({"id": "1", "inputs": [tensor], "outputs": [{"name": "sets"}]}).encode()
    body, kind = form(png())
    files = [("image/png", png()), ("image/jpeg", jpeg()), (kind, body), ("application/json", picture)]
    return [(path, kind, body) for path in ("/predict", "/explain") for kind, body in files] + [
        (INFER, "application/json", asked),
        (INFER, "application/json", asked),
    ]


def cut(rng, body):
    return body[: rng.integers(0, len(body))]


def bits(rng, body):
    data = bytearray(body)
    for place in rng.integers(0, len(data), rng.integers(1, 20)):
        data[place] ^= 1 << rng.integers(0, 8)
    return bytes(data)


def noise(rng, body):
    start = rng.integers(0, len(body))
    return body[:start] + rng.bytes(rng.integers(1, 200)) + body[start:]


def hole(rng, body):
    start, stop = np.sort(rng.integers(0, len(body), 2))
    return body[:start] + body[stop:]


def repeated(rng, body):
    start, stop = np.sort(rng.integers(0, len(body), 2))
    return body[:stop] + body[start:stop] * int(rng.integers(1, 20)) + body[stop:]


def spliced(rng, body):
    other = whole_bodies()[rng.integers(0, 10)][2]
    return body[: rng.integers(0, len(body))] + other[rng.integers(0, len(other)) :]


def zeros(rng, body):
    start, stop = np.sort(rng.integers(0, len(body), 2))
    return body[:start] + bytes(stop - start) + body[stop:]


JUNK = [
    None, True, [], {}, "", "0.5", "\ud800", -1, 2, 1e308, -1e-320, 10**30, [[]], [[[]]], {"image": []}, "a" * 5_000,
    [1] * 3_000, [[[0.5] * 3] * 4] * 4, "NaN", 0.5,
]  # fmt: skip


def junk(rng, body):
    """One value is another, or of another type."""
    value = json.loads(body)
    holder, key = value, next(iter(value))
    while isinstance(holder[key], dict | list) and len(holder[key]) and rng.random() < 0.8:
        holder = holder[key]
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = keys[rng.integers(0, len(keys))]
    holder[key] = JUNK[rng.integers(0, len(JUNK))]
    return json.dumps(value).encode()


NUMERALS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"0x1", b"00", b"-0", b".5", b"1.", b"1e", b"+1",
    b"9" * 400, b"0." + b"1" * 400, b"\xff", b"/**/", b"1_0", b"\xef\xbc\x91",
]  # fmt: skip


def numerals(rng, body):
    """A few numbers are written as none may be, or are beyond what a float holds."""
    start = rng.integers(0, len(body) // 2)
    text = NUMERALS[rng.integers(0, len(NUMERALS))]
    return body[:start] + body[start:].replace(b"0.", text, int(rng.integers(1, 5)))


def deep(rng, body):
    """Lists in lists, or objects in objects, as deep as a body may be long; whole or without an end."""
    opening, closing = ((b"[", b"]"), (b'{"image":', b"}"))[rng.integers(0, 2)]
    levels = int(rng.choice([5, 100, 1_000, 1_500, 17_000])) // len(opening) + 1
    nested = opening * levels + b"0" + closing * (levels if rng.random() < 0.7 else 0)
    return b'{"image": ' + nested + b"}" if rng.random() < 0.7 else nested


def twice(rng, body):
    """A key is there twice, with two values."""
    value = json.loads(body)
    key = list(value)[rng.integers(0, len(value))]
    more = f"{json.dumps(key)}: {json.dumps(JUNK[rng.integers(0, len(JUNK))])}".encode()
    return b"{" + more + b", " + body[1:] if rng.random() < 0.5 else body[:-1] + b", " + more + b"}"


def misshapen(rng, body):
    """Numbers in lists of other lengths and depths, or a shape that is not the data's."""
    value, shape = json.loads(body), rng.integers(0, 7, rng.integers(0, 5)).tolist()
    numbers = rng.random(shape).tolist() if shape else 0.5
    if "image" in value:
        value["image"] = numbers
    else:
        value["inputs"][0]["data" if rng.random() < 0.5 else "shape"] = numbers if rng.random() < 0.7 else shape
    return json.dumps(value).encode()


def lengths(rng, body):
    """Four bytes that say a length, somewhere."""
    data = bytearray(body)
    place = rng.integers(0, max(1, len(data) - 4))
    data[place : place + 4] = struct.pack(">I", int(rng.choice([0, 1, 255, 2**16, 2**31 - 1, 2**32 - 1])))
    return bytes(data)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def chunks(rng, body):
    """A PNG file with another chunk in it, whose checksum is right."""
    kinds = [b"IHDR", b"PLTE", b"tRNS", b"acTL", b"iCCP", b"zTXt", b"eXIf", b"IDAT", b"fcTL", b"XXXX"]
    start = 33 if rng.random() < 0.7 else 8
    return body[:start] + chunk(kinds[rng.integers(0, len(kinds))], rng.bytes(rng.integers(0, 40))) + body[start:]


@functools.cache
def packed(megabytes):
    return zlib.compress(bytes(megabytes * 2**20), 9)


def bomb(rng, body):
    """A PNG file that is small, and large once it is unpacked: its pixels, its text, its colour profile."""
    side = int(rng.choice([4, 4, 4, 5, 1_000, 60_000, 2**31 - 1]))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    much = packed(int(rng.choice([1, 4, 12])))
    name, before = ((b"IDAT", b""), (b"zTXt", b"Comment\0\0"), (b"iCCP", b"icc\0\0"))[rng.integers(0, 3)]
    rest = body[33:] if name != b"IDAT" else chunk(b"IEND", b"")
    return body[:8] + chunk(b"IHDR", header) + chunk(name, before + much) + rest


ANY = (cut, bits, noise, hole, repeated, spliced, zeros, lengths)
TEXT = (junk, numerals, deep, twice, misshapen)
DRAWN = (chunks, bomb)
DAMAGE = ANY + TEXT + DRAWN


def requests(n, seed):
    """`n` requests, each kind of damage as often as the others: its name, path, content type and body."""
    bodies = whole_bodies()
    text, drawn = ([each for each in bodies if each[1] == kind] for kind in ("application/json", "image/png"))
    for number in range(n):
        rng = np.random.default_rng((seed, number))
        damage = DAMAGE[number % len(DAMAGE)]
        fitting = text if damage in TEXT else drawn if damage in DRAWN else bodies
        path, kind, body = fitting[rng.integers(0, len(fitting))]
        if rng.random() < 0.05:
            kind = bodies[rng.integers(0, len(bodies))][1]
        yield damage.__name__, path, kind, damage(rng, body)


# ---- what is damaged before there is a body


def endless(rng, head, body):
    """Headers that are long, or many."""
    long = b"x-long: " + b"a" * int(rng.integers(20_000, 90_000)) + b"\r\n"
    many = b"".join(b"x-%d: 1\r\n" % number for number in range(rng.integers(2_000, 9_000)))
    return head + (long if rng.random() < 0.5 else many) + b"\r\n" + body


def slow(rng, head, body):
    """A client that stops somewhere, and keeps the connection open."""
    whole = head + b"\r\n" + body
    return whole[: rng.integers(0, len(whole))]


def garbled(rng, head, body):
    """A request line and headers with wrong bits and bytes."""
    return (bits, noise, hole)[rng.integers(0, 3)](rng, head + b"\r\n") + body


BEFORE = (endless, slow, garbled)


def connections(n, seed):
    """`n` connections, each kind as often as the others: its name and what is sent."""
    bodies = whole_bodies()
    for number in range(n):
        rng = np.random.default_rng((seed, 1, number))
        damage = BEFORE[number % len(BEFORE)]
        path, kind, body = bodies[rng.integers(0, len(bodies))]
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        yield damage.__name__, damage(rng, head.encode(), body)


# ---- services in processes of their own


def status_of(port, data):
    """What is answered to these bytes on a connection of their own: a status, or why there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout=300) as raw:
        with contextlib.suppress(ConnectionError):  # refused before all was sent: the answer may be there all the same
            raw.sendall(data)
        answer = b""
        try:
            while b"\r\n" not in answer and (more := raw.recv(65_536)):
                answer += more
        except ConnectionError:
            return "reset"
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else "closed"


def send_bodies(running, n, seed):
    """Damaged bodies on one connection: for each kind, how often which status."""
    answers = {damage.__name__: Counter() for damage in DAMAGE}
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=300)
    for name, path, kind, body in requests(n, seed):
        connection.request("POST", path, body, {"content-type": kind})
        response = connection.getresponse()
        response.read()
        answers[name][response.status] += 1
    connection.close()
    return answers


def send_heads(running, n, seed):
    """The same of what is damaged before its body, many at a time, for slow clients take their time."""
    answers = {damage.__name__: Counter() for damage in BEFORE}
    with ThreadPoolExecutor(32) as pool:
        asked = list(connections(n, seed))
        statuses = pool.map(lambda each: status_of(running.port, each[1]), asked)
        for (name, _), status in zip(asked, statuses, strict=True):
            answers[name][status] += 1
    return answers


def memory(running):
    """Bytes that the workers have for themselves."""
    return sum(psutil.Process(each[-1]).memory_full_info().uss for each in running.started().values() if each)


def attacked(folder, send, n, limits, engine="fake", seed=0):
    """Send `n` damaged requests to one worker: what was answered, and its memory afterwards, as a ratio."""
    from tests.serving.test_processes import service

    with service(folder, workers=1, limits=limits, engine=engine) as running:
        send(running, n // 10, seed + 1)  # what is loaded and kept at the first use is no leak
        before = memory(running)
        answers = send(running, n, seed)
        after = memory(running)
        assert len(running.started()[0]) == 1, "the worker has died"
    return answers, after / before


def main():
    for send, n, limits in PARTS:
        with tempfile.TemporaryDirectory() as folder:
            answers, growth = attacked(Path(folder), send, n, limits)
        for name, counts in answers.items():
            print(f"{name:10}", dict(sorted(counts.items(), key=str)))
        print(f"the worker's own memory, after to before: {growth:.3f}")


PARTS = ((send_bodies, EACH * len(DAMAGE), {}), (send_heads, EACH * len(BEFORE), HASTY))
"""The whole of it: more than 10,000 requests."""

if __name__ == "__main__":
    main()
