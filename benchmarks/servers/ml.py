"""MLServer, as its documentation shows it ("Custom Inference Runtimes", "Parallel Inference").

``parallel_workers`` as many as there are processors; a ``custom_handler``, because the bodies are to be the same for
all servers, and not those of its own protocol.
"""

from typing import Annotated, Any

from fastapi import Body, File
from mlserver import MLModel  # type: ignore[import-not-found]
from mlserver.handlers import custom_handler  # type: ignore[import-not-found]

from benchmarks.servers.onnx_model import Network, from_file, from_lists


class Signs(MLModel):
    """Both ways to ask."""

    async def load(self) -> bool:
        """Open the network."""
        self.network = Network()
        return True

    @custom_handler(rest_path="/predict")
    async def predict_lists(self, image: Annotated[list[Any], Body(embed=True)]) -> dict[str, int]:
        """Answer JSON."""
        return {"prediction": self.network(from_lists(image)[None])[0]}

    @custom_handler(rest_path="/predict/file")
    async def predict_file(self, image: Annotated[bytes, File()]) -> dict[str, int]:
        """Answer a form with a file."""
        return {"prediction": self.network(from_file(image)[None])[0]}
