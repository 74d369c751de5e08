"""A model card recommends what was shown, and names what was not."""

import pytest

from helpers.scorecard import decide, read_safety_case, read_thresholds
from helpers.serving import CARD_SECTIONS, release_card
from helpers.serving.cards import model_card
from tests.scorecard.cards import CODE, beyond, ends, good, good_card

OURS = read_thresholds()


def card_of(records):
    return release_card(decide(records, OURS, seed=10, code_of=lambda notebook: CODE))


def test_a_go_may_be_used_and_leaves_nothing_open():
    card = card_of(good_card(OURS))
    assert set(card) == set(CARD_SECTIONS)
    assert "Reading drawn road signs" in card["intended_use"]
    assert "Not supported: nothing of what was asked." in card["caveats"]
    assert "28 bounds (seed 10, quick budget): 28 met" in card["caveats"]
    assert model_card(card, {"name": "signs"})["intended_use"] == card["intended_use"]


@pytest.mark.parametrize("spoilt", range(len(OURS)), ids=[threshold.metric for threshold in OURS])
def test_one_spoilt_record_takes_the_use_away_and_is_named(spoilt):
    bad = beyond(OURS[spoilt], ends(OURS[spoilt])[0], 0.001)
    card = card_of([bad if at == spoilt else good(each) for at, each in enumerate(OURS)])
    [lost] = [claim.claim for claim in read_safety_case() if OURS[spoilt].metric in claim.metrics]
    assert "nobody may rely on an answer" in card["intended_use"]
    assert "Reading" not in card["intended_use"]
    supported, not_supported = card["caveats"].split("Not supported: ")
    assert lost.removesuffix(".") not in supported
    assert lost.removesuffix(".") in not_supported
    assert f"{OURS[spoilt].model}" in not_supported
    assert ": not met)" in not_supported


def test_nothing_measured_is_nothing_shown():
    card = card_of([])
    assert "cannot decide: nobody may rely on an answer" in card["intended_use"]
    assert "Supported: nothing. Not supported: It reads" in card["caveats"]
    assert "course_cnn: missing)" in card["caveats"]


def test_whom_it_concerns_is_said_with_its_limit():
    text = card_of(good_card(OURS))["ethical_considerations"]
    assert "The finder of pedestrians finds people of all skin tones alike (pedestrian_cnn: met). Drawn people" in text
    assert "A sign reader can be trained that does not tell whom it was trained on (private_linear: met)." in text
