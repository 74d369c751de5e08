"""The taxonomy of notebook 03: complete, and every mistake gets its own reason."""

import numpy as np
import pytest

from helpers.explain import taxonomy

RIGHT = {name: method.place for name, method in taxonomy.METHODS.items()}


def test_a_dozen_methods_with_an_answer_and_a_reason_for_each_question():
    assert len(taxonomy.METHODS) == 12
    for method in taxonomy.METHODS.values():
        assert method.does
        assert len(method.why) == len(method.place) == len(taxonomy.QUESTIONS)
        for word, allowed in zip(method.place, taxonomy.QUESTIONS.values(), strict=True):
            assert word in allowed
    # No corner of the table that one word for all would fill.
    for place in range(3):
        assert len({method.place[place] for method in taxonomy.METHODS.values()}) == 2


def test_the_right_answers_pass_in_any_letters_and_order():
    assert taxonomy.review(RIGHT) == []
    assert taxonomy.review({name: [word.upper() for word in RIGHT[name]] for name in reversed(RIGHT)}) == []
    assert taxonomy.review({name: np.array(words) for name, words in RIGHT.items()}) == []


@pytest.mark.parametrize("name", taxonomy.METHODS)
@pytest.mark.parametrize("place", range(3))
def test_each_single_mistake_is_found_and_explained(name, place):
    allowed = list(taxonomy.QUESTIONS.values())[place]
    wrong = list(RIGHT[name])
    wrong[place] = next(word for word in allowed if word != wrong[place])
    (sentence,) = taxonomy.review(RIGHT | {name: tuple(wrong)})
    assert name in sentence
    assert wrong[place] in sentence
    assert taxonomy.METHODS[name].why[place] in sentence


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, "still without a place: linear weights, decision tree rules"),
        ({name: RIGHT[name] for name in RIGHT if name != "LIME"}, "still without a place: LIME"),
        (list(RIGHT.values()), "a dict from each method's name to its three words is wanted; got a list"),
        (RIGHT | {"Grad CAM": ("after", "local", "specific")}, "Did you mean 'GradCAM'"),
        (RIGHT | {"LIME": "after"}, "three words are wanted"),
        (RIGHT | {"LIME": ("after", "local")}, "three words are wanted"),
        (RIGHT | {"LIME": 3}, "three words are wanted"),
        (RIGHT | {"LIME": {"after", "local", "agnostic"}}, "LIME: a set has no order"),
        (
            RIGHT | {"LIME": ("agnostic", "after", "local")},
            "LIME: the three words stand in the order when, scope, access",
        ),
        (
            RIGHT | {"LIME": ("after", "agnostic", "local")},
            "LIME: the three words stand in the order when, scope, access",
        ),
        (RIGHT | {"LIME": ("after", "locale", "agnostic")}, "scope is 'global' or 'local', got 'locale'"),
    ],
)
def test_what_is_no_answer_is_said_plainly(answers, words):
    assert words in taxonomy.review(answers)[0]
