"""The entropy decomposition on planted opinions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import uncertainty
from tests.uncertainty.drawn import drawn_probabilities


def test_members_that_agree_on_a_coin_flip_are_all_aleatoric():
    parts = uncertainty.decompose(np.full((5, 3, 2), 0.5, dtype=np.float32))
    np.testing.assert_allclose(parts.aleatoric, np.log(2))
    np.testing.assert_allclose(parts.epistemic, 0, atol=1e-12)


def test_certain_members_that_disagree_are_all_epistemic():
    members = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    parts = uncertainty.decompose(members)
    np.testing.assert_allclose(parts.aleatoric, 0)
    np.testing.assert_allclose(parts.epistemic, np.log(2))


def test_parts_by_hand():
    """Members at 0.9 and 0.5: mean 0.7."""
    parts = uncertainty.decompose(np.array([[[0.9, 0.1]], [[0.5, 0.5]]]))
    assert parts.total[0] == pytest.approx(-(0.7 * np.log(0.7) + 0.3 * np.log(0.3)))
    assert parts.aleatoric[0] == pytest.approx((-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)) + np.log(2)) / 2)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_parts_add_up_and_stay_in_range(seed, size):
    members = np.stack([drawn_probabilities(20, seed=seed + i, sharpness=1 + seed % 5)[0] for i in range(size)])
    parts = uncertainty.decompose(members)
    np.testing.assert_allclose(parts.aleatoric + parts.epistemic, parts.total, atol=1e-12)
    assert (parts.epistemic >= 0).all()
    assert (parts.epistemic <= np.log(size) + 1e-12).all()
    assert (parts.total <= np.log(10) + 1e-12).all()


def test_refuses_bad_input():
    p, _ = drawn_probabilities(5, seed=1)
    with pytest.raises(ValueError, match="at least 2 members"):
        uncertainty.decompose(p)
    with pytest.raises(ValueError, match="at least 2 members"):
        uncertainty.decompose(p[None])
    with pytest.raises(ValueError, match="sum to 1"):
        uncertainty.decompose(np.stack([p, p / 2]))
    with pytest.raises(TypeError, match="floats"):
        uncertainty.decompose(np.ones((2, 3, 4), int))
    with pytest.raises(ValueError, match="1 picture"):
        uncertainty.decompose(np.ones((2, 0, 4)))
