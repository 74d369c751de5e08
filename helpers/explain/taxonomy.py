"""Three questions to ask of any method of explanation, and the answers for a dozen of them.

The words are the field's (Lipton 2018; Molnar, *Interpretable Machine Learning*): a model is interpretable *by
default* or explained *after* the fact; an explanation is *local* (one answer) or *global* (the whole model); a method
is *specific* to a kind of model, because it must look inside, or *agnostic*, because it only asks the model questions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from typing import Any

from helpers.errors import did_you_mean

QUESTIONS = {
    "when": ("default", "after"),
    "scope": ("global", "local"),
    "access": ("specific", "agnostic"),
}
"""The questions in order, each with its possible answers."""


@dataclass(frozen=True)
class Method:
    """A method of explanation and its place.

    Attributes
    ----------
    does : str
        What it gives, in a sentence.
    place : tuple of (str, str, str)
        Answers to `QUESTIONS`, in order.
    why : tuple of (str, str, str)
        The reason for each answer.
    """

    does: str
    place: tuple[str, str, str]
    why: tuple[str, str, str]


METHODS: dict[str, Method] = {
    "linear weights": Method(
        "shows the weight of each feature in a linear model",
        ("default", "global", "specific"),
        (
            "the weights are the model; nothing is computed afterwards",
            "the same weights serve every case",
            "it reads weights, and other models have none that can be read so",
        ),
    ),
    "decision tree rules": Method(
        "prints a small decision tree, all of it, as rules",
        ("default", "global", "specific"),
        (
            "the rules are the model; nothing is computed afterwards",
            "all rules together say what happens to any case (the path of one case would be local)",
            "it reads the tree's own splits",
        ),
    ),
    "permutation importance": Method(
        "shuffles a feature over all cases and measures how much accuracy is lost",
        ("after", "global", "agnostic"),
        (
            "a trained model is questioned; it is not read",
            "the loss is an average over all cases",
            "it only needs predictions, so any model will do",
        ),
    ),
    "partial dependence (PDP)": Method(
        "sets a feature to one value in all cases and plots the average prediction against that value",
        ("after", "global", "agnostic"),
        (
            "a trained model is questioned; it is not read",
            "the curve is an average over all cases (one curve for each case, ICE, would be local)",
            "it only needs predictions, so any model will do",
        ),
    ),
    "surrogate tree": Method(
        "trains a small tree to imitate the answers of another model to all cases",
        ("after", "global", "agnostic"),
        (
            "the tree is readable, but it is not the model that answers: it explains another one afterwards",
            "one tree stands for the model as a whole",
            "it only needs the other model's answers",
        ),
    ),
    "LIME": Method(
        "fits a small linear model to the answers around one case",
        ("after", "local", "agnostic"),
        (
            "its linear model imitates a trained model afterwards",
            "it is fitted around one case and holds there only",
            "it only needs predictions for changed copies of the case",
        ),
    ),
    "KernelSHAP": Method(
        "shares one answer out among the features, by asking about many subsets of them",
        ("after", "local", "agnostic"),
        (
            "a trained model is questioned; it is not read",
            "the shares add up to one answer (their average over many cases would be global)",
            "it only needs predictions with features left out",
        ),
    ),
    "TreeSHAP": Method(
        "shares one answer of a forest out among the features, by walking through its trees",
        ("after", "local", "specific"),
        (
            "a forest is too large to read, so its answers are explained afterwards",
            "the shares add up to one answer",
            "it walks through the splits of trees, and works for trees alone",
        ),
    ),
    "saliency": Method(
        "takes the gradient of a class's logit with respect to each pixel of a picture",
        ("after", "local", "specific"),
        (
            "a trained network is differentiated afterwards",
            "the gradient is taken at one picture",
            "it needs gradients, so it must look inside",
        ),
    ),
    "GradCAM": Method(
        "weighs the maps of a convolution by their gradients, to show where in a picture a class was found",
        ("after", "local", "specific"),
        (
            "a trained network is looked into afterwards",
            "the map belongs to one picture and one class",
            "it needs the maps and gradients of a convolution",
        ),
    ),
    "integrated gradients": Method(
        "adds up gradients on the way from an empty picture to this one",
        ("after", "local", "specific"),
        (
            "a trained network is differentiated afterwards",
            "the way leads to one picture",
            "it needs gradients, so it must look inside",
        ),
    ),
    "counterfactual": Method(
        "searches the smallest change of one case that would change the answer, by trying changes",
        ("after", "local", "agnostic"),
        (
            "a trained model is questioned afterwards",
            "the change is one for this case",
            "trying changes needs predictions and nothing else",
        ),
    ),
}
"""A dozen methods, by the name that the course calls them."""


def review(answers: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a classification of the methods, and why.

    Parameters
    ----------
    answers : mapping of str to sequence of (str, str, str)
        For each of `METHODS`: ``"default"`` or ``"after"``, ``"global"`` or ``"local"``, ``"specific"`` or
        ``"agnostic"``, in this order. Small and capital letters are the same.

    Returns
    -------
    list of str
        One sentence for each mistake, with its reason, and one that names the methods without a place; empty where
        all is right.
    """
    if not isinstance(answers, Mapping):
        return [f"a dict from each method's name to its three words is wanted; got a {type(answers).__name__}"]
    sentences = []
    for name, given in answers.items():
        if name in METHODS:
            sentences += _mistakes(name, given)
        else:
            sentences.append(f"{name!r} is not one of the dozen.{did_you_mean(name, METHODS)}")
    missing = [name for name in METHODS if name not in answers]
    return sentences + ([f"still without a place: {', '.join(missing)}"] if missing else [])


def _mistakes(name: str, given: Any) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Collection) or len(given) != len(QUESTIONS):
        return [f"{name}: three words are wanted, such as ('after', 'local', 'agnostic'); got {given!r}"]
    order = f"in the order {', '.join(QUESTIONS)}"
    if isinstance(given, Set):
        return [f"{name}: a {type(given).__name__} has no order; write the three words in round brackets, {order}"]
    words, method = [str(word).strip().lower() for word in given], METHODS[name]
    asked = list(zip(words, method.place, method.why, QUESTIONS.items(), strict=True))
    if all(any(word in allowed for word in words) for allowed in QUESTIONS.values()) and any(
        word not in allowed for word, _, _, (_, allowed) in asked
    ):
        return [f"{name}: the three words stand {order}; got {given!r}"]
    sentences = []
    for word, right, why, (question, allowed) in asked:
        if word not in allowed:
            sentences.append(f"{name}: {question} is {' or '.join(map(repr, allowed))}, got {word!r}")
        elif word != right:
            sentences.append(f"{name} is not {word!r}: {why}")
    return sentences
