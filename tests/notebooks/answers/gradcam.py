"""Answers to the exercises of notebook 04."""

from types import SimpleNamespace

import numpy as np

from helpers import explain
from helpers.intervals import Estimate
from tests.notebooks.answers import Exercise

# ---- 4.1: planted maps, no network. Of 64 pictures and five classes, so many have an empty map.

CHANCES = np.random.default_rng(0).random((64, 5)).astype(np.float32)
BY_RANK = np.argsort(CHANCES, axis=1)
EMPTY = {0: 40, 1: 20, 2: 15, 3: 10, 4: 2}  # from the least likely class to the first answer
TRUTH = BY_RANK[np.arange(64), np.where(np.arange(64) < 32, 1, 4)]


def planted_maps():
    maps = np.random.default_rng(1).normal(size=(64, 5, 4, 4))
    maps[..., 0, 0] = 1  # something speaks for it
    for rank, count in EMPTY.items():
        maps[np.arange(count), BY_RANK[:count, rank]] = -1
    return maps


MAPS = planted_maps()
LEAST = MAPS[np.arange(64), BY_RANK[:, 0]]
TRUE_EMPTY = (MAPS[np.arange(64), TRUTH] <= 0).all(axis=(1, 2)).mean()


def notebook_of_planted_maps():
    def gradcam_maps(model):
        return lambda images, asked: MAPS[np.arange(64), asked]

    return {
        "model": None,
        "images": np.zeros((70, 8, 8, 3), np.float32),
        "labels": np.append(TRUTH, np.zeros(6, int)),
        "predict": lambda images: CHANCES,
        "explain": SimpleNamespace(gradcam_maps=gradcam_maps),
    }


# ---- 4.2


def by_a_loop(drawn, mask):
    best = sorted(((value, inside) for value, inside in zip(drawn.flat, mask.flat, strict=True)), reverse=True)
    return sum(inside for _, inside in best[: int(mask.sum())]) / int(mask.sum())


def by_partition(drawn, mask):
    highest = np.argpartition(drawn.ravel(), -mask.sum())[-mask.sum() :]
    return [mask.ravel()[highest].sum() / mask.sum()]


def by_threshold(drawn, mask):
    limit = np.sort(drawn, axis=None)[::-1][mask.sum() - 1]
    return np.array((drawn >= limit)[mask].mean())


def as_an_estimate(drawn, mask):
    return Estimate(by_threshold(drawn, mask), 0.0, 1.0, int(mask.sum()))


def highest_of(drawn, size):
    return np.argsort(-drawn.ravel())[:size]


# ---- 4.3


def deleted(follow, order=lambda drawn: np.argsort(-drawn, axis=None), paint=lambda image: image.mean(axis=(0, 1))):
    """A deletion that follows this, in this order, with this paint."""

    def curve(predict, image, label, drawn, steps):
        painted, found = image.copy(), [follow(predict(image[None])[0], label)]
        for bunch in np.array_split(order(drawn), steps):
            painted.reshape(-1, image.shape[-1])[bunch] = paint(image)
            found.append(follow(predict(painted[None])[0], label))
        return np.array(found)

    return curve


def of_class(chances, label):
    return chances[label]


def all_at_once(predict, image, label, drawn, steps):
    place = np.argsort(np.argsort(-drawn, axis=None)).reshape(drawn.shape)
    stages = [
        np.where((place < drawn.size * step // steps)[..., None], image.mean(axis=(0, 1)), image)
        for step in range(steps + 1)
    ]
    return list(predict(np.stack(stages))[:, label])


def by_the_course(predict, image, label, drawn, steps):
    return explain.deletion(predict, image[None], [label], drawn[None], steps=steps)


def on_the_picture_itself(predict, image, label, drawn, steps):
    found = [predict(image[None])[0, label]]
    colour = image.mean(axis=(0, 1))
    for bunch in np.array_split(np.argsort(-drawn, axis=None), steps):
        image.reshape(-1, image.shape[-1])[bunch] = colour
        found.append(predict(image[None])[0, label])
    return found


def one_bunch_at_a_time(predict, image, label, drawn, steps):
    found = [predict(image[None])[0, label]]
    for bunch in np.array_split(np.argsort(-drawn, axis=None), steps):
        painted = image.copy()
        painted.reshape(-1, image.shape[-1])[bunch] = image.mean(axis=(0, 1))
        found.append(predict(painted[None])[0, label])
    return found


EXERCISES = [
    Exercise(
        "04_gradcam",
        "4.1",
        "test_empty_share",
        right=[0.625, np.float32(0.625), np.array([0.625]), [0.63], 39 / 64, Estimate(0.625, 0.5, 0.73, 64)],
        wrong=[
            (40, "divide the count by the 64 pictures"),
            (62.5, "not percent"),
            (40, "divide the count by the 64"),
            (0.0, "of *each* map"),
            (LEAST.max(axis=(1, 2)) <= 0, "one number is asked for"),
            (float((LEAST <= 0).mean()), "share of places"),
            (EMPTY[3] / 64, "for the second answer"),
            (EMPTY[4] / 64, "for the first answer"),
            (float(TRUE_EMPTY), "for the true class"),
            (1 - 0.625, "something left"),
            (0.5, "nowhere above 0"),
        ],
        around=notebook_of_planted_maps,
    ),
    Exercise(
        "04_gradcam",
        "4.2",
        "test_relevance_rank",
        right=[by_a_loop, by_partition, by_threshold, as_an_estimate],
        wrong=[
            (lambda drawn, mask: drawn[mask].sum() / drawn.sum(), "relevance mass"),
            (lambda drawn, mask: mask.ravel()[np.argsort(drawn.ravel())[: mask.sum()]].mean(), "lowest"),
            (lambda drawn, mask: mask.ravel()[highest_of(drawn, mask.sum())].sum(), "divide by K"),
            (lambda drawn, mask: mask.ravel()[highest_of(drawn, mask.sum())].sum() / mask.size, "not by those of the"),
            (lambda drawn, mask: mask.ravel()[highest_of(drawn, 10)].mean(), "K from the mask"),
            (lambda drawn, mask: mask.ravel()[highest_of(drawn, mask.sum())], "one number is asked for"),
            (lambda drawn, mask: by_a_loop(np.rint(drawn), mask), "stretching changes nothing"),
            (lambda drawn, mask: by_a_loop(np.abs(drawn), mask), "farthest from 0"),
        ],
    ),
    Exercise(
        "04_gradcam",
        "4.3",
        "test_repaired_deletion",
        right=[deleted(of_class), all_at_once, by_the_course],
        wrong=[
            (deleted(lambda chances, label: chances.max()), "follows whichever class is ahead"),
            (deleted(lambda chances, label: chances[0]), "the first point is for the whole picture"),
            (deleted(of_class, order=lambda drawn: np.argsort(drawn, axis=None)), "*lowest*"),
            (deleted(of_class, paint=lambda image: 0), "painted black"),
            (deleted(of_class, paint=lambda image: image.mean() / 2), "at the end all pixels"),
            (deleted(of_class, order=lambda drawn: np.arange(drawn.size)), "it begins and ends right"),
            (on_the_picture_itself, "paint on a copy"),
            (one_bunch_at_a_time, "at the end all pixels"),
            (lambda *given: deleted(of_class)(*given)[1:], "a curve of 9 points"),
        ],
    ),
]
