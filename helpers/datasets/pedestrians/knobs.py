"""The knobs of the two planted causes, read and checked."""

from __future__ import annotations

import numpy as np

from helpers.datasets.checks import check_share
from helpers.errors import DatasetError

from .conditions import LACKING


def lacking_share(thin: bool | float) -> float:
    """Read the knob `thin` of :func:`helpers.datasets.pedestrians.load` as a share, or refuse it."""
    if isinstance(thin, bool | np.bool_):
        return LACKING if thin else 0.0
    check_share("thin", thin)
    return float(thin)


def check_low_contrast(low_contrast: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(low_contrast, bool | np.bool_):
        raise DatasetError(f"low_contrast must be True or False, got {low_contrast!r}.")
