"""TensorFlow and Keras as the course needs them, without their wall of start-up messages: take both from here.

What a user set for other programs, in ``~/.keras/keras.json`` or the environment, decides neither layout nor precision
here. What stays the machine's own are the last digits of floats: they hang on its processor, on how many cores
TensorFlow uses (``TF_NUM_INTRAOP_THREADS``) and on ``TF_ENABLE_ONEDNN_OPTS``. Training amplifies them, as another seed
would.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

# What TensorFlow's C++ code says at every import, whatever its log level: it speaks before that level is read.
_EXPECTED_LINES = (
    "All log messages before absl::InitializeLog() is called",
    "oneDNN custom operations are on",
    "This TensorFlow binary is optimized to use available CPU instructions",
    "To enable the following instructions:",
    "Could not find cuda drivers on your machine",
)


@contextlib.contextmanager
def _without_expected_lines() -> Iterator[None]:
    # C++ writes to file descriptor 2 directly, so sys.stderr cannot be used to catch it. Everything that is not
    # expected is passed on afterwards: a real problem at import must stay visible.
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
            caught.seek(0)
            for line in caught.read().decode(errors="replace").splitlines(keepends=True):
                if not any(expected in line for expected in _EXPECTED_LINES):
                    sys.stderr.write(line)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# At 1, as other programs ask for, tf.keras is Keras 2: tf-explain uses tf.keras.
os.environ["TF_USE_LEGACY_KERAS"] = "0"
if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = "tensorflow"
with _without_expected_lines():
    import keras
    import tensorflow as tf

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras was imported with the {keras.backend.backend()} backend, and the course needs tensorflow. Restart the "
        "kernel and import helpers.models before keras, or set KERAS_BACKEND=tensorflow."
    )

keras.config.set_image_data_format("channels_last")
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_dtype_policy("float32")  # a layer made before this import may have settled it by keras.json

__all__ = ["keras", "tf"]
