"""Makes the student and the solution notebook from a source file, and tells when they no longer fit it.

jupytext reads the source (py:percent) and nbgrader's ClearSolutions takes the solutions out. What is made is the same
to the last byte on every machine: cell ids come from the cells' content, and the metadata are fixed. A made file
carries a digest of its cells, so that one that a person has written in is recognised and never overwritten by accident.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from helpers.cache import written_whole
from helpers.course import companions, markers
from helpers.course.layout import (
    CHECK,
    CHECKED_OUTPUT,
    companion_path,
    solution_path,
    sources,
    student_path,
    tags,
)
from helpers.course.markers import BEGIN, END
from helpers.errors import CourseError

CODE_STUB = "pass  # your answer here"
TEXT_STUB = "*Your answer here.*"
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def solution(source: Path) -> Any:
    """Make the solution notebook of a source, without outputs.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py``.

    Returns
    -------
    nbformat.NotebookNode
        All cells, solutions included, without the marker lines.

    Raises
    ------
    CourseError
        If the file is missing, a solution's markers do not pair, or a line looks like a marker and is none.
    """
    notebook = _read(source)
    for cell in notebook.cells:
        cell.source = markers.without_markers(cell.source)
    return _signed(notebook)


def student(source: Path) -> Any:
    """Make the student notebook of a source: each solution replaced by a stub.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py``.

    Returns
    -------
    nbformat.NotebookNode
        The same cells with the same ids as in :func:`solution`.

    Raises
    ------
    CourseError
        If the file is missing, a solution's markers do not pair, or a line looks like a marker and is none.
    """
    # Here and not above: it brings a database layer along that takes seconds to load.
    try:
        from nbgrader.preprocessors import ClearSolutions
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "nbgrader":
            raise
        raise CourseError(
            "making notebooks needs nbgrader, which authors have and students do not: run 'make build' once, or "
            "'make .venv/.authors'"
        ) from None

    clear = ClearSolutions(
        code_stub={"python": CODE_STUB},
        text_stub=TEXT_STUB,
        begin_solution_delimeter=BEGIN,
        end_solution_delimeter=END,
        enforce_metadata=False,
    )
    notebook, _ = clear.preprocess(_read(source), {})
    return _signed(notebook)


def companion(source: Path) -> Any:
    """Make the notebook of a companion, for the kernel of its folder's name.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/companions/NAME/source.py``.

    Returns
    -------
    nbformat.NotebookNode
        All cells, without outputs.

    Raises
    ------
    CourseError
        If the file is missing.
    """
    notebook = _read(source)
    name = source.parent.name
    notebook.metadata["kernelspec"] |= {
        "display_name": companions.read(name).title,
        "name": companions.kernel_name(name),
    }
    return _signed(notebook)


def build(source: Path, *, replace_edited: bool = False) -> list[Path]:
    """Write the notebooks of a source: student's and solution, or the one of a companion.

    Outputs that the solution notebook already stores are kept for cells that did not change.

    Parameters
    ----------
    source : pathlib.Path
        ``notebooks/source/NN_topic.py`` or ``notebooks/companions/NAME/source.py``.
    replace_edited : bool
        Whether to replace a notebook in which a person changed cells. What they wrote is lost then.

    Returns
    -------
    list of pathlib.Path
        Notebooks that were left as they are because a person changed cells in them.

    Raises
    ------
    CourseError
        If the source cannot be made into notebooks.
    """
    kept = []
    for path, notebook in _made(source).items():
        if path.exists():
            existing = _read_made(path)
            if _is_edited(existing) and not replace_edited:
                kept.append(path)
                continue
            if path == solution_path(source):
                _carry_outputs(existing, notebook)
        write(path, notebook)
    return kept


def store_outputs(path: Path, executed: Any) -> int:
    """Put the outputs that tests compare into a solution notebook.

    Parameters
    ----------
    path : pathlib.Path
        ``notebooks/solutions/NN_topic.ipynb``.
    executed : nbformat.NotebookNode
        The same notebook after a run.

    Returns
    -------
    int
        How many cells have a checked output now.

    Raises
    ------
    CourseError
        If the run was out of order or is of other cells, or a tagged cell wrote to stderr, gave an error or gave no
        text at all: such an output cannot be compared.
    """
    notebook = _read_made(path)
    by_id = {cell.id: cell for cell in executed.cells}
    counts = [cell.execution_count for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    if None in counts or counts != sorted(set(counts)):
        raise CourseError(f"the run of {path.stem} was not from top to bottom in one go: execute it anew, then store")
    stored = 0
    for position, cell in _checked(notebook):
        run = by_id.get(cell.id)
        if run is None or run.source != cell.source:
            raise CourseError(
                f"{path.name}, cell {position}: the executed notebook has another cell there; run it anew"
            )
        cell.outputs = _comparable(run.outputs, f"{path.name}, cell {position}")
        stored += 1
    _number(notebook)
    write(path, notebook)
    return stored


def write(path: Path, notebook: Any) -> None:
    """Write a notebook, the same bytes for the same content.

    Parameters
    ----------
    path : pathlib.Path
        Where to.
    notebook : nbformat.NotebookNode
        What; it must be valid.
    """
    text = _text(notebook)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return  # an untouched file keeps its time stamp, and an open editor does not ask to reload
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def drift(source: Path) -> list[str]:
    """Tell what differs between the made notebooks and what their source gives now.

    Parameters
    ----------
    source : pathlib.Path
        As for :func:`build`.

    Returns
    -------
    list of str
        One sentence for each difference. The checked outputs of a solution are not compared with the source, which has
        none; a missing one is reported, and so is every other stored output or execution count.
    """
    problems = []
    for path, expected in _made(source).items():
        name = f"{path.parent.name}/{path.name}"
        if not path.exists():
            problems.append(f"{name} is missing: run '{build_command(source)}'")
            continue
        try:
            made = _read_made(path)
        except CourseError as error:
            problems.append(str(error))
            continue
        problems += [f"{name}{problem}" for problem in _stored(made, path == solution_path(source))]
        problems += [f"{name}{problem}" for problem in _differences(made, expected, source)]
    return problems


def orphans(folder: Path | None = None) -> list[str]:
    """Name made notebooks that no source gives.

    Parameters
    ----------
    folder : pathlib.Path, optional
        A folder ``notebooks/``; the checkout's if not given.

    Returns
    -------
    list of str
        One sentence for each.
    """
    found = sources(folder)
    if not found:
        return []
    top = found[0].parent.parent
    known = {source.stem for source in found}
    return [
        f"{path.parent.name}/{path.name} has no source: delete it, or bring source/{path.stem}.py back"
        for path in sorted([*top.glob("*.ipynb"), *(top / "solutions").glob("*.ipynb")])
        if path.stem not in known
    ]


def build_command(source: Path) -> str:
    """Name the command that builds a source.

    Parameters
    ----------
    source : pathlib.Path
        As for :func:`build`.

    Returns
    -------
    str
        ``vigilant build NN_topic``; a companion is built with all others, by ``vigilant build``.
    """
    return "vigilant build" if _is_companion(source) else f"vigilant build {source.stem}"


def _is_companion(source: Path) -> bool:
    return source.parent.parent.name == "companions"


def _made(source: Path) -> dict[Path, Any]:
    """All notebooks of a source, and where they belong."""
    if _is_companion(source):
        return {companion_path(source): companion(source)}
    return {student_path(source): student(source), solution_path(source): solution(source)}


def _read(source: Path) -> Any:
    try:
        read = jupytext.read(source, fmt="py:percent")
    except FileNotFoundError:
        raise CourseError(f"{source} is missing") from None
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": dict(_KERNEL), "language_info": {"name": "python"}},
    )
    seen: Counter[str] = Counter()
    for position, cell in enumerate(read.cells, start=1):
        for problem in markers.problems(cell):
            raise CourseError(f"{source.name}, cell {position}: {problem}")
        # jupytext notes blank lines for its way back to text, which these files never take.
        cell.metadata.pop("lines_to_next_cell", None)
        if CHECK in tags(cell) or _makes_titles(cell):
            cell.metadata["jupyter"] = {"source_hidden": True}  # JupyterLab shows a bar in its place; it runs as ever
        cell.id = _identifier(cell, seen)
        notebook.cells.append(cell)
    return notebook


def _makes_titles(cell: Any) -> bool:
    """Whether a cell holds nothing but functions that make a title: how a sentence is put together teaches nobody."""
    if cell.cell_type != "code" or cell.source.lstrip().startswith(("%", "!")):
        return False
    body = ast.parse(cell.source).body
    return bool(body) and all(isinstance(node, ast.FunctionDef) and node.name.endswith("_title") for node in body)


def _identifier(cell: Any, seen: Counter[str]) -> str:
    content = json.dumps([cell.cell_type, cell.source, cell.metadata], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _digest(notebook: Any) -> str:
    content = json.dumps([[cell.cell_type, cell.source] for cell in notebook.cells])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _signed(notebook: Any) -> Any:
    notebook.metadata["vigilant"] = {"made": _digest(notebook)}
    return notebook


def _is_edited(notebook: Any) -> bool:
    return notebook.metadata.get("vigilant", {}).get("made") != _digest(notebook)


def _read_made(path: Path) -> Any:
    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, AttributeError) as error:
        reason = str(error).splitlines()[0][:120]
        raise CourseError(
            f"{path} is not a notebook ({reason}). Delete it and run 'vigilant build {path.stem}'."
        ) from None


def _text(notebook: Any) -> str:
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def _checked(notebook: Any) -> list[tuple[int, Any]]:
    """List the cells with a compared output, each with its place in the notebook, counted from 1."""
    return [
        (position, cell)
        for position, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code" and CHECKED_OUTPUT in tags(cell)
    ]


def _number(notebook: Any) -> None:
    """Give the cells with a stored output the execution count of a clean run, and the others none.

    nbval compares only cells that have a count.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count if cell.outputs else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count


