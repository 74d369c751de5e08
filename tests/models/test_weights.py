"""A digest names weights: the same for the same, another for others, whatever the kind of model."""

import pickle

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from helpers import models
from helpers.models.backend import keras
from helpers.models.interpretable import PixelModel


@pytest.fixture
def cnn():
    return models.course_cnn((28, 28, 1), 10, seed=0)


def linear(seed):
    rng = np.random.default_rng(seed)
    fitted = LogisticRegression().fit(rng.random((40, 12)), np.arange(40) % 2)
    return PixelModel(fitted, (2, 2, 3), 2)


def test_the_same_weights_have_the_same_digest(cnn, tmp_path):
    assert models.digest(cnn) == models.digest(models.course_cnn((28, 28, 1), 10, seed=0))
    cnn.save(tmp_path / "cnn.keras")
    assert models.digest(cnn) == models.digest(keras.saving.load_model(tmp_path / "cnn.keras", compile=False))
    assert len(models.digest(cnn)) == 16


def test_one_other_weight_is_another_digest(cnn):
    before = models.digest(cnn)
    weights = cnn.get_weights()
    weights[-1][0] += 1e-6
    cnn.set_weights(weights)
    assert models.digest(cnn) != before
    assert models.digest(models.course_cnn((28, 28, 1), 10, seed=1)) != before


def test_an_ensemble_is_its_members_in_order(cnn):
    other = models.course_cnn((28, 28, 1), 10, seed=1)
    digests = [models.digest(*members) for members in ([cnn], [other], [cnn, other], [other, cnn], [cnn, cnn])]
    assert len(set(digests)) == 5
    with pytest.raises(TypeError, match="at least one model"):
        models.digest()


def test_the_torch_twin_has_a_digest_of_its_own(cnn):
    twin = models.to_torch(cnn)
    assert models.digest(twin) == models.digest(models.to_torch(cnn))


def forest(seed):
    rng = np.random.default_rng(0)
    x = rng.random((60, 12))
    return RandomForestClassifier(5, random_state=seed).fit(x, x[:, 0] > 0.5)


def words(extra):
    texts = ["a cake for you", "win a prize", "the prize is a cake", f"work {extra}"]
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1, 1, 0])


@pytest.mark.parametrize(("make", "one", "other"), [(linear, 0, 1), (forest, 0, 1), (words, "today", "tomorrow")])
def test_estimators_of_scikit_learn(make, one, other):
    model = make(one)
    before = models.digest(model)
    assert before == models.digest(make(one)) != models.digest(make(other))
    assert before == models.digest(pickle.loads(pickle.dumps(model)))


def test_asking_a_forest_does_not_change_its_digest():
    asked = forest(0)
    before = models.digest(asked)
    asked.predict(np.zeros((3, 12)))
    assert models.digest(asked) == before
