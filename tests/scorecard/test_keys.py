"""The key of the code that made a number changes with what can change the number, and with nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.scorecard import keys

PACKAGE = Path(keys.__file__).resolve().parents[1]
NOTEBOOK = "# %% [markdown]\n# Prose.\n\n# %%\nfrom toy import room\n\nprint(room.two())\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with one room, what it leans on, and a neighbour that nobody calls; and a notebook."""
    files = {
        "toy/__init__.py": "",
        "toy/alone.py": (
            "from .base import ONE\nfrom . import other\nif TYPE_CHECKING:\n    from toy import neighbour\n"
        ),
        "toy/other.py": "FIVE = 5\n",
        "toy/base.py": '"""One."""\nONE = 1  # a number\n',
        "toy/neighbour.py": "THREE = 3\n",
        "toy/room/__init__.py": "",
        "toy/room/__init__.pyi": "from .sums import two as two\nfrom .products import four as four\n",
        "toy/room/products.py": "def four():\n    return 4\n",
        "toy/room/sums.py": "def two():\n    from toy.base import ONE\n\n    return ONE + ONE\n",
        "notebooks/source/01_toy.py": NOTEBOOK,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(keys, "_PACKAGE", tmp_path / "toy")
    monkeypatch.setattr(keys, "course_root", lambda: tmp_path)
    keys.notebook_key.cache_clear()
    yield tmp_path
    keys.notebook_key.cache_clear()


def key(name="01_toy"):
    keys.notebook_key.cache_clear()
    return keys.notebook_key(name)


def edit(package, name, old, new):
    path = package / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("notebooks/source/01_toy.py", "room.two()", "room.two() + 1"),
        ("toy/room/sums.py", "ONE + ONE", "ONE * ONE"),
        ("toy/base.py", "ONE = 1", "ONE = 2"),  # reached by an import inside a function
    ],
)
def test_a_change_of_code_that_is_reached_is_a_new_key(package, name, old, new):
    before = key()
    edit(package, name, old, new)
    assert key() != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("notebooks/source/01_toy.py", "Prose.", "Other prose."),
        ("toy/base.py", '"""One."""', '"""The number one."""'),
        ("toy/base.py", "ONE = 1  # a number", "ONE = (\n    1\n)"),
        ("toy/neighbour.py", "3", "4"),
    ],
)
def test_what_changes_no_number_changes_no_key(package, name, old, new):
    before = key()
    edit(package, name, old, new)
    assert key() == before


@pytest.mark.parametrize("name", ["toy/base.py", "toy/other.py"])
def test_relative_imports_are_followed(package, name):
    before = keys.code_key([package / "toy" / "alone.py"])
    edit(package, name, " = ", " = 1 + ")
    assert keys.code_key([package / "toy" / "alone.py"]) != before


def test_an_import_for_type_checkers_is_not_followed(package):
    names = {path.name for path in keys.reached([package / "toy" / "alone.py"])}
    assert names == {"alone.py", "base.py", "other.py"}


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("from toy import room", {"__init__.py", "sums.py", "products.py", "base.py"}),
        ("from toy.room import two", {"__init__.py", "sums.py", "base.py"}),
        ("from toy.room import products", {"__init__.py", "products.py"}),
        ("from toy.room.products import four", {"__init__.py", "products.py"}),
        ("import toy.room.products", {"__init__.py", "products.py"}),
        ("from toy.room import nobody", {"__init__.py", "sums.py", "products.py", "base.py"}),
        ("from toy.base import ONE", {"base.py"}),
        ("from numpy import nan", set()),
    ],
)
def test_who_imports_a_name_leans_on_its_file_and_who_imports_a_room_on_all_of_it(package, line, files):
    source = package / "notebooks" / "source" / "02_other.py"
    source.write_text(f"{line}\n")
    assert {path.name for path in keys.reached([source])} == files | {"02_other.py"}


def test_a_file_that_moves_is_noticed(package):
    before = key()
    (package / "toy/room/sums.py").rename(package / "toy/room/others.py")
    assert key() != before


def test_where_the_source_is_not_at_hand_the_whole_package_counts(package):
    before = key("02_missing")
    edit(package, "toy/neighbour.py", "3", "4")
    assert key("02_missing") != before


def test_a_file_of_the_course_leans_on_its_rooms_and_on_what_they_lean_on():
    source = PACKAGE.parent / "notebooks" / "source" / "01_training.py"
    names = {path.relative_to(PACKAGE.parent).as_posix() for path in keys.reached([source])}
    assert names >= {f"helpers/{name}.py" for name in ("cache", "intervals", "models/training", "scorecard/records")}
    assert not any(name.startswith(("helpers/hub/", "helpers/explain/")) for name in names)


def test_the_key_is_the_same_in_another_process():
    code = "from helpers.scorecard import notebook_key; print(notebook_key('01_training'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == keys.notebook_key("01_training")
