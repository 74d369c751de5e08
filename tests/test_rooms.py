"""How a room hands its names out: lazily, from a stub that a type checker and a reader see, and all in the same way."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api as mypy

from tests.conftest import ROOT

PACKAGES = sorted(path.parent for path in (ROOT / "helpers").glob("*/__init__.py"))
ROOMS = sorted(path.parent.name for path in (ROOT / "helpers").glob("*/__init__.pyi"))
THE_WAY = "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)"


def names_of(room: str) -> list[str]:
    tree = ast.parse((ROOT / "helpers" / room / "__init__.pyi").read_text())
    assert all(isinstance(node, ast.ImportFrom) for node in tree.body)
    return [alias.name for node in tree.body for alias in node.names]


def other_ways(path: Path) -> str:
    """What a room's first file does besides saying what lives there."""
    body = ast.parse(path.read_text()).body
    return ast.unparse(ast.Module(body[1:] if ast.get_docstring(ast.Module(body, [])) else body, []))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_room_hands_out_its_names_from_a_stub_or_has_none_to_hand_out(package):
    assert other_ways(package / "__init__.py") == (THE_WAY if package.name in ROOMS else "")


def test_no_file_takes_the_place_of_a_module():
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
            assert not (stored and ast.unparse(node.value) == "sys.modules"), f"{path}:{node.lineno}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_stub_is_there_and_listed(room):
    module, names = importlib.import_module(f"helpers.{room}"), names_of(room)
    assert [name for name in names if not hasattr(module, name)] == []
    assert sorted(names) == sorted(set(names)) == sorted(dir(module)) == sorted(module.__all__)
    with pytest.raises(AttributeError, match="no_such_thing"):
        module.no_such_thing  # noqa: B018


def test_rooms_load_their_modules_only_when_a_name_is_used():
    code = (
        f"import sys; from helpers import {', '.join(ROOMS)}\n"
        "print([name for name in sys.modules if name.count('.') > 1 and name.startswith('helpers.')])\n"
        f"from helpers.datasets import names; print('helpers.datasets.catalogue' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_a_type_checker_sees_every_name(tmp_path):
    asked = [f"helpers.{room}.{name}" for room in ROOMS for name in names_of(room)]
    lines = [f"import helpers.{room}" for room in ROOMS] + [f"reveal_type({name})" for name in asked]
    path = tmp_path / "asked.py"
    path.write_text("\n".join([*lines, "helpers.datasets.no_such_thing"]) + "\n")
    configuration = str(ROOT / "pyproject.toml")
    said, _, _ = mypy.run([str(path), "--config-file", configuration, "--cache-dir", str(ROOT / ".mypy_cache")])
    errors = [line for line in said.splitlines() if ": error:" in line]
    assert len(errors) == 1, said
    assert 'Module has no attribute "no_such_thing"' in errors[0]
    revealed = [line for line in said.splitlines() if "Revealed type is" in line]
    assert len(revealed) == len(asked)
    assert [line for line in revealed if line.endswith('"Any"')] == []
