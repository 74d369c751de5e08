"""What was measured: one record for each headline number, and the bands that a record must lie in.

A notebook makes one :class:`Scorecard` and calls :meth:`Scorecard.record`. The records of all notebooks stand in
``build/scorecard.json``; the capstone, the service and its metrics read that file.
"""

from helpers.scorecard.records import (
    AXES,
    BUDGETS,
    DIRECTIONS,
    Band,
    Record,
    Scorecard,
    check,
    default_path,
    read,
    read_bands,
    to_frame,
)

__all__ = [
    "AXES",
    "BUDGETS",
    "DIRECTIONS",
    "Band",
    "Record",
    "Scorecard",
    "check",
    "default_path",
    "read",
    "read_bands",
    "to_frame",
]
