"""From arrays by name, as they are stored, to a split of streets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from numpy.typing import NDArray

from helpers.datasets.base import Split

from .conditions import Plan


def as_split(arrays: Mapping[str, NDArray]) -> Split:
    """The split that some arrays, as they are stored, stand for."""
    plan = Plan(**{field.name: arrays[f"plan.{field.name}"] for field in fields(Plan)})
    masks = {"person": arrays["person"], "skin": arrays["skin"]}
    return Split(arrays["pixels"], plan.labels, plan.attributes(arrays["contrast"]), masks)
