"""Membership inference: scores by hand and by loops, intervals that hold the truth, and what cannot be measured."""

import time

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from helpers import privacy
from helpers.privacy import membership as module


def balanced(models, pictures, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(models) < models // 2 for _ in range(pictures)], axis=1)


def drawn(models=16, pictures=300, effect=1.0, spread=2.0, seed=0):
    """Confidences whose middle differs from picture to picture, and rises by `effect` where a picture was learned."""
    rng, member = np.random.default_rng(seed), balanced(models, pictures, seed)
    middle = rng.normal(5, spread, pictures)
    return middle + effect * member + rng.normal(size=member.shape), member


# ---- scores


def test_logit_confidence_by_hand():
    found = privacy.logit_confidence(np.array([[0.9, 0.06, 0.04], [0.2, 0.5, 0.3]], np.float32), np.array([0, 2]))
    np.testing.assert_allclose(found, [np.log(9), np.log(0.3 / 0.7)], rtol=1e-6)


def test_logit_confidence_keeps_what_a_float32_near_one_has_lost():
    # 1 - 1e-9 is 1 in float32; the other classes still hold it.
    sure = np.array([[1.0, 6e-10, 4e-10]], np.float32)
    assert 1 - sure[0, 0] == 0
    np.testing.assert_allclose(privacy.logit_confidence(sure, [0]), np.log(1e9), rtol=1e-6)
    certain = privacy.logit_confidence(np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), [0, 1])
    np.testing.assert_allclose(certain, [103.28, -103.28], atol=0.01)


def test_loss_threshold_is_minus_the_cross_entropy():
    p = np.array([[0.9, 0.1], [0.3, 0.7]])
    np.testing.assert_allclose(privacy.loss_threshold(privacy.logit_confidence(p, [0, 0])), np.log([0.9, 0.3]))
    np.testing.assert_allclose(privacy.loss_threshold([[-100.0, 100.0]]), [[-100, 0]], atol=1e-9)


def loops(confidences, member, shared):
    """LiRA as the paper writes it, one picture of one target at a time, with the spread around a mean of n models."""
    scores = np.empty(confidences.shape)
    for target in range(len(confidences)):
        rest = np.arange(len(confidences)) != target
        spread = {}
        for chosen in (True, False):
            groups = [confidences[rest & (member[:, j] == chosen), j] for j in range(confidences.shape[1])]
            squares, freedom = sum(((g - g.mean()) ** 2).sum() for g in groups), sum(len(g) - 1 for g in groups)
            spread[chosen] = np.sqrt(squares / freedom)
        for j in range(confidences.shape[1]):
            log_density = {}
            for chosen in (True, False):
                group = confidences[rest & (member[:, j] == chosen), j]
                scale = spread[chosen] if shared else group.std(ddof=1)
                wider = np.sqrt(1 + 1 / len(group))
                log_density[chosen] = stats.norm.logpdf(confidences[target, j], group.mean(), scale * wider)
                log_density[chosen] += np.log(wider)
            scores[target, j] = log_density[True] - log_density[False]
    return scores


@pytest.mark.parametrize(("models", "shared"), [(16, True), (64, False)])
def test_lira_is_what_the_paper_writes(models, shared):
    confidences, member = drawn(models=models, pictures=20, seed=1)
    np.testing.assert_allclose(privacy.lira(confidences, member), loops(confidences, member, shared), atol=1e-8)


def test_lira_of_large_confidences_keeps_its_digits():
    confidences, member = drawn(pictures=20)
    np.testing.assert_allclose(
        privacy.lira(confidences + 1e6, member), privacy.lira(confidences, member), rtol=1e-5, atol=1e-6
    )


def test_nothing_of_the_target_is_in_its_own_fit():
    # If its fit holds still while the target moves, the score is a quadratic of where it is.
    confidences, member = drawn(pictures=40)
    at = []
    for move in range(5):
        moved = confidences.copy()
        moved[3] += 10 * move
        at.append(privacy.lira(moved, member)[3])
    np.testing.assert_allclose(np.diff(at, 3, axis=0), 0, atol=1e-6)
    assert np.abs(np.diff(at, 2, axis=0)).min() > 1e-4


def test_an_attack_that_knows_the_picture_finds_what_a_threshold_cannot():
    confidences, member = drawn(pictures=1000, effect=2.0, spread=5.0)
    auc = {
        name: privacy.measure_attack(scores, member, resamples=50).auc.value
        for name, scores in {
            "loss": privacy.loss_threshold(confidences),
            "LiRA": privacy.lira(confidences, member),
        }.items()
    }
    # With the two middles known: Phi(2 / sqrt(2)) = 0.921. They are estimated from seven or eight models.
    assert auc["loss"] < 0.65 < 0.88 < auc["LiRA"] < stats.norm.cdf(2 / np.sqrt(2))


