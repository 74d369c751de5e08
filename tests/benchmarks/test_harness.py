"""How every benchmark measures and counts, and how its table says what was missed. No time is judged."""

import importlib.util
import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import harness
from benchmarks.__main__ import AXES, main
from helpers import datasets, models

ROW = harness.Row("GradCAM", "a library", other=300.0, target=2, own=100.0, apart=3e-7, note="said aside")
SHAPE = (22, 22, 1)


# ---- a row, and the table


def test_a_row_compares_with_a_lower_bound_or_an_upper_one():
    assert ROW.ratio == 3
    assert ROW.met
    assert not replace(ROW, target=3.01).met
    at_most = replace(ROW, at_most=True, target=0.5)
    assert at_most.ratio == pytest.approx(1 / 3)
    assert at_most.met
    assert not replace(at_most, target=0.3).met
    assert replace(ROW, target=None).met is None


def test_the_table_marks_what_was_missed():
    rows = [
        ROW,
        replace(ROW, peer="a faster library", other=150.0),
        replace(ROW, peer="forward pass", at_most=True, target=1.5, other=80.0, apart=float("nan")),
        replace(ROW, part="KernelSHAP", peer="no promise", target=None, note=""),
    ]
    lines = harness.table(rows).splitlines()
    assert lines[0] == "GradCAM"
    assert [line for line in lines if line and not line.startswith(" ")] == ["GradCAM", "KernelSHAP"]
    cells = {line[2:38].strip(): line[38:].split() for line in lines if line.startswith("  ")}
    assert cells["a library"] == ["100.0", "300.0", "3.00", ">=", "2", "yes", "3e-07", "said", "aside"]
    assert cells["a faster library"][2:6] == ["1.50", ">=", "2", "NO"]
    assert cells["forward pass"][2:7] == ["1.25", "<=", "1.5", "yes", "-"]
    assert cells["no promise"][2:] == ["3.00", "-", "-", "3e-07"]
    assert harness.table([]) == ""


# ---- measuring


def test_contenders_are_measured_in_turn_after_one_to_warm_up(monkeypatch):
    order, clock = [], [0.0]
    # Seconds of each call: the first is the warm-up and counts for nothing, and of three rounds the median counts.
    seconds = {"slow": iter([50, 4, 2, 90]), "fast": iter([50, 1, 1, 1])}

    def contender(name):
        def work():
            order.append(name)
            clock[0] += next(seconds[name])

        return work

    monkeypatch.setattr(harness.time, "perf_counter", lambda: clock[0])
    found = harness.measure(
        {"slow": harness.Contender(contender("slow"), 2), "fast": harness.Contender(contender("fast"), 1)}, 3
    )
    assert order == ["slow", "fast"] * 4
    assert found == {"slow": 4 / 2 * 1e6, "fast": 1e6}
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        harness.measure({}, 0)


def test_every_beginning_of_the_pictures_holds_all_classes():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
    chosen = harness._evenly(labels, 6)
    assert sorted(labels[chosen]) == [0, 0, 1, 1, 2, 2]
    assert set(labels[chosen[:3]]) == {0, 1, 2}
    assert len(set(harness._evenly(labels, 100))) == 9


def test_a_run_leaves_threads_and_loggers_as_they_were():
    logger, threads = logging.getLogger("tensorflow"), torch.get_num_threads()
    level = logger.level
    with harness.equal_threads(), harness.quiet():
        assert logger.level == logging.ERROR
    assert (logger.level, torch.get_num_threads()) == (level, threads)


# ---- the command


@pytest.fixture
def spine(monkeypatch):
    """A data set and a network that nobody has to draw or train."""
    labels = np.arange(20) % 10
    split = datasets.Split(np.zeros((20, *SHAPE), np.uint8), labels, pd.DataFrame(index=range(20)))
    monkeypatch.setattr(datasets, "load", lambda name: SimpleNamespace(name=name, test=split, calibration=split))
    monkeypatch.setattr(models, "spine", lambda data: SimpleNamespace(model=f"of {data.name}"), raising=False)


def test_a_missed_target_is_said_and_is_no_failure(spine, monkeypatch, capsys):
    seen = []

    def part(subject, repeats):
        seen.append((subject, repeats))
        return [ROW, replace(ROW, peer="a faster library", other=150.0), replace(ROW, target=None)]

    for axis in AXES:
        for name in axis.PARTS:
            monkeypatch.setitem(axis.PARTS, name, part)
    assert main(["gradcam", "--repeats", "3"]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 targets met. Medians of 3 rounds in turn" in said
    assert " NO " in said
    assert "captum " in said
    [(subject, repeats)] = seen
    assert repeats == 3
    assert subject.model == "of signs"
    assert subject.background.shape == (1, *SHAPE)
    assert subject.images.dtype == np.float32
    assert sorted(subject.labels[:10]) == list(range(10))


def test_only_the_parts_that_are_named_and_all_by_default(spine, monkeypatch, capsys):
    known = [name for axis in AXES for name in axis.PARTS]
    for axis in AXES:
        for name in axis.PARTS:
            monkeypatch.setitem(axis.PARTS, name, lambda *given, name=name: [replace(ROW, part=name)])

    monkeypatch.setattr(harness, "check_installed", lambda modules: None)  # the peers of attacks are the bench's own
    monkeypatch.setattr(harness, "setting", lambda modules: "")

    def headings(*typed):
        assert main(typed) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line in known]

    assert headings("shap", "gradcam") == ["gradcam", "shap"]
    assert headings() == known


def test_no_part_has_the_name_of_another():
    names = [name for axis in AXES for name in axis.PARTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["gradcam", "lime"], "no part lime; there are gradcam, integrated, shap, pgd"),
        (["--repeats", "0"], "rounds are a whole number from 1, not '0'"),
    ],
)
def test_what_is_not_understood(capsys, typed, message):
    with pytest.raises(SystemExit) as left:
        main(typed)
    assert left.value.code == 2
    assert message in capsys.readouterr().err


def test_a_peer_that_is_missing_is_named(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(harness, "find_spec", lambda name: None if name in ("captum", "shap") else find(name))
    assert main(["gradcam"]) == 1
    assert "not installed here: captum, shap. 'make bench' sets up" in capsys.readouterr().err
