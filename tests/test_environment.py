"""The environment: one distribution of each package, and two locks that say which."""

import ast
import functools
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from helpers.course import environment
from helpers.course.environment import PLATFORMS, entries, environment_yml, pins, serve_lock
from tests import arrows
from tests.conftest import ROOT

STUDENT = (ROOT / "requirements.lock").read_text()
AUTHORS = (ROOT / "requirements-test.lock").read_text()
SERVE = (ROOT / "deploy" / "requirements.lock").read_text()
BENCH = (ROOT / "requirements-bench.lock").read_text()
SERVERS = "".join(file.read_text() for file in sorted((ROOT / "benchmarks" / "servers").glob("*.lock")))

# Distributions that put files in the same place: two of a row overwrite each other.
RIVALS = [
    ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly", "intel-tensorflow"),
    ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    ("onnxruntime", "onnxruntime-gpu"),
]


def rival_problems(installed: dict[str, str]) -> list[str]:
    """Say what is wrong with a set of installed distributions (name to version)."""
    problems = [
        f"more than one of {found}" for row in RIVALS if len(found := [name for name in row if name in installed]) > 1
    ]
    if "torch" in installed and not installed["torch"].endswith("+cpu"):
        problems.append(f"torch {installed['torch']} is not the CPU build")
    problems += [f"CUDA package {name}" for name in installed if name.startswith(("nvidia-", "cuda-", "triton"))]
    return problems


def installed_distributions() -> dict[str, str]:
    # setuptools carries copies of other packages for itself, and puts them on the path once it is imported.
    own = [dist for dist in importlib.metadata.distributions() if "_vendor" not in str(dist.locate_file(""))]
    return {re.sub("[-_.]+", "-", dist.metadata["Name"]).lower(): dist.version for dist in own}


def test_one_distribution_of_each_is_installed():
    assert rival_problems(installed_distributions()) == []


@pytest.mark.parametrize(
    ("name", "version"),
    [("tensorflow", "2.21.0"), ("opencv-python", "5.0.0.93"), ("nvidia-cublas", "13.0"), ("torch", "2.13.0")],
)
def test_a_second_distribution_would_be_noticed(name, version):
    assert rival_problems(installed_distributions() | {name: version}) != []


def test_only_one_opencv_is_on_the_path():
    owners = importlib.metadata.packages_distributions()
    assert {name.replace("_", "-") for name in owners["cv2"]} == {"opencv-python-headless"}
    assert {name.replace("_", "-") for name in owners["tensorflow"]} == {"tensorflow-cpu"}


def test_what_is_installed_is_what_the_locks_say():
    installed = installed_distributions()
    locked = pins(STUDENT) | pins(AUTHORS)
    different = {
        name: (version, installed.get(name)) for name, version in locked.items() if installed.get(name) != version
    }
    assert different == {}, "run 'make test' again, or 'make lock' after a change of pyproject.toml"


