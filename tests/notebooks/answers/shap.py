"""Notebook 05: shares of a difference, the regression inside KernelSHAP, the class that was a picture."""

import math
from itertools import permutations, product

import numpy as np
from scipy import optimize

from helpers import explain
from tests.notebooks.answers import Exercise

# ---- 5.1: a small network of NumPy, and pictures of 8 by 8

_rng = np.random.default_rng(5)
INNER, OUTER = _rng.normal(size=(192, 24)) / 6, _rng.normal(size=(24, 10))
BACKGROUND = _rng.random((1, 8, 8, 3), dtype=np.float32)
THREE = _rng.random((3, 8, 8, 3), dtype=np.float32)
QUARTERS = explain.grid_superpixels(THREE[:1], 4)[0]


def predict(images):
    return np.maximum(images.reshape(len(images), -1) @ INNER, 0) @ OUTER


def softmax(images):
    powers = np.exp(predict(images) / 5)
    return powers / powers.sum(axis=1, keepdims=True)


def shares_of(picture, ask=predict, behind=BACKGROUND, parts=QUARTERS):
    return explain.exact_shapley(explain.picture_game(ask, picture, parts, behind), 4)


def contrast(picture, one, other, **options):
    shares = shares_of(picture, **options)
    return shares[:, one] - shares[:, other]


def contrast_by_orders(picture, one, other):
    values = explain.picture_game(predict, picture, QUARTERS, BACKGROUND)
    shares = [0.0] * 4
    for order in permutations(range(4)):
        inside = np.zeros((1, 4), bool)
        for player in order:
            before = values(inside)[0]
            inside[0, player] = True
            gained = values(inside)[0] - before
            shares[player] += (gained[one] - gained[other]) / 24
    return shares


def contrast_of_the_difference(picture, one, other):
    values = explain.picture_game(predict, picture, QUARTERS, BACKGROUND)
    return tuple(explain.exact_shapley(lambda z: values(z)[:, one] - values(z)[:, other], 4))


def contrast_by_kernel(picture, one, other):
    given = [
        explain.kernel_shap(predict, picture[None], np.array([kind]), QUARTERS[None], BACKGROUND, 256, 0)
        for kind in (one, other)
    ]
    return (given[0] - given[1])[0]


def contrast_alone(picture, one, other):
    values = explain.picture_game(predict, picture, QUARTERS, BACKGROUND)
    alone = values(np.eye(4, dtype=bool)) - values(np.zeros((1, 4), bool))
    return alone[:, one] - alone[:, other]


# ---- 5.2


def kernel_weights(coalitions):
    n = coalitions.shape[1]
    return np.array([(n - 1) / (math.comb(n, k) * k * (n - k)) for k in coalitions.sum(axis=1).tolist()])


def fitted(z, explained, weights):
    root = np.sqrt(weights)
    return np.linalg.lstsq(root[:, None] * z, root * explained, rcond=None)[0]


def without_the_first(coalitions, values, none, everyone):
    z, owed = coalitions.astype(float), everyone - none
    others = fitted(z[:, 1:] - z[:, :1], values - none - z[:, 0] * owed, kernel_weights(coalitions))
    return [owed - others.sum(), *others]


def by_a_multiplier(coalitions, values, none, everyone):
    z, weights = coalitions.astype(float), kernel_weights(coalitions)
    n = z.shape[1]
    left = np.ones((n + 1, n + 1))
    left[:n, :n], left[n, n] = z.T @ (weights[:, None] * z), 0
    return np.linalg.solve(left, np.append(z.T @ (weights * (values - none)), everyone - none))[:n]


def by_heavy_ends(coalitions, values, none, everyone):
    n = coalitions.shape[1]
    z = np.vstack([coalitions, np.ones((1, n))]).astype(float)
    heavy = np.append(kernel_weights(coalitions), 1e10)
    return tuple(fitted(z, np.append(values - none, everyone - none), heavy))


def by_a_minimiser(coalitions, values, none, everyone):
    z, weights, owed = coalitions.astype(float), kernel_weights(coalitions), everyone - none
    n = z.shape[1]

    def loss(phi):
        off = values - none - z @ phi
        return weights @ off**2, -2 * (weights * off) @ z

    condition = {"type": "eq", "fun": lambda phi: phi.sum() - owed, "jac": lambda phi: np.ones(n)}
    return optimize.minimize(
        loss, np.full(n, owed / n), jac=True, method="SLSQP", constraints=condition, options={"ftol": 1e-16}
    ).x


