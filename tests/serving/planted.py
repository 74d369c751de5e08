"""Services with faults, of the kinds that unit tests with good requests never meet."""

import json

from helpers.serving import app, tensors
from tests.serving.fake import Answers, FakeEngine

honestly_read = tensors.read


class Faulty(FakeEngine):
    """Cannot explain one class, and forgets to calibrate below one level."""

    def explain(self, images, classes):
        if classes is not None and (classes == 2).any():
            raise RuntimeError("planted: no map of this class")
        return super().explain(images, classes)

    def answer(self, images, level):
        honest = super().answer(images, level)
        shares = honest.probabilities * 5 if level < 0.5 else honest.probabilities
        return Answers(honest.classes, shares, honest.sets, honest.strange)


class Leaky(FakeEngine):
    """Keeps a little for each request."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def answer(self, images, level):
        self.kept.append(bytearray(b"x") * 300_000)
        return super().answer(images, level)


def read_whatever_it_says(body, *more):
    """Take any tensor for one of floating-point numbers, whatever datatype it is said to have."""
    try:
        request = json.loads(body)
        request["inputs"][0]["datatype"] = "FP32"
    except (ValueError, KeyError, TypeError, IndexError):
        return honestly_read(body, *more)
    return honestly_read(json.dumps(request).encode(), *more)


def opened():
    """In a worker, which is a process of its own: nobody else sees what is changed here."""
    app.tensors.read = read_whatever_it_says
    return Faulty()
