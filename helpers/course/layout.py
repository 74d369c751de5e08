"""Where the notebooks lie, what their cells' tags mean, and what a source file says about itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from helpers.cache import course_root
from helpers.errors import CourseError, did_you_mean

PARAMETERS = "parameters"
CHECK = "check"
DEEPER = "deeper"
CHECKED_OUTPUT = "nbval-check-output"
DEEPER = "deeper"
EXERCISES = ("exercise-use", "exercise-build", "exercise-bug")

_NAME = re.compile(r"\d\d_[a-z0-9_]+")


def notebooks_folder() -> Path:
    """Find the folder ``notebooks/`` of the checkout.

    Returns
    -------
    pathlib.Path
        The folder with the student notebooks, ``source/`` and ``solutions/``.

    Raises
    ------
    CourseError
        If the package was installed without a checkout.
    """
    root = course_root()
    if root is None:
        raise CourseError(
            "this package was installed without the course's notebooks. Clone the repository, run 'make course' there "
            "once, and use the command in that folder."
        )
    return root / "notebooks"


def sources(folder: Path | None = None) -> list[Path]:
    """List the files that authors edit, in the order of the course.

    Parameters
    ----------
    folder : pathlib.Path, optional
        A folder ``notebooks/``; the checkout's if not given.

    Returns
    -------
    list of pathlib.Path
        ``source/NN_topic.py``, sorted by number.
    """
    folder = notebooks_folder() if folder is None else folder
    return sorted(path for path in (folder / "source").glob("*.py") if _NAME.fullmatch(path.stem))


def student_path(source: Path) -> Path:
    """Name the notebook that students open.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py``.

    Returns
    -------
    pathlib.Path
        ``notebooks/NN_topic.ipynb``.
    """
    return source.parent.parent / f"{source.stem}.ipynb"


def solution_path(source: Path) -> Path:
    """Name the notebook that instructors open.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py``.

    Returns
    -------
    pathlib.Path
        ``notebooks/solutions/NN_topic.ipynb``.
    """
    return source.parent.parent / "solutions" / f"{source.stem}.ipynb"


def companion_sources(folder: Path | None = None) -> list[Path]:
    """List the files that authors edit of the notebooks in environments of their own.

    Parameters
    ----------
    folder : pathlib.Path, optional
        A folder ``notebooks/``; the checkout's if not given.

    Returns
    -------
    list of pathlib.Path
        ``companions/NAME/source.py``, sorted by name.
    """
    folder = notebooks_folder() if folder is None else folder
    return sorted((folder / "companions").glob("*/source.py"))


def companion_path(source: Path) -> Path:
    """Name the notebook that is made of a companion's source.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/companions/NAME/source.py``.

    Returns
    -------
    pathlib.Path
        ``notebooks/companions/NAME/NAME_companion.ipynb``.
    """
    return source.with_name(f"{source.parent.name}_companion.ipynb")


def select(wanted: list[str], folder: Path | None = None) -> list[Path]:
    """Find the sources that a person means by ``04``, ``4``, ``04_gradcam`` or a path that ends in it.

    Parameters
    ----------
    wanted : list of str
        What was typed; empty means all.
    folder : pathlib.Path, optional
        A folder ``notebooks/``; the checkout's if not given.

    Returns
    -------
    list of pathlib.Path
        Sources, each once, in the order of the course.

    Raises
    ------
    CourseError
        If one is unknown (with the nearest names), or there is none at all.
    """
    known = sources(folder)
    if not known:
        raise CourseError(f"there is no notebook source in {(folder or notebooks_folder()) / 'source'}")
    chosen = [_find(name, known) for name in wanted] if wanted else known
    return sorted(set(chosen))


def _find(name: str, known: list[Path]) -> Path:
    stem = Path(name).stem
    for source in known:
        number, _, topic = source.stem.partition("_")
        if stem in (source.stem, topic) or (stem.isdecimal() and int(stem) == int(number)):
            return source
    stems = [source.stem for source in known]
    raise CourseError(f"there is no notebook {name!r}.{did_you_mean(stem, stems)} There are: {', '.join(stems)}")


def tags(cell: Any) -> list[str]:
    """List the tags of a cell.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        A cell.

    Returns
    -------
    list of str
        Its tags; empty where it has none.
    """
    return list(cell.metadata.get("tags", []))


def first_line(cell: Any) -> str:
    """Name a cell in a message by its first line that is not blank.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        A cell.

    Returns
    -------
    str
        At most 80 characters.
    """
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
    return lines[0][:80] if lines else "(an empty cell)"


def parameters(cells: list[Any]) -> dict[str, Any]:
    """Read the defaults in the cell tagged ``parameters``.

    Parameters
    ----------
    cells : list of nbformat.NotebookNode
        The cells of a notebook.

    Returns
    -------
    dict of str to object
        Value by name, of the lines that assign a plain value.

    Raises
    ------
    CourseError
        If there is not exactly one such cell.
    """
    found = [cell for cell in cells if cell.cell_type == "code" and PARAMETERS in tags(cell)]
    if len(found) != 1:
        raise CourseError(
            f"{len(found) or 'no'} cells are tagged {PARAMETERS!r} and there must be exactly one: without it "
            "papermill would set the parameters before the notebook's own lines, which then undo them"
        )
    values = {}
    try:
        statements = ast.parse(found[0].source).body
    except SyntaxError as error:
        raise CourseError(f"the cell tagged {PARAMETERS!r} is not Python: {error}") from None
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                values[statement.targets[0].id] = ast.literal_eval(statement.value)
            except ValueError:
                continue  # computed, so no value of its own to report
    return values
