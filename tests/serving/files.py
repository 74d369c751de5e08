"""Pictures as files, of all the kinds that clients have."""

import io

import numpy as np
from PIL import Image

SIZE = (4, 4)


def pixels(seed=0, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, channels), dtype=np.uint8)


def saved(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png(values=None):
    return saved(Image.fromarray(pixels() if values is None else values))


def jpeg(seed=0):
    return saved(Image.fromarray(pixels(seed)), "JPEG", quality=95)


def form(data, field=b"image", boundary=b"xyz"):
    """A form with one file, and its content type."""
    head = b'Content-Disposition: form-data; name="' + field + b'"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    body = b"--" + boundary + b"\r\n" + head + data + b"\r\n--" + boundary + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary.decode()}"
