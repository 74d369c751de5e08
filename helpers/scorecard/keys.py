"""The key of the code that a number was made by: it changes when that code does, and with nothing else.

A key covers the notebook (or the function that measures) and all files of this package that it reaches through its
imports. Comments, docstrings and the layout of lines do not count: they change no number.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers.cache import course_root

_PACKAGE = Path(__file__).resolve().parent.parent
_FOR_CHECKERS = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
_WITH_DOCSTRING = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def notebook_key(name: str) -> str:
    """The key of a notebook: of its code cells and of the helpers that they lean on.

    Parameters
    ----------
    name : str
        ``NN_topic``.

    Returns
    -------
    str
        16 hexadecimal digits. Where ``notebooks/source/NN_topic.py`` is not at hand, the key of the whole package.
    """
    root = course_root()
    source = None if root is None else root / "notebooks" / "source" / f"{name}.py"
    if source is None or not source.is_file():
        return code_key(_PACKAGE.rglob("*.py"))
    return code_key([source])


def code_key(files: Iterable[Path]) -> str:
    """The key of some Python files and of all files of this package that they reach through their imports.

    Parameters
    ----------
    files : iterable of pathlib.Path
        Where the code starts.

    Returns
    -------
    str
        16 hexadecimal digits, the same wherever the code is the same.
    """
    digest = hashlib.sha256()
    for path, tree in sorted(_trees(files).items(), key=lambda item: _name(item[0])):
        digest.update(f"{_name(path)}\n{_meaning(tree)}\n".encode())
    return digest.hexdigest()[:16]


def reached(files: Iterable[Path]) -> set[Path]:
    """Follow imports through this package.

    Parameters
    ----------
    files : iterable of pathlib.Path
        Where to start.

    Returns
    -------
    set of pathlib.Path
        These files, and every file of the package that one of them imports, also inside a function. Who imports a
        room reaches all of it; who imports a name from a room, the file that the name is from.
    """
    return set(_trees(files))


def _trees(files: Iterable[Path]) -> dict[Path, ast.Module]:
    found: dict[Path, ast.Module] = {}
    waiting = {Path(path).resolve() for path in files}
    while waiting:
        path = waiting.pop()
        found[path] = ast.parse(path.read_text(encoding="utf-8"))
        waiting |= {file for name in _imports(path, found[path]) for file in _files_of(name)} - found.keys()
    return found


def _name(path: Path) -> str:
    """Name a file in a way that is the same on every machine."""
    return path.relative_to(_PACKAGE.parent).as_posix() if path.is_relative_to(_PACKAGE) else path.name


def _meaning(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


def _imports(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in _that_run(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, [_above(path, node.level), node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _that_run(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, but not into what stands there for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) in _FOR_CHECKERS):
            yield child
            yield from _that_run(child)


def _above(path: Path, level: int) -> str:
    """The room that the dots of a relative import mean."""
    if not level or not path.is_relative_to(_PACKAGE):
        return ""
    return ".".join(path.parents[level - 1].relative_to(_PACKAGE.parent).parts)


def _files_of(name: str) -> Iterator[Path]:
    """The files behind ``helpers.room``, ``helpers.room.file``, ``helpers.room.file.name`` or ``helpers.room.name``."""
    package, *inner = name.split(".")
    if package != _PACKAGE.name:
        return
    room = _PACKAGE
    for part in inner:
        if (room / f"{part}.py").is_file():
            yield room / f"{part}.py"
            return
        if not (room / part / "__init__.py").is_file():
            if room != _PACKAGE:
                yield from _offered(room).get(part, room.rglob("*.py"))
            return
        room = room / part
        yield room / "__init__.py"
    if inner:
        yield from room.rglob("*.py")


def _offered(room: Path) -> dict[str, list[Path]]:
    """The file of each name that a room hands out lazily, as its stub says."""
    stub = room / "__init__.pyi"
    if not stub.is_file():
        return {}
    given = [node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: [room / f"{node.module}.py"] for node in given if node.module for alias in node.names}
