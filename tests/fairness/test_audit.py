"""Each planted report passes and is named; its honest twin is accused of nothing; over five seeds."""

from dataclasses import replace

import numpy as np
import pytest

from helpers import fairness
from tests.fairness.people import FAIR, UNFAIR, decisions, people

SEEDS = range(5)
MARGIN = 0.1
MITIGATED, MERGED, ONCE, MISCOUNTED = "mitigated on the test", "groups merged", "evaluated once", "gap miscounted"


def splits(seed, stand_out=UNFAIR, n=2400):
    return people(n, seed=2 * seed, stand_out=stand_out), people(n, seed=2 * seed + 1, stand_out=stand_out)


def plain(scored, groups=None, margin=MARGIN):
    """A report of a rule without a lot and without mitigation, and the rule."""
    answers = decisions(scored)
    groups = scored.groups if groups is None else groups
    return fairness.fairness_report(scored.rows, scored.labels, answers, groups, margin=margin), lambda seed: answers


def audited(report, decide, scored, **options):
    found = fairness.audit_report(report, scored.groups, decide=decide, **options)
    print(found)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_mitigated_on_the_test(seed):
    calibration, test = splits(seed)
    planted, decide = fairness.mitigated_report(test, test, margin=MARGIN, seed=seed)
    found = audited(planted, decide, test)
    assert planted.passes
    assert found.triggered == (MITIGATED,)
    assert found.findings[0].evidence.startswith("2400 of 2400 rows")
    twin, decide = fairness.mitigated_report(calibration, test, margin=MARGIN, seed=seed)
    assert twin.gap > planted.gap  # what the test rows had given away
    assert audited(twin, decide, test).triggered == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_merged_until_nothing_shows(seed):
    _, test = splits(seed)
    merged = fairness.merge_until_it_passes(test.labels, decisions(test), test.groups, margin=MARGIN)
    planted, decide = plain(test, merged)
    found = audited(planted, decide, test)
    assert planted.passes
    assert found.triggered == (MERGED,)
    twin, decide = plain(test)
    assert not twin.passes
    assert audited(twin, decide, test).triggered == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_randomised_mitigation_evaluated_once(seed):
    calibration, test = splits(seed)
    planted, decide = fairness.drawn_until_it_passes(calibration, test, margin=MARGIN, seed=seed)
    found = audited(planted, decide, test, seed=seed)
    assert planted.passes
    assert found.triggered == (ONCE,)
    twin, decide = fairness.mitigated_report(calibration, test, margin=MARGIN, seed=seed)
    assert audited(twin, decide, test, seed=seed).triggered == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_honest_reports_of_fair_models_are_accused_of_nothing(seed):
    calibration, test = splits(seed, FAIR)
    merged = fairness.merge_until_it_passes(test.labels, decisions(test), test.groups, margin=MARGIN)
    for report, decide in (
        plain(test),
        plain(test, merged),  # merged before looking: it hides nothing
        fairness.mitigated_report(calibration, test, margin=MARGIN, seed=seed),
    ):
        assert audited(report, decide, test).triggered == ()


def test_the_same_rows_computed_again_are_the_same():
    calibration, test = splits(0, n=400)
    noise = np.random.default_rng(0).normal(0, 1e-7, (30, 12)).astype(np.float32)
    leaked = np.concatenate([calibration.rows, test.rows[:30] + noise])
    answers = decisions(test)
    report = fairness.fairness_report(test.rows, test.labels, answers, test.groups, margin=0.5, mitigated_on=leaked)
    found = fairness.audit_report(report, test.groups)
    assert found.triggered == (MITIGATED,)
    assert found.findings[0].evidence.startswith("30 of 400 rows")


def test_pictures_are_rows_too():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    labels, answers, groups = rng.integers(0, 2, 60), rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    for mitigated_on, named in ((pictures[:40], ()), (pictures[39:], (MITIGATED,))):
        report = fairness.fairness_report(
            pictures[40:], labels[40:], answers[40:], groups[40:], margin=1, mitigated_on=mitigated_on
        )
        assert fairness.audit_report(report, groups[40:]).triggered == named


def test_copies_of_one_draw_are_one_evaluation():
    calibration, test = splits(0)
    one, decide = fairness.drawn_until_it_passes(calibration, test, margin=MARGIN)
    copied = replace(one, decisions=np.repeat(one.decisions, 20, axis=0))
    assert audited(copied, decide, test).triggered == (ONCE,)


def test_the_audit_draws_other_answers_than_the_report():
    calibration, test = splits(0, n=600)
    asked = []
    _, decide = fairness.mitigated_report(calibration, test, margin=MARGIN, evaluations=20, seed=7)
    report, _ = fairness.mitigated_report(calibration, test, margin=MARGIN, evaluations=20, seed=7)

    def spy(seed):
        asked.append(decide(seed))
        return asked[-1]

    fairness.audit_report(report, test.groups, decide=spy, seed=7)
    assert len(asked) == 20
    assert not any((drawn == stated).all() for drawn in asked for stated in report.decisions)


