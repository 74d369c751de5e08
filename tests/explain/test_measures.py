"""Measures of explanations: by hand, against Quantus and captum, and what chance and a perfect map score."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers import explain, models
from helpers.explain import Explainer, measures
from helpers.models.backend import keras
from tests.explain.networks import pictures

SIDE = 8
PATCH = np.zeros((SIDE, SIDE), bool)
PATCH[2:6, 3:7] = True  # a quarter of the picture
SHARE = PATCH.mean()
WEIGHTS = np.random.default_rng(1).normal(size=(SIDE * SIDE, 3)).astype(np.float32)


def masks(n):
    """The same patch in each of n pictures."""
    return np.broadcast_to(PATCH, (n, SIDE, SIDE))


def noise_maps(n, seed=0):
    return np.random.default_rng(seed).random((n, SIDE, SIDE), dtype=np.float32)


def share_of_patch(images):
    """A 'network' whose probability of class 1 is the mean grey of the patch, so that curves can be written down."""
    bright = images[..., 0][:, PATCH].mean(axis=1)
    return np.stack([1 - bright, bright], axis=1)


def by_chance(n, share=SHARE):
    """Between these shares n draws fall, but once in a thousand times."""
    low, high = stats.binom.interval(0.999, n, share)
    return low / n, high / n


@pytest.fixture(scope="module")
def looks_at_the_patch():
    """A Keras model whose logit of class 1 is a sum over the patch, and nothing else."""
    inputs = keras.Input((SIDE, SIDE, 1))
    logits = keras.layers.Dense(2, name="logits")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Softmax()(logits))
    to_one = PATCH.ravel() * 1.0
    model.get_layer("logits").set_weights([np.stack([0 * to_one, to_one], axis=1), np.array([0.0, -8.0])])
    return model


# ---- against masks, by hand


def test_pointing_game_by_hand():
    maps = np.zeros((3, SIDE, SIDE))
    maps[0, 2, 3], maps[1, 1, 3], maps[2, 5, 6] = 0.1, 5.0, 1e-6
    maps[2, 0, 0] = -7.0  # speaks against, and is not pointed at
    np.testing.assert_array_equal(explain.pointing_game(maps, masks(3)), [True, False, True])


def test_pointing_game_measures_distance_between_centres():
    mask = np.zeros((1, SIDE, SIDE), bool)
    mask[0, 1, 1] = True
    maps = np.zeros((1, SIDE, SIDE))
    maps[0, 4, 5] = 1  # three down, four across
    assert explain.pointing_game(maps, mask, tolerance=5)
    assert not explain.pointing_game(maps, mask, tolerance=4.99)


def test_pointing_game_draws_among_ties_wherever_they_are():
    n = 2000
    maps = np.zeros((n, SIDE, SIDE))
    maps[:, 0, 0] = maps[:, 3, 4] = maps[:, 7, 7] = maps[:, 7, 0] = 1  # one of the four on the patch
    low, high = by_chance(n, 0.25)
    assert low < explain.pointing_game(maps, masks(n)).mean() < high
    assert low < explain.pointing_game(maps[:, ::-1, ::-1], masks(n)[:, ::-1, ::-1]).mean() < high
    other = explain.pointing_game(maps, masks(n), seed=1)
    assert (other != explain.pointing_game(maps, masks(n))).any()
    np.testing.assert_array_equal(other, explain.pointing_game(maps, masks(n), seed=1))


def test_relevance_mass_by_hand():
    maps = np.zeros((2, SIDE, SIDE))
    maps[0, 2, 3], maps[0, 0, 0], maps[0, 7, 7] = 3, 1, -100  # what speaks against does not count
    maps[1, 0, 0] = 2
    np.testing.assert_allclose(explain.relevance_mass(maps, masks(2)), [0.75, 0])


def test_relevance_rank_by_hand():
    mask = np.zeros((3, 2, 3), bool)
    mask[:, 0] = True  # K is 3
    maps = np.array(
        [
            [[9, 8, 1], [7, 0, 0]],  # of the three largest, two lie on the mask
            [[5, 1, 1], [1, 1, 0]],  # one for sure, and two drawn from four of which two are on the mask
            [[-9, -9, -9], [0, 4, 0]],  # one beside, and two drawn from five zeros, three of them on the mask
        ]
    )
    np.testing.assert_allclose(explain.relevance_rank(maps, mask), [2 / 3, (1 + 2 * 2 / 4) / 3, (2 * 3 / 5) / 3])


# ---- what chance and a perfect map score


def test_a_perfect_map_scores_the_most_and_its_opposite_the_least():
    perfect = PATCH[None].astype(float)
    for measure in (explain.pointing_game, explain.relevance_mass, explain.relevance_rank):
        assert measure(perfect, PATCH[None]) == 1
        assert measure(1 - perfect, PATCH[None]) == 0


def test_random_maps_score_chance():
    n = 2000
    maps = noise_maps(n)
    low, high = by_chance(n)
    assert low < explain.pointing_game(maps, masks(n)).mean() < high
    for measure in (explain.relevance_mass, explain.relevance_rank):
        scores = measure(maps, masks(n))
        assert abs(scores.mean() - SHARE) < 4 * stats.sem(scores)
        assert stats.sem(scores) < 0.01


@pytest.mark.parametrize("value", [0.0, 0.3, -2.0, 1e30, 1e-30])
def test_maps_that_say_nothing_score_exactly_chance(value):
    n = 2000
    maps = np.full((n, SIDE, SIDE), value, np.float32)
    np.testing.assert_allclose(explain.relevance_mass(maps, masks(n)), SHARE)
    np.testing.assert_allclose(explain.relevance_rank(maps, masks(n)), SHARE)
    low, high = by_chance(n)
    assert low < explain.pointing_game(maps, masks(n)).mean() < high


# Whole numbers, so that no map changes its order by rounding.
whole_maps = st.permutations(list(range(-5, SIDE * SIDE - 5))).map(
    lambda values: np.array(values, float).reshape(1, SIDE, SIDE)
)


@given(whole_maps, st.floats(1e-3, 1e3))
@settings(max_examples=30)
def test_only_the_order_counts(maps, scale):
    images = pictures(1, (SIDE, SIDE, 1))
    for same in (scale * maps, maps**3, np.arctan(maps / 99)):
        assert explain.relevance_rank(same, PATCH[None]) == explain.relevance_rank(maps, PATCH[None])
        assert explain.pointing_game(same, PATCH[None]) == explain.pointing_game(maps, PATCH[None])
        for curve in (explain.deletion, explain.insertion):
            np.testing.assert_array_equal(
                curve(share_of_patch, images, [1], same), curve(share_of_patch, images, [1], maps)
            )
    np.testing.assert_allclose(
        explain.relevance_mass(scale * maps, PATCH[None]), explain.relevance_mass(maps, PATCH[None]), rtol=1e-5
    )


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_measures_are_shares_and_turn_with_the_picture(seed):
    rng = np.random.default_rng(seed)
    maps, mask = rng.normal(size=(2, 5, 6)), rng.random((2, 5, 6)) < 0.4
    mask[:, 0, 0], mask[:, -1, -1] = True, False
    for measure in (explain.relevance_mass, explain.relevance_rank):
        scores = measure(maps, mask)
        assert ((scores >= 0) & (scores <= 1)).all()
        np.testing.assert_allclose(measure(maps.swapaxes(1, 2), mask.swapaxes(1, 2)), scores, rtol=1e-5)
    inside, outside = explain.relevance_mass(maps, mask), explain.relevance_mass(maps, ~mask)
    np.testing.assert_allclose(inside + outside, 1, rtol=1e-5)


# ---- deletion and insertion


FOUR = np.array([[0.4, 0.3], [0.2, 0.1]])


def four_pixels(images):
    """Probability of class 0: a weighted sum of four pixels."""
    first = (images[..., 0] * FOUR).sum(axis=(1, 2))
    return np.stack([first, 1 - first], axis=1)


def test_deletion_and_insertion_by_hand():
    white, classes = np.ones((1, 2, 2, 1), np.float32), [0]
    best = explain.deletion(four_pixels, white, classes, FOUR[None], steps=4, fill=0.0)
    np.testing.assert_allclose(best, [[1, 0.6, 0.3, 0.1, 0]], atol=1e-7)
    np.testing.assert_allclose(explain.auc(best), (0.5 + 0.6 + 0.3 + 0.1) / 4)
    worst = explain.deletion(four_pixels, white, classes, -FOUR[None], steps=4, fill=0.0)
    np.testing.assert_allclose(worst, [[1, 0.9, 0.7, 0.4, 0]], atol=1e-7)
    inserted = explain.insertion(four_pixels, white, classes, FOUR[None], steps=4, fill=0.0)
    np.testing.assert_allclose(inserted, [[0, 0.4, 0.7, 0.9, 1]], atol=1e-7)
    in_two = explain.deletion(four_pixels, white, classes, FOUR[None], steps=2, fill=0.0)
    np.testing.assert_allclose(in_two, [[1, 0.3, 0]], atol=1e-7)
    of_the_other = explain.deletion(four_pixels, white, [1], FOUR[None], steps=2, fill=0.0)
    np.testing.assert_allclose(of_the_other, [[0, 0.7, 1]], atol=1e-7)


def test_portions_are_as_equal_as_they_can_be():
    white, hidden = np.ones((1, 2, 5, 1), np.float32), []

    def predict(images):
        hidden.extend((images == 0).sum(axis=(1, 2, 3)))
        return np.full((len(images), 2), 0.5)

    explain.deletion(predict, white, [0], np.zeros((1, 2, 5)), steps=4, fill=0.0)
    assert hidden[0] == 0
    assert hidden[-1] == 10
    assert set(np.diff(hidden)) <= {2, 3}


def test_the_ends_of_the_curves_are_the_picture_and_the_fill():
    images, classes = pictures(4, (SIDE, SIDE, 1)), [0, 1, 1, 0]
    of_picture, of_grey = (
        share_of_patch(each)[np.arange(4), classes] for each in (images, explain.mean_colour(images))
    )
    deleted = explain.deletion(share_of_patch, images, classes, noise_maps(4), steps=5)
    np.testing.assert_allclose(deleted[:, [0, -1]], np.stack([of_picture, of_grey], axis=1), rtol=1e-6)
    of_blur = share_of_patch(explain.blurred(images))[np.arange(4), classes]
    inserted = explain.insertion(share_of_patch, images, classes, noise_maps(4), steps=5)
    np.testing.assert_allclose(inserted[:, [0, -1]], np.stack([of_blur, of_picture], axis=1), rtol=1e-6)


def test_a_map_that_says_nothing_is_deleted_in_a_drawn_order():
    n = 400
    white, classes = np.ones((n, SIDE, SIDE, 1), np.float32), np.ones(n, int)
    constant = explain.deletion(share_of_patch, white, classes, np.zeros((n, SIDE, SIDE)), steps=8, fill=0.0)
    # A random order takes the patch away at the same rate as the rest: on average a straight line.
    apart = constant.mean(axis=0) - np.linspace(1, 0, 9)
    assert (np.abs(apart) <= 4 * stats.sem(constant) + 1e-6).all()
    assert constant[:, 4].std() > 0.05  # each picture has an order of its own
    np.testing.assert_array_equal(
        explain.deletion(share_of_patch, white, classes, np.full((n, SIDE, SIDE), 7.0), steps=8, fill=0.0), constant
    )
    other = explain.deletion(share_of_patch, white, classes, np.zeros((n, SIDE, SIDE)), steps=8, fill=0.0, seed=1)
    assert (other != constant).any()


def test_who_knows_where_the_network_looks_is_better_than_chance_by_every_measure(looks_at_the_patch):
    n = 40
    images, classes = pictures(n, (SIDE, SIDE, 1)), np.ones(n, int)
    predict = models.predict_function(looks_at_the_patch)
    knows = explain.gradients_times_inputs(looks_at_the_patch)(images, classes)
    guesses = explain.random_map()(images, classes)
    wrong = images.mean(axis=-1) * ~PATCH
    for measure in (explain.pointing_game, explain.relevance_mass, explain.relevance_rank):
        knowing, guessing, erring = (measure(maps, masks(n)).mean() for maps in (knows, guesses, wrong))
        assert knowing == pytest.approx(1)
        assert knowing > guessing + 0.4
        assert guessing > erring
    for curve, better in ((explain.deletion, -1), (explain.insertion, 1)):
        knowing, guessing, erring = (
            explain.auc(curve(predict, images, classes, maps, fill=0.0)) for maps in (knows, guesses, wrong)
        )
        assert (better * (knowing - guessing) > 0).all()
        assert (better * (guessing - erring)).mean() > 0


@pytest.mark.parametrize("at_once", [1, 100, 64 * 7])
def test_curves_do_not_depend_on_how_many_pictures_are_handed_over(monkeypatch, at_once):
    images, classes, seen = pictures(5, (SIDE, SIDE, 1)), [0, 1, 0, 1, 1], []

    def predict(some):
        seen.append(len(some))
        return share_of_patch(some)

    together = explain.deletion(share_of_patch, images, classes, noise_maps(5), steps=9)
    monkeypatch.setattr(measures, "_FLOATS_AT_ONCE", at_once)
    again = explain.deletion(predict, images, classes, noise_maps(5), steps=9)
    np.testing.assert_allclose(again, together, rtol=1e-6)
    assert max(seen) == max(1, at_once // (SIDE * SIDE))
    assert sum(seen) == 5 * 10


def test_auc_by_hand():
    np.testing.assert_allclose(explain.auc([[1, 0], [0.5, 0.5]]), 0.5)
    np.testing.assert_allclose(explain.auc([[1, 1, 0, 0, 0]]), 1.5 / 4)
    assert explain.auc(np.ones((1, 33))) == 1


def test_fills():
    images = pictures(2, (20, 12, 3))
    grey = explain.mean_colour(images)
    np.testing.assert_allclose(grey[1, 4, 5], images[1].mean(axis=(0, 1)), rtol=1e-5)
    assert not np.ptp(grey, axis=(1, 2)).any()
    soft = explain.blurred(images)
    assert soft.shape == images.shape
    assert soft.dtype == np.float32
    assert (soft.std(axis=(1, 2)) < 0.3 * images.std(axis=(1, 2))).all()
    assert (explain.blurred(images, 0.05).std(axis=(1, 2)) > soft.std(axis=(1, 2))).all()
    np.testing.assert_allclose(explain.blurred(images[:1]), soft[:1])  # pictures are not blurred into one another
    flat = np.broadcast_to(np.float32([0.2, 0.5, 1.0]), (1, 9, 9, 3))
    np.testing.assert_allclose(explain.blurred(flat.copy()), flat, rtol=1e-6)  # nor colours, nor the border


# ---- against itself


def as_explainer(function, signed=True):
    return Explainer("drawn for the test", lambda images, classes: function(images), signed)


def test_max_sensitivity_by_hand():
    images = 0.9 * pictures(3, (SIDE, SIDE, 1)) + 0.05
    moved = np.random.default_rng(5).uniform(-0.04, 0.04, (6, 3, SIDE, SIDE, 1)).astype(np.float32)
    by_hand = (np.linalg.norm(moved[..., 0], axis=(2, 3)) / np.linalg.norm(images[..., 0], axis=(1, 2))).max(axis=0)
    itself = as_explainer(lambda images: images[..., 0])
    measured = explain.max_sensitivity(itself, images, [0, 0, 0], radius=0.04, samples=6, seed=5)
    np.testing.assert_allclose(measured, by_hand, rtol=1e-4)
    fewer = explain.max_sensitivity(itself, images, [0, 0, 0], radius=0.04, samples=2, seed=5)
    assert (fewer <= measured).all()
    assert (fewer < measured).any()


def test_max_sensitivity_stays_within_the_pixels():
    seen = []

    def note(images):
        seen.append((images.min(), images.max()))
        return images[..., 0]

    ends = np.round(pictures(2, (SIDE, SIDE, 1)))
    explain.max_sensitivity(as_explainer(note), ends, [0, 0], radius=0.5, samples=3)
    assert all(low >= 0 and high <= 1 for low, high in seen)
    assert len(seen) == 4


def test_max_sensitivity_of_maps_of_zeros():
    images = np.full((1, SIDE, SIDE, 1), 0.5, np.float32)
    nothing = as_explainer(lambda images: np.zeros(images.shape[:3]))
    assert explain.max_sensitivity(nothing, images, [0]) == 0
    assert explain.max_sensitivity(explain.centre_gaussian(), images, [0]) == 0
    assert explain.max_sensitivity(explain.sobel_edges(), images, [0]) == 1  # a constant picture, and noise


def test_max_sensitivity_of_noise_drawn_from_the_picture_is_large(looks_at_the_patch):
    images = pictures(20, (SIDE, SIDE, 1))
    calm = explain.max_sensitivity(explain.gradients_times_inputs(looks_at_the_patch), images, np.ones(20, int))
    wild = explain.max_sensitivity(explain.random_map(), images, np.ones(20, int))
    assert (calm < 0.05).all()
    assert (wild > 0.4).all()


def test_completeness_by_hand():
    maps = np.zeros((5, 1, 2))
    maps[:, 0] = [[1, 1], [3, 1], [0, 0], [1, -1], [-1, -1]]
    np.testing.assert_allclose(explain.completeness(maps, [2, 5, 0, 3, 4]), [0, 1 / 5, 0, 1, 6 / 4])
    np.testing.assert_allclose(explain.completeness(maps[:1], [1]), 0.5)  # relative to the larger of the two


def test_completeness_of_a_linear_network_is_exact_with_one_step(looks_at_the_patch):
    images = pictures(6, (SIDE, SIDE, 1))
    logit = models.predict_function(models.logits_model(looks_at_the_patch))
    owed = (logit(images) - logit(np.zeros_like(images)))[:, 1]
    maps = explain.integrated_gradients(looks_at_the_patch, 1)(images, np.ones(6, int))
    assert explain.completeness(maps, owed).max() < 1e-5
    assert (
        explain.completeness(explain.vanilla_gradients(looks_at_the_patch)(images, np.ones(6, int)), owed).min() > 0.1
    )


def test_class_discriminativeness():
    images = pictures(6, (SIDE, SIDE, 1))
    ignores = explain.sobel_edges()
    one, other = ignores(images, np.zeros(6, int)), ignores(images, np.ones(6, int))
    np.testing.assert_allclose(explain.class_discriminativeness(one, other), 0, atol=1e-12)
    np.testing.assert_allclose(explain.class_discriminativeness(one, -other), 2)
    np.testing.assert_allclose(explain.class_discriminativeness(one, np.zeros_like(one)), 1)
    np.testing.assert_allclose(explain.class_discriminativeness(np.ones_like(one), np.zeros_like(one)), 0)
    unrelated = explain.class_discriminativeness(noise_maps(500), noise_maps(500, 1))
    assert abs(unrelated.mean() - 1) < 4 * stats.sem(unrelated)


# ---- the same measures elsewhere


class Flat(torch.nn.Module):
    """A network for Quantus and captum: (N, 1, H, W) to three logits."""

    def forward(self, images):
        return images.reshape(len(images), -1) @ torch.from_numpy(WEIGHTS)


def flat(images):
    """The same network's probabilities, for the course."""
    return torch.softmax(Flat()(torch.from_numpy(images)), dim=1).numpy()


