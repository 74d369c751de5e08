"""What the course claims, beyond the bands: each claim names its records, and is seen to fail without its effect."""

import dataclasses

import pytest

from helpers import scorecard
from helpers.course import layout
from tests.notebooks.expected import BY_NOTEBOOK

SPOILT = [(notebook, *spoilt) for notebook, said in BY_NOTEBOOK.items() for spoilt in said.SPOILT_CLAIMS]


def broken_claims(records):
    """Say which claims the records of a default run do not bear out."""
    found = []
    for notebook, said in BY_NOTEBOOK.items():
        by_metric = {record.metric: record for record in records if record.notebook == notebook}
        found += [claim for claim, holds in said.CLAIMS.items() if not holds(by_metric.__getitem__)]
    return found


def test_every_notebook_says_what_is_expected_of_it():
    assert list(BY_NOTEBOOK) == [source.stem for source in layout.sources()]


def test_every_claim_is_spoilt_at_least_once():
    for notebook, said in BY_NOTEBOOK.items():
        for claim in said.CLAIMS:
            assert any(words in claim for _, _, words in said.SPOILT_CLAIMS), f"{notebook}: {claim}"


def test_the_claims_hold(solutions):
    assert broken_claims(scorecard.read(solutions[0] / "scorecard.json")) == []


@pytest.mark.parametrize(("notebook", "metric", "spoilt", "words"), SPOILT)
def test_a_claim_whose_effect_is_gone_is_noticed(solutions, notebook, metric, spoilt, words):
    records = scorecard.read(solutions[0] / "scorecard.json")
    concerned = [(record.notebook, record.metric) == (notebook, metric) for record in records]
    assert any(concerned)
    fields = spoilt if isinstance(spoilt, dict) else {"value": spoilt, "low": spoilt, "high": spoilt}
    changed = [
        dataclasses.replace(record, **fields) if mine else record
        for record, mine in zip(records, concerned, strict=True)
    ]
    assert [broken for broken in broken_claims(changed) if words in broken]
