"""The worst case picture by picture, on tables made by hand, and an evaluation that believes the classifier alone."""

import numpy as np
import pytest

from helpers import attacks
from helpers.attacks import ThreatModel
from helpers.intervals import proportion

THREAT = ThreatModel(0.25)
# Ten pictures of one pixel; the classifier reads whether it is bright, and one picture is read wrongly from the start.
IMAGES = np.full((10, 1, 1, 1), 0.4, np.float32)
IMAGES[9] = 0.6
LABELS = np.zeros(10, np.int64)


def predict(images):
    bright = np.clip(images[:, 0, 0, 0], 0, 1)
    return np.stack([1 - bright, bright], axis=1)


def fooling(*rows, change=0.2, claim=None):
    """An attack that brightens some pictures."""

    def attack(images, labels, threat):
        moved = images.copy()
        moved[list(rows)] += np.float32(change)
        fooled = np.isin(np.arange(10), rows if claim is None else claim)
        return attacks.Attacked("by hand", threat, moved, fooled, np.zeros(10, np.float32), np.ones(10, np.int64))

    return attack


def test_the_worst_case_is_taken_picture_by_picture():
    table = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 0, 1, 0]], bool)
    assert attacks.worst_case(table).tolist() == [False, True, False, False, False]
    for nothing in (np.ones((0, 3), bool), np.ones(3, bool), np.ones((2, 3))):
        with pytest.raises(ValueError, match=r"right must be bool of shape \(attacks, pictures\)"):
            attacks.worst_case(nothing)


def test_two_attacks_that_leave_much_may_leave_little_together():
    found = attacks.evaluate_robustness(
        predict, IMAGES, LABELS, THREAT, {"one": fooling(0, 1, 2), "two": fooling(3, 4, 5)}
    )
    assert found.clean == proportion(np.arange(10) < 9)
    assert found.attacks["one"].value == found.attacks["two"].value == pytest.approx(0.6)
    assert found.worst == proportion(np.isin(np.arange(10), [6, 7, 8]))
    assert found.right["one"].tolist() == [False] * 3 + [True] * 6 + [False]
    assert found.worst.n == 10


def test_what_an_attack_claims_does_not_count():
    boasting = fooling(0, claim=range(10))
    modest = fooling(0, 1, claim=[])
    found = attacks.evaluate_robustness(predict, IMAGES, LABELS, THREAT, {"boasting": boasting, "modest": modest})
    assert found.attacks["boasting"].value == pytest.approx(0.8)
    assert found.attacks["modest"].value == pytest.approx(0.7)


def test_a_picture_that_was_wrong_is_not_mended_by_an_attack():
    found = attacks.evaluate_robustness(predict, IMAGES, LABELS, THREAT, {"helpful": fooling(9, change=-0.2)})
    assert found.attacks["helpful"].value == found.clean.value == pytest.approx(0.9)


def test_noise_is_a_random_place_of_the_same_size():
    asked = []

    def spy(images):
        asked.append(images)
        return predict(images)

    attacks.evaluate_robustness(spy, IMAGES, LABELS, THREAT, {"none": fooling()}, seed=3)
    noisy = asked[1]
    assert (noisy == THREAT.random(IMAGES, np.random.default_rng(3))).all()


def test_a_randomised_classifier_is_asked_several_times():
    rng = np.random.default_rng(0)

    def moody(images):
        answers = predict(images)
        return np.where(rng.random((len(images), 1)) < 0.3, answers[:, ::-1], answers)

    once, often = (
        attacks.evaluate_robustness(moody, IMAGES[:9], LABELS[:9], THREAT, {"none": unmoved}, draws=draws).clean.value
        for draws in (1, 101)
    )
    assert often == 1 > once


def unmoved(images, labels, threat):
    none = np.zeros(len(labels))
    return attacks.Attacked("none", threat, images, none > 0, none.astype(np.float32), none.astype(np.int64))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attacks": {"far": fooling(0, change=0.3)}}, r"far went 0.3 far, and L-inf 63.75/255 allows 0.25"),
        ({"attacks": {"out": fooling(0, change=0.7)}}, r"images must lie in \[0, 1\]"),
        ({"attacks": {}}, r"attacks must name one or more.*got \[\]"),
        ({"attacks": {"worst": fooling()}}, "none clean, noise or worst; got"),
        ({"predict": lambda images: np.zeros(3)}, "predict must give floats of shape"),
        ({"labels": np.full(10, 2)}, r"labels must lie in 0\.\.1"),
        ({"labels": np.zeros(3, int)}, r"labels must have shape \(10,\)"),
        ({"images": IMAGES * 3}, r"images must lie in \[0, 1\]"),
        ({"draws": 0}, "draws must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_mistakes(change, message):
    call = {"predict": predict, "images": IMAGES, "labels": LABELS, "threat": THREAT, "attacks": {"a": fooling(0)}}
    with pytest.raises(ValueError, match=message):
        attacks.evaluate_robustness(**(call | change))


def test_an_attack_that_gives_other_pictures():
    def fewer(images, labels, threat):
        return attacks.Attacked("f", threat, images[:3], np.ones(3, bool), np.ones(3, np.float32), np.ones(3, np.int64))

    with pytest.raises(ValueError, match=r"fewer must give pictures of shape \(10, 1, 1, 1\), it gave \(3, 1, 1, 1\)"):
        attacks.evaluate_robustness(predict, IMAGES, LABELS, THREAT, {"fewer": fewer})