def by_quantus(name, maps, images=None, classes=None, s_batch=None, explain_func=None, **options):
    import quantus

    images = pictures(len(maps), (SIDE, SIDE, 1)) if images is None else images
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = getattr(quantus, name)(abs=False, normalise=False, disable_warnings=True, **options)
        return np.array(
            metric(
                Flat().eval(),
                np.moveaxis(images, -1, 1),
                np.zeros(len(maps), int) if classes is None else classes,
                maps[:, None],
                None if s_batch is None else s_batch[:, None],
                channel_first=True,
                explain_func=explain_func,
                softmax=True,
            )
        )


@pytest.mark.parametrize(
    ("theirs", "own"),
    [
        ("PointingGame", explain.pointing_game),
        ("RelevanceMassAccuracy", explain.relevance_mass),
        ("RelevanceRankAccuracy", explain.relevance_rank),
    ],
)
def test_quantus_agrees_about_masks(theirs, own):
    maps = noise_maps(50, seed=3)
    maps[:25] *= 1 + 2 * PATCH
    scores = own(maps, masks(50))
    np.testing.assert_allclose(by_quantus(theirs, maps, s_batch=masks(50)), scores, rtol=1e-5)
    assert scores[:25].mean() > scores[25:].mean()


def test_quantus_lets_a_map_win_that_points_nearly_everywhere():
    """The reason why ties are drawn here: a hit for any of the largest values is a hit for all who never choose."""
    everywhere = np.ones((200, SIDE, SIDE), np.float32)
    everywhere[:, 0, 0] = 0.5
    assert by_quantus("PointingGame", everywhere, s_batch=masks(200)).all()
    assert explain.pointing_game(everywhere, masks(200)).mean() < 0.5


