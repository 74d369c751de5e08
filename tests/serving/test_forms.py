"""The short way to read a form gives what the parser gives, and takes nothing that the parser refuses."""

import pytest

from helpers.serving import forms
from helpers.serving.problems import Problem
from tests.serving.files import form, png

FILES = (png(), b"", b"\r\n", b"\r\n\r\n--xy", b"--xy\r\n", b"x\r\n--", bytes(range(256)))


def read(body, content_type):
    try:
        return forms.file_of_form(body, content_type, "image")
    except Problem as problem:
        return problem.status, problem.kind, problem.detail


def both_ways(monkeypatch, body, content_type):
    with monkeypatch.context() as patch:
        patch.setattr(forms, "_ordinary", lambda *given: None)
        slow = read(body, content_type)
    return read(body, content_type), slow


@pytest.mark.parametrize("data", FILES)
def test_an_ordinary_form_needs_no_parser(monkeypatch, data):
    fast, slow = both_ways(monkeypatch, *form(data))
    assert fast == slow == data
    monkeypatch.setattr(forms, "MultipartParser", None)
    assert read(*form(data)) == data


def changes():
    """Forms that are not quite as they should be."""
    body, kind = form(png())
    for old, new in (
        (b"--xyz--\r\n", b"--xyz--"),
        (b"--xyz--\r\n", b"--xyz\r\n"),
        (b"--xyz--\r\n", b""),
        (b'"image"', b'"other"'),
        (b'name="image"', b"name=image"),
        (b'; filename="a.png"', b""),
        (b'filename="a.png"', b'filename="a\\".png"'),
        (b"Content-Disposition", b"content-disposition"),
        (b"\r\nContent-Type: image/png", b""),
        (b"Content-Type: image/png", b"Content-Type: image/png\r\nX: y"),
        (b"Content-Disposition", b"Content-Disposition: x\r\nContent-Disposition"),
        (b"image/png\r\n\r\n", b"image/png\r\n"),
        (b"\r\nContent", b"\nContent"),
    ):
        yield body.replace(old, new), kind
    yield body[:-9] + body, kind  # two files
    yield body + b"epilogue", kind
    yield b"preamble\r\n" + body, kind
    yield form(b"\r\n--xyz\r\n")[0], kind
    yield form(b"\r\n--xyz--\r\n")[0], kind
    yield b"--xyz\r\n--xyz--\r\n", kind
    yield b"", kind
    yield body, 'multipart/form-data; boundary="xyz"'
    yield body, "multipart/form-data; boundary=xy"
    yield body, "multipart/form-data; boundary=other"
    yield body, "multipart/form-data; charset=utf-8; boundary=xyz"
    yield body, "multipart/form-data"


@pytest.mark.parametrize(("body", "content_type"), list(changes()))
def test_any_other_form_is_what_the_parser_says(monkeypatch, body, content_type):
    fast, slow = both_ways(monkeypatch, body, content_type)
    assert fast == slow
