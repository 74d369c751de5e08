"""The benchmark of explanations: each peer of the promise has a row, and all compute the same. No time is judged."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import explain, harness
from helpers import models

TINY = explain.Sizes(
    pictures=7,
    single=2,
    paths=3,
    steps=3,
    players=4,
    shap_pictures=2,
    evaluations=8,
    pixel_evaluations=1000,
    draws=1,
)
SHAPE = (22, 22, 1)


def test_enough_is_the_first_budget_with_no_larger_error():
    exact = np.array([[1.0, 2.0]])

    def own(evaluations, seed):
        return exact * (1 + 1 / evaluations)

    sizes = replace(TINY, evaluations=100)
    assert explain._enough(own, 1 / 70 + 1e-9, exact, sizes) == (70, pytest.approx(1 / 70))
    assert explain._enough(own, 1 / 55, exact, sizes)[0] == 60
    spent, reached = explain._enough(own, 0.0, exact, sizes)  # never enough: the largest budget, and its error
    assert spent == 300
    assert reached > 0


# ---- a small run


def run_tiny(*parts):
    rng = np.random.default_rng(0)
    images, labels = rng.random((7, *SHAPE), dtype=np.float32), rng.integers(0, 3, 7)
    subject = harness.Subject(models.course_cnn(SHAPE, 3, seed=0), images, labels, images[:2])
    with harness.equal_threads(), harness.quiet():
        return [row for part in parts for row in explain.PARTS[part](subject, 1, TINY)]


@pytest.fixture(scope="module")
def rows():
    return run_tiny(*explain.PARTS)


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
        assert peer in harness.table(rows)


def test_the_contenders_of_a_run_compute_the_same(rows):
    apart = {(row.part.split(":")[0], row.peer): row.apart for row in rows}
    for peer in ("tf-explain, one at a time", "tf-explain, batched by class", "captum on the torch twin"):
        assert apart["GradCAM", peer] < 1e-4
    assert apart["Integrated gradients", "captum on the torch twin"] < 0.01
    assert np.isnan(apart["GradCAM", "the model's own forward pass"])
    assert all(np.isfinite(value) for key, value in apart.items() if "forward" not in key[1])


def test_without_the_same_error_the_row_is_lost_however_fast(monkeypatch):
    monkeypatch.setattr(explain, "_enough", lambda own, goal, exact, sizes: (6, goal + 0.01))
    row = run_tiny("shap")[0]
    assert row.met is False
    assert " NO " in harness.table([row])
