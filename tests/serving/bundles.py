"""A small bundle of a network that has never been trained, and pictures whose labels its own probabilities draw."""

import base64
import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers import models, serving, uncertainty
from helpers.scorecard import Record, read_thresholds
from helpers.serving import release
from tests.scorecard.cards import CODE, good_card

SHAPE, CLASSES, TEMPERATURE = (20, 24, 3), 5, 1.7
NAMES = [f"class {number}" for number in range(CLASSES)]
CARD = dict.fromkeys(serving.CARD_SECTIONS, "Tests alone.")
THRESHOLDS = read_thresholds()
RUN = serving.JudgedRun(10, "quick", {threshold.notebook: CODE for threshold in THRESHOLDS})
"""Of which run the records of the good cards are."""


class Packed(NamedTuple):
    """A bundle and the two keys."""

    path: Path
    private: Path
    public: Path


@functools.cache
def network():
    """A course CNN whose logits lie apart: its last weights are enlarged."""
    model = models.course_cnn(SHAPE, CLASSES, seed=3)
    layer = model.get_layer("logits")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 30, bias])
    return model


@functools.cache
def keras_logits() -> Callable[[NDArray], NDArray]:
    """The network's logits, by TensorFlow."""
    return models.predict_function(models.logits_model(network()))


def pictures(n: int, seed: int) -> NDArray[np.float32]:
    """Pictures of 4x4 blocks, light and dark."""
    rng = np.random.default_rng(seed)
    blocks = rng.random((n, 5, 6, 3)) ** rng.uniform(0.2, 5, (n, 1, 1, 3))
    return np.kron(blocks, np.ones((1, 4, 4, 1))).astype(np.float32)


def drawn(n: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pictures, and labels that the network is right about once its temperature is 1.7."""
    x = pictures(n, seed)
    p = uncertainty.softmax(keras_logits()(x) / TEMPERATURE)
    draws = np.random.default_rng(seed + 1000).random((n, 1))
    return x, (p.cumsum(axis=1) < draws).sum(axis=1).clip(max=CLASSES - 1)


def card(digest: str | None = None) -> list[Record]:
    """Records that keep every threshold; those of the course's network are of these weights, the small one's own."""
    weights = models.digest(network()) if digest is None else digest
    named = {release.NETWORK: weights}
    return [
        dataclasses.replace(one, model_digest=named.get(one.model, one.model_digest)) for one in good_card(THRESHOLDS)
    ]


def entries(records: list[Record]) -> list[dict]:
    """Records as a scorecard's file holds them."""
    return json.loads(json.dumps([dataclasses.asdict(one) for one in records]))


def card_of_data() -> dict:
    """A data card."""
    return serving.data_card(
        "blocks",
        "Pictures of blocks.",
        NAMES,
        {"reference": 300, "calibration": 500},
        version="1.0.0",
        published="2026-11-27",
        url="https://example.org/blocks",
        license="https://creativecommons.org/licenses/by/4.0/",
        creator="Vigilant Vision",
        collection="Drawn from a seed.",
        limitations="They show nothing.",
    )


def pack(folder: Path, keys: tuple[Path, Path], name: str = "bundle", serial: int = 3, **other) -> Packed:
    """Pack the network, signed with these keys; of its release nothing can be decided: one record is there."""
    given = {"reference": pictures(300, 0), "calibration": drawn(500, 1), "card": CARD, "class_names": NAMES}
    path = serving.pack(
        folder / name,
        **{"model": network(), "name": "blocks", "version": f"1.{serial}", "serial": serial, "data": card_of_data()}
        | {"scorecard": entries(card()[:1]), "run": RUN, "private_key": keys[0]}
        | given
        | other,
    )
    return Packed(path, *keys)


def contents_of(path: Path) -> dict[str, bytes]:
    """What the files of a bundle hold."""
    return {name: (path / name).read_bytes() for name in serving.FILES}


def statement_of(path: Path) -> dict:
    """What the signature of a bundle says."""
    envelope = json.loads((path / serving.SIGNATURE).read_bytes())["dsseEnvelope"]
    return json.loads(base64.b64decode(envelope["payload"]))
