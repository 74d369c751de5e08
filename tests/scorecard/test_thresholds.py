"""Thresholds are read with the line of what is wrong in them; the course's own are about what the course measures."""

import dataclasses
import re

import pytest

from helpers.errors import ScorecardError
from helpers.scorecard import Threshold, read_bands, read_thresholds
from helpers.scorecard.thresholds import _measured, check_measured
from tests.conftest import ROOT
from tests.scorecard.cards import good

ENTRY = """- axis: training
  metric: accuracy
  dataset: signs
  model: course_cnn
  notebook: 01_training
  low_at_least: 0.9
  reason: people
  harmed: passengers
"""
ACCURACY = Threshold("training", "accuracy", "signs", "course_cnn", "01_training", "people", "passengers", 0.9)
KNOWN = good(ACCURACY, bounds=(0, 1))


def read_text(tmp_path, text, known=None):
    path = tmp_path / "thresholds.yaml"
    path.write_text(text)
    return read_thresholds(path, known)


def test_an_entry_is_a_threshold_with_its_line(tmp_path):
    [first, second] = read_text(tmp_path, f"# a comment\n{ENTRY}\n{ENTRY.replace('accuracy', 'loss')}", None)
    assert first == dataclasses.replace(ACCURACY, line=2)
    assert (second.metric, second.line, second.key) == ("loss", 11, ("training", "loss", "signs", "course_cnn"))


@pytest.mark.parametrize(
    ("low", "high", "asked"),
    [
        (0.9, None, "low >= 0.9"),
        (None, 0.1, "high <= 0.1"),
        (-0.1, 0.1, "low >= -0.1, high <= 0.1"),
    ],
)
def test_what_is_asked_in_a_few_words(low, high, asked):
    assert dataclasses.replace(ACCURACY, low_at_least=low, high_at_most=high).asked == asked


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  reason: people\n", "", "line 1: reason is missing"),
        ("reason: people", "reason: ' '", "line 1: reason must be a name"),
        ("  harmed: passengers\n", "", "line 1: harmed is missing"),
        ("  low_at_least: 0.9\n", "", "line 1: a bound is missing"),
        ("0.9", "ninety", "line 1: low_at_least must be one finite number, got 'ninety'"),
        ("0.9", ".nan", "line 1: low_at_least must be one finite number"),
        ("0.9", "true", "line 1: low_at_least must be one finite number"),
        ("0.9", "0.9\n  high_at_most: 0.9", "line 1: low_at_least must be below high_at_most"),
        ("low_at_least", "at_least", "line 6: unknown 'at_least'. Did you mean 'low_at_least'?"),
        ("axis: training", "axis: speed", "line 1: axis must be one of training"),
        ("  model:", "  metric: loss\n  model:", "line 4: 'metric' is said twice in one threshold"),
        ("- axis: training\n", "- axis: training\n- 7\n- x: 1\n", "line 1: metric, dataset"),
    ],
)
def test_what_is_wrong_in_an_entry_is_said_with_its_line(tmp_path, old, new, message):
    assert old in ENTRY
    with pytest.raises(ScorecardError, match=re.escape(f"thresholds.yaml, {message}")):
        read_text(tmp_path, ENTRY.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a list of thresholds"),
        ("[]", "holds no threshold: whoever asks nothing lets everything pass"),
        ("axis: training", "must be a list of thresholds"),
        ("- [1", "is not YAML"),
        ("- axis: 2026-99-99", "is not YAML"),
        ("- axis: !!python/name:os.system", "is not YAML"),
        ("\x07", "is not YAML"),
        ("- ? [1]\n  : 2", "line 1: unknown"),
        ("- 7", "line 1: a threshold has axis"),
        (f"{ENTRY}{ENTRY}", "line 9: 'accuracy' has a threshold in line 1 already: keep one"),
    ],
)
def test_a_file_that_is_none(tmp_path, text, message):
    with pytest.raises(ScorecardError, match=message):
        read_text(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "metric: accuracy",
            "metric: acuracy",
            "unknown metric 'acuracy': nothing of the kind is measured. Did you mean",
        ),
        (
            "dataset: signs",
            "dataset: sign",
            "unknown dataset 'sign': nothing of the kind is measured. Did you mean 'signs'",
        ),
        ("model: course_cnn", "model: cnn", "unknown model 'cnn'"),
        ("axis: training", "axis: privacy", "unknown axis 'privacy'"),
        ("01_training", "02_uncertainty", "'accuracy' of course_cnn is written by 01_training, not by 02_uncertainty"),
        (
            "0.9",
            "1.1",
            "low_at_least of 'accuracy' of course_cnn must lie above 0 and up to 1, what it can be; got 1.1",
        ),
        ("0.9", "0.0", "low_at_least of 'accuracy' of course_cnn must lie above 0"),  # every value keeps it
        ("0.9", "0.9\n  high_at_most: 1.0", "high_at_most of 'accuracy' of course_cnn must lie from 0 up to below 1"),
        ("low_at_least", "high_at_most", "of 'accuracy' of course_cnn higher is better, so low_at_least must be said"),
    ],
)
def test_what_the_course_does_not_measure_is_refused(tmp_path, old, new, message):
    read_text(tmp_path, ENTRY, [KNOWN])
    with pytest.raises(ScorecardError, match=re.escape(f"thresholds.yaml, line 1: {message}")):
        read_text(tmp_path, ENTRY.replace(old, new, 1), [KNOWN])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timed": True}, "'accuracy' of course_cnn hangs on the clock"),
        ({"core": False}, "'accuracy' of course_cnn is from a cell tagged 'deeper'"),
        ({"direction": "lower"}, "lower is better, so high_at_most must be said"),
    ],
)
def test_records_that_must_have_no_threshold(tmp_path, changes, message):
    with pytest.raises(ScorecardError, match=re.escape(message)):
        read_text(tmp_path, ENTRY, [dataclasses.replace(KNOWN, **changes)])


def test_the_courses_own_are_about_what_the_course_measures():
    """Each has a band, or belongs to a notebook that has none yet; what is timed has no band and fails here."""
    bands = read_bands(ROOT / "tests" / "bands")
    judged = {band.notebook for band in bands}
    sources = {path.stem for path in (ROOT / "notebooks" / "source").rglob("*.py")}
    mine = read_thresholds()
    assert {threshold.notebook for threshold in mine} <= judged | sources
    there = [threshold for threshold in mine if threshold.notebook in judged]
    assert len(there) > len(mine) / 2
    for threshold in there:
        band = _measured(threshold, tuple(bands))
        check_measured(threshold, band)
        if band.bounds == (0, 1):  # where the end of a share's interval keeps its level: see verdicts
            assert threshold.low_at_least is None or threshold.least >= 0.1
            assert threshold.high_at_most is None or threshold.most <= 0.9


def test_the_file_says_which_seeds_had_been_seen():
    text = (ROOT / "helpers" / "scorecard" / "thresholds.yaml").read_text()
    head = text[: text.index("- axis")]
    assert "Seeds 0 to 9 had been seen" in head
    assert "seeds 10 to 14" in head
    reasons = [threshold.reason for threshold in read_thresholds()]
    assert len(set(reasons)) == len(reasons)