def test_quantus_agrees_about_deletion():
    images, maps, classes = pictures(6, (SIDE, SIDE, 1)), noise_maps(6, seed=4), np.array([0, 1, 2, 2, 1, 0])
    theirs = by_quantus(
        "PixelFlipping", maps, images, classes, features_in_step=SIDE, perturb_baseline=0.0
    )  # begins after the first portion
    own = explain.deletion(flat, images, classes, maps, steps=SIDE, fill=0.0)
    np.testing.assert_allclose(own[:, 1:], theirs, rtol=1e-4)


def weighted(images):
    """An explanation that is not linear: the sign of the pixels' distance from grey, and their square."""
    return (np.sign(images - 0.5) * images**2)[..., 0]


def test_quantus_agrees_about_max_sensitivity():
    images = pictures(5, (SIDE, SIDE, 1))
    rng = np.random.default_rng(8)

    def same_noise(arr, indices, **_):
        return np.clip(arr + rng.uniform(-0.1, 0.1, (5, SIDE, SIDE, 1)).astype(np.float32).reshape(arr.shape), 0, 1)

    theirs = by_quantus(
        "MaxSensitivity",
        weighted(images),
        images,
        explain_func=lambda model, inputs, targets, **_: weighted(np.moveaxis(inputs, 1, -1))[:, None],
        nr_samples=7,
        perturb_func=same_noise,
    )
    own = explain.max_sensitivity(as_explainer(weighted), images, np.zeros(5, int), radius=0.1, samples=7, seed=8)
    np.testing.assert_allclose(own, theirs, rtol=1e-5)


