"""What was measured: one record for each headline number, and the bands that a record must lie in.

A notebook makes one :class:`Scorecard` and calls :meth:`Scorecard.record`. The records of all notebooks stand in
``build/scorecard.json``; the capstone, the service and its metrics read that file.
"""

from helpers.scorecard.bands import Band, check, read_bands
from helpers.scorecard.fields import AXES, BUDGETS, DIRECTIONS, Bounds
from helpers.scorecard.keys import code_key, notebook_key
from helpers.scorecard.records import Record, Scorecard, default_path, read, to_frame

__all__ = [
    "AXES",
    "BUDGETS",
    "DIRECTIONS",
    "Band",
    "Bounds",
    "Record",
    "Scorecard",
    "check",
    "code_key",
    "default_path",
    "notebook_key",
    "read",
    "read_bands",
    "to_frame",
]
