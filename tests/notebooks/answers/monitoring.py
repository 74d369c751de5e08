"""Answers to the exercises of notebook 11: the afternoon's share, a mean run, an estimate that cannot fall."""

import numpy as np
import pandas as pd

from helpers.intervals import Estimate
from tests.notebooks.answers import Exercise
from tests.notebooks.cells import function_of

# ---- 11.1

PICTURES, STRANGE = "vigilant_pictures_total", "vigilant_strange_pictures_total"


def page(stop, yields, strange):
    lines = [f'{PICTURES}{{class_name="stop"}} {stop}.0', f'{PICTURES}{{class_name="yield"}} {yields}.0']
    return "\n".join([*lines, f"{STRANGE} {strange}.0"])


def around_pages():
    return {
        "morning": page(60, 40, 5),
        "evening": page(200, 200, 26),
        "value_of": function_of("11_monitoring", "value_of"),
    }


# ---- 11.2


def with_a_loop(first, days):
    rung = watched = 0
    for day in first:
        rung += day <= days
        watched += min(day, days)
    return watched / rung if rung else float("inf")


def with_pandas(first, days):
    days_seen = pd.Series(first).clip(upper=days)
    rung = int(np.isfinite(first).sum())
    return np.inf if rung == 0 else days_seen.sum() / rung


def as_estimate(first, days):
    value = with_a_loop(first, days)
    return Estimate(value, value, value, len(first))


def dropped(first, days):
    kept = first[np.isfinite(first)]
    return kept.mean() if len(kept) else np.inf


def cut(first, days):
    return np.minimum(first, days).mean()


def over_all(first, days):
    return len(first) * days / max(np.isfinite(first).sum(), 1)


def blind_to_none(first, days):
    return np.minimum(first, days).sum() / max(np.isfinite(first).sum(), 1)


def a_chance(first, days):
    return 1 / with_a_loop(first, days)


# ---- 11.3


def mended(usual, today, usual_accuracy):
    return usual_accuracy + today.mean() - usual.mean()


def overconfident(usual, today, usual_accuracy):
    return np.mean(today) - (np.mean(usual) - usual_accuracy)


def with_averages(usual, today, usual_accuracy):
    return [usual_accuracy + np.average(today) - np.average(usual)]


def as_it_was(usual, today, usual_accuracy):
    standardised = (today - today.mean()) / today.std()
    return usual_accuracy + (standardised * usual.std() + usual.mean()).mean() - usual.mean()


def turned(usual, today, usual_accuracy):
    return usual_accuracy + usual.mean() - today.mean()


def by_usual(usual, today, usual_accuracy):
    return usual_accuracy + ((today - usual.mean()) / usual.std()).mean()


def no_change(usual, today, usual_accuracy):
    return usual_accuracy


EXERCISES = [
    Exercise(
        notebook="11_monitoring",
        number="11.1",
        test="test_strange_share",
        right=[0.07, np.float64(21 / 300), [0.07]],
        wrong=[
            (26 / 400, "since the service began"),
            (21.0, "this is how many; of how many?"),
            (26.0, "not the afternoon's share"),
            (5 / 100, "not the afternoon's share"),
            (7.0, "this is percent"),
        ],
        around=around_pages,
    ),
    Exercise(
        notebook="11_monitoring",
        number="11.2",
        test="test_mean_run",
        right=[with_a_loop, with_pandas, as_estimate],
        wrong=[
            (dropped, "you dropped the months without an alarm"),
            (cut, "divide by the number of alarms"),
            (over_all, "every month rings: it is 6"),
            (blind_to_none, "nothing ever rings: it is inf"),
            (a_chance, "every month rings: it is 6"),
        ],
    ),
    Exercise(
        notebook="11_monitoring",
        number="11.3",
        test="test_estimate",
        right=[mended, overconfident, with_averages],
        wrong=[
            (as_it_was, "you still answer the usual accuracy"),
            (no_change, "you still answer the usual accuracy"),
            (turned, "the same days: "),
            (by_usual, "the same days: "),
            (lambda usual, today, usual_accuracy: today.mean(), "the same days: "),
        ],
    ),
]
