"""What the tests of rivals share: one cache of networks for all of them, empty at first."""

import pytest


@pytest.fixture(scope="package", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VIGILANT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
