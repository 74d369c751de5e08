"""What notebook 13 defines and its story leans on: the rule, the colleague's trust score, the last paragraph."""

from types import SimpleNamespace

import pytest

from helpers import scorecard
from helpers.scorecard import argue, decide, read_thresholds
from helpers.scorecard.verdicts import verdict
from tests.notebooks.cells import function_of
from tests.scorecard.cards import CODE, across, beyond, ends, good, good_card, touching

OURS = read_thresholds()
NOTEBOOK = "13_decision"


def decided(records):
    return decide(records, OURS, seed=10, code_of=lambda notebook: CODE)


def spoilt(at, how=beyond):
    return [how(each, ends(each)[0], 1e-9) if at == place else good(each) for place, each in enumerate(OURS)]


@pytest.mark.parametrize("how", [beyond, across, touching])
@pytest.mark.parametrize("at", range(len(OURS)), ids=[threshold.metric for threshold in OURS])
def test_the_rule_as_written_out_is_the_librarys(at, how):
    of_one, of_all = function_of(NOTEBOOK, "of_one"), function_of(NOTEBOOK, "of_all")
    card = spoilt(at, how)
    said = [of_one(one.low, one.high, asked.least, asked.most) for one, asked in zip(card, OURS, strict=True)]
    assert said == [verdict(asked, one) for one, asked in zip(card, OURS, strict=True)]
    assert of_all(said) == decided(card).verdict


def test_the_rule_where_nothing_is_there():
    of_all = function_of(NOTEBOOK, "of_all")
    assert of_all(["met", "missing"]) == "cannot decide"
    assert of_all(["met", "stale", "not shown"]) == "no-go"


def test_made_up_records_are_as_many_halves_from_their_bound_as_asked():
    run = SimpleNamespace(seed=10, budget="quick")
    keys = {asked.notebook: CODE for asked in OURS}
    made_up = function_of(NOTEBOOK, "made_up", decision=run, code_keys=keys, scorecard=scorecard)
    for asked in OURS:
        for halves, said in ((4, "met"), (-4, "not met")):
            record = made_up(asked, halves)
            assert verdict(asked, record) == said, asked.metric


def test_the_trust_score_lets_one_bad_record_pass():
    score = function_of(NOTEBOOK, "trust_score")
    assert score(decided(good_card(OURS))) > 60
    assert min(score(decided(spoilt(at))) for at in range(len(OURS))) > score(decided(good_card(OURS))) - 5


def test_the_paragraph_with_both_outcomes():
    sentences = function_of(NOTEBOOK, "in_a_paragraph")
    go, no_go = decided(good_card(OURS)), decided(spoilt(0))
    text = sentences(go, argue(go))
    assert "The verdict is go: of 28 bounds, 28 are met, so the network may drive on the drawn roads" in text
    assert text.endswith("Not supported, so nobody may rely on it: nothing of what was asked.")
    text = sentences(no_go, argue(no_go))
    assert "The verdict is no-go: of 28 bounds, 27 are met, so the network may be studied, and not drive." in text
    assert text.endswith("nobody may rely on it: It reads signs as rightly as people do (course_cnn: not met).")
