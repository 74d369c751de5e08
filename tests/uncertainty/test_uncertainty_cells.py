"""What notebook 02 writes out for itself is what the library computes, on edges of bins, too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import uncertainty
from tests.notebooks.cells import function_of
from tests.uncertainty.drawn import drawn_logits, drawn_probabilities

NOTEBOOK = "02_uncertainty"


def of_two_classes(confidence):
    return np.stack([confidence, 1 - confidence], axis=1)


@pytest.mark.parametrize("bins", [1, 2, 10, 15, 49, 100])
@given(seed=st.integers(0, 1000))
def test_the_ece_written_out_equals_the_library_on_edges(bins, seed):
    """Answers that say exactly k / bins, and a bit less or more: 0.58 * 100 is 57.99999999999999."""
    rng = np.random.default_rng(seed)
    at = rng.integers(-(-bins // 2), bins + 1, 300) / bins
    confidence = np.clip(np.nextafter(at, at + rng.integers(-1, 2, 300)), 0.5, 1)
    right = rng.random(300) < 0.7
    wanted = uncertainty.ece(
        of_two_classes(confidence), np.where(right, 0, 1), uncertainty.equal_width_edges(bins), resamples=1
    )
    # At 50% both classes tie and the first one counts as the answer.
    assert function_of(NOTEBOOK, "ece")(confidence, right, bins) == pytest.approx(wanted.value, abs=1e-12)


def test_the_ece_written_out_sees_errors_of_opposite_sign_in_neighbouring_bins():
    """100 answers of 50% of which 60 are right, and 100 of 60% of which 50 are."""
    confidence = np.repeat([0.5, 0.6], 100)
    right = np.r_[np.arange(100) < 60, np.arange(100) < 50]
    assert function_of(NOTEBOOK, "ece")(confidence, right, 10) == pytest.approx(0.1)


def test_losses_and_the_average_of_members():
    p, y = drawn_probabilities(200, seed=1)
    losses = function_of(NOTEBOOK, "losses", y_test=y)
    assert losses(p).mean() == pytest.approx(uncertainty.nll(p, y).value)
    logits = [drawn_logits(200, seed=seed)[0] for seed in range(3)]
    average = function_of(NOTEBOOK, "average")(logits)
    wanted = np.mean([uncertainty.softmax(z) for z in logits], axis=0)
    np.testing.assert_allclose(uncertainty.softmax(average), wanted)


def test_mistakes_left_is_one_where_confidence_knows_nothing():
    right = np.arange(1000) % 10 > 0
    mistakes_left = function_of(NOTEBOOK, "mistakes_left")
    assert mistakes_left(np.random.default_rng(0).random(1000), right) == pytest.approx(1, abs=0.1)
    assert mistakes_left(right.astype(float) + np.arange(1000) / 1e6, right) == 0
