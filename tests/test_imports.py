"""Arrows go one way, and light rooms are light: read from the source, and tried in fresh interpreters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import arrows
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def ours():
    return arrows.Tree(ROOT)


@pytest.mark.parametrize("rule", arrows.RULES, ids=lambda rule: rule.__name__)
def test_the_rooms_keep_the_rule(ours, rule):
    assert rule(ours) == []


def test_everything_is_read(ours):
    files = {path for path in (ROOT / "helpers").rglob("*.py") if path.name != "__init__.py"}
    assert len(ours.imports) == len(files) + len({path.parent for path in files})
    assert any(found.target == "tensorflow" for found in ours.imports["helpers.models.backend"])


# ---- the reader, on trees with a fault planted in them


def planted(folder: Path, files: dict[str, str]) -> arrows.Tree:
    for name, text in files.items():
        path = folder / "helpers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for package in (path.parent, *path.parent.parents):
            if package.is_relative_to(folder / "helpers"):
                (package / "__init__.py").touch()
    return arrows.Tree(folder)


GOOD = {
    "__init__.py": "import os\ndef require():\n    from helpers.errors import CourseError\n",
    "errors.py": "class CourseError(Exception): ...\n",
    "contracts.py": "import numpy\nfrom helpers.errors import CourseError\n",
    "intervals.py": "import numpy\n",
    "models/cnn.py": "import tensorflow\nfrom helpers import contracts\nfrom helpers.models import _private\n",
    "models/_private.py": "",
    "explain/gradients.py": (
        "from typing import TYPE_CHECKING\n"
        "from helpers.models.cnn import course_cnn\n"
        "if TYPE_CHECKING:\n    from helpers import plotting, cli\n"
    ),
    "plotting/bars.py": "import matplotlib\nfrom helpers.intervals import mean\n",
    "scorecard/table.py": "def show():\n    import pandas\n    from helpers.plotting import bars\n",
    "course/run.py": "from helpers import scorecard\n",
    "hub/start.py": "from helpers.course.run import execute\n",
    "cli.py": "def main():\n    from helpers import course, hub\n",
}


def test_a_good_tree_has_no_fault(tmp_path):
    tree = planted(tmp_path, GOOD)
    assert {rule.__name__: rule(tree) for rule in arrows.RULES} == {rule.__name__: [] for rule in arrows.RULES}


@pytest.mark.parametrize(
    ("rule", "files", "fault"),
    [
        (arrows.homeless, {"tools/x.py": ""}, "helpers/tools stands on no floor: say in FLOORS on which"),
        (
            arrows.arrows_back,
            {"hub/warm.py": "from helpers import cli\n"},
            "helpers/hub/warm.py:1: hub imports cli, which does not lie below it",
        ),
        (
            arrows.arrows_back,
            {"models/late.py": "\n\ndef f():\n    def g():\n        import helpers.explain.gradients as e\n"},
            "helpers/models/late.py:5: models imports explain, which does not lie below it",
        ),
        (
            arrows.arrows_back,
            {"uncertainty/a.py": "from ..explain import gradients\n"},
            "helpers/uncertainty/a.py:1: uncertainty imports explain, which does not lie below it",
        ),
        (
            arrows.arrows_back,
            {"explain/by_name.py": "import importlib\nm = importlib.import_module('helpers.scorecard.table')\n"},
            "helpers/explain/by_name.py:2: explain imports scorecard, which does not lie below it",
        ),
        (
            arrows.arrows_back,
            {"plotting/curves.py": "from helpers.explain import gradcam\n"},
            "helpers/plotting/curves.py:1: plotting imports explain, which does not lie below it",
        ),
        (
            arrows.arrows_back,
            {"explain/figure.py": "from helpers.plotting import bars\n"},
            "helpers/explain/figure.py:1: explain imports plotting, which does not lie below it",
        ),
        (
            arrows.arrows_back,
            {"course/x.py": "from helpers.hub import start\n"},
            "helpers/course/x.py:1: course imports hub, which does not lie below it",
        ),
        (
            arrows.arrows_back,
            {"__init__.py": "from helpers.errors import CourseError\n"},
            "helpers/__init__.py:1: helpers/__init__ imports errors, which does not lie below it",
        ),
        (
            arrows.private_things,
            {"explain/borrowed.py": "from helpers.models._private import x\n"},
            "helpers/explain/borrowed.py:1: explain imports helpers.models._private.x, which is private to its room",
        ),
        (
            arrows.private_things,
            {"hub/borrowed.py": "from helpers.course.run import _kill\n"},
            "helpers/hub/borrowed.py:1: hub imports helpers.course.run._kill, which is private to its room",
        ),
        (
            arrows.from_above,
            {"course/marks.py": "def f():\n    import tests.conftest\n"},
            "helpers/course/marks.py:2: helpers imports tests.conftest",
        ),
        (
            arrows.heavy_loads,
            {
                "scorecard/__init__.py": "",
                "scorecard/frame.py": "try:\n    import pandas as pd\nexcept ImportError: ...\n",
            },
            "helpers/scorecard/frame.py:2: importing helpers.scorecard.frame loads pandas",
        ),
        (
            arrows.heavy_loads,
            {"serving/app.py": "from helpers.models import shapes\n", "models/__init__.py": "from . import cnn\n"},
            "helpers/models/cnn.py:1: importing helpers.serving.app -> helpers.models -> helpers.models.cnn "
            "loads tensorflow",
        ),
        (
            arrows.heavy_loads,
            {
                "serving/app.py": "from helpers.models import course_cnn\n",
                "models/__init__.py": "lazy\n",
                "models/__init__.pyi": "from .cnn import course_cnn\n",
            },
            "helpers/models/cnn.py:1: importing helpers.serving.app -> helpers.models.cnn loads tensorflow",
        ),
    ],
)
def test_a_planted_fault_is_found(tmp_path, rule, files, fault):
    assert fault in rule(planted(tmp_path, GOOD | files))


# ---- what really loads, whatever the source says


def loaded_by(statement: str) -> set[str]:
    code = (
        "import json, sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout)) - {"helpers"}


def test_import_helpers_loads_the_standard_library_alone():
    loaded = loaded_by("import helpers")
    assert loaded <= sys.stdlib_module_names
    assert len(loaded) <= 5, "an instant import loads next to nothing"


def test_contracts_load_what_numpy_loads():
    assert loaded_by("from helpers import contracts") <= loaded_by("import numpy, numpy.typing")


def test_no_light_room_loads_what_is_heavy(ours):
    light = [module for module in ours.imports if module.split(".")[1:2] and module.split(".")[1] in arrows.LIGHT]
    assert "helpers.scorecard" in light
    assert not loaded_by(f"import {', '.join(light)}") & {*arrows.HEAVY, "sklearn", "skimage", "shap"}


def test_rooms_load_no_training_framework_before_they_need_one():
    rooms = ("datasets", "models", "uncertainty", "explain", "attacks", "scorecard", "course", "hub", "cli")
    assert not loaded_by(f"from helpers import {', '.join(rooms)}") & {"tensorflow", "keras", "torch", "shap"}
