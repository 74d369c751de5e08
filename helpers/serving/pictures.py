"""What a client sends, turned into the one form that a model takes: float32 in [0, 1]. Everything else is refused."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from helpers.serving.problems import Problem

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_PNG_GREY, _PNG_RGB = 0, 2  # colour types of the PNG specification
_TOLD = {"exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"}  # where Pillow finds an orientation
_ORIENTATION = 0x0112  # the EXIF tag by which a camera says that its picture lies on a side


def json_object(body: bytes, known: Sequence[str], required: Sequence[str]) -> dict[str, Any]:
    """A JSON object with known keys.

    Parameters
    ----------
    body : bytes
        JSON text in UTF-8; NaN and Infinity are none.
    known : sequence of str
        Keys that it may have.
    required : sequence of str
        Keys that it must have.

    Returns
    -------
    dict
        Keys to values.

    Raises
    ------
    Problem
        400 if it is not JSON, 422 if it is not an object, or if a key is unknown or missing.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(
            400, "not-json", f"The body is not JSON: {error}. NaN and Infinity are not JSON either."
        ) from None
    if not isinstance(value, dict):
        raise Problem(422, "wrong-body", f"The body must be a JSON object, got {_kind(value)}.")
    if unknown := sorted(set(value) - set(known)):
        names = ", ".join(repr(name[:40]) for name in unknown[:5])
        raise Problem(422, "unknown-key", f"Unknown keys: {names}. Known are {', '.join(known)}.")
    if missing := [name for name in required if name not in value]:
        raise Problem(422, "missing-key", f"Missing keys: {', '.join(missing)}.")
    return value


def numbers(nested: Any, shape: Sequence[int], name: str) -> NDArray[np.float32]:
    """Nested lists of numbers in [0, 1] as an array; what has another shape is refused, and so are strings and bools.

    Parameters
    ----------
    nested : object
        What JSON gave.
    shape : sequence of int
        The lengths of the lists, from the outermost in.
    name : str
        How a message calls it.

    Returns
    -------
    numpy.ndarray of float32
        Of that shape.

    Raises
    ------
    Problem
        422 if lists are too short, too long or none, or an element is not a number in [0, 1].
    """
    level: list[Any] = [nested]
    for length in shape:
        if set(map(type, level)) != {list} or set(map(len, level)) != {length}:
            wanted = " x ".join(map(str, shape))
            raise Problem(
                422, "wrong-shape", f"{name} must be nested lists of {wanted} numbers, and one of its lists is not."
            )
        level = list(chain.from_iterable(level))
    return _in_unit_range(level, name).reshape(tuple(shape))


def _in_unit_range(flat: list[Any], name: str) -> NDArray[np.float32]:
    # By type, for NumPy would read "0.5" and true as numbers.
    if not set(map(type, flat)) <= {float, int}:
        other = next(value for value in flat if type(value) not in (float, int))
        raise Problem(422, "not-a-number", f"{name} must hold numbers alone, and holds {_kind(other)}.")
    values = np.frombuffer(_doubles(len(flat)).pack(*flat))  # four times as fast as np.array
    least, most = values.min(), values.max()
    if not (least >= 0 and most <= 1):
        raise Problem(
            422, "out-of-range", f"{name} must lie in [0, 1], got {least:.6g} to {most:.6g}. Divide pixels by 255 once."
        )
    return values.astype(np.float32)


@functools.lru_cache
def _doubles(n: int) -> struct.Struct:
    return struct.Struct(f"{n}d")


def decoded(data: bytes, shape: Sequence[int]) -> NDArray[np.float32]:
    """A PNG or JPEG file as a picture, decoded only if its header promises what the model takes.

    Nothing is resized, converted or turned: how that is done changes a model's answer, and only its owner knows how it
    was done in training.

    Parameters
    ----------
    data : bytes
        The file.
    shape : sequence of int
        Height, width and channels (3: RGB; 1: grey) that the model takes.

    Returns
    -------
    numpy.ndarray of float32, shape (H, W, C)
        In [0, 1].

    Raises
    ------
    Problem
        415 if it is neither PNG nor JPEG; 422 if it is broken, or has another size, depth, colour mode or orientation,
        or several frames.
    """
    from PIL import Image  # not needed by who serves JSON alone

    if data.startswith(_PNG):
        kind = "PNG"
        _check_png_header(data, shape)
    elif data.startswith(_JPEG):
        kind = "JPEG"
    else:
        raise Problem(415, "not-a-picture", "The file is neither PNG nor JPEG, whatever it is called.")
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:  # reads the header alone
            _check_picture(picture, shape)
            pixels = np.asarray(picture)
            _check_turned(picture)
    except Problem:
        raise
    except Exception as error:  # a decoder that is fed by strangers raises all kinds
        raise Problem(422, "broken-picture", f"The {kind} file is broken: {str(error)[:200]}.") from None
    return (pixels.astype(np.float32) / np.float32(255)).reshape(tuple(shape))


def _check_png_header(data: bytes, shape: Sequence[int]) -> None:
    # By hand, for Pillow makes 8 bits of 16 without a word. Signature, length and "IHDR" take 16 bytes, width and
    # height 8; depth and colour type follow.
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise Problem(422, "broken-picture", "The PNG file is broken: it does not begin with its header.")
    depth, colour = data[24], data[25]
    _check_size(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), shape)
    wanted = _PNG_RGB if shape[2] == 3 else _PNG_GREY
    if depth != 8 or colour != wanted:
        names = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
        raise Problem(
            422,
            "wrong-mode",
            f"The PNG file must be 8-bit {names[wanted]} without alpha, and is {depth}-bit "
            f"{names.get(colour, 'of no known colour type')}. Convert it as the training pictures were.",
        )


def _check_picture(picture: Any, shape: Sequence[int]) -> None:
    width, height = picture.size
    _check_size(width, height, shape)
    if picture.mode != ("RGB" if shape[2] == 3 else "L"):
        raise Problem(
            422, "wrong-mode", f"The picture must be {'RGB' if shape[2] == 3 else 'grey'}, not {picture.mode}."
        )
    if picture.format not in ("PNG", "JPEG") or getattr(picture, "n_frames", 1) != 1:
        raise Problem(422, "several-frames", "The file holds several pictures. Send one.")


def _check_turned(picture: Any) -> None:
    # Once it is decoded, for a PNG file may say so at its end; few files say anything, and to look costs.
    if not _TOLD.isdisjoint(picture.info) and picture.getexif().get(_ORIENTATION, 1) != 1:
        raise Problem(
            422, "turned", "The picture's EXIF data says that it must be turned. Turn its pixels, and leave that out."
        )


def _check_size(width: int, height: int, shape: Sequence[int]) -> None:
    if (height, width) != tuple(shape[:2]):
        raise Problem(
            422,
            "wrong-shape",
            f"The picture must be {shape[1]} x {shape[0]} pixels, and is {width} x {height}. "
            "Resize it as the training pictures were; the service resizes nothing.",
        )


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
