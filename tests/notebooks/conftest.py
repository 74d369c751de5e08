"""The notebooks, each executed as seldom as possible for all tests of this folder."""

import pytest

from helpers.cache import build_directory
from helpers.course import layout
from helpers.course.run import is_current, offline_prefix
from helpers.errors import CourseError
from tests.conftest import missing
from tests.notebooks.running import fashion_is_ready, vigilant

# What ends a notebook that hangs. No notebook takes so long on any machine that is not out of order.
LIMIT = "3600"


@pytest.fixture(scope="session")
def offline():
    try:
        offline_prefix()
    except CourseError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def students(tmp_path_factory, offline):
    """The student notebooks as they are handed out, nothing answered.

    What ``make course`` has just executed on these very sources is read; else they are executed here.
    """
    made = build_directory()
    if all(is_current(layout.student_path(source), made) for source in layout.sources()):
        return made
    folder = tmp_path_factory.mktemp("students")
    vigilant(folder, "run", "--offline", "--jobs", "2", "--limit", LIMIT)
    return folder


@pytest.fixture(scope="session")
def solutions(tmp_path_factory, offline):
    """All solution notebooks, every cell twice in one kernel, outputs compared and checks raising."""
    folder = tmp_path_factory.mktemp("build")
    code = vigilant(folder, "run", "--solutions", "--twice", "--offline", "--jobs", "2", "--limit", LIMIT)
    return folder, code


@pytest.fixture(scope="session")
def on_fashion(tmp_path_factory, offline):
    """The solutions of notebooks 01 to 09 on real clothing."""
    folder = tmp_path_factory.mktemp("fashion")
    if not fashion_is_ready():
        missing("the Debian package dataset-fashion-mnist")
    on_clothing = ("--solutions", "--offline", "--dataset", "fashion", "--jobs", "2", "--limit", LIMIT)
    return folder, vigilant(folder, "run", "01", "02", "03", "04", "05", "06", "07", "08", "09", *on_clothing)
