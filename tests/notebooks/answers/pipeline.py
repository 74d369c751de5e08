"""Answers to the exercises of notebook 12: a digest, a gate that misses what nobody measured, an audit of a file."""

import hashlib
from copy import deepcopy

import numpy as np

from tests.notebooks.answers import Exercise

# ---- 12.1

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
LABELS = np.arange(5)


def digest(pixels, labels=LABELS, name="sha256"):
    return hashlib.new(name, pixels.tobytes() + labels.tobytes()).hexdigest()


def brighter(by=1, picture=0):
    changed = PIXELS.copy()
    changed[picture, 0, 0, 0] += by
    return changed


def in_two_parts():
    made = hashlib.sha256(brighter().tobytes())
    made.update(LABELS.tobytes())
    return made.hexdigest()


def by_arithmetic():
    changed = PIXELS.astype(int)
    changed[0, 0, 0, 0] = (changed[0, 0, 0, 0] + 1) % 256
    return digest(changed.astype(np.uint8))


def around_pixels():
    return {"pixels": PIXELS.copy(), "labels": LABELS.copy(), "first_pixel": PIXELS[:1].copy(), "hashlib": hashlib}


# ---- 12.2


def over_what_is_asked(asked, records):
    kept = [metric in records and records[metric][0] >= asked[metric] for metric in asked]
    return "go" if kept and all(kept) else "stop"


def with_a_loop(asked, records):
    if not asked:
        return "stop"
    for metric, bound in asked.items():
        if metric not in records:
            return "stop"
        low, _ = records[metric]
        if not low >= bound:
            return "stop"
    return "go"


def with_get(asked, records):
    reached = sum(records.get(metric, (-np.inf, 0))[0] >= bound for metric, bound in asked.items())
    return "go" if 0 < reached == len(asked) else "stop"


def as_it_was(asked, records):
    kept = [low >= asked[metric] for metric, (low, _) in records.items() if metric in asked]
    return "go" if all(kept) else "stop"


def by_number(asked, records):
    kept = [low >= asked[metric] for metric, (low, _) in records.items() if metric in asked]
    return "go" if kept and all(kept) else "stop"


def of_upper_ends(asked, records):
    return "go" if all(metric in records and records[metric][1] >= asked[metric] for metric in asked) else "stop"


def strictly(asked, records):
    return "go" if all(metric in records and records[metric][0] > asked[metric] for metric in asked) else "stop"


def content_with_nothing(asked, records):
    return "go" if all(metric in records and records[metric][0] >= asked[metric] for metric in asked) else "stop"


def nothing_below(asked, records):
    missing = set(asked) - set(records)
    return "stop" if missing or any(records[metric][0] < asked[metric] for metric in asked) else "go"


# ---- 12.3


def with_a_stack(whole):
    found, to_see = [], [whole["root"]["dag"]["tasks"]]
    while to_see:
        for name, task in to_see.pop().items():
            component = whole["components"][task["componentRef"]["name"]]
            if "dag" in component:
                to_see.append(component["dag"]["tasks"])
            elif "gate" in name and task["cachingOptions"].get("enableCache"):
                found.append(name)
    return found


def as_a_set(whole):
    return set(with_a_stack(whole))


def as_an_array(whole):
    return np.array(with_a_stack(whole))


def outermost(whole):
    tasks = whole["root"]["dag"]["tasks"]
    return [name for name, task in tasks.items() if "gate" in name and task["cachingOptions"].get("enableCache")]


def one_level(whole):
    found = outermost(whole)
    for task in whole["root"]["dag"]["tasks"].values():
        inner = whole["components"][task["componentRef"]["name"]].get("dag", {"tasks": {}})
        found += outermost({"root": {"dag": inner}})
    return found


def any_step(whole):
    return [name for name, task in whole["root"]["dag"]["tasks"].items() if task["cachingOptions"].get("enableCache")]


def by_its_being_there(whole):
    return [name for name, task in whole["root"]["dag"]["tasks"].items() if "gate" in name and task["cachingOptions"]]


def one_name(whole):
    found = outermost(whole)
    return found[0] if found else ""


def turned(whole):
    return [
        name for name, task in whole["root"]["dag"]["tasks"].items() if "gate" in name and not task["cachingOptions"]
    ]


EXERCISES = [
    Exercise(
        notebook="12_pipeline",
        number="12.1",
        test="test_changed_digest",
        right=[digest(brighter()), in_two_parts(), by_arithmetic()],
        wrong=[
            (digest(PIXELS), "as they were"),
            (hashlib.sha256(brighter().tobytes()).hexdigest(), "the labels are part"),
            (digest(brighter(by=2)), "another number was changed"),
            (digest(brighter(picture=1)), "another number was changed"),
            (hashlib.sha256(brighter().tobytes() + LABELS.tobytes()).digest(), "64 hexadecimal digits"),
            (digest(brighter(), name="md5"), "64 hexadecimal digits"),
        ],
        around=around_pixels,
    ),
    Exercise(
        notebook="12_pipeline",
        number="12.2",
        test="test_verdict",
        right=[over_what_is_asked, with_a_loop, with_get],
        wrong=[
            (as_it_was, "one metric was not measured: 'stop' is right"),
            (by_number, "one metric was not measured: 'stop' is right"),
            (of_upper_ends, "one interval reaches below its bound: 'stop' is right"),
            (strictly, "all is kept (a bound that is just reached is kept): 'go' is right"),
            (content_with_nothing, "no bounds at all"),
            (nothing_below, "what was measured is no number: 'stop' is right"),
            (lambda asked, records: with_a_loop(asked, records) == "go", "'go' or 'stop' is wanted"),
        ],
    ),
    Exercise(
        notebook="12_pipeline",
        number="12.3",
        test="test_cached_gates",
        right=[with_a_stack, as_a_set, as_an_array],
        wrong=[
            (outermost, "a gate in a sub-pipeline: ['gate'] is right"),
            (one_level, "a gate in a sub-pipeline of a sub-pipeline: ['gate'] is right"),
            (any_step, "a gate whose caching is off: [] is right"),
            (by_its_being_there, "caching that is False: [] is right"),
            (one_name, "a list of names is wanted"),
            (turned, "a gate whose caching is off: [] is right"),
        ],
        around=lambda: {"deepcopy": deepcopy},
    ),
]
