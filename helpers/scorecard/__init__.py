"""What was measured: one record for each headline number, and the bands that a record must lie in.

A notebook makes one :class:`Scorecard` and calls :meth:`Scorecard.record`. The records of all notebooks stand in
``build/scorecard.json``; the capstone, the service and its metrics read that file. ``records`` writes and reads it,
``bands`` says between what a record must lie, ``band_files`` keeps that in ``tests/bands/``, ``measured`` what is
measured once in ``tests/measured/``, and ``keys`` names the code that a number was made by. ``thresholds`` (and
``thresholds.yaml``) is what is asked before a release, ``verdicts`` the arithmetic of one record against it,
``decision`` the verdict on all of them, and ``decision_pages`` shows it. ``safety_case`` says what a release would
claim on these records, and ``stored_runs`` keeps the runs whose verdict was taken once.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
