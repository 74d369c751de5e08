"""Every public function that takes a seed refuses, at its door, what a library would refuse in the middle of a run."""

import ast
import contextlib
import dataclasses
import importlib
import inspect
from pathlib import Path

import pytest

from helpers.contracts import LARGEST_RUN_SEED, LARGEST_SEED
from tests.conftest import ROOT

ROOMS = ("models", "explain", "attacks", "fairness", "privacy")
NO_SEEDS = (-1, LARGEST_SEED + 1, 0.5, True, None)


def takes_a_seed(thing):
    made = inspect.isclass(thing) and dataclasses.is_dataclass(thing)
    return (inspect.isfunction(thing) or made) and "seed" in inspect.signature(thing).parameters


def functions():
    rooms = [importlib.import_module(f"helpers.{name}") for name in ROOMS]
    named = {f"{room.__name__}.{name}": getattr(room, name) for room in rooms for name in dir(room) if name[0] != "_"}
    return {name: thing for name, thing in named.items() if takes_a_seed(thing)}


FUNCTIONS = functions()


def ask(function, seed):
    """Call with nothing else than a seed: whoever looks at another argument first stumbles over None."""
    parameters = inspect.signature(function).parameters.values()
    required = [each.name for each in parameters if each.default is each.empty and each.kind is not each.VAR_KEYWORD]
    given = function(**{**dict.fromkeys(required), "seed": seed})
    if isinstance(given, contextlib.AbstractContextManager):
        with given:
            pass


def test_the_functions_are_found():
    assert {"helpers.models.course_cnn", "helpers.models.Recipe", "helpers.explain.shap_gradient"} <= set(FUNCTIONS)
    assert len(FUNCTIONS) > 15


@pytest.mark.parametrize("name", FUNCTIONS)
def test_refuses_seeds_at_the_door(name):
    for seed in NO_SEEDS:
        with pytest.raises(ValueError, match=f"seed must be a whole number from 0 to 4,294,967,295, got {seed!r}"):
            ask(FUNCTIONS[name], seed)


# ---- and every other room's, read from the source: whoever takes a seed checks it, or hands it to one who does

# A record refuses its own seed, and a run's was checked at the command line. The seeds of a chunk of signs (seeds) are
# asked for by doors that check, and AutoAttack's job is made by one.
_ELSEWHERE = {"Record", "Scorecard", "Outcome", "Outside", "Job", "seeds"}


def doors(files):
    """Functions and methods with a parameter ``seed``, and classes with such a field: name and code of each."""
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in [*tree.body, *(method for one in classes for method in one.body)]:
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                names = [one.arg for one in arguments if "SeedSequence" not in ast.dump(one)]
            elif isinstance(node, ast.ClassDef):
                names = [getattr(field.target, "id", "") for field in node.body if isinstance(field, ast.AnnAssign)]
            else:
                continue
            if "seed" in names:
                yield node.name, node


def hands_on(node):
    """Names of what is called with this very seed."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            if any(getattr(value, "id", getattr(value, "attr", "")) == "seed" for value in given):
                yield getattr(call.func, "id", getattr(call.func, "attr", ""))


def unguarded(files):
    """Public doors behind which nobody checks the seed."""
    found = list(doors(files))
    guarded = {"check_seed"}
    while True:
        open_doors = {name for name, node in found if not guarded & set(hands_on(node))}
        if {name for name, _ in found} - open_doors <= guarded:
            return sorted(name for name in open_doors - _ELSEWHERE if not name.startswith("_"))
        guarded |= {name for name, _ in found} - open_doors


def constants(tree):
    """The whole numbers that a notebook gives a name to."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets = getattr(node.targets[0], "elts", node.targets)
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            named = zip(targets, values, strict=False)
            found |= {t.id: v.value for t, v in named if isinstance(t, ast.Name) and isinstance(v, ast.Constant)}
    return {name: value for name, value in found.items() if type(value) is int}


def derived():
    """What the notebooks make of their seed for others: a place, an expression and the names in it, each."""
    for path in (ROOT / "notebooks" / "source").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Members, draws and repetitions that get their number elsewhere are few: a hundred of them stand for all.
        known = constants(tree)
        for call in ast.walk(tree):
            given = [*call.args, *(keyword.value for keyword in call.keywords)] if isinstance(call, ast.Call) else []
            for value in given:
                names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
                if isinstance(value, ast.BinOp) and "seed" in names:
                    yield path.stem, value, {name: known.get(name, 100) for name in names}


def test_what_notebooks_derive_from_the_largest_seed_is_a_seed():
    found = list(derived())
    assert len(found) >= 5
    for notebook, value, names in found:
        result = eval(ast.unparse(value), {}, names | {"seed": LARGEST_RUN_SEED})
        assert result <= LARGEST_SEED, f"{notebook}: {ast.unparse(value)}"


def test_every_function_that_takes_a_seed_checks_it():
    files = [
        path for path in (ROOT / "helpers").rglob("*.py") if path.parent.name != "measurements"
    ]  # asked by run_once
    assert unguarded(files) == []


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("def draw(n, seed=0):\n    return Generator(seed)", ["draw"]),
        ("def draw(n, *, seed):\n    return Generator(check_seed(seed))", []),
        ("def draw(n, seed):\n    return _draw(n, seed)\ndef _draw(n, seed):\n    check_seed(seed)", []),
        ("class Plan:\n    seed: int\n    def __post_init__(self):\n        check_seed(self.seed)", []),
        ("class Plan:\n    seed: int", ["Plan"]),
        ("def draw(seed):\n    check_seed(0)", ["draw"]),
    ],
)
def test_the_test_sees_what_it_looks_for(tmp_path, code, named):
    path = Path(tmp_path, "room.py")
    path.write_text(code)
    assert unguarded([path]) == named
