"""The gate, the service and a notebook say what ``vigilant decide`` says: one rule, no threshold of their own."""

import contextlib
import json
from dataclasses import asdict

import pytest

from helpers import cli, scorecard, serving
from helpers.pipeline import GateRefused, release_gate
from helpers.scorecard import decision_entry
from helpers.scorecard.verdicts import verdict
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


def bound_of(place, end):
    threshold = small.THRESHOLDS[place]
    return threshold.least if end == "low" else threshold.most


def sixty():
    """Twenty scorecards that are a go, twenty a no-go by one record alone, twenty not shown.

    Twenty of them, a third, lie within 1e-9 of a bound; the others a hundredth of it away.
    """
    good = cards.good_card(small.THRESHOLDS)
    ends = [(place, end) for place, threshold in enumerate(small.THRESHOLDS) for end in cards.ends(threshold)]
    places = [(place, end) for place, end in ends if bound_of(place, end)]  # nothing is a hundredth of 0 away
    kinds = {"go": (cards.touching, 7), "no-go": (cards.beyond, 7), "not shown": (cards.across, 6)}
    for kind, (spoil, near) in kinds.items():
        for number in range(20):
            place, end = places[(7 * number) % len(places)]
            threshold = small.THRESHOLDS[place]
            by = abs(bound_of(place, end)) / 100 if number >= near else 0 if kind == "go" and number % 2 else TINY / 2
            records = [*good[:place], spoil(threshold, end, by), *good[place + 1 :]]
            yield f"{kind} {number}", kind, place, records


SIXTY = {name: card for name, *card in sixty()}


def in_a_notebook(seed):
    """What notebook 13's cell does: read what is there, and decide."""
    return scorecard.decide(scorecard.read(), seed=seed, budget="quick")


def by_the_service(records):
    """What a service says of a bundle with these records, where it is not told to serve it."""
    run = {"model_digest": f"weights of {small.FIRST.model}", "seed": small.SEED}
    run |= {"budget": "quick", "code": {record["notebook"]: cards.CODE for record in records}}
    try:
        return serving.released(records, run)["verdict"]
    except serving.NotReleased as refusal:
        return str(refusal).removeprefix("the verdict on this bundle is ").partition(".")[0]


def test_there_are_sixty_and_each_is_what_it_says():
    assert [kind for kind, *_ in SIXTY.values()] == ["go"] * 20 + ["no-go"] * 20 + ["not shown"] * 20
    near = 0
    for kind, place, records in SIXTY.values():
        spoilt = [verdict(threshold, record) for threshold, record in zip(small.THRESHOLDS, records, strict=True)]
        assert [each for each in spoilt if each != "met"] == {"no-go": ["not met"], "not shown": ["not shown"]}.get(
            kind, []
        )
        threshold, record = small.THRESHOLDS[place], records[place]
        bounds = [bound for bound in (threshold.low_at_least, threshold.high_at_most) if bound is not None]
        near += min(abs(end - bound) for end in (record.low, record.high) for bound in bounds) <= TINY
    assert near == 20


@pytest.mark.parametrize("name", SIXTY)
def test_command_notebook_gate_and_service_agree(name, tmp_path, monkeypatch, capsys):
    kind, place, records = SIXTY[name]
    wanted = "go" if kind == "go" else "no-go"
    given = handed(tmp_path, records)
    monkeypatch.setenv("VIGILANT_BUILD", str(given["measured"]))
    status = cli.main(["decide", "--seed", str(small.SEED), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert (status, said["verdict"]) == (0 if wanted == "go" else 1, wanted)
    assert [row["verdict"] for row in said["records"] if row["verdict"] != "met"] == (
        [] if wanted == "go" else ["not met" if kind == "no-go" else "not shown"]
    )
    assert said["records"][place]["verdict"] == {"go": "met", "no-go": "not met"}.get(kind, kind)
    assert decision_entry(in_a_notebook(small.SEED)) == said
    with contextlib.nullcontext() if wanted == "go" else pytest.raises(GateRefused, match=r"^no-go:\n- not "):
        release_gate(**given)
    let_in = json.loads((given["out"] / "verdict.json").read_text())
    assert {name: value for name, value in let_in.items() if name != "model_digest"} == said
    assert by_the_service(json.loads((given["measured"] / "scorecard.json").read_text())) == wanted


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
