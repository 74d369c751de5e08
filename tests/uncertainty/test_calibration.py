"""Calibration: bins, scores, temperature, and the intervals of a biased number."""

import math
import subprocess
import sys
import time
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from helpers import uncertainty
from helpers.uncertainty import ece, ece_if_calibrated, equal_mass_edges, equal_width_edges, reliability_table
from tests.uncertainty.drawn import CLASSES, calibrated_answers, drawn_logits, drawn_probabilities

FIFTEEN = equal_width_edges(15)


@pytest.mark.parametrize("bins", [1, 5, 15, 40])
@pytest.mark.parametrize("norm", ["l1", "max"])
def test_ece_and_mce_equal_torchmetrics(bins, norm):
    p, y = drawn_probabilities(3000, seed=1)
    theirs = multiclass_calibration_error(torch.tensor(p), torch.tensor(y), CLASSES, n_bins=bins, norm=norm).item()
    edges = equal_width_edges(bins)
    ours = ece(p, y, edges).value if norm == "l1" else largest_gap(p, y, edges)
    assert ours == pytest.approx(theirs, abs=1e-6)


def largest_gap(p, y, edges):
    """The maximum calibration error (MCE)."""
    table = reliability_table(p, y, edges)
    return (table["accuracy"] - table["confidence"]).abs().max()


def test_edges_are_the_nearest_numbers():
    for bins in range(1, 101):
        assert equal_width_edges(bins).tolist() == [k / bins for k in range(bins + 1)]


@pytest.mark.parametrize("precision", [np.float64, np.float32])
@pytest.mark.parametrize("bins", [1, 2, 3, 7, 10, 15, 49, 100])
def test_an_edge_belongs_to_the_bin_above(bins, precision):
    """Bin k for an answer that says exactly k / bins (the last bin for 100%), k - 1 for one that says a bit less."""
    k, edges = np.arange(1, bins + 1), equal_width_edges(bins)
    at = (k / bins).astype(precision)
    assert counts(at, edges) == np.bincount(np.minimum(k, bins - 1), minlength=bins).tolist()
    assert counts(np.nextafter(at, precision(0)), edges) == np.bincount(k - 1).tolist()


def counts(confidence, edges):
    """How many answers of these confidences, of at least 1%, each bin holds."""
    p = np.repeat((1 - confidence[:, None]) / 100, 101, axis=1)
    p[:, 0] = confidence
    return reliability_table(p, np.zeros(len(p), int), edges)["count"].tolist()


@pytest.mark.parametrize("precision", [np.float64, np.float32])
@pytest.mark.parametrize(("low", "high"), [(50, 60), (60, 70)])
def test_answers_at_an_edge_do_not_hide_in_the_bin_below(low, high, precision):
    """50% sure and 60% right, 60% sure and 50% right: in one bin they would cancel."""
    confidence = np.repeat([low / 100, high / 100], 100).astype(precision)
    y = np.where(np.r_[np.arange(100) < high, np.arange(100) < low], 0, 1)
    p = np.stack([confidence, 1 - confidence], axis=1)
    assert ece(p, y, equal_width_edges(10)).value == pytest.approx(0.1, abs=1e-6)


def test_equal_mass_edges_are_not_one_answer_off():
    """0.3 * 100 is 30, as a rounded step's multiple it is 30.000000000000004, and its ceiling 31."""
    for n in range(2, 121):
        sure = np.arange(1, n + 1) / (n + 1)
        for bins in range(1, 41):
            ranks = [math.ceil(Fraction(k * (n - 1), bins)) for k in range(1, bins)]
            assert equal_mass_edges(sure, bins).tolist() == [0, *np.unique(sure[ranks]), 1], (n, bins)