def test_captum_agrees_about_max_sensitivity():
    from captum.metrics import sensitivity_max

    images = pictures(5, (SIDE, SIDE, 1))
    noise = np.random.default_rng(8).uniform(-0.1, 0.1, (7, 5, SIDE, SIDE, 1)).astype(np.float32)
    beside = torch.from_numpy(noise.swapaxes(0, 1).reshape(35, SIDE, SIDE, 1).copy())
    theirs = sensitivity_max(
        lambda inputs: (torch.from_numpy(weighted(inputs[0].numpy())),),
        torch.from_numpy(images),
        perturb_func=lambda inputs, radius: ((inputs + beside).clip(0, 1),),
        n_perturb_samples=7,
        norm_ord=2,
    )
    own = explain.max_sensitivity(as_explainer(weighted), images, np.zeros(5, int), radius=0.1, samples=7, seed=8)
    np.testing.assert_allclose(own, theirs.numpy(), rtol=1e-5)


def test_captum_agrees_about_completeness():
    from captum.attr import IntegratedGradients

    last = torch.nn.Linear(3, 2)
    with torch.no_grad():
        last.weight.copy_(torch.tensor([[1.0, -2.0, 0.5], [-1.5, 1.0, 2.0]]))
        last.bias.zero_()
    # With a ReLU, and without biases, it would be linear on the way from black, and the error nothing but rounding.
    network = torch.nn.Sequential(torch.nn.Flatten(), Flat(), torch.nn.Tanh(), last)
    images = torch.from_numpy(pictures(6, (SIDE, SIDE, 1)))
    found, delta = IntegratedGradients(network).attribute(images, target=1, n_steps=3, return_convergence_delta=True)
    with torch.no_grad():
        owed = (network(images) - network(torch.zeros_like(images)))[:, 1].numpy()
    maps = found.numpy()[..., 0]
    larger = np.maximum(np.abs(maps.sum(axis=(1, 2))), np.abs(owed))
    theirs = np.abs(delta.detach().numpy()) / larger
    assert theirs.max() > 1e-3  # there is an error to agree about
    np.testing.assert_allclose(explain.completeness(maps, owed), theirs, rtol=1e-2, atol=1e-5)


