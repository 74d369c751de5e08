"""A form with a file in it (``multipart/form-data``), read in memory: its body has been measured already."""

from __future__ import annotations

import re

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from helpers.serving.problems import Problem


class _Parts:
    """The parts of a form as python-multipart's parser finds them."""

    def __init__(self) -> None:
        self.found: list[tuple[dict[bytes, bytes], bytearray]] = []
        self.whole = False
        self._name, self._value = b"", b""

    def on_part_begin(self) -> None:
        self.found.append(({}, bytearray()))

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self.found[-1][0][self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.found[-1][1].extend(data[start:end])

    def on_end(self) -> None:
        self.whole = True


_CALLBACKS = tuple(each for each in dir(_Parts) if each.startswith("on_"))


_ORDINARY_HEAD = re.compile(
    rb'Content-Disposition: form-data; name="([^"\\\r\n]*)"; filename="[^"\\\r\n]*"\r\nContent-Type: [a-z]+/[a-z]+',
    re.IGNORECASE,
)
_ORDINARY_TYPE = re.compile(r"multipart/form-data; boundary=([0-9A-Za-z_-]{1,70})")


def _ordinary(body: bytes, content_type: str, name: str) -> bytes | None:
    """The file of a form as curl, browsers and Python write it: one part between two boundaries. None of any other.

    Whatever is not exactly that goes to the parser, which takes ten times as long.
    """
    if (found := _ORDINARY_TYPE.fullmatch(content_type)) is None:
        return None
    boundary = b"--" + found[1].encode()
    start, end = boundary + b"\r\n", b"\r\n" + boundary + b"--\r\n"
    if not (body.startswith(start) and body.endswith(end) and body.count(boundary) == 2):
        return None
    head, blank, file = body[len(start) : -len(end)].partition(b"\r\n\r\n")
    written = _ORDINARY_HEAD.fullmatch(head)
    return file if blank and written is not None and written[1] == name.encode() else None


def file_of_form(body: bytes, content_type: str, name: str) -> bytes:
    """The one file of a form.

    Parameters
    ----------
    body : bytes
        The form.
    content_type : str
        The header that names its boundary.
    name : str
        The file's field.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    Problem
        400 if it is no whole form, 422 if it holds anything else than that file.

    References
    ----------
    Masinter, "Returning Values from Forms: multipart/form-data", RFC 7578, 2015.
    """
    if (file := _ordinary(body, content_type, name)) is not None:
        return file
    parts = _Parts()
    callbacks = {each: getattr(parts, each) for each in _CALLBACKS}
    try:
        boundary = parse_options_header(content_type)[1][b"boundary"]
        parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except (FormParserError, KeyError, ValueError) as error:
        raise Problem(400, "not-a-form", f"The body is not such a form as its header says: {error}.") from None
    if not parts.whole:
        raise Problem(400, "not-a-form", "The form has no end: its last boundary is missing.")
    fields = [parse_options_header(headers.get(b"content-disposition"))[1] for headers, _ in parts.found]
    if len(fields) != 1 or fields[0].get(b"name") != name.encode() or b"filename" not in fields[0]:
        raise Problem(422, "wrong-form", f"The form must hold one file, named {name}, and nothing else.")
    return bytes(parts.found[0][1])
