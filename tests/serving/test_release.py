"""A bundle is served on a go of the release decision, or in spite of the very verdict that was named."""

import dataclasses
import json
import subprocess
import sys
import urllib.request

import pytest

from helpers import models, serving
from helpers.errors import CourseError
from helpers.serving import release, replay
from tests.conftest import ROOT
from tests.scorecard import cards
from tests.serving import bundles

NO_GO, UNKNOWN = "no-go", "cannot decide"
GOOD = cards.good_card(bundles.THRESHOLDS)
FIRST = bundles.THRESHOLDS[0]
RUN = dataclasses.asdict(bundles.RUN) | {"model_digest": f"weights of {release.NETWORK}"}
WORSE = [cards.beyond(FIRST, "low", 0.01), *GOOD[1:]]


def decided(records, despite=None, run=RUN):
    return serving.released(bundles.entries(records), run, despite)


def refused(*given, **how) -> str:
    with pytest.raises(serving.NotReleased) as caught:
        decided(*given, **how)
    return str(caught.value)


def test_a_go_needs_no_word():
    said = decided(GOOD)
    assert (said["verdict"], said["go"], len(said["records"])) == ("go", True, len(bundles.THRESHOLDS))
    assert decided(GOOD, NO_GO)["go"], "and a word that is not needed does no harm"


def test_a_no_go_is_refused_with_its_reason_and_the_option():
    said = refused(WORSE)
    assert said.startswith("the verdict on this bundle is no-go. ")
    assert '--despite-verdict "no-go", or despite_verdict="no-go" in a notebook' in said
    assert f"- not met: {FIRST.axis} / {FIRST.metric} (course_cnn on signs): asked {FIRST.asked}; " in said
    assert decided(WORSE, NO_GO)["verdict"] == NO_GO


def test_what_cannot_be_decided_is_refused_and_says_what_to_run():
    said = refused(GOOD[:1])
    assert said.startswith("the verdict on this bundle is cannot decide. ")
    assert said.count("\n- missing: ") == 3
    assert f"\n- and {len(GOOD) - 4} more\nTo run: vigilant run 02 " in said
    assert said.endswith("; then pack the bundle again")
    assert decided(GOOD[:1], UNKNOWN)["verdict"] == UNKNOWN


def test_what_fails_is_said_before_what_is_missing():
    records = [one for one in WORSE if one.notebook == "01_training"]
    assert refused(records).splitlines()[1].startswith("- not met: ")


@pytest.mark.parametrize(("records", "named"), [(WORSE, UNKNOWN), (GOOD[1:], NO_GO), (WORSE[:1], UNKNOWN)])
def test_another_verdicts_name_lets_nothing_in(records, named):
    assert f"it was to be served despite {named!r}, which is another verdict" in refused(records, named)