# ---- what is refused


AGAINST_MASKS = [explain.pointing_game, explain.relevance_mass, explain.relevance_rank]
IMAGES = pictures(2, (SIDE, SIDE, 1))


@pytest.mark.parametrize("measure", AGAINST_MASKS)
def test_refuses_masks_and_maps(measure):
    maps, mask = noise_maps(2), masks(2)
    with pytest.raises(TypeError, match=r"masks must be bool, got int64\. From numbers: masks > 0"):
        measure(maps, mask.astype(int))
    with pytest.raises(ValueError, match=r"shape of the maps, \(2, 8, 8\), got \(8, 8\)"):
        measure(maps, mask[0])
    for marked, said in ((np.zeros_like(mask[1]), "nothing"), (np.ones_like(mask[1]), "everything")):
        with pytest.raises(ValueError, match=f"1 of 2 mark {said}, the first is number 1. Leave those pictures out"):
            measure(maps, np.stack([mask[0], marked]))
    with pytest.raises(TypeError, match="maps must be numbers, got bool"):
        measure(mask, mask)
    for wrong in (maps[0], maps[..., None], maps[:0]):
        with pytest.raises(ValueError, match=r"maps must have shape \(N, H, W\), one map for each picture"):
            measure(wrong, mask)
    for value in (np.nan, np.inf, 1e300):
        with pytest.raises(ValueError, match="maps must be finite"):
            measure(np.full((2, SIDE, SIDE), value), mask)


