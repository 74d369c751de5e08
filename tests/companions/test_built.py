"""Every companion's notebook: made from its source, for its own kernel, in cells that can be read."""

import nbformat
import pytest

from helpers.course import build, companions, layout

SOURCES = [companions.FOLDER / name / "source.py" for name in companions.names()]
each = pytest.mark.parametrize("source", SOURCES, ids=[source.parent.name for source in SOURCES])


def test_every_companion_has_a_source():
    assert layout.companion_sources() == SOURCES


@each
def test_the_committed_notebook_is_what_its_source_gives(source):
    assert build.drift(source) == []
    made = nbformat.read(layout.companion_path(source), as_version=4)
    assert made.metadata.kernelspec.name == companions.kernel_name(source.parent.name)


@each
def test_cells_are_short_and_prose_is_wrapped(source):
    for cell in build.companion(source).cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if cell.cell_type == "code":
            assert len([line for line in lines if not line.startswith("#")]) <= 15, lines[0]
        else:
            assert max(map(len, lines)) <= 100, lines[0]
