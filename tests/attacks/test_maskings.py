"""Each masking looks robust, falls under its own attack, and is named; honest networks are accused of nothing."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from helpers import attacks
from helpers.attacks import ThreatModel, white_box
from tests.attacks import networks
from tests.attacks.test_foolbox import swinging

IMAGES, LABELS = (part[:100] for part in networks.digits()[2:])
THREAT = ThreatModel(0.2)
PGD = partial(attacks.pgd, steps=20)
MASKINGS = {"saturated": attacks.saturated, "shattered": attacks.shattered, "random": attacks.randomised}
OWN = {
    "saturated": lambda masked, plain: partial(attacks.pgd, masked, steps=10, loss="margin"),
    "shattered": lambda masked, plain: partial(attacks.pgd, attacks.bpda(masked, plain, attacks.rounded), steps=10),
    "random": lambda masked, plain: partial(attacks.pgd, attacks.eot(masked, 30), steps=10),
}
SILENT, UNFINISHED, UNTRANSFERRED, BOUNDED, OVERTAKEN, ZERO, UNREPEATABLE = (
    "silent success",
    "incomplete optimisation",
    "transfer failure",
    "unconstrained attack does not succeed",
    "black box stronger than white box",
    "gradients zero",
    "gradients not repeatable",
)


@pytest.mark.parametrize("name", MASKINGS)
def test_a_masking_looks_robust_and_falls_under_its_own_attack(plain, name):
    masked, few = MASKINGS[name](plain), slice(60)  # thirty draws a step take their time
    images, labels = IMAGES[few], LABELS[few]
    found = attacks.evaluate_robustness(
        masked.predict,
        images,
        labels,
        THREAT,
        {
            "FGSM": partial(attacks.fgsm, masked),
            "PGD": partial(PGD, masked),
            "own": OWN[name](masked, plain),
            "squares": partial(networks.random_search, masked.predict),
        },
        draws=20 if masked.random else 1,
    )
    print(name, found.clean, found.noise, *(f"{attack} {left}" for attack, left in found.attacks.items()))
    undefended = 1 - attacks.pgd(plain, images, labels, THREAT, steps=10).fooled.mean()
    assert found.clean.value == pytest.approx(networks.accuracy(plain, images, labels), abs=0.02)
    assert found.attacks["FGSM"].value > found.clean.value - 0.2
    assert found.attacks["PGD"].value > found.clean.value - 0.3
    assert found.attacks["own"].value < found.attacks["PGD"].value - 0.2
    assert found.attacks["own"].value < undefended + 0.25
    assert found.worst.value <= min(left.value for left in found.attacks.values())


@pytest.mark.parametrize("name", MASKINGS)
def test_a_masking_is_named(plain, name):
    found = attacks.check_list(
        MASKINGS[name](plain), IMAGES, LABELS, THREAT, attack=PGD, black_box=networks.random_search
    )
    print(name, found, sep="\n")
    assert found.masking == name
    expected = {"random": {UNREPEATABLE}}.get(name, {BOUNDED, OVERTAKEN, ZERO})
    assert expected <= set(found.triggered)
    (named,) = (each for each in found.findings if each.name == (UNREPEATABLE if name == "random" else ZERO))
    assert {"saturated": "loss='margin'", "shattered": "BPDA", "random": "eot"}[name] in named.advice
    assert named.advice in str(found)


@pytest.mark.parametrize(("name", "epsilon"), [("plain", 0.15), ("robust", 0.15), ("robust", 0.25)])
def test_honest_networks_are_accused_of_nothing(request, name, epsilon):
    network = request.getfixturevalue(name)
    found = attacks.check_list(
        network, IMAGES, LABELS, ThreatModel(epsilon), attack=PGD, black_box=networks.random_search
    )
    print(name, epsilon, found, sep="\n")
    assert found.triggered == ()
    assert found.masking is None


def test_an_honest_network_in_l2(robust):
    found = attacks.check_list(robust, IMAGES, LABELS, ThreatModel(1.5, "l2"), attack=PGD, black_box=nothing)
    assert found.triggered == ()


# ---- each check alone is what finds its own failure


def nothing(_, images, labels, threat):
    """An attack that leaves everything as it is, and says so."""
    none = np.zeros(len(labels))
    return attacks.Attacked("nothing", threat, images, none > 0, none.astype(np.float32) + 1, none.astype(np.int64))


def last_place(network, images, labels, threat):
    """PGD on a loss that swings, as it is without its memory."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(white_box, "_better", lambda reached, best: np.ones_like(reached, bool))
        return attacks.pgd(network, images, labels, threat, steps=20, loss=swinging, early_stop=False)


def one_small_step(network, images, labels, threat):
    return attacks.pgd(network, images, labels, threat, steps=1, step_size=threat.epsilon / 10, start=images)


def bounded_in_its_code(network, images, labels, threat):
    """It never goes farther than 0.15, whatever is allowed."""
    own = ThreatModel(min(threat.epsilon, 0.15))
    return replace(attacks.pgd(network, images, labels, own, steps=20), threat=threat)


def found_by(network, attack, black_box=nothing, epsilon=0.15, **options):
    threat = ThreatModel(epsilon)
    return attacks.check_list(network, IMAGES, LABELS, threat, attack=attack, black_box=black_box, **options).triggered


def test_silent_success(plain):
    assert SILENT in found_by(plain, last_place)


def test_incomplete_optimisation(plain):
    assert UNFINISHED in found_by(plain, one_small_step)


def test_transfer_failure(plain, robust):
    assert UNTRANSFERRED in found_by(plain, PGD, deployed=robust)


def test_an_unconstrained_attack_that_does_not_succeed(robust):
    assert found_by(robust, bounded_in_its_code) == (BOUNDED,)


def test_a_black_box_that_is_stronger(plain):
    assert found_by(plain, one_small_step, black_box=networks.random_search)[-1] == OVERTAKEN
    assert OVERTAKEN not in found_by(plain, PGD, black_box=networks.random_search)


def test_gradients_that_are_zero_in_some_pictures(plain):
    """A tenth of the pictures without a gradient are enough."""

    def gradient(images, slopes):
        given, change = plain.gradient(images, slopes)
        return given, np.where(images[:, 10:11, 10:11] < 0.05, 0, change)

    partly = replace(plain, gradient=gradient)
    assert ZERO in found_by(partly, PGD)


def test_gradients_that_are_not_repeatable(plain):
    assert UNREPEATABLE in found_by(attacks.randomised(plain, 0.1), PGD)


def test_a_network_that_reads_nothing(plain):
    wrong = (plain.ask(IMAGES).argmax(axis=1) + 1) % 10
    with pytest.raises(ValueError, match="reads none of 100 pictures rightly: there is nothing to attack"):
        attacks.check_list(plain, IMAGES, wrong, THREAT, attack=PGD, black_box=nothing)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: attacks.saturated(net, 0), "scale must be above 0, got 0"),
        (lambda net: attacks.shattered(net, 1), "levels must be at least 2, got 1"),
        (lambda net: attacks.randomised(net, -1), "amount must be at least 0, got -1"),
        (lambda net: attacks.randomised(net, seed=-1), "seed must be a whole number"),
    ],
)
def test_maskings_that_cannot_be(plain, call, message):
    with pytest.raises(ValueError, match=message):
        call(plain)