def test_refuses_a_tolerance():
    for tolerance in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="tolerance must be a number of pixels, at least 0"):
            explain.pointing_game(noise_maps(2), masks(2), tolerance)
    with pytest.raises(ValueError, match="seed must be a whole number from 0 to 4,294,967,295, got -1"):
        explain.pointing_game(noise_maps(2), masks(2), seed=-1)


@pytest.mark.parametrize("curve", [explain.deletion, explain.insertion])
def test_curves_refuse(curve):
    maps = noise_maps(2)
    for steps in (0, SIDE * SIDE + 1, 2.5, True):
        with pytest.raises(ValueError, match="steps must be a whole number from 1 to 64, the pixels of a picture"):
            curve(share_of_patch, IMAGES, [0, 1], maps, steps=steps)
    for classes in ([0, 2], [0, -1]):
        with pytest.raises(ValueError, match=r"classes must lie in 0\.\.1 for 2 classes"):
            curve(share_of_patch, IMAGES, classes, maps)
    with pytest.raises(ValueError, match="one per picture"):
        curve(share_of_patch, IMAGES, [0], maps)
    with pytest.raises(ValueError, match=r"maps must have shape \(2, 8, 8\), one map for each picture"):
        curve(share_of_patch, IMAGES, [0, 1], maps[:1])
    with pytest.raises(ValueError, match=r"images must lie in \[0, 1\]"):
        curve(share_of_patch, 2 * IMAGES, [0, 1], maps)
    with pytest.raises(TypeError, match="float32 array"):
        curve(share_of_patch, (255 * IMAGES).astype(np.uint8), [0, 1], maps)
    for fill in (1.5, -0.1, np.nan):
        with pytest.raises(ValueError, match=r"fill must lie in \[0, 1\] like the pictures"):
            curve(share_of_patch, IMAGES, [0, 1], maps, fill=fill)
    with pytest.raises(ValueError, match=r"give pictures of shape \(2, 8, 8, 1\), it gave \(8, 8, 1\)"):
        curve(share_of_patch, IMAGES, [0, 1], maps, fill=lambda images: images[0])
    with pytest.raises(ValueError, match="seed must be"):
        curve(share_of_patch, IMAGES, [0, 1], maps, seed=-1)


