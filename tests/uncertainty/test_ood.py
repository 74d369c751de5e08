"""Out-of-distribution scores: planted strangers, other libraries, honest thresholds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from helpers import uncertainty
from tests.uncertainty.drawn import drawn_logits


def embedded(n, seed, *, shift=0.0):
    """Embeddings around four class means, wide along the first feature and narrow along the second."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    x = rng.normal(0, 1, (n, 6)) * [5, 0.1, 1, 1, 1, 1] + [20, 3, 5, 5, 5, 5]
    x[np.arange(n), 2 + labels] += 8
    x[:, 1] += shift
    return x, labels


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 60), st.integers(0, 3))
def test_auroc_equals_sklearn_and_turns_around(seed, ours, strangers, digits):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, ours).round(digits), rng.normal(0.7, 1, strangers).round(digits)
    estimate = uncertainty.auroc(a, b)
    expected = roc_auc_score(np.repeat([0, 1], [ours, strangers]), np.concatenate([a, b]))
    assert estimate.value == pytest.approx(expected)
    assert 0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value <= estimate.high + 1e-12 <= 1 + 1e-9
    assert uncertainty.auroc(b, a).value == pytest.approx(1 - expected)


def test_auroc_interval_holds_the_truth():
    """Normal scores one apart: the area is Phi(1 / sqrt 2). 95% intervals of 400 samples."""
    truth = stats.norm.cdf(1 / np.sqrt(2))
    rng = np.random.default_rng(0)
    found = [uncertainty.auroc(rng.normal(0, 1, 60), rng.normal(1, 1, 90)) for _ in range(400)]
    held = np.mean([e.low <= truth <= e.high for e in found])
    assert 0.91 < held < 0.985


def test_perfect_separation_has_an_interval_too():
    estimate = uncertainty.auroc([0.0, 0.1, 0.2], [1.0, 2.0, 3.0, 4.0])
    assert estimate.value == 1
    assert estimate.low == pytest.approx(stats.binomtest(3, 3).proportion_ci(method="wilson").low)
    assert estimate.n == 7


def test_threshold_comes_from_calibration_pictures_alone():
    ours = np.arange(1, 101) / 100
    assert uncertainty.threshold_for_tpr(ours[::-1]) == 0.95
    assert uncertainty.fpr_at_tpr(ours, [0.5, 0.95, 0.96, 2.0]).value == 0.5
    assert uncertainty.fpr_at_tpr(ours, [0.5, 0.95, 0.96, 2.0]).n == 4
    # Stranger strangers move the rate, not the threshold.
    assert uncertainty.fpr_at_tpr(ours, [9.0, 9.0]).value == 0


def test_threshold_keeps_its_promise_on_other_pictures():
    rng = np.random.default_rng(1)
    threshold = uncertainty.threshold_for_tpr(rng.normal(0, 1, 2000), 0.95)
    assert (rng.normal(0, 1, 20_000) <= threshold).mean() == pytest.approx(0.95, abs=0.015)


def test_every_score_is_higher_for_strangers():
    logits, _ = drawn_logits(500, seed=1)
    strange = np.random.default_rng(2).normal(0, 1, (500, 10))
    for ours, theirs in (
        (uncertainty.energy_score(logits), uncertainty.energy_score(strange)),
        (
            uncertainty.max_softmax_score(uncertainty.softmax(logits)),
            uncertainty.max_softmax_score(uncertainty.softmax(strange)),
        ),
    ):
        assert uncertainty.auroc(ours, theirs).low > 0.85


def test_scores_by_hand():
    np.testing.assert_allclose(uncertainty.energy_score(np.array([[0.0, 0.0], [1000.0, 0.0]])), [-np.log(2), -1000])
    np.testing.assert_allclose(uncertainty.max_softmax_score(np.array([[0.7, 0.3]])), [0.3])


def test_mahalanobis_sees_a_shift_along_a_narrow_feature():
    """The shift is small beside the wide feature: only a distance that knows the spread notices."""
    train, labels = embedded(2000, 1)
    ours, strangers = embedded(500, 2)[0], embedded(500, 3, shift=0.6)[0]
    detector = uncertainty.Mahalanobis.fit(train, labels)
    assert uncertainty.auroc(detector.score(ours), detector.score(strangers)).low > 0.9
    means = np.stack([train[labels == k].mean(axis=0) for k in range(4)])
    plain = [((x[:, None] - means) ** 2).sum(axis=2).min(axis=1) for x in (ours, strangers)]
    assert uncertainty.auroc(*plain).high < 0.6


def test_mahalanobis_equals_the_textbook():
    train, labels = embedded(20_000, 1)
    x = embedded(50, 2)[0]
    means = np.stack([train[labels == k].mean(axis=0) for k in range(4)])
    inverse = np.linalg.inv(np.cov((train - means[labels]).T, ddof=0))
    expected = np.min([np.einsum("ni,ij,nj->n", x - m, inverse, x - m) for m in means], axis=0)
    # Ledoit-Wolf shrinks a little towards the sphere, which the narrow feature feels most.
    assert stats.spearmanr(uncertainty.Mahalanobis.fit(train, labels).score(x), expected).statistic > 0.95


def test_mahalanobis_bears_dead_features_few_pictures_and_large_numbers():
    rng = np.random.default_rng(1)
    x = np.maximum(rng.normal(0, 1e4, (30, 64)), 0)
    x[:, :40] = 0
    score = uncertainty.Mahalanobis.fit(x.astype(np.float32), np.arange(30) % 3).score(x)
    assert np.isfinite(score).all()
    with pytest.raises(ValueError, match="do not vary"):
        uncertainty.Mahalanobis.fit(np.ones((30, 4)), np.arange(30) % 3)
    with pytest.raises(ValueError, match="64 features"):
        uncertainty.Mahalanobis.fit(x, np.arange(30) % 3).score(x[:, :5])


