"""Plain FastAPI and ONNX Runtime, as FastAPI's documentation shows it.

A declared body ("Request Body") and a ``File`` ("Request Files"), ``def`` rather than ``async def`` for what computes
("Concurrency and async"), ``uvicorn --workers`` ("Server Workers"), which takes uvloop and httptools where they are
installed (``uvicorn[standard]``).
"""

from __future__ import annotations

from typing import Annotated

import uvicorn
from fastapi import FastAPI, File
from pydantic import BaseModel

from benchmarks.servers.onnx_model import Network, from_file, from_lists, port

app = FastAPI()
network = Network()


class Picture(BaseModel):
    """The brief's JSON."""

    image: list[list[list[float]]]


@app.post("/predict")
def predict(picture: Picture) -> dict[str, int]:
    """Answer JSON."""
    return {"prediction": network(from_lists(picture.image)[None])[0]}


@app.post("/predict/file")
def predict_file(image: Annotated[bytes, File()]) -> dict[str, int]:
    """Answer a form with a file."""
    return {"prediction": network(from_file(image)[None])[0]}


if __name__ == "__main__":
    uvicorn.run("benchmarks.servers.plain:app", port=port(), workers=2, log_level="warning", access_log=False)
