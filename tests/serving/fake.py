"""A small engine: what it answers can be worked out by hand."""

from __future__ import annotations

import numpy as np

from helpers.serving.engine_protocol import Answers

NAMES = ("stop", "yield", "speed")


class FakeEngine:
    """Three classes by which channel is brightest; a picture without any light is strange."""

    shape = (4, 4, 3)
    class_names = NAMES
    version = "fake-1"
    card = {"model_details": {"name": "signs"}}  # noqa: RUF012
    decision = {"verdict": "go", "go": True}  # noqa: RUF012
    scorecard = [{"axis": "training", "metric": "accuracy", "value": 0.9}]  # noqa: RUF012

    def __init__(self):
        self.batches = []

    def answer(self, images, level):
        self.batches.append(len(images))
        light = images.mean(axis=(1, 2)) * 4
        shares = np.exp(light) / np.exp(light).sum(axis=1, keepdims=True)
        order = np.sort(shares, axis=1)[:, ::-1]
        needed = (np.cumsum(order, axis=1) < level).sum(axis=1)
        least = order[np.arange(len(order)), np.minimum(needed, 2)]
        return Answers(
            shares.argmax(axis=1).astype(np.int64),
            shares.astype(np.float32),
            shares >= least[:, None],
            images.max(axis=(1, 2, 3)) == 0,
        )

    def explain(self, images, classes):
        if classes is None:
            classes = self.answer(images, 0.9).classes
        return np.stack([image[:, :, which] for image, which in zip(images, classes, strict=True)])


class BrightOnly(FakeEngine):
    """Fails where a picture's first pixel is white."""

    def answer(self, images, level):
        if (images[:, 0, 0] == 1).all(axis=1).any():
            raise RuntimeError("planted: /secret/path")
        return super().answer(images, level)
