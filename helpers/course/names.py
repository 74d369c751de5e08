"""What the cells of a notebook call by which name, read without running them.

A student runs cells again, in an order of their own. That works as long as a name means one thing in a notebook and no
cell changes what another has made; both can mostly be seen in the text. What cannot be seen (two names for one object,
a function of a library that changes its argument) is left to the solution's doubled run.
"""

from __future__ import annotations

import ast
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Methods that change the object they are called on, whatever it is: lists, dicts, sets, tables, models.
CHANGING_METHODS = {
    *("append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "setdefault", "sort", "reverse"),
    *("add", "discard", "fill"),
    *("fit", "fit_transform", "partial_fit", "compile", "set_weights", "load_weights", "train_on_batch"),
}
# What is called with a function and keeps it for later; any other call is taken to use it at once.
KEEPS_FUNCTIONS = {"redrawn", "observe", "on_click", "interact", "interactive", "interactive_output"}
USED_UP = {"a random generator", "an iterator"}
FROM_MODULE = "a module or what one holds"

_BUILTINS = {
    **dict.fromkeys(("len", "int", "float", "round", "abs", "sum"), "a number"),
    **dict.fromkeys(("list", "sorted"), "a list"),
    **dict.fromkeys(("str", "repr", "format"), "a text"),
    **dict.fromkeys(("iter", "zip", "map", "filter", "reversed", "enumerate"), "an iterator"),
    **{"dict": "a dict", "set": "a set", "frozenset": "a set", "tuple": "a tuple", "range": "a range"},
}
_ARRAYS = (
    *("array", "asarray", "arange", "linspace", "zeros", "ones", "full", "eye", "zeros_like", "ones_like", "full_like"),
    *("stack", "concatenate", "column_stack", "flatnonzero", "argsort", "sort", "clip", "where", "bincount"),
)
_LIBRARIES = {
    **dict.fromkeys(("np.random.default_rng", "np.random.RandomState", "random.Random"), "a random generator"),
    **{f"np.{name}": "an array" for name in _ARRAYS},
    **{"pd.DataFrame": "a table", "pd.concat": "a table", "pd.Series": "a column", "datasets.load": "a data set"},
}
_ROOMS = {"plotting": "a figure", "widgets": "a widget"}


@dataclass(frozen=True)
class Binding:
    """One place where a name is given.

    Attributes
    ----------
    kind : str or None
        What it is given to, where that can be read off ("a number", "a figure"); None where it cannot.
    made : str
        The line that makes it, without its layout; equal where two places give a name the same thing.
    """

    kind: str | None
    made: str


@dataclass
class Names:
    """What one cell does with names of the notebook.

    Attributes
    ----------
    position : int
        The cell, counted from 1.
    deeper : bool
        Whether a reader may leave the cell out.
    bound : dict of str to list of Binding
        Names that the cell gives.
    read : set of str
        Names that it takes from other cells when it runs.
    kept : set of str
        Names that its functions take from the notebook whenever they are called.
    changed : dict of str to str
        Names of other cells' things that it changes in place, with the words that do it.
    """

    position: int
    deeper: bool = False
    bound: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    read: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    changed: dict[str, str] = field(default_factory=dict)


def names_of(position: int, tree: ast.Module, *, deeper: bool = False) -> Names:
    """Read which names a cell gives, takes and changes.

    Parameters
    ----------
    position : int
        The cell, counted from 1.
    tree : ast.Module
        Its code.
    deeper : bool
        Whether a reader may leave it out.

    Returns
    -------
    Names
        See there.
    """
    reader = _Cell(Names(position, deeper))
    reader.visit_all(tree.body)
    return reader.names


def problems(cells: list[Names]) -> Iterator[str]:
    """Tell where cells would no longer mean the same if they were run once more, or the deeper ones left out.

    Parameters
    ----------
    cells : list of Names
        The code cells of a notebook, in order.

    Yields
    ------
    str
        One sentence for each name.
    """
    places: dict[str, list[Names]] = defaultdict(list)
    for cell in cells:
        for name in cell.bound:
            places[name].append(cell)
    for name, givers in places.items():
        yield from _given_twice(name, givers, cells)
        yield from _used_up(name, givers, cells)
    for cell in cells:
        yield from _changed(cell, places)
        yield from _leans_on_deeper(cell, places)


def _given_twice(name: str, givers: list[Names], cells: list[Names]) -> Iterator[str]:
    """Find a name with two meanings: of two kinds, or of one kind but taken by a cell that means one of them."""
    kinds = {binding.kind: cell for cell in reversed(givers) for binding in cell.bound[name] if binding.kind}
    if len({cell.position for cell in kinds.values()}) > 1:
        told = ", ".join(f"{kind} in cell {cell.position}" for kind, cell in reversed(kinds.items()))
        yield f"{name!r} is {told}: a name means one thing in a notebook, so find another for one of them"
        return
    if len({tuple(binding.made for binding in cell.bound[name]) for cell in givers}) < 2:
        return  # one cell, or the same line in each
    takers = [cell.position for cell in cells if name in cell.read | cell.kept]
    if takers:
        yield (
            f"{name!r} is given in {_cells(cell.position for cell in givers)} and taken in {_cells(takers)}: "
            "when a cell is run again it may find the wrong one, so give each its own name"
        )


def _used_up(name: str, givers: list[Names], cells: list[Names]) -> Iterator[str]:
    kinds = {binding.kind for cell in givers for binding in cell.bound[name]} & USED_UP
    takers = [cell.position for cell in cells if name in cell.read]
    if kinds and takers:
        yield (
            f"{name!r} is {min(filter(None, kinds))} of {_cells(cell.position for cell in givers)}, and "
            f"{_cells(takers)} goes on with it: run again, it finds another state, so make a new one there"
        )


def _changed(cell: Names, places: dict[str, list[Names]]) -> Iterator[str]:
    for name, words in cell.changed.items():
        others = [
            giver.position
            for giver in places[name]
            if giver is not cell and any(one.kind != FROM_MODULE for one in giver.bound[name])
        ]
        if others:
            yield (
                f"cell {cell.position}: {words} changes in place what {_cells(others)} made, so neither can be run "
                "again by itself: make a new one under a name of its own"
            )


def _leans_on_deeper(cell: Names, places: dict[str, list[Names]]) -> Iterator[str]:
    if cell.deeper:
        return
    for name in sorted(cell.read | cell.kept):
        deeper = [giver.position for giver in places[name] if giver.deeper]
        core = [giver for giver in places[name] if not giver.deeper]
        if name in cell.read:
            core = [giver for giver in core if giver.position < cell.position]
        if deeper and not core:
            yield (
                f"cell {cell.position}: takes {name!r} from {_cells(deeper)}, tagged 'deeper', which may be left out: "
                "make it in the core"
            )


def _cells(numbers: Iterable[int]) -> str:
    found = sorted(set(numbers))
    return f"cell{'s' if len(found) > 1 else ''} {', '.join(map(str, found))}"


class _Cell(ast.NodeVisitor):
    """Goes through the statements of a cell in the order in which they run."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.here: set[str] = set()  # names that this cell has given by now

    def visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    # ---- names that are given

    def give(self, name: str, kind: str | None, made: str) -> None:
        self.here.add(name)
        self.names.bound[name].append(Binding(kind, made))

    def give_target(self, target: ast.expr, value: ast.expr | None, made: str) -> None:
        """Note the names of a target, each with its own part of the value where both are written out."""
        if isinstance(target, ast.Name):
            self.give(target.id, kind_of(value), made if value is None else ast.unparse(value))
        elif isinstance(target, ast.Tuple | ast.List):
            parts: list[ast.expr | None] = [None] * len(target.elts)
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(parts):
                parts = list(value.elts)
            for one, part in zip(target.elts, parts, strict=True):
                self.give_target(one, part, made)
        elif isinstance(target, ast.Starred):
            self.give_target(target.value, ast.List([], ast.Load()), made)
        else:  # x[...] = or x.y =
            self.visit(target)
            self.change(target, f"{ast.unparse(target)} = ...")

    def change(self, node: ast.expr, words: str) -> None:
        """Note that something is changed in place, if it is a thing of another cell."""
        name = _root(node)
        if name is not None and name not in self.here:
            self.names.changed.setdefault(name, words)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.give_target(target, node.value, ast.unparse(node))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self.give_target(node.target, node.value, ast.unparse(node))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            if node.target.id not in self.here:
                self.names.read.add(node.target.id)
                self.change(node.target, ast.unparse(node))
        else:
            self.visit(node.target)
            self.change(node.target, ast.unparse(node))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.give_target(node.target, node.value, ast.unparse(node))

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            whole = origin + alias.name
            self.give(alias.asname or alias.name.split(".")[0], FROM_MODULE, f"import {whole}")

    visit_ImportFrom = visit_Import

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.change(target, ast.unparse(node))
            if not isinstance(target, ast.Name):
                self.visit(target)

    # ---- statements that hold others

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        before = set(self.here)
        self.visit_all(node.body)
        after, self.here = self.here, before
        self.visit_all(node.orelse)
        self.here &= after  # given for sure, whichever way it went

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self.give_target(node.target, None, f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}")
        self.visit_all([*node.body, *node.orelse])

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self.give_target(node.optional_vars, None, ast.unparse(node.context_expr))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.visit_all([node.type])
        if node.name:
            self.here.add(node.name)  # Python takes it away again at the end
        self.visit_all(node.body)

    # ---- functions, and what they take from the notebook

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.keep(node)
        self.give(node.name, "a class" if isinstance(node, ast.ClassDef) else "a function", ast.unparse(node))

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.keep(node)

    def keep(self, node: ast.AST) -> None:
        """Note what a function takes when it is made (defaults, decorators), and what whenever it is called."""
        inner = _Scopes(node)
        self.take(inner.at_once)
        self.names.kept |= inner.later
        for name, words in inner.changed.items():
            self.names.changed.setdefault(name, words)

    def use_at_once(self, node: ast.AST) -> None:
        inner = _Scopes(node)
        self.take(inner.at_once | inner.later)
        for name in inner.given:
            self.give(name, None, ast.unparse(node))

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = use_at_once

    # ---- names that are taken

    def take(self, names: Iterable[str]) -> None:
        self.names.read |= set(names) - self.here

    def visit_Name(self, node: ast.Name) -> None:
        self.take([node.id])

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func
        self.visit(called)
        method = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        for argument in [*node.args, *(word.value for word in node.keywords)]:
            if isinstance(argument, ast.Lambda) and method not in KEEPS_FUNCTIONS:
                self.use_at_once(argument)
            else:
                self.visit(argument)
        if isinstance(called, ast.Attribute) and _changes(node):
            self.change(called.value, f"{ast.unparse(called)}(...)")


class _Scopes:
    """What a function, class or comprehension takes from outside and gives it, as Python's own symbol table has it."""

    def __init__(self, node: ast.AST) -> None:
        outside = symtable.symtable(ast.unparse(node), "a cell", "exec")
        inside = [symbol for table in _below(outside) for symbol in table.get_symbols() if symbol.is_global()]
        self.at_once = {symbol.get_name() for symbol in outside.get_symbols() if symbol.is_referenced()}
        self.given = {symbol.get_name() for symbol in inside if symbol.is_assigned()}  # := in a comprehension
        self.later = {symbol.get_name() for symbol in inside}
        self.changed = {
            symbol.get_name(): f"global {symbol.get_name()}" for symbol in inside if symbol.is_declared_global()
        }
        for part in ast.walk(node):
            changed, words = _change_of(part)
            if changed in self.later:
                self.changed.setdefault(changed, words)


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _below(child)


def _change_of(node: ast.AST) -> tuple[str | None, str]:
    """Name the thing that an expression or statement changes in place, and the words that do it."""
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return _root(node), f"{ast.unparse(node)} = ..."
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _changes(node):
        return _root(node.func), f"{ast.unparse(node.func)}(...)"
    return None, ""


def _root(node: ast.expr) -> str | None:
    """Follow ``x[...].y`` down to ``x``."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _changes(call: ast.Call) -> bool:
    """Tell whether a method call changes its object: by its name, or because it says so."""
    in_place = any(word.arg == "inplace" and getattr(word.value, "value", None) is True for word in call.keywords)
    return in_place or (isinstance(call.func, ast.Attribute) and call.func.attr in CHANGING_METHODS)


def kind_of(value: ast.expr | None) -> str | None:
    """Read off what kind of thing an expression gives.

    Parameters
    ----------
    value : ast.expr or None
        What stands right of the equals sign.

    Returns
    -------
    str or None
        "a number", "an array", "a figure" and so on; None where the text does not say.
    """
    if isinstance(value, ast.Constant):
        return _kind_of_constant(value.value)
    if isinstance(value, ast.UnaryOp) and not isinstance(value.op, ast.Not):
        return kind_of(value.operand)
    if isinstance(value, ast.BinOp):
        sides = {kind_of(value.left), kind_of(value.right)}
        return sides.pop() if len(sides) == 1 else None
    if isinstance(value, ast.Call):
        return _kind_of_call(value)
    simple = {
        (ast.List, ast.ListComp): "a list",
        (ast.Dict, ast.DictComp): "a dict",
        (ast.Set, ast.SetComp): "a set",
        (ast.Tuple,): "a tuple",
        (ast.GeneratorExp,): "an iterator",
        (ast.JoinedStr,): "a text",
        (ast.Lambda,): "a function",
    }
    return next((kind for types, kind in simple.items() if isinstance(value, types)), None)


def _kind_of_constant(value: object) -> str | None:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    return "a number" if isinstance(value, int | float) else None


def _kind_of_call(call: ast.Call) -> str | None:
    if isinstance(call.func, ast.Name):
        return _BUILTINS.get(call.func.id)
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name | ast.Attribute):
        whole = ast.unparse(call.func)
        return _LIBRARIES.get(whole) or _ROOMS.get(whole.split(".")[0])
    return None
