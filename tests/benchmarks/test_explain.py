"""The benchmark as a tool: what is run and counted, and how the table says what was missed. No time is judged."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import explain as bench
from benchmarks.__main__ import main
from helpers import datasets, models
from helpers.errors import CourseError

ROW = bench.Row("GradCAM", "a library", other=300.0, target=2, own=100.0, apart=3e-7, note="said aside")
TINY = bench.Sizes(
    pictures=7,
    single=2,
    paths=3,
    steps=3,
    players=4,
    shap_pictures=2,
    evaluations=8,
    pixel_evaluations=30,
    draws=1,
    repeats=1,
)
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
    lines = bench.table(rows).splitlines()
    assert lines[0] == "GradCAM"
    assert [line for line in lines if line and not line.startswith(" ")] == ["GradCAM", "KernelSHAP"]
    cells = {line[2:38].strip(): line[38:].split() for line in lines if line.startswith("  ")}
    assert cells["a library"] == ["100.0", "300.0", "3.00", ">=", "2", "yes", "3e-07", "said", "aside"]
    assert cells["a faster library"][2:6] == ["1.50", ">=", "2", "NO"]
    assert cells["forward pass"][2:7] == ["1.25", "<=", "1.5", "yes", "-"]
    assert cells["no promise"][2:] == ["3.00", "-", "-", "3e-07"]
    assert bench.table([]) == ""


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

    monkeypatch.setattr(bench.time, "perf_counter", lambda: clock[0])
    found = bench.measure(
        {"slow": bench.Contender(contender("slow"), 2), "fast": bench.Contender(contender("fast"), 1)}, 3
    )
    assert order == ["slow", "fast"] * 4
    assert found == {"slow": 4 / 2 * 1e6, "fast": 1e6}
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        bench.measure({}, 0)


def test_every_beginning_of_the_pictures_holds_all_classes():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
    chosen = bench._evenly(labels, 6)
    assert sorted(labels[chosen]) == [0, 0, 1, 1, 2, 2]
    assert set(labels[chosen[:3]]) == {0, 1, 2}
    assert len(set(bench._evenly(labels, 100))) == 9


def test_enough_is_the_first_budget_with_no_larger_error():
    exact = np.array([[1.0, 2.0]])

    def own(evaluations, seed):
        return exact * (1 + 1 / evaluations)

    sizes = replace(TINY, evaluations=100)
    assert bench._enough(own, 1 / 70 + 1e-9, exact, sizes) == (70, pytest.approx(1 / 70))
    assert bench._enough(own, 1 / 55, exact, sizes)[0] == 60
    spent, reached = bench._enough(own, 0.0, exact, sizes)  # never enough: the largest budget, and its error
    assert spent == 300
    assert reached > 0


# ---- a small run


def run_tiny(parts=bench.PARTS):
    rng = np.random.default_rng(0)
    images, classes = rng.random((7, *SHAPE), dtype=np.float32), rng.integers(0, 3, 7)
    return bench.run(models.course_cnn(SHAPE, 3, seed=0), images, classes, images[:2], TINY, parts)


@pytest.fixture(scope="module")
def rows():
    return run_tiny()


def test_a_run_has_a_row_for_each_peer_of_the_promise(rows):
    promised = {(row.part.split(":")[0], row.peer): (row.target, row.at_most) for row in rows}
    assert promised == {
        ("GradCAM", "tf-explain, one at a time"): (150, False),
        ("GradCAM", "tf-explain, batched by class"): (12, False),
        ("GradCAM", "captum on the torch twin"): (2, False),
        ("GradCAM", "the model's own forward pass"): (1.5, True),
        ("Integrated gradients", "tf-explain, batched by class"): (1.1, False),
        ("Integrated gradients", "captum on the torch twin"): (1.1, False),
        ("KernelSHAP", "shap, the same superpixels"): (1, False),
        ("KernelSHAP", "shap, every pixel a player"): (None, False),
    }
    assert all(row.own > 0 and row.other > 0 and np.isfinite(row.ratio) for row in rows)
    for peer in {row.peer for row in rows}:
        assert peer in bench.table(rows)


def test_the_contenders_of_a_run_compute_the_same(rows):
    apart = {(row.part.split(":")[0], row.peer): row.apart for row in rows}
    for peer in ("tf-explain, one at a time", "tf-explain, batched by class", "captum on the torch twin"):
        assert apart["GradCAM", peer] < 1e-4
    assert apart["Integrated gradients", "captum on the torch twin"] < 0.01
    assert np.isnan(apart["GradCAM", "the model's own forward pass"])
    assert all(np.isfinite(value) for key, value in apart.items() if "forward" not in key[1])


def test_without_the_same_error_the_row_is_lost_however_fast(monkeypatch):
    monkeypatch.setattr(bench, "_enough", lambda own, goal, exact, sizes: (6, goal + 0.01))
    row = run_tiny(("shap",))[0]
    assert row.met is False
    assert " NO " in bench.table([row])


def test_a_run_leaves_threads_and_loggers_as_they_were():
    logger, threads = logging.getLogger("tensorflow"), torch.get_num_threads()
    level = logger.level
    with bench._equal_threads(), bench._quiet():
        assert logger.level == logging.ERROR
    assert (logger.level, torch.get_num_threads()) == (level, threads)


def test_only_the_parts_that_are_named(monkeypatch):
    for part in bench.PARTS:
        monkeypatch.setattr(bench, f"{part}_rows", lambda *arguments, part=part: [replace(ROW, part=part)])
    found = bench.run(None, np.zeros((7, *SHAPE)), np.zeros(7), np.zeros((1, *SHAPE)), TINY, ("shap", "gradcam"))
    assert {row.part for row in found} == {"gradcam", "shap"}


# ---- the command


def test_a_missed_target_is_said_and_is_no_failure(monkeypatch, capsys):
    labels = np.arange(20) % 10
    split = datasets.Split(np.zeros((20, *SHAPE), np.uint8), labels, datasets.base.pd.DataFrame(index=range(20)))
    seen = {}

    def run(model, images, classes, background, sizes, parts):
        seen.update(images=images, background=background, sizes=sizes, parts=parts)
        return [ROW, replace(ROW, peer="a faster library", other=150.0), replace(ROW, target=None)]

    monkeypatch.setattr(bench, "run", run)
    data = SimpleNamespace(name="signs", test=split, calibration=split)
    monkeypatch.setattr(datasets, "load", lambda name: data)
    monkeypatch.setattr(models, "spine", lambda loaded: SimpleNamespace(model="the model"), raising=False)
    assert bench.main(("gradcam",), repeats=3) == 0
    said = capsys.readouterr().out
    assert "1 of 2 targets met. Medians of 3 rounds in turn" in said
    assert " NO " in said
    assert "captum" in said
    assert seen["sizes"].repeats == 3
    assert seen["parts"] == ("gradcam",)
    assert seen["background"].shape == (1, *SHAPE)
    assert seen["images"].dtype == np.float32


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit) as left:
        main(["gradcam", "lime"])
    assert left.value.code == 2
    assert "no part lime; there are gradcam, integrated, shap" in capsys.readouterr().err


def test_a_peer_that_is_missing_is_named(monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("captum", "shap") else find(name))
    with pytest.raises(CourseError, match=r"not installed here: captum, shap\. 'make bench' sets up"):
        bench.main()