def test_with_a_wrong_list_of_members_nothing_is_found_and_nothing_is_missed():
    # Not below 0.5 either: the one model less on the target's side must not show. Without the spread of the mean
    # the AUC is 0.492, seven standard errors away.
    confidences, _ = drawn(pictures=20_000, effect=0.0)
    wrong = balanced(16, 20_000, seed=99)
    roc = privacy.attack_roc(privacy.lira(confidences, wrong), wrong)
    assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(0.5, abs=4e-3)  # standard error 0.0011


def test_networks_that_agree_to_the_last_digit_are_no_division_by_zero():
    member = balanced(8, 40)
    assert (privacy.lira(np.ones((8, 40)), member) == 0).all()
    apart = privacy.lira(np.where(member, 1.0, 0.0), member)
    assert np.isfinite(apart).all()
    assert apart[member].min() > apart[~member].max()


# ---- how strong an attack is


def test_roc_and_auc_are_scikit_learns_with_ties_too():
    rng, member = np.random.default_rng(3), balanced(8, 300)
    scores = np.round(rng.normal(size=member.shape) + member, 1)
    roc = privacy.attack_roc(scores, member)
    fpr, tpr, _ = metrics.roc_curve(member.ravel(), scores.ravel(), drop_intermediate=False)
    np.testing.assert_allclose([roc.fpr, roc.tpr], [fpr, tpr])
    found = privacy.measure_attack(scores, member, resamples=20)
    assert found.auc.value == pytest.approx(metrics.roc_auc_score(member.ravel(), scores.ravel()))
    for estimate, rate in ((found.tpr_at_permille, 0.001), (found.tpr_at_percent, 0.01)):
        assert estimate.value == tpr[fpr <= rate].max()
    assert (found.members, found.non_members, found.auc.n) == (1200, 1200, 300)


def test_a_resample_by_weights_is_the_resample_itself():
    confidences, member = drawn(pictures=400)
    scores = np.round(privacy.lira(confidences, member), 1)
    decisions = module._Decisions(scores, member)
    for weights in module._resampled(400, seed=5, resamples=3):
        columns = np.repeat(np.arange(400), weights)
        again = module._Decisions(scores[:, columns], member[:, columns])
        np.testing.assert_allclose(
            module._measures(*decisions.counts(weights)), module._measures(*again.counts(np.ones(400, int)))
        )


def test_intervals_hold_the_truth_although_decisions_on_a_picture_hang_together():
    # Half the spread is the picture's own, so 16 decisions on it are far from 16 cases.
    held, naive = [], []
    truth = stats.norm.cdf(0.5 / np.sqrt(2))
    for seed in range(150):
        rng, member = np.random.default_rng(seed), np.zeros((8, 300), bool)
        member[:, :150] = True
        scores = 0.5 * member + np.sqrt(0.5) * (rng.normal(size=300) + rng.normal(size=member.shape))
        auc = privacy.measure_attack(scores, member, seed=seed, resamples=100).auc
        held.append(auc.low <= truth <= auc.high)
        apart = privacy.measure_attack(scores.reshape(1, -1), member.reshape(1, -1), seed=seed, resamples=100).auc
        naive.append(apart.low <= truth <= apart.high)
    assert stats.binom.cdf(sum(held), 150, 0.92) > 1e-3  # 100 resamples cost a little of the 95%
    assert np.mean(naive) < 0.75  # the same with every decision a case of its own


def test_a_difference_of_attacks_is_paired():
    confidences, member = drawn(pictures=500, effect=1.5)
    loss, ratio = privacy.loss_threshold(confidences), privacy.lira(confidences, member)
    apart = privacy.compare_attacks(ratio, loss, member, resamples=200)
    each = [privacy.measure_attack(scores, member, resamples=200).auc for scores in (ratio, loss)]
    assert apart.value == pytest.approx(each[0].value - each[1].value)
    assert apart.low > 0
    assert apart.high - apart.low < (each[0].high - each[0].low) + (each[1].high - each[1].low)
    assert privacy.compare_attacks(loss, loss, member, resamples=20)[:3] == (0, 0, 0)


def test_a_thousand_resamples_are_a_few_seconds_of_one_processor():
    confidences, member = drawn(pictures=4000)
    started = time.process_time()
    privacy.measure_attack(privacy.lira(confidences, member), member)
    assert time.process_time() - started < 20  # about 2 on a quiet machine; sorting each time takes 15 and more


def test_the_strength_reads_as_a_sentence():
    confidences, member = drawn()
    assert str(privacy.measure_attack(confidences, member, resamples=20)).startswith("AUC 0.")


def test_the_most_exposed_pictures_are_those_that_were_learned_by_heart():
    confidences, member = drawn(pictures=400)
    confidences[:, :20] += 6 * member[:, :20]
    found = privacy.exposure(privacy.lira(confidences, member), member)
    assert found.shape == (400,)
    assert set(found.argsort()[::-1][:20]) == set(range(20))
    by_hand = privacy.exposure(np.array([[3.0], [1.0], [2.0], [8.0]]), np.array([[True], [False], [True], [False]]))
    assert by_hand == pytest.approx([2.5 - 4.5])


# ---- what differential privacy allows


