"""Rivals and their honest twins, from a seed: which claims are false in which way, in which order, with which numbers.

Each seed has its own pictures, weights, masking, sizes and order, so that what somebody found out about one says little
about the next. A rival has three false claims and a true one that looks suspicious; its twin claims the same things and
is honest throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from helpers import attacks, datasets, intervals, models, privacy, uncertainty
from helpers.attacks import AdversarialRecipe, Network, ThreatModel
from helpers.contracts import Images, Probabilities, check_seed
from helpers.datasets import Dataset, Split
from helpers.rivals.calibration import EDGES, Calibrated, FittedOn, fit_isotonic
from helpers.rivals.claims import Claim, Evidence, Rival
from helpers.rivals.robustness import UnderAttack
from helpers.rivals.sampling import BatchLog
from helpers.scorecard import Record

_STREAM = 13  # keeps these draws apart from others of the same seed
_TRAIN, _CALIBRATION, _TEST, _FRESH = 300, 250, 250, 2000  # what is fitted on few pictures learns them by heart
_STEPS = 100  # some nine of ten are read rightly: enough errors to be wrong about
_MASKINGS: dict[str, Callable[..., Network]] = {
    "saturated": attacks.saturated,
    "shattered": attacks.shattered,
    "saturated and shattered": lambda network: attacks.saturated(attacks.shattered(network)),
}
TRUE = "true"
"""What an answer key says of a claim that is not false."""


def make_rival(seed: int) -> Rival:
    """A rival network with four claims: three are false, and one is true and looks suspicious.

    Parameters
    ----------
    seed : int
        Which rival.

    Returns
    -------
    Rival
        Claims about accuracy under attack, calibration and epsilon, false each, and a fourth; in an order by the seed.
        On real digits, with a network trained here and kept in the cache.

    Raises
    ------
    ValueError
        If `seed` is none.
    """
    workshop = _Workshop(check_seed(seed))
    return Rival(workshop.data, tuple(claim for claim, _ in _of_rival(workshop)))


def answer_key(seed: int) -> tuple[str, ...]:
    """What is wrong with each claim of a rival, for whoever checks answers.

    Parameters
    ----------
    seed : int
        Which rival.

    Returns
    -------
    tuple of str
        In the order of its claims: in which way it is false, or :data:`TRUE`.

    Raises
    ------
    ValueError
        If `seed` is none.
    """
    return tuple(answer for _, answer in _of_rival(_Workshop(check_seed(seed))))


def honest_twin(seed: int) -> Rival:
    """A network with the same three claims as the rival of this seed, all of them true: what no audit may accuse.

    Parameters
    ----------
    seed : int
        Whose twin.

    Returns
    -------
    Rival
        Its network was trained against the attack that it claims to withstand, its calibrator was fitted on the
        calibration split, and its batches were drawn by Poisson sampling.

    Raises
    ------
    ValueError
        If `seed` is none.
    """
    workshop = _Workshop(check_seed(seed))
    return Rival(workshop.data, (_robust(workshop), _calibrated(workshop), _private(workshop)))


def fresh_pictures(seed: int) -> Split:
    """Pictures that neither the rival of this seed nor its twin has ever seen: what an auditor brings along.

    Parameters
    ----------
    seed : int
        Whose auditor.

    Returns
    -------
    helpers.datasets.Split
        Two thousand digits, of the same kind as the test split.

    Raises
    ------
    ValueError
        If `seed` is none.
    """
    return _Workshop(check_seed(seed)).fresh


# ---- what a maker has: pictures, a network, and numbers drawn for each claim


@dataclass(frozen=True)
class _Workshop:
    """All that is drawn from one seed; each part is drawn by itself, and made when it is asked for."""

    seed: int

    def number(self, part: int) -> int:
        return int(np.random.SeedSequence([_STREAM, self.seed, part]).generate_state(1)[0])

    def rng(self, part: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([_STREAM, self.seed, part]))

    @cached_property
    def _division(self) -> tuple[Dataset, Split]:
        whole = datasets.load(
            "digits", train=_TRAIN, calibration=_CALIBRATION, test=_TEST + _FRESH, seed=self.number(0)
        )
        # In any order, so that test and fresh pictures are alike but for chance: that is what is tested.
        rows = self.rng(0).permutation(len(whole.test))
        return replace(whole, test=whole.test.take(rows[:_TEST])), whole.test.take(rows[_TEST:])

    @property
    def data(self) -> Dataset:
        return self._division[0]

    @property
    def fresh(self) -> Split:
        return self._division[1]

    @property
    def _recipe(self) -> models.Recipe:
        return models.Recipe(steps=_STEPS, batch_size=32, learning_rate=3e-3, seed=self.number(1))

    @cached_property
    def network(self) -> Network:
        """What was trained on the pictures as they are."""
        return attacks.network(models.load_or_train(self._recipe, self.data.train, classes=10).model)

    def hardened(self, threat: ThreatModel) -> Network:
        """What was trained against an attack, one step at a time."""
        recipe = AdversarialRecipe(replace(self._recipe, steps=3 * _STEPS), threat, warm_up=0.5, shift=1)
        return attacks.network(attacks.adversarially_trained(recipe, self.data.train, classes=10).model)

    @cached_property
    def logits(self) -> dict[str, NDArray[np.float32]]:
        return {name: self.network.ask(getattr(self.data, name).images) for name in ("calibration", "test")}

    def record(self, axis: str, metric: str, estimate: intervals.Estimate, direction: str, model: str) -> Record:
        bounds = (0.0, None if metric.startswith("epsilon") else 1.0)
        value, low, high, n = estimate
        return Record(
            axis, metric, value, low, high, n, direction, "digits", model, "rival", self.seed, "quick", bounds=bounds
        )


def _of_rival(workshop: _Workshop) -> list[tuple[Claim, str]]:
    made = [_masked(workshop), _overfitted(workshop), _shuffled(workshop), (_suspicious(workshop), TRUE)]
    mixed = [made[place] for place in workshop.rng(6).permutation(len(made))]
    # Two are of one kind: told apart by where they stand, for a name of its own would say which is which.
    return [
        (replace(claim, record=replace(claim.record, model=f"{claim.record.model} {at}")), answer)
        for at, (claim, answer) in enumerate(mixed, start=1)
    ]


# ---- accuracy under attack


def _masked(workshop: _Workshop) -> tuple[Claim, str]:
    name = str(workshop.rng(2).choice(list(_MASKINGS)))
    return _under_attack(workshop, _MASKINGS[name](workshop.network), _threat(workshop)), f"gradients hidden: {name}"


def _robust(workshop: _Workshop) -> Claim:
    threat = _threat(workshop)
    return _under_attack(workshop, workshop.hardened(threat), threat)


def _threat(workshop: _Workshop) -> ThreatModel:
    return ThreatModel(float(workshop.rng(3).choice([46, 50, 54, 58])) / 255)


def _under_attack(workshop: _Workshop, network: Network, threat: ThreatModel) -> Claim:
    tested = workshop.data.test
    attacked = attacks.pgd(network, tested.images, tested.labels, threat, steps=20, seed=workshop.number(3))
    held = ~attacked.fooled
    right = int((network.predict(tested.images).argmax(axis=1) == tested.labels).sum())
    return Claim(
        workshop.record("robustness", "accuracy under PGD", intervals.proportion(held), "higher", "rival"),
        f"{held.sum()} of {len(held)} pictures are read rightly under PGD with 20 steps at {threat}, and {right} as "
        "they are; try it yourself.",
        # A maker who hides something does not write it on the network.
        UnderAttack(replace(network, name="rival"), threat, int(held.sum()), len(held)),
    )


# ---- calibration


def _overfitted(workshop: _Workshop) -> tuple[Claim, str]:
    if _by_temperature(workshop):
        share = float(workshop.rng(4).choice([0.25, 0.5, 1.0]))
        return _with_temperature(workshop, share), f"temperature fitted on the test split: {share:.0%} of it"
    return _with_steps(workshop, "test"), "isotonic calibrator fitted on the test split"


def _calibrated(workshop: _Workshop) -> Claim:
    return _with_temperature(workshop, 0.0) if _by_temperature(workshop) else _with_steps(workshop, "calibration")


def _by_temperature(workshop: _Workshop) -> bool:
    return bool(workshop.number(4) % 2)


def _with_temperature(workshop: _Workshop, share: float) -> Claim:
    """Fitted on the calibration split, and on a share of the test split."""
    rng, number = workshop.rng(4), round(share * _TEST)
    logits, labels, hashes = [], [], []
    for name, count in (("calibration", _CALIBRATION - number), ("test", number)):
        split, rows = getattr(workshop.data, name), rng.permutation(_TEST)[:count]
        logits.append(workshop.logits[name][rows])
        labels.append(split.labels[rows])
        hashes.extend(np.array(split.hashes())[rows].tolist())
    temperature = uncertainty.fit_temperature(np.concatenate(logits), np.concatenate(labels))
    order = rng.permutation(len(hashes))
    p = uncertainty.softmax(workshop.logits["test"] / np.float32(temperature))
    evidence = FittedOn(tuple(hashes[place] for place in order), temperature)
    said = f"one temperature, {temperature:.2f}, fitted on {len(hashes)} pictures whose hashes are here."
    return _about_calibration(workshop, p, evidence, said)


def _with_steps(workshop: _Workshop, fitted_on: str) -> Claim:
    """An isotonic calibrator, fitted on one of the splits."""
    network, split = workshop.network, getattr(workshop.data, fitted_on)
    # By the very function that is handed over: a step is passed or not by the last digit of a probability.
    calibrator = fit_isotonic(network.predict(split.images), split.labels)

    def predict(images: Images) -> Probabilities:
        return calibrator(network.predict(images))

    said = "isotonic steps for each digit; here is the calibrated network."
    return _about_calibration(workshop, predict(workshop.data.test.images), Calibrated(predict), said)


def _about_calibration(workshop: _Workshop, p: NDArray[np.floating], evidence: Evidence, said: str) -> Claim:
    error = uncertainty.ece(p, workshop.data.test.labels, EDGES, seed=workshop.number(4))
    record = workshop.record("uncertainty", "ECE, 20 bins", error, "lower", "rival, calibrated")
    return Claim(record, f"the calibration error on the test split is {error.value:.3f}: {said}", evidence)


# ---- epsilon


def _shuffled(workshop: _Workshop) -> tuple[Claim, str]:
    way = str(workshop.rng(5).choice(list(_LOADERS)))
    return _with_log(workshop, _LOADERS[way], (32, 40, 48, 64)), f"loader not private: {way}"


def _private(workshop: _Workshop) -> Claim:
    return _with_log(workshop, _poisson, (32, 40, 48, 64))


def _with_log(workshop: _Workshop, loader: Callable[..., NDArray[np.int64]], batches: tuple[int, ...]) -> Claim:
    rng = workshop.rng(5)
    pictures, batch, passes = int(rng.integers(1000, 2000)), int(rng.choice(batches)), int(rng.integers(10, 17))
    noise, delta = round(float(rng.uniform(0.8, 1.4)), 2), 1e-4
    sizes = loader(rng, pictures, batch, passes)
    spent = privacy.epsilon(noise, batch / pictures, sizes.size, delta).epsilon
    claimed = math.ceil(100 * spent) / 100
    log = BatchLog(sizes, pictures, batch, noise, delta, claimed)
    record = workshop.record(
        "privacy", "epsilon", intervals.Estimate(claimed, claimed, claimed, sizes.size), "lower", "rival, private"
    )
    return Claim(
        record,
        f"epsilon {claimed:.2f} at delta {delta:g}: {pictures:,} pictures, batches of {batch} on average, noise "
        f"{noise:g}, {sizes.size:,} steps; here is the log of batch sizes.",
        log,
    )


def _poisson(rng: np.random.Generator, pictures: int, batch: int, passes: int) -> NDArray[np.int64]:
    return rng.binomial(pictures, batch / pictures, (passes, pictures // batch))


def _constant(rng: np.random.Generator, pictures: int, batch: int, passes: int) -> NDArray[np.int64]:
    """A shuffled loader, the last batch of a pass smaller."""
    del rng
    whole, rest = divmod(pictures, batch)
    return np.tile(np.array([batch] * whole + [rest] * (rest > 0), np.int64), (passes, 1))


def _jittered(rng: np.random.Generator, pictures: int, batch: int, passes: int) -> NDArray[np.int64]:
    """Constant sizes with some noise on them, less than there should be."""
    most = round(0.9 * math.sqrt(batch))
    return batch + rng.integers(-most, most + 1, (passes, pictures // batch))


def _partition(rng: np.random.Generator, pictures: int, batch: int, passes: int) -> NDArray[np.int64]:
    """Each picture once in a pass, into a batch at random: sizes vary as they should, and passes do not."""
    steps = round(pictures / batch)
    return rng.multinomial(pictures, np.full(steps, 1 / steps), passes).astype(np.int64)


_LOADERS = {"constant sizes": _constant, "too little variation": _jittered, "each picture once a pass": _partition}


# ---- true, and suspicious to look at: of a kind of which another claim is false, so that the kind gives nothing away


def _suspicious(workshop: _Workshop) -> Claim:
    kinds = (_hardly_touched, _as_many_as_tested, _sizes_that_repeat)
    return kinds[int(workshop.rng(7).integers(len(kinds)))](workshop)


def _hardly_touched(workshop: _Workshop) -> Claim:
    """Nearly as many are read rightly under attack as without: pictures are moved by very little."""
    threat = ThreatModel(float(workshop.rng(8).choice([1, 2, 3])) / 255)
    return _under_attack(workshop, workshop.network, threat)


def _as_many_as_tested(workshop: _Workshop) -> Claim:
    """A temperature that was fitted on exactly as many pictures as there are in the test split, and on none of them."""
    return _with_temperature(workshop, 0.0)


def _sizes_that_repeat(workshop: _Workshop) -> Claim:
    """Poisson sampling with small batches: the same few sizes come again and again."""
    return _with_log(workshop, _poisson, (5, 6, 7))
