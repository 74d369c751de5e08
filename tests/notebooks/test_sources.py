"""Every notebook keeps the rules and is what its source gives: read, not executed, so it comes before all else."""

import pytest

from helpers.course import build, layout, lint

SOURCES = layout.sources()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_keeps_the_rules_of_the_course(source):
    assert lint.lint(source) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_is_what_its_source_gives(source):
    assert build.drift(source) == [], "run 'make build'"


def test_every_notebook_has_a_source():
    assert build.orphans() == []
