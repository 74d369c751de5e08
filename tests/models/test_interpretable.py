"""Models that can be read: the contract in front, what can be read behind it, and what is refused."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from helpers import datasets, models
from helpers.datasets import Split, messages
from helpers.models import interpretable

CLASSES = 3


def split(pixels, labels):
    return Split(np.asarray(pixels, np.uint8), np.asarray(labels, np.int64), pd.DataFrame(index=range(len(labels))))


def planted(n=300, seed=0):
    """Noise of 4x5 pixels, in which the pixel (1, 2) tells class 0 from the others, and (3, 4) class 1 from class 2."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 100, (n, 4, 5, 1))
    labels = rng.integers(0, CLASSES, n)
    pixels[:, 1, 2, 0] = np.where(labels == 0, 250, 5)
    pixels[:, 3, 4, 0] = np.where(labels == 1, 250, 5)
    return split(pixels, labels)


TRAIN, TEST = planted(seed=0), planted(seed=1)
MAKERS = {
    "softmax regression": lambda train: models.softmax_regression(train, CLASSES, 1.0),
    "tree": lambda train: models.decision_tree(train, CLASSES, leaves=4),
    "forest": lambda train: models.random_forest(train, CLASSES, trees=30),
}


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", train=1000, calibration=10, test=500)


@pytest.fixture(scope="module")
def corpus():
    return messages.load()


# ---- the contract


def test_a_model_is_a_predict_function(make):
    model = make(TRAIN)
    found = model(TEST.images)
    assert found.shape == (len(TEST), CLASSES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found.argmax(axis=1) == TEST.labels).mean() > 0.95
    wanted = model.estimator.predict_proba(TEST.images.reshape(len(TEST), -1))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_class_that_was_never_shown_gets_no_probability(make):
    found = make(TRAIN.take(TRAIN.labels != 1))(TEST.images)
    assert found.shape == (len(TEST), CLASSES)
    assert (found[:, 1] == 0).all()
    last = TEST.labels == 2
    assert (found[last].argmax(axis=1) == 2).all()  # not 1, which is the second column of what the library gives


def test_the_same_pictures_and_seed_give_the_same_model(make):
    assert np.array_equal(make(TRAIN)(TEST.images), make(TRAIN)(TEST.images))


def test_a_picture_is_answered_alone_as_among_others(make):
    model = make(TRAIN)
    assert np.array_equal(model(TEST.images[:7]), model(TEST.images)[:7])


def test_pictures_that_are_none_are_refused(make):
    model = make(TRAIN)
    with pytest.raises(TypeError, match="float"):
        model(TEST.pixels)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        model(TEST.images * 255)
    with pytest.raises(ValueError, match="another data set"):
        model(TEST.images[:, :3])


def test_what_cannot_be_learned_from_is_refused(make):
    with pytest.raises(ValueError, match="no pictures"):
        make(TRAIN.take(slice(0)))
    with pytest.raises(ValueError, match="train labels"):
        make(split(TRAIN.pixels, TRAIN.labels + 1))


def test_a_linear_model_of_one_class_is_refused():
    with pytest.raises(ValueError, match="class"):
        models.softmax_regression(TRAIN.take(TRAIN.labels == 0), CLASSES)


# ---- softmax regression


def test_weights_stand_where_the_evidence_is():
    weights = models.softmax_regression(TRAIN, CLASSES, 1.0).estimator.coef_.reshape(CLASSES, 4, 5)
    assert np.unravel_index(weights[0].argmax(), (4, 5)) == (1, 2)
    assert np.unravel_index(weights[1].argmax(), (4, 5)) == (3, 4)


def test_the_penalty_settles_what_the_data_leave_open():
    # Adding one picture to the weights of all classes changes no answer; of all such models the smallest is taken.
    weights = models.softmax_regression(TRAIN, CLASSES, 1.0).estimator.coef_
    assert np.abs(weights.sum(axis=0)).max() < 1e-3 * np.abs(weights).max()


