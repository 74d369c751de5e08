"""The checks of the exercises: they accept every right answer, and say what is wrong with a wrong one."""

import functools
import importlib
import pkgutil

import pytest

from helpers.course.exercises import check
from tests.notebooks import answers
from tests.notebooks.cells import function_of

EXERCISES = [
    exercise
    for module in pkgutil.iter_modules(answers.__path__, f"{answers.__name__}.")
    for exercise in importlib.import_module(module.name).EXERCISES
]
by_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.number)


@functools.cache
def test_of(number):
    [exercise] = [exercise for exercise in EXERCISES if exercise.number == number]
    return function_of(exercise.notebook, exercise.test, **exercise.around())


test_of.__test__ = False


def said(exercise, answer, capsys):
    check(exercise.number, answer, test_of(exercise.number))
    return capsys.readouterr().out


@by_exercise
def test_a_check_is_tried_with_enough_answers(exercise):
    assert len(exercise.wrong) >= 5
    assert len(exercise.right) >= 3


@by_exercise
def test_right_answers_pass(exercise, capsys):
    for number, answer in enumerate(exercise.right):
        assert said(exercise, answer, capsys).startswith("✓"), number


@by_exercise
def test_wrong_answers_are_told_what_is_wrong(exercise, capsys):
    for number, (answer, words) in enumerate(exercise.wrong):
        message = said(exercise, answer, capsys)
        assert message.startswith("✗"), f"{number}: {message}"
        assert words in message, f"{number}: {message}"
