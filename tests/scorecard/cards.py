"""Scorecards that keep every threshold, and the ways to spoil one of their records."""

import dataclasses

from helpers.scorecard import Record, Threshold

CODE = "0123456789abcdef"


def good(threshold: Threshold, **changes) -> Record:
    """A record whose whole interval keeps its threshold; its value is two hundredths of the bound away."""
    if threshold.low_at_least is not None and threshold.high_at_most is not None:
        value = (threshold.least + threshold.most) / 2
        half = (threshold.most - threshold.least) / 4
        direction = "higher"
    else:
        bound = threshold.most if threshold.low_at_least is None else threshold.least
        half = 0.01 * abs(bound)
        value, direction = (
            (bound - 2 * half, "lower") if threshold.low_at_least is None else (bound + 2 * half, "higher")
        )
    about = {name: getattr(threshold, name) for name in ("axis", "metric", "dataset", "model", "notebook")}
    measured = {"value": value, "low": value - half, "high": value + half, "n": 400, "direction": direction}
    made = {"seed": 10, "budget": "quick", "model_digest": f"weights of {threshold.model}", "code": CODE}
    return Record(**{**about, **measured, **made, **changes})


def good_card(thresholds) -> list[Record]:
    """A record for each threshold, all of them kept."""
    return [good(threshold) for threshold in thresholds]


def moved(record: Record, by: float) -> Record:
    """The same record with its whole interval elsewhere."""
    return dataclasses.replace(record, value=record.value + by, low=record.low + by, high=record.high + by)


def ends(threshold: Threshold) -> list[str]:
    """Which ends of an interval a threshold looks at: its low one, its high one, or both."""
    return [
        name
        for name in ("low", "high")
        if getattr(threshold, {"low": "low_at_least", "high": "high_at_most"}[name]) is not None
    ]


def beyond(threshold: Threshold, end: str, by: float) -> Record:
    """A record that lies wholly beyond its bound, the nearer end of it by this much."""
    record = good(threshold)
    return moved(record, threshold.least - by - record.high if end == "low" else threshold.most + by - record.low)


def across(threshold: Threshold, end: str, by: float) -> Record:
    """A record whose value keeps the bound and whose end does not, by this much."""
    record = good(threshold)
    return dataclasses.replace(record, **{end: threshold.least - by if end == "low" else threshold.most + by})


def touching(threshold: Threshold, end: str, by: float) -> Record:
    """A record whose end keeps the bound by this much, and by none at 0."""
    record = good(threshold)
    return dataclasses.replace(record, **{end: threshold.least + by if end == "low" else threshold.most - by})
