"""Answers to the exercises of notebook 10: an answer to nonsense, when the taxi may act, the colleague's check."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from tests.notebooks.answers import Exercise
from tests.notebooks.cells import function_of

# ---- 10.1

SHAPE = (4, 4, 3)
PICTURE = np.random.default_rng(0).random(SHAPE)


class _Tutorial:
    """Answers whatever has the right shape, as the notebook's does."""

    def test_client(self):
        return self

    def post(self, path, json):
        image = np.array(json["image"])
        return SimpleNamespace(status_code=200 if image.shape == SHAPE and image.dtype.kind in "fi" else 500)


AROUND = {"data": SimpleNamespace(shape=SHAPE), "tutorial_app": lambda number: _Tutorial()}

# ---- 10.2


def in_steps(answer):
    if answer["out_of_distribution"]:
        return "ask"
    if len(answer["set"]) == 1:
        return answer["class"]
    return "ask"


def by_unpacking(answer):
    try:
        [only] = answer["set"]
    except ValueError:
        return "ask"
    return only if not answer["out_of_distribution"] else "ask"


def by_joining(answer):
    return {1: "".join(answer["set"])}.get(len(answer["set"]) + 2 * answer["out_of_distribution"], "ask")


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
        test="test_nonsense",
        right=[
            np.full(SHAPE, -1000.0),
            (255 * PICTURE).tolist(),
            np.where(PICTURE > 0.5, np.nan, PICTURE),
            tuple(map(tuple, (PICTURE + 1).tolist())),
        ],
        wrong=[
            (PICTURE, "this could be a picture"),
            (np.zeros(SHAPE).tolist(), "this could be a picture"),
            (np.ones(SHAPE, np.uint8), "this could be a picture"),
            (np.full(48, -1.0), "a picture has shape"),
            (np.full((1, *SHAPE), 7.0), "a picture has shape"),
            (255.0, "a picture has shape"),
        ],
        around=lambda: AROUND,
    ),
    Exercise(
        notebook="10_deployment",
        number="10.2",
        test="test_decide",
        right=[in_steps, by_unpacking, by_joining],
        wrong=[
            (lambda answer: answer["class"], "a strange picture is for a person"),
            (lambda answer: "ask" if answer["out_of_distribution"] else answer["class"], "two classes in the set"),
            (lambda answer: answer["class"] if len(answer["set"]) == 1 else "ask", "a strange picture"),
            (lambda answer: "ask", "the taxi may act, and you ask"),
            (lambda answer: answer["prediction"], "the answer's class is 'yield'"),
            (
                lambda answer: "ask" if answer["out_of_distribution"] or len(answer["set"]) > 1 else answer["class"],
                "an empty set",
            ),
        ],
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
            (lambda folder, signed: not solved(folder, signed), "return a list of names"),
        ],
        around=around_folders,
    ),
]