OTHERS = {
    "of another seed": {"seed": 11},
    "of another budget": {"budget": "full"},
    "of other weights": {"model_digest": "trained anew"},
    "of other code": {"code": bundles.RUN.code | {FIRST.notebook: "changed"}},
    "of code that is not named": {"code": {}},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_records_of_another_run_decide_nothing(change):
    assert "\n- stale: " in refused(GOOD, run=RUN | change)


def test_a_bundle_that_names_no_run_is_served_only_in_spite_of_that():
    assert "- its manifest does not say of which run the records must be" in refused(GOOD, run=None)
    said = decided(GOOD, UNKNOWN, run=None)
    assert (said["verdict"], said["go"]) == (UNKNOWN, False)
    assert "does not say of which run" in said["why"]


BROKEN = {
    "a record without a number": [{"axis": "training", "metric": "accuracy", "value": 0.5}],
    "another axis": [dataclasses.asdict(GOOD[0]) | {"axis": "speed"}],
    "what is no number": [dataclasses.asdict(GOOD[0]) | {"high": float("nan")}],
    "no records": [3],
    "an object": {},
    "a text": "",
    "nothing": None,
}


@pytest.mark.parametrize("despite", [None, NO_GO, UNKNOWN])
@pytest.mark.parametrize("entries", BROKEN.values(), ids=BROKEN)
def test_a_scorecard_that_cannot_be_read_is_refused_whatever_is_said(entries, despite):
    with pytest.raises(serving.BundleError, match=r"scorecard\.json holds no records"):
        serving.released(entries, RUN, despite)


@pytest.mark.parametrize("change", [{"seed": -1}, {"budget": "slow"}])
def test_a_run_that_there_cannot_be_is_refused_whatever_is_said(change):
    with pytest.raises(ValueError, match=r"(seed|budget)"):
        decided(GOOD, UNKNOWN, run=RUN | change)


# ---- from the bundle on


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("release")


@pytest.fixture(scope="module")
def packed(folder):
    """Bundles of one network, whose scorecards differ: go, no-go, of other weights; and one that names no run."""
    keys = serving.make_keys(folder / "keys")
    good = bundles.card()
    given = {
        "go": {"scorecard": good},
        "no-go": {"scorecard": [dataclasses.replace(one, model_digest=good[0].model_digest) for one in WORSE[:1]]},
        "of another network": {"scorecard": GOOD},
        "no run": {"scorecard": good, "run": None},
    }
    return {
        name: bundles.pack(
            folder, keys, name=name, serial=place, **how | {"scorecard": bundles.entries(how["scorecard"])}
        )
        for place, (name, how) in enumerate(given.items(), start=1)
    }


def opened(packed, name, despite=None, state=None):
    return serving.open_newest(packed[name].path, packed[name].public, 1, state, despite)


def test_a_go_is_opened_and_says_so(packed):
    engine = opened(packed, "go")
    assert engine.decision["verdict"] == "go"
    assert engine.run["model_digest"] == models.digest(bundles.network())


@pytest.mark.parametrize(("name", "verdict"), [("no-go", NO_GO), ("of another network", UNKNOWN), ("no run", UNKNOWN)])
def test_what_is_no_go_is_opened_only_by_its_name(packed, name, verdict):
    [another] = {NO_GO, UNKNOWN} - {verdict}
    for word in (None, another):
        with pytest.raises(serving.NotReleased, match=f"^the verdict on this bundle is {verdict}"):
            opened(packed, name, word)
    assert opened(packed, name, verdict).decision["verdict"] == verdict


def test_the_records_of_another_network_do_not_count(packed):
    with pytest.raises(serving.NotReleased, match="it is of weights of course_cnn, and course_cnn must be "):
        opened(packed, "of another network")


def test_a_bundle_that_was_refused_is_not_remembered(packed, tmp_path):
    with pytest.raises(serving.NotReleased):
        opened(packed, "no-go", state=tmp_path)
    assert replay.newest_seen(tmp_path) == 0
    opened(packed, "go", state=tmp_path)
    assert replay.newest_seen(tmp_path) == 1, "the one before it may still be served"


def test_nothing_is_decided_by_a_rule_of_the_services_own(packed, monkeypatch):
    """Whatever decide says is what the service does."""
    held = []

    def decide(records, **how):
        held.append(how)
        return real(GOOD, seed=10, code_of=lambda name: cards.CODE)

    real = release.decide
    monkeypatch.setattr(release, "decide", decide)
    assert opened(packed, "no-go").decision["go"]
    assert {name: held[0][name] for name in ("seed", "budget")} == {"seed": 10, "budget": "quick"}


def program(*typed):
    command = [sys.executable, "-m", "helpers.serving", *map(str, typed), "--port", "0", "--least-serial", "1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_the_program_ends_with_3_and_says_it_once(packed):
    path, _, key = packed["no-go"]
    done = program(path, "--key", key, "--workers", 2, "--despite-verdict", UNKNOWN)
    assert done.returncode == 3
    assert done.stderr.count("The model is not served: the verdict on this bundle is no-go; ") == 1
    assert "- not met: training / accuracy" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_notebook_is_told_and_may_say_it(packed, monkeypatch):
    path, _, key = packed["no-go"]
    monkeypatch.setenv("VIGILANT_DESPITE_VERDICT", NO_GO)  # whoever starts it from a notebook says so there
    with pytest.raises(CourseError, match=r"(?s)did not start: .* is no-go\. .*despite_verdict=\"no-go\""):
        serving.LocalService(path, key, workers=1)
    service = serving.LocalService(path, key, workers=1, despite_verdict=NO_GO)
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"{service.url}/scorecard") as reply:
            said = json.loads(reply.read())
        with direct.open(f"{service.url}/metrics") as reply:
            page = reply.read().decode()
    finally:
        assert service.stop() == 0
    assert said["decision"]["verdict"] == NO_GO
    assert said["decision"]["records"][0]["verdict"] == "not met"
    assert [one["metric"] for one in said["records"]] == ["accuracy"]
    for verdict, value in (("go", 0), (NO_GO, 1), (UNKNOWN, 0)):
        assert f'vigilant_release_verdict{{verdict="{verdict}"}} {value:.1f}' in page
