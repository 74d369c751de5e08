"""LitServe, as its documentation shows it ("Speed up serving by 200x", "LitServer").

``workers_per_device`` for the processes that compute, and as many HTTP processes as that makes (its default). What that
page does next was tried here, on a busy machine: batches of 8 took 3.5 ms of CPU for a PNG file and ``fast_queue`` 2.6,
where neither took 2.7; so both stay off, as they are by default.
"""

from typing import Any  # and no annotations from __future__: LitServe compares them with classes

import litserve  # type: ignore[import-not-found]
from fastapi import Request

from benchmarks.servers.onnx_model import Network, from_file, from_lists, port


class Signs(litserve.LitAPI):
    """Reads a request, asks the network, answers."""

    def setup(self, device: str) -> None:
        """Open the network."""
        self.network = Network()

    def decode_request(self, request: Request) -> Any:
        """A picture from JSON or a form."""
        given = request["image"]
        return from_lists(given) if isinstance(given, list) else from_file(given.file.read())

    def predict(self, picture: Any) -> int:
        """The class of a picture."""
        return self.network(picture[None])[0]

    def encode_response(self, output: int) -> dict[str, int]:
        """The answer."""
        return {"prediction": output}


if __name__ == "__main__":
    server = litserve.LitServer(Signs(), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=port(), log_level="warning", generate_client_file=False)
