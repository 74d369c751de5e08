"""The brief's own server: Flask, Keras's ``model.predict`` and ``app.run``, which is Flask's development server.

Two things are not as in the brief. There ``jsonify`` is handed a NumPy integer and raises, so that every answer is a
500; ``int()`` mends that. And it takes no files; here it takes a form with one, too. ``app.run`` is one process with a
thread for each connection; ``COPIES`` of it share the socket, where it is to have as many processes as the others have
(the brief's Deployment runs two).
"""

from __future__ import annotations

import os
import socket
from typing import Any

import numpy as np
from flask import Flask, jsonify, request

from benchmarks.servers.onnx_model import from_picture, port

app = Flask(__name__)
model: Any = None


@app.route("/predict", methods=["POST"])
def predict() -> Any:
    """As in the brief."""
    if "image" in request.files:
        from PIL import Image

        img = from_picture(Image.open(request.files["image"].stream))
    else:
        img = np.array(request.get_json()["image"])
    pred = model.predict(img[None, ...])
    return jsonify({"prediction": int(np.argmax(pred))})


def main() -> None:
    """Serve, and keep quiet about each request."""
    global model
    import logging

    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    shared = socket.create_server(("127.0.0.1", port()), backlog=128)
    shared.set_inheritable(True)
    for _ in range(int(os.environ["COPIES"]) - 1):
        if os.fork() == 0:  # before TensorFlow is there: it does not survive a fork
            break
    import keras

    model = keras.models.load_model(os.environ["KERAS_MODEL"])
    # What app.run does: the same server, threaded, here on a socket that was made before.
    make_server("127.0.0.1", port(), app, threaded=True, fd=shared.fileno()).serve_forever()


if __name__ == "__main__":
    main()
