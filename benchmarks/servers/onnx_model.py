"""What all servers but the brief's do with a picture: decode it where it is a file, and ask ONNX Runtime."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Network:
    """The network, on one thread that does not spin; without what else is in the file's outputs.

    It opens the file that ``MODEL`` names.
    """

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

    def __call__(self, images: NDArray[np.float32]) -> list[int]:
        """The class of each picture (N, H, W, C)."""
        (logits,) = self._session.run(["logits"], {"images": images})
        classes: list[int] = logits.argmax(axis=1).tolist()
        return classes


def from_lists(image: Any) -> NDArray[np.float32]:
    """Nested lists as a picture (H, W, C)."""
    return np.asarray(image, np.float32)


def from_file(data: bytes) -> NDArray[np.float32]:
    """A PNG file as a picture (H, W, C) in [0, 1]."""
    from PIL import Image

    return from_picture(Image.open(io.BytesIO(data)))


def from_picture(picture: Any) -> NDArray[np.float32]:
    """An opened picture as an array (H, W, C) in [0, 1]."""
    return np.asarray(picture.convert("RGB"), np.float32) / np.float32(255)


def port() -> int:
    """Where to listen."""
    return int(os.environ["PORT"])