def rest_spread_evenly(coalitions, values, none, everyone):
    phi = fitted(coalitions.astype(float), values - none, kernel_weights(coalitions))
    return phi + (everyone - none - phi.sum()) / len(phi)


def no_condition(coalitions, values, none, everyone):
    return fitted(coalitions.astype(float), values - none, kernel_weights(coalitions))


def constrained(coalitions, values, none, everyone, weigh, taken_off):
    z, owed = coalitions.astype(float), everyone - none
    others = fitted(z[:, :-1] - z[:, -1:], values - taken_off * none - z[:, -1] * owed, weigh(coalitions))
    return np.append(others, owed - others.sum())


def in_a_column(*given):
    return without_the_first(*given), 0


# ---- 5.3


def class_maps(values, k):
    return values[..., k].sum(axis=3)


EXERCISES = [
    Exercise(
        notebook="05_shap",
        number="5.1",
        test="test_contrast",
        around=lambda: {"kept_background": BACKGROUND, "kept_predict": predict, "three": THREE},
        right=[contrast, contrast_by_orders, contrast_of_the_difference, contrast_by_kernel],
        wrong=[
            (lambda picture, one, other: contrast(picture, other, one), "with the sign turned"),
            (lambda picture, one, other: shares_of(picture)[:, one], "alone: subtract those in logit 5"),
            (lambda picture, one, other: shares_of(picture)[:, [one, other]].sum(axis=1), "*sum* of the two logits"),
            (lambda picture, one, other: np.abs(contrast(picture, one, other)), "lost their signs"),
            (contrast_alone, "adds *alone*"),
            (lambda picture, one, other: contrast(picture, one, other, ask=softmax), "in logits (`predict`)"),
            (lambda picture, one, other: contrast(picture, one, other, behind=0 * BACKGROUND), "(`background`)"),
            (lambda picture, one, other: contrast(THREE[2], one, other), "the picture that was given"),
            (lambda picture, one, other: contrast(picture, one, other)[::-1], "in its place"),
            (lambda picture, one, other: contrast(picture, 2, 5), "asked for class 7 and not 1"),
            (lambda picture, one, other: contrast(picture, one, other).sum(), "four shares"),
            (lambda picture, one, other: shares_of(picture), "four shares"),
        ],
    ),
    Exercise(
        notebook="05_shap",
        number="5.2",
        test="test_shares",
        around=lambda: {"math": math, "product": product},
        right=[without_the_first, by_a_multiplier, by_heavy_ends, by_a_minimiser],
        wrong=[
            (rest_spread_evenly, "put the condition into the columns"),
            (no_condition, "keep the condition"),
            (lambda *given: constrained(*given, lambda z: np.ones(len(z)), 1), "the *root* of the weights"),
            (lambda *given: constrained(*given, lambda z: kernel_weights(z) ** 2, 1), "the *root* of the weights"),
            (lambda *given: constrained(*given, kernel_weights, 0), "`none` taken off"),
            (lambda *given: by_a_multiplier(*given)[:-1], "5 players, 5 shares"),
            (lambda *given: by_a_multiplier(*given)[:, None], "5 players, 5 shares"),
            (lambda *given: by_a_multiplier(*given)[::-1], "not Shapley's values"),
        ],
    ),
    Exercise(
        notebook="05_shap",
        number="5.3",
        test="test_class_maps",
        right=[
            class_maps,
            lambda values, k: class_maps(values, k).tolist(),
            lambda values, k: np.moveaxis(values, -1, 0)[k].sum(axis=-1),
            lambda values, k: np.sum(values, axis=3)[:, :, :, k],
            lambda values, k: values @ np.eye(values.shape[-1])[k] @ np.ones(values.shape[3]),
        ],
        wrong=[
            (lambda values, k: values[k].sum(axis=-1), "this is picture 2"),
            (lambda values, k: values[..., k], "choose one class, and sum over the channels"),
            (lambda values, k: values.sum(axis=3), "choose one class, and sum over the channels"),
            (lambda values, k: values[..., k].sum(axis=0), "the maps have shape (5, 4, 6)"),
            (lambda values, k: values.sum(axis=(3, 4)), "signed sums"),
            (lambda values, k: class_maps(values, 0), "these are the maps of class 0"),
            (lambda values, k: np.abs(class_maps(values, k)), "signs are lost"),
            (lambda values, k: np.abs(values[..., k]).sum(axis=3), "signed sums"),
            (lambda values, k: values[..., k].mean(axis=3), "not averaged"),
            (lambda values, k: values[..., 0, k], "signed sums"),
        ],
    ),
]
