"""From a Keras model to an answer over HTTP: packed, signed, opened, asked."""

import numpy as np
import pytest

from helpers import serving as room
from helpers.serving.bundle import BundleError
from tests.serving.bundles import NAMES, TEMPERATURE, card, entries, keras_logits, pack, pictures
from tests.serving.client import serving
from tests.serving.files import png


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return pack(folder, room.make_keys(folder / "keys"))


def test_what_a_client_is_told_is_what_the_keras_model_says(packed):
    images = np.round(pictures(6, seed=9) * 255) / 255  # what a PNG can hold
    logits = keras_logits()(images.astype(np.float32)) / room.open_bundle(packed.path, packed.public).temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    with serving(room.create_app(lambda: room.open_bundle(packed.path, packed.public))) as ask:
        for image, wanted in zip(images, shares, strict=True):
            for sent in (
                {"json": {"image": image.tolist()}},
                {"content": png(np.round(image * 255).astype(np.uint8)), "headers": {"content-type": "image/png"}},
            ):
                answer = ask.post("/predict", **sent).json()
                np.testing.assert_allclose([answer["probabilities"][name] for name in NAMES], wanted, atol=1e-5)
                assert answer["class"] == NAMES[int(wanted.argmax())]
                assert answer["version"] == "1.3"
        assert np.shape(ask.post("/explain", json={"image": images[0].tolist()}).json()["map"]) == images.shape[1:3]
        assert ask.get("/v2/models/blocks").json()["versions"] == ["1.3"]
        assert ask.get("/scorecard").json() == {"decision": None, "records": entries(card()[:1])}
    assert TEMPERATURE > 1  # the calibration has something to do


def test_a_service_does_not_start_on_a_bundle_that_was_changed(packed):
    whole = (packed.path / "calibration.json").read_bytes()
    try:
        (packed.path / "calibration.json").write_bytes(whole + b" ")
        app = room.create_app(lambda: room.open_bundle(packed.path, packed.public))
        with pytest.raises(BundleError, match=r"calibration\.json is not the file that was signed"), serving(app):
            pass
    finally:
        (packed.path / "calibration.json").write_bytes(whole)