@pytest.mark.parametrize(
    ("x", "labels"),
    [
        pytest.param(np.random.default_rng(0).normal(size=(2, 5)), [0, 0], id="two pictures"),
        pytest.param(np.repeat([[1.0, 0, 0, 0], [0.0, 0, 0, 0]], 200, axis=0), [0] * 400, id="a feature on or off"),
        pytest.param(np.random.default_rng(1).normal(size=(50, 3)) * 1e200, [0] * 50, id="squares overflow"),
        pytest.param(np.random.default_rng(1).normal(5, 1, (50, 3)) * 1e306, [0] * 50, id="sums overflow"),
        pytest.param(np.random.default_rng(1).normal(size=(50, 3)) * 1e-200, [0] * 50, id="squares vanish"),
        pytest.param(
            np.random.default_rng(1).normal(size=(60, 2)) @ [[1, 0, 1, 2], [0, 1, 1, 0]], [0] * 60, id="copies"
        ),
        pytest.param(np.random.default_rng(1).normal(size=(5, 8)), [0, 1, 2, 3, 3], id="classes of one picture"),
    ],
)
def test_mahalanobis_gives_distances_where_the_covariance_has_no_inverse(x, labels):
    detector = uncertainty.Mahalanobis.fit(x, np.array(labels))
    own = detector.score(x)
    assert np.isfinite(own).all()
    # Along what never varied, or by ten times what did, a picture is stranger than any of training.
    assert (detector.score(x + 10 * np.abs(x).max()) > own.max()).all()


def test_mahalanobis_shrinks_as_ledoit_and_wolf_where_they_shrink():
    """The least shrinkage changes no distance of an ordinary network's features."""
    train, labels = embedded(2000, 1)
    means = np.stack([train[labels == k].mean(axis=0) for k in range(4)])
    precision = LedoitWolf(assume_centered=True).fit(train - means[labels]).precision_
    x = embedded(50, 2)[0]
    expected = np.min([np.einsum("ni,ij,nj->n", x - m, precision, x - m) for m in means], axis=0)
    np.testing.assert_allclose(uncertainty.Mahalanobis.fit(train, labels).score(x), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.full((30, 4), 0.1), "do not vary"),  # whose mean is off by a rounding error
        (np.full((30, 4), 0.1, np.float32), "do not vary"),
        (np.random.default_rng(1).normal(size=(30, 3)) * 1e-318, "too little for double precision"),
        (np.where(np.arange(30)[:, None] < 2, [-1.7e308, 0], [1.7e308, 0]), "too far apart"),
        (np.where(np.eye(30, 4) > 0, np.nan, 1.0), "finite"),
    ],
)
def test_mahalanobis_says_what_to_do_where_there_is_no_distance(x, words):
    with pytest.raises(ValueError, match=words):
        uncertainty.Mahalanobis.fit(x, np.zeros(30, int))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_nearest_neighbours_bear_any_size_of_number(size):
    train, x = embedded(200, 1)[0], embedded(20, 2)[0]
    wanted = uncertainty.NearestNeighbours.fit(train, k=3).score(x)
    np.testing.assert_allclose(uncertainty.NearestNeighbours.fit(size * train, k=3).score(size * x), wanted, atol=1e-7)


def test_nearest_neighbours_equals_the_textbook():
    train, x = embedded(200, 1)[0], embedded(20, 2)[0]
    train[5] = 0  # a picture with all features off
    detector = uncertainty.NearestNeighbours.fit(train, k=3)
    with np.errstate(invalid="ignore"):
        unit = np.nan_to_num(train / np.linalg.norm(train, axis=1, keepdims=True))
    other = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = np.sort(np.linalg.norm(other[:, None] - unit, axis=2), axis=1)[:, 2]
    np.testing.assert_allclose(detector.score(x), expected, atol=1e-7)
    np.testing.assert_allclose(detector.score(7 * x), expected, atol=1e-7)  # only the direction counts


def test_refuses_bad_input():
    x, labels = embedded(20, 1)
    with pytest.raises(ValueError, match="k must be at most the 20"):
        uncertainty.NearestNeighbours.fit(x, k=21)
    with pytest.raises(ValueError, match="at least 1"):
        uncertainty.NearestNeighbours.fit(x, k=0)
    with pytest.raises(ValueError, match="finite"):
        uncertainty.NearestNeighbours.fit(np.where(x > 20, np.nan, x))
    with pytest.raises(ValueError, match="6 features"):
        uncertainty.NearestNeighbours.fit(x, k=2).score(x[:, :3])
    with pytest.raises(ValueError, match="one per picture"):
        uncertainty.Mahalanobis.fit(x, labels[:5])
    with pytest.raises(ValueError, match="2 or more"):
        uncertainty.auroc([0.1], [0.2, 0.3])
    with pytest.raises(ValueError, match="at least 1"):
        uncertainty.fpr_at_tpr([], [0.2])
    with pytest.raises(ValueError, match="tpr must lie"):
        uncertainty.threshold_for_tpr([0.1, 0.2], 95)
    with pytest.raises(ValueError, match="finite"):
        uncertainty.energy_score(np.array([[np.inf, 0.0]]))
    with pytest.raises(ValueError, match="softmax"):
        uncertainty.max_softmax_score(np.array([[3.0, -1.0]]))