def test_reliability_table_by_hand():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    y = np.array([0, 1, 1, 1])
    table = reliability_table(p, y, equal_width_edges(4))
    assert table["low"].tolist() == [0, 0.25, 0.5, 0.75]
    assert table["high"].tolist() == [0.25, 0.5, 0.75, 1]
    assert table["count"].tolist() == [0, 0, 2, 2]
    assert table["confidence"][2:].tolist() == pytest.approx([0.65, 0.85])
    assert table["accuracy"][2:].tolist() == [1.0, 0.5]
    assert table["accuracy"][:2].isna().all()
    assert (table["accuracy_low"] <= table["accuracy"])[2:].all()
    assert (table["accuracy"] <= table["accuracy_high"])[2:].all()
    # bins of weight 1/2 each, with gaps of 0.35 above and 0.35 below
    assert ece(p, y, equal_width_edges(4)).value == pytest.approx(0.35)
    # in one bin they cancel: mean confidence 0.75, accuracy 0.75
    assert ece(p, y, [0, 1]).value == pytest.approx(0)


def test_bins_of_equal_mass_hold_as_many_each_and_keep_ties_together():
    p, y = drawn_probabilities(3000, seed=1)
    assert reliability_table(p, y, equal_mass_edges(p.max(axis=1), 15))["count"].tolist() == [200] * 15
    tied = np.array([[0.5, 0.5]] * 90 + [[0.9, 0.1]] * 10)
    table = reliability_table(tied, np.zeros(100, int), equal_mass_edges(tied.max(axis=1), 10))
    assert sorted(table["count"][table["count"] > 0]) == [10, 90]


def test_ece_over_bins_of_equal_mass_by_another_way():
    p, y = drawn_probabilities(3000, seed=2)
    order = np.argsort(p.max(axis=1))
    gap = (p.argmax(axis=1) == y)[order] - p.max(axis=1)[order]
    expected = sum(abs(part.sum()) for part in np.array_split(gap, 15)) / 3000
    assert ece(p, y, equal_mass_edges(p.max(axis=1), 15)).value == pytest.approx(expected)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 50), st.integers(2, 60))
def test_ece_lies_between_0_and_the_maximum(seed, bins, n):
    p, y = drawn_probabilities(n, seed=seed, sharpness=1 + seed % 7)
    order = np.random.default_rng(seed).permutation(n)
    for edges in (equal_width_edges(bins), equal_mass_edges(p.max(axis=1), bins)):
        value = ece(p, y, edges, resamples=5).value
        assert 0 <= value <= largest_gap(p, y, edges) + 1e-12 <= 1 + 1e-9
        assert ece(p[order], y[order], edges, resamples=5).value == pytest.approx(value)


def test_nll_and_brier_equal_sklearn():
    p, y = drawn_probabilities(2000, seed=3)
    assert uncertainty.nll(p, y).value == pytest.approx(log_loss(y, p, labels=range(CLASSES)))
    assert uncertainty.brier(p, y).value == pytest.approx(
        brier_score_loss(y, p, labels=range(CLASSES), scale_by_half=False)
    )
    assert uncertainty.nll(p, y).n == 2000


def test_scores_by_hand():
    p, y = np.array([[1.0, 0.0], [0.5, 0.5]], dtype=np.float32), np.array([1, 0])
    assert uncertainty.brier(p, y).value == pytest.approx((2 + 0.5) / 2)
    assert uncertainty.nll(p, y).value == pytest.approx((-np.log(np.finfo(np.float32).tiny) + np.log(2)) / 2)


def test_softmax_keeps_what_float32_rounds_away():
    logits = np.array([[20.0, 0.0], [25.0, 0.0]], dtype=np.float32)
    p = uncertainty.softmax(logits)
    assert p.dtype == np.float64
    assert p[0, 0] < p[1, 0] < 1
    assert (p.astype(np.float32)[:, 0] == 1).all()


@pytest.mark.parametrize("planted", [0.3, 1.0, 2.5])
def test_temperature_recovers_what_was_planted(planted):
    p, y = calibrated_answers(20_000, seed=4)
    assert uncertainty.fit_temperature(planted * np.log(p), y) == pytest.approx(planted, rel=0.03)


