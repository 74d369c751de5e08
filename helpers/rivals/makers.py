"""Rivals and their honest twins, from a seed: which claims are false in which way, in which order, with which numbers.

Each seed has its own pictures, weights, masking, sizes and order, so that what somebody found out about one says little
about the next. A rival has three false claims and a true one that looks suspicious; its twin claims the same things and
is honest throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers import attacks, datasets, intervals, models, privacy, uncertainty
from helpers.attacks import AdversarialRecipe, Network, ThreatModel
from helpers.contracts import Images, Probabilities, check_seed
from helpers.datasets import Dataset, Split
from helpers.rivals.accuracy import ReadRightly
from helpers.rivals.calibration import EDGES, Calibrated, FittedOn, fit_isotonic
from helpers.rivals.claims import Claim, Evidence, Rival
from helpers.rivals.robustness import UnderAttack
from helpers.rivals.sampling import BatchLog
from helpers.scorecard import Record

_STREAM = 13  # keeps these draws apart from others of the same seed
_TRAIN, _CALIBRATION, _TEST, _FRESH = 300, 250, 250, 2000  # what is fitted on few pictures learns them by heart
_STEPS = 100  # some nine of ten are read rightly: enough errors to be wrong about
_RARE = 14
_LEAST_ALIKE = 100  # pictures of each split for a claim that two accuracies are the same
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
    return [made[place] for place in workshop.rng(6).permutation(len(made))]


# ---- accuracy under attack


def _masked(workshop: _Workshop) -> tuple[Claim, str]:
    name = str(workshop.rng(2).choice(list(_MASKINGS)))
    masked = _MASKINGS[name](workshop.network)
    return _under_attack(workshop, masked), f"gradients hidden: {name}"


def _robust(workshop: _Workshop) -> Claim:
    return _under_attack(workshop, workshop.hardened(_threat(workshop)))


def _threat(workshop: _Workshop) -> ThreatModel:
    return ThreatModel(float(workshop.rng(3).choice([46, 50, 54, 58])) / 255)


def _under_attack(workshop: _Workshop, network: Network) -> Claim:
    threat, tested = _threat(workshop), workshop.data.test
    attacked = attacks.pgd(network, tested.images, tested.labels, threat, steps=20, seed=workshop.number(3))
    held = ~attacked.fooled
    # A maker who hides something does not write it on the network.
    shown = replace(network, name="rival, hardened")
    return Claim(
        workshop.record(
            "robustness", f"accuracy under PGD, {threat}", intervals.proportion(held), "higher", shown.name
        ),
        f"{held.sum()} of {len(held)} pictures are read rightly under PGD with 20 steps at {threat}; try it yourself.",
        UnderAttack(shown, threat, int(held.sum()), len(held)),
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
    p = {name: uncertainty.softmax(logits).astype(np.float32) for name, logits in workshop.logits.items()}
    calibrator = fit_isotonic(p[fitted_on], getattr(workshop.data, fitted_on).labels)
    network = workshop.network

    def predict(images: Images) -> Probabilities:
        return calibrator(network.predict(images))

    said = "isotonic steps for each digit; here is the calibrated network."
    return _about_calibration(workshop, calibrator(p["test"]), Calibrated(predict), said)


def _about_calibration(workshop: _Workshop, p: NDArray[np.floating], evidence: Evidence, said: str) -> Claim:
    error = uncertainty.ece(p, workshop.data.test.labels, EDGES, seed=workshop.number(4))
    record = workshop.record("uncertainty", "ECE, 20 bins", error, "lower", "rival, calibrated")
    return Claim(record, f"the calibration error on the test split is {error.value:.3f}: {said}", evidence)


# ---- epsilon


def _shuffled(workshop: _Workshop) -> tuple[Claim, str]:
    way = str(workshop.rng(5).choice(list(_LOADERS)))
    return _with_log(workshop, _LOADERS[way], (32, 40, 48, 64), "epsilon"), f"loader not private: {way}"


def _private(workshop: _Workshop) -> Claim:
    return _with_log(workshop, _poisson, (32, 40, 48, 64), "epsilon")


def _with_log(
    workshop: _Workshop, loader: Callable[..., NDArray[np.int64]], batches: tuple[int, ...], metric: str
) -> Claim:
    rng = workshop.rng(5)
    pictures, batch, passes = int(rng.integers(1000, 2000)), int(rng.choice(batches)), int(rng.integers(10, 17))
    noise, delta = round(float(rng.uniform(0.8, 1.4)), 2), 1e-4
    sizes = loader(rng, pictures, batch, passes)
    spent = privacy.epsilon(noise, batch / pictures, sizes.size, delta).epsilon
    claimed = math.ceil(100 * spent) / 100
    log = BatchLog(sizes, pictures, batch, noise, delta, claimed)
    record = workshop.record(
        "privacy", metric, intervals.Estimate(claimed, claimed, claimed, sizes.size), "lower", "rival, private"
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


# ---- true, and suspicious to look at


def _suspicious(workshop: _Workshop) -> Claim:
    """The first of three kinds, in an order by the seed, that this network and these pictures give."""
    kinds = (_all_of_a_rare_class, _the_same_twice, _sizes_that_repeat)
    order = workshop.rng(7).permutation(len(kinds))
    return next(claim for place in order for claim in kinds[place](workshop))


def _all_of_a_rare_class(workshop: _Workshop) -> Iterator[Claim]:
    """Fourteen of fourteen: the first ones of a class in the test split, where all are right."""
    test = workshop.data.test
    right = workshop.logits["test"].argmax(axis=1) == test.labels
    for digit in workshop.rng(8).permutation(10).tolist():
        counted = right[test.labels == digit][:_RARE]
        if len(counted) == _RARE and counted.all():
            said = f"of the {_RARE} pictures of the rare digit {digit} all are read rightly."
            yield _of_accuracy(workshop, counted, f"accuracy on digit {digit}", said, digit)


def _the_same_twice(workshop: _Workshop) -> Iterator[Claim]:
    """As many errors among the first pictures of two splits, for as many pictures as that is so."""
    right = {
        name: logits.argmax(axis=1) == getattr(workshop.data, name).labels for name, logits in workshop.logits.items()
    }
    equal = np.cumsum(right["calibration"]) == np.cumsum(right["test"])
    last = int(np.flatnonzero(equal)[-1]) + 1 if equal.any() else 0
    if last >= _LEAST_ALIKE:
        counted = right["test"][:last]
        said = (
            f"{counted.mean():.6f} of {last} calibration pictures are read rightly, and {counted.mean():.6f} of {last} "
            "test pictures: the same to all digits."
        )
        yield _of_accuracy(workshop, counted, "accuracy", said, None)


def _of_accuracy(workshop: _Workshop, right: NDArray[np.bool_], metric: str, said: str, only: int | None) -> Claim:
    record = workshop.record("training", metric, intervals.proportion(right), "higher", "rival")
    return Claim(record, said, ReadRightly(workshop.network.predict, int(right.sum()), len(right), only))


def _sizes_that_repeat(workshop: _Workshop) -> Iterator[Claim]:
    """Poisson sampling with small batches: the same few sizes come again and again."""
    claim = _with_log(workshop, _poisson, (5, 6, 7), "epsilon of the second training")
    assert isinstance(claim.evidence, BatchLog)
    sizes: Any = claim.evidence.sizes.ravel()
    most = np.bincount(sizes)
    said = (
        f"{claim.sentence} ({most.max()} batches hold {most.argmax()} pictures, and {(np.diff(sizes) == 0).sum()} are "
        "as large as the one before.)"
    )
    yield replace(claim, sentence=said)
