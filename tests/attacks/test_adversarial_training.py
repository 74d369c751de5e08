"""Training against attacks: in sizes of seconds, on drawn pictures and on real digits."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers import attacks, datasets, models
from helpers.attacks import AdversarialRecipe, ThreatModel, adversarial_training, adversarially_trained
from helpers.datasets.base import Split
from helpers.models import Recipe, graphs
from helpers.models.backend import tf

EPSILON = 0.2
TINY = AdversarialRecipe(Recipe(steps=6, batch_size=8), ThreatModel(EPSILON), watched=20, watch_steps=2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGILANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def split(size=40, seed=0, classes=2):
    """Pictures whose class is which half is bright."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, size)
    pixels = rng.integers(0, 120, (size, 18, 18, 1), dtype=np.uint8)
    for half in (0, 1):
        pixels[labels == half, 9 * half : 9 * half + 9] += 100
    return Split(pixels, labels, pd.DataFrame(index=range(size)))


def weights_of(*trained):
    return [np.concatenate([array.ravel() for array in each.model.get_weights()]) for each in trained]


# ---- what is refused


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"training": {"epochs": 3}}, TypeError, "must be a models.Recipe"),
        ({"threat": 0.2}, TypeError, "must be a ThreatModel"),
        ({"threat": ThreatModel(1.0, "l2")}, ValueError, "norm 'linf', got 'l2'"),
        ({"steps": 0}, ValueError, "steps must be"),
        ({"watched": 0}, ValueError, "watched must be"),
        ({"watch_steps": 0}, ValueError, "watch_steps must be"),
        ({"step_size": 0.0}, ValueError, "step_size must be a number above 0"),
        ({"step_size": float("nan")}, ValueError, "step_size must be a number above 0"),
        ({"warm_up": 1.1}, ValueError, "warm_up must"),
        ({"shift": -1}, ValueError, "shift must be a whole number of at least 0"),
        ({"shift": 0.5}, ValueError, "shift must be a whole number of at least 0"),
        ({"rotation": 190.0}, ValueError, "rotation must be a number at least 0 and at most 180"),
        ({"zoom": 1.0}, ValueError, r"zoom must be a number at least 0 and at most 0\.9"),
        ({"keep": "first"}, ValueError, "keep must be 'last' or 'best', got 'first'"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        replace(TINY, **change)


def test_what_does_not_fit_is_refused_before_any_training(own_cache):
    train = split()
    with pytest.raises(TypeError, match="recipe must be an AdversarialRecipe"):
        adversarially_trained(Recipe(steps=1), train, classes=2)
    with pytest.raises(ValueError, match="give a validation split"):
        adversarially_trained(replace(TINY, keep="best"), train, classes=2)
    with pytest.raises(ValueError, match=r"train labels must lie in 0\.\.1"):
        adversarially_trained(TINY, split(classes=4), classes=2)
    with pytest.raises(TypeError, match="start must be a Keras model"):
        adversarially_trained(TINY, train, classes=2, start="spine")
    with pytest.raises(ValueError, match="start must have the layers"):
        adversarially_trained(TINY, train, classes=2, start=models.course_cnn((18, 18, 1), 3, seed=0))
    assert not own_cache.exists()


def test_recipes_of_the_course_name_their_attack():
    assert attacks.robust_recipe("digits").attack == "PGD-3"
    assert replace(TINY, random_start=False).attack == "FGSM"
    assert TINY.attack == "FGSM, random start"
    assert replace(TINY, threat=ThreatModel(0.0)).attack == "none"
    assert attacks.robust_recipe("fashion").attack == "PGD-2"
    recipes = [attacks.robust_recipe("signs", seed=7), attacks.published_recipe(7)]
    recipes += [attacks.collapsing_recipe(7), attacks.mended_recipe(7)]
    assert [recipe.attack for recipe in recipes[1:]] == ["PGD-3", "FGSM", "PGD-7"]
    assert {recipe.training.seed for recipe in recipes} == {7}
    assert attacks.collapsing_recipe().threat.epsilon == attacks.COLLAPSES_AT < attacks.mended_recipe().threat.epsilon
    with pytest.raises(ValueError, match="no robust recipe for 'photos'; there are"):
        attacks.robust_recipe("photos")


# ---- the attack inside


def moved_by(recipe, model, data, seed=(1, 2)):
    logits = graphs.logits_of(model)
    run = graphs.traced(
        lambda images, labels: adversarial_training.move(
            logits, images, labels, tf.constant(EPSILON), recipe, tf.constant(seed)
        ),
        logits,
    )
    return run(tf.constant(data.images), tf.constant(data.labels)).numpy()


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("random_start", [True, False])
def test_pictures_stay_in_the_box_and_within_epsilon_and_are_harder(steps, random_start):
    data, model = split(30), models.course_cnn((18, 18, 1), 2, seed=0)
    recipe = replace(TINY, steps=steps, random_start=random_start)
    moved = moved_by(recipe, model, data)
    assert moved.min() >= 0
    assert moved.max() <= 1
    sizes = ThreatModel(EPSILON).sizes(moved, data.images)
    assert sizes.max() <= EPSILON + 1e-6
    assert sizes.min() > EPSILON / 2
    before, after = (attacks.margins(attacks.network(model).ask(each), data.labels) for each in (data.images, moved))
    assert (after < before).mean() > 0.9
    assert np.array_equal(moved, moved_by(recipe, model, data))
    assert np.array_equal(moved, moved_by(recipe, model, data, (1, 3))) != random_start


def test_one_step_from_the_picture_is_what_fgsm_does():
    data, model = split(30), models.course_cnn((18, 18, 1), 2, seed=0)
    inside = moved_by(replace(TINY, random_start=False, step_size=1.0), model, data)
    outside = attacks.fgsm(model, data.images, data.labels, ThreatModel(EPSILON)).images
    tried = (outside != data.images).any(axis=(1, 2, 3))  # what is wrong from the start is left as it was
    assert tried.sum() >= 5
    # Of pixels whose gradient is nearly 0 two graphs may disagree.
    assert np.isclose(inside[tried], outside[tried], atol=1e-6).mean() > 0.99


def test_epsilon_grows_to_its_full_size():
    recipe = replace(TINY, warm_up=0.5)
    sizes = [float(adversarial_training._epsilon_at(tf.constant(done), 8, recipe)) for done in range(8)]
    np.testing.assert_allclose(sizes, EPSILON * np.array([0.25, 0.5, 0.75, 1, 1, 1, 1, 1]), rtol=1e-6)
    assert float(adversarial_training._epsilon_at(tf.constant(0), 8, TINY)) == pytest.approx(EPSILON)


def test_augmentation_moves_each_picture_in_its_own_way_and_no_farther_than_asked():
    images = np.zeros((200, 18, 18, 1), np.float32)
    images[:, 9, 9] = 1
    places = []
    for seed in (1, 1, 2):
        moved = adversarial_training._augmented(tf.constant(images), replace(TINY, shift=2), tf.constant([0, seed]))
        assert np.array_equal(moved.numpy().sum(axis=(1, 2, 3)), np.ones(200))  # whole pixels: nothing is blurred
        places.append(np.argwhere(moved.numpy())[:, 1:3])
    assert np.array_equal(places[0], places[1])
    assert not np.array_equal(places[0], places[2])
    assert {tuple(place) for place in places[0]} == {(y, x) for y in range(7, 12) for x in range(7, 12)}
    turned = adversarial_training._augmented(
        tf.constant(images), replace(TINY, rotation=30.0, zoom=0.1), tf.constant([0, 1])
    ).numpy()
    assert turned.min() >= 0
    assert turned.max() <= 1 + 1e-6
    # The point is half a pixel from the middle, so it stays where it is but for the blur.
    assert (turned[:, 8:11, 8:11].sum(axis=(1, 2, 3)) > 0.7).all()


# ---- training


def test_the_same_seed_trains_the_same_network_and_watching_changes_nothing(own_cache):
    train, recipe = split(), replace(TINY, shift=1, warm_up=0.5)
    other = replace(recipe, training=replace(recipe.training, seed=1))
    first = adversarially_trained(recipe, train, classes=2)
    watched = adversarially_trained(recipe, train, split(30, seed=9), classes=2)
    one, two, three = weights_of(first, watched, adversarially_trained(other, train, classes=2))
    assert not watched.from_cache
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert np.abs(one - three).max() > 0.01
    assert list(first.history.columns) == ["epoch", "steps", "loss", "accuracy"]
    assert list(watched.history.columns[4:]) == ["val_accuracy", "val_fgsm", "val_pgd"]


def test_without_an_epsilon_it_is_plain_training():
    train = split()
    plain = models.load_or_train(TINY.training, train, classes=2)
    none = adversarially_trained(replace(TINY, threat=ThreatModel(0.0)), train, classes=2)
    attacked = adversarially_trained(TINY, train, classes=2)
    one, two, three = weights_of(plain, none, attacked)
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert np.abs(one - three).max() > 1e-3


def test_it_begins_with_the_weights_it_is_given_and_leaves_them_alone():
    train = split()
    begin = models.course_cnn((18, 18, 1), 2, seed=5)
    before = models.digest(begin)
    slow = replace(TINY, training=replace(TINY.training, learning_rate=1e-9))
    trained = adversarially_trained(slow, train, classes=2, start=begin)
    for given, kept in zip(begin.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_allclose(given, kept, atol=1e-6)
    assert models.digest(begin) == before
    assert adversarially_trained(slow, train, classes=2).path != trained.path


def test_the_best_row_is_kept_not_the_last(monkeypatch):
    train, scores = split(), iter([0.2, 0.7, 0.7, 0.1])
    recipe = replace(TINY, training=Recipe(epochs=4, batch_size=20), keep="best")
    seen = []

    def watch(model, *_):
        def row():
            seen.append(model.get_weights())
            return {"val_accuracy": 1.0, "val_fgsm": 1.0, "val_pgd": next(scores)}

        return row

    monkeypatch.setattr(adversarial_training, "_watch", watch)
    trained = adversarially_trained(recipe, train, train, classes=2)
    assert all(np.array_equal(*pair) for pair in zip(trained.model.get_weights(), seen[1], strict=True))
    assert not np.array_equal(trained.model.get_weights()[0], seen[3][0])


def test_the_second_call_reads_and_a_half_written_file_is_not_read(monkeypatch):
    train, real = split(), adversarial_training._fit
    first = adversarially_trained(TINY, train, train, classes=2)
    monkeypatch.setattr(adversarial_training, "_fit", lambda *_: pytest.fail("trained again"))
    second = adversarially_trained(TINY, train, train, classes=2)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert models.digest(first.model) == models.digest(second.model)
    pd.testing.assert_frame_equal(first.history, second.history)
    monkeypatch.setattr(adversarial_training, "_fit", real)
    first.path.write_bytes(first.path.read_bytes()[:1000])
    with pytest.warns(UserWarning, match=r"damaged .* trained again"):
        assert not adversarially_trained(TINY, train, train, classes=2).from_cache


def test_what_a_network_depends_on_is_in_its_key(monkeypatch):
    train = split()
    path = adversarial_training._path
    changed = [
        replace(TINY, threat=ThreatModel(0.1)), replace(TINY, steps=2), replace(TINY, step_size=1.0),
        replace(TINY, random_start=False), replace(TINY, shift=1), replace(TINY, keep="best"), TINY,
    ]  # fmt: skip
    paths = [path(recipe, train, None, 2, None) for recipe in changed]
    paths += [path(TINY, split(seed=1), None, 2, None), path(TINY, train, train, 2, None)]
    monkeypatch.setattr("helpers.cache.code_version", lambda *_: "other code")
    paths.append(path(TINY, train, None, 2, None))
    assert len(set(paths)) == len(paths)


# ---- on real digits


@pytest.fixture(scope="module")
def digits():
    """The middle 20x20 of real digits, as in the other tests of attacks."""
    data = datasets.load("digits", train=2000, calibration=200, test=300, seed=0)

    def middle(part):
        return Split(np.ascontiguousarray(part.pixels[:, 4:24, 4:24]), part.labels, part.attributes)

    return middle(data.train), middle(data.calibration), middle(data.test)


def left(trained, test, epsilon, steps=15):
    """Shares that are read rightly: clean, under FGSM, under PGD."""
    threat, net = ThreatModel(epsilon), attacks.network(trained.model)
    clean = net.ask(test.images).argmax(axis=1) == test.labels
    one, many = (
        ~attack.fooled
        for attack in (
            attacks.fgsm(net, test.images, test.labels, threat),
            attacks.pgd(net, test.images, test.labels, threat, steps=steps),
        )
    )
    return clean.mean(), one.mean(), many.mean()


@pytest.fixture(scope="module")
def hardened(digits, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIGILANT_CACHE", str(tmp_path_factory.mktemp("hardened")))
        recipe = AdversarialRecipe(
            Recipe(epochs=8, batch_size=64, learning_rate=3e-3), ThreatModel(EPSILON), warm_up=0.5, watched=200
        )
        return recipe, adversarially_trained(recipe, *digits[:2], classes=10)


def test_training_against_an_attack_hardens_and_a_training_without_one_is_found_out(digits, hardened):
    recipe, robust = hardened
    spoilt = adversarially_trained(replace(recipe, threat=ThreatModel(0.0)), digits[0], classes=10)
    clean, _, held = left(robust, digits[2], EPSILON)
    clean_of_spoilt, _, held_of_spoilt = left(spoilt, digits[2], EPSILON)
    assert min(clean, clean_of_spoilt) > 0.9
    assert held > 0.5
    assert held_of_spoilt < held - 0.3


def test_the_history_tells_what_attacks_find(digits, hardened):
    recipe, robust = hardened
    watched = digits[1]
    clean, fgsm, pgd = left(robust, watched, EPSILON, recipe.watch_steps)
    last = robust.history.iloc[-1]
    assert last["val_accuracy"] == pytest.approx(clean, abs=1e-6)
    assert last["val_fgsm"] == pytest.approx(fgsm, abs=0.01)
    assert last["val_pgd"] == pytest.approx(pgd, abs=0.03)  # other random starts