def test_temperature_lowers_nll_on_a_held_out_split():
    (logits, y), (held_out, truth) = drawn_logits(1000, seed=5, sharpness=3), drawn_logits(4000, seed=6, sharpness=3)
    temperature = uncertainty.fit_temperature(logits, y)
    before, after = uncertainty.softmax(held_out), uncertainty.softmax(held_out / temperature)
    of_truth = np.arange(len(truth)), truth
    saved = np.log(after[of_truth]) - np.log(before[of_truth])
    assert temperature > 1.3
    assert saved.mean() > 5 * saved.std() / np.sqrt(len(saved))
    assert ece(after, truth, FIFTEEN).value < ece(before, truth, FIFTEEN).value
    assert (after.argmax(axis=1) == before.argmax(axis=1)).all()


def test_temperature_is_the_least_of_a_grid():
    logits, y = drawn_logits(500, seed=7, sharpness=2)
    fitted = uncertainty.nll(uncertainty.softmax(logits / uncertainty.fit_temperature(logits, y)), y).value
    grid = [uncertainty.nll(uncertainty.softmax(logits / t), y).value for t in np.geomspace(0.1, 10, 200)]
    assert fitted <= min(grid) + 1e-9


def test_temperature_warns_at_the_ends_and_refuses_the_useless():
    logits, y = drawn_logits(200, seed=8)
    with pytest.warns(RuntimeWarning, match="every answer is right"):
        uncertainty.fit_temperature(logits, logits.argmax(axis=1))
    with pytest.warns(RuntimeWarning, match="no more than chance"):
        uncertainty.fit_temperature(logits, logits.argmin(axis=1))
    with pytest.raises(ValueError, match="constant"):
        uncertainty.fit_temperature(np.ones((200, 10)), y)
    with pytest.raises(ValueError, match="are probabilities"):
        uncertainty.fit_temperature(uncertainty.softmax(logits), y)
    logits[3, 4] = np.nan
    with pytest.raises(ValueError, match=r"finite.*1 of 200 rows"):
        uncertainty.fit_temperature(logits, y)


def test_calibrated_model_shows_the_ece_that_noise_makes():
    """The measured ECE of calibrated answers falls among the draws; that of overconfident ones far above."""
    p, y = calibrated_answers(2000, seed=9)
    draws = ece_if_calibrated(p, FIFTEEN, seed=1, resamples=500)
    assert np.quantile(draws, 0.001) < ece(p, y, FIFTEEN).value < np.quantile(draws, 0.999)
    sharp = uncertainty.softmax(3 * np.log(p))
    assert ece(sharp, y, FIFTEEN).value > 3 * ece_if_calibrated(sharp, FIFTEEN, seed=1).max()


def test_noise_in_ece_grows_with_bins_and_falls_with_pictures():
    p, _ = calibrated_answers(4000, seed=9)
    noise = [ece_if_calibrated(p, equal_width_edges(bins)).mean() for bins in (2, 15, 100)]
    assert noise[0] < noise[1] < noise[2]
    assert ece_if_calibrated(p[:1000], FIFTEEN).mean() == pytest.approx(2 * noise[1], rel=0.2)


def test_consistency_draws_have_the_mean_of_theory():
    """One bin, one confidence c: the ECE is |Binomial/n - c|, with mean close to sqrt(2 c (1 - c) / (pi n))."""
    p = np.tile([0.8, 0.2], (1000, 1))
    expected = np.sqrt(2 * 0.8 * 0.2 / (np.pi * 1000))
    assert ece_if_calibrated(p, [0, 1], resamples=4000).mean() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("sharpness", [1.0, 1.15, 3.0])
def test_ece_interval_holds_the_true_ece(sharpness):
    """95% intervals of 150 models.

    In the long run they hold the truth in 95%, 88% and 92% (300 models each); the percentile interval in 0%, 57%, 94%.
    """
    truth = ece(*overconfident(400_000, 0, sharpness), FIFTEEN, resamples=1).value if sharpness > 1 else 0.0
    estimates = [ece(*overconfident(1000, seed, sharpness), FIFTEEN, resamples=200) for seed in range(1001, 1151)]
    held = np.mean([e.low <= truth <= e.high for e in estimates])
    assert held > 0.8  # 88% less three standard errors of 150
    assert all(e.low <= e.value <= e.high for e in estimates)


