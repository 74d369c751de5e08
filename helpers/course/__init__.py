"""The course's machinery: builds the notebooks, checks exercises, runs everything and reports.

``layout`` says where things lie, ``build`` and ``lint`` make and check the notebooks, ``exercises`` is what check cells
call, ``run`` and ``worker`` execute, ``report`` judges the results. The command ``vigilant`` is ``helpers.cli``.
"""

import sys

# jsonschema, which nbformat brings, would import this only to check addresses in a format that no notebook uses, and
# that import compiles a grammar for three seconds, in every process. Where it is missing, jsonschema does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
