"""Answers to the exercises of notebook 10: an answer to nonsense, when the taxi may act, the colleague's check."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from tests.notebooks.answers import Exercise
from tests.notebooks.cells import function_of

# ---- 10.1

SHAPE = (4, 4, 3)


def refused_in_steps(question):
    if not isinstance(question, dict) or "image" not in question:
        return "send an object with the key 'image'"
    try:
        image = np.array(question["image"], dtype=float)
    except (TypeError, ValueError):
        return "'image' must be nested lists of numbers"
    if image.shape != SHAPE:
        return f"the shape must be {SHAPE}"
    return "" if ((image >= 0) & (image <= 1)).all() else "pixels are numbers from 0 to 1"


def one_guard(question):
    try:
        image = np.asarray(question["image"], dtype=np.float32)
        assert image.shape == SHAPE, image.shape
        assert np.nanmin(image) >= 0, "range"
        assert np.nanmax(image) <= 1, "range"
        assert not np.isnan(image).any(), "NaN"
    except Exception as error:
        return f"this is no picture: {error!r}"
    return ""


def by_hand(question):
    rows = question.get("image") if isinstance(question, dict) else None
    if not isinstance(rows, list) or len(rows) != SHAPE[0]:
        return "'image' must be a list of four rows"
    for row in rows:
        if not isinstance(row, list) or len(row) != SHAPE[1]:
            return "a row must be a list of four pixels"
        for pixel in row:
            if not isinstance(pixel, list) or len(pixel) != SHAPE[2] or not all(0 <= value <= 1 for value in pixel):
                return "a pixel must be three numbers from 0 to 1"
    return ""


def without_range(question):
    said = refused_in_steps(question)
    return "" if said.startswith("pixels") else said


def blind_to_nan(question):
    said = refused_in_steps(question)
    if said.startswith("pixels"):
        image = np.array(question["image"], dtype=float)
        return said if (image < 0).any() or (image > 1).any() else ""
    return said


def by_size(question):
    said = refused_in_steps(question)
    return "" if said.startswith("the shape") else said


def raises(question):
    image = np.array(question["image"], dtype=float)
    return "" if image.shape == SHAPE and ((image >= 0) & (image <= 1)).all() else "this is no picture"


# ---- 10.2

LEVELS = (0.8, 0.9, 0.95, 0.99, 0.999)
MARKING = pd.DataFrame(
    {"acts on": [0.75, 0.85, 0.9, 0.82, 0.4], "wrong among these": [0.01, 0.03, 0.04, 0.02, 0.0]}, index=LEVELS
)


# ---- 10.3


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def solved(folder, signed):
    here = {path.name for path in Path(folder).iterdir()}
    wrong = []
    for name in sorted(here | set(signed)):
        path = Path(folder, name)
        if name not in signed or path.is_symlink() or not path.is_file() or sha256(path) != signed[name]:
            wrong.append(name)
    return wrong


def with_scandir(folder, signed):
    found = {
        each.name: sha256(each.path) if each.is_file(follow_symlinks=False) else "" for each in os.scandir(str(folder))
    }
    return {name for name in {*found, *signed} if found.get(name) != signed.get(name, "unsigned")}


def as_paths(folder, signed):
    return tuple(Path(folder, name) for name in solved(folder, signed))


def colleague(folder, signed):
    return [name for name in signed if Path(folder, name).exists() and sha256(Path(folder, name)) != signed[name]]


def and_missing(folder, signed):
    return [name for name in signed if not Path(folder, name).exists() or sha256(Path(folder, name)) != signed[name]]


def files_alone(folder, signed):
    here = {path.name: sha256(path) for path in Path(folder).iterdir() if path.is_file()}
    return [name for name in {*here, *signed} if here.get(name) != signed.get(name)]


def links_left(folder, signed):
    here = {path.name: sha256(path) if path.is_file() else "" for path in Path(folder).iterdir()}
    return [name for name in {*here, *signed} if here.get(name) != signed.get(name)]


def everything(folder, signed):
    return [path.name for path in Path(folder).iterdir()]


def around_folders():
    tools = {"Path": Path, "tempfile": tempfile, "hashlib": hashlib}
    made = function_of("10_deployment", "folders_to_check", **tools)
    return tools | {"folders_to_check": made, "json": json}


EXERCISES = [
    Exercise(
        notebook="10_deployment",
        number="10.1",
        test="test_complaint",
        right=[refused_in_steps, one_guard, by_hand],
        wrong=[
            (without_range, "pixels up to 255: you let it through"),
            (blind_to_nan, "pixels that are NaN: you let it through"),
            (by_size, "rows that are missing: you let it through"),
            (raises, "your function raised"),
            (lambda question: "no", "can be answered"),
            (lambda question: refused_in_steps(question) != "", "return an empty text, you return False"),
        ],
        around=lambda: {"data": SimpleNamespace(shape=SHAPE)},
    ),
    Exercise(
        notebook="10_deployment",
        number="10.2",
        test="test_level",
        right=[0.99, np.float64(0.99), [0.99]],
        wrong=[
            (0.999, "acts on 40.0% only"),
            (0.8, "acts on 75.0% only"),
            (0.9, "another level that acts on 80% has fewer"),
            (0.95, "another level that acts on 80% has fewer"),
            (0.5, "there is no level 0.5"),
            (99, "there is no level 99"),
        ],
        around=lambda: {"marking": MARKING},
    ),
    Exercise(
        notebook="10_deployment",
        number="10.3",
        test="test_problems",
        right=[solved, with_scandir, as_paths],
        wrong=[
            (colleague, "an added file (setup.py): you find nothing"),
            (and_missing, "an added file (setup.py): you find nothing"),
            (files_alone, "a link (card.json): you find nothing"),
            (links_left, "a link (card.json): you find nothing"),
            (everything, "nothing is wrong with this folder"),
            (lambda folder, signed: [name for name in solved(folder, signed) if name != ".git"], "a hidden folder"),
            (lambda folder, signed: not solved(folder, signed), "return a list of names"),
        ],
        around=around_folders,
    ),
]
