"""Titles that say how a run came out are made by functions, and each is read with both outcomes."""

import pytest

from tests.notebooks.cells import function_of, functions
from tests.notebooks.expected import BY_NOTEBOOK

CASES = [
    pytest.param(notebook, name, given, text, id=f"{notebook}-{name}-{number}")
    for notebook, said in BY_NOTEBOOK.items()
    for name, cases in said.TITLES.items()
    for number, (given, text) in enumerate(cases)
]


@pytest.mark.parametrize("notebook", BY_NOTEBOOK)
def test_every_title_is_tried_with_both_outcomes(notebook):
    made = {name for name in functions(notebook) if name.endswith("_title")}
    tried = BY_NOTEBOOK[notebook].TITLES
    assert set(tried) == made
    for name, cases in tried.items():
        assert len({text for _, text in cases}) >= 2, f"{name} is read with one outcome only"


@pytest.mark.parametrize(("notebook", "name", "given", "text"), CASES)
def test_a_title_says_what_came_out(notebook, name, given, text):
    assert function_of(notebook, name)(*given) == text
