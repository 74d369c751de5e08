"""What students answer in notebook 01."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from helpers import intervals
from tests.notebooks.answers import Exercise
from tests.notebooks.cells import function_of

# ---- 1.1 split first


def _brighter(pictures):
    return np.clip(pictures + 0.05, 0, 1)


def _split_of(test, train, pictures, labels):
    x = np.concatenate([pictures[train], _brighter(pictures[train])])
    return x, np.concatenate([labels[train], labels[train]]), pictures[test], labels[test]


def _order(pictures, seed):
    order = np.random.default_rng(seed).permutation(len(pictures))
    return order[: len(pictures) // 4], order[len(pictures) // 4 :]


def split_in_order(pictures, labels, seed):
    return _split_of(*_order(pictures, seed), pictures, labels)


def split_by_lists(pictures, labels, seed):
    test, train = _order(pictures, seed)
    x, y = [], []
    for row in train:  # copy after original, and no array
        x += [pictures[row], np.minimum(pictures[row] + 0.05, 1)]
        y += [labels[row], labels[row]]
    return [x, y, list(pictures[test]), list(labels[test])]


def split_by_choice(pictures, labels, seed):
    test = np.random.RandomState(seed).choice(len(pictures), len(pictures) // 4, replace=False)
    return _split_of(test, np.setdiff1d(np.arange(len(pictures)), test), pictures, labels)


def split_by_sklearn(pictures, labels, seed):
    from sklearn.model_selection import train_test_split

    train_x, test_x, train_y, test_y = train_test_split(pictures, labels, test_size=0.25, random_state=seed)
    return np.concatenate([train_x, _brighter(train_x)]), np.concatenate([train_y, train_y]), test_x, test_y


def copies_first(pictures, labels, seed):
    x, y = np.concatenate([pictures, _brighter(pictures)]), np.concatenate([labels, labels])
    test, train = _order(x, seed)
    return x[train], y[train], x[test], y[test]


def copies_of_the_test_part(pictures, labels, seed):
    train_x, train_y, x, y = split_in_order(pictures, labels, seed)
    return train_x, train_y, np.concatenate([x, _brighter(x)]), np.concatenate([y, y])


def no_copies(pictures, labels, seed):
    test, train = _order(pictures, seed)
    return pictures[train], labels[train], pictures[test], labels[test]


def labels_once(pictures, labels, seed):
    train_x, train_y, *rest = split_in_order(pictures, labels, seed)
    return train_x, train_y[: len(train_y) // 2], *rest


def labels_in_another_order(pictures, labels, seed):
    train_x, train_y, *rest = split_in_order(pictures, labels, seed)
    return train_x, np.sort(train_y), *rest


def same_copy_twice(pictures, labels, seed):
    test, train = _order(pictures, seed)
    twice = np.concatenate([train, train])
    return pictures[twice], labels[twice], pictures[test], labels[test]


def forgets_to_clip(pictures, labels, seed):
    test, train = _order(pictures, seed)
    x = np.concatenate([pictures[train], pictures[train] + 0.05])
    return x, np.concatenate([labels[train], labels[train]]), pictures[test], labels[test]


def ignores_the_seed(pictures, labels, seed):
    return split_in_order(pictures, labels, 7)


_fresh = np.random.default_rng(1)


def draws_without_the_seed(pictures, labels, seed):
    return split_in_order(pictures, labels, int(_fresh.integers(10**6)))


def half_to_test(pictures, labels, seed):
    order = np.random.default_rng(seed).permutation(len(pictures))
    return _split_of(order[: len(order) // 2], order[len(order) // 2 :], pictures, labels)


def pictures_before_labels(pictures, labels, seed):
    train_x, train_y, test_x, test_y = split_in_order(pictures, labels, seed)
    return train_x, test_x, train_y, test_y


SPLIT = Exercise(
    "01_training",
    "1.1",
    "test_split",
    right=[split_in_order, split_by_lists, split_by_choice, split_by_sklearn],
    wrong=[
        (copies_first, "split first, make copies afterwards"),
        (copies_of_the_test_part, "copies of the train part only"),
        (no_copies, "60 pictures, and here are 30"),
        (labels_once, "as many labels as pictures"),
        (labels_in_another_order, "label must go with its own picture"),
        (same_copy_twice, "once as it is and once brighter"),
        (forgets_to_clip, "clip it"),
        (ignores_the_seed, "another seed must choose other"),
        (draws_without_the_seed, "the same seed must choose the same"),
        (half_to_test, "10 test pictures, and here are 20"),
        (pictures_before_labels, "the order is train_x, train_y, test_x, test_y"),
        (lambda pictures, labels, seed: split_in_order(pictures, labels, seed)[:2], "four things"),
    ],
)

# ---- 1.2 is the difference real?


def _gains(a, b):
    return a.astype(float) - b


def _draws(a, b, seed, count=1000, size=None):
    rng, gains = np.random.default_rng(seed), _gains(a, b)
    return np.array([gains[rng.integers(0, len(a), size or len(a))].mean() for _ in range(count)])


def by_loop(a, b, seed):
    return (_gains(a, b).mean(), *np.quantile(_draws(a, b, seed), [0.025, 0.975]))


def by_percentile(a, b, seed):
    low, high = np.percentile(_draws(a, b, seed), [2.5, 97.5])
    return [a.mean() - b.mean(), low, high]


def by_the_course(a, b, seed):
    return intervals.bootstrap(lambda x, y: x.mean() - y.mean(), a, b, seed=seed, resamples=1000)


def all_at_once(a, b, seed):
    rows = np.random.default_rng(seed).integers(0, len(a), (1000, len(a)))
    return np.array([_gains(a, b).mean(), *np.quantile(_gains(a, b)[rows].mean(axis=1), [0.025, 0.975])])


def by_deviation(a, b, seed):
    deviation = _draws(a, b, seed).std()
    return _gains(a, b).mean(), _gains(a, b).mean() - 1.96 * deviation, _gains(a, b).mean() + 1.96 * deviation


def percent_of_percent(a, b, seed):
    return (_gains(a, b).mean(), *np.percentile(_draws(a, b, seed), [0.025, 0.975]))


def each_its_own_rows(a, b, seed):
    rng, n = np.random.default_rng(seed), len(a)
    draws = [a[rng.integers(0, n, n)].mean() - b[rng.integers(0, n, n)].mean() for _ in range(1000)]
    return (a.mean() - b.mean(), *np.quantile(draws, [0.025, 0.975]))


def generator_in_the_loop(a, b, seed):
    n = len(a)
    draws = [_gains(a, b)[np.random.default_rng(seed).integers(0, n, n)].mean() for _ in range(1000)]
    return (a.mean() - b.mean(), *np.quantile(draws, [0.025, 0.975]))


def without_repeats(a, b, seed):
    rng = np.random.default_rng(seed)
    draws = [_gains(a, b)[rng.permutation(len(a))].mean() for _ in range(1000)]
    return (a.mean() - b.mean(), *np.quantile(draws, [0.025, 0.975]))


def deviation_of_one_picture(a, b, seed):
    gains = _gains(a, b)
    return gains.mean(), gains.mean() - 1.96 * gains.std(), gains.mean() + 1.96 * gains.std()


def unseeded(a, b, seed):
    return by_loop(a, b, int(_fresh.integers(10**6)))


DIFFERENCE = Exercise(
    "01_training",
    "1.2",
    "test_difference",
    right=[by_loop, by_percentile, by_the_course, all_at_once, by_deviation],
    wrong=[
        (lambda a, b, seed: by_loop(a, b, 3), "every seed gives the same interval"),
        (unseeded, "the same seed must give the same interval"),
        (lambda a, b, seed: (_gains(a, b).mean(), *np.quantile(_draws(a, b, seed, 60), [0.025, 0.975])), "1,000 draws"),
        (percent_of_percent, "np.percentile counts from 0 to 100"),
        (each_its_own_rows, "does one draw of row numbers serve A and B"),
        (generator_in_the_loop, "before the loop"),
        (without_repeats, "with repeats"),
        (lambda a, b, seed: (_gains(a, b).mean(), *np.quantile(_draws(a, b, seed), [0.05, 0.95])), "0.025 and 0.975"),
        (lambda a, b, seed: by_loop(b, a, seed), "B minus A"),
        (lambda a, b, seed: 100 * np.array(by_loop(a, b, seed)), "points"),
        (lambda a, b, seed: by_loop(a, b, seed)[1:], "three numbers"),
        (lambda a, b, seed: np.roll(by_loop(a, b, seed), -1), "the order is (value, low, high)"),
        (lambda a, b, seed: np.array(by_loop(a, b, seed))[[0, 2, 1]], "low is above high"),
        (deviation_of_one_picture, "every seed gives the same interval"),
    ],
)

# ---- 1.3 two conditions at once

_LIGHT, _WEATHER = ("day", "dusk", "night"), ("clear", "rain", "fog")
# Pictures and wrong answers of each pair: the lowest share is night and rain, the most mistakes are day and clear.
_PICTURES = {(light, weather): 40 for light in _LIGHT for weather in _WEATHER} | {("day", "clear"): 200}
_WRONG = dict.fromkeys(_PICTURES, 4) | {("day", "clear"): 12, ("night", "rain"): 10, ("dusk", "fog"): 1}


def _with_conditions():
    rows = [(*pair, count < _WRONG[pair]) for pair, pictures in _PICTURES.items() for count in range(pictures)]
    table = pd.DataFrame(rows, columns=["light", "weather", "wrong"])
    attributes = table[["light", "weather"]].astype("category")
    return _around(np.zeros(len(table), dtype=np.int64), table["wrong"].to_numpy(), attributes)


def _without_conditions():
    labels = np.repeat(np.arange(3), [20, 20, 60])
    wrong = np.concatenate([np.arange(20) < 5, np.arange(20) < 1, np.arange(60) < 6])
    return _around(labels, wrong, pd.DataFrame(index=range(100)))


def _around(labels, wrong, attributes):
    probabilities = np.zeros((len(labels), 4), np.float32)
    probabilities[np.arange(len(labels)), np.where(wrong, 3, labels)] = 1
    split = SimpleNamespace(labels=labels, attributes=attributes)
    data = SimpleNamespace(test=split, class_names=("shirt", "coat", "bag"))
    return {
        "data": data,
        "probabilities": probabilities,
        "slices_of": function_of("01_training", "slices_of", data=data),
    }


PAIR = Exercise(
    "01_training",
    "1.3",
    "test_worst_pair",
    right=[("night", "rain"), ["rain", "night"], np.array(["night", "rain"]), ("light: night", "weather: rain")],
    wrong=[
        (("dusk", "fog"), "this is the highest share"),
        (("day", "clear"), "compare shares, not numbers"),
        (("night", "fog"), "and another group has less"),
        (("night",), "a light and a weather"),
        ("night and rain", "a light and a weather"),
        (("night", "rain", 10), "a light and a weather"),
        ((2, 1), "a light and a weather"),
        (0.75, "a light and a weather"),
    ],
    around=_with_conditions,
)

CLASS = Exercise(
    "01_training",
    "1.3 where no conditions are known",
    "test_worst_pair",
    right=["shirt", ("shirt",), np.array("shirt"), "class: shirt"],
    wrong=[
        ("coat", "this is the highest share"),
        ("bag", "compare shares, not numbers"),
        ("trousers", "the name of one class"),
        (0, "the name of one class"),
        (("day", "rain"), "the name of one class"),
    ],
    around=_without_conditions,
)

EXERCISES = [SPLIT, DIFFERENCE, PAIR, CLASS]
