"""A bar for what takes longer than five seconds."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import TypeVar

from tqdm import tqdm

_SECONDS_BEFORE_A_BAR = 5
T = TypeVar("T")


def with_bar(things: Collection[T], what: str) -> Iterator[T]:
    """Go through things, with a progress bar from the sixth second on.

    Parameters
    ----------
    things : collection
        What to go through.
    what : str
        What the bar says it counts.

    Returns
    -------
    iterator
        The same things. The bar is plain text on the output stream and leaves nothing behind.
    """
    return iter(
        tqdm(things, desc=what, delay=_SECONDS_BEFORE_A_BAR, leave=False, file=sys.stdout, ncols=80, mininterval=1)
    )
