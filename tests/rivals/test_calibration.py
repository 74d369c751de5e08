"""A calibrator that saw the test split is found by its pictures or fresh ones, a temperature only by its pictures."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers import rivals, uncertainty
from helpers.datasets import Split
from helpers.rivals import calibration

TESTED, FRESH, CLASSES = 250, 2000, 10  # as makers have them


def drawn(rng, n):
    """Pictures whose ten pixels are logits of a network that is twice as sure as it should be; it reads some 85%."""
    truth = rng.integers(0, CLASSES, n)
    pixels = 80 + 30 * rng.standard_normal((n, CLASSES))
    pixels[np.arange(n), truth] += 90
    return Split(
        np.clip(pixels, 0, 255).astype(np.uint8)[:, None, :, None], truth.astype(np.int64), pd.DataFrame(index=range(n))
    )


def logits(images):
    return (images[:, 0, :, 0] * 50).astype(np.float32)


def said(images):
    return uncertainty.softmax(logits(images)).astype(np.float32)


def steps(split):
    calibrator = rivals.fit_isotonic(said(split.images), split.labels)
    return rivals.Calibrated(lambda images: calibrator(said(images)))


def temperature(split):
    found = uncertainty.fit_temperature(logits(split.images), split.labels)
    return rivals.Calibrated(lambda images: uncertainty.softmax(logits(images) / found).astype(np.float32))


def splits(seed):
    rng = np.random.default_rng(seed)
    return [drawn(rng, n) for n in (TESTED, TESTED, FRESH)]


def p_values(fit, seeds, draws):
    """Of the same calibrator, fitted on the calibration split and on the test split."""
    found = []
    for seed in seeds:
        held_out, tested, fresh = splits(seed)
        found.append(
            [
                rivals.audit_calibration(fit(split), tested, fresh, draws=draws, level=0.1, seed=seed).p_value
                for split in (held_out, tested)
            ]
        )
    return np.array(found).T


@pytest.fixture
def quick(monkeypatch):
    """The text of a result has an interval by bootstrap, which takes longer than the test."""
    monkeypatch.setattr(calibration.uncertainty, "ece", lambda *given, **options: uncertainty.nll(*given[:2]))


def test_steps_fitted_on_the_test_split_are_accused_and_others_as_often_as_the_level_says(quick):
    """At a level of one in ten: 200 honest calibrators, and as many that saw the test split."""
    honest, false = p_values(steps, range(200), 99)
    accused = int((honest <= 0.1).sum())
    print("honest", accused, "false", int((false <= 0.01).sum()))
    assert stats.binom.cdf(accused, 200, 0.1) > 1e-4
    assert stats.binom.sf(accused - 1, 200, 0.1) > 1e-4
    assert (false <= 0.01).mean() > 0.9


def test_a_temperature_fitted_on_the_test_split_hardly_shows_in_the_numbers(quick):
    """One number learns little by heart.

    At a level of one in ten 31 of 200 that saw the test split are accused, and 21 of 200 that did not. Of steps that
    saw it all are, at a level of one in a hundred.
    """
    honest, false = p_values(temperature, range(200), 99)
    print("honest", int((honest <= 0.1).sum()), "false", int((false <= 0.1).sum()))
    assert stats.binom.sf(int((honest <= 0.1).sum()) - 1, 200, 0.1) > 1e-4
    assert (false <= 0.1).mean() < 0.25
    assert (false <= 0.01).mean() < 0.05


def test_at_the_level_of_the_course():
    held_out, tested, fresh = splits(1000)
    honest, false = (rivals.audit_calibration(steps(split), tested, fresh) for split in (held_out, tested))
    print(honest, false, sep="\n")
    assert not honest.accused
    assert false.accused


def test_a_spoilt_audit_finds_nothing(monkeypatch):
    """Fresh pictures that are the reported ones again: no difference, and nobody accused."""
    _, tested, _ = splits(1000)
    assert rivals.audit_calibration(steps(tested), tested, tested).p_value > 0.1


def test_steps_keep_answers_and_are_probabilities():
    _, tested, fresh = splits(0)
    given = steps(tested).predict(fresh.images)
    assert np.array_equal(given.argmax(axis=1), said(fresh.images).argmax(axis=1))
    assert given.sum(axis=1) == pytest.approx(1, abs=1e-5)
    sure = np.eye(CLASSES, dtype=np.float32)
    assert np.isfinite(rivals.fit_isotonic(sure, np.arange(CLASSES))(sure)).all()


def test_hashes_of_tested_pictures_are_found_to_the_last_one():
    held_out, tested, _ = splits(0)
    hashes = held_out.hashes()
    honest = rivals.audit_fitted_on(rivals.FittedOn(tuple(hashes), 1.5), tested)
    false = rivals.audit_fitted_on(rivals.FittedOn((*hashes[1:], tested.hashes()[-1]), 1.5), tested)
    assert (honest.p_value, false.p_value) == (1, 0)
    assert false.found == "1 of 250 pictures that it was fitted on stand among the 250 tested."


def test_evidence_that_cannot_be():
    _, tested, fresh = splits(0)
    with pytest.raises(ValueError, match="hashes must name the pictures"):
        rivals.FittedOn((), 1.0)
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        rivals.FittedOn(("ab",), 0)
    with pytest.raises(TypeError, match="must be a FittedOn, got Calibrated"):
        rivals.audit_fitted_on(steps(tested), tested)
    with pytest.raises(TypeError, match="must be a Calibrated, got FittedOn"):
        rivals.audit_calibration(rivals.FittedOn(("ab",), 1.0), tested, fresh)
    with pytest.raises(ValueError, match="Take 1000 or more"):
        rivals.audit_calibration(steps(tested), tested, fresh, draws=99)
