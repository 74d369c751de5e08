"""The notebooks, executed once for all tests of this folder."""

import pytest

from helpers.course.run import offline_prefix
from helpers.errors import CourseError
from tests.conftest import missing
from tests.notebooks.running import fashion_is_ready, vigilant


@pytest.fixture(scope="session")
def solutions(tmp_path_factory):
    """All solution notebooks, executed once with the network cut off."""
    folder = tmp_path_factory.mktemp("build")
    try:
        offline_prefix()
    except CourseError as error:
        missing(str(error))
    code = vigilant(folder, "run", "--solutions", "--offline")
    return folder, code


@pytest.fixture(scope="session")
def on_fashion(tmp_path_factory):
    """Notebooks 01 to 05 on real clothing, with the network cut off."""
    folder = tmp_path_factory.mktemp("fashion")
    if not fashion_is_ready():
        missing("the Debian package dataset-fashion-mnist")
    code = vigilant(folder, "run", "01", "02", "03", "04", "05", "--solutions", "--offline", "--dataset", "fashion")
    return folder, code


@pytest.fixture(scope="session")
def students(tmp_path_factory, solutions):
    """The student notebooks as they are handed out, nothing answered, on the cache that the solutions left."""
    folder = tmp_path_factory.mktemp("students")
    return folder, vigilant(folder, "run", "--offline")
