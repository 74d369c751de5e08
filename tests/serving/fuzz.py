"""Damaged bodies, of ten kinds, the same for the same seed; and a program that sends many to a service in processes.

``python -m tests.serving.fuzz 10000`` prints what each kind was answered with, and the workers' memory.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

from tests.serving.files import form, jpeg, pixels, png

QUICK, FULL = 600, 10_000
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
    """JSON in which one value is another; a file with a length in it that lies."""
    try:
        value = json.loads(body)
    except ValueError:
        return lengths(rng, body)
    holder, key = value, next(iter(value))
    while isinstance(holder[key], dict | list) and len(holder[key]) and rng.random() < 0.8:
        holder = holder[key]
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = keys[rng.integers(0, len(keys))]
    holder[key] = JUNK[rng.integers(0, len(JUNK))]
    return json.dumps(value).encode()


def lengths(rng, body):
    """Four bytes that say a length, somewhere."""
    data = bytearray(body)
    place = rng.integers(0, max(1, len(data) - 4))
    data[place : place + 4] = struct.pack(">I", int(rng.choice([0, 1, 255, 2**16, 2**31 - 1, 2**32 - 1])))
    return bytes(data)


def chunks(rng, body):
    """A PNG file with a changed chunk whose checksum is right; of JSON, text that a number may not be."""
    if not body.startswith(b"\x89PNG"):
        texts = [b"NaN", b"-Infinity", b"1e999", b"0x1", b"00", b".5", b"1.", b"9" * 400, b"\xff", b"/**/"]
        return body.replace(b"0.", texts[rng.integers(0, len(texts))], int(rng.integers(1, 5)))
    kinds = [b"IHDR", b"PLTE", b"tRNS", b"acTL", b"iCCP", b"zTXt", b"eXIf", b"IDAT", b"fcTL", b"XXXX"]
    name = kinds[rng.integers(0, len(kinds))]
    data = rng.bytes(rng.integers(0, 40)) if rng.random() < 0.5 else zlib.compress(bytes(rng.integers(0, 3_000_000)))
    made = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    start = 33 if rng.random() < 0.7 else 8
    return body[:start] + made + body[start:]


DAMAGE = (cut, bits, noise, hole, repeated, spliced, zeros, junk, lengths, chunks)


def requests(n, seed):
    """`n` requests, each kind of damage as often as the others: its name, path, content type and body."""
    bodies = whole_bodies()
    for number in range(n):
        rng = np.random.default_rng((seed, number))
        damage = DAMAGE[number % len(DAMAGE)]
        path, kind, body = bodies[rng.integers(0, len(bodies))]
        if rng.random() < 0.05:
            kind = bodies[rng.integers(0, len(bodies))][1]
        yield damage.__name__, path, kind, damage(rng, body)


def main(n):
    from tests.serving.test_processes import service

    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as running:
        workers = [psutil.Process(each[-1]) for each in running.started().values()]

        def send(count, seed):
            answers = {damage.__name__: Counter() for damage in DAMAGE}
            for name, path, kind, body in requests(count, seed):
                answer = running.ask("POST", path, body, kind)
                answers[name]["lost" if answer is None else answer[0]] += 1
            return answers

        send(n // 10, seed=1)  # what is loaded and kept at the first use is no leak
        before = sum(each.memory_full_info().uss for each in workers)
        answers = send(n, seed=0)
        after = sum(each.memory_full_info().uss for each in workers)
        for name, counts in answers.items():
            print(f"{name:10}", dict(sorted(counts.items(), key=str)))
        print(f"workers' own memory: {before / 2**20:.1f} MiB before, {after / 2**20:.1f} after, {after / before:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FULL)
