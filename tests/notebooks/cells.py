"""Functions of a notebook, taken out of its source and tried among objects of the test's own."""

import ast
import functools

import jupytext
import numpy as np
import pandas as pd

from helpers import explain, intervals, models, plotting, uncertainty
from helpers.course import layout
from helpers.course.exercises import check, expect, one_number

# What every notebook imports. All rooms are lazy: naming them loads nothing.
USUAL = {
    "np": np,
    "pd": pd,
    "explain": explain,
    "intervals": intervals,
    "models": models,
    "plotting": plotting,
    "uncertainty": uncertainty,
    "expect": expect,
    "check": check,
    "one_number": one_number,
}


@functools.cache
def functions(notebook):
    """The functions that a notebook's source defines at the top of its cells, by name."""
    [source] = [source for source in layout.sources() if source.stem == notebook]
    cells = jupytext.read(source, fmt="py:percent").cells
    found = {}
    for cell in cells:
        if cell.cell_type == "code" and not cell.source.lstrip().startswith(("%", "!")):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef):
                    found.setdefault(node.name, []).append(node)
    return found


def function_of(notebook, name, **around):
    """One function of a notebook, with these names in place of the notebook's own."""
    found = functions(notebook).get(name, [])
    assert len(found) == 1, f"{notebook} defines {name} {len(found)} times"
    space = {**USUAL, **around}
    exec(compile(ast.Module(found, []), f"{notebook}: {name}", "exec"), space)
    return space[name]
