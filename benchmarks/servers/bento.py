"""BentoML, as its documentation shows it ("Parallelize requests handling", "Define input and output types").

``workers`` for the processes, ``PIL.Image`` for a file; ``bentoml serve`` starts it, in its mode for production.
"""

from __future__ import annotations

from typing import Any

import bentoml  # type: ignore[import-not-found]
from PIL.Image import Image

from benchmarks.servers.onnx_model import Network, from_lists, from_picture


@bentoml.service(workers=2, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Signs:
    """Both ways to ask."""

    def __init__(self) -> None:
        self.network = Network()

    @bentoml.api(route="/predict")
    def predict(self, image: list[Any]) -> dict[str, int]:
        """Answer JSON."""
        return {"prediction": self.network(from_lists(image)[None])[0]}

    @bentoml.api(route="/predict/file")
    def predict_file(self, image: Image) -> dict[str, int]:
        """Answer a form with a file."""
        return {"prediction": self.network(from_picture(image)[None])[0]}
