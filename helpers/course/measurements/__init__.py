"""What is measured once: one file for each, with the function, its two sizes and what its numbers can be.

A file holds ``MEASUREMENT``, a :class:`helpers.course.measurements.base.Measurement`, and is named as the command names
it: ``vigilant measure interval_coverage`` runs ``interval_coverage.py``. Each stands alone, because the key of its code
covers the file and what it imports: a change to one measurement makes no other stale.
"""