@pytest.mark.parametrize("give", [lambda images: images[:, 0, 0, 0], lambda images: images[:1, 0, 0], None])
def test_curves_refuse_what_does_not_predict(give):
    give = give or (lambda images: np.ones((len(images), 2), int))
    with pytest.raises(ValueError, match=r"predict must give floats of shape .*models\.predict_function\(model\)"):
        explain.deletion(give, IMAGES, [0, 1], noise_maps(2))
    with pytest.raises(ValueError, match="predict gave NaN or infinity"):
        explain.deletion(lambda images: np.full((len(images), 2), np.nan), IMAGES, [0, 1], noise_maps(2))


def test_auc_refuses():
    for curves in ([1, 0], [[1]], [[1, np.nan]], np.zeros((2, 2, 2))):
        with pytest.raises(ValueError, match=r"curves must be finite and have shape \(N, steps \+ 1\)"):
            explain.auc(curves)


def test_fills_refuse():
    for width in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match="width must be a number above 0"):
            explain.blurred(IMAGES, width)
    for fill in (explain.blurred, explain.mean_colour):
        with pytest.raises(ValueError, match="One picture needs"):
            fill(IMAGES[0])


def test_max_sensitivity_refuses():
    random = explain.random_map()
    for radius in (0, 1.1, np.nan, -0.1):
        with pytest.raises(ValueError, match=r"radius must lie in \(0, 1\].*try 0\.02"):
            explain.max_sensitivity(random, IMAGES, [0, 1], radius)
    for samples in (0, 2.5, True):
        with pytest.raises(ValueError, match="samples must be a whole number of at least 1"):
            explain.max_sensitivity(random, IMAGES, [0, 1], samples=samples)
    with pytest.raises(ValueError, match="seed must be"):
        explain.max_sensitivity(random, IMAGES, [0, 1], seed=-1)
    with pytest.raises(ValueError, match="must lie in"):
        explain.max_sensitivity(random, -IMAGES, [0, 1])


def test_completeness_refuses():
    for differences in ([1.0], [[1.0, 2.0]], [1.0, np.nan], 3.0):
        with pytest.raises(ValueError, match=r"differences must be finite and have shape \(2,\)"):
            explain.completeness(noise_maps(2), differences)
    with pytest.raises(TypeError, match="differences must be numbers"):
        explain.completeness(noise_maps(2), ["a", "b"])