def test_a_gap_that_its_answers_do_not_give():
    _, test = splits(0)
    report, decide = plain(test)
    found = audited(replace(report, gap=0.01), decide, test)
    assert set(found.triggered) == {MERGED, MISCOUNTED}  # it passes now, and by its own groups it must not


def test_merging_is_found_in_intersections():
    """Neither attribute shows anything by itself; one intersection does."""
    rng = np.random.default_rng(0)
    light, tone = rng.integers(0, 2, 2000), rng.integers(0, 2, 2000)
    answers = (rng.random(2000) < np.where(light == tone, 0.95, 0.6)).astype(int)
    rows, labels = rng.normal(size=(2000, 10)), np.ones(2000, int)
    report = fairness.fairness_report(rows, labels, answers, light, margin=MARGIN)
    assert report.passes
    assert fairness.audit_report(report, {"light": light, "tone": tone}).triggered == (MERGED,)
    assert fairness.audit_report(report, {"light": light}).triggered == ()
    assert fairness.audit_report(report, light).triggered == ()


@pytest.mark.parametrize("n", [20, 200])
def test_a_gap_as_large_as_the_margin_is_rarely_called_larger(n):
    rng = np.random.default_rng(n)
    rows, groups = rng.normal(size=(6 * n, 8)), np.repeat(np.arange(6), n)
    accused = 0
    for _ in range(100):
        answers = (rng.random(6 * n) < np.where(groups < 3, 0.95, 0.85)).astype(int)
        report = fairness.fairness_report(rows, np.ones(6 * n, int), answers, groups % 2, margin=MARGIN)
        accused += MERGED in fairness.audit_report(replace(report, gap=0), groups).triggered
    assert accused <= 4


def test_what_could_not_be_checked_is_said():
    _, test = splits(0, n=300)
    report, _ = plain(test)
    found = fairness.audit_report(report, test.groups)
    assert [line.split(":")[0] for line in found.unchecked] == [MITIGATED, ONCE]
    assert str(found).count("\n?") == 2


def test_advice_is_given_where_something_is_found():
    _, test = splits(0)
    planted, decide = fairness.mitigated_report(test, test, margin=MARGIN)
    found = str(audited(planted, decide, test)).splitlines()
    assert found[0].startswith("! mitigated on the test: ")
    assert found[0].endswith("Fit it on calibration rows, and judge it on rows that it has never seen.")
    assert all(line.startswith("  ") for line in found[1:])


def test_merging_ends_with_two_groups_that_hold_everybody():
    labels = np.ones(400, int)
    groups = np.repeat(list("abcd"), 100)
    answers = np.concatenate([np.arange(100) < right for right in (90, 70, 40, 10)]).astype(int)
    merged = fairness.merge_until_it_passes(labels, answers, groups, margin=0.06)
    assert set(merged) == {"a or d", "b or c"}
    assert (fairness.merge_until_it_passes(labels, answers, groups, margin=0.9) == groups).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decisions": np.zeros((2, 2, 300), int)}, r"decisions must have shape \(N,\) or \(evaluations, N\)"),
        ({"decisions": np.zeros(5, int)}, r"decisions must have shape \(300,\)"),
        ({"margin": 5}, r"margin must lie in \[0, 1\], got 5"),
        ({"rows": np.zeros(300)}, r"rows must have shape \(300, \.\.\.\)"),
        ({"rows": np.zeros((300, 1))}, "rows must hold 8 numbers or more, which tell pictures apart"),
        ({"mitigated_on": np.zeros((9, 20))}, "mitigated_on must hold 12 numbers as rows do"),
        ({"groups": np.zeros(300, int)}, "a gap needs the true_positive_rate of two groups or more, got 1"),
        ({"rate": "recall"}, "there is no rate 'recall'"),
    ],
)
def test_mistakes_of_a_report(change, message):
    _, test = splits(0, n=300)
    call = {"rows": test.rows, "labels": test.labels, "decisions": decisions(test), "groups": test.groups}
    with pytest.raises(ValueError, match=message):
        fairness.fairness_report(**(call | {"margin": MARGIN} | change))


def test_mistakes_of_an_audit():
    _, test = splits(0, n=300)
    report, _ = plain(test)
    with pytest.raises(ValueError, match=r"groups must have shape \(300,\)"):
        fairness.audit_report(report, test.groups[:5])
    with pytest.raises(ValueError, match="draws must be at least 2"):
        fairness.audit_report(report, test.groups, draws=1)
    with pytest.raises(ValueError, match=r"decisions must have shape \(300,\)"):
        fairness.audit_report(report, test.groups, decide=lambda seed: np.zeros(3, int))
