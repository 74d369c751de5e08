"""What a measurement is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from helpers.intervals import Estimate
from helpers.scorecard.fields import Bounds

Given = Estimate | NDArray[Any]
"""What a metric came to: an estimate; or case by case, an array of bool for a share and of numbers for a mean."""


@dataclass(frozen=True)
class Measurement:
    """Something that is measured once, at full size, and repeated by the tests at toy size.

    Attributes
    ----------
    question : str
        What its numbers answer, in one line.
    run : callable
        Takes sizes and a seed, returns by metric an estimate, or what each case came to: an array of bool, of which the
        share is meant, or of numbers, of which the mean is. Cases of the toy size are stored one by one, and the tests
        compare them one by one. The same metrics whatever the size and the seed.
    full, toy : mapping of str to int
        The sizes: minutes or hours, and a few seconds.
    bounds : mapping of str to (float or None, float or None)
        What each metric can be.
    seeds : tuple of int
        What it is measured with: five, or three where one seed takes a quarter of an hour.
    """

    question: str
    run: Callable[[Mapping[str, int], int], Mapping[str, Given]]
    full: Mapping[str, int]
    toy: Mapping[str, int]
    bounds: Mapping[str, Bounds]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
