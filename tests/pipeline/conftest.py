"""What the tests of the pipeline share."""

import pytest

from helpers.scorecard import decision
from tests.pipeline import small


@pytest.fixture
def code_as_recorded(monkeypatch):
    """Let every notebook's code be what the small cards name; reading all of it takes seconds."""
    monkeypatch.setattr(decision, "notebook_key", small.code_of)