def _carry_outputs(existing: Any, notebook: Any) -> None:
    before = {cell.id: cell for _, cell in _checked(existing)}
    for _, cell in _checked(notebook):
        if cell.id in before:
            cell.outputs = copy.deepcopy(before[cell.id].outputs)
    _number(notebook)


def _comparable(outputs: list[Any], where: str) -> list[Any]:
    kept = []
    for output in copy.deepcopy(outputs):
        if output.output_type == "error" or output.get("name") == "stderr":
            raise CourseError(
                f"{where} is tagged {CHECKED_OUTPUT!r} and wrote to stderr: print the number in a cell of its own"
            )
        if "data" in output:
            # Pictures differ from machine to machine and are never compared.
            output.data = {kind: data for kind, data in output.data.items() if not kind.startswith("image/")}
        output.pop("metadata", None) if output.output_type == "stream" else output.update(metadata={})
        kept.append(output)
    if not any(output.get("text") or output.get("data", {}).get("text/plain") for output in kept):
        raise CourseError(f"{where} is tagged {CHECKED_OUTPUT!r} but has no text output: there is nothing to compare")
    return kept


def _stored(made: Any, is_solution: bool) -> list[str]:
    problems, last, code = [], 0, 0
    for position, cell in enumerate(made.cells, start=1):
        if cell.cell_type != "code":
            continue
        code += 1
        may_store = is_solution and CHECKED_OUTPUT in tags(cell)
        if cell.outputs and not may_store:
            problems.append(f", cell {position}: stored outputs; outputs stay only in tagged cells of solutions")
        if may_store and not cell.outputs:
            problems.append(f", cell {position}: no checked output yet; run 'vigilant run --solutions --outputs'")
        if cell.execution_count is None:
            continue
        if cell.execution_count <= last:
            problems.append(
                f", cell {position}: run out of order, its execution count {cell.execution_count} follows {last}"
            )
        elif not cell.outputs or cell.execution_count != code:
            problems.append(f", cell {position}: stored execution count {cell.execution_count} of somebody's run")
        last = cell.execution_count
    return problems


def _differences(made: Any, expected: Any, source: Path) -> list[str]:
    advice = f"; edit {source.parent.name}/{source.name} and run '{build_command(source)}'"
    problems = []
    if made.metadata != expected.metadata:
        problems.append(f": other notebook metadata than its source gives{advice}")
    if len(made.cells) != len(expected.cells):
        problems.append(f": {len(made.cells)} cells where the source gives {len(expected.cells)}{advice}")
    for position, (have, want) in enumerate(zip(made.cells, expected.cells, strict=False), start=1):
        if (have.cell_type, have.source) != (want.cell_type, want.source):
            problems.append(f", cell {position}: differs from the source{advice}")
            break  # one changed line moves every id after it: the first difference is the one to look at
        if have.metadata != want.metadata or have.get("id") != want.id:
            problems.append(f", cell {position}: other tags, metadata or id than the source gives{advice}")
            break
    return problems