def overconfident(n, seed, sharpness):
    p, y = calibrated_answers(n, seed=seed)
    return uncertainty.softmax(sharpness * np.log(p)), y


def test_ece_interval_excludes_0_for_an_overconfident_model():
    p, y = overconfident(1000, 1, 3.0)
    for edges in (FIFTEEN, equal_mass_edges(p.max(axis=1), 15)):
        assert ece(p, y, edges).low > 0.05
    assert ece(*calibrated_answers(1000, seed=1), FIFTEEN).low == 0


def test_bootstrap_in_chunks_is_the_same_bootstrap(monkeypatch):
    p, y = drawn_probabilities(300, seed=1)
    whole = ece(p, y, FIFTEEN, seed=3)
    monkeypatch.setattr(uncertainty.calibration, "CHUNK", 7 * 300)
    np.testing.assert_allclose(ece(p, y, FIFTEEN, seed=3)[:3], whole[:3], atol=0.004)


def test_bootstrap_of_4000_answers_is_quick():
    p, y = drawn_probabilities(4000, seed=1)
    started = time.process_time()
    ece(p, y, FIFTEEN, resamples=500)
    assert (
        time.process_time() - started < 3
    )  # a loop over resamples in Python takes longer; 0.2 s where this was written


@pytest.mark.parametrize(
    "measure",
    [
        partial(ece, edges=FIFTEEN),
        partial(reliability_table, edges=FIFTEEN),
        uncertainty.nll,
        uncertainty.brier,
    ],
)
def test_measures_refuse_bad_input(measure):
    p, y = drawn_probabilities(20, seed=1)
    with pytest.raises(TypeError, match="floats"):
        measure((255 * p).astype(np.uint8), y)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        measure(np.where(p == p.max(), np.nan, p), y)
    with pytest.raises(ValueError, match="softmax"):
        measure(drawn_logits(20, seed=1)[0], y)
    with pytest.raises(ValueError, match="sum to 1"):
        measure(p / 2, y)
    with pytest.raises(ValueError, match="N of at least 1"):
        measure(p[:0], y[:0])
    with pytest.raises(ValueError, match="one per picture"):
        measure(p, y[:10])
    with pytest.raises(ValueError, match=r"0\.\.9"):
        measure(p, y + 1)
    with pytest.raises(TypeError, match="integers"):
        measure(p, np.eye(10)[y])


@pytest.mark.parametrize("bins", [0, -3, 2.5, True])
def test_refuses_bad_bins(bins):
    for edges in (equal_width_edges, partial(equal_mass_edges, [0.2, 0.9])):
        with pytest.raises(ValueError, match="bins must be a whole number of at least 1"):
            edges(bins)


@pytest.mark.parametrize(
    "edges", [15, [0.5], [0, 0.5], [0.1, 1], [0, 0.6, 0.6, 1], [0, 0.7, 0.6, 1], [0, np.nan, 1], [[0, 1]]]
)
def test_refuses_what_are_no_edges(edges):
    p, y = drawn_probabilities(20, seed=1)
    for measure in (partial(ece, labels=y), partial(reliability_table, labels=y), ece_if_calibrated):
        with pytest.raises(ValueError, match=r"edges must rise from 0 to 1.*equal_width_edges\(10\)"):
            measure(p, edges=edges)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_refuses_what_is_no_seed(seed):
    p, y = drawn_probabilities(20, seed=1)
    for measure in (partial(ece, labels=y), ece_if_calibrated):
        with pytest.raises(ValueError, match="seed must be a whole number from 0 to 4,294,967,295"):
            measure(p, edges=FIFTEEN, seed=seed)


def test_room_loads_neither_tensorflow_nor_torch():
    code = (
        "import sys, helpers.uncertainty; print(sorted({'tensorflow', 'keras', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
