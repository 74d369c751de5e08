"""LitServe, as its documentation shows it ("Speed up serving by 200x", "Batching", "LitServer").

``workers_per_device`` for more processes that compute, and as many HTTP processes as that makes (its default);
``max_batch_size`` and a short ``batch_timeout`` for requests that arrive together; ``fast_queue`` for many small
requests.
"""

import os
from typing import Any

import litserve  # type: ignore[import-not-found]
import numpy as np
from fastapi import Request

from benchmarks.servers.onnx_model import Network, from_file, from_lists, port


class Signs(litserve.LitAPI):
    """Reads a request, asks the network for a batch, answers."""

    def setup(self, device: str) -> None:
        """Open the network."""
        self.network = Network()

    def decode_request(self, request: Request) -> Any:
        """A picture from JSON or a form."""
        given = request["image"]
        return from_lists(given) if isinstance(given, list) else from_file(given.file.read())

    def predict(self, pictures: Any) -> Any:
        """Classes of a batch, or of one picture where there are no batches."""
        return self.network(pictures) if np.ndim(pictures) == 4 else self.network(pictures[None])[0]

    def encode_response(self, output: int) -> dict[str, int]:
        """The answer."""
        return {"prediction": int(output)}


if __name__ == "__main__":
    batch = int(os.environ.get("BATCH", "1"))
    api = Signs(max_batch_size=batch, batch_timeout=float(os.environ.get("WAIT", "0.0")))
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=2, fast_queue=bool(int(os.environ.get("FAST", "0")))
    )
    server.run(host="127.0.0.1", port=port(), log_level="warning", generate_client_file=False)
