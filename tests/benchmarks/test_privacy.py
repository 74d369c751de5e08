"""The benchmark of private training: a row for each peer, other epsilons and steps refused. No time is judged."""

import numpy as np
import pytest

from benchmarks import harness, privacy
from helpers.errors import CourseError

SETTING = privacy.Setting(2.0, 0.1, 50, 1e-5)


@pytest.fixture
def peers(monkeypatch):
    """Peers that every author has: they say what the course says, a little more."""
    monkeypatch.setattr(privacy, "_rdp", lambda each: lambda: privacy._own_rdp(each)() * 1.005)
    monkeypatch.setattr(privacy, "_pld", lambda each: lambda: privacy._own_prv(each)() - 0.01)


def test_each_setting_has_a_row_for_each_peer(peers):
    rows = privacy.epsilons(None, 1, (SETTING,))
    assert [(row.peer, row.target) for row in rows] == [("dp-accounting RDP", None), ("dp-accounting PLD", None)]
    assert rows[0].apart == pytest.approx(0.005, abs=1e-4)
    said = harness.table(rows)
    assert "epsilon at delta 1e-05: noise 2, sampling rate 0.1, 50 steps" in said


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        ((1.0, 1.0, 1.009, 1.02), None),
        ((1.0, 1.0, 1.012, 1.0), "epsilon by RDP is 1.0000, and dp-accounting RDP says 1.0120"),
        ((1.0, 1.0, 1.0, 0.97), "epsilon by PRV is 1.0000, and dp-accounting PLD says 0.9700; they may differ by 0.02"),
        ((4.0, 4.0, 4.0, 4.07), None),
        ((4.0, float("nan"), 4.0, 4.0), "epsilon by PRV is nan"),
    ],
)
def test_an_epsilon_that_is_not_the_peers(found, refused):
    named = dict(zip(("RDP", "PRV", "dp-accounting RDP", "dp-accounting PLD"), found, strict=True))
    if refused is None:
        privacy.check_agree(SETTING, named)
    else:
        with pytest.raises(CourseError, match=refused):
            privacy.check_agree(SETTING, named)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Opacus, as the harness leaves them out
def test_the_steps_are_the_same_and_a_peer_that_takes_another_is_refused(monkeypatch):
    rows = privacy.dp_sgd(None, 1, batch=8)
    assert [row.peer for row in rows] == list(privacy.STEPS)[1:]
    assert np.isnan(rows[0].apart)
    assert max(row.apart for row in rows[1:]) < 1e-5
    assert "8 pictures in a step, own takes" in rows[0].part
    monkeypatch.setitem(privacy.STEPS, "another", privacy.STEPS[privacy.PLAIN])
    with pytest.raises(CourseError, match="another does not take the step that the course takes: weights differ by"):
        privacy.dp_sgd(None, 1, batch=8)


def test_the_peers_of_the_promise_are_there():
    assert {"opacus", "dp_accounting"} <= set(privacy.IMPORTED)
    assert list(privacy.STEPS) == [
        privacy.OWN,
        privacy.PLAIN,
        "Opacus, hooks",
        "Opacus, functorch",
        "Opacus, ghost clipping",
    ]
    assert list(privacy.PARTS) == ["epsilons", "dp-sgd"]
