"""Answers to the exercises of notebook 03."""

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from helpers import intervals
from helpers.datasets import messages
from helpers.explain import taxonomy
from tests.notebooks.answers import Exercise
from tests.notebooks.cells import function_of

NOTEBOOK = "03_interpretable"

# ---- 3.1 a dozen methods in the taxonomy

PLACES = {name: method.place for name, method in taxonomy.METHODS.items()}


def with_place(name, place):
    return PLACES | {name: place}


PLACED = Exercise(
    NOTEBOOK,
    "3.1",
    "test_places",
    right=[
        PLACES,
        {name: list(place) for name, place in reversed(PLACES.items())},
        {name: np.array(place) for name, place in PLACES.items()},
        {name: tuple(f" {word.title()}" for word in place) for name, place in PLACES.items()},
    ],
    wrong=[
        (with_place("saliency", ("after", "local", "agnostic")), "it needs gradients, so it must look inside"),
        (with_place("surrogate tree", ("default", "global", "agnostic")), "it explains another one afterwards"),
        (with_place("decision tree rules", ("default", "local", "specific")), "the path of one case would be local"),
        (with_place("LIME", ("local", "agnostic", "after")), "stand in the order when, scope, access"),
        (with_place("LIME", {"after", "local", "agnostic"}), "a set has no order"),
        (with_place("GradCAM", ("afterwards", "local", "specific")), "when is 'default' or 'after', got 'afterwards'"),
        (with_place("TreeSHAP", "after"), "three words are wanted"),
        ({name: PLACES[name] for name in list(PLACES)[:3]}, "still without a place: partial dependence (PDP)"),
        (list(PLACES.values()), "a dict from each method's name"),
    ],
    around=lambda: {"taxonomy": taxonomy},
)

# ---- 3.2 why this, rather than that


def from_a_list(weights, x, a, b):
    return [(weights[a][i] - weights[b][i]) * x[i] for i in range(len(x))]


def by_two_maps(weights, x, a, b):
    of_a, of_b = (np.einsum("f,f->f", weights[k], x) for k in (a, b))
    return of_a - of_b


def by_differentiating(weights, x, a, b):  # the gap is linear in x: what it loses when a feature goes is its share
    gap = weights[a] @ x - weights[b] @ x
    return np.array([gap - (weights[a] - weights[b]) @ np.where(np.arange(len(x)) == i, 0, x) for i in range(len(x))])


def as_estimates(weights, x, a, b):
    return tuple(np.float32(value) for value in by_two_maps(weights, x, a, b))


def probabilities_of(z):
    return np.exp(z) / np.exp(z).sum(axis=0)


RATHER = Exercise(
    NOTEBOOK,
    "3.2",
    "test_rather_than",
    right=[from_a_list, by_two_maps, by_differentiating, as_estimates],
    wrong=[
        (lambda weights, x, a, b: (weights[b] - weights[a]) * x, "the sign is the other way round"),
        (lambda weights, x, a, b: weights[a] * x, "is class b in it?"),
        (lambda weights, x, a, b: weights[a] - weights[b], "multiply by x"),
        (lambda weights, x, a, b: (weights[a] - weights[b]) @ x, "leave the sum out"),
        (lambda weights, x, a, b: (weights * x)[[a, b]], "one number for each of the 6 features"),
        (lambda weights, x, a, b: np.abs(weights[a] - weights[b]) * x, "must add up to"),
        (lambda weights, x, a, b: (weights[a] - weights[b]) * x**2, "must add up to"),
        (
            lambda weights, x, a, b: np.where(x > 0, (weights[a] - weights[b]) @ x / max(1, (x > 0).sum()), 0),
            "the shares are not",
        ),
        (lambda weights, x, a, b: (weights[1] - weights[3]) * x, "are a and b what was asked for?"),
        (lambda weights, x, a, b: probabilities_of(weights * x)[a] - probabilities_of(weights * x)[b], "add up to"),
    ],
)

# ---- 3.3 fifty words


def rows_of(labels, seed):
    order = np.random.default_rng(seed).permutation(len(labels))
    return order[: len(order) // 4], order[len(order) // 4 :]


def scored(texts, labels, seed, *, min_df=2, k=50, model=None, fit=None, test=None, words_of=None):
    """The solution, with one part of it changed."""
    texts = np.array(texts, dtype=object)
    test_rows, train_rows = rows_of(labels, seed)
    fit = train_rows if fit is None else fit(test_rows, train_rows)
    test = test_rows if test is None else test(test_rows, train_rows)
    vectoriser = CountVectorizer(min_df=min_df, vocabulary=None if words_of is None else words_of(texts))
    parts = [vectoriser, SelectKBest(chi2, k=k), model or LogisticRegression(max_iter=1000)]
    return make_pipeline(*parts).fit(texts[fit], labels[fit]).score(texts[test], labels[test])


def by_hand(texts, labels, seed):
    test_rows, train_rows = rows_of(labels, seed)
    vectoriser, chooser = CountVectorizer(min_df=2), SelectKBest(chi2, k=50)
    learned = vectoriser.fit_transform([texts[row] for row in train_rows])
    model = LogisticRegression(max_iter=1000).fit(
        chooser.fit_transform(learned, labels[train_rows]), labels[train_rows]
    )
    said = model.predict(chooser.transform(vectoriser.transform([texts[row] for row in test_rows])))
    return intervals.proportion(said == labels[test_rows])


def colleague(texts, labels, seed):
    return function_of(
        NOTEBOOK,
        "colleague_score",
        CountVectorizer=CountVectorizer,
        SelectKBest=SelectKBest,
        chi2=chi2,
        LogisticRegression=LogisticRegression,
    )(texts, labels, seed)


def vocabulary_of_all(texts):
    return CountVectorizer(min_df=2).fit(texts).vocabulary_


def labels_turned(texts, labels, seed):
    return 1 - scored(texts, labels, seed)


def around():
    return {"made_up": function_of(NOTEBOOK, "made_up"), "messages": messages}


FIFTY = Exercise(
    NOTEBOOK,
    "3.3",
    "test_honest_score",
    right=[
        scored,
        by_hand,
        lambda texts, labels, seed: scored(texts, labels, seed, model=MultinomialNB()),
        lambda texts, labels, seed: np.array([scored(texts, labels, seed)]).mean(),
    ],
    wrong=[
        (colleague, "something has seen the test labels"),
        (
            lambda texts, labels, seed: scored(texts, labels, seed, fit=lambda test, train: np.r_[test, train]),
            "something has seen the test labels",
        ),
        (lambda texts, labels, seed: scored(texts, labels, seed, test=lambda test, train: train), "wrong rows"),
        (lambda texts, labels, seed: scored(texts, labels, seed + 1), "not the same test rows"),
        (lambda texts, labels, seed: scored(texts, labels, seed, words_of=vocabulary_of_all), "one train message"),
        (lambda texts, labels, seed: scored(texts, labels, seed, min_df=1), "one train message"),
        (lambda texts, labels, seed: scored(texts, labels, seed, k="all"), "keep 50 words"),
        (labels_turned, "the score is turned round"),
        (lambda texts, labels, seed: 0.6, "on real labels"),
    ],
    around=around,
)

EXERCISES = [PLACED, RATHER, FIFTY]
