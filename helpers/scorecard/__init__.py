"""What was measured: one record for each headline number, and the bands that a record must lie in.

A notebook makes one :class:`Scorecard` and calls :meth:`Scorecard.record`. The records of all notebooks stand in
``build/scorecard.json``; the capstone, the service and its metrics read that file.
"""

from helpers.scorecard.band_files import BandRun, read_bands, read_runs, stale_bands, write_run
from helpers.scorecard.bands import LEAST_SEEDS, RULE, Band, check, ends, make_bands
from helpers.scorecard.fields import AXES, BUDGETS, DIRECTIONS, Bounds
from helpers.scorecard.keys import code_key, notebook_key
from helpers.scorecard.records import Record, Scorecard, default_path, read, to_frame

__all__ = [
    "AXES",
    "BUDGETS",
    "DIRECTIONS",
    "LEAST_SEEDS",
    "RULE",
    "Band",
    "BandRun",
    "Bounds",
    "Record",
    "Scorecard",
    "check",
    "code_key",
    "default_path",
    "ends",
    "make_bands",
    "notebook_key",
    "read",
    "read_bands",
    "read_runs",
    "stale_bands",
    "to_frame",
    "write_run",
]
