"""What a measurement is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from helpers.intervals import Estimate
from helpers.scorecard.fields import Bounds


@dataclass(frozen=True)
class Measurement:
    """Something that is measured once, at full size, and repeated by the tests at toy size.

    Attributes
    ----------
    question : str
        What its numbers answer, in one line.
    run : callable
        Takes sizes and a seed, returns an estimate by metric; the same metrics whatever the size and the seed.
    full, toy : mapping of str to int
        The sizes: minutes or hours, and a few seconds.
    bounds : mapping of str to (float or None, float or None)
        What each metric can be.
    """

    question: str
    run: Callable[[Mapping[str, int], int], Mapping[str, Estimate]]
    full: Mapping[str, int]
    toy: Mapping[str, int]
    bounds: Mapping[str, Bounds]