def wanted(group: str | None, system: str) -> list[Requirement]:
    """Direct dependencies of one group on one platform; of the course itself for None."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["dependencies"] if group is None else project["optional-dependencies"][group]
    every = [Requirement(text) for text in listed]
    return [one for one in every if one.marker is None or one.marker.evaluate({"sys_platform": system})]


@pytest.mark.parametrize("system", PLATFORMS)
@pytest.mark.parametrize(
    ("group", "lock"),
    [(None, STUDENT), ("hub", STUDENT), ("serve", STUDENT), ("setup", STUDENT), ("test", STUDENT + AUTHORS)],
)
def test_the_locks_hold_every_direct_dependency(group, lock, system):
    locked = pins(lock, system)
    assert [one.name for one in wanted(group, system) if not one.specifier.contains(locked.get(one.name, "0"))] == []


def test_the_packages_named_in_the_brief_are_there():
    direct = {one.name for one in wanted(None, "linux")}
    brief = {"jupyterlab", "nbval", "papermill", "tensorflow-cpu", "tf-explain", "shap", "fairlearn", "opacus", "torch"}
    assert brief | {"matplotlib"} <= direct


def test_students_get_no_tools_of_authors():
    tools = {one.name for one in wanted("test", "linux")} - {one.name for one in wanted(None, "linux")}
    assert {"mypy", "playwright", "jupyter-repo2docker", "nbgrader", "ruff"} <= tools
    # jsonschema reads notebooks and pytest runs them (nbval): the course brings both by itself.
    assert tools & {one.name for one in entries(STUDENT)} == {"jsonschema", "pytest"}
    assert {one.name for one in entries(STUDENT)} & {one.name for one in entries(AUTHORS)} == set()


@pytest.mark.parametrize(
    "lock", [STUDENT, AUTHORS, BENCH, SERVE, SERVERS], ids=["student", "authors", "bench", "serve", "servers"]
)
def test_every_line_of_a_lock_has_hashes(lock):
    found = entries(lock)
    assert [one.name for one in found if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", one.text)] == []
    assert len(found) == len(re.findall(r"^\S+==", lock, flags=re.MULTILINE))


def test_what_only_the_benchmarks_compare_with_is_nowhere_else():
    apart = {one.name for one in entries(BENCH)}
    assert apart == {"adversarial-robustness-toolbox", "dm-tree", "dp-accounting", "torchattacks"}
    assert apart & {one.name for one in entries(STUDENT + AUTHORS)} == set()


def test_servers_that_are_compared_with_ours_are_nowhere_else():
    compared = {"litserve", "bentoml", "mlserver"}
    assert compared <= {one.name for one in entries(SERVERS)}
    assert compared & {one.name for one in entries(STUDENT + AUTHORS + BENCH)} == set()


def test_the_services_lock_is_what_the_students_gives(monkeypatch):
    direct = [one.name for one in wanted("serve", "linux")]
    assert serve_lock(STUDENT, direct) == SERVE, "run 'make lock'"
    monkeypatch.setattr(environment, "VENV", Path(sys.prefix))
    assert environment._serve_group() == direct
    ours = pins(SERVE, "linux")
    assert ours.items() <= pins(STUDENT, "linux").items()
    assert {"fastapi", "starlette", "onnxruntime", "flatbuffers", "model-signing", "cryptography", "cffi"} <= set(ours)
    heavy = {"tensorflow-cpu", "torch", "keras", "onnx", "scikit-learn", "scipy", "pandas", "matplotlib", "jupyterlab"}
    assert heavy <= set(pins(STUDENT)), "misspelt"
    assert heavy & set(ours) == set()


def test_the_services_lock_brings_all_that_its_packages_ask_for():
    ours = pins(SERVE, "linux")
    asked = {
        one.name
        for name in ours
        for one in map(Requirement, importlib.metadata.requires(name) or [])
        if one.marker is None or one.marker.evaluate({"extra": "", "sys_platform": "linux"})
    }
    assert {re.sub("[-_.]+", "-", name).lower() for name in asked} - set(ours) == set()


def test_platforms_differ_in_the_builds_of_two_frameworks():
    linux, mac = pins(STUDENT, "linux"), pins(STUDENT, "darwin")
    assert dict(linux.items() - mac.items()) == {"tensorflow-cpu": mac["tensorflow"], "torch": f"{mac['torch']}+cpu"}
    assert set(mac) - set(linux) == {"tensorflow", "appnope"}
    assert rival_problems(linux | pins(AUTHORS, "linux")) == []


def test_environment_yml_is_what_the_lock_gives():
    text = (ROOT / "environment.yml").read_text()
    assert text == environment_yml(STUDENT), "run 'make lock'"
    assert "conda's pip resolves" in text
    listed = yaml.safe_load(text)["dependencies"][-1]["pip"]
    assert len(listed) == len(entries(STUDENT)), "all but one that comes later, and the index"


def test_a_changed_lock_changes_environment_yml():
    numpy = f"numpy=={pins(STUDENT)['numpy']}"
    assert environment_yml(STUDENT.replace(numpy, "numpy==1.0.0")) != environment_yml(STUDENT)


# ---- rfc3987-syntax: jsonschema imports it where it is installed, and it compiles 35 grammars: a second in the start
# of every server. It serves the formats "iri" and "iri-reference" alone, which no schema of Jupyter's uses.


def test_no_lock_holds_the_grammars_that_slow_every_start():
    assert {"rfc3987-syntax", "lark"} & {one.name for one in entries(STUDENT + AUTHORS)} == set()
    code = "import sys, jsonschema; print([one for one in ('rfc3987_syntax', 'lark') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


_FORMAT = re.compile(r"""\bformat["']?\s*:\s*["']?([a-z-]+)""")


def test_no_schema_of_jupyters_asks_for_them():
    rooms = ("jupyter_events", "jupyter_server", "jupyterhub", "jupyterlab", "jupyterlab_server", "nbformat")
    site = Path(importlib.metadata.distribution("jupyterhub").locate_file(""))
    files = [file for room in rooms for kind in ("json", "yaml", "yml") for file in (site / room).rglob(f"*.{kind}")]
    files += (Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas").rglob("*.json")
    asked = {found for file in files for found in _FORMAT.findall(file.read_text(encoding="utf-8", errors="replace"))}
    assert {"datetime", "uri"} <= asked, "nothing was read"
    assert {"iri", "iri-reference"} & asked == set()
    assert _FORMAT.findall('{"format": "iri-reference"}') == ["iri-reference"]


# ---- what a student's packages must be enough for

# Authors alone come this way: 'vigilant build' says so where it is missing.
_BY_AUTHORS = {("helpers.course.build", "nbgrader")}


owners_of = functools.cache(importlib.metadata.packages_distributions)


def foreign(names: set[str]) -> set[str]:
    """Those of the imported names that nothing in the student's lock brings."""
    owners, locked = owners_of(), set(pins(STUDENT))
    tops = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"helpers"}
    return {
        name for name in tops if not locked & {re.sub("[-_.]+", "-", owner).lower() for owner in owners.get(name, [])}
    }


def test_helpers_import_nothing_that_only_authors_have():
    tree = arrows.Tree(ROOT)
    rooms = {name: {found.target for found in imports} for name, imports in tree.imports.items()}
    found = {(name, one) for name, targets in rooms.items() if name.startswith("helpers") for one in foreign(targets)}
    assert found == _BY_AUTHORS


def imported(source: str, **more: tuple[int, int]) -> set[str]:
    """Names of the modules that a source imports."""
    nodes = list(ast.walk(ast.parse(source, **more)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


def test_notebooks_import_nothing_that_only_authors_have():
    sources = sorted((ROOT / "notebooks" / "source").glob("*.py"))
    assert len(sources) >= 6
    assert {file.name: foreign(imported(file.read_text(encoding="utf-8"))) for file in sources} == {
        file.name: set() for file in sources
    }
    assert foreign(imported("import captum.attr\nfrom numpy import linalg")) == {"captum"}


def test_set_up_is_read_by_the_oldest_python():
    names = imported(Path(environment.__file__).read_text(), feature_version=(3, 9))
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    with pytest.raises(SyntaxError):
        ast.parse("match 1:\n    case 1: pass", feature_version=(3, 9))
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert ruff["per-file-target-version"]["helpers/course/environment.py"] == "py39"


# ---- a clone by Git for Windows


def test_a_clone_with_git_for_windows_default_runs_in_linux(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "-c", "core.autocrlf=true", ROOT, clone], check=True)
    done = subprocess.run([clone / "binder" / "start", "echo", "started"], capture_output=True, text=True, check=True)
    assert done.stdout == "started\n"
    for script in (".ci/run", "binder/postBuild", "binder/start"):
        subprocess.run(["bash", "-n", clone / script], check=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=clone, capture_output=True, text=True, check=True).stdout
    with_crlf = [name for name in listed.split("\0") if name and b"\r\n" in (clone / name).read_bytes()]
    assert [name for name in with_crlf if not name.endswith(".png")] == []
    changed = subprocess.run(["git", "status", "--short"], cwd=clone, capture_output=True, text=True, check=True)
    assert changed.stdout == "", "a clone is as it was committed"
