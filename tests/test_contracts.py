"""What flows between the rooms, what is refused at their doors, and that the lowest floor is light."""

import subprocess
import sys

import numpy as np
import pytest

from helpers import contracts, errors

PICTURES = np.full((3, 4, 4, 1), 0.5, np.float32)
ROWS = np.full((2, 4), 0.25)


def loaded_by(statement):
    """Names of the top-level packages that a fresh interpreter holds after a statement, less those it starts with."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in printed.split()} - sys.stdlib_module_names


def test_the_package_itself_loads_the_standard_library_alone():
    assert loaded_by("import helpers") == {"helpers"}


@pytest.mark.parametrize(
    ("room", "packages"),
    [
        ("contracts", {"numpy"}),
        ("errors", set()),
        ("cache", set()),
        ("progress", {"tqdm"}),
    ],
)
def test_the_ground_floor_is_light(room, packages):
    assert loaded_by(f"from helpers import {room}") <= {"helpers", *packages}


# ---- pictures and labels


def test_what_is_right_goes_through_unchanged():
    assert contracts.check_images(PICTURES) is PICTURES
    assert contracts.check_probabilities(ROWS) is ROWS
    assert contracts.check_images(PICTURES.astype(np.float64)).dtype == np.float32
    labels = contracts.check_labels(np.array([0, 2, 1], np.int8), 3, 3)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        ([[0.5]], TypeError, "got a list"),
        ((PICTURES * 255).astype(np.uint8), TypeError, "got a uint8 array.*split.images"),
        (PICTURES[0], ValueError, r"shape \(N, H, W, C\).*picture\[None\]"),
        (PICTURES[:0], ValueError, "N of at least 1"),
        (PICTURES * 255, ValueError, r"in \[0, 1\], got 127.5 to 127.5"),
        (PICTURES * np.nan, ValueError, "look for NaN"),
        (PICTURES * np.inf, ValueError, r"in \[0, 1\]"),
        (-PICTURES, ValueError, "got -0.5"),
    ],
)
def test_what_are_no_pictures(images, error, words):
    with pytest.raises(error, match=words):
        contracts.check_images(images)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        ([0.0, 1.0, 2.0], TypeError, r"rows.argmax\(axis=1\)"),
        ([0, 1], ValueError, r"shape \(3,\), one per picture, got \(2,\)"),
        ([[0], [1], [2]], ValueError, r"got \(3, 1\)"),
        ([0, 1, 3], ValueError, r"0..2 for 3 classes, got 0..3"),
        ([0, 1, -1], ValueError, "got -1..1"),
    ],
)
def test_what_are_no_labels(labels, error, words):
    with pytest.raises(error, match=words):
        contracts.check_labels(np.asarray(labels), 3, 3)


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([[1, 0]], TypeError, "floats, got int"),
        ([0.5, 0.5], ValueError, r"shape \(N, K\)"),
        ([[1.0]], ValueError, "K of at least 2"),
        ([[2.0, -1.0]], ValueError, "Are these logits"),
        ([[0.5, 0.4]], ValueError, "sum to 1, one is off by 0.1"),
        ([[np.nan, 0.5]], ValueError, r"in \[0, 1\]"),
    ],
)
def test_what_are_no_probabilities(rows, error, words):
    with pytest.raises(error, match=words):
        contracts.check_probabilities(np.asarray(rows))


@pytest.mark.parametrize("shape", [(None, 8, 8, 1), (None, 4, 4, 3), (None, 4, 4)])
def test_pictures_that_do_not_fit_the_model(shape):
    with pytest.raises(ValueError, match=r"must have shape \(N, .* for this model, got \(3, 4, 4, 1\)"):
        contracts.check_fits(PICTURES, shape)


@pytest.mark.parametrize("shape", [(None, 4, 4, 1), (3, 4, 4, 1), ("batch", None, None, 1), ("n", "h", "w", 1)])
def test_what_is_no_number_stands_for_any_size(shape):
    assert contracts.check_fits(PICTURES, shape) is PICTURES


# ---- numbers


@pytest.mark.parametrize("seed", [0, 1, np.int64(7), np.uint32(2**32 - 1), contracts.LARGEST_SEED])
def test_a_seed_that_is_taken_here_is_taken_by_the_libraries(seed):
    checked = contracts.check_seed(seed)
    assert type(checked) is int
    assert checked == seed
    np.random.RandomState(checked)
    np.random.default_rng(checked)


@pytest.mark.parametrize("seed", [-1, 2**32, 10**30, 0.0, 1.5, "0", None, True, np.nan, [0]])
def test_what_is_no_seed(seed):
    with pytest.raises(ValueError, match=r"seed must be a whole number from 0 to 4,294,967,295, got"):
        contracts.check_seed(seed)


def test_a_generator_belongs_to_a_picture():
    pictures = np.random.default_rng(0).random((2, 4, 4, 1), dtype=np.float32)

    def draws(picture, seed=3):
        return contracts.rng_of(picture, seed).random(5)

    assert np.array_equal(draws(pictures[0]), draws(pictures[0].copy()))
    nearly = pictures[0].copy()
    nearly[2, 1] += np.float32(1e-6)
    others = [draws(pictures[1]), draws(nearly), draws(pictures[0], seed=4)]
    assert not any(np.isin(draws(pictures[0]), other).any() for other in others)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        contracts.rng_of(pictures[0], -1)


@pytest.mark.parametrize("count", [0, -1, 2.0, "3", None, True])
def test_what_is_no_count(count):
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1, got"):
        contracts.check_count(count, "samples")


@pytest.mark.parametrize("share", [0, 1, -0.1, 10, np.nan])
def test_what_is_no_share(share):
    with pytest.raises(ValueError, match="alpha must lie strictly between 0 and 1"):
        contracts.check_share(share, "alpha")


# ---- errors


def test_every_error_for_people_is_of_one_family():
    family = [thing for thing in vars(errors).values() if isinstance(thing, type)]
    assert len(family) > 5
    assert all(issubclass(one, errors.CourseError) for one in family)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("fashon", " Did you mean 'fashion'?"),
        ("Fash-ion", " Did you mean 'fashion'?"),
        ("FASHION", " Did you mean 'fashion'?"),
        ("mnist", " Did you mean 'digits'?"),
        ("04_gradcan", " Did you mean '04_gradcam'?"),
        ("xyz", ""),
        ("", ""),
        (None, ""),
        (["fashion"], " Did you mean 'fashion'?"),
    ],
)
def test_the_nearest_name_is_offered_and_nothing_far(given, hint):
    known = ("digits", "fashion", "04_gradcam")
    assert errors.did_you_mean(given, known, {"mnist": "digits"}) == hint
    assert errors.did_you_mean(given, ()) == ""


def test_an_error_of_the_system_keeps_its_number_and_says_its_sentence():
    error = errors.CacheError(28, "could not write there: the disk is full")
    assert error.errno == 28
    assert str(error) == "could not write there: the disk is full"
    assert isinstance(error, OSError)
