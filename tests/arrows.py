"""Reads what the rooms of the package import, and says which import runs against the order of the floors.

Nothing is executed: imports are read from the source, also those inside functions. Imports for type checkers alone
(under ``if TYPE_CHECKING``) are left out, for nothing runs them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

AXES = ("uncertainty", "explain", "attacks", "fairness", "privacy")
FLOORS = (
    ("errors", "contracts"),
    ("cache", "intervals", "progress"),
    ("datasets",),
    ("models",),
    AXES,
    ("monitoring", "scorecard"),
    ("serving", "rivals"),
    ("course", "hub"),
    ("pipeline",),
    ("cli",),
)
"""From the ground up: a room imports from the floors below its own."""

BESIDE = {("contracts", "errors"), ("hub", "course")}
"""Who may import a room of its own floor. No axis imports another: what two share lies a floor below."""

PLOTTING_IMPORTS = ("contracts", "intervals")
PLOTTING_IS_IMPORTED_BY = ("scorecard", "monitoring", "course")
"""Plotting stands beside the floors: arrays in, figures out."""

LIGHT = ("contracts", "errors", "cache", "intervals", "progress", "monitoring", "scorecard", "serving")
HEAVY = ("tensorflow", "keras", "torch", "pandas", "matplotlib")
"""What must not load when a light room is imported."""

ABOVE = ("notebooks", "tests", "benchmarks", "deploy")
"""Folders beside the package, which use it and are not used by it."""


@dataclass(frozen=True)
class Import:
    """One imported thing: ``from helpers.models import cnn`` in a file is an import of ``helpers.models.cnn``."""

    file: Path
    line: int
    target: str
    at_import: bool  # not inside a function: it runs when the file is imported

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Tree:
    """The package ``helpers`` below a folder, and all its imports by module."""

    root: Path
    imports: dict[str, list[Import]] = field(default_factory=dict)
    handed_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted((self.root / "helpers").rglob("*.py")):
            self.imports[self._module(path)] = list(_imports(path, self._package(path), self.root))
        for stub in (self.root / "helpers").rglob("__init__.pyi"):
            # A lazy room loads the module behind a name when the name is imported.
            package = self._package(stub)
            for found in _imports(stub, package, self.root):
                self.handed_out[f"{package}.{found.target.rpartition('.')[2]}"] = found.target

    def _package(self, path: Path) -> str:
        return ".".join(path.parent.relative_to(self.root).parts)

    def _module(self, path: Path) -> str:
        return self._package(path) if path.stem == "__init__" else f"{self._package(path)}.{path.stem}"

    def rooms(self) -> set[str]:
        """Names of the folders and files directly below the package."""
        return {_room(module) for module in self.imports} - {""}

    def loads(self, target: str) -> list[str]:
        """The modules of the package that an import of `target` executes, from the outermost in."""
        target = self.handed_out.get(target, target)
        parts = target.split(".")
        dotted = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
        return [module for module in dotted if module in self.imports]


def _imports(path: Path, package: str, root: Path) -> Iterator[Import]:
    for node, at_import in _statements(ast.parse(path.read_text(encoding="utf-8")), at_import=True):
        for target in _targets(node, package):
            yield Import(path.relative_to(root), node.lineno, target, at_import)


def _statements(node: ast.AST, at_import: bool) -> Iterator[tuple[ast.stmt | ast.Call, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom | ast.Call):
            yield child, at_import
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield from _statements(ast.Module([other], []), at_import)
            continue
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _statements(child, at_import and not inside)


def _targets(node: ast.stmt | ast.Call, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        origin = ".".join([*above, *([node.module] if node.module else [])])
        return [origin if alias.name == "*" else f"{origin}.{alias.name}" for alias in node.names]
    # importlib.import_module("a name that stands there"); one that is made up at run time cannot be read.
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("import_module", "importlib.import_module"):
        return [name.value for name in node.args[:1] if isinstance(name, ast.Constant) and isinstance(name.value, str)]
    return []


def _room(module: str) -> str:
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "helpers" else ""


def _floor(room: str) -> int:
    return next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)


def homeless(tree: Tree) -> list[str]:
    """Rooms that stand on no floor."""
    known = {room for floor in FLOORS for room in floor} | {"plotting"}
    return [f"helpers/{room} stands on no floor: say in FLOORS on which" for room in sorted(tree.rooms() - known)]


def arrows_back(tree: Tree) -> list[str]:
    """Imports of a room that does not lie below the importing one."""
    faults = []
    for module, imports in tree.imports.items():
        for found in imports:
            room, other = _room(module), _room(found.target)
            if other not in tree.rooms() or room == other or _may_import(room, other):
                continue
            # The package itself loads the standard library alone; what it refuses, it looks up when it refuses.
            if (room, other, found.at_import) != ("", "errors", False):
                faults.append(f"{found}: {room or 'helpers/__init__'} imports {other}, which does not lie below it")
    return faults


def _may_import(room: str, other: str) -> bool:
    if room == "":
        return False
    if room == "plotting":
        return other in PLOTTING_IMPORTS
    if other == "plotting":
        return room in PLOTTING_IS_IMPORTED_BY
    return _floor(other) < _floor(room) or (room, other) in BESIDE


def private_things(tree: Tree) -> list[str]:
    """Imports of what another room keeps to itself: a file or a name that begins with an underscore."""
    faults = []
    for module, imports in tree.imports.items():
        for found in imports:
            hidden = [part for part in found.target.split(".")[1:] if part.startswith("_") and not part.endswith("__")]
            if hidden and _room(found.target) in tree.rooms() - {_room(module)}:
                faults.append(f"{found}: {_room(module)} imports {found.target}, which is private to its room")
    return faults


def from_above(tree: Tree) -> list[str]:
    """Imports of a folder that uses the package."""
    found = [found for imports in tree.imports.values() for found in imports]
    return [f"{each}: helpers imports {each.target}" for each in found if each.target.split(".")[0] in ABOVE]


def heavy_loads(tree: Tree) -> list[str]:
    """Ways from a light room to a heavy library, along what runs at import."""
    faults = []
    for start in sorted(module for module in tree.imports if _room(module) in LIGHT):
        seen, ahead = {start}, [(start, start)]
        while ahead:
            module, way = ahead.pop()
            for found in (found for found in tree.imports[module] if found.at_import):
                if (library := found.target.split(".")[0]) in HEAVY:
                    faults.append(f"{found}: importing {way} loads {library}")
                for loaded in set(tree.loads(found.target)) - seen:
                    seen.add(loaded)
                    ahead.append((loaded, f"{way} -> {loaded}"))
    return faults


RULES = (homeless, arrows_back, private_things, from_above, heavy_loads)
