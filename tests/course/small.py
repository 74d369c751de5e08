"""Notebooks of a few lines, made for one test."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PARAMETERS = 'dataset = "none"\nbudget = "quick"\nseed = 0'


def code(source, *tags, shows=None):
    """A code cell; with an output stored that nbval compares."""
    cell = new_code_cell(source, metadata={"tags": list(tags)})
    if shows is not None:
        cell.metadata.tags.append("nbval-check-output")
        cell.outputs = [new_output("stream", text=shows)]
        cell.execution_count = 1
    return cell


def write_notebook(folder, name, *cells):
    """A notebook with a heading, the parameters and these cells (text is code)."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    notebook = new_notebook(cells=[new_markdown_cell(f"# {name}"), code(PARAMETERS, "parameters"), *made])
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path