def test_the_bound_by_hand():
    assert privacy.dp_tpr_bound(3, 1e-5, 0.001) == pytest.approx(np.exp(3) * 0.001 + 1e-5)
    assert privacy.dp_tpr_bound(1, 0.1, 0.5) == pytest.approx(1 - np.exp(-1) * 0.4)
    np.testing.assert_allclose(privacy.dp_tpr_bound(0, 0, [0, 0.3, 1]), [0, 0.3, 1])
    assert privacy.dp_tpr_bound(1e4, 0, [0, 0.5]).tolist() == [0, 1]


def test_no_threshold_on_randomised_response_or_gaussian_noise_beats_the_bound_and_one_reaches_it():
    epsilon = 1.2
    truthful = 1 / (1 + np.exp(-epsilon))
    assert privacy.dp_tpr_bound(epsilon, 0, 1 - truthful) == pytest.approx(truthful)
    fpr = np.linspace(0, 1, 1001)
    of_gaussian = stats.norm.cdf(stats.norm.ppf(fpr) + 1 / 2)
    tight = np.inf
    for epsilon in np.linspace(0.1, 3, 30):
        a, b = 1 / 4 - 2 * epsilon, -1 / 4 - 2 * epsilon
        delta = stats.norm.cdf(a) - np.exp(epsilon) * stats.norm.cdf(b)
        slack = privacy.dp_tpr_bound(epsilon, delta, fpr) - of_gaussian
        assert slack.min() > -1e-9
        tight = min(tight, slack[1:-1].min())
    assert tight < 1e-5


# ---- what is refused


MEMBER = balanced(16, 200)
SCORES = np.random.default_rng(0).normal(size=MEMBER.shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: privacy.logit_confidence(np.array([[2.0, -1.0]]), [0]), "must lie in"),
        (lambda: privacy.logit_confidence(np.array([[0.5, 0.5]]), [2]), "labels must lie in 0..1"),
        (lambda: privacy.loss_threshold([[np.nan]]), "finite, got NaN or infinity in 1 of 1"),
        (lambda: privacy.loss_threshold([]), "at least one"),
        (lambda: privacy.lira(SCORES[:, 1:], MEMBER), r"a row for each model.*got \(16, 199\) and \(16, 200\)"),
        (lambda: privacy.lira(SCORES[0], MEMBER[0]), r"shape \(models, pictures\).*Of one model: membership\[None\]"),
        (lambda: privacy.lira(np.where(MEMBER, np.inf, SCORES), MEMBER), "confidences must be finite"),
        (lambda: privacy.lira(SCORES, MEMBER | True), "200 of 200 pictures have fewer than 2 models without them"),
        (lambda: privacy.lira(SCORES, MEMBER & (np.arange(200) > 0)), r"1 of 200 .*2 models with them.*0 has 0 of 16"),
        (lambda: privacy.lira(SCORES[:4, :1], np.array([[True], [True], [False], [False]])), "4 models are too few"),
        (lambda: privacy.exposure(SCORES, MEMBER & False), "fewer than 1 models with them"),
        (lambda: privacy.attack_roc(SCORES, MEMBER | True), "no non-members among 3,200 decisions"),
        (lambda: privacy.attack_roc(SCORES, MEMBER & False), "no members among"),
        (lambda: privacy.attack_roc(np.where(MEMBER, np.nan, SCORES), MEMBER), "scores must be finite"),
        (lambda: privacy.measure_attack(SCORES, MEMBER | True), "no non-members"),
        (lambda: privacy.measure_attack(SCORES[:, :100], MEMBER[:, :100]), "1,000 decisions on non-members.*got 800"),
        (lambda: privacy.measure_attack(SCORES, MEMBER & (np.arange(200) < 29)), "30 pictures with members.*got 29"),
        (lambda: privacy.measure_attack(SCORES, MEMBER, resamples=0), "resamples"),
        (lambda: privacy.measure_attack(SCORES, MEMBER, confidence=95), "confidence must lie strictly"),
        (lambda: privacy.compare_attacks(SCORES, SCORES[1:], MEMBER), "a row for each model"),
        (lambda: privacy.compare_attacks(SCORES, SCORES, MEMBER & (np.arange(200) < 9)), "30 pictures with members"),
        (lambda: privacy.dp_tpr_bound(-1, 0, 0.1), "epsilon must be a number of at least 0, got -1"),
        (lambda: privacy.dp_tpr_bound(np.nan, 0, 0.1), "epsilon must be"),
        (lambda: privacy.dp_tpr_bound(1, 2, 0.1), "delta must lie in"),
        (lambda: privacy.dp_tpr_bound(1, 0, [0.1, 1.1]), "false positive rate must lie in"),
    ],
)
def test_what_cannot_be_attacked_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("attack", [privacy.lira, privacy.exposure, privacy.attack_roc, privacy.measure_attack])
def test_membership_is_bool(attack):
    with pytest.raises(TypeError, match="membership must be bool, True where a model learned from a picture, got int"):
        attack(SCORES, MEMBER.astype(int))
