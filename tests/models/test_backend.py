"""What a user set for other programs decides nothing here: each kind of setting, in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

WORK = """
import hashlib
import numpy as np
import pandas as pd
from helpers import explain, models
from helpers.datasets.base import Split
from helpers.models.backend import keras

pixels = np.random.default_rng(0).integers(0, 256, (64, 20, 20, 1)).astype(np.uint8)
train = Split(pixels, np.arange(64) % 3, pd.DataFrame(index=range(64)))
model = models.load_or_train(models.Recipe(steps=4, batch_size=16, dropout=0.1), train, classes=3).model
predict = models.predict_function(model)
exported = models.onnx_predict_function(models.save_onnx(model, "model.onnx"))
assert models.parity(predict, exported, train.images) < 1e-5
assert explain.tf_explain_maps(model, "gradcam")(train.images[:1], [0]).shape == (1, 20, 20)
assert explain.integrated_gradients(model, 2)(train.images[:1], [0]).dtype == np.float32
numbers = [*model.get_weights(), predict(train.images)]
print(model.output_shape, {str(each.dtype) for each in numbers}, keras.config.epsilon())
print(hashlib.sha256(b"".join(each.tobytes() for each in numbers)).hexdigest())
"""


def answers(folder, keras_json, environment):
    """What the work prints for somebody with these settings."""
    (folder / "keras").mkdir()
    (folder / "keras" / "keras.json").write_text(json.dumps(keras_json))
    settings = {"KERAS_HOME": str(folder / "keras"), "VIGILANT_CACHE": str(folder / "cache"), **environment}
    ran = subprocess.run(
        [sys.executable, "-c", WORK],
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The answers of somebody who set nothing."""
    found = answers(tmp_path_factory.mktemp("plain"), {}, {})
    assert found.startswith("(None, 3) {'float32'} 1e-07\n")
    return found


@pytest.mark.parametrize(
    ("keras_json", "environment"),
    [
        ({"image_data_format": "channels_first", "floatx": "float64", "epsilon": 0.1}, {"CUDA_VISIBLE_DEVICES": "0"}),
        (
            {"backend": "torch"},
            {"KERAS_BACKEND": "torch", "TF_USE_LEGACY_KERAS": "1", "LC_ALL": "C", "PYTHONUTF8": "0"},
        ),
    ],
    ids=["layout and precision", "backend and locale"],
)
def test_settings_of_the_users_own_do_not_change_results(plain, tmp_path, keras_json, environment):
    assert answers(tmp_path, keras_json, environment) == plain
