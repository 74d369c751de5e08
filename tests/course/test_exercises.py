"""A check says what is right, what is wrong and what is missing, whatever the answer is."""

import doctest
import functools

import numpy as np
import pandas as pd
import pytest

from helpers.course import exercises
from helpers.course.exercises import check, expect, one_number
from helpers.intervals import Estimate


def say(capsys, answer, test):
    assert check("1.1 task", answer, test) is None
    text = capsys.readouterr().out
    assert text.endswith("\n")
    assert "Traceback" not in text
    return text.rstrip("\n")


def twice(answer):
    expect(answer(4) == 8, "twice 4 is 8")


def test_the_examples_in_the_documentation():
    assert doctest.testmod(exercises).failed == 0


@pytest.mark.parametrize("answer", [lambda x: 2 * x, np.vectorize(lambda x: 2 * x), functools.partial(pow, 2)])
def test_a_right_answer(capsys, answer):
    test = twice if not isinstance(answer, functools.partial) else lambda power: expect(power(3) == 8, "2 cubed")
    assert say(capsys, answer, test) == "✓ 1.1 task"


def test_a_wrong_answer_teaches_in_one_line_and_goes_on(capsys):
    assert say(capsys, lambda x: x, twice) == "✗ 1.1 task: twice 4 is 8"


@pytest.mark.parametrize("answer", [None, ..., (1, None), [..., 2], {"a": None}, lambda x: None, lambda x: ...])
def test_what_is_not_answered_yet(capsys, answer):
    assert say(capsys, answer, twice).startswith("◻ 1.1 task: not answered yet")


def test_where_a_solution_is_run_only_a_right_answer_goes_on(capsys, monkeypatch):
    monkeypatch.setenv("VIGILANT_CHECKS", "raise")
    assert say(capsys, lambda x: 2 * x, twice) == "✓ 1.1 task"
    for answer, line in ((lambda x: x, "✗ 1.1 task: twice 4 is 8"), (None, "◻ 1.1 task: not answered yet")):
        with pytest.raises(AssertionError, match=line):
            check("1.1 task", answer, twice)
        assert line in capsys.readouterr().out


def test_a_function_that_forgot_its_return_is_told_so(capsys):
    def answer(x):
        2 * x

    assert "is a `return` missing?" in say(capsys, answer, twice)


def test_a_function_that_gives_nothing_back_now_and_then_is_answered_and_wrong(capsys):
    def test(answer):
        answer(1)
        answer(-1)

    text = say(capsys, lambda x: x if x > 0 else None, test)
    assert text.startswith("✗ 1.1 task: your function gave back nothing when called with -1")
    assert say(capsys, lambda x: x if x < 0 else None, test).startswith("◻")


def test_not_answered_is_not_swallowed_by_a_test_that_expects_an_error(capsys):
    def test(answer):
        try:
            answer(-1)
        except Exception:
            return

    assert say(capsys, lambda x: None, test).startswith("◻")


def test_an_error_in_the_students_function_names_error_and_input(capsys):
    text = say(capsys, lambda images, k: images.sum() / k, lambda answer: answer(np.zeros((4, 3, 3)), k="no"))
    assert text.startswith("✗ 1.1 task: your function raised ")
    assert "a float64 array of shape (4, 3, 3), k='no'" in text


def test_the_call_that_failed_can_be_typed_as_it_is_shown(capsys):
    scores = np.array([3.0, 5.0, 4.0, 2.0, 1.0, 6.0])
    text = say(capsys, lambda scores, alpha: scores[6], lambda answer: answer(scores, 0.25))
    assert "when called with np.array([3., 5., 4., 2., 1., 6.]), 0.25." in text
    assert "when called with np.array([[0, 1], [2, 3]])." in say(
        capsys, lambda x: x[9], lambda answer: answer(np.arange(4).reshape(2, 2))
    )


def test_an_index_that_is_no_whole_number(capsys):
    text = say(capsys, lambda scores: scores[np.ceil(1.5)], lambda answer: answer(np.arange(3.0)))
    assert text.endswith("An index is a whole number: int(x) makes one of x.")


@pytest.mark.parametrize("answer", [2, 2.0, np.float32(2), np.array([[2]]), [2.0], Estimate(2.0, 1.0, 3.0, 9)])
def test_one_number_in_any_dress(answer):
    assert one_number(answer) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("0.86", "this is '0.86'"),
        (True, "this is True"),
        (np.zeros(4000), r"this holds 4,000 of them \(shape \(4000,\)\)"),
        ([], "this holds 0 of them"),
        ({"a": 1}, "this is {'a': 1}"),
    ],
)
def test_what_is_not_one_number_is_said(answer, words):
    with pytest.raises(AssertionError, match=words):
        one_number(answer)


def test_division_by_zero(capsys):
    text = say(capsys, lambda x: 1 // x, lambda answer: answer(0))
    assert "raised ZeroDivisionError: integer division or modulo by zero when called with 0." in text


def test_an_error_that_the_test_asks_for_is_right(capsys):
    def answer(x):
        raise ValueError("out of range")

    def test(function):
        with pytest.raises(ValueError, match="out of range"):
            function(3)

    assert say(capsys, answer, test) == "✓ 1.1 task"


@pytest.mark.parametrize(
    "answer",
    [
        np.array([1.0, np.nan]),
        np.array([None, None]),
        float("nan"),
        pd.DataFrame({"a": [1, 2]}),
        pd.Series([1, 2]),
        {"a": np.arange(3)},
        [np.arange(3), np.arange(3)],
        "text",
        0,
        False,
        np.empty(0),
    ],
)
def test_strange_answers_are_judged_by_the_test_alone(capsys, answer):
    assert say(capsys, answer, lambda given: expect(given is answer, "another object")) == "✓ 1.1 task"
    assert say(capsys, answer, lambda given: expect(np.zeros(2, bool), "all of it is wrong")).startswith("✗")


def test_an_answer_of_the_wrong_kind(capsys):
    text = say(capsys, "half", lambda answer: expect(abs(answer - 0.5) < 0.1, "about a half"))
    assert text.startswith("✗ 1.1 task: your answer could not be tested (TypeError")


def test_messages_of_other_libraries_stay_readable(capsys):
    text = say(
        capsys, np.ones(3), lambda answer: np.testing.assert_allclose(answer, np.zeros(3), err_msg="subtract the mean")
    )
    assert text.startswith("✗ 1.1 task: ")
    assert "subtract the mean" in text
    bare = say(capsys, 3, lambda answer: (_ for _ in ()).throw(AssertionError))
    assert bare == "✗ 1.1 task: not right yet"


def test_a_test_that_returns_false_cannot_pass():
    with pytest.raises(TypeError, match="gave back False"):
        check("1.1", 3, lambda answer: answer == 4)


@pytest.mark.parametrize("condition", [1, np.nan, "yes", None, np.array([1.0, np.nan])])
def test_expect_refuses_what_is_neither_true_nor_false(condition):
    with pytest.raises(TypeError, match="needs True or False"):
        expect(condition, "")


def test_expect_wants_all_of_an_array():
    expect(np.array([True, True]), "no")
    expect(pd.DataFrame({"a": [True]}), "no")
    with pytest.raises(AssertionError, match="one is wrong"):
        expect(np.array([True, False]), "one is wrong")


def test_a_model_keeps_its_methods(capsys):
    class Model:
        def __call__(self, x):
            return None

        def predict(self, x):
            return x

    assert say(capsys, Model(), lambda model: expect(model.predict(3) == 3, "no")) == "✓ 1.1 task"
