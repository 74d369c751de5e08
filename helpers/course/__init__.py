"""The course's machinery: builds the notebooks, checks exercises, runs everything and reports.

``layout`` says where things lie, ``build`` and ``lint`` make and check the notebooks, ``exercises`` is what check cells
call, ``run`` and ``worker`` execute, ``report`` judges the results; ``bands``, ``measure`` and ``tables`` make bands of
seeds, stored numbers and the tables of the pages. The command ``vigilant`` is ``helpers.cli``.
"""
