"""Our PGD beside foolbox's: the same network, start and steps; and weaker ones, which the same test must tell."""

import eagerpy
import foolbox
import numpy as np
import pytest
import torch
from scipy import stats

from helpers import attacks
from helpers.attacks import ThreatModel, white_box
from tests.attacks import networks

STEPS = 10
# Where foolbox leaves 30 to 70% of the digits that are read rightly.
PLAIN = {"linf": ThreatModel(0.16), "l2": ThreatModel(1.5, "l2")}
MARGIN = 0.01  # of the pictures: 1 point


class Logits(torch.nn.Module):
    """What foolbox asks: channels first, logits out, for it computes the cross-entropy of logits."""

    def __init__(self, twin, scale):
        super().__init__()
        self.twin, self.scale = twin, scale

    def forward(self, pictures):
        return self.scale * self.twin.logits(pictures.permute(0, 2, 3, 1))


def starts(threat):
    """The same random places for both."""
    originals = networks.digits()[2]
    return np.concatenate(
        [threat.random(each[None], np.random.default_rng((7, i))) for i, each in enumerate(originals)]
    )


def by_foolbox(twin, threat, scale=1.0):
    """Which digits foolbox fools."""
    family = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[threat.norm]
    begin = torch.tensor(starts(threat)).permute(0, 3, 1, 2)

    class FromOurStart(family):
        def get_random_start(self, x0, epsilon):
            return eagerpy.astensor(begin)

    pictures, labels = (torch.tensor(part) for part in networks.digits()[2:])
    attack = FromOurStart(abs_stepsize=2.5 * threat.epsilon / STEPS, steps=STEPS, random_start=True)
    model = foolbox.PyTorchModel(Logits(twin, scale).eval(), bounds=(0, 1), device="cpu")
    return attack(model, pictures.permute(0, 3, 1, 2), labels, epsilons=threat.epsilon)[2].numpy()


def ours(network, threat, start=None, **options):
    """Which digits we fool, with the same settings unless told otherwise."""
    images, labels = networks.digits()[2:]
    start = starts(threat) if start is None else start
    settings = {"steps": STEPS, "step_size": 2.5 * threat.epsilon / STEPS, "start": start} | options
    return attacks.pgd(network, images, labels, threat, **settings).fooled


def lost(reference, tried):
    """Share fooled by the reference and not by the other, minus the reverse: value and upper 95% end (paired)."""
    difference = reference.astype(float) - tried
    error = max(stats.sem(difference), 1 / len(difference) / 1.96)  # one picture, where none differs
    return difference.mean(), difference.mean() + 1.96 * error


@pytest.fixture(scope="module")
def reference(twins):
    return {norm: by_foolbox(twins["plain"], threat) for norm, threat in PLAIN.items()}


@pytest.mark.parametrize(("norm", "early_stop"), [("linf", False), ("linf", True), ("l2", True)])
def test_pgd_is_as_strong_as_foolbox(plain, reference, norm, early_stop):
    assert 0.3 < 1 - reference[norm].mean() < 0.7, "foolbox leaves too few or too many to tell attacks apart"
    value, high = lost(reference[norm], ours(plain, PLAIN[norm], early_stop=early_stop))
    print(f"{norm}, early stop {early_stop}: {100 * value:.2f} points lost, upper end {100 * high:.2f}")
    assert high <= MARGIN


# ---- the same test, failed by what is weaker


def swinging(logits, labels, targets=None):
    """Up until a picture is fooled, and then down again: which side of the border it ends on is chance."""
    values, slopes = attacks.LOSSES["cross_entropy"](logits, labels, targets)
    side = np.sign(attacks.margins(logits, labels))
    return side * values, side[:, None] * slopes


def test_on_a_loss_that_swings_the_best_place_counts_and_not_the_last(plain, reference, monkeypatch):
    settings = {"loss": swinging, "early_stop": False}
    assert lost(reference["linf"], ours(plain, PLAIN["linf"], **settings))[1] <= MARGIN
    monkeypatch.setattr(white_box, "_better", lambda reached, best: np.ones_like(reached, bool))
    weaker = lost(reference["linf"], ours(plain, PLAIN["linf"], **settings))
    print(f"last place: {100 * weaker[0]:.2f} points lost, upper end {100 * weaker[1]:.2f}")
    assert weaker[1] > MARGIN


def test_half_the_steps_are_weaker(plain, reference):
    weaker = lost(reference["linf"], ours(plain, PLAIN["linf"], steps=STEPS // 2))
    print(f"half the steps: {100 * weaker[0]:.2f} points lost, upper end {100 * weaker[1]:.2f}")
    assert weaker[1] > MARGIN


@pytest.mark.parametrize("norm", PLAIN)
def test_nine_tenths_of_epsilon_are_weaker(plain, reference, norm):
    threat = ThreatModel(0.9 * PLAIN[norm].epsilon, norm)
    inside = threat.project(starts(PLAIN[norm]), networks.digits()[2])
    weaker = lost(reference[norm], ours(plain, threat, start=inside))
    print(f"{norm}, epsilon x 0.9: {100 * weaker[0]:.2f} points lost, upper end {100 * weaker[1]:.2f}")
    assert weaker[1] > MARGIN


def test_the_softmax_loss_is_weaker_on_a_sure_network(twins):
    sure = attacks.network(twins["plain"])
    scaled = attacks.saturated(sure, scale=3.0)  # logits some 18 apart: float32 says 1.0, and the logits say more
    reference = by_foolbox(twins["plain"], PLAIN["linf"], scale=3.0)
    assert lost(reference, ours(scaled, PLAIN["linf"]))[1] <= MARGIN
    weaker = lost(reference, ours(scaled, PLAIN["linf"], loss="softmax_cross_entropy"))
    print(f"softmax loss: {100 * weaker[0]:.2f} points lost, upper end {100 * weaker[1]:.2f}")
    assert weaker[1] > MARGIN
