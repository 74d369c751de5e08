"""The gate says what ``vigilant decide`` says: one rule, no threshold of its own."""

import contextlib
import json
from dataclasses import asdict

import pytest

from helpers import cli, scorecard
from helpers.pipeline import GateRefused, release_gate
from helpers.scorecard import decision_entry
from tests.pipeline import small
from tests.scorecard import cards

pytestmark = pytest.mark.usefixtures("code_as_recorded")
TINY = 1e-9


def handed(folder, records):
    """What the gate is handed: a network whose weights are those of the records, and the records."""
    for name in ("model", "measured", "out"):
        (folder / name).mkdir()
    digest = f"weights of {small.FIRST.model}"
    small.write(
        folder / "model" / "model.json",
        {"model": "course_cnn", "digest": digest, "budget": "quick", "seed": small.SEED},
    )
    small.write(folder / "measured" / "scorecard.json", [asdict(record) for record in records])
    return {name: folder / name for name in ("model", "measured", "out")}


def spoilt():
    """A scorecard for each threshold: that record a hair beyond its bound, a hair short of it, not shown, missing."""
    good = cards.good_card(small.THRESHOLDS)
    yield "good", good
    for place, threshold in enumerate(small.THRESHOLDS):
        for end in cards.ends(threshold):
            others = [record for other, record in enumerate(good) if other != place]
            yield f"{place} beyond", [*others, cards.beyond(threshold, end, TINY)]
            yield f"{place} touching", [*others, cards.touching(threshold, end, TINY)]
            yield f"{place} not shown", [*others, cards.across(threshold, end, TINY)]
        yield f"{place} missing", [record for other, record in enumerate(good) if other != place]


CARDS = dict(spoilt())


@pytest.mark.parametrize("name", CARDS)
def test_the_gate_agrees_with_the_command(name, tmp_path, monkeypatch, capsys):
    given = handed(tmp_path, CARDS[name])
    monkeypatch.setenv("VIGILANT_BUILD", str(given["measured"]))
    status = cli.main(["decide", "--seed", str(small.SEED), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["go"] == (status == 0)
    refused = contextlib.nullcontext() if said["go"] else pytest.raises(GateRefused, match=f"^{said['verdict']}:")
    with refused:
        release_gate(**given)
    verdict = json.loads((given["out"] / "verdict.json").read_text())
    assert verdict.pop("model_digest") == f"weights of {small.FIRST.model}"
    assert verdict == said


def test_the_cards_are_of_all_kinds(tmp_path):
    verdicts = [scorecard.decide(card, seed=small.SEED, code_of=small.code_of).verdict for card in CARDS.values()]
    assert min(verdicts.count(each) for each in ("go", "no-go", "cannot decide")) >= len(small.THRESHOLDS)
    assert decision_entry(scorecard.decide(CARDS["good"], seed=small.SEED, code_of=small.code_of))["go"]


def test_records_of_other_weights_say_nothing_of_these(tmp_path):
    given = handed(tmp_path, CARDS["good"])
    said = json.loads((given["model"] / "model.json").read_text())
    small.write(given["model"] / "model.json", said | {"digest": "trained anew"})
    with pytest.raises(
        GateRefused, match=r"(?s)cannot decide:.*it is of weights of course_cnn, and course_cnn must be"
    ):
        release_gate(**given)


def test_nothing_measured_says_what_to_run(tmp_path):
    with pytest.raises(GateRefused, match=r"(?s)cannot decide:.*To run: vigilant run 01 .* --seed 10$"):
        release_gate(**handed(tmp_path, []))


def test_a_scorecard_that_cannot_be_read_lets_nothing_pass(tmp_path):
    given = handed(tmp_path, [])
    (given["measured"] / "scorecard.json").write_text("[{]")
    with pytest.raises(GateRefused, match=r"cannot decide: .*is not a scorecard"):
        release_gate(**given)
