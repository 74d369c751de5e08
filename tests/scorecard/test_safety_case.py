"""Every bound supports one claim, every claim rests on bounds, and a claim is as good as its weakest record."""

from pathlib import Path

import pytest

from helpers.errors import ScorecardError
from helpers.scorecard import argue, decide, read_safety_case, read_thresholds
from tests.scorecard.cards import CODE, across, beyond, ends, good, good_card

ROOT = Path(__file__).parents[2]
OURS = read_thresholds()
CASE = read_safety_case()
ONE = "- {claim: It reads., metrics: [accuracy], hazard: performance limitation, limit: drawn}\n"


def argued(records):
    return argue(decide(records, OURS, seed=10, code_of=lambda notebook: CODE))


def test_each_threshold_supports_one_claim():
    metrics = [metric for claim in CASE for metric in claim.metrics]
    assert sorted(metrics) == sorted(threshold.metric for threshold in OURS)


def test_a_good_card_supports_every_claim():
    assert {one.verdict for one in argued(good_card(OURS))} == {"met"}


@pytest.mark.parametrize("spoilt", range(len(OURS)), ids=[threshold.metric for threshold in OURS])
def test_one_spoilt_record_takes_its_claim_away_and_no_other(spoilt):
    for wrong, said in ((beyond, "not met"), (across, "not shown")):
        bad = wrong(OURS[spoilt], ends(OURS[spoilt])[0], 0.001)
        found = argued([bad if at == spoilt else good(each) for at, each in enumerate(OURS)])
        lost = [one for one in found if one.verdict != "met"]
        assert [one.verdict for one in lost] == [said]
        assert OURS[spoilt].metric in lost[0].claim.metrics


def test_what_is_missing_supports_nothing():
    lost = [one.verdict for one in argued(good_card(OURS)[1:]) if one.verdict != "met"]
    assert lost == ["missing"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE, "each threshold supports one claim"),
        (ONE + ONE, "each threshold supports one claim"),
        (ONE.replace("accuracy", "acuracy"), "nothing is asked of 'acuracy'.*accuracy"),
        (ONE.replace("[accuracy]", "[]"), "metrics of 'It reads.' must be a list"),
        (ONE.replace("drawn", "''"), "limit must be"),
        (ONE.replace("limit", "limits"), "must be a list of claims, each with claim, metrics"),
        ("claim: 1", "must be a list of claims"),
        ("- [", "must be a list of claims"),
    ],
)
def test_a_case_with_a_hole_is_refused(tmp_path, text, said):
    path = tmp_path / "case.yaml"
    path.write_text(text)
    with pytest.raises(ScorecardError, match=said):
        read_safety_case(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ScorecardError, match="could not read"):
        read_safety_case(tmp_path / "none.yaml")


def test_borrowed_words_and_no_compliance():
    text = (ROOT / "helpers" / "scorecard" / "safety_case.yaml").read_text()
    assert "no compliance is claimed" in text
    assert {claim.attack.partition(",")[0] for claim in CASE if claim.attack} == {"evasion", "privacy", "supply chain"}
