"""What a wheel of the package holds, whose the packages are that tests import, and that a warning fails a test."""

import importlib
import shutil
import subprocess
import sys
import tomllib
import warnings
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOREIGN = ("jupyterhub", "tests/jupyterhub")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names of the files in a wheel built from a copy of the checkout, with a room that nobody has listed."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-CC-BY-4.0"):
        shutil.copy(ROOT / name, tree)
    for name in ("helpers", "benchmarks", "jupyterhub"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    room = tree / "helpers" / "newest" / "corner"
    room.mkdir(parents=True)
    for name in ("__init__.py", "__init__.pyi", "names.txt"):
        (room / name).touch()
        (room.parent / name).touch()
    build = "import setuptools.build_meta as backend; backend.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=tree, check=True, capture_output=True)
    [path] = (tree / "dist").iterdir()
    with zipfile.ZipFile(path) as file:
        return tree, set(file.namelist())


def test_a_wheel_holds_every_file_of_the_package_and_no_other(wheel):
    tree, names = wheel
    expected = {path.relative_to(tree).as_posix() for path in (tree / "helpers").rglob("*") if path.is_file()}
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {"helpers/py.typed", "helpers/newest/corner/__init__.pyi", "helpers/scorecard/thresholds.yaml"} <= names


def test_every_command_leads_to_a_function():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert "vigilant" in scripts
    for target in scripts.values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("name", ["benchmarks", "helpers", "tests"])
def test_what_is_imported_is_ours(name):
    # opacus and tf-explain install packages of the first and the last name.
    assert Path(importlib.import_module(name).__file__).is_relative_to(ROOT / name)


@pytest.mark.parametrize("folder", FOREIGN)
def test_a_folder_named_like_an_installed_package_is_no_package(folder):
    assert (ROOT / folder).is_dir()
    assert not (ROOT / folder / "__init__.py").exists()
    found = importlib.import_module(Path(folder).name).__file__
    assert found is not None  # a namespace, which ours would be, has none
    assert not Path(found).is_relative_to(ROOT / folder)


def test_every_room_is_a_package():
    folders = {path.parent for path in (ROOT / "helpers").rglob("*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]


def test_a_warning_is_an_error():
    with pytest.raises(UserWarning, match="planted"):
        warnings.warn("planted", stacklevel=1)
