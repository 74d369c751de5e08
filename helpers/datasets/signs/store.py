"""From arrays by name, as they are stored, to a split of signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from numpy.typing import NDArray

from helpers.datasets.base import Split

from .conditions import Plan


def as_split(arrays: Mapping[str, NDArray]) -> Split:
    """The split that some arrays stand for.

    Parameters
    ----------
    arrays : mapping of str to numpy.ndarray
        From :func:`helpers.datasets.store.as_arrays`, all of its rows or some.

    Returns
    -------
    Split
        Pictures, labels, attributes and masks.
    """
    plan = Plan(**{field.name: arrays[f"plan.{field.name}"] for field in fields(Plan)})
    masks = {"sign": arrays["sign"], "evidence": arrays["evidence"]}
    return Split(arrays["pixels"], plan.labels, plan.attributes(), masks)