def test_a_smaller_c_pulls_harder():
    sizes = [np.abs(models.softmax_regression(TRAIN, CLASSES, c).estimator.coef_).sum() for c in (0.01, 0.1, 1.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.5 * sizes[-1]


def test_another_solver_finds_the_same_weights(digits):
    ours = models.softmax_regression(digits.train, 10, 0.03).estimator.coef_
    rows = digits.train.images.reshape(len(digits.train), -1).astype(float)
    theirs = LogisticRegression(C=0.03, max_iter=2000, tol=1e-6).fit(rows, digits.train.labels).coef_
    assert np.abs(ours - theirs).max() < 0.01 * np.abs(theirs).max()


# ---- trees


def test_a_tree_asks_about_the_planted_pixels_and_no_other():
    tree = models.decision_tree(TRAIN, CLASSES, leaves=3)
    asked = {place for image in TEST.images[:20] for place, _ in models.decision_path(tree, image)}
    assert asked == {(1, 2, 0), (3, 4, 0)}


def test_a_way_says_on_which_side_the_picture_is():
    stump = models.decision_tree(split(TRAIN.pixels, TRAIN.labels == 0), 2, depth=1)
    for image, label in zip(TEST.images[:20], TEST.labels[:20], strict=True):
        assert models.decision_path(stump, image) == [((1, 2, 0), bool(label == 0))]


def test_the_way_ends_where_the_library_ends(digits):
    model = models.decision_tree(digits.train, 10, leaves=64)
    tree, images = model.estimator.tree_, digits.test.images[:50]
    asked = models.questions_asked(model, images)
    for number, (image, leaf) in enumerate(zip(images, model.estimator.apply(images.reshape(50, -1)), strict=True)):
        node, way = 0, models.decision_path(model, image)
        for (row, column, _), brighter in way:
            assert tree.feature[node] == 28 * row + column
            node = tree.children_right[node] if brighter else tree.children_left[node]
        assert node == leaf
        assert asked[number] == len(way)


@pytest.mark.parametrize("depth", [1, 2, 3])  # deeper, some branches are sure before they end
def test_the_size_of_a_tree(depth):
    tree = models.decision_tree(split(TRAIN.pixels, np.arange(len(TRAIN)) % CLASSES), CLASSES, depth=depth)
    assert models.size_of(tree) == interpretable.Size(questions=2**depth - 1, rules=2**depth)
    assert (models.questions_asked(tree, TEST.images) == depth).all()


def test_the_size_of_a_forest_is_that_of_its_trees():
    forest = models.random_forest(TRAIN, CLASSES, trees=7)
    trees = [tree.tree_ for tree in forest.estimator.estimators_]
    size = models.size_of(forest)
    assert size.questions == sum(int((tree.feature >= 0).sum()) for tree in trees)
    assert size.rules == size.questions + 7
    per_answer = models.questions_asked(forest, TEST.images)
    ways = forest.estimator.decision_path(TEST.images.reshape(len(TEST), -1))[0].sum(axis=1)
    assert np.array_equal(per_answer, np.ravel(ways) - 7)


def test_only_trees_have_questions():
    linear, forest = MAKERS["softmax regression"](TRAIN), MAKERS["forest"](TRAIN)
    with pytest.raises(ValueError, match="neither a tree nor a forest"):
        models.size_of(linear)
    with pytest.raises(ValueError, match="neither a tree nor a forest"):
        models.questions_asked(linear, TEST.images)
    with pytest.raises(ValueError, match="30 of them"):
        models.decision_path(forest, TEST.images[0])


def test_a_surrogate_learns_the_answers_and_not_the_truth():
    def stubborn(images):  # a model that looks at one pixel, which has nothing to do with the labels
        return (images[:, 0, 0, 0] > 0.2).astype(np.int64)

    copy = models.decision_tree(dataclasses.replace(TRAIN, labels=stubborn(TRAIN.images)), CLASSES, leaves=4)
    fidelity = (copy(TEST.images).argmax(axis=1) == stubborn(TEST.images)).mean()
    accuracy = (copy(TEST.images).argmax(axis=1) == TEST.labels).mean()
    assert fidelity > 0.97
    assert accuracy < 0.5


# ---- the forest of notebooks 03 and 05


def test_the_forest_is_scikit_learns_and_in_reach(digits):
    ours = models.digit_forest(digits, seed=3)
    theirs = RandomForestClassifier(100, max_features="log2", random_state=3)
    theirs.fit(digits.train.images.reshape(len(digits.train), -1), digits.train.labels)
    rows = digits.test.images.reshape(len(digits.test), -1)
    np.testing.assert_allclose(ours(digits.test.images), theirs.predict_proba(rows), atol=1e-6)
    assert isinstance(ours.estimator, RandomForestClassifier)
    assert len(ours.estimator.estimators_) == 100


def test_another_seed_is_another_forest(digits):
    one, other = (models.digit_forest(digits, seed=seed)(digits.test.images) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_the_forest_of_digits_takes_digits():
    signs = datasets.Dataset("signs", ("a", "b", "c"), TRAIN, TEST, TEST)
    with pytest.raises(ValueError, match="random_forest takes any"):
        models.digit_forest(signs)


# ---- the spam filter


def test_the_filter_tells_messages_apart(corpus):
    found = models.spam_filter(corpus)(corpus.test.texts)
    assert found.shape == (len(corpus.test), 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found.argmax(axis=1) == corpus.test.labels).mean() > 0.9


def test_words_add_up_to_the_logit_and_the_logit_gives_the_probability(corpus):
    model = models.spam_filter(corpus)
    logits = model.logits(corpus.test.texts)
    sums = [model.contributions(text).sum() + model.intercept for text in corpus.test.texts]
    np.testing.assert_allclose(sums, logits, atol=1e-9)
    np.testing.assert_allclose(model(corpus.test.texts)[:, 1], 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_a_word_contributes_what_its_weight_says(corpus):
    model = models.spam_filter(corpus)
    word = model.weights.index[0]
    assert model.weights.is_monotonic_decreasing
    alone = model.contributions(f"{word} {word} qwertzuiop")  # of an unknown word nothing is known
    assert list(alone.index) == [word]
    assert alone[word] == pytest.approx(model.weights[word])  # the row of numbers has length 1
    assert model.contributions("qwertzuiop").empty
    assert model.logits(["qwertzuiop"])[0] == pytest.approx(model.intercept)


def test_contributions_come_largest_first(corpus):
    model = models.spam_filter(corpus)
    for text in corpus.test.texts[:20]:
        assert model.contributions(text).abs().is_monotonic_decreasing


def test_words_of_too_many_messages_are_left_out(corpus):
    every, rare = models.spam_filter(corpus), models.spam_filter(corpus, most_common=0.2)
    gone = set(every.weights.index) - set(rare.weights.index)
    held = {word: np.mean([word in text.lower().split() for text in corpus.train.texts]) for word in ("to", "the")}
    assert {"to", "the"} <= gone
    assert min(held.values()) > 0.2
    assert set(rare.weights.index) < set(every.weights.index)


def test_the_calibration_messages_choose_and_the_test_messages_have_no_say(corpus):
    assert models.spam_filter(corpus, strengths=(1e-6, 10.0)).classifier.C == 10.0
    other = messages.load(seed=5)
    swapped = dataclasses.replace(corpus, test=other.test)
    pd.testing.assert_series_equal(models.spam_filter(corpus).weights, models.spam_filter(swapped).weights)


def test_what_no_filter_can_be_made_of_is_refused(corpus):
    with pytest.raises(ValueError, match="at least one strength"):
        models.spam_filter(corpus, strengths=())
    with pytest.raises(ValueError, match="all of one class"):
        models.spam_filter(dataclasses.replace(corpus, train=corpus.train.take(corpus.train.labels == 0)))
    with pytest.raises(TypeError, match=r"\[text\]"):
        models.spam_filter(corpus)("a single message")


def test_scikit_learn_is_loaded_when_it_is_needed():
    code = "import sys, helpers.models.interpretable; print('sklearn' in sys.modules, 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
